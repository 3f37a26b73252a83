//! Which fields name other objects, and what becomes of an object whose name leads nowhere.
//!
//! One row per field. `docs/rules.md` shows the same table; a test compares the two.

use iac_core::provider::{Need, Phase};

/// One field that names an object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// The objects that have the field.
    pub(super) of: Of,
    /// The way to it; `[]` behind a name stands for every element of a list. For what runs pods it begins at the pods'
    /// specification, where `containers` stands for every list of containers.
    pub(super) field: &'static [&'static str],
    /// The object that it names.
    pub(super) target: Target,
    /// When that has to be there.
    pub(super) need: Need,
    /// Which phase an object of the stack has to have reached.
    pub(super) reached: Phase,
}

/// The objects that have a field.
#[derive(Debug, Clone, Copy)]
pub(super) enum Of {
    /// Anything that lives in a namespace.
    Namespaced,
    /// A Pod itself.
    Pod,
    /// An object that makes pods of a template.
    Template,
    /// Both of them.
    Pods,
    /// These types.
    Kinds(&'static [&'static str]),
    /// A Secret for the token of an account.
    TokenSecret,
}

/// The meaning of a name.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target {
    /// An object of this type in the same namespace.
    Near(&'static str),
    /// An object of this type in the namespace that stands beside the name, or in the same one.
    Beside(&'static str),
    /// An object of this type, which belongs to the cluster.
    Cluster(&'static str),
    /// A Role or ClusterRole, as the kind beside the name says.
    Role,
    /// An object that has a scale: API version and kind are beside the name.
    Scalable,
    /// An account, if the kind beside the name says so.
    Subject,
}

const SECRET: Target = Target::Near("core/Secret");
const CONFIG_MAP: Target = Target::Near("core/ConfigMap");
const SERVICE: Target = Target::Near("core/Service");
const ACCOUNT: Target = Target::Near("core/ServiceAccount");
const PRIORITY_CLASS: Target = Target::Cluster("scheduling.k8s.io/PriorityClass");
const RUNTIME_CLASS: Target = Target::Cluster("node.k8s.io/RuntimeClass");
const STORAGE_CLASS: Target = Target::Cluster("storage.k8s.io/StorageClass");
const BINDINGS: Of = Of::Kinds(&[
    "rbac.authorization.k8s.io/RoleBinding",
    "rbac.authorization.k8s.io/ClusterRoleBinding",
]);
const WEBHOOKS: Of = Of::Kinds(&[
    "admissionregistration.k8s.io/MutatingWebhookConfiguration",
    "admissionregistration.k8s.io/ValidatingWebhookConfiguration",
]);
const CLAIM: Of = Of::Kinds(&["core/PersistentVolumeClaim"]);
const INGRESS: Of = Of::Kinds(&["networking.k8s.io/Ingress"]);
const STATEFUL_SET: Of = Of::Kinds(&["apps/StatefulSet"]);

const fn at_once(of: Of, field: &'static [&'static str], target: Target) -> Row {
    Row {
        of,
        field,
        target,
        need: Need::AtOnce,
        reached: Phase::Exists,
    }
}

const fn later(of: Of, field: &'static [&'static str], target: Target) -> Row {
    Row {
        need: Need::Later,
        ..at_once(of, field, target)
    }
}

/// As [`later`], but what names it harms others before the named one does its work.
const fn once_ready(of: Of, field: &'static [&'static str], target: Target) -> Row {
    Row {
        reached: Phase::Ready,
        ..later(of, field, target)
    }
}

/// The table.
pub(super) const ROWS: &[Row] = &[
    // The server refuses what stands in a namespace that is not there, and a pod whose account or class it does not know.
    at_once(
        Of::Namespaced,
        &["metadata", "namespace"],
        Target::Cluster("core/Namespace"),
    ),
    at_once(Of::Pod, &["serviceAccountName"], ACCOUNT),
    at_once(Of::Pod, &["serviceAccount"], ACCOUNT),
    at_once(Of::Pod, &["priorityClassName"], PRIORITY_CLASS),
    at_once(Of::Pod, &["runtimeClassName"], RUNTIME_CLASS),
    // A controller makes the pods, and tries until it may.
    later(Of::Template, &["serviceAccountName"], ACCOUNT),
    later(Of::Template, &["serviceAccount"], ACCOUNT),
    later(Of::Template, &["priorityClassName"], PRIORITY_CLASS),
    later(Of::Template, &["runtimeClassName"], RUNTIME_CLASS),
    // The kubelet waits for these before it starts a container.
    later(
        Of::Pods,
        &["containers[]", "env[]", "valueFrom", "secretKeyRef", "name"],
        SECRET,
    ),
    later(
        Of::Pods,
        &["containers[]", "env[]", "valueFrom", "configMapKeyRef", "name"],
        CONFIG_MAP,
    ),
    later(Of::Pods, &["containers[]", "envFrom[]", "secretRef", "name"], SECRET),
    later(
        Of::Pods,
        &["containers[]", "envFrom[]", "configMapRef", "name"],
        CONFIG_MAP,
    ),
    later(Of::Pods, &["volumes[]", "secret", "secretName"], SECRET),
    later(Of::Pods, &["volumes[]", "configMap", "name"], CONFIG_MAP),
    later(
        Of::Pods,
        &["volumes[]", "projected", "sources[]", "secret", "name"],
        SECRET,
    ),
    later(
        Of::Pods,
        &["volumes[]", "projected", "sources[]", "configMap", "name"],
        CONFIG_MAP,
    ),
    later(Of::Pods, &["volumes[]", "csi", "nodePublishSecretRef", "name"], SECRET),
    later(
        Of::Pods,
        &["volumes[]", "persistentVolumeClaim", "claimName"],
        Target::Near("core/PersistentVolumeClaim"),
    ),
    later(
        Of::Pods,
        &[
            "volumes[]",
            "ephemeral",
            "volumeClaimTemplate",
            "spec",
            "storageClassName",
        ],
        STORAGE_CLASS,
    ),
    later(Of::Pods, &["imagePullSecrets[]", "name"], SECRET),
    later(
        Of::Pods,
        &["resourceClaims[]", "resourceClaimName"],
        Target::Near("resource.k8s.io/ResourceClaim"),
    ),
    later(
        Of::Pods,
        &["resourceClaims[]", "resourceClaimTemplateName"],
        Target::Near("resource.k8s.io/ResourceClaimTemplate"),
    ),
    // The token controller deletes a Secret whose account is missing.
    at_once(
        Of::TokenSecret,
        &["metadata", "annotations", "kubernetes.io/service-account.name"],
        ACCOUNT,
    ),
    later(
        Of::Kinds(&["core/ServiceAccount"]),
        &["imagePullSecrets[]", "name"],
        SECRET,
    ),
    later(STATEFUL_SET, &["spec", "serviceName"], SERVICE),
    later(
        STATEFUL_SET,
        &["spec", "volumeClaimTemplates[]", "spec", "storageClassName"],
        STORAGE_CLASS,
    ),
    later(CLAIM, &["spec", "storageClassName"], STORAGE_CLASS),
    later(
        CLAIM,
        &["spec", "volumeAttributesClassName"],
        Target::Cluster("storage.k8s.io/VolumeAttributesClass"),
    ),
    later(CLAIM, &["spec", "volumeName"], Target::Cluster("core/PersistentVolume")),
    later(
        Of::Kinds(&["core/PersistentVolume"]),
        &["spec", "storageClassName"],
        STORAGE_CLASS,
    ),
    later(
        Of::Kinds(&["autoscaling/HorizontalPodAutoscaler"]),
        &["spec", "scaleTargetRef", "name"],
        Target::Scalable,
    ),
    later(INGRESS, &["spec", "defaultBackend", "service", "name"], SERVICE),
    later(
        INGRESS,
        &["spec", "rules[]", "http", "paths[]", "backend", "service", "name"],
        SERVICE,
    ),
    later(INGRESS, &["spec", "tls[]", "secretName"], SECRET),
    later(
        INGRESS,
        &["spec", "ingressClassName"],
        Target::Cluster("networking.k8s.io/IngressClass"),
    ),
    later(BINDINGS, &["roleRef", "name"], Target::Role),
    later(BINDINGS, &["subjects[]", "name"], Target::Subject),
    later(
        Of::Kinds(&["apiregistration.k8s.io/APIService"]),
        &["spec", "service", "name"],
        Target::Beside("core/Service"),
    ),
    // A webhook that is registered before it answers stops everybody else.
    once_ready(
        WEBHOOKS,
        &["webhooks[]", "clientConfig", "service", "name"],
        Target::Beside("core/Service"),
    ),
    later(
        Of::Kinds(&["admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding"]),
        &["spec", "policyName"],
        Target::Cluster("admissionregistration.k8s.io/ValidatingAdmissionPolicy"),
    ),
    later(
        Of::Kinds(&["admissionregistration.k8s.io/MutatingAdmissionPolicyBinding"]),
        &["spec", "policyName"],
        Target::Cluster("admissionregistration.k8s.io/MutatingAdmissionPolicy"),
    ),
    later(
        Of::Kinds(&["flowcontrol.apiserver.k8s.io/FlowSchema"]),
        &["spec", "priorityLevelConfiguration", "name"],
        Target::Cluster("flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration"),
    ),
];
