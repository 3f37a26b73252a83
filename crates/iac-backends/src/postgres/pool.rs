//! Connections: made when they are wanted, kept for the next statement, and dropped when anything goes wrong.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use iac_core::transport::tls::Tls;
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Config, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::dial::{Line, Server, dial};
use super::failure::Failure;

/// The time that a statement may take.
const STATEMENT: Duration = Duration::from_secs(60);

/// The number of idle connections that are kept.
const KEPT: usize = 4;

/// The value of a statement's parameter, with its type: told to the server, it need not be asked.
pub(super) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// The connections to one database.
pub(super) struct Pool {
    config: Config,
    servers: Vec<Server>,
    authorities: Option<PathBuf>,
    tls: OnceCell<MakeRustlsConnect>,
    idle: Mutex<Vec<Line>>,
}

impl Pool {
    pub(super) fn new(config: Config, servers: Vec<Server>, authorities: Option<PathBuf>) -> Self {
        Self {
            config,
            servers,
            authorities,
            tls: OnceCell::new(),
            idle: Mutex::default(),
        }
    }

    /// Runs one statement, in a transaction of its own; durable when it returns.
    pub(super) async fn run(&self, statement: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>, Failure> {
        let line = self.line().await?;
        // One that is dropped before its answer came is closed, and so is its connection.
        let answer = timeout(STATEMENT, line.client.query_typed(statement, parameters)).await;
        let answer = answer.map_err(|_| Failure::Timeout(STATEMENT))?;
        let answer = answer.map_err(|error| match error.as_db_error() {
            Some(_) => Failure::Statement(error),
            None => line.failure(error),
        });
        // A refused statement leaves the connection as it was.
        if answer.as_ref().err().is_none_or(Failure::is_told) {
            self.keep(line);
        }
        answer
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Line>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, line: Line) {
        let mut idle = self.idle();
        if line.is_good() && idle.len() < KEPT {
            idle.push(line);
        }
    }

    async fn line(&self) -> Result<Line, Failure> {
        let known = {
            let mut idle = self.idle();
            idle.retain(Line::is_good);
            idle.pop()
        };
        match known {
            Some(line) => Ok(line),
            None => self.connect().await,
        }
    }

    async fn connect(&self) -> Result<Line, Failure> {
        let tls = self.tls.get_or_try_init(|| async {
            let mut tls = Tls::default();
            if let Some(file) = &self.authorities {
                tls = tls.authorities(file)?;
            }
            Ok::<_, Failure>(MakeRustlsConnect::new(tls.client()?))
        });
        let made = timeout(STATEMENT, dial(&self.servers, &self.config, tls.await?)).await;
        made.map_err(|_| Failure::Timeout(STATEMENT))?
    }
}
