//! Situations on a Docker Engine: a small shop, and one change to it after the other.

use super::Review;
use crate::docker::ComposeFolder;

/// The shop.
const FILE: &str = "services:
  web:
    image: localhost/iac-test/busybox:1
    command: sleep 1000
    init: true
    stop_grace_period: 5s
    environment: {LEVEL: '1', DB_HOST: db}
    env_file: web.env
    configs: [{source: pages, target: /pages/index.html}]
    secrets: [key]
    ports: ['127.0.0.1:PORT:8080']
    networks: [front, back]
    depends_on: {migrate: {condition: service_completed_successfully}}
  db:
    image: localhost/iac-test/busybox:1
    command: sleep 1000
    init: true
    stop_grace_period: 5s
    volumes: [data:/data]
    networks: [back]
  migrate:
    image: localhost/iac-test/busybox:1
    command: echo migrated
    networks: [back]
  cache:
    image: localhost/iac-test/busybox:1
    command: sleep 1000
    init: true
    container_name: PROJECT-cache
    volumes: [/scratch]
    networks: [back]
networks:
  front: {}
  back: {}
volumes:
  data: {}
configs:
  pages: {content: '<h1>Shop</h1>'}
secrets:
  key: {file: key.txt}
";

/// The shop on the test bed.
struct Shop {
    folder: ComposeFolder,
    port: u16,
    other_port: u16,
    review: Review,
}

impl Shop {
    fn new() -> Self {
        let [port, other_port] = crate::docker::free_ports();
        let shop = Self {
            folder: ComposeFolder::new(),
            port,
            other_port,
            review: Review::default(),
        };
        shop.as_it_was();
        shop
    }

    fn text(&self) -> String {
        FILE.replace("PORT", &self.port.to_string())
            .replace("PROJECT", &self.folder.name)
    }

    fn as_it_was(&self) {
        self.folder.write(&self.text());
        self.folder.project.write("app/web.env", "COLOR=blue\n");
        self.folder.project.write("app/key.txt", "first-of-all\n");
    }

    /// Pairs of a text of the file and of another one that takes its place.
    #[track_caller]
    fn edit<const N: usize>(&self, edits: [(&str, &str); N]) -> &Self {
        let edited = edits.into_iter().fold(self.text(), |text, (from, to)| {
            assert!(text.contains(from), "no {from:?} in:\n{text}");
            text.replace(from, to)
        });
        self.folder.write(&edited);
        self
    }

    /// The file without the lines of a service, from its name on.
    fn without(&self, service: &str) -> &Self {
        let text = self.text();
        let from = text.find(&format!("  {service}:\n")).unwrap();
        let len = text[from + 1..]
            .match_indices('\n')
            .map(|(place, _)| place + 2)
            .find(|place| !text[from + place..].starts_with("    "))
            .unwrap();
        self.folder.write(&format!("{}{}", &text[..from], &text[from + len..]));
        self
    }

    /// The plan of the edited files tells these facts; then the files are as they were.
    fn tells<const N: usize>(&self, situation: &str, facts: [&str; N]) {
        self.tells_with(situation, &[], facts);
        self.as_it_was();
    }

    fn tells_with<const N: usize>(&self, situation: &str, arguments: &[&str], facts: [&str; N]) {
        let (port, other_port) = (self.port.to_string(), self.other_port.to_string());
        let names = [
            (self.folder.name.as_str(), "shop"),
            (&port, "8000"),
            (&other_port, "8001"),
        ];
        let situation = format!("docker-{situation}");
        self.review
            .tells(&self.folder.project, &situation, arguments, &names, &facts);
    }

    fn up(&self) {
        self.folder.project.run(["up", "--yes"]).exits(0);
    }
}

#[test]
fn a_reviewer_is_told_what_a_change_does_to_a_shop_on_docker() {
    let shop = Shop::new();
    shop.tells(
        "first-deploy",
        ["to create", "127.0.0.1", "8000", "run: runs: echo migrated", "(secret)"],
    );
    shop.up();
    shop.tells_with("no-change", &[], []);
    containers(&shop);
    data_and_networks(&shop);
    names(&shop);
    shop.tells_with(
        "destroy",
        &["--destroy"],
        [
            "to delete",
            "= volume shop_data",
            "data kept in 2 places",
            "the whole stack: stops 3 containers (up to 10 s each)",
            "nothing takes it over, and docker volume prune deletes it",
        ],
    );
    shop.folder.docker.run(&format!("rm -f {}-db-1", shop.folder.name));
    shop.tells(
        "container-removed-by-hand",
        [
            "Service shop/db",
            "no longer exists",
            "until it is there again, Service shop/web (DB_HOST) cannot reach it",
            "volume shop_data at /data: used again, with the data in it",
        ],
    );
    shop.up();
    shop.folder.docker.run(&format!("kill {}-web-1", shop.folder.name));
    shop.tells(
        "container-stopped-by-hand",
        [
            "Service shop/web",
            "undo: takes back what docker kill changed at ",
            "\"exited with status 137 (killed, though not for its use of memory) at ",
            "-> \"running\"",
            "the same container is started again, which has not served since ",
            "until it runs again, nothing answers at 127.0.0.1:8000:8080/tcp",
        ],
    );
    shop.up();
    let db = format!("{}-db-1", shop.folder.name);
    shop.folder.docker.run(&format!("exec {db} kill 1"));
    shop.folder.docker.run(&format!("wait {db}"));
    shop.tells(
        "container-ended",
        [
            "Service shop/db",
            "it was ready and no longer is: exited with status 143 at ",
            "the same container is started again, which has not served since ",
            "until it runs again, Service shop/web (DB_HOST) cannot reach it",
            "1 to update; 6 unchanged",
        ],
    );
    shop.review.ends();
}

fn containers(shop: &Shop) {
    shop.edit([("LEVEL: '1'", "LEVEL: '2'")]).tells(
        "one-field",
        [
            "\"1\" -> \"2\"",
            "1 container",
            "nothing serves until",
            "if it ends within 3 s, the old one comes back",
            "meanwhile, nothing answers at 127.0.0.1:8000:8080/tcp",
        ],
    );
    shop.edit([("busybox:1\n    command: echo", "busybox:2\n    command: echo")])
        .tells(
            "job-image",
            [
                "localhost/iac-test/busybox:1",
                "localhost/iac-test/busybox:2",
                "runs again: echo migrated",
                "the last run",
                "the container of its last run and its log are deleted",
                "Service shop/web, which waited for it at its start, runs on meanwhile, also if this fails",
            ],
        );
    shop.edit([(
        "busybox:1\n    command: sleep 1000\n    init: true\n    stop_grace_period: 5s\n    volumes",
        "other:1\n    command: sleep 1000\n    init: true\n    stop_grace_period: 5s\n    volumes",
    )])
    .tells(
        "other-image",
        [
            "another repository",
            "localhost/iac-test/other:1",
            "meanwhile, Service shop/web (DB_HOST) cannot reach it",
            "will be pulled: the engine does not have it, and what runs goes on until it is there",
        ],
    );
    shop.folder.project.write("app/web.env", "COLOR=red\n");
    shop.tells("env-file", ["\"blue\" -> \"red\"", "1 container", "(app/web.env:1)"]);
    shop.edit([("<h1>Shop</h1>", "<h1>Closed</h1>")])
        .tells("config", ["Closed", "1 container", "(line 38)"]);
    shop.folder.project.write("app/key.txt", "second-of-all\n");
    shop.tells(
        "secret",
        [
            "(secret",
            "1 container",
            "secrets[source=key].content",
            "(app/key.txt:1)",
        ],
    );
    let open = format!("['{}:8080']", shop.other_port);
    let port = format!("['127.0.0.1:{}:8080']", shop.port);
    shop.edit([(port.as_str(), open.as_str())]).tells(
        "published-port",
        [
            "exposure: published on all addresses of the host: 8001:8080/tcp",
            "downtime: no longer published: 127.0.0.1:8000:8080/tcp",
            "starts the new container, then stops the old one; no gap expected",
        ],
    );
    shop.edit([(
        "stop_grace_period: 5s\n    volumes",
        "privileged: true\n    pid: host\n    volumes",
    )])
    .tells(
        "privilege",
        [
            "privilege",
            "privileged",
            "host",
            "meanwhile, Service shop/web (DB_HOST) cannot reach it",
            "its containers have 10 s to stop from now on",
        ],
    );
    shop.edit([(
        "container_name: PROJECT-cache"
            .replace("PROJECT", &shop.folder.name)
            .as_str(),
        "labels: {a: b}",
    )])
    .tells("anonymous-volume", ["/scratch", "Service shop/cache"]);
    shop.edit([(
        "stop_grace_period: 5s\n    volumes",
        "deploy: {replicas: 3}\n    volumes",
    )])
    .tells(
        "replicas",
        [
            "from 1 to 3 containers",
            "volume shop_data at /data: 3 containers write to it at the same time",
            "meanwhile, Service shop/web (DB_HOST) cannot reach it",
        ],
    );
}

fn data_and_networks(shop: &Shop) {
    shop.edit([("  data: {}", "  data: {labels: {a: b}}")]).tells(
        "volume-option",
        [
            "Volume shop_data: record",
            "an engine cannot change the labels of a volume",
            "again: a",
            "later previews do not tell of them again",
            "1 to record",
        ],
    );
    shop.edit([("  data: {}", "  data: {driver_opts: {type: tmpfs, device: tmpfs}}")])
        .tells(
            "volume-driver-option",
            ["Volume shop_data", "data-loss", "--delete-data"],
        );
    shop.edit([("data:/data", "files:/data"), ("  data: {}", "  files: {}")])
        .tells(
            "volume-renamed",
            [
                "Volume shop_files",
                "Volume shop_data",
                "under another name",
                "volume shop_files at /data: new and empty; the data stays in volume shop_data",
                "while both run, the name db leads to the old container and to the new one",
                "to keep the data, declare it as files: {name: shop_data}",
                "kept",
            ],
        );
    shop.edit([("  back: {}", "  back: {internal: true}")]).tells(
        "network-option",
        [
            "Network shop_back: replace",
            "downtime",
            "Service shop/web has no Service shop/db (DB_HOST)",
            "Service shop/web keeps front",
            "if that cannot be made, they stay without it",
        ],
    );
}

fn names(shop: &Shop) {
    shop.without("db").tells(
        "service-removed-that-others-name",
        [
            "Service shop/db: delete",
            "broken reference: Service shop/web names Service shop/db in environment.DB_HOST",
            "stops 1 container (up to 5 s)",
            "volume shop_data at /data: kept with the data in it, and used by nothing any more",
        ],
    );
    shop.edit([("  web:\n", "  front:\n")]).tells(
        "service-renamed-with-the-same-port",
        [
            "Service shop/front: create",
            "Service shop/web: delete",
            "8000",
            "under another name",
            "1 downtime",
        ],
    );
    shop.edit([("  db:\n", "  database:\n")]).tells(
        "service-with-data-renamed",
        [
            "two services never write to the volume shop_data at once",
            "volume shop_data at /data: used again, with the data in it",
            "1 downtime",
            "Service shop/database: create",
            "Service shop/db: delete",
            "Service shop/web names Service shop/db",
        ],
    );
}
