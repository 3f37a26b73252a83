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
    shop.tells_with("destroy", &["--destroy"], ["to delete", "= volume shop_data", "kept"]);
    shop.folder.docker.run(&format!("rm -f {}-db-1", shop.folder.name));
    shop.tells("container-removed-by-hand", ["Service shop/db", "no longer exists"]);
    shop.up();
    shop.folder.docker.run(&format!("kill {}-web-1", shop.folder.name));
    shop.tells(
        "container-stopped-by-hand",
        [
            "Service shop/web",
            "undo",
            "\"exited with status 137 at ",
            "-> \"running\"",
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
            ],
        );
    shop.edit([(
        "busybox:1\n    command: sleep 1000\n    init: true\n    stop_grace_period: 5s\n    volumes",
        "other:1\n    command: sleep 1000\n    init: true\n    stop_grace_period: 5s\n    volumes",
    )])
    .tells("other-image", ["another repository", "localhost/iac-test/other:1"]);
    shop.folder.project.write("app/web.env", "COLOR=red\n");
    shop.tells("env-file", ["\"blue\" -> \"red\"", "1 container"]);
    shop.edit([("<h1>Shop</h1>", "<h1>Closed</h1>")])
        .tells("config", ["Closed", "1 container"]);
    shop.folder.project.write("app/key.txt", "second-of-all\n");
    shop.tells("secret", ["(secret", "1 container"]);
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
    .tells("privilege", ["privilege", "privileged", "host"]);
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
    .tells("replicas", ["3"]);
}

fn data_and_networks(shop: &Shop) {
    shop.edit([("  data: {}", "  data: {labels: {a: b}}")])
        .tells("volume-option", ["Volume shop_data", "a"]);
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
                "new and empty",
                "kept",
            ],
        );
    shop.edit([("  back: {}", "  back: {internal: true}")])
        .tells("network-option", ["Network shop_back: replace", "downtime"]);
}

fn names(shop: &Shop) {
    shop.without("db").tells(
        "service-removed-that-others-name",
        [
            "Service shop/db: delete",
            "broken reference: Service shop/web names Service shop/db in environment.DB_HOST",
        ],
    );
    shop.edit([("  web:\n", "  front:\n")]).tells(
        "service-renamed-with-the-same-port",
        [
            "Service shop/front: create",
            "Service shop/web: delete",
            "8000",
            "under another name",
        ],
    );
    shop.edit([("  db:\n", "  database:\n")]).tells(
        "service-with-data-renamed",
        [
            "the volume shop_data for writing",
            "Service shop/database: create",
            "Service shop/db: delete",
            "Service shop/web names Service shop/db",
        ],
    );
}
