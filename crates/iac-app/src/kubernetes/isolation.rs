//! The NetworkPolicies of an application that is isolated.

use std::collections::BTreeMap;

use iac_k8s::k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicySpec,
};
use iac_k8s::k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use iac_k8s::k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use iac_k8s::{Namespaced, k8s};

use super::{Edits, Lowering, labels, metadata};
use crate::isolation::{Edge, Peer};
use crate::part::Data;

/// The label that the API server gives each namespace.
const NAMESPACE: &str = "kubernetes.io/metadata.name";

/// Denies all that no other policy of the namespace allows.
pub(super) fn deny(namespace: &Namespaced) {
    let policy = k8s! {
        NetworkPolicy {
            metadata: ObjectMeta { name: "default-deny" },
            spec: NetworkPolicySpec {
                pod_selector: LabelSelector::default(),
                policy_types: ["Ingress", "Egress"],
            },
        }
    };
    // A program may have several applications, each in a namespace of its own.
    namespace.add(&format!("{}-default-deny", namespace.namespace()), policy);
}

impl Lowering<'_> {
    /// Declares what the part may do in the network.
    pub(super) fn isolation(&self, part: &Data, edits: &mut Edits, edges: &[Edge]) {
        let name = &part.name.part;
        let clients = edges.iter().filter(|edge| edge.target == *name);
        let from = clients
            .map(|edge| pods(&edge.client))
            .chain(part.admits.iter().map(peer));
        let from: Vec<NetworkPolicyPeer> = from.collect();
        let own: Vec<u16> = part.container.ports.iter().map(|port| port.number).collect();
        let ingress = (!from.is_empty()).then(|| {
            vec![NetworkPolicyIngressRule {
                from: Some(from),
                ports: Some(tcp(&own)),
            }]
        });
        let egress = egress(part, edges);
        let policy = NetworkPolicy {
            metadata: metadata(part),
            spec: Some(NetworkPolicySpec {
                pod_selector: Some(LabelSelector {
                    match_labels: Some(labels(part)),
                    ..LabelSelector::default()
                }),
                policy_types: Some(["Ingress", "Egress"].map(str::to_owned).into()),
                ingress,
                egress: (!egress.is_empty()).then_some(egress),
            }),
        };
        self.add(part, edits, name, policy, false);
    }
}

fn egress(part: &Data, edges: &[Edge]) -> Vec<NetworkPolicyEgressRule> {
    let targets = edges.iter().filter(|edge| edge.client == part.name.part);
    let mut rules: Vec<NetworkPolicyEgressRule> = targets
        .map(|edge| NetworkPolicyEgressRule {
            to: Some(vec![pods(&edge.target)]),
            ports: Some(tcp(&edge.ports)),
        })
        .collect();
    let outside = part.container.outside();
    if !outside.is_empty() {
        // A policy knows no host names.
        let any = |cidr: &str| NetworkPolicyPeer {
            ip_block: Some(IPBlock {
                cidr: cidr.to_owned(),
                ..IPBlock::default()
            }),
            ..NetworkPolicyPeer::default()
        };
        rules.push(NetworkPolicyEgressRule {
            to: Some(vec![any("0.0.0.0/0"), any("::/0")]),
            ports: Some(tcp(&outside)),
        });
    }
    if !rules.is_empty() {
        rules.push(names());
    }
    rules
}

/// Whoever connects to a name has to look it up.
fn names() -> NetworkPolicyEgressRule {
    let server = Peer::namespace("kube-system").pods("k8s-app", "kube-dns");
    NetworkPolicyEgressRule {
        to: Some(vec![peer(&server)]),
        ports: Some(["UDP", "TCP"].map(|protocol| port(protocol, 53)).into()),
    }
}

/// The pods of a part.
fn pods(part: &str) -> NetworkPolicyPeer {
    NetworkPolicyPeer {
        pod_selector: Some(select([("app".to_owned(), part.to_owned())].into())),
        ..NetworkPolicyPeer::default()
    }
}

fn peer(peer: &Peer) -> NetworkPolicyPeer {
    NetworkPolicyPeer {
        namespace_selector: Some(select([(NAMESPACE.to_owned(), peer.namespace.clone())].into())),
        pod_selector: (!peer.pods.is_empty()).then(|| select(peer.pods.clone())),
        ..NetworkPolicyPeer::default()
    }
}

fn select(labels: BTreeMap<String, String>) -> LabelSelector {
    LabelSelector {
        match_labels: Some(labels),
        ..LabelSelector::default()
    }
}

fn tcp(ports: &[u16]) -> Vec<NetworkPolicyPort> {
    ports.iter().map(|number| port("TCP", *number)).collect()
}

fn port(protocol: &str, number: u16) -> NetworkPolicyPort {
    NetworkPolicyPort {
        protocol: Some(protocol.to_owned()),
        port: Some(IntOrString::Int(number.into())),
        ..NetworkPolicyPort::default()
    }
}
