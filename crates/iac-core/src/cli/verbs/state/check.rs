//! `state check` and `state repair`.

use serde_json::json;

use crate::cli::exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::render::sanitize;
use crate::state::{Finding, Repair, RunInfo, Severity};

pub(super) async fn check(session: &Session, as_json: bool) -> Result<u8, Failure> {
    let report = session.store()?.check().await?;
    let code = if report.is_whole() { exit::DONE } else { exit::FAILED };
    if as_json {
        session
            .ui
            .json(&json!({"stack": session.stack, "whole": report.is_whole(), "report": report}))?;
        return Ok(code);
    }
    let mut text: String = report.findings.iter().map(finding_text).collect();
    let verdict = if report.is_whole() { "whole" } else { "DAMAGED" };
    let records = report.records.map_or_else(
        || "the state cannot be read".to_owned(),
        |records| format!("{records} resources recorded"),
    );
    text.push_str(&format!(
        "Stack {}: {verdict}; {} files read, {records}\n",
        session.stack, report.files
    ));
    session.ui.data(&text)?;
    Ok(code)
}

pub(super) async fn repair(session: &Session, yes: bool, as_json: bool) -> Result<u8, Failure> {
    let store = session.store()?;
    let planned = store.plan_repair().await?;
    if planned.is_empty() {
        if as_json {
            session.ui.json(&json!({"done": false, "repair": planned}))?;
        } else {
            session.ui.say(&nothing_to_repair(&planned));
        }
        return Ok(if planned.findings.is_empty() {
            exit::DONE
        } else {
            exit::FAILED
        });
    }
    let text = repair_text(&planned);
    if as_json {
        session.ui.talk(&text);
    } else {
        session.ui.data(&text)?;
    }
    if !yes {
        super::confirm(session, "state repair", "Repair the state of stack", &text).await?;
    }
    let run = RunInfo::current("state repair", session.build());
    let repair = store.repair(run, session.lock_timeout).await?;
    if as_json {
        session.ui.json(&json!({"done": true, "repair": repair}))?;
    } else {
        session.ui.say(&format!(
            "Stack {} is repaired: {} resources recorded. `preview` shows how that fits the world.",
            session.stack, repair.records
        ));
    }
    Ok(exit::DONE)
}

fn nothing_to_repair(planned: &Repair) -> String {
    if planned.findings.is_empty() {
        return "There is nothing to repair.".to_owned();
    }
    let findings: String = planned.findings.iter().map(finding_text).collect();
    format!("{findings}Nothing of this can be repaired from what is there.")
}

fn finding_text(finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Damage => "damage",
        Severity::Note => "note",
    };
    let file = finding.file.as_deref().map(|file| format!("{}", sanitize(file)));
    let place = match (file, finding.line) {
        (Some(file), Some(line)) => format!("{file}, line {line}: "),
        (Some(file), None) => format!("{file}: "),
        (None, _) => String::new(),
    };
    format!(
        "{severity}: {place}{}\n    {}\n",
        sanitize(&finding.what),
        finding.follows
    )
}

fn repair_text(repair: &Repair) -> String {
    let mut text: String = repair.findings.iter().map(finding_text).collect();
    if let Some(snapshot) = &repair.snapshot {
        text.push_str(&format!(
            "write {snapshot}: what can be read, {} resources\n",
            repair.records
        ));
    }
    for file in &repair.aside {
        text.push_str(&format!("put aside {}\n", sanitize(file)));
    }
    if repair.marker {
        text.push_str("write the stack's marker\n");
    }
    for lost in &repair.lost {
        text.push_str(&format!("LOST: {}\n", sanitize(lost)));
    }
    text
}
