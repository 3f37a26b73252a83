//! `cargo xtask size`: how long our descriptions are, beside the YAML of the guides and beside the YAML that they stand for.
//!
//! Lines are counted without blanks, comments and imports. The second measure takes each program's plan, as `preview
//! --offline --json` prints it, and counts the lines of its resources in block style: what somebody would have to write
//! by hand to get the same.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use iac_testbed::{Progress, command_line};
use serde_json::Value as Json;

use crate::{Outcome, say, target, workspace};

/// A system: its description, its programs and what its guide prints.
struct System {
    name: &'static str,
    /// The folder of the description, in `stacks/`.
    folder: &'static str,
    /// The programs that put it on a target.
    programs: &'static [&'static str],
    /// Lines of YAML and of nginx' configuration in the guide, without blanks and comments; pipelines are not counted.
    guide: usize,
}

/// The settings that the programs need and that have no default, as a configuration file.
const SETTINGS: &str = r#"
[secrets]
openai_api_key = "sk-example"
telegram_bot_token = "an example"

[tls]
certificate = "an example"
key = "an example"
"#;

const SYSTEMS: &[System] = &[
    System {
        name: "codelab",
        folder: "codelab",
        programs: &["prod", "codelab_dev", "codelab_full", "codelab_docker_prod"],
        guide: 266,
    },
    System {
        name: "lang-agent",
        folder: "lang_agent",
        programs: &["lang_agent_local", "lang_agent_prod", "lang_agent_kubernetes"],
        guide: 94,
    },
    System {
        name: "estimate-service",
        folder: "estimate",
        programs: &["estimate_docker", "estimate_kubernetes"],
        guide: 250,
    },
    System {
        name: "Easy Flow",
        folder: "easyflow",
        programs: &["easyflow_docker", "easyflow_kubernetes"],
        guide: 431,
    },
];

pub(crate) fn run() -> Outcome {
    let progress = Progress::start();
    progress.say("building the programs");
    let programs = SYSTEMS.iter().flat_map(|system| system.programs);
    let mut cargo = Command::new("cargo");
    cargo.current_dir(workspace()).args(["build", "--quiet"]);
    programs.for_each(|program| {
        cargo.args(["--bin", program]);
    });
    if !cargo.status()?.success() {
        return Err("the programs could not be built".into());
    }
    say::data(&table()?)?;
    Ok(ExitCode::SUCCESS)
}

fn table() -> Result<String, Box<dyn Error>> {
    let mut text = String::from(
        "| system | description | programs | together | guide's YAML | ratio | YAML of all that is declared | ratio |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for system in SYSTEMS {
        let stacks = workspace().join("stacks");
        let description = described(&stacks.join(system.folder))?;
        let files = system.programs.iter().map(|name| stacks.join(format!("{name}.rs")));
        let programs = files.map(|file| lines_of(&file)).sum::<Result<usize, _>>()?;
        let declared = system
            .programs
            .iter()
            .map(|name| declared(name))
            .sum::<Result<usize, _>>()?;
        let ours = description + programs;
        let _ = writeln!(
            text,
            "| {} | {description} | {programs} | {ours} | {} | {} | {declared} | {} |",
            system.name,
            system.guide,
            ratio(ours, system.guide),
            ratio(ours, declared),
        );
    }
    Ok(text)
}

/// Hundredths are as exact as these figures get.
fn ratio(ours: usize, theirs: usize) -> String {
    let hundredths = (ours * 100 + theirs / 2) / theirs.max(1);
    format!("{}.{:02}x", hundredths / 100, hundredths % 100)
}

/// The lines of a description: its Rust and its configuration files, not the JSON of dashboards, which the guides do not
/// count as YAML either.
fn described(folder: &Path) -> Result<usize, Box<dyn Error>> {
    let mut lines = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() && path.extension().is_none_or(|extension| extension != "json") {
            lines += lines_of(&path)?;
        }
    }
    Ok(lines)
}

fn lines_of(file: &Path) -> Result<usize, Box<dyn Error>> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let rust = file.extension().is_some_and(|extension| extension == "rs");
    Ok(if rust { rust_lines(&text) } else { plain_lines(&text) })
}

fn plain_lines(text: &str) -> usize {
    let is_code = |line: &&str| !line.is_empty() && !line.starts_with('#');
    text.lines().map(str::trim).filter(is_code).count()
}

fn rust_lines(text: &str) -> usize {
    let (mut lines, mut importing) = (0, false);
    for line in text.lines().map(str::trim) {
        importing |= line.starts_with("use ") || line.starts_with("pub use ");
        if importing {
            importing = !line.ends_with(';');
        } else if !line.is_empty() && !line.starts_with("//") {
            lines += 1;
        }
    }
    lines
}

/// The lines of YAML that say what a program declares.
fn declared(program: &str) -> Result<usize, Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("iac-size-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let counted = resources(program, &folder);
    fs::remove_dir_all(&folder)?;
    let plan = counted?;
    let steps = plan["steps"].as_array().map_or(&[][..], Vec::as_slice);
    let inputs = steps
        .iter()
        .filter(|step| !step["key"].as_str().is_some_and(|key| key.starts_with("random:")));
    Ok(inputs.map(|step| yaml_lines(&step["inputs"])).sum())
}

/// A program's plan for a stack that does not exist yet.
fn resources(program: &str, folder: &Path) -> Result<Json, Box<dyn Error>> {
    let settings = folder.join("settings.toml");
    fs::write(&settings, SETTINGS)?;
    let mut command = Command::new(target().join("debug").join(program));
    command
        .current_dir(folder)
        .env("IAC_CONFIG_FILE", &settings)
        .env("IAC_PASSPHRASE", "of no use to anybody")
        .args(["preview", "--offline", "--json", "--backend"])
        .arg(folder.join("state"));
    let output = command.output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("`{}` failed: {said}", command_line(&command)).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Returns the number of lines that a value takes in block style, as people write YAML.
fn yaml_lines(value: &Json) -> usize {
    match value {
        Json::Object(map) => map.values().map(field_lines).sum(),
        Json::Array(items) => items.iter().map(|item| yaml_lines(item).max(1)).sum(),
        Json::String(text) if text.contains('\n') => text.lines().count() + 1,
        _ => 1,
    }
}

/// A key, with its value on the same line where that has no parts.
fn field_lines(value: &Json) -> usize {
    match value {
        Json::Object(map) if !map.is_empty() => 1 + yaml_lines(value),
        Json::Array(items) if !items.is_empty() => 1 + yaml_lines(value),
        Json::Object(_) | Json::Array(_) => 1,
        _ => yaml_lines(value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_of_rust_are_counted_without_comments_and_imports() {
        let text =
            "//! Doc.\n\nuse a::{\n    b,\n};\npub use c::d;\n\n/// A thing.\nfn main() {\n    // why\n    run();\n}\n";
        assert_eq!(rust_lines(text), 3);
        assert_eq!(plain_lines("# a\n\nserver {\n  listen 80; # b\n}\n"), 3);
    }

    #[test]
    fn lines_of_yaml_are_those_of_block_style() {
        // a: 1 / b: / - c: 1 / d: {} / e: | / x / y / f: / - 1 / - 2
        let value = json!({"a": 1, "b": [{"c": 1, "d": {}}], "e": "x\ny\n", "f": [1, 2]});
        assert_eq!(yaml_lines(&value), 10);
    }

    #[test]
    fn ratios_are_rounded_to_hundredths() {
        assert_eq!([ratio(1, 2), ratio(2, 3), ratio(5, 4)], ["0.50x", "0.67x", "1.25x"]);
    }
}
