//! What others did to objects, and what a Job and a successor are waited for.

use super::*;

fn config() -> Json {
    json!({"data": {"A": "b"}})
}

/// A Deployment whose pods read a ConfigMap, with this image.
fn reader(image: &str) -> Json {
    let env = json!([{"configMapRef": {"name": "settings"}}]);
    json!({"spec": {"template": {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": image, "envFrom": env, "readinessProbe": {"exec": {}}}]},
    }}})
}

fn missing(identity: &'static str, spec: Json) -> Object {
    Object {
        missing: true,
        ..object(identity, spec.clone(), spec)
    }
}

#[test]
fn who_misses_an_object_that_is_gone_is_told() {
    let web = || object(WEB, reader("a:1"), reader("a:1"));
    assert_eq!(
        told(&[missing("core/ConfigMap shop/settings", config()), web()]),
        [
            "settings: effect: until it is there again, pods of Deployment shop/web that run go on, and none that starts meanwhile \
             (a restart, a scale-up, another node) gets to work"
        ]
    );
    assert!(told(&[missing("core/ConfigMap shop/other", config()), web()]).is_empty());
    let claim = || json!({"spec": {"resources": {"requests": {"storage": "1Gi"}}}});
    assert_eq!(
        told(&[missing("core/PersistentVolumeClaim shop/media", claim())]),
        ["media: data: claim shop/media (1Gi): new and empty"]
    );
    let service = json!({"spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}});
    let mut user = reader("a:1");
    user["spec"]["template"]["metadata"]["labels"] = json!({"app": "worker"});
    user["spec"]["template"]["spec"]["containers"][0]["env"] = json!([{"name": "SHOP_URL", "value": "http://web:80/"}]);
    let user = object("apps/Deployment shop/worker", user.clone(), user);
    assert_eq!(
        told(&[missing("core/Service shop/web", service), user]),
        [
            "web: effect: until it is there again, Service shop/web leads nowhere: no connections for Deployment shop/worker \
             (SHOP_URL)"
        ]
    );
}

#[test]
fn a_manager_that_sets_a_field_again_is_told_and_a_person_is_not() {
    let changed = |who: &'static str| Object {
        drift: vec![(who, "data.A")],
        ..object("core/ConfigMap shop/settings", config(), json!({"data": {"A": "c"}}))
    };
    assert_eq!(
        told(&[changed("argocd")]),
        ["settings: effect: two owners: argocd will set data.A again when it applies next: let one of the two own it"]
    );
    assert!(told(&[changed("kubectl-edit")]).is_empty());
}

#[test]
fn what_runs_while_a_job_does_is_told() {
    let job = |image: &str| json!({"spec": {"template": {"spec": {"containers": [{"name": "a", "image": image, "command": ["x"]}]}}}});
    let plan = |web: &str, waits: Option<&'static str>| {
        let job = object("batch/Job shop/migrate", job("a:1"), job("a:2")).replaced();
        let web = Object {
            waits,
            ..object(WEB, reader("a:1"), reader(web))
        };
        let told = told(&[job, web]).into_iter();
        told.filter(|text| text.starts_with("migrate: effect: ") && text.contains("Deployment"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        plan("a:2", None),
        [
            "migrate: effect: Deployment shop/web does not wait for it, and is changed also if it fails: old and new pods run while it \
             does, so the old ones may meet what it does, and the new ones what it has not done yet"
        ]
    );
    assert_eq!(
        plan("a:2", Some("batch/Job shop/migrate")),
        ["migrate: effect: while it runs, the old pods of Deployment shop/web go on, and meet what it does"]
    );
    // Another program, and one that stays.
    assert!(plan("b:1", None).is_empty());
    assert!(plan("a:1", None).is_empty());
}

#[test]
fn pods_that_go_once_their_successors_are_ready_are_no_outage() {
    let service = json!({"spec": {"selector": {"app": "web"}}});
    let plan = |waits: Option<&'static str>| {
        let old = Object {
            waits,
            ..object(WEB, reader("a:1"), Json::Null)
        };
        let new = object("apps/Deployment shop/front", Json::Null, reader("a:1"));
        told(&[
            old,
            new,
            object("core/Service shop/web", service.clone(), service.clone()),
        ])
    };
    assert_eq!(
        plan(Some("apps/Deployment shop/front")),
        [
            "web: effect: stops 1 pod (up to 30 s); only once the pods of Deployment shop/front are ready, which Service shop/web finds as \
             well (app=web); if these do not become ready, the old ones go on"
        ]
    );
    assert!(plan(None)[0].contains("nothing waits for these"));
}

#[test]
fn deployments_work_side_by_side_unless_something_is_in_the_way() {
    let deployment = |spec: Json, strategy: &str| {
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"strategy": {"type": strategy}, "template": {"spec": spec}}});
        Value::from(object)
    };
    let plain = || deployment(json!({"containers": [{"name": "a"}]}), "RollingUpdate");
    let port = json!({"containers": [{"name": "a", "ports": [{"containerPort": 80, "hostPort": 80}]}]});
    let claim = json!({"volumes": [{"name": "a", "persistentVolumeClaim": {"claimName": "a"}}]});
    for (new, expected) in [
        (plain(), true),
        (deployment(json!({}), "Recreate"), false),
        (deployment(json!({"hostNetwork": true}), "RollingUpdate"), false),
        (deployment(port, "RollingUpdate"), false),
        (deployment(claim, "RollingUpdate"), false),
        (json!({"apiVersion": "apps/v1", "kind": "StatefulSet"}).into(), false),
    ] {
        assert_eq!(work_side_by_side(&plain(), &new), expected, "{new:?}");
        assert_eq!(work_side_by_side(&new, &plain()), expected, "{new:?}");
    }
}

#[test]
fn a_new_object_begins_with_the_replicas_of_the_program() {
    let scaler =
        json!({"spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "minReplicas": 2, "maxReplicas": 4}});
    let mut web = reader("a:1");
    web["spec"]["replicas"] = 2.into();
    let plan = |web: Json| {
        told(&[
            object(WEB, Json::Null, web),
            object(
                "autoscaling/HorizontalPodAutoscaler shop/web",
                Json::Null,
                scaler.clone(),
            ),
        ])
    };
    assert_eq!(
        plan(web),
        [
            "web: effect: replicas: 2 is where it begins; HorizontalPodAutoscaler shop/web decides from then on, from 2 to 4"
        ]
    );
    assert!(plan(reader("a:1")).is_empty());
}
