//! Limits on the answers of servers: the one place that says how much of an answer is read, and how long that may take.
//!
//! A server that is broken, or that is not the one it should be, may answer without an end, or stop in the middle. So
//! every connection to one is [`Bounded`], or its bodies are read with the same limits where a library hides the
//! connection: an answer over a limit is an error that names the server, and memory use stays as it is.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::files::size;

/// An answer that has more than is read of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TooLarge {
    /// It is too long.
    #[error("the answer of {server} has more than {}, the most that is read of one", size(*.limit))]
    Long {
        /// The server that answers.
        server: String,
        /// The most that is read, in bytes.
        limit: u64,
    },
    /// It says many small things, and each takes far more memory than it has bytes.
    #[error("the answer of {server} would take more than {} of memory, the most that one may", size(*.limit))]
    Heavy {
        /// The server that answers.
        server: String,
        /// The most memory that one may take, in bytes.
        limit: u64,
    },
}

/// About how much memory an object with something in it takes: a map has room for eleven entries from the first one on.
const OBJECT: u64 = 640;

/// About how much a list with something in it takes.
const LIST: u64 = 128;

/// About how much one thing more takes in an object or a list.
const ITEM: u64 = 80;

/// About how much memory JSON takes as a tree of values, in bytes; at least as many as the text has.
pub fn weight(json: &[u8]) -> u64 {
    let (mut in_text, mut escaped) = (false, false);
    // What the thing that has just been opened takes, if something is in it.
    let mut opened = 0;
    let mut weight = u64::try_from(json.len()).unwrap_or(u64::MAX);
    for byte in json {
        if in_text {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_text = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => continue,
            b'}' | b']' => {}
            _ => weight += opened,
        }
        opened = match byte {
            b'{' => OBJECT,
            b'[' => LIST,
            _ => 0,
        };
        weight += if *byte == b',' { ITEM } else { 0 };
        in_text = *byte == b'"';
    }
    weight
}

/// The same for a part of an answer that is read into structs and may be anywhere in it, headers too: what opens an object
/// counts wherever it stands, and as much as a large struct takes.
fn weight_of_part(part: &[u8]) -> u64 {
    let of = |byte: &u8| match byte {
        b'{' => STRUCT,
        b',' => ITEM,
        _ => 1,
    };
    part.iter().map(of).sum()
}

/// About how much a large struct takes.
const STRUCT: u64 = 1024;

/// An answer that has begun and does not end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{server} has begun to answer, and has not come to an end within {} s", .limit.as_secs())]
pub struct Stalled {
    /// The server that answers.
    pub server: String,
    /// The time that was waited for it.
    pub limit: Duration,
}

/// The limits of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The number of bytes that are read of one answer, or of one message of an answer that goes on.
    pub bytes: u64,
    /// The time that an answer may take from its first byte on; none for answers that go on.
    pub time: Option<Duration>,
    /// The memory that an answer of JSON may take once it is read into structs; none where the bytes say enough.
    pub memory: Option<u64>,
}

/// Counts the bytes that are read; a reader of messages in an answer that goes on starts the count again with each one.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Counted>);

#[derive(Debug, Default)]
struct Counted {
    bytes: AtomicU64,
    memory: AtomicU64,
    exceeded: AtomicBool,
}

impl Meter {
    /// Starts the count again: a message was read, or something else is asked.
    pub fn restart(&self) {
        self.0.bytes.store(0, Ordering::Relaxed);
        self.0.memory.store(0, Ordering::Relaxed);
    }

    /// Returns the number of bytes that were read of this answer.
    pub fn count(&self) -> u64 {
        self.0.bytes.load(Ordering::Relaxed)
    }

    /// True if an answer was over the limit, for where a library does not pass on why it could not read it.
    pub fn exceeded(&self) -> bool {
        self.0.exceeded.load(Ordering::Relaxed)
    }

    /// Counts what was read; gives the limit that it is over, and whether that is one of memory.
    fn add(&self, part: &[u8], limits: &Limits) -> Option<(u64, bool)> {
        let is_over = |counter: &AtomicU64, more: u64, limit: u64| {
            let before = counter.fetch_add(more, Ordering::Relaxed);
            before.saturating_add(more) > limit
        };
        let bytes = u64::try_from(part.len()).unwrap_or(u64::MAX);
        let heavy = limits
            .memory
            .filter(|limit| is_over(&self.0.memory, weight_of_part(part), *limit));
        let over = match is_over(&self.0.bytes, bytes, limits.bytes) {
            true => Some((limits.bytes, false)),
            false => heavy.map(|limit| (limit, true)),
        };
        self.0.exceeded.fetch_or(over.is_some(), Ordering::Relaxed);
        over
    }
}

/// A connection over which no answer gets out of hand.
///
/// An answer is what is read between two writes, as in protocols that ask, and then read; or after a call of
/// [`Meter::restart`].
pub struct Bounded<S> {
    inner: S,
    server: Arc<str>,
    limits: Limits,
    meter: Meter,
    /// Runs from an answer's first byte on.
    timer: Option<Pin<Box<Sleep>>>,
}

impl<S> Bounded<S> {
    /// A connection to `server`, which is what people call it.
    pub fn new(inner: S, server: Arc<str>, limits: Limits, meter: Meter) -> Self {
        Self {
            inner,
            server,
            limits,
            meter,
            timer: None,
        }
    }

    /// Ends an answer that takes too long.
    fn check_time(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let (Some(timer), Some(limit)) = (&mut self.timer, self.limits.time) else {
            return Ok(());
        };
        if timer.as_mut().poll(cx).is_pending() {
            return Ok(());
        }
        let server = self.server.to_string();
        Err(io::Error::new(io::ErrorKind::TimedOut, Stalled { server, limit }))
    }

    fn count(&mut self, part: &[u8]) -> io::Result<()> {
        if part.is_empty() {
            return Ok(());
        }
        if let (Some(limit), None) = (self.limits.time, &self.timer) {
            self.timer = Some(Box::pin(sleep(limit)));
        }
        let Some((limit, of_memory)) = self.meter.add(part, &self.limits) else {
            return Ok(());
        };
        let server = self.server.to_string();
        let error = match of_memory {
            true => TooLarge::Heavy { server, limit },
            false => TooLarge::Long { server, limit },
        };
        Err(io::Error::new(io::ErrorKind::FileTooLarge, error))
    }

    fn begin(&mut self) {
        self.meter.restart();
        self.timer = None;
    }
}

impl<S> fmt::Debug for Bounded<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bounded")
            .field("server", &self.server)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check_time(cx)?;
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.inner).poll_read(cx, buffer));
        read.and_then(|()| self.count(&buffer.filled()[before..])).into()
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.begin();
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.begin();
        Pin::new(&mut self.inner).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const LIMITS: Limits = Limits {
        bytes: 8,
        time: Some(Duration::from_secs(60)),
        memory: None,
    };

    fn pair() -> (Bounded<tokio::io::DuplexStream>, Meter, tokio::io::DuplexStream) {
        let (near, far) = tokio::io::duplex(64);
        let meter = Meter::default();
        (
            Bounded::new(near, "the server at x".into(), LIMITS, meter.clone()),
            meter,
            far,
        )
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_has_an_end_and_the_next_one_begins_anew() {
        let (mut near, meter, mut far) = pair();
        let mut answer = [0; 8];
        for _ in 0..3 {
            near.write_all(b"?").await.unwrap();
            far.write_all(&answer).await.unwrap();
            near.read_exact(&mut answer).await.unwrap();
        }
        meter.restart();
        far.write_all(&[0; 17]).await.unwrap();
        near.read_exact(&mut answer).await.unwrap();
        assert!(!meter.exceeded());
        let error = near.read_exact(&mut answer).await.unwrap_err().to_string();
        assert!(meter.exceeded());
        assert_eq!(
            error,
            "the answer of the server at x has more than 8 bytes, the most that is read of one"
        );
    }

    #[tokio::test]
    async fn what_takes_more_memory_than_it_has_bytes_has_an_end() {
        let (near, mut far) = tokio::io::duplex(64);
        let limits = Limits {
            bytes: 1 << 20,
            memory: Some(8 * STRUCT),
            ..LIMITS
        };
        let mut near = Bounded::new(near, "the server at x".into(), limits, Meter::default());
        far.write_all("{},".repeat(10).as_bytes()).await.unwrap();
        let error = near.read_exact(&mut [0; 30]).await.unwrap_err().to_string();
        assert_eq!(
            error,
            "the answer of the server at x would take more than 8 KiB of memory, the most that one may"
        );
    }

    #[test]
    fn small_things_weigh_more_than_their_bytes() {
        let extra = |json: &str| weight(json.as_bytes()) - json.len() as u64;
        for (json, expected) in [
            ("0", 0),
            ("{ }", 0),
            ("[]", 0),
            (r#""{,[\"{,""#, 0),
            (r#"{"a":0}"#, OBJECT),
            (r#"[{"a":0},{"a":[1,2]}]"#, 2 * LIST + 2 * OBJECT + 2 * ITEM),
            (r#"{"f:a":{},"f:b":{}}"#, OBJECT + ITEM),
        ] {
            assert_eq!(extra(json), expected, "{json}");
        }
        // As the parser has it, within some.
        let many = format!("[{}0]", r#"{"a":0},"#.repeat(1000));
        assert!(weight(many.as_bytes()) > 600 * 1000);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_may_come_late_and_not_stop_in_the_middle() {
        let (mut near, _, mut far) = pair();
        near.write_all(b"?").await.unwrap();
        let late = tokio::time::timeout(Duration::from_secs(600), near.read_u8()).await;
        assert!(late.is_err(), "nothing was said yet");
        far.write_all(b"!").await.unwrap();
        assert_eq!(near.read_u8().await.unwrap(), b'!');
        let error = near.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(error.to_string().contains("within 60 s"), "{error}");
    }
}
