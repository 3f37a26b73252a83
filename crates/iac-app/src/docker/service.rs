//! The compose service of a part, but for its volumes, files and order.

use std::time::Duration;

use iac_compose::model::{
    Bytes, Deploy, Healthcheck, Port, ResourceSet, Resources as DeployResources, Restart, Service, UpdateConfig,
    UpdateOrder,
};

use super::{probe, schedule};
use crate::amount::Memory;
use crate::container::Container;
use crate::part::{Data, Kind};
use crate::scale::Scale;
use crate::{Environment, Probe};

/// The number of times that a failed job is tried again.
const RETRIES: u32 = 3;

/// The service of a part.
pub(super) fn service(part: &Data) -> Service {
    let container = &part.container;
    let mut service = Service {
        image: container.image.clone(),
        entrypoint: some(container.command.clone()),
        command: some(container.args.clone()),
        environment: variables(container),
        ports: ports(part),
        healthcheck: container.ready.as_ref().map(|probe| healthcheck(container, probe)),
        restart: Some(match part.kind {
            Kind::Job => Restart::OnFailure(Some(RETRIES)),
            _ => Restart::UnlessStopped,
        }),
        stop_grace_period: Some(container.grace()),
        user: user(container),
        read_only: container.read_only,
        cap_drop: container.restricted.then(|| "ALL".to_owned()).into_iter().collect(),
        security_opt: container
            .restricted
            .then(|| "no-new-privileges:true".to_owned())
            .into_iter()
            .collect(),
        // Processor time that is asked for counts against others, as a kubelet makes it count.
        cpu_shares: container.resources.requests.cpu.map(crate::Cpu::shares),
        deploy: deploy(part),
        ..Service::default()
    };
    if let Kind::Scheduled(schedule) = &part.kind {
        schedule::wrap(&mut service, schedule);
    }
    service
}

fn variables(container: &Container) -> std::collections::BTreeMap<String, String> {
    let shared = container.environments.iter();
    let shared = shared.flat_map(|environment: &Environment| {
        let plain = environment.entries(false);
        plain.into_iter().chain(environment.entries(true))
    });
    // A container's own variables come last, and so they count.
    let all = shared.chain(container.env.iter().cloned());
    all.map(|(name, text)| (name, text.text)).collect()
}

fn ports(part: &Data) -> Vec<Port> {
    let port = |published: &crate::Publish| {
        let target = part.container.port_of(published.port.as_deref())?.number;
        let port = match published.published {
            Some(number) => Port::published(number, target),
            None => Port::any(target),
        };
        Some(match &published.address {
            Some(address) => port.on(address),
            None => port,
        })
    };
    // A port that is not there was reported.
    part.published.iter().filter_map(port).collect()
}

fn healthcheck(container: &Container, probe: &Probe) -> Healthcheck {
    let check = Healthcheck::cmd(probe::command(container, probe))
        .interval(probe.period)
        .timeout(probe.timeout)
        .retries(probe.failures);
    match probe.delay {
        Duration::ZERO => check,
        delay => check.start_period(delay),
    }
}

/// A group without a user was refused.
fn user(container: &Container) -> Option<String> {
    let user = container.user?;
    Some(match container.group {
        Some(group) => format!("{user}:{group}"),
        None => user.to_string(),
    })
}

fn deploy(part: &Data) -> Option<Deploy> {
    let resources = &part.container.resources;
    let bytes = |memory: Memory| Bytes(memory.bytes());
    let deploy = Deploy {
        replicas: match part.scale {
            Scale::Fixed(count) => (count != 1).then_some(count),
            Scale::Auto { .. } => None,
        },
        resources: DeployResources {
            limits: ResourceSet {
                cpus: resources.limits.cpu.map(crate::Cpu::cores),
                memory: resources.limits.memory.map(bytes),
                ..ResourceSet::default()
            },
            reservations: ResourceSet {
                memory: resources.requests.memory.map(bytes),
                ..ResourceSet::default()
            },
        },
        update_config: part.singleton.then(|| UpdateConfig {
            order: Some(UpdateOrder::StopFirst),
            ..UpdateConfig::default()
        }),
        ..Deploy::default()
    };
    (deploy != Deploy::default()).then_some(deploy)
}

fn some<T>(items: Vec<T>) -> Option<Vec<T>> {
    (!items.is_empty()).then_some(items)
}
