//! A server that is there already, as the configuration of a program names it.
#![allow(clippy::expect_used)]

use iac_app::{App, External, PostgresOptions, Provides};
use iac_compose::Compose;
use iac_core::config::{Config, ConfigValue};
use iac_core::{Stack, settings};

settings! {
    struct Settings {
        db: External = External::postgres("shop"),
        cache: External = External::redis(),
    }
}

fn stack(values: &[(&str, &str)]) -> Stack {
    let mut config = Config::default();
    for (key, value) in values {
        let value = match key.ends_with("password") {
            true => ConfigValue::Secret((*value).to_owned().into()),
            false => ConfigValue::Plain((*value).to_owned()),
        };
        config.set(*key, value, "a test");
    }
    Stack::new("test", config)
}

/// The URLs of both, and how many resources there are.
fn urls(values: &[(&str, &str)]) -> (String, String, usize) {
    let stack = stack(values);
    let s: Settings = stack.settings_with_defaults(Settings::default()).expect("settings");
    let app = App::on(&Compose::project(&stack, "shop"));
    let own = || app.postgres("db", PostgresOptions::image("postgres:16").database("shop"));
    let db = s.db.or_else("db", own);
    assert_eq!(db.own().is_some(), values.is_empty());
    let cache = s.cache.or_else("cache", || db.binding());
    let text = |url: iac_app::Text| url.as_str().to_owned();
    let urls = (
        text(db.binding().url("postgresql+asyncpg")),
        text(cache.binding().with_database("0").own_url()),
    );
    let declaration = stack.finish().expect("well described");
    (urls.0, urls.1, declaration.resources.len())
}

#[test]
fn a_host_in_the_configuration_takes_the_place_of_a_part() {
    let (url, _, resources) = urls(&[]);
    assert!(
        url.starts_with("postgresql+asyncpg://postgres:") && url.ends_with("@db:5432/shop"),
        "{url}"
    );
    // A password, a volume, the network and the service.
    assert_eq!(resources, 4);
    let (url, cache, resources) = urls(&[
        ("db.host", "db.example.com"),
        ("db.port", "6432"),
        ("db.username", "app"),
        ("db.password", "p@ss"),
        ("cache.host", "cache.example.com"),
        ("cache.scheme", "rediss"),
    ]);
    assert!(
        url.starts_with("postgresql+asyncpg://app:") && url.ends_with("@db.example.com:6432/shop"),
        "{url}"
    );
    assert!(!url.contains("p@ss"), "{url}");
    assert_eq!(cache, "rediss://cache.example.com:6379/0");
    assert_eq!(resources, 0);
}

#[test]
fn a_password_without_a_host_is_refused() {
    let read = stack(&[("db.password", "p@ss")]).settings_with_defaults::<Settings>(Settings::default());
    let error = read.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(
        error.contains("db cannot be used: it has a password and no host"),
        "{error}"
    );
    assert!(!error.contains("p@ss"), "{error}");
}
