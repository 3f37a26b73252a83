//! Situations of plans, and what a reviewer is told of each.

use iac_core::provider::effect::Transition;
use iac_core::provider::{Live, Mark, Phase, PlanItem, Readiness, Recorded};
use iac_core::value::diff::{FieldChange, diff};
use iac_core::{FieldPath, Key, Value};
use serde_json::{Value as Json, json};

use super::*;

mod others;
mod outages;
mod policies;

/// One object of a plan: its identity, and what it is before and after.
struct Object {
    identity: &'static str,
    before: Json,
    after: Json,
    live: Json,
    readiness: Readiness,
    replaced: bool,
    /// True if it is recorded, and gone.
    missing: bool,
    /// The object that has to be ready first.
    waits: Option<&'static str>,
    /// Who changed which field.
    drift: Vec<(&'static str, &'static str)>,
}

fn object(identity: &'static str, before: Json, after: Json) -> Object {
    Object {
        identity,
        before,
        after,
        live: Json::Null,
        readiness: Readiness::Ready,
        replaced: false,
        missing: false,
        waits: None,
        drift: Vec::new(),
    }
}

impl Object {
    fn replaced(self) -> Self {
        Self { replaced: true, ..self }
    }

    fn live(self, live: Json) -> Self {
        Self { live, ..self }
    }

    fn readiness(self, readiness: Readiness) -> Self {
        Self { readiness, ..self }
    }

    fn key(&self) -> Key {
        let (kind, name) = self.identity.split_once(' ').expect("a kind");
        let name = name.rsplit('/').next().unwrap_or(name);
        format!("kubernetes:{kind}::{name}").parse().expect("a key")
    }
}

/// Returns the effects of a plan, as `NAME: LABEL: TEXT`.
fn told(objects: &[Object]) -> Vec<String> {
    let keys: Vec<Key> = objects.iter().map(Object::key).collect();
    let value = |json: &Json| (!json.is_null()).then(|| Value::from(json.clone()));
    let recorded: Vec<Option<Recorded>> = objects
        .iter()
        .zip(&keys)
        .map(|(object, key)| {
            Some(Recorded {
                key: key.clone(),
                identity: object.identity.to_owned(),
                uid: None,
                inputs: value(&object.before)?,
                outputs: Value::Null,
                private: Default::default(),
                dependencies: Vec::new(),
                ready: true,
            })
        })
        .collect();
    let after: Vec<Option<Value>> = objects.iter().map(|object| value(&object.after)).collect();
    let live: Vec<Live> = objects
        .iter()
        .map(|object| Live {
            uid: None,
            mark: Mark::Ours,
            outputs: object.live.clone().into(),
            drift: object
                .drift
                .iter()
                .map(|(who, path)| FieldChange {
                    path: FieldPath::fields(path.split('.')),
                    before: None,
                    after: None,
                    origin: Some((*who).to_owned()),
                })
                .collect(),
            ignored: Vec::new(),
            readiness: object.readiness.clone(),
            leaving: None,
            co_owners: Vec::new(),
            writes: Default::default(),
        })
        .collect();
    let waits = |object: &Object| -> Vec<(Key, Phase)> {
        let all = objects.iter().zip(&keys);
        let on = all.filter(|(other, _)| Some(other.identity) == object.waits);
        on.map(|(_, key)| (key.clone(), Phase::Ready)).collect()
    };
    let waits: Vec<Vec<(Key, Phase)>> = objects.iter().map(waits).collect();
    let changes: Vec<Vec<FieldChange>> = recorded
        .iter()
        .zip(&after)
        .map(|(recorded, after)| match (recorded, after) {
            (Some(recorded), Some(after)) => diff(&recorded.inputs, after),
            _ => Vec::new(),
        })
        .collect();
    let items: Vec<PlanItem<'_>> = (0..objects.len())
        .map(|place| PlanItem {
            key: &keys[place],
            identity: objects[place].identity,
            transition: match (&recorded[place], &after[place]) {
                (None, _) => Transition::Create,
                _ if objects[place].missing => Transition::Create,
                (_, None) => Transition::Delete,
                _ if objects[place].replaced => Transition::Replace,
                _ if changes[place].is_empty() => Transition::Stays,
                _ => Transition::Update,
            },
            recorded: recorded[place].as_ref(),
            after: after[place].as_ref(),
            live: recorded[place]
                .as_ref()
                .filter(|_| !objects[place].missing)
                .map(|_| &live[place]),
            predicted: &Value::Null,
            changes: &changes[place],
            told: &[],
            waits_for: &waits[place],
        })
        .collect();
    of(&items)
        .into_iter()
        .map(|(place, effect)| {
            let name = objects[place].identity.rsplit(['/', ' ']).next().unwrap_or_default();
            format!("{name}: {}: {}", effect.label(), effect.text())
        })
        .collect()
}

fn pods(container: Json) -> Json {
    json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}})
}

fn workload(spec: Json, image: &str) -> Json {
    let mut spec = spec;
    spec["template"] = pods(json!({"name": "web", "image": image, "readinessProbe": {"httpGet": {"path": "/"}}}));
    json!({"spec": spec})
}

/// A workload whose image changes.
fn updated(identity: &'static str, spec: Json) -> Object {
    object(identity, workload(spec.clone(), "a:1"), workload(spec, "a:2"))
}

const WEB: &str = "apps/Deployment shop/web";
const DB: &str = "apps/StatefulSet shop/db";
const LOGS: &str = "apps/DaemonSet shop/logs";

#[test]
fn restarts_say_how_many_pods_in_which_way_and_whether_there_is_a_gap() {
    for (object, expected) in [
        (
            updated(WEB, json!({"replicas": 2})),
            "web: restart: replaces 2 pods, with up to 1 more at a time and none missing; no gap expected for new connections, open \
             ones to the old pods end within 30 s; if the new ones do not become ready, the old ones go on",
        ),
        (
            updated(WEB, json!({})),
            "web: restart: replaces 1 pod, with up to 1 more at a time and none missing; no gap expected for new connections, open \
             ones to the old pods end within 30 s; if the new ones do not become ready, the old ones go on",
        ),
        (
            updated(
                WEB,
                json!({"replicas": 10, "strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "30%"}}}),
            ),
            "web: restart: replaces 10 pods, with at least 7 at work; no gap expected for new connections, open ones to the old pods end within 30 s; if the new ones do not become ready, \
             the old ones go on",
        ),
        (
            updated(
                WEB,
                json!({"replicas": 2, "strategy": {"rollingUpdate": {"maxUnavailable": "100%"}}}),
            ),
            "web: restart: replaces 2 pods, with up to 1 more at a time and at least 0 at work; all of them may be missing for \
             a while; if the new ones do not become ready, the old ones go on",
        ),
        (
            updated(WEB, json!({"replicas": 2, "strategy": {"type": "Recreate"}})),
            "web: restart: stops 2 pods (up to 30 s), then starts the new ones (strategy Recreate); nothing serves until the new ones are ready; \
             if they do not become ready, nothing takes their place",
        ),
        // The replicas that an autoscaler set count, and the fields that the server filled in.
        (
            updated(WEB, json!({})).live(json!({"spec": {"replicas": 4, "strategy": {"type": "Recreate"},
                "template": {"spec": {"terminationGracePeriodSeconds": 60}}}})),
            "web: restart: stops 4 pods (up to 60 s), then starts the new ones (strategy Recreate); nothing serves until the new ones are ready; \
             if they do not become ready, nothing takes their place",
        ),
        (
            updated(DB, json!({})),
            "db: restart: stops 1 pod (up to 30 s), then starts the new one; nothing serves until it is ready; if a new one does not \
             become ready, nothing takes its place; to take the change back is not enough then: its pod (db-0 comes first) has \
             to be deleted too",
        ),
        (
            updated(DB, json!({"replicas": 3})),
            "db: restart: replaces 3 pods, one at a time: each stops (up to 30 s) before the new one starts; no gap expected; \
             if a new one does not become ready, the others stay as they are; to take the change back is not enough then: its pod \
             (db-2 comes first) has to be deleted too",
        ),
        (
            updated(
                DB,
                json!({"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 2}}}),
            ),
            "db: effect: its pods from number 2 on are replaced, one at a time; the others stay",
        ),
        (
            updated(
                DB,
                json!({"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 3}}}),
            ),
            "db: effect: its pods stay as they are: its update strategy begins with pod 3, which there is not",
        ),
        (
            updated(DB, json!({"updateStrategy": {"type": "OnDelete"}})),
            "db: effect: its pods stay as they are until somebody deletes them: its update strategy is OnDelete",
        ),
        (
            updated(LOGS, json!({})).live(json!({"status": {"desiredNumberScheduled": 3}})),
            "logs: restart: replaces 3 pods, with at least 2 at work; each node is without it for a while",
        ),
        (
            updated(
                LOGS,
                json!({"updateStrategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}),
            ),
            "logs: restart: replaces its pods, with up to 1 more at a time and none missing; no gap expected",
        ),
        (
            updated(WEB, json!({"paused": true})),
            "web: effect: its pods stay as they are until it is resumed: it is paused",
        ),
        (
            updated(WEB, json!({"replicas": 2})).replaced(),
            "web: restart: stops 2 pods (up to 30 s), then starts the new ones (it is made anew); nothing serves until the new ones are ready; \
             if they do not become ready, nothing takes their place",
        ),
        (
            object(WEB, workload(json!({"replicas": 3}), "a:1"), Json::Null),
            "web: scale: stops 3 pods (up to 30 s), and nothing takes the place",
        ),
        (
            object(
                WEB,
                workload(json!({"replicas": 3}), "a:1"),
                workload(json!({"replicas": 5}), "a:1"),
            ),
            "web: scale: from 3 to 5 pods",
        ),
    ] {
        assert_eq!(told(&[object]), [expected]);
    }
    for quiet in [
        updated(WEB, json!({"replicas": 0})),
        updated(WEB, json!({"replicas": 0})).replaced(),
        object(WEB, Json::Null, workload(json!({}), "a:1")),
        object(WEB, workload(json!({"replicas": 0}), "a:1"), Json::Null),
        object(
            WEB,
            workload(json!({"minReadySeconds": 1}), "a:1"),
            workload(json!({"minReadySeconds": 2}), "a:1"),
        ),
    ] {
        assert!(told(&[quiet]).is_empty());
    }
    let unprobed = |image: &str| json!({"spec": {"template": pods(json!({"name": "web", "image": image}))}});
    let text = told(&[object(WEB, unprobed("a:1"), unprobed("a:2"))]).concat();
    assert!(
        text.contains("counts as ready once it runs: it has no readiness probe"),
        "{text}"
    );
}

#[test]
fn readers_of_a_changed_object_are_told() {
    let config = |value: &str| json!({"data": {"LEVEL": value, "OTHER": "same"}});
    let reader = |identity: &'static str, spec: Json| {
        let object_of = json!({"spec": {"template": {"spec": spec}}});
        object(identity, object_of.clone(), object_of)
    };
    let key = |key: &str| {
        json!({"containers": [{"name": "a", "env": [
        {"name": "X", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": key}}}]}]})
    };
    let all = json!({"containers": [{"name": "a", "envFrom": [{"configMapRef": {"name": "settings"}}]}]});
    let files = |mount: Json| {
        json!({"containers": [{"name": "a", "volumeMounts": [mount]}],
        "volumes": [{"name": "v", "configMap": {"name": "settings"}}]})
    };
    for (readers, expected) in [
        (
            vec![reader(WEB, all.clone())],
            vec![
                "Deployment shop/web reads it as environment variables: it keeps the value that it started with until it is restarted",
            ],
        ),
        (
            vec![reader(WEB, key("LEVEL"))],
            vec![
                "Deployment shop/web reads it as environment variables: it keeps the value that it started with until it is restarted",
            ],
        ),
        (vec![reader(WEB, key("OTHER"))], vec![]),
        (
            vec![reader(WEB, files(json!({"name": "v", "mountPath": "/a"})))],
            vec!["Deployment shop/web reads it as files: the files change within about a minute, without a restart"],
        ),
        (
            vec![reader(
                WEB,
                files(json!({"name": "v", "mountPath": "/a", "subPath": "LEVEL"})),
            )],
            vec![
                "Deployment shop/web reads it as files: it keeps the value that it started with until it is restarted",
            ],
        ),
        (
            vec![reader(WEB, all.clone()), reader(DB, all.clone())],
            vec![
                "Deployment shop/web, StatefulSet shop/db read it as environment variables: they keep the value that \
                  they started with until they are restarted",
            ],
        ),
        (vec![reader("batch/Job shop/migrate", all.clone())], vec![]),
        (vec![reader("apps/Deployment other/web", all.clone())], vec![]),
    ] {
        let mut plan = vec![object("core/ConfigMap shop/settings", config("INFO"), config("DEBUG"))];
        plan.extend(readers);
        let expected: Vec<String> = expected
            .iter()
            .map(|text| format!("settings: readers: {text}"))
            .collect();
        assert_eq!(told(&plan), expected);
    }
    // A workload that follows is restarted by the same plan; a CronJob reads it when it runs next.
    let of_web = |hash: &str| {
        let mut pods = all.clone();
        pods["containers"][0]["image"] = hash.into();
        json!({"spec": {"replicas": 2, "template": {"spec": pods}}})
    };
    let of_cron = json!({"spec": {"jobTemplate": {"spec": {"template": {"spec": all}}}}});
    let texts = told(&[
        object("core/ConfigMap shop/settings", config("INFO"), config("DEBUG")),
        object(WEB, of_web("1"), of_web("2")),
        object("batch/CronJob shop/backup", of_cron.clone(), of_cron),
    ]);
    assert_eq!(
        texts[..2],
        [
            "settings: readers: Deployment shop/web reads it as environment variables: it is restarted",
            "settings: readers: CronJob shop/backup reads it as environment variables: it gets the new value when it runs next",
        ]
    );
}

#[test]
fn claims_are_told_with_what_becomes_of_them() {
    let set = |template: &str, size: &str| {
        json!({"spec": {"replicas": 2, "volumeClaimTemplates": [{"metadata": {"name": template},
        "spec": {"resources": {"requests": {"storage": size}}}}]}})
    };
    let only = |objects: &[Object]| -> Vec<String> {
        told(objects)
            .into_iter()
            .filter(|text| text.contains(": data: "))
            .collect()
    };
    for (before, after, expected) in [
        (
            set("data", "1Gi"),
            set("data", "1024Mi"),
            vec!["claims shop/data-db-0 to 1 (1Gi): used again, with the data in it"],
        ),
        (
            set("data", "1Gi"),
            set("data", "10Mi"),
            vec!["claims shop/data-db-0 to 1 (1Gi): the size stays, though 10Mi is asked for"],
        ),
        (
            set("data", "1Gi"),
            set("files", "2Gi"),
            vec![
                "claims shop/data-db-0 to 1 (1Gi): kept with the data in it, and used by nothing any more",
                "claims shop/files-db-0 to 1 (2Gi): new and empty",
            ],
        ),
    ] {
        let expected: Vec<String> = expected.iter().map(|text| format!("db: data: {text}")).collect();
        assert_eq!(only(&[object(DB, before, after).replaced()]), expected);
    }
    let renamed = [
        object("apps/StatefulSet shop/database", Json::Null, set("data", "1Gi")),
        object(DB, set("data", "1Gi"), Json::Null),
    ];
    assert_eq!(
        only(&renamed),
        [
            "database: data: claims shop/data-database-0 to 1 (1Gi): new and empty; the data stays in claims shop/data-db-0 to 1, and \
             nothing uses it there any more"
        ]
    );
    let claim = |size: &str| json!({"spec": {"resources": {"requests": {"storage": size}}}});
    let grown = object("core/PersistentVolumeClaim shop/files", claim("1Gi"), claim("2Gi"));
    assert_eq!(
        only(&[grown]),
        ["files: data: claim shop/files (1Gi): grows to 2Gi, and cannot shrink again"]
    );
    let uses = |claim: &str| {
        json!({"spec": {"template": {"spec": {"volumes": [
        {"name": "v", "persistentVolumeClaim": {"claimName": claim}}]}}}})
    };
    let swapped = [
        object(WEB, uses("files"), uses("media")),
        object("core/PersistentVolumeClaim shop/media", Json::Null, claim("2Gi")),
    ];
    assert_eq!(only(&swapped), ["web: data: claim shop/media (2Gi): new and empty"]);
    let files = || object("core/PersistentVolumeClaim shop/files", claim("1Gi"), claim("1Gi"));
    let nothing = || json!({"spec": {"template": {"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}}}});
    assert_eq!(
        only(&[object(WEB, uses("files"), nothing()), files()]),
        [
            "web: data: v: in an emptyDir from now on, which is empty, and lost with each pod; the data stays in claim shop/files (1Gi), \
             and nothing uses it there any more"
        ]
    );
    let other = object("apps/Deployment shop/other", uses("files"), uses("files"));
    assert_eq!(
        only(&[object(WEB, uses("files"), nothing()), files(), other]),
        ["web: data: v: in an emptyDir from now on, which is empty, and lost with each pod"]
    );
}

#[test]
fn jobs_say_what_runs_and_what_became_of_the_last_run() {
    const MIGRATE: &str = "batch/Job shop/migrate";
    let job = |image: &str| {
        json!({"spec": {"backoffLimit": 3, "template": {"spec": {"containers": [
        {"name": "a", "image": image, "command": ["alembic", "upgrade"], "args": ["head"]}]}}}})
    };
    assert_eq!(
        told(&[object(MIGRATE, Json::Null, job("a:1"))]),
        ["migrate: run: runs: alembic upgrade head; up to 4 tries"]
    );
    for (readiness, last) in [
        (Readiness::Ready, "completed"),
        (Readiness::Spent("exit code 1".to_owned()), "failed: exit code 1"),
        (
            Readiness::Pending("1 pod".to_owned()),
            "is still at work, and is stopped",
        ),
    ] {
        let again = object(MIGRATE, job("a:1"), job("a:2")).replaced().readiness(readiness);
        let expected = format!(
            "migrate: run: runs again: alembic upgrade head; up to 4 tries; the last run {last}; what it does is not undone by a \
             rollback"
        );
        let save = if last.starts_with("failed") {
            "; to keep the logs: kubectl logs -n shop -l job-name=migrate --prefix --tail=-1"
        } else {
            ""
        };
        let logs = format!("migrate: effect: the pods of its last run and their logs are deleted{save}");
        assert_eq!(told(&[again]), [expected, logs]);
    }
    let bare = json!({"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "a:1"}]}}}});
    assert_eq!(
        told(&[object(MIGRATE, Json::Null, bare)]),
        ["migrate: run: runs: the image a:1; up to 7 tries"]
    );
}

#[test]
fn what_stays_and_relies_on_what_goes_is_told() {
    let service = json!({"spec": {"selector": {"app": "web"}}});
    let env = |name: &str, value: &str| {
        json!({"spec": {"template": {"metadata": {"labels": {"app": "api"}}, "spec": {"containers": [
        {"name": "a", "env": [{"name": name, "value": value}]}]}}}})
    };
    let api = |name: &str, value: &str| object("apps/Deployment shop/api", env(name, value), env(name, value));
    let gone = || object("core/Service shop/db", service.clone(), Json::Null);
    let broken = |objects: &[Object]| -> Vec<String> {
        told(objects)
            .into_iter()
            .filter(|text| text.contains("broken reference"))
            .collect()
    };
    assert_eq!(
        broken(&[gone(), api("URL", "postgres://u@db:5432/x")]),
        ["db: broken reference: Deployment shop/api names Service shop/db in \
          spec.template.spec.containers[name=a].env[name=URL].value, and will not find it"]
    );
    assert!(broken(&[gone(), api("DB_NAME", "db")]).is_empty());
    // The same object under another name of the program is no loss.
    let same = object("core/Service shop/db", service.clone(), service.clone());
    assert!(broken(&[gone(), same, api("HOST", "db")]).is_empty());
    let of_web = workload(json!({"replicas": 2}), "a:1");
    let selecting = || object("core/Service shop/web", service.clone(), service.clone());
    assert_eq!(
        broken(&[object(WEB, of_web.clone(), Json::Null), selecting()]),
        ["web: broken reference: Service shop/web names Deployment shop/web in spec.selector, and will not find it"]
    );
    let other = object("apps/Deployment shop/web2", of_web.clone(), of_web.clone());
    assert!(broken(&[object(WEB, of_web, Json::Null), selecting(), other]).is_empty());
}

#[test]
fn new_ways_in_and_new_powers_are_told() {
    let service = |kind: &str| json!({"spec": {"type": kind}});
    let ingress = |host: &str| json!({"spec": {"rules": [{"host": host}]}});
    let policy = |rules: Json| json!({"spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": rules}});
    let pods = |spec: Json| json!({"spec": {"replicas": 0, "template": {"spec": spec}}});
    const SERVICE: &str = "core/Service shop/web";
    const POLICY: &str = "networking.k8s.io/NetworkPolicy shop/web";
    for (object, expected) in [
        (
            object(SERVICE, Json::Null, service("LoadBalancer")),
            "can be reached from outside the cluster",
        ),
        (
            object(SERVICE, service("ClusterIP"), service("NodePort")),
            "on a port of every node",
        ),
        (
            object(
                SERVICE,
                json!({"spec": {}}),
                json!({"spec": {"externalIPs": ["1.2.3.4"]}}),
            ),
            "sent to 1.2.3.4",
        ),
        (
            object("networking.k8s.io/Ingress shop/web", Json::Null, ingress("a.example")),
            "from outside for a.example",
        ),
        (
            object(POLICY, policy(json!([])), Json::Null),
            "all ports of all pods of namespace shop are open to every source, in all namespaces and outside; before: nothing",
        ),
        (
            object(POLICY, policy(json!([])), policy(json!([{}]))),
            "all pods of namespace shop can be reached: all ports from every source, in all namespaces and outside; before: nothing",
        ),
        (
            object(WEB, pods(json!({})), pods(json!({"hostNetwork": true}))),
            "use the network of the node",
        ),
        (
            object(
                WEB,
                pods(json!({})),
                pods(json!({"containers": [{"name": "a", "ports": [{"hostPort": 80}]}]})),
            ),
            "listen on the nodes' own port 80",
        ),
        (
            object(
                WEB,
                Json::Null,
                pods(json!({"volumes": [{"hostPath": {"path": "/var/run/docker.sock"}}]})),
            ),
            "use /var/run/docker.sock of the node, which is control over the node, for writing too",
        ),
        (
            object(
                "apps/DaemonSet shop/logs",
                Json::Null,
                pods(json!({"volumes": [{"name": "a", "hostPath": {"path": "/var/log"}}],
                    "containers": [{"name": "a", "volumeMounts": [{"name": "a", "readOnly": true}]}]})),
            ),
            "its pods use /var/log of the node, for reading, on each node",
        ),
        (
            object(
                "rbac.authorization.k8s.io/ClusterRole reader",
                json!({"rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]}),
                json!({"rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}],
                    "metadata": {"labels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}}}),
            ),
            "privilege: whoever has the role view may read Secrets from now on",
        ),
        (
            object(
                WEB,
                pods(json!({})),
                pods(json!({"containers": [{"name": "a", "securityContext":
                {"privileged": true, "capabilities": {"add": ["SYS_ADMIN"]}}}]})),
            ),
            "get the capability SYS_ADMIN (a); have a privileged container (a), which is control over the node",
        ),
    ] {
        let texts = told(&[object]);
        assert!(texts.len() == 1 && texts[0].contains(expected), "{texts:?} {expected}");
    }
    for quiet in [
        object(
            SERVICE,
            service("LoadBalancer"),
            json!({"spec": {"type": "LoadBalancer", "ports": []}}),
        ),
        object(POLICY, policy(json!([{}])), policy(json!([]))),
        object(POLICY, Json::Null, policy(json!([{}]))),
    ] {
        assert!(told(&[quiet]).is_empty());
    }
}

#[test]
fn ways_in_that_go_are_told() {
    const SERVICE: &str = "core/Service shop/web";
    const INGRESS: &str = "networking.k8s.io/Ingress shop/web";
    let service = |kind: &str| json!({"spec": {"type": kind}});
    let ingress = |hosts: &[&str]| {
        let rules: Vec<Json> = hosts.iter().map(|host| json!({"host": host})).collect();
        json!({"spec": {"rules": rules}})
    };
    for (object, expected) in [
        (
            object(SERVICE, service("LoadBalancer"), Json::Null),
            "web: closed: what came in through the Service of type LoadBalancer no longer gets in",
        ),
        (
            object(SERVICE, service("NodePort"), service("ClusterIP")),
            "web: closed: what came in through the Service of type NodePort no longer gets in",
        ),
        (
            object(INGRESS, ingress(&["a.test", "b.test"]), ingress(&["b.test"])),
            "web: closed: requests for a.test no longer get in",
        ),
        (
            object(INGRESS, ingress(&["a.test"]), Json::Null),
            "web: closed: requests for a.test no longer get in",
        ),
    ] {
        assert_eq!(told(&[object]), [expected]);
    }
    let moved = [
        object(INGRESS, ingress(&["a.test"]), Json::Null),
        object(
            "networking.k8s.io/Ingress shop/front",
            ingress(&["a.test"]),
            ingress(&["a.test"]),
        ),
    ];
    assert!(told(&moved).is_empty());
    assert!(told(&[object(SERVICE, service("ClusterIP"), Json::Null)]).is_empty());
}

#[test]
fn who_names_a_port_that_a_service_loses_is_told() {
    let service = |ports: Json| json!({"spec": {"ports": ports}});
    let web = |ports: Json| {
        object(
            "core/Service shop/web",
            service(json!([{"name": "http", "port": 80}, {"name": "metrics", "port": 9090}])),
            service(ports),
        )
    };
    let env = |value: &str| {
        let spec = json!({"spec": {"template": {"spec": {"containers": [{"name": "a", "env": [{"name": "URL", "value": value}]}]}}}});
        object("apps/Deployment shop/api", spec.clone(), spec)
    };
    let ingress = |port: Json| {
        let backend = json!({"service": {"name": "web", "port": port}});
        let spec = json!({"spec": {"rules": [{"http": {"paths": [{"path": "/", "backend": backend}]}}]}});
        object("networking.k8s.io/Ingress shop/web", spec.clone(), spec)
    };
    let kept = || json!([{"name": "http", "port": 81}, {"name": "metrics", "port": 9090}]);
    let renamed = || json!([{"name": "front", "port": 80}, {"name": "metrics", "port": 9090}]);
    let path = "spec.rules[0].http.paths[0].backend";
    for (ports, other, expected) in [
        (
            kept(),
            env("http://web/"),
            Some("Deployment shop/api names port 80 of Service shop/web in spec.template"),
        ),
        (
            kept(),
            env("http://web.shop.svc:80/"),
            Some("Deployment shop/api names port 80 of Service shop/web in spec.template"),
        ),
        (kept(), env("http://web:9090/"), None),
        (kept(), env("https://web/"), None),
        (kept(), ingress(json!({"number": 80})), Some(path)),
        (kept(), ingress(json!({"name": "http"})), None),
        (renamed(), ingress(json!({"name": "http"})), Some(path)),
        (renamed(), ingress(json!({"number": 80})), None),
        (renamed(), env("http://web/"), None),
    ] {
        let texts = told(&[web(ports), other]);
        let broken: Vec<&String> = texts.iter().filter(|text| text.contains("broken reference")).collect();
        match expected {
            Some(part) => assert!(broken.len() == 1 && broken[0].contains(part), "{texts:?}: {part}"),
            None => assert!(broken.is_empty(), "{texts:?}"),
        }
    }
}
