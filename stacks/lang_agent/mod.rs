//! lang-agent, a service for learning languages with a Telegram bot, wherever it runs: FastAPI, a static front end,
//! PostgreSQL and Redis. What differs from the guide, and why, is in `docs/systems/lang-agent.md`.

mod monitoring;
mod settings;

use iac_app::{App, Container, Postgres, PostgresOptions, Probe, Redis, RedisOptions, Volume, Web};

pub use self::monitoring::monitoring;
pub use self::settings::{Host, Keys, Local, Settings, Tls};

/// The parts that a program says more about.
#[derive(Debug)]
pub struct LangAgent {
    /// PostgreSQL.
    pub postgres: Postgres,
    /// Redis.
    pub redis: Redis,
    /// The API and the bot.
    pub backend: Web,
    /// nginx with the front end, without its way in.
    pub frontend: Container,
}

/// Describes lang-agent, with its daily backup.
pub fn lang_agent(app: &App, s: &Settings, keys: &Keys) -> LangAgent {
    let postgres = app.postgres(
        "db",
        PostgresOptions::image(&s.images.postgres)
            .database(&s.postgres.database)
            .username(&s.postgres.user)
            .password(s.secrets.postgres_password.clone())
            .storage(&s.sizes.postgres)
            .volume_named("postgres-data")
            .parameter("max_connections", s.postgres.max_connections)
            .parameter("shared_buffers", &s.postgres.shared_buffers)
            .parameter("work_mem", &s.postgres.work_mem)
            .resources(&s.resources.postgres)
            .ready(|probe| probe.timed(s.probes.postgres)),
    );
    let redis = app.redis(
        "redis",
        RedisOptions::image(&s.images.redis)
            .append_only(&s.sizes.redis)
            .setting("maxmemory", &s.redis.maxmemory)
            .setting("maxmemory-policy", &s.redis.maxmemory_policy)
            .resources(&s.resources.redis)
            .ready(|probe| probe.timed(s.probes.redis)),
    );
    let generated = || app.stack().random_password("secret-key", 64).result();
    let env = app.environment("lang-agent");
    env.env("DATABASE_URL", postgres.url("postgresql"))
        .env("REDIS_URL", redis.url(0))
        .env("TELEGRAM_BOT_TOKEN", &keys.secrets.telegram_bot_token)
        .env(
            "TELEGRAM_WEBHOOK_URL",
            format!("https://{}/api/webhook", s.ingress.host),
        )
        .env("OPENAI_API_KEY", &keys.secrets.openai_api_key)
        .env("LLM_MODEL", &s.env.llm_model)
        .env("LLM_TEMPERATURE", &s.env.llm_temperature)
        .optional("ANTHROPIC_API_KEY", s.secrets.anthropic_api_key.as_ref())
        .env("SECRET_KEY", s.secrets.secret_key.clone().unwrap_or_else(generated))
        .env("ALGORITHM", &s.env.algorithm)
        .env("ACCESS_TOKEN_EXPIRE_MINUTES", s.env.access_token_expire_minutes)
        .env("ENVIRONMENT", &s.env.environment)
        .env("LOG_LEVEL", &s.env.log_level)
        .optional("STRIPE_SECRET_KEY", s.secrets.stripe_secret_key.as_ref())
        .optional("STRIPE_WEBHOOK_SECRET", s.secrets.stripe_webhook_secret.as_ref())
        .optional("STRIPE_PRICE_ID_BASIC", s.env.stripe_price_id_basic.as_ref())
        .optional("STRIPE_PRICE_ID_PREMIUM", s.env.stripe_price_id_premium.as_ref())
        .optional("S3_BUCKET", s.env.s3_bucket.as_ref())
        .optional("S3_ACCESS_KEY", s.secrets.s3_access_key.as_ref())
        .optional("S3_SECRET_KEY", s.secrets.s3_secret_key.as_ref())
        .env("S3_ENDPOINT", &s.env.s3_endpoint);
    let code = Container::image(format!("{}:{}", s.backend.image, s.backend.image_tag))
        .user(s.backend.user)
        .group(s.backend.user);
    // In place of the image's entry point, which migrates at each start: migrations happen here and nowhere else.
    let migrate = app.job(
        "migrate",
        code.clone()
            .command("alembic".split(' ').chain(s.backend.migration.split(' ')))
            .env("DATABASE_URL", postgres.url("postgresql")),
    );
    let port = s.backend.port;
    let backend = app.web(
        "backend",
        code.command(format!("uvicorn app.main:app --host 0.0.0.0 --port {port}").split(' '))
            .env_from(&env)
            .port("http", port)
            .volume(Volume::new("/var/app/media", &s.sizes.media).named("media"))
            .resources(&s.resources.backend)
            .ready(Probe::http("/health").timed(s.probes.backend))
            .after(migrate.completed()),
    );
    let dump = postgres.dump().times(&s.backup).upload(&s.upload);
    app.backup("postgres-backup", dump.on_volume("backup", &s.sizes.backup));
    let frontend = Container::image(&s.images.frontend)
        .port("http", 80)
        .file("/etc/nginx/pages.conf", include_str!("pages.conf"));
    LangAgent {
        postgres,
        redis,
        backend,
        frontend,
    }
}
