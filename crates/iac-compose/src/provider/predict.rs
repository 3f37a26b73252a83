//! The prediction of what a change would do.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bollard::models::{ContainerInspectResponse, ContainerSummary};
use iac_core::provider::{
    Checked, Effect, ITSELF, Intent, Live, Minor, PredictRequest, Prediction, Problem, ProviderError, Replacement,
};
use iac_core::value::diff::{FieldChange, diff};
use iac_core::value::{FieldPath, Map, Value};

use super::connect::Engine;
use super::readiness::{Expected, has_finished};
use super::service::compare::{self, Standing, Verdict};
use super::service::request::{self, Place};
use super::service::takeover::Takeover;
use super::service::volumes::{self, Named};
use super::validate;
use super::{exclusive, maker, renewal};
use crate::hash::IN_PLACE;
use crate::inputs::{Inputs, ServiceInputs, UNKNOWN};
use crate::model::PullPolicy;

/// Answers of the engine that several predictions of one question need, so that it is asked for them once.
#[derive(Default)]
pub(super) struct Seen {
    /// All containers of the engine.
    containers: Option<Vec<ContainerSummary>>,
    /// Their IDs, by name.
    images: BTreeMap<String, Option<String>>,
}

/// A note on a volume whose data goes with its last user.
const IN_MEMORY: &str =
    "type tmpfs keeps the volume in memory: what is in it is lost when the last container that uses it stops";

impl Engine {
    pub(crate) async fn predict_all(&self, requests: &[PredictRequest]) -> Result<Vec<Prediction>, ProviderError> {
        let mut seen = Seen::default();
        let mut answers = Vec::with_capacity(requests.len());
        for request in requests {
            answers.push(self.predict_one(request, &mut seen).await?);
        }
        Ok(answers)
    }

    async fn predict_one(&self, request: &PredictRequest, seen: &mut Seen) -> Result<Prediction, ProviderError> {
        let mut prediction = Prediction {
            changes: changes(request),
            checked: Checked::ByServer,
            ..Prediction::default()
        };
        let inputs = Inputs::read(request.key.kind(), &request.inputs);
        if let (Ok(new), Some(old)) = (&inputs, replaced(request)) {
            prediction.exclusive = exclusive::of(&old, new);
        }
        match inputs {
            Err(problem) => prediction.problems.push(problem),
            Ok(Inputs::Service(inputs)) => self.predict_service(request, &inputs, seen, &mut prediction).await?,
            Ok(Inputs::Network(_)) => immutable("network", request, &mut prediction),
            Ok(Inputs::Volume(inputs)) => {
                immutable("volume", request, &mut prediction);
                let is_new =
                    matches!(request.intent, Intent::Create | Intent::Replace) || !prediction.replace.is_empty();
                if is_new && inputs.spec.driver_opts.get("type").is_some_and(|kind| kind == "tmpfs") {
                    prediction.notes.push(IN_MEMORY.to_owned());
                }
            }
            Ok(Inputs::Image(inputs)) => {
                prediction
                    .notes
                    .push(format!("builds {} from {}", inputs.tag, inputs.build.context));
            }
        }
        Ok(prediction)
    }

    async fn predict_service(
        &self,
        request: &PredictRequest,
        inputs: &ServiceInputs,
        seen: &mut Seen,
        prediction: &mut Prediction,
    ) -> Result<(), ProviderError> {
        prediction.problems.extend(validate::too_new(inputs, self.api));
        let old = match request.intent {
            Intent::Create => Vec::new(),
            _ => self.members(&inputs.project, &inputs.service).await?,
        };
        if matches!(request.intent, Intent::Update | Intent::Adopt) {
            prediction.leaves = {
                let recorded = request.recorded.as_ref().map(|recorded| &recorded.inputs);
                volumes::left(self, &old, inputs, &Named::of(recorded, inputs))
            };
        }
        self.check_image(inputs, request.intent, seen, prediction).await?;
        let around = match seen.containers.take() {
            Some(containers) => containers,
            None => self.list(HashMap::new()).await?,
        };
        let around = seen.containers.insert(around);
        let held = self.held_by_others(around, inputs, old_service(request).as_ref());
        prediction.problems.extend(held);
        let composed = self.composed(request, inputs, &old).await?;
        let stays = composed.iter().all(Option::is_none);
        if !composed.is_empty() {
            prediction.notes.extend(takeover_notes(&composed));
        }
        match request.intent {
            Intent::Update => update(inputs, request, prediction, stays, &old),
            Intent::Adopt if !stays => renewal::of(inputs, request, &old, prediction),
            _ => {}
        }
        Ok(())
    }

    /// Of each container of the service that docker compose made and we would take over: why it has to be replaced, if it
    /// has to be.
    async fn composed(
        &self,
        request: &PredictRequest,
        inputs: &ServiceInputs,
        members: &[ContainerInspectResponse],
    ) -> Result<Vec<Option<String>>, ProviderError> {
        let is_told = |live: &Live| live.drift.iter().any(is_maker);
        if request.intent != Intent::Adopt && !request.live.as_ref().is_some_and(is_told) {
            return Ok(Vec::new());
        }
        let image = self.image_id(&inputs.spec.image).await?.unwrap_or_default();
        let why = (request.intent, request.recorded.as_ref());
        let takeover = Takeover::of(self, members, inputs, why, &image).await?;
        let digest = crate::hash::of_service(&request.inputs);
        let judged = members
            .iter()
            .zip(1..=inputs.spec.replicas())
            .filter_map(|(member, number)| {
                let place = Place {
                    owner: &self.owner,
                    digest: &digest,
                    image_id: &image,
                    number,
                };
                let wanted = request::build(inputs, place);
                let standing = takeover.standing(self, member, &wanted, inputs);
                match compare::judge(member, &wanted, &standing, &image) {
                    _ if standing == Standing::Ours => None,
                    Verdict::Replace(why) => Some(Some(why)),
                    Verdict::Current | Verdict::Adjust(_) => Some(None),
                }
            });
        Ok(judged.collect())
    }

    async fn check_image(
        &self,
        inputs: &ServiceInputs,
        intent: Intent,
        seen: &mut Seen,
        prediction: &mut Prediction,
    ) -> Result<(), ProviderError> {
        let name = &inputs.spec.image;
        let is_built = inputs.image_id.is_some();
        if name.contains(UNKNOWN) || is_built || name.is_empty() {
            return Ok(());
        }
        let path = FieldPath::fields(["image"]);
        let id = match seen.images.get(name) {
            Some(id) => id.clone(),
            None => self.image_id(name).await?,
        };
        seen.images.insert(name.clone(), id.clone());
        match (id, inputs.spec.pull_policy.unwrap_or_default()) {
            (None, PullPolicy::Never | PullPolicy::Build) => {
                let message = format!("the engine does not have the image {name}, and may not pull it");
                prediction.problems.push(Problem::new(path, message));
            }
            (None, _) => prediction.notes.push(format!(
                "the image {name} will be pulled: the engine does not have it{}",
                before_stop(intent)
            )),
            (Some(_), PullPolicy::Always) => prediction
                .notes
                .push(format!("the image {name} will be pulled again{}", before_stop(intent))),
            (Some(_), _) => {}
        }
        Ok(())
    }
}

/// Says that an image is pulled while the containers that are there still run.
fn before_stop(intent: Intent) -> &'static str {
    match intent {
        Intent::Update | Intent::Adopt => ", and what runs goes on until it is there",
        Intent::Create | Intent::Replace => "",
    }
}

/// Returns the inputs of the replaced object, where that is asked.
fn replaced(request: &PredictRequest) -> Option<Inputs> {
    let recorded = request
        .recorded
        .as_ref()
        .filter(|_| request.intent == Intent::Replace)?;
    Inputs::of_object(request.key.kind(), &recorded.inputs, &recorded.identity).ok()
}

/// Returns the notes of a plan on containers that docker compose made.
fn takeover_notes(composed: &[Option<String>]) -> Vec<String> {
    let reasons: BTreeSet<&String> = composed.iter().flatten().collect();
    if reasons.is_empty() {
        return vec!["docker compose made what runs; it is as declared, and keeps running".to_owned()];
    }
    reasons
        .into_iter()
        .map(|why| format!("a new container: {why}"))
        .collect()
}

/// The service that is replaced.
fn old_service(request: &PredictRequest) -> Option<ServiceInputs> {
    match replaced(request) {
        Some(Inputs::Service(old)) => Some(*old),
        _ => None,
    }
}

/// The fields that change: in the program, and back from what somebody made of them. Of what is taken over, only what is
/// not as declared changes.
fn changes(request: &PredictRequest) -> Vec<FieldChange> {
    let nothing = Value::Object(Map::new());
    let before = match (request.intent, &request.live) {
        (Intent::Update, _) => request.recorded.as_ref().map_or(&nothing, |recorded| &recorded.inputs),
        (Intent::Adopt, Some(_)) => &request.inputs,
        _ => &nothing,
    };
    let mut changes = diff(before, &request.inputs);
    // A record that was brought in line with the world may tell who made the object.
    changes.retain(|change| !is_maker(change));
    let drift = request
        .live
        .iter()
        .filter(|_| matches!(request.intent, Intent::Update | Intent::Adopt))
        .flat_map(|live| &live.drift);
    for drifted in drift {
        let is_known = changes.iter().any(|change| change.path == drifted.path);
        if !is_known {
            changes.push(FieldChange {
                path: drifted.path.clone(),
                before: drifted.after.clone(),
                after: drifted.before.clone(),
                origin: drifted.origin.clone().filter(|origin| origin != ITSELF),
            });
        }
    }
    changes
}

/// Says how an update is carried out, and what it costs; `stays` says that what docker compose made can stay.
fn update(
    inputs: &ServiceInputs,
    request: &PredictRequest,
    prediction: &mut Prediction,
    stays: bool,
    old: &[ContainerInspectResponse],
) {
    let is_in_place = |change: &FieldChange| {
        let path = change.path.to_string();
        let field = path.split(['.', '[']).next().unwrap_or_default();
        let is_removed_limit =
            change.after.is_none() && matches!(field, "mem_limit" | "mem_reservation" | "cpus" | "pids_limit");
        let is_drift = request
            .live
            .iter()
            .flat_map(|live| &live.drift)
            .any(|drifted| drifted.path == change.path);
        let is_attachment = field == "networks" && (path.ends_with(".network_id") || is_drift);
        let is_restart = field == "state" && !inputs.completes;
        (IN_PLACE.contains(&field) && !is_removed_limit)
            || is_attachment
            || is_restart
            || (is_maker(change) && stays)
            || field == "pull_policy"
    };
    prediction.minor = numbered(&prediction.changes);
    prediction.effects.extend(reconnected(&prediction.changes, old, inputs));
    prediction.effects.extend(renewal::scaling(inputs, request));
    prediction.notes.extend(restarting(&prediction.changes));
    if prediction.changes.iter().all(is_in_place) {
        prediction
            .effects
            .extend(renewal::started_again(&prediction.changes, old));
        if !prediction.notes.is_empty() || !prediction.effects.is_empty() {
            return;
        }
        prediction.notes.push("in place: the containers stay".to_owned());
        return;
    }
    renewal::of(inputs, request, old, prediction);
}

/// Changes of what the engine numbers, and nobody reads.
fn numbered(changes: &[FieldChange]) -> Option<Minor> {
    let is_number = |path: &String| path.ends_with(".network_id") || path.ends_with(".generation");
    let paths = changes.iter().map(|change| change.path.clone());
    let paths: BTreeSet<FieldPath> = paths.filter(|path| is_number(&path.to_string())).collect();
    (!paths.is_empty()).then(|| Minor {
        paths,
        what: "of IDs that the engine gives".to_owned(),
    })
}

/// Says that containers are connected to a network that is recreated.
fn reconnected(changes: &[FieldChange], old: &[ContainerInspectResponse], inputs: &ServiceInputs) -> Option<Effect> {
    let key = |change: &FieldChange| {
        let path = change.path.to_string();
        let key = path.strip_prefix("networks.")?.strip_suffix(".network_id")?;
        change.before.is_some().then(|| key.to_owned())
    };
    let keys: Vec<String> = changes.iter().filter_map(key).collect();
    let has_ended = |one: &ContainerInspectResponse| has_finished(one, Expected::of(inputs));
    (!keys.is_empty()).then(|| {
        let keys = keys.join(", ");
        if !old.is_empty() && old.iter().all(has_ended) {
            return Effect::other(format!(
                "it has ended and does not run again; it is put on the new network {keys}"
            ));
        }
        Effect::other(format!(
            "its connections through the network {keys} break; it is connected again once the new network is there"
        ))
    })
}

/// Says that the containers stay, and are restarted since another service has new ones.
fn restarting(changes: &[FieldChange]) -> Option<String> {
    let is_of = |change: &&FieldChange| {
        let path = change.path.to_string();
        path.starts_with("depends_on.") && path.ends_with(".container") && change.before.is_some()
    };
    let path = changes.iter().find(is_of)?.path.to_string();
    let other = path.strip_prefix("depends_on.")?.strip_suffix(".container")?;
    Some(format!("restarted, as {other} gets another container"))
}

/// The names of the labels that a change is about.
fn names_of_labels(change: &FieldChange) -> Vec<String> {
    match (change.path.segments(), change.after.as_ref().or(change.before.as_ref())) {
        ([_], Some(Value::Object(labels))) => labels.iter().map(|(name, _)| name.clone()).collect(),
        (_, _) => vec![change.path.to_string()],
    }
}

fn is_maker(change: &FieldChange) -> bool {
    change.path == FieldPath::fields([maker::FIELD])
}

/// Networks and volumes cannot be changed. A network is recreated instead, as docker compose does; a volume holds data, so
/// its labels stay as they are, and so do those of what is taken over.
fn immutable(what: &str, request: &PredictRequest, prediction: &mut Prediction) {
    if !matches!(request.intent, Intent::Update | Intent::Adopt) {
        return;
    }
    let is_label = |change: &FieldChange| {
        change.path.starts_with(&FieldPath::fields(["labels"])) && (what == "volume" || request.intent == Intent::Adopt)
    };
    let labels = prediction.changes.iter().filter(|change| is_label(change));
    let labels: Vec<String> = labels.flat_map(names_of_labels).collect();
    if !labels.is_empty() {
        prediction.notes.push(format!(
            "an engine cannot change the labels of a {what}; they stay as they are until it is made anew, and later previews do not tell \
             of them again: {}",
            labels.join(", ")
        ));
    }
    // They are no changes: nothing comes of them.
    prediction.changes.retain(|change| !is_label(change));
    for change in &prediction.changes {
        if is_maker(change) {
            let note = format!("docker compose recreated the {what}; it is taken on as it is");
            prediction.notes.push(note);
            continue;
        }
        prediction.replace.push(Replacement {
            path: change.path.clone(),
            why: format!("an engine cannot change a {what}"),
        });
    }
    if prediction.replace.is_empty() {
        // It stays the same object, so nothing follows from it for those that use it.
        prediction.outputs = request.live.as_ref().map_or(Value::Null, |live| live.outputs.clone());
    }
}
