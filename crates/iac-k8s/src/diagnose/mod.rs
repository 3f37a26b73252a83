//! Why pods do not run: reads the state of pods and what the cluster warns of, and names the cause, how long to bear with
//! it, and what to do.

mod ends;
mod warned;

use std::time::Duration;

use serde_json::Value as Json;

pub(crate) use self::ends::{Ends, unprobed};
pub(crate) use self::warned::{hint_of_event, not_made, warned};
use crate::readiness::condition;

/// The time for which a cause that seldom passes is tolerated.
const SHORT: Duration = Duration::from_secs(20);

/// The time for which a missing object is waited for: a controller, or a Job of the same stack, may still create it.
const MISSING: Duration = Duration::from_secs(120);

/// The time in which a pod of an earlier template has to get ready, so that its StatefulSet goes on.
const LEFT_BEHIND: Duration = Duration::from_secs(60);

/// Something that keeps a pod from running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The object that it is about: `pod api-1`.
    pub(crate) about: String,
    /// The container, if it is about one.
    pub(crate) container: Option<String>,
    /// The cause, with the cluster's own words.
    pub(crate) cause: String,
    /// After which time it counts as final; none when it may pass by itself.
    pub(crate) patience: Option<Duration>,
    /// The advice for people.
    pub(crate) hint: Option<String>,
    /// True if the container ran, so that it has a log.
    pub(crate) has_log: bool,
}

impl Finding {
    fn about(about: String) -> Self {
        Self {
            about,
            container: None,
            cause: String::new(),
            patience: None,
            hint: None,
            has_log: false,
        }
    }

    /// `pod api-1, container api: …`
    pub(crate) fn line(&self) -> String {
        match &self.container {
            Some(container) => format!("{}, container {container}: {}", self.about, self.cause),
            None => format!("{}: {}", self.about, self.cause),
        }
    }

    /// The same, with how many of the wanted pods are there.
    pub(crate) fn about_so_many(self, there: usize, wanted: usize) -> Self {
        Self {
            about: format!("{} ({there} of {wanted} pods)", self.about),
            ..self
        }
    }

    fn hinted(self, hint: &str) -> Self {
        Self {
            hint: Some(hint.to_owned()),
            ..self
        }
    }
}

/// A pod's name.
pub(crate) fn name_of(pod: &Json) -> &str {
    pod["metadata"]["name"].as_str().unwrap_or("?")
}

/// True if it is none of those that could still get ready.
fn is_over(pod: &Json) -> bool {
    let phase = pod["status"]["phase"].as_str();
    pod["metadata"]["deletionTimestamp"].is_string() || phase == Some("Succeeded")
}

/// True if a pod that could be ready says that it is not.
pub(crate) fn is_down(pod: &Json) -> bool {
    let failed = pod["status"]["phase"] == "Failed";
    let says_no = condition(pod, "Ready").is_some_and(|ready| ready.status == "False");
    says_no
        && !failed
        && !is_over(pod)
        && condition(pod, "PodScheduled").is_none_or(|pod| pod.reason != "SchedulingGated")
}

fn is_ready(pod: &Json) -> bool {
    condition(pod, "Ready").is_some_and(|ready| ready.status == "True")
}

/// True if a Job counts its attempts, so that nobody else has to.
fn is_of_job(pod: &Json) -> bool {
    let owners = pod["metadata"]["ownerReferences"].as_array().into_iter().flatten();
    owners.into_iter().any(|owner| owner["kind"] == "Job")
}

/// Returns the least number of pods that a workload should have; `None` for an object without pods.
pub(crate) fn wanted_pods(object: &Json) -> Option<usize> {
    let number = |pointer: &str, default| object.pointer(pointer).and_then(Json::as_u64).unwrap_or(default);
    let wanted = match object["kind"].as_str()? {
        "Deployment" | "StatefulSet" | "ReplicaSet" | "ReplicationController" => number("/spec/replicas", 1),
        "DaemonSet" => number("/status/desiredNumberScheduled", 0),
        "Job" | "Pod" => 1,
        _ => return None,
    };
    usize::try_from(wanted).ok()
}

/// Returns the causes that keep this pod from running; empty if there are none, or none is known yet.
pub(crate) fn pod(pod: &Json, ends: &Ends) -> Vec<Finding> {
    if is_over(pod) || is_ready(pod) {
        return Vec::new();
    }
    let base = Finding::about(format!("pod {}", name_of(pod)));
    let mut findings = Vec::new();
    if let Some(scheduled) = condition(pod, "PodScheduled").filter(|scheduled| scheduled.status == "False") {
        findings.push(unscheduled(base.clone(), scheduled.text()));
    }
    for statuses in ["initContainerStatuses", "containerStatuses"] {
        let statuses = pod["status"][statuses].as_array().into_iter().flatten();
        findings.extend(statuses.filter_map(|status| container(&base, pod, status, ends)));
    }
    let reason = pod["status"]["reason"].as_str();
    if let (Some("Failed"), Some(reason)) = (pod["status"]["phase"].as_str(), reason) {
        let message = pod["status"]["message"].as_str().unwrap_or("");
        findings.push(Finding {
            cause: format!("{reason}: {message}"),
            ..base
        });
    }
    findings
}

/// A pod of a StatefulSet that was made from an earlier template and is not ready: the controller waits for it instead of
/// replacing it, so that a mistake that is mended in the template stays in the pod.
pub(crate) fn left_behind(pod: &Json, ends: &Ends) -> Option<Finding> {
    if is_over(pod) || is_ready(pod) {
        return None;
    }
    let (name, namespace) = (name_of(pod), pod["metadata"]["namespace"].as_str().unwrap_or("default"));
    let found = self::pod(pod, ends).into_iter().next();
    let cause = found.as_ref().map(|found| match &found.container {
        Some(container) => format!(" (container {container}: {})", found.cause),
        None => format!(" ({})", found.cause),
    });
    Some(Finding {
        cause: format!(
            "it was made from an earlier template and is not ready{}; a StatefulSet does not replace such a pod by itself",
            cause.unwrap_or_default()
        ),
        patience: found.as_ref().and_then(|found| found.patience).or(Some(LEFT_BEHIND)),
        hint: Some(format!(
            "delete the pod, and it comes back from the present template: kubectl delete pod {name} -n {namespace}"
        )),
        has_log: found.as_ref().is_some_and(|found| found.has_log),
        container: found.and_then(|found| found.container),
        ..Finding::about(format!("pod {name}"))
    })
}

fn unscheduled(base: Finding, cause: String) -> Finding {
    let mentions = |words: &[&str]| words.iter().any(|word| cause.contains(word));
    let patience = (mentions(&["persistentvolumeclaim \""]) && mentions(&["not found"])).then_some(MISSING);
    let hint = if mentions(&["Insufficient"]) {
        Some("no node has enough free CPU or memory: lower the requests, or add nodes")
    } else if mentions(&["persistentvolumeclaim", "PersistentVolumeClaim"]) {
        Some("check the claim that the pod names, and its storage class")
    } else if mentions(&["taint", "affinity", "selector"]) {
        Some("no node fits the pod's node selector, affinity and tolerations")
    } else {
        None
    };
    Finding {
        cause,
        patience,
        hint: hint.map(str::to_owned),
        ..base
    }
}

fn container(base: &Finding, pod: &Json, status: &Json, ends: &Ends) -> Option<Finding> {
    let finding = Finding {
        container: status["name"].as_str().map(str::to_owned),
        ..base.clone()
    };
    let is_final = ends.has_repeated(pod, status) && !is_of_job(pod);
    let crash = is_final.then_some(Duration::ZERO);
    if let Some(waiting) = status.pointer("/state/waiting") {
        let text = |field: &str| waiting[field].as_str().unwrap_or("");
        let finding = match text("reason") {
            "CrashLoopBackOff" => crashing(finding, status),
            reason => return waiting_container(finding, reason, text("message")),
        };
        return Some(Finding {
            patience: crash,
            ..finding
        });
    }
    if status.pointer("/state/running").is_some() {
        return restarted(finding, status);
    }
    let terminated = status.pointer("/state/terminated")?;
    if terminated["exitCode"] == 0 {
        // Of what is to keep running it is as bad as any other end.
        let keeps_running = pod["spec"]["restartPolicy"] == "Always" && !is_init(pod, status);
        return crash.filter(|_| keeps_running).map(|patience| {
            let finding = Finding {
                cause: format!("it ends by itself: {}", ended(terminated)),
                patience: Some(patience),
                has_log: true,
                ..finding
            };
            finding.hinted(ENDS_IN_ORDER)
        });
    }
    let runs = match restarts(status) {
        0 => String::new(),
        restarts => format!("ended {} times: ", restarts + 1),
    };
    Some(Finding {
        cause: format!("{runs}{}", ended(terminated)),
        hint: hint_of_end(terminated).or(Some(LOG_TELLS)).map(str::to_owned),
        has_log: true,
        patience: crash,
        ..finding
    })
}

/// True if it is a container that comes before the others.
fn is_init(pod: &Json, status: &Json) -> bool {
    let before = pod["spec"]["initContainers"].as_array().into_iter().flatten();
    before.into_iter().any(|container| container["name"] == status["name"])
}

/// A container that runs again after it ended, and is not ready yet.
fn restarted(finding: Finding, status: &Json) -> Option<Finding> {
    let last = status
        .pointer("/lastState/terminated")
        .filter(|_| status["ready"] != true)?;
    Some(Finding {
        cause: format!("restarted {}: {}", times(restarts(status)), ended(last)),
        hint: hint_of_end(last).map(str::to_owned),
        has_log: true,
        ..finding
    })
}

fn restarts(status: &Json) -> i64 {
    status["restartCount"].as_i64().unwrap_or(0)
}

fn times(number: i64) -> String {
    match number {
        1 => "once".to_owned(),
        many => format!("{many} times"),
    }
}

fn waiting_container(finding: Finding, reason: &str, message: &str) -> Option<Finding> {
    let cause = match message {
        "" => reason.to_owned(),
        message => format!("{reason}: {message}"),
    };
    let (patience, hint) = match reason {
        "" | "ContainerCreating" | "PodInitializing" => return None,
        "ErrImagePull" | "ImagePullBackOff" => (
            SHORT,
            "check the image's name and tag, whether the registry can be reached, and imagePullSecrets",
        ),
        "InvalidImageName" => (Duration::ZERO, "the image's name is not well-formed"),
        "ErrImageNeverPull" => (SHORT, "the image is not on the node, and imagePullPolicy is Never"),
        "CreateContainerConfigError" => (
            if is_missing(message) { MISSING } else { SHORT },
            "a Secret or ConfigMap, or a key in one, that the container names is missing",
        ),
        "CreateContainerError" | "RunContainerError" => {
            (SHORT, "check the command, the mounts and the security context")
        }
        _ => return Some(Finding { cause, ..finding }),
    };
    let patience = Some(patience);
    Some(
        Finding {
            cause,
            patience,
            ..finding
        }
        .hinted(hint),
    )
}

/// True if a message of the kubelet is about an object, or a key in one, that is not there: somebody may still make it.
fn is_missing(message: &str) -> bool {
    ["not found", "couldn't find key", "references non-existent"]
        .iter()
        .any(|words| message.contains(words))
}

const LOG_TELLS: &str = "its log says why it ends";

const ENDS_IN_ORDER: &str =
    "its command ends by itself: a container of a workload has to keep running; a Job is for work that ends";

fn crashing(finding: Finding, status: &Json) -> Finding {
    let last = status.pointer("/lastState/terminated");
    let how = last.map_or_else(|| "it keeps ending".to_owned(), ended);
    let hint = match last {
        Some(last) if last["exitCode"] == 0 => ENDS_IN_ORDER,
        last => last.and_then(hint_of_end).unwrap_or(LOG_TELLS),
    };
    let finding = Finding {
        cause: format!("CrashLoopBackOff, restarted {}: {how}", times(restarts(status))),
        has_log: true,
        ..finding
    };
    finding.hinted(hint)
}

/// Tells the end of a container.
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
        // The runtime does not always hear of the kernel's kill before it hears of the end.
        (_, Some(137)) => Some(
            "it was killed: by the kernel where it reached its memory limit (raise resources.limits.memory), or since a \
             liveness probe failed",
        ),
        (Some("ContainerCannotRun" | "StartError"), _) | (_, Some(126 | 127)) => {
            Some("the command cannot be run: check command and args, and that the image has it")
        }
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "tables of literals read better")]
mod tests;
