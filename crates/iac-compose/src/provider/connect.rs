//! The connection to an engine, and what is known of it.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerInspectResponse, ContainerSummary};
use bollard::query_parameters::ListContainersOptions;
use futures::stream::{self, StreamExt, TryStreamExt};
use iac_core::provider::{ConnectRequest, ErrorKind, ProviderError, Target};
use iac_core::transport::tls;

use super::endpoint::{Endpoint, Environment, Way};
use super::errors::{failed, if_there};
use super::events::Events;
use super::image::UnderWay;
use super::maker::Owner;
use super::ssh::Tunnel;
use super::wire::Wire;

/// The number of containers that are inspected at the same time.
const PARALLEL: usize = 8;

/// The connection to an engine.
#[derive(Clone)]
pub(crate) struct Engine {
    pub(crate) docker: Docker,
    /// For clients of answers that go on.
    pub(crate) wire: Wire,
    /// The tunnel to another machine; it ends with the last clone.
    #[expect(dead_code, reason = "it is there for as long as somebody has it")]
    tunnel: Option<Arc<Tunnel>>,
    /// The stack that works here.
    pub(crate) owner: Owner,
    /// The files that the run itself reads and writes, which are no part of a build's context.
    pub(crate) own_files: Vec<PathBuf>,
    /// The API's version, as (major, minor).
    pub(crate) api: (u32, u32),
    /// The projects in which something was seen that bears our mark: what was seen counts for the whole run, of which it may
    /// be the first to go.
    pub(crate) marked: Arc<Mutex<BTreeSet<String>>>,
    /// The anonymous volumes that were told when deletions were planned.
    pub(crate) told: Arc<Mutex<BTreeSet<String>>>,
    /// The events of containers.
    pub(crate) events: Arc<Events>,
    /// The images that are looked up or pulled at this moment.
    pub(crate) under_way: UnderWay,
    /// Whether nobody on the way there can read what is sent.
    pub(crate) is_private: bool,
}

/// The way to an engine, and what carries its connections.
fn way(endpoint: &Endpoint) -> Result<(Wire, Option<Tunnel>), ProviderError> {
    let shown = &endpoint.shown;
    match &endpoint.way {
        Way::Plain(url) => Ok((Wire::to(url, shown)?, None)),
        Way::Ssh(url) => {
            let tunnel = Tunnel::open(url)?;
            Ok((Wire::to(&tunnel.url(), shown)?, Some(tunnel)))
        }
        Way::Encrypted(at, tls) => Ok((Wire::encrypted(at, shown, tls)?, None)),
    }
}

/// Why the engine did not answer, with the way out.
fn not_reached(doing: &str, error: &Error) -> ProviderError {
    let mut failure = failed(doing, error);
    match tls::refusal(error) {
        // It is there, and one of the two does not trust the other.
        Some(refusal) => {
            failure.kind = ErrorKind::Denied;
            failure.with_hint(match refusal {
                rustls::Error::AlertReceived(_) => {
                    "the engine broke the handshake off; if it wants to see a certificate that it trusts, cert.pem and key.pem lie beside ca.pem"
                }
                _ => "ca.pem in DOCKER_CERT_PATH, or of the context, is that of the authority which signed the engine's certificate; the \
                      certificate is good for the names that it bears",
            })
        }
        None => unreachable(failure),
    }
}

fn unreachable(error: ProviderError) -> ProviderError {
    let hint = "start the engine, or say where it is with --config docker.host=unix:///path, DOCKER_HOST or a context of docker";
    error.with_hint(hint)
}

impl Engine {
    /// Connects, and finds out with whom.
    pub(crate) async fn connect(request: &ConnectRequest) -> Result<(Self, Target), ProviderError> {
        let configured = request.config.get("host").map(String::as_str);
        let endpoint = Endpoint::find(configured, &Environment::of_process())?;
        let doing = format!("reach a Docker Engine at {}", endpoint.shown);
        let (wire, tunnel) = way(&endpoint)?;
        if let Some(path) = wire.missing_socket() {
            let message = format!("cannot {doing}: there is no socket at {}", path.display());
            return Err(unreachable(ProviderError::new(ErrorKind::Unreachable, message)));
        }
        let docker = wire.calls().map_err(|error| unreachable(failed(&doing, &error)))?;
        let said = |error: ProviderError| match tunnel.as_ref().and_then(|tunnel| tunnel.words()) {
            Some(words) => error.with_details(words.lines().map(|line| format!("ssh: {line}"))),
            None => error,
        };
        let asked = async { futures::try_join!(docker.version(), docker.info()) };
        let answer = tokio::time::timeout(request.timeout, asked).await;
        let (version, info) = answer
            .map_err(|_| {
                let waited = request.timeout.as_secs();
                let message = format!("cannot {doing}: no answer within {waited} s");
                said(unreachable(ProviderError::new(ErrorKind::Unreachable, message)))
            })?
            .map_err(|error| said(not_reached(&doing, &error)))?;
        let target = Target {
            description: format!(
                "Docker Engine {} at {}",
                version.version.unwrap_or_default(),
                endpoint.described()
            ),
            id: info.id.unwrap_or_default(),
            evidence: Vec::new(),
        };
        let engine = Self {
            events: Arc::new(Events::new(wire.clone(), info.system_time.as_deref())),
            under_way: UnderWay::default(),
            is_private: endpoint.is_private,
            marked: Arc::default(),
            told: Arc::default(),
            docker,
            wire,
            tunnel: tunnel.map(Arc::new),
            owner: Owner {
                stack: request.stack.clone(),
                id: request.id.clone(),
            },
            own_files: request.own_files.clone(),
            api: api_version(version.api_version.as_deref().unwrap_or_default()),
        };
        Ok((engine, target))
    }

    /// The containers that a filter names, stopped ones too.
    pub(crate) async fn list(
        &self,
        filters: HashMap<String, Vec<String>>,
    ) -> Result<Vec<ContainerSummary>, ProviderError> {
        let options = ListContainersOptions {
            all: true,
            filters: Some(filters),
            ..ListContainersOptions::default()
        };
        let listed = self.docker.list_containers(Some(options)).await;
        listed.map_err(|error| failed("list the containers", &error))
    }

    /// Those containers in full; one that went meanwhile is left out.
    pub(crate) async fn inspect_all(
        &self,
        summaries: Vec<ContainerSummary>,
    ) -> Result<Vec<ContainerInspectResponse>, ProviderError> {
        let ids = summaries.into_iter().filter_map(|summary| summary.id);
        self.inspect_ids(ids).await
    }

    /// The same for containers that are known by their IDs.
    pub(crate) async fn inspect_ids(
        &self,
        ids: impl IntoIterator<Item = String>,
    ) -> Result<Vec<ContainerInspectResponse>, ProviderError> {
        let inspected = stream::iter(ids)
            .map(|id| async move { if_there(self.docker.inspect_container(&id, None).await) })
            .buffered(PARALLEL);
        let found: Vec<Option<ContainerInspectResponse>> = inspected
            .try_collect()
            .await
            .map_err(|error| failed("look at the containers", &error))?;
        Ok(found.into_iter().flatten().collect())
    }
}

fn api_version(text: &str) -> (u32, u32) {
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    (major.parse().unwrap_or(0), minor.parse().unwrap_or(0))
}
