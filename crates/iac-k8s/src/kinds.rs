//! Facts about Kubernetes' own kinds that need no server: their scope, and which ones run pods.

/// Whether objects of a kind live in a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// They do.
    Namespaced,
    /// They belong to the cluster as a whole.
    Cluster,
}

/// The API groups whose kinds are all Kubernetes' own.
const OWN_GROUPS: [&str; 20] = [
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

/// Groups of which every kind belongs to the cluster.
const CLUSTER_GROUPS: [&str; 6] = [
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "node.k8s.io",
    "scheduling.k8s.io",
];

/// The other kinds that belong to the cluster, as `group/Kind`.
const CLUSTER_KINDS: [&str; 14] = [
    "/Namespace",
    "/Node",
    "/PersistentVolume",
    "certificates.k8s.io/CertificateSigningRequest",
    "certificates.k8s.io/ClusterTrustBundle",
    "networking.k8s.io/IPAddress",
    "networking.k8s.io/IngressClass",
    "networking.k8s.io/ServiceCIDR",
    "rbac.authorization.k8s.io/ClusterRole",
    "rbac.authorization.k8s.io/ClusterRoleBinding",
    "storage.k8s.io/CSIDriver",
    "storage.k8s.io/CSINode",
    "storage.k8s.io/StorageClass",
    "storage.k8s.io/VolumeAttachment",
];

/// The scope of one of Kubernetes' own kinds; none for a custom resource.
pub(crate) fn scope(group: &str, kind: &str) -> Option<Scope> {
    if !OWN_GROUPS.contains(&group) {
        return None;
    }
    let of_cluster = CLUSTER_GROUPS.contains(&group)
        || (group, kind) == ("storage.k8s.io", "VolumeAttributesClass")
        || CLUSTER_KINDS.iter().any(|known| {
            known
                .rsplit_once('/')
                .is_some_and(|(known_group, known_kind)| known_group == group && known_kind == kind)
        });
    Some(if of_cluster { Scope::Cluster } else { Scope::Namespaced })
}

/// True if a type, as `group/Kind`, is none of Kubernetes' own.
pub(crate) fn is_custom(type_name: &str) -> bool {
    let (group, kind) = type_name.rsplit_once('/').unwrap_or(("", type_name));
    scope(if group == "core" { "" } else { group }, kind).is_none()
}

/// Kinds of which each change of anything but metadata and status moves `metadata.generation`.
const COUNTED_KINDS: [&str; 12] = [
    "/Pod",
    "/ReplicationController",
    "apiextensions.k8s.io/CustomResourceDefinition",
    "apps/DaemonSet",
    "apps/Deployment",
    "apps/ReplicaSet",
    "apps/StatefulSet",
    "batch/CronJob",
    "batch/Job",
    "networking.k8s.io/Ingress",
    "networking.k8s.io/NetworkPolicy",
    "policy/PodDisruptionBudget",
];

/// True if each change of an object of this kind, its metadata and status aside, moves its generation; so it is with
/// every custom resource, and with some of Kubernetes' own kinds.
pub(crate) fn counts_generations(group: &str, kind: &str) -> bool {
    scope(group, kind).is_none() || COUNTED_KINDS.contains(&format!("{group}/{kind}").as_str())
}

/// Kinds that no controller works on: others read what they say.
const PASSIVE_KINDS: [&str; 21] = [
    "/ConfigMap",
    "/Endpoints",
    "/LimitRange",
    "/PodTemplate",
    "/Secret",
    "/ServiceAccount",
    "admissionregistration.k8s.io/MutatingWebhookConfiguration",
    "admissionregistration.k8s.io/ValidatingWebhookConfiguration",
    "apps/ControllerRevision",
    "coordination.k8s.io/Lease",
    "discovery.k8s.io/EndpointSlice",
    "networking.k8s.io/IngressClass",
    "networking.k8s.io/NetworkPolicy",
    "node.k8s.io/RuntimeClass",
    "rbac.authorization.k8s.io/ClusterRoleBinding",
    "rbac.authorization.k8s.io/Role",
    "rbac.authorization.k8s.io/RoleBinding",
    "scheduling.k8s.io/PriorityClass",
    "storage.k8s.io/CSIDriver",
    "storage.k8s.io/StorageClass",
    "storage.k8s.io/VolumeAttributesClass",
];

/// True if objects of a kind are as good as they get once they are there.
pub(crate) fn is_passive(group: &str, kind: &str) -> bool {
    PASSIVE_KINDS.contains(&format!("{group}/{kind}").as_str())
}

/// True if objects of a kind own pods, directly or not, which have to be gone with them: what holds a port, a volume or a
/// name is free only then.
pub(crate) fn runs_pods(type_name: &str) -> bool {
    type_name != "core/Pod" && pod_template(type_name).is_some()
}

/// Where the pod template lies in a kind that runs pods, as an RFC 6901 pointer; the pod itself for a `Pod`.
pub(crate) fn pod_template(type_name: &str) -> Option<&'static str> {
    match type_name {
        "core/Pod" => Some(""),
        "apps/Deployment"
        | "apps/StatefulSet"
        | "apps/DaemonSet"
        | "apps/ReplicaSet"
        | "batch/Job"
        | "core/ReplicationController" => Some("/spec/template"),
        "batch/CronJob" => Some("/spec/jobTemplate/spec/template"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_known() {
        for (group, kind, expected) in [
            ("", "Namespace", Some(Scope::Cluster)),
            ("", "ConfigMap", Some(Scope::Namespaced)),
            ("apps", "Deployment", Some(Scope::Namespaced)),
            ("networking.k8s.io", "IngressClass", Some(Scope::Cluster)),
            ("networking.k8s.io", "Ingress", Some(Scope::Namespaced)),
            ("scheduling.k8s.io", "PriorityClass", Some(Scope::Cluster)),
            ("cert-manager.io", "Certificate", None),
        ] {
            assert_eq!(scope(group, kind), expected, "{group}/{kind}");
        }
    }
}
