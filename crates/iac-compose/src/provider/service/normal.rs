//! The engine's own spelling of what it was given: paths, capabilities, commands. Two spellings of one thing are no
//! difference between what was asked for and what is there; pure.

use bollard::models::{ContainerCreateBody, ImageConfig};
use serde_json::Value as Json;

pub(crate) use crate::parse::mount::clean;

/// A path of the host as the engine wants it. A relative one is relative to where the program runs.
pub(crate) fn host_path(source: &str) -> String {
    let home = |rest: &str| std::env::var("HOME").map(|home| format!("{home}{rest}")).ok();
    let expanded = match source.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => home(rest),
        _ => None,
    };
    let path = expanded.unwrap_or_else(|| source.to_owned());
    let absolute = std::path::absolute(&path).map_or(path, |absolute| absolute.display().to_string());
    clean(&absolute)
}

/// A list of capabilities: `net_admin` is `CAP_NET_ADMIN`.
pub(crate) fn capabilities(list: Option<&Vec<String>>) -> Vec<String> {
    let names = list.into_iter().flatten().map(|name| name.to_ascii_uppercase());
    let mut all: Vec<String> = names
        .map(|name| match name.as_str() {
            "ALL" => name,
            _ if name.starts_with("CAP_") => name,
            _ => format!("CAP_{name}"),
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

/// An entrypoint without the one empty word that means none.
fn entrypoint(words: &[String]) -> &[String] {
    if words == [""] { &[] } else { words }
}

/// True if a container has the command that is asked for. An empty one without an entrypoint of its own is the image's.
pub(crate) fn is_command(body: &ContainerCreateBody, live: Option<&Vec<String>>) -> bool {
    let Some(wanted) = &body.cmd else { return true };
    let has_entrypoint = body.entrypoint.as_ref().is_some_and(|words| !words.is_empty());
    (wanted.is_empty() && !has_entrypoint) || wanted.as_slice() == live.map_or(&[][..], Vec::as_slice)
}

/// True if a container has the entrypoint that is asked for.
pub(crate) fn is_entrypoint(body: &ContainerCreateBody, live: Option<&Vec<String>>) -> bool {
    let Some(wanted) = &body.entrypoint else { return true };
    entrypoint(wanted) == live.map_or(&[][..], |words| entrypoint(words))
}

/// The command and the entrypoint that a container gets of an image.
pub(crate) fn words(body: &ContainerCreateBody, image: &ImageConfig) -> (Vec<String>, Vec<String>) {
    let own = body.entrypoint.clone().unwrap_or_default();
    let command = body.cmd.clone().unwrap_or_default();
    if !own.is_empty() {
        return (command, entrypoint(&own).to_vec());
    }
    let command = if command.is_empty() {
        image.cmd.clone().unwrap_or_default()
    } else {
        command
    };
    let brought = image.entrypoint.clone().unwrap_or_default();
    (command, if body.entrypoint.is_some() { Vec::new() } else { brought })
}

/// Sorts a list whose order means nothing.
pub(crate) fn in_any_order(value: &mut Json) {
    if let Json::Array(items) = value {
        items.sort_by_key(ToString::to_string);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_have_one_spelling() {
        let list = ["net_admin", "CAP_SYS_TIME", "all"].map(str::to_owned).to_vec();
        assert_eq!(capabilities(Some(&list)), ["ALL", "CAP_NET_ADMIN", "CAP_SYS_TIME"]);
    }

    #[test]
    fn an_empty_command_is_the_images_and_an_empty_entrypoint_is_none() {
        let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let image = ImageConfig {
            cmd: Some(list(&["c"])),
            entrypoint: Some(list(&["e"])),
            ..ImageConfig::default()
        };
        type Words = &'static [&'static str];
        let table: [(Option<Words>, Option<Words>, Words, Words); 7] = [
            (None, None, &["c"], &["e"]),
            (Some(&[]), None, &["c"], &["e"]),
            (Some(&["x"]), None, &["x"], &["e"]),
            (None, Some(&[]), &["c"], &[]),
            (None, Some(&[""]), &[], &[]),
            (None, Some(&["y"]), &[], &["y"]),
            (Some(&["x"]), Some(&["y"]), &["x"], &["y"]),
        ];
        for (cmd, entrypoint, command, entry) in table {
            let body = ContainerCreateBody {
                cmd: cmd.map(list),
                entrypoint: entrypoint.map(list),
                ..ContainerCreateBody::default()
            };
            let (found, found_entry) = words(&body, &image);
            assert_eq!(
                (found.clone(), found_entry.clone()),
                (list(command), list(entry)),
                "{cmd:?} {entrypoint:?}"
            );
            assert!(
                is_command(&body, Some(&found)) && is_entrypoint(&body, Some(&found_entry)),
                "{cmd:?} {entrypoint:?}"
            );
        }
    }
}
