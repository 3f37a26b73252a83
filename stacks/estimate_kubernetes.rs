//! estimate-service on Kubernetes: its parts in a namespace that takes restricted pods only, with the guide's probes,
//! autoscaler and way in.

use std::process::ExitCode;

use iac_app::{App, Autoscale, Container, Peer, Probe, Route, Stateful};
use iac_core::{Result, Stack, settings};
use iac_k8s::{Kubernetes, KubernetesProvider};
use systems::estimate::logging::{Logs, ship};
use systems::estimate::{Settings, estimate};

settings! {
    /// What belongs to the cluster.
    struct Cluster {
        ingress: Ingress,
        autoscale: bool = true,
    }

    struct Ingress {
        host: String = "api.estimate-service.com".into(),
        issuer: String = "letsencrypt-prod".into(),
        /// Where the ingress controller runs.
        namespace: String = "ingress-nginx".into(),
    }
}

fn main() -> ExitCode {
    systems::run("estimate_kubernetes", KubernetesProvider::new(), estimate_kubernetes)
}

fn estimate_kubernetes(stack: &Stack) -> Result {
    let s = Settings::read(stack)?;
    let cluster: Cluster = stack.settings_with_defaults(Cluster::default())?;
    let Logs { logs } = stack.settings_with_defaults(Logs::default())?;
    let kubernetes = Kubernetes::new(stack);
    let namespace = kubernetes.namespace(
        "estimate-service",
        [("pod-security.kubernetes.io/enforce", "restricted")],
    );
    let app = App::on(&namespace);
    let system = estimate(&app, &s)?;
    for service in &system.services {
        service.alive(Probe::http("/health").delay(30).every(10));
    }
    let [_, service, ..] = &system.services;
    if cluster.autoscale {
        service.scale(s.replicas.estimate, 10, [Autoscale::cpu(70)]);
    }
    let route = Route::host(&cluster.ingress.host)
        .named("estimate-ingress")
        .tls_from(&cluster.ingress.issuer, "estimate-tls")
        .annotation("nginx.ingress.kubernetes.io/ssl-redirect", "true")
        .annotation("nginx.ingress.kubernetes.io/use-regex", "true");
    system
        .nginx
        .route(route)
        .open_to(Peer::namespace(&cluster.ingress.namespace));
    // On Docker, volumes and files belong to what the images say, and nothing is put into a container that is read only.
    system
        .chroma
        .container(|container| container.user(1000).group(1000).restricted().scratch("/tmp"));
    let data: [&Stateful; 4] = [&system.postgres, &system.redis, &system.chroma, &system.prometheus];
    for part in data {
        part.container(Container::read_only);
    }
    system.grafana.container(|container| container.scratch("/tmp"));
    for part in [&system.nginx, &system.frontend, &system.grafana] {
        part.container(Container::read_only);
    }
    if logs.enabled {
        ship(&kubernetes, &logs);
    }
    stack.export("url", format!("https://{}", cluster.ingress.host));
    Ok(())
}
