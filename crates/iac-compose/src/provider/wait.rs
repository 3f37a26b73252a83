//! Waits for services to do their work.

use std::time::Duration;

use bollard::models::ContainerInspectResponse;
use iac_core::provider::{Applied, Context, ErrorKind, ProviderError, Readiness, WaitRequest};
use tokio::time::Instant;

use super::connect::Engine;
use super::readiness;
use super::service::outputs;
use crate::inputs::ServiceInputs;

/// How often the containers are looked at.
const POLL: Duration = Duration::from_millis(300);
/// For how long containers without a health check have to run, so that one that ends at once is noticed.
const STEADY: Duration = Duration::from_secs(1);

impl Engine {
    pub(crate) async fn wait_service(
        &self,
        request: &WaitRequest,
        inputs: &ServiceInputs,
        cx: &Context,
    ) -> Result<Applied, ProviderError> {
        let key = &request.recorded.key;
        let deadline = Instant::now() + request.timeout;
        let mut steady_since = None;
        let mut said = String::new();
        loop {
            let members = self.members(&inputs.project, &inputs.service).await?;
            let news = match readiness::judge_all(&members, inputs) {
                Readiness::Ready if inputs.completes || all_checked(&members) => return Ok(ready(&members, inputs)),
                Readiness::Ready => {
                    let since = *steady_since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= STEADY {
                        return Ok(ready(&members, inputs));
                    }
                    "running".to_owned()
                }
                Readiness::Pending(why) => {
                    steady_since = None;
                    why
                }
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
        if let Some(member) = members.iter().find(is_bad) {
            error = error.with_details(self.last_words(member).await);
        }
        error.with_hint(format!("docker compose -p {} logs {}", inputs.project, inputs.service))
    }
}

/// Whether each container has a health check, its own or its image's.
fn all_checked(members: &[ContainerInspectResponse]) -> bool {
    let has_check =
        |member: &ContainerInspectResponse| member.state.as_ref().is_some_and(|state| state.health.is_some());
    members.iter().all(has_check)
}

fn ready(members: &[ContainerInspectResponse], inputs: &ServiceInputs) -> Applied {
    Applied {
        uid: None,
        outputs: outputs::of(members, inputs),
        private: serde_json::Value::Null,
    }
}
