//! Records on their way in and out: values in the form of files, each secret sealed for the place it stands at.

use std::convert::Infallible;

use serde_json::{Value as Json, json};

use super::{Former, FormerObject, NewRecord, Record, StateError, Vault};
use crate::provider::Recorded;
use crate::urn::Key;
use crate::value::codec::{self, ReadError};
use crate::value::{FieldPath, Packed, Value};

/// The ciphertext, where something stands beside it.
const SEALED: &str = "sealed";
/// The text that may be seen of a secret of which only parts are hidden.
const SHOWN: &str = "shown";

/// The place of an export; no resource's key looks like it.
pub(super) fn export_place(name: &str) -> String {
    format!("export {name}")
}

/// The text that every sealed leaf contains. Nothing is written that hides it behind an escape.
const MARK: &str = "\"$secret\"";

/// True if a packed value has a sealed leaf.
pub(super) fn has_secret(value: &Packed) -> bool {
    // One that cannot be read may have any.
    value.mentions(MARK) && value.json().map_or(true, |json| json_has_secret(&json))
}

/// True if a value in the form of files has a sealed leaf.
pub(super) fn json_has_secret(json: &Json) -> bool {
    any_sealed(json, &|_| true)
}

/// True if a packed value has a leaf that is sealed under another key than the vault's current one.
pub(super) fn is_stale(vault: &Vault, value: &Packed) -> bool {
    value.mentions(MARK) && value.json().map_or(true, |json| is_json_stale(vault, &json))
}

/// True if a value in the form of files has a leaf that is sealed under another key than the vault's current one.
pub(super) fn is_json_stale(vault: &Vault, json: &Json) -> bool {
    any_sealed(json, &|sealed| {
        ciphertext(sealed).as_str().is_none_or(|text| vault.is_stale(text))
    })
}

fn any_sealed(json: &Json, test: &impl Fn(&Json) -> bool) -> bool {
    match json {
        Json::Array(items) => items.iter().any(|item| any_sealed(item, test)),
        Json::Object(map) => match map.iter().next() {
            Some((key, sealed)) if map.len() == 1 && key == "$secret" => test(sealed),
            // The user's own data that looks like a reserved form stands inside this one.
            Some((key, Json::Object(inner))) if map.len() == 1 && key == "$object" => {
                inner.values().any(|value| any_sealed(value, test))
            }
            _ => map.values().any(|value| any_sealed(value, test)),
        },
        _ => false,
    }
}

/// The ciphertext of a sealed leaf. One of which only parts are secret has what may be seen of it beside that.
fn ciphertext(sealed: &Json) -> &Json {
    sealed.get(SEALED).unwrap_or(sealed)
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
        let sealed = vault.seal(&place(owner, part, path), secret).map_err(failed)?;
        Ok(match secret.shown() {
            Some(shown) => json!({ SEALED: sealed, SHOWN: shown }),
            None => sealed,
        })
    })
}

/// Opens a value's secrets.
pub(super) fn open_value(vault: &Vault, owner: &str, part: &str, json: &Json) -> Result<Value, StateError> {
    let result = codec::read(json, &mut |path, sealed| {
        let secret = vault.open(&place(owner, part, path), ciphertext(sealed))?;
        Ok(match sealed.get(SHOWN).and_then(Json::as_str) {
            Some(shown) => secret.shown_as(shown),
            None => secret,
        })
    });
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

/// Opens a packed value's secrets.
fn open_packed(vault: &Vault, owner: &str, part: &str, value: &Packed) -> Result<Value, StateError> {
    open_value(vault, owner, part, &unpacked(owner, value)?)
}

fn unpacked(owner: &str, value: &Packed) -> Result<Json, StateError> {
    value.json().map_err(|error| StateError::Form {
        key: owner.to_owned(),
        message: error.to_string(),
    })
}

/// Makes sure that a record's values are of the form of files, without opening anything.
pub(super) fn check_record(key: &Key, record: &Record) -> Result<(), StateError> {
    let open = &mut |_: &FieldPath, _: &Json| Ok::<_, Infallible>("".into());
    let form = |message: String| StateError::Form {
        key: key.to_string(),
        message,
    };
    for value in record.values() {
        let json = value.json().map_err(|error| form(error.to_string()))?;
        codec::read(&json, open).map_err(|error| form(error.to_string()))?;
    }
    if record.gone && record.formers.is_empty() {
        return Err(form("it is gone, and nothing is left of it to be deleted".to_owned()));
    }
    Ok(())
}

/// Neither a key nor a part can hold a line break, so that no two places have one text.
fn place(owner: &str, part: &str, path: &FieldPath) -> String {
    format!("{owner}\n{part}\n{path}")
}

/// Which value of a resource the inputs of a former object of it are. The length keeps two names apart whatever is in
/// them.
fn former_part(identity: &str) -> String {
    format!("former {}:{identity}", identity.len())
}

/// A record with its secrets sealed.
pub(super) fn seal_record(vault: Option<&Vault>, new: NewRecord) -> Result<Record, StateError> {
    let NewRecord {
        recorded,
        options,
        source,
        formers,
        gone,
    } = new;
    let owner = recorded.key.as_str();
    let formers = formers.into_iter().map(|former| seal_former(vault, owner, former));
    Ok(Record {
        inputs: seal_value(vault, owner, "inputs", &recorded.inputs)?.into(),
        outputs: seal_value(vault, owner, "outputs", &recorded.outputs)?.into(),
        formers: formers.collect::<Result<_, _>>()?,
        identity: recorded.identity,
        uid: recorded.uid,
        private: recorded.private,
        dependencies: recorded.dependencies,
        ready: recorded.ready,
        options,
        source,
        gone,
    })
}

fn seal_former(vault: Option<&Vault>, owner: &str, former: FormerObject) -> Result<Former, StateError> {
    let FormerObject { recorded, options } = former;
    Ok(Former {
        inputs: seal_value(vault, owner, &former_part(&recorded.identity), &recorded.inputs)?.into(),
        identity: recorded.identity,
        uid: recorded.uid,
        private: recorded.private,
        dependencies: recorded.dependencies,
        options,
    })
}

/// A record with its secrets opened.
pub(super) fn open_record(vault: &Vault, key: &Key, record: &Record) -> Result<NewRecord, StateError> {
    let owner = key.as_str();
    let formers = record.formers.iter().map(|former| open_former(vault, key, former));
    Ok(NewRecord {
        recorded: Recorded {
            key: key.clone(),
            identity: record.identity.clone(),
            uid: record.uid.clone(),
            inputs: open_packed(vault, owner, "inputs", &record.inputs)?,
            outputs: open_packed(vault, owner, "outputs", &record.outputs)?,
            private: record.private.clone(),
            dependencies: record.dependencies.clone(),
            ready: record.ready,
        },
        options: record.options.clone(),
        source: record.source.clone(),
        formers: formers.collect::<Result<_, _>>()?,
        gone: record.gone,
    })
}

fn open_former(vault: &Vault, key: &Key, former: &Former) -> Result<FormerObject, StateError> {
    let inputs = open_packed(vault, key.as_str(), &former_part(&former.identity), &former.inputs)?;
    Ok(FormerObject {
        recorded: Recorded {
            key: key.clone(),
            identity: former.identity.clone(),
            uid: former.uid.clone(),
            inputs,
            outputs: Value::Null,
            private: former.private.clone(),
            dependencies: former.dependencies.clone(),
            ready: false,
        },
        options: former.options.clone(),
    })
}
