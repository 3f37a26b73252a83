//! Servers that state can be kept on, besides the cluster: an S3 server and PostgreSQL, on free ports of the loopback.

mod postgres;
mod s3;

use std::io::Read as _;
use std::net::TcpListener;

use serde::{Deserialize, Serialize};

use crate::binaries;
use crate::cleanup;
use crate::error::{Result, io};
use crate::layout::Layout;
use crate::packages;
use crate::progress::Progress;

/// The folder of everything that is stored, in the run directory.
const FOLDER: &str = "storage";

/// The ports of the servers, and the password of both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Servers {
    s3_port: u16,
    postgres_port: u16,
    password: String,
}

/// An S3 server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3 {
    /// Its URL: `http://127.0.0.1:PORT`.
    pub endpoint: String,
    /// The user.
    pub access_key: String,
    /// The user's secret.
    pub secret_key: String,
    /// The name of its region.
    pub region: String,
    /// A bucket that is there.
    pub bucket: String,
}

impl Servers {
    /// Takes two free ports, and a password.
    pub(crate) fn take() -> Result<Self> {
        let free = || TcpListener::bind("127.0.0.1:0").map_err(io("bind a port of", "127.0.0.1"));
        // Both are held until both are known, so that they differ.
        let (first, second) = (free()?, free()?);
        let port = |listener: &TcpListener| listener.local_addr().map_err(io("bind a port of", "127.0.0.1"));
        let mut random = [0_u8; 16];
        let source = "/dev/urandom";
        let mut file = std::fs::File::open(source).map_err(io("open", source))?;
        file.read_exact(&mut random).map_err(io("read", source))?;
        Ok(Self {
            s3_port: port(&first)?.port(),
            postgres_port: port(&second)?.port(),
            password: random.iter().map(|byte| format!("{byte:02x}")).collect(),
        })
    }

    /// Returns the address and the credentials of the S3 server.
    #[must_use]
    pub fn s3(&self) -> S3 {
        S3 {
            endpoint: format!("http://{}", s3::address(self)),
            access_key: s3::USER.to_owned(),
            secret_key: self.password.clone(),
            region: s3::REGION.to_owned(),
            bucket: s3::BUCKET.to_owned(),
        }
    }

    /// Returns the URL of PostgreSQL, as a superuser.
    #[must_use]
    pub fn postgres(&self) -> String {
        let Self {
            postgres_port,
            password,
            ..
        } = self;
        format!(
            "postgres://{}:{password}@127.0.0.1:{postgres_port}/postgres",
            postgres::USER
        )
    }

    /// The servers that do not answer.
    pub(crate) fn dead(&self, layout: &Layout) -> Vec<&'static str> {
        let checks = [
            ("s3", s3::answers(layout, self)),
            ("postgres", postgres::answers(layout, self)),
        ];
        checks
            .into_iter()
            .filter(|(_, answers)| !answers)
            .map(|(name, _)| name)
            .collect()
    }
}

/// Starts what does not run yet.
pub(crate) fn start(layout: &Layout, servers: &Servers, progress: &Progress) -> Result<()> {
    packages::install(packages::STORAGE, progress)?;
    if postgres::folder_of_programs().is_none() {
        packages::install_postgresql(progress)?;
    }
    binaries::build(layout, &[&binaries::S3], progress)?;
    layout.folder(FOLDER)?;
    s3::start(layout, servers, progress)?;
    postgres::start(layout, servers, progress)
}

/// Stops the servers and removes what they stored.
pub(crate) fn stop(layout: &Layout) -> Result<()> {
    s3::stop(layout)?;
    postgres::stop(layout)?;
    cleanup::remove_folder(&layout.path(FOLDER))
}
