//! Where the means to unwrap a stack's data key come from: the environment, or a key file of the user's own.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::{DataKey, Recipients, VaultError, WrappedKey};
use crate::files;
use crate::user_folder::user_folder;
use crate::value::Secret;

/// The least number of characters of a passphrase that wraps a new key: whoever can read the state can try as many as they like.
const MIN_PASSPHRASE: usize = 12;

/// Where the means to wrap and unwrap data keys come from.
#[derive(Debug, Clone)]
pub struct KeySource {
    origin: Origin,
    notices: Arc<Mutex<Vec<String>>>,
}

#[derive(Debug, Clone)]
enum Origin {
    Passphrase(Secret),
    PassphraseFile(PathBuf),
    Identity(PathBuf),
    KeyFile(PathBuf),
    NotText,
    NoHome,
}

/// Why a data key is not available.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KeySourceError {
    /// A file with a passphrase or identity cannot be used.
    #[error("{path}: {message}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        message: String,
    },
    /// The key does not open.
    #[error("the stack's key cannot be opened with {with}: {error}")]
    Unwrap {
        /// The source that was tried: `IAC_PASSPHRASE`, a file's name.
        with: String,
        /// Why not.
        error: VaultError,
    },
    /// The passphrase is too short for a new key.
    #[error(
        "the passphrase in {with} is too short: a new key takes at least {MIN_PASSPHRASE} characters, since whoever can read the state can try short ones one by one"
    )]
    TooShort {
        /// Where it comes from: `IAC_PASSPHRASE`, a file's name.
        with: String,
    },
    /// The key could not be made.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The passphrase is no text.
    #[error("IAC_PASSPHRASE is not UTF-8; use IAC_PASSPHRASE_FILE or IAC_IDENTITY")]
    NotText,
    /// There is nowhere to keep a key file.
    #[error(
        "there is no home directory to keep a key file in; set IAC_PASSPHRASE, IAC_PASSPHRASE_FILE or IAC_IDENTITY"
    )]
    NoHome,
    /// The key is wrapped for somebody, and nothing is there to unwrap it with.
    #[error(
        "the stack's key is wrapped for others: set IAC_PASSPHRASE, IAC_PASSPHRASE_FILE or IAC_IDENTITY, or bring the key file that it was made with to {0}"
    )]
    Missing(PathBuf),
}

impl KeySource {
    /// As the environment says: `IAC_PASSPHRASE`, `IAC_PASSPHRASE_FILE`, `IAC_IDENTITY` (a file with an age identity),
    /// in this order; else a key file below the user's configuration directory, made on first use.
    pub fn from_env() -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let path = |name| variable(name).map(PathBuf::from);
        let passphrase = variable("IAC_PASSPHRASE").map(|value| match value.into_string() {
            Ok(text) => Origin::Passphrase(text.into()),
            Err(_) => Origin::NotText,
        });
        let origin = passphrase
            .or_else(|| path("IAC_PASSPHRASE_FILE").map(Origin::PassphraseFile))
            .or_else(|| path("IAC_IDENTITY").map(Origin::Identity))
            .or_else(|| user_folder().map(|folder| Origin::KeyFile(folder.join("key.txt"))));
        Self::of(origin.unwrap_or(Origin::NoHome))
    }

    /// A passphrase.
    pub fn passphrase(passphrase: impl Into<Secret>) -> Self {
        Self::of(Origin::Passphrase(passphrase.into()))
    }

    /// A file whose first line is a passphrase.
    pub fn passphrase_file(path: impl Into<PathBuf>) -> Self {
        Self::of(Origin::PassphraseFile(path.into()))
    }

    /// A file with an age identity, which has to be there.
    pub fn identity_file(path: impl Into<PathBuf>) -> Self {
        Self::of(Origin::Identity(path.into()))
    }

    /// A file with an age identity, which is made when a first key is to be wrapped.
    pub fn key_file(path: impl Into<PathBuf>) -> Self {
        Self::of(Origin::KeyFile(path.into()))
    }

    fn of(origin: Origin) -> Self {
        Self {
            origin,
            notices: Arc::default(),
        }
    }

    /// Returns notices for the user: that a key file was created, and where. Each notice is given once.
    pub fn notices(&self) -> Vec<String> {
        self.notices
            .lock()
            .map(|mut notices| std::mem::take(&mut *notices))
            .unwrap_or_default()
    }

    /// Makes a data key and wraps it.
    ///
    /// # Errors
    /// When a file cannot be read or made.
    pub fn create(&self) -> Result<(DataKey, WrappedKey), KeySourceError> {
        let key = DataKey::generate()?;
        let wrapped = WrappedKey::wrap(&key, &self.recipients()?)?;
        Ok((key, wrapped))
    }

    /// Unwraps a data key.
    ///
    /// # Errors
    /// When a file cannot be read, or what is there does not open the key.
    pub fn unwrap(&self, wrapped: &WrappedKey) -> Result<DataKey, KeySourceError> {
        let failed = |with: String| move |error| KeySourceError::Unwrap { with, error };
        match &self.origin {
            Origin::Passphrase(passphrase) => wrapped
                .unwrap_with_passphrase(passphrase)
                .map_err(failed("IAC_PASSPHRASE".into())),
            Origin::PassphraseFile(path) => wrapped
                .unwrap_with_passphrase(&self.passphrase_in(path)?)
                .map_err(failed(path.display().to_string())),
            Origin::KeyFile(path) if !path.exists() => Err(KeySourceError::Missing(path.clone())),
            Origin::Identity(path) | Origin::KeyFile(path) => wrapped
                .unwrap_with_identity(&self.read(path)?)
                .map_err(failed(path.display().to_string())),
            Origin::NotText => Err(KeySourceError::NotText),
            Origin::NoHome => Err(KeySourceError::NoHome),
        }
    }

    /// Whom a new key is wrapped for; makes the key file if that is what is used.
    pub(crate) fn recipients(&self) -> Result<Recipients, KeySourceError> {
        match &self.origin {
            Origin::Passphrase(passphrase) => long_enough(passphrase.clone(), || "IAC_PASSPHRASE".to_owned()),
            Origin::PassphraseFile(path) => long_enough(self.passphrase_in(path)?, || path.display().to_string()),
            Origin::Identity(path) => self.public_of(path),
            Origin::KeyFile(path) => {
                if self.make_key_file(path)? {
                    self.notice(format!(
                        "made the key file {}: secrets in state can only be read with it, so keep a copy; IAC_PASSPHRASE, IAC_PASSPHRASE_FILE or IAC_IDENTITY can be used instead",
                        path.display()
                    ));
                }
                self.public_of(path)
            }
            Origin::NotText => Err(KeySourceError::NotText),
            Origin::NoHome => Err(KeySourceError::NoHome),
        }
    }

    fn notice(&self, text: String) {
        if let Ok(mut notices) = self.notices.lock()
            && !notices.contains(&text)
        {
            notices.push(text);
        }
    }

    fn public_of(&self, path: &Path) -> Result<Recipients, KeySourceError> {
        let identities = super::wrapped::identities(&self.read(path)?).map_err(|error| KeySourceError::File {
            path: path.to_owned(),
            message: error.to_string(),
        })?;
        let public = identities.iter().map(|identity| identity.to_public().to_string());
        Ok(Recipients::Age(public.collect()))
    }

    /// The passphrase in a file: its first line.
    fn passphrase_in(&self, path: &Path) -> Result<Secret, KeySourceError> {
        let text = self.read(path)?;
        let line = text.expose().lines().next().unwrap_or_default();
        if line.is_empty() {
            return Err(KeySourceError::File {
                path: path.to_owned(),
                message: "its first line, which is the passphrase, is empty".into(),
            });
        }
        Ok(Secret::from(line))
    }

    fn read(&self, path: &Path) -> Result<Secret, KeySourceError> {
        let read = || {
            let file = files::open(path)?;
            #[cfg(unix)]
            self.check_mode(path, &file)?;
            files::read_all(file, files::SETTINGS).and_then(files::text_of)
        };
        read().map(Secret::from).map_err(|error| file_error(path, &error))
    }

    /// Refuses a file that others may write, since they would choose the key, and tells of one that they may read: a file
    /// that is mounted into a container is often made so, and its owner cannot change it.
    #[cfg(unix)]
    fn check_mode(&self, path: &Path, file: &std::fs::File) -> std::io::Result<()> {
        use std::os::unix::fs::PermissionsExt as _;
        files::check_owner(path, file)?;
        let mode = file.metadata()?.permissions().mode() & 0o777;
        if mode & 0o044 != 0 {
            let path = path.display();
            self.notice(format!(
                "other users of this machine may read the key in {path} (mode {mode:o}): `chmod 600 {path}` ends that"
            ));
        }
        Ok(())
    }

    /// Makes a key file if there is none; says whether it did.
    fn make_key_file(&self, path: &Path) -> Result<bool, KeySourceError> {
        use age::secrecy::ExposeSecret as _;
        use std::io::Write as _;
        let failed = |error: std::io::Error| file_error(path, &error);
        let folder = path.parent().unwrap_or(Path::new("."));
        files::make_folder(folder).map_err(failed)?;
        let identity = age::x25519::Identity::generate();
        // A temporary file of the same folder has mode 600 from its first moment; it never replaces a key.
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        let text = identity.to_string();
        write!(
            file,
            "# age identity of iac; public key: {}\n{}\n",
            identity.to_public(),
            text.expose_secret()
        )
        .and_then(|()| file.as_file().sync_all())
        .map_err(failed)?;
        match file.persist_noclobber(path) {
            // A key that a crash takes away takes the secrets with it.
            Ok(_) => std::fs::File::open(folder)
                .and_then(|folder| folder.sync_all())
                .map(|()| true)
                .map_err(failed),
            Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(failed(error.error)),
        }
    }
}

/// A passphrase for a new key.
fn long_enough(passphrase: Secret, with: impl FnOnce() -> String) -> Result<Recipients, KeySourceError> {
    match passphrase.expose().chars().count() {
        MIN_PASSPHRASE.. => Ok(Recipients::Passphrase(passphrase)),
        _ => Err(KeySourceError::TooShort { with: with() }),
    }
}

fn file_error(path: &Path, error: &std::io::Error) -> KeySourceError {
    KeySourceError::File {
        path: path.to_owned(),
        message: error.to_string(),
    }
}
