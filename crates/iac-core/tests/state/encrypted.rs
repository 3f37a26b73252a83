//! A state that is encrypted as a whole: nothing of it is read, changed or moved without the key, and the way there and
//! back survives a kill anywhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use iac_core::Value;
use iac_core::state::{BackendErrorKind, KeySource, OpKind, RekeyOptions, State, StateError, Store};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use tempfile::TempDir;

use super::support::{Memory, Verdict, begin, content, key, no_keys, operation, record, run, summary};

struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn store(&self, backend: &Arc<Memory>) -> Store {
        let keys = KeySource::key_file(self.folder.path().join("key.txt"));
        Store::new(Arc::clone(backend) as _, "prod", keys)
    }

    /// A stack with two versions, a snapshot, an export, a failed and an open operation.
    async fn stack(&self, encrypted: bool) -> Arc<Memory> {
        let backend = self.stack_of(encrypted, 20_000).await;
        assert_eq!(backend.keys("/snapshot/").len(), 1);
        backend
    }

    /// The same with resources of this size; with small ones there is no snapshot.
    async fn stack_of(&self, encrypted: bool, size: usize) -> Arc<Memory> {
        let backend = Memory::new();
        let store = self.store(&backend).encrypt_new(encrypted);
        let writer = begin(&store).await;
        for number in 0..4 {
            let inputs = json!({ "canary": "x".repeat(size), "n": number });
            writer.put(record(&format!("canary{number}"), inputs)).await.unwrap();
        }
        let secret = BTreeMap::from([("canary".to_owned(), Value::Secret("hunter2".into()))]);
        writer.exports(secret).await.unwrap();
        writer.finish(summary()).await.unwrap();
        let writer = begin(&store).await;
        let op = writer.begin_op(operation(OpKind::Create, "canary-op")).await.unwrap();
        writer.failed(op, "canary: the server's own words", None).await.unwrap();
        writer.put(record("canary4", json!({"v": 1}))).await.unwrap();
        writer.finish(summary()).await.unwrap();
        let writer = begin(&store).await;
        writer.begin_op(operation(OpKind::Create, "canary-open")).await.unwrap();
        writer.abandon().await;
        backend
    }
}

fn has(backend: &Memory, text: &str) -> Vec<String> {
    let holds = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).contains(text);
    let files = backend.dump().into_iter().filter(|(_, bytes)| holds(bytes));
    files.map(|(file, _)| file).collect()
}

#[tokio::test]
async fn nothing_of_it_can_be_read_without_the_key() {
    let desk = Desk::new();
    let clear = desk.stack(false).await;
    assert!(!has(&clear, "canary").is_empty(), "the test would find it");
    let backend = desk.stack(true).await;
    for text in ["canary", "hunter2", "Thing", "build-1\",\"", "\"created\":1"] {
        let files = has(&backend, text);
        // The lease says who holds it, so that others can be told.
        assert!(
            files.iter().all(|file| file.ends_with("lease.json")),
            "{text} in {files:?}"
        );
    }
    let state = desk.store(&backend).load().await.unwrap();
    let expected = desk.store(&clear).load().await.unwrap();
    assert_eq!(state.records, expected.records);
    assert_eq!(state.pending.len(), 1);
    assert_eq!(desk.store(&backend).history().await.unwrap().len(), 2);
    let (version, before, _) = desk.store(&backend).version(2).await.unwrap();
    assert_eq!((version.run.build.as_str(), before.records.len()), ("build-1", 4));
    assert_eq!(desk.store(&backend).check().await.unwrap().damage().count(), 0);
    let without = Store::new(Arc::clone(&backend) as _, "prod", no_keys());
    assert!(matches!(without.load().await, Err(StateError::Key(_))));
    let before = backend.dump();
    assert!(matches!(
        without.begin(run(), Duration::ZERO).await,
        Err(StateError::Key(_))
    ));
    let changed = backend
        .dump()
        .into_iter()
        .filter(|(file, bytes)| before.get(file) != Some(bytes));
    let changed: Vec<String> = changed.map(|(file, _)| file).collect();
    assert!(changed.iter().all(|file| file.ends_with("lease.json")), "{changed:?}");
}

/// The lines of a file, each with its sum.
fn lines(bytes: &[u8]) -> Vec<String> {
    String::from_utf8(bytes.to_vec())
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

/// A file of these bodies with sums that fit, as somebody who knows the format can make it.
fn with_sums(prev: &str, bodies: &[String]) -> Vec<u8> {
    let mut sum: Vec<u8> = (0..32)
        .map(|i| u8::from_str_radix(&prev[2 * i..2 * i + 2], 16).unwrap())
        .collect();
    let mut file = String::new();
    for body in bodies {
        sum = Sha256::new().chain_update(&sum).chain_update(body).finalize().to_vec();
        let hex: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
        file.push_str(&format!("{hex} {body}\n"));
    }
    file.into_bytes()
}

fn bodies(bytes: &[u8]) -> Vec<String> {
    lines(bytes)
        .iter()
        .map(|line| line.split_once(' ').unwrap().1.to_owned())
        .collect()
}

fn prev_of(bytes: &[u8]) -> String {
    let header: serde_json::Value = serde_json::from_str(&bodies(bytes)[0]).unwrap();
    header["prev"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn lines_stay_where_they_were_sealed() {
    let desk = Desk::new();
    let origin = desk.stack(true).await;
    let last = origin.keys("/journal/").pop().unwrap();
    let files = origin.dump();
    let own = bodies(&files[&last]);
    assert_ne!(
        with_sums(&prev_of(&files[&last]), &own),
        files[&last],
        "nobody can make the sums without the key"
    );
    let mut forged: Vec<(&str, Vec<String>)> = Vec::new();
    // From every other batch, a line of the same or of another number.
    for (file, bytes) in files
        .iter()
        .filter(|(file, _)| file.contains("/journal/") && **file != last)
    {
        let theirs = bodies(bytes);
        for body in &theirs[1..] {
            let mut moved = own.clone();
            moved[1].clone_from(body);
            forged.push((file, moved));
        }
    }
    let mut swapped = own.clone();
    swapped.swap(1, 2);
    forged.push(("two of its own", swapped));
    let mut changed = own.clone();
    let position = changed[1].len() - 10;
    let other = if &changed[1][position..=position] == "A" {
        "B"
    } else {
        "A"
    };
    changed[1].replace_range(position..=position, other);
    forged.push(("a changed one", changed));
    assert!(forged.len() > 3);
    for (what, bodies) in forged {
        let backend = origin.fork();
        backend.set(&last, with_sums(&prev_of(&files[&last]), &bodies));
        let refused = desk.store(&backend).load().await;
        assert!(
            matches!(refused, Err(StateError::Damaged { .. })),
            "{what}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn damage_is_found_and_repaired_as_in_a_clear_state() {
    let desk = Desk::new();
    let origin = desk.stack(true).await;
    let before = desk.store(&origin).load().await.unwrap();
    let files = origin.dump().into_keys();
    for file in files.filter(|file| !file.ends_with(".json")) {
        let backend = origin.fork();
        backend.edit(&file, |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        });
        let told = desk.store(&backend).check().await.unwrap();
        assert!(
            told.findings.iter().any(|finding| finding.file.as_ref() == Some(&file)),
            "{file}: {told:?}"
        );
        let repaired = desk.store(&backend).repair(run(), Duration::ZERO).await.unwrap();
        let state = desk.store(&backend).load().await.unwrap();
        for (key, record) in &state.records {
            assert_eq!(before.records.get(key), Some(record), "{file}");
        }
        assert!(state.records.len() >= before.records.len() - 4 || !repaired.lost.is_empty());
        assert!(desk.store(&backend).check().await.unwrap().is_whole(), "{file}");
        let clear = has(&backend, "canary");
        assert_eq!(clear, Vec::<String>::new(), "{file}: a repair seals as well");
    }
}

fn change_to(whole: bool) -> RekeyOptions {
    RekeyOptions {
        whole: Some(whole),
        ..RekeyOptions::default()
    }
}

fn same(left: &State, right: &State) -> bool {
    let public = |state: &State| {
        let records = state.records.clone();
        (records, content(state).pending)
    };
    public(left) == public(right)
}

#[tokio::test]
async fn a_stack_changes_over_and_back_whenever_it_is_killed() {
    let desk = Desk::new();
    for whole in [true, false] {
        let origin = desk.stack_of(!whole, 20).await;
        let before = desk.store(&origin).load().await.unwrap();
        for number in 0.. {
            let backend = origin.fork();
            let killed = backend.view();
            let count = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&count);
            killed.rule(move |_, _| {
                if counted.fetch_add(1, Ordering::Relaxed) < number {
                    Verdict::Pass
                } else {
                    Verdict::Fail(BackendErrorKind::Other)
                }
            });
            let rekey = async |backend: &Arc<Memory>| {
                let store = desk.store(backend);
                store.rekey(run(), Duration::ZERO, change_to(whole)).await
            };
            let done = rekey(&killed).await;
            // This process lives, so a lease that it could not give back is given up by hand.
            desk.store(&backend).unlock().await.unwrap();
            let between = desk.store(&backend).load().await.unwrap();
            assert!(same(&before, &between), "to {whole}, stopped at {number}");
            assert!(desk.store(&backend).history().await.is_ok());
            rekey(&backend).await.unwrap();
            let after = desk.store(&backend).load().await.unwrap();
            assert!(same(&before, &after), "to {whole}, stopped at {number}");
            let (_, first, _) = desk.store(&backend).version(2).await.unwrap();
            assert_eq!(first.records.len(), 4);
            assert!(desk.store(&backend).check().await.unwrap().is_whole());
            assert_eq!(
                has(&backend, "canary").is_empty(),
                whole,
                "to {whole}, stopped at {number}"
            );
            assert_eq!(has(&backend, "\"sealed\":true").is_empty(), !whole);
            if done.is_ok() && count.load(Ordering::Relaxed) <= number {
                break;
            }
        }
        assert!(before.records.contains_key(&key("canary4")));
    }
}
