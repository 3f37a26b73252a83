//! A state's way elsewhere: as a document, and from one backend to another.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use iac_core::Value;
use iac_core::state::{Backend, BackendErrorKind, ImportOptions, KeySource, OpKind, State, StateError, Store};
use serde_json::json;
use std::collections::BTreeMap;
use tempfile::TempDir;

use super::support::{Memory, Verdict, begin, content, key, operation, record, run, summary};

struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn keys(&self, name: &str) -> KeySource {
        KeySource::key_file(self.folder.path().join(name))
    }

    fn store(&self, backend: &Arc<Memory>, stack: &str) -> Store {
        Store::new(Arc::clone(backend) as _, stack, self.keys("key.txt"))
    }

    /// A stack with two versions, a secret, an export and an interrupted creation.
    async fn stack(&self) -> Arc<Memory> {
        let backend = Memory::new();
        let store = self.store(&backend, "prod");
        let writer = begin(&store).await;
        let secret = BTreeMap::from([("password".to_owned(), Value::Secret("hunter2".into()))]);
        writer.put(record("a", Value::from(secret.clone()))).await.unwrap();
        writer.exports(secret).await.unwrap();
        writer.finish(summary()).await.unwrap();
        let writer = begin(&store).await;
        writer.put(record("b", json!({"v": 1}))).await.unwrap();
        writer.finish(summary()).await.unwrap();
        let writer = begin(&store).await;
        writer.begin_op(operation(OpKind::Create, "c")).await.unwrap();
        writer.abandon().await;
        backend
    }
}

async fn passwords(store: &Store, state: &State) -> (Option<Value>, Option<Value>) {
    let vault = store.vault().await.unwrap();
    let opened = state.open(&vault).unwrap();
    let exports = state.open_exports(&vault).unwrap();
    (
        opened[&key("a")].recorded.inputs.get("password").cloned(),
        exports.get("password").cloned(),
    )
}

fn hunter2() -> (Option<Value>, Option<Value>) {
    let secret = Some(Value::Secret("hunter2".into()));
    (secret.clone(), secret)
}

const OTHER: ImportOptions = ImportOptions {
    other_stack: true,
    replace: false,
};

#[tokio::test]
async fn a_document_brings_a_stack_anywhere() {
    let desk = Desk::new();
    let origin = desk.stack().await;
    let store = desk.store(&origin, "prod");
    let document = store.export().await.unwrap();
    assert!(!document.contains("hunter2"));
    // The same stack on an empty backend, and another stack with keys of its own.
    for (stack, options) in [("prod", ImportOptions::default()), ("copy", OTHER)] {
        let target = desk.store(&Memory::new(), stack);
        let imported = target
            .import(document.as_bytes(), run(), Duration::ZERO, options)
            .await
            .unwrap();
        assert_eq!((imported.records, imported.replaced, imported.version), (2, 0, 1));
        let state = target.load().await.unwrap();
        assert_eq!(passwords(&target, &state).await, hunter2());
        assert_eq!(state.records[&key("b")], store.load().await.unwrap().records[&key("b")]);
        assert_eq!(state.pending.len(), 1);
        assert_eq!(state.pending[0].identity, "Thing c", "what is open stays open");
    }
}

#[tokio::test]
async fn an_import_refuses_what_is_not_whole_or_not_asked_for() {
    let desk = Desk::new();
    let origin = desk.stack().await;
    let document = desk.store(&origin, "prod").export().await.unwrap();
    let empty = Memory::new();
    let target = desk.store(&empty, "prod");
    for position in (0..document.len()).step_by(7) {
        let mut changed = document.clone().into_bytes();
        changed[position] ^= 1;
        let refused = target
            .import(&changed, run(), Duration::ZERO, ImportOptions::default())
            .await;
        assert!(refused.is_err(), "byte {position}");
    }
    let newer = document.replacen("\"format\": 2", "\"format\": 3", 1);
    let refused = target
        .import(newer.as_bytes(), run(), Duration::ZERO, ImportOptions::default())
        .await;
    assert!(matches!(refused, Err(StateError::Newer { .. })), "{refused:?}");
    assert_eq!(empty.keys(""), Vec::<String>::new(), "nothing was written");
    let import = async |store: &Store, options| store.import(document.as_bytes(), run(), Duration::ZERO, options).await;
    let other = import(&desk.store(&empty, "else"), ImportOptions::default()).await;
    assert!(matches!(other, Err(StateError::Import(_))), "{other:?}");
    let before = desk.store(&origin, "prod").load().await.unwrap();
    let occupied = import(&desk.store(&origin, "prod"), ImportOptions::default()).await;
    assert!(matches!(occupied, Err(StateError::Import(_))), "{occupied:?}");
    assert_eq!(
        content(&desk.store(&origin, "prod").load().await.unwrap()),
        content(&before)
    );
    let stranger = Store::new(Arc::clone(&empty) as _, "prod", desk.keys("other.txt"));
    assert!(
        import(&stranger, ImportOptions::default()).await.is_err(),
        "the secrets do not open"
    );
    assert!(stranger.load().await.unwrap().records.is_empty());
}

#[tokio::test]
async fn what_an_import_replaces_stays_in_the_history() {
    let desk = Desk::new();
    let origin = desk.stack().await;
    let store = desk.store(&origin, "prod");
    let document = store.export().await.unwrap();
    let writer = begin(&store).await;
    writer.put(record("later", json!(1))).await.unwrap();
    writer.put(record("b", json!({"v": 2}))).await.unwrap();
    writer.finish(summary()).await.unwrap();
    let replace = ImportOptions {
        replace: true,
        ..ImportOptions::default()
    };
    let imported = store
        .import(document.as_bytes(), run(), Duration::ZERO, replace)
        .await
        .unwrap();
    assert_eq!(imported.replaced, 1);
    let state = store.load().await.unwrap();
    assert!(!state.records.contains_key(&key("later")));
    assert_eq!(state.pending.len(), 1, "one, and not twice");
    assert_eq!(passwords(&store, &state).await, hunter2());
    let (_, before, _) = store.version(imported.version).await.unwrap();
    assert!(before.records.contains_key(&key("later")));
}

async fn migrate(store: &Store, target: &Arc<Memory>, copy: bool) -> Result<usize, StateError> {
    let target = Arc::clone(target) as Arc<dyn Backend>;
    let migrated = store.migrate(&target, "there", run(), Duration::ZERO, copy).await;
    migrated.map(|migrated| migrated.records)
}

#[tokio::test]
async fn a_stack_moves_with_all_it_has() {
    let desk = Desk::new();
    let (source, target) = (desk.stack().await, Memory::new());
    let (old, new) = (desk.store(&source, "prod"), desk.store(&target, "prod"));
    let (state, history) = (old.load().await.unwrap(), old.history().await.unwrap());
    assert_eq!(migrate(&old, &target, false).await.unwrap(), 2);
    let moved = new.load().await.unwrap();
    assert_eq!(content(&moved), content(&state));
    assert_eq!(new.history().await.unwrap(), history);
    assert_eq!(passwords(&new, &moved).await, hunter2());
    assert_eq!(new.check().await.unwrap().damage().count(), 0);
    let gone = old.begin(run(), Duration::ZERO).await.unwrap_err();
    assert!(gone.to_string().contains("was moved to there"), "{gone}");
    // It goes on there, and comes back.
    let writer = begin(&new).await;
    writer.put(record("d", json!(1))).await.unwrap();
    writer.finish(summary()).await.unwrap();
    assert_eq!(migrate(&new, &source, false).await.unwrap(), 3);
    assert_eq!(old.load().await.unwrap().records.len(), 3);
    assert!(matches!(new.load().await, Err(StateError::Moved { .. })));
}

#[tokio::test]
async fn a_migration_overwrites_nobody() {
    let desk = Desk::new();
    let source = desk.stack().await;
    let old = desk.store(&source, "prod");
    let other = Memory::new();
    let theirs = desk.store(&other, "prod");
    let writer = begin(&theirs).await;
    writer.put(record("theirs", json!(1))).await.unwrap();
    writer.finish(summary()).await.unwrap();
    let before = other.dump();
    let occupied = migrate(&old, &other, false).await;
    assert!(matches!(occupied, Err(StateError::Occupied { .. })), "{occupied:?}");
    assert_eq!(other.dump(), before);
    let same = migrate(&old, &source.view(), false).await;
    assert!(matches!(same, Err(StateError::Occupied { .. })), "{same:?}");
    let nothing = migrate(&desk.store(&Memory::new(), "prod"), &Memory::new(), false).await;
    assert!(matches!(nothing, Err(StateError::NoStack(_))), "{nothing:?}");
    // A copy can be brought up to date as long as nobody goes on with it.
    let copy = Memory::new();
    migrate(&old, &copy, true).await.unwrap();
    let writer = begin(&old).await;
    writer.put(record("d", json!(1))).await.unwrap();
    writer.finish(summary()).await.unwrap();
    assert_eq!(migrate(&old, &copy, true).await.unwrap(), 3);
    assert_eq!(desk.store(&copy, "prod").load().await.unwrap().records.len(), 3);
    assert_eq!(old.load().await.unwrap().records.len(), 3);
}

/// Lets everything on both views fail from the operation of this number on; both count together.
fn stop_both(views: [&Memory; 2], number: usize) -> Arc<AtomicUsize> {
    let count = Arc::new(AtomicUsize::new(0));
    for view in views {
        let counted = Arc::clone(&count);
        view.rule(move |_, _| {
            if counted.fetch_add(1, Ordering::Relaxed) < number {
                Verdict::Pass
            } else {
                Verdict::Fail(BackendErrorKind::Other)
            }
        });
    }
    count
}

#[tokio::test]
async fn killed_anywhere_one_of_the_two_is_whole_and_the_next_migration_finishes() {
    let desk = Desk::new();
    let origin = desk.stack().await;
    let state = content(&desk.store(&origin, "prod").load().await.unwrap());
    let mut ends = BTreeSet::new();
    for number in 0.. {
        let (source, target) = (origin.fork(), Memory::new());
        let (from, to) = (source.view(), target.view());
        let count = stop_both([&from, &to], number);
        let done = migrate(&desk.store(&from, "prod"), &to, false).await;
        let (old, new) = (desk.store(&source, "prod"), desk.store(&target, "prod"));
        // This process lives, so a lease that it could not give back is given up by hand.
        old.unlock().await.unwrap();
        let (here, there) = (old.load().await, new.load().await);
        let whole_here = here.as_ref().is_ok_and(|here| content(here) == state);
        let whole_there = there.as_ref().is_ok_and(|there| content(there) == state);
        assert!(whole_here || whole_there, "stopped at {number}: {here:?} {there:?}");
        let empty = there
            .as_ref()
            .is_ok_and(|there| there.records.is_empty() && there.pending.is_empty());
        assert!(
            whole_there || empty || matches!(there, Err(StateError::Arriving(_))),
            "stopped at {number}, nobody takes a half for a whole: {there:?}"
        );
        ends.insert((whole_here, whole_there));
        match migrate(&old, &target, false).await {
            Ok(records) => assert_eq!(records, 2),
            Err(error) => assert!(
                matches!(error, StateError::Moved { .. }),
                "stopped at {number}: {error}"
            ),
        }
        assert_eq!(content(&new.load().await.unwrap()), state, "stopped at {number}");
        assert!(matches!(old.load().await, Err(StateError::Moved { .. })));
        if done.is_ok() && count.load(Ordering::Relaxed) <= number {
            break;
        }
    }
    assert_eq!(ends.len(), 3, "before, in between and after: {ends:?}");
}
