//! The stand-ins of Fluentd and Elasticsearch: lines of a file are found again.

use crate::running::{Running, eventually};

#[test]
fn lines_of_a_file_are_found_again() {
    let app = Running::start("logs", include_str!("logs.yaml"));
    let search = "elasticsearch:9200";
    app.get(search, "/").is(200).holds(["not Elasticsearch, a stand-in"]);
    eventually("all lines are there", || {
        let found = app.get(search, "/estimate-service/_count");
        (found.status == 200 && found.json()["count"] == 3).then_some(())
    });
    for (text, field, value) in [("JSON", "level", "info"), ("a%20container", "stream", "stdout")] {
        let found = app
            .get(search, &format!("/estimate-service/_search?q={text}"))
            .is(200)
            .json();
        assert_eq!(found["hits"]["hits"][0]["_source"][field], value, "{found}");
    }
}
