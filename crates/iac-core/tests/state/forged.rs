//! Whoever can write the backend may choose neither keys nor values: each kind of file, forged in each way by somebody
//! who knows the format and the public age recipient, and has no key.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac};
use iac_core::Value;
use iac_core::declare::Options;
use iac_core::provider::Target;
use iac_core::state::{Backend, ImportOptions, KeySource, RekeyOptions, StateError, Store};
use iac_core::value::Map;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::support::{Memory, begin, content, key, record, run, summary};

pub(crate) struct Desk {
    pub(crate) folder: TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn store(&self, backend: &Arc<Memory>) -> Store {
        let keys = KeySource::key_file(self.folder.path().join("key.txt"));
        Store::new(Arc::clone(backend) as Arc<dyn Backend>, "prod", keys)
    }

    /// The recipient in the key file: no secret.
    fn recipient(&self) -> age::x25519::Recipient {
        let text = std::fs::read_to_string(self.folder.path().join("key.txt")).unwrap();
        let line = text.lines().next().unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// A stack with a snapshot, a journal behind it, two versions, secrets, an export, a target and options.
    pub(crate) async fn stack(&self, whole: bool) -> Arc<Memory> {
        let backend = Memory::new();
        let store = self.store(&backend).encrypt_new(whole);
        for round in 0..2 {
            let writer = begin(&store).await;
            let mut inputs = Map::from([("password".to_owned(), Value::Secret("hunter2".into()))]);
            inputs.insert("image".to_owned(), Value::from("app:1"));
            let mut new = record("a", Value::from(inputs));
            new.options = Options {
                protect: true,
                ..Options::default()
            };
            writer.put(new).await.unwrap();
            writer.put(record("b", json!({"n": round}))).await.unwrap();
            let target = Target {
                id: "cluster-1".to_owned(),
                description: "a cluster".to_owned(),
                evidence: Vec::new(),
            };
            writer
                .targets(BTreeMap::from([("k8s".to_owned(), target)]))
                .await
                .unwrap();
            writer
                .exports(
                    Map::from([("url".to_owned(), Value::from("http://x"))])
                        .into_iter()
                        .collect(),
                )
                .await
                .unwrap();
            if round == 0 {
                writer
                    .put(record("big", json!({"text": "x".repeat(70_000)})))
                    .await
                    .unwrap();
            }
            writer.finish(summary()).await.unwrap();
        }
        assert_eq!(backend.keys("/snapshot/").len(), 1);
        backend
    }
}

/// A file of lines, taken apart.
struct Lines {
    prev: [u8; 32],
    bodies: Vec<String>,
}

fn sum_of(hex: &str) -> [u8; 32] {
    let byte = |place: usize| u8::from_str_radix(&hex[2 * place..2 * place + 2], 16).unwrap();
    std::array::from_fn(byte)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Lines {
    fn of(file: &str, bytes: &[u8]) -> Self {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let bodies: Vec<String> = text
            .lines()
            .map(|line| line.split_once(' ').unwrap().1.to_owned())
            .collect();
        let header: Json = serde_json::from_str(&bodies[0]).unwrap();
        let start = |kind: &str| Sha256::digest(format!("iac {kind} prod")).into();
        let prev = match header["prev"].as_str() {
            Some(prev) => sum_of(prev),
            None if file.contains("/snapshot/") => start("snapshot"),
            None => start("version"),
        };
        Self { prev, bodies }
    }

    /// Changes the header.
    fn header(mut self, change: impl FnOnce(&mut Json)) -> Self {
        let mut header: Json = serde_json::from_str(&self.bodies[0]).unwrap();
        header["entries"] = (self.bodies.len() - 1).into();
        change(&mut header);
        self.bodies[0] = header.to_string();
        self
    }

    /// Without a word of keys and seals.
    fn bare(self, format: u64) -> Self {
        self.header(|header| {
            let header = header.as_object_mut().unwrap();
            for name in ["key", "keys", "base", "sealed"] {
                header.remove(name);
            }
            header.insert("format".to_owned(), format.into());
        })
    }

    /// With the sums of a stack without a key: the best that can be done without one.
    fn bytes(&self) -> Vec<u8> {
        let (mut sum, mut file) = (self.prev, String::new());
        for body in &self.bodies {
            sum = Sha256::new().chain_update(sum).chain_update(body).finalize().into();
            file.push_str(&format!("{} {body}\n", hex(&sum)));
        }
        file.into_bytes()
    }

    fn end(&self) -> [u8; 32] {
        let text = String::from_utf8(self.bytes()).unwrap();
        sum_of(text.lines().last().unwrap().split_once(' ').unwrap().0)
    }
}

/// Whatever was forged: no run reads another state than the stack's own, and what is refused names a reason.
async fn is_refused(desk: &Desk, origin: &Arc<Memory>, forged: &Arc<Memory>, what: &str) -> String {
    let store = desk.store(forged);
    let before = desk.store(origin).load().await.unwrap();
    let told = match store.load().await {
        Err(error @ (StateError::Damaged { .. } | StateError::Untrusted { .. })) => error.to_string(),
        Ok(state) => panic!("{what}: read, {}", content(&state) == content(&before)),
        Err(error) => panic!("{what}: {error}"),
    };
    let begun = store.begin(run(), Duration::ZERO).await;
    assert!(begun.is_err(), "{what}: a run begins");
    told
}

/// The newest batch that records something besides the end of the run.
fn recording(backend: &Memory) -> String {
    let files = backend.dump();
    let journal = backend.keys("/journal/").into_iter().rev();
    let mut found = journal.filter(|file| String::from_utf8_lossy(&files[file]).contains("\"put\""));
    found.next().unwrap()
}

/// The changes in a line, by its text.
const CHANGES: [(&str, &str, &str); 6] = [
    ("a sealed value becomes a clear one", "", ""),
    ("a value", "\"n\":1", "\"n\":9"),
    ("an option", "\"protect\":true", "\"protect\":false"),
    ("a target", "cluster-1", "cluster-2"),
    ("an export", "http://x", "http://evil"),
    ("an identity", "Thing b", "Thing evil"),
];

fn changed(line: &str, (_, from, to): (&str, &str, &str)) -> String {
    if !from.is_empty() {
        return line.replace(from, to);
    }
    let Some(start) = line.find("{\"$secret\":") else {
        return line.to_owned();
    };
    let end = start + line[start..].find('}').unwrap() + 1;
    format!("{}\"chosen\"{}", &line[..start], &line[end..])
}

#[tokio::test]
async fn no_line_of_a_batch_a_snapshot_or_a_version_can_be_forged() {
    let desk = Desk::new();
    let origin = desk.stack(false).await;
    let files = origin.dump();
    let mut tried = 0;
    let of_lines = files.iter().filter(|(file, _)| !file.ends_with(".json"));
    for (file, bytes) in of_lines {
        let covered = file.contains("/journal/") && *file < recording(&origin);
        if covered {
            continue;
        }
        for change in CHANGES {
            for bare in [None, Some(2), Some(1)] {
                let mut lines = Lines::of(file, bytes);
                let before = lines.bodies.clone();
                lines.bodies = lines.bodies.iter().map(|line| changed(line, change)).collect();
                if lines.bodies == before {
                    continue;
                }
                let lines = bare.map_or_else(
                    || Lines::of(file, bytes).header(|_| {}),
                    |format| Lines::of(file, bytes).bare(format),
                );
                let lines = Lines {
                    bodies: lines.bodies.iter().map(|line| changed(line, change)).collect(),
                    ..lines
                };
                let forged = origin.fork();
                forged.set(file, lines.bytes());
                let what = format!("{file}: {}, {bare:?}", change.0);
                if file.contains("/history/") {
                    let told = desk.store(&forged).history().await;
                    assert!(matches!(told, Err(StateError::Damaged { .. })), "{what}: {told:?}");
                } else if file.contains("/snapshot/") {
                    snapshot_is_passed_over_or_refused(&desk, &origin, &forged, &what).await;
                } else {
                    is_refused(&desk, &origin, &forged, &what).await;
                }
                tried += 1;
            }
        }
    }
    assert!(tried > 25, "{tried}");
}

/// A damaged snapshot is passed over where the journal leads to the same state.
async fn snapshot_is_passed_over_or_refused(desk: &Desk, origin: &Arc<Memory>, forged: &Arc<Memory>, what: &str) {
    let before = desk.store(origin).load().await.unwrap();
    match desk.store(forged).load().await {
        Ok(state) => assert_eq!(content(&state), content(&before), "{what}"),
        Err(StateError::Damaged { .. } | StateError::Untrusted { .. }) => {}
        Err(error) => panic!("{what}: {error}"),
    }
}

#[tokio::test]
async fn lines_can_not_be_removed_added_or_moved() {
    let desk = Desk::new();
    let origin = desk.stack(false).await;
    let file = recording(&origin);
    let own = || Lines::of(&file, &origin.dump()[&file]);
    let stranger = json!({"put": {"key": "test:core/Thing::evil", "record": {"identity": "Thing evil", "inputs": {}}}});
    let mut removed = own();
    removed.bodies.remove(1);
    let mut added = own();
    added.bodies.push(stranger.to_string());
    let mut cut_in = own();
    cut_in.bodies.insert(1, stranger.to_string());
    let mut doubled = own();
    doubled.bodies.insert(1, own().bodies[1].clone());
    for (what, lines) in [
        ("removed", removed),
        ("added", added),
        ("cut in", cut_in),
        ("doubled", doubled),
    ] {
        for lines in [
            Lines {
                prev: lines.prev,
                bodies: lines.bodies.clone(),
            }
            .header(|_| {}),
            Lines {
                prev: lines.prev,
                bodies: lines.bodies.clone(),
            }
            .bare(2),
        ] {
            let forged = origin.fork();
            forged.set(&file, lines.bytes());
            is_refused(&desk, &origin, &forged, what).await;
        }
    }
    // Whole lines with their own seals, in another order, and whole files in the place of others.
    let text = String::from_utf8(origin.dump()[&file].clone()).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines[1] = lines[0];
    let forged = origin.fork();
    forged.set(&file, (lines.join("\n") + "\n").into_bytes());
    is_refused(&desk, &origin, &forged, "a line in the place of another").await;
    let versions = origin.keys("/history/");
    let forged = origin.fork();
    forged.set(&versions[1], origin.dump()[&versions[0]].clone());
    let told = desk.store(&forged).history().await;
    assert!(matches!(told, Err(StateError::Damaged { .. })), "{told:?}");
    // A batch behind the last, and a snapshot, by somebody without a key.
    let last = origin.keys("/journal/").pop().unwrap();
    let end = origin.dump()[&last].clone();
    let stated = String::from_utf8(end).unwrap();
    let stated = stated.lines().last().unwrap().split_once(' ').unwrap().0.to_owned();
    let number: u64 = last
        .rsplit('/')
        .next()
        .unwrap()
        .split('.')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    for format in [1, 2] {
        let header = json!({"format": format, "stack": "prod", "batch": number + 1, "term": 9, "prev": stated, "entries": 1, "at": "2026-01-01T00:00:00Z"});
        let batch = Lines {
            prev: sum_of(&stated),
            bodies: vec![header.to_string(), stranger.to_string()],
        };
        let forged = origin.fork();
        forged.set(&format!("prod/journal/{:012}.batch", number + 1), batch.bytes());
        let told = is_refused(&desk, &origin, &forged, "a batch behind the last").await;
        assert!(told.contains("seal") || told.contains("format"), "{told}");
        // `repair` keeps what bears the stack's seal, and nothing else.
        desk.store(&forged).repair(run(), Duration::ZERO).await.unwrap();
        let repaired = desk.store(&forged).load().await.unwrap();
        assert_eq!(repaired.records, desk.store(&origin).load().await.unwrap().records);
        let header = json!({"format": format, "stack": "prod", "batch": number + 5, "chain": hex(&batch.end()), "term": 9, "version": 2, "entries": 1, "at": "2026-01-01T00:00:00Z"});
        let snapshot = Lines {
            prev: Sha256::digest("iac snapshot prod").into(),
            bodies: vec![header.to_string(), stranger.to_string()],
        };
        let forged = origin.fork();
        forged.set(&format!("prod/snapshot/{:012}.snapshot", number + 5), snapshot.bytes());
        is_refused(&desk, &origin, &forged, "a snapshot").await;
    }
}

#[tokio::test]
async fn a_whole_state_without_seals_is_refused_where_one_is_due() {
    for whole in [false, true] {
        let desk = Desk::new();
        let origin = desk.stack(whole).await;
        for format in [1, 2] {
            // One batch that holds everything, and the key file as it was.
            let forged = origin.fork();
            for file in origin.keys("/journal/").into_iter().chain(origin.keys("/snapshot/")) {
                forged.remove(&file);
            }
            let start: [u8; 32] = Sha256::digest("iac journal prod").into();
            let header = json!({"format": format, "stack": "prod", "batch": 1, "term": 1, "prev": hex(&start), "entries": 1, "at": "2026-01-01T00:00:00Z"});
            let entry = json!({"put": {"key": "test:core/Thing::a", "record": {"identity": "Thing a", "inputs": {"password": "chosen"}}}});
            let batch = Lines {
                prev: start,
                bodies: vec![header.to_string(), entry.to_string()],
            };
            forged.set("prod/journal/000000000001.batch", batch.bytes());
            let told = is_refused(&desk, &origin, &forged, "a clear state").await;
            assert!(
                told.contains("bears the seal") && told.contains("state trust"),
                "{told}"
            );
        }
    }
}

/// Edits the key file; what is not text of the format is put there as it is.
fn edit_keys(backend: &Arc<Memory>, change: impl FnOnce(&mut Json)) -> Arc<Memory> {
    let forged = backend.fork();
    let mut keys: Json = serde_json::from_slice(&forged.dump()["prod/key.json"]).unwrap();
    change(&mut keys);
    forged.set("prod/key.json", format!("{keys}\n").into_bytes());
    forged
}

#[tokio::test]
async fn no_field_of_the_key_file_can_be_changed() {
    let desk = Desk::new();
    let origin = desk.stack(true).await;
    let remove = |name: &'static str| move |keys: &mut Json| drop(keys.as_object_mut().unwrap().remove(name));
    let cases: Vec<(&str, Arc<Memory>)> = vec![
        ("no longer whole", edit_keys(&origin, remove("whole"))),
        ("without a MAC", edit_keys(&origin, remove("mac"))),
        (
            "of format 1",
            edit_keys(&origin, |keys| {
                keys["format"] = 1.into();
                keys.as_object_mut().unwrap().remove("mac");
            }),
        ),
        ("unused again", edit_keys(&origin, |keys| keys["unused"] = true.into())),
        (
            "of a later generation",
            edit_keys(&origin, |keys| keys["generation"] = 99.into()),
        ),
        (
            "with history that need not be sealed",
            edit_keys(&origin, |keys| keys["bare"] = 99.into()),
        ),
    ];
    for (what, forged) in cases {
        let told = is_refused(&desk, &origin, &forged, what).await;
        assert!(told.starts_with("prod/key.json"), "{what}: {told}");
        let finding = desk.store(&forged).check().await.unwrap();
        assert!(!finding.is_whole(), "{what}");
    }
}

#[tokio::test]
async fn what_is_said_to_help_helps_where_the_key_file_is_not_believed() {
    let desk = Desk::new();
    let origin = desk.stack(true).await;
    let export = desk.store(&origin).export().await.unwrap();
    let remove = |name: &'static str| move |keys: &mut Json| drop(keys.as_object_mut().unwrap().remove(name));
    let forgeries = [
        edit_keys(&origin, remove("whole")),
        edit_keys(&origin, |keys| keys["mac"] = "0".repeat(64).into()),
        edit_keys(&origin, |keys| {
            keys["format"] = 1.into();
            keys.as_object_mut().unwrap().remove("mac");
        }),
    ];
    let content_before = content(&desk.store(&origin).load().await.unwrap());
    for forged in forgeries {
        let told = desk.store(&forged).load().await.unwrap_err().to_string();
        assert!(
            told.contains("from a copy of the backend") && told.contains("state import FILE"),
            "{told}"
        );
        assert!(told.contains("`state trust` does not help"), "{told}");
        let _ = desk.store(&forged).trust(run(), Duration::ZERO).await;
        assert!(desk.store(&forged).load().await.is_err(), "so it is");
        // The file from a copy.
        let restored = forged.fork();
        restored.set("prod/key.json", origin.dump()["prod/key.json"].clone());
        assert_eq!(content(&desk.store(&restored).load().await.unwrap()), content_before);
        // Without one.
        let keys = KeySource::key_file(desk.folder.path().join("key.txt"));
        let other = Store::new(Arc::clone(&forged) as Arc<dyn Backend>, "new", keys);
        let options = ImportOptions {
            other_stack: true,
            ..ImportOptions::default()
        };
        let imported = other
            .import(export.as_bytes(), run(), Duration::ZERO, options)
            .await
            .unwrap();
        assert_eq!(imported.records, 3);
    }
}

/// A key of the attacker's own, wrapped for the user's public recipient.
fn wrapped(recipient: &age::x25519::Recipient, key: &[u8; 32]) -> String {
    let recipients: [&dyn age::Recipient; 1] = [recipient];
    let encryptor = age::Encryptor::with_recipients(recipients.into_iter()).unwrap();
    let armor = age::armor::ArmoredWriter::wrap_output(Vec::new(), age::armor::Format::AsciiArmor).unwrap();
    let mut stream = encryptor.wrap_output(armor).unwrap();
    stream.write_all(key).unwrap();
    String::from_utf8(stream.finish().unwrap().finish().unwrap()).unwrap()
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

/// A key file that the attacker's own key vouches for, as the format says.
fn vouched(mut keys: Json, own: &[u8; 32]) -> Vec<u8> {
    keys.as_object_mut().unwrap().remove("mac");
    let text = keys.to_string();
    let body = text.strip_suffix('}').unwrap();
    let key = mac(&mac(own, b"iac v2 files"), b"keys prod");
    format!("{body},\"mac\":\"{}\"}}\n", hex(&mac(&key, body.as_bytes()))).into_bytes()
}

#[tokio::test]
async fn a_key_of_somebody_elses_is_not_sealed_for_though_it_opens() {
    let desk = Desk::new();
    let origin = desk.stack(false).await;
    let own = [7; 32];
    let theirs = wrapped(&desk.recipient(), &own);
    let there: Json = serde_json::from_slice(&origin.dump()["prod/key.json"]).unwrap();
    let mut beside = there.clone();
    (beside["current"], beside["keys"]["2"], beside["generation"]) = (2.into(), theirs.clone().into(), 9.into());
    let mut linked = beside.clone();
    linked["links"] = json!({"2": "A".repeat(96)});
    let mut instead = there.clone();
    (instead["keys"]["1"], instead["generation"]) = (theirs.clone().into(), 9.into());
    let mut first = instead.clone();
    first["unused"] = true.into();
    let mut alone = beside.clone();
    alone["keys"] = json!({"2": theirs});
    for (what, keys) in [
        ("beside the stack's", beside),
        ("with a link", linked),
        ("in its place", instead),
        ("in its place, as a new one", first),
        ("alone, as a rotation", alone),
    ] {
        let forged = origin.fork();
        forged.set("prod/key.json", vouched(keys, &own));
        is_refused(&desk, &origin, &forged, what).await;
        // A store that sealed before it looked would have given the secret away.
        let fresh = desk.store(&forged);
        if let Ok(writer) = fresh.begin(run(), Duration::ZERO).await {
            writer.put(record("c", json!({}))).await.unwrap();
            panic!("{what}: a run writes");
        }
    }
}

#[tokio::test]
async fn an_old_key_file_is_not_taken_for_the_newer_one() {
    let desk = Desk::new();
    let backend = desk.stack(true).await;
    let old = backend.dump()["prod/key.json"].clone();
    let options = RekeyOptions {
        only_wrap: true,
        ..RekeyOptions::default()
    };
    desk.store(&backend)
        .rekey(run(), Duration::ZERO, options)
        .await
        .unwrap();
    let writer = begin(&desk.store(&backend)).await;
    writer.put(record("c", json!({}))).await.unwrap();
    writer.finish(summary()).await.unwrap();
    let forged = backend.fork();
    forged.set("prod/key.json", old);
    let told = is_refused(&desk, &backend, &forged, "the key file of before").await;
    assert!(told.contains("old one, put back"), "{told}");
    // Whoever put it back on purpose says so.
    let trusted = desk.store(&forged).trust(run(), Duration::ZERO).await.unwrap();
    assert_eq!(trusted.changes.len(), 1, "{trusted:?}");
    assert_eq!(
        content(&desk.store(&forged).load().await.unwrap()),
        content(&desk.store(&backend).load().await.unwrap())
    );
}

#[tokio::test]
async fn a_marker_decides_nothing_unless_the_stack_vouches_for_it() {
    let desk = Desk::new();
    let origin = desk.stack(false).await;
    for status in [
        json!({"moved": {"to": "postgres://elsewhere/db"}}),
        json!("removing"),
        json!("arriving"),
    ] {
        let forged = origin.fork();
        let mut marker: Json = serde_json::from_slice(&forged.dump()["prod/stack.json"]).unwrap();
        marker["status"] = status.clone();
        forged.set("prod/stack.json", format!("{marker}\n").into_bytes());
        let told = desk.store(&forged).load().await.unwrap_err().to_string();
        assert!(told.contains("does not bear the seal"), "{told}");
        let removed = desk.store(&forged).remove(run(), Duration::ZERO, false).await;
        assert!(removed.is_err(), "{status}: a stack with resources is removed");
        assert!(!forged.keys("/journal/").is_empty());
        let trusted = desk.store(&forged).trust(run(), Duration::ZERO).await.unwrap();
        assert_eq!(trusted.records, 3);
        assert_eq!(desk.store(&forged).load().await.unwrap().records.len(), 3);
    }
}

#[tokio::test]
async fn an_exported_state_can_not_be_edited() {
    let desk = Desk::new();
    let origin = desk.stack(false).await;
    let document = desk.store(&origin).export().await.unwrap();
    let mut json: Json = serde_json::from_str(&document).unwrap();
    json["records"]["test:core/Thing::a"]["inputs"]["password"] = "chosen".into();
    json["sum"] = "".into();
    let text = serde_json::to_string_pretty(&json).unwrap() + "\n";
    let sum = hex(&Sha256::digest(text.as_bytes()));
    let forged = text.replace("\"sum\": \"\"", &format!("\"sum\": \"{sum}\""));
    let target = desk.store(&Memory::new());
    let refused = target
        .import(forged.as_bytes(), run(), Duration::ZERO, Default::default())
        .await;
    assert!(matches!(refused, Err(StateError::Import(_))), "{refused:?}");
}

#[tokio::test]
async fn nothing_is_written_in_clear_where_all_is_to_be_encrypted() {
    let desk = Desk::new();
    let backend = desk.stack(false).await;
    let wants = desk.store(&backend).encrypt_new(true);
    let refused = wants.begin(run(), Duration::ZERO).await;
    assert!(matches!(refused, Err(StateError::NotWhole(_))), "{refused:?}");
    assert!(wants.load().await.is_ok(), "reading is not writing");
    let whole = |whole| RekeyOptions {
        whole: Some(whole),
        ..RekeyOptions::default()
    };
    wants.rekey(run(), Duration::ZERO, whole(true)).await.unwrap();
    let wants = desk.store(&backend).encrypt_new(true);
    let writer = begin(&wants).await;
    writer.put(record("canary", json!({}))).await.unwrap();
    writer.finish(summary()).await.unwrap();
    let clear = backend
        .dump()
        .into_values()
        .any(|bytes| String::from_utf8_lossy(&bytes).contains("canary"));
    assert!(!clear);
    let refused = wants.rekey(run(), Duration::ZERO, whole(false)).await;
    assert!(matches!(refused, Err(StateError::NotWhole(_))), "{refused:?}");
}

#[tokio::test]
async fn the_first_key_vouches_for_what_was_recorded_before_it() {
    // The order in which the first secret may come: in the first run, later, or behind a snapshot without a seal.
    for before in [0, 1, 2] {
        let desk = Desk::new();
        let backend = Memory::new();
        for round in 0..before {
            let writer = begin(&desk.store(&backend)).await;
            let text = "x".repeat(40_000 * before);
            writer
                .put(record("plain", json!({"n": round, "text": text})))
                .await
                .unwrap();
            writer.finish(summary()).await.unwrap();
        }
        assert_eq!(
            backend.keys("/snapshot/").len(),
            before * usize::from(before == 2),
            "{before}"
        );
        let store = desk.store(&backend);
        let writer = begin(&store).await;
        writer.put(record("early", json!({}))).await.unwrap();
        let secret = Map::from([("password".to_owned(), Value::Secret("hunter2".into()))]);
        writer.put(record("late", Value::from(secret))).await.unwrap();
        // As far as a run comes that is killed here.
        let killed = backend.fork();
        writer.finish(summary()).await.unwrap();
        for origin in [&killed, &backend] {
            let state = desk.store(origin).load().await.unwrap();
            assert!(state.records.contains_key(&key("early")) && state.has_secrets());
            for file in origin.keys("/journal/").into_iter().chain(origin.keys("/snapshot/")) {
                let lines = Lines::of(&file, &origin.dump()[&file]);
                if lines.bodies[0].contains("\"key\":") || !lines.bodies.iter().any(|line| line.contains("Thing ")) {
                    continue;
                }
                let forged = origin.fork();
                let lines = Lines {
                    bodies: lines
                        .bodies
                        .iter()
                        .map(|line| line.replace("Thing ", "Evil "))
                        .collect(),
                    ..lines
                };
                forged.set(&file, lines.bytes());
                match desk.store(&forged).load().await {
                    Ok(read) => assert_eq!(content(&read), content(&state), "{file} is not read any more"),
                    Err(StateError::Damaged { .. } | StateError::Untrusted { .. }) => {}
                    Err(error) => panic!("{file}: {error}"),
                }
            }
        }
        let newest = backend.keys("/snapshot/").pop();
        let sealed = newest.is_none_or(|file| Lines::of(&file, &backend.dump()[&file]).bodies[0].contains("\"key\":"));
        assert!(sealed, "the end of the run leaves a snapshot that vouches for itself");
        let told = desk.store(&backend).history().await.unwrap();
        assert_eq!(told.len(), before + 1);
    }
}
