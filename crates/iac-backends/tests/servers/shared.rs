//! Tests that hold for every backend: the contract, large values, and a stack's whole life.

use std::sync::Arc;
use std::time::Duration;

use iac_core::declare::Options;
use iac_core::provider::Recorded;
use iac_core::state::conformance::{Failed, Suite};
use iac_core::state::{
    Backend, Created, KeySource, LocalBackend, NewRecord, OpKind, Operation, Put, RunInfo, Store, Summary,
};
use iac_core::{Key, Value};
use serde_json::json;

use crate::place::{open_postgres, open_s3, unique};

const MIB: usize = 1024 * 1024;

type Open = fn(&str) -> Arc<dyn Backend>;

/// Both, with how a client of a place is opened.
const BACKENDS: [(&str, Open); 2] = [("s3", open_s3), ("postgres", open_postgres)];

/// The one test that the test bed's S3 server fails: its deletions do not wait for a write of the same object that is under way.
const DELETED: &str = "a_put_does_not_bring_back_what_is_deleted";

async fn conforms(open: Open, without: &[&str]) -> Result<(), Failed> {
    let place = unique("conformance");
    let suite = Suite::new(move || {
        let client = open(&place);
        async { Ok(client) }
    });
    let names = suite.names().into_iter().filter(|name| !without.contains(name));
    let chosen = suite.clone().only(names.collect::<Vec<_>>());
    // More than a page, which is 1,000.
    chosen.listed_keys(1_050).largest(4 * MIB).run().await.into_result()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3_conforms() -> Result<(), Failed> {
    conforms(open_s3, &[DELETED]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_conforms() -> Result<(), Failed> {
    conforms(open_postgres, &[]).await
}

#[tokio::test]
async fn values_of_16_mib_are_kept() {
    for (name, open) in BACKENDS {
        let place = unique("large");
        let (one, two) = (open(&place), open(&place));
        let word = |n: u32| n.wrapping_mul(2_654_435_761).to_le_bytes();
        let large: Vec<u8> = (0..).flat_map(word).take(16 * MIB + 1).collect();
        let Created::Created(etag) = one.create("s/large", large.clone()).await.unwrap() else {
            panic!("{name}: the key was free")
        };
        assert!(two.read("s/large").await.unwrap().unwrap().bytes == large, "{name}");
        let put = two.put_if_match("s/large", large[1..].to_vec(), &etag).await.unwrap();
        assert!(matches!(put, Put::Done(_)), "{name}");
        assert!(
            one.read("s/large").await.unwrap().unwrap().bytes == large[1..],
            "{name}"
        );
        one.delete("s/large").await.unwrap();
    }
}

#[tokio::test]
async fn prefixes_end_anywhere_and_nothing_is_listed_twice() {
    for (name, open) in BACKENDS {
        let backend = open(&unique("list"));
        assert_eq!(backend.list("").await.unwrap(), Vec::<String>::new(), "{name}");
        for key in ["a/b/2", "a/b/10", "a/bc", "a-b/x", "ab", "A/b"] {
            backend.create(key, vec![1]).await.unwrap();
        }
        for (prefix, keys) in [
            ("", vec!["A/b", "a-b/x", "a/b/10", "a/b/2", "a/bc", "ab"]),
            ("a", vec!["a-b/x", "a/b/10", "a/b/2", "a/bc", "ab"]),
            ("a/b", vec!["a/b/10", "a/b/2", "a/bc"]),
            ("a/b/", vec!["a/b/10", "a/b/2"]),
            ("a/b/1", vec!["a/b/10"]),
            ("b", vec![]),
        ] {
            assert_eq!(backend.list(prefix).await.unwrap(), keys, "{name}: {prefix:?}");
        }
    }
}

fn key(name: &str) -> Key {
    Key::new("", "test:core/Thing", name).unwrap()
}

fn record(name: &str) -> NewRecord {
    let recorded = Recorded {
        key: key(name),
        identity: format!("Thing {name}"),
        uid: None,
        inputs: Value::from(json!({ "name": name })),
        outputs: Value::Null,
        private: Default::default(),
        dependencies: Vec::new(),
        ready: true,
    };
    NewRecord::new(recorded, Options::default(), None)
}

fn creation(name: &str) -> Operation {
    Operation {
        kind: OpKind::Create,
        key: key(name),
        identity: format!("Thing {name}"),
        uid: None,
        inputs_digest: "digest".into(),
    }
}

fn store(backend: &Arc<dyn Backend>) -> Store {
    Store::new(Arc::clone(backend), "prod", KeySource::identity_file("none"))
}

fn run() -> RunInfo {
    RunInfo::current("up", "test")
}

#[tokio::test]
async fn a_stack_lives_there_and_moves_on() {
    let folder = tempfile::tempdir().unwrap();
    for (name, open) in BACKENDS {
        let place = unique("store");
        let (here, there) = (store(&open(&place)), store(&open(&place)));
        let writer = here.begin(run(), Duration::ZERO).await.unwrap();
        for number in 0..40 {
            let resource = format!("r{number}");
            let op = writer.begin_op(creation(&resource)).await.unwrap();
            writer.applied(op, record(&resource)).await.unwrap();
        }
        writer.begin_op(creation("open")).await.unwrap();
        let locked = there.begin(run(), Duration::ZERO).await.err().unwrap().to_string();
        assert!(locked.contains("prod"), "{name}: {locked}");

        // Somebody ends the first run; the second finds all that it did, and its one call in flight.
        assert!(there.unlock().await.unwrap().is_some(), "{name}");
        let second = there.begin(run(), Duration::ZERO).await.unwrap();
        assert_eq!(
            (second.state().records.len(), second.state().pending.len()),
            (40, 1),
            "{name}"
        );
        assert!(
            writer.begin_op(creation("late")).await.is_err(),
            "{name}: the first is fenced off"
        );
        second.put(record("after")).await.unwrap();
        second.finish(Summary::default()).await.unwrap();
        assert!(there.check().await.unwrap().is_whole(), "{name}");

        let files: Arc<dyn Backend> = Arc::new(LocalBackend::new(folder.path().join(name)));
        let moved = here
            .migrate(&files, "files", run(), Duration::ZERO, false)
            .await
            .unwrap();
        assert_eq!(moved.records, 41, "{name}");
        assert_eq!(store(&files).load().await.unwrap().records.len(), 41, "{name}");
        assert!(
            here.load().await.is_err(),
            "{name}: what has moved is not read by mistake"
        );
    }
}
