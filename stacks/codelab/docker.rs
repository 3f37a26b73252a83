//! The parts of codelab on Docker that `codelab_dev` and `codelab_full` have in common.
//!
//! Names, credentials and health checks are those of the guides; `docs/systems.md` says where they are not.

use std::collections::BTreeMap;
use std::time::Duration;

use iac_compose::prelude::*;
use iac_core::Stack;
use iac_core::declare::Handle;

use crate::settings::Development;

/// The user and the password of the development database, as the guides print them.
const DATABASE_USER: &str = "postgres";

/// What the guides print in place of a key of OpenAI; enough for all but the agents.
const OPENAI_PLACEHOLDER: &str = "sk-your-openai-api-key";

/// The three databases, each with a volume of its own.
#[derive(Debug)]
pub struct Databases {
    /// Users, agents, sessions, tasks.
    pub postgres: Handle<Service>,
    /// Queues, events, rate limits.
    pub redis: Handle<Service>,
    /// The agents' memory.
    pub qdrant: Handle<Service>,
}

/// Declares the databases.
pub fn databases(codelab: &Compose, settings: &Development) -> Databases {
    Databases {
        postgres: postgres(codelab, settings),
        redis: redis(codelab, settings),
        qdrant: qdrant(codelab, settings),
    }
}

fn postgres(codelab: &Compose, settings: &Development) -> Handle<Service> {
    let data = codelab.volume("postgres_data", Volume::default());
    codelab.service(
        "postgres",
        Service {
            image: settings.images.postgres.clone(),
            environment: variables([
                ("POSTGRES_DB", "codelab"),
                ("POSTGRES_USER", DATABASE_USER),
                ("POSTGRES_PASSWORD", DATABASE_USER),
            ]),
            ports: vec![local(settings.ports.postgres, 5432)],
            volumes: vec![data.at("/var/lib/postgresql/data")],
            // During its first start the official image runs a server that answers before the database is there.
            healthcheck: Some(check(
                "pg_isready -U postgres && psql -U postgres -d codelab -c 'SELECT 1'",
            )),
            restart: Some(Restart::UnlessStopped),
            ..Service::default()
        },
    )
}

fn redis(codelab: &Compose, settings: &Development) -> Handle<Service> {
    let data = codelab.volume("redis_data", Volume::default());
    codelab.service(
        "redis",
        Service {
            image: settings.images.redis.clone(),
            command: Some(["redis-server", "--appendonly", "yes"].map(str::to_owned).into()),
            ports: vec![local(settings.ports.redis, 6379)],
            volumes: vec![data.at("/data")],
            healthcheck: Some(check("redis-cli ping | grep -q PONG")),
            restart: Some(Restart::UnlessStopped),
            ..Service::default()
        },
    )
}

fn qdrant(codelab: &Compose, settings: &Development) -> Handle<Service> {
    let data = codelab.volume("qdrant_data", Volume::default());
    codelab.service(
        "qdrant",
        Service {
            image: settings.images.qdrant.clone(),
            ports: vec![
                local(settings.ports.qdrant, 6333),
                local(settings.ports.qdrant_grpc, 6334),
            ],
            volumes: vec![data.at("/qdrant/storage")],
            // The image has no curl; a shell that can open the port has to do.
            healthcheck: Some(check("timeout 1 bash -c 'cat < /dev/null > /dev/tcp/localhost/6333'")),
            restart: Some(Restart::UnlessStopped),
            ..Service::default()
        },
    )
}

/// Declares the migration, which runs once per image and configuration, and the application behind it.
pub fn application(stack: &Stack, codelab: &Compose, settings: &Development, databases: &Databases) -> Handle<Service> {
    let Databases {
        postgres,
        redis,
        qdrant,
    } = databases;
    let openai_key = match stack.config().has("secrets.openai_api_key") {
        true => stack.config_secret("secrets.openai_api_key").into(),
        false => OPENAI_PLACEHOLDER.to_owned(),
    };
    let jwt_key = stack.random_password("jwt-secret-key", 48).result().to_string();
    let database_url = format!(
        "postgresql+asyncpg://{DATABASE_USER}:{DATABASE_USER}@{}:5432/codelab",
        postgres.host()
    );

    let migrate = codelab.job(
        "migrate",
        Service {
            image: settings.images.app.clone(),
            command: Some(["alembic", "upgrade", "head"].map(str::to_owned).into()),
            // Only what it reads: it does not run again because somebody wants another log level.
            environment: variables([("DATABASE_URL", &database_url), ("OPENAI_API_KEY", &openai_key)]),
            depends_on: [postgres.healthy()].into(),
            ..Service::default()
        },
    );
    codelab.service(
        "app",
        Service {
            image: settings.images.app.clone(),
            environment: variables([
                ("APP_ENV", settings.app.env.as_str()),
                ("LOG_LEVEL", &settings.app.log_level),
                ("DATABASE_URL", &database_url),
                ("REDIS_URL", &format!("redis://{}:6379/0", redis.host())),
                ("QDRANT_URL", &format!("http://{}:6333", qdrant.host())),
                ("OPENAI_API_KEY", &openai_key),
                ("JWT_SECRET_KEY", &jwt_key),
            ]),
            ports: vec![local(settings.ports.app, 8000)],
            depends_on: [
                migrate.completed(),
                postgres.healthy(),
                redis.healthy(),
                qdrant.healthy(),
            ]
            .into(),
            healthcheck: Some(check("curl -f http://localhost:8000/health")),
            restart: Some(Restart::UnlessStopped),
            ..Service::default()
        },
    )
}

/// Where the host reaches a service's port: the one that is really published.
pub fn url(service: &Handle<Service>, port: u16) -> String {
    format!("http://127.0.0.1:{}", service.published_port(port))
}

/// A health check by a line of shell. The guides say what is asked, not how often.
pub fn check(line: &str) -> Healthcheck {
    Healthcheck::cmd_shell(line)
        .interval(Duration::from_secs(5))
        .timeout(Duration::from_secs(5))
        .retries(12)
        .start_period(Duration::from_secs(10))
}

/// A port that only this machine reaches: the credentials are known to everybody.
pub fn local(published: u16, target: u16) -> Port {
    Port::published(published, target).on("127.0.0.1")
}

/// Variables of a service.
pub fn variables<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}
