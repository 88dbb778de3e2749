//! Lists threads a page at a time, from folder and file names and the heads of files.
//!
//! Names say when a thread began, so that a page by creation opens only the files it shows or filters out. A page by
//! change asks for every file's time first.

use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::time::SystemTime;

use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, Timestamp};
use types::{AbsPath, GitFacts, SessionSource, SubAgentSource, ThreadId};

use crate::error::StoreError;
use crate::format::{self, Head};
use crate::git_patches::{self, GitPatch};
use crate::names;
use crate::paths::{ARCHIVED, RolloutName, SESSIONS};
use crate::reader::{Lines, MAX_LINE, Text};
use crate::store::{Store, day_folders, rollouts_in};

/// Threads on a page at most.
const MAX_PAGE: usize = 100;

/// Threads on a page when the query does not say.
const DEFAULT_PAGE: usize = 25;

/// How far the first user message is looked for. What stands before it is the thread's context, a handful of lines.
const HEAD_LINES: usize = 1000;

/// How much of a file is read at once when only its head is wanted.
const HEAD_CHUNK: usize = 48 << 10;

/// How much of a file is read at once when only its first line is wanted. Longer ones take several reads.
const FIRST_LINE_CHUNK: usize = 2 << 10;

/// Which threads to list, and in what order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListQuery {
    /// From an earlier page; `None` for the first one.
    pub cursor: Option<String>,
    /// Threads on the page: 1 to 100, other numbers are brought into this range. `None`: 25.
    pub limit: Option<usize>,
    pub sort: SortKey,
    pub order: SortOrder,
    /// `None` or empty: of any provider.
    pub model_providers: Option<Vec<String>>,
    /// Empty: those a person talks to directly ([`SourceKind::Cli`], [`SourceKind::VsCode`]).
    pub source_kinds: Vec<SourceKind>,
    /// Archived threads, and only those.
    pub archived: bool,
    /// `None`: of any working directory. An empty list matches none.
    pub cwd: Option<Vec<AbsPath>>,
    /// A part of the thread's name, or of its first message where it has no name; case counts.
    pub search_term: Option<String>,
}

/// What a list is sorted by. Threads of the same time are sorted by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortKey {
    #[default]
    CreatedAt,
    UpdatedAt,
}

/// Which end of a list comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortOrder {
    #[default]
    NewestFirst,
    OldestFirst,
}

/// What kind of client or thread made a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    Cli,
    VsCode,
    Exec,
    AppServer,
    /// Any of the sub-agents.
    SubAgent,
    SubAgentReview,
    SubAgentCompact,
    SubAgentThreadSpawn,
    SubAgentOther,
    /// Sources this version does not know, and those clients named themselves.
    Unknown,
}

impl SourceKind {
    fn matches(self, source: &SessionSource) -> bool {
        match (self, source) {
            (Self::Cli, SessionSource::Cli)
            | (Self::VsCode, SessionSource::VsCode)
            | (Self::Exec, SessionSource::Exec)
            | (Self::AppServer, SessionSource::AppServer)
            | (Self::Unknown, SessionSource::Unknown | SessionSource::Custom(_))
            | (Self::SubAgent, SessionSource::SubAgent(_)) => true,
            (kind, SessionSource::SubAgent(sub_agent)) => matches!(
                (kind, sub_agent),
                (Self::SubAgentReview, SubAgentSource::Review)
                    | (Self::SubAgentCompact, SubAgentSource::Compact)
                    | (Self::SubAgentThreadSpawn, SubAgentSource::ThreadSpawn { .. })
                    | (Self::SubAgentOther, SubAgentSource::Other(_))
            ),
            _ => false,
        }
    }
}

/// A page of threads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub threads: Vec<Summary>,
    /// Continues after the last thread; `None` when there are no more.
    pub next_cursor: Option<String>,
    /// Used with the opposite order, gives the page's first thread again and what comes before it. `None` for an empty
    /// page.
    pub backwards_cursor: Option<String>,
}

/// What a list shows of a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    pub id: ThreadId,
    pub path: AbsPath,
    /// The first message of the user.
    pub preview: String,
    pub created_at: SystemTime,
    /// When the rollout last changed.
    pub updated_at: SystemTime,
    pub cwd: AbsPath,
    pub source: SessionSource,
    pub model_provider: Option<String>,
    pub cli_version: String,
    pub git: Option<GitFacts>,
    pub name: Option<String>,
    pub forked_from: Option<ThreadId>,
    pub agent_nickname: Option<String>,
    pub agent_role: Option<String>,
    pub archived: bool,
}

impl Store {
    /// Lists threads in which the user has said something. Files that cannot be read are left out.
    ///
    /// # Errors
    /// [`StoreError::InvalidCursor`] for a cursor that is not from a page; otherwise when a folder cannot be listed.
    pub fn list(&self, query: &ListQuery) -> Result<Page, StoreError> {
        let cursor = query.cursor.as_deref().map(Cursor::parse).transpose()?;
        let limit = query.limit.unwrap_or(DEFAULT_PAGE).clamp(1, MAX_PAGE);
        let beside = Beside::read(&self.home)?;
        let mut candidates = Candidates::new(self, query, cursor)?;
        let mut page: Vec<(Position, Summary)> = Vec::new();
        while let Some(candidate) = candidates.next()? {
            let Some(summary) = self.summarise(&candidate.path, query.archived, &beside) else { continue };
            if !query.matches(&summary) {
                continue;
            }
            if page.len() == limit {
                let last = page.last().expect("the limit is at least one").0;
                return Ok(query.page(page, Some(Cursor::after(last, candidate.position))));
            }
            page.push((candidate.position, summary));
        }
        Ok(query.page(page, None))
    }

    /// What a list shows of one thread, whatever is in it; `None` when its file cannot be read.
    ///
    /// # Errors
    /// When what stands beside the rollouts cannot be read.
    pub fn summary(&self, path: &AbsPath) -> Result<Option<Summary>, StoreError> {
        let beside = Beside::read(&self.home)?;
        Ok(self.head(path).map(|(head, preview, updated_at)| {
            summary(path, self.is_archived(path), head, preview.unwrap_or_default(), updated_at, &beside)
        }))
    }

    fn summarise(&self, path: &AbsPath, archived: bool, beside: &Beside) -> Option<Summary> {
        let (head, preview, updated_at) = self.head(path)?;
        Some(summary(path, archived, head, preview?, updated_at, beside))
    }

    /// The first line, the first message of the user and the time of the last change.
    fn head(&self, path: &AbsPath) -> Option<(Head, Option<String>, SystemTime)> {
        let read = || -> std::io::Result<Option<_>> {
            let file = File::open(path)?;
            let updated_at = file.metadata()?.modified()?;
            let mut lines = Lines::new(file, MAX_LINE, HEAD_CHUNK);
            let mut head = None;
            for _ in 0..HEAD_LINES {
                let Some(line) = lines.next()? else { break };
                let Text::Line(text) = line.text() else { continue };
                match &head {
                    None => head = format::read_head(text),
                    Some(_) => {
                        if let Some(preview) = format::read_preview(text) {
                            return Ok(head.map(|head| (head, Some(preview), updated_at)));
                        }
                    }
                }
            }
            Ok(head.map(|head| (head, None, updated_at)))
        };
        read().unwrap_or_else(|error| {
            tracing::warn!(%path, %error, "a rollout cannot be read");
            None
        })
    }
}

/// What is kept of threads outside their rollouts.
struct Beside {
    names: HashMap<ThreadId, String>,
    git: HashMap<ThreadId, GitPatch>,
}

impl Beside {
    fn read(home: &AbsPath) -> Result<Self, StoreError> {
        Ok(Self { names: names::read(home)?, git: git_patches::read(home)? })
    }
}

fn summary(
    path: &AbsPath,
    archived: bool,
    head: Head,
    preview: String,
    updated_at: SystemTime,
    beside: &Beside,
) -> Summary {
    Summary {
        id: head.id,
        path: path.clone(),
        preview,
        created_at: head.created_at,
        updated_at,
        cwd: head.cwd,
        source: head.source,
        model_provider: head.model_provider,
        cli_version: head.cli_version,
        git: match beside.git.get(&head.id) {
            Some(patch) => patch.apply(head.git),
            None => head.git,
        },
        name: beside.names.get(&head.id).cloned(),
        forked_from: head.forked_from_id,
        agent_nickname: head.agent_nickname,
        agent_role: head.agent_role,
        archived,
    }
}

impl Store {
    /// The threads that were started to work for `id`, theirs, and so on, as far as they are not archived: children
    /// before their own children, and older ones before newer ones.
    ///
    /// Looks at the first lines of all threads that began no earlier than `id`.
    ///
    /// # Errors
    /// When a folder cannot be listed.
    pub fn descendants(&self, id: ThreadId) -> Result<Vec<(ThreadId, AbsPath)>, StoreError> {
        let began = self.find(id)?.and_then(|found| RolloutName::parse(found.path.file_name()?));
        let before = began.and_then(|name| name.began_at(self.zone()).checked_sub(SignedDuration::from_secs(1)).ok());
        let query = ListQuery { order: SortOrder::OldestFirst, ..ListQuery::default() };
        let mut candidates = Candidates::new(self, &query, before.map(|at| Cursor { at, id: None }))?;
        let mut children: HashMap<ThreadId, Vec<(ThreadId, AbsPath)>> = HashMap::new();
        while let Some(Candidate { path, .. }) = candidates.next()? {
            if let Some(Head { id, source, .. }) = first_line(&path)
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

/// A rollout's first line, `None` when it cannot be read.
fn first_line(path: &AbsPath) -> Option<Head> {
    let mut lines = Lines::new(File::open(path).ok()?, MAX_LINE, FIRST_LINE_CHUNK);
    match lines.next().ok()??.text() {
        Text::Line(text) => format::read_head(text),
        Text::Blank | Text::Unreadable => None,
    }
}

impl ListQuery {
    fn matches(&self, thread: &Summary) -> bool {
        let source = if self.source_kinds.is_empty() {
            matches!(thread.source, SessionSource::Cli | SessionSource::VsCode)
        } else {
            self.source_kinds.iter().any(|kind| kind.matches(&thread.source))
        };
        let provider = self.model_providers.as_ref().is_none_or(|providers| {
            providers.is_empty() || thread.model_provider.as_ref().is_some_and(|provider| providers.contains(provider))
        });
        let cwd = self.cwd.as_ref().is_none_or(|folders| folders.contains(&thread.cwd));
        let term = self
            .search_term
            .as_deref()
            .is_none_or(|term| thread.name.as_deref().unwrap_or(&thread.preview).contains(term));
        source && provider && cwd && term
    }

    fn page(&self, threads: Vec<(Position, Summary)>, next: Option<Cursor>) -> Page {
        // One millisecond towards the page, so that the first thread itself comes again.
        let step = SignedDuration::from_millis(match self.order {
            SortOrder::NewestFirst => -1,
            SortOrder::OldestFirst => 1,
        });
        let backwards = threads.first().and_then(|(first, _)| first.at.checked_add(step).ok());
        Page {
            next_cursor: next.map(|cursor| cursor.to_string()),
            backwards_cursor: backwards.map(|at| Cursor { at, id: None }.to_string()),
            threads: threads.into_iter().map(|(_, summary)| summary).collect(),
        }
    }
}

/// Where a thread stands in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Position {
    /// To the millisecond.
    at: Timestamp,
    id: ThreadId,
}

/// The place after which a page begins: `<RFC 3339>`, and `|<thread>` where more threads have the same time.
#[derive(Debug, Clone, Copy)]
struct Cursor {
    at: Timestamp,
    id: Option<ThreadId>,
}

impl Cursor {
    fn parse(text: &str) -> Result<Self, StoreError> {
        let invalid = || StoreError::InvalidCursor { cursor: text.to_owned() };
        let (at, id) = match text.split_once('|') {
            Some((at, id)) => (at, Some(id.parse().map_err(|_| invalid())?)),
            None => (text, None),
        };
        let at = match at.parse::<Timestamp>() {
            Ok(at) => at,
            // As file names have it, in UTC.
            Err(_) => DateTime::strptime("%Y-%m-%dT%H-%M-%S", at)
                .and_then(|at| jiff::tz::TimeZone::UTC.to_timestamp(at))
                .map_err(|_| invalid())?,
        };
        Ok(Self { at, id })
    }

    /// Continues after `last`, before which `next` does not come again.
    fn after(last: Position, next: Position) -> Self {
        Self { at: last.at, id: (last.at == next.at).then_some(last.id) }
    }

    /// Whether `position` comes after this place.
    fn is_before(&self, position: &Position, order: SortOrder) -> bool {
        let ordering = match self.id {
            Some(id) => position.cmp(&Position { at: self.at, id }),
            None => position.at.cmp(&self.at),
        };
        match order {
            SortOrder::NewestFirst => ordering.is_lt(),
            SortOrder::OldestFirst => ordering.is_gt(),
        }
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.at)?;
        self.id.map_or(Ok(()), |id| write!(f, "|{id}"))
    }
}

struct Candidate {
    path: AbsPath,
    position: Position,
}

/// Rollouts in the order of a query, from its cursor on, as far as names and times tell.
struct Candidates<'a> {
    store: &'a Store,
    sort: SortKey,
    order: SortOrder,
    cursor: Option<Cursor>,
    /// Folders still to be looked into, the next one first. More than one only where they are in the list's order.
    folders: VecDeque<AbsPath>,
    ready: VecDeque<Candidate>,
}

impl<'a> Candidates<'a> {
    fn new(store: &'a Store, query: &ListQuery, cursor: Option<Cursor>) -> Result<Self, StoreError> {
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
            SortOrder::NewestFirst => found.sort_unstable_by_key(|candidate| Reverse(candidate.position)),
            SortOrder::OldestFirst => found.sort_unstable_by_key(|candidate| candidate.position),
        }
        self.ready = found.into();
    }
}

/// The day of `…/YYYY/MM/DD`.
fn day_of(folder: &AbsPath) -> Option<Date> {
    let mut parts = folder.iter().rev().map(|part| part.to_str()?.parse::<i16>().ok());
    let (day, month, year) = (parts.next()??, parts.next()??, parts.next()??);
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}
