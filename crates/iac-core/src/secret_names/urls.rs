//! Secrets in URLs: passwords, tokens in the place of a user, signatures, and the paths of hosts that know their callers by
//! them.

use std::ops::Range;

use super::inside::ends_url;

/// Hosts (and their subdomains) that take whoever knows a path for the one who may call it: the text behind which the secret
/// begins, and how many parts of the path come before it.
const PATHS: [(&str, &str, usize); 33] = [
    ("hooks.slack.com", "/services/", 0),
    ("hooks.slack.com", "/triggers/", 0),
    ("hooks.slack.com", "/workflows/", 0),
    ("hooks.slack-gov.com", "/services/", 0),
    ("hooks.slack-gov.com", "/triggers/", 0),
    ("hooks.slack-gov.com", "/workflows/", 0),
    ("discord.com", "/webhooks/", 1),
    ("discordapp.com", "/webhooks/", 1),
    ("api.telegram.org", "/bot", 0),
    ("webhook.office.com", "/webhookb2/", 0),
    ("outlook.office.com", "/webhook/", 0),
    ("outlook.office365.com", "/webhook/", 0),
    ("cloud.mattermost.com", "/hooks/", 0),
    ("rocket.chat", "/hooks/", 0),
    ("webexapis.com", "/webhooks/incoming/", 0),
    ("open.feishu.cn", "/hook/", 0),
    ("open.larksuite.com", "/hook/", 0),
    ("hooks.zapier.com", "/hooks/catch/", 0),
    ("maker.ifttt.com", "/with/key/", 0),
    ("maker.ifttt.com", "/use/", 0),
    ("hook.eu1.make.com", "/", 0),
    ("hook.eu2.make.com", "/", 0),
    ("hook.us1.make.com", "/", 0),
    ("hook.us2.make.com", "/", 0),
    ("hook.integromat.com", "/", 0),
    ("events.pagerduty.com", "/integration/", 0),
    ("alert.victorops.com", "/alert/", 0),
    ("hc-ping.com", "/", 0),
    ("nosnch.in", "/", 0),
    ("infura.io", "/v3/", 0),
    ("infura.io", "/ws/v3/", 0),
    ("g.alchemy.com", "/v2/", 0),
    ("quiknode.pro", "/", 0),
];
/// Hosts whose parameter `key` is a secret.
const KEY_HOSTS: [&str; 2] = ["googleapis.com", "qyapi.weixin.qq.com"];
/// Parameters of any URL that let whoever has them in: signatures of addresses that are given away for a time.
const SIGNATURES: [&str; 4] = ["sig", "signature", "x-amz-signature", "x-goog-signature"];
/// What tokens of well-known services begin with.
const PREFIXES: [&str; 9] = [
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "sk_live_",
    "sk_test_",
];
/// The shortest name of a user that may be a token.
const SHORTEST: usize = 20;

/// A URL in a longer text, from behind its `://` on.
struct Url<'a> {
    text: &'a str,
    start: usize,
    /// The part before the path.
    authority: &'a str,
}

/// The secret parts of all URLs in a text.
pub(super) fn secrets(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("://") {
        let start = at + "://".len();
        let rest = &text[start..];
        let rest = &rest[..rest.find(ends_url).unwrap_or(rest.len())];
        let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
        let url = Url {
            text: rest,
            start,
            authority,
        };
        found.extend(url.password());
        found.extend(url.token());
        found.extend(url.path());
        found.extend(url.parameters());
    }
    found
}

impl Url<'_> {
    fn range(&self, part: Range<usize>) -> Range<usize> {
        self.start + part.start..self.start + part.end
    }

    /// The password of `scheme://user:password@host`, also one that was not encoded as it should be.
    fn password(&self) -> Option<Range<usize>> {
        let (_, port) = self.authority.rsplit_once(':').unwrap_or_default();
        // A slash in a password ends the authority too early: what then looks like a port is no number.
        let raw = !self.authority.contains('@') && !port.is_empty() && !port.chars().all(|c| c.is_ascii_digit());
        let at_sign = if raw { self.text } else { self.authority }.rfind('@')?;
        let colon = self.text[..at_sign].find(':')?;
        Some(self.range(colon + 1..at_sign))
    }

    /// The name of a user that is none, but a token: a DSN of Sentry, `https://ghp_…@github.com`, `discord://TOKEN@ID`.
    fn token(&self) -> Option<Range<usize>> {
        let (user, _) = self.authority.rsplit_once('@')?;
        let user = user.split(':').next().unwrap_or_default();
        is_token(user).then(|| self.range(0..user.len()))
    }

    fn host(&self) -> String {
        let host = self.authority.rsplit('@').next().unwrap_or_default();
        host.split(':').next().unwrap_or_default().to_ascii_lowercase()
    }

    /// The part of the path that lets in whoever knows it.
    fn path(&self) -> Option<Range<usize>> {
        let host = self.host();
        let end = self.text.find(['?', '#', ',', ';', ')']).unwrap_or(self.text.len());
        let path = self.text.get(self.authority.len()..end)?;
        let entries = PATHS.iter().filter(|(known, _, _)| is_of(&host, known));
        let begins = entries.filter_map(|(_, marker, parts)| {
            let mut begin = path.find(marker)? + marker.len();
            for _ in 0..*parts {
                begin += path[begin..].find('/')? + 1;
            }
            Some(begin)
        });
        let begin = begins.min()?;
        let path_end = match host.as_str() {
            // The method that is called stands behind the token.
            "api.telegram.org" => path[begin..].find('/').map_or(path.len(), |slash| begin + slash),
            _ => path.len(),
        };
        let before = self.authority.len();
        (begin < path_end).then(|| self.range(before + begin..before + path_end))
    }

    /// The parameters that let in whoever has them.
    fn parameters(&self) -> Vec<Range<usize>> {
        let Some(question) = self.text.find('?') else {
            return Vec::new();
        };
        let mut begin = question + 1;
        let end = self.text[begin..]
            .find('#')
            .map_or(self.text.len(), |hash| begin + hash);
        let host = self.host();
        let has_key = KEY_HOSTS.iter().any(|known| is_of(&host, known));
        let mut found = Vec::new();
        for parameter in self.text[begin..end].split('&') {
            let next = begin + parameter.len();
            if let Some((name, value)) = parameter.split_once('=') {
                let name = name.to_ascii_lowercase();
                if SIGNATURES.contains(&name.as_str()) || has_key && name == "key" {
                    found.push(self.range(next - value.len()..next));
                }
            }
            begin = next + 1;
        }
        found
    }
}

/// True if a host is this one or below it.
fn is_of(host: &str, known: &str) -> bool {
    let rest = host.strip_suffix(known);
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// True if no person would be called so: a token by its beginning, or a long text in which letters of both cases and digits,
/// or letters and digits without anything between them, follow one another.
fn is_token(user: &str) -> bool {
    let all = |allowed: fn(u8) -> bool| user.bytes().all(allowed);
    let any = |wanted: fn(u8) -> bool| user.bytes().any(wanted);
    let plain = all(|byte| byte.is_ascii_alphanumeric());
    let known = PREFIXES.iter().any(|prefix| user.starts_with(prefix));
    let digits = user.bytes().filter(u8::is_ascii_digit).count();
    let looks_drawn = user.len() >= SHORTEST
        && all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        && digits >= 3
        && (plain || any(|byte| byte.is_ascii_uppercase()) && any(|byte| byte.is_ascii_lowercase()));
    known || looks_drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_let_in_whoever_knows_them_are_secret() {
        let table: [(&str, &[&str]); 37] = [
            ("https://hooks.slack.com/services/T0/B0/abc", &["T0/B0/abc"]),
            ("https://hooks.slack.com/workflows/T0/A0/1/abc", &["T0/A0/1/abc"]),
            (
                "curl -d x https://HOOKS.slack.com/services/T0/B0/abc?x=1",
                &["T0/B0/abc"],
            ),
            ("https://discord.com/api/webhooks/4711/ab-c_d", &["ab-c_d"]),
            (
                "https://ptb.discordapp.com/api/v10/webhooks/4711/abc/slack",
                &["abc/slack"],
            ),
            (
                "https://api.telegram.org/bot4711:AbC-d/sendMessage?chat_id=1",
                &["4711:AbC-d"],
            ),
            ("https://api.telegram.org/file/bot4711:AbC/x.png", &["4711:AbC"]),
            (
                "https://a.webhook.office.com/webhookb2/g@t/IncomingWebhook/h/u",
                &["g@t/IncomingWebhook/h/u"],
            ),
            ("https://outlook.office.com/webhook/g@t/x", &["g@t/x"]),
            ("https://open.feishu.cn/open-apis/bot/v2/hook/u-1", &["u-1"]),
            ("https://webexapis.com/v1/webhooks/incoming/abc", &["abc"]),
            ("https://hooks.zapier.com/hooks/catch/1/abc/", &["1/abc/"]),
            ("https://maker.ifttt.com/trigger/fire/with/key/abc", &["abc"]),
            ("https://events.pagerduty.com/integration/abc/enqueue", &["abc/enqueue"]),
            ("https://hc-ping.com/1-2-3", &["1-2-3"]),
            ("wss://mainnet.infura.io/ws/v3/abc", &["abc"]),
            ("https://eth-mainnet.g.alchemy.com/v2/abc", &["abc"]),
            (
                "https://chat.googleapis.com/v1/spaces/A/messages?key=abc&threadKey=t",
                &["abc"],
            ),
            ("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=abc", &["abc"]),
            ("https://x.blob.core.windows.net/a?sv=1&sig=a%2Bb&se=2", &["a%2Bb"]),
            (
                "https://b.s3.amazonaws.com/o?X-Amz-Expires=60&X-Amz-Signature=abc#f",
                &["abc"],
            ),
            (
                "https://0123456789abcdef0123456789abcdef@o1.ingest.sentry.io/1",
                &["0123456789abcdef0123456789abcdef"],
            ),
            ("https://ghp_abc@github.com/a/b.git", &["ghp_abc"]),
            (
                "https://ghp_abc:x-oauth-basic@github.com/a",
                &["x-oauth-basic", "ghp_abc"],
            ),
            ("discord://aB3_dE6-gH9aB3_dE6-gH9@4711", &["aB3_dE6-gH9aB3_dE6-gH9"]),
            // None of these is a secret.
            ("https://hooks.slack.com/", &[]),
            ("https://api.slack.com/services/T0/B0/abc", &[]),
            ("https://myhooks.slack.com.example.org/services/T0/B0/abc", &[]),
            ("https://discord.com/channels/1/2", &[]),
            ("https://discord.com/api/webhooks/4711", &[]),
            ("https://api.telegram.org/", &[]),
            ("https://maps.example.org/x?key=abc", &[]),
            ("https://git@github.com/a/b.git", &[]),
            ("https://service-account-for-ci-2024@host/x", &[]),
            ("postgres://app_readonly_user_2024@db/shop", &[]),
            ("ssh://administratorofall@host", &[]),
            ("https://x.example.org/services/a?config=1&design=2", &[]),
        ];
        for (text, expected) in table {
            let found: Vec<&str> = secrets(text).into_iter().map(|part| &text[part]).collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}
