//! Numbers and booleans that are written as texts, as they are wherever a variable stands for them.

use super::tree::{Data, Path};

#[derive(Clone, Copy)]
enum Kind {
    Whole,
    Number,
    Flag,
}

/// Where compose reads a text as something else.
const CASTS: [(&str, Kind); 42] = [
    ("configs.*.external", Kind::Flag),
    ("networks.*.attachable", Kind::Flag),
    ("networks.*.enable_ipv4", Kind::Flag),
    ("networks.*.enable_ipv6", Kind::Flag),
    ("networks.*.external", Kind::Flag),
    ("networks.*.internal", Kind::Flag),
    ("secrets.*.external", Kind::Flag),
    ("services.*.cpu_count", Kind::Whole),
    ("services.*.cpu_percent", Kind::Number),
    ("services.*.cpu_period", Kind::Whole),
    ("services.*.cpu_quota", Kind::Whole),
    ("services.*.cpu_rt_period", Kind::Whole),
    ("services.*.cpu_rt_runtime", Kind::Whole),
    ("services.*.cpu_shares", Kind::Whole),
    ("services.*.cpus", Kind::Number),
    ("services.*.deploy.placement.max_replicas_per_node", Kind::Whole),
    ("services.*.deploy.replicas", Kind::Whole),
    ("services.*.deploy.restart_policy.max_attempts", Kind::Whole),
    ("services.*.deploy.rollback_config.max_failure_ratio", Kind::Number),
    ("services.*.deploy.rollback_config.parallelism", Kind::Whole),
    ("services.*.deploy.update_config.max_failure_ratio", Kind::Number),
    ("services.*.deploy.update_config.parallelism", Kind::Whole),
    ("services.*.healthcheck.disable", Kind::Flag),
    ("services.*.healthcheck.retries", Kind::Whole),
    ("services.*.init", Kind::Flag),
    ("services.*.oom_kill_disable", Kind::Flag),
    ("services.*.oom_score_adj", Kind::Whole),
    ("services.*.pids_limit", Kind::Whole),
    ("services.*.ports.*.target", Kind::Whole),
    ("services.*.privileged", Kind::Flag),
    ("services.*.read_only", Kind::Flag),
    ("services.*.scale", Kind::Whole),
    ("services.*.stdin_open", Kind::Flag),
    ("services.*.tty", Kind::Flag),
    ("services.*.ulimits.*", Kind::Whole),
    ("services.*.ulimits.*.hard", Kind::Whole),
    ("services.*.ulimits.*.soft", Kind::Whole),
    ("services.*.use_api_socket", Kind::Flag),
    ("services.*.volumes.*.bind.create_host_path", Kind::Flag),
    ("services.*.volumes.*.read_only", Kind::Flag),
    ("services.*.volumes.*.volume.nocopy", Kind::Flag),
    ("volumes.*.external", Kind::Flag),
];

/// Reads a text as the number or boolean that the specification wants at a path; `None` if a text belongs there.
///
/// # Errors
/// When it is no such number or boolean.
pub(super) fn cast(text: &str, path: &Path) -> Result<Option<Data>, String> {
    let Some((_, kind)) = CASTS.iter().find(|(pattern, _)| path.matches(pattern)) else {
        return Ok(None);
    };
    let data = match kind {
        Kind::Whole => text.parse().ok().map(Data::Int),
        Kind::Number => text.parse().ok().map(Data::Float),
        Kind::Flag => flag(text).map(Data::Flag),
    };
    let wanted = match kind {
        Kind::Whole => "a whole number",
        Kind::Number => "a number",
        Kind::Flag => "true or false",
    };
    data.map(Some).ok_or_else(|| format!("{text:?} is not {wanted}"))
}

/// Reads yes or no from a text, in the words of YAML 1.1.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "y" | "yes" | "on" => Some(true),
        "false" | "n" | "no" | "off" => Some(false),
        _ => None,
    }
}
