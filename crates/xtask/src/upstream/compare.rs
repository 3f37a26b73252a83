//! Whether `manifests preview` takes what `kubectl apply --server-side --dry-run=server` takes.

use std::error::Error;

use iac_testbed::Progress;

use super::chosen;
use super::fetch::Source;
use super::run::{Bench, Said};
use super::sets::{SETS, Set};
use super::table::{Line, Table};

/// The number of lines of each side's messages that are shown where the two sides differ.
const DETAILS: usize = 6;

/// Compares the sets of these names, or all.
pub(crate) fn all(
    bench: &Bench,
    source: &Source,
    names: &[String],
    progress: &Progress,
) -> Result<Table, Box<dyn Error>> {
    let mut lines = Vec::new();
    for set in chosen(SETS, names, |set| set.name)? {
        progress.say(set.name);
        lines.push(one(bench, source, set).unwrap_or_else(|why| Line::error(set.name, &why)));
    }
    Ok(Table {
        header: vec!["files", "objects", "refused", "unseen", "ours"],
        lines,
    })
}

fn one(bench: &Bench, source: &Source, set: &Set) -> Result<Line, String> {
    let folder = bench.path(set.name);
    let files = source.fetch(&set.files, &folder)?;
    let path = folder.to_string_lossy();
    let theirs = bench.kubectl(&[
        "apply",
        "--server-side",
        "--dry-run=server",
        "--recursive",
        "--filename",
        &path,
    ])?;
    let ours = bench.manifests(&["preview", "--detailed-exitcode"], set.name, &folder)?;
    bench.leave(&format!("{}.kubectl", set.name), &(theirs.out.clone() + &theirs.err))?;
    bench.leave(&format!("{}.preview", set.name), &(ours.out.clone() + &ours.err))?;
    let (kubectl, preview) = (Kubectl::read(&theirs), Preview::read(&ours));
    let (verdict, failed) = verdict(&kubectl, &preview);
    let details = kubectl.refused.iter().map(|said| format!("kubectl: {said}"));
    let details = details.take(DETAILS).chain(
        preview
            .errors
            .iter()
            .take(DETAILS)
            .map(|said| format!("preview: {said}")),
    );
    Ok(Line {
        name: set.name.to_owned(),
        cells: vec![
            files.to_string(),
            preview.objects.to_string(),
            kubectl.refused.len().to_string(),
            kubectl.unseen.to_string(),
            preview.errors.len().to_string(),
        ],
        verdict: verdict.to_owned(),
        failed,
        details: if failed { details.collect() } else { Vec::new() },
    })
}

/// The problems that kubectl found.
#[derive(Debug, Default, PartialEq, Eq)]
struct Kubectl {
    /// The objects that the server refuses.
    refused: Vec<String>,
    /// The number of objects that it could not try, since their namespace or their kind does not exist. A set may well
    /// bring both.
    unseen: usize,
}

impl Kubectl {
    fn read(said: &Said) -> Self {
        let mut found = Self::default();
        for line in said.err.lines().map(str::trim) {
            let namespace = line.contains("namespaces \"") && line.ends_with("\" not found");
            if namespace || line.contains("no matches for kind") {
                found.unseen += 1;
            } else if is_refusal(line) {
                found.refused.push(line.to_owned());
            }
        }
        if said.code != 0 && found == Self::default() {
            found
                .refused
                .push(said.err.lines().last().unwrap_or_default().to_owned());
        }
        found
    }
}

/// True if a line begins a refusal; what follows it is advice, or lists fields.
fn is_refusal(line: &str) -> bool {
    let starts = [
        "Error ",
        "Error:",
        "error: ",
        "error when ",
        "error validating ",
        "Apply failed ",
    ];
    starts.iter().any(|start| line.starts_with(start)) || (line.starts_with("The ") && line.contains(" is invalid"))
}

/// The problems that our preview found.
#[derive(Debug, Default, PartialEq, Eq)]
struct Preview {
    /// The number of objects that it has.
    objects: usize,
    errors: Vec<String>,
    /// True if each error is a namespace or a kind that is not there.
    only_missing: bool,
    /// True if each error is a second object of one name, which is not the same as the first.
    only_twice: bool,
}

impl Preview {
    fn read(said: &Said) -> Self {
        let lines = said.err.lines().chain(said.out.lines());
        let errors = lines.filter_map(|line| line.strip_prefix("error: "));
        let errors: Vec<String> = errors
            .filter(|error| !error.starts_with("this plan cannot be carried out"))
            .map(str::to_owned)
            .collect();
        let all = |test: fn(&str) -> bool| !errors.is_empty() && errors.iter().all(|error| test(error));
        Self {
            objects: objects(&said.out),
            only_missing: all(is_missing),
            only_twice: all(|error| error.contains("is declared already at")),
            errors,
        }
    }
}

fn is_missing(error: &str) -> bool {
    error.contains("it names Namespace ")
        || error.contains("the server has no kind")
        || (error.contains("the namespace ") && error.contains("does not exist"))
}

/// The number of objects that a plan counts: `Plan: 3 to create, 1 to update; 2 unchanged`.
fn objects(plan: &str) -> usize {
    let summary = plan.lines().rev().find_map(|line| line.strip_prefix("Plan: "));
    let counted = summary.unwrap_or_default().split("; risks").next().unwrap_or_default();
    let numbers = counted
        .split([',', ';'])
        .filter_map(|part| part.trim().split(' ').next()?.parse::<usize>().ok());
    numbers.sum()
}

/// Returns the verdict on both, and whether that is to be looked into.
fn verdict(kubectl: &Kubectl, preview: &Preview) -> (&'static str, bool) {
    let takes = preview.errors.is_empty();
    match (kubectl.refused.is_empty(), kubectl.unseen > 0) {
        (true, false) if takes => ("both take it", false),
        (true, true) if takes => ("taken; kubectl does not see all of it", false),
        (true, true) if preview.only_missing => ("both miss a namespace or a kind", false),
        // kubectl sends both, so that the last one of the files stays. We ask which is meant.
        (true, _) if preview.only_twice => ("two different objects of one name: ours asks which", false),
        (false, _) if !takes => ("both refuse it", false),
        (false, _) => ("DIFFERS: only kubectl refuses it", true),
        (true, _) => ("DIFFERS: only ours refuses it", true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(out: &str, err: &str) -> Said {
        Said {
            code: 0,
            out: out.to_owned(),
            err: err.to_owned(),
        }
    }

    #[test]
    fn what_both_sides_say_is_weighed() {
        let namespace = "Error from server (NotFound): error when creating \"a.yaml\": namespaces \"x\" not found\n";
        let kind = "resource mapping not found for name: \"a\" namespace: \"\" from \"a.yaml\": no matches for kind \"B\" in version \"c/v1\"\nensure CRDs are installed first\n";
        let conflict = "Apply failed with 1 conflict: conflict with \"x\": .spec.a\nPlease review the fields above\n* If you intend to\n";
        let invalid = "The Deployment \"a\" is invalid: spec.template: Required value\n";
        let warning = "Warning: unrecognized format\n";
        let plan = "error: x\nPlan: 3 to create, 1 to update; 2 unchanged; risks: 4 privilege\n";
        let none = "Plan: no changes; 2 unchanged\n";
        let twice = "error: a.yaml:2:1: DaemonSet a is declared already at a.yaml:9:1; names have to be unique\n";
        let missing =
            "error: apiVersion: the server has no kind B in c/v1\nerror: this plan cannot be carried out as it is\n";
        for (err, out, ours, expected, failed) in [
            (warning, none, "", "both take it", false),
            (
                "",
                "",
                twice,
                "two different objects of one name: ours asks which",
                false,
            ),
            (namespace, none, "", "taken; kubectl does not see all of it", false),
            (kind, none, missing, "both miss a namespace or a kind", false),
            (
                kind,
                none,
                "error: spec.x is unknown\n",
                "DIFFERS: only ours refuses it",
                true,
            ),
            (
                invalid,
                none,
                "error: spec.template is missing\n",
                "both refuse it",
                false,
            ),
            (conflict, none, "error: it exists already\n", "both refuse it", false),
            (invalid, none, "", "DIFFERS: only kubectl refuses it", true),
            ("", none, missing, "DIFFERS: only ours refuses it", true),
        ] {
            let (kubectl, preview) = (Kubectl::read(&said("", err)), Preview::read(&said(out, ours)));
            assert_eq!(verdict(&kubectl, &preview), (expected, failed), "{err} {ours}");
        }
        assert_eq!(Preview::read(&said(plan, "")).objects, 6);
        assert_eq!(Preview::read(&said(none, "")).objects, 2);
        let counted = Kubectl::read(&said("", &format!("{namespace}{kind}{invalid}{conflict}")));
        assert_eq!((counted.unseen, counted.refused.len()), (2, 2));
    }
}
