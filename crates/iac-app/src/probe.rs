//! Probes: they tell a target whether a container does its work.

use std::time::Duration;

use crate::Timing;

/// A question that the target asks a container again and again.
///
/// It is asked every 10 seconds, each time for at most 5, and the container counts as failed after 3 failures in a row,
/// unless its methods say otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    pub(crate) check: Check,
    pub(crate) delay: Duration,
    pub(crate) period: Duration,
    pub(crate) timeout: Duration,
    pub(crate) failures: u32,
}

/// The question of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Check {
    /// A path answers with a status from 200 to 399; at the named port, or at the container's first.
    Http { path: String, port: Option<String> },
    /// The port takes a connection.
    Tcp { port: Option<String> },
    /// A program ends with status 0.
    Command(Vec<String>),
}

impl Probe {
    /// The path has to answer with a status from 200 to 399, at the container's first port.
    pub fn http(path: impl Into<String>) -> Self {
        let path = path.into();
        Self::of(Check::Http { path, port: None })
    }

    /// The container's first port has to take a connection.
    pub fn tcp() -> Self {
        Self::of(Check::Tcp { port: None })
    }

    /// The program has to end with status 0.
    pub fn command<S: Into<String>>(words: impl IntoIterator<Item = S>) -> Self {
        Self::of(Check::Command(words.into_iter().map(Into::into).collect()))
    }

    /// The line, run by the image's `/bin/sh`, has to end with status 0.
    pub fn shell(line: impl Into<String>) -> Self {
        Self::command(["/bin/sh".to_owned(), "-c".to_owned(), line.into()])
    }

    fn of(check: Check) -> Self {
        let probe = Self {
            check,
            delay: Duration::ZERO,
            period: Duration::ZERO,
            timeout: Duration::ZERO,
            failures: 0,
        };
        probe.timed(Timing::default())
    }

    /// Asks at the times that settings say.
    #[must_use]
    pub fn timed(self, timing: Timing) -> Self {
        let Timing {
            delay,
            every,
            timeout,
            failures,
        } = timing;
        self.delay(delay).every(every).timeout(timeout).failures(failures)
    }

    /// The same timings for another program.
    pub(crate) fn asking<S: Into<String>>(self, words: impl IntoIterator<Item = S>) -> Self {
        let check = Check::Command(words.into_iter().map(Into::into).collect());
        Self { check, ..self }
    }

    /// Asks at another of the container's ports, by its name. Means nothing for a command.
    #[must_use]
    pub fn port(mut self, name: impl Into<String>) -> Self {
        if let Check::Http { port, .. } | Check::Tcp { port } = &mut self.check {
            *port = Some(name.into());
        }
        self
    }

    /// Sets the time between two questions, in whole seconds.
    #[must_use]
    pub fn every(mut self, seconds: u64) -> Self {
        self.period = Duration::from_secs(seconds);
        self
    }

    /// Sets how long failures do not count after the start, in whole seconds.
    #[must_use]
    pub fn delay(mut self, seconds: u64) -> Self {
        self.delay = Duration::from_secs(seconds);
        self
    }

    /// For what prepares its data when it starts, in seconds or in a minute, unless a delay is set. A kubelet goes on asking,
    /// while an engine calls a container unhealthy after a few failures, and whoever waits for it gives up.
    pub(crate) fn while_it_prepares(self, docker: bool) -> Self {
        match docker && self.delay.is_zero() {
            true => self.delay(60),
            false => self,
        }
    }

    /// Sets how long an answer may take, in whole seconds.
    #[must_use]
    pub fn timeout(mut self, seconds: u64) -> Self {
        self.timeout = Duration::from_secs(seconds);
        self
    }

    /// Sets after how many failures in a row the container counts as failed.
    #[must_use]
    pub fn failures(mut self, failures: u32) -> Self {
        self.failures = failures;
        self
    }
}
