//! Lists threads a page at a time: what can be asked, and who answers.
//!
//! The answer is what [`crate::scan`] finds on the disk. [`crate::index`] gives the same answer sooner where it knows it.

use std::time::SystemTime;

use jiff::SignedDuration;
use types::{AbsPath, GitFacts, SessionSource, SubAgentSource, ThreadId};

use crate::cursor::{Cursor, Position};
use crate::error::StoreError;
use crate::format::Head;
use crate::git_patches::GitPatch;
use crate::index::Effort;
use crate::store::FileStore;

/// Threads on a page at most.
const MAX_PAGE: usize = 100;

/// Threads on a page when the query does not say.
const DEFAULT_PAGE: usize = 25;

/// Heads that are read in the hope that the index is not needed for a page; about 10 ms.
const HEADS_TRIED: usize = 200;

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
        self.codes().contains(&source_code(source))
    }

    /// The sources of this kind, as [`source_code`] numbers them.
    pub(crate) fn codes(self) -> &'static [u8] {
        match self {
            Self::Cli => &[0],
            Self::VsCode => &[1],
            Self::Exec => &[2],
            Self::AppServer => &[3],
            Self::Unknown => &[4],
            Self::SubAgentReview => &[5],
            Self::SubAgentCompact => &[6],
            Self::SubAgentThreadSpawn => &[7],
            Self::SubAgentOther => &[8],
            Self::SubAgent => &[5, 6, 7, 8, 9],
        }
    }
}

/// A number for each kind of source. The index keeps them: another meaning of one is another version of the index.
pub(crate) fn source_code(source: &SessionSource) -> u8 {
    match source {
        SessionSource::Cli => 0,
        SessionSource::VsCode => 1,
        SessionSource::Exec => 2,
        SessionSource::AppServer => 3,
        SessionSource::Unknown | SessionSource::Custom(_) => 4,
        SessionSource::SubAgent(SubAgentSource::Review) => 5,
        SessionSource::SubAgent(SubAgentSource::Compact) => 6,
        SessionSource::SubAgent(SubAgentSource::ThreadSpawn { .. }) => 7,
        SessionSource::SubAgent(SubAgentSource::Other(_)) => 8,
        SessionSource::SubAgent(SubAgentSource::MemoryConsolidation) => 9,
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

impl Summary {
    /// What a list shows of a file, given what is kept of its thread beside the rollouts.
    pub(crate) fn new(file: ListedFile, name: Option<String>, git: Option<&GitPatch>) -> Self {
        let ListedFile { path, archived, head, preview, updated_at } = file;
        Self {
            id: head.id,
            path,
            preview: preview.unwrap_or_default(),
            created_at: head.created_at,
            updated_at,
            cwd: head.cwd,
            source: head.source,
            model_provider: head.model_provider,
            cli_version: head.cli_version,
            git: match git {
                Some(patch) => patch.apply(head.git),
                None => head.git,
            },
            name,
            forked_from: head.forked_from_id,
            agent_nickname: head.agent_nickname,
            agent_role: head.agent_role,
            archived,
        }
    }
}

/// What a rollout itself says for a list.
pub(crate) struct ListedFile {
    pub(crate) path: AbsPath,
    pub(crate) archived: bool,
    pub(crate) head: Head,
    /// The first message of the user, if there is one.
    pub(crate) preview: Option<String>,
    pub(crate) updated_at: SystemTime,
}

/// A query with its cursor and limit understood.
pub(crate) struct PageQuery<'a> {
    pub(crate) query: &'a ListQuery,
    pub(crate) cursor: Option<Cursor>,
    pub(crate) limit: usize,
}

impl FileStore {
    /// See [`ThreadStore::list`](crate::ThreadStore::list).
    pub(crate) fn list(&self, query: &ListQuery) -> Result<Page, StoreError> {
        let page_query = PageQuery::new(query)?;
        let index = self.index();
        if let Some(page) = index.page(&page_query, Effort::Little) {
            return Ok(page);
        }
        // A page that shows most of what it looks at needs no index. A search looks at everything.
        if query.search_term.is_none()
            && let Some(page) = self.scan(&page_query, Some(HEADS_TRIED))?
        {
            return Ok(page);
        }
        if let Some(page) = index.page(&page_query, Effort::Whatever) {
            return Ok(page);
        }
        Ok(self.scan(&page_query, None)?.expect("without a limit a scan finds its page"))
    }
}

impl<'a> PageQuery<'a> {
    pub(crate) fn new(query: &'a ListQuery) -> Result<Self, StoreError> {
        let cursor = query.cursor.as_deref().map(Cursor::parse).transpose()?;
        Ok(Self { query, cursor, limit: query.limit.unwrap_or(DEFAULT_PAGE).clamp(1, MAX_PAGE) })
    }

    /// Makes a page of the threads found, of which one more than the limit says that there is another page.
    pub(crate) fn page<T>(&self, mut found: Vec<(Position, T)>, summary: impl FnMut(T) -> Summary) -> Page {
        let next = (found.len() > self.limit).then(|| {
            let next = found[self.limit].0;
            found.truncate(self.limit);
            Cursor::after(found[self.limit - 1].0, next)
        });
        // One millisecond towards the page, so that the first thread itself comes again.
        let step = SignedDuration::from_millis(match self.query.order {
            SortOrder::NewestFirst => -1,
            SortOrder::OldestFirst => 1,
        });
        let backwards = found.first().and_then(|(first, _)| first.at.checked_add(step).ok());
        Page {
            next_cursor: next.map(|cursor| cursor.to_string()),
            backwards_cursor: backwards.map(|at| Cursor { at, id: None }.to_string()),
            threads: found.into_iter().map(|(_, thread)| thread).map(summary).collect(),
        }
    }
}

impl ListQuery {
    /// The kinds of sources that are listed.
    pub(crate) fn kinds(&self) -> &[SourceKind] {
        if self.source_kinds.is_empty() { &[SourceKind::Cli, SourceKind::VsCode] } else { &self.source_kinds }
    }

    /// The providers whose threads are listed; `None` for any.
    pub(crate) fn providers(&self) -> Option<&[String]> {
        self.model_providers.as_deref().filter(|providers| !providers.is_empty())
    }

    /// How many values the filters compare with.
    pub(crate) fn filter_values(&self) -> usize {
        self.providers().map_or(0, <[_]>::len) + self.cwd.as_ref().map_or(0, Vec::len)
    }

    pub(crate) fn matches(&self, thread: &Summary) -> bool {
        let provider = self.providers().is_none_or(|providers| {
            thread.model_provider.as_ref().is_some_and(|provider| providers.contains(provider))
        });
        let cwd = self.cwd.as_ref().is_none_or(|folders| folders.contains(&thread.cwd));
        let term = self
            .search_term
            .as_deref()
            .is_none_or(|term| thread.name.as_deref().unwrap_or(&thread.preview).contains(term));
        self.kinds().iter().any(|kind| kind.matches(&thread.source)) && provider && cwd && term
    }
}
