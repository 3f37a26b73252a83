//! Linters of workflow files: they are fetched or built where the cache lacks them.

use std::path::PathBuf;
use std::process::Command;

use crate::binaries::{ACTIONLINT, build};
use crate::error::{Result, io};
use crate::layout::Layout;
use crate::process::run;
use crate::progress::Progress;

/// PyPI's package that checks files against schemas, GitLab's own among them, which come with it.
const CHECKER: &str = "check-jsonschema==0.39.0";

/// The program that lints workflow files for GitHub Actions.
///
/// # Errors
/// When it cannot be built.
pub fn actionlint(progress: &Progress) -> Result<PathBuf> {
    let layout = Layout::of_this_checkout();
    build(&layout, &[&ACTIONLINT], progress)?;
    Ok(ACTIONLINT.path(&layout))
}

/// A command that checks the files it is given against GitLab's schema of pipelines.
///
/// # Errors
/// When it cannot be fetched.
pub fn gitlab_checker(progress: &Progress) -> Result<Command> {
    let folder = Layout::of_this_checkout().cache().join(CHECKER);
    if !folder.is_dir() {
        progress.say(format!("fetching {CHECKER} from PyPI"));
        // Another checkout may do the same: each fetches into a folder of its own and then moves it into place.
        let draft = folder.with_extension(format!("{}.new", std::process::id()));
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--target"])
            .arg(&draft)
            .arg(CHECKER);
        run("fetching check-jsonschema from PyPI", &mut pip)?;
        if let Err(error) = std::fs::rename(&draft, &folder)
            && !folder.is_dir()
        {
            return Err(io("rename", &draft)(error));
        }
    }
    let mut command = Command::new("python3");
    command
        .args(["-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci"])
        .env("PYTHONPATH", folder);
    Ok(command)
}
