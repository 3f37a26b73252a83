//! Declarations of a program, without any cluster.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on is to stop")]

use std::collections::BTreeMap;
use std::time::Duration;

use iac_core::Stack;
use iac_core::config::Config;
use iac_core::declare::{Declaration, ResourceDecl, Wait};
use iac_core::provider::{Phase, Provider as _};
use iac_core::value::Value;
use iac_k8s::{Declared as _, Kubernetes, KubernetesProvider, restart_on};
use k8s_openapi::ByteString;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::{HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, PersistentVolumeClaim, Secret, Service};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::json;

fn declare(program: impl FnOnce(&Stack)) -> Declaration {
    let stack = Stack::new("demo", Config::default());
    program(&stack);
    stack.finish().unwrap()
}

fn refused(program: impl FnOnce(&Stack)) -> String {
    let stack = Stack::new("demo", Config::default());
    program(&stack);
    let errors = stack.finish().unwrap_err();
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn of<'a>(declaration: &'a Declaration, key: &str) -> &'a ResourceDecl {
    let found = declaration
        .resources
        .iter()
        .find(|resource| resource.key.as_str() == key);
    found.unwrap_or_else(|| panic!("{key} is not among {:?}", declaration.resources))
}

fn text<'a>(resource: &'a ResourceDecl, pointer: &str) -> Option<&'a str> {
    resource.inputs.pointer(pointer).and_then(Value::as_str)
}

#[test]
fn an_object_gets_its_type_name_namespace_and_edge() {
    let declaration = declare(|stack| {
        let cluster = Kubernetes::new(stack);
        let namespace = cluster.add("shop", Namespace::default());
        let k = cluster.within(&namespace);
        k.add("app", ConfigMap::default());
        cluster.add("reader", ClusterRole::default());
        cluster.in_namespace("tools").add("app", Service::default());
        cluster.add("loose", ConfigMap::default());
    });
    let config = of(&declaration, "kubernetes:core/ConfigMap::app");
    assert_eq!(config.after[0].on.as_str(), "kubernetes:core/Namespace::shop");
    assert_eq!(config.after[0].phase, Phase::Exists);
    assert!(config.source.file.ends_with("declare.rs"));
    let identities: Vec<String> = declaration
        .resources
        .iter()
        .map(|resource| KubernetesProvider::new().identity(resource).unwrap())
        .collect();
    assert_eq!(
        identities,
        [
            "core/Namespace shop",
            "core/ConfigMap shop/app",
            "rbac.authorization.k8s.io/ClusterRole reader",
            "core/Service tools/app",
            "core/ConfigMap default/loose"
        ]
    );
}

#[test]
fn whatever_a_secret_holds_is_secret() {
    let declaration = declare(|stack| {
        let k = Kubernetes::new(stack).in_namespace("shop");
        let password = stack.random_password("db", 24);
        let host = k.add("db", Service::default()).output("/spec/clusterIP");
        let texts = [
            ("password".to_owned(), password.result().into()),
            ("literal".to_owned(), "hunter2".to_owned()),
            ("url".to_owned(), format!("postgres://{host}/shop")),
        ];
        k.add(
            "db",
            Secret {
                string_data: Some(BTreeMap::from(texts)),
                data: Some(BTreeMap::from([("raw".to_owned(), ByteString(b"swordfish".to_vec()))])),
                ..Secret::default()
            },
        );
    });
    let secret = of(&declaration, "kubernetes:core/Secret::db");
    secret.inputs.walk(&mut |path, leaf| {
        let is_content = ["data", "stringData"]
            .iter()
            .any(|field| path.to_string().starts_with(field));
        assert!(!is_content || leaf.has_secret(), "{path}: {leaf:?}");
    });
    assert!(!format!("{:?}", secret.inputs).contains("hunter2"));
}

/// The leaves of a resource that are secret, as they are shown, and all the others.
fn leaves(resource: &ResourceDecl) -> (Vec<String>, String) {
    let (mut hidden, mut clear) = (Vec::new(), String::new());
    resource.inputs.walk(&mut |path, leaf| match leaf {
        Value::Expr(expr) if expr.is_secret() => hidden.push(path.to_string()),
        other => clear.push_str(&format!("{path}: {other:?}\n")),
    });
    (hidden, clear)
}

#[test]
fn secrets_are_found_in_any_field() {
    let yaml = "db:\n  host: db\n  password: canary-1\n";
    let copy = json!({"data": {"pin": "canary-0"}}).to_string();
    let objects = [
        (
            json!({
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "annotations": {"url": "http://u:canary-2@h"}},
                "data": {"app.yaml": yaml, "redis.conf": "port 6379\nrequirepass canary-3\n", "json": "{\"token\": \"canary-4\"}", "DB_PASS": "canary-5", "plain": "x"},
            }),
            5,
        ),
        (
            json!({
                "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": {"name": "a"},
                "spec": {"values": {"auth": {"password": "canary-6", "existingSecret": "shown"}, "url": "pg://a:canary-7@b"}},
            }),
            2,
        ),
        (
            json!({
                "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"name": "a"},
                "spec": {"data": [{"secretKey": "password", "remoteRef": {"key": "shown"}}]},
            }),
            0,
        ),
        (
            json!({
                "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": {"name": "a"},
                "spec": {"encryptedData": {"password": "AgBshown"}},
            }),
            0,
        ),
        (
            json!({
                "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": copy, "note": "http://u:canary-8@h"}},
                "data": {"pin": "NDcxMQ=="},
            }),
            2,
        ),
        (
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"},
                "spec": {"template": {
                    "metadata": {"annotations": {"hook": "https://h/?token=canary-9"}},
                    "spec": {"containers": [{"name": "c", "env": [{"name": "DB_PASSWORD", "value": "canary-10"}], "command": ["sh", "-c", "redis-server --requirepass canary-11"]}]},
                }},
            }),
            3,
        ),
    ];
    for (object, expected) in objects {
        let kind = object["kind"].as_str().unwrap().to_owned();
        let declaration = declare(|stack| {
            Kubernetes::new(stack).add_json("a", object);
        });
        let (hidden, clear) = leaves(&declaration.resources[0]);
        assert!(!clear.contains("canary"), "{kind}: {clear}");
        assert_eq!(hidden.len(), expected, "{kind}: {hidden:?}");
    }
}

#[test]
fn typed_references_name_the_object() {
    let declaration = declare(|stack| {
        let k = Kubernetes::new(stack).in_namespace("shop");
        let config = k.add(
            "app",
            ConfigMap {
                metadata: named("settings"),
                ..ConfigMap::default()
            },
        );
        let secret = k.add("db", Secret::default());
        let claim = k.add("data", PersistentVolumeClaim::default());
        let service = k.add("web", Service::default());
        let web = k.add("web", Deployment::default());
        let pod = json!({
            "env": [secret.env("P", "password"), config.env("L", "level")],
            "envFrom": [config.env_from(), secret.env_from()],
            "volumes": [config.volume("c"), secret.volume("s"), claim.volume("d")],
            "backend": service.backend(80),
            "host": service.host(),
            "annotations": restart_on([config.content_hash(), secret.content_hash()]),
        });
        k.add_json("pod", json!({"apiVersion": "v1", "kind": "Pod", "spec": pod}));
        k.add(
            "web",
            HorizontalPodAutoscaler {
                spec: HorizontalPodAutoscalerSpec {
                    scale_target_ref: web.scale_target(),
                    ..Default::default()
                },
                ..Default::default()
            },
        );
    });
    let pod = of(&declaration, "kubernetes:core/Pod::pod");
    for (pointer, expected) in [
        ("/spec/env/0/valueFrom/secretKeyRef/name", "db"),
        ("/spec/env/1/valueFrom/configMapKeyRef/name", "settings"),
        ("/spec/envFrom/0/configMapRef/name", "settings"),
        ("/spec/envFrom/1/secretRef/name", "db"),
        ("/spec/volumes/0/configMap/name", "settings"),
        ("/spec/volumes/1/secret/secretName", "db"),
        ("/spec/volumes/2/persistentVolumeClaim/claimName", "data"),
        ("/spec/backend/service/name", "web"),
        ("/spec/host", "web.shop.svc"),
    ] {
        assert_eq!(text(pod, pointer), Some(expected), "{pointer}");
    }
    let hashes = pod.inputs.pointer("/spec/annotations/checksum~1config").unwrap();
    assert!(matches!(hashes, Value::Expr(expr) if expr.outputs().count() == 2));
    let autoscaler = of(&declaration, "kubernetes:autoscaling/HorizontalPodAutoscaler::web");
    let target = autoscaler
        .inputs
        .pointer("/spec/scaleTargetRef")
        .unwrap()
        .expose()
        .unwrap();
    assert_eq!(
        target,
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"})
    );
}

fn named(name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        ..ObjectMeta::default()
    }
}

#[test]
fn roles_and_accounts_fit_together() {
    let declaration = declare(|stack| {
        let cluster = Kubernetes::new(stack);
        let role = cluster.add("reader", ClusterRole::default());
        let account = cluster
            .in_namespace("shop")
            .add("bot", k8s_openapi::api::core::v1::ServiceAccount::default());
        cluster.add(
            "bot-reads",
            ClusterRoleBinding {
                role_ref: role.role_ref(),
                subjects: Some(vec![account.subject()]),
                ..ClusterRoleBinding::default()
            },
        );
    });
    let binding = of(
        &declaration,
        "kubernetes:rbac.authorization.k8s.io/ClusterRoleBinding::bot-reads",
    );
    assert_eq!(text(binding, "/roleRef/kind"), Some("ClusterRole"));
    assert_eq!(text(binding, "/subjects/0/namespace"), Some("shop"));
}

#[test]
fn options_and_edges_can_be_chained() {
    let declaration = declare(|stack| {
        let k = Kubernetes::new(stack).in_namespace("shop");
        let first = k.add("first", ConfigMap::default()).protect().adopt();
        let _ = k
            .add("second", ConfigMap::default())
            .after(&first)
            .after(first.ready())
            .retain_on_delete();
    });
    let first = of(&declaration, "kubernetes:core/ConfigMap::first");
    assert!(first.options.protect && first.options.adopt);
    let second = of(&declaration, "kubernetes:core/ConfigMap::second");
    let phases: Vec<Phase> = second.after.iter().map(|dependency| dependency.phase).collect();
    assert_eq!(phases, [Phase::Exists, Phase::Ready]);
    assert!(second.options.retain_on_delete);
}

#[test]
fn an_annotation_says_whether_and_how_long_it_is_waited_for() {
    let object = |value: serde_json::Value| json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"annotations": {"iac.dev/wait": value}}});
    let options = |value: &str| {
        let declaration = declare(|stack| drop(Kubernetes::new(stack).add_json("a", object(value.into()))));
        declaration.resources[0].options.clone()
    };
    assert_eq!(options("false").wait, Wait::No);
    assert_eq!(options("true").wait, Wait::Ready);
    let limited = options("10m");
    assert_eq!(
        (limited.wait, limited.timeout),
        (Wait::Ready, Some(Duration::from_secs(600)))
    );
    let job = |value: serde_json::Value| refused(|stack| drop(Kubernetes::new(stack).add_json("a", object(value))));
    for (value, expected) in [
        ("no".into(), "write false, true or a time"),
        (false.into(), "write it in quotes, as \"false\""),
        ("0s".into(), "write false where nothing is to be waited for"),
    ] {
        let error = job(value);
        assert!(error.contains("declare.rs") && error.contains(expected), "{error}");
    }
    let awaited =
        json!({"apiVersion": "a.io/v1", "kind": "Rule", "metadata": {"annotations": {"iac.dev/wait-for-kind": true}}});
    let error = refused(|stack| drop(Kubernetes::new(stack).add_json("a", awaited)));
    assert!(
        error.contains(
            "metadata.annotations.iac.dev/wait-for-kind: it is true, and can only be \"true\" or \"false\", in quotes"
        ),
        "{error}"
    );
    let of_pods = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "spec": {"template": {"metadata": {"annotations": {"iac.dev/wait": "false"}}}}});
    let error = refused(|stack| drop(Kubernetes::new(stack).add_json("a", of_pods)));
    assert!(error.contains("metadata.annotations of the Deployment"), "{error}");
    let skipped = declare(|stack| drop(Kubernetes::new(stack).add("a", ConfigMap::default()).skip_wait()));
    assert_eq!(skipped.resources[0].options.wait, Wait::No);
}

#[test]
fn an_annotation_says_which_fields_are_left_as_they_are() {
    let object = |text: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"annotations": {"iac.dev/ignore-changes": text}}});
    let declaration = declare(|stack| {
        drop(Kubernetes::new(stack).add_json("a", object("data.x, metadata.annotations[\"a.b/c, d\"]\ndata.*")));
    });
    let patterns = declaration.resources[0].options.ignore_changes.iter();
    let patterns: Vec<String> = patterns.map(ToString::to_string).collect();
    assert_eq!(patterns, ["data.x", "metadata.annotations[\"a.b/c, d\"]", "data.*"]);
    for (text, expected) in [
        ("", "it names no field"),
        ("data..x", "a name is empty"),
        ("data[x", "a bracket is not closed"),
    ] {
        let error = refused(|stack| drop(Kubernetes::new(stack).add_json("a", object(text))));
        assert!(
            error.contains("metadata.annotations.iac.dev/ignore-changes: ") && error.contains(expected),
            "{error}"
        );
    }
    let of_pods = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "spec": {"template": {"metadata": {"annotations": {"iac.dev/ignore-changes": "spec"}}}}});
    let error = refused(|stack| drop(Kubernetes::new(stack).add_json("a", of_pods)));
    assert!(error.contains("metadata.annotations of the Deployment"), "{error}");
}

#[test]
fn secrets_in_pods_and_config_maps_are_found_by_their_names_and_forms() {
    let container = json!({"name": "c", "image": "a:1", "args": ["--token", "canary-1", "--port=80"], "env": [
        {"name": "DBPASS", "value": "canary-2"},
        {"name": "DATABASE_URL", "value": "pg://app:canary-3@db/x"},
        {"name": "VALKEY_PORT", "value": "6379"},
        {"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "p"}}},
        {"name": "API_TOKEN", "value": "$(DB_PASSWORD)"},
    ]});
    let pod = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container]}});
    let declaration = declare(|stack| {
        let k = Kubernetes::new(stack);
        let of_pods = |kind: &str, version: &str, spec: serde_json::Value| json!({"apiVersion": version, "kind": kind, "spec": spec});
        k.add_json("d", of_pods("Deployment", "apps/v1", json!({"template": pod})));
        let job = json!({"jobTemplate": {"spec": {"template": pod}}});
        k.add_json("c", of_pods("CronJob", "batch/v1", job));
        k.add_json("t", of_pods("Thing", "example.com/v1", json!({"podTemplate": pod})));
        let data =
            json!({"password": "canary-4", "app.properties": "a=1\ndb.password=canary-5\nb=2\n", "mode": "plain"});
        k.add_json("m", json!({"apiVersion": "v1", "kind": "ConfigMap", "data": data}));
    });
    for resource in &declaration.resources {
        let mut hidden = 0;
        resource.inputs.walk(&mut |path, leaf| match leaf {
            Value::String(text) => assert!(!text.contains("canary"), "{path}: {text}"),
            Value::Expr(expr) if expr.is_secret() => hidden += 1,
            _ => {}
        });
        let expected = if resource.key.name() == "m" { 2 } else { 3 };
        assert_eq!(hidden, expected, "{}: {:?}", resource.key, resource.inputs);
    }
    let map = &of(&declaration, "kubernetes:core/ConfigMap::m").inputs;
    let Some(Value::Expr(file)) = map.pointer("/data/app.properties") else {
        panic!("{map:?}")
    };
    assert_eq!(
        file.to_string(),
        "a=1\ndb.password=<secret core/ConfigMap default/m data.app.properties password>\nb=2\n"
    );
}

#[test]
fn what_can_not_be_is_refused_with_its_line() {
    let bytes = refused(|stack| {
        let password = stack.random_password("db", 24).result().to_string();
        let data = BTreeMap::from([("p".to_owned(), ByteString(password.into_bytes()))]);
        Kubernetes::new(stack).add(
            "db",
            Secret {
                data: Some(data),
                ..Secret::default()
            },
        );
    });
    assert!(
        bytes.contains("declare.rs") && bytes.contains("data.p") && bytes.contains("stringData"),
        "{bytes}"
    );
    let elsewhere = refused(|stack| {
        let cluster = Kubernetes::new(stack);
        let namespace = cluster.add("shop", Namespace::default());
        let metadata = ObjectMeta {
            namespace: Some("other".to_owned()),
            ..ObjectMeta::default()
        };
        cluster.within(&namespace).add(
            "app",
            ConfigMap {
                metadata,
                ..ConfigMap::default()
            },
        );
    });
    assert!(
        elsewhere.contains("\"other\"") && elsewhere.contains("\"shop\""),
        "{elsewhere}"
    );
    let missing = refused(|stack| drop(Kubernetes::new(stack).yaml("no/such/folder")));
    assert!(
        missing.contains("no/such/folder") && missing.contains("declare.rs"),
        "{missing}"
    );
}

#[test]
fn an_object_of_a_file_knows_the_lines_of_its_fields() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.yaml");
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  x: y\n---\napiVersion: v1\nkind: Secret\nmetadata:\n  \
                name: b\nstringData:\n  password: hunter2\n";
    std::fs::write(&file, text).unwrap();
    let declaration = declare(|stack| {
        let k = Kubernetes::new(stack).in_namespace("shop");
        k.yaml(&file);
        k.add("typed", ConfigMap::default());
    });
    let line = |key: &str, path: &str| {
        let lines = of(&declaration, key).lines.as_ref()?;
        Some(lines.line(&path.parse().unwrap())?.to_string())
    };
    let at = |line: u32| Some(format!("{}:{line}:3", file.display()));
    assert_eq!(line("kubernetes:core/ConfigMap::shop/a", "data.x"), at(6));
    assert_eq!(line("kubernetes:core/Secret::shop/b", "data.password"), at(13));
    assert_eq!(line("kubernetes:core/Secret::shop/b", "metadata.namespace"), None);
    assert!(of(&declaration, "kubernetes:core/ConfigMap::typed").lines.is_none());
    assert!(!format!("{declaration:?}").contains("hunter2"));
}

#[test]
fn an_object_that_files_say_twice_counts_once_however_its_namespace_is_written() {
    let of = |namespace: &str, color: &str| {
        format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: x{namespace}}}, data: {{color: {color}}}}}\n")
    };
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
    write("a.yaml", of("", "red"));
    write("b.yaml", of(", namespace: default", "red"));
    let both = |stack: &Stack| drop(Kubernetes::new(stack).yaml(folder.path()));
    let declared = declare(both);
    assert_eq!(declared.resources.len(), 1);
    assert!(
        declared.notes[0]
            .message
            .contains("as well, with the same content; it counts once")
    );
    write("b.yaml", of(", namespace: default", "blue"));
    let different = refused(both);
    let places = ["a.yaml", "b.yaml"].map(|name| format!("{}:1:1", folder.path().join(name).display()));
    assert_eq!(
        different,
        format!(
            "{}: kubernetes:core/ConfigMap::x is declared already at {}, with other content: an object can be declared in \
             one way only",
            places[1], places[0]
        )
    );
}

#[test]
fn an_object_that_two_folders_say_counts_once_in_whatever_component() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let namespace = "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}\n";
    let secret = |namespace: &str, password: &str| {
        format!(
            "{{apiVersion: v1, kind: Secret, metadata: {{name: db{namespace}}}, stringData: {{password: {password}}}}}\n"
        )
    };
    write("one/ns.yaml", namespace);
    write("one/db.yaml", &secret(", namespace: shop", "hunter2"));
    write("two/ns.yaml", namespace);
    write("two/db.yaml", &secret("", "hunter2"));
    let both = |stack: &Stack| {
        let one = Kubernetes::new(stack).yaml(folder.path().join("one"));
        let gate = Kubernetes::new(stack).add("gate", Namespace::default());
        let two = Kubernetes::new(&stack.component("two")).in_namespace("shop");
        let two = two.yaml(folder.path().join("two"));
        assert_eq!((one.len(), two.len()), (2, 2), "each call has what its files say");
        assert_eq!(one[0].key(), two[0].key());
        two.into_iter().for_each(|object| drop(object.after(&gate)));
    };
    let declared = declare(both);
    let keys: Vec<String> = declared.resources.iter().map(|resource| resource.key.short()).collect();
    assert_eq!(keys, ["Secret/shop/db", "Namespace/shop", "Namespace/gate"]);
    assert_eq!(declared.resources[1].after.len(), 1);
    assert_eq!(declared.notes.len(), 2);
    // What a Secret holds counts, though it stands nowhere in clear.
    write("two/db.yaml", &secret("", "hunter3"));
    let different = refused(both);
    assert!(
        different.contains("two/db.yaml:1:1: kubernetes:core/Secret::shop/db is declared already at")
            && different.contains("one/db.yaml:1:1")
            && !different.contains("hunter"),
        "{different}"
    );
}
