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

/// What is known of a plan's services beside their definitions.
#[derive(Default)]
struct Known {
    /// The effect that each of these was predicted to have.
    told: Vec<(&'static str, Effect)>,
    /// Those whose containers are gone.
    missing: Vec<&'static str>,
    /// Those that wait until the other one is ready.
    waits: Vec<(&'static str, &'static str)>,
}

/// Returns the effects of a plan, as `NAME: LABEL: TEXT`.
fn told(objects: &[Object], new_volumes: &[&str]) -> Vec<String> {
    told_of(objects, new_volumes, &Known::default())
}

fn told_of(objects: &[Object], new_volumes: &[&str], known: &Known) -> Vec<String> {
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
    let name = |place: usize| objects.get(place).map_or("", |(name, ..)| name);
    let predicted = |place: usize| -> Vec<Effect> {
        let all = known.told.iter().filter(|(of, _)| *of == name(place));
        all.map(|(_, effect)| effect.clone()).collect()
    };
    let predicted: Vec<Vec<Effect>> = (0..keys.len()).map(predicted).collect();
    let waits = |place: usize| -> Vec<(Key, Phase)> {
        let all = known.waits.iter().filter(|(of, _)| *of == name(place));
        let on = all.filter_map(|(_, on)| objects.iter().position(|(name, ..)| name == on));
        on.map(|on| (keys[on].0.clone(), Phase::Ready)).collect()
    };
    let waits: Vec<Vec<(Key, Phase)>> = (0..keys.len()).map(waits).collect();
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
                    _ if known.missing.contains(&name(place)) => Transition::Create,
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
                told: &predicted[place],
                waits_for: &waits[place],
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
            "web: scale: stops 2 containers (up to 10 s), and nothing takes the place",
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
        ["web: scale: stops 1 container (up to 5 s), and nothing takes the place"]
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
            "db: data: volume shop_pgdata at /data: new and empty; the data stays in volume shop_data, and nothing uses it there any \
             more",
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

fn gap() -> Effect {
    Effect::Restart(Restart {
        unit: Unit::Container,
        count: Some(1),
        way: Way::OneByOne,
        because: None,
        stop_seconds: None,
        gap: Some("nothing serves".to_owned()),
        failure: None,
    })
}

#[test]
fn who_cannot_reach_a_service_that_is_away_is_told() {
    let uses = json!({"environment": {"DB_HOST": "db"}, "command": ["--db=db:5432"]});
    let user = ("web", uses.clone(), uses);
    let waiter = json!({"depends_on": {"db": {"condition": "service_started"}}});
    let waiter = ("cache", waiter.clone(), waiter);
    let changed = |spec: Json| ("db", spec, json!({"image": "shop:2"}));
    let restarted = Known {
        told: vec![("db", gap())],
        ..Known::default()
    };
    assert_eq!(
        told_of(&[changed(json!({})), user.clone(), waiter], &[], &restarted),
        ["db: effect: meanwhile, Service shop/web (DB_HOST, command), Service shop/cache (depends_on) cannot reach it"]
    );
    assert_eq!(
        told_of(&[changed(json!({}))], &[], &restarted),
        ["db: effect: meanwhile, nothing in this stack misses it: no service names it, and it publishes no port"]
    );
    // One that goes on until the new one works is never away.
    assert!(told(&[changed(json!({})), user.clone()], &[]).is_empty());
    let data = json!({"volumes": [{"type": "volume", "source": "shop_data", "target": "/data"}]});
    let missing = Known {
        missing: vec!["db"],
        ..Known::default()
    };
    assert_eq!(
        told_of(&[("db", data.clone(), data), user], &[], &missing),
        ["db: effect: until it is there again, Service shop/web (DB_HOST, command) cannot reach it"]
    );
}

#[test]
fn a_service_under_a_new_name_that_is_waited_for_is_no_outage() {
    let waits = Known {
        waits: vec![("web", "front")],
        ..Known::default()
    };
    assert_eq!(
        told_of(
            &[("web", json!({}), Json::Null), ("front", Json::Null, json!({}))],
            &[],
            &waits
        ),
        [
            "web: effect: stops 1 container (up to 10 s); only once Service shop/front is ready; if that does not work, this one \
             goes on"
        ]
    );
}

#[test]
fn less_time_to_stop_and_a_job_that_runs_again_are_told() {
    assert_eq!(
        told(&[("db", json!({"stop_grace_period": "60s"}), json!({}))], &[]),
        ["db: effect: its containers have 10 s to stop from now on, as the engine gives them, not 60 s"]
    );
    let job = |image: &str| json!({"completes": true, "image": image});
    let waiter = json!({"depends_on": {"migrate": {"condition": "service_completed_successfully"}}});
    let again = Known {
        told: vec![(
            "migrate",
            Effect::Run(Run {
                command: "x".to_owned(),
                again: true,
                tries: None,
                last: None,
            }),
        )],
        ..Known::default()
    };
    assert_eq!(
        told_of(
            &[("migrate", job("a:1"), job("a:2")), ("web", waiter.clone(), waiter)],
            &[],
            &again
        ),
        [
            "migrate: effect: the container of its last run and its log are deleted; Service shop/web, which waited for it at its \
             start, runs on meanwhile, also if this fails"
        ]
    );
}
