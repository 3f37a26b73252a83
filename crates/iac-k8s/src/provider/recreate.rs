//! A StatefulSet recreated around its pods, after its claims have grown.

use iac_core::provider::{Applied, Problem, ProviderError};
use serde_json::{Value as Json, json};

use super::apply::Application;
use super::call::{Answer, Call, CallError, Refusal};
use super::session::{Session, uid};
use super::{data, delete};
use crate::object::ObjectId;
use crate::quantity;
use crate::stateful::{self, Growth, Way};

/// A claim that is to grow.
pub(super) struct Claim {
    object: Json,
    growth: Growth,
}

impl Claim {
    fn name(&self) -> &str {
        self.object["metadata"]["name"].as_str().unwrap_or("?")
    }

    /// Which, and from how much to how much.
    pub(super) fn told(&self) -> String {
        let (before, after) = (stateful::size(&self.object), &self.growth.size);
        format!(
            "the claim {} grows from {before} to {after}, and cannot shrink again: the server took it in a trial; its file system follows \
             where the driver can do that, otherwise when the pod is restarted",
            self.name()
        )
    }

    /// Lets it grow, or tries whether it could.
    async fn grow(&self, session: &Session, id: &ObjectId, only_try: bool) -> Result<(), CallError> {
        let namespace = id.namespace.as_deref().unwrap_or_default();
        let path = format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims/{}", self.name());
        let body = json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            // With its UID, so that none is made that is gone meanwhile.
            "metadata": {"name": self.name(), "namespace": namespace, "uid": self.object["metadata"]["uid"]},
            "spec": {"resources": {"requests": {"storage": self.growth.size}}},
        });
        let mut call = Call::apply(path, &session.side_manager(), &body).with("force", "true");
        if only_try {
            call = call.with("dryRun", "All");
        }
        session.connection.call(&call).await.map(|_| ())
    }

    /// Why it cannot grow, by the server.
    pub(super) async fn problem(&self, session: &Session, id: &ObjectId) -> Option<Problem> {
        match self.grow(session, id, true).await {
            Err(CallError::Refused(refusal)) => {
                let class = self.object["spec"]["storageClassName"].as_str().unwrap_or("(none)");
                let message = format!("the claim {} cannot grow: {}", self.name(), refusal.message);
                Some(Problem {
                    hint: Some(format!(
                        "leave the size as it is, or let the storage class {class} allow it (allowVolumeExpansion: true) if its provisioner can"
                    )),
                    ..Problem::new(self.growth.path.clone(), message)
                })
            }
            // It will be seen when it is done.
            _ => None,
        }
    }
}

/// The claims of a StatefulSet that are smaller than their template is to be.
pub(super) async fn claims_to_grow(
    session: &Session,
    id: &ObjectId,
    grown: &[Growth],
) -> Result<Vec<Claim>, CallError> {
    if grown.is_empty() {
        return Ok(Vec::new());
    }
    let namespace = id.namespace.as_deref().unwrap_or_default();
    let all = session
        .list(Call::get(format!(
            "/api/v1/namespaces/{namespace}/persistentvolumeclaims"
        )))
        .await?;
    let growth_of = |claim: &Json| {
        let name = claim["metadata"]["name"].as_str()?;
        let of = |growth: &&Growth| data::is_claim_of(name, &growth.template, &id.name);
        let growth = grown.iter().find(of)?;
        let is_smaller = quantity::parse(stateful::size(claim)) < quantity::parse(&growth.size);
        is_smaller.then(|| growth.clone())
    };
    let claims = all.into_iter().filter_map(|object| {
        let growth = growth_of(&object)?;
        Some(Claim { object, growth })
    });
    Ok(claims.collect())
}

impl Application<'_> {
    /// Makes a change of a StatefulSet that the server refuses to make in place.
    pub(super) async fn recreate_around_pods(&self, refusal: Box<Refusal>) -> Result<Applied, ProviderError> {
        let recorded = self.request.recorded.as_ref();
        let expected = recorded.and_then(|recorded| recorded.uid.as_deref());
        let live = self.session.get(Call::get(self.kind.path(&self.id))).await?;
        let Some(live) = live.filter(|live| expected.is_none() || uid(live).as_deref() == expected) else {
            return Err(self.another(&refusal));
        };
        let Way::Around(grown) = stateful::way(&live, &self.body) else {
            return Err(CallError::Refused(refusal).into());
        };
        let say = |message: String| self.cx.progress(&self.request.key, message);
        self.grow_claims(&grown).await?;
        say("recreating it around its pods".to_owned());
        let uid = uid(&live);
        let alone = delete::Deletion {
            session: self.session,
            expected: uid.as_deref(),
            claim: self.request.claim,
            // Its pods go on running, and belong to nobody.
            propagation: delete::Propagation::Orphan,
            deadline: self.deadline,
            progress: &say,
        };
        alone.of(&self.id).await?;
        let before = recorded
            .and_then(|recorded| recorded.inputs.expose().ok())
            .unwrap_or_default();
        let answer = match stateful::of_others(&live, &before, &self.body) {
            Some(kept) => self.create_with(kept).await?,
            None => self.send(&self.body, false).await?,
        };
        self.finish(&answer)
    }

    /// Lets the claims grow that are smaller than their template wants them.
    pub(super) async fn grow_claims(&self, grown: &[Growth]) -> Result<(), CallError> {
        for claim in claims_to_grow(self.session, &self.id, grown).await? {
            self.cx.progress(&self.request.key, claim.told());
            claim.grow(self.session, &self.id, false).await?;
        }
        Ok(())
    }

    /// Creates it with what others had set, which then belongs to a manager of its own, so that no later apply of ours
    /// drops it.
    async fn create_with(&self, mut kept: Json) -> Result<Answer, CallError> {
        let mut body = self.body.clone();
        stateful::join(&mut body, &kept);
        self.send(&body, false).await?;
        stateful::join(&mut kept, &self.bare(Json::Null));
        let call = Call::apply(self.kind.path(&self.id), &self.session.side_manager(), &kept).with("force", "true");
        self.session
            .connection
            .call_patiently(&call, self.deadline, &|_| ())
            .await?;
        self.send(&self.body, false).await
    }
}
