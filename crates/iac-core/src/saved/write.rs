//! A plan as canonical JSON: what `--json` prints, `--out` saves and a reviewer approves.
//!
//! It holds no secret, encrypted or not, only a keyed hash of each. Its digest covers what would be done (names, inputs,
//! options, order, preconditions, risks), not where in the program it is declared, so moving a line changes no digest. It
//! is a name to talk of the plan by, and anybody can make one: what vouches for a plan, all of it, is the seal under the
//! key of the stack.

use std::convert::Infallible;

use serde_json::{Value as Json, json};

use super::reason::SavedReason;
use super::secret;
use crate::plan::{Action, Plan, Selection, Step};
use crate::provider::{Checked, Phase};
use crate::review::became_secret;
use crate::state::Vault;
use crate::urn::Key;
use crate::value::diff::FieldChange;
use crate::value::{Value, canonical, codec};

/// The name of the format and its version.
pub const FORMAT: &str = "iac.plan/3";

/// The purpose of a plan's seal.
pub(super) const SEAL: &str = "saved plan";

/// The function that gives a secret's keyed hash. An empty hash says that the stack has no key yet.
pub(super) type HashSecret<'a> = &'a dyn Fn(&str) -> String;

/// The plan as JSON; [`canonical::to_string`] gives its bytes. `hash` is a keyed hash of a secret's value.
pub fn plan_json(plan: &Plan, hash: &dyn Fn(&str) -> String) -> Json {
    let changes: Vec<Json> = plan
        .steps
        .iter()
        .filter(|step| shown(step))
        .map(|step| step_json(step, plan, hash))
        .collect();
    let unchanged: Vec<Json> = plan
        .steps
        .iter()
        .filter(|step| !shown(step))
        .map(unchanged_json)
        .collect();
    let exports: serde_json::Map<String, Json> = plan
        .exports
        .iter()
        .map(|(name, value)| (name.clone(), value_json(value, hash)))
        .collect();
    let mut json = json!({
        "format": FORMAT,
        "stack": plan.stack,
        "mode": plan.mode,
        "build": plan.build,
        "observed": plan.observed,
        "targets": plan.targets,
        "steps": changes,
        "unchanged": unchanged,
        "exports": exports,
        "notes": plan.notes,
        "problems": plan.problems,
        "kept": plan.kept,
        "delete_data": plan.delete_data,
        "summary": summary_json(plan),
    });
    if plan.selection != Selection::default() {
        json["selection"] = json!(plan.selection);
    }
    if let Some(estimate) = &plan.estimate {
        json["estimate"] = json!(estimate);
    }
    if let Some(commits) = &plan.commits {
        json["commits"] = json!(commits);
    }
    json["digest"] = digest(&json).into();
    json
}

/// The plan's JSON with the seal of the stack's key, if the stack has one.
pub fn seal_plan(mut json: Json, vault: &Vault) -> Json {
    if let Some(mac) = vault.mac(SEAL, canonical::to_string(&json).as_bytes()) {
        json["mac"] = mac.into();
    }
    json
}

/// The digest of a plan's JSON: of what would be done, to what, in which order.
pub(super) fn digest(plan: &Json) -> String {
    const COVERED: [&str; 12] = [
        "key",
        "identity",
        "action",
        "order",
        "leftovers",
        "inputs",
        "options",
        "after",
        "changes",
        "precondition",
        "checked",
        "risks",
    ];
    let steps = plan["steps"].as_array().map_or(&[][..], Vec::as_slice);
    let steps: Vec<Json> = steps
        .iter()
        .map(|step| {
            COVERED
                .into_iter()
                .map(|field| (field.to_owned(), secret::only_hashes(&step[field])))
                .collect::<serde_json::Map<_, _>>()
                .into()
        })
        .collect();
    let ids: serde_json::Map<String, Json> = plan["targets"]
        .as_object()
        .map(|targets| {
            targets
                .iter()
                .map(|(name, target)| (name.clone(), target["id"].clone()))
                .collect()
        })
        .unwrap_or_default();
    canonical::digest(&json!({
        "format": plan["format"],
        "stack": plan["stack"],
        "mode": plan["mode"],
        "observed": plan["observed"],
        "delete_data": plan["delete_data"],
        "kept": plan["kept"],
        "targets": ids,
        "steps": steps,
    }))
}

fn shown(step: &Step) -> bool {
    step.action != Action::Same
}

/// A value as JSON: secrets as `{"$secret": hash}`, unresolved outputs in their canonical form.
pub(super) fn value_json(value: &Value, hash: HashSecret<'_>) -> Json {
    let written = codec::write(value, &mut |_, secret| {
        Ok::<_, Infallible>(secret::form(hash(secret.expose()), secret.shown()))
    });
    match written {
        Ok(json) => json,
        Err(never) => match never {},
    }
}

fn step_json(step: &Step, plan: &Plan, hash: HashSecret<'_>) -> Json {
    let mut json = json!({
        "key": step.key,
        "urn": step.key.in_stack(&plan.stack).to_string(),
        "identity": step.identity,
        "action": step.action,
        "order": step.order,
        "leftovers": step.leftovers,
        "reasons": reasons(step),
        "source": step.source,
        "changes": changes_json(&step.changes, hash),
        "minor": step.minor,
        "risks": step.risks,
        "effects": step.effects,
        "checked": checked_json(&step.checked),
        "notes": step.notes,
        "after": edges_json(&step.after),
        "ready_after": edges_json(&step.ready_after),
        "inputs": step.inputs.as_ref().map(|inputs| value_json(inputs, hash)),
        "options": step.options,
        "precondition": step.precondition,
    });
    // Apart from the changes, which the digest covers.
    if !step.lines.is_empty() {
        json["lines"] = json!(step.lines);
    }
    json
}

fn reasons(step: &Step) -> Vec<SavedReason> {
    step.reasons.iter().cloned().map(SavedReason::from).collect()
}

/// A resource that stays as it is: only what there is to say.
fn unchanged_json(step: &Step) -> Json {
    let mut json = json!({
        "key": step.key,
        "identity": step.identity,
        "leftovers": step.leftovers,
        "reasons": reasons(step),
        "source": step.source,
        "risks": step.risks,
        "effects": step.effects,
        "notes": step.notes,
        "after": edges_json(&step.after),
        "ready_after": edges_json(&step.ready_after),
    });
    if let Some(fields) = json.as_object_mut() {
        fields.retain(|_, value| !value.is_null() && value.as_array().is_none_or(|items| !items.is_empty()));
    }
    json
}

/// Field changes as JSON; a side on which the field does not exist is left out. The value that a field had in clear
/// before it became secret is hashed as well.
pub(super) fn changes_json(changes: &[FieldChange], hash: HashSecret<'_>) -> Json {
    let change = |change: &FieldChange| {
        let mut json = serde_json::Map::new();
        json.insert("path".into(), json!(change.path));
        if let Some(before) = &change.before {
            let before = match (before, &change.after) {
                (before, Some(after)) if became_secret(before, after) => json!({"$secret": hash(&clear_text(before))}),
                (before, _) => value_json(before, hash),
            };
            json.insert("before".into(), before);
        }
        if let Some(after) = &change.after {
            json.insert("after".into(), value_json(after, hash));
        }
        if let Some(origin) = &change.origin {
            json.insert("origin".into(), origin.as_str().into());
        }
        Json::Object(json)
    };
    changes.iter().map(change).collect()
}

/// The text of a value without secrets, for its hash.
fn clear_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => canonical::to_string(&value_json(value, &|_| String::new())),
    }
}

fn edges_json(edges: &[(Key, Phase)]) -> Json {
    edges
        .iter()
        .map(|(key, phase)| json!({"key": key, "phase": phase}))
        .collect()
}

fn checked_json(checked: &Checked) -> Json {
    match checked {
        Checked::ByServer => json!({"by": "server"}),
        Checked::Locally(because) => json!({"by": "us", "because": because}),
    }
}

fn summary_json(plan: &Plan) -> Json {
    let mut counts = serde_json::Map::new();
    for step in &plan.steps {
        let name = step.action.name();
        let count = counts.get(name).and_then(Json::as_u64).unwrap_or(0) + 1;
        counts.insert(name.to_owned(), count.into());
    }
    counts.into()
}
