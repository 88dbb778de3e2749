//! Sandbox policies and permission profiles as requests give them and answers show them.

use types::{AbsPath, PermissionProfile, SandboxPolicy};

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
