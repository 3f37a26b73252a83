//! The configuration of the lang-agent programs: what the guide's `.env` holds, with its values as defaults. [`Settings`] and
//! [`Keys`] are those of both production programs, [`Host`] and [`Tls`] of `lang_agent_prod` on Docker, and [`Local`] is all that
//! `lang_agent_local` takes, for developers.

use iac_app::{BackupTimes, Resources, Timing, Upload};
use iac_core::{Output, settings};
use serde::Deserialize;

settings! {
    /// The configuration of both production programs.
    pub struct Settings {
        backend: Backend,
        images: Images,
        ingress: Ingress,
        env: Env,
        postgres: Database,
        redis: Cache,
        resources: Parts,
        sizes: Sizes,
        probes: Probes,
        /// The interval at which Prometheus reads metrics.
        scrape_interval: String = "15s".into(),
        /// The time for which Prometheus keeps them.
        metrics_retention: String = "15d".into(),
        /// When PostgreSQL is dumped, in UTC, and after how many days dumps are deleted; `upload.keep_days` is for their copies.
        backup: BackupTimes = BackupTimes::new("0 2 * * *", 30),
        /// Where each dump is copied to, if anywhere; the guide's place is `s3://my-backups/database/`.
        upload: Upload,
        secrets: Secrets,
    }

    /// The backend: API and bot. There is one, since its media are in a volume of one container.
    pub struct Backend {
        /// Its image, without the tag: `BACKEND_IMAGE`.
        image: String = "ghcr.io/osadchii/lang-agent-docs-based/backend".into(),
        /// The tag of its image: `BACKEND_IMAGE_TAG`.
        image_tag: String = "latest".into(),
        /// The arguments of `alembic` before this version starts; `downgrade REVISION` goes back.
        migration: String = "upgrade head".into(),
        /// The number of `appuser`: the first that Debian's adduser takes.
        user: i64 = 1000,
        /// The port that it listens at.
        port: u16 = 8000,
    }

    /// The images of all parts but the backend.
    pub struct Images {
        /// nginx with the front end at `/var/app/frontend/dist`; the guide names no image for it.
        frontend: String = "ghcr.io/osadchii/lang-agent-docs-based/frontend:latest".into(),
        /// PostgreSQL, and what backs it up.
        postgres: String = "postgres:15".into(),
        /// Redis.
        redis: String = "redis:7-alpine".into(),
        /// Prometheus; the guide names neither it nor those below.
        prometheus: String = "prom/prometheus:v3.5.0".into(),
        /// Grafana.
        grafana: String = "grafana/grafana:12.1.0".into(),
        /// The exporter of PostgreSQL's metrics.
        postgres_exporter: String = "quay.io/prometheuscommunity/postgres-exporter:v0.17.1".into(),
        /// The exporter of Redis' metrics.
        redis_exporter: String = "oliver006/redis_exporter:v1.74.0".into(),
    }

    /// The way in: an Ingress on Kubernetes, nginx on Docker.
    pub struct Ingress {
        /// The host name, also of the bot's webhook.
        host: String = "yourdomain.com".into(),
        /// The largest body of a request, such as a picture: `10m`.
        max_body: String = "10m".into(),
        /// The ClusterIssuer of cert-manager that signs the certificate, on Kubernetes; on Docker it is `tls`.
        issuer: String = "letsencrypt-prod".into(),
    }

    /// Variables of the backend that are no secrets.
    pub struct Env {
        /// `LLM_MODEL`.
        llm_model: String = "gpt-4.1-mini".into(),
        /// `LLM_TEMPERATURE`.
        llm_temperature: String = "0.7".into(),
        /// `ALGORITHM`, which signs tokens.
        algorithm: String = "HS256".into(),
        /// `ACCESS_TOKEN_EXPIRE_MINUTES`.
        access_token_expire_minutes: u32 = 30,
        /// `ENVIRONMENT`.
        environment: String = "production".into(),
        /// `LOG_LEVEL`.
        log_level: String = "INFO".into(),
        /// `STRIPE_PRICE_ID_BASIC`.
        stripe_price_id_basic: Option<String>,
        /// `STRIPE_PRICE_ID_PREMIUM`.
        stripe_price_id_premium: Option<String>,
        /// `S3_BUCKET`, for media.
        s3_bucket: Option<String>,
        /// `S3_ENDPOINT`.
        s3_endpoint: String = "https://s3.amazonaws.com".into(),
    }

    /// PostgreSQL.
    pub struct Database {
        /// The name of the database.
        database: String = "langagent".into(),
        /// Its owner.
        user: String = "postgres".into(),
        /// `max_connections`.
        max_connections: u32 = 100,
        /// `shared_buffers`.
        shared_buffers: String = "1GB".into(),
        /// `work_mem`.
        work_mem: String = "16MB".into(),
    }

    /// Redis.
    pub struct Cache {
        /// The most memory that it uses for data.
        maxmemory: String = "512mb".into(),
        /// Which keys go then. The guide's `allkeys-lru` would also throw out the bot's conversations, which have no expiry.
        maxmemory_policy: String = "volatile-lru".into(),
    }

    /// CPU and memory of each part, request and limit: `Resources::of([CPU, memory], [CPU, memory])`, in thousandths of a core
    /// and MiB. The guide gives no figures, so there are none unless you say some.
    pub struct Parts {
        /// The backend.
        backend: Resources,
        /// PostgreSQL.
        postgres: Resources,
        /// Redis.
        redis: Resources,
    }

    /// The sizes of the volumes, on Kubernetes; an engine limits none. The guide gives that of the server's disk alone, 50 GB.
    pub struct Sizes {
        /// PostgreSQL's data.
        postgres: String = "20Gi".into(),
        /// Redis' append-only file.
        redis: String = "2Gi".into(),
        /// Pictures and sounds.
        media: String = "10Gi".into(),
        /// The dumps of PostgreSQL.
        backup: String = "10Gi".into(),
        /// Prometheus' metrics.
        prometheus: String = "10Gi".into(),
    }

    /// The intervals at which the parts are asked whether they are ready, in seconds.
    pub struct Probes {
        /// `/health` of the backend.
        backend: Timing = Timing::every(30).delay(30).failures(5),
        /// nginx with the front end.
        frontend: Timing = Timing::every(5),
        /// `pg_isready` of PostgreSQL.
        postgres: Timing = Timing::every(10).failures(5),
        /// `redis-cli ping` of Redis.
        redis: Timing = Timing::every(10).timeout(3).failures(5),
    }

    /// Secrets that may be left out: the first two are generated then.
    pub struct Secrets {
        /// `POSTGRES_PASSWORD`.
        postgres_password: Option<Output>,
        /// `SECRET_KEY`, which signs tokens.
        secret_key: Option<Output>,
        /// `ANTHROPIC_API_KEY`.
        anthropic_api_key: Option<Output>,
        /// `STRIPE_SECRET_KEY`.
        stripe_secret_key: Option<Output>,
        /// `STRIPE_WEBHOOK_SECRET`.
        stripe_webhook_secret: Option<Output>,
        /// `S3_ACCESS_KEY`.
        s3_access_key: Option<Output>,
        /// `S3_SECRET_KEY`.
        s3_secret_key: Option<Output>,
    }

    /// The configuration of `lang_agent_prod` alone.
    pub struct Host {
        ports: Ports,
        /// The size at which the engine begins another file for the output of a container.
        log_size: String = "10m".into(),
        /// The number of these files that it keeps.
        log_files: u32 = 5,
    }

    /// Ports of the server, in production.
    pub struct Ports {
        /// nginx by HTTP, which leads to HTTPS.
        http: u16 = 80,
        /// nginx by HTTPS.
        https: u16 = 443,
        /// The backend itself, for this machine only.
        backend: u16 = 8000,
        /// Prometheus, for this machine only.
        prometheus: u16 = 9090,
        /// Grafana, for this machine only.
        grafana: u16 = 3000,
    }

    /// The configuration of `lang_agent_local`, for developers.
    pub struct Local {
        images: LocalImages,
        ports: LocalPorts,
        /// The interval at which all parts are asked whether they are ready, in seconds.
        probe: Timing = Timing::every(10).failures(5),
        logs: LocalLogs,
        /// The size that each volume is meant for; an engine limits none.
        volume_size: String = "5Gi".into(),
    }

    /// Images of the local parts.
    pub struct LocalImages {
        /// The local PostgreSQL.
        postgres: String = "postgres:15".into(),
        /// The local Redis.
        redis: String = "redis:7-alpine".into(),
        /// The local Loki.
        loki: String = "grafana/loki:3.5.5".into(),
        /// The local Grafana.
        grafana: String = "grafana/grafana:12.1.0".into(),
    }

    /// Ports of the developer's machine.
    pub struct LocalPorts {
        /// The local PostgreSQL.
        postgres: u16 = 5432,
        /// The local Redis.
        redis: u16 = 6379,
        /// The local Loki.
        loki: u16 = 3100,
        /// The local Grafana.
        grafana: u16 = 3000,
    }

    /// Local logs.
    pub struct LocalLogs {
        /// Whether Grafana and Loki run as well.
        enabled: bool = false,
    }
}

/// Settings of production that have no default.
#[derive(Debug, Clone, Deserialize)]
pub struct Keys {
    /// The secrets that have to be set.
    pub secrets: Required,
}

/// Secrets that have to be set.
#[derive(Debug, Clone, Deserialize)]
pub struct Required {
    /// `TELEGRAM_BOT_TOKEN`.
    pub telegram_bot_token: Output,
    /// `OPENAI_API_KEY`.
    pub openai_api_key: Output,
}

/// Settings of nginx on Docker that have no default.
#[derive(Debug, Clone, Deserialize)]
pub struct Tls {
    /// Its certificate.
    pub tls: Pair,
}

/// A certificate and its key, in PEM.
#[derive(Debug, Clone, Deserialize)]
pub struct Pair {
    /// The certificate with its chain.
    pub certificate: String,
    /// Its key.
    pub key: Output,
}
