//! The stack's key as providers have it: for hashes of secrets that others get to see.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use crate::state::Vault;

/// Makes hashes under the key of the stack, and gives the key to nobody. Clones share it.
///
/// A stack that has never held a secret has no key. Where an output needs one
/// ([`Provider::keyed_output`](super::Provider::keyed_output)), the key is made before anything is applied.
#[derive(Clone, Default)]
pub struct StackKey {
    vault: Arc<RwLock<Option<Arc<Vault>>>>,
}

impl StackKey {
    /// The key of this vault; none if that is [kept](Vault::is_kept) nowhere, since the next run would have another.
    pub fn of(vault: Arc<Vault>) -> Self {
        let key = Self::default();
        key.set(vault);
        key
    }

    /// From now on it is the key of this vault.
    pub(crate) fn set(&self, vault: Arc<Vault>) {
        let kept = vault.is_kept().then_some(vault);
        *self.vault.write().unwrap_or_else(PoisonError::into_inner) = kept;
    }

    /// True if the stack has a key.
    pub fn is_there(&self) -> bool {
        self.vault.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// The hash of a content for a purpose, in lower-case hexadecimal: the same in every run and on every machine, until the
    /// stack gets another key. None without a key.
    pub fn hash(&self, purpose: &str, content: &[u8]) -> Option<String> {
        let vault = self.vault.read().unwrap_or_else(PoisonError::into_inner).clone();
        vault?.mac(purpose, content)
    }
}

impl fmt::Debug for StackKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StackKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::DataKey;

    #[test]
    fn a_key_that_is_kept_hashes_and_another_does_not() {
        let vault = Arc::new(Vault::new(&DataKey::generate().expect("random"), "test"));
        let key = StackKey::of(Arc::clone(&vault));
        let hash = |key: &StackKey, purpose: &str| key.hash(purpose, b"4711");
        assert!(key.is_there() && hash(&key, "a").is_some());
        assert_eq!(hash(&key, "a"), hash(&StackKey::of(vault), "a"));
        assert_ne!(hash(&key, "a"), hash(&key, "b"));
        let none = StackKey::of(Arc::new(Vault::ephemeral("test").expect("random")));
        assert!(!none.is_there() && hash(&none, "a").is_none());
    }
}
