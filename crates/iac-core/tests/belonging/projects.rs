//! Which programs and projects are the same.

use super::ground::Ground;

pub(crate) fn another_program_is_refused_by_every_verb() {
    let ground = Ground::new();
    ground.write("shop/Cargo.toml", "[workspace]\n");
    ground.run("shop", "shop", "up --yes --stack staging").exits(0);
    ground
        .run("shop", "shop", "preview --stack staging --out plan.json")
        .exits(0);
    for verb in [
        "preview",
        "preview --offline",
        "preview --json",
        "up --yes",
        "up --plan plan.json",
        "destroy --yes",
        "destroy --yes --delete-data all",
        "refresh --accept --yes",
    ] {
        let ran = ground.run("blog", "shop", &format!("{verb} --stack staging"));
        ran.refused(&[
            "stack staging belongs to shop of",
            "this is blog of",
            "another program",
            "--stack NAME",
        ]);
    }
    // Looking is free, and so is another stack.
    ground.run("blog", "shop", "state list --stack staging").exits(0);
    ground.run("blog", "shop", "drift --stack staging").exits(0);
    ground.run("blog", "shop", "up --yes").exits(0);
    ground
        .run("shop", "shop", "preview --stack staging --detailed-exitcode")
        .exits(0);
    ground.run("shop", "shop", "destroy --yes --stack staging").exits(0);
}

pub(crate) fn two_projects_with_one_path_are_two() {
    let remotes = ["", "https://me:s3cret@git.io/acme/one.git"];
    let others = ["", "git@git.io:acme/two.git"];
    for (one, two) in remotes.iter().flat_map(|one| others.map(|two| (one, two))) {
        let ground = Ground::new();
        ground.repository("one").repository("two");
        for (name, url) in [("one", *one), ("two", two)] {
            if !url.is_empty() {
                ground.git(name, &format!("remote add origin {url}"));
            }
        }
        ground.up("one").exits(0);
        let refused = ground.up("two").refused(&["another project"]);
        assert!(!refused.stderr.contains("s3cret"), "{refused}");
        ground.preview("two").refused(&[]);
        ground.preview("one").exits(0);
    }
    // Neither is under git, or only one of them.
    let ground = Ground::new();
    ground.folder("one").folder("two").repository("three");
    ground.up("one").exits(0);
    ground
        .preview("two")
        .refused(&["another folder", "one/k8s on", "two/k8s on"]);
    ground.preview("three").refused(&["another folder"]);
    ground.preview("one").exits(0);
}

pub(crate) fn checkouts_of_one_project_are_one() {
    let ground = Ground::new();
    ground.repository("one");
    // Before there is a remote: clones of every sort, and a second work tree.
    ground.up("one").exits(0);
    ground.git("one", "worktree add --quiet ../tree");
    ground.git("one", "clone --quiet . ../clone");
    ground.git(
        "one",
        &format!(
            "clone --quiet --depth 1 file://{} ../shallow",
            ground.path("one").display()
        ),
    );
    // A colleague's, which is known by its remote alone from then on.
    ground.git("one", "clone --quiet --bare . ../origin.git");
    ground.git("one", "clone --quiet ../origin.git ../colleague");
    ground.git("one", "remote add origin https://git.io/acme/one");
    for checkout in ["one", "tree", "clone", "shallow", "colleague"] {
        ground.preview(checkout).exits(0);
    }
    // With remotes: other spellings of the same one, and history that was rewritten.
    let ground = Ground::new();
    ground
        .repository("one")
        .git("one", "remote add origin https://git.io/acme/one");
    ground.up("one").exits(0);
    ground.git("one", "worktree add --quiet ../tree");
    ground
        .git("one", "clone --quiet . ../clone")
        .git("clone", "remote set-url origin git@git.io:Acme/One.git");
    ground
        .repository("new")
        .git("new", "remote add origin ssh://git@git.io:22/acme/one.git");
    // The clone of a fork, whose second remote is the project.
    ground.git("one", "clone --quiet --origin upstream . ../fork");
    ground
        .git("fork", "remote set-url upstream https://git.io/acme/one")
        .git("fork", "remote add origin https://git.io/me/one");
    for checkout in ["one", "tree", "clone", "new", "fork"] {
        ground.preview(checkout).exits(0);
    }
}

pub(crate) fn parts_of_one_repository_are_told_apart() {
    let ground = Ground::new();
    ground.folder("mono/a").folder("mono/b").repository("mono");
    ground.up("mono/a").exits(0);
    let refused = ground.preview("mono/b");
    refused.refused(&["another part of the project", "mono/a/k8s", "mono/b/k8s"]);
    let ground = Ground::new();
    ground.folder("mono/a").folder("mono/b").repository("mono");
    ground.git("mono", "remote add origin https://git.io/acme/mono");
    ground.up("mono/a").exits(0);
    ground
        .git("mono", "clone --quiet . ../copy")
        .git("copy", "remote set-url origin git@git.io:acme/mono");
    ground.preview("copy/a").exits(0);
    let refused = ground.preview("copy/b");
    refused.refused(&["another part of the project", "git.io/acme/mono (a/k8s)", "(b/k8s)"]);
}

pub(crate) fn a_submodule_is_a_project_of_its_own() {
    let ground = Ground::new();
    ground.repository("library").repository("one").repository("two");
    for name in ["one", "two"] {
        ground.git(name, "submodule --quiet add ../library base").commit(name);
    }
    ground.up("one/base").exits(0);
    // The same files of the same project, wherever they are checked out.
    ground.preview("two/base").exits(0);
    ground.preview("library").exits(0);
    ground.preview("one").refused(&["another project"]);
}

pub(crate) fn a_fork_is_another_project() {
    let ground = Ground::new();
    ground
        .repository("one")
        .git("one", "remote add origin https://git.io/acme/one");
    ground.up("one").exits(0);
    ground
        .git("one", "clone --quiet . ../fork")
        .git("fork", "remote set-url origin https://git.io/bob/own");
    ground
        .preview("fork")
        .refused(&["the same history at another address", "git.io/bob/own"]);
    // The address under another name of the host, as an alias of ssh or a mirror is.
    ground.git("fork", "remote set-url origin work:acme/one.git");
    ground.preview("fork").exits(0);
    // The repository moves: its own checkout is still known, and teaches the new address.
    ground.git("one", "remote set-url origin https://git.io/new/home");
    ground.up("one").exits(0);
    ground
        .run(
            "manifests",
            "one",
            "up --yes --stack k8s --config path=k8s --config secret=other",
        )
        .exits(0);
    ground.git("fork", "remote set-url origin https://git.io/new/home");
    ground
        .run("manifests", "fork", "preview --stack k8s --config path=k8s")
        .exits(0);
}

pub(crate) fn typed_programs_of_two_projects_are_two() {
    let ground = Ground::new();
    for name in ["one", "two"] {
        ground.write(&format!("{name}/Cargo.toml"), "[package]\n");
        ground.repository(name);
    }
    ground.run("prod", "one", "up --yes").exits(0);
    // Run from a folder of the project, and from a clone.
    ground.git("one", "clone --quiet . ../clone");
    for folder in ["one/k8s", "clone", "clone/k8s"] {
        ground.run("prod", folder, "preview --detailed-exitcode").exits(0);
    }
    ground
        .run("prod", "two", "preview")
        .refused(&["prod of", "another project"]);
    ground.run("prod", "home", "preview").refused(&["nothing here tells"]);
}

pub(crate) fn nothing_of_a_repository_is_run() {
    let ground = Ground::new();
    ground.repository("one");
    ground.up("one").exits(0);
    ground.git("one", "commit --allow-empty --quiet --message more");
    let evil = ground.path("evil");
    ground.write("evil", "#!/bin/sh\ntouch \"$0.was-run\"\n");
    #[cfg(unix)]
    std::fs::set_permissions(&evil, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for setting in [
        "core.fsmonitor",
        "core.sshCommand",
        "core.pager",
        "uploadpack.packObjectsHook",
        "alias.rev-list",
        "alias.log",
        "gpg.program",
    ] {
        ground.git("one", &format!("config {setting} {}", evil.display()));
    }
    ground.git("one", "config log.showSignature true");
    let preview = ground.preview("one").exits(0);
    assert!(preview.stdout.contains(": 1 commit\n"), "{preview}");
    ground.up("one").exits(0);
    assert!(!ground.path("evil.was-run").exists());
}
