//! What concerns Windows only.

#[cfg(feature = "export")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
#[cfg(feature = "export")]
use ts_rs::TS;

use crate::path::AbsolutePathBuf;

/// Parameters of `windowsSandbox/setupStart`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields = nullable, export_to = "v2/"))]
pub struct WindowsSandboxSetupStartParams {
    /// How.
    pub mode: WindowsSandboxSetupMode,
    /// The directory it is for; the server's own when absent.
    pub cwd: Option<AbsolutePathBuf>,
}

/// How the sandbox of Windows is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum WindowsSandboxSetupMode {
    /// With the rights of an administrator.
    Elevated,
    /// Without.
    Unelevated,
}

/// Result of `windowsSandbox/setupStart`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct WindowsSandboxSetupStartResponse {
    /// Whether it is under way; how it ends is told later.
    pub started: bool,
}

/// Folders on Windows that everybody may write to, the sandbox or not.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct WindowsWorldWritableWarningNotification {
    /// Some of them.
    pub sample_paths: Vec<String>,
    /// How many more there are.
    pub extra_count: usize,
    /// Whether looking for them failed.
    pub failed_scan: bool,
}

/// The sandbox of Windows is set up, or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct WindowsSandboxSetupCompletedNotification {
    /// How.
    pub mode: WindowsSandboxSetupMode,
    /// Whether it worked.
    pub success: bool,
    /// Why it failed; `null` when it did not.
    pub error: Option<String>,
}
