//! codelab on Kubernetes, in production: PostgreSQL, Redis and Qdrant with their claims, a migration that runs once, the API
//! with its autoscaler and the way in, metrics, alerts and dashboards, and a daily backup. Its settings are in
//! `codelab/settings.rs`.

use std::process::ExitCode;

use iac_app::{App, Binding, Probe, Route};
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
    app.storage_class(&cluster.storage_class);
    let codelab = codelab(&app, &s, stack.config_secret("secrets.openai_api_key").into(), None);
    let ingress = &cluster.ingress;
    codelab
        .api
        // /health itself waits up to 2 s for each part.
        .alive(Probe::http("/health").timed(cluster.liveness))
        .autoscale(cluster.replicas.api, cluster.autoscale)
        .route(
            Route::host(&ingress.host)
                .class(&ingress.class)
                .tls_from(&ingress.issuer, "codelab-tls")
                // The guide's `rate-limit` is no annotation of ingress-nginx; this one is.
                .annotation("nginx.ingress.kubernetes.io/limit-rpm", ingress.requests_per_minute),
        );
    if cluster.monitoring.enabled {
        codelab.api.scrape("/metrics", &cluster.scrape_interval);
        app.alerts("codelab-alerts", "codelab", "30s", alerts(&s));
    }
    if let Some(host) = &cluster.monitoring.prometheus {
        grafana(&app, &s, &Binding::external("prometheus", "http", host, 9090), None);
    }
    backup(&app, &s, &codelab);
    stack.export("url", format!("https://{}", ingress.host));
    Ok(())
}
