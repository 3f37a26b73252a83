//! Which of the fields that we applied are no longer as we applied them, by who owns what. The server's own answer to a
//! trial is better; this is for where it gives none: without the right to change the object, say.

use std::collections::BTreeSet;

use iac_core::Value;
use iac_core::value::diff::FieldChange;
use iac_core::value::{FieldPath, Segment};
use serde_json::{Map, Value as Json};

use super::{applied, entries, has_key, key_of, text_of};

/// The changes from what we applied to what is there, by our own entry: a field that it still holds is as we applied it,
/// even where the server writes it differently ("1000m" as "1").
pub(crate) fn drift(inputs: &Json, live: &Json, manager: &str) -> Vec<FieldChange> {
    let ours = applied(live, manager).map(|entry| &entry["fieldsV1"]);
    let others: Vec<&Json> = entries(live)
        .filter(|entry| entry["manager"] != manager)
        .map(|entry| &entry["fieldsV1"])
        .collect();
    let mut comparison = Comparison { found: Vec::new() };
    for (field, value) in inputs.as_object().into_iter().flatten() {
        let value = match field.as_str() {
            // The fields that name the object are none that anyone could own.
            "apiVersion" | "kind" => continue,
            "metadata" => &unnamed(value),
            _ => value,
        };
        let owned = Owned {
            ours: ours.and_then(|ours| child(ours, field)),
            others: below(&others, field),
        };
        comparison.step(&FieldPath::root().field(field), value, live.get(field), &owned);
    }
    for change in &mut comparison.found {
        let owners = super::owners(live, &change.path, manager);
        change.origin = (!owners.is_empty()).then(|| owners.join(", "));
    }
    comparison.found
}

fn unnamed(metadata: &Json) -> Json {
    let mut metadata = metadata.clone();
    if let Some(map) = metadata.as_object_mut() {
        map.remove("name");
        map.remove("namespace");
    }
    metadata
}

fn child<'a>(fields: &'a Json, name: &str) -> Option<&'a Json> {
    fields.get(format!("f:{name}"))
}

fn below<'a>(fields: &[&'a Json], name: &str) -> Vec<&'a Json> {
    fields.iter().filter_map(|fields| child(fields, name)).collect()
}

fn is_leaf(fields: &Json) -> bool {
    fields
        .as_object()
        .is_none_or(|fields| fields.keys().all(|name| name == "."))
}

/// The owners of a field: our entry's part of it, and the others' parts.
struct Owned<'a> {
    ours: Option<&'a Json>,
    others: Vec<&'a Json>,
}

impl<'a> Owned<'a> {
    fn field(&self, name: &str) -> Self {
        Self {
            ours: self.ours.and_then(|ours| child(ours, name)),
            others: below(&self.others, name),
        }
    }

    fn element(&self, name: &str) -> Self {
        Self {
            ours: self.ours.and_then(|ours| ours.get(name)),
            others: self.others.iter().filter_map(|fields| fields.get(name)).collect(),
        }
    }

    /// The names that the entries have for a list's elements.
    fn elements(&self) -> BTreeSet<&'a str> {
        let all = self
            .ours
            .iter()
            .chain(&self.others)
            .filter_map(|fields| fields.as_object());
        all.flat_map(Map::keys)
            .map(String::as_str)
            .filter(|name| name.starts_with("k:") || name.starts_with("v:"))
            .collect()
    }

    /// True if what is there is somebody's as a whole: a list or map that the schema does not let anyone share.
    fn is_whole(&self) -> bool {
        !self.others.is_empty() && self.others.iter().all(|fields| is_leaf(fields))
    }
}

struct Comparison {
    found: Vec<FieldChange>,
}

impl Comparison {
    fn step(&mut self, path: &FieldPath, ours: &Json, live: Option<&Json>, owned: &Owned<'_>) {
        let still_ours = owned.ours.is_some_and(is_leaf);
        match (ours, live) {
            _ if still_ours => {}
            (Json::Object(map), Some(Json::Object(there))) if !owned.is_whole() || owned.ours.is_some() => {
                for (name, value) in map {
                    self.step(&path.field(name), value, there.get(name), &owned.field(name));
                }
            }
            (Json::Array(items), Some(Json::Array(there))) if !owned.elements().is_empty() => {
                self.list(path, items, there, owned);
            }
            (Json::Null, None) => {}
            (ours, None) if is_hollow(ours) => {}
            (ours, Some(there)) if ours == there => {}
            (ours, live) => self.change(path.clone(), ours, live),
        }
    }

    /// A list whose elements are told apart by keys or by their values.
    fn list(&mut self, path: &FieldPath, items: &[Json], there: &[Json], owned: &Owned<'_>) {
        let names = owned.elements();
        let mut taken = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let value = format!("v:{item}");
            if names.contains(value.as_str()) {
                if owned.element(&value).ours.is_none() && !there.contains(item) {
                    self.change(path.index(index), item, None);
                }
                continue;
            }
            let Some((name, key)) = name_of(item, &names, &mut taken) else {
                if !there.contains(item) {
                    self.change(path.join(place(item, index)), item, None);
                }
                continue;
            };
            let found = there.iter().find(|element| has_key(element, &key, false));
            self.step(&path.join(place(&key, index)), item, found, &owned.element(name));
        }
    }

    fn change(&mut self, path: FieldPath, before: &Json, after: Option<&Json>) {
        self.found.push(FieldChange {
            path,
            before: Some(Value::from(before.clone())),
            after: after.map(|after| Value::from(after.clone())),
            origin: None,
        });
    }
}

/// Returns the name of an element in the entries: by all its keys, or else by those that it has, where the server filled in
/// the others and no other element has that name.
fn name_of<'a>(item: &Json, names: &BTreeSet<&'a str>, taken: &mut BTreeSet<&'a str>) -> Option<(&'a str, Json)> {
    let named = |lenient: bool| {
        names
            .iter()
            .filter(|name| !taken.contains(*name))
            .filter_map(|name| Some((*name, key_of(name)?)))
            .find(|(_, key)| has_key(item, key, lenient))
    };
    let found = named(false).or_else(|| named(true))?;
    taken.insert(found.0);
    Some(found)
}

/// The segment that names an element for a reader.
fn place(key: &Json, index: usize) -> Segment {
    let fields = key.as_object().into_iter().flatten();
    let best = fields
        .filter(|(_, value)| !value.is_object() && !value.is_array())
        .max_by_key(|(field, _)| match field.as_str() {
            "name" => 2,
            "containerPort" | "port" => 1,
            _ => 0,
        });
    match best {
        Some((field, value)) => Segment::Element {
            field: field.clone(),
            value: text_of(value),
        },
        None => Segment::Index(index),
    }
}

fn is_hollow(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Object(map) => map.values().all(is_hollow),
        Json::Array(items) => items.is_empty(),
        _ => false,
    }
}
