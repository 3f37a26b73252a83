//! Runs the programs that make images: mmdebstrap, pip and the Docker client.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::catalogue::{BASE_EXCLUDES, BASE_PACKAGES, PYTHON, Part, RELEASE, Recipe, Tags, base_reference};
use super::{DIGEST_LABEL, ImagesError, files, io, workspace};
use crate::docker::Engine;

/// Makes the root file system and imports it.
pub(super) fn base(engine: &Engine, digest: &str) -> Result<(), ImagesError> {
    let work = tempfile::tempdir().map_err(io("create", std::env::temp_dir()))?;
    let archive = work.path().join("base.tar");
    run("making the root file system", mmdebstrap().arg(RELEASE).arg(&archive))?;
    let label = format!("LABEL {DIGEST_LABEL}={digest}");
    let mut import = engine.docker();
    import
        .args(["import", "--change", &label, "--change", "CMD [\"bash\"]"])
        .arg(&archive)
        .arg(base_reference());
    run("importing the root file system", &mut import)
}

/// The call of mmdebstrap without its last two arguments, the release and the file. All of it goes into the digest.
pub(super) fn mmdebstrap() -> Command {
    let mut command = Command::new("mmdebstrap");
    command.args([
        "--quiet",
        "--variant=minbase",
        "--format=tar",
        r#"--aptopt=Apt::Install-Recommends "false""#,
    ]);
    command.args(
        BASE_EXCLUDES
            .iter()
            .map(|path| format!("--dpkgopt=path-exclude={path}")),
    );
    // Debian's PostgreSQL makes a cluster when it is installed; the containers make their own.
    let no_cluster = "create_main_cluster = false";
    let folder = r#""$1/etc/postgresql-common""#;
    command.arg(format!(
        r#"--essential-hook=mkdir -p {folder} && echo "{no_cluster}" > {folder}/createcluster.conf"#
    ));
    command.arg(format!("--include={}", BASE_PACKAGES.join(",")));
    command
}

/// Builds the image or images of a recipe from its Dockerfile and the parts of its context.
pub(super) fn image(engine: &Engine, recipe: &Recipe, parent: &str, digest: &str) -> Result<(), ImagesError> {
    let context = tempfile::tempdir().map_err(io("create", std::env::temp_dir()))?;
    files::copy(&super::dockerfile_folder(recipe), context.path())?;
    for part in recipe.parts {
        match part {
            Part::Folder { from, to } => files::copy(&workspace().join(from), &context.path().join(to))?,
            Part::PythonPackages { requirements, to } => {
                python_packages(requirements, &context.path().join(to))?;
            }
        }
    }
    let build = |tags: &[&str], version: Option<&str>| {
        let mut build = engine.docker();
        build.args(["build", "--quiet", "--label", &format!("{DIGEST_LABEL}={digest}")]);
        build.args(["--build-arg", &format!("BASE={parent}")]);
        if let Some(version) = version {
            build.args(["--build-arg", &format!("VERSION={version}")]);
        }
        // Docker's own record of what it built would go by the file times of the context, which are new each time.
        for tag in tags {
            build.args(["--tag", &recipe.tagged(tag)]);
        }
        run(&format!("building {}", recipe.reference()), build.arg(context.path()))
    };
    match recipe.tags {
        Tags::Names(tags) => build(tags, None),
        Tags::Versions(versions) => versions.iter().try_for_each(|version| build(&[version], Some(version))),
    }
}

/// Fetches the packages of requirements files for the Python of the images.
fn python_packages(requirements: &[&str], target: &Path) -> Result<(), ImagesError> {
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--root-user-action=ignore",
    ]);
    pip.args([
        "--no-deps",
        "--no-compile",
        "--only-binary=:all:",
        "--implementation=cp",
    ]);
    pip.args(["--python-version", PYTHON]);
    for generation in ["manylinux2014", "manylinux_2_28", "manylinux_2_34"] {
        pip.args(["--platform", &format!("{generation}_{}", std::env::consts::ARCH)]);
    }
    pip.arg("--target").arg(target);
    for file in requirements {
        pip.arg("--requirement").arg(workspace().join(file));
    }
    run("fetching Python packages", &mut pip)?;
    // Scripts with the path of this machine's Python; the images have their own.
    let scripts = target.join("bin");
    if scripts.exists() {
        std::fs::remove_dir_all(&scripts).map_err(io("remove", scripts))?;
    }
    Ok(())
}

/// Removes the images that a rebuild left without a name.
pub(super) fn remove_superseded(engine: &Engine) -> Result<(), ImagesError> {
    let mut prune = engine.docker();
    prune.args([
        "image",
        "prune",
        "--force",
        "--filter",
        &format!("label={DIGEST_LABEL}"),
    ]);
    run("removing superseded images", &mut prune)
}

/// Runs a program to its end; a failure carries the last lines that it printed.
pub(super) fn run(action: &str, command: &mut Command) -> Result<(), ImagesError> {
    let done = output(action, command)?;
    if done.status.success() {
        Ok(())
    } else {
        Err(failed(action, command, &done))
    }
}

/// Runs a program to its end, whatever that is.
pub(super) fn output(action: &str, command: &mut Command) -> Result<Output, ImagesError> {
    let done = command.stdin(Stdio::null()).output();
    done.map_err(|source| ImagesError::Start {
        action: action.to_owned(),
        program: program(command),
        source,
    })
}

/// The error about a program that ended as `done` says.
pub(super) fn failed(action: &str, command: &Command, done: &Output) -> ImagesError {
    let text = [
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr),
    ]
    .concat();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines
        .iter()
        .skip(lines.len().saturating_sub(15))
        .map(|line| format!("    {line}\n"))
        .collect();
    ImagesError::Program {
        action: action.to_owned(),
        program: program(command),
        status: done.status,
        output: last,
    }
}

fn program(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}
