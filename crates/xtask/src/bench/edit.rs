//! From touching one line of a system's program to its preview, beside the rebuild of an empty binary.
//!
//! The program is a copy of `stacks/` in a project of its own, as a user has one; it shares the target folder of this
//! workspace, so its dependencies are built already.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::{target, workspace};

/// The number of edits that are timed; the middle one counts.
const EDITS: usize = 5;
/// The file that is edited, and the text in it that becomes another one.
const FILE: &str = "codelab/settings.rs";
const TEXT: &str = "Timing::every(5)";

const DEPENDENCIES: [&str; 5] = ["iac-app", "iac-backends", "iac-core", "iac-k8s", "iac-compose"];

/// The table, measured in this folder.
pub(super) fn table(folder: &Path) -> Result<String, Box<dyn Error>> {
    let (system, empty) = (folder.join("system"), folder.join("empty"));
    copied(&workspace().join("stacks"), &system)?;
    let dependencies: String = DEPENDENCIES
        .iter()
        .map(|name| {
            format!(
                "{name} = {{ path = \"{}\" }}\n",
                workspace().join("crates").join(name).display()
            )
        })
        .collect();
    project(
        &system,
        "[lib]\nname = \"systems\"\npath = \"lib.rs\"\n",
        "prod.rs",
        &format!("{dependencies}serde = \"1\"\n"),
    )?;
    fs::copy(workspace().join("Cargo.lock"), system.join("Cargo.lock"))?;
    fs::create_dir_all(&empty)?;
    project(&empty, "", "main.rs", "")?;

    let source = fs::read_to_string(system.join(FILE))?;
    if !source.contains(TEXT) {
        return Err(format!("stacks/{FILE} no longer has `{TEXT}`, which this benchmark edits").into());
    }
    let edited = |number: usize| source.replacen(TEXT, &format!("Timing::every({})", 5 + number), 1);
    let build = median(|number| {
        fs::write(system.join(FILE), edited(number))?;
        cargo(&system, &target())
    })?;
    let preview = median(|_| preview(&system, folder))?;
    let reference = median(|number| {
        fs::write(
            empty.join("main.rs"),
            format!("fn main() {{ println!(\"{number}\"); }}\n"),
        )?;
        cargo(&empty, &folder.join("target"))
    })?;
    let mut text = String::from("edit to preview (median)\n");
    for (what, time) in [
        ("build of the program after one line", build),
        ("preview --offline of it", preview),
        ("build of an empty binary after one line", reference),
    ] {
        writeln!(text, "{what:<42} {:>6.2} s", time.as_secs_f64())?;
    }
    let ratio = (build + preview).as_secs_f64() / reference.as_secs_f64();
    writeln!(text, "{:<42} {ratio:>6.1}x", "both, beside the empty binary")?;
    Ok(text)
}

/// Files and folders, but not the applications.
fn copied(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if !entry.file_type()?.is_dir() {
            fs::copy(entry.path(), target)?;
        } else if entry.file_name() != "app" {
            copied(&entry.path(), &target)?;
        }
    }
    Ok(())
}

fn project(folder: &Path, library: &str, program: &str, dependencies: &str) -> std::io::Result<()> {
    let manifest = format!(
        "[package]\nname = \"edited\"\nversion = \"0.1.0\"\nedition = \"2024\"\nautobins = false\n\n{library}\n\
         [[bin]]\nname = \"edited\"\npath = \"{program}\"\n\n[dependencies]\n{dependencies}\n\
         [profile.dev]\ndebug = \"line-tables-only\"\n\n[profile.dev.package.\"*\"]\ndebug = false\n\n[workspace]\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest)
}

/// Returns the time that cargo takes.
fn cargo(folder: &Path, target: &Path) -> Result<Duration, Box<dyn Error>> {
    timed(
        Command::new("cargo")
            .current_dir(folder)
            .env("CARGO_TARGET_DIR", target)
            .args(["build", "--quiet", "--offline"]),
    )
}

fn preview(system: &Path, folder: &Path) -> Result<Duration, Box<dyn Error>> {
    timed(
        Command::new(target().join("debug/edited"))
            .current_dir(system)
            .env("IAC_PASSPHRASE", "of no use to anybody")
            .env_remove("IAC_CONFIG_FILE")
            .stdout(fs::File::create(folder.join("plan"))?)
            .args([
                "preview",
                "--offline",
                "--config",
                "secrets.openai_api_key=sk-example",
                "--backend",
            ])
            .arg(folder.join("state")),
    )
}

fn timed(command: &mut Command) -> Result<Duration, Box<dyn Error>> {
    let began = Instant::now();
    let status = command.status()?;
    match status.success() {
        true => Ok(began.elapsed()),
        false => Err(format!("`{}` ended with {status}", iac_testbed::command_line(command)).into()),
    }
}

/// The middle one of several, after one that is not counted: it builds what the others find.
fn median(mut measured: impl FnMut(usize) -> Result<Duration, Box<dyn Error>>) -> Result<Duration, Box<dyn Error>> {
    measured(0)?;
    let mut times = (1..=EDITS).map(&mut measured).collect::<Result<Vec<_>, _>>()?;
    times.sort_unstable();
    Ok(times[EDITS / 2])
}
