//! The table of traits in `docs/app.md`: each cell has a text in the golden files of its target, or a refusal.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test may stop at once")]

use std::fmt::Write as _;

/// The evidence for a cell.
enum Shown {
    /// A text in the golden files of the target.
    Golden(&'static str),
    /// A refusal in the table of `lowering.rs`.
    Refused(&'static str),
}

use Shown::{Golden, Refused};

/// The first cell of a row, and the evidence for the other two.
const CELLS: &[(&str, Shown, Shown)] = &[
    ("`command`", Golden("\"command\": [\n"), Golden("\"entrypoint\": [\n")),
    ("`args`", Golden("\"args\": [\n"), Golden("\"command\": [\n")),
    ("`env`, plain", Golden("\"name\": \"PRICE\""), Golden("\"PRICE\": ")),
    (
        "`env`, secret",
        Golden("\"secretKeyRef\": {"),
        Golden("\"DATABASE_URL\": \"postgresql+asyncpg://"),
    ),
    (
        "`env_from`",
        Golden("\"envFrom\": [\n"),
        Golden("\"LOG_LEVEL\": \"INFO\""),
    ),
    (
        "`uses`, values of a binding",
        Golden("\"name\": \"PGHOST\""),
        Golden("\"PGHOST\": \"db\""),
    ),
    ("`port`", Golden("\"containerPort\": "), Golden("\"service\": \"web\"")),
    (
        "`service_port`",
        Golden("\"targetPort\": "),
        Golden("\"service\": \"web\""),
    ),
    ("`ready`, HTTP", Golden("\"httpGet\": {"), Golden("if has curl; then")),
    (
        "`ready`, TCP",
        Golden("\"tcpSocket\": {"),
        Golden("if has bash; then exec bash -c"),
    ),
    ("`ready`, command", Golden("\"exec\": {"), Golden("\"pg_isready\"")),
    (
        "`Probe::delay`",
        Golden("\"initialDelaySeconds\": "),
        Golden("\"start_period\": "),
    ),
    (
        "`alive`",
        Golden("\"livenessProbe\": {"),
        Refused("web: alive: a Docker Engine restarts"),
    ),
    (
        "`resources`, requests",
        Golden("\"requests\": {"),
        Golden("\"cpu_shares\": 102"),
    ),
    ("`resources`, limits", Golden("\"limits\": {"), Golden("\"cpus\": 1.0")),
    (
        "`volume`",
        Golden("\"volumeClaimTemplates\": ["),
        Golden("\"key\": \"postgres_data\""),
    ),
    (
        "`Volume::shared`",
        Golden("\"ReadWriteMany\""),
        Golden("\"type\": \"volume\""),
    ),
    ("`scratch`", Golden("\"emptyDir\": {"), Golden("\"type\": \"tmpfs\"")),
    (
        "`storage_class`",
        Golden("\"storageClassName\": "),
        Refused("storage_class: a Docker Engine has no storage classes"),
    ),
    ("`file`, plain", Golden("-files\""), Golden("\"configs\": [")),
    ("`file`, secret", Golden("-secret-files\""), Golden("\"secrets\": [")),
    (
        "`user`, `group`",
        Golden("\"runAsUser\": 1000"),
        Golden("\"user\": \"1000:1000\""),
    ),
    (
        "`read_only`",
        Golden("\"readOnlyRootFilesystem\": true"),
        Golden("\"read_only\": true"),
    ),
    (
        "`restricted`",
        Golden("\"RuntimeDefault\""),
        Golden("\"no-new-privileges:true\""),
    ),
    (
        "`stop_within`",
        Golden("\"terminationGracePeriodSeconds\": "),
        Golden("\"stop_grace_period\": "),
    ),
    (
        "`after`",
        Golden("after "),
        Golden("\"condition\": \"service_completed_successfully\""),
    ),
    ("`replicas`", Golden("\"replicas\": "), Golden("\"replicas\": ")),
    (
        "`singleton`",
        Golden("\"type\": \"Recreate\""),
        Golden("\"order\": \"stop-first\""),
    ),
    (
        "`scale`, `autoscale`",
        Golden("\"maxReplicas\": "),
        Refused("web: scale: a Docker Engine does not follow the load"),
    ),
    (
        "`route`",
        Golden("\"kind\": \"Ingress\""),
        Refused("web: route: nothing on a Docker Engine leads host names"),
    ),
    (
        "`publish`",
        Refused("web: publish: a port of the host is a matter of Docker"),
        Golden("\"published\": "),
    ),
    (
        "`app.isolate`",
        Golden("\"name\": \"default-deny\""),
        Golden("\"internal\": true"),
    ),
    ("`connects_to`", Golden("\"egress\": ["), Golden("\"internal\": true")),
    (
        "`open_to`",
        Golden("\"namespaceSelector\": {"),
        Refused("web: open_to: a Docker Engine has no namespaces"),
    ),
    (
        "`scrape`, `scrape_as`",
        Golden("\"kind\": \"ServiceMonitor\""),
        Golden("scrape_configs"),
    ),
    (
        "`rotate_logs`",
        Refused("rotate_logs: a kubelet does that by itself"),
        Golden("\"max-size\": \"10m\""),
    ),
    (
        "a failed job",
        Golden("\"backoffLimit\": 3"),
        Golden("\"restart\": \"on-failure:3\""),
    ),
    (
        "restart of what ended",
        Golden("\"kind\": \"Deployment\""),
        Golden("\"restart\": \"unless-stopped\""),
    ),
];

#[test]
fn each_cell_of_the_table_is_shown() {
    let docs = include_str!("../../../docs/app.md");
    let table = docs.split_once("\n## Traits").unwrap().1;
    let table = table.split_once("\n## ").map_or(table, |(table, _)| table);
    let rows = table.lines().filter(|line| line.starts_with('|')).skip(2);
    let rows: Vec<&str> = rows.map(|line| line.split('|').nth(1).unwrap().trim()).collect();
    let named: Vec<&str> = CELLS.iter().map(|(row, ..)| *row).collect();
    assert_eq!(named, rows, "the rows of docs/app.md and of this test differ");

    let kubernetes = concat!(
        include_str!("snapshots/lowering__kubernetes.snap"),
        include_str!("snapshots/lowering__observed_kubernetes.snap"),
        include_str!("snapshots/isolation__isolation_becomes_policies.snap"),
    );
    let docker = concat!(
        include_str!("snapshots/lowering__docker.snap"),
        include_str!("snapshots/lowering__observed_docker.snap"),
        include_str!("snapshots/isolation__isolation_becomes_networks.snap"),
    );
    let refusals = include_str!("lowering.rs");
    let mut missing = String::new();
    for (row, on_kubernetes, on_docker) in CELLS {
        for (target, golden, shown) in [("Kubernetes", kubernetes, on_kubernetes), ("Docker", docker, on_docker)] {
            let (there, text) = match shown {
                Golden(text) => (golden.contains(text), text),
                Refused(text) => (refusals.contains(text), text),
            };
            if !there {
                writeln!(missing, "{row} on {target}: nothing has {text:?}").unwrap();
            }
        }
    }
    assert!(missing.is_empty(), "{missing}");
}
