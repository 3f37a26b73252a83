//! Short ways to make records, and runs that write them.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use iac_core::declare::Options;
use iac_core::provider::Recorded;
use iac_core::state::{Backend, KeySource, NewRecord, OpKind, Operation, RunInfo, State, Store, Summary, Writer};
use iac_core::{Key, Value};
use serde_json::json;

pub(crate) use super::storage::{Counts, Memory, Verdict};

/// A key source that no test without secrets ever asks.
pub(crate) fn no_keys() -> KeySource {
    KeySource::identity_file("no such file")
}

pub(crate) fn store(backend: &Arc<Memory>) -> Store {
    Store::new(Arc::clone(backend) as Arc<dyn Backend>, "prod", no_keys())
}

pub(crate) fn run() -> RunInfo {
    RunInfo::current("up", "build-1")
}

pub(crate) async fn begin(store: &Store) -> Writer {
    store.begin(run(), Duration::ZERO).await.unwrap()
}

pub(crate) fn key(name: &str) -> Key {
    Key::new("", "test:core/Thing", name).unwrap()
}

pub(crate) fn record(name: &str, inputs: impl Into<Value>) -> NewRecord {
    let recorded = Recorded {
        key: key(name),
        identity: format!("Thing {name}"),
        uid: Some(format!("uid of {name}")),
        inputs: inputs.into(),
        outputs: Value::Null,
        private: json!({"seen": name}).into(),
        dependencies: Vec::new(),
        ready: false,
    };
    NewRecord::new(recorded, Options::default(), None)
}

pub(crate) fn operation(kind: OpKind, name: &str) -> Operation {
    Operation {
        kind,
        key: key(name),
        identity: format!("Thing {name}"),
        uid: None,
        inputs_digest: "digest".into(),
    }
}

pub(crate) fn summary() -> Summary {
    Summary {
        created: 1,
        ok: true,
        ..Summary::default()
    }
}

/// A state without the number of its last batch, which says how it came about and not what it is.
pub(crate) fn content(state: &State) -> State {
    State {
        generation: 0,
        ..state.clone()
    }
}

/// Several machines, one store each on the same storage, write at the same time; each of them in its turn sees all that
/// the others wrote before.
pub(crate) async fn in_turn(stores: impl IntoIterator<Item = Store>) {
    const ROUNDS: usize = 4;
    let stores: Vec<Store> = stores.into_iter().collect();
    let tasks = stores.iter().cloned().enumerate().map(|(task, store)| {
        tokio::spawn(async move {
            for round in 0..ROUNDS {
                let writer = store.begin(run(), Duration::from_secs(3600)).await.unwrap();
                let seen = writer.state().records.len();
                let name = format!("t{task}-{round}");
                let op = writer.begin_op(operation(OpKind::Create, &name)).await.unwrap();
                let record = record(&name, json!({ "seen": seen }));
                writer.applied(op, record).await.unwrap();
                writer.finish(summary()).await.unwrap();
            }
        })
    });
    for result in join_all(tasks).await {
        result.unwrap();
    }
    let state = stores[0].load().await.unwrap();
    let all = stores.len() * ROUNDS;
    let version = usize::try_from(state.version).unwrap();
    assert_eq!((state.records.len(), version, state.pending.len()), (all, all, 0));
    let seen = state
        .records
        .values()
        .filter_map(|record| record.inputs.json().unwrap()["seen"].as_u64());
    let mut seen: Vec<u64> = seen.collect();
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..state.version), "each saw all that came before");
}
