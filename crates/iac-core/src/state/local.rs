//! State in a folder of the file system.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::{Backend, BackendError, BackendErrorKind, Created, Etag, Object, Put};
use crate::files;
use crate::value::hex;

/// Where files are written before they get their name.
const TEMPORARY: &str = ".tmp";

/// The file whose lock makes compare-and-replace one step.
const LOCK: &str = ".lock";

/// The longest wait for that lock. Whoever holds it does so for as long as it takes to read a file and to rename one.
const LOCKED: Duration = Duration::from_secs(5);

/// The file that git reads, and its content: nothing in here is for the repository.
const GITIGNORE: &str = ".gitignore";
const IGNORED: &str = "# State is shared through a backend, not through a repository.\n*\n";

/// The least age of a temporary file that may count as left behind by a process that was killed. Its lock decides: the age is
/// only as good as this machine's clock, and spares the files that have no lock yet.
const LEFT_BEHIND: Duration = Duration::from_secs(3600);

/// Keys as files below a folder.
///
/// A value is written to a temporary file and synced, gets its name by a rename or link that does not replace anything
/// unasked, and then the folder is synced. Files and folders are open to their owner only. A value may have 256 MiB.
#[derive(Debug, Clone)]
pub struct LocalBackend {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    /// True if a folder that is made gets a file by which git leaves it alone.
    kept_from_git: bool,
    swept: Once,
}

impl LocalBackend {
    /// State below this folder, which is made on the first write.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self::with(root.into(), false)
    }

    /// The same, for a folder in a project: git leaves it alone from the moment that it is made, since state is shared
    /// through a backend. A folder that is there already stays as it is.
    pub fn kept_from_git(root: impl Into<PathBuf>) -> Self {
        Self::with(root.into(), true)
    }

    fn with(root: PathBuf, kept_from_git: bool) -> Self {
        let shared = Shared {
            root,
            kept_from_git,
            swept: Once::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The file of a key.
    fn file(&self, operation: &'static str, key: &str) -> Result<PathBuf, BackendError> {
        let path = self.shared.root.join(key);
        if is_key(key) {
            return Ok(path);
        }
        Err(BackendError {
            operation,
            place: path.display().to_string(),
            message: "not a key of a backend".into(),
            kind: BackendErrorKind::Other,
        })
    }

    /// Does blocking work where it holds up no other task.
    async fn blocking<T: Send + 'static>(
        &self,
        operation: &'static str,
        path: PathBuf,
        work: impl FnOnce(&Shared, &Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, BackendError> {
        let place = path.display().to_string();
        let shared = Arc::clone(&self.shared);
        let (message, kind) = match tokio::task::spawn_blocking(move || work(&shared, &path)).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => (error.to_string(), kind_of(&error)),
            Err(error) => (error.to_string(), BackendErrorKind::Other),
        };
        Err(BackendError {
            operation,
            place,
            message,
            kind,
        })
    }
}

#[async_trait]
impl Backend for LocalBackend {
    async fn place(&self) -> Option<String> {
        let root = &self.shared.root;
        let path = root.canonicalize().or_else(|_| std::path::absolute(root)).ok()?;
        Some(format!("file://{}", path.display()))
    }

    async fn read(&self, key: &str) -> Result<Option<Object>, BackendError> {
        self.blocking("read", self.file("read", key)?, |_, path| read(path))
            .await
    }

    async fn create(&self, key: &str, bytes: Vec<u8>) -> Result<Created, BackendError> {
        let work = move |shared: &Shared, path: &Path| {
            // Spares the writing in the ordinary case of a conflict; the rename decides.
            if path.try_exists()? {
                return Ok(Created::Exists);
            }
            let file = shared.written(&bytes)?;
            let folder = shared.folder_of(path)?;
            match file.persist_noclobber(path) {
                Ok(_) => {}
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Ok(Created::Exists),
                Err(error) => return Err(error.error),
            }
            sync(folder)?;
            Ok(Created::Created(etag(&bytes)))
        };
        self.blocking("create", self.file("create", key)?, work).await
    }

    async fn put_if_match(&self, key: &str, bytes: Vec<u8>, expected: &Etag) -> Result<Put, BackendError> {
        let expected = expected.clone();
        let work = move |shared: &Shared, path: &Path| {
            let file = shared.written(&bytes)?;
            let _lock = shared.lock()?;
            if read(path)?.map(|object| object.etag) != Some(expected) {
                return Ok(Put::Mismatch);
            }
            file.persist(path).map_err(|error| error.error)?;
            sync(shared.folder_of(path)?)?;
            Ok(Put::Done(etag(&bytes)))
        };
        self.blocking("replace", self.file("replace", key)?, work).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, BackendError> {
        let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        let prefix = prefix.to_owned();
        let path = self.shared.root.join(&folder);
        let work = move |_: &Shared, path: &Path| {
            let mut keys = Vec::new();
            walk(path, &folder, &mut keys)?;
            keys.retain(|key| key.starts_with(&prefix));
            keys.sort();
            Ok(keys)
        };
        self.blocking("list", path, work).await
    }

    async fn delete(&self, key: &str) -> Result<(), BackendError> {
        let work = |shared: &Shared, path: &Path| {
            // Also where there is no folder yet to hold the lock.
            if fs::symlink_metadata(path).is_err_and(|error| is_absent(&error)) {
                return Ok(());
            }
            // Not between the look and the rename of a replacement, which would bring the key back.
            let _lock = shared.lock()?;
            match fs::remove_file(path) {
                Err(error) if !is_absent(&error) => Err(error),
                _ => Ok(()),
            }
        };
        self.blocking("delete", self.file("delete", key)?, work).await
    }
}

impl Shared {
    /// A synced temporary file with this content, locked until it is closed, so that nobody takes it for left behind.
    fn written(&self, bytes: &[u8]) -> io::Result<NamedTempFile> {
        // It could not be read again.
        files::check_size(bytes, files::STATE)?;
        let folder = self.root.join(TEMPORARY);
        if self.kept_from_git && !self.root.exists() {
            make_folder(&self.root)?;
            fs::write(self.root.join(GITIGNORE), IGNORED)?;
        }
        make_folder(&folder)?;
        self.swept.call_once(|| sweep(&folder));
        let mut file = NamedTempFile::new_in(&folder)?;
        file.as_file().lock()?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        Ok(file)
    }

    /// Waits for the lock that makes compare-and-replace one step, for a limited time: a process that stands still may hold
    /// it. It is let go when the file is closed, also when the process is killed.
    fn lock(&self) -> io::Result<File> {
        let path = self.root.join(LOCK);
        let of_lock = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let file = files::open_lock(&path).map_err(of_lock)?;
        let deadline = Instant::now() + LOCKED;
        let mut pause = Duration::from_millis(1);
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(pause),
                Err(TryLockError::WouldBlock) => {
                    let message = format!(
                        "{} has been locked by another process for {} s, which no run does; `fuser {0}` tells which",
                        path.display(),
                        LOCKED.as_secs()
                    );
                    return Err(io::Error::new(io::ErrorKind::TimedOut, message));
                }
                Err(TryLockError::Error(error)) => return Err(of_lock(error)),
            }
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }

    /// The folder of a file, made if need be.
    fn folder_of<'a>(&'a self, path: &'a Path) -> io::Result<&'a Path> {
        let folder = path.parent().unwrap_or(&self.root);
        make_folder(folder)?;
        Ok(folder)
    }
}

/// True if a text is a key: parts that cannot lead elsewhere, nor meet our own files.
fn is_key(key: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    key.split('/')
        .all(|part| !part.is_empty() && !part.starts_with('.') && part.chars().all(allowed))
}

fn read(path: &Path) -> io::Result<Option<Object>> {
    match files::read_own(path, files::STATE) {
        Ok(bytes) => Ok(Some(Object {
            etag: etag(&bytes),
            bytes,
        })),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn etag(bytes: &[u8]) -> Etag {
    Etag(hex(&Sha256::digest(bytes)))
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn kind_of(error: &io::Error) -> BackendErrorKind {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => BackendErrorKind::Full,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => BackendErrorKind::Denied,
        io::ErrorKind::Interrupted | io::ErrorKind::TimedOut => BackendErrorKind::Transient,
        _ => BackendErrorKind::Other,
    }
}

/// Makes a folder and those above it, each durably.
fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let above = folder.parent().unwrap_or(Path::new(""));
    make_folder(above)?;
    match for_us_alone().create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    sync(above)
}

/// Returns a builder of folders that nobody else can look into.
fn for_us_alone() -> fs::DirBuilder {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// Makes the names in a folder durable.
fn sync(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    File::open(folder)?.sync_all()
}

/// Removes what processes that were killed left behind; whatever stands in the way can wait for another time.
fn sweep(folder: &Path) {
    let old = |entry: &fs::DirEntry| {
        let modified = entry.metadata().and_then(|metadata| metadata.modified()).ok();
        modified
            .and_then(|time| time.elapsed().ok())
            .is_some_and(|age| age > LEFT_BEHIND)
    };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten().filter(old) {
        // Open for writing, without which a lock on a network share is refused.
        if files::open_written(&entry.path()).is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Collects the keys below a folder; `key` is the folder's own.
fn walk(folder: &Path, key: &str, keys: &mut Vec<String>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if is_absent(&error) => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let Some(name) = entry
            .file_name()
            .to_str()
            .filter(|name| is_key(name))
            .map(str::to_owned)
        else {
            continue;
        };
        let key = if key.is_empty() { name } else { format!("{key}/{name}") };
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), &key, keys)?;
        } else {
            keys.push(key);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_apart() {
        for (kind, expected) in [
            (io::ErrorKind::StorageFull, BackendErrorKind::Full),
            (io::ErrorKind::QuotaExceeded, BackendErrorKind::Full),
            (io::ErrorKind::PermissionDenied, BackendErrorKind::Denied),
            (io::ErrorKind::ReadOnlyFilesystem, BackendErrorKind::Denied),
            (io::ErrorKind::Interrupted, BackendErrorKind::Transient),
            (io::ErrorKind::InvalidData, BackendErrorKind::Other),
        ] {
            assert_eq!(kind_of(&kind.into()), expected, "{kind}");
        }
    }
}
