//! Files of lines that are each checked by the one before: what journal batches, snapshots and versions are made of.
//!
//! A line is `SUM JSON\n`. The first line is a header, which says how many lines follow. `SUM` is in hexadecimal; where the
//! stack has no key it is the SHA-256 of the sum before it (32 bytes) and the JSON's bytes. Where it has one, the header
//! names the key (`"key":1`), and `SUM` is the HMAC-SHA-256 of the sum before it, the line's place (`batch 7 line 3`, and a
//! line end) and the JSON's bytes: then nobody without the key can change, add, remove or move a line.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::stamp::{Stamp, check_reader};
use super::{StateError, Vault};
use crate::value::{Secret, hex};

/// The format of what is written now.
pub(super) const FORMAT: u64 = Stamp::FORMAT;

/// Length of a sum in hexadecimal.
const SUM_LENGTH: usize = 64;

/// A running sum: says what came before, to the last byte.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Chain([u8; 32]);

impl Chain {
    /// The sum before the first line of something that this text names.
    pub(super) fn start(name: &str) -> Self {
        Self(Sha256::digest(name.as_bytes()).into())
    }

    fn then(self, body: &[u8]) -> Self {
        Self(Sha256::new().chain_update(self.0).chain_update(body).finalize().into())
    }

    /// From what [`fmt::Display`] gives.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        let mut sum = [0; 32];
        if digits.len() != SUM_LENGTH {
            return None;
        }
        for (byte, pair) in sum.iter_mut().zip(digits.chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(sum))
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// With what files of lines are read: the stack's keys, if they are at hand, and whether the seals have to be good.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Access<'a> {
    pub(super) vault: Option<&'a Vault>,
    /// True if lines that bear the seal of a key are taken as they stand: only for showing them.
    pub(super) unverified: bool,
    /// The batch of the journal of which the sum is wanted.
    pub(super) watch: Option<u64>,
}

impl<'a> Access<'a> {
    pub(super) fn with(vault: Option<&'a Vault>) -> Self {
        Self {
            vault,
            ..Self::default()
        }
    }
}

/// The protection of a file of lines: under which key it is written, and whether its lines are encrypted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Guard<'a> {
    pub(super) vault: Option<&'a Vault>,
    /// True if all but the header is encrypted; takes a vault.
    pub(super) whole: bool,
}

impl Guard<'_> {
    /// The number of the key that a header names.
    pub(super) fn key(&self) -> Option<u32> {
        self.vault.map(Vault::current)
    }
}

/// A line whose content is sealed.
#[derive(Serialize, Deserialize)]
struct SealedLine {
    sealed: String,
}

/// The beginning of a sealed line; no other line begins so.
const SEALED: &str = r#"{"sealed":"#;

/// Writes such a file.
#[derive(Debug)]
pub(super) struct LineWriter<'a> {
    chain: Chain,
    bytes: Vec<u8>,
    lines: usize,
    file: String,
    guard: Guard<'a>,
}

impl<'a> LineWriter<'a> {
    /// A file that follows upon `chain`; `file` is its place: `batch 7`.
    pub(super) fn new(chain: Chain, file: impl Into<String>, guard: Guard<'a>) -> Self {
        Self {
            chain,
            bytes: Vec::new(),
            lines: 0,
            file: file.into(),
            guard,
        }
    }

    /// Adds a line of JSON.
    pub(super) fn push_text(&mut self, body: &str) -> Result<(), StateError> {
        self.lines += 1;
        match self.guard.vault.filter(|_| self.guard.whole && self.lines > 1) {
            Some(vault) => {
                let place = format!("{} line {}", self.file, self.lines);
                let sealed = vault.seal_text(&place, &Secret::from(body));
                let sealed = sealed.map_err(|error| StateError::Seal(error.to_string()))?;
                let line = to_text(&SealedLine { sealed })?;
                self.push_clear(&line)
            }
            None => self.push_clear(body),
        }
    }

    fn push_clear(&mut self, body: &str) -> Result<(), StateError> {
        self.chain = match self.guard.vault {
            None => self.chain.then(body.as_bytes()),
            Some(vault) => sum_under(vault, vault.current(), self.chain, &self.file, self.lines, body)
                .ok_or_else(|| StateError::Seal("the stack's key is not at hand".to_owned()))?,
        };
        self.bytes.extend_from_slice(hex(&self.chain.0).as_bytes());
        self.bytes.push(b' ');
        self.bytes.extend_from_slice(body.as_bytes());
        self.bytes.push(b'\n');
        Ok(())
    }

    /// Adds a line.
    pub(super) fn push(&mut self, line: &impl Serialize) -> Result<(), StateError> {
        self.push_text(&to_text(line)?)
    }

    /// The file's bytes, and the sum at its end.
    pub(super) fn finish(self) -> (Vec<u8>, Chain) {
        (self.bytes, self.chain)
    }
}

fn sum_under(vault: &Vault, key: u32, before: Chain, file: &str, line: usize, body: &str) -> Option<Chain> {
    let place = format_args!("{file} line {line}");
    vault.line_sum(key, &before.0, place, body.as_bytes()).map(Chain)
}

/// A line's JSON. Nothing that we write can fail to be JSON, but a provider's own data might.
pub(super) fn to_text(line: &impl Serialize) -> Result<String, StateError> {
    serde_json::to_string(line).map_err(|error| StateError::Form {
        key: "a record".into(),
        message: error.to_string(),
    })
}

/// A fault in a file, and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// The line, from 1.
    pub(super) line: usize,
    /// The fault, in words.
    pub(super) what: String,
    /// True if it looks as if writing had been interrupted: the end is missing, or blocks that were never filled.
    pub(super) torn: bool,
}

impl Fault {
    pub(super) fn in_file(self, file: &str) -> StateError {
        StateError::Damaged {
            file: file.to_owned(),
            line: Some(self.line),
            what: self.what,
        }
    }
}

/// Reads such a file, line by line, each checked before it is given.
#[derive(Debug)]
pub(super) struct LineReader<'a> {
    rest: &'a [u8],
    line: usize,
    chain: Chain,
    file: String,
    /// The key that the header names.
    key: Option<u32>,
    access: Access<'a>,
}

impl<'a> LineReader<'a> {
    /// A file that should follow upon `chain`; `file` is its place: `batch 7`.
    pub(super) fn new(bytes: &'a [u8], chain: Chain, file: impl Into<String>, access: Access<'a>) -> Self {
        Self {
            rest: bytes,
            line: 0,
            chain,
            file: file.into(),
            key: key_of(bytes),
            access,
        }
    }

    /// The same file from behind this line on, which has this sum.
    pub(super) fn after_line(mut self, rest: &'a [u8], line: usize, chain: Chain) -> Self {
        (self.rest, self.line, self.chain) = (rest, line, chain);
        self
    }

    /// The sum after the lines that were read.
    pub(super) fn chain(&self) -> Chain {
        self.chain
    }

    /// The next line, or nothing at the end.
    pub(super) fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Fault> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let line = self.line + 1;
        let fault = |what: String, torn| Fault { line, what, torn };
        let end = self.rest.iter().position(|byte| *byte == b'\n');
        let end = end.ok_or_else(|| fault("the line is cut short".into(), true))?;
        let text = &self.rest[..end];
        let never_filled = text.contains(&0);
        let (sum, body) = split(text).ok_or_else(|| fault("not a line of SUM JSON".into(), never_filled))?;
        let chain = self.follow(line, sum, body).map_err(|what| fault(what, never_filled))?;
        let opened = self.open(line, body).map_err(|what| fault(what, false))?;
        let body = opened.as_ref().map_or(body, |secret| secret.expose().as_str());
        let value = serde_json::from_str(body).map_err(|error| fault(error.to_string(), false))?;
        (self.rest, self.line, self.chain) = (&self.rest[end + 1..], line, chain);
        Ok(Some(value))
    }

    /// Checks a line's sum, and gives it.
    fn follow(&self, line: usize, sum: Chain, body: &str) -> Result<Chain, String> {
        let (chain, what) = match (self.key, self.access.vault) {
            (None, _) => (
                self.chain.then(body.as_bytes()),
                "its checksum does not fit it and the lines before it",
            ),
            (Some(_), None) if self.access.unverified => return Ok(sum),
            (Some(_), None) => return Err("it bears the seal of the stack's key, which is not at hand".to_owned()),
            (Some(key), Some(vault)) => {
                let chain = sum_under(vault, key, self.chain, &self.file, line, body);
                let missing = || format!("it bears the seal of key {key}, which the stack does not have");
                (
                    chain.ok_or_else(missing)?,
                    "its seal does not fit it and the lines before it",
                )
            }
        };
        if sum == chain { Ok(chain) } else { Err(what.to_owned()) }
    }

    /// The content of a sealed line; none if it is not sealed.
    fn open(&self, line: usize, body: &str) -> Result<Option<Secret>, String> {
        if !body.starts_with(SEALED) {
            return Ok(None);
        }
        let sealed: SealedLine = serde_json::from_str(body).map_err(|error| error.to_string())?;
        let vault = self.access.vault.ok_or("it is sealed, and no key is at hand")?;
        let opened = vault.open_text(&format!("{} line {line}", self.file), &sealed.sealed);
        opened.map(Some).map_err(|error| error.to_string())
    }

    /// The next line, which has to be there.
    pub(super) fn expect<T: DeserializeOwned>(&mut self) -> Result<T, Fault> {
        self.next()?.ok_or(Fault {
            line: self.line + 1,
            what: "the file ends too early".to_owned(),
            torn: true,
        })
    }

    /// Makes sure that nothing follows.
    pub(super) fn end(&self) -> Result<(), Fault> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(Fault {
            line: self.line + 1,
            what: "more lines than the header announces".to_owned(),
            torn: false,
        })
    }
}

fn split(line: &[u8]) -> Option<(Chain, &str)> {
    let text = std::str::from_utf8(line).ok()?;
    let (sum, body) = text.split_once(' ')?;
    Some((Chain::parse(sum)?, body))
}

/// The first line's JSON, unchecked; nothing where it is none.
fn header_of(bytes: &[u8]) -> Json {
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let header = split(first).and_then(|(_, body)| serde_json::from_str::<Json>(body).ok());
    header.unwrap_or_default()
}

/// The key that a file of lines says it bears the seal of.
pub(super) fn key_of(bytes: &[u8]) -> Option<u32> {
    u32::try_from(header_of(bytes).get("key")?.as_u64()?).ok()
}

/// True if a file of lines is as it would be written now: under the current key, with its lines encrypted or not.
pub(super) fn is_kept_by(bytes: &[u8], guard: Guard<'_>) -> bool {
    let header = header_of(bytes);
    let whole = header.get("sealed").and_then(Json::as_bool) == Some(true);
    key_of(bytes) == guard.key() && whole == guard.whole && header.get("format") == Some(&Stamp::FORMAT.into())
}

/// True if a file of lines says that its lines are encrypted.
pub(super) fn is_sealed(bytes: &[u8]) -> bool {
    header_of(bytes).get("sealed").and_then(Json::as_bool) == Some(true)
}

/// Refuses a file of lines that a newer release wrote, that belongs to another stack, or that takes a key to read where
/// there is none at hand. What is no header at all is left for the reader to judge.
pub(super) fn check_header(stack: &str, file: &str, bytes: &[u8], access: Access<'_>) -> Result<(), StateError> {
    let header = header_of(bytes);
    check_reader(file, &header)?;
    let sealed = header.get("sealed").and_then(Json::as_bool) == Some(true);
    let keyed = header.get("key").is_some() && !access.unverified;
    if access.vault.is_none() && (sealed || keyed) {
        return Err(StateError::Sealed(stack.to_owned()));
    }
    match header.get("stack").and_then(Json::as_str) {
        Some(other) if other != stack => Err(StateError::Damaged {
            file: file.to_owned(),
            line: Some(1),
            what: format!("this belongs to stack {other:?}; the state of a stack cannot be copied to another name"),
        }),
        _ => Ok(()),
    }
}

/// Returns the error where a small file is no longer the one that was read.
pub(super) fn changed(file: &str) -> StateError {
    StateError::Damaged {
        file: file.to_owned(),
        line: None,
        what: "somebody else changed it at this moment; run the same once more".to_owned(),
    }
}

/// A small file that says under the stack's key that it is as it was written: its last member is `"mac"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Vouched {
    /// The file up to that member.
    body: Vec<u8>,
    mac: String,
}

/// The text between such a file's own text and its MAC.
const MAC: &[u8] = br#","mac":""#;

impl Vouched {
    /// A small file of JSON as a whole; with a vault, one that it vouches for.
    pub(super) fn file(purpose: &str, value: &impl Serialize, vault: Option<&Vault>) -> Result<Vec<u8>, StateError> {
        let mut bytes = json_file(value)?;
        if let Some(vault) = vault {
            bytes.truncate(bytes.len() - "}\n".len());
            let mac = vault.file_mac(purpose, &bytes);
            bytes.extend_from_slice(MAC);
            bytes.extend_from_slice(mac.as_bytes());
            bytes.extend_from_slice(b"\"}\n");
        }
        Ok(bytes)
    }

    /// Reads such a file; none if it does not end in a MAC.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let at = bytes.windows(MAC.len()).rposition(|window| window == MAC)?;
        let mac = std::str::from_utf8(&bytes[at + MAC.len()..]).ok()?;
        let mac = mac.trim_end().strip_suffix("\"}")?;
        Some(Self {
            body: bytes[..at].to_vec(),
            mac: mac.to_owned(),
        })
    }

    /// True if the vault's current key vouches for it.
    pub(super) fn is_by(&self, purpose: &str, vault: &Vault) -> bool {
        vault.file_mac(purpose, &self.body) == self.mac
    }
}

/// A small file of JSON, whole.
pub(super) fn json_file(value: &impl Serialize) -> Result<Vec<u8>, StateError> {
    let mut bytes = to_text(value)?.into_bytes();
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads a small file of JSON, unless a newer release wrote it.
pub(super) fn read_json<T: DeserializeOwned>(file: &str, bytes: &[u8]) -> Result<T, StateError> {
    let damaged = |error: serde_json::Error| StateError::Damaged {
        file: file.to_owned(),
        line: None,
        what: error.to_string(),
    };
    let json: Json = serde_json::from_slice(bytes).map_err(damaged)?;
    check_reader(file, &json)?;
    serde_json::from_value(json).map_err(damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_changed_byte_is_noticed() {
        let mut writer = LineWriter::new(Chain::start("x"), "batch 1", Guard::default());
        for number in 0..3 {
            writer.push(&number).expect("a number is JSON");
        }
        let (bytes, chain) = writer.finish();
        assert_eq!(Chain::parse(&chain.to_string()), Some(chain));
        let read = |bytes: &[u8], start: &str| -> Result<Vec<u64>, Fault> {
            let mut reader = LineReader::new(bytes, Chain::start(start), "batch 1", Access::default());
            let mut found = Vec::new();
            while let Some(number) = reader.next()? {
                found.push(number);
            }
            Ok(found)
        };
        assert_eq!(read(&bytes, "x"), Ok(vec![0, 1, 2]));
        assert_eq!(
            read(&bytes, "y").map_err(|fault| fault.line),
            Err(1),
            "a line of elsewhere"
        );
        for position in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[position] ^= 1;
            assert!(read(&changed, "x").is_err(), "byte {position}");
        }
    }
}
