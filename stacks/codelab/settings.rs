//! The configuration of the codelab programs, with the guides' values as its defaults.

#![allow(missing_docs, reason = "the fields are the keys; `config list` shows them")]

use iac_app::Resources;
use iac_core::Output;
use serde::{Deserialize, Serialize};

/// The configuration of all programs.
#[derive(Debug, Serialize, Deserialize)]
pub struct Settings {
    pub images: Images,
    pub app: App,
    pub resources: Parts,
    pub sizes: Sizes,
    #[serde(skip_serializing)]
    pub secrets: Secrets,
}

/// The images of all parts; that of PostgreSQL also makes the backups.
#[derive(Debug, Serialize, Deserialize)]
pub struct Images {
    pub app: String,
    pub postgres: String,
    pub redis: String,
    pub qdrant: String,
    pub prometheus: String,
    pub grafana: String,
}

/// `APP_ENV` and `LOG_LEVEL`.
#[derive(Debug, Serialize, Deserialize)]
pub struct App {
    pub env: String,
    pub log_level: String,
}

/// What each part asks for and may use at most; the migration has that of the API.
#[derive(Debug, Serialize, Deserialize)]
pub struct Parts {
    pub api: Resources,
    pub postgres: Resources,
    pub redis: Resources,
    pub qdrant: Resources,
}

/// What the claims ask for on Kubernetes.
#[derive(Debug, Serialize, Deserialize)]
pub struct Sizes {
    pub postgres: String,
    pub redis: String,
    pub qdrant: String,
    pub backup: String,
}

/// Secrets; the programs say what stands for one that is not set, if anything does.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Secrets {
    pub openai_api_key: Option<Output>,
}

/// The configuration of `prod` alone: the bounds of the autoscaler, and what belongs to the cluster.
#[derive(Debug, Serialize, Deserialize)]
pub struct Cluster {
    pub replicas: Replicas,
    pub storage: Storage,
    pub ingress: Ingress,
    pub monitoring: Monitoring,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Replicas {
    pub api: u32,
    pub api_max: u32,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Storage {
    pub class: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Ingress {
    pub host: String,
    pub issuer: String,
    pub class: String,
}

/// Whether the Prometheus Operator is told of the API.
#[derive(Debug, Serialize, Deserialize)]
pub struct Monitoring {
    pub enabled: bool,
}

/// The configuration of the Docker programs alone: the ports of the host.
#[derive(Debug, Serialize, Deserialize)]
pub struct Host {
    pub ports: Ports,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Ports {
    pub app: u16,
    pub postgres: u16,
    pub redis: u16,
    pub qdrant: u16,
    pub qdrant_grpc: u16,
    pub prometheus: u16,
    pub grafana: u16,
}

impl Default for Settings {
    fn default() -> Self {
        // The amounts are written down here, so they can be read.
        let resources = |requests, limits| Resources::new(requests, limits).unwrap_or_default();
        Self {
            images: Images {
                app: "your-registry/codelab-core-service:latest".into(),
                postgres: "postgres:16".into(),
                redis: "redis:7".into(),
                // The guides name no version of these three.
                qdrant: "qdrant/qdrant:v1.15.1".into(),
                prometheus: "prom/prometheus:v3.5.0".into(),
                grafana: "grafana/grafana:12.1.0".into(),
            },
            app: App {
                env: "production".into(),
                log_level: "INFO".into(),
            },
            resources: Parts {
                api: resources(["500m", "512Mi"], ["2000m", "2Gi"]),
                postgres: resources(["500m", "1Gi"], ["2000m", "4Gi"]),
                // The guides give no figures for these two.
                redis: resources(["100m", "128Mi"], ["500m", "512Mi"]),
                qdrant: resources(["500m", "1Gi"], ["2000m", "4Gi"]),
            },
            sizes: Sizes {
                postgres: "100Gi".into(),
                redis: "10Gi".into(),
                qdrant: "50Gi".into(),
                backup: "20Gi".into(),
            },
            secrets: Secrets::default(),
        }
    }
}

impl Settings {
    /// With the defaults of a developer's machine, which leaves it to the engine who gets how much.
    pub fn development() -> Self {
        let mut settings = Self::default();
        "development".clone_into(&mut settings.app.env);
        let any = Resources::default();
        settings.resources = Parts {
            api: any,
            postgres: any,
            redis: any,
            qdrant: any,
        };
        settings
    }
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            replicas: Replicas { api: 3, api_max: 10 },
            storage: Storage {
                class: "fast-ssd".into(),
            },
            ingress: Ingress {
                host: "api.codelab.example.com".into(),
                issuer: "letsencrypt-prod".into(),
                class: "nginx".into(),
            },
            monitoring: Monitoring { enabled: true },
        }
    }
}

impl Default for Host {
    fn default() -> Self {
        let ports = Ports {
            app: 8000,
            postgres: 5432,
            redis: 6379,
            qdrant: 6333,
            qdrant_grpc: 6334,
            prometheus: 9090,
            grafana: 3000,
        };
        Self { ports }
    }
}
