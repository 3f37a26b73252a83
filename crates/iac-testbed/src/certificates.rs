//! Authorities and certificates, made by `openssl`: for the cluster, and for tests of encrypted connections.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Result;
use crate::process::run;

const NEW_KEY: &[&str] = &[
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
    "-days",
    "3650",
];

/// An authority of a test, with what it signs in the same folder.
#[derive(Debug)]
pub struct Authority {
    folder: PathBuf,
    name: String,
}

/// A certificate and its key, both PEM files.
#[derive(Debug, Clone)]
pub struct Signed {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl Authority {
    /// Makes one in a folder that is there.
    ///
    /// # Errors
    /// When `openssl` is missing or fails.
    pub fn create(folder: &Path, name: &str) -> Result<Self> {
        authority(folder, name)?;
        Ok(Self {
            folder: folder.to_owned(),
            name: name.to_owned(),
        })
    }

    /// Its own certificate, by which those that it signed are checked.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join(format!("{}.crt", self.name))
    }

    /// Signs a certificate for servers and clients. `names` are those of the server, as openssl has them: `IP:127.0.0.1`.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn sign(&self, name: &str, names: &[&str]) -> Result<Signed> {
        let subject = format!("/CN={name}");
        let names = match names {
            [] => String::new(),
            names => format!("subjectAltName={}", names.join(",")),
        };
        certificate(&self.folder, &self.name, name, &subject, &names)?;
        Ok(Signed {
            certificate: self.folder.join(format!("{name}.crt")),
            key: self.folder.join(format!("{name}.key")),
        })
    }
}

pub(crate) fn openssl(folder: &Path, arguments: &[&str]) -> Result<String> {
    run(
        "making certificates",
        Command::new("openssl").args(arguments).current_dir(folder),
    )
}

/// Makes an authority, as `NAME.crt` and `NAME.key`.
pub(crate) fn authority(folder: &Path, name: &str) -> Result<()> {
    let (key, cert, subject) = (
        format!("{name}.key"),
        format!("{name}.crt"),
        format!("/CN=iac-testbed-{name}"),
    );
    let rest = [
        "-keyout",
        &key,
        "-out",
        &cert,
        "-subj",
        &subject,
        "-addext",
        "keyUsage=critical,keyCertSign,cRLSign",
    ];
    openssl(folder, &[NEW_KEY, &rest].concat()).map(drop)
}

/// Makes a certificate that an authority signed, as `NAME.crt` and `NAME.key`.
pub(crate) fn certificate(folder: &Path, authority: &str, name: &str, subject: &str, names: &str) -> Result<()> {
    let (ca, ca_key) = (format!("{authority}.crt"), format!("{authority}.key"));
    let (key, cert) = (format!("{name}.key"), format!("{name}.crt"));
    let mut rest = vec![
        "-CA", &ca, "-CAkey", &ca_key, "-keyout", &key, "-out", &cert, "-subj", subject,
    ];
    rest.extend([
        "-addext",
        "basicConstraints=critical,CA:FALSE",
        "-addext",
        "extendedKeyUsage=serverAuth,clientAuth",
    ]);
    if !names.is_empty() {
        rest.extend(["-addext", names]);
    }
    openssl(folder, &[NEW_KEY, &rest].concat()).map(drop)
}
