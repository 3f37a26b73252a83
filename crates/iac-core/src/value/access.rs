//! Reading and writing the nodes that a [`FieldPath`] names.

use super::{FieldPath, Map, Segment, Value};

/// True if an element of a list is the one that a segment names.
pub(super) fn names(segment: &Segment, index: usize, item: &Value) -> bool {
    match segment {
        Segment::Index(wanted) => *wanted == index,
        Segment::Element { field, value } => match item.get(field) {
            Some(Value::String(text)) => text == value,
            Some(Value::Number(number)) => number.to_string() == *value,
            _ => false,
        },
        Segment::Field(_) => false,
    }
}

impl Value {
    /// The node at a path.
    pub fn at(&self, path: &FieldPath) -> Option<&Self> {
        path.segments()
            .iter()
            .try_fold(self, |node, segment| match (node, segment) {
                (Self::Object(map), Segment::Field(name)) => map.get(name),
                (Self::Array(items), segment) => items
                    .iter()
                    .enumerate()
                    .find(|(index, item)| names(segment, *index, item))
                    .map(|(_, item)| item),
                _ => None,
            })
    }

    /// Puts a node at a path, or takes it away (`None`). Objects on the way are made; list elements are not, except one
    /// more at the end. Returns whether the path led somewhere.
    pub fn set_at(&mut self, path: &FieldPath, value: Option<Self>) -> bool {
        match path.segments().split_first() {
            None => {
                *self = value.unwrap_or_default();
                true
            }
            Some((first, rest)) => self.set_below(first, rest, value),
        }
    }

    fn set_below(&mut self, first: &Segment, rest: &[Segment], value: Option<Self>) -> bool {
        let rest: FieldPath = rest.iter().cloned().collect();
        if matches!((&*self, first), (Self::Null, Segment::Field(_))) && value.is_some() {
            *self = Self::Object(Map::new());
        }
        match (self, first) {
            (Self::Object(map), Segment::Field(name)) => {
                if rest.is_root() && value.is_none() {
                    return map.remove(name).is_some();
                }
                if value.is_none() && !map.contains_key(name) {
                    return false;
                }
                map.entry(name.clone()).or_default().set_at(&rest, value)
            }
            (Self::Array(items), segment) => {
                let found = items
                    .iter()
                    .enumerate()
                    .position(|(index, item)| names(segment, index, item));
                match (found, value) {
                    (Some(index), None) if rest.is_root() => {
                        items.remove(index);
                        true
                    }
                    (Some(index), value) => items[index].set_at(&rest, value),
                    (None, Some(value)) if rest.is_root() => {
                        items.push(value);
                        true
                    }
                    (None, _) => false,
                }
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nodes_are_read_and_written_by_path() {
        let mut tree = Value::from(json!({"spec": {"env": [{"name": "A", "value": "1"}], "list": [1, 2]}}));
        let path = |text: &str| text.parse::<FieldPath>().expect("path");
        assert_eq!(tree.at(&path("spec.env[name=A].value")), Some(&Value::from("1")));
        assert!(tree.set_at(&path("spec.env[name=A].value"), Some(Value::from("2"))));
        assert!(tree.set_at(&path("spec.new.deep"), Some(Value::from(true))));
        assert!(tree.set_at(&path("spec.list[0]"), None));
        assert!(!tree.set_at(&path("spec.gone.x"), None));
        assert!(tree.set_at(&path("spec.env[name=B]"), Some(Value::from(json!({"name": "B"})))));
        let expected =
            json!({"spec": {"env": [{"name": "A", "value": "2"}, {"name": "B"}], "list": [2], "new": {"deep": true}}});
        assert_eq!(tree, Value::from(expected));
    }
}
