//! Fields that are left as they are, whoever changes them.

use crate::config::similar;
use crate::declare::Options;
use crate::provider::Problem;
use crate::value::diff::FieldChange;
use crate::value::pattern::keep;
use crate::value::{FieldPath, FieldPattern, Value};

/// The inputs besides those with the ignored fields as recorded; none where they are the same.
#[derive(Debug, Default)]
pub(super) struct Ignored {
    /// With the ignored fields as they are now: for a change of the object that is there. That they are not as recorded is no
    /// reason to change it.
    pub(super) live: Option<Value>,
    /// As declared: for a new object.
    pub(super) declared: Option<Value>,
}

/// The inputs with the ignored fields as recorded, and the others.
pub(super) fn kept(
    options: &Options,
    declared: Value,
    recorded: Option<&Value>,
    live: &[FieldChange],
) -> (Value, Ignored) {
    let with = |source: &Value| {
        let mut kept = declared.clone();
        keep(&options.ignore_changes, &mut kept, source);
        kept
    };
    // Of an object that nobody recorded, or that is to be taken over, only what was read of it is known.
    let recorded = recorded.filter(|recorded| **recorded != Value::Null);
    if options.ignore_changes.is_empty() || recorded.is_none() && live.is_empty() {
        return (declared, Ignored::default());
    }
    let inputs = recorded.map_or_else(|| declared.clone(), with);
    let now = (!live.is_empty()).then(|| {
        let mut source = recorded.unwrap_or(&declared).clone();
        for change in live {
            source.set_at(&change.path, change.after.clone());
        }
        with(&source)
    });
    let ignored = Ignored {
        live: now.filter(|now| *now != inputs),
        declared: Some(declared).filter(|declared| *declared != inputs),
    };
    (inputs, ignored)
}

/// The patterns of the options that name no field.
pub(super) fn unknown(options: &Options, declared: &Value, recorded: Option<&Value>) -> Vec<Problem> {
    let patterns = options.ignore_changes.iter();
    let unknown = patterns.filter(|pattern| {
        let trees = [Some(declared), recorded];
        !pattern.is_everything() && !trees.into_iter().flatten().any(|tree| pattern.may_be_in(tree))
    });
    unknown
        .map(|pattern| {
            let message = format!("ignore_changes {pattern}: neither the program nor the record has such a field");
            Problem {
                hint: Some(meant(pattern, declared)),
                ..Problem::new(FieldPath::root(), message)
            }
        })
        .collect()
}

/// A sentence on what may have been meant.
fn meant(pattern: &FieldPattern, declared: &Value) -> String {
    let (path, keys) = pattern.nearest(declared);
    let name = pattern.name_at(path.segments().len());
    let near = name.and_then(|name| similar(name, keys.iter().map(String::as_str)));
    match near {
        Some(near) => format!("did you mean {}?", path.field(near)),
        None if path.is_root() => "leave the option out, or name a field that is there".to_owned(),
        None => format!("{path} is there: name one of its fields, or leave the option out"),
    }
}
