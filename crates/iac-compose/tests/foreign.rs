//! Files of a compose project that nobody wrote: parts of sound ones doubled, moved, taken out or replaced. Whatever they say, the
//! project is read, or there is an error; nothing panics or grows without end.
//!
//! `IAC_FILES` says how many cases there are; `cargo xtask soak` has many.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on is to stop")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use iac_compose::{Compose, FileOptions};
use iac_core::Stack;
use iac_core::config::Config;
use iac_testbed::hostile::Spoiler;

/// Sound files, each by its name.
const FILES: [(&str, &str); 5] = [
    (
        "compose.yaml",
        r#"
name: shop
x-common: &common
  restart: unless-stopped
  environment: &env
    URL: "http://${HOST:-web}:${PORT:?needed}/"
    LEVEL: info
services:
  web:
    <<: *common
    image: "nginx:${TAG-1.27}"
    env_file: [{path: web.env, required: false}]
    ports: ["8080:80", "127.0.0.1:9000-9002:9000-9002/udp"]
    volumes: ["data:/data:ro", {type: bind, source: ./conf, target: /conf}, /cache]
    configs: [{source: page, target: /page, mode: 0440}]
    depends_on: {db: {condition: service_healthy, restart: true}}
    healthcheck: {test: ["CMD", "true"], interval: 1m30s, timeout: 500ms, retries: 3}
    deploy: {replicas: 2, resources: {limits: {cpus: "0.5", memory: 64m}}}
  db:
    extends: {file: more.yaml, service: base}
    environment: {<<: *env, LEVEL: !reset null}
    build: {context: ., args: [A=1, B]}
include: [more.yaml]
networks: {default: {ipam: {config: [{subnet: 10.9.0.0/24}]}}}
volumes: {data: {}}
configs: {page: {content: "$$ ${HOST:+x} a"}}
"#,
    ),
    (
        "more.yaml",
        "services:\n  base:\n    image: postgres\n    command: sh -c 'echo \"a b\" > /x'\n    ulimits: {nofile: {soft: 10, hard: 20}}\n",
    ),
    (
        ".env",
        "PORT=80\nexport TAG='1.0'\nA=\"x ${PORT} \\n $TAG\" # note\nB=${C:-${D:-$PORT}}\nCOMPOSE_PROFILES=a,b\n",
    ),
    ("web.env", "KEY=value\nOTHER: 'a\n b'\nPORT\n"),
    (
        ".dockerignore",
        "# note\n**/*.log\n!keep.log\n/a/[a-z]?/b\\*\nnode_modules\n",
    ),
];

/// Words that mean something in one of them.
const WORDS: [&str; 32] = [
    "&a ",
    "*a",
    "*common",
    "<<: ",
    "!reset ",
    "!override ",
    "${",
    "${A:-",
    "}",
    "$$",
    "${HOST",
    "\n",
    "\n  ",
    ": ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "#",
    "|",
    ">",
    "~",
    "0x7fffffffffffffff",
    "-1",
    "1e999",
    "extends: {service: web}",
    "include: [compose.yaml]",
    "**/",
    "\u{feff}",
];

fn read(folder: &Path) {
    let stack = Stack::new("tests", Config::default());
    let options = FileOptions::default().environment([("HOST", "web"), ("A", "b")]);
    let _ = Compose::load_with(&stack, folder, &options);
    let _ = stack.finish();
}

#[test]
fn no_file_of_a_project_makes_it_panic() {
    let cases: u64 = std::env::var("IAC_FILES").map_or(400, |text| text.parse().unwrap());
    let first: u64 = std::env::var("IAC_FILES_FROM").map_or(0, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("Dockerfile"), "FROM scratch\n").unwrap();
    let sound = || {
        for (name, text) in FILES {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
    };
    sound();
    let stack = Stack::new("tests", Config::default());
    let file = Compose::load_with(
        &stack,
        folder.path(),
        &FileOptions::default().environment([("HOST", "web")]),
    )
    .1;
    assert_eq!(
        file.services.len(),
        3,
        "the files are sound: {:?}",
        stack.finish().err()
    );
    for seed in first..first + cases {
        let mut spoiler = Spoiler::new(seed);
        sound();
        for _ in 0..=spoiler.below(2) {
            let (name, text) = FILES[usize::try_from(spoiler.below(FILES.len() as u64)).unwrap()];
            std::fs::write(folder.path().join(name), spoiler.edit(text.as_bytes(), &WORDS)).unwrap();
        }
        if catch_unwind(AssertUnwindSafe(|| read(folder.path()))).is_err() {
            panic!("case {seed} panicked");
        }
    }
}
