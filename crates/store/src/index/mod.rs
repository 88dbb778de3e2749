//! What lists show of all threads, in a SQLite file.
//!
//! A cache: the rollouts are the truth, a list that the index cannot answer is answered by [`crate::scan`], and the file
//! may be deleted at any time. `docs/storage.md` says what it guarantees.
//!
//! - `db`: the file, its tables, and what to do when it is unusable.
//! - `disk`: brings it in step with the rollouts; `watch` hears what has changed, `stamp` tells it otherwise.
//! - `beside`: the same for names and git facts.
//! - `query`: a list query as SQL.

mod beside;
mod db;
mod disk;
mod query;
mod stamp;
#[cfg(test)]
mod tests;
mod watch;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use rusqlite::{Connection, TransactionBehavior};
use types::{AbsPath, ThreadId};

use self::db::{IndexError, Remedy};
use self::disk::Disk;
use crate::list::{Page, PageQuery};

/// How long the index is left alone when somebody else is busy with it.
const PAUSE: Duration = Duration::from_secs(5);

/// Providers and folders in a query at most; SQLite takes 32766 values.
const FILTER_VALUES: usize = 1000;

/// Steps that a list takes to bring the index in step before the rollouts are asked instead.
const FEW_STEPS: usize = 4;

/// How much may be done for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// A few milliseconds' worth; the rest is left to the background.
    Little,
    /// All of it: every file may have to be looked at.
    Whatever,
}

/// The index of one home. Owns the thread that fills it; dropping it ends that.
pub(crate) struct Index {
    shared: Arc<Shared>,
    /// Fills the index.
    filler: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    home: AbsPath,
    zone: TimeZone,
    /// The file.
    path: AbsPath,
    state: Mutex<State>,
    /// The index was in step once, and what has changed since is heard of.
    ready: AtomicBool,
    stop: AtomicBool,
}

/// The file, as far as it can be used.
#[derive(Default)]
struct State {
    open: Option<Open>,
    /// Somebody else is busy with it.
    paused_until: Option<Instant>,
    /// It was damaged, and made anew. It is not tried a second time.
    rebuilt: bool,
    /// It cannot be used.
    unusable: bool,
    /// That it cannot be used, now or at all, was said.
    warned: bool,
}

struct Open {
    db: Connection,
    disk: Disk,
}

impl Index {
    /// Nothing is opened before the first question.
    pub(crate) fn new(home: &AbsPath, zone: TimeZone) -> Self {
        let shared = Shared {
            path: home.join(db::FILE),
            home: home.clone(),
            zone,
            state: Mutex::default(),
            ready: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        };
        Self { shared: Arc::new(shared), filler: Mutex::default() }
    }

    /// The page that the rollouts hold now; `None` when the index cannot say with that much effort.
    pub(crate) fn page(&self, query: &PageQuery<'_>, effort: Effort) -> Option<Page> {
        if query.query.filter_values() > FILTER_VALUES {
            return None;
        }
        self.ask(effort, |db| query::page(db, &self.shared.home, &self.shared.zone, query))
    }

    /// Threads that agents of this one began, and theirs, that are not archived: parents before children, older ones
    /// first. `None` when the index cannot say with that much effort.
    pub(crate) fn descendants(&self, id: ThreadId, effort: Effort) -> Option<Vec<(ThreadId, AbsPath)>> {
        self.ask(effort, |db| query::descendants(db, &self.shared.home, id))
    }

    /// Asks the index when it is in step with the rollouts.
    fn ask<T>(&self, effort: Effort, mut question: impl FnMut(&Connection) -> Result<T, IndexError>) -> Option<T> {
        if effort == Effort::Little && !self.shared.ready.load(Ordering::Acquire) {
            self.fill();
            return None;
        }
        let answer = self.shared.with_open(|open| {
            if !self.shared.catch_up(open, effort)? {
                return Ok(None);
            }
            question(&open.db).map(Some)
        });
        if !self.shared.ready.load(Ordering::Acquire) {
            self.fill();
        }
        answer.flatten()
    }

    /// Starts filling the index in the background, unless that is going on or would be of no use.
    fn fill(&self) {
        let mut filler = self.filler.lock().unwrap_or_else(PoisonError::into_inner);
        if filler.as_ref().is_some_and(|filler| !filler.is_finished()) || !self.shared.is_worth_filling() {
            return;
        }
        let shared = self.shared.clone();
        let started = std::thread::Builder::new().name("index".to_owned()).spawn(move || shared.fill());
        *filler = started.inspect_err(|error| tracing::warn!(%error, "the index of threads cannot be filled")).ok();
    }

    /// Ends the filling and closes the file.
    pub(crate) fn close(&self) {
        self.shared.stop.store(true, Ordering::Release);
        let filler = self.filler.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(filler) = filler
            && filler.join().is_err()
        {
            tracing::error!("filling the index of threads ended with a panic");
        }
        self.shared.ready.store(false, Ordering::Release);
        let mut state = self.shared.state();
        state.open = None;
        state.unusable = true;
    }
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index").field("path", &self.shared.path).finish_non_exhaustive()
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_worth_filling(&self) -> bool {
        if self.stop.load(Ordering::Acquire) {
            return false;
        }
        // Who has it is at work on it.
        let Ok(state) = self.state.try_lock() else { return false };
        // Without a watch each answer looks at everything anyway, if it needs to.
        !state.unusable && !state.is_paused() && state.open.as_ref().is_none_or(|open| open.disk.is_watched())
    }

    /// Brings the index in step, a step at a time, so that others come in between.
    fn fill(&self) {
        self.with_open(|Open { disk, .. }| {
            disk.listen();
            Ok(())
        });
        while !self.stop.load(Ordering::Acquire) {
            let more = self.with_open(|Open { db, disk }| {
                if !disk.is_done() {
                    disk.step(db)?;
                }
                self.ready.store(disk.is_done() && disk.is_watched(), Ordering::Release);
                Ok(!disk.is_done())
            });
            if more != Some(true) {
                return;
            }
            std::thread::yield_now();
        }
    }

    /// Brings the index in step; `false` when that takes more than `effort`.
    fn catch_up(&self, open: &mut Open, effort: Effort) -> Result<bool, IndexError> {
        let Open { db, disk } = open;
        disk.listen();
        let mut steps = 0;
        while !disk.is_done() {
            if effort == Effort::Little && steps == FEW_STEPS {
                self.ready.store(false, Ordering::Release);
                return Ok(false);
            }
            disk.step(db)?;
            steps += 1;
        }
        self.ready.store(disk.is_watched(), Ordering::Release);
        db::check_zone(db, &self.zone)?;
        if !beside::is_current(db, &self.home)? {
            let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            beside::take_in(&transaction, &self.home)?;
            transaction.commit()?;
        }
        Ok(true)
    }

    /// Runs `work` with the open index. `None` when it cannot be used, which is said once.
    fn with_open<T>(&self, mut work: impl FnMut(&mut Open) -> Result<T, IndexError>) -> Option<T> {
        let mut state = self.state();
        loop {
            if state.unusable || state.is_paused() {
                return None;
            }
            let error = match self.opened(&mut state).and_then(&mut work) {
                Ok(result) => return Some(result),
                Err(error) => error,
            };
            self.ready.store(false, Ordering::Release);
            let remedy = error.remedy();
            if !std::mem::replace(&mut state.warned, true) {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(path = %self.path, error, ?remedy, "the index of threads cannot be used; lists read the rollouts");
            }
            match remedy {
                Remedy::Wait => state.paused_until = Some(Instant::now() + PAUSE),
                Remedy::Rebuild if !state.rebuilt => {
                    state.open = None;
                    state.rebuilt = true;
                    db::remove(&self.path);
                }
                Remedy::Rebuild | Remedy::GiveUp => {
                    state.open = None;
                    state.unusable = true;
                }
            }
        }
    }

    fn opened<'a>(&self, state: &'a mut State) -> Result<&'a mut Open, IndexError> {
        if state.open.is_none() {
            let db = db::open(&self.path, &self.zone)?;
            state.open = Some(Open { db, disk: Disk::new(self.home.clone(), self.zone.clone()) });
        }
        Ok(state.open.as_mut().expect("it was opened just now"))
    }
}

impl State {
    fn is_paused(&self) -> bool {
        self.paused_until.is_some_and(|until| Instant::now() < until)
    }
}
