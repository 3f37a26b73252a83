//! Creates, changes and takes over objects by server-side apply.
//!
//! An apply makes an object or joins one that is there, so where a creation was planned it carries a version that no object
//! has: the server makes a new one, and refuses to join any. A change carries the UID of the object it is meant for.
//! Fields that we applied before and somebody else changed are taken back; fields that were never ours are not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use iac_core::Key;
use iac_core::provider::{Applied, ApplyRequest, Context, ErrorKind, Intent, Mark, Problem, ProviderError, adopt_hint};
use iac_core::value::{FieldPath, Value};
use serde_json::{Value as Json, json};
use tokio::time::{Instant, sleep};

use super::call::{Answer, Call, CallError, Cause, Refusal};
use super::delete;
use super::discovery::ApiKind;
use super::ignored;
use super::leaving::is_leaving;
use super::session::{Memory, Session, uid};
use super::unknown::{never_came, unknown_kind};
use crate::awaited::is_awaited;
use crate::content::Hasher;
use crate::declared::Declared;
use crate::dropped;
use crate::fields;
use crate::managed;
use crate::object::{self, ObjectId};
use crate::outputs::{self, Secrets};
use crate::stateful;

/// The time for which a server that says "not now" is asked again.
const PATIENCE: Duration = Duration::from_secs(120);

/// The version of no object: an apply that carries it makes a new one or fails. Versions are 64-bit numbers, counted from
/// one.
const OF_NO_OBJECT: &str = "9223372036854775807";

/// The time in which a kind that was just defined has to be served.
const KIND_PATIENCE: Duration = Duration::from_secs(30);

/// Applies one object.
pub(crate) async fn apply(
    session: &Session,
    declared: &Declared,
    request: &ApplyRequest,
    cx: &Context,
) -> Result<Applied, ProviderError> {
    let id = ObjectId::of(&request.inputs).map_err(invalid)?;
    session.learn_secrets(&request.inputs);
    let deadline = Instant::now() + request.timeout;
    let kind = match is_awaited(&request.inputs) {
        true => awaited_kind(session, &id, deadline, &|message| cx.progress(&request.key, message)).await?,
        false => served_kind(session, &id, deadline.min(Instant::now() + KIND_PATIENCE)).await?,
    };
    let scaled = declared.is_scaled(&id);
    let inputs = object::desired(&request.inputs, scaled);
    let mut body = inputs.expose().map_err(|path| {
        let message = format!("{path} is not known yet, though everything that comes before was applied");
        ProviderError::new(ErrorKind::Internal, message)
    })?;
    managed::identify(&mut body, &session.id);
    let recorded = request.recorded.iter().map(|recorded| &recorded.inputs);
    let secrets = Secrets::of(std::iter::once(&inputs).chain(recorded));
    let application = Application {
        session,
        request,
        cx,
        id,
        kind,
        body,
        scaled,
        deadline,
        secrets,
    };
    let result = match request.intent {
        Intent::Create | Intent::Replace => application.create().await,
        Intent::Update => application.update().await,
        Intent::Adopt => application.adopt().await,
    };
    result.map_err(|error| application.redacted(error))
}

fn invalid(problem: Problem) -> ProviderError {
    let error = ProviderError::new(ErrorKind::Invalid, problem.message);
    match problem.hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// The kind, waited for: a definition that is established may not be served for a moment yet.
async fn served_kind(session: &Session, id: &ObjectId, deadline: Instant) -> Result<ApiKind, ProviderError> {
    loop {
        match session.discovery.find(&session.connection, id).await {
            Ok(Some(kind)) => return Ok(kind),
            Ok(None) if Instant::now() >= deadline => return Err(unknown_kind(id)),
            Err(error) if !error.may_pass() || Instant::now() >= deadline => return Err(error.into()),
            _ => sleep(Duration::from_millis(500)).await,
        }
    }
}

/// The kind that something else is to make meanwhile.
async fn awaited_kind(
    session: &Session,
    id: &ObjectId,
    deadline: Instant,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<ApiKind, ProviderError> {
    if let Ok(Some(kind)) = session.discovery.find(&session.connection, id).await {
        return Ok(kind);
    }
    tell(&format!(
        "waiting until the server has the kind {} in {}",
        id.kind,
        id.api_version()
    ));
    match served_kind(session, id, deadline).await {
        Err(error) if error.kind == ErrorKind::NotFound => Err(never_came(id)),
        answer => answer,
    }
}

/// One application under way.
pub(super) struct Application<'a> {
    pub(super) session: &'a Session,
    pub(super) request: &'a ApplyRequest,
    pub(super) cx: &'a Context,
    pub(super) id: ObjectId,
    pub(super) kind: ApiKind,
    pub(super) body: Json,
    scaled: bool,
    pub(super) deadline: Instant,
    secrets: Secrets,
}

impl Application<'_> {
    async fn create(&self) -> Result<Applied, ProviderError> {
        // Before one of its kind is made there is more to do, for which it has to be known that there is none.
        if self.id.type_name() != "apps/StatefulSet" {
            match self.send_new().await {
                Err(CallError::Refused(refusal)) if refusal.code == 409 => {}
                answer => return self.made(&answer?, false).await,
            }
        }
        self.create_with_care().await
    }

    /// Sends what only makes a new object.
    async fn send_new(&self) -> Result<Answer, CallError> {
        let mut body = self.body.clone();
        body["metadata"]["resourceVersion"] = OF_NO_OBJECT.into();
        let call = Call::apply(self.kind.path(&self.id), &self.session.manager, &body).with("force", "false");
        let again = |error: &CallError| {
            let again = error.may_pass() && error.code() != Some(409);
            if again {
                self.tell_retry(error);
            }
            again
        };
        let deadline = self.deadline.min(Instant::now() + PATIENCE);
        self.session.connection.call_while(&call, deadline, &again).await
    }

    /// Creates where something has the object's name, or may have it: what a run of ours left that was interrupted, or what
    /// is still being deleted.
    async fn create_with_care(&self) -> Result<Applied, ProviderError> {
        if let Some(object) = self.settled().await? {
            // An interrupted run of ours made it; what follows is the same as for a change.
            let mark = self.session.mark_of(&object);
            if mark.is_ours() {
                let answer = self.send(&self.body, false).await?;
                return self.with_replicas(&answer).await;
            }
            return Err(self.taken(&mark));
        }
        if self.id.type_name() == "apps/StatefulSet" {
            // An earlier one of its name may have left smaller ones, and it would use them as they are.
            self.grow_claims(&stateful::sizes(&self.body)).await?;
        }
        let interrupted = AtomicBool::new(false);
        let answer = self.send_noting(&self.body, false, &interrupted).await?;
        self.made(&answer, interrupted.load(Ordering::Relaxed)).await
    }

    /// Takes in what came of a creation. Where an attempt before failed without an answer, that one may have made it; or,
    /// since the look at it, the last call of a run that was killed.
    async fn made(&self, answer: &Answer, interrupted: bool) -> Result<Applied, ProviderError> {
        if !answer.created && !interrupted && !managed::is_alone(&answer.body, &self.session.manager) {
            self.give_up().await?;
            return Err(self.taken(&Mark::Missing(String::new())));
        }
        self.with_replicas(answer).await
    }

    /// Returns the object that has the name; one that is being deleted is waited for.
    async fn settled(&self) -> Result<Option<Json>, ProviderError> {
        let there = self.session.get(Call::get_metadata(self.kind.path(&self.id))).await?;
        let Some(object) = there.as_ref().filter(|object| is_leaving(object)) else {
            return Ok(there);
        };
        self.cx
            .progress(&self.request.key, "waiting until the old object is gone");
        let uid = uid(object);
        delete::wait_gone(
            self.session,
            &self.id,
            &self.kind,
            uid.as_deref(),
            self.deadline,
            &|message| self.cx.progress(&self.request.key, message),
        )
        .await?;
        Ok(None)
    }

    async fn update(&self) -> Result<Applied, ProviderError> {
        let recorded = self.request.recorded.as_ref();
        self.check_mark(true).await?;
        if self.request.adopt {
            self.take_from_formers().await?;
        }
        self.hand_over_replicas().await?;
        let mut body = self.meant(recorded.and_then(|recorded| recorded.uid.as_deref()));
        let mut sent = self.send(&body, false).await;
        // Somebody has written fields since the plan that are to be left to others.
        if let Err(CallError::Refused(refusal)) = &sent
            && ignored::leave(&self.request.ignored, &self.request.inputs, refusal, &mut body)
        {
            sent = self.send(&body, false).await;
        }
        let answer = match sent {
            Err(CallError::Refused(refusal)) if is_another(&refusal) => return Err(self.another(&refusal)),
            Err(CallError::Refused(refusal)) if refusal.conflicts().next().is_some() => {
                let before = recorded.map_or(Value::Null, |recorded| object::desired(&recorded.inputs, false));
                if !self.request.adopt && !is_reclaim(&before, &refusal, &self.session.replicas_manager()) {
                    return Err(conflict(&refusal, &self.request.key));
                }
                // Others have written it: another stack may have taken it over.
                self.check_mark(false).await?;
                self.send(&body, true).await?
            }
            Err(CallError::Refused(refusal)) if refusal.code == 422 && self.id.type_name() == "apps/StatefulSet" => {
                return self.recreate_around_pods(refusal).await;
            }
            other => other?,
        };
        if is_leaving(&answer.body) {
            // A deletion that was interrupted goes on by itself; an object that is wanted again is recreated once it is over.
            return self.create().await;
        }
        self.finish(&answer)
    }

    async fn adopt(&self) -> Result<Applied, ProviderError> {
        self.check_mark(true).await?;
        if self.request.adopt {
            self.take_from_formers().await?;
        }
        let answer = match self.send(&self.meant(None), true).await {
            Err(CallError::Refused(refusal)) if is_another(&refusal) => return Err(self.another(&refusal)),
            other => other?,
        };
        if is_leaving(&answer.body) {
            return self.create().await;
        }
        self.with_replicas(&answer).await
    }

    /// Returns the body to send, meant for the object of this UID, or else for the one that was looked at.
    fn meant(&self, uid: Option<&str>) -> Json {
        let mut body = self.body.clone();
        if let Some(uid) = uid.or(self.request.uid.as_deref()) {
            body["metadata"]["uid"] = uid.into();
        }
        body
    }

    /// Refuses to change what does not bear our mark, unless there is more to say for it; what only hands took the mark
    /// off gets it back. `known`: having seen it with our mark when this was planned is enough.
    async fn check_mark(&self, known: bool) -> Result<(), ProviderError> {
        let uid = self
            .request
            .recorded
            .as_ref()
            .and_then(|recorded| recorded.uid.as_deref());
        let uid = uid.or(self.request.uid.as_deref());
        if known && uid.is_some_and(|uid| self.session.seen_marked(uid).is_some()) {
            return Ok(());
        }
        let Some(object) = self.session.get(Call::get_metadata(self.kind.path(&self.id))).await? else {
            return Ok(());
        };
        let mark = self.session.mark_of(&object);
        let is_update = self.request.intent == Intent::Update;
        match mark.seen() {
            Some(seen) if !(mark.yields_to(self.request.claim) || is_update && matches!(mark, Mark::Lost(_))) => {
                let message = format!(
                    "{} does not bear this stack's mark ({seen}), and stays as it is",
                    self.id
                );
                Err(ProviderError::new(ErrorKind::Precondition, message).with_hint(mark.ways_out(&self.request.key)))
            }
            _ => Ok(()),
        }
    }

    /// Makes the fields of a former manager ours, so that those which are not declared go with the apply that follows.
    async fn take_from_formers(&self) -> Result<(), CallError> {
        let path = self.kind.path(&self.id);
        loop {
            let Some(object) = self.session.get(Call::get_metadata(path.clone())).await? else {
                return Ok(());
            };
            if self.request.uid.is_some() && uid(&object) != self.request.uid {
                // Not the one that was looked at; the apply that follows says so.
                return Ok(());
            }
            let Some(managed) = managed::handed_over(&object, &self.session.manager) else {
                return Ok(());
            };
            let patch = json!([
                {"op": "replace", "path": "/metadata/managedFields", "value": managed},
                {"op": "replace", "path": "/metadata/resourceVersion", "value": object["metadata"]["resourceVersion"]},
            ]);
            let call = Call::json_patch(path.clone(), &patch);
            match self
                .session
                .connection
                .call_patiently(&call, self.deadline, &|_| ())
                .await
            {
                // Somebody wrote it meanwhile.
                Err(CallError::Refused(refusal)) if refusal.code == 409 && Instant::now() < self.deadline => {}
                other => return other.map(|_| ()),
            }
        }
    }

    pub(super) async fn send(&self, body: &Json, force: bool) -> Result<Answer, CallError> {
        self.send_noting(body, force, &AtomicBool::new(false)).await
    }

    /// Sends; `interrupted` is set when an attempt may have had an effect that we did not hear of.
    async fn send_noting(&self, body: &Json, force: bool, interrupted: &AtomicBool) -> Result<Answer, CallError> {
        let call = Call::apply(self.kind.path(&self.id), &self.session.manager, body).with("force", force.to_string());
        let deadline = self.deadline.min(Instant::now() + PATIENCE);
        let waiting = |error: &CallError| {
            interrupted.store(true, Ordering::Relaxed);
            self.tell_retry(error);
        };
        self.session.connection.call_patiently(&call, deadline, &waiting).await
    }

    fn tell_retry(&self, error: &CallError) {
        let message = self.secrets.redact(&format!("trying again: {error}"));
        self.cx.progress(&self.request.key, message);
    }

    /// Gives up every field that we own: an apply of nothing but the name.
    async fn give_up(&self) -> Result<(), CallError> {
        self.send(&self.bare(json!({})), false).await.map(|_| ())
    }

    /// Nothing but the object's name, and `spec`.
    pub(super) fn bare(&self, spec: Json) -> Json {
        let mut metadata = json!({"name": self.id.name});
        if let Some(namespace) = self.kind.namespace(&self.id) {
            metadata["namespace"] = namespace.into();
        }
        let mut body = json!({"apiVersion": self.id.api_version(), "kind": self.id.kind, "metadata": metadata});
        if spec.as_object().is_some_and(|spec| !spec.is_empty()) {
            body["spec"] = spec;
        }
        body
    }

    /// Sets the replicas of a workload that an autoscaler scales, once and under another name, so that no later apply
    /// takes them back. What the last call returned is what is remembered.
    async fn with_replicas(&self, answer: &Answer) -> Result<Applied, ProviderError> {
        let applied = self.finish(answer)?;
        let field = FieldPath::fields(["spec", "replicas"]);
        let replicas = self.request.inputs.pointer("/spec/replicas").and_then(Value::as_i64);
        let unclaimed = managed::owners(&answer.body, &field, &self.session.manager).is_empty();
        match replicas {
            Some(replicas) if self.scaled && unclaimed => match self.apply_replicas(replicas).await {
                Ok(answer) => self.finish(&answer),
                Err(error) => Err(ProviderError::from(error).with_partial(applied)),
            },
            _ => Ok(applied),
        }
    }

    /// Hands the replicas over before we stop to apply them; otherwise they would fall back to one.
    async fn hand_over_replicas(&self) -> Result<(), ProviderError> {
        let Some(recorded) = self.request.recorded.as_ref().filter(|_| self.scaled) else {
            return Ok(());
        };
        if Memory::read(&recorded.private).scaled || recorded.inputs.pointer("/spec/replicas").is_none() {
            return Ok(());
        }
        let live = self.session.get(Call::get(self.kind.path(&self.id))).await?;
        match live.and_then(|live| live.pointer("/spec/replicas").and_then(Json::as_i64)) {
            Some(replicas) => self
                .apply_replicas(replicas)
                .await
                .map(|_| ())
                .map_err(ProviderError::from),
            None => Ok(()),
        }
    }

    async fn apply_replicas(&self, replicas: i64) -> Result<Answer, CallError> {
        let body = self.bare(json!({"replicas": replicas}));
        let call = Call::apply(self.kind.path(&self.id), &self.session.replicas_manager(), &body).with("force", "true");
        let deadline = self.deadline.min(Instant::now() + PATIENCE);
        self.session.connection.call_patiently(&call, deadline, &|_| ()).await
    }

    pub(super) fn finish(&self, answer: &Answer) -> Result<Applied, ProviderError> {
        let uid = uid(&answer.body).ok_or_else(|| {
            ProviderError::new(
                ErrorKind::Internal,
                "the server's answer to the apply has no metadata.uid",
            )
        })?;
        self.session.note_applied(&uid, &answer.body);
        Ok(Applied {
            uid: Some(uid),
            outputs: outputs::of_object(
                &answer.body,
                &self.secrets,
                &Hasher::new(&self.session.key, self.request.recorded.as_ref()),
            ),
            private: Memory {
                dropped: self.dropped(&answer.body),
                ..Memory::of(&answer.body, &self.session.manager, self.scaled)
            }
            .write(),
        })
    }

    /// The fields that were dropped by this change or an earlier one, and that the object has still although nobody owns
    /// them.
    fn dropped(&self, object: &Json) -> Vec<String> {
        let recorded = self.request.recorded.as_ref();
        let Some(recorded) = recorded.filter(|_| self.request.intent == Intent::Update) else {
            return Vec::new();
        };
        let memory = Memory::read(&recorded.private);
        let before = object::desired(&recorded.inputs, self.scaled || memory.scaled);
        let (inputs, live) = (Value::from(self.body.clone()), Value::from(object.clone()));
        let there = dropped::still_there(&before, &inputs, &memory.dropped, &live).into_iter();
        let unowned = there.filter(|(path, _)| managed::others(object, path, &self.session.manager).is_empty());
        unowned.map(|(path, _)| path.to_string()).collect()
    }

    fn taken(&self, mark: &Mark) -> ProviderError {
        let message = format!("{} is there already, and {}", self.id, mark.why_not_ours());
        ProviderError::new(ErrorKind::Conflict, message).with_hint(format!(
            "{}, or give the declared one another name",
            mark.ways_out(&self.request.key)
        ))
    }

    pub(super) fn another(&self, refusal: &Refusal) -> ProviderError {
        let message = format!("{} is gone or another object meanwhile: {}", self.id, refusal.message);
        ProviderError::new(ErrorKind::Precondition, message).with_hint("preview again: it will be planned as it is now")
    }

    fn redacted(&self, mut error: ProviderError) -> ProviderError {
        error.message = self.secrets.redact(&error.message);
        for detail in &mut error.details {
            *detail = self.secrets.redact(detail);
        }
        let missing_namespace = error.kind == ErrorKind::NotFound && error.message.contains("namespaces \"");
        if missing_namespace && error.hint.is_none() {
            error.hint = Some(
                "declare the Namespace in this stack, or create it first: kubectl create namespace NAME".to_owned(),
            );
        }
        error
    }
}

/// True if the object is not the one that a change with its UID was meant for: it is gone, or another has its name.
fn is_another(refusal: &Refusal) -> bool {
    let names_uid = |cause: &Cause| cause.field == "metadata.uid";
    match refusal.code {
        409 => refusal.conflicts().next().is_none() && !refusal.is_race(),
        422 => refusal.details.causes.iter().any(names_uid),
        _ => false,
    }
}

/// True if all fields that others hold are ones that we applied before: then an apply takes back what was changed.
pub(crate) fn is_reclaim(before: &Value, refusal: &Refusal, own: &str) -> bool {
    refusal.conflicts().all(|cause| {
        let ours = cause.message.contains(&format!("\"{own}\"")) || cause.field.ends_with(managed::STACK_ID);
        ours || fields::find(before, &cause.field).1
    })
}

/// The failure of an apply that would take fields from others.
fn conflict(refusal: &Refusal, key: &Key) -> ProviderError {
    let lines = refusal
        .conflicts()
        .map(|cause| format!("{}: {}", cause.field, cause.message));
    ProviderError::new(
        ErrorKind::Conflict,
        "other field managers hold fields that are declared here",
    )
    .with_details(lines)
    .with_hint(format!("leave the field out, or {}", adopt_hint(key)))
}
