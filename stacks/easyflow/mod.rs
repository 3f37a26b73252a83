//! Easy Flow, a messaging service with AI, wherever it runs: FastAPI, Celery workers and one beat, PostgreSQL and Redis. What
//! differs from the guide, and why, is in `docs/systems/easyflow.md`.

mod monitoring;
mod settings;

use iac_app::{App, Container, Postgres, PostgresOptions, Probe, Redis, RedisOptions, Web, Worker, name};

pub use self::monitoring::monitoring;
pub use self::settings::{Front, Settings};

/// The parts that a program says more about.
#[derive(Debug)]
pub struct EasyFlow {
    /// PostgreSQL.
    pub postgres: Postgres,
    /// Redis.
    pub redis: Redis,
    /// The HTTP service.
    pub app: Web,
    /// What processes messages.
    pub worker: Worker,
}

/// Describes Easy Flow.
pub fn easyflow(app: &App, s: &Settings) -> EasyFlow {
    let postgres = app.postgres(
        name("postgres").docker("db"),
        PostgresOptions::image(&s.images.postgres)
            .database("easyflow")
            .storage(&s.sizes.postgres)
            .resources(&s.resources.postgres),
    );
    let redis = app.redis(
        "redis",
        RedisOptions::image(&s.images.redis)
            .append_only(&s.sizes.redis)
            .with_password()
            .resources(&s.resources.redis),
    );
    let env = app.environment("easyflow");
    env.env("LOG_LEVEL", &s.log_level)
        .env("WORKERS", s.workers)
        .env("TRUSTED_HOSTS", &s.hosts)
        .env("CORS_ORIGINS", &s.origins)
        .env("DATABASE_URL", postgres.url("postgresql+asyncpg"))
        .env("DATABASE_PASSWORD", postgres.password())
        .env("REDIS_URL", redis.url(0))
        .env("SECRET_KEY", app.stack().random_password("secret-key", 48).result())
        .optional("OPENAI_API_KEY", s.secrets.openai_api_key.as_ref())
        .optional("TELEGRAM_BOT_TOKEN", s.secrets.telegram_bot_token.as_ref());
    let code = Container::image(&s.images.app)
        .env_from(&env)
        .resources(&s.resources.app);
    let celery = |line: &str| {
        code.clone()
            .command("celery -A app.core.celery".split(' ').chain(line.split(' ')))
    };
    let worker = app.worker("celery-worker", celery("worker --loglevel=info --concurrency=4"));
    worker.replicas(s.replicas.worker);
    app.worker("celery-beat", celery("beat --loglevel=info")).singleton();
    let web = app.web(
        name("easyflow-app").service("easyflow-app-service").docker("app"),
        code.service_port("http", 8000, 80)
            .ready(Probe::http("/health").delay(5)),
    );
    web.replicas(s.replicas.app);
    EasyFlow {
        postgres,
        redis,
        app: web,
        worker,
    }
}
