//! The Service and the Ingresses of a part, by which others reach it.

use std::collections::BTreeMap;

use iac_k8s::Object;
use iac_k8s::k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use iac_k8s::k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressRule, IngressSpec, IngressTLS,
};
use iac_k8s::k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Edits, Lowering, labels, metadata};
use crate::part::{Data, Kind};
use crate::route::Route;

impl Lowering<'_> {
    /// Declares the part's Service, and what leads to it.
    pub(super) fn network(&self, part: &Data, edits: &mut Edits) {
        if !matches!(part.kind, Kind::Web | Kind::Stateful) {
            return;
        }
        let service = self.add(part, edits, part.host(false), service(part), false);
        for route in &part.routes {
            let usual = || format!("{}-ingress", part.name.part);
            let name = route.ingress.clone().unwrap_or_else(usual);
            self.add(part, edits, &name, ingress(part, &service, route), false);
        }
    }
}

fn service(part: &Data) -> Service {
    let ports = part.container.ports.iter().map(|port| ServicePort {
        name: Some(port.name.clone()),
        port: port.service.into(),
        target_port: (port.service != port.number).then(|| IntOrString::Int(port.number.into())),
        ..ServicePort::default()
    });
    Service {
        metadata: metadata(part),
        spec: Some(ServiceSpec {
            // The name of a StatefulSet's Service leads to its pod.
            cluster_ip: (part.kind == Kind::Stateful).then(|| "None".to_owned()),
            selector: Some(labels(part)),
            ports: Some(ports.collect()),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

fn ingress(part: &Data, service: &Object<Service>, route: &Route) -> Ingress {
    let port = part.container.ports.first().map_or(0, |port| port.service);
    let path = HTTPIngressPath {
        path: Some(route.path.clone()),
        path_type: "Prefix".to_owned(),
        backend: service.backend(port.into()),
    };
    let issuer = route.tls.as_ref().and_then(|tls| tls.issuer.clone());
    let issuer = issuer.map(|issuer| ("cert-manager.io/cluster-issuer".to_owned(), issuer));
    let annotations: BTreeMap<String, String> = route.annotations.iter().cloned().chain(issuer).collect();
    let mut metadata = metadata(part);
    metadata.annotations = (!annotations.is_empty()).then_some(annotations);
    let tls = route.tls.as_ref().map(|tls| {
        vec![IngressTLS {
            hosts: Some(vec![route.host.clone()]),
            secret_name: Some(tls.secret.clone()),
        }]
    });
    Ingress {
        metadata,
        spec: Some(IngressSpec {
            ingress_class_name: route.class.clone(),
            tls,
            rules: Some(vec![IngressRule {
                host: Some(route.host.clone()),
                http: Some(HTTPIngressRuleValue { paths: vec![path] }),
            }]),
            ..IngressSpec::default()
        }),
        ..Ingress::default()
    }
}
