//! The cluster's certificates, tokens and kubeconfigs. They live as long as its objects: from `up` to `down`.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::json;

use super::{Cluster, NODE};
use crate::certificates::{authority, certificate, openssl};
use crate::error::{Result, io};
use crate::progress::Progress;

/// The users that may talk to the apiserver: a name for the kubeconfig, the user and its group.
const USERS: &[(&str, &str, &str)] = &[
    ("admin", "iac-testbed-admin", "system:masters"),
    ("addons", "iac-testbed-addons", "system:masters"),
    ("controller-manager", "system:kube-controller-manager", ""),
    ("scheduler", "system:kube-scheduler", ""),
    ("kube-proxy", "system:kube-proxy", ""),
    ("kubelet", "system:node:iac-testbed", "system:nodes"),
];

/// Makes all of it, once.
pub(super) fn make(cluster: &Cluster<'_>, progress: &Progress) -> Result<()> {
    let folder = cluster.layout.folder("pki")?;
    let done = folder.join("done");
    if done.exists() {
        return Ok(());
    }
    progress.say("cluster: making certificates");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).map_err(io("protect", &folder))?;
    authority(&folder, "ca")?;
    authority(&folder, "front-proxy-ca")?;
    let block = cluster.record.block;
    let names = format!(
        "subjectAltName=IP:{},IP:{},IP:127.0.0.1,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local",
        block.node(),
        block.api_service(),
    );
    certificate(&folder, "ca", "apiserver", "/CN=kube-apiserver", &names)?;
    certificate(
        &folder,
        "ca",
        "apiserver-kubelet-client",
        "/O=system:masters/CN=apiserver-kubelet-client",
        "",
    )?;
    certificate(
        &folder,
        "ca",
        "kubelet",
        &format!("/CN={NODE}"),
        &format!("subjectAltName=IP:{},DNS:{NODE}", block.node()),
    )?;
    certificate(
        &folder,
        "front-proxy-ca",
        "front-proxy-client",
        "/CN=front-proxy-client",
        "",
    )?;
    certificate(&folder, "ca", "addons", "/O=system:masters/CN=iac-testbed-addons", "")?;
    service_account_key(&folder)?;
    users(cluster, &folder)?;
    std::fs::write(&done, "").map_err(io("write", &done))
}

fn service_account_key(folder: &Path) -> Result<()> {
    openssl(folder, &["genrsa", "-out", "service-accounts.key", "2048"])?;
    openssl(
        folder,
        &[
            "rsa",
            "-in",
            "service-accounts.key",
            "-pubout",
            "-out",
            "service-accounts.pub",
        ],
    )
    .map(drop)
}

/// The tokens of all users for the apiserver, and a kubeconfig for each of them.
fn users(cluster: &Cluster<'_>, folder: &Path) -> Result<()> {
    let mut tokens = String::new();
    for (name, user, group) in USERS {
        let token = random_token()?;
        tokens.push_str(&format!("{token},{user},{user},\"{group}\"\n"));
        let path = cluster.kubeconfig(name);
        std::fs::write(&path, kubeconfig(cluster, folder, &token)).map_err(io("write", &path))?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(io("protect", &path))?;
    }
    let path = folder.join("tokens.csv");
    std::fs::write(&path, tokens).map_err(io("write", &path))
}

/// A kubeconfig in JSON, which is YAML too.
fn kubeconfig(cluster: &Cluster<'_>, folder: &Path, token: &str) -> String {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": "iac-testbed",
            "cluster": {
                "server": format!("https://{}:6443", cluster.record.block.node()),
                "certificate-authority": folder.join("ca.crt"),
            },
        }],
        "users": [{ "name": "iac-testbed", "user": { "token": token } }],
        "contexts": [{ "name": "iac-testbed", "context": { "cluster": "iac-testbed", "user": "iac-testbed" } }],
        "current-context": "iac-testbed",
    });
    format!("{config:#}\n")
}

fn random_token() -> Result<String> {
    let source = Path::new("/dev/urandom");
    let mut bytes = [0_u8; 16];
    std::fs::File::open(source)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(io("read", source))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
