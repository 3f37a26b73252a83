//! Changes of a StatefulSet that Kubernetes does not make in place, and how they are made without stopping its pods: the
//! set is deleted alone, and the new one takes its pods over, since it selects them and names them in the same way.

use iac_core::provider::Problem;
use iac_core::value::{FieldPath, Segment};
use serde_json::{Map, Value as Json};

use crate::quantity;

/// The way in which fixed fields can be changed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Around the pods, once the claims of these templates have grown.
    Around(Vec<Growth>),
    /// Only by deleting everything first.
    Anew,
    /// Not at all.
    Refused(Problem),
}

/// A claim template that asks for more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Growth {
    /// The template's name.
    pub(crate) template: String,
    /// The storage that it asks for now.
    pub(crate) size: String,
    /// The field that says so.
    pub(crate) path: FieldPath,
}

/// Returns the way from the live set to the wanted one.
pub(crate) fn way(live: &Json, wanted: &Json) -> Way {
    let (live, wanted) = (&live["spec"], &wanted["spec"]);
    let text = |spec: &Json, field: &str| spec[field].as_str().unwrap_or("").to_owned();
    // The pods' names in DNS hang on it.
    if text(live, "serviceName") != text(wanted, "serviceName") || !still_selects(live, wanted) {
        return Way::Anew;
    }
    let mut grown = Vec::new();
    for (index, template) in templates(wanted).enumerate() {
        let name = name_of(template);
        // A pod cannot get a volume that it was made without.
        let Some(before) = templates(live).find(|before| name_of(before) == name) else {
            return Way::Anew;
        };
        match growth(before, template, index) {
            Ok(growth) => grown.extend(growth),
            Err(problem) => return Way::Refused(problem),
        }
    }
    Way::Around(grown)
}

/// Returns the storage that every claim template asks for.
pub(crate) fn sizes(wanted: &Json) -> Vec<Growth> {
    let of_template = |(index, template): (usize, &Json)| Growth {
        template: name_of(template).to_owned(),
        size: size(template).to_owned(),
        path: size_path(index),
    };
    templates(&wanted["spec"]).enumerate().map(of_template).collect()
}

/// True if a claim template that stays says anything else than before, its size aside.
pub(crate) fn changes_more_than_size(live: &Json, wanted: &Json) -> bool {
    let (live, wanted) = (&live["spec"], &wanted["spec"]);
    let mut stay = templates(wanted).filter_map(|after| {
        let before = templates(live).find(|before| name_of(before) == name_of(after))?;
        Some((before, after))
    });
    let fields = [
        "/spec/storageClassName",
        "/spec/accessModes",
        "/spec/volumeMode",
        "/metadata/labels",
        "/metadata/annotations",
    ];
    stay.any(|(before, after)| {
        let differs = |field: &&str| {
            after
                .pointer(field)
                .is_some_and(|said| before.pointer(field) != Some(said))
        };
        fields.iter().any(differs)
    })
}

/// True if the wanted set selects the pods of the one that is there.
fn still_selects(live: &Json, wanted: &Json) -> bool {
    let labels = &live["template"]["metadata"]["labels"];
    let by_labels = wanted["selector"]["matchLabels"].as_object().into_iter().flatten();
    let same_terms = live["selector"]["matchExpressions"] == wanted["selector"]["matchExpressions"];
    same_terms && by_labels.into_iter().all(|(key, value)| labels[key] == *value)
}

fn templates(spec: &Json) -> impl Iterator<Item = &Json> {
    spec["volumeClaimTemplates"].as_array().into_iter().flatten()
}

fn name_of(template: &Json) -> &str {
    template["metadata"]["name"].as_str().unwrap_or("")
}

/// Returns the storage that a claim, or a template of one, asks for.
pub(crate) fn size(claim: &Json) -> &str {
    claim["spec"]["resources"]["requests"]["storage"].as_str().unwrap_or("")
}

fn size_path(index: usize) -> FieldPath {
    FieldPath::fields(["spec", "volumeClaimTemplates"])
        .join(Segment::Index(index))
        .field("spec")
        .field("resources")
        .field("requests")
        .field("storage")
}

fn growth(before: &Json, after: &Json, index: usize) -> Result<Option<Growth>, Problem> {
    let (Some(old), Some(new)) = (quantity::parse(size(before)), quantity::parse(size(after))) else {
        return Ok(None);
    };
    let path = size_path(index);
    if new < old {
        let message = format!(
            "the claims of the template {:?} have {} and would have {}: a claim cannot shrink",
            name_of(before),
            size(before),
            size(after)
        );
        return Err(Problem {
            hint: Some(
                "leave the size as it is; for smaller volumes use a template of another name, and copy the data"
                    .to_owned(),
            ),
            ..Problem::new(path, message)
        });
    }
    Ok((new > old).then(|| Growth {
        template: name_of(after).to_owned(),
        size: size(after).to_owned(),
        path,
    }))
}

/// Returns the fields that others set on the live set and that a new one has to have from the beginning: a number of
/// replicas that nobody declares, labels and annotations, of the pods too (`kubectl rollout restart` leaves one). Otherwise
/// its pods would be restarted, or scaled. `before` is the object that we applied last: a field dropped from that is not
/// set by others.
pub(crate) fn of_others(live: &Json, before: &Json, wanted: &Json) -> Option<Json> {
    let mut kept = Json::Object(Map::new());
    if wanted["spec"]["replicas"].is_null() && before["spec"]["replicas"].is_null() && live["spec"]["replicas"].is_i64()
    {
        kept["spec"]["replicas"] = live["spec"]["replicas"].clone();
    }
    for place in ["/metadata", "/spec/template/metadata"] {
        for field in ["labels", "annotations"] {
            let pointer = format!("{place}/{field}");
            let there = live.pointer(&pointer).and_then(Json::as_object).into_iter().flatten();
            let is_ours = |key: &str| {
                let has = |object: &Json| object.pointer(&pointer).is_some_and(|map| map.get(key).is_some());
                has(before) || has(wanted)
            };
            for (key, value) in there.filter(|(key, _)| !is_ours(key)) {
                let metadata = match place {
                    "/metadata" => &mut kept["metadata"],
                    _ => &mut kept["spec"]["template"]["metadata"],
                };
                metadata[field][key] = value.clone();
            }
        }
    }
    kept.as_object().is_some_and(|kept| !kept.is_empty()).then_some(kept)
}

/// Puts what others set into a body.
pub(crate) fn join(body: &mut Json, kept: &Json) {
    match (body, kept) {
        (Json::Object(body), Json::Object(kept)) => {
            for (key, value) in kept {
                join(body.entry(key.as_str()).or_insert(Json::Null), value);
            }
        }
        (body, kept) => *body = kept.clone(),
    }
}

#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "tables of literals read better")]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(change: Json) -> Json {
        let mut spec = json!({
            "serviceName": "db", "selector": {"matchLabels": {"app": "db"}},
            "template": {"metadata": {"labels": {"app": "db", "tier": "back"}}},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "1Gi"}}}}],
        });
        for (key, value) in change.as_object().into_iter().flatten() {
            spec[key] = value.clone();
        }
        json!({"spec": spec})
    }

    fn claims(templates: &[(&str, &str)]) -> Json {
        let templates = templates.iter().map(
            |(name, size)| json!({"metadata": {"name": name}, "spec": {"resources": {"requests": {"storage": size}}}}),
        );
        json!({"volumeClaimTemplates": templates.collect::<Vec<_>>()})
    }

    #[test]
    fn what_leaves_the_pods_alone_is_made_around_them() {
        let text = |way: Way| match way {
            Way::Around(grown) => {
                let grown: Vec<String> = grown
                    .iter()
                    .map(|growth| format!("{} to {}", growth.template, growth.size))
                    .collect();
                format!("around {}", grown.join(", "))
            }
            Way::Anew => "anew".to_owned(),
            Way::Refused(problem) => format!("{}: {}", problem.path, problem.message),
        };
        let storage = "spec.volumeClaimTemplates[0].spec.resources.requests.storage";
        let shrinks = format!(
            "{storage}: the claims of the template \"data\" have 1Gi and would have 512Mi: a claim cannot shrink"
        );
        for (change, expected) in [
            (claims(&[("data", "2Gi")]), "around data to 2Gi"),
            (claims(&[("data", "1024Mi")]), "around "),
            (claims(&[("data", "512Mi")]), shrinks.as_str()),
            (claims(&[]), "around "),
            (claims(&[("data", "1Gi"), ("log", "1Gi")]), "anew"),
            (claims(&[("files", "2Gi")]), "anew"),
            (json!({"podManagementPolicy": "Parallel"}), "around "),
            (json!({"serviceName": "other"}), "anew"),
            (json!({"selector": {"matchLabels": {"tier": "back"}}}), "around "),
            (json!({"selector": {"matchLabels": {"app": "x"}}}), "anew"),
            (
                json!({"selector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}}),
                "anew",
            ),
        ] {
            assert_eq!(text(way(&set(json!({})), &set(change.clone()))), expected, "{change}");
        }
    }

    #[test]
    fn what_claims_that_are_there_do_not_follow_is_told() {
        let with = |field: &str, value: Json| {
            let mut object = set(claims(&[("data", "2Gi")]));
            object["spec"]["volumeClaimTemplates"][0]["spec"][field] = value;
            object
        };
        let live = with("storageClassName", "slow".into());
        assert!(!changes_more_than_size(&live, &set(claims(&[("data", "4Gi")]))));
        assert!(changes_more_than_size(&live, &with("storageClassName", "fast".into())));
        assert!(changes_more_than_size(
            &live,
            &with("accessModes", json!(["ReadWriteMany"]))
        ));
    }

    #[test]
    fn what_others_set_is_carried_over_and_what_we_dropped_is_not() {
        let mut live = set(json!({"replicas": 3}));
        live["spec"]["template"]["metadata"]["annotations"] =
            json!({"restartedAt": "now", "ours": "x", "dropped": "x"});
        let mut before = set(json!({}));
        before["spec"]["template"]["metadata"]["annotations"] = json!({"ours": "x", "dropped": "x"});
        let mut wanted = set(json!({}));
        wanted["spec"]["template"]["metadata"]["annotations"] = json!({"ours": "x"});
        let kept = of_others(&live, &before, &wanted).expect("something is theirs");
        assert_eq!(
            kept,
            json!({"spec": {"replicas": 3, "template": {"metadata": {"annotations": {"restartedAt": "now"}}}}})
        );
        join(&mut wanted, &kept);
        assert_eq!(
            wanted["spec"]["template"]["metadata"]["annotations"],
            json!({"ours": "x", "restartedAt": "now"})
        );
        assert_eq!(of_others(&before, &before, &wanted), None);
    }
}
