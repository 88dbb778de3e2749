//! `auth.json` in the home folder.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use types::AbsPath;

use crate::account::{Account, AuthMode, Credentials, Plan};
use crate::token::claims;

/// Name of the file in the home folder.
pub const FILE_NAME: &str = "auth.json";

/// Why nobody counts as logged in, or why a login could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    #[error("failed to read {path}")]
    Read {
        path: AbsPath,
        #[source]
        source: io::Error,
    },
    #[error("{path} is not a valid credentials file: {reason}")]
    Broken { path: AbsPath, reason: String },
    #[error("failed to write {path}")]
    Write {
        path: AbsPath,
        #[source]
        source: io::Error,
    },
}

/// The file as it is on disk. Source: the format of `auth.json`.
#[derive(Debug, Default, Serialize, Deserialize)]
struct AuthFile {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auth_mode: Option<String>,
    #[serde(rename = "OPENAI_API_KEY", default)]
    openai_api_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tokens: Option<Tokens>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_refresh: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent_identity: Option<Value>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Tokens {
    #[serde(default)]
    id_token: String,
    #[serde(default)]
    access_token: String,
    #[serde(default)]
    refresh_token: String,
    #[serde(default)]
    account_id: Option<String>,
}

/// Reads who is logged in. `None`: nobody. Blocks for one small read.
///
/// # Errors
/// A file that cannot be read or understood. Callers treat that as logged out and may say why.
pub fn load(home: &AbsPath) -> Result<Option<Account>, AuthError> {
    let path = home.join(FILE_NAME);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(AuthError::Read { path, source }),
    };
    parse(&text).map_err(|reason| AuthError::Broken { path, reason })
}

fn parse(text: &str) -> Result<Option<Account>, String> {
    let file: AuthFile = serde_json::from_str(text).map_err(|error| error.to_string())?;
    // A broken token spoils the file whatever the mode is.
    let claims = match &file.tokens {
        Some(tokens) => Some(claims(&tokens.id_token)?),
        None => None,
    };
    let mode = match &file.auth_mode {
        Some(text) => AuthMode::parse(text).ok_or_else(|| format!("unknown auth_mode `{text}`"))?,
        None if file.openai_api_key.is_some() => AuthMode::ApiKey,
        None => AuthMode::ChatGpt,
    };
    match mode {
        AuthMode::ApiKey => Ok(file.openai_api_key.map(|key| Account {
            mode,
            credentials: Credentials::ApiKey(key),
            email: None,
            plan: None,
        })),
        AuthMode::ChatGpt | AuthMode::ChatGptAuthTokens => {
            let (Some(tokens), Some(claims)) = (file.tokens, claims) else { return Ok(None) };
            let plan = Plan::from_claim(claims.plan.as_deref());
            Ok(Some(Account {
                mode,
                credentials: Credentials::ChatGpt {
                    access_token: tokens.access_token,
                    account_id: tokens.account_id.or(claims.account_id),
                },
                email: claims.email,
                plan: Some(plan),
            }))
        }
        AuthMode::AgentIdentity => Err("logins by agent identity are not supported".to_owned()),
    }
}

/// Stores an API key, whatever it looks like, in place of any other login. A new file has mode 0600; an existing one
/// keeps its mode.
///
/// # Errors
/// [`AuthError::Write`].
pub fn log_in_with_api_key(home: &AbsPath, key: &str) -> Result<(), AuthError> {
    let file = AuthFile {
        auth_mode: Some(AuthMode::ApiKey.as_str().to_owned()),
        openai_api_key: Some(key.to_owned()),
        ..AuthFile::default()
    };
    let text = serde_json::to_string_pretty(&file).expect("plain strings always serialise");
    let path = home.join(FILE_NAME);
    let write = || -> io::Result<()> {
        fs::create_dir_all(home)?;
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        file.write_all(text.as_bytes())?;
        file.sync_data()
    };
    write().map_err(|source| AuthError::Write { path: path.clone(), source })
}

/// Removes the stored login, and says whether there was a file.
///
/// # Errors
/// [`AuthError::Write`].
pub fn log_out(home: &AbsPath) -> Result<bool, AuthError> {
    let path = home.join(FILE_NAME);
    match fs::remove_file(&path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(AuthError::Write { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::*;

    fn jwt(claims: &Value) -> String {
        let part = |text: String| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", part(json!({"alg": "none"}).to_string()), part(claims.to_string()), part("sig".into()))
    }

    fn chatgpt(claims: &Value, account_id: Option<&str>) -> String {
        json!({
            "auth_mode": "chatgpt",
            "OPENAI_API_KEY": null,
            "tokens": {
                "id_token": jwt(claims), "access_token": "access", "refresh_token": "refresh", "account_id": account_id
            },
            "last_refresh": "2025-01-01T00:00:00Z"
        })
        .to_string()
    }

    fn auth_claims(plan: &Value) -> Value {
        json!({
            "email": "user@example.com",
            "https://api.openai.com/auth": {"chatgpt_plan_type": plan, "chatgpt_account_id": "acc-token"}
        })
    }

    #[test]
    fn an_api_key_counts_with_and_without_a_mode() {
        for text in [r#"{"auth_mode": "apikey", "OPENAI_API_KEY": "sk"}"#, r#"{"OPENAI_API_KEY": "sk"}"#] {
            let account = parse(text).unwrap().unwrap();
            assert_eq!(account.mode, AuthMode::ApiKey);
            assert_eq!(account.credentials, Credentials::ApiKey("sk".into()));
            assert_eq!((account.email, account.plan), (None, None));
        }
    }

    #[test]
    fn a_chatgpt_login_knows_email_plan_and_account() {
        let account = parse(&chatgpt(&auth_claims(&json!("pro")), Some("acc-file"))).unwrap().unwrap();
        assert_eq!(account.mode, AuthMode::ChatGpt);
        assert_eq!(
            account.credentials,
            Credentials::ChatGpt { access_token: "access".into(), account_id: Some("acc-file".into()) }
        );
        assert_eq!((account.email.as_deref(), account.plan), (Some("user@example.com"), Some(Plan::Pro)));
        let account = parse(&chatgpt(&auth_claims(&json!("pro")), None)).unwrap().unwrap();
        let Credentials::ChatGpt { account_id, .. } = account.credentials else { panic!("a ChatGPT login") };
        assert_eq!(account_id.as_deref(), Some("acc-token"));
    }

    #[test]
    fn plans_are_read_case_sensitively_and_unknown_ones_are_unknown() {
        for (claim, plan) in [
            (json!("free"), Plan::Free),
            (json!("enterprise_cbp_usage_based"), Plan::EnterpriseCbpUsageBased),
            (json!("hc"), Plan::Enterprise),
            (json!("education"), Plan::Unknown),
            (json!("Pro"), Plan::Unknown),
            (json!(null), Plan::Unknown),
        ] {
            let account = parse(&chatgpt(&auth_claims(&claim), None)).unwrap().unwrap();
            assert_eq!(account.plan, Some(plan), "{claim}");
        }
    }

    #[test]
    fn the_email_may_sit_in_the_profile_and_may_be_missing() {
        let email = |claims: Value| parse(&chatgpt(&claims, None)).unwrap().unwrap().email;
        let profile = json!({"https://api.openai.com/profile": {"email": "p@example.com"}});
        assert_eq!(email(profile).as_deref(), Some("p@example.com"));
        assert_eq!(email(json!({})), None);
    }

    #[test]
    fn what_cannot_be_understood_counts_as_nobody_with_a_reason() {
        let bad_token = json!({"auth_mode": "chatgpt", "tokens": {"id_token": "x", "access_token": "a"}}).to_string();
        for text in ["{broken", &bad_token, r#"{"auth_mode": "magic"}"#, r#"{"auth_mode": "agentIdentity"}"#] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(parse("{}"), Ok(None));
    }

    #[test]
    fn logging_in_and_out_with_a_key() {
        let folder = tempfile::tempdir().unwrap();
        let home = AbsPath::new(folder.path()).unwrap();
        let file = home.join(FILE_NAME);
        let mode = || fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        assert_eq!(load(&home).unwrap(), None);

        log_in_with_api_key(&home, " sk ").unwrap();
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(text, "{\n  \"auth_mode\": \"apikey\",\n  \"OPENAI_API_KEY\": \" sk \"\n}");
        assert_eq!(mode(), 0o600);
        assert_eq!(load(&home).unwrap().unwrap().credentials, Credentials::ApiKey(" sk ".into()));

        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        log_in_with_api_key(&home, "").unwrap();
        assert_eq!(mode(), 0o644, "an existing file keeps its mode");
        assert_eq!(load(&home).unwrap().unwrap().credentials, Credentials::ApiKey(String::new()));

        assert!(log_out(&home).unwrap());
        assert!(!log_out(&home).unwrap());
        assert_eq!(load(&home).unwrap(), None);
    }

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        let credentials = Credentials::ChatGpt { access_token: "secret".into(), account_id: None };
        assert!(!format!("{credentials:?}{:?}", Credentials::ApiKey("secret".into())).contains("secret"));
    }
}
