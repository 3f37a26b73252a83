//! Pages for a browser: of a preview, a run and the history.

use super::desk::Desk;

fn page(desk: &Desk, line: &str) -> String {
    let output = desk.output(line);
    assert_eq!(output.status.code(), Some(0), "{line}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_preview_is_a_page() {
    let desk = Desk::new();
    let first = page(&desk, "preview --format html");
    assert!(first.starts_with("<!DOCTYPE html>") && first.ends_with("</html>\n"));
    assert!(first.contains("Content-Security-Policy") && first.contains("greeting.txt"));
    assert_eq!(
        first,
        page(&desk, "preview --format html"),
        "equal plans give equal bytes"
    );
    assert_eq!(desk.code("preview --out plan.json"), 0);
    assert_eq!(
        first,
        page(&desk, "plan show plan.json --format html"),
        "the file has all that the page shows"
    );
    let hostile = page(
        &desk,
        "preview --format html --config name=</script><script>alert(1)</script>",
    );
    assert_eq!(hostile.matches("<script").count(), 1);
    assert!(hostile.contains("&lt;script&gt;alert(1)"));
}

#[test]
fn what_is_new_in_a_later_plan_is_a_page() {
    let desk = Desk::new();
    assert_eq!(desk.code("up --yes"), 0);
    assert_eq!(desk.code("preview --config name=<b>review --out first.json"), 0);
    assert_eq!(
        desk.code("preview --config name=<i>other --config extra=true --out second.json"),
        0
    );
    let diff = page(&desk, "plan diff first.json second.json --format html");
    assert!(diff.starts_with("<!DOCTYPE html>") && diff.ends_with("</html>\n"));
    for part in [
        "Content-Security-Policy",
        "What is new in the plan of stack",
        "data-action=\"changed\"",
        "data-action=\"new\"",
        "&lt;i&gt;other",
        "&lt;b&gt;review",
    ] {
        assert!(diff.contains(part), "{part}: {diff}");
    }
    assert!(!diff.contains("<i>") && diff.matches("<script").count() == 1);
    let same = page(&desk, "plan diff first.json first.json --format html");
    assert!(same.contains("No step is new, gone or changed."), "{same}");
}

#[test]
fn a_run_leaves_a_page_also_if_it_fails() {
    let desk = Desk::new();
    assert_eq!(desk.code("up --yes --report nowhere/run.html"), 1);
    assert_eq!(
        std::fs::read_dir(desk.path("world")).unwrap().count(),
        0,
        "nothing was begun"
    );
    assert_eq!(desk.code("up --yes --report run.html"), 0);
    let run = desk.read("run.html");
    assert!(
        run.contains("Run of up on stack") && run.contains("Everything was done"),
        "{run}"
    );
    assert_eq!(desk.code("up --yes --report run.html"), 0);
    assert!(desk.read("run.html").contains("nothing to do"));
    let history = page(&desk, "stack history --format html");
    assert!(
        history.contains("History of stack") && history.contains("created in") && history.contains("started 20"),
        "{history}"
    );
    assert_eq!(desk.code("stack history --format html --json"), 64);
    desk.write("world/extra", "a file where a folder should be");
    assert_eq!(desk.code("up --yes --config extra=true --report run.html"), 1);
    let failed = desk.read("run.html");
    assert!(
        failed.contains("Not done") && failed.contains("\"tag\">failed<"),
        "{failed}"
    );
}

#[test]
fn the_graph_is_a_drawing() {
    let drawing = page(&Desk::new(), "graph --format svg");
    assert!(drawing.starts_with("<svg ") && drawing.ends_with("</svg>\n"));
}
