//! Mounts as the engine is told of them, in whichever of its two forms can say what is asked for.

use bollard::models::{Mount as EngineMount, MountBindOptions, MountTmpfsOptions, MountType, MountVolumeOptions};

use super::normal::host_path;
use super::request::some_map;
use crate::model::{Mount, MountKind};

/// True if a mount can only be said in the older of the engine's two forms.
pub(super) fn needs_bind(mount: &Mount) -> bool {
    let is_plain = mount
        .recursive
        .as_deref()
        .is_none_or(|recursive| recursive == "enabled");
    mount.kind == MountKind::Bind && is_plain && (mount.create_host_path || mount.selinux.is_some())
}

pub(super) fn bind_text(mount: &Mount) -> String {
    let mut options = vec![if mount.read_only { "ro" } else { "rw" }];
    options.extend(mount.selinux.as_deref());
    options.extend(mount.propagation.as_deref());
    format!("{}:{}:{}", host_path(&mount.source), mount.target, options.join(","))
}

pub(super) fn engine_mount(mount: &Mount) -> EngineMount {
    let base = EngineMount {
        target: Some(mount.target.clone()),
        read_only: mount.read_only.then_some(true),
        ..EngineMount::default()
    };
    match mount.kind {
        MountKind::Volume => EngineMount {
            typ: Some(MountType::VOLUME),
            source: (!mount.source.is_empty()).then(|| mount.source.clone()),
            volume_options: volume_options(mount),
            ..base
        },
        MountKind::Bind => EngineMount {
            typ: Some(MountType::BIND),
            source: Some(host_path(&mount.source)),
            bind_options: bind_options(mount),
            ..base
        },
        MountKind::Tmpfs => EngineMount {
            typ: Some(MountType::TMPFS),
            tmpfs_options: (mount.size.is_some() || mount.mode.is_some()).then(|| MountTmpfsOptions {
                size_bytes: mount.size.map(crate::model::Bytes::as_i64),
                mode: mount.mode.map(i64::from),
                ..MountTmpfsOptions::default()
            }),
            ..base
        },
    }
}

fn volume_options(mount: &Mount) -> Option<MountVolumeOptions> {
    let has_options = mount.no_copy || mount.subpath.is_some() || !mount.labels.is_empty();
    has_options.then(|| MountVolumeOptions {
        no_copy: mount.no_copy.then_some(true),
        subpath: mount.subpath.clone(),
        labels: some_map(&mount.labels),
        ..MountVolumeOptions::default()
    })
}

fn bind_options(mount: &Mount) -> Option<MountBindOptions> {
    let recursive = mount.recursive.as_deref().filter(|recursive| *recursive != "enabled");
    (mount.propagation.is_some() || recursive.is_some()).then(|| MountBindOptions {
        propagation: mount.propagation.as_ref().and_then(|text| text.parse().ok()),
        create_mountpoint: mount.create_host_path.then_some(true),
        non_recursive: (recursive == Some("disabled")).then_some(true),
        read_only_non_recursive: (recursive == Some("writable")).then_some(true),
        read_only_force_recursive: (recursive == Some("readonly")).then_some(true),
    })
}
