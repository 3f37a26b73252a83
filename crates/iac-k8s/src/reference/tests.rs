//! Which names are found, and where they lead.

use iac_core::declare::{Options, SourceLine};
use iac_core::provider::Need;
use serde_json::json;

use super::*;

fn declare(inputs: serde_json::Value) -> ResourceDecl {
    let inputs: Value = inputs.into();
    let id = ObjectId::of(&inputs).expect("complete");
    ResourceDecl {
        key: Key::new("", &format!("kubernetes:{}", id.type_name()), &id.name).expect("valid"),
        inputs,
        options: Options::default(),
        after: Vec::new(),
        source: SourceLine::caller(),
        lines: None,
    }
}

/// `Deployment/api exists: path -> Secret/db exists`, or `-> core/Secret n/db` for an external one, with `!` where it is
/// needed at once and `?` where it is optional.
fn edges(resources: &[serde_json::Value]) -> Vec<String> {
    let resources: Vec<ResourceDecl> = resources.iter().cloned().map(declare).collect();
    let phase = |phase: Phase| if phase == Phase::Ready { "ready" } else { "exists" };
    let references = all(&resources.iter().collect::<Vec<_>>());
    let text = |reference: Reference| {
        let to = match reference.to {
            Referent::Declared(key, reached) | Referent::Ordered(key, reached) => {
                format!("{} {}", key.short(), phase(reached))
            }
            Referent::First(key, reached) => format!("first {} {}", key.short(), phase(reached)),
            Referent::External(external) => {
                format!(
                    "{} {}{}",
                    external.kind,
                    external.name,
                    match external.need {
                        Need::AtOnce => "!",
                        Need::Later => "",
                        Need::Optional => "?",
                    }
                )
            }
        };
        format!(
            "{} {}: {} -> {to}",
            reference.from.short(),
            phase(reference.phase),
            reference.path
        )
    };
    references.into_iter().map(text).collect()
}

fn object(api_version: &str, kind: &str, name: &str, rest: serde_json::Value) -> serde_json::Value {
    let mut object =
        json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "default"}});
    for (key, value) in rest.as_object().into_iter().flatten() {
        object[key] = value.clone();
    }
    object
}

#[test]
fn a_pod_template_names_what_it_needs() {
    let spec = json!({
        "serviceAccountName": "runner", "priorityClassName": "system-node-critical",
        "imagePullSecrets": [{"name": "pull"}],
        "containers": [{"name": "api",
            "env": [{"name": "P", "valueFrom": {"secretKeyRef": {"name": "db", "key": "p"}}}, {"name": "Q", "value": "x"}],
            "envFrom": [{"configMapRef": {"name": "app", "optional": true}}]}],
        "volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
            {"name": "tls", "secret": {"secretName": "tls"}},
            {"name": "all", "projected": {"sources": [{"configMap": {"name": "extra"}}]}}],
    });
    let found = edges(&[
        object("v1", "Secret", "db", json!({})),
        object(
            "apps/v1",
            "Deployment",
            "api",
            json!({"spec": {"template": {"spec": spec}}}),
        ),
    ]);
    let template = "Deployment/api exists: spec.template.spec";
    assert_eq!(
        found,
        [
            format!("{template}.serviceAccountName -> core/ServiceAccount default/runner"),
            format!("{template}.containers[name=api].env[name=P].valueFrom.secretKeyRef.name -> Secret/db exists"),
            format!("{template}.containers[name=api].envFrom[0].configMapRef.name -> core/ConfigMap default/app?"),
            format!("{template}.volumes[name=tls].secret.secretName -> core/Secret default/tls"),
            format!("{template}.volumes[name=all].projected.sources[0].configMap.name -> core/ConfigMap default/extra"),
            format!(
                "{template}.volumes[name=data].persistentVolumeClaim.claimName -> core/PersistentVolumeClaim default/data"
            ),
            format!("{template}.imagePullSecrets[name=pull].name -> core/Secret default/pull"),
        ]
    );
}

#[test]
fn a_service_is_ready_when_what_it_selects_is() {
    let labels = json!({"spec": {"template": {"metadata": {"labels": {"app": "api", "tier": "web"}}}}});
    let found = edges(&[
        object("v1", "Service", "api", json!({"spec": {"selector": {"app": "api"}}})),
        object("apps/v1", "Deployment", "api", labels.clone()),
        object("batch/v1", "Job", "migrate", labels),
        object(
            "apps/v1",
            "Deployment",
            "other",
            json!({"spec": {"template": {"metadata": {"labels": {"app": "b"}}}}}),
        ),
    ]);
    assert_eq!(found, ["Service/api ready: spec.selector -> Deployment/api ready"]);
}

#[test]
fn kinds_name_one_another() {
    let found = edges(&[
        object(
            "apps/v1",
            "StatefulSet",
            "db",
            json!({"spec": {"serviceName": "db", "volumeClaimTemplates": [{"metadata": {"name": "d"}, "spec": {"storageClassName": "fast"}}]}}),
        ),
        object("v1", "Service", "db", json!({})),
        object(
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            "db",
            json!({"spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db"}}}),
        ),
        object(
            "networking.k8s.io/v1",
            "Ingress",
            "web",
            json!({"spec": {"ingressClassName": "nginx",
            "tls": [{"secretName": "tls"}], "rules": [{"host": "a", "http": {"paths": [{"backend": {"service": {"name": "db"}}}]}}]}}),
        ),
        object(
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
            "rb",
            json!({"roleRef": {"kind": "ClusterRole", "name": "view"}, "subjects": [{"kind": "ServiceAccount", "name": "sa"}]}),
        ),
    ]);
    assert_eq!(
        found,
        [
            "StatefulSet/db exists: spec.serviceName -> Service/db exists",
            "StatefulSet/db exists: spec.volumeClaimTemplates[0].spec.storageClassName -> storage.k8s.io/StorageClass fast",
            "HorizontalPodAutoscaler/db exists: spec.scaleTargetRef.name -> StatefulSet/db exists",
            "Ingress/web exists: spec.rules[0].http.paths[0].backend.service.name -> Service/db exists",
            "Ingress/web exists: spec.tls[0].secretName -> core/Secret default/tls",
            "Ingress/web exists: spec.ingressClassName -> networking.k8s.io/IngressClass nginx",
            "RoleBinding/rb exists: roleRef.name -> rbac.authorization.k8s.io/ClusterRole view",
            "RoleBinding/rb exists: subjects[name=sa].name -> core/ServiceAccount default/sa",
        ]
    );
}

#[test]
fn a_custom_resource_waits_for_its_definition_and_everything_for_its_namespace() {
    let found = edges(&[
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}),
        json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "things.a.io"}, "spec": {"group": "a.io", "names": {"kind": "Thing"}}}),
        json!({"apiVersion": "a.io/v1", "kind": "Thing", "metadata": {"name": "t", "namespace": "shop"}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "elsewhere"}}),
    ]);
    assert_eq!(
        found,
        [
            "Thing/t exists: metadata.namespace -> Namespace/shop exists",
            "Thing/t exists: kind -> CustomResourceDefinition/things.a.io ready",
            "ConfigMap/c exists: metadata.namespace -> core/Namespace elsewhere!",
        ]
    );
}

#[test]
fn a_pod_is_refused_for_what_its_template_waits_for() {
    let spec = json!({"serviceAccount": "runner", "priorityClassName": "high", "runtimeClassName": "vm",
        "containers": [{"name": "c", "envFrom": [{"secretRef": {"name": "s"}}]}]});
    let pod = edges(&[object("v1", "Pod", "p", json!({"spec": spec}))]);
    let template = edges(&[object(
        "batch/v1",
        "Job",
        "j",
        json!({"spec": {"template": {"spec": spec}}}),
    )]);
    let named = |needed: &str| {
        [
            format!("serviceAccount -> core/ServiceAccount default/runner{needed}"),
            format!("priorityClassName -> scheduling.k8s.io/PriorityClass high{needed}"),
            format!("runtimeClassName -> node.k8s.io/RuntimeClass vm{needed}"),
            "containers[name=c].envFrom[0].secretRef.name -> core/Secret default/s".to_owned(),
        ]
    };
    assert_eq!(pod, named("!").map(|name| format!("Pod/p exists: spec.{name}")));
    assert_eq!(
        template,
        named("").map(|name| format!("Job/j exists: spec.template.spec.{name}"))
    );
}

#[test]
fn a_secret_that_a_custom_resource_makes_is_not_missing() {
    let pod = object(
        "v1",
        "Pod",
        "p",
        json!({"spec": {"containers": [], "volumes": [{"secret": {"secretName": "tls"}}, {"secret": {"secretName": "sealed"}}]}}),
    );
    let found = edges(&[
        pod,
        object(
            "cert-manager.io/v1",
            "Certificate",
            "web",
            json!({"spec": {"secretName": "tls"}}),
        ),
        object("bitnami.com/v1alpha1", "SealedSecret", "sealed", json!({"spec": {}})),
    ]);
    assert_eq!(
        found,
        [
            "Pod/p exists: spec.volumes[0].secret.secretName -> Certificate/web exists",
            "Pod/p exists: spec.volumes[1].secret.secretName -> SealedSecret/sealed exists",
        ]
    );
}

#[test]
fn what_admission_reads_comes_first() {
    let spec = json!({"spec": {"serviceAccountName": "bot", "containers": []}});
    let role = |kind: &str, rest| object("rbac.authorization.k8s.io/v1", kind, "bot", rest);
    let webhook =
        json!({"webhooks": [{"rules": [{"apiGroups": [""], "resources": ["pods"], "operations": ["CREATE"]}]}]});
    let crd = json!({"spec": {"group": "a.io", "names": {"kind": "Thing", "plural": "things"}}});
    let annotated = |annotation: &str| json!({"name": "default", "annotations": {annotation: "true"}});
    let policy = json!({"spec": {"matchConstraints": {"resourceRules": [{"apiGroups": ["a.io"], "resources": ["things"], "operations": ["*"]}]}}});
    let admission = "admissionregistration.k8s.io/v1";
    let binding =
        json!({"roleRef": {"kind": "Role", "name": "bot"}, "subjects": [{"kind": "ServiceAccount", "name": "bot"}]});
    let found = edges(&[
        object("v1", "Pod", "p", spec),
        object("a.io/v1", "Thing", "t", json!({})),
        object("v1", "PersistentVolumeClaim", "c", json!({})),
        object("v1", "LimitRange", "limits", json!({})),
        object("v1", "ResourceQuota", "quota", json!({})),
        object("networking.k8s.io/v1", "NetworkPolicy", "deny", json!({})),
        object(
            "scheduling.k8s.io/v1",
            "PriorityClass",
            "default",
            json!({"globalDefault": true}),
        ),
        object(
            "storage.k8s.io/v1",
            "StorageClass",
            "default",
            json!({"metadata": annotated("storageclass.kubernetes.io/is-default-class")}),
        ),
        role(
            "Role",
            json!({"rules": [{"apiGroups": ["a.io"], "resources": ["*"], "verbs": ["*"]}]}),
        ),
        role("RoleBinding", binding),
        object("v1", "ServiceAccount", "bot", json!({"secrets": [{"name": "token"}]})),
        object(
            "v1",
            "Secret",
            "token",
            json!({"type": "kubernetes.io/service-account-token",
            "metadata": {"name": "token", "namespace": "default", "annotations": {"kubernetes.io/service-account.name": "bot"}}}),
        ),
        object(
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            "things.a.io",
            crd,
        ),
        object(admission, "MutatingWebhookConfiguration", "inject", webhook),
        object(admission, "ValidatingAdmissionPolicy", "rule", policy),
        object(
            admission,
            "ValidatingAdmissionPolicyBinding",
            "rule",
            json!({"spec": {"policyName": "rule"}}),
        ),
    ]);
    let of = |from: &str| -> Vec<String> {
        let own = found
            .iter()
            .filter_map(|edge| edge.strip_prefix(from)?.strip_prefix(" exists: "));
        own.map(|edge| edge.trim_start_matches(" -> first ").to_owned())
            .collect()
    };
    assert_eq!(
        of("Pod/p"),
        [
            "spec.serviceAccountName -> ServiceAccount/bot exists",
            "LimitRange/limits exists",
            "ResourceQuota/quota exists",
            "NetworkPolicy/deny exists",
            "PriorityClass/default exists",
            "RoleBinding/bot exists",
            "CustomResourceDefinition/things.a.io exists",
            "MutatingWebhookConfiguration/inject exists",
        ]
    );
    assert_eq!(
        of("Thing/t"),
        [
            "kind -> CustomResourceDefinition/things.a.io ready",
            "ValidatingAdmissionPolicyBinding/rule exists"
        ]
    );
    assert_eq!(
        of("PersistentVolumeClaim/c"),
        [
            "LimitRange/limits exists",
            "ResourceQuota/quota exists",
            "StorageClass/default exists"
        ]
    );
    let account = r#"metadata.annotations["kubernetes.io/service-account.name"] -> ServiceAccount/bot exists"#;
    assert_eq!(of("Secret/token"), [account]);
    assert_eq!(of("ServiceAccount/bot"), [""; 0]);
}

#[test]
fn the_parameter_of_an_admission_policy_comes_before_its_binding() {
    let admission = "admissionregistration.k8s.io/v1";
    let map = |name: &str| {
        object(
            "v1",
            "ConfigMap",
            name,
            json!({"metadata": {"name": name, "namespace": "default", "labels": {"a": name}}}),
        )
    };
    for (parameter, expected) in [
        (json!({"name": "limits", "namespace": "default"}), vec!["limits"]),
        (json!({"name": "limits"}), vec!["limits"]),
        (json!({"name": "limits", "namespace": "other"}), vec![]),
        (json!({"selector": {"matchLabels": {"a": "other"}}}), vec!["other"]),
        (json!({"selector": {}}), vec!["limits", "other"]),
    ] {
        let found = edges(&[
            map("limits"),
            map("other"),
            object("v1", "Secret", "limits", json!({})),
            object(
                admission,
                "ValidatingAdmissionPolicy",
                "rule",
                json!({"spec": {"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}}}),
            ),
            object(
                admission,
                "ValidatingAdmissionPolicyBinding",
                "rule",
                json!({"spec": {"policyName": "rule", "paramRef": parameter}}),
            ),
        ]);
        let first = "ValidatingAdmissionPolicyBinding/rule exists:  -> first ConfigMap/";
        let found: Vec<&str> = found
            .iter()
            .filter_map(|edge| edge.strip_prefix(first)?.strip_suffix(" exists"))
            .collect();
        assert_eq!(found, expected, "{parameter}");
    }
}

/// The lines of the table in `docs/rules.md`.
fn documented() -> Vec<String> {
    let field = |row: &table::Row| {
        let quoted = |step: &&str| match step.contains('/') {
            true => format!("[{step:?}]"),
            false => (*step).to_owned(),
        };
        row.field
            .iter()
            .map(quoted)
            .collect::<Vec<_>>()
            .join(".")
            .replace(".[", "[")
    };
    let kinds = |kinds: &[&str]| {
        let short = kinds.iter().filter_map(|kind| kind.rsplit('/').next());
        short.collect::<Vec<_>>().join(", ")
    };
    let line = |row: &table::Row| {
        let of = match row.of {
            table::Of::Namespaced => "anything in a namespace".to_owned(),
            table::Of::Pod => "Pod".to_owned(),
            table::Of::Template => "pod templates".to_owned(),
            table::Of::Pods => "Pod, pod templates".to_owned(),
            table::Of::Kinds(of) => kinds(of),
            table::Of::TokenSecret => "Secret of type `kubernetes.io/service-account-token`".to_owned(),
        };
        let target = match row.target {
            table::Target::Near(kind) | table::Target::Beside(kind) | table::Target::Cluster(kind) => kinds(&[kind]),
            table::Target::Role => "Role or ClusterRole".to_owned(),
            table::Target::Scalable => "what is scaled".to_owned(),
            table::Target::Subject => "ServiceAccount".to_owned(),
        };
        let need = match (row.need, row.reached) {
            (Need::AtOnce, _) => "at once",
            (Need::Later, Phase::Exists) => "later",
            (Need::Later, Phase::Ready) => "later; of this stack, only once it is ready",
            (Need::Optional, _) => "never",
        };
        format!("| Kubernetes | {of}: `{}` | {target}: {need} |", field(row))
    };
    table::ROWS.iter().map(line).collect()
}

#[test]
fn the_documentation_shows_the_table() {
    let page = include_str!("../../../../docs/rules.md");
    let missing: Vec<String> = documented().into_iter().filter(|line| !page.contains(line)).collect();
    assert!(
        missing.is_empty(),
        "docs/rules.md, References, lacks:\n{}",
        missing.join("\n")
    );
}

#[test]
fn what_waits_for_its_kind_comes_after_whatever_may_make_it() {
    let mut rule = object("rules.io/v1", "Rule", "all", json!({}));
    rule["metadata"]["annotations"] = json!({"iac.dev/wait-for-kind": "true"});
    let found = edges(&[
        rule,
        object("templates.io/v1", "Template", "t", json!({})),
        object("v1", "ConfigMap", "c", json!({})),
        object(
            "apps/v1",
            "Deployment",
            "controller",
            json!({"spec": {"template": {"spec": {}}}}),
        ),
    ]);
    let first: Vec<&String> = found.iter().filter(|edge| edge.contains("-> first")).collect();
    assert_eq!(
        first,
        [
            "Rule/all exists:  -> first Template/t exists",
            "Rule/all exists:  -> first Deployment/controller exists",
        ]
    );
}
