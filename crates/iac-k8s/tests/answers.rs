//! Hostile answers of a server of Kubernetes: without an end, in part, late, huge, or nothing that makes sense. Nothing
//! panics, hangs, or takes more memory than an answer may have; the error names the server.
//!
//! `IAC_ANSWERS` says how many random cases there are; `cargo xtask soak` has many.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on is to stop")]

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use iac_core::config::Config;
use iac_core::provider::{
    Applied, ApplyRequest, Claim, ConnectRequest, Context, DeleteData, DeleteRequest, ErrorKind, Intent,
    ObserveRequest, Observed, PredictRequest, Provider as _, ProviderError, Recorded, StackKey, Target, WaitRequest,
};
use iac_core::state::{Backend as _, StackId};
use iac_core::{Stack, Value};
use iac_k8s::{Kubernetes, KubernetesProvider, KubernetesState};
use iac_testbed::hostile::{Answer, Body, Request, Server, Spoiler};
use serde_json::{Value as Json, json};

/// The time that an operation may take.
const SHORT: Duration = Duration::from_secs(2);

/// Longer than any case takes, and shorter than for ever.
const LONG: Duration = Duration::from_secs(180);

/// An answer's largest size, and what a client has taken in when it notices: buffers on the way hold some.
const NOTICED: u64 = 40 << 20;

/// Returns the declared objects: one that is ready at once, a workload, one that needs another one, and a custom resource.
fn declared() -> Vec<(&'static str, Json)> {
    let labels = json!({"app": "a"});
    let container = json!({"name": "main", "image": "x", "ports": [{"containerPort": 80}]});
    let template = json!({"metadata": {"labels": labels}, "spec": {"containers": [container]}});
    vec![
        (
            "map",
            json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}}),
        ),
        (
            "web",
            json!({"apiVersion": "apps/v1", "kind": "Deployment",
                   "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}}),
        ),
        (
            "web",
            json!({"apiVersion": "v1", "kind": "Service", "spec": {"selector": labels, "ports": [{"port": 80}]}}),
        ),
        (
            "thing",
            json!({"apiVersion": "example.com/v1", "kind": "Thing", "spec": {"size": 1}}),
        ),
    ]
}

/// Returns the answers of a server in good order.
fn sound(request: &Request) -> Answer {
    let path = request.path();
    let kinds = |kinds: &[(&str, &str)]| {
        let entry = |(plural, kind): &(&str, &str)| json!({"name": plural, "kind": kind, "namespaced": true});
        Answer::json(200, &json!({"resources": kinds.iter().map(entry).collect::<Vec<_>>()}))
    };
    if request.target.contains("watch=true") {
        let event = |kind: &str| {
            let object = json!({"metadata": {"name": "web", "resourceVersion": "9"}});
            format!("{}\n", json!({"type": kind, "object": object})).into_bytes()
        };
        return Answer::with(
            200,
            Body::Parts(vec![event("MODIFIED"), event("BOOKMARK"), event("DELETED")]),
        );
    }
    match (request.method.as_str(), path) {
        ("GET", "/api/v1") => kinds(&[
            ("configmaps", "ConfigMap"),
            ("services", "Service"),
            ("pods", "Pod"),
            ("events", "Event"),
        ]),
        ("GET", "/apis/apps/v1") => kinds(&[("deployments", "Deployment"), ("replicasets", "ReplicaSet")]),
        ("GET", "/apis/example.com/v1") => kinds(&[("things", "Thing")]),
        ("GET", path) if path.starts_with("/api/v1/namespaces/") && path.matches('/').count() == 4 => {
            Answer::json(200, &json!({"metadata": {"uid": "n"}}))
        }
        ("GET", path) if path.starts_with("/api") => {
            let name = path.rsplit('/').next().unwrap_or_default();
            match name {
                "map" | "web" | "thing" => Answer::json(200, &live(path, name)),
                _ => Answer::json(
                    200,
                    &json!({"metadata": {"resourceVersion": "7"}, "items": items(name)}),
                ),
            }
        }
        ("GET", _) => Answer::json(
            404,
            &json!({"kind": "Status", "code": 404, "message": "none", "reason": "NotFound"}),
        ),
        ("DELETE", _) => Answer::json(
            200,
            &json!({"kind": "Status", "status": "Success", "details": {"uid": "u"}}),
        ),
        _ => {
            let mut object: Json = serde_json::from_slice(&request.body).unwrap_or_default();
            if object.is_object() {
                object["metadata"]["uid"] = "u".into();
                object["metadata"]["resourceVersion"] = "8".into();
                object["metadata"]["managedFields"] = managed();
            }
            Answer::json(201, &object)
        }
    }
}

fn managed() -> Json {
    json!([{"manager": "iac-tests", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {"f:a": {}}}, "time": "2026-01-01T00:00:00Z"}])
}

fn live(path: &str, name: &str) -> Json {
    let (_, declared) = declared()
        .into_iter()
        .find(|(known, object)| {
            let plural = object["kind"].as_str().unwrap_or_default().to_lowercase() + "s";
            *known == name && path.contains(&plural)
        })
        .unwrap_or_default();
    let mut object = declared;
    object["metadata"] = json!({"name": name, "namespace": "default", "uid": "u", "resourceVersion": "8", "generation": 1,
                                "managedFields": managed()});
    object["status"] = json!({"replicas": 1, "updatedReplicas": 1, "readyReplicas": 0, "observedGeneration": 1,
                              "conditions": [{"type": "Ready", "status": "False", "reason": "x", "message": "y",
                                              "lastTransitionTime": "2026-01-01T00:00:00Z"}]});
    object
}

fn items(plural: &str) -> Json {
    let metadata = json!({"name": "web-1", "namespace": "default", "uid": "p", "resourceVersion": "3",
                          "labels": {"app": "a"}, "creationTimestamp": "2026-01-01T00:00:00Z",
                          "ownerReferences": [{"kind": "ReplicaSet", "name": "web-1", "uid": "p", "controller": true}]});
    let mut item = json!({"metadata": metadata});
    match plural {
        "pods" => {
            item["spec"] = json!({"containers": [{"name": "main", "image": "x"}]});
            item["status"] = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}],
                "containerStatuses": [{"name": "main", "ready": false, "restartCount": 2, "image": "x", "imageID": "y",
                    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                    "lastState": {"terminated": {"exitCode": 1, "finishedAt": "2026-01-01T00:00:00Z"}}}]});
        }
        "events" => {
            item["involvedObject"] = json!({"kind": "Pod", "name": "web-1", "uid": "p"});
            item["reason"] = "FailedScheduling".into();
            item["type"] = "Warning".into();
            item["message"] = "0/1 nodes".into();
            item["lastTimestamp"] = "2026-01-01T00:00:00Z".into();
        }
        _ => {}
    }
    json!([item])
}

/// A provider, and a kubeconfig that leads to a server.
struct Client {
    provider: KubernetesProvider,
    kubeconfig: tempfile::NamedTempFile,
}

impl Client {
    fn of(server: &Server) -> Self {
        let kubeconfig = tempfile::NamedTempFile::new().unwrap();
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": format!("http://{}", server.address())}}],
            "users": [{"name": "u", "user": {}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        });
        std::fs::write(kubeconfig.path(), config.to_string()).unwrap();
        Self {
            provider: KubernetesProvider::new(),
            kubeconfig,
        }
    }

    async fn connect(&self) -> Result<Target, ProviderError> {
        self.connect_within(SHORT).await
    }

    async fn connect_within(&self, timeout: Duration) -> Result<Target, ProviderError> {
        let path = self.kubeconfig.path().display().to_string();
        let request = ConnectRequest {
            stack: "tests".to_owned(),
            id: StackId::draw().unwrap(),
            config: [("kubeconfig".to_owned(), path)].into(),
            timeout,
            key: StackKey::default(),
            own_files: Vec::new(),
        };
        self.provider.connect(&request).await
    }

    /// Returns the declaration, as records of what was applied.
    fn records(&self) -> Vec<Recorded> {
        let stack = Stack::new("tests", Config::default());
        let k = Kubernetes::new(&stack);
        for (name, object) in declared() {
            k.in_namespace("default").add_json(name, object);
        }
        let declaration = stack.finish().unwrap();
        self.provider
            .references(&declaration.resources.iter().collect::<Vec<_>>());
        let record = |resource: &iac_core::declare::ResourceDecl| Recorded {
            key: resource.key.clone(),
            identity: self.provider.identity(resource).unwrap(),
            uid: Some("u".to_owned()),
            inputs: resource.inputs.clone(),
            outputs: Value::Null,
            private: json!({"resource_version": "8"}).into(),
            dependencies: Vec::new(),
            ready: false,
        };
        declaration.resources.iter().map(record).collect()
    }

    async fn observe(&self, recorded: &Recorded) -> Result<Vec<Observed>, ProviderError> {
        let request = ObserveRequest {
            ignored: Vec::new(),
            key: recorded.key.clone(),
            identity: recorded.identity.clone(),
            inputs: Some(recorded.inputs.clone()),
            recorded: Some(recorded.clone()),
            full: false,
        };
        // One object is asked for by its name, several are listed.
        let in_full = ObserveRequest {
            ignored: Vec::new(),
            full: true,
            ..request.clone()
        };
        self.provider.observe(&[request.clone(), request, in_full]).await
    }

    /// Does everything that a provider does. What comes of it is the server's fault.
    async fn do_all(&self) {
        if self.connect().await.is_err() {
            return;
        }
        let records = self.records();
        for recorded in &records {
            let _ = self.observe(recorded).await;
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
                let _ = self.apply(recorded, intent, known).await;
            }
            let wait = WaitRequest {
                recorded: recorded.clone(),
                timeout: SHORT,
                needed: true,
            };
            let _ = self.provider.wait_ready(&wait, &Context::silent()).await;
            let delete = DeleteRequest {
                recorded: recorded.clone(),
                delete_data: DeleteData::None,
                claim: Claim::MarkOnly,
                timeout: SHORT,
            };
            let _ = self.provider.delete(&delete, &Context::silent()).await;
        }
        let _ = self.provider.data(&records).await;
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
}

/// Ends within a time, whatever the server does.
async fn ends<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, work)
        .await
        .unwrap_or_else(|_| panic!("it does not end"))
}

#[tokio::test]
async fn an_answer_without_an_end_is_an_error_that_names_the_server() {
    for status in [200, 403, 500] {
        let part = b"{\"metadata\": ".repeat(1000);
        let server = Server::on_loopback(move |_| Answer::with(status, Body::Endless(part.clone()))).unwrap();
        let error = ends(Client::of(&server).connect_within(LONG)).await.unwrap_err();
        let expected = format!(
            "the answer of the API server at http://{} has more than 16 MiB",
            server.address()
        );
        assert!(error.message.contains(&expected), "{error}");
        // Two namespaces are asked for.
        assert!(server.sent() < 2 * NOTICED, "{}", server.sent());
    }
}

#[tokio::test]
async fn an_answer_that_would_fill_the_memory_is_an_error_that_names_the_server() {
    // 4 MiB, and some 400 MiB once they are read.
    let many = vec![r#"{"a":0}"#; 1 << 19].join(",");
    let body = format!(r#"{{"metadata": {{}}, "items": [{many}]}}"#).into_bytes();
    let server = Server::on_loopback(move |_| Answer::with(200, Body::Whole(body.clone()))).unwrap();
    let error = ends(Client::of(&server).connect_within(LONG)).await.unwrap_err();
    let expected = format!(
        "the answer of the API server at http://{} would take more than 256 MiB of memory",
        server.address()
    );
    assert!(error.message.contains(&expected), "{error}");
}

#[tokio::test]
async fn a_list_of_state_that_goes_on_where_it_was_is_an_error() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let server = Server::on_loopback(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        Answer::json(200, &json!({"metadata": {"continue": "again"}, "items": []}))
    })
    .unwrap();
    let client = Client::of(&server);
    let url = format!("kubernetes://state?kubeconfig={}", client.kubeconfig.path().display());
    let error = ends(KubernetesState::open(&url).unwrap().list("s/")).await.unwrap_err();
    assert!(error.message.contains("it goes on where it was"), "{error}");
    assert!(asked.load(Ordering::SeqCst) <= 4, "{asked:?}");
}

#[tokio::test]
async fn an_answer_that_stops_in_the_middle_is_an_error_that_names_the_server() {
    for body in [Body::Stalls(b"{".to_vec()), Body::Silence] {
        let server = Server::on_loopback(move |_| Answer::with(200, body.clone())).unwrap();
        let error = ends(Client::of(&server).connect()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unreachable);
        assert!(error.message.contains(server.address()), "{error}");
        assert!(error.message.contains("did not answer in full within 2 s"), "{error}");
    }
}

#[tokio::test]
async fn a_page_that_is_too_large_is_asked_for_in_smaller_ones() {
    let pages = Arc::new(Mutex::new(Vec::new()));
    let asked = Arc::clone(&pages);
    let server = Server::on_loopback(move |request| {
        let limit = request
            .target
            .split(['?', '&'])
            .find_map(|part| part.strip_prefix("limit="));
        match limit.filter(|_| request.path().ends_with("/configmaps")) {
            Some(limit) => {
                asked.lock().unwrap().push(limit.to_owned());
                match limit {
                    "500" => Answer::with(200, Body::Endless(vec![b' '; 1 << 16])),
                    _ => Answer::json(200, &json!({"metadata": {}, "items": [live("/configmaps", "map")]})),
                }
            }
            None => sound(request),
        }
    })
    .unwrap();
    let client = Client::of(&server);
    client.connect().await.unwrap();
    let records = client.records();
    let observed = ends(client.observe(&records[0])).await.unwrap();
    let pages = pages.lock().unwrap().clone();
    assert!(matches!(observed[0], Observed::Present(_)), "{pages:?} {observed:?}");
    assert_eq!(pages, ["500", "50"]);
}

#[tokio::test]
async fn a_list_that_goes_on_where_it_was_is_an_error() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let server = Server::on_loopback(move |request| {
        if request.path().ends_with("/configmaps") {
            count.fetch_add(1, Ordering::SeqCst);
            return Answer::json(200, &json!({"metadata": {"continue": "again"}, "items": []}));
        }
        sound(request)
    })
    .unwrap();
    let client = Client::of(&server);
    client.connect().await.unwrap();
    let records = client.records();
    let observed = ends(client.observe(&records[0])).await;
    let said = format!("{observed:?}");
    assert!(said.contains("it goes on where it was"), "{said}");
    assert!(asked.load(Ordering::SeqCst) <= 4, "{asked:?}");
}

#[tokio::test]
async fn a_pause_that_a_server_asks_for_is_no_longer_than_the_operation() {
    let status = json!({"kind": "Status", "code": 503, "message": "busy", "details": {"retryAfterSeconds": u64::MAX}});
    let server = Server::on_loopback(move |request| match request.method.as_str() {
        "GET" => sound(request),
        _ => Answer::json(503, &status),
    })
    .unwrap();
    let client = Client::of(&server);
    client.connect().await.unwrap();
    let records = client.records();
    let error = ends(client.apply(&records[0], Intent::Create, None)).await.unwrap_err();
    assert!(error.message.contains("busy"), "{error}");
}

#[tokio::test]
async fn a_workload_that_was_written_since_it_had_no_pods_goes_after_its_pods() {
    let policies = Arc::new(Mutex::new(Vec::new()));
    let asked = Arc::clone(&policies);
    let server = Server::on_loopback(move |request| {
        let path = request.path();
        if request.method == "DELETE" {
            let options: Json = serde_json::from_slice(&request.body).unwrap();
            let mut policies = asked.lock().unwrap();
            policies.push(options["propagationPolicy"].as_str().unwrap_or_default().to_owned());
            if policies.len() == 1 {
                let message =
                    "Precondition failed: ResourceVersion in precondition: 8, ResourceVersion in object meta: 9";
                return Answer::json(409, &json!({"kind": "Status", "code": 409, "message": message}));
            }
        }
        if path.ends_with("/pods") || path.ends_with("/replicasets") {
            return Answer::json(200, &json!({"metadata": {}, "items": []}));
        }
        if request.method == "GET" && path.ends_with("/deployments/web") {
            let mut object = live(path, "web");
            object["spec"]["replicas"] = 0.into();
            object["status"] = json!({"observedGeneration": 1});
            return Answer::json(200, &object);
        }
        sound(request)
    })
    .unwrap();
    let client = Client::of(&server);
    client.connect().await.unwrap();
    let records = client.records();
    let web = records
        .iter()
        .find(|recorded| recorded.key.as_str().contains("Deployment"));
    let delete = DeleteRequest {
        recorded: web.unwrap().clone(),
        delete_data: DeleteData::None,
        claim: Claim::MarkOnly,
        timeout: SHORT,
    };
    ends(client.provider.delete(&delete, &Context::silent())).await.unwrap();
    assert_eq!(*policies.lock().unwrap(), ["Background", "Foreground"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_server_answers_nothing_panics_hangs_or_grows() {
    let cases: u64 = std::env::var("IAC_ANSWERS").map_or(20, |text| text.parse().unwrap());
    let first: u64 = std::env::var("IAC_ANSWERS_FROM").map_or(0, |text| text.parse().unwrap());
    stream::iter(first..first + cases)
        .for_each_concurrent(16, |seed| async move {
            // The connection comes about in most cases: without it nothing else is asked.
            let (spoiler, left) = (
                Mutex::new(Spoiler::new(seed)),
                AtomicUsize::new(usize::from(seed % 4 > 0) * 2),
            );
            let server = Server::on_loopback(move |request| {
                let answer = sound(request);
                let is_left = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
                match is_left {
                    Ok(_) => answer,
                    Err(_) => spoiler.lock().unwrap().spoil(answer),
                }
            })
            .unwrap();
            let client = Client::of(&server);
            let done = tokio::spawn(async move { tokio::time::timeout(LONG, client.do_all()).await });
            let done = done.await.unwrap_or_else(|error| panic!("case {seed}: {error}"));
            assert!(done.is_ok(), "case {seed} does not end");
        })
        .await;
    let most = peak();
    assert!(most < 1 << 20, "{most} KiB");
}

/// The most memory that this process has had, in KiB; none where the system does not tell.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.unwrap_or_default()
}
