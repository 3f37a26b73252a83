//! The effects that a plan tells of, on a real cluster and a real engine: restarts, readers, runs, broken references, ways
//! in, and changes of others that it takes back.

use serde_json::{Value as Json, json};

use crate::docker::{ComposeFolder, IMAGE};
use crate::manifests::{Folder, deployment, job, shell};

/// The effects of a step of a plan, by the name of its resource.
fn effects<'a>(plan: &'a Json, name: &str) -> &'a Json {
    let steps = plan["steps"].as_array().unwrap();
    let step = steps
        .iter()
        .find(|step| step["key"].as_str().unwrap().ends_with(&format!("::{name}")));
    &step.unwrap_or_else(|| panic!("no step for {name}: {plan:#}"))["effects"]
}

fn service(name: &str, kind: &str) -> Json {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"type": kind, "selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
    })
}

/// A Deployment of two pods with a probe, which reads `settings`; `level` is a variable of its own.
fn web(level: &str) -> Json {
    let mut template = shell("web", "exec sleep 1000");
    let container = &mut template["spec"]["containers"][0];
    container["readinessProbe"] = json!({"exec": {"command": ["true"]}, "periodSeconds": 1});
    container["envFrom"] = json!([{"configMapRef": {"name": "settings"}}]);
    container["env"] = json!([{"name": "LEVEL", "value": level}]);
    template["spec"]["terminationGracePeriodSeconds"] = 5.into();
    let mut object = deployment("web", &template);
    object["spec"]["replicas"] = 2.into();
    object
}

#[test]
fn a_plan_on_kubernetes_tells_what_happens_to_what_runs() {
    let folder = Folder::new();
    let project = &folder.project;
    let reader = |url: &str| {
        let mut template = shell("reader", "exec sleep 1000");
        template["spec"]["containers"][0]["env"] = json!([{"name": "WEB_URL", "value": url}]);
        template["spec"]["containers"][0]["envFrom"] = json!([{"configMapRef": {"name": "settings"}}]);
        deployment("reader", &template)
    };
    folder.config_map("settings", json!({"COLOR": "blue"}));
    folder.object("web.json", web("1"));
    folder.object("reader.json", reader("http://web:80/"));
    folder.object("service.json", service("web", "ClusterIP"));
    folder.object("job.json", job("migrate", "true"));
    let first = project.run(["preview"]).exits(0);
    first.shows(["+ kind: Deployment", "+   replicas: 2", "run: runs: sh -c true"]);
    project.run(["up", "--yes"]).exits(0);

    // Somebody scales it by hand, and a commit changes everything else.
    folder.patch("deployment/web", &json!({"spec": {"replicas": 3}}));
    folder.config_map("settings", json!({"COLOR": "red"}));
    folder.object("web.json", web("2"));
    folder.object("job.json", job("migrate", "echo 2"));
    folder.object("service.json", service("front", "NodePort"));
    let namespace = &folder.namespace.name;
    let named = |name: &str| format!("{namespace}/{name}");
    let plan = project.plan([]);
    // By the cluster's clock.
    let undone_at = effects(&plan, &named("web"))[2]["at"].clone();
    assert!(undone_at.as_str().is_some_and(|at| at.ends_with('Z')), "{undone_at}");
    assert_eq!(
        effects(&plan, &named("web")),
        &json!([
            {"kind": "scale", "unit": "pod", "from": 3, "to": 2, "stop_seconds": 5},
            {"kind": "restart", "unit": "pod", "count": 2, "way": {"order": "rolling", "surge": 1, "unavailable": 0}, "stop_seconds": 5,
                "failure": "if the new ones do not become ready, the old ones go on"},
            {"kind": "undo", "who": "kubectl-patch", "at": undone_at, "paths": ["spec.replicas"]},
        ])
    );
    let reader = |name: &str, sees: &str| {
        json!({"kind": "readers", "readers": [format!("Deployment {namespace}/{name}")],
        "through": "environment", "sees": sees})
    };
    assert_eq!(
        effects(&plan, &named("settings")),
        &json!([reader("web", "restarted"), reader("reader", "at-its-next-start")])
    );
    let shown = project.run(["preview"]).exits(0);
    shown.shows([
        "Risks:\n  ! broken reference: ",
        "run: runs again: sh -c echo 2; the last run completed; what it does is not undone by a rollback",
        "! undo: takes back what kubectl-patch changed at 20",
        " UTC: spec.replicas; to keep it, change the program",
        "! exposure: a Service of type NodePort can be reached on a port of every node",
        "under another name; what uses the old name loses it",
        "reader names Service",
    ]);
    // They cost no steps of their own: what was told is done.
    project.run(["up", "--yes"]).exits(0);
    assert_eq!(folder.get("deployment web")["spec"]["replicas"], 2);
    project.is_up_to_date();
}

#[test]
fn a_plan_on_docker_tells_what_happens_to_what_runs() {
    let folder = ComposeFolder::new();
    let file = |level: &str, rest: &str| {
        format!(
            "services:\n  one:\n    image: {IMAGE}\n    command: sleep 1000\n    init: true\n    environment: {{LEVEL: '{level}', \
             DB_HOST: db}}\n  fixed:\n    image: {IMAGE}\n    command: sleep 1000\n    init: true\n    container_name: {}-fixed\n    \
             environment: {{LEVEL: '{level}'}}\n{rest}",
            folder.name
        )
    };
    let db = format!("  db:\n    image: {IMAGE}\n    command: sleep 1000\n    init: true\n");
    folder.write(&file("1", &db));
    folder.project.run(["up", "--yes"]).exits(0);
    let open = format!(
        "  open:\n    image: {IMAGE}\n    command: sleep 1000\n    ports: ['8080']\n    cap_add: [SYS_ADMIN]\n    volumes: \
         ['/var/run/docker.sock:/var/run/docker.sock']\n"
    );
    folder.write(&file("2", &open));
    let preview = folder.project.run(["preview"]).exits(0);
    preview.shows([
        "! downtime: stops 1 container (up to 10 s), then starts the new one (container_name can be given once); nothing serves \
         until it runs (no health check: it counts as ready after 3 s); if it ends within 3 s, the old one comes back",
        "restart: starts the new container, then stops the old one; no gap expected for those that look the name up again, \
         connections to the old container break; if the new one ends within 3 s, the old one goes on",
        "! exposure: published on all addresses of the host: 8080/tcp",
        "! privilege: its containers get the capability SYS_ADMIN; use /var/run/docker.sock of the host, which is control over \
         the host",
        "! downtime: stops 1 container (up to 10 s), and nothing takes the place",
        "in environment.DB_HOST, and will not find it",
        "Plan: 1 to create, 2 to update, 1 to delete",
    ]);
    // Where everything goes, one risk says that everything stops.
    folder.project.run(["destroy", "--yes"]).exits(0).says(["deleted"]);
}

#[test]
fn what_a_plan_says_of_pods_that_stay_is_true() {
    let folder = Folder::new();
    let project = &folder.project;
    let template = |app: &str, level: &str| {
        let mut template = shell(app, "exec sleep 1000");
        template["spec"]["containers"][0]["env"] = json!([{"name": "LEVEL", "value": level}]);
        template
    };
    let write = |paused: bool, level: &str| {
        let mut web = deployment("web", &template("web", level));
        web["spec"]["paused"] = paused.into();
        folder.object("web.json", web);
        folder.object(
            "agent.json",
            json!({
                "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent"},
                "spec": {"updateStrategy": {"type": "OnDelete"}, "selector": {"matchLabels": {"app": "agent"}},
                    "template": template("agent", level)},
            }),
        );
        folder.object("migrate.json", job("migrate", &format!("echo {level}")));
    };
    write(false, "1");
    project.run(["up", "--yes"]).exits(0);
    // What was ready is not called anything else.
    project.is_up_to_date();
    let pods = |app: &str| {
        let pods = folder.get(&format!("pods -l app={app}"));
        let pods = pods["items"].as_array().unwrap().iter();
        let names: Vec<String> = pods.map(|pod| pod["metadata"]["uid"].to_string()).collect();
        names
    };
    let before = (pods("web"), pods("agent"));
    write(true, "2");
    let plan = project.plan([]);
    let namespace = &folder.namespace.name;
    let told = |name: &str| effects(&plan, &format!("{namespace}/{name}")).to_string();
    assert!(
        told("web").contains("its pods stay as they are until it is resumed: it is paused"),
        "{plan:#}"
    );
    assert!(
        told("agent")
            .contains("its pods stay as they are until somebody deletes them: its update strategy is OnDelete"),
        "{plan:#}"
    );
    assert!(told("migrate").contains("\"kind\":\"run\""), "{plan:#}");
    for step in plan["steps"].as_array().unwrap() {
        assert!(!step["risks"].to_string().contains("downtime"), "{step:#}");
        assert!(!step["reasons"].to_string().contains("ready"), "{step:#}");
    }
    project.run(["up", "--yes"]).exits(0);
    assert_eq!((pods("web"), pods("agent")), before);
    project.is_up_to_date();
}
