//! The pods of the current form of a workload. Those of an earlier form, which a change is about to replace, say nothing
//! about the change.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::call::{Call, CallError};
use super::session::{Session, uid};
use crate::readiness::is_unobserved;

/// The pods of a workload.
#[derive(Debug, Default)]
pub(crate) struct Pods {
    /// Those made from its present template.
    pub(crate) current: Vec<Json>,
    /// For a StatefulSet: those of an earlier template. Its controller does not replace one that is not ready.
    pub(crate) earlier: Vec<Json>,
    /// The UIDs of the objects that make the pods: their warnings tell why there are none.
    pub(crate) makers: BTreeSet<String>,
}

/// The pods of an object; none while its controller has not seen its last change.
pub(crate) async fn of(session: &Session, object: &Json) -> Result<Pods, CallError> {
    let mut pods = match object["kind"].as_str().unwrap_or("") {
        "Pod" => Pods {
            current: vec![object.clone()],
            ..Pods::default()
        },
        _ if is_unobserved(object) => Pods::default(),
        "Deployment" => of_deployment(session, object).await?,
        "StatefulSet" => of_stateful_set(session, object).await?,
        "DaemonSet" => of_daemon_set(session, object).await?,
        "ReplicaSet" | "ReplicationController" | "Job" => Pods {
            current: owned(session, object, object, "").await?,
            ..Pods::default()
        },
        _ => Pods::default(),
    };
    pods.makers.extend(uid(object));
    Ok(pods)
}

async fn of_deployment(session: &Session, object: &Json) -> Result<Pods, CallError> {
    let Some(set) = current_replica_set(session, object).await? else {
        return Ok(Pods::default());
    };
    let hash = set["metadata"]["labels"]["pod-template-hash"].as_str();
    let term = hash.map(|hash| format!("pod-template-hash={hash}"));
    Ok(Pods {
        current: owned(session, object, &set, &term.unwrap_or_default()).await?,
        earlier: Vec::new(),
        makers: uid(&set).into_iter().collect(),
    })
}

/// The set whose template is the Deployment's: as its controller looks for it, the oldest of several. There is none while
/// a change is not taken up.
async fn current_replica_set(session: &Session, deployment: &Json) -> Result<Option<Json>, CallError> {
    let sets = list(session, deployment, "/apis/apps/v1", "replicasets", "").await?;
    let template = |set: &Json| {
        let mut template = set["spec"]["template"].clone();
        if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Json::as_object_mut) {
            labels.remove("pod-template-hash");
        }
        template
    };
    let wanted = template(deployment);
    let made = |set: &Json| set["metadata"]["creationTimestamp"].as_str().map(str::to_owned);
    let ours = sets
        .into_iter()
        .filter(|set| is_owned(set, deployment) && template(set) == wanted);
    Ok(ours.min_by_key(made))
}

async fn of_stateful_set(session: &Session, object: &Json) -> Result<Pods, CallError> {
    let revision = object.pointer("/status/updateRevision").and_then(Json::as_str);
    let pods = owned(session, object, object, "").await?;
    let (current, earlier) = pods
        .into_iter()
        .partition(|pod| revision.is_none() || revision_of(pod) == revision);
    Ok(Pods {
        current,
        earlier,
        ..Pods::default()
    })
}

async fn of_daemon_set(session: &Session, object: &Json) -> Result<Pods, CallError> {
    let revisions = list(session, object, "/apis/apps/v1", "controllerrevisions", "").await?;
    let ours = revisions.into_iter().filter(|revision| is_owned(revision, object));
    let Some(latest) = ours.max_by_key(|revision| revision["revision"].as_i64()) else {
        return Ok(Pods::default());
    };
    let term = revision_of(&latest).map(|hash| format!("{REVISION}={hash}"));
    Ok(Pods {
        current: owned(session, object, object, &term.unwrap_or_default()).await?,
        ..Pods::default()
    })
}

const REVISION: &str = "controller-revision-hash";

fn revision_of(object: &Json) -> Option<&str> {
    object["metadata"]["labels"][REVISION].as_str()
}

/// The pods that `owner` made, which is the workload itself or its ReplicaSet.
async fn owned(session: &Session, workload: &Json, owner: &Json, term: &str) -> Result<Vec<Json>, CallError> {
    let mut pods = list(session, workload, "/api/v1", "pods", term).await?;
    pods.retain(|pod| is_owned(pod, owner));
    Ok(pods)
}

/// The objects that a workload selects. What may not be read counts as not there.
async fn list(
    session: &Session,
    workload: &Json,
    group: &str,
    resource: &str,
    term: &str,
) -> Result<Vec<Json>, CallError> {
    Ok(selected(session, workload, group, resource, term)
        .await?
        .unwrap_or_default())
}

/// The objects that a workload selects; none where that cannot be told, or they may not be read.
async fn selected(
    session: &Session,
    workload: &Json,
    group: &str,
    resource: &str,
    term: &str,
) -> Result<Option<Vec<Json>>, CallError> {
    let namespace = workload.pointer("/metadata/namespace").and_then(Json::as_str);
    let (Some(namespace), Some(mut selector)) = (namespace, selector(workload)) else {
        return Ok(None);
    };
    if !term.is_empty() {
        selector.push_str(&format!(",{term}"));
    }
    let call = Call::get(format!("{group}/namespaces/{namespace}/{resource}"));
    match session.list(call.with("labelSelector", selector)).await {
        Err(error) if error.code() == Some(403) => Ok(None),
        other => other.map(Some),
    }
}

/// True if a workload certainly has no pods, and none are being made: it asks for none, each controller below it has seen
/// that, and there is none that it selects, be it on its way out.
pub(crate) async fn are_none(session: &Session, workload: &Json) -> Result<bool, CallError> {
    if !asks_for_none(workload) {
        return Ok(false);
    }
    if workload["kind"] == "Deployment" {
        let sets = selected(session, workload, "/apis/apps/v1", "replicasets", "").await?;
        if !sets.is_some_and(|sets| sets.iter().all(asks_for_none)) {
            return Ok(false);
        }
    }
    let pods = selected(session, workload, "/api/v1", "pods", "").await?;
    Ok(pods.is_some_and(|pods| pods.is_empty()))
}

/// True if a workload is to have no pods, and its controller knows and counts none.
fn asks_for_none(workload: &Json) -> bool {
    let number = |pointer: &str| workload.pointer(pointer).and_then(Json::as_i64);
    number("/spec/replicas") == Some(0)
        && number("/status/observedGeneration").is_some()
        && !is_unobserved(workload)
        && number("/status/replicas").unwrap_or_default() == 0
}

fn is_owned(object: &Json, owner: &Json) -> bool {
    let owners = object["metadata"]["ownerReferences"].as_array().into_iter().flatten();
    let uid = &owner["metadata"]["uid"];
    uid.is_string() && owners.filter(|of| of["controller"] == true).any(|of| of["uid"] == *uid)
}

/// A workload's selector in the form of a query.
fn selector(workload: &Json) -> Option<String> {
    let selector = &workload["spec"]["selector"];
    let by_labels = match (
        selector["matchLabels"].as_object(),
        selector["matchExpressions"].is_array(),
    ) {
        (Some(labels), _) => Some(labels),
        (None, true) => None,
        // A ReplicationController has nothing but labels.
        (None, false) => selector.as_object(),
    };
    let labels = by_labels.into_iter().flatten();
    let labels = labels.filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)));
    let expressions = selector["matchExpressions"].as_array().into_iter().flatten();
    let terms: Vec<String> = labels.chain(expressions.filter_map(expression)).collect();
    (!terms.is_empty()).then(|| terms.join(","))
}

fn expression(expression: &Json) -> Option<String> {
    let key = expression["key"].as_str()?;
    let values = expression["values"].as_array().into_iter().flatten();
    let values: Vec<&str> = values.filter_map(Json::as_str).collect();
    let values = values.join(",");
    match expression["operator"].as_str()? {
        "In" => Some(format!("{key} in ({values})")),
        "NotIn" => Some(format!("{key} notin ({values})")),
        "Exists" => Some(key.to_owned()),
        "DoesNotExist" => Some(format!("!{key}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_workload_asks_for_none_once_its_controller_has_seen_it() {
        for (spec, status, expected) in [
            (json!({"replicas": 0}), json!({"observedGeneration": 2}), true),
            (
                json!({"replicas": 0}),
                json!({"observedGeneration": 2, "replicas": 0}),
                true,
            ),
            (
                json!({"replicas": 0}),
                json!({"observedGeneration": 2, "replicas": 1}),
                false,
            ),
            (json!({"replicas": 0}), json!({"observedGeneration": 1}), false),
            (json!({"replicas": 0}), json!({}), false),
            (json!({"replicas": 1}), json!({"observedGeneration": 2}), false),
            (json!({}), json!({"observedGeneration": 2}), false),
        ] {
            let workload = json!({"metadata": {"generation": 2}, "spec": spec, "status": status});
            assert_eq!(asks_for_none(&workload), expected, "{workload}");
        }
    }

    #[test]
    fn selectors_become_queries() {
        for (spec, expected) in [
            (json!({"matchLabels": {"app": "a", "tier": "b"}}), Some("app=a,tier=b")),
            (json!({"app": "a"}), Some("app=a")),
            (
                json!({"matchLabels": {"app": "a"}, "matchExpressions": [
                    {"key": "tier", "operator": "In", "values": ["b", "c"]},
                    {"key": "old", "operator": "DoesNotExist"},
                ]}),
                Some("app=a,tier in (b,c),!old"),
            ),
            (
                json!({"matchExpressions": [{"key": "tier", "operator": "Exists"}, {"key": "x", "operator": "NotIn", "values": ["y"]}]}),
                Some("tier,x notin (y)"),
            ),
            (json!({}), None),
        ] {
            let workload = json!({"spec": {"selector": spec}});
            assert_eq!(selector(&workload).as_deref(), expected);
        }
    }
}
