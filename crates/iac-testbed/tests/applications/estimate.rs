//! estimate-service: four Node services on PostgreSQL, Redis and Chroma, with the exporters of both databases.

use serde_json::json;

use crate::running::{Running, eventually};

const GATEWAY: &str = "api-gateway:3000";

#[test]
fn estimate_services_work_together() {
    let app = Running::start("estimate", include_str!("estimate.yaml"));
    for service in [
        "estimate-service:3000",
        "ai-assistant:3000",
        "data-collector:3000",
        GATEWAY,
    ] {
        app.is_well(service, "/health/ready");
    }
    for _ in 0..2 {
        app.compose("exec -T estimate-service npm run prisma:migrate");
        app.compose("exec -T estimate-service npm run prisma:seed");
    }
    app.compose("exec -T estimate-service npm run test:ci");
    app.get(GATEWAY, "/api/prices").is(401);
    let of_a_page = app.ask(
        GATEWAY,
        "OPTIONS",
        "/api/prices",
        &["Origin: https://estimate.test"],
        "",
    );
    assert!(
        of_a_page
            .is(204)
            .head
            .contains("Access-Control-Allow-Origin: https://estimate.test")
    );
    let of_another = app.ask(GATEWAY, "OPTIONS", "/api/prices", &["Origin: https://another.test"], "");
    assert!(!of_another.head.contains("Access-Control"), "{of_another:?}");
    let tokens = app
        .post(GATEWAY, "/api/auth/login", &[], json!({"user": "ann"}))
        .is(201)
        .json();
    let refresh = json!({"refreshToken": tokens["refreshToken"]});
    app.post(GATEWAY, "/api/auth/refresh", &[], refresh).is(201);
    let token = format!("Authorization: Bearer {}", tokens["accessToken"].as_str().unwrap());
    let head = [token.as_str()];

    let wanted = json!({"name": "a house", "items": [{"code": "08-02", "quantity": 2.5}]});
    let made = app.post(GATEWAY, "/api/estimates", &head, wanted).is(201).json();
    assert_eq!(made["total"], json!(18500));
    let path = format!("/api/estimates/{}", made["id"].as_str().unwrap());
    for _ in 0..2 {
        app.ask(GATEWAY, "GET", &path, &head, "").is(200).holds(["a house"]);
    }
    let unknown = json!({"name": "a castle", "items": [{"code": "99", "quantity": 1}]});
    app.post(GATEWAY, "/api/estimates", &head, unknown)
        .is(422)
        .holds(["there is no price for 99"]);
    app.ask(GATEWAY, "GET", "/api/estimates", &head, "")
        .is(200)
        .holds(["a house"]);
    app.ask(GATEWAY, "PUT", "/api/uploads/plan.pdf", &head, "a plan")
        .is(201);
    app.ask(GATEWAY, "GET", "/api/uploads/plan.pdf", &head, "")
        .is(200)
        .holds(["a plan"]);

    app.post(GATEWAY, "/api/collections", &head, json!({}))
        .is(201)
        .holds([r#""trigger":"demand""#]);
    app.ask(GATEWAY, "GET", "/api/prices", &head, "")
        .is(200)
        .holds(["7401"]);
    let question = json!({"question": "What does a brick wall cost?"});
    let answer = app.post(GATEWAY, "/api/assistant/ask", &head, question).is(200);
    answer.holds(["See: Brick wall (08-02) costs 7401 per m3."]);
    metrics_are_there(&app);
    app.get("frontend:80", "/").is(200).holds(["<title>Estimates</title>"]);
    app.is_well("two:3000", "/health/ready").holds([r#""version":"2""#]);
    for path in ["/health", "/health/ready"] {
        app.get("broken:3000", path).is(503).holds(["broken on purpose"]);
    }
    eventually("the gateway refuses who asks too often", || {
        (app.get(GATEWAY, "/api/prices").status == 429).then_some(())
    });
    readiness_follows_the_parts(&app);
}

fn metrics_are_there(app: &Running) {
    app.get("estimate-service:3000", "/metrics").is(200).holds([
        r#"cache_requests_total{result="hit"} 1"#,
        r#"cache_requests_total{result="miss"} 1"#,
        "http_request_duration_seconds_bucket",
        r#"http_requests_total{method="POST",path="/api/estimates",status="422"} 1"#,
        "db_connections_open",
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
    ]);
    app.get("ai-assistant:3000", "/metrics")
        .is(200)
        .holds([r#"ai_request_duration_seconds_count{model="gpt-4"} 1"#]);
    let collected = r#"collections_total{result="success",trigger="demand"} 1"#;
    app.get("data-collector:3000", "/metrics").is(200).holds([collected]);
    for service in [
        GATEWAY,
        "estimate-service:3000",
        "ai-assistant:3000",
        "data-collector:3000",
    ] {
        app.metrics_are_sound(service);
    }
    app.get("postgres-exporter:9187", "/metrics")
        .is(200)
        .holds(["\npg_up 1", "pg_stat_activity_count"]);
    app.get("redis-exporter:9121", "/metrics")
        .is(200)
        .holds(["\nredis_up 1", "redis_memory_used_bytes"]);
}

/// Health goes on, readiness does not; and both are back with the parts.
fn readiness_follows_the_parts(app: &Running) {
    let needs = [
        ("estimate-service:3000", ["database", "redis"]),
        ("ai-assistant:3000", ["redis", "chroma"]),
        ("data-collector:3000", ["database", "chroma"]),
    ];
    app.compose("stop --timeout 5 postgres redis chroma");
    for (service, parts) in needs {
        app.get(service, "/health").is(200);
        let sick = app.get(service, "/health/ready").is(503).json();
        for part in parts {
            assert_ne!(sick["checks"][part], "ok", "{service}: {sick}");
        }
    }
    app.get(GATEWAY, "/health/ready").is(503);
    app.compose("start postgres redis chroma");
    for service in needs.map(|(service, _)| service).into_iter().chain([GATEWAY]) {
        app.is_well(service, "/health/ready");
    }
}
