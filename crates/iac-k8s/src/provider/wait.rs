//! Waits until an object is ready, says how far it is, and stops as soon as it can no longer become so.

use std::time::Duration;

use iac_core::provider::{Applied, Context, ErrorKind, ProviderError, Readiness, Recorded, WaitRequest};
use serde_json::Value as Json;
use tokio::time::{Instant, sleep};

use super::call::{Call, CallError};
use super::delete::recorded_id;
use super::inspect::{self, Patience};
use super::related;
use super::session::{Memory, Session, uid};
use crate::object::ObjectId;
use crate::outputs::{self, Secrets};
use crate::readiness;

/// The pause between two looks at an object.
const PAUSE: Duration = Duration::from_millis(500);

/// How long a server that does not answer is waited for before the wait is given up.
const OUTAGE: Duration = Duration::from_secs(60);

/// Waits.
pub(crate) async fn wait_ready(
    session: &Session,
    request: &WaitRequest,
    cx: &Context,
) -> Result<Applied, ProviderError> {
    let recorded = &request.recorded;
    let id = recorded_id(recorded)?;
    let deadline = Instant::now() + request.timeout;
    let mut patience = Patience::default();
    let mut said = String::new();
    let mut pause = Duration::from_millis(100);
    let mut answered = Instant::now();
    loop {
        let object = match session.read(&id).await {
            Ok(object) => object,
            Err(error) if error.may_pass() && answered.elapsed() < OUTAGE && Instant::now() < deadline => {
                cx.progress(&recorded.key, error.to_string());
                sleep(PAUSE).await;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        answered = Instant::now();
        if object.is_none() && has_completed(session, recorded, &id).await? {
            return Ok(finished(recorded));
        }
        let object = present(recorded, &id, object)?;
        let why = match judge(session, &object).await? {
            Readiness::Ready => return Ok(applied(recorded, &object)),
            Readiness::Failed { reason, terminal: true } => {
                return Err(failure(session, &object, ErrorKind::Failed, format!("{id}: {reason}")).await);
            }
            Readiness::Failed { reason, .. } | Readiness::Pending(reason) => reason,
        };
        if let Some(cause) = patience.run_out(session, &object).await? {
            return Err(failure(session, &object, ErrorKind::Failed, format!("{id}: {cause}")).await);
        }
        if Instant::now() >= deadline {
            let seconds = request.timeout.as_secs();
            let message = format!("{id} is not ready after {seconds} s: {why}");
            return Err(failure(session, &object, ErrorKind::Timeout, message).await);
        }
        let message = patience.explain(why);
        if message != said {
            cx.progress(&recorded.key, message.clone());
            said = message;
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE);
    }
}

/// Whether a Job that is no longer there did its work and was cleaned up after its time to live.
async fn has_completed(session: &Session, recorded: &Recorded, id: &ObjectId) -> Result<bool, CallError> {
    let lives_shortly = recorded.inputs.pointer("/spec/ttlSecondsAfterFinished").is_some();
    let (true, "batch/Job", Some(uid), Some(namespace)) =
        (lives_shortly, id.type_name().as_str(), &recorded.uid, &id.namespace)
    else {
        return Ok(false);
    };
    let selector = format!("involvedObject.uid={uid},reason=Completed");
    let path = format!("/api/v1/namespaces/{namespace}/events");
    let events = session.list(Call::get(path).with("fieldSelector", selector)).await?;
    Ok(!events.is_empty())
}

/// What is left of a Job that completed and is gone.
fn finished(recorded: &Recorded) -> Applied {
    let memory = Memory {
        completed: true,
        ..Memory::read(&recorded.private)
    };
    Applied {
        uid: recorded.uid.clone(),
        outputs: recorded.outputs.clone(),
        private: memory.write(),
    }
}

async fn judge(session: &Session, object: &Json) -> Result<Readiness, CallError> {
    let related = related::of(session, object).await?;
    Ok(readiness::of(object, &related))
}

/// The object that was applied, not another one of its name.
fn present(recorded: &Recorded, id: &ObjectId, object: Option<Json>) -> Result<Json, ProviderError> {
    let gone = |message: String| {
        ProviderError::new(ErrorKind::NotFound, message).with_hint("run it again: it will be made anew")
    };
    let Some(object) = object else {
        return Err(gone(format!("{id} was deleted while it was waited for")));
    };
    if recorded.uid.is_some() && recorded.uid != uid(&object) {
        return Err(gone(format!(
            "{id} was replaced by another object while it was waited for"
        )));
    }
    Ok(object)
}

/// The outputs as they are now. What is remembered is what our own apply returned, or a change by somebody else in the
/// meantime would be taken for ours.
fn applied(recorded: &Recorded, object: &Json) -> Applied {
    let mut memory = Memory::read(&recorded.private);
    memory.completed = object["kind"] == "Job";
    Applied {
        uid: uid(object),
        outputs: Secrets::of([&recorded.inputs]).conceal(outputs::of_object(object)),
        private: memory.write(),
    }
}

async fn failure(session: &Session, object: &Json, kind: ErrorKind, message: String) -> ProviderError {
    let report = inspect::report(session, object).await;
    let news = report.lines.into_iter().filter(|line| !message.contains(line.as_str()));
    let news: Vec<String> = news.collect();
    let error = ProviderError::new(kind, message).with_details(news);
    match report.hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}
