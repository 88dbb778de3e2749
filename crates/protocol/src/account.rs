//! Logging in, accounts, plans and limits.

use std::collections::HashMap;

#[cfg(feature = "export")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
#[cfg(feature = "export")]
use ts_rs::TS;

use crate::experimental::gated;

gated! {
    /// Parameters of `account/login/start`.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
    #[serde(tag = "type", rename_all = "camelCase")]
    pub enum LoginAccountParams {
        /// With an API key, kept in `auth.json`.
        #[serde(rename_all = "camelCase")]
        ApiKey {
            /// The key.
            api_key: String,
        },
        /// With a ChatGPT account, in a browser on this machine.
        Chatgpt,
        /// With a ChatGPT account, in a browser anywhere.
        ChatgptDeviceCode,
        /// With a ChatGPT account whose tokens the client keeps.
        #[serde(rename_all = "camelCase")]
        #[experimental("account/login/start.chatgptAuthTokens")]
        ChatgptAuthTokens {
            /// The access token: a JWT of the account.
            access_token: String,
            /// The id of the account or workspace that the token is for.
            chatgpt_account_id: String,
            /// The plan of the account; read from the token when absent.
            #[cfg_attr(feature = "export", ts(optional = nullable))]
            chatgpt_plan_type: Option<String>,
        },
    }
}

/// Result of `account/login/start`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum LoginAccountResponse {
    /// The server is logged in.
    ApiKey {},
    /// The user has to log in with a browser. How it ends is told by `account/login/completed`.
    #[serde(rename_all = "camelCase")]
    Chatgpt {
        /// Names the attempt to log in.
        login_id: String,
        /// The page to open in a browser on the server's machine.
        auth_url: String,
    },
    /// The user has to enter a code on a page, on any machine. How it ends is told by `account/login/completed`.
    #[serde(rename_all = "camelCase")]
    ChatgptDeviceCode {
        /// Names the attempt to log in.
        login_id: String,
        /// The page to open.
        verification_url: String,
        /// The code to enter there.
        user_code: String,
    },
    /// The server is logged in.
    ChatgptAuthTokens {},
}

/// Parameters of `account/login/cancel`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct CancelLoginAccountParams {
    /// Names the attempt to log in.
    pub login_id: String,
}

/// Result of `account/login/cancel`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct CancelLoginAccountResponse {
    /// Whether there was anything to cancel.
    pub status: CancelLoginAccountStatus,
}

/// What became of a cancelled log-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum CancelLoginAccountStatus {
    /// It is cancelled.
    Canceled,
    /// There is no such attempt.
    NotFound,
}

/// Result of `account/logout`: it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct LogoutAccountResponse {}

/// Result of `account/rateLimits/read`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct GetAccountRateLimitsResponse {
    /// The limits of the agent's main model.
    pub rate_limits: RateLimitSnapshot,
    /// All limits, by their id.
    pub rate_limits_by_limit_id: Option<HashMap<String, RateLimitSnapshot>>,
}

/// How much of a limit is used.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct RateLimitSnapshot {
    /// Names the limit, for example `codex`; `null` where the provider does not say.
    pub limit_id: Option<String>,
    /// Its name for people; `null` where it has none.
    pub limit_name: Option<String>,
    /// How far the shorter window is used; `null` where there is none.
    pub primary: Option<RateLimitWindow>,
    /// How far the longer window is used; `null` where there is none.
    pub secondary: Option<RateLimitWindow>,
    /// The credits that can be used beyond it; `null` where there are none.
    pub credits: Option<CreditsSnapshot>,
    /// The plan of the account; `null` where there is none or it is not known.
    pub plan_type: Option<PlanType>,
    /// Which limit is reached; `null` when none is.
    pub rate_limit_reached_type: Option<RateLimitReachedType>,
}

/// A time over which use is counted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct RateLimitWindow {
    /// How much is used, in percent.
    pub used_percent: i32,
    /// How long it is, in minutes.
    #[cfg_attr(feature = "export", ts(type = "number | null"))]
    pub window_duration_mins: Option<i64>,
    /// When it begins anew, in Unix seconds.
    #[cfg_attr(feature = "export", ts(type = "number | null"))]
    pub resets_at: Option<i64>,
}

/// What credits an account has.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct CreditsSnapshot {
    /// Whether it has any.
    pub has_credits: bool,
    /// Whether they never run out.
    pub unlimited: bool,
    /// How many are left.
    pub balance: Option<String>,
}

/// The plan of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "snake_case")]
pub enum PlanType {
    /// Free.
    Free,
    /// Go.
    Go,
    /// Plus.
    Plus,
    /// Pro.
    Pro,
    /// Pro, the smaller one.
    Prolite,
    /// Team.
    Team,
    /// Business, booked by oneself, paid by use.
    SelfServeBusinessUsageBased,
    /// Business.
    Business,
    /// Enterprise, paid by use.
    EnterpriseCbpUsageBased,
    /// Enterprise.
    Enterprise,
    /// Education.
    Edu,
    /// Anything this version has no name for.
    Unknown,
}

/// Which limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "snake_case")]
pub enum RateLimitReachedType {
    /// That of the plan.
    RateLimitReached,
    /// The credits of a workspace's owner.
    WorkspaceOwnerCreditsDepleted,
    /// The credits of a workspace's member.
    WorkspaceMemberCreditsDepleted,
    /// The limit of a workspace's owner.
    WorkspaceOwnerUsageLimitReached,
    /// The limit of a workspace's member.
    WorkspaceMemberUsageLimitReached,
}

/// Parameters of `account/sendAddCreditsNudgeEmail`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct SendAddCreditsNudgeEmailParams {
    /// What has run out.
    pub credit_type: AddCreditsNudgeCreditType,
}

/// What has run out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "snake_case")]
pub enum AddCreditsNudgeCreditType {
    /// The credits.
    Credits,
    /// What the plan includes.
    UsageLimit,
}

/// Result of `account/sendAddCreditsNudgeEmail`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct SendAddCreditsNudgeEmailResponse {
    /// What became of it.
    pub status: AddCreditsNudgeEmailStatus,
}

/// What became of a message to the owner of the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "snake_case")]
pub enum AddCreditsNudgeEmailStatus {
    /// It is on its way.
    Sent,
    /// Another one went out too recently.
    CooldownActive,
}

/// Parameters of `account/read`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct GetAccountParams {
    /// Whether to refresh the token first.
    #[serde(default)]
    pub refresh_token: bool,
}

/// Result of `account/read`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct GetAccountResponse {
    /// The account; `null` when nobody is logged in.
    pub account: Option<Account>,
    /// Whether the model provider in use needs a log-in at all.
    pub requires_openai_auth: bool,
}

/// The account in use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Account {
    /// An API key.
    ApiKey {},
    /// A ChatGPT account.
    #[serde(rename_all = "camelCase")]
    Chatgpt {
        /// The address of its owner.
        email: String,
        /// The plan of the account; `null` where there is none or it is not known.
        plan_type: PlanType,
    },
}

/// How the server is logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub enum AuthMode {
    /// With an API key.
    Apikey,
    /// With a ChatGPT account; the server keeps and refreshes the tokens.
    Chatgpt,
    /// With a ChatGPT account whose tokens the client keeps and hands over.
    ChatgptAuthTokens,
    /// With an identity of the agent's own.
    AgentIdentity,
}

/// Parameters of `account/chatgptAuthTokens/refresh`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields = nullable, export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ChatgptAuthTokensRefreshParams {
    /// Why, for people.
    pub reason: ChatgptAuthTokensRefreshReason,
    /// The account whose tokens no longer work.
    pub previous_account_id: Option<String>,
}

/// Why tokens are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum ChatgptAuthTokensRefreshReason {
    /// The provider no longer takes the old ones.
    Unauthorized,
}

/// The client's answer to `account/chatgptAuthTokens/refresh`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ChatgptAuthTokensRefreshResponse {
    /// The new token.
    pub access_token: String,
    /// The account it is for.
    pub chatgpt_account_id: String,
    /// The plan of the account.
    pub chatgpt_plan_type: Option<String>,
}

/// The account has changed: log-in, log-out, another plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct AccountUpdatedNotification {
    /// How the server is logged in now; `null` when it is not.
    pub auth_mode: Option<AuthMode>,
    /// The plan of the account; `null` where there is none or it is not known.
    pub plan_type: Option<PlanType>,
}

/// The provider has told how much of the limits is used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct AccountRateLimitsUpdatedNotification {
    /// The limits as the provider last told them.
    pub rate_limits: RateLimitSnapshot,
}

/// An attempt to log in has ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct AccountLoginCompletedNotification {
    /// Names the attempt to log in.
    pub login_id: Option<String>,
    /// Whether it worked.
    pub success: bool,
    /// Why it failed; `null` when it did not.
    pub error: Option<String>,
}
