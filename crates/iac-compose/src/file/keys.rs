//! Which keys of the specification are supported, so that none is ignored without a word.

use serde_json::Value as Json;

use super::FileError;

/// At the top of a file.
const TOP: &[&str] = &[
    "configs", "name", "networks", "secrets", "services", "version", "volumes",
];

/// Of a service.
const SERVICE: &[&str] = &[
    "build",
    "cap_add",
    "cap_drop",
    "command",
    "configs",
    "container_name",
    "cpu_shares",
    "cpus",
    "cpuset",
    "depends_on",
    "deploy",
    "devices",
    "dns",
    "dns_opt",
    "dns_search",
    "domainname",
    "entrypoint",
    "env_file",
    "environment",
    "expose",
    "extends",
    "extra_hosts",
    "group_add",
    "healthcheck",
    "hostname",
    "image",
    "init",
    "ipc",
    "labels",
    "logging",
    "mem_limit",
    "mem_reservation",
    "network_mode",
    "networks",
    "oom_score_adj",
    "pid",
    "pids_limit",
    "platform",
    "ports",
    "privileged",
    "profiles",
    "pull_policy",
    "read_only",
    "restart",
    "runtime",
    "scale",
    "secrets",
    "security_opt",
    "shm_size",
    "stdin_open",
    "stop_grace_period",
    "stop_signal",
    "sysctls",
    "tmpfs",
    "tty",
    "ulimits",
    "user",
    "userns_mode",
    "volumes",
    "working_dir",
];

/// Of a network.
const NETWORK: &[&str] = &[
    "attachable",
    "driver",
    "driver_opts",
    "enable_ipv6",
    "external",
    "internal",
    "ipam",
    "labels",
    "name",
];

/// Of a volume.
const VOLUME: &[&str] = &["driver", "driver_opts", "external", "labels", "name"];

/// Of a config or secret.
const CONFIG: &[&str] = &["content", "environment", "file"];

/// Keys of the specification that are not supported, with what to do instead.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("annotations", "use labels"),
    (
        "attach",
        "it only concerns the output of `docker compose up`; leave it out",
    ),
    ("blkio_config", "leave it out"),
    ("cgroup", "leave it out"),
    ("cgroup_parent", "leave it out"),
    ("cpu_count", "use cpus"),
    ("cpu_percent", "use cpus"),
    ("cpu_period", "use cpus"),
    ("cpu_quota", "use cpus"),
    ("credential_spec", "leave it out"),
    (
        "develop",
        "it only concerns `docker compose watch`; keep it in an override file",
    ),
    ("device_cgroup_rules", "use devices"),
    ("enable_ipv4", "leave it out"),
    ("external_links", "use networks"),
    ("gpus", "leave it out"),
    ("include", "load each file with a call of its own"),
    ("label_file", "use labels"),
    ("links", "services of a network reach one another by name; use networks"),
    ("mac_address", "leave it out"),
    ("mem_swappiness", "leave it out"),
    ("memswap_limit", "use mem_limit"),
    ("models", "leave it out"),
    ("oom_kill_disable", "use oom_score_adj"),
    ("post_start", "use a job that depends on the service"),
    ("pre_start", "use a job that the service depends on"),
    ("pre_stop", "use stop_signal and stop_grace_period"),
    ("provider", "leave it out"),
    ("storage_opt", "leave it out"),
    ("template_driver", "leave it out"),
    ("use_api_socket", "mount the socket with volumes"),
    ("uts", "leave it out"),
    ("volumes_from", "name the volumes in both services"),
];

/// Which part of a file keys belong to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    Top,
    Service,
    Network,
    Volume,
    Config,
}

/// Takes extensions (`x-…`) out of a map and refuses keys that are not supported; `at` is the map's path.
pub(super) fn check(map: &mut serde_json::Map<String, Json>, part: Part, at: &str) -> Result<(), FileError> {
    map.retain(|key, _| !key.starts_with("x-"));
    let known = match part {
        Part::Top => TOP,
        Part::Service => SERVICE,
        Part::Network => NETWORK,
        Part::Volume => VOLUME,
        Part::Config => CONFIG,
    };
    let unknown = map.keys().find(|key| !known.contains(&key.as_str()));
    if let Some(key) = unknown {
        let path = if at.is_empty() {
            key.clone()
        } else {
            format!("{at}.{key}")
        };
        let message = match UNSUPPORTED.iter().find(|(name, _)| name == key) {
            Some((_, hint)) => format!("this key is not supported here; {hint}"),
            None => match nearest(key, known) {
                Some(near) => format!("this is no key of the compose specification; did you mean {near:?}?"),
                None => "this is no key of the compose specification; keys of your own begin with x-".to_owned(),
            },
        };
        return Err(FileError::Key { path, message });
    }
    Ok(())
}

/// A known key that differs in a letter or two.
fn nearest<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    let (distance, near) = known.iter().map(|name| (distance(key, name), *name)).min()?;
    (distance <= 2).then_some(near)
}

/// How many letters have to be changed, added, left out or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in table.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in table[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let change = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = change.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(table[i - 2][j - 2] + 1);
            }
            table[i][j] = best;
        }
    }
    table[a.len()][b.len()]
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_key_is_ignored() {
        let table = [
            (json!({"image": "x", "x-mine": 1}), None),
            (json!({"imgae": "x"}), Some("did you mean \"image\"?")),
            (json!({"links": []}), Some("use networks")),
            (json!({"frobnicate": 1}), Some("begin with x-")),
        ];
        for (json, expected) in table {
            let mut map = json.as_object().expect("an object").clone();
            let result = check(&mut map, Part::Service, "services.web").map_err(|error| error.to_string());
            match (result, expected) {
                (Ok(()), None) => {}
                (Err(message), Some(expected)) => {
                    assert!(
                        message.contains(expected) && message.starts_with("services.web."),
                        "{message}"
                    );
                }
                (result, expected) => panic!("{result:?} is not {expected:?}"),
            }
        }
    }
}
