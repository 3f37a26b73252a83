//! A stand-in for the engine that is just enough to drive the provider: it resolves outputs, applies in the order of the
//! declaration, and waits where a dependency asks for readiness.
#![allow(clippy::unwrap_used, clippy::panic, dead_code, unreachable_pub)]

pub mod fake;
pub mod runs;

use std::collections::BTreeMap;
use std::time::Duration;

use iac_compose::prelude::*;
use iac_core::config::Config;
use iac_core::declare::{Declaration, ResourceDecl};
use iac_core::provider::{
    Applied, ApplyRequest, Claim, ConnectRequest, Context, DeleteData, DeleteRequest, Intent, Live, ObserveRequest,
    Observed, Phase, PredictRequest, Prediction, Provider, ProviderError, Recorded, Referent, StackKey, WaitRequest,
};
use iac_core::value::{Part, Secret, Source};
use iac_core::{Key, Stack, Value};
use iac_testbed::{Needs, TestBed};

/// An image with a shell, which the test bed has.
pub const IMAGE: &str = "localhost/iac-test/busybox:1";

/// A service that stays up and ends at once when it is asked to.
pub fn sleeper() -> Service {
    Service {
        image: IMAGE.into(),
        command: Some(words("sleep 1000")),
        init: Some(true),
        ..Service::default()
    }
}

pub fn words(line: &str) -> Vec<String> {
    iac_compose::parse::words::split(line).unwrap()
}

pub fn shell(line: &str) -> Option<Vec<String>> {
    Some(vec!["sh".into(), "-c".into(), line.into()])
}

/// A health check that passes as soon as the file is there.
pub fn file_check(path: &str) -> Option<Healthcheck> {
    let check = Healthcheck::cmd_shell(format!("test -e {path}"));
    Some(check.interval(Duration::from_millis(300)).retries(3))
}

/// The time that anything may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A project of its own on a real engine, removed at the end.
pub struct Bed {
    pub project: String,
    pub docker: bollard::Docker,
    provider: DockerProvider,
    world: BTreeMap<Key, Recorded>,
    order: Vec<Key>,
}

/// The test bed, or the engine that `IAC_TEST_DOCKER_HOST` names.
pub fn test_bed() -> TestBed {
    let needs = Needs {
        docker: true,
        ..Needs::default()
    };
    TestBed::ensure(needs).unwrap_or_else(|error| panic!("these tests need a Docker Engine: {error}"))
}

fn host() -> String {
    test_bed().docker_host
}

impl Bed {
    pub async fn new(test: &str) -> Self {
        let docker = bollard::Docker::connect_with_host(&host()).unwrap();
        docker
            .inspect_image(IMAGE)
            .await
            .unwrap_or_else(|error| panic!("{IMAGE}: {error}"));
        let bed = Self {
            project: format!("t{}-{test}", std::process::id()),
            docker,
            provider: DockerProvider::new(),
            world: BTreeMap::new(),
            order: Vec::new(),
        };
        bed.provider.connect(&connect("test")).await.unwrap();
        bed
    }

    /// Returns the declaration of `program`.
    pub fn declare(program: impl FnOnce(&Stack)) -> Declaration {
        let stack = Stack::new("test", Config::default());
        program(&stack);
        stack.finish().unwrap_or_else(|errors| panic!("{errors:?}"))
    }

    fn resolve(&self, value: &Value, declaration: &Declaration, known_only: bool) -> Value {
        let resolved = value.try_map_leaves(&mut |_, leaf| {
            let Value::Expr(expr) = leaf else {
                return Ok::<_, ()>(leaf.clone());
            };
            let mut text = String::new();
            let mut is_secret = false;
            for part in &expr.parts {
                match part {
                    Part::Literal(literal) => text.push_str(literal),
                    Part::Output(output) => {
                        is_secret |= output.secret;
                        let found = match &output.source {
                            Source::Resource(key) => {
                                let recorded = self.world.get(key);
                                let value = recorded.and_then(|recorded| recorded.outputs.pointer(&output.path));
                                value.and_then(|value| value.as_str().map(str::to_owned))
                            }
                            source => declaration.secrets.get(source).map(|secret| secret.expose().clone()),
                        };
                        match found {
                            Some(found) => text.push_str(&found),
                            None if known_only => panic!("{output} is not known"),
                            None => return Ok(leaf.clone()),
                        }
                    }
                }
            }
            Ok(if is_secret {
                Value::Secret(Secret::from(text))
            } else {
                Value::from(text)
            })
        });
        resolved.unwrap()
    }

    /// Applies all that is declared and waits until all of it is ready.
    pub async fn up(&mut self, declaration: &Declaration) -> Result<(), ProviderError> {
        let all: Vec<&ResourceDecl> = declaration.resources.iter().collect();
        for resource in &all {
            let problems = self.provider.validate(resource);
            assert!(problems.is_empty(), "{problems:?}");
        }
        let references = self.provider.references(&all);
        for resource in all {
            for reference in references.iter().filter(|reference| reference.from == resource.key) {
                if let Referent::Declared(on, Phase::Ready) | Referent::Ordered(on, Phase::Ready) = &reference.to {
                    self.wait(on).await?;
                }
            }
            self.apply(resource, declaration).await?;
        }
        for resource in &declaration.resources {
            self.wait(&resource.key).await?;
        }
        Ok(())
    }

    pub async fn apply(&mut self, resource: &ResourceDecl, declaration: &Declaration) -> Result<(), ProviderError> {
        let recorded = self.world.get(&resource.key).cloned();
        let inputs = self.resolve(&resource.inputs, declaration, true);
        let request = ApplyRequest {
            ignored: Vec::new(),
            key: resource.key.clone(),
            identity: self.provider.identity(resource).unwrap(),
            intent: if recorded.is_some() {
                Intent::Update
            } else {
                Intent::Create
            },
            inputs: inputs.clone(),
            recorded,
            adopt: false,
            claim: Claim::MarkOnly,
            uid: None,
            delete_data: DeleteData::None,
            timeout: TIMEOUT,
        };
        let (result, applied) = match self.provider.apply(&request, &Context::silent()).await {
            Ok(applied) => (Ok(()), applied),
            Err(error) => {
                let partial = error.partial.clone().map(|partial| *partial).unwrap_or_default();
                (Err(error), partial)
            }
        };
        // A failed update leaves the record of what was applied before.
        if result.is_ok() || request.recorded.is_none() {
            self.record(resource, request.identity, inputs, applied);
        }
        result
    }

    fn record(&mut self, resource: &ResourceDecl, identity: String, inputs: Value, applied: Applied) {
        let recorded = Recorded {
            key: resource.key.clone(),
            identity,
            uid: applied.uid,
            inputs,
            outputs: applied.outputs,
            private: applied.private.into(),
            dependencies: Vec::new(),
            ready: false,
        };
        if !self.order.contains(&resource.key) {
            self.order.push(resource.key.clone());
        }
        self.world.insert(resource.key.clone(), recorded);
    }

    pub async fn wait(&mut self, key: &Key) -> Result<(), ProviderError> {
        let recorded = self.world[key].clone();
        if recorded.ready {
            return Ok(());
        }
        let request = WaitRequest {
            recorded,
            timeout: TIMEOUT,
            needed: false,
        };
        let applied = self.provider.wait_ready(&request, &Context::silent()).await?;
        let recorded = self.world.get_mut(key).unwrap();
        recorded.ready = true;
        if applied.outputs != Value::Null {
            recorded.outputs = applied.outputs;
        }
        Ok(())
    }

    /// Forgets what was applied, as a run that was killed before it could record anything.
    pub fn forget(&mut self, name: &str) {
        let key = self.key(name);
        self.world.remove(&key);
    }

    pub fn key(&self, name: &str) -> Key {
        let found = self.order.iter().find(|key| key.short() == name);
        found
            .unwrap_or_else(|| panic!("{name} is not among {:?}", self.order))
            .clone()
    }

    pub fn recorded(&self, name: &str) -> &Recorded {
        &self.world[&self.key(name)]
    }

    pub async fn observe(&self, name: &str) -> Observed {
        let recorded = self.recorded(name).clone();
        let request = ObserveRequest {
            ignored: Vec::new(),
            key: recorded.key.clone(),
            identity: recorded.identity.clone(),
            inputs: Some(recorded.inputs.clone()),
            recorded: Some(recorded),
            full: true,
        };
        self.provider.observe(&[request]).await.unwrap().remove(0)
    }

    pub async fn live(&self, name: &str) -> Live {
        match self.observe(name).await {
            Observed::Present(live) => live,
            other => panic!("{name}: {other:?}"),
        }
    }

    /// The paths of the fields that drifted.
    pub async fn drift(&self, name: &str) -> Vec<String> {
        self.live(name)
            .await
            .drift
            .iter()
            .map(|change| change.path.to_string())
            .collect()
    }

    /// Predicts the application of the resource of this name in its new form.
    pub async fn predict(&self, name: &str, declaration: &Declaration) -> Prediction {
        let key = self.key(name);
        let resource = declaration.get(&key).unwrap();
        let request = PredictRequest {
            key,
            intent: Intent::Update,
            inputs: self.resolve(&resource.inputs, declaration, false),
            recorded: Some(self.recorded(name).clone()),
            live: Some(self.live(name).await),
            adopt: false,
        };
        self.provider.predict(&[request]).await.unwrap().remove(0)
    }

    /// Predicts the creation of the only service of a declaration.
    pub async fn predict_creation(&self, declaration: &Declaration) -> Prediction {
        let resource = declaration
            .resources
            .iter()
            .rfind(|resource| resource.key.kind().ends_with("Service"))
            .unwrap();
        let request = PredictRequest {
            key: resource.key.clone(),
            intent: Intent::Create,
            inputs: self.resolve(&resource.inputs, declaration, false),
            recorded: None,
            live: None,
            adopt: false,
        };
        self.provider.predict(&[request]).await.unwrap().remove(0)
    }

    /// Deletes everything, last first, with all data that goes with it.
    pub async fn down(&mut self) -> Result<(), ProviderError> {
        let all: Vec<Recorded> = self.world.values().cloned().collect();
        self.provider.data(&all).await?;
        while let Some(key) = self.order.pop() {
            if let Some(recorded) = self.world.remove(&key) {
                let request = DeleteRequest {
                    recorded,
                    delete_data: DeleteData::All,
                    claim: Claim::MarkOnly,
                    timeout: TIMEOUT,
                };
                self.provider.delete(&request, &Context::silent()).await?;
            }
        }
        Ok(())
    }

    /// The project's containers: names with the states.
    pub async fn containers(&self) -> Vec<(String, String)> {
        let label = format!("com.docker.compose.project={}", self.project);
        let options = bollard::query_parameters::ListContainersOptions {
            all: true,
            filters: Some([("label".to_owned(), vec![label])].into()),
            ..Default::default()
        };
        let mut found: Vec<_> = self
            .docker
            .list_containers(Some(options))
            .await
            .unwrap()
            .into_iter()
            .map(|container| {
                let name = container.names.unwrap()[0].trim_start_matches('/').to_owned();
                let name = name.replace(&format!("{}-", self.project), "");
                (name, container.state.unwrap().to_string())
            })
            .collect();
        found.sort();
        found
    }

    pub async fn inspect(&self, container: &str) -> bollard::models::ContainerInspectResponse {
        let name = format!("{}-{container}", self.project);
        self.docker.inspect_container(&name, None).await.unwrap()
    }
}

/// Runs the real docker compose on the project.
pub fn docker_compose(project: &str, arguments: &[&str]) -> String {
    let bed = test_bed();
    let mut command = std::process::Command::new(&bed.compose);
    command
        .args(["-p", project])
        .args(arguments)
        .env("DOCKER_HOST", &bed.docker_host);
    let output = command.env("DOCKER_CONFIG", &bed.docker_config).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let all = format!("{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {all}");
    assert!(!all.contains("data will be lost"), "{arguments:?}: {all}");
    text
}

/// A test that fails leaves nothing behind either.
impl Drop for Bed {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let (docker, project) = (self.docker.clone(), self.project.clone());
        let cleaner = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(remove_project(&docker, &project));
        });
        let _ = cleaner.join();
    }
}

async fn remove_project(docker: &bollard::Docker, project: &str) {
    use bollard::query_parameters::{
        ListContainersOptions, ListNetworksOptions, ListVolumesOptions, RemoveContainerOptions, RemoveVolumeOptions,
    };
    let label = vec![format!("com.docker.compose.project={project}")];
    let filters = Some(std::collections::HashMap::from([("label".to_owned(), label)]));
    let options = ListContainersOptions {
        all: true,
        filters: filters.clone(),
        ..Default::default()
    };
    for container in docker.list_containers(Some(options)).await.unwrap_or_default() {
        let force = RemoveContainerOptions {
            force: true,
            v: true,
            ..Default::default()
        };
        let _ = docker
            .remove_container(&container.id.unwrap_or_default(), Some(force))
            .await;
    }
    let options = ListNetworksOptions {
        filters: filters.clone(),
    };
    for network in docker.list_networks(Some(options)).await.unwrap_or_default() {
        let _ = docker.remove_network(&network.id.unwrap_or_default()).await;
    }
    let options = ListVolumesOptions { filters };
    let volumes = docker
        .list_volumes(Some(options))
        .await
        .map(|list| list.volumes)
        .unwrap_or_default();
    for volume in volumes.into_iter().flatten() {
        let _ = docker.remove_volume(&volume.name, None::<RemoveVolumeOptions>).await;
    }
}

/// The id of every stack, unless a test says otherwise.
const ID: &str = "5f0c7d2e9a4b4c1d8e6f3a2b1c0d9e8f";

pub fn connect(stack: &str) -> ConnectRequest {
    ConnectRequest {
        stack: stack.to_owned(),
        id: ID.parse().unwrap(),
        config: [("host".to_owned(), host())].into(),
        timeout: Duration::from_secs(10),
        key: StackKey::default(),
        own_files: Vec::new(),
    }
}
