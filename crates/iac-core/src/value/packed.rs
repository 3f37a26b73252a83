//! JSON as the text that stands for it in files. A tree of it takes ten or twenty times as much memory; where much of it is
//! kept and little is read, text is better.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;

/// A JSON value, packed. Clones share it.
#[derive(Clone, PartialEq, Default)]
pub struct Packed(Option<Arc<str>>);

impl Packed {
    /// True for JSON's null.
    pub fn is_null(&self) -> bool {
        self.0.is_none()
    }

    /// The value as a tree.
    ///
    /// # Errors
    /// When it is nested deeper than JSON is read.
    pub fn json(&self) -> Result<Json, serde_json::Error> {
        self.read()
    }

    /// The value as something that can be read from JSON.
    ///
    /// # Errors
    /// When it is no such thing.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.0.as_deref().unwrap_or("null"))
    }

    /// True if this stands anywhere in its text; a quick look that spares the tree of most values.
    pub fn mentions(&self, text: &str) -> bool {
        self.0.as_ref().is_some_and(|packed| packed.contains(text))
    }
}

impl From<&Json> for Packed {
    fn from(json: &Json) -> Self {
        Self((!json.is_null()).then(|| json.to_string().into()))
    }
}

impl From<Json> for Packed {
    fn from(json: Json) -> Self {
        Self::from(&json)
    }
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or("null"))
    }
}

impl Serialize for Packed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let json = self.json().map_err(serde::ser::Error::custom)?;
        json.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Packed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Json::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_comes_out_as_it_went_in() {
        for json in [
            json!(null),
            json!({}),
            json!("a \"b\"\n\u{e000}"),
            json!({"b": [1, 0.1, -3, 1e300, null], "a": {"": false}}),
        ] {
            let packed = Packed::from(&json);
            assert_eq!(packed.json().expect("readable"), json);
            assert_eq!(packed.is_null(), json.is_null());
            let text = serde_json::to_string(&packed).expect("written");
            assert_eq!(text, json.to_string());
            assert_eq!(serde_json::from_str::<Packed>(&text).expect("read"), packed);
        }
    }

    #[test]
    fn spelling_and_order_make_no_other_value() {
        let [one, other] = [r#"{"a": 1, "b": "x"}"#, "{\"b\":\"\\u0078\",\n\"a\":1}"]
            .map(|text| serde_json::from_str::<Packed>(text).expect("read"));
        assert_eq!(one, other);
        assert!(one.mentions("\"a\"") && !one.mentions("\"c\""));
    }
}
