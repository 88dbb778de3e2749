//! Telling clients that there are other skills than before (`skills/changed`).
//!
//! What was looked for on behalf of a client or a thread is watched from then on: the folders with skills, and for those
//! that do not exist the nearest ones that do.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use config::Config;
use protocol as p;
use types::AbsPath;
use workspace::watch::{Report, Watches};

use crate::Server;

/// Folders that are watched at most; changes in others show when a client asks for skills.
const MAX_FOLDERS: usize = 1024;

/// The watched folders of skills.
#[derive(Default)]
pub(crate) struct SkillsWatch {
    /// Made for the first folder.
    watches: OnceLock<Watches>,
    watched: Mutex<BTreeSet<AbsPath>>,
}

impl Server {
    /// Looks for the skills that apply at `cwd`, in the background, and watches them.
    pub(crate) fn watch_skills_at(self: &Arc<Self>, config: Arc<Config>, cwd: AbsPath) {
        let server = self.clone();
        tokio::task::spawn_blocking(move || {
            let _found = server.engine.environment().find_skills(&config, &cwd, &[]);
            server.watch_skills();
        });
    }

    /// Watches what decides the skills that were found so far. Blocks for some system calls, and a search of what was not
    /// watched yet.
    pub(crate) fn watch_skills(self: &Arc<Self>) {
        self.look_at_skills(Vec::new());
    }

    /// Finds again what these paths decide, watches it, and tells of what is another one now.
    fn look_at_skills(self: &Arc<Self>, mut changed: Vec<AbsPath>) {
        let skills = &self.engine.environment().skills;
        let mut others = false;
        loop {
            others |= skills.look_again(&changed);
            // What happened in a folder between the search and the beginning of its watch was not heard.
            changed = self.watch_folders();
            if changed.is_empty() {
                break;
            }
        }
        if others {
            self.hub.broadcast(&p::SkillsChangedNotification {});
        }
    }

    /// Watches the folders that decide what was found and no others; gives those that were not watched before.
    fn watch_folders(self: &Arc<Self>) -> Vec<AbsPath> {
        let watches = self.skills_watch.watches.get_or_init(|| self.tell_of_changed_skills());
        let mut watched = self.skills_watch.watched();
        // Under the lock, so that nobody takes back what another search has come to need meanwhile.
        let depends_on = self.engine.environment().skills.depends_on();
        let wanted: BTreeSet<AbsPath> = depends_on.iter().filter_map(|path| folder_at(path)).collect();
        watched.retain(|folder| wanted.contains(folder) || !watches.remove(&folder.to_string()));
        let mut new = Vec::new();
        for folder in wanted {
            if watched.contains(&folder) {
                continue;
            }
            match watches.add(&folder.to_string(), &folder) {
                Ok(()) => {
                    watched.insert(folder.clone());
                    new.push(folder);
                }
                Err(error) => tracing::debug!(%error, "changes of skills are not heard of"),
            }
        }
        new
    }

    /// The watches end with the server, so they must not keep it alive.
    fn tell_of_changed_skills(self: &Arc<Self>) -> Watches {
        let server = Arc::downgrade(self);
        Watches::new(MAX_FOLDERS, move |reports| {
            if let Some(server) = server.upgrade() {
                tokio::task::spawn_blocking(move || server.skills_changed(reports));
            }
        })
    }

    fn skills_changed(self: &Arc<Self>, reports: Vec<Report>) {
        let changed: Vec<AbsPath> = reports.into_iter().flat_map(|(_, paths)| paths).collect();
        self.skills_watch.forget(&changed);
        self.look_at_skills(changed);
    }
}

impl SkillsWatch {
    fn watched(&self) -> MutexGuard<'_, BTreeSet<AbsPath>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the watches of folders that have changed themselves: another folder may be in their place.
    fn forget(&self, changed: &[AbsPath]) {
        let mut watched = self.watched();
        for folder in changed {
            if watched.remove(folder)
                && let Some(watches) = self.watches.get()
            {
                watches.remove(&folder.to_string());
            }
        }
    }
}

/// The folder at a path or, where there is none, the nearest one above it.
fn folder_at(path: &Path) -> Option<AbsPath> {
    path.ancestors().find(|folder| folder.is_dir()).and_then(|folder| AbsPath::new(folder).ok())
}
