//! The names that an API server takes for its own kinds. It says so too, but not for an object whose namespace is yet to be
//! made: that is tried elsewhere and under another name.

/// The form of a kind's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// RFC 1123 subdomain: labels with dots between them, of at most so many letters.
    Subdomain(usize),
    /// RFC 1123 label. Before Kubernetes 1.36 a Service may not begin with a digit; the server says so.
    Label,
}

/// The longest RFC 1123 subdomain.
const LONGEST: usize = 253;

/// The kinds whose names have another form than [`LONGEST`] says, by type.
const FORMS: [(&str, Form); 5] = [
    // Its Jobs get eleven letters more, and are labels of pods.
    ("batch/CronJob", Form::Subdomain(52)),
    // It is a label of its pods.
    ("batch/Job", Form::Subdomain(63)),
    ("core/Namespace", Form::Label),
    ("core/Service", Form::Label),
    ("apps/StatefulSet", Form::Label),
];

/// The other kinds whose names are subdomains.
const SUBDOMAINS: [&str; 23] = [
    "apps/DaemonSet",
    "apps/Deployment",
    "apps/ReplicaSet",
    "autoscaling/HorizontalPodAutoscaler",
    "coordination.k8s.io/Lease",
    "core/ConfigMap",
    "core/Endpoints",
    "core/LimitRange",
    "core/PersistentVolume",
    "core/PersistentVolumeClaim",
    "core/Pod",
    "core/ReplicationController",
    "core/ResourceQuota",
    "core/Secret",
    "core/ServiceAccount",
    "discovery.k8s.io/EndpointSlice",
    "networking.k8s.io/Ingress",
    "networking.k8s.io/IngressClass",
    "networking.k8s.io/NetworkPolicy",
    "node.k8s.io/RuntimeClass",
    "scheduling.k8s.io/PriorityClass",
    "storage.k8s.io/StorageClass",
    "storage.k8s.io/VolumeAttributesClass",
];

/// Why a name is none for a kind, with the way out; none where it is one, or the kind is not known here.
pub(crate) fn fault(type_name: &str, name: &str) -> Option<(String, &'static str)> {
    let special = FORMS.iter().find(|(kind, _)| *kind == type_name).map(|(_, form)| *form);
    let common = SUBDOMAINS.contains(&type_name).then_some(Form::Subdomain(LONGEST));
    let (fits, most, hint) = match special.or(common)? {
        Form::Label => (
            is_label(name),
            63,
            "use lower-case letters, digits and '-', beginning and ending with a letter or digit",
        ),
        Form::Subdomain(most) => (
            name.split('.').all(is_part),
            most,
            "use lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit",
        ),
    };
    let kind = type_name.rsplit('/').next().unwrap_or(type_name);
    if name.len() > most {
        let message = format!(
            "the name of a {kind} has at most {most} letters, and this one has {}",
            name.len()
        );
        return Some((message, "shorten it"));
    }
    (!fits).then(|| (format!("{name:?} cannot be the name of a {kind}"), hint))
}

/// True if a text is an RFC 1123 label.
pub(crate) fn is_label(name: &str) -> bool {
    name.len() <= 63 && is_part(name)
}

/// True if a text could stand between the dots of a subdomain.
fn is_part(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.iter().all(|byte| fits(*byte) || *byte == b'-')
        && bytes.first().is_some_and(|byte| fits(*byte))
        && bytes.last().is_some_and(|byte| fits(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_judged_by_kind() {
        let long = "a".repeat(300);
        for (kind, name, fits) in [
            ("core/ConfigMap", "my.map-1", true),
            ("core/ConfigMap", "My_Map", false),
            ("core/ConfigMap", "a..b", false),
            ("core/ConfigMap", "-a", false),
            ("core/ConfigMap", &long[..253], true),
            ("core/ConfigMap", &long[..254], false),
            ("core/Service", "1web", true),
            ("core/Service", "a.b", false),
            ("core/Service", &long[..64], false),
            ("apps/StatefulSet", &long[..64], false),
            ("apps/Deployment", &long[..64], true),
            ("batch/CronJob", &long[..52], true),
            ("batch/CronJob", &long[..53], false),
            ("batch/Job", &long[..63], true),
            ("batch/Job", &long[..64], false),
            // Others have rules of their own.
            ("rbac.authorization.k8s.io/ClusterRole", "system:a_B", true),
            ("a.io/Thing", "My_Thing", true),
        ] {
            assert_eq!(fault(kind, name).is_none(), fits, "{kind} {name}");
        }
    }
}
