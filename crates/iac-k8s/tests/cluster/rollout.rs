//! Rollouts that fail: whose failure it is, when that is certain, and what is said of it.

use std::time::Duration;

use iac_core::provider::{ErrorKind, Intent, ProviderError, Readiness, Recorded};
use serde_json::{Value as Json, json};

use crate::wait::{job, told};
use crate::world::{PATIENCE, Resolved, World, workload};

/// An image that the kubelet refuses at once.
const BROKEN: &str = "NOT/A:WELL/FORMED:NAME";

fn broken() -> Json {
    json!({"image": BROKEN})
}

async fn change(world: &World, resource: &Resolved, recorded: &Recorded) -> Recorded {
    world.apply(resource, Intent::Update, Some(recorded)).await.unwrap()
}

async fn is_ready(world: &World, recorded: &Recorded) -> Recorded {
    let waited = world.wait(recorded, PATIENCE).await;
    waited.unwrap_or_else(|error| panic!("{}", told(&error)))
}

async fn fails(world: &World, recorded: &Recorded) -> ProviderError {
    let error = world.wait(recorded, PATIENCE).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Failed, "{}", told(&error));
    error
}

#[tokio::test]
async fn a_fix_is_not_judged_by_what_it_replaces() {
    let world = World::new().await;
    let declare = |kind: &'static str, round: i64, container: Json| {
        let mut object = workload(kind, 1, container);
        object["spec"]["template"]["metadata"]["annotations"] = json!({"round": round.to_string()});
        if kind == "DaemonSet" {
            object["spec"].as_object_mut().unwrap().remove("replicas");
        }
        object["spec"]["selector"]["matchLabels"] = json!({"app": kind});
        object["spec"]["template"]["metadata"]["labels"] = json!({"app": kind});
        world.one("a", object)
    };
    let rounds = async |kind: &'static str| {
        let mut recorded = world
            .apply(&declare(kind, 0, broken()), Intent::Create, None)
            .await
            .unwrap();
        for round in 1..4 {
            let error = fails(&world, &recorded).await;
            assert!(told(&error).contains("InvalidImageName"), "{}", told(&error));
            recorded = change(&world, &declare(kind, round, json!({})), &recorded).await;
            recorded = is_ready(&world, &recorded).await;
            // The same mistake as before: its pods are those of a set that is there already.
            recorded = change(&world, &declare(kind, 0, broken()), &recorded).await;
        }
    };
    tokio::join!(rounds("Deployment"), rounds("DaemonSet"));
}

/// At the same time: each waits for the kubelet most of the time.
#[tokio::test]
async fn failures_are_told_when_they_are_certain_and_not_before() {
    // One after the other: to connect blocks.
    let mut worlds = Vec::new();
    for _ in 0..6 {
        worlds.push(World::new().await);
    }
    tokio::join!(
        a_container_that_ends_by_itself_is_never_ready(&worlds[0]),
        a_container_that_fails_twice_and_then_works_is_ready(&worlds[1]),
        a_pod_that_a_stateful_set_does_not_replace_is_named_with_what_to_do(&worlds[2]),
        a_probe_that_fails_is_told_while_it_is_waited_for(&worlds[3]),
        pods_that_may_not_be_made_end_the_wait_with_the_servers_reason(&worlds[4]),
        a_job_that_failed_is_one_that_only_a_new_one_can_follow(&worlds[5]),
    );
}

async fn a_container_that_ends_by_itself_is_never_ready(world: &World) {
    let ends = |command: &str| workload("Deployment", 1, json!({"command": ["sh", "-c", command]}));
    let declared = world.one("a", ends("echo no database at db:5432; exit 3"));
    let recorded = world.apply(&declared, Intent::Create, None).await.unwrap();
    let (error, said) = world.wait_telling(&recorded, PATIENCE).await;
    let text = told(&error.unwrap_err());
    assert!(
        text.contains("exit code 3") && text.contains("no database at db:5432"),
        "{text}"
    );
    assert!(said.iter().any(|line| line.contains("exit code 3")), "{said:?}");
    // One that ends in order does not do what a Deployment is for either.
    let recorded = change(world, &world.one("a", ends("exit 0")), &recorded).await;
    let text = told(&fails(world, &recorded).await);
    assert!(
        text.contains("exit code 0") && text.contains("a Job is for work that ends"),
        "{text}"
    );
    let recorded = change(world, &world.one("a", ends("sleep 3600")), &recorded).await;
    is_ready(world, &recorded).await;
}

async fn a_container_that_fails_twice_and_then_works_is_ready(world: &World) {
    let mut object = workload(
        "Deployment",
        1,
        json!({
            "command": ["sh", "-c", "echo x >> /seen/runs; [ $(wc -l < /seen/runs) -gt 2 ] && exec sleep 3600; exit 1"],
            "volumeMounts": [{"name": "seen", "mountPath": "/seen"}],
        }),
    );
    object["spec"]["template"]["spec"]["volumes"] = json!([{"name": "seen", "emptyDir": {}}]);
    world.up(&world.one("a", object)).await;
}

async fn a_pod_that_a_stateful_set_does_not_replace_is_named_with_what_to_do(world: &World) {
    let declare = |container: Json| {
        let mut object = workload("StatefulSet", 1, container);
        object["spec"]["serviceName"] = "a".into();
        world.one("a", object)
    };
    let recorded = world.apply(&declare(broken()), Intent::Create, None).await.unwrap();
    fails(world, &recorded).await;
    let recorded = change(world, &declare(json!({})), &recorded).await;
    let error = fails(world, &recorded).await;
    let text = told(&error);
    let advice = format!("kubectl delete pod a-0 -n {}", world.namespace);
    assert!(
        text.contains("made from an earlier template") && text.contains(&advice),
        "{text}"
    );
    let pods = world.api("", "v1", "Pod");
    pods.delete("a-0", &kube::api::DeleteParams::default()).await.unwrap();
    is_ready(world, &recorded).await;
}

async fn a_probe_that_fails_is_told_while_it_is_waited_for(world: &World) {
    let container = json!({
        "command": ["httpd", "-f", "-p", "8080"],
        "readinessProbe": {"httpGet": {"path": "/no-such-page", "port": 8080}, "periodSeconds": 1},
    });
    let recorded = world.one("a", workload("Deployment", 1, container));
    let recorded = world.apply(&recorded, Intent::Create, None).await.unwrap();
    let (error, said) = world.wait_telling(&recorded, Duration::from_secs(15)).await;
    let text = told(&error.unwrap_err());
    assert!(said.iter().any(|line| line.contains("statuscode: 404")), "{said:?}");
    assert!(
        text.contains("statuscode: 404") && text.contains("check its path"),
        "{text}"
    );
}

async fn pods_that_may_not_be_made_end_the_wait_with_the_servers_reason(world: &World) {
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "spec": {"hard": {"pods": "0"}}});
    world.up(&world.one("small", quota)).await;
    let refused = async |kind: &'static str| {
        let mut object = workload(kind, 1, json!({}));
        object["spec"]["selector"]["matchLabels"] = json!({"app": kind});
        object["spec"]["template"]["metadata"]["labels"] = json!({"app": kind});
        let recorded = world
            .apply(&world.one("a", object), Intent::Create, None)
            .await
            .unwrap();
        let text = told(&fails(world, &recorded).await);
        assert!(
            text.contains("exceeded quota: small") && text.contains("quota is used up"),
            "{text}"
        );
    };
    tokio::join!(refused("Deployment"), refused("StatefulSet"));
}

async fn a_job_that_failed_is_one_that_only_a_new_one_can_follow(world: &World) {
    let declared = world.one("migrate", job("exit 1", json!({})));
    let recorded = world.apply(&declared, Intent::Create, None).await.unwrap();
    fails(world, &recorded).await;
    let live = world.live(&declared, Some(&recorded)).await;
    assert!(
        matches!(&live.readiness, Readiness::Spent(why) if why.contains("BackoffLimitExceeded")),
        "{:?}",
        live.readiness
    );
}
