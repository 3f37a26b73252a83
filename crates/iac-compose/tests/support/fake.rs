//! An engine that is none: one container behind a Unix socket, and a stream of events that does as a test says.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::broadcast;
use tokio::task::JoinSet;

/// The container's ID.
pub const ID: &str = "c0ffee";

/// The way in which the engine treats its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// It tells them.
    Tells,
    /// It takes the subscription and tells the first one only.
    FallsSilent,
    /// It ends each subscription after its first event.
    Breaks,
    /// It says what is no event.
    Babbles,
    /// It refuses the subscription, as a proxy with a list of allowed calls does.
    Refuses,
}

/// The state of the engine that a test sees and changes.
#[derive(Debug)]
pub struct World {
    pub stream: Stream,
    pub health: &'static str,
    /// The number of looks at the container.
    pub looks: usize,
    /// The times from which events were asked for.
    pub subscriptions: Vec<String>,
}

/// A fake engine; it stops with this.
pub struct Fake {
    folder: tempfile::TempDir,
    pub world: Arc<Mutex<World>>,
    events: broadcast::Sender<String>,
    server: Mutex<Option<JoinSet<()>>>,
}

impl Fake {
    pub fn start(stream: Stream) -> Self {
        let world = World {
            stream,
            health: "starting",
            looks: 0,
            subscriptions: Vec::new(),
        };
        let fake = Self {
            folder: tempfile::tempdir().unwrap(),
            world: Arc::new(Mutex::new(world)),
            events: broadcast::Sender::new(16),
            server: Mutex::default(),
        };
        fake.serve();
        fake
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    /// Returns the value for `docker.host`.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Begins to answer.
    pub fn serve(&self) {
        let listener = UnixListener::bind(self.socket()).unwrap();
        let (world, events) = (Arc::clone(&self.world), self.events.clone());
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut calls = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                calls.spawn(answer_all(stream, Arc::clone(&world), events.clone()));
            }
        });
        *self.server.lock().unwrap() = Some(server);
    }

    /// Goes away with all its connections, as an engine that is restarted does.
    pub async fn stop(&self) {
        let server = self.server.lock().unwrap().take();
        server.unwrap().shutdown().await;
        std::fs::remove_file(self.socket()).unwrap();
    }

    pub fn becomes(&self, health: &'static str) {
        self.world.lock().unwrap().health = health;
    }

    /// Tells what happened to the container.
    pub fn tell(&self, action: &str) {
        let _ = self.events.send(event(action, 1_700_000_002));
    }

    /// Comes back once somebody has subscribed so often.
    pub async fn subscribed(&self, times: usize) {
        while self.world.lock().unwrap().subscriptions.len() < times {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub fn looks(&self) -> usize {
        self.world.lock().unwrap().looks
    }
}

fn event(action: &str, seconds: u64) -> String {
    let labels = json!({ "com.docker.compose.project": "p", "com.docker.compose.service": "web" });
    let event = json!({
        "Type": "container", "Action": action, "Actor": { "ID": ID, "Attributes": labels },
        "time": seconds, "timeNano": seconds * 1_000_000_000 + 5,
    });
    format!("{event}\n")
}

async fn answer_all(stream: UnixStream, world: Arc<Mutex<World>>, events: broadcast::Sender<String>) {
    let mut stream = BufReader::new(stream);
    while let Some(target) = request(&mut stream).await {
        let written = if target.contains("/events?") {
            subscription(&mut stream, &target, &world, &events).await
        } else {
            let (status, body) = answer(&target, &mut world.lock().unwrap());
            let length = body.len();
            let head =
                format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n");
            stream.write_all((head + &body).as_bytes()).await
        };
        if written.is_err() {
            return;
        }
    }
}

/// The target of the next request, none of which has a body.
async fn request(stream: &mut BufReader<UnixStream>) -> Option<String> {
    let mut target = None;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            return target;
        }
        target = target.or_else(|| line.split(' ').nth(1).map(str::to_owned));
    }
}

fn answer(target: &str, world: &mut World) -> (&'static str, String) {
    let path = target.split('?').next().unwrap_or_default();
    let body = match path {
        path if path.ends_with("/version") => json!({ "Version": "20.10.24", "ApiVersion": "1.41" }),
        path if path.ends_with("/info") => json!({ "ID": "fake", "SystemTime": "2023-11-14T22:13:20.5Z" }),
        path if path.ends_with(&format!("/containers/{ID}/json")) => {
            world.looks += 1;
            json!({
                "Id": ID, "Name": "/p-web-1",
                "State": { "Status": "running", "StartedAt": "2023-11-14T22:13:21Z",
                           "Health": { "Status": world.health, "FailingStreak": 0, "Log": [] } },
            })
        }
        path if path.ends_with("/logs") => return ("200 OK", String::new()),
        _ => return ("404 Not Found", json!({ "message": format!("no {path}") }).to_string()),
    };
    ("200 OK", body.to_string())
}

async fn subscription(
    stream: &mut BufReader<UnixStream>,
    target: &str,
    world: &Mutex<World>,
    events: &broadcast::Sender<String>,
) -> std::io::Result<()> {
    let since = target.split(['?', '&']).find_map(|part| part.strip_prefix("since="));
    let mut news = events.subscribe();
    let does = {
        let mut world = world.lock().unwrap();
        world.subscriptions.push(since.unwrap_or_default().to_owned());
        world.stream
    };
    if does == Stream::Refuses {
        let refused = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
        return stream.write_all(refused.as_bytes()).await;
    }
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    if does == Stream::Babbles {
        chunk(stream, "{\"Type\": [}\n\n\u{0}").await?;
        return std::future::pending().await;
    }
    chunk(stream, &event("start", 1_700_000_001)).await?;
    match does {
        Stream::Breaks => Err(std::io::ErrorKind::BrokenPipe.into()),
        Stream::FallsSilent => std::future::pending().await,
        _ => loop {
            match news.recv().await {
                Ok(event) => chunk(stream, &event).await?,
                Err(_) => return Err(std::io::ErrorKind::BrokenPipe.into()),
            }
        },
    }
}

async fn chunk(stream: &mut BufReader<UnixStream>, text: &str) -> std::io::Result<()> {
    let chunk = format!("{:x}\r\n{text}\r\n", text.len());
    stream.write_all(chunk.as_bytes()).await?;
    stream.flush().await
}
