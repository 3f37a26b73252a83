//! The state of one run: the connection, the kinds that the server knows, and the name under which we write.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use iac_core::Value;
use iac_core::provider::{Mark, StackKey};
use iac_core::state::StackId;
use iac_core::value::Packed;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use tokio::time::Instant;

use super::call::{Answer, Call, CallError};
use super::connect::Connection;
use super::discovery::{ApiKind, Discovery};
use super::events::Warnings;
use super::makers::Makers;
use super::predict::Trials;
use super::since::Told;
use super::watch::{Ear, Rings, Watches};
use crate::kinds;
use crate::managed;
use crate::object::{ObjectId, split_api_version};
use crate::outputs::Secrets;
use crate::readiness;

/// The number of questions that are asked at the same time.
const CONCURRENCY: usize = 12;

/// Runs futures, a limited number at a time, and keeps their order; ends with the first error. A future is made when its turn
/// comes: each has several kilobytes, and there are as many as objects.
///
/// Boxed, because the compiler cannot tell that closures over borrowed requests hold for any lifetime otherwise.
pub(crate) async fn in_parallel<'a, T, E>(
    futures: impl Iterator<Item = BoxFuture<'a, Result<T, E>>> + Send + 'a,
) -> Result<Vec<T>, E> {
    let futures: Box<dyn Iterator<Item = _> + Send + 'a> = Box::new(futures);
    stream::iter(futures).buffered(CONCURRENCY).try_collect().await
}

/// The number of objects on one page of a list.
const PAGE: usize = 500;

/// The most memory that is taken for one list: the metadata of some hundred thousand objects.
pub(crate) const MOST_KEPT: u64 = 1 << 30;

/// The time that it may take to read all pages of a list.
pub(crate) const LIST: Duration = Duration::from_mins(10);

/// When a list was last read, and what was in it.
type SharedList = tokio::sync::Mutex<Option<(Instant, Arc<Vec<Json>>)>>;

/// The number of answers that are kept before those are dropped that nobody wanted.
const MOST_FRESH: usize = 256;

/// The time for which an answer may stand in for a look.
pub(crate) const STALE: Duration = Duration::from_secs(1);

/// The number of waiters above which they share lists.
const CROWD: usize = 8;

/// The server's answer to an apply.
#[derive(Debug)]
pub(crate) enum Fresh {
    /// It is ready by being there.
    Ready,
    /// It was like this then.
    Object(Instant, Json),
}

impl Fresh {
    fn is_stale(&self) -> bool {
        matches!(self, Self::Object(answered, _) if answered.elapsed() > STALE)
    }
}

/// A connected provider.
pub(crate) struct Session {
    pub(crate) connection: Arc<Connection>,
    pub(crate) discovery: Discovery,
    /// The field manager: `iac-<stack>`.
    pub(crate) manager: String,
    /// The id of the stack.
    pub(crate) id: StackId,
    /// The key of the stack.
    pub(crate) key: StackKey,
    /// The warnings of the cluster.
    pub(crate) warnings: Warnings,
    /// The trials that hold for many objects at once.
    pub(crate) trials: Trials,
    /// The workloads that are to have pods.
    pub(crate) makers: Makers,
    /// The watches that tell of writes.
    watches: Watches,
    /// Lists that several ask for at the same time.
    lists: Mutex<HashMap<String, Arc<SharedList>>>,
    /// Every secret that this run has sent or may send.
    secrets: Mutex<Secrets>,
    /// The namespaces that the server said are not there.
    absent_namespaces: Mutex<BTreeSet<String>>,
    /// The server's answers to applies, by UID, for which nobody has asked since.
    fresh: Mutex<HashMap<String, Fresh>>,
    /// The objects that were seen with our mark: their versions then, by UID.
    marked: Mutex<HashMap<String, String>>,
    /// The things that were seen when deletions were planned.
    pub(crate) told: Told,
    /// Held by everybody who waits.
    waiting: Arc<()>,
}

impl Session {
    /// A session over a connection, that writes as `manager`.
    pub(crate) fn new(connection: Connection, manager: String, id: StackId, key: StackKey) -> Self {
        Self {
            connection: Arc::new(connection),
            discovery: Discovery::default(),
            manager,
            id,
            key,
            warnings: Warnings::default(),
            trials: Trials::default(),
            makers: Makers::default(),
            watches: Watches::default(),
            lists: Mutex::default(),
            secrets: Mutex::default(),
            absent_namespaces: Mutex::default(),
            fresh: Mutex::default(),
            marked: Mutex::default(),
            told: Told::default(),
            waiting: Arc::default(),
        }
    }

    /// Remembers what the server answered to an apply, for whoever asks soon. A custom resource is looked at again: its
    /// controller may be quick, and nothing tells that it has not seen the object yet.
    pub(crate) fn note_applied(&self, uid: &str, object: &Json) {
        // A deletion in the same run is meant for this version.
        self.mark_of(object);
        self.makers.note(object);
        let (group, _) = split_api_version(object["apiVersion"].as_str().unwrap_or_default());
        if kinds::scope(group, object["kind"].as_str().unwrap_or_default()).is_none() {
            return;
        }
        let answer = match readiness::is_ready_by_itself(object) {
            true => Fresh::Ready,
            false => Fresh::Object(Instant::now(), object.clone()),
        };
        let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        if fresh.len() >= MOST_FRESH {
            fresh.retain(|_, fresh| !fresh.is_stale());
        }
        fresh.insert(uid.to_owned(), answer);
    }

    /// Returns the server's answer to an object's apply, unless that is too long ago. It is told once.
    pub(crate) fn take_applied(&self, uid: &str) -> Option<Fresh> {
        let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        fresh.remove(uid).filter(|fresh| !fresh.is_stale())
    }

    /// Returns the mark on an object, of which at least the metadata were just read. One of ours is remembered.
    pub(crate) fn mark_of(&self, object: &Json) -> Mark {
        let mark = managed::mark(object, &self.manager, &self.id);
        let version = object.pointer("/metadata/resourceVersion").and_then(Json::as_str);
        if let (Mark::Ours, Some(uid), Some(version)) = (&mark, uid(object), version) {
            let mut marked = self.marked.lock().unwrap_or_else(PoisonError::into_inner);
            marked.insert(uid, version.to_owned());
        }
        mark
    }

    /// The version in which the object with this UID was last seen with our mark.
    pub(crate) fn seen_marked(&self, uid: &str) -> Option<String> {
        let marked = self.marked.lock().unwrap_or_else(PoisonError::into_inner);
        marked.get(uid).cloned()
    }

    /// Counts one who waits, until that is dropped.
    pub(crate) fn count_wait(&self) -> Arc<()> {
        Arc::clone(&self.waiting)
    }

    /// True if so many wait that one list for all of them is less than one for each.
    fn is_crowded(&self) -> bool {
        Arc::strong_count(&self.waiting) > CROWD
    }

    /// Remembers that the server has no such namespace.
    pub(crate) fn note_absent_namespace(&self, name: &str) {
        let mut absent = self.absent_namespaces.lock().unwrap_or_else(PoisonError::into_inner);
        absent.insert(name.to_owned());
    }

    /// True if the server said that it has no such namespace, when a change in it was tried.
    pub(crate) fn lacks_namespace(&self, name: &str) -> bool {
        let absent = self.absent_namespaces.lock().unwrap_or_else(PoisonError::into_inner);
        absent.contains(name)
    }

    /// Remembers the secrets in these inputs, for [`redact`](Self::redact).
    pub(crate) fn learn_secrets(&self, inputs: &Value) {
        self.secrets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .learn(inputs);
    }

    /// A text from the cluster without the secrets of this run: a program may well write its password into its log.
    pub(crate) fn redact(&self, text: &str) -> String {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).redact(text)
    }

    /// The manager that sets a workload's `replicas` once and leaves them to its autoscaler.
    pub(crate) fn replicas_manager(&self) -> String {
        format!("{}-replicas", self.manager)
    }

    /// The manager of what others had set on an object before we recreated it, and of claims that we let grow.
    pub(crate) fn side_manager(&self) -> String {
        format!("{}-kept", self.manager)
    }

    /// Reads an object; none when it, or its kind, is not there.
    pub(crate) async fn read(&self, id: &ObjectId) -> Result<Option<Json>, CallError> {
        match self.discovery.find_any(&self.connection, id).await? {
            Some(kind) => self.get(Call::get(kind.path(id))).await,
            None => Ok(None),
        }
    }

    /// Makes a call that reads; none when there is no such thing.
    pub(crate) async fn get(&self, call: Call) -> Result<Option<Json>, CallError> {
        Ok(self.answer(&call).await?.map(|answer| answer.body))
    }

    async fn answer(&self, call: &Call) -> Result<Option<Answer>, CallError> {
        let deadline = Instant::now() + Duration::from_secs(15);
        match self.connection.call_patiently(call, deadline, &|_| ()).await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// One who is woken when an object is written, or what decides whether it is ready.
    pub(crate) fn ear(&self, kind: &ApiKind, id: &ObjectId) -> Ear {
        let mut ear = Ear::new(&id.name);
        let path = kind.list_path(kind.namespace(id));
        self.watches.add(&self.connection, path, Rings::Itself, &mut ear);
        if id.type_name() == "core/Service"
            && let Some(namespace) = kind.namespace(id)
        {
            let path = format!("/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices");
            let rings = Rings::Label("kubernetes.io/service-name");
            self.watches.add(&self.connection, path, rings, &mut ear);
        }
        ear
    }

    /// Reads all pages of a list that others ask for as well: whoever asks while it is read gets the next one, together with
    /// all that ask meanwhile. So nobody gets what was read before he asked.
    pub(crate) async fn shared_list(&self, call: Call) -> Result<Arc<Vec<Json>>, CallError> {
        let asked = Instant::now();
        let list = {
            let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(lists.entry(call.target()).or_default())
        };
        let mut last = list.lock().await;
        if let Some((began, items)) = &*last
            && *began >= asked
        {
            return Ok(Arc::clone(items));
        }
        let began = Instant::now();
        let items = Arc::new(self.list(call).await?);
        *last = Some((began, Arc::clone(&items)));
        Ok(items)
    }

    /// The objects of a list that bear these labels. Where many wait, the list is read as a whole and shared.
    pub(crate) async fn labelled(&self, list: Call, labels: &[(&str, &str)]) -> Result<Vec<Json>, CallError> {
        if !self.is_crowded() {
            let terms: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
            return self.list(list.with("labelSelector", terms.join(","))).await;
        }
        let all = self.shared_list(list).await?;
        let bears = |object: &&Json| {
            let own = &object["metadata"]["labels"];
            labels.iter().all(|(key, value)| own[*key] == **value)
        };
        Ok(all.iter().filter(bears).cloned().collect())
    }

    /// Reads all pages of a list.
    pub(crate) async fn list(&self, call: Call) -> Result<Vec<Json>, CallError> {
        self.list_each(call, Some).await
    }

    /// Reads all pages of a list, and keeps what `keep` leaves of each item: a list may be far larger than what is wanted
    /// of it.
    pub(crate) async fn list_each<T>(
        &self,
        call: Call,
        keep: impl Fn(Json) -> Option<T> + Send,
    ) -> Result<Vec<T>, CallError> {
        let mut items = Vec::new();
        let mut from = String::new();
        let mut limit = PAGE;
        let mut kept = 0;
        let began = Instant::now();
        loop {
            let mut page = call.clone().with("limit", limit.to_string());
            if !from.is_empty() {
                page = page.with("continue", from.clone());
            }
            let Answer { mut body, weight, .. } = match self.answer(&page).await {
                Ok(Some(answer)) => answer,
                Ok(None) => return Ok(items),
                // Large objects: fewer of them at a time.
                Err(CallError::TooLarge(_)) if limit > 1 => {
                    limit = (limit / 10).max(1);
                    continue;
                }
                Err(error) => return Err(error),
            };
            if let Some(Json::Array(found)) = body.get_mut("items").map(Json::take) {
                let (count, before) = (found.len().max(1), items.len());
                items.extend(found.into_iter().filter_map(&keep));
                kept += weight / count as u64 * (items.len() - before) as u64;
            }
            match body.pointer("/metadata/continue").and_then(Json::as_str) {
                Some(next) if !next.is_empty() && next != from => from = next.to_owned(),
                Some(next) if !next.is_empty() => return Err(endless(&call, "it goes on where it was")),
                _ => return Ok(items),
            }
            if kept > MOST_KEPT || began.elapsed() > LIST {
                return Err(endless(&call, "it does not come to an end"));
            }
        }
    }
}

/// The failure of a list without an end.
fn endless(call: &Call, why: &str) -> CallError {
    CallError::Unreadable(format!("the list {}: {why}", call.path))
}

/// The provider's private record of an object that it applied.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Memory {
    /// The generation that our apply led to, for kinds that have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) generation: Option<i64>,
    /// The version of the object that our apply led to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resource_version: Option<String>,
    /// The fingerprint of our fields as our apply returned them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) managed: Option<String>,
    /// True if its replicas were left to an autoscaler.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) scaled: bool,
    /// True if it is a Job that has completed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) completed: bool,
    /// Which images its pods ran when it was last seen ready: by the names in their specification.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) images: BTreeMap<String, String>,
    /// The fields that were declared once, are not any more, and that the object had still after our apply, owned by nobody.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) dropped: Vec<String>,
}

impl Memory {
    /// Returns the private record of an object as our apply returned it.
    pub(crate) fn of(object: &Json, manager: &str, scaled: bool) -> Self {
        Self {
            generation: object.pointer("/metadata/generation").and_then(Json::as_i64),
            resource_version: object
                .pointer("/metadata/resourceVersion")
                .and_then(Json::as_str)
                .map(str::to_owned),
            managed: managed::fingerprint(object, manager),
            scaled,
            ..Self::default()
        }
    }

    /// Reads it back; what is not ours counts as nothing.
    pub(crate) fn read(private: &Packed) -> Self {
        private.read().unwrap_or_default()
    }

    /// As it is recorded.
    pub(crate) fn write(&self) -> Json {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// An object's UID.
pub(crate) fn uid(object: &Json) -> Option<String> {
    object
        .pointer("/metadata/uid")
        .and_then(Json::as_str)
        .map(str::to_owned)
}
