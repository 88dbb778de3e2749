//! What the tools of one turn work with.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;
use types::{AbsPath, ApprovalPolicy, ModeKind, NetworkPolicy, PermissionProfile, SandboxPolicy, ThreadId, TurnId};

use crate::grants::Grants;
use crate::host::Host;
use crate::patch::TurnDiff;
use crate::permissions::{self, Granted};
use crate::tool::Switches;
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
    /// The only hosts that sandboxed commands reach, whatever else is said of the network.
    pub network: Option<Arc<NetworkPolicy>>,
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
    pub switches: Switches,
    /// How much tools tell of an output. The history keeps [a little more](Truncation::in_history).
    pub truncation: Truncation,
    /// Whether the model reads images.
    pub image_input: bool,
    /// What the user has allowed for the session, with the standing command rules.
    pub grants: Arc<Grants>,
    /// Permissions beyond the sandbox that end with the turn.
    pub turn_permissions: Arc<Granted>,
    /// Whether every command and patch of the rest of the turn is asked about, allowed or not.
    pub strict_review: Arc<AtomicBool>,
    /// Fires when the turn is interrupted.
    pub cancel: CancellationToken,
    /// What the turn's patches changed so far.
    pub diff: Arc<Mutex<TurnDiff>>,
    pub host: Arc<dyn Host>,
}

impl TurnTools {
    /// What commands and patches of this turn may touch, with what the user has granted beside.
    ///
    /// # Errors
    /// Why the permission profile cannot be carried out, for the model.
    pub(crate) fn sandbox(&self) -> Result<exec::Sandbox, String> {
        self.sandbox_with(&self.granted())
    }

    /// The turn's sandbox, widened by `more`.
    ///
    /// # Errors
    /// As [`Self::sandbox`].
    pub(crate) fn sandbox_with(&self, more: &PermissionProfile) -> Result<exec::Sandbox, String> {
        let cannot = |error| format!("the thread's permission profile cannot be carried out: {error}");
        let sandbox = match &self.permission_profile {
            Some(profile) => exec::Rules::from_profile(profile, &self.cwd, &self.places).map_err(cannot)?,
            None => exec::Rules::from_policy(&self.sandbox_policy, &self.cwd, &self.places),
        };
        match sandbox {
            exec::Sandbox::Restricted(rules) if *more != PermissionProfile::default() => {
                let rules = rules.widened(more, &self.cwd, &self.places).map_err(cannot)?;
                Ok(exec::Sandbox::Restricted(rules))
            }
            sandbox => Ok(sandbox),
        }
    }

    /// The user's home folder, as commands know it.
    pub(crate) fn home(&self) -> Option<&str> {
        self.env.iter().find(|(name, _)| name == "HOME").map(|(_, home)| home.as_str())
    }

    /// Permissions that the user has granted beyond the sandbox, for the session or for the turn.
    pub(crate) fn granted(&self) -> PermissionProfile {
        permissions::joined(&self.grants.permissions.get(), &self.turn_permissions.get())
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
