//! The application: takes the parts, and lowers them to its target when the program has declared everything.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use iac_compose::Compose;
use iac_core::Stack;
use iac_core::declare::{DeclareError, SourceLine};
use iac_k8s::Namespaced;

use crate::observe::Alerts;
use crate::part::{Data, Kind};
use crate::{
    Container, Environment, Job, Name, Postgres, PostgresOptions, Redis, RedisOptions, Schedule, Scheduled, Stateful,
    Web, Worker, docker, kubernetes,
};

/// An application on a target. Cloning gives another handle to the same one.
///
/// The parts are lowered when the program's function has returned, so that a program can change what a description
/// declared: `codelab.api.route(…)`.
#[derive(Clone)]
pub struct App(pub(crate) Rc<Shared>);

/// See [`App`].
pub(crate) struct Shared {
    pub(crate) stack: Stack,
    pub(crate) target: Target,
    pub(crate) parts: RefCell<Vec<Data>>,
    pub(crate) environments: RefCell<Vec<Environment>>,
    pub(crate) alerts: RefCell<Vec<Alerts>>,
    /// Its own Prometheus, where it has one: which of the parts.
    pub(crate) prometheus: Cell<Option<usize>>,
    pub(crate) storage_class: RefCell<Option<String>>,
    /// Where it was isolated, if it was.
    pub(crate) isolated: RefCell<Option<SourceLine>>,
    pub(crate) log_files: RefCell<Option<LogFiles>>,
    /// Where the program puts the application on its target.
    pub(crate) source: SourceLine,
    lowered: Cell<bool>,
}

/// The limits on the log files of each container.
#[derive(Debug, Clone)]
pub(crate) struct LogFiles {
    pub(crate) size: String,
    pub(crate) count: u32,
}

/// Where an application runs.
#[derive(Debug, Clone)]
pub enum Target {
    /// A namespace of a cluster.
    Kubernetes(Namespaced),
    /// A compose project of a Docker Engine.
    Docker(Compose),
}

impl From<&Namespaced> for Target {
    fn from(namespace: &Namespaced) -> Self {
        Self::Kubernetes(namespace.clone())
    }
}

impl From<&Compose> for Target {
    fn from(project: &Compose) -> Self {
        Self::Docker(project.clone())
    }
}

impl App {
    /// An application in a namespace (`App::on(&k)`) or in a compose project (`App::on(&project)`).
    #[track_caller]
    pub fn on(target: impl Into<Target>) -> Self {
        let target = target.into();
        let stack = match &target {
            Target::Kubernetes(namespace) => namespace.stack().clone(),
            Target::Docker(project) => project.stack().clone(),
        };
        let app = Self(Rc::new(Shared {
            source: stack.source(),
            stack,
            target,
            parts: RefCell::default(),
            environments: RefCell::default(),
            alerts: RefCell::default(),
            prometheus: Cell::default(),
            storage_class: RefCell::default(),
            isolated: RefCell::default(),
            log_files: RefCell::default(),
            lowered: Cell::new(false),
        }));
        let later = app.clone();
        app.0.stack.finally(move || later.lower());
        app
    }

    /// The stack that it is declared in.
    pub fn stack(&self) -> &Stack {
        &self.0.stack
    }

    /// True on Docker. For names and values that differ; a trait that only one target has is refused on the other.
    pub fn is_docker(&self) -> bool {
        matches!(self.0.target, Target::Docker(_))
    }

    /// The storage class of all volumes, on Kubernetes; the cluster's default one otherwise.
    #[track_caller]
    pub fn storage_class(&self, class: impl Into<String>) -> &Self {
        if self.is_docker() {
            let message = "storage_class: a Docker Engine has no storage classes; say it in the program for Kubernetes";
            self.report("storage_class", message.to_owned(), SourceLine::caller());
        }
        *self.0.storage_class.borrow_mut() = Some(class.into());
        self
    }

    /// Keeps so many files of this size, as the engine writes it (`10m`), of each container's output, on Docker. Without it,
    /// an engine keeps all of it until the container goes.
    #[track_caller]
    pub fn rotate_logs(&self, size: impl Into<String>, count: u32) -> &Self {
        if !self.is_docker() {
            let message = "rotate_logs: a kubelet does that by itself (containerLogMaxSize, 10Mi, and containerLogMaxFiles, 5); say it in the program for Docker";
            self.report("rotate_logs", message.to_owned(), SourceLine::caller());
        }
        let size = size.into();
        *self.0.log_files.borrow_mut() = Some(LogFiles { size, count });
        self
    }

    /// Variables that several containers share: the ConfigMap `NAME-config` and the Secret `NAME-secrets` on Kubernetes.
    #[track_caller]
    pub fn environment(&self, name: &str) -> Environment {
        let environment = Environment::new(name, self.0.stack.source());
        self.0.environments.borrow_mut().push(environment.clone());
        environment
    }

    /// A service that takes requests, of any number of containers that are all alike.
    #[track_caller]
    pub fn web(&self, name: impl Into<Name>, container: Container) -> Web {
        Web(self.add(Kind::Web, name.into(), container))
    }

    /// A service that takes no requests, such as a queue's worker.
    #[track_caller]
    pub fn worker(&self, name: impl Into<Name>, container: Container) -> Worker {
        Worker(self.add(Kind::Worker, name.into(), container))
    }

    /// A job that runs once for each image and configuration, such as a migration; what comes `after` its
    /// [`completed`](Job::completed) waits for it. A failed one is tried three more times.
    #[track_caller]
    pub fn job(&self, name: impl Into<Name>, container: Container) -> Job {
        Job(self.add(Kind::Job, name.into(), container))
    }

    /// A job that runs again and again. A run that is due while the one before still runs is left out.
    #[track_caller]
    pub fn scheduled(&self, name: impl Into<Name>, schedule: Schedule, container: Container) -> Scheduled {
        Scheduled(self.add(Kind::Scheduled(schedule), name.into(), container))
    }

    /// A service that keeps data in its volumes, of one container.
    #[track_caller]
    pub fn stateful(&self, name: impl Into<Name>, container: Container) -> Stateful {
        Stateful(self.add(Kind::Stateful, name.into(), container))
    }

    /// A PostgreSQL server with one database.
    #[track_caller]
    pub fn postgres(&self, name: impl Into<Name>, options: PostgresOptions) -> Postgres {
        Postgres::declare(self, name.into(), options)
    }

    /// A Redis server.
    #[track_caller]
    pub fn redis(&self, name: impl Into<Name>, options: RedisOptions) -> Redis {
        Redis::declare(self, name.into(), options)
    }

    /// Adds a part.
    #[track_caller]
    pub(crate) fn add(&self, kind: Kind, name: Name, container: Container) -> crate::part::Handle {
        let source = self.0.stack.source();
        let stack = self.0.stack.component(&name.part);
        let mut parts = self.0.parts.borrow_mut();
        parts.push(Data::new(kind, name, container, source, stack));
        crate::part::Handle {
            app: self.clone(),
            index: parts.len() - 1,
        }
    }

    /// Reports what is wrong with a part.
    pub(crate) fn report(&self, name: &str, message: String, at: SourceLine) {
        let name = name.to_owned();
        self.0.stack.report(DeclareError::Inputs { name, message, at });
    }

    fn lower(&self) {
        if self.0.lowered.replace(true) {
            return;
        }
        crate::scraping::configure(self);
        crate::check::check(self);
        match &self.0.target {
            Target::Kubernetes(namespace) => kubernetes::lower(self, namespace),
            Target::Docker(project) => docker::lower(self, project),
        }
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("target", &self.0.target).finish()
    }
}
