//! Who may come in: what a client has to show in its handshake.
//!
//! Source of the flags, their errors and the texts of refusals: the protocol.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::jwt::{self, Claims};

/// Clock differences that are let pass where nothing else is said, in seconds. Source: the protocol.
const DEFAULT_SKEW_SECONDS: u64 = 30;
/// Source: the protocol; a shorter key makes a weak MAC.
const MIN_SECRET_BYTES: usize = 32;
/// Longer files are not what was meant.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// What the command line says about authentication, unchecked.
#[derive(Debug, Clone, Default)]
pub struct AuthFlags {
    /// `--ws-auth`
    pub mode: Option<AuthMode>,
    /// `--ws-token-file`
    pub token_file: Option<PathBuf>,
    /// `--ws-token-sha256`
    pub token_sha256: Option<String>,
    /// `--ws-shared-secret-file`
    pub shared_secret_file: Option<PathBuf>,
    /// `--ws-issuer`; blank counts as none.
    pub issuer: Option<String>,
    /// `--ws-audience`; blank counts as none.
    pub audience: Option<String>,
    /// `--ws-max-clock-skew-seconds`
    pub max_clock_skew_seconds: Option<u64>,
}

/// What kind of token clients show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMode {
    /// One secret token for all.
    CapabilityToken,
    /// A JWT that somebody else signs with a shared secret (HS256).
    SignedBearerToken,
}

/// What is wrong with the flags.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum AuthError {
    #[error("websocket auth flags require `--ws-auth capability-token` or `--ws-auth signed-bearer-token`")]
    NoMode,
    #[error("`--ws-token-file` or `--ws-token-sha256` is required when `--ws-auth capability-token` is set")]
    NoToken,
    #[error("`--ws-token-file` and `--ws-token-sha256` are mutually exclusive")]
    TwoTokens,
    #[error("--ws-token-sha256 must be a 64-character hex SHA-256 digest")]
    BadDigest,
    #[error("`--ws-shared-secret-file` is required when `--ws-auth signed-bearer-token` is set")]
    NoSecret,
    #[error(
        "`--ws-token-file` and `--ws-token-sha256` require `--ws-auth capability-token`, not `signed-bearer-token`"
    )]
    ForeignToken,
    #[error(
        "`--ws-shared-secret-file`, `--ws-issuer`, `--ws-audience`, and `--ws-max-clock-skew-seconds` require `--ws-auth signed-bearer-token`"
    )]
    ForeignSecret,
    #[error("failed to read websocket auth secret {}: {error}", path.display())]
    Unreadable { path: PathBuf, error: std::io::Error },
    #[error("websocket auth secret {} must not be empty", .0.display())]
    Empty(PathBuf),
    #[error("signed websocket bearer secret {} must be at least {MIN_SECRET_BYTES} bytes", .0.display())]
    ShortSecret(PathBuf),
    #[error("websocket auth secret {} must not be longer than {MAX_SECRET_BYTES} bytes", .0.display())]
    LongSecret(PathBuf),
    #[error("websocket auth clock skew must fit in a signed 64-bit integer")]
    LargeSkew,
}

/// Flags that fit together; the files they name are not read yet.
#[derive(Debug, Clone, Default)]
pub struct AuthPlan(Option<Plan>);

#[derive(Debug, Clone)]
enum Plan {
    TokenFile(PathBuf),
    TokenDigest([u8; 32]),
    Signed { secret_file: PathBuf, claims: Claims },
}

impl AuthFlags {
    /// Checks that the flags fit together, without reading a file.
    ///
    /// # Errors
    /// Names the flag that is missing, of the other mode, or malformed.
    pub fn check(self) -> Result<AuthPlan, AuthError> {
        let token = self.token_file.is_some() || self.token_sha256.is_some();
        let signed = self.shared_secret_file.is_some()
            || self.issuer.is_some()
            || self.audience.is_some()
            || self.max_clock_skew_seconds.is_some();
        let plan = match self.mode {
            None if token || signed => return Err(AuthError::NoMode),
            None => return Ok(AuthPlan(None)),
            Some(AuthMode::CapabilityToken) if signed => return Err(AuthError::ForeignSecret),
            Some(AuthMode::CapabilityToken) => match (self.token_file, self.token_sha256) {
                (Some(_), Some(_)) => return Err(AuthError::TwoTokens),
                (Some(file), None) => Plan::TokenFile(file),
                (None, Some(digest)) => Plan::TokenDigest(parse_digest(digest.trim()).ok_or(AuthError::BadDigest)?),
                (None, None) => return Err(AuthError::NoToken),
            },
            Some(AuthMode::SignedBearerToken) if token => return Err(AuthError::ForeignToken),
            Some(AuthMode::SignedBearerToken) => {
                let secret_file = self.shared_secret_file.ok_or(AuthError::NoSecret)?;
                let skew = self.max_clock_skew_seconds.unwrap_or(DEFAULT_SKEW_SECONDS);
                let skew_seconds = i64::try_from(skew).map_err(|_| AuthError::LargeSkew)?;
                let given =
                    |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
                let claims = Claims { issuer: given(self.issuer), audience: given(self.audience), skew_seconds };
                Plan::Signed { secret_file, claims }
            }
        };
        Ok(AuthPlan(Some(plan)))
    }
}

impl AuthPlan {
    /// Reads the secrets, once: what changes in the files later counts from the next start on.
    ///
    /// # Errors
    /// Names the file that cannot be read, is blank, or holds too short a secret.
    pub fn load(self) -> Result<Auth, AuthError> {
        Ok(Auth(match self.0 {
            None => Policy::Open,
            Some(Plan::TokenFile(file)) => Policy::Token(digest(read_secret(&file)?.as_bytes())),
            Some(Plan::TokenDigest(digest)) => Policy::Token(digest),
            Some(Plan::Signed { secret_file, claims }) => {
                let secret = read_secret(&secret_file)?;
                if secret.len() < MIN_SECRET_BYTES {
                    return Err(AuthError::ShortSecret(secret_file));
                }
                Policy::Signed { secret: Secret(secret.into_bytes()), claims }
            }
        }))
    }
}

fn read_secret(path: &Path) -> Result<String, AuthError> {
    let mut text = String::new();
    // What has no end, such as a device, is found out all the same.
    let read = File::open(path).and_then(|file| file.take(MAX_SECRET_BYTES + 1).read_to_string(&mut text));
    let read = read.map_err(|error| AuthError::Unreadable { path: path.to_owned(), error })?;
    if read as u64 > MAX_SECRET_BYTES {
        return Err(AuthError::LongSecret(path.to_owned()));
    }
    let text = text.trim();
    if text.is_empty() {
        return Err(AuthError::Empty(path.to_owned()));
    }
    Ok(text.to_owned())
}

fn digest(text: &[u8]) -> [u8; 32] {
    Sha256::digest(text).into()
}

fn parse_digest(hex: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if hex.len() != 2 * digest.len() || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(digest)
}

/// Decides who may come in.
#[derive(Debug, Default)]
pub struct Auth(Policy);

#[derive(Debug, Default)]
enum Policy {
    #[default]
    Open,
    /// The SHA-256 digest of the token.
    Token([u8; 32]),
    Signed {
        secret: Secret,
        claims: Claims,
    },
}

/// Not shown in any message.
struct Secret(Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// Why a client may not come in. The texts are what it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum Refusal {
    #[error("missing websocket bearer token")]
    NoToken,
    #[error("invalid authorization header")]
    BadHeader,
    #[error("invalid websocket bearer token")]
    WrongToken,
    #[error("invalid websocket jwt")]
    BadJwt,
    #[error("expired websocket jwt")]
    Expired,
    #[error("websocket jwt is not valid yet")]
    NotYetValid,
    #[error("websocket jwt issuer mismatch")]
    OtherIssuer,
    #[error("websocket jwt audience mismatch")]
    OtherAudience,
}

impl Auth {
    /// Whether everybody may come in.
    pub fn is_open(&self) -> bool {
        matches!(self.0, Policy::Open)
    }

    /// Checks the `Authorization` header of a handshake. Takes as long for a wrong token as for the right one.
    ///
    /// # Errors
    /// Says why the client may not come in.
    pub fn check(&self, header: Option<&[u8]>) -> Result<(), Refusal> {
        if self.is_open() {
            return Ok(());
        }
        let token = bearer(header.ok_or(Refusal::NoToken)?).ok_or(Refusal::BadHeader)?;
        match &self.0 {
            Policy::Open => Ok(()),
            Policy::Token(expected) => {
                let same = digest(token.as_bytes()).ct_eq(expected);
                if bool::from(same) { Ok(()) } else { Err(Refusal::WrongToken) }
            }
            Policy::Signed { secret, claims } => jwt::check(token, &secret.0, claims, now()),
        }
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// The token of `Bearer TOKEN`; the scheme in any case, with any blanks before the token.
fn bearer(header: &[u8]) -> Option<&str> {
    let (scheme, token) = std::str::from_utf8(header).ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const TOKEN: &str = "capability-token-for-tests-0123456789";

    fn text(value: &str) -> Option<String> {
        Some(value.to_owned())
    }

    #[test]
    fn flags_that_do_not_fit_together_are_named() {
        let capability = || AuthFlags { mode: Some(AuthMode::CapabilityToken), ..AuthFlags::default() };
        let signed = || AuthFlags { mode: Some(AuthMode::SignedBearerToken), ..AuthFlags::default() };
        let file = || Some(PathBuf::from("secret"));
        let cases = [
            (capability(), "is required when `--ws-auth capability-token` is set"),
            (AuthFlags { token_file: file(), token_sha256: text("x"), ..capability() }, "mutually exclusive"),
            (AuthFlags { token_sha256: text("abcd"), ..capability() }, "64-character hex"),
            (AuthFlags { token_sha256: Some("g".repeat(64)), ..capability() }, "64-character hex"),
            (AuthFlags { token_sha256: Some("é".repeat(32)), ..capability() }, "64-character hex"),
            (
                AuthFlags { token_file: file(), issuer: text("x"), ..capability() },
                "require `--ws-auth signed-bearer-token`",
            ),
            (signed(), "`--ws-shared-secret-file` is required"),
            (AuthFlags { shared_secret_file: file(), token_file: file(), ..signed() }, "not `signed-bearer-token`"),
            (
                AuthFlags { shared_secret_file: file(), max_clock_skew_seconds: Some(u64::MAX), ..signed() },
                "clock skew must fit",
            ),
            (AuthFlags { token_file: file(), ..AuthFlags::default() }, "websocket auth flags require"),
            (AuthFlags { max_clock_skew_seconds: Some(1), ..AuthFlags::default() }, "websocket auth flags require"),
        ];
        for (flags, message) in cases {
            let error = flags.clone().check().expect_err(message).to_string();
            assert!(error.contains(message), "{flags:?}: {error}");
        }
        assert!(AuthFlags::default().check().unwrap().load().unwrap().is_open());
    }

    #[test]
    fn unusable_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &str| {
            let path = folder.path().join(name);
            fs::write(&path, content).unwrap();
            path
        };
        let load = |mode, path: PathBuf| {
            let (token_file, shared_secret_file) = match mode {
                AuthMode::CapabilityToken => (Some(path), None),
                AuthMode::SignedBearerToken => (None, Some(path)),
            };
            AuthFlags { mode: Some(mode), token_file, shared_secret_file, ..AuthFlags::default() }.check()?.load()
        };
        let error = load(AuthMode::CapabilityToken, folder.path().join("none")).unwrap_err();
        assert!(error.to_string().starts_with("failed to read websocket auth secret"), "{error}");
        let error = load(AuthMode::CapabilityToken, file("blank", " \n")).unwrap_err();
        assert!(error.to_string().ends_with("must not be empty"), "{error}");
        let error = load(AuthMode::CapabilityToken, file("long", &"x".repeat(64 * 1024 + 1))).unwrap_err();
        assert!(error.to_string().ends_with("must not be longer than 65536 bytes"), "{error}");
        let error = load(AuthMode::SignedBearerToken, file("short", &format!("{}   \n", "x".repeat(31)))).unwrap_err();
        assert!(error.to_string().ends_with("must be at least 32 bytes"), "{error}");
    }

    #[test]
    fn a_capability_token_is_shown_as_a_bearer_token() {
        let digest = format!(" {} ", digest(TOKEN.as_bytes()).map(|byte| format!("{byte:02X}")).concat());
        let flags =
            AuthFlags { mode: Some(AuthMode::CapabilityToken), token_sha256: Some(digest), ..AuthFlags::default() };
        let auth = flags.check().unwrap().load().unwrap();
        let cases = [
            (Some(format!("Bearer {TOKEN}")), Ok(())),
            (Some(format!("BEARER   {TOKEN}")), Ok(())),
            (None, Err(Refusal::NoToken)),
            (Some(TOKEN.to_owned()), Err(Refusal::BadHeader)),
            (Some("Bearer ".to_owned()), Err(Refusal::BadHeader)),
            (Some(format!("Token {TOKEN}")), Err(Refusal::BadHeader)),
            (Some(format!("Bearer {}", &TOKEN[1..])), Err(Refusal::WrongToken)),
            (Some(format!("Bearer {TOKEN}x")), Err(Refusal::WrongToken)),
            (Some(format!("Bearer {}", TOKEN.to_uppercase())), Err(Refusal::WrongToken)),
        ];
        for (header, expected) in cases {
            assert_eq!(auth.check(header.as_ref().map(String::as_bytes)), expected, "{header:?}");
        }
        assert_eq!(auth.check(Some(b"Bearer \xff")), Err(Refusal::BadHeader));
        assert!(!format!("{auth:?}").contains(TOKEN));
    }
}
