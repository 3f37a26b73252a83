//! Hostile answers of a Docker Engine: without an end, in part, late, huge, or nothing that makes sense. Nothing panics,
//! hangs, or takes more memory than an answer may have; the error names the engine.
//!
//! `IAC_ANSWERS` says how many random cases there are; `cargo xtask soak` has many.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use iac_compose::DockerProvider;
use iac_core::provider::{
    Applied, ApplyRequest, Claim, ConnectRequest, Context, DeleteData, DeleteRequest, ErrorKind, Intent,
    ObserveRequest, PredictRequest, Provider as _, ProviderError, Recorded, StackKey, Target, WaitRequest,
};
use iac_core::state::StackId;
use iac_core::{Key, Value};
use iac_testbed::hostile::{Answer, Body, Request, Server, Spoiler};
use serde_json::{Value as Json, json};

/// The time that an operation may take.
const SHORT: Duration = Duration::from_secs(1);

/// Longer than any case takes, and shorter than for ever.
const LONG: Duration = Duration::from_secs(180);

const ID: &str = "c0ffee";

/// Returns the answers of an engine in good order.
fn sound(request: &Request) -> Answer {
    let path = request.path();
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let parts = match parts.split_first() {
        Some((version, rest)) if version.starts_with("v1.") => rest.to_vec(),
        _ => parts,
    };
    let nothing = || Answer::with(204, Body::Whole(Vec::new()));
    match (request.method.as_str(), parts.as_slice()) {
        ("GET", ["version"]) => Answer::json(200, &json!({"Version": "27.0.0", "ApiVersion": "1.46"})),
        ("GET", ["info"]) => Answer::json(200, &json!({"ID": "fake", "SystemTime": "2026-01-01T00:00:00.5Z"})),
        ("GET", ["containers", "json"]) => Answer::json(
            200,
            &json!([{"Id": ID, "Names": ["/p-web-1"], "Labels": labels("service", "web"), "State": "running",
                     "Ports": [{"PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"}], "Image": "x", "Created": 1}]),
        ),
        ("GET", ["containers", _, "json"]) => Answer::json(200, &container()),
        ("GET", ["containers", _, "logs"]) => {
            let mut frame = vec![1, 0, 0, 0, 0, 0, 0, 6];
            frame.extend_from_slice(b"hello\n");
            Answer::with(200, Body::Parts(vec![frame.clone(), frame]))
        }
        ("GET", ["images", "there", "json"]) => Answer::json(
            200,
            &json!({"Id": "sha256:1", "RepoDigests": ["there@sha256:2"], "Config": {"Env": ["A=b"]}}),
        ),
        ("GET", ["networks", _]) => Answer::json(
            200,
            &json!({"Name": "p_net", "Id": "n", "Driver": "bridge", "Labels": labels("network", "net")}),
        ),
        ("GET", ["volumes", _]) => Answer::json(
            200,
            &json!({"Name": "p_data", "Driver": "local", "Mountpoint": "/x", "Labels": labels("volume", "data"),
                    "Scope": "local", "Options": {}}),
        ),
        ("GET", ["events"]) => {
            let event = |action: &str| {
                let actor = json!({"ID": ID, "Attributes": labels("service", "web")});
                let event = json!({"Type": "container", "Action": action, "Actor": actor, "time": 1, "timeNano": 1_000_000_005});
                format!("{event}\n").into_bytes()
            };
            Answer::with(
                200,
                Body::Parts(vec![event("start"), event("die"), event("health_status: healthy")]),
            )
        }
        ("GET", _) => Answer::json(404, &json!({"message": "no such thing"})),
        ("POST", ["images", "create"]) => {
            let step = |status: &str| format!("{}\r\n", json!({"status": status, "id": "layer"})).into_bytes();
            Answer::with(200, Body::Parts(vec![step("Pulling fs layer"), step("Pull complete")]))
        }
        ("POST", ["build"]) => {
            let step = |text: &str| format!("{}\r\n", json!({"stream": text})).into_bytes();
            Answer::with(
                200,
                Body::Parts(vec![step("Step 1/1 : FROM scratch\n"), step("Successfully built 1\n")]),
            )
        }
        ("POST", ["containers" | "networks", "create"]) => Answer::json(201, &json!({"Id": ID, "Warnings": []})),
        ("POST", ["volumes", "create"]) => Answer::json(
            201,
            &json!({"Name": "p_data", "Driver": "local", "Mountpoint": "/x", "Labels": {}, "Scope": "local", "Options": {}}),
        ),
        _ => nothing(),
    }
}

fn labels(what: &str, name: &str) -> Json {
    let key = format!("com.docker.compose.{what}");
    json!({"com.docker.compose.project": "p", key: name, "iac.stack": "s", "com.docker.compose.container-number": "1"})
}

fn container() -> Json {
    json!({
        "Id": ID, "Name": "/p-web-1", "Image": "sha256:1", "Created": "2026-01-01T00:00:00Z", "RestartCount": 1,
        "Config": {"Image": "there", "Labels": labels("service", "web"), "Env": ["A=b"], "Cmd": ["sleep"], "StopTimeout": 1},
        "HostConfig": {"NetworkMode": "p_net", "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}},
        "Mounts": [{"Type": "volume", "Name": "p_data", "Destination": "/data", "RW": true}],
        "NetworkSettings": {"Networks": {"p_net": {"NetworkID": "n", "Aliases": ["web"], "IPAddress": "10.0.0.2"}}},
        "State": {"Status": "running", "Running": true, "StartedAt": "2026-01-01T00:00:00Z", "ExitCode": 0,
                  "Health": {"Status": "unhealthy", "FailingStreak": 3, "Log": [{"ExitCode": 1, "Output": "no",
                             "Start": "2026-01-01T00:00:00Z", "End": "2026-01-01T00:00:01Z"}]}},
    })
}

/// Returns the declaration, as records of what was applied.
fn records(context: &str) -> Vec<Recorded> {
    let build = json!({"context": context});
    let hash = "0";
    [
        ("Network", "net", json!({"project": "p", "key": "net"})),
        ("Volume", "data", json!({"project": "p", "key": "data"})),
        (
            "Image",
            "img",
            json!({"project": "p", "service": "img", "tag": "there", "build": build, "context_hash": hash}),
        ),
        (
            "Service",
            "web",
            json!({"project": "p", "service": "web", "image": "there", "networks": {"p_net": {}},
                   "volumes": [{"type": "volume", "source": "p_data", "target": "/data"}]}),
        ),
        (
            "Service",
            "new",
            json!({"project": "p", "service": "new", "image": "missing"}),
        ),
    ]
    .into_iter()
    .map(|(kind, name, inputs)| Recorded {
        key: Key::new("", &format!("docker:compose/{kind}"), name).unwrap(),
        identity: format!("compose/{kind} p/{name}"),
        uid: Some(ID.to_owned()),
        inputs: inputs.into(),
        outputs: Value::Null,
        private: json!({"containers": [ID], "id": ID}).into(),
        dependencies: Vec::new(),
        ready: false,
    })
    .collect()
}

/// An engine behind a socket, and a provider that is to connect to it.
struct Bed {
    folder: tempfile::TempDir,
    server: Server,
    provider: DockerProvider,
}

impl Bed {
    fn new(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("Dockerfile"), "FROM scratch\n").unwrap();
        Self {
            server: Server::on_socket(&folder.path().join("docker.sock"), answer).unwrap(),
            provider: DockerProvider::new(),
            folder,
        }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    async fn connect(&self) -> Result<Target, ProviderError> {
        let request = ConnectRequest {
            stack: "s".to_owned(),
            id: StackId::draw().unwrap(),
            config: [("host".to_owned(), format!("unix://{}", self.socket().display()))].into(),
            timeout: Duration::from_secs(10),
            key: StackKey::default(),
            own_files: Vec::new(),
        };
        self.provider.connect(&request).await
    }

    fn record(&self, name: &str) -> Recorded {
        let records = records(&self.folder.path().display().to_string());
        records
            .into_iter()
            .find(|recorded| recorded.key.name() == name)
            .unwrap()
    }

    async fn apply(
        &self,
        recorded: &Recorded,
        intent: Intent,
        known: Option<Recorded>,
    ) -> Result<Applied, ProviderError> {
        let request = ApplyRequest {
            ignored: Vec::new(),
            key: recorded.key.clone(),
            identity: recorded.identity.clone(),
            intent,
            inputs: recorded.inputs.clone(),
            recorded: known,
            adopt: false,
            claim: Claim::MarkOnly,
            uid: None,
            delete_data: DeleteData::None,
            timeout: SHORT,
        };
        self.provider.apply(&request, &Context::silent()).await
    }

    async fn wait(&self, recorded: &Recorded) -> Result<Applied, ProviderError> {
        let wait = WaitRequest {
            recorded: recorded.clone(),
            timeout: SHORT,
            needed: true,
        };
        self.provider.wait_ready(&wait, &Context::silent()).await
    }

    /// Does everything that a provider does. What comes of it is the engine's fault.
    async fn do_all(&self) {
        if self.connect().await.is_err() {
            return;
        }
        for recorded in records(&self.folder.path().display().to_string()) {
            let question = ObserveRequest {
                ignored: Vec::new(),
                key: recorded.key.clone(),
                identity: recorded.identity.clone(),
                inputs: Some(recorded.inputs.clone()),
                recorded: Some(recorded.clone()),
                full: true,
            };
            let _ = self.provider.observe(&[question]).await;
            for intent in [Intent::Create, Intent::Update] {
                let known = (intent == Intent::Update).then(|| recorded.clone());
                let request = PredictRequest {
                    key: recorded.key.clone(),
                    intent,
                    inputs: recorded.inputs.clone(),
                    recorded: known.clone(),
                    live: None,
                    adopt: false,
                };
                let _ = self.provider.predict(&[request]).await;
                let _ = self.apply(&recorded, intent, known).await;
            }
            let _ = self.wait(&recorded).await;
            let _ = self.provider.data(std::slice::from_ref(&recorded)).await;
            let delete = DeleteRequest {
                recorded,
                delete_data: DeleteData::All,
                claim: Claim::MarkOnly,
                timeout: SHORT,
            };
            let _ = self.provider.delete(&delete, &Context::silent()).await;
        }
    }
}

/// Ends within a time, whatever the engine does.
async fn ends<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, work)
        .await
        .unwrap_or_else(|_| panic!("it does not end"))
}

#[tokio::test]
async fn an_answer_without_an_end_is_an_error_that_names_the_engine() {
    let (long, heavy) = ("has more than 32 MiB", "would take more than 512 MiB of memory");
    for (status, part, why) in [
        (200, "{\"ID\": ", heavy),
        (200, "{},", heavy),
        (200, "     \"ID\"", long),
        (500, "{\"ID\": ", heavy),
        (500, "no such thing ", long),
    ] {
        let part = part.repeat(1000).into_bytes();
        let bed = Bed::new(move |request| match request.path().ends_with("/info") {
            true => Answer::with(status, Body::Endless(part.clone())),
            false => sound(request),
        });
        let error = ends(bed.connect()).await.unwrap_err();
        let socket = bed.socket().display().to_string();
        let expected = format!("the answer of the Docker Engine at unix://{socket} {why}");
        assert!(error.message.contains(&expected), "{error}");
        assert_eq!(error.kind, ErrorKind::Failed, "it is there");
        assert!(bed.server.sent() < 48 << 20, "{}", bed.server.sent());
    }
}

#[tokio::test]
async fn an_engine_that_stops_in_the_middle_is_not_waited_for_for_ever() {
    for body in [Body::Stalls(b"{".to_vec()), Body::Silence] {
        let bed = Bed::new(move |_| Answer::with(200, body.clone()));
        let error = ends(bed.connect()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unreachable, "{error}");
        assert!(error.message.contains("no answer within 10 s"), "{error}");
    }
}

#[tokio::test]
async fn a_message_without_an_end_ends_a_pull() {
    let bed = Bed::new(|request| match request.path().ends_with("/images/create") {
        true => Answer::with(200, Body::Endless(vec![b' '; 1 << 16])),
        false => sound(request),
    });
    bed.connect().await.unwrap();
    let error = ends(bed.apply(&bed.record("new"), Intent::Create, None))
        .await
        .unwrap_err();
    assert!(error.message.contains("pull the image missing"), "{error}");
    assert!(error.message.contains("has more than 2 MiB"), "{error}");
    assert!(bed.server.sent() < 8 << 20, "{}", bed.server.sent());
}

#[tokio::test]
async fn a_pull_may_say_as_much_as_it_likes_in_small_words() {
    let step = format!("{}\r\n", json!({"status": "Downloading", "id": "layer"})).into_bytes();
    let bed = Bed::new(move |request| match request.path().ends_with("/images/create") {
        // Five times what one message may have.
        true => Answer::with(200, Body::Parts(vec![step.repeat(500); 500])),
        false => sound(request),
    });
    bed.connect().await.unwrap();
    let error = ends(bed.apply(&bed.record("new"), Intent::Create, None))
        .await
        .unwrap_err();
    assert!(error.message.contains("was pulled and is not there"), "{error}");
}

#[tokio::test]
async fn events_and_logs_without_an_end_cost_no_truth_and_no_memory() {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let bed = Bed::new(move |request| {
        let path = request.path();
        if path.ends_with("/events") {
            count.fetch_add(1, Ordering::SeqCst);
            return Answer::with(200, Body::Endless(vec![b'x'; 1 << 16]));
        }
        if path.ends_with("/logs") {
            let mut frame = vec![1, 0, 0, 0, 0, 1, 0, 0];
            frame.resize(8 + (1 << 16), b'x');
            return Answer::with(200, Body::Endless(frame));
        }
        sound(request)
    });
    bed.connect().await.unwrap();
    let error = ends(bed.wait(&bed.record("web"))).await.unwrap_err();
    assert!(error.message.contains("unhealthy"), "{error}");
    assert!(
        bed.server.sent() < (8 + 4 * sent.load(Ordering::SeqCst) as u64) << 20,
        "{}",
        bed.server.sent()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_an_engine_answers_nothing_panics_hangs_or_grows() {
    let cases: u64 = std::env::var("IAC_ANSWERS").map_or(20, |text| text.parse().unwrap());
    let first: u64 = std::env::var("IAC_ANSWERS_FROM").map_or(0, |text| text.parse().unwrap());
    stream::iter(first..first + cases)
        .for_each_concurrent(16, |seed| async move {
            // The connection comes about in most cases: without it nothing else is asked.
            let (spoiler, left) = (
                Mutex::new(Spoiler::new(seed)),
                AtomicUsize::new(usize::from(seed % 4 > 0) * 2),
            );
            let bed = Bed::new(move |request| {
                let answer = sound(request);
                let is_left = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
                match is_left {
                    Ok(_) => answer,
                    Err(_) => ended(request, spoiler.lock().unwrap().spoil(answer)),
                }
            });
            let done = tokio::spawn(async move { tokio::time::timeout(LONG, bed.do_all()).await });
            let done = done.await.unwrap_or_else(|error| panic!("case {seed}: {error}"));
            assert!(done.is_ok(), "case {seed} does not end");
        })
        .await;
    let most = peak();
    assert!(most < 1 << 20, "{most} KiB");
}

/// The answer with an end where one without is as good as slow work: a pull or a build that tells its progress goes on until
/// it is done, or somebody interrupts it.
fn ended(request: &Request, answer: Answer) -> Answer {
    let works = request.path().ends_with("/images/create") || request.path().ends_with("/build");
    match answer.body {
        Body::Endless(part) if works => Answer {
            body: Body::Parts(vec![part; 100]),
            ..answer
        },
        body => Answer { body, ..answer },
    }
}

/// The most memory that this process has had, in KiB; none where the system does not tell.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.unwrap_or_default()
}
