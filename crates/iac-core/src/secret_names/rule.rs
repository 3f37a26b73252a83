//! The rule itself: a name's words, and what they say.

/// Words that make a value a secret wherever they stand in its name.
const SECRET: [&str; 27] = [
    "password",
    "passwords",
    "passwd",
    "passphrase",
    "passcode",
    "pass",
    "pwd",
    "pw",
    "secret",
    "secrets",
    "token",
    "tokens",
    "credential",
    "credentials",
    "cred",
    "creds",
    "jwt",
    "otp",
    "totp",
    "salt",
    "salts",
    "pepper",
    "bearer",
    "authkey",
    "htpasswd",
    "masterauth",
    "mnemonic",
];
/// Words that make a value a secret only at the end of its name: `REDIS_AUTH`, but not `AUTH_METHOD`.
const SECRET_AT_END: [&str; 4] = ["auth", "authorization", "dockerconfigjson", "dockercfg"];
/// Two words that do so together.
const PAIRS_AT_END: [[&str; 2]; 4] = [
    ["auth", "basic"],
    ["erlang", "cookie"],
    ["recovery", "phrase"],
    ["seed", "phrase"],
];
/// Endings of a word that is several words in one: `PGPASSWORD`, `DBPASS`, `APIKEY`.
const ENDINGS: [&str; 24] = [
    "password",
    "passwd",
    "passphrase",
    "pass",
    "pwd",
    "secret",
    "token",
    "credential",
    "credentials",
    "apikey",
    "appkey",
    "authkey",
    "accesskey",
    "secretkey",
    "privatekey",
    "privkey",
    "masterkey",
    "encryptionkey",
    "signingkey",
    "sharedkey",
    "accountkey",
    "sessionkey",
    "sshkey",
    "licensekey",
];
/// Words that only look as if they ended so.
const INNOCENT: [&str; 8] = [
    "bypass",
    "compass",
    "encompass",
    "overpass",
    "surpass",
    "trespass",
    "underpass",
    "nonsecret",
];
/// Words before `KEY` that say that the key is no secret, but a name, a place or the public half.
const KEY_KINDS: [&str; 41] = [
    "anon",
    "authorized",
    "cache",
    "column",
    "composite",
    "config",
    "configmap",
    "dedup",
    "field",
    "foreign",
    "group",
    "header",
    "hot",
    "idempotency",
    "index",
    "json",
    "kms",
    "known",
    "label",
    "lookup",
    "map",
    "message",
    "metadata",
    "name",
    "object",
    "param",
    "partition",
    "primary",
    "pub",
    "public",
    "publishable",
    "query",
    "registry",
    "routing",
    "row",
    "shard",
    "site",
    "sort",
    "tag",
    "taint",
    "topology",
];
/// Words at the end of a name that say that the value is something about the secret, and not the secret.
const ABOUT: [&str; 119] = [
    "age",
    "alg",
    "algo",
    "algorithm",
    "algorithms",
    "arn",
    "attempts",
    "audience",
    "backend",
    "bits",
    "bytes",
    "charset",
    "chars",
    "class",
    "cmd",
    "command",
    "config",
    "cost",
    "count",
    "days",
    "dir",
    "directory",
    "disabled",
    "domain",
    "driver",
    "duration",
    "email",
    "enabled",
    "encoding",
    "endpoint",
    "engine",
    "env",
    "expiration",
    "expire",
    "expires",
    "expiry",
    "field",
    "file",
    "filename",
    "files",
    "folder",
    "format",
    "generator",
    "group",
    "header",
    "hint",
    "host",
    "hostname",
    "hours",
    "id",
    "ids",
    "image",
    "interval",
    "issuer",
    "issuers",
    "iterations",
    "key",
    "label",
    "len",
    "length",
    "level",
    "lifetime",
    "limit",
    "location",
    "manager",
    "max",
    "method",
    "methods",
    "min",
    "minutes",
    "mode",
    "mount",
    "name",
    "namespace",
    "names",
    "optional",
    "param",
    "path",
    "paths",
    "policy",
    "port",
    "prefix",
    "protocol",
    "provider",
    "ref",
    "regex",
    "region",
    "required",
    "requirements",
    "retention",
    "retries",
    "role",
    "rotation",
    "rounds",
    "rules",
    "scheme",
    "scope",
    "scopes",
    "seconds",
    "server",
    "service",
    "size",
    "source",
    "store",
    "strength",
    "suffix",
    "through",
    "timeout",
    "tries",
    "ttl",
    "type",
    "types",
    "uri",
    "url",
    "user",
    "username",
    "validity",
    "version",
    "window",
];
/// Words at the beginning of a name that say that the value is a switch.
const SWITCHES: [&str; 17] = [
    "allow", "disable", "disabled", "enable", "enabled", "has", "hide", "is", "no", "require", "required", "requires",
    "show", "skip", "use", "validate", "with",
];
/// Words anywhere in a name that say that the value is a quantity.
const QUANTITIES: [&str; 8] = ["avg", "limit", "max", "maximum", "min", "minimum", "num", "per"];
/// Words that say that the value is shown to everybody: `NEXT_PUBLIC_API_KEY`.
const PUBLIC: [&str; 4] = ["anon", "pub", "public", "publishable"];

/// True if a value of this name is a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let words = words(name);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let Some((last, before)) = words.split_last() else {
        return false;
    };
    let first_is_switch = words.len() > 1 && SWITCHES.contains(&words[0]) && !is_role(&words);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(word));
    if first_is_switch || has(&QUANTITIES) {
        return false;
    }
    let of_password = words
        .iter()
        .any(|word| word.starts_with("pass") || word.ends_with("password"));
    // A key that is both is a secret of something public: the key of a bucket that all may read.
    if has(&PUBLIC) && !of_password && !words.contains(&"secret") {
        return false;
    }
    match (*last, before.last()) {
        // A role of Vault signs in with its secret ID; a client's or key's ID is public.
        ("id", Some(&"secret")) => true,
        ("key" | "keys", Some(kind)) => !KEY_KINDS.contains(kind),
        (last, _) if ABOUT.contains(&last) => false,
        (last, _) if SECRET_AT_END.contains(&last) => true,
        (last, Some(before)) if PAIRS_AT_END.contains(&[*before, last]) => true,
        _ => words.iter().any(|word| says_secret(word)) || holds_key(&words),
    }
}

/// True if the first word only looks like a switch: the account behind `NO_REPLY` has a password of its own.
fn is_role(words: &[&str]) -> bool {
    words.starts_with(&["no", "reply"])
}

/// True if the name is no plain word of the language, which may stand anywhere: `requirepass`, `db_password`.
pub(super) fn is_compound(name: &str) -> bool {
    let words = words(name);
    words.len() > 1
        || words
            .first()
            .is_some_and(|word| word == "masterauth" || !SECRET.contains(&word.as_str()))
}

/// True if the name ends with a word that only the secret itself is called by.
pub(super) fn names_password(name: &str) -> bool {
    const WORDS: [&str; 7] = ["password", "passwd", "passphrase", "pass", "pwd", "token", "apikey"];
    let words = words(name);
    let ends = |word: &String| WORDS.iter().any(|end| word.ends_with(end));
    words.last().is_some_and(ends) || words.ends_with(&["api".to_owned(), "key".to_owned()])
}

/// True if one word says that the value is a secret.
fn says_secret(word: &str) -> bool {
    SECRET.contains(&word) || ENDINGS.iter().any(|end| word.ends_with(end)) && !INNOCENT.contains(&word)
}

/// True if a key is named before the last word, with what makes it a secret one: `SECRET_KEY_BASE` has a word of its own,
/// `PRIVATE_KEY_PEM` has not.
fn holds_key(words: &[&str]) -> bool {
    const KINDS: [&str; 8] = [
        "access",
        "api",
        "encryption",
        "master",
        "private",
        "shared",
        "signing",
        "ssh",
    ];
    words
        .windows(2)
        .any(|pair| KINDS.contains(&pair[0]) && matches!(pair[1], "key" | "keys"))
}

/// The words of a name in lower case, without numbers: at the ends of words in camel case, and at everything that is
/// neither letter nor digit.
fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let chars: Vec<char> = name.chars().collect();
    for (at, &c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| chars[before]);
        let after_lower = before.is_some_and(char::is_lowercase);
        let begins_word =
            before.is_some_and(char::is_uppercase) && chars.get(at + 1).is_some_and(|next| next.is_lowercase());
        let is_new = c.is_uppercase() && (after_lower || begins_word);
        if is_new || !c.is_alphanumeric() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
    }
    words.push(word);
    let words = words
        .into_iter()
        .map(|word| word.trim_matches(|c: char| c.is_ascii_digit()).to_owned());
    words.filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET_NAMES: &str = "
        PASSWORD password DB_PASSWORD dbPassword db-password db.password DBPassword MYSQL_ROOT_PASSWORD PGPASSWORD
        POSTGRES_PASSWORD RABBITMQ_DEFAULT_PASS DBPASS DB_PASS REDIS_PASS SMTP_PASSWD SMTPPASS MYSQL_PWD DB_PW PASSPHRASE
        KEY_PASSPHRASE IAC_PASSPHRASE PASSWORD2 ADMIN_PASSWORDS ADMIN_PASSWORD_HASH userPassword masterPassword
        SECRET CLIENT_SECRET OAUTH_CLIENT_SECRET clientSecret SECRET_KEY SECRET_KEY_BASE DJANGO_SECRET_KEY JWT_SECRET
        WEBHOOK_SECRET APP_SECRETS COOKIE_SECRET NEXTAUTH_SECRET APISECRET
        TOKEN API_TOKEN GITHUB_TOKEN githubToken BOT_TOKEN ACCESS_TOKEN REFRESH_TOKENS AUTHTOKEN X-Auth-Token
        NPM_TOKEN TOKEN_1 VAULT_TOKEN SLACK_BOT_TOKEN
        APIKEY API_KEY api-key apiKey OPENAI_API_KEY API_KEYS STRIPE_KEY ACCESS_KEY AWS_SECRET_ACCESS_KEY MINIO_ACCESS_KEY
        PRIVATE_KEY SSH_PRIVATE_KEY privateKey PRIVATE_KEY_PEM TLS_KEY tls.key APP_KEY SIGNING_KEY ENCRYPTION_KEY
        MASTER_KEY ACCOUNT_KEY LICENSE_KEY SESSION_KEY TS_AUTHKEY MEILI_MASTER_KEY SERVICE_ROLE_KEY ssh-privatekey
        GOOGLE_CREDENTIALS AWS_CREDENTIALS credentials DB_CREDS CREDENTIAL AUTH REDIS_AUTH NEO4J_AUTH basic-auth
        PROXY_AUTHORIZATION JWT SALT AUTH_SALT PASSWORD_SALT TOTP_SECRET SECRET_ID VAULT_SECRET_ID MFA_OTP
        .dockerconfigjson NO_REPLY_PASSWORD NOREPLY_PASSWORD RABBITMQ_ERLANG_COOKIE WALLET_MNEMONIC SEED_PHRASE
        S3_PUBLIC_SECRET_KEY AUTH_BASIC
    ";
    const PLAIN_NAMES: &str = "
        KEY VALKEY_PORT VALKEY_HOST KEYCLOAK_VERSION KEYCLOAK_ADMIN MONKEY TURKEY HOCKEY KEYBOARD KEYSPACE KEY_PREFIX
        PUBLIC_KEY SSH_PUBLIC_KEY AUTHORIZED_KEYS PRIMARY_KEY PARTITION_KEY SORT_KEY CACHE_KEY ROUTING_KEY KMS_KEY_ID
        RECAPTCHA_SITE_KEY NEXT_PUBLIC_API_KEY STRIPE_PUBLISHABLE_KEY SUPABASE_ANON_KEY CONFIGMAP_KEY
        AWS_ACCESS_KEY_ID CLIENT_ID TOKEN_TTL TOKEN_EXPIRY TOKEN_URL TOKEN_ENDPOINT TOKEN_ISSUER JWT_ISSUER JWT_AUDIENCE
        JWT_ALGORITHM SESSION_TOKEN_NAME PASSWORD_MIN_LENGTH PASSWORD_LENGTH PASSWORD_POLICY PASSWORD_MAX_AGE
        MAX_TOKENS OPENAI_MAX_TOKENS TOKENS_PER_MINUTE MIN_PASSWORD_LENGTH SECRET_NAME secretName SECRET_NAMESPACE
        SECRET_STORE SECRET_TYPE existingSecretName SECRET_REF SECRET_VERSION SECRET_PATH SECRETS_DIR
        POSTGRES_PASSWORD_FILE DB_PASS_FILE TOKEN_FILE PRIVATE_KEY_FILE SSH_KEY_PATH TLS_KEY_FILE CREDENTIALS_FILE
        GOOGLE_APPLICATION_CREDENTIALS_FILE AUTH_METHOD AUTH_URL AUTH_ENABLED AUTHOR AUTHORITY OAUTH_SCOPES
        ALLOW_EMPTY_PASSWORD ENABLE_TOKEN_REFRESH USE_SECRETS DISABLE_AUTH REQUIRE_PASSWORD SKIP_TOKEN_CHECK
        COMPASS_URL BYPASS_CACHE PASSENGER_COUNT PASSIVE_MODE TOKENIZER SECRETARY COMPASS BYPASS
        PATH HOME HOST PORT USER DATABASE_URL LOG_LEVEL IMAGE_TAG POSTGRES_USER POSTGRES_DB SALTSTACK SAFE_MODE OPTIONS
        NO_PASSWORD NO_TOKEN_CHECK COOKIE_DOMAIN SESSION_COOKIE CATCH_PHRASE
    ";

    #[test]
    fn names_are_told_apart() {
        for (list, expected) in [(SECRET_NAMES, true), (PLAIN_NAMES, false)] {
            let wrong: Vec<&str> = list
                .split_whitespace()
                .filter(|name| is_secret(name) != expected)
                .collect();
            assert!(wrong.is_empty(), "should be {expected}: {wrong:?}");
        }
        assert!(SECRET_NAMES.split_whitespace().count() + PLAIN_NAMES.split_whitespace().count() > 180);
    }

    #[test]
    fn every_spelling_has_the_same_words() {
        for name in [
            "DB_ROOT_PASSWORD",
            "dbRootPassword",
            "db-root.password",
            "DBRootPassword",
            "db_root_password1",
        ] {
            assert_eq!(words(name), ["db", "root", "password"], "{name}");
        }
    }
}
