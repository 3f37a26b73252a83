//! The JSON Schemas below `docs/schemas`, made strict: what a schema does not name must not be there either.

use std::path::Path;
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value as Json, json};

/// A published schema: the format that it describes, and its file.
struct Schema {
    format: String,
    validator: Validator,
}

static SCHEMAS: LazyLock<Vec<Schema>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas");
    let files = std::fs::read_dir(folder).unwrap();
    files.map(|file| read(&file.unwrap().path())).collect()
});

fn read(path: &Path) -> Schema {
    let mut schema: Json = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(jsonschema::meta::is_valid(&schema), "{}", path.display());
    close(&mut schema);
    let format = schema["properties"]["format"]["const"].as_str().unwrap().to_owned();
    let named = format.trim_start_matches("iac.").replace('/', "-");
    assert!(path.ends_with(format!("{named}.schema.json")), "{}", path.display());
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    Schema { format, validator }
}

/// Allows no properties that are not named. The published schemas do: readers pass over what they do not know.
fn close(schema: &mut Json) {
    match schema {
        Json::Object(map) => {
            map.values_mut().for_each(close);
            let is_object = map
                .get("type")
                .is_some_and(|kind| kind == "object" || *kind == json!(["object", "null"]));
            if is_object && map.contains_key("properties") && !map.contains_key("additionalProperties") {
                map.insert("additionalProperties".to_owned(), false.into());
            }
        }
        Json::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// Makes sure that a JSON of one of the formats fits its schema; gives the format, if it names one.
pub(crate) fn check(json: &Json, what: &str) -> Option<String> {
    let format = json.get("format")?.as_str()?;
    let schema = SCHEMAS.iter().find(|schema| schema.format == format);
    let schema = schema.unwrap_or_else(|| panic!("{what}: no schema of {format}"));
    let faults: Vec<String> = schema
        .validator
        .iter_errors(json)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{what}: {faults:#?}\n{json:#}");
    Some(format.to_owned())
}
