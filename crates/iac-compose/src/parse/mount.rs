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
    if !target.starts_with('/') {
        return Err(fail("the path in the container is not absolute"));
    }
    if parts.len() > 1 && source.is_empty() {
        return Err(fail("the source is empty"));
    }
    let is_path = source.starts_with(['.', '/', '~']);
    let mut mount = Mount {
        kind: if is_path { MountKind::Bind } else { MountKind::Volume },
        source: source.to_owned(),
        target: target.to_owned(),
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
    fn what_is_no_mount_is_refused() {
        for text in ["", "data", "a:b", ":/x", "a:/b:weird", "a:/b:ro:x"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
