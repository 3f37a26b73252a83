//! The images of the test bed: real programs from Debian and PyPI, the applications of the guides, and stand-ins.
//!
//! Nothing is pulled from a registry. One root file system of Debian packages is made with mmdebstrap; each image is that
//! plus a small Dockerfile (see `crates/iac-testbed/images`). An image carries a digest of all that it was made from as a
//! label, so a second [`ensure`] finds that there is nothing to do.

mod build;
mod catalogue;
mod config;
mod files;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use crate::docker::Engine;
use catalogue::{BASE, Part, RECIPES, Recipe, base_reference};
pub use config::write_config;
use files::Fingerprint;

/// The Debian packages whose programs [`ensure`] runs, beside the Docker client. They need root.
pub const APT_PACKAGES: &[&str] = &["mmdebstrap", "python3", "python3-pip"];

/// The label that holds the digest of what an image was made from.
const DIGEST_LABEL: &str = "iac.testbed.digest";

/// An image that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRef {
    /// Its full name, `localhost/iac-test/NAME:TAG`.
    pub reference: String,
    /// Its identity on the engine, `sha256:…`. The same for two names of one image.
    pub id: String,
    /// The program that it stands in for, where it is not the real one.
    pub stand_in_for: Option<&'static str>,
}

/// Why the images could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImagesError {
    /// A program could not be started.
    #[error("{action}: `{program}` can't be started: {source}\n  next: install the Debian packages {}", APT_PACKAGES.join(", "))]
    Start {
        /// The action that it was needed for.
        action: String,
        /// The program.
        program: String,
        /// The system's own words.
        source: std::io::Error,
    },
    /// A program failed.
    #[error("{action}: `{program}` ended with {status}\n{output}")]
    Program {
        /// The action that it was run for.
        action: String,
        /// The program.
        program: String,
        /// Its exit status.
        status: ExitStatus,
        /// The last lines that it printed, indented.
        output: String,
    },
    /// A file could not be read or written.
    #[error("could not {verb} {}: {source}", path.display())]
    Io {
        /// A verb: "read", "create", …
        verb: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's own words.
        source: std::io::Error,
    },
    /// The engine lost an image between building it and looking it up.
    #[error(
        "{reference} was built and is not there\n  next: look whether something else removes images from this Docker Engine"
    )]
    Vanished {
        /// The full name of the image.
        reference: String,
    },
}

/// Gives an I/O error the verb and the path that it is about.
fn io(verb: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> ImagesError {
    let path = path.into();
    move |source| ImagesError::Io { verb, path, source }
}

/// Makes the images that are missing or were made from other files, and names all of them.
///
/// Each line given to `progress` says what is made next. From nothing it takes two to four minutes and fetches about
/// 150 MB from Debian and PyPI; with everything there, less than a second.
///
/// # Errors
/// [`ImagesError`], with the words of the program that failed. What was built until then stays, and is not built again.
pub fn ensure(engine: &Engine, progress: &mut dyn FnMut(&str)) -> Result<Vec<ImageRef>, ImagesError> {
    let present = inspect(engine)?;
    let is_current = |reference: &str, digest: &str| present.get(reference).is_some_and(|image| image.digest == digest);
    let base = base_digest();
    let mut digests = BTreeMap::from([(BASE, base.clone())]);
    let mut built = false;
    for recipe in RECIPES {
        let parent = digests.get(recipe.parent).cloned().unwrap_or_default();
        let digest = recipe_digest(recipe, &parent)?;
        if !recipe.references().all(|reference| is_current(&reference, &digest)) {
            if !built && !is_current(&base_reference(), &base) {
                progress(&format!(
                    "{}: a root file system of Debian packages (one to some minutes)",
                    base_reference()
                ));
                build::base(engine, &base)?;
            }
            built = true;
            progress(&recipe.reference());
            build::image(engine, recipe, &parent_reference(recipe), &digest)?;
        }
        digests.insert(recipe.name, digest);
    }
    if !built {
        return refs(&present);
    }
    build::remove_superseded(engine)?;
    refs(&inspect(engine)?)
}

/// An image that the engine has.
struct Present {
    id: String,
    digest: String,
}

/// Looks up all images of the catalogue at once; those that are missing are not in the answer.
fn inspect(engine: &Engine) -> Result<BTreeMap<String, Present>, ImagesError> {
    let format = format!(
        "{{{{.Id}}}} {{{{index .Config.Labels {DIGEST_LABEL:?}}}}}{{{{range .RepoTags}}}} {{{{.}}}}{{{{end}}}}"
    );
    let names = RECIPES.iter().flat_map(Recipe::references).chain([base_reference()]);
    let mut command = engine.docker();
    command.args(["image", "inspect", "--format", &format]).args(names);
    let done = build::output("asking the Docker Engine for its images", &mut command)?;
    // One missing image fails the whole call, which has answered for the others all the same.
    let is_absence = |line: &str| line.contains("o such image");
    if !done.status.success() && !String::from_utf8_lossy(&done.stderr).lines().all(is_absence) {
        return Err(build::failed(
            "asking the Docker Engine for its images",
            &command,
            &done,
        ));
    }
    let mut present = BTreeMap::new();
    for line in String::from_utf8_lossy(&done.stdout).lines() {
        let mut words = line.split(' ');
        let (Some(id), Some(digest)) = (words.next(), words.next()) else {
            continue;
        };
        for reference in words {
            present.insert(
                reference.to_owned(),
                Present {
                    id: id.to_owned(),
                    digest: digest.to_owned(),
                },
            );
        }
    }
    Ok(present)
}

/// The images of the catalogue as the caller gets them.
fn refs(present: &BTreeMap<String, Present>) -> Result<Vec<ImageRef>, ImagesError> {
    let one = |reference: String, recipe: &Recipe| match present.get(&reference) {
        Some(found) => Ok(ImageRef {
            reference,
            id: found.id.clone(),
            stand_in_for: recipe.stand_in_for,
        }),
        None => Err(ImagesError::Vanished { reference }),
    };
    RECIPES
        .iter()
        .flat_map(|recipe| recipe.references().map(move |name| one(name, recipe)))
        .collect()
}

fn base_digest() -> String {
    let mut fingerprint = Fingerprint::new();
    for argument in build::mmdebstrap().get_args().chain([OsStr::new(catalogue::RELEASE)]) {
        fingerprint.text(&argument.to_string_lossy());
    }
    fingerprint.hex()
}

fn recipe_digest(recipe: &Recipe, parent: &str) -> Result<String, ImagesError> {
    let mut fingerprint = Fingerprint::new();
    fingerprint.text(parent);
    fingerprint.folder(&dockerfile_folder(recipe))?;
    for part in recipe.parts {
        match part {
            Part::Folder { from, to } => {
                fingerprint.text(to);
                fingerprint.folder(&workspace().join(from))?;
            }
            Part::PythonPackages { requirements, to } => {
                fingerprint.text(to);
                for file in *requirements {
                    let path = workspace().join(file);
                    fingerprint.text(&std::fs::read_to_string(&path).map_err(io("read", path))?);
                }
            }
        }
    }
    Ok(fingerprint.hex())
}

fn parent_reference(recipe: &Recipe) -> String {
    catalogue::reference(recipe.parent)
}

fn dockerfile_folder(recipe: &Recipe) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("images").join(recipe.name)
}

/// The root of the repository that this was built from: Dockerfiles and applications are read from there.
fn workspace() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}
