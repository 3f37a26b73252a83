//! `check` finds whatever damage there is and names it; `repair` saves what can be saved, and throws nothing away.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use iac_core::Value;
use iac_core::provider::Phase;
use iac_core::state::{BackendErrorKind, CheckReport, KeySource, Repair, State, StateError, Store};
use iac_core::value::Map;
use serde_json::json;

use super::support::{Memory, Verdict, begin, key, record, run, store, summary};

/// A stack with two versions: a snapshot behind the first, and a journal behind that.
async fn stack() -> Arc<Memory> {
    let backend = Memory::new();
    let writer = begin(&store(&backend)).await;
    for number in 0..4 {
        let large = "x".repeat(20_000);
        let inputs = json!({ "n": number, "text": large });
        writer.put(record(&format!("r{number}"), inputs)).await.unwrap();
    }
    writer.finish(summary()).await.unwrap();
    let writer = begin(&store(&backend)).await;
    for name in ["s0", "s1", "s2"] {
        let mut new = record(name, json!({"v": 1}));
        new.recorded.dependencies = vec![(key("r0"), Phase::Exists)];
        writer.put(new).await.unwrap();
    }
    writer.finish(summary()).await.unwrap();
    assert_eq!(backend.keys("/snapshot/").len(), 1);
    backend
}

async fn check(backend: &Arc<Memory>) -> CheckReport {
    store(backend).check().await.unwrap()
}

async fn repair(backend: &Arc<Memory>) -> Repair {
    store(backend).repair(run(), Duration::ZERO).await.unwrap()
}

/// A named way to damage a file; false if it makes no difference to this one.
type Damage = (&'static str, fn(&mut Vec<u8>) -> bool);

const DAMAGES: [Damage; 5] = [
    ("a byte flipped", |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        true
    }),
    ("the first byte flipped", |bytes| {
        bytes[0] ^= 1;
        true
    }),
    ("cut in the middle", |bytes| {
        bytes.truncate(bytes.len() / 2);
        true
    }),
    ("emptied", |bytes| {
        bytes.clear();
        true
    }),
    ("the end zeroed", |bytes| {
        let from = bytes.len() - bytes.len() / 3;
        bytes[from..].fill(0);
        true
    }),
];

#[tokio::test]
async fn a_whole_stack_has_nothing_to_say() {
    let report = check(&stack().await).await;
    assert_eq!(report.findings, []);
    assert_eq!(report.records, Some(7));
    let backend = Memory::new();
    assert!(check(&backend).await.is_whole(), "and one that is not there is whole");
    assert!(repair(&backend).await.is_empty());
}

#[tokio::test]
async fn whatever_is_damaged_is_named_and_what_can_be_saved_is() {
    let origin = stack().await;
    let before = store(&origin).load().await.unwrap();
    for (file, original) in origin.dump() {
        for (what, damage) in DAMAGES {
            let backend = origin.fork();
            backend.edit(&file, |bytes| {
                damage(bytes);
            });
            let damaged = backend.dump()[&file].clone();
            let told = check(&backend).await;
            let names_it = told.findings.iter().any(|finding| finding.file.as_ref() == Some(&file));
            // The small files have no checksum: what still is of their form is not noticed.
            let noticed = names_it || damaged == original || file.ends_with(".json");
            assert!(noticed, "{file}, {what}: {told:?}");
            let unreadable = store(&backend).load().await.is_err();
            assert!(!unreadable || !told.is_whole(), "{file}, {what}: {told:?}");
            let repaired = repair(&backend).await;
            let after = check(&backend).await;
            assert!(after.is_whole(), "{file}, {what}: {repaired:?} {after:?}");
            let state = store(&backend).load().await.unwrap();
            is_saved(&before, &state, &repaired, &format!("{file}, {what}"));
            if !repaired.is_empty() && repaired.aside.contains(&file) {
                let kept = backend
                    .dump()
                    .into_iter()
                    .any(|(key, bytes)| key.contains("/damaged/") && bytes == damaged);
                assert!(kept, "{file}, {what}: nothing is thrown away");
            }
            // And it goes on from there.
            let writer = begin(&store(&backend)).await;
            writer.put(record("new", json!(1))).await.unwrap();
            writer.finish(summary()).await.unwrap();
            assert!(store(&backend).load().await.unwrap().records.contains_key(&key("new")));
        }
    }
}

/// Checks that the records that are left are as they were, and that the lost ones are told.
fn is_saved(before: &State, after: &State, repaired: &Repair, what: &str) {
    for (key, record) in &after.records {
        assert_eq!(before.records.get(key), Some(record), "{what}");
    }
    let missing = before.records.len() - after.records.len();
    assert!(
        missing == 0 || !repaired.lost.is_empty(),
        "{what}: {missing} are lost without a word"
    );
    assert!(missing <= 4, "{what}: one file takes no more than its own along");
}

#[tokio::test]
async fn a_missing_batch_is_named_and_the_rest_saved() {
    let origin = stack().await;
    let files = origin.keys("/journal/");
    let after_snapshot = &files[files.len() - 3];
    let backend = origin.fork();
    backend.remove(after_snapshot);
    let told = check(&backend).await;
    assert!(
        told.damage()
            .any(|finding| finding.file.as_ref() == Some(after_snapshot)),
        "{told:?}"
    );
    let repaired = repair(&backend).await;
    assert!(
        repaired.lost.iter().any(|lost| lost.contains("missing")),
        "{repaired:?}"
    );
    assert_eq!(store(&backend).load().await.unwrap().records.len(), 6);
    assert!(check(&backend).await.is_whole());
}

#[tokio::test]
async fn a_newer_format_is_left_alone() {
    let origin = stack().await;
    for file in origin.keys("") {
        let backend = origin.fork();
        backend.edit(&file, |bytes| {
            let text = String::from_utf8(bytes.clone()).unwrap();
            *bytes = text.replacen("\"format\":2", "\"format\":3", 1).into_bytes();
        });
        let before = backend.dump();
        let refused = store(&backend).repair(run(), Duration::ZERO).await;
        assert!(matches!(refused, Err(StateError::Newer { .. })), "{file}: {refused:?}");
        assert_eq!(backend.dump(), before, "{file}");
        assert!(!check(&backend).await.is_whole(), "{file}");
    }
}

#[tokio::test]
async fn a_repair_that_is_killed_is_finished_by_the_next() {
    let origin = stack().await;
    let before = store(&origin).load().await.unwrap();
    for file in [
        origin.keys("/snapshot/").pop().unwrap(),
        origin.keys("/journal/").pop().unwrap(),
        "prod/stack.json".to_owned(),
        "prod/lease.json".to_owned(),
    ] {
        let damaged = origin.fork();
        damaged.edit(&file, |bytes| {
            bytes[0] ^= 1;
        });
        for number in 0.. {
            let backend = damaged.fork();
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
            let done = store(&killed).repair(run(), Duration::ZERO).await;
            // This process lives, so a lease that it could not give back is given up by hand.
            if store(&backend).holder().await.is_ok() {
                store(&backend).unlock().await.unwrap();
            }
            let repaired = repair(&backend).await;
            let after = check(&backend).await;
            assert!(after.is_whole(), "{file}, stopped at {number}: {repaired:?} {after:?}");
            let state = store(&backend).load().await.unwrap();
            for (key, record) in &state.records {
                assert_eq!(before.records.get(key), Some(record), "{file}, stopped at {number}");
            }
            if done.is_ok() && count.load(Ordering::Relaxed) <= number {
                break;
            }
        }
    }
}

#[tokio::test]
async fn secrets_that_do_not_open_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let keys = KeySource::key_file(folder.path().join("key.txt"));
    let backend = Memory::new();
    let store = Store::new(Arc::clone(&backend) as _, "prod", keys);
    let writer = begin(&store).await;
    let secret = Map::from([("password".to_owned(), Value::Secret("hunter2".into()))]);
    writer.put(record("a", Value::from(secret))).await.unwrap();
    writer.finish(summary()).await.unwrap();
    assert_eq!(store.check().await.unwrap().findings, []);
    let without = Store::new(Arc::clone(&backend) as _, "prod", super::support::no_keys());
    let told = without.check().await.unwrap();
    assert!(told.is_whole() && told.findings.len() == 1, "it is only said: {told:?}");
    // Somebody puts other keys in their place.
    let other = Memory::new();
    let elsewhere = Store::new(
        Arc::clone(&other) as _,
        "prod",
        KeySource::key_file(folder.path().join("key.txt")),
    );
    elsewhere.vault().await.unwrap();
    backend.set("prod/key.json", other.dump()["prod/key.json"].clone());
    let fresh = Store::new(
        Arc::clone(&backend) as _,
        "prod",
        KeySource::key_file(folder.path().join("key.txt")),
    );
    let told = fresh.check().await.unwrap();
    let of_the_keys = |finding: &iac_core::state::Finding| finding.file.as_deref() == Some("prod/key.json");
    assert!(told.damage().any(of_the_keys), "{told:?}");
    // Nothing is put aside for keys that are not the stack's, and nothing believed.
    let before = backend.dump();
    let refused = fresh.repair(run(), Duration::ZERO).await;
    assert!(matches!(refused, Err(StateError::Untrusted { .. })), "{refused:?}");
    assert!(fresh.load().await.is_err());
    assert_eq!(backend.dump(), before);
}
