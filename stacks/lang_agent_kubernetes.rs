//! lang-agent on Kubernetes, which its guide does not have: the same parts, where an Ingress leads `/api` to the backend and
//! all else to the front end.

use std::process::ExitCode;

use iac_app::{App, Probe, Route};
use iac_core::{Result, Stack};
use iac_k8s::{Kubernetes, KubernetesProvider};
use systems::lang_agent::{Keys, Settings, lang_agent, monitoring};

fn main() -> ExitCode {
    systems::run("lang_agent_kubernetes", KubernetesProvider::new(), kubernetes)
}

fn kubernetes(stack: &Stack) -> Result<()> {
    let s: Settings = stack.settings_with_defaults(Settings::default())?;
    let app = App::on(&Kubernetes::new(stack).namespace("lang-agent", []));
    let agent = lang_agent(&app, &s, &stack.settings::<Keys>()?);
    monitoring(&app, &s, &agent);
    let frontend = app.web(
        "frontend",
        agent
            .frontend
            .file(
                "/etc/nginx/conf.d/default.conf",
                "server { listen 80; include pages.conf; }\n",
            )
            .ready(Probe::http("/").timed(s.probes.frontend)),
    );
    let route = || {
        let route = Route::host(&s.ingress.host);
        route.annotation("nginx.ingress.kubernetes.io/proxy-body-size", &s.ingress.max_body)
    };
    frontend.route(route().named("frontend").tls_from(&s.ingress.issuer, "lang-agent-tls"));
    // The same certificate, which the other one gets.
    agent
        .backend
        .route(route().path("/api").named("backend").tls("lang-agent-tls"));
    stack.export("url", format!("https://{}", s.ingress.host));
    Ok(())
}
