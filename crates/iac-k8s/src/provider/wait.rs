//! Waits until an object is ready, says how far it is, and stops as soon as it can no longer become so.

use std::collections::BTreeMap;
use std::time::Duration;

use iac_core::provider::{Applied, Context, ErrorKind, ProviderError, Readiness, Recorded, WaitRequest};
use serde_json::Value as Json;
use tokio::time::Instant;

use super::call::{Call, CallError};
use super::delete::recorded_id;
use super::inspect::{self, Patience, Settling};
use super::session::{Fresh, Memory, Session, uid};
use super::watch::Ear;
use super::{pods, related};
use crate::content::Hasher;
use crate::object::ObjectId;
use crate::outputs::{self, Secrets};
use crate::readiness;

/// The pause between two looks at an object.
const PAUSE: Duration = Duration::from_millis(500);

/// The pause between two looks where a watch tells of each change: pods are asked why it takes so long.
const AWAKE: Duration = Duration::from_secs(2);

/// The time for which an object is looked at as often as that.
const EAGER: Duration = Duration::from_secs(15);

/// The time for which an address is waited for that nobody in the cluster seems to give. Controllers show themselves
/// sooner.
const UNSERVED: Duration = Duration::from_secs(15);

/// The time for which a server that does not answer is waited for before the wait is given up.
const OUTAGE: Duration = Duration::from_secs(60);

/// Waits.
pub(crate) async fn wait_ready(
    session: &Session,
    request: &WaitRequest,
    cx: &Context,
) -> Result<Applied, ProviderError> {
    let recorded = &request.recorded;
    let seen = match recorded.uid.as_deref().and_then(|uid| session.take_applied(uid)) {
        Some(Fresh::Ready) => {
            return Ok(Applied {
                uid: recorded.uid.clone(),
                ..Applied::default()
            });
        }
        Some(Fresh::Object(_, object)) => Some(object),
        None => None,
    };
    let _counted = session.count_wait();
    let id = recorded_id(recorded)?;
    session.learn_secrets(&recorded.inputs);
    let mut wait = Wait {
        session,
        request,
        cx,
        id,
        deadline: Instant::now() + request.timeout,
        began: Instant::now(),
        answered: Instant::now(),
        patience: Patience::default(),
        settling: Settling::default(),
        unserved: false,
        seen,
        time_decides: false,
        said: String::new(),
    };
    if let Some(applied) = wait.look().await? {
        return Ok(applied);
    }
    let ear = match session.discovery.find_any(&session.connection, &wait.id).await {
        Ok(Some(kind)) => session.ear(&kind, &wait.id),
        _ => Ear::new(&wait.id.name),
    };
    let mut pause = Duration::from_millis(100);
    loop {
        let heard = if wait.time_decides { pause } else { AWAKE.max(pause) };
        ear.wait(pause, heard).await;
        if let Some(applied) = wait.look().await? {
            return Ok(applied);
        }
        let longest = if wait.began.elapsed() < EAGER { PAUSE } else { PAUSE * 2 };
        pause = (pause * 2).min(longest);
    }
}

/// One wait under way.
struct Wait<'a> {
    session: &'a Session,
    request: &'a WaitRequest,
    cx: &'a Context,
    id: ObjectId,
    began: Instant,
    deadline: Instant,
    /// When the server last answered.
    answered: Instant,
    patience: Patience,
    settling: Settling,
    /// True if nobody gives it the address that it lacks.
    unserved: bool,
    /// The object as its apply left it, for the first look.
    seen: Option<Json>,
    /// True if it has only to stay as it is for a while.
    time_decides: bool,
    /// The last message.
    said: String,
}

impl Wait<'_> {
    /// One look: done, not yet, or never.
    async fn look(&mut self) -> Result<Option<Applied>, ProviderError> {
        let recorded = &self.request.recorded;
        let object = match self.read().await {
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
        self.unserved = self.unserved || self.is_unserved(&object).await;
        let related = related::of(self.session, &object, self.unserved).await?;
        self.time_decides = false;
        let why = match readiness::of(&object, &related) {
            Readiness::Ready => match self.ready(&object).await? {
                Ok(applied) => return Ok(Some(applied)),
                Err(why) => {
                    self.time_decides = true;
                    why
                }
            },
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

    async fn read(&mut self) -> Result<Option<Json>, CallError> {
        match self.seen.take() {
            Some(object) => Ok(Some(object)),
            None => self.session.read(&self.id).await,
        }
    }

    /// Returns the facts of the object now that its rule calls it ready, or the thing that it has yet to show.
    async fn ready(&mut self, object: &Json) -> Result<Result<Applied, String>, ProviderError> {
        let recorded = &self.request.recorded;
        if self.request.needed && readiness::is_suspended_job(object) {
            let message = format!("{}: it is suspended, and others wait until it has completed", self.id);
            let hint = "resume it (spec.suspend: false, spec.parallelism above 0), or let the others not depend on its completion";
            return Err(ProviderError::new(ErrorKind::Failed, message).with_hint(hint));
        }
        let pods = pods::of(self.session, object).await?;
        if let Some(why) = self.settling.holds(object, &pods) {
            return Ok(Err(why));
        }
        if self.unserved && readiness::lacks_address(object) {
            let note = "it has no address: nothing in the cluster gives it one, so that is not waited for any longer";
            self.cx.note(&recorded.key, note);
        }
        Ok(Ok(applied(self.session, recorded, object, inspect::images(&pods))))
    }

    /// True if it lacks an address that nobody gives it, and that nothing else needs.
    async fn is_unserved(&self, object: &Json) -> bool {
        !self.request.needed
            && readiness::lacks_address(object)
            && self.began.elapsed() >= UNSERVED
            && !related::is_served(self.session, object).await
    }

    fn say(&mut self, message: String) {
        if message != self.said {
            self.cx
                .progress(&self.request.recorded.key, self.session.redact(&message));
            self.said = message;
        }
    }

    async fn failure(&self, object: &Json, kind: ErrorKind, why: &str) -> ProviderError {
        let report = inspect::report(self.session, object, &self.patience).await;
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

/// Returns the facts of a Job that completed and is gone.
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
fn applied(session: &Session, recorded: &Recorded, object: &Json, images: BTreeMap<String, String>) -> Applied {
    let memory = Memory {
        completed: object["kind"] == "Job",
        images,
        ..Memory::read(&recorded.private)
    };
    Applied {
        uid: uid(object),
        outputs: outputs::of_object(
            object,
            &Secrets::of([&recorded.inputs]),
            &Hasher::new(&session.key, Some(recorded)),
        ),
        private: memory.write(),
    }
}
