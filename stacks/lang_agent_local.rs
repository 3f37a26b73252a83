//! lang-agent for developers, on Docker: PostgreSQL and Redis, and Grafana with Loki if they are wanted. The
//! backend and the front end run outside, with what `stack output --show-secrets` tells.

use std::process::ExitCode;

use iac_app::{App, Container, PostgresOptions, Probe, Publish, RedisOptions, Volume};
use iac_compose::{Compose, DockerProvider};
use iac_core::{Result, Stack};
use systems::lang_agent::Local;

fn main() -> ExitCode {
    systems::run("lang_agent_local", DockerProvider::new(), lang_agent_local)
}

fn lang_agent_local(stack: &Stack) -> Result<()> {
    let s: Local = stack.settings_with_defaults(Local::default())?;
    let app = App::on(&Compose::project(stack, "lang-agent-local"));
    // The guide's password, which everybody knows, so all ports are this machine's only.
    let password = stack.secret("database password", "local_password");
    let postgres = app.postgres(
        "postgres",
        PostgresOptions::image(&s.images.postgres)
            .database("langagent_local")
            .storage(&s.volume_size)
            .password(password.clone())
            .volume_named("postgres-local-data")
            .ready(|probe| probe.timed(s.probe)),
    );
    let redis = app.redis(
        "redis",
        RedisOptions::image(&s.images.redis)
            .append_only(&s.volume_size)
            .volume_named("redis-local-data")
            .ready(|probe| probe.timed(s.probe)),
    );
    postgres.publish(Publish::local(s.ports.postgres));
    redis.publish(Publish::local(s.ports.redis));
    let (postgres, redis) = (s.ports.postgres, s.ports.redis);
    stack.export(
        "DATABASE_URL",
        format!("postgresql://postgres:{password}@localhost:{postgres}/langagent_local"),
    );
    stack.export("REDIS_URL", format!("redis://localhost:{redis}/0"));
    if s.logs.enabled {
        logs(&app, &s);
    }
    Ok(())
}

fn logs(app: &App, s: &Local) {
    let loki = app.stateful(
        "loki",
        Container::image(&s.images.loki)
            .port("http", 3100)
            .volume(Volume::new("/loki", &s.volume_size))
            .ready(Probe::http("/ready").timed(s.probe)),
    );
    let grafana = Container::image(&s.images.grafana)
        .port("http", 3000)
        .volume(Volume::new("/var/lib/grafana", &s.volume_size))
        .ready(Probe::http("/api/health").timed(s.probe))
        .after(loki.ready());
    let provisioned = PROVISIONED.iter().fold(grafana, |grafana, (path, content)| {
        grafana.file(format!("/etc/grafana/provisioning/{path}"), *content)
    });
    let grafana = app.stateful("grafana", provisioned);
    loki.publish(Publish::local(s.ports.loki));
    grafana.publish(Publish::local(s.ports.grafana));
    app.stack().export("loki", loki.published_url());
    app.stack().export("grafana", grafana.published_url());
}

/// Provisioning of Grafana: Loki, and a simple dashboard of logs.
const PROVISIONED: [(&str, &str); 3] = [
    ("datasources/loki.yml", include_str!("lang_agent/grafana/loki.yml")),
    (
        "dashboards/lang-agent.yml",
        include_str!("lang_agent/grafana/lang-agent.yml"),
    ),
    ("dashboards/logs.json", include_str!("lang_agent/grafana/logs.json")),
];
