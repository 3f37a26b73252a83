//! A program that panics, in its own function or in its provider, with secrets in what it says: none of them is shown,
//! whether a backtrace is asked for or not, nobody is locked out, and the next run goes on.
//!
//! Has a `main` of its own, since it runs itself once more as the program that panics.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may stop at once, and this one is about panics"
)]

mod support;

use std::path::Path;
use std::process::{Command, ExitCode, Output};

use async_trait::async_trait;
use iac_core::cli::Program;
use iac_core::declare::{NewResource, ResourceDecl};
use iac_core::provider::*;
use iac_core::{Secret, Stack, Value};
use serde_json::{Value as Json, json};
use support::canary::{CANARY, assert_silent};
use support::memory::{KIND, Memory, World};

/// Says where the program is to panic, and makes this process that program.
const PLACE: &str = "IAC_TEST_PANICS_IN";

/// Where it can.
const PLACES: [&str; 5] = ["configuration", "declaration", "observe", "apply", "wait_ready"];

fn main() -> ExitCode {
    if let Ok(place) = std::env::var(PLACE) {
        return program(&place);
    }
    for place in PLACES {
        for backtrace in ["0", "1"] {
            panics(place, backtrace);
        }
    }
    if cfg!(target_os = "linux") {
        what_is_said_is_not_drawn_over();
    }
    println!("a program panicked in {} places, and said no secret", PLACES.len());
    ExitCode::SUCCESS
}

fn panics(place: &str, backtrace: &str) {
    let folder = tempfile::tempdir().unwrap();
    let run = |place: &str, line: &str| run(folder.path(), place, line, backtrace);
    let output = run(place, "up --yes");
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    let what = format!("{place}, RUST_BACKTRACE={backtrace}");
    assert_silent(&said, &what);
    // A provider that panics in an operation fails that operation; elsewhere the program ends.
    let operation = matches!(place, "apply" | "wait_ready");
    let code = if operation { 1 } else { 101 };
    assert_eq!(output.status.code(), Some(code), "{what}: {said}");
    assert!(
        said.contains("panicked at crates/iac-core/tests/panics.rs:"),
        "{what}: {said}"
    );
    if !operation {
        let json = run(place, "up --yes --json");
        let printed: Json = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!(
            (json.status.code(), &printed["exit_code"]),
            (Some(101), &json!(101)),
            "{what}"
        );
    }
    let shown = said.contains("I was told");
    assert_eq!(shown, backtrace == "1", "{what}, the message: {said}");

    let stacks = run("nowhere", "stack ls --json").stdout;
    let stacks: Json = serde_json::from_slice(&stacks).unwrap();
    assert!(stacks.as_array().unwrap().iter().all(is_free), "{what}: {stacks}");
    let next = run("nowhere", "up --yes");
    let said = String::from_utf8_lossy(&next.stderr);
    assert_eq!(next.status.code(), Some(0), "after {what}: {said}");
    assert_silent(&said, &what);
}

/// On a terminal, where lines of progress are redrawn all the time; `script` gives one.
fn what_is_said_is_not_drawn_over() {
    let folder = tempfile::tempdir().unwrap();
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new("script");
    let line = format!("'{}' up --yes", program.display());
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    prepare(&mut command, folder.path(), "apply", "0");
    let output = command.env("TERM", "xterm").env("NO_COLOR", "1").output();
    let output = output.unwrap_or_else(|error| panic!("this test needs `script` of util-linux: {error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("thing creating"), "no lines of progress: {said:?}");
    let (before, after) = said.split_once("error: the program panicked").unwrap();
    let line = before.rsplit(['\n', '\r']).next().unwrap();
    assert_eq!(line.replace("\u{1b}[2K", ""), "", "it begins within a line: {said:?}");
    // A line that moves the cursor up from here would wipe out the message.
    let (text, _) = after.split_once("goes on from there").unwrap();
    assert!(!text.contains('\u{1b}'), "{said:?}");
}

/// True if a run may begin at once: nobody claims the stack, or a process that has ended.
fn is_free(stack: &Json) -> bool {
    stack.get("claimed_by").is_none() || stack["under_way"] == 0
}

fn run(folder: &Path, place: &str, line: &str, backtrace: &str) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    prepare(command.args(line.split(' ')), folder, place, backtrace);
    command.output().unwrap()
}

fn prepare(command: &mut Command, folder: &Path, place: &str, backtrace: &str) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    command
        .current_dir(folder)
        .env_clear()
        .env("PATH", path)
        .env("HOME", folder);
    command
        .env("IAC_BUILD_ID", "test")
        .env(PLACE, place)
        .env("RUST_BACKTRACE", backtrace);
    command.env("IAC_CONFIG_TOKEN", CANARY);
}

/// Panics with a secret, as it is and as `{:?}` has it.
fn gossip(secret: &str) -> ! {
    panic!("I was told {secret} and {secret:?}")
}

/// Panics with a secret, if this is the place.
fn perhaps(here: &str, place: &str, secret: Option<&Value>) {
    if here != place {
        return;
    }
    match secret {
        Some(Value::Secret(secret)) => gossip(secret.expose()),
        other => panic!("no secret came here: {other:?}"),
    }
}

fn program(place: &str) -> ExitCode {
    let provider = Careless(Memory::of(&World::default()), place.to_owned());
    Program::new("shop")
        .provider(provider)
        .run(|stack| declare(stack, place))
}

fn declare(stack: &Stack, place: &str) -> iac_core::Result<()> {
    #[cfg(target_os = "linux")]
    assert_eq!(
        rustix::process::dumpable_behavior().unwrap(),
        rustix::process::DumpableBehavior::NotDumpable,
        "a crash would write the secrets to a core dump"
    );
    // Given in clear, by the environment; that it is a secret is known from how it is asked for.
    let token = stack.config().secret("token")?;
    if place == "configuration" {
        gossip(token.expose());
    }
    let text = format!("made of {}", token.expose());
    let made = stack.secret("made", Secret::from(text.as_str()));
    if place == "declaration" {
        gossip(&text);
    }
    stack.declare::<()>(NewResource::new(KIND, "thing", json!({ "value": made.to_string() })));
    Ok(())
}

/// The world in memory, with a provider that panics in one place. That world ends with its process.
struct Careless(Memory, String);

impl Careless {
    fn perhaps(&self, here: &str, inputs: &Value) {
        perhaps(here, &self.1, inputs.get("value"));
    }
}

#[async_trait]
impl Provider for Careless {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn identity(&self, resource: &ResourceDecl) -> Result<String, Problem> {
        self.0.identity(resource)
    }

    fn references(&self, resources: &[&ResourceDecl]) -> Vec<Reference> {
        self.0.references(resources)
    }

    fn validate(&self, resource: &ResourceDecl) -> Vec<Problem> {
        self.0.validate(resource)
    }

    async fn connect(&self, request: &ConnectRequest) -> Result<Target, ProviderError> {
        self.0.connect(request).await
    }

    async fn exists(&self, names: &[ExternalRef]) -> Result<Vec<Existence>, ProviderError> {
        self.0.exists(names).await
    }

    async fn observe(&self, requests: &[ObserveRequest]) -> Result<Vec<Observed>, ProviderError> {
        for inputs in requests.iter().flat_map(|request| &request.inputs) {
            self.perhaps("observe", inputs);
        }
        self.0.observe(requests).await
    }

    async fn predict(&self, requests: &[PredictRequest]) -> Result<Vec<Prediction>, ProviderError> {
        self.0.predict(requests).await
    }

    async fn data(&self, resources: &[Recorded]) -> Result<Vec<Vec<DataItem>>, ProviderError> {
        self.0.data(resources).await
    }

    async fn apply(&self, request: &ApplyRequest, cx: &Context) -> Result<Applied, ProviderError> {
        self.perhaps("apply", &request.inputs);
        self.0.apply(request, cx).await
    }

    async fn delete(&self, request: &DeleteRequest, cx: &Context) -> Result<(), ProviderError> {
        self.0.delete(request, cx).await
    }

    async fn wait_ready(&self, request: &WaitRequest, cx: &Context) -> Result<Applied, ProviderError> {
        self.perhaps("wait_ready", &request.recorded.inputs);
        self.0.wait_ready(request, cx).await
    }
}
