//! Renames through the whole engine on a real Docker Engine: which object is there first, what points where in the end,
//! and what an interrupted run left under a name that nobody wants any more.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::time::Duration;

use bollard::Docker;
use iac_compose::prelude::*;
use iac_core::Stack;
use iac_core::declare::Declaration;
use iac_core::plan::{Action, Order, Plan};
use iac_core::state::{OpKind, Operation, RunInfo};
use support::runs::Runs;
use support::{Bed, sleeper};

fn order_of(plan: &Plan, name: &str) -> (Action, Option<Order>) {
    let step = plan.steps.iter().find(|step| step.key.name() == name).unwrap();
    (step.action, step.order)
}

/// A service in a network that is called `network`.
fn attached(project: &str, network: &str) -> Declaration {
    attached_with(project, network, &[])
}

/// The same, with options of the network's driver.
fn attached_with(project: &str, network: &str, options: &[(&str, &str)]) -> Declaration {
    let text = |text: &&str| (*text).to_owned();
    Bed::declare(|stack: &Stack| {
        let compose = Compose::project(stack, project);
        let back = compose.network(
            "back",
            Network {
                name: Some(network.to_owned()),
                driver_opts: options.iter().map(|(name, value)| (text(name), text(value))).collect(),
                ..Network::default()
            },
        );
        compose.service(
            "web",
            Service {
                networks: [back.attach()].into(),
                ..sleeper()
            },
        );
    })
}

async fn networks_of(docker: &Docker, container: &str) -> Vec<String> {
    let found = docker.inspect_container(container, None).await.unwrap();
    found.network_settings.unwrap().networks.unwrap().into_keys().collect()
}

#[tokio::test]
async fn a_network_is_renamed_before_its_services_leave_the_old_one() {
    let bed = Bed::new("rename-network").await;
    let (project, docker) = (bed.project.clone(), &bed.docker);
    let name = |suffix: &str| format!("{project}_{suffix}");
    let runs = Runs::new();
    runs.up(&attached(&project, &name("one"))).await;
    runs.done();
    let renamed = attached(&project, &name("two"));
    let plan = runs.preview(&renamed).await;
    assert_eq!(order_of(&plan, "back"), (Action::Replace, Some(Order::CreateFirst)));
    runs.up(&renamed).await;
    let old = format!("remove compose/Network {}", name("one"));
    assert_eq!(runs.done(), ["replace back", "update web", &old]);
    assert!(docker.inspect_network(&name("one"), None).await.is_err());
    assert_eq!(networks_of(docker, &format!("{project}-web-1")).await, [name("two")]);
    assert!(runs.preview(&renamed).await.is_empty());
    runs.up(&Bed::declare(|_| {})).await;
    assert!(docker.inspect_network(&name("two"), None).await.is_err());
}

#[tokio::test]
async fn a_network_that_has_an_interface_for_itself_is_deleted_before_its_successor_is_there() {
    let bed = Bed::new("rename-bridge").await;
    let (project, docker) = (bed.project.clone(), &bed.docker);
    let name = |suffix: &str| format!("{project}_{suffix}");
    let options = [("com.docker.network.bridge.name", "br-iac-rename")];
    let runs = Runs::new();
    runs.up(&attached_with(&project, &name("one"), &options)).await;
    let renamed = attached_with(&project, &name("two"), &options);
    let plan = runs.preview(&renamed).await;
    assert_eq!(order_of(&plan, "back"), (Action::Replace, Some(Order::DeleteFirst)));
    runs.up(&renamed).await;
    assert_eq!(networks_of(docker, &format!("{project}-web-1")).await, [name("two")]);
    assert!(runs.preview(&renamed).await.is_empty());
    runs.up(&Bed::declare(|_| {})).await;
    assert!(docker.inspect_network(&name("two"), None).await.is_err());
}

#[tokio::test]
async fn a_service_in_another_project_comes_before_or_after_the_old_one_as_its_port_allows() {
    let bed = Bed::new("rename-service").await;
    let (docker, one) = (&bed.docker, bed.project.clone());
    let two = format!("{one}-b");
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let web = |project: &str, ports: Vec<Port>| {
        Bed::declare(|stack| {
            Compose::project(stack, project).service(
                "web",
                Service {
                    ports,
                    network_mode: None,
                    ..sleeper()
                },
            );
        })
    };
    for (ports, address, order) in [
        (Vec::new(), None, Order::CreateFirst),
        (
            vec![Port::published(free, 80).on("127.0.0.1")],
            Some("0.0.0.0"),
            Order::DeleteFirst,
        ),
    ] {
        let runs = Runs::new();
        runs.up(&web(&one, ports.clone())).await;
        let renamed = web(
            &two,
            ports
                .into_iter()
                .map(|port| address.map_or(port.clone(), |address| port.on(address)))
                .collect(),
        );
        let plan = runs.preview(&renamed).await;
        assert!(plan.problems.is_empty(), "{:?}", plan.problems);
        assert_eq!(order_of(&plan, "web"), (Action::Replace, Some(order)));
        runs.up(&renamed).await;
        assert!(docker.inspect_container(&format!("{one}-web-1"), None).await.is_err());
        assert!(docker.inspect_container(&format!("{two}-web-1"), None).await.is_ok());
        assert!(runs.preview(&renamed).await.is_empty());
        runs.up(&Bed::declare(|_| {})).await;
        assert!(docker.inspect_container(&format!("{two}-web-1"), None).await.is_err());
    }
}

#[tokio::test]
async fn what_an_interrupted_run_made_is_found_by_its_name_alone_and_deleted() {
    let bed = Bed::new("orphan").await;
    let (project, docker) = (bed.project.clone(), &bed.docker);
    let network = format!("{project}_one");
    let runs = Runs::new();
    runs.up(&attached(&project, &network)).await;
    // As if the run had been killed before it could record what it made.
    let run = RunInfo::current("up", "test");
    let writer = runs.store.begin(run, Duration::ZERO).await.unwrap();
    for (key, record) in &writer.state().records {
        let operation = Operation {
            kind: OpKind::Create,
            key: key.clone(),
            identity: record.identity.clone(),
            uid: None,
            inputs_digest: String::new(),
        };
        writer.begin_op(operation).await.unwrap();
        writer.forget(key).await.unwrap();
    }
    writer.abandon().await;
    runs.done();
    let nothing = Bed::declare(|_| {});
    runs.up(&nothing).await;
    let done = runs.done();
    let told = |what: &str| {
        done.iter()
            .any(|line| line.contains(what) && line.ends_with("it is there: deleted"))
    };
    assert!(
        told(&format!("compose/Network {network}")) && told(&format!("compose/Service {project}/web")),
        "{done:?}"
    );
    assert!(docker.inspect_network(&network, None).await.is_err());
    assert!(
        docker
            .inspect_container(&format!("{project}-web-1"), None)
            .await
            .is_err()
    );
    assert!(runs.store.load().await.unwrap().pending.is_empty());
}
