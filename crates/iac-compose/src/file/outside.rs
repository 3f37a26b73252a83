//! Files outside of the project's folder and its repository, of which a plan would show what is in them.

use super::problem::Findings;
use super::tree::{Node, Path};

/// Reports the contents of configs and secrets, and profiles of the kernel's filter, that are out of reach. Other files are
/// looked at where they are read.
pub(super) fn check(tree: &Node, found: &Findings) {
    for section in ["configs", "secrets"] {
        for (name, node) in tree.get(section).and_then(Node::as_map).into_iter().flatten() {
            if let Some(file) = node.get("file") {
                admit(file, file.as_text(), &Path::of(&[section, name, "file"]), found);
            }
        }
    }
    for (name, service) in tree.get("services").and_then(Node::as_map).into_iter().flatten() {
        let options = service.get("security_opt").and_then(Node::as_list);
        for (index, option) in options.into_iter().flatten().enumerate() {
            let path = Path::of(&["services", name, "security_opt"]).item(index);
            let profile = option.as_text().and_then(|text| {
                let profile = text
                    .strip_prefix("seccomp:")
                    .or_else(|| text.strip_prefix("seccomp="))?;
                (!profile.starts_with('{')).then_some(profile)
            });
            admit(option, profile, &path, found);
        }
    }
}

fn admit(node: &Node, file: Option<&str>, path: &Path, found: &Findings) {
    if let Some(file) = file
        && let Err(error) = found.admit(file)
    {
        found.problem(node.at, path, format!("{file} cannot be read: {error}"));
    }
}
