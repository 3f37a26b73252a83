//! The number of containers of a service, the resources that they may use, and the way in which they are replaced.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Bytes, DeviceRequest, lenient};

/// The number of containers of a service, the resources that they may use, and the way in which they are replaced.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Deploy {
    /// `replicated`, the only one that a single engine can do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The number of containers; 1 when none is given.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::number")]
    pub replicas: Option<u32>,
    /// The resources that they may use.
    #[serde(skip_serializing_if = "is_default")]
    pub resources: Resources,
    /// When the engine starts a container again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_policy: Option<RestartPolicy>,
    /// The way in which they are replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_config: Option<UpdateConfig>,
}

pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The resources that a container may use, and those that are kept for it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Resources {
    /// The most that it may use.
    #[serde(skip_serializing_if = "is_default")]
    pub limits: ResourceSet,
    /// The resources that are kept for it: of these an engine knows `memory` only.
    #[serde(skip_serializing_if = "is_default")]
    pub reservations: ResourceSet,
}

/// Amounts of what a container uses.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResourceSet {
    /// Processor cores.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::number")]
    pub cpus: Option<f64>,
    /// Memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Bytes>,
    /// Processes and threads.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::number")]
    pub pids: Option<i64>,
    /// Devices, for `reservations`; moved to [`Service::device_requests`](super::Service::device_requests) when the service
    /// is declared, since other ones need other containers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<DeviceRequest>,
}

/// When the engine starts a container again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RestartPolicy {
    /// `none`, `on-failure`, `unless-stopped` or `any`; none of them means `none`, as for docker compose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// The number of restarts, for `on-failure`.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::number")]
    pub max_attempts: Option<u32>,
}

/// The way in which containers are replaced.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UpdateConfig {
    /// Which comes first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<UpdateOrder>,
    /// For how long a new container without a health check has to run before the old one goes; 2 s when none is given.
    #[serde(skip_serializing_if = "Option::is_none", with = "lenient::duration")]
    pub monitor: Option<Duration>,
}

/// The order of stop and start when a container is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpdateOrder {
    /// The new one is started and has to be healthy before the old one is stopped: no downtime, but both run for a while.
    StartFirst,
    /// The old one is stopped first, and started again if the new one does not become healthy.
    StopFirst,
}
