//! Every spelling of a container's settings settles: once it is up, a preview is empty. And the same container, made by
//! docker compose, is the one that we would make.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use iac_compose::Compose;
use iac_core::declare::Declaration;
use iac_core::plan::Action;
use support::runs::Runs;
use support::{Bed, IMAGE, docker_compose};

/// Additions to a service that has nothing but an image; without a command it stays up by its terminal.
const CASES: &[&str] = &[
    "{command: [], working_dir: /tmp/}",
    "{command: '', user: '', working_dir: '', tmpfs: /cache/}",
    "{entrypoint: [], command: sleep 1000, healthcheck: {disable: true}}",
    "{entrypoint: '', command: sleep 1000, healthcheck: {test: [NONE]}}",
    "{entrypoint: sleep, command: '1000', restart: always}",
    "{entrypoint: [sleep, '1000'], command: [], restart: 'on-failure:3'}",
    "{user: '1000:1000', group_add: ['20'], working_dir: /tmp/../tmp//x/.}",
    "{volumes: ['./a/../b:/x', './b/:/y/', './b:/y/../z:ro', {type: bind, source: ./b/., target: /w}]}",
    "{volumes: [{type: tmpfs, target: /cache/}], tmpfs: ['/run:size=1m']}",
    "{healthcheck: {test: 'true', interval: 500ms, start_period: 1m30s, retries: 2}}",
    "{stop_signal: SIGKILL, stop_grace_period: 1m30s, hostname: Big-Host, domainname: example.org}",
    "{ports: ['127.0.0.1::80', '0.0.0.0::79/udp', '78'], expose: ['90', '91/udp']}",
    "{cap_add: [net_admin, CAP_SYS_TIME], cap_drop: [mknod, all]}",
    "{ulimits: {nofile: 200, nproc: {soft: 100, hard: 300}}, oom_score_adj: 100, sysctls: {net.core.somaxconn: 1024}}",
    "{extra_hosts: ['a:127.0.0.1', 'b=127.0.0.2'], dns: [1.1.1.1], dns_search: example.org, dns_opt: [ndots:2]}",
    "{shm_size: 1m, init: false, read_only: true, tty: false, stdin_open: true}",
    "{mem_limit: 64mb, mem_reservation: 32m, cpus: '0.5', pids_limit: 100, cpuset: '0', cpu_shares: 2}",
    "{deploy: {resources: {limits: {memory: 32M, cpus: '0.25', pids: 50}, reservations: {memory: 16M}}}}",
    "{deploy: {replicas: 0}}",
    "{scale: 0}",
    "{labels: {empty: ''}, environment: {EMPTY: '', PATH: /bin}, logging: {driver: json-file, options: {max-size: 1m}}}",
    "{security_opt: ['no-new-privileges:true', 'seccomp:unconfined'], ipc: shareable, runtime: runc, platform: linux/amd64}",
    "{devices: ['/dev/null:/dev/nothing', '/dev/zero:/dev/zero:r'], pid: host, ipc: host}",
    "{network_mode: host, security_opt: ['seccomp:./profile.json']}",
];

/// The compose file: what a case does not say itself is chosen so that it starts and ends quickly.
fn file() -> String {
    let mut text = String::from("services:\n");
    for (number, case) in CASES.iter().enumerate() {
        let case = case
            .strip_prefix('{')
            .map_or(*case, |case| case.strip_suffix('}').unwrap());
        let mut fields = vec![format!("image: '{IMAGE}'")];
        let needs_network = ["network_mode", "ports", "dns", "hostname"]
            .iter()
            .any(|word| case.contains(word));
        for (given, field) in [
            (case.contains("tty:"), "{tty: true, stdin_open: true}"),
            (case.contains("stop_grace_period"), "stop_grace_period: 0s"),
            (needs_network, "network_mode: none"),
        ] {
            if !given {
                fields.push(field.trim_matches(['{', '}']).to_owned());
            }
        }
        text.push_str(&format!("  s{number:02}: {{{}, {case}}}\n", fields.join(", ")));
    }
    text
}

/// Returns the plan's lines on each case that it would change.
fn told(plan: &iac_core::plan::Plan) -> Vec<String> {
    assert!(plan.problems.is_empty(), "{:?}", plan.problems);
    let changing = plan.steps.iter().filter(|step| step.action != Action::Same);
    let case = |name: &str| {
        name.strip_prefix('s')
            .and_then(|number| number.parse::<usize>().ok())
            .map(|number| CASES[number])
    };
    changing
        .map(|step| {
            format!(
                "{:?} {:?}: {:?} {:?}",
                step.action,
                case(step.key.name()),
                step.changes,
                step.notes
            )
        })
        .collect()
}

#[tokio::test]
async fn every_spelling_settles_and_is_what_docker_compose_makes_of_it() {
    let bed = Bed::new("settles").await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("compose.yml");
    std::fs::create_dir(folder.path().join("b")).unwrap();
    let profile = "{\n  \"defaultAction\": \"SCMP_ACT_ALLOW\",\n  \"archMap\": []\n}\n";
    std::fs::write(folder.path().join("profile.json"), profile).unwrap();
    std::fs::write(&path, file()).unwrap();
    let declare = |adopt: bool| -> Declaration {
        Bed::declare(|stack| {
            let project = Compose::project(stack, &bed.project);
            let project = if adopt { project.adopt() } else { project };
            project.file(&path);
        })
    };
    let runs = Runs::new();
    runs.up(&declare(false)).await;
    assert_eq!(told(&runs.preview(&declare(false)).await), [""; 0]);
    assert_eq!(runs.drift().await, [""; 0]);
    runs.destroy().await;

    let file = path.display().to_string();
    docker_compose(&bed.project, &["-f", &file, "up", "-d"]);
    let plan = Runs::new().preview(&declare(true)).await;
    let changed: Vec<String> = told(&plan).into_iter().filter(|step| !is_kept(step)).collect();
    docker_compose(&bed.project, &["-f", &file, "down", "-t", "0"]);
    assert_eq!(changed, [""; 0]);
}

/// True if a step takes over something as it is.
fn is_kept(step: &str) -> bool {
    let network = step == "Adopt None: [] []";
    network
        || step.starts_with("Create Some") && step.contains("0}")
        || step.contains("it is as declared, and keeps running")
}
