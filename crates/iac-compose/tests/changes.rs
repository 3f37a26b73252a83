//! Changes that a plan has to put into another order, or to say otherwise, than one would think: through the whole engine
//! on a real Docker Engine.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use iac_compose::prelude::*;
use iac_core::Stack;
use iac_core::config::Config;
use iac_core::declare::Declaration;
use iac_core::plan::{Action, Plan};
use support::runs::Runs;
use support::{Bed, IMAGE, file_check, shell, sleeper};

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A project of one service.
fn one(project: &str, name: &str, service: Service) -> Declaration {
    Bed::declare(|stack| {
        Compose::project(stack, project).service(name, service);
    })
}

fn actions(plan: &Plan) -> Vec<String> {
    assert!(plan.problems.is_empty(), "{:?}", plan.problems);
    let changing = plan.steps.iter().filter(|step| step.action != Action::Same);
    changing
        .map(|step| format!("{:?} {}", step.action, step.key.name()).to_lowercase())
        .collect()
}

#[tokio::test]
async fn what_gets_another_key_and_keeps_its_port_name_or_subnet_goes_first() {
    let bed = Bed::new("give-way").await;
    let project = bed.project.clone();
    let program = |service: &str, network: &str, port: u16| {
        Bed::declare(|stack| {
            let compose = Compose::project(stack, &project);
            let pool = IpamPool {
                subnet: Some("10.213.77.0/24".into()),
                ..IpamPool::default()
            };
            let back = compose.network(
                network,
                Network {
                    ipam: Ipam {
                        config: vec![pool],
                        ..Ipam::default()
                    },
                    ..Network::default()
                },
            );
            compose.service(
                service,
                Service {
                    ports: vec![Port::published(port, 80).on("127.0.0.1")],
                    container_name: Some(format!("{project}-the-one")),
                    networks: [back.attach()].into(),
                    ..sleeper()
                },
            );
            compose.service(
                "stays",
                Service {
                    networks: [back.attach()].into(),
                    ..sleeper()
                },
            );
        })
    };
    let port = free_port();
    let runs = Runs::new();
    runs.up(&program("web", "back", port)).await;
    let renamed = program("front", "net", port);
    let plan = runs.preview(&renamed).await;
    assert_eq!(
        actions(&plan),
        [
            "delete web",
            "delete back",
            "create net",
            "create front",
            "update stays"
        ]
    );
    // One outage, which is told once: by the one that goes.
    let risks = |name: &str| {
        let step = plan.steps.iter().find(|step| step.key.name() == name).unwrap();
        step.risks.iter().map(|risk| risk.message.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(risks("front"), [""; 0]);
    let web = risks("web");
    assert_eq!(web.len(), 1, "{web:?}");
    assert!(
        web[0].contains("front takes its place, and only one can hold"),
        "{web:?}"
    );
    runs.up(&renamed).await;
    assert_eq!(actions(&runs.preview(&renamed).await), [""; 0]);
    assert_eq!(runs.drift().await, [""; 0]);
    runs.destroy().await;
    assert_eq!(bed.containers().await, []);
}

#[tokio::test]
async fn what_containers_of_others_hold_is_told_before_anything_changes() {
    let bed = Bed::new("held").await;
    let (project, port) = (bed.project.clone(), free_port());
    let name = format!("{project}-held-name");
    let other = format!("{project}-b");
    let holder = Service {
        ports: vec![Port::published(port, 80).on("127.0.0.1")],
        container_name: Some(name.clone()),
        ..sleeper()
    };
    let runs = Runs::new();
    runs.up(&one(&other, "holder", holder.clone())).await;
    let problems = |service: Service| {
        let declaration = one(&project, "web", service);
        async move {
            let plan = Runs::new().preview(&declaration).await;
            let found: Vec<String> = plan.problems.into_iter().map(|problem| problem.message).collect();
            found
        }
    };
    let whose = format!("which is of the project {other}");
    assert_eq!(
        problems(holder).await,
        [
            format!("the container name {name} is taken, {whose}"),
            format!("port {port} of the host is held by the container {name}, {whose}")
        ]
    );
    // Another protocol, or another address, is another port.
    for free in [
        Port::published(port, 80).on("127.0.0.1").udp(),
        Port::published(port, 80).on("127.0.0.2"),
    ] {
        assert_eq!(
            problems(Service {
                ports: vec![free],
                ..sleeper()
            })
            .await,
            [""; 0]
        );
    }
    runs.destroy().await;
}

#[tokio::test]
async fn a_volumes_label_costs_nothing_and_a_rollback_is_nobodys_change() {
    let bed = Bed::new("labels").await;
    let project = bed.project.clone();
    let program = |label: &str, network: &str, port: u16, command: &str| {
        Bed::declare(|stack| {
            let compose = Compose::project(stack, &project);
            let labels = |label: &str| [("a".to_owned(), label.to_owned())].into();
            let data = compose.volume(
                "data",
                Volume {
                    labels: labels(label),
                    ..Volume::default()
                },
            );
            let back = compose.network(
                "back",
                Network {
                    labels: labels(network),
                    ..Network::default()
                },
            );
            compose.service(
                "db",
                Service {
                    volumes: vec![data.at("/data")],
                    networks: [back.attach()].into(),
                    ports: vec![Port::published(port, 80).on("127.0.0.1")],
                    command: shell(command),
                    healthcheck: file_check("/up"),
                    ..sleeper()
                },
            );
        })
    };
    let (runs, fine) = (Runs::new(), "touch /up; exec sleep 1000");
    let (first, second) = (free_port(), free_port());
    runs.up(&program("one", "a", first, fine)).await;
    let id = bed.inspect("db-1").await.id;
    let plan = runs.preview(&program("two", "a", first, fine)).await;
    assert_eq!(actions(&plan), ["update data"]);
    assert!(plan.steps.iter().all(|step| step.risks.is_empty()));
    runs.up(&program("two", "a", first, fine)).await;
    assert_eq!(bed.inspect("db-1").await.id, id);

    // A network holds nothing: it is recreated, and its containers join it again.
    let relabelled = program("two", "b", first, fine);
    assert_eq!(actions(&runs.preview(&relabelled).await), ["replace back", "update db"]);

    let broken = program("two", "a", second, "exec sleep 1000");
    let report = runs.try_up(&broken).await;
    assert!(!report.is_ok());
    assert_eq!(bed.inspect("db-1").await.id, id);
    // The former container runs as it is recorded.
    assert_eq!(runs.drift().await, [""; 0]);
    let mended = program("two", "a", second, fine);
    let plan = runs.preview(&mended).await;
    let step = plan.steps.iter().find(|step| step.key.name() == "db").unwrap();
    let reasons = format!("{:?}", step.reasons);
    assert!(reasons.contains("Inputs") && !reasons.contains("Drift"), "{reasons}");
    let changes: Vec<String> = step.changes.iter().map(|change| change.path.to_string()).collect();
    assert!(changes.iter().all(|path| path.starts_with("ports")), "{changes:?}");
    runs.up(&mended).await;
    assert_eq!(actions(&runs.preview(&mended).await), [""; 0]);
    runs.destroy().await;
}

#[tokio::test]
async fn an_image_is_built_from_the_folder_that_the_state_is_in() {
    let bed = Bed::new("build-state").await;
    let runs = Runs::new();
    let context = runs.folder();
    std::fs::write(context.join("Dockerfile"), format!("FROM {IMAGE}\nCOPY . /context\n")).unwrap();
    std::fs::write(context.join(".dockerignore"), "key\n").unwrap();
    let program = || {
        let stack = Stack::new("test", Config::default()).keeps_state_in(Some(context.join("state")));
        let service = Service {
            build: Some(Build::context(context.display().to_string())),
            image: String::new(),
            command: shell("test ! -e /context/state && exec sleep 1000"),
            ..sleeper()
        };
        Compose::project(&stack, &bed.project).service("web", service);
        stack.finish().unwrap()
    };
    runs.up(&program()).await;
    assert_eq!(actions(&runs.preview(&program()).await), [""; 0]);
    std::fs::write(context.join("new"), "").unwrap();
    assert_eq!(actions(&runs.preview(&program()).await), ["update web", "update web"]);
    runs.destroy().await;
}

#[tokio::test]
async fn a_port_is_given_up_before_another_service_takes_it() {
    let bed = Bed::new("hand-on").await;
    let program = |ports: &[(&str, u16)]| {
        Bed::declare(|stack| {
            let compose = Compose::project(stack, &bed.project);
            for (name, port) in ports {
                let ports = vec![Port::published(*port, 80).on("127.0.0.1")];
                compose.service(name, Service { ports, ..sleeper() });
            }
        })
    };
    let (first, second) = (free_port(), free_port());
    let runs = Runs::new();
    runs.up(&program(&[("web", first)])).await;
    // `api` comes first in the program.
    let moved = program(&[("api", first), ("web", second)]);
    assert_eq!(actions(&runs.preview(&moved).await), ["update web", "create api"]);
    runs.up(&moved).await;
    assert_eq!(actions(&runs.preview(&moved).await), [""; 0]);
    let plan = runs.preview(&program(&[("api", second), ("web", first)])).await;
    let problems: Vec<_> = plan.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(
        problems[0].contains("until it is changed, and waits for this one"),
        "{problems:?}"
    );
    runs.destroy().await;
}
