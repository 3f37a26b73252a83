//! The cluster: a control plane and one node, all in a network namespace of their own.
//!
//! In a namespace nothing of the cluster can meet what the machine already runs: not its ports, not its firewall (two kube-proxies on one set
//! of rules delete each other's), not its bridges. One `ip netns delete` takes all of it away again. The machine reaches the node, its pods
//! and its Services over a link and one route.

mod addons;
mod control_plane;
mod network;
mod node;
mod pki;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::binaries;
use crate::dockerd::link;
use crate::error::Result;
use crate::layout::Layout;
use crate::process::{Daemon, Within};
use crate::progress::Progress;
use crate::record::Record;

/// The name of the one node.
pub(crate) const NODE: &str = "iac-testbed";

/// The components that the one Kubernetes binary runs as.
const COMPONENTS: &[&str] = &[
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kubectl",
];

/// The daemons of every cluster but the node's containerd, in the order in which they are stopped.
const DAEMONS: &[&str] = &[
    "agents",
    "metrics-server",
    "coredns",
    "kube-proxy",
    "kubelet",
    "kube-scheduler",
    "kube-controller-manager",
    "kube-apiserver",
    "etcd",
];

/// A cluster: where its files lie and which addresses it has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cluster<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) record: &'a Record,
}

impl<'a> Cluster<'a> {
    /// The programs that this cluster is made of.
    pub(crate) fn binaries(&self) -> Vec<&'static binaries::Binary> {
        use binaries::{AGENTS, COREDNS, KUBERNETES, METRICS, PAUSE};
        let extras = self.record.with.iter().map(|extra| extra.binary());
        [&KUBERNETES, &PAUSE, &AGENTS, &COREDNS, &METRICS]
            .into_iter()
            .chain(extras)
            .collect()
    }

    /// Starts what does not run yet and waits until the node is ready.
    pub(crate) fn start(&self, progress: &Progress) -> Result<()> {
        let bin = self.layout.folder("bin")?;
        for component in COMPONENTS {
            link(&binaries::KUBERNETES.path(self.layout), &bin.join(component))?;
        }
        network::make(self)?;
        pki::make(self, progress)?;
        control_plane::start(self, progress)?;
        node::start(self, progress)?;
        addons::start(self, progress)?;
        match self.dead_daemons().first() {
            Some(name) => Err(self.daemon(name).failed("ended soon after its start")),
            None => Ok(()),
        }
    }

    /// Stops every process, mount and control group of the cluster and forgets its objects. Images stay in the node's store.
    pub(crate) fn stop(&self, progress: &Progress) -> Result<()> {
        progress.say("cluster: stopping");
        for name in self.daemons() {
            self.daemon(name).stop(Duration::from_secs(5))?;
        }
        node::stop(self)?;
        network::remove(self);
        for folder in ["etcd", "pki", "kubelet", "cni", "agents", "volumes", "pod-logs"] {
            crate::cleanup::remove_folder(&self.layout.path(folder))?;
        }
        progress.say("cluster: stopped");
        Ok(())
    }

    /// Every daemon but the node's containerd, in the order in which they are stopped.
    fn daemons(&self) -> impl Iterator<Item = &'static str> {
        let extras = self.record.with.iter().map(|extra| extra.name());
        extras.chain(DAEMONS.iter().copied())
    }

    /// The daemons that should run and don't.
    pub(crate) fn dead_daemons(&self) -> Vec<&'static str> {
        self.daemons()
            .chain(["node-containerd"])
            .filter(|name| !self.daemon(name).alive())
            .collect()
    }

    /// True if the node says that it is ready.
    pub(crate) fn node_is_ready(&self) -> bool {
        let query = "jsonpath={.status.conditions[?(@.type==\"Ready\")].status}";
        let answer = self
            .kubectl()
            .args(["get", "node", NODE, "-o", query, "--request-timeout=5s"])
            .output();
        answer.is_ok_and(|done| done.stdout == b"True")
    }

    /// The `kubectl` of this cluster with the administrator's kubeconfig.
    pub(crate) fn kubectl(&self) -> Command {
        let mut command = Command::new(self.layout.path("bin/kubectl"));
        command.arg("--kubeconfig").arg(self.kubeconfig("admin"));
        command
    }

    /// The kubeconfig of one of the cluster's users.
    pub(crate) fn kubeconfig(&self, user: &str) -> PathBuf {
        self.layout.path("pki").join(format!("{user}.kubeconfig"))
    }

    fn daemon<'b>(&'b self, name: &'b str) -> Daemon<'b> {
        Daemon::new(name, self.layout)
    }

    /// Starts a daemon in the cluster's network unless it runs; tells whether it had to.
    fn ensure(&self, name: &str, program: &Path, arguments: &[String]) -> Result<bool> {
        self.daemon(name)
            .ensure(Within::Network(&network::namespace(self)), program, arguments)
    }

    fn path(&self, name: &str) -> String {
        self.layout.path(name).display().to_string()
    }

    fn folder(&self, name: &str) -> Result<String> {
        Ok(self.layout.folder(name)?.display().to_string())
    }
}
