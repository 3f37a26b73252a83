//! A server of HTTP that answers as a test says, and badly: without an end, in part, late, or nothing that makes sense.

mod spoil;

use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

pub use spoil::Spoiler;

/// A client's request.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET`, `PATCH`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The body; only its first part, if it has no stated length.
    pub body: Vec<u8>,
}

impl Request {
    /// The target without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

/// An answer to a request.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Headers besides those that say how long the body is.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
}

/// A body, and the way in which it is sent.
#[derive(Debug, Clone)]
pub enum Body {
    /// It comes whole.
    Whole(Vec<u8>),
    /// It comes in parts, and ends.
    Parts(Vec<Vec<u8>>),
    /// The part comes again and again.
    Endless(Vec<u8>),
    /// This comes, then nothing more, and the connection stays.
    Stalls(Vec<u8>),
    /// This comes, and the connection is closed before the end.
    Cut(Vec<u8>),
    /// Nothing comes, not even a head.
    Silence,
    /// These bytes come in the place of an answer, and the connection is closed.
    Raw(Vec<u8>),
}

impl Answer {
    /// JSON with a status.
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::with(status, Body::Whole(body.to_string().into_bytes()))
    }

    /// A body with a status.
    pub fn with(status: u16, body: Body) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Self { status, headers, body }
    }
}

/// A server of this sort; it takes no more connections once it is dropped.
#[derive(Debug)]
pub struct Server {
    address: String,
    over: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
}

/// A connection.
trait Stream: Read + Write + Send {
    fn other(&self) -> io::Result<Box<dyn Stream>>;
    fn wait_at_most(&self, limit: Duration) -> io::Result<()>;
}

impl Stream for std::net::TcpStream {
    fn other(&self) -> io::Result<Box<dyn Stream>> {
        Ok(Box::new(self.try_clone()?))
    }

    fn wait_at_most(&self, limit: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(limit))
    }
}

impl Stream for std::os::unix::net::UnixStream {
    fn other(&self) -> io::Result<Box<dyn Stream>> {
        Ok(Box::new(self.try_clone()?))
    }

    fn wait_at_most(&self, limit: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(limit))
    }
}

type Answers = dyn Fn(&Request) -> Answer + Send + Sync;

impl Server {
    /// A server on a port of loopback.
    ///
    /// # Errors
    /// When no port is free.
    pub fn on_loopback(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        Ok(Self::start(address, answer, move || {
            Ok(Box::new(listener.accept()?.0) as Box<dyn Stream>)
        }))
    }

    /// A server on a socket.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn on_socket(path: &Path, answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> io::Result<Self> {
        let listener = UnixListener::bind(path)?;
        Ok(Self::start(path.display().to_string(), answer, move || {
            Ok(Box::new(listener.accept()?.0) as Box<dyn Stream>)
        }))
    }

    fn start(
        address: String,
        answer: impl Fn(&Request) -> Answer + Send + Sync + 'static,
        accept: impl Fn() -> io::Result<Box<dyn Stream>> + Send + 'static,
    ) -> Self {
        let server = Self {
            address,
            over: Arc::default(),
            sent: Arc::default(),
        };
        let (over, sent) = (Arc::clone(&server.over), Arc::clone(&server.sent));
        let answer: Arc<Answers> = Arc::new(answer);
        std::thread::spawn(move || {
            while let Ok(stream) = accept() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let (answer, over, sent) = (Arc::clone(&answer), Arc::clone(&over), Arc::clone(&sent));
                // A client that went away is no matter.
                std::thread::spawn(move || serve(stream, &*answer, &over, &sent).is_ok());
            }
        });
        server
    }

    /// `HOST:PORT`, or the socket's path.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns the number of bytes of bodies that were sent.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes whoever waits for a connection; if nobody does, nothing is to be done.
        let _ = std::net::TcpStream::connect(&self.address).map(drop);
        let _ = std::os::unix::net::UnixStream::connect(&self.address).map(drop);
    }
}

/// The time for which a connection stays on which nothing is to come any more.
const STAYS: Duration = Duration::from_millis(100);

fn serve(stream: Box<dyn Stream>, answer: &Answers, over: &AtomicBool, sent: &AtomicU64) -> io::Result<()> {
    let mut out = stream.other()?;
    let mut input = BufReader::new(stream);
    while let Some(request) = request(&mut input)? {
        let answer = answer(&request);
        if let Body::Raw(bytes) = &answer.body {
            return out.write_all(bytes);
        }
        let mut wait = || {
            input.get_ref().wait_at_most(STAYS)?;
            // Until the client goes, or the test does.
            while !over.load(Ordering::Relaxed) {
                match input.read(&mut [0; 512]) {
                    Ok(0) => return Ok(()),
                    Err(error) if !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                        return Err(error);
                    }
                    _ => {}
                }
            }
            Ok(())
        };
        if matches!(answer.body, Body::Silence) {
            return wait();
        }
        let mut head = format!("HTTP/1.1 {} X\r\n", answer.status);
        for (name, value) in &answer.headers {
            head += &format!("{name}: {value}\r\n");
        }
        let mut send = |bytes: &[u8]| {
            sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            out.write_all(bytes)
        };
        match &answer.body {
            Body::Whole(bytes) => {
                send(format!("{head}content-length: {}\r\n\r\n", bytes.len()).as_bytes())?;
                send(bytes)?;
            }
            Body::Parts(parts) => {
                send(format!("{head}transfer-encoding: chunked\r\n\r\n").as_bytes())?;
                for part in parts.iter().filter(|part| !part.is_empty()) {
                    send(&chunk(part))?;
                }
                send(b"0\r\n\r\n")?;
            }
            Body::Endless(part) => {
                send(format!("{head}transfer-encoding: chunked\r\n\r\n").as_bytes())?;
                let chunk = chunk(part);
                while !over.load(Ordering::Relaxed) {
                    send(&chunk)?;
                }
                return Ok(());
            }
            Body::Stalls(bytes) | Body::Cut(bytes) => {
                send(format!("{head}content-length: {}\r\n\r\n", bytes.len() + 1).as_bytes())?;
                send(bytes)?;
                return match answer.body {
                    Body::Stalls(_) => wait(),
                    _ => Ok(()),
                };
            }
            Body::Silence | Body::Raw(_) => {}
        }
    }
    Ok(())
}

fn chunk(part: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", part.len()).into_bytes();
    chunk.extend_from_slice(part);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

fn request(input: &mut BufReader<Box<dyn Stream>>) -> io::Result<Option<Request>> {
    let mut first = String::new();
    let (mut length, mut in_parts) = (0, false);
    loop {
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let header = line.trim().to_ascii_lowercase();
        in_parts |= header.starts_with("transfer-encoding:");
        match header.strip_prefix("content-length:") {
            Some(text) => length = text.trim().parse().unwrap_or_default(),
            None if first.is_empty() => line.trim().clone_into(&mut first),
            None if header.is_empty() => break,
            None => {}
        }
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body)?;
    while in_parts {
        let mut size = String::new();
        input.read_line(&mut size)?;
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or_default();
        // The part, and the end of its line.
        io::copy(&mut input.by_ref().take(size as u64 + 2), &mut io::sink())?;
        in_parts = size > 0;
    }
    let mut words = first.split(' ').map(str::to_owned);
    Ok(Some(Request {
        method: words.next().unwrap_or_default(),
        target: words.next().unwrap_or_default(),
        body,
    }))
}
