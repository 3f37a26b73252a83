//! The deserializer of one place: it gives the field what stands there, or notes what is wrong and gives it another value.

use std::cell::RefCell;

use serde::Deserializer;
use serde::de::{Error as _, Visitor};
use serde_json::Value as Json;

use super::SECRET_NAME;
use super::access::{Chosen, Entries, Fields, Items};
use super::fault::Fault;
use super::input::{Input, Scalar};
use super::kind::Kind;
use super::passes::Found;
use super::path::Path;
use super::report::Trouble;
use crate::config::Config;

/// The depth to which a type is followed where there is nothing to read: types may contain themselves.
pub(super) const DEEPEST: usize = 24;

/// Reads one place.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a, 'f> {
    pub(super) input: Input<'a>,
    pub(super) at: Path,
    pub(super) found: &'f RefCell<Found>,
    pub(super) config: Option<&'a Config>,
    /// The program's default for this place where the configuration says nothing; null for none.
    pub(super) defaults: Json,
}

type Read<T> = Result<T, Fault>;

impl<'a, 'f> Reader<'a, 'f> {
    pub(super) fn new(input: Input<'a>, at: Path, found: &'f RefCell<Found>, config: Option<&'a Config>) -> Self {
        Self {
            input,
            at,
            found,
            config,
            defaults: Json::Null,
        }
    }

    /// The same reader with the program's default for this place.
    pub(super) fn with_defaults(mut self, defaults: Json) -> Self {
        self.defaults = defaults;
        self
    }

    /// Returns the program's default for a field of this place.
    pub(super) fn default_of(&self, name: &str) -> Option<Json> {
        self.defaults.get(name).filter(|json| !json.is_null()).cloned()
    }

    /// A reader of something in this place.
    pub(super) fn below(&self, at: Path, input: Input<'a>) -> Self {
        Self {
            input,
            at,
            found: self.found,
            config: self.config,
            defaults: Json::Null,
        }
    }

    /// Notes what is wrong here.
    pub(super) fn note(&self, trouble: Trouble) {
        self.found.borrow_mut().note(&self.at, trouble, &self.input);
    }

    /// Counts what stands here as used.
    pub(super) fn used(&self, secret: bool) {
        let Some(config) = self.config else { return };
        config.note_used(&self.at.key(), secret);
        if let Input::Node(node) = &self.input
            && let Some((key, _)) = node.value
        {
            config.note_used(key, secret);
        }
    }

    /// Records what the place takes, where that is the question.
    pub(super) fn takes(&self, kind: &Kind) {
        if matches!(self.input, Input::Probe) {
            self.found.borrow_mut().kinds.insert(self.at.in_type(), kind.clone());
        }
    }

    /// A text as it may be shown in a message.
    fn shown(&self, text: &str) -> String {
        let key = self.at.key();
        let hidden = self.config.and_then(|config| config.secret_names().shown(&key, text));
        format!("{:?}", hidden.as_deref().unwrap_or(text))
    }

    /// A text that its field cannot use, or what there is instead of a text.
    pub(super) fn wrong(&self, takes: &Kind) {
        let found = match self.input.scalar() {
            Scalar::Text(text) => self.shown(&text),
            other => other.shown(),
        };
        self.note(Trouble::Wrong {
            found,
            takes: takes.to_string(),
        });
    }
}

/// Numbers: each is parsed as the type that its field has, and 1 is one that also a `NonZero` takes.
macro_rules! wholes {
    ($($method:ident $visit:ident $number:ty),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
            visitor.$visit(self.whole(&<$number>::MIN, &<$number>::MAX, 1)).map_err(|fault: Fault| fault.at(&self.at))
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'_, '_> {
    type Error = Fault;

    wholes!(
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64, deserialize_i128 visit_i128 i128, deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16, deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64,
        deserialize_u128 visit_u128 u128
    );

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        let is_table = match &self.input {
            Input::Node(node) => node.value.is_none(),
            Input::Json(json, _) => json.is_object(),
            _ => false,
        };
        let is_list = match &self.input {
            Input::Node(node) => node.value.is_some_and(|(_, entry)| entry.is_list()),
            Input::Json(json, _) => json.is_array(),
            _ => false,
        };
        if is_table {
            return self.deserialize_map(visitor);
        }
        if is_list {
            return self.deserialize_seq(visitor);
        }
        let text = self.scalar(&Kind::Any, |text| Some(text.to_owned()), String::new());
        let read = if let Ok(number) = text.parse::<i64>() {
            visitor.visit_i64(number)
        } else if let Ok(value) = text.parse::<bool>() {
            visitor.visit_bool(value)
        } else {
            visitor.visit_string(text)
        };
        read.map_err(|fault: Fault| fault.at(&self.at))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        let value = self.scalar(&Kind::Boolean, |text| text.trim().parse().ok(), false);
        visitor.visit_bool(value).map_err(|fault: Fault| fault.at(&self.at))
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        let finite = |text: &str| text.trim().parse().ok().filter(|number: &f64| number.is_finite());
        let value = self.scalar(&Kind::Number, finite, 1.0);
        visitor.visit_f64(value).map_err(|fault: Fault| fault.at(&self.at))
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        let value = self.scalar(&Kind::Character, |text| text.parse().ok(), '-');
        visitor.visit_char(value).map_err(|fault: Fault| fault.at(&self.at))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.deserialize_string(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        let read = visitor.visit_string(self.text());
        read.map_err(|fault: Fault| fault.at(&self.at))
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.deserialize_byte_buf(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        let read = visitor.visit_byte_buf(self.text().into_bytes());
        read.map_err(|fault: Fault| fault.at(&self.at))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        let at = self.at.clone();
        let read = match &self.input {
            Input::Absent | Input::Filler | Input::Json(Json::Null, _) => visitor.visit_none(),
            Input::Probe if at.depth() >= DEEPEST => visitor.visit_none(),
            _ => visitor.visit_some(self),
        };
        read.map_err(|fault| fault.at(&at))
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.used(false);
        visitor.visit_unit().map_err(|fault: Fault| fault.at(&self.at))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Read<V::Value> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Read<V::Value> {
        let at = self.at.clone();
        let read = match name {
            SECRET_NAME => visitor.visit_string(self.secret()),
            _ => visitor.visit_newtype_struct(self),
        };
        read.map_err(|fault| fault.at(&at))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        let items = self.items(None);
        let at = self.at.clone();
        let read = visitor.visit_seq(Items::new(self, items));
        read.map_err(|fault| fault.at(&at))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Read<V::Value> {
        let items = self.items(Some(length));
        let at = self.at.clone();
        let read = visitor.visit_seq(Items::new(self, items));
        read.map_err(|fault| fault.at(&at))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(self, _: &'static str, length: usize, visitor: V) -> Read<V::Value> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        if self.at.is_root() {
            return Err(Fault::custom("settings are a struct, without `#[serde(flatten)]`").at(&self.at));
        }
        let entries = self.entries();
        let at = self.at.clone();
        let read = visitor.visit_map(Entries::new(self, entries));
        read.map_err(|fault| fault.at(&at))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Read<V::Value> {
        if self.at.depth() >= DEEPEST && self.input.is_nothing() {
            return Err(Fault::custom("the type contains itself without end").at(&self.at));
        }
        self.takes(&Kind::Table(fields.iter().map(|&name| name.to_owned()).collect()));
        let at = self.at.clone();
        let read = visitor.visit_map(Fields::new(self, fields));
        read.map_err(|fault| fault.at(&at))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Read<V::Value> {
        let at = self.at.clone();
        let Some((name, content)) = self.variant(variants) else {
            return Err(Fault::custom("the type has no values").at(&at));
        };
        let read = visitor.visit_enum(Chosen::new(&self, name, content));
        read.map_err(|fault| fault.at(&at))
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _: V) -> Read<V::Value> {
        // A struct's own fields are asked for by name; only a flattened one reads the names that there are.
        Err(Fault::custom("a struct with `#[serde(flatten)]` cannot be read from settings").at(&self.at))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.deserialize_unit(visitor)
    }
}
