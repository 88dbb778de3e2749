//! The sandbox of macOS: rules as a profile for `sandbox-exec`.
//!
//! A profile is a list of rules of which the last that matches counts. It begins with what every program needs and ends
//! with the places of the rules, outer before inner, so that it says exactly what they say. A protected name that does
//! not exist needs nothing to hold its place: the rule about it is there before it is.

use std::fmt::Write as _;
use std::path::Path;

use crate::rules::{Access, Layout};

/// What programs need that touches nobody else: to run, to look at themselves, to use terminals and the usual devices.
const BASE: &str = r#"(version 1)
(deny default)
(allow process-exec process-fork)
(allow process-info* (target same-sandbox))
(allow signal (target same-sandbox))
(allow mach-priv-task-port (target same-sandbox))
(allow sysctl-read)
(allow user-preference-read)
(allow system-fsctl)
(allow pseudo-tty)
(allow ipc-posix-sem)
(allow mach-lookup
  (global-name "com.apple.PowerManagement.control")
  (global-name "com.apple.system.logger")
  (global-name "com.apple.system.notification_center")
  (global-name "com.apple.system.opendirectoryd.libinfo")
  (global-name "com.apple.system.opendirectoryd.membership"))
(allow file-read-metadata)
"#;

/// Devices everybody may use, whatever the rules say of `/dev`.
const DEVICES: &str = r#"(allow file-read* file-write* file-ioctl
  (literal "/dev/null") (literal "/dev/zero") (literal "/dev/tty") (literal "/dev/ptmx")
  (literal "/dev/random") (literal "/dev/urandom") (literal "/dev/dtracehelper")
  (subpath "/dev/fd") (regex #"^/dev/ttys[0-9]+$"))
"#;

/// What connections take besides sockets: names, routes, certificates.
const NETWORK: &str = r#"(allow network*)
(allow system-socket)
(allow mach-lookup
  (global-name "com.apple.SecurityServer")
  (global-name "com.apple.SystemConfiguration.DNSConfiguration")
  (global-name "com.apple.SystemConfiguration.configd")
  (global-name "com.apple.networkd")
  (global-name "com.apple.ocspd")
  (global-name "com.apple.trustd.agent"))
"#;

/// The profile that enforces a layout.
pub(super) fn profile(layout: &Layout, network: bool) -> String {
    let mut profile = BASE.to_owned();
    match layout.base {
        Access::None => {}
        Access::Read => profile.push_str("(allow file-read* file-test-existence)\n"),
        Access::Write => profile.push_str("(allow file*)\n"),
    }
    for place in &layout.places {
        let path = filter(&place.path);
        let _ = match place.access {
            Access::None => writeln!(profile, "(deny file* {path})"),
            Access::Read => writeln!(profile, "(allow file-read* {path})\n(deny file-write* file-link {path})"),
            Access::Write => writeln!(profile, "(allow file-read* file-write* file-link file-ioctl {path})"),
        };
    }
    profile.push_str(DEVICES);
    if network {
        profile.push_str(NETWORK);
    }
    profile
}

/// The path and all below it.
fn filter(path: &Path) -> String {
    let mut text = String::from("(subpath \"");
    for character in path.to_string_lossy().chars() {
        if matches!(character, '"' | '\\') {
            text.push('\\');
        }
        text.push(character);
    }
    text + "\")"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Place, PlaceKind};

    fn layout(base: Access, places: &[(&str, Access)]) -> Layout {
        let place =
            |(path, access): &(&str, Access)| Place { path: path.into(), access: *access, kind: PlaceKind::Folder };
        Layout { base, places: places.iter().map(place).collect(), links: Vec::new() }
    }

    /// What the profile says of an operation on a path: the last rule that matches, as the system reads it.
    fn allows(profile: &str, operation: &str, path: &str) -> bool {
        let joined = profile.replace("\n  ", " ");
        let mut verdicts = joined.lines().rev().filter_map(|line| {
            let (verdict, rest) = line.strip_prefix('(')?.split_once(' ')?;
            let operations = rest.split('(').next()?.trim_end_matches(')');
            let concerns = operations
                .split_whitespace()
                .any(|one| one == operation || one.strip_suffix('*').is_some_and(|start| operation.starts_with(start)));
            let filters: Vec<&str> = rest.split("(subpath \"").skip(1).filter_map(|it| it.split('"').next()).collect();
            let literals: Vec<&str> = rest.split("(literal \"").skip(1).filter_map(|it| it.split('"').next()).collect();
            let unfiltered = !rest.contains('(');
            let matches = unfiltered
                || literals.contains(&path)
                || filters.iter().any(|filter| Path::new(path).starts_with(filter));
            (concerns && matches).then_some(verdict == "allow")
        });
        verdicts.next().unwrap_or(false)
    }

    #[test]
    fn a_workspace_is_written_to_but_for_what_is_protected() {
        let places = [("/work", Access::Write), ("/work/.git", Access::Read), ("/work/closed", Access::None)];
        let profile = profile(&layout(Access::Read, &places), false);
        assert!(allows(&profile, "file-read-data", "/etc/hosts"));
        assert!(!allows(&profile, "file-write-data", "/etc/hosts"));
        assert!(allows(&profile, "file-write-create", "/work/new"));
        assert!(!allows(&profile, "file-write-create", "/work/.git/hooks/new"));
        assert!(!allows(&profile, "file-write-unlink", "/work/.git"));
        assert!(allows(&profile, "file-read-data", "/work/.git/config"));
        assert!(!allows(&profile, "file-read-data", "/work/closed/key"));
        assert!(allows(&profile, "file-write-data", "/dev/null"));
        assert!(!allows(&profile, "network-outbound", "/"));
    }

    #[test]
    fn what_is_not_granted_is_denied() {
        let profile = profile(&layout(Access::None, &[("/usr", Access::Read)]), true);
        assert!(allows(&profile, "file-read-data", "/usr/bin/true"));
        assert!(!allows(&profile, "file-read-data", "/Users/me/secret"));
        assert!(!allows(&profile, "file-write-data", "/usr/bin/true"));
        assert!(allows(&profile, "network-outbound", "/"));
        assert!(profile.starts_with("(version 1)\n(deny default)\n"));
    }

    #[test]
    fn full_access_without_network_still_denies_the_network() {
        let profile = profile(&layout(Access::Write, &[]), false);
        assert!(allows(&profile, "file-write-data", "/anything"));
        assert!(!allows(&profile, "network-outbound", "/"));
    }

    #[test]
    fn a_path_cannot_end_its_own_quotes() {
        let profile = profile(&layout(Access::Read, &[("/a\") (allow network*) (x \"\\", Access::Write)]), false);
        assert!(profile.contains(r#"(subpath "/a\") (allow network*) (x \"\\")"#), "{profile}");
        let parentheses = |which| profile.matches(which).count();
        assert_eq!(parentheses('('), parentheses(')'));
    }
}
