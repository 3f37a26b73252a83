//! Small pieces of Kubernetes objects that the production stack is made of.

use std::collections::BTreeMap;

use iac_k8s::k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec};
use iac_k8s::k8s_openapi::api::core::v1::{
    Container, ContainerPort, ExecAction, HTTPGetAction, PersistentVolumeClaim, PersistentVolumeClaimSpec, PodSpec,
    PodTemplateSpec, Probe, ResourceRequirements, Service, ServicePort, ServiceSpec, VolumeMount,
    VolumeResourceRequirements,
};
use iac_k8s::k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use iac_k8s::k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use iac_k8s::k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::settings::Resources;

/// Metadata with labels and nothing else; the scope gives the name.
pub fn labelled<const N: usize>(labels: [(&str, &str); N]) -> ObjectMeta {
    ObjectMeta {
        labels: Some(map(labels)),
        ..ObjectMeta::default()
    }
}

/// A map of texts.
pub fn map<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// A selector of the pods labelled `app: NAME`.
pub fn app_selector(app: &str) -> LabelSelector {
    LabelSelector {
        match_labels: Some(map([("app", app)])),
        ..LabelSelector::default()
    }
}

/// A pod of one container, labelled `app: NAME`.
pub fn pod(app: &str, container: Container) -> PodTemplateSpec {
    PodTemplateSpec {
        metadata: Some(labelled([("app", app)])),
        spec: Some(PodSpec {
            containers: vec![container],
            ..PodSpec::default()
        }),
    }
}

/// Requests and limits.
pub fn resources(resources: &Resources) -> ResourceRequirements {
    let pair = |cpu: &str, memory: &str| {
        BTreeMap::from([
            ("cpu".to_owned(), Quantity(cpu.to_owned())),
            ("memory".to_owned(), Quantity(memory.to_owned())),
        ])
    };
    ResourceRequirements {
        requests: Some(pair(&resources.requests_cpu, &resources.requests_memory)),
        limits: Some(pair(&resources.limits_cpu, &resources.limits_memory)),
        ..ResourceRequirements::default()
    }
}

/// A TCP port of a container.
pub fn container_port(name: &str, port: i32) -> ContainerPort {
    ContainerPort {
        name: Some(name.to_owned()),
        container_port: port,
        ..ContainerPort::default()
    }
}

/// A probe that asks a path of the container.
pub fn http_probe(path: &str, port: i32, initial_delay: i32, period: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::Int(port),
            ..HTTPGetAction::default()
        }),
        initial_delay_seconds: Some(initial_delay),
        period_seconds: Some(period),
        timeout_seconds: Some(5),
        ..Probe::default()
    }
}

/// A probe that runs a shell command in the container.
pub fn shell_probe(command: &str) -> Probe {
    let command = ["/bin/sh", "-c", command].map(str::to_owned);
    Probe {
        exec: Some(ExecAction {
            command: Some(command.into()),
        }),
        period_seconds: Some(5),
        timeout_seconds: Some(5),
        ..Probe::default()
    }
}

/// A Service without an address of its own: its name leads to the one pod of a StatefulSet.
pub fn headless<const N: usize>(app: &str, ports: [(&str, i32); N]) -> Service {
    let port = |(name, port): (&str, i32)| ServicePort {
        name: Some(name.to_owned()),
        port,
        ..ServicePort::default()
    };
    Service {
        spec: Some(ServiceSpec {
            cluster_ip: Some("None".to_owned()),
            selector: Some(map([("app", app)])),
            ports: Some(ports.into_iter().map(port).collect()),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

/// Where a database keeps its files.
#[derive(Debug, Clone, Copy)]
pub struct Storage<'a> {
    /// The claim template's name.
    pub claim: &'a str,
    /// Where it is mounted.
    pub path: &'a str,
    /// Its size, as a Kubernetes quantity.
    pub size: &'a str,
    /// Its storage class.
    pub class: &'a str,
}

/// A StatefulSet of one pod with one claim.
pub fn database(app: &str, service: &str, mut container: Container, storage: Storage<'_>) -> StatefulSet {
    let mount = VolumeMount {
        name: storage.claim.to_owned(),
        mount_path: storage.path.to_owned(),
        ..VolumeMount::default()
    };
    container.volume_mounts = Some(vec![mount]);
    let requests = BTreeMap::from([("storage".to_owned(), Quantity(storage.size.to_owned()))]);
    let claim = PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(storage.claim.to_owned()),
            ..ObjectMeta::default()
        },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
            storage_class_name: Some(storage.class.to_owned()),
            resources: Some(VolumeResourceRequirements {
                requests: Some(requests),
                ..VolumeResourceRequirements::default()
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    };
    StatefulSet {
        spec: Some(StatefulSetSpec {
            service_name: Some(service.to_owned()),
            replicas: Some(1),
            selector: app_selector(app),
            template: pod(app, container),
            volume_claim_templates: Some(vec![claim]),
            ..StatefulSetSpec::default()
        }),
        ..StatefulSet::default()
    }
}
