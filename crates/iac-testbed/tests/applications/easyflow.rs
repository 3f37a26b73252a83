//! Easy Flow: HTTP service, real Celery worker and beat.

use serde_json::{Value as Json, json};

use crate::running::{Running, eventually};

const APP: &str = "app:8000";
const HOST: &str = "Host: api.easyflow.test";

#[test]
fn easyflow_processes_messages_and_tells_how_it_is() {
    let easyflow = Running::start("easyflow", include_str!("easyflow.yaml"));
    // Probes ask by address, and with and without the slash; everything else is for the trusted hosts.
    for path in ["/health", "/health/"] {
        easyflow.is_well(APP, path).holds([r#""version":"1""#]);
    }
    easyflow.get(APP, "/api/v1/messages").is(400);

    let id = send(&easyflow, json!({"body": "hello", "provider": "anthropic"}));
    let update = json!({"update_id": 1, "message": {"chat": {"id": 7}, "text": "from a messenger"}});
    let webhook = "/api/v1/messaging/webhook/telegram";
    easyflow.post(APP, webhook, &[HOST], update.clone()).is(403);
    let secret = "X-Telegram-Bot-Api-Secret-Token: a test's webhook";
    easyflow.post(APP, webhook, &[HOST, secret], update).is(202);
    assert_eq!(reply(&easyflow, &id), "anthropic, not asked: hello");
    eventually("both messages are counted", || {
        let found = easyflow.get(APP, "/metrics").is(200);
        found.body.contains("messages_processed_total 2.0").then_some(found)
    })
    .holds([
        r#"ai_api_calls_total{provider="anthropic"} 1.0"#,
        r#"ai_api_calls_total{provider="openai"} 1.0"#,
        "http_request_duration_seconds_bucket{le=\"0.005\",method=\"GET\",path=\"/api/v1/messages/{message_id}\"}",
        "beat_runs_total",
    ]);

    easyflow.metrics_are_sound(APP);

    let visitor = easyflow
        .ask(APP, "PUT", "/api/v1/session", &[HOST], r#"{"name": "me"}"#)
        .is(200);
    assert!(visitor.head.contains("samesite=strict; secure"), "{visitor:?}");
    easyflow
        .ask(APP, "GET", "/static/app.css", &[HOST], "")
        .is(200)
        .holds(["font-family"]);
    beats_do_not_overlap(&easyflow);
    health_follows_the_parts(&easyflow);
    easyflow.refuses("two", "SECRET_KEY=", "Easy Flow can't start: SECRET_KEY is not set");
    easyflow.refuses(
        "celery-beat",
        "TICK_SECONDS=soon",
        "TICK_SECONDS is 'soon', and has to be a number above 0",
    );

    easyflow.is_well("two:8000", "/health").holds([r#""version":"2""#]);
    easyflow
        .get("broken:8000", "/health")
        .is(503)
        .holds(["broken on purpose"]);
    let kept = easyflow.ask(APP, "GET", "/api/v1/messages", &[HOST], "").is(200).json();
    assert_eq!(kept.as_array().unwrap().len(), 3);
}

fn send(easyflow: &Running, message: Json) -> String {
    let stored = easyflow.post(APP, "/api/v1/messages", &[HOST], message).is(201);
    stored.json()["id"].as_str().unwrap().to_owned()
}

/// Returns a worker's reply to a message.
fn reply(easyflow: &Running, id: &str) -> String {
    eventually("a worker processes the message", || {
        let found = easyflow.ask(APP, "GET", &format!("/api/v1/messages/{id}"), &[HOST], "");
        found.is(200).json()["reply"].as_str().map(str::to_owned)
    })
}

fn beats(easyflow: &Running) -> Vec<Json> {
    let found = easyflow.ask(APP, "GET", "/api/v1/beats", &[HOST], "").is(200).json();
    found.as_array().unwrap().clone()
}

/// One beat after the other is told from two at once.
fn beats_do_not_overlap(easyflow: &Running) {
    eventually("the first beat ticks", || (beats(easyflow).len() == 1).then_some(()));
    easyflow.compose("restart --timeout 10 celery-beat");
    eventually("the second beat ticks", || (beats(easyflow).len() == 2).then_some(()));
    let one_after_the_other = |beats: &[Json]| beats[0]["last"].as_str() < beats[1]["first"].as_str();
    assert!(one_after_the_other(&beats(easyflow)));
    easyflow.compose("up --detach --no-recreate --scale celery-beat=2 celery-beat");
    eventually("two beats tick at once", || {
        let found = beats(easyflow);
        (found.len() == 3 && !one_after_the_other(&found[1..])).then_some(())
    });
}

fn health_follows_the_parts(easyflow: &Running) {
    easyflow.compose("stop --timeout 5 redis db");
    let sick = easyflow.get(APP, "/health").is(503).json();
    for part in ["database", "redis"] {
        assert_ne!(sick["checks"][part], "ok", "{sick}");
    }
    easyflow.get(APP, "/metrics").is(200);
    // Stored without Redis, and handed on by a tick.
    easyflow.compose("start db");
    eventually("the database is back", || {
        let found = easyflow.get(APP, "/health").json();
        (found["checks"]["database"] == "ok").then_some(())
    });
    let id = send(easyflow, json!({"body": "left lying"}));
    easyflow.compose("start redis");
    // Celery's worker connects again by itself, and still takes no more tasks now and then.
    easyflow.compose("restart --timeout 5 celery-worker");
    easyflow.is_well(APP, "/health");
    assert_eq!(reply(easyflow, &id), "openai, not asked: left lying");
}
