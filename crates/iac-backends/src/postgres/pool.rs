//! Connections: made when they are wanted, kept for the next statement, and dropped when anything goes wrong.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use iac_core::transport::tls::Tls;
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::failure::Failure;

/// How long a statement may take.
const STATEMENT: Duration = Duration::from_secs(60);

/// How many connections are kept that nobody uses.
const KEPT: usize = 4;

/// The value of a statement's parameter, with its type: told to the server, it need not be asked.
pub(super) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// The connections to one database.
pub(super) struct Pool {
    config: Config,
    authorities: Option<PathBuf>,
    tls: OnceCell<MakeRustlsConnect>,
    idle: Mutex<Vec<Client>>,
}

impl Pool {
    pub(super) fn new(config: Config, authorities: Option<PathBuf>) -> Self {
        Self {
            config,
            authorities,
            tls: OnceCell::new(),
            idle: Mutex::default(),
        }
    }

    /// Runs one statement, in a transaction of its own; durable when it returns.
    pub(super) async fn run(&self, statement: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>, Failure> {
        let client = self.client().await?;
        // One that is dropped before its answer came is closed, and so is its connection.
        let answer = timeout(STATEMENT, client.query_typed(statement, parameters)).await;
        let answer = answer.map_err(|_| Failure::Timeout(STATEMENT))?;
        // A refused statement leaves the connection as it was.
        if answer.as_ref().err().is_none_or(|error| error.as_db_error().is_some()) {
            self.keep(client);
        }
        answer.map_err(Failure::Statement)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Client>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, client: Client) {
        let mut idle = self.idle();
        if !client.is_closed() && idle.len() < KEPT {
            idle.push(client);
        }
    }

    async fn client(&self) -> Result<Client, Failure> {
        let known = {
            let mut idle = self.idle();
            idle.retain(|client| !client.is_closed());
            idle.pop()
        };
        match known {
            Some(client) => Ok(client),
            None => self.connect().await,
        }
    }

    async fn connect(&self) -> Result<Client, Failure> {
        let tls = self.tls.get_or_try_init(|| async {
            let mut tls = Tls::default();
            if let Some(file) = &self.authorities {
                tls = tls.authorities(file)?;
            }
            Ok::<_, Failure>(MakeRustlsConnect::new(tls.client()?))
        });
        let tls = tls.await?.clone();
        let made = timeout(STATEMENT, self.config.connect(tls)).await;
        let (client, connection) = made
            .map_err(|_| Failure::Timeout(STATEMENT))?
            .map_err(Failure::Connect)?;
        // Its failures are seen by the statements that run over it.
        tokio::spawn(connection);
        // A server may acknowledge before anything is on disk, if nobody asks otherwise.
        let settings = "SET synchronous_commit = on; SET default_transaction_isolation = 'read committed'";
        client.batch_execute(settings).await.map_err(Failure::Connect)?;
        Ok(client)
    }
}
