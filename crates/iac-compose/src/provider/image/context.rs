//! A build's context: the folder without what `.dockerignore` leaves out, and its digest.
//!
//! The digest covers names, contents, links and the executable bit; not times and owners, which differ between two
//! checkouts of the same commit. As with docker, a FIFO goes into the archive as one, and nothing reads from it; a socket is
//! left out. A device, which docker passes on as well, is refused: only root could have made it, and only root could unpack it.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use iac_core::files;
use sha2::{Digest, Sha256};

use super::ignore::Ignore;
use crate::model::Build;

/// The name under which a Dockerfile that stands in the definition goes into the archive.
pub(super) const INLINE: &str = ".iac.Dockerfile";

/// Why a context cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContextError {
    /// A file or folder cannot be read.
    #[error("{path}: {error}")]
    Read {
        /// Which.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// There is more in it than anybody sends to an engine.
    #[error("{path} has {limit}; name in .dockerignore what the build does not need")]
    TooMuch {
        /// Which folder.
        path: String,
        /// The limit.
        limit: String,
    },
    /// There is no Dockerfile.
    #[error("{path} is not there; name another one with `dockerfile`")]
    NoDockerfile {
        /// Where it was looked for.
        path: String,
    },
}

/// One thing in a context.
pub(super) enum Entry {
    Folder,
    File { executable: bool, length: u64 },
    Link(PathBuf),
    Fifo,
}

pub(super) fn at(path: &Path, error: io::Error) -> ContextError {
    ContextError::Read {
        path: path.display().to_string(),
        error,
    }
}

/// The Dockerfile's path in the archive.
pub(super) fn dockerfile(build: &Build) -> String {
    match (&build.dockerfile_inline, &build.dockerfile) {
        (Some(_), _) => INLINE.to_owned(),
        (None, Some(path)) => path.clone(),
        (None, None) => "Dockerfile".to_owned(),
    }
}

/// Where a folder is in the context of a build, as a path with slashes; none where it is not in there.
pub(crate) fn place_of(folder: &Path, build: &Build) -> Option<String> {
    let context = fs::canonicalize(&build.context).ok()?;
    // The folder may be still to be made.
    let absolute = std::path::absolute(folder).ok()?;
    let there = absolute
        .ancestors()
        .find_map(|above| Some((above, fs::canonicalize(above).ok()?)));
    let (above, real) = there?;
    let full = real.join(absolute.strip_prefix(above).ok()?);
    let parts = full.strip_prefix(context).ok()?.components();
    let parts: Vec<_> = parts.map(|part| part.as_os_str().to_string_lossy()).collect();
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// Paths in a context that are no part of it: the run itself writes there.
#[derive(Debug, Default)]
pub(crate) struct LeftOut(Vec<String>);

impl LeftOut {
    /// The folder that the state is in, as a path in the context, and the files that the command line names.
    pub(crate) fn new(build: &Build, state_folder: Option<&str>, own_files: &[PathBuf]) -> Self {
        let files = own_files.iter().filter_map(|file| place_of(file, build));
        Self(state_folder.map(str::to_owned).into_iter().chain(files).collect())
    }

    fn has(&self, path: &str) -> bool {
        self.0.iter().any(|left_out| left_out == path)
    }
}

/// The most that a context may hold.
struct Limits {
    things: usize,
    bytes: u64,
}

const LIMITS: Limits = Limits {
    things: 1_000_000,
    bytes: 32 << 30,
};

impl Limits {
    fn check(&self, build: &Build, things: usize, bytes: u64) -> Result<(), ContextError> {
        let limit = match () {
            () if things > self.things => format!("more than {} files", self.things),
            () if bytes > self.bytes => format!("more than {} GiB", self.bytes >> 30),
            () => return Ok(()),
        };
        let path = build.context.clone();
        Err(ContextError::TooMuch { path, limit })
    }
}

/// Everything in the context but what is left out, by its path with slashes, sorted.
pub(super) fn entries(build: &Build, left_out: &LeftOut) -> Result<Vec<(String, PathBuf, Entry)>, ContextError> {
    entries_within(build, left_out, &LIMITS)
}

fn entries_within(
    build: &Build,
    left_out: &LeftOut,
    limits: &Limits,
) -> Result<Vec<(String, PathBuf, Entry)>, ContextError> {
    let root = Path::new(&build.context);
    let ignore_path = root.join(".dockerignore");
    let ignore = match files::read_text(&ignore_path, files::SETTINGS) {
        Ok(text) => Ignore::parse(&text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ignore::default(),
        Err(error) => return Err(at(&ignore_path, error)),
    };
    let dockerfile = dockerfile(build);
    if build.dockerfile_inline.is_none() && !root.join(&dockerfile).is_file() {
        let path = root.join(&dockerfile).display().to_string();
        return Err(ContextError::NoDockerfile { path });
    }
    let (mut seen, mut bytes) = (0, 0_u64);
    let mut found = Vec::new();
    let mut open = vec![(String::new(), root.to_path_buf())];
    while let Some((prefix, folder)) = open.pop() {
        for item in fs::read_dir(&folder).map_err(|error| at(&folder, error))? {
            let item = item.map_err(|error| at(&folder, error))?;
            let path = item.path();
            let name = format!("{prefix}{}", item.file_name().to_string_lossy());
            if left_out.has(&name) {
                continue;
            }
            // Also what is left out is walked through.
            seen += 1;
            limits.check(build, seen, bytes)?;
            let kind = item.file_type().map_err(|error| at(&path, error))?;
            // The engine needs these two even where they are left out of what is copied.
            let is_left_out = ignore.leaves_out(&name) && name != dockerfile && name != ".dockerignore";
            if kind.is_dir() {
                if !is_left_out {
                    found.push((name.clone(), path.clone(), Entry::Folder));
                }
                if !is_left_out || !ignore.is_final() || dockerfile.starts_with(&format!("{name}/")) {
                    open.push((format!("{name}/"), path));
                }
            } else if !is_left_out {
                let entry = entry(&path, kind)?;
                if let Some(Entry::File { length, .. }) = entry {
                    bytes = bytes.saturating_add(length);
                    limits.check(build, seen, bytes)?;
                }
                found.extend(entry.map(|entry| (name, path, entry)));
            }
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

/// Returns the entry of the archive for a thing that is no folder; `None` if it is left out.
fn entry(path: &Path, kind: fs::FileType) -> Result<Option<Entry>, ContextError> {
    if kind.is_symlink() {
        let target = fs::read_link(path).map_err(|error| at(path, error))?;
        return Ok(Some(Entry::Link(target)));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        if kind.is_fifo() {
            return Ok(Some(Entry::Fifo));
        } else if kind.is_socket() {
            return Ok(None);
        }
    }
    let file = files::open_own(path).map_err(|error| at(path, error))?;
    let metadata = file.metadata().map_err(|error| at(path, error))?;
    Ok(Some(Entry::File {
        executable: is_executable(&metadata),
        length: metadata.len(),
    }))
}

#[cfg(unix)]
fn is_executable(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &fs::Metadata) -> bool {
    false
}

/// The digest of a context.
///
/// # Errors
/// When the folder or something in it cannot be read, or it has no Dockerfile.
pub(crate) fn hash(build: &Build, left_out: &LeftOut) -> Result<String, ContextError> {
    let mut digest = Sha256::new();
    for (name, path, entry) in entries(build, left_out)? {
        digest.update(name.as_bytes());
        match entry {
            Entry::Folder => digest.update(b"\0d\0"),
            Entry::Link(target) => {
                digest.update(b"\0l\0");
                digest.update(target.to_string_lossy().as_bytes());
            }
            Entry::File { executable, .. } => {
                let (mut content, length) = content(&path).map_err(|error| at(&path, error))?;
                digest.update(if executable { b"\0x\0" } else { b"\0f\0" });
                digest.update(length.to_be_bytes());
                let read = files::each_part(&mut content, |part| digest.update(part));
                read.map_err(|error| at(&path, error))?;
            }
            Entry::Fifo => digest.update(b"\0p\0"),
        }
    }
    let bytes = digest.finalize();
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A file's content, and how long it is: nothing that is added meanwhile is read.
pub(super) fn content(path: &Path) -> io::Result<(io::Take<fs::File>, u64)> {
    let file = files::open_own(path)?;
    let length = file.metadata()?.len();
    Ok((file.take(length), length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, name: &str, content: &str) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("has one")).expect("made");
        fs::write(path, content).expect("written");
    }

    #[test]
    fn the_digest_follows_what_is_sent() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        write(root, "Dockerfile", "FROM scratch\n");
        write(root, "src/main.py", "print(1)\n");
        write(root, ".dockerignore", "*.log\n.git\n");
        let build = Build::context(root.display().to_string());
        let first = hash(&build, &LeftOut::default()).expect("readable");
        write(root, "noise.log", "x");
        write(root, ".git/HEAD", "x");
        assert_eq!(hash(&build, &LeftOut::default()).expect("readable"), first);
        write(root, "src/main.py", "print(2)\n");
        assert_ne!(hash(&build, &LeftOut::default()).expect("readable"), first);
    }

    #[test]
    fn what_the_run_writes_is_no_part_of_the_context() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        write(root, "Dockerfile", "FROM scratch\n");
        write(root, "deep/x", "x");
        let build = Build::context(root.display().to_string());
        let place = |folder: &str| place_of(&root.join(folder), &build);
        // Whether it is there or not, and however it is spelled.
        for (folder, expected) in [
            ("state", Some("state")),
            ("deep/state/more", Some("deep/state/more")),
            ("deep/../deep", Some("deep")),
            (".", None),
            ("..", None),
            ("../elsewhere", None),
        ] {
            assert_eq!(place(folder).as_deref(), expected, "{folder}");
        }
        let state = LeftOut::new(
            &build,
            Some("state"),
            &[root.join("deep/plan.json"), PathBuf::from("run.jsonl")],
        );
        let before = hash(&build, &state).expect("readable");
        write(root, "deep/plan.json", "{}");
        assert_eq!(hash(&build, &state).expect("readable"), before);
        write(root, "state/dev/state.json", "1");
        assert_eq!(hash(&build, &state).expect("readable"), before);
        assert_ne!(hash(&build, &LeftOut::default()).expect("readable"), before);
        write(root, "deep/state/x", "another folder of that name");
        assert_ne!(hash(&build, &state).expect("readable"), before);
    }

    #[cfg(unix)]
    #[test]
    fn nothing_is_read_from_a_fifo_and_a_socket_is_left_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        write(root, "Dockerfile", "FROM scratch\n");
        let build = Build::context(root.display().to_string());
        let before = hash(&build, &LeftOut::default()).expect("readable");
        let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).expect("bound");
        assert_eq!(hash(&build, &LeftOut::default()).expect("readable"), before);
        let fifo = std::process::Command::new("mkfifo").arg(root.join("pipe")).status();
        assert!(fifo.is_ok_and(|status| status.success()));
        assert_ne!(hash(&build, &LeftOut::default()).expect("readable"), before);
        let mut archive =
            tar::Archive::new(super::super::archive::archive(&build, &LeftOut::default()).expect("packed"));
        let entries = archive.entries().expect("an archive");
        let names = entries.map(|entry| {
            let entry = entry.expect("whole");
            let name = entry.path().expect("a name").display().to_string();
            (name, entry.header().entry_type(), entry.size())
        });
        let expected = [
            ("Dockerfile".to_owned(), tar::EntryType::Regular, 13),
            ("pipe".to_owned(), tar::EntryType::Fifo, 0),
        ];
        assert_eq!(names.collect::<Vec<_>>(), expected);
        write(root, ".dockerignore", "x");
        fs::remove_file(root.join(".dockerignore")).expect("removed");
        std::os::unix::fs::symlink("/dev/zero", root.join(".dockerignore")).expect("linked");
        let error = hash(&build, &LeftOut::default()).expect_err("endless").to_string();
        assert!(error.contains(".dockerignore: it is a device"), "{error}");
    }

    #[test]
    fn a_context_without_end_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        write(root, "Dockerfile", "FROM scratch\n");
        write(root, "a/b", "x");
        let build = Build::context(root.display().to_string());
        let few = Limits { things: 2, ..LIMITS };
        let left_out = LeftOut::default();
        let error = entries_within(&build, &left_out, &few)
            .err()
            .expect("too many")
            .to_string();
        assert!(
            error.contains("has more than 2 files; name in .dockerignore"),
            "{error}"
        );
        let sparse = fs::File::create(root.join("sparse")).expect("made");
        sparse.set_len(33 << 30).expect("sparse");
        let error = hash(&build, &left_out).expect_err("too large").to_string();
        assert!(error.contains("has more than 32 GiB; name in .dockerignore"), "{error}");
        write(root, ".dockerignore", "sparse\n");
        assert!(hash(&build, &left_out).is_ok());
    }

    #[test]
    fn a_missing_dockerfile_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let build = Build::context(folder.path().display().to_string());
        assert!(matches!(
            hash(&build, &LeftOut::default()),
            Err(ContextError::NoDockerfile { .. })
        ));
        let inline = Build {
            dockerfile_inline: Some("FROM scratch".to_owned()),
            ..build
        };
        assert!(hash(&inline, &LeftOut::default()).is_ok());
    }
}
