use proptest::prelude::*;
use serde_json::json;

use super::*;

fn pattern(text: &str) -> FieldPattern {
    text.parse().expect(text)
}

fn tree(json: serde_json::Value) -> Value {
    json.into()
}

fn found(text: &str, json: serde_json::Value) -> Vec<String> {
    let found = pattern(text).find(&tree(json));
    found.iter().map(FieldPath::to_string).collect()
}

#[test]
fn patterns_print_and_parse() {
    for text in [
        "spec.replicas",
        "*",
        "spec.*.image",
        "metadata.annotations[\"a.b/c\"]",
        "data[\"*\"]",
        "spec.containers[name=api].env[0]",
        "a.*.*",
    ] {
        assert_eq!(pattern(text).to_string(), text);
    }
    assert_eq!(
        pattern("spec.containers[*].image").to_string(),
        "spec.containers.*.image"
    );
    assert_eq!(pattern(".spec.replicas").to_string(), "spec.replicas");
}

#[test]
fn a_plain_pattern_is_written_as_its_path() {
    for text in ["spec.replicas", "a[name=\"b]\"].c", "a[0][\"x.y\"]"] {
        let path: FieldPath = text.parse().expect(text);
        let written = serde_json::to_string(&FieldPattern::from(path.clone())).expect("JSON");
        assert_eq!(written, serde_json::to_string(&path).expect("JSON"));
    }
    // Versions that know no wildcard read one as a name.
    let written = pattern("spec.containers[*].image").to_string();
    assert!(written.parse::<FieldPath>().is_ok());
}

#[test]
fn bad_patterns_are_refused() {
    for text in ["a..b", "a[", "a[]", "a[**]", "a[\"x]", "."] {
        assert!(text.parse::<FieldPattern>().is_err(), "{text:?}");
    }
    let long = format!("a[{}", "x".repeat(100_000));
    let error = long.parse::<FieldPattern>().expect_err("it is not closed").to_string();
    assert!(error.len() < 400, "{}", error.len());
}

#[test]
fn lists_of_patterns_are_read() {
    let read = |text: &str| -> Vec<String> {
        let patterns = FieldPattern::list(text).expect(text);
        patterns.iter().map(FieldPattern::to_string).collect()
    };
    assert_eq!(read("spec.replicas"), ["spec.replicas"]);
    assert_eq!(read(" a.b,\n c.*.d  e "), ["a.b", "c.*.d", "e"]);
    assert_eq!(read("m[\"a, b\"].c,d"), ["m[\"a, b\"].c", "d"]);
    for text in ["", " , ", "a..b", "a, b["] {
        assert!(FieldPattern::list(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_wildcard_means_any_key_and_any_element() {
    let containers = json!({"c": [{"name": "a", "image": 1}, {"name": "b"}], "m": {"x": {"image": 2}, "y": 3}});
    assert_eq!(found("c.*.image", containers.clone()), ["c[name=a].image"]);
    assert_eq!(found("m.*.image", containers.clone()), ["m.x.image"]);
    assert_eq!(found("m.*", containers), ["m.x", "m.y"]);
    assert_eq!(found("*", json!({"a": 1, "b": 2})), ["a", "b"]);
    assert_eq!(found("a.b", json!({"a": "text"})), [""; 0]);
}

#[test]
fn elements_are_found_by_name_and_by_position() {
    let list = json!({"c": [{"name": "a", "v": 1}, {"name": "b", "v": 2}], "p": ["x", "y"]});
    assert_eq!(found("c[name=b].v", list.clone()), ["c[name=b].v"]);
    assert_eq!(found("c[1].v", list.clone()), ["c[1].v"]);
    assert_eq!(found("p.*", list.clone()), ["p[0]", "p[1]"]);
    let path = |text: &str| text.parse::<FieldPath>().expect(text);
    let list = tree(list);
    assert!(pattern("c[1]").covers(&path("c[name=b].v"), &list));
    assert!(pattern("c[name=b].v").covers(&path("c[1].v"), &list));
    assert!(!pattern("c[1]").covers(&path("c[name=a].v"), &list));
    assert!(!pattern("c[1].v").covers(&path("c[1]"), &list));
}

#[test]
fn what_is_not_known_yet_may_be_named() {
    let declared = crate::value::token::parse_tree(json!({
        "data": crate::declare::Output::<String>::of_resource(
            &crate::urn::Key::new("", "x:y/Z", "z").expect("a key"), "/a", crate::provider::Phase::Exists, false,
        ).to_string()
    }));
    let declared = declared.expect("inputs");
    assert!(pattern("data.x").may_be_in(&declared) && !pattern("other.x").may_be_in(&declared));
    assert!(pattern("data.x").find(&declared).is_empty());
}

/// What becomes of the first tree when it keeps what patterns name in the second one.
fn kept(patterns: &[&str], ours: serde_json::Value, theirs: serde_json::Value) -> Value {
    let patterns: Vec<FieldPattern> = patterns.iter().map(|text| pattern(text)).collect();
    let mut ours = tree(ours);
    keep(&patterns, &mut ours, &tree(theirs));
    ours
}

#[test]
fn fields_are_kept_as_they_were() {
    for (patterns, declared, recorded, expected) in [
        (
            &["a"][..],
            json!({"a": 2, "b": 2}),
            json!({"a": 1, "b": 1}),
            json!({"a": 1, "b": 2}),
        ),
        (&["a"], json!({"b": 2}), json!({"a": 1}), json!({"a": 1, "b": 2})),
        (&["a"], json!({"a": 2, "b": 2}), json!({"b": 1}), json!({"b": 2})),
        (
            &["*"],
            json!({"a": 2, "b": 2}),
            json!({"a": 1, "c": 3}),
            json!({"a": 1, "c": 3}),
        ),
        // What was made for it goes with it, and what holds more stays.
        (
            &["m.n.x"],
            json!({"m": {"n": {"x": 1}}, "b": 1}),
            json!({"b": 1}),
            json!({"b": 1}),
        ),
        (
            &["m.x"],
            json!({"m": {"x": 1, "y": 2}}),
            json!({}),
            json!({"m": {"y": 2}}),
        ),
        (
            &["m.x"],
            json!({}),
            json!({"m": {"x": 1, "y": 2}}),
            json!({"m": {"x": 1}}),
        ),
        // An element that is new would be incomplete.
        (
            &["c.*.i"],
            json!({"c": [{"name": "a", "i": 2}, {"name": "n", "i": 3}]}),
            json!({"c": [{"name": "a", "i": 1}, {"name": "gone", "i": 9}]}),
            json!({"c": [{"name": "a", "i": 1}, {"name": "n", "i": 3}]}),
        ),
        (
            &["c.*.r.l.i"],
            json!({"c": [{"name": "a", "r": {"l": {"i": 2}}}]}),
            json!({"c": [{"name": "a"}]}),
            json!({"c": [{"name": "a"}]}),
        ),
        (
            &["l.*"],
            json!({"l": [1, 2, 3, 4]}),
            json!({"l": [7]}),
            json!({"l": [7]}),
        ),
        (
            &["l.*"],
            json!({"l": [1]}),
            json!({"l": [7, 8, 9]}),
            json!({"l": [7, 8, 9]}),
        ),
    ] {
        let context = format!("{patterns:?} {declared} {recorded}");
        assert_eq!(kept(patterns, declared, recorded), tree(expected), "{context}");
    }
}

#[test]
fn a_change_above_a_pattern_loses_only_what_it_names() {
    let change = |before: Option<serde_json::Value>, after: Option<serde_json::Value>| FieldChange {
        path: "m".parse().expect("a path"),
        before: before.map(tree),
        after: after.map(tree),
        origin: None,
    };
    let sides = |change: Option<FieldChange>| change.map(|change| (change.before, change.after));
    let (a, ax, axy) = (
        json!({"a": 1}),
        json!({"a": 1, "x": 1}),
        json!({"a": 1, "x": 1, "y": 1}),
    );
    for (before, after, rest, ignored) in [
        // All that went was to be ignored.
        (
            Some(ax.clone()),
            Some(a.clone()),
            None,
            Some((Some(ax.clone()), Some(a.clone()))),
        ),
        (Some(json!({"x": 1})), None, None, Some((Some(json!({"x": 1})), None))),
        (None, Some(json!({"x": 1})), None, Some((None, Some(json!({"x": 1}))))),
        // Something else went as well.
        (
            Some(ax.clone()),
            None,
            Some((Some(a.clone()), None)),
            Some((Some(ax), Some(a.clone()))),
        ),
        (
            Some(axy),
            Some(json!({"x": 2})),
            Some((Some(json!({"a": 1, "x": 2, "y": 1})), Some(json!({"x": 2})))),
            Some((
                Some(json!({"a": 1, "x": 1, "y": 1})),
                Some(json!({"a": 1, "x": 2, "y": 1})),
            )),
        ),
        // Nothing of it was.
        (Some(a.clone()), None, Some((Some(a), None)), None),
    ] {
        let context = format!("{before:?} {after:?}");
        let trees = |pair: Option<(Option<serde_json::Value>, Option<serde_json::Value>)>| {
            pair.map(|(before, after)| (before.map(tree), after.map(tree)))
        };
        let found = split(&[pattern("m.x")], change(before, after), &Value::Null);
        assert_eq!(
            (sides(found.0), sides(found.1)),
            (trees(rest), trees(ignored)),
            "{context}"
        );
    }
    let covered = change(Some(json!(1)), Some(json!(2)));
    assert_eq!(
        split(&[pattern("*")], covered.clone(), &Value::Null),
        (None, Some(covered))
    );
}

fn trees() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![Just(json!(1)), Just(json!("x")), Just(json!(null))];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            proptest::collection::btree_map("[ab*.]|name", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

fn patterns() -> impl Strategy<Value = FieldPattern> {
    let part = prop_oneof![
        Just("*"),
        Just("a"),
        Just("b"),
        Just("[0]"),
        Just("[name=x]"),
        Just("[\"*\"]")
    ];
    proptest::collection::vec(part, 1..4).prop_map(|parts| pattern(&parts.join(".").replace(".[", "[")))
}

proptest! {
    #[test]
    fn what_is_found_is_there_and_covered(pattern in patterns(), json in trees()) {
        let tree = tree(json);
        for path in pattern.find(&tree) {
            prop_assert!(tree.at(&path).is_some(), "{pattern} {path}");
            prop_assert!(pattern.covers(&path, &tree), "{pattern} {path}");
        }
    }

    #[test]
    fn to_keep_what_is_the_same_changes_nothing(pattern in patterns(), json in trees()) {
        let source = tree(json);
        let mut kept = source.clone();
        keep(&[pattern], &mut kept, &source);
        prop_assert_eq!(kept, source);
    }
}
