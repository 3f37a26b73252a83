//! The pods of a part.

use std::collections::BTreeMap;
use std::time::Duration;

use iac_core::Output;
use iac_k8s::k8s_openapi::api::core::v1 as core;
use iac_k8s::k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use iac_k8s::k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use iac_k8s::k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use iac_k8s::restart_on;

use super::environment::{Parts, unexpanded};
use super::labels;
use crate::amount::Amounts;
use crate::container::Container;
use crate::part::{Data, Kind};
use crate::probe::{Check, Probe};
use crate::{Resources, Volume};

/// The time that a pod goes on after it was taken out of its Service: clients learn of that a little later.
const LEAVE: Duration = Duration::from_secs(5);

/// The template of a part's pods. `claims` are volumes that the workload has no templates for.
pub(super) fn template(part: &Data, mut parts: Parts, claims: Vec<core::Volume>) -> core::PodTemplateSpec {
    let restart_policy = match part.kind {
        Kind::Job | Kind::Scheduled(_) => Some("Never".to_owned()),
        _ => None,
    };
    let annotations = (!parts.reads.is_empty()).then(|| annotations(&parts.reads));
    let leave = if part.kind == Kind::Web { LEAVE } else { Duration::ZERO };
    let grace = part.container.grace() + leave;
    let scratch = (0..part.container.scratch.len()).map(|index| core::Volume {
        name: scratch(index),
        empty_dir: Some(core::EmptyDirVolumeSource::default()),
        ..core::Volume::default()
    });
    let volumes: Vec<core::Volume> = claims.into_iter().chain(scratch).chain(parts.volumes.clone()).collect();
    // The container that follows on a job is the pod's own container then, and the job comes before it.
    let then = part.container.then.as_ref().zip(parts.then.take());
    let own = container(part, &part.container, &part.name.part, parts);
    let (before, containers) = match then {
        Some((then, parts)) => {
            // A namespace that takes restricted pods looks at all of their containers.
            let model = Container {
                restricted: part.container.restricted,
                ..(*then.container).clone()
            };
            (vec![own], vec![container(part, &model, then.name, *parts)])
        }
        None => (Vec::new(), vec![own]),
    };
    core::PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(labels(part)),
            annotations,
            ..ObjectMeta::default()
        }),
        spec: Some(core::PodSpec {
            // A part has no business with the API server, and no use for the variables of all Services, which would meet
            // those of its own.
            automount_service_account_token: Some(false),
            enable_service_links: Some(false),
            init_containers: some(before),
            containers,
            restart_policy,
            security_context: pod_security(&part.container),
            termination_grace_period_seconds: Some(seconds_i64(grace)),
            volumes: some(volumes),
            ..core::PodSpec::default()
        }),
    }
}

/// The name of a folder that goes with its pod.
fn scratch(index: usize) -> String {
    format!("scratch-{index}")
}

fn annotations(reads: &[Output]) -> BTreeMap<String, String> {
    restart_on(reads.iter().cloned())
}

fn container(part: &Data, model: &Container, name: &str, parts: Parts) -> core::Container {
    let ports = model.ports.iter().map(|port| core::ContainerPort {
        name: Some(port.name.clone()),
        container_port: port.number.into(),
        ..core::ContainerPort::default()
    });
    let mounts = model.volumes.iter().map(|volume| core::VolumeMount {
        name: volume.name_in(&part.name.part),
        mount_path: volume.path.clone(),
        read_only: volume.borrowed.then_some(true),
        ..core::VolumeMount::default()
    });
    let scratch = model.scratch.iter().enumerate().map(|(index, path)| core::VolumeMount {
        name: scratch(index),
        mount_path: path.clone(),
        ..core::VolumeMount::default()
    });
    core::Container {
        name: name.to_owned(),
        image: Some(model.image.clone()),
        command: words(&model.command),
        args: words(&model.args),
        env: some(parts.env),
        env_from: some(parts.env_from),
        ports: some(ports.collect()),
        readiness_probe: model.ready.as_ref().map(|probe| lower_probe(model, probe)),
        liveness_probe: part.alive.as_ref().map(|probe| lower_probe(model, probe)),
        lifecycle: (part.kind == Kind::Web).then(leave),
        resources: lower_resources(&model.resources),
        volume_mounts: some(mounts.chain(scratch).chain(parts.mounts).collect()),
        security_context: container_security(model),
        ..core::Container::default()
    }
}

fn leave() -> core::Lifecycle {
    let sleep = core::SleepAction {
        seconds: seconds_i64(LEAVE),
    };
    core::Lifecycle {
        pre_stop: Some(core::LifecycleHandler {
            sleep: Some(sleep),
            ..core::LifecycleHandler::default()
        }),
        ..core::Lifecycle::default()
    }
}

fn lower_probe(container: &Container, probe: &Probe) -> core::Probe {
    let port = |name: &Option<String>| {
        let port = container.port_of(name.as_deref());
        IntOrString::Int(port.map_or(0, |port| port.number.into()))
    };
    let mut lowered = core::Probe {
        initial_delay_seconds: (!probe.delay.is_zero()).then(|| seconds(probe.delay)),
        period_seconds: Some(seconds(probe.period)),
        timeout_seconds: Some(seconds(probe.timeout)),
        failure_threshold: Some(i32::try_from(probe.failures).unwrap_or(i32::MAX)),
        ..core::Probe::default()
    };
    match &probe.check {
        Check::Http { path, port: name } => {
            lowered.http_get = Some(core::HTTPGetAction {
                path: Some(path.clone()),
                port: port(name),
                ..core::HTTPGetAction::default()
            });
        }
        Check::Tcp { port: name } => {
            lowered.tcp_socket = Some(core::TCPSocketAction {
                port: port(name),
                ..core::TCPSocketAction::default()
            });
        }
        Check::Command(words) => {
            lowered.exec = Some(core::ExecAction {
                command: Some(words.clone()),
            });
        }
    }
    lowered
}

fn lower_resources(resources: &Resources) -> Option<core::ResourceRequirements> {
    let amounts = |amounts: &Amounts| {
        let cpu = amounts.cpu.map(|cpu| ("cpu".to_owned(), Quantity(cpu.to_string())));
        let memory = amounts
            .memory
            .map(|memory| ("memory".to_owned(), Quantity(memory.to_string())));
        let map: BTreeMap<String, Quantity> = cpu.into_iter().chain(memory).collect();
        (!map.is_empty()).then_some(map)
    };
    let (requests, limits) = (amounts(&resources.requests), amounts(&resources.limits));
    (requests.is_some() || limits.is_some()).then(|| core::ResourceRequirements {
        requests,
        limits,
        ..core::ResourceRequirements::default()
    })
}

fn pod_security(container: &Container) -> Option<core::PodSecurityContext> {
    let context = core::PodSecurityContext {
        run_as_user: container.user,
        run_as_group: container.group,
        fs_group: container.group,
        run_as_non_root: container.restricted.then_some(true),
        seccomp_profile: container.restricted.then(|| core::SeccompProfile {
            type_: "RuntimeDefault".to_owned(),
            ..core::SeccompProfile::default()
        }),
        ..core::PodSecurityContext::default()
    };
    (context != core::PodSecurityContext::default()).then_some(context)
}

fn container_security(container: &Container) -> Option<core::SecurityContext> {
    let context = core::SecurityContext {
        read_only_root_filesystem: container.read_only.then_some(true),
        allow_privilege_escalation: container.restricted.then_some(false),
        capabilities: container.restricted.then(|| core::Capabilities {
            drop: Some(vec!["ALL".to_owned()]),
            ..core::Capabilities::default()
        }),
        ..core::SecurityContext::default()
    };
    (context != core::SecurityContext::default()).then_some(context)
}

/// The claim of a volume.
pub(super) fn claim(volume: &Volume, class: Option<&str>) -> core::PersistentVolumeClaimSpec {
    let size = Quantity(volume.size.clone());
    let mode = if volume.shared {
        "ReadWriteMany"
    } else {
        "ReadWriteOnce"
    };
    core::PersistentVolumeClaimSpec {
        access_modes: Some(vec![mode.to_owned()]),
        storage_class_name: class.map(str::to_owned),
        resources: Some(core::VolumeResourceRequirements {
            requests: Some(BTreeMap::from([("storage".to_owned(), size)])),
            ..core::VolumeResourceRequirements::default()
        }),
        ..core::PersistentVolumeClaimSpec::default()
    }
}

/// The volume of a claim that another part declares.
pub(super) fn borrowed(name: &str) -> core::Volume {
    core::Volume {
        name: name.to_owned(),
        persistent_volume_claim: Some(core::PersistentVolumeClaimVolumeSource {
            claim_name: name.to_owned(),
            read_only: Some(true),
        }),
        ..core::Volume::default()
    }
}

fn words(words: &[String]) -> Option<Vec<String>> {
    some(words.iter().map(|word| unexpanded(word)).collect())
}

fn some<T>(items: Vec<T>) -> Option<Vec<T>> {
    (!items.is_empty()).then_some(items)
}

fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}

fn seconds_i64(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
