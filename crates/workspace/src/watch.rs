//! Telling a client which of the files and folders that it watches have changed.
//!
//! One [`Watches`] is one client's, or the server's own. Changes are gathered for a moment, so that a file that is written in pieces, or
//! replaced by another, is told about once.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use types::AbsPath;

/// How long changes are gathered after the first one.
const GATHER: Duration = Duration::from_millis(200);
/// Events that may wait to be gathered. When a flood brings more, every watch reports its own path instead.
const QUEUE: usize = 1024;
/// Paths in one report; a folder in which more changed is reported by its own path.
const MAX_PATHS: usize = 1000;

/// Why a path is not watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    #[error("watchId already exists: {0}")]
    Exists(String),
    #[error("too many watches: at most {at_most} at a time")]
    TooMany { at_most: usize },
    /// The system cannot watch it, for instance because its folder does not exist.
    #[error("{path} cannot be watched: {reason}")]
    System { path: AbsPath, reason: String },
}

/// A watch's id, and the paths that changed, as the watch spells them.
pub type Report = (String, Vec<AbsPath>);

/// Watches that end together. Dropping it ends them all, at once and silently.
pub struct Watches {
    at_most: usize,
    state: Arc<Mutex<State>>,
    /// A flood of events overflowed the queue.
    flooded: Arc<AtomicBool>,
    events: mpsc::Sender<PathBuf>,
    gathering: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    watches: HashMap<String, Watch>,
    /// Made for the first watch.
    watcher: Option<RecommendedWatcher>,
    /// How many watches need each folder, by its real path.
    folders: HashMap<PathBuf, usize>,
}

struct Watch {
    path: AbsPath,
    points: Vec<Point>,
}

/// What is observed for a watch: everything in a folder, or one name in it.
#[derive(Debug, PartialEq, Eq)]
struct Point {
    /// With symbolic links resolved, as events name it.
    folder: PathBuf,
    name: Option<OsString>,
}

impl Watch {
    /// The path to report for an event at `changed`, spelled as the client spelled the watch.
    fn reported(&self, changed: &Path) -> Option<AbsPath> {
        self.points.iter().find_map(|point| match &point.name {
            Some(name) => (changed == point.folder.join(name)).then(|| self.path.clone()),
            None if changed == point.folder => Some(self.path.clone()),
            None => (changed.parent() == Some(&point.folder))
                .then(|| self.path.join(changed.file_name().unwrap_or_default())),
        })
    }
}

impl Watches {
    /// No watches yet, and never more than `at_most`. `changed` is called with the ids of watches and the paths that
    /// changed of each, as far as they changed within a moment, from a task of its own; it must not block. Needs a tokio
    /// runtime.
    pub fn new(at_most: usize, changed: impl Fn(Vec<Report>) + Send + 'static) -> Self {
        let state = Arc::<Mutex<State>>::default();
        let flooded = Arc::<AtomicBool>::default();
        let (events, queue) = mpsc::channel(QUEUE);
        let gathering = tokio::spawn(gather(queue, state.clone(), flooded.clone(), changed));
        Self { at_most, state, flooded, events, gathering }
    }

    /// Watches a file, or the entries of a folder. A file need not exist; its folder must. Blocks for a few system calls.
    ///
    /// # Errors
    /// [`WatchError`].
    pub fn add(&self, id: &str, path: &AbsPath) -> Result<(), WatchError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.watches.contains_key(id) {
            return Err(WatchError::Exists(id.to_owned()));
        }
        if state.watches.len() >= self.at_most {
            return Err(WatchError::TooMany { at_most: self.at_most });
        }
        let failed = |reason: String| WatchError::System { path: path.clone(), reason };
        let points = points(path).map_err(|error| failed(error.to_string()))?;
        for (position, point) in points.iter().enumerate() {
            if let Err(error) = self.observe(&mut state, &point.folder) {
                points[..position].iter().for_each(|point| state.release(&point.folder));
                return Err(failed(error.to_string()));
            }
        }
        state.watches.insert(id.to_owned(), Watch { path: path.clone(), points });
        Ok(())
    }

    /// Ends a watch, and says whether there was one. Nothing is reported for it any more.
    pub fn remove(&self, id: &str) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(watch) = state.watches.remove(id) else { return false };
        watch.points.iter().for_each(|point| state.release(&point.folder));
        true
    }

    fn observe(&self, state: &mut State, folder: &Path) -> notify::Result<()> {
        if let Some(users) = state.folders.get_mut(folder) {
            *users += 1;
            return Ok(());
        }
        let watcher = match &mut state.watcher {
            Some(watcher) => watcher,
            none => none.insert(self.watcher()?),
        };
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
        state.folders.insert(folder.to_owned(), 1);
        Ok(())
    }

    fn watcher(&self) -> notify::Result<RecommendedWatcher> {
        let (events, flooded) = (self.events.clone(), self.flooded.clone());
        notify::recommended_watcher(move |event: notify::Result<Event>| {
            let paths = match event {
                // Reading changes nothing.
                Ok(Event { kind: EventKind::Access(_), .. }) => return,
                Ok(event) if event.need_rescan() => vec![PathBuf::new()],
                Ok(event) => event.paths,
                Err(error) => return tracing::warn!(%error, "watching files failed"),
            };
            for path in paths {
                if path.as_os_str().is_empty() {
                    flooded.store(true, Ordering::Release);
                }
                if events.try_send(path).is_err() {
                    flooded.store(true, Ordering::Release);
                }
            }
        })
    }
}

impl Drop for Watches {
    fn drop(&mut self) {
        self.gathering.abort();
    }
}

impl State {
    fn release(&mut self, folder: &Path) {
        let Some(users) = self.folders.get_mut(folder) else { return };
        *users -= 1;
        if *users == 0 {
            self.folders.remove(folder);
            // It may be gone already.
            if let Some(watcher) = &mut self.watcher {
                let _ = watcher.unwatch(folder);
            }
        }
    }

    fn reports(&self, changed: &BTreeSet<PathBuf>, flooded: bool) -> Vec<Report> {
        let of = |watch: &Watch| {
            if flooded {
                return vec![watch.path.clone()];
            }
            let paths: BTreeSet<AbsPath> = changed.iter().filter_map(|path| watch.reported(path)).collect();
            if paths.len() > MAX_PATHS { vec![watch.path.clone()] } else { paths.into_iter().collect() }
        };
        let reports = self.watches.iter().map(|(id, watch)| (id.clone(), of(watch)));
        reports.filter(|(_, paths)| !paths.is_empty()).collect()
    }
}

/// A link is watched where it is and where it points to.
fn points(path: &AbsPath) -> std::io::Result<Vec<Point>> {
    let real = fs::canonicalize(path).ok();
    if let Some(real) = &real
        && real.is_dir()
    {
        return Ok(vec![Point { folder: real.clone(), name: None }]);
    }
    let file = |path: &Path| -> std::io::Result<Point> {
        let folder = path.parent().unwrap_or(path);
        Ok(Point { folder: fs::canonicalize(folder)?, name: path.file_name().map(ToOwned::to_owned) })
    };
    let mut points = vec![file(path)?];
    if let Some(real) = &real {
        let target = file(real)?;
        if target != points[0] {
            points.push(target);
        }
    }
    Ok(points)
}

async fn gather(
    mut events: mpsc::Receiver<PathBuf>,
    state: Arc<Mutex<State>>,
    flooded: Arc<AtomicBool>,
    changed: impl Fn(Vec<Report>),
) {
    while let Some(first) = events.recv().await {
        let mut paths = BTreeSet::from([first]);
        let end = tokio::time::Instant::now() + GATHER;
        while let Ok(Some(more)) = tokio::time::timeout_at(end, events.recv()).await {
            paths.insert(more);
        }
        let flooded = flooded.swap(false, Ordering::AcqRel);
        let reports = state.lock().unwrap_or_else(PoisonError::into_inner).reports(&paths, flooded);
        if !reports.is_empty() {
            changed(reports);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const AT_MOST: usize = 5;

    struct Client {
        watches: Watches,
        reports: mpsc::UnboundedReceiver<(String, Vec<AbsPath>)>,
        folder: AbsPath,
        _guard: tempfile::TempDir,
    }

    impl Client {
        fn new() -> Self {
            let guard = tempfile::tempdir().unwrap();
            let folder = AbsPath::new(fs::canonicalize(guard.path()).unwrap()).unwrap();
            let (tell, reports) = mpsc::unbounded_channel();
            let watches = Watches::new(AT_MOST, move |reports| {
                reports.into_iter().for_each(|report| tell.send(report).unwrap());
            });
            Self { watches, reports, folder, _guard: guard }
        }

        fn write(&self, name: &str) {
            fs::write(self.folder.join(name), name).unwrap();
        }

        async fn report(&mut self) -> (String, Vec<AbsPath>) {
            self.reports.recv().await.unwrap()
        }
    }

    #[tokio::test]
    async fn a_folder_reports_the_entries_that_changed() {
        let mut client = Client::new();
        client.watches.add("w", &client.folder).unwrap();
        client.write("new");
        assert_eq!(client.report().await, ("w".to_owned(), vec![client.folder.join("new")]));
    }

    #[tokio::test]
    async fn a_file_reports_itself_also_when_it_is_replaced_and_its_neighbours_do_not_count() {
        let mut client = Client::new();
        client.watches.add("w", &client.folder.join("f")).unwrap();
        client.write("other");
        client.write("f.tmp");
        fs::rename(client.folder.join("f.tmp"), client.folder.join("f")).unwrap();
        assert_eq!(client.report().await, ("w".to_owned(), vec![client.folder.join("f")]));
    }

    #[tokio::test]
    async fn a_link_reports_changes_of_its_target_under_its_own_name() {
        let mut client = Client::new();
        fs::create_dir(client.folder.join("d")).unwrap();
        client.write("d/f");
        symlink("d/f", client.folder.join("link")).unwrap();
        client.watches.add("w", &client.folder.join("link")).unwrap();
        client.write("d/f");
        assert_eq!(client.report().await, ("w".to_owned(), vec![client.folder.join("link")]));
    }

    #[tokio::test]
    async fn a_watch_that_was_removed_is_silent_and_others_of_its_folder_go_on() {
        let mut client = Client::new();
        client.watches.add("gone", &client.folder).unwrap();
        client.watches.add("stays", &client.folder).unwrap();
        assert!(client.watches.remove("gone"));
        assert!(!client.watches.remove("gone"));
        client.write("f");
        assert_eq!(client.report().await.0, "stays");
        assert!(client.reports.try_recv().is_err());
    }

    #[tokio::test]
    async fn an_id_is_used_once_and_a_missing_folder_is_an_error() {
        let client = Client::new();
        client.watches.add("w", &client.folder).unwrap();
        assert!(matches!(client.watches.add("w", &client.folder), Err(WatchError::Exists(_))));
        let missing = client.folder.join("no/such/file");
        assert!(matches!(client.watches.add("x", &missing), Err(WatchError::System { .. })));
    }

    #[tokio::test]
    async fn watches_are_bounded() {
        let client = Client::new();
        for id in 0..AT_MOST {
            client.watches.add(&id.to_string(), &client.folder).unwrap();
        }
        assert!(matches!(client.watches.add("more", &client.folder), Err(WatchError::TooMany { at_most: AT_MOST })));
    }

    #[test]
    fn a_flood_reports_the_watched_path_itself() {
        let path = AbsPath::new("/w").unwrap();
        let watch = Watch { path: path.clone(), points: vec![Point { folder: "/w".into(), name: None }] };
        let state = State { watches: HashMap::from([("w".to_owned(), watch)]), ..State::default() };
        assert_eq!(state.reports(&BTreeSet::new(), true), [("w".to_owned(), vec![path.clone()])]);
        let many = (0..=MAX_PATHS).map(|n| PathBuf::from(format!("/w/{n}"))).collect();
        assert_eq!(state.reports(&many, false), [("w".to_owned(), vec![path])]);
    }
}
