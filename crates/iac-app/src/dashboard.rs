//! Dashboards of Grafana as files: what its file provider would not load, or would show without data.

use serde_json::Value as Json;

/// Uids of data sources that every Grafana has.
const BUILT_IN: [&str; 5] = ["grafana", "-- Grafana --", "-- Mixed --", "-- Dashboard --", "__expr__"];

/// A dashboard.
pub(crate) struct Dashboard {
    /// Its uid; empty where it has none.
    pub(crate) uid: String,
    /// Its name in messages.
    name: String,
    model: Result<Json, serde_json::Error>,
}

impl Dashboard {
    /// Reads JSON.
    pub(crate) fn read(json: &str) -> Self {
        let model: Result<Json, _> = serde_json::from_str(json);
        let field = |name: &str| model.as_ref().ok().and_then(|model| model[name].as_str());
        let uid = field("uid").unwrap_or_default().to_owned();
        let start: String = json.chars().take(40).collect();
        let name = field("title").map_or(start, str::to_owned);
        Self { uid, name, model }
    }
}

/// Returns the problems of dashboards beside data sources with these uids.
pub(crate) fn problems(dashboards: &[Dashboard], sources: &[&str]) -> Vec<String> {
    let mut problems = Vec::new();
    for (index, dashboard) in dashboards.iter().enumerate() {
        let name = &dashboard.name;
        let found = match &dashboard.model {
            Ok(model) => of_dashboard(model, sources),
            Err(error) => vec![format!("it is not JSON: {error}")],
        };
        problems.extend(
            found
                .into_iter()
                .map(|problem| format!("the dashboard {name:?}: {problem}")),
        );
        let before = &dashboards[..index];
        if let Some(other) = before
            .iter()
            .find(|other| other.uid == dashboard.uid && !other.uid.is_empty())
        {
            let (first, uid) = (&other.name, &other.uid);
            problems.push(format!(
                "the dashboards {first:?} and {name:?} have the same uid {uid:?}"
            ));
        }
        if before.iter().any(|other| other.name == *name) {
            problems.push(format!(
                "two dashboards have the title {name:?}, and Grafana takes one of them"
            ));
        }
    }
    problems
}

fn of_dashboard(model: &Json, sources: &[&str]) -> Vec<String> {
    if model["dashboard"].is_object() {
        return vec!["this is what Grafana's API takes; a file has only what is in `dashboard`".to_owned()];
    }
    if model.get("__inputs").is_some() {
        return vec![
            "it was exported for other Grafanas, and asks for its data sources when it is imported by hand; export it without that, so that its panels name them".to_owned(),
        ];
    }
    let mut problems = Vec::new();
    if model["title"].as_str().is_none_or(str::is_empty) {
        problems.push("it has no title".to_owned());
    }
    let uid = model["uid"].as_str().unwrap_or_default();
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if uid.is_empty() || uid.len() > 40 || !uid.chars().all(fits) {
        problems.push(format!("its uid {uid:?} is not up to 40 letters, digits, - and _"));
    }
    let Some(panels) = model["panels"].as_array() else {
        problems.push("it has no list of panels".to_owned());
        return problems;
    };
    // A row that is folded has its panels inside.
    let inner = panels.iter().filter_map(|panel| panel["panels"].as_array()).flatten();
    for panel in panels.iter().chain(inner) {
        let title = panel["title"].as_str().unwrap_or("without a title");
        let found = of_panel(panel, sources).into_iter();
        problems.extend(found.map(|problem| format!("the panel {title:?} {problem}")));
    }
    problems
}

fn of_panel(panel: &Json, sources: &[&str]) -> Vec<String> {
    let mut problems = Vec::new();
    let Some(kind) = panel["type"].as_str() else {
        return vec!["has no type, such as \"timeseries\"".to_owned()];
    };
    let place = |name: &str| panel["gridPos"][name].as_u64();
    match ["x", "y", "w", "h"].map(place) {
        [Some(x), Some(_), Some(w), Some(h)] if w > 0 && h > 0 && x + w <= 24 => {}
        _ => problems.push("has no place (gridPos) in the 24 columns".to_owned()),
    }
    if kind == "row" {
        return problems;
    }
    let targets = panel["targets"].as_array().map_or(&[][..], Vec::as_slice);
    if targets.iter().any(|target| target["refId"].as_str().is_none()) {
        problems.push("has a query without a refId, such as \"A\"".to_owned());
    }
    for source in std::iter::once(panel).chain(targets).map(|part| &part["datasource"]) {
        if let Some(uid) = source["uid"].as_str()
            && !(sources.contains(&uid) || BUILT_IN.contains(&uid) || uid.starts_with('$'))
        {
            let known = sources.join(", ");
            problems.push(format!("asks the data source {uid:?}; there are {known}"));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn panel() -> Json {
        json!({
            "title": "Requests",
            "type": "timeseries",
            "gridPos": { "x": 0, "y": 0, "w": 24, "h": 8 },
            "datasource": { "type": "prometheus", "uid": "prometheus" },
            "targets": [{ "refId": "A", "expr": "up" }],
        })
    }

    fn with_panel(change: impl Fn(&mut Json)) -> Json {
        let mut panel = panel();
        change(&mut panel);
        json!({ "title": "Shop", "uid": "shop", "panels": [{ "type": "row", "gridPos": { "x": 0, "y": 0, "w": 24, "h": 1 }, "panels": [panel] }] })
    }

    fn found(models: &[Json]) -> String {
        let dashboards: Vec<_> = models.iter().map(|model| Dashboard::read(&model.to_string())).collect();
        problems(&dashboards, &["prometheus"]).join("\n")
    }

    #[test]
    fn a_dashboard_that_grafana_would_not_load_or_show_is_refused() {
        assert_eq!(found(&[with_panel(|_| ())]), "");
        assert_eq!(
            found(&[with_panel(|panel| panel["datasource"]["uid"] = json!("$source"))]),
            ""
        );
        let not_json = problems(&[Dashboard::read("{ no")], &[]);
        assert!(
            not_json[0].starts_with("the dashboard \"{ no\": it is not JSON: key"),
            "{not_json:?}"
        );
        for (model, expected) in [
            (
                json!({ "dashboard": { "title": "Shop" } }),
                "this is what Grafana's API takes",
            ),
            (json!({ "__inputs": [] }), "it was exported for other Grafanas"),
            (json!({ "uid": "shop", "panels": [] }), "it has no title"),
            (json!({ "uid": "shop", "title": "Shop" }), "it has no list of panels"),
            (
                json!({ "title": "Shop", "panels": [] }),
                "the dashboard \"Shop\": its uid \"\" is not up to 40 letters",
            ),
            (
                json!({ "title": "Shop", "uid": "a b", "panels": [] }),
                "its uid \"a b\" is not up to 40 letters",
            ),
            (
                with_panel(|panel| panel["type"] = Json::Null),
                "the panel \"Requests\" has no type",
            ),
            (
                with_panel(|panel| panel["gridPos"] = Json::Null),
                "has no place (gridPos)",
            ),
            (
                with_panel(|panel| panel["gridPos"]["x"] = json!(12)),
                "has no place (gridPos)",
            ),
            (
                with_panel(|panel| panel["targets"][0] = json!({ "expr": "up" })),
                "has a query without a refId",
            ),
            (
                with_panel(|panel| panel["targets"][0]["datasource"] = json!({ "uid": "other" })),
                "asks the data source \"other\"; there are prometheus",
            ),
        ] {
            let problems = found(&[model]);
            assert!(problems.contains(expected), "{expected:?} is not in {problems:?}");
        }
        let twice = found(&[with_panel(|_| ()), with_panel(|_| ())]);
        assert!(
            twice.contains("the dashboards \"Shop\" and \"Shop\" have the same uid \"shop\"")
                && twice.contains("two dashboards have the title \"Shop\""),
            "{twice}"
        );
    }
}
