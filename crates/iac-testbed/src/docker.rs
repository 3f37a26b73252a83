//! A Docker Engine of the test bed's own: where it listens and how its client is called.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A Docker Engine that answers on a Unix socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    /// The socket that the engine listens on.
    pub socket: PathBuf,
}

impl Engine {
    /// An engine on `socket`.
    #[must_use]
    pub fn at(socket: &Path) -> Self {
        Self {
            socket: socket.to_owned(),
        }
    }

    /// Returns the address that clients take as `DOCKER_HOST`.
    #[must_use]
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// The `docker` client, bound to this engine whatever the caller's environment says.
    ///
    /// `DOCKER_BUILDKIT=0`: Engine 20.10 then builds `FROM scratch` by itself, without a helper image.
    #[must_use]
    pub fn docker(&self) -> Command {
        let mut command = Command::new("docker");
        command.env("DOCKER_HOST", self.host()).env("DOCKER_BUILDKIT", "0");
        for ambient in [
            "DOCKER_CONTEXT",
            "DOCKER_TLS_VERIFY",
            "DOCKER_CERT_PATH",
            "DOCKER_API_VERSION",
        ] {
            command.env_remove(ambient);
        }
        command
    }

    /// True if the engine answers.
    #[must_use]
    pub fn answers(&self) -> bool {
        self.socket.exists()
            && self
                .docker()
                .args(["version", "--format", "{{.Server.Version}}"])
                .output()
                .is_ok_and(|o| o.status.success())
    }
}
