//! Putting values in for expressions.

use crate::declare::Declaration;
use crate::urn::Key;
use crate::value::{Expr, FieldPath, HIDDEN, Map, OutputRef, Part, Secret, Source, Value};

use std::collections::{BTreeMap, BTreeSet};

/// The known outputs of a resource.
#[derive(Debug, Clone, PartialEq)]
pub enum Outputs {
    /// All of them, as the provider returned them.
    Whole(Value),
    /// Those that were recorded, by their pointers.
    Recorded(Map),
    /// None: they come with a step that is still to be carried out.
    Unknown,
}

impl Outputs {
    /// Reads the form that is recorded.
    pub fn recorded(value: &Value) -> Self {
        match value {
            Value::Object(map) => Self::Recorded(map.clone()),
            _ => Self::Recorded(Map::new()),
        }
    }

    /// The output at a pointer.
    pub fn get(&self, pointer: &str) -> Option<&Value> {
        match self {
            Self::Whole(value) => value.pointer(pointer),
            Self::Recorded(map) => map.get(pointer),
            Self::Unknown => None,
        }
    }

    /// The form that is recorded: the outputs at these pointers, and nothing else.
    pub fn project<'a>(&self, pointers: impl IntoIterator<Item = &'a String>) -> Value {
        let found = pointers
            .into_iter()
            .filter_map(|pointer| Some((pointer.clone(), self.get(pointer)?.clone())));
        Value::Object(found.collect())
    }
}

/// Why an expression cannot be resolved although everything it needs is there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct ResolveError {
    /// The field.
    pub path: FieldPath,
    /// Why.
    pub message: String,
}

/// The pointers of each resource's outputs that somebody uses: inputs of others, and exports.
pub fn wanted_outputs(declaration: &Declaration) -> BTreeMap<Key, BTreeSet<String>> {
    let mut wanted: BTreeMap<Key, BTreeSet<String>> = BTreeMap::new();
    let inputs = declaration.resources.iter().map(|resource| &resource.inputs);
    for (_, output) in inputs.chain(declaration.exports.values()).flat_map(Value::outputs) {
        if let Source::Resource(key) = output.source {
            wanted.entry(key).or_default().insert(output.path);
        }
    }
    wanted
}

/// Puts values in wherever `lookup` has them; other expressions stay.
///
/// # Errors
/// When a transform refuses its input, or an output is no text.
pub fn resolve(value: &Value, lookup: &impl Fn(&OutputRef) -> Option<Value>) -> Result<Value, ResolveError> {
    if value.is_known() {
        return Ok(value.clone());
    }
    value.try_map_leaves(&mut |trail, leaf| match leaf {
        Value::Expr(expr) => {
            let resolved = resolve_expr(expr, lookup);
            Ok(resolved
                .map_err(|message| ResolveError {
                    path: trail.path(),
                    message,
                })?
                .unwrap_or_else(|| leaf.clone()))
        }
        known => Ok(known.clone()),
    })
}

fn resolve_expr(expr: &Expr, lookup: &impl Fn(&OutputRef) -> Option<Value>) -> Result<Option<Value>, String> {
    let mut text = String::new();
    let mut shown = String::new();
    let mut secret = false;
    // A text that the program puts together with others' secrets is secret as a whole, whatever else is in it.
    let mut partly = true;
    for part in &expr.parts {
        match part {
            Part::Literal(literal) => {
                text.push_str(literal);
                shown.push_str(literal);
            }
            Part::Output(output) => {
                let Some(value) = lookup(output) else { return Ok(None) };
                let hidden = output.secret || matches!(value, Value::Secret(_));
                let value = transformed(output, &value)?;
                shown.push_str(if hidden { HIDDEN } else { &value });
                text.push_str(&value);
                secret |= hidden;
                partly &= !hidden || matches!(output.source, Source::Local(_));
            }
        }
    }
    partly &= !shown.replace(HIDDEN, "").is_empty();
    Ok(Some(match (secret, partly) {
        (false, _) => Value::String(text),
        (true, true) => Value::Secret(Secret::new(text).shown_as(shown)),
        (true, false) => Value::Secret(Secret::new(text)),
    }))
}

fn transformed(output: &OutputRef, value: &Value) -> Result<String, String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Secret(secret) => secret.expose().clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Null => return Err(format!("{output} is null")),
        Value::Expr(_) | Value::Array(_) | Value::Object(_) => return Err(format!("{output} is no text")),
    };
    let apply = |text: String, transform: &crate::value::Transform| transform.apply(&text);
    output
        .transforms
        .iter()
        .try_fold(text, apply)
        .map_err(|error| format!("{output}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::declare::{NewResource, Stack};
    use serde_json::json;

    #[test]
    fn a_secret_part_makes_the_whole_string_secret() {
        let stack = Stack::new("t", Config::default());
        let password = stack.random_password("db", 8);
        let url = format!("u:{}@h", password.result().url_encode());
        stack.declare::<()>(NewResource::new("t:core/X", "x", json!({"url": url, "plain": 1})));
        let declaration = stack.finish().expect("valid");
        let inputs = &declaration.resources[1].inputs;
        let open = resolve(inputs, &|_| None).expect("nothing to resolve");
        assert!(!open.is_known());
        let known = resolve(inputs, &|_| Some(Value::Secret("a/b".into()))).expect("resolved");
        let whole = |value: Option<&Value>| match value {
            Some(Value::Secret(secret)) => (secret.expose().clone(), secret.shown().map(str::to_owned)),
            _ => Default::default(),
        };
        assert_eq!(whole(known.get("url")), ("u:a%2Fb@h".to_owned(), None));
        let own = format!("u:{}@h", stack.secret("p", "hunter2"));
        let own = crate::value::token::parse(&own, &crate::value::FieldPath::root()).expect("whole tokens");
        let own = resolve(&own, &|_| Some(Value::Secret("hunter2".into()))).expect("resolved");
        assert_eq!(
            whole(Some(&own)),
            ("u:hunter2@h".to_owned(), Some("u:(secret)@h".to_owned()))
        );
        assert_eq!(known.get("plain"), Some(&Value::from(1)));
        let wanted = wanted_outputs(&declaration);
        assert_eq!(
            wanted[&declaration.resources[0].key],
            BTreeSet::from(["/result".to_owned()])
        );
    }
}
