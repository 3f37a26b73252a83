//! The graph of a declaration as DOT (Graphviz), as Mermaid and as a drawing.
//!
//! An arrow leads from what is needed to what needs it, so it reads in the order in which things are made.

use std::collections::{BTreeMap, BTreeSet};

use super::sanitize::sanitize;
use crate::drawing::{self, svg_file};
use crate::graph::{Edge, EdgeKind, Graph};
use crate::provider::Phase;
use crate::urn::Key;

/// An arrow between two resources: what all edges between them say.
struct Arrow<'a> {
    needed: &'a Key,
    needs: &'a Key,
    label: String,
    waits: bool,
}

/// The graph in DOT.
pub fn graph_dot(graph: &Graph, name: &str) -> String {
    let mut out = format!("digraph {} {{\n  rankdir=LR;\n  node [shape=box];\n", dot_text(name));
    let groups = by_component(graph);
    for (component, keys) in &groups {
        let indent = if component.is_empty() { "  " } else { "    " };
        if !component.is_empty() {
            out.push_str(&format!(
                "  subgraph {} {{\n",
                dot_text(&format!("cluster_{component}"))
            ));
            out.push_str(&format!("    label={};\n", dot_text(component)));
        }
        for key in keys {
            out.push_str(&format!(
                "{indent}{} [label={}];\n",
                dot_text(key.as_str()),
                dot_text(&key.short())
            ));
        }
        if !component.is_empty() {
            out.push_str("  }\n");
        }
    }
    for arrow in arrows(graph) {
        let style = if arrow.waits { ", style=bold" } else { "" };
        let (from, to) = (dot_text(arrow.needed.as_str()), dot_text(arrow.needs.as_str()));
        out.push_str(&format!(
            "  {from} -> {to} [label={}{style}];\n",
            dot_text(&arrow.label)
        ));
    }
    out.push_str("}\n");
    out
}

/// The graph in Mermaid's flowchart notation.
pub fn graph_mermaid(graph: &Graph) -> String {
    let mut out = "flowchart LR\n".to_owned();
    let number: BTreeMap<&Key, usize> = graph
        .order
        .iter()
        .enumerate()
        .map(|(number, key)| (key, number))
        .collect();
    for (component, keys) in by_component(graph) {
        let indent = if component.is_empty() { "  " } else { "    " };
        if !component.is_empty() {
            out.push_str(&format!("  subgraph {}\n", mermaid_text(component)));
        }
        for key in keys {
            out.push_str(&format!("{indent}n{}[{}]\n", number[key], mermaid_text(&key.short())));
        }
        if !component.is_empty() {
            out.push_str("  end\n");
        }
    }
    for arrow in arrows(graph) {
        let (Some(from), Some(to)) = (number.get(arrow.needed), number.get(arrow.needs)) else {
            continue;
        };
        let line = if arrow.waits { "==>" } else { "-->" };
        out.push_str(&format!("  n{from} {line}|{}| n{to}\n", mermaid_text(&arrow.label)));
    }
    out
}

/// The graph as an SVG file; of a large stack its components, each with the number of its resources. None where those
/// are too many as well.
pub fn graph_svg(graph: &Graph, name: &str) -> Option<String> {
    let of_resources = graph.order.len() <= drawing::MOST;
    let of = |key: &Key| match of_resources {
        true => key.as_str().to_owned(),
        false => key.component().to_owned(),
    };
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut boxes: Vec<(&Key, usize)> = Vec::new();
    for key in &graph.order {
        let place = *places.entry(of(key)).or_insert(boxes.len());
        match boxes.get_mut(place) {
            Some((_, count)) => *count += 1,
            None => boxes.push((key, 1)),
        }
    }
    if boxes.len() > drawing::MOST {
        return None;
    }
    let label = |key: &Key, count| match (of_resources, key.component()) {
        (true, _) => key.short(),
        (false, "") => format!("{count} in no component"),
        (false, component) => format!("{component}: {count}"),
    };
    let nodes: Vec<drawing::Node> = boxes.iter().map(|(key, count)| node(&label(key, *count))).collect();
    let ends = |arrow: Arrow<'_>| Some((*places.get(&of(arrow.needed))?, *places.get(&of(arrow.needs))?));
    let edges: BTreeSet<(usize, usize)> = arrows(graph).into_iter().filter_map(ends).collect();
    let title = format!("What needs what in {}", sanitize(name));
    Some(svg_file(&title, &nodes, &Vec::from_iter(edges)))
}

fn node(name: &str) -> drawing::Node {
    let name = sanitize(name).into_owned();
    drawing::Node {
        sign: None,
        title: name.clone(),
        name,
        look: "plain".to_owned(),
        link: None,
    }
}

fn by_component(graph: &Graph) -> BTreeMap<&str, Vec<&Key>> {
    let mut groups: BTreeMap<&str, Vec<&Key>> = BTreeMap::new();
    for key in &graph.order {
        groups.entry(key.component()).or_default().push(key);
    }
    groups
}

fn arrows(graph: &Graph) -> Vec<Arrow<'_>> {
    let mut pairs: BTreeMap<(&Key, &Key), Vec<&Edge>> = BTreeMap::new();
    for edge in graph.edges.iter().filter(|edge| edge.from.0 != edge.to.0) {
        pairs.entry((&edge.to.0, &edge.from.0)).or_default().push(edge);
    }
    let arrow = |((needed, needs), edges): ((_, _), Vec<&Edge>)| Arrow {
        needed,
        needs,
        label: label(&edges),
        waits: edges.iter().any(|edge| edge.to.1 == Phase::Ready),
    };
    pairs.into_iter().map(arrow).collect()
}

fn label(edges: &[&Edge]) -> String {
    let why: BTreeSet<String> = edges
        .iter()
        .map(|edge| {
            let why = match &edge.kind {
                EdgeKind::Token(path) | EdgeKind::Reference(path) | EdgeKind::Ordered(path) => path.to_string(),
                EdgeKind::Declared => "after".to_owned(),
                EdgeKind::Order => "first".to_owned(),
            };
            let phase = if edge.to.1 == Phase::Ready { " (ready)" } else { "" };
            format!("{why}{phase}")
        })
        .collect();
    match why.into_iter().collect::<Vec<_>>().split_first() {
        Some((first, [])) => first.clone(),
        Some((first, rest)) => format!("{first} and {} more", rest.len()),
        None => String::new(),
    }
}

fn dot_text(text: &str) -> String {
    format!("\"{}\"", sanitize(text).replace('\\', "\\\\").replace('"', "\\\""))
}

fn mermaid_text(text: &str) -> String {
    // Mermaid has no escapes; it knows entities.
    format!("\"{}\"", sanitize(text).replace('#', "#35;").replace('"', "#quot;"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::FieldPath;

    fn sample() -> Graph {
        let key = |text: &str| text.parse::<Key>().expect("a key");
        let (config, api) = (
            key("kubernetes:core/ConfigMap::settings"),
            key("api::kubernetes:apps/Deployment::api"),
        );
        let database = key("kubernetes:apps/StatefulSet::db \"x\"");
        let path = FieldPath::fields(["spec", "envFrom"]);
        let edge = |from: &Key, to: &Key, phase, kind| Edge {
            from: (from.clone(), Phase::Exists),
            to: (to.clone(), phase),
            kind,
        };
        Graph {
            edges: vec![
                edge(&api, &config, Phase::Exists, EdgeKind::Reference(path.clone())),
                edge(&api, &config, Phase::Exists, EdgeKind::Token(path.field("name"))),
                edge(&api, &database, Phase::Ready, EdgeKind::Declared),
            ],
            order: vec![config, database, api],
            dropped: Vec::new(),
        }
    }

    #[test]
    fn a_graph_in_dot() {
        insta::assert_snapshot!(graph_dot(&sample(), "prod"));
    }

    #[test]
    fn a_graph_in_mermaid() {
        insta::assert_snapshot!(graph_mermaid(&sample()));
    }
    #[test]
    fn a_graph_as_a_drawing() {
        insta::assert_snapshot!(graph_svg(&sample(), "prod").expect("a small one"));
    }

    #[test]
    fn of_a_large_graph_the_components_are_drawn() {
        let key = |text: String| text.parse::<Key>().expect("a key");
        let order: Vec<Key> = (0..6_000)
            .map(|number| key(format!("part{}::random:id::n{number}", number % 3)))
            .collect();
        let edge = |from: usize, to: usize| Edge {
            from: (order[from].clone(), Phase::Exists),
            to: (order[to].clone(), Phase::Exists),
            kind: EdgeKind::Declared,
        };
        let edges = vec![edge(4, 0), edge(7, 0), edge(5, 4)];
        let graph = Graph {
            order,
            edges,
            dropped: Vec::new(),
        };
        insta::assert_snapshot!(graph_svg(&graph, "large").expect("three components"));
        let apart = (0..6_000)
            .map(|number| key(format!("part{number}::random:id::n")))
            .collect();
        let apart = Graph {
            order: apart,
            edges: Vec::new(),
            dropped: Vec::new(),
        };
        assert_eq!(graph_svg(&apart, "apart"), None);
    }
}
