//! Docker compose works on a project that we deployed, and our next run goes on: nothing is refused, no data is lost, and
//! what is there in the end is what the program says.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::path::{Path, PathBuf};

use iac_compose::Compose;
use iac_core::declare::Declaration;
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
            runs: Runs::new(),
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

    /// What `preview` has to say: nothing but the actions.
    async fn actions(&self) -> Vec<String> {
        let plan = self.runs.preview(&self.declare()).await;
        assert!(plan.problems.is_empty(), "{:?}", plan.problems);
        let changing = plan
            .steps
            .iter()
            .filter(|step| step.action != iac_core::plan::Action::Same);
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
