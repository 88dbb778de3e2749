//! What an id token says. The signature is not checked: the token came from the issuer over TLS and only describes the
//! user to themselves.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

/// The claims that matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Claims {
    pub(crate) email: Option<String>,
    pub(crate) plan: Option<String>,
    pub(crate) account_id: Option<String>,
}

/// Reads the middle part of a JWT.
pub(crate) fn claims(jwt: &str) -> Result<Claims, String> {
    #[derive(Deserialize)]
    struct Body {
        email: Option<String>,
        #[serde(rename = "https://api.openai.com/profile")]
        profile: Option<Profile>,
        #[serde(rename = "https://api.openai.com/auth")]
        auth: Option<Auth>,
    }
    #[derive(Deserialize)]
    struct Profile {
        email: Option<String>,
    }
    #[derive(Default, Deserialize)]
    struct Auth {
        chatgpt_plan_type: Option<String>,
        chatgpt_account_id: Option<String>,
    }

    let mut parts = jwt.split('.');
    let (Some(header), Some(body), Some(signature)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("the id token has fewer than three parts".to_owned());
    };
    if header.is_empty() || body.is_empty() || signature.is_empty() {
        return Err("a part of the id token is empty".to_owned());
    }
    let json = URL_SAFE_NO_PAD.decode(body).map_err(|error| format!("the id token is not base64: {error}"))?;
    let body: Body = serde_json::from_slice(&json).map_err(|error| format!("the id token is not JSON: {error}"))?;
    let auth = body.auth.unwrap_or_default();
    Ok(Claims {
        email: body.email.or(body.profile.and_then(|profile| profile.email)),
        plan: auth.chatgpt_plan_type,
        account_id: auth.chatgpt_account_id,
    })
}
