//! Settings at the command line: what a program takes, and what is said of configuration that it cannot use.

use crate::desk::Desk;

#[test]
fn settings_are_listed_and_checked() {
    let desk = Desk::with("settings");
    let mut text = desk.session(&[
        "config list",
        "preview",
        "config set host shop.example.com",
        "config set worker.memory 4Gi",
    ]);
    assert_eq!(desk.code("config set token canary-1 --secret"), 0);
    text += &desk.session(&[
        "config list --json",
        "preview --config labels.team=web --config hosts=a,b",
    ]);
    desk.write(
        "stacks/settings.settings.toml",
        "host = \"a\"\n[api]\nreplicas = \"x\"\nmemroy = \"1Gi\"\n",
    );
    text += &desk.session(&["preview --config worker.replicas=-1"]);
    desk.write("stacks/settings.settings.toml", "host = \"a\"\nhots = [\"b\"]\n");
    text += &desk.session(&["preview", "preview --config hots=c"]);
    assert!(!text.contains("canary"), "{text}");
    golden!("settings", text);
}
