//! codelab: its versions, and what Prometheus thinks of its metrics.

use crate::running::{Running, eventually};

#[test]
fn codelab_comes_in_three_versions() {
    let codelab = Running::start("codelab", include_str!("codelab.yaml"));
    for (service, version) in [
        ("one:8000", r#""version":"1.0.0""#),
        ("two:8000", r#""version":"2.0.0""#),
    ] {
        let well = eventually("the databases answer", || {
            let found = codelab.get(service, "/health");
            (found.status == 200).then_some(found)
        });
        well.holds([version]);
    }
    codelab
        .get("broken:8000", "/health")
        .is(503)
        .holds(["broken on purpose"]);
    codelab.metrics_are_sound("one:8000");
}
