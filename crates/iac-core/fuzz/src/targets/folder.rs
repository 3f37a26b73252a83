//! The stack's folder that an input stands for. A checksum stops nearly every changed byte at the door, so the sums of an input
//! are put right, and the code behind them is reached.
//!
//! A line `>NAME` begins the file of that name: `>stack.json`, `>journal/7`, `>snapshot/6`, `>history/2-2`. What follows
//! is what the file holds. In those of lines (journal, snapshot and history) each line gets the sum that belongs there,
//! whatever sum it has, and a batch names the sum that it goes on from. A line that begins with `!` stands as it is, less
//! that sign, and one that begins with `?` is sealed, as a line of a stack that is encrypted as a whole. A key file that
//! holds nothing becomes one with the key of this process.

use std::sync::{Arc, LazyLock};

use iac_core::Secret;
use iac_core::state::{Backend, KeySource, Store, Vault};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::state::run;
use super::storage::Memory;

/// The stack that all inputs are about.
const STACK: &str = "prod";

/// Most bytes of an input that count: beyond, more of the same only takes time.
const MOST_BYTES: usize = 64 * 1024;

/// Length of a sum in hexadecimal.
const SUM: usize = 64;

/// The keys of this process: made once, since that takes longer than to read an input.
pub(super) struct Keys {
    folder: TempDir,
    /// A key file of the stack that holds the key of `vault`, wrapped.
    file: Vec<u8>,
    pub(super) vault: Arc<Vault>,
}

pub(super) static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder for the identity");
    let storage = Memory::new();
    let source = KeySource::key_file(folder.path().join("key.txt"));
    let store = Store::new(Arc::clone(&storage) as Arc<dyn Backend>, STACK, source);
    let vault = run(async { store.vault().await }).expect("a new key");
    let file = storage.dump().remove(&key("key.json")).expect("the key's file");
    Keys { folder, file, vault }
});

impl Keys {
    fn source(&self) -> KeySource {
        KeySource::key_file(self.folder.path().join("key.txt"))
    }

    /// Returns the identity that opens the wrapped key.
    pub(super) fn identity(&self) -> Secret {
        let text = std::fs::read_to_string(self.folder.path().join("key.txt"));
        text.expect("the identity's file").into()
    }
}

/// A store of the stack on this storage.
pub(super) fn store(storage: &Arc<Memory>) -> Store {
    Store::new(Arc::clone(storage) as Arc<dyn Backend>, STACK, KEYS.source())
}

/// The folder that an input describes.
pub(super) fn read(bytes: &[u8]) -> Arc<Memory> {
    // Made here, since it takes a runtime of its own.
    LazyLock::force(&KEYS);
    let storage = Memory::new();
    let mut journal = start("journal");
    for (name, content) in files(&bytes[..bytes.len().min(MOST_BYTES)]) {
        let Some((folder, name)) = name.split_once('/') else {
            let whole_key = name == "key.json" && content.is_empty();
            let content = if whole_key {
                KEYS.file.clone()
            } else {
                content.join(&b'\n')
            };
            storage.set(&key(name), content);
            continue;
        };
        let numbers = name
            .split_once('-')
            .map_or((number(name), 0), |(version, term)| (number(version), number(term)));
        let lines = match folder {
            "journal" => Lines::new(journal, format!("batch {name}")),
            "snapshot" => Lines::new(start("snapshot"), format!("snapshot {name}")),
            _ => Lines::new(start("version"), format!("version {name}")),
        };
        let lines = lines.of(&content);
        let name = match folder {
            "journal" => format!("journal/{:012}.batch", numbers.0),
            "snapshot" => format!("snapshot/{:012}.snapshot", numbers.0),
            "history" => format!("history/{:012}-{:012}.version", numbers.0, numbers.1),
            other => format!("{other}/{name}"),
        };
        journal = match folder {
            "journal" => lines.sum,
            "snapshot" => lines.journal.unwrap_or(journal),
            _ => journal,
        };
        storage.set(&key(&name), lines.bytes);
    }
    storage
}

fn key(name: &str) -> String {
    format!("{STACK}/{name}")
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_default()
}

/// The files of an input, as names and lines.
fn files(bytes: &[u8]) -> Vec<(&str, Vec<&[u8]>)> {
    let mut files: Vec<(&str, Vec<&[u8]>)> = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        if let Some(name) = line.strip_prefix(b">") {
            files.push((std::str::from_utf8(name).unwrap_or("odd"), Vec::new()));
        } else if let Some((_, lines)) = files.last_mut() {
            lines.push(line);
        }
    }
    files
}

/// The sum before the first line of files of this kind.
fn start(kind: &str) -> [u8; 32] {
    Sha256::digest(format!("iac {kind} {STACK}")).into()
}

/// A file of lines in the making.
struct Lines {
    sum: [u8; 32],
    bytes: Vec<u8>,
    /// The file's name, as sealed lines have it in their place.
    name: String,
    /// The sum of the journal that the first line of a snapshot states.
    journal: Option<[u8; 32]>,
}

impl Lines {
    fn new(sum: [u8; 32], name: String) -> Self {
        Self {
            sum,
            bytes: Vec::new(),
            name,
            journal: None,
        }
    }

    fn of(mut self, lines: &[&[u8]]) -> Self {
        for (index, line) in lines.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
            let place = format!("{} line {}", self.name, index + 1);
            match line {
                [b'!', text @ ..] => self.bytes.extend_from_slice(text),
                [b'?', text @ ..] => self.push(&sealed(&place, text)),
                _ => self.push(&self.header(body(line))),
            }
        }
        self
    }

    fn push(&mut self, body: &[u8]) {
        self.journal = self.journal.or_else(|| after(body, b"\"chain\":\"").and_then(sum));
        self.sum = Sha256::new()
            .chain_update(self.sum)
            .chain_update(body)
            .finalize()
            .into();
        self.bytes.extend_from_slice(hex(&self.sum).as_bytes());
        self.bytes.push(b' ');
        self.bytes.extend_from_slice(body);
        self.bytes.push(b'\n');
    }

    /// A batch's first line, with the sum that it goes on from.
    fn header(&self, body: &[u8]) -> Vec<u8> {
        let mut body = body.to_vec();
        let place = position(&body, b"\"prev\":\"").filter(|start| self.bytes.is_empty() && body.len() >= start + SUM);
        if let Some(start) = place {
            body[start..start + SUM].copy_from_slice(hex(&self.sum).as_bytes());
        }
        body
    }
}

/// A line less its sum.
fn body(line: &[u8]) -> &[u8] {
    match line.split_at_checked(SUM) {
        Some((digits, [b' ', body @ ..])) if digits.iter().all(u8::is_ascii_hexdigit) => body,
        _ => line,
    }
}

fn sealed(place: &str, text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text).into_owned();
    let sealed = KEYS.vault.seal_text(place, &text.into()).expect("random bytes");
    format!("{{\"sealed\":\"{sealed}\"}}").into_bytes()
}

/// Where what follows upon `part` begins.
fn position(text: &[u8], part: &[u8]) -> Option<usize> {
    let start = text.windows(part.len()).position(|window| window == part)?;
    Some(start + part.len())
}

fn after<'a>(text: &'a [u8], part: &[u8]) -> Option<&'a [u8]> {
    let start = position(text, part)?;
    text.get(start..start + SUM)
}

fn hex(sum: &[u8]) -> String {
    sum.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sum(digits: &[u8]) -> Option<[u8; 32]> {
    let mut sum = [0; 32];
    for (byte, pair) in sum.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(sum)
}
