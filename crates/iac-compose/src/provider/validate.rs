//! Problems of a definition that can be told without an engine, and features that an engine of some version lacks.

use iac_core::provider::Problem;
use iac_core::value::FieldPath;

use crate::inputs::{Inputs, ServiceInputs};
use crate::model::MountKind;

/// The problems of a resource.
pub(crate) fn problems(inputs: &Inputs) -> Vec<Problem> {
    match inputs {
        Inputs::Service(inputs) => service(inputs),
        Inputs::Network(inputs) => name_problem("project", &inputs.project, is_project_name)
            .into_iter()
            .collect(),
        Inputs::Volume(inputs) => name_problem("project", &inputs.project, is_project_name)
            .into_iter()
            .collect(),
        Inputs::Image(_) => Vec::new(),
    }
}

fn problem(path: &[&str], message: impl Into<String>, hint: &str) -> Problem {
    Problem {
        hint: Some(hint.to_owned()),
        ..Problem::new(FieldPath::fields(path.iter().copied()), message)
    }
}

fn is_project_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()) && name.chars().all(fits)
}

fn is_service_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

fn name_problem(field: &str, name: &str, is_valid: fn(&str) -> bool) -> Option<Problem> {
    let hint = "use lower-case letters, digits, - and _, beginning with a letter or digit";
    (!is_valid(name)).then(|| problem(&[field], format!("{name:?} cannot be the name of a {field}"), hint))
}

fn service(inputs: &ServiceInputs) -> Vec<Problem> {
    let spec = &inputs.spec;
    let mut found: Vec<Problem> = Vec::new();
    found.extend(name_problem("project", &inputs.project, is_project_name));
    found.extend(name_problem("service", &inputs.service, is_service_name));
    if spec.image.is_empty() {
        found.push(problem(
            &["image"],
            "there is neither an image nor a build",
            "set image, or build",
        ));
    }
    found.extend(replicas(inputs));
    found.extend(network_mode(inputs));
    if let Some(shares) = spec
        .cpu_shares
        .filter(|shares| *shares != 0 && !(2..=262_144).contains(shares))
    {
        let hint = "use a number from 2 to 262144; 1024 is the usual one";
        found.push(problem(
            &["cpu_shares"],
            format!("Linux knows no share of {shares}"),
            hint,
        ));
    }
    if spec.read_only && !(spec.configs.is_empty() && spec.secrets.is_empty()) {
        let message = "configs and secrets cannot be written into a container whose file system is read only";
        found.push(problem(
            &["read_only"],
            message,
            "give their contents with file, which is mounted, or leave read_only out",
        ));
    }
    let mode = spec.deploy.as_ref().and_then(|deploy| deploy.mode.as_deref());
    if let Some(mode) = mode.filter(|mode| *mode != "replicated") {
        let message = format!("{mode:?} needs a cluster of engines; one engine knows \"replicated\" only");
        found.push(problem(&["deploy", "mode"], message, "set deploy.replicas"));
    }
    if let Some(check) = &spec.healthcheck
        && check.start_interval.is_some()
        && check.start_period.is_none()
    {
        let path = ["healthcheck", "start_interval"];
        found.push(problem(
            &path,
            "it has no effect without a start_period",
            "set start_period as well",
        ));
    }
    found.extend(same_targets(inputs));
    for (index, mount) in spec.volumes.iter().enumerate() {
        if !mount.target.starts_with('/') {
            let path = FieldPath::fields(["volumes"]).index(index).field("target");
            found.push(Problem::new(
                path,
                format!("{:?} is no absolute path in the container", mount.target),
            ));
        }
        if mount.kind == MountKind::Bind && mount.source.is_empty() {
            let path = FieldPath::fields(["volumes"]).index(index).field("source");
            found.push(Problem::new(path, "a bind mount needs the path on the host"));
        }
    }
    found
}

/// Two mounts at one path of the container.
fn same_targets(inputs: &ServiceInputs) -> Vec<Problem> {
    let mut seen = std::collections::BTreeMap::new();
    let mut found = Vec::new();
    for (index, mount) in inputs.spec.volumes.iter().enumerate() {
        let target = crate::parse::mount::clean(&mount.target);
        if let Some(first) = seen.insert(target, index) {
            let path = FieldPath::fields(["volumes"]).index(index).field("target");
            found.push(Problem {
                hint: Some("leave one of them out, or mount it elsewhere".to_owned()),
                ..Problem::new(path, format!("volumes[{first}] is mounted at {} already", mount.target))
            });
        }
    }
    found
}

fn replicas(inputs: &ServiceInputs) -> Vec<Problem> {
    let spec = &inputs.spec;
    if spec.replicas() < 2 {
        return Vec::new();
    }
    let count = spec.replicas();
    let mut found = Vec::new();
    if spec.container_name.is_some() {
        let message = format!("{count} containers cannot have one name");
        found.push(problem(
            &["container_name"],
            message,
            "leave container_name out, or have one replica",
        ));
    }
    let too_few = |port: &&crate::model::Port| {
        let first = port.published.map(u32::from);
        let last = port.published_to.map(u32::from).or(first);
        first.zip(last).is_some_and(|(first, last)| last - first + 1 < count)
    };
    if let Some(port) = spec.ports.iter().find(too_few).and_then(|port| port.published_text()) {
        let message = format!("{count} containers cannot all be reached at port {port} of the host");
        found.push(problem(
            &["ports"],
            message,
            "publish no fixed port (Port::any), a range of as many, or put a proxy in front",
        ));
    }
    found
}

fn network_mode(inputs: &ServiceInputs) -> Vec<Problem> {
    let spec = &inputs.spec;
    let Some(mode) = spec.network_mode.as_deref() else {
        return Vec::new();
    };
    let mut found = Vec::new();
    if mode.starts_with("service:") {
        let message =
            "another service's network cannot be shared: it goes whenever that service's container is replaced";
        found.push(problem(&["network_mode"], message, "put both into one network"));
    }
    if !spec.networks.is_empty() {
        let message = format!("network_mode {mode} and networks exclude one another");
        found.push(problem(&["networks"], message, "leave one of them out"));
    }
    found
}

/// Fields that this engine's API is too old for.
pub(crate) fn too_new(inputs: &ServiceInputs, api: (u32, u32)) -> Vec<Problem> {
    let mut found = Vec::new();
    let needs = |(major, minor): (u32, u32)| {
        format!(
            "it needs engine API {major}.{minor}, and this engine has {}.{}",
            api.0, api.1
        )
    };
    let start_interval = inputs
        .spec
        .healthcheck
        .as_ref()
        .is_some_and(|check| check.start_interval.is_some());
    if start_interval && api < (1, 44) {
        let path = ["healthcheck", "start_interval"];
        found.push(problem(&path, needs((1, 44)), "leave it out, or update the engine"));
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(service: &serde_json::Value) -> Vec<String> {
        let mut json = json!({"project": "p", "service": "s", "image": "x"});
        if let (Some(base), Some(more)) = (json.as_object_mut(), service.as_object()) {
            base.extend(more.clone());
        }
        let inputs = Inputs::read(crate::inputs::SERVICE, &json.into()).expect("readable");
        problems(&inputs)
            .into_iter()
            .map(|problem| problem.path.to_string())
            .collect()
    }

    #[test]
    fn impossible_combinations_are_named() {
        let table: [(serde_json::Value, &[&str]); 13] = [
            (json!({}), &[]),
            (json!({"cpu_shares": 1}), &["cpu_shares"]),
            (json!({"cpu_shares": 0}), &[]),
            (json!({"volumes": ["one:/x", "two:/x/"]}), &["volumes[1].target"]),
            (
                json!({"scale": 2, "ports": [{"target": 80, "published": "81-82"}]}),
                &[],
            ),
            (json!({"image": ""}), &["image"]),
            (json!({"project": "Big"}), &["project"]),
            (
                json!({"deploy": {"replicas": 2}, "container_name": "c"}),
                &["container_name"],
            ),
            (json!({"scale": 2, "ports": ["80:80"]}), &["ports"]),
            (json!({"network_mode": "host", "networks": ["a"]}), &["networks"]),
            (json!({"network_mode": "service:x"}), &["network_mode"]),
            (json!({"read_only": true, "secrets": ["a"]}), &["read_only"]),
            (
                json!({"healthcheck": {"start_interval": "1s"}}),
                &["healthcheck.start_interval"],
            ),
        ];
        for (service, expected) in table {
            assert_eq!(paths(&service), expected, "{service}");
        }
    }

    #[test]
    fn what_an_old_engine_lacks_names_the_version() {
        let json = json!({"project": "p", "service": "s", "image": "x",
            "healthcheck": {"start_interval": "1s", "start_period": "2s"}});
        let inputs: ServiceInputs = serde_json::from_value(json).expect("readable");
        let found = too_new(&inputs, (1, 41));
        assert_eq!(found.len(), 1);
        assert!(found[0].message.contains("1.44") && found[0].message.contains("1.41"));
        assert!(too_new(&inputs, (1, 44)).is_empty());
    }
}
