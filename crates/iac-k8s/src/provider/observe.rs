//! The live state: one metadata-only list per kind and namespace, and a closer look only at objects that moved.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use futures::FutureExt as _;
use iac_core::Value;
use iac_core::provider::{Live, Mark, ObserveRequest, Observed, ProviderError, Readiness};
use iac_core::value::FieldPath;
use iac_core::value::diff::FieldChange;
use serde_json::Value as Json;

use super::call::{Call, CallError};
use super::delete::recorded_id;
use super::drift;
use super::ignored;
use super::leaving::{self, Leaving};
use super::related;
use super::session::{Memory, Session, in_parallel, uid};
use crate::content::Hasher;
use crate::exported;
use crate::managed;
use crate::object::{self, ObjectId};
use crate::outputs::{self, Secrets};
use crate::readiness;

/// The objects that were listed; none for one that is not there.
type Listed = HashMap<ObjectId, Option<Arc<Item>>>;

/// The facts that are kept of a listed object.
struct Item {
    metadata: Json,
    mark: Mark,
    co_owners: Vec<String>,
}

/// The facts that are known before single objects are looked at.
struct Seen {
    listed: Listed,
    /// The namespaces that are being deleted.
    leaving: Leaving,
}

/// Answers each request.
pub(crate) async fn observe(session: &Session, requests: &[ObserveRequest]) -> Result<Vec<Observed>, ProviderError> {
    for request in requests {
        let recorded = request.recorded.as_ref().map(|recorded| &recorded.inputs);
        recorded
            .into_iter()
            .chain(&request.inputs)
            .for_each(|inputs| session.learn_secrets(inputs));
    }
    let ids: Vec<Option<ObjectId>> = requests.iter().map(id_of).collect();
    let seen = Seen {
        listed: list_groups(session, requests, &ids).await?,
        leaving: leaving::namespaces(session, ids.iter().flatten()).await?,
    };
    let seen = &seen;
    let questions = || requests.iter().zip(&ids);
    let answers: Vec<Option<Observed>> = questions()
        .map(|(request, id)| without_look(session, request, id.as_ref(), seen))
        .collect();
    // In a stack in which nobody changed anything, these are few.
    let open = questions().zip(&answers).filter(|(_, answer)| answer.is_none());
    let looks = open.filter_map(|((request, id), _)| Some(answer(session, request, id.as_ref()?, seen).boxed()));
    let mut looks = in_parallel(looks).await?.into_iter();
    let unknown = || Observed::Unknown("it was not looked at".to_owned());
    let answers = answers.into_iter();
    Ok(answers
        .map(|answer| answer.or_else(|| looks.next()).unwrap_or_else(unknown))
        .collect())
}

/// Returns the answer to a request if it needs no look at the object itself.
fn without_look(session: &Session, request: &ObserveRequest, id: Option<&ObjectId>, seen: &Seen) -> Option<Observed> {
    let Some(id) = id else {
        return Some(Observed::Unknown(format!(
            "{:?} is no name of a Kubernetes object",
            request.identity
        )));
    };
    let listed = seen.listed.get(id)?;
    let memory = memory_of(request);
    let Some(item) = listed else {
        return Some(absent(request, id, &memory));
    };
    let live = unmoved(session, request, item, &memory)?;
    let leaving = seen.leaving.of(&item.metadata);
    Some(Observed::Present(Live { leaving, ..live }))
}

fn memory_of(request: &ObserveRequest) -> Memory {
    let recorded = request.recorded.as_ref();
    recorded
        .map(|recorded| Memory::read(&recorded.private))
        .unwrap_or_default()
}

async fn answer(
    session: &Session,
    request: &ObserveRequest,
    id: &ObjectId,
    seen: &Seen,
) -> Result<Observed, ProviderError> {
    match one(session, request, id, seen).await {
        Err(error) if !error.is_global() => Ok(Observed::Unknown(error.to_string())),
        other => other.map_err(ProviderError::from),
    }
}

/// The object that a request is about, under the version that is declared, or else recorded.
fn id_of(request: &ObserveRequest) -> Option<ObjectId> {
    let declared = request.inputs.as_ref().and_then(|inputs| ObjectId::of(inputs).ok());
    let recorded = || recorded_id(request.recorded.as_ref()?).ok();
    declared
        .or_else(recorded)
        .or_else(|| ObjectId::from_identity(&request.identity))
}

/// Lists the metadata of every kind of which several objects in a namespace are asked for.
async fn list_groups(
    session: &Session,
    requests: &[ObserveRequest],
    ids: &[Option<ObjectId>],
) -> Result<Listed, ProviderError> {
    let mut groups: BTreeMap<(String, String, Option<String>), Vec<Wanted<'_>>> = BTreeMap::new();
    for (request, id) in requests.iter().zip(ids) {
        if let (false, Some(id)) = (request.full, id) {
            let group = (id.api_version(), id.kind.clone(), id.namespace.clone());
            let version = memory_of(request).resource_version;
            groups.entry(group).or_default().push(Wanted { id, version });
        }
    }
    let several = groups.into_values().filter(|ids| ids.len() > 1);
    let lists = in_parallel(several.map(|ids| list_group(session, ids).boxed())).await?;
    Ok(lists.into_iter().flatten().collect())
}

/// One of the objects that a list is read for.
struct Wanted<'a> {
    id: &'a ObjectId,
    /// The version that our last apply led to.
    version: Option<String>,
}

async fn list_group(
    session: &Session,
    wanted: Vec<Wanted<'_>>,
) -> Result<Vec<(ObjectId, Option<Arc<Item>>)>, CallError> {
    let absent = || wanted.iter().map(|wanted| (wanted.id.clone(), None)).collect();
    let Some(first) = wanted.first().map(|wanted| wanted.id) else {
        return Ok(Vec::new());
    };
    let versions: HashMap<&str, Option<&str>> = wanted
        .iter()
        .map(|wanted| (wanted.id.name.as_str(), wanted.version.as_deref()))
        .collect();
    let kind = match session.discovery.find_any(&session.connection, first).await? {
        Some(kind) => kind,
        None => return Ok(absent()),
    };
    let list = Call::list_metadata(kind.list_path(kind.namespace(first)));
    let items = match session.list_each(list, |item| slim(session, item, &versions)).await {
        Ok(items) => items,
        // Without the right to list, each object is asked for by its name.
        Err(error) if error.code() == Some(403) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let by_name: HashMap<String, Arc<Item>> = items
        .into_iter()
        .filter_map(|item| {
            let name = item.metadata.pointer("/metadata/name")?.as_str()?.to_owned();
            Some((name, Arc::new(item)))
        })
        .collect();
    Ok(wanted
        .into_iter()
        .map(|wanted| (wanted.id.clone(), by_name.get(&wanted.id.name).cloned()))
        .collect())
}

/// Keeps the needed part of a listed object's metadata: nothing of others' objects, and only the version of one that nobody
/// has written since.
fn slim(session: &Session, mut item: Json, versions: &HashMap<&str, Option<&str>>) -> Option<Item> {
    let version = versions.get(item.pointer("/metadata/name")?.as_str()?)?;
    let mark = session.mark_of(&item);
    let co_owners = managed::formers(&item, &session.manager);
    let metadata = item.get_mut("metadata")?.as_object_mut()?;
    let same = version.is_some() && metadata.get("resourceVersion").and_then(Json::as_str) == *version;
    if same && !metadata.contains_key("deletionTimestamp") {
        metadata.retain(|field, _| matches!(field.as_str(), "name" | "namespace" | "uid" | "resourceVersion"));
    }
    Some(Item {
        metadata: item,
        mark,
        co_owners,
    })
}

async fn one(session: &Session, request: &ObserveRequest, id: &ObjectId, seen: &Seen) -> Result<Observed, CallError> {
    let memory = memory_of(request);
    match session.read(id).await? {
        Some(object) => {
            let live = look(session, request, &object, &memory).await?;
            let leaving = seen.leaving.of(&object);
            Ok(Observed::Present(Live { leaving, ..live }))
        }
        None => Ok(absent(request, id, &memory)),
    }
}

/// A Job that did its work may be gone: its time to live was over.
fn absent(request: &ObserveRequest, id: &ObjectId, memory: &Memory) -> Observed {
    let ready = request.recorded.as_ref().is_some_and(|recorded| recorded.ready);
    match id.type_name() == "batch/Job" && (memory.completed || ready) {
        true => Observed::Finished,
        false => Observed::Absent,
    }
}

/// The object, if its metadata tell that it is just as our last apply left it, and it was ready then.
fn unmoved(session: &Session, request: &ObserveRequest, item: &Item, memory: &Memory) -> Option<Live> {
    let recorded = request.recorded.as_ref()?;
    let same = recorded.ready && drift::is_untouched(session, recorded, &item.metadata, memory);
    same.then(|| Live {
        uid: recorded.uid.clone(),
        mark: item.mark.clone(),
        // Not read: what is recorded still holds.
        outputs: Value::Null,
        drift: Vec::new(),
        ignored: Vec::new(),
        readiness: Readiness::Ready,
        leaving: None,
        co_owners: item.co_owners.clone(),
        writes: BTreeMap::new(),
    })
}

/// The object, read in full.
async fn look(session: &Session, request: &ObserveRequest, object: &Json, memory: &Memory) -> Result<Live, CallError> {
    let recorded = request.recorded.as_ref();
    // Nobody gave it an address while it was waited for: that is not waited for again.
    let unserved = recorded.is_some_and(|recorded| recorded.ready);
    let related = related::of(session, object, unserved).await?;
    let same_object = recorded.filter(|recorded| recorded.uid.is_some() && recorded.uid == uid(object));
    let trees = recorded
        .map(|recorded| &recorded.inputs)
        .into_iter()
        .chain(&request.inputs);
    let secrets = Secrets::of(trees);
    let drift = match same_object {
        // An object that is being deleted is as good as gone, whatever it looks like.
        _ if leaving::is_leaving(object) => Vec::new(),
        Some(recorded) if !drift::is_untouched(session, recorded, object, memory) => {
            let changes = drift::of(session, recorded, object, memory).await?;
            conceal_changes(changes, &recorded.inputs, &secrets)
        }
        _ => Vec::new(),
    };
    let (drift, ignored) = match same_object {
        Some(recorded) => ignored::apart(request, drift, &recorded.inputs),
        None if leaving::is_leaving(object) => (drift, Vec::new()),
        None => {
            let inputs = request.inputs.as_ref().unwrap_or(&Value::Null);
            let found = ignored::of_another(request, inputs, object);
            (
                drift,
                ignored::as_declared(conceal_changes(found, inputs, &secrets), inputs),
            )
        }
    };
    let writes = match drift.is_empty() {
        true => BTreeMap::new(),
        false => managed::writes(object),
    };
    Ok(Live {
        uid: uid(object),
        mark: session.mark_of(object),
        outputs: outputs::of_object(object, &secrets, &Hasher::new(&session.key, recorded)),
        drift,
        ignored,
        readiness: readiness::of(object, &related),
        leaving: None,
        co_owners: managed::formers(object, &session.manager),
        writes,
    })
}

/// Marks what is secret on one side as secret on both.
pub(crate) fn conceal_changes(changes: Vec<FieldChange>, inputs: &Value, secrets: &Secrets) -> Vec<FieldChange> {
    let holds_secrets = object::is_secret(inputs);
    let data = FieldPath::fields(["data"]);
    let hide = |of_data: bool, value: Option<Value>| {
        let value = value.map(|value| secrets.conceal(value));
        match holds_secrets && of_data {
            true => value.map(outputs::conceal),
            false => value,
        }
    };
    let concealed = changes.into_iter().map(|mut change| {
        let of_data = change.path.starts_with(&data);
        for side in [&mut change.before, &mut change.after] {
            let hidden = hide(of_data, side.take());
            *side = hidden.map(|value| exported::conceal_copies_at(&change.path, value));
        }
        iac_core::value::Secrets::default().conceal_change(&mut change);
        change
    });
    concealed.collect()
}
