//! One description on two targets: `--config target=docker` or `--config target=kubernetes`. Its images are the test bed's.

use std::process::ExitCode;

use iac_app::{App, Container, Probe, Publish};
use iac_compose::{Compose, DockerProvider};
use iac_core::{Program, settings};
use iac_k8s::{Kubernetes, KubernetesProvider};

settings! {
    struct Settings {
        /// Where it runs.
        target: String = "docker".into(),
        /// The namespace, or the project.
        place: String = "shop".into(),
        image: String = "localhost/iac-test/busybox:1".into(),
        /// The text of the page.
        greeting: String = "one $x 'y'\n".into(),
        /// The number of the release, which only the worker reads.
        release: u32 = 1,
    }
}

/// A key as its owner has it: with line breaks, quotes and dollars.
const KEY: &str = "-----BEGIN KEY-----\na\"b'c$d$(PLAIN)${e}\\n\n-----END KEY-----\n";

fn main() -> ExitCode {
    Program::new("shop")
        .provider(DockerProvider::new())
        .provider(KubernetesProvider::new())
        .run(|stack| {
            let s: Settings = stack.settings_with_defaults(Settings::default())?;
            match s.target.as_str() {
                "kubernetes" => {
                    shop(&App::on(&Kubernetes::new(stack).namespace(&s.place, [])), &s);
                }
                _ => {
                    let web = shop(&App::on(&Compose::project(stack, &s.place)), &s);
                    web.publish(Publish::local(0));
                    stack.export("url", web.published_url());
                }
            }
            Ok(())
        })
}

fn shop(app: &App, s: &Settings) -> iac_app::Web {
    let key = app.stack().secret("key", KEY);
    let prepare = app.job("prepare", Container::image(&s.image).command(["test", "-n", "ready"]));
    let web = app.web(
        "web",
        Container::image(&s.image)
            .command(["httpd", "-f", "-p", "8080", "-h", "/www"])
            .service_port("http", 8080, 80)
            .ready(Probe::http("/index.html").every(1))
            .env("PLAIN", "$(HOME) $5 \"q\"")
            .env("KEY", &key)
            .file("/www/index.html", &s.greeting)
            .file("/etc/shop/key.pem", &key)
            .stop_within(1)
            .after(prepare.completed()),
    );
    app.worker(
        "worker",
        Container::image(&s.image)
            .command(["sleep", "100000"])
            .uses(&web)
            .env("RELEASE", s.release)
            .stop_within(1),
    )
    .singleton();
    web
}
