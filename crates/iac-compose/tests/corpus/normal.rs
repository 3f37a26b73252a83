//! One form for what we declare and for what `docker compose config` prints, so that the two can be compared.
//!
//! Left out is what has no effect on one engine: how a port would be published in a cluster, placement, names of configs, and
//! the like. Docker compose's output is turned into our model's form by rules that are written down here, not by our parser.

use std::path::Path;

use iac_compose::parse::{bytes, duration};
use iac_core::Value;
use iac_core::declare::Declaration;
use iac_core::value::{Expr, Part};
use serde_json::{Map, Value as Json, json};

/// Keys of a service that mean nothing to one engine, or only to commands of docker compose.
const WITHOUT_EFFECT: [&str; 3] = ["attach", "develop", "profiles"];

/// Returns the frame of a project in the common form.
fn project(name: &str) -> Map<String, Json> {
    let mut project = Map::new();
    project.insert("name".to_owned(), name.into());
    for section in ["networks", "volumes", "services"] {
        project.insert(section.to_owned(), json!({}));
    }
    project
}

// --- ours ---

/// Returns our declaration in the common form.
pub(crate) fn of_declaration(name: &str, declaration: &Declaration) -> Json {
    let mut all = project(name);
    let open = |value: &Value| {
        value.to_json(&mut |_, leaf| match leaf {
            Value::Expr(expr) => text(expr, declaration).into(),
            Value::Secret(secret) => secret.expose().as_str().into(),
            other => other.to_json(&mut |_, _| Json::Null),
        })
    };
    for resource in &declaration.resources {
        let Json::Object(mut inputs) = open(&resource.inputs) else {
            continue;
        };
        let key = resource.key.name().to_owned();
        for ours in ["project", "key", "service", "completes", "image_id"] {
            inputs.remove(ours);
        }
        let section = match resource.key.kind() {
            "docker:compose/Network" => "networks",
            "docker:compose/Volume" => "volumes",
            "docker:compose/Image" => {
                let build = inputs.remove("build").unwrap();
                let entry = all["services"].as_object_mut().unwrap().entry(key);
                entry.or_insert_with(|| json!({}))["build"] = our_build(build);
                continue;
            }
            _ => "services",
        };
        let value = if section == "services" {
            our_service(inputs)
        } else {
            Json::Object(inputs)
        };
        let entry = all[section]
            .as_object_mut()
            .unwrap()
            .entry(key)
            .or_insert_with(|| json!({}));
        entry
            .as_object_mut()
            .unwrap()
            .extend(value.as_object().unwrap().clone());
    }
    Json::Object(all)
}

/// An expression with its secrets in the clear, and outputs of resources by their names.
fn text(expr: &Expr, declaration: &Declaration) -> String {
    let parts = expr.parts.iter().map(|part| match part {
        Part::Literal(text) => text.clone(),
        Part::Output(output) => match declaration.secrets.get(&output.source) {
            Some(secret) => secret.expose().clone(),
            None => format!("<{output}>"),
        },
    });
    parts.collect()
}

fn our_build(mut build: Json) -> Json {
    let map = build.as_object_mut().unwrap();
    let context = map["context"].as_str().unwrap().to_owned();
    map.insert("context".to_owned(), absolute(&context).into());
    amount(map, "shm_size");
    sorted(map, "extra_hosts");
    round(&mut build);
    build
}

fn our_service(mut service: Map<String, Json>) -> Json {
    if service.get("pull_policy") == Some(&json!("build")) {
        service.remove("pull_policy");
    }
    for network in items(&mut service, "networks") {
        network.as_object_mut().unwrap().remove("network_id");
    }
    for dependency in items(&mut service, "depends_on") {
        dependency.as_object_mut().unwrap().remove("container");
    }
    for mount in items(&mut service, "volumes") {
        let mount = mount.as_object_mut().unwrap();
        mount.remove("generation");
        amount(mount, "size");
        if let Some(source) = mount
            .get("source")
            .and_then(Json::as_str)
            .filter(|_| mount["type"] == "bind")
        {
            let source = absolute(&source.replace('~', "/home/corpus"));
            mount.insert("source".to_owned(), source.into());
        }
    }
    for field in ["mem_limit", "mem_reservation", "shm_size"] {
        amount(&mut service, field);
    }
    for (field, folder) in [("configs", "/"), ("secrets", "/run/secrets/")] {
        for file in items(&mut service, field) {
            target(file, folder);
        }
    }
    our_limits(&mut service);
    times(&mut service);
    common(service)
}

fn our_limits(service: &mut Map<String, Json>) {
    if let Some(deploy) = service.get_mut("deploy").and_then(Json::as_object_mut) {
        if let Some(resources) = deploy.get_mut("resources").and_then(Json::as_object_mut) {
            for set in resources.values_mut() {
                amount(set.as_object_mut().unwrap(), "memory");
            }
        }
        if deploy.is_empty() {
            service.remove("deploy");
        }
    }
    if let Some(blkio) = service.get_mut("blkio_config").and_then(Json::as_object_mut) {
        for (_, rates) in blkio.iter_mut().filter(|(key, _)| key.starts_with("device_")) {
            rates
                .as_array_mut()
                .unwrap()
                .iter_mut()
                .for_each(|rate| amount(rate.as_object_mut().unwrap(), "rate"));
        }
    }
    for gpu in items(service, "gpus") {
        gpu.as_object_mut().unwrap().entry("count").or_insert_with(|| json!(-1));
    }
}

// --- theirs ---

/// Returns the output of docker compose in the common form, for a project in this folder.
pub(crate) fn of_config(config: &Json, folder: &Path) -> Json {
    let name = config["name"].as_str().unwrap();
    let mut all = project(name);
    for section in ["networks", "volumes"] {
        for (key, value) in config[section].as_object().into_iter().flatten() {
            let mut value = value.as_object().unwrap().clone();
            if value.remove("external").is_some() {
                continue;
            }
            value.retain(|key, value| !key.starts_with("x-") && *value != json!({}));
            all[section][key] = Json::Object(value);
        }
    }
    for (key, service) in config["services"].as_object().into_iter().flatten() {
        let service = service.as_object().unwrap().clone();
        all["services"][key] = their_service(service, key, config, folder);
    }
    Json::Object(all)
}

fn their_service(mut service: Map<String, Json>, name: &str, config: &Json, folder: &Path) -> Json {
    service.retain(|key, value| !value.is_null() && !WITHOUT_EFFECT.contains(&key.as_str()) && !key.starts_with("x-"));
    let project = config["name"].as_str().unwrap();
    if let Some(build) = service.get_mut("build").and_then(Json::as_object_mut) {
        if build.get("dockerfile") == Some(&json!("Dockerfile")) {
            build.remove("dockerfile");
        }
        number(build, "shm_size");
        hosts(build);
        service
            .entry("image")
            .or_insert_with(|| format!("{project}-{name}").into());
    }
    if let Some(environment) = service.get_mut("environment").and_then(Json::as_object_mut) {
        environment.retain(|_, value| !value.is_null());
        if environment.is_empty() {
            service.remove("environment");
        }
    }
    for port in items(&mut service, "ports") {
        their_port(port.as_object_mut().unwrap());
    }
    for mount in items(&mut service, "volumes") {
        their_mount(mount.as_object_mut().unwrap(), config);
    }
    for (key, network) in service
        .get_mut("networks")
        .and_then(Json::as_object_mut)
        .into_iter()
        .flatten()
    {
        let mut attachment = network.as_object().cloned().unwrap_or_default();
        attachment.insert("network".to_owned(), config["networks"][key]["name"].clone());
        *network = Json::Object(attachment);
    }
    their_files(&mut service, config, folder);
    their_shared(&mut service, config);
    for dependency in items(&mut service, "depends_on") {
        let dependency = dependency.as_object_mut().unwrap();
        if dependency.get("required") == Some(&json!(true)) {
            dependency.remove("required");
        }
    }
    their_limits(&mut service);
    hosts(&mut service);
    if service.contains_key("devices") {
        for device in items(&mut service, "devices") {
            let part = |key: &str| device.get(key).and_then(Json::as_str).map(str::to_owned);
            let source = part("source").unwrap();
            let target = part("target").unwrap_or_else(|| source.clone());
            *device = format!(
                "{source}:{target}:{}",
                part("permissions").unwrap_or_else(|| "rwm".to_owned())
            )
            .into();
        }
    }
    times(&mut service);
    common(service)
}

fn their_port(port: &mut Map<String, Json>) {
    for key in ["mode", "name", "app_protocol"] {
        port.remove(key);
    }
    let published = port
        .remove("published")
        .map(|published| published.as_str().unwrap().to_owned());
    let Some(published) = published else { return };
    let (from, to) = published
        .split_once('-')
        .map_or((published.as_str(), None), |(from, to)| (from, Some(to)));
    port.insert("published".to_owned(), json!(from.parse::<u16>().unwrap()));
    if let Some(to) = to {
        port.insert("published_to".to_owned(), json!(to.parse::<u16>().unwrap()));
    }
}

/// Options of a mount stand side by side with us, and below their kind with them.
fn their_mount(mount: &mut Map<String, Json>, config: &Json) {
    mount.remove("consistency");
    for kind in ["bind", "volume", "tmpfs"] {
        for (key, value) in mount
            .remove(kind)
            .and_then(|options| options.as_object().cloned())
            .into_iter()
            .flatten()
        {
            let key = if key == "nocopy" { "no_copy".to_owned() } else { key };
            mount.insert(key, value);
        }
    }
    number(mount, "size");
    if let Some(source) = mount
        .get("source")
        .and_then(Json::as_str)
        .filter(|_| mount["type"] == "bind")
    {
        let source = absolute(source);
        mount.insert("source".to_owned(), source.into());
    }
    if mount["type"] == "volume"
        && let Some(key) = mount.get("source").and_then(Json::as_str)
    {
        let name = config["volumes"][key]["name"].clone();
        mount.insert("source".to_owned(), name);
    }
}

fn their_files(service: &mut Map<String, Json>, config: &Json, folder: &Path) {
    let read_only = service.get("read_only") == Some(&json!(true));
    let mut mounted = Vec::new();
    for (field, inside) in [("configs", "/"), ("secrets", "/run/secrets/")] {
        for file in items(service, field) {
            target(file, inside);
            if let Some(mode) = file.get("mode").and_then(Json::as_str) {
                file["mode"] = u32::from_str_radix(mode, 8).unwrap().into();
            }
            let source = &config[field][file["source"].as_str().unwrap()];
            let from = |key: &str| source[key].as_str().map(str::to_owned);
            if let Some(path) = from("file").filter(|_| read_only) {
                mounted.push(json!({"type": "bind", "source": path, "target": file["target"], "read_only": true}));
                continue;
            }
            let content = from("content").or_else(|| std::fs::read_to_string(from("file")?).ok());
            let variable = || from("environment").map(|name| variable_in(folder, &name));
            file["content"] = content.or_else(variable).into();
        }
    }
    // A file that is mounted, as docker compose does with each, and we with those of a container that is read only.
    if !mounted.is_empty() {
        service.remove("configs");
        service.remove("secrets");
        let volumes = service.entry("volumes").or_insert_with(|| json!([]));
        volumes.as_array_mut().unwrap().extend(mounted);
    }
}

/// A variable that holds a config or secret: those of the corpus hold `text`, or stand in `.env`.
fn variable_in(folder: &Path, name: &str) -> String {
    let text = std::fs::read_to_string(folder.join(".env")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
    line.unwrap_or("text").to_owned()
}

/// Replaces references to another service by references to its container.
fn their_shared(service: &mut Map<String, Json>, config: &Json) {
    let project = config["name"].as_str().unwrap();
    let id = |name: &str| format!("<Service/{name}.id>");
    for field in ["network_mode", "pid", "ipc"] {
        if let Some(other) = service
            .get(field)
            .and_then(Json::as_str)
            .and_then(|mode| mode.strip_prefix("service:"))
        {
            let mode = format!("container:{}", id(other));
            service.insert(field.to_owned(), mode.into());
        }
    }
    for from in items(service, "volumes_from") {
        let text = from.as_str().unwrap();
        *from = match (text.strip_prefix("container:"), text.split_once(':')) {
            (Some(container), _) => container.to_owned(),
            (None, Some((other, access))) => format!("{}:{access}", id(other)),
            (None, None) => id(text),
        }
        .into();
    }
    for link in items(service, "links") {
        let text = link.as_str().unwrap();
        let (other, alias) = text.split_once(':').unwrap_or((text, text));
        let given = config["services"][other]["container_name"].as_str().map(str::to_owned);
        let container = given.unwrap_or_else(|| format!("{project}-{other}-1"));
        *link = format!("{container}:{alias}").into();
    }
}

fn their_limits(service: &mut Map<String, Json>) {
    for field in [
        "mem_limit",
        "mem_reservation",
        "shm_size",
        "memswap_limit",
        "mem_swappiness",
    ] {
        number(service, field);
    }
    for limit in items(service, "ulimits") {
        if let Some(both) = limit.as_i64() {
            *limit = json!({"soft": both, "hard": both});
        }
    }
    if let Some(blkio) = service.get_mut("blkio_config").and_then(Json::as_object_mut) {
        for device in blkio.values_mut().filter_map(Json::as_array_mut).flatten() {
            let map = device.as_object_mut().unwrap();
            *map = std::mem::take(map)
                .into_iter()
                .map(|(key, value)| (key.to_lowercase(), value))
                .collect();
            number(map, "rate");
        }
    }
    let Some(mut deploy) = service.remove("deploy").and_then(|deploy| deploy.as_object().cloned()) else {
        return;
    };
    for idle in ["mode", "placement", "labels", "endpoint_mode", "rollback_config"] {
        deploy.remove(idle);
    }
    for (field, idle) in [
        ("restart_policy", &["delay", "window"][..]),
        (
            "update_config",
            &["delay", "parallelism", "failure_action", "max_failure_ratio"],
        ),
    ] {
        if let Some(map) = deploy.get_mut(field).and_then(Json::as_object_mut) {
            map.retain(|key, _| !idle.contains(&key.as_str()));
        }
    }
    if let Some(resources) = deploy.get_mut("resources").and_then(Json::as_object_mut) {
        for (set, amounts) in resources.iter_mut() {
            let amounts = amounts.as_object_mut().unwrap();
            number(amounts, "memory");
            if set == "reservations" {
                amounts.remove("cpus");
                amounts.remove("generic_resources");
                if let Some(devices) = amounts.remove("devices") {
                    service.insert("device_requests".to_owned(), devices);
                }
            }
        }
        resources.retain(|_, amounts| *amounts != json!({}));
        if resources.is_empty() {
            deploy.remove("resources");
        }
    }
    if !deploy.is_empty() {
        service.insert("deploy".to_owned(), Json::Object(deploy));
    }
}

// --- both ---

/// Lists whose order means nothing, and numbers in one form.
fn common(mut service: Map<String, Json>) -> Json {
    for field in ["ports", "extra_hosts", "links"] {
        sorted(&mut service, field);
    }
    let mut json = Json::Object(service);
    round(&mut json);
    json
}

/// Numbers that are whole and those that have a fraction of nothing are the same.
fn round(json: &mut Json) {
    match json {
        Json::Number(number) => *json = json!(number.as_f64().map(|number| (number * 1e6).round() / 1e6)),
        Json::Array(items) => items.iter_mut().for_each(round),
        Json::Object(map) => map.values_mut().for_each(round),
        _ => {}
    }
}

fn items<'a>(map: &'a mut Map<String, Json>, field: &str) -> Vec<&'a mut Json> {
    match map.get_mut(field) {
        Some(Json::Array(items)) => items.iter_mut().collect(),
        Some(Json::Object(map)) => map.values_mut().collect(),
        _ => Vec::new(),
    }
}

fn sorted(map: &mut Map<String, Json>, field: &str) {
    if let Some(items) = map.get_mut(field).and_then(Json::as_array_mut) {
        items.sort_by_key(ToString::to_string);
    }
}

/// Their `host=address` as our `host:address`.
fn hosts(map: &mut Map<String, Json>) {
    for host in items(map, "extra_hosts") {
        *host = host.as_str().unwrap().replacen('=', ":", 1).into();
    }
    sorted(map, "extra_hosts");
}

fn target(file: &mut Json, folder: &str) {
    let source = file["source"].as_str().unwrap().to_owned();
    let target = file.get("target").and_then(Json::as_str).unwrap_or(&source).to_owned();
    let is_absolute = target.starts_with('/');
    file["target"] = if is_absolute {
        target
    } else {
        format!("{folder}{target}")
    }
    .into();
}

/// Our amounts, as bytes.
fn amount(map: &mut Map<String, Json>, field: &str) {
    if let Some(text) = map.get(field).and_then(Json::as_str) {
        let bytes = bytes::parse(text).unwrap();
        map.insert(field.to_owned(), bytes.into());
    }
}

/// Their amounts, which are numbers in quotes.
fn number(map: &mut Map<String, Json>, field: &str) {
    if let Some(text) = map.get(field).and_then(Json::as_str) {
        let bytes: i64 = text.parse().unwrap();
        map.insert(field.to_owned(), bytes.into());
    }
}

/// All durations in one form.
fn times(service: &mut Map<String, Json>) {
    let mut set = |path: &[&str]| {
        let (last, before) = path.split_last().unwrap();
        let mut map = Some(&mut *service);
        for key in before {
            map = map.and_then(|map| map.get_mut(*key)).and_then(Json::as_object_mut);
        }
        let Some(map) = map else { return };
        if let Some(text) = map.get(*last).and_then(Json::as_str) {
            let text = duration::format(duration::parse(text).unwrap());
            map.insert((*last).to_owned(), text.into());
        }
    };
    for key in ["interval", "timeout", "start_period", "start_interval"] {
        set(&["healthcheck", key]);
    }
    set(&["stop_grace_period"]);
    set(&["deploy", "update_config", "monitor"]);
}

fn absolute(path: &str) -> String {
    std::path::absolute(path)
        .unwrap()
        .components()
        .collect::<std::path::PathBuf>()
        .display()
        .to_string()
}

/// Where two projects differ. We declare volumes that no service uses; docker compose does not.
pub(crate) fn differences(theirs: &Json, ours: &Json) -> Vec<String> {
    let mut all = Vec::new();
    differ("", theirs, ours, &mut all);
    all
}

fn differ(path: &str, theirs: &Json, ours: &Json, all: &mut Vec<String>) {
    match (theirs, ours) {
        (Json::Object(a), Json::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let is_unused = path == ".volumes" && !a.contains_key(key);
                if !is_unused {
                    let nothing = Json::Null;
                    let (a, b) = (a.get(key).unwrap_or(&nothing), b.get(key).unwrap_or(&nothing));
                    differ(&format!("{path}.{key}"), a, b, all);
                }
            }
        }
        (a, b) if a != b => all.push(format!("{path}: docker compose has {a}, we have {b}")),
        _ => {}
    }
}
