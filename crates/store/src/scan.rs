//! Finds the threads of a list on the disk, from folder and file names and the heads of files.
//!
//! Names say when a thread began, so that a page by creation opens only the files it shows or filters out. A page by
//! change asks for every file's time first.

use std::collections::{HashMap, VecDeque};
use std::fs;

use jiff::{SignedDuration, Timestamp};
use types::{AbsPath, SessionSource, SubAgentSource, ThreadId};

use crate::cursor::{Cursor, Position};
use crate::error::StoreError;
use crate::format::{self, Head};
use crate::git_patches::{self, GitPatch};
use crate::index_file::or_nothing;
use crate::list::{ListQuery, ListedFile, Page, PageQuery, SortKey, SortOrder, Summary};
use crate::names;
use crate::paths::{ARCHIVED, RolloutName, SESSIONS, day_of};
use crate::store::{FileStore, day_folders, rollouts_in};
use crate::thread_store::ThreadStore as _;
use crate::{head, open};

impl FileStore {
    /// The page that the disk holds; `None` when more than `heads_at_most` heads would have to be read for it.
    pub(crate) fn scan(&self, page: &PageQuery<'_>, heads_at_most: Option<usize>) -> Result<Option<Page>, StoreError> {
        let beside = Beside::read(&self.home);
        let mut candidates = Candidates::new(self, page.query, page.cursor)?;
        let mut found: Vec<(Position, Summary)> = Vec::new();
        let mut heads = 0;
        while found.len() <= page.limit
            && let Some(candidate) = candidates.next()?
        {
            if heads_at_most.is_some_and(|most| heads >= most) {
                return Ok(None);
            }
            heads += 1;
            if let Some(file) = listed_file(&candidate.path, page.query.archived)
                && file.preview.is_some()
                && let summary = beside.summary(file)
                && page.query.matches(&summary)
            {
                found.push((candidate.position, summary));
            }
        }
        Ok(Some(page.page(found, |summary| summary)))
    }

    /// See [`ThreadStore::summary`](crate::ThreadStore::summary).
    pub(crate) fn summary(&self, path: &AbsPath) -> Result<Option<Summary>, StoreError> {
        let beside = Beside::read(&self.home);
        Ok(listed_file(path, self.is_archived(path)).map(|file| beside.summary(file)))
    }
}

/// What a file says for a list; `None` when it cannot be read.
fn listed_file(path: &AbsPath, archived: bool) -> Option<ListedFile> {
    let read = || -> std::io::Result<Option<_>> {
        let (file, facts) = open::for_reading(path)?;
        let updated_at = facts.modified()?;
        let head = head::read(file, format::read_head)?;
        Ok(head.map(|(head, preview)| ListedFile { path: path.clone(), archived, head, preview, updated_at }))
    };
    read().unwrap_or_else(|error| {
        tracing::warn!(%path, %error, "a rollout cannot be read");
        None
    })
}

/// What is kept of threads outside their rollouts.
struct Beside {
    names: HashMap<ThreadId, String>,
    git: HashMap<ThreadId, GitPatch>,
}

impl Beside {
    fn read(home: &AbsPath) -> Self {
        Self { names: or_nothing(names::read(home)), git: or_nothing(git_patches::read(home)) }
    }

    fn summary(&self, file: ListedFile) -> Summary {
        let id = file.head.id;
        Summary::new(file, self.names.get(&id).cloned(), self.git.get(&id))
    }
}

impl FileStore {
    /// The threads that agents of a thread began, and theirs, by the first lines of all threads that began after it.
    pub(crate) fn scan_descendants(&self, id: ThreadId) -> Result<Vec<(ThreadId, AbsPath)>, StoreError> {
        let began = self.find(id)?.and_then(|found| RolloutName::parse(found.path.file_name()?));
        let before = began.and_then(|name| name.began_at(self.zone()).checked_sub(SignedDuration::from_secs(1)).ok());
        let query = ListQuery { order: SortOrder::OldestFirst, ..ListQuery::default() };
        let mut candidates = Candidates::new(self, &query, before.map(|at| Cursor { at, id: None }))?;
        let mut children: HashMap<ThreadId, Vec<(ThreadId, AbsPath)>> = HashMap::new();
        while let Some(Candidate { path, .. }) = candidates.next()? {
            if let Some(Head { id, source, .. }) = head::first_line(&path)
                && let SessionSource::SubAgent(SubAgentSource::ThreadSpawn { parent_thread_id, .. }) = source
            {
                children.entry(parent_thread_id).or_default().push((id, path));
            }
        }
        let mut found = children.remove(&id).unwrap_or_default();
        let mut next = 0;
        while let Some((child, _)) = found.get(next) {
            let theirs = children.remove(child).unwrap_or_default();
            found.extend(theirs);
            next += 1;
        }
        Ok(found)
    }
}

struct Candidate {
    path: AbsPath,
    position: Position,
}

impl Candidate {
    /// What lists are sorted by; copies of a thread by their path.
    fn place(&self) -> (Position, &AbsPath) {
        (self.position, &self.path)
    }
}

/// Rollouts in the order of a query, from its cursor on, as far as names and times tell.
struct Candidates<'a> {
    store: &'a FileStore,
    sort: SortKey,
    order: SortOrder,
    cursor: Option<Cursor>,
    /// Folders still to be looked into, the next one first. More than one only where they are in the list's order.
    folders: VecDeque<AbsPath>,
    ready: VecDeque<Candidate>,
}

impl<'a> Candidates<'a> {
    fn new(store: &'a FileStore, query: &ListQuery, cursor: Option<Cursor>) -> Result<Self, StoreError> {
        let mut candidates = Self {
            store,
            sort: query.sort,
            order: query.order,
            cursor,
            folders: VecDeque::new(),
            ready: VecDeque::new(),
        };
        let folders =
            if query.archived { vec![store.home.join(ARCHIVED)] } else { day_folders(&store.home.join(SESSIONS))? };
        match query.sort {
            SortKey::CreatedAt => {
                candidates.folders = folders.into();
                if query.order == SortOrder::OldestFirst {
                    candidates.folders.make_contiguous().reverse();
                }
            }
            SortKey::UpdatedAt => {
                let mut all = Vec::new();
                for folder in &folders {
                    candidates.collect(folder, &mut all)?;
                }
                candidates.accept(all);
            }
        }
        Ok(candidates)
    }

    fn next(&mut self) -> Result<Option<Candidate>, StoreError> {
        while self.ready.is_empty() {
            let Some(folder) = self.folders.pop_front() else { return Ok(None) };
            if self.is_passed(&folder) {
                continue;
            }
            let mut found = Vec::new();
            self.collect(&folder, &mut found)?;
            self.accept(found);
        }
        Ok(self.ready.pop_front())
    }

    /// Whether the cursor is past all of a day's folder. A day either way covers the difference of time zones.
    fn is_passed(&self, folder: &AbsPath) -> bool {
        let (Some(cursor), Some(day)) = (&self.cursor, day_of(folder)) else { return false };
        let at = cursor.at.to_zoned(self.store.zone().clone()).date();
        match self.order {
            SortOrder::NewestFirst => day.yesterday().is_ok_and(|day| day > at),
            SortOrder::OldestFirst => day.tomorrow().is_ok_and(|day| day < at),
        }
    }

    fn collect(&self, folder: &AbsPath, found: &mut Vec<Candidate>) -> Result<(), StoreError> {
        for name in rollouts_in(folder)? {
            let path = folder.join(name.file_name());
            let Some(at) = self.time_of(&name, &path) else { continue };
            found.push(Candidate { path, position: Position { at, id: name.id } });
        }
        Ok(())
    }

    fn time_of(&self, name: &RolloutName, path: &AbsPath) -> Option<Timestamp> {
        match self.sort {
            SortKey::CreatedAt => Some(name.began_at(self.store.zone())),
            SortKey::UpdatedAt => {
                let changed = fs::metadata(path).ok()?.modified().ok()?;
                Timestamp::from_millisecond(format::unix_millis(changed)).ok()
            }
        }
    }

    fn accept(&mut self, mut found: Vec<Candidate>) {
        if let Some(cursor) = &self.cursor {
            found.retain(|candidate| cursor.is_before(&candidate.position, self.order));
        }
        match self.order {
            SortOrder::NewestFirst => found.sort_unstable_by(|left, right| right.place().cmp(&left.place())),
            SortOrder::OldestFirst => found.sort_unstable_by(|left, right| left.place().cmp(&right.place())),
        }
        self.ready = found.into();
    }
}
