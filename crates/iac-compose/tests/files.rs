//! Compose files: what they declare, and what is said of bad ones. No engine is needed for these.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;

use iac_compose::Compose;
use iac_core::config::Config;
use iac_core::declare::Declaration;
use iac_core::provider::{Phase, Provider, Referent};
use iac_core::{Stack, Value};
use serde_json::json;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    folder
}

fn declare(folder: &Path, profiles: &[&str]) -> Result<Declaration, Vec<String>> {
    let stack = Stack::new("test", Config::default());
    let compose = Compose::project(&stack, "p");
    compose.file_with_profiles(folder.join("compose.yml"), profiles.iter().copied());
    stack
        .finish()
        .map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

fn load(content: &str) -> Declaration {
    let folder = folder(&[("compose.yml", content)]);
    declare(folder.path(), &[]).unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// A field of a service, with what is secret or not known as its description.
fn field(declaration: &Declaration, service: &str, pointer: &str) -> serde_json::Value {
    let key = format!("docker:compose/Service::{service}").parse().unwrap();
    let inputs = &declaration.get(&key).unwrap().inputs;
    let found = inputs.pointer(pointer).cloned().unwrap_or_default();
    found.to_json(&mut |_, leaf| match leaf {
        Value::Expr(expr) => expr.to_string().into(),
        _ => "(secret)".into(),
    })
}

#[test]
fn short_and_long_forms_mean_the_same() {
    let short = load(
        "services:\n  web:\n    image: x\n    command: sh -c 'echo hi'\n    ports: ['127.0.0.1:8080:80']\n    environment: ['A=1', 'B=two words']\n    \
         volumes: ['data:/data:ro', './conf:/etc/conf']\n    depends_on: [db]\n    ulimits: {nofile: 10}\n    \
         healthcheck: {test: 'true', interval: 1m30s}\n    mem_limit: 512m\n    dns: 1.1.1.1\n  db: {image: y}\nvolumes:\n  data:\n",
    );
    let long = load(
        "services:\n  web:\n    image: x\n    command: [sh, -c, echo hi]\n    ports: [{target: 80, published: '8080', host_ip: 127.0.0.1, protocol: tcp}]\n    \
         environment: {A: 1, B: two words}\n    volumes:\n      - {type: volume, source: data, target: /data, read_only: true}\n      \
         - {type: bind, source: ./conf, target: /etc/conf, bind: {create_host_path: true}}\n    depends_on: {db: {condition: service_started}}\n    \
         ulimits: {nofile: {soft: 10, hard: 10}}\n    healthcheck: {test: [CMD-SHELL, 'true'], interval: 90s}\n    mem_limit: 536870912\n    dns: [1.1.1.1]\n  \
         db: {image: y}\nvolumes:\n  data:\n",
    );
    // The folders of the two differ, and with them the paths of bind mounts.
    for pointer in [
        "/command",
        "/ports",
        "/environment",
        "/volumes/0",
        "/depends_on",
        "/ulimits",
        "/healthcheck",
        "/mem_limit",
        "/dns",
    ] {
        let (a, b) = (field(&short, "web", pointer), field(&long, "web", pointer));
        assert!(!a.is_null(), "{pointer}");
        assert_eq!(a, b, "{pointer}");
    }
    assert_eq!(field(&short, "web", "/healthcheck/interval"), json!("1m30s"));
    assert_eq!(field(&short, "web", "/volumes/0/source"), json!("p_data"));
}

#[test]
fn variables_come_from_the_env_file_and_secrets_stay_secret() {
    let folder = folder(&[
        (
            "compose.yml",
            "services:\n  db:\n    image: postgres:${IAC_TEST_TAG:-16}\n    environment:\n      POSTGRES_PASSWORD: ${IAC_TEST_PASSWORD}\n      \
             URL: postgres://u:${IAC_TEST_PASSWORD}@db\n      PLAIN: ${IAC_TEST_MODE}$$x\n      GONE: a${IAC_TEST_UNSET}b\n    deploy: {replicas: '${IAC_TEST_COUNT}'}\n    env_file: [app.env]\n",
        ),
        (
            ".env",
            "IAC_TEST_PASSWORD=canary\nIAC_TEST_MODE=fast\nIAC_TEST_COUNT=3\n",
        ),
        ("app.env", "API_KEY=canary-key\nPLAIN=from the file\nMORE=1\n"),
    ]);
    let declaration = declare(folder.path(), &[]).unwrap();
    let environment = field(&declaration, "db", "/environment");
    assert_eq!(
        environment,
        json!({
            "API_KEY": "<secret p/db/environment/API_KEY>",
            "GONE": "ab",
            "MORE": "1",
            "PLAIN": "fast$x",
            "POSTGRES_PASSWORD": "<secret p/variables/IAC_TEST_PASSWORD>",
            "URL": "postgres://u:<secret p/variables/IAC_TEST_PASSWORD>@db",
        })
    );
    assert_eq!(field(&declaration, "db", "/image"), json!("postgres:16"));
    assert_eq!(field(&declaration, "db", "/deploy/replicas"), json!(3));
    let notes: Vec<&str> = declaration.notes.iter().map(|note| note.message.as_str()).collect();
    assert!(
        notes.len() == 1 && notes[0].contains("IAC_TEST_UNSET is not set"),
        "{notes:?}"
    );
    assert!(!format!("{declaration:?}").contains("canary"));
}

#[test]
fn conditions_become_edges_between_phases() {
    let declaration = load(
        "services:\n  db: {image: a, healthcheck: {test: 'true'}}\n  cache: {image: b}\n  init: {image: c, depends_on: {db: {condition: service_healthy}}}\n  \
         web:\n    image: d\n    depends_on:\n      cache: {condition: service_started}\n      init: {condition: service_completed_successfully}\n",
    );
    assert_eq!(field(&declaration, "init", "/completes"), json!(true));
    let resources: Vec<_> = declaration.resources.iter().collect();
    let references = iac_compose::DockerProvider::new().references(&resources);
    let phase = |from: &str, to: &str| {
        references.iter().find_map(|reference| match &reference.to {
            Referent::Declared(on, phase) if reference.from.name() == from && on.name() == to => Some(*phase),
            _ => None,
        })
    };
    assert_eq!(phase("init", "db"), Some(Phase::Ready));
    assert_eq!(phase("web", "cache"), Some(Phase::Exists));
    assert_eq!(phase("web", "init"), Some(Phase::Ready));
    assert_eq!(phase("web", "default"), Some(Phase::Exists));
}

#[test]
fn extends_overrides_and_profiles() {
    let folder = folder(&[
        (
            "compose.yml",
            "services:\n  base: {image: a, environment: [A=1, B=1]}\n  web:\n    extends: base\n    environment: {B: '2'}\n  \
             shared: {extends: {file: common.yml, service: app}}\n  debug: {image: d, profiles: [debug]}\n",
        ),
        ("compose.override.yml", "services:\n  web: {command: [over]}\n"),
        ("common.yml", "services:\n  app: {image: common, working_dir: /app}\n"),
    ]);
    let declaration = declare(folder.path(), &[]).unwrap();
    assert_eq!(field(&declaration, "web", "/environment"), json!({"A": "1", "B": "2"}));
    assert_eq!(field(&declaration, "web", "/command"), json!(["over"]));
    assert_eq!(field(&declaration, "shared", "/working_dir"), json!("/app"));
    let names = |declaration: &Declaration| -> Vec<String> {
        let services = declaration
            .resources
            .iter()
            .filter(|resource| resource.key.kind().ends_with("Service"));
        services.map(|resource| resource.key.name().to_owned()).collect()
    };
    assert_eq!(names(&declaration), ["base", "shared", "web"]);
    assert_eq!(
        names(&declare(folder.path(), &["debug"]).unwrap()),
        ["base", "debug", "shared", "web"]
    );
}

#[test]
fn configs_and_secrets_carry_their_contents() {
    let folder = folder(&[
        (
            "compose.yml",
            "services:\n  web:\n    image: x\n    configs: [{source: app, target: /etc/app.conf, mode: 0440}]\n    secrets: [key]\n\
             configs: {app: {file: ./app.conf}}\nsecrets: {key: {file: key.txt}}\n",
        ),
        ("app.conf", "level = 1\n"),
        ("key.txt", "canary"),
    ]);
    let declaration = declare(folder.path(), &[]).unwrap();
    assert_eq!(
        field(&declaration, "web", "/configs/0"),
        json!({"source": "app", "target": "/etc/app.conf", "mode": 288, "content": "level = 1\n"})
    );
    assert_eq!(
        field(&declaration, "web", "/secrets/0/content"),
        json!("<secret p/secrets/key>")
    );
}

#[test]
fn externals_are_named_and_not_declared() {
    let declaration = load(
        "services:\n  web: {image: x, networks: [proxy], volumes: ['shared:/s']}\nnetworks: {proxy: {external: true}}\nvolumes: {shared: {external: true, name: real}}\n",
    );
    assert_eq!(declaration.resources.len(), 1);
    assert_eq!(
        field(&declaration, "web", "/networks/proxy"),
        json!({"network": "proxy"})
    );
    assert_eq!(field(&declaration, "web", "/volumes/0/source"), json!("real"));
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let table = [
        ("services:\n  web: [\n", "compose.yml:"),
        (
            "services:\n  web: {imgae: x}\n",
            "services.web.imgae: this is no key of the compose specification; did you mean \"image\"?",
        ),
        (
            "services:\n  web: {image: x, links: [a]}\n",
            "services.web.links: this key is not supported here",
        ),
        (
            "services:\n  web: {image: x, ports: ['80:http']}\n",
            "services.web.ports",
        ),
        (
            "services:\n  web: {image: x, healthcheck: {test: [echo]}}\n",
            "services.web.healthcheck.test: a list begins with CMD",
        ),
        (
            "services:\n  web: {image: x, deploy: {placement: {}}}\n",
            "unknown field `placement`",
        ),
        (
            "services:\n  web: {image: '${IAC_TEST_NONE:?set it}'}\n",
            "services.web.image: the variable IAC_TEST_NONE is required: set it",
        ),
        (
            "services:\n  web: {image: x, depends_on: [db]}\n",
            "services.web.depends_on.db: there is no service \"db\"",
        ),
        (
            "services:\n  web: {image: x, networks: [back]}\n",
            "the project has no network \"back\"",
        ),
        (
            "services:\n  web: {image: x, volumes: ['data:/d']}\n",
            "the project has no volume \"data\"",
        ),
        (
            "services:\n  web: {image: x, env_file: none.env}\n",
            "none.env can not be read",
        ),
        ("services:\n  a: {extends: b}\n  b: {extends: a}\n", "extends itself"),
        (
            "services:\n  web: {build: missing}\n",
            "the build context can not be read",
        ),
        (
            "services:\n  a: {image: x, ports: ['80:80']}\n  b: {image: x, ports: ['80:8080']}\n",
            "the service a publishes port 80/tcp of every address of the host already",
        ),
        ("include: [other.yml]\n", "include: this key is not supported here"),
    ];
    for (content, expected) in table {
        let folder = folder(&[("compose.yml", content)]);
        let errors = declare(folder.path(), &[]).expect_err(content).join("\n");
        assert!(errors.contains(expected), "{content}\n{errors}");
        // A resource of the file has its line there; what concerns the file as a whole, the line that asked for it.
        let places = ["compose.yml:2:", "compose.yml:3:", "tests/files.rs:"];
        assert!(
            places.iter().any(|place| errors.contains(place)),
            "the line is missing: {errors}"
        );
    }
}

#[test]
fn the_project_is_named_by_the_file_or_its_folder() {
    let folder = folder(&[
        ("My App/compose.yml", "services: {}\n"),
        ("named/compose.yml", "name: given\nversion: '3.8'\nservices: {}\n"),
    ]);
    let name = |path: &str| {
        let stack = Stack::new("test", Config::default());
        let (compose, _) = Compose::load(&stack, folder.path().join(path));
        let notes = stack.finish().unwrap().notes.len();
        (compose.name().to_owned(), notes)
    };
    assert_eq!(name("My App/compose.yml"), ("myapp".to_owned(), 0));
    assert_eq!(name("named/compose.yml"), ("given".to_owned(), 1));
}
