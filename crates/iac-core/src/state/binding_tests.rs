//! Tables: which projects are the same.

use super::*;

fn set(items: &[&str]) -> BTreeSet<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

/// Read as `program place origin remotes roots host:path repositories state`, `-` for what is not known.
fn binding(text: &str) -> Binding {
    let mut words = text.split(' ').map(|word| (word != "-").then(|| word.to_owned()));
    let mut next = || words.next().flatten();
    let list = |word: Option<String>| {
        word.iter()
            .flat_map(|word| word.split(','))
            .map(str::to_owned)
            .collect()
    };
    let program = next().unwrap_or_default();
    let (place, origin, remotes, roots) = (next(), next(), list(next()), list(next()));
    let (folder, repositories, state) = (next(), list(next()), next());
    let folder = folder.as_deref().and_then(|folder| folder.split_once(':'));
    Binding {
        program,
        place,
        origin,
        remotes,
        roots,
        folder: folder.map(|(host, path)| Folder {
            host: host.to_owned(),
            path: path.to_owned(),
            repositories,
        }),
        state,
    }
}

#[test]
fn which_projects_are_the_same() {
    use Difference::{Address, Folder, Place, Program, Project, Unknown};
    let mine = "manifests k8s git.io/acme/one - r1 laptop:/home/a/one/k8s /home/a/one -";
    let bare = "manifests k8s - - r1 laptop:/home/a/one/k8s /home/a/one -";
    let loose = "manifests k8s - - - laptop:/srv/one/k8s - -";
    let table = [
        // Programs.
        (
            mine,
            "blog k8s git.io/acme/one - r1 laptop:/home/a/one/k8s /home/a/one -",
            Some(Program),
        ),
        // The same project.
        ("itself", mine, None),
        (mine, mine, None),
        (
            mine,
            "manifests k8s git.io/acme/one - r1 desk:/home/b/src/k8s /home/b/src -",
            None,
        ),
        (
            mine,
            "manifests k8s git.io/acme/one - - ci:/builds/1/k8s /builds/1 -",
            None,
        ),
        (
            mine,
            "manifests k8s git.io/acme/one - r9 laptop:/home/a/one/k8s /home/a/one -",
            None,
        ),
        (
            mine,
            "manifests k8s git.io/bob/one git.io/acme/one r1 desk:/b/k8s /b -",
            None,
        ),
        (mine, "manifests k8s work-alias/acme/one - r1 desk:/b/k8s /b -", None),
        (mine, "manifests k8s - - r1 desk:/b/k8s /b -", None),
        (
            mine,
            "manifests k8s git.io/new/home - r1 laptop:/home/a/one/k8s /home/a/one -",
            None,
        ),
        (mine, "manifests - git.io/acme/one - - - - -", None),
        // Other ones.
        (
            mine,
            "manifests k8s git.io/acme/two - r2 desk:/home/b/two/k8s /home/b/two -",
            Some(Project),
        ),
        (
            mine,
            "manifests k8s git.io/acme/two - - ci:/builds/1/k8s /builds/1 -",
            Some(Project),
        ),
        (
            mine,
            "manifests k8s git.io/acme/two - r2 laptop:/home/a/one/k8s /home/a/one -",
            Some(Project),
        ),
        (
            mine,
            "manifests k8s git.io/bob/one - r1 desk:/b/k8s /b -",
            Some(Address),
        ),
        (
            mine,
            "manifests deploy git.io/acme/one - r1 desk:/b/deploy /b -",
            Some(Place),
        ),
        (mine, "manifests k8s - - r2 desk:/b/k8s /b -", Some(Project)),
        (mine, "manifests k8s - - - desk:/b/k8s - -", Some(Unknown)),
        (mine, "manifests - - - - - - -", Some(Unknown)),
        // Two that come from one template.
        (
            "prod . git.io/acme/one git.io/tpl/start r1 a:/one /one -",
            "prod . git.io/acme/two git.io/tpl/start - b:/two /two -",
            Some(Project),
        ),
        // A repository without a remote, its clones, and its worktrees.
        (
            bare,
            "manifests k8s - - r1 laptop:/home/a/copy/k8s /home/a/copy,/home/a/one -",
            None,
        ),
        (
            bare,
            "manifests k8s - - - laptop:/tmp/ci/k8s /tmp/ci,/home/a/one -",
            None,
        ),
        (bare, "manifests k8s git.io/acme/one - r1 desk:/b/k8s /b -", None),
        (bare, "manifests k8s - - r1,r7 laptop:/home/a/wt/k8s /home/a/wt -", None),
        (bare, "manifests k8s - - r9 laptop:/home/a/one/k8s /home/a/one -", None),
        (
            bare,
            "manifests k8s - - r9 laptop:/home/a/two/k8s /home/a/two -",
            Some(Project),
        ),
        (
            bare,
            "manifests k8s - - - laptop:/home/a/two/k8s /home/a/two -",
            Some(Folder),
        ),
        // Outside of git.
        (loose, "manifests - - - - laptop:/srv/one/k8s - -", None),
        (loose, "manifests one/k8s - - r1 laptop:/srv/one/k8s /srv -", None),
        (loose, "manifests k8s - - - laptop:/srv/two/k8s - -", Some(Folder)),
        (loose, "manifests k8s - - - other:/srv/one/k8s - -", Some(Unknown)),
        // State that lies in the project, which was moved or is mounted elsewhere.
        (
            "manifests k8s - - - a:/one/k8s - state",
            "manifests k8s - - - b:/two/k8s - state",
            None,
        ),
        (
            "manifests k8s - - - a:/one/k8s - state",
            "manifests old - - - b:/two/old - state",
            Some(Unknown),
        ),
        (
            "manifests k8s - - r1 a:/one/k8s /one state",
            "manifests k8s - - r2 b:/two/k8s /two state",
            Some(Project),
        ),
        // A program that is run outside of any project.
        ("prod - - - - - - -", "prod - - - - - - -", None),
        (
            "prod . git.io/acme/one - r1 a:/one /one -",
            "prod - - - - - - -",
            Some(Unknown),
        ),
        (
            "prod - - - - - - -",
            "prod . git.io/acme/one - r1 a:/one /one -",
            Some(Unknown),
        ),
    ];
    for (recorded, now, expected) in table {
        let recorded = if recorded == "itself" { now } else { recorded };
        assert_eq!(binding(recorded).differs(&binding(now)), expected, "{recorded}\n{now}");
    }
}

#[test]
fn what_was_not_known_is_added() {
    let table = [
        (
            "m k8s - - - a:/one/k8s - -",
            "m one - - r1 a:/one/k8s /one state",
            "m k8s - - r1 a:/one/k8s - state",
        ),
        (
            "m k8s x/acme/one - - - - -",
            "m k8s x/acme/one y/t r1 b:/two /two -",
            "m k8s x/acme/one - r1 b:/two /two -",
        ),
        (
            "m k8s x/acme/one - r1 a:/one - -",
            "m k8s y/new/one - r1 a:/one - -",
            "m k8s x/acme/one y/new/one r1 a:/one - -",
        ),
    ];
    for (recorded, now, expected) in table {
        assert_eq!(
            binding(recorded).with(&binding(now)),
            binding(expected),
            "{recorded}\n{now}"
        );
    }
}

#[test]
fn it_is_named_for_people() {
    let table = [
        ("prod . git.io/acme/one - r1 a:/one - -", "prod of git.io/acme/one"),
        (
            "manifests k8s git.io/acme/one - - - - -",
            "manifests of git.io/acme/one (k8s)",
        ),
        ("manifests k8s - - - a:/one/k8s - -", "manifests of /one/k8s on a"),
        ("prod - - - - - - -", "prod"),
    ];
    for (text, expected) in table {
        assert_eq!(binding(text).to_string(), expected);
    }
    assert_eq!(binding("m k8s x/y a,b r - - -").remotes, set(&["a", "b"]));
}
