//! Situations of plans, and what a reviewer is told of each.

use iac_core::provider::Recorded;
use iac_core::{Key, Value};
use serde_json::{Value as Json, json};

use super::*;

/// A service of a plan: its name, and what it is before and after; null where it is not there.
type Object = (&'static str, Json, Json);

fn service(name: &str, mut spec: Json) -> Json {
    spec["project"] = "shop".into();
    spec["service"] = name.into();
    if spec["image"].is_null() {
        spec["image"] = "shop:1".into();
    }
    spec
}

/// Returns the effects of a plan, as `NAME: LABEL: TEXT`.
fn told(objects: &[Object], new_volumes: &[&str]) -> Vec<String> {
    let value = |name: &str, spec: &Json| (!spec.is_null()).then(|| Value::from(service(name, spec.clone())));
    let keys: Vec<(Key, String)> = objects
        .iter()
        .map(|(name, ..)| {
            (
                format!("{SERVICE}::{name}").parse().expect("a key"),
                format!("compose/Service shop/{name}"),
            )
        })
        .chain(new_volumes.iter().map(|name| {
            let key = format!("docker:compose/Volume::{name}").parse().expect("a key");
            (key, format!("compose/Volume {name}"))
        }))
        .collect();
    let before: Vec<Option<Recorded>> = objects
        .iter()
        .zip(&keys)
        .map(|((name, before, _), (key, identity))| {
            Some(Recorded {
                key: key.clone(),
                identity: identity.clone(),
                uid: None,
                inputs: value(name, before)?,
                outputs: Value::Null,
                private: Default::default(),
                dependencies: Vec::new(),
                ready: true,
            })
        })
        .collect();
    let after: Vec<Option<Value>> = objects.iter().map(|(name, _, after)| value(name, after)).collect();
    let items: Vec<PlanItem<'_>> = keys
        .iter()
        .enumerate()
        .map(|(place, (key, identity))| {
            let (before, after) = (
                before.get(place).and_then(Option::as_ref),
                after.get(place).and_then(Option::as_ref),
            );
            PlanItem {
                key,
                identity,
                transition: match (before, after) {
                    (Some(_), None) => Transition::Delete,
                    (Some(before), Some(after)) if before.inputs == *after => Transition::Stays,
                    (Some(_), Some(_)) => Transition::Update,
                    (None, _) => Transition::Create,
                },
                recorded: before,
                after,
                live: None,
                predicted: &Value::Null,
                changes: &[],
            }
        })
        .collect();
    of(&items)
        .into_iter()
        .map(|(place, effect)| format!("{}: {}: {}", objects[place].0, effect.label(), effect.text()))
        .collect()
}

#[test]
fn what_stops_and_what_runs_is_told() {
    for (object, expected) in [
        (
            ("web", json!({"scale": 2}), Json::Null),
            "web: scale: stops 2 containers, and nothing takes the place",
        ),
        (
            (
                "migrate",
                Json::Null,
                json!({"completes": true, "command": ["alembic", "upgrade"]}),
            ),
            "migrate: run: runs: alembic upgrade",
        ),
        (
            ("migrate", Json::Null, json!({"completes": true})),
            "migrate: run: runs: the image shop:1",
        ),
        (
            ("db", json!({"image": "postgres:15"}), json!({"image": "busybox:1"})),
            "db: effect: it gets the image of another repository: busybox, not postgres",
        ),
    ] {
        assert_eq!(told(&[object], &[]), [expected]);
    }
    for quiet in [
        ("migrate", json!({"completes": true}), Json::Null),
        ("web", Json::Null, json!({})),
        ("db", json!({"image": "postgres:15"}), json!({"image": "postgres:16"})),
    ] {
        assert!(told(&[quiet], &[]).is_empty());
    }
}

#[test]
fn a_service_whose_place_is_taken_does_not_stop_for_good() {
    let port = |published: u16| json!({"stop_grace_period": "5s", "ports": [{"target": 80, "published": published, "protocol": "tcp", "host_ip": "127.0.0.1"}]});
    let renamed = |published: u16| {
        told(
            &[("web", port(8080), Json::Null), ("front", Json::Null, port(published))],
            &[],
        )
    };
    assert_eq!(
        renamed(8080),
        [
            "web: restart: stops 1 container (up to 5 s), then starts the new one (Service shop/front takes its place, and only one \
             can hold port 8080/tcp of the host); nothing serves until that is ready; if that does not work, this one does \
             not come back"
        ]
    );
    assert_eq!(
        renamed(8081),
        ["web: scale: stops 1 container, and nothing takes the place"]
    );
}

#[test]
fn new_ways_in_and_new_powers_are_told() {
    let port = |port: Json| json!({ "ports": [port] });
    let everywhere = || port(json!({"target": 80, "published": 8080, "protocol": "tcp"}));
    let local = || port(json!({"target": 80, "published": 8080, "protocol": "tcp", "host_ip": "127.0.0.1"}));
    for (before, after, expected) in [
        (
            Json::Null,
            everywhere(),
            "exposure: published on all addresses of the host: 8080:80/tcp",
        ),
        (
            local(),
            everywhere(),
            "exposure: published on all addresses of the host: 8080:80/tcp",
        ),
        (
            Json::Null,
            json!({"privileged": true}),
            "privilege: its containers are privileged, which is control over the host",
        ),
        (
            json!({}),
            json!({"network_mode": "host"}),
            "privilege: its containers use the network of the host",
        ),
        (
            json!({}),
            json!({"pid": "host", "ipc": "host"}),
            "see the processes of the host; share memory",
        ),
        (
            json!({}),
            json!({"volumes": [{"type": "bind", "source": "/var/run/docker.sock", "target": "/s"}]}),
            "use /var/run/docker.sock of the host, which is control over the host",
        ),
        (
            json!({}),
            json!({"volumes": [{"type": "bind", "source": "/etc", "target": "/s"}]}),
            "use /etc of the host",
        ),
        (
            json!({}),
            json!({"cap_add": ["NET_ADMIN"], "devices": ["/dev/fuse"]}),
            "get the capability NET_ADMIN; use the device /dev/fuse",
        ),
    ] {
        let texts = told(&[("web", before, after)], &[]);
        assert!(texts.len() == 1 && texts[0].contains(expected), "{texts:?}: {expected}");
    }
    let local_port = port(json!({"target": 80, "published": 8081, "protocol": "tcp", "host_ip": "127.0.0.1"}));
    assert_eq!(
        told(&[("web", local(), local_port)], &[]),
        ["web: closed: no longer published: 127.0.0.1:8080:80/tcp"]
    );
    for (before, after) in [
        (everywhere(), local()),
        (
            everywhere(),
            json!({"ports": everywhere()["ports"], "environment": {"A": "1"}}),
        ),
        (
            json!({"privileged": true}),
            json!({"privileged": true, "environment": {"A": "1"}}),
        ),
        (
            json!({}),
            json!({"volumes": [{"type": "bind", "source": "/srv/data", "target": "/s"}]}),
        ),
    ] {
        assert!(told(&[("web", before, after)], &[]).is_empty());
    }
}

#[test]
fn a_new_volume_in_the_place_of_another_one_is_told() {
    let uses = |volume: &str| json!({"volumes": [{"type": "volume", "source": volume, "target": "/data"}]});
    let swapped = [("db", uses("shop_data"), uses("shop_pgdata"))];
    assert_eq!(
        told(&swapped, &["shop_pgdata"]),
        [
            "db: data: volume shop_pgdata at /data: new and empty",
            "db: data: volume shop_data at /data: kept with the data in it, and used by nothing any more",
        ]
    );
    // Of one that is there already nothing is known.
    assert!(told(&swapped, &[]).is_empty());
}

#[test]
fn what_names_a_service_that_goes_is_told() {
    let gone = ("db", json!({"environment": {"A": "1"}}), Json::Null);
    let reader = |spec: Json| [gone.clone(), ("web", spec.clone(), spec)];
    let broken = |spec: Json| -> Vec<String> {
        told(&reader(spec), &[])
            .into_iter()
            .filter(|text| text.contains("broken"))
            .collect()
    };
    assert_eq!(
        broken(json!({"environment": {"URL": "postgres://u:p@db:5432/x", "DB_NAME": "db"}})),
        ["db: broken reference: Service shop/web names Service shop/db in environment.URL, and will not find it"]
    );
    assert_eq!(
        broken(json!({"command": ["serve", "--db=db:5432"]})),
        ["db: broken reference: Service shop/web names Service shop/db in command[1], and will not find it"]
    );
    assert!(broken(json!({"environment": {"DB_NAME": "db"}})).is_empty());
}
