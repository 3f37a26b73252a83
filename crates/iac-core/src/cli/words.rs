//! Answers to verbs and options that there are not: what people type who know other tools.
//!
//! A word that is only spelled alike may mean the opposite, so nothing that deletes or forgets is ever suggested.

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue};

/// Verbs and options that are never a suggestion.
const DANGEROUS: [&str; 20] = [
    "destroy",
    "rm",
    "unlock",
    "rekey",
    "rebind",
    "import",
    "migrate",
    "repair",
    "mv",
    "unprotect",
    "taint",
    "--yes",
    "--force",
    "--accept",
    "--replace",
    "--delete-data",
    "--other-stack",
    "--clear-state",
    "--show-secrets",
    "--plan",
];

/// Verbs that have verbs of their own.
const GROUPS: [&str; 4] = ["plan", "stack", "state", "config"];

/// The answers for people who look for something under another name, by the words that they use for it.
const ANSWERS: &[(&[&str], &str)] = &[
    (
        &["diff", "dry-run", "what-if", "show-plan", "--dry-run"],
        "`WORD` is called `preview` here",
    ),
    (
        &[
            "apply", "deploy", "create", "install", "upgrade", "update", "run", "start", "sync", "converge",
        ],
        "`WORD` is called `up` here; it shows the plan and asks",
    ),
    (
        &["delete", "rm", "remove", "del", "prune"],
        "to delete a resource, take it out of what is declared and run `up`; --help lists the verb for a whole stack",
    ),
    (
        &["down", "uninstall", "teardown", "undeploy", "stop", "kill"],
        "--help lists the verb that deletes a whole stack; to stop what runs, declare no replicas and run `up`",
    ),
    (
        &["restart", "rollout", "reload"],
        "nothing restarts while nothing changes: `kubectl rollout restart` or `docker compose restart` do, and are no drift",
    ),
    (
        &["test", "check", "validate", "verify", "lint"],
        "`preview` checks what is declared against the system and changes nothing; `state check` checks the recorded state",
    ),
    (
        &[
            "status", "ps", "ls", "list", "get", "describe", "show", "info", "inspect",
        ],
        "`drift` compares with the system, `state list` and `state show NAME` tell what is recorded, `stack ls` which stacks there are",
    ),
    (
        &["logs", "log", "exec", "attach", "top", "events", "port-forward"],
        "that is for `kubectl` or `docker compose`, which work with everything that is deployed",
    ),
    (
        &["rollback", "undo", "revert"],
        "check out the earlier program and run `up`; `stack history` names the builds",
    ),
    (&["output", "outputs"], "`WORD` is called `stack output` here"),
    (&["history", "versions"], "`WORD` is called `stack history` here"),
    (
        &["import", "adopt", "take-over"],
        "`up --adopt NAME` takes over what is there already",
    ),
    (
        &["init", "new", "login"],
        "there is nothing to set up: the first `up` makes the stack",
    ),
    (
        &["secret", "secrets", "set"],
        "`config set KEY --secret` keeps a secret in the stack's configuration",
    ),
    (&["version"], "--version tells it"),
    (&["help"], "--help lists the verbs, and behind a verb its options"),
    (
        &["--auto-approve", "--approve", "--no-input"],
        "--help of the verb tells how to go ahead without asking",
    ),
    (
        &["-f", "--file", "--filename"],
        "what is deployed is said with --config path=…, by programs that take a path",
    ),
];

/// Takes dangerous suggestions out of an error of the command line, and answers words that are known.
pub(super) fn advise(error: &mut clap::Error, arguments: &[String]) {
    for kind in [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg] {
        if let Some(suggested) = error.remove(kind)
            && let Some(safe) = without_dangers(suggested)
        {
            error.insert(kind, safe);
        }
    }
    // An empty list would leave an empty line.
    if matches!(error.get(ContextKind::Suggested), Some(ContextValue::StyledStrs(tips)) if tips.is_empty()) {
        error.remove(ContextKind::Suggested);
    }
    let word = [ContextKind::InvalidSubcommand, ContextKind::InvalidArg];
    let word = word.into_iter().find_map(|kind| match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word.clone()),
        _ => None,
    });
    if let Some(answer) = word.and_then(|word| answer(&word, arguments)) {
        error.remove(ContextKind::SuggestedSubcommand);
        error.remove(ContextKind::SuggestedArg);
        error.insert(
            ContextKind::Suggested,
            ContextValue::StyledStrs(vec![StyledStr::from(answer)]),
        );
    }
}

fn without_dangers(suggested: ContextValue) -> Option<ContextValue> {
    let is_safe = |text: &String| !text.split_whitespace().any(|word| DANGEROUS.contains(&word));
    match suggested {
        ContextValue::String(text) => is_safe(&text).then_some(ContextValue::String(text)),
        ContextValue::Strings(texts) => {
            let safe: Vec<String> = texts.into_iter().filter(is_safe).collect();
            (!safe.is_empty()).then_some(ContextValue::Strings(safe))
        }
        other => Some(other),
    }
}

/// Returns the answer to an unknown word in the place of a verb, or to an unknown option.
fn answer(word: &str, arguments: &[String]) -> Option<String> {
    let mut before = arguments.iter().take_while(|argument| *argument != word);
    if before.any(|argument| GROUPS.contains(&argument.as_str())) {
        return None;
    }
    let lower = word.to_ascii_lowercase();
    let name = lower.split('=').next().unwrap_or_default();
    let (_, answer) = ANSWERS.iter().find(|(words, _)| words.contains(&name))?;
    Some(answer.replace("WORD", word))
}
