//! Who reads a ConfigMap or Secret that changes, and when they see it.

use std::collections::{BTreeMap, BTreeSet};

use iac_core::provider::Effect;
use iac_core::provider::effect::{Readers, Sees, Through, Transition};
use iac_core::value::{FieldPath, Segment, Value};

use super::{Seen, containers, list, text};
use crate::kinds;
use crate::reference;

pub(super) fn of(changed: &Seen<'_>, all: &[Seen<'_>]) -> Vec<Effect> {
    if !matches!(changed.kind.as_str(), "core/ConfigMap" | "core/Secret") || !changed.is_changed() {
        return Vec::new();
    }
    let keys = changed_keys(changed);
    if keys.as_ref().is_some_and(BTreeSet::is_empty) {
        return Vec::new();
    }
    let mut groups: BTreeMap<(Through, Sees), Vec<String>> = BTreeMap::new();
    for reader in all.iter().filter(|reader| reader.id.namespace == changed.id.namespace) {
        for (through, sees) in reads(reader, changed, keys.as_ref()) {
            groups.entry((through, sees)).or_default().push(reader.name());
        }
    }
    let effect = |((through, sees), readers)| Effect::Readers(Readers { readers, through, sees });
    groups.into_iter().map(effect).collect()
}

/// The entries that change; none where all may.
fn changed_keys(changed: &Seen<'_>) -> Option<BTreeSet<String>> {
    if changed.item.transition == Transition::Replace {
        return None;
    }
    let mut keys = BTreeSet::new();
    for change in changed.item.changes {
        match change.path.segments() {
            [Segment::Field(field), Segment::Field(key), ..]
                if matches!(field.as_str(), "data" | "stringData" | "binaryData") =>
            {
                keys.insert(key.clone());
            }
            [Segment::Field(field)] if matches!(field.as_str(), "data" | "stringData" | "binaryData") => return None,
            _ => {}
        }
    }
    Some(keys)
}

/// How an object reads the changed one, and when it sees the new content.
fn reads(reader: &Seen<'_>, changed: &Seen<'_>, keys: Option<&BTreeSet<String>>) -> BTreeSet<(Through, Sees)> {
    let (Some(_), Some((_, spec))) = (kinds::pod_template(&reader.kind), reader.pods()) else {
        return BTreeSet::new();
    };
    // A new one knows nothing older, and what has ended reads nothing.
    let ends = reader.kind == "batch/Job" && reader.item.transition == Transition::Stays;
    if ends || matches!(reader.item.transition, Transition::Create | Transition::Delete) {
        return BTreeSet::new();
    }
    let named = reference::names(&reader.id, reader.then()).into_iter();
    let named = named.filter(|named| named.target == changed.id);
    let ways = named.filter_map(|named| through(&named.path, reader.then(), spec, keys));
    ways.map(|through| (through, sees(reader, through))).collect()
}

fn sees(reader: &Seen<'_>, through: Through) -> Sees {
    match through {
        _ if reader.changes_pods() => Sees::Restarted,
        _ if reader.kind == "batch/CronJob" => Sees::AtItsNextRun,
        Through::Files => Sees::WithinAMinute,
        Through::Environment | Through::FilesAtStart | Through::Images => Sees::AtItsNextStart,
    }
}

/// The way in which a field reads; none if it reads nothing that changes.
fn through(path: &FieldPath, object: &Value, spec: &Value, keys: Option<&BTreeSet<String>>) -> Option<Through> {
    let names = |name: &str| {
        path.segments()
            .iter()
            .any(|segment| matches!(segment, Segment::Field(field) if field == name))
    };
    if names("imagePullSecrets") {
        return Some(Through::Images);
    }
    if names("envFrom") {
        return Some(Through::Environment);
    }
    if names("env") {
        let key = path
            .parent()
            .and_then(|holder| object.at(&holder)?.get("key")?.as_str());
        let reads = keys.is_none_or(|keys| key.is_none_or(|key| keys.contains(key)));
        return reads.then_some(Through::Environment);
    }
    if !names("volumes") {
        return None;
    }
    let volume = path.segments().iter().find_map(|segment| match segment {
        Segment::Element { field, value } if field == "name" => Some(value.as_str()),
        _ => None,
    })?;
    let mounts = containers(spec).flat_map(|container| list(container, "/volumeMounts"));
    let mounts: Vec<&Value> = mounts.filter(|mount| text(mount, "/name") == Some(volume)).collect();
    // A file that is mounted by itself does not follow.
    let at_start = |mount: &&Value| mount.get("subPath").is_some() || mount.get("subPathExpr").is_some();
    Some(match mounts.iter().all(at_start) && !mounts.is_empty() {
        true => Through::FilesAtStart,
        false => Through::Files,
    })
}
