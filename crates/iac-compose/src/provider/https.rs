//! A client of an engine over TLS.
//!
//! The client's library has one of its own, which takes its files from the environment and believes the system's authorities
//! besides the one that is named; so this one is made from our own settings.

use std::time::Duration;

use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use iac_core::provider::{ErrorKind, ProviderError};
use iac_core::transport::tls::Tls;
use iac_core::with_causes;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(30);

/// A client for `HOST:PORT`; nothing is connected yet.
pub(super) fn client(at: &str, tls: &Tls, timeout: Duration) -> Result<Docker, ProviderError> {
    let unusable = |error: &dyn std::error::Error| {
        let message = format!(
            "the connection to the Docker Engine cannot be encrypted: {}",
            with_causes(error)
        );
        ProviderError::new(ErrorKind::Invalid, message)
    };
    let config = tls.client().map_err(|error| unusable(&error))?;
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_connect_timeout(Some(CONNECT));
    let connector = HttpsConnectorBuilder::new().with_tls_config(config);
    let connector = connector.https_only().enable_http1().wrap_connector(tcp);
    // As the library does: a connection for each request, so that none is used that the engine has given up.
    let client = Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .build(connector);
    let transport = move |request: BollardRequest| {
        let response = client.request(request);
        async move { response.await.map_err(Error::from) }
    };
    Docker::connect_with_custom_transport(
        transport,
        Some(format!("https://{at}")),
        timeout.as_secs(),
        API_DEFAULT_VERSION,
    )
    .map_err(|error| unusable(&error))
}
