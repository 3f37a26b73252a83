//! `refresh` and `drift`: the world compared with the record.

use super::carry_out::{Job, carry_out, recorded};
use crate::cli::args::{Drift, Refresh, Run};
use crate::cli::exit;
use crate::cli::failure::Failure;
use crate::cli::session::{Planning, Session, hash_with};
use crate::engine::Observe;
use crate::plan::{DeleteData, Mode, Plan};
use crate::saved::plan_json;

pub(super) async fn refresh(session: &Session, args: &Refresh) -> Result<u8, Failure> {
    if !args.accept {
        let plan = session.interrupts.end(look(session, args.json)).await?;
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
    };
    let job = Job {
        verb: "refresh --accept",
        question: "Take these differences into the record of stack",
        planning: Planning {
            mode: Mode::Refresh,
            declaration: &nothing,
            config: &config,
            observe: Observe::Required,
            delete_data: DeleteData::None,
        },
        saved: None,
        run: &run,
    };
    carry_out(session, &job, state).await
}

pub(super) async fn drift(session: &Session, args: &Drift) -> Result<u8, Failure> {
    let plan = look(session, args.json).await?;
    Ok(if plan.is_empty() { exit::DONE } else { exit::DRIFT })
}

/// Shows the differences.
async fn look(session: &Session, json: bool) -> Result<Plan, Failure> {
    let (config, nothing) = (session.open_config()?, session.nothing());
    let store = session.store()?;
    let state = store.load().await?;
    let vault = session.vault(&store, &state).await?;
    let planning = Planning {
        mode: Mode::Refresh,
        declaration: &nothing,
        config: &config,
        observe: Observe::Required,
        delete_data: DeleteData::None,
    };
    let plan = session.plan(&state, &vault, &planning).await?.plan;
    if json {
        session.ui.json(&plan_json(&plan, &hash_with(&vault)))?;
    } else {
        session.ui.plan(&plan)?;
    }
    Ok(plan)
}
