//! estimate-service, which makes estimates of building works, wherever it runs: four Node services and a React front end behind
//! nginx, PostgreSQL, Redis and Chroma. What differs from the guide, and why, is in `docs/systems/estimate.md`.

pub mod logging;
mod settings;

use iac_app::{
    App, Binding, Container, Exporter, Grafana, GrafanaOptions, Postgres, PostgresOptions, Probe, Prometheus,
    PrometheusOptions, Redis, RedisOptions, Schedule, Scheduled, Stateful, Text, Volume, Web,
};
use iac_core::Result;

pub use self::settings::{Cluster, Host, Settings};

/// The parts that a program says more about.
#[derive(Debug)]
pub struct Estimate {
    /// The load balancer.
    pub nginx: Web,
    /// The React application.
    pub frontend: Web,
    /// Gateway, estimate service, AI assistant and data collector.
    pub services: [Web; 4],
    /// PostgreSQL.
    pub postgres: Postgres,
    /// The cache.
    pub redis: Redis,
    /// The vector database.
    pub chroma: Stateful,
    /// The Prometheus that asks all services for metrics.
    pub prometheus: Prometheus,
    /// The guide's dashboard.
    pub grafana: Grafana,
    /// The backups of the database, and of the files where they are in a volume.
    pub backups: Vec<Scheduled>,
}

/// As the guide wants all pods to be, and with the seccomp profile that it forgets.
fn locked(container: Container, user: i64) -> Container {
    container.user(user).group(user).restricted().scratch("/tmp")
}

/// Describes estimate-service.
///
/// # Errors
/// When a schedule or the kind of storage is wrong.
pub fn estimate(app: &App, s: &Settings) -> Result<Estimate> {
    // The bindings below decide who may connect to whom: a part reaches those whose values it is given.
    app.isolate();
    let postgres = app.postgres(
        "postgres",
        PostgresOptions::image(&s.images.postgres)
            .database("estimate_db")
            .username("estimate_user")
            .storage(&s.sizes.postgres)
            .volume_named("postgres-storage")
            .resources(&s.resources.postgres)
            .ready(|probe| probe.timed(s.probes.databases)),
    );
    postgres.container(|container| locked(container, s.users.postgres).scratch("/var/run/postgresql"));
    let redis = app.redis(
        "redis",
        RedisOptions::image(&s.images.redis)
            .with_password()
            .setting("save", "")
            .setting("maxmemory", &s.sizes.redis)
            .setting("maxmemory-policy", "allkeys-lru")
            .resources(&s.resources.redis)
            .ready(|probe| probe.timed(s.probes.databases)),
    );
    redis.container(|container| locked(container, s.users.redis));
    let chroma = app.stateful(
        "chroma",
        Container::image(&s.images.chroma)
            .port("http", 8000)
            .ready(Probe::http("/api/v2/heartbeat").timed(s.probes.databases))
            .volume(Volume::new("/data", &s.sizes.chroma))
            .resources(&s.resources.chroma),
    );

    // The variables that all services read. Addresses and secrets are given to those that use them.
    let env = app.environment("estimate");
    env.env("NODE_ENV", "production")
        .env("PORT", s.service_port)
        .env("LOG_LEVEL", &s.log_level)
        .env("LOG_FORMAT", "json")
        .env("CORS_ORIGIN", &s.cors_origin)
        .env("RATE_LIMIT_TTL", s.rate_limit.ttl)
        .env("RATE_LIMIT_LIMIT", s.rate_limit.limit)
        .env("JWT_EXPIRES_IN", s.tokens.access)
        .env("JWT_REFRESH_EXPIRES_IN", s.tokens.refresh)
        .env("PROMETHEUS_ENABLED", true);
    let npm = |script: &str| {
        locked(Container::image(&s.images.backend), 1000)
            .read_only()
            .command(["npm", "run", script])
            .env("NPM_CONFIG_CACHE", "/tmp/npm")
            .env_from(&env)
    };
    let url = postgres.url("postgresql");
    let migrate = app.job("migrate", npm("prisma:migrate").env("DATABASE_URL", &url));
    let seed = npm("prisma:seed").env("DATABASE_URL", &url).after(migrate.completed());
    let seed = app.job("seed", seed);

    let jwt = app.stack().random_password("jwt-secret", 48).result();
    let refresh = app.stack().random_password("jwt-refresh-secret", 48).result();
    let service = |script: &str| {
        npm(script)
            .service_port("http", s.service_port, 80)
            .ready(Probe::http("/health/ready").timed(s.probes.services))
            .after(seed.completed())
    };
    let outside = |name: &str, host: &str| Binding::external(name, "https", host, 443);
    let estimate = service("start:estimate")
        .env("DATABASE_URL", &url)
        .env("REDIS_URL", redis.url(0))
        .env("JWT_SECRET", &jwt)
        .env("JWT_REFRESH_SECRET", &refresh)
        .env("STORAGE_TYPE", &s.storage.kind)
        .env("UPLOAD_MAX_SIZE", s.storage.upload_max_size)
        .resources(&s.resources.estimate);
    let local = s.storage.kind == "local";
    let estimate = match s.storage.kind.as_str() {
        // All of its containers write there.
        "local" => estimate.volume(Volume::new("/app/uploads", &s.sizes.uploads).named("uploads").shared()),
        "s3" => estimate
            .env("AWS_REGION", &s.storage.region)
            .env("AWS_S3_BUCKET", &s.storage.bucket)
            .envs(s.secrets.aws_access_key_id.iter().map(|key| ("AWS_ACCESS_KEY_ID", key)))
            .envs(
                s.secrets
                    .aws_secret_access_key
                    .iter()
                    .map(|key| ("AWS_SECRET_ACCESS_KEY", key)),
            )
            .connects_to(&outside("s3", "s3.amazonaws.com")),
        other => return Err(format!("storage.kind: {other:?} is neither local nor s3").into()),
    };
    let estimate = app.web("estimate-service", estimate);
    estimate.replicas(s.replicas.estimate);
    let assistant = app.web(
        "ai-assistant",
        service("start:assistant")
            .env("REDIS_URL", redis.url(0))
            .env("CHROMA_URL", chroma.url("http"))
            .env("JWT_SECRET", &jwt)
            .env("OPENAI_MODEL", &s.openai_model)
            .envs(s.secrets.openai_api_key.iter().map(|key| ("OPENAI_API_KEY", key)))
            .envs(s.secrets.chroma_api_key.iter().map(|key| ("CHROMA_API_KEY", key)))
            .connects_to(&outside("openai", "api.openai.com"))
            .resources(&s.resources.assistant),
    );
    assistant.replicas(s.replicas.assistant);
    let schedule: Schedule = s.collect.parse()?;
    let collector = app.web(
        "data-collector",
        service("start:collector")
            .env("DATABASE_URL", &url)
            .env("CHROMA_URL", chroma.url("http"))
            .env("JWT_SECRET", &jwt)
            .env("FSBTS_UPDATE_SCHEDULE", schedule.to_string())
            .envs(s.secrets.chroma_api_key.iter().map(|key| ("CHROMA_API_KEY", key)))
            .envs(
                s.secrets
                    .minstroyrf_api_key
                    .iter()
                    .map(|key| ("MINSTROYRF_API_KEY", key)),
            )
            .connects_to(&outside("minstroyrf", "minstroyrf.gov.ru"))
            .resources(&s.resources.collector),
    );
    let gateway = app.web(
        "api-gateway",
        service("start:gateway")
            .env("REDIS_URL", redis.url(0))
            .env("ESTIMATE_URL", estimate.url("http"))
            .env("ASSISTANT_URL", assistant.url("http"))
            .env("COLLECTOR_URL", collector.url("http"))
            .resources(&s.resources.gateway),
    );
    gateway.replicas(s.replicas.gateway);

    let web = |image: &str, conf: Text| {
        locked(Container::image(image), s.users.nginx)
            .service_port("http", 8080, 80)
            .file("/etc/nginx/nginx.conf", conf)
            .ready(Probe::tcp().timed(s.probes.front))
            .resources(&s.resources.front)
    };
    let page = include_str!("frontend.conf").into();
    let frontend = app.web("frontend", web(&s.images.frontend, page));
    // On Docker, containers that replace others have other addresses, so names are looked up again and again.
    let (resolver, again, proxies) = match app.is_docker() {
        true => ("resolver 127.0.0.11 valid=2s;", "$again", "172.16.0.0/12"),
        false => ("", "", "10.0.0.0/8"),
    };
    let conf = Text::from(include_str!("nginx.conf"))
        .replace("@RESOLVER@", resolver)
        .replace("@PROXIES@", s.proxies.as_deref().unwrap_or(proxies))
        .replace("@MAX_SIZE@", s.storage.upload_max_size)
        .replace("@GATEWAY@", gateway.url("http").and(again))
        .replace("@FRONTEND@", frontend.url("http").and(again));
    let nginx = app.web("nginx", web(&s.images.nginx, conf));

    // Prometheus is one of the parts, so each `scrape` also lets it in.
    for service in [&gateway, &estimate, &assistant, &collector] {
        service.scrape("/metrics", &s.scrape_interval);
    }
    let interval = &s.exporter_interval;
    let exporter = Exporter::postgres(&s.images.postgres_exporter, &postgres);
    app.exporter("postgres-exporter", exporter).scrape("/metrics", interval);
    let exporter = Exporter::redis(&s.images.redis_exporter, &redis);
    app.exporter("redis-exporter", exporter).scrape("/metrics", interval);
    let prometheus = PrometheusOptions::image(&s.images.prometheus)
        .retention(&s.metrics_retention)
        .storage(&s.sizes.prometheus);
    let prometheus = app.prometheus("prometheus", prometheus);
    let grafana = app.grafana(
        "grafana",
        GrafanaOptions::image(&s.images.grafana)
            .prometheus(&prometheus)
            .dashboard(include_str!("dashboard.json")),
    );

    let mut backups = vec![("postgres-backup", postgres.dump(), s.users.postgres)];
    if local {
        backups.push(("files-backup", estimate.archive("/app/uploads"), 1000));
    }
    let mut scheduled = Vec::new();
    for (name, backup, user) in backups {
        let backup = backup.times(&s.backup).upload(&s.upload);
        let part = app.backup(name, backup.on_volume(format!("{name}s"), &s.sizes.backups));
        // A new volume of Docker is root's.
        part.container(|container| match app.is_docker() {
            true => container.user(0),
            false => locked(container, user).read_only(),
        });
        scheduled.push(part);
    }
    Ok(Estimate {
        nginx,
        frontend,
        services: [gateway, estimate, assistant, collector],
        postgres,
        redis,
        chroma,
        prometheus,
        grafana,
        backups: scheduled,
    })
}
