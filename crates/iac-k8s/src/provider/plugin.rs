//! Plugins of kubeconfigs that give credentials: run with none of our secrets, for a limited time, and never left behind.

use std::io::IsTerminal as _;
use std::process::Stdio;
use std::time::Duration;

use iac_core::environment;
use jiff::Timestamp;
use kube::config::{ExecConfig, ExecInteractiveMode};
use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// The time that a plugin may take that talks to nobody.
const ALONE: Duration = Duration::from_secs(60);

/// The time that one may take that talks to the user: somebody has to log in.
const WITH_USER: Duration = Duration::from_secs(300);

/// The longest answer.
const LARGEST: u64 = 1 << 20;

/// The most bytes of its messages that are kept.
const WORDS: u64 = 2000;

/// The credentials that a plugin gives.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Given {
    pub(super) token: Option<String>,
    /// PEM.
    pub(super) client_certificate_data: Option<String>,
    /// PEM.
    pub(super) client_key_data: Option<String>,
    /// Until when it can be used.
    pub(super) expiration_timestamp: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Answer {
    status: Option<Given>,
}

/// Ends the plugin, with what it has started itself, if it still runs when this is dropped.
struct Running {
    child: Child,
    /// True if it has a group of its own.
    apart: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        // Without an id it has ended, and was waited for.
        let Some(id) = id.and_then(rustix::process::Pid::from_raw) else {
            return;
        };
        let signal = rustix::process::Signal::KILL;
        // It may end in this very moment, and then there is nothing to be done.
        let _ = match self.apart {
            true => rustix::process::kill_process_group(id, signal),
            false => rustix::process::kill_process(id, signal),
        };
    }
}

/// Runs the plugin as `kubectl` does.
pub(super) async fn run(exec: &ExecConfig) -> Result<Given, String> {
    let name = exec
        .command
        .as_deref()
        .ok_or("the kubeconfig names no command of its plugin")?;
    let interactive = match exec.interactive_mode {
        Some(ExecInteractiveMode::Never) => false,
        _ => std::io::stdin().is_terminal(),
    };
    if exec.interactive_mode == Some(ExecInteractiveMode::Always) && !interactive {
        return Err(format!(
            "the plugin {name} of the kubeconfig wants to talk to the user, and standard input is no terminal"
        ));
    }
    let child = command(name, exec, interactive)?.spawn();
    let hint = exec
        .install_hint
        .as_ref()
        .map(|hint| format!(" ({hint})"))
        .unwrap_or_default();
    let child = child.map_err(|error| format!("the plugin {name} of the kubeconfig cannot be run: {error}{hint}"))?;
    let limit = if interactive { WITH_USER } else { ALONE };
    let running = Running {
        child,
        apart: !interactive,
    };
    timeout(limit, finish(name, running)).await.map_err(|_| {
        format!(
            "the plugin {name} of the kubeconfig did not end within {} s",
            limit.as_secs()
        )
    })?
}

fn command(name: &str, exec: &ExecConfig, interactive: bool) -> Result<Command, String> {
    let cluster = exec.cluster.as_ref().map(serde_json::to_value).transpose();
    let cluster = cluster.map_err(|error| format!("the cluster cannot be told to {name}: {error}"))?;
    let mut spec = json!({"interactive": interactive});
    if let Some(cluster) = cluster.filter(|_| exec.provide_cluster_info) {
        spec["cluster"] = cluster;
    }
    let told = json!({"kind": "ExecCredential", "apiVersion": exec.api_version, "spec": spec});
    let own = exec.env.iter().flatten();
    let own = own.filter_map(|pair| Some((pair.get("name")?, pair.get("value")?)));
    let mut command = Command::new(name);
    command
        .args(exec.args.iter().flatten())
        .env_clear()
        .envs(environment::for_others())
        .envs(own)
        .env("KUBERNETES_EXEC_INFO", told.to_string())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    if interactive {
        // It stays in our group, or the terminal would not let it read.
        command.stdin(Stdio::inherit()).stderr(Stdio::inherit());
    } else {
        command.stdin(Stdio::null()).stderr(Stdio::piped()).process_group(0);
    }
    Ok(command)
}

/// Waits for its end and reads its answer, which is not quoted: it is a credential.
async fn finish(name: &str, mut running: Running) -> Result<Given, String> {
    let (output, errors) = (running.child.stdout.take(), running.child.stderr.take());
    let (output, words) = tokio::join!(read(output, LARGEST), read(errors, WORDS));
    let status = running.child.wait().await;
    let status =
        status.map_err(|error| format!("the plugin {name} of the kubeconfig cannot be waited for: {error}"))?;
    if !status.success() {
        let words = String::from_utf8_lossy(&words).trim().to_owned();
        let said = if words.is_empty() {
            String::new()
        } else {
            format!(": {words}")
        };
        return Err(format!("the plugin {name} of the kubeconfig failed ({status}){said}"));
    }
    // JSON is YAML, and some plugins write YAML.
    let answer: Result<Answer, _> = serde_saphyr::from_slice(&output);
    let given = answer.ok().and_then(|answer| answer.status);
    given
        .filter(|given| given.token.is_some() || given.client_certificate_data.is_some())
        .ok_or_else(|| {
            format!("the plugin {name} of the kubeconfig gave no credentials (no ExecCredential with a status)")
        })
}

async fn read(source: Option<impl AsyncRead + Unpin>, limit: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut source) = source {
        // A part that cannot be read is missing in the answer, and that is reported.
        let _ = (&mut source).take(limit).read_to_end(&mut bytes).await;
        // It must not be stopped by a pipe that nobody reads.
        let _ = tokio::io::copy(&mut source, &mut tokio::io::sink()).await;
    }
    bytes
}
