//! The seam to the outside world: what a provider has to be able to do.
//!
//! The engine knows nothing of Kubernetes or Docker; it speaks in batches with implementations of [`Provider`], which
//! may live in anyone's crate. Providers never print and keep no state of their own: what they have to remember of a
//! resource they return as [`Applied::private`], and get it back in [`Recorded`].
//!
//! | engine's question | method |
//! |---|---|
//! | what is this resource called out there? | [`Provider::identity`] |
//! | which names in the inputs mean other resources? | [`Provider::references`] |
//! | where are we, and may we? | [`Provider::connect`] |
//! | what is there now? | [`Provider::observe`] |
//! | what would this change do? | [`Provider::predict`] |
//! | what does that mean for what runs? | [`Provider::effects`] |
//! | make what may be there before it begins to work | [`Provider::prepare`] |
//! | do it | [`Provider::apply`], [`Provider::delete`] |
//! | is it ready? | [`Provider::wait_ready`] |

mod authors;
mod connecting;
mod discreet;
pub mod effect;
mod error;
mod event;
mod mark;
mod random;
mod stack_key;
mod types;

use async_trait::async_trait;

pub use authors::ITSELF;
pub(crate) use authors::is_by_itself;
pub use connecting::{Connecting, LeadsTo};
pub(crate) use discreet::{Discreet, SharedNames};
pub use effect::{Effect, PlanItem};
pub use error::{ErrorKind, ProviderError, adopt_hint};
pub use event::{Context, Progress};
pub use mark::{Claim, Mark};
pub use random::RandomProvider;
pub use stack_key::StackKey;
pub use types::{
    Applied, ApplyRequest, Checked, ConnectRequest, DataItem, DeleteData, DeleteRequest, Exclusive, Existence,
    ExternalRef, Intent, Live, Minor, Need, ObserveRequest, Observed, Phase, PredictRequest, Prediction, Problem,
    Readiness, Recorded, Reference, Referent, Replacement, Risk, RiskKind, Target, WaitRequest,
};

use crate::declare::ResourceDecl;
use crate::urn::Key;
use crate::value::Value;

/// A system that holds resources: a Kubernetes cluster, a Docker Engine.
///
/// Texts that a provider gives (errors, notes, progress) may quote what it was sent: the engine takes every secret out of
/// them that it has seen. Outputs and private data are taken as they are; what is secret in outputs has to be a
/// [`Value::Secret`], and private data must hold no secret.
///
/// Every asynchronous method except [`connect`](Self::connect) is called after a successful `connect`. Methods take
/// `&self` and may be called concurrently. A request's answer stands at the request's position.
#[async_trait]
pub trait Provider: Send + Sync {
    /// The name that stands before the colon of a resource's type: `kubernetes`.
    fn name(&self) -> &str;

    /// Pointers to outputs that are recorded even where no other resource uses them yet: values that cannot be read
    /// again from the outside world.
    fn always_recorded(&self) -> &[&str] {
        &[]
    }

    /// True if the output at this pointer may be a hash under the key of the stack ([`ConnectRequest::key`]): a stack that has
    /// none gets one before anything is applied, where somebody uses such an output.
    fn keyed_output(&self, _resource: &ResourceDecl, _pointer: &str) -> bool {
        false
    }

    /// Tells how its configuration bears on connecting: which settings a file of a repository may not make by itself.
    fn connecting(&self) -> Connecting {
        Connecting::default()
    }

    /// Returns the name of the resource in the outside world, e.g. `apps/Deployment codelab/api`; it is known before the resource
    /// exists.
    ///
    /// Two resources of one stack may not have the same identity. The engine journals it before it asks for a creation,
    /// so that a run that was killed can find what it may have made.
    ///
    /// # Errors
    /// When the fields that make it up are missing or depend on another resource's output.
    fn identity(&self, resource: &ResourceDecl) -> Result<String, Problem>;

    /// Finds out what [`identity`](Self::identity) and [`known_as`](Self::known_as) need to know of the system, such as
    /// whether objects of a kind live in namespaces. Without it, both answer as well as they can.
    ///
    /// # Errors
    /// When the system cannot be asked at all.
    async fn learn_names(&self, _declared: &[&ResourceDecl], _recorded: &[&str]) -> Result<(), ProviderError> {
        Ok(())
    }

    /// The identity as [`identity`](Self::identity) writes it today: an earlier run may have recorded another spelling of
    /// it, which must not count as another object.
    fn known_as(&self, recorded: &str) -> String {
        recorded.to_owned()
    }

    /// Returns the references by name in the inputs of these resources (all of this provider's in the stack).
    fn references(&self, resources: &[&ResourceDecl]) -> Vec<Reference>;

    /// Returns the things that only one of two objects can hold: one that goes, and one that another resource declares. Where
    /// there is such a thing, the old object goes before the new one is created. Nothing is asked of the system for it.
    fn exclusive(&self, _old: &Recorded, _new: &ResourceDecl) -> Vec<Exclusive> {
        Vec::new()
    }

    /// True if an object that goes, and one that another resource declares and that looks like it under another name, can both
    /// do their work at once. Then the old one goes once the new one is ready. Nothing is asked of the system for it.
    fn work_side_by_side(&self, _old: &Recorded, _new: &ResourceDecl) -> bool {
        false
    }

    /// Returns the problems of the resource that can be found without looking: wrong types, impossible combinations.
    fn validate(&self, resource: &ResourceDecl) -> Vec<Problem>;

    /// Returns the effects of a plan's steps on the running system: each effect with the place of its resource in `items`, which
    /// are all of this provider's, in the plan's order, those that stay as they are as well. Nothing is asked of the system for
    /// it.
    fn effects(&self, _items: &[PlanItem<'_>]) -> Vec<(usize, Effect)> {
        Vec::new()
    }

    /// Connects, or tells why not. Called once per run before anything else.
    ///
    /// # Errors
    /// [`ErrorKind::Unreachable`] when nothing answers, [`ErrorKind::Denied`] when it does not let us in.
    async fn connect(&self, request: &ConnectRequest) -> Result<Target, ProviderError>;

    /// Tells which of these things exist, which inputs name and nobody declares. Called after
    /// [`predict`](Self::predict), and only with what the steps of a plan name.
    ///
    /// # Errors
    /// When the system cannot be asked at all.
    async fn exists(&self, names: &[ExternalRef]) -> Result<Vec<Existence>, ProviderError>;

    /// Looks at what is there now.
    ///
    /// # Errors
    /// When the system cannot be asked at all; what concerns one resource is [`Observed::Unknown`].
    async fn observe(&self, requests: &[ObserveRequest]) -> Result<Vec<Observed>, ProviderError>;

    /// Tells what each of these changes would do; changes nothing. The inputs of a recorded object are null where an interrupted
    /// run created it and nobody recorded it: its content can be told by looking at it.
    ///
    /// # Errors
    /// When the system cannot be asked at all; what concerns one resource is [`Prediction::problems`].
    async fn predict(&self, requests: &[PredictRequest]) -> Result<Vec<Prediction>, ProviderError>;

    /// Returns the data that would be lost if these resources were deleted, and the data that would be left without its owner;
    /// anything else that goes with them and is not the stack's counts as data. An object that could not be looked at is an item
    /// of its own, so that nothing is deleted unseen.
    ///
    /// # Errors
    /// When the system cannot be asked at all.
    async fn data(&self, resources: &[Recorded]) -> Result<Vec<Vec<DataItem>>, ProviderError>;

    /// Returns a record for data that outlives its resource, or that a change takes from it, so that it is listed, kept, and
    /// deleted when that is asked for; none where the data can only be told of. The record has a key of its own.
    fn left_behind(&self, _holder: &Key, _item: &DataItem) -> Option<Recorded> {
        None
    }

    /// True if a new resource can be made ahead, as far as [`prepare`](Self::prepare) goes: a container that is created, and
    /// not started. Nothing is asked of the system for it.
    fn prepares(&self, _key: &Key, _inputs: &Value) -> bool {
        false
    }

    /// Makes as much of a new resource as may be there before those that it only waits for. It is a head start:
    /// [`apply`](Self::apply) follows, and completes it whatever came of this; or [`delete`](Self::delete), where those fail.
    ///
    /// # Errors
    /// Any; they are not told, since `apply` meets the same.
    async fn prepare(&self, _request: &ApplyRequest, _cx: &Context) -> Result<(), ProviderError> {
        Ok(())
    }

    /// Creates, updates or adopts. Must converge when it is called again after it was interrupted anywhere.
    ///
    /// # Errors
    /// With [`ProviderError::partial`] set when something was made all the same.
    async fn apply(&self, request: &ApplyRequest, cx: &Context) -> Result<Applied, ProviderError>;

    /// Deletes, and returns once it is gone; a thing that is gone already is no error.
    ///
    /// Right before, the object is looked at once more. It has to bear the stack's [`Mark`], unless
    /// [`claim`](DeleteRequest::claim) says enough without; and nothing may go with it that came after
    /// [`data`](Self::data) has told what would, and that is not the stack's.
    ///
    /// # Errors
    /// When it is still there. [`ErrorKind::Precondition`] where one of the two does not hold.
    async fn delete(&self, request: &DeleteRequest, cx: &Context) -> Result<(), ProviderError>;

    /// Waits until the resource is ready and returns its outputs as they are then; null outputs and null private data
    /// mean that nothing is new.
    ///
    /// # Errors
    /// [`ErrorKind::Failed`] as soon as it can no longer become ready, [`ErrorKind::Timeout`] at the end of
    /// [`WaitRequest::timeout`]; both with what the system says of the cause.
    async fn wait_ready(&self, request: &WaitRequest, cx: &Context) -> Result<Applied, ProviderError>;
}
