//! The test bed as tests find it. They look it up and never start it: a test that can't have what it needs fails and says
//! so.

use std::path::PathBuf;

use crate::binaries;
use crate::environment;
use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::process::find_program;
use crate::record::Record;
use crate::storage::Servers;
use crate::testbed::{self, config_file};

/// The needs of a test.
#[derive(Debug, Clone, Copy, Default)]
pub struct Needs {
    /// A Docker Engine.
    pub docker: bool,
    /// A cluster.
    pub kubernetes: bool,
    /// Servers that state can be kept on.
    pub storage: bool,
}

/// A test bed that runs and is healthy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestBed {
    /// Where the Docker Engine listens, as in `DOCKER_HOST`.
    pub docker_host: String,
    /// The folder for `DOCKER_CONFIG`: the client finds the compose plugin in it.
    pub docker_config: PathBuf,
    /// The program `docker-compose`: called by itself with the arguments of `docker compose`, and the plugin behind that.
    pub compose: PathBuf,
    /// The kubeconfig of the cluster's administrator.
    pub kubeconfig: PathBuf,
    /// The program `kubectl`.
    pub kubectl: PathBuf,
    /// The stack configuration that fits this test bed, as in `IAC_CONFIG_FILE`.
    pub config_file: PathBuf,
    /// The address that Ingresses are served on; none where the cluster is not the test bed's own.
    pub ingress_address: Option<String>,
    /// The servers that state can be kept on, where they were asked for.
    pub storage: Option<Servers>,
}

impl TestBed {
    /// Finds the running test bed and checks that the needed parts are healthy.
    ///
    /// `IAC_TEST_DOCKER_HOST` and `IAC_TEST_KUBECONFIG` name an engine and a cluster to use instead. `DOCKER_HOST` and `KUBECONFIG` are never
    /// looked at: they may be someone's production.
    ///
    /// # Errors
    /// [`Error::NotRunning`] names the part that is missing and how to get it.
    pub fn ensure(needs: Needs) -> Result<Self> {
        Self::find(needs, named("IAC_TEST_DOCKER_HOST"), named("IAC_TEST_KUBECONFIG"))
    }

    /// The test bed's own engine and cluster, whatever the environment names: for tests that break things.
    ///
    /// # Errors
    /// As [`TestBed::ensure`].
    pub fn own(needs: Needs) -> Result<Self> {
        Self::find(needs, None, None)
    }

    fn find(needs: Needs, docker_host: Option<String>, kubeconfig: Option<String>) -> Result<Self> {
        let layout = Layout::of_this_checkout();
        let record = Record::read(&layout)?;
        let parts = testbed::status(&layout)?;
        let check = |part: &'static str, name: &str| match parts.iter().find(|found| found.name == name) {
            Some(found) if found.healthy => Ok(()),
            Some(found) => Err(Error::NotRunning {
                part,
                problem: format!("is not healthy: {}", found.detail),
            }),
            None => Err(Error::NotRunning {
                part,
                problem: format!("does not run (looked in {})", layout.run().display()),
            }),
        };
        if needs.docker && docker_host.is_none() {
            check("the Docker Engine", "Docker Engine")?;
        }
        let compose = binaries::COMPOSE.path(&layout);
        if needs.docker && !compose.is_file() {
            return Err(Error::NotRunning {
                part: "docker compose",
                problem: "is not built: the quickstart does without it".to_owned(),
            });
        }
        if needs.kubernetes && kubeconfig.is_none() {
            check("the cluster", "Kubernetes")?;
        }
        if needs.storage {
            check("storage", "Storage")?;
        }
        let ours = kubeconfig.is_none();
        Ok(Self {
            docker_host: docker_host
                .or_else(|| record.as_ref().map(|record| record.engine().host()))
                .unwrap_or_default(),
            docker_config: environment::docker_config(&layout),
            compose,
            kubeconfig: kubeconfig.map_or_else(|| environment::kubeconfig(&layout), PathBuf::from),
            kubectl: kubectl(&layout),
            config_file: config_file(&layout),
            storage: record.as_ref().and_then(|record| record.storage.clone()),
            ingress_address: record
                .filter(|record| ours && record.kubernetes)
                .map(|record| record.block.node()),
        })
    }
}

fn named(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|value| !value.is_empty())
}

fn kubectl(layout: &Layout) -> PathBuf {
    let own = layout.path("bin").join("kubectl");
    if own.exists() {
        own
    } else {
        find_program("kubectl").unwrap_or(own)
    }
}
