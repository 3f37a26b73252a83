//! The contract of [`Backend`], for everything that offers it.

use std::sync::Arc;

use futures::future::join_all;
use iac_core::state::{Backend, Created, Etag, KeySource, LocalBackend, Put, StateError, Store, open_backend};
use serde_json::json;

use super::support::{Memory, begin, record, run, summary};

/// Everything that [`Backend`] promises and can be seen from one process.
async fn keeps_its_promises(backend: Arc<dyn Backend>) {
    assert_eq!(backend.read("s/a").await.unwrap(), None);
    assert_eq!(backend.list("s/").await.unwrap(), Vec::<String>::new());
    backend.delete("s/a").await.unwrap();
    let nothing = Etag("nothing".into());
    assert_eq!(
        backend.put_if_match("s/a", b"x".to_vec(), &nothing).await.unwrap(),
        Put::Mismatch
    );

    let Created::Created(first) = backend.create("s/a", b"one".to_vec()).await.unwrap() else {
        panic!("the key was free")
    };
    assert_eq!(backend.create("s/a", b"two".to_vec()).await.unwrap(), Created::Exists);
    let object = backend.read("s/a").await.unwrap().unwrap();
    assert_eq!((object.bytes.as_slice(), &object.etag), (b"one".as_slice(), &first));

    let Put::Done(second) = backend.put_if_match("s/a", b"two".to_vec(), &first).await.unwrap() else {
        panic!("it was as expected")
    };
    assert_eq!(
        backend.put_if_match("s/a", b"three".to_vec(), &first).await.unwrap(),
        Put::Mismatch
    );
    assert_eq!(backend.read("s/a").await.unwrap().unwrap().etag, second);
    assert_eq!(backend.read("s/a").await.unwrap().unwrap().bytes, b"two");

    for key in ["s/j/2", "s/j/10", "s/k", "t/x"] {
        backend.create(key, Vec::new()).await.unwrap();
    }
    assert_eq!(backend.list("s/").await.unwrap(), ["s/a", "s/j/10", "s/j/2", "s/k"]);
    assert_eq!(backend.list("s/j/1").await.unwrap(), ["s/j/10"]);
    assert_eq!(backend.list("").await.unwrap().len(), 5);
    backend.delete("s/j/2").await.unwrap();
    assert_eq!(backend.list("s/j/").await.unwrap(), ["s/j/10"]);
    assert!(matches!(
        backend.create("s/j/2", Vec::new()).await.unwrap(),
        Created::Created(_)
    ));
    one_of_many_wins(&backend).await;
}

async fn one_of_many_wins(backend: &Arc<dyn Backend>) {
    let attempts = (0..20_u8).map(|number| {
        let backend = Arc::clone(backend);
        tokio::spawn(async move { backend.create("race", vec![number; 4096]).await.unwrap() })
    });
    let results = join_all(attempts).await;
    let wins = results
        .iter()
        .flatten()
        .filter(|result| matches!(result, Created::Created(_)));
    assert_eq!(wins.count(), 1);
    let object = backend.read("race").await.unwrap().unwrap();
    assert!(object.bytes.len() == 4096 && object.bytes.iter().all(|byte| *byte == object.bytes[0]));
    let attempts = (0..20_u8).map(|number| {
        let (backend, etag) = (Arc::clone(backend), object.etag.clone());
        tokio::spawn(async move {
            backend
                .put_if_match("race", vec![number + 100; 16], &etag)
                .await
                .unwrap()
        })
    });
    let results = join_all(attempts).await;
    let wins = results.iter().flatten().filter(|result| matches!(result, Put::Done(_)));
    assert_eq!(wins.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_keeps_its_promises() {
    keeps_its_promises(Memory::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_keeps_its_promises() {
    let folder = tempfile::tempdir().unwrap();
    keeps_its_promises(Arc::new(LocalBackend::new(folder.path().join("not/yet/there")))).await;
}

#[tokio::test]
async fn a_folder_holds_files_for_their_owner_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let backend = open_backend(&format!("file://{}", folder.path().display())).unwrap();
    for key in ["../x", "/x", "a//b", "a/../b", ".hidden", "a b", ""] {
        assert!(backend.create(key, Vec::new()).await.is_err(), "{key:?}");
        assert!(backend.read(key).await.is_err(), "{key:?}");
    }
    backend.create("s/a", b"x".to_vec()).await.unwrap();
    assert_eq!(backend.list("").await.unwrap(), ["s/a"]);
    assert_eq!(
        std::fs::read_dir(folder.path().join(".tmp")).unwrap().count(),
        0,
        "no temporary file is left"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(folder.path().join("s/a"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_folder_that_can_not_be_written_says_why_and_what_is_safe() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("a file");
    std::fs::write(&root, "").unwrap();
    let store = Store::new(Arc::new(LocalBackend::new(&root)), "prod", KeySource::from_env());
    assert_eq!(store.load().await.unwrap().generation, 0);
    let error = store.begin(run(), std::time::Duration::ZERO).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, StateError::Write(_)), "{text}");
    assert!(text.contains("a file") && text.contains("is safe"), "{text}");
}

#[tokio::test]
async fn a_stack_lives_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        Store::new(
            Arc::new(LocalBackend::new(folder.path())),
            "prod",
            super::support::no_keys(),
        )
    };
    let writer = begin(&open()).await;
    writer.put(record("a", json!({"n": 1}))).await.unwrap();
    assert_eq!(writer.finish(summary()).await.unwrap(), 1);
    let state = open().load().await.unwrap();
    assert_eq!((state.records.len(), state.version), (1, 1));
    assert_eq!(
        Store::stacks(&LocalBackend::new(folder.path())).await.unwrap(),
        ["prod"]
    );
}
