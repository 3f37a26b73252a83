//! Looks behind a workload that does not get ready: at its pods, their logs and the warnings of all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value as Json;
use tokio::time::Instant;

use super::call::{Call, CallError};
use super::session::{Session, uid};
use crate::diagnose::{self, Finding};

/// How often pods are looked at.
const EVERY: Duration = Duration::from_secs(2);

/// How many lines of a container's log are shown.
const LOG_LINES: &str = "10";

/// How many warnings are shown.
const WARNINGS: usize = 8;

/// Watches for causes that will not pass, and bears with each for its time.
#[derive(Default)]
pub(crate) struct Patience {
    looked: Option<Instant>,
    since: BTreeMap<(String, Option<String>, Option<Duration>), Instant>,
    latest: Option<String>,
}

impl Patience {
    /// The cause that is no longer borne with.
    pub(crate) async fn run_out(&mut self, session: &Session, object: &Json) -> Result<Option<String>, CallError> {
        if self.looked.is_some_and(|looked| looked.elapsed() < EVERY) {
            return Ok(None);
        }
        let now = Instant::now();
        self.looked = Some(now);
        let findings = findings(session, object).await?;
        self.latest = findings.first().map(Finding::line);
        let key = |finding: &Finding| (finding.pod.clone(), finding.container.clone(), finding.patience);
        let seen: BTreeSet<_> = findings.iter().map(key).collect();
        self.since.retain(|known, _| seen.contains(known));
        for finding in &findings {
            let Some(patience) = finding.patience else { continue };
            let since = *self.since.entry(key(finding)).or_insert(now);
            if now - since >= patience {
                return Ok(Some(finding.line()));
            }
        }
        Ok(None)
    }

    /// How far it is, with what stands in the way.
    pub(crate) fn explain(&self, progress: String) -> String {
        match &self.latest {
            Some(cause) => format!("{progress}; {cause}"),
            None => progress,
        }
    }
}

/// What is wrong with the pods of an object.
async fn findings(session: &Session, object: &Json) -> Result<Vec<Finding>, CallError> {
    let pods = pods(session, object).await?;
    Ok(pods.iter().flat_map(diagnose::pod).collect())
}

/// The images that the pods of a workload run: what the names in the workload meant.
pub(crate) async fn images(session: &Session, object: &Json) -> Result<BTreeMap<String, String>, CallError> {
    let pods = pods(session, object).await?;
    let containers = pods.iter().flat_map(|pod| {
        let names = ["containers", "initContainers"].map(|list| pod["spec"][list].as_array());
        let statuses = ["containerStatuses", "initContainerStatuses"].map(|list| pod["status"][list].as_array());
        let statuses: Vec<&Json> = statuses.into_iter().flatten().flatten().collect();
        let named = names.into_iter().flatten().flatten();
        named.filter_map(move |container| {
            let status = statuses.iter().find(|status| status["name"] == container["name"])?;
            let image = status["imageID"].as_str().filter(|id| !id.is_empty())?;
            Some((container["image"].as_str()?.to_owned(), image.to_owned()))
        })
    });
    Ok(containers.collect())
}

/// The pods that belong to the current form of a workload; those of an older form do not hold it up.
async fn pods(session: &Session, object: &Json) -> Result<Vec<Json>, CallError> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str);
    let Some(namespace) = text("/metadata/namespace") else {
        return Ok(Vec::new());
    };
    let kind = object["kind"].as_str().unwrap_or("");
    if kind == "Pod" {
        return Ok(vec![object.clone()]);
    }
    let Some(mut selector) = label_selector(object) else {
        return Ok(Vec::new());
    };
    match kind {
        "Deployment" => match current_replica_set(session, object, namespace, &selector).await? {
            Some(hash) => selector.push_str(&format!(",pod-template-hash={hash}")),
            None => return Ok(Vec::new()),
        },
        "StatefulSet" => {
            if let Some(revision) = text("/status/updateRevision") {
                selector.push_str(&format!(",controller-revision-hash={revision}"));
            }
        }
        "DaemonSet" | "ReplicaSet" | "Job" => {}
        _ => return Ok(Vec::new()),
    }
    let path = format!("/api/v1/namespaces/{namespace}/pods");
    match session.list(Call::get(path).with("labelSelector", selector)).await {
        Err(error) if error.code() == Some(403) => Ok(Vec::new()),
        other => other,
    }
}

/// The selector in the form of a query; expressions, which few use here, are left out.
fn label_selector(object: &Json) -> Option<String> {
    let labels = object.pointer("/spec/selector/matchLabels")?.as_object()?;
    let terms = labels
        .iter()
        .filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)));
    let terms: Vec<String> = terms.collect();
    (!terms.is_empty()).then(|| terms.join(","))
}

/// The hash of the Deployment's current ReplicaSet: the one of its own revision.
async fn current_replica_set(
    session: &Session,
    deployment: &Json,
    namespace: &str,
    selector: &str,
) -> Result<Option<String>, CallError> {
    const REVISION: &str = "deployment.kubernetes.io/revision";
    let path = format!("/apis/apps/v1/namespaces/{namespace}/replicasets");
    let sets = session
        .list(Call::list_metadata(path).with("labelSelector", selector))
        .await?;
    let revision = &deployment["metadata"]["annotations"][REVISION];
    let current = sets
        .iter()
        .find(|set| set["metadata"]["annotations"][REVISION] == *revision);
    let hash = current.and_then(|set| set["metadata"]["labels"]["pod-template-hash"].as_str());
    Ok(hash.map(str::to_owned))
}

/// What is known of the cause of a failure.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// The chain from pods to logs and warnings.
    pub(crate) lines: Vec<String>,
    /// What to do.
    pub(crate) hint: Option<String>,
}

/// Everything that the cluster can tell about why an object is not ready. What can not be read is left out: the failure
/// itself is more important than its explanation.
pub(crate) async fn report(session: &Session, object: &Json) -> Report {
    let mut report = Report::default();
    let pods = pods(session, object).await.unwrap_or_default();
    let namespace = object
        .pointer("/metadata/namespace")
        .and_then(Json::as_str)
        .unwrap_or("default");
    let mut shown_logs = BTreeSet::new();
    for finding in pods.iter().flat_map(diagnose::pod) {
        report.lines.push(finding.line());
        report.hint = report.hint.or(finding.hint.map(str::to_owned));
        // One log per container is enough: replicas fail alike.
        if finding.has_log && shown_logs.insert(finding.container.clone()) {
            report.lines.extend(log(session, namespace, &finding).await);
        }
    }
    let involved: BTreeSet<String> = pods.iter().chain([object]).filter_map(uid).collect();
    for (reason, message, line) in warnings(session, namespace, &involved).await {
        report.hint = report
            .hint
            .or(diagnose::hint_of_event(&reason, &message).map(str::to_owned));
        // The same warning comes again with each attempt.
        if !report.lines.contains(&line) {
            report.lines.push(line);
        }
    }
    report
}

/// The last lines of a container's log, of its previous run if it has been restarted.
async fn log(session: &Session, namespace: &str, finding: &Finding) -> Vec<String> {
    let Some(container) = &finding.container else {
        return Vec::new();
    };
    let path = format!("/api/v1/namespaces/{namespace}/pods/{}/log", finding.pod);
    let call = Call::get(path)
        .with("container", container.clone())
        .with("tailLines", LOG_LINES);
    let current = session.connection.text(&call).await.unwrap_or_default();
    let text = match current.trim().is_empty() {
        true => session
            .connection
            .text(&call.with("previous", "true"))
            .await
            .unwrap_or_default(),
        false => current,
    };
    let lines = text.lines().map(|line| format!("  log {container}: {line}"));
    lines.collect()
}

/// The latest warnings about any of these objects: reason, message, and a line for people.
async fn warnings(session: &Session, namespace: &str, involved: &BTreeSet<String>) -> Vec<(String, String, String)> {
    let path = format!("/api/v1/namespaces/{namespace}/events");
    let events = session
        .list(Call::get(path).with("fieldSelector", "type=Warning"))
        .await
        .unwrap_or_default();
    let mut about: Vec<&Json> = events
        .iter()
        .filter(|event| {
            event["involvedObject"]["uid"]
                .as_str()
                .is_some_and(|uid| involved.contains(uid))
        })
        .collect();
    about.sort_by_key(|event| {
        event["lastTimestamp"]
            .as_str()
            .or(event["eventTime"].as_str())
            .unwrap_or("")
            .to_owned()
    });
    let latest = about.iter().rev().take(WARNINGS).rev();
    latest
        .map(|event| {
            let text = |node: &Json| node.as_str().unwrap_or("").trim().to_owned();
            let (reason, message) = (text(&event["reason"]), text(&event["message"]));
            let object = &event["involvedObject"];
            let line = format!(
                "event {}/{}: {reason}: {message}",
                text(&object["kind"]),
                text(&object["name"])
            );
            (reason, message, line)
        })
        .collect()
}
