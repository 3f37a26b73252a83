//! Fields of a program's settings that parts take as they are: timings of probes, the autoscaler, when backups are made.
#![allow(clippy::expect_used)]

mod support;

use iac_app::{App, Autoscaler, BackupTimes, Container, PostgresOptions, Probe, Resources, Timing};
use iac_core::config::{Config, ConfigValue};
use iac_core::{Stack, settings};
use serde_json::{Value as Json, json};
use support::{Place, errors, inputs, lowered};

settings! {
    struct Settings {
        ready: Timing = Timing::every(5).delay(10).failures(4),
        autoscale: Autoscaler = Autoscaler::to(10).cpu(70),
        backup: BackupTimes = BackupTimes::new("0 2 * * *", 7),
    }
}

/// The settings with this configuration, or what is wrong with it.
fn read(values: &[(&str, &str)]) -> Result<Settings, String> {
    let mut config = Config::default();
    for (key, value) in values {
        config.set(*key, ConfigValue::Plain((*value).to_owned()), "a test");
    }
    let stack = Stack::new("test", config);
    let read = stack.settings_with_defaults(Settings::default());
    read.map_err(|error| error.to_string())
}

fn shop(app: &App, s: &Settings) {
    let container = Container::image("shop:1")
        .port("http", 80)
        .resources(&Resources::of([100, 64], [100, 64]))
        .ready(Probe::http("/health").timed(s.ready));
    app.web("web", container).autoscale(2, s.autoscale);
    let dump = app.postgres("db", PostgresOptions::image("postgres:16")).dump();
    app.backup("backup", dump.times(&s.backup).on_volume("backup", "1Gi"));
}

/// The one resource on Kubernetes whose key ends so.
fn object(s: &Settings, end: &str) -> Option<Json> {
    let (declaration, _) = lowered(Place::Kubernetes, |app| shop(app, s));
    let mut found = inputs(&declaration).into_iter().filter(|(key, _)| key.ends_with(end));
    found.next().map(|(_, object)| object)
}

#[test]
fn one_key_changes_one_value_and_the_others_keep_their_defaults() {
    let s = read(&[
        ("ready.every", "2"),
        ("autoscale.max", "4"),
        ("autoscale.memory", "80"),
        ("backup.keep_days", "30"),
    ])
    .expect("settings");
    let pod = object(&s, "Deployment::web").expect("a deployment");
    let probe = &pod["spec"]["template"]["spec"]["containers"][0]["readinessProbe"];
    let fields = [
        "initialDelaySeconds",
        "periodSeconds",
        "timeoutSeconds",
        "failureThreshold",
    ];
    assert_eq!(
        fields.map(|field| &probe[field]),
        [10, 2, 5, 4].map(Json::from).each_ref()
    );
    let scaler = object(&s, "HorizontalPodAutoscaler::web-hpa").expect("an autoscaler");
    assert_eq!(
        [&scaler["spec"]["minReplicas"], &scaler["spec"]["maxReplicas"]],
        [&json!(2), &json!(4)]
    );
    let metrics = scaler["spec"]["metrics"].to_string();
    assert!(
        metrics.contains("\"averageUtilization\":70") && metrics.contains("\"averageUtilization\":80"),
        "{metrics}"
    );
    let backup = object(&s, "CronJob::backup").expect("a backup");
    assert_eq!(backup["spec"]["schedule"], "0 2 * * *");
    assert!(backup.to_string().contains("-mtime +30 -delete"), "{backup}");
}

#[test]
fn an_autoscaler_that_is_off_leaves_a_fixed_number() {
    let s = read(&[("autoscale.enabled", "false")]).expect("settings");
    assert_eq!(object(&s, "HorizontalPodAutoscaler::web-hpa"), None);
    let pod = object(&s, "Deployment::web").expect("a deployment");
    assert_eq!(pod["spec"]["replicas"], 2);
}

#[test]
fn a_schedule_that_cannot_be_read_is_said_with_its_key_or_with_its_part() {
    let error = read(&[("backup.schedule", "0 25 * * *")]).err().unwrap_or_default();
    for part in ["backup.schedule cannot be used", "\"25\" is no hour", "a test"] {
        assert!(error.contains(part), "{error}");
    }
    let s = Settings {
        backup: BackupTimes::new("nightly", 7),
        ..Settings::default()
    };
    let errors = errors(Place::Kubernetes, |app| shop(app, &s));
    let said = errors
        .iter()
        .any(|error| error.contains("backup: \"nightly\" is no schedule"));
    assert!(said, "{errors:#?}");
}

#[test]
fn a_probe_that_never_asks_is_refused() {
    let s = read(&[("ready.every", "0")]).expect("settings");
    let errors = errors(Place::Both, |app| shop(app, &s));
    let said = errors
        .iter()
        .any(|error| error.contains("web: its probe: period, timeout and failures"));
    assert!(said, "{errors:#?}");
}
