//! Waiting until something is ready, and being told why it never will be.

use std::time::Duration;

use iac_core::provider::{ErrorKind, Intent, Observed, ProviderError};
use serde_json::json;

use crate::world::{World, workload};

async fn failure(container: serde_json::Value, timeout: u64) -> ProviderError {
    let world = World::new().await;
    let deployment = workload("Deployment", 1, container);
    let declared = world.one("a", deployment);
    let recorded = world.apply(&declared, Intent::Create, None).await.unwrap();
    world.wait(&recorded, Duration::from_secs(timeout)).await.unwrap_err()
}

/// All that an error says.
pub(crate) fn told(error: &ProviderError) -> String {
    format!(
        "{}\n{}\n{}",
        error.message,
        error.details.join("\n"),
        error.hint.as_deref().unwrap_or("")
    )
}

#[tokio::test]
async fn a_deployment_and_its_service_become_ready() {
    let world = World::new().await;
    let slow = json!({"readinessProbe": {"exec": {"command": ["true"]}, "initialDelaySeconds": 4}});
    let declared = world.declare(|k| {
        drop(k.add_json("a", workload("Deployment", 2, slow)));
        let service =
            json!({"apiVersion": "v1", "kind": "Service", "spec": {"selector": {"app": "a"}, "ports": [{"port": 80}]}});
        drop(k.add_json("a", service));
    });
    let deployment = world
        .apply(&declared.of("Deployment"), Intent::Create, None)
        .await
        .unwrap();
    let service = world
        .apply(&declared.of("Service"), Intent::Create, None)
        .await
        .unwrap();
    let (waited, said) = world.wait_telling(&service, Duration::from_secs(1)).await;
    let error = waited.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert!(error.message.contains("no ready pod"), "{error}");
    assert!(said.iter().any(|line| line.contains("no ready pod")), "{said:?}");
    let deployment = world.wait(&deployment, Duration::from_secs(60)).await.unwrap();
    assert_eq!(
        deployment
            .outputs
            .pointer("/status/readyReplicas")
            .and_then(iac_core::Value::as_i64),
        Some(2)
    );
    let private = deployment.private.json().unwrap();
    let images = private["images"].as_object().unwrap();
    let of_pods = images.values().next().unwrap().as_str().unwrap();
    assert!(images.len() == 1 && of_pods.contains("sha256:"), "{images:?}");
    let service = world.wait(&service, Duration::from_secs(30)).await.unwrap();
    assert!(service.outputs.pointer("/spec/clusterIP").is_some());
}

#[tokio::test]
async fn an_image_that_can_not_be_had_is_named() {
    let error = failure(json!({"image": "localhost/iac-test/no-such-image:1"}), 90).await;
    let text = told(&error);
    assert_eq!(error.kind, ErrorKind::Failed, "{text}");
    assert!(
        text.contains("no-such-image") && text.contains("check the image's name"),
        "{text}"
    );
}

#[tokio::test]
async fn a_missing_secret_is_named_while_it_is_waited_for() {
    let world = World::new().await;
    let from = json!({"env": [{"name": "P", "valueFrom": {"secretKeyRef": {"name": "late", "key": "p"}}}]});
    let recorded = world.one("a", workload("Deployment", 1, from));
    let recorded = world.apply(&recorded, Intent::Create, None).await.unwrap();
    let (waited, said) = world.wait_telling(&recorded, Duration::from_secs(8)).await;
    let error = waited.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    let text = told(&error);
    assert!(
        text.contains("CreateContainerConfigError") && text.contains("late"),
        "{text}"
    );
    assert!(
        said.iter().any(|line| line.contains("secret \"late\" not found")),
        "{said:?}"
    );
    // A controller or a Job may make it later.
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "late"}, "stringData": {"p": "x"}});
    world.make(&world.api("", "v1", "Secret"), secret).await;
    world.wait(&recorded, Duration::from_secs(60)).await.unwrap();
}

#[tokio::test]
async fn a_container_that_keeps_ending_shows_its_log() {
    let error = failure(
        json!({
            "command": ["sh", "-c", "echo no database at db:5432; exit 3"],
            "readinessProbe": {"exec": {"command": ["false"]}},
        }),
        20,
    )
    .await;
    let text = told(&error);
    assert!(
        text.contains("no database at db:5432") && text.contains("exit code 3"),
        "{text}"
    );
}

#[tokio::test]
async fn a_pod_that_fits_on_no_node_is_explained() {
    let error = failure(json!({"resources": {"requests": {"cpu": "1000"}}}), 5).await;
    let text = told(&error);
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert!(
        text.contains("Insufficient cpu") && text.contains("lower the requests"),
        "{text}"
    );
}

/// A Job that runs this in a shell, once.
pub(crate) fn job(command: &str, spec: serde_json::Value) -> serde_json::Value {
    let mut job = workload("Job", 1, json!({"command": ["sh", "-c", command]}));
    let template = job["spec"]["template"].take();
    job["apiVersion"] = "batch/v1".into();
    job["spec"] = json!({"backoffLimit": 0, "template": template});
    job["spec"]["template"]["spec"]["restartPolicy"] = "Never".into();
    for (key, value) in spec.as_object().into_iter().flatten() {
        job["spec"][key] = value.clone();
    }
    job
}

#[tokio::test]
async fn a_job_that_completed_stays_finished_when_it_is_cleaned_up() {
    let world = World::new().await;
    let declared = world.one("migrate", job("true", json!({"ttlSecondsAfterFinished": 2})));
    let recorded = world.up(&declared).await;
    let api = world.api("batch", "v1", "Job");
    for _ in 0..60 {
        if api.get_opt("migrate").await.unwrap().is_none() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(world.observe(&declared, Some(&recorded)).await, Observed::Finished);
}

#[tokio::test]
async fn a_job_that_failed_shows_its_log() {
    let world = World::new().await;
    let declared = world.one("migrate", job("echo table exists; exit 1", json!({})));
    let recorded = world.apply(&declared, Intent::Create, None).await.unwrap();
    let error = world.wait(&recorded, Duration::from_secs(60)).await.unwrap_err();
    let text = told(&error);
    assert_eq!(error.kind, ErrorKind::Failed, "{text}");
    assert!(
        text.contains("BackoffLimitExceeded") && text.contains("table exists"),
        "{text}"
    );
}

#[tokio::test]
async fn a_claim_that_waits_for_its_first_pod_holds_nobody_up() {
    let world = World::new().await;
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}});
    let declared = world.one("data", claim);
    world.up(&declared).await;
}

#[tokio::test]
async fn a_secret_in_a_log_is_not_shown() {
    let world = World::new().await;
    let secret = world.one(
        "db",
        json!({"apiVersion": "v1", "kind": "Secret", "stringData": {"p": "canary-8c1f"}}),
    );
    world.up(&secret).await;
    let from = json!([{"name": "P", "valueFrom": {"secretKeyRef": {"name": "db", "key": "p"}}}]);
    let mut leaking = job("echo cannot log in with $P; exit 1", json!({}));
    leaking["spec"]["template"]["spec"]["containers"][0]["env"] = from;
    let declared = world.one("migrate", leaking);
    let recorded = world.apply(&declared, Intent::Create, None).await.unwrap();
    let text = told(&world.wait(&recorded, Duration::from_secs(60)).await.unwrap_err());
    assert!(
        text.contains("cannot log in with (secret)") && !text.contains("canary"),
        "{text}"
    );
}
