//! Folders that came from elsewhere: nothing in them is run and nowhere is connected before the user says so.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::docker::ComposeFolder;
use crate::manifests::Folder;
use crate::support::{Project, Ran};

/// The configuration of the stack that the folder `k8s` is.
const STACK_FILE: &str = "stacks/manifests.k8s.toml";

/// A plugin that leaves its environment behind and gives a token.
const PLUGIN: &str = r#"#!/bin/sh
env > "$(dirname "$0")/ran"
echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t"}}'
"#;

/// A kubeconfig that runs a plugin, for a server that does not answer.
fn kubeconfig(plugin: &str) -> String {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "evil",
        "clusters": [{"name": "evil", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "evil", "user": {"exec": {
            "apiVersion": "client.authentication.k8s.io/v1", "command": plugin, "interactiveMode": "IfAvailable"
        }}}],
        "contexts": [{"name": "evil", "context": {"cluster": "evil", "user": "evil"}}]
    })
    .to_string()
}

fn script(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Without what the test bed says about connections: the folder decides alone.
fn alone(project: &Project, arguments: &[&str]) -> Command {
    let mut command = project.command(arguments);
    command
        .env_remove("KUBECONFIG")
        .env_remove("IAC_CONFIG_FILE")
        .env("PGPASSWORD", "CANARY-database")
        .env("IAC_CONFIG_DB__PASSWORD", "CANARY-config");
    command
}

#[test]
fn a_kubeconfig_of_the_folder_needs_a_decision_of_the_user() {
    let folder = Folder::new();
    let project = &folder.project;
    folder.config_map("one", json!({"color": "blue"}));
    let stack = STACK_FILE;
    project.write(
        stack,
        "[kubernetes]\nkubeconfig = \"kube.json\"\nnamespace = \"default\"\n",
    );
    project.write("kube.json", &kubeconfig("./plugin.sh"));
    script(&project.path("plugin.sh"), PLUGIN);
    let ran = project.path("ran");

    for verb in [
        &["preview"][..],
        &["preview", "--offline"],
        &["up", "--yes"],
        &["destroy", "--yes"],
        &["drift"],
        &["refresh"],
        &["graph"],
    ] {
        let refused = Ran::of(&mut alone(project, verb)).exits(1);
        let refused = refused.says([
            stack,
            "kubernetes.kubeconfig = \"kube.json\"",
            "it runs ./plugin.sh",
            "config trust --stack",
        ]);
        assert!(!refused.stderr.contains("kubernetes.namespace"), "{refused}");
        assert!(!ran.exists(), "the plugin ran\n{refused}");
    }
    Ran::of(&mut alone(project, &["config", "get"])).exits(0);
    Ran::of(&mut alone(project, &["stack", "ls"])).exits(0);

    // Nobody to ask, and no decision.
    Ran::of(&mut alone(project, &["config", "trust"]))
        .exits(64)
        .says(["--yes"]);
    Ran::of(&mut alone(project, &["preview"])).exits(1);
    let trust = || Ran::of(&mut alone(project, &["config", "trust", "--yes"])).exits(0);
    trust().says(["kube.json", "./plugin.sh"]);
    Ran::of(&mut alone(project, &["preview"]))
        .exits(0)
        .says(["127.0.0.1:1"]);
    let environment = fs::read_to_string(&ran).unwrap();
    assert!(environment.contains("KUBERNETES_EXEC_INFO") && environment.contains("PATH="));
    for secret in ["IAC_", "PASSPHRASE", "CANARY", "correct horse"] {
        assert!(
            !environment.contains(secret),
            "the plugin was given {secret}:\n{environment}"
        );
    }

    // A decision is about the contents: of the setting, the kubeconfig, and the program in the folder.
    let changes: [&dyn Fn(); 3] = [
        &|| script(&project.path("plugin.sh"), &format!("{PLUGIN}# other\n")),
        &|| {
            project.write(
                "kube.json",
                &kubeconfig("./plugin.sh").replace("127.0.0.1:1", "127.0.0.1:2"),
            );
        },
        &|| {
            fs::copy(project.path("kube.json"), project.path("other.json")).unwrap();
            project.write(stack, "[kubernetes]\nkubeconfig = \"other.json\"\n");
        },
    ];
    for change in changes {
        change();
        fs::remove_file(&ran).unwrap_or_default();
        Ran::of(&mut alone(project, &["preview"]))
            .exits(1)
            .says(["config trust"]);
        assert!(!ran.exists());
        trust();
        Ran::of(&mut alone(project, &["preview"])).exits(0);
        assert!(ran.exists());
    }
    // The same in another folder is another decision.
    let other = Folder::new();
    other.config_map("one", json!({"color": "blue"}));
    other
        .project
        .write(STACK_FILE, "[kubernetes]\nkubeconfig = \"kube.json\"\n");
    other.project.write("kube.json", &kubeconfig("./plugin.sh"));
    let mut command = alone(&other.project, &["preview"]);
    Ran::of(command.env("HOME", project.path("home")))
        .exits(1)
        .says(["config trust"]);
}

#[test]
fn the_users_own_word_needs_no_decision() {
    let folder = Folder::new();
    let project = &folder.project;
    folder.config_map("one", json!({"color": "blue"}));
    project.write(STACK_FILE, "[kubernetes]\nkubeconfig = \"evil.json\"\n");
    project.write("evil.json", &kubeconfig("./plugin.sh"));
    script(&project.path("plugin.sh"), PLUGIN);
    let bed = project.bed.kubeconfig.display().to_string();
    project.write("mine.toml", &format!("[kubernetes]\nkubeconfig = \"{bed}\"\n"));
    for (variable, value) in [
        ("IAC_CONFIG_FILE", project.path("mine.toml").display().to_string()),
        ("IAC_CONFIG_KUBERNETES__KUBECONFIG", bed.clone()),
    ] {
        Ran::of(alone(project, &["preview"]).env(variable, value))
            .exits(0)
            .shows(["one"]);
    }
    let option = format!("kubernetes.kubeconfig={bed}");
    Ran::of(&mut alone(project, &["preview", "--config", &option]))
        .exits(0)
        .shows(["one"]);
    // A setting of the user's own is the user's word, and only that.
    Ran::of(&mut alone(project, &["config", "set", "kubernetes.context", "evil"])).exits(0);
    let refused = Ran::of(&mut alone(project, &["preview"])).exits(1);
    let refused = refused.says(["kubernetes.kubeconfig"]);
    assert!(!refused.stderr.contains("kubernetes.context"), "{refused}");
    assert!(!project.path("ran").exists());
}

#[test]
fn a_host_of_the_folder_neither_decides_nor_overrides() {
    let folder = ComposeFolder::new();
    folder.write(&crate::docker::sleepers([("web", "")]));
    let project = &folder.project;
    project.write(
        &format!("stacks/compose_file.{}.toml", folder.name),
        "[docker]\nhost = \"tcp://me:CANARY@127.0.0.1:1\"\n",
    );
    let preview = |own: Option<(&str, &str)>| {
        let mut command = project.command(["preview"]);
        command.env_remove("IAC_CONFIG_FILE").env_remove("DOCKER_HOST");
        Ran::of(command.envs(own))
    };
    let host = project.bed.docker_host.clone();
    for own in [None, Some(("DOCKER_HOST", &*host))] {
        let refused = preview(own).exits(1);
        let refused = refused.says(["docker.host = \"tcp://***@127.0.0.1:1\"", "config trust"]);
        assert!(!refused.stderr.contains("CANARY"), "{refused}");
    }
    project.run(["config", "trust", "--yes"]);
    let mut command = project.command(["config", "trust", "--yes"]);
    Ran::of(command.env_remove("IAC_CONFIG_FILE")).exits(0);
    for own in [("DOCKER_HOST", &*host), ("DOCKER_CONTEXT", "mine")] {
        preview(Some(own)).exits(1).says([own.0, "docker.host", "--config"]);
    }
}

#[test]
fn a_folder_cannot_show_the_users_secrets() {
    let folder = ComposeFolder::new();
    let project = &folder.project;
    let file = |more: &str| folder.write(&crate::docker::sleepers([("web", more)]));
    file("environment: {A: $AWS_SECRET_ACCESS_KEY, B: $GITHUB_TOKEN}");
    project.write(
        &format!("stacks/compose_file.{}.toml", folder.name),
        "[secrets]\nnot = \"*\"\n",
    );
    let run = |arguments: &[&str]| {
        let mut command = project.command(arguments);
        command
            .env("AWS_SECRET_ACCESS_KEY", "CANARY-of-the-cloud")
            .env("GITHUB_TOKEN", "CANARY-of-the-forge");
        Ran::of(&mut command)
    };
    let refused = run(&["preview"]).exits(1);
    let refused = refused.says([
        "secrets.not = \"*\"",
        "what this program shows in clear",
        "config trust",
    ]);
    assert!(!refused.stderr.contains("CANARY"), "{refused}");
    run(&["config", "trust", "--yes"]).exits(0);
    for format in ["text", "json", "markdown", "html"] {
        let preview = run(&["preview", "--format", format]).exits(0);
        assert!(preview.stdout.contains("CANARY-of-the-forge"), "{preview}");
        let said = format!("{}{}", preview.stdout, preview.stderr);
        assert!(!said.contains("CANARY-of-the-cloud"), "{preview}");
    }
    file("hostname: a-$AWS_SECRET_ACCESS_KEY");
    let refused = run(&["preview"]).exits(1);
    let refused = refused.says(["AWS_SECRET_ACCESS_KEY is a credential", "services.web.hostname"]);
    assert!(!refused.stderr.contains("CANARY"), "{refused}");
}

/// Refused, with the way out, and without what the file holds.
#[track_caller]
fn is_out_of_reach(project: &Project, arguments: &[&str]) {
    let refused = Ran::of(&mut project.command(arguments)).exits(1);
    let refused = refused.says(["outside of", "--config files.outside="]);
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(!said.contains("CANARY"), "{said}");
}

#[test]
fn a_compose_file_reads_nothing_outside_of_its_folder_unless_the_user_says_so() {
    let folder = ComposeFolder::new();
    let project = &folder.project;
    let text = "A=CANARY-of-the-user\n";
    project.write("mine/env", text);
    let outside = project.path("mine/env").canonicalize().unwrap().display().to_string();
    let link = project.path("app/link");
    let services = crate::docker::sleepers([("web", "")]);
    folder.write(&services);
    std::os::unix::fs::symlink(&outside, &link).unwrap();
    let with = |kind: &str, file: &str| {
        let service = crate::docker::sleepers([("web", &*format!("{kind}: [mine]"))]);
        folder.write(&format!("{service}\n{kind}: {{mine: {{file: {file}}}}}\n"));
    };
    for file in [&*outside, "../mine/env", "./link", "/proc/self/environ"] {
        for kind in ["configs", "secrets"] {
            with(kind, file);
            is_out_of_reach(project, &["preview"]);
        }
        for service in [
            format!("env_file: {file}"),
            format!("label_file: {file}"),
            format!("security_opt: ['seccomp:{file}']"),
            format!("extends: {{file: {file}, service: web}}"),
        ] {
            folder.write(&crate::docker::sleepers([("web", &*service)]));
            is_out_of_reach(project, &["preview"]);
        }
        folder.write(&format!("{services}\ninclude: [{file}]\n"));
        is_out_of_reach(project, &["preview"]);
    }
    folder.write(&services);
    std::os::unix::fs::symlink(&outside, project.path("app/.env")).unwrap();
    is_out_of_reach(project, &["preview"]);
    fs::remove_file(project.path("app/.env")).unwrap();

    // Within one repository, files are one project's.
    folder.write(&crate::docker::sleepers([("web", "env_file: ../mine/env")]));
    fs::create_dir(project.path(".git")).unwrap();
    let preview = |more: &[&str]| {
        let mut command = project.command(["preview"]);
        command.args(more).env("HOME", "/");
        Ran::of(&mut command)
    };
    preview(&[]).exits(0).shows(["CANARY-of-the-user"]);
    fs::remove_dir(project.path(".git")).unwrap();

    // The user's word, or the folder's when the user allows it.
    let option = format!("files.outside={outside}");
    preview(&[]).exits(1).says(["outside of"]);
    preview(&["--config", &option]).exits(0).shows(["CANARY-of-the-user"]);
    let stack = format!("stacks/compose_file.{}.toml", folder.name);
    project.write(&stack, &format!("[files]\noutside = \"{outside}\"\n"));
    let refused = preview(&[])
        .exits(1)
        .says(["files.outside", "config trust", "outside of its folder"]);
    assert!(!refused.stderr.contains("CANARY"), "{refused}");
    project.run(["config", "trust", "--yes"]).exits(0);
    Ran::of(&mut project.command(["preview"]))
        .exits(0)
        .shows(["CANARY-of-the-user"]);
}

#[test]
fn manifests_outside_of_the_folder_are_read_only_if_the_user_names_them() {
    let folder = Folder::new();
    let project = &folder.project;
    folder.config_map("one", json!({"color": "blue"}));
    let other = tempfile::tempdir().unwrap();
    let secret = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "CANARY"},
                        "metadata": {"name": "two", "namespace": folder.namespace.name}});
    fs::write(other.path().join("two.json"), secret.to_string()).unwrap();
    let other_path = other.path().canonicalize().unwrap().display().to_string();
    let link = project.path("k8s/link.json");
    std::os::unix::fs::symlink(other.path().join("two.json"), &link).unwrap();
    is_out_of_reach(project, &["preview"]);
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(other.path(), project.path("k8s/more")).unwrap();
    is_out_of_reach(project, &["preview"]);
    let option = format!("files.outside={other_path}");
    project.run(["preview", "--config", &option]).exits(0).shows(["two"]);
    fs::remove_file(project.path("k8s/more")).unwrap();

    // The folder itself may be such a link, or its file of settings may name one elsewhere.
    std::os::unix::fs::symlink(other.path(), project.path("link")).unwrap();
    is_out_of_reach(project, &["preview", "--config", "path=link", "--stack", "k8s"]);
    let named = format!("path={other_path}");
    project
        .run(["preview", "--config", &named, "--stack", "k8s"])
        .exits(0)
        .shows(["two"]);
    project.write(STACK_FILE, &format!("path = \"{other_path}\"\n"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_manifests"));
    let own = project.command(["preview", "--stack", "k8s"]);
    command
        .args(["preview", "--stack", "k8s"])
        .current_dir(project.folder())
        .env_clear();
    command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let refused = Ran::of(&mut command)
        .exits(1)
        .says(["outside of", "--config files.outside="]);
    assert!(
        !format!("{}{}", refused.stdout, refused.stderr).contains("CANARY"),
        "{refused}"
    );
}

#[test]
fn a_repository_configures_nothing_that_is_run() {
    let folder = Folder::new();
    let project = &folder.project;
    folder.config_map("one", json!({"color": "blue"}));
    let git = |arguments: &[&str]| {
        let ran = Command::new("git")
            .args(arguments)
            .current_dir(project.folder())
            .output()
            .unwrap();
        assert!(ran.status.success(), "git {arguments:?}: {ran:?}");
    };
    script(
        &project.path("evil.sh"),
        "#!/bin/sh\ntouch \"$(dirname \"$0\")/ran\"\ncat\n",
    );
    project.write("file.txt", "text\n");
    project.write(".gitattributes", "* filter=evil diff=evil\n");
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&[
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b",
        "commit",
        "--quiet",
        "-m",
        "one",
    ]);
    let evil = project.path("evil.sh").display().to_string();
    project.write(
        ".git/more",
        &format!("[core]\n\tfsmonitor = {evil}\n\tsshCommand = {evil}\n"),
    );
    for (key, value) in [
        ("core.fsmonitor", &*evil),
        ("core.hooksPath", "."),
        ("core.sshCommand", &evil),
        ("core.pager", &evil),
        ("filter.evil.clean", &evil),
        ("filter.evil.process", &evil),
        ("diff.external", &evil),
        ("diff.evil.textconv", &evil),
        ("include.path", "more"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.url", "ssh://evil/x"),
        ("remote.origin.promisor", "true"),
    ] {
        git(&["config", key, value]);
    }
    project.write("file.txt", "other\n");
    let mut command = project.command(["preview", "--json"]);
    let plan = Ran::of(command.env_remove("IAC_BUILD_ID")).exits(0).json();
    let build = plan["build"].as_str().unwrap();
    assert!(build.ends_with("-dirty"), "{build}");
    assert!(!project.path("ran").exists(), "the repository ran a program");
    project.write("file.txt", "text\n");
    let mut command = project.command(["preview", "--json"]);
    let plan = Ran::of(command.env_remove("IAC_BUILD_ID")).exits(0).json();
    assert_eq!(plan["build"].as_str().unwrap().len(), 12, "{plan}");
    assert!(!project.path("ran").exists());
}

#[test]
fn outside_of_a_repository_the_build_is_the_linkers() {
    let folder = Folder::new();
    folder.config_map("one", json!({"color": "blue"}));
    let build = || {
        let mut command = folder.project.command(["preview", "--offline", "--json"]);
        let plan = Ran::of(command.env_remove("IAC_BUILD_ID")).exits(0).json();
        plan["build"].as_str().unwrap().to_owned()
    };
    let first = build();
    assert!(first.starts_with("exe-") && first.len() == 16, "{first}");
    assert_eq!(build(), first);
}
