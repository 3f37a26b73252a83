//! A browser for tests of pages: Debian's Chromium without a window, and axe-core, which finds what stands in the way of people
//! who cannot see, point or tell colours apart.

mod page;
mod pipe;

use std::path::PathBuf;
use std::process::Command;

use crate::error::{Error, Result, io};
use crate::layout::Layout;
use crate::packages;
use crate::process::{find_program, run};
use crate::progress::Progress;
pub use page::Page;
pub use pipe::Browser;

/// The package that brings axe-core 4.12.1 as one script.
const AXE: (&str, &str) = ("axe-playwright-python", "0.1.8");

/// Installs the browser and fetches axe-core, where they are missing.
///
/// # Errors
/// Any [`Error`]; each says what failed and what to do.
pub fn install(layout: &Layout, progress: &Progress) -> Result<()> {
    packages::install(packages::BROWSER, progress)?;
    let target = axe_folder(layout);
    if target.is_dir() {
        return Ok(());
    }
    progress.say("packages: axe-core");
    // Another checkout may fetch the same: each writes a folder of its own and then moves it into place.
    let draft = target.with_extension(format!("{}.new", std::process::id()));
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    pip.args(["--root-user-action=ignore", "--no-deps", "--no-compile", "--target"]);
    pip.arg(&draft).arg(format!("{}=={}", AXE.0, AXE.1));
    run("fetching axe-core", &mut pip)?;
    match std::fs::rename(&draft, &target) {
        Err(_) if target.is_dir() => std::fs::remove_dir_all(&draft).map_err(io("remove", &draft)),
        moved => moved.map_err(io("rename", &draft)),
    }
}

/// The script of axe-core, to be evaluated in a page.
///
/// # Errors
/// [`Error::Missing`] where it was never fetched: tests install nothing.
pub fn axe(layout: &Layout) -> Result<String> {
    let path = axe_folder(layout).join("axe_playwright_python/axe.min.js");
    std::fs::read_to_string(&path).map_err(|_| missing("axe-core"))
}

/// The program of the browser.
fn program() -> Result<PathBuf> {
    find_program("chromium").ok_or_else(|| missing("chromium"))
}

fn missing(what: &str) -> Error {
    Error::Missing {
        program: what.to_owned(),
        tried: "tests install nothing".to_owned(),
        next: "run `cargo xtask test`, which installs it".to_owned(),
    }
}

fn axe_folder(layout: &Layout) -> PathBuf {
    layout.cache().join(format!("{}-{}", AXE.0, AXE.1))
}
