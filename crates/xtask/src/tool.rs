//! Cargo's own extensions that tasks need: installed when they are missing.

use std::process::{Command, Stdio};

use iac_testbed::Progress;

/// Makes sure that `cargo NAME` is there.
pub(crate) fn need(name: &str, progress: &Progress) -> Result<(), Box<dyn std::error::Error>> {
    let there = Command::new("cargo")
        .args([name, "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if there.success() {
        return Ok(());
    }
    let package = format!("cargo-{name}");
    progress.say(format!("installing {package} (minutes, once)"));
    let install = Command::new("cargo")
        .args(["install", "--quiet", "--locked", &package])
        .status()?;
    if !install.success() {
        return Err(format!("`cargo install --locked {package}` failed; its words are above").into());
    }
    Ok(())
}
