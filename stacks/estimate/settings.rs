//! The configuration of the estimate-service programs, with the guide's values as its defaults.

use iac_app::{Resources, Upload};
use iac_core::{Output, Result, Stack, settings};

settings! {
    /// The configuration of all programs.
    pub struct Settings {
        images: Images,
        users: Users,
        replicas: Replicas,
        resources: Parts,
        sizes: Sizes,
        log_level: String = "info".into(),
        cors_origin: String = "https://your-domain.com".into(),
        rate_limit: RateLimit,
        tokens: Tokens,
        openai_model: String = "gpt-4".into(),
        storage: Storage,
        /// When prices are collected: five fields as cron has them, in UTC.
        collect: String = "0 2 * * *".into(),
        /// When the database and the files are backed up, and how long backups are kept.
        backup: Backup,
        /// Where each backup is copied to, if anywhere.
        upload: Upload,
        /// Whose word about a client's address nginx takes: the range of the proxies before it. Those of Docker's bridges, or of a
        /// cluster's pods, unless it is given.
        proxies: Option<String>,
        secrets: Secrets,
    }

    /// The guide names the images of PostgreSQL and of the application.
    pub struct Images {
        backend: String = "estimate-service:latest".into(),
        frontend: String = "estimate-frontend:latest".into(),
        postgres: String = "postgres:15-alpine".into(),
        redis: String = "redis:7-alpine".into(),
        chroma: String = "chromadb/chroma:1.5.9".into(),
        nginx: String = "nginx:1.29-alpine".into(),
        postgres_exporter: String = "quay.io/prometheuscommunity/postgres-exporter:v0.17.1".into(),
        redis_exporter: String = "oliver006/redis_exporter:v1.74.0".into(),
        prometheus: String = "prom/prometheus:v3.5.0".into(),
        grafana: String = "grafana/grafana:12.1.0".into(),
    }

    /// The numbers of the users that own the data in the images above.
    pub struct Users {
        postgres: i64 = 70,
        redis: i64 = 999,
        nginx: i64 = 101,
    }

    pub struct Replicas {
        gateway: u32 = 1,
        estimate: u32 = 3,
        assistant: u32 = 1,
    }

    /// The guide gives figures for PostgreSQL and the estimate service.
    pub struct Parts {
        estimate: Resources = Resources::of([500, 1024], [1000, 2048]),
        gateway: Resources = Resources::of([100, 128], [1000, 1024]),
        assistant: Resources = Resources::of([100, 256], [1000, 2048]),
        collector: Resources = Resources::of([100, 128], [500, 512]),
        front: Resources = Resources::of([50, 32], [500, 128]),
        postgres: Resources = Resources::of([500, 1024], [2000, 4096]),
        redis: Resources = Resources::of([100, 128], [500, 512]),
        chroma: Resources = Resources::of([100, 256], [1000, 2048]),
    }

    /// The guide gives the size of PostgreSQL's volume. Redis forgets what is used least beyond its own.
    pub struct Sizes {
        postgres: String = "20Gi".into(),
        redis: String = "384mb".into(),
        chroma: String = "10Gi".into(),
        uploads: String = "10Gi".into(),
        backups: String = "50Gi".into(),
    }

    pub struct RateLimit {
        ttl: u32 = 60_000,
        limit: u32 = 1000,
    }

    /// Seconds that tokens are good for.
    pub struct Tokens {
        access: u32 = 3600,
        refresh: u32 = 2_592_000,
    }

    /// `local` keeps uploads in a volume; `s3` leaves them to a bucket.
    pub struct Storage {
        kind: String = "local".into(),
        upload_max_size: u32 = 10_485_760,
        region: String = "us-east-1".into(),
        bucket: String = "estimate-service-files".into(),
    }

    pub struct Backup {
        schedule: String = "0 3 * * *".into(),
        keep_days: u32 = 30,
    }

    pub struct Secrets {
        openai_api_key: Option<Output>,
        chroma_api_key: Option<Output>,
        minstroyrf_api_key: Option<Output>,
        aws_access_key_id: Option<Output>,
        aws_secret_access_key: Option<Output>,
    }

    /// Which defaults the rest has.
    pub struct Profile {
        profile: String = "standard".into(),
    }
}

impl Settings {
    /// The configuration over the defaults of its profile: `standard`, or `high-load` with the guide's sizes for a cluster.
    ///
    /// # Errors
    /// When the configuration is wrong.
    pub fn read(stack: &Stack) -> Result<Self> {
        let Profile { profile } = stack.settings_with_defaults(Profile::default())?;
        let defaults = match profile.as_str() {
            "standard" => Self::default(),
            "high-load" => Self::high_load(),
            other => return Err(format!("profile: {other:?} is neither standard nor high-load").into()),
        };
        Ok(stack.settings_with_defaults(defaults)?)
    }

    fn high_load() -> Self {
        let each = |cpu, memory| Resources::of([cpu, memory], [cpu, memory]);
        Self {
            replicas: Replicas {
                gateway: 2,
                estimate: 3,
                assistant: 2,
            },
            resources: Parts {
                gateway: each(2000, 4096),
                estimate: each(2000, 4096),
                assistant: each(4000, 8192),
                postgres: each(8000, 16_384),
                redis: each(2000, 4096),
                ..Parts::default()
            },
            sizes: Sizes {
                redis: "3gb".into(),
                ..Sizes::default()
            },
            ..Self::default()
        }
    }
}
