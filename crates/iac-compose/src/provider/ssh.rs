//! An engine on another machine, reached as `docker` itself does: `ssh HOST docker system dial-stdio`.
//!
//! Every connection to the engine is a run of the user's own `ssh`, with its keys, aliases and jump hosts. It is offered
//! to the client as a socket in a folder that nobody else can read.

use std::io;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use iac_core::provider::{ErrorKind, ProviderError};
use iac_core::{environment, redact};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::process::{Child, Command};
use tokio::task::AbortHandle;

/// The prefix of an address, before the name of the machine.
pub(super) const SCHEME: &str = "ssh://";

/// The most bytes of `ssh`'s output that are kept.
const MOST_WORDS: usize = 2000;

/// Where the engine is: what follows `ssh://`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Address {
    user: Option<String>,
    host: String,
    port: Option<String>,
    /// Another socket than the usual one, on that machine.
    socket: Option<String>,
}

/// A socket that leads to an engine on another machine, for as long as this lives.
pub(crate) struct Tunnel {
    folder: TempDir,
    accepting: AbortHandle,
    /// The last output of `ssh`.
    words: Arc<Mutex<String>>,
}

impl Tunnel {
    /// Opens the socket; nothing is connected yet.
    pub(super) fn open(url: &str) -> Result<Self, ProviderError> {
        let address = Address::parse(url).ok_or_else(|| {
            let message = format!("{} is no address of an engine behind ssh", redact::url(url));
            ProviderError::new(ErrorKind::Invalid, message)
                .with_hint("it looks like ssh://USER@HOST or ssh://HOST:PORT")
        })?;
        let failed = |error: io::Error| {
            let message = format!("no socket can be made for the connection through ssh: {error}");
            ProviderError::new(ErrorKind::Failed, message)
        };
        let folder = tempfile::tempdir().map_err(failed)?;
        let listener = UnixListener::bind(folder.path().join("docker.sock")).map_err(failed)?;
        let words = Arc::default();
        let accepting = tokio::spawn(accept(listener, address, Arc::clone(&words))).abort_handle();
        Ok(Self {
            folder,
            accepting,
            words,
        })
    }

    /// The socket's address.
    pub(super) fn url(&self) -> String {
        format!("unix://{}", self.folder.path().join("docker.sock").display())
    }

    /// Returns the last output of `ssh`, if there was any.
    pub(super) fn words(&self) -> Option<String> {
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        Some(words.trim().to_owned()).filter(|words| !words.is_empty())
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Address {
    fn parse(url: &str) -> Option<Self> {
        let rest = url.strip_prefix(SCHEME)?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user.to_owned()), place),
            None => (None, authority),
        };
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !host.ends_with(':') && !place.ends_with(']') => (host, Some(port.to_owned())),
            _ => (place, None),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let is_number = port.as_ref().is_none_or(|port| port.parse::<u16>().is_ok());
        // Shells read these words: that of the other machine, and those of settings of ssh.
        let is_word = |text: &str| text.chars().all(|c| c.is_alphanumeric() || "._-@%+=:,/~".contains(c));
        // A name that begins with a hyphen would be an option.
        let is_name = |name: &str| !name.is_empty() && !name.starts_with('-') && is_word(name);
        let is_plain = is_name(host) && user.as_deref().is_none_or(|user| is_name(user) && !user.contains(':'));
        (is_number && is_plain && is_word(path)).then(|| Self {
            user,
            host: host.to_owned(),
            port,
            socket: (!path.is_empty()).then(|| format!("unix:///{path}")),
        })
    }

    fn command(&self) -> Command {
        let mut command = Command::new("ssh");
        command.args(["-o", "ConnectTimeout=30", "-T"]);
        for (option, value) in [("-l", &self.user), ("-p", &self.port)] {
            command.args(value.iter().flat_map(|value| [option, value.as_str()]));
        }
        command.args(["--", &self.host, "docker"]);
        command.args(self.socket.iter().flat_map(|socket| ["--host", socket.as_str()]));
        command
            .args(["system", "dial-stdio"])
            .env_clear()
            .envs(environment::for_others())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }
}

/// Runs `ssh` for every connection.
async fn accept(listener: UnixListener, address: Address, words: Arc<Mutex<String>>) {
    while let Ok((stream, _)) = listener.accept().await {
        match address.command().spawn() {
            Ok(child) => drop(tokio::spawn(relay(stream, child, Arc::clone(&words)))),
            Err(error) => keep(&words, &format!("ssh cannot be run: {error}")),
        }
    }
}

/// Carries what both sides say, until both are done.
async fn relay(stream: UnixStream, mut child: Child, words: Arc<Mutex<String>>) {
    let (Some(mut input), Some(mut output), Some(errors)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return;
    };
    let (mut from_client, mut to_client) = stream.into_split();
    let there = async {
        // An end of either side is the end of that direction, whatever the reason.
        let _ = tokio::io::copy(&mut from_client, &mut input).await;
        drop(input);
    };
    let back = async {
        let _ = tokio::io::copy(&mut output, &mut to_client).await;
        let _ = to_client.shutdown().await;
    };
    let said = async {
        let mut text = Vec::new();
        let limit = u64::try_from(MOST_WORDS).unwrap_or(u64::MAX);
        let _ = errors.take(limit).read_to_end(&mut text).await;
        if !text.is_empty() {
            keep(&words, &String::from_utf8_lossy(&text));
        }
    };
    tokio::join!(back, said, async {
        tokio::select! {
            () = there => {}
            _ = child.wait() => {}
        }
    });
}

fn keep(words: &Mutex<String>, text: &str) {
    text.clone_into(&mut words.lock().unwrap_or_else(PoisonError::into_inner));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_what_docker_takes() {
        let table = [
            ("ssh://far", Some("-- far docker system dial-stdio")),
            ("ssh://me@far", Some("-l me -- far docker system dial-stdio")),
            (
                "ssh://me@far:2222",
                Some("-l me -p 2222 -- far docker system dial-stdio"),
            ),
            (
                "ssh://me@far:22/run/my.sock",
                Some("-l me -p 22 -- far docker --host unix:///run/my.sock system dial-stdio"),
            ),
            ("ssh://[::1]:22", Some("-p 22 -- ::1 docker system dial-stdio")),
            ("ssh://[::1]", Some("-- ::1 docker system dial-stdio")),
            ("ssh://", None),
            ("ssh://-oProxyCommand=evil", None),
            ("ssh://-l@far", None),
            ("ssh://me:secret@far", None),
            ("ssh://far:port", None),
            ("ssh://far/run/$(evil)", None),
            ("ssh://far/run/a b", None),
            ("ssh://far/run/a;evil", None),
            ("ssh://`evil`@far", None),
            ("ssh://me@$(evil)", None),
            ("ssh://far\nevil", None),
        ];
        for (url, expected) in table {
            let command = Address::parse(url).map(|address| {
                let command = address.command();
                let arguments = command
                    .as_std()
                    .get_args()
                    .map(|word| word.to_string_lossy().into_owned());
                arguments.collect::<Vec<_>>().join(" ")
            });
            let expected = expected.map(|rest| format!("-o ConnectTimeout=30 -T {rest}"));
            assert_eq!(command, expected, "{url}");
        }
    }
}
