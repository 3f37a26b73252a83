//! Whether a container does its work, from what the engine says of it; pure.

use std::time::Duration;

use bollard::models::{
    ContainerInspectResponse, ContainerState, ContainerStateStatusEnum as Status, HealthStatusEnum as Health,
};
use iac_core::provider::Readiness;

use crate::inputs::ServiceInputs;
use crate::model::{Healthcheck, Restart};
use crate::provider::service::containers::name_of;

/// For how long a container without a health check has to stay up before it counts as one that works.
pub(crate) const STEADY: Duration = Duration::from_secs(3);

/// After how many restarts, each of which ended quickly, a container counts as one that will never run.
const MANY_RESTARTS: i64 = 3;

/// A run that took longer is no crash: the engine begins to count again after it as well.
const QUICK: Duration = Duration::from_secs(10);

/// The behaviour that is expected of a container.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    /// True if it does its work by ending with status 0.
    pub(crate) completes: bool,
    /// True if its definition has a health check, so that it does no work once it has ended. The check of an image says
    /// nothing of this: a migration may run in the image of a server.
    pub(crate) checked: bool,
    /// When the engine starts it again.
    pub(crate) restart: Restart,
}

impl Expected {
    pub(crate) fn of(inputs: &ServiceInputs) -> Self {
        Self {
            completes: inputs.completes,
            checked: inputs.spec.healthcheck.as_ref().is_some_and(Healthcheck::is_on),
            restart: inputs.spec.restart_rule(),
        }
    }
}

/// True if a container has done its work and ended with status 0, and nothing is to start it again. One whose definition
/// has a health check is there to stay.
pub(crate) fn has_finished(container: &ContainerInspectResponse, expected: Expected) -> bool {
    let state = container.state.clone().unwrap_or_default();
    let may_end = match expected.restart {
        Restart::No | Restart::OnFailure(_) => !expected.checked,
        Restart::Always | Restart::UnlessStopped => false,
    };
    state.status == Some(Status::EXITED) && state.exit_code == Some(0) && (expected.completes || may_end)
}

/// For how long a container ran the last time.
fn ran_for(state: &ContainerState) -> Option<Duration> {
    let time = |text: &Option<String>| text.as_ref()?.parse::<jiff::Timestamp>().ok();
    let (from, to) = (time(&state.started_at)?, time(&state.finished_at)?);
    to.duration_since(from).try_into().ok()
}

/// Judges one container.
pub(crate) fn judge(container: &ContainerInspectResponse, expected: Expected) -> Readiness {
    let state = container.state.clone().unwrap_or_default();
    let restarts = container.restart_count.unwrap_or_default();
    match state.status.unwrap_or(Status::EMPTY) {
        Status::RUNNING if expected.completes => Readiness::Pending("running".to_owned()),
        Status::RUNNING => running(&state),
        _ if has_finished(container, expected) => Readiness::Ready,
        Status::EXITED | Status::DEAD => exited(&state, expected),
        // A container that works for a while and ends well is started again, as it is meant to be.
        Status::RESTARTING if state.exit_code == Some(0) && !is_quick(&state) => Readiness::Ready,
        Status::RESTARTING if restarts >= MANY_RESTARTS && is_quick(&state) => Readiness::Failed {
            reason: format!(
                "it was restarted {restarts} times, and ended at once with {}",
                ending(&state)
            ),
            terminal: true,
        },
        Status::RESTARTING => Readiness::Pending(format!("restarting: it ended with {}", ending(&state))),
        Status::PAUSED => Readiness::Failed {
            reason: "it is paused".to_owned(),
            terminal: false,
        },
        other => Readiness::Pending(other.to_string()),
    }
}

/// True if the last run was so short that it was none.
fn is_quick(state: &ContainerState) -> bool {
    ran_for(state).is_none_or(|time| time < QUICK)
}

fn running(state: &ContainerState) -> Readiness {
    match state.health.as_ref().and_then(|health| health.status) {
        None | Some(Health::NONE | Health::EMPTY | Health::HEALTHY) => Readiness::Ready,
        Some(Health::STARTING) => Readiness::Pending("running, not healthy yet".to_owned()),
        Some(Health::UNHEALTHY) => Readiness::Failed {
            reason: "it is unhealthy".to_owned(),
            terminal: true,
        },
    }
}

fn exited(state: &ContainerState, expected: Expected) -> Readiness {
    let comes_back = match expected.restart {
        Restart::Always | Restart::UnlessStopped => true,
        Restart::OnFailure(_) | Restart::No => false,
    };
    // One that somebody stopped is not started again by the engine, though its rule says always.
    let reason = format!("it ended with {}", ending(state));
    Readiness::Failed {
        reason,
        terminal: !comes_back,
    }
}

/// Tells the end of a container, in words.
pub(crate) fn ending(state: &ContainerState) -> String {
    let code = state.exit_code.unwrap_or_default();
    let mut text = format!("exit status {code}");
    if state.oom_killed == Some(true) {
        text.push_str(" (it used more memory than it may)");
    }
    if let Some(error) = state.error.as_ref().filter(|error| !error.is_empty()) {
        text = format!("{text}: {error}");
    }
    text
}

/// All containers of a service together.
pub(crate) fn judge_all(containers: &[ContainerInspectResponse], inputs: &ServiceInputs) -> Readiness {
    let wanted = inputs.spec.replicas() as usize;
    let expected = Expected::of(inputs);
    let mut ready = 0;
    let mut pending = String::new();
    for container in containers {
        match judge(container, expected) {
            Readiness::Ready => ready += 1,
            Readiness::Pending(why) => pending = why,
            Readiness::Spent(reason) => return Readiness::Spent(format!("{}: {reason}", name_of(container))),
            Readiness::Failed { reason, terminal } => {
                let name = name_of(container);
                return Readiness::Failed {
                    reason: format!("{name}: {reason}"),
                    terminal,
                };
            }
        }
    }
    match () {
        () if ready >= wanted => Readiness::Ready,
        () if wanted == 1 && !pending.is_empty() => Readiness::Pending(pending),
        () if pending.is_empty() => Readiness::Pending(format!("{ready} of {wanted} ready")),
        () => Readiness::Pending(format!("{ready} of {wanted} ready, another one {pending}")),
    }
}

#[cfg(test)]
mod tests {
    use bollard::models::Health as HealthState;
    use serde_json::json;

    use super::*;

    fn container(status: Status, health: Option<Health>, exit_code: i64, restarts: i64) -> ContainerInspectResponse {
        ContainerInspectResponse {
            restart_count: Some(restarts),
            state: Some(ContainerState {
                status: Some(status),
                exit_code: Some(exit_code),
                health: health.map(|status| HealthState {
                    status: Some(status),
                    ..HealthState::default()
                }),
                ..ContainerState::default()
            }),
            ..ContainerInspectResponse::default()
        }
    }

    #[test]
    fn the_table_of_states() {
        let service = Expected {
            completes: false,
            checked: false,
            restart: Restart::No,
        };
        let server = Expected {
            checked: true,
            ..service
        };
        let retried = Expected {
            restart: Restart::OnFailure(Some(2)),
            ..service
        };
        let always = Expected {
            restart: Restart::Always,
            ..service
        };
        let job = Expected {
            completes: true,
            ..service
        };
        let table = [
            (service, Status::CREATED, None, 0, 0, "pending"),
            (service, Status::RUNNING, None, 0, 0, "ready"),
            (service, Status::RUNNING, Some(Health::NONE), 0, 0, "ready"),
            (service, Status::RUNNING, Some(Health::STARTING), 0, 0, "pending"),
            (service, Status::RUNNING, Some(Health::HEALTHY), 0, 0, "ready"),
            (service, Status::RUNNING, Some(Health::UNHEALTHY), 0, 0, "failed"),
            (service, Status::EXITED, None, 0, 0, "ready"),
            (service, Status::EXITED, Some(Health::STARTING), 0, 0, "ready"),
            (service, Status::EXITED, Some(Health::UNHEALTHY), 0, 0, "ready"),
            (server, Status::EXITED, Some(Health::HEALTHY), 0, 0, "failed"),
            (retried, Status::EXITED, None, 0, 1, "ready"),
            (retried, Status::EXITED, None, 3, 2, "failed"),
            (retried, Status::RESTARTING, None, 3, 1, "pending"),
            (always, Status::EXITED, None, 0, 0, "failing"),
            (always, Status::RESTARTING, None, 0, 3, "failed"),
            (service, Status::EXITED, None, 1, 0, "failed"),
            (service, Status::DEAD, None, 0, 0, "failed"),
            (service, Status::PAUSED, None, 0, 0, "failing"),
            (always, Status::EXITED, None, 137, 0, "failing"),
            (always, Status::RESTARTING, None, 1, 1, "pending"),
            (always, Status::RESTARTING, None, 1, 3, "failed"),
            (job, Status::CREATED, None, 0, 0, "pending"),
            (job, Status::RUNNING, None, 0, 0, "pending"),
            (job, Status::RUNNING, Some(Health::HEALTHY), 0, 0, "pending"),
            (job, Status::EXITED, None, 0, 0, "ready"),
            (job, Status::EXITED, None, 3, 0, "failed"),
        ];
        for (expected, status, health, code, restarts, wanted) in table {
            let found = match judge(&container(status, health, code, restarts), expected) {
                Readiness::Pending(_) => "pending",
                Readiness::Ready => "ready",
                Readiness::Failed { terminal: true, .. } => "failed",
                Readiness::Failed { terminal: false, .. } => "failing",
                Readiness::Spent(_) => "spent",
            };
            assert_eq!(found, wanted, "{expected:?} {status} {health:?} {code} {restarts}");
        }
    }

    #[test]
    fn a_health_check_of_the_definition_says_that_a_service_is_there_to_stay() {
        for (definition, checked) in [
            (json!({}), false),
            (json!({"ports": [{"target": 80, "published": 8080}]}), false),
            (json!({"healthcheck": {"test": ["CMD", "true"]}}), true),
            (json!({"healthcheck": {"interval": "1s"}}), true),
            (json!({"healthcheck": {"test": ["NONE"]}}), false),
            (json!({"healthcheck": {"disable": true}}), false),
        ] {
            let mut inputs = definition.clone();
            for (field, value) in [("project", "shop"), ("service", "seed"), ("image", "app:1")] {
                inputs[field] = value.into();
            }
            let inputs: ServiceInputs = serde_json::from_value(inputs).expect("a service");
            assert_eq!(Expected::of(&inputs).checked, checked, "{definition}");
        }
    }

    #[test]
    fn what_works_for_a_while_before_it_ends_is_no_crash_loop() {
        let always = Expected {
            completes: false,
            checked: false,
            restart: Restart::Always,
        };
        for (seconds, code, expected) in [(1, 1, "failed"), (1, 0, "failed"), (30, 0, "ready"), (30, 1, "pending")] {
            let mut container = container(Status::RESTARTING, None, code, 7);
            let state = container.state.get_or_insert_default();
            state.started_at = Some("2026-01-01T23:59:59.5Z".to_owned());
            let end = "2026-01-01T23:59:59.5Z".parse::<jiff::Timestamp>().expect("a time");
            state.finished_at = Some((end + Duration::from_secs(seconds)).to_string());
            let found = match judge(&container, always) {
                Readiness::Ready => "ready",
                Readiness::Failed { terminal: true, .. } => "failed",
                _ => "pending",
            };
            assert_eq!(found, expected, "{seconds} s, status {code}");
        }
    }
}
