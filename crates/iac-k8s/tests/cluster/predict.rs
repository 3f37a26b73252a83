//! The server's answers before anything is done.

use hmac::{Hmac, KeyInit as _, Mac as _};
use iac_core::provider::{Checked, Existence, ExternalRef, Intent, Need, Provider as _, Recorded};
use iac_core::value::{Value, canonical};
use serde_json::json;
use sha2::Sha256;

use crate::world::{World, paths, workload};

#[tokio::test]
async fn one_changed_value_is_one_changed_field() {
    let world = World::new().await;
    let with = |value: &str| {
        let deployment = workload(
            "Deployment",
            0,
            json!({"env": [{"name": "A", "value": "1"}, {"name": "B", "value": value}]}),
        );
        world.one("a", deployment)
    };
    let created = world.predict(&with("1"), Intent::Create, None).await;
    assert_eq!((created.checked, created.problems), (Checked::ByServer, vec![]));
    let recorded = world.up(&with("1")).await;
    let same = world.predict(&with("1"), Intent::Update, Some(&recorded)).await;
    assert_eq!(paths(&same.changes), Vec::<String>::new());
    let changed = world.predict(&with("2"), Intent::Update, Some(&recorded)).await;
    assert_eq!(
        paths(&changed.changes),
        ["spec.template.spec.containers[name=main].env[name=B].value"]
    );
    assert_eq!(
        (changed.checked, changed.replace, changed.problems),
        (Checked::ByServer, vec![], vec![])
    );
}

#[tokio::test]
async fn the_digest_of_a_changed_content_is_known_beforehand() {
    let world = World::new().await;
    for (kind, field) in [("ConfigMap", "data"), ("Secret", "stringData")] {
        let with = |value: &str| world.one("app", json!({"apiVersion": "v1", "kind": kind, field: {"a": value}}));
        let recorded = world.up(&with("one")).await;
        let predicted = world.predict(&with("two"), Intent::Update, Some(&recorded)).await;
        assert_eq!(paths(&predicted.changes), ["data.a"]);
        let applied = world
            .apply(&with("two"), Intent::Update, Some(&recorded))
            .await
            .unwrap();
        let hash = predicted.outputs.pointer("/iac/contentHash");
        assert!(hash.is_some());
        assert_eq!(hash, applied.outputs.pointer("/iac/contentHash"), "{kind}");
    }
}

/// The hash that earlier versions gave to a Secret's content.
fn by_uid(uid: &str, content: &serde_json::Value) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(uid.as_bytes()).unwrap();
    mac.update(canonical::to_string(content).as_bytes());
    let bytes = mac.finalize().into_bytes();
    bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn the_hash_of_a_secret_is_keyed_and_stays() {
    let world = World::new().await;
    let with = |pin: &str, label: &str| {
        let metadata = json!({"labels": {"l": label}});
        world.one(
            "pin",
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"pin": pin}}),
        )
    };
    let recorded = world.up(&with("NDcxMQ==", "1")).await;
    let hash = |recorded: &Recorded| recorded.outputs.pointer("/iac/contentHash").cloned().unwrap();
    let uid = recorded.uid.clone().unwrap();
    let old = by_uid(&uid, &json!([{"pin": "NDcxMQ=="}, null]));
    assert_ne!(
        hash(&recorded),
        Value::from(old.as_str()),
        "nobody without the stack's key can make it"
    );
    // Recorded by an earlier version: it stays until the content changes, and that is not before it does.
    let outputs = [("/iac/contentHash".to_owned(), Value::from(old.as_str()))];
    let upgraded = Recorded {
        outputs: Value::Object(outputs.into_iter().collect()),
        ..recorded.clone()
    };
    let relabelled = with("NDcxMQ==", "2");
    let predicted = world.predict(&relabelled, Intent::Update, Some(&upgraded)).await;
    assert_eq!(
        predicted.outputs.pointer("/iac/contentHash"),
        Some(&Value::from(old.as_str()))
    );
    let kept = world.apply(&relabelled, Intent::Update, Some(&upgraded)).await.unwrap();
    assert_eq!(hash(&kept), Value::from(old.as_str()));
    let changed = world
        .apply(&with("NDcxMg==", "2"), Intent::Update, Some(&upgraded))
        .await
        .unwrap();
    assert_ne!(hash(&changed), Value::from(old));
    // Deleted, and made again as it was.
    world.delete(&changed, false).await.unwrap();
    let again = world.up(&with("NDcxMQ==", "1")).await;
    assert_ne!(again.uid, recorded.uid);
    assert_eq!(hash(&again), hash(&recorded));
}

#[tokio::test]
async fn an_immutable_field_means_a_replacement_and_a_wrong_value_a_problem() {
    let world = World::new().await;
    let declare = |deployment: serde_json::Value| world.one("a", deployment);
    let recorded = world.up(&declare(workload("Deployment", 0, json!({})))).await;
    let mut moved = workload("Deployment", 0, json!({}));
    moved["spec"]["selector"]["matchLabels"]["app"] = "b".into();
    moved["spec"]["template"]["metadata"]["labels"]["app"] = "b".into();
    let prediction = world.predict(&declare(moved), Intent::Update, Some(&recorded)).await;
    let replaced: Vec<_> = prediction
        .replace
        .iter()
        .map(|replacement| replacement.path.to_string())
        .collect();
    assert_eq!(replaced, ["spec.selector.matchLabels.app"], "{prediction:?}");
    assert!(prediction.problems.is_empty(), "{prediction:?}");
    assert!(
        prediction.risks.is_empty() && prediction.unserving,
        "it has no pods: {prediction:?}"
    );
    let prediction = world
        .predict(
            &declare(workload("Deployment", -1, json!({}))),
            Intent::Update,
            Some(&recorded),
        )
        .await;
    assert!(prediction.replace.is_empty());
    assert_eq!(
        prediction.problems[0].path.to_string(),
        "spec.replicas",
        "{prediction:?}"
    );
}

#[tokio::test]
async fn a_stateful_set_and_a_claim_say_which_field_can_not_change() {
    let world = World::new().await;
    let with = |service: &str| {
        let mut set = workload("StatefulSet", 0, json!({}));
        set["spec"]["serviceName"] = service.into();
        world.one("a", set)
    };
    let recorded = world.up(&with("a")).await;
    let prediction = world.predict(&with("b"), Intent::Update, Some(&recorded)).await;
    assert_eq!(
        prediction.replace[0].path.to_string(),
        "spec.serviceName",
        "{prediction:?}"
    );
    let with = |class: &str, size: &str| {
        let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": {"storageClassName": class, "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}});
        world.one("data", claim)
    };
    let recorded = world.up(&with("standard", "1Mi")).await;
    let prediction = world
        .predict(&with("fast-ssd", "1Mi"), Intent::Update, Some(&recorded))
        .await;
    assert_eq!(
        prediction.replace[0].path.to_string(),
        "spec.storageClassName",
        "{prediction:?}"
    );
}

#[tokio::test]
async fn conflicts_show_up_in_the_preview_with_their_owner() {
    let world = World::new().await;
    let with =
        |data: serde_json::Value| world.one("app", json!({"apiVersion": "v1", "kind": "ConfigMap", "data": data}));
    let recorded = world.up(&with(json!({"a": "1"}))).await;
    world
        .meddle(
            &world.api("", "v1", "ConfigMap"),
            "app",
            json!({"data": {"a": "2", "theirs": "x"}}),
        )
        .await;
    let prediction = world
        .predict(&with(json!({"a": "1"})), Intent::Update, Some(&recorded))
        .await;
    assert!(prediction.problems.is_empty(), "{prediction:?}");
    assert_eq!(paths(&prediction.changes), ["data.a"]);
    assert!(prediction.notes.is_empty(), "{prediction:?}");
    let prediction = world
        .predict(
            &with(json!({"a": "1", "theirs": "ours"})),
            Intent::Update,
            Some(&recorded),
        )
        .await;
    let theirs = prediction
        .problems
        .iter()
        .find(|problem| problem.path.to_string() == "data.theirs")
        .unwrap();
    assert!(
        theirs.message.contains("meddler") && theirs.hint.is_some(),
        "{theirs:?}"
    );
}

#[tokio::test]
async fn what_can_not_be_tried_is_said_and_what_is_missing_is_a_problem() {
    let world = World::new().await;
    let map = || json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app"}});
    let nowhere = format!("{}-x", world.namespace);
    let missing = world.declare_all(|stack| {
        iac_k8s::Kubernetes::new(stack)
            .in_namespace(&nowhere)
            .add_json("app", map());
    });
    let prediction = world.predict(&missing.of("ConfigMap"), Intent::Create, None).await;
    // Which names lead nowhere is asked for all steps at once.
    assert!(prediction.problems.is_empty(), "{prediction:?}");
    let name = ExternalRef {
        kind: "core/Namespace".to_owned(),
        name: nowhere.clone(),
        need: Need::AtOnce,
    };
    assert_eq!(world.provider.exists(&[name]).await.unwrap(), [Existence::No]);
    let made = world.declare_all(|stack| {
        let cluster = iac_k8s::Kubernetes::new(stack);
        let namespace = cluster.add(&nowhere, k8s_openapi::api::core::v1::Namespace::default());
        {
            cluster.within(&namespace).add_json("app", map());
        }
    });
    let prediction = world.predict(&made.of("ConfigMap"), Intent::Create, None).await;
    assert!(prediction.problems.is_empty());
    assert_eq!(prediction.checked, Checked::ByServer, "it was tried elsewhere");
    let wrong = world.declare_all(|stack| {
        let cluster = iac_k8s::Kubernetes::new(stack);
        let namespace = cluster.add(&nowhere, k8s_openapi::api::core::v1::Namespace::default());
        cluster
            .within(&namespace)
            .add_json("a", workload("Deployment", -1, json!({})));
    });
    let prediction = world.predict(&wrong.of("Deployment"), Intent::Create, None).await;
    assert_eq!(
        prediction.problems[0].path.to_string(),
        "spec.replicas",
        "{prediction:?}"
    );
    let unknown = world.declare(|k| {
        k.add_json("t", json!({"apiVersion": "nowhere.example/v1", "kind": "Thing"}));
    });
    let prediction = world.predict(&unknown.of("Thing"), Intent::Create, None).await;
    assert!(
        prediction.problems[0].message.contains("no kind Thing"),
        "{prediction:?}"
    );
    let misspelt = world.declare(|k| {
        k.add_json("a", json!({"apiVersion": "v1", "kind": "ConfigMap", "dta": {}}));
    });
    let prediction = world.predict(&misspelt.of("ConfigMap"), Intent::Create, None).await;
    assert_eq!(prediction.problems[0].path.to_string(), "dta", "{prediction:?}");
}

#[tokio::test]
async fn what_is_not_known_yet_is_compared_locally() {
    let world = World::new().await;
    let declared = world.declare_all(|stack| {
        let k = iac_k8s::Kubernetes::new(stack).in_namespace(&world.namespace);
        let password = stack.random_password("p", 24);
        {
            k.add_json(
                "app",
                json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"url": format!("x{}", password.result())}}),
            );
        }
    });
    let prediction = world.predict(&declared.of("ConfigMap"), Intent::Create, None).await;
    assert!(
        matches!(&prediction.checked, Checked::Locally(why) if why.contains("data.url")),
        "{prediction:?}"
    );
}

#[tokio::test]
async fn what_the_server_warns_of_is_passed_on() {
    let world = World::new().await;
    let old = world.one("a", json!({"apiVersion": "v1", "kind": "Endpoints"}));
    let prediction = world.predict(&old, Intent::Create, None).await;
    assert!(prediction.notes.concat().contains("deprecated"), "{prediction:?}");
}

#[tokio::test]
async fn replicas_of_a_scaled_workload_are_said_to_be_left_alone() {
    let world = World::new().await;
    let with = |replicas: i64| {
        let declared = world.declare(|k| {
            k.add_json("a", workload("Deployment", replicas, json!({})));
            let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"});
            let spec = json!({"scaleTargetRef": target, "maxReplicas": 5});
            k.add_json(
                "a",
                json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "spec": spec}),
            );
        });
        declared.of("Deployment")
    };
    let recorded = world.up(&with(0)).await;
    let prediction = world.predict(&with(3), Intent::Update, Some(&recorded)).await;
    assert_eq!(paths(&prediction.changes), Vec::<String>::new());
    assert!(prediction.notes.concat().contains("autoscaler"), "{prediction:?}");
}

/// A Pod of one container, which `spec` is merged into.
fn pod(spec: serde_json::Value, container: serde_json::Value) -> serde_json::Value {
    let mut main = json!({"name": "c", "image": "localhost/iac-test/busybox:1"});
    for (key, value) in container.as_object().into_iter().flatten() {
        main[key] = value.clone();
    }
    let mut all = json!({"containers": [main]});
    for (key, value) in spec.as_object().into_iter().flatten() {
        all[key] = value.clone();
    }
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": all})
}

#[tokio::test]
async fn what_is_certainly_wrong_is_found_also_where_its_namespace_is_not_there_yet() {
    let world = World::new().await;
    let nowhere = format!("{}-y", world.namespace);
    let limits = |quantity: &str| pod(json!({}), json!({"resources": {"limits": {"cpu": quantity}}}));
    let job = json!({"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}}}});
    let map = |metadata: serde_json::Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata});
    for (object, path) in [
        (limits("50 m"), "spec.containers[name=c].resources.limits.cpu"),
        (limits("1GB"), "spec.containers[name=c].resources.limits.cpu"),
        (
            pod(json!({"terminationGracePeriodSeconds": "ten"}), json!({})),
            "spec.terminationGracePeriodSeconds",
        ),
        (pod(json!({"hostNetwork": "yes"}), json!({})), "spec.hostNetwork"),
        (pod(json!({"foo": "bar"}), json!({})), "spec.foo"),
        (
            pod(json!({}), json!({"ports": [{"containerPort": 99999}]})),
            "spec.containers[name=c].ports[0].containerPort",
        ),
        (
            pod(
                json!({}),
                json!({"volumeMounts": [{"name": "nope", "mountPath": "/a"}]}),
            ),
            "spec.containers[name=c].volumeMounts[name=nope].name",
        ),
        (
            pod(
                json!({"serviceAccountName": "bot"}),
                json!({"env": [{"name": "A", "value": 1}]}),
            ),
            "spec.containers[name=c].env[name=A].value",
        ),
        (
            json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "p"}, "spec": {"schedule": "61 * * * *", "jobTemplate": job}}),
            "spec.schedule",
        ),
        (
            json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "p"}, "spec": {"minAvailable": "50", "selector": {}}}),
            "spec.minAvailable",
        ),
        (
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "p"}, "data": {"good": "eA==", "bad": "no base64!"}}),
            "data.bad",
        ),
        (map(json!({"name": "p", "labels": {"a": "b c"}})), "metadata.labels"),
    ] {
        for namespace in [&nowhere, &world.namespace] {
            let declared = world.declare_all(|stack| {
                let cluster = iac_k8s::Kubernetes::new(stack);
                cluster.add(&nowhere, k8s_openapi::api::core::v1::Namespace::default());
                let k = cluster.in_namespace(namespace);
                k.add("bot", k8s_openapi::api::core::v1::ServiceAccount::default());
                k.add_json("p", object.clone());
            });
            let all = declared.all();
            let prediction = world.predict(all.last().unwrap(), Intent::Create, None).await;
            let paths: Vec<String> = prediction
                .problems
                .iter()
                .map(|problem| problem.path.to_string())
                .collect();
            assert_eq!(paths, [path], "{object}: {prediction:?}");
            let message = &prediction.problems[0].message;
            assert!(
                !message.contains("unstructured") && !message.contains("iac-check"),
                "{message}"
            );
        }
    }
}

#[tokio::test]
async fn a_pod_is_tried_without_what_the_stack_makes_before_it() {
    let world = World::new().await;
    let names = json!({"serviceAccountName": "bot", "priorityClassName": "refs-nobody-has-it"});
    let declared = world.declare(|k| {
        k.add("bot", k8s_openapi::api::core::v1::ServiceAccount::default());
        k.add_json("p", pod(names.clone(), json!({})));
    });
    let began = std::time::Instant::now();
    for _ in 0..5 {
        let prediction = world.predict(&declared.of("Pod"), Intent::Create, None).await;
        assert_eq!((prediction.checked, prediction.problems), (Checked::ByServer, vec![]));
    }
    // It was tried again for three seconds each.
    assert!(
        began.elapsed() < std::time::Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_key_that_nobody_gives_is_a_problem_unless_the_live_object_has_it() {
    let world = World::new().await;
    let with = |key: &str| {
        world.declare(|k| {
            k.add_json(
                "db",
                json!({"apiVersion": "v1", "kind": "Secret", "stringData": {"PASSWORD": "x"}}),
            );
            let from = json!({"secretKeyRef": {"name": "db", "key": key}});
            k.add_json("p", pod(json!({}), json!({"env": [{"name": "A", "valueFrom": from}]})));
        })
    };
    let path = "spec.containers[name=c].env[name=A].valueFrom.secretKeyRef.key";
    let fine = world.predict(&with("PASSWORD").of("Pod"), Intent::Create, None).await;
    assert_eq!(fine.problems, []);
    let prediction = world.predict(&with("PASSWD").of("Pod"), Intent::Create, None).await;
    assert_eq!(prediction.problems[0].path.to_string(), path, "{prediction:?}");
    world.up(&with("PASSWD").of("Secret")).await;
    world
        .meddle(
            &world.api("", "v1", "Secret"),
            "db",
            json!({"stringData": {"PASSWD": "y"}}),
        )
        .await;
    let filled = world.predict(&with("PASSWD").of("Pod"), Intent::Create, None).await;
    assert_eq!(filled.problems, [], "others give it");
}

/// The names that are refused without the server are those that the server refuses, no more and no fewer.
#[tokio::test]
async fn names_are_judged_as_the_server_judges_them() {
    let world = World::new().await;
    let mut differ = Vec::new();
    let long = "a".repeat(254);
    let names = [
        "a.b",
        "1a",
        "a_b",
        "A",
        "-a",
        "a..b",
        &long[..52],
        &long[..53],
        &long[..63],
        &long[..64],
        &long[..253],
    ];
    let mut job = workload("Job", 0, json!({}));
    job["apiVersion"] = "batch/v1".into();
    job["spec"] = json!({"suspend": true, "template": job["spec"]["template"]});
    job["spec"]["template"]["spec"]["restartPolicy"] = "Never".into();
    let cron = json!({"apiVersion": "batch/v1", "kind": "CronJob", "spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": job["spec"]}}});
    let mut set = workload("StatefulSet", 0, json!({}));
    set["spec"]["serviceName"] = "a".into();
    let claim = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}});
    let of = |api_version: &str, kind: &str, spec: serde_json::Value| json!({"apiVersion": api_version, "kind": kind, "spec": spec});
    for object in [
        json!({"apiVersion": "v1", "kind": "ConfigMap"}),
        json!({"apiVersion": "v1", "kind": "Secret"}),
        json!({"apiVersion": "v1", "kind": "ServiceAccount"}),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "rules": []}),
        of("v1", "Service", json!({"ports": [{"port": 80}]})),
        of("v1", "PersistentVolumeClaim", claim),
        of("v1", "ResourceQuota", json!({"hard": {"pods": "1"}})),
        of("v1", "LimitRange", json!({"limits": []})),
        of("networking.k8s.io/v1", "NetworkPolicy", json!({"podSelector": {}})),
        of(
            "networking.k8s.io/v1",
            "Ingress",
            json!({"defaultBackend": {"service": {"name": "a", "port": {"number": 80}}}}),
        ),
        of(
            "policy/v1",
            "PodDisruptionBudget",
            json!({"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}),
        ),
        of(
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            json!({"maxReplicas": 2, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}}),
        ),
        of("coordination.k8s.io/v1", "Lease", json!({})),
        workload("Deployment", 0, json!({})),
        workload("DaemonSet", 0, json!({})),
        set,
        job,
        cron,
    ] {
        for name in names {
            let mut object = object.clone();
            if object["kind"] == "DaemonSet" {
                object["spec"].as_object_mut().unwrap().remove("replicas");
            }
            object["metadata"]["name"] = name.into();
            let declared = world.declare(|k| drop(k.add_json("one", object)));
            let ours = world.provider.validate(&declared.0.resources[0]);
            let declared = declared.all().remove(0);
            let theirs = world.predict(&declared, Intent::Create, None).await.problems;
            let told: Vec<&String> = theirs.iter().map(|problem| &problem.message).collect();
            if ours.is_empty() != theirs.is_empty() {
                differ.push(format!("{} {name}: {ours:?} {told:?}", declared.identity));
            }
        }
    }
    assert!(differ.is_empty(), "{differ:#?}");
}
