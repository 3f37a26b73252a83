//! Easy Flow on a real Docker Engine and on a real cluster: messages that real Celery workers process, behind the way in.

use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use iac_testbed::certificates::Authority;
use serde_json::{Value as Json, json};

use crate::bucket::{BUCKET_AND_DOCKER, BUCKET_AND_KUBERNETES, Bucket};
use crate::docker::{Docker, free_ports};
use crate::docker_monitoring::{eventually, grafana_has, is_dumped, targets_are_up};
use crate::support::{Kubectl, Namespace, Project, Ran, ingress_leads_to};

const NAME: &str = "easyflow";

/// The test bed's images, and sizes that fit one small machine.
fn on_test_bed(project: Project, bucket: &Bucket) -> Project {
    let settings = [
        ("images.app", "localhost/iac-test/easyflow:1"),
        ("images.postgres", "localhost/iac-test/postgres:15"),
        ("images.redis", "localhost/iac-test/redis:7"),
        ("images.nginx", "localhost/iac-test/nginx:1.22"),
        ("images.postgres_exporter", "localhost/iac-test/postgres-exporter:0.11"),
        ("images.redis_exporter", "localhost/iac-test/redis-exporter:1.45"),
        // Little enough for one machine, and enough that a busy one does not make the autoscaler start more.
        ("resources.app.requests.cpu", "100m"),
        ("resources.app.requests.memory", "128Mi"),
        ("resources.celery.requests.cpu", "100m"),
        ("resources.celery.requests.memory", "64Mi"),
        ("sizes.postgres", "1Gi"),
        ("sizes.redis", "1Gi"),
        ("sizes.backup", "1Gi"),
    ];
    let settings = settings.map(|(key, value)| format!("{key}={value}"));
    project.settings(settings.iter().chain(&bucket.settings()))
}

/// The way in: a host name with its port, and the address that it stands for.
pub(crate) struct Front {
    pub(crate) host: &'static str,
    pub(crate) port: u16,
    pub(crate) address: String,
}

impl Front {
    pub(crate) fn curl(&self, arguments: &[&str], path: &str) -> String {
        let resolve = format!("{}:{}:{}", self.host, self.port, self.address);
        let url = format!("https://{}:{}{path}", self.host, self.port);
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--insecure", "--resolve", &resolve]);
        Ran::of(command.args(arguments).arg(url)).exits(0).stdout
    }

    pub(crate) fn json(&self, arguments: &[&str], path: &str) -> Json {
        let answer = self.curl(arguments, path);
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{path}: {error}: {answer}"))
    }

    /// Whether it does not answer a client with these arguments.
    pub(crate) fn refuses(&self, arguments: &[&str]) -> bool {
        let url = format!("https://127.0.0.1:{}/health", self.port);
        let mut curl = Command::new("curl");
        let status = curl.args(["--silent", "--insecure"]).args(arguments).arg(url).status();
        !status.unwrap().success()
    }

    /// Sends a message, and waits until a worker has processed it.
    fn is_processed(&self, text: &str) {
        let body = json!({ "body": text }).to_string();
        let header = "Content-Type: application/json";
        let sent = self.json(&["--header", header, "--data", &body], "/api/v1/messages");
        let path = format!("/api/v1/messages/{}", sent["id"].as_str().unwrap());
        for _ in 0..60 {
            if self.json(&[], &path)["reply"]
                .as_str()
                .is_some_and(|reply| reply.ends_with(text))
            {
                return;
            }
            sleep(Duration::from_millis(500));
        }
        panic!("no worker processed {text:?}");
    }

    fn holds(&self, text: &str) {
        let messages = self.json(&[], "/api/v1/messages").to_string();
        assert!(messages.contains(text), "{messages}");
    }
}

#[test]
fn easyflow_lives_on_docker() {
    let ports: [u16; 4] = free_ports();
    let project = Project::new(env!("CARGO_BIN_EXE_easyflow_docker"), BUCKET_AND_DOCKER);
    let bucket = Bucket::for_containers(&project.bed);
    let authority = Authority::create(project.folder(), "ca").unwrap();
    let server = authority.sign("easyflow", &["DNS:easyflow.test"]).unwrap();
    let read = |path: &std::path::Path| std::fs::read_to_string(path).unwrap();
    let project = on_test_bed(project, &bucket)
        .with(["--config", &format!("ports.http={}", ports[0])])
        .with(["--config", &format!("ports.https={}", ports[1])])
        .with(["--config", &format!("ports.prometheus={}", ports[2])])
        .with(["--config", &format!("ports.grafana={}", ports[3])])
        .with(["--config", "trusted_hosts=easyflow.test"])
        // A busy machine takes longer to start three of them than the guide's 5 seconds.
        .with(["--config", "probes.app.delay=60"])
        .variable("IAC_CONFIG_TLS__CERTIFICATE", &read(&server.certificate))
        .variable("IAC_CONFIG_TLS__KEY", &read(&server.key));
    let docker = Docker::new(&project.bed);
    docker.has_nothing_of(NAME);
    crate::guides::easyflow_on_docker();
    project.run(["up", "--yes"]).exits(0);
    let services = docker.services(NAME).join(", ");
    for part in [
        "app running healthy",
        "celery-worker running",
        "celery-beat running",
        "nginx running healthy",
    ] {
        assert!(services.contains(part), "{services}");
    }
    let front = Front {
        host: "easyflow.test",
        port: ports[1],
        address: "127.0.0.1".to_owned(),
    };
    front.is_processed("kept");
    nginx_does_as_the_guide_says(&front, ports[0]);
    everything_is_watched(&project, &docker, ports[2], ports[3]);
    is_dumped(&docker, "easyflow-postgres-backup-1", "/backups/easyflow_");
    bucket.has_a_dump_with("kept");
    project.is_up_to_date();

    // One change: the processes are other ones, and the data is the same.
    let debug = ["up", "--yes", "--config", "log_level=DEBUG"];
    project.run(debug).exits(0);
    front.holds("kept");
    front.is_processed("more");

    project.run(["destroy", "--yes", "--delete-data", "all"]).exits(0);
    docker.has_nothing_of(NAME);
}

/// Each of the three replicas is asked, and both databases by their exporters.
fn everything_is_watched(project: &Project, docker: &Docker, prometheus: u16, grafana: u16) {
    let prometheus = format!("http://127.0.0.1:{prometheus}");
    targets_are_up(
        &prometheus,
        &["easyflow-app", "easyflow-app", "easyflow-app", "postgres", "redis"],
    );
    for (query, least) in [("messages_processed_total", 1.0), ("pg_up", 1.0), ("redis_up", 1.0)] {
        eventually(&format!("{prometheus}/api/v1/query?query={query}"), |answer| {
            let value = answer["data"]["result"][0]["value"][1].as_str();
            value.is_some_and(|value| value.parse::<f64>().unwrap() >= least)
        });
    }
    let check = "exec -T prometheus promtool check config /etc/prometheus/prometheus.yml";
    docker.compose(NAME, check).shows(["SUCCESS"]);
    let password = project
        .run(["stack", "output", "grafana_password", "--show-secrets"])
        .exits(0)
        .stdout;
    grafana_has(
        &format!("http://127.0.0.1:{grafana}"),
        password.trim(),
        &["Easy Flow Monitoring"],
    );
}

fn nginx_does_as_the_guide_says(front: &Front, http: u16) {
    let plain = format!("http://127.0.0.1:{http}/x");
    let mut curl = Command::new("curl");
    let redirect = Ran::of(curl.args(["--silent", "--include", "--header", "Host: easyflow.test", &plain]));
    redirect
        .exits(0)
        .shows(["301 Moved Permanently", "Location: https://easyflow.test/x"]);
    for path in ["/health", "/static/index.html"] {
        let headers = front
            .curl(&["--include", "--output", "-", "--http1.1"], path)
            .to_lowercase();
        for header in [
            "200 ok",
            "x-frame-options: deny",
            "x-content-type-options: nosniff",
            "strict-transport-security:",
        ] {
            assert!(headers.contains(header), "{path}: {headers}");
        }
    }
    let styles = front.curl(
        &["--include", "--header", "Accept-Encoding: gzip", "--output", "-"],
        "/static/app.css",
    );
    let styles = styles.to_lowercase();
    assert!(styles.contains("content-encoding: gzip") && styles.contains("cache-control: max-age=31536000"));
    let origin = [
        "--include",
        "--header",
        "Origin: https://your-domain.com",
        "--request",
        "OPTIONS",
    ];
    let preflight = [
        "--header",
        "Access-Control-Request-Method: PUT",
        "--header",
        "Access-Control-Request-Headers: X-A",
    ];
    let allowed = front
        .curl(&[&origin[..], &preflight].concat(), "/api/v1/messages")
        .to_lowercase();
    for header in [
        "access-control-allow-origin: https://your-domain.com",
        "access-control-allow-credentials: true",
        "access-control-allow-methods: get, post, put, delete",
        "access-control-allow-headers: x-a",
    ] {
        assert!(allowed.contains(header), "{allowed}");
    }
    assert!(front.refuses(&["--tls-max", "1.1"]), "TLS 1.1 is taken");
    // 10 a second with a burst of 20; the webhook takes a burst of 100.
    let refused = |path: &str| {
        let range = format!("{path}?[1-60]");
        let arguments = [
            "--parallel",
            "--output",
            "/dev/null",
            "--write-out",
            "%{http_code}\n",
            "--globoff",
        ];
        let globbing = &arguments[..arguments.len() - 1];
        front
            .curl(globbing, &range)
            .lines()
            .filter(|code| *code == "429")
            .count()
    };
    assert!(refused("/api/v1/messages") > 10);
    assert_eq!(refused("/api/v1/messaging/webhook/telegram"), 0);
}

#[test]
fn easyflow_lives_on_kubernetes() {
    let project = Project::new(env!("CARGO_BIN_EXE_easyflow_kubernetes"), BUCKET_AND_KUBERNETES);
    let bucket = Bucket::for_pods(&project.bed);
    let project = on_test_bed(project, &bucket)
        .with(["--config", "replicas.app=2"])
        // Whatever a busy machine makes it think: ten would leave no room for a rollout.
        .with(["--config", "autoscale.max=3"])
        // The application takes requests for it, whatever `trusted_hosts` says.
        .with(["--config", "ingress.host=easyflow.test"]);
    let kubectl = Kubectl::new(&project.bed);
    let _namespace = Namespace::named(&project.bed, NAME);
    crate::guides::easyflow_on_kubernetes();
    project.run(["up", "--yes"]).exits(0);
    let front = Front {
        host: "easyflow.test",
        port: 443,
        address: project.bed.ingress_address.clone().unwrap(),
    };
    ingress_leads_to(front.host, &front.address, "/health");
    front.is_processed("kept");
    let beat = kubectl.get(&format!("-n {NAME} deployment celery-beat"));
    assert_eq!(beat["spec"]["strategy"]["type"], "Recreate");
    let config = kubectl.get(&format!("-n {NAME} configmap easyflow-config")).to_string();
    assert!(!config.contains("postgresql+asyncpg"), "{config}");
    pods_are_watched(&kubectl);
    project.is_up_to_date();
    let job = format!("create job -n {NAME} --from=cronjob/postgres-backup now");
    kubectl.run(&job).exits(0);
    bucket.has_a_dump_with("kept");

    project.run(["up", "--yes", "--config", "log_level=DEBUG"]).exits(0);
    front.holds("kept");
    front.is_processed("more");

    project.run(["destroy", "--yes", "--delete-data", "all"]).exits(0);
    assert_eq!(kubectl.names(&format!("namespace {NAME}")), Vec::<String>::new());
}

/// Each pod is asked by its own address.
fn pods_are_watched(kubectl: &Kubectl) {
    let ask =
        "exec -n easyflow statefulset/prometheus -- curl --silent http://127.0.0.1:9090/api/v1/targets?state=active";
    let mut last = String::new();
    for _ in 0..120 {
        last = kubectl.run(ask).stdout;
        let up = |job: &str| {
            let answer: Json = serde_json::from_str(&last).unwrap_or_default();
            let targets = answer["data"]["activeTargets"].as_array().cloned().unwrap_or_default();
            let of_job = targets.iter().filter(|target| target["labels"]["job"] == job);
            of_job.filter(|target| target["health"] == "up").count()
        };
        // The autoscaler may have made more of them.
        if up("easyflow-app") >= 2 && up("postgres") == 1 && up("redis") == 1 {
            return;
        }
        sleep(Duration::from_millis(500));
    }
    panic!("{last}");
}
