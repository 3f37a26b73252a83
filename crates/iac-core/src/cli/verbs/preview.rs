//! `preview`.

use std::io::Write as _;
use std::path::Path;

use serde_json::Value as Json;

use super::plan::print;
use crate::cli::args::{Format, Preview};
use crate::cli::belonging::is_unbound;
use crate::cli::failure::Failure;
use crate::cli::session::{Planning, Prepared, Session, hash_with};
use crate::cli::{Declare, adopt, exit};
use crate::engine::{Observe, PlanOptions, Planned};
use crate::plan::Mode;
use crate::render::{Diagnostic, sanitize};
use crate::review::View;
use crate::saved::{plan_json, seal_plan};
use crate::value::canonical;

pub(super) async fn preview(session: &Session, args: &Preview, declare: Declare<'_>) -> Result<u8, Failure> {
    let state = session.load().await?;
    if is_unbound(&state) {
        let now = session.binding(None).await?.to_string();
        let (stack, now) = (&session.stack, sanitize(&now));
        session.ui.say(&format!(
            "note: stack {stack} belongs to nobody yet; the next `up` binds it to {now}"
        ));
    }
    let (config, declaration) = match args.destroy {
        // The program's declaration does not matter then, so the program is not asked.
        true => (session.open_config()?, session.nothing()),
        false => {
            let config = session.config()?;
            let mut declaration = session.declare(declare, &config)?;
            adopt::named(&mut declaration, &args.adopt)?;
            session.check_unused(&config)?;
            (config, declaration)
        }
    };
    let store = session.store()?;
    let options = PlanOptions::new(if args.destroy { Mode::Destroy } else { Mode::Up });
    let planning = Planning {
        declaration: &declaration,
        config: &config,
        options: options
            .observe(observe(args))
            .delete_data(args.data.choice())
            .selection(args.part.selection(&args.replace)),
    };
    let Prepared { planned, vault } = session.prepare(&store, &state, &planning).await?;
    let Planned { plan, unreached, .. } = planned;
    // The plan has all that is shown, and large stacks need the room.
    drop((state, declaration));
    if !plan.observed && !args.offline {
        let message = "nothing answers, so this preview is made from the record alone";
        let mut warning =
            Diagnostic::warning(message).hint("--offline says so on purpose, and does not try to connect");
        warning.details.extend(unreached);
        session.ui.diagnostic(&warning);
    }
    let json = || seal_plan(plan_json(&plan, &hash_with(&vault)), &vault);
    let format = if args.json { Format::Json } else { args.format };
    print(
        session,
        format,
        |unchanged| Ok(View::of(&plan, unchanged)),
        || Ok(json()),
    )?;
    if !plan.problems.is_empty() {
        return Err(Failure::unsound(&plan, "this plan cannot be carried out as it is").hint("see its problems above"));
    }
    if let Some(path) = &args.out {
        let json = json();
        save(path, &json)?;
        let digest = json["digest"].as_str().unwrap_or_default();
        let (path, verb) = (path.display(), if args.destroy { "destroy" } else { "up" });
        session.ui.say(&format!(
            "Saved as {path} (digest {digest}); apply it with: {verb} --plan {path}"
        ));
    }
    Ok(if args.detailed_exitcode && !plan.is_empty() {
        exit::CHANGES
    } else {
        exit::DONE
    })
}

/// Scripts and saved plans need the truth; people may be shown what the record says.
fn observe(args: &Preview) -> Observe {
    if args.offline {
        Observe::Never
    } else if args.detailed_exitcode || args.out.is_some() {
        Observe::Required
    } else {
        Observe::Preferred
    }
}

/// Writes a plan whole or not at all.
fn save(path: &Path, json: &Json) -> Result<(), Failure> {
    let write = || -> std::io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        file.write_all((canonical::to_string(json) + "\n").as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|error| Failure::failed(format!("{} cannot be written: {error}", path.display())))
}
