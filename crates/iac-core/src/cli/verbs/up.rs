//! `up` and `destroy`.

use std::path::Path;

use super::carry_out::{Job, carry_out, recorded};
use crate::cli::args::{Destroy, Run, Up};
use crate::cli::failure::Failure;
use crate::cli::session::{Planning, Session};
use crate::cli::{Declare, adopt};
use crate::engine::PlanOptions;
use crate::plan::Mode;
use crate::saved::SavedPlan;

pub(super) async fn up(session: &Session, args: &Up, declare: Declare<'_>) -> Result<u8, Failure> {
    let saved = args.plan.as_deref().map(|path| read(session, path)).transpose()?;
    let state = recorded(session, "up", args.run.yes || saved.is_some()).await?;
    let config = session.config()?;
    let mut declaration = session.declare(declare, &config)?;
    adopt::named(&mut declaration, &args.adopt)?;
    saved.iter().for_each(|saved| adopt::saved(&mut declaration, saved));
    session.check_unused(&config)?;
    // Whoever saved the plan has approved it.
    let run = Run {
        yes: args.run.yes || saved.is_some(),
        events: args.run.events.clone(),
        report: args.run.report.clone(),
        ..args.run
    };
    let job = Job {
        verb: "up",
        question: "Apply this to stack",
        planning: Planning {
            declaration: &declaration,
            config: &config,
            options: match &saved {
                // Part of what was reviewed.
                Some(saved) => PlanOptions::new(Mode::Up)
                    .delete_data(saved.delete_data.clone())
                    .selection(saved.selection.clone()),
                None => PlanOptions::new(Mode::Up)
                    .delete_data(args.data.choice())
                    .selection(args.part.selection()),
            },
        },
        saved: saved.as_ref(),
        run: &run,
    };
    carry_out(session, &job, state).await
}

pub(super) async fn destroy(session: &Session, args: &Destroy) -> Result<u8, Failure> {
    let state = recorded(session, "destroy", args.run.yes).await?;
    let (config, nothing) = (session.open_config()?, session.nothing());
    let job = Job {
        verb: "destroy",
        question: "Delete this from stack",
        planning: Planning {
            declaration: &nothing,
            config: &config,
            options: PlanOptions::new(Mode::Destroy)
                .delete_data(args.data.choice())
                .selection(args.part.selection()),
        },
        saved: None,
        run: &args.run,
    };
    carry_out(session, &job, state).await
}

fn read(session: &Session, path: &Path) -> Result<SavedPlan, Failure> {
    let saved = super::plan::read(path)?;
    if saved.mode != Mode::Up {
        return Err(Failure::usage(format!("{} is no plan of `preview`", path.display())));
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
