//! Waits until an object is ready, says how far it is, and stops as soon as it can no longer become so.

use std::collections::BTreeMap;
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
    session.learn_secrets(&recorded.inputs);
    let mut wait = Wait {
        session,
        request,
        cx,
        id,
        deadline: Instant::now() + request.timeout,
        answered: Instant::now(),
        patience: Patience::default(),
        said: String::new(),
    };
    let mut pause = Duration::from_millis(100);
    loop {
        if let Some(applied) = wait.look().await? {
            return Ok(applied);
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE);
    }
}

/// One wait under way.
struct Wait<'a> {
    session: &'a Session,
    request: &'a WaitRequest,
    cx: &'a Context,
    id: ObjectId,
    deadline: Instant,
    /// When the server last answered.
    answered: Instant,
    patience: Patience,
    /// What was said last.
    said: String,
}

impl Wait<'_> {
    /// One look: done, not yet, or never.
    async fn look(&mut self) -> Result<Option<Applied>, ProviderError> {
        let recorded = &self.request.recorded;
        let object = match self.session.read(&self.id).await {
            Ok(object) => object,
            Err(error) if error.may_pass() && self.answered.elapsed() < OUTAGE && Instant::now() < self.deadline => {
                self.say(error.to_string());
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        self.answered = Instant::now();
        if object.is_none() && has_completed(self.session, recorded, &self.id).await? {
            return Ok(Some(finished(recorded)));
        }
        let object = present(recorded, &self.id, object)?;
        let why = match judge(self.session, &object).await? {
            Readiness::Ready => {
                let images = inspect::images(self.session, &object).await?;
                return Ok(Some(applied(recorded, &object, images)));
            }
            Readiness::Failed { reason, terminal: true } | Readiness::Spent(reason) => {
                return Err(self.failure(&object, ErrorKind::Failed, &reason).await);
            }
            Readiness::Failed { reason, .. } | Readiness::Pending(reason) => reason,
        };
        if let Some(cause) = self.patience.run_out(self.session, &object).await? {
            return Err(self.failure(&object, ErrorKind::Failed, &cause).await);
        }
        if Instant::now() >= self.deadline {
            let why = format!("not ready after {} s: {why}", self.request.timeout.as_secs());
            return Err(self.failure(&object, ErrorKind::Timeout, &why).await);
        }
        self.say(self.patience.explain(why));
        Ok(None)
    }

    fn say(&mut self, message: String) {
        if message != self.said {
            self.cx
                .progress(&self.request.recorded.key, self.session.redact(&message));
            self.said = message;
        }
    }

    async fn failure(&self, object: &Json, kind: ErrorKind, why: &str) -> ProviderError {
        let report = inspect::report(self.session, object).await;
        let message = format!("{}: {why}", self.id);
        let news = report.lines.iter().filter(|line| !message.contains(line.as_str()));
        let news: Vec<String> = news.map(|line| self.session.redact(line)).collect();
        let error = ProviderError::new(kind, self.session.redact(&message)).with_details(news);
        match report.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
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
fn applied(recorded: &Recorded, object: &Json, images: BTreeMap<String, String>) -> Applied {
    let memory = Memory {
        completed: object["kind"] == "Job",
        images,
        ..Memory::read(&recorded.private)
    };
    Applied {
        uid: uid(object),
        outputs: Secrets::of([&recorded.inputs]).conceal(outputs::of_object(object)),
        private: memory.write(),
    }
}
