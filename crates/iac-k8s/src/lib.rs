//! The Kubernetes provider: server-side apply, references, drift, readiness and typed scopes.
//!
//! A program declares objects with a [`Kubernetes`] scope, in the structs of `k8s_openapi` (or those that derive
//! `kube::CustomResource`, or plain YAML); [`KubernetesProvider`] applies them.
//!
//! ```no_run
//! use std::collections::BTreeMap;
//!
//! use iac_core::Stack;
//! use iac_k8s::{Kubernetes, restart_on};
//! use iac_k8s::k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
//! use iac_k8s::k8s_openapi::api::core::v1::{ConfigMap, Container, Namespace, PodSpec, PodTemplateSpec, Secret};
//! use iac_k8s::k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
//!
//! fn shop(stack: &Stack) {
//!     let cluster = Kubernetes::new(stack);
//!     let namespace = cluster.add("shop", Namespace::default());
//!     let k = cluster.within(&namespace);
//!     let password = stack.random_password("db-password", 24);
//!     let secret = k.add("db", Secret {
//!         string_data: Some(BTreeMap::from([("password".into(), password.result().into())])),
//!         ..Secret::default()
//!     });
//!     let config = k.add("app", ConfigMap {
//!         data: Some(BTreeMap::from([("LOG_LEVEL".into(), "info".into())])),
//!         ..ConfigMap::default()
//!     });
//!     let labels = BTreeMap::from([("app".to_owned(), "api".to_owned())]);
//!     k.add("api", Deployment {
//!         spec: Some(DeploymentSpec {
//!             selector: LabelSelector { match_labels: Some(labels.clone()), ..LabelSelector::default() },
//!             template: PodTemplateSpec {
//!                 metadata: Some(ObjectMeta {
//!                     labels: Some(labels),
//!                     // A changed setting rolls the pods out anew.
//!                     annotations: Some(restart_on([config.content_hash()])),
//!                     ..ObjectMeta::default()
//!                 }),
//!                 spec: Some(PodSpec {
//!                     containers: vec![Container {
//!                         name: "api".into(),
//!                         image: Some("shop:1".into()),
//!                         env: Some(vec![secret.env("DATABASE_PASSWORD", "password")]),
//!                         env_from: Some(vec![config.env_from()]),
//!                         ..Container::default()
//!                     }],
//!                     ..PodSpec::default()
//!                 }),
//!             },
//!             ..DeploymentSpec::default()
//!         }),
//!         ..Deployment::default()
//!     });
//! }
//! ```
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
//! | [`immutable`], [`risk`] | what a change costs |
//! | [`state`] | stacks' state in Secrets |
#![allow(
    rustdoc::private_intra_doc_links,
    reason = "the table above is a map for those who read the source"
)]

mod agree;
mod content;
mod declared;
mod definition;
mod diagnose;
mod exported;
mod fields;
mod granted;
mod immutable;
mod kinds;
mod managed;
mod object;
mod outputs;
mod provider;
mod quantity;
mod readiness;
mod reference;
mod rights;
mod risk;
mod schema;
mod scope;
mod state;
mod stateful;
mod validate;
mod yaml;

/// The types of Kubernetes, of the version that this crate is built for: no dependency of one's own is needed.
pub use k8s_openapi;
pub use provider::KubernetesProvider;
pub use scope::{Kubernetes, Namespaced, Object, ObjectScope, restart_on};
pub use state::KubernetesState;
pub use yaml::ManifestFiles;

/// The provider's name, which stands before the colon of its resources' types.
pub(crate) const PROVIDER: &str = "kubernetes";
