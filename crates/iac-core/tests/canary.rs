//! A provider that quotes every secret it is given in every text it can say, and panics with it: nothing of it is in any
//! event, report, plan, file or `Debug` of what the engine gives.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test may stop at once")]

mod support;

use std::sync::Arc;

use async_trait::async_trait;
use iac_core::config::{Config, ConfigValue};
use iac_core::declare::{Declaration, Handle, NewResource, ResourceDecl, Stack};
use iac_core::engine::EngineError;
use iac_core::plan::{DeleteData, Mode};
use iac_core::provider::*;
use iac_core::render::{Diagnostic, Styles, graph_dot, graph_mermaid};
use iac_core::review::{TextOptions, View};
use iac_core::saved::plan_json;
use iac_core::{FieldPath, Secret, Value};
use serde_json::json;
use support::canary::{CANARY, assert_hides, assert_silent};
use support::harness::Bench;
use support::memory::{KIND, Memory, World};

/// The world in memory, with a provider that cannot hold its tongue.
struct Gossip(Memory);

/// Returns the text of a failure: the secret as it is, and as systems quote it.
fn gossip() -> String {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD;
    let hex: String = CANARY.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "I was told {CANARY} and {CANARY:?}, that is {} or {} or {hex}; in {}",
        json!({ "value": CANARY }),
        encoded.encode(CANARY),
        encoded.encode(format!("user:{CANARY}\n")),
    )
}

fn problem() -> Problem {
    Problem {
        hint: Some(gossip()),
        ..Problem::new(FieldPath::fields(["value"]), gossip())
    }
}

fn error(kind: ErrorKind) -> ProviderError {
    ProviderError::new(kind, gossip())
        .with_details([gossip(), gossip()])
        .with_hint(gossip())
}

#[async_trait]
impl Provider for Gossip {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn identity(&self, resource: &ResourceDecl) -> Result<String, Problem> {
        match resource.key.name() {
            "nameless" => Err(problem()),
            _ => self.0.identity(resource),
        }
    }

    fn references(&self, resources: &[&ResourceDecl]) -> Vec<Reference> {
        self.0.references(resources)
    }

    fn validate(&self, resource: &ResourceDecl) -> Vec<Problem> {
        Vec::from_iter((resource.key.name() == "invalid").then(problem))
    }

    async fn connect(&self, request: &ConnectRequest) -> Result<Target, ProviderError> {
        self.0.connect(request).await
    }

    async fn exists(&self, names: &[ExternalRef]) -> Result<Vec<Existence>, ProviderError> {
        Ok(names.iter().map(|_| Existence::Unknown(gossip())).collect())
    }

    async fn observe(&self, requests: &[ObserveRequest]) -> Result<Vec<Observed>, ProviderError> {
        if requests.iter().any(|request| request.key.name() == "unobservable") {
            return Err(error(ErrorKind::Denied));
        }
        let mut answers = self.0.observe(requests).await?;
        for (request, answer) in requests.iter().zip(&mut answers) {
            match answer {
                Observed::Present(live) => live.readiness = Readiness::Pending(gossip()),
                answer if request.key.name() == "unknown" => *answer = Observed::Unknown(gossip()),
                _ => {}
            }
        }
        Ok(answers)
    }

    async fn predict(&self, requests: &[PredictRequest]) -> Result<Vec<Prediction>, ProviderError> {
        let mut answers = self.0.predict(requests).await?;
        for answer in &mut answers {
            answer.notes.push(gossip());
            answer.checked = Checked::Locally(gossip());
            answer.risks.push(Risk {
                kind: RiskKind::Exposure,
                message: gossip(),
            });
            for change in &mut answer.changes {
                change.origin = Some(gossip());
            }
            for replacement in &mut answer.replace {
                replacement.why = gossip();
            }
            for exclusive in &mut answer.exclusive {
                exclusive.what = gossip();
            }
        }
        for (request, answer) in requests.iter().zip(&mut answers) {
            answer.problems.extend((request.key.name() == "doomed").then(problem));
        }
        Ok(answers)
    }

    async fn data(&self, resources: &[Recorded]) -> Result<Vec<Vec<DataItem>>, ProviderError> {
        self.0.data(resources).await
    }

    async fn apply(&self, request: &ApplyRequest, cx: &Context) -> Result<Applied, ProviderError> {
        cx.progress(&request.key, gossip());
        match request.key.name() {
            "failing" => Err(error(ErrorKind::Failed)),
            "uncertain" => Err(error(ErrorKind::Timeout)),
            "partial" => {
                let applied = self.0.apply(request, cx).await?;
                Err(error(ErrorKind::Failed).with_partial(applied))
            }
            "panicking" => panic!("{}", gossip()),
            _ => self.0.apply(request, cx).await,
        }
    }

    async fn delete(&self, request: &DeleteRequest, cx: &Context) -> Result<(), ProviderError> {
        cx.progress(&request.recorded.key, gossip());
        match request.recorded.key.name() {
            "kept" => Err(error(ErrorKind::Failed)),
            _ => self.0.delete(request, cx).await,
        }
    }

    async fn wait_ready(&self, request: &WaitRequest, cx: &Context) -> Result<Applied, ProviderError> {
        cx.progress(&request.recorded.key, gossip());
        match request.recorded.key.name() {
            "unready" => Err(error(ErrorKind::Failed)),
            _ => self.0.wait_ready(request, cx).await,
        }
    }
}

/// Declares a thing with the secret at several depths; `name` is what the object is called, and another one replaces it.
fn thing(stack: &Stack, key: &str, name: &str, public: &str) -> Handle<()> {
    let secret = stack.secret("made", Secret::from(CANARY)).to_string();
    let inputs = json!({
        "name": name, "public": public, "value": secret, "nested": { "deep": secret }, "list": [secret, "plain"],
    });
    stack.declare(NewResource::new(KIND, key, inputs))
}

fn declare_all(names: &[&str], public: &str) -> Declaration {
    let mut config = Config::default();
    config.set("password", ConfigValue::Secret(CANARY.into()), "test");
    let stack = Stack::new("test", config);
    let configured = stack.config_secret("password");
    let made = stack.secret("made", Secret::from(CANARY));
    for name in names {
        let thing = thing(&stack, name, &format!("{name}-{public}"), public);
        stack.export(&format!("of-{name}"), thing.output("/value"));
    }
    let joined = format!("postgres://user:{configured}@db/{made}");
    // Of one only a part is secret, and another is by its name alone.
    let partly = format!("--requirepass {made} --round {public}");
    let named = stack.conceal(&stack.secret_names(), "named", "DB_PASS", CANARY);
    let inputs = json!({ "value": joined, "partly": partly, "named": named });
    let _ = stack.declare::<()>(NewResource::new(KIND, "joined", inputs));
    stack.export("configured", configured);
    stack.export("joined", joined.as_str());
    stack.finish().unwrap()
}

/// A bench with the gossip; what it does to the world, it does as the ordinary provider.
fn bench() -> Bench {
    let world = World::default();
    let provider = Gossip(Memory::of(&world));
    Bench::new().with_provider(world, Arc::new(provider))
}

/// Everything that can be seen of what was done so far.
fn assert_nothing_seen(bench: &Bench) {
    for event in bench.events.lock().unwrap().iter() {
        assert_silent(&format!("{event:?}"), "an event");
    }
    assert_silent(&bench.files(), "the state");
}

/// Sees that what failed says nothing.
fn assert_error_silent(error: &EngineError) {
    assert_silent(&format!("{error:?} {error}"), "an error");
    let diagnostic = match error {
        EngineError::Provider { error, .. } => Diagnostic::from_provider("it failed", error),
        other => Diagnostic::from_error(other),
    };
    assert_silent(&diagnostic.render(&Styles::plain()), "a diagnostic");
    if let EngineError::Problems(problems) = error {
        for problem in problems {
            let diagnostic = Diagnostic::from_problem(problem, "test");
            assert_silent(&diagnostic.render(&Styles::plain()), "a problem");
        }
    }
}

/// Plans, looks at every picture of the plan, and carries it out.
async fn run(bench: &Bench, mode: Mode, declaration: &Declaration) {
    assert_silent(&format!("{declaration:?}"), "a declaration");
    let planned = match bench.plan_with(mode, declaration, DeleteData::All).await {
        Ok(planned) => planned,
        Err(error) => return assert_error_silent(&error),
    };
    assert_silent(&format!("{planned:?}"), "what is planned");
    for verbose in [false, true] {
        let options = TextOptions {
            verbose,
            ..TextOptions::default()
        };
        assert_silent(&View::of(&planned.plan, options.verbose).to_text(&options), "a plan");
    }
    assert_silent(
        &plan_json(&planned.plan, &|_| "hash".to_owned()).to_string(),
        "a saved plan",
    );
    match bench.execute(planned, declaration).await {
        Ok(report) => assert_silent(&format!("{report:?}"), "a report"),
        Err(error) => assert_error_silent(&error),
    }
    assert_nothing_seen(bench);
}

/// Ordinary life: create, replace with the old object left over, change, forget what others did, delete.
#[tokio::test]
async fn a_life_with_secrets_says_nothing_of_them() {
    let bench = bench();
    let first = declare_all(&["a", "kept"], "1");
    run(&bench, Mode::Up, &first).await;
    assert_eq!(bench.world.objects().len(), 3);
    // Renamed, so replaced; the old object of the one stays as a former one, with its secrets.
    let second = declare_all(&["a", "kept"], "2");
    run(&bench, Mode::Up, &second).await;
    let state = bench.store().load().await.unwrap();
    assert!(state.records.values().any(|record| !record.formers.is_empty()));
    assert!(state.has_secrets());
    bench.world.meddle(|objects| {
        if let Some(object) = objects.get_mut("a-2") {
            object.inputs = Value::from(json!({ "name": "a-2", "public": "theirs" }));
        }
    });
    for mode in [Mode::Refresh, Mode::Up, Mode::Destroy] {
        run(&bench, mode, &second).await;
    }
    assert_debug_is_silent(&bench).await;
}

/// Checks that state and engine, as `{:?}` shows them, tell no secret, even when secrets are opened.
async fn assert_debug_is_silent(bench: &Bench) {
    let store = bench.store();
    let vault = store.vault().await.unwrap();
    for version in store.history().await.unwrap() {
        let (version, before, after) = store.version(version.version).await.unwrap();
        assert_silent(&format!("{version:?}{before:?}{after:?}"), "a version");
        let opened = (after.open(&vault).unwrap(), after.open_exports(&vault).unwrap());
        assert_silent(&format!("{opened:?}"), "an opened state");
    }
    assert_silent(&format!("{store:?}{vault:?}"), "a store");
}

#[tokio::test]
async fn failures_say_nothing_of_the_secrets_that_they_quote() {
    for name in ["failing", "uncertain", "partial", "panicking", "unready"] {
        let bench = bench();
        // Alone and in the first run: nothing was sealed yet, and no key opened.
        let stack = Stack::new("test", Config::default());
        let _ = thing(&stack, name, name, "1");
        let alone = stack.finish().unwrap();
        for declaration in [&alone, &alone, &declare_all(&[name, "other"], "2")] {
            run(&bench, Mode::Up, declaration).await;
            let text = format!("{:?}", bench.events.lock().unwrap());
            assert!(text.contains("Failed"), "{name}: {text}");
        }
        run(&bench, Mode::Destroy, &alone).await;
    }
}

#[tokio::test]
async fn what_is_said_before_a_run_says_nothing_of_the_secrets_it_quotes() {
    for name in ["nameless", "invalid", "unobservable", "unknown", "doomed"] {
        let bench = bench();
        run(&bench, Mode::Up, &declare_all(&["a"], "1")).await;
        run(&bench, Mode::Up, &declare_all(&["a", name], "2")).await;
    }
}

/// A secret that nobody here has declared.
const STRANGER: &str = "stranger-5bd1e995";

/// A value that others set, and nobody declared, is known for a secret by its name or form alone.
#[tokio::test]
async fn what_others_set_is_masked_by_its_name() {
    let world = World::default();
    let provider = Memory::of(&world);
    let bench = Bench::new().with_provider(world, Arc::new(provider));
    let declaration = support::harness::declare(|stack| {
        let inputs = json!({ "name": "a", "public": "1" });
        let _ = stack.declare::<()>(NewResource::new(KIND, "a", inputs));
    });
    bench.up(&declaration).await;
    bench.world.meddle(|objects| {
        let inputs = json!({
            "name": "a", "public": "2", "DB_PASSWORD": STRANGER, "url": format!("pg://app:{STRANGER}@db"),
            "text": format!("user: app\npassword: {STRANGER}\n"), "args": ["--requirepass", STRANGER],
            "env": [{ "name": "API_TOKEN", "value": STRANGER }],
        });
        objects.get_mut("a").unwrap().inputs = Value::from(inputs);
    });
    for mode in [Mode::Up, Mode::Refresh] {
        let planned = bench.plan_for(mode, &declaration).await.unwrap();
        let options = TextOptions {
            verbose: true,
            ..TextOptions::default()
        };
        let text = View::of(&planned.plan, options.verbose).to_text(&options);
        assert!(text.contains("(secret)") && text.contains("user: app"), "{text}");
        assert_hides(STRANGER, &text, "a plan");
        assert_hides(
            STRANGER,
            &plan_json(&planned.plan, &|_| "hash".to_owned()).to_string(),
            "a plan as JSON",
        );
        assert_hides(STRANGER, &format!("{planned:?}"), "what is planned");
    }
    // Taken into the record, it is sealed there.
    let planned = bench.plan_for(Mode::Refresh, &declaration).await.unwrap();
    bench.execute(planned, &declaration).await.unwrap();
    assert!(bench.store().load().await.unwrap().has_secrets());
    assert_hides(STRANGER, &bench.files(), "the state");
}

#[test]
fn a_graph_says_nothing_of_secrets() {
    let engine = iac_core::engine::Engine::new(vec![Arc::new(Gossip(Memory::of(&World::default())))]);
    let graph = engine.graph(&declare_all(&["a", "b"], "1")).unwrap();
    assert_silent(&format!("{graph:?}"), "a graph");
    assert_silent(&graph_dot(&graph, "test"), "dot");
    assert_silent(&graph_mermaid(&graph), "mermaid");
}
