//! The facts that one part tells others about itself: host, port, database, user name, password and URL.

use iac_core::Output;

use crate::Text;

/// The way to reach a part, as others in the same application reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The part that others then wait for; none for something outside of the application.
    pub(crate) part: Option<String>,
    /// The prefix of its variables: `POSTGRES`.
    pub(crate) prefix: String,
    /// The scheme of its URL: `postgresql`, `redis`, `http`.
    pub(crate) scheme: String,
    /// Its host name.
    pub(crate) host: String,
    /// Its port.
    pub(crate) port: u16,
    /// The name of its database, where it has one.
    pub(crate) database: Option<String>,
    /// The name of its user, where it has one.
    pub(crate) username: Option<String>,
    /// The password, where it has one.
    pub(crate) password: Option<Output>,
}

/// A part, or something outside of the application, that others can be bound to. A job has nothing to offer:
///
/// ```compile_fail,E0277
/// use iac_app::{App, Container};
///
/// fn bind(app: &App) {
///     let job = app.job("migrate", Container::image("shop:1"));
///     let _ = Container::image("shop:1").uses(&job);
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has nothing that others can use",
    label = "a web service, a database or another part with a port is due here",
    note = "to wait for a job, write `.after(job.completed())`"
)]
pub trait Provides {
    /// Returns the way to reach it.
    fn binding(&self) -> Binding;
}

impl Provides for Binding {
    fn binding(&self) -> Self {
        self.clone()
    }
}

impl Binding {
    /// Something outside of the application: a managed database, another team's service. `scheme` is that of its URL.
    pub fn external(name: &str, scheme: impl Into<String>, host: impl Into<String>, port: u16) -> Self {
        Self {
            part: None,
            prefix: prefix(name),
            scheme: scheme.into(),
            host: host.into(),
            port,
            database: None,
            username: None,
            password: None,
        }
    }

    /// Names the database.
    #[must_use]
    pub fn with_database(mut self, database: impl Into<String>) -> Self {
        self.database = Some(database.into());
        self
    }

    /// Names the user, with the password.
    #[must_use]
    pub fn with_user(mut self, username: impl Into<String>, password: Output) -> Self {
        self.username = Some(username.into());
        self.password = Some(password);
        self
    }

    /// Its host name.
    pub fn host(&self) -> Text {
        self.text(&self.host)
    }

    /// Its port.
    pub fn port(&self) -> Text {
        self.text(self.port.to_string())
    }

    /// The name of its database; empty where it has none.
    pub fn database(&self) -> Text {
        self.text(self.database.clone().unwrap_or_default())
    }

    /// The name of its user; empty where it has none.
    pub fn username(&self) -> Text {
        self.text(self.username.clone().unwrap_or_default())
    }

    /// Its password, a secret; empty where it has none.
    pub fn password(&self) -> Text {
        self.text(self.password.as_ref().map(String::from).unwrap_or_default())
    }

    /// `HOST:PORT`.
    pub fn address(&self) -> Text {
        self.text(format!("{}:{}", self.host, self.port))
    }

    /// Its URL with another scheme: `postgresql+asyncpg`. With a password in it, it is a secret; user, password and
    /// database are percent-encoded.
    pub fn url(&self, scheme: &str) -> Text {
        let user = self.username.as_deref().map(encode).unwrap_or_default();
        let login = match &self.password {
            Some(password) => format!("{user}:{}@", password.clone().url_encode()),
            None if user.is_empty() => String::new(),
            None => format!("{user}@"),
        };
        let path = self.database.as_deref().map(encode);
        let path = path.map(|path| format!("/{path}")).unwrap_or_default();
        self.text(format!("{scheme}://{login}{}:{}{path}", self.host, self.port))
    }

    /// Its URL with its own scheme, such as `redis`.
    pub fn own_url(&self) -> Text {
        self.url(&self.scheme)
    }

    /// Its variables, as [`Container::uses`](crate::Container::uses) sets them.
    pub(crate) fn variables(&self) -> Vec<(String, Text)> {
        let pairs = [
            ("HOST", Some(self.host())),
            ("PORT", Some(self.port())),
            ("DATABASE", self.database.as_ref().map(|_| self.database())),
            ("USERNAME", self.username.as_ref().map(|_| self.username())),
            ("PASSWORD", self.password.as_ref().map(|_| self.password())),
            ("URL", Some(self.own_url())),
        ];
        let named = |(name, text): (&str, Option<Text>)| Some((format!("{}_{name}", self.prefix), text?));
        pairs.into_iter().filter_map(named).collect()
    }

    fn text(&self, text: impl Into<String>) -> Text {
        Text {
            outside: self.outside().into_iter().collect(),
            ..Text::of(self.part.as_deref(), text)
        }
    }

    /// Its port, where it is outside of the application.
    pub(crate) fn outside(&self) -> Option<u16> {
        self.part.is_none().then_some(self.port)
    }
}

/// Returns the prefix of a part's variables: its name in capitals, with `_` for all that cannot stand in one.
pub(crate) fn prefix(name: &str) -> String {
    let upper = |c: char| match c.is_ascii_alphanumeric() {
        true => c.to_ascii_uppercase(),
        false => '_',
    };
    name.chars().map(upper).collect()
}

/// Percent-encodes all but RFC 3986's unreserved characters.
fn encode(text: &str) -> String {
    let encoded = iac_core::value::Transform::UrlEncode.apply(text);
    // This transform takes any text.
    encoded.unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_what_the_binding_has_and_encodes_it() {
        let plain = Binding::external("search", "http", "search.example.com", 6333);
        assert_eq!(plain.url("http").as_str(), "http://search.example.com:6333");
        let named = Binding {
            username: Some("a/b@c".to_owned()),
            ..plain.clone()
        };
        assert_eq!(named.url("http").as_str(), "http://a%2Fb%40c@search.example.com:6333");
        let database = plain.with_database("x y");
        assert_eq!(database.url("pg").as_str(), "pg://search.example.com:6333/x%20y");
        let names: Vec<String> = database.variables().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["SEARCH_HOST", "SEARCH_PORT", "SEARCH_DATABASE", "SEARCH_URL"]);
        assert_eq!(prefix("estimate-service.2"), "ESTIMATE_SERVICE_2");
    }
}
