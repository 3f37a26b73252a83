//! URLs of PostgreSQL state.

use std::path::PathBuf;
use std::time::Duration;

use iac_core::state::url_parameters;
use iac_core::{transport, with_causes};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::dial::{self, Server};

/// The table, unless the URL names another one.
const TABLE: &str = "iac_state";

/// The time that a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);

/// The time that sent data may go unacknowledged.
const SILENCE: Duration = Duration::from_secs(20);

/// Where state lies, as the URL says.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) config: Config,
    /// The servers that may have it.
    pub(super) servers: Vec<Server>,
    /// The table's name, quoted.
    pub(super) table: String,
    /// A file of certificate authorities in place of the system's.
    pub(super) authorities: Option<PathBuf>,
}

/// Reads a URL as `psql` takes it, with one parameter more, `table`, and two that have a meaning of their own here:
/// `sslmode` and `sslrootcert`.
pub(super) fn parse(url: &str) -> Result<Place, String> {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let mut table = TABLE.to_owned();
    let mut mode = SslMode::Prefer;
    let mut authorities = None;
    let mut rest = Vec::new();
    for parameter in url_parameters(query) {
        let value = parameter.value;
        match parameter.name {
            "table" => table = value,
            // As for psql, this is no file.
            "sslrootcert" => authorities = Some(PathBuf::from(value)).filter(|file| file.as_os_str() != "system"),
            "sslmode" => mode = ssl_mode(&value)?,
            _ => rest.push(parameter.text),
        }
    }
    let plain = if rest.is_empty() {
        base.to_owned()
    } else {
        format!("{base}?{}", rest.join("&"))
    };
    // The parser's own words, which do not repeat what it was given.
    let mut config: Config = plain
        .parse()
        .map_err(|error: tokio_postgres::Error| with_causes(&error))?;
    if config.get_password().is_none()
        && let Ok(password) = std::env::var("PGPASSWORD")
    {
        config.password(password);
    }
    let servers = dial::servers(&config)?;
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT);
    }
    if config.get_application_name().is_none() {
        config.application_name("iac");
    }
    let mode = permitted(mode, &config)?;
    config.ssl_mode(mode).tcp_user_timeout(SILENCE);
    Ok(Place {
        table: quoted(&table)?,
        config,
        servers,
        authorities,
    })
}

/// Encryption is checked wherever it is used, so the modes that would encrypt without checking are as the strictest.
fn ssl_mode(mode: &str) -> Result<SslMode, String> {
    match mode {
        "disable" => Ok(SslMode::Disable),
        "prefer" => Ok(SslMode::Prefer),
        "require" | "verify-ca" | "verify-full" => Ok(SslMode::Require),
        other => Err(format!(
            "there is no sslmode {other:?}; there are disable, prefer, require and verify-full"
        )),
    }
}

/// The mode for these servers. On this machine, and where the user says that the way is safe, it is the one that was asked for.
/// To any other the connection is encrypted and checked, whatever was asked for: who stands between could decline encryption,
/// ask for the password in clear, and get it.
fn permitted(asked: SslMode, config: &Config) -> Result<SslMode, String> {
    let servers = addresses(config);
    let mut refused = servers
        .iter()
        .filter_map(|server| transport::in_clear("PostgreSQL", server).err());
    match (refused.next(), asked) {
        (None, asked) => Ok(asked),
        (Some(refused), SslMode::Disable) => Err(format!(
            "{refused}; {}",
            refused.hint("leave sslmode=disable out, or use verify-full")
        )),
        (Some(_), _) => Ok(SslMode::Require),
    }
}

/// Where connections go; a socket is on this machine.
fn addresses(config: &Config) -> Vec<String> {
    // They count more than the names, which are then only what certificates are checked by.
    let given = config.get_hostaddrs();
    if !given.is_empty() {
        return given.iter().map(ToString::to_string).collect();
    }
    let hosts = config.get_hosts().iter().filter_map(|host| match host {
        Host::Tcp(name) => Some(name.clone()),
        Host::Unix(_) => None,
    });
    hosts.collect()
}

/// A table's name as SQL has it: in a schema, if it says so.
fn quoted(table: &str) -> Result<String, String> {
    let plain = |part: &str| {
        !part.is_empty() && part.len() <= 63 && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let parts: Vec<&str> = table.split('.').collect();
    if parts.len() > 2 || !parts.iter().all(|part| plain(part)) {
        return Err(format!(
            "the table {table:?} is no name of letters, digits and `_`, nor SCHEMA.NAME of such"
        ));
    }
    Ok(parts
        .iter()
        .map(|part| format!("\"{part}\""))
        .collect::<Vec<_>>()
        .join("."))
}

/// Returns the name of a server for people: host and database, no user and no password.
pub(super) fn shown(config: &Config) -> String {
    let hosts = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    });
    let hosts = hosts.collect::<Vec<_>>().join(",");
    match config.get_dbname() {
        Some(database) => format!("postgres://{hosts}/{database}"),
        None => format!("postgres://{hosts}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read() {
        for (url, table, mode) in [
            ("postgres://me@localhost/iac", "\"iac_state\"", SslMode::Prefer),
            (
                "postgresql://me:pw@localhost:6000/iac?sslmode=disable",
                "\"iac_state\"",
                SslMode::Disable,
            ),
            (
                "postgres://db/iac?table=ops.state&sslmode=verify-full&sslrootcert=%2Fca.pem&connect_timeout=3",
                "\"ops\".\"state\"",
                SslMode::Require,
            ),
        ] {
            let place = parse(url);
            assert!(
                place.is_ok_and(|place| place.table == table && place.config.get_ssl_mode() == mode),
                "{url}"
            );
        }
    }

    #[test]
    fn authorities_are_a_file_or_the_systems() {
        let authorities =
            |parameters: &str| parse(&format!("postgres://db/iac?{parameters}")).map(|place| place.authorities);
        assert_eq!(authorities(""), Ok(None));
        assert_eq!(authorities("sslrootcert=system"), Ok(None));
        assert_eq!(authorities("sslrootcert=%2Fca.pem"), Ok(Some(PathBuf::from("/ca.pem"))));
    }

    #[test]
    fn no_mode_is_weaker_than_require_to_another_machine() {
        let mode = |url: &str| parse(url).map(|place| place.config.get_ssl_mode());
        for (servers, is_here) in [
            ("localhost/iac?", true),
            ("127.0.0.1:6000/iac?", true),
            ("[::1]/iac?", true),
            ("%2Fvar%2Frun%2Fpostgresql/iac?", true),
            ("localhost,127.0.0.1/iac?", true),
            ("db/iac?hostaddr=127.0.0.1&", true),
            ("db/iac?", false),
            ("localhost.example.com/iac?", false),
            ("0.0.0.0/iac?", false),
            ("localhost,db/iac?", false),
            ("%2Fvar%2Frun%2Fpostgresql,db/iac?", false),
            ("localhost/iac?hostaddr=10.0.0.1&", false),
            ("localhost/iac?host=db&", false),
        ] {
            for (asked, here, elsewhere) in [
                ("", SslMode::Prefer, Some(SslMode::Require)),
                ("sslmode=prefer", SslMode::Prefer, Some(SslMode::Require)),
                ("ssl%6Dode=prefer", SslMode::Prefer, Some(SslMode::Require)),
                ("sslmode=require", SslMode::Require, Some(SslMode::Require)),
                ("sslmode=verify-full", SslMode::Require, Some(SslMode::Require)),
                ("sslmode=disable", SslMode::Disable, None),
            ] {
                let url = format!("postgres://me:s3cret@{servers}{asked}");
                let expected = if is_here { Some(here) } else { elsewhere };
                let error = mode(&url).err().unwrap_or_default();
                assert_eq!(mode(&url).ok(), expected, "{url}: {error}");
                assert!(!error.contains("s3cret"), "{error}");
            }
        }
        let refused = mode("postgres://db/iac?sslmode=disable").err().unwrap_or_default();
        assert!(
            refused.contains("at db") && refused.contains("IAC_CLEAR_TEXT=db"),
            "{refused}"
        );
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for (url, part) in [
            ("postgres://me:s3cret@db/iac?sslmode=allow", "\"allow\""),
            ("postgres://me:s3cret@db/iac?table=a%3Bdrop", "a;drop"),
            ("postgres://me:s3cret@db/iac?table=a.b.c", "a.b.c"),
            ("postgres://me:s3cret@db/iac?colour=red", "colour"),
            ("postgres:///iac", "host"),
        ] {
            let error = parse(url).err().unwrap_or_default();
            assert!(error.contains(part) && !error.contains("s3cret"), "{url}: {error}");
        }
        let shown_ = parse("postgres://me:s3cret@db:6000/iac").map(|place| shown(&place.config));
        assert_eq!(shown_.as_deref(), Ok("postgres://db/iac"));
    }
}
