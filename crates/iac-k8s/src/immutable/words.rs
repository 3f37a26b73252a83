//! The words of others that forbid the change of a field: of the API server, of webhooks, and of rules in definitions.

/// Words with which a server, a webhook or a rule of a definition refuses to change a field, whatever the value. A message
/// has all words of a line. Others say the same with a verb: see [`forbids_change`].
const REFUSALS: [&[&str]; 9] = [
    &["is immutable"],
    &["are immutable"],
    &["immutable field"],
    &["immutable after"],
    &["immutable once"],
    &["may not add or remove"],
    // A StatefulSet, a StorageClass, a certificate request.
    &["updates to ", "are forbidden"],
    // A rule of a custom resource without a message of its own.
    &["failed rule: self == oldself"],
    &["failed rule: oldself == self"],
];

/// The words that forbid, and the verbs for a change: `may not be modified`, `can not change`. They are the texts of others.
const FORBIDDING: [&str; 7] = [
    "may not",
    "must not",
    "should not",
    "cannot",
    "can not",
    "can't",
    "not allowed to",
];
const CHANGING: [&str; 10] = [
    "change",
    "be changed",
    "modify",
    "be modified",
    "update",
    "be updated",
    "mutate",
    "be mutated",
    "be altered",
    "be edited",
];

/// The words of a message, in small letters, that forbid a change of the field.
fn forbids_change(message: &str) -> Option<String> {
    let by_verb = FORBIDDING.iter().find_map(|forbids| {
        let (_, rest) = message.split_once(forbids)?;
        let verb = CHANGING.iter().find(|verb| {
            let after = rest.strip_prefix(' ').and_then(|rest| rest.strip_prefix(**verb));
            after.is_some_and(|after| !after.starts_with(char::is_alphanumeric))
        })?;
        Some(format!("{forbids} {verb}"))
    });
    by_verb.or_else(|| {
        let refuses = |words: &&&[&str]| words.iter().all(|words| message.contains(words));
        Some(REFUSALS.iter().find(refuses)?[0].to_owned())
    })
}

/// The sentence of a message that forbids the change of a field, if one does.
pub(super) fn forbidding(message: &str) -> Option<&str> {
    forbids_change(&message.to_lowercase()).map(|words| sentence_with(message, &words))
}

/// The sentence of the server's message in which these words stand, without the value before it and without what it
/// prints of the object after it.
fn sentence_with<'a>(message: &'a str, words: &str) -> &'a str {
    let is_it = |line: &&'a str| line.to_lowercase().contains(words);
    let line = message.lines().find(is_it).unwrap_or(message);
    // Both have the same length but for letters that no field of the API has.
    let at = line.to_lowercase().find(words).unwrap_or(0);
    let begin = line
        .get(..at)
        .and_then(|before| before.rfind(": "))
        .map_or(0, |colon| colon + 2);
    line[begin..].trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wording_is_known() {
        for wording in [
            "region can not be changed",
            "cannot be changed",
            "can't be changed",
            "may not be changed in an update.",
            "must not be changed",
            "must not change",
            "may not be modified",
            "cannot be modified",
            "the region cannot be updated once the bucket exists",
            "cannot change roleRef",
            "you are not allowed to change this",
            "is an immutable field",
            "immutable once set",
            "fields are immutable",
            "Value is immutable",
            "may not add or remove keys",
        ] {
            let message = format!("Invalid value: \"object\": {wording}");
            assert_eq!(forbidding(&message), Some(wording));
        }
        for other in [
            "must be changed by its owner",
            "cannot be less than 3",
            "may not be used when `type` is 'ExternalName'",
            "Unsupported value: \"immutable\": supported values: \"a\"",
            "the updateStrategy may not updateAll",
        ] {
            assert_eq!(forbidding(other), None);
        }
    }
}
