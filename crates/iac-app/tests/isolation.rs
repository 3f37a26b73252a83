//! The allowed connections of an isolated application: the lowered rules are evaluated for each pair of parts, as the API of
//! NetworkPolicy and as Docker's networks have it.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use iac_app::{
    App, Binding, Container, Peer, PostgresOptions, PrometheusOptions, Provides, Publish, RedisOptions, Route, Text,
    Web,
};
use iac_core::declare::Declaration;
use iac_k8s::k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort};
use iac_k8s::k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use iac_k8s::k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value as Json;
use support::{Place, inputs, lowered, shown_of};

/// Which part connects to which one.
const EDGES: [(&str, &str); 8] = [
    ("proxy", "api"),
    ("api", "db"),
    ("api", "redis"),
    ("worker", "redis"),
    ("worker", "api"),
    ("migrate", "db"),
    ("backup", "db"),
    ("prometheus", "api"),
];

fn shop(app: &App) -> Web {
    app.isolate();
    let db = app.postgres("db", PostgresOptions::image("postgres:16"));
    let redis = app.redis("redis", RedisOptions::image("redis:7").with_password());
    // A shared environment opens its bindings to all that read it.
    let shared = app.environment("shop");
    shared.env("REDIS_URL", redis.url(0));
    let code = Container::image("shop:1");
    let migrate = app.job("migrate", code.clone().uses(&db));
    let api = app.web(
        "api",
        code.clone()
            .env_from(&shared)
            .env("DATABASE_URL", db.url("postgresql"))
            .service_port("http", 8000, 80)
            .port("metrics", 9100)
            // To wait for a part is no connection.
            .after(migrate.completed()),
    );
    // Its own Prometheus asks it, and nobody in another namespace.
    api.scrape("/metrics", "15s");
    app.prometheus("prometheus", PrometheusOptions::image("prometheus:3"));
    let mail = Binding::external("mail", "smtp", "mail.example.com", 587);
    app.worker(
        "worker",
        code.clone()
            .env_from(&shared)
            .connects_to(&api)
            .env("MAIL", mail.address())
            .connects_to(&Binding::external("ai", "https", "api.example.com", 443)),
    );
    app.worker("alone", code.clone());
    app.backup(
        "backup",
        db.dump()
            .schedule("0 2 * * *".parse().expect("a schedule"))
            .on_volume("backup", "1Gi"),
    );
    let conf = Text::from("proxy_pass @API@;\n").replace("@API@", api.url("http"));
    app.web("proxy", code.port("http", 8080).file("/etc/proxy.conf", conf))
}

/// All parts with their ports.
const PARTS: [(&str, &[u16]); 9] = [
    ("db", &[5432]),
    ("redis", &[6379]),
    ("migrate", &[]),
    ("api", &[8000, 9100]),
    ("worker", &[]),
    ("alone", &[]),
    ("backup", &[]),
    ("proxy", &[8080]),
    ("prometheus", &[9090]),
];

fn on_kubernetes() -> Declaration {
    let (declaration, _) = lowered(Place::Kubernetes, |app| {
        shop(app)
            .route(Route::host("shop.example.com"))
            .open_to(Peer::namespace("ingress-nginx").pods("app.kubernetes.io/name", "ingress-nginx"));
    });
    declaration
}

fn on_docker() -> Declaration {
    let (declaration, _) = lowered(Place::Docker, |app| drop(shop(app).publish(Publish::local(80)).clone()));
    declaration
}

/// One end of a connection: a pod, or an address outside of the cluster, which has no namespace.
#[derive(Debug)]
struct End {
    namespace: Option<&'static str>,
    labels: BTreeMap<String, String>,
}

fn pod(namespace: &'static str, label: &str, value: &str) -> End {
    End {
        namespace: Some(namespace),
        labels: [(label.to_owned(), value.to_owned())].into(),
    }
}

fn part(name: &str) -> End {
    pod("shop", "app", name)
}

struct Policies(Vec<NetworkPolicy>);

impl Policies {
    fn of(declaration: &Declaration) -> Self {
        let objects = inputs(declaration).into_values();
        let policies = objects.filter(|object| object["kind"] == "NetworkPolicy");
        Self(policies.map(|object| serde_json::from_value(object).unwrap()).collect())
    }

    fn allow(&self, from: &End, to: &End, protocol: &str, port: u16) -> bool {
        self.one_way(from, "Egress", to, protocol, port) && self.one_way(to, "Ingress", from, protocol, port)
    }

    /// True if the policies that select one end allow the other one.
    fn one_way(&self, end: &End, direction: &str, other: &End, protocol: &str, port: u16) -> bool {
        let specs = self.0.iter().filter_map(|policy| {
            let spec = policy.spec.as_ref()?;
            let types = spec.policy_types.as_ref().expect("types");
            let same = policy.metadata.namespace.as_deref() == end.namespace;
            let selects = same && selects(spec.pod_selector.as_ref(), &end.labels);
            (selects && types.iter().any(|of| of == direction)).then_some(spec)
        });
        let specs: Vec<_> = specs.collect();
        let mut rules = specs.iter().flat_map(|spec| match direction {
            "Egress" => {
                let rules = spec.egress.iter().flatten();
                rules
                    .map(|rule| (rule.to.clone(), rule.ports.clone()))
                    .collect::<Vec<_>>()
            }
            _ => {
                let rules = spec.ingress.iter().flatten();
                rules.map(|rule| (rule.from.clone(), rule.ports.clone())).collect()
            }
        });
        specs.is_empty()
            || rules.any(|(peers, ports)| {
                peers.iter().flatten().any(|peer| is(peer, end, other))
                    && ports.iter().flatten().any(|one| takes(one, protocol, port))
            })
    }
}

fn selects(selector: Option<&LabelSelector>, labels: &BTreeMap<String, String>) -> bool {
    let wanted = selector.and_then(|selector| selector.match_labels.as_ref());
    wanted
        .into_iter()
        .flatten()
        .all(|(name, value)| labels.get(name) == Some(value))
}

fn is(peer: &NetworkPolicyPeer, own: &End, other: &End) -> bool {
    let Some(namespace) = other.namespace else {
        return peer.ip_block.is_some();
    };
    let in_namespace = match &peer.namespace_selector {
        Some(selector) => {
            let labels = [("kubernetes.io/metadata.name".to_owned(), namespace.to_owned())];
            selects(Some(selector), &labels.into())
        }
        None => other.namespace == own.namespace,
    };
    peer.ip_block.is_none() && in_namespace && selects(peer.pod_selector.as_ref(), &other.labels)
}

fn takes(rule: &NetworkPolicyPort, protocol: &str, port: u16) -> bool {
    rule.protocol.as_deref() == Some(protocol) && rule.port == Some(IntOrString::Int(port.into()))
}

#[test]
fn policies_allow_the_bindings_and_nothing_else() {
    let policies = Policies::of(&on_kubernetes());
    for (client, _) in PARTS {
        for (target, ports) in PARTS {
            let wanted = EDGES.contains(&(client, target));
            for port in ports {
                let found = policies.allow(&part(client), &part(target), "TCP", *port);
                assert_eq!(found, wanted, "{client} -> {target}:{port}");
            }
            // No port that the part does not declare, such as that of its Service.
            for (protocol, port) in [("TCP", 80), ("TCP", 22), ("UDP", 5432)] {
                let found = policies.allow(&part(client), &part(target), protocol, port);
                assert!(!found, "{client} -> {target}:{port}/{protocol}");
            }
        }
    }
    // Another pod of the namespace, and other namespaces.
    let controller = pod("ingress-nginx", "app.kubernetes.io/name", "ingress-nginx");
    let beside = pod("ingress-nginx", "app", "webhook");
    assert!(policies.allow(&controller, &part("proxy"), "TCP", 8080));
    for (stranger, target) in [
        (&controller, "api"),
        (&beside, "proxy"),
        (&part("stranger"), "proxy"),
        (&pod("other", "app", "api"), "db"),
    ] {
        for (_, ports) in PARTS.iter().filter(|(name, _)| *name == target) {
            assert!(
                !policies.allow(stranger, &part(target), "TCP", ports[0]),
                "{stranger:?}"
            );
        }
    }
    assert!(!policies.allow(&part("stranger"), &pod("other", "app", "x"), "TCP", 80));
}

#[test]
fn policies_let_names_be_looked_up_and_outside_services_be_reached() {
    let policies = Policies::of(&on_kubernetes());
    let names = pod("kube-system", "k8s-app", "kube-dns");
    let outside = End {
        namespace: None,
        labels: BTreeMap::new(),
    };
    for (client, _) in PARTS {
        let connects = EDGES.iter().any(|(from, _)| *from == client);
        for protocol in ["UDP", "TCP"] {
            let found = policies.allow(&part(client), &names, protocol, 53);
            assert_eq!(found, connects, "{client}");
        }
        for (port, open) in [(443, true), (587, true), (80, false)] {
            let found = policies.allow(&part(client), &outside, "TCP", port);
            assert_eq!(found, open && client == "worker", "{client} -> {port}");
        }
    }
}

#[test]
fn docker_networks_join_the_parts_that_are_bound_and_nothing_else() {
    let objects = inputs(&on_docker());
    let networks = |name: &str| -> BTreeSet<String> {
        let service = objects.values().find(|object| object["service"] == name);
        let networks = service.expect(name)["networks"].as_object();
        networks.into_iter().flatten().map(|(key, _)| key.clone()).collect()
    };
    for (a, _) in PARTS {
        for (b, _) in PARTS.iter().filter(|(b, _)| *b != a) {
            let wanted = EDGES.contains(&(a, b)) || EDGES.contains(&(b, a));
            let shared = networks(a).intersection(&networks(b)).count();
            assert_eq!(shared, usize::from(wanted), "{a} and {b}");
        }
    }
    let network = |key: &str| -> Json {
        let found = objects.values().find(|object| object["key"] == key);
        found.cloned().expect(key)
    };
    // Only what is published is reached from outside, and only what needs the outside gets there.
    let masquerade = "com.docker.network.bridge.enable_ip_masquerade";
    assert_eq!(network("proxy.outside")["driver_opts"][masquerade], "false");
    assert!(network("worker.outside")["driver_opts"].is_null());
    for (name, _) in PARTS {
        for key in networks(name) {
            let outer = key.ends_with(".outside");
            assert_eq!(network(&key)["internal"] != true, outer, "{key}");
            assert!(!outer || ["proxy", "worker"].contains(&name), "{key}");
        }
    }
    let alone = objects
        .values()
        .find(|object| object["service"] == "alone")
        .expect("a service");
    assert_eq!(alone["network_mode"], "none");
}

#[test]
fn isolation_becomes_policies() {
    insta::assert_snapshot!(shown_of(&on_kubernetes(), "NetworkPolicy"));
}

#[test]
fn isolation_becomes_networks() {
    insta::assert_snapshot!(shown_of(&on_docker(), "Network"));
}

#[test]
fn a_binding_says_what_it_is_outside_or_inside() {
    // A text keeps what it names, however it is put together.
    let mail = Binding::external("mail", "smtp", "mail.example.com", 587);
    let (declaration, _) = lowered(Place::Kubernetes, |app| {
        app.isolate();
        let db = app.postgres("db", PostgresOptions::image("postgres:16"));
        let line = Text::from("@A@ ")
            .replace("@A@", mail.host())
            .and(db.binding().address());
        app.worker("worker", Container::image("i").env("LINE", line));
    });
    let policies = Policies::of(&declaration);
    let outside = End {
        namespace: None,
        labels: BTreeMap::new(),
    };
    assert!(policies.allow(&part("worker"), &outside, "TCP", 587));
    assert!(policies.allow(&part("worker"), &part("db"), "TCP", 5432));
}
