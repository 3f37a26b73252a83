//! What a change would do: the server tries it without doing it (`dryRun=All`), and what comes of that is compared with
//! what is there. Where the server can not try it, the inputs are compared, and the prediction says why.

use futures::FutureExt as _;
use iac_core::Value;
use iac_core::provider::{Checked, Intent, PredictRequest, Prediction, Problem, ProviderError};
use iac_core::value::diff::{FieldChange, diff};
use iac_core::value::{FieldPath, Map, canonical};
use serde_json::Value as Json;

use super::apply::is_reclaim;
use super::call::{Call, CallError, Refusal};
use super::discovery::ApiKind;
use super::observe::conceal_changes;
use super::session::{Memory, Session, in_parallel};
use crate::declared::Declared;
use crate::object::{self, ObjectId};
use crate::outputs::{self, Secrets};
use crate::{fields, immutable, managed, risk};

/// Answers each request.
pub(crate) async fn predict(
    session: &Session,
    declared: &Declared,
    requests: &[PredictRequest],
) -> Result<Vec<Prediction>, ProviderError> {
    in_parallel(
        requests
            .iter()
            .map(|request| one(session, declared, request).boxed())
            .collect(),
    )
    .await
}

async fn one(session: &Session, declared: &Declared, request: &PredictRequest) -> Result<Prediction, ProviderError> {
    match ObjectId::of(&request.inputs) {
        Ok(id) => Question::new(session, declared, request, id).answer().await,
        Err(problem) => Ok(Prediction {
            problems: vec![problem],
            ..Prediction::default()
        }),
    }
}

/// One prediction under way.
struct Question<'a> {
    session: &'a Session,
    declared: &'a Declared,
    request: &'a PredictRequest,
    id: ObjectId,
    /// The inputs as they would be sent.
    inputs: Value,
    /// The inputs as last sent; an empty object when there were none.
    before: Value,
    secrets: Secrets,
}

/// What the server said to a trial.
enum Trial {
    /// This would come of it.
    Accepted(Json),
    /// It says nothing about it, because of this.
    Untried(String),
    /// It refuses.
    Refused(Box<Refusal>),
}

impl<'a> Question<'a> {
    fn new(session: &'a Session, declared: &'a Declared, request: &'a PredictRequest, id: ObjectId) -> Self {
        let scaled = declared.is_scaled(&id);
        let inputs = object::desired(&request.inputs, scaled);
        let recorded = request.recorded.as_ref();
        let before = recorded.map_or_else(
            || Value::Object(Map::new()),
            |recorded| object::desired(&recorded.inputs, scaled || Memory::read(&recorded.private).scaled),
        );
        let secrets = Secrets::of([&inputs, &before]);
        Self {
            session,
            declared,
            request,
            id,
            inputs,
            before,
            secrets,
        }
    }

    async fn answer(&self) -> Result<Prediction, ProviderError> {
        let mut prediction = match self.inputs.expose() {
            Err(path) => self.locally(&format!("{path} is known only after other steps")),
            Ok(body) => match self.session.discovery.find(&self.session.connection, &self.id).await {
                Ok(Some(kind)) => self.ask(&kind, &body).await?,
                Ok(None) => self.unknown_kind(),
                Err(error) if error.is_global() => return Err(error.into()),
                Err(error) => self.locally(&error.to_string()),
            },
        };
        prediction.changes = conceal_changes(prediction.changes, &self.inputs, &self.secrets);
        for problem in &mut prediction.problems {
            problem.message = self.secrets.redact(&problem.message);
        }
        if risk::rolls_out(&self.id.type_name(), self.request.intent, &prediction.changes) {
            prediction.notes.push("its pods are rolled out anew".to_owned());
        }
        prediction.risks = risk::of(&risk::Change {
            type_name: &self.id.type_name(),
            intent: self.request.intent,
            replaced: self.request.intent == Intent::Replace || !prediction.replace.is_empty(),
            inputs: &self.inputs,
            changes: &prediction.changes,
        });
        Ok(prediction)
    }

    async fn ask(&self, kind: &ApiKind, body: &Json) -> Result<Prediction, ProviderError> {
        match self.request.intent {
            Intent::Create => self.creation(kind, body).await,
            Intent::Replace => self.replacement(kind, body).await,
            Intent::Update | Intent::Adopt => self.change(kind, body).await,
        }
    }

    /// The inputs compared with the recorded ones, without the server.
    fn locally(&self, why: &str) -> Prediction {
        let replace = match self.request.intent {
            Intent::Update => immutable::by_table(&self.id.type_name(), &self.before, &self.inputs),
            _ => Vec::new(),
        };
        Prediction {
            changes: diff(&self.before, &self.inputs),
            replace,
            checked: Checked::Locally(self.secrets.redact(why)),
            outputs: self.known_outputs(),
            ..Prediction::default()
        }
    }

    fn unknown_kind(&self) -> Prediction {
        if self.declared.defines(&self.id) {
            return self.locally("its kind is defined in the same run");
        }
        let error = super::session::unknown_kind(&self.id);
        let problem = Problem {
            path: FieldPath::fields(["apiVersion"]),
            message: error.message,
            hint: error.hint,
        };
        Prediction {
            problems: vec![problem],
            ..self.locally("the server does not have its kind")
        }
    }

    async fn creation(&self, kind: &ApiKind, body: &Json) -> Result<Prediction, ProviderError> {
        Ok(match self.attempt(kind.path(&self.id), body, false).await? {
            Trial::Accepted(_) => Prediction {
                changes: diff(&self.before, &self.inputs),
                outputs: self.known_outputs(),
                ..Prediction::default()
            },
            Trial::Untried(why) => self.locally(&why),
            Trial::Refused(refusal) => Prediction {
                problems: self.problems(&refusal),
                ..self.refused()
            },
        })
    }

    /// The new object tried under another name, since the old one still has its own.
    async fn replacement(&self, kind: &ApiKind, body: &Json) -> Result<Prediction, ProviderError> {
        // Their names are made of their content.
        let named_by_content = ["apiextensions.k8s.io", "apiregistration.k8s.io"];
        if named_by_content.contains(&self.id.group.as_str()) {
            return Ok(self.locally("a trial would need another name, and this kind's name is made of its content"));
        }
        let id = ObjectId {
            name: format!("iac-check-{}", &canonical::digest(&self.id.name.as_str().into())[..12]),
            ..self.id.clone()
        };
        let mut body = body.clone();
        body["metadata"]["name"] = id.name.as_str().into();
        strip_allocated(&mut body);
        Ok(match self.attempt(kind.path(&id), &body, false).await? {
            Trial::Accepted(_) => Prediction {
                changes: diff(&self.before, &self.inputs),
                outputs: self.known_outputs(),
                ..Prediction::default()
            },
            Trial::Untried(why) => self.locally(&why),
            Trial::Refused(refusal) => Prediction {
                problems: self.problems(&refusal),
                ..self.refused()
            },
        })
    }

    async fn change(&self, kind: &ApiKind, body: &Json) -> Result<Prediction, ProviderError> {
        let live = match self.session.get(Call::get(kind.path(&self.id))).await {
            Ok(Some(live)) => live,
            Ok(None) => return Ok(self.locally("the object is not there at the moment")),
            Err(error) if error.is_global() => return Err(error.into()),
            Err(error) => return Ok(self.locally(&error.to_string())),
        };
        let adopts = self.request.intent == Intent::Adopt;
        let mut notes = Vec::new();
        let mut problems = Vec::new();
        let mut trial = self.attempt(kind.path(&self.id), body, adopts).await?;
        if let Trial::Refused(refusal) = &trial
            && refusal.conflicts().next().is_some()
        {
            match self.reclaims(refusal) {
                true => notes.extend(
                    refusal
                        .conflicts()
                        .map(|cause| format!("takes back {}: {}", cause.field, cause.message)),
                ),
                false => problems = self.problems(refusal),
            }
            // The rest of what the change would do is worth knowing all the same.
            trial = self.attempt(kind.path(&self.id), body, true).await?;
        }
        let prediction = match trial {
            Trial::Accepted(result) => self.accepted(&live, &result, adopts),
            Trial::Untried(why) => self.locally(&why),
            Trial::Refused(refusal) => self.immutable_or_wrong(kind, body, &refusal).await?,
        };
        Ok(Prediction {
            notes: prediction.notes.into_iter().chain(notes).collect(),
            problems: prediction.problems.into_iter().chain(problems).collect(),
            ..prediction
        })
    }

    fn reclaims(&self, refusal: &Refusal) -> bool {
        let recorded = self.request.recorded.as_ref();
        let before = recorded.map_or(Value::Null, |recorded| object::desired(&recorded.inputs, false));
        is_reclaim(&before, refusal, &self.session.replicas_manager())
    }

    /// What the server would make of it, compared with what is there.
    fn accepted(&self, live: &Json, result: &Json, adopts: bool) -> Prediction {
        let mut changes = diff(&meaningful(live), &meaningful(result));
        let mut notes = Vec::new();
        for change in &mut changes {
            change.origin = self.origin(change);
            let owners = managed::owners(live, &change.path, &self.session.manager);
            if adopts && !owners.is_empty() {
                notes.push(format!("takes over {} from {}", change.path, owners.join(", ")));
            }
        }
        Prediction {
            changes,
            notes,
            outputs: self.secrets.conceal(predicted_outputs(result)),
            ..Prediction::default()
        }
    }

    /// Who changes a field: nobody to name when it is the program.
    fn origin(&self, change: &FieldChange) -> Option<String> {
        let sent = fields::get(&self.inputs, &change.path).is_some();
        let dropped = change.after.is_none() && fields::get(&self.before, &change.path).is_some();
        (!sent && !dropped).then(|| "default".to_owned())
    }

    /// A refusal of a change: fields that have to be made anew, or values that are wrong.
    async fn immutable_or_wrong(
        &self,
        kind: &ApiKind,
        body: &Json,
        refusal: &Refusal,
    ) -> Result<Prediction, ProviderError> {
        let mut replace = Vec::new();
        let mut wrong = refusal.clone();
        if refusal.code == 422 {
            wrong.details.causes.retain(|cause| {
                let replacements = immutable::by_server(cause, &self.id.type_name(), &self.before, &self.inputs);
                let keep = replacements.is_none();
                replace.extend(replacements.into_iter().flatten());
                keep
            });
        }
        replace.sort_by(|a, b| a.path.cmp(&b.path));
        replace.dedup();
        let all_immutable = !replace.is_empty() && wrong.details.causes.is_empty();
        let problems = if all_immutable {
            self.replacement(kind, body).await?.problems
        } else {
            self.problems(&wrong)
        };
        Ok(Prediction {
            replace,
            problems,
            ..self.refused()
        })
    }

    /// What is known of a change that the server refused.
    fn refused(&self) -> Prediction {
        Prediction {
            changes: diff(&self.before, &self.inputs),
            ..Prediction::default()
        }
    }

    /// Lets the server try it.
    async fn attempt(&self, path: String, body: &Json, force: bool) -> Result<Trial, ProviderError> {
        let call = Call::apply(path, &self.session.manager, body)
            .with("dryRun", "All")
            .with("force", force.to_string());
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(5);
        match self.session.connection.call_patiently(&call, deadline, &|_| ()).await {
            Ok(answer) => Ok(Trial::Accepted(answer.body)),
            Err(CallError::Refused(refusal)) if refusal.code != 401 => Ok(self.judge(refusal)),
            Err(error) => Err(error.into()),
        }
    }

    fn judge(&self, refusal: Box<Refusal>) -> Trial {
        let message = &refusal.message;
        let namespace = self.id.namespace.as_deref().unwrap_or_default();
        let untried = match refusal.code {
            403 if message.contains("User \"") && message.contains(" cannot ") => {
                Some(format!("the server does not let us try it: {message}"))
            }
            403 if message.contains("service account") || message.contains("serviceaccount") => {
                Some(format!("its service account is not there yet: {message}"))
            }
            404 if refusal.details.kind == "namespaces" && self.declared.makes_namespace(namespace) => {
                Some(format!("the namespace {namespace} is made in the same run"))
            }
            400 if message.contains("dry run") || message.contains("dryRun") => {
                Some(format!("a webhook can not be tried: {message}"))
            }
            500.. | 429 if !refusal.is_schema_mismatch() => Some(format!("the server could not try it: {message}")),
            _ => None,
        };
        untried.map_or_else(|| Trial::Refused(refusal), Trial::Untried)
    }

    /// What is wrong, by field.
    fn problems(&self, refusal: &Refusal) -> Vec<Problem> {
        if refusal.code == 404 && refusal.details.kind == "namespaces" {
            return vec![Problem {
                path: FieldPath::fields(["metadata", "namespace"]),
                message: format!(
                    "the namespace {} does not exist, and the stack does not declare it",
                    refusal.details.name
                ),
                hint: Some("declare it and use k.within(&namespace), or make it first".to_owned()),
            }];
        }
        if refusal.details.causes.is_empty() {
            let path = schema_field(&refusal.message)
                .map_or_else(FieldPath::root, |field| fields::find(&self.inputs, field).0);
            return vec![Problem::new(path, refusal.message.clone())];
        }
        let problem = |cause: &super::call::Cause| {
            let conflict = cause.reason == "FieldManagerConflict";
            Problem {
                path: fields::find(&self.inputs, &cause.field).0,
                message: cause.message.clone(),
                hint: conflict.then(|| {
                    "another field manager holds this field: leave it out here, or take it over once with .adopt()"
                        .to_owned()
                }),
            }
        };
        refusal.details.causes.iter().map(problem).collect()
    }

    /// The outputs that follow from the inputs alone: all inputs that are known, and the digest of a ConfigMap's content.
    fn known_outputs(&self) -> Value {
        if !self.inputs.is_known() {
            let metadata = self.inputs.get("metadata").filter(|metadata| metadata.is_known());
            let outputs: Map = metadata
                .map(|metadata| ("metadata".to_owned(), metadata.clone()))
                .into_iter()
                .collect();
            return Value::Object(outputs);
        }
        let object = self.inputs.expose().unwrap_or_default();
        self.secrets.conceal(outputs::of_object(&object))
    }
}

/// The field that a schema error names: `.spec.foo: field not declared in schema`.
fn schema_field(message: &str) -> Option<&str> {
    if let Some((before, _)) = message.split_once(": field not declared in schema") {
        return before.rsplit(' ').next();
    }
    let (_, after) = message.split_once("unknown field \"")?;
    after.split('"').next()
}

/// Bookkeeping of the server, of no interest to a reader.
const BOOKKEEPING: [&str; 6] = [
    "creationTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// An object without what only the server writes.
fn meaningful(object: &Json) -> Value {
    let mut object = object.clone();
    if let Some(map) = object.as_object_mut() {
        map.remove("status");
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Json::as_object_mut) {
        BOOKKEEPING.iter().for_each(|field| {
            metadata.remove(*field);
        });
    }
    object.into()
}

/// The outputs after a change, as far as the trial tells: not what controllers make of it later.
fn predicted_outputs(result: &Json) -> Value {
    let mut outputs = outputs::of_object(result);
    if let Value::Object(map) = &mut outputs {
        map.remove("status");
        if let Some(Value::Object(metadata)) = map.get_mut("metadata") {
            metadata.remove("resourceVersion");
            metadata.remove("generation");
        }
    }
    outputs
}

/// Removes what the server allocates once: the old object still has it.
fn strip_allocated(body: &mut Json) {
    let Some(spec) = body.get_mut("spec").and_then(Json::as_object_mut) else {
        return;
    };
    for field in ["clusterIP", "clusterIPs", "healthCheckNodePort", "volumeName"] {
        // "None" is no address but the mark of a headless Service.
        if spec.get(field).is_none_or(|value| *value != "None") {
            spec.remove(field);
        }
    }
    let ports = spec.get_mut("ports").and_then(Json::as_array_mut).into_iter().flatten();
    ports.filter_map(Json::as_object_mut).for_each(|port| {
        port.remove("nodePort");
    });
}
