//! `--adopt`: what a run may take over, without a word in the program.

use super::args::Adopt;
use super::failure::Failure;
use crate::declare::Declaration;
use crate::plan::names;
use crate::saved::SavedPlan;

/// The name that stands for every resource.
const ALL: &str = "all";

/// Lets the run take over what the command line names.
pub(super) fn named(declaration: &mut Declaration, adopt: &Adopt) -> Result<(), Failure> {
    let stack = declaration.stack.clone();
    for name in &adopt.names {
        let mut found = false;
        for resource in &mut declaration.resources {
            if name == ALL || names::is_called(&resource.key, name, &stack) {
                resource.options.adopt = true;
                found = true;
            }
        }
        if !found {
            return Err(unknown(declaration, name));
        }
    }
    Ok(())
}

/// Lets the run take over what a saved plan does: whoever approved the plan has seen that.
pub(super) fn saved(declaration: &mut Declaration, saved: &SavedPlan) {
    for resource in &mut declaration.resources {
        let step = saved.step(&resource.key);
        resource.options.adopt |= step.is_some_and(|step| step.options["adopt"] == true);
    }
}

fn unknown(declaration: &Declaration, name: &str) -> Failure {
    let message = format!(
        "--adopt {name}: stack {} declares no resource of that name",
        declaration.stack
    );
    let keys = declaration.resources.iter().map(|resource| &resource.key);
    Failure::usage(message).hint(match names::unknown(name, keys).meant {
        Some(meant) => format!("did you mean {meant:?}?"),
        None => "`graph` lists what the program declares; --adopt all means all of it".to_owned(),
    })
}
