//! Drift: the changes that an apply of the same would make.

mod edits;
mod objects;
mod oracle;
mod random;

use iac_core::provider::{Intent, Recorded};
use serde_json::{Value as Json, json};

use self::oracle::Kubectl;
use crate::world::{World, paths};

/// A change by somebody else, as a JSON patch, and the drift that it is.
struct Case {
    object: &'static str,
    patch: Json,
    drift: &'static [&'static str],
}

fn cases() -> Vec<Case> {
    let case = |object, patch, drift| Case { object, patch, drift };
    let everything = json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]});
    let add = |path: &str, value: Json| json!([{"op": "add", "path": path, "value": value}]);
    vec![
        case("Role reader", add("/rules/-", everything.clone()), &["rules (meddler)"]),
        case("Role reader", add("/rules/0", everything.clone()), &["rules (meddler)"]),
        case("Role reader", add("/rules/0/verbs/-", json!("*")), &["rules (meddler)"]),
        case("Role nothing", add("/rules", json!([everything])), &["rules (meddler)"]),
        case(
            "RoleBinding reader",
            add(
                "/subjects/-",
                json!({"kind": "User", "name": "eve", "apiGroup": "rbac.authorization.k8s.io"}),
            ),
            &["subjects (meddler)"],
        ),
        case(
            "NetworkPolicy none",
            add("/spec/ingress", json!([{}])),
            &["spec.ingress (meddler)"],
        ),
        case(
            "NetworkPolicy none",
            add("/spec/podSelector/matchLabels", json!({"a": "b"})),
            &["spec.podSelector.matchLabels (meddler)"],
        ),
        case(
            "Service dns",
            add("/spec/selector/more", json!("x")),
            &["spec.selector.more (meddler)"],
        ),
        case(
            "Service dns",
            json!([{"op": "remove", "path": "/spec/ports/0"}]),
            &["spec.ports[name=dns-tcp]"],
        ),
        case(
            "Service dns",
            json!([{"op": "remove", "path": "/spec/ports/1"}]),
            &["spec.ports[name=dns]"],
        ),
        case(
            "Service dns",
            json!([{"op": "replace", "path": "/spec/ports/0/name", "value": "other"}]),
            &["spec.ports[name=dns-tcp].name (meddler)"],
        ),
        case(
            "Service dns",
            json!([{"op": "move", "from": "/spec/ports/2", "path": "/spec/ports/0"}]),
            &["spec.ports"],
        ),
        // Fields that nobody shares with us: another port, label, key.
        case(
            "Service dns",
            add("/spec/ports/-", json!({"name": "more", "port": 90})),
            &[],
        ),
        case("ConfigMap app", add("/data/more", json!("x")), &[]),
        case("ConfigMap empty", add("/data", json!({"more": "x"})), &[]),
        case(
            "Deployment web",
            add("/spec/template/spec/containers/0/args/-", json!("--insecure")),
            &["spec.template.spec.containers[name=main].args (meddler)"],
        ),
        case(
            "Deployment web",
            add("/spec/template/spec/nodeSelector/more", json!("x")),
            &["spec.template.spec.nodeSelector.more (meddler)"],
        ),
        case(
            "Deployment web",
            add(
                "/spec/template/spec/containers/0/env/-",
                json!({"name": "C", "value": "3"}),
            ),
            &[],
        ),
        case(
            "Deployment web",
            json!([{"op": "replace", "path": "/spec/template/spec/containers/0/ports/0/containerPort", "value": 54}]),
            &["spec.template.spec.containers[name=main].ports (meddler)"],
        ),
        case(
            "LimitRange limits",
            add("/spec/limits/-", json!({"type": "Pod", "max": {"cpu": "9"}})),
            &["spec.limits (meddler)"],
        ),
    ]
}

/// Somebody else sends a JSON patch.
async fn json_patch(world: &World, path: &str, patch: &Json) {
    let request = http::Request::patch(format!("{path}?fieldManager=meddler"))
        .header("content-type", "application/json-patch+json")
        .body(patch.to_string().into_bytes())
        .unwrap();
    world.client.request_text(request).await.unwrap();
}

#[tokio::test]
async fn what_somebody_adds_changes_removes_or_moves_below_what_is_ours_is_drift() {
    let world = World::new().await;
    let kubectl = Kubectl::new();
    let objects = objects::own(&world.namespace);
    for case in cases() {
        let object = objects
            .iter()
            .find(|object| oracle::name_of(object) == case.object)
            .unwrap();
        let declared = world.one(case.object, object.clone());
        let recorded = world.apply(&declared, Intent::Adopt, None).await.unwrap();
        let recorded = Recorded {
            ready: true,
            ..recorded
        };
        let api = random::api(&world, object);
        let name = object["metadata"]["name"].as_str().unwrap();
        json_patch(&world, &format!("{}/{name}", api.resource_url()), &case.patch).await;
        let drift = world.live(&declared, Some(&recorded)).await.drift;
        assert_eq!(paths(&drift), case.drift, "{} {}", case.object, case.patch);
        let differs = !kubectl.differing(std::slice::from_ref(object)).is_empty();
        assert_eq!(differs, !case.drift.is_empty(), "{} {}", case.object, case.patch);
        // An `up` takes it back.
        let mended = world.apply(&declared, Intent::Update, Some(&recorded)).await.unwrap();
        let mended = Recorded { ready: true, ..mended };
        assert_eq!(
            paths(&world.live(&declared, Some(&mended)).await.drift),
            Vec::<String>::new()
        );
        api.delete(name, &kube::api::DeleteParams::default()).await.unwrap();
    }
}

#[tokio::test]
async fn an_apply_under_our_own_name_that_we_know_nothing_of_is_drift() {
    let world = World::new().await;
    let with = |value: &str| {
        world.one(
            "app",
            json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": value}}),
        )
    };
    let recorded = world.up(&with("1")).await;
    world.apply(&with("2"), Intent::Update, Some(&recorded)).await.unwrap();
    let live = world.live(&with("1"), Some(&recorded)).await;
    assert_eq!(paths(&live.drift), ["data.a"]);
}

#[tokio::test]
async fn a_port_whose_protocol_somebody_changed_is_drift_though_the_server_takes_no_apply() {
    let world = World::new().await;
    let service = json!({
        "apiVersion": "v1", "kind": "Service",
        "spec": {"ports": [{"name": "dns-tcp", "port": 53}, {"name": "dns", "port": 53, "protocol": "UDP"}]},
    });
    let declared = world.one("dns", service);
    let recorded = world.up(&declared).await;
    let api = world.api("", "v1", "Service");
    let ports =
        json!([{"name": "dns-tcp", "port": 53, "protocol": "SCTP"}, {"name": "dns", "port": 53, "protocol": "UDP"}]);
    world.meddle(&api, "dns", json!({"spec": {"ports": ports}})).await;
    let live = world.live(&declared, Some(&recorded)).await;
    assert_eq!(paths(&live.drift), ["spec.ports[name=dns-tcp]"]);
    // The server would have two of the name; it is told whose the other one is.
    let prediction = world.predict(&declared, Intent::Update, Some(&recorded)).await;
    assert!(!prediction.problems.is_empty());
    let notes = prediction.notes.concat();
    assert!(
        notes.contains("SCTP") && notes.contains("that meddler added"),
        "{notes}"
    );
}

#[tokio::test]
async fn nulls_are_kept_as_kubectl_keeps_them() {
    let world = World::new().await;
    let kubectl = Kubectl::new();
    let definition = random::definition(&world).await;
    let mut gizmo = objects::gizmo(&world.namespace, "one");
    gizmo["spec"]["count"] = Json::Null;
    let namespace = &world.namespace;
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "empty", "namespace": namespace}, "data": {"EMPTY": null}});
    let policy = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "none", "namespace": namespace, "labels": null},
        "spec": {"podSelector": {"matchLabels": null}, "ingress": null, "policyTypes": null},
    });
    for (object, pointer, expected) in [
        (gizmo, "/spec/count", Some(Json::Null)),
        (map, "/data/EMPTY", Some(json!(""))),
        (policy, "/spec/ingress", None),
    ] {
        let declared = world.one("it", object.clone());
        let recorded = world.apply(&declared, Intent::Create, None).await.unwrap();
        let name = object["metadata"]["name"].as_str().unwrap();
        let live = world.read(&random::api(&world, &object), name).await;
        assert_eq!(live.pointer(pointer), expected.as_ref(), "{live:#}");
        // Also where the record does not tell that nobody wrote it.
        let recorded = Recorded {
            private: json!({}).into(),
            ready: true,
            ..recorded
        };
        assert_eq!(
            paths(&world.live(&declared, Some(&recorded)).await.drift),
            Vec::<String>::new()
        );
        let differing = kubectl.differing(std::slice::from_ref(&object));
        assert!(differing.is_empty(), "{differing:?}");
    }
    world.delete(&definition, false).await.unwrap();
}
