//! estimate-service on Kubernetes: its parts in a namespace that takes restricted pods only, with the guide's probes,
//! autoscaler and way in.

use std::process::ExitCode;

use iac_app::{App, Container, Peer, Probe, Route, Stateful};
use iac_core::{Result, Stack};
use iac_k8s::{Kubernetes, KubernetesProvider};
use systems::estimate::logging::ship;
use systems::estimate::{Cluster, Settings, estimate};

fn main() -> ExitCode {
    systems::run("estimate_kubernetes", KubernetesProvider::new(), estimate_kubernetes)
}

fn estimate_kubernetes(stack: &Stack) -> Result {
    let s = Settings::read(stack)?;
    let cluster: Cluster = stack.settings_with_defaults(Cluster::default())?;
    let ingress = &cluster.ingress;
    let kubernetes = Kubernetes::new(stack);
    let namespace = kubernetes.namespace(
        "estimate-service",
        [("pod-security.kubernetes.io/enforce", "restricted")],
    );
    let app = App::on(&namespace);
    let system = estimate(&app, &s)?;
    for service in &system.services {
        service.alive(Probe::http("/health").timed(cluster.liveness));
    }
    let [_, service, ..] = &system.services;
    service.autoscale(s.replicas.estimate, cluster.autoscale);
    let route = Route::host(&ingress.host)
        .named("estimate-ingress")
        .tls_from(&ingress.issuer, "estimate-tls")
        .annotation("nginx.ingress.kubernetes.io/ssl-redirect", "true")
        // Otherwise ingress-nginx takes 1 MB.
        .annotation("nginx.ingress.kubernetes.io/proxy-body-size", s.storage.upload_max_size)
        .annotation("nginx.ingress.kubernetes.io/use-regex", "true");
    system.nginx.route(route).open_to(Peer::namespace(&ingress.namespace));
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
    if cluster.logs.enabled {
        ship(&kubernetes, &cluster.logs);
    }
    stack.export("url", format!("https://{}", ingress.host));
    Ok(())
}
