//! Secrets reach no file in clear, and open nowhere but in their place.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use iac_core::declare::Options;
use iac_core::provider::Recorded;
use iac_core::state::{
    DataKey, FormerObject, ImportOptions, KeySource, LocalBackend, OpKind, Recipients, RekeyOptions, StateError, Store,
    Vault, VaultError, WrappedKey,
};
use iac_core::value::Packed;
use iac_core::{Secret, Value};
use serde_json::json;

use super::canary::{CANARY, assert_silent};
use super::support::{begin, key, operation, record, run, summary};

fn with_secret(mut value: Value) -> Value {
    if let Value::Object(map) = &mut value {
        map.insert("password".into(), Value::Secret(CANARY.into()));
        map.insert("list".into(), Value::Array(vec![Value::Secret(CANARY.into())]));
    }
    value
}

fn local(root: &Path, keys: KeySource) -> Store {
    Store::new(Arc::new(LocalBackend::new(root)), "prod", keys)
}

/// A run that touches secrets wherever it can.
async fn run_with_secrets(store: &Store) {
    store.vault().await.unwrap();
    let writer = begin(store).await;
    for name in ["a", "b", "c"] {
        let mut new = record(name, with_secret(json!({"user": name}).into()));
        new.recorded.outputs = with_secret(json!({}).into());
        let former = Recorded {
            identity: format!("Thing old {name}"),
            ..new.recorded.clone()
        };
        new.formers.push(FormerObject {
            recorded: former,
            options: Options::default(),
        });
        let op = writer.begin_op(operation(OpKind::Create, name)).await.unwrap();
        match name {
            "c" => writer.failed(op, &format!("bad password {CANARY}"), Some(new)).await,
            _ => writer.applied(op, new).await,
        }
        .unwrap();
    }
    writer
        .ready(&key("a"), Some(with_secret(json!({"x": 1}).into())), None)
        .await
        .unwrap();
    writer
        .exports(BTreeMap::from([("p".into(), Value::Secret(CANARY.into()))]))
        .await
        .unwrap();
    writer
        .put(record("big", json!({"text": "x".repeat(100_000)})))
        .await
        .unwrap();
    writer.finish(summary()).await.unwrap();
}

/// Returns the inputs that [`run_with_secrets`] records.
fn recorded_inputs(name: &str) -> Value {
    with_secret(json!({ "user": name }).into())
}

/// Sees that the canary is in no file, nor in a file's name.
fn assert_files_silent(root: &Path) {
    for (name, bytes) in files(root) {
        assert_silent(&name, "a file's name");
        assert_silent(&String::from_utf8_lossy(&bytes), &name);
    }
}

fn files(root: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    found
}

#[tokio::test]
async fn a_canary_is_in_no_file_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let (root, key_file) = (folder.path().join("state"), folder.path().join("keys/key.txt"));
    let store = local(&root, KeySource::key_file(&key_file));
    run_with_secrets(&store).await;
    let notices = store.notices();
    assert!(notices.iter().any(|notice| notice.contains("key.txt")), "{notices:?}");
    assert!(store.notices().is_empty(), "told once");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&key_file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let all = files(&root);
    assert!(
        all.iter().any(|(name, _)| name.contains("/snapshot/")),
        "snapshots are looked at too"
    );
    assert!(all.iter().any(|(name, _)| name.contains("/history/")));
    assert_files_silent(&root);
    // Another process, with the same key file.
    let store = local(&root, KeySource::key_file(&key_file));
    let state = store.load().await.unwrap();
    assert!(state.has_secrets());
    let vault = store.vault().await.unwrap();
    let opened = state.open(&vault).unwrap();
    let recorded = &opened[&key("b")].recorded;
    assert_eq!(recorded.inputs, recorded_inputs("b"));
    assert_eq!(opened[&key("a")].recorded.outputs, with_secret(json!({"x": 1}).into()));
    assert_eq!(state.open_exports(&vault).unwrap()["p"], Value::Secret(CANARY.into()));
    let former = &opened[&key("a")].formers[0].recorded;
    assert_eq!(former.inputs, recorded_inputs("a"));
    assert_silent(&format!("{state:?}{vault:?}{opened:?}{store:?}"), "Debug");
    assert!(store.notices().is_empty());
}

#[tokio::test]
async fn a_canary_stays_sealed_whatever_becomes_of_the_state() {
    let folder = tempfile::tempdir().unwrap();
    let (root, keys) = (folder.path().join("state"), folder.path().join("key.txt"));
    let store = local(&root, KeySource::key_file(&keys));
    run_with_secrets(&store).await;
    let document = store.export().await.unwrap();
    assert_silent(&document, "an exported state");
    for whole in [None, Some(true), Some(false)] {
        let options = RekeyOptions {
            recipients: None,
            only_wrap: false,
            whole,
        };
        let store = local(&root, KeySource::key_file(&keys));
        store.rekey(run(), Duration::ZERO, options).await.unwrap();
        let store = local(&root, KeySource::key_file(&keys));
        let writer = begin(&store).await;
        writer.forget(&key("b")).await.unwrap();
        writer.put(record("b", recorded_inputs("b"))).await.unwrap();
        writer.finish(summary()).await.unwrap();
        assert_files_silent(&root);
        let vault = store.vault().await.unwrap();
        let opened = store.load().await.unwrap().open(&vault).unwrap();
        assert_eq!(opened[&key("b")].recorded.inputs, recorded_inputs("b"), "{whole:?}");
    }
    // Taken in elsewhere, and moved there.
    let elsewhere = folder.path().join("elsewhere");
    let other = local(&elsewhere, KeySource::key_file(&keys));
    let options = ImportOptions::default();
    let imported = other.import(document.as_bytes(), run(), Duration::ZERO, options).await;
    assert!(imported.is_ok(), "{imported:?}");
    assert_silent(&format!("{imported:?}"), "Debug");
    assert_files_silent(&elsewhere);
}

#[tokio::test]
async fn errors_and_files_of_what_can_not_be_recorded_hold_no_canary() {
    let folder = tempfile::tempdir().unwrap();
    let store = local(folder.path(), KeySource::identity_file("no such file"));
    let writer = begin(&store).await;
    // There is no key: nothing may be written instead.
    let op = writer.begin_op(operation(OpKind::Create, "a")).await.unwrap();
    let error = writer.applied(op, record("a", recorded_inputs("a"))).await.unwrap_err();
    assert_silent(&format!("{error} {error:?}"), "an error");
    let exports = BTreeMap::from([("p".into(), Value::Secret(CANARY.into()))]);
    let error = writer.exports(exports).await.unwrap_err();
    assert_silent(&format!("{error} {error:?} {writer:?}"), "an error");
    writer.abandon().await;
    assert_files_silent(folder.path());
    assert_eq!(store.load().await.unwrap().pending.len(), 1);
}

#[tokio::test]
async fn the_wrong_passphrase_is_called_that() {
    let folder = tempfile::tempdir().unwrap();
    let store = local(folder.path(), KeySource::passphrase("correct horse"));
    run_with_secrets(&store).await;
    let open = |keys| {
        let store = local(folder.path(), keys);
        async move { store.vault().await.map(|_| ()).unwrap_err().to_string() }
    };
    let wrong = open(KeySource::passphrase("battery staple")).await;
    assert!(
        wrong.contains("IAC_PASSPHRASE") && wrong.contains("is not the one"),
        "{wrong}"
    );
    let key_file = folder.path().join("other.txt");
    let missing = open(KeySource::key_file(&key_file)).await;
    assert!(
        missing.contains("IAC_PASSPHRASE_FILE") && missing.contains("other.txt"),
        "{missing}"
    );
    assert!(!key_file.exists(), "no new key is made for what it cannot open");
    local(&folder.path().join("elsewhere"), KeySource::key_file(&key_file))
        .vault()
        .await
        .unwrap();
    let identity = open(KeySource::identity_file(&key_file)).await;
    assert!(identity.contains("wrapped by a passphrase"), "{identity}");
    // Nothing is believed without the key; what lies there can be shown all the same, up to its secrets.
    let store = local(folder.path(), KeySource::passphrase("battery staple"));
    assert!(matches!(store.load().await, Err(StateError::Key(_))));
    let shown = store.showing();
    assert_eq!(shown.load().await.unwrap().records.len(), 4);
    assert!(
        shown
            .notices()
            .iter()
            .any(|notice| notice.contains("nothing vouches for it"))
    );
}

#[tokio::test]
async fn a_short_passphrase_makes_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("passphrase");
    for (passphrase, taken) in [
        ("a", false),
        ("elevenchars", false),
        ("twelve chars", true),
        ("двенадцать12", true),
        ("двенадцать", false),
    ] {
        std::fs::write(&file, format!("{passphrase}\n")).unwrap();
        let sources = [KeySource::passphrase(passphrase), KeySource::passphrase_file(&file)];
        for (number, (source, named)) in sources.into_iter().zip(["IAC_PASSPHRASE", "passphrase"]).enumerate() {
            let store = local(&folder.path().join(format!("{passphrase} {number}")), source);
            match store.vault().await {
                Ok(_) => assert!(taken, "{passphrase:?} made a key"),
                Err(error) => {
                    let error = error.to_string();
                    assert!(
                        !taken && error.contains("too short") && error.contains(named),
                        "{error}"
                    );
                    assert!(!error.contains(&format!("{passphrase:?}")), "{error}");
                }
            }
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_key_that_others_may_read_is_told_and_one_that_they_may_write_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let (key_file, passphrase) = (folder.path().join("key.txt"), folder.path().join("passphrase"));
    std::fs::write(&passphrase, "long enough for anybody\n").unwrap();
    local(&folder.path().join("first"), KeySource::key_file(&key_file))
        .vault()
        .await
        .unwrap();
    for (mode, told, refused) in [
        (0o600, false, false),
        (0o400, false, false),
        (0o644, true, false),
        (0o440, true, false),
        (0o666, false, true),
        (0o620, false, true),
    ] {
        let sources = [
            (&key_file, KeySource::key_file(&key_file)),
            (&key_file, KeySource::identity_file(&key_file)),
            (&passphrase, KeySource::passphrase_file(&passphrase)),
        ];
        for (number, (path, source)) in sources.into_iter().enumerate() {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
            let store = local(&folder.path().join(format!("{mode:o} {number}")), source.clone());
            let opened = store.vault().await.map(|_| ()).map_err(|error| error.to_string());
            assert_eq!(opened.is_err(), refused, "{path:?}, mode {mode:o}: {opened:?}");
            let said = source.notices().join("\n") + &opened.err().unwrap_or_default();
            assert_eq!(
                said.contains("chmod 600"),
                told || refused,
                "{path:?}, mode {mode:o}: {said}"
            );
        }
    }
}

#[tokio::test]
async fn a_stack_without_secrets_needs_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let store = local(folder.path(), KeySource::identity_file("no such file"));
    let writer = begin(&store).await;
    let inputs = json!({"n": 1, "looks": {"$secret": "like one"}});
    writer.put(record("a", inputs.clone())).await.unwrap();
    writer.finish(summary()).await.unwrap();
    let state = store.load().await.unwrap();
    assert!(!state.has_secrets());
    let opened = state.open(&Vault::ephemeral("prod").unwrap()).unwrap();
    assert_eq!(opened[&key("a")].recorded.inputs, inputs.into());
    assert!(store.vault().await.unwrap_err().to_string().contains("no such file"));
}

#[tokio::test]
async fn a_ciphertext_opens_in_its_own_place_only() {
    let folder = tempfile::tempdir().unwrap();
    let store = local(folder.path(), KeySource::key_file(folder.path().join("key.txt")));
    run_with_secrets(&store).await;
    let vault = store.vault().await.unwrap();
    let state = store.load().await.unwrap();
    let mut swapped = state.clone();
    let [inputs, other] = ["a", "b"].map(|name| state.records[&key(name)].inputs.json().unwrap());
    let with = |password: serde_json::Value| {
        let mut inputs = inputs.clone();
        inputs["password"] = password;
        Packed::from(inputs)
    };
    swapped.records.get_mut(&key("a")).unwrap().inputs = with(other["password"].clone());
    let mut moved = state.clone();
    let record = moved.records.get_mut(&key("a")).unwrap();
    record.outputs = json!({"password": inputs["password"]}).into();
    let mut tampered = state.clone();
    let record = tampered.records.get_mut(&key("a")).unwrap();
    let text = inputs["password"]["$secret"].as_str().unwrap();
    let (start, end) = text.split_at(text.len() - 3);
    let flipped = if end.starts_with('A') { "B" } else { "A" };
    record.inputs = with(json!({"$secret": format!("{start}{flipped}{}", &end[1..])}));
    for state in [swapped, moved, tampered] {
        let error = state.open(&vault).unwrap_err();
        assert!(
            matches!(&error, StateError::Open { error: VaultError::Refused, path, .. } if path.to_string() == "password"),
            "{error}"
        );
    }
}

#[test]
fn vaults_of_one_key_agree_and_others_do_not() {
    let data_key = DataKey::generate().unwrap();
    let (vault, same, other_scope) = (
        Vault::new(&data_key, "prod"),
        Vault::new(&data_key, "prod"),
        Vault::new(&data_key, "dev"),
    );
    let other_key = Vault::ephemeral("prod").unwrap();
    let sealed = vault.seal_text("place", &CANARY.into()).unwrap();
    assert_eq!(same.open_text("place", &sealed), Ok(Secret::from(CANARY)));
    assert_ne!(
        vault.seal_text("place", &CANARY.into()).unwrap(),
        sealed,
        "every sealing has a nonce of its own"
    );
    for (vault, place) in [(&same, "elsewhere"), (&other_scope, "place"), (&other_key, "place")] {
        assert_eq!(vault.open_text(place, &sealed), Err(VaultError::Refused));
    }
    assert_eq!(vault.open_text("place", "v9.1.abc"), Err(VaultError::Unknown));
    assert_eq!(vault.open_text("place", "secret"), Err(VaultError::Form));
    assert_eq!(vault.keyed_hash("x"), same.keyed_hash("x"));
    assert_ne!(vault.keyed_hash("x"), other_key.keyed_hash("x"));
    assert_ne!(vault.keyed_hash("x"), vault.keyed_hash("y"));
}

#[test]
fn a_mac_is_of_one_purpose_one_stack_and_a_key_that_is_kept() {
    let data_key = DataKey::generate().unwrap();
    let vault = Vault::new(&data_key, "prod");
    let made = vault.mac("saved plan", b"text").unwrap();
    assert!(Vault::new(&data_key, "prod").is_mac("saved plan", b"text", &made));
    let others = [
        (&vault, "saved plan", &b"texts"[..], made.as_str()),
        (&vault, "content", b"text", &made),
        (&Vault::new(&data_key, "dev"), "saved plan", b"text", &made),
        (
            &Vault::new(&DataKey::generate().unwrap(), "prod"),
            "saved plan",
            b"text",
            &made,
        ),
        (&vault, "saved plan", b"text", &made[1..]),
        (&vault, "saved plan", b"text", ""),
    ];
    for (vault, purpose, bytes, text) in others {
        assert!(!vault.is_mac(purpose, bytes, text), "{purpose} {bytes:?} {text}");
    }
    let nowhere = Vault::ephemeral("prod").unwrap();
    assert_eq!(nowhere.mac("saved plan", b"text"), None);
    assert!(!nowhere.is_kept() && vault.is_kept());
}

#[test]
fn a_wrapped_key_opens_for_each_of_its_recipients() {
    use age::secrecy::ExposeSecret as _;
    let identities: Vec<_> = (0..3).map(|_| age::x25519::Identity::generate()).collect();
    let names = identities[..2]
        .iter()
        .map(|identity| identity.to_public().to_string())
        .collect();
    let data_key = DataKey::generate().unwrap();
    let wrapped = WrappedKey::wrap(&data_key, &Recipients::Age(names)).unwrap();
    let file = |number: usize| {
        Secret::from(format!(
            "# mine\n\n{}\n",
            identities[number].to_string().expose_secret()
        ))
    };
    let sealed = Vault::new(&data_key, "x").seal_text("p", &CANARY.into()).unwrap();
    for number in 0..2 {
        let key = wrapped.unwrap_with_identity(&file(number)).unwrap();
        assert_eq!(Vault::new(&key, "x").open_text("p", &sealed), Ok(Secret::from(CANARY)));
    }
    assert_eq!(
        wrapped.unwrap_with_identity(&file(2)).err(),
        Some(VaultError::WrongIdentity)
    );
    assert_eq!(
        wrapped.unwrap_with_identity(&"nothing".into()).err(),
        Some(VaultError::NoIdentity)
    );
    assert_eq!(
        wrapped.unwrap_with_passphrase(&"x".into()).err(),
        Some(VaultError::NeedsIdentity)
    );
    assert!(wrapped.as_str().starts_with("-----BEGIN AGE ENCRYPTED FILE-----"));
    let again = WrappedKey::from(wrapped.as_str().to_owned());
    assert!(
        again.unwrap_with_identity(&file(0)).is_ok(),
        "its text is all there is to it"
    );
}
