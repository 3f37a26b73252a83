//! The present state of objects, and its difference from what was applied.

use std::collections::BTreeMap;

use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum as Status};
use iac_core::provider::{ITSELF, Live, Mark, ObserveRequest, Observed, ProviderError, Readiness, Recorded};
use iac_core::value::diff::FieldChange;
use iac_core::value::{FieldPath, Value};

use super::connect::Engine;
use super::maker::Maker;
use super::service::{drift, outputs, request, takeover};
use super::{network, readiness, volume};
use crate::inputs::{ImageInputs, Inputs, NetworkInputs, ServiceInputs, VolumeInputs};
use crate::labels;

/// Answers of the engine that several resources of one question need, so that it is asked for them once.
#[derive(Default)]
struct Seen {
    /// By project.
    containers: BTreeMap<String, Vec<ContainerInspectResponse>>,
    /// By name.
    images: BTreeMap<String, Option<String>>,
}

/// The basis that an object is compared with: the record, or the declared inputs if it is not recorded (it may be taken
/// over).
#[derive(Clone, Copy)]
struct Basis<'a> {
    recorded: Option<&'a Recorded>,
    /// None where only a name is known.
    value: Option<&'a Value>,
}

impl Engine {
    pub(crate) async fn observe_all(&self, requests: &[ObserveRequest]) -> Result<Vec<Observed>, ProviderError> {
        let mut seen = Seen::default();
        let mut answers = Vec::with_capacity(requests.len());
        for request in requests {
            answers.push(self.observe_one(request, &mut seen).await?);
        }
        Ok(answers)
    }

    async fn observe_one(&self, request: &ObserveRequest, seen: &mut Seen) -> Result<Observed, ProviderError> {
        // Of what an interrupted run made, no inputs are recorded.
        let recorded = request
            .recorded
            .as_ref()
            .filter(|recorded| recorded.inputs != Value::Null);
        let value = recorded.map(|recorded| &recorded.inputs).or(request.inputs.as_ref());
        let by_name_alone = value.is_none();
        match Inputs::of_object(request.key.kind(), value.unwrap_or(&Value::Null), &request.identity) {
            // Nobody can tell who gave an image its name.
            Ok(Inputs::Image(inputs)) if by_name_alone => {
                let observed = self.observe_image(&inputs, None).await?;
                let mark = || Mark::Missing("nobody can tell who gave an image its name".to_owned());
                Ok(match observed {
                    Observed::Present(live) => Observed::Present(Live { mark: mark(), ..live }),
                    other => other,
                })
            }
            Ok(Inputs::Service(inputs)) => {
                let basis = Basis { recorded, value };
                self.observe_service(&inputs, basis, seen).await
            }
            Ok(Inputs::Network(inputs)) => self.observe_network(&inputs, Basis { recorded, value }).await,
            Ok(Inputs::Volume(inputs)) => self.observe_volume(&inputs, Basis { recorded, value }).await,
            Ok(Inputs::Image(inputs)) => {
                let observed = self.observe_image(&inputs, recorded).await?;
                // A name can be given to another image without harm: the one that had it stays, and containers know it by
                // ID. So the mark only counts where the name is to go.
                Ok(match observed {
                    Observed::Present(live) if request.inputs.is_some() => Observed::Present(Live {
                        mark: Mark::Ours,
                        ..live
                    }),
                    other => other,
                })
            }
            Err(problem) => Ok(Observed::Unknown(format!("{}: {}", problem.path, problem.message))),
        }
    }

    /// A project's containers in full, asked for once.
    async fn project<'a>(
        &self,
        project: &str,
        seen: &'a mut Seen,
    ) -> Result<&'a [ContainerInspectResponse], ProviderError> {
        if !seen.containers.contains_key(project) {
            let filter = labels::filter([(labels::PROJECT, project), (labels::ONEOFF, "False")]);
            let found = self.inspect_all(self.list(filter).await?).await?;
            seen.containers.insert(project.to_owned(), found);
        }
        Ok(seen.containers.get(project).map_or(&[], Vec::as_slice))
    }

    async fn seen_image(&self, name: &str, seen: &mut Seen) -> Result<Option<String>, ProviderError> {
        if let Some(id) = seen.images.get(name) {
            return Ok(id.clone());
        }
        let id = self.image_id(name).await?;
        seen.images.insert(name.to_owned(), id.clone());
        Ok(id)
    }

    async fn observe_service(
        &self,
        inputs: &ServiceInputs,
        basis: Basis<'_>,
        seen: &mut Seen,
    ) -> Result<Observed, ProviderError> {
        let recorded = basis.recorded;
        let all = self.project(&inputs.project, seen).await?;
        let is_member =
            |container: &&ContainerInspectResponse| label(container, labels::SERVICE) == Some(&inputs.service);
        let mut members: Vec<_> = all.iter().filter(is_member).cloned().collect();
        members.sort_by_key(|member| label(member, labels::NUMBER).and_then(|number| number.parse::<u32>().ok()));
        let runs_none = inputs.spec.replicas() == 0 && recorded.is_some();
        if members.is_empty() && !runs_none {
            let is_done = inputs.completes && recorded.is_some_and(|recorded| recorded.ready);
            return Ok(if is_done { Observed::Finished } else { Observed::Absent });
        }
        let (mut drift, mut writes) = (Vec::new(), BTreeMap::new());
        if let Some(value) = basis.value {
            drift = self.service_drift(&members, inputs, recorded, value);
            self.name_the_end(&members, &mut drift, &mut writes).await?;
            drift.extend(self.stopped(&members, inputs).await?);
            let image = self.seen_image(&inputs.spec.image, seen).await?;
            drift.extend(moved_image(&members, image.as_deref()));
        }
        let mut mark = Mark::Ours;
        for member in &members {
            match self.mark_of(member, inputs, recorded).await? {
                Mark::Ours => {}
                // A container of another stack says most.
                found if mark.is_ours() || matches!(found, Mark::Theirs(_) | Mark::Namesake) => mark = found,
                _ => {}
            }
        }
        Ok(Observed::Present(Live {
            uid: None,
            mark,
            outputs: outputs::of(&members, inputs),
            readiness: readiness::judge_all(&members, inputs),
            leaving: None,
            co_owners: Vec::new(),
            writes,
            drift,
            ignored: Vec::new(),
        }))
    }

    /// Says of a container that ended by whom it was stopped, and when; by nobody, if the engine does not know of any.
    async fn name_the_end(
        &self,
        members: &[ContainerInspectResponse],
        drift: &mut [FieldChange],
        writes: &mut BTreeMap<String, jiff::Timestamp>,
    ) -> Result<(), ProviderError> {
        let Some(state) = drift.iter_mut().find(|change| drift::is_state(change)) else {
            return Ok(());
        };
        let has_ended = |member: &&ContainerInspectResponse| {
            let status = member.state.as_ref().and_then(|state| state.status);
            matches!(status, Some(Status::EXITED | Status::DEAD))
        };
        let Some(member) = members.iter().find(has_ended) else {
            return Ok(());
        };
        let by = self.stopped_by(member).await?;
        state.origin = Some(by.unwrap_or(ITSELF).to_owned());
        if let (Some(by), Some(at)) = (by, drift::ended_at(member)) {
            writes.insert(by.to_owned(), at);
        }
        Ok(())
    }

    /// Finds one that ended with status 0 because somebody stopped it, and not by itself.
    async fn stopped(
        &self,
        members: &[ContainerInspectResponse],
        inputs: &ServiceInputs,
    ) -> Result<Option<FieldChange>, ProviderError> {
        let expected = readiness::Expected::of(inputs);
        for member in members.iter().filter(|_| !inputs.completes) {
            if readiness::has_finished(member, expected) && self.was_stopped(member).await? {
                return Ok(Some(drift::stopped()));
            }
        }
        Ok(None)
    }

    pub(crate) fn maker_of(&self, member: &ContainerInspectResponse, inputs: &ServiceInputs) -> Maker {
        let labels = member.config.as_ref().and_then(|config| config.labels.as_ref());
        Maker::of(labels, &self.owner, &inputs.project, (labels::SERVICE, &inputs.service))
    }

    /// Returns the mark on a service's container.
    pub(crate) async fn mark_of(
        &self,
        member: &ContainerInspectResponse,
        inputs: &ServiceInputs,
        recorded: Option<&Recorded>,
    ) -> Result<Mark, ProviderError> {
        let labels = member.config.as_ref().and_then(|config| config.labels.as_ref());
        let place = (labels::SERVICE, inputs.service.as_str());
        self.mark(labels, &inputs.project, place, recorded).await
    }

    fn service_drift(
        &self,
        members: &[ContainerInspectResponse],
        inputs: &ServiceInputs,
        recorded: Option<&Recorded>,
        value: &Value,
    ) -> Vec<FieldChange> {
        let mut drift: Vec<FieldChange> = Vec::new();
        let wanted = i64::from(inputs.spec.replicas());
        let found = i64::try_from(members.len()).unwrap_or(i64::MAX);
        if wanted != found {
            drift.push(changed(&["deploy", "replicas"], wanted.into(), Some(found.into())));
        }
        let digest = crate::hash::of_service(value);
        let taken_over = takeover::known(recorded);
        for (member, number) in members.iter().zip(1..) {
            let place = request::Place {
                owner: &self.owner,
                digest: &digest,
                image_id: "",
                number,
            };
            let wanted = request::build(inputs, place);
            let is_known = member.id.as_ref().is_some_and(|id| taken_over.contains_key(id));
            if recorded.is_some() && !is_known {
                drift.extend(self.maker_of(member, inputs).drift(&self.owner.stack));
            }
            drift.extend(drift::of(member, &wanted, inputs, value));
        }
        // Several containers of one service mostly differ in the same way.
        let mut paths = std::collections::BTreeSet::new();
        drift.retain(|change| paths.insert(change.path.clone()));
        drift
    }

    async fn observe_network(
        &self,
        inputs: &NetworkInputs,
        Basis { recorded, value }: Basis<'_>,
    ) -> Result<Observed, ProviderError> {
        let Some(found) = self.network(&inputs.name()).await? else {
            return Ok(Observed::Absent);
        };
        let place = (labels::NETWORK, inputs.key.as_str());
        let maker = Maker::of(found.labels.as_ref(), &self.owner, &inputs.project, place);
        let mark = self
            .mark(found.labels.as_ref(), &inputs.project, place, recorded)
            .await?;
        let applied = network::applied(&found);
        let mut uid = applied.uid;
        let mut drift = Vec::new();
        if maker == Maker::Compose && recorded.is_some_and(|recorded| recorded.uid != uid) {
            drift.extend(maker.drift(&self.owner.stack));
            // Another object by its ID, and all the same the one that is recorded.
            uid = None;
        }
        if value.is_some() {
            let driver = inputs.spec.driver.as_deref().unwrap_or("bridge");
            compare_text("driver", driver, found.driver.as_deref(), &mut drift);
            if found.internal.unwrap_or_default() != inputs.spec.internal {
                drift.push(changed(
                    &["internal"],
                    inputs.spec.internal.into(),
                    found.internal.map(Value::from),
                ));
            }
        }
        Ok(Observed::Present(Live {
            uid,
            mark,
            outputs: applied.outputs,
            drift,
            ignored: Vec::new(),
            readiness: Readiness::Ready,
            leaving: None,
            co_owners: Vec::new(),
            writes: BTreeMap::new(),
        }))
    }

    async fn observe_volume(
        &self,
        inputs: &VolumeInputs,
        Basis { recorded, value }: Basis<'_>,
    ) -> Result<Observed, ProviderError> {
        let Some(found) = self.volume(&inputs.name()).await? else {
            return Ok(Observed::Absent);
        };
        let place = (labels::VOLUME, inputs.key.as_str());
        let maker = Maker::of(Some(&found.labels), &self.owner, &inputs.project, place);
        let mark = self.mark(Some(&found.labels), &inputs.project, place, recorded).await?;
        let applied = volume::applied(&found);
        let mut uid = applied.uid;
        let mut drift = Vec::new();
        let was_made_here = recorded.is_some_and(|recorded| recorded.uid.is_some());
        match maker {
            Maker::Compose if was_made_here => drift.extend(maker.drift(&self.owner.stack)),
            // Not the one that was made here; one that was taken over has nothing that tells it from another.
            Maker::Others if was_made_here => uid = uid.or_else(|| Some("unmarked".to_owned())),
            _ => {}
        }
        if value.is_some() {
            let driver = inputs.spec.driver.as_deref().unwrap_or("local");
            compare_text("driver", driver, Some(&found.driver), &mut drift);
        }
        Ok(Observed::Present(Live {
            uid,
            mark,
            outputs: applied.outputs,
            drift,
            ignored: Vec::new(),
            readiness: Readiness::Ready,
            leaving: None,
            co_owners: Vec::new(),
            writes: BTreeMap::new(),
        }))
    }

    async fn observe_image(
        &self,
        inputs: &ImageInputs,
        recorded: Option<&Recorded>,
    ) -> Result<Observed, ProviderError> {
        let found = super::errors::if_there(self.docker.inspect_image(&inputs.tag).await)
            .map_err(|error| super::errors::failed(&format!("look up the image {}", inputs.tag), &error))?;
        let Some(image) = found else {
            return Ok(Observed::Absent);
        };
        let id = image.id.clone().unwrap_or_default();
        let remembered = recorded.and_then(|recorded| recorded.private.json().ok());
        let built = remembered.as_ref().and_then(|private| private.get("id")?.as_str());
        let drift = built
            .filter(|built| *built != id)
            .map(|built| changed(&["id"], built.into(), Some(id.as_str().into())));
        Ok(Observed::Present(Live {
            uid: None,
            mark: super::image::mark(&image, &self.owner),
            outputs: serde_json::json!({ "id": id, "name": inputs.tag }).into(),
            drift: drift.into_iter().collect(),
            ignored: Vec::new(),
            readiness: Readiness::Ready,
            leaving: None,
            co_owners: Vec::new(),
            writes: BTreeMap::new(),
        }))
    }
}

fn label<'a>(container: &'a ContainerInspectResponse, name: &str) -> Option<&'a String> {
    container.config.as_ref()?.labels.as_ref()?.get(name)
}

fn changed(path: &[&str], before: Value, after: Option<Value>) -> FieldChange {
    FieldChange {
        path: FieldPath::fields(path.iter().copied()),
        before: Some(before),
        after,
        origin: None,
    }
}

/// Whether a tag means another image than the one that a container runs.
fn moved_image(members: &[ContainerInspectResponse], image: Option<&str>) -> Option<FieldChange> {
    let image = image?;
    let old = members
        .iter()
        .filter_map(|member| member.image.as_deref())
        .find(|running| *running != image)?;
    Some(changed(&["image_id"], image.into(), Some(old.into())))
}

fn compare_text(field: &str, wanted: &str, found: Option<&str>, drift: &mut Vec<FieldChange>) {
    if found != Some(wanted) {
        drift.push(changed(&[field], wanted.into(), found.map(Value::from)));
    }
}
