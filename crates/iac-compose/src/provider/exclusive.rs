//! Things that two objects of different names cannot hold at the same time, so that a rename has to delete the old one
//! first.

use std::net::IpAddr;

use iac_core::provider::Exclusive;
use iac_core::value::FieldPath;

use super::service::request::container_name;
use crate::inputs::{Inputs, NetworkInputs, ServiceInputs};
use crate::model::{Attachment, Mount, MountKind, Network, Service};

/// The option of a bridge with the name of its interface on the host.
const BRIDGE_NAME: &str = "com.docker.network.bridge.name";

/// The end of the words for a volume or path that both objects write to. Two may have it; that they never do is our rule.
pub(super) const WRITTEN: &str = " for writing";

/// Returns the exclusive things that both the old and the new object ask for.
pub(crate) fn of(old: &Inputs, new: &Inputs) -> Vec<Exclusive> {
    match (old, new) {
        (Inputs::Service(old), Inputs::Service(new)) => services(old, new),
        (Inputs::Network(old), Inputs::Network(new)) => networks(old, new),
        _ => Vec::new(),
    }
}

/// The things that two services cannot both hold.
pub(super) fn services(old: &ServiceInputs, new: &ServiceInputs) -> Vec<Exclusive> {
    let mut found = Vec::new();
    for port in &new.spec.ports {
        if let Some(published) = port.published
            && old.spec.ports.iter().any(|other| port.meets(other))
        {
            found.push(exclusive(
                "ports",
                format!("port {published}/{} of the host", port.protocol),
            ));
        }
    }
    if shares_the_host(&old.spec, &new.spec) {
        found.push(exclusive("network_mode", "the network of the host".to_owned()));
    }
    let names = names(old);
    for name in self::names(new).into_iter().filter(|name| names.contains(name)) {
        found.push(exclusive("container_name", format!("the container name {name}")));
    }
    for mount in new.spec.volumes.iter().filter(|mount| is_written(mount)) {
        let same = |other: &&Mount| (other.kind, &other.source) == (mount.kind, &mount.source);
        if old
            .spec
            .volumes
            .iter()
            .filter(|mount| is_written(mount))
            .any(|other| same(&other))
        {
            let what = match mount.kind {
                MountKind::Volume => "volume",
                _ => "path",
            };
            found.push(exclusive("volumes", format!("the {what} {}{WRITTEN}", mount.source)));
        }
    }
    for (key, attachment) in &new.spec.networks {
        for address in addresses(attachment) {
            let same = |other: &&Attachment| other.network == attachment.network && addresses(other).contains(&address);
            if old.spec.networks.values().any(|other| same(&other)) {
                found.push(exclusive(
                    "networks",
                    format!("the address {address} in the network {key}"),
                ));
            }
        }
    }
    found
}

/// True if both may listen at one port of the host: in the host's network nothing says at which ports a container does.
fn shares_the_host(old: &Service, new: &Service) -> bool {
    let is_in = |spec: &Service| spec.network_mode.as_deref() == Some("host");
    let publishes = |spec: &Service| spec.ports.iter().any(|port| port.published.is_some());
    (is_in(old) && (is_in(new) || publishes(new))) || (is_in(new) && publishes(old))
}

/// True if a mount is one that others can have as well, and may be changed through it.
fn is_written(mount: &Mount) -> bool {
    matches!(mount.kind, MountKind::Volume | MountKind::Bind) && !mount.source.is_empty() && !mount.read_only
}

/// The names of a service's containers.
fn names(inputs: &ServiceInputs) -> Vec<String> {
    (1..=inputs.spec.replicas())
        .map(|number| container_name(inputs, number))
        .collect()
}

/// The fixed addresses of a service in a network.
fn addresses(attachment: &Attachment) -> Vec<&String> {
    attachment.ipv4_address.iter().chain(&attachment.ipv6_address).collect()
}

fn networks(old: &NetworkInputs, new: &NetworkInputs) -> Vec<Exclusive> {
    let subnets = |inputs: &NetworkInputs| -> Vec<String> {
        let pools = inputs.spec.ipam.config.iter();
        pools.filter_map(|pool| pool.subnet.clone()).collect()
    };
    let before = subnets(old);
    let both = subnets(new)
        .into_iter()
        .filter(|subnet| before.iter().any(|other| overlap(subnet, other)));
    let subnets = both.map(|subnet| exclusive("ipam", format!("the subnet {subnet}")));
    let same = interface(&new.spec).filter(|name| interface(&old.spec) == Some(name));
    subnets
        .chain(same.map(|name| exclusive("driver_opts", format!("the interface {name} of the host"))))
        .collect()
}

/// The interface of the host that a network has for itself: a bridge by its name, or the parent of a macvlan or ipvlan.
fn interface(spec: &Network) -> Option<&String> {
    let option = match spec.driver.as_deref() {
        None | Some("" | "bridge" | "default") => BRIDGE_NAME,
        Some("macvlan" | "ipvlan") => "parent",
        Some(_) => return None,
    };
    spec.driver_opts.get(option)
}

/// True if two subnets share an address; the engine refuses the second of two that do.
fn overlap(a: &str, b: &str) -> bool {
    let range = |subnet: &str| -> Option<(bool, u128, u128)> {
        let (address, length) = subnet.split_once('/')?;
        let length: u32 = length.trim().parse().ok()?;
        let (is_v4, bits, number) = match address.trim().parse().ok()? {
            IpAddr::V4(address) => (true, 32, u128::from(u32::from(address))),
            IpAddr::V6(address) => (false, 128, u128::from(address)),
        };
        let free = u32::checked_sub(bits, length)?;
        let mask = 1_u128.checked_shl(free).map_or(u128::MAX, |size| size - 1);
        Some((is_v4, number & !mask, number | mask))
    };
    match (range(a), range(b)) {
        (Some((v4, first, last)), Some((other_v4, other_first, other_last))) => {
            v4 == other_v4 && first <= other_last && other_first <= last
        }
        _ => a == b,
    }
}

fn exclusive(field: &str, what: String) -> Exclusive {
    Exclusive {
        path: FieldPath::fields([field]),
        what,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::inputs::{NETWORK, SERVICE, VOLUME};

    fn both(kind: &str, old: Json, new: Json) -> Vec<String> {
        let read = |json: Json, name: &str| {
            let mut json = json;
            for field in ["project", "service", "key"] {
                json[field] = name.into();
            }
            Inputs::read(kind, &json.into()).expect("inputs")
        };
        let found = of(&read(old, "old"), &read(new, "new"));
        found.into_iter().map(|exclusive| exclusive.what).collect()
    }

    #[test]
    fn what_only_one_can_hold_is_found() {
        let port = |ip: Json, published: u16| json!({"ports": [{"target": 80, "published": published, "host_ip": ip}]});
        let subnet = |subnet: &str| json!({"ipam": {"config": [{"subnet": subnet}]}});
        let named = |name: &str| json!({"container_name": name});
        let mount = |kind: &str, source: &str, read_only: bool| json!({"volumes": [{"type": kind, "source": source, "target": "/data", "read_only": read_only}]});
        let host = || json!({"network_mode": "host"});
        let fixed = |ip: &str| json!({"networks": {"back": {"ipv4_address": ip}}});
        let cases = [
            (
                SERVICE,
                port(json!(null), 8080),
                port(json!(null), 8080),
                Some("port 8080/tcp of the host"),
            ),
            (
                SERVICE,
                port(json!(null), 8080),
                port(json!("127.0.0.1"), 8080),
                Some("port 8080/tcp of the host"),
            ),
            (
                SERVICE,
                port(json!("127.0.0.2"), 8080),
                port(json!("127.0.0.1"), 8080),
                None,
            ),
            (SERVICE, port(json!(null), 8080), port(json!(null), 8081), None),
            (
                SERVICE,
                json!({"ports": [{"target": 80}]}),
                json!({"ports": [{"target": 80}]}),
                None,
            ),
            (
                SERVICE,
                port(json!("0.0.0.0"), 8080),
                port(json!("127.0.0.1"), 8080),
                Some("port 8080/tcp of the host"),
            ),
            (SERVICE, port(json!("::"), 8080), port(json!("127.0.0.1"), 8080), None),
            (SERVICE, host(), host(), Some("the network of the host")),
            (SERVICE, host(), port(json!(null), 80), Some("the network of the host")),
            (SERVICE, port(json!(null), 80), host(), Some("the network of the host")),
            (SERVICE, host(), json!({"network_mode": "none"}), None),
            (SERVICE, named("web"), named("web"), Some("the container name web")),
            (SERVICE, named("web"), named("web-2"), None),
            (
                SERVICE,
                mount("volume", "shop_data", false),
                mount("volume", "shop_data", false),
                Some("the volume shop_data for writing"),
            ),
            (
                SERVICE,
                mount("bind", "/srv/data", false),
                mount("bind", "/srv/data", false),
                Some("the path /srv/data for writing"),
            ),
            (
                SERVICE,
                mount("volume", "shop_data", false),
                mount("volume", "shop_data", true),
                None,
            ),
            (
                SERVICE,
                mount("volume", "shop_data", false),
                mount("volume", "shop_files", false),
                None,
            ),
            (SERVICE, mount("volume", "", false), mount("volume", "", false), None),
            (
                SERVICE,
                fixed("10.9.0.5"),
                fixed("10.9.0.5"),
                Some("the address 10.9.0.5 in the network back"),
            ),
            (SERVICE, fixed("10.9.0.5"), fixed("10.9.0.6"), None),
            (
                NETWORK,
                subnet("10.9.0.0/24"),
                subnet("10.9.0.0/24"),
                Some("the subnet 10.9.0.0/24"),
            ),
            (NETWORK, subnet("10.9.0.0/24"), subnet("10.8.0.0/24"), None),
            (
                NETWORK,
                subnet("10.9.0.0/16"),
                subnet("10.9.7.0/24"),
                Some("the subnet 10.9.7.0/24"),
            ),
            (NETWORK, subnet("fd00:1::/64"), subnet("fd00:2::/64"), None),
            (
                NETWORK,
                subnet("fd00:1::/32"),
                subnet("fd00:1::/64"),
                Some("the subnet fd00:1::/64"),
            ),
            (
                NETWORK,
                json!({"driver_opts": {BRIDGE_NAME: "br-shop"}}),
                json!({"driver": "bridge", "driver_opts": {BRIDGE_NAME: "br-shop"}}),
                Some("the interface br-shop of the host"),
            ),
            (
                NETWORK,
                json!({"driver_opts": {BRIDGE_NAME: "br-shop"}}),
                json!({"driver_opts": {BRIDGE_NAME: "br-new"}}),
                None,
            ),
            (
                NETWORK,
                json!({"driver": "macvlan", "driver_opts": {"parent": "eth0"}}),
                json!({"driver": "ipvlan", "driver_opts": {"parent": "eth0"}}),
                Some("the interface eth0 of the host"),
            ),
            (
                NETWORK,
                json!({"driver": "macvlan", "driver_opts": {"parent": "eth0.1"}}),
                json!({"driver": "macvlan", "driver_opts": {"parent": "eth0.2"}}),
                None,
            ),
            (VOLUME, json!({}), json!({}), None),
        ];
        for (kind, old, new, expected) in cases {
            let context = format!("{old} -> {new}");
            assert_eq!(
                both(kind, old, new),
                expected.into_iter().collect::<Vec<_>>(),
                "{context}"
            );
        }
    }
}
