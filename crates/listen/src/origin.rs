//! Where a web page comes from.

use std::str::FromStr;

/// The origin of pages that may connect, as browsers name it in `Origin` (RFC 6454): `SCHEME://HOST`, `SCHEME://HOST:PORT`,
/// or `null`, which any page can have itself given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// Whether the value of a header is this origin.
    pub(crate) fn is(&self, header: &[u8]) -> bool {
        header.eq_ignore_ascii_case(self.0.as_bytes())
    }
}

impl FromStr for Origin {
    type Err = String;

    /// Refuses what no browser sends, and would let nobody in: a path, a slash at the end, a pattern.
    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, host) = match text.split_once("://") {
            None if text == "null" => return Ok(Self(text.to_owned())),
            parts => parts.unwrap_or_default(),
        };
        let in_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        let in_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':' | '[' | ']');
        if scheme.is_empty() || host.is_empty() || !scheme.chars().all(in_scheme) || !host.chars().all(in_host) {
            return Err(format!(
                "`{text}` is not the origin of a page; expected `SCHEME://HOST` or `SCHEME://HOST:PORT` and nothing behind it"
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_browser_sends_is_refused() {
        for origin in ["https://app.example", "HTTP://[::1]:8080", "vscode-webview://0a-b_c", "null"] {
            assert!(origin.parse::<Origin>().unwrap().is(origin.to_lowercase().as_bytes()), "{origin}");
        }
        for wrong in
            ["", "*", "https://*", "https://*.example", "app.example", "https://app.example/", "https://", "://x"]
        {
            let error = wrong.parse::<Origin>().unwrap_err();
            assert!(error.starts_with(&format!("`{wrong}` is not the origin of a page")), "{error}");
        }
        for wrong in
            ["https://app.example/x", "https://me@app.example", "https://app.example, https://b.example", "NULL"]
        {
            assert!(wrong.parse::<Origin>().is_err(), "{wrong}");
        }
    }
}
