//! A Redis server.

use iac_core::Output;

use super::Stateful;
use crate::binding::{Binding, Provides};
use crate::part::Kind;
use crate::{App, Container, Name, Probe, Resources, Text, Volume};

/// The options of a Redis server.
#[derive(Debug, Clone)]
pub struct RedisOptions {
    image: String,
    settings: Vec<(String, String)>,
    password: Password,
    volume: Option<Volume>,
    resources: Resources,
    ready: Probe,
}

#[derive(Debug, Clone)]
enum Password {
    No,
    Generated,
    Given(Output),
}

impl RedisOptions {
    /// A server of an image that works as the official one. It has no password, and forgets all when it ends.
    pub fn image(image: impl Into<String>) -> Self {
        Self {
            image: image.into(),
            settings: Vec::new(),
            password: Password::No,
            volume: None,
            resources: Resources::default(),
            // redis-cli ends with 0 also when it is refused, so its answer is read.
            ready: Probe::shell("redis-cli ping | grep -q PONG").every(5),
        }
    }

    /// Writes each change to a volume of this size, a Kubernetes quantity, and reads it back when it starts.
    #[must_use]
    pub fn append_only(mut self, size: impl Into<String>) -> Self {
        self.volume = Some(Volume::new("/data", size));
        self.setting("appendonly", "yes")
    }

    /// The name of its volume: see [`Volume::named`].
    #[must_use]
    pub fn volume_named(mut self, name: &str) -> Self {
        self.volume = self.volume.map(|volume| volume.named(name));
        self
    }

    /// A line of its configuration: `maxmemory`, `512mb`.
    #[must_use]
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// Asks for a password, which is generated.
    #[must_use]
    pub fn with_password(mut self) -> Self {
        self.password = Password::Generated;
        self
    }

    /// Asks for this password.
    #[must_use]
    pub fn password(mut self, password: impl Into<Output>) -> Self {
        self.password = Password::Given(password.into());
        self
    }

    /// Changes how often its readiness is asked for: `.ready(|probe| probe.every(10).failures(5))`.
    #[must_use]
    pub fn ready(mut self, change: impl FnOnce(Probe) -> Probe) -> Self {
        self.ready = change(self.ready);
        self
    }

    /// Sets the resources that it requests, and its limits.
    #[must_use]
    pub fn resources(mut self, resources: &Resources) -> Self {
        self.resources = *resources;
        self
    }
}

/// Where its password is. On the command line, every process of the container could read it.
const FILE: &str = "/usr/local/etc/redis/redis.conf";

/// A Redis server: a [`Stateful`] part that others can be bound to.
#[derive(Debug, Clone)]
pub struct Redis {
    part: Stateful,
    binding: Binding,
}

impl Redis {
    #[track_caller]
    pub(crate) fn declare(app: &App, name: Name, options: RedisOptions) -> Self {
        let part = name.part.clone();
        let password = match options.password {
            Password::No => None,
            Password::Given(password) => Some(password),
            Password::Generated => {
                let stack = app.0.stack.component(&part);
                Some(stack.random_password(&format!("{part}-password"), 24).result())
            }
        };
        let mut container = Container::image(&options.image)
            .port("redis", 6379)
            .resources(&options.resources)
            .ready(options.ready.while_it_prepares(app.is_docker()));
        let mut words = vec!["redis-server".to_owned()];
        if let Some(password) = &password {
            let line = Text::from("requirepass ").and(password.clone().json_string());
            container = container
                .file(FILE, line.and("\n"))
                // redis-cli reads it.
                .env("REDISCLI_AUTH", password);
            words.push(FILE.to_owned());
        }
        for (name, value) in options.settings {
            words.extend([format!("--{name}"), value]);
        }
        container = container.args(words);
        if let Some(volume) = options.volume {
            container = container.volume(volume);
        }
        let handle = app.add(Kind::Stateful, name, container);
        let mut binding = handle.binding(None);
        "redis".clone_into(&mut binding.scheme);
        binding.password = password;
        Self {
            part: Stateful(handle),
            binding,
        }
    }

    /// The password that it asks for; empty where it asks for none.
    pub fn password(&self) -> Text {
        self.binding.password()
    }

    /// The URL of one of its databases: `redis://:PASSWORD@HOST:6379/0`. With a password in it, it is a secret.
    pub fn url(&self, database: u16) -> Text {
        let binding = self.binding.clone().with_database(database.to_string());
        binding.url(&self.binding.scheme)
    }
}

impl std::ops::Deref for Redis {
    type Target = Stateful;

    fn deref(&self) -> &Stateful {
        &self.part
    }
}

impl Provides for Redis {
    fn binding(&self) -> Binding {
        self.binding.clone()
    }
}
