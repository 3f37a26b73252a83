//! Waiting for a service by the engine's events, and without them where they fail: against an engine that does as it is told.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use iac_compose::DockerProvider;
use iac_core::provider::{
    Applied, ConnectRequest, Context, ErrorKind, Provider, ProviderError, Recorded, StackKey, WaitRequest,
};
use iac_core::state::StackId;
use iac_core::{Key, Value};
use serde_json::json;
use support::fake::{Fake, ID, Stream};
use tokio::task::JoinHandle;

type Waiting = JoinHandle<Result<Applied, ProviderError>>;

/// Begins to wait for the fake engine's container.
async fn wait(fake: &Fake) -> Waiting {
    wait_for(fake, Duration::from_secs(60)).await
}

async fn wait_for(fake: &Fake, timeout: Duration) -> Waiting {
    let provider = Arc::new(DockerProvider::new());
    let request = ConnectRequest {
        stack: "s".to_owned(),
        id: StackId::draw().unwrap(),
        config: [("host".to_owned(), fake.host())].into(),
        timeout: Duration::from_secs(10),
        key: StackKey::default(),
        own_files: Vec::new(),
    };
    provider.connect(&request).await.unwrap();
    let inputs = json!({ "project": "p", "service": "web", "image": "x" });
    let request = WaitRequest {
        recorded: Recorded {
            key: Key::new("", "docker:compose/Service", "web").unwrap(),
            identity: "compose/Service p/web".to_owned(),
            uid: None,
            inputs: inputs.into(),
            outputs: Value::Null,
            private: json!({ "containers": [ID] }).into(),
            dependencies: Vec::new(),
            ready: false,
        },
        timeout,
        needed: true,
    };
    tokio::spawn(async move { provider.wait_ready(&request, &Context::silent()).await })
}

/// Comes back once the container was looked at so often.
async fn looked(fake: &Fake, times: usize) {
    while fake.looks() < times {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn an_event_is_enough_and_nobody_asks_meanwhile() {
    let fake = Fake::start(Stream::Tells);
    let began = Instant::now();
    let waiting = wait(&fake).await;
    fake.subscribed(1).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    fake.becomes("healthy");
    fake.tell("health_status: healthy");
    waiting.await.unwrap().unwrap();
    // At the beginning, once the subscription works, and at the event; and every two seconds for safety.
    let allowed = 3 + began.elapsed().as_secs() / 2;
    assert!(fake.looks() as u64 <= allowed, "{} looks", fake.looks());
    let world = fake.world.lock().unwrap();
    assert_eq!(
        world.subscriptions,
        ["1700000000.500000000"],
        "from the engine's own time on"
    );
}

#[tokio::test]
async fn a_health_that_fails_ends_the_wait() {
    let fake = Fake::start(Stream::Tells);
    let waiting = wait(&fake).await;
    looked(&fake, 2).await;
    fake.becomes("unhealthy");
    fake.tell("health_status: unhealthy");
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Failed);
    assert!(error.message.contains("p-web-1: it is unhealthy"), "{error}");
}

/// Whatever becomes of the stream, the wait sees how the container is.
#[tokio::test]
async fn a_stream_that_fails_costs_no_truth() {
    for stream in [Stream::FallsSilent, Stream::Breaks, Stream::Babbles, Stream::Refuses] {
        let fake = Fake::start(stream);
        let waiting = wait(&fake).await;
        fake.subscribed(1).await;
        looked(&fake, 2).await;
        fake.becomes("healthy");
        let ready = waiting.await.unwrap();
        assert!(ready.is_ok(), "{stream:?}: {ready:?}");
    }
}

#[tokio::test]
async fn a_stream_that_broke_is_taken_up_where_it_ended() {
    let fake = Fake::start(Stream::Breaks);
    let waiting = wait(&fake).await;
    fake.subscribed(2).await;
    fake.world.lock().unwrap().stream = Stream::Tells;
    fake.subscribed(3).await;
    fake.becomes("healthy");
    fake.tell("health_status: healthy");
    waiting.await.unwrap().unwrap();
    let world = fake.world.lock().unwrap();
    assert_eq!(world.subscriptions[1..3], ["1700000001.000000005"; 2]);
}

#[tokio::test]
async fn an_engine_that_is_restarted_is_waited_for() {
    let fake = Fake::start(Stream::Tells);
    let waiting = wait(&fake).await;
    looked(&fake, 2).await;
    fake.stop().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!waiting.is_finished(), "it waits for the engine");
    // Nobody tells of changes that came while it was unreachable.
    fake.becomes("healthy");
    fake.serve();
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_engine_that_stays_away_is_not_waited_for_beyond_the_limit() {
    let fake = Fake::start(Stream::Tells);
    let waiting = wait_for(&fake, Duration::from_secs(2)).await;
    looked(&fake, 1).await;
    fake.stop().await;
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert!(error.message.ends_with("the engine does not answer"), "{error}");
}
