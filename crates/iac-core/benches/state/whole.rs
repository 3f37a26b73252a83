//! The reference: a file with the whole snapshot, written again before and after each step, durably and by a rename.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use crate::records::{inputs, key};

/// A snapshot in a file.
pub(crate) struct Whole {
    file: PathBuf,
    resources: BTreeMap<String, Json>,
    pending: Option<String>,
    pub(crate) bytes: usize,
}

impl Whole {
    pub(crate) fn new(folder: &Path, resources: usize) -> Self {
        let entries = (0..resources).map(|number| (key(number).to_string(), entry(number)));
        Self {
            file: folder.join("state.json"),
            resources: entries.collect(),
            pending: None,
            bytes: 0,
        }
    }

    /// The intent of a creation, and its outcome.
    pub(crate) fn step(&mut self, number: usize) {
        self.pending = Some(key(number).to_string());
        self.write();
        self.pending = None;
        self.resources.insert(key(number).to_string(), entry(number));
        self.write();
    }

    pub(crate) fn write(&mut self) {
        let whole = json!({"version": 1, "resources": self.resources, "pending": self.pending});
        let bytes = serde_json::to_vec(&whole).unwrap();
        let temporary = self.file.with_extension("tmp");
        let mut file = File::create(&temporary).unwrap();
        file.write_all(&bytes).unwrap();
        file.sync_all().unwrap();
        fs::rename(&temporary, &self.file).unwrap();
        File::open(self.file.parent().unwrap()).unwrap().sync_all().unwrap();
        self.bytes += bytes.len();
    }

    /// Reads a snapshot.
    pub(crate) fn read(folder: &Path) -> Json {
        let bytes = fs::read(folder.join("state.json")).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }
}

fn entry(number: usize) -> Json {
    json!({
        "identity": format!("core/Thing thing-{number}"),
        "uid": format!("00000000-0000-4000-8000-{number:012}"),
        "inputs": inputs(number),
        "outputs": {"/uid": format!("u{number}")},
        "private": {"generation": 1},
        "ready": true,
    })
}
