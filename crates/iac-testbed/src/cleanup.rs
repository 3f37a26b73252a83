//! Removal of things that processes leave in the kernel: control groups and mounts, and the folders that they hold on to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::mount::{UnmountFlags, unmount};
use rustix::process::{Pid, Signal, kill_process};

use crate::error::{Result, io};
use crate::process::wait_for;

/// The roots of all control group hierarchies: one with cgroup v2, one per controller with v1.
fn hierarchies() -> Vec<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
    let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    fields
        .filter(|f| matches!(f.get(2), Some(&"cgroup" | &"cgroup2")))
        .filter_map(|f| f.get(1).map(PathBuf::from))
        .collect()
}

/// Makes the control group `name` in every hierarchy: a kubelet only uses a root that exists.
pub(crate) fn make_control_groups(name: &str) -> Result<()> {
    for hierarchy in hierarchies() {
        let group = hierarchy.join(name);
        std::fs::create_dir_all(&group).map_err(io("create", &group))?;
        // A new group of the v1 controller cpuset owns no processor until it is given some.
        for file in ["cpuset.cpus", "cpuset.mems"] {
            if let (Ok(all), true) = (std::fs::read_to_string(hierarchy.join(file)), group.join(file).exists()) {
                std::fs::write(group.join(file), all).map_err(io("write", group.join(file)))?;
            }
        }
        delegate_controllers(&hierarchy, &group);
    }
    Ok(())
}

/// With cgroup v2 a group's children have only the controllers that it hands down. Best effort: the kubelet names what it misses.
fn delegate_controllers(hierarchy: &Path, group: &Path) {
    for parent in [hierarchy, group] {
        let available = std::fs::read_to_string(parent.join("cgroup.controllers")).unwrap_or_default();
        for controller in available.split_whitespace() {
            let _ = std::fs::write(parent.join("cgroup.subtree_control"), format!("+{controller}"));
        }
    }
}

/// Kills every process in the control group `name` and below.
pub(crate) fn kill_control_group(name: &str) {
    let groups: Vec<PathBuf> = hierarchies()
        .into_iter()
        .map(|hierarchy| hierarchy.join(name))
        .collect();
    wait_for(Duration::from_secs(10), || {
        let pids: Vec<i32> = groups.iter().flat_map(|group| processes(group)).collect();
        for pid in pids.iter().filter_map(|pid| Pid::from_raw(*pid)) {
            let _ = kill_process(pid, Signal::KILL);
        }
        pids.is_empty()
    });
}

fn processes(group: &Path) -> Vec<i32> {
    let own = std::fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    let mut pids: Vec<i32> = own.lines().filter_map(|line| line.parse().ok()).collect();
    pids.extend(children(group).iter().flat_map(|child| processes(child)));
    pids
}

/// Removes the control group `name` and those below it in every hierarchy.
pub(crate) fn remove_control_groups(name: &str) {
    for hierarchy in hierarchies() {
        remove_group(&hierarchy.join(name));
    }
}

fn remove_group(group: &Path) {
    for child in children(group) {
        remove_group(&child);
    }
    // A group that still has a process stays; the next `down` finds it.
    let _ = std::fs::remove_dir(group);
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

/// Unmounts everything below `folder`, the deepest first.
pub(crate) fn unmount_below(folder: &Path) {
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
    let points = mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(1))
        .map(PathBuf::from);
    let mut points: Vec<PathBuf> = points.filter(|point| point.starts_with(folder)).collect();
    points.sort_by_key(|point| std::cmp::Reverse(point.components().count()));
    for point in points {
        let _ = unmount(&point, UnmountFlags::DETACH);
    }
}

/// Removes a folder and what is below it, mounts first: deleting through a mount would delete someone else's files.
pub(crate) fn remove_folder(folder: &Path) -> Result<()> {
    unmount_below(folder);
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io("remove", folder)(error)),
        _ => Ok(()),
    }
}
