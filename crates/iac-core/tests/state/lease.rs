//! One writer at a time, whatever happens to the others.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use iac_core::state::{Backend, BackendError, BackendErrorKind, Created, Etag, Object, OpKind, Put, StateError, Store};
use serde_json::{Value as Json, json};

use super::support::{Memory, Verdict, begin, in_turn, key, no_keys, operation, record, run, store, summary};

const SHORT: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// From now on nobody renews a lease by this view, as if its machine stood still.
fn freeze(view: &Memory) {
    view.rule(|operation, key| {
        if operation == "put" && key.ends_with("lease.json") {
            Verdict::Fail(BackendErrorKind::Transient)
        } else {
            Verdict::Pass
        }
    });
}

/// Makes the lease look as if its holder were on another machine, of which nothing is known here.
fn move_away(backend: &Memory) {
    edit_lease(backend, |lease| {
        lease["claim"]["held"]["process"]["space"] = json!("elsewhere");
    });
}

fn lease(backend: &Memory) -> Json {
    serde_json::from_slice(&backend.dump()["prod/lease.json"]).unwrap()
}

fn edit_lease(backend: &Memory, change: impl FnOnce(&mut Json)) {
    backend.edit("prod/lease.json", |bytes| {
        let mut lease = serde_json::from_slice(bytes).unwrap();
        change(&mut lease);
        *bytes = serde_json::to_vec(&lease).unwrap();
    });
}

#[tokio::test]
async fn a_second_writer_is_told_who_holds_the_lease() {
    let store = store(&Memory::new());
    let writer = begin(&store).await;
    let error = store.begin(run(), Duration::ZERO).await.unwrap_err();
    let StateError::Locked { holder, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(holder.run, run());
    let text = error.to_string();
    for part in [
        run().who,
        run().host,
        run().pid.to_string(),
        "`up`".into(),
        "stack unlock".into(),
    ] {
        assert!(text.contains(&part), "{part} in {text}");
    }
    store.load().await.unwrap();
    writer.abandon().await;
    assert_eq!(store.holder().await.unwrap(), None);
    begin(&store).await.abandon().await;
}

#[tokio::test]
async fn a_holder_that_is_done_makes_way_for_one_that_waits() {
    let store = store(&Memory::new());
    let writer = begin(&store).await;
    let waiting = tokio::spawn({
        let store = store.clone();
        async move {
            store
                .begin(run(), HOUR)
                .await
                .map(|writer| writer.state().records.len())
        }
    });
    writer.put(record("a", json!({}))).await.unwrap();
    writer.finish(summary()).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn a_process_that_died_on_this_machine_is_taken_over_at_once() {
    let backend = Memory::new();
    let store = store(&backend).lease_ttl(HOUR);
    let writer = begin(&store).await;
    let op = writer.begin_op(operation(OpKind::Create, "a")).await.unwrap();
    edit_lease(&backend, |lease| {
        lease["claim"]["held"]["process"]["start"] = json!("1");
    });
    let next = store.begin(run(), Duration::ZERO).await.unwrap();
    assert_eq!(next.state().pending[0].op, op);
    next.abandon().await;
}

#[tokio::test]
async fn a_holder_elsewhere_is_taken_over_when_its_lease_has_run_out() {
    let backend = Memory::new();
    let view = backend.view();
    let stale = begin(&super::support::store(&view).lease_ttl(SHORT)).await;
    stale.begin_op(operation(OpKind::Create, "a")).await.unwrap();
    freeze(&view);
    move_away(&backend);
    let store = store(&backend);
    let next = store.begin(run(), Duration::ZERO).await.unwrap();
    assert_eq!(next.state().pending.len(), 1);
    let error = stale.begin_op(operation(OpKind::Create, "b")).await.unwrap_err();
    assert!(matches!(error, StateError::LeaseLost { .. }), "{error}");
    stale.lost().await;
    assert!(stale.is_lost());
    next.put(record("c", json!({}))).await.unwrap();
    assert!(stale.finish(summary()).await.is_err());
    assert!(
        store.holder().await.unwrap().is_some(),
        "a stale holder does not give back what is not its own"
    );
    next.finish(summary()).await.unwrap();
    let state = store.load().await.unwrap();
    assert_eq!(state.records.keys().collect::<Vec<_>>(), [&key("c")]);
    assert_eq!((state.pending.len(), state.version), (1, 1));
}

#[tokio::test]
async fn a_living_holder_elsewhere_is_not_taken_over() {
    let backend = Memory::new();
    let store = store(&backend).lease_ttl(HOUR);
    let writer = begin(&store).await;
    move_away(&backend);
    // Its process cannot be looked at, but its renewals show that it lives.
    let mut beat = 0;
    let renewing = Arc::clone(&backend);
    let renewals = tokio::spawn(async move {
        loop {
            beat += 1;
            edit_lease(&renewing, |lease| lease["beat"] = json!(beat));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let error = store.begin(run(), Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, StateError::Locked { .. }), "{error}");
    renewals.abort();
    drop(writer);
}

#[tokio::test(start_paused = true)]
async fn no_lease_that_somebody_forged_is_waited_for_longer_than_was_asked_for() {
    let backend = Memory::new();
    let view = backend.view();
    let _stale = begin(&super::support::store(&view)).await;
    freeze(&view);
    move_away(&backend);
    edit_lease(&backend, |lease| lease["ttl_ms"] = json!(u64::MAX));
    let store = store(&backend);
    // Half a minute where no time was asked for.
    for (asked, longest) in [
        (Duration::ZERO, 30 * SHORT),
        (2 * SHORT, 2 * SHORT),
        (60 * SHORT, 60 * SHORT),
    ] {
        let began = tokio::time::Instant::now();
        let error = store.begin(run(), asked).await.unwrap_err();
        assert!(matches!(error, StateError::Locked { .. }), "{error}");
        let waited = began.elapsed();
        assert!(waited >= asked && waited < longest + SHORT, "{asked:?}: {waited:?}");
    }
    // Nothing is heard for an hour, which is the longest that a lease can last.
    let next = store.begin(run(), 2 * HOUR).await.unwrap();
    next.abandon().await;
}

#[tokio::test]
async fn a_term_that_no_runs_can_have_reached_is_refused() {
    let backend = Memory::new();
    begin(&store(&backend)).await.abandon().await;
    for term in [u64::MAX, (1 << 53) + 1] {
        edit_lease(&backend, |lease| lease["term"] = json!(term));
        let error = store(&backend).begin(run(), Duration::ZERO).await.unwrap_err();
        assert!(
            matches!(&error, StateError::Damaged { file, .. } if file == "prod/lease.json"),
            "{error}"
        );
    }
}

/// Storage that says of each replacement that somebody else was faster.
struct Contended(Arc<Memory>);

impl std::fmt::Debug for Contended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Contended")
    }
}

#[async_trait]
impl Backend for Contended {
    async fn read(&self, key: &str) -> Result<Option<Object>, BackendError> {
        self.0.read(key).await
    }

    async fn create(&self, key: &str, bytes: Vec<u8>) -> Result<Created, BackendError> {
        self.0.create(key, bytes).await
    }

    async fn put_if_match(&self, _: &str, _: Vec<u8>, _: &Etag) -> Result<Put, BackendError> {
        Ok(Put::Mismatch)
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, BackendError> {
        self.0.list(prefix).await
    }

    async fn delete(&self, key: &str) -> Result<(), BackendError> {
        self.0.delete(key).await
    }
}

#[tokio::test]
async fn a_storage_that_takes_no_claim_is_not_asked_for_ever() {
    let backend = Memory::new();
    let writer = begin(&store(&backend)).await;
    let contended = Store::new(Arc::new(Contended(backend.view())), "prod", no_keys());
    let error = contended.unlock().await.unwrap_err();
    assert!(
        error.to_string().contains("the lease changed each of 100 times"),
        "{error}"
    );
    writer.abandon().await;
    let error = contended.begin(run(), HOUR).await.unwrap_err();
    assert!(matches!(error, StateError::Write(_)), "{error}");
}

#[tokio::test]
async fn unlocking_takes_effect_at_the_next_intent() {
    let backend = Memory::new();
    let store = store(&backend).lease_ttl(HOUR);
    let writer = begin(&store).await;
    writer.put(record("a", json!({}))).await.unwrap();
    let holder = store.unlock().await.unwrap().unwrap();
    assert_eq!(holder.run, run());
    assert_eq!(store.unlock().await.unwrap(), None);
    let error = writer.begin_op(operation(OpKind::Create, "b")).await.unwrap_err();
    assert!(matches!(error, StateError::LeaseLost { by: None, .. }), "{error}");
    // The intent stands in the journal, and nothing followed it: recovery finds nothing there.
    let next = begin(&store).await;
    assert_eq!(next.state().pending.len(), 1);
    next.resolve(next.state().pending[0].op).await.unwrap();
    next.finish(summary()).await.unwrap();
}

#[tokio::test]
async fn a_number_that_was_compacted_away_does_not_let_a_stale_writer_in() {
    let backend = Memory::new();
    let store = store(&backend).lease_ttl(HOUR);
    let stale = begin(&store).await;
    stale.put(record("a", json!({}))).await.unwrap();
    store.unlock().await.unwrap();
    for round in 0..4 {
        let writer = begin(&store).await;
        let text = format!("{round} ").repeat(200_000);
        writer.put(record("big", json!({ "text": text }))).await.unwrap();
        writer.finish(summary()).await.unwrap();
    }
    assert!(
        !backend
            .keys("/journal/")
            .contains(&"prod/journal/000000000002.batch".to_owned())
    );
    let before = store.load().await.unwrap();
    let error = stale.begin_op(operation(OpKind::Create, "b")).await.unwrap_err();
    assert!(matches!(error, StateError::LeaseLost { .. }), "{error}");
    assert_eq!(store.load().await.unwrap(), before);
    begin(&store).await.abandon().await;
}

#[tokio::test]
async fn a_lease_that_can_not_be_renewed_is_lost() {
    let backend = Memory::new();
    let store = store(&backend).lease_ttl(SHORT);
    let writer = begin(&store).await;
    freeze(&backend);
    writer.lost().await;
    let error = writer.put(record("a", json!({}))).await.unwrap_err();
    assert!(matches!(error, StateError::LeaseLost { .. }), "{error}");
}

/// Storage of which the journal is read slowly.
struct Slow(Arc<Memory>);

#[async_trait]
impl Backend for Slow {
    async fn read(&self, key: &str) -> Result<Option<Object>, BackendError> {
        if key.contains("/journal/") {
            tokio::time::sleep(SHORT * 3).await;
        }
        self.0.read(key).await
    }

    async fn create(&self, key: &str, bytes: Vec<u8>) -> Result<Created, BackendError> {
        self.0.create(key, bytes).await
    }

    async fn put_if_match(&self, key: &str, bytes: Vec<u8>, etag: &Etag) -> Result<Put, BackendError> {
        self.0.put_if_match(key, bytes, etag).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, BackendError> {
        self.0.list(prefix).await
    }

    async fn delete(&self, key: &str) -> Result<(), BackendError> {
        self.0.delete(key).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_state_that_takes_long_to_read_can_be_written() {
    let backend = Memory::new();
    let writer = begin(&store(&backend)).await;
    writer.put(record("a", json!({}))).await.unwrap();
    writer.abandon().await;
    let slow = Arc::new(Slow(Arc::clone(&backend)));
    let slow = Store::new(slow, "prod", no_keys()).lease_ttl(SHORT);
    for lost in [false, true] {
        if lost {
            backend.remove("prod/lease.json");
        }
        let writer = begin(&slow).await;
        writer.put(record("b", json!({}))).await.unwrap();
        writer.finish(summary()).await.unwrap();
    }
}

#[tokio::test]
async fn one_failed_renewal_is_no_loss() {
    let backend = Memory::new();
    let store = store(&backend).lease_ttl(SHORT * 2);
    let writer = begin(&store).await;
    let mut left = 1;
    backend.rule(move |operation, _| {
        if operation == "put" && left > 0 {
            left -= 1;
            return Verdict::LoseAnswer(BackendErrorKind::Transient);
        }
        Verdict::Pass
    });
    while lease(&backend)["beat"].as_u64() < Some(3) {
        assert!(!writer.is_lost());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    writer.put(record("a", json!({}))).await.unwrap();
    writer.finish(summary()).await.unwrap();
}

#[tokio::test]
async fn a_lease_object_that_was_deleted_does_not_bring_old_terms_back() {
    let backend = Memory::new();
    let store = store(&backend);
    for name in ["a", "b"] {
        let writer = begin(&store).await;
        let op = writer.begin_op(operation(OpKind::Create, name)).await.unwrap();
        writer.abandon().await;
        backend.remove("prod/lease.json");
        assert_eq!(store.load().await.unwrap().pending.last().unwrap().op, op);
    }
    let pending = store.load().await.unwrap().pending;
    assert_ne!(pending[0].op, pending[1].op);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_in_turn_never_interleave() {
    let backend = Memory::new();
    in_turn((0..6).map(|_| store(&backend))).await;
}
