//! The material to encrypt a connection with: an authority to check the engine by, and the user's own certificate.

use std::path::{Path, PathBuf};

use iac_core::provider::{ErrorKind, ProviderError};
use iac_core::transport::tls::Tls;
use iac_core::with_causes;

/// The files; nothing of them is read before a connection uses them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Material {
    authority: Option<PathBuf>,
    /// Certificate and key.
    own: Option<(PathBuf, PathBuf)>,
    /// The setting that turned the check of the engine's certificate off.
    unchecked: Option<Unchecked>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unchecked {
    /// `DOCKER_TLS` without `DOCKER_TLS_VERIFY`.
    Variable,
    /// `skip-tls-verify` of a context.
    Context,
}

impl Material {
    /// Returns the material in a folder that the user's variables name. As for docker, the authority has to exist, and a
    /// certificate without its key counts as none.
    pub(super) fn of_user(folder: &Path, verify: bool) -> Self {
        Self {
            authority: Some(folder.join("ca.pem")),
            own: own(folder),
            unchecked: (!verify).then_some(Unchecked::Variable),
        }
    }

    /// Returns the material in the folder of a context; `None` if there is none, and the check is not turned off.
    pub(super) fn of_context(folder: &Path, skips_check: bool) -> Option<Self> {
        let material = Self {
            authority: Some(folder.join("ca.pem")).filter(|file| file.exists()),
            own: own(folder),
            unchecked: skips_check.then_some(Unchecked::Context),
        };
        let is_something = material.authority.is_some() || material.own.is_some() || skips_check;
        is_something.then_some(material)
    }

    pub(super) fn is_checked(&self) -> bool {
        self.unchecked.is_none()
    }

    /// Returns the remark on the material for the plan's first line.
    pub(super) fn remark(&self) -> &'static str {
        match self.unchecked {
            None => super::OVER_TLS,
            Some(Unchecked::Variable) => " WITHOUT A CHECK OF ITS CERTIFICATE (DOCKER_TLS without DOCKER_TLS_VERIFY)",
            Some(Unchecked::Context) => " WITHOUT A CHECK OF ITS CERTIFICATE (skip-tls-verify of the context)",
        }
    }

    /// Reads the files.
    pub(super) fn read(&self) -> Result<Tls, ProviderError> {
        let mut tls = Tls::default();
        if self.unchecked.is_some() {
            tls = tls.without_a_check();
        } else if let Some(authority) = &self.authority {
            tls = tls.authorities(authority).map_err(|error| unusable(&error))?;
        }
        match &self.own {
            Some((certificate, key)) => tls.identity(certificate, key).map_err(|error| unusable(&error)),
            None => Ok(tls),
        }
    }
}

fn own(folder: &Path) -> Option<(PathBuf, PathBuf)> {
    let own = (folder.join("cert.pem"), folder.join("key.pem"));
    (own.0.exists() && own.1.exists()).then_some(own)
}

fn unusable(error: &dyn std::error::Error) -> ProviderError {
    let message = format!(
        "the connection to the Docker Engine cannot be encrypted: {}",
        with_causes(error)
    );
    ProviderError::new(ErrorKind::Invalid, message).with_hint(
        "DOCKER_CERT_PATH names the folder of ca.pem, cert.pem and key.pem (without it, that of docker's configuration); a context's files \
         are renewed with `docker context update`",
    )
}
