//! The short form of a mount: `TARGET` or `SOURCE:TARGET[:OPTIONS]`.

use crate::model::{Mount, MountKind};

/// Why a text is no mount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no mount: {why}; write \"data:/path\", \"./folder:/path:ro\" or \"/path\"")]
pub struct MountError {
    text: String,
    why: String,
}

/// The mount that a text means. A source that begins with `.`, `/` or `~` is a path of the host, any other one the key
/// of a volume.
///
/// # Errors
/// When the target is not absolute, or an option is unknown.
pub fn parse(text: &str) -> Result<Mount, MountError> {
    let fail = |why: &str| MountError {
        text: text.to_owned(),
        why: why.to_owned(),
    };
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, options) = match parts[..] {
        [target] => ("", target, ""),
        [source, target] => (source, target, ""),
        [source, target, options] => (source, target, options),
        _ => return Err(fail("it has more than three parts")),
    };
    if parts.iter().any(|part| part.is_empty()) {
        return Err(fail("one of its parts is empty"));
    }
    if source.len() == 1 && source.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Err(fail(
            "docker compose takes a single letter for a drive of Windows; use the long form, with type, source and target",
        ));
    }
    if !target.starts_with('/') {
        return Err(fail("the path in the container is not absolute"));
    }
    let is_path = source.starts_with(['.', '/', '~']);
    let mut mount = Mount {
        kind: if is_path { MountKind::Bind } else { MountKind::Volume },
        source: source.to_owned(),
        target: clean(target),
        create_host_path: is_path,
        ..Mount::default()
    };
    for option in options.split(',').filter(|option| !option.is_empty()) {
        match option {
            "ro" => mount.read_only = true,
            "rw" => mount.read_only = false,
            "nocopy" => mount.no_copy = true,
            "z" | "Z" => mount.selinux = Some(option.to_owned()),
            "private" | "rprivate" | "shared" | "rshared" | "slave" | "rslave" => {
                mount.propagation = Some(option.to_owned());
            }
            // Meant for one desktop product, and without effect on any engine.
            "cached" | "delegated" | "consistent" => {}
            other => return Err(fail(&format!("the option {other:?} is unknown"))),
        }
    }
    Ok(mount)
}

/// A path without `.`, `..`, doubled and trailing slashes.
pub(crate) fn clean(path: &str) -> String {
    let root = if path.starts_with('/') { "/" } else { "" };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if !root.is_empty() => {}
            part => parts.push(part),
        }
    }
    match (root, parts.is_empty()) {
        ("", true) => ".".to_owned(),
        _ => format!("{root}{}", parts.join("/")),
    }
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_told_apart() {
        let table = [
            ("/data", MountKind::Volume, "", "/data", false),
            ("db:/data", MountKind::Volume, "db", "/data", false),
            ("db:/data:ro", MountKind::Volume, "db", "/data", true),
            ("./conf:/etc/app:ro", MountKind::Bind, "./conf", "/etc/app", true),
            ("/srv:/srv:rw,z", MountKind::Bind, "/srv", "/srv", false),
            ("~/x:/x", MountKind::Bind, "~/x", "/x", false),
        ];
        for (text, kind, source, target, read_only) in table {
            let mount = parse(text).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(
                (mount.kind, &*mount.source, &*mount.target, mount.read_only),
                (kind, source, target, read_only),
                "{text}"
            );
        }
    }

    #[test]
    fn paths_are_cleaned() {
        let table = [
            ("/a/./b//c/", "/a/b/c"),
            ("/a/../../b", "/b"),
            ("a/../..", ".."),
            ("./x", "x"),
            ("a/..", "."),
            ("/", "/"),
            ("../x", "../x"),
        ];
        for (path, cleaned) in table {
            assert_eq!(clean(path), cleaned, "{path}");
        }
    }

    #[test]
    fn what_is_no_mount_is_refused() {
        for text in ["", "data", "a:b", ":/x", "a:/b:weird", "a:/b:ro:x", "d:/data", "a::ro"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
