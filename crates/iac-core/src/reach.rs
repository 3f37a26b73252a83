//! Which files the declarations of a folder may have read: a preview shows what it reads, and a folder that came from elsewhere
//! may name, or lead by links to, any file of its reader's.
//!
//! What lies in the repository is in reach, else what lies in the folder itself; the setting [`OUTSIDE`] adds more. Links count
//! as what they lead to.

use std::io;
use std::path::{Path, PathBuf};

use crate::config::{Config, ConfigError};
use crate::files;

/// The setting that names more files and folders, with commas between them. In a file of the repository it needs the user's
/// decision.
pub const OUTSIDE: &str = "files.outside";

/// What a system shows of itself as files: the variables of a process, for one.
const OF_THE_SYSTEM: [&str; 3] = ["/proc", "/sys", "/dev"];

/// The files that declarations may have read.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// What is in reach for where it lies.
    tops: Vec<PathBuf>,
    /// What somebody named.
    named: Vec<PathBuf>,
}

impl Reach {
    /// The reach of a file or folder that the user, or the program, has named.
    pub fn of(path: &Path) -> Self {
        let mut reach = Self::default();
        reach.add(path);
        reach
    }

    /// Adds another file or folder that the user has named, and what lies around it.
    pub fn add(&mut self, path: &Path) {
        // What is not there is not read.
        let Ok(real) = path.canonicalize() else { return };
        if path.is_dir() {
            return self.tops.push(top(&real));
        }
        let folder = path.parent().and_then(|folder| or_here(folder).canonicalize().ok());
        self.tops.extend(folder.map(|folder| top(&folder)));
        self.named.push(real);
    }

    /// Adds files, and folders with all that is in them.
    pub fn allow(&mut self, paths: &[PathBuf]) {
        self.named
            .extend(paths.iter().filter_map(|path| path.canonicalize().ok()));
    }

    /// Whether a file or folder is in reach; one that is not there is, since reading it says so.
    ///
    /// # Errors
    /// When it is not: the error says where it lies, and what allows it.
    pub fn admit(&self, path: &Path) -> io::Result<()> {
        let Ok(real) = path.canonicalize() else { return Ok(()) };
        let within = |folders: &[PathBuf]| folders.iter().any(|folder| real.starts_with(folder));
        let is_of_the_system = OF_THE_SYSTEM.iter().any(|folder| real.starts_with(folder));
        if within(&self.named) || (within(&self.tops) && !is_of_the_system) {
            return Ok(());
        }
        // What is never read has no way to be.
        if let Ok(there) = real.metadata()
            && !there.is_dir()
        {
            files::must_be_regular(&there)?;
        }
        let lies = match real == path {
            true => "it lies".to_owned(),
            false => format!("it is {}, which lies", real.display()),
        };
        let tops: Vec<String> = self.tops.iter().map(|top| top.display().to_string()).collect();
        let message = format!(
            "{lies} outside of {}; --config {OUTSIDE}={} lets it be read",
            tops.join(" and "),
            real.display()
        );
        Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
    }

    /// The text of a file that is in reach.
    ///
    /// # Errors
    /// As [`admit`](Self::admit) and [`files::read_text`].
    pub fn read_text(&self, path: &Path, limit: u64) -> io::Result<String> {
        self.admit(path)?;
        files::read_text(path, limit)
    }
}

/// What the setting [`OUTSIDE`] names.
///
/// # Errors
/// When the setting cannot be read.
pub fn outside(config: &Config) -> Result<Vec<PathBuf>, ConfigError> {
    let named: Option<String> = config.get(OUTSIDE)?;
    let named = named.unwrap_or_default();
    let paths = named.split(',').map(str::trim).filter(|path| !path.is_empty());
    Ok(paths.map(PathBuf::from).collect())
}

/// The repository that a folder lies in, else the folder.
///
/// A repository that holds the user's home is not meant (there are those who keep all settings in one), nor is one that somebody
/// else has put above the folder.
fn top(folder: &Path) -> PathBuf {
    let home = std::env::home_dir().and_then(|home| home.canonicalize().ok());
    let is_home = |folder: &Path| home.as_ref().is_some_and(|home| home.starts_with(folder));
    let repository = folder.ancestors().find(|above| above.join(".git").exists());
    let repository = repository.filter(|above| !is_home(above) && has_one_owner(folder, &above.join(".git")));
    repository.unwrap_or(folder).to_owned()
}

#[cfg(unix)]
fn has_one_owner(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let owner = |path: &Path| std::fs::metadata(path).ok().map(|metadata| metadata.uid());
    owner(one) == owner(other)
}

#[cfg(not(unix))]
fn has_one_owner(_: &Path, _: &Path) -> bool {
    true
}

/// The current folder has an empty name as the parent of a file in it.
fn or_here(folder: &Path) -> &Path {
    match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    }
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_lies_outside_of_the_repository_is_out_of_reach() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let at = |path: &str| root.join(path);
        for made in ["home/shop/.git", "home/shop/app", "home/shop/shared", "home/plain/app"] {
            std::fs::create_dir_all(at(made)).unwrap();
        }
        for file in [
            "home/key",
            "home/shop/shared/env",
            "home/shop/app/compose.yaml",
            "home/plain/env",
        ] {
            std::fs::write(at(file), "text").unwrap();
        }
        std::os::unix::fs::symlink(at("home/key"), at("home/shop/app/link")).unwrap();
        std::os::unix::fs::symlink(at("home/shop/shared"), at("home/shop/app/shared")).unwrap();
        let refused = |reach: &Reach, path: &str| reach.admit(&at(path)).is_err();
        for named in ["home/shop/app", "home/shop/app/compose.yaml"] {
            let reach = Reach::of(&at(named));
            assert!(!refused(&reach, "home/shop/shared/env"), "{named}");
            assert!(!refused(&reach, "home/shop/app/shared/env"), "{named}");
            assert!(!refused(&reach, "home/shop/app/nothing"), "{named}");
            for path in [
                "home/key",
                "home/shop/app/link",
                "home/shop/app/../../key",
                "home/plain",
            ] {
                assert!(refused(&reach, path), "{named}: {path}");
            }
            assert!(reach.admit(Path::new("/proc/self/environ")).is_err());
        }
        // Without a repository, the folder is all.
        let mut reach = Reach::of(&at("home/plain/app"));
        assert!(refused(&reach, "home/plain/env"));
        reach.allow(&[at("home/plain/env")]);
        assert!(!refused(&reach, "home/plain/env") && refused(&reach, "home/key"));
        // A file that the user names is read wherever a link leads; what it names itself is not.
        let reach = Reach::of(&at("home/shop/app/link"));
        assert!(!refused(&reach, "home/shop/app/link"));
        assert!(refused(&reach, "home/plain/env"));
        let error = reach.admit(&at("home/plain/env")).unwrap_err().to_string();
        assert!(
            error.contains("outside of") && error.contains("--config files.outside="),
            "{error}"
        );
        // Of the root all is within, and what the system shows of itself is not meant.
        let reach = Reach::of(Path::new("/"));
        assert!(!refused(&reach, "home/key"));
        assert!(reach.admit(Path::new("/dev/null")).is_err());
    }
}
