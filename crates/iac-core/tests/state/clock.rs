//! Clocks that are wrong or jump: what a lease or a file says of the time decides nothing.
//!
//! Time is simulated where a lease is to run out: it goes by on the monotonic clock, and the wall clock stands still.
//! `tests/cli/clock.rs` moves the wall clock of real processes.

use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use iac_core::state::{
    Backend, BackendError, BackendErrorKind, Created, Etag, LocalBackend, Object, OpKind, Put, StateError, Store,
};
use serde_json::{Value as Json, json};

use super::support::{Memory, Verdict, begin, in_turn, no_keys, operation, record, run, store, summary};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// The times that a wrong clock may say, by now and in a moment.
const TIMES: [&str; 4] = [
    "1970-01-01T00:00:00Z",
    "2050-06-01T12:00:00Z",
    "-009999-01-02T01:59:59Z",
    "9999-12-30T22:00:00Z",
];

/// A machine with another process space and a clock that says something else each time; its lease and marker are written
/// accordingly.
struct Elsewhere {
    storage: Arc<Memory>,
    times: Vec<&'static str>,
}

impl Elsewhere {
    fn new(storage: &Arc<Memory>, times: &[&'static str]) -> Arc<Self> {
        Arc::new(Self {
            storage: Arc::clone(storage),
            times: times.to_owned(),
        })
    }

    fn stamped(&self, key: &str, bytes: Vec<u8>) -> Vec<u8> {
        let Some(mut file) = key
            .ends_with(".json")
            .then(|| serde_json::from_slice::<Json>(&bytes).unwrap())
        else {
            return bytes;
        };
        let beat = file["beat"].as_u64().unwrap_or_default();
        let time = self.times[usize::try_from(beat).unwrap() % self.times.len()];
        if let Some(held) = file.pointer_mut("/claim/held") {
            held["since"] = json!(time);
            held["process"]["space"] = json!("elsewhere");
        }
        if let Some(created) = file.get_mut("created") {
            *created = json!(time);
        }
        serde_json::to_vec(&file).unwrap()
    }
}

#[async_trait]
impl Backend for Elsewhere {
    async fn read(&self, key: &str) -> Result<Option<Object>, BackendError> {
        self.storage.read(key).await
    }

    async fn create(&self, key: &str, bytes: Vec<u8>) -> Result<Created, BackendError> {
        self.storage.create(key, self.stamped(key, bytes)).await
    }

    async fn put_if_match(&self, key: &str, bytes: Vec<u8>, etag: &Etag) -> Result<Put, BackendError> {
        self.storage.put_if_match(key, self.stamped(key, bytes), etag).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, BackendError> {
        self.storage.list(prefix).await
    }

    async fn delete(&self, key: &str) -> Result<(), BackendError> {
        self.storage.delete(key).await
    }
}

fn store_elsewhere(storage: &Arc<Memory>, times: &[&'static str]) -> Store {
    Store::new(Elsewhere::new(storage, times), "prod", no_keys())
}

#[tokio::test(start_paused = true)]
async fn a_living_holder_keeps_its_lease_whatever_its_clock_says() {
    for time in TIMES {
        let storage = Memory::new();
        let writer = begin(&store_elsewhere(&storage, &[time])).await;
        let waiting = store(&storage).begin(run(), 2 * MINUTE).await.unwrap_err();
        let StateError::Locked { holder, .. } = &waiting else {
            panic!("{time}: {waiting}")
        };
        assert_eq!(holder.since, time.parse().unwrap(), "by its own clock");
        assert!(waiting.to_string().contains(&format!("since {}", holder.since)));
        writer.put(record("a", json!({}))).await.unwrap();
        writer.finish(summary()).await.unwrap();
        begin(&store(&storage)).await.abandon().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_under_a_run_takes_nothing_from_it() {
    let storage = Memory::new();
    // Another time at each renewal: years ahead, and back.
    let writer = begin(&store_elsewhere(&storage, &TIMES)).await;
    for number in 0..8 {
        tokio::time::sleep(MINUTE).await;
        let error = store(&storage).begin(run(), Duration::ZERO).await.unwrap_err();
        assert!(matches!(error, StateError::Locked { .. }), "{error}");
        writer.put(record(&format!("r{number}"), json!({}))).await.unwrap();
    }
    assert_eq!(writer.finish(summary()).await.unwrap(), 1);
    assert_eq!(store(&storage).load().await.unwrap().records.len(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_stands_still_is_taken_over_after_its_time_to_live_whatever_its_clock_said() {
    for time in TIMES {
        let storage = Memory::new();
        let view = storage.view();
        let stale = begin(&store_elsewhere(&view, &[time]).lease_ttl(5 * MINUTE)).await;
        let op = stale.begin_op(operation(OpKind::Create, "a")).await.unwrap();
        view.rule(|operation, key| match (operation, key.ends_with("lease.json")) {
            ("put", true) => Verdict::Fail(BackendErrorKind::Transient),
            _ => Verdict::Pass,
        });
        let next = store(&storage);
        // By the wall clock, nothing goes by here, or decades.
        let early = tokio::time::timeout(4 * MINUTE, next.begin(run(), HOUR)).await;
        assert!(early.is_err(), "{time}: not before its time to live");
        let next = next.begin(run(), HOUR).await.unwrap();
        assert_eq!(next.state().pending[0].op, op);
        let late = stale.begin_op(operation(OpKind::Create, "b")).await.unwrap_err();
        assert!(matches!(late, StateError::LeaseLost { .. }), "{time}: {late}");
        next.resolve(op).await.unwrap();
        next.put(record("c", json!({}))).await.unwrap();
        next.finish(summary()).await.unwrap();
        let state = store(&storage).load().await.unwrap();
        assert_eq!((state.records.len(), state.pending.len(), state.version), (1, 0, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn writers_whose_clocks_differ_by_centuries_never_interleave() {
    let storage = Memory::new();
    let clocks = TIMES.iter().map(|time| store_elsewhere(&storage, &[time]));
    in_turn(clocks.chain([store(&storage), store_elsewhere(&storage, &TIMES)])).await;
}

#[tokio::test]
async fn a_file_that_is_being_written_is_not_swept_away_however_old_it_looks() {
    let folder = tempfile::tempdir().unwrap();
    let temporary = folder.path().join(".tmp");
    std::fs::create_dir(&temporary).unwrap();
    let make = |name: &str| {
        let file = File::create(temporary.join(name)).unwrap();
        // As if the clock had jumped since, or this machine's were ahead.
        file.set_modified(SystemTime::now() - 5 * HOUR).unwrap();
        file
    };
    let in_flight = make("in-flight");
    in_flight.lock().unwrap();
    drop(make("left-behind"));
    let write = async |key: &str| LocalBackend::new(folder.path()).create(key, Vec::new()).await.unwrap();
    write("a").await;
    assert!(temporary.join("in-flight").exists());
    assert!(!temporary.join("left-behind").exists());
    // Its process was killed.
    drop(in_flight);
    write("b").await;
    assert!(!temporary.join("in-flight").exists());
}
