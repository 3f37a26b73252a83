//! Other keys for a stack: everything opens with the new ones, nothing with the old ones, and a kill in between costs
//! nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use iac_core::Value;
use iac_core::state::{
    BackendErrorKind, FormerObject, KeySource, Recipients, RekeyOptions, Rekeyed, StateError, Store,
};
use serde_json::json;
use std::collections::BTreeMap;
use tempfile::TempDir;

use super::support::{Memory, Verdict, begin, content, key, record, run, summary};

fn secret(text: &str) -> BTreeMap<String, Value> {
    BTreeMap::from([("password".to_owned(), Value::Secret(text.into()))])
}

fn old_keys() -> KeySource {
    KeySource::passphrase("old passphrase")
}

fn new_keys() -> KeySource {
    KeySource::passphrase("new passphrase")
}

fn store(backend: &Arc<Memory>, keys: KeySource) -> Store {
    Store::new(Arc::clone(backend) as _, "prod", keys)
}

/// A stack with secrets in a record, a former object, an export and the history.
async fn stack(keys: KeySource) -> Arc<Memory> {
    let backend = Memory::new();
    let store = store(&backend, keys);
    for password in ["first", "second"] {
        let writer = begin(&store).await;
        let mut new = record("a", Value::from(secret(password)));
        let mut former = record("a", Value::from(secret("former"))).recorded;
        former.identity = "Thing old".into();
        new.formers = vec![FormerObject {
            recorded: former,
            options: Default::default(),
        }];
        writer.put(new).await.unwrap();
        writer.put(record("plain", json!({"v": password}))).await.unwrap();
        writer.exports(secret(password)).await.unwrap();
        writer.finish(summary()).await.unwrap();
    }
    backend
}

fn to_new() -> RekeyOptions {
    RekeyOptions {
        recipients: Some(Recipients::Passphrase("new passphrase".into())),
        only_wrap: false,
        whole: None,
    }
}

async fn rekey(store: &Store, options: RekeyOptions) -> Result<Rekeyed, StateError> {
    store.rekey(run(), Duration::ZERO, options).await
}

/// Everything opens, in the state and in its history.
async fn opens(store: &Store, versions: u64) {
    let state = store.load().await.unwrap();
    let vault = store.vault().await.unwrap();
    let opened = state.open(&vault).unwrap();
    let password = |inputs: &Value| inputs.get("password").cloned();
    assert_eq!(
        password(&opened[&key("a")].recorded.inputs),
        Some(Value::Secret("second".into()))
    );
    let former = &opened[&key("a")].formers[0].recorded.inputs;
    assert_eq!(password(former), Some(Value::Secret("former".into())));
    assert_eq!(state.open_exports(&vault).unwrap(), secret("second"));
    for number in 1..=versions {
        let (_, before, after) = store.version(number).await.unwrap();
        for state in [before, after] {
            state.open(&vault).unwrap();
            state.open_exports(&vault).unwrap();
        }
    }
    let (_, before, _) = store.version(2).await.unwrap();
    assert_eq!(before.open_exports(&vault).unwrap(), secret("first"));
}

#[tokio::test]
async fn a_new_key_takes_the_place_of_the_old_one_everywhere() {
    let backend = stack(old_keys()).await;
    let rekeyed = rekey(&store(&backend, old_keys()), to_new()).await.unwrap();
    assert_eq!((rekeyed.key, rekeyed.resumed), (2, false));
    assert!(rekeyed.sealed >= 2 && rekeyed.versions >= 2, "{rekeyed:?}");
    opens(&store(&backend, new_keys()), 3).await;
    assert!(store(&backend, old_keys()).vault().await.is_err());
    for (file, bytes) in backend.dump() {
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.contains("\"v1.1."), "{file} still holds what the old key sealed");
    }
    assert_eq!(store(&backend, new_keys()).check().await.unwrap().findings, []);
    // And once more, with the means that are at hand.
    let again = rekey(&store(&backend, new_keys()), RekeyOptions::default())
        .await
        .unwrap();
    assert_eq!((again.key, again.resumed), (3, false));
    opens(&store(&backend, new_keys()), 4).await;
}

#[tokio::test]
async fn the_same_key_can_be_wrapped_for_other_people() {
    let folder = TempDir::new().unwrap();
    let person = |name: &str| KeySource::key_file(folder.path().join(name));
    let mut recipients = Vec::new();
    for name in ["anna", "ben"] {
        // A key file is made with its first use; its first line names the recipient.
        person(name).create().unwrap();
        let text = std::fs::read_to_string(folder.path().join(name)).unwrap();
        let line = text.lines().next().unwrap();
        recipients.push(line.rsplit(' ').next().unwrap().to_owned());
    }
    let backend = stack(old_keys()).await;
    let options = RekeyOptions {
        recipients: Some(Recipients::Age(recipients)),
        only_wrap: true,
        whole: None,
    };
    let before = content(&store(&backend, old_keys()).load().await.unwrap());
    let rekeyed = rekey(&store(&backend, old_keys()), options).await.unwrap();
    assert_eq!((rekeyed.key, rekeyed.sealed, rekeyed.versions), (1, 0, 0));
    for name in ["anna", "ben"] {
        opens(&store(&backend, person(name)), 3).await;
    }
    assert!(store(&backend, old_keys()).vault().await.is_err());
    let after = content(&store(&backend, old_keys()).showing().load().await.unwrap());
    assert_eq!(after.records, before.records, "nothing else is touched");
}

#[tokio::test]
async fn whoever_opened_the_old_keys_can_not_write_with_them() {
    let backend = stack(old_keys()).await;
    let late = store(&backend, old_keys());
    late.vault().await.unwrap();
    rekey(&store(&backend, old_keys()), RekeyOptions::default())
        .await
        .unwrap();
    let refused = late.begin(run(), Duration::ZERO).await;
    assert!(matches!(refused, Err(StateError::Rekeyed(_))), "{refused:?}");
    // A store that opens them again is fine, and the lease was given back.
    begin(&store(&backend, old_keys())).await.abandon().await;
}

#[tokio::test]
async fn wrong_means_change_nothing() {
    let backend = stack(old_keys()).await;
    let before = content(&store(&backend, old_keys()).load().await.unwrap());
    let refused = rekey(&store(&backend, new_keys()), RekeyOptions::default()).await;
    assert!(matches!(refused, Err(StateError::Key(_))), "{refused:?}");
    assert_eq!(content(&store(&backend, old_keys()).load().await.unwrap()), before);
    opens(&store(&backend, old_keys()), 2).await;
    let nothing = rekey(&store(&Memory::new(), old_keys()), RekeyOptions::default()).await;
    assert!(matches!(nothing, Err(StateError::NoStack(_))), "{nothing:?}");
}

#[tokio::test]
async fn killed_anywhere_it_opens_and_the_next_rekey_finishes() {
    // Identities open in no time, where passphrases are slow on purpose.
    let folder = TempDir::new().unwrap();
    let keys = || KeySource::key_file(folder.path().join("key.txt"));
    let origin = stack(keys()).await;
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
        let done = rekey(&store(&killed, keys()), RekeyOptions::default()).await;
        // This process lives, so a lease that it could not give back is given up by hand.
        store(&backend, keys()).unlock().await.unwrap();
        opens(&store(&backend, keys()), 2).await;
        let next = rekey(&store(&backend, keys()), RekeyOptions::default()).await.unwrap();
        assert!(next.key >= 2, "stopped at operation {number}");
        opens(&store(&backend, keys()), 2).await;
        let report = store(&backend, keys()).check().await.unwrap();
        assert!(report.is_whole(), "stopped at operation {number}: {report:?}");
        let key_file = String::from_utf8(backend.dump()["prod/key.json"].clone()).unwrap();
        assert_eq!(key_file.matches("BEGIN AGE").count(), 1, "one key is left");
        if done.is_ok() && count.load(Ordering::Relaxed) <= number {
            break;
        }
    }
}
