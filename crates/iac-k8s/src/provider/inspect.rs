//! Looks behind a workload that does not get ready: at its pods, their logs and the warnings of all of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use serde_json::Value as Json;
use tokio::time::Instant;

use super::call::{Call, CallError};
use super::events::{self, Warning};
use super::pods::{self, Pods};
use super::session::{Session, uid};
use crate::diagnose::{self, Ends, Finding};
use crate::readiness::last_changed;

/// The interval between two looks at pods.
const EVERY: Duration = Duration::from_secs(2);

/// The number of lines of a container's log that are shown.
const LOG_LINES: &str = "10";

/// The number of bytes of it: lines may be long.
const LOG_BYTES: &str = "262144";

/// The number of warnings that are shown.
const WARNINGS: usize = 8;

/// Watches for causes that will not pass, and bears with each for its time.
#[derive(Default)]
pub(crate) struct Patience {
    looked: Option<Instant>,
    since: HashMap<(String, Option<String>, Option<Duration>), Instant>,
    ends: Ends,
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
        let pods = pods::of(session, object).await?;
        pods.current
            .iter()
            .chain(&pods.earlier)
            .for_each(|pod| self.ends.note(pod));
        let warnings = warnings(session, object, &pods).await;
        let findings = findings(object, &pods, &warnings, &self.ends);
        self.latest = findings.first().map(Finding::line);
        let key = |finding: &Finding| (finding.about.clone(), finding.container.clone(), finding.patience);
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

    /// Tells the progress, with the cause that stands in the way.
    pub(crate) fn explain(&self, progress: String) -> String {
        match &self.latest {
            Some(cause) => format!("{progress}; {cause}"),
            None => progress,
        }
    }
}

/// Returns the causes that keep a workload from being ready, the worst first.
fn findings(object: &Json, pods: &Pods, warnings: &[Warning], ends: &Ends) -> Vec<Finding> {
    let mut findings: Vec<Finding> = pods
        .current
        .iter()
        .flat_map(|pod| {
            let of_state = diagnose::pod(pod, ends);
            match of_state.is_empty() {
                true => of_warnings(pod, warnings),
                false => of_state,
            }
        })
        .collect();
    // With this policy its controller replaces them whether they are ready or not.
    if object["spec"]["podManagementPolicy"] != "Parallel" {
        findings.extend(pods.earlier.iter().filter_map(|pod| diagnose::left_behind(pod, ends)));
    }
    let (there, wanted) = (pods.current.len() + pods.earlier.len(), diagnose::wanted_pods(object));
    if wanted.is_none_or(|wanted| wanted > there) {
        let mut of_makers = warnings.iter().filter(|warning| pods.makers.contains(&warning.uid));
        let latest = of_makers.next_back().map(diagnose::not_made);
        // With the number in it, its patience begins again whenever one more was created.
        findings.extend(latest.map(|finding| match wanted {
            Some(wanted) => finding.about_so_many(there, wanted),
            None => finding,
        }));
    }
    // The causes that will not pass by themselves, and soonest, are the ones to read.
    findings.sort_by_key(|finding| finding.patience.unwrap_or(Duration::MAX));
    findings
}

/// Returns the findings of the latest warning about a pod that its state does not show.
fn of_warnings(pod: &Json, warnings: &[Warning]) -> Vec<Finding> {
    let about = warnings
        .iter()
        .rev()
        .filter(|warning| Some(&warning.uid) == uid(pod).as_ref());
    about
        .filter_map(|warning| diagnose::warned(pod, warning))
        .take(1)
        .collect()
}

/// The warnings about a workload and its pods. What was said of the workload before it was last changed is about
/// something else.
async fn warnings(session: &Session, object: &Json, pods: &Pods) -> Vec<Warning> {
    let namespace = object.pointer("/metadata/namespace").and_then(Json::as_str);
    let all = pods.current.iter().chain(&pods.earlier).filter_map(uid);
    let involved: BTreeSet<String> = all.chain(pods.makers.iter().cloned()).collect();
    let mut warnings = events::warnings(session, namespace.unwrap_or("default"), &involved).await;
    let changed = last_changed(object).unwrap_or_default();
    // Times are cut to whole seconds, and an event may come in the same one.
    warnings.retain(|warning| !pods.makers.contains(&warning.uid) || warning.last.as_str() >= changed);
    warnings
}

/// Whether containers that nothing probes have been up for long enough to say that they work.
#[derive(Default)]
pub(crate) struct Settling {
    seen: HashMap<(String, String, i64), Instant>,
}

/// The time for which a container without readiness probe has to stay up before its pod counts as ready, unless its
/// workload says so by `minReadySeconds`.
const STEADY: Duration = Duration::from_secs(3);

/// A container that runs for so long by our clock, which may be wrong, needs no watching.
const LONG: Duration = Duration::from_secs(60);

impl Settling {
    /// Returns the container that has to stay up for a little longer.
    pub(crate) fn holds(&mut self, object: &Json, pods: &Pods) -> Option<String> {
        if object["spec"]["minReadySeconds"]
            .as_i64()
            .is_some_and(|seconds| seconds > 0)
        {
            return None;
        }
        // A status that says otherwise lags behind. The pods of a paused workload are not its present ones.
        let is_moving = object["spec"]["paused"] != true;
        if let Some(down) = pods.current.iter().find(|pod| is_moving && diagnose::is_down(pod)) {
            return Some(format!("pod {} is not ready any more", diagnose::name_of(down)));
        }
        let now = Instant::now();
        let young = pods
            .current
            .iter()
            .flat_map(diagnose::unprobed)
            .filter(|running| !running.is_older_than(LONG));
        let young: Vec<_> = young.collect();
        for running in &young {
            self.seen.entry(running.key.clone()).or_insert(now);
        }
        let held = young
            .into_iter()
            .find(|running| now - self.seen[&running.key] < STEADY)?;
        let (pod, container) = (held.pod, &held.key.1);
        Some(format!(
            "pod {pod}, container {container}: it has no readiness probe, and counts as ready once it has been up for {} s",
            STEADY.as_secs()
        ))
    }
}

/// The images that the pods of a workload run: what the names in the workload meant.
pub(crate) fn images(pods: &Pods) -> BTreeMap<String, String> {
    let containers = pods.current.iter().flat_map(|pod| {
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
    containers.collect()
}

/// The known facts about the cause of a failure.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// The chain from pods to logs and warnings.
    pub(crate) lines: Vec<String>,
    /// The advice for people.
    pub(crate) hint: Option<String>,
}

/// Everything that the cluster can tell about why an object is not ready. What cannot be read is left out: the failure
/// itself is more important than its explanation.
pub(crate) async fn report(session: &Session, object: &Json, patience: &Patience) -> Report {
    let mut report = Report::default();
    let pods = pods::of(session, object).await.unwrap_or_default();
    let warnings = warnings(session, object, &pods).await;
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or("default");
    let mut shown_logs = BTreeSet::new();
    for finding in findings(object, &pods, &warnings, &patience.ends) {
        let line = finding.line();
        if !report.lines.contains(&line) {
            report.lines.push(line);
        }
        report.hint = report.hint.or(finding.hint);
        // One log per container is enough: replicas fail alike.
        if finding.has_log && shown_logs.insert(finding.container.clone()) {
            let pod = finding.about.strip_prefix("pod ").unwrap_or_default();
            report
                .lines
                .extend(log(session, namespace, pod, finding.container.as_deref()).await);
        }
    }
    let skipped = warnings.len().saturating_sub(WARNINGS);
    for warning in warnings.iter().skip(skipped) {
        let hint = diagnose::hint_of_event(&warning.reason, &warning.message);
        report.hint = report.hint.or(hint.map(str::to_owned));
        // The same warning comes again with each attempt.
        let line = warning.line();
        if !report.lines.contains(&line) {
            report.lines.push(line);
        }
    }
    report
}

/// The last lines of a container's log, of its previous run if it has been restarted.
async fn log(session: &Session, namespace: &str, pod: &str, container: Option<&str>) -> Vec<String> {
    let Some(container) = container else {
        return Vec::new();
    };
    let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}/log");
    let call = Call::get(path)
        .with("container", container)
        .with("tailLines", LOG_LINES)
        .with("limitBytes", LOG_BYTES);
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
