//! The transport of calls to an engine: connections of our own below the client, over which no answer gets out of hand.
//!
//! The client reads whatever comes, however much and however long. So its connections are [`Bounded`]. The answer to a call
//! has to come, and to end; one that goes on (events, logs, pulls, builds) has no end, and a limit for each of its messages.
//! As with the client's own connections, there is one for each request.

use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use futures::future::BoxFuture;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use iac_core::answers::{Bounded, Limits, Meter, TooLarge};
use iac_core::provider::{ErrorKind, ProviderError};
use iac_core::transport::tls::{self, Tls};
use iac_core::with_causes;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::errors::failed;

/// The longest that one request may take to be answered; stopping a container takes its grace period.
const LONGEST: Duration = Duration::from_secs(600);

/// The longest that one may take which only asks.
const LONGEST_LOOK: Duration = Duration::from_secs(60);

/// Where an engine listens on a network, unless somebody says otherwise.
const DOCKER_PORT: u16 = 2375;

/// The time that a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(30);

/// An answer to a call: the largest are lists of containers.
const CALL: Limits = Limits {
    bytes: 32 << 20,
    time: Some(Duration::from_secs(60)),
    // Some hundred thousand objects.
    memory: Some(512 << 20),
};

/// One message of an answer that goes on: a line of a build's output, some lines of a log.
const MESSAGE: Limits = Limits {
    bytes: 2 << 20,
    time: None,
    memory: None,
};

/// A client for one answer that goes on.
pub(crate) struct Stream {
    pub(crate) docker: Docker,
    /// To be restarted after each message.
    pub(crate) meter: Meter,
    server: Arc<str>,
}

impl Stream {
    /// Why it ended: the client does not say what it could not read for.
    pub(crate) fn failed(&self, doing: &str, error: &Error) -> ProviderError {
        if !self.meter.exceeded() {
            return failed(doing, error);
        }
        let excess = TooLarge::Long {
            server: self.server.to_string(),
            limit: MESSAGE.bytes,
        };
        ProviderError::new(ErrorKind::Failed, format!("cannot {doing}: in one message, {excess}"))
    }
}

/// Where the engine is, and how it is spoken to; cheap to clone.
#[derive(Clone)]
pub(crate) struct Wire {
    place: Arc<Place>,
    /// For people: what the user named.
    server: Arc<str>,
}

enum Place {
    Socket(PathBuf),
    Host {
        name: String,
        port: u16,
        /// None where it is spoken to in clear.
        tls: Option<(TlsConnector, ServerName<'static>)>,
    },
}

impl Wire {
    /// The way to `unix:///PATH` or, in clear, `tcp://HOST:PORT`, which people call `shown`.
    pub(crate) fn to(url: &str, shown: &str) -> Result<Self, ProviderError> {
        if let Some(path) = url.strip_prefix("unix://") {
            return Ok(Self::of(Place::Socket(PathBuf::from(path)), shown));
        }
        let at = url.strip_prefix("tcp://").or_else(|| url.strip_prefix("http://"));
        let (name, port) = at.and_then(host).ok_or_else(|| no_address(shown))?;
        Ok(Self::of(Place::Host { name, port, tls: None }, shown))
    }

    /// The way to `HOST:PORT` over TLS.
    pub(crate) fn encrypted(at: &str, shown: &str, tls: &Tls) -> Result<Self, ProviderError> {
        let (name, port) = host(at).ok_or_else(|| no_address(shown))?;
        let server = ServerName::try_from(name.clone()).map_err(|_| no_address(shown))?;
        let config = tls.client().map_err(|error| {
            let why = with_causes(&error);
            let message = format!("the connection to the Docker Engine cannot be encrypted: {why}");
            ProviderError::new(ErrorKind::Invalid, message)
        })?;
        let tls = Some((TlsConnector::from(Arc::new(config)), server));
        Ok(Self::of(Place::Host { name, port, tls }, shown))
    }

    fn of(place: Place, shown: &str) -> Self {
        Self {
            place: Arc::new(place),
            server: format!("the Docker Engine at {shown}").into(),
        }
    }

    /// The socket that is not there, if that is the way.
    pub(crate) fn missing_socket(&self) -> Option<&PathBuf> {
        match &*self.place {
            Place::Socket(path) if !path.exists() => Some(path),
            _ => None,
        }
    }

    /// A client for calls.
    pub(crate) fn calls(&self) -> Result<Docker, Error> {
        self.client(CALL, None)
    }

    /// A client for one answer that goes on.
    pub(crate) fn stream(&self) -> Result<Stream, Error> {
        let meter = Meter::default();
        Ok(Stream {
            docker: self.client(MESSAGE, Some(meter.clone()))?,
            meter,
            server: Arc::clone(&self.server),
        })
    }

    fn client(&self, limits: Limits, meter: Option<Meter>) -> Result<Docker, Error> {
        let refusal = Refusal::default();
        let dial = Dial {
            wire: self.clone(),
            limits,
            meter,
            refusal: refusal.clone(),
        };
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(dial);
        let server = Arc::clone(&self.server);
        let send = move |request: BollardRequest| {
            let limit = match limits.time.is_some() && request.method().as_str() == "GET" {
                true => LONGEST_LOOK,
                false => LONGEST,
            };
            let answer = client.request(request);
            let (server, refusal) = (Arc::clone(&server), refusal.clone());
            async move {
                let silent = || {
                    let message = format!("{server} has not answered within {} s", limit.as_secs());
                    io::Error::new(io::ErrorKind::TimedOut, message)
                };
                let answer = timeout(limit, answer).await.map_err(|_| silent())?;
                answer.map_err(|error| match refusal.take() {
                    Some(why) => io::Error::other(Refused(why)).into(),
                    None => error.into(),
                })
            }
        };
        let address = match &*self.place {
            Place::Socket(_) => "http://localhost".to_owned(),
            Place::Host { name, port, .. } if name.contains(':') => format!("http://[{name}]:{port}"),
            Place::Host { name, port, .. } => format!("http://{name}:{port}"),
        };
        Docker::connect_with_custom_transport(send, Some(address), 2 * LONGEST.as_secs(), API_DEFAULT_VERSION)
    }
}

fn no_address(shown: &str) -> ProviderError {
    let message = format!("{shown} is no address of a Docker Engine");
    ProviderError::new(ErrorKind::Invalid, message)
        .with_hint("it looks like unix:///var/run/docker.sock or tcp://HOST:PORT")
}

/// The parts of `HOST:PORT`, as docker reads it.
fn host(at: &str) -> Option<(String, u16)> {
    let authority: http::uri::Authority = at.split('/').next()?.parse().ok()?;
    let port = match authority.as_str().strip_prefix(authority.host())? {
        "" => DOCKER_PORT,
        port => port.strip_prefix(':')?.parse().ok()?,
    };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    (!name.is_empty()).then(|| (name.to_owned(), port))
}

/// The engine refused the connection, whatever the client made of it.
#[derive(Debug, thiserror::Error)]
#[error("the connection over TLS was refused")]
struct Refused(#[source] rustls::Error);

/// Why the engine refused a client's TLS connection, until a failed request takes it.
///
/// With TLS 1.3 it says so after the handshake. The HTTP client reads that before it sends its request, or after it, and in
/// the first case does not pass it on.
#[derive(Clone, Default)]
struct Refusal(Arc<Mutex<Option<rustls::Error>>>);

impl Refusal {
    fn note(&self, error: &io::Error) {
        if let Some(refused) = tls::refusal(error) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(refused.clone());
        }
    }

    fn take(&self) -> Option<rustls::Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Makes connections.
#[derive(Clone)]
struct Dial {
    wire: Wire,
    limits: Limits,
    /// None where each connection has its own.
    meter: Option<Meter>,
    refusal: Refusal,
}

impl Service<http::Uri> for Dial {
    type Response = TokioIo<Line>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<TokioIo<Line>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Uri) -> Self::Future {
        let Self {
            wire,
            limits,
            meter,
            refusal,
        } = self.clone();
        Box::pin(async move {
            let connected = timeout(CONNECT, wire.place.connect()).await;
            let bytes = connected.map_err(|_| {
                let message = format!("{} takes no connection within {} s", wire.server, CONNECT.as_secs());
                io::Error::new(io::ErrorKind::TimedOut, message)
            })??;
            let bounded = Bounded::new(bytes, wire.server, limits, meter.unwrap_or_default());
            Ok(TokioIo::new(Line {
                bytes: bounded,
                refusal,
            }))
        })
    }
}

impl Place {
    async fn connect(&self) -> io::Result<Box<dyn Bytes>> {
        match self {
            Self::Socket(path) => Ok(Box::new(UnixStream::connect(path).await?)),
            Self::Host { name, port, tls } => {
                let stream = TcpStream::connect((name.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                match tls {
                    Some((tls, server)) => Ok(Box::new(tls.connect(server.clone(), stream).await?)),
                    None => Ok(Box::new(stream)),
                }
            }
        }
    }
}

/// A stream of bytes in both directions.
trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Bytes for S {}

/// A connection as the client wants it.
struct Line {
    bytes: Bounded<Box<dyn Bytes>>,
    refusal: Refusal,
}

impl Connection for Line {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.bytes).poll_read(cx, buffer);
        if let Poll::Ready(Err(error)) = &read {
            self.refusal.note(error);
        }
        read
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.bytes).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.bytes).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.bytes).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_socket_or_a_host() {
        for (url, expected) in [
            ("unix:///var/run/docker.sock", Some("/var/run/docker.sock")),
            ("tcp://far:2375", Some("far 2375")),
            ("http://far", Some("far 2375")),
            ("tcp://[::1]:1/", Some("::1 1")),
            ("tcp://", None),
            ("tcp://far:port", None),
            ("ftp://far", None),
            ("far", None),
        ] {
            let place = Wire::to(url, url).map(|wire| match &*wire.place {
                Place::Socket(path) => path.display().to_string(),
                Place::Host { name, port, .. } => format!("{name} {port}"),
            });
            assert_eq!(place.ok().as_deref(), expected, "{url}");
        }
    }
}
