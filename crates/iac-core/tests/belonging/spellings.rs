//! The same folder, spelled and named in many ways.

use super::ground::{Ground, link};

pub(crate) fn one_folder_has_many_spellings() {
    for under_git in [true, false] {
        let ground = Ground::new();
        if under_git {
            ground.repository("one");
        } else {
            ground.folder("one");
        }
        link(&ground.path("one"), &ground.path("link"));
        link(&ground.path("one/k8s"), &ground.path("one/also"));
        ground.up("one").exits(0);
        for (folder, path) in [
            ("one", "k8s/"),
            ("one", "./k8s"),
            ("one", "./k8s/."),
            ("one", "k8s/../k8s"),
            ("one", "@/one/k8s"),
            ("one", "@/one/k8s/"),
            ("one", "@/link/k8s"),
            ("one", "also"),
            ("one/k8s", "."),
            ("one/k8s", "../k8s"),
            ("link", "k8s"),
            ("", "one/k8s"),
            ("home", "../one/k8s"),
        ] {
            let line = format!("preview --detailed-exitcode --stack k8s --config path={path}");
            ground.run("manifests", folder, &line).exits(0);
        }
        let other = ground.run("manifests", "one", "preview --stack k8s --config path=.");
        other.refused(&["one"]);
        // The deployed folder is gone, and its stack is to go: the name still says which it is.
        std::fs::rename(ground.path("one/k8s"), ground.path("one/old")).unwrap();
        ground
            .run("manifests", "one", "preview --stack k8s --config path=old")
            .refused(&[]);
        let without = ground.run("manifests", "home", "destroy --yes --stack k8s");
        without.refused(&["nothing here tells", "--config path="]);
        ground
            .run("manifests", "one", "destroy --yes --stack k8s --config path=k8s")
            .exits(0);
    }
}

pub(crate) fn a_project_without_a_folder_is_named() {
    let ground = Ground::new();
    ground
        .repository("one")
        .git("one", "remote add origin git@git.io:acme/one.git");
    ground.up("one").exits(0);
    // As in a container: the files, and no repository.
    ground.folder("srv");
    ground.preview("srv").refused(&["IAC_PROJECT=git.io/acme/one"]);
    let named = |name| {
        let line = "preview --detailed-exitcode --stack k8s --config path=k8s";
        ground.run_with("manifests", "srv", line, &[("IAC_PROJECT", name)])
    };
    named("https://git.io/acme/one").exits(0);
    named("git.io/acme/one").exits(0);
    named("git.io/acme/two").refused(&["another project"]);
    named(" ").refused(&["another folder"]);
    // A program that names its project, run where there is none; its credentials are nowhere.
    ground.run("named", "home", "up --yes").exits(0);
    ground.run("named", "srv", "preview --detailed-exitcode").exits(0);
    let state = ground.run("named", "home", "state export").exits(0);
    assert!(
        state.stdout.contains("git.io/acme/one") && !state.stdout.contains("s3cret"),
        "{state}"
    );
    // One that is run outside of any project at all is known by its name.
    ground.run("plain", "home", "up --yes").exits(0);
    ground.run("plain", "srv", "preview --detailed-exitcode").exits(0);
}

pub(crate) fn a_folder_that_moves_with_its_state_stays_the_same() {
    let ground = Ground::new();
    ground.folder("one").folder("other");
    let preview = |folder: &str, path: &str| {
        let line = format!("preview --detailed-exitcode --stack k8s --backend state --config path={path}");
        ground.run("manifests", folder, &line)
    };
    let line = "up --yes --stack k8s --backend state --config path=k8s";
    ground.run("manifests", "one", line).exits(0);
    std::fs::rename(ground.path("one"), ground.path("moved")).unwrap();
    preview("moved", "k8s").exits(0);
    std::fs::rename(ground.path("moved/k8s"), ground.path("moved/old")).unwrap();
    preview("moved", "old").refused(&["another folder"]);
}
