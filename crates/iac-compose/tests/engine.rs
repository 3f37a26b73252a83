//! The provider against a real engine: apply, wait, delete, and what it says when something is wrong.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::time::Duration;

use iac_compose::prelude::*;
use iac_core::provider::{ErrorKind, Observed, Readiness};
use support::{Bed, IMAGE, docker_compose, file_check, shell, sleeper};

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
            (live.drift, live.readiness, live.mark.is_ours()),
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
    // Objects that are gone already are no error.
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
    let holder = format!("the container {project}-holder-1, which is of the project {project}");
    let expected = format!("port {port} of the host is held by {holder}");
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
