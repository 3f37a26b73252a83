//! The causes as tables: what a pod says, and what is made of it.

use super::*;
use serde_json::json;

fn first(status: Json) -> Option<Finding> {
    let pod = json!({"metadata": {"name": "api-1", "uid": "u"}, "status": status});
    let mut ends = Ends::default();
    ends.note(&pod);
    super::pod(&pod, &ends).into_iter().next()
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
            "CrashLoopBackOff, restarted 4 times: OOMKilled, exit code 137",
            Some(Duration::ZERO),
            "memory",
        ),
        (
            with(json!({"terminated": {"exitCode": 127, "reason": "Error"}})),
            "ended 5 times: Error, exit code 127",
            Some(Duration::ZERO),
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
            Some(MISSING),
            "claim",
        ),
    ] {
        let finding = first(status).expect("something is wrong");
        assert_eq!((finding.cause.as_str(), finding.patience), (cause, patience));
        assert!(
            finding.hint.as_deref().is_some_and(|text| text.contains(hint)),
            "{finding:?}"
        );
    }
}

#[test]
fn a_pod_that_starts_or_runs_has_nothing_wrong() {
    for state in [
        json!({"waiting": {"reason": "ContainerCreating"}}),
        json!({"terminated": {"exitCode": 0}}),
    ] {
        assert_eq!(first(with(state)), None);
    }
}

#[test]
fn a_container_that_runs_again_tells_how_it_ended() {
    let finding = first(with(json!({"running": {}}))).expect("it ended before");
    assert_eq!(finding.cause, "restarted 4 times: OOMKilled, exit code 137");
    assert_eq!(finding.patience, None);
}

#[test]
fn an_end_in_order_is_none_only_for_what_is_to_keep_running() {
    let finding = |restart: &str, init: bool| {
        let list = if init { "initContainers" } else { "containers" };
        let pod = json!({"metadata": {"name": "a", "uid": "u"}, "spec": {"restartPolicy": restart, list: [{"name": "api"}]},
            "status": with(json!({"terminated": {"exitCode": 0, "reason": "Completed"}}))});
        super::pod(&pod, &Ends::default()).into_iter().next()
    };
    let found = finding("Always", false).expect("it does not keep running");
    assert_eq!(
        (found.cause.as_str(), found.patience),
        ("it ends by itself: Completed, exit code 0", Some(Duration::ZERO))
    );
    assert_eq!(finding("Always", true), None);
    assert_eq!(finding("OnFailure", false), None);
}

#[test]
fn a_job_counts_its_attempts_itself() {
    let mut pod = json!({"metadata": {"name": "a", "uid": "u"}, "status": with(json!({"waiting": {"reason": "CrashLoopBackOff"}}))});
    let patience = |pod: &Json| super::pod(pod, &Ends::default())[0].patience;
    assert_eq!(patience(&pod), Some(Duration::ZERO));
    pod["metadata"]["ownerReferences"] = json!([{"kind": "Job"}]);
    assert_eq!(patience(&pod), None);
}

#[test]
fn a_pod_of_an_earlier_template_is_told_with_what_to_do() {
    let mut pod = json!({"metadata": {"name": "db-0", "namespace": "shop"}, "status": {}});
    let found = left_behind(&pod, &Ends::default()).expect("not ready");
    assert_eq!(found.patience, Some(LEFT_BEHIND));
    assert!(
        found
            .hint
            .is_some_and(|hint| hint.contains("kubectl delete pod db-0 -n shop"))
    );
    pod["status"] =
        json!({"containerStatuses": [{"name": "db", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]});
    let found = left_behind(&pod, &Ends::default()).expect("not ready");
    assert_eq!(found.patience, Some(SHORT));
    assert!(
        found.line().contains("(container db: ImagePullBackOff)"),
        "{}",
        found.line()
    );
    pod["status"] = json!({"conditions": [{"type": "Ready", "status": "True"}]});
    assert_eq!(left_behind(&pod, &Ends::default()), None);
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
