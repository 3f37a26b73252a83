//! Compose projects: `up` and `destroy` beside docker compose, and `up` beside a bare loop of the same calls straight on the socket.
//!
//! The loop makes the network and all containers as fast as the engine takes them, starts each as soon as the order allows, and
//! waits one interval of the health check for each level. So it knows beforehand how long everything takes, and asks nothing.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use iac_testbed::{Progress, environment};

use super::{Bar, Bench, Measured, Row};

/// The image of the services.
const IMAGE: &str = "localhost/iac-test/busybox:1";
/// The interval between two checks of a service.
const INTERVAL: Duration = Duration::from_secs(1);
/// The number of times that each side is measured, in turns; the median counts.
const ROUNDS: usize = 3;
/// The prefix of all that the loop makes.
const BARE: &str = "iac-bench-bare";

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The dependencies between the services.
#[derive(Clone, Copy)]
struct Shape {
    services: usize,
    /// Those of each level need all of the level before to be healthy.
    levels: usize,
}

impl Shape {
    fn level(self, level: usize) -> std::ops::Range<usize> {
        (level * self.services / self.levels)..((level + 1) * self.services / self.levels)
    }

    fn file(self) -> Result<String> {
        let mut text = String::from("services:\n");
        for level in 0..self.levels {
            for number in self.level(level) {
                write!(
                    text,
                    "  s{number}:\n    image: {IMAGE}\n    init: true\n    command: [\"sleep\", \"3600\"]\n    environment:\n      NUMBER: \"{number}\"\n    healthcheck:\n      test: [\"CMD\", \"true\"]\n      interval: {}s\n",
                    INTERVAL.as_secs()
                )?;
                if level > 0 {
                    text.push_str("    depends_on:\n");
                    for before in self.level(level - 1) {
                        writeln!(text, "      s{before}: {{ condition: service_healthy }}")?;
                    }
                }
            }
        }
        Ok(text)
    }
}

/// The measurements of one shape, once for each round.
#[derive(Default)]
struct Rounds {
    up: Vec<Measured>,
    up_again: Vec<Measured>,
    destroy: Vec<Measured>,
    bare: Vec<Measured>,
    compose_up: Vec<Measured>,
    compose_up_again: Vec<Measured>,
    compose_down: Vec<Measured>,
}

impl Bench {
    /// Projects of so many services, flat and in four levels.
    pub(super) fn compose(&self, services: usize, progress: &Progress) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for (name, levels) in [("flat", 1), ("4 levels", 4)] {
            let shape = Shape { services, levels };
            let mut rounds = Rounds::default();
            for round in 1..=ROUNDS {
                progress.say(format!("{services} services, {name}: round {round} of {ROUNDS}"));
                self.round(shape, &mut rounds)?;
            }
            rows.extend(rounds.rows(name));
        }
        Ok(rows)
    }

    fn round(&self, shape: Shape, rounds: &mut Rounds) -> Result<()> {
        let file = self.folder.join("compose.yml");
        std::fs::write(&file, shape.file()?)?;
        let path = file.to_string_lossy().into_owned();
        let program = |verb: &[&str]| self.measure(self.program("compose_file", verb, &file)?);
        let compose = |verb: &[&str]| {
            let project = ["compose", "-p", "iac-bench-compose", "-f", &path];
            self.measure(self.command("docker", &[&project[..], verb].concat())?)
        };
        rounds.bare.push(self.bare(shape)?);
        rounds.up.push(program(&["up", "--yes"])?);
        rounds.up_again.push(program(&["up", "--yes"])?);
        rounds
            .destroy
            .push(program(&["destroy", "--yes", "--delete-data", "all"])?);
        rounds.compose_up.push(compose(&["up", "-d", "--wait"])?);
        rounds.compose_up_again.push(compose(&["up", "-d", "--wait"])?);
        rounds.compose_down.push(compose(&["down", "-v"])?);
        Ok(())
    }

    /// The bare loop; what it made is gone afterwards.
    fn bare(&self, shape: Shape) -> Result<Measured> {
        let variables = environment::variables(&self.layout)?;
        let host = variables.iter().find(|(name, _)| *name == "DOCKER_HOST");
        let socket = host.and_then(|(_, host)| host.strip_prefix("unix://"));
        let engine = Socket(Path::new(socket.ok_or("the test bed's engine has no socket")?));
        let began = Instant::now();
        engine.call("POST", "/networks/create", &format!("{{\"Name\":\"{BARE}\"}}"))?;
        if shape.levels == 1 {
            engine.each(0..shape.services, |number| {
                engine.create(number)?;
                engine.start(number)
            })?;
            std::thread::sleep(INTERVAL);
        } else {
            engine.each(0..shape.services, |number| engine.create(number))?;
            for level in 0..shape.levels {
                engine.each(shape.level(level), |number| engine.start(number))?;
                std::thread::sleep(INTERVAL);
            }
        }
        let time = began.elapsed();
        engine.each(0..shape.services, |number| {
            engine.call("DELETE", &format!("/containers/{BARE}-{number}?force=true"), "")
        })?;
        engine.call("DELETE", &format!("/networks/{BARE}"), "")?;
        Ok(Measured { time, memory: 0 })
    }
}

impl Rounds {
    fn rows(self, shape: &str) -> Vec<Row> {
        const COMPOSE: &str = "docker compose up -d --wait";
        let row = |what: &str, ours: &[Measured], reference_name, reference: &[Measured], bar| Row {
            what: format!("{what}, {shape}"),
            ours: median(ours),
            reference_name,
            reference: median(reference),
            bar,
        };
        let as_compose = Bar {
            memory: Some(1.0),
            ..Bar::time(1.0)
        };
        vec![
            row(
                "up",
                &self.up,
                "bare loop + check intervals",
                &self.bare,
                Bar::time(1.1),
            ),
            row("up", &self.up, COMPOSE, &self.compose_up, as_compose),
            row(
                "up, no change",
                &self.up_again,
                COMPOSE,
                &self.compose_up_again,
                Bar::default(),
            ),
            row(
                "destroy",
                &self.destroy,
                "docker compose down -v",
                &self.compose_down,
                Bar::time(1.0),
            ),
        ]
    }
}

/// The one in the middle by time.
fn median(all: &[Measured]) -> Measured {
    let mut sorted = all.to_vec();
    sorted.sort_by_key(|measured| measured.time);
    let middle = sorted.len() / 2;
    sorted.swap_remove(middle)
}

/// A Docker Engine's socket.
struct Socket<'a>(&'a Path);

impl Socket<'_> {
    /// Does something for each number, all side by side.
    fn each(
        &self,
        numbers: impl Iterator<Item = usize>,
        work: impl Fn(usize) -> std::result::Result<(), String> + Sync,
    ) -> std::result::Result<(), String> {
        std::thread::scope(|scope| {
            let work = &work;
            let threads: Vec<_> = numbers.map(|number| scope.spawn(move || work(number))).collect();
            let ended = threads.into_iter().map(|thread| {
                let ended = thread.join();
                ended.unwrap_or_else(|_| Err("a thread of the loop panicked".to_owned()))
            });
            ended.collect()
        })
    }

    fn create(&self, number: usize) -> std::result::Result<(), String> {
        let body = format!(
            "{{\"Image\":\"{IMAGE}\",\"Cmd\":[\"sleep\",\"3600\"],\"Env\":[\"NUMBER={number}\"],\
             \"Healthcheck\":{{\"Test\":[\"CMD\",\"true\"],\"Interval\":{}}},\
             \"HostConfig\":{{\"Init\":true,\"NetworkMode\":\"{BARE}\"}},\
             \"NetworkingConfig\":{{\"EndpointsConfig\":{{\"{BARE}\":{{\"Aliases\":[\"s{number}\"]}}}}}}}}",
            INTERVAL.as_nanos()
        );
        self.call("POST", &format!("/containers/create?name={BARE}-{number}"), &body)
    }

    fn start(&self, number: usize) -> std::result::Result<(), String> {
        self.call("POST", &format!("/containers/{BARE}-{number}/start"), "")
    }

    fn call(&self, method: &str, target: &str, body: &str) -> std::result::Result<(), String> {
        let exchange = || {
            let mut stream = UnixStream::connect(self.0)?;
            let length = body.len();
            write!(
                stream,
                "{method} {target} HTTP/1.0\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
            )?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            stream.shutdown(Shutdown::Both).ok();
            Ok::<_, std::io::Error>(answer)
        };
        let answer = exchange().map_err(|error| format!("{method} {target}: {error}"))?;
        let status = answer.lines().next().unwrap_or_default();
        match status.split(' ').nth(1) {
            Some(code) if code.starts_with('2') => Ok(()),
            _ => Err(format!("{method} {target}: {answer}")),
        }
    }
}
