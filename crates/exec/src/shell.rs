//! The user's shell.

use std::path::{Path, PathBuf};

/// A shell and how scripts are handed to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shell {
    /// Where it is.
    pub path: PathBuf,
    /// What kind it is, by its name.
    pub kind: ShellKind,
}

/// The kinds of shell that take scripts differently or speak differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShellKind {
    Bash,
    Zsh,
    Sh,
    PowerShell,
    /// Something else that knows `-c`.
    Other,
}

/// Tried in order when the user's shell is not known or not there.
const FALLBACKS: [&str; 4] = ["/bin/bash", "/usr/bin/bash", "/bin/zsh", "/bin/sh"];

impl Shell {
    /// The shell that `$SHELL` names when it is one whose language models write (bash, zsh, sh, PowerShell), else the
    /// first of the usual ones that is there.
    #[must_use]
    pub fn detect(shell_env: Option<&str>) -> Self {
        let named = shell_env.map(Path::new).filter(|path| path.is_absolute() && path.is_file());
        if let Some(path) = named
            && ShellKind::of(path) != ShellKind::Other
        {
            return Self::at(path);
        }
        if cfg!(windows) {
            return Self { path: "powershell.exe".into(), kind: ShellKind::PowerShell };
        }
        let found = FALLBACKS.map(Path::new).into_iter().find(|path| path.is_file());
        Self::at(found.unwrap_or(Path::new("/bin/sh")))
    }

    /// A shell at a known place.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), kind: ShellKind::of(path) }
    }

    /// The command that runs `script`; as a login shell it first reads the user's profile.
    #[must_use]
    pub fn argv(&self, script: &str, login: bool) -> Vec<String> {
        let mut argv = vec![self.path.to_string_lossy().into_owned()];
        match self.kind {
            ShellKind::PowerShell => {
                argv.extend((!login).then(|| "-NoProfile".to_owned()));
                argv.push("-Command".to_owned());
            }
            ShellKind::Bash | ShellKind::Zsh | ShellKind::Sh | ShellKind::Other => {
                argv.push(if login { "-lc" } else { "-c" }.to_owned());
            }
        }
        argv.push(script.to_owned());
        argv
    }

    /// Its short name, as users say it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self.kind {
            ShellKind::Bash => "bash",
            ShellKind::Zsh => "zsh",
            ShellKind::Sh => "sh",
            ShellKind::PowerShell => "powershell",
            ShellKind::Other => self.path.file_stem().and_then(|name| name.to_str()).unwrap_or("sh"),
        }
    }
}

impl ShellKind {
    fn of(path: &Path) -> Self {
        match path.file_stem().and_then(|name| name.to_str()) {
            Some("bash") => Self::Bash,
            Some("zsh") => Self::Zsh,
            Some("sh" | "dash" | "ash") => Self::Sh,
            Some("pwsh" | "powershell") => Self::PowerShell,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_handed_over_as_each_shell_wants_them() {
        assert_eq!(Shell::at(Path::new("/bin/bash")).argv("x", true), ["/bin/bash", "-lc", "x"]);
        assert_eq!(Shell::at(Path::new("/bin/zsh")).argv("x", false), ["/bin/zsh", "-c", "x"]);
        assert_eq!(Shell::at(Path::new("/bin/pwsh")).argv("x", false), ["/bin/pwsh", "-NoProfile", "-Command", "x"]);
    }

    #[cfg(unix)]
    #[test]
    fn an_unknown_or_missing_shell_gives_a_usual_one() {
        assert_ne!(Shell::detect(Some("/nowhere/bash")).path, Path::new("/nowhere/bash"));
        assert!(Shell::detect(None).path.is_file());
        assert_eq!(Shell::detect(Some("/bin/sh")).name(), "sh");
    }
}
