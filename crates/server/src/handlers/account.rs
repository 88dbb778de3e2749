//! `account/*`: who the server is logged in as.

use auth::AuthMode;
use protocol as p;

use crate::dispatch::{Cx, Handled};
use crate::error::RpcError;

/// Tells who is logged in, as far as the configured provider needs to know.
pub(crate) async fn read(cx: Cx, _params: p::GetAccountParams) -> Handled<p::GetAccountResponse> {
    let environment = cx.server.engine.environment();
    // A broken configuration was told before; the default provider then counts.
    let config = environment.loader.load(Some(&environment.cwd), None);
    let config = config.or_else(|_| environment.loader.defaults(Some(&environment.cwd)))?;
    let requires_openai_auth = config.provider().requires_openai_auth;
    let account = if requires_openai_auth {
        let stored = auth::load(&environment.home);
        stored.unwrap_or_else(|error| {
            tracing::warn!(%error, "the stored login cannot be used");
            None
        })
    } else {
        None
    };
    let account = account.map(|account| to_wire(&account)).transpose()?;
    Ok(p::GetAccountResponse { account, requires_openai_auth }.into())
}

fn to_wire(account: &auth::Account) -> Result<p::Account, RpcError> {
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
