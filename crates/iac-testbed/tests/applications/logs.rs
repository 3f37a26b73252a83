//! The stand-ins of Fluentd, Elasticsearch and Loki: lines of files are found again.

use crate::running::{Running, eventually};

#[test]
fn lines_of_files_are_found_again() {
    let app = Running::start("logs", include_str!("logs.yaml"));
    let search = "elasticsearch:9200";
    app.get(search, "/").is(200).holds(["not Elasticsearch, a stand-in"]);
    eventually("the lines for Elasticsearch are there", || {
        let found = app.get(search, "/estimate-service/_count");
        (found.status == 200 && found.json()["count"] == 2).then_some(())
    });
    let found = app.get(search, "/estimate-service/_search?q=JSON").is(200).json();
    assert_eq!(found["hits"]["hits"][0]["_source"]["level"], "info", "{found}");

    let loki = "loki:3100";
    app.get(loki, "/").is(200).holds(["not Loki, a stand-in"]);
    app.get(loki, "/ready").is(200);
    // {app="lang-agent"} |= "container"
    let query = "/loki/api/v1/query_range?query=%7Bapp%3D%22lang-agent%22%7D%20%7C%3D%20%22container%22";
    let line = eventually("the line for Loki is there", || {
        let found = app.get(loki, query).is(200).json();
        found["data"]["result"][0]["values"][0][1].as_str().map(str::to_owned)
    });
    assert!(line.contains(r#""stream": "stdout""#), "{line}");
    app.get(loki, "/loki/api/v1/query_range?query=sum").is(400);
}
