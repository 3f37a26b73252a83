//! Reads the short and the long forms of a service's lists.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;

use super::{Attachment, DeviceRequest, EnvFile, EnvFormat, FileMount, Mount, Port, lenient};
use crate::parse;

pub(crate) fn ports<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<Port>, D::Error> {
    lenient::expanded(input, |text| {
        parse::port::parse(text).map_err(|error| error.to_string())
    })
}

pub(crate) fn mounts<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<Mount>, D::Error> {
    lenient::expanded(input, |text| {
        let mount = parse::mount::parse(text).map_err(|error| error.to_string())?;
        Ok(vec![mount])
    })
}

pub(crate) fn files<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<FileMount>, D::Error> {
    lenient::expanded(input, |text| {
        Ok(vec![FileMount {
            source: text.to_owned(),
            ..FileMount::default()
        }])
    })
}

pub(crate) fn networks<'de, D: Deserializer<'de>>(input: D) -> Result<BTreeMap<String, Attachment>, D::Error> {
    match Json::deserialize(input)? {
        Json::Null => Ok(BTreeMap::new()),
        Json::Array(items) => items
            .iter()
            .map(|item| {
                let key = lenient::text_of(item).ok_or_else(|| D::Error::custom("expected networks' keys"))?;
                Ok((key, Attachment::default()))
            })
            .collect(),
        Json::Object(map) => map
            .into_iter()
            .map(|(key, attachment)| {
                let attachment: Option<Attachment> = serde_json::from_value(attachment)
                    .map_err(|error| D::Error::custom(format_args!("{key}: {error}")))?;
                Ok((key, attachment.unwrap_or_default()))
            })
            .collect(),
        other => Err(D::Error::custom(format_args!("expected networks' keys, found {other}"))),
    }
}

pub(crate) fn env_files<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<EnvFile>, D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Long {
        path: String,
        #[serde(default = "yes", deserialize_with = "lenient::flag")]
        required: bool,
        #[serde(default)]
        format: EnvFormat,
    }
    fn yes() -> bool {
        true
    }
    let items = match Json::deserialize(input)? {
        Json::Null => Vec::new(),
        Json::Array(items) => items,
        one => vec![one],
    };
    let read = |item: Json| match item {
        Json::String(path) => Ok(EnvFile::from(&*path)),
        item => serde_json::from_value::<Long>(item)
            .map(|Long { path, required, format }| EnvFile { path, required, format })
            .map_err(D::Error::custom),
    };
    items.into_iter().map(read).collect()
}

/// Devices: `HOST[:CONTAINER[:rwm]]`, or the same as a map.
pub(crate) fn devices<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Long {
        source: String,
        target: Option<String>,
        permissions: Option<String>,
    }
    let items = Option::<Vec<Json>>::deserialize(input)?.unwrap_or_default();
    let read = |item: Json| match item {
        Json::String(text) => Ok(text),
        item => {
            let long: Long = serde_json::from_value(item).map_err(D::Error::custom)?;
            let target = long.target.unwrap_or_else(|| long.source.clone());
            let permissions = long.permissions.unwrap_or_else(|| "rwm".to_owned());
            Ok(format!("{}:{target}:{permissions}", long.source))
        }
    };
    items.into_iter().map(read).collect()
}

/// Graphics processors: `all`, or a list of requests.
pub(crate) fn gpus<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<DeviceRequest>, D::Error> {
    match Json::deserialize(input)? {
        Json::Null => Ok(Vec::new()),
        Json::String(all) if all == "all" => Ok(vec![DeviceRequest::default()]),
        json => serde_json::from_value(json).map_err(D::Error::custom),
    }
}
