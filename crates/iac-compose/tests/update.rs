//! The provider against a real engine: what changes when the program or somebody else changed something.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use iac_compose::prelude::*;
use iac_core::provider::{ErrorKind, Observed, Readiness, RiskKind};
use support::{Bed, file_check, shell, sleeper};

#[tokio::test]
async fn an_update_replaces_only_what_changed_and_says_how() {
    let mut bed = Bed::new("update").await;
    let project = bed.project.clone();
    let program = |level: &str, memory: u64| {
        Bed::declare(|stack| {
            let compose = Compose::project(stack, &project);
            compose.service(
                "web",
                Service {
                    environment: [("LEVEL".into(), level.into())].into(),
                    mem_limit: Some(Bytes::mib(memory)),
                    ..sleeper()
                },
            );
        })
    };
    bed.up(&program("a", 64)).await.unwrap();
    let first = bed.inspect("web-1").await.id;

    let changed = program("b", 64);
    let prediction = bed.predict("Service/web", &changed).await;
    let paths: Vec<String> = prediction
        .changes
        .iter()
        .map(|change| change.path.to_string())
        .collect();
    assert_eq!(paths, ["environment.LEVEL"]);
    assert!(
        prediction.effects[0]
            .text()
            .starts_with("starts the new container, then stops the old one"),
        "{:?}",
        prediction.effects
    );
    bed.up(&changed).await.unwrap();
    let second = bed.inspect("web-1").await.id;
    assert_ne!(second, first);
    assert_eq!(bed.containers().await.len(), 1);

    let changed = program("b", 32);
    let prediction = bed.predict("Service/web", &changed).await;
    assert!(prediction.notes[0].contains("in place"), "{:?}", prediction.notes);
    bed.up(&changed).await.unwrap();
    let third = bed.inspect("web-1").await;
    assert_eq!(third.id, second);
    assert_eq!(third.host_config.unwrap().memory, Some(32 << 20));
    bed.down().await.unwrap();
}

#[tokio::test]
async fn the_old_container_comes_back_when_the_new_one_does_not_work() {
    let mut bed = Bed::new("rollback").await;
    let project = bed.project.clone();
    let program = |file: &str, order| {
        Bed::declare(|stack| {
            let compose = Compose::project(stack, &project);
            let update = UpdateConfig {
                order: Some(order),
                ..UpdateConfig::default()
            };
            compose.service(
                "web",
                Service {
                    command: shell("touch /good; echo my last words; sleep 1000"),
                    healthcheck: file_check(file),
                    deploy: Some(Deploy {
                        update_config: Some(update),
                        ..Deploy::default()
                    }),
                    ..sleeper()
                },
            );
        })
    };
    bed.up(&program("/good", UpdateOrder::StartFirst)).await.unwrap();
    let first = bed.inspect("web-1").await.id;
    for order in [UpdateOrder::StartFirst, UpdateOrder::StopFirst] {
        let error = bed.up(&program("/bad", order)).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Failed);
        assert!(
            error.message.contains("unhealthy") && error.message.contains("former container"),
            "{error}"
        );
        assert!(
            error.details.iter().any(|line| line.contains("my last words")),
            "{:?}",
            error.details
        );
        let now = bed.inspect("web-1").await;
        assert_eq!((now.id, now.state.unwrap().running), (first.clone(), Some(true)));
        assert_eq!(bed.containers().await.len(), 1);
    }
    bed.down().await.unwrap();
}

#[tokio::test]
async fn a_run_that_was_killed_is_finished_by_the_next_one() {
    let mut bed = Bed::new("killed").await;
    let project = bed.project.clone();
    let program = |level: &str| {
        Bed::declare(|stack| {
            let compose = Compose::project(stack, &project);
            compose.service(
                "web",
                Service {
                    environment: [("LEVEL".into(), level.into())].into(),
                    ..sleeper()
                },
            );
        })
    };
    bed.up(&program("a")).await.unwrap();
    // Killed after the creation, before anything was recorded.
    let first = bed.inspect("web-1").await.id.unwrap();
    bed.forget("Service/web");
    bed.up(&program("a")).await.unwrap();
    assert_eq!(bed.inspect("web-1").await.id.as_deref(), Some(&*first));

    // Killed in the middle of a replacement: the successor runs under its own name, the old one is stopped.
    bed.up(&program("b")).await.unwrap();
    let docker = bed.docker.clone();
    let rename = |from: String, to: String| {
        let docker = docker.clone();
        async move {
            let options = bollard::query_parameters::RenameContainerOptions { name: to };
            docker.rename_container(&from, options).await.unwrap();
        }
    };
    rename(format!("{project}-web-1"), format!("new_{project}-web-1")).await;
    bed.up(&program("b")).await.unwrap();
    assert_eq!(bed.containers().await, [("web-1".to_owned(), "running".to_owned())]);

    // The same, and what it should be has changed once more by now.
    rename(format!("{project}-web-1"), format!("new_{project}-web-1")).await;
    bed.up(&program("c")).await.unwrap();
    assert_eq!(bed.containers().await, [("web-1".to_owned(), "running".to_owned())]);
    let current = bed.inspect("web-1").await;
    let body = bollard::models::ContainerCreateBody {
        image: current.image,
        labels: current.config.unwrap().labels,
        ..Default::default()
    };
    let options = bollard::query_parameters::CreateContainerOptions {
        name: Some(format!("new_{project}-web-1")),
        ..Default::default()
    };
    bed.docker.create_container(Some(options), body).await.unwrap();
    bed.up(&program("b")).await.unwrap();
    assert_eq!(bed.containers().await, [("web-1".to_owned(), "running".to_owned())]);

    // Created and never started.
    bed.docker
        .stop_container(&format!("{project}-web-1"), None)
        .await
        .unwrap();
    bed.up(&program("b")).await.unwrap();
    assert_eq!(bed.containers().await, [("web-1".to_owned(), "running".to_owned())]);
    bed.down().await.unwrap();
}

#[tokio::test]
async fn drift_is_seen_and_put_right() {
    let mut bed = Bed::new("drift").await;
    let project = bed.project.clone();
    let declaration = Bed::declare(|stack| {
        let compose = Compose::project(stack, &project);
        compose.service(
            "web",
            Service {
                mem_limit: Some(Bytes::mib(64)),
                ..sleeper()
            },
        );
    });
    bed.up(&declaration).await.unwrap();
    let name = format!("{project}-web-1");

    bed.docker.stop_container(&name, None).await.unwrap();
    assert_eq!(bed.drift("Service/web").await, ["state"]);
    bed.up(&declaration).await.unwrap();

    let update = bollard::models::ContainerUpdateBody {
        memory: Some(96 << 20),
        memory_swap: Some(-1),
        ..Default::default()
    };
    bed.docker.update_container(&name, update).await.unwrap();
    assert_eq!(bed.drift("Service/web").await, ["mem_limit"]);
    bed.up(&declaration).await.unwrap();
    assert_eq!(bed.drift("Service/web").await, [""; 0]);

    let leave = bollard::models::NetworkDisconnectRequest {
        container: name.clone(),
        force: Some(true),
    };
    bed.docker
        .disconnect_network(&format!("{project}_default"), leave)
        .await
        .unwrap();
    assert_eq!(bed.drift("Service/web").await, ["networks.default"]);
    bed.up(&declaration).await.unwrap();
    assert_eq!(bed.drift("Service/web").await, [""; 0]);

    // Another network that somebody lets it into is theirs, as for docker compose: no drift, and left alone.
    let theirs = format!("{project}-theirs");
    let network = bollard::models::NetworkCreateRequest {
        name: theirs.clone(),
        ..Default::default()
    };
    bed.docker.create_network(network).await.unwrap();
    let join = bollard::models::NetworkConnectRequest {
        container: name.clone(),
        ..Default::default()
    };
    bed.docker.connect_network(&theirs, join).await.unwrap();
    assert_eq!(bed.drift("Service/web").await, [""; 0]);
    let before = bed.inspect("web-1").await;
    bed.up(&declaration).await.unwrap();
    let after = bed.inspect("web-1").await;
    assert_eq!(after.id, before.id);
    assert!(after.network_settings.unwrap().networks.unwrap().contains_key(&theirs));

    let force = bollard::query_parameters::RemoveContainerOptions {
        force: true,
        ..Default::default()
    };
    bed.docker.remove_container(&name, Some(force)).await.unwrap();
    bed.docker.remove_network(&theirs).await.unwrap();
    assert_eq!(bed.observe("Service/web").await, Observed::Absent);
    bed.up(&declaration).await.unwrap();
    assert_eq!(bed.live("Service/web").await.readiness, Readiness::Ready);
    bed.down().await.unwrap();
}

#[tokio::test]
async fn a_database_is_stopped_before_its_successor_starts_and_keeps_its_data() {
    let mut bed = Bed::new("data").await;
    let project = bed.project.clone();
    let program = |level: &str| {
        Bed::declare(|stack| {
            let compose = Compose::project(stack, &project);
            let data = compose.volume("data", Volume::default());
            compose.service(
                "db",
                Service {
                    environment: [("LEVEL".into(), level.into())].into(),
                    command: shell("date >> /data/starts; date >> /anon/starts; sleep 1000"),
                    volumes: vec![data.at("/data"), Mount::volume("", "/anon")],
                    ..sleeper()
                },
            );
        })
    };
    bed.up(&program("a")).await.unwrap();
    let changed = program("b");
    let prediction = bed.predict("Service/db", &changed).await;
    let effect = &prediction.effects[0];
    assert!(
        effect
            .text()
            .starts_with("stops 1 container (up to 10 s), then starts the new one"),
        "{effect:?}"
    );
    assert_eq!(effect.risk().map(|risk| risk.kind), Some(RiskKind::Downtime));
    bed.up(&changed).await.unwrap();
    let mounts = bed.inspect("db-1").await.mounts.unwrap();
    let anonymous = mounts
        .iter()
        .find(|mount| mount.destination.as_deref() == Some("/anon"))
        .unwrap()
        .name
        .clone()
        .unwrap();
    bed.up(&program("c")).await.unwrap();
    let mounts = bed.inspect("db-1").await.mounts.unwrap();
    assert!(mounts.iter().any(|mount| mount.name.as_ref() == Some(&anonymous)));
    bed.down().await.unwrap();
    assert!(bed.docker.inspect_volume(&anonymous).await.is_err());
}
