//! `spindle doctor`: what this machine can enforce.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use exec::{Finding, Mechanism, Unavailable};
use serde::Serialize;
use types::SessionSource;

use crate::cli::{Doctor, Overrides};
use crate::{logging, start};

pub(crate) fn run(options: &Doctor, overrides: &Overrides) -> anyhow::Result<ExitCode> {
    logging::start();
    let server = start::server(overrides, SessionSource::Cli, true)?;
    let launcher = server.launcher();
    let report = Report::new(&launcher.survey(), launcher.control_groups());
    let text = if options.json { serde_json::to_string_pretty(&report)? + "\n" } else { report.text() };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(if report.enforced_by.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What was found out. The field names are what `--json` prints.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    /// The mechanism that sandboxed commands use; `null` when they are refused.
    enforced_by: Option<&'static str>,
    mechanisms: Vec<Line>,
    policies: Vec<Policy>,
    control_groups: ControlGroups,
}

/// Whether each command gets a control group.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ControlGroups {
    made: bool,
    /// The folder below which they are made, or why they are not.
    detail: String,
}

/// One mechanism.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    name: &'static str,
    works: bool,
    /// What works, or why it does not.
    detail: String,
}

/// What becomes of a sandbox policy here.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Policy {
    name: &'static str,
    enforced: bool,
    /// Where it differs from what the policy says.
    notes: Vec<&'static str>,
}

impl Report {
    fn new(findings: &[Finding], control_groups: Result<&Path, Unavailable>) -> Self {
        let used = findings.iter().find_map(|finding| finding.works.as_ref().ok());
        let mechanisms = findings
            .iter()
            .map(|finding| Line {
                name: finding.name,
                works: finding.works.is_ok(),
                detail: finding.works.as_ref().map_or_else(ToString::to_string, describe),
            })
            .collect();
        let notes = |names: &[Note]| names.iter().filter_map(|note| note.text(used?)).collect();
        let policy = |name, names: &[Note]| Policy { name, enforced: used.is_some(), notes: notes(names) };
        Self {
            enforced_by: used.map(name),
            mechanisms,
            policies: vec![
                policy("read-only", &[Note::Visible, Note::Fifos]),
                policy("workspace-write", &[Note::Visible, Note::Fifos, Note::NewNames, Note::Attributes]),
                policy(
                    "workspace-write with network",
                    &[Note::Visible, Note::Fifos, Note::NewNames, Note::Attributes, Note::UnixSockets],
                ),
                policy("permission profiles", &[Note::Visible, Note::Fifos, Note::NewNames, Note::Attributes]),
                policy("rules about hosts", &[Note::Proxies]),
                Policy { name: "danger-full-access", enforced: true, notes: vec!["nothing to enforce"] },
            ],
            control_groups: ControlGroups {
                made: control_groups.is_ok(),
                detail: control_groups.map_or_else(|reason| reason.to_string(), |path| path.display().to_string()),
            },
        }
    }

    fn text(&self) -> String {
        let mut text = String::from("Mechanisms, the strongest first\n");
        for Line { name, works, detail } in &self.mechanisms {
            let mark = match (works, self.enforced_by == Some(name)) {
                (true, true) => "used",
                (true, false) => "works",
                (false, _) => "no",
            };
            let _ = writeln!(text, "  {name:<11} {mark:<6} {detail}");
        }
        match self.enforced_by {
            Some(name) => {
                let _ = writeln!(text, "\nSandbox policies, enforced by {name}");
            }
            None => text.push_str("\nSandbox policies: commands that need one are refused, never run without\n"),
        }
        for Policy { name, enforced, notes } in &self.policies {
            let _ = writeln!(text, "  {name:<29} {}", if *enforced { "enforced" } else { "refused" });
            for note in notes {
                let _ = writeln!(text, "      {note}");
            }
        }
        let ControlGroups { made, detail } = &self.control_groups;
        let _ = match made {
            true => writeln!(text, "\nControl groups, one for each command, below {detail}"),
            false => writeln!(text, "\nControl groups: none, commands end by their guards alone\n  {detail}"),
        };
        text
    }
}

/// Where a weaker mechanism differs from what the policy says: nearly always it holds more back, because it cannot tell
/// apart what it should.
#[derive(Clone, Copy)]
enum Note {
    Visible,
    Fifos,
    NewNames,
    Attributes,
    UnixSockets,
    Proxies,
}

impl Note {
    fn text(self, used: &Mechanism) -> Option<&'static str> {
        match (self, used) {
            (Self::Visible, Mechanism::Landlock { .. }) => {
                Some("processes of the same user are seen, though neither signalled nor traced")
            }
            (Self::Fifos, Mechanism::Bubblewrap { .. }) => {
                Some("FIFOs outside that everybody may write to can be written to")
            }
            (Self::Attributes, Mechanism::Landlock { .. }) => {
                Some("extended attributes and flags of files cannot be changed")
            }
            (Self::NewNames, Mechanism::Landlock { .. }) => {
                Some("nothing new can be made directly in a folder that holds a protected name, only further in")
            }
            (Self::UnixSockets, Mechanism::Bubblewrap { .. }) => Some("Unix sockets cannot be opened"),
            (Self::UnixSockets, Mechanism::Landlock { abi }) if *abi < 6 => Some("Unix sockets cannot be opened"),
            (Self::Proxies, Mechanism::Landlock { .. }) => {
                Some("nothing can listen, not even for the command itself, and 32-bit programs reach no host")
            }
            (Self::Proxies, Mechanism::Bubblewrap { proxies: false, .. }) => {
                Some("no host is reached at all: this bwrap makes networks that cannot be entered")
            }
            (Self::Proxies, mechanism) if !mechanism.takes_proxies() => {
                Some("no host is reached at all: there is no room for proxies")
            }
            _ => None,
        }
    }
}

fn name(mechanism: &Mechanism) -> &'static str {
    match mechanism {
        Mechanism::Namespaces { .. } => "namespaces",
        Mechanism::Bubblewrap { .. } => "bwrap",
        Mechanism::Landlock { .. } => "landlock",
        #[cfg(target_os = "macos")]
        Mechanism::Seatbelt => "seatbelt",
    }
}

fn describe(mechanism: &Mechanism) -> String {
    match mechanism {
        Mechanism::Namespaces { landlock: 0 } => "user namespaces and a system call filter".to_owned(),
        Mechanism::Namespaces { landlock } => {
            format!("user namespaces, Landlock {landlock} and a system call filter")
        }
        Mechanism::Bubblewrap { path, .. } => format!("{} and a system call filter", path.display()),
        Mechanism::Landlock { abi } => format!("Landlock {abi} and a system call filter"),
        #[cfg(target_os = "macos")]
        Mechanism::Seatbelt => "the sandbox of macOS".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(name: &'static str, works: Result<Mechanism, &str>) -> Finding {
        // An unavailable mechanism can only come from the machine itself.
        let works = works.map_err(|_| unavailable());
        Finding { name, works }
    }

    fn unavailable() -> exec::Unavailable {
        let nowhere = types::AbsPath::new("/nonexistent").unwrap();
        let options = exec::Options { tmpdir: None, codex_home: nowhere, path: None };
        let mechanism = Mechanism::Bubblewrap { path: "/nonexistent/bwrap".into(), proxies: true };
        exec::Launcher::with_mechanism(options, mechanism).expect_err("there is no such program")
    }

    fn report(findings: &[Finding]) -> Report {
        Report::new(findings, Err(unavailable()))
    }

    #[test]
    fn the_weakest_mechanism_says_where_it_is_stricter() {
        let report = report(&[
            finding("namespaces", Err("")),
            finding("bwrap", Err("")),
            finding("landlock", Ok(Mechanism::Landlock { abi: 7 })),
        ]);
        assert_eq!(report.enforced_by, Some("landlock"));
        let text = report.text();
        assert!(text.contains("landlock    used   Landlock 7"), "{text}");
        assert!(text.contains("nothing new can be made"), "{text}");
        assert!(text.contains("nothing can listen") && !text.contains("no host is reached at all"), "{text}");
        assert!(!text.contains("Unix sockets"), "{text}");
    }

    #[test]
    fn a_bwrap_without_room_for_proxies_is_told() {
        let path = std::path::PathBuf::from("/usr/bin/bwrap");
        for (proxies, told) in [(true, false), (false, true)] {
            let report = report(&[finding("bwrap", Ok(Mechanism::Bubblewrap { path: path.clone(), proxies }))]);
            assert_eq!(report.text().contains("no host is reached at all"), told);
        }
    }

    #[test]
    fn without_any_mechanism_commands_are_refused() {
        let report = report(&[finding("namespaces", Err(""))]);
        assert_eq!(report.enforced_by, None);
        let text = report.text();
        assert!(text.contains("namespaces  no ") && text.contains("workspace-write               refused"), "{text}");
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["enforcedBy"], serde_json::Value::Null);
        assert_eq!(json["policies"][0]["enforced"], false);
    }
    #[test]
    fn where_control_groups_are_made_is_told() {
        let made = Report::new(&[], Ok(Path::new("/sys/fs/cgroup/a.service")));
        assert!(made.text().ends_with("\nControl groups, one for each command, below /sys/fs/cgroup/a.service\n"));
        let none = report(&[]);
        let reason = unavailable();
        assert!(
            none.text().ends_with(&format!("\nControl groups: none, commands end by their guards alone\n  {reason}\n"))
        );
        let json = serde_json::to_value(&made).unwrap();
        let wanted = serde_json::json!({ "made": true, "detail": "/sys/fs/cgroup/a.service" });
        assert_eq!(json["controlGroups"], wanted);
        assert_eq!(serde_json::to_value(&none).unwrap()["controlGroups"]["made"], false);
    }
}
