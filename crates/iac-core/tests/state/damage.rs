//! A file that is not as it was written is noticed and named, never guessed at.

use std::sync::Arc;

use iac_core::state::StateError;
use proptest::prelude::*;
use serde_json::json;

use super::support::{Memory, begin, content, record, store, summary};

/// A stack with this many batches of the journal.
async fn stack_of(batches: usize) -> Arc<Memory> {
    let backend = Memory::new();
    let writer = begin(&store(&backend)).await;
    for number in 0..batches {
        writer
            .put(record(&format!("r{number}"), json!({ "n": number })))
            .await
            .unwrap();
    }
    writer.abandon().await;
    backend
}

#[tokio::test]
async fn a_changed_byte_anywhere_in_the_journal_is_named() {
    let backend = stack_of(3).await;
    for file in backend.keys("/journal/") {
        for position in 0..backend.dump()[&file].len() {
            let backend = backend.fork();
            backend.edit(&file, |bytes| bytes[position] ^= 1);
            match store(&backend).load().await {
                Err(StateError::Damaged { file: named, line, .. }) => {
                    assert_eq!(named, file);
                    assert!(line.is_some());
                }
                // The last line's end is gone: that looks like, and costs no more than, a torn tail.
                Ok(state) => {
                    let last = Some(&file) == backend.keys("/journal/").last();
                    assert!(last && state.records.len() == 2, "{file} at {position}");
                }
                // The number of a later format or reader.
                Err(StateError::Newer { file: named, .. }) => assert_eq!(named, file),
                other => panic!("{file} at {position}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_batch_cut_short_in_the_middle_is_named() {
    let backend = stack_of(3).await;
    let files = backend.keys("/journal/");
    for cut in 0..backend.dump()[&files[1]].len() {
        let backend = backend.fork();
        backend.edit(&files[1], |bytes| bytes.truncate(cut));
        let result = store(&backend).load().await;
        assert!(
            matches!(&result, Err(StateError::Damaged { file, .. }) if *file == files[1]),
            "cut at {cut}: {result:?}"
        );
        let refused = store(&backend)
            .begin(super::support::run(), std::time::Duration::ZERO)
            .await;
        assert!(
            matches!(refused, Err(StateError::Damaged { .. })),
            "nobody writes on top of it"
        );
    }
    assert!(
        store(&backend).holder().await.unwrap().is_none(),
        "and the lease is given back"
    );
}

#[tokio::test]
async fn a_missing_batch_is_named() {
    let backend = stack_of(3).await;
    let files = backend.keys("/journal/");
    for missing in &files[..2] {
        let backend = backend.fork();
        backend.remove(missing);
        let error = store(&backend).load().await.unwrap_err();
        assert!(
            error.to_string().starts_with(&format!("{missing}: is missing")),
            "{error}"
        );
    }
}

#[tokio::test]
async fn files_of_another_place_are_refused() {
    let backend = stack_of(3).await;
    let files = backend.keys("/journal/");
    let swapped = backend.fork();
    swapped.set(&files[1], backend.dump()[&files[2]].clone());
    assert!(matches!(store(&swapped).load().await, Err(StateError::Damaged { .. })));
    let other = iac_core::state::Store::new(backend.clone(), "other", super::support::no_keys());
    for (key, bytes) in backend.dump() {
        backend.set(&key.replacen("prod/", "other/", 1), bytes);
    }
    let error = other.load().await.unwrap_err().to_string();
    assert!(error.contains("belongs to stack \"prod\""), "{error}");
}

#[tokio::test]
async fn a_damaged_snapshot_is_passed_over_for_the_one_before() {
    let backend = Memory::new();
    let store = store(&backend);
    for round in 0..3 {
        let writer = begin(&store).await;
        let text = format!("{round} ").repeat(100_000);
        writer
            .put(record(&format!("r{round}"), json!({ "text": text })))
            .await
            .unwrap();
        writer.finish(summary()).await.unwrap();
    }
    let whole = store.load().await.unwrap();
    let snapshots = backend.keys("/snapshot/");
    assert_eq!(snapshots.len(), 2);
    backend.edit(&snapshots[1], |bytes| bytes.truncate(1000));
    assert_eq!(store.load().await.unwrap(), whole);
    assert!(store.notices().iter().any(|notice| notice.contains(&snapshots[1])));
    let writer = begin(&store).await;
    assert_eq!(content(writer.state()), content(&whole));
    writer
        .put(record("more", json!({"text": "y".repeat(500_000)})))
        .await
        .unwrap();
    writer.finish(summary()).await.unwrap();
    assert_eq!(store.load().await.unwrap().records.len(), 4);
    for file in backend.keys("/snapshot/") {
        backend.edit(&file, |bytes| bytes[100] ^= 1);
    }
    assert!(matches!(store.load().await, Err(StateError::Damaged { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_content_of_a_file_is_worse_than_an_error(
        file in any::<prop::sample::Index>(),
        content in prop_oneof![prop::collection::vec(any::<u8>(), 0..200), "\\PC*".prop_map(String::into_bytes)],
        at in any::<prop::sample::Index>(),
        name in "[0-9]{1,25}\\.(batch|snapshot)",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let backend = stack_of(3).await;
            backend.set(&format!("prod/journal/{name}"), content.clone());
            let files = backend.keys("");
            backend.edit(&files[file.index(files.len())], |bytes| {
                let start = at.index(bytes.len() + 1);
                bytes.splice(start.., content.clone());
            });
            let _ = store(&backend).load().await;
            let _ = store(&backend).history().await;
            let _ = store(&backend).holder().await;
            let _ = store(&backend).vault().await;
        });
    }
}
