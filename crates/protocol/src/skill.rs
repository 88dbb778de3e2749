//! Skills.

use std::path::PathBuf;

#[cfg(feature = "export")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
#[cfg(feature = "export")]
use ts_rs::TS;

use crate::path::AbsolutePathBuf;

/// Parameters of `skills/list`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct SkillsListParams {
    /// The directories; the server's own when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cwds: Vec<PathBuf>,
    /// Whether to read the files again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force_reload: bool,
    /// Further folders of skills.
    #[serde(default)]
    #[cfg_attr(feature = "export", ts(optional = nullable))]
    pub per_cwd_extra_user_roots: Option<Vec<SkillsListExtraRootsForCwd>>,
}

/// Further folders of skills for a directory.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct SkillsListExtraRootsForCwd {
    /// The directory, one of those asked for.
    pub cwd: PathBuf,
    /// The folders; their skills count as the user's own.
    pub extra_user_roots: Vec<PathBuf>,
}

/// Result of `skills/list`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct SkillsListResponse {
    /// One entry for every directory asked about.
    pub data: Vec<SkillsListEntry>,
}

/// The skills of a directory.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct SkillsListEntry {
    /// The directory.
    pub cwd: PathBuf,
    /// The skills.
    pub skills: Vec<SkillMetadata>,
    /// Those that cannot be read.
    pub errors: Vec<SkillErrorInfo>,
}

/// A skill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields, export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct SkillMetadata {
    /// Its name, by which it is mentioned.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// What it does, in a sentence. Newer skills say so in `interface`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_description: Option<String>,
    /// How it presents itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<SkillInterface>,
    /// What it needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dependencies: Option<SkillDependencies>,
    /// The path of its `SKILL.md`.
    pub path: AbsolutePathBuf,
    /// Who put it where it is.
    pub scope: SkillScope,
    /// Whether the agent is told of it.
    pub enabled: bool,
}

/// How a skill presents itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields, export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct SkillInterface {
    /// The name shown to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What it does, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_description: Option<String>,
    /// A small picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon_small: Option<AbsolutePathBuf>,
    /// A large picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon_large: Option<AbsolutePathBuf>,
    /// Its colour, as CSS writes colours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand_color: Option<String>,
    /// What a user may begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_prompt: Option<String>,
}

/// What a skill needs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct SkillDependencies {
    /// Tools.
    pub tools: Vec<SkillToolDependency>,
}

/// A tool a skill needs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields, export_to = "v2/"))]
pub struct SkillToolDependency {
    /// What kind of tool.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which one.
    pub value: String,
    /// What for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How it is reached, for an MCP server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<String>,
    /// What starts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// Who put a skill there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum SkillScope {
    /// The user.
    User,
    /// The project.
    Repo,
    /// The server itself.
    System,
    /// The administrator.
    Admin,
}

/// A skill that cannot be read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct SkillErrorInfo {
    /// The path of the file that cannot be used.
    pub path: PathBuf,
    /// Why, in words for people.
    pub message: String,
}

/// A skill of a plugin.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct SkillSummary {
    /// Its name.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// What it does, in a sentence.
    pub short_description: Option<String>,
    /// How it presents itself.
    pub interface: Option<SkillInterface>,
    /// Its file; `null` when it is not on this machine.
    pub path: Option<AbsolutePathBuf>,
    /// Whether it is on.
    pub enabled: bool,
}

/// Parameters of `skills/config/write`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields = nullable, export_to = "v2/"))]
pub struct SkillsConfigWriteParams {
    /// The skill, by its file.
    pub path: Option<AbsolutePathBuf>,
    /// The skill, by its name.
    pub name: Option<String>,
    /// Whether it shall be on.
    pub enabled: bool,
}

/// Result of `skills/config/write`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct SkillsConfigWriteResponse {
    /// Whether it is on now, all layers of the configuration considered.
    pub effective_enabled: bool,
}

/// Skills on disk have changed; a client that shows them lists them again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct SkillsChangedNotification {}
