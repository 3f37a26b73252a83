//! Files of lines that are each checked by the one before: what journal batches, snapshots and versions are made of.
//!
//! A line is `SUM JSON\n`, where `SUM` is the SHA-256, in hexadecimal, of the sum before it (32 bytes) and the JSON's
//! bytes. The first line is a header, which says how many lines follow.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::StateError;
use crate::value::hex;

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

/// Writes such a file.
#[derive(Debug)]
pub(super) struct LineWriter {
    chain: Chain,
    bytes: Vec<u8>,
}

impl LineWriter {
    /// A file that follows upon `chain`.
    pub(super) fn new(chain: Chain) -> Self {
        Self {
            chain,
            bytes: Vec::new(),
        }
    }

    /// Adds a line of JSON.
    pub(super) fn push_text(&mut self, body: &str) {
        self.chain = self.chain.then(body.as_bytes());
        self.bytes.extend_from_slice(hex(&self.chain.0).as_bytes());
        self.bytes.push(b' ');
        self.bytes.extend_from_slice(body.as_bytes());
        self.bytes.push(b'\n');
    }

    /// Adds a line.
    pub(super) fn push(&mut self, line: &impl Serialize) -> Result<(), StateError> {
        self.push_text(&to_text(line)?);
        Ok(())
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
    /// Whether it looks as if writing had been interrupted: the end is missing, or blocks that were never filled.
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
}

impl<'a> LineReader<'a> {
    /// A file that should follow upon `chain`.
    pub(super) fn new(bytes: &'a [u8], chain: Chain) -> Self {
        Self {
            rest: bytes,
            line: 0,
            chain,
        }
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
        let value = serde_json::from_str(body).map_err(|error| fault(error.to_string(), false))?;
        (self.rest, self.line, self.chain) = (&self.rest[end + 1..], line, chain);
        Ok(Some(value))
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

/// Refuses a file of lines that a newer release wrote, or that belongs to another stack. What is no header at all is
/// left for the reader to judge.
pub(super) fn check_header(stack: &str, file: &str, bytes: &[u8]) -> Result<(), StateError> {
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let header = split(first).and_then(|(_, body)| serde_json::from_str::<Json>(body).ok());
    let header = header.unwrap_or_default();
    check_json_format(file, &header)?;
    match header.get("stack").and_then(Json::as_str) {
        Some(other) if other != stack => Err(StateError::Damaged {
            file: file.to_owned(),
            line: Some(1),
            what: format!("this belongs to stack {other:?}; the state of a stack can not be copied to another name"),
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
        let mut writer = LineWriter::new(Chain::start("x"));
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
