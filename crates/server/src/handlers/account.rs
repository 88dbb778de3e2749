//! `account/*` and `getAuthStatus`: who the server is logged in as. Logins with ChatGPT are not part of this build.

use auth::{Account, AuthMode, Credentials, Keep};
use config::{Config, CredentialsStore, LoginMethod};
use protocol as p;

use super::thread_settings::usable_config;
use crate::dispatch::{Cx, Handled, Reply};
use crate::error::RpcError;

/// Tells who is logged in, as far as the configured provider needs to know.
pub(crate) async fn read(cx: Cx, _params: p::GetAccountParams) -> Handled<p::GetAccountResponse> {
    let requires_openai_auth = config(&cx)?.provider().requires_openai_auth;
    let account = if requires_openai_auth { account(&cx) } else { None };
    let account = account.map(|account| to_wire(&account)).transpose()?;
    Ok(p::GetAccountResponse { account, requires_openai_auth }.into())
}

/// The older form of [`read`], with the credentials for clients that ask for them.
pub(crate) async fn auth_status(cx: Cx, params: p::GetAuthStatusParams) -> Handled<p::GetAuthStatusResponse> {
    let requires_openai_auth = config(&cx)?.provider().requires_openai_auth;
    let account = if requires_openai_auth { account(&cx) } else { None };
    let auth_token = account.as_ref().filter(|_| params.include_token == Some(true)).map(|account| {
        let (Credentials::ApiKey(token) | Credentials::ChatGpt { access_token: token, .. }) = &account.credentials;
        token.clone()
    });
    Ok(p::GetAuthStatusResponse {
        auth_method: account.map(|account| mode(account.mode)),
        auth_token,
        requires_openai_auth: Some(requires_openai_auth),
    }
    .into())
}

pub(crate) async fn login_start(cx: Cx, params: p::LoginAccountParams) -> Handled<p::LoginAccountResponse> {
    let config = config(&cx)?;
    let key = match params {
        p::LoginAccountParams::ApiKey { api_key } => api_key,
        p::LoginAccountParams::Chatgpt | p::LoginAccountParams::ChatgptDeviceCode => {
            if config.forced_login_method == Some(LoginMethod::Api) {
                return Err(RpcError::invalid_request("ChatGPT login is disabled. Use API key login instead."));
            }
            return Err(no_chatgpt());
        }
        p::LoginAccountParams::ChatgptAuthTokens { .. } => {
            if config.forced_login_method == Some(LoginMethod::Api) {
                return Err(RpcError::invalid_request("External ChatGPT auth is disabled. Use API key login instead."));
            }
            return Err(no_chatgpt());
        }
    };
    if config.forced_login_method == Some(LoginMethod::ChatGpt) {
        return Err(RpcError::invalid_request("API key login is disabled. Use ChatGPT login instead."));
    }
    let keep = match config.credentials_store {
        CredentialsStore::Ephemeral => Keep::InMemory,
        CredentialsStore::File | CredentialsStore::Keyring | CredentialsStore::Auto => Keep::OnDisk,
    };
    let stored = cx.server.info.login.log_in_with_api_key(&key, keep);
    stored.map_err(|error| RpcError::internal(format_args!("failed to save api key: {error}")))?;
    Ok(Reply::new(p::LoginAccountResponse::ApiKey {}).then(|cx| {
        let hub = &cx.server.hub;
        hub.broadcast(&p::AccountLoginCompletedNotification { login_id: None, success: true, error: None });
        hub.broadcast(&p::AccountUpdatedNotification { auth_mode: Some(p::AuthMode::Apikey), plan_type: None });
    }))
}

fn no_chatgpt() -> RpcError {
    RpcError::internal("logging in with ChatGPT is not available in this build of spindle: log in with an API key")
}

/// Only logins that wait for the user can be cancelled, and this build has none.
pub(crate) async fn login_cancel(
    _cx: Cx,
    params: p::CancelLoginAccountParams,
) -> Handled<p::CancelLoginAccountResponse> {
    if let Err(error) = params.login_id.parse::<types::ThreadId>() {
        return Err(RpcError::invalid_request(format_args!("invalid login id: {error}")));
    }
    Ok(p::CancelLoginAccountResponse { status: p::CancelLoginAccountStatus::NotFound }.into())
}

pub(crate) async fn logout(cx: Cx, _params: p::NoParams) -> Handled<p::LogoutAccountResponse> {
    let forgotten = cx.server.info.login.log_out();
    forgotten.map_err(|error| RpcError::internal(format_args!("logout failed: {error}")))?;
    Ok(Reply::new(p::LogoutAccountResponse {}).then(|cx| {
        cx.server.hub.broadcast(&p::AccountUpdatedNotification { auth_mode: None, plan_type: None });
    }))
}

pub(crate) async fn rate_limits(cx: Cx, _params: p::NoParams) -> Handled<p::GetAccountRateLimitsResponse> {
    need_chatgpt(&cx, "read rate limits")?;
    Err(RpcError::unavailable("account/rateLimits/read"))
}

pub(crate) async fn nudge(
    cx: Cx,
    _params: p::SendAddCreditsNudgeEmailParams,
) -> Handled<p::SendAddCreditsNudgeEmailResponse> {
    need_chatgpt(&cx, "notify workspace owner")?;
    Err(RpcError::unavailable("account/sendAddCreditsNudgeEmail"))
}

fn need_chatgpt(cx: &Cx, what: &str) -> Result<(), RpcError> {
    match account(cx).map(|account| account.mode) {
        None => Err(RpcError::invalid_request(format_args!("codex account authentication required to {what}"))),
        Some(AuthMode::ApiKey) => {
            Err(RpcError::invalid_request(format_args!("chatgpt authentication required to {what}")))
        }
        Some(AuthMode::ChatGpt | AuthMode::ChatGptAuthTokens | AuthMode::AgentIdentity) => Ok(()),
    }
}

fn config(cx: &Cx) -> Result<Config, RpcError> {
    usable_config(cx, &cx.server.engine.environment().cwd)
}

/// A login that cannot be understood counts as none.
fn account(cx: &Cx) -> Option<Account> {
    cx.server.info.login.account().unwrap_or_else(|error| {
        tracing::warn!(%error, "the stored login cannot be used");
        None
    })
}

fn mode(mode: AuthMode) -> p::AuthMode {
    match mode {
        AuthMode::ApiKey => p::AuthMode::Apikey,
        AuthMode::ChatGpt => p::AuthMode::Chatgpt,
        AuthMode::ChatGptAuthTokens => p::AuthMode::ChatgptAuthTokens,
        AuthMode::AgentIdentity => p::AuthMode::AgentIdentity,
    }
}

fn to_wire(account: &Account) -> Result<p::Account, RpcError> {
    match account.mode {
        AuthMode::ApiKey => Ok(p::Account::ApiKey {}),
        AuthMode::ChatGpt | AuthMode::ChatGptAuthTokens | AuthMode::AgentIdentity => {
            let (Some(email), Some(plan)) = (&account.email, &account.plan) else {
                return Err(RpcError::invalid_request("email and plan type are required for chatgpt authentication"));
            };
            let plan_type = serde_json::from_value(plan.as_str().into()).unwrap_or(p::PlanType::Unknown);
            Ok(p::Account::Chatgpt { email: email.clone(), plan_type })
        }
    }
}
