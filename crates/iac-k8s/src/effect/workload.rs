//! The fate of the pods of a Deployment, StatefulSet or DaemonSet.

use iac_core::provider::effect::{Restart, Scale, Transition, Unit, Way, other_repository};
use iac_core::provider::{Effect, Phase};
use iac_core::{FieldPath, Value};

use super::{Seen, containers, selection, text};

/// The time in which a pod has to stop unless its object says so.
const GRACE_SECONDS: u64 = 30;
/// The share of pods that a Deployment may have more, and may lack, unless it says so.
const QUARTER: &str = "25%";

/// The manager of what an autoscaler sets.
pub(crate) const AUTOSCALER: &str = "kube-controller-manager";

pub(super) fn of(seen: &Seen<'_>, all: &[Seen<'_>]) -> Vec<Effect> {
    if !matches!(
        seen.kind.as_str(),
        "apps/Deployment" | "apps/StatefulSet" | "apps/DaemonSet"
    ) {
        return Vec::new();
    }
    match seen.item.transition {
        Transition::Stays => Vec::new(),
        Transition::Create => begins_at(seen, all).into_iter().collect(),
        Transition::Delete => stopped(seen, all).into_iter().collect(),
        Transition::Replace => replaced(seen).into_iter().collect(),
        Transition::Update => {
            let images = other_images(seen);
            let decided = autoscaled(seen, all).into_iter().chain(scaled(seen));
            decided.chain(rolled_out(seen)).chain(images).collect()
        }
    }
}

/// The autoscaler of the plan that decides about the number of an object's pods.
fn autoscaler<'a>(seen: &Seen<'_>, all: &'a [Seen<'a>]) -> Option<&'a Seen<'a>> {
    let targets = |other: &&Seen<'_>| {
        let target = |field: &str| text(other.then(), &format!("/spec/scaleTargetRef/{field}"));
        other.kind == "autoscaling/HorizontalPodAutoscaler"
            && other.item.remains()
            && other.id.namespace == seen.id.namespace
            && (target("kind"), target("name")) == (Some(&*seen.id.kind), Some(&*seen.id.name))
    };
    all.iter().find(targets)
}

/// Says that the number of replicas is only where a new object begins.
fn begins_at(seen: &Seen<'_>, all: &[Seen<'_>]) -> Option<Effect> {
    let number = seen.then().pointer("/spec/replicas").and_then(Value::as_i64)?;
    let scaler = autoscaler(seen, all)?;
    let limit = |field: &str| scaler.then().pointer(&format!("/spec/{field}")).and_then(Value::as_i64);
    let limits = limit("maxReplicas").map_or_else(String::new, |most| {
        format!(", from {} to {most}", limit("minReplicas").unwrap_or(1))
    });
    Some(Effect::other(format!(
        "replicas: {number} is where it begins; {} decides from then on{limits}",
        scaler.name()
    )))
}

/// Says that an autoscaler sets the number of replicas, which the program sets as well: they undo each other.
fn autoscaled(seen: &Seen<'_>, all: &[Seen<'_>]) -> Option<Effect> {
    let replicas = FieldPath::fields(["spec", "replicas"]);
    let mut drift = seen.item.live?.drift.iter();
    let is_scaled = drift.any(|change| change.path == replicas && change.origin.as_deref() == Some(AUTOSCALER));
    let who = autoscaler(seen, all).map_or_else(|| "an autoscaler".to_owned(), Seen::name);
    // Where the server was asked, it is told with its limits.
    let is_named =
        |effect: &Effect| matches!(effect, Effect::Other(said) if said.message.contains(" sets spec.replicas"));
    (is_scaled && !seen.item.told.iter().any(is_named)).then(|| {
        Effect::other(format!(
            "{who} sets spec.replicas, will set its own number again, and each preview will show that: leave spec.replicas out \
             of the program to let it decide"
        ))
    })
}

/// Containers that get the image of another program.
fn other_images(seen: &Seen<'_>) -> Vec<Effect> {
    let Some((before, then)) = seen.pods() else {
        return Vec::new();
    };
    let other = |container: &Value| {
        let name = text(container, "/name")?;
        let old = containers(before).find(|old| text(old, "/name") == Some(name))?;
        let (from, to) = other_repository(text(old, "/image")?, text(container, "/image")?)?;
        Some(Effect::other(format!(
            "container {name} gets the image of another repository: {to}, not {from}"
        )))
    };
    containers(then).filter_map(other).collect()
}

/// Returns the number of pods that an object has until now; `None` for a DaemonSet whose status is not known.
fn until_now(seen: &Seen<'_>) -> Option<u64> {
    let live = seen.item.live.map_or(&Value::Null, |live| &live.outputs);
    let number = |object: &Value, pointer: &str| object.pointer(pointer)?.as_i64()?.try_into().ok();
    if seen.kind == "apps/DaemonSet" {
        return seen.field("/status/desiredNumberScheduled")?.as_i64()?.try_into().ok();
    }
    number(live, "/spec/replicas")
        .or_else(|| number(seen.before(), "/spec/replicas"))
        .or(Some(1))
}

/// Returns the number of pods that it is to have.
fn count(seen: &Seen<'_>) -> Option<u64> {
    match seen.kind.as_str() {
        "apps/DaemonSet" => until_now(seen),
        _ => Some(
            seen.field("/spec/replicas")
                .and_then(Value::as_i64)
                .unwrap_or(1)
                .try_into()
                .unwrap_or(0),
        ),
    }
}

fn stopped(seen: &Seen<'_>, all: &[Seen<'_>]) -> Option<Effect> {
    let from = until_now(seen).filter(|count| *count > 0)?;
    let scale = Scale {
        unit: Unit::Pod,
        from,
        to: 0,
        stop_seconds: grace(seen),
        instead: None,
    };
    let Some((service, others)) = selection::services(seen, all).into_iter().find_map(|service| {
        let others = selection::others(service, seen, all);
        (!others.is_empty()).then_some((service, others))
    }) else {
        return Some(Effect::Scale(scale));
    };
    let labels = selection::terms(service.then().pointer("/spec/selector").unwrap_or(&Value::Null));
    let names: Vec<String> = others.iter().map(|other| other.name()).collect();
    let (service, names) = (service.name(), names.join(", "));
    let is_waited_for = |other: &&&Seen<'_>| {
        let mut after = seen.item.waits_for.iter();
        after.any(|(key, phase)| key == other.item.key && *phase == Phase::Ready)
    };
    if let Some(successor) = others.iter().find(is_waited_for) {
        let instead = Some(format!(
            "only once the pods of {} are ready, which {service} finds as well ({labels}); if these do not become ready, the old ones \
             go on",
            successor.name()
        ));
        return Some(Effect::other(Effect::Scale(Scale { instead, ..scale }).text()));
    }
    if others
        .iter()
        .any(|other| !matches!(other.item.transition, Transition::Create | Transition::Replace))
    {
        let instead = Some(format!("{service} goes on with the pods of {names} ({labels})"));
        return Some(Effect::other(Effect::Scale(Scale { instead, ..scale }).text()));
    }
    let instead = Some(format!(
        "{service} finds the pods of {names} instead ({labels}), but nothing waits for these: until they are ready it may lead nowhere"
    ));
    Some(Effect::Scale(Scale { instead, ..scale }))
}

fn scaled(seen: &Seen<'_>) -> Option<Effect> {
    let replicas = iac_core::FieldPath::fields(["spec", "replicas"]);
    let change = seen.item.changes.iter().find(|change| change.path == replicas)?;
    let number = |value: &Option<Value>| {
        value
            .as_ref()
            .and_then(Value::as_i64)
            .unwrap_or(1)
            .try_into()
            .unwrap_or(0)
    };
    let (from, to): (u64, u64) = (number(&change.before), number(&change.after));
    (from != to).then_some(Effect::Scale(Scale {
        unit: Unit::Pod,
        from,
        to,
        stop_seconds: grace(seen),
        instead: None,
    }))
}

fn grace(seen: &Seen<'_>) -> Option<u64> {
    let seconds = seen.field("/spec/template/spec/terminationGracePeriodSeconds");
    seconds.map_or(Some(GRACE_SECONDS), |seconds| seconds.as_i64()?.try_into().ok())
}

fn replaced(seen: &Seen<'_>) -> Option<Effect> {
    let count = until_now(seen);
    if count == Some(0) {
        return None;
    }
    Some(Effect::Restart(stopped_first(seen, count, "it is made anew")))
}

/// All pods stop before the new ones start.
fn stopped_first(seen: &Seen<'_>, count: Option<u64>, because: &str) -> Restart {
    Restart {
        unit: Unit::Pod,
        count,
        way: Way::StopFirst,
        because: Some(because.to_owned()),
        stop_seconds: grace(seen),
        gap: Some(NOBODY.to_owned()),
        failure: Some(with_probe(
            seen,
            "if they do not become ready, nothing takes their place",
        )),
    }
}

const NOBODY: &str = "nothing serves until the new ones are ready";
const NOBODY_ELSE: &str = "nothing serves until it is ready";

fn rolled_out(seen: &Seen<'_>) -> Option<Effect> {
    let is_paused = |object: &Value| object.pointer("/spec/paused").and_then(Value::as_bool) == Some(true);
    if seen.kind == "apps/Deployment" && is_paused(seen.before()) && !is_paused(seen.then()) {
        return Some(Effect::other(
            "it is resumed: what changed of its pods while it was paused is rolled out",
        ));
    }
    let count = count(seen);
    if !seen.changes_pods() || count == Some(0) {
        return None;
    }
    if is_paused(seen.then()) {
        return Some(Effect::other(
            "its pods stay as they are until it is resumed: it is paused",
        ));
    }
    if seen.field("/spec/updateStrategy/type").and_then(Value::as_str) == Some("OnDelete") {
        return Some(Effect::other(
            "its pods stay as they are until somebody deletes them: its update strategy is OnDelete",
        ));
    }
    let partition = seen.field("/spec/updateStrategy/rollingUpdate/partition");
    let partition: u64 = partition.and_then(Value::as_i64).unwrap_or(0).try_into().unwrap_or(0);
    let total = count.unwrap_or(1);
    if seen.kind == "apps/StatefulSet" && partition >= total {
        return Some(Effect::other(format!(
            "its pods stay as they are: its update strategy begins with pod {partition}, which there is not"
        )));
    }
    if seen.kind == "apps/StatefulSet" && partition > 0 {
        return Some(Effect::other(format!(
            "its pods from number {partition} on are replaced, one at a time; the others stay"
        )));
    }
    Some(Effect::Restart(match seen.kind.as_str() {
        "apps/Deployment" => of_deployment(seen, total),
        "apps/StatefulSet" => of_set(seen, total),
        _ => of_daemons(seen, count),
    }))
}

fn of_deployment(seen: &Seen<'_>, count: u64) -> Restart {
    if seen.field("/spec/strategy/type").and_then(Value::as_str) == Some("Recreate") {
        return stopped_first(seen, Some(count), "strategy Recreate");
    }
    let share = |field: &str, rounds_up: bool| {
        let value = seen.field(&format!("/spec/strategy/rollingUpdate/{field}"));
        value.map_or_else(
            || of_share(&Value::from(QUARTER), count, rounds_up),
            |value| of_share(value, count, rounds_up),
        )
    };
    let (surge, mut unavailable) = (share("maxSurge", true), share("maxUnavailable", false));
    // The controller does not let a rollout stand still.
    if surge == 0 && unavailable == 0 {
        unavailable = 1;
    }
    let unavailable = unavailable.min(count);
    Restart {
        unit: Unit::Pod,
        count: Some(count),
        way: Way::Rolling { surge, unavailable },
        because: None,
        stop_seconds: grace(seen),
        gap: (unavailable == count).then(|| "all of them may be missing for a while".to_owned()),
        failure: Some(rollout_failure(seen)),
    }
}

/// Tells what is left of a rolling update whose new pods do not work.
fn rollout_failure(seen: &Seen<'_>) -> String {
    match is_probed(seen) {
        true => "if the new ones do not become ready, the old ones go on".to_owned(),
        false => UNPROBED.to_owned(),
    }
}

const UNPROBED: &str = "a new one counts as ready once it runs: it has no readiness probe";

/// True if a container of the new pods says when it is ready.
fn is_probed(seen: &Seen<'_>) -> bool {
    let spec = seen.pods().map_or(&Value::Null, |(_, then)| then);
    containers(spec).any(|container| container.get("readinessProbe").is_some())
}

/// The state that a failure leaves, and how a failure is noticed where nothing probes.
fn with_probe(seen: &Seen<'_>, failure: &str) -> String {
    match is_probed(seen) {
        true => failure.to_owned(),
        false => format!("{failure}; {UNPROBED}"),
    }
}

fn of_set(seen: &Seen<'_>, count: u64) -> Restart {
    Restart {
        unit: Unit::Pod,
        count: Some(count),
        way: Way::OneByOne,
        because: None,
        stop_seconds: grace(seen),
        gap: (count == 1).then(|| NOBODY_ELSE.to_owned()),
        failure: Some(with_probe(seen, &set_failure(seen, count))),
    }
}

/// Tells what is left of a StatefulSet whose new pod does not work. Its controller replaces no pod that is not ready, unless
/// all may be handled at once.
fn set_failure(seen: &Seen<'_>, count: u64) -> String {
    let others = if count > 1 {
        "the others stay as they are"
    } else {
        "nothing takes its place"
    };
    let parallel = seen.field("/spec/podManagementPolicy").and_then(Value::as_str) == Some("Parallel");
    let first = count.saturating_sub(1);
    match parallel {
        true => format!("if a new one does not become ready, {others}"),
        false => format!(
            "if a new one does not become ready, {others}; to take the change back is not enough then: its pod ({}-{first} comes \
             first) has to be deleted too",
            seen.id.name
        ),
    }
}

fn of_daemons(seen: &Seen<'_>, count: Option<u64>) -> Restart {
    let total = count.unwrap_or(1);
    let share = |field: &str, default: u64, rounds_up: bool| {
        let value = seen.field(&format!("/spec/updateStrategy/rollingUpdate/{field}"));
        value.map_or(default, |value| of_share(value, total, rounds_up))
    };
    let surge = share("maxSurge", 0, true);
    let unavailable = if surge > 0 {
        share("maxUnavailable", 0, true)
    } else {
        share("maxUnavailable", 1, true).max(1)
    };
    Restart {
        unit: Unit::Pod,
        count,
        way: Way::Rolling { surge, unavailable },
        because: None,
        stop_seconds: None,
        gap: (unavailable > 0).then(|| "each node is without it for a while".to_owned()),
        failure: None,
    }
}

/// A number, or a share of the pods in percent.
fn of_share(value: &Value, count: u64, rounds_up: bool) -> u64 {
    if let Some(number) = value.as_i64() {
        return number.try_into().unwrap_or(0);
    }
    let percent = value
        .as_str()
        .and_then(|text| text.strip_suffix('%')?.parse::<u64>().ok());
    let hundredths = percent.unwrap_or(0) * count;
    if rounds_up {
        hundredths.div_ceil(100)
    } else {
        hundredths / 100
    }
}
