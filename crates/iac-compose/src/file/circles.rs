//! Services that depend on one another in a circle.

use std::collections::BTreeSet;

use super::problem::Findings;
use super::tree::{Map, Node, Path};

/// Reports each circle once, with all of its services.
pub(super) fn check(tree: &Node, found: &Findings) {
    let Some(services) = tree.get("services").and_then(Node::as_map) else {
        return;
    };
    let others = |name: &str| {
        let depends_on = services.get(name).and_then(|service| service.get("depends_on"));
        depends_on.and_then(Node::as_map).into_iter().flat_map(Map::keys)
    };
    for name in services.keys() {
        // The shortest way back to the service itself.
        let mut ways: Vec<Vec<&str>> = vec![vec![name]];
        let mut seen = BTreeSet::new();
        while let Some(way) = (!ways.is_empty()).then(|| ways.remove(0)) {
            let last = way.last().copied().unwrap_or_default();
            for other in others(last) {
                let next: Vec<&str> = way.iter().copied().chain([other.as_str()]).collect();
                // A circle is reported once, for the first of its services.
                if other == name && next.iter().min() == Some(&name.as_str()) {
                    let at = services
                        .get(name)
                        .and_then(|service| service.get("depends_on"))
                        .map(|node| node.at);
                    let message = format!("services wait for one another: {}", next.join(" -> "));
                    let path = Path::of(&["services", name, "depends_on"]);
                    found.problem(at.unwrap_or_default(), &path, message);
                    ways.clear();
                    break;
                }
                if seen.insert(other) {
                    ways.push(next);
                }
            }
        }
    }
}
