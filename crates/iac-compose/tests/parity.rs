//! Containers that we make of a compose file are those that docker compose makes of it: both are compared on the engine.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use iac_compose::{Compose, FileOptions};
use serde_json::{Value as Json, json};
use support::{Bed, test_bed};

/// The settings of a container that are compared.
const HOST: [&str; 37] = [
    "Annotations",
    "CapAdd",
    "CapDrop",
    "Cgroup",
    "CgroupnsMode",
    "CpuPeriod",
    "CpuQuota",
    "CpuShares",
    "CpusetCpus",
    "DeviceCgroupRules",
    "DeviceRequests",
    "Devices",
    "Dns",
    "DnsOptions",
    "DnsSearch",
    "ExtraHosts",
    "GroupAdd",
    "Init",
    "IpcMode",
    "LogConfig",
    "Memory",
    "MemoryReservation",
    "MemorySwap",
    "NanoCpus",
    "NetworkMode",
    "OomScoreAdj",
    "PidMode",
    "PidsLimit",
    "PortBindings",
    "Privileged",
    "ReadonlyRootfs",
    "RestartPolicy",
    "ShmSize",
    "Sysctls",
    "Tmpfs",
    "Ulimits",
    "UTSMode",
];

const CONFIG: [&str; 12] = [
    "Cmd",
    "Domainname",
    "Entrypoint",
    "Env",
    "ExposedPorts",
    "Healthcheck",
    "Image",
    "OpenStdin",
    "StopSignal",
    "StopTimeout",
    "Tty",
    "WorkingDir",
];

const FILE: &str = r#"
x-base: &base
  image: localhost/iac-test/busybox:1
  command: sleep 1000
  init: true
services:
  web:
    <<: *base
    environment: {A: 1, B: "${UNSET_HERE:-b}", F: 1.10}
    env_file: app.env
    ports: ["127.0.0.1::80", "127.0.0.1:41200-41210:81", {target: 82, protocol: udp, host_ip: 127.0.0.1}]
    ulimits: {nofile: {soft: 1024, hard: 2048}, nproc: 512}
    mem_limit: 64m
    memswap_limit: 96m
    mem_reservation: 32m
    cpus: 0.5
    cpu_shares: 512
    pids_limit: 100
    oom_score_adj: 100
    annotations: {a: b}
    dns: 1.1.1.1
    dns_search: [example.test]
    dns_opt: [use-vc]
    extra_hosts: ["one=10.0.0.1", "two:10.0.0.2"]
    tmpfs: ["/run:size=1m"]
    shm_size: 8m
    sysctls: {net.core.somaxconn: 256}
    devices: ["/dev/null:/dev/other:r"]
    device_cgroup_rules: ["c 1:3 mr"]
    cap_drop: [CAP_NET_RAW]
    stop_grace_period: 1s
    stop_signal: SIGKILL
    labels: {l: 1.0}
    links: ["db:database"]
    external_links: ["elsewhere:other"]
    networks: {front: {aliases: [www], mac_address: "02:42:ac:11:65:43"}, back: {priority: 10}}
    volumes: ["data:/data", "./conf:/conf:ro", /anonymous, {type: tmpfs, target: /t, tmpfs: {size: 1m}}]
    restart: always
    deploy: {restart_policy: {condition: on-failure, max_attempts: 2, delay: 5s}, placement: {constraints: [a == b]}}
    healthcheck: {test: "true", interval: 1s, start_period: 1s}
  db:
    <<: *base
    networks: [back]
    expose: ["5432/tcp"]
    cpu_period: 50000
    cpu_quota: 25000
    hostname: database
    volumes: ["data:/var/data"]
  side:
    <<: *base
    network_mode: service:db
    pid: service:db
    volumes_from: [db]
  quiet:
    <<: *base
    read_only: true
    secrets: [key]
    network_mode: none
    logging: {driver: json-file, options: {max-size: 1m}}
    uts: host
    ipc: private
    cgroup: private
networks:
  front:
  back: {internal: true}
volumes:
  data: {labels: {a: b}}
secrets:
  key: {file: ./key.txt}
"#;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [("compose.yml", FILE), ("app.env", "C=${A}2\n"), ("key.txt", "a key")] {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

/// Runs docker compose on a folder, in a project of its own.
fn docker_compose(folder: &Path, project: &str, arguments: &[&str]) -> Result<(), String> {
    let bed = test_bed();
    let output = Command::new(&bed.compose)
        .args(["-p", project])
        .args(arguments)
        .current_dir(folder)
        .env("DOCKER_HOST", &bed.docker_host)
        .output()
        .unwrap();
    let error = || String::from_utf8_lossy(&output.stderr).into_owned();
    output.status.success().then_some(()).ok_or_else(error)
}

/// Their project, gone at the end whatever comes of it.
struct Theirs<'a> {
    folder: &'a Path,
    project: &'a str,
}

impl Drop for Theirs<'_> {
    fn drop(&mut self) {
        let _ = docker_compose(self.folder, self.project, &["down", "-v", "-t", "0"]);
    }
}

/// Returns the settings of a container that are compared: without names that the engine adds when it is started, and with
/// fixed names in the place of the project and the other containers' IDs.
async fn seen(docker: &bollard::Docker, project: &str, service: &str, ids: &BTreeMap<String, String>) -> Json {
    let container = docker
        .inspect_container(&format!("{project}-{service}-1"), None)
        .await
        .unwrap();
    let json = serde_json::to_value(&container).unwrap();
    let pick = |section: &str, keys: &[&str]| -> serde_json::Map<String, Json> {
        keys.iter()
            .map(|key| ((*key).to_owned(), json[section][*key].clone()))
            .filter(|(_, value)| !value.is_null() && *value != json!([]) && *value != json!({}))
            .collect()
    };
    let (mut host, mut config) = (pick("HostConfig", &HOST), pick("Config", &CONFIG));
    if host["RestartPolicy"]["Name"] == "" {
        host["RestartPolicy"]["Name"] = "no".into();
    }
    sort(&mut host, "ExtraHosts");
    sort(&mut host, "Ulimits");
    sort(&mut config, "Env");
    let own: Vec<&Json> = ["l"].iter().map(|label| &json["Config"]["Labels"][*label]).collect();
    let mut mounts: Vec<String> = json["Mounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mount| mounted(mount).to_string())
        .collect();
    mounts.sort();
    let networks = json["NetworkSettings"]["Networks"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, network)| {
            let mut aliases: Vec<&str> = network["Aliases"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Json::as_str)
                .collect();
            aliases.retain(|alias| {
                *alias != "database" && !(alias.len() == 12 && alias.chars().all(|c| c.is_ascii_hexdigit()))
            });
            aliases.sort_unstable();
            let links: Vec<&str> = network["Links"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Json::as_str)
                .collect();
            // Docker compose adds the names that the other container has anyway.
            let own = |link: &&str| link.ends_with(":database") || link.ends_with(":other");
            let links: Vec<&str> = links.into_iter().filter(own).collect();
            (name.clone(), json!({"aliases": aliases, "links": links}))
        });
    let networks: serde_json::Map<String, Json> = networks.collect();
    let all = json!({"host": host, "config": config, "labels": own, "mounts": mounts, "networks": networks});
    let mut text = all.to_string().replace(project, "PROJECT");
    for (name, id) in ids {
        text = text.replace(id, name);
    }
    serde_json::from_str(&text).unwrap()
}

fn sort(map: &mut serde_json::Map<String, Json>, key: &str) {
    if let Some(items) = map.get_mut(key).and_then(Json::as_array_mut) {
        items.sort_by_key(ToString::to_string);
    }
}

/// A mount without the names that the engine makes up.
fn mounted(mount: &Json) -> Json {
    let name = mount["Name"].as_str().filter(|name| name.len() != 64);
    let source = mount["Source"].as_str().filter(|_| mount["Type"] == "bind");
    json!({"type": mount["Type"], "name": name, "source": source, "at": mount["Destination"], "rw": mount["RW"]})
}

#[tokio::test]
async fn containers_are_those_that_docker_compose_makes() {
    let folder = folder();
    let mut bed = Bed::new("parity").await;
    let theirs = format!("{}x", bed.project);
    let _theirs = Theirs {
        folder: folder.path(),
        project: &theirs,
    };
    docker_compose(folder.path(), &theirs, &["create"]).unwrap_or_else(|error| panic!("{error}"));
    let project = bed.project.clone();
    let declaration = Bed::declare(|stack| {
        let file = Compose::project(stack, &project).file_with(folder.path(), &FileOptions::default());
        assert_eq!(file.services.len(), 4);
    });
    bed.up(&declaration).await.unwrap();
    let mut wrong = Vec::new();
    for service in ["web", "db", "side", "quiet"] {
        let mut both = Vec::new();
        for project in [&theirs, &bed.project] {
            let mut ids = BTreeMap::new();
            for other in ["web", "db"] {
                let container = bed
                    .docker
                    .inspect_container(&format!("{project}-{other}-1"), None)
                    .await
                    .unwrap();
                ids.insert(format!("ID-{other}"), container.id.unwrap());
            }
            both.push(seen(&bed.docker, project, service, &ids).await);
        }
        differ(service, &both[0], &both[1], &mut wrong);
    }
    bed.down().await.unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn differ(path: &str, theirs: &Json, ours: &Json, all: &mut Vec<String>) {
    match (theirs, ours) {
        (Json::Object(a), Json::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let nothing = Json::Null;
                let (a, b) = (a.get(key).unwrap_or(&nothing), b.get(key).unwrap_or(&nothing));
                differ(&format!("{path}.{key}"), a, b, all);
            }
        }
        (a, b) if a != b => all.push(format!("{path}: docker compose has {a}, we have {b}")),
        _ => {}
    }
}

/// A service that is to be restarted with another one is, when that gets another container, and keeps its own.
#[tokio::test]
async fn what_is_restarted_with_another_service_is() {
    let mut bed = Bed::new("restarts").await;
    let project = bed.project.clone();
    let program = |tag: &'static str| {
        let project = project.clone();
        move |stack: &iac_core::Stack| {
            let folder = tempfile::tempdir().unwrap();
            let text = format!(
                "x-b: &b {{image: localhost/iac-test/busybox:1, command: sleep 1000, init: true}}\nservices:\n  \
                 db: {{<<: *b, environment: {{TAG: {tag}}}}}\n  \
                 web: {{<<: *b, depends_on: {{db: {{condition: service_started, restart: true}}}}}}\n  \
                 side: {{<<: *b, network_mode: 'service:db'}}\n"
            );
            std::fs::write(folder.path().join("compose.yml"), text).unwrap();
            Compose::project(stack, project).file_with(folder.path(), &FileOptions::default());
        }
    };
    bed.up(&Bed::declare(program("one"))).await.unwrap();
    let before = [
        bed.inspect("db-1").await,
        bed.inspect("web-1").await,
        bed.inspect("side-1").await,
    ];
    bed.up(&Bed::declare(program("two"))).await.unwrap();
    let after = [
        bed.inspect("db-1").await,
        bed.inspect("web-1").await,
        bed.inspect("side-1").await,
    ];
    let started = |container: &bollard::models::ContainerInspectResponse| container.state.clone().unwrap().started_at;
    assert_ne!(before[0].id, after[0].id, "db");
    assert_eq!(before[1].id, after[1].id, "web keeps its container");
    assert_ne!(started(&before[1]), started(&after[1]), "web is restarted");
    let mode = after[2].host_config.clone().unwrap().network_mode;
    assert_eq!(mode, after[0].id.as_ref().map(|id| format!("container:{id}")), "side");
    bed.down().await.unwrap();
}

/// An image that is built has all the names that the file gives it, and loses them with the project.
#[tokio::test]
async fn a_built_image_has_all_its_names() {
    let folder = tempfile::tempdir().unwrap();
    let mut bed = Bed::new("names").await;
    let text = "services:\n  web:\n    build: {context: ., tags: ['NAME:one', 'NAME:two'], shm_size: 32m, args: [A=1]}\n    command: sleep 1000\n    init: true\n";
    std::fs::write(folder.path().join("compose.yml"), text.replace("NAME", &bed.project)).unwrap();
    std::fs::write(
        folder.path().join("Dockerfile"),
        format!("FROM {}\nARG A\nENV BUILT=$A\n", support::IMAGE),
    )
    .unwrap();
    let project = bed.project.clone();
    let declaration = Bed::declare(|stack| {
        Compose::project(stack, &project).file(folder.path());
    });
    bed.up(&declaration).await.unwrap();
    let names = [
        format!("{project}-web"),
        format!("{project}:one"),
        format!("{project}:two"),
    ];
    let mut ids = std::collections::BTreeSet::new();
    for name in &names {
        let image = bed.docker.inspect_image(name).await.unwrap();
        assert!(
            image.config.unwrap().env.unwrap().contains(&"BUILT=1".to_owned()),
            "{name}"
        );
        ids.insert(image.id);
    }
    assert_eq!(ids.len(), 1, "{ids:?}");
    bed.down().await.unwrap();
    for name in &names {
        assert!(bed.docker.inspect_image(name).await.is_err(), "{name} is still there");
    }
}
