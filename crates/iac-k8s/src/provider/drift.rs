//! Whether an object still is as we applied it.
//!
//! Metadata tell of most objects that nobody wrote them since our last apply. Of any other the server is asked: it tries
//! the same apply again without doing it, and what comes of that is compared with what is there. So it is the server's
//! schema that decides which lists and maps are ours as a whole and which elements of a list are the same, and the
//! answer is the one of `kubectl diff --server-side`. Where the server gives none (no right to change the object, a webhook
//! that cannot be tried), the owners of the fields decide.

use std::time::Duration;

use iac_core::Value;
use iac_core::provider::Recorded;
use iac_core::value::diff::FieldChange;
use serde_json::Value as Json;
use tokio::time::Instant;

use super::call::{Call, CallError};
use super::session::{Memory, Session, uid};
use crate::kinds;
use crate::managed;
use crate::object::{self, ObjectId};

/// The time for which a server that says "not now" is asked again.
const PATIENCE: Duration = Duration::from_secs(5);

/// The number of looks at an object that somebody writes all the time.
const LOOKS: usize = 4;

/// True if its metadata tell that nobody has written the object since our last apply, as far as that could matter.
pub(super) fn is_untouched(session: &Session, recorded: &Recorded, metadata: &Json, memory: &Memory) -> bool {
    let text = |pointer: &str| metadata.pointer(pointer).and_then(Json::as_str);
    if recorded.uid.is_none() || uid(metadata) != recorded.uid {
        return false;
    }
    let version = memory.resource_version.as_deref();
    if version.is_some() && version == text("/metadata/resourceVersion") {
        return true;
    }
    let generation = metadata.pointer("/metadata/generation").and_then(Json::as_i64);
    let same_fields = memory.managed.is_some() && managed::fingerprint(metadata, &session.manager) == memory.managed;
    if !same_fields || generation != memory.generation {
        return false;
    }
    // A record of before resource versions were remembered tells no more.
    let tells = match version {
        // Such a record's nulls were not sent either.
        None => !has_null(&recorded.inputs),
        Some(_) => counts_generations(recorded),
    };
    tells && has_our_metadata(&recorded.inputs, metadata)
}

fn has_null(inputs: &Value) -> bool {
    let mut found = false;
    inputs.walk(&mut |_, leaf| found |= *leaf == Value::Null);
    found
}

/// True if the object's kind counts each change of anything but metadata and status.
fn counts_generations(recorded: &Recorded) -> bool {
    ObjectId::of(&recorded.inputs).is_ok_and(|id| kinds::counts_generations(&id.group, &id.kind))
}

/// True if the metadata that we applied are still there: no generation counts those.
fn has_our_metadata(inputs: &Value, live: &Json) -> bool {
    let Some(Value::Object(ours)) = object::desired(inputs, false).get("metadata").cloned() else {
        return true;
    };
    ours.iter().all(|(field, ours)| {
        let live = &live["metadata"][field];
        match ours {
            Value::Object(map) => map
                .iter()
                .all(|(key, value)| value.expose().is_ok_and(|value| value.is_null() || live[key] == value)),
            Value::Array(_) => ours.expose().is_ok_and(|ours| ours == *live),
            _ => true,
        }
    })
}

/// The changes from what we applied to what is there, with who made them; `live` is what was read.
pub(super) async fn of(
    session: &Session,
    recorded: &Recorded,
    live: &Json,
    memory: &Memory,
) -> Result<Vec<FieldChange>, CallError> {
    let applied = object::desired(&recorded.inputs, memory.scaled);
    let Ok(body) = applied.expose() else {
        return Ok(Vec::new());
    };
    let tried = tried(session, recorded, live, &body).await?;
    Ok(tried.unwrap_or_else(|| managed::drift(&body, live, &session.manager)))
}

/// Returns the changes that an apply of the same would make, read backwards; `None` if the server does not tell.
async fn tried(
    session: &Session,
    recorded: &Recorded,
    live: &Json,
    body: &Json,
) -> Result<Option<Vec<FieldChange>>, CallError> {
    let Ok(id) = ObjectId::of(&recorded.inputs) else {
        return Ok(None);
    };
    let Some(kind) = session.discovery.find(&session.connection, &id).await? else {
        return Ok(None);
    };
    let mut body = body.clone();
    body["metadata"]["uid"] = live["metadata"]["uid"].clone();
    let trial = Call::apply(kind.path(&id), &session.manager, &body)
        .with("dryRun", "All")
        .with("force", "true");
    let mut live = live.clone();
    for _ in 0..LOOKS {
        let deadline = Instant::now() + PATIENCE;
        let result = match session.connection.call_patiently(&trial, deadline, &|_| ()).await {
            Ok(answer) => answer.body,
            Err(error) if error.is_global() => return Err(error),
            Err(_) => return Ok(None),
        };
        let version = |object: &Json| object["metadata"]["resourceVersion"].clone();
        let same_version = live["apiVersion"] == result["apiVersion"];
        if same_version && version(&live) == version(&result) {
            return Ok(Some(managed::changes(&result, &live, &live, &session.manager)));
        }
        // Somebody wrote it between the two looks, or it was read in another version.
        match session.get(Call::get(kind.path(&id))).await? {
            Some(now) => live = now,
            None => return Ok(None),
        }
    }
    Ok(None)
}
