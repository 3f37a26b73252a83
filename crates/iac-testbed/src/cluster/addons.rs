//! Additions of a cluster to Kubernetes itself: DNS in pods, figures for autoscalers, volumes, Ingresses.

use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use super::Cluster;
use crate::binaries;
use crate::error::{Error, Result, io};
use crate::extra::Extra;
use crate::process::{http_ok, last_lines, run};
use crate::progress::Progress;

/// The objects that make the add-ons known to the apiserver.
const OBJECTS: &str = include_str!("../../manifests/addons.yaml");

/// Starts the add-ons and waits for DNS.
pub(super) fn start(cluster: &Cluster<'_>, progress: &Progress) -> Result<()> {
    let coredns = cluster.ensure("coredns", &binaries::COREDNS.path(cluster.layout), &coredns(cluster)?)?;
    cluster.ensure(
        "metrics-server",
        &binaries::METRICS.path(cluster.layout),
        &metrics(cluster),
    )?;
    cluster.ensure("agents", &binaries::AGENTS.path(cluster.layout), &agents(cluster)?)?;
    apply(cluster, &OBJECTS.replace("NODE_ADDRESS", &cluster.record.block.node()))?;
    for extra in &cluster.record.with {
        start_extra(cluster, *extra, progress)?;
    }
    if coredns {
        let health = format!("{}:8181", cluster.record.block.node());
        cluster
            .daemon("coredns")
            .wait_until(Duration::from_secs(60), || http_ok(&health, "/ready"))?;
    }
    progress.say("add-ons: DNS answers");
    Ok(())
}

/// Makes the custom resources of an operator known and starts it.
fn start_extra(cluster: &Cluster<'_>, extra: Extra, progress: &Progress) -> Result<()> {
    let definitions = extra.binary().definitions(cluster.layout);
    let mut apply_all = cluster.kubectl();
    apply_all
        .args([
            "apply",
            "--server-side",
            "--force-conflicts",
            "--field-manager=iac-testbed",
            "-f",
        ])
        .arg(&definitions);
    run("adding custom resources", &mut apply_all)?;
    let mut wait = cluster.kubectl();
    wait.args(["wait", "--for=condition=Established", "--timeout=60s", "-f"])
        .arg(&definitions);
    run("waiting for custom resources", &mut wait)?;
    apply(cluster, extra.objects())?;
    let arguments = extra_arguments(cluster, extra);
    if cluster.ensure(extra.name(), &extra.binary().path(cluster.layout), &arguments)? {
        progress.say(format!("{extra}: started"));
    }
    Ok(())
}

fn extra_arguments(cluster: &Cluster<'_>, extra: Extra) -> Vec<String> {
    let pki = cluster.path("pki");
    match extra {
        Extra::CertManager => vec![format!("--kubeconfig={}", cluster.kubeconfig("addons").display())],
        // It has no flag for a kubeconfig.
        Extra::PrometheusOperator => vec![
            format!("--apiserver=https://{}:6443", cluster.record.block.node()),
            format!("--ca-file={pki}/ca.crt"),
            format!("--cert-file={pki}/addons.crt"),
            format!("--key-file={pki}/addons.key"),
            "--web.listen-address=127.0.0.1:8088".to_owned(),
        ],
    }
}

fn coredns(cluster: &Cluster<'_>) -> Result<Vec<String>> {
    let node = cluster.record.block.node();
    let text = format!(
        "cluster.local in-addr.arpa {{\n  bind {node}\n  ready {node}:8181\n  errors\n  kubernetes cluster.local in-addr.arpa {{\n    kubeconfig {kubeconfig}\n    pods insecure\n    ttl 1\n  }}\n}}\n\
         # Nothing beyond the cluster has a name here; a plain \"no\" keeps lookups short.\n\
         . {{\n  bind {node}\n  template ANY ANY {{\n    rcode NXDOMAIN\n  }}\n}}\n",
        kubeconfig = cluster.kubeconfig("addons").display(),
    );
    let path = cluster.layout.configuration("Corefile", &text)?;
    Ok(vec!["-conf".to_owned(), path.display().to_string()])
}

fn metrics(cluster: &Cluster<'_>) -> Vec<String> {
    let kubeconfig = cluster.kubeconfig("addons").display().to_string();
    vec![
        format!("--kubeconfig={kubeconfig}"),
        format!("--authentication-kubeconfig={kubeconfig}"),
        format!("--authorization-kubeconfig={kubeconfig}"),
        format!("--cert-dir={}", cluster.path("metrics-server")),
        "--secure-port=4443".to_owned(),
        format!("--kubelet-certificate-authority={}/ca.crt", cluster.path("pki")),
        "--kubelet-preferred-address-types=InternalIP".to_owned(),
        "--kubelet-request-timeout=5s".to_owned(),
        // The shortest that it accepts: tests of autoscalers wait for it.
        "--metric-resolution=10s".to_owned(),
    ]
}

fn agents(cluster: &Cluster<'_>) -> Result<Vec<String>> {
    Ok(vec![
        format!("--kubeconfig={}", cluster.kubeconfig("addons").display()),
        format!("--volumes={}", cluster.folder("volumes")?),
        format!("--ingress={}", cluster.folder("agents")?),
        format!("--address={}", cluster.record.block.node()),
    ])
}

/// Applies objects, retrying while the apiserver is still making its own.
fn apply(cluster: &Cluster<'_>, objects: &str) -> Result<()> {
    let mut output = String::new();
    for _ in 0..10 {
        let done = apply_once(cluster, objects).map_err(io("run", cluster.layout.path("bin/kubectl")))?;
        if done.status.success() {
            return Ok(());
        }
        output = String::from_utf8_lossy(&done.stderr).into_owned();
        std::thread::sleep(Duration::from_secs(1));
    }
    Err(Error::Command {
        what: "adding the objects of the add-ons".to_owned(),
        command: "kubectl apply --server-side -f -".to_owned(),
        outcome: "failed ten times".to_owned(),
        output: last_lines(&output, 15),
    })
}

fn apply_once(cluster: &Cluster<'_>, objects: &str) -> std::io::Result<std::process::Output> {
    let mut command = cluster.kubectl();
    command.args([
        "apply",
        "--server-side",
        "--force-conflicts",
        "--field-manager=iac-testbed",
        "-f",
        "-",
    ]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(objects.as_bytes())?;
    }
    child.wait_with_output()
}
