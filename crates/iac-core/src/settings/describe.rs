//! The settings that a program takes, learned from the struct that it reads: once asked for all its fields, and once with nothing
//! set.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::input::Input;
use super::kind::Kind;
use super::passes::passes;
use super::tree::Node;

/// One setting that a program takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its key; `<name>` in it stands for a name of the user's choice.
    pub key: String,
    /// The values that it takes, in words: `a whole number from 0 to 65535`.
    pub takes: String,
    /// True if the program has no default for it.
    pub required: bool,
    /// The program's default, where [`Stack::settings_with_defaults`](crate::Stack::settings_with_defaults) says it.
    pub default: Option<String>,
    /// True if it is a secret.
    pub secret: bool,
}

/// The settings of a struct, by key.
pub(super) fn describe<T: DeserializeOwned>(defaults: &Json) -> Vec<Setting> {
    let (asked, _) = passes::<T>(&Input::Probe, None, &Json::Null);
    let nothing = Node::default();
    let (empty, _) = passes::<T>(&Input::Node(&nothing), None, defaults);
    let required: BTreeSet<String> = empty.troubles.keys().map(|at| at.key()).collect();
    let single = asked
        .kinds
        .iter()
        .filter(|(at, kind)| at.within_list().is_empty() && !at.is_root() && !kind.is_table());
    single
        .map(|(at, kind)| {
            let of = asked.kinds.get(&at.item(0)).cloned().map(Box::new);
            let kind = match kind {
                Kind::List(_) => Kind::List(of),
                other => other.clone(),
            };
            let key = at.key();
            Setting {
                takes: kind.to_string(),
                required: required.contains(&key),
                default: (kind != Kind::Secret).then(|| default(defaults, &key)).flatten(),
                secret: kind == Kind::Secret,
                key,
            }
        })
        .collect()
}

/// The default of a key, as it would be set.
fn default(defaults: &Json, key: &str) -> Option<String> {
    let value = key.split('.').try_fold(defaults, |table, name| table.get(name))?;
    match value {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
