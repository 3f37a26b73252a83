//! Which build of the program runs, and where its workspace is.

use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};

/// How many hexadecimal digits of a commit or hash name a build.
const DIGITS: usize = 12;

/// The build's name: `IAC_BUILD_ID`; else the commit of the workspace, with `-dirty` when it holds changes; else a hash
/// of the executable.
pub(super) fn id(workspace: &Path) -> String {
    let given = std::env::var("IAC_BUILD_ID").ok().filter(|id| !id.is_empty());
    given
        .or_else(|| commit(workspace))
        .or_else(executable)
        .unwrap_or_else(|| "unknown".to_owned())
}

fn commit(workspace: &Path) -> Option<String> {
    let commit = git(workspace, &["rev-parse", "HEAD"])?;
    let commit = commit.trim().get(..DIGITS)?.to_owned();
    let changes = git(workspace, &["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changes.trim().is_empty() {
        commit
    } else {
        commit + "-dirty"
    })
}

fn git(workspace: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(workspace)
        .args(arguments)
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn executable() -> Option<String> {
    let bytes = std::fs::read(std::env::current_exe().ok()?).ok()?;
    let hash = crate::value::hex(&Sha256::digest(&bytes));
    Some(format!("exe-{}", hash.get(..DIGITS)?))
}

/// The folder of the nearest `Cargo.toml` upwards that makes a workspace; the current folder where there is none.
pub(super) fn workspace() -> std::io::Result<PathBuf> {
    let here = std::env::current_dir()?;
    let found = here.ancestors().find(|folder| is_workspace(&folder.join("Cargo.toml")));
    Ok(found.map_or_else(|| here.clone(), Path::to_owned))
}

fn is_workspace(manifest: &Path) -> bool {
    let text = std::fs::read_to_string(manifest).unwrap_or_default();
    text.parse::<toml_edit::DocumentMut>()
        .is_ok_and(|document| document.contains_key("workspace"))
}
