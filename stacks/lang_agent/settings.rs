//! The configuration of the lang-agent programs: what the guide's `.env` holds, with its values as defaults.

use iac_app::Upload;
use iac_core::{Output, settings};
use serde::Deserialize;

settings! {
    /// The configuration of both production programs.
    pub struct Settings {
        backend: Backend,
        images: Images,
        domain: String = "yourdomain.com".into(),
        env: Env,
        postgres: Database,
        redis: Cache,
        sizes: Sizes,
        /// The guide's place is `s3://my-backups/database/`.
        upload: Upload,
        secrets: Secrets,
    }

    /// `BACKEND_IMAGE`, `BACKEND_IMAGE_TAG`, and how it is run.
    pub struct Backend {
        image: String = "ghcr.io/osadchii/lang-agent-docs-based/backend".into(),
        image_tag: String = "latest".into(),
        /// What `alembic` does before this version starts; `downgrade REVISION` goes back.
        migration: String = "upgrade head".into(),
        /// The number of `appuser`: the first that Debian's adduser takes.
        user: i64 = 1000,
        health: Health,
    }

    /// How often `/health` is asked, in seconds, and how long failures do not count after a start.
    pub struct Health {
        delay: u64 = 30,
        every: u64 = 30,
    }

    /// The guide names no image for the front end: nginx with `frontend/dist` at `/var/app/frontend/dist`.
    pub struct Images {
        frontend: String = "ghcr.io/osadchii/lang-agent-docs-based/frontend:latest".into(),
        postgres: String = "postgres:15".into(),
        redis: String = "redis:7-alpine".into(),
        // The guide names none of these.
        prometheus: String = "prom/prometheus:v3.5.0".into(),
        grafana: String = "grafana/grafana:12.1.0".into(),
        postgres_exporter: String = "quay.io/prometheuscommunity/postgres-exporter:v0.17.1".into(),
        redis_exporter: String = "oliver006/redis_exporter:v1.74.0".into(),
    }

    pub struct Env {
        llm_model: String = "gpt-4.1-mini".into(),
        llm_temperature: String = "0.7".into(),
        algorithm: String = "HS256".into(),
        access_token_expire_minutes: u32 = 30,
        environment: String = "production".into(),
        log_level: String = "INFO".into(),
        stripe_price_id_basic: Option<String>,
        stripe_price_id_premium: Option<String>,
        s3_bucket: Option<String>,
        s3_endpoint: String = "https://s3.amazonaws.com".into(),
    }

    pub struct Database {
        database: String = "langagent".into(),
        user: String = "postgres".into(),
        max_connections: u32 = 100,
        shared_buffers: String = "1GB".into(),
        work_mem: String = "16MB".into(),
    }

    /// The guide's `allkeys-lru` would also throw out the bot's conversations, which have no expiry.
    pub struct Cache {
        maxmemory: String = "512mb".into(),
        maxmemory_policy: String = "volatile-lru".into(),
    }

    /// The guide gives no sizes but that of the server's disk, 50 GB.
    pub struct Sizes {
        postgres: String = "20Gi".into(),
        redis: String = "2Gi".into(),
        media: String = "10Gi".into(),
        backup: String = "10Gi".into(),
    }

    /// What may be left out: the first two are generated then.
    pub struct Secrets {
        postgres_password: Option<Output>,
        secret_key: Option<Output>,
        anthropic_api_key: Option<Output>,
        stripe_secret_key: Option<Output>,
        stripe_webhook_secret: Option<Output>,
        s3_access_key: Option<Output>,
        s3_secret_key: Option<Output>,
    }

    /// Ports of the host, on Docker.
    pub struct Ports {
        ports: HostPorts,
    }

    pub struct HostPorts {
        http: u16 = 80,
        https: u16 = 443,
        backend: u16 = 8000,
        prometheus: u16 = 9090,
        grafana: u16 = 3000,
    }

    /// The configuration of the local program.
    pub struct Local {
        images: LocalImages,
        ports: LocalPorts,
        logs: Logs,
    }

    pub struct LocalImages {
        postgres: String = "postgres:15".into(),
        redis: String = "redis:7-alpine".into(),
        loki: String = "grafana/loki:3.5.5".into(),
        grafana: String = "grafana/grafana:12.1.0".into(),
    }

    pub struct LocalPorts {
        postgres: u16 = 5432,
        redis: u16 = 6379,
        loki: u16 = 3100,
        grafana: u16 = 3000,
    }

    /// Whether Grafana and Loki run as well.
    pub struct Logs {
        enabled: bool = false,
    }
}

/// What production cannot do without, and nobody can guess.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs, reason = "the fields are the keys; `config list` shows them")]
pub struct Keys {
    pub secrets: Required,
}

/// See [`Keys`].
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs, reason = "the fields are the keys; `config list` shows them")]
pub struct Required {
    pub telegram_bot_token: Output,
    pub openai_api_key: Output,
}

/// What nginx cannot do without on Docker: a certificate with its chain, and its key, in PEM.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs, reason = "the fields are the keys; `config list` shows them")]
pub struct Tls {
    pub tls: Pair,
}

/// See [`Tls`].
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs, reason = "the fields are the keys; `config list` shows them")]
pub struct Pair {
    pub certificate: String,
    pub key: Output,
}
