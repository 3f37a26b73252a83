//! lang-agent on a real Docker Engine: cards and media through the way in, an update with a migration and
//! the way back, and a backup that is read back from S3.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use iac_testbed::certificates::Authority;
use serde_json::json;

use crate::bucket::{BUCKET_AND_DOCKER, Bucket};
use crate::docker::{DOCKER, Docker, free_ports};
use crate::docker_monitoring::{eventually, grafana_has, targets_are_up};
use crate::easyflow::Front;
use crate::support::{Project, Ran, files, ingress_leads_to};

pub(crate) const NAME: &str = "lang-agent";
pub(crate) const DOMAIN: &str = "lang-agent.test";
pub(crate) const BACKEND: &str = "localhost/iac-test/lang-agent-backend";
pub(crate) const BOT: &str = "1234:not-a-real-token";
pub(crate) const OPENAI: &str = "sk-not-a-real-key";

/// The test bed's images, sizes and times that fit one small machine, and the bucket.
pub(crate) fn on_test_bed(project: Project, bucket: &Bucket) -> Project {
    let settings = [
        ("backend.image", BACKEND),
        ("backend.image_tag", "1"),
        ("backend.user", "10001"),
        ("probes.backend.every", "2"),
        ("images.frontend", "localhost/iac-test/lang-agent-frontend:1"),
        ("images.postgres", "localhost/iac-test/postgres:15"),
        ("images.redis", "localhost/iac-test/redis:7"),
        ("images.postgres_exporter", "localhost/iac-test/postgres-exporter:0.11"),
        ("images.redis_exporter", "localhost/iac-test/redis-exporter:1.45"),
        ("ingress.host", DOMAIN),
        ("sizes.postgres", "1Gi"),
        ("sizes.redis", "1Gi"),
        ("sizes.media", "1Gi"),
        ("sizes.backup", "1Gi"),
    ];
    let settings = settings.map(|(key, value)| format!("{key}={value}"));
    project.settings(settings.iter().chain(&bucket.settings()))
}

/// `up` with more settings.
pub(crate) fn up(project: &Project, settings: &[&str]) -> Ran {
    let settings = settings.iter().flat_map(|setting| ["--config", setting]);
    Ran::of(&mut project.command(["up", "--yes"].into_iter().chain(settings)))
}

/// Somebody who learns, with a token.
pub(crate) struct Learner<'a> {
    front: &'a Front,
    token: String,
}

impl<'a> Learner<'a> {
    pub(crate) fn new(front: &'a Front) -> Self {
        let answer = front.json(&["--json", r#"{"user": "ann"}"#], "/api/auth/token");
        let token = format!("Authorization: Bearer {}", answer["access_token"].as_str().unwrap());
        Self { front, token }
    }

    fn call(&self, arguments: &[&str], path: &str) -> String {
        let token = ["--header", self.token.as_str()];
        self.front.curl(&[&token[..], arguments].concat(), path)
    }

    pub(crate) fn adds(&self, word: &str) {
        let card = json!({ "word": word, "translation": "house" }).to_string();
        let answer = self.call(&["--json", &card], "/api/cards");
        assert!(answer.contains("\"id\""), "{answer}");
    }

    pub(crate) fn has(&self, word: &str) {
        let cards = self.call(&[], "/api/cards");
        assert!(cards.contains(word), "{cards}");
    }

    /// Larger than what nginx takes by itself.
    pub(crate) fn puts_a_picture(&self, project: &Project) {
        project.write("house.png", &"a picture ".repeat(200_000));
        let file = format!("@{}", project.path("house.png").display());
        let put = [
            "--request",
            "PUT",
            "--data-binary",
            &file,
            "--write-out",
            "%{http_code}",
        ];
        assert_eq!(self.call(&put, "/api/media/house.png"), "204");
    }

    pub(crate) fn sees_the_picture(&self) {
        let picture = self.call(&[], "/api/media/house.png");
        assert_eq!(picture.len(), 2_000_000);
    }
}

impl Front {
    fn status(&self, arguments: &[&str], path: &str) -> String {
        let status = ["--output", "/dev/null", "--write-out", "%{http_code}"];
        self.curl(&[&status[..], arguments].concat(), path)
    }

    /// A message to the bot, as Telegram sends it by HTTPS.
    pub(crate) fn message(&self, text: &str) -> String {
        let mut digest = Command::new("bash");
        digest.args(["-c", &format!("printf 'webhook {BOT}' | sha256sum | cut -d' ' -f1")]);
        let secret = Ran::of(&mut digest).exits(0).stdout;
        let secret = format!("X-Telegram-Bot-Api-Secret-Token: {}", secret.trim());
        let update = json!({ "update_id": 1, "message": { "chat": { "id": 7 }, "text": text } });
        self.curl(&["--header", &secret, "--json", &update.to_string()], "/api/webhook")
    }

    /// Waits until both parts are behind it.
    pub(crate) fn leads_to_both(&self) {
        for (path, status) in [("/api/cards", "401"), ("/", "200")] {
            ingress_leads_to(self.host, &self.address, path);
            assert_eq!(self.status(&[], path), status, "{path}");
        }
    }

    pub(crate) fn has_pages(&self) {
        for path in ["/", "/any/page"] {
            let page = self.curl(&[], path);
            assert!(page.contains("<title>lang-agent</title>"), "{path}: {page}");
        }
        assert_eq!(self.curl(&[], "/version.txt"), "1\n");
        assert_eq!(self.status(&[], "/assets/none.js"), "404");
        assert_eq!(self.status(&[], "/api/cards"), "401");
    }
}

/// Runs a line of `psql` on the database of the stack.
fn sql(docker: &Docker, database: &str, line: &str) -> String {
    docker
        .compose(NAME, &format!("exec -T db psql -U postgres -d {database} -tAc {line}"))
        .stdout
}

#[test]
fn lang_agent_lives_on_docker() {
    let [http, https, backend, prometheus, grafana]: [u16; 5] = free_ports();
    let project = Project::new(env!("CARGO_BIN_EXE_lang_agent_prod"), BUCKET_AND_DOCKER);
    let bucket = Bucket::for_containers(&project.bed);
    let authority = Authority::create(project.folder(), "ca").unwrap();
    let server = authority.sign("lang-agent", &["DNS:lang-agent.test"]).unwrap();
    let read = |path: &std::path::Path| std::fs::read_to_string(path).unwrap();
    let project = on_test_bed(project, &bucket)
        .with(["--config", &format!("ports.http={http}")])
        .with(["--config", &format!("ports.https={https}")])
        .with(["--config", &format!("ports.backend={backend}")])
        .with(["--config", &format!("ports.prometheus={prometheus}")])
        .with(["--config", &format!("ports.grafana={grafana}")]);
    what_has_to_be_configured_is_said(&project);
    let project = project
        .with(["--config", &format!("secrets.telegram_bot_token={BOT}")])
        .variable("IAC_CONFIG_TLS__CERTIFICATE", &read(&server.certificate))
        .variable("IAC_CONFIG_TLS__KEY", &read(&server.key));
    let docker = Docker::new(&project.bed);
    docker.has_nothing_of(NAME);
    up(&project, &[]).exits(0);
    let services = docker.services(NAME).join(", ");
    for part in [
        "backend running healthy",
        "db running healthy",
        "nginx running healthy",
        "postgres-backup running",
        "postgres-backup-upload running",
        "redis running healthy",
    ] {
        assert!(services.contains(part), "{services}");
    }
    assert_eq!(
        docker.volumes(NAME),
        [
            "backup",
            "grafana_data",
            "media",
            "postgres_data",
            "prometheus_data",
            "redis_data"
        ]
        .map(|volume| format!("{NAME}_{volume}"))
    );
    let front = Front {
        host: DOMAIN,
        port: https,
        address: "127.0.0.1".to_owned(),
    };
    let ann = Learner::new(&front);
    ann.adds("дом");
    ann.puts_a_picture(&project);
    front.has_pages();
    nginx_does_as_the_guide_says(&docker, &front, http);
    the_servers_have_the_guides_settings(&docker);
    a_conversation_outlives_a_full_cache(&docker, &front);
    everything_is_watched(&project, prometheus, grafana);
    project.is_up_to_date();

    docker.run(&format!("kill --signal USR1 {NAME}-postgres-backup-1"));
    docker.compose(NAME, "exec -T db createdb -U postgres restored");
    let names = bucket.names();
    let [name] = names.as_slice() else { panic!("{names:?}") };
    assert!(name.starts_with("langagent_") && name.ends_with(".sql.gz"), "{name}");
    let psql = format!("exec --interactive {NAME}-db-1 psql -q -v ON_ERROR_STOP=1 -U postgres -d restored");
    bucket.pipe(name, &docker.line(&psql));
    assert!(sql(&docker, "restored", r#"select"word"from"cards""#).contains("дом"));

    // An update with its migration, and another key for tokens.
    let key = format!("secrets.secret_key={}", "0123456789abcdef".repeat(4));
    up(&project, &["backend.image_tag=2", &key]).exits(0);
    assert_eq!(
        ann.call(&["--output", "/dev/null", "--write-out", "%{http_code}"], "/api/cards"),
        "401"
    );
    let ann = Learner::new(&front);
    ann.has("дом");
    ann.sees_the_picture();
    is_version(&docker, backend, "2", "0002");
    // The version before does not know this revision: it is not started, and the newer one goes on.
    up(&project, &["backend.image_tag=1", &key]).exits(1);
    is_version(&docker, backend, "2", "0002");
    ann.has("дом");
    // The way back.
    up(
        &project,
        &["backend.image_tag=2", &key, "backend.migration=downgrade 0001"],
    )
    .exits(0);
    up(&project, &["backend.image_tag=1", &key]).exits(0);
    is_version(&docker, backend, "1", "0001");
    ann.has("дом");
    ann.sees_the_picture();

    project.run(["destroy", "--yes", "--delete-data", "all"]).exits(0);
    docker.has_nothing_of(NAME);
}

/// Missing settings are reported with the way out; all variables of the guide's `.env` are listed; a secret that is set is
/// in a file that only its owner reads, and cannot be read there.
fn what_has_to_be_configured_is_said(project: &Project) {
    let set = ["config", "set", "--secret", "secrets.openai_api_key", OPENAI];
    project.run(set).exits(0);
    let preview = project.run(["preview"]);
    assert_ne!(preview.code, 0);
    preview.says([
        "secrets.telegram_bot_token is required and not set",
        "config set secrets.telegram_bot_token --secret",
    ]);
    let list = project.run(["config", "list"]).exits(0);
    assert!(!list.stdout.contains(OPENAI), "{list}");
    list.shows([
        "backend.image:",
        "backend.image_tag:",
        "postgres.database:",
        "postgres.user:",
        "secrets.postgres_password: a secret",
        "secrets.telegram_bot_token: a secret",
        "ingress.host:",
        "secrets.openai_api_key: a secret",
        "env.llm_model:",
        "env.llm_temperature:",
        "secrets.anthropic_api_key: a secret",
        "secrets.secret_key: a secret",
        "env.algorithm:",
        "env.access_token_expire_minutes:",
        "env.environment:",
        "secrets.stripe_secret_key: a secret",
        "secrets.stripe_webhook_secret: a secret",
        "env.stripe_price_id_basic:",
        "env.stripe_price_id_premium:",
        "env.s3_bucket:",
        "secrets.s3_access_key: a secret",
        "secrets.s3_secret_key: a secret",
        "env.s3_endpoint:",
    ]);
    let written = files(project.folder()).into_iter();
    let written: Vec<_> = written
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .collect();
    assert!(!written.is_empty());
    for path in written {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", path.display());
        assert!(!std::fs::read_to_string(&path).unwrap().contains(OPENAI));
    }
}

fn nginx_does_as_the_guide_says(docker: &Docker, front: &Front, http: u16) {
    let plain = format!("http://127.0.0.1:{http}/x");
    let mut curl = Command::new("curl");
    let redirect = Ran::of(curl.args(["--silent", "--include", "--header", &format!("Host: {DOMAIN}"), &plain]));
    redirect
        .exits(0)
        .shows(["301 Moved Permanently", "Location: https://lang-agent.test/x"]);
    for (path, caching) in [("/any/page", "no-cache"), ("/assets/app.js", "max-age=31536000")] {
        let headers = front.curl(&["--head"], path).to_lowercase();
        for header in [
            "200",
            "x-content-type-options: nosniff",
            &format!("cache-control: {caching}"),
        ] {
            assert!(headers.contains(header), "{path}: {headers}");
        }
    }
    assert!(front.curl(&["--head"], "/api/x").contains("strict-transport-security"));
    assert!(front.refuses(&["--tls-max", "1.1"]), "TLS 1.1 is taken");
    docker.compose(NAME, "exec -T nginx nginx -T").shows([
        "proxy_set_header Host $host;",
        "proxy_set_header X-Real-IP $remote_addr;",
        "server_name lang-agent.test;",
    ]);
}

fn the_servers_have_the_guides_settings(docker: &Docker) {
    let settings = ["max_connections", "shared_buffers", "work_mem"].map(|name| format!("current_setting('{name}')"));
    let shown = sql(docker, "langagent", &format!("select({})", settings.join(",")));
    assert_eq!(shown.trim(), "(100,1GB,16MB)");
    let redis = docker.compose(NAME, "exec -T redis redis-cli config get maxmemory* appendonly");
    redis.shows([
        "maxmemory\n536870912",
        "maxmemory-policy\nvolatile-lru",
        "appendonly\nyes",
    ]);
    let log = docker.run(&format!(
        "inspect --format {{{{.HostConfig.LogConfig}}}} {NAME}-backend-1"
    ));
    assert_eq!(log.stdout.trim(), "{json-file map[max-file:5 max-size:10m]}");
}

/// Redis throws out what has an expiry, and not where the bot is in a conversation.
fn a_conversation_outlives_a_full_cache(docker: &Docker, front: &Front) {
    assert!(front.message("/add").contains("Which word?"));
    let redis = |line: &str| docker.compose(NAME, &format!("exec -T redis redis-cli {line}"));
    redis("config set maxmemory 3mb");
    let fill = "local n = redis.call('incr', 'n') for i = 1, 100 do redis.call('setex', 'fill:' .. n .. ':' .. i, 3600, string.rep('x', 1000)) end";
    let line = docker.line(&format!("exec {NAME}-redis-1 redis-cli -r 50 eval \"{fill}\" 0"));
    Ran::of(Command::new("bash").args(["-c", &line])).exits(0);
    let stats = redis("info stats").stdout;
    assert!(!stats.contains("evicted_keys:0"), "{stats}");
    redis("config set maxmemory 512mb");
    assert!(front.message("лес").contains("Added: лес"));
}

/// The version that answers, and the revision of the database.
fn is_version(docker: &Docker, port: u16, version: &str, revision: &str) {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--fail", &format!("http://127.0.0.1:{port}/health")]);
    let health = Ran::of(&mut curl).exits(0).json();
    assert_eq!(health["version"], version, "{health}");
    let now = sql(docker, "langagent", r#"select"version_num"from"alembic_version""#);
    assert_eq!(now.trim(), revision);
}

/// Checks what the guide wants to see: requests and their times, statements, users, exercises; PostgreSQL and Redis by
/// their exporters.
fn everything_is_watched(project: &Project, prometheus: u16, grafana: u16) {
    let prometheus = format!("http://127.0.0.1:{prometheus}");
    targets_are_up(&prometheus, &["backend", "postgres-exporter", "redis-exporter"]);
    for metric in [
        "http_requests_total",
        "http_request_duration_seconds_count",
        "db_query_duration_seconds_count",
        "active_users",
        "process_resident_memory_bytes",
        "pg_database_size_bytes",
        "redis_memory_used_bytes",
        "redis_keyspace_hits_total",
        "redis_connected_clients",
    ] {
        eventually(&format!("{prometheus}/api/v1/query?query={metric}"), |answer| {
            answer["data"]["result"][0]["value"][1].is_string()
        });
    }
    let password = project
        .run(["stack", "output", "grafana_password", "--show-secrets"])
        .exits(0);
    grafana_has(
        &format!("http://127.0.0.1:{grafana}"),
        password.stdout.trim(),
        &["lang-agent"],
    );
}

#[test]
fn the_guides_timings_are_in_the_plan() {
    let project = Project::new(env!("CARGO_BIN_EXE_lang_agent_prod"), DOCKER);
    project.write("none.toml", "");
    let nothing = project.path("none.toml").display().to_string();
    let project = project
        .variable("IAC_CONFIG_FILE", &nothing)
        .with(["--config", "secrets.telegram_bot_token=1234:token"])
        .with(["--config", "secrets.openai_api_key=sk-not-a-real-key"])
        .with(["--config", "tls.certificate=none"])
        .with(["--config", "tls.key=none"]);
    // Not compared with the engine, where another test may have a lang-agent at the same time.
    let plan = project.plan(["--offline"]);
    let steps = plan["steps"].as_array().unwrap();
    let service = |name: &str| {
        let end = format!("compose/Service::{name}");
        let found = steps
            .iter()
            .find(|resource| resource["key"].as_str().unwrap().ends_with(&end));
        found.unwrap_or_else(|| panic!("no {name} in {plan:#}"))["inputs"].clone()
    };
    for (name, image, interval, timeout, start) in [
        (
            "backend",
            "ghcr.io/osadchii/lang-agent-docs-based/backend:latest",
            "30s",
            "5s",
            json!("30s"),
        ),
        // A first minute in which failures do not count is ours: a database may have to prepare its data.
        ("db", "postgres:15", "10s", "5s", json!("1m")),
        ("redis", "redis:7-alpine", "10s", "3s", json!("1m")),
    ] {
        let service = service(name);
        let check = &service["healthcheck"];
        assert_eq!(service["image"], image);
        assert_eq!(service["restart"], "unless-stopped");
        assert_eq!(
            [&check["interval"], &check["timeout"], &check["start_period"]],
            [&json!(interval), &json!(timeout), &start]
        );
        assert_eq!(check["retries"], 5);
    }
    assert!(service("postgres-backup").to_string().contains("-mtime +30 -delete"));
}
