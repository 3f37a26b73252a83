//! The effects of outages: what takes the place, and who is not served.

use super::*;

const SERVICE: &str = "core/Service shop/web";

fn stays(identity: &'static str, spec: Json) -> Object {
    object(identity, spec.clone(), spec)
}

fn service() -> Object {
    stays(
        SERVICE,
        json!({"spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}),
    )
}

fn ingress() -> Object {
    let backend = json!({"service": {"name": "web", "port": {"number": 80}}});
    let rules = json!([{"host": "shop.test", "http": {"paths": [{"path": "/", "backend": backend}]}}]);
    stays("networking.k8s.io/Ingress shop/shop", json!({"spec": {"rules": rules}}))
}

fn worker() -> Object {
    let container = json!({"name": "a", "env": [{"name": "SHOP_URL", "value": "http://web:80/"}]});
    let template = json!({"metadata": {"labels": {"app": "worker"}}, "spec": {"containers": [container]}});
    stays("apps/Deployment shop/worker", json!({"spec": {"template": template}}))
}

fn web(replicas: u64) -> Json {
    workload(json!({"replicas": replicas}), "a:1")
}

/// The effects with one of these labels.
fn labelled(objects: &[Object], labels: &[&str]) -> Vec<String> {
    let has = |text: &String| labels.iter().any(|label| text.contains(&format!(": {label}: ")));
    told(objects).into_iter().filter(has).collect()
}

#[test]
fn what_takes_the_place_of_a_workload_that_goes_is_told() {
    let front = |before: Json| object("apps/Deployment shop/front", before, web(2));
    let gone = || object(WEB, web(2), Json::Null);
    for (objects, expected) in [
        (
            vec![gone(), front(Json::Null), service()],
            "web: scale: stops 2 pods (up to 30 s); Service shop/web finds the pods of Deployment shop/front instead (app=web), but \
             nothing waits for these: until they are ready it may lead nowhere",
        ),
        (
            vec![gone(), front(web(2)), service()],
            "web: effect: stops 2 pods (up to 30 s); Service shop/web goes on with the pods of Deployment shop/front (app=web)",
        ),
        (
            vec![gone(), front(Json::Null)],
            "web: scale: stops 2 pods (up to 30 s), and nothing takes the place",
        ),
    ] {
        assert_eq!(labelled(&objects, &["scale", "effect"]), [expected]);
    }
}

#[test]
fn a_set_under_another_name_gets_the_clients_of_the_old_one() {
    let set = || {
        let mut set = workload(json!({}), "a:1");
        set["spec"]["volumeClaimTemplates"] =
            json!([{"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "1Gi"}}}}]);
        set
    };
    let objects = [
        object("apps/StatefulSet shop/database", Json::Null, set()),
        object(DB, set(), Json::Null),
        service(),
    ];
    assert_eq!(
        labelled(&objects[..], &["data", "effect"]),
        [
            "database: data: claim shop/data-database-0 (1Gi): new and empty; the data stays in claim shop/data-db-0, and nothing uses it \
             there any more",
            "database: effect: Service shop/web finds its pods (app=web) as soon as they are ready: its clients read and write the \
             empty data there, and no longer that of StatefulSet shop/db",
        ]
    );
}

#[test]
fn who_is_not_served_is_told() {
    let served = |change: Object| labelled(&[change, service(), ingress(), worker()], &["effect"]);
    let users = "Service shop/web leads nowhere: requests for shop.test get 503 (Ingress shop/shop); no connections for \
                 Deployment shop/worker (SHOP_URL)";
    assert_eq!(
        served(object(WEB, web(2), web(0))),
        [format!("web: effect: from then on {users}")]
    );
    let recreated = |image: &str| workload(json!({"strategy": {"type": "Recreate"}}), image);
    assert_eq!(
        served(object(WEB, recreated("a:1"), recreated("a:2"))),
        [format!("web: effect: meanwhile {users}")]
    );
    // Without a gap there is nothing to tell, nor where others serve as well.
    assert!(served(updated(WEB, json!({"replicas": 2}))).is_empty());
    let others = [
        object(WEB, web(2), web(0)),
        service(),
        ingress(),
        stays("apps/Deployment shop/web2", web(1)),
    ];
    assert!(labelled(&others, &["effect"]).is_empty());
    let gone = object(SERVICE, service().before, Json::Null);
    assert_eq!(
        labelled(&[gone, ingress(), worker()], &["closed", "effect"]),
        [
            "web: closed: requests for shop.test get 503: Ingress shop/shop leads nowhere",
            "web: effect: new connections to it fail at once; those that are open go on",
        ]
    );
}

#[test]
fn what_pods_need_and_goes_is_told_with_the_time_when_it_hurts() {
    let with = |spec: Json| stays(WEB, json!({"spec": {"template": {"spec": spec}}}));
    let config = |optional: bool| {
        with(
            json!({"containers": [{"name": "a", "envFrom": [{"configMapRef": {"name": "settings", "optional": optional}}]}]}),
        )
    };
    let gone = || object("core/ConfigMap shop/settings", json!({"data": {}}), Json::Null);
    assert_eq!(
        told(&[gone(), config(false)]),
        [
            "settings: effect: pods of Deployment shop/web that run go on; each one that starts from now on (a restart, a scale-up, \
          another node) does not start"
        ]
    );
    assert!(told(&[gone(), config(true)]).is_empty());
    let claim = object("core/PersistentVolumeClaim shop/media", json!({"spec": {}}), Json::Null);
    let uses =
        with(json!({"containers": [], "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "media"}}]}));
    let texts = told(&[claim, uses]);
    assert!(
        texts.len() == 1 && texts[0].contains("marked for deletion now") && texts[0].contains("Deployment shop/web"),
        "{texts:?}"
    );
}

#[test]
fn a_claim_that_becomes_a_folder_of_the_pod_is_told() {
    let with = |volume: Json| {
        let mut volume = volume;
        volume["name"] = "media".into();
        let container = json!({"name": "a", "volumeMounts": [{"name": "media", "mountPath": "/media"}]});
        json!({"spec": {"template": {"spec": {"containers": [container], "volumes": [volume]}}}})
    };
    let claim = with(json!({"persistentVolumeClaim": {"claimName": "media"}}));
    assert_eq!(
        labelled(&[object(WEB, claim, with(json!({"emptyDir": {}})))], &["data"]),
        ["web: data: /media: in an emptyDir from now on, which is empty, and lost with each pod"]
    );
}
