//! The configuration of an application's own Prometheus: the parts that it asks for metrics, and the rules that it evaluates.

use iac_core::declare::SourceLine;
use serde_json::{Value as Json, json};

use crate::observe::{Alerts, Scrape, problem_of_time};
use crate::part::{Data, Handle};
use crate::{App, Binding};

/// Where the official image looks for its configuration.
pub(crate) const FILE: &str = "/etc/prometheus/prometheus.yml";

/// Where the rules are.
const RULES: &str = "/etc/prometheus/rules";

/// Gives the application's Prometheus its configuration, now that all parts are declared. JSON is YAML as well.
pub(crate) fn configure(app: &App) {
    let Some(index) = app.0.prometheus.get() else {
        return;
    };
    let (jobs, targets): (Vec<Json>, Vec<Binding>) = jobs(app).into_iter().unzip();
    let alerts = app.0.alerts.borrow();
    let rules = alerts.iter().map(|alerts| {
        let content = json!({ "groups": [alerts.rules()] });
        (format!("{RULES}/{}.json", alerts.name), content)
    });
    let configuration = json!({ "scrape_configs": jobs, "rule_files": [format!("{RULES}/*.json")] });
    let files = std::iter::once((FILE.to_owned(), configuration)).chain(rules);
    let files = files.map(|(path, content)| (path, format!("{content:#}\n").into()));
    let container = &mut app.0.parts.borrow_mut()[index].container;
    container.files.extend(files);
    container.connects.extend(targets);
}

/// Returns a scrape job for each part that asks for one. Of several containers each is asked, so they are found by DNS; a
/// single one stays a target when it is gone, so that `up` says so.
fn jobs(app: &App) -> Vec<(Json, Binding)> {
    let parts = app.0.parts.borrow();
    let job = |(index, part): (usize, &Data)| {
        let scrape = part.scrape.as_ref()?;
        let handle = Handle {
            app: app.clone(),
            index,
        };
        let target = handle.binding(None);
        let mut job = json!({
            "job_name": scrape.job_of(part),
            "metrics_path": scrape.path,
            "scrape_interval": scrape.interval,
        });
        if part.several() {
            let name = match app.is_docker() {
                true => target.host.clone(),
                false => pods_service(part),
            };
            let port = part.container.ports.first()?.number;
            job["dns_sd_configs"] = json!([{ "names": [name], "type": "A", "port": port, "refresh_interval": "15s" }]);
        } else {
            job["static_configs"] = json!([{ "targets": [target.address().as_str()] }]);
        }
        Some((job, target))
    };
    parts.iter().enumerate().filter_map(job).collect()
}

impl Scrape {
    /// The job that the samples of a part are of.
    pub(crate) fn job_of<'a>(&'a self, part: &'a Data) -> &'a str {
        self.job.as_deref().unwrap_or(&part.name.part)
    }
}

impl Data {
    /// The job that its samples are of, where it is asked.
    fn job(&self) -> Option<&str> {
        Some(self.scrape.as_ref()?.job_of(self))
    }
}

/// The Service on Kubernetes whose name leads to each of a part's pods.
pub(crate) fn pods_service(part: &Data) -> String {
    format!("{}-pods", part.name.part)
}

/// The advice for metrics and alerts that no Prometheus would read.
const NOBODY: &str = "declare a Prometheus beside it: app.prometheus(\"prometheus\", PrometheusOptions::image(\"prom/prometheus:v3.5.0\"))";

/// Returns the problems of the way in which a part is asked for metrics.
pub(crate) fn of_part(app: &App, part: &Data) -> Vec<String> {
    let Some(scrape) = &part.scrape else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    if app.is_docker() && app.0.prometheus.get().is_none() {
        problems.push(format!(
            "scrape: nothing on a Docker Engine asks it for metrics by itself; {NOBODY}"
        ));
    }
    if !scrape.path.starts_with('/') {
        problems.push(format!("scrape: the path {:?} does not begin with /", scrape.path));
    }
    problems.extend(problem_of_time("scrape", &scrape.interval));
    let parts = app.0.parts.borrow();
    let is_other = |other: &&Data| other.name.part != part.name.part;
    let job = scrape.job_of(part);
    let same = parts.iter().filter(is_other).find(|other| other.job() == Some(job));
    if let Some(other) = same {
        problems.push(format!(
            "scrape: the part {:?} is asked as the job {job:?} already; call one of them another name: .scrape_as(\"{}\", …)",
            other.name.part, part.name.part
        ));
    }
    problems
}

/// Returns the problems of the alerts: the group, the problem and the user's line.
pub(crate) fn of_alerts(app: &App) -> Vec<(String, String, SourceLine)> {
    let nobody = app.is_docker() && app.0.prometheus.get().is_none();
    let alerts = app.0.alerts.borrow();
    let mut found = Vec::new();
    for (index, group) in alerts.iter().enumerate() {
        let mut problems = Vec::new();
        if nobody {
            problems.push(format!(
                "alerts: nothing on a Docker Engine looks at alerting rules by itself; {NOBODY}"
            ));
        }
        if !group
            .name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-.".contains(c))
        {
            problems.push("alerts: the name of a group has letters, digits, - and .".to_owned());
        }
        if alerts[..index].iter().any(|other| other.name == group.name) {
            problems.push("alerts: another group has this name already".to_owned());
        }
        problems.extend(of_times(group));
        let at = |problem| (group.name.clone(), problem, group.source.clone());
        found.extend(problems.into_iter().map(at));
    }
    found
}

fn of_times(group: &Alerts) -> impl Iterator<Item = String> {
    group
        .times()
        .filter_map(|(what, text)| problem_of_time(&format!("alerts: {what}"), text))
}
