//! The test for a new container of a service: can it run beside the old ones that it replaces?

use bollard::models::ContainerInspectResponse;

use super::containers::name_of;
use crate::model::{Attachment, Mount, MountKind, Port, Service, addresses_meet};

/// Why a new container cannot run beside the old ones, if it cannot.
pub(crate) fn exclusive(spec: &Service, old: &[ContainerInspectResponse]) -> Option<String> {
    old.iter().find_map(|old| with(spec, old))
}

fn with(spec: &Service, old: &ContainerInspectResponse) -> Option<String> {
    if let Some(port) = spec.ports.iter().find(|port| is_bound(port, old)) {
        let published = port.published.unwrap_or_default();
        return Some(format!("port {published} of the host can be bound once"));
    }
    if spec.container_name.as_deref() == Some(name_of(old).as_str()) {
        return Some("container_name can be given once".to_owned());
    }
    // In the host's network a container listens at the host's own ports, and nothing says at which.
    let (is_host, was_host) = (spec.network_mode.as_deref() == Some("host"), uses_hosts_network(old));
    if is_host && (was_host || publishes(old)) {
        return Some("it uses the host's network".to_owned());
    }
    if was_host && spec.ports.iter().any(|port| port.published.is_some()) {
        return Some("the old one uses the host's network".to_owned());
    }
    if let Some((key, _)) = spec
        .networks
        .iter()
        .find(|(_, attachment)| has_address(attachment, old))
    {
        return Some(format!("its address in the network {key} is fixed"));
    }
    let written = spec.volumes.iter().find(|mount| is_written(mount, old))?;
    Some(match written.source.is_empty() {
        true => format!("the anonymous volume at {} goes over to it", written.target),
        false => format!("both would write to {}", written.target),
    })
}

/// True if the old container binds a port of the host. Of a range the engine takes one that is free.
fn is_bound(port: &Port, old: &ContainerInspectResponse) -> bool {
    let Some(published) = port.published.filter(|_| port.published_to.is_none()) else {
        return false;
    };
    let bindings = old.host_config.as_ref().and_then(|host| host.port_bindings.as_ref());
    let all = bindings.into_iter().flatten();
    all.filter(|(key, _)| key.ends_with(&format!("/{}", port.protocol)))
        .flat_map(|(_, bindings)| bindings.iter().flatten())
        .any(|binding| {
            binding.host_port.as_deref() == Some(published.to_string().as_str())
                && addresses_meet(port.host_ip.as_deref(), binding.host_ip.as_deref())
        })
}

/// True if a container has a port of the host.
fn publishes(old: &ContainerInspectResponse) -> bool {
    let bindings = old.host_config.as_ref().and_then(|host| host.port_bindings.as_ref());
    bindings.is_some_and(|bindings| bindings.values().flatten().next().is_some())
}

fn uses_hosts_network(old: &ContainerInspectResponse) -> bool {
    let mode = old.host_config.as_ref().and_then(|host| host.network_mode.as_deref());
    mode == Some("host")
}

/// True if the old container has an address that the new one asks for.
fn has_address(attachment: &Attachment, old: &ContainerInspectResponse) -> bool {
    let networks = old
        .network_settings
        .as_ref()
        .and_then(|settings| settings.networks.as_ref());
    let fixed = networks
        .into_iter()
        .flatten()
        .filter_map(|(_, endpoint)| endpoint.ipam_config.as_ref());
    let asked = [&attachment.ipv4_address, &attachment.ipv6_address];
    fixed
        .flat_map(|fixed| [&fixed.ipv4_address, &fixed.ipv6_address])
        .flatten()
        .any(|address| asked.into_iter().flatten().any(|asked| asked == address))
}

/// True if the old container has the same volume or path, and one of the two may change it. An anonymous volume is carried
/// over from the old container.
fn is_written(mount: &Mount, old: &ContainerInspectResponse) -> bool {
    let points = old.mounts.iter().flatten();
    let same = |name: Option<&String>, target: Option<&String>| match mount.kind {
        MountKind::Tmpfs => false,
        _ if mount.source.is_empty() => target == Some(&mount.target),
        _ => name == Some(&mount.source),
    };
    points
        .filter(|point| !mount.read_only || point.rw == Some(true))
        .any(|point| {
            let name = match mount.kind {
                MountKind::Bind => point.source.as_ref(),
                _ => point.name.as_ref(),
            };
            same(name, point.destination.as_ref())
        })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn spec(json: Json) -> Service {
        let mut json = json;
        json["image"] = "x".into();
        serde_json::from_value(json).expect("a service")
    }

    fn old() -> ContainerInspectResponse {
        serde_json::from_value(json!({
            "Name": "/shop-web",
            "HostConfig": {
                "NetworkMode": "bridge",
                "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8000"}], "53/udp": [{"HostIp": "", "HostPort": "53"}]},
            },
            "NetworkSettings": {"Networks": {"shop_back": {"IPAMConfig": {"IPv4Address": "10.9.0.5"}}}},
            "Mounts": [
                {"Type": "volume", "Name": "shop_data", "Destination": "/data", "RW": true},
                {"Type": "volume", "Name": "shop_pages", "Destination": "/pages", "RW": false},
                {"Type": "bind", "Source": "/srv/files", "Destination": "/files", "RW": true},
                {"Type": "volume", "Name": "0123", "Destination": "/scratch", "RW": true},
            ],
        }))
        .expect("a container")
    }

    #[test]
    fn what_only_one_can_hold_is_stopped_first() {
        let port = |ip: Json, published: u16| json!({"ports": [{"target": 80, "published": published, "host_ip": ip}]});
        let mount = |kind: &str, source: &str, target: &str, read_only: bool| json!({"volumes": [{"type": kind, "source": source, "target": target, "read_only": read_only}]});
        let once = Some("port 8000 of the host can be bound once");
        for (new, why) in [
            (json!({}), None),
            (json!({"ports": [{"target": 80}]}), None),
            (port(json!("127.0.0.1"), 8000), once),
            (port(Json::Null, 8000), once),
            (port(json!("0.0.0.0"), 8000), once),
            (port(json!("127.0.0.2"), 8000), None),
            (port(Json::Null, 8001), None),
            (json!({"ports": [{"target": 80, "published": 53}]}), None),
            (
                json!({"ports": [{"target": 80, "published": 53, "protocol": "udp"}]}),
                Some("port 53 of the host can be bound once"),
            ),
            (
                json!({"ports": [{"target": 80, "published": 8000, "published_to": 8010}]}),
                None,
            ),
            (
                json!({"container_name": "shop-web"}),
                Some("container_name can be given once"),
            ),
            (json!({"container_name": "other"}), None),
            (port(json!("::"), 8000), None),
            (json!({"network_mode": "host"}), Some("it uses the host's network")),
            (
                json!({"networks": {"back": {"ipv4_address": "10.9.0.5"}}}),
                Some("its address in the network back is fixed"),
            ),
            (json!({"networks": {"back": {"ipv4_address": "10.9.0.6"}}}), None),
            (
                mount("volume", "shop_data", "/data", false),
                Some("both would write to /data"),
            ),
            (
                mount("volume", "shop_data", "/data", true),
                Some("both would write to /data"),
            ),
            (
                mount("volume", "shop_data", "/other", false),
                Some("both would write to /other"),
            ),
            (mount("volume", "shop_files", "/data", false), None),
            (mount("volume", "shop_pages", "/pages", true), None),
            (
                mount("bind", "/srv/files", "/files", false),
                Some("both would write to /files"),
            ),
            (mount("bind", "/srv/other", "/files", false), None),
            (
                mount("volume", "", "/scratch", false),
                Some("the anonymous volume at /scratch goes over to it"),
            ),
            (mount("tmpfs", "", "/data", false), None),
        ] {
            let found = exclusive(&spec(new.clone()), &[old()]);
            assert_eq!(found.as_deref(), why, "{new}");
            assert_eq!(exclusive(&spec(new), &[]), None);
        }
    }

    #[test]
    fn two_in_the_network_of_the_host_may_listen_at_one_port() {
        let published = json!({"ports": [{"target": 80, "published": 8000}]});
        let new = "it uses the host's network";
        for (definition, mode, ports, why) in [
            (json!({"network_mode": "host"}), "host", json!({}), Some(new)),
            (json!({"network_mode": "host"}), "bridge", json!({}), None),
            (
                json!({"network_mode": "host"}),
                "bridge",
                json!({"80/tcp": [{"HostPort": "80"}]}),
                Some(new),
            ),
            (json!({"network_mode": "none"}), "host", json!({}), None),
            (
                published,
                "host",
                json!({}),
                Some("the old one uses the host's network"),
            ),
        ] {
            let host = json!({"HostConfig": {"NetworkMode": mode, "PortBindings": ports}});
            let old: ContainerInspectResponse = serde_json::from_value(host).expect("a container");
            assert_eq!(
                exclusive(&spec(definition.clone()), &[old]).as_deref(),
                why,
                "{definition} {mode}"
            );
        }
    }
}
