//! Servers that are there already, such as a provider's managed database, in place of an application's own.

use iac_core::Output;
use serde::{Deserialize, Serialize};

use crate::binding::{Binding, Provides, prefix};

/// A server that may be there already: a field of a program's settings. It is used where it has a host.
///
/// ```
/// use iac_app::{App, Container, External, PostgresOptions, Provides};
///
/// fn shop(app: &App, external: &External) {
///     // With `external.host=db.example.com`, that one, and no PostgreSQL of the application's own.
///     let db = external.or_else("db", || app.postgres("db", PostgresOptions::image("postgres:16")));
///     app.worker("worker", Container::image("shop:1").env("DATABASE_URL", db.binding().url("postgresql")));
/// }
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct External(Fields);

/// The keys of an [`External`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    host: Option<String>,
    port: u16,
    /// The scheme of its URL where a client has no other one: `rediss` for Redis with TLS.
    scheme: String,
    database: Option<String>,
    username: Option<String>,
    password: Option<Output>,
}

impl External {
    /// A PostgreSQL server at its usual port, with a database and the user `postgres` unless the configuration says otherwise.
    pub fn postgres(database: impl Into<String>) -> Self {
        let (database, username) = (Some(database.into()), Some("postgres".to_owned()));
        Self(Fields {
            database,
            username,
            ..Fields::at("postgresql", 5432)
        })
    }

    /// A Redis server at its usual port. The scheme `rediss` means TLS.
    pub fn redis() -> Self {
        Self(Fields::at("redis", 6379))
    }

    /// The server, or the part that stands for it where the configuration names none. `name` is what the variables of
    /// [`Container::uses`](crate::Container::uses) start with.
    pub fn or_else<P>(&self, name: &str, own: impl FnOnce() -> P) -> Server<P> {
        let Some(host) = self.0.host.clone() else {
            return Server::Own(own());
        };
        let Fields {
            port,
            scheme,
            database,
            username,
            password,
            ..
        } = self.0.clone();
        Server::External(Box::new(Binding {
            part: None,
            prefix: prefix(name),
            scheme,
            host,
            port,
            database,
            username,
            password,
        }))
    }
}

impl Fields {
    fn at(scheme: &str, port: u16) -> Self {
        Self {
            host: None,
            port,
            scheme: scheme.to_owned(),
            database: None,
            username: None,
            password: None,
        }
    }
}

impl From<External> for Fields {
    fn from(external: External) -> Self {
        external.0
    }
}

/// Why the configuration names no server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it has a password and no host: a server that is there already is used where `host` says where it is")]
struct NoHost;

impl TryFrom<Fields> for External {
    type Error = NoHost;

    fn try_from(fields: Fields) -> Result<Self, NoHost> {
        match fields.host.is_none() && fields.password.is_some() {
            true => Err(NoHost),
            false => Ok(Self(fields)),
        }
    }
}

/// A part of the application, or the server that is used in its place.
#[derive(Debug, Clone)]
pub enum Server<P> {
    /// A part.
    Own(P),
    /// A server that is there already.
    External(Box<Binding>),
}

impl<P> Server<P> {
    /// The part, where it is one.
    pub fn own(&self) -> Option<&P> {
        match self {
            Self::Own(part) => Some(part),
            Self::External(_) => None,
        }
    }
}

impl<P: Provides> Provides for Server<P> {
    fn binding(&self) -> Binding {
        match self {
            Self::Own(part) => part.binding(),
            Self::External(binding) => binding.as_ref().clone(),
        }
    }
}
