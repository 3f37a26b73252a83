//! Handles of parts: the methods that a program can call on a part once it is declared.

use iac_compose::model::Service as ComposeService;
use iac_core::declare::SourceLine;

use super::{DockerEdit, Handle, Kind, KubernetesEdit, Lowered};
use crate::binding::{Binding, Provides, prefix};
use crate::container::{After, Waits};
use crate::isolation::Peer;
use crate::observe::Scrape;
use crate::route::{Publish, Route};
use crate::scale::{Autoscale, Autoscaler, Scale};
use crate::{Container, Probe, Text};

/// A service that takes requests: a Deployment with a Service, or a compose service.
///
/// On Kubernetes no request is lost while it is updated: a new pod has to be ready before an old one goes, and an old one
/// goes on for five seconds after it was taken out of the Service.
#[derive(Debug, Clone)]
pub struct Web(pub(crate) Handle);

/// A service that takes no requests: a Deployment, or a compose service. It has no address, so no route can lead to it:
///
/// ```compile_fail,E0599
/// use iac_app::{App, Container, Route};
///
/// fn route(app: &App) {
///     let worker = app.worker("worker", Container::image("shop:1"));
///     worker.route(Route::host("shop.example.com"));
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Worker(pub(crate) Handle);

/// A job that runs once for each image and configuration: a Job, or a compose service that ends.
#[derive(Debug, Clone)]
pub struct Job(pub(crate) Handle);

/// A job that runs again and again: a CronJob, or a compose service that starts it when it is due.
#[derive(Debug, Clone)]
pub struct Scheduled(pub(crate) Handle);

/// A service that keeps data in its volumes: a StatefulSet with a Service, or a compose service.
#[derive(Debug, Clone)]
pub struct Stateful(pub(crate) Handle);

macro_rules! every_part {
    ($($part:ident lowered to $object:ident),* $(,)?) => {$(
        impl $part {
            /// Its name in the application.
            pub fn name(&self) -> String {
                self.0.read(|part| part.name.part.clone())
            }

            /// Changes its container: `postgres.container(|container| container.user(70).group(70).restricted())`.
            pub fn container(&self, change: impl FnOnce(Container) -> Container) -> &Self {
                let container = change(self.0.read(|part| part.container.clone()));
                self.0.change(|part| part.container = container);
                self
            }

            #[doc = concat!("Changes a lowered object, once it is made, in a program for Kubernetes: its `", stringify!($object),
                "`, or another one of [`Lowered`](crate::Lowered). Plans say which fields were set this way.")]
            #[track_caller]
            pub fn on_kubernetes<K: Lowered>(&self, change: impl FnOnce(&mut K) + 'static) -> &Self {
                let edit = KubernetesEdit::new(SourceLine::caller(), change);
                self.0.change(|part| part.on_kubernetes.push(edit));
                self
            }

            /// Changes the lowered compose service, once it is made, in a program for Docker. Plans say which fields were
            /// set this way.
            #[track_caller]
            pub fn on_docker(&self, change: impl FnOnce(&mut ComposeService) + 'static) -> &Self {
                let edit = DockerEdit::new(SourceLine::caller(), change);
                self.0.change(|part| part.on_docker.push(edit));
                self
            }
        }
    )*};
}

every_part!(
    Web lowered to Deployment,
    Worker lowered to Deployment,
    Job lowered to Job,
    Scheduled lowered to CronJob,
    Stateful lowered to StatefulSet,
);

impl Handle {
    pub(crate) fn after(&self) -> After {
        After(Waits::Part(self.read(|part| part.name.part.clone())))
    }

    /// Returns the binding to one of its ports, the first one unless it is named.
    pub(crate) fn binding(&self, port: Option<&str>) -> Binding {
        let docker = self.app.is_docker();
        self.read(|part| {
            let found = part.container.port_of(port);
            // A part without a port is reported when it is lowered.
            // The Service of a stateful part leads to the pod itself, and so to the pod's own port.
            let own = docker || part.kind != Kind::Web;
            let number = found.map_or(0, |port| if own { port.number } else { port.service });
            Binding {
                part: Some(part.name.part.clone()),
                prefix: prefix(&part.name.part),
                scheme: "http".to_owned(),
                host: part.host(docker).to_owned(),
                port: number,
                database: None,
                username: None,
                password: None,
            }
        })
    }

    pub(crate) fn publish(&self, published: Publish, at: SourceLine) {
        if !self.app.is_docker() {
            self.refuse(
                "publish: a port of the host is a matter of Docker; on Kubernetes a route leads to a part",
                at,
            );
            return;
        }
        self.change(|part| part.published.push(published));
    }

    pub(crate) fn alive(&self, probe: Probe, at: SourceLine) {
        if self.app.is_docker() {
            let message = "alive: a Docker Engine restarts a container that ended, and not one that is unhealthy; say it in the program for Kubernetes, and let the program end when it cannot go on";
            self.refuse(message, at);
            return;
        }
        self.change(|part| part.alive = Some(probe));
    }

    fn scrape(&self, job: Option<String>, path: String, interval: String) {
        self.change(|part| part.scrape = Some(Scrape { job, path, interval }));
    }

    pub(crate) fn open_to(&self, peer: Peer, at: SourceLine) {
        if self.app.is_docker() {
            let message =
                "open_to: a Docker Engine has no namespaces; publish a port, or declare here what is to reach it";
            self.refuse(message, at);
            return;
        }
        self.change(|part| part.admits.push(peer));
    }
}

macro_rules! running {
    ($($part:ident),*) => {$(
        impl $part {
            /// For [`Container::after`](crate::Container::after): it is ready.
            pub fn ready(&self) -> After {
                self.0.after()
            }

            /// Restarts it when the probe fails; only on Kubernetes.
            #[track_caller]
            pub fn alive(&self, probe: Probe) -> &Self {
                self.0.alive(probe, SourceLine::caller());
                self
            }

            /// Prometheus asks each of its containers for metrics at a path of its first port, so often: `"30s"`. This is
            /// the application's own [`Prometheus`](crate::Prometheus); where there is none, on Kubernetes, a ServiceMonitor
            /// for the Prometheus Operator. The job is called as the part. In an application that is
            /// [isolated](crate::App::isolate), it also lets the application's own Prometheus connect to the part's ports.
            pub fn scrape(&self, path: impl Into<String>, interval: impl Into<String>) -> &Self {
                self.0.scrape(None, path.into(), interval.into());
                self
            }

            /// As `scrape`, with another name of the job.
            pub fn scrape_as(
                &self,
                job: impl Into<String>,
                path: impl Into<String>,
                interval: impl Into<String>,
            ) -> &Self {
                self.0.scrape(Some(job.into()), path.into(), interval.into());
                self
            }

            /// Lets pods of another namespace connect to it, in an application that is [isolated](crate::App::isolate); only
            /// on Kubernetes.
            #[track_caller]
            pub fn open_to(&self, peer: Peer) -> &Self {
                self.0.open_to(peer, SourceLine::caller());
                self
            }

            /// Makes one of its ports reachable on the host, on Docker: `Publish::local(8080)`.
            #[track_caller]
            pub fn publish(&self, published: Publish) -> &Self {
                self.0.publish(published, SourceLine::caller());
                self
            }
        }

        impl Provides for $part {
            fn binding(&self) -> Binding {
                self.0.binding(None)
            }
        }

        impl $part {
            /// Returns the binding to another port than its first.
            pub fn at(&self, port: &str) -> Binding {
                self.0.binding(Some(port))
            }

            /// The host name by which others reach it.
            pub fn host(&self) -> Text {
                self.binding().host()
            }

            /// Its URL at its first port, as others reach it, with a scheme: `http`.
            pub fn url(&self, scheme: &str) -> Text {
                self.binding().url(scheme)
            }
        }
    )*};
}

running!(Web, Stateful);

impl Worker {
    /// For [`Container::after`](crate::Container::after): it is ready.
    pub fn ready(&self) -> After {
        self.0.after()
    }

    /// Restarts it when the probe fails; only on Kubernetes.
    #[track_caller]
    pub fn alive(&self, probe: Probe) -> &Self {
        self.0.alive(probe, SourceLine::caller());
        self
    }

    /// So many of them.
    pub fn replicas(&self, count: u32) -> &Self {
        self.0.change(|part| part.scale = Scale::Fixed(count));
        self
    }

    /// Never two at a time, also during an update: the old one ends before the new one starts.
    pub fn singleton(&self) -> &Self {
        self.0.change(|part| part.singleton = true);
        self
    }
}

impl Web {
    /// So many of them.
    pub fn replicas(&self, count: u32) -> &Self {
        self.0.change(|part| part.scale = Scale::Fixed(count));
        self
    }

    /// Between so many of them, as the load asks for; only on Kubernetes: `api.scale(3, 10, [Autoscale::cpu(70)])`.
    #[track_caller]
    pub fn scale(&self, min: u32, max: u32, by: impl IntoIterator<Item = Autoscale>) -> &Self {
        if self.0.app.is_docker() {
            let message = "scale: a Docker Engine does not follow the load; say in the program for Docker how many there are: .replicas(2)";
            self.0.refuse(message, SourceLine::caller());
            return self;
        }
        let by = by.into_iter().collect();
        self.0.change(|part| part.scale = Scale::Auto { min, max, by });
        self
    }

    /// As [`scale`](Self::scale), as settings say it; `min` of them where those turn it off.
    #[track_caller]
    pub fn autoscale(&self, min: u32, scaler: Autoscaler) -> &Self {
        match scaler.enabled {
            true => self.scale(min, scaler.max, scaler.by()),
            false => self.replicas(min),
        }
    }

    /// Leads a host name to it from outside; only on Kubernetes, as an Ingress.
    #[track_caller]
    pub fn route(&self, route: Route) -> &Self {
        if self.0.app.is_docker() {
            let message = "route: nothing on a Docker Engine leads host names to services; publish a port, or declare a web service with a reverse proxy and publish that";
            self.0.refuse(message, SourceLine::caller());
            return self;
        }
        self.0.change(|part| part.routes.push(route));
        self
    }

    /// Where the host reaches its first port, on Docker: `http://127.0.0.1:8000`.
    pub fn published_url(&self) -> String {
        self.0.published_url()
    }
}

impl Stateful {
    /// Where the host reaches its first port, on Docker.
    pub fn published_url(&self) -> String {
        self.0.published_url()
    }
}

impl Handle {
    fn published_url(&self) -> String {
        let (stack, name, target) = self.read(|part| {
            let target = part.container.ports.first().map_or(0, |port| port.number);
            (part.stack.clone(), part.host(true).to_owned(), target)
        });
        format!(
            "http://127.0.0.1:{}",
            iac_compose::published_port(&stack, &name, target)
        )
    }
}

impl Job {
    /// For [`Container::after`](crate::Container::after): it ended well.
    pub fn completed(&self) -> After {
        self.0.after()
    }
}
