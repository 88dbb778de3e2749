//! Keys that never leave the device.

#[cfg(feature = "export")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
#[cfg(feature = "export")]
use ts_rs::TS;

/// Parameters of `device/key/create`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields = nullable, export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct DeviceKeyCreateParams {
    /// How well the key must be kept; in hardware when absent.
    pub protection_policy: Option<DeviceKeyProtectionPolicy>,
    /// The user of the account the key is for.
    pub account_user_id: String,
    /// The client installation the key is for.
    pub client_id: String,
}

/// How well a device key must be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "snake_case")]
pub enum DeviceKeyProtectionPolicy {
    /// In hardware, or not at all.
    HardwareOnly,
    /// In hardware, or else by the operating system.
    AllowOsProtectedNonextractable,
}

/// Result of `device/key/create`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct DeviceKeyCreateResponse {
    /// Names the key.
    pub key_id: String,
    /// The public key: SubjectPublicKeyInfo, DER, in base64.
    pub public_key_spki_der_base64: String,
    /// What the key signs with.
    pub algorithm: DeviceKeyAlgorithm,
    /// How the key is kept.
    pub protection_class: DeviceKeyProtectionClass,
}

/// What a device key signs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "snake_case")]
pub enum DeviceKeyAlgorithm {
    /// ECDSA on P-256 with SHA-256.
    EcdsaP256Sha256,
}

/// How a device key is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "snake_case")]
pub enum DeviceKeyProtectionClass {
    /// In a secure enclave.
    HardwareSecureEnclave,
    /// In a TPM.
    HardwareTpm,
    /// By the operating system, which does not give it out.
    OsProtectedNonextractable,
}

/// Parameters of `device/key/public`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct DeviceKeyPublicParams {
    /// Names the key.
    pub key_id: String,
}

/// Result of `device/key/public`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct DeviceKeyPublicResponse {
    /// Names the key.
    pub key_id: String,
    /// The public key: SubjectPublicKeyInfo, DER, in base64.
    pub public_key_spki_der_base64: String,
    /// What the key signs with.
    pub algorithm: DeviceKeyAlgorithm,
    /// How the key is kept.
    pub protection_class: DeviceKeyProtectionClass,
}

/// Parameters of `device/key/sign`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct DeviceKeySignParams {
    /// Names the key.
    pub key_id: String,
    /// What to sign.
    pub payload: DeviceKeySignPayload,
}

/// What a device key signs. The server builds the signed bytes itself, so that nothing else can be signed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum DeviceKeySignPayload {
    /// That a client connects for remote control.
    #[serde(rename_all = "camelCase")]
    RemoteControlClientConnection {
        /// Makes the signature good for one use.
        nonce: String,
        /// Whom it is for.
        audience: RemoteControlClientConnectionAudience,
        /// Names the session.
        session_id: String,
        /// The site.
        target_origin: String,
        /// The path on it.
        target_path: String,
        /// The user of the account the key is for.
        account_user_id: String,
        /// The client installation the key is for.
        client_id: String,
        /// When the token ends, in Unix seconds.
        #[cfg_attr(feature = "export", ts(type = "number"))]
        token_expires_at: i64,
        /// The token's SHA-256, in base64url.
        token_sha256_base64url: String,
        /// What the token allows.
        scopes: Vec<String>,
    },
    /// That a client enrols for remote control.
    #[serde(rename_all = "camelCase")]
    RemoteControlClientEnrollment {
        /// Makes the signature good for one use.
        nonce: String,
        /// Whom it is for.
        audience: RemoteControlClientEnrollmentAudience,
        /// Names the challenge.
        challenge_id: String,
        /// The site.
        target_origin: String,
        /// The path on it.
        target_path: String,
        /// The user of the account the key is for.
        account_user_id: String,
        /// The client installation the key is for.
        client_id: String,
        /// The SHA-256 of the device's identity, in base64url.
        device_identity_sha256_base64url: String,
        /// When the challenge ends, in Unix seconds.
        #[cfg_attr(feature = "export", ts(type = "number"))]
        challenge_expires_at: i64,
    },
}

/// Whom the proof of a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "snake_case")]
pub enum RemoteControlClientConnectionAudience {
    /// The socket for remote control.
    RemoteControlClientWebsocket,
}

/// Whom the proof of an enrolment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "snake_case")]
pub enum RemoteControlClientEnrollmentAudience {
    /// The enrolment for remote control.
    RemoteControlClientEnrollment,
}

/// Result of `device/key/sign`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct DeviceKeySignResponse {
    /// The signature: DER, in base64.
    pub signature_der_base64: String,
    /// The bytes that were signed, in base64.
    pub signed_payload_base64: String,
    /// What the key signs with.
    pub algorithm: DeviceKeyAlgorithm,
}
