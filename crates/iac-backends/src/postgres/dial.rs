//! Connects to the first server that takes us, over a connection on which no answer gets out of hand.
//!
//! The client reads whatever comes, and where it connects by itself there is no place for a limit. So the connection is made
//! here, in the same way: what a URL says of hosts, addresses, times and the kind of server counts as it does there.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use iac_core::answers::{Bounded, Limits, Meter, TooLarge};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio_postgres::config::{Host, LoadBalanceHosts, TargetSessionAttrs};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Error, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::failure::Failure;
use super::wire::Wire;

/// The most that is read of one answer. What is larger is asked for in parts.
const LARGEST: u64 = 16 << 20;

/// The most that an answer may have had if its connection is used again: the client keeps some of what a server sends
/// unasked for as long as there is the connection.
const SMALL: u64 = 64 << 10;

/// A server may acknowledge before anything is on disk, if nobody asks otherwise.
const SETTINGS: &str = "SET synchronous_commit = on; SET default_transaction_isolation = 'read committed'";

/// A connection.
pub(super) struct Line {
    pub(super) client: Client,
    meter: Meter,
    server: String,
}

impl Line {
    /// Why a statement failed: the client tells only that the connection was closed where an answer was too large.
    pub(super) fn failure(&self, error: Error) -> Failure {
        match too_large(&self.meter, &self.server) {
            Some(error) => error.into(),
            None => Failure::Statement(error),
        }
    }

    /// True if it may be used again.
    pub(super) fn is_good(&self) -> bool {
        !self.client.is_closed() && self.meter.count() <= SMALL
    }
}

fn too_large(meter: &Meter, server: &str) -> Option<TooLarge> {
    meter.exceeded().then(|| TooLarge::Long {
        server: server.to_owned(),
        limit: LARGEST,
    })
}

/// One of the servers that a URL names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    place: Place,
    port: u16,
    /// The name that its certificate has to be valid for.
    name: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// A name that is looked up.
    Name(String),
    Address(IpAddr),
    /// The folder of a socket.
    Socket(PathBuf),
}

/// Where one connection is made to.
enum Address {
    Tcp(SocketAddr),
    Socket(PathBuf),
}

/// The servers that a URL names, in its order.
pub(super) fn servers(config: &Config) -> Result<Vec<Server>, String> {
    let (hosts, addresses, ports) = (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
    let count = hosts.len();
    if count == 0 {
        return Err("the host is missing: postgres://USER@HOST/DATABASE".to_owned());
    }
    if !addresses.is_empty() && addresses.len() != count {
        let given = addresses.len();
        return Err(format!(
            "there are {count} hosts and {given} addresses for them (hostaddr)"
        ));
    }
    if ports.len() > 1 && ports.len() != count {
        return Err(format!("there are {count} hosts and {} ports for them", ports.len()));
    }
    let server = |(number, host): (usize, &Host)| {
        let (place, name) = match host {
            Host::Tcp(name) => (Place::Name(name.clone()), name.clone()),
            Host::Unix(folder) => (Place::Socket(folder.clone()), String::new()),
        };
        Server {
            place: addresses.get(number).map_or(place, |address| Place::Address(*address)),
            port: *ports.get(number).or(ports.first()).unwrap_or(&5432),
            name,
        }
    };
    Ok(hosts.iter().enumerate().map(server).collect())
}

/// Connects to the first server that takes us.
pub(super) async fn dial(servers: &[Server], config: &Config, tls: &MakeRustlsConnect) -> Result<Line, Failure> {
    let mut failure = None;
    for server in in_order(servers.to_vec(), config) {
        let addresses = match server.addresses().await {
            Ok(addresses) => addresses,
            Err(error) => {
                failure = Some(Failure::Unreachable(error));
                continue;
            }
        };
        for address in in_order(addresses, config) {
            match server.connect(address, config, tls).await {
                Ok(line) => return Ok(line),
                Err(error) => failure = Some(error),
            }
        }
    }
    Err(failure.unwrap_or_else(|| {
        let message = "its name has no address";
        Failure::Unreachable(io::Error::new(io::ErrorKind::NotFound, message))
    }))
}

/// The order in which they are tried.
fn in_order<T>(mut all: Vec<T>, config: &Config) -> Vec<T> {
    if config.get_load_balance_hosts() == LoadBalanceHosts::Random {
        // Without random numbers any order will do.
        all.sort_by_cached_key(|_| getrandom::u64().unwrap_or_default());
    }
    all
}

impl Server {
    async fn addresses(&self) -> io::Result<Vec<Address>> {
        let port = self.port;
        Ok(match &self.place {
            Place::Name(name) => lookup_host((name.as_str(), port)).await?.map(Address::Tcp).collect(),
            Place::Address(address) => vec![Address::Tcp((*address, port).into())],
            Place::Socket(folder) => vec![Address::Socket(folder.join(format!(".s.PGSQL.{port}")))],
        })
    }

    async fn connect(&self, address: Address, config: &Config, tls: &MakeRustlsConnect) -> Result<Line, Failure> {
        let server = match &address {
            Address::Tcp(_) if !self.name.is_empty() => format!("PostgreSQL at {}:{}", self.name, self.port),
            Address::Tcp(address) => format!("PostgreSQL at {address}"),
            Address::Socket(path) => format!("PostgreSQL at {}", path.display()),
        };
        let bytes = address.connect(config).await.map_err(Failure::Unreachable)?;
        let (meter, limits) = (
            Meter::default(),
            Limits {
                bytes: LARGEST,
                // Each statement has a time of its own, and between them a connection is idle.
                time: None,
                memory: None,
            },
        );
        let stream = Bounded::new(bytes, server.as_str().into(), limits, meter.clone());
        let failure = |error: Error| match too_large(&meter, &server) {
            Some(error) => error.into(),
            None => Failure::Connect(error),
        };
        let Ok(tls) = MakeTlsConnect::<Bounded<Wire>>::make_tls_connect(&mut tls.clone(), &self.name);
        let (client, connection) = config.connect_raw(stream, tls).await.map_err(failure)?;
        // Its failures are seen by the statements that run over it.
        tokio::spawn(connection);
        client.batch_execute(SETTINGS).await.map_err(failure)?;
        if let Some(reason) = unwanted(&client, config).await.map_err(failure)? {
            return Err(Failure::Unreachable(io::Error::new(
                io::ErrorKind::PermissionDenied,
                reason,
            )));
        }
        Ok(Line { client, meter, server })
    }
}

impl Address {
    async fn connect(self, config: &Config) -> io::Result<Wire> {
        let connect = async {
            match self {
                Self::Tcp(address) => {
                    let stream = TcpStream::connect(address).await?;
                    stream.set_nodelay(true)?;
                    watch_over(&stream, config)?;
                    Ok(Wire::Tcp(stream))
                }
                Self::Socket(path) => Ok(Wire::Socket(UnixStream::connect(path).await?)),
            }
        };
        match config.get_connect_timeout() {
            Some(limit) => tokio::time::timeout(*limit, connect).await.unwrap_or_else(|_| {
                let message = format!("no connection within {} s", limit.as_secs());
                Err(io::Error::new(io::ErrorKind::TimedOut, message))
            }),
            None => connect.await,
        }
    }
}

/// Has the system notice when nobody is there any more.
fn watch_over(stream: &TcpStream, config: &Config) -> io::Result<()> {
    let socket = SockRef::from(stream);
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(config.get_tcp_user_timeout().copied())?;
    if config.get_keepalives() {
        let mut probes = TcpKeepalive::new().with_time(config.get_keepalives_idle());
        if let Some(interval) = config.get_keepalives_interval() {
            probes = probes.with_interval(interval);
        }
        if let Some(retries) = config.get_keepalives_retries() {
            probes = probes.with_retries(retries);
        }
        socket.set_tcp_keepalive(&probes)?;
    }
    Ok(())
}

/// Why this server is not one that the URL asks for, by `target_session_attrs`.
async fn unwanted(client: &Client, config: &Config) -> Result<Option<&'static str>, Error> {
    let wanted = config.get_target_session_attrs();
    if wanted == TargetSessionAttrs::Any {
        return Ok(None);
    }
    let answer = client.simple_query("SHOW transaction_read_only").await?;
    let read_only = answer.iter().any(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0) == Some("on"),
        _ => false,
    });
    Ok(match wanted {
        TargetSessionAttrs::ReadWrite if read_only => Some("database does not allow writes"),
        TargetSessionAttrs::ReadOnly if !read_only => Some("database is not read only"),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_have_addresses_and_ports_of_their_own() {
        let told = |url: &str| {
            let config: Config = url.parse().map_err(|error: Error| error.to_string())?;
            let text = |server: Server| format!("{:?} {} {:?}", server.place, server.port, server.name);
            servers(&config).map(|servers| servers.into_iter().map(text).collect::<Vec<_>>().join("; "))
        };
        for (url, expected) in [
            ("postgres://db/iac", "Name(\"db\") 5432 \"db\""),
            (
                "postgres://db:6000/iac?hostaddr=10.0.0.1",
                "Address(10.0.0.1) 6000 \"db\"",
            ),
            ("postgres://a:1,b:2/iac", "Name(\"a\") 1 \"a\"; Name(\"b\") 2 \"b\""),
            ("postgres://%2Frun/iac", "Socket(\"/run\") 5432 \"\""),
        ] {
            assert_eq!(told(url).as_deref(), Ok(expected), "{url}");
        }
        for (url, part) in [
            ("postgres://a,b/iac?hostaddr=10.0.0.1", "2 hosts and 1 addresses"),
            ("postgres:///iac", "host is missing"),
        ] {
            let error = told(url).err().unwrap_or_default();
            assert!(error.contains(part), "{url}: {error}");
        }
    }
}
