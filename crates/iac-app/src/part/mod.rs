//! The parts of an application, as they are kept until they are lowered, and what all handles of them can do.

mod edit;
mod exporter;
mod grafana;
mod handles;
mod postgres;
mod prometheus;
mod redis;

use iac_core::Stack;
use iac_core::declare::SourceLine;

pub use self::edit::Lowered;
pub(crate) use self::edit::{DockerEdit, KubernetesEdit};
pub use self::exporter::Exporter;
pub use self::grafana::{Grafana, GrafanaOptions};
pub use self::handles::{Job, Scheduled, Stateful, Web, Worker};
pub use self::postgres::{Postgres, PostgresOptions};
pub use self::prometheus::{Prometheus, PrometheusOptions};
pub use self::redis::{Redis, RedisOptions};
use crate::isolation::Peer;
use crate::observe::Scrape;
use crate::route::{Publish, Route};
use crate::scale::Scale;
use crate::{App, Container, Name, Probe, Schedule};

/// The kind of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Web,
    Worker,
    Job,
    Scheduled(Schedule),
    Stateful,
}

/// A part.
pub(crate) struct Data {
    pub(crate) kind: Kind,
    pub(crate) name: Name,
    pub(crate) container: Container,
    /// The user's line.
    pub(crate) source: SourceLine,
    /// The component that its resources are in.
    pub(crate) stack: Stack,
    pub(crate) scale: Scale,
    pub(crate) singleton: bool,
    pub(crate) alive: Option<Probe>,
    pub(crate) routes: Vec<Route>,
    pub(crate) published: Vec<Publish>,
    pub(crate) scrape: Option<Scrape>,
    pub(crate) admits: Vec<Peer>,
    pub(crate) on_kubernetes: Vec<KubernetesEdit>,
    pub(crate) on_docker: Vec<DockerEdit>,
}

impl Data {
    pub(crate) fn new(kind: Kind, name: Name, container: Container, source: SourceLine, stack: Stack) -> Self {
        Self {
            kind,
            name,
            container,
            source,
            stack,
            scale: Scale::default(),
            singleton: false,
            alive: None,
            routes: Vec::new(),
            published: Vec::new(),
            scrape: None,
            admits: Vec::new(),
            on_kubernetes: Vec::new(),
            on_docker: Vec::new(),
        }
    }

    /// True if there can be several of it.
    pub(crate) fn several(&self) -> bool {
        match self.scale {
            Scale::Fixed(count) => count > 1,
            Scale::Auto { .. } => true,
        }
    }

    /// The name by which others reach it.
    pub(crate) fn host(&self, docker: bool) -> &str {
        let other = if docker { &self.name.docker } else { &self.name.service };
        other.as_ref().unwrap_or(&self.name.part)
    }
}

/// A part of an application: where it stands in there.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    pub(crate) app: App,
    pub(crate) index: usize,
}

impl Handle {
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Data) -> T) -> T {
        read(&self.app.0.parts.borrow()[self.index])
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Data)) {
        change(&mut self.app.0.parts.borrow_mut()[self.index]);
    }

    /// Refuses what the target cannot do.
    pub(crate) fn refuse(&self, what: &str, at: SourceLine) {
        let name = self.read(|part| part.name.part.clone());
        self.app.report(&name, what.to_owned(), at);
    }
}
