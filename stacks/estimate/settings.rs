//! The configuration of the estimate-service programs, with the guide's values as its defaults: [`Settings`] is that of both,
//! [`Cluster`] that of `estimate_kubernetes`, [`Host`] that of `estimate_docker`.

use iac_app::{Autoscaler, BackupTimes, Resources, Timing, Upload};
use iac_core::{Output, Result, Stack, settings};

settings! {
    /// The configuration of both programs.
    pub struct Settings {
        images: Images,
        users: Users,
        replicas: Replicas,
        resources: Parts,
        sizes: Sizes,
        probes: Probes,
        /// The interval at which Prometheus reads metrics of the four services.
        scrape_interval: String = "10s".into(),
        /// The interval at which it reads those of PostgreSQL and Redis.
        exporter_interval: String = "15s".into(),
        /// The time for which Prometheus keeps them.
        metrics_retention: String = "15d".into(),
        /// The port that the four services listen at in their containers: `PORT`.
        service_port: u16 = 3000,
        /// `LOG_LEVEL` of the four services.
        log_level: String = "info".into(),
        /// The origin of browsers: `CORS_ORIGIN`.
        cors_origin: String = "https://your-domain.com".into(),
        rate_limit: RateLimit,
        tokens: Tokens,
        /// The model that the AI assistant asks: `OPENAI_MODEL`.
        openai_model: String = "gpt-4".into(),
        storage: Storage,
        /// When the data collector collects prices: five fields as cron has them, in UTC.
        collect: String = "0 2 * * *".into(),
        /// When the database and uploaded files are backed up, in UTC, and after how many days backups are deleted;
        /// `upload.keep_days` is for their copies.
        backup: BackupTimes = BackupTimes::new("0 3 * * *", 30),
        /// Where each backup is copied to, if anywhere.
        upload: Upload,
        /// The range of the proxies before nginx, whose word about a client's address it takes. That of Docker's bridges, or of a
        /// cluster's pods, unless it is given.
        proxies: Option<String>,
        secrets: Secrets,
    }

    /// The images of all parts; the guide names those of PostgreSQL and of the application.
    pub struct Images {
        /// API gateway, estimate service, AI assistant and data collector; migration and seed.
        backend: String = "estimate-service:latest".into(),
        /// The React front end in nginx.
        frontend: String = "estimate-frontend:latest".into(),
        /// PostgreSQL, and what backs it up.
        postgres: String = "postgres:15-alpine".into(),
        /// Redis.
        redis: String = "redis:7-alpine".into(),
        /// Chroma.
        chroma: String = "chromadb/chroma:1.5.9".into(),
        /// nginx, before the gateway and the front end.
        nginx: String = "nginx:1.29-alpine".into(),
        /// The exporter of PostgreSQL's metrics.
        postgres_exporter: String = "quay.io/prometheuscommunity/postgres-exporter:v0.17.1".into(),
        /// The exporter of Redis' metrics.
        redis_exporter: String = "oliver006/redis_exporter:v1.74.0".into(),
        /// Prometheus.
        prometheus: String = "prom/prometheus:v3.5.0".into(),
        /// Grafana.
        grafana: String = "grafana/grafana:12.1.0".into(),
    }

    /// The numbers of the users that own the data in the images above.
    pub struct Users {
        /// PostgreSQL's.
        postgres: i64 = 70,
        /// Redis'.
        redis: i64 = 999,
        /// nginx's and the front end's.
        nginx: i64 = 101,
    }

    /// The number of containers; of all others there is one.
    pub struct Replicas {
        /// The API gateway.
        gateway: u32 = 1,
        /// The estimate service; on Kubernetes, the autoscaler makes more of them, up to `autoscale.max`.
        estimate: u32 = 3,
        /// The AI assistant.
        assistant: u32 = 1,
    }

    /// CPU and memory of each part, request and limit: `Resources::of([CPU, memory], [CPU, memory])`, in thousandths of a core
    /// and MiB. The guide gives figures for PostgreSQL and the estimate service.
    pub struct Parts {
        /// The estimate service.
        estimate: Resources = Resources::of([500, 1024], [1000, 2048]),
        /// The API gateway.
        gateway: Resources = Resources::of([100, 128], [1000, 1024]),
        /// The AI assistant.
        assistant: Resources = Resources::of([100, 256], [1000, 2048]),
        /// The data collector.
        collector: Resources = Resources::of([100, 128], [500, 512]),
        /// nginx, and the front end.
        front: Resources = Resources::of([50, 32], [500, 128]),
        /// PostgreSQL.
        postgres: Resources = Resources::of([500, 1024], [2000, 4096]),
        /// Redis; how much it keeps is `sizes.redis`.
        redis: Resources = Resources::of([100, 128], [500, 512]),
        /// Chroma.
        chroma: Resources = Resources::of([100, 256], [1000, 2048]),
    }

    /// The sizes of the volumes, on Kubernetes; an engine limits none. The guide gives PostgreSQL's.
    pub struct Sizes {
        /// PostgreSQL's data.
        postgres: String = "20Gi".into(),
        /// The most memory that Redis uses for data, in its own units; beyond that it forgets what is used least.
        redis: String = "384mb".into(),
        /// Chroma's data.
        chroma: String = "10Gi".into(),
        /// Uploaded files, with `storage.kind=local`.
        uploads: String = "10Gi".into(),
        /// The backups of the database; those of uploads have the same size.
        backups: String = "50Gi".into(),
        /// Prometheus' metrics.
        prometheus: String = "10Gi".into(),
    }

    /// The intervals at which the parts are asked whether they are ready, in seconds.
    pub struct Probes {
        /// `/health/ready` of the four services; [`Cluster::liveness`] is when they are restarted.
        services: Timing = Timing::every(5).delay(10),
        /// nginx, and the front end.
        front: Timing = Timing::every(5),
        /// PostgreSQL, Redis and Chroma.
        databases: Timing = Timing::every(5),
    }

    /// The limit of a client's requests to the gateway.
    pub struct RateLimit {
        /// Milliseconds in which they are counted: `RATE_LIMIT_TTL`.
        ttl: u32 = 60_000,
        /// The number of requests that it takes in that time: `RATE_LIMIT_LIMIT`.
        limit: u32 = 1000,
    }

    /// Seconds that tokens are good for.
    pub struct Tokens {
        /// `JWT_EXPIRES_IN`.
        access: u32 = 3600,
        /// `JWT_REFRESH_EXPIRES_IN`.
        refresh: u32 = 2_592_000,
    }

    /// Where uploaded files are.
    pub struct Storage {
        /// `local`, a volume, or `s3`, a bucket.
        kind: String = "local".into(),
        /// The largest upload in bytes, which nginx and the Ingress let pass as well.
        upload_max_size: u32 = 10_485_760,
        /// The region of the bucket.
        region: String = "us-east-1".into(),
        /// The name of the bucket.
        bucket: String = "estimate-service-files".into(),
    }

    /// Secrets, each of which may be left out.
    pub struct Secrets {
        /// `OPENAI_API_KEY` of the AI assistant.
        openai_api_key: Option<Output>,
        /// `CHROMA_API_KEY` of the AI assistant and the data collector.
        chroma_api_key: Option<Output>,
        /// `MINSTROYRF_API_KEY` of the data collector.
        minstroyrf_api_key: Option<Output>,
        /// `AWS_ACCESS_KEY_ID` of the estimate service, with `storage.kind=s3`.
        aws_access_key_id: Option<Output>,
        /// `AWS_SECRET_ACCESS_KEY` of the same.
        aws_secret_access_key: Option<Output>,
    }

    /// Which defaults all of the above has.
    pub struct Profile {
        /// `standard`, or `high-load`: see `Settings::high_load`.
        profile: String = "standard".into(),
    }

    /// The configuration on Kubernetes alone.
    pub struct Cluster {
        ingress: Ingress,
        /// The autoscaler of the estimate service: the largest number of pods, and the percentage of the requested CPU above which
        /// there are more. `replicas.estimate` is the least number; `autoscale.enabled=false` keeps to it.
        autoscale: Autoscaler = Autoscaler::to(10).cpu(70),
        /// When a pod of the four services is restarted: its `/health` fails so often.
        liveness: Timing = Timing::every(10).delay(30),
        logs: Logs,
    }

    /// The way in on Kubernetes.
    pub struct Ingress {
        /// The host name that leads to nginx.
        host: String = "api.estimate-service.com".into(),
        /// The ClusterIssuer of cert-manager that signs the certificate.
        issuer: String = "letsencrypt-prod".into(),
        /// Where the ingress controller runs.
        namespace: String = "ingress-nginx".into(),
    }

    /// Logs on Kubernetes: Fluentd sends them to Elasticsearch.
    pub struct Logs {
        /// Whether they are there.
        enabled: bool = true,
        /// Their namespace.
        namespace: String = "estimate-logging".into(),
        /// The image of Fluentd.
        fluentd: String = "fluent/fluentd-kubernetes-daemonset:v1.18-debian-elasticsearch8-1".into(),
        /// The image of Elasticsearch.
        elasticsearch: String = "docker.elastic.co/elasticsearch/elasticsearch:8.19.0".into(),
        /// The size of Elasticsearch's volume.
        size: String = "50Gi".into(),
        /// The interval at which Elasticsearch is asked whether it is ready.
        probe: Timing,
        /// Where the node keeps the files that `/var/log/containers` leads to.
        pods: String = "/var/log/pods".into(),
    }

    /// The configuration on Docker alone.
    pub struct Host {
        ports: Ports,
    }

    /// Ports of this machine, for itself only.
    pub struct Ports {
        /// nginx, for what ends TLS on this machine: it speaks plain HTTP.
        http: u16 = 8080,
        /// Grafana.
        grafana: u16 = 3000,
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

    /// The defaults of `profile=high-load`.
    fn high_load() -> Self {
        // The guide's servers are for one part each, so a part asks for all that it may use: request and limit are equal.
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
