//! Lists in which a later item takes the place of an earlier one that is about the same thing.

use super::problem::Findings;
use super::tree::{Data, Node, Path};
use crate::parse;

/// The part of an item that identifies it in its list.
#[derive(Clone, Copy)]
enum Index {
    /// The text up to `=`.
    Key,
    /// Where it is mounted.
    Target,
    /// The same of a device.
    Device,
    /// The path of an env file.
    EnvFile,
    /// A text or number as it is.
    Text,
    Port,
    /// The file of a config or secret, below this folder unless it says where.
    File(&'static str),
}

const LISTS: [(&str, Index); 29] = [
    ("networks.*.ipam.options", Index::Key),
    ("networks.*.labels", Index::Key),
    ("services.*.annotations", Index::Key),
    ("services.*.build.additional_contexts", Index::Key),
    ("services.*.build.args", Index::Key),
    ("services.*.build.labels", Index::Key),
    ("services.*.build.tags", Index::Key),
    ("services.*.cap_add", Index::Key),
    ("services.*.cap_drop", Index::Key),
    ("services.*.configs", Index::File("")),
    ("services.*.deploy.labels", Index::Key),
    ("services.*.devices", Index::Device),
    ("services.*.dns", Index::Key),
    ("services.*.dns_opt", Index::Key),
    ("services.*.dns_search", Index::Key),
    ("services.*.env_file", Index::EnvFile),
    ("services.*.environment", Index::Key),
    ("services.*.expose", Index::Text),
    ("services.*.labels", Index::Key),
    ("services.*.links", Index::Key),
    ("services.*.networks.*.aliases", Index::Key),
    ("services.*.networks.*.link_local_ips", Index::Key),
    ("services.*.ports", Index::Port),
    ("services.*.profiles", Index::Key),
    ("services.*.secrets", Index::File("/run/secrets")),
    ("services.*.sysctls", Index::Key),
    ("services.*.tmpfs", Index::Key),
    ("services.*.volumes", Index::Target),
    ("volumes.*.labels", Index::Key),
];

/// Drops what a later item takes the place of, in all such lists of a tree.
pub(super) fn enforce(node: &mut Node, path: &Path, found: &Findings) {
    match &mut node.data {
        Data::Map(map) => {
            for (key, value) in map {
                enforce(value, &path.key(key), found);
            }
        }
        Data::List(items) => {
            if let Some((_, index)) = LISTS.iter().find(|(pattern, _)| path.matches(pattern)) {
                once(items, *index, path, found);
            }
        }
        _ => {}
    }
}

fn once(items: &mut Vec<Node>, index: Index, path: &Path, found: &Findings) {
    let mut kept: Vec<(String, Node)> = Vec::new();
    for (number, item) in std::mem::take(items).into_iter().enumerate() {
        let key = key_of(&item, index);
        let key = key.unwrap_or_else(|message| {
            if let Some(message) = message {
                found.problem(item.at, &path.item(number), message);
            }
            format!("item {number}")
        });
        match kept.iter_mut().find(|(known, _)| *known == key) {
            Some(earlier) => earlier.1 = item,
            None => kept.push((key, item)),
        }
    }
    items.extend(kept.into_iter().map(|(_, item)| item));
}

/// Returns the text that identifies an item in its list, or the problem of the item where that is not found elsewhere.
fn key_of(item: &Node, index: Index) -> Result<String, Option<String>> {
    let text_at = |key: &str| item.get(key).and_then(Node::scalar);
    let is_map = item.as_map().is_some();
    match index {
        Index::Key => match &item.data {
            Data::Text(text) => Ok(text.split_once('=').map_or(text.as_str(), |(key, _)| key).to_owned()),
            _ => Err(Some(not_a_pair(item))),
        },
        Index::Text => item.scalar().ok_or(None),
        Index::Target | Index::Device if is_map => text_at("target")
            .ok_or_else(|| Some("the key target is missing: where in the container it goes".to_owned())),
        Index::Target => {
            let text = item.as_text().ok_or(None)?;
            parse::mount::parse(text)
                .map(|mount| mount.target)
                .map_err(|error| Some(error.to_string()))
        }
        Index::Device => {
            let text = item.as_text().ok_or(None)?;
            Ok(text.split(':').nth(1).unwrap_or(text).to_owned())
        }
        Index::EnvFile => match is_map {
            true => text_at("path").ok_or(None),
            false => item.scalar().ok_or(None),
        },
        Index::Port if is_map => {
            let target =
                text_at("target").ok_or_else(|| Some("the key target is missing: the container's port".to_owned()))?;
            let host = text_at("host_ip").unwrap_or_else(|| "0.0.0.0".to_owned());
            let protocol = text_at("protocol").unwrap_or_else(|| "tcp".to_owned());
            let published = text_at("published").unwrap_or_default();
            Ok(format!("{host}:{published}:{target}/{protocol}"))
        }
        Index::Port => item.scalar().ok_or(None),
        Index::File(folder) => match is_map {
            true => {
                Ok(text_at("target").unwrap_or_else(|| format!("{folder}/{}", text_at("source").unwrap_or_default())))
            }
            false => item.scalar().map(|source| format!("{folder}/{source}")).ok_or(None),
        },
    }
}

/// Says of an item that is no `KEY=value` how it is written.
fn not_a_pair(item: &Node) -> String {
    let pair = item
        .as_map()
        .filter(|map| map.len() == 1)
        .and_then(|map| map.iter().next());
    match pair {
        Some((key, value)) => {
            let value = value.scalar().unwrap_or_default();
            format!("this is a map in a list; write \"{key}={value}\", or leave the dashes out")
        }
        None => format!("expected a text, found {}", item.kind()),
    }
}
