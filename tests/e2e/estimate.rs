//! estimate-service on a real Docker Engine and on a real cluster: estimates, files and answers that go through nginx and the
//! gateway, and outlive a new version of the services.

use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::docker::{DOCKER, Docker, free_ports};
use crate::support::{KUBERNETES, Kubectl, Namespace, Project, Ran, ingress_leads_to};

const NAME: &str = "estimate-service";

/// The test bed's images, and sizes that fit one small machine.
fn on_test_bed(program: &'static str, needs: iac_testbed::Needs) -> Project {
    let image = |name: &str| format!("localhost/iac-test/{name}");
    let mut settings = vec![
        ("images.backend", image("estimate-service:1")),
        ("images.frontend", image("estimate-frontend:1")),
        ("images.postgres", image("postgres:15")),
        ("images.redis", image("redis:7")),
        ("images.chroma", image("chroma:1.5.9")),
        ("images.nginx", image("nginx:1.22")),
        ("images.postgres_exporter", image("postgres-exporter:0.11")),
        ("images.redis_exporter", image("redis-exporter:1.45")),
        ("images.prometheus", image("prometheus:2.42")),
        ("images.grafana", image("grafana-standin:1")),
        // The test bed's images are Debian's.
        ("users.postgres", "102".to_owned()),
        ("users.redis", "101".to_owned()),
        ("replicas.estimate", "2".to_owned()),
        ("sizes.redis", "32mb".to_owned()),
    ];
    for part in ["estimate", "gateway", "assistant", "collector", "front", "chroma"] {
        let key = ["requests.cpu", "requests.memory"].map(|of| format!("resources.{part}.{of}"));
        let [cpu, memory] = key.map(|key| &*key.leak());
        // The autoscaler is to find the estimate service idle.
        let share = if part == "estimate" { "150m" } else { "10m" };
        settings.extend([(cpu, share.to_owned()), (memory, "32Mi".to_owned())]);
    }
    let project = Project::new(program, needs).variable("IAC_CONFIG_SECRETS__OPENAI_API_KEY", "sk-of-a-test");
    settings.iter().fold(project, |project, (key, value)| {
        project.with(["--config", &format!("{key}={value}")])
    })
}

/// The way in.
struct Front {
    url: String,
    /// The arguments that curl needs to get there.
    arguments: Vec<String>,
}

impl Front {
    fn curl(&self, arguments: &[&str], path: &str) -> String {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--insecure", "--fail-with-body"]);
        command.args(&self.arguments).args(arguments);
        Ran::of(command.arg(format!("{}{path}", self.url))).exits(0).stdout
    }

    fn json(&self, arguments: &[&str], path: &str) -> Json {
        let answer = self.curl(arguments, path);
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{path}: {error}: {answer}"))
    }
}

/// Somebody who makes estimates.
struct User<'a> {
    front: &'a Front,
    token: String,
}

impl<'a> User<'a> {
    fn logs_in(front: &'a Front) -> Self {
        let header = "Content-Type: application/json";
        let tokens = front.json(&["--header", header, "--data", r#"{"user":"ann"}"#], "/api/auth/login");
        assert!(tokens["refreshToken"].is_string(), "{tokens}");
        let token = format!("Authorization: Bearer {}", tokens["accessToken"].as_str().unwrap());
        Self { front, token }
    }

    fn gets(&self, path: &str) -> String {
        self.front.curl(&["--header", &self.token], path)
    }

    fn posts(&self, path: &str, body: &Json) -> Json {
        let (header, body) = ("Content-Type: application/json", body.to_string());
        let arguments = ["--header", header, "--header", &self.token, "--data", &body];
        self.front.json(&arguments, path)
    }

    /// Uses every service, and leaves an estimate and a file; gives the estimate's path.
    fn works(&self) -> String {
        let wanted = json!({ "name": "a house", "items": [{ "code": "08-02", "quantity": 2.5 }] });
        let made = self.posts("/api/estimates", &wanted);
        assert_eq!(made["total"], 18500, "the seeded price");
        let plan = ["--request", "PUT", "--header", &self.token, "--data", "a plan"];
        self.front.curl(&plan, "/api/uploads/plan.pdf");
        // More than nginx takes unless it is told.
        let large = tempfile::NamedTempFile::new().unwrap();
        large.as_file().set_len(2 << 20).unwrap();
        let large = ["--header", &self.token, "--upload-file", large.path().to_str().unwrap()];
        self.front.curl(&large, "/api/uploads/large.pdf");
        let collected = self.posts("/api/collections", &json!({}));
        assert_eq!(collected["trigger"], "demand");
        let answer = self.posts(
            "/api/assistant/ask",
            &json!({ "question": "What does a brick wall cost?" }),
        );
        let answer = answer["answer"].as_str().unwrap();
        assert!(answer.contains("Brick wall (08-02) costs 7401"), "{answer}");
        let page = self.front.curl(&[], "/");
        assert!(page.contains("<title>Estimates</title>"), "{page}");
        format!("/api/estimates/{}", made["id"].as_str().unwrap())
    }

    /// Finds what [`works`](Self::works) left, whichever container answers.
    fn finds(&self, estimate: &str) {
        for _ in 0..4 {
            assert!(self.gets(estimate).contains("a house"));
            assert_eq!(self.gets("/api/uploads/plan.pdf"), "a plan");
        }
    }
}

/// Waits until something is there.
fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..60 {
        if let Some(found) = look() {
            return found;
        }
        sleep(Duration::from_millis(500));
    }
    panic!("{what}: not within 30 seconds");
}

/// Prometheus hears from each container and from both databases, and Grafana has the dashboard; `exec` runs a line in a part.
fn is_watched(exec: impl Fn(&str, &str) -> Ran) {
    let query = |query: &str| {
        let line = format!("curl --silent --get --data-urlencode 'query={query}' http://127.0.0.1:9090/api/v1/query");
        exec("prometheus", &line).stdout
    };
    for (job, containers) in [
        ("api-gateway", 1),
        ("estimate-service", 2),
        ("ai-assistant", 1),
        ("data-collector", 1),
        ("postgres-exporter", 1),
        ("redis-exporter", 1),
    ] {
        eventually(job, || {
            let found = query(&format!("sum(up{{job=\"{job}\"}})"));
            found.contains(&format!(",\"{containers}\"]")).then_some(())
        });
    }
    for up in ["pg_up", "redis_up"] {
        eventually(up, || query(up).contains(",\"1\"]").then_some(()));
    }
    let line = "curl --silent --user \"admin:$GF_SECURITY_ADMIN_PASSWORD\" http://127.0.0.1:3000/api/search";
    let dashboards = exec("grafana", line).stdout;
    assert!(dashboards.contains("Estimate Service"), "{dashboards}");
}

#[test]
fn estimate_lives_on_docker() {
    let [port, grafana] = free_ports();
    let project = on_test_bed(env!("CARGO_BIN_EXE_estimate_docker"), DOCKER).with([
        "--config",
        &format!("ports.http={port}"),
        "--config",
        &format!("ports.grafana={grafana}"),
    ]);
    let docker = Docker::new(&project.bed);
    docker.has_nothing_of(NAME);
    settings_choose_sizes_and_storage();
    project.run(["up", "--yes"]).exits(0);
    let services = docker.services(NAME).join(", ");
    for part in [
        "nginx",
        "frontend",
        "api-gateway",
        "estimate-service",
        "ai-assistant",
        "data-collector",
        "postgres",
        "redis",
        "chroma",
    ] {
        assert!(
            services.contains(&format!("{part} running healthy")),
            "{part}: {services}"
        );
    }
    let front = Front {
        url: format!("http://127.0.0.1:{port}"),
        arguments: Vec::new(),
    };
    let user = User::logs_in(&front);
    let estimate = user.works();
    user.finds(&estimate);
    only_bound_parts_connect(&docker);
    is_watched(|part, line| docker.exec(&format!("{NAME}-{part}-1"), line));
    backups_are_whole(&docker);
    project.is_up_to_date();

    // One change: the services are of another version, and the data is the same.
    let change = [
        "up",
        "--yes",
        "--config",
        "images.backend=localhost/iac-test/estimate-service:2",
    ];
    project.run(change).exits(0);
    user.finds(&estimate);
    let version = docker.run(&format!("exec {NAME}-api-gateway-1 printenv APP_VERSION"));
    assert_eq!(version.stdout.trim(), "2");

    project.run(["destroy", "--yes", "--delete-data", "all"]).exits(0);
    docker.has_nothing_of(NAME);
}

/// Checks the plan of a new stack, without the test bed's own sizes.
fn settings_choose_sizes_and_storage() {
    let project = on_test_bed(env!("CARGO_BIN_EXE_estimate_docker"), DOCKER);
    project.write("none.toml", "");
    let none = project.path("none.toml").display().to_string();
    let project = project.variable("IAC_CONFIG_FILE", &none);
    let plan = |setting: &str| project.plan(["--config", setting]).to_string();
    let high = plan("profile=high-load");
    for limits in [
        json!({ "cpus": 2.0, "memory": "4g" }),
        json!({ "cpus": 4.0, "memory": "8g" }),
        json!({ "cpus": 8.0, "memory": "16g" }),
    ] {
        assert!(high.contains(&format!("\"limits\":{limits}")), "{limits}: {high}");
    }
    let local = plan("secrets.minstroyrf_api_key=x");
    let bucket = plan("storage.kind=s3");
    for (text, in_local, in_bucket) in [
        ("AWS_S3_BUCKET", false, true),
        ("compose/Volume::uploads", true, false),
        ("files-backup", true, false),
    ] {
        assert_eq!(
            (local.contains(text), bucket.contains(text)),
            (in_local, in_bucket),
            "{text}"
        );
    }
    for text in ["FSBTS_UPDATE_SCHEDULE\":\"0 2 * * *", "MINSTROYRF_API_KEY"] {
        assert!(local.contains(text), "{text}: {local}");
    }
}

/// Real connections, from container to container: those of the description succeed, and all others fail.
fn only_bound_parts_connect(docker: &Docker) {
    let container = |part: &str| format!("{NAME}-{part}-1");
    // By address as well: the names of what a part has no network with are not even known to it.
    let hosts = |part: &str| {
        let format = "{{range.NetworkSettings.Networks}}{{.IPAddress}},{{end}}";
        let ran = docker.run(&format!("inspect --format {format} {}", container(part)));
        format!("{part} {}", ran.stdout.trim().replace(',', " "))
    };
    let reaches = &|from: &str, to: &str, port: u16| {
        let each = format!("timeout 2 bash -c \": </dev/tcp/$host/{port}\" && echo reached $host");
        let line = format!("for host in {}; do ({each}) & done; wait", hosts(to));
        docker.exec(&container(from), &line).stdout.contains("reached")
    };
    let bound = [
        ("nginx", "api-gateway", 3000),
        ("nginx", "frontend", 8080),
        ("api-gateway", "redis", 6379),
        ("api-gateway", "estimate-service", 3000),
        ("estimate-service", "postgres", 5432),
        ("ai-assistant", "chroma", 8000),
        ("data-collector", "chroma", 8000),
    ];
    let strange = [
        ("frontend", "postgres", 5432),
        ("frontend", "api-gateway", 3000),
        ("nginx", "postgres", 5432),
        ("nginx", "estimate-service", 3000),
        ("api-gateway", "postgres", 5432),
        ("api-gateway", "chroma", 8000),
        ("ai-assistant", "postgres", 5432),
        ("data-collector", "redis", 6379),
        ("estimate-service", "data-collector", 3000),
    ];
    // All at once, since what does not get through takes its time.
    std::thread::scope(|scope| {
        for (pairs, wanted) in [(&bound[..], true), (&strange[..], false)] {
            for (from, to, port) in pairs {
                scope.spawn(move || assert_eq!(reaches(from, to, *port), wanted, "{from} -> {to}:{port}"));
            }
        }
    });
}

/// Both backups are made now, and hold what they should.
fn backups_are_whole(docker: &Docker) {
    for (part, pattern, shows, wanted) in [
        ("postgres-backup", "estimate_db_*.sql.gz", "gunzip --stdout", "a house"),
        ("files-backup", "uploads_*.tar.gz", "tar -tzf", "uploads/plan.pdf"),
    ] {
        docker.run(&format!("kill --signal USR1 {NAME}-{part}-1"));
        eventually(part, || {
            let script = format!("{shows} /backups/{pattern}");
            let ran = docker.exec(&format!("{NAME}-{part}-1"), &script);
            (ran.code == 0 && ran.stdout.contains(wanted)).then_some(())
        });
    }
}

#[test]
fn estimate_lives_on_kubernetes() {
    let logging = "estimate-logging";
    let project = on_test_bed(env!("CARGO_BIN_EXE_estimate_kubernetes"), KUBERNETES);
    let pods = project.bed.config_file.with_file_name("pod-logs").display().to_string();
    let project = [
        ("ingress.host", "estimate.test"),
        ("sizes.postgres", "1Gi"),
        ("sizes.chroma", "1Gi"),
        ("sizes.uploads", "1Gi"),
        ("sizes.backups", "1Gi"),
        ("logs.fluentd", "localhost/iac-test/fluentd-standin:1"),
        ("logs.elasticsearch", "localhost/iac-test/elasticsearch-standin:1"),
        ("logs.size", "1Gi"),
        ("logs.pods", &pods),
    ]
    .into_iter()
    .fold(project, |project, (key, value)| {
        project.with(["--config", &format!("{key}={value}")])
    });
    let kubectl = Kubectl::new(&project.bed);
    let _namespaces = [NAME, logging].map(|name| Namespace::named(&project.bed, name));
    project.run(["up", "--yes"]).exits(0);
    let address = project.bed.ingress_address.clone().unwrap();
    let front = Front {
        url: "https://estimate.test".to_owned(),
        arguments: ["--resolve".to_owned(), format!("estimate.test:443:{address}")].into(),
    };
    ingress_leads_to("estimate.test", &address, "/api/auth/login");
    let user = User::logs_in(&front);
    let estimate = user.works();
    user.finds(&estimate);
    objects_are_as_the_guide_says(&kubectl);
    is_watched(|part, line| {
        let pod = if part == "grafana" { "deployment" } else { "statefulset" };
        kubectl.args(["-n", NAME, "exec", &format!("{pod}/{part}"), "--", "sh", "-c", line])
    });
    logs_are_found(&kubectl, logging);
    for backup in ["postgres-backup", "files-backup"] {
        kubectl
            .run(&format!("-n {NAME} create job now-{backup} --from=cronjob/{backup}"))
            .exits(0);
    }
    for backup in ["postgres-backup", "files-backup"] {
        let wait = format!("-n {NAME} wait --for=condition=complete --timeout=60s job/now-{backup}");
        kubectl.run(&wait).exits(0);
        kubectl.run(&format!("-n {NAME} delete job now-{backup}")).exits(0);
    }
    project.is_up_to_date();

    let change = [
        "up",
        "--yes",
        "--config",
        "images.backend=localhost/iac-test/estimate-service:2",
    ];
    project.run(change).exits(0);
    user.finds(&estimate);
    let version = kubectl.run(&format!(
        "-n {NAME} exec deployment/api-gateway -- printenv APP_VERSION"
    ));
    assert_eq!(version.exits(0).stdout.trim(), "2");

    project.run(["destroy", "--yes", "--delete-data", "all"]).exits(0);
    for name in [NAME, logging] {
        assert_eq!(kubectl.names(&format!("namespace {name}")), Vec::<String>::new());
    }
    for kind in ["clusterrole", "clusterrolebinding"] {
        assert_eq!(kubectl.names(&format!("{kind} estimate-fluentd")), Vec::<String>::new());
    }
}

fn objects_are_as_the_guide_says(kubectl: &Kubectl) {
    let get = |what: &str| kubectl.get(&format!("-n {NAME} {what}"));
    let container = |of: &Json| of["spec"]["template"]["spec"]["containers"][0].clone();
    let service = get("deployment estimate-service");
    let one = container(&service);
    let probe = |path: &str, delay: u32, period: u32| {
        json!({
            "httpGet": { "path": path, "port": 3000, "scheme": "HTTP" }, "initialDelaySeconds": delay,
            "periodSeconds": period, "timeoutSeconds": 5, "failureThreshold": 3, "successThreshold": 1,
        })
    };
    assert_eq!(one["livenessProbe"], probe("/health", 30, 10));
    assert_eq!(one["readinessProbe"], probe("/health/ready", 10, 5));
    assert_eq!(
        one["envFrom"],
        json!([{ "configMapRef": { "name": "estimate-config" } }])
    );
    let limits = &one["resources"]["limits"];
    assert_eq!(limits, &json!({ "cpu": "1", "memory": "2Gi" }));
    let scaler = get("hpa estimate-service-hpa");
    // The guide's 10, unless the settings of the test bed say less.
    assert_eq!(scaler["spec"]["maxReplicas"], 4);
    assert_eq!(
        scaler["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"],
        70
    );
    let config = get("configmap estimate-config")["data"].clone();
    for (name, value) in [
        ("NODE_ENV", "production"),
        ("RATE_LIMIT_TTL", "60000"),
        ("RATE_LIMIT_LIMIT", "1000"),
    ] {
        assert_eq!(config[name], value, "{config}");
    }

    // The server takes restricted pods only, and all of them are.
    let level = &get("namespace estimate-service")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"];
    assert_eq!(level, "restricted");
    let pod = &service["spec"]["template"]["spec"]["securityContext"];
    assert_eq!(
        pod,
        &json!({
            "runAsNonRoot": true, "runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000,
            "seccompProfile": { "type": "RuntimeDefault" },
        })
    );
    for workloads in ["deployments", "statefulsets"] {
        for workload in get(workloads)["items"].as_array().unwrap() {
            assert_eq!(
                container(workload)["securityContext"]["readOnlyRootFilesystem"],
                true,
                "{workload}"
            );
        }
    }
    let refused = kubectl.run(&format!(
        "-n {NAME} run root --image=localhost/iac-test/busybox:1 --dry-run=server"
    ));
    refused.exits(1).says(["violates PodSecurity \"restricted:latest\""]);

    let policies = kubectl.names(&format!("-n {NAME} networkpolicies"));
    for part in ["default-deny", "estimate-service", "postgres", "nginx", "migrate"] {
        let name = format!("networkpolicy.networking.k8s.io/{part}");
        assert!(policies.contains(&name), "{policies:?}");
    }
}

/// A line of the estimate service is in the index.
fn logs_are_found(kubectl: &Kubectl, logging: &str) {
    let path =
        format!("/api/v1/namespaces/{logging}/services/elasticsearch:9200/proxy/estimate-service/_search?q=seeded");
    eventually("the log of the seed", || {
        let ran = kubectl.args(["get", "--raw", &path]);
        (ran.code == 0 && ran.stdout.contains("known")).then_some(())
    });
}
