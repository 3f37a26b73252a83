//! Access to the content of a place: the fields of a struct, the items of a list, the entries of a map, the content of a variant.

use serde::Deserializer as _;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde_json::Value as Json;

use super::fault::Fault;
use super::input::{Input, Scalar};
use super::path::Path;
use super::reader::Reader;
use super::report::Trouble;
use super::tree::Node;
use crate::config::{fold, similar};
use crate::secret_names::{NAMES, NOT};

/// The fields of a struct: those that are there, those that are required, and those that nothing fits last.
pub(super) struct Fields<'a, 'f> {
    reader: Reader<'a, 'f>,
    fields: std::vec::IntoIter<(&'static str, Input<'a>)>,
    value: Option<(Path, Input<'a>)>,
}

impl<'a, 'f> Fields<'a, 'f> {
    pub(super) fn new(reader: Reader<'a, 'f>, names: &'static [&'static str]) -> Self {
        let absent = reader.absent_field(names);
        let found = reader.found.borrow();
        let mut fields: Vec<(&'static str, Input<'a>)> = Vec::new();
        for &name in names {
            let at = reader.at.field(name);
            if found.skipped.contains(&at) {
                continue;
            }
            let default = || Some(Input::Json(reader.default_of(name)?, None));
            match reader.field(name).or_else(default) {
                Some(input) => fields.push((name, input)),
                None if found.demanded.contains(&at) || matches!(absent, Input::Probe) => {
                    fields.push((name, absent.clone()));
                }
                None => reader.below(at, Input::Absent).used(false),
            }
        }
        fields.sort_by_key(|(name, _)| found.rank(&reader.at.field(name)));
        drop(found);
        reader.find_unknown(names);
        Self {
            reader,
            fields: fields.into_iter(),
            value: None,
        }
    }
}

impl<'a> Reader<'a, '_> {
    /// Returns the input for a field, if there is any.
    fn field(&self, name: &str) -> Option<Input<'a>> {
        match &self.input {
            Input::Node(node) => node.child(name).map(Input::Node),
            Input::Json(Json::Object(map), entry) => map.get(name).map(|json| Input::Json(json.clone(), *entry)),
            _ => None,
        }
    }

    /// Returns the input for a required field that is not there. Where there is something else than a table, that is noted
    /// instead.
    fn absent_field(&self, names: &[&str]) -> Input<'a> {
        let found = match &self.input {
            Input::Node(Node { value: None, .. }) | Input::Json(Json::Object(_), _) => {
                return Input::Absent;
            }
            Input::Absent | Input::Filler | Input::Probe => return self.input.of_absent_field(),
            other => match other.scalar() {
                Scalar::Text(_) => "a value".to_owned(),
                other => other.shown(),
            },
        };
        self.used(false);
        self.note(Trouble::Wrong {
            found,
            takes: format!("a table with {}", names.join(", ")),
        });
        Input::Filler
    }

    /// Notes the names of a table that are no fields. At the top others may read what the struct does not: a provider, and
    /// the program itself.
    fn find_unknown(&self, names: &[&str]) {
        let meant = |name: &str| similar(name, names.iter().copied()).map(|meant| self.at.field(meant).key());
        let takes = names.join(", ");
        match &self.input {
            Input::Node(node) if !self.at.is_root() => {
                let is_field = |name: &str, child: &Node<'_>| {
                    let folded = || child.is_loose() && names.iter().any(|field| fold(field) == fold(name));
                    names.contains(&name) || folded()
                };
                let unknown = node.children.iter().filter(|(name, child)| !is_field(name, child));
                for (name, child) in unknown {
                    let own = child.entries().into_iter();
                    for (key, entry) in own.filter(|(key, entry)| entry.is_own_file() && ![NAMES, NOT].contains(key)) {
                        let at = key.split('.').fold(Path::default(), |at, name| at.field(name));
                        self.below(at, Input::Text(String::new(), Some(entry)))
                            .note(Trouble::Unknown {
                                meant: meant(name),
                                takes: takes.clone(),
                            });
                    }
                }
            }
            Input::Json(Json::Object(map), entry) => {
                for name in map.keys().filter(|name| !names.contains(&name.as_str())) {
                    let at = self.at.field(name);
                    self.below(at, Input::Text(String::new(), *entry))
                        .note(Trouble::Unknown {
                            meant: similar(name, names.iter().copied()).map(str::to_owned),
                            takes: takes.clone(),
                        });
                }
            }
            _ => {}
        }
    }
}

impl<'de> MapAccess<'de> for Fields<'_, '_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some((name, input)) = self.fields.next() else {
            return Ok(None);
        };
        let at = self.reader.at.field(name);
        self.reader.found.borrow_mut().last_field = at.clone();
        self.value = Some((at, input));
        seed.deserialize(StrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        read(&self.reader, self.value.take(), seed)
    }
}

/// Reads what belongs to the name that was given last.
fn read<'a, 'de, V: DeserializeSeed<'de>>(
    reader: &Reader<'a, '_>,
    value: Option<(Path, Input<'a>)>,
    seed: V,
) -> Result<V::Value, Fault> {
    let (at, input) = value.unwrap_or((reader.at.clone(), Input::Filler));
    let default = at.last_field().and_then(|name| reader.default_of(name));
    let inner = reader
        .below(at.clone(), input)
        .with_defaults(default.unwrap_or_default());
    let value = seed.deserialize(inner);
    value.map_err(|fault| fault.at(&at))
}

/// The items of a list, without those that nothing fits.
pub(super) struct Items<'a, 'f> {
    reader: Reader<'a, 'f>,
    items: std::vec::IntoIter<(Path, Input<'a>)>,
}

impl<'a, 'f> Items<'a, 'f> {
    pub(super) fn new(reader: Reader<'a, 'f>, items: Vec<Input<'a>>) -> Self {
        let items = items.into_iter().enumerate();
        let items: Vec<_> = items
            .map(|(position, input)| (reader.at.item(position), input))
            .collect();
        let items = reader.alive(items);
        Self {
            reader,
            items: items.into_iter(),
        }
    }
}

impl<'a> Reader<'a, '_> {
    /// Leaves out what nothing fits, or what holds such a thing: a list or a map is one without it as well.
    fn alive(&self, places: Vec<(Path, Input<'a>)>) -> Vec<(Path, Input<'a>)> {
        let found = self.found.borrow();
        places.into_iter().filter(|(at, _)| found.rank(at) == 0).collect()
    }
}

impl<'de> SeqAccess<'de> for Items<'_, '_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        match self.items.next() {
            Some(item) => read(&self.reader, Some(item), seed).map(Some),
            None => Ok(None),
        }
    }
}

/// The entries of a map, without those that nothing fits.
pub(super) struct Entries<'a, 'f> {
    reader: Reader<'a, 'f>,
    entries: std::vec::IntoIter<(String, Input<'a>)>,
    value: Option<(Path, Input<'a>)>,
}

impl<'a, 'f> Entries<'a, 'f> {
    pub(super) fn new(reader: Reader<'a, 'f>, mut entries: Vec<(String, Input<'a>)>) -> Self {
        let found = reader.found.borrow();
        entries.retain(|(name, _)| found.rank(&reader.at.field(name)) == 0);
        drop(found);
        Self {
            reader,
            entries: entries.into_iter(),
            value: None,
        }
    }
}

impl<'de> MapAccess<'de> for Entries<'_, '_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some((name, input)) = self.entries.next() else {
            return Ok(None);
        };
        let at = self.reader.at.field(&name);
        let key = match input {
            Input::Probe => Input::Filler,
            ref input => Input::Text(name, input.entry()),
        };
        self.value = Some((at.clone(), input));
        read(&self.reader, Some((at, key)), seed).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        read(&self.reader, self.value.take(), seed)
    }
}

/// A variant, and what belongs to it.
pub(super) struct Chosen<'a, 'f> {
    reader: Reader<'a, 'f>,
    name: &'static str,
}

impl<'a, 'f> Chosen<'a, 'f> {
    pub(super) fn new(reader: &Reader<'a, 'f>, name: &'static str, content: Input<'a>) -> Self {
        let at = reader.at.field(name);
        Self {
            reader: reader.below(at, content),
            name,
        }
    }
}

impl<'de, 'a, 'f> EnumAccess<'de> for Chosen<'a, 'f> {
    type Error = Fault;
    type Variant = Reader<'a, 'f>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Reader<'a, 'f>), Fault> {
        let variant = seed.deserialize(StrDeserializer::<Fault>::new(self.name))?;
        Ok((variant, self.reader))
    }
}

impl<'de> VariantAccess<'de> for Reader<'_, '_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        // It holds nothing, so whatever stands below it is unknown.
        if matches!(self.input, Input::Node(_) | Input::Json(..)) {
            self.find_unknown(&[]);
        }
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        let at = self.at.clone();
        seed.deserialize(self).map_err(|fault| fault.at(&at))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_tuple(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_struct("", fields, visitor)
    }
}
