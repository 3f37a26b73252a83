//! `kill -9` in the middle of `up`: the next one finishes, and nothing is there twice.
//!
//! `IAC_KILLS` says how many kills, `IAC_SEED` which random numbers; both are printed.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use crate::manifests::{Folder, deployment, job, shell};

/// The kinds of objects that every run has to end with, as `kubectl get -o name` says it.
const KINDS: &str = "configmap,secret,persistentvolumeclaim,service,job,deployment,replicaset,serviceaccount";

/// The longest time after its start at which a run is killed; a run that is not killed does the rest.
const LATEST: u64 = 3_000;

pub(crate) fn number(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{variable} is no number: {text}")),
        Err(_) => default,
    }
}

/// Pseudo-random numbers (xorshift), so that a failure can be repeated.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.max(1))
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Twelve objects that wait for one another; `round` changes some of them.
pub(crate) fn write(folder: &Folder, round: u64) {
    for name in ["a", "b", "c", "d", "e"] {
        folder.config_map(name, json!({"round": round.to_string()}));
    }
    let simple = [
        ("account", "v1", "ServiceAccount", json!({})),
        ("keys", "v1", "Secret", json!({"stringData": {"key": "1"}})),
        (
            "data",
            "v1",
            "PersistentVolumeClaim",
            json!({"spec": {
                "accessModes": ["ReadWriteOnce"], "storageClassName": "fast-ssd",
                "resources": {"requests": {"storage": "1Gi"}},
            }}),
        ),
        (
            "web",
            "v1",
            "Service",
            json!({"spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}),
        ),
    ];
    for (name, version, kind, mut object) in simple {
        object["apiVersion"] = version.into();
        object["kind"] = kind.into();
        object["metadata"] = json!({"name": name});
        folder.object(&format!("{name}.json"), object);
    }
    folder.object("once.json", job("once", "sleep 1; echo done"));
    let mut template = shell("web", "sleep 3600");
    template["spec"]["serviceAccountName"] = "account".into();
    template["spec"]["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
    template["spec"]["containers"][0]["volumeMounts"] = json!([{"name": "data", "mountPath": "/data"}]);
    template["spec"]["containers"][0]["env"] = json!([{"name": "ROUND", "value": round.to_string()}]);
    folder.object("web-deployment.json", deployment("web", &template));
    let worker = shell("worker", "sleep 3600");
    folder.object("worker.json", deployment("worker", &worker));
}

/// The stack's objects that are in the cluster.
pub(crate) fn objects(folder: &Folder) -> Vec<String> {
    let ours = |name: &String| !["configmap/kube-root-ca.crt", "serviceaccount/default"].contains(&name.as_str());
    let all = folder.kubectl.names(&format!("-n {} {KINDS}", folder.namespace.name));
    all.into_iter().filter(ours).collect()
}

/// Fails unless each declared object is in the cluster and in the state, once.
pub(crate) fn each_is_there_once(folder: &Folder) {
    let there: Vec<_> = objects(folder)
        .into_iter()
        .filter(|name| !name.starts_with("replicaset"))
        .collect();
    let expected = [
        "configmap/a",
        "configmap/b",
        "configmap/c",
        "configmap/d",
        "configmap/e",
        "deployment.apps/web",
        "deployment.apps/worker",
        "job.batch/once",
        "persistentvolumeclaim/data",
        "secret/keys",
        "service/web",
        "serviceaccount/account",
    ];
    assert_eq!(there, expected);
    let list = folder.project.run(["state", "list", "--json"]).exits(0).json();
    let mut uids = BTreeSet::new();
    for record in list.as_array().unwrap() {
        let uid = record["uid"].as_str().unwrap().to_owned();
        assert!(uids.insert(uid), "two records of one object: {list:#}");
    }
    assert_eq!(uids.len(), expected.len());
}

#[test]
fn a_killed_up_is_finished_by_the_next_one() {
    let (kills, seed) = (number("IAC_KILLS", 10), number("IAC_SEED", 20_261_121));
    println!("IAC_KILLS={kills} IAC_SEED={seed}");
    let mut random = Random::new(seed);
    let folder = Folder::new();
    let project = &folder.project;
    let mut round = 0;
    let mut killed = 0;
    while killed < kills {
        write(&folder, round);
        // A run that is through already has nothing to be killed in; it gets something new to do.
        if !project.up_killed_after(Duration::from_millis(random.below(LATEST))) {
            round += 1;
            continue;
        }
        killed += 1;
        project.run(["state", "list"]).exits(0);
        if killed % 3 == 0 {
            round += 1;
        }
    }
    write(&folder, round);
    project.run(["up", "--yes"]).exits(0);
    project.is_up_to_date();

    each_is_there_once(&folder);
    project.run(["destroy", "--yes", "--delete-data", "all"]).exits(0);
    assert_eq!(objects(&folder), Vec::<String>::new());
    assert_eq!(project.run(["state", "list"]).exits(0).stdout, "");
}
