//! A state without a key, into which somebody has written what is not so: that a record names an object is not enough to
//! delete, replace or change it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use iac_core::declare::Options;
use iac_core::provider::Recorded;
use iac_core::state::{KeySource, LocalBackend, NewRecord, RunInfo, Store};
use serde_json::{Value as Json, json};

use crate::docker::{ComposeFolder, sleepers};
use crate::manifests::Folder;
use crate::support::{Namespace, Project, Ran};

/// Writes records into the state of a project's only stack, as anybody can who may write its folder.
fn forge(project: &Project, records: Vec<Recorded>) {
    forge_in(project.state(), None, records);
}

/// Writes records into the state of a stack; of the only one that is there, where no name is given.
fn forge_in(state: PathBuf, stack: Option<&str>, records: Vec<Recorded>) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let backend = Arc::new(LocalBackend::new(state));
        let stacks = Store::stacks(&*backend).await.unwrap();
        let keys = KeySource::identity_file("no key");
        let store = Store::new(backend, stack.unwrap_or_else(|| &stacks[0]), keys);
        let run = RunInfo::current("up", "forged");
        let writer = store.begin(run, Duration::ZERO).await.unwrap();
        for recorded in records {
            writer
                .put(NewRecord::new(recorded, Options::default(), None))
                .await
                .unwrap();
        }
        writer.abandon().await;
    });
}

fn recorded(key: &str, identity: &str, uid: Option<&str>, inputs: Json) -> Recorded {
    Recorded {
        key: key.parse().unwrap(),
        identity: identity.to_owned(),
        uid: uid.map(str::to_owned),
        inputs: inputs.into(),
        outputs: iac_core::Value::Null,
        private: json!({}).into(),
        dependencies: Vec::new(),
        ready: true,
    }
}

#[test]
fn a_forged_record_does_not_delete_or_change_what_others_made_in_a_cluster() {
    let folder = Folder::new();
    let (project, namespace) = (&folder.project, folder.namespace.name.clone());
    let elsewhere = Namespace::create(&project.bed);
    folder.config_map("ours", json!({"color": "blue"}));
    project.run(["up", "--yes"]).exits(0);
    let kubectl = &folder.kubectl;
    kubectl
        .run(&format!(
            "-n {namespace} create configmap theirs --from-literal=color=red"
        ))
        .exits(0);
    kubectl
        .run(&format!(
            "-n {} create configmap far --from-literal=color=red",
            elsewhere.name
        ))
        .exits(0);
    let forged = |namespace: &str, name: &str| {
        let live = kubectl.get(&format!("-n {namespace} configmap {name}"));
        let inputs = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": namespace}, "data": {"color": "red"}});
        let mut record = recorded(
            &format!("kubernetes:core/ConfigMap::{namespace}/{name}"),
            &format!("core/ConfigMap {namespace}/{name}"),
            live["metadata"]["uid"].as_str(),
            inputs,
        );
        // As if our last apply had left it like this.
        record.private = json!({"resource_version": live["metadata"]["resourceVersion"]}).into();
        record
    };
    let records = vec![forged(&namespace, "theirs"), forged(&elsewhere.name, "far")];
    forge(project, records.clone());

    let name = format!("{namespace}/theirs");
    let hint = format!("--delete-data {name}");
    let still_there = || {
        assert_eq!(folder.get("configmap theirs")["data"]["color"], "red");
        kubectl
            .run(&format!("-n {} get configmap far", elsewhere.name))
            .exits(0);
    };
    for verb in [
        ["up", "--yes", "--delete-data", "all"],
        ["destroy", "--yes", "--delete-data", "all"],
    ] {
        let told = [
            "does not bear this stack's mark",
            "written by kubectl-create",
            &*hint,
            "state rm",
        ];
        project.run(verb).exits(0).shows(told);
        still_there();
    }
    // A record under another name than its inputs have is about what it is called.
    let mut other_name = forged(&namespace, "theirs");
    other_name.identity = format!("core/ConfigMap {namespace}/nothing");
    forge(project, vec![other_name]);
    project.run(["destroy", "--yes", "--delete-data", "all"]).exits(0);
    still_there();

    forge(project, records);
    // To change it needs a word too.
    folder.config_map("theirs", json!({"color": "green"}));
    let refused = project.run(["up", "--yes"]);
    assert_ne!(refused.code, 0, "{refused}");
    assert!(
        format!("{}{}", refused.stdout, refused.stderr).contains("--adopt ConfigMap/"),
        "{refused}"
    );
    still_there();
    project.run(["up", "--yes", "--adopt", "all"]).exits(0);
    assert_eq!(folder.get("configmap theirs")["data"]["color"], "green");
    // By its name it goes, and what is left can be forgotten.
    let far = format!("{}/far", elsewhere.name);
    project.run(["destroy", "--yes", "--delete-data", &far]).exits(0);
    assert_eq!(kubectl.names(&format!("-n {} configmap far", elsewhere.name)), [""; 0]);
    assert_eq!(
        kubectl.names(&format!("-n {namespace} configmap theirs")),
        [""; 0],
        "it was taken over"
    );
}

#[test]
fn a_forged_record_takes_nothing_of_others_along_with_a_namespace() {
    let folder = Folder::new();
    let (project, kubectl) = (&folder.project, &folder.kubectl);
    let made = Namespace::named(&project.bed, format!("{}-made", folder.namespace.name));
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": made.name}});
    project.write("k8s/namespace.json", &object.to_string());
    project.run(["up", "--yes"]).exits(0);
    kubectl
        .run(&format!(
            "-n {} create configmap theirs --from-literal=color=red",
            made.name
        ))
        .exits(0);
    // It would be counted as the stack's own.
    let identity = format!("core/ConfigMap {}/theirs", made.name);
    forge(
        project,
        vec![recorded(
            "kubernetes:core/ConfigMap::theirs",
            &identity,
            None,
            Json::Null,
        )],
    );
    project
        .run(["destroy", "--yes"])
        .exits(0)
        .shows(["1 object of others: ConfigMap"]);
    kubectl.run(&format!("-n {} get configmap theirs", made.name)).exits(0);
    project.run(["state", "rm", "theirs"]).exits(0);
    project.run(["destroy", "--yes", "--delete-data", &made.name]).exits(0);
}

#[test]
fn a_forged_record_does_not_delete_or_change_what_others_made_on_an_engine() {
    let folder = ComposeFolder::new();
    let (project, docker, name) = (&folder.project, &folder.docker, &folder.name);
    folder.write(&sleepers([("one", "")]));
    project.run(["up", "--yes"]).exits(0);
    // A volume and a network of nobody, and a project that docker compose runs.
    let (volume, network, theirs) = (format!("{name}-v"), format!("{name}-n"), format!("{name}-theirs"));
    docker.run(&format!("volume create {volume}"));
    docker.run(&format!("network create {network}"));
    project.write("theirs/compose.yaml", &sleepers([("web", "")]));
    let file = project.path("theirs/compose.yaml").display().to_string();
    docker.compose(&theirs, &format!("-f {file} up -d"));
    let before = docker.containers(&theirs);
    let forged = |service: &str| {
        let service = json!({"project": theirs, "service": service, "image": crate::docker::IMAGE});
        vec![
            recorded(
                "docker:compose/Volume::v",
                &format!("compose/Volume {volume}"),
                None,
                json!({"project": name, "key": "v", "name": volume}),
            ),
            recorded(
                "docker:compose/Network::n",
                &format!("compose/Network {network}"),
                None,
                json!({"project": name, "key": "n", "name": network}),
            ),
            recorded(
                "docker:compose/Service::web",
                &format!("compose/Service {theirs}/web"),
                None,
                service,
            ),
        ]
    };
    forge(project, forged("web"));
    let still_there = || {
        docker.run(&format!("volume inspect {volume}"));
        docker.run(&format!("network inspect {network}"));
        assert_eq!(docker.containers(&theirs), before);
    };
    let told = [
        "does not bear this stack's mark",
        "it has no label iac.stack",
        "made by docker compose",
        &*format!("--delete-data {volume}"),
        &*format!("--delete-data {network}"),
        &*format!("--delete-data {theirs}/web"),
    ];
    for verb in [
        ["up", "--yes", "--delete-data", "all"],
        ["destroy", "--yes", "--delete-data", "all"],
    ] {
        project.run(verb).exits(0).shows(told);
        still_there();
    }
    forge(project, forged("web"));
    let named =
        [&*volume, &network, &format!("{theirs}/web")].map(|name| ["--delete-data".to_owned(), name.to_owned()]);
    let mut destroy = project.command(["destroy", "--yes"]);
    Ran::of(destroy.args(named.concat())).exits(0);
    assert_eq!(docker.containers(&theirs).len(), 0);
    docker.compose(&theirs, &format!("-f {file} down"));
    assert!(
        !docker
            .run("volume ls --quiet")
            .stdout
            .lines()
            .any(|found| found == volume)
    );
    assert!(
        !docker
            .run("network ls --format {{.Name}}")
            .stdout
            .lines()
            .any(|found| found == network)
    );
}

/// Runs a verb in a project's folder, with the state that lies there.
fn at(project: &Project, place: &str, verb: &[&str]) -> Ran {
    let folder = project.path(place);
    let mut command = project.command(verb);
    Ran::of(command.env("IAC_BACKEND", folder.join("state")).current_dir(folder))
}

/// Fails unless a run refuses to take what another stack of the name made, and says what to do.
fn is_refused(ran: &Ran) {
    assert_ne!(ran.code, 0, "{ran}");
    let text = format!("{}{}", ran.stdout, ran.stderr);
    for part in [
        "another stack of this name",
        "a state that was lost",
        "--adopt",
        "state import",
    ] {
        assert!(text.contains(part), "{part:?} is not in {ran}");
    }
}

#[test]
fn two_projects_whose_stacks_have_one_name_leave_each_others_objects_in_a_cluster() {
    let folder = Folder::new();
    let (project, namespace) = (&folder.project, folder.namespace.name.clone());
    let map = |of: &str| {
        let metadata = json!({"name": "app", "namespace": namespace});
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"of": of}})
    };
    for place in ["one", "two"] {
        project.write(&format!("{place}/k8s/app.json"), &map(place).to_string());
    }
    let run = |place: &str, verb: &[&str]| at(project, place, verb);
    let is_of = |place: &str| assert_eq!(folder.get("configmap app")["data"]["of"], place);
    run("one", &["up", "--yes"]).exits(0);
    for verb in [&["preview"][..], &["up", "--yes"]] {
        is_refused(&run("two", verb));
    }
    run("two", &["destroy", "--yes", "--delete-data", "all"]).exits(0);
    is_of("one");
    // A state that says that it is the second one's.
    let live = folder.get("configmap app");
    let forged = recorded(
        &format!("kubernetes:core/ConfigMap::{namespace}/app"),
        &format!("core/ConfigMap {namespace}/app"),
        live["metadata"]["uid"].as_str(),
        map("one"),
    );
    forge_in(project.path("two/state"), Some("k8s"), vec![forged]);
    is_refused(&run("two", &["up", "--yes"]));
    let told = ["does not bear this stack's mark", "another stack of this name"];
    run("two", &["destroy", "--yes", "--delete-data", "all"])
        .exits(0)
        .shows(told);
    is_of("one");
    run("one", &["preview", "--detailed-exitcode"]).exits(0);
    // The first one's state is lost, and comes back.
    let document = project.path("document.json").display().to_string();
    run("one", &["state", "export", &document]).exits(0);
    std::fs::rename(project.path("one/state"), project.path("one/lost")).unwrap();
    is_refused(&run("one", &["up", "--yes"]));
    run("one", &["state", "import", &document]).exits(0);
    run("one", &["preview", "--detailed-exitcode"]).exits(0);
    // A person gives the object to the second one.
    run("two", &["up", "--yes", "--adopt", "all"]).exits(0);
    is_of("two");
    run("one", &["destroy", "--yes"]).exits(0).shows(told);
    is_of("two");
    run("two", &["destroy", "--yes"]).exits(0);
    assert_eq!(folder.kubectl.names(&format!("-n {namespace} configmap app")), [""; 0]);
}

#[test]
fn two_projects_whose_stacks_have_one_name_leave_each_others_objects_on_an_engine() {
    let folder = ComposeFolder::new();
    let (project, docker, name) = (&folder.project, &folder.docker, &folder.name);
    let text = sleepers([("db", "volumes: ['data:/data']")]) + "volumes: {data: {}}\n";
    for place in ["one", "two"] {
        project.write(&format!("{place}/app/compose.yaml"), &text);
    }
    let run = |place: &str, verb: &[&str]| at(project, place, verb);
    run("one", &["up", "--yes"]).exits(0);
    let made = docker.containers(name);
    let still_there = || {
        assert_eq!(docker.containers(name), made);
        assert_eq!(docker.volumes(name), [format!("{name}_data")]);
    };
    for verb in [&["preview"][..], &["up", "--yes"]] {
        is_refused(&run("two", verb));
    }
    run("two", &["destroy", "--yes", "--delete-data", "all"]).exits(0);
    still_there();
    let volume = format!("{name}_data");
    let generation = docker.run(&format!("volume inspect {volume}")).json()[0]["Labels"]["iac.generation"].clone();
    let forged = vec![
        recorded(
            "docker:compose/Volume::data",
            &format!("compose/Volume {volume}"),
            generation.as_str(),
            json!({"project": name, "key": "data", "name": volume}),
        ),
        recorded(
            "docker:compose/Service::db",
            &format!("compose/Service {name}/db"),
            None,
            json!({"project": name, "service": "db", "image": crate::docker::IMAGE}),
        ),
    ];
    forge_in(project.path("two/state"), Some(name), forged);
    is_refused(&run("two", &["up", "--yes"]));
    let told = ["does not bear this stack's mark", "another stack of this name"];
    run("two", &["destroy", "--yes", "--delete-data", "all"])
        .exits(0)
        .shows(told);
    still_there();
    run("one", &["preview", "--detailed-exitcode"]).exits(0);
    run("one", &["destroy", "--yes", "--delete-data", "all"]).exits(0);
    assert!(docker.containers(name).is_empty() && docker.volumes(name).is_empty());
}
