//! Short forms become long ones.

use super::problem::Findings;
use super::tree::{At, Data, Map, Node, Path};
use super::{cast, merge};
use crate::model::{Mount, MountKind, Port};
use crate::parse;

/// Gives each part of a tree its long form.
pub(super) fn transform(node: &mut Node, path: &Path, found: &Findings) {
    let at = node.at;
    let is = |pattern: &str| path.matches(pattern);
    if is("services.*.build") {
        if let Data::Text(_) = node.data {
            *node = Node::map([("context", node.clone())], at);
        }
    } else if is("services.*.depends_on") {
        depends_on(node);
    } else if is("services.*.env_file") || is("services.*.label_file") {
        list(node);
        if is("services.*.env_file") {
            node.as_list_mut().into_iter().flatten().for_each(env_file);
        }
    } else if is("services.*.networks") {
        if let Data::List(items) = &node.data {
            let names = items
                .iter()
                .filter_map(|item| Some((item.as_text()?.to_owned(), Node::new(Data::Null, item.at))));
            node.data = Data::Map(names.collect());
        }
    } else if is("services.*.dns") {
        list(node);
        // An empty server, as `${DNS:-}` leaves one, is none.
        let is_some = |item: &Node| !item.is_null() && item.as_text() != Some("");
        node.as_list_mut().into_iter().for_each(|items| items.retain(is_some));
    } else if is("services.*.ports") {
        ports(node, path, found);
    } else if is("services.*.volumes.*") {
        mount(node, path, found);
    } else if is("services.*.devices.*") {
        device(node, path, found);
    } else if is("services.*.secrets.*") || is("services.*.configs.*") {
        if let Data::Text(_) = node.data {
            *node = Node::map([("source", node.clone())], at);
        }
    } else if is("services.*.gpus") {
        if let Data::Text(_) = node.data {
            node.data = Data::List(vec![Node::map([("count", Node::text("all", at))], at)]);
        }
    } else if ["networks.*", "volumes.*", "configs.*", "secrets.*"]
        .iter()
        .any(|pattern| is(pattern))
    {
        external(node, path, found);
    }
    match &mut node.data {
        Data::Map(map) => {
            for (key, value) in map {
                transform(value, &path.key(key), found);
            }
        }
        Data::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                transform(item, &path.item(index), found);
            }
        }
        _ => {}
    }
}

/// A single text becomes a list of it.
fn list(node: &mut Node) {
    if let Data::Text(_) = node.data {
        node.data = Data::List(vec![node.clone()]);
    }
}

fn env_file(node: &mut Node) {
    let at = node.at;
    if let Data::Text(_) = node.data {
        *node = Node::map([("path", node.clone())], at);
    }
    if let Some(map) = node.as_map_mut() {
        map.entry("required".to_owned()).or_insert_with(|| Node::flag(true, at));
    }
}

fn depends_on(node: &mut Node) {
    match &mut node.data {
        Data::List(items) => {
            let names = items
                .iter()
                .filter_map(|item| Some((item.as_text()?.to_owned(), merge::dependency(item))));
            node.data = Data::Map(names.collect());
        }
        Data::Map(map) => {
            for dependency in map.values_mut() {
                let at = dependency.at;
                if let Some(map) = dependency.as_map_mut() {
                    map.entry("required".to_owned()).or_insert_with(|| Node::flag(true, at));
                }
            }
        }
        _ => {}
    }
}

fn ports(node: &mut Node, path: &Path, found: &Findings) {
    let Data::List(items) = &mut node.data else { return };
    let mut ports = Vec::new();
    for (index, item) in std::mem::take(items).into_iter().enumerate() {
        let Some(text) = item.scalar() else {
            ports.push(item);
            continue;
        };
        match parse::port::parse(&text) {
            Ok(parsed) => ports.extend(parsed.iter().map(|port| port_node(port, item.at))),
            Err(error) => found.problem(item.at, &path.item(index), error.to_string()),
        }
    }
    *items = ports;
}

fn port_node(port: &Port, at: At) -> Node {
    let mut map: Map = [
        ("target".to_owned(), Node::new(Data::Int(port.target.into()), at)),
        ("protocol".to_owned(), Node::text(&port.protocol, at)),
    ]
    .into();
    if let Some(published) = port.published_text() {
        map.insert("published".to_owned(), Node::text(published, at));
    }
    if let Some(ip) = &port.host_ip {
        map.insert("host_ip".to_owned(), Node::text(ip, at));
    }
    Node::new(Data::Map(map), at)
}

fn mount(node: &mut Node, path: &Path, found: &Findings) {
    let at = node.at;
    let Some(text) = node.as_text() else { return };
    match parse::mount::parse(text) {
        Ok(mount) => node.data = Data::Map(mount_map(&mount, at)),
        Err(error) => found.problem(at, path, error.to_string()),
    }
}

fn mount_map(mount: &Mount, at: At) -> Map {
    let text = |text: &str| Node::text(text, at);
    let kind = if mount.kind == MountKind::Bind {
        "bind"
    } else {
        "volume"
    };
    let mut map: Map = [
        ("type".to_owned(), text(kind)),
        ("target".to_owned(), text(&mount.target)),
    ]
    .into();
    if !mount.source.is_empty() {
        map.insert("source".to_owned(), text(&mount.source));
    }
    if mount.read_only {
        map.insert("read_only".to_owned(), Node::flag(true, at));
    }
    let mut options = Map::new();
    if mount.kind == MountKind::Bind {
        options.insert("create_host_path".to_owned(), Node::flag(true, at));
    }
    for (key, value) in [("propagation", &mount.propagation), ("selinux", &mount.selinux)] {
        if let Some(value) = value {
            options.insert(key.to_owned(), text(value));
        }
    }
    if !options.is_empty() {
        map.insert("bind".to_owned(), Node::new(Data::Map(options), at));
    }
    if mount.no_copy {
        map.insert("volume".to_owned(), Node::map([("nocopy", Node::flag(true, at))], at));
    }
    map
}

fn device(node: &mut Node, path: &Path, found: &Findings) {
    let at = node.at;
    let Some(text) = node.as_text() else { return };
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, permissions) = match parts[..] {
        [source] => (source, source, "rwm"),
        [source, target] => (source, target, "rwm"),
        [source, target, permissions] => (source, target, permissions),
        _ => {
            let message = format!("{text:?} is no device; write \"/dev/host:/dev/container:rwm\"");
            return found.problem(at, path, message);
        }
    };
    let target = if target.is_empty() { source } else { target };
    let entries = [
        ("source", Node::text(source, at)),
        ("target", Node::text(target, at)),
        ("permissions", Node::text(permissions, at)),
    ];
    *node = Node::map(entries, at);
}

/// `external: {name: x}`, the old form of `external: true` with `name: x`.
fn external(node: &mut Node, path: &Path, found: &Findings) {
    let at = node.at;
    let Some(map) = node.as_map_mut() else { return };
    let Some(external) = map.get("external") else { return };
    let flag = match &external.data {
        Data::Text(text) => cast::flag(text),
        Data::Map(_) => Some(true),
        _ => return,
    };
    let Some(flag) = flag else {
        return found.problem(external.at, &path.key("external"), "expected true or false");
    };
    let name = external.get("name").cloned();
    map.insert("external".to_owned(), Node::flag(flag, at));
    let Some(name) = name else { return };
    match map.get("name") {
        Some(given) if !given.same(&name) => {
            found.problem(
                name.at,
                &path.key("external"),
                "its name is not the one that name says; leave this one out",
            );
        }
        _ => {
            map.insert("name".to_owned(), name);
        }
    }
}
