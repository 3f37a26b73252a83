//! The ways in which a stack comes to belong to something else.

use std::sync::Arc;
use std::time::Duration;

use iac_core::Value;
use iac_core::declare::Options;
use iac_core::provider::Recorded;
use iac_core::state::{KeySource, LocalBackend, NewRecord, RunInfo, Store, Summary};
use serde_json::Value as Json;

use super::ground::Ground;

pub(crate) fn a_stack_is_handed_over_when_asked() {
    let ground = Ground::new();
    ground.repository("one").repository("two");
    ground
        .run("manifests", "one", "stack rebind --yes --stack k8s --config path=k8s")
        .exits(1)
        .says(&["no stack"]);
    ground.up("one").exits(0);
    // It asks, and without a terminal it does nothing.
    let rebind = "stack rebind --stack k8s --config path=k8s";
    ground.run("manifests", "two", rebind).exits(64).says(&["--yes"]);
    ground
        .run("manifests", "two", "stack rebind --yes --stack k8s")
        .exits(64)
        .says(&["--config path="]);
    ground.preview("one").exits(0);
    let done = ground
        .run("manifests", "two", &format!("{rebind} --yes --json"))
        .exits(0);
    let json: Json = serde_json::from_str(&done.stdout).unwrap();
    assert!(json["before"] != json["after"] && json["version"] == 2, "{done}");
    ground.preview("two").exits(0);
    ground.preview("one").refused(&["another project"]);
    // It is told by the history.
    let history = ground.run("manifests", "two", "stack history --stack k8s").exits(0);
    assert!(history.stdout.contains("stack rebind"), "{history}");
    let show = ground.run("manifests", "two", "stack show --stack k8s").exits(0);
    assert!(
        show.stdout.contains("belongs to manifests of") && show.stdout.contains("one/k8s"),
        "{show}"
    );
    // Once more changes nothing.
    let again = ground
        .run("manifests", "two", &format!("{rebind} --yes"))
        .exits(0)
        .says(&["already"]);
    assert!(!again.stderr.contains("version"), "{again}");
    let list = ground.run("manifests", "two", "stack ls --json").exits(0);
    let list: Json = serde_json::from_str(&list.stdout).unwrap();
    assert_eq!(list[0]["belongs_to"]["program"], "manifests");
    // To another program as well.
    ground.run("charts", "two", &format!("{rebind} --yes")).exits(0);
    ground.preview("two").refused(&["charts of", "another program"]);
}

pub(crate) fn copies_of_a_state_belong_to_the_same() {
    let ground = Ground::new();
    ground.repository("one").repository("two");
    ground.up("one").exits(0);
    ground
        .run("manifests", "one", "state export --stack k8s @/state.json")
        .exits(0);
    ground
        .run(
            "manifests",
            "one",
            "state import --stack k8s --backend @/second @/state.json",
        )
        .exits(0);
    ground
        .run("manifests", "one", "state migrate --stack k8s @/third")
        .exits(0);
    for backend in ["second", "third"] {
        let preview = |folder: &str| {
            let line = format!("preview --detailed-exitcode --stack k8s --backend @/{backend} --config path=k8s");
            ground.run("manifests", folder, &line)
        };
        preview("two").refused(&["another project"]);
        preview("one").exits(0);
        let repair = ground.run(
            "manifests",
            "two",
            &format!("state repair --yes --stack k8s --backend @/{backend}"),
        );
        repair.exits(0);
        preview("two").refused(&[]);
    }
}

pub(crate) fn an_old_or_empty_stack_is_bound_by_the_next_up() {
    let ground = Ground::new();
    ground.repository("one").repository("two");
    record_unbound(&ground);
    let preview = ground.run("manifests", "one", "preview --stack k8s --config path=k8s");
    preview
        .exits(0)
        .says(&["note: stack k8s belongs to nobody yet", "manifests of"]);
    ground
        .up("one")
        .exits(0)
        .says(&["Stack k8s belongs to manifests of", "from now on"]);
    assert!(!ground.up("one").exits(0).stderr.contains("belongs to"));
    ground.preview("two").refused(&[]);
    // When nothing is recorded any more, it is free.
    ground
        .run("manifests", "one", "destroy --yes --stack k8s --config path=k8s")
        .exits(0);
    ground.preview("two").exits(2);
    ground.preview("one").exits(2);
    ground.up("two").exits(0);
    ground.preview("one").refused(&[]);
}

/// A stack as an earlier release left it: it belongs to nobody.
fn record_unbound(ground: &Ground) {
    let recorded = Recorded {
        key: "random:core/Password::old".parse().unwrap(),
        identity: "core/Password old".into(),
        uid: None,
        inputs: Value::from(serde_json::json!({"length": 16})),
        outputs: Value::Null,
        private: Default::default(),
        dependencies: Vec::new(),
        ready: true,
    };
    let backend = Arc::new(LocalBackend::new(ground.path("backend")));
    let store = Store::new(backend, "k8s", KeySource::key_file(ground.path("key")));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let written = runtime.block_on(async {
        let writer = store.begin(RunInfo::current("up", "old"), Duration::ZERO).await?;
        writer.put(NewRecord::new(recorded, Options::default(), None)).await?;
        writer.finish(Summary::default()).await
    });
    assert_eq!(written.unwrap(), 1);
}
