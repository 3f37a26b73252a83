//! The configuration of the Easy Flow programs, with the guide's values as its defaults: [`Settings`] is that of both,
//! [`Cluster`] that of `easyflow_kubernetes`, [`Host`] that of `easyflow_docker`.

use iac_app::{Autoscaler, BackupTimes, Resources, Timing, Upload};
use iac_core::{Output, settings};

settings! {
    /// The configuration of both programs.
    pub struct Settings {
        images: Images,
        /// `LOG_LEVEL` of the application, and `--loglevel` of Celery.
        log_level: String = "INFO".into(),
        /// Tasks that each container of the Celery worker runs at a time: `--concurrency` and `WORKERS`.
        celery_concurrency: u32 = 4,
        /// Hosts that requests may name, with commas between them: `TRUSTED_HOSTS`. On Kubernetes, `ingress.host` is one anyway.
        trusted_hosts: String = "your-domain.com,api.your-domain.com".into(),
        /// Origins of browsers, with commas between them: `CORS_ORIGINS`.
        cors_origins: String = "https://your-domain.com".into(),
        replicas: Replicas,
        resources: Parts,
        sizes: Sizes,
        probes: Probes,
        /// The interval at which Prometheus reads metrics.
        scrape_interval: String = "15s".into(),
        /// The time for which Prometheus keeps them.
        metrics_retention: String = "15d".into(),
        /// When PostgreSQL is dumped, in UTC, and after how many days dumps are deleted; `upload.keep_days` is for their copies.
        backup: BackupTimes = BackupTimes::new("0 2 * * *", 7),
        /// Where each dump is copied to, if anywhere; the guide's place is `s3://your-backup-bucket/database/`.
        upload: Upload,
        secrets: Secrets,
    }

    /// The images of all parts.
    pub struct Images {
        /// The application: HTTP service, Celery worker and beat.
        app: String = "easyflow:latest".into(),
        /// PostgreSQL, and what backs it up.
        postgres: String = "postgres:15-alpine".into(),
        /// Redis.
        redis: String = "redis:7-alpine".into(),
        /// nginx, on Docker.
        nginx: String = "nginx:alpine".into(),
        /// Prometheus; the guide names no version of it and those below.
        prometheus: String = "prom/prometheus:v3.5.0".into(),
        /// Grafana.
        grafana: String = "grafana/grafana:12.1.0".into(),
        /// The exporter of PostgreSQL's metrics.
        postgres_exporter: String = "quay.io/prometheuscommunity/postgres-exporter:v0.17.1".into(),
        /// The exporter of Redis' metrics.
        redis_exporter: String = "oliver006/redis_exporter:v1.74.0".into(),
    }

    /// The number of containers.
    pub struct Replicas {
        /// The HTTP service; on Kubernetes, the autoscaler makes more of them, up to `autoscale.max`.
        app: u32 = 3,
        /// The Celery worker; of beat there is always one.
        celery_worker: u32 = 2,
    }

    /// CPU and memory of each part, request and limit: `Resources::of([CPU, memory], [CPU, memory])`, in thousandths of a core
    /// and MiB.
    pub struct Parts {
        /// The HTTP service.
        app: Resources = Resources::of([500, 512], [1000, 1024]),
        /// Celery worker and beat.
        celery: Resources = Resources::of([500, 512], [1000, 1024]),
        /// PostgreSQL.
        postgres: Resources = Resources::of([500, 512], [1000, 1024]),
        /// Redis.
        redis: Resources = Resources::of([250, 256], [500, 512]),
    }

    /// The sizes of the volumes, on Kubernetes; an engine limits none. The guide gives none.
    pub struct Sizes {
        /// PostgreSQL's data.
        postgres: String = "20Gi".into(),
        /// Redis' append-only file.
        redis: String = "5Gi".into(),
        /// The dumps of PostgreSQL.
        backup: String = "20Gi".into(),
        /// Prometheus' metrics.
        prometheus: String = "10Gi".into(),
    }

    /// The intervals at which the parts are asked whether they are ready, in seconds.
    pub struct Probes {
        /// `/health` of the HTTP service; [`Cluster::liveness`] is when it is restarted.
        app: Timing = Timing::every(10).delay(5),
        /// PostgreSQL and Redis.
        databases: Timing = Timing::every(5),
    }

    /// Secrets, each of which may be left out.
    pub struct Secrets {
        /// `OPENAI_API_KEY`.
        openai_api_key: Option<Output>,
        /// `TELEGRAM_BOT_TOKEN`.
        telegram_bot_token: Option<Output>,
    }

    /// The configuration on Kubernetes alone.
    pub struct Cluster {
        ingress: Ingress,
        /// The autoscaler of the HTTP service: the largest number of pods, and the percentage of the requested CPU and memory
        /// above which there are more. `replicas.app` is the least number; `autoscale.enabled=false` keeps to it.
        autoscale: Autoscaler = Autoscaler::to(10).cpu(70).memory(80),
        /// When a pod of the HTTP service is restarted: its `/health` fails so often.
        liveness: Timing = Timing::every(30).delay(30),
    }

    /// The way in on Kubernetes.
    pub struct Ingress {
        /// The host name that leads to the HTTP service, which takes requests for it.
        host: String = "api.easyflow.dev".into(),
        /// The ClusterIssuer of cert-manager that signs the certificate.
        issuer: String = "letsencrypt-prod".into(),
        /// Requests that a client may send in a minute, for any path. On Docker the limit is
        /// [`Host::requests_per_second`]: the guide's two figures differ.
        requests_per_minute: u32 = 100,
    }

    /// The configuration on Docker alone: nginx in front.
    pub struct Host {
        ports: Ports,
        tls: Tls,
        /// Requests below `/api/` that a client may send in a second; more get 429. On Kubernetes the limit is
        /// [`Ingress::requests_per_minute`].
        requests_per_second: u32 = 10,
        /// Requests beyond that which are taken at once.
        burst: u32 = 20,
        /// The same for the webhook of messengers.
        webhook_burst: u32 = 100,
        /// The interval at which nginx is asked whether it is ready.
        nginx_probe: Timing = Timing::every(5),
    }

    /// Ports of this machine. In their containers the images choose the ports, which stand in `mod.rs`.
    pub struct Ports {
        /// nginx by HTTP, which leads to HTTPS.
        http: u16 = 80,
        /// nginx by HTTPS.
        https: u16 = 443,
        /// Prometheus.
        prometheus: u16 = 9090,
        /// Grafana.
        grafana: u16 = 3000,
    }

    /// The certificate of nginx in PEM; it does not start without.
    pub struct Tls {
        /// It, with its chain.
        certificate: Option<String>,
        /// Its key.
        key: Option<Output>,
    }
}
