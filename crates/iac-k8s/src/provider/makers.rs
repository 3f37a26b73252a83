//! Workloads of a namespace that are to have pods, as far as Services have to know them.
//!
//! No query finds the workloads whose pods bear given labels, so all of a namespace are read. Many Services of a run ask
//! the same: they share the lists that were read a moment ago. The workloads that the run itself wrote since are added, so
//! that nobody is told that no pods come from a workload that was just created.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value as Json};
use tokio::time::Instant;

use super::call::{Call, CallError};
use super::session::{STALE, Session};

/// The kinds that make pods, and where they are listed.
const MAKERS: [(&str, &str, &str); 5] = [
    ("Deployment", "/apis/apps/v1", "deployments"),
    ("StatefulSet", "/apis/apps/v1", "statefulsets"),
    ("ReplicaSet", "/apis/apps/v1", "replicasets"),
    ("DaemonSet", "/apis/apps/v1", "daemonsets"),
    ("ReplicationController", "/api/v1", "replicationcontrollers"),
];

/// The labels that a workload gives to its pods.
type Labels = Map<String, Json>;

/// When a list was read, and the workloads in it that are to have pods.
type Read = tokio::sync::Mutex<Option<(Instant, Arc<Vec<Labels>>)>>;

/// The workloads that a run knows.
#[derive(Debug, Default)]
pub(crate) struct Makers {
    lists: Mutex<HashMap<String, Arc<Read>>>,
    /// The workloads that the run itself wrote: the time of the answer, the namespace, and the labels of the pods.
    written: Mutex<Vec<(Instant, String, Labels)>>,
}

impl Makers {
    /// Remembers an object as an apply left it, if it is to have pods.
    pub(crate) fn note(&self, object: &Json) {
        let is_maker = MAKERS.iter().any(|(kind, ..)| object["kind"] == *kind);
        let namespace = object.pointer("/metadata/namespace").and_then(Json::as_str);
        if let (true, Some(namespace), Some(labels)) = (is_maker, namespace, labels_of_pods(object)) {
            let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            written.push((Instant::now(), namespace.to_owned(), labels));
        }
    }

    /// Whether a workload of a namespace is to have pods with these labels.
    pub(crate) async fn are_there(
        &self,
        session: &Session,
        namespace: &str,
        wanted: &Map<String, Json>,
    ) -> Result<bool, CallError> {
        for (_, group, resource) in MAKERS {
            let path = format!("{group}/namespaces/{namespace}/{resource}");
            let (read, makers) = self.read(session, path).await?;
            if makers.iter().any(|labels| bear(labels, wanted)) || self.has_written(read, namespace, wanted) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn read(&self, session: &Session, path: String) -> Result<(Instant, Arc<Vec<Labels>>), CallError> {
        let list = {
            let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(lists.entry(path.clone()).or_default())
        };
        let mut last = list.lock().await;
        if let Some((read, makers)) = &*last
            && read.elapsed() <= STALE
        {
            return Ok((*read, Arc::clone(makers)));
        }
        let read = Instant::now();
        let keep = |maker: Json| labels_of_pods(&maker);
        let makers = Arc::new(session.list_each(Call::get(path), keep).await?);
        *last = Some((read, Arc::clone(&makers)));
        Ok((read, makers))
    }

    fn has_written(&self, since: Instant, namespace: &str, wanted: &Map<String, Json>) -> bool {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let mut news = written.iter().rev().take_while(|(answered, ..)| *answered >= since);
        news.any(|(_, within, labels)| within == namespace && bear(labels, wanted))
    }
}

/// The labels of the pods that a workload is to have; none where it is to have none.
fn labels_of_pods(maker: &Json) -> Option<Labels> {
    let is_going = maker["metadata"]["deletionTimestamp"].is_string();
    // The items of a list do not say their kind.
    let wanted = match maker["status"]["desiredNumberScheduled"].as_i64() {
        Some(nodes) => nodes,
        None => maker["spec"]["replicas"].as_i64().unwrap_or(1),
    };
    if is_going || wanted <= 0 || maker["spec"]["paused"] == true {
        return None;
    }
    let labels = maker
        .pointer("/spec/template/metadata/labels")
        .and_then(Json::as_object);
    Some(labels.cloned().unwrap_or_default())
}

fn bear(labels: &Labels, wanted: &Map<String, Json>) -> bool {
    wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pods_come_from_what_is_to_have_some() {
        let labels = json!({"metadata": {"labels": {"app": "a", "tier": "b"}}});
        for (maker, expected) in [
            (json!({"spec": {"replicas": 1, "template": labels}}), true),
            (json!({"spec": {"template": labels}}), true),
            (json!({"spec": {"replicas": 0, "template": labels}}), false),
            (json!({"spec": {"paused": true, "template": labels}}), false),
            (
                json!({"spec": {"template": labels}, "status": {"desiredNumberScheduled": 0}}),
                false,
            ),
            (
                json!({"spec": {"template": labels}, "status": {"desiredNumberScheduled": 2}}),
                true,
            ),
            (
                json!({"spec": {"template": {"metadata": {"labels": {"app": "b"}}}}}),
                false,
            ),
            (
                json!({"metadata": {"deletionTimestamp": "x"}, "spec": {"template": labels}}),
                false,
            ),
        ] {
            let selector = json!({"app": "a"});
            let selector = selector.as_object().expect("a map");
            let makes = labels_of_pods(&maker).is_some_and(|labels| bear(&labels, selector));
            assert_eq!(makes, expected, "{maker}");
        }
    }

    #[test]
    fn what_the_run_wrote_since_counts() {
        let makers = Makers::default();
        let before = Instant::now();
        let workload = |kind: &str, replicas: i64| {
            json!({"kind": kind, "metadata": {"namespace": "n"},
                   "spec": {"replicas": replicas, "template": {"metadata": {"labels": {"app": kind}}}}})
        };
        makers.note(&workload("Deployment", 1));
        makers.note(&workload("StatefulSet", 0));
        makers.note(&workload("Widget", 1));
        let after = Instant::now() + STALE;
        for (since, namespace, app, expected) in [
            (before, "n", "Deployment", true),
            (before, "m", "Deployment", false),
            (after, "n", "Deployment", false),
            (before, "n", "StatefulSet", false),
            (before, "n", "Widget", false),
        ] {
            let wanted = json!({"app": app});
            let wanted = wanted.as_object().expect("a map");
            assert_eq!(
                makers.has_written(since, namespace, wanted),
                expected,
                "{namespace} {app}"
            );
        }
    }
}
