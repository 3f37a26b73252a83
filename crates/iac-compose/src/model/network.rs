//! Networks, volumes, and a service's place in a network.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::deploy::is_default;
use super::lenient;

/// A network of the project.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Network {
    /// Its name in the engine; `PROJECT_KEY` when none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The driver; `bridge` when none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// The driver's options.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "lenient::pairs")]
    pub driver_opts: BTreeMap<String, String>,
    /// Its addresses.
    #[serde(skip_serializing_if = "is_default")]
    pub ipam: Ipam,
    /// True if it is somebody else's: it has to be there, and is never changed or deleted.
    #[serde(skip_serializing_if = "std::ops::Not::not", deserialize_with = "lenient::flag")]
    pub external: bool,
    /// True if containers in it cannot reach the outside.
    #[serde(skip_serializing_if = "std::ops::Not::not", deserialize_with = "lenient::flag")]
    pub internal: bool,
    /// True if containers that are no part of the project may join by hand (overlay networks).
    #[serde(skip_serializing_if = "std::ops::Not::not", deserialize_with = "lenient::flag")]
    pub attachable: bool,
    /// Whether it has IPv4 addresses; it has unless this says no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_ipv4: Option<bool>,
    /// True if it has IPv6 addresses.
    #[serde(skip_serializing_if = "std::ops::Not::not", deserialize_with = "lenient::flag")]
    pub enable_ipv6: bool,
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "lenient::pairs")]
    pub labels: BTreeMap<String, String>,
}

/// A network's addresses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ipam {
    /// The driver that hands them out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// The ranges.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub config: Vec<IpamPool>,
    /// The driver's options.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "lenient::pairs")]
    pub options: BTreeMap<String, String>,
}

/// One range of addresses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IpamPool {
    /// The network: `172.28.0.0/16`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet: Option<String>,
    /// The part of it that containers get addresses from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_range: Option<String>,
    /// The host's own address in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// Addresses that are not to be handed out, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "lenient::pairs")]
    pub aux_addresses: BTreeMap<String, String>,
}

/// A volume of the project.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Volume {
    /// Its name in the engine; `PROJECT_KEY` when none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The driver; `local` when none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// The driver's options.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "lenient::pairs")]
    pub driver_opts: BTreeMap<String, String>,
    /// True if it is somebody else's: it has to be there, and is never changed or deleted.
    #[serde(skip_serializing_if = "std::ops::Not::not", deserialize_with = "lenient::flag")]
    pub external: bool,
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "lenient::pairs")]
    pub labels: BTreeMap<String, String>,
}

/// A service's place in a network.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Attachment {
    /// The network's name in the engine; filled in when the service is declared.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub network: String,
    /// Which network of that name it is; filled in for a network of the stack, so that its recreation is seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_id: Option<String>,
    /// More names that others in the network can reach it by, besides the service's own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// A fixed IPv4 address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv4_address: Option<String>,
    /// A fixed IPv6 address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv6_address: Option<String>,
    /// Addresses of the link that it has besides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub link_local_ips: Vec<String>,
    /// Its hardware address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac_address: Option<String>,
    /// Options of the network's driver for this place.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "lenient::pairs")]
    pub driver_opts: BTreeMap<String, String>,
    /// The name of its interface in the container; needs engine API 1.49.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface_name: Option<String>,
    /// The network with the highest one gives the container its default route; needs engine API 1.48.
    #[serde(skip_serializing_if = "is_default")]
    pub gw_priority: i64,
    /// The network with the highest priority is joined first, and gives the container its default route.
    #[serde(skip_serializing_if = "is_default")]
    pub priority: i64,
}
