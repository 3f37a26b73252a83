//! Reading the texts that people write.

use serde_json::{Value as Json, json};

use super::*;

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

fn read_text(file: &str, text: &str) -> (Vec<Manifest>, Vec<String>) {
    let (mut manifests, mut errors) = (Vec::new(), Vec::new());
    parse(Path::new(file), text, &mut manifests, &mut errors);
    let error = |error: ManifestError| format!("{}: {}", error.line.unwrap_or(0), error.message);
    (manifests, errors.into_iter().map(error).collect())
}

/// The kinds, names and lines of the objects.
fn objects(text: &str) -> Vec<String> {
    let (manifests, errors) = read_text("a.yaml", text);
    assert_eq!(errors, [""; 0], "{text}");
    let name = |manifest: &Manifest| {
        let object = manifest.object.json().expect("readable");
        let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str).unwrap_or("?").to_owned();
        format!(
            "{} {} {}:{}",
            text("/apiVersion"),
            text("/kind"),
            text("/metadata/name"),
            manifest.line
        )
    };
    manifests.iter().map(name).collect()
}

#[test]
fn documents_and_lists_are_unfolded() {
    let text = format!(
        "# first\n---\n{MAP}---\n---\napiVersion: v1\nkind: List\nitems:\n- {{apiVersion: v1, kind: Secret, metadata: {{name: b}}}}\n- {{apiVersion: v1, kind: Secret, metadata: {{name: c}}}}\n"
    );
    assert_eq!(objects(&text), ["v1 ConfigMap a:3", "v1 Secret b:8", "v1 Secret c:8"]);
    for (text, expected) in [
        (
            "apiVersion: v1\nkind: ConfigMapList\nitems:\n- metadata: {name: a}\n- {kind: ConfigMap, metadata: {name: b}}\n",
            vec!["v1 ConfigMap a:1", "v1 ConfigMap b:1"],
        ),
        (
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleList\nitems: [{metadata: {name: r}}]\n",
            vec!["rbac.authorization.k8s.io/v1 Role r:1"],
        ),
        ("apiVersion: v1\nkind: SecretList\nitems: null\n", vec![]),
        (
            "apiVersion: a.io/v1\nkind: AllowList\nmetadata: {name: x}\n",
            vec!["a.io/v1 AllowList x:1"],
        ),
        (
            "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"a\"}}\n\n{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"b\"}}\n",
            vec!["v1 Secret a:1", "v1 Secret b:3"],
        ),
        ("# nothing\n---\n# here\n", vec![]),
        ("", vec![]),
    ] {
        assert_eq!(objects(text), expected, "{text}");
    }
}

#[test]
fn what_kubectl_takes_is_taken() {
    for (data, expected) in [
        ("  note: '[\n  ]'\n", json!({"note": "[ ]"})),
        ("  note: \"a\n b\"\n", json!({"note": "a b"})),
        (
            "  note: \"a\nb\n\n  c\"\n  more: '\nx'\n",
            json!({"note": "a b\nc", "more": " x"}),
        ),
        ("  a: 'e'#f\n", json!({"a": "e"})),
        ("  a: \"x\\\n y\"\n", json!({"a": "xy"})),
        ("  a:\t b\n", json!({"a": "b"})),
        ("  a: |\n    x\n# comment\n  b: c\n", json!({"a": "x\n", "b": "c"})),
        (
            "  a: 0644\n  b: yes\n  c: \"0644\"\n",
            json!({"a": 420, "b": true, "c": "0644"}),
        ),
    ] {
        let (manifests, errors) = read_text("a.yaml", &format!("{MAP}data:\n{data}"));
        assert_eq!(errors, [""; 0], "{data}");
        let object = manifests[0].object.json().expect("readable");
        assert_eq!(object["data"], expected, "{data}");
    }
    assert_eq!(objects(&format!("\u{feff}{MAP}")), ["v1 ConfigMap a:1"]);
    assert_eq!(objects(&MAP.replace('\n', "\r\n")), ["v1 ConfigMap a:1"]);
}

#[test]
fn errors_say_what_is_wrong_and_what_it_may_be() {
    for (file, text, expected) in [
        (
            "a.yaml",
            format!("{MAP}---\nkind: x\n"),
            "5: this is no Kubernetes object: apiVersion is missing",
        ),
        (
            "a.yaml",
            "- 1\n".to_owned(),
            "1: this is no Kubernetes object: a mapping",
        ),
        (
            "a.yaml",
            format!("{MAP}data:\n  a: b\n  a: c\n"),
            "6: duplicate mapping key: a",
        ),
        ("a.yaml", format!("{MAP}data:\n  a: {{{{ .x }}}}\n"), "5:"),
        ("a.yaml", format!("{MAP}data:\n  ~: a\n"), "5: a key must not be null"),
        (
            "a.yaml",
            format!("{MAP}x: .inf\n"),
            "4: non-finite float `.inf` rejected",
        ),
        (
            "kustomization.yaml",
            "resources: [a.yaml]\n".to_owned(),
            "1: this is a kustomization",
        ),
        (
            "k.yaml",
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nmetadata: {name: x}\n".to_owned(),
            "1: this is a kustomization",
        ),
        (
            "values.yaml",
            "replicas: 1\n".to_owned(),
            "1: this belongs to a Helm chart",
        ),
        (
            "dashboard.json",
            "{\"panels\": []}".to_owned(),
            "1: this is no Kubernetes object",
        ),
    ] {
        let (_, errors) = read_text(file, &text);
        assert!(
            errors.len() == 1 && errors[0].starts_with(expected),
            "{file}: {errors:?}"
        );
        assert!(
            !errors[0].contains("Options") && !errors[0].contains(" at line "),
            "{errors:?}"
        );
    }
}

#[test]
fn a_folder_tells_all_its_problems_and_leaves_files_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
    write("a.yaml", MAP);
    write("b.yaml", "x: [\n");
    write("c.json", "{}");
    let utf16: Vec<u8> = [0xFF, 0xFE]
        .into_iter()
        .chain(MAP.encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    std::fs::write(folder.path().join("d.yaml"), utf16).expect("written");
    std::fs::write(folder.path().join("e.yaml"), b"a: \xe9\n").expect("written");
    let errors = read(&ManifestFiles::from(folder.path())).expect_err("three are wrong");
    let files: Vec<String> = errors
        .iter()
        .map(|error| {
            error
                .file
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    assert_eq!(files, ["b.yaml", "c.json", "e.yaml"]);
    let files = ManifestFiles::from(folder.path())
        .exclude("[bc].*")
        .exclude("b.yaml")
        .exclude("*.json")
        .exclude("e.*");
    assert_eq!(read(&files).expect("all others are fine").len(), 2);
}
