//! Lowers a description, and shows what became of it.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::BTreeMap;

use iac_app::App;
use iac_compose::Compose;
use iac_core::Stack;
use iac_core::config::Config;
use iac_core::declare::{Declaration, DeclareError};
use iac_core::value::Value;
use iac_k8s::Kubernetes;
use serde_json::{Value as Json, json};

/// Where a description is lowered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Kubernetes,
    Docker,
    Both,
}

impl Place {
    pub(crate) fn each(self) -> Vec<Self> {
        match self {
            Self::Both => vec![Self::Kubernetes, Self::Docker],
            one => vec![one],
        }
    }

    fn lower(self, describe: impl FnOnce(&App)) -> Result<Declaration, Vec<DeclareError>> {
        let stack = Stack::new("test", Config::default());
        let app = match self {
            Self::Docker => App::on(&Compose::project(&stack, "shop")),
            _ => App::on(&Kubernetes::new(&stack).in_namespace("shop")),
        };
        describe(&app);
        stack.finish()
    }
}

/// Returns the declaration of a description, and the notes for the reader of the plan.
pub(crate) fn lowered(place: Place, describe: impl FnOnce(&App)) -> (Declaration, Vec<String>) {
    let declaration = place.lower(describe).expect("well described");
    let notes = declaration.notes.iter().map(|note| note.message.clone()).collect();
    (declaration, notes)
}

/// Returns the problems of a description.
pub(crate) fn errors(place: Place, describe: impl FnOnce(&App)) -> Vec<String> {
    let errors = place.lower(describe).err().unwrap_or_default();
    errors.iter().map(ToString::to_string).collect()
}

/// The inputs of all resources, by their keys.
pub(crate) fn inputs(declaration: &Declaration) -> BTreeMap<String, Json> {
    let resources = declaration.resources.iter();
    resources
        .map(|resource| (resource.key.to_string(), json(&resource.inputs)))
        .collect()
}

/// The resources with their inputs and their order.
pub(crate) fn shown(declaration: &Declaration) -> String {
    shown_of(declaration, "")
}

/// The resources of a type, as [`shown`] has them; all for an empty one.
pub(crate) fn shown_of(declaration: &Declaration, kind: &str) -> String {
    let mut text = String::new();
    let of_kind = |key: &str| kind.is_empty() || key.contains(&format!("/{kind}::"));
    let resources = declaration.resources.iter();
    for resource in resources.filter(|resource| of_kind(&resource.key.to_string())) {
        let inputs = json(&resource.inputs);
        let inputs = serde_json::to_string_pretty(&inputs).expect("JSON");
        text.push_str(&format!("== {}\n", resource.key));
        for dependency in &resource.after {
            text.push_str(&format!("   after {} ({:?})\n", dependency.on, dependency.phase));
        }
        text.push_str(&inputs);
        text.push('\n');
    }
    text
}

fn json(value: &Value) -> Json {
    value.to_json(&mut |_, special| match special {
        Value::Expr(expr) => json!(expr.to_string()),
        other => json!(format!("{other:?}")),
    })
}
