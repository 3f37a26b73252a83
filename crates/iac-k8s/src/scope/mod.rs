//! Declaration of Kubernetes objects in a program: scopes that take `k8s_openapi` structs, custom resources, JSON and YAML.

mod annotations;
mod conceal;
mod declare;
mod object;
mod typed;

use iac_core::Stack;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope};
use kube::core::DynamicObject;
use serde::Serialize;

use self::declare::Place;
pub use self::declare::key_of;
pub use self::object::Object;
pub use self::typed::restart_on;
use crate::yaml::ManifestFiles;

/// The scopes that a type of object can have: it lives in namespaces, or belongs to the cluster.
pub trait ObjectScope {
    /// Whether objects of the type live in namespaces.
    const NAMESPACED: bool;
}

impl ObjectScope for NamespaceResourceScope {
    const NAMESPACED: bool = true;
}

impl ObjectScope for ClusterResourceScope {
    const NAMESPACED: bool = false;
}

/// Declares objects of a cluster.
///
/// Namespaced objects that name no namespace go to the one that the configuration `kubernetes.namespace` names, else to that
/// of the kubeconfig's context, else to `default`, as with kubectl; [`within`](Self::within) and
/// [`in_namespace`](Self::in_namespace) give a scope for another one.
#[derive(Debug, Clone)]
pub struct Kubernetes {
    place: Place,
}

impl Kubernetes {
    /// A scope that declares in `stack`, which may be a component.
    pub fn new(stack: &Stack) -> Self {
        Self {
            place: Place::cluster(stack),
        }
    }

    /// A scope for the objects in a namespace that the stack declares; they wait for it to be there.
    #[must_use]
    pub fn within(&self, namespace: &Object<Namespace>) -> Namespaced {
        Namespaced {
            place: self.place.within(namespace.name(), Some(namespace.into())),
        }
    }

    /// Declares a namespace with labels, and gives the scope for the objects in it.
    #[must_use]
    #[track_caller]
    pub fn namespace<const N: usize>(&self, name: &str, labels: [(&str, &str); N]) -> Namespaced {
        let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let metadata = ObjectMeta {
            labels: (N > 0).then(|| labels.into()),
            ..ObjectMeta::default()
        };
        let namespace = Namespace {
            metadata,
            ..Namespace::default()
        };
        self.within(&self.add(name, namespace))
    }

    /// A scope for the objects in a namespace that is there already.
    #[must_use]
    pub fn in_namespace(&self, namespace: impl AsRef<str>) -> Namespaced {
        Namespaced {
            place: self.place.within(namespace.as_ref(), None),
        }
    }

    /// Declares an object of any type of `k8s_openapi`, or that derives `kube::CustomResource`.
    ///
    /// `name` is its name in the stack, and in the cluster too where its metadata has none.
    #[track_caller]
    pub fn add<K>(&self, name: &str, object: K) -> Object<K>
    where
        K: kube::Resource<DynamicType = (), Scope: ObjectScope> + Serialize,
    {
        self.place.typed(name, object)
    }

    /// Declares an object from JSON; tokens may stand in its strings.
    #[track_caller]
    pub fn add_json(&self, name: &str, object: serde_json::Value) -> Object<DynamicObject> {
        self.place.json(name, object)
    }

    /// Declares every object of a YAML file, or of all files in a folder; [`ManifestFiles`] leaves some out. What is wrong
    /// is reported with file and line; an object's name in the stack is `namespace/name`, or its name alone. An object that
    /// stands in two places with the same content counts once, also where two calls read them.
    #[track_caller]
    pub fn yaml(&self, files: impl Into<ManifestFiles>) -> Vec<Object<DynamicObject>> {
        self.place.yaml(&files.into())
    }
}

/// Declares objects in one namespace.
#[derive(Debug, Clone)]
pub struct Namespaced {
    place: Place,
}

impl Namespaced {
    /// The namespace's name.
    pub fn namespace(&self) -> &str {
        self.place.namespace().unwrap_or_default()
    }

    /// The stack that it declares in.
    pub fn stack(&self) -> &Stack {
        self.place.stack()
    }

    /// The same namespace, for objects that are declared in a component of its stack.
    #[must_use]
    pub fn in_stack(&self, stack: &Stack) -> Self {
        Self {
            place: self.place.in_stack(stack),
        }
    }

    /// Declares an object of any namespaced type of `k8s_openapi`, or that derives `kube::CustomResource`. A type that
    /// belongs to the cluster as a whole does not compile here.
    ///
    /// `name` is its name in the stack, and in the cluster too where its metadata has none.
    ///
    /// ```compile_fail,E0271
    /// # let stack = iac_core::Stack::new("demo", iac_core::config::Config::default());
    /// use k8s_openapi::api::rbac::v1::ClusterRole;
    ///
    /// let k = iac_k8s::Kubernetes::new(&stack).in_namespace("shop");
    /// k.add("reader", ClusterRole::default()); // belongs to the cluster
    /// ```
    #[track_caller]
    pub fn add<K>(&self, name: &str, object: K) -> Object<K>
    where
        K: kube::Resource<DynamicType = (), Scope = NamespaceResourceScope> + Serialize,
    {
        self.place.typed(name, object)
    }

    /// Declares an object from JSON; tokens may stand in its strings.
    #[track_caller]
    pub fn add_json(&self, name: &str, object: serde_json::Value) -> Object<DynamicObject> {
        self.place.json(name, object)
    }

    /// As [`Kubernetes::yaml`]; objects that name no namespace go to this one.
    #[track_caller]
    pub fn yaml(&self, files: impl Into<ManifestFiles>) -> Vec<Object<DynamicObject>> {
        self.place.yaml(&files.into())
    }
}
