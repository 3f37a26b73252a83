//! codelab on Kubernetes: PostgreSQL, Redis and Qdrant with their claims, a migration that runs once, the API with its
//! autoscaler and the way in, metrics, alerts and dashboards, and a daily backup.

use std::process::ExitCode;

use iac_app::{App, Autoscale, Binding, Probe, Route};
use iac_core::{Result, Stack};
use iac_k8s::{Kubernetes, KubernetesProvider};
use systems::codelab::{Cluster, Settings, alerts, backup, codelab, grafana};

fn main() -> ExitCode {
    systems::run("prod", KubernetesProvider::new(), prod)
}

fn prod(stack: &Stack) -> Result {
    let s: Settings = stack.settings_with_defaults(Settings::default())?;
    let cluster: Cluster = stack.settings_with_defaults(Cluster::default())?;
    let labels = [("name", "codelab"), ("environment", "production")];
    let app = App::on(&Kubernetes::new(stack).namespace("codelab", labels));
    app.storage_class(&cluster.storage.class);
    let codelab = codelab(&app, &s, stack.config_secret("secrets.openai_api_key").into(), None);
    let (replicas, ingress) = (&cluster.replicas, &cluster.ingress);
    let by = [Autoscale::cpu(70), Autoscale::memory(80)];
    codelab
        .api
        // /health itself waits up to 2 s for each part.
        .alive(Probe::http("/health").delay(30))
        .scale(replicas.api, replicas.api_max, by)
        .route(
            Route::host(&ingress.host)
                .class(&ingress.class)
                .tls_from(&ingress.issuer, "codelab-tls")
                // The guide's `rate-limit` is no annotation of ingress-nginx; this one is.
                .annotation("nginx.ingress.kubernetes.io/limit-rpm", "100"),
        );
    if cluster.monitoring.enabled {
        codelab.api.scrape("/metrics", "30s");
        app.alerts("codelab-alerts", "codelab", "30s", alerts());
    }
    if let Some(host) = &cluster.monitoring.prometheus {
        grafana(&app, &s, &Binding::external("prometheus", "http", host, 9090), None);
    }
    backup(&app, &s, &codelab)?;
    stack.export("url", format!("https://{}", ingress.host));
    Ok(())
}
