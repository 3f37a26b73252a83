//! Lowers an application to services of a compose project.

mod isolation;
mod probe;
mod schedule;
mod service;
mod then;

use std::collections::BTreeMap;

use iac_compose::model::{Condition, Config, DependsOn, FileMount, Logging, Mount, Network, Service, Volume};
use iac_compose::{Compose, Declared};

use self::isolation::Networks;
use crate::App;
use crate::app::LogFiles;
use crate::kubernetes::note_fields;
use crate::part::{Data, Kind};

/// Declares the application's services, volumes and files.
pub(crate) fn lower(app: &App, project: &Compose) {
    let mut parts = std::mem::take(&mut *app.0.parts.borrow_mut());
    let followers: Vec<Data> = parts.iter_mut().filter_map(then::follower).collect();
    parts.extend(followers);
    let networks = networks(app, project, &parts);
    let order: BTreeMap<String, (String, Condition)> = parts
        .iter()
        .map(|part| (part.name.part.clone(), waits_for(part)))
        .collect();
    for part in &mut parts {
        let place = project.in_stack(&part.stack);
        lower_part(app, &place, part, &order, networks.as_ref());
    }
}

/// Declares the networks, which belong to no part alone: one for all of them, unless the application is isolated.
fn networks(app: &App, project: &Compose, parts: &[Data]) -> Option<Networks> {
    let isolated = app.0.isolated.borrow().clone();
    let at = isolated.clone().unwrap_or_else(|| app.0.source.clone());
    let place = project.in_stack(&app.0.stack.at(at));
    if isolated.is_some() {
        return Some(Networks::declare(&place, parts));
    }
    if !parts.is_empty() {
        place.network("default", Network::default());
    }
    None
}

/// Returns the service and the condition that others wait for when they wait for a part.
fn waits_for(part: &Data) -> (String, Condition) {
    let condition = match part.kind {
        Kind::Job => Condition::Completed,
        // Without a probe, a container that runs is as ready as it can be known to be.
        _ if part.container.ready.is_some() => Condition::Healthy,
        _ => Condition::Started,
    };
    (part.host(true).to_owned(), condition)
}

fn lower_part(
    app: &App,
    project: &Compose,
    part: &mut Data,
    order: &BTreeMap<String, (String, Condition)>,
    networks: Option<&Networks>,
) {
    for edit in &part.on_kubernetes {
        let message = "on_kubernetes: this program puts the application on Docker".to_owned();
        app.report(&part.name.part, message, edit.at.clone());
    }
    let mut service = service::service(part);
    service.volumes = volumes(project, part);
    if let Some(networks) = networks {
        networks.attach(part, &mut service);
    }
    (service.configs, service.secrets) = files(project, part);
    service.logging = app.0.log_files.borrow().as_ref().map(logging);
    let needs = part.container.needs();
    let needs = needs.iter().filter_map(|need| order.get(need).cloned());
    service.depends_on = needs
        .map(|(name, condition)| (name, DependsOn::from(condition)))
        .collect();
    let name = part.host(true).to_owned();
    for edit in std::mem::take(&mut part.on_docker) {
        let at = edit.at.clone();
        let fields = edit.apply(&mut service);
        note_fields(&part.stack.at(at), "on_docker", &format!("service {name}"), &fields);
    }
    declare(project, part, &name, service);
}

fn declare(project: &Compose, part: &Data, name: &str, service: Service) {
    let before = part.container.resources_before().cloned();
    if part.kind == Kind::Job {
        let handle = project.job(name, service);
        before.fold(handle, Declared::after);
    } else {
        let handle = project.service(name, service);
        before.fold(handle, Declared::after);
    }
}

fn logging(files: &LogFiles) -> Logging {
    let options = [("max-size", files.size.clone()), ("max-file", files.count.to_string())];
    Logging {
        driver: Some("json-file".to_owned()),
        options: options.map(|(name, value)| (name.to_owned(), value)).into(),
    }
}

fn volumes(project: &Compose, part: &Data) -> Vec<Mount> {
    let mount = |volume: &crate::Volume| {
        let key = volume.name_in(&part.name.part).replace('-', "_");
        if volume.borrowed {
            return Mount::volume(key, volume.path.clone()).read_only();
        }
        project.volume(&key, Volume::default());
        Mount::volume(key, volume.path.clone())
    };
    let scratch = part.container.scratch.iter().map(Mount::tmpfs);
    part.container.volumes.iter().map(mount).chain(scratch).collect()
}

/// The files of a part: those without secrets, and those with.
fn files(project: &Compose, part: &Data) -> (Vec<FileMount>, Vec<FileMount>) {
    let (secret, plain): (Vec<_>, Vec<_>) = part.container.files.iter().partition(|(_, text)| text.is_secret());
    let name = |path: &str| format!("{}:{path}", part.host(true));
    let plain = plain.iter().map(|(path, text)| {
        let config = project.config(&name(path), Config::content(text.text.clone()));
        config.at(path)
    });
    let secret = secret.iter().map(|(path, text)| {
        let secret = project.secret(&name(path), Config::content(text.text.clone()));
        secret.at(path)
    });
    (plain.collect(), secret.collect())
}
