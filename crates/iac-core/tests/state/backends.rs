//! State in a folder: its files, and what it says of one that cannot be used. The contract is checked in
//! `conformance.rs`.

use std::sync::Arc;

use iac_core::state::{KeySource, LocalBackend, StateError, Store, open_backend};
use serde_json::json;

use super::support::{begin, record, run, summary};

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
