//! The labels by which docker compose, and we, know what belongs to a project.

/// The project's name.
pub(crate) const PROJECT: &str = "com.docker.compose.project";
/// The service's name.
pub(crate) const SERVICE: &str = "com.docker.compose.service";
/// Which of the service's containers it is, from 1.
pub(crate) const NUMBER: &str = "com.docker.compose.container-number";
/// A digest of the definition; docker compose lists only containers that have one. Never on networks and volumes.
pub(crate) const CONFIG_HASH: &str = "com.docker.compose.config-hash";
/// `True` for a container of `docker compose run`, else `False`, with capitals.
pub(crate) const ONEOFF: &str = "com.docker.compose.oneoff";
/// The services that the service depends on: `db:service_healthy:false,…`; gives `docker compose down` its order.
pub(crate) const DEPENDS_ON: &str = "com.docker.compose.depends_on";
/// The image's ID.
pub(crate) const IMAGE: &str = "com.docker.compose.image";
/// A network's key in the project.
pub(crate) const NETWORK: &str = "com.docker.compose.network";
/// A volume's key in the project.
pub(crate) const VOLUME: &str = "com.docker.compose.volume";

/// Which of our stacks made it.
pub(crate) const STACK: &str = "iac.stack";
/// The id of that stack: its name alone may be that of others.
pub(crate) const STACK_ID: &str = "iac.stack-id";
/// Which volume of its name it is: drawn when it is made.
pub(crate) const GENERATION: &str = "iac.generation";
/// Our own digest of the definition; see [`hash`](crate::hash).
pub(crate) const SPEC: &str = "iac.spec";

/// A filter for lists: everything with these labels.
pub(crate) fn filter<const N: usize>(labels: [(&str, &str); N]) -> std::collections::HashMap<String, Vec<String>> {
    let labels = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    std::collections::HashMap::from([("label".to_owned(), labels)])
}
