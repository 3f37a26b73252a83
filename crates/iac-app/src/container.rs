//! The container of a part: image, command, environment, ports, probes, files and volumes.

use std::time::Duration;

use iac_core::declare::{Dependency, Handle};
use iac_k8s::Object;

use crate::binding::{Binding, Provides};
use crate::{Environment, Probe, Resources, Text};

/// The container that a part runs. Its methods give it back, so that they can be chained; it can be cloned and changed for
/// another part.
#[derive(Debug, Clone, Default)]
pub struct Container {
    pub(crate) image: String,
    pub(crate) command: Vec<String>,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, Text)>,
    pub(crate) environments: Vec<Environment>,
    pub(crate) ports: Vec<Port>,
    pub(crate) ready: Option<Probe>,
    pub(crate) resources: Resources,
    pub(crate) volumes: Vec<Volume>,
    pub(crate) scratch: Vec<String>,
    pub(crate) files: Vec<(String, Text)>,
    pub(crate) connects: Vec<Binding>,
    pub(crate) user: Option<i64>,
    pub(crate) group: Option<i64>,
    pub(crate) read_only: bool,
    pub(crate) restricted: bool,
    pub(crate) stop_within: Option<Duration>,
    pub(crate) after: Vec<After>,
    pub(crate) then: Option<Then>,
}

/// A container that follows on a scheduled job whenever it has ended well, with the same volumes.
#[derive(Debug, Clone)]
pub(crate) struct Then {
    pub(crate) container: Box<Container>,
    /// Its name beside the job's.
    pub(crate) name: &'static str,
    /// The files that the job leaves, as a pattern of the shell whose last match in order of names is the newest.
    pub(crate) files: String,
}

/// A port of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Port {
    pub(crate) name: String,
    pub(crate) number: u16,
    /// The port of the part's Service on Kubernetes.
    pub(crate) service: u16,
}

/// A folder of a container that outlives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    pub(crate) name: Option<String>,
    pub(crate) path: String,
    pub(crate) size: String,
    pub(crate) shared: bool,
    /// Another part declares it, and this one only reads it.
    pub(crate) borrowed: bool,
}

impl Volume {
    /// A volume at a folder of the container. `size` is a Kubernetes quantity: what the claim asks for. A volume of one
    /// Docker Engine is as large as the engine's disk.
    pub fn new(path: impl Into<String>, size: impl Into<String>) -> Self {
        Self {
            name: None,
            path: path.into(),
            size: size.into(),
            shared: false,
            borrowed: false,
        }
    }

    /// All containers of the part write to it, and backups can read it: on Kubernetes the claim is `ReadWriteMany`, which not
    /// every storage class can give; on Docker every volume can be shared.
    #[must_use]
    pub fn shared(mut self) -> Self {
        self.shared = true;
        self
    }

    /// Names it: the claim template on Kubernetes, and the volume on Docker, where `_` stands for `-`. It is called
    /// `PART-data` otherwise.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    pub(crate) fn name_in(&self, part: &str) -> String {
        self.name.clone().unwrap_or_else(|| format!("{part}-data"))
    }
}

/// A part or a resource that has to come first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After(pub(crate) Waits);

/// See [`After`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Waits {
    /// A part is ready, or has completed.
    Part(String),
    /// Another resource of the stack is.
    Resource(Dependency),
}

impl From<Dependency> for After {
    fn from(dependency: Dependency) -> Self {
        Self(Waits::Resource(dependency))
    }
}

impl<R> From<&Handle<R>> for After {
    fn from(handle: &Handle<R>) -> Self {
        Dependency::from(handle).into()
    }
}

impl<K> From<&Object<K>> for After {
    fn from(object: &Object<K>) -> Self {
        Dependency::from(object).into()
    }
}

impl Container {
    /// A container of an image.
    pub fn image(image: impl Into<String>) -> Self {
        Self {
            image: image.into(),
            ..Self::default()
        }
    }

    /// The program with its arguments, in place of the image's own entry point and arguments.
    #[must_use]
    pub fn command<S: Into<String>>(mut self, words: impl IntoIterator<Item = S>) -> Self {
        self.command = words.into_iter().map(Into::into).collect();
        self
    }

    /// The arguments of the image's entry point, in place of the image's own.
    #[must_use]
    pub fn args<S: Into<String>>(mut self, words: impl IntoIterator<Item = S>) -> Self {
        self.args = words.into_iter().map(Into::into).collect();
        self
    }

    /// A variable of its environment. A secret stays one: on Kubernetes it comes from a Secret. A value of another part
    /// lets this one wait until that is ready. The last one of a name counts.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<Text>) -> Self {
        let name = name.into();
        self.env.retain(|(other, _)| *other != name);
        self.env.push((name, value.into()));
        self
    }

    /// Several variables.
    #[must_use]
    pub fn envs<N: Into<String>, V: Into<Text>>(self, pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        pairs
            .into_iter()
            .fold(self, |this, (name, value)| this.env(name, value))
    }

    /// All variables of an environment that several containers share.
    #[must_use]
    pub fn env_from(mut self, environment: &Environment) -> Self {
        self.environments.push(environment.clone());
        self
    }

    /// The variables of another part, named after that: `POSTGRES_HOST`, `…_PORT`, `…_DATABASE`, `…_USERNAME`,
    /// `…_PASSWORD` and `…_URL`, of which a part has those that mean something for it. Waits until that part is ready.
    #[must_use]
    pub fn uses(self, part: &impl Provides) -> Self {
        self.envs(part.binding().variables())
    }

    /// Opens connections to another part, or to something outside of the application, that none of its variables and files
    /// names by a binding. It means something in an application that is [isolated](crate::App::isolate); it waits for nothing.
    #[must_use]
    pub fn connects_to(mut self, part: &impl Provides) -> Self {
        self.connects.push(part.binding());
        self
    }

    /// A TCP port that it listens at. Others reach it at the part's host name: at the same port.
    #[must_use]
    pub fn port(self, name: impl Into<String>, number: u16) -> Self {
        self.service_port(name, number, number)
    }

    /// A TCP port that it listens at, which has another number in the part's Service on Kubernetes: `("http", 8000, 80)`.
    #[must_use]
    pub fn service_port(mut self, name: impl Into<String>, number: u16, service: u16) -> Self {
        let name = name.into();
        self.ports.push(Port { name, number, service });
        self
    }

    /// Sets the probe that tells whether it does its work. Others that wait for the part wait for that, and it gets no requests
    /// before.
    #[must_use]
    pub fn ready(mut self, probe: Probe) -> Self {
        self.ready = Some(probe);
        self
    }

    /// Sets the resources that it requests, and its limits.
    #[must_use]
    pub fn resources(mut self, resources: &Resources) -> Self {
        self.resources = *resources;
        self
    }

    /// A folder that outlives it.
    #[must_use]
    pub fn volume(mut self, volume: Volume) -> Self {
        self.volumes.push(volume);
        self
    }

    /// A folder that it can write, and that goes with it: for a container that is [`read_only`](Self::read_only). It is memory
    /// on Docker, and a folder of the node on Kubernetes.
    #[must_use]
    pub fn scratch(mut self, path: impl Into<String>) -> Self {
        self.scratch.push(path.into());
        self
    }

    /// A file at an absolute path, read only. With a secret in it, it is kept as one.
    #[must_use]
    pub fn file(mut self, path: impl Into<String>, content: impl Into<Text>) -> Self {
        self.files.push((path.into(), content.into()));
        self
    }

    /// The number of the user that it runs as.
    #[must_use]
    pub fn user(mut self, user: i64) -> Self {
        self.user = Some(user);
        self
    }

    /// The number of the group that it runs as, and that its volumes belong to on Kubernetes.
    #[must_use]
    pub fn group(mut self, group: i64) -> Self {
        self.group = Some(group);
        self
    }

    /// Its own file system cannot be written; volumes can.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// It loses all capabilities and cannot gain privileges, and it may not run as root. This is what the Pod Security
    /// standard "restricted" asks for.
    #[must_use]
    pub fn restricted(mut self) -> Self {
        self.restricted = true;
        self
    }

    /// Sets the time that it may take to end before it is killed; 30 seconds otherwise.
    #[must_use]
    pub fn stop_within(mut self, seconds: u64) -> Self {
        self.stop_within = Some(Duration::from_secs(seconds));
        self
    }

    /// Waits for a part (`postgres.ready()`, `migrate.completed()`) or for another resource of the stack.
    #[must_use]
    pub fn after(mut self, what: impl Into<After>) -> Self {
        self.after.push(what.into());
        self
    }

    /// Returns the time that it may take to end.
    pub(crate) fn grace(&self) -> Duration {
        self.stop_within.unwrap_or(Duration::from_secs(30))
    }

    /// The port of a name; the first one where none is given.
    pub(crate) fn port_of(&self, name: Option<&str>) -> Option<&Port> {
        match name {
            Some(name) => self.ports.iter().find(|port| port.name == name),
            None => self.ports.first(),
        }
    }

    /// Its own variables, its files, and the variables that it shares with others.
    fn texts(&self) -> impl Iterator<Item = Text> {
        let shared = self.environments.iter().flat_map(Environment::texts);
        let own = self.env.iter().chain(&self.files);
        own.map(|(_, text)| text.clone()).chain(shared)
    }

    /// The names of the parts that it needs, each once.
    pub(crate) fn needs(&self) -> Vec<String> {
        let after = self.after.iter().filter_map(|after| match &after.0 {
            Waits::Part(part) => Some(part.clone()),
            Waits::Resource(_) => None,
        });
        once(self.texts().flat_map(|text| text.needs).chain(after))
    }

    /// The names of the parts that it opens connections to, each once.
    pub(crate) fn partners(&self) -> Vec<String> {
        let connects = self.connects.iter().filter_map(|binding| binding.part.clone());
        once(self.texts().flat_map(|text| text.needs).chain(connects))
    }

    /// The ports outside of the application that it opens connections to, each once.
    pub(crate) fn outside(&self) -> Vec<u16> {
        let connects = self.connects.iter().filter_map(Binding::outside);
        let then = self.then.iter().flat_map(|then| then.container.outside());
        once(self.texts().flat_map(|text| text.outside).chain(connects).chain(then))
    }

    /// The resources outside of the application that it waits for.
    pub(crate) fn resources_before(&self) -> impl Iterator<Item = &Dependency> {
        self.after.iter().filter_map(|after| match &after.0 {
            Waits::Resource(dependency) => Some(dependency),
            Waits::Part(_) => None,
        })
    }
}

/// The items in their order, each once.
fn once<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut kept = Vec::new();
    for item in items {
        if !kept.contains(&item) {
            kept.push(item);
        }
    }
    kept
}
