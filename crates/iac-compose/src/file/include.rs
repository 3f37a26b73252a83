//! `include`: the services, networks, volumes, configs and secrets of other files, each read by itself.

use std::collections::BTreeMap;

use super::load::Loader;
use super::tree::{At, Data, Map, Node, Path};
use super::{environment, paths};

/// How deep files may include one another.
const DEEPEST: usize = 32;

/// The sections of a file that an include takes over.
const SECTIONS: [&str; 5] = ["configs", "networks", "secrets", "services", "volumes"];

/// Adds to a document what it includes.
pub(super) fn apply(loader: &Loader<'_>, file: &str, document: &mut Node) {
    let Some(included) = document.as_map_mut().and_then(|map| map.remove("include")) else {
        return;
    };
    let path = Path::of(&["include"]);
    let Some(items) = included.as_list() else {
        return loader.found.problem(
            included.at,
            &path,
            format!("expected a list, found {}", included.kind()),
        );
    };
    let mut trail = loader.trail.clone();
    trail.push(file.to_owned());
    for (index, item) in items.iter().enumerate() {
        if let Some(tree) = one(loader, &trail, item, &path.item(index)) {
            import(loader, document, tree, item.at);
        }
    }
}

/// The texts of a value that is a text or a list of them.
fn texts(node: Option<&Node>) -> Vec<String> {
    match node.map(|node| &node.data) {
        Some(Data::Text(text)) => vec![text.clone()],
        Some(Data::List(items)) => items
            .iter()
            .filter_map(|item| item.as_text().map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    }
}

fn one(loader: &Loader<'_>, trail: &[String], item: &Node, path: &Path) -> Option<Node> {
    let files = match &item.data {
        Data::Text(file) => vec![file.clone()],
        Data::Map(map) => {
            if let Some(other) = map
                .keys()
                .find(|key| !matches!(key.as_str(), "path" | "env_file" | "project_directory"))
            {
                let message = format!("it has no key {other:?}; only path, env_file and project_directory");
                loader.found.problem(item.at, path, message);
            }
            texts(item.get("path"))
        }
        _ => Vec::new(),
    };
    let Some(first) = files.first() else {
        loader.found.problem(item.at, path, "the path of a file is missing");
        return None;
    };
    if let Some(remote) = files
        .iter()
        .find(|file| paths::is_remote(file) || file.starts_with("oci:"))
    {
        let message = format!("{remote} is not on this machine; fetch it beforehand, and name the file here");
        loader.found.problem(item.at, path, message);
        return None;
    }
    let project = item.get("project_directory").and_then(Node::as_text);
    let base = project.map_or_else(|| paths::folder(first), str::to_owned);
    let folder = paths::join(&loader.folder, if base.is_empty() { "." } else { &base });
    let full: Vec<(String, At)> = files
        .iter()
        .map(|file| (paths::join(&loader.folder, file), item.at))
        .collect();
    if let Some((file, _)) = full.iter().find(|(file, _)| trail.contains(file)) {
        let message = format!("{file} includes itself: {} -> {file}", trail.join(" -> "));
        loader.found.problem(item.at, path, message);
        return None;
    }
    if trail.len() > DEEPEST {
        let message = format!("files include one another more than {DEEPEST} deep");
        loader.found.problem(item.at, path, message);
        return None;
    }
    let inner = Loader {
        variables: loader.variables.with(variables(loader, item, &folder, path)?),
        folder,
        trail: trail.to_vec(),
        found: loader.found,
    };
    inner.files(&full, &base)
}

/// The variables of the env files of an include: those that it names, else the `.env` of its folder.
fn variables(loader: &Loader<'_>, item: &Node, folder: &str, path: &Path) -> Option<BTreeMap<String, String>> {
    let named: Vec<String> = texts(item.get("env_file"));
    let files: Vec<String> = match named.is_empty() {
        true => [paths::join(folder, ".env")]
            .into_iter()
            .filter(|file| std::path::Path::new(file).is_file())
            .collect(),
        false => named.iter().map(|file| paths::join(&loader.folder, file)).collect(),
    };
    match environment::read(&files, loader.variables.values(), loader.found) {
        Ok(values) => Some(values),
        Err(error) => {
            loader.found.problem(item.at, path, error.to_string());
            None
        }
    }
}

/// Adds a tree's resources to a document. Two of one name have to be the same.
fn import(loader: &Loader<'_>, document: &mut Node, mut tree: Node, at: At) {
    for section in SECTIONS {
        let Some(Data::Map(from)) = tree
            .as_map_mut()
            .and_then(|map| map.remove(section))
            .map(|node| node.data)
        else {
            continue;
        };
        let Some(top) = document.as_map_mut() else { return };
        let to = top
            .entry(section.to_owned())
            .or_insert_with(|| Node::new(Data::Map(Map::new()), at));
        let Some(to) = to.as_map_mut() else { continue };
        for (name, node) in from {
            match to.get(&name) {
                None => {
                    to.insert(name, node);
                }
                Some(other) if other.same(&node) => {}
                Some(other) => {
                    let message = format!(
                        "the included file has one of this name as well, at {}; rename one of them",
                        loader.found.sources.line(node.at)
                    );
                    loader.found.problem(other.at, &Path::of(&[section, &name]), message);
                }
            }
        }
    }
}
