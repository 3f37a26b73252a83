//! Where the engine is and how it is reached, as `docker` finds it out.
//!
//! The configuration's `host`, else `DOCKER_HOST`, else the context of `DOCKER_CONTEXT`, else the current context of docker's
//! configuration file, else the usual socket. `DOCKER_TLS_VERIFY` and `DOCKER_TLS` are about the first two and the last; a context
//! has settings of its own. What goes to another machine is encrypted, or the user says that it need not be.

mod address;
mod context;
mod environment;
mod material;
#[cfg(test)]
mod tests;

use iac_core::provider::{ErrorKind, ProviderError};
use iac_core::transport::tls::Tls;
use iac_core::{redact, transport};

use self::address::{Address, Scheme, USUAL_ENCRYPTED, USUAL_SOCKET};
pub(super) use self::environment::Environment;
use self::material::Material;

/// The context that is none: what the environment says.
const DEFAULT: &str = "default";

/// The way to an engine.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) way: Way,
    /// For people: `tcp://far:2376 (context far)`.
    pub(super) shown: String,
    /// A remark for people on an unusual way.
    pub(super) remark: &'static str,
    /// Whether nobody on the way can read what is sent, so that credentials may be.
    pub(super) is_private: bool,
}

/// The way in which the engine is spoken to.
#[derive(Debug)]
pub(super) enum Way {
    /// Over a socket or in clear; the address as the client takes it.
    Plain(String),
    /// Over ssh; the URL.
    Ssh(String),
    /// Encrypted: `HOST:PORT`.
    Encrypted(String, Tls),
}

/// The raw settings that were found about an engine.
struct Found {
    host: String,
    material: Option<Material>,
    /// The context that says so.
    context: Option<String>,
}

impl Endpoint {
    /// Finds the engine; nothing is connected yet. `configured` is the configuration's `host`.
    pub(super) fn find(configured: Option<&str>, environment: &Environment) -> Result<Self, ProviderError> {
        let said = [configured, environment.host.as_deref()].into_iter().flatten();
        let said = said.map(str::trim).find(|host| !host.is_empty());
        let name = match (said, &environment.context) {
            (Some(_), _) => None,
            (None, Some(name)) => Some(name.clone()),
            (None, None) => context::current(environment.folder.as_deref())?,
        };
        match name.filter(|name| name != DEFAULT) {
            Some(name) => context::read(environment.folder.as_deref(), &name)?.make_sense(),
            None => {
                let material = environment.material();
                let usual = material.as_ref().map_or(USUAL_SOCKET, |_| USUAL_ENCRYPTED);
                let host = said.unwrap_or(usual).to_owned();
                let found = Found {
                    host,
                    material,
                    context: None,
                };
                found.make_sense()
            }
        }
    }

    /// For people: where it is, and all that is unusual about the way there.
    pub(super) fn described(&self) -> String {
        let credentials = if self.is_private {
            ""
        } else {
            " and without credentials of registries"
        };
        format!("{}{}{credentials}", self.shown, self.remark)
    }
}

impl Found {
    fn make_sense(self) -> Result<Endpoint, ProviderError> {
        let address = Address::parse(&self.host)?;
        let host = redact::url(&self.host);
        let shown = match &self.context {
            Some(context) => format!("{host} (context {context})"),
            None => host,
        };
        let private = |way| Endpoint {
            way,
            shown: shown.clone(),
            remark: "",
            is_private: true,
        };
        match address {
            Address::Socket(url) => Ok(private(Way::Plain(url))),
            Address::Ssh(url) => Ok(private(Way::Ssh(url))),
            Address::Tcp { scheme, host, at } => match self.material {
                Some(material) => Ok(Endpoint {
                    remark: material.remark(),
                    is_private: material.is_checked() || transport::is_local(&host),
                    ..private(Way::Encrypted(at, material.read()?))
                }),
                None if scheme == Scheme::Https => Ok(Endpoint {
                    remark: OVER_TLS,
                    ..private(Way::Encrypted(at, Tls::default()))
                }),
                None => {
                    transport::in_clear("the Docker Engine", &host).map_err(|refused| in_clear(&shown, &refused))?;
                    let is_private = transport::is_local(&host);
                    Ok(Endpoint {
                        remark: if is_private { "" } else { IN_CLEAR },
                        is_private,
                        ..private(Way::Plain(format!("tcp://{at}")))
                    })
                }
            },
        }
    }
}

/// The remark about a way that is checked.
const OVER_TLS: &str = ", over TLS";

/// The remark about a way that the user allowed.
const IN_CLEAR: &str = " in clear";

fn in_clear(shown: &str, refused: &transport::InClear) -> ProviderError {
    let message = format!("{shown} is refused: {refused}");
    let with_tls = "set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH (a folder with ca.pem, cert.pem and key.pem), or use ssh://USER@HOST or \
                    a context of docker that has certificates";
    ProviderError::new(ErrorKind::Invalid, message).with_hint(refused.hint(with_tls))
}
