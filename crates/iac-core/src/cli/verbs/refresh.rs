//! `refresh` and `drift`: the world compared with the record.

use super::carry_out::{Job, carry_out, recorded};
use crate::cli::args::{Drift, Refresh, Replace, Run};
use crate::cli::exit;
use crate::cli::failure::Failure;
use crate::cli::session::{Planning, Prepared, Session, hash_with};
use crate::engine::PlanOptions;
use crate::plan::{Mode, Plan};
use crate::saved::plan_json;

pub(super) async fn refresh(session: &Session, args: &Refresh) -> Result<u8, Failure> {
    let options = PlanOptions::new(Mode::Refresh).selection(args.part.selection(&Replace::default()));
    if !args.accept {
        let plan = session.interrupts.end(look(session, options, args.json)).await?;
        if !plan.is_empty() {
            session
                .ui
                .say("To take this into the record: refresh --accept. To undo it in the world: up.");
        }
        return Ok(exit::DONE);
    }
    let state = recorded(session, "refresh --accept", args.yes).await?;
    let (config, nothing) = (session.open_config()?, session.nothing());
    let run = Run {
        report: None,
        yes: args.yes,
        parallel: 1,
        json: args.json,
        events: None,
        keep: None,
        fail_fast: false,
        step_timeout: None,
        ready_timeout: None,
    };
    let job = Job {
        verb: "refresh --accept",
        question: "Take these differences into the record of stack",
        planning: Planning {
            declaration: &nothing,
            config: &config,
            options,
        },
        saved: None,
        refactor_only: false,
        run: &run,
    };
    carry_out(session, &job, state).await
}

pub(super) async fn drift(session: &Session, args: &Drift) -> Result<u8, Failure> {
    let options = PlanOptions::new(Mode::Refresh).selection(args.part.selection(&Replace::default()));
    let plan = look(session, options, args.json).await?;
    Ok(if plan.is_empty() { exit::DONE } else { exit::DRIFT })
}

/// Shows the differences.
async fn look(session: &Session, options: PlanOptions, json: bool) -> Result<Plan, Failure> {
    let (config, nothing) = (session.open_config()?, session.nothing());
    let store = session.store()?;
    let state = store.load().await?;
    let planning = Planning {
        declaration: &nothing,
        config: &config,
        options,
    };
    let Prepared { planned, vault } = session.prepare(&store, &state, &planning).await?;
    let plan = planned.plan;
    if json {
        session.ui.json(&plan_json(&plan, &hash_with(&vault)))?;
    } else {
        session.ui.plan(&plan)?;
    }
    Ok(plan)
}
