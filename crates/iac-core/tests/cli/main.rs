//! The command line as its user sees it: golden transcripts of the example program `files`, whose provider keeps its
//! world in a folder.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../support/canary.rs"]
mod canary;
mod contract;
#[macro_use]
mod desk;
#[cfg(target_os = "linux")]
mod clock;
#[cfg(target_os = "linux")]
mod disk;
#[cfg(target_os = "linux")]
#[path = "../support/disk.rs"]
mod filesystem;
#[cfg(target_os = "linux")]
mod hostile;
mod pages;
mod part;
mod record;
#[path = "../support/schemas.rs"]
mod schemas;
mod settings;
mod standing;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use iac_core::state::{KeySource, LocalBackend, RunInfo, Store};

use desk::Desk;
use standing::Standing;

#[test]
fn help_of_every_verb() {
    let desk = Desk::new();
    let verbs = [
        "",
        "preview",
        "plan",
        "plan show",
        "plan diff",
        "up",
        "destroy",
        "refresh",
        "drift",
        "stack",
        "stack output",
        "stack ls",
        "stack history",
        "stack show",
        "stack rm",
        "stack rekey",
        "stack rebind",
        "stack unlock",
        "state",
        "state list",
        "state show",
        "state export",
        "state import",
        "state migrate",
        "state check",
        "state repair",
        "state mv",
        "state rm",
        "state protect",
        "state unprotect",
        "state taint",
        "state untaint",
        "graph",
        "config",
        "config set",
        "config get",
        "config list",
        "config trust",
        "config rekey",
    ];
    let pages: Vec<String> = verbs
        .iter()
        .map(|verb| desk.run(format!("{verb} -h").trim_start()))
        .collect();
    golden!("help", pages.join("\n"));
}

#[test]
fn the_life_of_a_stack() {
    let desk = Desk::new();
    let mut text = desk.session(&[
        "preview",
        "preview --detailed-exitcode --json",
        "preview --format markdown",
        "up --yes --parallel 1",
        "up --yes",
    ]);
    text += &desk.session(&[
        "preview --format markdown",
        "preview --destroy",
        "preview --destroy --format markdown",
        "preview --detailed-exitcode",
        "stack output",
        "stack output greeting",
        "stack ls",
        "stack history",
    ]);
    text += &desk.session(&["state list", "state show app.env", "graph", "graph --format mermaid"]);
    text += &desk.session(&["preview --config name=there", "up --yes --config name=there --json"]);
    text += &desk.session(&[
        "destroy --yes --parallel 1",
        "preview --detailed-exitcode",
        "state list",
    ]);
    golden!("life", text);
    assert_eq!(std::fs::read_dir(desk.path("world")).unwrap().count(), 0);
}

#[test]
fn drift_is_shown_taken_in_or_undone() {
    let desk = Desk::new();
    assert_eq!(desk.code("up --yes"), 0);
    assert_eq!(desk.code("drift"), 0);
    desk.write("world/greeting.txt", "Goodbye!\n");
    let mut text = desk.session(&["drift", "refresh", "preview"]);
    text += &desk.session(&["refresh --accept --yes", "drift", "up --yes"]);
    golden!("drift", text);
    assert_eq!(desk.read("world/greeting.txt"), "Hello, world!\n");
}

#[test]
fn a_saved_plan_is_applied_exactly_or_refused() {
    let desk = Desk::new();
    assert_eq!(desk.code("up --yes"), 0);
    let mut text = desk.session(&["preview --config name=review --out plan.json"]);
    desk.write("world/greeting.txt", "Goodbye!\n");
    text += &desk.session(&["up --plan plan.json --config name=review"]);
    desk.write("world/greeting.txt", "Hello, world!\n");
    // Another build of the program declares something else besides: it may also have been taken out of the plan.
    text += &desk.session(&[
        "up --plan plan.json --config name=other",
        "up --plan plan.json --config name=review --config extra=true",
        "up --plan plan.json --config name=review",
    ]);
    text += &desk.session(&["up --plan missing.json", "up --plan plan.json --stack other"]);
    desk.write("edited.json", &desk.read("plan.json").replace("review", "edited"));
    text += &desk.session(&["up --plan edited.json --config name=edited"]);
    golden!("saved_plan", text);
    assert_eq!(desk.read("world/greeting.txt"), "Hello, review!\n");
    assert!(!desk.path("world/extra").exists());
}

#[test]
fn settings_that_are_secret_by_name_or_form_are_not_shown() {
    let desk = Desk::new();
    let settings = "name = \"shown-1\"\n[db]\npassword = \"canary-1\"\nurl = \"pg://a:canary-2@h\"\n[secrets]\nnames = \"PIN\"\n[door]\npin = \"canary-3\"\n";
    desk.write("stacks/files.files.toml", settings);
    for line in [
        "config get",
        "config get --json",
        "config get db.password",
        "config get db.url",
        "config get door.pin",
        "preview",
    ] {
        let output = desk.output(line);
        let told = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(!told.contains("canary"), "{line}: {told}");
        assert!(line.contains("preview") || told.contains("(secret)"), "{line}: {told}");
    }
    assert!(desk.run("config get").contains("names = PIN"));
    assert!(desk.run("config get name").contains("shown-1"));
    assert!(
        desk.run("config get db.url --show-secrets")
            .contains("pg://a:canary-2@h")
    );
    // An unusable value is not quoted.
    let refused = desk.output("up --yes --config extra=pg://a:canary-4@h");
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(told.contains("extra") && !told.contains("canary"), "{told}");
}

#[test]
fn a_saved_plan_is_shown_from_its_file_alone() {
    let desk = Desk::new();
    assert_eq!(desk.code("preview --out first.json"), 0);
    assert_eq!(desk.code("up --yes"), 0);
    let shown = desk.data("preview --config name=review --out second.json");
    let mut text = desk.session(&["plan show first.json", "plan show second.json --format markdown"]);
    // The text that was printed when the plan was made, and the file itself, byte for byte.
    assert_eq!(desk.data("plan show second.json"), shown);
    assert_eq!(
        desk.data("plan show second.json --format json"),
        desk.read("second.json")
    );
    for options in ["--format markdown", "--verbose"] {
        let made = desk.data(&format!("preview --config name=review {options}"));
        assert_eq!(desk.data(&format!("plan show second.json {options}")), made);
    }
    // Elsewhere, without state and key.
    let elsewhere = Desk::new();
    for name in ["first.json", "second.json"] {
        elsewhere.write(name, &desk.read(name));
    }
    text += &elsewhere.session(&["plan show first.json", "plan show second.json"]);
    assert_eq!(elsewhere.data("plan show second.json"), shown);
    desk.write("edited.json", &desk.read("second.json").replace("review", "edited"));
    desk.write("broken.json", "{\"format\": \"iac.plan/3\", ");
    desk.write(
        "older.json",
        &desk.read("second.json").replace("iac.plan/3", "iac.plan/2"),
    );
    desk.write(
        "newer.json",
        &desk.read("second.json").replace("iac.plan/3", "iac.plan/9"),
    );
    let noted = desk
        .read("second.json")
        .replace("\"notes\":[]", "\"notes\":[\"all is well\"]");
    desk.write("noted.json", &noted);
    text += &desk.session(&[
        "plan show edited.json",
        "plan show broken.json",
        "plan show older.json",
        "plan show newer.json",
        "plan show built.json",
        "plan show missing.json",
        "plan show",
    ]);
    golden!("plan_show", text);
}

#[test]
fn what_is_new_in_a_later_plan_is_shown() {
    let desk = Desk::new();
    assert_eq!(desk.code("up --yes"), 0);
    assert_eq!(desk.code("preview --config name=review --out first.json"), 0);
    assert_eq!(
        desk.code("preview --config name=other --config extra=true --out second.json"),
        0
    );
    let mut text = desk.session(&[
        "plan diff first.json second.json",
        "plan diff first.json second.json --detailed-exitcode --format markdown",
        "plan diff second.json first.json",
        "plan diff first.json first.json --detailed-exitcode",
        "plan diff first.json first.json --format markdown",
        "plan diff first.json first.json --format json",
    ]);
    let json: serde_json::Value =
        serde_json::from_str(&desk.data("plan diff first.json second.json --format json")).unwrap();
    assert_eq!(json["format"], "iac.plan-diff/1");
    let sides: Vec<&str> = json["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["side"].as_str().unwrap())
        .collect();
    assert_eq!(sides, ["changed", "new"]);
    desk.write("stacks/files.other.toml", "[files]\nfolder = \"home\"\n");
    assert_eq!(desk.code("preview --stack other --out other.json"), 0);
    text += &desk.session(&["plan diff first.json other.json"]);
    golden!("plan_diff", text);
}

#[test]
fn a_saved_plan_needs_the_seal_of_the_stacks_key() {
    let desk = Desk::new();
    assert_eq!(desk.code("up --yes"), 0);
    assert_eq!(desk.code("preview --out plan.json --config name=review"), 0);
    let plan = desk.read("plan.json");
    let (start, end) = (plan.find("\"mac\":").unwrap(), plan.find("\"mode\":").unwrap());
    let bare = format!("{}{}", &plan[..start], &plan[end..]);
    let build = plan.find("\"build\":\"").unwrap() + "\"build\":\"".len();
    let edited = format!("{}x{}", &plan[..build], &plan[build..]);
    let older = plan.replace("iac.plan/3", "iac.plan/2");
    // None of this is covered by the digest.
    for (forged, code, says) in [
        (bare, 4, "no seal"),
        (edited, 4, "the seal"),
        (older, 1, "older version"),
    ] {
        desk.write("forged.json", &forged);
        let refused = desk.output("up --plan forged.json --config name=review");
        let told = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(code), "{told}");
        assert!(told.contains(says) && told.contains("preview --out FILE"), "{told}");
    }
    assert_eq!(desk.read("world/greeting.txt"), "Hello, world!\n");
    assert_eq!(desk.code("up --plan plan.json --config name=review"), 0);
    assert_eq!(desk.read("world/greeting.txt"), "Hello, review!\n");
}

#[test]
fn what_is_there_is_taken_over_where_the_command_line_says_so() {
    let desk = Desk::new();
    desk.write("world/greeting.txt", "Somebody's.\n");
    let mut text = desk.session(&[
        "preview",
        "preview --adopt greting.txt",
        "up --yes --adopt nothing",
        "preview --adopt greeting.txt --out plan.json",
        "up --plan plan.json --parallel 1",
        "preview --detailed-exitcode",
    ]);
    let desk = Desk::new();
    desk.write("world/greeting.txt", "Somebody's.\n");
    text += &desk.session(&["up --yes --parallel 1 --adopt all", "preview --detailed-exitcode"]);
    golden!("adopt", text);
    assert_eq!(desk.read("world/greeting.txt"), "Hello, world!\n");
}

#[test]
fn without_the_world_only_people_get_a_preview() {
    let desk = Desk::new();
    assert_eq!(desk.code("up --yes"), 0);
    let gone = "--config files.folder=gone";
    let lines = [
        "preview",
        "preview --offline",
        "preview --detailed-exitcode",
        "preview --out p.json",
        "up --yes",
        "drift",
    ];
    let lines: Vec<String> = lines.iter().map(|line| format!("{line} {gone}")).collect();
    golden!(
        "unreachable",
        desk.session(&lines.iter().map(String::as_str).collect::<Vec<_>>())
    );
    assert!(!desk.path("p.json").exists());
    let json = desk.output(&format!("preview --offline --json {gone}"));
    assert_eq!(json.status.code(), Some(0));
    assert!(String::from_utf8(json.stdout).unwrap().contains("\"observed\":false"));
    // A plan that was made without a look at the world cannot be approved.
    assert_eq!(desk.code(&format!("preview --offline --out p.json {gone}")), 64);
}

#[test]
fn a_failure_names_its_cause_and_the_next_run_goes_on() {
    let desk = Desk::new();
    desk.write("world/extra", "a file where a folder should be");
    let mut text = desk.session(&["up --yes --parallel 1 --config extra=true"]);
    std::fs::remove_file(desk.path("world/extra")).unwrap();
    text += &desk.session(&["up --yes --config extra=true"]);
    golden!("failure", text);
    assert_eq!(desk.read("world/extra/more.txt"), "more\n");
}

#[test]
fn what_can_not_be_done_is_said_before() {
    let desk = Desk::new();
    let lines = [
        "",
        "upp",
        "destory",
        "plan",
        "apply",
        "delete web",
        "rm",
        "down",
        "restart",
        "test",
        "status",
        "logs",
        "preview --dry-run",
        "destroy --forse",
        "stack remove",
        "state delete",
        "--version",
        "up",
        "destroy",
        "refresh --accept",
        "preview --config nonsense",
        "up --parallel 0 --yes",
        "stack output none",
        "state show none",
        "preview --stack ../evil",
        "preview --lock-timeout soon",
        "config get none",
        "config set a..b 1",
        "config set encryption.key 1",
        "preview --config nmae=x --config files.folder=world",
        "preview --config extra=maybe",
    ];
    golden!("usage", desk.session(&lines));
}

#[test]
fn no_word_leads_to_something_dangerous() {
    let desk = Desk::new();
    let dangerous = [
        "destroy",
        "rm",
        "unlock",
        "rekey",
        "--delete-data",
        "--force",
        "--yes",
        "--replace",
    ];
    for word in ["destory", "dstroy", "restart", "delete", "rn", "unlok", "forse"] {
        for line in [word.to_owned(), format!("destroy --{word}"), format!("stack {word}")] {
            let output = desk.output(&line);
            let said = String::from_utf8(output.stderr).unwrap();
            let tips = said.lines().filter(|line| line.contains("tip:")).collect::<String>();
            assert_eq!(output.status.code(), Some(64), "{line}: {said}");
            assert!(!dangerous.iter().any(|name| tips.contains(name)), "{line}: {said}");
        }
    }
}

#[test]
fn a_new_folder_of_state_is_none_of_git_s_business() {
    let desk = Desk::new();
    assert_eq!(desk.code("up --yes"), 0);
    assert!(desk.read("state/.gitignore").ends_with("\n*\n"));
    std::fs::remove_file(desk.path("state/.gitignore")).unwrap();
    assert_eq!(desk.code("up --yes --config name=other"), 0);
    assert!(
        !desk.path("state/.gitignore").exists(),
        "a folder that is there is somebody's"
    );
    assert_eq!(
        desk.code("up --yes --backend elsewhere --stack second --config files.folder=home"),
        0
    );
    assert!(!desk.path("elsewhere/.gitignore").exists());
}

#[test]
fn shells_complete_the_command_line() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish"] {
        let output = desk.output(&format!("completions {shell}"));
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success() && script.contains("files") && script.contains("detailed-exitcode"),
            "{shell}"
        );
    }
}

#[test]
fn configuration_is_set_and_shown_with_its_origin() {
    let desk = Desk::new();
    let mut text = desk.session(&[
        "config set name you",
        "config get name",
        "config get",
        "config get --json",
    ]);
    let mut command = desk.command("config set db.password --secret");
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"canary-4711\n").unwrap();
    assert!(child.wait().unwrap().success());
    text += &desk.session(&[
        "config get db.password",
        "config get",
        "config get db.password --show-secrets --config name=z",
    ]);
    golden!("config", text.replace("canary-4711", "[the secret]"));
    let file = desk.read("stacks/files.files.toml");
    assert!(
        !file.contains("canary") && file.contains("password = { secret = \"v1."),
        "{file}"
    );
    let environment = desk
        .command("config get name")
        .env("IAC_CONFIG_NAME", "env")
        .output()
        .unwrap();
    assert_eq!(environment.stdout, b"env\n");
}

#[test]
fn a_secret_is_in_the_world_and_nowhere_else() {
    let desk = Desk::new();
    let mut seen = Vec::new();
    let lines = [
        "preview --out first.json",
        "up --yes --verbose",
        "stack output --json",
        "state show app.env",
        "state show Password/db",
        "preview --verbose --out second.json --config name=x",
        "preview --json",
        "config get",
        "preview --format html --config name=x",
        "plan show second.json --format html",
        "graph",
        "graph --format svg",
        "stack history --json",
        "stack history --format html",
        "stack show 1",
        "stack show 1 --json",
        "state list",
        "state export",
        "state export copy.json",
        "state check --json",
        "drift --json",
        "refresh",
        "preview --json --config name=x",
        "preview --color always --verbose --config name=x",
        "config get --json",
        "stack rekey",
        "up --yes --verbose --config name=x --report run.html",
        "stack show 3 --json",
    ];
    for line in lines {
        let output = desk.output(line);
        assert_eq!(output.status.code(), Some(0), "{line}: {output:?}");
        seen.extend([output.stdout, output.stderr]);
    }
    let env = desk.read("world/app.env");
    let secret = env.trim().strip_prefix("PASSWORD=").unwrap();
    assert_eq!(secret.len(), 16);
    collect(&desk.path("state"), &mut seen);
    for name in ["first.json", "second.json", "copy.json", "run.html"] {
        seen.push(desk.read(name).into_bytes());
    }
    for bytes in &seen {
        canary::assert_hides(secret, &String::from_utf8_lossy(bytes), "what was said or written");
    }
    let shown = desk.output("stack output password --show-secrets");
    assert_eq!(String::from_utf8(shown.stdout).unwrap().trim(), secret);
}

fn collect(folder: &Path, seen: &mut Vec<Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, seen);
        } else {
            seen.push(std::fs::read(&path).unwrap());
        }
    }
}

#[tokio::test]
async fn another_run_on_the_stack_locks_it() {
    let desk = Desk::new();
    let backend = Arc::new(LocalBackend::new(desk.path("state")));
    let store = Store::new(backend, "files", KeySource::key_file(desk.path("home/key.txt")));
    let writer = store
        .begin(RunInfo::current("up", "test"), Duration::ZERO)
        .await
        .unwrap();
    let output = desk.output("up --yes");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(6), "{said}");
    assert!(
        said.contains("is locked by") && said.contains("--lock-timeout"),
        "{said}"
    );
    assert_eq!(std::fs::read_dir(desk.path("world")).unwrap().count(), 0);
    let unlocked = desk.output("stack unlock");
    assert!(
        String::from_utf8_lossy(&unlocked.stderr).contains("no longer claimed by"),
        "{unlocked:?}"
    );
    assert_eq!(desk.code("up --yes"), 0);
    drop(writer);
}

#[test]
fn an_interruption_ends_politely_and_a_second_one_at_once() {
    let desk = Desk::new();
    let Standing { mut child, said, pipe } = Standing::new(&desk, desk.command("up --yes"));
    let mut said = said.map(Result::unwrap);
    let interrupt = || {
        let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(status.unwrap().success());
    };
    interrupt();
    assert!(said.by_ref().any(|line| line.contains("nothing new is started")));
    interrupt();
    assert!(said.by_ref().any(|line| line.contains("giving up")));
    let rest: Vec<String> = said.collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
    std::fs::remove_file(&pipe).unwrap();
    let next = desk.output("up --yes");
    assert_eq!(next.status.code(), Some(0), "{next:?}");
    assert_eq!(desk.read("world/greeting.txt"), "Hello, world!\n");
    assert_eq!(desk.code("preview --detailed-exitcode"), 0);
}

#[test]
#[cfg(target_os = "linux")]
fn the_list_tells_a_run_under_way_from_one_that_was_killed() {
    let desk = Desk::new();
    let listed = || String::from_utf8(desk.output("stack ls").stdout).unwrap();
    let run = Standing::new(&desk, desk.command("up --yes"));
    let list = listed();
    assert!(list.contains(" under way  claimed by "), "{list}");
    assert!(!list.contains("ended") && !list.contains("interrupted"), "{list}");
    run.kill();
    let list = listed();
    assert!(list.contains(" interrupted  claimed by "), "{list}");
    assert!(list.trim_end().ends_with(", which has ended"), "{list}");
    assert_eq!(desk.code("up --yes"), 0);
    let list = listed();
    assert!(list.trim_end().ends_with("UTC  up"), "{list}");
}

#[test]
fn a_reader_that_has_gone_is_no_drama() {
    let desk = Desk::new();
    let mut child = desk
        .command("preview")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn colours_are_asked_for_or_not_there() {
    let desk = Desk::new();
    let has_colours = |line: &str| desk.output(line).stdout.contains(&0x1b);
    assert!(has_colours("preview --color always"));
    assert!(!has_colours("preview") && !has_colours("preview --color never"));
}
