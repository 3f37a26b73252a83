//! Waits for services to do their work.

use std::time::Duration;

use bollard::models::ContainerInspectResponse;
use iac_core::provider::{Applied, Context, ErrorKind, ProviderError, Readiness, WaitRequest};
use iac_core::value::Packed;
use tokio::time::Instant;

use super::connect::Engine;
use super::readiness::{self, STEADY};
use super::service::outputs;
use crate::inputs::ServiceInputs;

/// The time for which an engine may be unreachable: one that is restarted comes back.
const AWAY: Duration = Duration::from_secs(60);

impl Engine {
    pub(crate) async fn wait_service(
        &self,
        request: &WaitRequest,
        inputs: &ServiceInputs,
        cx: &Context,
    ) -> Result<Applied, ProviderError> {
        let key = &request.recorded.key;
        let deadline = Instant::now() + request.timeout;
        let bell = self.events.listen(&inputs.project, &inputs.service);
        let known = known(&request.recorded.private);
        let mut patience = Patience::default();
        let mut steady = Steady::default();
        let mut said = String::new();
        loop {
            let mut limit = deadline.saturating_duration_since(Instant::now());
            let mut members = Vec::new();
            let news = match patience.with(self.members_of(inputs, &known).await)? {
                None => "the engine does not answer".to_owned(),
                Some(found) => {
                    members = found;
                    match readiness::judge_all(&members, inputs) {
                        Readiness::Ready if inputs.completes || all_told(&members, inputs) => {
                            return Ok(ready(&members, inputs));
                        }
                        Readiness::Ready => match steady.left(&members, STEADY) {
                            Duration::ZERO => return Ok(ready(&members, inputs)),
                            left => {
                                limit = limit.min(left);
                                "running".to_owned()
                            }
                        },
                        Readiness::Pending(why) => why,
                        Readiness::Failed { reason, terminal: true } | Readiness::Spent(reason) => {
                            return Err(self.failure(ErrorKind::Failed, reason, &members, inputs).await);
                        }
                        Readiness::Failed { reason, .. } => reason,
                    }
                }
            };
            if Instant::now() >= deadline {
                let waited = request.timeout.as_secs();
                let message = format!("the service {} is not ready after {waited} s: {news}", inputs.service);
                return Err(self.failure(ErrorKind::Timeout, message, &members, inputs).await);
            }
            if news != said {
                cx.progress(key, news.clone());
                said = news;
            }
            bell.wait(limit).await;
        }
    }

    /// A service's containers: those that are known by their IDs, or, where one of them is gone, those that there are.
    async fn members_of(
        &self,
        inputs: &ServiceInputs,
        known: &[String],
    ) -> Result<Vec<ContainerInspectResponse>, ProviderError> {
        if !known.is_empty() && known.len() == inputs.spec.replicas() as usize {
            let found = self.inspect_ids(known.to_vec()).await?;
            if found.len() == known.len() {
                return Ok(found);
            }
        }
        self.members(&inputs.project, &inputs.service).await
    }

    async fn failure(
        &self,
        kind: ErrorKind,
        message: String,
        members: &[ContainerInspectResponse],
        inputs: &ServiceInputs,
    ) -> ProviderError {
        let expected = readiness::Expected::of(inputs);
        let is_bad = |member: &&ContainerInspectResponse| readiness::judge(member, expected) != Readiness::Ready;
        let mut error = ProviderError::new(kind, message);
        let loops = members
            .iter()
            .any(|member| member.restart_count.unwrap_or_default() > 0);
        if let Some(member) = members.iter().find(is_bad) {
            error = error.with_details(self.last_words(member).await);
        }
        let logs = format!("docker compose -p {} logs {}", inputs.project, inputs.service);
        error.with_hint(if loops {
            format!("{logs}; if it needs another service, say so with depends_on and condition: service_healthy")
        } else {
            logs
        })
    }
}

/// Bears with an engine that does not answer for a while.
#[derive(Default)]
pub(crate) struct Patience {
    away_since: Option<Instant>,
}

impl Patience {
    /// None where it does not answer.
    ///
    /// # Errors
    /// Any other error, and this one once it has lasted.
    pub(crate) fn with<T>(&mut self, result: Result<T, ProviderError>) -> Result<Option<T>, ProviderError> {
        match result {
            Ok(value) => {
                self.away_since = None;
                Ok(Some(value))
            }
            Err(error) if error.kind == ErrorKind::Unreachable => {
                let since = *self.away_since.get_or_insert_with(Instant::now);
                if since.elapsed() < AWAY { Ok(None) } else { Err(error) }
            }
            Err(error) => Err(error),
        }
    }
}

/// Since when containers run, by when they were started: one that was restarted begins again.
#[derive(Default)]
pub(crate) struct Steady {
    began: Option<(Vec<Option<String>>, Instant)>,
}

impl Steady {
    /// For how long they still have to stay up.
    pub(crate) fn left(&mut self, members: &[ContainerInspectResponse], wanted: Duration) -> Duration {
        let starts = starts(members);
        let began = self.began.take().filter(|(before, _)| *before == starts);
        let (_, since) = self.began.insert(began.unwrap_or_else(|| (starts, Instant::now())));
        wanted.saturating_sub(since.elapsed())
    }
}

/// The containers that the last application left.
fn known(private: &Packed) -> Vec<String> {
    let private = private.json().unwrap_or_default();
    let ids = private.get("containers").and_then(|ids| ids.as_array());
    let texts = ids.into_iter().flatten().filter_map(|id| id.as_str());
    texts.map(str::to_owned).collect()
}

/// True if each container tells for itself how it is: by a health check, its own or its image's, or by its end.
fn all_told(members: &[ContainerInspectResponse], inputs: &ServiceInputs) -> bool {
    let expected = readiness::Expected::of(inputs);
    let tells = |member: &ContainerInspectResponse| {
        let has_check = member.state.as_ref().is_some_and(|state| state.health.is_some());
        has_check || readiness::has_finished(member, expected)
    };
    members.iter().all(tells)
}

/// When each container was started.
fn starts(members: &[ContainerInspectResponse]) -> Vec<Option<String>> {
    let start = |member: &ContainerInspectResponse| member.state.as_ref().and_then(|state| state.started_at.clone());
    members.iter().map(start).collect()
}

fn ready(members: &[ContainerInspectResponse], inputs: &ServiceInputs) -> Applied {
    Applied {
        uid: None,
        outputs: outputs::of(members, inputs),
        private: serde_json::Value::Null,
    }
}
