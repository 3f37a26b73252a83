//! Stacks and what they belong to, with real repositories: which programs, projects and checkouts may use a stack of
//! another one, and how it is handed over.
//!
//! Has a `main` of its own, since it runs itself once more as the programs that share a backend.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may stop at once, and says which it was"
)]

mod commits;
mod ground;
mod handover;
mod projects;
mod spellings;

use std::path::PathBuf;
use std::process::ExitCode;

use iac_core::cli::Program;

/// Makes this process a program of that name. `manifests` and `charts` deploy what `--config path=` names; all others
/// are programs of their own project.
const PROGRAM: &str = "IAC_TEST_PROGRAM";

fn main() -> ExitCode {
    if let Ok(name) = std::env::var(PROGRAM) {
        return program(&name);
    }
    let filter = std::env::args().nth(1).filter(|argument| !argument.starts_with('-'));
    let tests: [(&str, fn()); 15] = [
        (
            "another_program_is_refused_by_every_verb",
            projects::another_program_is_refused_by_every_verb,
        ),
        (
            "two_projects_with_one_path_are_two",
            projects::two_projects_with_one_path_are_two,
        ),
        (
            "checkouts_of_one_project_are_one",
            projects::checkouts_of_one_project_are_one,
        ),
        (
            "parts_of_one_repository_are_told_apart",
            projects::parts_of_one_repository_are_told_apart,
        ),
        (
            "a_submodule_is_a_project_of_its_own",
            projects::a_submodule_is_a_project_of_its_own,
        ),
        ("a_fork_is_another_project", projects::a_fork_is_another_project),
        (
            "typed_programs_of_two_projects_are_two",
            projects::typed_programs_of_two_projects_are_two,
        ),
        (
            "nothing_of_a_repository_is_run",
            projects::nothing_of_a_repository_is_run,
        ),
        (
            "the_commits_since_the_last_up_are_named",
            commits::the_commits_since_the_last_up_are_named,
        ),
        (
            "one_folder_has_many_spellings",
            spellings::one_folder_has_many_spellings,
        ),
        (
            "a_project_without_a_folder_is_named",
            spellings::a_project_without_a_folder_is_named,
        ),
        (
            "a_folder_that_moves_with_its_state_stays_the_same",
            spellings::a_folder_that_moves_with_its_state_stays_the_same,
        ),
        (
            "a_stack_is_handed_over_when_asked",
            handover::a_stack_is_handed_over_when_asked,
        ),
        (
            "copies_of_a_state_belong_to_the_same",
            handover::copies_of_a_state_belong_to_the_same,
        ),
        (
            "an_old_or_empty_stack_is_bound_by_the_next_up",
            handover::an_old_or_empty_stack_is_bound_by_the_next_up,
        ),
    ];
    let mut failed = false;
    for (name, test) in tests {
        if filter.as_ref().is_none_or(|filter| name.contains(filter.as_str())) {
            println!("{name}");
            failed |= std::panic::catch_unwind(test).is_err();
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn program(name: &str) -> ExitCode {
    let program = Program::new(name);
    let program = match name {
        "manifests" | "charts" => program.deploys(|config| config.get("path").ok()?),
        "named" => program.project("https://me:s3cret@git.io/acme/one.git"),
        _ => program,
    };
    program.run(|stack| {
        let _path: Option<PathBuf> = stack.config().get("path")?;
        let _ = stack.random_password(&stack.config().text("secret", "db")?, 16);
        Ok(())
    })
}
