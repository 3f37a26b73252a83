//! `kill -9` in the middle of an `up` on Docker: the next one finishes, and nothing is there twice.
//!
//! `IAC_KILLS` and `IAC_SEED` are those of the tests on Kubernetes.

use std::time::Duration;

use crate::docker::{ComposeFolder, IMAGE};
use crate::kills::{Random, number};

/// The longest time after its start at which a run is killed; a run that is not killed does the rest.
const LATEST: u64 = 4_000;

/// A database, a job behind it, and services behind those; `round` changes the job and one service.
fn file(round: u64) -> String {
    format!(
        "
x-sleeper: &sleeper
  image: {IMAGE}
  command: sleep 1000
  init: true
services:
  db:
    <<: *sleeper
    command: sh -c 'touch /data/up; exec sleep 1000'
    volumes: ['data:/data']
    healthcheck: {{test: test -e /data/up, interval: 300ms, retries: 5}}
  migrate:
    <<: *sleeper
    command: sh -c 'echo {round} >> /data/rounds'
    volumes: ['data:/data']
    depends_on: {{db: {{condition: service_healthy}}}}
  web:
    <<: *sleeper
    environment: {{ROUND: '{round}'}}
    scale: 3
    depends_on: {{migrate: {{condition: service_completed_successfully}}}}
  worker:
    <<: *sleeper
    networks: [back]
networks: {{back: }}
volumes: {{data: }}
"
    )
}

#[test]
fn a_killed_up_of_containers_is_finished_by_the_next_one() {
    let (kills, seed) = (number("IAC_KILLS", 10), number("IAC_SEED", 20_261_121));
    println!("IAC_KILLS={kills} IAC_SEED={seed}");
    let mut random = Random::new(seed);
    let folder = ComposeFolder::new();
    let (mut round, mut killed) = (0, 0);
    while killed < kills {
        folder.write(&file(round));
        // A run that is through already has nothing to be killed in; it gets something new to do.
        if !folder
            .project
            .up_killed_after(Duration::from_millis(random.below(LATEST)))
        {
            round += 1;
            continue;
        }
        killed += 1;
        folder.project.run(["state", "list"]).exits(0);
        if killed % 3 == 0 {
            round += 1;
        }
    }
    folder.write(&file(round));
    folder.project.run(["up", "--yes"]).exits(0);
    folder.project.is_up_to_date();

    let names: Vec<_> = folder.docker.containers(&folder.name).into_keys().collect();
    let expected = ["db-1", "migrate-1", "web-1", "web-2", "web-3", "worker-1"];
    assert_eq!(names, expected.map(|name| format!("{}-{name}", folder.name)));
    let rounds = folder
        .docker
        .compose(&folder.name, "exec -T db cat /data/rounds")
        .stdout;
    assert_eq!(rounds.lines().last(), Some(&*round.to_string()), "{rounds}");

    folder
        .project
        .run(["destroy", "--yes", "--delete-data", "all"])
        .exits(0);
    folder.docker.has_nothing_of(&folder.name);
    assert_eq!(folder.project.run(["state", "list"]).exits(0).stdout, "");
}
