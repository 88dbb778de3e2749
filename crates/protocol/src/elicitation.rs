//! Questions of MCP servers, and the forms they come with.

use std::collections::HashMap;

#[cfg(feature = "export")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
#[cfg(feature = "export")]
use ts_rs::TS;

/// Parameters of `mcpServer/elicitation/request`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct McpServerElicitationRequestParams {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The turn, when one is running; the question may come from anywhere.
    pub turn_id: Option<String>,
    /// The MCP server that asks.
    pub server_name: String,
    /// What it asks.
    #[serde(flatten)]
    pub request: McpServerElicitationRequest,
}

/// What an MCP server asks of the user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(tag = "mode", rename_all = "camelCase")]
pub enum McpServerElicitationRequest {
    /// To fill in a form.
    #[serde(rename_all = "camelCase")]
    Form {
        /// Data the MCP server and the client share beside the protocol, passed on untouched.
        #[serde(rename = "_meta")]
        meta: Option<Value>,
        /// What to tell the user.
        message: String,
        /// The form.
        requested_schema: McpElicitationSchema,
    },
    /// To open a page.
    #[serde(rename_all = "camelCase")]
    Url {
        /// Data the MCP server and the client share beside the protocol, passed on untouched.
        #[serde(rename = "_meta")]
        meta: Option<Value>,
        /// What to tell the user.
        message: String,
        /// The page.
        url: String,
        /// The MCP server's name for the question.
        elicitation_id: String,
    },
}

/// A form an MCP server wants filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields, export_to = "v2/"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct McpElicitationSchema {
    /// The dialect of the schema.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: McpElicitationObjectType,
    /// The fields, by name.
    pub properties: HashMap<String, McpElicitationPrimitiveSchema>,
    /// The fields that must be filled in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<Vec<String>>,
}

/// The type of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum McpElicitationObjectType {
    /// Fields by name.
    Object,
}

/// A field of a form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(untagged)]
pub enum McpElicitationPrimitiveSchema {
    /// Choices.
    Enum(McpElicitationEnumSchema),
    /// Text.
    String(McpElicitationStringSchema),
    /// A number.
    Number(McpElicitationNumberSchema),
    /// Yes or no.
    Boolean(McpElicitationBooleanSchema),
}

/// A field with choices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(untagged)]
pub enum McpElicitationEnumSchema {
    /// One of them.
    SingleSelect(McpElicitationSingleSelectEnumSchema),
    /// Several of them.
    MultiSelect(McpElicitationMultiSelectEnumSchema),
    /// One of them, labels apart, as older servers write it.
    LegacyTitled(McpElicitationLegacyTitledEnumSchema),
}

/// A field with one of several choices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(untagged)]
pub enum McpElicitationSingleSelectEnumSchema {
    /// Without labels.
    Untitled(McpElicitationUntitledSingleSelectEnumSchema),
    /// With labels.
    Titled(McpElicitationTitledSingleSelectEnumSchema),
}

/// A field with one of several choices that have no labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields, export_to = "v2/"))]
#[serde(deny_unknown_fields)]
pub struct McpElicitationUntitledSingleSelectEnumSchema {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: McpElicitationStringType,
    /// Its label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What to say about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The choices.
    pub r#enum: Vec<String>,
    /// What it begins with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// The type of a field for text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum McpElicitationStringType {
    /// Text.
    String,
}

/// A field with one of several choices that have labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields, export_to = "v2/"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct McpElicitationTitledSingleSelectEnumSchema {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: McpElicitationStringType,
    /// Its label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What to say about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The choices.
    pub one_of: Vec<McpElicitationConstOption>,
    /// What it begins with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// A choice with a label.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(deny_unknown_fields)]
pub struct McpElicitationConstOption {
    /// The value.
    pub r#const: String,
    /// The label.
    pub title: String,
}

/// A field with several choices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(untagged)]
pub enum McpElicitationMultiSelectEnumSchema {
    /// Without labels.
    Untitled(McpElicitationUntitledMultiSelectEnumSchema),
    /// With labels.
    Titled(McpElicitationTitledMultiSelectEnumSchema),
}

/// A field with several choices that have no labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields, export_to = "v2/"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct McpElicitationUntitledMultiSelectEnumSchema {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: McpElicitationArrayType,
    /// Its label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What to say about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The fewest to choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "export", ts(optional))]
    pub min_items: Option<u64>,
    /// The most to choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "export", ts(optional))]
    pub max_items: Option<u64>,
    /// The choices.
    pub items: McpElicitationUntitledEnumItems,
    /// What it begins with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Vec<String>>,
}

/// The type of a choice of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum McpElicitationArrayType {
    /// A list.
    Array,
}

/// Choices without labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(deny_unknown_fields)]
pub struct McpElicitationUntitledEnumItems {
    /// Their type.
    #[serde(rename = "type")]
    pub kind: McpElicitationStringType,
    /// The choices.
    pub r#enum: Vec<String>,
}

/// A field with several choices that have labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields, export_to = "v2/"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct McpElicitationTitledMultiSelectEnumSchema {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: McpElicitationArrayType,
    /// Its label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What to say about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The fewest to choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "export", ts(optional))]
    pub min_items: Option<u64>,
    /// The most to choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "export", ts(optional))]
    pub max_items: Option<u64>,
    /// The choices.
    pub items: McpElicitationTitledEnumItems,
    /// What it begins with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Vec<String>>,
}

/// Choices with labels.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct McpElicitationTitledEnumItems {
    /// The choices.
    pub any_of: Vec<McpElicitationConstOption>,
}

/// A field with one of several choices, labels apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields, export_to = "v2/"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct McpElicitationLegacyTitledEnumSchema {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: McpElicitationStringType,
    /// Its label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What to say about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The values.
    pub r#enum: Vec<String>,
    /// The values' labels, in the same order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enum_names: Option<Vec<String>>,
    /// What it begins with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// A field for text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields, export_to = "v2/"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct McpElicitationStringSchema {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: McpElicitationStringType,
    /// Its label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What to say about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The fewest characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_length: Option<u32>,
    /// The most characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u32>,
    /// What kind of text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<McpElicitationStringFormat>,
    /// What it begins with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// What kind of text a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "kebab-case")]
pub enum McpElicitationStringFormat {
    /// An e-mail address.
    Email,
    /// An address.
    Uri,
    /// A date.
    Date,
    /// A date and a time.
    DateTime,
}

/// A field for a number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields, export_to = "v2/"))]
#[serde(deny_unknown_fields)]
pub struct McpElicitationNumberSchema {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: McpElicitationNumberType,
    /// Its label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What to say about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The least it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<f64>,
    /// The most it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<f64>,
    /// What it begins with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<f64>,
}

/// The type of a field for a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum McpElicitationNumberType {
    /// Any number.
    Number,
    /// A whole number.
    Integer,
}

/// A field for yes or no.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields, export_to = "v2/"))]
#[serde(deny_unknown_fields)]
pub struct McpElicitationBooleanSchema {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: McpElicitationBooleanType,
    /// Its label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What to say about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it begins with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<bool>,
}

/// The type of a field for yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum McpElicitationBooleanType {
    /// Yes or no.
    Boolean,
}

/// The client's answer to `mcpServer/elicitation/request`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct McpServerElicitationRequestResponse {
    /// What the user did.
    pub action: McpServerElicitationAction,
    /// The form as filled in; `null` unless it was accepted.
    pub content: Option<Value>,
    /// Data the MCP server and the client share beside the protocol, passed on untouched.
    #[serde(rename = "_meta")]
    pub meta: Option<Value>,
}

/// What the user did with a question of an MCP server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum McpServerElicitationAction {
    /// Answered it.
    Accept,
    /// Refused to.
    Decline,
    /// Closed it without a word.
    Cancel,
}
