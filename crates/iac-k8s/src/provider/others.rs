//! Objects that go along when a namespace or a definition is deleted and that are not the stack's to delete: objects of
//! others, and those that the program still declares. They are looked for over all kinds that the server lists; a kind that
//! may not be listed is reported, and counts as something.

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt as _;
use iac_core::provider::{DataItem, ProviderError};
use serde_json::Value as Json;

use super::call::{Call, CallError};
use super::session::{Session, in_parallel, uid};
use crate::declared::Declared;
use crate::object::ObjectId;

/// The number of objects that are named before the rest is counted.
const NAMED: usize = 3;

/// All kinds in one answer, from servers that can (1.27 and later).
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
    application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// Kinds that the cluster itself fills, and claims, which are told one by one.
const NOT_COUNTED: [(&str, &str); 6] = [
    ("", "Event"),
    ("events.k8s.io", "Event"),
    ("coordination.k8s.io", "Lease"),
    ("", "Endpoints"),
    ("discovery.k8s.io", "EndpointSlice"),
    ("", "PersistentVolumeClaim"),
];

/// The objects that the cluster creates in every namespace.
const IN_EVERY_NAMESPACE: [(&str, &str); 3] = [
    ("ServiceAccount", "default"),
    ("ConfigMap", "kube-root-ca.crt"),
    ("ConfigMap", "openshift-service-ca.crt"),
];

/// A kind whose objects can be listed and deleted.
#[derive(Clone)]
pub(crate) struct Listable {
    group: String,
    pub(crate) kind: String,
    /// `/apis/apps/v1`.
    base: String,
    /// `deployments`.
    plural: String,
}

/// The objects that were found.
#[derive(Default)]
struct Found {
    /// The objects of others.
    others: Vec<String>,
    /// Those that the program still declares.
    declared: Vec<String>,
    /// The kinds that could not be listed, with the reason.
    unseen: Vec<String>,
}

/// Which objects are whose.
pub(crate) struct Whose<'a> {
    /// The declarations of the program.
    pub(crate) declared: &'a Declared,
    /// The identities of what the stack gives up in any case.
    pub(crate) given_up: &'a BTreeSet<String>,
}

/// Returns the objects that a namespace holds besides those that the stack gives up.
pub(crate) async fn in_namespace(
    session: &Session,
    whose: &Whose<'_>,
    holder: &ObjectId,
) -> Result<Option<DataItem>, ProviderError> {
    let namespace = &holder.name;
    let mut found = Found::default();
    let objects = inside(session, namespace, &mut found.unseen).await?;
    let all: BTreeSet<String> = objects.iter().filter_map(|(_, object)| uid(object)).collect();
    session.told.note(holder, all.iter().chain(&found.unseen).cloned());
    for (kind, object) in &objects {
        // An object that another one owns goes and stays with that.
        if !owners(object).any(|owner| all.contains(owner)) && !is_the_clusters(kind, object) {
            found.add(whose, &kind.group, &kind.kind, object);
        }
    }
    Ok(found.item("Namespace", namespace))
}

/// The objects of a namespace with their kinds, metadata only. What could not be listed is added to `unseen`.
pub(crate) async fn inside(
    session: &Session,
    namespace: &str,
    unseen: &mut Vec<String>,
) -> Result<Vec<(Listable, Json)>, ProviderError> {
    let kinds = kinds(session, unseen).await?;
    let list = |kind: &Listable| {
        let path = format!("{}/namespaces/{namespace}/{}", kind.base, kind.plural);
        async move { Ok::<_, CallError>(session.list(Call::list_metadata(path)).await) }.boxed()
    };
    let lists = in_parallel(kinds.iter().map(list)).await?;
    let mut objects = Vec::new();
    for (kind, list) in kinds.iter().zip(lists) {
        match list {
            Ok(list) => objects.extend(list.into_iter().map(|object| (kind.clone(), object))),
            Err(error) if error.is_global() => return Err(error.into()),
            Err(error) if error.code() == Some(405) => {}
            Err(error) => unseen.push(format!("{} ({})", kind.plural, reason(&error))),
        }
    }
    Ok(objects)
}

/// The objects of a definition's kind besides what the stack gives up, in every namespace.
pub(crate) async fn of_definition(
    session: &Session,
    whose: &Whose<'_>,
    holder: &ObjectId,
    definition: &Json,
) -> Result<Option<DataItem>, ProviderError> {
    let text = |pointer: &str| definition.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
    let mut found = Found::default();
    let objects = objects_of(session, definition, &mut found.unseen).await?;
    let told = objects.iter().filter_map(uid).chain(found.unseen.iter().cloned());
    session.told.note(holder, told);
    for object in &objects {
        found.add(whose, text("/spec/group"), text("/spec/names/kind"), object);
    }
    Ok(found.item("CustomResourceDefinition", text("/metadata/name")))
}

/// The metadata of the objects of a definition's kind. Why they could not be listed is added to `unseen`.
pub(crate) async fn objects_of(
    session: &Session,
    definition: &Json,
    unseen: &mut Vec<String>,
) -> Result<Vec<Json>, CallError> {
    let why = match listing(definition) {
        // There may be objects in the store: the server finds and deletes them, and nobody can list them.
        None => NOT_SERVED.to_owned(),
        Some(path) => match session.list(Call::list_metadata(path)).await {
            Ok(objects) => return Ok(objects),
            Err(error) if error.is_global() => return Err(error),
            Err(error) => reason(&error),
        },
    };
    let plural = definition.pointer("/spec/names/plural").and_then(Json::as_str);
    unseen.push(format!("{} ({why})", plural.unwrap_or_default()));
    Ok(Vec::new())
}

/// Why the objects of a definition without a served version cannot be listed.
pub(crate) const NOT_SERVED: &str = "no version is served";

/// The path at which the objects of a definition's kind are listed, under a version that it serves; none where it serves
/// none.
pub(crate) fn listing(definition: &Json) -> Option<String> {
    let text = |pointer: &str| definition.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
    let versions = definition.pointer("/spec/versions").and_then(Json::as_array);
    let mut served: Vec<&Json> = versions
        .into_iter()
        .flatten()
        .filter(|version| version["served"] == true)
        .collect();
    served.sort_by_key(|version| version["storage"] != true);
    let version = served.first()?["name"].as_str()?;
    let path = format!("/apis/{}/{version}/{}", text("/spec/group"), text("/spec/names/plural"));
    Some(path)
}

impl Found {
    fn add(&mut self, whose: &Whose<'_>, group: &str, kind: &str, object: &Json) {
        let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str);
        if text("/metadata/deletionTimestamp").is_some() {
            return;
        }
        let id = ObjectId {
            group: group.to_owned(),
            version: String::new(),
            kind: kind.to_owned(),
            namespace: text("/metadata/namespace").map(str::to_owned),
            name: text("/metadata/name").unwrap_or_default().to_owned(),
        };
        let name = format!("{kind} {}", id.full_name());
        if whose.given_up.contains(&id.to_string()) {
            return;
        }
        match whose.declared.declares(&id) {
            true => self.declared.push(name),
            false => self.others.push(name),
        }
    }

    /// Returns the findings as data of an object; `None` if there are none.
    fn item(mut self, kind: &str, name: &str) -> Option<DataItem> {
        self.others.sort();
        self.declared.sort();
        let mut parts = Vec::new();
        if !self.others.is_empty() {
            parts.push(format!("{} of others: {}", count(&self.others), list(&self.others)));
        }
        if !self.declared.is_empty() {
            let objects = list(&self.declared);
            parts.push(format!(
                "{} that the program still declares: {objects}",
                count(&self.declared)
            ));
        }
        if !self.unseen.is_empty() {
            parts.push(format!("could not be listed: {}", self.unseen.join(", ")));
        }
        (!parts.is_empty()).then(|| DataItem::new(kind, name).amount(parts.join("; ")))
    }
}

fn count(objects: &[String]) -> String {
    match objects.len() {
        1 => "1 object".to_owned(),
        many => format!("{many} objects"),
    }
}

/// The first few names, and how many more there are.
pub(crate) fn list(names: &[String]) -> String {
    let named = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

pub(crate) fn reason(error: &CallError) -> String {
    match error.code() {
        Some(403) => "not allowed".to_owned(),
        _ => error.to_string(),
    }
}

pub(crate) fn owners(object: &Json) -> impl Iterator<Item = &str> {
    let owners = object.pointer("/metadata/ownerReferences").and_then(Json::as_array);
    owners.into_iter().flatten().filter_map(|owner| owner["uid"].as_str())
}

pub(crate) fn is_the_clusters(kind: &Listable, object: &Json) -> bool {
    let name = object
        .pointer("/metadata/name")
        .and_then(Json::as_str)
        .unwrap_or_default();
    let account = object.pointer("/metadata/annotations/kubernetes.io~1service-account.name");
    kind.group.is_empty()
        && (IN_EVERY_NAMESPACE.contains(&(kind.kind.as_str(), name))
            || kind.kind == "Secret" && account.and_then(Json::as_str) == Some("default"))
}

/// The kinds that live in namespaces and can be listed and deleted, each once.
async fn kinds(session: &Session, unseen: &mut Vec<String>) -> Result<Vec<Listable>, ProviderError> {
    let mut kinds: BTreeMap<(String, String), Listable> = BTreeMap::new();
    for root in ["/api", "/apis"] {
        let call = Call {
            accept: AGGREGATED,
            ..Call::get(root)
        };
        let answer = match session.get(call).await {
            Ok(answer) => answer.unwrap_or_default(),
            Err(error) if error.is_global() => return Err(error.into()),
            Err(error) => {
                unseen.push(format!("the kinds below {root} ({})", reason(&error)));
                continue;
            }
        };
        if answer["kind"] != "APIGroupDiscoveryList" {
            unseen.push(format!("the kinds below {root} (the server is older than 1.27)"));
        }
        for group in answer["items"].as_array().into_iter().flatten() {
            let name = group
                .pointer("/metadata/name")
                .and_then(Json::as_str)
                .unwrap_or_default();
            for version in group["versions"].as_array().into_iter().flatten() {
                let number = version["version"].as_str().unwrap_or_default();
                let base = [root, name, number].into_iter().filter(|part| !part.is_empty());
                let base = base.collect::<Vec<_>>().join("/");
                if version["freshness"] == "Stale" {
                    unseen.push(format!("{name}/{number} (its server does not answer)"));
                }
                for kind in version["resources"].as_array().into_iter().flatten() {
                    let listable = listable(name, &base, kind);
                    kinds.extend(listable.map(|kind| ((kind.group.clone(), kind.plural.clone()), kind)));
                }
            }
        }
    }
    Ok(kinds.into_values().collect())
}

fn listable(group: &str, base: &str, resource: &Json) -> Option<Listable> {
    let verbs = resource["verbs"].as_array()?;
    let kind = resource.pointer("/responseKind/kind")?.as_str()?;
    let can = |verb: &str| verbs.iter().any(|known| known == verb);
    let counts = resource["scope"] == "Namespaced" && can("list") && can("delete");
    (counts && !NOT_COUNTED.contains(&(group, kind))).then(|| Listable {
        group: group.to_owned(),
        kind: kind.to_owned(),
        base: base.to_owned(),
        plural: resource["resource"].as_str().unwrap_or_default().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn thing(kind: &str) -> Listable {
        Listable {
            group: String::new(),
            kind: kind.to_owned(),
            base: "/api/v1".to_owned(),
            plural: format!("{}s", kind.to_lowercase()),
        }
    }

    #[test]
    fn what_was_found_is_counted_and_what_could_not_be_seen_counts_too() {
        let names = |count: usize| {
            (0..count)
                .map(|number| format!("ConfigMap n/{number}"))
                .collect::<Vec<_>>()
        };
        let item = |others, declared, unseen: &[&str]| {
            let unseen = unseen.iter().map(|name| (*name).to_owned()).collect();
            let found = Found {
                others: names(others),
                declared: names(declared),
                unseen,
            };
            found.item("Namespace", "n").map(|item| item.amount)
        };
        assert_eq!(item(0, 0, &[]), None);
        assert_eq!(item(1, 0, &[]).as_deref(), Some("1 object of others: ConfigMap n/0"));
        let many = "5 objects of others: ConfigMap n/0, ConfigMap n/1, ConfigMap n/2 and 2 more; \
                    1 object that the program still declares: ConfigMap n/0";
        assert_eq!(item(5, 1, &[]).as_deref(), Some(many));
        let denied = "could not be listed: secrets (not allowed), roles (not allowed)";
        assert_eq!(
            item(0, 0, &["secrets (not allowed)", "roles (not allowed)"]).as_deref(),
            Some(denied)
        );
    }

    #[test]
    fn what_the_cluster_makes_itself_is_nobodys() {
        let named = |name: &str| json!({"metadata": {"name": name}});
        assert!(is_the_clusters(&thing("ConfigMap"), &named("kube-root-ca.crt")));
        assert!(is_the_clusters(&thing("ServiceAccount"), &named("default")));
        assert!(!is_the_clusters(&thing("ConfigMap"), &named("default")));
        let token = |account: &str| json!({"metadata": {"name": "t", "annotations": {"kubernetes.io/service-account.name": account}}});
        assert!(is_the_clusters(&thing("Secret"), &token("default")));
        assert!(!is_the_clusters(&thing("Secret"), &token("app")));
    }

    #[test]
    fn only_what_can_be_listed_and_deleted_is_looked_for() {
        let kind = |kind: &str, scope: &str, verbs: &[&str]| json!({"resource": "x", "responseKind": {"kind": kind}, "scope": scope, "verbs": verbs});
        let counts = |resource| listable("", "/api/v1", &resource).is_some();
        assert!(counts(kind("ConfigMap", "Namespaced", &["get", "list", "delete"])));
        for other in [
            kind("ConfigMap", "Cluster", &["get", "list", "delete"]),
            kind("PodMetrics", "Namespaced", &["get", "list"]),
            kind("Review", "Namespaced", &["create"]),
            kind("Event", "Namespaced", &["get", "list", "delete"]),
            kind("PersistentVolumeClaim", "Namespaced", &["get", "list", "delete"]),
        ] {
            assert!(!counts(other.clone()), "{other}");
        }
    }
}
