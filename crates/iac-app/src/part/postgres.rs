//! A PostgreSQL server with one database.

use iac_core::Output;
use iac_core::declare::SourceLine;

use super::{Handle, Stateful};
use crate::binding::{Binding, Provides};
use crate::part::Kind;
use crate::{App, Backup, Container, Name, Probe, Publish, Resources, Text, Volume};

/// The options of a PostgreSQL server.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    image: String,
    database: String,
    username: String,
    password: Option<Output>,
    volume: Volume,
    resources: Resources,
    parameters: Vec<(String, String)>,
    scripts: Vec<(String, Text)>,
    ready: Probe,
}

impl PostgresOptions {
    /// A server of an image that works as the official one: it takes `POSTGRES_DB`, `POSTGRES_USER` and
    /// `POSTGRES_PASSWORD`. The user is `postgres`, the database has the part's name, the password is generated.
    pub fn image(image: impl Into<String>) -> Self {
        Self {
            image: image.into(),
            database: String::new(),
            username: "postgres".to_owned(),
            password: None,
            volume: Volume::new(DATA, "10Gi"),
            resources: Resources::default(),
            parameters: Vec::new(),
            scripts: Vec::new(),
            ready: Probe::shell("").every(5),
        }
    }

    /// The name of its database.
    #[must_use]
    pub fn database(mut self, name: impl Into<String>) -> Self {
        self.database = name.into();
        self
    }

    /// The name of its user, who owns the database.
    #[must_use]
    pub fn username(mut self, name: impl Into<String>) -> Self {
        self.username = name.into();
        self
    }

    /// The user's password; `None` for a generated one. It is set when the database is made: another one here changes it
    /// for the clients only.
    #[must_use]
    pub fn password(mut self, password: impl Into<Option<Output>>) -> Self {
        self.password = password.into();
        self
    }

    /// The size of its volume, as a Kubernetes quantity.
    #[must_use]
    pub fn storage(mut self, size: impl Into<String>) -> Self {
        self.volume.size = size.into();
        self
    }

    /// The name of its volume: see [`Volume::named`].
    #[must_use]
    pub fn volume_named(mut self, name: impl Into<String>) -> Self {
        self.volume = self.volume.named(name);
        self
    }

    /// Sets the resources that it requests, and its limits.
    #[must_use]
    pub fn resources(mut self, resources: &Resources) -> Self {
        self.resources = *resources;
        self
    }

    /// A setting of the server, such as `max_connections`.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<Text>) -> Self {
        self.parameters.push((name.into(), value.into().text));
        self
    }

    /// Changes how often its readiness is asked for: `.ready(|probe| probe.every(10).failures(5))`.
    #[must_use]
    pub fn ready(mut self, change: impl FnOnce(Probe) -> Probe) -> Self {
        self.ready = change(self.ready);
        self
    }

    /// A script that runs when the database is made: `init.sql`.
    #[must_use]
    pub fn init_script(mut self, name: impl Into<String>, content: impl Into<Text>) -> Self {
        self.scripts.push((name.into(), content.into()));
        self
    }
}

/// Where the official image keeps its data.
const DATA: &str = "/var/lib/postgresql/data";

/// A PostgreSQL server: a [`Stateful`] part that others can be bound to.
#[derive(Debug, Clone)]
pub struct Postgres {
    part: Stateful,
    binding: Binding,
    image: String,
}

impl Postgres {
    #[track_caller]
    pub(crate) fn declare(app: &App, name: Name, options: PostgresOptions) -> Self {
        let PostgresOptions {
            image,
            database,
            username: user,
            password,
            volume,
            resources,
            parameters,
            scripts,
            ready,
        } = options;
        let part = name.part.clone();
        // No closure, which would hide the caller's line.
        let password = match password {
            Some(password) => password,
            None => {
                let stack = app.0.stack.component(&part);
                stack.random_password(&format!("{part}-password"), 24).result()
            }
        };
        let database = match database.is_empty() {
            true => part.clone(),
            false => database,
        };
        let mut container = Container::image(&image)
            .env("POSTGRES_DB", &database)
            .env("POSTGRES_USER", &user)
            .env("POSTGRES_PASSWORD", &password)
            .port("postgres", 5432)
            .resources(&resources)
            .volume(volume)
            // While the image sets the database up, its server listens at no address, so this fails until that is done.
            .ready(
                ready
                    .asking(["pg_isready", "-h", "127.0.0.1", "-U", &user, "-d", &database])
                    .while_it_prepares(app.is_docker()),
            );
        if !app.is_docker() {
            // Below the mount: a file system may have a lost+found, and PostgreSQL wants an empty folder.
            container = container.env("PGDATA", format!("{DATA}/pgdata"));
        }
        if !parameters.is_empty() {
            let parameters = parameters.iter();
            let parameters = parameters.flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")]);
            container = container.args(std::iter::once("postgres".to_owned()).chain(parameters));
        }
        for (name, content) in scripts {
            container = container.file(format!("/docker-entrypoint-initdb.d/{name}"), content);
        }
        let handle = app.add(Kind::Stateful, name, container);
        let mut binding = handle.binding(None);
        "postgresql".clone_into(&mut binding.scheme);
        let binding = binding.with_database(database).with_user(user, password);
        Self {
            part: Stateful(handle),
            binding,
            image,
        }
    }

    /// The password of its user.
    pub fn password(&self) -> Text {
        self.binding.password()
    }

    /// Its URL with a scheme: `postgresql+asyncpg`. With its password in it, it is a secret.
    pub fn url(&self, scheme: &str) -> Text {
        self.binding.url(scheme)
    }

    /// A dump of its database, for [`App::backup`](App::backup).
    pub fn dump(&self) -> Backup {
        Backup::of_postgres(&self.image, &self.binding)
    }

    /// Where the host reaches it, on Docker.
    #[track_caller]
    pub fn publish(&self, published: Publish) -> &Self {
        self.handle().publish(published, SourceLine::caller());
        self
    }

    fn handle(&self) -> &Handle {
        &self.part.0
    }
}

impl std::ops::Deref for Postgres {
    type Target = Stateful;

    fn deref(&self) -> &Stateful {
        &self.part
    }
}

impl Provides for Postgres {
    fn binding(&self) -> Binding {
        self.binding.clone()
    }
}
