//! New containers in the place of old ones, as a plan tells of them: in which order, what that costs, and what is left where
//! it does not work.

use std::time::Duration;

use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum};
use iac_core::provider::effect::{DataEffect, DataFate, Restart, Run, Scale, Unit, Way, other_repository};
use iac_core::provider::{Effect, PredictRequest, Prediction};
use iac_core::value::diff::FieldChange;

use super::effect;
use super::readiness::STEADY;
use super::service::{drift, replace};
use crate::inputs::{Inputs, SERVICE, ServiceInputs, UNKNOWN};
use crate::model::{Healthcheck, MountKind, Service, UpdateOrder};

/// The time that an engine gives a container to stop, unless the service says so.
pub(super) const STOP_GRACE: Duration = Duration::from_secs(10);

/// Says that there will be new containers, in which order, and what that costs.
pub(super) fn of(
    inputs: &ServiceInputs,
    request: &PredictRequest,
    old: &[ContainerInspectResponse],
    prediction: &mut Prediction,
) {
    prediction.effects.push(match inputs.completes {
        true => Effect::Run(Run {
            last: old.last().and_then(ended),
            ..effect::run(inputs, true)
        }),
        false => Effect::Restart(restart(inputs, before(request).as_ref(), old)),
    });
}

/// The service as it is recorded.
fn before(request: &PredictRequest) -> Option<ServiceInputs> {
    match Inputs::read(SERVICE, &request.recorded.as_ref()?.inputs) {
        Ok(Inputs::Service(before)) => Some(*before),
        _ => None,
    }
}

/// Tells the end of a job's last run, in words.
fn ended(container: &ContainerInspectResponse) -> Option<String> {
    let state = container.state.as_ref()?;
    match (state.status?, state.exit_code?) {
        (ContainerStateStatusEnum::EXITED, 0) => Some("completed".to_owned()),
        (ContainerStateStatusEnum::EXITED, code) => Some(format!("failed: it ended with status {code}")),
        _ => None,
    }
}

/// Predicts the replacement of a service's old containers.
fn restart(inputs: &ServiceInputs, before: Option<&ServiceInputs>, old: &[ContainerInspectResponse]) -> Restart {
    let replicas = inputs.spec.replicas();
    // Additional containers replace none.
    let count = match old.len() {
        0 => replicas,
        old => replicas.min(u32::try_from(old).unwrap_or(u32::MAX)),
    };
    let (order, because) = replace::order(&inputs.spec, old);
    let because = match before {
        Some(before) if order == UpdateOrder::StopFirst && is_new(inputs, before) => {
            Some("the old one uses the volume that is made anew".to_owned())
        }
        // Several write to it anyway.
        _ if replicas > 1 => replace::order(&without_volumes(&inputs.spec), old).1,
        _ => because,
    };
    let seconds = STEADY.as_secs();
    let is_checked = is_checked(inputs, old);
    let fails = match is_checked {
        true => "does not work".to_owned(),
        false => format!("ends within {seconds} s"),
    };
    let (way, gap, failure) = match order {
        UpdateOrder::StartFirst => (
            Way::StartFirst,
            None,
            format!("if the new one {fails}, the old one goes on"),
        ),
        UpdateOrder::StopFirst => (
            Way::OneByOne,
            (count == 1).then(|| match is_checked {
                true => "nothing serves until it is ready".to_owned(),
                false => {
                    format!("nothing serves until it runs (no health check: it counts as ready after {seconds} s)")
                }
            }),
            format!("if it {fails}, {}", what_is_left(inputs, before)),
        ),
    };
    Restart {
        unit: Unit::Container,
        count: Some(count.into()),
        way,
        because,
        stop_seconds: Some(stop_seconds(inputs, old)),
        gap,
        failure: Some(failure),
    }
}

/// True if a health check says whether the containers work: that of the definition, or that of the image of the old ones.
fn is_checked(inputs: &ServiceInputs, old: &[ContainerInspectResponse]) -> bool {
    let of_image = || {
        old.iter()
            .any(|one| one.state.as_ref().is_some_and(|state| state.health.is_some()))
    };
    let own = inputs.spec.healthcheck.as_ref().map(Healthcheck::is_on);
    own.unwrap_or_else(of_image)
}

/// The time that those which are there have to stop.
fn stop_seconds(inputs: &ServiceInputs, old: &[ContainerInspectResponse]) -> u64 {
    let own = old.iter().map(|one| one.config.as_ref()?.stop_timeout);
    let own = own.flatten().filter_map(|seconds| u64::try_from(seconds).ok()).max();
    match (own, old.is_empty()) {
        (Some(seconds), _) => seconds,
        (None, true) => inputs.spec.stop_grace_period.unwrap_or(STOP_GRACE).as_secs(),
        (None, false) => STOP_GRACE.as_secs(),
    }
}

/// Says that a container that ended is started again as it is, and since when it has not served.
pub(super) fn started_again(changes: &[FieldChange], old: &[ContainerInspectResponse]) -> Option<Effect> {
    changes.iter().find(|change| drift::is_state(change))?;
    let ends = old.iter().filter_map(drift::ended_at);
    let since = ends.max().map_or_else(String::new, |at| {
        at.strftime(", which has not served since %Y-%m-%d %H:%M UTC")
            .to_string()
    });
    Some(Effect::other(format!("the same container is started again{since}")))
}

/// A definition without its volumes.
fn without_volumes(spec: &Service) -> Service {
    Service {
        volumes: Vec::new(),
        ..spec.clone()
    }
}

/// True if a service gets a new volume of the name of one that it has.
fn is_new(inputs: &ServiceInputs, before: &ServiceInputs) -> bool {
    let volumes = inputs.spec.volumes.iter();
    let mut recreated = volumes.filter(|mount| mount.generation.as_deref() == Some(UNKNOWN));
    recreated.any(|mount| before.spec.volumes.iter().any(|other| other.source == mount.source))
}

/// The state that is left where the new containers do not work.
fn what_is_left(inputs: &ServiceInputs, before: Option<&ServiceInputs>) -> &'static str {
    let volumes = inputs.spec.volumes.iter();
    let mut written = volumes.filter(|mount| mount.kind == MountKind::Volume && !mount.read_only);
    let is_other = |before: &ServiceInputs| other_repository(&before.spec.image, &inputs.spec.image).is_some();
    match before {
        Some(before) if is_new(inputs, before) => "nothing takes its place: the old volume is deleted by then",
        Some(before) if is_other(before) && written.next().is_some() => {
            "the old one comes back, with the data as the new one left it"
        }
        _ => "the old one comes back",
    }
}

/// Says that containers come or go, where their number changes; the ones that stay are not touched for it.
pub(super) fn scaling(inputs: &ServiceInputs, request: &PredictRequest) -> Vec<Effect> {
    let Some(before) = before(request) else {
        return Vec::new();
    };
    let (from, to) = (before.spec.replicas(), inputs.spec.replicas());
    if from == to {
        return Vec::new();
    }
    let mut effects = vec![Effect::Scale(Scale {
        unit: Unit::Container,
        from: from.into(),
        to: to.into(),
        stop_seconds: Some(before.spec.stop_grace_period.unwrap_or(STOP_GRACE).as_secs()),
        instead: None,
    })];
    let shared = inputs.spec.volumes.iter().filter(|mount| {
        let is_shared = matches!(mount.kind, MountKind::Volume | MountKind::Bind) && !mount.source.is_empty();
        is_shared && !mount.read_only && to > 1 && to > from
    });
    effects.extend(shared.map(|mount| {
        let what = match mount.kind {
            MountKind::Volume => "volume",
            _ => "the path",
        };
        Effect::Data(DataEffect {
            holder: format!("{what} {} at {}", mount.source, mount.target),
            size: None,
            fate: DataFate::Shared { writers: to.into() },
        })
    }));
    effects
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn service(mut spec: Json) -> ServiceInputs {
        for (field, value) in [("project", "shop"), ("service", "db")] {
            spec[field] = value.into();
        }
        if spec["image"].is_null() {
            spec["image"] = "db:1".into();
        }
        serde_json::from_value(spec).expect("a service")
    }

    fn container(mut json: Json) -> ContainerInspectResponse {
        json["Mounts"] = json!([{"Type": "volume", "Name": "shop_data", "Destination": "/data", "RW": true}]);
        serde_json::from_value(json).expect("a container")
    }

    #[test]
    fn a_replacement_says_what_is_known_of_its_end() {
        let data = |generation: &str| json!([{"type": "volume", "source": "shop_data", "target": "/data", "generation": generation}]);
        let before = service(json!({"volumes": data("1")}));
        let unchecked = "stops 1 container (up to 5 s), then starts the new one (both would write to /data); nothing serves until it runs \
                         (no health check: it counts as ready after 3 s); if it ends within 3 s, ";
        let anew = "stops 1 container (up to 5 s), then starts the new one (the old one uses the volume that is made anew); nothing serves \
                    until it runs (no health check: it counts as ready after 3 s); if it ends within 3 s, ";
        let checked = "stops 1 container (up to 5 s), then starts the new one (both would write to /data); nothing serves until it is \
                       ready; if it does not work, ";
        for (after, old, start, end) in [
            (
                json!({"volumes": data("1")}),
                json!({}),
                unchecked,
                "the old one comes back",
            ),
            (
                json!({"volumes": data("1"), "healthcheck": {"test": ["CMD", "true"]}}),
                json!({}),
                checked,
                "the old one comes back",
            ),
            (
                json!({"volumes": data("1")}),
                json!({"State": {"Health": {"Status": "healthy"}}}),
                checked,
                "the old one comes back",
            ),
            (
                json!({"volumes": data(UNKNOWN)}),
                json!({}),
                anew,
                "nothing takes its place: the old volume is deleted by then",
            ),
            (
                json!({"volumes": data("1"), "image": "other:1"}),
                json!({}),
                unchecked,
                "the old one comes back, with the data as the new one left it",
            ),
        ] {
            let mut old = old;
            old["Config"] = json!({"StopTimeout": 5});
            let restart = restart(&service(after.clone()), Some(&before), &[container(old)]);
            assert_eq!(Effect::Restart(restart).text(), format!("{start}{end}"), "{after}");
        }
        let new = service(json!({"volumes": []}));
        let text = Effect::Restart(restart(&new, Some(&before), &[container(json!({}))])).text();
        assert!(
            text.ends_with(
                "connections to the old container break; if the new one ends within 3 s, the old one goes on"
            ),
            "{text}"
        );
    }
}
