//! The prediction of what a change would do: the server tries it without doing it (`dryRun=All`), and the result is
//! compared with the live object. Where the server cannot try it, the inputs are compared, and the prediction says why.

mod adoption;
mod alike;
mod around;
mod autoscaler;
mod by_definition;
mod compare;
mod exclusive;
mod fit;
mod kept;
mod probe;
mod pruned;
mod refusal;
mod trial;

use std::collections::BTreeSet;

use futures::FutureExt as _;
use iac_core::Value;
use iac_core::provider::{Checked, Intent, PredictRequest, Prediction, Problem, ProviderError};
use iac_core::value::diff::{FieldChange, by_element, diff};
use iac_core::value::{FieldPath, Map, canonical};
use serde_json::Value as Json;

pub(crate) use self::alike::Trials;
use self::around::AROUND_PODS;
use self::compare::{is_drawn, predicted_outputs, strip_allocated, unnamed};
use self::trial::Trial;
use crate::awaited::is_awaited;
use crate::content::Hasher;
use crate::declared::Declared;
use crate::definition::{self, DEFINITION};
use crate::object::{self, DEFAULT_NAMESPACE, ObjectId};
use crate::outputs::{self, Secrets};
use crate::provider::apply::is_reclaim;
use crate::provider::call::{Call, Cause, Refusal};
use crate::provider::discovery::ApiKind;
use crate::provider::observe::conceal_changes;
use crate::provider::session::{Memory, Session, in_parallel};
use crate::stateful::{self, Way};
use crate::{effect, exported, fields, granted, immutable, managed};

/// The number of looks at an object that somebody writes all the time.
const LOOKS: usize = 3;

/// Answers each request.
pub(crate) async fn predict(
    session: &Session,
    declared: &Declared,
    requests: &[PredictRequest],
) -> Result<Vec<Prediction>, ProviderError> {
    let answers = requests.iter().map(|request| one(session, declared, request).boxed());
    in_parallel(answers).await
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

impl<'a> Question<'a> {
    fn new(session: &'a Session, declared: &'a Declared, request: &'a PredictRequest, id: ObjectId) -> Self {
        let scaled = declared.is_scaled(&id);
        let inputs = object::desired(&request.inputs, scaled);
        // An object that is created has nothing before it, even if an object of the name is recorded.
        let recorded = request.recorded.as_ref().filter(|_| request.intent != Intent::Create);
        let before = recorded.map_or_else(
            || Value::Object(Map::new()),
            |recorded| object::desired(&recorded.inputs, scaled || Memory::read(&recorded.private).scaled),
        );
        let trees = request.recorded.as_ref().map(|recorded| &recorded.inputs);
        let secrets = Secrets::of(trees.into_iter().chain([&inputs, &before]));
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
        prediction = self.by_definition(prediction).await?;
        self.tell_autoscaler(&mut prediction).await?;
        self.fit(&mut prediction).await?;
        prediction.changes = conceal_changes(prediction.changes, &self.inputs, &self.secrets);
        if self.id.type_name() == DEFINITION {
            prediction.minor = definition::minor(&prediction.changes);
        }
        self.tell_rights(&mut prediction);
        for problem in &mut prediction.problems {
            problem.message = self.secrets.redact(&problem.message);
        }
        if self.request.intent == Intent::Replace && self.renames() {
            prediction.exclusive = self.exclusive().await?;
        }
        prediction.notes.extend(exported::left_out(&self.request.inputs));
        if self.leaves_replicas() {
            let note = "spec.replicas is left to its autoscaler";
            prediction.notes.push(note.to_owned());
        }
        prediction.unserving = effect::serves_nobody(&self.id.type_name(), &self.before);
        self.add_definition_risks(&mut prediction).await?;
        Ok(prediction)
    }

    /// Adds the rights that a changed role gives and takes. Where others changed it as well, the rules themselves are
    /// shown.
    fn tell_rights(&self, prediction: &mut Prediction) {
        let drifts = self.request.live.as_ref().is_none_or(|live| !live.drift.is_empty());
        if self.request.intent != Intent::Update || drifts {
            return;
        }
        let type_name = self.id.type_name();
        if let Some(granted) = granted::changed(&type_name, &self.before, &self.inputs, &prediction.changes) {
            prediction.notes.extend(granted.notes);
            prediction.minor = Some(granted.minor);
        }
    }

    /// Adds the risks of a changed definition to live objects.
    async fn add_definition_risks(&self, prediction: &mut Prediction) -> Result<(), ProviderError> {
        let in_place = matches!(self.request.intent, Intent::Update | Intent::Adopt) && prediction.replace.is_empty();
        let is_definition = self.id.type_name() == DEFINITION;
        if let (true, true, Ok(after)) = (in_place, is_definition, self.inputs.expose()) {
            match pruned::risks(self.session, &self.id, &after).await {
                Ok(risks) => prediction.risks.extend(risks),
                Err(error) if error.is_global() => return Err(error.into()),
                Err(error) => prediction
                    .notes
                    .push(format!("what it takes from objects is not known: {error}")),
            }
        }
        Ok(())
    }

    /// True if a replacement is one under another name.
    fn renames(&self) -> bool {
        let recorded = self.request.recorded.as_ref();
        recorded.is_some_and(|recorded| recorded.identity != self.id.to_string())
    }

    /// True if the program changed a number of replicas that belongs to an autoscaler.
    fn leaves_replicas(&self) -> bool {
        let replicas = |inputs: &Value| inputs.pointer("/spec/replicas").cloned();
        let recorded = self
            .request
            .recorded
            .as_ref()
            .map(|recorded| replicas(&recorded.inputs));
        self.declared.is_scaled(&self.id) && recorded.is_some_and(|before| before != replicas(&self.request.inputs))
    }

    async fn ask(&self, kind: &ApiKind, body: &Json) -> Result<Prediction, ProviderError> {
        let mut prediction = match self.request.intent {
            Intent::Create => self.creation(kind, body).await?,
            Intent::Replace => self.replacement(kind, body).await?,
            Intent::Update | Intent::Adopt => return self.change(kind, body).await,
        };
        self.foresee_claims(body, &mut prediction).await?;
        Ok(prediction)
    }

    /// The inputs compared with the recorded ones, without the server.
    fn locally(&self, why: &str) -> Prediction {
        let mut replace = match self.request.intent {
            Intent::Update => immutable::by_table(&self.id.type_name(), &self.before, &self.inputs),
            _ => Vec::new(),
        };
        let mut notes = Vec::new();
        if !replace.is_empty() && self.goes_around_pods() {
            replace.clear();
            notes.push(AROUND_PODS.to_owned());
        }
        Prediction {
            replace,
            notes,
            checked: Checked::Locally(self.secrets.redact(why)),
            ..self.compared()
        }
    }

    fn unknown_kind(&self) -> Prediction {
        if self.declared.defines(&self.id) {
            return self.locally("its kind is defined in the same run");
        }
        if is_awaited(&self.request.inputs) {
            return self.locally("its kind is not there yet, and is waited for");
        }
        let error = crate::provider::unknown::unknown_kind(&self.id);
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
        let namespace = self.id.namespace.as_deref().unwrap_or_default();
        if kind.namespaced && self.session.lacks_namespace(namespace) {
            let why = format!("the namespace {namespace} is not there yet");
            return self.elsewhere(kind, body, &why).await;
        }
        Ok(match self.attempt(kind.path(&self.id), body, false).await? {
            Trial::Accepted(answer) => warned(self.compared(), answer.warnings),
            Trial::Early(why) => self.elsewhere(kind, body, &why).await?,
            other => self.not_accepted(other),
        })
    }

    /// The new object tried under another name, since the old one still has its own.
    async fn replacement(&self, kind: &ApiKind, body: &Json) -> Result<Prediction, ProviderError> {
        let Some((id, body)) = self.stand_in(body) else {
            return Ok(self.locally("a trial would need another name, and this kind's name is made of its content"));
        };
        Ok(match self.attempt(kind.path(&id), &body, false).await? {
            Trial::Accepted(answer) => warned(self.compared(), answer.warnings),
            Trial::Early(why) => self.elsewhere(kind, &body, &why).await?,
            other => self.not_accepted(other),
        })
    }

    /// The object tried in the namespace that every cluster has, and without what only its own surroundings have: that
    /// finds wrong fields and values. What its own namespace will say of it (quotas, policies) is not known yet; whatever of
    /// that the stack makes, it makes first.
    async fn elsewhere(&self, kind: &ApiKind, body: &Json, why: &str) -> Result<Prediction, ProviderError> {
        let Some((mut id, mut body)) = self.stand_in(body) else {
            return Ok(self.locally(why));
        };
        if kind.namespaced {
            id.namespace = Some(DEFAULT_NAMESPACE.to_owned());
            body["metadata"]["namespace"] = DEFAULT_NAMESPACE.into();
        }
        if self.id.type_name() == "core/Pod" {
            forget_names(&mut body);
        }
        if let Some(verdict) = self.session.trials.of(self.session, &id, &body).await? {
            let judge = || async {
                let trial = self.attempt(kind.path(&id), &body, false).await?;
                let Trial::Accepted(answer) = trial else {
                    return Ok(None);
                };
                Ok::<_, ProviderError>(Some(answer.warnings))
            };
            if let Some(warnings) = verdict.get_or_try_init(judge).await? {
                return Ok(warned(self.compared(), warnings.clone()));
            }
        }
        Ok(match self.attempt(kind.path(&id), &body, false).await? {
            Trial::Accepted(answer) => warned(self.compared(), answer.warnings),
            Trial::Refused(refusal) if refusal.code == 422 || refusal.is_schema_mismatch() => {
                self.not_accepted(Trial::Refused(refusal))
            }
            _ => self.locally(why),
        })
    }

    /// The object under a name that nothing else has; none for kinds whose names are made of their content.
    fn stand_in(&self, body: &Json) -> Option<(ObjectId, Json)> {
        if ["apiextensions.k8s.io", "apiregistration.k8s.io"].contains(&self.id.group.as_str()) {
            return None;
        }
        // Not every server takes every name that begins with a digit.
        let first = if self.id.name.starts_with(|first: char| first.is_ascii_digit()) {
            "1"
        } else {
            "i"
        };
        let id = ObjectId {
            name: format!(
                "{first}ac-check-{}",
                &canonical::digest(&self.id.name.as_str().into())[..12]
            ),
            ..self.id.clone()
        };
        let mut body = body.clone();
        body["metadata"]["name"] = id.name.as_str().into();
        strip_allocated(&mut body);
        Some((id, body))
    }

    fn not_accepted(&self, trial: Trial) -> Prediction {
        match trial {
            Trial::Refused(refusal) => Prediction {
                problems: self.problems(&refusal),
                ..self.compared()
            },
            Trial::Untried(why) | Trial::Early(why) => self.locally(&why),
            Trial::Accepted(answer) => warned(self.compared(), answer.warnings),
        }
    }

    /// The inputs compared with the recorded ones. What names the object is no news.
    fn compared(&self) -> Prediction {
        let changes = diff(&unnamed(&self.before), &unnamed(&self.inputs));
        Prediction {
            changes,
            outputs: self.known_outputs(),
            ..Prediction::default()
        }
    }

    async fn change(&self, kind: &ApiKind, body: &Json) -> Result<Prediction, ProviderError> {
        let mut live = match self.session.get(Call::get(kind.path(&self.id))).await {
            Ok(Some(live)) => live,
            Ok(None) => return Ok(self.locally("the object is not there at the moment")),
            Err(error) if error.is_global() => return Err(error.into()),
            Err(error) => return Ok(self.locally(&error.to_string())),
        };
        let mut notes = Vec::new();
        let mut problems = Vec::new();
        let force = self.request.intent == Intent::Adopt;
        let mut trial = self.attempt(kind.path(&self.id), body, force).await?;
        if let Trial::Refused(refusal) = &trial
            && refusal.conflicts().next().is_some()
        {
            match (self.reclaims(refusal), self.request.adopt) {
                // The engine tells whose changes are taken back.
                (true, _) => {}
                (false, true) => notes.extend(self.taken(refusal)),
                (false, false) => problems = self.problems(refusal),
            }
            // The rest of what the change would do is worth knowing all the same.
            trial = self.attempt(kind.path(&self.id), body, true).await?;
        }
        trial = self.of_one_moment(kind, &mut live, trial).await?;
        if self.hands_over(&live) {
            trial = self.handed_over(kind, trial).await?;
        }
        let prediction = match trial {
            Trial::Accepted(result) => {
                let prediction = warned(self.accepted(&live, &result.body), result.warnings);
                if prediction.replace.is_empty() {
                    notes.extend(self.kept(kind, body, &result.body).await?);
                }
                prediction
            }
            Trial::Untried(why) | Trial::Early(why) => self.locally(&why),
            Trial::Refused(refusal) => {
                notes.extend(self.in_the_way(&live, &refusal));
                self.immutable_or_wrong(kind, body, &live, &refusal).await?
            }
        };
        Ok(Prediction {
            notes: prediction.notes.into_iter().chain(notes).collect(),
            problems: prediction.problems.into_iter().chain(problems).collect(),
            ..prediction
        })
    }

    /// Looks again where somebody wrote the object between the look and the trial, if only its status: what he changed is
    /// no change of ours.
    async fn of_one_moment(&self, kind: &ApiKind, live: &mut Json, trial: Trial) -> Result<Trial, ProviderError> {
        let version = |object: &Json| object["metadata"]["resourceVersion"].clone();
        let Trial::Accepted(mut answer) = trial else {
            return Ok(trial);
        };
        for _ in 0..LOOKS {
            if version(live) == version(&answer.body) {
                break;
            }
            match self.session.get(Call::get(kind.path(&self.id))).await {
                Ok(Some(now)) => *live = now,
                Err(error) if error.is_global() => return Err(error.into()),
                _ => break,
            }
            if version(live) != version(&answer.body) {
                let body = self.inputs.expose().unwrap_or_default();
                match self.attempt(kind.path(&self.id), &body, true).await? {
                    Trial::Accepted(again) => answer = again,
                    other => return Ok(other),
                }
            }
        }
        Ok(Trial::Accepted(answer))
    }

    /// Which fields are taken from whom.
    fn taken(&self, refusal: &Refusal) -> Vec<String> {
        let line = |cause: &Cause| {
            let (path, _) = fields::find(&self.inputs, &cause.field);
            // The server puts the manager's name in quotes, and no field of the answer holds it.
            match cause.message.split('"').nth(1) {
                Some(manager) => format!("takes over {path} from {manager}"),
                None => format!("takes over {path}: {}", cause.message),
            }
        };
        refusal.conflicts().map(line).collect()
    }

    /// The elements of others that the server's refusal of a duplicate may be about: it counts in the list that would come
    /// of both, which nobody has seen.
    fn in_the_way(&self, live: &Json, refusal: &Refusal) -> Vec<String> {
        let duplicates = refusal
            .details
            .causes
            .iter()
            .filter(|cause| cause.reason == "FieldValueDuplicate");
        let lists: BTreeSet<String> = duplicates
            .filter_map(|cause| Some(cause.field.rsplit_once('[')?.0.to_owned()))
            .collect();
        let manager = &self.session.manager;
        let found = lists.iter().flat_map(|list| {
            let theirs = managed::elements_of_others(live, list, manager).into_iter();
            theirs.map(move |(element, owners)| (list, element, owners))
        });
        let line = |(list, element, owners): (&String, String, String)| {
            let text =
                format!("an element of {list} that {owners} added may be in the way: {element}; delete it there");
            self.secrets.redact(&text)
        };
        found.map(line).collect()
    }

    fn reclaims(&self, refusal: &Refusal) -> bool {
        let recorded = self.request.recorded.as_ref();
        let before = recorded.map_or(Value::Null, |recorded| object::desired(&recorded.inputs, false));
        is_reclaim(&before, refusal, &self.session.replicas_manager())
    }

    /// Compares the server's result with the live object.
    fn accepted(&self, live: &Json, result: &Json) -> Prediction {
        let mut changes = managed::changes(live, result, live, &self.session.manager);
        let mut notes = Vec::new();
        let formers = match self.hands_over(live) {
            true => managed::formers(live, &self.session.manager),
            false => Vec::new(),
        };
        for change in &mut changes {
            let owners = change.origin.take().unwrap_or_default();
            let others: Vec<&str> = owners.split(", ").filter(|owner| !owner.is_empty()).collect();
            if self.request.intent == Intent::Adopt
                && others.iter().any(|owner| !formers.iter().any(|former| former == owner))
            {
                notes.push(format!("takes over {} from {owners}", change.path));
            }
            // A field that goes with its former manager is no default.
            let goes =
                change.after.is_none() && others.iter().any(|owner| formers.iter().any(|former| former == owner));
            change.origin = if goes { None } else { self.origin(change) };
        }
        changes.retain(|change| !is_drawn(change));
        if !formers.is_empty() {
            let whose = formers.join(", ");
            notes.push(format!(
                "takes over all fields of {whose}; those that are not declared here are removed"
            ));
        }
        notes.extend(self.release(live));
        Prediction {
            changes: changes.into_iter().flat_map(by_element).collect(),
            notes,
            replace: self.kept_headless(result).into_iter().collect(),
            outputs: predicted_outputs(result, &self.secrets, &self.hasher()),
            ..Prediction::default()
        }
    }

    /// Names the source of a field's change: `None` if it is the program.
    fn origin(&self, change: &FieldChange) -> Option<String> {
        let sent = fields::get(&self.inputs, &change.path).is_some();
        let dropped = change.after.is_none() && fields::get(&self.before, &change.path).is_some();
        (!sent && !dropped).then(|| "default".to_owned())
    }

    /// Judges a refusal of a change: the object has to be recreated for a field, or a value is wrong.
    async fn immutable_or_wrong(
        &self,
        kind: &ApiKind,
        body: &Json,
        live: &Json,
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
        if all_immutable && self.request.intent == Intent::Update && self.id.type_name() == "apps/StatefulSet" {
            match stateful::way(live, body) {
                Way::Around(_) => return self.around_pods(kind, live, body).await,
                Way::Refused(problem) => {
                    return Ok(Prediction {
                        problems: vec![problem],
                        ..self.compared()
                    });
                }
                Way::Anew => {}
            }
        }
        let problems = if all_immutable {
            self.replacement(kind, body).await?.problems
        } else {
            self.problems(&wrong)
        };
        Ok(Prediction {
            replace,
            problems,
            ..self.compared()
        })
    }

    /// The outputs that follow from the inputs alone: all inputs that are known, and the hash of a ConfigMap's content.
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
        let hasher = Hasher::of_inputs(&self.session.key, self.request.recorded.as_ref(), &self.inputs);
        outputs::of_object(&object, &self.secrets, &hasher)
    }

    fn hasher(&self) -> Hasher<'_> {
        Hasher::new(&self.session.key, self.request.recorded.as_ref())
    }
}

/// Takes the names out of a pod of which admission wants to see the objects.
fn forget_names(pod: &mut Json) {
    if let Some(spec) = pod.get_mut("spec").and_then(Json::as_object_mut) {
        for field in [
            "serviceAccountName",
            "serviceAccount",
            "priorityClassName",
            "runtimeClassName",
        ] {
            spec.remove(field);
        }
    }
}

/// The prediction with what the server warned of.
fn warned(mut prediction: Prediction, warnings: Vec<String>) -> Prediction {
    let warnings = warnings.into_iter();
    prediction
        .notes
        .extend(warnings.map(|warning| format!("the server warns: {warning}")));
    prediction
}
