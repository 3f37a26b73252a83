//! Hundreds of small compose files, read by us and by docker compose: both refuse one, or both mean the same by it.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "corpus/cases.rs"]
mod cases;
#[path = "corpus/normal.rs"]
mod normal;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use cases::Case;
use iac_compose::{Compose, FileOptions};
use iac_core::Stack;
use iac_core::config::Config;
use iac_testbed::{Needs, TestBed};
use serde_json::Value as Json;

/// The number of cases that both sides read at a time: each takes little more than a process.
const AT_A_TIME: usize = 4;

fn environment(case: &Case, folder: &Path) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = [
        ("HOME", "/home/corpus".to_owned()),
        ("PATH", "/nowhere".to_owned()),
        ("PWD", folder.display().to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    all.extend(case.environment.clone());
    all
}

/// Returns docker compose's reading of a case.
fn theirs(compose: &Path, case: &Case, folder: &Path) -> Result<Json, String> {
    let mut command = Command::new(compose);
    command.current_dir(folder).env_clear().envs(environment(case, folder));
    if let Some(file) = &case.open {
        command.args(["-f", file]);
    }
    let output = command.args(["config", "--format", "json"]).output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    // It writes every dollar sign twice, so that its output could be read again.
    let text = String::from_utf8(output.stdout).unwrap().replace("$$", "$");
    Ok(serde_json::from_str(&text).unwrap())
}

/// Returns our reading of a case.
fn ours(case: &Case, folder: &Path) -> Result<Json, String> {
    let stack = Stack::new("corpus", Config::default());
    let path = case
        .open
        .as_ref()
        .map_or_else(|| folder.to_owned(), |file| folder.join(file));
    let options = FileOptions::default().environment(environment(case, folder));
    let (compose, _) = Compose::load_with(&stack, path, &options);
    let name = compose.name().to_owned();
    match stack.finish() {
        Ok(declaration) => Ok(normal::of_declaration(&name, &declaration)),
        Err(errors) => Err(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }
}

/// Returns the error in our reading of a case, if there is one.
fn judge(compose: &Path, case: &Case) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap().join("proj");
    case.write(&root);
    // One repository: files above that of a case are the project's own.
    std::fs::create_dir(folder.path().join(".git")).unwrap();
    let (theirs, ours) = (theirs(compose, case, &root), ours(case, &root));
    match (theirs, ours, &case.refused) {
        (Ok(theirs), Ok(ours), None) => {
            let theirs = normal::of_config(&theirs, &root);
            let differences = normal::differences(&theirs, &ours);
            (!differences.is_empty()).then(|| differences.join("\n    "))
        }
        (Ok(_), Err(error), Some(part)) if error.contains(part) => None,
        (Ok(_), Err(error), Some(part)) => Some(format!("refused, but without {part:?}: {error}")),
        (Ok(_), Ok(_), Some(_)) => Some("accepted, though it is listed as not supported".to_owned()),
        (Err(_), Err(_), None) => None,
        (Err(error), _, Some(_)) => Some(format!("docker compose refuses it as well: {error}")),
        (Err(error), Ok(_), None) => Some(format!("accepted, but docker compose says: {error}")),
        (Ok(_), Err(error), None) => Some(format!("refused, but docker compose accepts it: {error}")),
    }
}

#[test]
fn compose_files_mean_what_docker_compose_means_by_them() {
    let needs = Needs {
        docker: true,
        ..Needs::default()
    };
    let compose = TestBed::ensure(needs).unwrap().compose;
    let only = std::env::var("IAC_CORPUS").unwrap_or_default();
    let all = cases::all();
    assert!(all.len() >= 300, "only {} cases", all.len());
    let cases: Vec<Case> = all.into_iter().filter(|case| case.name.contains(&only)).collect();
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let judged = std::panic::catch_unwind(|| judge(&compose, case));
                    let judged = judged.unwrap_or_else(|_| Some("the comparison itself failed".to_owned()));
                    if let Some(what) = judged {
                        wrong.lock().unwrap().push(format!("{}: {what}", case.name));
                    }
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().unwrap();
    wrong.sort();
    assert!(
        wrong.is_empty(),
        "{} of {} cases:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}
