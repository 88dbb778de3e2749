//! Signed tokens: JSON Web Tokens with HS256, and nothing else.
//!
//! The algorithm is ours to say, never the token's: whatever its header names, the only question is whether the MAC is
//! right. A header that names another algorithm is refused before that; whatever else it says is not looked at, as
//! clients of the protocol expect.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use serde::Deserialize;
use serde_json::Value;
use sha2::Sha256;

use crate::auth::Refusal;

/// What a token has to claim.
#[derive(Debug, Clone)]
pub(crate) struct Claims {
    /// The `iss` it must have, if any.
    pub(crate) issuer: Option<String>,
    /// The `aud` it must have or have among others, if any.
    pub(crate) audience: Option<String>,
    /// By how much the clocks may differ.
    pub(crate) skew_seconds: i64,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

/// Claims that are looked at; any other is free. Source: the protocol.
#[derive(Deserialize)]
struct Claimed {
    exp: i64,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    iss: Option<String>,
    #[serde(default)]
    aud: Option<Value>,
}

/// Checks a token's form, its MAC, its times, and who it is from and for, at `now` in Unix seconds.
pub(crate) fn check(token: &str, secret: &[u8], expected: &Claims, now: i64) -> Result<(), Refusal> {
    let mut parts = token.split('.');
    let (Some(header), Some(claims), Some(mac), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(Refusal::BadJwt);
    };
    let Header { alg } = decode(header)?;
    if alg != "HS256" {
        return Err(Refusal::BadJwt);
    }
    let signature = URL_SAFE_NO_PAD.decode(mac).map_err(|_| Refusal::BadJwt)?;
    let mut hmac = Hmac::<Sha256>::new_from_slice(secret).expect("a key may have any length");
    hmac.update(&token.as_bytes()[..header.len() + 1 + claims.len()]);
    // Compares in constant time.
    hmac.verify_slice(&signature).map_err(|_| Refusal::BadJwt)?;

    let claimed: Claimed = decode(claims)?;
    if claimed.exp.saturating_add(expected.skew_seconds) < now {
        return Err(Refusal::Expired);
    }
    if claimed.nbf.is_some_and(|nbf| nbf.saturating_sub(expected.skew_seconds) > now) {
        return Err(Refusal::NotYetValid);
    }
    if expected.issuer.is_some() && claimed.iss != expected.issuer {
        return Err(Refusal::OtherIssuer);
    }
    let Some(audience) = &expected.audience else { return Ok(()) };
    let is_for_us = match &claimed.aud {
        Some(Value::String(one)) => one == audience,
        Some(Value::Array(several)) => several.iter().any(|one| one == audience),
        Some(_) | None => false,
    };
    if is_for_us { Ok(()) } else { Err(Refusal::OtherAudience) }
}

fn decode<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T, Refusal> {
    let text = URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::BadJwt)?;
    // serde would also take the members as an array, in the order of the fields.
    if text.trim_ascii_start().first() != Some(&b'{') {
        return Err(Refusal::BadJwt);
    }
    serde_json::from_slice(&text).map_err(|_| Refusal::BadJwt)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
    const NOW: i64 = 1_800_000_000;

    fn signed_as(header: &str, claims: &str, key: &[u8]) -> String {
        let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    fn signed(claims: &Value) -> String {
        signed_as(r#"{"alg":"HS256","typ":"JWT"}"#, &claims.to_string(), SECRET)
    }

    fn expecting(issuer: Option<&str>, audience: Option<&str>) -> Claims {
        Claims { issuer: issuer.map(str::to_owned), audience: audience.map(str::to_owned), skew_seconds: 30 }
    }

    #[test]
    fn times_count_with_the_allowed_skew() {
        let cases = [
            (json!({ "exp": NOW + 60 }), Ok(())),
            (json!({ "exp": NOW - 30 }), Ok(())),
            (json!({ "exp": NOW - 31 }), Err(Refusal::Expired)),
            (json!({ "exp": -1 }), Err(Refusal::Expired)),
            (json!({ "exp": i64::MIN }), Err(Refusal::Expired)),
            (json!({ "exp": i64::MAX }), Ok(())),
            (json!({ "exp": NOW + 60, "nbf": NOW + 30 }), Ok(())),
            (json!({ "exp": NOW + 60, "nbf": NOW + 31 }), Err(Refusal::NotYetValid)),
            (json!({ "exp": NOW + 60, "nbf": i64::MIN }), Ok(())),
            (json!({ "exp": NOW + 60, "iat": NOW + 600, "other": [1] }), Ok(())),
            (json!({}), Err(Refusal::BadJwt)),
            (json!({ "exp": "soon" }), Err(Refusal::BadJwt)),
            (json!({ "exp": 1.5 }), Err(Refusal::BadJwt)),
            (json!([NOW + 60]), Err(Refusal::BadJwt)),
        ];
        for (claims, expected) in cases {
            assert_eq!(check(&signed(&claims), SECRET, &expecting(None, None), NOW), expected, "{claims}");
        }
    }

    #[test]
    fn issuer_and_audience_count_where_they_are_asked_for() {
        let claims = |iss: Value, aud: Value| json!({ "exp": NOW + 60, "iss": iss, "aud": aud });
        let cases = [
            (claims(json!("me"), json!("you")), Ok(())),
            (claims(json!("me"), json!(["x", "you"])), Ok(())),
            (claims(json!("other"), json!("you")), Err(Refusal::OtherIssuer)),
            (claims(Value::Null, json!("you")), Err(Refusal::OtherIssuer)),
            (claims(json!(7), json!("you")), Err(Refusal::BadJwt)),
            (claims(json!("me"), json!("other")), Err(Refusal::OtherAudience)),
            (claims(json!("me"), json!([])), Err(Refusal::OtherAudience)),
            (claims(json!("me"), json!({ "you": 1 })), Err(Refusal::OtherAudience)),
            (claims(json!("me"), Value::Null), Err(Refusal::OtherAudience)),
        ];
        for (claims, expected) in cases {
            assert_eq!(check(&signed(&claims), SECRET, &expecting(Some("me"), Some("you")), NOW), expected, "{claims}");
        }
        let others = claims(json!("other"), json!(["anyone"]));
        assert_eq!(check(&signed(&others), SECRET, &expecting(None, None), NOW), Ok(()));
    }

    #[test]
    fn only_an_intact_hs256_token_of_our_key_is_taken() {
        let claims = json!({ "exp": NOW + 60 }).to_string();
        let good = signed_as(r#"{"alg":"HS256"}"#, &claims, SECRET);
        let (unsigned, mac) = good.rsplit_once('.').unwrap();
        let refused = [
            signed_as(r#"{"alg":"none"}"#, &claims, SECRET),
            signed_as(r#"{"alg":"HS512"}"#, &claims, SECRET),
            signed_as(r#"{"alg":"hs256"}"#, &claims, SECRET),
            signed_as("{}", &claims, SECRET),
            signed_as("[\"HS256\"]", &claims, SECRET),
            signed_as(r#"{"alg":"HS256"}"#, &claims, b"another key, as long as the first one"),
            signed_as(r#"{"alg":"HS256"}"#, "not json", SECRET),
            format!("{unsigned}."),
            unsigned.to_owned(),
            format!("{good}="),
            format!("{good}.x"),
            format!("{unsigned}.{}", &mac[..mac.len() - 4]),
            format!("{}.{}", unsigned.replace('e', "f"), mac),
            "..".to_owned(),
            String::new(),
            "0123456789abcdef0123456789abcdef".to_owned(),
        ];
        assert_eq!(check(&good, SECRET, &expecting(None, None), NOW), Ok(()));
        for token in refused {
            assert_eq!(check(&token, SECRET, &expecting(None, None), NOW), Err(Refusal::BadJwt), "{token}");
        }
    }
}
