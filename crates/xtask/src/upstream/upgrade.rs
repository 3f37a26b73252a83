//! The plan of an upgrade between two releases: the old one is applied, the new one is previewed.

use std::error::Error;

use iac_testbed::Progress;

use super::chosen;
use super::fetch::{Files, Source};
use super::run::{Bench, Said};
use super::sets::{UPGRADES, Upgrade};
use super::table::{Line, Table};

/// A plan of so many lines is too long to be read.
const LINES: usize = 400;

/// The kinds that are left out: they take part in the admission of everybody's objects, and nobody would answer; or the
/// test bed has them itself.
const LEFT_OUT: [&str; 4] = [
    "IngressClass",
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
    "APIService",
];

/// Plans the upgrades of these names, or all.
pub(crate) fn all(
    bench: &Bench,
    source: &Source,
    names: &[String],
    progress: &Progress,
) -> Result<Table, Box<dyn Error>> {
    let mut lines = Vec::new();
    for upgrade in chosen(UPGRADES, names, |upgrade| upgrade.name)? {
        progress.say(format!(
            "{} {} to {}",
            upgrade.name, upgrade.from.revision, upgrade.to.revision
        ));
        lines.push(one(bench, source, upgrade).unwrap_or_else(|why| Line::error(upgrade.name, &why)));
    }
    Ok(Table {
        header: vec!["before", "after", "lines", "verbose"],
        lines,
    })
}

fn one(bench: &Bench, source: &Source, upgrade: &Upgrade) -> Result<Line, String> {
    let name = upgrade.name;
    let (old, old_count) = prepare(bench, source, name, "old", &upgrade.from)?;
    let (new, new_count) = prepare(bench, source, name, "new", &upgrade.to)?;
    let current = bench.path(&format!("{name}.yaml"));
    let switch = |text: &str| std::fs::write(&current, text).map_err(|error| format!("{}: {error}", current.display()));
    switch(&old)?;
    let namespace = format!("kubernetes.namespace=upstream-{name}");
    let manifests = |verb: &[&str]| bench.manifests(&[verb, &["--config", &namespace]].concat(), name, &current);
    let applied = manifests(&["up", "--yes"])?;
    let planned = match applied.code {
        0 => {
            switch(&new)?;
            plans(&manifests)
        }
        _ => Err(format!(
            "the old release could not be applied: {}",
            last_error(&applied)
        )),
    };
    let destroyed = manifests(&["destroy", "--yes", "--delete-data", "all"])?;
    let (plan, verbose) = planned?;
    if destroyed.code != 0 {
        return Err(format!("it could not be deleted: {}", last_error(&destroyed)));
    }
    bench.leave(&format!("{name}.plan"), &plan)?;
    let (lines, all) = (plan.lines().count(), verbose.lines().count());
    let failed = lines >= LINES;
    let summary = plan
        .lines()
        .rev()
        .find(|line| line.starts_with("Plan: "))
        .unwrap_or("no plan");
    Ok(Line {
        name: name.to_owned(),
        cells: vec![
            old_count.to_string(),
            new_count.to_string(),
            lines.to_string(),
            all.to_string(),
        ],
        verdict: match failed {
            true => format!("TOO LONG: {summary}"),
            false => summary.to_owned(),
        },
        failed,
        details: Vec::new(),
    })
}

/// The plan as people read it, and all of it.
fn plans(manifests: &impl Fn(&[&str]) -> Result<Said, String>) -> Result<(String, String), String> {
    let plan = manifests(&["preview"])?;
    if plan.code != 0 {
        return Err(format!("the upgrade cannot be planned: {}", last_error(&plan)));
    }
    Ok((plan.out, manifests(&["preview", "--verbose"])?.out))
}

/// The manifests of a release in one text, and how many objects they are: nothing is waited for, since no image can be
/// pulled, and what names no namespace has one of its own.
fn prepare(
    bench: &Bench,
    source: &Source,
    name: &str,
    side: &str,
    files: &Files<'_>,
) -> Result<(String, usize), String> {
    let folder = bench.path(&format!("{name}-{side}"));
    source.fetch(files, &folder)?;
    let path = folder.to_string_lossy();
    let annotate = [
        "annotate",
        "--local",
        "--overwrite",
        "--recursive",
        "--filename",
        &path,
        "--output",
        "yaml",
    ];
    let annotated = bench.kubectl(&[&annotate[..], &["iac.dev/wait=false"]].concat())?;
    if annotated.code != 0 {
        return Err(format!("{side}: {}", last_error(&annotated)));
    }
    let documents = annotated.out.split("\n---\n").filter(|text| is_applied(text));
    let documents: Vec<String> = documents.map(waited_for).collect();
    let namespace = format!("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: upstream-{name}\n---\n");
    Ok((namespace + &documents.join("\n---\n"), documents.len()))
}

/// A definition is waited for, since its objects need it.
fn waited_for(document: &str) -> String {
    match kind(document) {
        Some("CustomResourceDefinition") => document.replace("    iac.dev/wait: \"false\"", "    iac.dev/wait: 2m"),
        _ => document.to_owned(),
    }
}

/// True unless a document is of a kind that is left out.
fn is_applied(document: &str) -> bool {
    kind(document).is_some_and(|kind| !LEFT_OUT.contains(&kind))
}

/// The kind of a document: kubectl writes each field on a line of its own.
fn kind(document: &str) -> Option<&str> {
    document
        .lines()
        .find_map(|line| line.strip_prefix("kind: "))
        .map(str::trim)
}

fn last_error(said: &Said) -> String {
    let lines = said.err.lines().chain(said.out.lines());
    let errors: Vec<&str> = lines
        .filter(|line| line.contains("error") && !line.contains("this plan cannot"))
        .collect();
    let shown = errors.first().copied().or_else(|| said.err.lines().last());
    shown.unwrap_or("it failed without a word").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_objects_depend_on_is_left_out() {
        assert!(is_applied(
            "apiVersion: v1\nkind: ConfigMap\ndata:\n  kind: APIService\n"
        ));
        assert!(!is_applied("apiVersion: apiregistration.k8s.io/v1\nkind: APIService\n"));
        let definition = "kind: CustomResourceDefinition\nmetadata:\n  annotations:\n    iac.dev/wait: \"false\"\n";
        assert!(waited_for(definition).ends_with("iac.dev/wait: 2m\n"));
        assert!(!is_applied("metadata:\n  kind: no\n"), "no object");
    }
}
