//! Whether a container does its work, from what the engine says of it; pure.

use bollard::models::{
    ContainerInspectResponse, ContainerState, ContainerStateStatusEnum as Status, HealthStatusEnum as Health,
};
use iac_core::provider::Readiness;

use crate::inputs::ServiceInputs;
use crate::model::Restart;
use crate::provider::service::containers::name_of;

/// After how many restarts a container counts as one that will never run.
const MANY_RESTARTS: i64 = 5;

/// What is expected of a container.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    /// Whether it does its work by ending with status 0.
    pub(crate) completes: bool,
    /// When the engine starts it again.
    pub(crate) restart: Restart,
}

impl Expected {
    pub(crate) fn of(inputs: &ServiceInputs) -> Self {
        Self {
            completes: inputs.completes,
            restart: inputs.spec.restart_rule(),
        }
    }
}

/// Judges one container.
pub(crate) fn judge(container: &ContainerInspectResponse, expected: Expected) -> Readiness {
    let state = container.state.clone().unwrap_or_default();
    let restarts = container.restart_count.unwrap_or_default();
    match state.status.unwrap_or(Status::EMPTY) {
        Status::RUNNING if expected.completes => Readiness::Pending("running".to_owned()),
        Status::RUNNING => running(&state),
        Status::EXITED | Status::DEAD => exited(&state, expected),
        Status::RESTARTING if restarts >= MANY_RESTARTS => Readiness::Failed {
            reason: format!(
                "it was restarted {restarts} times, and ended with {} each time",
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
    let code = state.exit_code.unwrap_or_default();
    if code == 0 && expected.completes {
        return Readiness::Ready;
    }
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

/// How a container ended, in words.
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
            restart: Restart::No,
        };
        let always = Expected {
            completes: false,
            restart: Restart::Always,
        };
        let job = Expected {
            completes: true,
            restart: Restart::No,
        };
        let table = [
            (service, Status::CREATED, None, 0, 0, "pending"),
            (service, Status::RUNNING, None, 0, 0, "ready"),
            (service, Status::RUNNING, Some(Health::NONE), 0, 0, "ready"),
            (service, Status::RUNNING, Some(Health::STARTING), 0, 0, "pending"),
            (service, Status::RUNNING, Some(Health::HEALTHY), 0, 0, "ready"),
            (service, Status::RUNNING, Some(Health::UNHEALTHY), 0, 0, "failed"),
            (service, Status::EXITED, None, 0, 0, "failed"),
            (service, Status::EXITED, None, 1, 0, "failed"),
            (service, Status::DEAD, None, 0, 0, "failed"),
            (service, Status::PAUSED, None, 0, 0, "failing"),
            (always, Status::EXITED, None, 137, 0, "failing"),
            (always, Status::RESTARTING, None, 1, 1, "pending"),
            (always, Status::RESTARTING, None, 1, 5, "failed"),
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
}
