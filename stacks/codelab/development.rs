//! codelab on Docker for developers; production there is `codelab_docker_prod.rs`.

use iac_app::{App, Publish};
use iac_core::{Result, Stack};

use super::{Codelab, Host, Settings, codelab};

/// codelab with the guides' credentials, which everybody knows, so all ports are this machine's only.
///
/// # Errors
/// When the configuration is wrong.
pub fn development(stack: &Stack, app: &App) -> Result<(Codelab, Settings, Host)> {
    let s: Settings = stack.settings_with_defaults(Settings::development())?;
    let host: Host = stack.settings_with_defaults(Host::default())?;
    let openai = s.secrets.openai_api_key.clone();
    // The placeholder that the guides print; enough for all but the agents.
    let openai = openai.map_or_else(|| "sk-your-openai-api-key".into(), Into::into);
    let codelab = codelab(app, &s, openai, Some(stack.secret("database password", "postgres")));
    let ports = &host.ports;
    codelab.api.publish(Publish::local(ports.api));
    if let Some(postgres) = codelab.postgres.own() {
        postgres.publish(Publish::local(ports.postgres));
    }
    if let Some(redis) = codelab.redis.own() {
        redis.publish(Publish::local(ports.redis));
    }
    codelab
        .qdrant
        .publish(Publish::local(ports.qdrant))
        .publish(Publish::local(ports.qdrant_grpc).to("grpc"));
    stack.export("url", codelab.api.published_url());
    Ok((codelab, s, host))
}
