//! The readers of a ConfigMap or Secret that changes, and the time at which they see it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use iac_core::provider::Effect;
use iac_core::provider::effect::{Readers, Sees, Through, Transition};
use iac_core::value::{FieldPath, Segment, Value};

use super::{Around, Seen, containers, list, text};
use crate::object::ObjectId;
use crate::{kinds, reference};

/// Which objects name which ConfigMaps and Secrets in their pods, and where: by what is named.
pub(super) type Index = HashMap<ObjectId, Vec<(usize, FieldPath)>>;

fn index(all: &[Seen<'_>]) -> Index {
    let mut index = Index::new();
    for (number, reader) in all.iter().enumerate().filter(|(_, reader)| can_read(reader)) {
        for named in reference::names(&reader.id, reader.then()) {
            if matches!(named.target.type_name().as_str(), "core/ConfigMap" | "core/Secret") {
                index.entry(named.target).or_default().push((number, named.path));
            }
        }
    }
    index
}

pub(super) fn of(changed: &Seen<'_>, around: &Around<'_>) -> Vec<Effect> {
    if !matches!(changed.kind.as_str(), "core/ConfigMap" | "core/Secret") || !changed.is_changed() {
        return Vec::new();
    }
    let keys = changed_keys(changed);
    if keys.as_ref().is_some_and(BTreeSet::is_empty) {
        return Vec::new();
    }
    let index = around.readers.get_or_init(|| index(around.all));
    let named = index.get(&changed.id).into_iter().flatten();
    let ways = named.filter_map(|(number, path)| {
        let reader = &around.all[*number];
        let (_, spec) = reader.pods()?;
        let through = through(path, reader.then(), spec, keys.as_ref())?;
        Some((*number, through, sees(reader, through)))
    });
    let ways: BTreeSet<(usize, Through, Sees)> = ways.collect();
    let mut groups: BTreeMap<(Through, Sees), Vec<String>> = BTreeMap::new();
    for (number, through, sees) in ways {
        groups
            .entry((through, sees))
            .or_default()
            .push(around.all[number].name());
    }
    let effect = |((through, sees), readers)| Effect::Readers(Readers { readers, through, sees });
    groups.into_iter().map(effect).collect()
}

/// A new one knows nothing older, and what has ended reads nothing.
fn can_read(reader: &Seen<'_>) -> bool {
    let ends = reader.kind == "batch/Job" && reader.item.transition == Transition::Stays;
    let is_there = !matches!(reader.item.transition, Transition::Create | Transition::Delete);
    kinds::pod_template(&reader.kind).is_some() && !ends && is_there
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
