//! Sandbox policies and permission profiles as requests give them and answers show them.

use std::sync::atomic::Ordering;

use exec::{Mechanism, Unavailable};
use protocol::ConfigWarningNotification;
use types::{AbsPath, PermissionProfile, SandboxPolicy};

use crate::dispatch::Cx;
use crate::error::RpcError;

/// The sandbox policy that a profile asks for, with the profile itself.
pub(crate) fn of_profile(
    profile: PermissionProfile,
    cwd: &AbsPath,
    what: &str,
) -> Result<(SandboxPolicy, PermissionProfile), RpcError> {
    let policy = config::permissions::policy_of(&profile, cwd)
        .map_err(|error| RpcError::invalid_request(format_args!("invalid {what}: {error}")))?;
    Ok((policy, profile))
}

/// What a thread's permissions are, in full.
pub(crate) fn granted(
    policy: &SandboxPolicy,
    profile: Option<&PermissionProfile>,
    cwd: &AbsPath,
) -> Option<PermissionProfile> {
    match profile {
        Some(profile) => Some(profile.clone()),
        None => config::permissions::permission_profile_of(policy, cwd),
    }
}

/// Tells a client once, when its first thread with a sandbox starts, that this machine cannot enforce it as usual.
/// Finding out takes some milliseconds the first time, and is done beside the request.
pub(crate) fn warn_of_weak_sandbox(cx: &Cx, policy: &SandboxPolicy) {
    match policy {
        SandboxPolicy::DangerFullAccess | SandboxPolicy::ExternalSandbox { .. } => return,
        SandboxPolicy::ReadOnly { .. } | SandboxPolicy::WorkspaceWrite { .. } => {}
    }
    if cx.connection.sandbox_checked.swap(true, Ordering::Relaxed) {
        return;
    }
    let (cx, tracker) = (cx.clone(), cx.server.requests.clone());
    tracker.spawn_blocking(move || {
        let found = cx.server.engine.environment().launcher.mechanism();
        if let Some(warning) = weak_sandbox(&found) {
            cx.server.hub.notify(&cx.connection, &warning);
        }
    });
}

fn weak_sandbox(found: &Result<Mechanism, Unavailable>) -> Option<ConfigWarningNotification> {
    let (summary, details) = match found {
        Ok(Mechanism::Namespaces { .. } | Mechanism::Bubblewrap { .. }) => return None,
        #[cfg(target_os = "macos")]
        Ok(Mechanism::Seatbelt) => return None,
        Ok(Mechanism::Landlock { .. }) => (
            "Commands run in a simpler sandbox than usual, because user namespaces cannot be made here and bwrap is not \
             installed or does not work. It refuses more than it would have to: nothing new can be made directly in a \
             writable folder that holds a protected name such as .git.",
            "`spindle doctor` says what this machine can enforce.".to_owned(),
        ),
        Err(reason) => (
            "There is no sandbox on this machine: commands that need one are refused, never run without.",
            format!("{reason}. `spindle doctor` says more."),
        ),
    };
    Some(ConfigWarningNotification { summary: summary.to_owned(), details: Some(details), path: None, range: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_sandbox_weaker_than_usual_is_worth_a_warning() {
        assert_eq!(weak_sandbox(&Ok(Mechanism::Namespaces { landlock: 0 })), None);
        assert_eq!(weak_sandbox(&Ok(Mechanism::Bubblewrap { path: "/bin/bwrap".into() })), None);
        assert!(weak_sandbox(&Ok(Mechanism::Landlock { abi: 7 })).is_some_and(|it| it.summary.contains(".git")));
        let nowhere = AbsPath::new("/nonexistent").unwrap();
        let options = exec::Options { tmpdir: None, codex_home: nowhere, path: None };
        let reason = exec::Launcher::with_mechanism(options, Mechanism::Bubblewrap { path: "/nonexistent".into() });
        let warning = weak_sandbox(&Err(reason.unwrap_err())).unwrap();
        assert!(warning.details.is_some_and(|details| details.starts_with("bwrap: ")));
    }
}
