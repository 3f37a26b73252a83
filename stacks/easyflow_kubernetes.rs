//! Easy Flow on Kubernetes: its parts with the guide's autoscaler, way in and backup.

use std::process::ExitCode;

use iac_app::{App, Autoscale, Probe, Route};
use iac_core::{Result, Stack, settings};
use iac_k8s::{Kubernetes, KubernetesProvider};
use systems::easyflow::{Settings, easyflow, monitoring};

settings! {
    /// What belongs to the cluster.
    struct Cluster {
        ingress: Ingress,
        autoscale: bool = true,
    }

    struct Ingress {
        host: String = "api.easyflow.dev".into(),
        issuer: String = "letsencrypt-prod".into(),
    }
}

fn main() -> ExitCode {
    systems::run("easyflow_kubernetes", KubernetesProvider::new(), easyflow_kubernetes)
}

fn easyflow_kubernetes(stack: &Stack) -> Result<()> {
    let s: Settings = stack.settings_with_defaults(Settings::default())?;
    let cluster: Cluster = stack.settings_with_defaults(Cluster::default())?;
    let app = App::on(&Kubernetes::new(stack).namespace("easyflow", []));
    let flow = easyflow(&app, &s);
    flow.app.alive(Probe::http("/health").delay(30).every(30)).route(
        Route::host(&cluster.ingress.host)
            .named("easyflow-ingress")
            .tls_from(&cluster.ingress.issuer, "easyflow-tls")
            .annotation("nginx.ingress.kubernetes.io/ssl-redirect", "true")
            // The guide's `rate-limit` is no annotation of ingress-nginx; this one is.
            .annotation("nginx.ingress.kubernetes.io/limit-rpm", "100"),
    );
    if cluster.autoscale {
        flow.app
            .scale(s.replicas.app, 10, [Autoscale::cpu(70), Autoscale::memory(80)]);
    }
    monitoring(&app, &s, &flow);
    app.backup(
        "postgres-backup",
        flow.postgres
            .dump()
            .schedule("0 2 * * *".parse()?)
            .keep_days(7)
            .on_volume("backup-pvc", &s.sizes.backup)
            .upload(&s.upload),
    );
    stack.export("url", format!("https://{}", cluster.ingress.host));
    Ok(())
}
