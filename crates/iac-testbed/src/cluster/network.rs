//! The cluster's network namespace, and the link between it and the machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Cluster;
use crate::error::{Result, io};
use crate::process::run;

/// The file that stands for the namespace.
pub(super) fn namespace(cluster: &Cluster<'_>) -> PathBuf {
    Path::new("/run/netns").join(cluster.record.block.name(""))
}

/// Makes the namespace, the link and the route; what is there already stays.
pub(super) fn make(cluster: &Cluster<'_>) -> Result<()> {
    let block = cluster.record.block;
    let (name, outer, inner) = (block.name(""), block.name("h"), block.name("n"));
    if !namespace(cluster).exists() {
        ip(&["netns", "add", &name])?;
    }
    if !Path::new("/sys/class/net").join(&outer).exists() {
        ip(&[
            "link", "add", &outer, "type", "veth", "peer", "name", &inner, "netns", &name,
        ])?;
    }
    ip(&["address", "replace", &block.link_host(), "dev", &outer])?;
    ip(&["link", "set", &outer, "up"])?;
    let node = block.node();
    ip(&["-n", &name, "link", "set", "lo", "up"])?;
    ip(&["-n", &name, "address", "replace", &format!("{node}/30"), "dev", &inner])?;
    ip(&["-n", &name, "link", "set", &inner, "up"])?;
    for destination in [block.services(), block.pods()] {
        ip(&["route", "replace", &destination, "via", &node])?;
    }
    // Pods find the Services' range only when there is a route at all. It ends at the link: this machine passes nothing on from there,
    // also when it routes for others.
    let forwarding = format!("/proc/sys/net/ipv4/conf/{outer}/forwarding");
    std::fs::write(&forwarding, "0").map_err(io("write", &forwarding))?;
    let host = block.link_host();
    let gateway = host.split('/').next().unwrap_or_default();
    ip(&["-n", &name, "route", "replace", "default", "via", gateway])?;
    forward(cluster)
}

/// Lets the node route between pods, Services and the link. The setting belongs to the namespace, so the command runs inside.
fn forward(cluster: &Cluster<'_>) -> Result<()> {
    let netns = format!("--net={}", namespace(cluster).display());
    let write = "echo 1 > /proc/sys/net/ipv4/ip_forward";
    run(
        "letting the node forward",
        Command::new("nsenter").args([netns.as_str(), "--", "sh", "-c", write]),
    )?;
    let resolv = cluster.layout.path("resolv.conf");
    std::fs::write(&resolv, format!("nameserver {}\n", cluster.record.block.node())).map_err(io("write", &resolv))
}

/// Removes the namespace with everything in it. Best effort: what isn't there needs no removing.
pub(super) fn remove(cluster: &Cluster<'_>) {
    let block = cluster.record.block;
    let _ = ip(&["link", "delete", &block.name("h")]);
    let _ = ip(&["netns", "delete", &block.name("")]);
}

fn ip(arguments: &[&str]) -> Result<String> {
    run("setting up the cluster's network", Command::new("ip").args(arguments))
}
