//! etcd, the apiserver, the controllers and the scheduler.

use std::time::Duration;

use super::Cluster;
use crate::dockerd::program;
use crate::error::Result;
use crate::progress::Progress;

/// Starts the four and waits until the apiserver says that it is ready.
pub(super) fn start(cluster: &Cluster<'_>, progress: &Progress) -> Result<()> {
    if cluster.ensure("etcd", &program("etcd", "etcd-server")?, &etcd(cluster)?)? {
        progress.say("etcd: started");
    }
    let bin = cluster.layout.path("bin");
    if cluster.ensure("kube-apiserver", &bin.join("kube-apiserver"), &apiserver(cluster)?)? {
        progress.say("kube-apiserver: starting");
    }
    cluster
        .daemon("kube-apiserver")
        .wait_until(Duration::from_secs(90), || is_ready(cluster))?;
    cluster.ensure(
        "kube-controller-manager",
        &bin.join("kube-controller-manager"),
        &controllers(cluster),
    )?;
    cluster.ensure("kube-scheduler", &bin.join("kube-scheduler"), &scheduler(cluster))?;
    progress.say("control plane: ready");
    Ok(())
}

fn is_ready(cluster: &Cluster<'_>) -> bool {
    let answer = cluster
        .kubectl()
        .args(["get", "--raw", "/readyz", "--request-timeout=5s"])
        .output();
    answer.is_ok_and(|done| done.stdout == b"ok")
}

fn etcd(cluster: &Cluster<'_>) -> Result<Vec<String>> {
    Ok(vec![
        format!("--data-dir={}", cluster.folder("etcd")?),
        "--listen-client-urls=http://127.0.0.1:2379".to_owned(),
        "--advertise-client-urls=http://127.0.0.1:2379".to_owned(),
        "--listen-peer-urls=http://127.0.0.1:2380".to_owned(),
        // A power cut would cost no more than a test bed.
        "--unsafe-no-fsync".to_owned(),
        "--log-level=warn".to_owned(),
        "--logger=zap".to_owned(),
    ])
}

fn apiserver(cluster: &Cluster<'_>) -> Result<Vec<String>> {
    let pki = cluster.folder("pki")?;
    let block = cluster.record.block;
    Ok(vec![
        "--etcd-servers=http://127.0.0.1:2379".to_owned(),
        "--bind-address=0.0.0.0".to_owned(),
        "--secure-port=6443".to_owned(),
        format!("--advertise-address={}", block.node()),
        format!("--service-cluster-ip-range={}", block.services()),
        format!("--tls-cert-file={pki}/apiserver.crt"),
        format!("--tls-private-key-file={pki}/apiserver.key"),
        format!("--client-ca-file={pki}/ca.crt"),
        format!("--token-auth-file={pki}/tokens.csv"),
        "--authorization-mode=Node,RBAC".to_owned(),
        "--enable-admission-plugins=NodeRestriction".to_owned(),
        "--allow-privileged=true".to_owned(),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--service-account-key-file={pki}/service-accounts.pub"),
        format!("--service-account-signing-key-file={pki}/service-accounts.key"),
        format!("--kubelet-client-certificate={pki}/apiserver-kubelet-client.crt"),
        format!("--kubelet-client-key={pki}/apiserver-kubelet-client.key"),
        format!("--kubelet-certificate-authority={pki}/ca.crt"),
        // The node's name is in no DNS that the apiserver asks: without this, logs and exec fail.
        "--kubelet-preferred-address-types=InternalIP".to_owned(),
        format!("--requestheader-client-ca-file={pki}/front-proxy-ca.crt"),
        "--requestheader-allowed-names=front-proxy-client".to_owned(),
        "--requestheader-username-headers=X-Remote-User".to_owned(),
        "--requestheader-group-headers=X-Remote-Group".to_owned(),
        "--requestheader-extra-headers-prefix=X-Remote-Extra-".to_owned(),
        format!("--proxy-client-cert-file={pki}/front-proxy-client.crt"),
        format!("--proxy-client-key-file={pki}/front-proxy-client.key"),
        "--enable-aggregator-routing=true".to_owned(),
    ])
}

fn controllers(cluster: &Cluster<'_>) -> Vec<String> {
    let pki = cluster.path("pki");
    let kubeconfig = cluster.kubeconfig("controller-manager").display().to_string();
    vec![
        format!("--kubeconfig={kubeconfig}"),
        format!("--authentication-kubeconfig={kubeconfig}"),
        format!("--authorization-kubeconfig={kubeconfig}"),
        format!("--service-account-private-key-file={pki}/service-accounts.key"),
        format!("--root-ca-file={pki}/ca.crt"),
        format!("--cluster-signing-cert-file={pki}/ca.crt"),
        format!("--cluster-signing-key-file={pki}/ca.key"),
        format!("--cert-dir={}", cluster.path("controller-manager")),
        "--use-service-account-credentials=true".to_owned(),
        "--leader-elect=false".to_owned(),
        "--bind-address=127.0.0.1".to_owned(),
        "--horizontal-pod-autoscaler-sync-period=5s".to_owned(),
    ]
}

fn scheduler(cluster: &Cluster<'_>) -> Vec<String> {
    let kubeconfig = cluster.kubeconfig("scheduler").display().to_string();
    vec![
        format!("--kubeconfig={kubeconfig}"),
        format!("--authentication-kubeconfig={kubeconfig}"),
        format!("--authorization-kubeconfig={kubeconfig}"),
        format!("--cert-dir={}", cluster.path("scheduler")),
        "--leader-elect=false".to_owned(),
        "--bind-address=127.0.0.1".to_owned(),
    ]
}
