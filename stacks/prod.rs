//! codelab on Kubernetes: PostgreSQL, Redis and Qdrant with their claims, a migration that runs once, the API with its
//! autoscaler, and the way in. What differs from the guide, and why, is in `docs/systems.md`.

use std::process::ExitCode;

use codelab::kubernetes::{
    Storage, app_selector, container_port, database, headless, http_probe, labelled, map, pod, resources, shell_probe,
};
use codelab::settings::Production;
use iac_backends::{PostgresState, S3State};
use iac_core::{Program, Result, Stack};
use iac_k8s::k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, StatefulSet};
use iac_k8s::k8s_openapi::api::autoscaling::v2::{
    HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec, MetricSpec, MetricTarget, ResourceMetricSource,
};
use iac_k8s::k8s_openapi::api::batch::v1::{Job, JobSpec};
use iac_k8s::k8s_openapi::api::core::v1::{
    ConfigMap, Container, EnvVar, Namespace, PodSpec, PodTemplateSpec, Secret, Service, ServicePort, ServiceSpec,
};
use iac_k8s::k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressRule, IngressSpec, IngressTLS,
};
use iac_k8s::k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use iac_k8s::k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use iac_k8s::{Kubernetes, KubernetesProvider, KubernetesState, Namespaced, Object, restart_on};

fn main() -> ExitCode {
    Program::new("prod")
        .provider(KubernetesProvider::new())
        .backend(KubernetesState::SCHEME)
        .backend(PostgresState::SCHEME)
        .backend(S3State::SCHEME)
        .run(prod)
}

fn prod(stack: &Stack) -> Result<()> {
    let settings: Production = stack.settings_with_defaults(Production::default())?;
    let cluster = Kubernetes::new(stack);
    let namespace = cluster.add(
        "codelab",
        Namespace {
            metadata: labelled([("name", "codelab"), ("environment", "production")]),
            ..Namespace::default()
        },
    );
    let k = cluster.within(&namespace);

    let config = k.add(
        "codelab-config",
        ConfigMap {
            data: Some(map([
                ("APP_ENV", &settings.app.env),
                ("LOG_LEVEL", &settings.app.log_level),
                ("REDIS_URL", "redis://redis-service:6379/0"),
                ("QDRANT_URL", "http://qdrant-service:6333"),
            ])),
            ..ConfigMap::default()
        },
    );
    let secrets = secrets(stack, &k);

    let postgres = postgres(&k, &settings, &secrets);
    let redis = redis(&k, &settings);
    let qdrant = qdrant(&k, &settings);

    let migration = k
        .add("migrate", migration(&settings, &config, &secrets))
        .after(postgres.ready());
    let api = k
        .add("api", api(&settings, &config, &secrets))
        .after(migration.ready())
        .after(redis.ready())
        .after(qdrant.ready());
    let service = k.add(
        "api-service",
        Service {
            metadata: labelled([("app", "api")]),
            spec: Some(ServiceSpec {
                type_: Some("ClusterIP".to_owned()),
                selector: Some(map([("app", "api")])),
                ports: Some(vec![ServicePort {
                    name: Some("http".to_owned()),
                    protocol: Some("TCP".to_owned()),
                    port: 80,
                    target_port: Some(IntOrString::Int(8000)),
                    ..ServicePort::default()
                }]),
                ..ServiceSpec::default()
            }),
            ..Service::default()
        },
    );
    k.add("api-hpa", autoscaler(&settings, &api));
    k.add("api-ingress", ingress(&settings, &service));
    stack.export("url", format!("https://{}", settings.ingress.host));
    Ok(())
}

/// Passwords are generated, the key of OpenAI comes from configuration; the database's address holds its password, so it
/// is a secret too.
fn secrets(stack: &Stack, k: &Namespaced) -> Object<Secret> {
    let database_password = stack.random_password("database-password", 24).result();
    let jwt_key = stack.random_password("jwt-secret-key", 48).result();
    let openai = stack.config_secret("secrets.openai_api_key");
    let database_url = format!(
        "postgresql+asyncpg://postgres:{}@postgres-service:5432/codelab",
        database_password.clone().url_encode()
    );
    let data = [
        ("OPENAI_API_KEY", openai.into()),
        ("JWT_SECRET_KEY", jwt_key.into()),
        ("DATABASE_URL", database_url),
        ("DATABASE_PASSWORD", database_password.into()),
    ];
    k.add(
        "codelab-secrets",
        Secret {
            type_: Some("Opaque".to_owned()),
            string_data: Some(data.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
            ..Secret::default()
        },
    )
}

fn postgres(k: &Namespaced, settings: &Production, secrets: &Object<Secret>) -> Object<StatefulSet> {
    let service = k.add("postgres-service", headless("postgres", [("postgres", 5432)]));
    let container = Container {
        name: "postgres".to_owned(),
        image: Some(settings.images.postgres.clone()),
        ports: Some(vec![container_port("postgres", 5432)]),
        env: Some(vec![
            env("POSTGRES_DB", "codelab"),
            env("POSTGRES_USER", "postgres"),
            // Below the mount: a file system may have a lost+found, and PostgreSQL wants an empty folder.
            env("PGDATA", "/var/lib/postgresql/data/pgdata"),
            secrets.env("POSTGRES_PASSWORD", "DATABASE_PASSWORD"),
        ]),
        readiness_probe: Some(shell_probe(
            "pg_isready -U postgres && psql -U postgres -d codelab -c 'SELECT 1'",
        )),
        resources: Some(resources(&settings.resources.postgres)),
        ..Container::default()
    };
    let storage = Storage {
        claim: "postgres-data",
        path: "/var/lib/postgresql/data",
        size: &settings.sizes.postgres,
        class: &settings.storage.class,
    };
    k.add("postgres", database("postgres", service.name(), container, storage))
}

fn redis(k: &Namespaced, settings: &Production) -> Object<StatefulSet> {
    let service = k.add("redis-service", headless("redis", [("redis", 6379)]));
    let container = Container {
        name: "redis".to_owned(),
        image: Some(settings.images.redis.clone()),
        args: Some(["redis-server", "--appendonly", "yes"].map(str::to_owned).into()),
        ports: Some(vec![container_port("redis", 6379)]),
        readiness_probe: Some(shell_probe("redis-cli ping | grep -q PONG")),
        resources: Some(resources(&settings.resources.redis)),
        ..Container::default()
    };
    let storage = Storage {
        claim: "redis-data",
        path: "/data",
        size: &settings.sizes.redis,
        class: &settings.storage.class,
    };
    k.add("redis", database("redis", service.name(), container, storage))
}

fn qdrant(k: &Namespaced, settings: &Production) -> Object<StatefulSet> {
    let service = k.add("qdrant-service", headless("qdrant", [("http", 6333), ("grpc", 6334)]));
    let container = Container {
        name: "qdrant".to_owned(),
        image: Some(settings.images.qdrant.clone()),
        ports: Some(vec![container_port("http", 6333), container_port("grpc", 6334)]),
        readiness_probe: Some(http_probe("/readyz", 6333, 0, 5)),
        resources: Some(resources(&settings.resources.qdrant)),
        ..Container::default()
    };
    let storage = Storage {
        claim: "qdrant-data",
        path: "/qdrant/storage",
        size: &settings.sizes.qdrant,
        class: &settings.storage.class,
    };
    k.add("qdrant", database("qdrant", service.name(), container, storage))
}

/// The application's container, as the API and the migration run it.
fn application(settings: &Production, config: &Object<ConfigMap>, secrets: &Object<Secret>) -> Container {
    Container {
        image: Some(settings.images.app.clone()),
        env_from: Some(vec![config.env_from(), secrets.env_from()]),
        resources: Some(resources(&settings.resources.api)),
        ..Container::default()
    }
}

fn migration(settings: &Production, config: &Object<ConfigMap>, secrets: &Object<Secret>) -> Job {
    let container = Container {
        name: "migrate".to_owned(),
        command: Some(["alembic", "upgrade", "head"].map(str::to_owned).into()),
        ..application(settings, config, secrets)
    };
    Job {
        spec: Some(JobSpec {
            backoff_limit: Some(3),
            template: PodTemplateSpec {
                metadata: Some(labelled([("app", "migrate")])),
                spec: Some(PodSpec {
                    containers: vec![container],
                    restart_policy: Some("Never".to_owned()),
                    ..PodSpec::default()
                }),
            },
            ..JobSpec::default()
        }),
        ..Job::default()
    }
}

fn api(settings: &Production, config: &Object<ConfigMap>, secrets: &Object<Secret>) -> Deployment {
    let container = Container {
        name: "api".to_owned(),
        ports: Some(vec![container_port("http", 8000)]),
        liveness_probe: Some(http_probe("/health", 8000, 30, 10)),
        readiness_probe: Some(http_probe("/health", 8000, 10, 5)),
        ..application(settings, config, secrets)
    };
    let mut template = pod("api", container);
    if let Some(metadata) = &mut template.metadata {
        // A process reads its environment once: when the configuration changes, the pods have to be made anew.
        metadata.annotations = Some(restart_on([config.content_hash(), secrets.content_hash()]));
    }
    Deployment {
        spec: Some(DeploymentSpec {
            replicas: Some(settings.replicas.api),
            selector: app_selector("api"),
            template,
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    }
}

fn autoscaler(settings: &Production, api: &Object<Deployment>) -> HorizontalPodAutoscaler {
    let utilization = |resource: &str, percent: i32| MetricSpec {
        type_: "Resource".to_owned(),
        resource: Some(ResourceMetricSource {
            name: resource.to_owned(),
            target: MetricTarget {
                type_: "Utilization".to_owned(),
                average_utilization: Some(percent),
                ..MetricTarget::default()
            },
        }),
        ..MetricSpec::default()
    };
    HorizontalPodAutoscaler {
        spec: HorizontalPodAutoscalerSpec {
            scale_target_ref: api.scale_target(),
            min_replicas: Some(settings.replicas.api),
            max_replicas: settings.replicas.api_max,
            metrics: Some(vec![utilization("cpu", 70), utilization("memory", 80)]),
            ..HorizontalPodAutoscalerSpec::default()
        },
        ..HorizontalPodAutoscaler::default()
    }
}

fn ingress(settings: &Production, service: &Object<Service>) -> Ingress {
    let host = &settings.ingress.host;
    let path = HTTPIngressPath {
        path: Some("/".to_owned()),
        path_type: "Prefix".to_owned(),
        backend: service.backend(80),
    };
    Ingress {
        metadata: ObjectMeta {
            annotations: Some(map([
                ("cert-manager.io/cluster-issuer", settings.ingress.issuer.as_str()),
                // The guide's `rate-limit` is no annotation of ingress-nginx; this one is.
                ("nginx.ingress.kubernetes.io/limit-rpm", "100"),
            ])),
            ..ObjectMeta::default()
        },
        spec: Some(IngressSpec {
            ingress_class_name: Some(settings.ingress.class.clone()),
            tls: Some(vec![IngressTLS {
                hosts: Some(vec![host.clone()]),
                secret_name: Some("codelab-tls".to_owned()),
            }]),
            rules: Some(vec![IngressRule {
                host: Some(host.clone()),
                http: Some(HTTPIngressRuleValue { paths: vec![path] }),
            }]),
            ..IngressSpec::default()
        }),
        ..Ingress::default()
    }
}

fn env(name: &str, value: &str) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        ..EnvVar::default()
    }
}
