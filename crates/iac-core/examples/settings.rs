//! A program's configuration as one struct.
//!
//! Try it: `cargo run -p iac-core --example settings -- config list`

use std::collections::BTreeMap;
use std::process::ExitCode;

use iac_core::{Output, Program};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Settings {
    /// Required: it is not among the defaults.
    #[serde(skip_serializing)]
    host: String,
    api: Sizes,
    worker: Sizes,
    hosts: Vec<String>,
    labels: BTreeMap<String, String>,
    /// A secret that may be left out.
    token: Option<Output>,
}

#[derive(Serialize, Deserialize)]
struct Sizes {
    replicas: u16,
    memory: String,
}

impl Default for Settings {
    fn default() -> Self {
        let sizes = |replicas, memory: &str| Sizes {
            replicas,
            memory: memory.to_owned(),
        };
        Self {
            host: String::new(),
            api: sizes(3, "512Mi"),
            worker: sizes(1, "2Gi"),
            hosts: vec![],
            labels: BTreeMap::new(),
            token: None,
        }
    }
}

fn main() -> ExitCode {
    Program::new("settings").run(|stack| {
        let s: Settings = stack.settings_with_defaults(Settings::default())?;
        let token = s.token.map(String::from).unwrap_or_default();
        stack.export("url", format!("https://{}/?token={token}", s.host));
        stack.export("replicas", (s.api.replicas + s.worker.replicas).to_string());
        stack.export("memory", format!("{} {}", s.api.memory, s.worker.memory));
        stack.export("names", format!("{:?} {:?}", s.hosts, s.labels));
        Ok(())
    })
}
