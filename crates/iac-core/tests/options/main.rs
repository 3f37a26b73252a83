//! The options of resources, one file for each: each row of the tables in docs/rules.md.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test may stop at once")]

mod behaviours;
mod ignore;
#[path = "../support/mod.rs"]
mod support;

use iac_core::Value;
use iac_core::declare::{Declaration, Handle};
use iac_core::plan::Plan;
use serde_json::Value as Json;
use support::harness::{Bench, declare, thing};

/// One resource `a` with these inputs and options.
fn one(inputs: Json, options: impl FnOnce(Handle<()>) -> Handle<()>) -> Declaration {
    declare(|stack| drop(options(thing(stack, "a", inputs))))
}

/// The inputs of an object.
fn there(bench: &Bench, name: &str) -> Value {
    bench.world.objects().remove(name).unwrap().inputs
}

/// Somebody else changes a field.
fn meddle(bench: &Bench, name: &str, path: &str, value: impl Into<Value>) {
    bench.world.meddle(|objects| {
        let object = objects.get_mut(name).unwrap();
        assert!(object.inputs.set_at(&path.parse().unwrap(), Some(value.into())));
    });
}

fn problems(plan: &Plan) -> Vec<(String, Option<String>)> {
    let problems = plan.problems.iter();
    problems
        .map(|problem| (problem.message.clone(), problem.hint.clone()))
        .collect()
}
