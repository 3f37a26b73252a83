//! The connection to an engine, and what is known of it.

use std::collections::HashMap;
use std::sync::Arc;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerInspectResponse, ContainerSummary};
use bollard::query_parameters::ListContainersOptions;
use futures::stream::{self, StreamExt, TryStreamExt};
use iac_core::provider::{ConnectRequest, ErrorKind, ProviderError, Target};

use super::errors::{failed, if_there};
use super::events::Events;
use super::image::UnderWay;
use super::ssh::{SCHEME, Tunnel};

/// The longest that one request may take; stopping a container takes its grace period.
const REQUEST_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(600);

/// Where an engine usually listens.
const USUAL_SOCKET: &str = "unix:///var/run/docker.sock";

/// How many containers are looked at at the same time.
const PARALLEL: usize = 8;

/// The connection to an engine.
#[derive(Clone)]
pub(crate) struct Engine {
    pub(crate) docker: Docker,
    /// What carries the connection to another machine; it ends with the last clone.
    #[expect(dead_code, reason = "it is there for as long as somebody has it")]
    tunnel: Option<Arc<Tunnel>>,
    /// The stack that works here.
    pub(crate) stack: String,
    /// The API's version, as (major, minor).
    pub(crate) api: (u32, u32),
    /// What happens to containers.
    pub(crate) events: Arc<Events>,
    /// The images that are looked up or pulled at this moment.
    pub(crate) under_way: UnderWay,
}

/// Where the engine listens: the configuration's `host`, else `DOCKER_HOST`, else the usual socket.
fn host(request: &ConnectRequest) -> String {
    let configured = request.config.get("host").cloned();
    let host = configured.or_else(|| std::env::var("DOCKER_HOST").ok());
    host.filter(|host| !host.is_empty())
        .unwrap_or_else(|| USUAL_SOCKET.to_owned())
}

/// The way to an engine on another machine, if the host is one.
fn tunnel(host: &str) -> Result<Option<Tunnel>, ProviderError> {
    host.starts_with(SCHEME).then(|| Tunnel::open(host)).transpose()
}

fn unknown_scheme(host: &str) -> ProviderError {
    let message = format!("{host} is no way to a Docker Engine (DOCKER_HOST, or the configuration docker.host)");
    ProviderError::new(ErrorKind::Invalid, message)
        .with_hint("it looks like unix:///var/run/docker.sock, tcp://HOST:PORT or ssh://USER@HOST")
}

impl Engine {
    /// Connects, and finds out with whom.
    pub(crate) async fn connect(request: &ConnectRequest) -> Result<(Self, Target), ProviderError> {
        let host = host(request);
        let unreachable = |error: ProviderError| {
            let hint = "start the engine, or say where it is with --config docker.host=unix:///path or DOCKER_HOST";
            error.with_hint(hint)
        };
        let doing = format!("reach a Docker Engine at {host}");
        let tunnel = tunnel(&host)?;
        let near = tunnel.as_ref().map_or(host.clone(), |tunnel| tunnel.url());
        let docker = Docker::connect_with_host(&near).map_err(|error| match error {
            Error::UnsupportedURISchemeError { .. } => unknown_scheme(&host),
            error => unreachable(failed(&doing, &error)),
        })?;
        let docker = docker.with_timeout(REQUEST_TIMEOUT);
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
            .map_err(|error| said(unreachable(failed(&doing, &error))))?;
        let target = Target {
            description: format!("Docker Engine {} at {host}", version.version.unwrap_or_default()),
            id: info.id.unwrap_or_default(),
            evidence: Vec::new(),
        };
        let engine = Self {
            events: Arc::new(Events::new(docker.clone(), info.system_time.as_deref())),
            under_way: UnderWay::default(),
            docker,
            tunnel: tunnel.map(Arc::new),
            stack: request.stack.clone(),
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
