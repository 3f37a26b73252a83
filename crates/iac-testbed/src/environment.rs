//! The environment that a shell needs to use the test bed.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::record::Record;
use crate::testbed::config_file;

/// The variables that `testbed env` exports: name and value.
///
/// # Errors
/// [`Error::NotRunning`] where there is no test bed.
pub fn variables(layout: &Layout) -> Result<Vec<(&'static str, String)>> {
    let record = Record::read(layout)?.ok_or_else(|| Error::NotRunning {
        part: "the Docker Engine",
        problem: "does not run".to_owned(),
    })?;
    let mut variables = vec![
        ("DOCKER_HOST", record.engine().host()),
        ("DOCKER_CONFIG", show(&docker_config(layout))),
        // The engine builds from nothing by itself; BuildKit would want an image of its own first.
        ("DOCKER_BUILDKIT", "0".to_owned()),
        ("IAC_CONFIG_FILE", show(&config_file(layout))),
        ("IAC_TESTBED_DIR", show(layout.run())),
    ];
    if record.kubernetes {
        variables.push(("KUBECONFIG", show(&kubeconfig(layout))));
        variables.push(("IAC_TESTBED_NODE", record.block.node()));
    }
    if let Some(servers) = &record.storage {
        let s3 = servers.s3();
        variables.extend([
            ("AWS_ENDPOINT_URL", s3.endpoint),
            ("AWS_ACCESS_KEY_ID", s3.access_key),
            ("AWS_SECRET_ACCESS_KEY", s3.secret_key),
            ("AWS_REGION", s3.region),
            ("IAC_TESTBED_BUCKET", s3.bucket),
            ("IAC_TESTBED_POSTGRES", servers.postgres()),
        ]);
    }
    let rest = std::env::var("PATH").unwrap_or_default();
    let bin = show(&layout.path("bin"));
    let old: Vec<&str> = rest.split(':').filter(|folder| *folder != bin).collect();
    variables.push(("PATH", format!("{bin}:{}", old.join(":"))));
    Ok(variables)
}

/// The variables as lines for a POSIX shell.
///
/// # Errors
/// As [`variables`].
pub fn exports(layout: &Layout) -> Result<String> {
    let line = |(name, value): (&str, String)| format!("export {name}={}\n", quote(&value));
    Ok(variables(layout)?.into_iter().map(line).collect())
}

/// A value between single quotes, in which a shell replaces nothing.
fn quote(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

pub(crate) fn docker_config(layout: &Layout) -> PathBuf {
    layout.path("docker-config")
}

pub(crate) fn kubeconfig(layout: &Layout) -> PathBuf {
    layout.path("pki").join("admin.kubeconfig")
}

fn show(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        let cases = [("a b", "'a b'"), ("$HOME", "'$HOME'"), ("it's", r"'it'\''s'")];
        for (value, quoted) in cases {
            assert_eq!(quote(value), quoted);
        }
    }
}
