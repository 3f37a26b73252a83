//! The promises of the test bed, tried on the running one: an engine with compose, and a cluster with DNS, volumes,
//! Ingresses and figures.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use iac_testbed::{Needs, TestBed};

/// A namespace of the test's own, gone at its end.
struct Namespace<'a> {
    bed: &'a TestBed,
    name: String,
}

impl<'a> Namespace<'a> {
    fn make(bed: &'a TestBed, test: &str) -> Self {
        let name = format!("testbed-{test}-{}", std::process::id());
        let namespace = Self { bed, name };
        namespace.kubectl(&["create", "namespace", &namespace.name]);
        namespace
    }

    fn kubectl(&self, arguments: &[&str]) -> String {
        let mut command = kubectl(self.bed);
        command.args(["--namespace", &self.name]).args(arguments);
        output(&mut command)
    }

    fn apply(&self, objects: &str) {
        let mut command = kubectl(self.bed);
        command.args(["--namespace", &self.name, "apply", "--server-side", "-f", "-"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(objects.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "kubectl apply");
    }
}

impl Drop for Namespace<'_> {
    fn drop(&mut self) {
        let _ = kubectl(self.bed)
            .args(["delete", "namespace", &self.name, "--wait=false"])
            .output();
    }
}

fn kubectl(bed: &TestBed) -> Command {
    let mut command = Command::new(&bed.kubectl);
    command.arg("--kubeconfig").arg(&bed.kubeconfig);
    command
}

fn output(command: &mut Command) -> String {
    let done = command.output().unwrap();
    assert!(
        done.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8(done.stdout).unwrap()
}

/// Waits until `probe` gives what is wanted; the deadline is there to end a test that fails, not to measure.
fn eventually(what: &str, probe: impl Fn() -> bool) {
    let start = Instant::now();
    while !probe() {
        assert!(
            start.elapsed() < Duration::from_secs(120),
            "not within two minutes: {what}"
        );
        std::thread::sleep(Duration::from_millis(250));
    }
}

/// The status and body of `GET http://ADDRESS/PATH` for a host.
fn get(address: &str, host: &str, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect((address, 80)).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

#[test]
fn compose_runs_a_service_on_the_engine() {
    let bed = TestBed::ensure(Needs {
        docker: true,
        ..Needs::default()
    })
    .unwrap();
    let folder = std::env::temp_dir().join(format!("iac-testbed-compose-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("compose.yaml");
    let text = "services:\n  idle:\n    image: localhost/iac-test/busybox:1\n    init: true\n    command: sleep 600\n";
    std::fs::write(&file, text).unwrap();
    let project = format!("iac-testbed-{}", std::process::id());
    let compose = |arguments: &[&str]| {
        let mut command = Command::new(&bed.compose);
        command.args(["-p", &project, "-f"]).arg(&file).args(arguments);
        output(
            command
                .env("DOCKER_HOST", &bed.docker_host)
                .env("DOCKER_CONFIG", &bed.docker_config),
        )
    };
    compose(&["up", "--detach", "--wait"]);
    let listed = compose(&["ps", "--format", "{{.Service}} {{.State}}"]);
    compose(&["down", "--timeout", "1"]);
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(listed.trim(), "idle running");
}

/// A claim of a class that waits for its pod, one of a class that doesn't, and a pod that writes to both and serves the first.
const WORKLOAD: &str = r#"
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: eager}
spec: {accessModes: [ReadWriteOnce], storageClassName: fast-ssd, resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: patient}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: web
      image: localhost/iac-test/busybox:1
      command: [sh, -c, "cat /eager/page; echo hello > /eager/page; echo x > /patient/x; exec httpd -f -p 8080 -h /eager"]
      readinessProbe: {httpGet: {path: /page, port: 8080}, periodSeconds: 1}
      volumeMounts: [{name: eager, mountPath: /eager}, {name: patient, mountPath: /patient}]
  volumes:
    - {name: eager, persistentVolumeClaim: {claimName: eager}}
    - {name: patient, persistentVolumeClaim: {claimName: patient}}
"#;

#[test]
fn a_claim_of_the_same_name_starts_afresh_and_can_grow() {
    let bed = TestBed::ensure(Needs {
        kubernetes: true,
        ..Needs::default()
    })
    .unwrap();
    let namespace = Namespace::make(&bed, "volumes");
    for _ in 0..2 {
        namespace.apply(WORKLOAD);
        namespace.kubectl(&["wait", "pod/web", "--for=condition=Ready", "--timeout=120s"]);
        let printed = namespace.kubectl(&["logs", "web"]);
        assert!(
            !printed.contains("hello"),
            "the volume holds what the one before it held: {printed}"
        );
        let larger = r#"{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}"#;
        namespace.kubectl(&["patch", "pvc", "eager", "--patch", larger]);
        let size = ["get", "pvc", "eager", "-o", "jsonpath={.status.capacity.storage}"];
        eventually("the claim grows", || namespace.kubectl(&size) == "2Gi");
        namespace.kubectl(&["delete", "pod/web", "pvc/eager", "pvc/patient"]);
    }
}

/// A Service of the pod above, and an Ingress to it without a class, whose certificate is asked for.
const INGRESS: &str = r#"
apiVersion: v1
kind: Service
metadata: {name: site}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  annotations:
    cert-manager.io/cluster-issuer: letsencrypt-prod
    nginx.ingress.kubernetes.io/ssl-redirect: "false"
spec:
  tls: [{hosts: [HOST], secretName: web-tls}]
  rules: [{host: HOST, http: {paths: [{path: /page, pathType: Prefix, backend: {service: {name: site, port: {number: 80}}}}]}}]
"#;

#[test]
fn an_ingress_gets_an_address_a_certificate_and_an_answer() {
    let bed = TestBed::own(Needs {
        kubernetes: true,
        ..Needs::default()
    })
    .unwrap();
    let namespace = Namespace::make(&bed, "ingress");
    let host = format!("{}.test", namespace.name);
    namespace.apply(WORKLOAD);
    namespace.apply(&INGRESS.replace("HOST", &host));
    let address = bed.ingress_address.clone().unwrap();
    eventually("the page is served", || {
        get(&address, &host, "/page") == Some((200, "hello\n".to_owned()))
    });
    assert_eq!(
        get(&address, &host, "/pages").map(|(status, _)| status),
        Some(404),
        "a prefix ends at a slash"
    );
    let published = [
        "get",
        "ingress",
        "web",
        "-o",
        "jsonpath={.status.loadBalancer.ingress[0].ip}",
    ];
    assert_eq!(namespace.kubectl(&published), address);
    let kind = [
        "get",
        "secret",
        "web-tls",
        "--ignore-not-found",
        "-o",
        "jsonpath={.type}",
    ];
    eventually("the certificate is issued", || {
        namespace.kubectl(&kind) == "kubernetes.io/tls"
    });
}

#[test]
fn pods_find_services_by_name_and_have_figures() {
    let bed = TestBed::ensure(Needs {
        kubernetes: true,
        ..Needs::default()
    })
    .unwrap();
    let namespace = Namespace::make(&bed, "names");
    namespace.apply(WORKLOAD);
    namespace.apply(INGRESS.split("---").next().unwrap());
    namespace.kubectl(&["wait", "pod/web", "--for=condition=Ready", "--timeout=120s"]);
    for name in [
        "site".to_owned(),
        format!("site.{}", namespace.name),
        format!("site.{}.svc.cluster.local", namespace.name),
    ] {
        let url = format!("http://{name}/page");
        let fetch = || {
            let done = kubectl(&bed)
                .args(["-n", &namespace.name, "exec", "web", "--", "wget", "-qO-", &url])
                .output();
            done.is_ok_and(|done| done.stdout == b"hello\n")
        };
        eventually(&url, fetch);
    }
    eventually("figures of the pod", || {
        kubectl(&bed)
            .args(["-n", &namespace.name, "top", "pod", "web"])
            .output()
            .is_ok_and(|done| done.status.success())
    });
}

#[test]
fn the_s3_server_asks_who_it_is_and_postgresql_keeps_what_it_acknowledges() {
    let bed = TestBed::ensure(Needs {
        storage: true,
        ..Needs::default()
    })
    .unwrap();
    let servers = bed.storage.unwrap();
    let s3 = servers.s3();
    let address = s3.endpoint.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /{} HTTP/1.0\r\n\r\n", s3.bucket).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer.split(' ').nth(1), Some("403"), "{answer}");

    let mut psql = Command::new("psql");
    psql.args([
        &servers.postgres(),
        "--no-psqlrc",
        "--tuples-only",
        "--no-align",
        "--command",
    ]);
    assert_eq!(output(psql.arg("show fsync")), "on\n");
}
