//! The memory that a machine has of a stack: an older state, other keys and a clear state are refused where they take the place
//! of the ones that it has seen, and nothing that people do with their stacks is refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use iac_core::Value;
use iac_core::state::{Backend, ImportOptions, KeySource, LocalBackend, RekeyOptions, StateError, Store};
use iac_core::value::Map;
use serde_json::json;
use tempfile::TempDir;

use super::support::{begin, content, key, record, run, summary};

struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Returns a store of the stack in this folder, with the knowledge of a machine of this name.
    fn store(&self, machine: &str, state: &str) -> Store {
        let keys = KeySource::key_file(self.folder.path().join("key.txt"));
        let backend = Arc::new(LocalBackend::new(self.folder.path().join(state)));
        Store::new(backend, "prod", keys).remember_in(self.folder.path().join(machine))
    }

    fn copy(&self, from: &str, to: &str) {
        let _ = fs::remove_dir_all(self.folder.path().join(to));
        copy(&self.folder.path().join(from), &self.folder.path().join(to));
    }

    /// The file of the last batch in the folder `state`.
    fn newest_batch(&self) -> PathBuf {
        let journal = self.folder.path().join("state/prod/journal");
        let batches = fs::read_dir(journal).unwrap();
        batches.map(|entry| entry.unwrap().path()).max().unwrap()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A run that records a resource of this name, with a secret.
async fn up(store: &Store, name: &str) {
    let writer = begin(store).await;
    let secret = Map::from([("password".to_owned(), Value::Secret("hunter2".into()))]);
    writer.put(record(name, Value::from(secret))).await.unwrap();
    writer.finish(summary()).await.unwrap();
}

async fn plain_up(store: &Store, name: &str) {
    let writer = begin(store).await;
    writer.put(record(name, json!({"v": 1}))).await.unwrap();
    writer.finish(summary()).await.unwrap();
}

async fn refused(store: &Store, what: &str) -> String {
    let told = store.load().await;
    assert!(matches!(told, Err(StateError::Untrusted { .. })), "{what}: {told:?}");
    let begun = store.begin(run(), Duration::ZERO).await;
    assert!(matches!(begun, Err(StateError::Untrusted { .. })), "{what}: {begun:?}");
    told.unwrap_err().to_string()
}

#[tokio::test]
async fn what_takes_the_place_of_what_was_seen_is_refused_until_somebody_says_so() {
    let desk = Desk::new();
    let store = || desk.store("mine", "state");
    up(&store(), "a").await;
    desk.copy("state", "before");
    up(&store(), "b").await;
    desk.copy("state", "after");
    // All of the state of before; and the newest batch alone taken away, or its end.
    desk.copy("before", "state");
    let told = refused(&store(), "an older state").await;
    assert!(told.contains("older state") && told.contains("state trust"), "{told}");
    for cut in [true, false] {
        desk.copy("after", "state");
        let last = desk.newest_batch();
        if cut {
            let bytes = fs::read(&last).unwrap();
            fs::write(&last, &bytes[..bytes.len() - 10]).unwrap();
        } else {
            fs::remove_file(&last).unwrap();
        }
        refused(&store(), "the last batch").await;
    }
    // Somebody else goes on from the older state: it comes further than what was seen.
    desk.copy("before", "state");
    for name in ["c", "d", "e"] {
        up(&desk.store("other", "state"), name).await;
    }
    let told = refused(&store(), "a state that forked").await;
    assert!(told.contains("others went on"), "{told}");
    // A stack that was created again, with a key that the same identity opens; and one without any.
    up(&desk.store("other", "anew"), "evil").await;
    desk.copy("anew", "state");
    let told = refused(&store(), "another key").await;
    assert!(told.contains("no `stack rekey` leads"), "{told}");
    plain_up(&desk.store("other", "clear"), "evil").await;
    desk.copy("clear", "state");
    let told = refused(&store(), "a clear state").await;
    assert!(told.contains("bears the seal of none"), "{told}");
    // The way out.
    desk.copy("before", "state");
    refused(&store(), "an older state").await;
    let looked = store().look_at_trust().await.unwrap();
    assert_eq!((looked.version, looked.records), (1, 1));
    refused(&store(), "looking is not believing").await;
    let trusted = store().trust(run(), Duration::ZERO).await.unwrap();
    assert_eq!(trusted, looked);
    up(&store(), "b").await;
    desk.copy("clear", "state");
    store().trust(run(), Duration::ZERO).await.unwrap();
    plain_up(&store(), "c").await;
}

#[tokio::test]
async fn what_people_do_with_their_stacks_is_not_refused() {
    let desk = Desk::new();
    let (mine, other) = (|| desk.store("mine", "state"), || desk.store("other", "state"));
    // Two machines in turns, with other keys in between, twice.
    up(&mine(), "a").await;
    up(&other(), "b").await;
    for _ in 0..2 {
        other()
            .rekey(run(), Duration::ZERO, RekeyOptions::default())
            .await
            .unwrap();
    }
    up(&mine(), "c").await;
    other().load().await.unwrap();
    // Moved and back, by this machine; the other one follows.
    let elsewhere: Arc<dyn Backend> = Arc::new(LocalBackend::new(desk.folder.path().join("elsewhere")));
    mine()
        .migrate(&elsewhere, "there", run(), Duration::ZERO, false)
        .await
        .unwrap();
    up(&desk.store("mine", "elsewhere"), "d").await;
    let back: Arc<dyn Backend> = Arc::new(LocalBackend::new(desk.folder.path().join("state")));
    let store = desk.store("mine", "elsewhere");
    store
        .migrate(&back, "back", run(), Duration::ZERO, false)
        .await
        .unwrap();
    up(&mine(), "e").await;
    up(&other(), "f").await;
    // An import in its place, and a repair of what is damaged.
    let document = mine().export().await.unwrap();
    up(&mine(), "g").await;
    let replace = ImportOptions {
        replace: true,
        ..ImportOptions::default()
    };
    mine()
        .import(document.as_bytes(), run(), Duration::ZERO, replace)
        .await
        .unwrap();
    fs::write(desk.newest_batch(), b"nothing of a batch\n").unwrap();
    mine().repair(run(), Duration::ZERO).await.unwrap();
    up(&mine(), "h").await;
    assert!(other().load().await.unwrap().records.contains_key(&key("h")));
    // Removed, and created again; and once more, by deleting the files.
    mine().remove(run(), Duration::ZERO, true).await.unwrap();
    up(&mine(), "a").await;
    fs::remove_dir_all(desk.folder.path().join("state")).unwrap();
    let store = mine();
    plain_up(&store, "a").await;
    let notices = store.notices();
    assert!(
        notices.iter().any(|notice| notice.contains("begins anew")),
        "{notices:?}"
    );
    up(&mine(), "b").await;
    // Another stack of the same name, elsewhere.
    up(&desk.store("mine", "second"), "x").await;
    mine().load().await.unwrap();
}

#[tokio::test]
async fn runs_at_the_same_time_remember_and_a_folder_that_can_not_be_written_stops_none() {
    let desk = Desk::new();
    up(&desk.store("mine", "state"), "a").await;
    let stores = (0..4).map(|_| desk.store("mine", "state"));
    let tasks: Vec<_> = stores
        .enumerate()
        .map(|(task, store)| {
            tokio::spawn(async move {
                for round in 0..3 {
                    let writer = store.begin(run(), Duration::from_secs(600)).await.unwrap();
                    let name = format!("t{task}-{round}");
                    writer.put(record(&name, json!({}))).await.unwrap();
                    writer.finish(summary()).await.unwrap();
                    store.load().await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(desk.store("mine", "state").load().await.unwrap().records.len(), 13);
    // A file where the folder should be.
    fs::write(desk.folder.path().join("full"), b"").unwrap();
    let store = desk.store("full", "state");
    up(&store, "z").await;
    let notices = store.notices();
    assert!(
        notices
            .iter()
            .any(|notice| notice.contains("cannot remember") || notice.contains("cannot be read")),
        "{notices:?}"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let memory = desk.folder.path().join("mine");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&memory), 0o700);
        let file = fs::read_dir(memory).unwrap().next().unwrap().unwrap().path();
        assert_eq!(mode(&file), 0o600);
        assert!(!fs::read_to_string(file).unwrap().contains("hunter2"));
    }
}

#[tokio::test]
async fn a_machine_that_remembers_nothing_can_be_told_the_key() {
    let desk = Desk::new();
    let bare = |state: &str| {
        let keys = KeySource::key_file(desk.folder.path().join("key.txt"));
        Store::new(
            Arc::new(LocalBackend::new(desk.folder.path().join(state))),
            "prod",
            keys,
        )
    };
    up(&bare("state"), "a").await;
    let pin = bare("state").look_at_trust().await.unwrap().key;
    let before = content(&bare("state").expect_key(pin.clone()).load().await.unwrap());
    up(&bare("anew"), "evil").await;
    plain_up(&bare("clear"), "evil").await;
    for state in ["anew", "clear"] {
        refused(&bare(state).expect_key(pin.clone()), state).await;
        assert!(
            bare(state).load().await.is_ok(),
            "without it, nothing is known of the stack"
        );
    }
    assert_eq!(content(&bare("state").expect_key(pin).load().await.unwrap()), before);
}
