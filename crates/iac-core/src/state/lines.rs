//! Files of lines that are each checked by the one before: what journal batches, snapshots and versions are made of.
//!
//! A line is `SUM JSON\n`, where `SUM` is the SHA-256, in hexadecimal, of the sum before it (32 bytes) and the JSON's
//! bytes. The first line is a header, which says how many lines follow.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::{StateError, Vault};
use crate::value::{Secret, hex};

/// The newest format that this program knows; it reads every older one.
pub(super) const FORMAT: u64 = 1;

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

/// The vault that seals the lines of a file, and what that file is: a line belongs to its place in it.
#[derive(Debug, Clone)]
pub(super) struct Sealing<'a> {
    vault: &'a Vault,
    file: String,
}

/// A line whose content is sealed.
#[derive(Serialize, Deserialize)]
struct SealedLine {
    sealed: String,
}

/// What a sealed line begins with; no other does.
const SEALED: &str = r#"{"sealed":"#;

impl<'a> Sealing<'a> {
    /// For the file of this name: `batch 7`.
    pub(super) fn new(vault: &'a Vault, file: impl Into<String>) -> Self {
        Self {
            vault,
            file: file.into(),
        }
    }

    fn place(&self, line: usize) -> String {
        format!("{} line {line}", self.file)
    }
}

/// Writes such a file.
#[derive(Debug)]
pub(super) struct LineWriter<'a> {
    chain: Chain,
    bytes: Vec<u8>,
    lines: usize,
    sealing: Option<Sealing<'a>>,
}

impl<'a> LineWriter<'a> {
    /// A file that follows upon `chain`; with `sealing`, all but its first line is sealed.
    pub(super) fn new(chain: Chain, sealing: Option<Sealing<'a>>) -> Self {
        Self {
            chain,
            bytes: Vec::new(),
            lines: 0,
            sealing,
        }
    }

    /// Adds a line of JSON.
    pub(super) fn push_text(&mut self, body: &str) -> Result<(), StateError> {
        self.lines += 1;
        match &self.sealing {
            Some(sealing) if self.lines > 1 => {
                let place = sealing.place(self.lines);
                let sealed = sealing.vault.seal_text(&place, &Secret::from(body));
                let sealed = sealed.map_err(|error| StateError::Seal(error.to_string()))?;
                let line = to_text(&SealedLine { sealed })?;
                self.push_clear(&line);
            }
            _ => self.push_clear(body),
        }
        Ok(())
    }

    fn push_clear(&mut self, body: &str) {
        self.chain = self.chain.then(body.as_bytes());
        self.bytes.extend_from_slice(hex(&self.chain.0).as_bytes());
        self.bytes.push(b' ');
        self.bytes.extend_from_slice(body.as_bytes());
        self.bytes.push(b'\n');
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

/// A line's JSON. Nothing that we write can fail to be JSON, but a provider's own data might.
pub(super) fn to_text(line: &impl Serialize) -> Result<String, StateError> {
    serde_json::to_string(line).map_err(|error| StateError::Form {
        key: "a record".into(),
        message: error.to_string(),
    })
}

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// The line, from 1.
    pub(super) line: usize,
    /// What is wrong with it.
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
    sealing: Option<Sealing<'a>>,
}

impl<'a> LineReader<'a> {
    /// A file that should follow upon `chain`.
    pub(super) fn new(bytes: &'a [u8], chain: Chain) -> Self {
        Self {
            rest: bytes,
            line: 0,
            chain,
            sealing: None,
        }
    }

    /// What opens lines that are sealed.
    pub(super) fn opened_by(mut self, sealing: Option<Sealing<'a>>) -> Self {
        self.sealing = sealing;
        self
    }

    /// Counts on from this line.
    pub(super) fn after_line(mut self, line: usize) -> Self {
        self.line = line;
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
        let chain = self.chain.then(body.as_bytes());
        if sum != chain {
            let what = "its checksum does not fit it and the lines before it";
            return Err(fault(what.into(), never_filled));
        }
        let opened = self.open(line, body).map_err(|what| fault(what, false))?;
        let body = opened.as_ref().map_or(body, |secret| secret.expose().as_str());
        let value = serde_json::from_str(body).map_err(|error| fault(error.to_string(), false))?;
        (self.rest, self.line, self.chain) = (&self.rest[end + 1..], line, chain);
        Ok(Some(value))
    }

    /// The content of a sealed line; none if it is not sealed.
    fn open(&self, line: usize, body: &str) -> Result<Option<Secret>, String> {
        if !body.starts_with(SEALED) {
            return Ok(None);
        }
        let sealed: SealedLine = serde_json::from_str(body).map_err(|error| error.to_string())?;
        let sealing = self.sealing.as_ref().ok_or("it is sealed, and no key is at hand")?;
        let opened = sealing.vault.open_text(&sealing.place(line), &sealed.sealed);
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

/// Whether a line is sealed; none if it is, but under another key than the current one.
pub(super) fn is_sealed_by(vault: &Vault, line: &[u8]) -> Option<bool> {
    let Some((_, body)) = split(line).filter(|(_, body)| body.starts_with(SEALED)) else {
        return Some(false);
    };
    let sealed: SealedLine = serde_json::from_str(body).ok()?;
    (!vault.is_stale(&sealed.sealed)).then_some(true)
}

/// True if a file of lines says that it is sealed.
pub(super) fn is_sealed(bytes: &[u8]) -> bool {
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let header = split(first).and_then(|(_, body)| serde_json::from_str::<Json>(body).ok());
    header.is_some_and(|header| header.get("sealed").and_then(Json::as_bool) == Some(true))
}

/// Refuses a file of lines that a newer release wrote, that belongs to another stack, or that is sealed, where there is
/// no vault to open it. What is no header at all is left for the reader to judge.
pub(super) fn check_header(stack: &str, file: &str, bytes: &[u8], vault: Option<&Vault>) -> Result<(), StateError> {
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let header = split(first).and_then(|(_, body)| serde_json::from_str::<Json>(body).ok());
    let header = header.unwrap_or_default();
    check_json_format(file, &header)?;
    if vault.is_none() && is_sealed(first) {
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
    check_json_format(file, &json)?;
    serde_json::from_value(json).map_err(damaged)
}

/// Refuses a JSON file that a newer release wrote.
pub(super) fn check_json_format(file: &str, json: &Json) -> Result<(), StateError> {
    match json.get("format").and_then(Json::as_u64) {
        Some(found) if found > FORMAT => Err(StateError::Newer {
            file: file.to_owned(),
            found,
            known: FORMAT,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_changed_byte_is_noticed() {
        let mut writer = LineWriter::new(Chain::start("x"), None);
        for number in 0..3 {
            writer.push(&number).expect("a number is JSON");
        }
        let (bytes, chain) = writer.finish();
        assert_eq!(Chain::parse(&chain.to_string()), Some(chain));
        let read = |bytes: &[u8], start: &str| -> Result<Vec<u64>, Fault> {
            let mut reader = LineReader::new(bytes, Chain::start(start));
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
