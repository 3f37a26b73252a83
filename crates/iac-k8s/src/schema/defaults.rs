//! Default values of a schema, filled in as the server does before it checks an object.

use serde_json::{Map, Value as Json};

/// Fills in the default values that an object lacks. A null where none may stand counts as nothing.
pub(crate) fn fill(schema: &Json, value: &mut Json) {
    match value {
        Json::Object(fields) => fill_object(schema, fields),
        Json::Array(items) => {
            if let Some(schema) = schema.get("items") {
                items.iter_mut().for_each(|item| fill(schema, item));
            }
        }
        _ => {}
    }
}

fn fill_object(schema: &Json, fields: &mut Map<String, Json>) {
    let properties = schema.get("properties").and_then(Json::as_object);
    for (name, property) in properties.into_iter().flatten() {
        let nullable = property["nullable"] == true;
        if fields.get(name) == Some(&Json::Null) && !nullable {
            fields.remove(name);
        }
        if let (false, Some(default)) = (fields.contains_key(name), property.get("default")) {
            fields.insert(name.clone(), default.clone());
        }
        if let Some(value) = fields.get_mut(name) {
            fill(property, value);
        }
    }
    let Some(others) = schema.get("additionalProperties").filter(|others| others.is_object()) else {
        return;
    };
    for (name, value) in fields {
        if properties.is_none_or(|properties| !properties.contains_key(name)) {
            fill(others, value);
        }
    }
}

/// Takes out what a schema says to people: it is most of the text, and checks nothing.
pub(crate) fn forget_texts(schema: &mut Json) {
    let Some(words) = schema.as_object_mut() else { return };
    for word in ["description", "externalDocs", "example", "title"] {
        words.remove(word);
    }
    for word in ["properties", "patternProperties"] {
        let properties = words.get_mut(word).and_then(Json::as_object_mut);
        properties
            .into_iter()
            .flatten()
            .for_each(|(_, schema)| forget_texts(schema));
    }
    for word in ["items", "additionalProperties", "not"] {
        if let Some(schema) = words.get_mut(word) {
            forget_texts(schema);
        }
    }
    for word in ["allOf", "anyOf", "oneOf"] {
        let schemas = words.get_mut(word).and_then(Json::as_array_mut);
        schemas.into_iter().flatten().for_each(forget_texts);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn defaults_are_filled_in_where_something_lacks_them() {
        let schema = json!({"type": "object", "properties": {
            "mode": {"type": "string", "default": "fast"},
            "maybe": {"type": "string", "nullable": true, "default": "x"},
            "inner": {"type": "object", "default": {}, "properties": {"size": {"type": "integer", "default": 3}}},
            "absent": {"type": "object", "properties": {"size": {"type": "integer", "default": 3}}},
            "list": {"type": "array", "items": {"type": "object", "properties": {"on": {"type": "boolean", "default": true}}}},
            "map": {"type": "object", "additionalProperties": {"type": "object", "properties": {"a": {"default": 1}}}},
        }});
        let mut object = json!({"mode": null, "maybe": null, "list": [{}, {"on": false}], "map": {"k": {}}});
        fill(&schema, &mut object);
        assert_eq!(
            object,
            json!({
                "mode": "fast", "maybe": null, "inner": {"size": 3}, "list": [{"on": true}, {"on": false}],
                "map": {"k": {"a": 1}},
            })
        );
    }

    #[test]
    fn a_field_that_is_called_like_a_text_stays() {
        let mut schema = json!({"description": "x", "properties": {"description": {"type": "string", "description": "y"}},
            "items": {"title": "z", "anyOf": [{"description": "x", "minimum": 1}]}});
        forget_texts(&mut schema);
        assert_eq!(
            schema,
            json!({"properties": {"description": {"type": "string"}}, "items": {"anyOf": [{"minimum": 1}]}})
        );
    }
}
