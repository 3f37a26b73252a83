//! `up` and `destroy`.

use std::path::Path;

use super::carry_out::{Job, carry_out, recorded};
use crate::cli::args::{Destroy, Replace, Run, Up};
use crate::cli::failure::Failure;
use crate::cli::session::{Planning, Session};
use crate::cli::{Declare, adopt};
use crate::engine::PlanOptions;
use crate::plan::Mode;
use crate::saved::SavedPlan;

pub(super) async fn up(session: &Session, args: &Up, declare: Declare<'_>) -> Result<u8, Failure> {
    let saved = args
        .plan
        .as_deref()
        .map(|path| read(session, path, Mode::Up))
        .transpose()?;
    let state = recorded(session, "up", args.run.yes || saved.is_some()).await?;
    let config = session.config()?;
    let mut declaration = session.declare(declare, &config)?;
    adopt::named(&mut declaration, &args.adopt)?;
    saved.iter().for_each(|saved| adopt::saved(&mut declaration, saved));
    session.check_unused(&config)?;
    let run = approved(&args.run, saved.is_some());
    let job = Job {
        verb: "up",
        question: "Apply this to stack",
        planning: Planning {
            declaration: &declaration,
            config: &config,
            options: saved.as_ref().map_or_else(
                || {
                    PlanOptions::new(Mode::Up)
                        .delete_data(args.data.choice())
                        .selection(args.part.selection(&args.replace))
                },
                reviewed,
            ),
        },
        saved: saved.as_ref(),
        refactor_only: args.refactor_only,
        run: &run,
    };
    carry_out(session, &job, state).await
}

pub(super) async fn destroy(session: &Session, args: &Destroy) -> Result<u8, Failure> {
    let plan = args.plan.as_deref();
    let saved = plan.map(|path| read(session, path, Mode::Destroy)).transpose()?;
    let run = approved(&args.run, saved.is_some());
    let state = recorded(session, "destroy", run.yes).await?;
    let (config, nothing) = (session.open_config()?, session.nothing());
    let job = Job {
        verb: "destroy",
        question: "Delete this from stack",
        planning: Planning {
            declaration: &nothing,
            config: &config,
            options: saved.as_ref().map_or_else(
                || {
                    PlanOptions::new(Mode::Destroy)
                        .delete_data(args.data.choice())
                        .selection(args.part.selection(&Replace::default()))
                },
                reviewed,
            ),
        },
        saved: saved.as_ref(),
        refactor_only: false,
        run: &run,
    };
    carry_out(session, &job, state).await
}

/// The options that a plan was reviewed with.
fn reviewed(saved: &SavedPlan) -> PlanOptions {
    PlanOptions::new(saved.mode)
        .delete_data(saved.delete_data.clone())
        .selection(saved.selection.clone())
}

/// The options of a run; whoever saved a plan has approved it.
fn approved(run: &Run, is_saved: bool) -> Run {
    Run {
        yes: run.yes || is_saved,
        ..run.clone()
    }
}

fn read(session: &Session, path: &Path, mode: Mode) -> Result<SavedPlan, Failure> {
    let saved = super::plan::read(path)?;
    if saved.mode != mode {
        let (path, verb) = (
            path.display(),
            if mode == Mode::Up {
                "preview"
            } else {
                "preview --destroy"
            },
        );
        return Err(Failure::usage(format!("{path} is no plan of `{verb}`")));
    }
    if !saved.problems.is_empty() {
        return Err(Failure::failed(format!(
            "{} has problems and cannot be applied",
            path.display()
        )));
    }
    if saved.stack != session.stack {
        let message = format!(
            "{} was made for stack {:?}, not {:?}",
            path.display(),
            saved.stack,
            session.stack
        );
        return Err(Failure::usage(message).hint(format!("--stack {}", saved.stack)));
    }
    Ok(saved)
}
