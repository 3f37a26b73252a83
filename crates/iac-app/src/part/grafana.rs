//! A Grafana with data sources and dashboards that are there when it starts.

use iac_core::Output;

use super::{Kind, Web};
use crate::dashboard::{self, Dashboard};
use crate::{App, Binding, Container, Name, Probe, Provides, Resources, Text, Volume};

/// The options of a Grafana.
#[derive(Debug, Clone)]
pub struct GrafanaOptions {
    image: String,
    password: Option<Output>,
    volume: Volume,
    resources: Resources,
    sources: Vec<Source>,
    dashboards: Vec<String>,
}

/// A data source.
#[derive(Debug, Clone)]
struct Source {
    name: &'static str,
    /// Its type, which is its uid as well: there is one of each.
    kind: &'static str,
    binding: Binding,
}

/// Where dashboards are, apart from what the image has.
const DASHBOARDS: &str = "/etc/grafana/dashboards";

/// Where Grafana looks for what it is to have.
const PROVISIONING: &str = "/etc/grafana/provisioning";

/// The user that the official image runs as, in the group 0.
const USER: i64 = 472;

impl GrafanaOptions {
    /// A server of an image that works as the official one. The password of its user `admin` is generated.
    pub fn image(image: impl Into<String>) -> Self {
        Self {
            image: image.into(),
            password: None,
            volume: Volume::new("/var/lib/grafana", "1Gi"),
            resources: Resources::default(),
            sources: Vec::new(),
            dashboards: Vec::new(),
        }
    }

    /// The password of its user `admin`; `None` for a generated one. It is set when Grafana starts for the first time.
    #[must_use]
    pub fn password(mut self, password: impl Into<Option<Output>>) -> Self {
        self.password = password.into();
        self
    }

    /// A Prometheus as a data source with the uid `prometheus`: the application's own, or [`Binding::external`].
    #[must_use]
    pub fn prometheus(self, prometheus: &impl Provides) -> Self {
        self.source("Prometheus", "prometheus", prometheus)
    }

    /// A Loki as a data source with the uid `loki`.
    #[must_use]
    pub fn loki(self, loki: &impl Provides) -> Self {
        self.source("Loki", "loki", loki)
    }

    /// A dashboard: JSON as Grafana's menu "Export" gives it. It has a uid, which is part of its address, and its panels name
    /// a data source by its uid.
    #[must_use]
    pub fn dashboard(mut self, json: impl Into<String>) -> Self {
        self.dashboards.push(json.into());
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

    fn source(mut self, name: &'static str, kind: &'static str, server: &impl Provides) -> Self {
        let binding = server.binding();
        self.sources.push(Source { name, kind, binding });
        self
    }

    /// The file with the data sources; the first one is the default.
    fn data_sources(&self) -> Text {
        let mut text = Text::from("apiVersion: 1\ndatasources:\n");
        for (index, Source { name, kind, binding }) in self.sources.iter().enumerate() {
            let default = index == 0;
            text = text
                .and(format!(
                    "  - name: {name}\n    uid: {kind}\n    type: {kind}\n    isDefault: {default}\n    url: "
                ))
                .and(binding.own_url())
                .and("\n");
        }
        text
    }

    fn problems(&self, dashboards: &[Dashboard]) -> Vec<String> {
        let uids: Vec<&str> = self.sources.iter().map(|source| source.kind).collect();
        let mut problems = dashboard::problems(dashboards, &uids);
        for (index, source) in self.sources.iter().enumerate() {
            if uids[..index].contains(&source.kind) {
                problems.push(format!("there are two data sources with the uid {:?}", source.kind));
            }
            if source.binding.username.is_some() || source.binding.password.is_some() {
                problems.push(format!(
                    "the data source {} asks for a password, which Grafana does not take in its URL; let it do without inside of the network, or put a proxy before it that has the password",
                    source.name
                ));
            }
        }
        problems
    }
}

/// A Grafana: a [`Web`] part, so that a route can lead to it.
#[derive(Debug, Clone)]
pub struct Grafana {
    part: Web,
    password: Output,
}

impl App {
    /// A Grafana with its data sources and dashboards. Its user is `admin`.
    #[track_caller]
    pub fn grafana(&self, name: impl Into<Name>, options: GrafanaOptions) -> Grafana {
        let name = name.into();
        let source = self.0.stack.source();
        let dashboards: Vec<Dashboard> = options.dashboards.iter().map(|json| Dashboard::read(json)).collect();
        for problem in options.problems(&dashboards) {
            self.report(&name.part, format!("grafana: {problem}"), source.clone());
        }
        let data_sources = options.data_sources();
        // No closure, which would hide the caller's line.
        let password = match options.password {
            Some(password) => password,
            None => {
                let stack = self.0.stack.component(&name.part);
                stack.random_password(&format!("{}-password", name.part), 24).result()
            }
        };
        let mut container = Container::image(options.image)
            .port("http", 3000)
            .env("GF_SECURITY_ADMIN_USER", "admin")
            .env("GF_SECURITY_ADMIN_PASSWORD", &password)
            .ready(Probe::http("/api/health").every(5).while_it_prepares(self.is_docker()))
            .volume(options.volume)
            .resources(&options.resources)
            .user(USER)
            .group(0)
            .restricted()
            .file(format!("{PROVISIONING}/datasources/datasources.yml"), data_sources)
            .file(format!("{PROVISIONING}/dashboards/dashboards.yml"), PROVIDERS);
        for (dashboard, json) in dashboards.iter().zip(options.dashboards) {
            container = container.file(format!("{DASHBOARDS}/{}.json", dashboard.uid), json);
        }
        Grafana {
            part: Web(self.add(Kind::Web, name, container)),
            password,
        }
    }
}

/// The file that says where dashboards are.
const PROVIDERS: &str = "apiVersion: 1
providers:
  - name: dashboards
    type: file
    options:
      path: /etc/grafana/dashboards
";

impl Grafana {
    /// The password of its user `admin`.
    pub fn password(&self) -> Text {
        Text::from(&self.password)
    }
}

impl std::ops::Deref for Grafana {
    type Target = Web;

    fn deref(&self) -> &Web {
        &self.part
    }
}

impl Provides for Grafana {
    fn binding(&self) -> Binding {
        self.part.binding()
    }
}
