//! AGENTS.md: instructions that a user keeps in the home folder and in projects.
//!
//! Order: the home's file, then those from the project root down to the working directory. In each folder
//! `AGENTS.override.md` replaces `AGENTS.md`, and the configured fallback names count where neither exists.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use types::AbsPath;

const OVERRIDE_NAME: &str = "AGENTS.override.md";
const NAME: &str = "AGENTS.md";
/// Stands between the home's text and the project's.
const PROJECT_SEPARATOR: &str = "\n\n--- project-doc ---\n\n";

/// What decides which files count, and how much of them.
#[derive(Debug, Clone, Copy)]
pub struct Limits<'a> {
    /// Bytes of all project files together; 0: no project files at all. The home's file is not limited.
    pub max_bytes: usize,
    /// Names that are tried where there is no AGENTS.md.
    pub fallback_filenames: &'a [String],
    /// Names whose presence makes a folder the project's root. Without such a folder only the working directory counts.
    pub root_markers: &'a [String],
}

impl<'a> From<&'a config::Config> for Limits<'a> {
    fn from(config: &'a config::Config) -> Self {
        Self {
            max_bytes: config.project_doc_max_bytes,
            fallback_filenames: &config.project_doc_fallback_filenames,
            root_markers: &config.project_root_markers,
        }
    }
}

/// One instruction file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// With symbolic links resolved.
    pub path: AbsPath,
    pub place: Place,
    /// The part that is used; empty when the file is, or when earlier files used the limit up.
    pub text: String,
}

/// Where an instruction file lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Home,
    Project,
}

/// Finds and reads the instruction files for `cwd`. Files that cannot be read are left out.
#[must_use]
pub fn load(home: &AbsPath, cwd: &AbsPath, limits: &Limits<'_>) -> Vec<Source> {
    let mut sources = Vec::new();
    for name in [OVERRIDE_NAME, NAME] {
        // A blank file in the home does not count; the next name does.
        if let Some((path, text)) = read(&home.join(name), usize::MAX)
            && !text.trim().is_empty()
        {
            sources.push(Source { path, place: Place::Home, text: text.trim().to_owned() });
            break;
        }
    }
    if limits.max_bytes == 0 {
        return sources;
    }
    let mut left = limits.max_bytes;
    for folder in project_folders(cwd, limits.root_markers) {
        let names = [OVERRIDE_NAME, NAME].into_iter().chain(limits.fallback_filenames.iter().map(String::as_str));
        for name in names.filter(|name| !name.is_empty()) {
            let Some((path, text)) = read(&folder.join(name), left) else { continue };
            left = left.saturating_sub(text.len());
            let text = if text.trim().is_empty() { String::new() } else { text };
            sources.push(Source { path, place: Place::Project, text });
            break;
        }
    }
    sources
}

/// The folders from the project's root down to `cwd`; `cwd` alone when there is no root.
pub(crate) fn project_folders(cwd: &AbsPath, root_markers: &[String]) -> Vec<AbsPath> {
    let mut folders = Vec::new();
    let mut folder = Some(cwd.clone());
    while let Some(current) = folder {
        let is_root = root_markers.iter().any(|marker| current.join(marker).exists());
        folder = current.parent();
        folders.push(current);
        if is_root {
            folders.reverse();
            return folders;
        }
    }
    vec![cwd.clone()]
}

/// The first `limit` bytes of a file, cut at a character.
fn read(path: &Path, limit: usize) -> Option<(AbsPath, String)> {
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(u64::try_from(limit).unwrap_or(u64::MAX)).read_to_end(&mut bytes).ok()?;
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let (whole, bytes) = (error.utf8_error().valid_up_to(), error.into_bytes());
            // The limit may have cut a character in two; anything else that is not UTF-8 is replaced.
            let cut = bytes.len() == limit && bytes.len() - whole < 4;
            String::from_utf8_lossy(if cut { &bytes[..whole] } else { &bytes }).into_owned()
        }
    };
    let path = fs::canonicalize(path).ok()?;
    Some((AbsPath::new(path).ok()?, text))
}

/// The texts of all sources as one, `None` when there is none.
#[must_use]
pub fn combined(sources: &[Source]) -> Option<String> {
    let texts = |place: Place| {
        let texts: Vec<_> =
            sources.iter().filter(|source| source.place == place).map(|source| source.text.as_str()).collect();
        texts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n")
    };
    let (home, project) = (texts(Place::Home), texts(Place::Project));
    match (home.is_empty(), project.is_empty()) {
        (true, true) => None,
        (false, true) => Some(home),
        (true, false) => Some(project),
        (false, false) => Some(format!("{home}{PROJECT_SEPARATOR}{project}")),
    }
}

/// The user message that gives the model the combined text.
#[must_use]
pub fn message(cwd: &AbsPath, combined: &str) -> String {
    format!("# AGENTS.md instructions for {cwd}\n\n<INSTRUCTIONS>\n{combined}\n</INSTRUCTIONS>")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Case {
        _folder: tempfile::TempDir,
        home: AbsPath,
        project: AbsPath,
    }

    impl Case {
        /// Writes `home:NAME` and project files.
        fn new(files: &[(&str, &str)]) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let root = AbsPath::new(folder.path().canonicalize().unwrap()).unwrap();
            let (home, project) = (root.join("home"), root.join("project"));
            fs::create_dir_all(&home).unwrap();
            for (name, text) in files {
                let path = match name.strip_prefix("home:") {
                    Some(name) => home.join(name),
                    None => project.join(name),
                };
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            Self { _folder: folder, home, project }
        }

        fn check(&self, cwd: &str, max_bytes: usize, sources: &[&str], text: Option<&str>) {
            let limits = Limits {
                max_bytes,
                fallback_filenames: &["NOTES.md".to_owned()],
                root_markers: &[".git".to_owned(), ".top".to_owned()],
            };
            let cwd = self.project.join(cwd);
            fs::create_dir_all(&cwd).unwrap();
            let found = load(&self.home, &cwd, &limits);
            let paths: Vec<_> = found.iter().map(|source| source.path.clone()).collect();
            let expected: Vec<_> = sources
                .iter()
                .map(|name| match name.strip_prefix("home:") {
                    Some(name) => self.home.join(name),
                    None => self.project.join(name),
                })
                .collect();
            assert_eq!(paths, expected);
            assert_eq!(combined(&found).as_deref(), text);
        }
    }

    #[test]
    fn the_home_comes_first_then_the_project_from_the_root_down() {
        let case = Case::new(&[
            (".git/HEAD", ""),
            ("home:AGENTS.md", "global\n"),
            ("AGENTS.md", "root\n"),
            ("a/AGENTS.md", "in a\n"),
            ("a/b/c/AGENTS.md", "in c\n"),
            ("z/AGENTS.md", "in z\n"),
        ]);
        case.check(
            "a/b/c",
            1000,
            &["home:AGENTS.md", "AGENTS.md", "a/AGENTS.md", "a/b/c/AGENTS.md"],
            Some("global\n\n--- project-doc ---\n\nroot\n\n\nin a\n\n\nin c\n"),
        );
    }

    #[test]
    fn without_a_root_only_the_working_directory_counts() {
        let case = Case::new(&[("AGENTS.md", "root\n"), ("a/AGENTS.md", "in a\n")]);
        case.check("a", 1000, &["a/AGENTS.md"], Some("in a\n"));
    }

    #[test]
    fn the_nearest_root_marker_wins() {
        let case =
            Case::new(&[(".git/HEAD", ""), ("AGENTS.md", "root\n"), ("a/.top", ""), ("a/b/AGENTS.md", "in b\n")]);
        case.check("a/b", 1000, &["a/b/AGENTS.md"], Some("in b\n"));
    }

    #[test]
    fn the_limit_cuts_the_sum_and_files_beyond_it_stay_sources() {
        let (first, second) = ("0123456789".repeat(3), "abcdefghij".repeat(3));
        let case = Case::new(&[
            (".git/HEAD", ""),
            ("AGENTS.md", &first),
            ("a/AGENTS.md", &second),
            ("a/b/AGENTS.md", "never seen"),
        ]);
        let sources = ["AGENTS.md", "a/AGENTS.md", "a/b/AGENTS.md"];
        case.check("a/b", 40, &sources, Some("012345678901234567890123456789\n\nabcdefghij"));
        case.check("a/b", 0, &[], None);
    }

    #[test]
    fn the_limit_does_not_cut_a_character_in_two() {
        let case = Case::new(&[(".git/HEAD", ""), ("AGENTS.md", "aä")]);
        case.check("", 2, &["AGENTS.md"], Some("a"));
    }

    #[test]
    fn a_blank_project_file_is_a_source_without_text_and_a_blank_home_file_is_none() {
        let case = Case::new(&[(".git/HEAD", ""), ("home:AGENTS.md", "  \n"), ("AGENTS.md", "\n\n")]);
        case.check("", 1000, &["AGENTS.md"], None);
    }

    #[test]
    fn an_override_replaces_the_file_beside_it_and_fallbacks_fill_gaps() {
        let case = Case::new(&[
            (".git/HEAD", ""),
            ("home:AGENTS.md", "home"),
            ("home:AGENTS.override.md", "home override"),
            ("AGENTS.md", "root"),
            ("AGENTS.override.md", "root override"),
            ("NOTES.md", "not used"),
            ("a/NOTES.md", "notes"),
        ]);
        case.check(
            "a",
            1000,
            &["home:AGENTS.override.md", "AGENTS.override.md", "a/NOTES.md"],
            Some("home override\n\n--- project-doc ---\n\nroot override\n\nnotes"),
        );
    }

    #[test]
    fn the_message_wraps_the_text() {
        let cwd = AbsPath::new("/w").unwrap();
        assert_eq!(
            message(&cwd, "Be kind.\n"),
            "# AGENTS.md instructions for /w\n\n<INSTRUCTIONS>\nBe kind.\n\n</INSTRUCTIONS>"
        );
    }
}
