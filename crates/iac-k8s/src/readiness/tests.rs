//! The rules as tables: what the object looks like, and what it means.

use serde_json::json;

use super::*;

/// `ready`, `pending: …`, `failed: …`.
fn text(object: &Json, related: &Related) -> String {
    match of(object, related) {
        Readiness::Ready => "ready".to_owned(),
        Readiness::Pending(why) => format!("pending: {why}"),
        Readiness::Spent(why) => format!("spent: {why}"),
        Readiness::Failed { reason, terminal: true } => format!("failed: {reason}"),
        Readiness::Failed {
            reason,
            terminal: false,
        } => format!("failing: {reason}"),
    }
}

fn check(kind: (&str, &str), cases: &[(Json, Json, &str)]) {
    for (spec, status, expected) in cases {
        let object = json!({"apiVersion": kind.0, "kind": kind.1, "metadata": {"generation": 2}, "spec": spec, "status": status});
        assert_eq!(text(&object, &Related::default()), *expected, "{object}");
    }
}

#[test]
fn deployments() {
    let progressing =
        |reason: &str| json!([{"type": "Progressing", "status": "False", "reason": reason, "message": "no"}]);
    check(
        ("apps/v1", "Deployment"),
        &[
            (json!({}), json!({}), "pending: the controller has not seen it yet"),
            (
                json!({}),
                json!({"observedGeneration": 1, "updatedReplicas": 1, "availableReplicas": 1, "replicas": 1}),
                "pending: the controller has not seen the change yet",
            ),
            (
                json!({"replicas": 3}),
                json!({"observedGeneration": 2, "updatedReplicas": 1, "replicas": 3}),
                "pending: 1 of 3 replicas updated",
            ),
            (
                json!({"replicas": 3}),
                json!({"observedGeneration": 2, "updatedReplicas": 3, "replicas": 4, "availableReplicas": 3}),
                "pending: 1 old replicas still to go",
            ),
            (
                json!({"replicas": 3}),
                json!({"observedGeneration": 2, "updatedReplicas": 3, "replicas": 3, "availableReplicas": 2}),
                "pending: 2 of 3 replicas ready",
            ),
            (
                json!({"replicas": 3}),
                json!({"observedGeneration": 2, "updatedReplicas": 3, "replicas": 3, "availableReplicas": 3}),
                "ready",
            ),
            (json!({"replicas": 0}), json!({"observedGeneration": 2}), "ready"),
            (json!({"paused": true}), json!({"observedGeneration": 2}), "ready"),
            (
                json!({}),
                json!({"observedGeneration": 2, "conditions": progressing("ProgressDeadlineExceeded")}),
                "failed: ProgressDeadlineExceeded: no",
            ),
            (
                json!({}),
                json!({"observedGeneration": 2, "conditions": [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}]}),
                "pending: 0 of 1 replicas updated; FailedCreate: exceeded quota",
            ),
        ],
    );
}

#[test]
fn a_rollout_that_took_too_long_is_not_the_one_after_it() {
    let since = |changed: &str| {
        let condition = json!({"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "lastUpdateTime": "2026-01-01T10:00:00Z"});
        let managed = json!([
            {"manager": "iac", "operation": "Apply", "time": changed},
            {"manager": "kube-controller-manager", "subresource": "status", "time": "2026-01-01T12:00:00Z"},
        ]);
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"generation": 2, "managedFields": managed},
            "status": {"observedGeneration": 2, "conditions": [condition]}});
        text(&object, &Related::default())
    };
    assert_eq!(since("2026-01-01T09:00:00Z"), "failed: ProgressDeadlineExceeded");
    assert_eq!(since("2026-01-01T11:00:00Z"), "pending: 0 of 1 replicas updated");
}

#[test]
fn what_is_suspended_waits_for_nobody() {
    let custom = |spec: Json| {
        let object = json!({"apiVersion": "example.com/v1", "kind": "Sync", "metadata": {"generation": 2}, "spec": spec,
            "status": {"observedGeneration": 1}});
        text(&object, &Related::default())
    };
    assert_eq!(custom(json!({"suspend": true})), "ready");
    assert_eq!(custom(json!({"paused": true})), "ready");
    assert_eq!(
        custom(json!({"suspend": false})),
        "pending: the controller has not seen the change yet"
    );
}

#[test]
fn stateful_sets() {
    let revisions = |updated: i64| json!({"observedGeneration": 2, "replicas": 3, "readyReplicas": 3, "updatedReplicas": updated, "currentRevision": "a", "updateRevision": "b"});
    check(
        ("apps/v1", "StatefulSet"),
        &[
            (
                json!({"replicas": 3}),
                json!({"observedGeneration": 2, "replicas": 1, "readyReplicas": 1}),
                "pending: 1 of 3 replicas ready",
            ),
            (json!({"replicas": 3}), revisions(1), "pending: 1 of 3 replicas updated"),
            (
                json!({"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 2}}}),
                revisions(1),
                "ready",
            ),
            (
                json!({"replicas": 3, "updateStrategy": {"type": "OnDelete"}}),
                revisions(0),
                "ready",
            ),
            (json!({"replicas": 3}), revisions(3), "ready"),
            (
                json!({"replicas": 1}),
                json!({"observedGeneration": 2, "replicas": 2, "readyReplicas": 2}),
                "pending: 1 replicas still to go",
            ),
        ],
    );
}

#[test]
fn daemon_and_replica_sets() {
    check(
        ("apps/v1", "DaemonSet"),
        &[
            (
                json!({}),
                json!({"observedGeneration": 2, "desiredNumberScheduled": 2, "updatedNumberScheduled": 1}),
                "pending: 1 of 2 pods updated",
            ),
            (
                json!({}),
                json!({"observedGeneration": 2, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 1}),
                "pending: 1 of 2 pods ready",
            ),
            (
                json!({}),
                json!({"observedGeneration": 2, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 2}),
                "ready",
            ),
            (
                json!({"updateStrategy": {"type": "OnDelete"}}),
                json!({"observedGeneration": 2, "desiredNumberScheduled": 1, "numberAvailable": 1}),
                "ready",
            ),
        ],
    );
    check(
        ("apps/v1", "ReplicaSet"),
        &[
            (
                json!({"replicas": 2}),
                json!({"availableReplicas": 1}),
                "pending: 1 of 2 replicas ready",
            ),
            (json!({"replicas": 2}), json!({"availableReplicas": 2}), "ready"),
        ],
    );
}

#[test]
fn pods_and_jobs() {
    check(
        ("v1", "Pod"),
        &[
            (json!({}), json!({"phase": "Succeeded"}), "ready"),
            (
                json!({}),
                json!({"phase": "Failed", "message": "evicted"}),
                "spent: the pod failed: evicted",
            ),
            (
                json!({}),
                json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}]}),
                "pending: Unschedulable: 0/1 nodes",
            ),
            (
                json!({}),
                json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}),
                "ready",
            ),
        ],
    );
    check(
        ("v1", "Pod"),
        &[(
            json!({"schedulingGates": [{"name": "quota"}]}),
            json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]}),
            "ready",
        )],
    );
    check(
        ("batch/v1", "Job"),
        &[
            (json!({}), json!({"active": 1}), "pending: 0 of 1 completions"),
            (
                json!({"completions": 2}),
                json!({"succeeded": 1, "failed": 1}),
                "pending: 1 of 2 completions, 1 attempt failed",
            ),
            (
                json!({}),
                json!({"conditions": [{"type": "Complete", "status": "True"}]}),
                "ready",
            ),
            (
                json!({}),
                json!({"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "limit"}]}),
                "spent: BackoffLimitExceeded: limit",
            ),
            (json!({"suspend": true}), json!({}), "ready"),
            (json!({"parallelism": 0}), json!({}), "ready"),
            (
                json!({}),
                json!({"conditions": [{"type": "FailureTarget", "status": "True", "reason": "DeadlineExceeded", "message": "late"}]}),
                "failed: DeadlineExceeded: late",
            ),
        ],
    );
    check(("batch/v1", "CronJob"), &[(json!({}), json!({}), "ready")]);
}

#[test]
fn services() {
    let selecting = json!({"apiVersion": "v1", "kind": "Service", "spec": {"selector": {"app": "a"}}});
    let with = |ready_endpoints| Related {
        ready_endpoints,
        ..Related::default()
    };
    assert_eq!(text(&selecting, &with(Some(0))), "pending: no ready pod behind it yet");
    assert_eq!(text(&selecting, &with(Some(1))), "ready");
    assert_eq!(text(&selecting, &with(None)), "ready");
    let scaled_to_zero = Related {
        no_pods_to_come: true,
        ..with(Some(0))
    };
    assert_eq!(text(&selecting, &scaled_to_zero), "ready");
    let unserved = Related {
        unserved: true,
        ..Related::default()
    };
    for kind in [
        json!({"apiVersion": "v1", "kind": "Service", "spec": {"type": "LoadBalancer"}}),
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "spec": {}}),
    ] {
        assert_eq!(text(&kind, &unserved), "ready");
    }
    check(
        ("v1", "Service"),
        &[
            (json!({}), json!({}), "ready"),
            (
                json!({"type": "LoadBalancer"}),
                json!({}),
                "pending: no load balancer has given it an address yet",
            ),
            (
                json!({"type": "LoadBalancer"}),
                json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}),
                "ready",
            ),
            (json!({"type": "ExternalName"}), json!({}), "ready"),
        ],
    );
}

#[test]
fn ingresses_and_autoscalers() {
    check(
        ("networking.k8s.io/v1", "Ingress"),
        &[
            (
                json!({"ingressClassName": "nginx"}),
                json!({"loadBalancer": {}}),
                "pending: no ingress controller of class nginx has given it an address yet",
            ),
            (
                json!({}),
                json!({"loadBalancer": {"ingress": [{"hostname": "a"}]}}),
                "ready",
            ),
        ],
    );
    check(
        ("autoscaling/v2", "HorizontalPodAutoscaler"),
        &[
            (json!({}), json!({}), "ready"),
            (
                json!({}),
                json!({"conditions": [{"type": "AbleToScale", "status": "False", "reason": "FailedGetScale", "message": "not found"}]}),
                "pending: FailedGetScale: not found",
            ),
            (
                json!({}),
                json!({"conditions": [{"type": "ScalingActive", "status": "False", "reason": "FailedGetResourceMetric"}]}),
                "ready",
            ),
        ],
    );
}

#[test]
fn storage_and_namespaces() {
    check(
        ("v1", "PersistentVolumeClaim"),
        &[
            (
                json!({"storageClassName": "fast"}),
                json!({"phase": "Pending"}),
                "pending: no volume of class fast is bound to it yet",
            ),
            (json!({}), json!({"phase": "Bound"}), "ready"),
            (
                json!({}),
                json!({"phase": "Lost"}),
                "failed: the volume that it was bound to is gone",
            ),
        ],
    );
    let waiting = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "status": {"phase": "Pending"}});
    assert_eq!(
        text(
            &waiting,
            &Related {
                waits_for_consumer: true,
                ..Related::default()
            }
        ),
        "ready"
    );
    check(
        ("v1", "PersistentVolume"),
        &[
            (json!({}), json!({"phase": "Available"}), "ready"),
            (json!({}), json!({"phase": "Released"}), "ready"),
        ],
    );
    check(
        ("v1", "Namespace"),
        &[
            (json!({}), json!({"phase": "Active"}), "ready"),
            (json!({}), json!({"phase": "Terminating"}), "pending: being deleted"),
        ],
    );
    check(
        ("v1", "ResourceQuota"),
        &[
            (json!({"hard": {"pods": "1"}}), json!({"hard": {"pods": "1"}}), "ready"),
            (
                json!({"hard": {"pods": "1"}}),
                json!({}),
                "pending: the quota is not in force yet",
            ),
        ],
    );
}

#[test]
fn definitions_and_custom_resources() {
    check(
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
        &[
            (json!({}), json!({}), "pending: the server does not serve it yet"),
            (
                json!({}),
                json!({"conditions": [{"type": "NamesAccepted", "status": "False", "reason": "PluralConflict", "message": "taken"}]}),
                "failed: PluralConflict: taken",
            ),
            (
                json!({}),
                json!({"conditions": [{"type": "Established", "status": "True"}]}),
                "ready",
            ),
        ],
    );
    check(
        ("example.com/v1", "Thing"),
        &[
            (json!({}), json!({}), "ready"),
            (
                json!({}),
                json!({"observedGeneration": "1"}),
                "pending: the controller has not seen the change yet",
            ),
            (
                json!({}),
                json!({"conditions": [{"type": "Ready", "status": "False", "reason": "Issuing", "message": "wait"}]}),
                "pending: Issuing: wait",
            ),
            (
                json!({}),
                json!({"conditions": [{"type": "Stalled", "status": "True", "message": "bad"}]}),
                "failed: bad",
            ),
            (
                json!({}),
                json!({"conditions": [{"type": "Reconciling", "status": "True", "reason": "R"}]}),
                "pending: R",
            ),
        ],
    );
    check(
        ("apiregistration.k8s.io/v1", "APIService"),
        &[(json!({}), json!({}), "pending: not available yet")],
    );
}

#[test]
fn what_is_being_deleted_is_not_ready() {
    let object =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}});
    assert_eq!(text(&object, &Related::default()), "pending: being deleted");
}

#[test]
fn what_is_ready_by_being_there_is_told_from_what_is_waited_for() {
    let workload = |kind: &str, replicas: i64, generation: i64| json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"generation": generation}, "spec": {"replicas": replicas}});
    let core = |kind: &str| json!({"apiVersion": "v1", "kind": kind, "metadata": {}});
    let token = "kubernetes.io/service-account-token";
    for (object, expected) in [
        (core("ConfigMap"), true),
        (core("Secret"), true),
        (json!({"apiVersion": "v1", "kind": "Secret", "type": token}), false),
        (
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"deletionTimestamp": "x"}}),
            false,
        ),
        (core("Service"), false),
        (core("Pod"), false),
        (core("Namespace"), false),
        (json!({"apiVersion": "example.com/v1", "kind": "ConfigMap"}), false),
        (workload("Deployment", 0, 1), true),
        (workload("StatefulSet", 0, 1), true),
        (workload("Deployment", 1, 1), false),
        // Its pods have to go.
        (workload("Deployment", 0, 2), false),
        (workload("DaemonSet", 0, 1), false),
    ] {
        assert_eq!(is_ready_by_itself(&object), expected, "{object}");
    }
}
