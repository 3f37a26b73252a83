//! State in PostgreSQL: each key is a row of one table.
//!
//! Every change is one statement, so the database decides about conflicts: a create inserts unless the key is there,
//! and a replacement updates where the row still is of the write that the etag names. That is a number drawn for each write,
//! by which a client also knows its own where an answer was lost, and the parts of a large value that belong together.

mod dial;
mod failure;
mod pool;
mod url;
mod wire;

use std::sync::Arc;

use async_trait::async_trait;
use iac_core::files;
use iac_core::state::{Backend, BackendError, BackendErrorKind, BackendScheme, Created, Etag, Object, Put};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use self::failure::Failure;
use self::pool::{Parameter, Pool};
use crate::insist::{Ended, insist};
use crate::place::Place;
use crate::write::WriteId;

/// Sorts after all that a key may hold.
const LAST: char = '~';

/// The number of bytes of a value that are read at once: with the overhead of encryption, less than is read of one answer.
const PART: i32 = 15 << 20;

/// The number of times that a value is read that is written again meanwhile.
const PATIENCE: usize = 5;

/// State in a table; cheap to clone.
///
/// The database has to be there; the table is created at the first write. A value may have 256 MiB. Connections
/// are kept while a run lasts, four at the most when idle. Behind a pooler it has to be one that gives a connection for a
/// session.
#[derive(Clone)]
pub struct PostgresState {
    shared: Arc<Shared>,
}

struct Shared {
    pool: Pool,
    /// The table's name, quoted.
    table: String,
    place: Place,
    /// By what a machine knows it again: with the port and the table.
    known_as: String,
}

impl std::fmt::Debug for PostgresState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PostgresState").field(&self.shared.place.0).finish()
    }
}

impl PostgresState {
    /// For [`Program::backend`](iac_core::Program::backend): `postgres://` and `postgresql://`.
    pub const SCHEME: BackendScheme = BackendScheme {
        names: &["postgres", "postgresql"],
        example: "postgres://USER@HOST/DATABASE",
        open: |url| Ok(Arc::new(Self::open(url)?)),
    };

    /// The state that a URL names: `postgres://USER:PASSWORD@HOST/DATABASE`, with the parameters that `psql` knows, and
    /// `table=NAME` where it is not `iac_state`. A password that is not there is that of `PGPASSWORD`. Nothing is asked of the
    /// server yet.
    ///
    /// Connections to other machines are encrypted. On this machine encryption is used if the server offers it
    /// (`sslmode=prefer`, the default), always (`require`, `verify-full`) or never (`disable`). Where it is used, the
    /// server's certificate has to be good for its name, by the system's authorities or those of `sslrootcert=FILE`.
    ///
    /// # Errors
    /// When the URL is not of that form, or asks for clear text to another machine that `IAC_CLEAR_TEXT` does not name.
    pub fn open(url: &str) -> Result<Self, BackendError> {
        let place = url::parse(url).map_err(|message| BackendError::unusable(url, message))?;
        Ok(Self {
            shared: Arc::new(Shared {
                known_as: format!(
                    "{} {:?} {}",
                    url::shown(&place.config),
                    place.config.get_ports(),
                    place.table
                ),
                place: Place(url::shown(&place.config)),
                pool: Pool::new(place.config, place.servers, place.authorities),
                table: place.table,
            }),
        })
    }

    fn failed(&self, operation: &'static str, key: &str, failure: &Failure) -> BackendError {
        let message = format!("{failure}{}", failure.hint(&self.shared.table));
        self.shared.place.error(operation, key, message, failure.kind())
    }

    /// A statement, made again where that can help. In it, `$table` stands for the table's name.
    async fn run(&self, statement: &str, parameters: &[Parameter<'_>]) -> Ended<Vec<Row>, Failure> {
        let statement = statement.replace("$table", &self.shared.table);
        insist(|| self.shared.pool.run(&statement, parameters), Failure::again).await
    }

    /// A statement that may be made twice. Where there is no table, there are no rows.
    async fn ask(
        &self,
        operation: &'static str,
        key: &str,
        statement: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, BackendError> {
        match self.run(statement, parameters).await.result {
            Ok(rows) => Ok(rows),
            Err(failure) if failure.is_missing_table() => Ok(Vec::new()),
            Err(failure) => Err(self.failed(operation, key, &failure)),
        }
    }

    /// A field of a row, which may be of another type in a table that is not ours.
    fn field<T: for<'a> tokio_postgres::types::FromSql<'a>>(
        &self,
        (operation, key): (&'static str, &str),
        row: &Row,
        column: &str,
    ) -> Result<T, BackendError> {
        row.try_get(column).map_err(|error| {
            let message = format!("the table {} is not one of state: {error}", self.shared.table);
            self.shared
                .place
                .error(operation, key, message, BackendErrorKind::Other)
        })
    }

    /// Reads a value in parts, all of them of one write.
    async fn read_once(&self, key: &str) -> Result<Reading, BackendError> {
        let place = ("read", key);
        let statement = "SELECT write, octet_length(value) AS size, substring(value FROM 1 FOR $2) AS part \
                         FROM $table WHERE key = $1";
        let parameters: [Parameter<'_>; 2] = [(&key, Type::TEXT), (&PART, Type::INT4)];
        let rows = self.ask("read", key, statement, &parameters).await?;
        let Some(row) = rows.first() else {
            return Ok(Reading::Done(None));
        };
        let write: i64 = self.field(place, row, "write")?;
        let size: i32 = self.field(place, row, "size")?;
        let mut bytes: Vec<u8> = self.field(place, row, "part")?;
        while let Some(read) = i32::try_from(bytes.len()).ok().filter(|read| *read < size) {
            let statement = "SELECT substring(value FROM $3 FOR $4) AS part FROM $table WHERE key = $1 AND write = $2";
            let from = read + 1;
            let parameters: [Parameter<'_>; 4] = [
                (&key, Type::TEXT),
                (&write, Type::INT8),
                (&from, Type::INT4),
                (&PART, Type::INT4),
            ];
            let rows = self.ask("read", key, statement, &parameters).await?;
            let Some(row) = rows.first() else {
                return Ok(Reading::Overtaken);
            };
            let part: Vec<u8> = self.field(place, row, "part")?;
            // A server that gave less each time would be asked for ever, and one that promised more would fill the memory.
            if part.len() != usize::try_from(PART.min(size - read)).unwrap_or_default() || part.is_empty() {
                let message = "the server gives less of the value than it has";
                return Err(self.shared.place.error("read", key, message, BackendErrorKind::Other));
            }
            bytes.extend(part);
            self.check_size("read", key, &bytes)?;
        }
        Ok(Reading::Done(Some(Object {
            bytes,
            etag: etag(WriteId(write)),
        })))
    }

    async fn make_table(&self, operation: &'static str, key: &str) -> Result<(), BackendError> {
        let make = "CREATE TABLE IF NOT EXISTS $table \
                    (key text COLLATE \"C\" PRIMARY KEY, write bigint NOT NULL, value bytea NOT NULL)";
        match self.run(make, &[]).await.result {
            Ok(_) => Ok(()),
            Err(failure) if failure.is_made_already() => Ok(()),
            Err(failure) => Err(self.failed(operation, key, &failure)),
        }
    }

    /// A statement that writes one row, or none if a condition does not hold. Gives whether it was written.
    async fn write(
        &self,
        operation: &'static str,
        key: &str,
        write: WriteId,
        statement: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<bool, BackendError> {
        let mut ended = self.run(statement, parameters).await;
        if ended.result.as_ref().is_err_and(Failure::is_missing_table) {
            self.make_table(operation, key).await?;
            ended = self.run(statement, parameters).await;
        }
        match ended.result {
            Ok(rows) if rows.is_empty() && ended.uncertain => self.is_of(operation, key, write).await,
            Ok(rows) => Ok(!rows.is_empty()),
            Err(failure) => Err(self.failed(operation, key, &failure)),
        }
    }

    /// Whether what is under a key was written by this write: in an attempt whose answer was lost.
    async fn is_of(&self, operation: &'static str, key: &str, write: WriteId) -> Result<bool, BackendError> {
        let look = "SELECT write FROM $table WHERE key = $1";
        let rows = self.ask(operation, key, look, &[(&key, Type::TEXT)]).await?;
        match rows.first() {
            Some(row) => Ok(self.field::<i64>((operation, key), row, "write")? == write.0),
            None => Ok(false),
        }
    }

    /// Refuses a value that could not be read again.
    fn check_size(&self, operation: &'static str, key: &str, bytes: &[u8]) -> Result<(), BackendError> {
        files::check_size(bytes, crate::LARGEST).map_err(|error| {
            let message = error.to_string();
            self.shared
                .place
                .error(operation, key, message, BackendErrorKind::Other)
        })
    }

    fn draw(&self, operation: &'static str, key: &str) -> Result<WriteId, BackendError> {
        WriteId::draw().map_err(|message| {
            self.shared
                .place
                .error(operation, key, message, BackendErrorKind::Other)
        })
    }
}

/// The result of reading a value.
enum Reading {
    /// It, or that there is none.
    Done(Option<Object>),
    /// It was written again before all of it was read.
    Overtaken,
}

fn etag(write: WriteId) -> Etag {
    Etag(write.to_string())
}

#[async_trait]
impl Backend for PostgresState {
    async fn place(&self) -> Option<String> {
        Some(self.shared.known_as.clone())
    }

    async fn read(&self, key: &str) -> Result<Option<Object>, BackendError> {
        for _ in 0..PATIENCE {
            match self.read_once(key).await? {
                Reading::Done(object) => return Ok(object),
                Reading::Overtaken => {}
            }
        }
        let message = "it is written anew again and again while it is read";
        Err(self
            .shared
            .place
            .error("read", key, message, BackendErrorKind::Transient))
    }

    async fn create(&self, key: &str, bytes: Vec<u8>) -> Result<Created, BackendError> {
        self.check_size("create", key, &bytes)?;
        let write = self.draw("create", key)?;
        let statement = "INSERT INTO $table (key, write, value) VALUES ($1, $2, $3) ON CONFLICT (key) DO NOTHING \
                         RETURNING write";
        let parameters: [Parameter<'_>; 3] = [(&key, Type::TEXT), (&write.0, Type::INT8), (&bytes, Type::BYTEA)];
        let done = self.write("create", key, write, statement, &parameters).await?;
        Ok(if done {
            Created::Created(etag(write))
        } else {
            Created::Exists
        })
    }

    async fn put_if_match(&self, key: &str, bytes: Vec<u8>, expected: &Etag) -> Result<Put, BackendError> {
        // An etag that is none of ours matches nothing.
        let Ok(before) = u64::from_str_radix(&expected.0, 16) else {
            return Ok(Put::Mismatch);
        };
        let before = before.cast_signed();
        self.check_size("replace", key, &bytes)?;
        let write = self.draw("replace", key)?;
        let statement = "UPDATE $table SET write = $3, value = $4 WHERE key = $1 AND write = $2 RETURNING write";
        let parameters: [Parameter<'_>; 4] = [
            (&key, Type::TEXT),
            (&before, Type::INT8),
            (&write.0, Type::INT8),
            (&bytes, Type::BYTEA),
        ];
        let done = self.write("replace", key, write, statement, &parameters).await?;
        Ok(if done { Put::Done(etag(write)) } else { Put::Mismatch })
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, BackendError> {
        let end = format!("{prefix}{LAST}");
        let statement = "SELECT key FROM $table WHERE key >= $1 AND key < $2 ORDER BY key";
        let parameters: [Parameter<'_>; 2] = [(&prefix, Type::TEXT), (&end, Type::TEXT)];
        let rows = self.ask("list", prefix, statement, &parameters).await?;
        rows.iter()
            .map(|row| self.field(("list", prefix), row, "key"))
            .collect()
    }

    async fn delete(&self, key: &str) -> Result<(), BackendError> {
        let statement = "DELETE FROM $table WHERE key = $1";
        self.ask("delete", key, statement, &[(&key, Type::TEXT)])
            .await
            .map(drop)
    }
}
