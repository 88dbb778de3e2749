//! `[permissions]`: permissions in full under names of the user's own, of which `default_permissions` chooses one, and
//! what the administrator's requirements say of the network.

use std::collections::BTreeMap;
use std::path::{Component, Path};
use std::sync::Arc;

use serde::Deserialize;
use types::policy::FileSystemPermissions;
use types::{
    AbsPath, DomainAccess, DomainPattern, Domains, FileSystemAccess, FileSystemEntry, FileSystemPath, NetworkPolicy,
    PermissionProfile, SpecialPath, UpstreamProxies,
};

use crate::error::ConfigError;
use crate::settings::Config;

/// `[permissions.NAME]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct PermissionsToml {
    pub filesystem: Option<FileSystemToml>,
    pub network: Option<NetworkToml>,
}

/// `[permissions.NAME.filesystem]`: what may be done, by path.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct FileSystemToml {
    /// How deep patterns look for matches.
    pub glob_scan_max_depth: Option<usize>,
    #[serde(flatten)]
    pub entries: BTreeMap<String, EntryToml>,
}

/// What may be done with a path, or with what lies below it.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "expected `read`, `write` or `none`, or a table of these by subpath")]
pub enum EntryToml {
    Access(AccessToml),
    Below(BTreeMap<String, AccessToml>),
}

/// What may be done with a path.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessToml {
    Read,
    Write,
    None,
}

/// `[permissions.NAME.network]`, and `[experimental_network]` of requirements.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct NetworkToml {
    pub enabled: Option<bool>,
    pub mode: Option<ModeToml>,
    pub domains: Option<BTreeMap<String, DomainToml>>,
    pub allow_local_binding: Option<bool>,
    pub enable_socks5: Option<bool>,
    pub managed_allowed_domains_only: Option<bool>,
    pub allow_upstream_proxy: Option<bool>,

    // Known, and without effect: the proxy has no port on this machine, and no Unix socket is reached.
    pub proxy_url: Option<String>,
    pub socks_url: Option<String>,
    pub http_port: Option<u16>,
    pub socks_port: Option<u16>,
    pub enable_socks5_udp: Option<bool>,
    pub dangerously_allow_non_loopback_proxy: Option<bool>,
    pub dangerously_allow_all_unix_sockets: Option<bool>,
    pub unix_sockets: Option<BTreeMap<String, UnixSocketToml>>,
}

/// What is said about a Unix socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnixSocketToml {
    Allow,
    None,
}

/// What may be done with hosts that may be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModeToml {
    Limited,
    Full,
}

/// What is said about a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DomainToml {
    Allow,
    Deny,
}

/// The permissions that threads start with, where the configuration names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultPermissions {
    pub profile: PermissionProfile,
    /// Which hosts are reached, where the network is on.
    pub network: Option<Arc<NetworkPolicy>>,
}

/// What paths in profiles are relative to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Folders<'a> {
    /// The user's home, for `~/`.
    pub(crate) user_home: Option<&'a AbsPath>,
    pub(crate) cwd: Option<&'a AbsPath>,
}

/// Looks up and reads the profile that is chosen. `upstream`: the proxies that the server is to use itself.
///
/// # Errors
/// [`ConfigError::Permissions`]: none of that name, or it says what cannot be; or none is chosen, though there are some,
/// and no sandbox mode says what holds instead.
pub(crate) fn default_permissions(
    chosen: Option<&str>,
    profiles: Option<&BTreeMap<String, PermissionsToml>>,
    has_sandbox_mode: bool,
    folders: Folders<'_>,
    upstream: &UpstreamProxies,
) -> Result<Option<DefaultPermissions>, ConfigError> {
    let refused = |text: String| Err(ConfigError::Permissions(text));
    let (chosen, profiles) = match (chosen, profiles) {
        (None, Some(profiles)) if !profiles.is_empty() && !has_sandbox_mode => {
            return refused("config defines `[permissions]` profiles but does not set `default_permissions`".into());
        }
        (None, _) => return Ok(None),
        (Some(_), None) => return refused("default_permissions requires a `[permissions]` table".into()),
        (Some(chosen), Some(profiles)) => (chosen, profiles),
    };
    let Some(profile) = profiles.get(chosen) else {
        return refused(format!("default_permissions refers to undefined profile `{chosen}`"));
    };
    let file_system = profile.filesystem.as_ref().map(|table| file_system(table, folders)).transpose()?;
    let network = match &profile.network {
        Some(network) if network.enabled == Some(true) => {
            Some(Arc::new(network_policy(network, "network.domains", upstream)?))
        }
        _ => None,
    };
    let profile = PermissionProfile {
        network_enabled: Some(network.is_some()),
        file_system: Some(file_system.unwrap_or_default()),
    };
    Ok(Some(DefaultPermissions { profile, network }))
}

/// What requirements demand of the network, where they do: whoever is not on the list is asked about.
///
/// # Errors
/// As [`default_permissions`].
pub(crate) fn managed_network(
    table: &NetworkToml,
    upstream: &UpstreamProxies,
) -> Result<Option<NetworkPolicy>, ConfigError> {
    if table.enabled != Some(true) {
        return Ok(None);
    }
    let mut policy = network_policy(table, "experimental_network.domains", upstream)?;
    policy.fixed = table.managed_allowed_domains_only == Some(true);
    policy.ask = !policy.fixed;
    Ok(Some(policy))
}

fn network_policy(table: &NetworkToml, key: &str, upstream: &UpstreamProxies) -> Result<NetworkPolicy, ConfigError> {
    let mut domains = Domains::default();
    for (text, access) in table.domains.iter().flatten() {
        let pattern = DomainPattern::parse(text).map_err(|_| {
            ConfigError::Permissions(format!("{key}: `{text}` is no host, `*.DOMAIN`, `**.DOMAIN` or `*`"))
        })?;
        let access = match access {
            DomainToml::Allow => DomainAccess::Allow,
            DomainToml::Deny => DomainAccess::Deny,
        };
        domains.insert(pattern, access);
    }
    Ok(NetworkPolicy {
        domains,
        limited: table.mode == Some(ModeToml::Limited),
        allow_local: table.allow_local_binding.unwrap_or(false),
        socks5: table.enable_socks5.unwrap_or(true),
        ask: false,
        fixed: false,
        upstream: if table.allow_upstream_proxy.unwrap_or(true) {
            upstream.clone()
        } else {
            UpstreamProxies::default()
        },
    })
}

fn file_system(table: &FileSystemToml, folders: Folders<'_>) -> Result<FileSystemPermissions, ConfigError> {
    let mut entries = Vec::new();
    for (key, value) in &table.entries {
        match value {
            EntryToml::Access(access) => entries.push(entry(Place::read(key, folders)?.itself(), *access)),
            EntryToml::Below(below) => {
                let place = Place::read(key, folders)?;
                for (subpath, access) in below {
                    entries.push(entry(place.below(key, subpath, folders)?, *access));
                }
            }
        }
    }
    Ok(FileSystemPermissions { entries, glob_scan_max_depth: table.glob_scan_max_depth })
}

fn entry(path: FileSystemPath, access: AccessToml) -> FileSystemEntry {
    let access = match access {
        AccessToml::Read => FileSystemAccess::Read,
        AccessToml::Write => FileSystemAccess::Write,
        AccessToml::None => FileSystemAccess::None,
    };
    // What is below a folder with everything in it can be said without a pattern.
    let path = match path {
        FileSystemPath::GlobPattern(pattern) if access != FileSystemAccess::None => pattern
            .strip_suffix("/**")
            .filter(|folder| !is_pattern(folder))
            .and_then(|folder| AbsPath::new(folder).ok())
            .map_or(FileSystemPath::GlobPattern(pattern), FileSystemPath::Path),
        path => path,
    };
    FileSystemEntry { path, access }
}

/// What a key of `filesystem` names.
enum Place {
    Path(AbsPath),
    Pattern(String),
    Special(SpecialPath),
}

impl Place {
    fn read(key: &str, folders: Folders<'_>) -> Result<Self, ConfigError> {
        if let Some(special) = special(key) {
            return Ok(Self::Special(special));
        }
        let path = match (key.strip_prefix("~/"), folders.user_home) {
            (Some(rest), Some(home)) => home.join(rest).to_string(),
            _ => key.to_owned(),
        };
        if is_pattern(&path) && path.starts_with('/') {
            return Ok(Self::Pattern(path));
        }
        AbsPath::new(&path).map(Self::Path).map_err(|_| {
            ConfigError::Permissions(format!(
                "filesystem path `{key}` must be absolute, use `~/...`, or start with `:`"
            ))
        })
    }

    fn itself(self) -> FileSystemPath {
        match self {
            Self::Path(path) => FileSystemPath::Path(path),
            Self::Pattern(pattern) => FileSystemPath::GlobPattern(pattern),
            Self::Special(special) => FileSystemPath::Special(special),
        }
    }

    fn below(&self, key: &str, subpath: &str, folders: Folders<'_>) -> Result<FileSystemPath, ConfigError> {
        let here = subpath == ".";
        let descends = Path::new(subpath).components().all(|part| matches!(part, Component::Normal(_)));
        if !here && (subpath.is_empty() || !descends) {
            return Err(ConfigError::Permissions(format!(
                "filesystem subpath `{subpath}` must be a descendant path without `.` or `..` components"
            )));
        }
        let folder = match self {
            Self::Special(special @ SpecialPath::ProjectRoots { .. }) if here => {
                return Ok(FileSystemPath::Special(special.clone()));
            }
            Self::Special(SpecialPath::ProjectRoots { .. }) if !is_pattern(subpath) => {
                let subpath = Some(subpath.to_owned());
                return Ok(FileSystemPath::Special(SpecialPath::ProjectRoots { subpath }));
            }
            // A pattern that is not absolute means the folder that the command runs in.
            Self::Special(SpecialPath::ProjectRoots { .. }) => match folders.cwd {
                Some(cwd) => cwd,
                None => return Ok(FileSystemPath::GlobPattern(subpath.to_owned())),
            },
            Self::Path(path) => path,
            Self::Pattern(_) | Self::Special(_) => {
                return Err(ConfigError::Permissions(format!(
                    "filesystem path `{key}` does not support nested entries"
                )));
            }
        };
        let path = if here { folder.clone() } else { folder.join(subpath) };
        if is_pattern(subpath) {
            Ok(FileSystemPath::GlobPattern(path.to_string()))
        } else {
            Ok(FileSystemPath::Path(path))
        }
    }
}

fn special(key: &str) -> Option<SpecialPath> {
    let name = key.strip_prefix(':')?;
    Some(match name {
        "root" => SpecialPath::Root,
        "minimal" => SpecialPath::Minimal,
        "project_roots" => SpecialPath::ProjectRoots { subpath: None },
        "tmpdir" => SpecialPath::Tmpdir,
        // Of a later version: kept, and allowed nothing.
        _ => SpecialPath::Unknown { path: key.to_owned(), subpath: None },
    })
}

fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

impl Config {
    /// The rules about hosts for a thread. `by_default`: it runs with [`Config::default_permissions`].
    ///
    /// What an administrator demands holds in every sandbox, also where the sandbox has no network otherwise; the
    /// user's domains are added to it.
    #[must_use]
    pub fn network_policy(&self, by_default: bool) -> Option<Arc<NetworkPolicy>> {
        let own = self.default_permissions.as_ref().filter(|_| by_default).and_then(|one| one.network.as_ref());
        match (&self.managed_network, own) {
            (None, own) => own.cloned(),
            (Some(managed), Some(own)) if !managed.fixed => {
                let mut policy = managed.as_ref().clone();
                policy.domains.extend(&own.domains);
                policy.limited |= own.limited;
                policy.socks5 &= own.socks5;
                if own.upstream == UpstreamProxies::default() {
                    policy.upstream = UpstreamProxies::default();
                }
                Some(Arc::new(policy))
            }
            (Some(managed), _) => Some(managed.clone()),
        }
    }
}
