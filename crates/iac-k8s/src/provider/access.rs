//! From a kubeconfig to a way in: server, certificates, proxy, credentials; and what has to be said of it.

use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use iac_core::{redact, transport, with_causes};
use jiff::Timestamp;
use kube::config::{AuthInfo, Cluster, Context, ExecAuthCluster, Kubeconfig};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};

use super::connect::Settings;
use super::{kubeconfig, plugin, proxy};

/// A way into a cluster.
pub(super) struct Access {
    pub(super) config: kube::Config,
    /// For people: `context prod, server https://10.0.0.1:6443`, and whatever is unusual about it.
    pub(super) description: String,
    /// Until when the credentials can be used, if a plugin said so.
    pub(super) until: Option<Timestamp>,
    /// The identity of the server: its address, and the authority that its certificate is checked by.
    pub(super) server: String,
}

impl Access {
    /// Reads the kubeconfig, and runs its plugin if it has one.
    pub(super) async fn find(settings: &Settings) -> Result<Self, String> {
        let (mut config, place, until) = match settings.file()? {
            Some(file) => {
                let name = settings.context.clone().or_else(|| file.current_context.clone());
                let name = name.ok_or("the kubeconfig has no current context")?;
                let (config, until) = of_context(&file, &name).await?;
                (config, format!("context {name}"), until)
            }
            None => {
                let mut config = kube::Config::incluster().map_err(|error| with_causes(&error))?;
                config.proxy_url = proxy::find(&config.cluster_url, None, &proxy::Environment::of_process())?;
                (config, "the pod's own account".to_owned(), None)
            }
        };
        // Trying again is decided here, per call and within its time limit.
        config.default_retry = false;
        config.connect_timeout = Some(Duration::from_secs(10));
        Ok(Self {
            description: format!("{place}, {}", described(&config)),
            server: fingerprint(&config),
            config,
            until,
        })
    }
}

async fn of_context(file: &Kubeconfig, name: &str) -> Result<(kube::Config, Option<Timestamp>), String> {
    let context = file.contexts.iter().find(|named| named.name == name);
    let context: &Context = context
        .and_then(|named| named.context.as_ref())
        .ok_or_else(|| format!("the kubeconfig has no context {name:?}"))?;
    let cluster = file.clusters.iter().find(|named| named.name == context.cluster);
    let cluster: &Cluster = cluster
        .and_then(|named| named.cluster.as_ref())
        .ok_or_else(|| format!("context {name}: the kubeconfig has no cluster {:?}", context.cluster))?;
    // Like kubectl, a user that is not there counts as nobody.
    let user = file
        .auth_infos
        .iter()
        .find(|named| Some(&named.name) == context.user.as_ref());
    let mut user = user.and_then(|named| named.auth_info.clone()).unwrap_or_default();
    let mut cluster = cluster.clone();
    kubeconfig::load_authority(&mut cluster).map_err(|error| format!("context {name}: {error}"))?;
    let seen = ExecAuthCluster::try_from(&cluster).map_err(|error| with_causes(&error))?;
    let mut config = of_cluster(&cluster, &seen)?;
    config.default_namespace = context.namespace.clone().unwrap_or(config.default_namespace);
    let is_clear = config.cluster_url.scheme_str() == Some("http");
    if is_clear {
        let host = config.cluster_url.host().unwrap_or_default();
        transport::in_clear("the API server", host)
            .map_err(|refused| format!("{refused}; {}", refused.hint("use an https:// address")))?;
        // Like kubectl: credentials go over TLS or not at all.
        return Ok((config, None));
    }
    kubeconfig::load_credentials(&mut user).map_err(|error| format!("context {name}: {error}"))?;
    let (user, until) = credentials(user, seen).await?;
    config.auth_info = user;
    Ok((config, until))
}

fn of_cluster(cluster: &Cluster, seen: &ExecAuthCluster) -> Result<kube::Config, String> {
    let server = cluster.server.as_deref().filter(|server| !server.is_empty());
    let server = server.ok_or("the kubeconfig names no server of its cluster")?;
    let shown = redact::url(server);
    let url: Uri = server
        .parse()
        .map_err(|_| format!("{shown} is no address of an API server"))?;
    if !matches!(url.scheme_str(), Some("http" | "https")) || url.host().is_none() {
        return Err(format!(
            "{shown} is no address of an API server: it looks like https://HOST:6443"
        ));
    }
    if url
        .authority()
        .is_some_and(|authority| authority.as_str().contains('@'))
    {
        return Err(format!(
            "{shown}: credentials in the server's address are not used; they belong to the user of the kubeconfig"
        ));
    }
    let mut config = kube::Config::new(url);
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or(false);
    config.disable_compression = cluster.disable_compression.unwrap_or(false);
    config.tls_server_name.clone_from(&cluster.tls_server_name);
    if let Some(pem) = &seen.certificate_authority_data {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let certificates =
            certificates.map_err(|error| format!("the certificate authority of the cluster is not PEM: {error}"))?;
        config.root_cert = Some(certificates.iter().map(|certificate| certificate.to_vec()).collect());
    }
    let environment = proxy::Environment::of_process();
    config.proxy_url = proxy::find(&config.cluster_url, cluster.proxy_url.as_deref(), &environment)?;
    Ok(config)
}

/// The user with credentials that can be sent: those that a plugin gives in place of the plugin.
async fn credentials(mut user: AuthInfo, cluster: ExecAuthCluster) -> Result<(AuthInfo, Option<Timestamp>), String> {
    if let Some(provider) = user.auth_provider.as_ref().filter(|provider| provider.name != "oidc") {
        return Err(format!(
            "the kubeconfig's auth-provider {:?} is not supported, as in kubectl since 1.26; use a plugin (exec) in its place",
            provider.name
        ));
    }
    let has_own = user.token.is_some() || user.token_file.is_some() || user.username.is_some();
    let Some(mut exec) = user.exec.take().filter(|_| !has_own && user.auth_provider.is_none()) else {
        return Ok((user, None));
    };
    exec.cluster = Some(cluster);
    let given = plugin::run(&exec).await?;
    user.token = given.token.map(Into::into);
    if let (Some(certificate), Some(key)) = (given.client_certificate_data, given.client_key_data) {
        user.client_certificate_data = Some(STANDARD.encode(certificate));
        user.client_key_data = Some(STANDARD.encode(key).into());
    }
    Ok((user, given.expiration_timestamp))
}

/// The server, and all that is unusual about the way there.
fn described(config: &kube::Config) -> String {
    let server = config.cluster_url.to_string();
    let mut text = format!("server {}", redact::url(server.trim_end_matches('/')));
    if config.cluster_url.scheme_str() == Some("http") {
        text.push_str(" in clear and without credentials");
    } else if config.accept_invalid_certs {
        text.push_str(" WITHOUT A CHECK OF ITS CERTIFICATE (insecure-skip-tls-verify)");
    }
    if let Some(proxy) = &config.proxy_url {
        let proxy = proxy.to_string();
        // It is written into a text that always can be written to.
        let _ = write!(text, " through proxy {}", redact::url(proxy.trim_end_matches('/')));
    }
    let user = &config.auth_info;
    let groups = user.impersonate_groups.iter().flatten();
    let others: Vec<&str> = user
        .impersonate
        .iter()
        .chain(&user.impersonate_uid)
        .chain(groups)
        .map(String::as_str)
        .collect();
    if !others.is_empty() {
        let _ = write!(text, ", impersonating {}", others.join(", "));
    }
    text
}

fn fingerprint(config: &kube::Config) -> String {
    let mut hash = Sha256::new();
    hash.update(config.cluster_url.to_string().trim_end_matches('/').as_bytes());
    let mut certificates: Vec<&Vec<u8>> = config.root_cert.iter().flatten().collect();
    certificates.sort();
    for certificate in certificates {
        hash.update([0]);
        hash.update(Sha256::digest(certificate));
    }
    hash.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
