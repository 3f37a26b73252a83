//! Docker compose works on a project that we deployed, and our next run goes on: nothing is refused, no data is lost, and
//! what is there in the end is what the program says.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::path::{Path, PathBuf};

use iac_compose::Compose;
use iac_core::declare::Declaration;
use iac_core::plan::{Action, DeleteData};
use support::runs::Runs;
use support::{Bed, IMAGE, docker_compose};

/// A project in a folder, as both sides know it.
struct Shared {
    bed: Bed,
    folder: tempfile::TempDir,
    runs: Runs,
}

impl Shared {
    async fn new(test: &str, file: &str) -> Self {
        let shared = Self {
            bed: Bed::new(test).await,
            folder: tempfile::tempdir().unwrap(),
            runs: Runs::sealed(),
        };
        std::fs::write(shared.path(), file.replace("IMAGE", IMAGE)).unwrap();
        shared
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("compose.yml")
    }

    fn declare(&self) -> Declaration {
        declare(&self.bed.project, &self.path())
    }

    fn compose(&self, line: &str) -> String {
        let path = self.path().display().to_string();
        let arguments: Vec<&str> = ["-f", &path].into_iter().chain(line.split(' ')).collect();
        docker_compose(&self.bed.project, &arguments)
    }

    /// Returns the lines of `preview`: nothing but the actions.
    async fn actions(&self) -> Vec<String> {
        let plan = self.runs.preview(&self.declare()).await;
        assert!(plan.problems.is_empty(), "{:?}", plan.problems);
        let changing = plan.steps.iter().filter(|step| step.action != Action::Same);
        changing
            .map(|step| format!("{:?} {}", step.action, step.key.name()).to_lowercase())
            .collect()
    }

    async fn is_gone(&self) {
        assert_eq!(self.bed.containers().await, []);
        let project = &self.bed.project;
        for network in ["back", "default"] {
            assert!(
                self.bed
                    .docker
                    .inspect_network(&format!("{project}_{network}"), None)
                    .await
                    .is_err(),
                "{network}"
            );
        }
        assert!(
            self.bed
                .docker
                .inspect_volume(&format!("{project}_data"))
                .await
                .is_err()
        );
    }
}

fn declare(project: &str, path: &Path) -> Declaration {
    Bed::declare(|stack| {
        Compose::project(stack, project).file(path);
    })
}

const FILE: &str = "
services:
  db:
    image: IMAGE
    command: sleep 1000
    init: true
    volumes: ['data:/data']
    networks: [back]
  web:
    image: IMAGE
    command: sleep 1000
    init: true
    environment: {MODE: fast}
    ports: ['127.0.0.1::80']
    depends_on: [db]
    networks: [back, default]
volumes:
  data:
networks:
  back:
";

#[tokio::test]
async fn whatever_docker_compose_does_the_next_run_goes_on() {
    let shared = Shared::new("coexist", FILE).await;
    shared.runs.up(&shared.declare()).await;
    shared.compose("exec -T db touch /data/ours");
    let volume = shared
        .bed
        .docker
        .inspect_volume(&format!("{}_data", shared.bed.project))
        .await
        .unwrap();
    assert!(
        !volume.labels.contains_key("com.docker.compose.config-hash"),
        "{:?}",
        volume.labels
    );
    // The lines that `docker compose` is given, and whether the data outlives them.
    for (lines, keeps_data) in [
        (&["up -d -t 0"][..], true),
        (&["up -d -t 0 --force-recreate --scale web=2"], true),
        (&["restart -t 0", "stop -t 0", "rm -sf web"], true),
        (&["down -t 0"], true),
        (&["down -t 0 -v", "up -d"], false),
        (&["down -t 0 -v"], false),
    ] {
        for line in lines {
            shared.compose(line);
        }
        shared.actions().await;
        shared.runs.up(&shared.declare()).await;
        assert_eq!(shared.actions().await, [""; 0], "after {lines:?}");
        assert_eq!(shared.runs.drift().await, [""; 0], "after {lines:?}");
        let names: Vec<_> = shared.bed.containers().await;
        let running = ["db-1", "web-1"].map(|name| (name.to_owned(), "running".to_owned()));
        assert_eq!(names, running, "after {lines:?}");
        let found = shared.compose("exec -T db ls /data");
        assert_eq!(found.contains("ours"), keeps_data, "after {lines:?}");
        shared.compose("exec -T web ping -c 1 db");
    }
    shared.runs.destroy().await;
    shared.is_gone().await;
}

#[tokio::test]
async fn what_docker_compose_recreated_is_told_as_drift_and_goes_with_a_destroy() {
    let shared = Shared::new("coexist-drift", FILE).await;
    shared.runs.up(&shared.declare()).await;
    shared.compose("down -t 0 -v");
    shared.compose("up -d");
    shared.compose("run --no-deps --name leftover-of-a-run db true");
    let recreated =
        ["back", "default", "data", "db", "web"].map(|name| format!("{name} made_by=recreated by docker compose"));
    let mut drift = shared.runs.drift().await;
    drift.retain(|line| line.contains("made_by"));
    drift.sort();
    let mut recreated = recreated.to_vec();
    recreated.sort();
    assert_eq!(drift, recreated);
    shared.runs.destroy().await;
    shared.is_gone().await;
}

#[tokio::test]
async fn what_somebody_else_made_under_a_recorded_name_is_not_touched() {
    let shared = Shared::new("coexist-others", FILE).await;
    shared.runs.up(&shared.declare()).await;
    shared.compose("down -t 0 -v");
    // Neither a part of the project nor ours.
    let volume = format!("{}_data", shared.bed.project);
    let request = bollard::models::VolumeCreateRequest {
        name: Some(volume.clone()),
        ..Default::default()
    };
    shared.bed.docker.create_volume(request).await.unwrap();
    let plan = shared.runs.preview(&shared.declare()).await;
    let problems: Vec<_> = plan.problems.iter().map(|problem| problem.message.clone()).collect();
    assert_eq!(
        problems,
        [format!(
            "compose/Volume {volume} exists already, and this stack did not make it"
        )]
    );
    shared.runs.destroy().await;
    assert!(shared.bed.docker.inspect_volume(&volume).await.is_ok());
    shared
        .bed
        .docker
        .remove_volume(&volume, None::<bollard::query_parameters::RemoveVolumeOptions>)
        .await
        .unwrap();
    shared.is_gone().await;
}

#[tokio::test]
async fn without_a_key_what_docker_compose_recreated_is_ours_as_long_as_the_project_bears_our_mark() {
    let shared = Shared {
        runs: Runs::new(),
        ..Shared::new("coexist-bare", FILE).await
    };
    shared.runs.up(&shared.declare()).await;
    shared.compose("up -d -t 0 --force-recreate");
    let mut actions = shared.actions().await;
    actions.sort();
    assert_eq!(actions, ["update db", "update web"]);
    shared.runs.up(&shared.declare()).await;
    assert_eq!(shared.actions().await, [""; 0]);
    // Nothing tells it from what others deployed: a record, which anybody may have written, is not enough.
    shared.compose("down -t 0 -v");
    shared.compose("up -d");
    let plan = shared.runs.preview(&shared.declare()).await;
    let asks =
        |problem: &iac_core::plan::PlanProblem| problem.hint.as_ref().is_some_and(|hint| hint.contains("--adopt"));
    assert!(
        !plan.problems.is_empty() && plan.problems.iter().all(asks),
        "{:?}",
        plan.problems
    );
    let left = shared.runs.plan_destroy().await;
    assert!(left.steps.iter().all(|step| step.action == Action::Keep), "{left:?}");
    shared.runs.up(&adopting(&shared)).await;
    let names = ["back", "default", "data"].map(|key| format!("{}_{key}", shared.bed.project));
    let services = ["db", "web"].map(|service| format!("{}/{service}", shared.bed.project));
    shared
        .runs
        .destroy_only(DeleteData::of(&[&names[..], &services].concat()))
        .await;
    shared.is_gone().await;
}

/// The same file, of which everything may be taken over.
fn adopting(shared: &Shared) -> Declaration {
    Bed::declare(|stack| {
        Compose::project(stack, &shared.bed.project).adopt().file(shared.path());
    })
}

#[tokio::test]
async fn a_running_project_is_taken_over_and_what_is_as_declared_keeps_running() {
    let shared = Shared::new("takeover", FILE).await;
    shared.compose("up -d");
    shared.compose("exec -T db touch /data/theirs");
    let before = (
        shared.bed.inspect("db-1").await.id,
        shared.bed.inspect("web-1").await.id,
    );
    // Unasked, nothing is taken.
    assert_eq!(shared.runs.preview(&shared.declare()).await.problems.len(), 5);

    let file = std::fs::read_to_string(shared.path()).unwrap();
    std::fs::write(shared.path(), file.replace("MODE: fast", "MODE: slow")).unwrap();
    let plan = shared.runs.preview(&adopting(&shared)).await;
    assert!(plan.problems.is_empty(), "{:?}", plan.problems);
    let told = |name: &str| {
        let mut steps = plan
            .steps
            .iter()
            .filter(|step| step.key.name() == name && step.key.kind().ends_with("Service"));
        let step = steps.next_back().unwrap();
        let changes: Vec<_> = step.changes.iter().map(|change| change.path.to_string()).collect();
        (step.action, changes, step.notes.join("; "))
    };
    let (action, changes, notes) = told("db");
    assert_eq!((action, changes.len()), (Action::Adopt, 0), "{changes:?}");
    assert_eq!(
        notes,
        "docker compose made what runs; it is as declared, and keeps running"
    );
    let (action, changes, notes) = told("web");
    assert_eq!((action, changes), (Action::Adopt, vec!["environment.MODE".to_owned()]));
    assert!(
        notes.starts_with("a new container: docker compose made it, and it differs in its environment"),
        "{notes}"
    );

    shared.runs.up(&adopting(&shared)).await;
    let after = (
        shared.bed.inspect("db-1").await.id,
        shared.bed.inspect("web-1").await.id,
    );
    assert_eq!(before.0, after.0);
    assert_ne!(before.1, after.1);
    assert_eq!(shared.actions().await, [""; 0]);
    assert_eq!(shared.runs.drift().await, [""; 0]);
    assert!(shared.compose("exec -T db ls /data").contains("theirs"));
    // Objects that were taken over change and go as those that were created here.
    std::fs::write(
        shared.path(),
        file.replace(
            "    networks: [back]\n",
            "    networks: [back]\n    environment: {NEW: '1'}\n",
        ),
    )
    .unwrap();
    assert_eq!(shared.actions().await, ["update db", "update web"]);
    shared.runs.up(&shared.declare()).await;
    assert_ne!(shared.bed.inspect("db-1").await.id, after.0);
    assert!(shared.compose("exec -T db ls /data").contains("theirs"));
    shared.runs.destroy().await;
    shared.is_gone().await;
}

#[tokio::test]
async fn two_stacks_of_one_name_leave_each_others_objects() {
    let shared = Shared::new("coexist-namesake", FILE).await;
    shared.runs.up(&shared.declare()).await;
    let before = shared.bed.containers().await;
    // As of another folder of the name, or of one whose state was lost.
    for other in [Runs::new(), Runs::sealed()] {
        let plan = other.preview(&shared.declare()).await;
        assert_eq!(plan.problems.len(), 5, "{:?}", plan.problems);
        for problem in &plan.problems {
            let hint = problem.hint.clone().unwrap_or_default();
            assert!(
                problem.message.contains("the mark of another stack of this name"),
                "{problem:?}"
            );
            assert!(hint.contains("--adopt") && hint.contains("state import"), "{problem:?}");
        }
        other.destroy().await;
    }
    assert_eq!(shared.bed.containers().await, before);
    assert_eq!(shared.actions().await, [""; 0]);

    // Whose containers they are counts also for what is removed along with something of ours.
    let network = format!("{}_default", shared.bed.project);
    let mut theirs = labels_of_ours(&shared).await;
    theirs.insert("iac.stack-id".to_owned(), "0123456789abcdef0123456789abcdef".to_owned());
    let body = bollard::models::ContainerCreateBody {
        image: Some(IMAGE.to_owned()),
        cmd: Some(vec!["sleep".to_owned(), "1000".to_owned()]),
        labels: Some(theirs),
        host_config: Some(bollard::models::HostConfig {
            network_mode: Some(network.clone()),
            ..Default::default()
        }),
        ..Default::default()
    };
    let made = shared.bed.docker.create_container(None, body).await.unwrap();
    shared.bed.docker.start_container(&made.id, None).await.unwrap();
    let report = shared.runs.try_destroy(DeleteData::All).await;
    assert!(
        format!("{:?}", report.outcomes).contains("in use by containers of others"),
        "{report:?}"
    );
    let there = shared.bed.docker.inspect_container(&made.id, None).await.unwrap();
    let networks = there.network_settings.unwrap().networks.unwrap();
    assert!(
        networks.contains_key(&network),
        "it is still in its network: {networks:?}"
    );
    let options = bollard::query_parameters::RemoveContainerOptions {
        force: true,
        ..Default::default()
    };
    shared
        .bed
        .docker
        .remove_container(&made.id, Some(options))
        .await
        .unwrap();
    shared.runs.destroy().await;
    shared.is_gone().await;
}

/// The labels of our service `web`, under another service's name.
async fn labels_of_ours(shared: &Shared) -> std::collections::HashMap<String, String> {
    let name = format!("{}-web-1", shared.bed.project);
    let container = shared.bed.docker.inspect_container(&name, None).await.unwrap();
    let mut labels = container.config.unwrap().labels.unwrap();
    assert!(labels.contains_key("iac.stack-id"), "{labels:?}");
    labels.insert("com.docker.compose.service".to_owned(), "other".to_owned());
    labels
}
