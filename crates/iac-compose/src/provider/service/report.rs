//! The report of a container's failure: its last lines, its health check's, and the holder of its port.

use bollard::container::LogOutput;
use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::LogsOptions;
use futures::StreamExt;
use iac_core::provider::ProviderError;

use super::containers::{listed_name, name_of};
use crate::labels;
use crate::provider::connect::Engine;

/// The number of lines of a container's output that are shown.
const LINES: usize = 15;

/// The time that the engine may take for a part of a log that it has.
const LOG: std::time::Duration = std::time::Duration::from_secs(10);

/// The most that is read of a container's output, whatever the engine makes of the number of lines.
const MOST_OUTPUT: usize = 1 << 20;

impl Engine {
    /// The last lines of a container's output and of its health check.
    pub(crate) async fn last_words(&self, container: &ContainerInspectResponse) -> Vec<String> {
        let mut words = Vec::new();
        let name = name_of(container);
        let health = container
            .state
            .as_ref()
            .and_then(|state| state.health.as_ref()?.log.as_ref()?.last().cloned());
        if let Some(check) = health {
            let output = check.output.unwrap_or_default();
            let output = output.trim();
            words.push(format!(
                "health check of {name}: exit status {}",
                check.exit_code.unwrap_or_default()
            ));
            words.extend(output.lines().take(LINES).map(|line| format!("  {line}")));
        }
        let output = self.output(container.id.as_deref().unwrap_or_default()).await;
        if !output.is_empty() {
            words.push(format!("last output of {name}:"));
            words.extend(output.into_iter().map(|line| format!("  {line}")));
        }
        words
    }

    async fn output(&self, id: &str) -> Vec<String> {
        let options = LogsOptions {
            stdout: true,
            stderr: true,
            tail: LINES.to_string(),
            ..LogsOptions::default()
        };
        let Ok(log) = self.wire.stream() else {
            return Vec::new();
        };
        let mut stream = std::pin::pin!(log.docker.logs(id, Some(options)));
        let mut bytes = Vec::new();
        // Some logging drivers cannot be read; what failed is reported without them.
        while let Ok(Some(Ok(chunk))) = tokio::time::timeout(LOG, stream.next()).await {
            log.meter.restart();
            let (LogOutput::StdOut { message }
            | LogOutput::StdErr { message }
            | LogOutput::StdIn { message }
            | LogOutput::Console { message }) = chunk;
            bytes.extend_from_slice(&message);
            if bytes.len() > MOST_OUTPUT {
                break;
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        text.lines().map(|line| line.trim_end().to_owned()).collect()
    }

    /// Says who holds a port, where an error is about one that is in use.
    pub(crate) async fn explain_port(&self, error: ProviderError) -> ProviderError {
        let Some(port) = port_in(&error.message) else {
            return error;
        };
        let containers = self.list(std::collections::HashMap::new()).await.unwrap_or_default();
        let holder = containers.iter().find(|container| {
            container
                .ports
                .iter()
                .flatten()
                .any(|binding| binding.public_port == Some(port))
        });
        match holder {
            Some(container) => {
                let name = listed_name(container);
                let project = container.labels.as_ref().and_then(|labels| labels.get(labels::PROJECT));
                let of = project
                    .map(|project| format!(" of the project {project}"))
                    .unwrap_or_default();
                let detail = format!("port {port} is held by the container {name}{of}");
                error
                    .with_details([detail])
                    .with_hint("publish another port, or stop that container")
            }
            None => error
                .with_details([format!(
                    "port {port} is held by a process of the host that is no container"
                )])
                .with_hint(format!(
                    "publish another port, or find the process with `ss -ltnp 'sport = :{port}'`"
                )),
        }
    }
}

/// The port that an engine's message says is in use.
fn port_in(message: &str) -> Option<u16> {
    if !message.contains("already allocated") && !message.contains("already in use") {
        return None;
    }
    let words = message.split(|c: char| c.is_whitespace() || c == ',');
    words
        .filter_map(|word| word.trim_end_matches(':').rsplit_once(':')?.1.parse().ok())
        .next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_found_in_the_engines_words() {
        let table = [
            ("Bind for 0.0.0.0:8080 failed: port is already allocated", Some(8080)),
            ("listen tcp4 127.0.0.1:5432: bind: address already in use", Some(5432)),
            ("listen tcp6 [::]:80: bind: address already in use", Some(80)),
            ("no such image: x:1", None),
        ];
        for (message, port) in table {
            assert_eq!(port_in(message), port, "{message}");
        }
    }
}
