//! The pure parts: graph and plan of many resources, where nothing and where everything changes.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "criterion's macro documents nothing, and a benchmark may stop at once"
)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Bencher, BenchmarkId, Criterion, criterion_group, criterion_main};
use iac_core::config::Config;
use iac_core::declare::{Declaration, Handle, NewResource, Stack};
use iac_core::graph::Graph;
use iac_core::plan::{DeleteData, Mode, Plan, Planner, Predicted, Predictions, Selected, Selection, World, WorldEntry};
use iac_core::provider::{Live, Mark, Observed, Prediction, Readiness, Recorded};
use iac_core::state::NewRecord;
use iac_core::{Key, Value};
use serde_json::json;

/// The shape of the dependencies between the resources.
#[derive(Clone, Copy)]
enum Shape {
    /// Not at all.
    Flat,
    /// Each uses an output of the one before.
    Chain,
    /// All use an output of the first one.
    Fan,
}

impl Shape {
    fn name(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::Chain => "chain",
            Self::Fan => "fan",
        }
    }
}

fn declaration(shape: Shape, count: usize) -> Declaration {
    let stack = Stack::new("bench", Config::default());
    let mut used: Option<Handle<()>> = None;
    for number in 0..count {
        let uses = used.as_ref().map(|handle| handle.output("/uid").to_string());
        let inputs = json!({ "number": number, "uses": uses, "text": "some text that is long enough to be a setting" });
        let handle = stack.declare::<()>(NewResource::new("mem:core/Thing", format!("n{number}"), inputs));
        match shape {
            Shape::Flat => {}
            Shape::Chain => used = Some(handle),
            Shape::Fan => used = used.or(Some(handle)),
        }
    }
    stack.finish().unwrap()
}

/// The record of it, as if it had been applied.
fn recorded(declaration: &Declaration) -> BTreeMap<Key, WorldEntry> {
    let entry = |resource: &iac_core::declare::ResourceDecl| {
        let known = |leaf: &Value| match leaf {
            Value::Expr(_) => Value::from("u"),
            leaf => leaf.clone(),
        };
        let inputs = resource
            .inputs
            .try_map_leaves::<std::convert::Infallible>(&mut |_, leaf| Ok(known(leaf)))
            .unwrap();
        let recorded = Recorded {
            key: resource.key.clone(),
            identity: resource.key.to_string(),
            uid: None,
            inputs,
            outputs: Value::from(json!({ "/uid": "u" })),
            private: Default::default(),
            dependencies: Vec::new(),
            ready: true,
        };
        (
            resource.key.clone(),
            WorldEntry::from(NewRecord::new(recorded, resource.options.clone(), None)),
        )
    };
    declaration.resources.iter().map(entry).collect()
}

/// All that a plan is made from.
struct Inputs {
    declaration: Declaration,
    graph: Graph,
    recorded: BTreeMap<Key, WorldEntry>,
    identities: BTreeMap<Key, String>,
    observed: BTreeMap<Key, Observed>,
}

fn inputs(shape: Shape, count: usize) -> Inputs {
    let live = Live {
        uid: None,
        mark: Mark::Ours,
        outputs: Value::Null,
        drift: Vec::new(),
        ignored: Vec::new(),
        readiness: Readiness::Ready,
        leaving: None,
        co_owners: Vec::new(),
        writes: BTreeMap::new(),
    };
    let declaration = declaration(shape, count);
    let keys = || declaration.resources.iter().map(|resource| resource.key.clone());
    Inputs {
        graph: Graph::build(&declaration, &[]).unwrap(),
        recorded: recorded(&declaration),
        identities: keys().map(|key| (key.clone(), key.to_string())).collect(),
        observed: keys().map(|key| (key, Observed::Present(live.clone()))).collect(),
        declaration,
    }
}

/// A plan where all is recorded and there, or nothing; a provider that knows nothing beforehand answers at once.
fn run(inputs: &Inputs, applied: bool) -> Plan {
    let (nothing, absent) = (BTreeMap::new(), BTreeMap::new());
    let world = World {
        mode: Mode::Up,
        build: "bench",
        targets: &BTreeMap::new(),
        looked: true,
        declaration: &inputs.declaration,
        graph: &inputs.graph,
        identities: &inputs.identities,
        recorded: if applied { &inputs.recorded } else { &nothing },
        interrupted: &[],
        others: &BTreeMap::new(),
        observed: if applied { &inputs.observed } else { &absent },
        data: &BTreeMap::new(),
        delete_data: &DeleteData::None,
        sealed: false,
        selection: &Selection::default(),
        selected: &Selected::default(),
    };
    let mut planner = Planner::new(&world, Predictions::new());
    loop {
        let asks = planner.asks();
        if asks.is_empty() {
            return planner.finish().0;
        }
        planner.learn(asks.into_iter().map(|ask| {
            let made = Predicted {
                intent: ask.intent,
                inputs: ask.inputs,
                object: None,
                prediction: Prediction::default(),
            };
            (ask.key, made)
        }));
    }
}

/// Measures some work, but not the end of what comes of it.
fn timed<T>(bencher: &mut Bencher<'_>, mut work: impl FnMut() -> T) {
    bencher.iter_custom(|times| {
        let mut total = Duration::ZERO;
        for _ in 0..times {
            let began = Instant::now();
            let made = black_box(work());
            total += began.elapsed();
            drop(made);
        }
        total
    });
}

fn planning(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("plan");
    group.sample_size(10);
    let shapes = [Shape::Flat, Shape::Chain, Shape::Fan];
    for (shape, count) in [100, 1_000, 10_000, 100_000]
        .iter()
        .flat_map(|&count| shapes.map(|shape| (shape, count)))
    {
        let inputs = inputs(shape, count);
        let name = |what| BenchmarkId::new(format!("{}, {what}", shape.name()), count);
        group.bench_function(name("declared"), |bencher| {
            timed(bencher, || declaration(shape, count));
        });
        group.bench_function(name("graph"), |bencher| {
            timed(bencher, || Graph::build(black_box(&inputs.declaration), &[]));
        });
        group.bench_function(name("no change"), |bencher| {
            timed(bencher, || run(black_box(&inputs), true));
        });
        group.bench_function(name("all new"), |bencher| {
            timed(bencher, || run(black_box(&inputs), false));
        });
    }
    group.finish();
}

criterion_group!(benches, planning);
criterion_main!(benches);
