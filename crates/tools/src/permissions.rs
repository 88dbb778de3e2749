//! Permissions beyond the sandbox: as the model asks for them, as the user grants them, and what covers what.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use types::policy::FileSystemPermissions;
use types::{AbsPath, FileSystemAccess, FileSystemEntry, FileSystemPath, PermissionProfile};

use crate::turn::without_links;

/// Permissions in the model's words. Paths may be relative.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    network: Option<Network>,
    file_system: Option<Paths>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Network {
    enabled: Option<bool>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Paths {
    #[serde(skip_serializing_if = "Option::is_none")]
    read: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    write: Option<Vec<String>>,
}

/// A profile as the model is told of it.
#[derive(Debug, Serialize)]
pub(crate) struct Told {
    network: Option<Network>,
    file_system: Option<Paths>,
}

/// The JSON Schema of [`Wanted`].
pub(crate) fn schema() -> Value {
    let paths = |what: &str| {
        json!({
            "type": "array",
            "items": { "type": "string" },
            "description": format!("Files and folders to {what}; a folder stands for all that is in it."),
        })
    };
    json!({
        "type": "object",
        "properties": {
            "network": {
                "type": "object",
                "properties": { "enabled": { "type": "boolean", "description": "True to use the network." } },
                "additionalProperties": false,
            },
            "file_system": {
                "type": "object",
                "properties": { "read": paths("read"), "write": paths("read and write") },
                "additionalProperties": false,
            },
        },
        "additionalProperties": false,
    })
}

impl Wanted {
    /// The same as a profile, with paths resolved against `cwd` (those that begin with `~` against `home`) and followed to
    /// where they really lead, so that the user is asked about that. `None` when nothing is asked for.
    pub(crate) fn resolve(self, cwd: &AbsPath, home: Option<&str>) -> Option<PermissionProfile> {
        let Paths { read, write } = self.file_system.unwrap_or_default();
        let entries = [(read, FileSystemAccess::Read), (write, FileSystemAccess::Write)];
        let entries = entries.into_iter().flat_map(|(paths, access)| {
            let entry = move |path: String| {
                let path = match (path.strip_prefix('~'), home) {
                    (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => format!("{home}{rest}"),
                    _ => path,
                };
                let path = FileSystemPath::Path(without_links(&cwd.join(path)));
                FileSystemEntry { path, access }
            };
            paths.unwrap_or_default().into_iter().map(entry)
        });
        let network = self.network.and_then(|network| network.enabled);
        let wanted = profile(network, entries.collect());
        (wanted != PermissionProfile::default()).then_some(wanted)
    }
}

impl From<&PermissionProfile> for Told {
    fn from(profile: &PermissionProfile) -> Self {
        let paths = |access| {
            let paths: Vec<_> = entries(profile)
                .filter(|entry| entry.access == access)
                .filter_map(|entry| match &entry.path {
                    FileSystemPath::Path(path) => Some(path.to_string()),
                    FileSystemPath::GlobPattern(_) | FileSystemPath::Special(_) => None,
                })
                .collect();
            (!paths.is_empty()).then_some(paths)
        };
        Self {
            network: profile.network_enabled.map(|enabled| Network { enabled: Some(enabled) }),
            file_system: profile
                .file_system
                .is_some()
                .then(|| Paths { read: paths(FileSystemAccess::Read), write: paths(FileSystemAccess::Write) }),
        }
    }
}

fn entries(profile: &PermissionProfile) -> impl Iterator<Item = &FileSystemEntry> {
    profile.file_system.iter().flat_map(|files| &files.entries)
}

/// A profile without a file-system half where that would be empty.
fn profile(network_enabled: Option<bool>, entries: Vec<FileSystemEntry>) -> PermissionProfile {
    let file_system = (!entries.is_empty()).then_some(FileSystemPermissions { entries, glob_scan_max_depth: None });
    PermissionProfile { network_enabled, file_system }
}

/// What of `granted` was asked for: entries that lie within one of `wanted`, and the network where both have it. What
/// was granted beyond is left out.
pub(crate) fn cut(granted: &PermissionProfile, wanted: &PermissionProfile) -> PermissionProfile {
    let network = granted.network_enabled == Some(true) && wanted.network_enabled == Some(true);
    let within = entries(granted).filter(|entry| holds(wanted, entry)).cloned().collect();
    profile(network.then_some(true), within)
}

/// Whether `granted` holds everything that `wanted` asks for.
pub(crate) fn covers(granted: &PermissionProfile, wanted: &PermissionProfile) -> bool {
    let network = wanted.network_enabled != Some(true) || granted.network_enabled == Some(true);
    network && entries(wanted).all(|entry| holds(granted, entry))
}

/// Whether an entry of `profile` allows what `entry` does, there or above. The right to write holds the one to read.
fn holds(profile: &PermissionProfile, entry: &FileSystemEntry) -> bool {
    let allowed = |access| match entry.access {
        FileSystemAccess::Read => access != FileSystemAccess::None,
        FileSystemAccess::Write => access == FileSystemAccess::Write,
        FileSystemAccess::None => false,
    };
    entries(profile).any(|known| {
        allowed(known.access)
            && match (&entry.path, &known.path) {
                (FileSystemPath::Path(path), FileSystemPath::Path(known)) => path.starts_with(known),
                (path, known) => path == known,
            }
    })
}

/// Both profiles together, the entries of `first` before those of `second` that it lacks.
pub(crate) fn joined(first: &PermissionProfile, second: &PermissionProfile) -> PermissionProfile {
    let mut all: Vec<_> = entries(first).cloned().collect();
    for entry in entries(second) {
        if !all.contains(entry) {
            all.push(entry.clone());
        }
    }
    let network = match (first.network_enabled, second.network_enabled) {
        (Some(first), Some(second)) => Some(first || second),
        (first, second) => first.or(second),
    };
    profile(network, all)
}

/// Permissions granted so far, for a turn or for a session.
#[derive(Debug, Default)]
pub struct Granted(Mutex<PermissionProfile>);

impl Granted {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn get(&self) -> PermissionProfile {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn add(&self, more: &PermissionProfile) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *held = joined(&held, more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(json: Value) -> PermissionProfile {
        let wanted: Wanted = serde_json::from_value(json).unwrap();
        wanted.resolve(&AbsPath::new("/nowhere/work").unwrap(), Some("/nowhere/home")).unwrap_or_default()
    }

    fn told(profile: &PermissionProfile) -> Value {
        serde_json::to_value(Told::from(profile)).unwrap()
    }

    #[test]
    fn relative_paths_start_in_the_working_directory() {
        let paths = json!({ "read": ["a/../b", "~", "~/c", "~d"], "write": [".", "/nowhere/x"] });
        let profile = wanted(json!({ "file_system": paths }));
        let paths = json!({
            "read": ["/nowhere/work/b", "/nowhere/home", "/nowhere/home/c", "/nowhere/work/~d"],
            "write": ["/nowhere/work", "/nowhere/x"],
        });
        assert_eq!(told(&profile), json!({ "network": null, "file_system": paths }));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_asked_about_by_where_it_leads() {
        let folder = tempfile::tempdir().unwrap();
        let root = AbsPath::new(folder.path().canonicalize().unwrap()).unwrap();
        std::os::unix::fs::symlink("/usr", root.join("harmless")).unwrap();
        let asked: Wanted = serde_json::from_value(json!({ "file_system": { "write": ["harmless/x"] } })).unwrap();
        let paths = json!({ "write": ["/usr/x"] });
        assert_eq!(told(&asked.resolve(&root, None).unwrap()), json!({ "network": null, "file_system": paths }));
    }

    #[test]
    fn nothing_asked_for_is_no_profile() {
        for nothing in [
            json!({}),
            json!({ "network": {} }),
            json!({ "file_system": {} }),
            json!({ "file_system": { "read": [], "write": [] } }),
        ] {
            assert_eq!(wanted(nothing), PermissionProfile::default());
        }
    }

    #[test]
    fn what_was_not_asked_for_is_cut_from_a_grant() {
        let asked = wanted(json!({ "file_system": { "read": ["/r"], "write": ["/w"] } }));
        let grant = wanted(json!({
            "network": { "enabled": true },
            "file_system": { "read": ["/r/deep", "/w/a", "/other"], "write": ["/w/sub", "/r", "/", "/w2"] },
        }));
        let rest = json!({ "read": ["/r/deep", "/w/a"], "write": ["/w/sub"] });
        assert_eq!(told(&cut(&grant, &asked)), json!({ "network": null, "file_system": rest }));
        assert_eq!(cut(&PermissionProfile::default(), &asked), PermissionProfile::default());
        let online = wanted(json!({ "network": { "enabled": true } }));
        assert_eq!(cut(&grant, &online), online);
    }

    #[test]
    fn a_grant_covers_what_lies_within_it() {
        let grant = wanted(json!({ "network": { "enabled": true }, "file_system": { "write": ["/w"] } }));
        for within in [
            json!({ "file_system": { "write": ["/w", "/w/sub"], "read": ["/w"] } }),
            json!({ "network": { "enabled": true } }),
        ] {
            assert!(covers(&grant, &wanted(within.clone())), "{within}");
        }
        for beyond in [json!({ "file_system": { "write": ["/w", "/x"] } }), json!({ "file_system": { "read": ["/"] } })]
        {
            assert!(!covers(&grant, &wanted(beyond.clone())), "{beyond}");
        }
        assert!(!covers(&PermissionProfile::default(), &wanted(json!({ "network": { "enabled": true } }))));
    }

    #[test]
    fn grants_add_up() {
        let granted = Granted::new();
        granted.add(&wanted(json!({ "file_system": { "write": ["/a"] } })));
        granted.add(&wanted(json!({ "file_system": { "write": ["/a", "/b"] }, "network": { "enabled": true } })));
        let all = json!({ "network": { "enabled": true }, "file_system": { "write": ["/a", "/b"] } });
        assert_eq!(told(&granted.get()), all);
    }
}
