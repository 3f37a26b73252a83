//! The provider: implements [`iac_core::provider::Provider`] over the API server.

mod access;
mod apply;
pub(crate) mod call;
pub(crate) mod connect;
mod data;
mod delete;
mod discovery;
mod drift;
mod events;
mod ignored;
mod inspect;
mod kubeconfig;
mod leaving;
mod makers;
mod names;
mod observe;
mod others;
mod owned;
mod plugin;
mod pods;
mod predict;
mod proxy;
mod recreate;
mod related;
pub(crate) mod session;
mod since;
mod unknown;
mod wait;
mod watch;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use async_trait::async_trait;
use futures::FutureExt as _;
use iac_core::declare::ResourceDecl;
use iac_core::provider::{
    Applied, ApplyRequest, ConnectRequest, Connecting, Context, DataItem, DeleteRequest, Effect, ErrorKind, Existence,
    ExternalRef, ObserveRequest, Observed, PlanItem, PredictRequest, Prediction, Problem, Provider, ProviderError,
    Recorded, Reference, Target, WaitRequest,
};

pub(crate) use self::call::Cause;
use self::call::{Call, CallError};
pub(crate) use self::connect::chosen_namespace;
use self::connect::{Connection, Settings};
pub(crate) use self::events::Warning;
use self::names::Names;
use self::session::{Session, in_parallel};
use crate::declared::Declared;
use crate::object::ObjectId;
use crate::{PROVIDER, content, effect, reference, validate};

/// The length that the name of a field manager may have.
const MANAGER_LENGTH: usize = 128;

/// The Kubernetes provider.
///
/// It keeps nothing between runs. Within a run it holds the connection, and what the whole stack says that bears on
/// single objects: which workloads an autoscaler scales, which namespaces and kinds the stack itself makes.
#[derive(Default)]
pub struct KubernetesProvider {
    session: RwLock<Option<Arc<Session>>>,
    declared: RwLock<Arc<Declared>>,
    names: RwLock<Names>,
}

impl KubernetesProvider {
    /// A provider that is not connected yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn session(&self) -> Result<Arc<Session>, ProviderError> {
        let session = self.session.read().unwrap_or_else(PoisonError::into_inner).clone();
        session.ok_or_else(|| ProviderError::new(ErrorKind::Internal, "the Kubernetes provider is not connected"))
    }

    fn names(&self) -> RwLockReadGuard<'_, Names> {
        self.names.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn declared(&self) -> Arc<Declared> {
        Arc::clone(&self.declared.read().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Provider for KubernetesProvider {
    fn name(&self) -> &str {
        PROVIDER
    }

    fn always_recorded(&self) -> &[&str] {
        &[content::DIGEST]
    }

    fn keyed_output(&self, resource: &ResourceDecl, pointer: &str) -> bool {
        let holds_secrets = match resource.key.kind() {
            "kubernetes:core/Secret" => true,
            "kubernetes:core/ConfigMap" => resource.inputs.has_secret(),
            _ => false,
        };
        holds_secrets && (pointer == content::HASH || pointer.starts_with(content::HASHES))
    }

    fn connecting(&self) -> Connecting {
        Connecting {
            free: &["namespace"],
            variables: &[("kubeconfig", "KUBECONFIG")],
            leads_to: connect::leads_to,
        }
    }

    fn identity(&self, resource: &ResourceDecl) -> Result<String, Problem> {
        let id = ObjectId::of(&resource.inputs)?;
        Ok(self.names().placed(id, &self.declared()).to_string())
    }

    async fn learn_names(&self, declared: &[&ResourceDecl], recorded: &[&str]) -> Result<(), ProviderError> {
        let declared = declared
            .iter()
            .filter_map(|resource| ObjectId::of(&resource.inputs).ok());
        let recorded = recorded.iter().filter_map(|identity| ObjectId::from_identity(identity));
        let learned = Names::learn(&*self.session()?, declared.chain(recorded)).await?;
        *self.names.write().unwrap_or_else(PoisonError::into_inner) = learned;
        Ok(())
    }

    fn known_as(&self, recorded: &str) -> String {
        match ObjectId::from_identity(recorded) {
            Some(id) => self.names().placed(id, &self.declared()).to_string(),
            None => recorded.to_owned(),
        }
    }

    fn references(&self, resources: &[&ResourceDecl]) -> Vec<Reference> {
        *self.declared.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Declared::of(resources));
        reference::all(resources)
    }

    fn work_side_by_side(&self, old: &Recorded, new: &ResourceDecl) -> bool {
        effect::work_side_by_side(&old.inputs, &new.inputs)
    }

    fn effects(&self, items: &[PlanItem<'_>]) -> Vec<(usize, Effect)> {
        effect::of(items)
    }

    fn validate(&self, resource: &ResourceDecl) -> Vec<Problem> {
        validate::object(&resource.inputs)
    }

    async fn connect(&self, request: &ConnectRequest) -> Result<Target, ProviderError> {
        let manager = format!("{}{}", crate::managed::PREFIX, request.stack);
        if format!("{manager}-replicas").len() > MANAGER_LENGTH {
            let message = format!(
                "the stack's name is too long for a Kubernetes field manager: {}",
                request.stack
            );
            return Err(ProviderError::new(ErrorKind::Invalid, message));
        }
        let connection = Connection::open(Settings::read(&request.config)?).await?;
        let evidence = connection.evidence(request.timeout).await?;
        let description = connection.description.clone();
        let session = Session::new(connection, manager, request.id.clone(), request.key.clone());
        *self.session.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(session));
        Ok(Target {
            description,
            // The strongest.
            id: evidence.first().map(|(_, value)| value.clone()).unwrap_or_default(),
            evidence,
        })
    }

    async fn exists(&self, names: &[ExternalRef]) -> Result<Vec<Existence>, ProviderError> {
        let session = &self.session()?;
        in_parallel(names.iter().map(|name| existence(session, name).boxed())).await
    }

    async fn observe(&self, requests: &[ObserveRequest]) -> Result<Vec<Observed>, ProviderError> {
        observe::observe(&*self.session()?, requests).await
    }

    async fn predict(&self, requests: &[PredictRequest]) -> Result<Vec<Prediction>, ProviderError> {
        predict::predict(&*self.session()?, &self.declared(), requests).await
    }

    async fn data(&self, resources: &[Recorded]) -> Result<Vec<Vec<DataItem>>, ProviderError> {
        let (session, declared) = (&self.session()?, &self.declared());
        let whose = &others::Whose {
            declared,
            given_up: &resources.iter().map(|recorded| recorded.identity.clone()).collect(),
        };
        let looks = &owned::Looks::default();
        let data = |recorded| data::data(session, whose, looks, recorded).boxed();
        in_parallel(resources.iter().map(data)).await
    }

    async fn apply(&self, request: &ApplyRequest, cx: &Context) -> Result<Applied, ProviderError> {
        apply::apply(&*self.session()?, &self.declared(), request, cx).await
    }

    async fn delete(&self, request: &DeleteRequest, cx: &Context) -> Result<(), ProviderError> {
        delete::delete(&*self.session()?, request, cx).await
    }

    async fn wait_ready(&self, request: &WaitRequest, cx: &Context) -> Result<Applied, ProviderError> {
        wait::wait_ready(&*self.session()?, request, cx).await
    }
}

async fn existence(session: &Session, name: &ExternalRef) -> Result<Existence, ProviderError> {
    match look_up(session, name).await {
        Err(error) if error.is_global() => Err(error.into()),
        Err(error) => Ok(Existence::Unknown(error.to_string())),
        Ok(existence) => Ok(existence),
    }
}

async fn look_up(session: &Session, name: &ExternalRef) -> Result<Existence, CallError> {
    let Some(id) = ObjectId::from_type(&name.kind, &name.name) else {
        return Ok(Existence::Unknown(format!(
            "{:?} is no type of a Kubernetes object",
            name.kind
        )));
    };
    if id.type_name() == "core/Namespace" && session.lacks_namespace(&id.name) {
        return Ok(Existence::No);
    }
    let Some(kind) = session.discovery.find_any(&session.connection, &id).await? else {
        return Ok(Existence::No);
    };
    Ok(match session.get(Call::get_metadata(kind.path(&id))).await? {
        Some(_) => Existence::Yes,
        None => Existence::No,
    })
}
