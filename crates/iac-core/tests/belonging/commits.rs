//! The header of a plan names what was committed since the last `up`.

use crate::ground::Ground;

pub(crate) fn the_commits_since_the_last_up_are_named() {
    let ground = Ground::new();
    ground.repository("one");
    // Nothing is known before the first run.
    assert!(!ground.preview("one").stdout.contains("the last up"));
    ground.up("one").exits(0);
    let says = |expected: &str| {
        let ran = ground.preview("one");
        assert!(ran.stdout.contains(expected), "nothing says {expected:?}\n{ran}");
    };
    says(": no commit\n");
    for number in 1..12 {
        ground.git(
            "one",
            &format!("commit --allow-empty --quiet --message number-{number}"),
        );
    }
    ground.git("one", "commit --allow-empty --quiet --message \u{1b}[31mred\u{202e}");
    says(": 12 commits\n");
    says(" \\u{1b}[31mred\\u{202e} (me)\n");
    says(" number-3 (me)\n  and 2 more\n");
    ground.write("one/README.md", "changed");
    says(": 12 commits, and changes that are not committed\n");
    // From here on, this is deployed.
    ground.up("one").exits(0);
    ground
        .run(
            "manifests",
            "one",
            "up --yes --stack k8s --config path=k8s --config secret=more",
        )
        .exits(0);
    says("-dirty: no commit, and changes that are not committed\n");
    ground.git("one", "reset --quiet --hard HEAD~2");
    says("-dirty: no commit, and 2 commits fewer\n");
    ground
        .git("one", "reflog expire --expire=now --all")
        .git("one", "gc --quiet --prune=now");
    says("which this repository does not have; now at ");
    // A run that is no `up` deploys nothing, and one outside of git something unknown.
    ground
        .run(
            "manifests",
            "one",
            "refresh --accept --yes --stack k8s --config path=k8s",
        )
        .exits(0);
    says("which this repository does not have; now at ");
}
