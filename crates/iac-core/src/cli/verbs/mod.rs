//! The verbs, a module each.

mod carry_out;
mod config;
mod graph;
mod list;
mod plan;
mod preview;
mod rebind;
mod refresh;
mod rekey;
mod run_page;
mod stack;
mod state;
mod trust;
mod up;

use jiff::Timestamp;

use super::Declare;
use super::args::Verb;
use super::failure::Failure;
use super::session::Session;

/// Does what the command line says; returns the exit code.
pub(super) async fn run(verb: &Verb, session: &Session, declare: Declare<'_>) -> Result<u8, Failure> {
    match verb {
        Verb::Preview(args) => session.interrupts.end(preview::preview(session, args, declare)).await,
        Verb::Plan(verb) => session.interrupts.end(plan::plan(session, verb)).await,
        Verb::Up(args) => up::up(session, args, declare).await,
        Verb::Destroy(args) => up::destroy(session, args).await,
        Verb::Refresh(args) => refresh::refresh(session, args).await,
        Verb::Drift(args) => session.interrupts.end(refresh::drift(session, args)).await,
        Verb::Stack(args) => session.interrupts.end(stack::stack(session, args)).await,
        Verb::State(args) => session.interrupts.end(state::state(session, args)).await,
        Verb::Graph(args) => graph::graph(session, args, declare),
        Verb::Config(args) => config::config(session, args, declare).await,
        // Needs no stack, and is answered before one is looked for.
        Verb::Completions { .. } => Ok(super::exit::DONE),
    }
}

/// A moment as people read it.
fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
