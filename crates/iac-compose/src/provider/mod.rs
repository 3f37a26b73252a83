//! The provider for a Docker Engine.
//!
//! Services, networks, volumes and images are the resources. What a service's containers are made from is computed by
//! [`service::request`] from its inputs alone, and compared with the live containers; so nothing but the inputs has to be
//! remembered, and a run that was killed is finished by the next one.

mod connect;
mod effect;
mod endpoint;
mod errors;
mod events;
mod exclusive;
mod held;
pub(crate) mod image;
mod maker;
mod network;
mod observe;
mod predict;
mod readiness;
mod references;
mod renewal;
mod service;
mod ssh;
mod validate;
mod volume;
mod wait;
mod wire;

use std::sync::RwLock;

use async_trait::async_trait;
use iac_core::declare::ResourceDecl;
use iac_core::provider::{
    Applied, ApplyRequest, ConnectRequest, Connecting, Context, DataItem, DeleteRequest, Effect, ErrorKind, Exclusive,
    Existence, ExternalRef, ObserveRequest, Observed, PlanItem, PredictRequest, Prediction, Problem, Provider,
    ProviderError, Recorded, Reference, Target, WaitRequest,
};
use iac_core::{Key, Value};

use crate::inputs::Inputs;
use crate::labels;
use connect::Engine;

/// The provider for a Docker Engine.
///
/// Its configuration key `host` (`docker.host` of the stack) says where the engine listens; without it `DOCKER_HOST` does, or a
/// context of docker, and without those the usual socket. `unix://`, `tcp://` and `ssh://` are understood; the last runs `ssh` as
/// docker does. `DOCKER_TLS_VERIFY`, `DOCKER_TLS` and `DOCKER_CERT_PATH` mean what they mean to docker; without TLS no engine on another
/// machine is spoken to unless `IAC_CLEAR_TEXT` names it.
#[derive(Default)]
pub struct DockerProvider {
    engine: RwLock<Option<Engine>>,
}

impl std::fmt::Debug for DockerProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DockerProvider").finish_non_exhaustive()
    }
}

impl DockerProvider {
    /// A provider that is not connected yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn engine(&self) -> Result<Engine, ProviderError> {
        let engine = self.engine.read().ok().and_then(|engine| engine.clone());
        engine.ok_or_else(|| ProviderError::new(ErrorKind::Internal, "the provider is not connected"))
    }
}

/// Planned inputs as types.
fn read(kind: &str, value: &Value) -> Result<Inputs, ProviderError> {
    Inputs::read(kind, value).map_err(|problem| invalid(&problem))
}

/// Recorded inputs as types.
fn recorded_inputs(recorded: &Recorded) -> Result<Inputs, ProviderError> {
    let inputs = Inputs::of_object(recorded.key.kind(), &recorded.inputs, &recorded.identity);
    inputs.map_err(|problem| invalid(&problem))
}

fn invalid(problem: &Problem) -> ProviderError {
    ProviderError::new(ErrorKind::Invalid, format!("{}: {}", problem.path, problem.message))
}

#[async_trait]
impl Provider for DockerProvider {
    fn name(&self) -> &str {
        "docker"
    }

    fn connecting(&self) -> Connecting {
        Connecting {
            variables: &[("host", "DOCKER_HOST"), ("host", "DOCKER_CONTEXT")],
            ..Connecting::default()
        }
    }

    fn identity(&self, resource: &ResourceDecl) -> Result<String, Problem> {
        let identity = Inputs::read(resource.key.kind(), &resource.inputs)?.identity();
        if identity.contains(crate::inputs::UNKNOWN) {
            let message = "the name of a project, service, network, volume or image has to be known when planning";
            return Err(Problem::new(iac_core::FieldPath::root(), message));
        }
        Ok(identity)
    }

    fn references(&self, resources: &[&ResourceDecl]) -> Vec<Reference> {
        references::of(resources)
    }

    fn exclusive(&self, old: &Recorded, new: &ResourceDecl) -> Vec<Exclusive> {
        let old = recorded_inputs(old);
        match (old, Inputs::read(new.key.kind(), &new.inputs)) {
            (Ok(old), Ok(new)) => exclusive::of(&old, &new),
            _ => Vec::new(),
        }
    }

    fn work_side_by_side(&self, old: &Recorded, new: &ResourceDecl) -> bool {
        let new = Inputs::read(new.key.kind(), &new.inputs);
        match (recorded_inputs(old), new) {
            (Ok(Inputs::Service(old)), Ok(Inputs::Service(new))) => {
                !old.completes && !new.completes && exclusive::services(&old, &new).is_empty()
            }
            _ => false,
        }
    }

    fn effects(&self, items: &[PlanItem<'_>]) -> Vec<(usize, Effect)> {
        effect::of(items)
    }

    fn validate(&self, resource: &ResourceDecl) -> Vec<Problem> {
        match Inputs::read(resource.key.kind(), &resource.inputs) {
            Ok(inputs) => validate::problems(&inputs),
            Err(problem) => vec![problem],
        }
    }

    async fn connect(&self, request: &ConnectRequest) -> Result<Target, ProviderError> {
        let (engine, target) = Engine::connect(request).await?;
        if let Ok(mut slot) = self.engine.write() {
            *slot = Some(engine);
        }
        Ok(target)
    }

    async fn exists(&self, names: &[ExternalRef]) -> Result<Vec<Existence>, ProviderError> {
        let engine = self.engine()?;
        let mut answers = Vec::with_capacity(names.len());
        for name in names {
            answers.push(existence(&engine, name).await?);
        }
        Ok(answers)
    }

    async fn observe(&self, requests: &[ObserveRequest]) -> Result<Vec<Observed>, ProviderError> {
        self.engine()?.observe_all(requests).await
    }

    async fn predict(&self, requests: &[PredictRequest]) -> Result<Vec<Prediction>, ProviderError> {
        self.engine()?.predict_all(requests).await
    }

    async fn data(&self, resources: &[Recorded]) -> Result<Vec<Vec<DataItem>>, ProviderError> {
        let engine = self.engine()?;
        let mut projects = service::volumes::Projects::default();
        let mut answers = Vec::with_capacity(resources.len());
        for resource in resources {
            answers.push(match recorded_inputs(resource)? {
                Inputs::Volume(inputs) => engine.data_of_volume(&inputs).await?,
                Inputs::Service(inputs) => projects.data(&engine, resource, &inputs).await?,
                Inputs::Network(_) | Inputs::Image(_) => Vec::new(),
            });
        }
        Ok(answers)
    }

    fn left_behind(&self, holder: &Key, item: &DataItem) -> Option<Recorded> {
        service::volumes::record(holder, item)
    }

    fn prepares(&self, key: &Key, inputs: &Value) -> bool {
        matches!(Inputs::read(key.kind(), inputs), Ok(Inputs::Service(inputs)) if service::prepare::is_possible(&inputs.spec))
    }

    async fn prepare(&self, request: &ApplyRequest, cx: &Context) -> Result<(), ProviderError> {
        let engine = self.engine()?;
        match read(request.key.kind(), &request.inputs)? {
            Inputs::Service(inputs) => service::prepare::prepare(&engine, request, &inputs, cx).await,
            Inputs::Network(_) | Inputs::Volume(_) | Inputs::Image(_) => Ok(()),
        }
    }

    async fn apply(&self, request: &ApplyRequest, cx: &Context) -> Result<Applied, ProviderError> {
        let engine = self.engine()?;
        match read(request.key.kind(), &request.inputs)? {
            Inputs::Service(inputs) => service::converge::apply(&engine, request, &inputs, cx).await,
            Inputs::Network(inputs) => engine.apply_network(request, &inputs).await,
            Inputs::Volume(inputs) => engine.apply_volume(request, &inputs).await,
            Inputs::Image(inputs) => engine.apply_image(&inputs, &request.key, cx).await,
        }
    }

    async fn delete(&self, request: &DeleteRequest, cx: &Context) -> Result<(), ProviderError> {
        let engine = self.engine()?;
        let recorded = &request.recorded;
        match recorded_inputs(recorded)? {
            Inputs::Service(inputs) => service::delete::delete(&engine, request, &inputs, cx).await,
            Inputs::Network(inputs) => engine.delete_network(request, &inputs).await,
            Inputs::Volume(inputs) => engine.delete_volume(request, &inputs).await,
            Inputs::Image(inputs) => engine.delete_image(&inputs, request.claim).await,
        }
    }

    async fn wait_ready(&self, request: &WaitRequest, cx: &Context) -> Result<Applied, ProviderError> {
        let engine = self.engine()?;
        match read(request.recorded.key.kind(), &request.recorded.inputs)? {
            Inputs::Service(inputs) => engine.wait_service(request, &inputs, cx).await,
            // The others do their work as soon as they are there.
            Inputs::Network(_) | Inputs::Volume(_) | Inputs::Image(_) => Ok(Applied::default()),
        }
    }
}

async fn existence(engine: &Engine, name: &ExternalRef) -> Result<Existence, ProviderError> {
    let is_there = match name.kind.as_str() {
        "compose/Network" => engine.network(&name.name).await?.is_some(),
        "compose/Volume" => engine.volume(&name.name).await?.is_some(),
        "compose/Service" => {
            let (project, service) = name.name.split_once('/').unwrap_or(("", &name.name));
            let filter = labels::filter([(labels::PROJECT, project), (labels::SERVICE, service)]);
            !engine.list(filter).await?.is_empty()
        }
        other => return Ok(Existence::Unknown(format!("{other} is no type of this provider"))),
    };
    Ok(if is_there { Existence::Yes } else { Existence::No })
}
