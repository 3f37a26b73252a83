//! Makes a service's containers as they are asked for.

use std::collections::{BTreeMap, BTreeSet};

use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum as Status};
use futures::future;
use futures::stream::{self, StreamExt};
use iac_core::Key;
use iac_core::provider::{Applied, ApplyRequest, Context, DataItem, DeleteData, ErrorKind, ProviderError};
use iac_core::value::Value;
use serde_json::json;
use tokio::time::Instant;

use super::compare::{self, Verdict};
use super::containers::{name_of, number_of, status_of};
use super::request::{self, Place, Request};
use super::takeover::{self, Takeover};
use super::volumes::Named;
use super::{outputs, volumes};
use crate::inputs::ServiceInputs;
use crate::provider::connect::Engine;
use crate::provider::errors::failed;
use crate::provider::maker::Maker;
use crate::provider::readiness::{Expected, has_finished};

/// The number of containers of one service that are created at the same time.
pub(super) const PARALLEL: usize = 8;

/// One convergence of one service.
pub(super) struct Converge<'a> {
    pub(super) engine: &'a Engine,
    pub(super) cx: &'a Context,
    pub(super) key: &'a Key,
    pub(super) inputs: &'a ServiceInputs,
    pub(super) deadline: Instant,
    digest: String,
    image_id: String,
    /// The digest or ID that the image's name stood for.
    pinned: String,
    /// The containers whose secret files are known to be the right ones; none when there is no such file.
    trusted: Option<BTreeSet<String>>,
    /// The facts about containers that we did not make.
    takeover: Takeover,
    /// True if a service that this one is restarted with has another container.
    restart: bool,
    /// The volumes that are somebody's by their names.
    pub(super) named: Named,
    /// Which of the volumes that are no longer used may go.
    delete_data: &'a DeleteData,
}

/// Applies a service.
pub(crate) async fn apply(
    engine: &Engine,
    request: &ApplyRequest,
    inputs: &ServiceInputs,
    cx: &Context,
) -> Result<Applied, ProviderError> {
    let (run, members) = Converge::begin(engine, request, inputs, cx).await?;
    match run.all(members).await {
        Ok(ids) => Ok(run.applied(&engine.inspect_ids(ids).await?)),
        Err(error) => {
            let now = engine.members(&inputs.project, &inputs.service).await?;
            let mut applied = run.applied(&now);
            let error = engine.explain_port(error).await;
            // The old containers are there again, or still are: the record of them stays as it was.
            let is_new = request.recorded.is_none() && now.iter().any(|one| engine.maker_of(one, inputs) == Maker::Us);
            if !is_new {
                return Err(error);
            }
            applied
                .private
                .as_object_mut()
                .and_then(|private| private.remove(takeover::FIELD));
            Err(error.with_partial(applied))
        }
    }
}

/// True if a service that this one depends on with `restart` has another container than when this was applied last.
fn restarts(request: &ApplyRequest) -> bool {
    let Some(recorded) = &request.recorded else {
        return false;
    };
    let containers = |inputs: &Value| -> BTreeMap<String, Value> {
        let depends_on = inputs.get("depends_on").and_then(Value::as_object);
        let named = depends_on.into_iter().flatten();
        let named = named.filter_map(|(name, dependency)| Some((name.clone(), dependency.get("container")?.clone())));
        named.collect()
    };
    let before = containers(&recorded.inputs);
    let now = containers(&request.inputs);
    now.iter()
        .any(|(name, container)| before.get(name).is_some_and(|before| before != container))
}

/// The containers that are known to hold the secret files that are asked for.
fn trusted(request: &ApplyRequest) -> Option<BTreeSet<String>> {
    let holds = |inputs: &Value| ["configs", "secrets"].map(|field| inputs.get(field).cloned());
    if !holds(&request.inputs).iter().flatten().any(Value::has_secret) {
        return None;
    }
    let recorded = request
        .recorded
        .as_ref()
        .filter(|recorded| holds(&recorded.inputs) == holds(&request.inputs));
    let containers = recorded.and_then(|recorded| recorded.private.json().ok()?.get("containers")?.as_array().cloned());
    let ids = containers
        .into_iter()
        .flatten()
        .filter_map(|id| id.as_str().map(str::to_owned));
    Some(ids.collect())
}

impl<'a> Converge<'a> {
    /// Looks at what there is: the image, which is pulled where that is asked for, and the service's containers.
    pub(super) async fn begin(
        engine: &'a Engine,
        request: &'a ApplyRequest,
        inputs: &'a ServiceInputs,
        cx: &'a Context,
    ) -> Result<(Self, Vec<ContainerInspectResponse>), ProviderError> {
        let image = engine.ensure_image(&inputs.spec, &request.key, cx).await?;
        let members = engine.members(&inputs.project, &inputs.service).await?;
        let why = (request.intent, request.recorded.as_ref());
        let takeover = Takeover::of(engine, &members, inputs, why, &image.id).await?;
        let run = Self {
            engine,
            cx,
            key: &request.key,
            inputs,
            deadline: Instant::now() + request.timeout.mul_f64(0.9),
            digest: crate::hash::of_service(&request.inputs),
            image_id: image.id,
            pinned: image.pinned,
            trusted: trusted(request),
            takeover,
            restart: restarts(request),
            named: Named::of(request.recorded.as_ref().map(|recorded| &recorded.inputs), inputs),
            delete_data: &request.delete_data,
        };
        run.refuse_foreign(request, &members).await?;
        Ok((run, members))
    }
}

impl Converge<'_> {
    /// Refuses to touch a service with containers that do not bear our mark, unless there is more to say for them. A
    /// container's labels never change, so what is found here holds for as long as it is worked on.
    async fn refuse_foreign(
        &self,
        request: &ApplyRequest,
        members: &[ContainerInspectResponse],
    ) -> Result<(), ProviderError> {
        for member in members {
            let mark = self
                .engine
                .mark_of(member, self.inputs, request.recorded.as_ref())
                .await?;
            let Some(seen) = mark.seen().filter(|_| !mark.yields_to(request.claim)) else {
                continue;
            };
            let message = format!(
                "the service {} of the project {} has the container {} already, which this stack did not make ({seen})",
                self.inputs.service,
                self.inputs.project,
                name_of(member)
            );
            return Err(ProviderError::new(ErrorKind::Conflict, message)
                .with_hint(format!("{}, or use another project name", mark.ways_out(&request.key))));
        }
        Ok(())
    }

    /// Makes the service's containers as they are asked for; gives their IDs, in the order of their numbers. Those that are
    /// there already are seen to one after the other, so that a change that does not work stops at the first one; new ones
    /// come side by side.
    async fn all(&self, members: Vec<ContainerInspectResponse>) -> Result<Vec<String>, ProviderError> {
        let mut by_number: BTreeMap<u32, Vec<ContainerInspectResponse>> = BTreeMap::new();
        for member in members {
            by_number.entry(number_of(&member)).or_default().push(member);
        }
        let mut ids = BTreeMap::new();
        let mut new = Vec::new();
        for number in 1..=self.inputs.spec.replicas() {
            match by_number.remove(&number) {
                Some(members) => {
                    ids.insert(number, self.replica(number, members).await?);
                }
                None => new.push(number),
            }
        }
        let made: Vec<_> = stream::iter(new)
            .map(|number| async move { Ok((number, self.replica(number, Vec::new()).await?)) })
            .buffered(PARALLEL)
            .collect()
            .await;
        for made in made {
            ids.extend([made?]);
        }
        let surplus: Vec<_> = by_number.into_values().flatten().collect();
        let removed = future::join_all(surplus.iter().map(|container| self.remove_surplus(container))).await;
        removed.into_iter().collect::<Result<(), _>>()?;
        Ok(ids.into_values().collect())
    }

    /// Takes away a container that is one too many.
    async fn remove_surplus(&self, container: &ContainerInspectResponse) -> Result<(), ProviderError> {
        let items: Vec<DataItem> = volumes::of(std::slice::from_ref(container), &self.named).collect();
        volumes::refuse_what_came(self.engine, &self.inputs.service, &items)?;
        self.cx.progress(self.key, format!("removing {}", name_of(container)));
        self.engine.stop(container).await?;
        self.engine.remove(container).await?;
        self.let_go(&items).await
    }

    /// Deletes those of the volumes that a container leaves which may go, and says of the others that they stay.
    pub(super) async fn let_go(&self, items: &[DataItem]) -> Result<(), ProviderError> {
        for item in items {
            if self.delete_data.allows(item) {
                volumes::remove(self.engine, &item.name).await?;
            } else {
                let message = format!("the {} {} ({}) stays", item.kind, item.name, item.amount);
                self.cx.progress(self.key, message);
            }
        }
        Ok(())
    }

    /// Sees to one of the service's containers; gives its ID.
    async fn replica(&self, number: u32, members: Vec<ContainerInspectResponse>) -> Result<String, ProviderError> {
        let request = self.request(number);
        let mut current = None;
        let mut stale = Vec::new();
        for member in members {
            match self.verdict(&member, &request) {
                Verdict::Replace(_) => stale.push(member),
                verdict if current.is_none() => current = Some((member, verdict)),
                _ => stale.push(member),
            }
        }
        let name = request::container_name(self.inputs, number);
        match current {
            Some((member, verdict)) if stale.is_empty() => {
                self.keep(&member, verdict, &name).await?;
                Ok(member.id.unwrap_or_default())
            }
            None if stale.is_empty() => {
                let id = self.create(&name, request).await?;
                self.start(&id, &name).await?;
                Ok(id)
            }
            current => {
                self.replace(current.map(|(member, _)| member), &stale, request, &name)
                    .await
            }
        }
    }

    /// Returns the request that creates one of the service's containers.
    pub(super) fn request(&self, number: u32) -> Request {
        let place = Place {
            owner: &self.engine.owner,
            digest: &self.digest,
            image_id: &self.image_id,
            number,
        };
        request::build(self.inputs, place)
    }

    fn verdict(&self, member: &ContainerInspectResponse, request: &Request) -> Verdict {
        let id = member.id.as_deref().unwrap_or_default();
        let state = member.state.clone().unwrap_or_default();
        let status = status_of(member);
        let has_failed = status == Status::EXITED && state.exit_code != Some(0);
        if status == Status::DEAD || (self.inputs.completes && has_failed) {
            return Verdict::Replace("it failed".to_owned());
        }
        // The files of one that was never started are written again before it is.
        let unsure = self.trusted.as_ref().is_some_and(|trusted| !trusted.contains(id));
        if unsure && status != Status::CREATED {
            return Verdict::Replace("its secret files changed".to_owned());
        }
        let standing = self.takeover.standing(self.engine, member, request, self.inputs);
        compare::judge(member, request, &standing, &self.image_id)
    }

    /// Sees to a container that need not be recreated.
    async fn keep(&self, member: &ContainerInspectResponse, verdict: Verdict, name: &str) -> Result<(), ProviderError> {
        let id = member.id.as_deref().unwrap_or_default();
        if let Verdict::Adjust(update) = verdict {
            self.cx.progress(self.key, format!("adjusting {name}"));
            let adjusted = self.engine.docker.update_container(id, *update).await;
            adjusted.map_err(|error| failed(&format!("change the limits of {name}"), &error))?;
        }
        self.join_networks(member).await?;
        self.rename(member, name).await?;
        match status_of(member) {
            Status::RUNNING if self.restart => {
                self.cx.progress(self.key, format!("restarting {name}"));
                let restarted = self.engine.docker.restart_container(id, None).await;
                restarted.map_err(|error| failed(&format!("restart {name}"), &error))
            }
            Status::RUNNING | Status::RESTARTING => Ok(()),
            Status::EXITED if self.inputs.completes => Ok(()),
            // It has done its work, unless somebody stopped it in the middle of that.
            _ if has_finished(member, Expected::of(self.inputs)) && !self.engine.was_stopped(member).await? => Ok(()),
            Status::PAUSED => {
                let resumed = self.engine.docker.unpause_container(id).await;
                resumed.map_err(|error| failed(&format!("resume {name}"), &error))
            }
            _ => self.start(id, name).await,
        }
    }

    fn applied(&self, members: &[ContainerInspectResponse]) -> Applied {
        let ids: Vec<_> = members.iter().filter_map(|member| member.id.clone()).collect();
        let taken_over: BTreeMap<&str, &str> = members
            .iter()
            .filter(|member| self.engine.maker_of(member, self.inputs) == Maker::Compose)
            .filter_map(|member| Some((member.id.as_deref()?, self.digest.as_str())))
            .collect();
        let mut private = json!({
            "digest": self.digest, "image_id": self.image_id, "containers": ids,
            "images": { (&self.inputs.spec.image): self.pinned },
        });
        if !taken_over.is_empty() {
            private[takeover::FIELD] = json!(taken_over);
        }
        Applied {
            uid: None,
            outputs: outputs::of(members, self.inputs),
            private,
        }
    }
}
