//! The difference between two states of an object, both as the server gives them.

use std::collections::{BTreeMap, BTreeSet};

use iac_core::Value;
use iac_core::value::diff::FieldChange;
use iac_core::value::{FieldPath, Segment};
use serde_json::{Map, Value as Json};

use super::owners::Owners;
use super::shape::Shape;
use super::text_of;

/// The changes that lead from `before` to `after`, in the order of their paths, each with the managers that have the field
/// in `live`, which is one of the two. What the managed fields of both show of lists decides which elements belong
/// together. A list whose elements nothing tells apart, a set, and a list in another order are one change each.
pub(crate) fn changes(before: &Json, after: &Json, live: &Json, except: &str) -> Vec<FieldChange> {
    let shape = Shape::of([before, after]);
    let owners = Owners::of(live, except);
    let mut comparison = Comparison { found: Vec::new() };
    let (before, after) = (meaningful(before), meaningful(after));
    comparison.step(&FieldPath::root(), (Some(&before), Some(&after)), Some(&shape), &owners);
    comparison.found
}

/// Bookkeeping of the server, of no interest to a reader.
const BOOKKEEPING: [&str; 6] = [
    "creationTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// An object without what only the server and controllers write.
fn meaningful(object: &Json) -> Json {
    let mut object = object.clone();
    if let Some(map) = object.as_object_mut() {
        map.remove("status");
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Json::as_object_mut) {
        BOOKKEEPING.iter().for_each(|field| {
            metadata.remove(*field);
        });
        super::mark::without_id(metadata);
    }
    object
}

/// Two states of a field; none where it is not there.
type States<'a> = (Option<&'a Json>, Option<&'a Json>);

struct Comparison {
    found: Vec<FieldChange>,
}

impl Comparison {
    fn step(&mut self, path: &FieldPath, states: States<'_>, shape: Option<&Shape>, owners: &Owners<'_>) {
        match states {
            (old, new) if old == new => {}
            (Some(Json::Object(old)), Some(Json::Object(new))) => self.maps(path, (old, new), shape, owners),
            (Some(Json::Array(old)), Some(Json::Array(new))) => self.lists(path, (old, new), shape, owners),
            states => self.change(path.clone(), states, owners),
        }
    }

    fn maps(
        &mut self,
        path: &FieldPath,
        (old, new): (&Map<String, Json>, &Map<String, Json>),
        shape: Option<&Shape>,
        owners: &Owners<'_>,
    ) {
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for name in names {
            let shape = shape.and_then(|shape| shape.field(name));
            let states = (old.get(name), new.get(name));
            self.step(&path.field(name), states, shape, &owners.of_field(name));
        }
    }

    fn lists(&mut self, path: &FieldPath, (old, new): (&[Json], &[Json]), shape: Option<&Shape>, owners: &Owners<'_>) {
        let keyed = shape.and_then(Shape::keyed);
        let elements = keyed.and_then(|(element, keys)| Some((element, elements(keys, old, new)?)));
        let Some((element, elements)) = elements.filter(|(_, elements)| !elements.moved) else {
            let whole = |list: &[Json]| Json::Array(list.to_vec());
            return self.change(path.clone(), (Some(&whole(old)), Some(&whole(new))), owners);
        };
        for (segment, states) in elements.pairs {
            let owners = states.1.or(states.0).map(|item| owners.of_element(item));
            self.step(&path.join(segment), states, Some(element), &owners.unwrap_or_default());
        }
    }

    fn change(&mut self, path: FieldPath, (before, after): States<'_>, owners: &Owners<'_>) {
        let value = |json: Option<&Json>| json.map(|json| Value::from(json.clone()));
        self.found.push(FieldChange {
            path,
            before: value(before),
            after: value(after),
            origin: owners.names(),
        });
    }
}

/// The elements of two lists that belong together.
struct Elements<'a> {
    pairs: BTreeMap<Segment, States<'a>>,
    /// True if those that are in both stand in another order.
    moved: bool,
}

/// Brings the elements together that have the same keys; none where a single field cannot name each of them.
fn elements<'a>(keys: &BTreeSet<String>, old: &'a [Json], new: &'a [Json]) -> Option<Elements<'a>> {
    let key = |item: &Json| -> Vec<Json> { keys.iter().map(|field| item[field].clone()).collect() };
    let position = |list: &[Json], item: &Json| list.iter().position(|other| key(other) == key(item));
    let mut both: Vec<States<'_>> = old
        .iter()
        .map(|item| (Some(item), position(new, item).map(|at| &new[at])))
        .collect();
    both.extend(
        new.iter()
            .filter(|item| position(old, item).is_none())
            .map(|item| (None, Some(item))),
    );
    let name = naming_field(keys, &both)?;
    let order = old.iter().filter_map(|item| position(new, item));
    let moved = !order.is_sorted();
    let pairs = both
        .into_iter()
        .filter_map(|(before, after)| Some((segment(&name, before.or(after)?), (before, after))));
    Some(Elements {
        pairs: pairs.collect(),
        moved,
    })
}

/// The field by which a reader can tell each of the elements: the best known first.
fn naming_field(keys: &BTreeSet<String>, pairs: &[States<'_>]) -> Option<String> {
    let first = ["name".to_owned()];
    let mut fields = first.iter().chain(keys);
    let identifies = |field: &&String| {
        let values: BTreeSet<String> = pairs
            .iter()
            .filter_map(|(before, after)| {
                let value = &before.or(*after)?[field.as_str()];
                (!value.is_null()).then(|| text_of(value))
            })
            .collect();
        values.len() == pairs.len()
    };
    fields.find(identifies).cloned()
}

fn segment(field: &str, item: &Json) -> Segment {
    Segment::Element {
        field: field.to_owned(),
        value: text_of(&item[field]),
    }
}

#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "tables of literals read better")]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(before: Json, after: Json, fields: Json) -> Vec<String> {
        let state = |spec: Json| json!({"metadata": {"uid": spec, "managedFields": [{"fieldsV1": {"f:spec": fields}}]}, "spec": spec, "status": spec});
        let (before, after) = (state(before), state(after));
        changes(&before, &after, &after, "")
            .iter()
            .map(|change| {
                let sign = match (&change.before, &change.after) {
                    (None, _) => '+',
                    (_, None) => '-',
                    _ => '~',
                };
                format!("{sign} {}", change.path)
            })
            .collect()
    }

    #[test]
    fn elements_belong_together_as_the_server_says() {
        let port = |key: Json| json!({"f:ports": {format!("k:{key}"): {".": {}, "f:port": {}}}});
        let ports = port(json!({"port": 53, "protocol": "TCP"}));
        let tcp = json!({"port": 53, "protocol": "TCP"});
        let udp = json!({"port": 53, "protocol": "UDP"});
        let http = json!({"port": 80, "protocol": "TCP"});
        let named = |mut port: Json, name: &str| {
            port["name"] = name.into();
            port
        };
        for (before, after, fields, expected) in [
            (
                json!({"a": [1]}),
                json!({"a": [1, 2]}),
                json!({"f:a": {}}),
                vec!["~ spec.a"],
            ),
            (
                json!({"a": {}}),
                json!({"a": {"b": 1}}),
                json!({"f:a": {}}),
                vec!["+ spec.a.b"],
            ),
            (
                json!({"a": ["x"]}),
                json!({"a": ["y", "x"]}),
                json!({"f:a": {"v:\"x\"": {}}}),
                vec!["~ spec.a"],
            ),
            (
                json!({"ports": [tcp, http]}),
                json!({"ports": [tcp]}),
                ports.clone(),
                vec!["- spec.ports[port=80]"],
            ),
            // Both have the port 53, and the protocol alone names the third one.
            (
                json!({"ports": [tcp, udp]}),
                json!({"ports": [udp]}),
                ports.clone(),
                vec!["- spec.ports[protocol=TCP]"],
            ),
            (
                json!({"ports": [named(tcp.clone(), "a"), named(udp.clone(), "b")]}),
                json!({"ports": [named(udp.clone(), "b")]}),
                ports.clone(),
                vec!["- spec.ports[name=a]"],
            ),
            (
                json!({"ports": [tcp, udp, http]}),
                json!({"ports": [udp, http]}),
                ports.clone(),
                vec!["~ spec.ports"],
            ),
            (
                json!({"ports": [tcp, http]}),
                json!({"ports": [http, tcp]}),
                ports,
                vec!["~ spec.ports"],
            ),
        ] {
            assert_eq!(
                paths(before.clone(), after.clone(), fields),
                expected,
                "{before} {after}"
            );
        }
    }
}
