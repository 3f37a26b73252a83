//! Tests of the difference between two plans.
#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;
use crate::plan::{Action, Mode};
use crate::provider::{Risk, RiskKind};
use crate::review::TextOptions;
use crate::review::samples::everything;
use crate::value::Value;

/// The difference that an edit of the plan makes, without its first and last lines.
fn news(edit: impl FnOnce(&mut Plan)) -> Vec<String> {
    let before = everything();
    let mut after = before.clone();
    edit(&mut after);
    let text = PlanDiff::of(&before, &after).to_text(&TextOptions::default());
    let mut lines: Vec<String> = text.lines().skip(4).map(str::to_owned).collect();
    lines.truncate(lines.len() - 1);
    lines.retain(|line| !line.is_empty());
    lines
}

#[test]
fn what_only_one_plan_has_is_news() {
    assert_eq!(news(|_| {}), Vec::<String>::new());
    type Edit = fn(&mut Plan);
    let table: [(Edit, &[&str]); 12] = [
        // A line that moves is no news.
        (
            |plan| plan.steps[4].lines.values_mut().for_each(|line| line.line += 1),
            &[],
        ),
        (
            |plan| plan.steps[4].changes[0].after = Some("api:3".into()),
            &[
                "changed ~ Deployment codelab/api: update  stacks/prod.rs:36:5",
                r#"    was ~ spec.template.spec.containers[name=api].image: "api:1" -> "api:2\u001b[2J""#,
                r#"    now ~ spec.template.spec.containers[name=api].image: "api:1" -> "api:3" (line 23)"#,
            ],
        ),
        (
            |plan| plan.steps[1].inputs = Some(json!({"length": 30}).into()),
            &[
                "changed + Password/db: create  stacks/prod.rs:24:5",
                "    ~ length: 24 -> 30",
            ],
        ),
        (
            |plan| plan.steps[4].changes[1].after = Some(4.into()),
            &[
                "changed ~ Deployment codelab/api: update  stacks/prod.rs:36:5",
                "    was ~ spec.replicas: 3 -> 2",
                "    now ~ spec.replicas: 3 -> 4",
            ],
        ),
        (
            |plan| drop(plan.steps[4].changes.remove(3)),
            &[
                "changed ~ Deployment codelab/api: update  stacks/prod.rs:36:5",
                "    gone - spec.paused: true",
            ],
        ),
        (
            |plan| plan.steps[3].changes[1].after = Some(Value::Secret("other".into())),
            &[
                "changed ~ ConfigMap codelab/api: update  stacks/prod.rs:30:5",
                "    was ~ data.token: (secret, changed)",
                "    now ~ data.token: (secret, changed)",
            ],
        ),
        (
            |plan| plan.steps[6].action = Action::Replace,
            &[
                "changed ± ConfigMap codelab/taken: replace  stacks/prod.rs:32:5",
                "    gone adopt",
                "    new replace",
            ],
        ),
        (
            |plan| {
                let risk = Risk {
                    kind: RiskKind::DataLoss,
                    message: "all of it".into(),
                };
                plan.steps[6].risks = vec![risk];
            },
            &[
                "Risks:",
                "  new ! data-loss: ConfigMap codelab/taken: all of it",
                "changed > ConfigMap codelab/taken: adopt  stacks/prod.rs:32:5",
                "    new ! data-loss: all of it",
            ],
        ),
        (
            |plan| drop(plan.steps.remove(10)),
            &["gone - ConfigMap codelab/old: delete"],
        ),
        (
            |plan| plan.steps[13].action = Action::Forget,
            &[
                "new x ConfigMap codelab/same: forget  stacks/prod.rs:31:5",
                "    because the program changed its options",
            ],
        ),
        (
            |plan| plan.mode = Mode::Destroy,
            &["gone mode: up", "new mode: destroy"],
        ),
        (
            |plan| plan.problems.clear(),
            &[
                "gone error: prod::kubernetes:networking.k8s.io/Ingress::api: spec.tls[0].secretName: names the Secret codelab/tls, which neither this stack declares nor the cluster has",
            ],
        ),
    ];
    for (edit, expected) in table {
        assert_eq!(news(edit), expected);
    }
}

#[test]
fn where_a_step_is_declared_is_no_news() {
    assert_eq!(
        news(|plan| plan.steps.iter_mut().for_each(|step| step.source = None)),
        Vec::<String>::new()
    );
}

#[test]
fn a_difference_fits_into_a_comment() {
    let before = everything();
    let mut after = before.clone();
    for step in &mut after.steps {
        step.notes = vec!["x".repeat(1000)];
    }
    let diff = PlanDiff::of(&before, &after);
    let text = diff.to_markdown(5_000);
    assert!(text.len() <= 5_000, "{}", text.len());
    assert!(text.contains("more steps are left out"), "{text}");
    assert!(diff.to_markdown(usize::MAX).contains(&"x".repeat(1000)));
}
