//! What the tools of one turn work with.

use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;
use types::{AbsPath, ApprovalPolicy, ModeKind, PermissionProfile, SandboxPolicy, ThreadId, TurnId};

use crate::grants::Grants;
use crate::host::Host;
use crate::patch::TurnDiff;
use crate::truncate::Truncation;

/// The settings and services a turn lends to its tool calls.
#[derive(Clone)]
pub struct TurnTools {
    pub thread_id: ThreadId,
    pub turn_id: TurnId,
    /// Relative paths of calls start here.
    pub cwd: AbsPath,
    pub approval_policy: ApprovalPolicy,
    pub sandbox_policy: SandboxPolicy,
    /// Wins over `sandbox_policy` where it is set.
    pub permission_profile: Option<PermissionProfile>,
    pub places: exec::Places,
    /// Starts commands that end within their call.
    pub launcher: exec::Launcher,
    /// Commands of this thread that outlive their call.
    pub sessions: Arc<exec::Sessions>,
    /// The user's shell.
    pub shell: exec::Shell,
    /// The whole environment of commands.
    pub env: Arc<Vec<(String, String)>>,
    pub mode: ModeKind,
    /// How much of a tool's output the model gets at most.
    pub truncation: Truncation,
    /// Whether the model reads images.
    pub image_input: bool,
    /// What the user has allowed for the session, with the standing command rules.
    pub grants: Arc<Grants>,
    /// Fires when the turn is interrupted.
    pub cancel: CancellationToken,
    /// What the turn's patches changed so far.
    pub diff: Arc<Mutex<TurnDiff>>,
    pub host: Arc<dyn Host>,
}

impl TurnTools {
    /// What commands and patches of this turn may touch.
    ///
    /// # Errors
    /// Why the permission profile cannot be carried out, for the model.
    pub(crate) fn sandbox(&self) -> Result<exec::Sandbox, String> {
        match &self.permission_profile {
            Some(profile) => exec::Rules::from_profile(profile, &self.cwd, &self.places)
                .map_err(|error| format!("the thread's permission profile cannot be carried out: {error}")),
            None => Ok(exec::Rules::from_policy(&self.sandbox_policy, &self.cwd, &self.places)),
        }
    }

    /// Whether the sandbox would let a command read `path`.
    ///
    /// # Errors
    /// As [`Self::sandbox`].
    pub(crate) fn may_read(&self, path: &AbsPath) -> Result<bool, String> {
        Ok(match self.sandbox()? {
            exec::Sandbox::None => true,
            exec::Sandbox::Restricted(rules) => rules.readable(&without_links(path)),
        })
    }
}

/// Where `path` really leads: links of the part that exists are resolved, the rest is kept.
pub(crate) fn without_links(path: &AbsPath) -> AbsPath {
    let real = path.ancestors().find_map(|folder| {
        let real = folder.canonicalize().ok()?;
        let rest = path.strip_prefix(folder).ok()?;
        AbsPath::new(real.join(rest)).ok()
    });
    real.unwrap_or_else(|| path.clone())
}
