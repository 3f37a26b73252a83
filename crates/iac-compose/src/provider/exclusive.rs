//! What two objects of different names can not hold at the same time, so that a rename has to delete the old one first.

use iac_core::provider::Exclusive;
use iac_core::value::FieldPath;

use crate::inputs::{Inputs, NetworkInputs, ServiceInputs};
use crate::model::Port;

/// What both the old and the new object ask for.
pub(crate) fn of(old: &Inputs, new: &Inputs) -> Vec<Exclusive> {
    match (old, new) {
        (Inputs::Service(old), Inputs::Service(new)) => services(old, new),
        (Inputs::Network(old), Inputs::Network(new)) => networks(old, new),
        _ => Vec::new(),
    }
}

fn services(old: &ServiceInputs, new: &ServiceInputs) -> Vec<Exclusive> {
    let mut found = Vec::new();
    for port in &new.spec.ports {
        if let Some(published) = port.published
            && old.spec.ports.iter().any(|other| meet(port, other))
        {
            found.push(exclusive(
                "ports",
                format!("port {published}/{} of the host", port.protocol),
            ));
        }
    }
    if let Some(name) = &new.spec.container_name
        && old.spec.container_name.as_ref() == Some(name)
    {
        found.push(exclusive("container_name", format!("the container name {name}")));
    }
    for (key, attachment) in &new.spec.networks {
        let before = old.spec.networks.get(key);
        let addresses = [
            (&attachment.ipv4_address, before.map(|before| &before.ipv4_address)),
            (&attachment.ipv6_address, before.map(|before| &before.ipv6_address)),
        ];
        for (address, before) in addresses {
            if let Some(address) = address
                && before.and_then(Option::as_ref) == Some(address)
            {
                found.push(exclusive(
                    "networks",
                    format!("the address {address} in the network {key}"),
                ));
            }
        }
    }
    found
}

/// Whether two published ports are the same one of the host.
fn meet(a: &Port, b: &Port) -> bool {
    let same_address = a.host_ip.is_none() || b.host_ip.is_none() || a.host_ip == b.host_ip;
    a.published == b.published && a.protocol == b.protocol && same_address
}

fn networks(old: &NetworkInputs, new: &NetworkInputs) -> Vec<Exclusive> {
    let subnets = |inputs: &NetworkInputs| -> Vec<String> {
        let pools = inputs.spec.ipam.config.iter();
        pools.filter_map(|pool| pool.subnet.clone()).collect()
    };
    let before = subnets(old);
    let both = subnets(new).into_iter().filter(|subnet| before.contains(subnet));
    both.map(|subnet| exclusive("ipam", format!("the subnet {subnet}")))
        .collect()
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
            (SERVICE, named("web"), named("web"), Some("the container name web")),
            (SERVICE, named("web"), named("web-2"), None),
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
