//! What the Docker programs of codelab have in common.

use iac_app::{App, Publish};
use iac_core::{Result, Stack};

use super::{Codelab, Host, Secrets, Settings, codelab};

/// codelab for a developer: with the guides' credentials, which everybody knows, so all ports are this machine's only.
///
/// # Errors
/// When the configuration is wrong.
pub fn development(stack: &Stack, app: &App) -> Result<(Codelab, Settings, Host)> {
    let settings: Settings = stack.settings_with_defaults(Settings::development())?;
    let host: Host = stack.settings_with_defaults(Host::default())?;
    let openai = settings.secrets.openai_api_key.clone();
    let secrets = Secrets {
        // What the guides print in its place; enough for all but the agents.
        openai: openai.map_or_else(|| "sk-your-openai-api-key".into(), Into::into),
        database: stack.secret("database password", "postgres"),
    };
    let codelab = codelab(app, &settings, secrets);
    let ports = &host.ports;
    codelab.api.publish(Publish::local(ports.app));
    codelab.postgres.publish(Publish::local(ports.postgres));
    codelab.redis.publish(Publish::local(ports.redis));
    codelab
        .qdrant
        .publish(Publish::local(ports.qdrant))
        .publish(Publish::local(ports.qdrant_grpc).to("grpc"));
    stack.export("url", codelab.api.published_url());
    Ok((codelab, settings, host))
}
