//! The configuration of the codelab programs, with the guides' values as its defaults.

use iac_app::{External, Resources};
use iac_core::{Output, settings};

settings! {
    /// The configuration of all programs.
    pub struct Settings {
        images: Images,
        app: App,
        resources: Parts,
        sizes: Sizes,
        external: Managed,
        secrets: Secrets,
    }

    /// The images of all parts; that of PostgreSQL also makes the backups.
    pub struct Images {
        app: String = "your-registry/codelab-core-service:latest".into(),
        postgres: String = "postgres:16".into(),
        redis: String = "redis:7".into(),
        // The guides name no version of these three.
        qdrant: String = "qdrant/qdrant:v1.15.1".into(),
        prometheus: String = "prom/prometheus:v3.5.0".into(),
        grafana: String = "grafana/grafana:12.1.0".into(),
    }

    /// `APP_ENV` and `LOG_LEVEL`.
    pub struct App {
        env: String = "production".into(),
        log_level: String = "INFO".into(),
    }

    /// What each part asks for and may use at most, in thousandths of a core and MiB; the migration has that of the API.
    pub struct Parts {
        api: Resources = Resources::of([500, 512], [2000, 2048]),
        postgres: Resources = Resources::of([500, 1024], [2000, 4096]),
        // The guides give no figures for these two.
        redis: Resources = Resources::of([100, 128], [500, 512]),
        qdrant: Resources = Resources::of([500, 1024], [2000, 4096]),
    }

    /// What the claims ask for on Kubernetes.
    pub struct Sizes {
        postgres: String = "100Gi".into(),
        redis: String = "10Gi".into(),
        qdrant: String = "50Gi".into(),
        backup: String = "20Gi".into(),
    }

    /// Servers of a provider in place of our own.
    pub struct Managed {
        postgres: External = External::postgres("codelab"),
        redis: External = External::redis(),
    }

    /// Secrets; the programs say what stands for one that is not set, if anything does.
    pub struct Secrets {
        openai_api_key: Option<Output>,
    }

    /// The configuration of `prod` alone: the bounds of the autoscaler, and what belongs to the cluster.
    pub struct Cluster {
        replicas: Replicas,
        storage: Storage,
        ingress: Ingress,
        monitoring: Monitoring,
    }

    pub struct Replicas {
        api: u32 = 3,
        api_max: u32 = 10,
    }

    pub struct Storage {
        class: String = "fast-ssd".into(),
    }

    pub struct Ingress {
        host: String = "api.codelab.example.com".into(),
        issuer: String = "letsencrypt-prod".into(),
        class: String = "nginx".into(),
    }

    /// Whether the Prometheus Operator is told of the API, and the host of its Prometheus, where Grafana is to be there too.
    pub struct Monitoring {
        enabled: bool = true,
        prometheus: Option<String>,
    }

    /// The configuration of the Docker programs alone: the ports of the host.
    pub struct Host {
        ports: Ports,
    }

    pub struct Ports {
        app: u16 = 8000,
        postgres: u16 = 5432,
        redis: u16 = 6379,
        qdrant: u16 = 6333,
        qdrant_grpc: u16 = 6334,
        prometheus: u16 = 9090,
        grafana: u16 = 3000,
    }
}

impl Settings {
    /// With the defaults of a developer's machine, which leaves it to the engine who gets how much.
    pub fn development() -> Self {
        let mut s = Self::default();
        s.app.env = "development".into();
        let r = &mut s.resources;
        for part in [&mut r.api, &mut r.postgres, &mut r.redis, &mut r.qdrant] {
            *part = Resources::default();
        }
        s
    }
}
