//! Objects that no field names, and that come first all the same: those that decide which objects are let in, and with
//! which defaults.
//!
//! | first | before |
//! |---|---|
//! | LimitRange, ResourceQuota | pods, what makes pods, claims and Services of its namespace |
//! | NetworkPolicy | pods and what makes pods of its namespace |
//! | a PriorityClass, StorageClass or IngressClass that is the default | what would name one and does not |
//! | a binding | the pods of the accounts that it gives rights to |
//! | a definition | the pods whose accounts have rights to its group |
//! | what a binding of an admission policy has as its parameter | the binding |
//! | webhooks, bindings of admission policies | what their rules match; pods also through what makes them |
//! | an APIService | the objects of its group and version |
//! | the Service that converts between a definition's versions | the definition's objects |
//! | custom resources and what runs pods | the objects that wait for their kind |
//!
//! None of these is certain to be needed, so each gives way where it would close a cycle: a webhook admits the pods that
//! serve it.

mod rules;

use std::collections::{BTreeSet, HashMap};

use iac_core::Key;
use iac_core::declare::ResourceDecl;
use iac_core::provider::{Phase, Reference, Referent};
use iac_core::value::{FieldPath, Value};

use self::rules::Rules;
use super::find::{Named, names, pod_spec};
use crate::object::{ObjectId, split_api_version};
use crate::{awaited, kinds};

/// A declared object.
pub(super) struct Declared<'a> {
    key: &'a Key,
    id: ObjectId,
    kind: String,
    inputs: &'a Value,
    /// The account of its pods, as `namespace/name`; none for what runs no pods.
    account: Option<String>,
}

impl<'a> Declared<'a> {
    fn of(resource: &'a ResourceDecl) -> Option<Self> {
        let id = ObjectId::of(&resource.inputs).ok()?;
        let kind = id.type_name();
        let account = kinds::pod_template(&kind)
            .and_then(|pointer| pod_spec(pointer, &resource.inputs))
            .map(|(spec, _)| account(spec, id.namespace.as_deref().unwrap_or_default()));
        Some(Self {
            key: &resource.key,
            kind,
            inputs: &resource.inputs,
            account,
            id,
        })
    }

    fn runs_pods(&self) -> bool {
        self.account.is_some()
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.inputs.pointer(pointer).and_then(Value::as_str)
    }

    fn lists<'b>(&'b self, field: &str) -> impl Iterator<Item = &'b Value> + use<'b> {
        self.inputs
            .get(field)
            .and_then(Value::as_array)
            .unwrap_or_default()
            .iter()
    }
}

fn account(spec: &Value, namespace: &str) -> String {
    let named = |key| spec.get(key).and_then(Value::as_str).filter(|name| !name.is_empty());
    let name = named("serviceAccountName")
        .or(named("serviceAccount"))
        .unwrap_or("default");
    format!("{namespace}/{name}")
}

/// Returns the objects that come first, and those that they come before.
pub(super) fn of(resources: &[&ResourceDecl]) -> Vec<Reference> {
    let declared: Vec<Declared<'_>> = resources.iter().filter_map(|resource| Declared::of(resource)).collect();
    let mut found = Found::default();
    let rights = Rights::of(&declared);
    let plurals = rules::plurals(&declared);
    for first in &declared {
        if let Some(admits) = gate(first, &declared, &rights, &plurals) {
            let admitted = declared
                .iter()
                .filter(|object| object.key != first.key && admits.admit(object));
            admitted.for_each(|object| found.add(object, first.key, Phase::Exists));
        }
    }
    conversions(&declared, &mut found);
    parameters(&declared, &mut found);
    makers_of_kinds(&declared, &mut found);
    found.references
}

#[derive(Default)]
struct Found {
    references: Vec<Reference>,
}

impl Found {
    fn add(&mut self, object: &Declared<'_>, first: &Key, phase: Phase) {
        self.references.push(Reference {
            from: object.key.clone(),
            phase: Phase::Exists,
            path: FieldPath::root(),
            to: Referent::First(first.clone(), phase),
        });
    }
}

/// Which objects something decides about.
enum Gate<'a> {
    /// Those of its namespace whose kind is one of these.
    Near(&'a ObjectId, &'static [&'static str]),
    /// Pods that name no priority class.
    Priority,
    /// Claims that name no storage class.
    Storage,
    /// Ingresses that name no class.
    Ingress,
    /// The pods of these accounts.
    Accounts(&'a Subjects),
    /// The pods of these accounts, which have rights to a group.
    Users(BTreeSet<&'a str>),
    /// The objects that these rules match.
    Matching(Rules<'a>),
    /// The objects of this API version.
    Version(String),
}

/// The kinds that take of a quota, or get limits, besides those that run pods.
const LIMITED: &[&str] = &["core/PersistentVolumeClaim"];
const COUNTED: &[&str] = &["core/PersistentVolumeClaim", "core/Service"];

fn gate<'a>(
    first: &'a Declared<'a>,
    declared: &'a [Declared<'a>],
    rights: &'a Rights<'a>,
    plurals: &'a HashMap<String, String>,
) -> Option<Gate<'a>> {
    let is_default = |annotation: &str| {
        let annotations = first.inputs.pointer("/metadata/annotations");
        annotations.and_then(|annotations| annotations.get(annotation)?.as_str()) == Some("true")
    };
    Some(match first.kind.as_str() {
        "core/LimitRange" => Gate::Near(&first.id, LIMITED),
        "core/ResourceQuota" => Gate::Near(&first.id, COUNTED),
        "networking.k8s.io/NetworkPolicy" => Gate::Near(&first.id, &[]),
        "scheduling.k8s.io/PriorityClass" => {
            let is_default = first.inputs.get("globalDefault").and_then(Value::as_bool) == Some(true);
            is_default.then_some(Gate::Priority)?
        }
        "storage.k8s.io/StorageClass" => {
            is_default("storageclass.kubernetes.io/is-default-class").then_some(Gate::Storage)?
        }
        "networking.k8s.io/IngressClass" => {
            is_default("ingressclass.kubernetes.io/is-default-class").then_some(Gate::Ingress)?
        }
        "rbac.authorization.k8s.io/RoleBinding" | "rbac.authorization.k8s.io/ClusterRoleBinding" => {
            Gate::Accounts(rights.subjects.get(first.key)?)
        }
        "apiextensions.k8s.io/CustomResourceDefinition" => {
            let group = first.text("/spec/group")?;
            Gate::Users(rights.users(group))
        }
        "apiregistration.k8s.io/APIService" => Gate::Version(format!(
            "{}/{}",
            first.text("/spec/group")?,
            first.text("/spec/version")?
        )),
        _ => Gate::Matching(Rules::of(first, declared, plurals)?),
    })
}

impl Gate<'_> {
    fn admit(&self, object: &Declared<'_>) -> bool {
        let has = |pointer: &str| object.text(pointer).is_some_and(|text| !text.is_empty());
        match self {
            Self::Near(id, kinds) => {
                object.id.namespace == id.namespace && (object.runs_pods() || kinds.contains(&object.kind.as_str()))
            }
            Self::Priority => object.runs_pods(),
            Self::Storage => match object.kind.as_str() {
                "core/PersistentVolumeClaim" => !has("/spec/storageClassName"),
                "apps/StatefulSet" => object.inputs.pointer("/spec/volumeClaimTemplates").is_some(),
                _ => false,
            },
            Self::Ingress => object.kind == "networking.k8s.io/Ingress" && !has("/spec/ingressClassName"),
            Self::Accounts(subjects) => object.account.as_deref().is_some_and(|account| subjects.hold(account)),
            Self::Users(accounts) => object
                .account
                .as_deref()
                .is_some_and(|account| accounts.contains(account)),
            Self::Matching(rules) => rules.admit(object),
            Self::Version(version) => object.id.api_version() == *version,
        }
    }
}

/// To whom a binding gives rights, as far as these are accounts.
#[derive(Default)]
struct Subjects {
    accounts: BTreeSet<String>,
    /// The accounts of these namespaces.
    namespaces: BTreeSet<String>,
    everybody: bool,
}

impl Subjects {
    fn of(binding: &Declared<'_>) -> Self {
        let mut found = Self::default();
        for subject in binding.lists("subjects") {
            let text = |key: &str| subject.get(key).and_then(Value::as_str);
            let Some(name) = text("name") else { continue };
            match text("kind") {
                Some("ServiceAccount") => {
                    let namespace = text("namespace").or(binding.id.namespace.as_deref());
                    found
                        .accounts
                        .insert(format!("{}/{name}", namespace.unwrap_or_default()));
                }
                Some("Group") => match name.strip_prefix("system:serviceaccounts:") {
                    Some(namespace) => drop(found.namespaces.insert(namespace.to_owned())),
                    None => found.everybody |= ["system:serviceaccounts", "system:authenticated"].contains(&name),
                },
                _ => {}
            }
        }
        found
    }

    fn hold(&self, account: &str) -> bool {
        let namespace = account.split('/').next().unwrap_or_default();
        self.everybody || self.namespaces.contains(namespace) || self.accounts.contains(account)
    }
}

/// The rights of accounts, as far as the stack declares them.
#[derive(Default)]
struct Rights<'a> {
    subjects: HashMap<&'a Key, Subjects>,
    /// The API groups of each role's rules.
    groups: HashMap<String, BTreeSet<&'a str>>,
    /// The roles that each account has.
    roles: HashMap<String, BTreeSet<String>>,
}

impl<'a> Rights<'a> {
    fn of(declared: &'a [Declared<'a>]) -> Self {
        let mut rights = Self::default();
        for object in declared {
            match object.kind.as_str() {
                "rbac.authorization.k8s.io/RoleBinding" | "rbac.authorization.k8s.io/ClusterRoleBinding" => {
                    let subjects = Subjects::of(object);
                    let role = names(&object.id, object.inputs).into_iter();
                    let mut role = role.filter(|named| named.path == FieldPath::fields(["roleRef", "name"]));
                    if let Some(Named { target, .. }) = role.next() {
                        for account in &subjects.accounts {
                            rights
                                .roles
                                .entry(account.clone())
                                .or_default()
                                .insert(target.to_string());
                        }
                    }
                    rights.subjects.insert(object.key, subjects);
                }
                "rbac.authorization.k8s.io/Role" | "rbac.authorization.k8s.io/ClusterRole" => {
                    let groups = object
                        .lists("rules")
                        .filter_map(|rule| rule.get("apiGroups")?.as_array())
                        .flatten();
                    rights
                        .groups
                        .insert(object.id.to_string(), groups.filter_map(Value::as_str).collect());
                }
                _ => {}
            }
        }
        rights
    }

    /// The accounts with rights to an API group.
    fn users(&self, group: &str) -> BTreeSet<&str> {
        let has = |roles: &BTreeSet<String>| {
            let mut groups = roles.iter().filter_map(|role| self.groups.get(role));
            groups.any(|groups| groups.contains(group))
        };
        let users = self.roles.iter().filter(|(_, roles)| has(roles));
        users.map(|(account, _)| account.as_str()).collect()
    }
}

/// The server asks the Service that a definition names whenever an object is not in the version that is stored.
fn conversions(declared: &[Declared<'_>], found: &mut Found) {
    for definition in declared
        .iter()
        .filter(|object| object.id.kind == "CustomResourceDefinition")
    {
        let service = |field: &str| definition.text(&format!("/spec/conversion/webhook/clientConfig/service/{field}"));
        let (Some(namespace), Some(name)) = (service("namespace"), service("name")) else {
            continue;
        };
        let is_it = |object: &&Declared<'_>| {
            object.kind == "core/Service" && object.id.namespace.as_deref() == Some(namespace) && object.id.name == name
        };
        let Some(service) = declared.iter().find(is_it) else {
            continue;
        };
        let (group, kind) = (definition.text("/spec/group"), definition.text("/spec/names/kind"));
        let objects = declared.iter().filter(|object| Some(object.id.group.as_str()) == group);
        for object in objects.filter(|object| Some(object.id.kind.as_str()) == kind) {
            found.add(object, service.key, Phase::Ready);
        }
    }
}

/// What makes a kind is a controller's answer to another custom resource: all that it may take is made first.
fn makers_of_kinds(declared: &[Declared<'_>], found: &mut Found) {
    let (awaiting, others): (Vec<&Declared<'_>>, Vec<_>) =
        declared.iter().partition(|object| awaited::is_awaited(object.inputs));
    let is_maker =
        |object: &&Declared<'_>| object.runs_pods() || kinds::scope(&object.id.group, &object.id.kind).is_none();
    let makers: Vec<&Declared<'_>> = others.into_iter().filter(is_maker).collect();
    for object in awaiting {
        makers
            .iter()
            .for_each(|maker| found.add(object, maker.key, Phase::Exists));
    }
}

/// A binding of an admission policy refuses what its policy matches for as long as its parameter is not there. Which kind
/// that is of, the policy says.
fn parameters(declared: &[Declared<'_>], found: &mut Found) {
    let policies = ["ValidatingAdmissionPolicy", "MutatingAdmissionPolicy"];
    for policy in declared
        .iter()
        .filter(|object| policies.contains(&object.id.kind.as_str()))
    {
        let (Some(api_version), Some(kind)) = (
            policy.text("/spec/paramKind/apiVersion"),
            policy.text("/spec/paramKind/kind"),
        ) else {
            continue;
        };
        let (group, _) = split_api_version(api_version);
        let is_bound = |object: &&Declared<'_>| {
            object.id.kind.strip_suffix("Binding") == Some(&policy.id.kind)
                && object.text("/spec/policyName") == Some(&policy.id.name)
        };
        for binding in declared.iter().filter(is_bound) {
            let is_meant = |object: &&Declared<'_>| {
                (object.id.group.as_str(), object.id.kind.as_str()) == (group, kind) && is_parameter(binding, object)
            };
            for parameter in declared.iter().filter(is_meant) {
                found.add(binding, parameter.key, Phase::Exists);
            }
        }
    }
}

/// True if a binding names or selects an object of the right kind. Without a namespace it means the one of whatever is
/// judged, which may be any.
fn is_parameter(binding: &Declared<'_>, object: &Declared<'_>) -> bool {
    let namespace = binding.text("/spec/paramRef/namespace");
    if namespace.is_some_and(|namespace| object.id.namespace.as_deref() != Some(namespace)) {
        return false;
    }
    if let Some(name) = binding.text("/spec/paramRef/name") {
        return object.id.name == name;
    }
    let labels = object.inputs.pointer("/metadata/labels");
    let has = |label: &str, value: &Value| labels.and_then(|labels| labels.get(label)) == Some(value);
    binding
        .inputs
        .pointer("/spec/paramRef/selector")
        .is_some_and(|selector| {
            let wanted = selector.get("matchLabels").and_then(Value::as_object);
            wanted.is_none_or(|wanted| wanted.iter().all(|(label, value)| has(label, value)))
        })
}
