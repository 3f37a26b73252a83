//! `extends`: a service laid over another one, of the same file or of another.

use super::load::Loader;
use super::tree::{At, Data, Map, Node, Path};
use super::{canonical, marks, merge, paths, unique};

/// How deep services may extend one another.
const DEEPEST: usize = 64;

/// Lays each service of a file over the one that it extends.
pub(super) fn apply(loader: &Loader<'_>, file: &str, document: &mut Node, forgotten: &[Path]) {
    let Some(services) = document.get("services").and_then(Node::as_map).cloned() else {
        return;
    };
    let extended = services.keys().filter_map(|name| {
        let scope = Scope {
            file,
            services: &services,
            forgotten,
        };
        let mut trail = Vec::new();
        Some((name.clone(), service(loader, name, &scope, &mut trail)?))
    });
    let extended: Map = extended.collect();
    if let Some(services) = document.get_mut("services") {
        services.data = Data::Map(extended);
    }
}

/// Where a service stands.
struct Scope<'a> {
    file: &'a str,
    services: &'a Map,
    forgotten: &'a [Path],
}

/// A service laid over the one that it extends. What cannot be found is reported, and left out.
fn service(loader: &Loader<'_>, name: &str, scope: &Scope<'_>, trail: &mut Vec<(String, String)>) -> Option<Node> {
    let node = scope.services.get(name)?;
    let Some(extends) = node.get("extends") else {
        return Some(node.clone());
    };
    match base(loader, name, extends, scope, trail) {
        Ok(base) => Some(lay_over(loader, name, base?, node, scope.forgotten)),
        Err(message) => {
            let path = Path::of(&["services", name, "extends"]);
            loader.found.problem(extends.at, &path, message);
            let mut node = node.clone();
            node.as_map_mut().map(|map| map.remove("extends"));
            Some(node)
        }
    }
}

/// The service that another one names as its base, with what that extends itself.
fn base(
    loader: &Loader<'_>,
    name: &str,
    extends: &Node,
    scope: &Scope<'_>,
    trail: &mut Vec<(String, String)>,
) -> Result<Option<Node>, String> {
    let (target, file) = named(extends)?;
    let step = (file.unwrap_or(scope.file).to_owned(), target.to_owned());
    if trail.contains(&step) || (file.is_none() && target == name) {
        return Err(format!("{name} extends itself, by way of {target}"));
    }
    if trail.len() == DEEPEST {
        return Err(format!("services extend one another more than {DEEPEST} deep"));
    }
    trail.push(step);
    let missing = |whose: &str| format!("there is no service {target:?} in {whose}");
    let Some(file) = file else {
        let same = Scope {
            forgotten: &[],
            ..*scope
        };
        let is_there = scope.services.contains_key(target);
        return is_there
            .then(|| service(loader, target, &same, trail))
            .ok_or_else(|| missing("this file"));
    };
    let other = other_file(loader, file, extends.at);
    let (services, forgotten) = other.ok_or_else(|| format!("the service {target} of {file} cannot be read"))?;
    let other = Scope {
        file,
        services: &services,
        forgotten: &forgotten,
    };
    let is_there = services.contains_key(target);
    is_there
        .then(|| service(loader, target, &other, trail))
        .ok_or_else(|| missing(file))
}

/// The service and the file that an `extends` names.
fn named(extends: &Node) -> Result<(&str, Option<&str>), String> {
    let map = match &extends.data {
        Data::Text(target) => return Ok((target, None)),
        Data::Map(map) => map,
        _ => return Err(format!("expected a service's name, found {}", extends.kind())),
    };
    if let Some(other) = map.keys().find(|key| !matches!(key.as_str(), "service" | "file")) {
        return Err(format!("it has no key {other:?}; only service and file"));
    }
    let text = |key: &str| extends.get(key).and_then(Node::as_text);
    let target = text("service").ok_or("the key service is missing")?;
    Ok((target, text("file")))
}

fn lay_over(loader: &Loader<'_>, name: &str, base: Node, node: &Node, forgotten: &[Path]) -> Node {
    let mut merged = node.clone();
    if base.as_map().is_some() {
        let mut whole = Node::map([("services", Node::map([(name, base)], node.at))], node.at);
        marks::forget(&mut whole, forgotten);
        let services = whole.get_mut("services").and_then(Node::as_map_mut);
        if let Some(base) = services.and_then(|services| services.remove(name)) {
            merged = merge::over(base, node.clone(), &Path::of(&["services", name]), loader.found);
        }
    }
    merged.as_map_mut().map(|map| map.remove("extends"));
    merged
}

/// The services of another file, with paths relative to the folder of the first.
fn other_file(loader: &Loader<'_>, file: &str, at: At) -> Option<(Map, Vec<Path>)> {
    let base = paths::folder(file);
    let mut tree = Node::new(Data::Map(Map::new()), at);
    let mut last = Vec::new();
    for (document, forgotten) in loader.documents(&paths::join(&loader.folder, file), at)? {
        marks::forget(&mut tree, &forgotten);
        tree = merge::over(tree, document, &Path::root(), loader.found);
        unique::enforce(&mut tree, &Path::root(), loader.found);
        canonical::transform(&mut tree, &Path::root(), loader.found);
        unique::enforce(&mut tree, &Path::root(), loader.found);
        last = forgotten;
    }
    paths::rebase(&mut tree, &Path::root(), &base);
    let services = tree.as_map_mut().and_then(|map| map.remove("services"))?;
    services.as_map().cloned().map(|services| (services, last))
}
