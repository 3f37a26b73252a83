//! Exporters: small services that tell Prometheus about a database.

use super::prometheus::NOBODY;
use super::{Kind, Web};
use crate::{App, Binding, Container, Name, Provides};

/// A service that tells Prometheus about a database; for [`App::exporter`].
#[derive(Debug, Clone)]
pub struct Exporter(Container);

impl Exporter {
    /// Of a PostgreSQL server, with an image that works as `quay.io/prometheuscommunity/postgres-exporter`. It logs in as the
    /// binding's user.
    pub fn postgres(image: impl Into<String>, database: &impl Provides) -> Self {
        let binding = database.binding();
        let url = binding.url("postgresql");
        // Parts of the application speak no TLS, and for what is outside the driver asks for it unless told otherwise.
        let url = match binding.part {
            Some(_) => url.and("?sslmode=disable"),
            None => url,
        };
        Self::of(image, 9187, Container::default().env("DATA_SOURCE_NAME", url))
    }

    /// Of a Redis server, with an image that works as `oliver006/redis_exporter`.
    pub fn redis(image: impl Into<String>, server: &impl Provides) -> Self {
        let binding = server.binding();
        let mut container = Container::default();
        if binding.username.is_some() {
            container = container.env("REDIS_USER", binding.username());
        }
        if binding.password.is_some() {
            container = container.env("REDIS_PASSWORD", binding.password());
        }
        let plain = Binding {
            username: None,
            password: None,
            database: None,
            ..binding
        };
        Self::of(image, 9121, container.env("REDIS_ADDR", plain.own_url()))
    }

    /// Without a probe: nothing waits for it, Prometheus' `up` says how it is, and its image may have no shell.
    fn of(image: impl Into<String>, port: u16, container: Container) -> Self {
        let mut container = container.port("http", port).user(NOBODY).group(NOBODY);
        container.image = image.into();
        Self(container.restricted().read_only())
    }
}

impl App {
    /// A service that tells Prometheus about a database, at its path `/metrics`:
    /// `app.exporter("postgres-exporter", Exporter::postgres(image, &db)).scrape("/metrics", "15s")`.
    #[track_caller]
    pub fn exporter(&self, name: impl Into<Name>, exporter: Exporter) -> Web {
        Web(self.add(Kind::Web, name.into(), exporter.0))
    }
}
