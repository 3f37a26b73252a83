//! Situations without a server, and with a plan that nobody could read in full.

use std::fmt::Write as _;

use super::Review;
use crate::support::{KUBERNETES, Project};

#[test]
fn a_reviewer_is_told_what_is_not_known() {
    let project = Project::new(env!("CARGO_BIN_EXE_prod"), KUBERNETES);
    let review = Review::default();
    // Two providers, values that are known after the run alone, and no look at the cluster.
    review.tells(
        &project,
        "offline-first-deploy",
        &["--offline", "--config", "image_tag=1.2.3"],
        &[],
        &[
            "the plan compares with the record alone",
            "the images, storage classes and Secrets of others that it names",
            "because it is not recorded",
            "replicas: 2 is where it begins; HorizontalPodAutoscaler codelab/api-hpa decides from then on",
            "known after apply",
            "<Password/database-password.result>",
            "StatefulSet codelab/postgres: create",
        ],
    );
    review.ends();
}

#[test]
fn a_plan_of_three_hundred_changes_is_read_in_one_piece() {
    let project = Project::new(env!("CARGO_BIN_EXE_manifests"), KUBERNETES);
    let namespace = crate::support::Namespace::create(&project.bed);
    let setting = format!("kubernetes.namespace={}", namespace.name);
    let project = project.with(["--config", "path=many", "--config", &setting]);
    let write = |team: &str| {
        let text = (0..300).fold(String::new(), |mut text, number| {
            let _ = writeln!(
                text,
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{number}, labels: {{team: {team}}}}}\ndata: {{n: '{number}'}}\n---"
            );
            text
        });
        project.write("many/all.yaml", &text);
    };
    write("blue");
    project.run(["up", "--yes"]).exits(0);
    write("red");
    let (review, names) = (Review::default(), [(namespace.name.as_str(), "shop")]);
    review.tells(
        &project,
        "kubernetes-300-changes",
        &[],
        &names,
        &["300 to update", "\"blue\" -> \"red\"", "many/all.yaml, lines 3 to 1498"],
    );
    review.ends();
    let shown = project.run(["preview"]).exits(0).stdout;
    let causes = shown.matches("\"blue\" -> \"red\"").count();
    assert_eq!(causes, 1, "the same change is told once:\n{shown}");
}
