//! The provider against a real engine: apply, observe, wait, update, delete.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::time::Duration;

use iac_compose::prelude::*;
use iac_core::provider::{ErrorKind, Observed, Readiness, RiskKind};
use support::{Bed, IMAGE};

/// A service that stays up and ends at once when it is asked to.
fn sleeper() -> Service {
    Service {
        image: IMAGE.into(),
        command: Some(words("sleep 1000")),
        init: Some(true),
        ..Service::default()
    }
}

fn words(line: &str) -> Vec<String> {
    iac_compose::parse::words::split(line).unwrap()
}

fn shell(line: &str) -> Option<Vec<String>> {
    Some(vec!["sh".into(), "-c".into(), line.into()])
}

/// A health check that passes as soon as the file is there.
fn file_check(path: &str) -> Option<Healthcheck> {
    let check = Healthcheck::cmd_shell(format!("test -e {path}"));
    Some(check.interval(Duration::from_millis(300)).retries(3))
}

#[tokio::test]
async fn a_project_comes_up_and_goes_without_a_trace() {
    let mut bed = Bed::new("life").await;
    let project = bed.project.clone();
    let declaration = Bed::declare(|stack| {
        let compose = Compose::project(stack, &project);
        let back = compose.network("back", Network::default());
        let data = compose.volume("data", Volume::default());
        let db = compose.service(
            "db",
            Service {
                volumes: vec![data.at("/data")],
                networks: [back.attach()].into(),
                command: shell("touch /up && sleep 1000"),
                healthcheck: file_check("/up"),
                ..sleeper()
            },
        );
        let init = compose.job(
            "init",
            Service {
                command: shell("ping -c 1 db && echo done > /data/marker"),
                volumes: vec![data.at("/data")],
                networks: [back.attach()].into(),
                depends_on: [db.healthy()].into(),
                ..sleeper()
            },
        );
        compose.service(
            "web",
            Service {
                deploy: Some(Deploy {
                    replicas: Some(2),
                    ..Deploy::default()
                }),
                ports: vec![Port::any(8080).on("127.0.0.1")],
                networks: [back.attach(), ("default".into(), Attachment::default())].into(),
                depends_on: [db.healthy(), init.completed()].into(),
                ..sleeper()
            },
        );
    });
    bed.up(&declaration).await.unwrap();

    let names: Vec<(&str, &str)> = vec![
        ("db-1", "running"),
        ("init-1", "exited"),
        ("web-1", "running"),
        ("web-2", "running"),
    ];
    let found = bed.containers().await;
    assert_eq!(
        found
            .iter()
            .map(|(name, state)| (&**name, &**state))
            .collect::<Vec<_>>(),
        names
    );
    let port = bed
        .recorded("Service/web")
        .outputs
        .pointer("/ports/8080~1tcp")
        .unwrap()
        .clone();
    assert!(port.as_str().unwrap().parse::<u16>().unwrap() > 0);
    let web = bed.inspect("web-2").await;
    assert_eq!(web.network_settings.unwrap().networks.unwrap().len(), 2);
    let labels = web.config.unwrap().labels.unwrap();
    assert_eq!(
        labels["com.docker.compose.depends_on"],
        "db:service_healthy:false,init:service_completed_successfully:false"
    );
    assert_eq!(labels["com.docker.compose.oneoff"], "False");
    for name in [
        "Service/db",
        "Service/init",
        "Service/web",
        "Network/back",
        "Volume/data",
    ] {
        let live = bed.live(name).await;
        assert_eq!(
            (live.drift, live.readiness, live.ours),
            (vec![], Readiness::Ready, true),
            "{name}"
        );
    }

    // Nothing to do is nothing done.
    let before = bed.inspect("db-1").await.id;
    bed.up(&declaration).await.unwrap();
    assert_eq!(bed.inspect("db-1").await.id, before);

    bed.down().await.unwrap();
    assert_eq!(bed.containers().await, []);
    assert!(bed.docker.inspect_volume(&format!("{project}_data")).await.is_err());
    assert!(
        bed.docker
            .inspect_network(&format!("{project}_back"), None)
            .await
            .is_err()
    );
}

/// Runs the real docker compose on the project, without any file.
fn docker_compose(project: &str, arguments: &[&str]) -> String {
    let bed = support::test_bed();
    let mut command = std::process::Command::new(&bed.compose);
    command
        .args(["-p", project])
        .args(arguments)
        .env("DOCKER_HOST", &bed.docker_host);
    let output = command.env("DOCKER_CONFIG", &bed.docker_config).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

#[tokio::test]
async fn docker_compose_lists_shows_and_removes_what_we_made() {
    let mut bed = Bed::new("interop").await;
    let project = bed.project.clone();
    let declaration = Bed::declare(|stack| {
        let compose = Compose::project(stack, &project);
        let data = compose.volume("data", Volume::default());
        let db = compose.service(
            "db",
            Service {
                volumes: vec![data.at("/data")],
                ..sleeper()
            },
        );
        compose.service(
            "web",
            Service {
                command: shell("echo hello from web; exec sleep 1000"),
                depends_on: [db.started()].into(),
                ..sleeper()
            },
        );
    });
    bed.up(&declaration).await.unwrap();
    let listed = docker_compose(&project, &["ps", "--format", "{{.Service}} {{.Name}} {{.State}}"]);
    let mut lines: Vec<&str> = listed.lines().collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            format!("db {project}-db-1 running"),
            format!("web {project}-web-1 running")
        ]
    );
    assert!(docker_compose(&project, &["logs", "web"]).contains("hello from web"));
    docker_compose(&project, &["stop", "web"]);
    assert_eq!(bed.drift("Service/web").await, ["state"]);
    docker_compose(&project, &["down", "-v"]);
    assert_eq!(bed.containers().await, []);
    assert!(bed.docker.inspect_volume(&format!("{project}_data")).await.is_err());
    assert!(
        bed.docker
            .inspect_network(&format!("{project}_default"), None)
            .await
            .is_err()
    );
    // What is gone already is no error.
    bed.down().await.unwrap();
}

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
    assert!(prediction.notes[0].contains("start first"), "{:?}", prediction.notes);
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
    let rename = |from: String, to: String| {
        let docker = bed.docker.clone();
        async move {
            let options = bollard::query_parameters::RenameContainerOptions { name: to };
            docker.rename_container(&from, options).await.unwrap();
        }
    };
    rename(format!("{project}-web-1"), format!("new_{project}-web-1")).await;
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

    let force = bollard::query_parameters::RemoveContainerOptions {
        force: true,
        ..Default::default()
    };
    bed.docker.remove_container(&name, Some(force)).await.unwrap();
    assert_eq!(bed.observe("Service/web").await, Observed::Absent);
    bed.up(&declaration).await.unwrap();
    assert_eq!(bed.live("Service/web").await.readiness, Readiness::Ready);
    bed.down().await.unwrap();
}

#[tokio::test]
async fn secrets_and_configs_reach_the_container_and_no_label() {
    let mut bed = Bed::new("files").await;
    let project = bed.project.clone();
    let program = |secret: &str| {
        Bed::declare(|stack| {
            let compose = Compose::project(stack, &project);
            let token = compose.secret("token", Config::content(secret));
            let config = compose.config("app", Config::content("level = 1\n"));
            let password = stack.secret("password", format!("{secret}-env"));
            compose.service(
                "web",
                Service {
                    environment: [("PASSWORD".into(), password.into())].into(),
                    command: shell("cat /run/secrets/token /etc/app.conf; echo $PASSWORD; sleep 1000"),
                    secrets: vec![FileMount {
                        mode: Some(0o400),
                        ..token.file()
                    }],
                    configs: vec![config.at("/etc/app.conf")],
                    ..sleeper()
                },
            );
        })
    };
    for secret in ["canary-one", "canary-two"] {
        bed.up(&program(secret)).await.unwrap();
        let live = bed.inspect("web-1").await;
        let labels = format!("{:?}", live.config.unwrap().labels);
        assert!(!labels.contains("canary"), "{labels}");
        let mut output = String::new();
        for _ in 0..20 {
            output = logs(&bed, "web-1").await;
            if output.contains("-env") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(output, format!("{secret}level = 1\n{secret}-env\n"));
        assert!(!format!("{:?}", bed.recorded("Service/web").private).contains("canary"));
        assert_eq!(bed.drift("Service/web").await, [""; 0]);
    }
    let id = bed.inspect("web-1").await.id;
    bed.up(&program("canary-two")).await.unwrap();
    assert_eq!(bed.inspect("web-1").await.id, id);
    bed.down().await.unwrap();
}

async fn logs(bed: &Bed, container: &str) -> String {
    use futures::StreamExt;
    let options = bollard::query_parameters::LogsOptions {
        stdout: true,
        stderr: true,
        tail: "all".into(),
        ..Default::default()
    };
    let name = format!("{}-{container}", bed.project);
    let chunks: Vec<_> = bed.docker.logs(&name, Some(options)).collect().await;
    chunks.into_iter().map(|chunk| chunk.unwrap().to_string()).collect()
}

#[tokio::test]
async fn a_job_that_fails_shows_its_output_and_runs_again() {
    let mut bed = Bed::new("job").await;
    let project = bed.project.clone();
    let program = |line: &str| {
        Bed::declare(|stack| {
            Compose::project(stack, &project).job(
                "migrate",
                Service {
                    command: shell(line),
                    ..sleeper()
                },
            );
        })
    };
    let error = bed.up(&program("echo no such table; exit 3")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Failed);
    assert!(error.message.contains("exit status 3"), "{error}");
    assert!(
        error.details.iter().any(|line| line.contains("no such table")),
        "{:?}",
        error.details
    );
    assert_eq!(bed.drift("Service/migrate").await, ["state"]);

    bed.up(&program("echo fixed")).await.unwrap();
    let id = bed.inspect("migrate-1").await.id;
    bed.up(&program("echo fixed")).await.unwrap();
    assert_eq!(bed.inspect("migrate-1").await.id, id);
    bed.docker
        .remove_container(&format!("{project}-migrate-1"), None)
        .await
        .unwrap();
    assert_eq!(bed.observe("Service/migrate").await, Observed::Finished);
    bed.down().await.unwrap();
}

#[tokio::test]
async fn a_port_in_use_names_its_holder() {
    let mut bed = Bed::new("port").await;
    let project = bed.project.clone();
    let holder = Bed::declare(|stack| {
        Compose::project(stack, &project).service(
            "holder",
            Service {
                ports: vec![Port::any(80).on("127.0.0.1")],
                ..sleeper()
            },
        );
    });
    bed.up(&holder).await.unwrap();
    let port = bed
        .recorded("Service/holder")
        .outputs
        .pointer("/ports/80~1tcp")
        .unwrap()
        .clone();
    let port: u16 = port.as_str().unwrap().parse().unwrap();

    let mut other = Bed::new("port2").await;
    let project2 = other.project.clone();
    let second = Bed::declare(|stack| {
        let ports = vec![Port::published(port, 80).on("127.0.0.1")];
        Compose::project(stack, &project2).service("web", Service { ports, ..sleeper() });
    });
    let prediction = other.predict_creation(&second).await;
    let expected = format!("port {port} of the host is held by the container {project}-holder-1");
    assert_eq!(prediction.problems[0].message, expected);
    let error = other.up(&second).await.unwrap_err();
    assert!(
        error.details[0].contains(&format!("port {port} is held by the container {project}-holder-1")),
        "{error:?}"
    );
    other.down().await.unwrap();
    bed.down().await.unwrap();
}

#[tokio::test]
async fn a_wrong_image_gives_the_registrys_words() {
    let mut bed = Bed::new("image").await;
    let project = bed.project.clone();
    let program = |policy| {
        Bed::declare(|stack| {
            let image = "localhost:1/no/such:image".into();
            let service = Service {
                image,
                pull_policy: Some(policy),
                ..sleeper()
            };
            Compose::project(stack, &project).service("web", service);
        })
    };
    let prediction = bed.predict_creation(&program(PullPolicy::Missing)).await;
    assert!(prediction.notes[0].contains("will be pulled"), "{:?}", prediction.notes);
    let prediction = bed.predict_creation(&program(PullPolicy::Never)).await;
    assert_eq!(prediction.problems[0].path.to_string(), "image");
    let error = bed.up(&program(PullPolicy::Missing)).await.unwrap_err();
    assert!(error.message.contains("localhost:1/no/such:image"), "{error}");
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
    assert!(prediction.notes[0].contains("stop first"), "{:?}", prediction.notes);
    assert_eq!(prediction.risks[0].kind, RiskKind::Downtime);
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

#[tokio::test]
async fn what_somebody_else_made_is_not_taken_over() {
    let mut bed = Bed::new("foreign").await;
    let project = bed.project.clone();
    let name = format!("{project}_data");
    let body = bollard::models::VolumeCreateRequest {
        name: Some(name.clone()),
        ..Default::default()
    };
    bed.docker.create_volume(body).await.unwrap();
    let declaration = Bed::declare(|stack| {
        Compose::project(stack, &project).volume("data", Volume::default());
    });
    let error = bed.up(&declaration).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    bed.docker
        .remove_volume(&name, None::<bollard::query_parameters::RemoveVolumeOptions>)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_image_is_built_and_built_again_when_its_context_changes() {
    let mut bed = Bed::new("build").await;
    let project = bed.project.clone();
    let folder = tempfile::tempdir().unwrap();
    let context = folder.path().display().to_string();
    std::fs::write(
        folder.path().join("Dockerfile"),
        format!("FROM {IMAGE}\nCOPY message /message\nCMD [\"sleep\", \"1000\"]\n"),
    )
    .unwrap();
    let program = |message: &str| {
        std::fs::write(folder.path().join("message"), message).unwrap();
        Bed::declare(|stack| {
            let build = Some(Build::context(&context));
            Compose::project(stack, &project).service(
                "app",
                Service {
                    build,
                    init: Some(true),
                    ..Service::default()
                },
            );
        })
    };
    bed.up(&program("one")).await.unwrap();
    let first = bed.inspect("app-1").await;
    assert_eq!(first.config.unwrap().image.unwrap(), format!("{project}-app"));
    bed.up(&program("one")).await.unwrap();
    assert_eq!(bed.inspect("app-1").await.id, first.id);
    bed.up(&program("two")).await.unwrap();
    assert_ne!(bed.inspect("app-1").await.image, first.image);
    assert_eq!(bed.drift("Service/app").await, [""; 0]);
    bed.down().await.unwrap();
    assert!(bed.docker.inspect_image(&format!("{project}-app")).await.is_err());
}
