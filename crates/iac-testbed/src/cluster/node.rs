//! The node: containerd, kubelet, kube-proxy, and the images that its pods run.

use std::collections::BTreeMap;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;

use super::{Cluster, NODE};
use crate::binaries;
use crate::cleanup;
use crate::dockerd::program;
use crate::error::{Error, Result, io};
use crate::process::{GRACE, http_ok, last_lines, run};
use crate::progress::Progress;

/// The image of the process that holds a pod's namespaces.
const PAUSE_IMAGE: &str = "localhost/iac-test/pause:1";

/// Starts the node's daemons and waits until the node is ready.
pub(super) fn start(cluster: &Cluster<'_>, progress: &Progress) -> Result<()> {
    start_containerd(cluster, progress)?;
    make_pause_image(cluster)?;
    import_images(cluster, progress)?;
    cleanup::make_control_groups(&cluster.record.block.name(""))?;
    let bin = cluster.layout.path("bin");
    let arguments = kubelet(cluster)?;
    if cluster.ensure("kubelet", &bin.join("kubelet"), &arguments)? {
        progress.say("kubelet: starting");
    }
    cluster.ensure("kube-proxy", &bin.join("kube-proxy"), &kube_proxy(cluster)?)?;
    // The node's own status may stem from a kubelet that was killed since.
    let health = format!("{}:10248", cluster.record.block.node());
    let ready = || http_ok(&health, "/healthz") && cluster.node_is_ready();
    cluster.daemon("kubelet").wait_until(Duration::from_secs(90), ready)?;
    progress.say("node: ready");
    Ok(())
}

/// Ends all containers of the node and its containerd. The images stay in its store.
pub(super) fn stop(cluster: &Cluster<'_>) -> Result<()> {
    cleanup::kill_control_group(&format!("{}/kubepods", cluster.record.block.name("")));
    let clean = remove_containers(&socket(cluster));
    cluster.daemon("node-containerd").stop(GRACE)?;
    if clean.is_err() {
        // A containerd that does not answer keeps the notes of its containers; the next one would look for them.
        return cleanup::remove_folder(&cluster.layout.path("node"));
    }
    cleanup::remove_folder(&cluster.layout.path("node/state"))?;
    cleanup::remove_folder(&cluster.layout.path("node/root/io.containerd.grpc.v1.cri"))
}

fn remove_containers(socket: &Path) -> Result<()> {
    let tasks = run("listing tasks", ctr(socket).args(["tasks", "ls", "--quiet"]))?;
    if !tasks.is_empty() {
        run(
            "removing tasks",
            ctr(socket).args(["tasks", "rm", "--force"]).args(tasks.lines()),
        )?;
    }
    let containers = run("listing containers", ctr(socket).args(["containers", "ls", "--quiet"]))?;
    if !containers.is_empty() {
        run(
            "removing containers",
            ctr(socket).args(["containers", "rm"]).args(containers.lines()),
        )?;
    }
    Ok(())
}

fn socket(cluster: &Cluster<'_>) -> PathBuf {
    cluster.layout.path("node/containerd.sock")
}

fn ctr(socket: &Path) -> Command {
    let mut command = Command::new("ctr");
    command.arg("--address").arg(socket).args(["--namespace", "k8s.io"]);
    command
}

fn start_containerd(cluster: &Cluster<'_>, progress: &Progress) -> Result<()> {
    let folder = cluster.layout.folder("node")?;
    let socket = socket(cluster);
    let cni = write_cni(cluster)?;
    let text = format!(
        r#"version = 2
root = {root:?}
state = {state:?}
[grpc]
address = {socket:?}
[plugins."io.containerd.internal.v1.opt"]
path = {opt:?}
[plugins."io.containerd.grpc.v1.cri"]
# Without this every sandbox dies where a process may not lower its own score.
restrict_oom_score_adj = true
# In our own folder, so that a killed node leaves nothing in the list of the machine.
netns_mounts_under_state_dir = true
sandbox_image = "{PAUSE_IMAGE}"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = {cni:?}
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
"#,
        root = folder.join("root"),
        state = folder.join("state"),
        opt = folder.join("opt"),
    );
    let configuration = cluster.layout.configuration("node-containerd.toml", &text)?;
    let arguments = ["--config".to_owned(), configuration.display().to_string()];
    if cluster.ensure("node-containerd", &program("containerd", "containerd")?, &arguments)? {
        progress.say("containerd: starting");
    }
    let daemon = cluster.daemon("node-containerd");
    daemon.wait_until(Duration::from_secs(60), || UnixStream::connect(&socket).is_ok())
}

/// Writes the configuration of the pods' network: a bridge, addresses from the block, published ports.
fn write_cni(cluster: &Cluster<'_>) -> Result<PathBuf> {
    let folder = cluster.layout.folder("cni/net.d")?;
    let config = json!({
        "cniVersion": "0.4.0",
        "name": "iac-testbed",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isGateway": true,
                "hairpinMode": true,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{ "subnet": cluster.record.block.pods() }]],
                    "routes": [{ "dst": "0.0.0.0/0" }],
                    "dataDir": cluster.layout.path("cni/addresses"),
                },
            },
            { "type": "portmap", "capabilities": { "portMappings": true } },
        ],
    });
    let path = folder.join("10-iac-testbed.conflist");
    std::fs::write(&path, format!("{config:#}\n")).map_err(io("write", &path))?;
    Ok(folder)
}

fn kubelet(cluster: &Cluster<'_>) -> Result<Vec<String>> {
    let pki = cluster.path("pki");
    let node = cluster.record.block.node();
    let config = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": node,
        "healthzBindAddress": node,
        "authentication": {
            "anonymous": { "enabled": false },
            "webhook": { "enabled": true },
            "x509": { "clientCAFile": format!("{pki}/ca.crt") },
        },
        "authorization": { "mode": "Webhook" },
        "tlsCertFile": format!("{pki}/kubelet.crt"),
        "tlsPrivateKeyFile": format!("{pki}/kubelet.key"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": format!("/{}", cluster.record.block.name("")),
        "failCgroupV1": false,
        "failSwapOn": false,
        "containerRuntimeEndpoint": format!("unix://{}", socket(cluster).display()),
        "clusterDNS": [node],
        "clusterDomain": "cluster.local",
        "resolvConf": cluster.path("resolv.conf"),
        "maxPods": 250,
        "podLogsDir": cluster.folder("pod-logs")?,
        "volumePluginDir": cluster.folder("kubelet/plugins-of-volumes")?,
        // A full disk of the machine is not the pods' business, and an image that was collected can't be pulled again.
        "evictionHard": { "imagefs.available": "0%", "nodefs.available": "0%", "nodefs.inodesFree": "0%" },
        "imageGCHighThresholdPercent": 100,
    });
    let path = cluster.layout.configuration("kubelet.json", &format!("{config:#}\n"))?;
    Ok(vec![
        format!("--config={}", path.display()),
        format!("--kubeconfig={}", cluster.kubeconfig("kubelet").display()),
        format!("--root-dir={}", cluster.folder("kubelet")?),
        format!("--hostname-override={NODE}"),
        format!("--node-ip={node}"),
    ])
}

fn kube_proxy(cluster: &Cluster<'_>) -> Result<Vec<String>> {
    let config = json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "hostnameOverride": NODE,
        "clientConnection": { "kubeconfig": cluster.kubeconfig("kube-proxy") },
        "clusterCIDR": cluster.record.block.pods(),
        // Pods reach a Service whose pod is on their own bridge only when the answer comes back through the node.
        "iptables": { "masqueradeAll": true },
        // These settings belong to the machine, not to a network namespace.
        "conntrack": { "maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s" },
    });
    let path = cluster
        .layout
        .configuration("kube-proxy.json", &format!("{config:#}\n"))?;
    Ok(vec![format!("--config={}", path.display())])
}

fn make_pause_image(cluster: &Cluster<'_>) -> Result<()> {
    let engine = cluster.record.engine();
    let known = engine
        .docker()
        .args(["image", "inspect", PAUSE_IMAGE])
        .output()
        .is_ok_and(|done| done.status.success());
    if known {
        return Ok(());
    }
    let folder = cluster.layout.folder("pause")?;
    let binary = binaries::PAUSE.path(cluster.layout);
    std::fs::copy(&binary, folder.join("pause")).map_err(io("copy", &binary))?;
    let dockerfile = folder.join("Dockerfile");
    std::fs::write(
        &dockerfile,
        "FROM scratch\nCOPY pause /pause\nENTRYPOINT [\"/pause\"]\n",
    )
    .map_err(io("write", &dockerfile))?;
    run(
        "building the pause image",
        engine
            .docker()
            .args(["build", "--quiet", "--tag", PAUSE_IMAGE])
            .arg(&folder),
    )
    .map(drop)
}

/// Copies the test bed's images from the Docker Engine into the node, those that it does not have in this version.
fn import_images(cluster: &Cluster<'_>, progress: &Progress) -> Result<()> {
    // The note lies beside the store that it is about: whoever deletes the one deletes the other.
    let note = cluster.layout.folder("node/root")?.join("iac-imported.json");
    let text = std::fs::read_to_string(&note).unwrap_or_default();
    let mut imported: BTreeMap<String, String> = serde_json::from_str(&text).unwrap_or_default();
    let listing = [
        "image",
        "ls",
        "--no-trunc",
        "--filter",
        "reference=localhost/*/*",
        "--format",
        "{{.Repository}}:{{.Tag}} {{.ID}}",
    ];
    let listed = run("listing images", cluster.record.engine().docker().args(listing))?;
    let present = listed
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(name, _)| !name.ends_with(":<none>"));
    let present: BTreeMap<String, String> = present.map(|(name, id)| (name.to_owned(), id.to_owned())).collect();
    let fresh: Vec<&String> = present
        .iter()
        .filter(|(name, id)| imported.get(*name) != Some(*id))
        .map(|(name, _)| name)
        .collect();
    if fresh.is_empty() {
        return Ok(());
    }
    progress.say(format!("node: importing {} images", fresh.len()));
    copy_images(cluster, &fresh)?;
    imported.extend(present);
    std::fs::write(&note, json!(imported).to_string()).map_err(io("write", &note))
}

/// `docker save IMAGES | ctr images import -`: saved together, images that share layers carry them once.
fn copy_images(cluster: &Cluster<'_>, images: &[&String]) -> Result<()> {
    let failed = |command: &str, outcome: String, output: &[u8]| Error::Command {
        what: "copying images into the node".to_owned(),
        command: command.to_owned(),
        outcome,
        output: last_lines(&String::from_utf8_lossy(output), 15),
    };
    let mut save = cluster.record.engine().docker();
    save.arg("save")
        .args(images)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut saving = save
        .spawn()
        .map_err(|error| failed("docker save", error.to_string(), &[]))?;
    let stream = saving.stdout.take().map_or_else(Stdio::null, Stdio::from);
    let import = ctr(&socket(cluster))
        .args(["images", "import", "-"])
        .stdin(stream)
        .output();
    let import = import.map_err(|error| failed("ctr images import", error.to_string(), &[]))?;
    let saved = saving
        .wait()
        .map_err(|error| failed("docker save", error.to_string(), &[]))?;
    match (import.status.success(), saved.success()) {
        (true, true) => Ok(()),
        (false, _) => Err(failed("ctr images import -", import.status.to_string(), &import.stderr)),
        (true, false) => Err(failed("docker save", saved.to_string(), &[])),
    }
}
