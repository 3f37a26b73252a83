//! The objects that parts are lowered to on each target: golden files, and tables of what is refused.

mod support;

use iac_app::{
    Alert, App, Autoscale, Binding, Container, Exporter, GrafanaOptions, Peer, PostgresOptions, Probe,
    PrometheusOptions, Publish, RedisOptions, Resources, Route, Text, Upload, Volume, name,
};
use iac_compose::model::Service;
use iac_k8s::k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use support::{Place, errors, inputs, lowered, shown};

/// A description that uses most of what there is, and means the same on both targets.
fn shop(app: &App) -> iac_app::Web {
    let small = Resources::new(["100m", "64Mi"], ["1", "256Mi"]).expect("amounts");
    let postgres = app.postgres(
        name("postgres").service("postgres-service").docker("db"),
        PostgresOptions::image("postgres:16")
            .database("shop")
            .storage("20Gi")
            .resources(&small)
            .parameter("max_connections", 100)
            .init_script("init.sql", "create extension if not exists pgcrypto;")
            .ready(|probe| probe.every(10).timeout(3).failures(5)),
    );
    let redis = app.redis(
        "redis",
        RedisOptions::image("redis:7")
            .append_only("1Gi")
            .with_password()
            .ready(|probe| probe.every(10).failures(5)),
    );
    let shared = app.environment("shop");
    shared
        .env("LOG_LEVEL", "INFO")
        .env("DATABASE_URL", postgres.url("postgresql+asyncpg"))
        .env("DATABASE_PASSWORD", postgres.password())
        .env("REDIS_URL", redis.url(0))
        .optional("REGION", Some("eu"))
        .optional("ZONE", None::<&str>);
    let code = Container::image("shop:1")
        .resources(&small)
        .user(1000)
        .group(1000)
        .restricted();
    let migrate = app.job(
        "migrate",
        code.clone()
            .command(["alembic", "upgrade", "head"])
            .env("DATABASE_URL", postgres.url("postgresql+asyncpg")),
    );
    let beat = code.clone().command(["celery", "beat"]).env_from(&shared);
    app.worker("beat", beat.port("status", 5555).ready(Probe::tcp()))
        .singleton();
    app.backup(
        "backup",
        postgres
            .dump()
            .schedule("0 2 * * *".parse().expect("a schedule"))
            .keep_days(7)
            .on_volume("backup", "20Gi")
            .upload(&to_minio(app)),
    );
    let web = app.web(
        "web",
        code.env_from(&shared)
            .env("PRICE", "$(LOG_LEVEL) is $5")
            .env(
                "API_KEY",
                app.stack().secret("api-key", "-----BEGIN KEY-----\n\"$x\"\n"),
            )
            .service_port("http", 8000, 80)
            .ready(Probe::http("/health").delay(10).every(5))
            .file("/etc/shop.toml", "[shop]\n")
            .read_only()
            .scratch("/tmp")
            .volume(Volume::new("/srv/uploads", "5Gi").named("uploads").shared())
            .after(migrate.completed()),
    );
    app.backup(
        "files-backup",
        web.archive("/srv/uploads")
            .schedule("0 3 * * *".parse().expect("a schedule"))
            .keep_days(30)
            .on_volume("files-backup", "20Gi"),
    );
    web
}

fn to_minio(app: &App) -> Upload {
    Upload {
        endpoint: Some("https://minio.example.com".into()),
        region: Some("eu-west-1".into()),
        access_key: Some(app.stack().secret("s3-key", "one-key")),
        secret_key: Some(app.stack().secret("s3-secret", "other-key")),
        keep_days: Some(30),
        ..to("s3://my-backups/database/")
    }
}

fn to(folder: &str) -> Upload {
    Upload {
        to: Some(folder.into()),
        ..Upload::default()
    }
}

#[test]
fn a_description_becomes_objects_of_a_namespace() {
    let (declaration, _) = lowered(Place::Kubernetes, |app| {
        app.storage_class("fast-ssd");
        let web = shop(app);
        web.alive(Probe::http("/health").delay(30))
            .scale(3, 10, [Autoscale::cpu(70), Autoscale::memory(80)])
            .scrape("/metrics", "30s")
            .route(
                Route::host("shop.example.com")
                    .class("nginx")
                    .tls_from("letsencrypt-prod", "shop-tls"),
            );
        app.alerts(
            "shop-alerts",
            "shop",
            "30s",
            [Alert::new("Down", "up == 0", "5m").severity("critical")],
        );
    });
    insta::assert_snapshot!("kubernetes", shown(&declaration));
}

#[test]
fn a_description_becomes_services_of_a_project() {
    let (declaration, _) = lowered(Place::Docker, |app| {
        let web = shop(app);
        web.publish(Publish::local(8000));
        app.rotate_logs("10m", 3);
        app.stack().export("url", web.published_url());
    });
    insta::assert_snapshot!("docker", shown(&declaration));
}

/// A description that looks after itself.
fn observed(app: &App) {
    let db = app.postgres("db", PostgresOptions::image("postgres:16"));
    let cache = app.redis("cache", RedisOptions::image("redis:7").with_password());
    let code = Container::image("shop:1").service_port("http", 8000, 80);
    app.web("web", code.clone()).replicas(2).scrape("/metrics", "15s");
    app.web("admin", code).scrape_as("back-office", "/stats", "1m");
    app.exporter("db-exporter", Exporter::postgres("postgres-exporter:1", &db))
        .scrape_as("db", "/metrics", "15s");
    app.exporter("cache-exporter", Exporter::redis("redis-exporter:1", &cache))
        .scrape("/metrics", "15s");
    let managed = Binding::external("managed", "postgresql", "db.example.com", 5432)
        .with_user("app", app.stack().secret("managed", "p@ss"));
    app.exporter("managed-exporter", Exporter::postgres("postgres-exporter:1", &managed));
    app.alerts(
        "shop-alerts",
        "shop",
        "30s",
        [Alert::new("Down", "up == 0", "5m").severity("critical")],
    );
    let prometheus = app.prometheus(
        "prometheus",
        PrometheusOptions::image("prometheus:3").retention("30d").storage("5Gi"),
    );
    prometheus.scrape("/metrics", "15s");
    let loki = Binding::external("loki", "http", "loki.example.com", 3100);
    app.grafana(
        "grafana",
        GrafanaOptions::image("grafana:12")
            .prometheus(&prometheus)
            .loki(&loki)
            .dashboard(r#"{ "title": "Shop", "uid": "shop", "panels": [] }"#),
    );
}

#[test]
fn a_prometheus_of_ones_own_asks_each_container_and_evaluates_the_rules() {
    for (place, name) in [
        (Place::Kubernetes, "observed_kubernetes"),
        (Place::Docker, "observed_docker"),
    ] {
        let (declaration, _) = lowered(place, observed);
        insta::assert_snapshot!(name, shown(&declaration));
    }
}

#[test]
fn what_a_program_sets_around_the_model_is_said() {
    let (declaration, notes) = lowered(Place::Kubernetes, |app| {
        let web = app.web("web", Container::image("shop:1").port("http", 80));
        web.on_kubernetes(|deployment: &mut Deployment| {
            if let Some(spec) = &mut deployment.spec {
                spec.revision_history_limit = Some(5);
            }
        });
    });
    assert_eq!(
        notes,
        ["Deployment web: set by on_kubernetes: spec.revisionHistoryLimit"]
    );
    assert!(shown(&declaration).contains("\"revisionHistoryLimit\": 5"));
    let (_, notes) = lowered(Place::Docker, |app| {
        let web = app.web("web", Container::image("shop:1").port("http", 80));
        web.on_docker(|service: &mut Service| service.init = Some(true));
    });
    assert_eq!(notes, ["service web: set by on_docker: init"]);
}

/// A description that one target, or both, cannot take.
type Wrong = (Place, fn(&App), &'static str);

fn web(app: &App) -> iac_app::Web {
    app.web("web", Container::image("shop:1").port("http", 80))
}

fn backup_to(app: &App, upload: &Upload) {
    let dump = app.postgres("p", PostgresOptions::image("postgres:16")).dump();
    let dump = dump.schedule("0 2 * * *".parse().expect("a schedule")).keep_days(7);
    app.backup("b", dump.on_volume("backup", "1Gi").upload(upload));
}

const WRONG: &[Wrong] = &[
    (
        Place::Docker,
        |app| drop(app.worker("w", Container::image("i").group(1000))),
        "w: group: a Docker Engine takes a group only beside a user",
    ),
    (
        Place::Docker,
        |app| drop(app.worker("w", Container::image("i").restricted())),
        "w: restricted: a Docker Engine does not look whether an image runs as root",
    ),
    (
        Place::Docker,
        |app| drop(web(app).route(Route::host("a.example.com")).clone()),
        "web: route: nothing on a Docker Engine leads host names",
    ),
    (
        Place::Docker,
        |app| drop(web(app).scale(1, 3, [Autoscale::cpu(70)]).clone()),
        "web: scale: a Docker Engine does not follow the load",
    ),
    (
        Place::Docker,
        |app| drop(web(app).alive(Probe::tcp()).clone()),
        "web: alive: a Docker Engine restarts a container that ended",
    ),
    (
        Place::Docker,
        |app| drop(web(app).scrape("/metrics", "30s").clone()),
        "web: scrape: nothing on a Docker Engine asks it for metrics by itself; declare a Prometheus beside it: app.prometheus(",
    ),
    (
        Place::Docker,
        |app| drop(app.storage_class("fast").clone()),
        "storage_class: storage_class: a Docker Engine has no storage classes",
    ),
    (
        Place::Docker,
        |app| app.alerts("a", "a", "30s", []),
        "a: alerts: nothing on a Docker Engine looks at alerting rules by itself; declare a Prometheus",
    ),
    (
        Place::Both,
        |app| app.alerts("a", "a", "soon", []),
        "a: alerts: the interval: \"soon\" is no time of Prometheus; write \"30s\"",
    ),
    (
        Place::Both,
        |app| app.alerts("a", "a", "30s", [Alert::new("Down", "up == 0", "5")]),
        "a: alerts: how long Down has held: \"5\" is no time of Prometheus",
    ),
    (
        Place::Both,
        |app| {
            app.alerts("a", "a", "30s", []);
            app.alerts("a", "b", "30s", []);
        },
        "a: alerts: another group has this name already",
    ),
    (
        Place::Both,
        |app| app.alerts("a/b", "a", "30s", []),
        "a/b: alerts: the name of a group has letters",
    ),
    (
        Place::Both,
        |app| drop(web(app).scrape("/metrics", "often").clone()),
        "web: scrape: \"often\" is no time of Prometheus",
    ),
    (
        Place::Both,
        |app| drop(web(app).scrape("metrics", "30s").clone()),
        "web: scrape: the path \"metrics\" does not begin with /",
    ),
    (
        Place::Both,
        |app| {
            web(app).scrape("/metrics", "30s");
            let other = app.web("other", Container::image("i").port("http", 80));
            other.scrape_as("web", "/metrics", "30s");
        },
        "other: scrape: the part \"web\" is asked as the job \"web\" already",
    ),
    (
        Place::Both,
        |app| {
            app.prometheus("one", PrometheusOptions::image("i"));
            app.prometheus("two", PrometheusOptions::image("i"));
        },
        "two: prometheus: the application has one already, at crates/iac-app/tests/lowering.rs:",
    ),
    (
        Place::Both,
        |app| drop(app.prometheus("p", PrometheusOptions::image("i").retention("long"))),
        "p: retention: \"long\" is no time of Prometheus",
    ),
    (
        Place::Both,
        |app| drop(app.grafana("g", GrafanaOptions::image("i").dashboard("{"))),
        "g: grafana: the dashboard \"{\": it is not JSON",
    ),
    (
        Place::Both,
        |app| {
            let one = Binding::external("one", "http", "one.example.com", 9090);
            drop(app.grafana("g", GrafanaOptions::image("i").prometheus(&one).prometheus(&one)));
        },
        "g: grafana: there are two data sources with the uid \"prometheus\"",
    ),
    (
        Place::Both,
        |app| {
            let password = app.stack().secret("password", "x");
            let one = Binding::external("one", "http", "one.example.com", 9090).with_user("u", password);
            drop(app.grafana("g", GrafanaOptions::image("i").prometheus(&one)));
        },
        "g: grafana: the data source Prometheus asks for a password",
    ),
    (
        Place::Docker,
        |app| drop(web(app).replicas(2).publish(Publish::local(80)).clone()),
        "web: publish: a port of the host leads to one container",
    ),
    (
        Place::Docker,
        |app| drop(app.scheduled("s", "0 2 * * *".parse().expect("a schedule"), Container::image("i"))),
        "s: a scheduled job on Docker needs its program",
    ),
    (
        Place::Docker,
        |app| drop(web(app).on_kubernetes(|_: &mut Deployment| ()).clone()),
        "web: on_kubernetes: this program puts the application on Docker",
    ),
    (
        Place::Kubernetes,
        |app| drop(web(app).on_docker(|_| ()).clone()),
        "web: on_docker: this program puts the application on Kubernetes",
    ),
    (
        Place::Kubernetes,
        |app| drop(web(app).publish(Publish::local(80)).clone()),
        "web: publish: a port of the host is a matter of Docker",
    ),
    (
        Place::Docker,
        |app| drop(web(app).open_to(Peer::namespace("monitoring")).clone()),
        "web: open_to: a Docker Engine has no namespaces",
    ),
    (
        Place::Kubernetes,
        |app| drop(web(app).open_to(Peer::namespace("monitoring")).clone()),
        "web: open_to: the application is not isolated",
    ),
    (
        Place::Kubernetes,
        |app| drop(web(app.isolate()).route(Route::host("a.example.com")).clone()),
        "web: route: the ingress controller cannot reach it",
    ),
    (
        Place::Kubernetes,
        |app| drop(web(app.isolate()).scrape("/metrics", "30s").clone()),
        "web: scrape: Prometheus cannot reach it",
    ),
    (
        Place::Both,
        |app| {
            let text = Text::from("@A@").replace("@B@", "b");
            app.worker("w", Container::image("i").file("/etc/x", text));
        },
        "w: /etc/x: the mark \"@B@\" is not in the text",
    ),
    (
        Place::Both,
        |app| drop(web(app).archive("/data")),
        "web: archive: it has no shared volume at \"/data\"",
    ),
    (
        Place::Kubernetes,
        |app| drop(web(app).on_kubernetes(|_: &mut StatefulSet| ()).clone()),
        "web: on_kubernetes: this part is lowered to no StatefulSet",
    ),
    (
        Place::Both,
        |app| {
            web(app);
            web(app);
        },
        "web: another part has this name already, at crates/iac-app/tests/lowering.rs:",
    ),
    (
        Place::Both,
        |app| drop(app.web("web", Container::image("").port("http", 80))),
        "web: it has no image",
    ),
    (
        Place::Both,
        |app| drop(app.web("web", Container::image("i"))),
        "web: it listens at no port",
    ),
    (
        Place::Both,
        |app| drop(app.web("web", Container::image("i").port("a", 80).port("a", 81))),
        "web: two of its ports are called \"a\"",
    ),
    (
        Place::Both,
        |app| drop(app.web("web", Container::image("i").port("a", 80).port("b", 80))),
        "web: two of its ports have the number 80",
    ),
    (
        Place::Both,
        |app| drop(app.web("web", Container::image("i").port("a", 80).ready(Probe::tcp().port("b")))),
        "web: its probe: it has no port \"b\"; it has a",
    ),
    (
        Place::Both,
        |app| drop(app.worker("w", Container::image("i").ready(Probe::http("/health")))),
        "w: its probe asks at a port, and it listens at none",
    ),
    (
        Place::Both,
        |app| drop(app.worker("w", Container::image("i").port("a", 80).ready(Probe::http("health")))),
        "w: its probe: the path \"health\" does not begin with /",
    ),
    (
        Place::Both,
        |app| drop(app.worker("w", Container::image("i").file("etc/x", "y"))),
        "w: \"etc/x\" is no absolute path",
    ),
    (
        Place::Both,
        |app| {
            drop(
                app.worker("w", Container::image("i").volume(Volume::new("/data", "1Gi")))
                    .replicas(2)
                    .clone(),
            );
        },
        "w: several containers would write to one volume",
    ),
    (
        Place::Both,
        |app| drop(app.worker("w", Container::image("i")).singleton().replicas(2).clone()),
        "w: singleton: there are never two of it",
    ),
    (
        Place::Both,
        |app| drop(app.job("j", Container::image("i").ready(Probe::command(["true"])))),
        "j: a job has no readiness",
    ),
    (
        Place::Both,
        |app| drop(app.backup("b", app.postgres("p", PostgresOptions::image("postgres:16")).dump())),
        "b: a backup needs a place: .on_volume(\"backup\", \"20Gi\")",
    ),
    (
        Place::Both,
        |app| drop(app.backup("b", app.postgres("p", PostgresOptions::image("postgres:16")).dump())),
        "b: a backup needs a time: .schedule(",
    ),
    (
        Place::Kubernetes,
        |app| drop(app.rotate_logs("10m", 3).clone()),
        "rotate_logs: rotate_logs: a kubelet does that by itself",
    ),
    (
        Place::Both,
        |app| backup_to(app, &to("my-backups/database/")),
        "b: upload: \"my-backups/database/\" is no folder on S3: write s3://BUCKET/FOLDER/",
    ),
    (
        Place::Both,
        |app| backup_to(app, &to("s3:///database")),
        "b: upload: \"s3:///database\" is no folder on S3",
    ),
    (
        Place::Both,
        |app| {
            let secret_key = None;
            backup_to(
                app,
                &Upload {
                    secret_key,
                    ..to_minio(app)
                },
            );
        },
        "b: upload: access_key and secret_key belong together",
    ),
    (
        Place::Both,
        |app| {
            let keep_days = Some(6);
            backup_to(
                app,
                &Upload {
                    keep_days,
                    ..to("s3://b/")
                },
            );
        },
        "b: upload: copies cannot be kept for a shorter time than the backups in the volume",
    ),
    (
        Place::Kubernetes,
        |app| drop(web(app).scale(3, 1, []).clone()),
        "web: scale: it goes from at least 1 to at least as many, by at least one measure; here from 3 to 1, by 0",
    ),
    (
        Place::Kubernetes,
        |app| drop(web(app).scale(1, 3, [Autoscale::cpu(70)]).clone()),
        "web: scale: cpu is measured in percent of what it asks for, and it asks for none",
    ),
];

#[test]
fn what_a_target_cannot_do_is_refused_at_the_users_line() {
    for (place, describe, expected) in WRONG {
        for target in place.each() {
            let errors = errors(target, describe);
            let found = errors.iter().any(|error| error.contains(expected));
            assert!(found, "{target:?}: {expected:?} is not in {errors:#?}");
            let own = errors
                .iter()
                .all(|error| error.starts_with("crates/iac-app/tests/lowering.rs:"));
            assert!(own, "{target:?}: {errors:#?}");
        }
    }
}

#[test]
fn what_copies_a_restricted_backup_is_restricted_as_well() {
    let (declaration, _) = lowered(Place::Kubernetes, |app| {
        let dump = app.postgres("p", PostgresOptions::image("postgres:16")).dump();
        let dump = dump.schedule("0 2 * * *".parse().expect("a schedule")).keep_days(7);
        let backup = app.backup("b", dump.on_volume("backup", "1Gi").upload(&to_minio(app)));
        backup.container(|container| container.user(70).restricted());
    });
    let objects = inputs(&declaration);
    let job = objects
        .values()
        .find(|object| object["kind"] == "CronJob")
        .expect("a job");
    let pod = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    for container in [&pod["initContainers"][0], &pod["containers"][0]] {
        let security = &container["securityContext"];
        assert_eq!(security["allowPrivilegeEscalation"], false, "{container}");
        assert_eq!(security["capabilities"]["drop"][0], "ALL", "{container}");
    }
}

#[test]
fn parts_that_wait_for_each_other_in_a_circle_are_named() {
    for target in Place::Both.each() {
        let errors = errors(target, |app: &App| {
            let shared = app.environment("shared");
            let worker = app.worker("worker", Container::image("i").env_from(&shared));
            let web = app.web("web", Container::image("i").port("http", 80).after(worker.ready()));
            shared.env("WEB", web.url("http"));
        });
        assert_eq!(errors.len(), 1, "{errors:#?}");
        let error = &errors[0];
        assert!(
            error.ends_with("worker: it waits for itself: worker -> web -> worker"),
            "{error}"
        );
    }
}
