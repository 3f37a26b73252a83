//! The meaning of warnings, for causes that the state of a pod does not show.

use serde_json::Value as Json;

use super::{Finding, MISSING, SHORT, is_missing, is_over, is_ready, name_of};
use crate::provider::Warning;

/// Returns the reason that a warning about a pod gives for why it is not ready.
pub(crate) fn warned(pod: &Json, warning: &Warning) -> Option<Finding> {
    if is_over(pod) || is_ready(pod) {
        return None;
    }
    let statuses = ["initContainerStatuses", "containerStatuses"].map(|list| pod["status"][list].as_array());
    let statuses: Vec<&Json> = statuses.into_iter().flatten().flatten().collect();
    let is_made = statuses.iter().all(|status| status["state"]["waiting"].is_null());
    let is_about_making = warning.reason.starts_with("Failed");
    // The cause that kept it from being created is gone.
    if is_about_making && is_made && !statuses.is_empty() {
        return None;
    }
    let may_come = is_about_making && is_missing(&warning.message);
    Some(Finding {
        cause: format!("{}: {}", warning.reason, first_line(&warning.message)),
        patience: may_come.then_some(MISSING),
        hint: hint_of_event(&warning.reason, &warning.message).map(str::to_owned),
        ..Finding::about(format!("pod {}", name_of(pod)))
    })
}

/// Returns the reason that a warning about a workload gives for why it has fewer pods than it should.
pub(crate) fn not_made(warning: &Warning) -> Finding {
    let message = &warning.message;
    let patience = match warning.reason.as_str() {
        "FailedCreate" if message.contains("service account") => Some(MISSING),
        // One that is not up yet, or is restarted.
        "FailedCreate" if message.contains(NO_ANSWER) => Some(MISSING),
        "FailedCreate" => Some(SHORT),
        // A storage class that is not there.
        "ProvisioningFailed" if message.contains("not found") => Some(MISSING),
        _ => None,
    };
    Finding {
        cause: format!("{}: {}", warning.reason, first_line(message)),
        patience,
        hint: hint_of_event(&warning.reason, message).map(str::to_owned),
        ..Finding::about(warning.about.clone())
    }
}

/// The words in which the server says that a webhook could not be asked.
const NO_ANSWER: &str = "failed calling webhook";

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// Returns the advice on a warning.
pub(crate) fn hint_of_event(reason: &str, message: &str) -> Option<&'static str> {
    match reason {
        "FailedMount" | "FailedAttachVolume" if is_missing(message) => {
            Some("a Secret, ConfigMap or claim that is mounted, or a key in one, is missing")
        }
        "FailedMount" | "FailedAttachVolume" => Some("a volume cannot be mounted: check the claim and its volume"),
        "ProvisioningFailed" => Some("no volume could be made: check the claim's storage class"),
        "FailedCreate" if message.contains("quota") => {
            Some("the namespace's quota is used up: lower the requests, or raise it")
        }
        "FailedCreate" if message.contains("PodSecurity") => Some(
            "the namespace's Pod Security level forbids the pod: change its security context, or the namespace's labels",
        ),
        "FailedCreate" if message.contains(NO_ANSWER) => Some(
            "a webhook of the cluster does not answer, and no pod is made without it: see whether what serves it runs",
        ),
        "FailedCreate" if message.contains("AdmissionPolicy") => {
            Some("an admission policy of the cluster refuses the pods: change what it asks for, or ask whoever runs it")
        }
        "FailedCreate" if message.contains("admission webhook") => {
            Some("a webhook of the cluster refuses the pods: change what it asks for, or ask whoever runs it")
        }
        "FailedCreate" if message.contains("service account") => {
            Some("the ServiceAccount that the pods name is missing")
        }
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

    fn warning(reason: &str, message: &str) -> Warning {
        Warning {
            uid: "u".to_owned(),
            about: "ReplicaSet/a".to_owned(),
            reason: reason.to_owned(),
            message: message.to_owned(),
            last: String::new(),
        }
    }

    #[test]
    fn warnings_about_a_pod_hold_as_long_as_they_may_be_the_cause() {
        let starting = || json!({"containerStatuses": [{"state": {"waiting": {"reason": "ContainerCreating"}}}]});
        let running = || json!({"containerStatuses": [{"state": {"running": {}}}]});
        let ready = || json!({"conditions": [{"type": "Ready", "status": "True"}]});
        for (status, reason, message, expected) in [
            (starting(), "FailedMount", "secret \"x\" not found", Some(Some(MISSING))),
            (starting(), "FailedMount", "timed out", Some(None)),
            (
                starting(),
                "FailedMount",
                "configmap references non-existent config key: x",
                Some(Some(MISSING)),
            ),
            (running(), "FailedMount", "secret \"x\" not found", None),
            (running(), "Unhealthy", "statuscode: 404", Some(None)),
            (ready(), "Unhealthy", "statuscode: 404", None),
        ] {
            let pod = json!({"metadata": {"name": "a-1"}, "status": status});
            let found = warned(&pod, &warning(reason, message)).map(|found| found.patience);
            assert_eq!(found, expected, "{reason} {message} {pod}");
        }
    }

    #[test]
    fn why_pods_are_not_made_is_final_after_a_while() {
        for (message, patience, hint) in [
            (
                "pods \"a\" is forbidden: exceeded quota: small",
                SHORT,
                "quota is used up",
            ),
            ("admission webhook \"x\" denied the request: no", SHORT, "a webhook"),
            (
                "failed calling webhook \"x\": connection refused",
                MISSING,
                "does not answer",
            ),
            (
                "ValidatingAdmissionPolicy 'x' with binding 'y' denied request: no",
                SHORT,
                "an admission policy",
            ),
            (
                "violates PodSecurity \"restricted:latest\"",
                SHORT,
                "Pod Security level",
            ),
            (
                "error looking up service account n/x: not found",
                MISSING,
                "ServiceAccount",
            ),
        ] {
            let found = not_made(&warning("FailedCreate", message));
            assert_eq!(found.patience, Some(patience), "{message}");
            assert!(found.hint.is_some_and(|text| text.contains(hint)), "{message}");
            assert_eq!(found.about, "ReplicaSet/a");
        }
    }
}
