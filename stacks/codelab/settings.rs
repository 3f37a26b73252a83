//! The configuration of the codelab programs, with the guides' values as its defaults: [`Settings`] is that of all programs,
//! [`Cluster`] that of `prod` on Kubernetes, [`Host`] that of those on Docker.

use iac_app::{Autoscaler, BackupTimes, External, Resources, Timing};
use iac_core::{Output, settings};

settings! {
    /// The configuration of all programs.
    pub struct Settings {
        images: Images,
        /// `APP_ENV` of the API.
        environment: String = "production".into(),
        /// `LOG_LEVEL` of the API.
        log_level: String = "INFO".into(),
        resources: Parts,
        sizes: Sizes,
        probes: Probes,
        /// The share of requests that fail at which the alert `HighErrorRate` fires.
        alert_error_share: f64 = 0.05,
        /// The seconds that all but the slowest twentieth of requests take at which `HighLatency` fires.
        alert_latency: f64 = 2.0,
        /// When PostgreSQL is dumped in production, in UTC, and after how many days dumps are deleted.
        backup: BackupTimes = BackupTimes::new("0 2 * * *", 7),
        external: Managed,
        secrets: Secrets,
    }

    /// The images of all parts.
    pub struct Images {
        /// The API and its migration.
        api: String = "your-registry/codelab-core-service:latest".into(),
        /// PostgreSQL, and what backs it up.
        postgres: String = "postgres:16".into(),
        /// Redis.
        redis: String = "redis:7".into(),
        /// Qdrant; the guides name no version of it and the two below.
        qdrant: String = "qdrant/qdrant:v1.15.1".into(),
        /// Prometheus, on Docker.
        prometheus: String = "prom/prometheus:v3.5.0".into(),
        /// Grafana.
        grafana: String = "grafana/grafana:12.1.0".into(),
    }

    /// CPU and memory of each part, request and limit: `Resources::of([CPU, memory], [CPU, memory])`, in thousandths of a core
    /// and MiB.
    pub struct Parts {
        /// The API and its migration.
        api: Resources = Resources::of([500, 512], [2000, 2048]),
        /// PostgreSQL.
        postgres: Resources = Resources::of([500, 1024], [2000, 4096]),
        /// Redis; the guides give no figures for it and Qdrant.
        redis: Resources = Resources::of([100, 128], [500, 512]),
        /// Qdrant.
        qdrant: Resources = Resources::of([500, 1024], [2000, 4096]),
    }

    /// The sizes of the volumes, on Kubernetes; an engine limits none.
    pub struct Sizes {
        /// PostgreSQL's data.
        postgres: String = "100Gi".into(),
        /// Redis' append-only file.
        redis: String = "10Gi".into(),
        /// Qdrant's data.
        qdrant: String = "50Gi".into(),
        /// The dumps of PostgreSQL.
        backup: String = "20Gi".into(),
    }

    /// The intervals at which the parts are asked whether they are ready, in seconds.
    pub struct Probes {
        /// `/health` of the API; [`Cluster::liveness`] is when it is restarted.
        api: Timing = Timing::every(5).delay(10),
        /// PostgreSQL, Redis and Qdrant.
        databases: Timing = Timing::every(5),
    }

    /// Servers of a provider in place of our own.
    pub struct Managed {
        /// PostgreSQL, where `external.postgres.host` is set.
        postgres: External = External::postgres("codelab"),
        /// Redis, where `external.redis.host` is set.
        redis: External = External::redis(),
    }

    /// Secrets; the programs say what stands for one that is not set, if anything does.
    pub struct Secrets {
        /// `OPENAI_API_KEY` of the API.
        openai_api_key: Option<Output>,
    }

    /// The configuration of `prod` alone: what only a cluster has.
    pub struct Cluster {
        replicas: Replicas,
        /// The autoscaler of the API: the largest number of pods, and the percentage of the requested CPU and memory above which
        /// there are more. `replicas.api` is the least number; `autoscale.enabled=false` keeps to it.
        autoscale: Autoscaler = Autoscaler::to(10).cpu(70).memory(80),
        /// When a pod of the API is restarted: its `/health` fails so often.
        liveness: Timing = Timing::every(10).delay(30),
        /// The storage class of all claims.
        storage_class: String = "fast-ssd".into(),
        ingress: Ingress,
        /// The interval at which the cluster's Prometheus reads the API's metrics.
        scrape_interval: String = "30s".into(),
        monitoring: Operator,
    }

    /// The number of pods.
    pub struct Replicas {
        /// The API; the autoscaler makes more of them, up to `autoscale.max`.
        api: u32 = 3,
    }

    /// The way in.
    pub struct Ingress {
        /// The host name that leads to the API.
        host: String = "api.codelab.example.com".into(),
        /// The ClusterIssuer of cert-manager that signs the certificate.
        issuer: String = "letsencrypt-prod".into(),
        /// The ingress class.
        class: String = "nginx".into(),
        /// Requests that a client may send in a minute.
        requests_per_minute: u32 = 100,
    }

    /// The cluster's Prometheus Operator, which watches the API.
    pub struct Operator {
        /// Whether the operator is told of the API and its alerts.
        enabled: bool = true,
        /// The host of the operator's Prometheus, where Grafana is to be there too.
        prometheus: Option<String>,
    }

    /// The configuration of the Docker programs alone.
    pub struct Host {
        ports: Ports,
        /// The interval at which Prometheus reads the API's metrics.
        scrape_interval: String = "15s".into(),
        /// The time for which Prometheus keeps them.
        metrics_retention: String = "15d".into(),
    }

    /// Ports of this machine. In their containers the images choose the ports, which stand in `mod.rs`.
    pub struct Ports {
        /// The API.
        api: u16 = 8000,
        /// PostgreSQL, for developers.
        postgres: u16 = 5432,
        /// Redis, for developers.
        redis: u16 = 6379,
        /// Qdrant by HTTP, for developers.
        qdrant: u16 = 6333,
        /// Qdrant by gRPC, for developers.
        qdrant_grpc: u16 = 6334,
        /// Prometheus.
        prometheus: u16 = 9090,
        /// Grafana.
        grafana: u16 = 3000,
    }

}

impl Settings {
    /// With the defaults of a developer's machine, which leaves it to the engine who gets how much.
    pub fn development() -> Self {
        let mut s = Self::default();
        let r = &mut s.resources;
        for part in [&mut r.api, &mut r.postgres, &mut r.redis, &mut r.qdrant] {
            *part = Resources::default();
        }
        s.environment = "development".into();
        s
    }
}
