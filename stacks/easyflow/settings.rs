//! The configuration of the Easy Flow programs, with the guide's values as its defaults.

use iac_app::{Resources, Upload};
use iac_core::{Output, settings};

settings! {
    /// The configuration of all programs.
    pub struct Settings {
        images: Images,
        log_level: String = "INFO".into(),
        workers: u32 = 4,
        /// Hosts that requests may name, and origins of browsers.
        hosts: String = "your-domain.com,api.your-domain.com".into(),
        origins: String = "https://your-domain.com".into(),
        replicas: Replicas,
        resources: Parts,
        sizes: Sizes,
        /// The guide's place is `s3://your-backup-bucket/database/`.
        upload: Upload,
        secrets: Secrets,
    }

    pub struct Images {
        app: String = "easyflow:latest".into(),
        postgres: String = "postgres:15-alpine".into(),
        redis: String = "redis:7-alpine".into(),
        nginx: String = "nginx:alpine".into(),
        // The guide names no versions of these.
        prometheus: String = "prom/prometheus:v3.5.0".into(),
        grafana: String = "grafana/grafana:12.1.0".into(),
        postgres_exporter: String = "quay.io/prometheuscommunity/postgres-exporter:v0.17.1".into(),
        redis_exporter: String = "oliver006/redis_exporter:v1.74.0".into(),
    }

    pub struct Replicas {
        app: u32 = 3,
        worker: u32 = 2,
    }

    pub struct Parts {
        app: Resources = Resources::of([500, 512], [1000, 1024]),
        postgres: Resources = Resources::of([500, 512], [1000, 1024]),
        redis: Resources = Resources::of([250, 256], [500, 512]),
    }

    /// The guide gives no sizes.
    pub struct Sizes {
        postgres: String = "20Gi".into(),
        redis: String = "5Gi".into(),
        backup: String = "20Gi".into(),
    }

    pub struct Secrets {
        openai_api_key: Option<Output>,
        telegram_bot_token: Option<Output>,
    }

    /// What stands in front of it on Docker: nginx, its ports on the host, and the certificate in PEM.
    pub struct Front {
        ports: Ports,
        tls: Tls,
    }

    pub struct Ports {
        http: u16 = 80,
        https: u16 = 443,
        prometheus: u16 = 9090,
        grafana: u16 = 3000,
    }

    pub struct Tls {
        certificate: Option<String>,
        key: Option<Output>,
    }
}
