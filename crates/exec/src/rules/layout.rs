//! The rules as a list of places to treat specially, in the order in which a sandbox can put them in place.

use std::path::{Path, PathBuf};

use super::{Access, Kind, Rules, glob::Glob};

/// What a sandbox has to bring about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    /// What holds for every path that no place is about.
    pub(crate) base: Access,
    /// Outer before inner; a place that says no more than the one around it is left out.
    pub(crate) places: Vec<Place>,
    /// Links that must exist for a place to be found under the name it was given.
    pub(crate) links: Vec<(PathBuf, PathBuf)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    pub(crate) access: Access,
    /// What is there now.
    pub(crate) kind: PlaceKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlaceKind {
    Folder,
    File,
    /// A symbolic link, to be kept as the link it is.
    Link,
    /// Nothing, and nothing may come into being.
    Absent,
}

/// A glob that matches more than this is refused: each match costs the sandbox a mount.
const MOST_MATCHES: usize = 4096;

impl Rules {
    /// Orders the rules, and looks for what the patterns match right now.
    ///
    /// # Errors
    /// What a pattern matches is too much.
    pub(crate) fn layout(&self) -> Result<Layout, String> {
        let mut entries: Vec<(PathBuf, Access, Kind)> =
            self.entries.iter().map(|entry| (entry.path.clone(), entry.access, entry.kind)).collect();
        for glob in &self.denied {
            for path in self.matches_of(glob)? {
                entries.push((path, Access::None, Kind::Stated));
            }
        }
        // Stable: of equal paths the later stays behind the earlier.
        entries.sort_by_key(|(path, ..)| path.components().count());
        let mut layout = Layout { base: Access::None, places: Vec::new(), links: self.links() };
        let mut at = 0;
        while let Some((path, access, kind)) = entries.get(at) {
            at += 1;
            if entries[at..].iter().any(|(later, ..)| later == path) {
                continue;
            }
            if path == Path::new("/") {
                layout.base = *access;
                continue;
            }
            let around = layout.access_around(path);
            let found = PlaceKind::of(path);
            let needed = match (found, kind) {
                (PlaceKind::Absent, Kind::Protected) => around == Access::Write,
                (PlaceKind::Absent, Kind::Stated | Kind::Temporary) => false,
                _ => *access != around,
            };
            if needed {
                layout.places.push(Place { path: path.clone(), access: *access, kind: found });
            }
        }
        Ok(layout)
    }

    fn links(&self) -> Vec<(PathBuf, PathBuf)> {
        let aliased = self.entries.iter().filter(|entry| entry.access != Access::None);
        aliased.filter_map(|entry| Some((entry.alias.clone()?, entry.path.clone()))).collect()
    }

    fn matches_of(&self, glob: &Glob) -> Result<Vec<PathBuf>, String> {
        let mut found = Vec::new();
        for start in glob.starts() {
            let start = super::resolve(&start);
            let mut folders = vec![(start.clone(), 0)];
            if glob.matches(&start) && start.exists() {
                found.push(start);
                continue;
            }
            while let Some((folder, depth)) = folders.pop() {
                if self.glob_scan_max_depth.is_some_and(|most| depth >= most) {
                    continue;
                }
                for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                    let path = entry.path();
                    if glob.matches(&path) {
                        // A link is denied by denying where it leads.
                        found.push(super::resolve(&path));
                    } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                        folders.push((path, depth + 1));
                    }
                    if found.len() > MOST_MATCHES {
                        return Err(format!("a glob pattern matches more than {MOST_MATCHES} paths"));
                    }
                }
            }
        }
        Ok(found)
    }
}

impl PlaceKind {
    fn of(path: &Path) -> Self {
        match path.symlink_metadata() {
            Ok(metadata) if metadata.is_dir() => Self::Folder,
            Ok(metadata) if metadata.is_symlink() => Self::Link,
            Ok(_) => Self::File,
            Err(_) => Self::Absent,
        }
    }
}

impl Layout {
    /// What holds at a path that is not itself a place.
    pub(crate) fn access_around(&self, path: &Path) -> Access {
        let around = self.places.iter().rev().find(|place| path.starts_with(&place.path) && path != place.path);
        around.map_or(self.base, |place| place.access)
    }

    /// The same rules for a mechanism that can only grant, never take back further in: each folder with a more
    /// restricted place inside is replaced by what it holds, one by one. Nothing new can be made in such a folder.
    ///
    /// Absent places and links need no place of their own any more.
    pub(crate) fn grants(&self) -> Vec<(PathBuf, Access)> {
        let mut grants = Vec::new();
        self.grant(Path::new("/"), self.base, &mut grants);
        for place in &self.places {
            self.grant(&place.path, place.access, &mut grants);
        }
        grants
    }

    fn grant(&self, path: &Path, access: Access, grants: &mut Vec<(PathBuf, Access)>) {
        if access == Access::None {
            return;
        }
        let within = || self.places.iter().filter(|place| place.path.starts_with(path) && place.path != path);
        if within().all(|place| place.access >= access) {
            grants.push((path.to_owned(), access));
            return;
        }
        // What is read below may still be read here; only what is denied below needs the finer grain.
        if access == Access::Write && within().all(|place| place.access >= Access::Read) {
            grants.push((path.to_owned(), Access::Read));
        }
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            let child = entry.path();
            let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
            // Places are granted by themselves; where a link leads is granted or not under its own path.
            if !is_link && !self.places.iter().any(|place| place.path == child) {
                self.grant(&child, access, grants);
            }
        }
    }

    /// The places inside a folder that say more than that nothing may be seen.
    pub(crate) fn seen_within<'a>(&'a self, folder: &'a Path) -> impl Iterator<Item = &'a Place> {
        let inside = move |place: &&Place| place.path.starts_with(folder) && place.path != folder;
        self.places.iter().filter(inside).filter(|place| place.access != Access::None)
    }

    /// Whether some place takes back what the one around it grants.
    pub(crate) fn denies(&self) -> bool {
        self.places.iter().any(|place| place.access == Access::None)
    }
}
