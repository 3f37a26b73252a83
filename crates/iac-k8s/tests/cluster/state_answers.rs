//! State when the connection to the API server is lost, before a call or after it.

use std::sync::Arc;
use std::time::Duration;

use iac_core::state::{Backend as _, BackendErrorKind, Created, Object, Put};
use iac_k8s::KubernetesState;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::world::{Kubeconfig, World, kubeconfig_json};

/// The fate of the server's answers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answers {
    Pass,
    /// They are kept back, while requests go on to the server.
    Held,
    /// The connection is cut.
    Cut,
}

/// A way to the API server that can lose its answers.
struct Proxy {
    answers: Arc<watch::Sender<Answers>>,
    state: KubernetesState,
    _kubeconfig: Kubeconfig,
}

impl Proxy {
    async fn start(world: &World) -> Self {
        let mut config = kubeconfig_json();
        let server = config["clusters"][0]["cluster"]["server"].as_str().unwrap().to_owned();
        let server = server
            .strip_prefix("https://")
            .unwrap()
            .trim_end_matches('/')
            .to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (host, _) = server.rsplit_once(':').unwrap();
        config["clusters"][0]["cluster"]["tls-server-name"] = json!(host);
        config["clusters"][0]["cluster"]["server"] = json!(format!("https://127.0.0.1:{port}"));
        let answers = Arc::new(watch::Sender::new(Answers::Pass));
        tokio::spawn({
            let answers = Arc::clone(&answers);
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    tokio::spawn(relay(client, server.clone(), answers.subscribe()));
                }
            }
        });
        let kubeconfig = Kubeconfig::write(&config, "proxy");
        let url = format!("kubernetes://{}?kubeconfig={}", world.namespace, kubeconfig.path());
        let state = KubernetesState::open(&url).unwrap();
        Self {
            answers,
            state,
            _kubeconfig: kubeconfig,
        }
    }

    /// Runs a write whose answer is lost once `happened` sees that the server has done it.
    async fn lose_answer<T: std::fmt::Debug + Send + 'static>(
        &self,
        write: impl Future<Output = T> + Send + 'static,
        happened: impl AsyncFn() -> bool,
    ) -> T {
        // A connection that stands, so that the request goes through at once.
        self.state.list("").await.unwrap();
        self.answers.send_replace(Answers::Held);
        let write = tokio::spawn(write);
        while !happened().await {
            if write.is_finished() {
                panic!("it came to an end without an answer: {:?}", write.await.unwrap());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.answers.send_replace(Answers::Cut);
        // The next connection is a good one.
        self.answers.send_replace(Answers::Pass);
        write.await.unwrap()
    }
}

async fn relay(client: TcpStream, server: String, mut answers: watch::Receiver<Answers>) {
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let requests = tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
    });
    let mut buffer = vec![0; 64 * 1024];
    let mut was_held = false;
    'answers: while let Ok(length) = from_server.read(&mut buffer).await {
        if length == 0 {
            break;
        }
        while *answers.borrow_and_update() != Answers::Pass {
            was_held = true;
            if answers.changed().await.is_err() {
                break 'answers;
            }
        }
        // An answer that was held back is lost for good.
        if was_held || to_client.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
    requests.abort();
}

/// Reads the live object as somebody else does.
async fn seen(state: &KubernetesState) -> Option<Object> {
    state.read("s/a").await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_whose_answer_was_lost_is_known_as_ours() {
    let world = World::new().await;
    let proxy = Proxy::start(&world).await;
    let other = world.state();
    let client = proxy.state.clone();
    let create = async move { client.create("s/a", b"one".to_vec()).await };
    let created = proxy
        .lose_answer(create, async || seen(&other).await.is_some())
        .await
        .unwrap();
    let Created::Created(etag) = created else {
        panic!("its own write was taken for somebody else's")
    };
    assert_eq!(seen(&other).await.unwrap().etag, etag);

    let client = proxy.state.clone();
    let put = async move { client.put_if_match("s/a", b"two".to_vec(), &etag).await };
    let put = proxy
        .lose_answer(put, async || seen(&other).await.unwrap().bytes == b"two")
        .await
        .unwrap();
    let Put::Done(etag) = put else {
        panic!("its own write was taken for somebody else's")
    };
    assert_eq!(seen(&other).await.unwrap().etag, etag);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_answer_may_answer_later() {
    let mut config = kubeconfig_json();
    config["clusters"][0]["cluster"]["server"] = json!("https://127.0.0.1:9");
    let kubeconfig = Kubeconfig::write(&config, "nowhere");
    let url = format!("kubernetes://iac-state?kubeconfig={}", kubeconfig.path());
    let state = KubernetesState::open(&url).unwrap();
    let (read, create) = tokio::join!(state.read("s/a"), state.create("s/a", Vec::new()));
    for error in [read.unwrap_err(), create.unwrap_err()] {
        assert_eq!(error.kind, BackendErrorKind::Transient, "{error}");
        assert!(error.to_string().contains("cannot be reached"), "{error}");
    }
}
