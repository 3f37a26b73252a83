//! Compose files: what they declare, and what is said of bad ones. No engine is needed for these.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;

use iac_compose::{Compose, FileOptions};
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
    let options = FileOptions::default().profiles(profiles.iter().copied());
    compose.file_with(folder.join("compose.yml"), &options);
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
            "API_KEY": "<secret service p/db environment.API_KEY>",
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
            Referent::Declared(on, phase) | Referent::Ordered(on, phase)
                if reference.from.name() == from && on.name() == to =>
            {
                Some(*phase)
            }
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
fn each_field_names_its_line_in_the_file_that_says_it() {
    let folder = folder(&[
        (
            "compose.yml",
            "include: [other/part.yml]\nservices:\n  web:\n    image: a:${IAC_TEST_TAG:-1}\n    environment: [A=1, \"B=2\"]\n    \
             ports:\n      - '80:80'\n    build:\n      context: .\n      args:\n        X: 1\n  shared:\n    \
             extends:\n      file: common.yml\n      service: app\n    user: me\nnetworks:\n  default:\n    driver: bridge\n    \
             labels: [a=b]\nvolumes:\n  data:\n    name: real\n",
        ),
        (
            "compose.override.yml",
            "services:\n  web:\n    environment:\n      B: 3\n      C: 4\n    ports:\n      - '90:90'\n",
        ),
        (
            "common.yml",
            "services:\n  app:\n    image: common\n    working_dir: /app\n",
        ),
        (
            "other/part.yml",
            "services:\n  part:\n    image: part\n    env_file: [a.env, b.env]\n",
        ),
        ("other/a.env", "FROM_FILE=1\n"),
        ("other/b.env", ""),
        ("Dockerfile", "FROM scratch\n"),
    ]);
    let declaration = declare(folder.path(), &[]).unwrap();
    let line = |kind: &str, name: &str, path: &str| {
        let resource = declaration.get(&format!("docker:compose/{kind}::{name}").parse().unwrap());
        let lines = resource.unwrap().lines.as_ref()?;
        let line = lines.line(&path.parse().unwrap())?;
        let file = Path::new(&line.file).strip_prefix(folder.path()).unwrap();
        Some(format!("{}:{}", file.display(), line.line))
    };
    for (kind, name, path, expected) in [
        ("Service", "web", "image", Some("compose.yml:4")),
        ("Service", "web", "environment.A", Some("compose.yml:5")),
        ("Service", "web", "environment.B", Some("compose.override.yml:4")),
        ("Service", "web", "environment.C", Some("compose.override.yml:5")),
        ("Service", "web", "ports[target=80].published", Some("compose.yml:7")),
        (
            "Service",
            "web",
            "ports[target=90].published",
            Some("compose.override.yml:7"),
        ),
        ("Service", "web", "image_id", None),
        ("Service", "web", "networks.default.network_id", None),
        ("Image", "web", "tag", Some("compose.yml:4")),
        ("Image", "web", "build.args.X", Some("compose.yml:11")),
        ("Image", "web", "context_hash", None),
        ("Service", "shared", "image", Some("common.yml:3")),
        ("Service", "shared", "working_dir", Some("common.yml:4")),
        ("Service", "shared", "user", Some("compose.yml:16")),
        ("Service", "part", "image", Some("other/part.yml:3")),
        ("Service", "part", "environment.FROM_FILE", Some("other/a.env:1")),
        ("Network", "default", "driver", Some("compose.yml:19")),
        ("Network", "default", "labels.a", Some("compose.yml:20")),
        ("Volume", "data", "name", Some("compose.yml:23")),
        ("Volume", "data", "driver", None),
    ] {
        assert_eq!(line(kind, name, path).as_deref(), expected, "{kind} {name} {path}");
    }
    // The network that no file names is not a part of the service that needs it.
    let declaration = load("services:\n  web:\n    image: x\n    labels: {a: b}\n");
    let network = declaration
        .get(&"docker:compose/Network::default".parse().unwrap())
        .unwrap();
    assert!(network.lines.is_none());
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

/// Small files that stand for more than a machine has.
#[test]
fn files_that_multiply_are_refused() {
    let refused = |files: &[(&str, &str)], expected: &str| {
        let errors = declare(folder(files).path(), &[]).unwrap_err();
        assert!(
            errors.iter().any(|error| error.contains(expected)),
            "{expected}: {errors:?}"
        );
    };
    let names: Vec<String> = (0..=30).map(|number| format!("f{number}.yml")).collect();
    let twice = |name: &str| format!("include: [{name}, {name}]\nservices: {{}}\n");
    let chain: Vec<(String, String)> = names
        .windows(2)
        .map(|pair| (pair[0].clone(), twice(&pair[1])))
        .collect();
    let mut files: Vec<(&str, &str)> = chain.iter().map(|(name, text)| (&**name, &**text)).collect();
    let first = twice("f0.yml");
    files.push(("compose.yml", &first));
    files.push(("f30.yml", "services: {a: {image: x}}\n"));
    refused(&files, "more than 5000 files are read for this project");

    let names: Vec<String> = (0..=40).map(|number| format!("f{number}.yml")).collect();
    let once = |name: &str| format!("include: [{name}]\nservices: {{}}\n");
    let chain: Vec<(String, String)> = names.windows(2).map(|pair| (pair[0].clone(), once(&pair[1]))).collect();
    let mut files: Vec<(&str, &str)> = chain.iter().map(|(name, text)| (&**name, &**text)).collect();
    let first = once("f0.yml");
    files.push(("compose.yml", &first));
    files.push(("f40.yml", "services: {a: {image: x}}\n"));
    refused(&files, "files include one another more than 32 deep");

    let mut text = "services:\n  s100: {image: x}\n".to_owned();
    for number in 0..100 {
        text.push_str(&format!("  s{number}: {{extends: s{}}}\n", number + 1));
    }
    refused(
        &[("compose.yml", &text)],
        "services extend one another more than 64 deep",
    );

    let long = format!("A={}\n", "x".repeat(3 << 20));
    let list = vec!["$A"; 30].join(", ");
    let text = format!("services:\n  a:\n    image: x\n    command: [{list}]\n");
    refused(
        &[("compose.yml", &text), (".env", &long)],
        "compose.yml:4:99: services.a.command[21]: the variables up to here stand for more than 64 MiB",
    );
}

/// Every message as it is shown: once, with the place in the user's file, and all that is wrong at once.
#[test]
fn what_is_wrong_is_named_with_its_place() {
    let table: [(&str, &[&str]); 24] = [
        (
            "services:\n  web: [\n",
            &["@2:8: this is no YAML: unclosed bracket '['"],
        ),
        (
            "services:\n  web: {image: x}\n  web: {image: y}\n",
            &["@3:3: the key \"web\" stands here a second time; the first is on line 2"],
        ),
        (
            "services:\n  web:\n    imgae: x\n    frobnicate: 1\n    ports: {a: b}\n",
            &[
                "@2:3: services.web: there is neither an image nor a build",
                "@3:5: services.web.imgae: compose files have no such key here; did you mean \"image\"?",
                "@4:5: services.web.frobnicate: compose files have no such key here; keys of your own begin with x-",
                "@5:5: services.web.ports: expected a list, found a map",
            ],
        ),
        (
            "services:\n  web:\n    image: x\n    post_start: []\n",
            &[
                "@4:5: services.web.post_start: this key is not supported; use a service of its own that depends on this one, and ends",
            ],
        ),
        (
            "services:\n  web:\n    image: 5\n    user: 1000\n",
            &[
                "@3:5: services.web.image: expected a text, found a number; put it into quotes",
                "@4:5: services.web.user: expected a text, found a number; put it into quotes",
            ],
        ),
        (
            "services:\n  web:\n    image: x\n    environment:\n      - A=1\n      - B: two\n",
            &["@6:9: services.web.environment[1]: this is a map in a list; write \"B=two\", or leave the dashes out"],
        ),
        (
            "services:\n  web: {image: x, ports: ['1:1', '80:http']}\n",
            &[
                "@2:34: services.web.ports[1]: \"80:http\" is no port: the container's port is no number from 1 to 65535; \
               write \"8080:80\", \"127.0.0.1:8080:80/tcp\", \"80\" or ranges of one length",
            ],
        ),
        (
            "services:\n  web: {image: x, healthcheck: {test: [echo]}}\n",
            &["@2:33: services.web.healthcheck.test: a list begins with CMD, CMD-SHELL or NONE, not with \"echo\""],
        ),
        (
            "services:\n  web: {image: x, stop_grace_period: '5'}\n",
            &[
                "@2:19: services.web.stop_grace_period: \"5\" is no duration; write numbers with units, such as \"90s\" or \
               \"1m30s\" (h, m, s, ms, us)",
            ],
        ),
        (
            "services:\n  web: {image: '${IAC_TEST_NONE:?set it}'}\n  db: {image: '${A/b}'}\n",
            &[
                "@2:9: services.web.image: the variable IAC_TEST_NONE is required: set it",
                "@3:8: services.db.image: \"${A/b}\": after the name in braces comes }, :-, -, :?, ?, :+ or +; write ${NAME} \
                 for a variable and $$ for a dollar sign",
            ],
        ),
        (
            "services:\n  web: {image: x, tty: '${IAC_TEST_NONE:-perhaps}'}\n",
            &["@2:19: services.web.tty: \"perhaps\" is not true or false"],
        ),
        (
            "services:\n  web: {image: x, depends_on: [db]}\n",
            &["@2:32: services.web.depends_on.db: there is no service \"db\""],
        ),
        (
            "services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [a]}\n",
            &["@2:17: services.a.depends_on: services wait for one another: a -> b -> a"],
        ),
        (
            "services:\n  web: {image: x, networks: [back], volumes: ['data:/d'], secrets: [key]}\n",
            &[
                "@2:30: services.web.networks: the project has no network \"back\"; declare it under networks at the top of the file",
                "@2:47: services.web.volumes[0]: the project has no volume \"data\"; declare it under volumes at the top of the file",
                "@2:69: services.web.secrets[0]: the project has no secret \"key\"; declare it under secrets at the top of the file",
            ],
        ),
        (
            "services:\n  web:\n    image: x\n    env_file:\n      - none.env\n",
            &["@5:9: services.web.env_file[0]: #/none.env cannot be read: No such file or directory (os error 2)"],
        ),
        (
            "services:\n  a: {extends: b}\n  b: {extends: a}\n",
            &["a extends itself, by way of"],
        ),
        (
            "services:\n  web:\n    build: missing\n",
            &["@2:3: p/web: the build context cannot be read: #/missing"],
        ),
        (
            "services:\n  a: {image: x, ports: ['80:80']}\n  b: {image: x, ports: ['80:8080']}\n",
            &["@3:3: p/b: ports: 80:8080/tcp cannot be published, since the service a publishes 80:80/tcp already"],
        ),
        (
            "services:\n  a: {image: x, ports: ['80:80']}\n  b: {image: x, ports: ['127.0.0.1:80:81']}\n",
            &[
                "@3:3: p/b: ports: 127.0.0.1:80:81/tcp cannot be published, since the service a publishes 80:80/tcp already",
            ],
        ),
        (
            "include: [other.yml]\nservices: {a: {image: x}}\n",
            &["@1:11: #/other.yml cannot be read: No such file or directory (os error 2)"],
        ),
        (
            "services:\n  web: {image: x, volumes: [{type: image, source: y, target: /y}]}\n",
            &[
                "@2:29: services.web.volumes[0]: a mount of type \"image\" is not supported; copy what is needed into an image of your own",
            ],
        ),
        ("", &["@1:1: there is nothing in this file"]),
        (
            "- a\n",
            &["@1:1: a compose file is a map with services; this is a list"],
        ),
        (
            "services:\n  web: {image: x}\nsecrets:\n  key: {external: true}\n",
            &[
                "@4:9: secrets.key.external: this key is not supported; one engine keeps no configs and secrets; give its content with \
               file, environment or content",
            ],
        ),
    ];
    for (content, expected) in table {
        let folder = folder(&[("compose.yml", content)]);
        let errors = declare(folder.path(), &[]).expect_err(content);
        let root = folder.path().display().to_string();
        let file = format!("{root}/compose.yml:");
        let expected: Vec<String> = expected
            .iter()
            .map(|text| match text.strip_prefix('@') {
                Some(rest) => format!("{file}{rest}"),
                None => (*text).to_owned(),
            })
            .map(|text| text.replace("#/", &format!("{root}/")))
            .collect();
        for text in &expected {
            assert!(
                errors.iter().any(|error| error.contains(text)),
                "{content}\n{text}\n{errors:#?}"
            );
            assert!(
                errors.iter().all(|error| error.matches("compose.yml").count() == 1),
                "{errors:#?}"
            );
        }
        let is_chain = content.contains("extends");
        assert!(is_chain || errors.len() == expected.len(), "{content}\n{errors:#?}");
    }
}

#[test]
fn what_has_no_effect_is_noted_with_its_place() {
    let declaration = load(
        "version: '3.8'\nservices:\n  web:\n    image: x\n    attach: false\n    command: echo a > b\n    deploy:\n      mode: global\n      \
         placement: {constraints: [a == b]}\n      restart_policy: {condition: any, delay: 5s}\n",
    );
    let notes = declaration
        .notes
        .iter()
        .map(|note| format!("{}: {}", note.at, note.message));
    let notes: Vec<String> = notes.collect();
    let expected = [
        "compose.yml:9:7: services.web.deploy.placement has no effect: it needs a cluster of engines",
        "compose.yml:10:40: services.web.deploy.restart_policy.delay has no effect: the engine waits by a rule of its own",
        "compose.yml:1:1: the key version has no meaning any more and is ignored",
        "compose.yml:8:7: deploy.mode global has no effect: it needs a cluster of engines",
        "compose.yml:6:5: services.web.command ends at >, as it does for docker compose; for a shell write [sh, -c, \"…\"]",
    ];
    let notes: Vec<&str> = notes
        .iter()
        .map(|note| &note[note.find("compose.yml").unwrap()..])
        .collect();
    assert_eq!(notes, expected);
}

#[test]
fn the_project_is_named_by_the_file_or_its_folder() {
    let folder = folder(&[
        ("My App/compose.yml", "services: {}\n"),
        ("named/compose.yml", "name: given\nversion: '3.8'\nservices: {}\n"),
        ("dotenv/compose.yml", "name: given\nservices: {}\n"),
        ("dotenv/.env", "COMPOSE_PROJECT_NAME=fromdotenv\n"),
        ("variable/compose.yml", "name: ${IAC_TEST_NAME:-shop}\nservices: {}\n"),
    ]);
    // One note each: of the version, and of the name that an earlier version of this tool would have given.
    let name = |path: &str| {
        let stack = Stack::new("test", Config::default());
        let (compose, _) = Compose::load(&stack, folder.path().join(path));
        let notes = stack.finish().unwrap().notes.len();
        (compose.name().to_owned(), notes)
    };
    assert_eq!(name("My App/compose.yml"), ("myapp".to_owned(), 0));
    assert_eq!(name("named/compose.yml"), ("given".to_owned(), 1));
    assert_eq!(name("dotenv"), ("fromdotenv".to_owned(), 1));
    assert_eq!(name("variable"), ("shop".to_owned(), 1));
}

#[test]
fn a_cycle_of_conditions_in_a_program_is_an_error_that_names_each_link() {
    use iac_compose::prelude::*;
    let service = |depends_on: Vec<(String, DependsOn)>| Service {
        image: "x".into(),
        depends_on: depends_on.into_iter().collect(),
        ..Service::default()
    };
    let conditions = |stack: &Stack| {
        let compose = Compose::project(stack, "p");
        let db = compose.service("db", service(vec![("web".into(), Condition::Healthy.into())]));
        compose.service("web", service(vec![db.healthy()]));
    };
    let condition_and_after = |stack: &Stack| {
        let compose = Compose::project(stack, "p");
        let db = compose.service("db", service(Vec::new()));
        let web = compose.service("web", service(vec![db.started()]));
        let _ = db.after(&web);
    };
    let itself = |stack: &Stack| {
        let web = service(vec![("web".into(), Condition::Started.into())]);
        Compose::project(stack, "p").service("web", web);
    };
    let engine = iac_core::engine::Engine::new(vec![std::sync::Arc::new(DockerProvider::new())]);
    type Program<'a> = &'a dyn Fn(&Stack);
    let programs: [(Program<'_>, &[&str]); 3] = [
        (&conditions, &["depends_on.web says so", "depends_on.db says so"]),
        (
            &condition_and_after,
            &["the program says after", "depends_on.db says so"],
        ),
        (&itself, &["depends_on.web says so"]),
    ];
    for (program, links) in programs {
        let stack = Stack::new("test", iac_core::config::Config::default());
        program(&stack);
        let error = engine.graph(&stack.finish().unwrap()).unwrap_err().to_string();
        assert_eq!(error.matches("files.rs:").count(), links.len(), "{error}");
        assert!(links.iter().all(|link| error.contains(link)), "{error}");
    }
}
