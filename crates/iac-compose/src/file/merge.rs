//! Lays one file over another, and one service over the one that it extends.
//!
//! Maps merge, lists add up, and anything else is replaced. Lists of `KEY=value` and the maps that they stand for become
//! lists; `command`, `entrypoint` and a health check's `test` are replaced as a whole.

use super::problem::Findings;
use super::tree::{Data, Map, Node, Path};

/// The way in which a field merges where the general rule does not apply.
#[derive(Clone, Copy)]
enum Rule {
    /// The upper one counts.
    Replace,
    /// Both become lists, which add up.
    List,
    /// The same, without what is there already.
    NewItems,
    /// Both become maps from names to nothing.
    Names,
    Build,
    DependsOn,
    Logging,
    Pools,
}

const RULES: [(&str, Rule); 29] = [
    ("networks.*.ipam.config", Rule::Pools),
    ("networks.*.labels", Rule::List),
    ("services.*.annotations", Rule::List),
    ("services.*.build", Rule::Build),
    ("services.*.build.additional_contexts", Rule::List),
    ("services.*.build.args", Rule::List),
    ("services.*.build.extra_hosts", Rule::NewItems),
    ("services.*.build.labels", Rule::List),
    ("services.*.command", Rule::Replace),
    ("services.*.depends_on", Rule::DependsOn),
    ("services.*.deploy.labels", Rule::List),
    ("services.*.dns", Rule::List),
    ("services.*.dns_opt", Rule::List),
    ("services.*.dns_search", Rule::List),
    ("services.*.entrypoint", Rule::Replace),
    ("services.*.env_file", Rule::List),
    ("services.*.environment", Rule::List),
    ("services.*.extra_hosts", Rule::NewItems),
    ("services.*.healthcheck.test", Rule::Replace),
    ("services.*.label_file", Rule::List),
    ("services.*.labels", Rule::List),
    ("services.*.logging", Rule::Logging),
    ("services.*.models", Rule::Names),
    ("services.*.networks", Rule::Names),
    ("services.*.sysctls", Rule::List),
    ("services.*.tmpfs", Rule::List),
    ("services.*.ulimits.*", Rule::Replace),
    ("services.*.volumes.*.volume.labels", Rule::List),
    ("volumes.*.labels", Rule::List),
];

/// `base` with `over` laid over it.
pub(super) fn over(base: Node, over: Node, path: &Path, found: &Findings) -> Node {
    if let Some((_, rule)) = RULES.iter().find(|(pattern, _)| path.matches(pattern)) {
        return by_rule(*rule, base, over, path, found);
    }
    if over.is_null() {
        return base;
    }
    match (base.data, over.data) {
        (Data::Map(below), Data::Map(above)) => Node::new(Data::Map(maps(below, above, path, found)), over.at),
        (Data::List(mut below), Data::List(above)) => {
            below.extend(above);
            Node::new(Data::List(below), over.at)
        }
        (below @ (Data::Map(_) | Data::List(_)), above) => {
            let (below, above) = (Node::new(below, base.at), Node::new(above, over.at));
            clash(&below, &above, path, found);
            below
        }
        (_, above) => Node::new(above, over.at),
    }
}

fn clash(below: &Node, above: &Node, path: &Path, found: &Findings) {
    let first = found.sources.line(below.at);
    let message = format!(
        "this is {}, which cannot be laid over {} at {first}",
        above.kind(),
        below.kind()
    );
    found.problem(above.at, path, message);
}

fn maps(mut below: Map, above: Map, path: &Path, found: &Findings) -> Map {
    for (key, value) in above {
        let merged = match below.remove(&key) {
            Some(base) => over(base, value, &path.key(&key), found),
            None => value,
        };
        below.insert(key, merged);
    }
    below
}

/// Merges two nodes that are maps, or become maps by `as_map`.
fn as_maps(base: Node, over: Node, path: &Path, found: &Findings, as_map: impl Fn(&Node) -> Option<Map>) -> Node {
    match (as_map(&base), as_map(&over)) {
        (Some(below), Some(above)) => Node::new(Data::Map(maps(below, above, path, found)), over.at),
        (_, None) if over.is_null() => base,
        (None, _) if base.is_null() => over,
        _ => {
            clash(&base, &over, path, found);
            base
        }
    }
}

fn by_rule(rule: Rule, base: Node, over: Node, path: &Path, found: &Findings) -> Node {
    match rule {
        Rule::Replace => over,
        Rule::List | Rule::NewItems => {
            let at = over.at;
            let mut items = as_list(base);
            let first = items.len();
            for item in as_list(over) {
                let is_known = matches!(rule, Rule::NewItems) && items[..first].iter().any(|known| known.same(&item));
                if !is_known {
                    items.push(item);
                }
            }
            Node::new(Data::List(items), at)
        }
        Rule::Names => as_maps(base, over, path, found, |node| {
            names(node, |item| Node::new(Data::Null, item.at))
        }),
        Rule::DependsOn => as_maps(base, over, path, found, |node| names(node, dependency)),
        Rule::Build => as_maps(base, over, path, found, |node| match &node.data {
            Data::Text(_) => Some([("context".to_owned(), node.clone())].into()),
            _ => node.as_map().cloned(),
        }),
        Rule::Logging => match (base.get("driver"), over.get("driver")) {
            (Some(below), Some(above)) if !below.same(above) => over,
            _ => as_maps(base, over, path, found, |node| node.as_map().cloned()),
        },
        Rule::Pools => pools(base, over, path, found),
    }
}

/// Returns the long form of a name in the list form of `depends_on`.
pub(super) fn dependency(name: &Node) -> Node {
    let entries = [
        ("condition", Node::text("service_started", name.at)),
        ("required", Node::flag(true, name.at)),
    ];
    Node::map(entries, name.at)
}

/// The map of a list of names, or a map as it is.
fn names(node: &Node, value: impl Fn(&Node) -> Node) -> Option<Map> {
    match &node.data {
        Data::Map(map) => Some(map.clone()),
        Data::List(items) => items
            .iter()
            .map(|item| Some((item.as_text()?.to_owned(), value(item))))
            .collect(),
        _ => None,
    }
}

/// The list that a value stands for: of a map `KEY=value`, and of a text itself.
fn as_list(node: Node) -> Vec<Node> {
    match node.data {
        Data::List(items) => items,
        Data::Map(map) => map.into_iter().flat_map(|(key, value)| pairs(&key, &value)).collect(),
        Data::Null => Vec::new(),
        data => vec![Node::new(data, node.at)],
    }
}

fn pairs(key: &str, value: &Node) -> Vec<Node> {
    let pair = |value: &Node| {
        let text = value
            .scalar()
            .map_or_else(|| key.to_owned(), |text| format!("{key}={text}"));
        Node::text(text, value.at)
    };
    match &value.data {
        Data::List(items) => items.iter().map(pair).collect(),
        // Left as it is for the check of shapes, which says what is wrong with it.
        Data::Map(_) => vec![value.clone()],
        _ => vec![pair(value)],
    }
}

/// The pools of a network's addresses: those of one subnet merge.
fn pools(base: Node, over: Node, path: &Path, found: &Findings) -> Node {
    let at = over.at;
    let (Data::List(below), Data::List(above)) = (base.data, over.data) else {
        found.problem(at, path, "expected a list in both files");
        return Node::new(Data::List(Vec::new()), at);
    };
    let subnet = |pool: &Node| pool.get("subnet").and_then(Node::scalar);
    let mut all: Vec<Node> = Vec::new();
    for upper in &above {
        let lower = below.iter().find(|lower| subnet(lower) == subnet(upper)).cloned();
        all.push(match lower {
            Some(lower) => as_maps(lower, upper.clone(), path, found, |node| node.as_map().cloned()),
            None => upper.clone(),
        });
    }
    Node::new(Data::List(all), at)
}
