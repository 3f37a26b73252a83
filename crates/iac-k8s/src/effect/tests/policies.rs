//! The effects of a NetworkPolicy that changes or goes.

use super::*;

const POLICY: &str = "networking.k8s.io/NetworkPolicy shop/db";

fn policy(labels: Json, ingress: Json) -> Json {
    json!({"spec": {"podSelector": {"matchLabels": labels}, "policyTypes": ["Ingress"], "ingress": ingress}})
}

fn database() -> Object {
    let template = json!({"metadata": {"labels": {"app": "db"}}, "spec": {"containers": []}});
    let set = json!({"spec": {"template": template}});
    object(DB, set.clone(), set)
}

#[test]
fn a_policy_says_which_pods_which_ports_and_from_where() {
    let db = || json!({"app": "db"});
    let ports = json!([{"port": 5432}]);
    let closed = || {
        policy(
            db(),
            json!([{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": ports}]),
        )
    };
    let open = |from: Json| policy(db(), json!([{"from": from, "ports": ports}]));
    let was = "before: port 5432 from pods app=web of namespace shop";
    for (after, expected) in [
        (
            policy(db(), json!([{"ports": ports}])),
            "can be reached: port 5432 from every source, in all namespaces and outside",
        ),
        (
            open(json!([{"namespaceSelector": {}}])),
            "can be reached: port 5432 from all pods of all namespaces",
        ),
        (
            open(
                json!([{"namespaceSelector": {"matchLabels": {"team": "a"}}, "podSelector": {"matchLabels": {"app": "x"}}}]),
            ),
            "can be reached: port 5432 from pods app=x of the namespaces team=a",
        ),
        (
            open(json!([{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}])),
            "can be reached: port 5432 from 10.0.0.0/8 without 10.1.0.0/16",
        ),
    ] {
        assert_eq!(
            told(&[object(POLICY, closed(), after), database()]),
            [format!(
                "db: exposure: the pods app=db (StatefulSet shop/db) {expected}; {was}"
            )]
        );
    }
    assert_eq!(
        told(&[object(POLICY, closed(), Json::Null), database()]),
        [format!(
            "db: exposure: all ports of the pods app=db (StatefulSet shop/db) are open to every source, in all namespaces and \
             outside; {was}; no other policy of this stack selects them"
        )]
    );
    // Where another policy selects the same pods, less gets in than before.
    let other = policy(json!({}), json!([]));
    let other = object("networking.k8s.io/NetworkPolicy shop/deny", other.clone(), other);
    assert_eq!(
        told(&[object(POLICY, closed(), Json::Null), database(), other]),
        [
            "db: closed: NetworkPolicy shop/deny still selects the pods app=db (StatefulSet shop/db) and refuses what it does not let \
          through itself; this one lets in: port 5432 from pods app=web of namespace shop"
        ]
    );
}

#[test]
fn a_service_says_from_where_it_is_reached() {
    let service = |more: Json| {
        let mut spec = json!({"ports": [{"port": 80}]});
        for (key, value) in more.as_object().into_iter().flatten() {
            spec[key] = value.clone();
        }
        json!({ "spec": spec })
    };
    for (after, expected) in [
        (
            json!({"type": "LoadBalancer"}),
            "a Service of type LoadBalancer can be reached from outside the cluster, from all addresses, at the load balancer on \
             port 80, and on a port of every node that the server picks",
        ),
        (
            json!({"type": "LoadBalancer", "loadBalancerSourceRanges": ["10.0.0.0/8"], "allocateLoadBalancerNodePorts": false}),
            "a Service of type LoadBalancer can be reached from outside the cluster, from 10.0.0.0/8, at the load balancer on port 80",
        ),
        (
            json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}]}),
            "a Service of type NodePort can be reached on port 30080 of every node",
        ),
    ] {
        let change = object("core/Service shop/web", service(json!({})), service(after));
        assert_eq!(told(&[change]), [format!("web: exposure: {expected}")]);
    }
}
