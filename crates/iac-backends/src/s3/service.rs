//! The HTTP that S3 is spoken over, and refusals as errors that say what the server said.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use http::StatusCode;
use http_body_util::{BodyExt as _, Limited};
use hyper_util::client::proxy::matcher::Matcher;
use iac_core::answers::TooLarge;
use iac_core::transport;
use iac_core::transport::tls::Tls;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use object_store::{ClientConfigKey, ClientOptions};

/// The time that a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);

/// The time that the server may be silent.
const SILENCE: Duration = Duration::from_secs(20);

/// The time that a request may take in all.
const WHOLE: Duration = Duration::from_mins(10);

/// The most that is read of a page of a list: a thousand keys of the longest kind have a few MiB.
const PAGE: u64 = 16 << 20;

/// The most that is read of a refusal.
const REFUSAL: u64 = 1 << 20;

/// Where Amazon's machines ask for their credentials, by IPv6.
const OF_MACHINES: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
];

/// The server's refusal of a request, or its failure.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{status}{}", words(.code, .message))]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    /// Its name of what is wrong: `NoSuchBucket`, `SlowDown`.
    pub(super) code: String,
    /// Its words.
    message: String,
}

fn words(code: &str, message: &str) -> String {
    match (code, message) {
        ("", "") => String::new(),
        (code, "") => format!(", {code}"),
        ("", message) => format!(": {message}"),
        (code, message) => format!(", {code}: {message}"),
    }
}

impl Refused {
    pub(super) fn read(status: StatusCode, body: &str) -> Self {
        let element = |name: &str| {
            let (_, rest) = body.split_once(&format!("<{name}>"))?;
            let (text, _) = rest.split_once(&format!("</{name}>"))?;
            Some(text.trim().to_owned())
        };
        Self {
            status,
            code: element("Code").unwrap_or_default(),
            message: element("Message").unwrap_or_default(),
        }
    }
}

/// True if an answer is one that [`object_store`] should see as it is.
fn is_plain(status: StatusCode) -> bool {
    // A conflict is none of them: it says that another request was under way, not that a condition does not hold.
    status.is_success() || matches!(status, StatusCode::NOT_MODIFIED | StatusCode::PRECONDITION_FAILED)
}

/// Whether a request may go without encryption: it may be one for credentials, whose services are not named by our URL.
fn may_be_in_clear(host: &str) -> Result<(), transport::InClear> {
    match host.trim_matches(['[', ']']).parse() {
        // Those that give accounts to machines and containers are the machine's own, and have no encryption.
        Ok(IpAddr::V4(address)) if address.is_link_local() => Ok(()),
        Ok(IpAddr::V6(address)) if OF_MACHINES.contains(&address) => Ok(()),
        _ => transport::in_clear("the server", host),
    }
}

/// Makes the clients.
#[derive(Debug)]
pub(super) struct Connector;

#[derive(Debug)]
struct Service {
    client: reqwest::Client,
    /// The proxies of the environment, as the client finds them; none where it uses none.
    proxies: Option<Matcher>,
}

/// Whether the proxy on the way to a server may be used.
fn may_use_proxy(proxies: &Matcher, url: &http::Uri) -> Result<(), transport::InClear> {
    let Some(proxy) = proxies.intercept(url) else {
        return Ok(());
    };
    let (scheme, host) = (
        proxy.uri().scheme_str().unwrap_or("http"),
        proxy.uri().host().unwrap_or_default(),
    );
    let has_password = proxy.basic_auth().is_some() || proxy.raw_auth().is_some();
    transport::through_proxy(scheme, host, has_password, url.scheme_str() != Some("https"))
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let unusable =
            |source: Box<dyn std::error::Error + Send + Sync>| object_store::Error::Generic { store: "S3", source };
        let clear = options.get_config_value(&ClientConfigKey::AllowHttp).as_deref() == Some("true");
        // Nobody is sent credentials but the server that was named: a redirect is a refusal.
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(Tls::default().client().map_err(|error| unusable(error.into()))?)
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .timeout(WHOLE)
            .redirect(reqwest::redirect::Policy::none());
        // A request in clear goes to the server itself, and not to a proxy of the environment on another machine.
        let client = if clear { client.no_proxy() } else { client };
        let proxies = (!clear).then(Matcher::from_system);
        client
            .build()
            .map(|client| HttpClient::new(Service { client, proxies }))
            .map_err(|error| unusable(error.into()))
    }
}

/// A body that is no larger than one may be. Whatever goes wrong with it, the server does so again.
fn bounded(body: HttpResponseBody, limit: u64, server: String) -> HttpResponseBody {
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let body = Limited::new(body, most).map_err(move |error| match error.downcast::<HttpError>() {
        Ok(error) => *error,
        Err(_) => {
            let server = server.clone();
            HttpError::new(HttpErrorKind::Unknown, TooLarge::Long { server, limit })
        }
    });
    HttpResponseBody::new(body)
}

#[async_trait::async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let url = request.uri();
        if url.scheme_str() != Some("https") {
            let host = url.host().unwrap_or_default();
            may_be_in_clear(host).map_err(|refused| HttpError::new(HttpErrorKind::Unknown, refused))?;
        }
        if let Some(proxies) = &self.proxies {
            may_use_proxy(proxies, url).map_err(|refused| HttpError::new(HttpErrorKind::Unknown, refused))?;
        }
        let server = url.authority().map(ToString::to_string).unwrap_or_default();
        let is_list = url.query().is_some_and(|query| query.contains("list-type="));
        let response = self.client.call(request).await?;
        let status = response.status();
        let limit = match status.is_success() {
            true if is_list => PAGE,
            true => crate::LARGEST,
            false => REFUSAL,
        };
        let response = response.map(|body| bounded(body, limit, server));
        if is_plain(status) {
            return Ok(response);
        }
        let body = response.into_body().bytes().await?;
        let refused = Refused::read(status, &String::from_utf8_lossy(&body));
        // A missing object is no failure; a missing bucket is.
        if status == StatusCode::NOT_FOUND && refused.code != "NoSuchBucket" {
            let response = http::Response::builder().status(status).body(body.into());
            return response.map_err(|error| HttpError::new(HttpErrorKind::Unknown, error));
        }
        Err(HttpError::new(HttpErrorKind::Unknown, refused))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_come_in_clear_from_the_machine_only() {
        for (host, may) in [
            ("127.0.0.1", true),
            ("169.254.169.254", true),
            ("169.254.170.23", true),
            ("[fd00:ec2::254]", true),
            ("[fd00:ec2::23]", true),
            ("[fd00:ec2::24]", false),
            ("10.0.0.1", false),
            ("sts.amazonaws.com", false),
            ("169.254.169.254.example.com", false),
            ("", false),
        ] {
            assert_eq!(may_be_in_clear(host).is_ok(), may, "{host}");
        }
    }

    #[test]
    fn a_proxy_on_another_machine_gets_no_password_in_clear() {
        for (proxy, server, may) in [
            ("http://proxy.lan:3128", "https://s3.amazonaws.com/", true),
            ("http://me:secret@proxy.lan:3128", "https://s3.amazonaws.com/", false),
            ("socks5://me:secret@proxy.lan", "https://s3.amazonaws.com/", false),
            ("https://me:secret@proxy.lan", "https://s3.amazonaws.com/", true),
            ("http://me:secret@127.0.0.1:3128", "https://s3.amazonaws.com/", true),
            ("http://me:secret@proxy.lan:3128", "https://s3.lan/", true),
            ("http://proxy.lan:3128", "http://s3.amazonaws.com/", false),
        ] {
            let proxies = Matcher::builder().all(proxy).no("s3.lan").build();
            let url = server.parse().unwrap_or_default();
            assert_eq!(may_use_proxy(&proxies, &url).is_ok(), may, "{server} through {proxy}");
        }
    }

    #[test]
    fn a_refusal_is_told_in_the_servers_words() {
        let body = "<?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>Reduce your rate.</Message></Error>";
        let refused = Refused::read(StatusCode::SERVICE_UNAVAILABLE, body);
        assert_eq!(
            refused.to_string(),
            "503 Service Unavailable, SlowDown: Reduce your rate."
        );
        for body in ["", "<html>", "<Code>", "<Message></Message>"] {
            assert_eq!(
                Refused::read(StatusCode::BAD_GATEWAY, body).to_string(),
                "502 Bad Gateway"
            );
        }
    }
}
