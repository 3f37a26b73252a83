//! Local files on a disk that is full, or that becomes read only: real ones, mounted for the test.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use iac_core::state::{BackendError, BackendErrorKind, LocalBackend, OpKind, State, StateError, Store, Writer};
use serde_json::json;

use super::filesystem::{Disk, Scarce};
use super::script::{STEPS, step, timeless};
use super::support::{begin, key, no_keys, operation, record, run, summary};

/// Nobody renews a lease meanwhile: what fails is what the test makes fail.
const HOUR: Duration = Duration::from_secs(3600);

fn store(root: &Path) -> Store {
    Store::new(Arc::new(LocalBackend::new(root)), "prod", no_keys()).lease_ttl(HOUR)
}

/// Returns the state after each step when nothing is in the way.
async fn undisturbed() -> Vec<State> {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let (mut writer, mut op) = (None, None);
    let mut states = vec![State::default()];
    for number in 0..STEPS {
        step(number, &store, &mut writer, &mut op).await.unwrap();
        states.push(timeless(&store.load().await.unwrap()));
    }
    states
}

/// Does the steps until one fails; gives how many went well, and why the next did not.
async fn steps(root: &Path) -> (usize, Option<StateError>) {
    let store = &store(root);
    let (mut writer, mut op) = (None, None);
    for number in 0..STEPS {
        if writer.is_none() {
            // Each run is a process of its own, and one may have had no room to give its lease back.
            end_process(root);
        }
        if let Err(error) = step(number, store, &mut writer, &mut op).await {
            abandon(writer).await;
            return (number, Some(error));
        }
    }
    (STEPS, None)
}

/// Waits until the run has tried to give its lease back, as far as that is possible.
async fn abandon(writer: Option<Writer>) {
    if let Some(writer) = writer {
        writer.abandon().await;
    }
}

/// Makes the lease look as if the process that holds it had ended. Writes in place, which takes no room.
fn end_process(root: &Path) {
    let file = root.join("prod/lease.json");
    let Ok(text) = fs::read_to_string(&file) else { return };
    let Some((before, start)) = text.split_once(r#""start":"#) else {
        return;
    };
    let (start, after) = start.split_once('}').unwrap();
    let ended = start.replace(|c: char| c.is_ascii_digit(), "0");
    let file = File::options().write(true).open(file).unwrap();
    file.write_all_at(format!(r#"{before}"start":{ended}}}{after}"#).as_bytes(), 0)
        .unwrap();
}

fn temporary_files(root: &Path) -> usize {
    fs::read_dir(root.join(".tmp")).map_or(0, Iterator::count)
}

/// Sees that the error is of this kind, names its place, and says what is safe.
fn assert_says(error: &StateError, root: &Path, kind: BackendErrorKind) -> BackendError {
    let text = error.to_string();
    let StateError::Write(cause) = error else {
        panic!("{text}")
    };
    assert_eq!(cause.kind, kind, "{text}");
    assert!(text.contains(root.to_str().unwrap()), "the file is named: {text}");
    assert!(text.contains("all that was recorded before is safe"), "{text}");
    assert!(text.contains("the next run"), "{text}");
    cause.clone()
}

/// The next run finds exactly `found`, and goes on from there to a version of its own.
async fn goes_on(root: &Path, found: &State, context: &str) {
    end_process(root);
    let store = store(root);
    let writer = begin(&store).await;
    assert_eq!(&timeless(writer.state()), found, "{context}");
    for pending in &writer.state().pending {
        writer.resolve(pending.op).await.unwrap();
    }
    writer.put(record("after", json!({}))).await.unwrap();
    let version = writer.finish(summary()).await.unwrap();
    assert_eq!(version, found.version + 1, "{context}");
    let history = store.history().await.unwrap().into_iter().map(|entry| entry.version);
    assert_eq!(
        history.collect::<Vec<_>>(),
        (1..=version).collect::<Vec<_>>(),
        "{context}"
    );
    let check = store.check().await.unwrap();
    assert!(check.is_whole(), "{context}: {check:?}");
    let state = store.load().await.unwrap();
    assert!(
        state.pending.is_empty() && state.records.contains_key(&key("after")),
        "{context}"
    );
}

/// Fills the disk but for so much, and runs. Gives where the run was stopped, if it was.
async fn full(scarce: Scarce, left: u64, states: &[State]) -> Option<BackendError> {
    let disk = Disk::new();
    let root = disk.path("state");
    fs::create_dir(&root).unwrap();
    disk.fill(scarce, left);
    let (done, error) = steps(&root).await;
    let context = format!("{left} {scarce:?} left, after step {done}: {error:?}");
    // Reading takes no room.
    let found = timeless(&store(&root).load().await.unwrap());
    assert_eq!(found, states[done], "{context}");
    assert_eq!(temporary_files(&root), 0, "{context}");
    let stopped = error.map(|error| assert_says(&error, &root, BackendErrorKind::Full));
    disk.clear();
    goes_on(&root, &found, &context).await;
    stopped
}

/// Runs with ever more room until a run gets through.
async fn ever_less_full(scarce: Scarce) -> Vec<BackendError> {
    let states = undisturbed().await;
    let mut stops = Vec::new();
    for left in 0.. {
        match full(scarce, left, &states).await {
            Some(stop) => stops.push(stop),
            None => break,
        }
    }
    stops
}

/// True if a run was stopped while it wrote such a file.
fn stopped_at(stops: &[BackendError], part: &str) -> bool {
    stops.iter().any(|stop| stop.place.contains(part))
}

#[tokio::test]
async fn wherever_the_disk_is_full_nothing_is_lost_and_the_next_run_goes_on() {
    let stops = ever_less_full(Scarce::Pages).await;
    assert!(stops.len() > 20, "{stops:?}");
    for part in ["stack.json", "lease.json", "/journal/", "/history/"] {
        assert!(stopped_at(&stops, part), "{part}: {stops:?}");
    }
}

#[tokio::test]
async fn where_no_further_file_can_be_made_nothing_is_lost_and_the_next_run_goes_on() {
    let stops = ever_less_full(Scarce::Files).await;
    assert!(stops.len() > 10, "{stops:?}");
    for part in ["stack.json", "lease.json", "/journal/", "/history/"] {
        assert!(stopped_at(&stops, part), "{part}: {stops:?}");
    }
}

#[tokio::test]
async fn a_snapshot_that_finds_no_room_is_made_by_a_later_run() {
    let disk = Disk::new();
    let root = disk.path("state");
    let store = store(&root);
    let writer = begin(&store).await;
    let text = "x".repeat(100_000);
    writer.put(record("big", json!({ "text": text }))).await.unwrap();
    // Enough for what completes the run, and too little for what tidies up.
    disk.fill(Scarce::Pages, 6);
    assert_eq!(writer.finish(summary()).await.unwrap(), 1);
    let notices = store.notices();
    let told = |notice: &String| notice.contains("not tidied up") && notice.contains("/snapshot/");
    assert!(notices.iter().any(told), "{notices:?}");
    assert_eq!(fs::read_dir(root.join("prod/snapshot")).map_or(0, Iterator::count), 0);
    assert_eq!(temporary_files(&root), 0);
    disk.clear();
    let found = timeless(&store.load().await.unwrap());
    goes_on(&root, &found, "after a snapshot that failed").await;
    assert_eq!(fs::read_dir(root.join("prod/snapshot")).unwrap().count(), 1);
}

#[tokio::test]
async fn on_a_read_only_disk_a_run_does_not_begin_and_reading_goes_on() {
    let disk = Disk::new();
    let (root, new) = (disk.path("state"), disk.path("new"));
    let writer = begin(&store(&root)).await;
    writer.put(record("a", json!({}))).await.unwrap();
    writer.finish(summary()).await.unwrap();
    let before = store(&root).load().await.unwrap();
    disk.lock();
    for root in [&root, &new] {
        let error = store(root).begin(run(), Duration::ZERO).await.unwrap_err();
        let cause = assert_says(&error, root, BackendErrorKind::Denied);
        assert!(cause.message.contains("Read-only file system"), "{cause}");
    }
    let reader = store(&root);
    assert_eq!(reader.load().await.unwrap(), before);
    assert_eq!(reader.history().await.unwrap().len(), 1);
    assert!(reader.check().await.unwrap().is_whole());
    assert_eq!(reader.holder().await.unwrap(), None);
    assert_eq!(store(&new).load().await.unwrap(), State::default());
    disk.unlock();
    goes_on(&root, &timeless(&before), "writable again").await;
    begin(&store(&new)).await.abandon().await;
}

/// Does the steps, and makes the disk read only before the one of this number.
async fn read_only_before(number: usize, states: &[State]) {
    let disk = Disk::new();
    let root = disk.path("state");
    let store = store(&root);
    let (mut writer, mut op) = (None, None);
    for done in 0..number {
        step(done, &store, &mut writer, &mut op).await.unwrap();
    }
    disk.lock();
    let error = step(number, &store, &mut writer, &mut op).await.unwrap_err();
    let context = format!("read only before step {number}: {error}");
    assert_says(&error, &root, BackendErrorKind::Denied);
    let found = timeless(&store.load().await.unwrap());
    assert_eq!(found, states[number], "{context}");
    disk.unlock();
    if let Some(writer) = &writer {
        // It may be writable by now: this run no longer knows what is there.
        let again = writer.begin_op(operation(OpKind::Create, "late")).await;
        assert!(matches!(again, Err(StateError::Write(_))), "{context}: {again:?}");
    }
    abandon(writer).await;
    assert_eq!(temporary_files(&root), 0, "{context}");
    goes_on(&root, &found, &context).await;
}

#[tokio::test]
async fn a_run_under_which_the_disk_becomes_read_only_stops_there_and_the_next_goes_on() {
    let states = undisturbed().await;
    for number in 0..STEPS {
        read_only_before(number, &states).await;
    }
}
