//! Files that are none, and servers that fall silent: refused with their name, and an interruption ends the run at once.

use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use iac_testbed::Needs;
use iac_testbed::hostile::{Answer, Body, Server};
use serde_json::json;

use crate::support::Project;

const MANIFESTS: &str = env!("CARGO_BIN_EXE_manifests");
const COMPOSE: &str = env!("CARGO_BIN_EXE_compose_file");

/// Longer than anything here takes, and shorter than a server is waited for.
const LONG: Duration = Duration::from_secs(25);

/// The exit code and what was said; a run that does not end is a failure.
fn ends(mut command: Command) -> (i32, String) {
    command.env_remove("IAC_CONFIG_FILE");
    let said = tempfile::NamedTempFile::new().unwrap();
    let mut run = command
        .stdout(Stdio::null())
        .stderr(said.reopen().unwrap())
        .spawn()
        .unwrap();
    let code = wait(&mut run, &command);
    (code, std::fs::read_to_string(said.path()).unwrap())
}

fn wait(run: &mut std::process::Child, command: &Command) -> i32 {
    let until = Instant::now() + LONG;
    loop {
        if let Some(status) = run.try_wait().unwrap() {
            return status.code().unwrap_or_default();
        }
        if Instant::now() > until {
            run.kill().unwrap();
            panic!("{command:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Puts a FIFO, a socket or an endless device under a name; what keeps it there is returned.
fn put(what: &str, project: &Project, name: &str) -> Option<UnixListener> {
    let path = project.path(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    match what {
        "a FIFO" => assert!(Command::new("mkfifo").arg(&path).status().unwrap().success()),
        "a device" => symlink("/dev/zero", &path).unwrap(),
        _ => return Some(UnixListener::bind(path).unwrap()),
    }
    None
}

#[test]
fn files_of_manifests_and_of_connections_are_regular_files() {
    for what in ["a FIFO", "a device", "a socket"] {
        let project = Project::new(MANIFESTS, Needs::default()).with(["--config", "path=k8s"]);
        let _kept = put(what, &project, "k8s/odd.yaml");
        let (code, said) = ends(project.command(["preview", "--offline"]));
        assert!(
            code == 1 && said.contains("k8s/odd.yaml") && said.contains(what),
            "{what}: {code} {said}"
        );

        let project = Project::new(MANIFESTS, Needs::default()).with(["--config", "path=a.yaml"]);
        project.write(
            "a.yaml",
            r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}"#,
        );
        let _kept = put(what, &project, "odd");
        let mut command = project.command(["preview", "--detailed-exitcode"]);
        command.env("KUBECONFIG", project.path("odd"));
        let (code, said) = ends(command);
        assert!(
            code != 0 && code != 2 && said.contains("/odd: it is") && said.contains(what),
            "{what}: {code} {said}"
        );
        for (key, whose) in [
            ("certificate-authority", "cluster"),
            ("client-key", "user"),
            ("tokenFile", "user"),
        ] {
            let mut config = json!({
                "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
                "users": [{"name": "u", "user": {}}],
            });
            config[format!("{whose}s")][0][whose][key] = json!("odd");
            project.write("kubeconfig", &config.to_string());
            let mut command = project.command(["preview", "--detailed-exitcode"]);
            command.env("KUBECONFIG", project.path("kubeconfig"));
            let (code, said) = ends(command);
            let is_named = said.contains("/odd: it is") && said.contains(key) && said.contains(what);
            assert!(code != 0 && code != 2 && is_named, "{what} {key}: {code} {said}");
        }
    }
}

#[test]
fn files_of_a_compose_project_are_regular_files() {
    let services = |more: &str| format!("services: {{web: {{image: x, {more}}}}}\n");
    for what in ["a FIFO", "a device", "a socket"] {
        for (file, text) in [
            ("app/compose.yml", String::new()),
            ("app/.env", services("")),
            ("app/odd", services("env_file: odd")),
            ("app/odd", services("label_file: odd")),
            ("app/odd", services("security_opt: ['seccomp:./odd']")),
            ("app/odd", "include: [odd]\n".to_owned() + &services("")),
            ("app/odd", services("extends: {file: odd, service: web}")),
            ("app/odd", services("configs: [c]") + "configs: {c: {file: odd}}\n"),
            ("app/odd", services("secrets: [c]") + "secrets: {c: {file: odd}}\n"),
            ("app/.dockerignore", services("build: .")),
        ] {
            let project = Project::new(COMPOSE, Needs::default()).with(["--config", "path=app/compose.yml"]);
            if !text.is_empty() {
                project.write("app/compose.yml", &text);
                project.write("app/Dockerfile", "FROM scratch\n");
            }
            let _kept = put(what, &project, file);
            let (code, said) = ends(project.command(["preview", "--offline"]));
            let name = file.rsplit('/').next().unwrap();
            let is_named = said.contains(name) && said.contains(&format!("it is {what}"));
            assert!(code == 1 && is_named, "{what} {file} {text}: {code} {said}");
        }
    }
}

/// A server that never answers, and how many asked it.
fn silent() -> (Server, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let server = Server::on_loopback(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        Answer::with(200, Body::Silence)
    });
    (server.unwrap(), asked)
}

/// Starts a command, and interrupts it once that is so; it ends within moments.
fn interrupted(mut command: Command, signal: &str, is_so: impl Fn() -> bool) {
    command.env_remove("IAC_CONFIG_FILE");
    let mut run = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let until = Instant::now() + LONG;
    while !is_so() {
        assert!(
            Instant::now() < until && run.try_wait().unwrap().is_none(),
            "{command:?} asked nobody"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    let sent = Command::new("kill")
        .args([signal, &run.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
    let began = Instant::now();
    assert_eq!(wait(&mut run, &command), 130, "{command:?}");
    // A server is waited for much longer.
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

#[test]
fn an_interruption_ends_a_run_that_a_silent_server_holds_up() {
    for signal in ["-TERM", "-INT"] {
        for verb in [&["preview"][..], &["up", "--yes"]] {
            let (server, asked) = silent();
            let project = Project::new(MANIFESTS, Needs::default()).with(["--config", "path=a.yaml"]);
            project.write(
                "a.yaml",
                r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}"#,
            );
            let config = json!({
                "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                "clusters": [{"name": "c", "cluster": {"server": format!("http://{}", server.address())}}],
                "users": [{"name": "u", "user": {}}],
            });
            project.write("kubeconfig", &config.to_string());
            let mut command = project.command(verb);
            command.env("KUBECONFIG", project.path("kubeconfig"));
            interrupted(command, signal, || asked.load(Ordering::SeqCst) > 0);

            let (server, asked) = silent();
            let project = Project::new(COMPOSE, Needs::default()).with(["--config", "path=compose.yml"]);
            project.write("compose.yml", "services: {web: {image: x}}\n");
            let mut command = project.command(verb);
            command.env("DOCKER_HOST", format!("tcp://{}", server.address()));
            interrupted(command, signal, || asked.load(Ordering::SeqCst) > 0);
        }
        // A backend that takes the connection and says nothing.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        std::thread::spawn(move || {
            let mut kept = Vec::new();
            while let Ok((stream, _)) = listener.accept() {
                count.fetch_add(1, Ordering::SeqCst);
                kept.push(stream);
            }
        });
        for backend in [
            format!("postgres://me:pw@{address}/iac"),
            format!("s3://bucket/x?endpoint=http://{address}"),
        ] {
            asked.store(0, Ordering::SeqCst);
            let project = Project::new(COMPOSE, Needs::default()).with(["--config", "path=compose.yml"]);
            project.write("compose.yml", "services: {web: {image: x}}\n");
            let mut command = project.command(["up", "--yes"]);
            command
                .env("IAC_BACKEND", backend)
                .env("AWS_ACCESS_KEY_ID", "a")
                .env("AWS_SECRET_ACCESS_KEY", "b");
            interrupted(command, signal, || asked.load(Ordering::SeqCst) > 0);
        }
    }
}
