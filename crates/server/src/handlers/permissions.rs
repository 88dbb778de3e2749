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
/// `hosts`: whether rules say which hosts are reached.
pub(crate) fn warn_of_weak_sandbox(cx: &Cx, policy: &SandboxPolicy, hosts: bool) {
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
        for warning in weak_sandbox(&found).into_iter().chain(hosts.then(|| no_proxies(&found)).flatten()) {
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

/// Rules about hosts that cannot be carried out other than by reaching none.
fn no_proxies(found: &Result<Mechanism, Unavailable>) -> Option<ConfigWarningNotification> {
    let lacking = found.as_ref().is_ok_and(|mechanism| !mechanism.takes_proxies());
    let summary = "Commands reach no host at all, also not those that the configuration allows: this machine's sandbox has \
                   no room for the proxies that would let them through.";
    let details = "`spindle doctor` says what this machine can enforce.";
    lacking.then(|| ConfigWarningNotification {
        summary: summary.to_owned(),
        details: Some(details.to_owned()),
        path: None,
        range: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_sandbox_weaker_than_usual_is_worth_a_warning() {
        assert_eq!(weak_sandbox(&Ok(Mechanism::Namespaces { landlock: 0 })), None);
        assert_eq!(weak_sandbox(&Ok(Mechanism::Bubblewrap { path: "/bin/bwrap".into(), proxies: true })), None);
        assert!(weak_sandbox(&Ok(Mechanism::Landlock { abi: 7 })).is_some_and(|it| it.summary.contains(".git")));
        assert_eq!(no_proxies(&Ok(Mechanism::Namespaces { landlock: 0 })), None);
        assert_eq!(no_proxies(&Ok(Mechanism::Landlock { abi: 7 })), None);
        let bwrap = |proxies| Ok(Mechanism::Bubblewrap { path: "/bin/bwrap".into(), proxies });
        assert_eq!(no_proxies(&bwrap(true)), None);
        assert!(no_proxies(&bwrap(false)).is_some());
        let nowhere = AbsPath::new("/nonexistent").unwrap();
        let options = exec::Options { tmpdir: None, codex_home: nowhere, path: None };
        let reason = exec::Launcher::with_mechanism(
            options,
            Mechanism::Bubblewrap { path: "/nonexistent".into(), proxies: true },
        );
        let warning = weak_sandbox(&Err(reason.unwrap_err())).unwrap();
        assert!(warning.details.is_some_and(|details| details.starts_with("bwrap: ")));
    }
}
