//! The reports on settings that cannot be used.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Shop, refused, stack_of};

#[test]
fn everything_that_is_wrong_is_reported_at_once() {
    let stack = stack_of(
        "replicas = \"many\"\nhots = \"a\"\n[api]\ndebgu = true\nseparator = \"--\"\n[size.custom]\ncpu = -1\n\
         [[servers]]\nname = \"x\"\nport = \"web\"\n",
        &[("IAC_CONFIG_API__DEBUG", "on")],
        &["burst=0", "ratio=half"],
    );
    insta::assert_snapshot!(refused::<Shop>(&stack));
}

#[test]
fn each_error_has_its_place_and_its_remedy() {
    /// The file, the variables, the arguments, and what is said.
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str], &'a str);
    let cases: [Case<'_>; 16] = [
        (
            "",
            &[],
            &[],
            "host is required and not set; it takes a text\n  set it with `config set host VALUE`",
        ),
        (
            "",
            &[],
            &[],
            "password is required and not set; it takes a secret\n  set it with `config set password --secret`",
        ),
        (
            "hosst = \"a\"\n",
            &[],
            &[],
            "or did you mean it by \"hosst\" (from stacks/shop.prod.toml:1)?",
        ),
        (
            "replicas = 70000\n",
            &[],
            &[],
            "replicas is \"70000\"; it takes a whole number from 0 to 65535 (from stacks/shop.prod.toml:1)\n  set it with `config set replicas VALUE`",
        ),
        (
            "",
            &[("IAC_CONFIG_REPLICAS", "x")],
            &[],
            "(from IAC_CONFIG_REPLICAS)\n  set it with IAC_CONFIG_REPLICAS=VALUE",
        ),
        (
            "",
            &[],
            &["replicas=x"],
            "(from --config)\n  set it with --config replicas=VALUE",
        ),
        (
            "",
            &[],
            &["api.debug=yes"],
            "api.debug is \"yes\"; it takes true or false",
        ),
        (
            "api = 1\n",
            &[],
            &[],
            "api is a value; it takes a table with image-tag, debug, separator",
        ),
        (
            "[replicas]\na = 1\n",
            &[],
            &[],
            "replicas is a table; it takes a whole number",
        ),
        ("host = [\"a\"]\n", &[], &[], "host is a list; it takes a text"),
        (
            "host = { secret = \"x\" }\n[encryption]\nkey = \"k\"\n",
            &[],
            &[],
            "host is stored as a secret, and the program takes a text that it may show",
        ),
        (
            "",
            &[],
            &["size=medium"],
            "size is \"medium\"; it takes one of small, large, custom",
        ),
        (
            "",
            &[],
            &["size=custom"],
            "size.custom.cpu is required and not set; it takes a whole number from 0 to 65535",
        ),
        (
            "[api]\nimage_tags = 1\n",
            &[],
            &[],
            "api.image_tags is no setting of this program (from stacks/shop.prod.toml:2)\n  did you mean \"api.image-tag\"?",
        ),
        (
            "[api]\nzone = 1\n",
            &[],
            &[],
            "take it out, or call it one of these: image-tag, debug, separator",
        ),
        (
            "servers = [{ name = \"x\", prot = 1 }]\n",
            &[],
            &[],
            "servers (item 1, field prot) is no setting of this program (from stacks/shop.prod.toml:1)\n  did you mean \"port\"?",
        ),
    ];
    for (file, variables, arguments, expected) in cases {
        let text = refused::<Shop>(&stack_of(file, variables, arguments));
        assert!(
            text.contains(expected),
            "{file}{arguments:?}:\n{text}\nlacks\n{expected}"
        );
    }
}

/// A port that the program itself checks.
#[derive(Debug, Deserialize)]
#[serde(try_from = "u16")]
struct Unprivileged(u16);

impl TryFrom<u16> for Unprivileged {
    type Error = String;

    fn try_from(port: u16) -> Result<Self, String> {
        match port {
            1024.. => Ok(Self(port)),
            _ => Err(format!("{port} is below 1024")),
        }
    }
}

#[test]
fn what_the_program_itself_refuses_hides_nothing_else() {
    #[derive(Debug, Deserialize)]
    struct Ports {
        a: Unprivileged,
        inner: Inner,
        list: Vec<Unprivileged>,
        missing: bool,
        map: BTreeMap<String, Unprivileged>,
        z: u16,
    }
    #[derive(Debug, Deserialize)]
    struct Inner {
        b: Unprivileged,
        c: Unprivileged,
        y: bool,
    }
    let stack = stack_of(
        "a = 1\nlist = [2, 3000, 4]\nz = \"z\"\n[inner]\nb = 5\nc = \"x\"\ny = 7\n[map]\none = 6\ntwo = 7000\n",
        &[],
        &[],
    );
    let error = stack.settings::<Ports>().unwrap_err();
    let found: Vec<String> = error
        .problems()
        .iter()
        .map(|problem| format!("{} {}", problem.key, problem.within).trim_end().to_owned())
        .collect();
    assert_eq!(
        found,
        [
            "a",
            "inner.b",
            "inner.c",
            "inner.y",
            "list item 1",
            "list item 3",
            "map.one",
            "missing",
            "z"
        ]
    );
    let text = error.to_string();
    assert!(
        text.contains("a cannot be used: 1 is below 1024 (from stacks/shop.prod.toml:1)"),
        "{text}"
    );
    let good: Ports = stack_of(
        "a = 1024\nlist = []\nmissing = true\nz = 1\n[inner]\nb = 2000\nc = 3000\ny = true\n",
        &[],
        &[],
    )
    .settings()
    .unwrap();
    assert_eq!(
        (good.a.0, good.inner.b.0, good.inner.c.0, good.map.len()),
        (1024, 2000, 3000, 0)
    );
    assert!(good.inner.y && good.missing && good.list.is_empty() && good.z == 1);
}

#[test]
fn what_nothing_fits_hides_no_other_value() {
    #[derive(Debug, Deserialize)]
    #[serde(try_from = "String")]
    struct Never;
    impl TryFrom<String> for Never {
        type Error = &'static str;

        fn try_from(_: String) -> Result<Self, &'static str> {
            Err("never")
        }
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "never read")]
    struct Outer {
        a: Never,
        list: Vec<Never>,
        inner: Inner,
        z: u16,
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "never read")]
    struct Inner {
        b: Never,
        c: Never,
        y: u16,
    }
    let stack = stack_of(
        "a = 1\nlist = [1, 2]\nz = \"z\"\n[inner]\nb = 1\nc = 1\ny = \"y\"\n",
        &[],
        &[],
    );
    let error = stack.settings::<Outer>().unwrap_err();
    let keys: Vec<&str> = error.problems().iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(keys, ["a", "inner.b", "inner.c", "inner.y", "list", "list", "z"]);
}

#[test]
fn no_secret_is_in_a_report() {
    #[derive(Debug, Deserialize)]
    struct Secrets {
        #[expect(dead_code, reason = "never read")]
        api_token: u16,
        #[expect(dead_code, reason = "never read")]
        db_password: Unprivileged,
    }
    let stack = stack_of("", &[], &["api_token=canary-1", "db_password=canary-2"]);
    let text = refused::<Secrets>(&stack);
    assert!(text.contains("api_token") && text.contains("db_password"), "{text}");
    assert!(!text.contains("canary"), "{text}");
}
