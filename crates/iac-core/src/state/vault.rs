//! The stack's data key at work: values under an authenticated cipher, bound to their place, and keyed hashes.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use serde_json::Value as Json;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::DataKey;
use super::links::LinkKey;
use crate::value::Secret;

/// The beginning of every sealed value; names the way it is sealed. The number of the key and a dot follow, and then nonce and
/// ciphertext in base64.
const HEADER: &str = "v1.";

/// Length of a nonce of XChaCha20, in bytes.
pub(super) const NONCE_LENGTH: usize = 24;

/// Why a key could not be wrapped or unwrapped, or a value not sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The system has no randomness to give.
    #[error("the system gives no random bytes: {0}")]
    Random(String),
    /// A key could not be wrapped.
    #[error("the key cannot be wrapped: {0}")]
    Wrap(String),
    /// Not an age recipient.
    #[error("{name:?} is no age recipient (age1…): {message}")]
    Recipient {
        /// The text that was given as a recipient.
        name: String,
        /// Why not.
        message: String,
    },
    /// A wrapped key is not of its form.
    #[error("the wrapped key is damaged: {0}")]
    Wrapped(String),
    /// The passphrase is not the right one.
    #[error("the passphrase is not the one that the key was wrapped with")]
    WrongPassphrase,
    /// None of the identities is the right one.
    #[error("the key was wrapped for other age recipients than this identity")]
    WrongIdentity,
    /// A passphrase was given where an identity is needed.
    #[error(
        "the key is wrapped for age recipients, so a passphrase does not open it; give an identity file by IAC_IDENTITY"
    )]
    NeedsIdentity,
    /// An identity was given where a passphrase is needed.
    #[error("the key is wrapped by a passphrase; give it by IAC_PASSPHRASE or IAC_PASSPHRASE_FILE")]
    NeedsPassphrase,
    /// A file that should hold an age identity does not.
    #[error("there is no age identity (AGE-SECRET-KEY-1…) in it")]
    NoIdentity,
    /// A sealed value was made by a newer release.
    #[error("the value is sealed in a way that this program does not know; use a newer release")]
    Unknown,
    /// A sealed value is not of its form.
    #[error("the sealed value is damaged")]
    Form,
    /// A sealed value was changed, moved from elsewhere, or sealed under another key.
    #[error("the sealed value was tampered with, moved here from another place, or sealed under another key")]
    Refused,
}

/// The data keys of a stack, unwrapped: seals secrets for their place, opens them, and makes keyed hashes.
///
/// A data key itself is never used; each purpose has a subkey of its own.
pub struct Vault {
    scope: String,
    current: u32,
    keys: BTreeMap<u32, Subkeys>,
    hash_key: Zeroizing<[u8; 32]>,
    mac_key: Zeroizing<[u8; 32]>,
    kept: bool,
}

/// The keys that one data key is used as.
struct Subkeys {
    seal: XChaCha20Poly1305,
    /// Makes the sums of lines.
    lines: Hmac<Sha256>,
    /// Vouches for the key file.
    files: Zeroizing<[u8; 32]>,
    link: LinkKey,
}

impl Vault {
    /// A vault over one key; `scope` (the stack's name, or what stands for it) becomes part of every value's place.
    pub fn new(key: &DataKey, scope: impl Into<String>) -> Self {
        Self {
            scope: scope.into(),
            current: 1,
            keys: BTreeMap::from([(1, Subkeys::of(key))]),
            hash_key: subkey(key, b"iac v1 hash"),
            mac_key: subkey(key, b"iac v2 mac"),
            kept: true,
        }
    }

    /// A vault over several keys by their numbers: `current` seals and hashes, each opens what it sealed. None when
    /// there is no key of that number.
    pub(super) fn with_keys(current: u32, keys: &BTreeMap<u32, DataKey>, scope: impl Into<String>) -> Option<Self> {
        let key = keys.get(&current)?;
        Some(Self {
            scope: scope.into(),
            current,
            keys: keys.iter().map(|(number, key)| (*number, Subkeys::of(key))).collect(),
            hash_key: subkey(key, b"iac v1 hash"),
            mac_key: subkey(key, b"iac v2 mac"),
            kept: true,
        })
    }

    /// A vault whose key is stored nowhere: for a state that holds no secrets.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn ephemeral(scope: impl Into<String>) -> Result<Self, VaultError> {
        Ok(Self {
            kept: false,
            ..Self::new(&DataKey::generate()?, scope)
        })
    }

    /// True if its key is kept, so that the next run has it as well; an [`ephemeral`](Self::ephemeral) one is not.
    pub fn is_kept(&self) -> bool {
        self.kept
    }

    /// Seals a secret for its place (the resource's key and the field's path), as JSON for a file.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn seal(&self, place: &str, secret: &Secret) -> Result<Json, VaultError> {
        self.seal_text(place, secret).map(Json::String)
    }

    /// Opens what [`seal`](Self::seal) made for the same place.
    ///
    /// # Errors
    /// When it was changed, or sealed for another place or under another key.
    pub fn open(&self, place: &str, sealed: &Json) -> Result<Secret, VaultError> {
        self.open_text(place, sealed.as_str().ok_or(VaultError::Form)?)
    }

    /// As [`seal`](Self::seal), as text.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn seal_text(&self, place: &str, secret: &Secret) -> Result<String, VaultError> {
        let mut nonce = [0; NONCE_LENGTH];
        getrandom::fill(&mut nonce).map_err(|error| VaultError::Random(error.to_string()))?;
        let payload = Payload {
            msg: secret.expose().as_bytes(),
            aad: &self.associated(place),
        };
        let keys = self.keys.get(&self.current).ok_or(VaultError::Refused)?;
        let sealed = keys.seal.encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| VaultError::Form)?;
        let mut bytes = nonce.to_vec();
        bytes.extend_from_slice(&sealed);
        Ok(format!("{HEADER}{}.{}", self.current, BASE64.encode(bytes)))
    }

    /// As [`open`](Self::open), from text.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_text(&self, place: &str, sealed: &str) -> Result<Secret, VaultError> {
        let Some(body) = sealed.strip_prefix(HEADER) else {
            return Err(if sealed.starts_with('v') {
                VaultError::Unknown
            } else {
                VaultError::Form
            });
        };
        let (number, body) = body.split_once('.').ok_or(VaultError::Form)?;
        let number: u32 = number.parse().map_err(|_| VaultError::Form)?;
        let keys = self.keys.get(&number).ok_or(VaultError::Refused)?;
        let bytes = BASE64.decode(body).map_err(|_| VaultError::Form)?;
        let (nonce, body) = bytes.split_first_chunk::<NONCE_LENGTH>().ok_or(VaultError::Form)?;
        let payload = Payload {
            msg: body,
            aad: &self.associated(place),
        };
        let clear = keys.seal.decrypt(&XNonce::from(*nonce), payload);
        let clear = clear.map_err(|_| VaultError::Refused)?;
        String::from_utf8(clear).map(Secret::from).map_err(|_| VaultError::Form)
    }

    /// The sum of a line under the key of this number: of the sum before it, the line's place and its text. None where
    /// there is no such key.
    pub(super) fn line_sum(
        &self,
        key: u32,
        before: &[u8; 32],
        place: fmt::Arguments<'_>,
        body: &[u8],
    ) -> Option<[u8; 32]> {
        let mut mac = self.keys.get(&key)?.lines.clone();
        mac.update(before);
        mac.update(format!("{place}\n").as_bytes());
        mac.update(body);
        Some(mac.finalize().into_bytes().into())
    }

    /// Returns the MAC that vouches, under the current key, for a small file of this purpose.
    pub(super) fn file_mac(&self, purpose: &str, bytes: &[u8]) -> String {
        let key = self
            .keys
            .get(&self.current)
            .map_or(&[][..], |keys| keys.files.as_slice());
        let place = format!("{purpose} {}", self.scope);
        crate::value::hex(&mac(&mac(key, place.as_bytes()), bytes))
    }

    /// Returns the key by which the current key is recognised.
    pub(super) fn link_key(&self) -> Option<&LinkKey> {
        self.keys.get(&self.current).map(|keys| &keys.link)
    }

    /// The link keys of all keys that are here, by number.
    pub(super) fn link_keys(&self) -> impl Iterator<Item = (u32, &LinkKey)> {
        self.keys.iter().map(|(number, keys)| (*number, &keys.link))
    }

    /// The number of the key that seals.
    pub(super) fn current(&self) -> u32 {
        self.current
    }

    /// True if a sealed text is sealed under another key than the current one.
    pub(super) fn is_stale(&self, sealed: &str) -> bool {
        !sealed.starts_with(&format!("{HEADER}{}.", self.current))
    }

    /// The HMAC-SHA-256 of a text under a key of the stack's, in lower-case hexadecimal: says whether two texts are the
    /// same, to nobody but those who have the key.
    pub fn keyed_hash(&self, text: &str) -> String {
        crate::value::hex(&mac(self.hash_key.as_slice(), text.as_bytes()))
    }

    /// The HMAC-SHA-256 of bytes for a purpose (`saved plan`), in lower-case hexadecimal: says that somebody who has the
    /// stack's current key made it, for this purpose and this stack. None where the key is [kept](Self::is_kept) nowhere.
    pub fn mac(&self, purpose: &str, bytes: &[u8]) -> Option<String> {
        self.kept.then(|| crate::value::hex(&self.mac_of(purpose, bytes)))
    }

    /// True if [`mac`](Self::mac) gave this text for the same purpose and bytes. Takes as long for every wrong one.
    pub fn is_mac(&self, purpose: &str, bytes: &[u8], text: &str) -> bool {
        let expected = crate::value::hex(&self.mac_of(purpose, bytes));
        let differing = expected.bytes().zip(text.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
        self.kept && expected.len() == text.len() && differing == 0
    }

    fn mac_of(&self, purpose: &str, bytes: &[u8]) -> [u8; 32] {
        // The purpose's own key comes first, so that no text of one purpose looks like one of another.
        let place = format!("{}:{}{purpose}", self.scope.len(), self.scope);
        mac(&mac(self.mac_key.as_slice(), place.as_bytes()), bytes)
    }

    /// Returns the text that a value is bound to; lengths keep one pair of texts from looking like another.
    fn associated(&self, place: &str) -> Vec<u8> {
        format!("iac {HEADER}{}:{}{place}", self.scope.len(), self.scope).into_bytes()
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

impl Subkeys {
    fn of(key: &DataKey) -> Self {
        Self {
            seal: cipher(&subkey(key, b"iac v1 seal")),
            lines: keyed(subkey(key, b"iac v2 lines").as_slice()),
            files: subkey(key, b"iac v2 files"),
            link: LinkKey(subkey(key, b"iac v2 link")),
        }
    }
}

pub(super) fn cipher(key: &[u8; 32]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.into())
}

fn subkey(key: &DataKey, purpose: &[u8]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(mac(key.bytes(), purpose))
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    // HMAC takes keys of any length: the constructor cannot fail for it.
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(key) else {
        unreachable!("HMAC takes keys of any length")
    };
    mac
}

pub(super) fn mac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = keyed(key);
    mac.update(message);
    mac.finalize().into_bytes().into()
}
