//! The steps that bring a live container to the declared state; pure.
//!
//! Only what was asked for is compared. What the engine fills in and what the image brings along is nobody's change.

use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, ContainerUpdateBody, HostConfig, RestartPolicyNameEnum,
};

use super::normal::{is_command, is_entrypoint};
use super::request::Request;
use crate::inputs::ServiceInputs;
use crate::labels;
use crate::model::Restart;

/// The step that brings a container to the declared state.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// Nothing.
    Current,
    /// Its limits or its restart rule have to be changed, which needs no new container.
    Adjust(Box<ContainerUpdateBody>),
    /// It has to be recreated, because of this.
    Replace(String),
}

/// The standing of a container towards this stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// We made it.
    Ours,
    /// It was taken over, when this was the digest of the definition.
    TakenOver(String),
    /// Docker compose made it, and it differs in this, if in anything, from the one that we would make.
    Composed(Option<&'static str>),
    /// It is somebody else's.
    Foreign,
}

/// Judges a container.
pub(crate) fn judge(
    live: &ContainerInspectResponse,
    request: &Request,
    standing: &Standing,
    image_id: &str,
) -> Verdict {
    let label = |name: &str| {
        live.config
            .as_ref()
            .and_then(|config| config.labels.as_ref()?.get(name).cloned())
    };
    let wanted = request
        .body
        .labels
        .as_ref()
        .and_then(|labels| labels.get(labels::SPEC).cloned());
    match standing {
        Standing::Foreign => return Verdict::Replace("somebody else made it".to_owned()),
        Standing::Composed(Some(what)) => {
            return Verdict::Replace(format!("docker compose made it, and it differs in its {what}"));
        }
        Standing::Composed(None) => {}
        Standing::TakenOver(digest) if Some(digest) == wanted.as_ref() => {}
        Standing::Ours if label(labels::SPEC) == wanted => {}
        Standing::TakenOver(_) | Standing::Ours => return Verdict::Replace("its definition changed".to_owned()),
    }
    if live.image.as_deref() != Some(image_id) {
        return Verdict::Replace("its image changed".to_owned());
    }
    // The digest covers no secret, so what may hold one is compared itself.
    if let Some(what) = differing_text(live, &request.body) {
        return Verdict::Replace(format!("its {what} changed"));
    }
    match adjustment(live.host_config.as_ref(), request.body.host_config.as_ref()) {
        Ok(None) => Verdict::Current,
        Ok(Some(update)) => Verdict::Adjust(Box::new(update)),
        Err(what) => Verdict::Replace(format!("{what} cannot be lifted from a container")),
    }
}

fn differing_text(live: &ContainerInspectResponse, body: &ContainerCreateBody) -> Option<&'static str> {
    let config = live.config.clone().unwrap_or_default();
    let env = config.env.unwrap_or_default();
    let labels = config.labels.unwrap_or_default();
    if body.env.iter().flatten().any(|variable| !env.contains(variable)) {
        return Some("environment");
    }
    if !is_command(body, config.cmd.as_ref()) {
        return Some("command");
    }
    if !is_entrypoint(body, config.entrypoint.as_ref()) {
        return Some("entrypoint");
    }
    let is_taken_over = !labels.contains_key(labels::SPEC);
    let same_label = |(key, value): (&String, &String)| {
        is_bookkeeping(key) || (is_taken_over && is_mark(key)) || labels.get(key) == Some(value)
    };
    if !body.labels.iter().flatten().all(same_label) {
        return Some("labels");
    }
    let test = |config: Option<bollard::models::HealthConfig>| config.and_then(|check| check.test);
    if test(body.healthcheck.clone()).is_some_and(|wanted| test(config.healthcheck) != Some(wanted)) {
        return Some("health check");
    }
    None
}

/// Labels that say how a container came about, and not what it is. Of those of an earlier version, none has the stack's id.
fn is_bookkeeping(label: &str) -> bool {
    matches!(
        label,
        labels::DEPENDS_ON | labels::IMAGE | labels::NUMBER | labels::STACK_ID
    )
}

/// Labels that only a container of ours has, or has with another value.
fn is_mark(label: &str) -> bool {
    matches!(label, labels::STACK | labels::SPEC | labels::CONFIG_HASH)
}

/// The update that gives a container its limits; an error names a limit that cannot be lifted in place.
fn adjustment(
    live: Option<&HostConfig>,
    wanted: Option<&HostConfig>,
) -> Result<Option<ContainerUpdateBody>, &'static str> {
    let (Some(live), Some(wanted)) = (live, wanted) else {
        return Ok(None);
    };
    let mut update = ContainerUpdateBody::default();
    let set = |live: Option<i64>| live.filter(|value| *value > 0);
    let change = |what, live: Option<i64>, wanted: Option<i64>| match (set(live), set(wanted)) {
        (live, wanted) if live == wanted => Ok(None),
        (_, Some(wanted)) => Ok(Some(wanted)),
        (_, None) => Err(what),
    };
    update.memory = change("a memory limit", live.memory, wanted.memory)?;
    // The engine refuses a memory limit above the one for memory and swap, which it sets to twice the former by itself.
    let swap = |memory: i64| wanted.memory_swap.unwrap_or_else(|| memory.saturating_mul(2));
    update.memory_swap = update.memory.map(swap);
    update.memory_reservation = change(
        "a memory reservation",
        live.memory_reservation,
        wanted.memory_reservation,
    )?;
    update.nano_cpus = change("a processor limit", live.nano_cpus, wanted.nano_cpus)?;
    update.cpu_shares = change("a processor share", live.cpu_shares, wanted.cpu_shares)?;
    update.pids_limit = change("a limit of processes", live.pids_limit, wanted.pids_limit)?;
    let cpuset = |config: &HostConfig| config.cpuset_cpus.clone().unwrap_or_default();
    if cpuset(live) != cpuset(wanted) {
        update.cpuset_cpus = Some(wanted.cpuset_cpus.clone().ok_or("a set of cores")?);
    }
    if restart_of(live) != restart_of(wanted) {
        update.restart_policy.clone_from(&wanted.restart_policy);
    }
    Ok((update != ContainerUpdateBody::default()).then_some(update))
}

/// A restart rule in compose's words.
pub(super) fn restart_of(config: &HostConfig) -> Restart {
    let policy = config.restart_policy.clone().unwrap_or_default();
    let times = policy
        .maximum_retry_count
        .and_then(|times| u32::try_from(times).ok())
        .filter(|times| *times > 0);
    match policy.name {
        Some(RestartPolicyNameEnum::ALWAYS) => Restart::Always,
        Some(RestartPolicyNameEnum::UNLESS_STOPPED) => Restart::UnlessStopped,
        Some(RestartPolicyNameEnum::ON_FAILURE) => Restart::OnFailure(times),
        _ => Restart::No,
    }
}

/// The networks that a container has to be in and is not, by name; `ids` are the networks' IDs where they are known.
pub(crate) fn missing_networks(live: &ContainerInspectResponse, inputs: &ServiceInputs) -> Vec<String> {
    let joined = live
        .network_settings
        .as_ref()
        .and_then(|settings| settings.networks.clone())
        .unwrap_or_default();
    let wanted = inputs.spec.networks.values();
    let missing = wanted.filter(|attachment| match joined.get(&attachment.network) {
        None => true,
        Some(endpoint) => match (&attachment.network_id, endpoint.network_id.as_deref()) {
            // A container that has not been started yet does not know the ID.
            (Some(wanted), Some(live)) => !live.is_empty() && wanted != crate::inputs::UNKNOWN && wanted != live,
            _ => false,
        },
    });
    missing.map(|attachment| attachment.network.clone()).collect()
}
