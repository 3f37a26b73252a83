//! codelab on Kubernetes: PostgreSQL, Redis and Qdrant with their claims, a migration that runs once, the API with its
//! autoscaler and the way in, metrics and alerts, and a daily backup.

use std::process::ExitCode;

use iac_app::{App, Autoscale, Probe, Route};
use iac_backends::{PostgresState, S3State};
use iac_core::{Program, Result, Stack};
use iac_k8s::{Kubernetes, KubernetesProvider, KubernetesState};
use systems::codelab::{Cluster, Secrets, Settings, alerts, codelab};

fn main() -> ExitCode {
    Program::new("prod")
        .provider(KubernetesProvider::new())
        .backend(KubernetesState::SCHEME)
        .backend(PostgresState::SCHEME)
        .backend(S3State::SCHEME)
        .run(prod)
}

fn prod(stack: &Stack) -> Result<()> {
    let s: Settings = stack.settings_with_defaults(Settings::default())?;
    let cluster: Cluster = stack.settings_with_defaults(Cluster::default())?;
    let labels = [("name", "codelab"), ("environment", "production")];
    let app = App::on(&Kubernetes::new(stack).namespace("codelab", labels));
    app.storage_class(&cluster.storage.class);
    let secrets = Secrets {
        openai: stack.config_secret("secrets.openai_api_key").into(),
        database: stack.random_password("database-password", 24).result(),
    };
    let codelab = codelab(&app, &s, secrets);
    codelab
        .api
        // /health itself waits up to 2 s for each part.
        .alive(Probe::http("/health").delay(30))
        .scale(
            cluster.replicas.api,
            cluster.replicas.api_max,
            [Autoscale::cpu(70), Autoscale::memory(80)],
        )
        .route(
            Route::host(&cluster.ingress.host)
                .class(&cluster.ingress.class)
                .tls_from(&cluster.ingress.issuer, "codelab-tls")
                // The guide's `rate-limit` is no annotation of ingress-nginx; this one is.
                .annotation("nginx.ingress.kubernetes.io/limit-rpm", "100"),
        );
    if cluster.monitoring.enabled {
        codelab.api.scrape("/metrics", "30s");
        app.alerts("codelab-alerts", "codelab", "30s", alerts());
    }
    app.backup(
        "postgres-backup",
        codelab
            .postgres
            .dump()
            .schedule("0 2 * * *".parse()?)
            .keep_days(7)
            .on_volume("backup-pvc", &s.sizes.backup),
    );
    stack.export("url", format!("https://{}", cluster.ingress.host));
    Ok(())
}
