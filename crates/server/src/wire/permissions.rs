//! Permissions beyond the sandbox, which the wire spells in two ways: as entries, and as lists of plain paths for clients
//! that know no entries.

use std::num::NonZeroUsize;

use types::policy::FileSystemPermissions;
use types::{FileSystemAccess, FileSystemEntry, FileSystemPath, PermissionProfile};

use super::{FromWire, ToWire as _, abs};

/// How permissions that are asked for look on the wire.
pub(crate) fn additional(profile: &PermissionProfile) -> protocol::AdditionalPermissionProfile {
    protocol::AdditionalPermissionProfile {
        network: profile
            .network_enabled
            .map(|enabled| protocol::AdditionalNetworkPermissions { enabled: Some(enabled) }),
        file_system: profile.file_system.as_ref().map(|files| protocol::AdditionalFileSystemPermissions {
            read: paths(files, FileSystemAccess::Read),
            write: paths(files, FileSystemAccess::Write),
            glob_scan_max_depth: files.glob_scan_max_depth.and_then(NonZeroUsize::new),
            entries: Some(files.entries.to_wire()),
        }),
    }
}

/// The plain paths with this access; `None` when there are none.
fn paths(files: &FileSystemPermissions, access: FileSystemAccess) -> Option<Vec<protocol::AbsolutePathBuf>> {
    let paths: Vec<_> = files
        .entries
        .iter()
        .filter(|entry| entry.access == access)
        .filter_map(|entry| match &entry.path {
            FileSystemPath::Path(path) => Some(abs(path)),
            FileSystemPath::GlobPattern(_) | FileSystemPath::Special(_) => None,
        })
        .collect();
    (!paths.is_empty()).then_some(paths)
}

impl FromWire for protocol::AdditionalPermissionProfile {
    type Inner = PermissionProfile;

    /// Where there are entries, they are what counts.
    fn from_wire(self) -> PermissionProfile {
        PermissionProfile {
            network_enabled: self.network.and_then(|network| network.enabled),
            file_system: self.file_system.map(|files| FileSystemPermissions {
                entries: match files.entries {
                    Some(entries) => entries.from_wire(),
                    None => [(files.read, FileSystemAccess::Read), (files.write, FileSystemAccess::Write)]
                        .into_iter()
                        .flat_map(|(paths, access)| {
                            let path = move |path| FileSystemEntry { path: FileSystemPath::Path(path), access };
                            paths.from_wire().unwrap_or_default().into_iter().map(path)
                        })
                        .collect(),
                },
                glob_scan_max_depth: files.glob_scan_max_depth.map(NonZeroUsize::get),
            }),
        }
    }
}
