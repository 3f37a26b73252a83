#![allow(clippy::unwrap_used)]

mod wrong;

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::path::Path;

use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::config::{Config, ConfigValue, Layers, OpenSecret};
use crate::declare::{Output, Stack};
use crate::value::{Secret, Source};

/// Opens a secret by turning it around.
struct Mirror;

impl OpenSecret for Mirror {
    fn open(&self, _: &str, _: &str, sealed: &str) -> Result<Secret, String> {
        Ok(Secret::from(sealed.chars().rev().collect::<String>()))
    }
}

/// A stack with this file of its own, these variables and these arguments.
fn stack_of(file: &str, variables: &[(&str, &str)], arguments: &[&str]) -> Stack {
    Stack::new("prod", config_of(file, variables, arguments))
}

fn config_of(file: &str, variables: &[(&str, &str)], arguments: &[&str]) -> Config {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.prod.toml");
    std::fs::write(&path, file).unwrap();
    let mut layers = Layers::default();
    layers.file(&path, "stacks/shop.prod.toml").unwrap();
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    layers.environment(variables, Path::new(".")).unwrap();
    let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
    layers.arguments(&arguments).unwrap();
    layers.open(&Mirror).unwrap()
}

fn refused<T: DeserializeOwned + std::fmt::Debug>(stack: &Stack) -> String {
    stack.settings::<T>().unwrap_err().to_string()
}

#[derive(Debug, PartialEq, Deserialize)]
struct Shop {
    host: String,
    #[serde(default = "three")]
    replicas: u16,
    api: Api,
    password: Output,
    token: Option<Output>,
    #[serde(default)]
    hosts: Vec<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    size: Size,
    #[serde(default)]
    servers: Vec<Server>,
    ratio: Option<f64>,
    burst: Option<NonZeroU16>,
}

fn three() -> u16 {
    3
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Api {
    image_tag: String,
    debug: bool,
    separator: char,
}

impl Default for Api {
    fn default() -> Self {
        Self {
            image_tag: "1".into(),
            debug: false,
            separator: ',',
        }
    }
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Size {
    #[default]
    Small,
    Large,
    Custom {
        cpu: u16,
        memory: String,
    },
}

#[derive(Debug, PartialEq, Deserialize)]
struct Server {
    name: String,
    #[serde(alias = "listen")]
    port: u16,
}

#[test]
fn a_struct_is_read_from_all_places() {
    let stack = stack_of(
        r#"
            host = "shop.example.com"
            hosts = ["a", "b"]
            password = { secret = "terces" }
            ratio = 0.5
            [api]
            debug = true
            [labels]
            team = "web"
            [size.custom]
            cpu = 2
            memory = "2Gi"
            [[servers]]
            name = "x"
            listen = 80
            [encryption]
            key = "d3JhcHBlZA"
        "#,
        &[("IAC_CONFIG_API__IMAGE_TAG", "7"), ("IAC_CONFIG_TOKEN", "plain")],
        &["replicas=5", "labels.tier=front"],
    );
    let shop: Shop = stack.settings().unwrap();
    assert_eq!(
        (shop.host.as_str(), shop.replicas, shop.ratio, shop.burst),
        ("shop.example.com", 5, Some(0.5), None)
    );
    assert_eq!(
        shop.api,
        Api {
            image_tag: "7".into(),
            debug: true,
            separator: ','
        }
    );
    assert_eq!(shop.hosts, ["a", "b"]);
    assert_eq!(
        shop.labels,
        BTreeMap::from([("team".into(), "web".into()), ("tier".into(), "front".into())])
    );
    assert_eq!(
        shop.size,
        Size::Custom {
            cpu: 2,
            memory: "2Gi".into()
        }
    );
    assert_eq!(
        shop.servers,
        [Server {
            name: "x".into(),
            port: 80
        }]
    );
    assert_eq!(stack.config().unused(), []);

    // A secret can be put into any string, and what is shown of it is its key.
    assert_eq!(format!("{:?}", shop.password), "<config password>");
    stack.export("url", format!("postgres://{}@db", shop.password));
    let declaration = stack.finish().unwrap();
    assert_eq!(
        declaration.secrets[&Source::Config("password".into())].expose(),
        "secret"
    );
    assert_eq!(declaration.secrets[&Source::Config("token".into())].expose(), "plain");
    assert!(declaration.exports["url"].has_secret());
    assert!(stack.config().is_asked_as_secret("password"));
}

#[test]
fn lists_are_also_written_as_texts() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Lists {
        hosts: Vec<String>,
        ports: Vec<u16>,
        pair: (u16, String),
    }
    let stack = stack_of("", &[("IAC_CONFIG_HOSTS", "a, b,")], &["ports=[80, 443]", "pair=1,x"]);
    let lists = Lists {
        hosts: vec!["a".into(), "b".into()],
        ports: vec![80, 443],
        pair: (1, "x".into()),
    };
    assert_eq!(stack.settings::<Lists>().unwrap(), lists);
}

#[test]
fn defaults_fill_what_is_not_set_also_within_tables() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Sized {
        #[serde(skip_serializing)]
        host: String,
        api: Sizes,
        worker: Sizes,
        zone: Option<String>,
        ports: Vec<u16>,
        labels: BTreeMap<String, String>,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Sizes {
        cpu: String,
        memory: String,
    }
    let sizes = |cpu: &str, memory: &str| Sizes {
        cpu: cpu.into(),
        memory: memory.into(),
    };
    let defaults = || Sized {
        host: String::new(),
        api: sizes("1", "1Gi"),
        worker: sizes("2", "2Gi"),
        zone: None,
        ports: vec![80],
        labels: BTreeMap::from([("tier".into(), "front".into())]),
    };
    let stack = stack_of(
        "host = \"x\"\n[worker]\ncpu = \"4\"\n[labels]\nteam = \"web\"\n",
        &[],
        &[],
    );
    let read: Sized = stack.settings_with_defaults(defaults()).unwrap();
    let mut expected = defaults();
    expected.host = "x".into();
    expected.worker = sizes("4", "2Gi");
    expected.labels.insert("team".into(), "web".into());
    assert_eq!(read, expected);

    let error = stack_of("", &[], &[])
        .settings_with_defaults::<Sized>(defaults())
        .unwrap_err();
    let missing: Vec<&str> = error.problems().iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(missing, ["host"]);
}

#[test]
fn what_a_program_takes_is_known_without_any_value() {
    let config = Config::default();
    let _ = Stack::new("prod", config.clone()).settings::<Shop>();
    let takes: Vec<String> = config
        .settings()
        .unwrap()
        .iter()
        .map(|setting| {
            format!(
                "{}{}: {}",
                setting.key,
                if setting.required { "!" } else { "" },
                setting.takes
            )
        })
        .collect();
    assert_eq!(
        takes,
        [
            "api.debug: true or false",
            "api.image-tag: a text",
            "api.separator: a single character",
            "burst: a whole number from 0 to 65535",
            "host!: a text",
            "hosts: a list of texts",
            "labels.<name>: a text",
            "password!: a secret",
            "ratio: a number",
            "replicas: a whole number from 0 to 65535",
            "servers: a list of tables with name, listen, port",
            "size: one of small, large, custom",
            "token: a secret",
        ]
    );
}

#[test]
fn a_type_that_cannot_be_read_from_settings_says_so() {
    #[derive(Debug, Deserialize)]
    struct Flat {
        #[expect(dead_code, reason = "never read")]
        #[serde(flatten)]
        api: Api,
    }
    #[derive(Debug, Deserialize)]
    struct Outer {
        #[expect(dead_code, reason = "never read")]
        flat: Flat,
    }
    #[derive(Debug, Deserialize)]
    struct Endless {
        #[expect(dead_code, reason = "never read")]
        inner: Box<Self>,
    }
    let stack = stack_of("[flat]\ndebug = true\n", &[], &[]);
    assert!(refused::<Flat>(&stack).contains("settings are a struct, without `#[serde(flatten)]`"));
    assert!(refused::<BTreeMap<String, String>>(&stack).contains("settings are a struct"));
    assert!(refused::<Outer>(&stack).contains("a struct with `#[serde(flatten)]` cannot be read from settings"));
    assert!(refused::<Endless>(&stack).contains("contains itself without end"));
    assert!(refused::<String>(&stack).contains("cannot be used"));
}

#[test]
fn only_the_stacks_own_file_has_to_be_right_in_all_of_its_keys() {
    let stack = stack_of("nmae = 1\n", &[("IAC_CONFIG_OTHER", "x")], &["more=1"]);
    #[derive(Debug, Deserialize)]
    struct Named {
        name: Option<u16>,
    }
    let read: Named = stack.settings().unwrap();
    assert_eq!(read.name, None);
    let unused = stack.config().unused();
    let refused: Vec<_> = unused
        .iter()
        .map(|unused| (unused.key.as_str(), unused.refused, unused.meant.as_deref()))
        .collect();
    assert_eq!(
        refused,
        [
            ("more", false, None),
            ("nmae", true, Some("name")),
            ("other", false, None)
        ]
    );
}

#[test]
fn an_output_is_read_from_its_own_token_only() {
    let output = stack_of("", &[], &[]).secret("label", "x");
    let json = serde_json::to_string(&output).unwrap();
    assert_eq!(serde_json::from_str::<Output>(&json).unwrap(), output);
    for json in ["\"text\"", "1", "\"\""] {
        assert!(serde_json::from_str::<Output>(json).is_err(), "{json}");
    }
}

proptest! {
    /// Whatever stands in the configuration, reading it ends, with values or with problems that all name a key.
    #[test]
    fn no_configuration_makes_it_panic(
        entries in prop::collection::vec(
            (
                prop::sample::select(vec![
                    "host", "replicas", "api", "api.debug", "api.image-tag", "api.separator", "password", "token",
                    "hosts", "labels", "labels.a", "labels.a.b", "size", "size.custom", "size.custom.cpu", "size.small.x",
                    "servers", "servers.x", "ratio", "burst", "x.y",
                ]),
                prop_oneof![
                    Just("1".to_owned()), Just("[1, \"a\", {\"name\": 1, \"port\": []}]".to_owned()),
                    Just("[".to_owned()), Just("small".to_owned()), Just("{}".to_owned()), Just("null".to_owned()),
                    Just("[null]".to_owned()), ".*",
                ],
                any::<bool>(),
            ),
            0..12,
        )
    ) {
        let mut config = Config::default();
        for (key, value, secret) in entries {
            let value = match secret {
                true => ConfigValue::Secret(Secret::from(value.as_str())),
                false => ConfigValue::Plain(value),
            };
            config.set(key, value, "--config");
        }
        if let Err(error) = Stack::new("prod", config).settings::<Shop>() {
            prop_assert!(!error.problems().is_empty());
            prop_assert!(error.problems().iter().all(|problem| !problem.key.is_empty()), "{error}");
        }
    }
}
