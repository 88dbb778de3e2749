//! What is said over HTTP: probes, figures, and the handshake of WebSocket.
//!
//! Source of the order of checks and of the status codes: recorded conversations.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    AUTHORIZATION, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, ORIGIN, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::{Method, Request, Response, StatusCode};
use sha1::{Digest as _, Sha1};

use crate::auth::Auth;
use crate::origin::Origin;

/// Appended to a client's key, so that only a WebSocket server knows the answer. Source: RFC 6455.
const KEY_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Who may ask, and from which web pages.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    pub(crate) auth: Auth,
    /// Values of `Origin` that are let in. No browser may connect by default: any page a user visits could.
    pub(crate) allowed_origins: Vec<Origin>,
}

/// What a request comes to.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Said, and nothing follows.
    Done(StatusCode, String),
    /// The figures.
    Metrics,
    /// A WebSocket connection begins; the value of `Sec-WebSocket-Accept`.
    Upgrade(HeaderValue),
}

impl Answer {
    fn status(status: StatusCode) -> Self {
        Self::Done(status, String::new())
    }
}

impl Rules {
    /// Decides about a request by its head alone; nothing here takes a body.
    pub(crate) fn answer<B>(&self, request: &Request<B>) -> Answer {
        let headers = request.headers();
        if !headers.get_all(ORIGIN).iter().all(|origin| self.allows(origin)) {
            return Answer::status(StatusCode::FORBIDDEN);
        }
        let (get, head) = (request.method() == Method::GET, request.method() == Method::HEAD);
        match request.uri().path() {
            "/readyz" | "/healthz" if get || head => Answer::status(StatusCode::OK),
            _ if !get => Answer::status(StatusCode::METHOD_NOT_ALLOWED),
            "/metrics" => self.authenticated(headers, || Answer::Metrics),
            _ if !is_upgrade(headers) => Answer::Done(StatusCode::BAD_REQUEST, "not a websocket upgrade".to_owned()),
            _ => self.authenticated(headers, || match accept(headers) {
                Ok(accept) => Answer::Upgrade(accept),
                Err(missing) => Answer::Done(StatusCode::BAD_REQUEST, missing.to_owned()),
            }),
        }
    }

    /// The answer, for whoever may have it.
    fn authenticated(&self, headers: &HeaderMap, answer: impl FnOnce() -> Answer) -> Answer {
        match self.auth.check(headers.get(AUTHORIZATION).map(HeaderValue::as_bytes)) {
            Ok(()) => answer(),
            Err(refusal) => Answer::Done(StatusCode::UNAUTHORIZED, refusal.to_string()),
        }
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        self.allowed_origins.iter().any(|allowed| allowed.is(origin.as_bytes()))
    }
}

fn is_upgrade(headers: &HeaderMap) -> bool {
    lists(headers, &CONNECTION, "upgrade") && lists(headers, &UPGRADE, "websocket")
}

/// The answer to a handshake's key.
fn accept(headers: &HeaderMap) -> Result<HeaderValue, &'static str> {
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err("websocket version 13 is needed");
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).ok_or("no websocket key")?;
    let digest = Sha1::new().chain_update(key.as_bytes()).chain_update(KEY_SUFFIX).finalize();
    Ok(HeaderValue::try_from(STANDARD.encode(digest)).expect("base64 is a header value"))
}

/// Whether a header that is a list of tokens has `token`, in any case.
fn lists(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|one| one.trim().eq_ignore_ascii_case(token))
}

/// Writes an answer down.
pub(crate) fn response(answer: Answer, metrics: impl FnOnce() -> String) -> Response<Full<Bytes>> {
    let text = |status, body: String, kind| {
        let empty = body.is_empty();
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = status;
        if !empty {
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        response
    };
    match answer {
        Answer::Done(status, body) => text(status, body, "text/plain; charset=utf-8"),
        Answer::Metrics => text(StatusCode::OK, metrics(), "text/plain; version=0.0.4; charset=utf-8"),
        Answer::Upgrade(accept) => {
            let mut response = text(StatusCode::SWITCHING_PROTOCOLS, String::new(), "");
            let headers = response.headers_mut();
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
            response
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPGRADE_HEADERS: [(&str, &str); 4] = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    fn ask(rules: &Rules, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, Option<HeaderValue>) {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        match rules.answer(&request.body(()).unwrap()) {
            Answer::Done(status, _) => (status.as_u16(), None),
            Answer::Metrics => (200, None),
            Answer::Upgrade(accept) => (101, Some(accept)),
        }
    }

    #[test]
    fn probes_and_other_paths_are_told_apart() {
        let rules = Rules::default();
        for (method, path, status) in [
            ("GET", "/readyz", 200),
            ("HEAD", "/healthz", 200),
            ("POST", "/readyz", 405),
            ("GET", "/metrics", 200),
            ("POST", "/metrics", 405),
            ("GET", "/", 400),
            ("GET", "/anything", 400),
            ("HEAD", "/", 405),
            ("OPTIONS", "/", 405),
        ] {
            assert_eq!(ask(&rules, method, path, &[]).0, status, "{method} {path}");
        }
    }

    #[test]
    fn a_whole_handshake_is_answered_with_its_key() {
        let (status, accept) = ask(&Rules::default(), "GET", "/", &UPGRADE_HEADERS);
        // Source: the example of RFC 6455.
        assert_eq!((status, accept.unwrap().to_str().unwrap()), (101, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        for missing in UPGRADE_HEADERS {
            let headers: Vec<_> = UPGRADE_HEADERS.into_iter().filter(|header| *header != missing).collect();
            assert_eq!(ask(&Rules::default(), "GET", "/", &headers).0, 400, "without {missing:?}");
        }
    }

    #[test]
    fn pages_of_the_web_are_let_in_by_name_only() {
        let rules = Rules { allowed_origins: vec!["https://app.example".parse().unwrap()], ..Rules::default() };
        for (origin, status) in [
            ("https://app.example", 101),
            ("HTTPS://APP.EXAMPLE", 101),
            ("https://app.example:8443", 403),
            ("https://evil.example", 403),
            ("null", 403),
            ("", 403),
        ] {
            let headers = [&UPGRADE_HEADERS[..], &[("origin", origin)]].concat();
            assert_eq!(ask(&rules, "GET", "/", &headers).0, status, "{origin}");
        }
        let two = [&UPGRADE_HEADERS[..], &[("origin", "https://app.example"), ("origin", "null")]].concat();
        assert_eq!(ask(&rules, "GET", "/", &two).0, 403);
        assert_eq!(ask(&Rules::default(), "GET", "/readyz", &[("origin", "http://127.0.0.1")]).0, 403);
    }
}
