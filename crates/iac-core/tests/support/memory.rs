//! An outside world in memory, with a provider for it that can be told to fail or to hang at any boundary.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use futures::FutureExt as _;
use iac_core::Value;
use iac_core::declare::ResourceDecl;
use iac_core::provider::*;
use iac_core::state::StackId;
use iac_core::value::diff::{FieldChange, diff};
use iac_core::value::{FieldPath, Map, pattern};
use tokio::sync::Notify;

use super::gate::Gate;

/// The name of the provider's only type.
pub(crate) const KIND: &str = "mem:core/Thing";

/// An object of the world.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Object {
    pub(crate) uid: u64,
    pub(crate) inputs: Value,
    /// True if it bears the mark of a stack of this name.
    pub(crate) ours: bool,
    /// The id of that stack.
    pub(crate) id: Option<StackId>,
}

impl Object {
    fn mark(&self, own: &StackId) -> Mark {
        match self.ours {
            true => Mark::of_name(self.id.as_ref().map(StackId::as_str), own),
            false => Mark::Missing("made by a test".to_owned()),
        }
    }
}

#[derive(Default)]
struct Inner {
    objects: BTreeMap<String, Object>,
    next_uid: u64,
    calls: usize,
    hang_at: Option<usize>,
    failing: BTreeSet<String>,
    /// Names whose objects are made, and the call fails all the same: with a word of what was made, or without an answer.
    failing_late: BTreeMap<String, ErrorKind>,
    never_ready: BTreeSet<String>,
    /// So many deletions wait for one another.
    together: Option<Arc<tokio::sync::Barrier>>,
    /// Names that are waited for without an end.
    not_ready_yet: BTreeSet<String>,
    leaving: BTreeSet<String>,
    spent: BTreeSet<String>,
    /// The others that hold fields of an object.
    co_owners: BTreeMap<String, String>,
    /// The answers about the data of others that objects hold.
    told: BTreeSet<(String, String)>,
    log: Vec<String>,
}

/// A world that outlives the engine.
#[derive(Clone, Default)]
pub(crate) struct World {
    inner: Arc<Mutex<Inner>>,
    hung: Arc<Notify>,
    gate: Option<Gate>,
    /// The id of the stack that the provider is connected for.
    id: Arc<Mutex<Option<StackId>>>,
}

impl World {
    /// The id of the stack that the provider is connected for.
    fn id(&self) -> StackId {
        self.id.lock().unwrap().clone().unwrap()
    }

    /// The same world, as a machine behind this gate reaches it.
    pub(crate) fn through(&self, gate: Gate) -> Self {
        Self {
            gate: Some(gate),
            ..self.clone()
        }
    }

    /// The gate that it is reached through.
    pub(crate) fn gate(&self) -> Option<&Gate> {
        self.gate.as_ref()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// The objects, by name.
    pub(crate) fn objects(&self) -> BTreeMap<String, Object> {
        self.lock().objects.clone()
    }

    /// Somebody else changes, makes or deletes an object.
    pub(crate) fn meddle(&self, change: impl FnOnce(&mut BTreeMap<String, Object>)) {
        change(&mut self.lock().objects);
    }

    /// The operations so far: `create a`, `delete b`.
    pub(crate) fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().log)
    }

    /// Somebody deletes these, and something holds them until they are made again.
    pub(crate) fn leave(&self, names: &[&str]) {
        self.lock().leaving = names.iter().map(|name| (*name).to_owned()).collect();
    }

    fn leaving(&self, name: &str) -> Option<String> {
        self.lock().leaving.contains(name).then(|| "held by a test".to_owned())
    }

    /// From now on, operations on these names fail.
    pub(crate) fn fail(&self, names: &[&str]) {
        self.lock().failing = names.iter().map(|name| (*name).to_owned()).collect();
    }

    /// From now on, operations on these names have their effect and fail all the same: with this kind of error, which
    /// tells what was made unless nobody knows.
    pub(crate) fn fail_late(&self, names: &[&str], kind: ErrorKind) {
        self.lock().failing_late = names.iter().map(|name| ((*name).to_owned(), kind)).collect();
    }

    /// From now on, these never become ready.
    pub(crate) fn never_ready(&self, names: &[&str]) {
        self.lock().never_ready = names.iter().map(|name| (*name).to_owned()).collect();
    }

    /// From now on, these are waited for without an end.
    pub(crate) fn not_ready_yet(&self, names: &[&str]) {
        self.lock().not_ready_yet = names.iter().map(|name| (*name).to_owned()).collect();
    }

    /// From now on, deletions take until so many of them are under way.
    pub(crate) fn delete_together(&self, deletions: usize) {
        self.lock().together = Some(Arc::new(tokio::sync::Barrier::new(deletions)));
    }

    /// This one has failed for good; only a new object of its name is well again.
    pub(crate) fn spend(&self, name: &str) {
        self.lock().spent.insert(name.to_owned());
    }

    /// Somebody else holds fields of this one, until they are taken over.
    pub(crate) fn co_own(&self, name: &str, owner: &str) {
        self.lock().co_owners.insert(name.to_owned(), owner.to_owned());
    }

    fn readiness(&self, name: &str) -> Readiness {
        let inner = self.lock();
        match (inner.spent.contains(name), inner.never_ready.contains(name)) {
            (true, _) => Readiness::Spent("out of attempts".to_owned()),
            (_, true) => Readiness::Pending("not yet".to_owned()),
            _ => Readiness::Ready,
        }
    }

    /// The next runs hang at this boundary and at all after it (each operation has one before and one after its effect).
    pub(crate) fn hang_at(&self, boundary: Option<usize>) {
        // Several calls of the last run may have hung; only the first was waited for.
        let _ = self.hung.notified().now_or_never();
        let mut inner = self.lock();
        inner.calls = 0;
        inner.hang_at = boundary;
    }

    /// Comes back once a run hangs.
    pub(crate) async fn hung(&self) {
        self.hung.notified().await;
    }

    /// Another world that is the same for now, and hangs nowhere.
    pub(crate) fn fork(&self) -> Self {
        let inner = self.lock();
        let copy = Inner {
            objects: inner.objects.clone(),
            next_uid: inner.next_uid,
            failing: inner.failing.clone(),
            never_ready: inner.never_ready.clone(),
            failing_late: inner.failing_late.clone(),
            spent: inner.spent.clone(),
            told: inner.told.clone(),
            ..Inner::default()
        };
        Self {
            inner: Arc::new(Mutex::new(copy)),
            hung: Arc::default(),
            gate: None,
            id: Arc::default(),
        }
    }

    /// Where a run may hang.
    pub(crate) async fn boundary(&self) {
        let hang = {
            let mut inner = self.lock();
            inner.calls += 1;
            inner.hang_at.is_some_and(|at| inner.calls >= at)
        };
        if hang {
            self.hung.notify_one();
            std::future::pending::<()>().await;
        }
        if let Some(gate) = &self.gate {
            gate.pass().await;
        }
    }

    /// Makes a call. Behind a gate it is on its way from then on: it has its effect even if nobody waits for it any more.
    pub(crate) async fn sent<T: Send + 'static>(&self, call: impl Future<Output = T> + Send + 'static) -> T {
        match &self.gate {
            Some(_) => tokio::spawn(call).await.unwrap(),
            None => call.await,
        }
    }

    /// Returns the entry for an object's own data in the list of answers, for the machine behind this gate.
    fn of_own_data(&self, name: &str) -> (String, String) {
        let machine = self.gate.as_ref().map(|gate| gate.machine().to_string());
        (
            name.to_owned(),
            format!("own data, told to {}", machine.unwrap_or_default()),
        )
    }

    /// Notes the answer about an object's own data: the last one counts.
    fn tell_own_data(&self, name: &str, has_some: bool) {
        let told = self.of_own_data(name);
        let mut inner = self.lock();
        match has_some {
            true => inner.told.insert(told),
            false => inner.told.remove(&told),
        };
    }

    fn changed(&self, what: &str, name: &str) {
        if let Some(gate) = &self.gate {
            gate.changed(&format!("{what} {name}"));
        }
    }
}

/// The effects of calls on the world.
impl World {
    fn apply(&self, request: &ApplyRequest) -> Result<Applied, ProviderError> {
        let mut inner = self.lock();
        if inner.failing.contains(&request.identity) {
            let error = ProviderError::new(ErrorKind::Failed, "told to fail");
            let there = inner.objects.get(&request.identity);
            // A part that was made ahead is there all the same.
            return Err(match there.filter(|object| is_prepared(&object.inputs)) {
                Some(object) => error.with_partial(Applied {
                    uid: Some(object.uid.to_string()),
                    outputs: outputs(&request.identity, object),
                    ..Applied::default()
                }),
                None => error,
            });
        }
        if request.intent == Intent::Create && inner.leaving.remove(&request.identity) {
            inner.objects.remove(&request.identity);
        }
        let existing = inner.objects.get(&request.identity).cloned();
        let existing_is_prepared = existing.as_ref().is_some_and(|object| is_prepared(&object.inputs));
        if request.intent == Intent::Create && existing.is_some() && !existing_is_prepared {
            return Err(ProviderError::new(ErrorKind::Conflict, "it is there already"));
        }
        let held = exclusive(&request.inputs).is_some_and(|wanted| {
            let others = inner.objects.iter().filter(|(name, _)| **name != request.identity);
            others
                .into_iter()
                .any(|(_, other)| exclusive(&other.inputs) == Some(wanted))
        });
        if held {
            return Err(ProviderError::new(ErrorKind::Conflict, "another object holds it"));
        }
        if request.intent == Intent::Update && existing.is_none() {
            return Err(ProviderError::new(ErrorKind::NotFound, "it is gone"));
        }
        if let Some(object) = existing.as_ref().filter(|_| !request.adopt) {
            object.mark(&self.id()).allow(&request.identity, request.claim)?;
        }
        if request.adopt {
            inner.co_owners.remove(&request.identity);
        }
        let what = format!("{:?}", request.intent).to_lowercase();
        self.changed(&what, &request.identity);
        inner.log.push(format!("{what} {}", request.identity));
        let uid = existing.map_or_else(
            || {
                inner.next_uid += 1;
                inner.next_uid
            },
            |object| object.uid,
        );
        let object = Object {
            uid,
            inputs: request.inputs.clone(),
            ours: true,
            id: Some(self.id()),
        };
        let before = inner.objects.insert(request.identity.clone(), object.clone());
        let dropped = before.as_ref().and_then(|before| leaves(&before.inputs));
        let dropped = dropped.filter(|left| leaves(&request.inputs) != Some(*left));
        if let Some(left) = dropped.filter(|left| request.delete_data.allows(&left_item(left))) {
            inner.objects.remove(left);
        }
        if let Some(left) = leaves(&request.inputs) {
            inner.objects.entry(left.to_owned()).or_insert(Object {
                uid: 0,
                inputs: serde_json::json!({ "data": true }).into(),
                ours: false,
                id: None,
            });
        }
        let applied = Applied {
            uid: Some(uid.to_string()),
            outputs: outputs(&request.identity, &object),
            ..Applied::default()
        };
        match inner.failing_late.get(&request.identity) {
            None => Ok(applied),
            Some(ErrorKind::Timeout) => Err(ProviderError::new(ErrorKind::Timeout, "no answer")),
            Some(kind) => Err(ProviderError::new(*kind, "told to fail late").with_partial(applied)),
        }
    }

    /// Makes an object that does nothing yet.
    fn prepare(&self, request: &ApplyRequest) -> Result<(), ProviderError> {
        let mut inner = self.lock();
        if inner.failing.contains(&request.identity) || inner.objects.contains_key(&request.identity) {
            return Err(ProviderError::new(ErrorKind::Failed, "it cannot be prepared"));
        }
        self.changed("prepare", &request.identity);
        inner.log.push(format!("prepare {}", request.identity));
        inner.next_uid += 1;
        let object = Object {
            uid: inner.next_uid,
            inputs: serde_json::json!({ "prepared": true }).into(),
            ours: true,
            id: Some(self.id()),
        };
        inner.objects.insert(request.identity.clone(), object);
        Ok(())
    }

    fn delete(&self, request: &DeleteRequest) -> Result<(), ProviderError> {
        let recorded = &request.recorded;
        let mut inner = self.lock();
        if inner.failing.contains(&recorded.identity) {
            return Err(ProviderError::new(ErrorKind::Failed, "told to fail"));
        }
        let uid = inner
            .objects
            .get(&recorded.identity)
            .map(|object| object.uid.to_string());
        let there = inner.objects.get(&recorded.identity);
        // Another object of the name is not the one that is meant.
        if recorded.uid.is_none() || uid == recorded.uid {
            let mark = there.map_or(Mark::Ours, |object| object.mark(&self.id()));
            mark.allow(&recorded.identity, request.claim)?;
            let held = there.and_then(|object| holds(&object.inputs)).map(str::to_owned);
            if let Some(held) = held
                && !inner.told.contains(&(recorded.identity.clone(), held.clone()))
            {
                let message = format!("{} stays: {held} came", recorded.identity);
                return Err(ProviderError::new(ErrorKind::Precondition, message));
            }
            if there.is_some_and(|object| has_data(&object.inputs)) {
                if !inner.told.contains(&self.of_own_data(&recorded.identity)) {
                    let message = format!("{} stays: data came", recorded.identity);
                    return Err(ProviderError::new(ErrorKind::Precondition, message));
                }
                if let Some(gate) = &self.gate {
                    gate.deletes_data(&recorded.identity);
                }
            }
        }
        if recorded.uid.is_none() || uid == recorded.uid {
            self.changed("delete", &recorded.identity);
            inner.log.push(format!("delete {}", recorded.identity));
            inner.spent.remove(&recorded.identity);
            inner.objects.remove(&recorded.identity);
            if let Some(left) = leaves(&recorded.inputs)
                && request.delete_data.allows(&DataItem::new("data", left))
            {
                inner.objects.remove(left);
            }
        }
        Ok(())
    }
}

/// The provider.
pub(crate) struct Memory(World);

impl Memory {
    /// A provider for a world, which others may have providers for as well.
    pub(crate) fn of(world: &World) -> Self {
        Self(World {
            id: Arc::default(),
            ..world.clone()
        })
    }
}

fn outputs(name: &str, object: &Object) -> Value {
    let map = [
        ("name", Value::from(name)),
        ("uid", Value::from(format!("u{}", object.uid))),
        ("value", object.inputs.get("value").cloned().unwrap_or_default()),
    ];
    map.into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect::<Map>()
        .into()
}

fn name_of(resource: &ResourceDecl) -> String {
    named(&resource.key, &resource.inputs)
}

fn named(key: &iac_core::Key, inputs: &Value) -> String {
    let own = inputs.get("name").and_then(Value::as_str);
    own.unwrap_or(key.name()).to_owned()
}

/// The object with data that another one makes, and leaves when it is deleted.
fn leaves(inputs: &Value) -> Option<&str> {
    inputs.get("leaves").and_then(Value::as_str)
}

/// Data that stays when its object goes, or no longer has it.
fn left_item(name: &str) -> DataItem {
    DataItem {
        outlives: true,
        ..DataItem::new("data", name)
    }
}

/// True if an object holds data itself.
fn has_data(inputs: &Value) -> bool {
    inputs.get("data").and_then(Value::as_bool) == Some(true)
}

/// Returns the data of others that goes with an object.
fn holds(inputs: &Value) -> Option<&str> {
    inputs.get("holds").and_then(Value::as_str)
}

/// True if an object was made ahead, and does nothing yet.
fn is_prepared(inputs: &Value) -> bool {
    inputs.get("prepared").is_some()
}

/// Returns the name of the thing that only one object of the world can hold.
fn exclusive(inputs: &Value) -> Option<&str> {
    inputs.get("exclusive").and_then(Value::as_str)
}

fn both_hold(old: &Value, new: &Value) -> Vec<Exclusive> {
    let held = exclusive(new).filter(|_| exclusive(old) == exclusive(new));
    let found = held.map(|what| Exclusive {
        path: FieldPath::fields(["exclusive"]),
        what: what.to_owned(),
    });
    found.into_iter().collect()
}

#[async_trait]
impl Provider for Memory {
    fn name(&self) -> &str {
        "mem"
    }

    fn identity(&self, resource: &ResourceDecl) -> Result<String, Problem> {
        Ok(name_of(resource))
    }

    fn references(&self, resources: &[&ResourceDecl]) -> Vec<Reference> {
        let fields = [
            ("ref", Phase::Exists, Need::AtOnce),
            ("ready_ref", Phase::Ready, Need::AtOnce),
            ("later_ref", Phase::Exists, Need::Later),
            ("optional_ref", Phase::Exists, Need::Optional),
            ("ordered_ref", Phase::Ready, Need::AtOnce),
        ];
        let reference = |resource: &ResourceDecl, (field, phase, need): (&str, Phase, Need)| {
            let wanted = resource.inputs.get(field)?.as_str()?;
            let to = match resources.iter().find(|other| name_of(other) == wanted) {
                Some(other) if field == "ordered_ref" => Referent::Ordered(other.key.clone(), phase),
                Some(other) => Referent::Declared(other.key.clone(), phase),
                None => Referent::External(ExternalRef {
                    kind: "core/Thing".into(),
                    name: wanted.into(),
                    need,
                }),
            };
            Some(Reference {
                from: resource.key.clone(),
                phase: if field == "ordered_ref" { Phase::Exists } else { phase },
                path: FieldPath::fields([field]),
                to,
            })
        };
        let pairs = resources
            .iter()
            .flat_map(|resource| fields.map(|field| (resource, field)));
        pairs
            .filter_map(|(resource, field)| reference(resource, field))
            .collect()
    }

    fn exclusive(&self, old: &Recorded, new: &ResourceDecl) -> Vec<Exclusive> {
        both_hold(&old.inputs, &new.inputs)
    }

    fn work_side_by_side(&self, old: &Recorded, new: &ResourceDecl) -> bool {
        let can = |inputs: &Value| inputs.get("side_by_side").is_some();
        can(&old.inputs) && can(&new.inputs)
    }

    fn validate(&self, _: &ResourceDecl) -> Vec<Problem> {
        Vec::new()
    }

    async fn connect(&self, request: &ConnectRequest) -> Result<Target, ProviderError> {
        *self.0.id.lock().unwrap() = Some(request.id.clone());
        Ok(Target {
            description: "memory".into(),
            id: "memory".into(),
            evidence: Vec::new(),
        })
    }

    async fn exists(&self, names: &[ExternalRef]) -> Result<Vec<Existence>, ProviderError> {
        let objects = self.0.objects();
        let answer = |name: &ExternalRef| {
            if objects.contains_key(&name.name) {
                Existence::Yes
            } else {
                Existence::No
            }
        };
        Ok(names.iter().map(answer).collect())
    }

    async fn observe(&self, requests: &[ObserveRequest]) -> Result<Vec<Observed>, ProviderError> {
        let objects = self.0.objects();
        let observe = |request: &ObserveRequest| match objects.get(&request.identity) {
            None => Observed::Absent,
            Some(object) => {
                let recorded = request.recorded.as_ref();
                let same = recorded.is_some_and(|recorded| recorded.uid == Some(object.uid.to_string()));
                let drift = recorded
                    .filter(|_| same)
                    .map(|recorded| diff(&recorded.inputs, &object.inputs));
                let (drift, mut ignored) =
                    pattern::split_all(&request.ignored, drift.unwrap_or_default(), &object.inputs);
                if let (false, Some(inputs)) = (same, &request.inputs) {
                    ignored = pattern::changes_to(&request.ignored, inputs, &object.inputs);
                }
                let by_itself = |mut change: FieldChange| {
                    let is_state = change.path == FieldPath::fields(["state"]);
                    change.origin = is_state.then(|| ITSELF.to_owned());
                    change
                };
                let drift: Vec<FieldChange> = drift.into_iter().map(by_itself).collect();
                Observed::Present(Live {
                    uid: Some(object.uid.to_string()),
                    mark: object.mark(&self.0.id()),
                    outputs: if request.full {
                        outputs(&request.identity, object)
                    } else {
                        Value::Null
                    },
                    drift,
                    ignored,
                    readiness: self.0.readiness(&request.identity),
                    leaving: self.0.leaving(&request.identity),
                    co_owners: self
                        .0
                        .lock()
                        .co_owners
                        .get(&request.identity)
                        .cloned()
                        .into_iter()
                        .collect(),
                    writes: BTreeMap::new(),
                })
            }
        };
        Ok(requests.iter().map(observe).collect())
    }

    async fn predict(&self, requests: &[PredictRequest]) -> Result<Vec<Prediction>, ProviderError> {
        let objects = self.0.objects();
        let predict = |request: &PredictRequest| {
            let recorded = request.recorded.as_ref().map(|recorded| match &recorded.inputs {
                Value::Null => objects
                    .get(&recorded.identity)
                    .map_or(&Value::Null, |object| &object.inputs),
                inputs => inputs,
            });
            if request.intent == Intent::Replace {
                return Prediction {
                    exclusive: recorded.map(|old| both_hold(old, &request.inputs)).unwrap_or_default(),
                    ..Prediction::default()
                };
            }
            let live = objects.get(&named(&request.key, &request.inputs)).cloned();
            let in_place = matches!(request.intent, Intent::Update | Intent::Adopt);
            let Some(object) = live.filter(|_| in_place) else {
                return Prediction::default();
            };
            let mut prediction = Prediction {
                changes: diff(&object.inputs, &request.inputs),
                ..Prediction::default()
            };
            let fixed = prediction
                .changes
                .iter()
                .filter(|change| change.path == FieldPath::fields(["fixed"]));
            prediction.replace = fixed
                .map(|change| Replacement {
                    path: change.path.clone(),
                    why: "immutable".into(),
                })
                .collect();
            let left = leaves(&object.inputs).filter(|left| leaves(&request.inputs) != Some(*left));
            let left = left.filter(|left| prediction.replace.is_empty() && objects.contains_key(*left));
            prediction.leaves = left.map(left_item).into_iter().collect();
            if prediction.replace.is_empty() {
                prediction.outputs = outputs(
                    &named(&request.key, &request.inputs),
                    &Object {
                        inputs: request.inputs.clone(),
                        ..object
                    },
                );
            }
            prediction
        };
        Ok(requests.iter().map(predict).collect())
    }

    async fn data(&self, resources: &[Recorded]) -> Result<Vec<Vec<DataItem>>, ProviderError> {
        let item = |name: &str| DataItem::new("data", name);
        let objects = self.0.objects();
        let data = |recorded: &Recorded| {
            // The object that is there counts: a record may be older, or know no inputs at all.
            let there = objects.get(&recorded.identity).map(|object| &object.inputs);
            let inputs = there.unwrap_or(&Value::Null);
            let own = has_data(inputs);
            let held = holds(inputs);
            let told = held.map(|held| (recorded.identity.clone(), held.to_owned()));
            self.0.lock().told.extend(told);
            let left = leaves(inputs).filter(|left| objects.contains_key(*left)).map(left_item);
            self.0.tell_own_data(&recorded.identity, own);
            own.then_some(recorded.identity.as_str())
                .into_iter()
                .chain(held)
                .map(item)
                .chain(left)
                .collect()
        };
        Ok(resources.iter().map(data).collect())
    }

    fn left_behind(&self, _: &iac_core::Key, item: &DataItem) -> Option<Recorded> {
        Some(Recorded {
            key: iac_core::Key::new("", KIND, &item.name).ok()?,
            identity: item.name.clone(),
            uid: None,
            inputs: serde_json::json!({ "data": true }).into(),
            outputs: Value::Null,
            private: Default::default(),
            dependencies: Vec::new(),
            ready: true,
        })
    }

    fn prepares(&self, _: &iac_core::Key, inputs: &Value) -> bool {
        inputs.get("ordered_ref").is_some()
    }

    async fn prepare(&self, request: &ApplyRequest, _: &Context) -> Result<(), ProviderError> {
        let (world, request) = (self.0.clone(), request.clone());
        let call = async move {
            world.boundary().await;
            world.prepare(&request)?;
            world.boundary().await;
            Ok(())
        };
        self.0.sent(call).await
    }

    async fn apply(&self, request: &ApplyRequest, _: &Context) -> Result<Applied, ProviderError> {
        let (world, request) = (self.0.clone(), request.clone());
        let call = async move {
            world.boundary().await;
            let applied = world.apply(&request)?;
            world.boundary().await;
            Ok(applied)
        };
        self.0.sent(call).await
    }

    async fn delete(&self, request: &DeleteRequest, cx: &Context) -> Result<(), ProviderError> {
        let together = self.0.lock().together.clone();
        if let Some(together) = together {
            cx.waits();
            together.wait().await;
        }
        let (world, request) = (self.0.clone(), request.clone());
        let call = async move {
            world.boundary().await;
            world.delete(&request)?;
            world.boundary().await;
            Ok(())
        };
        self.0.sent(call).await
    }

    async fn wait_ready(&self, request: &WaitRequest, _: &Context) -> Result<Applied, ProviderError> {
        if self.0.lock().never_ready.contains(&request.recorded.identity) {
            return Err(ProviderError::new(ErrorKind::Failed, "it will never be ready"));
        }
        if self.0.lock().not_ready_yet.contains(&request.recorded.identity) {
            std::future::pending::<()>().await;
        }
        self.0.boundary().await;
        self.0.boundary().await;
        Ok(Applied::default())
    }
}
