//! Records on their way in and out: values in the form of files, each secret sealed for the place it stands at.

use std::convert::Infallible;

use serde_json::Value as Json;

use super::{NewRecord, Record, StateError, Vault};
use crate::declare::{Options, SourceLine};
use crate::provider::Recorded;
use crate::urn::Key;
use crate::value::codec::{self, ReadError};
use crate::value::{FieldPath, Value};

/// The place of an export; no resource's key looks like it.
pub(super) fn export_place(name: &str) -> String {
    format!("export {name}")
}

/// Whether a value in the form of files has a sealed leaf.
pub(super) fn has_secret(json: &Json) -> bool {
    match json {
        Json::Array(items) => items.iter().any(has_secret),
        Json::Object(map) => match map.iter().next() {
            Some((key, _)) if map.len() == 1 && key == "$secret" => true,
            // The user's own data that looks like a reserved form stands inside this one.
            Some((key, Json::Object(inner))) if map.len() == 1 && key == "$object" => inner.values().any(has_secret),
            _ => map.values().any(has_secret),
        },
        _ => false,
    }
}

/// Seals a value's secrets; `owner` is a resource's key or an export's place, `part` which value of it.
pub(super) fn seal_value(vault: Option<&Vault>, owner: &str, part: &str, value: &Value) -> Result<Json, StateError> {
    if let Some((path, _)) = value.outputs().into_iter().next() {
        return Err(StateError::Unresolved {
            key: owner.to_owned(),
            path,
        });
    }
    codec::write(value, &mut |path, secret| {
        let failed = |error| StateError::Open {
            key: owner.to_owned(),
            path: path.clone(),
            error,
        };
        let vault = vault.ok_or(super::VaultError::Refused).map_err(failed)?;
        vault.seal(&place(owner, part, path), secret).map_err(failed)
    })
}

/// Opens a value's secrets.
pub(super) fn open_value(vault: &Vault, owner: &str, part: &str, json: &Json) -> Result<Value, StateError> {
    let result = codec::read(json, &mut |path, sealed| vault.open(&place(owner, part, path), sealed));
    result.map_err(|error| match error {
        ReadError::Open { path, error } => StateError::Open {
            key: owner.to_owned(),
            path,
            error,
        },
        form @ ReadError::Form { .. } => StateError::Form {
            key: owner.to_owned(),
            message: form.to_string(),
        },
    })
}

/// Makes sure that a record's values are of the form of files, without opening anything.
pub(super) fn check_record(key: &Key, record: &Record) -> Result<(), StateError> {
    let open = &mut |_: &FieldPath, _: &Json| Ok::<_, Infallible>("".into());
    for json in [&record.inputs, &record.outputs] {
        codec::read(json, open).map_err(|error| StateError::Form {
            key: key.to_string(),
            message: error.to_string(),
        })?;
    }
    Ok(())
}

/// Neither a key nor a part can hold a line break, so that no two places have one text.
fn place(owner: &str, part: &str, path: &FieldPath) -> String {
    format!("{owner}\n{part}\n{path}")
}

/// A record with its secrets sealed.
pub(super) fn seal_record(vault: Option<&Vault>, new: NewRecord) -> Result<Record, StateError> {
    let NewRecord {
        recorded,
        options,
        source,
    } = new;
    let owner = recorded.key.as_str();
    Ok(Record {
        inputs: seal_value(vault, owner, "inputs", &recorded.inputs)?,
        outputs: seal_value(vault, owner, "outputs", &recorded.outputs)?,
        identity: recorded.identity,
        uid: recorded.uid,
        private: recorded.private,
        dependencies: recorded.dependencies,
        ready: recorded.ready,
        options,
        source,
    })
}

/// A record with its secrets opened.
pub(super) fn open_record(
    vault: &Vault,
    key: &Key,
    record: &Record,
) -> Result<(Recorded, Options, Option<SourceLine>), StateError> {
    let recorded = Recorded {
        key: key.clone(),
        identity: record.identity.clone(),
        uid: record.uid.clone(),
        inputs: open_value(vault, key.as_str(), "inputs", &record.inputs)?,
        outputs: open_value(vault, key.as_str(), "outputs", &record.outputs)?,
        private: record.private.clone(),
        dependencies: record.dependencies.clone(),
        ready: record.ready,
    };
    Ok((recorded, record.options.clone(), record.source.clone()))
}
