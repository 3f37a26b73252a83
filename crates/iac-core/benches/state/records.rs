//! Records as stacks have them, and stacks of many.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use iac_core::Key;
use iac_core::declare::Options;
use iac_core::provider::Recorded;
use iac_core::state::{
    Backend, KeySource, LocalBackend, NewRecord, OpKind, Operation, RunInfo, Store, Summary, Writer,
};
use serde_json::{Value as Json, json};

use crate::counting::Counting;

/// The number of records that are written at the same time while a stack is created.
const AT_ONCE: usize = 1000;

pub(crate) fn key(number: usize) -> Key {
    Key::new("", "test:core/Thing", &format!("thing-{number}")).unwrap()
}

/// The inputs of a small container, some 300 bytes.
pub(crate) fn inputs(number: usize) -> Json {
    json!({
        "name": format!("thing-{number}"),
        "image": "registry.example.com/shop/api:1.4.2",
        "environment": {"DATABASE_URL": "postgres://db/shop", "LOG_LEVEL": "info", "NUMBER": number.to_string()},
        "ports": [{"containerPort": 8080, "protocol": "TCP"}],
        "resources": {"limits": {"cpu": "500m", "memory": "256Mi"}},
    })
}

pub(crate) fn record(number: usize) -> NewRecord {
    let recorded = Recorded {
        key: key(number),
        identity: format!("core/Thing thing-{number}"),
        uid: Some(format!("00000000-0000-4000-8000-{number:012}")),
        inputs: inputs(number).into(),
        outputs: json!({"/uid": format!("u{number}")}).into(),
        private: json!({"generation": 1}).into(),
        dependencies: Vec::new(),
        ready: true,
    };
    NewRecord::new(recorded, Options::default(), None)
}

pub(crate) fn operation(number: usize) -> Operation {
    Operation {
        kind: OpKind::Create,
        key: key(number),
        identity: format!("core/Thing thing-{number}"),
        uid: None,
        inputs_digest: "0".repeat(64),
    }
}

/// State in a folder, and what is asked of it. It holds no secrets, so it needs no key.
pub(crate) fn store(folder: &Path) -> (Store, Arc<Counting>) {
    store_on(Arc::new(LocalBackend::new(folder)))
}

/// The same on any backend.
pub(crate) fn store_on(backend: Arc<dyn Backend>) -> (Store, Arc<Counting>) {
    let counting = Counting::new(backend);
    let backend = Arc::clone(&counting);
    (Store::new(backend, "bench", KeySource::identity_file("none")), counting)
}

pub(crate) async fn begin(store: &Store) -> Writer {
    store
        .begin(RunInfo::current("up", "bench"), Duration::ZERO)
        .await
        .unwrap()
}

/// Fills a stack with this many resources, as one run.
pub(crate) async fn fill(store: &Store, resources: usize) {
    let writer = begin(store).await;
    for first in (0..resources).step_by(AT_ONCE) {
        let puts = (first..resources.min(first + AT_ONCE)).map(|number| writer.put(record(number)));
        for result in join_all(puts).await {
            result.unwrap();
        }
    }
    writer.finish(Summary::default()).await.unwrap();
}
