//! Short ways to make records, and runs that write them.

use std::sync::Arc;
use std::time::Duration;

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
        private: json!({"seen": name}),
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
