//! The configuration of the codelab programs, with the guides' values as its defaults.

#![allow(missing_docs, reason = "the fields are the keys; `config list` shows them")]

use serde::{Deserialize, Serialize};

/// The configuration of `prod`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Production {
    pub images: Images,
    pub app: App,
    pub replicas: Replicas,
    pub resources: Parts,
    pub sizes: Sizes,
    pub storage: Storage,
    pub ingress: Ingress,
}

/// The configuration of the Docker stacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Development {
    pub images: Images,
    pub ports: Ports,
    pub app: App,
}

/// The images of all parts; that of PostgreSQL also makes the backups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Images {
    pub app: String,
    pub postgres: String,
    pub redis: String,
    pub qdrant: String,
    pub prometheus: String,
    pub grafana: String,
}

/// `APP_ENV` and `LOG_LEVEL`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    pub env: String,
    pub log_level: String,
}

/// Bounds of the API's autoscaler.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replicas {
    pub api: i32,
    pub api_max: i32,
}

/// What each part asks for and may use at most; the migration has that of the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    pub api: Resources,
    pub postgres: Resources,
    pub redis: Resources,
    pub qdrant: Resources,
}

/// What a container asks for and may use at most, as Kubernetes quantities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    pub requests_cpu: String,
    pub requests_memory: String,
    pub limits_cpu: String,
    pub limits_memory: String,
}

/// What the claims ask for, as Kubernetes quantities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    pub postgres: String,
    pub redis: String,
    pub qdrant: String,
}

/// The class of all claims.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storage {
    pub class: String,
}

/// Where the API is reached from outside: the host, the ClusterIssuer of its certificate, the class of the controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ingress {
    pub host: String,
    pub issuer: String,
    pub class: String,
}

/// The ports on the host on which the Docker stacks publish their parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    pub app: u16,
    pub postgres: u16,
    pub redis: u16,
    pub qdrant: u16,
    pub qdrant_grpc: u16,
    pub prometheus: u16,
    pub grafana: u16,
}

impl Default for Production {
    fn default() -> Self {
        let resources = |requests: [&str; 2], limits: [&str; 2]| Resources {
            requests_cpu: requests[0].into(),
            requests_memory: requests[1].into(),
            limits_cpu: limits[0].into(),
            limits_memory: limits[1].into(),
        };
        Self {
            images: Images::default(),
            app: App {
                env: "production".into(),
                log_level: "INFO".into(),
            },
            replicas: Replicas { api: 3, api_max: 10 },
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
            },
            storage: Storage {
                class: "fast-ssd".into(),
            },
            ingress: Ingress {
                host: "api.codelab.example.com".into(),
                issuer: "letsencrypt-prod".into(),
                class: "nginx".into(),
            },
        }
    }
}

impl Default for Development {
    fn default() -> Self {
        Self {
            images: Images::default(),
            ports: Ports {
                app: 8000,
                postgres: 5432,
                redis: 6379,
                qdrant: 6333,
                qdrant_grpc: 6334,
                prometheus: 9090,
                grafana: 3000,
            },
            app: App {
                env: "development".into(),
                log_level: "INFO".into(),
            },
        }
    }
}

impl Default for Images {
    fn default() -> Self {
        Self {
            app: "your-registry/codelab-core-service:latest".into(),
            postgres: "postgres:16".into(),
            redis: "redis:7".into(),
            // The guides name no version of these three.
            qdrant: "qdrant/qdrant:v1.15.1".into(),
            prometheus: "prom/prometheus:v3.5.0".into(),
            grafana: "grafana/grafana:12.1.0".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use iac_core::Stack;
    use iac_core::config::{Config, ConfigValue};

    use super::*;

    #[test]
    fn what_is_configured_wins_and_the_rest_are_the_guides_values() {
        let mut config = Config::default();
        for (key, value) in [("replicas.api", "2"), ("resources.api.requests_cpu", "50m")] {
            config.set(key, ConfigValue::Plain(value.to_owned()), "--config");
        }
        let read = |config: &Config| Stack::new("prod", config.clone()).settings_with_defaults(Production::default());
        let mut expected = Production::default();
        assert_eq!(read(&Config::default()), Ok(expected.clone()));
        expected.replicas.api = 2;
        expected.resources.api.requests_cpu = "50m".to_owned();
        assert_eq!(read(&config), Ok(expected));
    }
}
