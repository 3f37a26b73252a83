//! Data keys and their wrapping: a random key, in a form that only a passphrase or an age identity opens.

use std::fmt;
use std::io::{Read, Write};
use std::str::FromStr;

use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::secrecy::SecretString;
use age::{scrypt, x25519};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::VaultError;
use crate::value::Secret;

/// Length of a data key, in bytes.
const KEY_LENGTH: usize = 32;

/// Work factor of scrypt for new passphrases, as a power of two: 64 MiB of memory for each guess.
const WORK_FACTOR: u8 = 16;

/// The highest work factor that is accepted, so that a forged file cannot keep us busy for hours.
const MAX_WORK_FACTOR: u8 = 20;

/// A random key for values; wiped when it is dropped.
#[derive(Clone)]
pub struct DataKey(Zeroizing<[u8; KEY_LENGTH]>);

impl DataKey {
    /// A new random key.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn generate() -> Result<Self, VaultError> {
        let mut bytes = Zeroizing::new([0; KEY_LENGTH]);
        getrandom::fill(bytes.as_mut_slice()).map_err(|error| VaultError::Random(error.to_string()))?;
        Ok(Self(bytes))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey")
    }
}

/// The recipients of a [`WrappedKey`]: those who can open it.
#[derive(Clone, Debug)]
pub enum Recipients {
    /// Whoever knows this passphrase.
    Passphrase(Secret),
    /// Whoever has one of the age identities of these recipients (`age1…`).
    Age(Vec<String>),
}

/// A data key in the form of an armored age file; plain text that can lie next to what it encrypts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WrappedKey(String);

impl WrappedKey {
    /// Wraps a key.
    ///
    /// # Errors
    /// When a recipient is no age recipient, or there is none.
    pub fn wrap(key: &DataKey, recipients: &Recipients) -> Result<Self, VaultError> {
        let recipients: Vec<Box<dyn age::Recipient>> = match recipients {
            Recipients::Passphrase(passphrase) => {
                let mut recipient = scrypt::Recipient::new(SecretString::from(passphrase.expose().as_str()));
                recipient.set_work_factor(WORK_FACTOR);
                vec![Box::new(recipient)]
            }
            Recipients::Age(names) => names.iter().map(|name| recipient(name)).collect::<Result<_, _>>()?,
        };
        let failed = |message: String| VaultError::Wrap(message);
        let encryptor = age::Encryptor::with_recipients(recipients.iter().map(|recipient| &**recipient as _))
            .map_err(|error| failed(error.to_string()))?;
        let write = |out: Vec<u8>| -> std::io::Result<Vec<u8>> {
            let armor = ArmoredWriter::wrap_output(out, Format::AsciiArmor)?;
            let mut stream = encryptor.wrap_output(armor)?;
            stream.write_all(key.bytes())?;
            stream.finish()?.finish()
        };
        let text = write(Vec::new()).map_err(|error| failed(error.to_string()))?;
        Ok(Self(
            String::from_utf8(text).map_err(|error| failed(error.to_string()))?,
        ))
    }

    /// Opens it with a passphrase.
    ///
    /// # Errors
    /// [`VaultError::WrongPassphrase`], or that it is wrapped for age recipients.
    pub fn unwrap_with_passphrase(&self, passphrase: &Secret) -> Result<DataKey, VaultError> {
        if !self.needs_passphrase()? {
            return Err(VaultError::NeedsIdentity);
        }
        let mut identity = scrypt::Identity::new(SecretString::from(passphrase.expose().as_str()));
        identity.set_max_work_factor(MAX_WORK_FACTOR);
        self.open(&identity)
    }

    /// Opens it with an identity in the text of an age identity file (`AGE-SECRET-KEY-1…`; blank lines and lines
    /// that begin with `#` are passed over). Several are tried in turn.
    ///
    /// # Errors
    /// [`VaultError::WrongIdentity`], that it is wrapped by a passphrase, or that the text holds no identity.
    pub fn unwrap_with_identity(&self, identity_file: &Secret) -> Result<DataKey, VaultError> {
        if self.needs_passphrase()? {
            return Err(VaultError::NeedsPassphrase);
        }
        let mut result = Err(VaultError::NoIdentity);
        for identity in identities(identity_file)? {
            result = self.open(&identity);
            if result.is_ok() {
                break;
            }
        }
        result
    }

    /// Whether a passphrase opens it; otherwise an age identity does.
    ///
    /// # Errors
    /// When it is no armored age file.
    pub fn needs_passphrase(&self) -> Result<bool, VaultError> {
        Ok(self.decryptor()?.is_scrypt())
    }

    /// The armored text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn decryptor(&self) -> Result<age::Decryptor<ArmoredReader<std::io::BufReader<&[u8]>>>, VaultError> {
        age::Decryptor::new(ArmoredReader::new(self.0.as_bytes()))
            .map_err(|error| VaultError::Wrapped(error.to_string()))
    }

    fn open(&self, identity: &dyn age::Identity) -> Result<DataKey, VaultError> {
        let mut stream = match self.decryptor()?.decrypt(std::iter::once(identity)) {
            Ok(stream) => stream,
            Err(age::DecryptError::NoMatchingKeys) => return Err(VaultError::WrongIdentity),
            Err(age::DecryptError::DecryptionFailed | age::DecryptError::KeyDecryptionFailed) => {
                return Err(VaultError::WrongPassphrase);
            }
            Err(error) => return Err(VaultError::Wrapped(error.to_string())),
        };
        let mut bytes = Zeroizing::new([0; KEY_LENGTH]);
        let mut rest = [0; 1];
        stream
            .read_exact(bytes.as_mut_slice())
            .and_then(|()| stream.read(&mut rest))
            .map_err(|error| VaultError::Wrapped(error.to_string()))
            .and_then(|more| match more {
                0 => Ok(Self::key(bytes)),
                _ => Err(VaultError::Wrapped("it holds more than a key".into())),
            })
    }

    fn key(bytes: Zeroizing<[u8; KEY_LENGTH]>) -> DataKey {
        DataKey(bytes)
    }
}

impl From<String> for WrappedKey {
    fn from(text: String) -> Self {
        Self(text)
    }
}

fn recipient(name: &str) -> Result<Box<dyn age::Recipient>, VaultError> {
    match x25519::Recipient::from_str(name) {
        Ok(recipient) => Ok(Box::new(recipient)),
        Err(message) => Err(VaultError::Recipient {
            name: name.to_owned(),
            message: message.to_owned(),
        }),
    }
}

/// The identities in the text of an age identity file.
pub(super) fn identities(text: &Secret) -> Result<Vec<x25519::Identity>, VaultError> {
    let lines = text.expose().lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let found: Vec<_> = lines
        .map(|line| x25519::Identity::from_str(line).map_err(|_| VaultError::NoIdentity))
        .collect::<Result<_, _>>()?;
    if found.is_empty() {
        return Err(VaultError::NoIdentity);
    }
    Ok(found)
}
