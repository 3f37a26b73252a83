//! Reads the forms that compose allows side by side: a string or a list, a list or a map, a number or its text.
//!
//! Numbers and booleans may come as text because interpolation yields text (`replicas: ${N:-2}`).

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::Value as Json;

/// A scalar as text; compose reads `PORT: 80` and `PORT: "80"` alike.
pub(crate) fn text_of(json: &Json) -> Option<String> {
    match json {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(value) => Some(value.to_string()),
        Json::Null => Some(String::new()),
        Json::Array(_) | Json::Object(_) => None,
    }
}

pub(crate) fn text<'de, D: Deserializer<'de>>(input: D) -> Result<String, D::Error> {
    let json = Json::deserialize(input)?;
    text_of(&json).ok_or_else(|| D::Error::custom("expected a text"))
}

pub(crate) fn option_text<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    match Json::deserialize(input)? {
        Json::Null => Ok(None),
        json => text_of(&json)
            .map(Some)
            .ok_or_else(|| D::Error::custom("expected a text")),
    }
}

pub(crate) fn flag<'de, D: Deserializer<'de>>(input: D) -> Result<bool, D::Error> {
    match Json::deserialize(input)? {
        Json::Null => Ok(false),
        Json::Bool(value) => Ok(value),
        Json::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Json::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        other => Err(D::Error::custom(format_args!("expected true or false, found {other}"))),
    }
}

/// A number, or the text of one.
pub(crate) fn number<'de, D, T>(input: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr,
{
    match Json::deserialize(input)? {
        Json::Null => Ok(None),
        json @ (Json::Number(_) | Json::String(_)) => {
            let text = text_of(&json).unwrap_or_default();
            let parsed = text.trim().parse().ok();
            parsed
                .map(Some)
                .ok_or_else(|| D::Error::custom(format_args!("{text:?} is no number that fits here")))
        }
        other => Err(D::Error::custom(format_args!("expected a number, found {other}"))),
    }
}

/// A number of microseconds, or a duration.
pub(crate) fn micros<'de, D: Deserializer<'de>>(input: D) -> Result<Option<i64>, D::Error> {
    let Some(text) = option_text(input)? else {
        return Ok(None);
    };
    if let Ok(micros) = text.parse() {
        return Ok(Some(micros));
    }
    let duration = crate::parse::duration::parse(&text).map_err(D::Error::custom)?;
    Ok(i64::try_from(duration.as_micros()).ok())
}

/// An amount of memory in bytes, or -1 for all there is.
pub(crate) fn bytes_or_all<'de, D: Deserializer<'de>>(input: D) -> Result<Option<i64>, D::Error> {
    let Some(text) = option_text(input)? else {
        return Ok(None);
    };
    if text == "-1" {
        return Ok(Some(-1));
    }
    let bytes = crate::parse::bytes::parse(&text).map_err(D::Error::custom)?;
    Ok(i64::try_from(bytes).ok())
}

/// A text, or a list of them.
pub(crate) fn texts<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<String>, D::Error> {
    match Json::deserialize(input)? {
        Json::Null => Ok(Vec::new()),
        Json::Array(items) => items
            .iter()
            .map(|item| text_of(item).ok_or_else(|| D::Error::custom("expected a list of texts")))
            .collect(),
        json => text_of(&json)
            .map(|text| vec![text])
            .ok_or_else(|| D::Error::custom("expected a text or a list of texts")),
    }
}

/// A map, or a list of `KEY=value`.
pub(crate) fn pairs<'de, D: Deserializer<'de>>(input: D) -> Result<BTreeMap<String, String>, D::Error> {
    pairs_of(&Json::deserialize(input)?).map_err(D::Error::custom)
}

/// As [`pairs`]. A key without a value has an empty one.
pub(crate) fn pairs_of(json: &Json) -> Result<BTreeMap<String, String>, String> {
    match json {
        Json::Null => Ok(BTreeMap::new()),
        Json::Object(map) => map
            .iter()
            .map(|(key, value)| {
                let value = text_of(value).ok_or_else(|| format!("the value of {key:?} is no text"))?;
                Ok((key.clone(), value))
            })
            .collect(),
        Json::Array(items) => items
            .iter()
            .map(|item| {
                let text = text_of(item).ok_or("expected a list of KEY=value")?;
                let (key, value) = text.split_once('=').unwrap_or((&text, ""));
                Ok((key.to_owned(), value.to_owned()))
            })
            .collect(),
        other => Err(format!("expected a map or a list of KEY=value, found {other}")),
    }
}

/// A command: a list of words, or one line that is split as a shell would.
pub(crate) fn command<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Vec<String>>, D::Error> {
    match Json::deserialize(input)? {
        Json::Null => Ok(None),
        Json::String(line) => crate::parse::words::split(&line).map(Some).map_err(D::Error::custom),
        Json::Array(items) => items
            .iter()
            .map(|item| text_of(item).ok_or_else(|| D::Error::custom("expected a list of words")))
            .collect::<Result<_, _>>()
            .map(Some),
        other => Err(D::Error::custom(format_args!("expected a command, found {other}"))),
    }
}

/// `host: address` pairs, or a list of `host=address` or `host:address`; the normal form is `host:address`.
pub(crate) fn hosts<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<String>, D::Error> {
    let fail = || D::Error::custom("expected host names with their addresses");
    let mut hosts = Vec::new();
    let mut add = |host: &str, address: &str| {
        if host.is_empty() || host.contains([':', '=']) {
            return Err(D::Error::custom(format_args!("{host:?} is no name of a host")));
        }
        let bare = address.strip_prefix('[').and_then(|address| address.strip_suffix(']'));
        hosts.push(format!("{host}:{}", bare.unwrap_or(address)));
        Ok(())
    };
    match Json::deserialize(input)? {
        Json::Null => {}
        Json::Array(items) => {
            for item in &items {
                let text = text_of(item).ok_or_else(fail)?;
                let pair = text.split_once('=').or_else(|| text.split_once(':'));
                let missing = || D::Error::custom(format_args!("{text:?} has no address; write \"host=address\""));
                let (host, addresses) = pair.ok_or_else(missing)?;
                addresses.split(',').try_for_each(|address| add(host, address))?;
            }
        }
        Json::Object(map) => {
            for (host, addresses) in &map {
                let addresses = match addresses {
                    Json::Array(items) => items.iter().map(text_of).collect(),
                    one => vec![text_of(one)],
                };
                for address in addresses {
                    add(host, &address.ok_or_else(fail)?)?;
                }
            }
        }
        _ => return Err(fail()),
    }
    Ok(hosts)
}

/// A duration as compose writes it, for `#[serde(with = …)]`.
pub(crate) mod duration {
    use std::time::Duration;

    use serde::de::{Deserialize, Deserializer, Error as _};
    use serde::ser::Serializer;

    use crate::parse;

    #[expect(clippy::ref_option, reason = "the signature that serde calls")]
    pub(crate) fn serialize<S: Serializer>(value: &Option<Duration>, output: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => output.serialize_str(&parse::duration::format(*value)),
            None => output.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Duration>, D::Error> {
        let text = Option::<String>::deserialize(input)?;
        let parsed = text.map(|text| parse::duration::parse(&text)).transpose();
        parsed.map_err(D::Error::custom)
    }
}

/// A list whose elements have short forms that may stand for several elements.
pub(crate) fn expanded<'de, D, T>(input: D, short: impl Fn(&str) -> Result<Vec<T>, String>) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    let items = Option::<Vec<Json>>::deserialize(input)?.unwrap_or_default();
    let mut all = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        let at = |message: String| D::Error::custom(format_args!("[{index}]: {message}"));
        match item {
            Json::Object(_) => all.push(serde_json::from_value(item).map_err(|error| at(error.to_string()))?),
            item => {
                let text = text_of(&item).ok_or_else(|| at("expected a text or an object".to_owned()))?;
                all.extend(short(&text).map_err(at)?);
            }
        }
    }
    Ok(all)
}
