//! The Kubernetes provider: server-side apply, references, drift, readiness and typed scopes.
//!
//! A program declares objects with a [`Kubernetes`] scope, in the structs of `k8s_openapi` (or those that derive
//! `kube::CustomResource`, or plain YAML); [`KubernetesProvider`] applies them.
//!
//! ```no_run
//! use iac_core::Stack;
//! use iac_k8s::{Kubernetes, k8s, restart_on};
//! use iac_k8s::k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
//! use iac_k8s::k8s_openapi::api::core::v1::{ConfigMap, Container, Namespace, PodSpec, PodTemplateSpec, Secret};
//! use iac_k8s::k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
//!
//! fn shop(stack: &Stack) {
//!     let cluster = Kubernetes::new(stack);
//!     let namespace = cluster.add("shop", Namespace::default());
//!     let k = cluster.within(&namespace);
//!     let password = stack.random_password("db-password", 24).result();
//!     let secret = k.add("db", k8s! { Secret { string_data: [("password", password)] } });
//!     let config = k.add("app", k8s! { ConfigMap { data: [("LOG_LEVEL", "info")] } });
//!     k.add("api", k8s! {
//!         Deployment {
//!             spec: DeploymentSpec {
//!                 selector: LabelSelector { match_labels: [("app", "api")] },
//!                 template: PodTemplateSpec {
//!                     metadata: ObjectMeta {
//!                         labels: [("app", "api")],
//!                         // A changed setting rolls the pods out again.
//!                         annotations: restart_on([config.content_hash()]),
//!                     },
//!                     spec: PodSpec {
//!                         containers: [Container {
//!                             name: "api",
//!                             image: "shop:1",
//!                             env: [secret.env("DATABASE_PASSWORD", "password")],
//!                             env_from: [config.env_from()],
//!                         }],
//!                     },
//!                 },
//!             },
//!         }
//!     });
//! }
//! ```
//!
//! [`k8s!`] only fills in what the structs leave out; objects can be written without it as well.
//!
//! # How changes by others are found
//!
//! One metadata-only list per kind and namespace tells which objects somebody wrote since our last apply, so an unchanged
//! stack costs a few lists. Of the others the server says what an apply of the same would change: that is drift, the same
//! as `kubectl diff --server-side` shows. An `up` takes such fields back; fields that never were the stack's are never
//! taken unless that is asked for. `docs/rules.md` has the rules one by one.
//!
//! # Modules
//!
//! | module | what it knows |
//! |---|---|
//! | [`scope`] | how programs declare objects |
//! | [`provider`] | the API server: connect, observe, predict, apply, delete, wait |
//! | [`mod@reference`] | which names in an object mean other objects |
//! | [`agree`] | whether objects fit one another inside: keys, ports, labels |
//! | [`readiness`] | when an object does its work |
//! | [`diagnose`] | why pods do not run |
//! | [`managed`] | who owns which field, and what drifted |
//! | [`schema`] | whether a custom resource is as its definition in the stack wants it |
//! | [`immutable`], [`effect`] | what a change costs, and what it does to what runs |
//! | [`state`] | stacks' state in Secrets |
#![allow(
    rustdoc::private_intra_doc_links,
    reason = "the table above is a map for those who read the source"
)]

// The macro names this crate by its name, also in its own tests.
#[cfg(test)]
extern crate self as iac_k8s;

mod agree;
mod awaited;
mod content;
mod declared;
mod definition;
mod diagnose;
mod dropped;
mod effect;
mod exported;
pub mod field;
mod fields;
mod granted;
mod immutable;
mod injected;
mod kinds;
mod managed;
pub mod monitoring;
mod object;
mod object_name;
mod outputs;
mod provider;
mod quantity;
mod readiness;
mod reference;
mod rights;
mod schema;
mod scope;
mod state;
mod stateful;
mod validate;
mod yaml;

/// The types of Kubernetes, of the version that this crate is built for: no dependency of one's own is needed.
pub use iac_core::Declared;
/// A Kubernetes object, or any other struct with defaults, without noise.
///
/// Inside of the macro every struct literal gets what it leaves out from `Default`, and every field takes what becomes its
/// type without losing anything: no `Some`, no `to_owned`, no `..Default::default()`.
///
/// ```
/// use iac_k8s::k8s;
/// use iac_k8s::k8s_openapi::api::core::v1::{Container, ContainerPort, EnvVar, HTTPGetAction, Probe, ResourceRequirements};
///
/// let image = String::from("shop:1");
/// let port = 8000_u16;
/// let api = k8s! {
///     Container {
///         name: "api",                               // &str -> String
///         image: &image,                             // &String -> Option<String>
///         command: ["serve", "--verbose"],           // arrays and vec! -> Vec, Option<Vec>
///         ports: [ContainerPort { container_port: port }],
///         env: [EnvVar { name: "PORT", value: port.to_string() }],
///         readiness_probe: Probe {
///             http_get: HTTPGetAction { path: "/health", port }, // u16, i32, &str -> IntOrString
///             period_seconds: 5,                     // 5 -> Some(5)
///         },
///         resources: ResourceRequirements {
///             requests: [("cpu", "500m"), ("memory", "512Mi")], // pairs -> BTreeMap; texts -> Quantity
///         },
///     }
/// };
/// assert_eq!(api.ports.unwrap()[0].container_port, 8000);
/// ```
///
/// - [`IntoField`](field::IntoField) has the table of conversions. Outputs (of other resources, passwords, secret settings)
///   become texts.
/// - Literals are found wherever they stand: in lists, closures, arguments, branches. `if`, `match` and blocks are converted
///   branch by branch.
/// - A literal with `..base` keeps its base. Whatever compiles as a plain struct compiles here as well, so a snippet can be
///   pasted in, `Some(…)`, `.into()` and all.
/// - What the field's type cannot tell has to be said: `.parse::<i32>()?`, not `.parse()?`. `.collect()` works for lists and
///   maps.
/// - A required field that is left out is its type's default, such as an empty text. `preview` finds what the API server
///   would refuse.
///
/// Errors point at the field:
///
/// ```compile_fail,E0277
/// # use iac_k8s::k8s;
/// # use iac_k8s::k8s_openapi::api::core::v1::Container;
/// k8s! { Container { name: 8000 } }; // a field of type `String` does not take a value of type `{integer}`
/// ```
///
/// ```compile_fail,E0560
/// # use iac_k8s::k8s;
/// # use iac_k8s::k8s_openapi::api::core::v1::Container;
/// k8s! { Container { nmae: "api" } }; // struct `Container` has no field named `nmae`
/// ```
///
/// ```compile_fail,E0277
/// # use iac_k8s::k8s;
/// # use iac_k8s::k8s_openapi::api::core::v1::Container;
/// k8s! { Container { image: ["shop:1"] } }; // a field of type `String` takes no list
/// ```
///
/// ```compile_fail,E0422
/// # use iac_k8s::k8s;
/// # use iac_k8s::k8s_openapi::api::apps::v1::Deployment;
/// k8s! { Deployment { spec: DeploymentSpecification { replicas: 3 } } }; // cannot find struct
/// ```
pub use iac_k8s_macros::k8s;
pub use k8s_openapi;
pub use provider::KubernetesProvider;
pub use scope::{Kubernetes, Namespaced, Object, ObjectScope, key_of, restart_on};
pub use state::KubernetesState;
pub use yaml::ManifestFiles;

/// The provider's name, which stands before the colon of its resources' types.
pub(crate) const PROVIDER: &str = "kubernetes";
