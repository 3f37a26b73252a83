//! From the finished tree to the model's types.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use super::problem::Findings;
use super::tree::{At, Node, Path};
use super::variables::Variables;
use super::withheld;
use crate::model::{Config, Deploy, Network, Service, Volume};
use crate::parse::{dotenv, words};

/// Keys of a service that an empty text leaves as they are without it: what a variable that is not set comes to.
const UNSET_WHEN_EMPTY: [&str; 15] = [
    "cgroup_parent",
    "cpuset",
    "domainname",
    "hostname",
    "ipc",
    "mac_address",
    "network_mode",
    "pid",
    "platform",
    "restart",
    "runtime",
    "stop_signal",
    "user",
    "userns_mode",
    "working_dir",
];

/// The content of a project's files, each thing with its place.
#[derive(Debug, Default)]
pub(super) struct Project {
    pub(super) services: BTreeMap<String, (Service, Node)>,
    pub(super) networks: BTreeMap<String, (Network, Node)>,
    pub(super) volumes: BTreeMap<String, (Volume, Node)>,
    pub(super) configs: BTreeMap<String, (Config, Node)>,
    pub(super) secrets: BTreeMap<String, (Config, Node)>,
}

/// The context in which texts of the files are read.
pub(super) struct Reader<'a> {
    pub(super) variables: &'a Variables<'a>,
    pub(super) found: &'a Findings,
}

impl Reader<'_> {
    /// The types of a tree.
    pub(super) fn project(&self, tree: &Node) -> Project {
        let mut project = Project {
            networks: self.section(tree, "networks"),
            volumes: self.section(tree, "volumes"),
            configs: self.section(tree, "configs"),
            secrets: self.section(tree, "secrets"),
            services: BTreeMap::new(),
        };
        for (name, node) in tree.get("services").and_then(Node::as_map).into_iter().flatten() {
            if let Some(service) = self.service(name, node) {
                project.services.insert(name.clone(), (service, node.clone()));
            }
        }
        let used = |of: fn(&Service) -> &Vec<crate::model::FileMount>, name: &str| {
            let services = project.services.values();
            services
                .flat_map(|(service, _)| of(service))
                .any(|file| file.source == name)
        };
        let networks: Vec<&String> = project
            .services
            .values()
            .flat_map(|(service, _)| service.networks.keys())
            .collect();
        project
            .networks
            .retain(|name, _| name == "default" || networks.contains(&name));
        project.configs.retain(|name, _| used(|service| &service.configs, name));
        project.secrets.retain(|name, _| used(|service| &service.secrets, name));
        project
    }

    fn section<T: DeserializeOwned + Default>(&self, tree: &Node, section: &str) -> BTreeMap<String, (T, Node)> {
        let mut all = BTreeMap::new();
        for (name, node) in tree.get(section).and_then(Node::as_map).into_iter().flatten() {
            let mut node = node.clone();
            if let Some(map) = node
                .as_map_mut()
                .filter(|_| section == "configs" || section == "secrets")
            {
                // One engine keeps neither, so that the name has no use.
                map.remove("name");
                if let Some(content) = map.remove(super::load::CONTENT) {
                    map.insert("content".to_owned(), content);
                }
            }
            let value = match node.is_null() {
                true => Some(T::default()),
                false => self.typed(&node, &Path::of(&[section, name])),
            };
            all.extend(value.map(|value| (name.clone(), (value, node))));
        }
        all
    }

    /// Reads a node as a type, and says where in the file it does not fit.
    fn typed<T: DeserializeOwned>(&self, node: &Node, path: &Path) -> Option<T> {
        match serde_path_to_error::deserialize(node.to_json()) {
            Ok(value) => Some(value),
            Err(error) => {
                let (mut node, mut path) = (node, path.clone());
                for segment in error.path() {
                    let (next, step) = step(node, segment);
                    path = step.map_or(path.clone(), |step| path.key(&step));
                    node = next.unwrap_or(node);
                }
                let mut message = error.into_inner().to_string();
                while let Some((index, rest)) = indexed(&message) {
                    path = path.item(index);
                    node = node.as_list().and_then(|items| items.get(index)).unwrap_or(node);
                    message = rest.to_owned();
                }
                if !self.found.has(&path) {
                    self.found.problem(node.at, &path, message);
                }
                None
            }
        }
    }

    fn service(&self, name: &str, node: &Node) -> Option<Service> {
        let path = Path::of(&["services", name]);
        self.note_cut_commands(node, &path);
        let mut filled = node.clone();
        if let Some(map) = filled.as_map_mut() {
            map.retain(|key, value| !(UNSET_WHEN_EMPTY.contains(&key.as_str()) && value.as_text() == Some("")));
        }
        let mut service: Service = self.typed(&filled, &path)?;
        service.deploy = service.deploy.take().filter(|deploy| *deploy != Deploy::default());
        self.label_files(&mut service, node, &path)?;
        self.env_files(&mut service, node, &path)?;
        Some(service)
    }

    /// A command that is one text ends at a shell's operator, which is seldom what its author wanted.
    fn note_cut_commands(&self, service: &Node, path: &Path) {
        for key in ["command", "entrypoint"] {
            let Some(node) = service.get(key) else { continue };
            if let Some(operator) = node.as_text().and_then(words::operator) {
                self.found.note(
                    node.at,
                    format!(
                        "{} ends at {operator}, as it does for docker compose; for a shell write [sh, -c, \"…\"]",
                        path.key(key)
                    ),
                );
            }
        }
    }

    /// Adds the variables of the env files, which those of `environment` beat.
    fn env_files(&self, service: &mut Service, node: &Node, path: &Path) -> Option<()> {
        let mut all: Vec<(String, String)> = Vec::new();
        for (index, file) in std::mem::take(&mut service.env_file).into_iter().enumerate() {
            let path = path.key("env_file").item(index);
            let at = item_at(node, "env_file", index);
            if !file.required && !std::path::Path::new(&file.path).exists() {
                continue;
            }
            let lookup = |name: &str| {
                let own = || service.environment.get(name).cloned();
                self.variables.get(name).or_else(own)
            };
            let text = self.text(&file.path, at, &path)?;
            let read = file.read(&text, &lookup, &mut all);
            read.map_err(|error| {
                self.found
                    .problem(at, &path, format!("{}:{}: {}", file.path, error.line, error.message));
            })
            .ok()?;
            if let Some(Err(message)) = all.iter().map(|(_, value)| withheld::check(value)).find(Result::is_err) {
                self.found.problem(at, &path, format!("{}: {message}", file.path));
                return None;
            }
        }
        for (key, value) in all.into_iter().rev() {
            service.environment.entry(key).or_insert(value);
        }
        Some(())
    }

    /// Adds the labels of the label files, which those of `labels` beat.
    fn label_files(&self, service: &mut Service, node: &Node, path: &Path) -> Option<()> {
        let mut all: Vec<(String, String)> = Vec::new();
        for (index, file) in std::mem::take(&mut service.label_file).into_iter().enumerate() {
            let path = path.key("label_file").item(index);
            let at = item_at(node, "label_file", index);
            let text = self.text(&file, at, &path)?;
            let read = dotenv::parse_into(&text, &|_| None, &mut all);
            read.map_err(|error| {
                self.found
                    .problem(at, &path, format!("{file}:{}: {}", error.line, error.message));
            })
            .ok()?;
        }
        for (key, value) in all.into_iter().rev() {
            service.labels.entry(key).or_insert(value);
        }
        Some(())
    }

    fn text(&self, file: &str, at: At, path: &Path) -> Option<String> {
        let text = self.found.read_text(file);
        text.map_err(|error| self.found.problem(at, path, format!("{file} cannot be read: {error}")))
            .ok()
    }
}

fn item_at(node: &Node, key: &str, index: usize) -> At {
    let list = node.get(key);
    let item = list.and_then(Node::as_list).and_then(|items| items.get(index));
    item.or(list).unwrap_or(node).at
}

/// The node below another one, and how its path goes on.
fn step<'a>(node: &'a Node, segment: &serde_path_to_error::Segment) -> (Option<&'a Node>, Option<String>) {
    use serde_path_to_error::Segment;
    match segment {
        Segment::Seq { index } => (
            node.as_list().and_then(|items| items.get(*index)),
            Some(format!("[{index}]")),
        ),
        Segment::Map { key } => (node.get(key), Some(key.clone())),
        Segment::Enum { .. } | Segment::Unknown => (None, None),
    }
}

/// The index at the beginning of a message, where a list was read by hand.
fn indexed(message: &str) -> Option<(usize, &str)> {
    let (index, rest) = message.strip_prefix('[')?.split_once("]: ")?;
    Some((index.parse().ok()?, rest))
}
