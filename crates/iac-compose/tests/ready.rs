//! When a service counts as ready, and when it is given up: on a real Docker Engine.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::time::Duration;

use iac_compose::prelude::*;
use iac_core::Stack;
use iac_core::apply::Outcome;
use iac_core::config::Config;
use iac_core::declare::Declaration;
use iac_core::plan::Action;
use support::runs::Runs;
use support::{Bed, IMAGE, shell, sleeper};

/// Services, each by what its shell does and its restart rule.
fn services(project: &str, table: &[(&str, &str, Restart)]) -> Declaration {
    Bed::declare(|stack| {
        let compose = Compose::project(stack, project);
        for (name, command, restart) in table {
            let service = Service {
                command: shell(command),
                restart: Some(*restart),
                network_mode: Some("none".into()),
                ..sleeper()
            };
            compose.service(name, service);
        }
    })
}

#[tokio::test]
async fn what_ends_well_is_done_and_what_ends_at_once_otherwise_is_not_ready() {
    let bed = Bed::new("ends").await;
    let good = [
        ("done", "echo fine", Restart::No),
        ("later", "sleep 1", Restart::OnFailure(None)),
        (
            "retried",
            "test -e /second || { touch /second; exit 1; }",
            Restart::OnFailure(Some(3)),
        ),
        ("server", "trap 'exit 0' TERM; while :; do sleep 0.1; done", Restart::No),
    ];
    let bad = [
        ("at-once", "echo broken pipe; exit 3", Restart::No),
        ("soon", "sleep 1; exit 4", Restart::No),
        ("loops", "echo no database; exit 5", Restart::Always),
        ("gives-up", "exit 6", Restart::OnFailure(Some(1))),
    ];
    let runs = Runs::new();
    let all: Vec<_> = good.into_iter().chain(bad).collect();
    let report = runs.try_up(&services(&bed.project, &all)).await;
    let told = |name: &str| {
        let found = report.outcomes.iter().find(|(key, _)| key.name() == name);
        match found.unwrap().1 {
            Outcome::NotReady(error) | Outcome::Failed(error) => {
                format!("{} | {}", error.message, error.details.join(" "))
            }
            _ => String::new(),
        }
    };
    for (name, ..) in good {
        assert_eq!(told(name), "", "{name}");
    }
    for (name, parts) in [
        ("at-once", &["exit status 3", "broken pipe"][..]),
        ("soon", &["exit status 4"]),
        ("loops", &["restarted", "at once with exit status 5", "no database"]),
        ("gives-up", &["exit status 6"]),
    ] {
        let told = told(name);
        assert!(parts.iter().all(|part| told.contains(part)), "{name}: {told}");
    }

    // A container that has ended well stays as it is; one that somebody stopped does not, though it ended with 0 as well.
    let good = services(&bed.project, &good);
    runs.up(&good).await;
    let plan = runs.preview(&good).await;
    assert!(
        plan.steps.iter().all(|step| step.action == Action::Same),
        "{:?}",
        plan.steps
    );
    bed.docker
        .stop_container(&format!("{}-server-1", bed.project), None)
        .await
        .unwrap();
    assert_eq!(bed.inspect("server-1").await.state.unwrap().exit_code, Some(0));
    assert_eq!(runs.drift().await, ["server state=stopped by somebody"]);
    let started = bed.inspect("done-1").await.state.unwrap().started_at;
    runs.up(&good).await;
    assert_eq!(runs.drift().await, [""; 0]);
    assert_eq!(bed.inspect("done-1").await.state.unwrap().started_at, started);
    runs.destroy().await;
    assert_eq!(bed.containers().await, []);
}

#[tokio::test]
async fn a_one_shot_in_the_image_of_a_server_is_done_when_it_ends_well() {
    let bed = Bed::new("seed").await;
    let folder = tempfile::tempdir().unwrap();
    let declaration = Bed::declare(|stack| {
        let build = Build {
            context: folder.path().display().to_string(),
            dockerfile_inline: Some(format!("FROM {IMAGE}\nHEALTHCHECK --interval=1h CMD true\nEXPOSE 80\n")),
            ..Build::default()
        };
        let seed = Service {
            image: format!("{}-seed:1", bed.project),
            build: Some(build),
            command: shell("exit 0"),
            init: Some(true),
            ports: vec![Port::any(80)],
            ..Service::default()
        };
        Compose::project(stack, &bed.project).service("seed", seed);
    });
    let runs = Runs::new();
    runs.up(&declaration).await;
    assert_eq!(runs.drift().await, [""; 0]);
    let plan = runs.preview(&declaration).await;
    assert!(plan.is_empty(), "{:?}", plan.steps);
    runs.destroy().await;
    assert_eq!(bed.containers().await, []);
}

#[tokio::test]
async fn a_compose_file_says_what_is_not_waited_for() {
    let bed = Bed::new("no-wait").await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("compose.yml");
    let declare = |wait: &str| {
        let service = format!(
            "{{image: '{IMAGE}', command: sleep 1000, init: true, network_mode: none, healthcheck: {{test: 'false', interval: 1h}}, x-iac: {{wait: {wait}}}}}"
        );
        std::fs::write(&path, format!("services:\n  web: {service}\n")).unwrap();
        let stack = Stack::new("test", Config::default());
        Compose::project(&stack, &bed.project).file(&path);
        stack.finish()
    };
    let limited = declare("10m").unwrap();
    assert_eq!(limited.resources[0].options.timeout, Some(Duration::from_secs(600)));
    for wrong in ["soon", "{}", "-1s"] {
        assert!(declare(wrong).is_err(), "{wrong}");
    }
    let runs = Runs::new();
    runs.up(&declare("false").unwrap()).await;
    let plan = runs.preview(&declare("false").unwrap()).await;
    assert!(
        plan.steps.iter().all(|step| step.action == Action::Same),
        "{:?}",
        plan.steps
    );
    runs.destroy().await;
}

#[tokio::test]
async fn a_compose_file_says_what_is_left_as_it_is() {
    let bed = Bed::new("ignore").await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("compose.yml");
    let declare = |patterns: &str, level: &str, mode: &str| {
        let service = format!(
            "{{image: '{IMAGE}', command: sleep 1000, init: true, network_mode: none, environment: {{LEVEL: '{level}', MODE: '{mode}'}}, x-iac: {{ignore_changes: {patterns}}}}}"
        );
        std::fs::write(&path, format!("services:\n  web: {service}\n")).unwrap();
        let stack = Stack::new("test", Config::default());
        Compose::project(&stack, &bed.project).file(&path);
        stack.finish()
    };
    let patterns = |text: &str| {
        declare(text, "1", "a").unwrap().resources[0]
            .options
            .ignore_changes
            .len()
    };
    assert_eq!(patterns("image, environment.LEVEL".replace(", ", " ").as_str()), 2);
    assert_eq!(patterns("[image, environment.*]"), 2);
    for wrong in ["a..b", "[image, 'x[']", "{}", "''"] {
        assert!(declare(wrong, "1", "a").is_err(), "{wrong}");
    }
    let program = |level: &str, mode: &str| declare("[environment.LEVEL]", level, mode).unwrap();
    let runs = Runs::new();
    runs.up(&program("1", "a")).await;
    let plan = runs.preview(&program("2", "a")).await;
    assert!(plan.is_empty() && plan.problems.is_empty(), "{:?}", plan.steps);
    runs.up(&program("2", "b")).await;
    let containers = bed.docker.list_containers(None).await.unwrap();
    let mine = containers
        .iter()
        .find(|container| container.names.iter().flatten().any(|name| name.contains(&bed.project)));
    let id = mine.and_then(|container| container.id.clone()).unwrap();
    let environment = bed
        .docker
        .inspect_container(&id, None)
        .await
        .unwrap()
        .config
        .unwrap()
        .env
        .unwrap();
    assert!(
        environment.contains(&"LEVEL=1".to_owned()) && environment.contains(&"MODE=b".to_owned()),
        "{environment:?}"
    );
    let typo = runs.preview(&declare("[imgae]", "1", "a").unwrap()).await;
    assert_eq!(typo.problems[0].hint.as_deref(), Some("did you mean image?"));
    runs.destroy().await;
}

/// `web` waits for `db`, whose check passes after some seconds, or never.
fn waiting(project: &str, check: &str, replicas: u32) -> Declaration {
    Bed::declare(|stack| {
        let compose = Compose::project(stack, project);
        let db = Service {
            healthcheck: Some(
                Healthcheck::cmd_shell(check)
                    .interval(Duration::from_millis(500))
                    .retries(9),
            ),
            command: shell("sleep 4; touch /ok; sleep 1000"),
            network_mode: Some("none".into()),
            ..sleeper()
        };
        let db = compose.service("db", db);
        let web = Service {
            network_mode: Some("none".into()),
            scale: Some(replicas),
            depends_on: [db.healthy()].into(),
            ..sleeper()
        };
        compose.service("web", web);
    })
}

#[tokio::test]
async fn containers_are_created_early_and_started_once_that_is_allowed() {
    let bed = Bed::new("early").await;
    let runs = Runs::new();
    let declaration = waiting(&bed.project, "test -e /ok", 3);
    runs.up(&declaration).await;
    let time = |text: Option<String>| text.unwrap().parse::<jiff::Timestamp>().unwrap();
    let started = time(bed.inspect("db-1").await.state.unwrap().started_at);
    // Not before this could its check pass, by the engine's own clock.
    let healthy = started + Duration::from_secs(4);
    for number in 1..=3 {
        let web = bed.inspect(&format!("web-{number}")).await;
        assert!(time(web.created.clone()) < healthy, "created while db was not healthy");
        assert!(time(web.state.unwrap().started_at) > healthy, "started afterwards");
    }
    assert!(runs.preview(&declaration).await.is_empty());
    runs.destroy().await;
    assert_eq!(bed.containers().await, []);
}

#[tokio::test]
async fn what_was_created_early_is_removed_where_it_may_not_start() {
    let bed = Bed::new("early-off").await;
    let runs = Runs::new();
    let declaration = waiting(&bed.project, "false", 2);
    let report = runs.try_up(&declaration).await;
    let web = report.outcomes.iter().find(|(key, _)| key.name() == "web").unwrap().1;
    assert!(matches!(web, Outcome::Skipped(_)), "{web:?}");
    let left: Vec<String> = bed.containers().await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(left, ["db-1"], "nothing is left of web");
    runs.destroy().await;
    assert_eq!(bed.containers().await, []);
}
