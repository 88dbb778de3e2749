//! When the agent asks, and what commands may do.

#[cfg(feature = "export")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
#[cfg(feature = "export")]
use ts_rs::TS;

use crate::experimental::gated;
use crate::path::AbsolutePathBuf;

gated! {
    /// When the agent asks before it acts.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
    #[serde(rename_all = "kebab-case")]
    pub enum AskForApproval {
        /// Before every command that is not known to only read.
        Untrusted,
        /// When a command has failed in the sandbox, before it runs again without one.
        OnFailure,
        /// When the agent asks for more than the sandbox allows.
        OnRequest,
        /// By what it is about: what is off is refused without asking.
        #[experimental("askForApproval.granular")]
        Granular {
            /// Commands that would leave the sandbox.
            sandbox_approval: bool,
            /// Commands that a rule wants confirmed.
            rules: bool,
            /// Scripts of skills.
            #[serde(default)]
            skill_approval: bool,
            /// Requests for more permissions.
            #[serde(default)]
            request_permissions: bool,
            /// Questions of MCP servers.
            mcp_elicitations: bool,
        },
        /// Never. What would need a yes is refused, and the agent is told.
        Never,
    }
}

/// Who answers when the agent asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "snake_case")]
pub enum ApprovalsReviewer {
    /// The user, by way of the client.
    User,
    /// Another agent, which weighs the risk. Clients are told by `item/autoApprovalReview/*`.
    AutoReview,
    /// The older name of `auto_review`.
    GuardianSubagent,
}

/// What commands may do, by a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "kebab-case")]
pub enum SandboxMode {
    /// Read files, write nowhere, use no network.
    ReadOnly,
    /// Read files, write in the working directory and for temporary files; no network unless configured.
    WorkspaceWrite,
    /// Everything the server's user may do: there is no sandbox.
    DangerFullAccess,
}

/// What commands may read, write and reach, in full. Members that are `null` leave it to the sandbox policy.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct PermissionProfile {
    /// Access to the network.
    pub network: Option<PermissionProfileNetworkPermissions>,
    /// Access to files.
    pub file_system: Option<PermissionProfileFileSystemPermissions>,
}

/// Access to the network.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct PermissionProfileNetworkPermissions {
    /// Whether there is any.
    pub enabled: Option<bool>,
}

/// Access to files.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields, export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct PermissionProfileFileSystemPermissions {
    /// Paths and patterns, each with the access to it; the more exact one counts.
    pub entries: Vec<FileSystemSandboxEntry>,
    /// How many folders deep patterns are looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub glob_scan_max_depth: Option<std::num::NonZeroUsize>,
}

/// A permission for paths.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct FileSystemSandboxEntry {
    /// Which ones.
    pub path: FileSystemPath,
    /// What may be done.
    pub access: FileSystemAccessMode,
}

/// Which paths a permission is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FileSystemPath {
    /// One path and what is below.
    Path {
        /// The path.
        path: AbsolutePathBuf,
    },
    /// Paths that match a pattern.
    GlobPattern {
        /// The pattern.
        pattern: String,
    },
    /// A place known by what it is.
    Special {
        /// Which one.
        value: FileSystemSpecialPath,
    },
}

/// A place known by what it is rather than where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FileSystemSpecialPath {
    /// Everything.
    Root,
    /// What programs need to run at all.
    Minimal,
    /// The working directory.
    CurrentWorkingDirectory,
    /// The roots of the projects.
    ProjectRoots {
        /// A path below each, instead of the root itself.
        subpath: Option<String>,
    },
    /// The folder `TMPDIR` names.
    Tmpdir,
    /// `/tmp`.
    SlashTmp,
    /// One this version has no name for.
    Unknown {
        /// Its name.
        path: String,
        /// A path below it.
        subpath: Option<String>,
    },
}

/// What may be done with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum FileSystemAccessMode {
    /// Reading.
    Read,
    /// Reading and writing.
    Write,
    /// Nothing.
    None,
}

/// What commands may do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum SandboxPolicy {
    /// Everything the server's user may do: there is no sandbox.
    DangerFullAccess,
    /// Read.
    #[serde(rename_all = "camelCase")]
    ReadOnly {
        /// What.
        #[serde(default)]
        access: ReadOnlyAccess,
        /// Whether there is a network.
        #[serde(default)]
        network_access: bool,
    },
    /// Everything, because a sandbox stands around the server.
    #[serde(rename_all = "camelCase")]
    ExternalSandbox {
        /// Whether that one has a network.
        #[serde(default)]
        network_access: NetworkAccess,
    },
    /// Read, and write in the workspace.
    #[serde(rename_all = "camelCase")]
    WorkspaceWrite {
        /// Where they may write beside the working directory.
        #[serde(default)]
        writable_roots: Vec<AbsolutePathBuf>,
        /// What they may read.
        #[serde(default)]
        read_only_access: ReadOnlyAccess,
        /// Whether there is a network.
        #[serde(default)]
        network_access: bool,
        /// Whether the folder `TMPDIR` names is closed.
        #[serde(default)]
        exclude_tmpdir_env_var: bool,
        /// Whether `/tmp` is closed.
        #[serde(default)]
        exclude_slash_tmp: bool,
    },
}

/// What may be read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ReadOnlyAccess {
    /// Some paths.
    #[serde(rename_all = "camelCase")]
    Restricted {
        /// Whether what programs need to run is included.
        #[serde(default = "crate::default_true")]
        include_platform_defaults: bool,
        /// The paths.
        #[serde(default)]
        readable_roots: Vec<AbsolutePathBuf>,
    },
    /// Everything.
    #[default]
    FullAccess,
}

/// Whether there is a network outside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum NetworkAccess {
    /// There is none.
    #[default]
    Restricted,
    /// There is.
    Enabled,
}

/// What a single command may do beyond what the sandbox gives.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct AdditionalPermissionProfile {
    /// Access to the network.
    pub network: Option<AdditionalNetworkPermissions>,
    /// Access to files.
    pub file_system: Option<AdditionalFileSystemPermissions>,
}

/// Access to the network beyond what the sandbox gives.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct AdditionalNetworkPermissions {
    /// Whether there is any.
    pub enabled: Option<bool>,
}

/// Access to files beyond what the sandbox gives.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct AdditionalFileSystemPermissions {
    /// Paths to read.
    pub read: Option<Vec<AbsolutePathBuf>>,
    /// Paths to write.
    pub write: Option<Vec<AbsolutePathBuf>>,
    /// How many folders deep patterns are looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "export", ts(optional))]
    pub glob_scan_max_depth: Option<std::num::NonZeroUsize>,
    /// Paths and patterns, each with the access to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "export", ts(optional))]
    pub entries: Option<Vec<FileSystemSandboxEntry>>,
}

/// The permissions asked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestPermissionProfile {
    /// Access to the network.
    pub network: Option<AdditionalNetworkPermissions>,
    /// Access to files.
    pub file_system: Option<AdditionalFileSystemPermissions>,
}

/// What the user granted of what was asked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields, export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct GrantedPermissionProfile {
    /// Access to the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<AdditionalNetworkPermissions>,
    /// Access to files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_system: Option<AdditionalFileSystemPermissions>,
}
