//! Volumes with and without names on a real Docker Engine: they stay until they may go, whatever becomes of their services.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use bollard::Docker;
use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::RemoveVolumeOptions;
use iac_compose::prelude::*;
use iac_core::declare::Declaration;
use iac_core::plan::{DeleteData, Plan};
use iac_core::provider::RiskKind;
use support::runs::Runs;
use support::{Bed, IMAGE, sleeper};

/// A database with a volume of this key and an anonymous one.
fn database(project: &str, service: &str, key: &str, options: &[(&str, &str)]) -> Declaration {
    Bed::declare(|stack| {
        let compose = Compose::project(stack, project);
        let options = options
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let data = compose.volume(
            key,
            Volume {
                driver_opts: options.collect(),
                ..Volume::default()
            },
        );
        compose.service(
            service,
            Service {
                volumes: vec![data.at("/data"), Mount::volume("", "/anon")],
                ..sleeper()
            },
        );
    })
}

/// The names of what a plan keeps, anonymous volumes last.
fn kept(plan: &Plan) -> Vec<String> {
    let items = plan.kept.iter().flat_map(|kept| &kept.items);
    let mut names: Vec<(bool, String)> = items
        .map(|item| (item.kind == "anonymous volume", item.name.clone()))
        .collect();
    names.sort();
    names.into_iter().map(|(_, name)| name).collect()
}

async fn anonymous_of(docker: &Docker, container: &str) -> String {
    let found = docker.inspect_container(container, None).await.unwrap();
    let mounts = found.mounts.unwrap();
    let mount = mounts
        .into_iter()
        .find(|mount| mount.destination.as_deref() == Some("/anon"));
    mount.unwrap().name.unwrap()
}

#[tokio::test]
async fn volumes_with_and_without_names_stay_until_they_may_go() {
    let bed = Bed::new("data").await;
    let (project, docker) = (bed.project.clone(), &bed.docker);
    let (old, new) = (format!("{project}_data"), format!("{project}_pgdata"));
    let there = async |volume: &str| docker.inspect_volume(volume).await.is_ok();
    let runs = Runs::new();
    runs.up(&database(&project, "db", "data", &[])).await;
    let anonymous = anonymous_of(docker, &format!("{project}-db-1")).await;
    // A named volume at its place, or no container at all, leaves the anonymous one.
    let (taken, none) = (vec!["/data", "/anon"], vec!["/data"]);
    for (targets, replicas) in [(taken, 1), (none, 0)] {
        let changed = Bed::declare(|stack| {
            let compose = Compose::project(stack, &project);
            let data = compose.volume("data", Volume::default());
            compose.service(
                "db",
                Service {
                    volumes: targets.iter().map(|target| data.at(*target)).collect(),
                    scale: Some(replicas),
                    ..sleeper()
                },
            );
        });
        let plan = runs.preview(&changed).await;
        assert_eq!(kept(&plan), std::slice::from_ref(&anonymous), "{replicas}");
    }
    // Both keys get other names: nothing that holds data goes, and all of it is said.
    let renamed = database(&project, "postgres", "pgdata", &[]);
    let plan = runs.preview(&renamed).await;
    assert_eq!(kept(&plan), [old.clone(), anonymous.clone()]);
    let mut risks = plan.steps.iter().flat_map(|step| &step.risks);
    assert!(risks.all(|risk| risk.kind != RiskKind::DataLoss), "{plan:?}");
    runs.up(&renamed).await;
    assert!(there(&old).await && there(&anonymous).await && there(&new).await);
    let plan = runs.preview(&renamed).await;
    assert!(plan.is_empty() && plan.problems.is_empty(), "{plan:?}");
    assert_eq!(kept(&plan), [old.clone(), anonymous.clone()]);
    let records = runs.store.load().await.unwrap().records;
    assert!(records.keys().any(|key| key.name() == anonymous), "{records:?}");
    // Other options need another volume.
    let options = [("type", "tmpfs"), ("device", "tmpfs"), ("o", "size=1m")];
    let plan = runs.preview(&database(&project, "postgres", "pgdata", &options)).await;
    let hint = plan.problems[0].hint.clone().unwrap();
    assert!(hint.contains(&format!("--delete-data {new}")), "{:?}", plan.problems);
    // They go by their names, each alone.
    runs.up_deleting(&renamed, &[&anonymous]).await;
    assert!(there(&old).await && !there(&anonymous).await);
    runs.up_deleting(&renamed, &[&old]).await;
    assert!(!there(&old).await);
    assert!(runs.preview(&renamed).await.is_empty());
    // A plain destroy keeps what there is by now, and a second one deletes it.
    let anonymous = anonymous_of(docker, &format!("{project}-postgres-1")).await;
    runs.destroy_only(DeleteData::None).await;
    assert!(there(&new).await && there(&anonymous).await);
    runs.destroy().await;
    // Nothing but the record says whose it is, and the record bears no seal.
    assert!(!there(&new).await && there(&anonymous).await);
    runs.destroy_only(DeleteData::of(std::slice::from_ref(&anonymous)))
        .await;
    assert!(!there(&anonymous).await);
    assert!(runs.store.load().await.unwrap().records.is_empty());
}

#[tokio::test]
async fn an_anonymous_volume_goes_with_its_service_where_that_is_asked_for() {
    let bed = Bed::new("data-all").await;
    let (project, docker) = (bed.project.clone(), &bed.docker);
    let runs = Runs::new();
    let program = database(&project, "db", "data", &[]);
    runs.up(&program).await;
    let anonymous = anonymous_of(docker, &format!("{project}-db-1")).await;
    let plan = runs.plan_destroy().await;
    let risks = plan
        .steps
        .iter()
        .flat_map(|step| &step.risks)
        .filter(|risk| risk.message.contains(&anonymous));
    assert_eq!(risks.count(), 1, "{plan:?}");
    runs.destroy().await;
    assert!(docker.inspect_volume(&anonymous).await.is_err());
    assert!(runs.store.load().await.unwrap().records.is_empty());
}

#[tokio::test]
async fn what_an_image_declares_as_a_volume_stays_like_any_other() {
    let bed = Bed::new("data-image").await;
    let (project, docker) = (bed.project.clone(), &bed.docker);
    let folder = tempfile::tempdir().unwrap();
    let context = folder.path().display().to_string();
    let program = |service: &str, color: &str| {
        Bed::declare(|stack| {
            let build = Build {
                dockerfile_inline: Some(format!("FROM {IMAGE}\nVOLUME /anon\n")),
                ..Build::context(&context)
            };
            Compose::project(stack, &project).service(
                service,
                Service {
                    image: String::new(),
                    build: Some(build),
                    environment: [("COLOR".to_owned(), color.to_owned())].into(),
                    ..sleeper()
                },
            );
        })
    };
    let runs = Runs::sealed();
    runs.up(&program("db", "blue")).await;
    let anonymous = anonymous_of(docker, &format!("{project}-db-1")).await;
    // A new container gets it.
    runs.up(&program("db", "red")).await;
    assert_eq!(anonymous_of(docker, &format!("{project}-db-1")).await, anonymous);
    let renamed = program("postgres", "red");
    assert_eq!(kept(&runs.preview(&renamed).await), std::slice::from_ref(&anonymous));
    runs.up(&renamed).await;
    assert!(docker.inspect_volume(&anonymous).await.is_ok());
    let second = anonymous_of(docker, &format!("{project}-postgres-1")).await;
    assert_ne!(second, anonymous);
    runs.destroy_only(DeleteData::None).await;
    for volume in [&anonymous, &second] {
        assert!(docker.inspect_volume(volume).await.is_ok(), "{volume}");
    }
    runs.destroy().await;
    for volume in [&anonymous, &second] {
        assert!(docker.inspect_volume(volume).await.is_err(), "{volume}");
    }
}

#[tokio::test]
async fn a_volume_of_somebody_stays_though_its_name_was_made_up() {
    let bed = Bed::new("data-theirs").await;
    let (project, docker) = (bed.project.clone(), &bed.docker);
    let made = docker.create_volume(VolumeCreateRequest::default()).await.unwrap();
    let program = |is_used: bool| {
        Bed::declare(|stack| {
            let compose = Compose::project(stack, &project);
            let theirs = compose.external_volume("theirs", &made.name);
            let own = compose.volume("own", Volume::default());
            let mount = if is_used { theirs.at("/data") } else { own.at("/data") };
            let volumes = vec![mount];
            compose.service("db", Service { volumes, ..sleeper() });
        })
    };
    let runs = Runs::new();
    runs.up(&program(true)).await;
    // Neither another volume at its place nor the end of the service makes it ours to delete.
    assert_eq!(kept(&runs.preview(&program(false)).await), [""; 0]);
    runs.up(&program(false)).await;
    runs.up(&program(true)).await;
    runs.destroy().await;
    assert!(docker.inspect_volume(&made.name).await.is_ok());
    docker
        .remove_volume(&made.name, None::<RemoveVolumeOptions>)
        .await
        .unwrap();
}

/// A service with an anonymous volume in each of its containers, or with a named one at that place.
fn scaled(project: &str, replicas: u32, named: bool) -> Declaration {
    Bed::declare(|stack| {
        let compose = Compose::project(stack, project);
        let data = compose.volume("data", Volume::default());
        let mount = match named {
            true => data.at("/anon"),
            false => Mount::volume("", "/anon"),
        };
        compose.service(
            "db",
            Service {
                volumes: vec![mount],
                scale: Some(replicas),
                ..sleeper()
            },
        );
    })
}

#[tokio::test]
async fn volumes_of_containers_that_are_too_many_are_recorded_and_kept() {
    let bed = Bed::new("scaled").await;
    let (project, docker) = (bed.project.clone(), &bed.docker);
    let there = async |volume: &str| docker.inspect_volume(volume).await.is_ok();
    let of = async |number: u32| anonymous_of(docker, &format!("{project}-db-{number}")).await;
    let runs = Runs::new();
    runs.up(&scaled(&project, 3, false)).await;
    let [first, second, third] = [of(1).await, of(2).await, of(3).await];
    let mut both = [second.clone(), third.clone()];
    both.sort();
    let one = scaled(&project, 1, false);
    let plan = runs.preview(&one).await;
    assert_eq!(kept(&plan), both);
    assert!(plan.steps.iter().all(|step| step.risks.is_empty()), "{plan:?}");
    runs.up(&one).await;
    assert!(there(&second).await && there(&third).await);
    // They are known from then on, are no change, and go by their names.
    let plan = runs.preview(&one).await;
    assert!(plan.is_empty(), "{plan:?}");
    assert_eq!(kept(&plan), both);
    let records = runs.store.load().await.unwrap().records;
    assert!(
        both.iter().all(|name| records.keys().any(|key| key.name() == name)),
        "{records:?}"
    );
    runs.up_deleting(&one, &[&second]).await;
    assert!(!there(&second).await && there(&third).await && there(&first).await);
    assert_eq!(kept(&runs.preview(&one).await), std::slice::from_ref(&third));
    // A named volume takes the place of the one that is left; named at once, that goes with the change.
    let named = scaled(&project, 1, true);
    assert!(kept(&runs.preview(&named).await).contains(&first));
    runs.up_deleting(&named, &[&first]).await;
    assert!(!there(&first).await && there(&third).await);
    assert_eq!(kept(&runs.preview(&named).await), std::slice::from_ref(&third));
    runs.destroy().await;
    runs.destroy_only(DeleteData::of(std::slice::from_ref(&third))).await;
    assert!(!there(&third).await);
    assert!(runs.store.load().await.unwrap().records.is_empty());
}
