//! Typed references: what one object's declaration hands to another's.

use std::collections::BTreeMap;

use iac_core::Output;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::autoscaling::v2::CrossVersionObjectReference;
use k8s_openapi::api::core::v1::{
    ConfigMap, ConfigMapEnvSource, ConfigMapKeySelector, ConfigMapVolumeSource, EnvFromSource, EnvVar, EnvVarSource,
    PersistentVolumeClaim, PersistentVolumeClaimVolumeSource, Secret, SecretEnvSource, SecretKeySelector,
    SecretVolumeSource, Service, ServiceAccount, Volume,
};
use k8s_openapi::api::networking::v1::{IngressBackend, IngressServiceBackend, ServiceBackendPort};
use k8s_openapi::api::rbac::v1::{ClusterRole, Role, RoleRef, Subject};
use kube::Resource;

use super::Object;
use crate::content;

impl Object<Secret> {
    /// The environment variable `variable` with the value of one of its keys.
    pub fn env(&self, variable: &str, key: &str) -> EnvVar {
        let selector = SecretKeySelector {
            name: self.name().to_owned(),
            key: key.to_owned(),
            optional: None,
        };
        variable_from(
            variable,
            EnvVarSource {
                secret_key_ref: Some(selector),
                ..EnvVarSource::default()
            },
        )
    }

    /// All its keys as environment variables.
    pub fn env_from(&self) -> EnvFromSource {
        let source = SecretEnvSource {
            name: self.name().to_owned(),
            optional: None,
        };
        EnvFromSource {
            secret_ref: Some(source),
            ..EnvFromSource::default()
        }
    }

    /// A volume of files, one per key; `name` is the volume's name in the pod.
    pub fn volume(&self, name: &str) -> Volume {
        let source = SecretVolumeSource {
            secret_name: Some(self.name().to_owned()),
            ..SecretVolumeSource::default()
        };
        Volume {
            name: name.to_owned(),
            secret: Some(source),
            ..Volume::default()
        }
    }

    /// A hash of what it holds, under the key of the stack; for [`restart_on`].
    pub fn content_hash(&self) -> Output {
        self.output(content::HASH)
    }

    /// As [`content_hash`](Self::content_hash), of one of its entries, which has to be there.
    pub fn entry_hash(&self, key: &str) -> Output {
        self.output(&content::hash_of(key))
    }
}

impl Object<ConfigMap> {
    /// The environment variable `variable` with the value of one of its keys.
    pub fn env(&self, variable: &str, key: &str) -> EnvVar {
        let selector = ConfigMapKeySelector {
            name: self.name().to_owned(),
            key: key.to_owned(),
            optional: None,
        };
        variable_from(
            variable,
            EnvVarSource {
                config_map_key_ref: Some(selector),
                ..EnvVarSource::default()
            },
        )
    }

    /// All its keys as environment variables.
    pub fn env_from(&self) -> EnvFromSource {
        let source = ConfigMapEnvSource {
            name: self.name().to_owned(),
            optional: None,
        };
        EnvFromSource {
            config_map_ref: Some(source),
            ..EnvFromSource::default()
        }
    }

    /// A volume of files, one per key; `name` is the volume's name in the pod.
    pub fn volume(&self, name: &str) -> Volume {
        let source = ConfigMapVolumeSource {
            name: self.name().to_owned(),
            ..ConfigMapVolumeSource::default()
        };
        Volume {
            name: name.to_owned(),
            config_map: Some(source),
            ..Volume::default()
        }
    }

    /// A hash of what it holds, under the key of the stack where something of that is secret; for [`restart_on`].
    pub fn content_hash(&self) -> Output {
        self.output(content::HASH)
    }

    /// As [`content_hash`](Self::content_hash), of one of its entries, which has to be there.
    pub fn entry_hash(&self, key: &str) -> Output {
        self.output(&content::hash_of(key))
    }
}

fn variable_from(name: &str, source: EnvVarSource) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value: None,
        value_from: Some(source),
    }
}

/// Annotations of a pod template that change when any of these hashes does, so that the pods are rolled out again: a
/// container reads its environment, and often its files, only when it starts.
///
/// ```
/// # use iac_core::{Stack, config::Config};
/// # use iac_k8s::{Kubernetes, restart_on};
/// # use k8s_openapi::api::core::v1::ConfigMap;
/// # let stack = Stack::new("demo", Config::default());
/// # let k = Kubernetes::new(&stack).in_namespace("demo");
/// let config = k.add("app", ConfigMap::default());
/// let annotations = restart_on([config.content_hash()]);
/// assert_eq!(annotations.keys().collect::<Vec<_>>(), ["checksum/config"]);
/// ```
pub fn restart_on(hashes: impl IntoIterator<Item = Output>) -> BTreeMap<String, String> {
    let hashes: Vec<String> = hashes.into_iter().map(String::from).collect();
    BTreeMap::from([("checksum/config".to_owned(), hashes.join("-"))])
}

impl Object<PersistentVolumeClaim> {
    /// The claim as a volume; `name` is the volume's name in the pod.
    pub fn volume(&self, name: &str) -> Volume {
        let claim = PersistentVolumeClaimVolumeSource {
            claim_name: self.name().to_owned(),
            read_only: None,
        };
        Volume {
            name: name.to_owned(),
            persistent_volume_claim: Some(claim),
            ..Volume::default()
        }
    }
}

impl Object<Service> {
    /// A backend of an Ingress at one of its ports.
    pub fn backend(&self, port: i32) -> IngressBackend {
        let port = ServiceBackendPort {
            number: Some(port),
            ..ServiceBackendPort::default()
        };
        let service = IngressServiceBackend {
            name: self.name().to_owned(),
            port: Some(port),
        };
        IngressBackend {
            service: Some(service),
            ..IngressBackend::default()
        }
    }

    /// Its name in the cluster's DNS, from any namespace: `db.shop.svc`.
    pub fn host(&self) -> String {
        format!("{}.{}.svc", self.name(), self.namespace().unwrap_or("default"))
    }
}

impl Object<ServiceAccount> {
    /// The account as a subject of a binding.
    pub fn subject(&self) -> Subject {
        Subject {
            kind: "ServiceAccount".to_owned(),
            name: self.name().to_owned(),
            namespace: self.namespace().map(str::to_owned),
            api_group: None,
        }
    }
}

macro_rules! scale_targets {
    ($($kind:ty),*) => {$(
        impl Object<$kind> {
            /// Returns the reference with which an autoscaler names it.
            pub fn scale_target(&self) -> CrossVersionObjectReference {
                CrossVersionObjectReference {
                    api_version: Some(<$kind as Resource>::api_version(&()).into_owned()),
                    kind: <$kind as Resource>::kind(&()).into_owned(),
                    name: self.name().to_owned(),
                }
            }
        }
    )*};
}

scale_targets!(Deployment, ReplicaSet, StatefulSet);

macro_rules! roles {
    ($($kind:ty),*) => {$(
        impl Object<$kind> {
            /// The role as what a binding gives.
            pub fn role_ref(&self) -> RoleRef {
                RoleRef {
                    api_group: Some(<$kind as Resource>::group(&()).into_owned()),
                    kind: <$kind as Resource>::kind(&()).into_owned(),
                    name: self.name().to_owned(),
                }
            }
        }
    )*};
}

roles!(Role, ClusterRole);
