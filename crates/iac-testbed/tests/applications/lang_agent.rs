//! lang-agent: migrations at the start, tokens, media, a bot, and an update that migrates.

use serde_json::json;

use crate::running::{Running, eventually};

const BACKEND: &str = "backend:8000";

#[test]
fn lang_agent_keeps_cards_and_media_over_an_update() {
    let app = Running::start("lang-agent", include_str!("lang_agent.yaml"));
    app.is_well(BACKEND, "/health");
    app.get(BACKEND, "/api/cards").is(401);
    let token = app
        .post(BACKEND, "/api/auth/token", &[], json!({"user": "ann"}))
        .is(200)
        .json();
    let token = format!("Authorization: Bearer {}", token["access_token"].as_str().unwrap());
    let head = [token.as_str()];
    let card = app.post(
        BACKEND,
        "/api/cards",
        &head,
        json!({"word": "дом", "translation": "house"}),
    );
    let card = card.is(201).json();
    let answer = format!("/api/cards/{}/answer", card["id"].as_str().unwrap());
    app.post(BACKEND, &answer, &head, json!({"translation": "House"}))
        .is(200)
        .holds([r#""right":true"#]);
    for _ in 0..2 {
        app.post(BACKEND, "/api/cards", &head, json!({"word": "сад"})).is(201);
    }
    app.ask(BACKEND, "PUT", "/api/media/house.png", &head, "a picture")
        .is(204);
    app.ask(BACKEND, "PUT", "/api/media/..%2Fhouse.png", &head, "a picture")
        .is(404);
    the_bot_works(&app);
    app.get(BACKEND, "/metrics").is(200).holds([
        r#"exercises_total{result="right"} 1.0"#,
        r#"cache_requests_total{result="hit"} 1.0"#,
        r#"llm_tokens_total{model="gpt-4.1-mini"}"#,
        "llm_cost_dollars_total",
        "active_users 1.0",
        "db_query_duration_seconds_bucket",
        "http_request_duration_seconds_bucket",
    ]);
    app.metrics_are_sound(BACKEND);
    let talk = app.compose("logs --no-log-prefix backend");
    let line = talk.lines().find(|line| line.contains("webhook registered")).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["level"], "INFO");
    app.get("frontend:80", "/any/page")
        .is(200)
        .holds(["<title>lang-agent</title>"]);
    app.get("frontend:80", "/version.txt").is(200).holds(["1"]);

    app.compose("stop --timeout 5 redis");
    app.get(BACKEND, "/health").is(503).holds([r#""database":"ok""#]);
    app.compose("start redis");
    app.is_well(BACKEND, "/health");

    app.compose_with_tag("broken", "up --detach backend");
    app.get(BACKEND, "/health").is(503).holds(["RuntimeError"]);
    for (version, revision) in [("1", "0001"), ("2", "0002")] {
        app.compose_with_tag(version, "up --detach backend");
        app.is_well(BACKEND, "/health");
        let now = app.compose_with_tag(version, "exec -T backend alembic current");
        assert!(now.contains(revision), "{now}");
    }
    app.get(BACKEND, "/health").is(200).holds([r#""version":"2""#]);
    app.ask(BACKEND, "GET", "/api/cards", &head, "")
        .is(200)
        .holds(["house"]);
    app.get(BACKEND, "/api/media/house.png").is(200).holds(["a picture"]);
}

/// The webhook is registered, wants its secret, and a conversation of two messages adds a card.
fn the_bot_works(app: &Running) {
    let calls = || app.get("telegram:8081", "/calls").is(200).json();
    let registered = eventually("the webhook is registered", || {
        let calls = calls();
        let found = calls.as_array()?.iter().find(|call| call["method"] == "setWebhook")?;
        Some(found["arguments"].clone())
    });
    assert_eq!(registered["url"], "https://lang-agent.test/api/webhook");
    let secret = format!(
        "X-Telegram-Bot-Api-Secret-Token: {}",
        registered["secret_token"].as_str().unwrap()
    );
    let say = |head: &[&str], text: &str| {
        let update = json!({"update_id": 1, "message": {"chat": {"id": 7}, "text": text}});
        app.post(BACKEND, "/api/webhook", head, update)
    };
    say(&[], "/add").is(403);
    say(&[&secret], "/add").is(200).holds(["Which word?"]);
    say(&[&secret], "лес").is(200).holds(["Added: лес"]);
    let sent = calls().to_string();
    assert!(sent.contains("Added: лес"), "{sent}");
}
