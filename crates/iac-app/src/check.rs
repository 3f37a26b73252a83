//! Checks of a description, whatever its target: each problem is reported with the part and the user's line.

use std::collections::BTreeMap;

use crate::App;
use crate::container::Container;
use crate::part::{Data, Kind};
use crate::probe::{Check, Probe};
use crate::scale::Scale;
use crate::scraping;

/// Reports all that is wrong.
pub(crate) fn check(app: &App) {
    let parts = app.0.parts.borrow();
    let mut problems: Vec<(&Data, String)> = Vec::new();
    let mut names: BTreeMap<&str, &Data> = BTreeMap::new();
    for part in parts.iter() {
        if let Some(first) = names.insert(&part.name.part, part) {
            let message = format!("another part has this name already, at {}", first.source);
            problems.push((part, message));
        }
        problems.extend(of_part(app, part).into_iter().map(|message| (part, message)));
    }
    problems.extend(circle(&parts).map(|(part, path)| (part, format!("it waits for itself: {path}"))));
    for (part, message) in problems {
        app.report(&part.name.part, message, part.source.clone());
    }
    for (name, message, source) in scraping::of_alerts(app) {
        app.report(&name, message, source);
    }
}

fn of_part(app: &App, part: &Data) -> Vec<String> {
    let container = &part.container;
    let mut problems = Vec::new();
    if container.image.is_empty() {
        problems.push("it has no image".to_owned());
    }
    problems.extend(of_ports(container));
    for (name, text) in container.env.iter().chain(&container.files) {
        let missing = text.missing.iter();
        problems.extend(
            missing.map(|mark| format!("{name}: the mark {mark:?} is not in the text, so nothing takes its place")),
        );
    }
    if matches!(part.kind, Kind::Web | Kind::Stateful) && container.ports.is_empty() {
        problems.push(
            "it listens at no port, so nobody can reach it: .port(\"http\", 8000), or declare a worker".to_owned(),
        );
    }
    for probe in container.ready.iter().chain(&part.alive) {
        problems.extend(of_probe(container, probe));
    }
    if matches!(part.kind, Kind::Job | Kind::Scheduled(_)) && container.ready.is_some() {
        problems.push("a job has no readiness: what waits for it waits until it has ended".to_owned());
    }
    let absolute = |path: &str| path.starts_with('/');
    let paths = container.files.iter().map(|(path, _)| path);
    let paths = paths.chain(container.volumes.iter().map(|volume| &volume.path));
    let paths = paths.chain(&container.scratch);
    for path in paths.filter(|path| !absolute(path)) {
        problems.push(format!("{path:?} is no absolute path of the container"));
    }
    let several = part.several();
    if part.singleton && several {
        problems.push("singleton: there are never two of it, so it cannot have several replicas".to_owned());
    }
    if several && container.volumes.iter().any(|volume| !volume.shared) {
        problems.push("several containers would write to one volume: keep one of them, say that the volume is for all of them (.shared()), or keep the data in a database or an object store".to_owned());
    }
    if let Scale::Auto { min, max, by } = &part.scale {
        if min > max || *min == 0 || by.is_empty() {
            problems.push(format!(
                "scale: it goes from at least 1 to at least as many, by at least one measure; here from {min} to {max}, by {}",
                by.len()
            ));
        }
        let requests = &container.resources.requests;
        for measure in by {
            let given = match measure.resource {
                "cpu" => requests.cpu.is_some(),
                _ => requests.memory.is_some(),
            };
            if !given {
                let resource = measure.resource;
                problems.push(format!(
                    "scale: {resource} is measured in percent of what it asks for, and it asks for none: .resources(…)"
                ));
            }
        }
    }
    if several && part.published.iter().any(|published| published.published.is_some()) {
        problems.push("publish: a port of the host leads to one container, and there are several: Publish::local(0) lets the engine choose a port for each, or publish a reverse proxy".to_owned());
    }
    for published in &part.published {
        if let Some(port) = &published.port
            && container.port_of(Some(port)).is_none()
        {
            problems.push(format!("publish: {}", no_port(container, port)));
        }
    }
    problems.extend(crate::isolation::check(app, part));
    problems.extend(scraping::of_part(app, part));
    if app.is_docker() && container.user.is_none() {
        if container.group.is_some() {
            problems.push("group: a Docker Engine takes a group only beside a user: .user(1000)".to_owned());
        }
        if container.restricted {
            problems.push("restricted: a Docker Engine does not look whether an image runs as root, which this forbids: say the user, .user(1000)".to_owned());
        }
    }
    if app.is_docker() && matches!(part.kind, Kind::Scheduled(_)) && container.command.is_empty() {
        problems.push("a scheduled job on Docker needs its program: .command([\"python\", \"report.py\"]); what the image would run is not known before it is there".to_owned());
    }
    problems
}

fn of_ports(container: &Container) -> Vec<String> {
    let mut problems = Vec::new();
    for (index, port) in container.ports.iter().enumerate() {
        let before = &container.ports[..index];
        if before.iter().any(|other| other.name == port.name) {
            problems.push(format!("two of its ports are called {:?}", port.name));
        }
        if before.iter().any(|other| other.number == port.number) {
            problems.push(format!("two of its ports have the number {}", port.number));
        }
        if before
            .iter()
            .any(|other| other.service == port.service && other.number != port.number)
        {
            problems.push(format!("two ports of its Service have the number {}", port.service));
        }
        if port.number == 0 || port.service == 0 {
            problems.push(format!("0 is no port that something can listen at ({:?})", port.name));
        }
    }
    problems
}

fn of_probe(container: &Container, probe: &Probe) -> Vec<String> {
    let mut problems = Vec::new();
    if let Check::Http { port, .. } | Check::Tcp { port } = &probe.check
        && container.port_of(port.as_deref()).is_none()
    {
        problems.push(match port {
            Some(port) => format!("its probe: {}", no_port(container, port)),
            None => "its probe asks at a port, and it listens at none: .port(\"http\", 8000)".to_owned(),
        });
    }
    if let Check::Http { path, .. } = &probe.check
        && !path.starts_with('/')
    {
        problems.push(format!("its probe: the path {path:?} does not begin with /"));
    }
    if probe.period.is_zero() || probe.timeout.is_zero() || probe.failures == 0 {
        problems.push("its probe: period, timeout and failures are at least 1".to_owned());
    }
    problems
}

fn no_port(container: &Container, wanted: &str) -> String {
    let names: Vec<&str> = container.ports.iter().map(|port| port.name.as_str()).collect();
    match names.as_slice() {
        [] => format!("it has no port {wanted:?}, and no other either"),
        _ => format!("it has no port {wanted:?}; it has {}", names.join(", ")),
    }
}

/// The first circle of parts that wait for each other, as text.
fn circle(parts: &[Data]) -> Option<(&Data, String)> {
    let needs: BTreeMap<&str, Vec<String>> = parts
        .iter()
        .map(|part| (part.name.part.as_str(), part.container.needs()))
        .collect();
    for part in parts {
        let start = part.name.part.as_str();
        // The way from the start to what is looked at.
        let mut ways = vec![vec![start.to_owned()]];
        let mut seen: Vec<String> = Vec::new();
        while let Some(way) = ways.pop() {
            let last = way.last().map_or(start, String::as_str);
            for next in needs.get(last).into_iter().flatten() {
                let further: Vec<String> = way.iter().chain([next]).cloned().collect();
                if next == start {
                    return Some((part, further.join(" -> ")));
                }
                if !seen.contains(next) {
                    seen.push(next.clone());
                    ways.push(further);
                }
            }
        }
    }
    None
}
