//! Reading the texts that people write.

use iac_core::declare::FieldLines as _;
use serde_json::{Value as Json, json};

use super::*;

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

fn read_text(file: &str, text: &str) -> (Vec<Manifest>, Vec<String>) {
    let (mut manifests, mut errors) = (Vec::new(), Vec::new());
    let file = SourceFile::new(Path::new(file), text);
    parse(&file, text, &mut manifests, &mut errors);
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
    let errors = read(&ManifestFiles::from(folder.path()), &[]).expect_err("three are wrong");
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
    assert_eq!(read(&files, &[]).expect("all others are fine").len(), 2);
}

/// Where fields of the objects of a file stand: `NAME PATH`, each with its line, or `-`.
fn lines(name: &str, text: &[u8], fields: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(name);
    std::fs::write(&file, text).expect("written");
    let manifests = read(&ManifestFiles::from(&file), &[]).expect("readable");
    let line = |field: &&str| {
        let (name, path) = field.split_once(' ').expect("a name and a path");
        let is_it = |manifest: &&Manifest| {
            let object = manifest.object.json().expect("readable");
            object["metadata"]["name"] == name
        };
        let manifest = manifests.iter().find(is_it).expect(name);
        let line = manifest.lines().line(&path.parse().expect("a path"));
        let line = line.inspect(|line| assert_eq!(line.file, file.display().to_string()));
        format!("{field} {}", line.map_or("-".to_owned(), |line| line.line.to_string()))
    };
    fields.iter().map(line).collect()
}

#[test]
fn a_field_is_found_where_it_stands() {
    let several = "# first\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: a\n  labels:\n    app.kubernetes.io/name: a\n\
                   spec:\n  replicas: 2\n  template:\n    spec:\n      containers:\n      - name: one\n        image: x\n        \
                   args: [-a,\n          -b]\n        ports:\n        - containerPort: 80\n      -\n        name: two\n        \
                   env:\n        - {name: A, value: '1'}\n        - name: B\n          value: >-\n            long\n            \
                   text\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndata:\n  conf: |\n    x\n    ---y\n  \
                   \"1\": one\n...\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {x: \"1\",\n  y: \"2\"}}\n";
    let expected = [
        "a spec.replicas 10",
        "a metadata.labels[\"app.kubernetes.io/name\"] 8",
        "a spec.template.spec.containers[name=one] 14",
        "a spec.template.spec.containers[name=one].image 15",
        "a spec.template.spec.containers[0].args 16",
        "a spec.template.spec.containers[name=one].args[1] 17",
        "a spec.template.spec.containers[name=one].ports[containerPort=80] 19",
        "a spec.template.spec.containers[name=two] 21",
        "a spec.template.spec.containers[name=two].env[name=A].value 23",
        "a spec.template.spec.containers[name=two].env[name=B].value 25",
        "a spec.template.spec.containers[name=three] -",
        "a spec.template.spec.containers[name=two].image -",
        "a spec.replicas.x -",
        "a metadata.namespace -",
        "b data.conf 33",
        "b data.1 36",
        "b data.x -",
        "c data.x 39",
        "c data.y 40",
    ];
    let fields: Vec<&str> = expected
        .iter()
        .filter_map(|line| Some(line.rsplit_once(' ')?.0))
        .collect();
    assert_eq!(lines("a.yaml", several.as_bytes(), &fields), expected);
    let windows = several.replace('\n', "\r\n");
    assert_eq!(lines("a.yaml", windows.as_bytes(), &fields), expected);
    let utf16: Vec<u8> = [0xFF, 0xFE]
        .into_iter()
        .chain(several.encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    assert_eq!(lines("a.yaml", &utf16, &fields), expected);
}

#[test]
fn a_field_is_found_in_lists_json_and_aliases() {
    let object = |name: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n");
    let check = |name: &str, text: &str, expected: &[&str]| {
        let fields: Vec<&str> = expected
            .iter()
            .filter_map(|line| Some(line.rsplit_once(' ')?.0))
            .collect();
        assert_eq!(lines(name, text.as_bytes(), &fields), expected, "{text}");
    };
    check(
        "a.yaml",
        "kind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMapList\n  items:\n  - metadata: {name: a}\n    data:\n      x: '1'\n  \
         - metadata: {name: b}\n    data:\n      x: '1'\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: c}\n  stringData:\n    \
         p: q\n  data:\n    p: cQ==\n    r: cQ==\n",
        &[
            "a data.x 8",
            "b data.x 11",
            "c data.p 16",
            "c stringData.p 16",
            "c data.r 19",
            "c data 17",
        ],
    );
    check(
        "a.yaml",
        &format!(
            "{}x-text: &text one\nx-map: &map\n  a: '1'\n  b: '2'\nx-list: &list\n- '1'\n- k: v\ndata:\n  <<: *map\n  b: '3'\n  \
             c: *text\n  d: *map\nlist: *list\nmore:\n- *text\n- <<: [*map]\n",
            object("a")
        ),
        &[
            "a data.a 6",
            "a data.b 13",
            "a data.c 4",
            "a data.d.b 7",
            "a list[0] 9",
            "a list[1].k 10",
            "a more[0] 4",
            "a more[1].a 6",
        ],
    );
    check(
        "a.json",
        "{\n  \"apiVersion\": \"v1\",\n  \"kind\": \"ConfigMap\",\n  \"metadata\": {\"name\": \"a\"},\n  \"data\": {\n    \
         \"x.y\": \"1\"\n  }\n}\n",
        &["a data[\"x.y\"] 6"],
    );
    // One after the other, as some programs write them.
    let json = |name: &str| {
        format!(
            "{{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\n\"metadata\":{{\"name\":\"{name}\"}},\n\"data\":{{\"x\":\"1\"}}}}\n"
        )
    };
    check("a.json", &(json("a") + &json("b")), &["a data.x 3", "b data.x 6"]);
    // Texts that are mended before they can be read.
    check(
        "a.yaml",
        &format!(
            "{}data:\n  a: \"x\ny\"\n  b: 'e'#f\n  c: d\n---\n{}data:\n  a: \"x\ny\"\n  b: c\n",
            object("a"),
            object("b")
        ),
        &["a data.a 5", "a data.b 7", "a data.c 8", "b data.b 16"],
    );
}

#[test]
fn a_file_that_is_another_by_now_has_no_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = |data: &str| format!("{MAP}data:\n{data}");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
    write("a.yaml", &text("  a: b\n"));
    write("b.yaml", &text("  a: b\n"));
    write("c.yaml", &text("  a: b\n"));
    let manifests = read(&ManifestFiles::from(folder.path()), &[]).expect("readable");
    let path = "data.a".parse().expect("a path");
    let lines = || -> Vec<Option<u32>> {
        let lines = manifests.iter().map(|manifest| manifest.lines().line(&path));
        lines.map(|line| line.map(|line| line.line)).collect()
    };
    write("a.yaml", &text("  x: y\n  a: b\n"));
    std::fs::remove_file(folder.path().join("b.yaml")).expect("removed");
    assert_eq!(lines(), [None, None, Some(5)]);
}
