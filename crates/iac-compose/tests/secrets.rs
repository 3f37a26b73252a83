//! Secrets in definitions: found by their names and forms, marked wherever they stand, and usable all the same.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test may stop at once")]

use iac_compose::prelude::*;
use iac_core::config::{Config as Settings, ConfigValue};
use iac_core::declare::{Declaration, Stack};
use iac_core::value::FieldPath;
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
        .walk(&mut |path: &FieldPath, leaf: &Value| match leaf {
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
