//! Watches: against a server that does all that spoils them, and against the real one. And how many calls are made.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use iac_core::provider::{Claim, Context, DeleteData, DeleteRequest, Intent, Provider as _};
use iac_k8s::KubernetesProvider;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::world::{Kubeconfig, PATIENCE, World, connect_request};

/// The course of a watch.
#[derive(Debug, Clone, Copy)]
enum Watch {
    /// 410 as the answer.
    GoneAtOnce,
    /// 410 as an event.
    GoneLater,
    /// An event that is no JSON.
    Garbage,
    /// An event of a kind that nobody knows.
    Unknown,
    /// Half an event, and the connection is cut.
    Cut,
    /// The server ends it in good order.
    Closed,
    /// Nobody may watch.
    Forbidden,
    /// It tells that the objects are ready, once all are waited for.
    Good,
}

/// An API server on loopback with custom resources that get ready when a good watch was asked for.
struct Fake {
    watches: Vec<Watch>,
    watched: AtomicUsize,
    ready: AtomicBool,
    /// Method and path of each request for an object.
    calls: Mutex<Vec<String>>,
}

const THINGS: &str = "/apis/example.com/v1/namespaces/default/things";

impl Fake {
    async fn start(watches: &[Watch], name: &str) -> (Arc<Self>, World, Kubeconfig) {
        let fake = Arc::new(Self {
            watches: watches.to_vec(),
            watched: AtomicUsize::new(0),
            ready: AtomicBool::new(false),
            calls: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Arc::clone(&fake);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&server).serve(client));
            }
        });
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": format!("http://127.0.0.1:{port}")}}],
            "users": [{"name": "u", "user": {}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        });
        let kubeconfig = Kubeconfig::write(&config, name);
        let provider = KubernetesProvider::new();
        provider
            .connect(&connect_request(&[("kubeconfig", kubeconfig.path())]))
            .await
            .unwrap();
        (fake, World::elsewhere(provider, "default").await, kubeconfig)
    }

    async fn serve(self: Arc<Self>, client: TcpStream) {
        let mut client = BufReader::new(client);
        while let Some((method, target, body)) = request(&mut client).await {
            if target.contains("watch=true") {
                self.watch(&mut client).await;
                return;
            }
            let (status, answer) = self.answer(&method, &target, &body);
            reply(&mut client, status, &answer).await;
        }
    }

    fn answer(&self, method: &str, target: &str, body: &Json) -> (u16, Json) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let kind =
            |plural: &str, kind: &str| json!({"resources": [{"name": plural, "kind": kind, "namespaced": true}]});
        if path.starts_with(&format!("{THINGS}/")) || path.contains("/configmaps/") {
            self.calls.lock().unwrap().push(format!("{method} {path}"));
        }
        match (method, path) {
            ("GET", "/api/v1") => (200, kind("configmaps", "ConfigMap")),
            ("GET", "/apis/example.com/v1") => (200, kind("things", "Thing")),
            ("GET", THINGS) => (200, json!({"metadata": {"resourceVersion": "7"}, "items": []})),
            ("GET", path) if path.starts_with("/api/v1/namespaces/") && path.matches('/').count() == 4 => {
                (200, json!({"metadata": {"uid": "n"}}))
            }
            ("GET", path) => match path.strip_prefix(&format!("{THINGS}/")) {
                Some(name) => (200, self.thing(name)),
                None => (
                    404,
                    json!({"kind": "Status", "code": 404, "reason": "NotFound", "message": "none"}),
                ),
            },
            ("PATCH", _) => {
                let mut object = body.clone();
                object["metadata"]["uid"] = "u".into();
                object["metadata"]["resourceVersion"] = "8".into();
                let manager = query
                    .split('&')
                    .find_map(|parameter| parameter.strip_prefix("fieldManager="))
                    .map(|manager| manager.replace("%2D", "-"));
                object["metadata"]["managedFields"] =
                    json!([{"manager": manager, "operation": "Apply", "fieldsV1": {}}]);
                (201, object)
            }
            _ => (
                200,
                json!({"kind": "Status", "status": "Success", "details": {"uid": "u"}}),
            ),
        }
    }

    fn thing(&self, name: &str) -> Json {
        let status = if self.ready.load(Ordering::SeqCst) {
            "True"
        } else {
            "False"
        };
        json!({
            "apiVersion": "example.com/v1", "kind": "Thing",
            "metadata": {"name": name, "namespace": "default", "uid": "u"},
            "status": {"conditions": [{"type": "Ready", "status": status}]},
        })
    }

    async fn watch(&self, client: &mut BufReader<TcpStream>) {
        let number = self.watched.fetch_add(1, Ordering::SeqCst);
        let gone = json!({"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"});
        let event = |kind: &str, object: &Json| format!("{}\n", json!({"type": kind, "object": object}));
        let text = match self.watches.get(number).copied().unwrap_or(Watch::Good) {
            Watch::GoneAtOnce => return reply(client, 410, &gone).await,
            Watch::Forbidden => {
                let status = json!({"kind": "Status", "code": 403, "reason": "Forbidden", "message": "no"});
                // Nobody tells it.
                self.ready.store(true, Ordering::SeqCst);
                return reply(client, 403, &status).await;
            }
            Watch::GoneLater => event("ERROR", &gone),
            Watch::Garbage => "no JSON\n".to_owned(),
            Watch::Unknown => event("RENAMED", &self.thing("a")),
            Watch::Cut => event("MODIFIED", &self.thing("a"))[..20].to_owned(),
            Watch::Closed => event("BOOKMARK", &json!({"metadata": {"resourceVersion": "9"}})),
            Watch::Good => {
                send(client, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n").await;
                self.ready.store(true, Ordering::SeqCst);
                for number in 0..THINGS_WAITED_FOR {
                    send(client, &event("MODIFIED", &self.thing(&format!("t{number}")))).await;
                }
                // It stays open until the client goes.
                let _ = client.read(&mut [0; 1]).await;
                return;
            }
        };
        send(
            client,
            &format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{text}"),
        )
        .await;
    }
}

const THINGS_WAITED_FOR: usize = 20;

async fn request(client: &mut BufReader<TcpStream>) -> Option<(String, String, Json)> {
    let (mut first, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if client.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let header = line.trim().to_ascii_lowercase();
        match header.strip_prefix("content-length:") {
            Some(text) => length = text.trim().parse().unwrap(),
            None if first.is_empty() => line.trim().clone_into(&mut first),
            None if header.is_empty() => break,
            None => {}
        }
    }
    let mut body = vec![0; length];
    client.read_exact(&mut body).await.ok()?;
    let mut words = first.split(' ').map(str::to_owned);
    Some((
        words.next()?,
        words.next()?,
        serde_json::from_slice(&body).unwrap_or_default(),
    ))
}

async fn reply(client: &mut BufReader<TcpStream>, status: u16, body: &Json) {
    let body = body.to_string();
    let length = body.len();
    let head = format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
    send(client, &(head + &body)).await;
}

async fn send(client: &mut BufReader<TcpStream>, text: &str) {
    // A client that went away is no matter.
    let _ = client.write_all(text.as_bytes()).await;
}

fn thing(name: &str) -> Json {
    json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": name, "namespace": "default"}})
}

#[tokio::test]
async fn one_watch_survives_whatever_a_server_does_to_it() {
    let watches = [
        Watch::GoneAtOnce,
        Watch::GoneLater,
        Watch::Garbage,
        Watch::Unknown,
        Watch::Cut,
        Watch::Closed,
    ];
    let (fake, world, _kubeconfig) = Fake::start(&watches, "watches").await;
    let waits = (0..THINGS_WAITED_FOR).map(|number| {
        let declared = world.one(&format!("t{number}"), thing(&format!("t{number}")));
        let mut recorded = declared.record(iac_core::provider::Applied::default());
        recorded.uid = Some("u".to_owned());
        let world = &world;
        async move { world.wait(&recorded, PATIENCE).await }
    });
    for waited in join_all(waits).await {
        waited.unwrap();
    }
    // One at a time for all of them, each after the one before.
    assert_eq!(fake.watched.load(Ordering::SeqCst), watches.len() + 1);
}

#[tokio::test]
async fn where_nobody_may_watch_it_is_looked_at_intervals() {
    let (fake, world, _kubeconfig) = Fake::start(&[Watch::Forbidden], "forbidden").await;
    let declared = world.one("t0", thing("t0"));
    let mut recorded = declared.record(iac_core::provider::Applied::default());
    recorded.uid = Some("u".to_owned());
    world.wait(&recorded, PATIENCE).await.unwrap();
    assert_eq!(fake.watched.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_an_answer_tells_is_not_asked_for_again() {
    let (fake, world, _kubeconfig) = Fake::start(&[], "calls").await;
    let declared = world.one(
        "app",
        json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}}),
    );
    let recorded = world.apply(&declared, Intent::Create, None).await.unwrap();
    let recorded = world.wait(&recorded, PATIENCE).await.unwrap();
    world.delete(&recorded, false).await.unwrap();
    let path = "/api/v1/namespaces/default/configmaps/app";
    let calls = fake.calls.lock().unwrap().clone();
    assert_eq!(calls, [format!("PATCH {path}"), format!("DELETE {path}")]);
}

#[tokio::test]
async fn deletions_that_are_held_end_when_they_are_let_go() {
    let world = World::new().await;
    let api = world.api("", "v1", "ConfigMap");
    let held = |number: usize| {
        let held = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"finalizers": ["example.com/held"]}});
        world.one(&format!("held-{number}"), held)
    };
    let mut recorded = Vec::new();
    for number in 0..5 {
        recorded.push(world.up(&held(number)).await);
    }
    let delete = |recorded: &iac_core::provider::Recorded| {
        let request = DeleteRequest {
            recorded: recorded.clone(),
            delete_data: DeleteData::None,
            claim: Claim::MarkOnly,
            timeout: PATIENCE,
        };
        let provider = &world.provider;
        async move { provider.delete(&request, &Context::silent()).await }
    };
    let let_go = async {
        for number in 0..5 {
            let name = format!("held-{number}");
            while world.read(&api, &name).await["metadata"]["deletionTimestamp"].is_null() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            world
                .meddle(&api, &name, json!({"metadata": {"finalizers": null}}))
                .await;
        }
    };
    let (deleted, ()) = futures::join!(join_all(recorded.iter().map(delete)), let_go);
    for deleted in deleted {
        deleted.unwrap();
    }
    for recorded in &recorded {
        let name = recorded.identity.rsplit('/').next().unwrap();
        assert!(api.get_opt(name).await.unwrap().is_none(), "{name}");
    }
}
