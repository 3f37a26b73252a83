//! A service: containers that are all alike.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;

use super::{
    Attachment, Build, Bytes, DependsOn, Deploy, EnvFile, FileMount, Healthcheck, Logging, Mount, Port, PullPolicy,
    Restart, Ulimit, build, lenient, small,
};
use crate::parse;

/// A service that runs once and ends, such as a migration; the type of a handle that others can wait for with
/// `completed()`.
#[derive(Debug)]
pub struct Job;

/// A service: containers that are all alike.
///
/// Names are those of the compose specification. A field that is left alone takes the image's or the engine's default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Service {
    /// The image; may be left out where there is a [`build`](Self::build).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub image: String,
    /// How the image is built, where it is.
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
    #[serde(skip_serializing, deserialize_with = "env_files")]
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
    /// Whether there is a terminal.
    #[serde(skip_serializing_if = "std::ops::Not::not", deserialize_with = "lenient::flag")]
    pub tty: bool,
    /// Whether the input stays open.
    #[serde(skip_serializing_if = "std::ops::Not::not", deserialize_with = "lenient::flag")]
    pub stdin_open: bool,
    /// The signal that asks it to end; the image's own when none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
    /// How long it may take to end before it is killed; the engine's default is 10 s.
    #[serde(skip_serializing_if = "Option::is_none", with = "lenient::duration")]
    pub stop_grace_period: Option<Duration>,

    /// Ports that are reachable on the host.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "ports")]
    pub ports: Vec<Port>,
    /// Ports that others in its networks use; documentation only.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::texts")]
    pub expose: Vec<String>,
    /// The networks it is in, by their keys; the project's default one when none is given.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "networks")]
    pub networks: BTreeMap<String, Attachment>,
    /// `host`, `none` or `container:NAME`, instead of networks.
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

    /// Volumes and paths of the host in its file system.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "mounts")]
    pub volumes: Vec<Mount>,
    /// Paths that are memory: `/run` or `/run:size=64m`.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::texts")]
    pub tmpfs: Vec<String>,
    /// Files from configs.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "files")]
    pub configs: Vec<FileMount>,
    /// Files from secrets.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "files")]
    pub secrets: Vec<FileMount>,
    /// Whether its own file system is read only.
    #[serde(skip_serializing_if = "std::ops::Not::not", deserialize_with = "lenient::flag")]
    pub read_only: bool,
    /// The size of `/dev/shm`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shm_size: Option<Bytes>,

    /// What it needs of other services before it starts.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "small::depends_on")]
    pub depends_on: BTreeMap<String, DependsOn>,
    /// How the engine finds out whether it does its work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
    /// When the engine starts a container again that ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart: Option<Restart>,
    /// How many containers, what they may use, how they are replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deploy: Option<Deploy>,
    /// The number of containers, as `deploy.replicas`.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::number")]
    pub scale: Option<u32>,
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
    /// Memory it may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mem_limit: Option<Bytes>,
    /// Memory that is kept for it when it gets scarce.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mem_reservation: Option<Bytes>,
    /// Processes and threads it may have.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::number")]
    pub pids_limit: Option<i64>,
    /// How early the kernel kills it when memory is short, from -1000 to 1000.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::number")]
    pub oom_score_adj: Option<i64>,
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
    /// Whether it may do all that the host's root may.
    #[serde(skip_serializing_if = "std::ops::Not::not", deserialize_with = "lenient::flag")]
    pub privileged: bool,
    /// Options of security modules: `no-new-privileges:true`.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::texts")]
    pub security_opt: Vec<String>,
    /// Devices of the host: `HOST[:CONTAINER[:rwm]]`.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::texts")]
    pub devices: Vec<String>,
    /// `host` or `container:NAME`: whose processes it sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<String>,
    /// `host`, `private`, `shareable` or `container:NAME`: whose shared memory it uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipc: Option<String>,
    /// `host`: use the host's users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userns_mode: Option<String>,
    /// The engine's runtime that runs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,

    /// The container's name; it can then be only one, and is stopped before a new one starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_name: Option<String>,
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "lenient::pairs")]
    pub labels: BTreeMap<String, String>,
    /// Where its output goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logging: Option<Logging>,
}

impl Service {
    /// How many containers it has.
    pub fn replicas(&self) -> u32 {
        let deploy = self.deploy.as_ref().and_then(|deploy| deploy.replicas);
        deploy.or(self.scale).unwrap_or(1)
    }

    /// When the engine starts a container again, whichever way that is said.
    pub(crate) fn restart_rule(&self) -> Restart {
        let policy = self.deploy.as_ref().and_then(|deploy| deploy.restart_policy.as_ref());
        match (self.restart, policy) {
            (Some(restart), _) => restart,
            (None, Some(policy)) => match policy.condition.as_deref() {
                Some("none") => Restart::No,
                Some("on-failure") => Restart::OnFailure(policy.max_attempts),
                _ => Restart::Always,
            },
            (None, None) => Restart::No,
        }
    }
}

fn ports<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<Port>, D::Error> {
    lenient::expanded(input, |text| {
        parse::port::parse(text).map_err(|error| error.to_string())
    })
}

fn mounts<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<Mount>, D::Error> {
    lenient::expanded(input, |text| {
        let mount = parse::mount::parse(text).map_err(|error| error.to_string())?;
        Ok(vec![mount])
    })
}

fn files<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<FileMount>, D::Error> {
    lenient::expanded(input, |text| {
        Ok(vec![FileMount {
            source: text.to_owned(),
            ..FileMount::default()
        }])
    })
}

fn networks<'de, D: Deserializer<'de>>(input: D) -> Result<BTreeMap<String, Attachment>, D::Error> {
    match Json::deserialize(input)? {
        Json::Null => Ok(BTreeMap::new()),
        Json::Array(items) => items
            .iter()
            .map(|item| {
                let key = lenient::text_of(item).ok_or_else(|| D::Error::custom("expected networks' keys"))?;
                Ok((key, Attachment::default()))
            })
            .collect(),
        Json::Object(map) => map
            .into_iter()
            .map(|(key, attachment)| {
                let attachment: Option<Attachment> = serde_json::from_value(attachment)
                    .map_err(|error| D::Error::custom(format_args!("{key}: {error}")))?;
                Ok((key, attachment.unwrap_or_default()))
            })
            .collect(),
        other => Err(D::Error::custom(format_args!("expected networks' keys, found {other}"))),
    }
}

fn env_files<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<EnvFile>, D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Long {
        path: String,
        #[serde(default = "yes", deserialize_with = "lenient::flag")]
        required: bool,
    }
    fn yes() -> bool {
        true
    }
    let items = match Json::deserialize(input)? {
        Json::Null => Vec::new(),
        Json::Array(items) => items,
        one => vec![one],
    };
    let read = |item: Json| match item {
        Json::String(path) => Ok(EnvFile::from(&*path)),
        item => serde_json::from_value::<Long>(item)
            .map(|Long { path, required }| EnvFile { path, required })
            .map_err(D::Error::custom),
    };
    items.into_iter().map(read).collect()
}
