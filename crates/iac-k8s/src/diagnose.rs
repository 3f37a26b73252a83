//! Why pods do not run: reads the state of pods and names the cause, how long to bear with it, and what to do.

use std::time::Duration;

use serde_json::Value as Json;

use crate::readiness::condition;

/// How long a cause that seldom passes is borne with.
const SHORT: Duration = Duration::from_secs(20);

/// After how many restarts a container that keeps failing is given up.
const RESTARTS: i64 = 4;

/// Something that keeps a pod from running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The pod.
    pub(crate) pod: String,
    /// The container, if it is about one.
    pub(crate) container: Option<String>,
    /// What, with the cluster's own words.
    pub(crate) cause: String,
    /// After which time it counts as final; none when it may pass by itself.
    pub(crate) patience: Option<Duration>,
    /// What to do.
    pub(crate) hint: Option<&'static str>,
    /// Whether the container ran, so that it has a log.
    pub(crate) has_log: bool,
}

impl Finding {
    /// `pod api-1, container api: …`
    pub(crate) fn line(&self) -> String {
        match &self.container {
            Some(container) => format!("pod {}, container {container}: {}", self.pod, self.cause),
            None => format!("pod {}: {}", self.pod, self.cause),
        }
    }
}

/// What keeps this pod from running; empty when nothing does, or nothing is known yet.
pub(crate) fn pod(pod: &Json) -> Vec<Finding> {
    let name = pod.pointer("/metadata/name").and_then(Json::as_str).unwrap_or("?");
    let base = Finding {
        pod: name.to_owned(),
        container: None,
        cause: String::new(),
        patience: None,
        hint: None,
        has_log: false,
    };
    let mut findings = Vec::new();
    if let Some(scheduled) = condition(pod, "PodScheduled").filter(|scheduled| scheduled.status == "False") {
        findings.push(unscheduled(base.clone(), scheduled.text()));
    }
    for statuses in ["initContainerStatuses", "containerStatuses"] {
        let statuses = pod.pointer(&format!("/status/{statuses}")).and_then(Json::as_array);
        findings.extend(
            statuses
                .into_iter()
                .flatten()
                .filter_map(|status| container(&base, status)),
        );
    }
    let reason = pod.pointer("/status/reason").and_then(Json::as_str);
    if let (Some("Failed"), Some(reason)) = (pod.pointer("/status/phase").and_then(Json::as_str), reason) {
        let message = pod.pointer("/status/message").and_then(Json::as_str).unwrap_or("");
        findings.push(Finding {
            cause: format!("{reason}: {message}"),
            ..base
        });
    }
    findings
}

fn unscheduled(base: Finding, cause: String) -> Finding {
    let hint = if cause.contains("Insufficient") {
        Some("no node has enough free CPU or memory: lower the requests, or add nodes")
    } else if cause.contains("persistentvolumeclaim") || cause.contains("PersistentVolumeClaim") {
        Some("check the claim that the pod names, and its storage class")
    } else if cause.contains("taint") || cause.contains("affinity") || cause.contains("selector") {
        Some("no node fits the pod's node selector, affinity and tolerations")
    } else {
        None
    };
    Finding { cause, hint, ..base }
}

fn container(base: &Finding, status: &Json) -> Option<Finding> {
    let finding = Finding {
        container: status["name"].as_str().map(str::to_owned),
        ..base.clone()
    };
    let restarts = status["restartCount"].as_i64().unwrap_or(0);
    if let Some(waiting) = status.pointer("/state/waiting") {
        let text = |field: &str| waiting[field].as_str().unwrap_or("");
        return waiting_container(finding, text("reason"), text("message"), status, restarts);
    }
    let terminated = status.pointer("/state/terminated")?;
    if terminated["exitCode"] == 0 {
        return None;
    }
    Some(Finding {
        cause: ended(terminated),
        hint: hint_of_end(terminated),
        has_log: true,
        ..finding
    })
}

fn waiting_container(finding: Finding, reason: &str, message: &str, status: &Json, restarts: i64) -> Option<Finding> {
    let cause = match message {
        "" => reason.to_owned(),
        message => format!("{reason}: {message}"),
    };
    let (patience, hint) = match reason {
        "" | "ContainerCreating" | "PodInitializing" => return None,
        "ErrImagePull" | "ImagePullBackOff" => (
            Some(SHORT),
            "check the image's name and tag, whether the registry can be reached, and imagePullSecrets",
        ),
        "InvalidImageName" => (Some(Duration::ZERO), "the image's name is not well-formed"),
        "ErrImageNeverPull" => (
            Some(SHORT),
            "the image is not on the node, and imagePullPolicy is Never",
        ),
        "CreateContainerConfigError" => (
            Some(SHORT),
            "a Secret or ConfigMap, or a key in one, that the container names is missing",
        ),
        "CreateContainerError" | "RunContainerError" => {
            (Some(SHORT), "check the command, the mounts and the security context")
        }
        "CrashLoopBackOff" => return Some(crashing(finding, status, restarts)),
        _ => {
            return Some(Finding { cause, ..finding });
        }
    };
    Some(Finding {
        cause,
        patience,
        hint: Some(hint),
        ..finding
    })
}

fn crashing(finding: Finding, status: &Json, restarts: i64) -> Finding {
    let last = status.pointer("/lastState/terminated");
    let ended = last.map_or_else(|| "it keeps ending".to_owned(), ended);
    Finding {
        cause: format!("CrashLoopBackOff, {restarts} restarts: {ended}"),
        patience: (restarts >= RESTARTS).then_some(Duration::ZERO),
        hint: last.and_then(hint_of_end).or(Some("its log says why it ends")),
        has_log: true,
        ..finding
    }
}

/// How a container ended.
fn ended(terminated: &Json) -> String {
    let code = terminated["exitCode"].as_i64().unwrap_or(-1);
    let reason = terminated["reason"].as_str().unwrap_or("Error");
    match terminated["message"]
        .as_str()
        .map(str::trim)
        .filter(|message| !message.is_empty())
    {
        Some(message) => format!("{reason}, exit code {code}: {message}"),
        None => format!("{reason}, exit code {code}"),
    }
}

fn hint_of_end(terminated: &Json) -> Option<&'static str> {
    match (terminated["reason"].as_str(), terminated["exitCode"].as_i64()) {
        (Some("OOMKilled"), _) => Some("it needs more memory than its limit: raise resources.limits.memory"),
        (Some("ContainerCannotRun" | "StartError"), _) | (_, Some(126 | 127)) => {
            Some("the command can not be run: check command and args, and that the image has it")
        }
        _ => None,
    }
}

/// What the reason of a warning event means, for those that the state of a pod does not show.
pub(crate) fn hint_of_event(reason: &str, message: &str) -> Option<&'static str> {
    match reason {
        "FailedMount" | "FailedAttachVolume" if message.contains("not found") => {
            Some("a Secret, ConfigMap or claim that is mounted is missing")
        }
        "FailedMount" | "FailedAttachVolume" => Some("a volume can not be mounted: check the claim and its volume"),
        "ProvisioningFailed" => Some("no volume could be made: check the claim's storage class"),
        "FailedCreate" if message.contains("quota") => Some("the namespace's quota is used up"),
        "FailedScheduling" if message.contains("Insufficient") => {
            Some("no node has enough free CPU or memory: lower the requests, or add nodes")
        }
        "Unhealthy" => Some("a probe fails: check its path, port and timing against what the container really serves"),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "tables of literals read better")]
mod tests {
    use super::*;
    use serde_json::json;

    fn first(status: Json) -> Option<Finding> {
        pod(&json!({"metadata": {"name": "api-1"}, "status": status}))
            .into_iter()
            .next()
    }

    fn with(state: Json) -> Json {
        json!({"containerStatuses": [{"name": "api", "restartCount": 4, "state": state, "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}]})
    }

    #[test]
    fn the_usual_causes_are_named() {
        let waiting = |reason: &str| with(json!({"waiting": {"reason": reason, "message": "m"}}));
        for (status, cause, patience, hint) in [
            (
                waiting("ImagePullBackOff"),
                "ImagePullBackOff: m",
                Some(SHORT),
                "image's name",
            ),
            (
                waiting("InvalidImageName"),
                "InvalidImageName: m",
                Some(Duration::ZERO),
                "not well-formed",
            ),
            (
                waiting("CreateContainerConfigError"),
                "CreateContainerConfigError: m",
                Some(SHORT),
                "Secret or ConfigMap",
            ),
            (
                waiting("CrashLoopBackOff"),
                "CrashLoopBackOff, 4 restarts: OOMKilled, exit code 137",
                Some(Duration::ZERO),
                "memory",
            ),
            (
                with(json!({"terminated": {"exitCode": 127, "reason": "Error"}})),
                "Error, exit code 127",
                None,
                "command",
            ),
            (
                json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "Insufficient cpu"}]}),
                "Unschedulable: Insufficient cpu",
                None,
                "CPU or memory",
            ),
            (
                json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "persistentvolumeclaim \"x\" not found"}]}),
                "Unschedulable: persistentvolumeclaim \"x\" not found",
                None,
                "claim",
            ),
        ] {
            let finding = first(status).expect("something is wrong");
            assert_eq!((finding.cause.as_str(), finding.patience), (cause, patience));
            assert!(finding.hint.is_some_and(|text| text.contains(hint)), "{finding:?}");
        }
    }

    #[test]
    fn a_pod_that_starts_or_runs_has_nothing_wrong() {
        for state in [
            json!({"running": {}}),
            json!({"waiting": {"reason": "ContainerCreating"}}),
            json!({"terminated": {"exitCode": 0}}),
        ] {
            assert_eq!(first(with(state)), None);
        }
    }

    #[test]
    fn init_containers_are_looked_at_too() {
        let status =
            json!({"initContainerStatuses": [{"name": "migrate", "state": {"waiting": {"reason": "ErrImagePull"}}}]});
        assert_eq!(
            first(status).and_then(|finding| finding.container).as_deref(),
            Some("migrate")
        );
    }
}
