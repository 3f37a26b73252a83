//! A service: containers that are all alike.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    Attachment, Blkio, Build, Bytes, DependsOn, Deploy, DeviceRequest, EnvFile, FileMount, Healthcheck, Logging, Mount,
    Port, PullPolicy, Restart, Ulimit, build, forms, lenient, small,
};

/// A service that runs once and ends, such as a migration; the type of a handle that others can wait for with
/// `completed()`.
#[derive(Debug)]
pub struct Job;

/// The instructions to this tool that a compose file gives for a service.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Extension {
    /// `false`: it is not waited for; `10m`: at most so long.
    #[serde(deserialize_with = "lenient::option_text")]
    pub wait: Option<String>,
    /// Patterns of the fields that are left as they are once the service runs: `image`, `environment.LEVEL`.
    #[serde(deserialize_with = "lenient::texts")]
    pub ignore_changes: Vec<String>,
}

/// A service: containers that are all alike.
///
/// Names are those of the compose specification. A field that is left alone takes the image's or the engine's default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Service {
    /// The image; may be left out where there is a [`build`](Self::build).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub image: String,
    /// The build of the image, if it is built.
    #[serde(skip_serializing, deserialize_with = "build::read")]
    pub build: Option<Build>,
    /// When the image is pulled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_policy: Option<PullPolicy>,
    /// `OS[/ARCHITECTURE]`, for an image of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,

    /// The arguments, instead of the image's.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::command")]
    pub command: Option<Vec<String>>,
    /// The program, instead of the image's.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::command")]
    pub entrypoint: Option<Vec<String>>,
    /// Variables.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "lenient::pairs")]
    pub environment: BTreeMap<String, String>,
    /// Files of variables; `environment` beats them, and a later one an earlier one.
    #[serde(skip_serializing, deserialize_with = "forms::env_files")]
    pub env_file: Vec<EnvFile>,
    /// The folder that the program starts in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// `USER[:GROUP]`, names or numbers.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::option_text")]
    pub user: Option<String>,
    /// More groups.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::texts")]
    pub group_add: Vec<String>,
    /// Whether a small init runs as process 1 and reaps what others leave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<bool>,
    /// True if there is a terminal.
    #[serde(skip_serializing_if = "std::ops::Not::not", deserialize_with = "lenient::flag")]
    pub tty: bool,
    /// True if the input stays open.
    #[serde(skip_serializing_if = "std::ops::Not::not", deserialize_with = "lenient::flag")]
    pub stdin_open: bool,
    /// The signal that asks it to end; the image's own when none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
    /// The time in which it has to end before it is killed; the engine's default is 10 s.
    #[serde(skip_serializing_if = "Option::is_none", with = "lenient::duration")]
    pub stop_grace_period: Option<Duration>,

    /// Ports that are reachable on the host.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "forms::ports")]
    pub ports: Vec<Port>,
    /// Ports that others in its networks use; documentation only.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::texts")]
    pub expose: Vec<String>,
    /// The networks it is in, by their keys; the project's default one when none is given.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "forms::networks")]
    pub networks: BTreeMap<String, Attachment>,
    /// `host`, `none`, `container:NAME` or `service:NAME`, instead of networks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_mode: Option<String>,
    /// The name that a container knows itself by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// The domain that a container knows itself in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domainname: Option<String>,
    /// Name servers.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::texts")]
    pub dns: Vec<String>,
    /// Domains in which short names are looked up.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::texts")]
    pub dns_search: Vec<String>,
    /// Options of the resolver.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::texts")]
    pub dns_opt: Vec<String>,
    /// More names with addresses: `host:address`.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::hosts")]
    pub extra_hosts: Vec<String>,
    /// Other services under more names: `SERVICE[:NAME]`.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::texts")]
    pub links: Vec<String>,
    /// Containers that are no part of the project under more names: `CONTAINER[:NAME]`.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::texts")]
    pub external_links: Vec<String>,
    /// Its hardware address in its first network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac_address: Option<String>,

    /// Volumes and paths of the host in its file system.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "forms::mounts")]
    pub volumes: Vec<Mount>,
    /// Services whose volumes it has as well: `SERVICE[:ro]`, or `container:NAME[:ro]`.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::texts")]
    pub volumes_from: Vec<String>,
    /// Paths that are memory: `/run` or `/run:size=64m`.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::texts")]
    pub tmpfs: Vec<String>,
    /// Files from configs.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "forms::files")]
    pub configs: Vec<FileMount>,
    /// Files from secrets.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "forms::files")]
    pub secrets: Vec<FileMount>,
    /// True if its own file system is read only.
    #[serde(skip_serializing_if = "std::ops::Not::not", deserialize_with = "lenient::flag")]
    pub read_only: bool,
    /// The size of `/dev/shm`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shm_size: Option<Bytes>,
    /// Options of the storage driver.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "lenient::pairs")]
    pub storage_opt: BTreeMap<String, String>,

    /// The services that it depends on, and the state that each must have before this one starts.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "small::depends_on")]
    pub depends_on: BTreeMap<String, DependsOn>,
    /// The health check with which the engine finds out whether it does its work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
    /// When the engine starts a container again that ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart: Option<Restart>,
    /// The number of containers, the resources that they may use, and the way in which they are replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deploy: Option<Deploy>,
    /// The number of containers, as `deploy.replicas`.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::number")]
    pub scale: Option<u32>,
    /// Instructions to this tool in a compose file, as `x-iac: { wait: false }`; in a program, the handle has methods for
    /// it.
    #[serde(rename = "x-iac", skip_serializing)]
    pub extension: Extension,
    /// With which profiles of a compose file it is started.
    #[serde(skip_serializing)]
    pub profiles: Vec<String>,

    /// Processor cores it may use.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::number")]
    pub cpus: Option<f64>,
    /// Its share of the processor when others want it as well; 1024 is usual.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::number")]
    pub cpu_shares: Option<i64>,
    /// The cores it may run on: `0-2`, `0,1`.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::option_text")]
    pub cpuset: Option<String>,
    /// The microseconds in which `cpu_quota` counts.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::number")]
    pub cpu_period: Option<i64>,
    /// The microseconds of the processor that it gets in each `cpu_period`.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::number")]
    pub cpu_quota: Option<i64>,
    /// The microseconds in which `cpu_rt_runtime` counts.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::micros")]
    pub cpu_rt_period: Option<i64>,
    /// The microseconds of each `cpu_rt_period` that its real-time tasks get.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::micros")]
    pub cpu_rt_runtime: Option<i64>,
    /// Memory it may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mem_limit: Option<Bytes>,
    /// Memory that is kept for it when it gets scarce.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mem_reservation: Option<Bytes>,
    /// Memory and swap together, in bytes; -1 for as much swap as there is.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::bytes_or_all")]
    pub memswap_limit: Option<i64>,
    /// The tendency of the kernel to swap its memory, from 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::number")]
    pub mem_swappiness: Option<i64>,
    /// Processes and threads it may have.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::number")]
    pub pids_limit: Option<i64>,
    /// The adjustment of its rank when the kernel kills processes for lack of memory, from -1000 (last) to 1000 (first).
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::number")]
    pub oom_score_adj: Option<i64>,
    /// True if the kernel does not kill it when it uses more memory than it may.
    #[serde(skip_serializing_if = "std::ops::Not::not", deserialize_with = "lenient::flag")]
    pub oom_kill_disable: bool,
    /// The share and the limits of its reads from and writes to block devices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blkio_config: Option<Blkio>,
    /// Limits of the kernel for each process.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub ulimits: BTreeMap<String, Ulimit>,
    /// Settings of the kernel for its namespaces.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "lenient::pairs")]
    pub sysctls: BTreeMap<String, String>,

    /// Capabilities it gets.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::texts")]
    pub cap_add: Vec<String>,
    /// Capabilities it loses.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::texts")]
    pub cap_drop: Vec<String>,
    /// True if it may do all that the host's root may.
    #[serde(skip_serializing_if = "std::ops::Not::not", deserialize_with = "lenient::flag")]
    pub privileged: bool,
    /// Options of security modules: `no-new-privileges:true`.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::texts")]
    pub security_opt: Vec<String>,
    /// Devices of the host: `HOST[:CONTAINER[:rwm]]`.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "forms::devices")]
    pub devices: Vec<String>,
    /// Rules of the kernel for devices: `c 1:3 mr`.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::texts")]
    pub device_cgroup_rules: Vec<String>,
    /// Graphics processors it gets.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "forms::gpus")]
    pub gpus: Vec<DeviceRequest>,
    /// Devices that the engine chooses, as `deploy.resources.reservations.devices`, whose place this takes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub device_requests: Vec<DeviceRequest>,
    /// `host`, `container:NAME` or `service:NAME`: whose processes it sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<String>,
    /// `host`, `private`, `shareable`, `container:NAME` or `service:NAME`: whose shared memory it uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipc: Option<String>,
    /// `host`: use the host's users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userns_mode: Option<String>,
    /// `host`: use the host's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uts: Option<String>,
    /// `host` or `private`: whose control groups it sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<String>,
    /// The control group that its own is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup_parent: Option<String>,
    /// The engine's runtime that runs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,

    /// The container's name; it can then be only one, and is stopped before a new one starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_name: Option<String>,
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "lenient::pairs")]
    pub labels: BTreeMap<String, String>,
    /// Files of labels, of a compose file; `labels` beats them, and a later one an earlier one.
    #[serde(skip_serializing, deserialize_with = "lenient::texts")]
    pub label_file: Vec<String>,
    /// Annotations, which the engine hands on to the runtime.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "lenient::pairs")]
    pub annotations: BTreeMap<String, String>,
    /// Where its output goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logging: Option<Logging>,
}

impl Service {
    /// Returns the number of its containers.
    pub fn replicas(&self) -> u32 {
        let deploy = self.deploy.as_ref().and_then(|deploy| deploy.replicas);
        deploy.or(self.scale).unwrap_or(1)
    }

    /// When the engine starts a container again, whichever way that is said.
    pub(crate) fn restart_rule(&self) -> Restart {
        let policy = self.deploy.as_ref().and_then(|deploy| deploy.restart_policy.as_ref());
        match (self.restart, policy) {
            // As for docker compose, a policy without a condition is one that never starts it again.
            (_, Some(policy)) => match policy.condition.as_deref() {
                Some("on-failure") => Restart::OnFailure(policy.max_attempts),
                Some("unless-stopped") => Restart::UnlessStopped,
                Some("any" | "always") => Restart::Always,
                _ => Restart::No,
            },
            (Some(restart), None) => restart,
            (None, None) => Restart::No,
        }
    }

    /// The services whose containers it names: for their networks, processes, memory, volumes and links, or since it is
    /// restarted with them.
    pub(crate) fn shares_with(&self) -> Vec<&str> {
        let modes = [&self.network_mode, &self.pid, &self.ipc].into_iter().flatten();
        let modes = modes.filter_map(|mode| mode.strip_prefix("service:"));
        let volumes = self.volumes_from.iter().filter(|from| !from.starts_with("container:"));
        let volumes = volumes.chain(&self.links);
        let restarts = self.depends_on.iter().filter(|(_, dependency)| dependency.restart);
        let restarts = restarts.map(|(name, _)| name.as_str());
        modes
            .chain(volumes.filter_map(|from| from.split(':').next()))
            .chain(restarts)
            .collect()
    }
}
