//! Bad input to Docker programs: each a clear error that names the resource and where it stands; the state stays as it was.

use std::net::TcpListener;

use crate::docker::{ComposeFolder, free_ports, sleepers};
use crate::support::Ran;

/// `up` of a file that cannot work, after which the state can still be read.
fn fails(folder: &ComposeFolder, text: &str) -> Ran {
    folder.write(text);
    let up = folder.project.run(["up", "--yes"]).exits(1);
    assert!(!up.stderr.contains("panicked"), "{up}");
    folder.project.run(["state", "list"]).exits(0);
    up
}

#[test]
fn an_image_that_can_not_be_had_names_it() {
    let folder = ComposeFolder::new();
    let up = fails(
        &folder,
        "services:\n  web:\n    image: localhost/iac-test/no-such-image:1\n",
    );
    up.says([
        "localhost/iac-test/no-such-image:1",
        "::web",
        "compose.yaml:2",
        "docker login",
    ]);
    // Corrected, it goes on.
    folder.write(&sleepers([("web", "")]));
    folder.project.run(["up", "--yes"]).exits(0);
    assert_eq!(folder.docker.services(&folder.name), ["web running "]);
}

#[test]
fn a_port_in_use_names_who_holds_it() {
    let folder = ComposeFolder::new();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    let text = sleepers([("web", &format!("ports: ['127.0.0.1:{port}:80']"))]);
    let up = fails(&folder, &text);
    up.says([
        &format!("port {port}"),
        "::web",
        "compose.yaml:2",
        "a process of the host",
    ]);
    drop(holder);
    folder.project.run(["up", "--yes"]).exits(0);

    let other = ComposeFolder::new();
    let holder = format!("{}-web-1", folder.name);
    let up = fails(&other, &text);
    let said = format!("{}{}", up.stdout, up.stderr);
    for part in [&*format!("port {port}"), &holder, "::web", "compose.yaml:2"] {
        assert!(said.contains(part), "nothing says {part:?}\n{up}");
    }
    other.docker.has_nothing_of(&other.name);
}

#[test]
fn an_unhealthy_container_fails_soon_with_its_last_words() {
    let folder = ComposeFolder::new();
    let check = "healthcheck: {test: 'echo no luck; exit 1', interval: 300ms, retries: 2}";
    let text = sleepers([("web", check)]).replace("sleep 1000", "sh -c 'echo I was here; exec sleep 1000'");
    let up = fails(&folder, &text);
    up.says(["unhealthy", "no luck", "I was here", "::web", "compose.yaml:2"]);
}

#[test]
fn a_container_that_ends_fails_with_its_status_and_log() {
    let folder = ComposeFolder::new();
    let text = sleepers([("web", "")]).replace("sleep 1000", "sh -c 'echo out of luck; exit 3'");
    fails(&folder, &text).says(["3", "out of luck", "::web", "compose.yaml:2"]);
}

#[test]
fn what_is_wrong_with_a_file_is_said_before_anything_is_done() {
    let [port] = free_ports();
    let table = [
        ("services:\n  web: [\n", &["compose.yaml:"][..]),
        (
            "services:\n  web:\n    imgae: x\n",
            &["services.web.imgae", "did you mean \"image\"?"],
        ),
        (
            "services:\n  web:\n    image: x\n    post_start: []\n",
            &["services.web.post_start", "use a service of its own"],
        ),
        (
            "services:\n  web:\n    image: x\n    volumes: ['data:/data']\n",
            &["web", "no volume \"data\""],
        ),
        (
            &format!("services:\n  web:\n    image: x\n    ports: ['{port}:eighty']\n"),
            &["services.web.ports", "eighty"],
        ),
    ];
    let folder = ComposeFolder::new();
    for (text, parts) in table {
        folder.write(text);
        let preview = folder.project.run(["preview"]).exits(1);
        for part in parts {
            assert!(preview.stderr.contains(part), "nothing says {part:?}\n{preview}");
        }
    }
    folder.docker.has_nothing_of(&folder.name);
}

#[test]
fn a_stack_belongs_to_its_path() {
    let folder = ComposeFolder::new();
    folder.write(&sleepers([("web", "")]));
    folder.project.run(["up", "--yes"]).exits(0);
    folder.project.write("other/compose.yaml", &sleepers([("web", "")]));
    let mut command = folder.project.command(["preview"]);
    let ran = Ran::of(command.args(["--config", "path=other"])).exits(1);
    ran.says(["app", "other", "--stack"]);
}

#[test]
fn a_cycle_of_conditions_is_an_error_that_names_every_link() {
    let folder = ComposeFolder::new();
    let up = fails(
        &folder,
        &sleepers([
            ("db", "depends_on: { migrate: { condition: service_started } }"),
            ("migrate", "depends_on: [web]"),
            ("web", "depends_on: { db: { condition: service_healthy } }"),
        ]),
    );
    up.says(["compose.yaml:", "db -> migrate -> web -> db"]);
    folder.docker.has_nothing_of(&folder.name);
}
