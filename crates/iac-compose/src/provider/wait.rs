//! Waits for services to do their work.

use std::time::Duration;

use bollard::models::ContainerInspectResponse;
use iac_core::provider::{Applied, Context, ErrorKind, ProviderError, Readiness, WaitRequest};
use tokio::time::Instant;

use super::connect::Engine;
use super::readiness::{self, STEADY};
use super::service::outputs;
use crate::inputs::ServiceInputs;

/// How often the containers are looked at.
const POLL: Duration = Duration::from_millis(300);

impl Engine {
    pub(crate) async fn wait_service(
        &self,
        request: &WaitRequest,
        inputs: &ServiceInputs,
        cx: &Context,
    ) -> Result<Applied, ProviderError> {
        let key = &request.recorded.key;
        let deadline = Instant::now() + request.timeout;
        // Since when the containers run, by when they were started: one that was restarted begins anew.
        let mut steady: Option<(Vec<Option<String>>, Instant)> = None;
        let mut said = String::new();
        loop {
            let members = self.members(&inputs.project, &inputs.service).await?;
            let news = match readiness::judge_all(&members, inputs) {
                Readiness::Ready if inputs.completes || all_told(&members, inputs) => {
                    return Ok(ready(&members, inputs));
                }
                Readiness::Ready => {
                    let starts = starts(&members);
                    let began = steady.take().filter(|(before, _)| *before == starts);
                    let (starts, since) = began.unwrap_or_else(|| (starts, Instant::now()));
                    if since.elapsed() >= STEADY {
                        return Ok(ready(&members, inputs));
                    }
                    steady = Some((starts, since));
                    "running".to_owned()
                }
                Readiness::Pending(why) => why,
                Readiness::Failed { reason, terminal: true } | Readiness::Spent(reason) => {
                    return Err(self.failure(ErrorKind::Failed, reason, &members, inputs).await);
                }
                Readiness::Failed { reason, .. } => reason,
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
            tokio::time::sleep(POLL).await;
        }
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
pub(crate) fn starts(members: &[ContainerInspectResponse]) -> Vec<Option<String>> {
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
