//! The configuration of the codelab programs: flat dotted keys, each with the guides' value as its default.

use iac_core::config::{Config, ConfigError};

/// The images of all parts, by the keys `images.*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images {
    /// The application.
    pub app: String,
    /// PostgreSQL; also makes the backups.
    pub postgres: String,
    /// Redis.
    pub redis: String,
    /// Qdrant.
    pub qdrant: String,
    /// Prometheus.
    pub prometheus: String,
    /// Grafana.
    pub grafana: String,
}

impl Images {
    /// Reads `images.*`.
    ///
    /// # Errors
    /// When one of them is stored as a secret.
    pub fn read(config: &Config) -> Result<Self, ConfigError> {
        Ok(Self {
            app: config.text("images.app", "your-registry/codelab-core-service:latest")?,
            postgres: config.text("images.postgres", "postgres:16")?,
            redis: config.text("images.redis", "redis:7")?,
            // The guides name no version of these three.
            qdrant: config.text("images.qdrant", "qdrant/qdrant:v1.15.1")?,
            prometheus: config.text("images.prometheus", "prom/prometheus:v3.5.0")?,
            grafana: config.text("images.grafana", "grafana/grafana:12.1.0")?,
        })
    }
}

/// What a container asks for and may use at most, as Kubernetes quantities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resources {
    /// The share of a CPU that is kept for it: `500m` is half a core.
    pub requests_cpu: String,
    /// The memory that is kept for it.
    pub requests_memory: String,
    /// The share of a CPU that it is throttled to.
    pub limits_cpu: String,
    /// The memory at which it is killed.
    pub limits_memory: String,
}

impl Resources {
    /// Reads `resources.PART.*`; the defaults are requests (CPU, memory) and limits (CPU, memory).
    ///
    /// # Errors
    /// When one of them is stored as a secret.
    pub fn read(config: &Config, part: &str, requests: [&str; 2], limits: [&str; 2]) -> Result<Self, ConfigError> {
        let text = |key: &str, default: &str| config.text(&format!("resources.{part}.{key}"), default);
        Ok(Self {
            requests_cpu: text("requests_cpu", requests[0])?,
            requests_memory: text("requests_memory", requests[1])?,
            limits_cpu: text("limits_cpu", limits[0])?,
            limits_memory: text("limits_memory", limits[1])?,
        })
    }
}

/// The configuration of `prod`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Production {
    /// `images.*`.
    pub images: Images,
    /// The value of `LOG_LEVEL`: `app.log_level`.
    pub log_level: String,
    /// Bounds of the API's autoscaler: `replicas.api` and `replicas.api_max`.
    pub replicas: (i32, i32),
    /// `resources.api.*`, for the API and its migration.
    pub api: Resources,
    /// `resources.postgres.*`.
    pub postgres: Resources,
    /// `resources.redis.*`.
    pub redis: Resources,
    /// `resources.qdrant.*`.
    pub qdrant: Resources,
    /// What each claim asks for: `sizes.*`.
    pub sizes: Sizes,
    /// The class of all claims: `storage.class`.
    pub storage_class: String,
    /// `ingress.*`.
    pub ingress: Ingress,
}

/// What the claims ask for, as Kubernetes quantities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sizes {
    /// `sizes.postgres`.
    pub postgres: String,
    /// `sizes.redis`.
    pub redis: String,
    /// `sizes.qdrant`.
    pub qdrant: String,
}

/// Where the API is reached from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ingress {
    /// The host name: `ingress.host`.
    pub host: String,
    /// The ClusterIssuer of its certificate: `ingress.issuer`.
    pub issuer: String,
    /// The class of the controller that serves it: `ingress.class`.
    pub class: String,
}

impl Production {
    /// Reads the configuration.
    ///
    /// # Errors
    /// When a value is not of its type, or stored as a secret though it is none.
    pub fn read(config: &Config) -> Result<Self, ConfigError> {
        Ok(Self {
            images: Images::read(config)?,
            log_level: config.text("app.log_level", "INFO")?,
            replicas: (
                config.get_or("replicas.api", 3)?,
                config.get_or("replicas.api_max", 10)?,
            ),
            api: Resources::read(config, "api", ["500m", "512Mi"], ["2000m", "2Gi"])?,
            postgres: Resources::read(config, "postgres", ["500m", "1Gi"], ["2000m", "4Gi"])?,
            // The guides give no figures for these two.
            redis: Resources::read(config, "redis", ["100m", "128Mi"], ["500m", "512Mi"])?,
            qdrant: Resources::read(config, "qdrant", ["500m", "1Gi"], ["2000m", "4Gi"])?,
            sizes: Sizes {
                postgres: config.text("sizes.postgres", "100Gi")?,
                redis: config.text("sizes.redis", "10Gi")?,
                qdrant: config.text("sizes.qdrant", "50Gi")?,
            },
            storage_class: config.text("storage.class", "fast-ssd")?,
            ingress: Ingress {
                host: config.text("ingress.host", "api.codelab.example.com")?,
                issuer: config.text("ingress.issuer", "letsencrypt-prod")?,
                class: config.text("ingress.class", "nginx")?,
            },
        })
    }
}

/// The ports on the host on which the Docker stacks publish their parts, by the keys `ports.*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// The application.
    pub app: u16,
    /// PostgreSQL.
    pub postgres: u16,
    /// Redis.
    pub redis: u16,
    /// Qdrant, HTTP.
    pub qdrant: u16,
    /// Qdrant, gRPC.
    pub qdrant_grpc: u16,
    /// Prometheus.
    pub prometheus: u16,
    /// Grafana.
    pub grafana: u16,
}

impl Ports {
    /// Reads `ports.*`.
    ///
    /// # Errors
    /// When one of them is no port number.
    pub fn read(config: &Config) -> Result<Self, ConfigError> {
        Ok(Self {
            app: config.get_or("ports.app", 8000)?,
            postgres: config.get_or("ports.postgres", 5432)?,
            redis: config.get_or("ports.redis", 6379)?,
            qdrant: config.get_or("ports.qdrant", 6333)?,
            qdrant_grpc: config.get_or("ports.qdrant_grpc", 6334)?,
            prometheus: config.get_or("ports.prometheus", 9090)?,
            grafana: config.get_or("ports.grafana", 3000)?,
        })
    }
}

/// The configuration of the Docker stacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Development {
    /// `images.*`.
    pub images: Images,
    /// `ports.*`.
    pub ports: Ports,
    /// The value of `APP_ENV`: `app.env`.
    pub app_env: String,
    /// The value of `LOG_LEVEL`: `app.log_level`.
    pub log_level: String,
}

impl Development {
    /// Reads the configuration.
    ///
    /// # Errors
    /// When a value is not of its type, or stored as a secret though it is none.
    pub fn read(config: &Config) -> Result<Self, ConfigError> {
        Ok(Self {
            images: Images::read(config)?,
            ports: Ports::read(config)?,
            app_env: config.text("app.env", "development")?,
            log_level: config.text("app.log_level", "INFO")?,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use iac_core::config::ConfigValue;

    use super::*;

    #[test]
    fn without_configuration_production_has_the_guides_values() {
        let read = Production::read(&Config::default()).unwrap();
        assert_eq!(read.images.app, "your-registry/codelab-core-service:latest");
        assert_eq!(read.replicas, (3, 10));
        assert_eq!(
            (read.api.requests_cpu.as_str(), read.api.limits_memory.as_str()),
            ("500m", "2Gi")
        );
        assert_eq!(
            (read.sizes.postgres.as_str(), read.storage_class.as_str()),
            ("100Gi", "fast-ssd")
        );
        assert_eq!(read.ingress.host, "api.codelab.example.com");
    }

    #[test]
    fn what_is_configured_wins_and_what_is_no_number_is_refused() {
        let mut config = Config::default();
        config.set("replicas.api", ConfigValue::Plain("2".to_owned()), "--config");
        config.set(
            "resources.api.requests_cpu",
            ConfigValue::Plain("50m".to_owned()),
            "--config",
        );
        let read = Production::read(&config).unwrap();
        assert_eq!((read.replicas, read.api.requests_cpu.as_str()), ((2, 10), "50m"));

        config.set("ports.app", ConfigValue::Plain("web".to_owned()), "--config");
        let refused = Ports::read(&config).unwrap_err().to_string();
        assert!(refused.contains("ports.app") && refused.contains("web"), "{refused}");
    }
}
