//! From the client to the engine.

use engine::DynamicTool;
use protocol::AbsolutePathBuf;
use serde::Deserialize as _;
use types::item::{DynamicToolContent, TextElement};
use types::policy::FileSystemPermissions;
use types::{
    AbsPath, ApprovalPolicy, CollaborationMode, FileSystemEntry, FileSystemPath, GranularApproval, PermissionProfile,
    ReadAccess, ReasoningEffort, ResponseItem, SandboxPolicy, SpecialPath, UserInput,
};

use super::FromWire;

/// A value that decodes and still means nothing.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct InvalidValue(String);

impl FromWire for AbsolutePathBuf {
    type Inner = AbsPath;

    fn from_wire(self) -> AbsPath {
        AbsPath::new(self.as_path()).expect("the decoder lets only absolute paths through")
    }
}

impl FromWire for protocol::UserInput {
    type Inner = UserInput;

    fn from_wire(self) -> UserInput {
        match self {
            Self::Text { text, text_elements } => UserInput::Text { text, elements: text_elements.from_wire() },
            Self::Image { url } => UserInput::Image { url },
            Self::LocalImage { path } => UserInput::LocalImage { path },
            Self::Skill { name, path } => UserInput::Skill { name, path },
            Self::Mention { name, path } => UserInput::Mention { name, path },
        }
    }
}

impl FromWire for protocol::TextElement {
    type Inner = TextElement;

    fn from_wire(self) -> TextElement {
        TextElement { start: self.byte_range.start, end: self.byte_range.end, placeholder: self.placeholder }
    }
}

impl FromWire for protocol::AskForApproval {
    type Inner = ApprovalPolicy;

    fn from_wire(self) -> ApprovalPolicy {
        match self {
            Self::Untrusted => ApprovalPolicy::UnlessTrusted,
            Self::OnFailure => ApprovalPolicy::OnFailure,
            Self::OnRequest => ApprovalPolicy::OnRequest,
            Self::Granular { sandbox_approval, rules, skill_approval, request_permissions, mcp_elicitations } => {
                ApprovalPolicy::Granular(GranularApproval {
                    sandbox_approval,
                    rules,
                    skill_approval,
                    request_permissions,
                    mcp_elicitations,
                })
            }
            Self::Never => ApprovalPolicy::Never,
        }
    }
}

impl FromWire for protocol::ReadOnlyAccess {
    type Inner = ReadAccess;

    fn from_wire(self) -> ReadAccess {
        match self {
            Self::FullAccess => ReadAccess::Full,
            Self::Restricted { include_platform_defaults, readable_roots } => {
                ReadAccess::Restricted { include_platform_defaults, readable_roots: readable_roots.from_wire() }
            }
        }
    }
}

impl FromWire for protocol::SandboxPolicy {
    type Inner = SandboxPolicy;

    fn from_wire(self) -> SandboxPolicy {
        match self {
            Self::DangerFullAccess => SandboxPolicy::DangerFullAccess,
            Self::ReadOnly { access, network_access } => {
                SandboxPolicy::ReadOnly { access: access.from_wire(), network_access }
            }
            Self::ExternalSandbox { network_access } => SandboxPolicy::ExternalSandbox {
                network_access: match network_access {
                    protocol::NetworkAccess::Enabled => true,
                    protocol::NetworkAccess::Restricted => false,
                },
            },
            Self::WorkspaceWrite {
                writable_roots,
                read_only_access,
                network_access,
                exclude_tmpdir_env_var,
                exclude_slash_tmp,
            } => SandboxPolicy::WorkspaceWrite {
                writable_roots: writable_roots.from_wire(),
                read_only_access: read_only_access.from_wire(),
                network_access,
                exclude_tmpdir_env_var,
                exclude_slash_tmp,
            },
        }
    }
}

impl FromWire for protocol::PermissionProfile {
    type Inner = PermissionProfile;

    fn from_wire(self) -> PermissionProfile {
        PermissionProfile {
            network_enabled: self.network.and_then(|network| network.enabled),
            file_system: self.file_system.map(|files| FileSystemPermissions {
                entries: files.entries.from_wire(),
                glob_scan_max_depth: files.glob_scan_max_depth.map(std::num::NonZeroUsize::get),
            }),
        }
    }
}

impl FromWire for protocol::FileSystemSandboxEntry {
    type Inner = FileSystemEntry;

    fn from_wire(self) -> FileSystemEntry {
        use protocol::{FileSystemPath as Path, FileSystemSpecialPath as Special};
        let path = match self.path {
            Path::Path { path } => FileSystemPath::Path(path.from_wire()),
            Path::GlobPattern { pattern } => FileSystemPath::GlobPattern(pattern),
            Path::Special { value } => FileSystemPath::Special(match value {
                Special::Root => SpecialPath::Root,
                Special::Minimal => SpecialPath::Minimal,
                Special::CurrentWorkingDirectory => SpecialPath::CurrentWorkingDirectory,
                Special::ProjectRoots { subpath } => SpecialPath::ProjectRoots { subpath },
                Special::Tmpdir => SpecialPath::Tmpdir,
                Special::SlashTmp => SpecialPath::SlashTmp,
                Special::Unknown { path, subpath } => SpecialPath::Unknown { path, subpath },
            }),
        };
        FileSystemEntry { path, access: self.access.from_wire() }
    }
}

impl FromWire for protocol::ReasoningEffort {
    type Inner = ReasoningEffort;

    fn from_wire(self) -> ReasoningEffort {
        match self {
            Self::None => ReasoningEffort::None,
            Self::Minimal => ReasoningEffort::Minimal,
            Self::Low => ReasoningEffort::Low,
            Self::Medium => ReasoningEffort::Medium,
            Self::High => ReasoningEffort::High,
            Self::Xhigh => ReasoningEffort::XHigh,
        }
    }
}

impl FromWire for protocol::CollaborationMode {
    type Inner = CollaborationMode;

    fn from_wire(self) -> CollaborationMode {
        CollaborationMode {
            kind: self.mode.from_wire(),
            model: self.settings.model,
            reasoning_effort: self.settings.reasoning_effort.from_wire(),
            developer_instructions: self.settings.developer_instructions,
        }
    }
}

impl FromWire for protocol::DynamicToolSpec {
    type Inner = DynamicTool;

    fn from_wire(self) -> DynamicTool {
        DynamicTool {
            namespace: self.namespace,
            name: self.name,
            description: self.description,
            input_schema: self.input_schema,
            defer_loading: self.defer_loading,
        }
    }
}

impl FromWire for protocol::DynamicToolCallOutputContentItem {
    type Inner = DynamicToolContent;

    fn from_wire(self) -> DynamicToolContent {
        match self {
            Self::InputText { text } => DynamicToolContent::Text(text),
            Self::InputImage { image_url } => DynamicToolContent::Image { url: image_url },
        }
    }
}

/// Responses items are spelled alike on the wire and inside.
pub(crate) fn response_items(items: Vec<serde_json::Value>) -> Result<Vec<ResponseItem>, InvalidValue> {
    items
        .into_iter()
        .enumerate()
        .map(|(position, item)| {
            // What the contract knows has to be complete; kinds it does not know are taken as they are.
            protocol::ResponseItem::deserialize(&item)
                .and_then(|_| serde_json::from_value(item))
                .map_err(|error| InvalidValue(format!("items[{position}] is not a valid response item: {error}")))
        })
        .collect()
}
