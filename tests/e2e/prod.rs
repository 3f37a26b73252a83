//! codelab on Kubernetes, from nothing to nothing. One test, since the program has one namespace.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::operator::{self, Operated};
use crate::secrets::Canary;
use crate::support::{KUBERNETES, Kubectl, Namespace, Project, Ran};

/// The namespace that the program makes.
const NAMESPACE: &str = "codelab";

struct Prod {
    project: Project,
    kubectl: Kubectl,
    openai: Canary,
    _namespace: Namespace,
}

#[test]
fn codelab_lives_on_kubernetes_from_the_first_preview_to_the_last_destroy() {
    let prod = Prod::new();
    crate::guides::codelab_on_kubernetes();
    prod.is_previewed();
    prod.comes_up_in_order();
    let prometheus = Operated::start(&prod.project, &prod.kubectl, NAMESPACE);
    prod.answers();
    prod.bears_our_name();
    prod.project.is_up_to_date();
    prod.shows_what_one_value_changes();
    prod.keeps_its_secrets();
    prod.backs_up_what_can_be_restored();
    is_watched(&prometheus);
    prod.has_the_dashboards();
    prometheus.stop();
    prod.keeps_data_unless_told_otherwise();
}

impl Prod {
    fn new() -> Self {
        let openai = Canary::new();
        let project = Project::new(env!("CARGO_BIN_EXE_prod"), KUBERNETES)
            .variable("IAC_CONFIG_SECRETS__OPENAI_API_KEY", openai.text())
            .with(["--config", "monitoring.enabled=true"])
            .with(["--config", "monitoring.prometheus=prometheus-operated"]);
        let prod = Self {
            kubectl: Kubectl::new(&project.bed),
            _namespace: Namespace::named(&project.bed, NAMESPACE),
            project,
            openai,
        };
        operator::is_there(&prod.kubectl);
        let there = prod.kubectl.names(&format!("namespace {NAMESPACE}"));
        assert!(there.is_empty(), "somebody else has deployed codelab to this cluster");
        prod
    }

    /// Runs the program, and fails if it prints the secret.
    fn run(&self, arguments: &[&str]) -> Ran {
        let ran = Ran::of(&mut self.project.command(arguments));
        self.openai.is_not_in(&ran.line, ran.stdout.as_bytes());
        self.openai.is_not_in(&ran.line, ran.stderr.as_bytes());
        ran
    }

    fn get(&self, what: &str) -> Json {
        self.kubectl.get(&format!("-n {NAMESPACE} {what}"))
    }

    fn is_previewed(&self) {
        let preview = self.run(&["preview", "--detailed-exitcode"]).exits(2);
        preview.shows([
            "Namespace codelab: create  stacks/prod.rs:",
            "Job codelab/migrate: create",
        ]);
        assert_eq!(
            self.kubectl.names(&format!("namespace {NAMESPACE}")),
            Vec::<String>::new()
        );
    }

    fn comes_up_in_order(&self) {
        let up = self.run(&["up", "--yes"]).exits(0);
        let at = |text: &str| {
            up.stderr
                .find(text)
                .unwrap_or_else(|| panic!("{text:?} is not in\n{up}"))
        };
        let order = [
            "StatefulSet codelab/postgres ready",
            "Job codelab/migrate creating",
            "Job codelab/migrate ready",
            "Deployment codelab/api creating",
            "Deployment codelab/api ready",
        ];
        assert!(order.map(at).is_sorted(), "{up}");

        // The same by the cluster's own account.
        let job = self.get("job migrate");
        let started = time(&job["status"]["startTime"]);
        let completed = time(&job["status"]["completionTime"]);
        assert!(condition(&self.get("pod postgres-0"), "Ready").as_str() <= started);
        assert_eq!(job["status"]["succeeded"], json!(1));
        let pods = self.get("pods -l app=api");
        let pods = pods["items"].as_array().unwrap();
        assert!(!pods.is_empty());
        for pod in pods {
            assert!(completed <= time(&pod["metadata"]["creationTimestamp"]), "{job:#}");
        }
        let tables = self.exec(
            "postgres-0",
            ["psql", "-U", "postgres", "-d", "codelab", "-tAc", "\\dt"],
        );
        assert!(
            tables.contains("alembic_version") && tables.contains("users"),
            "{tables}"
        );
    }

    fn answers(&self) {
        let ask = "import urllib.request; print(urllib.request.urlopen('http://api-service/health').read().decode())";
        let health = self.exec("deployment/api", ["python3", "-c", ask]);
        assert!(health.contains("healthy") || health.contains("ok"), "{health}");
        if let Some(address) = &self.project.bed.ingress_address {
            let resolve = format!("api.codelab.test:443:{address}");
            let mut curl = std::process::Command::new("curl");
            curl.args([
                "--silent",
                "--show-error",
                "--fail",
                "--insecure",
                "--retry",
                "5",
                "--retry-all-errors",
            ]);
            let ran = Ran::of(curl.args(["--resolve", &resolve, "https://api.codelab.test/health"])).exits(0);
            assert_eq!(ran.stdout.trim(), health.trim());
        }
    }

    fn bears_our_name(&self) {
        let shown = self.run(&["stack", "show"]).exits(0);
        let images: Vec<&str> = shown.stdout.lines().filter(|line| line.contains(" image ")).collect();
        assert!(
            !images.is_empty() && images.iter().all(|line| line.contains("sha256:")),
            "{shown}"
        );
        let command =
            format!("get -n {NAMESPACE} deployment/api configmap/codelab-config --show-managed-fields -o json");
        let objects = self.kubectl.run(&command).exits(0).json();
        for object in objects["items"].as_array().unwrap() {
            let fields = object["metadata"]["managedFields"].as_array().unwrap();
            assert!(fields.iter().any(|entry| entry["manager"] == "iac-prod"), "{object:#}");
        }
    }

    /// One environment value: that field, the rollout that follows from it, and nothing else.
    fn shows_what_one_value_changes(&self) {
        let change = ["--config", "log_level=DEBUG"];
        let preview = [&["preview", "--json"][..], &change].concat();
        let plan = self.run(&preview).exits(0).json();
        let steps = plan["steps"].as_array().unwrap();
        let short = |step: &Json| (step["identity"].as_str().unwrap().to_owned(), step["action"].clone());
        let found: Vec<_> = steps.iter().map(short).collect();
        let expected = [
            ("core/ConfigMap codelab/codelab-config".to_owned(), json!("update")),
            ("apps/Deployment codelab/api".to_owned(), json!("update")),
        ];
        assert_eq!(found, expected, "{plan:#}");
        assert_eq!(
            steps[0]["changes"],
            json!([{"path": "data.LOG_LEVEL", "before": "INFO", "after": "DEBUG"}])
        );
        assert_eq!(
            steps[0]["reasons"],
            json!([{"kind": "inputs", "paths": ["data.LOG_LEVEL"]}])
        );
        let changes = steps[1]["changes"].as_array().unwrap();
        assert_eq!(changes.len(), 1, "{plan:#}");
        let path = changes[0]["path"].as_str().unwrap();
        assert!(path.starts_with("spec.template.metadata.annotations"), "{path}");
        let reason = &steps[1]["reasons"][0];
        assert_eq!(reason["kind"], "upstream", "{plan:#}");
        assert!(reason["from"].to_string().contains("codelab-config"), "{plan:#}");
        for step in steps {
            assert!(
                step["source"].as_str().unwrap().starts_with("stacks/codelab/mod.rs:"),
                "{step:#}"
            );
        }

        // Not the generation, which the autoscaler raises as well.
        let revision = || {
            let deployment = self.get("deployment api");
            let revision = &deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"];
            revision.as_str().unwrap().parse::<u32>().unwrap()
        };
        let before = revision();
        let requests = Requests::start(self.get("service api-service")["spec"]["clusterIP"].as_str().unwrap());
        self.run(&[&["up", "--yes"][..], &change].concat()).exits(0);
        requests.none_was_lost();
        assert_eq!(revision(), before + 1);
        assert_eq!(self.get("configmap codelab-config")["data"]["LOG_LEVEL"], "DEBUG");
        self.run(&[&["preview", "--detailed-exitcode"][..], &change].concat())
            .exits(0);
        let level = self.exec("deployment/api", ["printenv", "LOG_LEVEL"]);
        assert_eq!(level.trim(), "DEBUG");
    }

    /// Checks that secrets are in the cluster, and in no file and no output of ours.
    fn keeps_its_secrets(&self) {
        let secret = self.get("secret codelab-secrets");
        let keys = secret["data"].as_object().unwrap();
        let password = Canary::decoded(keys["DATABASE_PASSWORD"].as_str().unwrap());
        assert_eq!(
            Canary::decoded(keys["OPENAI_API_KEY"].as_str().unwrap()).text(),
            self.openai.text()
        );
        for arguments in [
            &["preview", "--out", "plan.json"][..],
            &["preview", "--verbose"],
            &["state", "list"],
            &["state", "show", "codelab-secrets"],
            &["state", "show", "database-password"],
            &["stack", "output"],
            &["stack", "history"],
            &["graph"],
            &["graph", "--format", "mermaid"],
            &["config", "get"],
        ] {
            let ran = self.run(arguments).exits(0);
            password.is_not_in(&ran.line, format!("{}{}", ran.stdout, ran.stderr).as_bytes());
        }
        for canary in [&self.openai, &password] {
            canary.is_in_no_file(self.project.folder());
        }
    }

    /// A run of the scheduled backup, read back into another database.
    fn backs_up_what_can_be_restored(&self) {
        let cron = self.get("cronjob postgres-backup");
        let job = |name: &str, command: Option<&str>| {
            let mut spec = cron["spec"]["jobTemplate"]["spec"].clone();
            if let Some(line) = command {
                spec["template"]["spec"]["containers"][0]["command"] = json!(["/bin/sh", "-c", line]);
            }
            let job = json!({
                "apiVersion": "batch/v1",
                "kind": "Job",
                "metadata": { "name": name, "namespace": NAMESPACE },
                "spec": spec,
            });
            let file = self.project.folder().join(format!("{name}.json"));
            std::fs::write(&file, job.to_string()).unwrap();
            self.kubectl.args(["apply", "-f", file.to_str().unwrap()]).exits(0);
            let wait = format!("wait -n {NAMESPACE} --for=condition=complete --timeout=120s job/{name}");
            self.kubectl.run(&wait).exits(0);
            self.kubectl
                .run(&format!("logs -n {NAMESPACE} job/{name}"))
                .exits(0)
                .stdout
        };
        let said = job("backup-now", None);
        assert!(
            said.starts_with("/backups/codelab_") && said.trim().ends_with(".sql.gz"),
            "{said}"
        );
        let psql = |database: &str, line: &str| {
            self.exec("postgres-0", ["psql", "-U", "postgres", "-d", database, "-tAc", line])
        };
        psql("codelab", "create database restored");
        let restore = "set -e; gunzip --stdout /backups/codelab_*.sql.gz | psql -v ON_ERROR_STOP=1 -d restored";
        job("restore-now", Some(restore));
        assert_eq!(psql("restored", "\\dt"), psql("codelab", "\\dt"));
        let jobs = format!("delete -n {NAMESPACE} job/backup-now job/restore-now");
        self.kubectl.run(&jobs).exits(0);
    }

    fn has_the_dashboards(&self) {
        let password = self
            .run(&["stack", "output", "grafana_password", "--show-secrets"])
            .exits(0);
        let login = format!("admin:{}", password.stdout.trim());
        let url = "http://127.0.0.1:3000/api/search";
        let dashboards = self.exec(
            "deployment/grafana",
            ["curl", "--silent", "--fail", "--user", &login, url],
        );
        for title in DASHBOARDS {
            assert!(dashboards.contains(title), "{dashboards}");
        }
    }

    fn keeps_data_unless_told_otherwise(&self) {
        let kept = self.run(&["destroy", "--yes"]).exits(0);
        kept.shows(["Data that is kept", "postgres-data", "--delete-data"]);
        let claims = self.kubectl.names(&format!("-n {NAMESPACE} persistentvolumeclaim"));
        assert_eq!(claims.len(), 5, "{claims:?}");
        let workloads = self.kubectl.names(&format!(
            "-n {NAMESPACE} statefulset,deployment,job,cronjob,service,ingress,secret"
        ));
        assert_eq!(workloads, Vec::<String>::new());
        self.run(&["destroy", "--yes", "--delete-data", "all"]).exits(0);
        assert_eq!(
            self.kubectl.names(&format!("namespace {NAMESPACE}")),
            Vec::<String>::new()
        );
        assert_eq!(self.run(&["state", "list"]).exits(0).stdout, "");
    }

    fn exec<const N: usize>(&self, pod: &str, command: [&str; N]) -> String {
        let arguments = ["exec", "-n", NAMESPACE, pod, "--"].into_iter().chain(command);
        self.kubectl.args(arguments).exits(0).stdout
    }
}

/// The titles of the guides' dashboards.
pub(crate) const DASHBOARDS: [&str; 4] = [
    "Application Overview",
    "Database Performance",
    "Agent Performance",
    "Error Tracking",
];

/// The operator's Prometheus asks each pod of the API, and evaluates the guide's three rules.
fn is_watched(prometheus: &Operated<'_>) {
    let targets = prometheus.eventually("targets?state=active", |answer| {
        let targets = answer["data"]["activeTargets"].as_array();
        targets.is_some_and(|targets| targets.len() >= 2 && targets.iter().all(|target| target["health"] == "up"))
    });
    for target in targets["data"]["activeTargets"].as_array().unwrap() {
        assert_eq!(
            target["scrapePool"], "serviceMonitor/codelab/api-monitor/0",
            "{target:#}"
        );
        assert_eq!(target["labels"]["job"], "api", "{target:#}");
        assert_eq!(target["scrapeInterval"], "30s", "{target:#}");
        assert!(
            target["scrapeUrl"].as_str().unwrap().ends_with(":8000/metrics"),
            "{target:#}"
        );
    }
    let rules = prometheus.eventually("rules", |answer| {
        let rules = answer["data"]["groups"][0]["rules"].as_array();
        rules.is_some_and(|rules| rules.iter().all(|rule| rule["health"] == "ok"))
    });
    let group = &rules["data"]["groups"][0];
    assert_eq!(
        (&group["name"], &group["interval"]),
        (&json!("codelab"), &json!(30)),
        "{rules:#}"
    );
    let found: Vec<_> = group["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["name"].clone())
        .collect();
    assert_eq!(
        found,
        ["HighErrorRate", "HighLatency", "DatabaseConnectionPoolExhausted"]
    );
}

/// Requests that go on while something else happens.
struct Requests {
    stop: Arc<AtomicBool>,
    senders: Vec<JoinHandle<Vec<String>>>,
}

impl Requests {
    fn start(address: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let sender = |_| {
            let (stop, address) = (Arc::clone(&stop), address.to_owned());
            std::thread::spawn(move || {
                let mut answers = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    answers.push(Self::ask(&address).unwrap_or_else(|error| error.to_string()));
                    std::thread::sleep(Duration::from_millis(20));
                }
                answers
            })
        };
        let senders = (0..4).map(sender).collect();
        Self { stop, senders }
    }

    /// The first line of an answer.
    fn ask(address: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect((address, 80))?;
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: api\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.lines().next().unwrap_or_default().to_owned())
    }

    fn none_was_lost(self) {
        self.stop.store(true, Ordering::Relaxed);
        let answers: Vec<String> = self
            .senders
            .into_iter()
            .flat_map(|sender| sender.join().unwrap())
            .collect();
        let lost: Vec<&String> = answers.iter().filter(|answer| *answer != "HTTP/1.1 200 OK").collect();
        assert!(answers.len() > 20 && lost.is_empty(), "of {}: {lost:?}", answers.len());
    }
}

/// A time of the cluster, which can be compared as text.
fn time(json: &Json) -> &str {
    json.as_str().unwrap_or_else(|| panic!("{json} is no time"))
}

/// When a condition of an object came true.
fn condition(object: &Json, name: &str) -> String {
    let conditions = object["status"]["conditions"].as_array().unwrap();
    let found = conditions.iter().find(|condition| condition["type"] == name);
    time(&found.unwrap()["lastTransitionTime"]).to_owned()
}
