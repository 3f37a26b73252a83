//! `cargo xtask testbed`: the commands of the test bed.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use iac_testbed::testbed::{Options, down, status, up};
use iac_testbed::{Extra, Layout, Progress, environment};

use crate::{Outcome, claim, say};

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start what does not run yet
    ///
    /// Installs the Debian packages that are missing, builds Kubernetes from the Go module proxy (5 to 10 minutes the first time; the binaries are
    /// cached), makes the images, and starts everything. Needs root. Safe to run again, also over what a killed run left.
    /// Then: eval "$(cargo xtask testbed env)"
    Up {
        /// Only the Docker Engine, with docker compose and the images
        #[arg(long, conflicts_with = "kubernetes")]
        docker: bool,
        /// The cluster, and the Docker Engine that it takes its images from (the default)
        #[arg(long)]
        kubernetes: bool,
        /// Use a Docker Engine that already answers on /var/run/docker.sock as it is
        #[arg(long)]
        existing_engine: bool,
        /// Additions to the cluster: cert-manager, prometheus-operator (built the first time, minutes each)
        #[arg(long, value_delimiter = ',', conflicts_with = "docker", value_name = "NAME,…")]
        with: Vec<Extra>,
        /// An S3 server and PostgreSQL as well, to keep state on
        #[arg(long)]
        storage: bool,
    },
    /// Show how the parts are doing; exits 1 unless all are healthy
    Status,
    /// Stop everything and remove what ran on it; images and binaries stay for the next `up`
    Down {
        /// Remove the images and logs of this test bed as well; cached binaries stay
        #[arg(long)]
        purge: bool,
    },
    /// Print shell exports: KUBECONFIG, DOCKER_HOST, IAC_CONFIG_FILE, a PATH with kubectl, …
    ///
    /// Use: eval "$(cargo xtask testbed env)". Another checkout uses this test bed when IAC_TESTBED_DIR, which is among them, is set.
    Env,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let layout = Layout::of_this_checkout();
    let progress = Progress::start();
    match &arguments.command {
        Command::Up {
            docker,
            existing_engine,
            with,
            storage,
            ..
        } => {
            let options = Options {
                kubernetes: !docker,
                compose: true,
                existing_engine: *existing_engine,
                with: with.clone(),
                storage: *storage,
            };
            up(&layout, &options, &progress)?;
            claim::release(layout.run())?;
            progress.say("to use it: eval \"$(cargo xtask testbed env)\"");
        }
        Command::Down { purge } => {
            down(&layout, *purge, &progress)?;
            claim::release(layout.run())?;
        }
        Command::Env => say::data(&environment::exports(&layout)?)?,
        Command::Status => return show_status(&layout),
    }
    Ok(ExitCode::SUCCESS)
}

fn show_status(layout: &Layout) -> Outcome {
    let parts = status(layout)?;
    if parts.is_empty() {
        say::data("the test bed does not run; `cargo xtask testbed up` starts it\n")?;
        return Ok(ExitCode::FAILURE);
    }
    for part in &parts {
        let state = if part.healthy { "healthy" } else { "NOT HEALTHY" };
        say::data(&format!("{:<14} {state:<12} {}\n", part.name, part.detail))?;
    }
    let healthy = parts.iter().all(|part| part.healthy);
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
