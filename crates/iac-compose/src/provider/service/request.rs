//! The engine's request for one container of a service; pure.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{
    ContainerCreateBody, EndpointIpamConfig, EndpointSettings, HealthConfig, HostConfig, HostConfigLogConfig,
    Mount as EngineMount, MountType, NetworkingConfig, PortBinding, PortMap, ResourcesUlimits, RestartPolicy,
    RestartPolicyNameEnum,
};

use super::volumes::is_anonymous;
use super::{devices, mounts};
use crate::inputs::ServiceInputs;
use crate::labels;
use crate::model::{Attachment, Healthcheck, Mount, Restart, Service};
use crate::provider::maker::Owner;

/// The request that creates one container.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The body of the creation.
    pub(crate) body: ContainerCreateBody,
    /// Networks that are joined before the start, since older engines take only one with the creation.
    pub(crate) more_networks: Vec<(String, EndpointSettings)>,
}

/// The facts about a container besides the service's definition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The stack.
    pub(crate) owner: &'a Owner,
    /// Our digest of the definition.
    pub(crate) digest: &'a str,
    /// The ID of the image.
    pub(crate) image_id: &'a str,
    /// Which of the service's containers, from 1.
    pub(crate) number: u32,
}

/// The request for a container.
pub(crate) fn build(inputs: &ServiceInputs, place: Place<'_>) -> Request {
    let spec = &inputs.spec;
    let mut networks = endpoints(inputs, place.number);
    let primary = (!networks.is_empty()).then(|| networks.remove(0));
    let network_mode = spec
        .network_mode
        .clone()
        .or(primary.as_ref().map(|(name, _)| name.clone()));
    let body = ContainerCreateBody {
        hostname: spec.hostname.clone(),
        domainname: spec.domainname.clone(),
        user: spec.user.clone(),
        exposed_ports: some_list(exposed(spec)),
        tty: spec.tty.then_some(true),
        open_stdin: spec.stdin_open.then_some(true),
        env: some_list(
            spec.environment
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect(),
        ),
        cmd: spec.command.clone(),
        entrypoint: spec.entrypoint.clone(),
        healthcheck: spec.healthcheck.as_ref().map(health),
        image: Some(spec.image.clone()),
        working_dir: spec.working_dir.clone(),
        labels: Some(labels_of(inputs, place)),
        stop_signal: spec.stop_signal.clone(),
        stop_timeout: spec.stop_grace_period.map(|period| period.as_secs().cast_signed()),
        host_config: Some(host_config(spec, network_mode)),
        networking_config: primary.map(|(name, endpoint)| NetworkingConfig {
            endpoints_config: Some(HashMap::from([(name, endpoint)])),
        }),
        ..ContainerCreateBody::default()
    };
    Request {
        body,
        more_networks: networks,
    }
}

pub(super) fn some_list<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

pub(super) fn some_map(map: &BTreeMap<String, String>) -> Option<HashMap<String, String>> {
    (!map.is_empty()).then(|| map.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
}

fn exposed(spec: &Service) -> Vec<String> {
    let published = spec.ports.iter().map(crate::model::Port::container_key);
    let documented = spec.expose.iter().map(|port| match port.contains('/') {
        true => port.clone(),
        false => format!("{port}/tcp"),
    });
    let mut all: Vec<String> = published.chain(documented).collect();
    all.sort();
    all.dedup();
    all
}

fn labels_of(inputs: &ServiceInputs, place: Place<'_>) -> HashMap<String, String> {
    let depends_on: Vec<String> = inputs
        .spec
        .depends_on
        .iter()
        .map(|(name, dependency)| format!("{name}:{}:false", dependency.condition))
        .collect();
    let ours = [
        (labels::PROJECT, inputs.project.clone()),
        (labels::SERVICE, inputs.service.clone()),
        (labels::NUMBER, place.number.to_string()),
        (labels::CONFIG_HASH, crate::hash::hex(place.digest).to_owned()),
        (labels::ONEOFF, "False".to_owned()),
        (labels::DEPENDS_ON, depends_on.join(",")),
        (labels::IMAGE, place.image_id.to_owned()),
        (labels::SPEC, place.digest.to_owned()),
    ];
    let users = inputs
        .spec
        .labels
        .iter()
        .map(|(key, value)| (key.clone(), value.clone()));
    let owner = place.owner.labels().map(|(key, value)| (key, value.to_owned()));
    let ours = ours.into_iter().chain(owner);
    users.chain(ours.map(|(key, value)| (key.to_owned(), value))).collect()
}

fn health(check: &Healthcheck) -> HealthConfig {
    let nanos = |duration: Option<std::time::Duration>| {
        duration.map(|duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
    };
    let test = match (check.disable, check.test.is_empty()) {
        (true, _) => Some(vec!["NONE".to_owned()]),
        (false, true) => None,
        (false, false) => Some(check.test.clone()),
    };
    HealthConfig {
        test,
        interval: nanos(check.interval),
        timeout: nanos(check.timeout),
        retries: check.retries.map(i64::from),
        start_period: nanos(check.start_period),
        start_interval: nanos(check.start_interval),
    }
}

/// The networks with the container's place in each, the one that gives the default route first.
pub(crate) fn endpoints(inputs: &ServiceInputs, number: u32) -> Vec<(String, EndpointSettings)> {
    let mut attachments: Vec<&Attachment> = inputs.spec.networks.values().collect();
    attachments.sort_by_key(|attachment| std::cmp::Reverse(attachment.priority));
    let container = container_name(inputs, number);
    let settings = attachments.into_iter().map(|attachment| {
        let mut aliases = vec![container.clone(), inputs.service.clone()];
        aliases.extend(attachment.aliases.iter().cloned());
        let settings = EndpointSettings {
            aliases: Some(aliases),
            links: some_list(links(&inputs.spec)),
            ..place(attachment)
        };
        (attachment.network.clone(), settings)
    });
    let mut all: Vec<(String, EndpointSettings)> = settings.collect();
    if let Some((_, first)) = all.first_mut() {
        first.mac_address = first.mac_address.take().or_else(|| inputs.spec.mac_address.clone());
    }
    all
}

/// Returns the settings of a network that a container is to get.
fn place(attachment: &Attachment) -> EndpointSettings {
    const INTERFACE: &str = "com.docker.network.endpoint.ifname";
    let has_address =
        attachment.ipv4_address.is_some() || attachment.ipv6_address.is_some() || !attachment.link_local_ips.is_empty();
    let mut options = attachment.driver_opts.clone();
    if let Some(name) = &attachment.interface_name {
        options.entry(INTERFACE.to_owned()).or_insert_with(|| name.clone());
    }
    EndpointSettings {
        ipam_config: has_address.then(|| EndpointIpamConfig {
            ipv4_address: attachment.ipv4_address.clone(),
            ipv6_address: attachment.ipv6_address.clone(),
            link_local_ips: some_list(attachment.link_local_ips.clone()),
        }),
        mac_address: attachment.mac_address.clone(),
        driver_opts: some_map(&options),
        gw_priority: (attachment.gw_priority != 0).then_some(attachment.gw_priority),
        ..EndpointSettings::default()
    }
}

/// The containers that a service knows by more names, as `CONTAINER:NAME`.
fn links(spec: &Service) -> Vec<String> {
    let all = spec.links.iter().chain(&spec.external_links);
    let pair = |link: &String| match link.contains(':') {
        true => link.clone(),
        false => format!("{link}:{link}"),
    };
    all.map(pair).collect()
}

/// The name of one of a service's containers.
pub(crate) fn container_name(inputs: &ServiceInputs, number: u32) -> String {
    let given = inputs.spec.container_name.clone();
    given.unwrap_or_else(|| format!("{}-{}-{number}", inputs.project, inputs.service))
}

fn host_config(spec: &Service, network_mode: Option<String>) -> HostConfig {
    let (binds, mounts): (Vec<&Mount>, Vec<&Mount>) = spec.volumes.iter().partition(|mount| mounts::needs_bind(mount));
    let resources = resources(spec);
    HostConfig {
        binds: some_list(binds.into_iter().map(mounts::bind_text).collect()),
        mounts: some_list(mounts.into_iter().map(mounts::engine_mount).collect()),
        tmpfs: tmpfs(spec),
        network_mode,
        port_bindings: port_bindings(spec),
        restart_policy: Some(restart_policy(spec.restart_rule())),
        init: spec.init,
        privileged: spec.privileged.then_some(true),
        readonly_rootfs: spec.read_only.then_some(true),
        cap_add: some_list(spec.cap_add.clone()),
        cap_drop: some_list(spec.cap_drop.clone()),
        security_opt: some_list(spec.security_opt.clone()),
        group_add: some_list(spec.group_add.clone()),
        dns: some_list(spec.dns.clone()),
        dns_search: some_list(spec.dns_search.clone()),
        dns_options: some_list(spec.dns_opt.clone()),
        extra_hosts: some_list(spec.extra_hosts.clone()),
        pid_mode: spec.pid.clone(),
        ipc_mode: spec.ipc.clone(),
        uts_mode: spec.uts.clone(),
        cgroupns_mode: spec.cgroup.as_ref().and_then(|mode| mode.parse().ok()),
        cgroup_parent: spec.cgroup_parent.clone(),
        userns_mode: spec.userns_mode.clone(),
        volumes_from: some_list(spec.volumes_from.clone()),
        annotations: some_map(&spec.annotations),
        storage_opt: some_map(&spec.storage_opt),
        runtime: spec.runtime.clone(),
        shm_size: spec.shm_size.map(crate::model::Bytes::as_i64),
        oom_score_adj: spec.oom_score_adj,
        sysctls: some_map(&spec.sysctls),
        ulimits: some_list(ulimits(spec)),
        log_config: spec.logging.as_ref().map(|logging| HostConfigLogConfig {
            typ: logging.driver.clone(),
            config: some_map(&logging.options),
        }),
        memory: resources.memory,
        memory_reservation: resources.memory_reservation,
        nano_cpus: resources.nano_cpus,
        pids_limit: resources.pids_limit,
        cpu_shares: spec.cpu_shares,
        cpuset_cpus: spec.cpuset.clone(),
        ..devices::limits(spec)
    }
}

/// The resources that a container may use, whichever way that is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Limits {
    /// Bytes.
    pub(crate) memory: Option<i64>,
    /// Bytes.
    pub(crate) memory_reservation: Option<i64>,
    /// Billionths of a core.
    pub(crate) nano_cpus: Option<i64>,
    /// Processes.
    pub(crate) pids_limit: Option<i64>,
}

pub(crate) fn resources(spec: &Service) -> Limits {
    let deploy = spec
        .deploy
        .as_ref()
        .map(|deploy| deploy.resources.clone())
        .unwrap_or_default();
    let cpus = deploy.limits.cpus.or(spec.cpus);
    let memory = deploy.limits.memory.or(spec.mem_limit);
    let reservation = deploy.reservations.memory.or(spec.mem_reservation);
    Limits {
        memory: memory.map(crate::model::Bytes::as_i64),
        memory_reservation: reservation.map(crate::model::Bytes::as_i64),
        nano_cpus: cpus.map(|cpus| (cpus * 1e9).round() as i64),
        pids_limit: deploy.limits.pids.or(spec.pids_limit),
    }
}

pub(crate) fn restart_policy(restart: Restart) -> RestartPolicy {
    let (name, times) = match restart {
        Restart::No => (RestartPolicyNameEnum::NO, None),
        Restart::Always => (RestartPolicyNameEnum::ALWAYS, None),
        Restart::OnFailure(times) => (RestartPolicyNameEnum::ON_FAILURE, times),
        Restart::UnlessStopped => (RestartPolicyNameEnum::UNLESS_STOPPED, None),
    };
    RestartPolicy {
        name: Some(name),
        maximum_retry_count: times.map(i64::from),
    }
}

fn ulimits(spec: &Service) -> Vec<ResourcesUlimits> {
    let limits = spec.ulimits.iter().map(|(name, limit)| ResourcesUlimits {
        name: Some(name.clone()),
        soft: Some(limit.soft),
        hard: Some(limit.hard),
    });
    limits.collect()
}

fn tmpfs(spec: &Service) -> Option<HashMap<String, String>> {
    let entries = spec.tmpfs.iter().map(|entry| {
        let (path, options) = entry.split_once(':').unwrap_or((entry, ""));
        (path.to_owned(), options.to_owned())
    });
    (!spec.tmpfs.is_empty()).then(|| entries.collect())
}

fn port_bindings(spec: &Service) -> Option<PortMap> {
    let mut bindings = PortMap::new();
    for port in &spec.ports {
        let binding = PortBinding {
            host_ip: port.host_ip.clone(),
            host_port: Some(port.published_text().unwrap_or_default()),
        };
        let bound = bindings.entry(port.container_key()).or_default();
        bound.get_or_insert_default().push(binding);
    }
    (!bindings.is_empty()).then_some(bindings)
}

/// Keeps the anonymous volumes of a container that is replaced: whatever it has mounted where the request says nothing
/// better than "some volume".
pub(crate) fn carry_over(body: &mut ContainerCreateBody, old: &bollard::models::ContainerInspectResponse) {
    let host = body.host_config.get_or_insert_default();
    let mounts = host.mounts.get_or_insert_default();
    let bound: Vec<String> = host
        .binds
        .iter()
        .flatten()
        .filter_map(|bind| bind.split(':').nth(1))
        .map(str::to_owned)
        .collect();
    for point in old.mounts.iter().flatten() {
        let (Some(name), Some(target)) = (&point.name, &point.destination) else {
            continue;
        };
        let declared = mounts.iter_mut().find(|mount| mount.target.as_ref() == Some(target));
        match declared {
            Some(mount) if mount.typ == Some(MountType::VOLUME) && mount.source.is_none() => {
                mount.source = Some(name.clone());
            }
            None if !bound.contains(target) && is_anonymous(name) => mounts.push(EngineMount {
                target: Some(target.clone()),
                source: Some(name.clone()),
                typ: Some(MountType::VOLUME),
                ..EngineMount::default()
            }),
            _ => {}
        }
    }
}
