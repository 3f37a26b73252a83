//! `state …` and `stack …`: what is recorded, changed by hand.

use super::desk::Desk;

#[test]
fn a_resource_is_renamed_dropped_and_protected() {
    let desk = Desk::new();
    assert_eq!(desk.code("up --yes"), 0);
    let mut text = desk.session(&[
        "state mv greeting.txt hello.txt",
        "state mv Password/db Password/db",
        "state mv Password/db other",
        "state list",
        "stack show",
        "stack show 1",
        "stack show 9",
    ]);
    text += &desk.session(&[
        "state protect app.env",
        "state protect app.env",
        "destroy --yes",
        "state unprotect app.env --json",
    ]);
    text += &desk.session(&[
        "state rm other",
        "state rm other --force",
        "state rm hello.txt --json",
        "stack history --limit 2",
    ]);
    golden!("record", text);
    assert_eq!(desk.read("world/greeting.txt"), "Hello, world!\n", "the object stays");
}

#[test]
fn a_stack_is_removed_when_nothing_is_recorded() {
    let desk = Desk::new();
    assert_eq!(desk.code("up --yes"), 0);
    let mut text = desk.session(&["stack rm", "stack rm --yes", "destroy --yes --parallel 1"]);
    text += &desk.session(&[
        "stack rm --yes",
        "stack ls",
        "stack rm --yes",
        "up --yes --parallel 1 --keep 1",
    ]);
    text += &desk.session(&["up --yes --keep 1 --config name=x", "stack history"]);
    golden!("stack_rm", text);
}

#[test]
fn a_damaged_state_is_found_and_repaired() {
    let desk = Desk::new();
    assert_eq!(desk.code("up --yes --parallel 1"), 0);
    let mut text = desk.session(&["state check", "state repair"]);
    let batches = std::fs::read_dir(desk.path("state/files/journal")).unwrap();
    let mut batches: Vec<_> = batches.map(|entry| entry.unwrap().path()).collect();
    batches.sort();
    let content = |path: &std::path::PathBuf| std::fs::read_to_string(path).unwrap();
    let batch = batches
        .iter()
        .find(|path| content(path).contains("\"applied\""))
        .unwrap();
    std::fs::write(batch, content(batch).replacen("\"applied\"", "\"apqlied\"", 1)).unwrap();
    text += &desk.session(&["preview", "state check", "state repair", "state repair --yes"]);
    text += &desk.session(&["state check", "up --yes --parallel 1", "state check --json"]);
    // The cut of the journal into batches depends on the writes that come together.
    let mut settings = crate::desk::settings();
    settings.add_filter(r"\d{12}", "[number]");
    settings.add_filter(r"line \d+", "line [n]");
    settings.add_filter(r"\d+ files read", "[n] files read");
    settings.add_filter(r#""files":\d+"#, r#""files":[n]"#);
    settings.bind(|| insta::assert_snapshot!("repair", text));
}

#[test]
fn a_state_goes_elsewhere_and_comes_back() {
    let desk = Desk::new();
    assert_eq!(desk.code("up --yes --parallel 1"), 0);
    let mut text = desk.session(&[
        "state export copy.json",
        "state import copy.json",
        "state rm app.env",
        "state import copy.json --replace",
        "state import copy.json --stack other",
        "state import copy.json --stack other --other-stack --json",
    ]);
    text += &desk.session(&[
        "state migrate elsewhere --stack none",
        "state migrate elsewhere",
        "preview",
        "state migrate elsewhere",
        "preview --detailed-exitcode --backend elsewhere",
        "stack history --backend elsewhere",
    ]);
    let mut settings = crate::desk::settings();
    settings.add_filter(r"\d+ files", "[n] files");
    settings.bind(|| insta::assert_snapshot!("transfer", text));
    assert_eq!(desk.code("stack rm --yes"), 0, "what is left is a copy");
}

#[test]
fn keys_are_changed_for_state_and_configuration() {
    let desk = Desk::new();
    assert_eq!(desk.code("up --yes --parallel 1"), 0);
    let set = desk
        .command("config set db.password canary-4711 --secret")
        .output()
        .unwrap();
    assert!(set.status.success());
    let file = desk.read("stacks/files.files.toml");
    let mut text = desk.session(&["stack rekey", "config rekey", "up --yes"]);
    let rekeyed = desk.read("stacks/files.files.toml");
    let sealed = |text: &str| {
        text.lines()
            .find(|line| line.starts_with("password"))
            .unwrap()
            .to_owned()
    };
    assert_ne!(sealed(&file), sealed(&rekeyed));
    let shown = desk.output("config get db.password --show-secrets");
    assert_eq!(shown.stdout, b"canary-4711\n");
    // From the key file to a passphrase.
    desk.write("passphrase", "correct horse\n");
    text += &desk.session(&[
        "stack rekey --passphrase-file passphrase --json",
        "stack output password --show-secrets",
        "stack rekey --recipient nobody",
    ]);
    let opened = desk
        .command("stack output password --show-secrets")
        .env("IAC_PASSPHRASE", "correct horse")
        .output();
    assert!(opened.unwrap().status.success());
    golden!("rekey", text);
}

#[test]
fn a_state_is_encrypted_as_a_whole_when_it_is_asked_for() {
    let desk = Desk::new();
    let encrypted = |line: &str| {
        let output = desk.command(line).env("IAC_ENCRYPT_STATE", "1").output().unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    let holds = |text: &str| {
        let mut folders = vec![desk.path("state/files")];
        let mut found = false;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found |= String::from_utf8_lossy(&std::fs::read(path).unwrap()).contains(text);
                }
            }
        }
        found
    };
    encrypted("up --yes");
    assert!(!holds("greeting"));
    // From then on it is the stack's own property.
    let mut text = desk.session(&["state list", "stack rekey --clear-state --json"]);
    assert!(holds("greeting"));
    text += &desk.session(&["stack rekey --encrypt-state --rewrap", "up --yes --config name=x"]);
    assert!(!holds("greeting"));
    std::fs::remove_file(desk.path("home/.config/iac/key.txt")).unwrap();
    text += &desk.session(&["state list", "stack ls", "up --yes"]);
    golden!("encrypted", text);
}
