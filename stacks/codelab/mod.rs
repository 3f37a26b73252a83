//! codelab, an API for AI agents, wherever it runs: FastAPI with PostgreSQL, Redis and Qdrant. What differs from the guides,
//! and why, is in `docs/systems/codelab.md`.

pub mod docker;
mod settings;

use iac_app::{
    Alert, App, Container, Postgres, PostgresOptions, Probe, Redis, RedisOptions, Stateful, Text, Volume, Web, name,
};
use iac_core::Output;

pub use self::settings::{Cluster, Host, Settings};

/// The parts that a program says more about.
#[derive(Debug)]
pub struct Codelab {
    /// PostgreSQL.
    pub postgres: Postgres,
    /// Redis.
    pub redis: Redis,
    /// Qdrant.
    pub qdrant: Stateful,
    /// The API.
    pub api: Web,
}

/// Secrets that each program has from elsewhere.
#[derive(Debug)]
pub struct Secrets {
    /// `OPENAI_API_KEY`.
    pub openai: Text,
    /// The password of PostgreSQL.
    pub database: Output,
}

/// Describes codelab.
pub fn codelab(app: &App, s: &Settings, secrets: Secrets) -> Codelab {
    let postgres = app.postgres(
        name("postgres").service("postgres-service"),
        PostgresOptions::image(&s.images.postgres)
            .database("codelab")
            .password(secrets.database)
            .storage(&s.sizes.postgres)
            .resources(&s.resources.postgres),
    );
    let redis = app.redis(
        name("redis").service("redis-service"),
        RedisOptions::image(&s.images.redis)
            .append_only(&s.sizes.redis)
            .resources(&s.resources.redis),
    );
    let qdrant = app.stateful(
        name("qdrant").service("qdrant-service"),
        Container::image(&s.images.qdrant)
            .port("http", 6333)
            .port("grpc", 6334)
            .ready(Probe::http("/readyz").every(5))
            .volume(Volume::new("/qdrant/storage", &s.sizes.qdrant))
            .resources(&s.resources.qdrant),
    );

    let env = app.environment("codelab");
    env.env("APP_ENV", &s.app.env)
        .env("LOG_LEVEL", &s.app.log_level)
        .env("DATABASE_URL", postgres.url("postgresql+asyncpg"))
        .env("DATABASE_PASSWORD", postgres.password())
        .env("REDIS_URL", redis.url(0))
        .env("QDRANT_URL", qdrant.url("http"))
        .env("OPENAI_API_KEY", &secrets.openai)
        .env(
            "JWT_SECRET_KEY",
            app.stack().random_password("jwt-secret-key", 48).result(),
        );
    let code = Container::image(&s.images.app).resources(&s.resources.api);
    // Only what it reads: it does not run again because somebody wants another log level.
    let migrate = app.job(
        "migrate",
        code.clone()
            .command(["alembic", "upgrade", "head"])
            .env("DATABASE_URL", postgres.url("postgresql+asyncpg"))
            .env("OPENAI_API_KEY", secrets.openai),
    );
    let api = app.web(
        name("api").service("api-service").docker("app"),
        code.env_from(&env)
            .service_port("http", 8000, 80)
            .ready(Probe::http("/health").delay(10).every(5))
            .after(migrate.completed()),
    );
    Codelab {
        postgres,
        redis,
        qdrant,
        api,
    }
}

/// The guide's alerts.
pub fn alerts() -> [Alert; 3] {
    // The guide's expression counts errors per second; its threshold and its text mean their share.
    let errors = r#"sum(rate(http_requests_total{status=~"5.."}[5m])) / sum(rate(http_requests_total[5m])) > 0.05"#;
    let latency = "histogram_quantile(0.95, rate(http_request_duration_seconds_bucket[5m])) > 2";
    [
        Alert::new("HighErrorRate", errors, "5m")
            .severity("critical")
            .summary("High error rate detected")
            .description("Error rate is {{ $value }} (threshold: 0.05)"),
        Alert::new("HighLatency", latency, "5m")
            .severity("warning")
            .summary("High latency detected")
            .description("P95 latency is {{ $value }}s (threshold: 2s)"),
        Alert::new(
            "DatabaseConnectionPoolExhausted",
            "db_connection_pool_available == 0",
            "1m",
        )
        .severity("critical")
        .summary("Database connection pool exhausted"),
    ]
}
