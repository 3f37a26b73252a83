//! The ends of containers, as far as they were seen, and the time that each has been up.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde_json::Value as Json;

use super::{is_over, name_of, restarts};

/// After how many ends in the same way a container counts as one that will end so again.
const SAME: i64 = 3;

/// After how many ends of any sort it is given up.
const ANY: i64 = 5;

/// The exit codes of containers, by pod and container, each by the number of the run. The cluster tells only the last.
#[derive(Debug, Default)]
pub(crate) struct Ends(HashMap<(String, String), BTreeMap<i64, i64>>);

impl Ends {
    /// Takes in what a pod says of its containers.
    pub(crate) fn note(&mut self, pod: &Json) {
        for status in statuses(pod) {
            let Some(key) = key(pod, status) else { continue };
            let (restarts, is_up) = (restarts(status), is_up(status));
            let code = |pointer: &str| status.pointer(pointer).and_then(Json::as_i64);
            let last = code("/lastState/terminated/exitCode");
            let now = code("/state/terminated/exitCode");
            // A container that waits for its restart has its own end in `lastState`.
            let last_run = if is_up || now.is_some() { restarts - 1 } else { restarts };
            let seen = [(restarts, now), (last_run, last)];
            let runs = self.0.entry(key).or_default();
            runs.extend(seen.into_iter().filter_map(|(run, code)| Some((run, code?))));
        }
    }

    /// True if a container that is down has ended so often in the same way that it will again. What was not seen of its
    /// earlier ends counts as the same.
    pub(super) fn has_repeated(&self, pod: &Json, status: &Json) -> bool {
        let ended = restarts(status) + 1;
        if is_up(status) || ended < SAME {
            return false;
        }
        let runs = key(pod, status).and_then(|key| self.0.get(&key));
        let codes = runs.into_iter().flat_map(|runs| runs.range(ended - SAME..));
        let mut codes: Vec<i64> = codes.map(|(_, code)| *code).collect();
        codes.dedup();
        codes.len() <= 1 || ended >= ANY
    }
}

fn statuses(pod: &Json) -> impl Iterator<Item = &Json> {
    let lists = ["initContainerStatuses", "containerStatuses"].map(|list| pod["status"][list].as_array());
    lists.into_iter().flatten().flatten()
}

fn key(pod: &Json, status: &Json) -> Option<(String, String)> {
    let text = |node: &Json| node.as_str().map(str::to_owned);
    Some((text(&pod["metadata"]["uid"])?, text(&status["name"])?))
}

fn is_up(status: &Json) -> bool {
    status.pointer("/state/running").is_some()
}

/// A container that runs and that nothing probes before it counts as ready.
#[derive(Debug)]
pub(crate) struct Running {
    /// Pod, container and the number of its run.
    pub(crate) key: (String, String, i64),
    /// The pod's name.
    pub(crate) pod: String,
    started: Option<jiff::Timestamp>,
}

impl Running {
    /// True if it has run for longer than that by our clock, which is not the cluster's.
    pub(crate) fn is_older_than(&self, time: Duration) -> bool {
        let age = self
            .started
            .map(|started| jiff::Timestamp::now().duration_since(started));
        age.and_then(|age| Duration::try_from(age).ok())
            .is_some_and(|age| age > time)
    }
}

/// The containers of a pod that run for as long as it does and that nothing probes; sidecars stand among the init
/// containers.
pub(crate) fn unprobed(pod: &Json) -> Vec<Running> {
    if is_over(pod) {
        return Vec::new();
    }
    let list = |key: &str| pod["spec"][key].as_array().into_iter().flatten();
    let sidecars = list("initContainers").filter(|container| container["restartPolicy"] == "Always");
    let containers = list("containers").chain(sidecars);
    let is_probed =
        |container: &&Json| container["readinessProbe"].is_object() || container["startupProbe"].is_object();
    let names: Vec<&Json> = containers
        .filter(|container| !is_probed(container))
        .map(|container| &container["name"])
        .collect();
    let running = statuses(pod).filter(|status| names.contains(&&status["name"]) && is_up(status));
    let running = running.filter_map(|status| {
        let (uid, name) = key(pod, status)?;
        let started = status.pointer("/state/running/startedAt").and_then(Json::as_str);
        Some(Running {
            key: (uid, name, restarts(status)),
            pod: name_of(pod).to_owned(),
            started: started.and_then(|started| started.parse().ok()),
        })
    });
    running.collect()
}

#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "tables of literals read better")]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(restarts: i64, state: Json, last: Option<i64>) -> Json {
        let mut status = json!({"name": "main", "restartCount": restarts, "state": state});
        if let Some(code) = last {
            status["lastState"] = json!({"terminated": {"exitCode": code}});
        }
        json!({"metadata": {"uid": "u", "name": "a"}, "status": {"containerStatuses": [status]}})
    }

    fn has_repeated(seen: &[Json]) -> bool {
        let mut ends = Ends::default();
        seen.iter().for_each(|pod| ends.note(pod));
        let last = seen.last().expect("one look at least");
        ends.has_repeated(last, &last["status"]["containerStatuses"][0])
    }

    #[test]
    fn three_ends_of_one_sort_are_enough() {
        let ended = |code: i64| json!({"terminated": {"exitCode": code}});
        let waits = || json!({"waiting": {"reason": "CrashLoopBackOff"}});
        let runs = || json!({"running": {}});
        for (expected, seen) in [
            (false, vec![pod(0, ended(3), None)]),
            (false, vec![pod(1, ended(3), Some(3))]),
            (
                true,
                vec![
                    pod(0, ended(3), None),
                    pod(1, waits(), Some(3)),
                    pod(2, ended(3), Some(3)),
                ],
            ),
            (true, vec![pod(2, waits(), Some(3))]),
            (
                false,
                vec![
                    pod(0, ended(1), None),
                    pod(1, waits(), Some(3)),
                    pod(2, ended(3), Some(3)),
                ],
            ),
            (false, vec![pod(1, runs(), Some(1)), pod(2, waits(), Some(3))]),
            (false, vec![pod(2, waits(), Some(3)), pod(3, runs(), Some(3))]),
            (true, vec![pod(1, runs(), Some(1)), pod(3, waits(), Some(3))]),
            (true, vec![pod(3, waits(), Some(1)), pod(4, waits(), Some(2))]),
        ] {
            assert_eq!(has_repeated(&seen), expected, "{seen:?}");
        }
    }

    #[test]
    fn only_what_runs_without_a_probe_is_watched() {
        let names = |container: Json, state: Json| {
            let mut pod = pod(0, state, None);
            pod["spec"] = json!({"containers": [container]});
            unprobed(&pod).len()
        };
        let running = || json!({"running": {"startedAt": "2026-01-01T00:00:00Z"}});
        assert_eq!(names(json!({"name": "main"}), running()), 1);
        assert_eq!(names(json!({"name": "main", "readinessProbe": {}}), running()), 0);
        assert_eq!(names(json!({"name": "main", "startupProbe": {}}), running()), 0);
        assert_eq!(
            names(json!({"name": "main"}), json!({"terminated": {"exitCode": 0}})),
            0
        );
        let init = |policy: Json| {
            let mut pod = json!({"metadata": {"uid": "u", "name": "a"}, "spec": {"initContainers": [{"name": "side"}]},
                "status": {"initContainerStatuses": [{"name": "side", "restartCount": 0, "state": running()}]}});
            pod["spec"]["initContainers"][0]["restartPolicy"] = policy;
            unprobed(&pod).len()
        };
        assert_eq!(init(json!("Always")), 1);
        assert_eq!(init(Json::Null), 0);
    }
}
