//! Apps: what the provider lets the agent use on the user's behalf.

use std::collections::HashMap;

#[cfg(feature = "export")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
#[cfg(feature = "export")]
use ts_rs::TS;

/// An app at a glance.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct AppSummary {
    /// Names the app.
    pub id: String,
    /// The name shown to people.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// Where to install it.
    pub install_url: Option<String>,
    /// Whether the user must log in to it first.
    pub needs_auth: bool,
}

/// Parameters of `app/list`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct AppsListParams {
    /// Where to go on: a cursor of an earlier answer, passed on as it is. Absent or `null` for the first page.
    #[cfg_attr(feature = "export", ts(optional = nullable))]
    pub cursor: Option<String>,
    /// How many entries a page may have at most. Absent or `null`: as many as the server likes.
    #[cfg_attr(feature = "export", ts(optional = nullable))]
    pub limit: Option<u32>,
    /// The thread whose configuration decides; the server's own when absent.
    #[cfg_attr(feature = "export", ts(optional = nullable))]
    pub thread_id: Option<String>,
    /// Whether to ask the provider again instead of using what is known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force_refetch: bool,
}

/// Result of `app/list`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct AppsListResponse {
    /// The entries of this page, at most `limit`; empty when there are none.
    pub data: Vec<AppInfo>,
    /// Where the next page begins, to be passed as `cursor`; `null` after the last one.
    pub next_cursor: Option<String>,
}

/// An app the agent may use.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct AppInfo {
    /// Names the app.
    pub id: String,
    /// The name shown to people.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// Its picture.
    pub logo_url: Option<String>,
    /// Its picture for dark backgrounds.
    pub logo_url_dark: Option<String>,
    /// How it gets to its users.
    pub distribution_channel: Option<String>,
    /// How it presents itself.
    pub branding: Option<AppBranding>,
    /// More about it.
    pub app_metadata: Option<AppMetadata>,
    /// Further labels.
    pub labels: Option<HashMap<String, String>>,
    /// Where to install it.
    pub install_url: Option<String>,
    /// Whether this account can use it.
    #[serde(default)]
    pub is_accessible: bool,
    /// Whether the configuration leaves it on.
    #[serde(default = "crate::default_true")]
    pub is_enabled: bool,
    /// The plugins it comes with.
    #[serde(default)]
    pub plugin_display_names: Vec<String>,
}

/// How an app presents itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct AppBranding {
    /// What it is filed under.
    pub category: Option<String>,
    /// Who makes it.
    pub developer: Option<String>,
    /// Its home page.
    pub website: Option<String>,
    /// Where its privacy policy stands.
    pub privacy_policy: Option<String>,
    /// Where its terms stand.
    pub terms_of_service: Option<String>,
    /// Whether it is listed in the directory.
    pub is_discoverable_app: bool,
}

/// More about an app.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct AppMetadata {
    /// What its review said.
    pub review: Option<AppReview>,
    /// What it is filed under.
    pub categories: Option<Vec<String>>,
    /// What it is filed under, in detail.
    pub sub_categories: Option<Vec<String>>,
    /// What it does, in a sentence.
    pub seo_description: Option<String>,
    /// How it looks.
    pub screenshots: Option<Vec<AppScreenshot>>,
    /// Who makes it.
    pub developer: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Names its version.
    pub version_id: Option<String>,
    /// What is new in its version.
    pub version_notes: Option<String>,
    /// What kind of app of the provider's own it is.
    pub first_party_type: Option<String>,
    /// Whether it must be installed although it is the provider's own.
    pub first_party_requires_install: Option<bool>,
    /// Whether to offer it before it is linked.
    pub show_in_composer_when_unlinked: Option<bool>,
}

/// What an app's review said.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct AppReview {
    /// How it ended.
    pub status: String,
}

/// A picture of an app at work.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct AppScreenshot {
    /// The picture's address.
    pub url: Option<String>,
    /// The provider's name for the picture.
    pub file_id: Option<String>,
    /// What the user had asked for.
    pub user_prompt: String,
}

/// The apps there are have changed; all of them again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct AppListUpdatedNotification {
    /// The apps.
    pub data: Vec<AppInfo>,
}
