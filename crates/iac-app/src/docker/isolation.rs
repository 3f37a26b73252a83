//! The networks of an application that is isolated: one for each two parts that may talk to each other.

use std::collections::BTreeMap;

use iac_compose::Compose;
use iac_compose::model::{Attachment, Network, Service};

use crate::isolation::edges;
use crate::part::Data;

/// The networks of each part, by the part's name.
pub(super) struct Networks(BTreeMap<String, Vec<String>>);

impl Networks {
    /// Declares them.
    pub(super) fn declare(project: &Compose, parts: &[Data]) -> Self {
        let mut networks = Self(parts.iter().map(|part| (part.name.part.clone(), Vec::new())).collect());
        let hosts: BTreeMap<&str, &str> = parts
            .iter()
            .map(|part| (part.name.part.as_str(), part.host(true)))
            .collect();
        let mut pairs: Vec<[String; 2]> = Vec::new();
        for edge in edges(parts) {
            let pair = [edge.client, edge.target];
            // A network has no direction.
            if pairs.iter().any(|[a, b]| [b, a] == [&pair[0], &pair[1]]) {
                continue;
            }
            let host = |part: &String| hosts.get(part.as_str()).copied().unwrap_or_default();
            let key = pair.each_ref().map(host).join(".");
            let network = Network {
                internal: true,
                ..Network::default()
            };
            networks.add(project, &key, network, &pair);
            pairs.push(pair);
        }
        for part in parts {
            let leaves = !part.container.outside().is_empty();
            if leaves || !part.published.is_empty() {
                let key = format!("{}.outside", part.host(true));
                let part = std::slice::from_ref(&part.name.part);
                networks.add(project, &key, outer(leaves), part);
            }
        }
        networks
    }

    fn add(&mut self, project: &Compose, key: &str, network: Network, parts: &[String]) {
        project.network(key, network);
        for part in parts {
            self.0.entry(part.clone()).or_default().push(key.to_owned());
        }
    }

    /// Puts a part's service into its networks.
    pub(super) fn attach(&self, part: &Data, service: &mut Service) {
        let keys = self.0.get(&part.name.part).into_iter().flatten();
        service.networks = keys.map(|key| (key.clone(), Attachment::default())).collect();
        if service.networks.is_empty() {
            service.network_mode = Some("none".to_owned());
        }
    }
}

/// A network by which the outside comes in, through published ports; a way out only where the part has one.
fn outer(leaves: bool) -> Network {
    let masquerade = "com.docker.network.bridge.enable_ip_masquerade".to_owned();
    Network {
        driver_opts: (!leaves)
            .then(|| (masquerade, "false".to_owned()))
            .into_iter()
            .collect(),
        ..Network::default()
    }
}
