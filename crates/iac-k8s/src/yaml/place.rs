//! A document as a tree of places: where in it each field stands.

use std::fmt;

use iac_core::value::Segment;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

/// A node of a document.
pub(super) enum Place {
    Scalar(String),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

impl Place {
    /// Where the value at a path stands.
    pub(super) fn find(&self, path: &[Segment]) -> Option<Location> {
        let (first, rest) = path.split_first()?;
        let (location, node) = self.step(first)?;
        if rest.is_empty() {
            Some(location)
        } else {
            node.find(rest)
        }
    }

    /// The node below this one, and where it stands: a map's entry where its key does.
    pub(super) fn step(&self, segment: &Segment) -> Option<(Location, &Self)> {
        match (self, segment) {
            (Self::Map(entries), Segment::Field(name)) => {
                let (key, value) = entries.iter().find(|(key, _)| key.value == *name)?;
                // The value of an alias is written at its anchor.
                let is_alias = key.referenced == key.defined && value.referenced != value.defined;
                let location = if is_alias { value.defined } else { key.defined };
                Some((location, &value.value))
            }
            (Self::List(items), segment) => {
                let mut items = items.iter().enumerate();
                let (_, item) = items.find(|(index, item)| item.value.is_named(segment, *index))?;
                Some((item.defined, &item.value))
            }
            _ => None,
        }
    }

    /// True if a segment names this item of a list.
    fn is_named(&self, segment: &Segment, index: usize) -> bool {
        match (segment, self) {
            (Segment::Index(wanted), _) => *wanted == index,
            (Segment::Element { field, value }, Self::Map(entries)) => entries
                .iter()
                .any(|(key, found)| key.value == *field && matches!(&found.value, Self::Scalar(text) if text == value)),
            _ => false,
        }
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(PlaceVisitor)
    }
}

struct PlaceVisitor;

impl<'de> Visitor<'de> for PlaceVisitor {
    type Value = Place;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Place, E> {
        Ok(Place::Scalar(value.to_string()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Place, E> {
        Ok(Place::Scalar(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Place, E> {
        Ok(Place::Scalar(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Place, E> {
        Ok(Place::Scalar(value.to_string()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Place, E> {
        Ok(Place::Scalar(value.to_string()))
    }

    fn visit_unit<E: Error>(self) -> Result<Place, E> {
        Ok(Place::Scalar("null".to_owned()))
    }

    fn visit_none<E: Error>(self) -> Result<Place, E> {
        Ok(Place::Scalar("null".to_owned()))
    }

    fn visit_some<D: Deserializer<'de>>(self, input: D) -> Result<Place, D::Error> {
        input.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Place, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Place::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Place, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Place::Map(entries))
    }
}
