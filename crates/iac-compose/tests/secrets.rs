//! Secrets in definitions: found by their names and forms, marked wherever they stand, and usable all the same.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test may stop at once")]

use std::path::Path;

use iac_compose::FileOptions;
use iac_compose::prelude::*;
use iac_core::config::{Config as Settings, ConfigValue};
use iac_core::declare::{Declaration, Stack};
use iac_core::value::{Trail, token};
use iac_core::{Output, Value};

/// Every text of a service in clear, by its path, and what stands at the paths of the others.
fn service(declaration: &Declaration, name: &str) -> (Vec<String>, Vec<(String, String)>) {
    let resource = declaration
        .resources
        .iter()
        .find(|resource| resource.key.name() == name);
    let (mut clear, mut hidden) = (Vec::new(), Vec::new());
    resource
        .unwrap()
        .inputs
        .walk(&mut |path: &Trail<'_>, leaf: &Value| match leaf {
            Value::Expr(expr) if expr.is_secret() => hidden.push((path.to_string(), expr.to_string())),
            Value::String(text) => clear.push(text.clone()),
            _ => {}
        });
    (clear, hidden)
}

fn pairs(pairs: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn secrets_of_a_typed_service_are_marked_wherever_they_stand() {
    let stack = Stack::new("t", Settings::default());
    let shop = Compose::project(&stack, "shop");
    let own: Output = stack.secret("mine", "canary-own");
    shop.service(
        "web",
        Service {
            image: "a:1".into(),
            environment: pairs(&[
                ("DBPASS", "canary-1"),
                ("URL", "pg://app:canary-2@db/x"),
                ("VALKEY_PORT", "6379"),
                ("PASSWORD_FILE", "/run/secrets/p"),
                ("MIXED_TOKEN", &format!("canary-3-{own}")),
                ("USE_TOKEN", "yes"),
            ]),
            labels: pairs(&[("com.example.api-key", "canary-4"), ("plain", "x")]),
            command: Some(words(&[
                "serve",
                "--password",
                "canary-5",
                "--token=canary-6",
                "--port",
                "80",
            ])),
            healthcheck: Some(Healthcheck::cmd_shell("curl http://u:canary-7@localhost")),
            ..Service::default()
        },
    );
    shop.volume(
        "data",
        Volume {
            driver_opts: pairs(&[("o", "addr=nas,username=u,password=canary-8")]),
            ..Volume::default()
        },
    );
    let declaration = stack.finish().unwrap();
    let (clear, hidden) = service(&declaration, "web");
    assert!(clear.iter().all(|text| !text.contains("canary")), "{clear:?}");
    for plain in ["6379", "/run/secrets/p", "yes", "--password", "80", "x"] {
        assert!(clear.iter().any(|text| text == plain), "{plain}: {clear:?}");
    }
    let hidden: Vec<&str> = hidden.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(
        hidden,
        [
            "<secret service shop/web command[2]>",
            "--token=<secret service shop/web command[3] password>",
            "<secret service shop/web environment.DBPASS>",
            "<secret service shop/web environment.MIXED_TOKEN part 1><secret mine>",
            "pg://app:<secret service shop/web environment.URL password>@db/x",
            "curl http://u:<secret service shop/web healthcheck.test[1] password>@localhost",
            "<secret service shop/web labels.com.example.api-key>",
        ]
    );
    let (clear, hidden) = service(&declaration, "data");
    assert!(clear.iter().all(|text| !text.contains("canary")), "{clear:?}");
    assert_eq!(hidden.len(), 1);
}

#[test]
fn the_configuration_says_what_else_is_secret_and_what_is_not() {
    let mut settings = Settings::default();
    settings.set("secrets.names", ConfigValue::Plain("PIN".into()), "--config");
    settings.set("secrets.not", ConfigValue::Plain("APP_KEY".into()), "--config");
    let stack = Stack::new("t", settings);
    Compose::project(&stack, "shop").service(
        "web",
        Service {
            image: "a:1".into(),
            environment: pairs(&[("PIN", "canary-1"), ("APP_KEY", "shown")]),
            ..Service::default()
        },
    );
    let (clear, hidden) = service(&stack.finish().unwrap(), "web");
    assert!(
        clear.contains(&"shown".to_owned()) && hidden.len() == 1,
        "{clear:?} {hidden:?}"
    );
}

/// Returns the declaration of a file with these lines in its service, or its problems.
fn file(folder: &Path, lines: &str, env: &str) -> Result<Declaration, String> {
    file_with(folder, lines, env, &FileOptions::default())
}

/// The same, with options.
fn file_with(folder: &Path, lines: &str, env: &str, options: &FileOptions) -> Result<Declaration, String> {
    let text = format!("name: shop\nservices:\n  web:\n    image: a:1\n{lines}");
    std::fs::write(folder.join("compose.yml"), text).unwrap();
    std::fs::write(folder.join(".env"), env).unwrap();
    let stack = Stack::new("t", Settings::default());
    let _ = Compose::project(&stack, "shop").file_with(folder.join("compose.yml"), options);
    stack.finish().map_err(|errors| {
        let messages: Vec<String> = errors.iter().map(ToString::to_string).collect();
        messages.join("; ")
    })
}

#[test]
fn variables_of_this_program_are_handed_to_no_compose_file() {
    let folder = tempfile::tempdir().unwrap();
    let options = FileOptions::default().environment([("IAC_PASSPHRASE", "canary-1"), ("PGPASSWORD", "canary-2")]);
    std::fs::write(folder.path().join("web.env"), "A=$PGPASSWORD\n").unwrap();
    for (lines, env, name, place) in [
        ("    hostname: ${IAC_PASSPHRASE}\n", "", "IAC_PASSPHRASE", "5:"),
        ("    command: echo ${IAC_PASSPHRASE:-x}\n", "", "IAC_PASSPHRASE", "5:"),
        ("    environment: [IAC_PASSPHRASE]\n", "", "IAC_PASSPHRASE", "5:"),
        ("    environment: {IAC_PASSPHRASE: }\n", "", "IAC_PASSPHRASE", "5:"),
        ("    environment: {A: \"x$PGPASSWORD\"}\n", "", "PGPASSWORD", "5:"),
        (
            "    environment: {A: $X}\n",
            "X=$IAC_PASSPHRASE",
            "IAC_PASSPHRASE",
            "5:",
        ),
        (
            "    environment: {A: $X_TOKEN}\n",
            "X_TOKEN=a$IAC_PASSPHRASE",
            "IAC_PASSPHRASE",
            "5:",
        ),
        ("    ports: ['$PGPASSWORD:80']\n", "", "PGPASSWORD", "5:"),
        ("    env_file: web.env\n", "", "PGPASSWORD", "5:"),
        (
            "    secrets: [s]\nsecrets: {s: {environment: IAC_PASSPHRASE}}\n",
            "",
            "IAC_PASSPHRASE",
            "6:",
        ),
        (
            "    configs: [s]\nconfigs: {s: {content: \"a $PGPASSWORD\"}}\n",
            "",
            "PGPASSWORD",
            "6:",
        ),
    ] {
        let error = file_with(folder.path(), lines, env, &options).expect_err(lines);
        let expected = format!("the variable {name} is this program's own and handed to no compose file");
        assert!(error.contains(&expected), "{lines}: {error}");
        assert!(error.contains(&format!("compose.yml:{place}")), "{lines}: {error}");
        assert!(
            !error.contains("canary") && !error.contains('\u{0}'),
            "{lines}: {error}"
        );
    }
    let fine = "    hostname: x${IAC_PASSPHRASE:+1}\n    environment: {PGUSER: $PGUSER, PGPASSWORD: own}\n";
    assert!(file_with(folder.path(), fine, "PGUSER=app\nUNUSED=$IAC_PASSPHRASE\n", &options).is_ok());
}

#[test]
fn a_secret_variable_is_usable_in_every_field_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let env = "APP_TOKEN=8443\nAPI_SECRET=can ary'1\nSIZE_KEY=64m\nFLAG_PASSWORD=true\nTIME_KEY=3s\nPATH_SECRET=/srv/canary-2\n";
    for (field, line) in [
        ("a port", "    ports: ['${APP_TOKEN}:80']\n"),
        ("a size", "    mem_limit: ${SIZE_KEY}\n"),
        ("a number", "    pids_limit: ${APP_TOKEN}\n"),
        ("a flag", "    read_only: ${FLAG_PASSWORD}\n"),
        ("a duration", "    stop_grace_period: ${TIME_KEY}\n"),
        ("a path", "    volumes: ['${PATH_SECRET}:/data']\n"),
        (
            "a command line",
            "    command: serve --requirepass ${API_SECRET} --port ${APP_TOKEN}\n",
        ),
        ("an image", "    image: b:${APP_TOKEN}\n"),
        ("a label", "    labels: ['a=${API_SECRET}']\n"),
        ("a health check", "    healthcheck: {test: 'check ${APP_TOKEN}'}\n"),
    ] {
        let lines = line.replace("image:", "x-image:");
        let result = file(folder.path(), &lines, env);
        assert!(result.is_ok(), "{field}: {result:?}");
        let (clear, _) = service(&result.unwrap(), "web");
        assert!(clear.iter().all(|text| !text.contains("can ary")), "{field}: {clear:?}");
    }
    let command = "    command: serve --requirepass ${API_SECRET} -x\n";
    let (clear, hidden) = service(&file(folder.path(), command, env).unwrap(), "web");
    assert!(
        clear.contains(&"-x".to_owned()) && hidden.len() == 1,
        "{clear:?} {hidden:?}"
    );
}

#[test]
fn secrets_in_the_texts_of_configs_are_marked() {
    let folder = tempfile::tempdir().unwrap();
    let lines = "    configs: [{source: app, target: /app.yaml}]\n    command: ['sh', '-c', 'curl -H \"Authorization: Bearer canary-2\" x']\nconfigs:\n  app:\n    content: |\n      user: app\n      password: canary-1\n";
    let (clear, hidden) = service(&file(folder.path(), lines, "").unwrap(), "web");
    assert!(clear.iter().all(|text| !text.contains("canary")), "{clear:?}");
    let hidden: Vec<&str> = hidden.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(hidden.len(), 2, "{hidden:?}");
    assert!(
        hidden.iter().any(|text| text.contains("user: app\npassword: <secret")),
        "{hidden:?}"
    );
}

#[test]
fn no_message_shows_a_secret_or_its_internal_form() {
    let folder = tempfile::tempdir().unwrap();
    let env = "APP_TOKEN=canary-1\nAPI_SECRET=canary-2\n";
    for line in [
        "    ports: ['${APP_TOKEN}:80']\n",
        "    mem_limit: ${API_SECRET}\n",
        "    read_only: ${APP_TOKEN}\n",
        "    restart: ${APP_TOKEN}\n",
        "    healthcheck: {interval: '${API_SECRET}', test: x}\n",
        "    command: 'serve \"${API_SECRET}'\n",
    ] {
        let message = file(folder.path(), line, env).expect_err(line);
        assert!(!message.contains("canary"), "{line}: {message}");
        assert_eq!(token::describe(&message), message, "{line}");
    }
}

#[test]
fn two_files_may_each_have_their_own_value_of_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("other.env", "API_TOKEN=canary-other\n");
    write(
        "other.yml",
        "services:\n  db:\n    image: b:1\n    command: ['${API_TOKEN}']\n",
    );
    let text = "name: shop\ninclude:\n  - {path: other.yml, env_file: other.env}\nservices:\n  web:\n    image: a:1\n    command: ['${API_TOKEN}']\n";
    write("compose.yml", text);
    write(".env", "OUTER=1\n");
    write("more.env", "");
    let stack = Stack::new("t", Settings::default());
    let _ = Compose::project(&stack, "shop").file(folder.path().join("compose.yml"));
    let declaration = stack.finish().unwrap();
    let (_, hidden) = service(&declaration, "db");
    assert_eq!(hidden.len(), 1, "{hidden:?}");
    let values: Vec<&str> = declaration
        .secrets
        .values()
        .map(|secret| secret.expose().as_str())
        .collect();
    assert_eq!(values, ["canary-other"]);
}
