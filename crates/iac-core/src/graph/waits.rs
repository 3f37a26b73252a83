//! Resources that are not waited for: no other may need them ready, and what becomes ready only by them is not waited
//! for either.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use super::{Edge, EdgeKind, Graph, GraphError};
use crate::declare::{Declaration, SourceLine, Wait};
use crate::provider::Phase;
use crate::urn::Key;
use crate::value::{Source, Value};

/// Something needs a resource ready that the program does not wait for.
#[derive(Debug, Clone)]
pub struct Contradiction {
    /// The one that needs it ready, and why, as the beginning of a sentence.
    needs: String,
    /// The resource that is needed ready.
    on: Key,
    /// The place where that resource is declared.
    on_at: SourceLine,
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { needs, on, on_at } = self;
        let way_out = "let it be waited for, or depend only on its being there";
        write!(
            f,
            "{needs}, but {on} is declared as not to be waited for at {on_at}: {way_out}"
        )
    }
}

pub(super) fn contradictions_text(all: &[Contradiction]) -> String {
    let lines: Vec<String> = all.iter().map(Contradiction::to_string).collect();
    lines.join("\n")
}

/// Refuses what needs something ready that is not waited for.
pub(super) fn check(declaration: &Declaration, edges: &[Edge]) -> Result<(), GraphError> {
    let unwaited = unwaited(declaration);
    if unwaited.is_empty() {
        return Ok(());
    }
    let needs_one = |edge: &&Edge| needs_ready(edge) && unwaited.contains(&edge.to.0);
    let by_resources = edges.iter().filter(needs_one);
    let by_resources = by_resources.filter_map(|edge| Some((need_of(declaration, edge)?, edge.to.0.clone())));
    let by_exports = exported(declaration).map(|(name, on)| (format!("the export {name:?} needs {on} ready"), on));
    let all: Vec<Contradiction> = by_resources
        .chain(by_exports)
        .filter(|(_, on)| unwaited.contains(on))
        .filter_map(|(needs, on)| {
            let on_at = declaration.get(&on)?.source.clone();
            Some(Contradiction { needs, on, on_at })
        })
        .collect();
    if all.is_empty() {
        Ok(())
    } else {
        Err(GraphError::Unwaited(all))
    }
}

/// The declaration, with what follows from what is not waited for: what becomes ready only by that (a Service by its
/// Deployment) is not waited for either, unless something needs it ready.
pub(crate) fn settle<'a>(graph: &Graph, declaration: &'a Declaration) -> Cow<'a, Declaration> {
    let unwaited = unwaited(declaration);
    if unwaited.is_empty() {
        return Cow::Borrowed(declaration);
    }
    let exported: BTreeSet<Key> = exported(declaration).map(|(_, key)| key).collect();
    let needed = graph.edges.iter().filter(|edge| needs_ready(edge));
    let needed: BTreeSet<&Key> = needed.map(|edge| &edge.to.0).chain(&exported).collect();
    let between = |edge: &&Edge| edge.from.1 == Phase::Ready && edge.to.1 == Phase::Ready;
    let follows = graph
        .edges
        .iter()
        .filter(between)
        .filter(|edge| unwaited.contains(&edge.to.0));
    let follows: BTreeSet<&Key> = follows
        .map(|edge| &edge.from.0)
        .filter(|key| !needed.contains(key))
        .collect();
    let mut settled = declaration.clone();
    for resource in settled
        .resources
        .iter_mut()
        .filter(|resource| follows.contains(&resource.key))
    {
        resource.options.wait = Wait::No;
    }
    Cow::Owned(settled)
}

/// The resources that are declared as not to be waited for.
fn unwaited(declaration: &Declaration) -> BTreeSet<&Key> {
    let resources = declaration.resources.iter();
    let unwaited = resources.filter(|resource| resource.options.wait == Wait::No);
    unwaited.map(|resource| &resource.key).collect()
}

/// True if something cannot be made before something else is ready. A mere order is no need.
fn needs_ready(edge: &Edge) -> bool {
    edge.from.1 == Phase::Exists && edge.to.1 == Phase::Ready && edge.kind != EdgeKind::Order
}

fn need_of(declaration: &Declaration, edge: &Edge) -> Option<String> {
    let at = &declaration.get(&edge.from.0)?.source;
    let why = match &edge.kind {
        EdgeKind::Token(path) => format!("{path} uses an output that it has only then"),
        EdgeKind::Reference(path) => format!("{path} names it"),
        EdgeKind::Ordered(path) => format!("{path} says so"),
        EdgeKind::Declared => "it is declared to come after that".to_owned(),
        EdgeKind::Order => return None,
    };
    Some(format!("{at}: {} needs {} ready ({why})", edge.from.0, edge.to.0))
}

/// The exports that use what a resource has only once it is ready.
fn exported(declaration: &Declaration) -> impl Iterator<Item = (&String, Key)> {
    declaration.exports.iter().flat_map(|(name, value)| {
        let outputs = Value::outputs(value)
            .into_iter()
            .filter(|(_, output)| output.phase == Phase::Ready);
        outputs.filter_map(move |(_, output)| match output.source {
            Source::Resource(key) => Some((name, key)),
            _ => None,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::declare::{Declared as _, Handle, NewResource, Stack};
    use crate::provider::{Reference, Referent};
    use crate::value::FieldPath;

    fn declare(build: impl FnOnce(&Stack)) -> Declaration {
        let stack = Stack::new("t", Config::default());
        build(&stack);
        stack.finish().expect("well declared")
    }

    fn add(stack: &Stack, name: &str, value: &str) -> Handle<()> {
        stack.declare(NewResource::new(
            "test:core/Thing",
            name,
            serde_json::json!({ "value": value }),
        ))
    }

    #[test]
    fn whoever_needs_it_ready_is_named_with_both_lines() {
        let declaration = declare(|stack| {
            let late = add(stack, "late", "").skip_wait();
            let address = String::from(late.ready_output("/address"));
            let _ = add(stack, "told", "").after(late.ready());
            let _ = add(stack, "uses", &address);
            let _ = add(stack, "fine", "").after(&late);
            stack.export("url", late.ready_output("/url"));
        });
        let error = Graph::build(&declaration, &[])
            .expect_err("a contradiction")
            .to_string();
        let lines: Vec<&str> = error.lines().collect();
        assert_eq!(lines.len(), 3, "{error}");
        assert!(
            lines[0].contains("told needs") && lines[0].matches("waits.rs:").count() == 2,
            "{error}"
        );
        assert!(
            lines[1].contains("uses needs") && lines[1].contains("value uses an output"),
            "{error}"
        );
        assert!(lines[2].contains("the export \"url\" needs"), "{error}");
    }

    #[test]
    fn what_becomes_ready_only_by_it_is_not_waited_for_either() {
        let waits = |needed: bool| {
            let declaration = declare(|stack| {
                let _ = add(stack, "pods", "").skip_wait();
                let service = add(stack, "service", "");
                let client = add(stack, "client", "");
                let _ = if needed { client.after(service.ready()) } else { client };
            });
            let key = |index: usize| declaration.resources[index].key.clone();
            let reference = Reference {
                from: key(1),
                phase: Phase::Ready,
                path: FieldPath::fields(["selector"]),
                to: Referent::Declared(key(0), Phase::Ready),
            };
            let graph = Graph::build(&declaration, &[reference]).expect("no contradiction");
            let settled = settle(&graph, &declaration);
            settled.resources[1].options.wait
        };
        assert_eq!(waits(false), Wait::No);
        assert_eq!(waits(true), Wait::Ready);
    }
}
