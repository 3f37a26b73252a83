//! Replaces a container so that the old one stays until the new one does its work.
//!
//! The new one is made under a name of its own before anything is taken away, so a missing image or a refused option
//! costs no downtime. Then, *start first*: start the new one, wait for it, stop the old one; or *stop first*, where both
//! cannot run at the same time: stop the old one, start the new one, wait for it. When the new one does not become
//! healthy it is removed, and the old one is started again.

use bollard::models::ContainerInspectResponse;
use iac_core::provider::{ErrorKind, ProviderError, Readiness};
use tokio::time::Instant;

use super::beside;
use super::containers::name_of;
use super::converge::Converge;
use super::request::{self, Request};
use super::volumes;
use crate::model::{Service, UpdateOrder};
use crate::provider::errors::failed;
use crate::provider::readiness::{self, Expected, STEADY};
use crate::provider::wait::{Patience, Steady};

/// Which comes first, and why it is not as usual. `old` are the containers that are replaced.
pub(crate) fn order(spec: &Service, old: &[ContainerInspectResponse]) -> (UpdateOrder, Option<String>) {
    let asked = spec
        .deploy
        .as_ref()
        .and_then(|deploy| deploy.update_config.as_ref()?.order);
    if let Some(order) = asked {
        return (order, Some("deploy.update_config.order says so".to_owned()));
    }
    match beside::exclusive(spec, old) {
        Some(why) => (UpdateOrder::StopFirst, Some(why)),
        None => (UpdateOrder::StartFirst, None),
    }
}

/// The name of a container that is to take another one's place.
fn successor(name: &str) -> String {
    format!("new_{name}")
}

impl Converge<'_> {
    /// Replaces `stale` by one container: `current`, which an interrupted run made, or a new one. Gives its ID.
    pub(super) async fn replace(
        &self,
        current: Option<ContainerInspectResponse>,
        stale: &[ContainerInspectResponse],
        mut request: Request,
        name: &str,
    ) -> Result<String, ProviderError> {
        let next_name = successor(name);
        let mut stale = stale.to_vec();
        let id = match &current {
            Some(current) => current.id.clone().unwrap_or_default(),
            None => {
                stale = self.free_name(&next_name, stale, name).await?;
                if let Some(old) = stale.last() {
                    request::carry_over(&mut request.body, old);
                }
                self.create(&next_name, request).await?
            }
        };
        let is_stop_first = order(&self.inputs.spec, &stale).0 == UpdateOrder::StopFirst;
        if is_stop_first {
            for old in &stale {
                self.cx.progress(self.key, format!("stopping {}", name_of(old)));
                self.engine.stop(old).await?;
            }
        }
        let outcome = match self.start(&id, &next_name).await {
            Ok(()) => self.gate(&id).await,
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            let stopped = if is_stop_first { &*stale } else { &[] };
            return Err(self.go_back(&id, stopped, error).await);
        }
        for old in &stale {
            self.cx.progress(self.key, format!("stopping {}", name_of(old)));
            self.engine.stop(old).await?;
            self.engine.remove(old).await?;
            self.let_go(&volumes::unused(std::slice::from_ref(old), self.inputs, &self.named))
                .await?;
        }
        let next = self.look(&id).await?;
        self.rename(&next, name).await?;
        Ok(id)
    }

    /// Frees the successor's name where a run that was killed left one that is out of date itself by now: it goes, unless
    /// it is all there is; then it gets the proper name. Gives the containers that are to be replaced.
    async fn free_name(
        &self,
        next_name: &str,
        stale: Vec<ContainerInspectResponse>,
        name: &str,
    ) -> Result<Vec<ContainerInspectResponse>, ProviderError> {
        let (left, mut old): (Vec<_>, Vec<_>) = stale.into_iter().partition(|member| name_of(member) == next_name);
        for member in left {
            if old.is_empty() {
                self.rename(&member, name).await?;
                old.push(self.look(member.id.as_deref().unwrap_or_default()).await?);
            } else {
                self.cx.progress(self.key, format!("removing {next_name}"));
                self.engine.stop(&member).await?;
                self.engine.remove(&member).await?;
            }
        }
        Ok(old)
    }

    async fn look(&self, id: &str) -> Result<ContainerInspectResponse, ProviderError> {
        let inspected = self.engine.docker.inspect_container(id, None).await;
        inspected.map_err(|error| failed("look at the new container", &error))
    }

    /// Waits until a new container works.
    async fn gate(&self, id: &str) -> Result<(), ProviderError> {
        if self.inputs.completes {
            return Ok(());
        }
        let expected = Expected::of(self.inputs);
        let monitor = self
            .inputs
            .spec
            .deploy
            .as_ref()
            .and_then(|deploy| deploy.update_config.as_ref()?.monitor);
        self.cx.waits();
        let bell = self.engine.events.listen(&self.inputs.project, &self.inputs.service);
        let (mut patience, mut steady) = (Patience::default(), Steady::default());
        loop {
            let mut limit = self.deadline.saturating_duration_since(Instant::now());
            let container = patience.with(self.look(id).await)?;
            if let Some(container) = &container {
                let has_check = container.state.as_ref().is_some_and(|state| state.health.is_some());
                match readiness::judge(container, expected) {
                    Readiness::Ready if has_check || readiness::has_finished(container, expected) => return Ok(()),
                    Readiness::Ready => {
                        let left = steady.left(std::slice::from_ref(container), monitor.unwrap_or(STEADY));
                        if left.is_zero() {
                            return Ok(());
                        }
                        limit = limit.min(left);
                    }
                    Readiness::Pending(why) => {
                        self.cx.progress(self.key, format!("new container: {why}"));
                    }
                    Readiness::Failed { reason, .. } | Readiness::Spent(reason) => {
                        let words = self.engine.last_words(container).await;
                        return Err(ProviderError::new(ErrorKind::Failed, reason).with_details(words));
                    }
                }
            }
            if Instant::now() >= self.deadline {
                let words = match &container {
                    Some(container) => self.engine.last_words(container).await,
                    None => Vec::new(),
                };
                let message = "it did not become ready in time";
                return Err(ProviderError::new(ErrorKind::Timeout, message).with_details(words));
            }
            bell.wait(limit).await;
        }
    }

    /// Takes a failed replacement back; gives the error with what became of the old containers.
    async fn go_back(
        &self,
        new: &str,
        stopped: &[ContainerInspectResponse],
        mut error: ProviderError,
    ) -> ProviderError {
        let undo = async {
            let failed_one = self.look(new).await?;
            self.engine.discard(&failed_one).await?;
            for old in stopped {
                self.start(old.id.as_deref().unwrap_or_default(), &name_of(old)).await?;
            }
            Ok::<_, ProviderError>(())
        };
        let undone = undo.await;
        if undone.is_ok() && error.kind == ErrorKind::Timeout {
            // Nothing is under way any more.
            error.kind = ErrorKind::Failed;
        }
        let kept = match undone {
            Ok(()) if stopped.is_empty() => "the former container kept running".to_owned(),
            Ok(()) => "the former container was started again".to_owned(),
            Err(second) => format!("and the former container could not be brought back: {second}"),
        };
        error.message = format!(
            "the new container of {} does not work: {}; {kept}",
            self.inputs.service, error.message
        );
        error
    }
}
