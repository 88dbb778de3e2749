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
