//! Paths in compose files: relative to the folder of the file that they stand in.

use super::tree::{Data, Node, Path};
use crate::parse::mount::clean;

/// Where paths stand.
const PATHS: [&str; 5] = [
    "configs.*.file",
    "secrets.*.file",
    "services.*.env_file.*.path",
    "services.*.extends.file",
    "services.*.label_file.*",
];

/// Makes the paths of a tree relative to what `base` is relative to.
pub(super) fn rebase(node: &mut Node, path: &Path, base: &str) {
    if PATHS.iter().any(|pattern| path.matches(pattern)) {
        return join_in(node, base);
    }
    if path.matches("services.*.build.context") {
        if node.as_text().is_some_and(|text| !is_remote(text)) {
            join_in(node, base);
        }
        return;
    }
    if path.matches("services.*.volumes.*") {
        let is_bind = node.get("type").and_then(Node::as_text) == Some("bind");
        if let Some(source) = node.get_mut("source").filter(|_| is_bind) {
            join_in(source, base);
        }
        return;
    }
    if path.matches("services.*.security_opt.*") {
        return profile(node, base);
    }
    if path.matches("volumes.*") {
        return volume(node, base);
    }
    match &mut node.data {
        Data::Map(map) => map
            .iter_mut()
            .for_each(|(key, value)| rebase(value, &path.key(key), base)),
        Data::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                rebase(item, &path.item(index), base);
            }
        }
        _ => {}
    }
}

/// A profile of system calls, which is read from a file.
fn profile(node: &mut Node, base: &str) {
    let Data::Text(text) = &mut node.data else { return };
    let path = text.strip_prefix("seccomp:").or_else(|| text.strip_prefix("seccomp="));
    if let Some(path) = path.filter(|path| !matches!(*path, "unconfined" | "builtin")) {
        *text = format!("seccomp:{}", join(base, path));
    }
}

/// A volume of the local driver that is a path of the host.
fn volume(node: &mut Node, base: &str) {
    let text = |node: &Node, keys: &[&str]| node.find(keys).and_then(Node::scalar);
    let is_bind = text(node, &["driver"]).as_deref() == Some("local")
        && text(node, &["driver_opts", "o"]).as_deref() == Some("bind");
    let device = node
        .get_mut("driver_opts")
        .and_then(|options| options.get_mut("device"));
    if let Some(device) = device.filter(|_| is_bind) {
        join_in(device, base);
    }
}

fn join_in(node: &mut Node, base: &str) {
    if let Data::Text(text) = &mut node.data {
        *text = join(base, text);
    }
}

/// A path relative to what `base` is relative to. One from the root, or from somebody's home, is left as it is.
pub(super) fn join(base: &str, path: &str) -> String {
    match path {
        "" => String::new(),
        path if path.starts_with('~') => path.to_owned(),
        path if path.starts_with('/') || base.is_empty() => clean(path),
        path => clean(&format!("{base}/{path}")),
    }
}

/// True if a build's context is somewhere else than on this machine.
pub(super) fn is_remote(context: &str) -> bool {
    const REMOTE: [&str; 6] = ["https://", "http://", "git://", "ssh://", "github.com/", "git@"];
    context.contains("://") || REMOTE.iter().any(|prefix| context.starts_with(prefix))
}

/// The folder of a file.
pub(super) fn folder(file: &str) -> String {
    match file.rsplit_once('/') {
        Some(("", _)) => "/".to_owned(),
        Some((folder, _)) => folder.to_owned(),
        None => String::new(),
    }
}
