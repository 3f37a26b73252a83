//! Which order follows from what is declared, and what is refused.

use super::*;
use crate::config::Config;
use crate::declare::{Declared as _, NewResource, Stack};
use crate::provider::Referent;

fn declare(build: impl FnOnce(&Stack)) -> Declaration {
    let stack = Stack::new("t", Config::default());
    build(&stack);
    stack.finish().expect("well declared")
}

fn add(stack: &Stack, name: &str) -> crate::declare::Handle<()> {
    stack.declare(NewResource::new("test:core/Thing", name, serde_json::json!({})))
}

fn names(keys: &[Key]) -> Vec<&str> {
    keys.iter().map(Key::name).collect()
}

fn reference(from: &Key, to: &Key) -> Reference {
    let to = Referent::Declared(to.clone(), Phase::Exists);
    Reference {
        from: from.clone(),
        phase: Phase::Exists,
        path: FieldPath::fields(["ref"]),
        to,
    }
}

#[test]
fn order_follows_edges_and_else_the_declaration() {
    let declaration = declare(|stack| {
        let c = add(stack, "c");
        let b = add(stack, "b").after(c.ready());
        let _ = add(stack, "d");
        let a = add(stack, "a");
        let _ = c.after(&a);
        let _ = b;
    });
    let graph = Graph::build(&declaration, &[]).expect("no cycle");
    assert_eq!(names(&graph.order), ["d", "a", "c", "b"]);
}

#[test]
fn a_declared_cycle_is_an_error_with_every_line() {
    let declaration = declare(|stack| {
        let (a, b, c) = (add(stack, "a"), add(stack, "b"), add(stack, "c"));
        let (a2, b2) = (a.clone(), b.clone());
        let a = a.after(c.ready());
        let _ = (a, b.after(&a2), c.after(b2.ready()));
    });
    let error = Graph::build(&declaration, &[]).expect_err("a cycle");
    let GraphError::Cycle(steps) = &error else {
        unreachable!("{error}")
    };
    assert_eq!(steps.len(), 3);
    let text = error.to_string();
    assert!(
        text.contains("tests.rs:") && text.contains("test:core/Thing::a needs test:core/Thing::c ready"),
        "{text}"
    );
}

#[test]
fn an_inferred_edge_that_closes_a_cycle_is_dropped_and_reported() {
    let declaration = declare(|stack| {
        let a = add(stack, "a");
        let _ = add(stack, "b").after(&a);
    });
    let (a, b) = (&declaration.resources[0].key, &declaration.resources[1].key);
    let graph = Graph::build(&declaration, &[reference(a, b), reference(b, a)]).expect("dropped");
    assert_eq!(names(&graph.order), ["a", "b"]);
    assert_eq!(graph.dropped.len(), 1);
    assert_eq!(graph.dropped[0].from.0, *a);
}

#[test]
fn an_order_that_fields_ask_for_is_kept_or_refused() {
    let declaration = declare(|stack| {
        let a = add(stack, "a");
        let _ = (add(stack, "b"), add(stack, "c").after(&a));
    });
    let keys: Vec<&Key> = declaration.resources.iter().map(|resource| &resource.key).collect();
    let ordered = |from: usize, to: usize, phase| Reference {
        to: Referent::Ordered(keys[to].clone(), phase),
        ..reference(keys[from], keys[to])
    };
    // Against a name alone, the order is kept, whichever is said first.
    for names in [
        [reference(keys[0], keys[1]), ordered(1, 0, Phase::Ready)],
        [ordered(1, 0, Phase::Ready), reference(keys[0], keys[1])],
    ] {
        let graph = Graph::build(&declaration, &names).expect("the name gives way");
        assert_eq!(names_of(&graph.dropped), ["a"]);
        assert!(
            graph
                .edges
                .iter()
                .any(|edge| edge.from.0 == *keys[1] && edge.to.1 == Phase::Ready)
        );
    }
    // Against one another, against `after`, and against themselves they are an error that names each link.
    for (cycle, links) in [
        (vec![ordered(0, 1, Phase::Ready), ordered(1, 0, Phase::Exists)], 2),
        (vec![ordered(0, 2, Phase::Ready)], 2),
        (vec![ordered(0, 0, Phase::Ready)], 1),
        (vec![ordered(0, 0, Phase::Exists)], 1),
    ] {
        let error = Graph::build(&declaration, &cycle).expect_err("a cycle").to_string();
        assert_eq!(error.matches("tests.rs:").count(), links, "{error}");
        assert!(error.contains("(ref says so)"), "{error}");
    }
}

fn names_of(edges: &[Edge]) -> Vec<&str> {
    edges.iter().map(|edge| edge.from.0.name()).collect()
}

#[test]
fn waiting_for_readiness_deadlocks_only_across_phases() {
    // A claim that binds when its pod is there, and a pod that needs the claim to exist: no cycle.
    let declaration = declare(|stack| {
        let claim = add(stack, "claim");
        let _ = add(stack, "pod").after(&claim);
    });
    let (claim, pod) = (&declaration.resources[0].key, &declaration.resources[1].key);
    let ready_needs_pod = Reference {
        phase: Phase::Ready,
        ..reference(claim, pod)
    };
    let graph = Graph::build(&declaration, &[ready_needs_pod]).expect("no cycle between phases");
    assert!(graph.dropped.is_empty());
}

#[test]
fn the_longest_chain_and_circle_take_no_deep_stack() {
    const LENGTH: usize = 30_000;
    for circle in [false, true] {
        // From the end: each waits for the one after it.
        let declaration = declare(|stack| {
            let all: Vec<_> = (0..LENGTH).map(|number| add(stack, &number.to_string())).collect();
            for (one, next) in all.iter().zip(&all[1..]) {
                let _ = one.clone().after(next);
            }
            if circle {
                let _ = all[LENGTH - 1].clone().after(&all[0]);
            }
        });
        match Graph::build(&declaration, &[]) {
            Ok(graph) => assert_eq!(graph.order.first().map(Key::name), Some("29999")),
            Err(GraphError::Cycle(steps)) => assert_eq!((circle, steps.len()), (true, LENGTH)),
            Err(error) => unreachable!("{error}"),
        }
    }
}
