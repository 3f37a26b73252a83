//! A Prometheus of the application's own.

use super::{Kind, Stateful};
use crate::observe::problem_of_time;
use crate::{App, Binding, Container, Name, Probe, Provides, Resources, Volume, scraping};

/// The options of a Prometheus.
#[derive(Debug, Clone)]
pub struct PrometheusOptions {
    image: String,
    retention: Option<String>,
    volume: Volume,
    resources: Resources,
}

/// Where the official image keeps its data.
const DATA: &str = "/prometheus";

/// The user `nobody`, whom the official image runs as; its volume has to be that user's.
pub(super) const NOBODY: i64 = 65534;

impl PrometheusOptions {
    /// A server of an image that works as the official one. It keeps samples for 15 days.
    pub fn image(image: impl Into<String>) -> Self {
        Self {
            image: image.into(),
            retention: None,
            volume: Volume::new(DATA, "10Gi"),
            resources: Resources::default(),
        }
    }

    /// Sets the time that it keeps samples: `"30d"`.
    #[must_use]
    pub fn retention(mut self, time: impl Into<String>) -> Self {
        self.retention = Some(time.into());
        self
    }

    /// The size of its volume, as a Kubernetes quantity.
    #[must_use]
    pub fn storage(mut self, size: impl Into<String>) -> Self {
        self.volume.size = size.into();
        self
    }

    /// Sets the resources that it requests, and its limits.
    #[must_use]
    pub fn resources(mut self, resources: &Resources) -> Self {
        self.resources = *resources;
        self
    }
}

/// A Prometheus: a [`Stateful`] part that others can be bound to. It asks all parts that say
/// [`scrape`](crate::Web::scrape), each of a part's containers by itself, and evaluates the rules of [`App::alerts`].
#[derive(Debug, Clone)]
pub struct Prometheus(Stateful);

impl App {
    /// The application's own Prometheus. With one, no object of the Prometheus Operator is declared.
    #[track_caller]
    pub fn prometheus(&self, name: impl Into<Name>, options: PrometheusOptions) -> Prometheus {
        let name = name.into();
        let source = self.0.stack.source();
        if let Some(first) = self.0.prometheus.get() {
            let first = self.0.parts.borrow()[first].source.clone();
            let message = format!("prometheus: the application has one already, at {first}, which asks all parts");
            self.report(&name.part, message, source.clone());
        }
        let mut args = vec![
            format!("--config.file={}", scraping::FILE),
            format!("--storage.tsdb.path={DATA}"),
        ];
        if let Some(time) = &options.retention {
            if let Some(problem) = problem_of_time("retention", time) {
                self.report(&name.part, problem, source);
            }
            args.push(format!("--storage.tsdb.retention.time={time}"));
        }
        let container = Container::image(options.image)
            .args(args)
            .port("http", 9090)
            .ready(Probe::http("/-/ready").every(5).while_it_prepares(self.is_docker()))
            .volume(options.volume)
            .resources(&options.resources)
            .user(NOBODY)
            .group(NOBODY)
            .restricted();
        let handle = self.add(Kind::Stateful, name, container);
        self.0.prometheus.set(Some(handle.index));
        Prometheus(Stateful(handle))
    }
}

impl std::ops::Deref for Prometheus {
    type Target = Stateful;

    fn deref(&self) -> &Stateful {
        &self.0
    }
}

impl Provides for Prometheus {
    fn binding(&self) -> Binding {
        self.0.binding()
    }
}
