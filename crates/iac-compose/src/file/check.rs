//! Checks of a whole project: definitions that contradict each other, and names of things that do not exist.

use std::collections::{BTreeMap, BTreeSet};

use super::circles;
use super::problem::Findings;
use super::tree::{At, Data, Map, Node, Path};

/// Reports what in the services contradicts itself, or names what is not there. `inactive` are services that are left out.
pub(super) fn check(tree: &Node, inactive: &BTreeSet<String>, found: &Findings) {
    contents(tree, found);
    externals(tree, found);
    circles::check(tree, found);
    let services = tree.get("services").and_then(Node::as_map);
    let names: BTreeSet<&String> = services.into_iter().flat_map(Map::keys).collect();
    let mut containers: BTreeMap<String, &String> = BTreeMap::new();
    for (name, service) in services.into_iter().flatten() {
        let check = Check {
            tree,
            service,
            path: Path::of(&["services", name]),
            found,
        };
        check.image();
        check.names();
        check.dependencies(&names, inactive);
        check.amounts();
        check.containers();
        check.environment();
        check.devices();
        check.attempts();
        check.mounts();
        check.targets();
        if let Some(node) = service.get("container_name")
            && let Some(other) = containers.insert(node.scalar().unwrap_or_default(), name)
        {
            let message = format!("the service {other} has a container of this name already");
            found.problem(node.at, &check.path.key("container_name"), message);
        }
    }
}

/// Volumes of somebody else of which more is said than their names.
fn externals(tree: &Node, found: &Findings) {
    for (name, volume) in tree.get("volumes").and_then(Node::as_map).into_iter().flatten() {
        let is_external = matches!(volume.get("external").map(|node| &node.data), Some(Data::Flag(true)));
        let others = volume.as_map().into_iter().flatten();
        for (key, node) in others.filter(|(key, _)| is_external && !matches!(key.as_str(), "external" | "name")) {
            let message = "an external volume is only named, since somebody else makes it; leave this out";
            found.problem(node.at, &Path::of(&["volumes", name, key]), message);
        }
    }
}

/// Configs and secrets that do not say where their content comes from, or say it twice.
fn contents(tree: &Node, found: &Findings) {
    for (section, keys) in [
        ("configs", &["content", "environment", "file"][..]),
        ("secrets", &["environment", "file"]),
    ] {
        for (name, node) in tree.get(section).and_then(Node::as_map).into_iter().flatten() {
            let count = keys.iter().filter(|key| node.get(key).is_some()).count();
            let has_content = node.get(super::load::CONTENT).is_some();
            let path = Path::of(&[section, name]);
            let message = match count + usize::from(has_content) {
                // One that says it in a way that is not supported has been told so.
                0 if !found.has(&path) => format!("one of {} is missing", keys.join(", ")),
                0 | 1 => continue,
                _ => format!("only one of {} can be there", keys.join(", ")),
            };
            found.problem(node.at, &path, message);
        }
    }
}

struct Check<'a> {
    tree: &'a Node,
    service: &'a Node,
    path: Path,
    found: &'a Findings,
}

impl Check<'_> {
    fn problem(&self, at: At, key: &str, message: String) {
        self.found.problem(at, &self.path.key(key), message);
    }

    fn text(&self, keys: &[&str]) -> Option<String> {
        self.service.find(keys).and_then(Node::scalar)
    }

    fn list(&self, key: &str) -> &[Node] {
        self.service.get(key).and_then(Node::as_list).unwrap_or_default()
    }

    fn image(&self) {
        let has_image = self.text(&["image"]).is_some_and(|image| !image.is_empty());
        let Some(build) = self.service.get("build") else {
            if !has_image {
                let message = "there is neither an image nor a build";
                self.found.problem(self.service.at, &self.path, message);
            }
            return;
        };
        if let (Some(_), Some(inline)) = (build.get("dockerfile"), build.get("dockerfile_inline")) {
            self.problem(
                inline.at,
                "build",
                "dockerfile and dockerfile_inline exclude one another".to_owned(),
            );
        }
        if let Some(context) = build.get("context")
            && let Some(text) = context.as_text().filter(|text| super::paths::is_remote(text))
        {
            let message =
                format!("the context {text} is not on this machine; fetch it beforehand, and name its folder");
            self.problem(context.at, "build.context", message);
        }
    }

    /// Networks, volumes, configs and secrets that a service names.
    fn names(&self) {
        let is_there = |section: &str, name: &str| self.tree.find(&[section, name]).is_some();
        if let Some(networks) = self.service.get("networks").and_then(Node::as_map) {
            if let Some(mode) = self.service.get("network_mode").filter(|_| !networks.is_empty()) {
                let message = "network_mode and networks exclude one another; leave one of them out";
                self.problem(mode.at, "network_mode", message.to_owned());
            }
            for (name, node) in networks
                .iter()
                .filter(|(name, _)| *name != "default" && !is_there("networks", name))
            {
                self.problem(node.at, "networks", unknown("network", name));
            }
        }
        for (index, mount) in self.list("volumes").iter().enumerate() {
            let is_volume = mount.get("type").and_then(Node::as_text) == Some("volume");
            let source = mount
                .get("source")
                .and_then(Node::as_text)
                .filter(|source| is_volume && !source.is_empty());
            if let Some(name) = source.filter(|name| !is_there("volumes", name)) {
                let path = self.path.key("volumes").item(index);
                self.found.problem(mount.at, &path, unknown("volume", name));
            }
        }
        for (key, what) in [("configs", "config"), ("secrets", "secret")] {
            for (index, file) in self.list(key).iter().enumerate() {
                let source = file.get("source").and_then(Node::as_text);
                if let Some(name) = source.filter(|name| !is_there(key, name)) {
                    self.found
                        .problem(file.at, &self.path.key(key).item(index), unknown(what, name));
                }
            }
        }
    }

    fn dependencies(&self, names: &BTreeSet<&String>, inactive: &BTreeSet<String>) {
        for (other, node) in self
            .service
            .get("depends_on")
            .and_then(Node::as_map)
            .into_iter()
            .flatten()
        {
            let is_required = !matches!(node.get("required").map(|node| &node.data), Some(Data::Flag(false)));
            if names.contains(other) || (inactive.contains(other) && !is_required) {
                continue;
            }
            let message = match inactive.contains(other) {
                true => format!("{other:?} is in a profile that is not active; name the profile in COMPOSE_PROFILES"),
                false => format!("there is no service {other:?}"),
            };
            self.found
                .problem(node.at, &self.path.key("depends_on").key(other), message);
        }
    }

    /// The same amount, said in two places with two values.
    fn amounts(&self) {
        let pairs: [(&str, &[&str], Compare); 5] = [
            ("scale", &["deploy", "replicas"], Compare::Text),
            ("cpus", &["deploy", "resources", "limits", "cpus"], Compare::Number),
            (
                "mem_limit",
                &["deploy", "resources", "limits", "memory"],
                Compare::Bytes,
            ),
            (
                "mem_reservation",
                &["deploy", "resources", "reservations", "memory"],
                Compare::Bytes,
            ),
            ("pids_limit", &["deploy", "resources", "limits", "pids"], Compare::Text),
        ];
        for (key, other, compare) in pairs {
            let section = self.service.find(&other[..other.len() - 1]);
            let (Some(node), Some(_)) = (self.service.get(key), section) else {
                continue;
            };
            let (one, two) = (self.text(&[key]), self.text(other));
            // The two numbers of containers only contradict one another where both are given.
            let is_given = two.is_some() || key != "scale";
            let is_zero = one.as_deref().is_none_or(|one| compare.of(one) == compare.of("0"));
            let differ = one.as_deref().map(|one| compare.of(one)) != Some(compare.of(two.as_deref().unwrap_or("0")));
            if is_given && differ && (key == "scale" || !is_zero) {
                self.problem(
                    node.at,
                    key,
                    format!("{} says something else; leave one of them out", other.join(".")),
                );
            }
        }
        for keys in [&["scale"][..], &["deploy", "replicas"]] {
            if let Some(node) = self.service.find(keys)
                && matches!(node.data, Data::Int(count) if count < 0)
            {
                self.problem(node.at, keys[0], "a number of containers cannot be negative".to_owned());
            }
        }
    }

    /// Several containers of one name.
    fn containers(&self) {
        let Some(name) = self.service.get("container_name") else {
            return;
        };
        let text = name.scalar().unwrap_or_default();
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if text.len() < 2 || !text.starts_with(|c: char| c.is_ascii_alphanumeric()) || !text.chars().all(fits) {
            let message = format!(
                "{text:?} cannot be a container's name; it has two or more letters, digits, and . _ -, and begins with a letter or digit"
            );
            self.problem(name.at, "container_name", message);
        }
        let count = self.text(&["scale"]).or_else(|| self.text(&["deploy", "replicas"]));
        if let Some(count) = count.filter(|count| count.parse::<i64>().is_ok_and(|count| count > 1)) {
            let message = format!("{count} containers cannot have one name; leave it out, or have one container");
            self.problem(name.at, "container_name", message);
        }
    }

    /// Names of variables that end with a blank, as those of a list in quotes may.
    fn environment(&self) {
        for (index, item) in self.list("environment").iter().enumerate() {
            let name = item
                .as_text()
                .and_then(|text| text.split('=').next())
                .unwrap_or_default();
            if name.ends_with(char::is_whitespace) {
                let path = self.path.key("environment").item(index);
                let message = format!("the variable's name {name:?} ends with a blank");
                self.found.problem(item.at, &path, message);
            }
        }
    }

    /// Devices that are asked for both by number and by name.
    fn devices(&self) {
        let reserved = self.service.find(&["deploy", "resources", "reservations", "devices"]);
        for (key, list) in [("gpus", self.service.get("gpus")), ("deploy", reserved)] {
            for item in list.and_then(Node::as_list).unwrap_or_default() {
                if item.get("count").is_some() && item.get("device_ids").is_some() {
                    self.problem(item.at, key, "count and device_ids exclude one another".to_owned());
                }
            }
        }
    }

    /// A number of attempts, where it is not said that there are only so many.
    fn attempts(&self) {
        let Some(policy) = self.service.find(&["deploy", "restart_policy"]) else {
            return;
        };
        let Some(attempts) = policy
            .get("max_attempts")
            .filter(|node| node.scalar().as_deref() != Some("0"))
        else {
            return;
        };
        match policy.get("condition").and_then(Node::as_text) {
            Some("on-failure") => {}
            None => self.found.note(
                attempts.at,
                format!(
                    "{}.deploy.restart_policy has no condition, so that the container is not started again",
                    self.path
                ),
            ),
            Some(other) => {
                let message =
                    format!("max_attempts needs the condition on-failure, not {other:?}; the engine refuses it");
                self.problem(attempts.at, "deploy.restart_policy", message);
            }
        }
    }

    /// Mounts of a kind that we do not make, and those of a path that is not named.
    fn mounts(&self) {
        for (index, mount) in self.list("volumes").iter().enumerate() {
            let kind = mount.get("type").and_then(Node::as_text).unwrap_or_default();
            let has_source = mount.get("source").is_some();
            let message = match kind {
                "bind" if !has_source => "the source is missing: a path of the host".to_owned(),
                "image" => "a mount of type \"image\" is not supported; copy what is needed into an image of your own"
                    .to_owned(),
                "npipe" | "cluster" => {
                    format!("a mount of type {kind:?} is not supported; it needs another kind of engine")
                }
                _ => continue,
            };
            self.found
                .problem(mount.at, &self.path.key("volumes").item(index), message);
        }
    }

    /// Two mounts at one place.
    fn targets(&self) {
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        let tmpfs = self.service.get("tmpfs");
        let tmpfs = tmpfs
            .map(|node| node.as_list().unwrap_or(std::slice::from_ref(node)))
            .unwrap_or_default();
        let tmpfs = tmpfs.iter().enumerate().map(|(index, node)| {
            let text = node.as_text().unwrap_or_default();
            (
                "tmpfs",
                index,
                node,
                text.split(':').next().unwrap_or_default().to_owned(),
            )
        });
        let volumes = self.list("volumes").iter().enumerate().map(|(index, node)| {
            (
                "volumes",
                index,
                node,
                node.get("target").and_then(Node::scalar).unwrap_or_default(),
            )
        });
        for (key, index, node, target) in tmpfs.chain(volumes) {
            let path = self.path.key(key).item(index);
            if let Some(first) = seen.insert(target.clone(), path.to_string()) {
                self.found
                    .problem(node.at, &path, format!("{first} is mounted at {target} already"));
            }
        }
    }
}

/// The way in which two amounts are compared.
#[derive(Clone, Copy)]
enum Compare {
    Text,
    Number,
    Bytes,
}

impl Compare {
    fn of(self, text: &str) -> String {
        match self {
            Self::Text => text.to_owned(),
            Self::Number => text
                .parse::<f32>()
                .map_or_else(|_| text.to_owned(), |number| number.to_string()),
            Self::Bytes => crate::parse::bytes::parse(text).map_or_else(|_| text.to_owned(), |bytes| bytes.to_string()),
        }
    }
}

fn unknown(what: &str, name: &str) -> String {
    format!("the project has no {what} {name:?}; declare it under {what}s at the top of the file")
}
