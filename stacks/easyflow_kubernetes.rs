//! Easy Flow on Kubernetes: its parts with the guide's autoscaler, way in and backup.

use std::process::ExitCode;

use iac_app::{App, Probe, Route};
use iac_core::{Result, Stack};
use iac_k8s::{Kubernetes, KubernetesProvider};
use systems::easyflow::{Cluster, Settings, easyflow, monitoring};

fn main() -> ExitCode {
    systems::run("easyflow_kubernetes", KubernetesProvider::new(), easyflow_kubernetes)
}

fn easyflow_kubernetes(stack: &Stack) -> Result<()> {
    let s: Settings = stack.settings_with_defaults(Settings::default())?;
    let cluster: Cluster = stack.settings_with_defaults(Cluster::default())?;
    let ingress = &cluster.ingress;
    let app = App::on(&Kubernetes::new(stack).namespace("easyflow", []));
    let flow = easyflow(&app, &s, Some(&ingress.host));
    flow.app
        .autoscale(s.replicas.app, cluster.autoscale)
        .alive(Probe::http("/health").timed(cluster.liveness))
        .route(
            Route::host(&ingress.host)
                .named("easyflow-ingress")
                .tls_from(&ingress.issuer, "easyflow-tls")
                .annotation("nginx.ingress.kubernetes.io/ssl-redirect", "true")
                // The guide's `rate-limit` is no annotation of ingress-nginx; this one is.
                .annotation("nginx.ingress.kubernetes.io/limit-rpm", ingress.requests_per_minute),
        );
    monitoring(&app, &s, &flow);
    stack.export("url", format!("https://{}", ingress.host));
    Ok(())
}
