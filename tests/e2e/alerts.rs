//! codelab's alerts, tried with the real promtool: they fire when they should, and only then.

use std::process::Command;

use iac_app::Alert;
use serde_json::{Value as Json, json};
use systems::codelab::{Settings, alerts};

use crate::docker::DOCKER;
use crate::support::{Project, Ran};

/// Half an hour of one series, a value every 30 seconds.
fn series(name: &str, values: &str) -> Json {
    json!({ "series": name, "values": format!("{values}x60") })
}

/// Returns an alert as it fires.
fn fires(name: &str, severity: &str, summary: &str, description: Option<&str>) -> Json {
    let mut annotations = json!({ "summary": summary });
    if let Some(description) = description {
        annotations["description"] = description.into();
    }
    let alert = json!({ "exp_labels": { "severity": severity }, "exp_annotations": annotations });
    json!({ "eval_time": "25m", "alertname": name, "exp_alerts": [alert] })
}

fn is_quiet(name: &str) -> Json {
    json!({ "eval_time": "25m", "alertname": name, "exp_alerts": [] })
}

#[test]
fn the_alerts_of_codelab_fire_when_they_should_and_only_then() {
    let project = Project::new(env!("CARGO_BIN_EXE_prod"), DOCKER);
    let bad = json!({
        "interval": "30s",
        "input_series": [
            series("http_requests_total{status=\"500\"}", "0+25"),
            series("http_requests_total{status=\"200\"}", "0+75"),
            // Beyond the last bound, which is what Prometheus then answers.
            series("http_request_duration_seconds_bucket{le=\"3\"}", "0+90"),
            series("http_request_duration_seconds_bucket{le=\"+Inf\"}", "0+100"),
            series("db_connection_pool_available", "0+0"),
        ],
        "alert_rule_test": [
            fires("HighErrorRate", "critical", "High error rate detected", Some("Error rate is 0.25 (threshold: 0.05)")),
            fires("HighLatency", "warning", "High latency detected", Some("P95 latency is 3s (threshold: 2s)")),
            fires("DatabaseConnectionPoolExhausted", "critical", "Database connection pool exhausted", None),
        ],
    });
    // A lot of requests of which few fail: the guide's own expression would fire.
    let good = json!({
        "interval": "30s",
        "input_series": [
            series("http_requests_total{status=\"500\"}", "0+30"),
            series("http_requests_total{status=\"200\"}", "0+9000"),
            series("http_request_duration_seconds_bucket{le=\"2\"}", "0+99"),
            series("http_request_duration_seconds_bucket{le=\"+Inf\"}", "0+100"),
            series("db_connection_pool_available", "1+0"),
        ],
        "alert_rule_test": [
            is_quiet("HighErrorRate"),
            is_quiet("HighLatency"),
            is_quiet("DatabaseConnectionPoolExhausted"),
        ],
    });
    let write = |name: &str, content: &Json| {
        std::fs::write(project.folder().join(name), content.to_string()).unwrap();
    };
    write(
        "rules.json",
        &json!({ "groups": [Alert::group("codelab", "30s", &alerts(&Settings::default()))] }),
    );
    write(
        "tests.json",
        &json!({ "rule_files": ["rules.json"], "tests": [bad, good] }),
    );
    let mut docker = Command::new("docker");
    let volume = format!("{}:/rules:ro", project.folder().display());
    docker.env("DOCKER_HOST", &project.bed.docker_host).args([
        "run",
        "--rm",
        "--network=none",
        "--volume",
        &volume,
        "--entrypoint=promtool",
        "localhost/iac-test/prometheus:2.42",
        "test",
        "rules",
        "/rules/tests.json",
    ]);
    Ran::of(&mut docker).exits(0).shows(["SUCCESS"]);
}
