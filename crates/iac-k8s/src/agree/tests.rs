//! Misfits, as a table of objects.

use iac_core::Key;
use iac_core::declare::{Options, SourceLine};
use serde_json::json;

use super::*;

/// `path: message` of what does not fit in the last of these objects, with `?` where it is not certain.
fn misfits(objects: &[serde_json::Value], before: serde_json::Value) -> Vec<String> {
    let declare = |object: &serde_json::Value| {
        let inputs: Value = object.clone().into();
        let id = ObjectId::of(&inputs).expect("complete");
        ResourceDecl {
            key: Key::new("", &format!("kubernetes:{}", id.type_name()), &id.name).expect("valid"),
            inputs,
            options: Options::default(),
            after: Vec::new(),
            source: SourceLine::caller(),
            lines: None,
        }
    };
    let resources: Vec<ResourceDecl> = objects.iter().map(declare).collect();
    let insides = Insides::of(&resources.iter().collect::<Vec<_>>());
    let last = &resources.last().expect("one").inputs;
    let id = ObjectId::of(last).expect("complete");
    let text = |misfit: &Misfit| {
        let mark = if misfit.certainty == Certainty::Perhaps {
            "?"
        } else {
            ""
        };
        format!("{}: {}{mark}", misfit.path, misfit.message)
    };
    let found = insides
        .misfits(&id, last, &before.into())
        .into_iter()
        .chain(unmounted(&id, last));
    found.map(|misfit| text(&misfit)).collect()
}

fn object(kind: &str, rest: serde_json::Value) -> serde_json::Value {
    let version = match kind {
        "Deployment" => "apps/v1",
        "HorizontalPodAutoscaler" => "autoscaling/v2",
        "PodDisruptionBudget" => "policy/v1",
        "NetworkPolicy" | "Ingress" => "networking.k8s.io/v1",
        _ => "v1",
    };
    let mut object = json!({"apiVersion": version, "kind": kind, "metadata": {"name": "a", "namespace": "n"}});
    for (key, value) in rest.as_object().into_iter().flatten() {
        object[key] = value.clone();
    }
    object
}

fn pod(container: serde_json::Value, volumes: serde_json::Value) -> serde_json::Value {
    let mut container = container;
    container["name"] = "c".into();
    object("Pod", json!({"spec": {"containers": [container], "volumes": volumes}}))
}

fn env(source: &str, key: &str, optional: bool) -> serde_json::Value {
    let from = json!({source: {"name": "a", "key": key, "optional": optional}});
    pod(json!({"env": [{"name": "E", "valueFrom": from}]}), json!([]))
}

#[test]
fn keys_that_nobody_has_are_found() {
    let secret = object(
        "Secret",
        json!({"data": {"a": "eA=="}, "stringData": {"DB-PASSWORD": "x"}}),
    );
    let config = object("ConfigMap", json!({"data": {"a": "x"}, "binaryData": {"b": "eA=="}}));
    let path = "spec.containers[name=c].env[name=E].valueFrom";
    for (declared, pod, expected) in [
        (&secret, env("secretKeyRef", "DB-PASSWORD", false), vec![]),
        (
            &secret,
            env("secretKeyRef", "DB_PASSWORD", false),
            vec![format!(
                "{path}.secretKeyRef.key: Secret n/a has no key \"DB_PASSWORD\"; it has \"DB-PASSWORD\""
            )],
        ),
        (&secret, env("secretKeyRef", "DB_PASSWORD", true), vec![]),
        (&config, env("configMapKeyRef", "b", false), vec![]),
        (
            &config,
            env("configMapKeyRef", "z", false),
            vec![format!(
                "{path}.configMapKeyRef.key: ConfigMap n/a has no key \"z\"; it has a, b"
            )],
        ),
        (&config, env("secretKeyRef", "z", false), vec![]),
        (
            &config,
            pod(
                json!({}),
                json!([{"name": "v", "configMap": {"name": "a", "items": [{"key": "z", "path": "z"}]}}]),
            ),
            vec!["spec.volumes[name=v].configMap.items[0].key: ConfigMap n/a has no key \"z\"; it has a, b".to_owned()],
        ),
    ] {
        assert_eq!(misfits(&[declared.clone(), pod.clone()], json!({})), expected, "{pod}");
    }
}

#[test]
fn what_others_fill_is_only_a_note() {
    for secret in [
        json!({}),
        json!({"type": "kubernetes.io/service-account-token", "data": {"x": "eA=="}}),
    ] {
        let found = misfits(
            &[object("Secret", secret), env("secretKeyRef", "token", false)],
            json!({}),
        );
        assert!(found.len() == 1 && found[0].ends_with('?'), "{found:?}");
    }
}

#[test]
fn a_key_that_goes_is_missed_by_who_needs_it() {
    let config = |keys: serde_json::Value| object("ConfigMap", json!({"data": keys}));
    let found = misfits(
        &[env("configMapKeyRef", "b", false), config(json!({"a": "x"}))],
        config(json!({"a": "x", "b": "y"})),
    );
    let path = "spec.containers[name=c].env[name=E].valueFrom.configMapKeyRef.key";
    assert_eq!(found, [format!("data.b: it goes, and Pod/a needs it: {path}")]);
}

#[test]
fn names_inside_pods_are_found() {
    let probe = |port: serde_json::Value| {
        let container =
            json!({"ports": [{"name": "http", "containerPort": 80}], "readinessProbe": {"httpGet": {"port": port}}});
        misfits(&[pod(container, json!([]))], json!({}))
    };
    assert_eq!(probe("http".into()), [""; 0]);
    assert_eq!(probe(8080.into()), [""; 0]);
    assert_eq!(
        probe("web".into()),
        ["spec.containers[name=c].readinessProbe.httpGet.port: its container has no port named \"web\""]
    );
    let mounts = misfits(
        &[pod(
            json!({"volumeMounts": [{"name": "v", "mountPath": "/v"}]}),
            json!([]),
        )],
        json!({}),
    );
    assert_eq!(
        mounts,
        ["spec.containers[name=c].volumeMounts[name=v].name: the pod has no volume \"v\""]
    );
}

#[test]
fn selectors_and_what_hangs_on_them_are_noted() {
    let template = json!({"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "c", "ports": [{"name": "http", "containerPort": 80}]}]}});
    let workload = object("Deployment", json!({"spec": {"template": template}}));
    let service = |label: &str, port: &str| {
        object(
            "Service",
            json!({"spec": {"selector": {"app": label}, "ports": [{"port": 80, "targetPort": port}]}}),
        )
    };
    let budget = |label: &str| {
        object(
            "PodDisruptionBudget",
            json!({"spec": {"selector": {"matchLabels": {"app": label}}}}),
        )
    };
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"});
    let metric = json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}});
    let scaler = object(
        "HorizontalPodAutoscaler",
        json!({"spec": {"scaleTargetRef": target, "metrics": [metric]}}),
    );
    for (object, expected) in [
        (service("a", "http"), vec![]),
        (
            service("b", "http"),
            vec!["spec.selector: no pods of this stack have these labels?"],
        ),
        (
            service("a", "web"),
            vec!["spec.ports[0].targetPort: no container of the pods that it selects has a port named \"web\"?"],
        ),
        (budget("a"), vec![]),
        (
            budget("b"),
            vec!["spec.selector.matchLabels: no pods of this stack have these labels?"],
        ),
        (
            scaler,
            vec![
                "spec.metrics[0].resource.target: container \"c\" requests no cpu, so its utilization cannot be told, unless a LimitRange gives one?",
            ],
        ),
    ] {
        assert_eq!(
            misfits(&[workload.clone(), object.clone()], json!({})),
            expected,
            "{object}"
        );
    }
    assert_eq!(
        misfits(&[service("b", "http")], json!({})),
        [""; 0],
        "the pods are somebody else's"
    );
}

#[test]
fn policies_and_budgets_that_select_nothing_are_found() {
    let web = object(
        "Deployment",
        json!({"spec": {"template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}}}}),
    );
    let nothing = "no pods of this stack have these labels?";
    for (kind, selector, expected) in [
        ("NetworkPolicy", json!({}), None),
        ("NetworkPolicy", json!({"matchLabels": {"app": "web"}}), None),
        (
            "NetworkPolicy",
            json!({"matchLabels": {"app": "wbe"}}),
            Some("spec.podSelector.matchLabels"),
        ),
        (
            "NetworkPolicy",
            json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "api"]}]}),
            None,
        ),
        (
            "NetworkPolicy",
            json!({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}),
            Some("spec.podSelector"),
        ),
        (
            "PodDisruptionBudget",
            json!({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}),
            Some("spec.selector"),
        ),
        (
            "PodDisruptionBudget",
            json!({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}),
            None,
        ),
    ] {
        let field = if kind == "NetworkPolicy" {
            "podSelector"
        } else {
            "selector"
        };
        let found = misfits(
            &[web.clone(), object(kind, json!({"spec": {field: selector}}))],
            json!({}),
        );
        let expected: Vec<String> = expected.map(|path| format!("{path}: {nothing}")).into_iter().collect();
        assert_eq!(found, expected, "{selector}");
        // Without pods in the stack they are somebody else's.
        let alone = misfits(&[object(kind, json!({"spec": {field: selector}}))], json!({}));
        assert_eq!(alone, Vec::<String>::new());
    }
}

#[test]
fn an_ingress_that_asks_for_a_port_that_its_service_has_not_is_found() {
    let service = object(
        "Service",
        json!({"spec": {"ports": [{"port": 80, "name": "http"}, {"port": 90}]}}),
    );
    let path = "spec.rules[0].http.paths[0].backend.service.port";
    for (backend, expected) in [
        (json!({"name": "a", "port": {"number": 80}}), None),
        (json!({"name": "a", "port": {"name": "http"}}), None),
        (
            json!({"name": "a", "port": {"number": 81}}),
            Some("Service n/a has no port 81; it has 80 (http), 90?"),
        ),
        (
            json!({"name": "a", "port": {"name": "web"}}),
            Some("Service n/a has no port \"web\"; it has 80 (http), 90?"),
        ),
        (json!({"name": "other", "port": {"number": 81}}), None),
    ] {
        let rules = json!([{"http": {"paths": [{"path": "/", "backend": {"service": backend}}]}}]);
        let found = misfits(
            &[service.clone(), object("Ingress", json!({"spec": {"rules": rules}}))],
            json!({}),
        );
        let expected: Vec<String> = expected.map(|text| format!("{path}: {text}")).into_iter().collect();
        assert_eq!(found, expected, "{backend}");
    }
}
