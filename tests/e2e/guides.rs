//! The objects that the programs of codelab and Easy Flow would send with their defaults, beside the values that the guides
//! print. The tests of the systems' lives begin with it, since a program's namespace or project exists only once.

use serde_json::{Value as Json, json};

use crate::docker::DOCKER;
use crate::support::{KUBERNETES, Project};

/// A plan for a target that has nothing of the system yet.
struct Planned(Json);

impl Planned {
    /// With the programs' own defaults: without the test bed's configuration.
    fn of(project: Project) -> Self {
        project.write("none.toml", "");
        let none = project.path("none.toml");
        let project = project.variable("IAC_CONFIG_FILE", none.to_str().unwrap());
        Self(project.plan([]))
    }

    fn keys(&self) -> Vec<&str> {
        let steps = self.0["steps"].as_array().unwrap();
        steps.iter().map(|step| step["key"].as_str().unwrap()).collect()
    }

    /// Fails unless the one resource whose key ends so holds all of what is expected.
    #[track_caller]
    fn declares(&self, end: &str, expected: Json) {
        let steps = self.0["steps"].as_array().unwrap();
        let mut found = steps.iter().filter(|step| step["key"].as_str().unwrap().ends_with(end));
        let Some(step) = found.next() else {
            panic!("there is no {end} in {:#?}", self.keys());
        };
        assert!(found.next().is_none(), "there are several {end}");
        let inputs = &step["inputs"];
        assert!(
            holds(inputs, &expected),
            "{end} is\n{inputs:#}\nand lacks some of\n{expected:#}"
        );
    }
}

/// True if a value has all fields and all elements of another one.
fn holds(value: &Json, expected: &Json) -> bool {
    match (value, expected) {
        (Json::Object(value), Json::Object(expected)) => {
            let field = |(name, expected)| value.get(name).is_some_and(|value| holds(value, expected));
            expected.iter().all(field)
        }
        (Json::Array(values), Json::Array(expected)) => {
            let element = |expected| values.iter().any(|value| holds(value, expected));
            expected.iter().all(element)
        }
        _ => value == expected,
    }
}

/// The dump that both guides describe: its name, and that those of more than a week go.
fn dumps_are_kept_for_a_week(plan: &Planned) {
    let steps = plan.0.to_string();
    for part in ["$(date +%Y%m%d_%H%M%S).sql.gz", "-mtime +7 -delete"] {
        assert!(steps.contains(part), "{part} is not in {steps}");
    }
}

/// A container with all of this.
fn pod(container: Json) -> Json {
    json!({ "spec": { "template": { "spec": { "containers": [container] } } } })
}

/// Requests and limits, each processor time and memory.
fn resources([cpu, memory]: [&str; 2], [most_cpu, most_memory]: [&str; 2]) -> Json {
    json!({ "requests": { "cpu": cpu, "memory": memory }, "limits": { "cpu": most_cpu, "memory": most_memory } })
}

fn probe(delay: u32, period: u32) -> Json {
    json!({ "httpGet": { "path": "/health", "port": 8000 }, "initialDelaySeconds": delay, "periodSeconds": period })
}

fn scaler(deployment: &str) -> Json {
    let metric = |name: &str, percent: u32| {
        let target = json!({ "type": "Utilization", "averageUtilization": percent });
        json!({ "type": "Resource", "resource": { "name": name, "target": target } })
    };
    json!({ "spec": {
        "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": deployment },
        "minReplicas": 3,
        "maxReplicas": 10,
        "metrics": [metric("cpu", 70), metric("memory", 80)],
    } })
}

fn ingress(host: &str, service: &str, secret: &str) -> Json {
    let backend = json!({ "service": { "name": service, "port": { "number": 80 } } });
    let path = json!({ "path": "/", "pathType": "Prefix", "backend": backend });
    json!({
        "metadata": { "annotations": {
            "cert-manager.io/cluster-issuer": "letsencrypt-prod",
            "nginx.ingress.kubernetes.io/limit-rpm": "100",
        } },
        "spec": {
            "rules": [{ "host": host, "http": { "paths": [path] } }],
            "tls": [{ "hosts": [host], "secretName": secret }],
        },
    })
}

/// Key and Secret of a variable that is not in clear.
fn secret(name: &str, secret: &str, key: &str) -> Json {
    json!({ "name": name, "valueFrom": { "secretKeyRef": { "name": secret, "key": key } } })
}

/// codelab on Kubernetes.
pub(crate) fn codelab_on_kubernetes() {
    let project = Project::new(env!("CARGO_BIN_EXE_prod"), KUBERNETES)
        .variable("IAC_CONFIG_SECRETS__OPENAI_API_KEY", "sk-of-a-test");
    let plan = Planned::of(project);
    plan.declares(
        "Namespace::codelab",
        json!({ "metadata": { "labels": { "name": "codelab", "environment": "production" } } }),
    );
    plan.declares(
        "ConfigMap::codelab-config",
        json!({ "data": {
            "APP_ENV": "production",
            "LOG_LEVEL": "INFO",
            "REDIS_URL": "redis://redis-service:6379/0",
            "QDRANT_URL": "http://qdrant-service:6333",
        } }),
    );
    plan.declares("Secret::codelab-secrets", json!({ "type": "Opaque" }));
    let image = "your-registry/codelab-core-service:latest";
    plan.declares(
        "Deployment::api",
        json!({ "spec": {
            "replicas": 3,
            "selector": { "matchLabels": { "app": "api" } },
            "template": { "metadata": { "labels": { "app": "api" } } },
        } }),
    );
    plan.declares(
        "Deployment::api",
        pod(json!({
            "image": image,
            "ports": [{ "containerPort": 8000 }],
            "envFrom": [
                { "configMapRef": { "name": "codelab-config" } },
                { "secretRef": { "name": "codelab-secrets" } },
            ],
            "resources": resources(["500m", "512Mi"], ["2", "2Gi"]),
            "livenessProbe": probe(30, 10),
            "readinessProbe": probe(10, 5),
        })),
    );
    plan.declares(
        "Service::api-service",
        json!({ "spec": { "selector": { "app": "api" }, "ports": [{ "port": 80, "targetPort": 8000 }] } }),
    );
    plan.declares("HorizontalPodAutoscaler::api-hpa", scaler("api"));
    plan.declares(
        "Ingress::api-ingress",
        ingress("api.codelab.example.com", "api-service", "codelab-tls"),
    );
    plan.declares(
        "Ingress::api-ingress",
        json!({ "spec": { "ingressClassName": "nginx" } }),
    );
    codelab_keeps_its_data(&plan);
    dumps_are_kept_for_a_week(&plan);
    plan.declares(
        "Job::migrate",
        json!({ "spec": { "template": { "spec": { "restartPolicy": "Never", "containers": [
            { "image": image, "command": ["alembic", "upgrade", "head"] },
        ] } } } }),
    );
    plan.declares(
        "ServiceMonitor::api-monitor",
        json!({ "spec": {
            "selector": { "matchLabels": { "app": "api" } },
            "endpoints": [{ "interval": "30s", "path": "/metrics", "port": "http" }],
        } }),
    );
    plan.declares(
        "PrometheusRule::codelab-alerts",
        json!({ "spec": { "groups": [{ "name": "codelab", "interval": "30s", "rules": [
            { "alert": "HighErrorRate", "for": "5m" },
            { "alert": "HighLatency", "for": "5m" },
            { "alert": "DatabaseConnectionPoolExhausted", "for": "1m" },
        ] }] } }),
    );
}

fn codelab_keeps_its_data(plan: &Planned) {
    for (name, image, path, size, port) in [
        ("postgres", "postgres:16", "/var/lib/postgresql/data", "100Gi", 5432),
        ("redis", "redis:7", "/data", "10Gi", 6379),
        ("qdrant", "qdrant/qdrant:v1.15.1", "/qdrant/storage", "50Gi", 6333),
    ] {
        let (service, volume) = (format!("{name}-service"), format!("{name}-data"));
        plan.declares(
            &format!("StatefulSet::{name}"),
            json!({ "spec": {
                "serviceName": service,
                "replicas": 1,
                "template": { "spec": { "containers": [{
                    "image": image,
                    "ports": [{ "containerPort": port }],
                    "volumeMounts": [{ "name": volume, "mountPath": path }],
                }] } },
                "volumeClaimTemplates": [{ "metadata": { "name": volume }, "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "storageClassName": "fast-ssd",
                    "resources": { "requests": { "storage": size } },
                } }],
            } }),
        );
        plan.declares(
            &format!("Service::{service}"),
            json!({ "spec": { "clusterIP": "None", "ports": [{ "port": port }] } }),
        );
    }
    plan.declares(
        "StatefulSet::postgres",
        pod(json!({
            "env": [
                { "name": "POSTGRES_DB", "value": "codelab" },
                { "name": "POSTGRES_USER", "value": "postgres" },
                secret("POSTGRES_PASSWORD", "codelab-secrets", "DATABASE_PASSWORD"),
            ],
            "resources": resources(["500m", "1Gi"], ["2", "4Gi"]),
        })),
    );
    plan.declares(
        "CronJob::postgres-backup",
        json!({ "spec": { "schedule": "0 2 * * *", "jobTemplate": { "spec": { "template": { "spec": {
            "containers": [{
                "image": "postgres:16",
                "env": [{ "name": "PGHOST", "value": "postgres-service" }, { "name": "PGDATABASE", "value": "codelab" }],
                "volumeMounts": [{ "mountPath": "/backups" }],
            }],
            "volumes": [{ "persistentVolumeClaim": { "claimName": "backup-pvc" } }],
        } } } } } }),
    );
    plan.declares(
        "PersistentVolumeClaim::backup-pvc",
        json!({ "spec": { "storageClassName": "fast-ssd" } }),
    );
}

/// A port that is published on this machine only.
fn published(target: u16) -> Json {
    json!({ "ports": [{ "target": target, "published": target, "host_ip": "127.0.0.1" }] })
}

/// codelab on Docker.
pub(crate) fn codelab_on_docker() {
    let plan = Planned::of(Project::new(env!("CARGO_BIN_EXE_codelab_full"), DOCKER));
    let inputs = plan.0.to_string();
    let urls = inputs.split("postgresql+asyncpg://postgres:").skip(1);
    let is_hidden = |rest: &str| rest.starts_with("(secret)@");
    assert!(
        urls.clone().count() > 0 && urls.clone().all(is_hidden),
        "the password is shown: {inputs}"
    );
    for (name, image, ports) in [
        ("app", "your-registry/codelab-core-service:latest", &[8000][..]),
        ("postgres", "postgres:16", &[5432]),
        ("redis", "redis:7", &[6379]),
        ("qdrant", "qdrant/qdrant:v1.15.1", &[6333, 6334]),
        ("prometheus", "prom/prometheus:v3.5.0", &[9090]),
        ("grafana", "grafana/grafana:12.1.0", &[3000]),
    ] {
        let service = format!("Service::{name}");
        plan.declares(&service, json!({ "image": image }));
        for port in ports {
            plan.declares(&service, published(*port));
        }
    }
    plan.declares(
        "Service::app",
        json!({ "environment": {
            "APP_ENV": "development",
            "REDIS_URL": "redis://redis:6379/0",
            "QDRANT_URL": "http://qdrant:6333",
        } }),
    );
    plan.declares(
        "Service::postgres",
        json!({
            "environment": { "POSTGRES_DB": "codelab", "POSTGRES_USER": "postgres" },
            "healthcheck": { "test": ["CMD", "pg_isready", "-U", "postgres"] },
        }),
    );
    plan.declares(
        "Service::grafana",
        json!({ "environment": { "GF_SECURITY_ADMIN_USER": "admin" } }),
    );
}

/// Easy Flow on Kubernetes.
pub(crate) fn easyflow_on_kubernetes() {
    let project = Project::new(env!("CARGO_BIN_EXE_easyflow_kubernetes"), KUBERNETES)
        .variable("IAC_CONFIG_SECRETS__OPENAI_API_KEY", "sk-of-a-test")
        .variable("IAC_CONFIG_SECRETS__TELEGRAM_BOT_TOKEN", "1:of-a-test");
    let plan = Planned::of(project);
    plan.declares("Namespace::easyflow", json!({ "kind": "Namespace" }));
    plan.declares(
        "ConfigMap::easyflow-config",
        json!({ "data": { "LOG_LEVEL": "INFO", "WORKERS": "4" } }),
    );
    plan.declares("Secret::easyflow-secrets", json!({ "type": "Opaque" }));
    for (name, image, path, requests, limits, port) in [
        (
            "postgres",
            "postgres:15-alpine",
            "/var/lib/postgresql/data",
            ["500m", "512Mi"],
            ["1", "1Gi"],
            5432,
        ),
        (
            "redis",
            "redis:7-alpine",
            "/data",
            ["250m", "256Mi"],
            ["500m", "512Mi"],
            6379,
        ),
    ] {
        plan.declares(
            &format!("StatefulSet::{name}"),
            pod(json!({
                "image": image,
                "ports": [{ "containerPort": port }],
                "resources": resources(requests, limits),
                "volumeMounts": [{ "mountPath": path }],
            })),
        );
        plan.declares(
            &format!("Service::{name}"),
            json!({ "spec": { "ports": [{ "port": port }] } }),
        );
    }
    let password = secret("POSTGRES_PASSWORD", "easyflow-secrets", "DATABASE_PASSWORD");
    let database = json!({ "name": "POSTGRES_DB", "value": "easyflow" });
    plan.declares("StatefulSet::postgres", pod(json!({ "env": [database, password] })));
    plan.declares("StatefulSet::redis", pod(json!({ "args": ["--appendonly", "yes"] })));
    plan.declares("Deployment::easyflow-app", json!({ "spec": { "replicas": 3 } }));
    plan.declares(
        "Deployment::easyflow-app",
        pod(json!({
            "image": "easyflow:latest",
            "ports": [{ "containerPort": 8000 }],
            "envFrom": [
                { "configMapRef": { "name": "easyflow-config" } },
                { "secretRef": { "name": "easyflow-secrets" } },
            ],
            "resources": resources(["500m", "512Mi"], ["1", "1Gi"]),
            "livenessProbe": probe(30, 30),
            "readinessProbe": probe(5, 10),
        })),
    );
    plan.declares(
        "Service::easyflow-app-service",
        json!({ "spec": { "ports": [{ "port": 80, "targetPort": 8000 }] } }),
    );
    plan.declares("HorizontalPodAutoscaler::easyflow-app-hpa", scaler("easyflow-app"));
    plan.declares(
        "Ingress::easyflow-ingress",
        ingress("api.easyflow.dev", "easyflow-app-service", "easyflow-tls"),
    );
    let redirect = json!({ "nginx.ingress.kubernetes.io/ssl-redirect": "true" });
    plan.declares(
        "Ingress::easyflow-ingress",
        json!({ "metadata": { "annotations": redirect } }),
    );
    plan.declares(
        "CronJob::postgres-backup",
        json!({ "spec": { "schedule": "0 2 * * *", "jobTemplate": { "spec": { "template": { "spec": {
            "containers": [{
                "image": "postgres:15-alpine",
                "env": [
                    { "name": "PGDATABASE", "value": "easyflow" },
                    secret("PGPASSWORD", "easyflow-secrets", "DATABASE_PASSWORD"),
                ],
            }],
            "volumes": [{ "persistentVolumeClaim": { "claimName": "backup-pvc" } }],
        } } } } } }),
    );
    dumps_are_kept_for_a_week(&plan);
}

/// Easy Flow on Docker.
pub(crate) fn easyflow_on_docker() {
    let project = Project::new(env!("CARGO_BIN_EXE_easyflow_docker"), DOCKER)
        .variable("IAC_CONFIG_TLS__CERTIFICATE", "a certificate")
        .variable("IAC_CONFIG_TLS__KEY", "a key");
    let plan = Planned::of(project);
    let celery = |line: &str| json!({ "entrypoint": format!("celery -A app.core.celery {line}").split(' ').collect::<Vec<_>>() });
    for (name, image, more) in [
        (
            "app",
            "easyflow:latest",
            json!({ "healthcheck": { "interval": "10s", "timeout": "5s" } }),
        ),
        (
            "db",
            "postgres:15-alpine",
            json!({ "environment": { "POSTGRES_DB": "easyflow", "POSTGRES_USER": "postgres" }, "healthcheck": { "test": ["pg_isready"] } }),
        ),
        (
            "redis",
            "redis:7-alpine",
            json!({ "command": ["redis-server", "--appendonly", "yes"] }),
        ),
        (
            "celery-worker",
            "easyflow:latest",
            celery("worker --loglevel=info --concurrency=4"),
        ),
        ("celery-beat", "easyflow:latest", celery("beat --loglevel=info")),
        (
            "nginx",
            "nginx:alpine",
            json!({ "ports": [{ "target": 80, "published": 80 }, { "target": 443, "published": 443 }] }),
        ),
        ("prometheus", "prom/prometheus:v3.5.0", published(9090)),
        ("grafana", "grafana/grafana:12.1.0", published(3000)),
    ] {
        plan.declares(
            &format!("Service::{name}"),
            json!({ "image": image, "restart": "unless-stopped" }),
        );
        plan.declares(&format!("Service::{name}"), more);
    }
    let limits = json!({ "limits": { "cpus": 1.0, "memory": "1g" }, "reservations": { "memory": "512m" } });
    plan.declares(
        "Service::app",
        json!({ "deploy": { "replicas": 3, "resources": limits } }),
    );
    plan.declares("Service::celery-worker", json!({ "deploy": { "replicas": 2 } }));
    for volume in ["postgres_data", "redis_data"] {
        plan.declares(
            &format!("Volume::{volume}"),
            json!({ "name": format!("easyflow_{volume}") }),
        );
    }
}
