//! codelab, an API for AI agents, wherever it runs: FastAPI with PostgreSQL, Redis and Qdrant. What differs from the guides,
//! and why, is in `docs/systems/codelab.md`.

mod development;
mod monitoring;
mod settings;

use iac_app::{
    App, Backup, Container, Environment, Postgres, PostgresOptions, Probe, Provides, Redis, RedisOptions, Server,
    Stateful, Text, Volume, Web, name,
};
use iac_core::Output;

pub use self::development::development;
pub use self::monitoring::{alerts, grafana, monitoring};
pub use self::settings::{Cluster, Host, Settings};

/// The parts that a program says more about.
#[derive(Debug)]
pub struct Codelab {
    /// PostgreSQL.
    pub postgres: Server<Postgres>,
    /// Redis.
    pub redis: Server<Redis>,
    /// Qdrant.
    pub qdrant: Stateful,
    /// The variables of the API.
    pub env: Environment,
    /// The API.
    pub api: Web,
}

/// Describes codelab. `openai` is `OPENAI_API_KEY`; the password of its own PostgreSQL is generated unless given.
pub fn codelab(app: &App, s: &Settings, openai: Text, password: Option<Output>) -> Codelab {
    let postgres = s.external.postgres.or_else("postgres", || {
        app.postgres(
            name("postgres").service("postgres-service"),
            PostgresOptions::image(&s.images.postgres)
                .database("codelab")
                .password(password.unwrap_or_else(|| app.stack().random_password("database-password", 24).result()))
                .storage(&s.sizes.postgres)
                .resources(&s.resources.postgres)
                .ready(|probe| probe.timed(s.probes.databases)),
        )
    });
    let redis = s.external.redis.or_else("redis", || {
        app.redis(
            name("redis").service("redis-service"),
            RedisOptions::image(&s.images.redis)
                .append_only(&s.sizes.redis)
                .resources(&s.resources.redis)
                .ready(|probe| probe.timed(s.probes.databases)),
        )
    });
    let qdrant = app.stateful(
        name("qdrant").service("qdrant-service"),
        Container::image(&s.images.qdrant)
            .port("http", 6333)
            .port("grpc", 6334)
            .ready(Probe::http("/readyz").timed(s.probes.databases))
            .volume(Volume::new("/qdrant/storage", &s.sizes.qdrant))
            .resources(&s.resources.qdrant),
    );

    let database = postgres.binding();
    let jwt_secret = app.stack().random_password("jwt-secret-key", 48).result();
    let env = app.environment("codelab");
    env.env("APP_ENV", &s.environment)
        .env("LOG_LEVEL", &s.log_level)
        .env("DATABASE_URL", database.url("postgresql+asyncpg"))
        .env("DATABASE_PASSWORD", database.password())
        .env("REDIS_URL", redis.binding().with_database("0").own_url())
        .env("QDRANT_URL", qdrant.url("http"))
        .env("OPENAI_API_KEY", &openai)
        .env("JWT_SECRET_KEY", jwt_secret);
    let code = Container::image(&s.images.api).resources(&s.resources.api);
    // Only what it reads: it does not run again because somebody wants another log level.
    let migrate = app.job(
        "migrate",
        code.clone()
            .command(["alembic", "upgrade", "head"])
            .env("DATABASE_URL", database.url("postgresql+asyncpg"))
            .env("OPENAI_API_KEY", openai),
    );
    let api = app.web(
        name("api").service("api-service").docker("app"),
        code.env_from(&env)
            .service_port("http", 8000, 80)
            .ready(Probe::http("/health").timed(s.probes.api))
            .after(migrate.completed()),
    );
    Codelab {
        postgres,
        redis,
        qdrant,
        env,
        api,
    }
}

/// Dumps of the database.
pub fn backup(app: &App, s: &Settings, codelab: &Codelab) {
    let dump = Backup::of_postgres(&s.images.postgres, &codelab.postgres).times(&s.backup);
    app.backup("postgres-backup", dump.on_volume("backup-pvc", &s.sizes.backup));
}
