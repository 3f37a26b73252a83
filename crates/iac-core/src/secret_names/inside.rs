//! Secrets inside of longer texts: passwords in URLs, values behind names that say so, private keys.

use std::ops::Range;

use super::{SecretNames, can_be_secret, is_placeholder, lines, urls};

/// The parts of a text that are secret, in order, none of them in another.
pub(super) fn parts(names: &SecretNames, text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    found.extend(urls::secrets(text));
    found.extend(
        text.find("@tcp(")
            .or_else(|| text.find("@unix("))
            .and_then(|at| dsn_password(text, at)),
    );
    found.extend(named_values(names, text));
    found.extend(private_keys(text));
    found.extend(flag_values(names, text));
    found.extend(lines::values(names, text));
    found.retain(|part| can_be_secret(&text[part.clone()]) && !is_placeholder(&text[part.clone()]));
    found.sort_by_key(|part| (part.start, std::cmp::Reverse(part.end)));
    let mut end = 0;
    found.retain(|part| {
        let apart = part.start >= end;
        end = end.max(part.end);
        apart
    });
    found
}

/// True if a character ends a URL in a longer text.
pub(super) fn ends_url(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`')
}

/// Where the text behind the last such character begins; 0 if there is none.
pub(super) fn after_last(text: &str, such: impl Fn(char) -> bool) -> usize {
    let last = text.char_indices().rev().find(|&(_, c)| such(c));
    last.map_or(0, |(at, c)| at + c.len_utf8())
}

/// The password of `user:password@tcp(host)/database`, whose `@` is at `at_sign`.
fn dsn_password(text: &str, at_sign: usize) -> Option<Range<usize>> {
    let start = after_last(&text[..at_sign], ends_url);
    let colon = text[start..at_sign].find(':')?;
    Some(start + colon + 1..at_sign)
}

/// The values behind names that say that they are secret: `?token=…`, `--password=…`, `AccountKey=…;`.
fn named_values(names: &SecretNames, text: &str) -> Vec<Range<usize>> {
    let in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let value = |(at, _): (usize, &str)| {
        let start = after_last(&text[..at], |c| !in_name(c));
        let name = text[start..at].trim_start_matches('-');
        let rest = &text[at + 1..];
        let (open, end) = match rest.chars().next() {
            Some(quote @ ('"' | '\'')) => (1, rest[1..].find([quote, '\n']).map(|end| end + 1)),
            _ => (
                0,
                rest.find(|c: char| ends_url(c) || matches!(c, '&' | ';' | ',' | '#')),
            ),
        };
        let end = end.unwrap_or(rest.len());
        (!rest.starts_with('=') && names.is_secret(name)).then_some(at + 1 + open..at + 1 + end)
    };
    text.match_indices('=')
        .filter_map(value)
        .filter(|part| !part.is_empty())
        .collect()
}

/// The words behind options that say that they are secret: `--requirepass …`.
fn flag_values(names: &SecretNames, text: &str) -> Vec<Range<usize>> {
    let value = |(at, _): (usize, &str)| {
        let start = at + "--".len();
        let rest = &text[start..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-'))?;
        let after = &rest[end..];
        let word = after.trim_start_matches([' ', '\t']);
        let begin = text.len() - word.len();
        let word = &word[..word.find(ends_url).unwrap_or(word.len())];
        let apart = word.len() < after.len() && after.starts_with([' ', '\t']);
        (apart && !word.starts_with('-') && names.is_secret(&rest[..end])).then(|| begin..begin + word.len())
    };
    text.match_indices("--").filter_map(value).collect()
}

/// The lines between the marks of private keys.
fn private_keys(text: &str) -> Vec<Range<usize>> {
    const END: &str = "PRIVATE KEY-----";
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(begin) = text[from..].find(END).map(|at| from + at + END.len()) {
        let end = text[begin..].find("-----END").map_or(text.len(), |at| begin + at);
        found.push(begin..end);
        from = text[end..].find(END).map_or(text.len(), |at| end + at + END.len());
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_makes_it_panic(words in prop::collection::vec("[é\u{3000}\u{e000}=:'\"/@({,?&\\\\ \n-]|password|@tcp\\(|://|hooks\\.slack\\.com/services/|sig|.", 0..12)) {
            let text = words.concat();
            for part in parts(&SecretNames::default(), &text) {
                prop_assert!(text.get(part).is_some());
            }
        }
    }

    #[test]
    fn secrets_inside_of_texts_are_found() {
        let table: [(&str, &[&str]); 36] = [
            ("postgres://app:hunter2@db:5432/shop", &["hunter2"]),
            ("redis://:hunter2@cache", &["hunter2"]),
            ("amqp://u:p%40ss@mq/%2f", &["p%40ss"]),
            ("postgres://app:p@ss@db/shop", &["p@ss"]),
            ("postgres://app:pa/ss@db/shop", &["pa/ss"]),
            ("mongodb://u:one@a,b/x https://v:two@c", &["one", "two"]),
            ("https://git@github.com/a:b@c", &[]),
            ("https://u:p:q@proxy", &["p:q"]),
            ("http://localhost:8080/a@b", &[]),
            ("postgres://app:$(DB_PASSWORD)@db", &[]),
            ("postgres://app:@db", &[]),
            ("app:hunter2@tcp(db:3306)/shop?parseTime=true", &["hunter2"]),
            ("https://h/x?a=1&token=abc&b=2", &["abc"]),
            ("https://h/x?access_token=abc#f", &["abc"]),
            ("host=db user=app password=hunter2 dbname=shop", &["hunter2"]),
            ("host=db password='hun ter2' dbname=shop", &["hun ter2"]),
            (
                "Server=db;Database=x;User Id=sa;Password=hunter2;Encrypt=True",
                &["hunter2"],
            ),
            (
                "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=aGVsbG8=;X=y",
                &["aGVsbG8="],
            ),
            ("--password=hunter2", &["hunter2"]),
            ("--requirepass=hunter2 --port=1", &["hunter2"]),
            ("redis-server --requirepass hunter2 --port 1", &["hunter2"]),
            ("x --token --verbose --password-file a --password", &[]),
            ("TOKEN=$(cat /run/token) PASSWORD={{ .password }} SECRET=***", &[]),
            ("if [ \"$TOKEN\" == x ]; then", &[]),
            ("TOKEN=$TOKEN PASSWORD=${X}", &[]),
            ("TOKEN_TTL=5 max_tokens=7 key=a", &[]),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\n",
                &["\nMII\n"],
            ),
            ("-----BEGIN PUBLIC KEY-----\nMII\n-----END PUBLIC KEY-----\n", &[]),
            ("ü?password=é&x", &["é"]),
            ("://:@=://@", &[]),
            ("\u{e000}=x üpassword=é", &["é"]),
            ("x\u{3000}app:hunter2@tcp(db)/shop", &["hunter2"]),
            ("ü\": \"password\": \"hunter2\"", &["hunter2"]),
            ("notify: https://hooks.slack.com/services/T0/B0/abc\n", &["T0/B0/abc"]),
            ("https://hooks.slack.com/services/${SLACK}", &[]),
            ("{\"url\":\"https://discord.com/api/webhooks/1/abc\"}", &["abc"]),
        ];
        for (text, expected) in table {
            let found: Vec<&str> = parts(&SecretNames::default(), text)
                .into_iter()
                .map(|part| &text[part])
                .collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}
