//! Programs that are built here from the Go module proxy, once per digest of their sources, and cached for every checkout.

mod catalogue;
mod go;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::error::{Error, Result, io};
use crate::layout::{Layout, digest};
use crate::process::{last_lines, run, search_path};
use crate::progress::Progress;
pub(crate) use catalogue::*;

impl Binary {
    /// Where the program lies once it is built.
    pub(crate) fn path(&self, layout: &Layout) -> PathBuf {
        layout
            .cache()
            .join("bin")
            .join(format!("{}-{}", self.name, self.digest()))
    }

    /// Where the definitions of the program's custom resources lie once it is built.
    pub(crate) fn definitions(&self, layout: &Layout) -> PathBuf {
        self.path(layout).with_extension("crds")
    }

    fn is_built(&self, layout: &Layout) -> bool {
        self.path(layout).is_file() && (self.definitions.is_none() || self.definitions(layout).is_dir())
    }

    fn digest(&self) -> String {
        let mut content = format!("{}\n{}\n", self.package, self.link);
        for (name, text) in self.module.files {
            if name.starts_with("go.") || self.sources.contains(name) {
                content.push_str(&format!("{name} {}\n{text}", text.len()));
            }
        }
        digest(content.as_bytes())
    }
}

/// Builds those of `binaries` that the cache lacks.
pub(crate) fn build(layout: &Layout, binaries: &[&Binary], progress: &Progress) -> Result<()> {
    let missing: Vec<&&Binary> = binaries.iter().filter(|binary| !binary.is_built(layout)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let folder = layout.cache().join("bin");
    std::fs::create_dir_all(&folder).map_err(io("create", &folder))?;
    let go = go::find(layout, progress)?;
    for binary in missing {
        build_one(layout, binary, &go, progress)?;
    }
    Ok(())
}

fn build_one(layout: &Layout, binary: &Binary, go: &Path, progress: &Progress) -> Result<()> {
    let sources = layout
        .cache()
        .join("src")
        .join(format!("{}-{}", binary.module.name, std::process::id()));
    for (name, text) in binary.module.files {
        let path = sources.join(name);
        let folder = path.parent().unwrap_or(&sources);
        std::fs::create_dir_all(folder).map_err(io("create", folder))?;
        std::fs::write(&path, text).map_err(io("write", &path))?;
    }
    let target = binary.path(layout);
    // Another checkout may build the same program: each writes a file of its own and then moves it into place.
    let draft = target.with_extension(format!("{}.new", std::process::id()));
    let mut command = Command::new(go);
    command.args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags"]);
    command
        .arg(format!("-s -w {}", binary.link))
        .arg("-o")
        .arg(&draft)
        .arg(binary.package);
    command
        .current_dir(&sources)
        .envs([("CGO_ENABLED", "0"), ("GOTOOLCHAIN", "local"), ("GOWORK", "off")]);
    let log = layout.cache().join("bin").join(format!("{}.log", binary.name));
    let what = format!("building {}", binary.name);
    if let Err(error) = run_long(&what, &mut command, &log, progress) {
        // Fetched and compiled parts are cached: a proxy that failed once is asked only for the rest.
        progress.say(format!("{what}: failed, trying once more: {error}"));
        run_long(&what, &mut command, &log, progress)?;
    }
    if let Some((module, folder)) = binary.definitions {
        let find = ["list", "-mod=readonly", "-m", "-f", "{{.Dir}}", module];
        let found = run(
            "finding the definitions of custom resources",
            Command::new(go).args(find).current_dir(&sources),
        )?;
        copy_definitions(&Path::new(found.trim()).join(folder), &binary.definitions(layout))?;
    }
    std::fs::rename(&draft, &target).map_err(io("rename", &draft))?;
    std::fs::remove_dir_all(&sources).map_err(io("remove", &sources))
}

/// Copies the YAML files of a folder, so that a program from the cache needs no Go to be installed with.
fn copy_definitions(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).map_err(io("create", to))?;
    for entry in std::fs::read_dir(from).map_err(io("read", from))? {
        let path = entry.map_err(io("read", from))?.path();
        if let (Some("yaml"), Some(name)) = (path.extension().and_then(|ending| ending.to_str()), path.file_name()) {
            let text = std::fs::read(&path).map_err(io("read", &path))?;
            std::fs::write(to.join(name), text).map_err(io("write", to.join(name)))?;
        }
    }
    Ok(())
}

/// Runs a command that takes minutes, with a sign of life every half minute.
fn run_long(what: &str, command: &mut Command, log: &Path, progress: &Progress) -> Result<()> {
    progress.say(format!("{what} (minutes on a machine that has built nothing yet)"));
    let failed = |outcome: String| Error::Command {
        what: what.to_owned(),
        command: "go build".to_owned(),
        outcome,
        output: last_lines(&std::fs::read_to_string(log).unwrap_or_default(), 15),
    };
    let output = std::fs::File::create(log).map_err(io("create", log))?;
    let output_too = output.try_clone().map_err(io("open", log))?;
    command
        .env("PATH", search_path())
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(output_too);
    let mut child = command
        .spawn()
        .map_err(|error| failed(format!("could not start: {error}")))?;
    let mut told = Instant::now();
    loop {
        match child
            .try_wait()
            .map_err(|error| failed(format!("could not be waited for: {error}")))?
        {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(failed(format!("ended with {status}"))),
            None => std::thread::sleep(Duration::from_millis(200)),
        }
        if told.elapsed() > Duration::from_secs(30) {
            told = Instant::now();
            progress.say(format!("{what}: still at it"));
        }
    }
}
