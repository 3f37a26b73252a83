//! Something of the host, or a volume, in a container's file system.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Bytes, lenient, small};

/// The type of a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MountKind {
    /// A volume; an anonymous one when it has no source.
    #[default]
    Volume,
    /// A file or folder of the host.
    Bind,
    /// Memory.
    Tmpfs,
}

/// Something of the host, or a volume, in a container's file system.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, from = "LongForm")]
pub struct Mount {
    /// The type of the mount.
    #[serde(rename = "type")]
    pub kind: MountKind,
    /// The volume's key in the project, or the path on the host (relative to the compose file, or for a typed program to
    /// where it runs).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// The absolute path in the container.
    pub target: String,
    /// True if the container may only read.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// For a volume: whether an empty one stays empty instead of being filled from the image.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_copy: bool,
    /// For a volume: the folder in it that is mounted; needs engine API 1.45.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subpath: Option<String>,
    /// For a volume without a name: its labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// For a path: whether a missing one is created as a folder.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub create_host_path: bool,
    /// For a path: how mounts below it propagate (`rslave`, …).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub propagation: Option<String>,
    /// For a path: what becomes of mounts below it: `enabled`, `disabled`, `writable` or `readonly`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recursive: Option<String>,
    /// For a path: the SELinux relabelling, `z` (shared) or `Z` (private).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selinux: Option<String>,
    /// For a volume of the stack: which one of its name it is; filled in, so that its recreation is seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<String>,
    /// For memory: its size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Bytes>,
    /// For memory: its file mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
}

impl Mount {
    /// A file or folder of the host.
    pub fn bind(source: impl Into<String>, target: impl Into<String>) -> Self {
        Self {
            kind: MountKind::Bind,
            source: source.into(),
            target: target.into(),
            ..Self::default()
        }
    }

    /// A volume by its key in the project.
    pub fn volume(key: impl Into<String>, target: impl Into<String>) -> Self {
        Self {
            source: key.into(),
            target: target.into(),
            ..Self::default()
        }
    }

    /// Memory.
    pub fn tmpfs(target: impl Into<String>) -> Self {
        Self {
            kind: MountKind::Tmpfs,
            target: target.into(),
            ..Self::default()
        }
    }

    /// The same, read only.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }
}

/// Both our normal form and the specification's long form, which nests options by kind.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct LongForm {
    #[serde(rename = "type")]
    kind: MountKind,
    source: String,
    target: String,
    #[serde(deserialize_with = "lenient::flag")]
    read_only: bool,
    no_copy: bool,
    subpath: Option<String>,
    labels: BTreeMap<String, String>,
    create_host_path: bool,
    propagation: Option<String>,
    recursive: Option<String>,
    selinux: Option<String>,
    generation: Option<String>,
    size: Option<Bytes>,
    #[serde(deserialize_with = "small::mode")]
    mode: Option<u32>,
    bind: Option<BindOptions>,
    volume: Option<VolumeOptions>,
    tmpfs: Option<TmpfsOptions>,
    consistency: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct BindOptions {
    propagation: Option<String>,
    #[serde(deserialize_with = "lenient::flag")]
    create_host_path: bool,
    recursive: Option<String>,
    selinux: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct VolumeOptions {
    #[serde(deserialize_with = "lenient::flag")]
    nocopy: bool,
    subpath: Option<String>,
    #[serde(deserialize_with = "lenient::pairs")]
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct TmpfsOptions {
    size: Option<Bytes>,
    #[serde(deserialize_with = "small::mode")]
    mode: Option<u32>,
}

impl From<LongForm> for Mount {
    fn from(long: LongForm) -> Self {
        // `consistency` has no effect on any engine; it is accepted because files have it.
        let _ = long.consistency;
        let bind = long.bind.unwrap_or_default();
        let tmpfs = long.tmpfs.unwrap_or_default();
        let volume = long.volume.unwrap_or_default();
        Self {
            kind: long.kind,
            source: long.source,
            target: long.target,
            read_only: long.read_only,
            no_copy: long.no_copy || volume.nocopy,
            subpath: long.subpath.or(volume.subpath),
            labels: if long.labels.is_empty() {
                volume.labels
            } else {
                long.labels
            },
            create_host_path: long.create_host_path || bind.create_host_path,
            propagation: long.propagation.or(bind.propagation),
            recursive: long.recursive.or(bind.recursive),
            selinux: long.selinux.or(bind.selinux),
            generation: long.generation,
            size: long.size.or(tmpfs.size),
            mode: long.mode.or(tmpfs.mode),
        }
    }
}
