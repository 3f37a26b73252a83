//! From the tree of all files to one of the services that are wanted, with what follows from it filled in.

use std::collections::BTreeSet;

use super::problem::Findings;
use super::tree::{At, Data, Map, Node, Path};
use super::variables::Variables;
use crate::parse::mount::clean;

/// Keys by which a service uses something of another one, as `service:NAME`.
const SHARED: [&str; 5] = ["network_mode", "ipc", "pid", "uts", "cgroup"];

/// Leaves out the services of inactive profiles, and gives the names of those that are left out.
pub(super) fn select(tree: &mut Node, profiles: &BTreeSet<String>) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    let Some(services) = tree.get_mut("services").and_then(Node::as_map_mut) else {
        return out;
    };
    services.retain(|name, service| {
        let of = service.get("profiles").and_then(Node::as_list).unwrap_or_default();
        let is_active = |profile: &Node| profile.as_text().is_some_and(|name| profiles.contains(name));
        let stays = of.is_empty() || profiles.contains("*") || of.iter().any(is_active);
        if !stays {
            out.insert(name.clone());
        }
        stays
    });
    out
}

/// Maps whose values are texts, however they are written.
const TEXTS: [&str; 12] = [
    "networks.*.driver_opts",
    "networks.*.labels",
    "services.*.annotations",
    "services.*.build.args",
    "services.*.build.labels",
    "services.*.environment",
    "services.*.labels",
    "services.*.logging.options",
    "services.*.networks.*.driver_opts",
    "services.*.sysctls",
    "volumes.*.driver_opts",
    "volumes.*.labels",
];

/// Turns numbers and booleans into texts where those are meant.
fn texts(node: &mut Node, path: &Path) {
    let are_texts = TEXTS.iter().any(|pattern| path.matches(pattern));
    for (key, value) in node.as_map_mut().into_iter().flatten() {
        match value.scalar().filter(|_| are_texts) {
            Some(text) => value.data = Data::Text(text),
            None => texts(value, &path.key(key)),
        }
    }
}

/// Fills in what follows from what is there.
pub(super) fn normalize(tree: &mut Node, variables: &Variables<'_>, found: &Findings) {
    texts(tree, &Path::root());
    let services = tree.get_mut("services").and_then(Node::as_map_mut);
    for service in services.into_iter().flat_map(Map::values_mut) {
        if let Some(environment) = service.get_mut("environment") {
            resolve(environment, variables);
        }
        if let Some(arguments) = service.get_mut("build").and_then(|build| build.get_mut("args")) {
            resolve(arguments, variables);
        }
        for mount in service
            .get_mut("volumes")
            .and_then(Node::as_list_mut)
            .into_iter()
            .flatten()
        {
            if let Some(Data::Text(target)) = mount.get_mut("target").map(|target| &mut target.data) {
                *target = clean(target);
            }
        }
        depend(service);
        mode(service, found);
    }
}

/// Drops the mode of a service, of which one engine knows only one.
fn mode(service: &mut Node, found: &Findings) {
    let deploy = service.get_mut("deploy").and_then(Node::as_map_mut);
    let mode = deploy.and_then(|deploy| deploy.remove("mode"));
    if let Some(mode) = mode.filter(|mode| mode.as_text() != Some("replicated")) {
        let text = mode.scalar().unwrap_or_default();
        found.note(
            mode.at,
            format!("deploy.mode {text} has no effect: it needs a cluster of engines"),
        );
    }
}

/// Gives variables without a value the one that they have here, and leaves out those that have none.
fn resolve(node: &mut Node, variables: &Variables<'_>) {
    match &mut node.data {
        Data::Map(map) => map.retain(|name, value| {
            if !value.is_null() {
                return true;
            }
            let here = variables.get(name);
            here.map(|text| value.data = Data::Text(text)).is_some()
        }),
        Data::List(items) => items.retain_mut(|item| {
            let Some(name) = item.as_text().filter(|text| !text.contains('=')) else {
                return true;
            };
            let here = variables.get(name).map(|value| format!("{name}={value}"));
            here.map(|text| item.data = Data::Text(text)).is_some()
        }),
        _ => {}
    }
}

/// Adds the dependencies that links and shared namespaces imply.
fn depend(service: &mut Node) {
    let mut implied: Vec<(String, bool, At)> = Vec::new();
    for link in service.get("links").and_then(Node::as_list).unwrap_or_default() {
        let name = link.as_text().unwrap_or_default().split(':').next().unwrap_or_default();
        implied.push((name.to_owned(), true, link.at));
    }
    for key in SHARED {
        let node = service.get(key);
        let name = node
            .and_then(Node::as_text)
            .and_then(|text| text.strip_prefix("service:"));
        implied.extend(name.map(|name| (name.to_owned(), true, node.map(|node| node.at).unwrap_or_default())));
    }
    for from in service.get("volumes_from").and_then(Node::as_list).unwrap_or_default() {
        let text = from.as_text().unwrap_or_default();
        if !text.starts_with("container:") {
            let name = text.split(':').next().unwrap_or_default();
            implied.push((name.to_owned(), false, from.at));
        }
    }
    let Some(service) = service.as_map_mut().filter(|_| !implied.is_empty()) else {
        return;
    };
    let at = implied[0].2;
    let depends_on = service
        .entry("depends_on".to_owned())
        .or_insert_with(|| Node::new(Data::Map(Map::new()), at));
    for (name, restart, at) in implied {
        if let Some(map) = depends_on.as_map_mut() {
            map.entry(name).or_insert_with(|| {
                let entries = [
                    ("condition", Node::text("service_started", at)),
                    ("required", Node::flag(true, at)),
                    ("restart", Node::flag(restart, at)),
                ];
                Node::map(entries, at)
            });
        }
    }
}
