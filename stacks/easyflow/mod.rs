//! Easy Flow, a messaging service with AI, wherever it runs: FastAPI, Celery workers and one beat, PostgreSQL and Redis. What
//! differs from the guide, and why, is in `docs/systems/easyflow.md`.

mod monitoring;
mod settings;

use iac_app::{App, Container, Postgres, PostgresOptions, Probe, Redis, RedisOptions, Web, name};

pub use self::monitoring::monitoring;
pub use self::settings::{Cluster, Host, Settings};

/// The parts that a program says more about.
#[derive(Debug)]
pub struct EasyFlow {
    /// PostgreSQL.
    pub postgres: Postgres,
    /// Redis.
    pub redis: Redis,
    /// The HTTP service.
    pub app: Web,
}

/// Describes Easy Flow, with its backup. The application takes requests for the trusted hosts, and for that of its Ingress if it
/// has one.
pub fn easyflow(app: &App, s: &Settings, ingress: Option<&str>) -> EasyFlow {
    let postgres = app.postgres(
        name("postgres").docker("db"),
        PostgresOptions::image(&s.images.postgres)
            .database("easyflow")
            .storage(&s.sizes.postgres)
            .resources(&s.resources.postgres)
            .ready(|probe| probe.timed(s.probes.databases)),
    );
    let redis = app.redis(
        "redis",
        RedisOptions::image(&s.images.redis)
            .append_only(&s.sizes.redis)
            .with_password()
            .resources(&s.resources.redis)
            .ready(|probe| probe.timed(s.probes.databases)),
    );
    let hosts: Vec<&str> = ingress.into_iter().chain([s.trusted_hosts.as_str()]).collect();
    let env = app.environment("easyflow");
    env.env("LOG_LEVEL", &s.log_level)
        .env("WORKERS", s.celery_concurrency)
        .env("TRUSTED_HOSTS", hosts.join(","))
        .env("CORS_ORIGINS", &s.cors_origins)
        .env("DATABASE_URL", postgres.url("postgresql+asyncpg"))
        .env("DATABASE_PASSWORD", postgres.password())
        .env("REDIS_URL", redis.url(0))
        .env("SECRET_KEY", app.stack().random_password("secret-key", 48).result())
        .optional("OPENAI_API_KEY", s.secrets.openai_api_key.as_ref())
        .optional("TELEGRAM_BOT_TOKEN", s.secrets.telegram_bot_token.as_ref());
    let code = Container::image(&s.images.app).env_from(&env);
    let (level, concurrency) = (s.log_level.to_lowercase(), s.celery_concurrency);
    let celery = |program: String| {
        let line = format!("celery -A app.core.celery {program}");
        code.clone().command(line.split(' ')).resources(&s.resources.celery)
    };
    let worker = celery(format!("worker --loglevel={level} --concurrency={concurrency}"));
    app.worker("celery-worker", worker).replicas(s.replicas.celery_worker);
    app.worker("celery-beat", celery(format!("beat --loglevel={level}")))
        .singleton();
    let web = app.web(
        name("easyflow-app").service("easyflow-app-service").docker("app"),
        code.service_port("http", 8000, 80)
            .resources(&s.resources.app)
            .ready(Probe::http("/health").timed(s.probes.app)),
    );
    web.replicas(s.replicas.app);
    let volume = if app.is_docker() { "backup" } else { "backup-pvc" };
    let dump = postgres.dump().times(&s.backup).upload(&s.upload);
    app.backup("postgres-backup", dump.on_volume(volume, &s.sizes.backup));
    EasyFlow {
        postgres,
        redis,
        app: web,
    }
}
