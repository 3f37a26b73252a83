//! The allowed connections between the parts of an isolated application.
//!
//! The rules follow from the bindings: a part may connect to those whose values stand in its variables and files, and to
//! what it names by [`Container::connects_to`]. Nobody writes an edge twice. A binding opens all ports that the other part
//! declares.

use std::collections::BTreeMap;

use crate::App;
use crate::part::Data;

/// Pods of another namespace that may connect to a part: an ingress controller, Prometheus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    pub(crate) namespace: String,
    pub(crate) pods: BTreeMap<String, String>,
}

impl Peer {
    /// All pods of a namespace.
    pub fn namespace(name: impl Into<String>) -> Self {
        Self {
            namespace: name.into(),
            pods: BTreeMap::new(),
        }
    }

    /// Only those that have this label.
    #[must_use]
    pub fn pods(mut self, label: impl Into<String>, value: impl Into<String>) -> Self {
        self.pods.insert(label.into(), value.into());
        self
    }
}

impl App {
    /// Closes the network: a part can connect to the parts and outside services whose bindings it has, and nothing else gets
    /// in or out. No list says who may connect to whom: that follows from the values of a binding in a part's variables and
    /// files, from [`Container::connects_to`](crate::Container::connects_to), and from `scrape`, which lets the application's
    /// own Prometheus in.
    ///
    /// On Kubernetes these are NetworkPolicies: one that denies everything in the namespace, and one for each part. They do
    /// something where the cluster's network plugin enforces them. On Docker each two parts that may talk have a network of
    /// their own. Which parts of the outside may come in is said at the part: [`Web::open_to`](crate::Web::open_to) on
    /// Kubernetes, [`Web::publish`](crate::Web::publish) on Docker.
    #[track_caller]
    pub fn isolate(&self) -> &Self {
        *self.0.isolated.borrow_mut() = Some(self.0.stack.source());
        self
    }
}

/// One part may connect to another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) client: String,
    pub(crate) target: String,
    /// All ports of the target.
    pub(crate) ports: Vec<u16>,
}

/// All edges, in the order of the declarations.
pub(crate) fn edges(parts: &[Data]) -> Vec<Edge> {
    let mut edges = Vec::new();
    for part in parts {
        let client = &part.name.part;
        for partner in part.container.partners() {
            let target = parts.iter().find(|other| other.name.part == partner);
            // A part that was not declared is reported elsewhere.
            let Some(target) = target.filter(|target| target.name.part != *client) else {
                continue;
            };
            edges.push(Edge {
                client: client.clone(),
                target: partner,
                ports: target.container.ports.iter().map(|port| port.number).collect(),
            });
        }
    }
    edges
}

/// Returns the problem of a part's rules, if any.
pub(crate) fn check(app: &App, part: &Data) -> Option<String> {
    let isolated = app.0.isolated.borrow().is_some();
    if !isolated && !part.admits.is_empty() {
        return Some("open_to: the application is not isolated, so everyone can reach it: app.isolate()".to_owned());
    }
    // Its own Prometheus is one of the parts.
    let scrape = part.scrape.as_ref().filter(|_| app.0.prometheus.get().is_none());
    let wanted = match (scrape, part.routes.is_empty()) {
        _ if !isolated || !part.admits.is_empty() => return None,
        (Some(_), _) => ("scrape", "Prometheus", "monitoring"),
        (None, false) => ("route", "the ingress controller", "ingress-nginx"),
        (None, true) => return None,
    };
    let (what, who, namespace) = wanted;
    Some(format!(
        "{what}: {who} cannot reach it, as the application is isolated: say in which namespace that runs, .open_to(Peer::namespace(\"{namespace}\"))"
    ))
}
