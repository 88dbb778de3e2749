//! Answers list queries with SQL; the same answers that [`crate::scan`] finds.

use std::collections::HashSet;

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, params_from_iter};
use types::{AbsPath, ThreadId};

use super::db::IndexError;
use super::disk::{cwd_key, read_id};
use super::stamp::Stamp;
use crate::cursor::{Cursor, Position};
use crate::format;
use crate::list::{ListedFile, Page, PageQuery, SortKey, SortOrder, Summary};
use crate::paths::{ARCHIVED, RolloutName, SESSIONS};

/// The page that `query` asks for.
pub(super) fn page(
    db: &Connection,
    home: &AbsPath,
    zone: &TimeZone,
    query: &PageQuery<'_>,
) -> Result<Page, IndexError> {
    let Statement { sql, values } = Statement::new(query, zone);
    let found = db
        .prepare_cached(&sql)?
        .query_map(params_from_iter(values), |row| {
            let at = Timestamp::from_millisecond(row.get(1)?).map_err(|_| rusqlite::Error::InvalidQuery)?;
            Ok((Position { at, id: read_id(row, 2)? }, row.get::<_, i64>(0)?))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    // The one that only says that there is another page is not looked up.
    let shown = found.len().min(query.limit);
    let mut summaries =
        found[..shown].iter().map(|(_, file)| summary(db, home, *file)).collect::<Result<Vec<_>, _>>()?.into_iter();
    Ok(query.page(found, |_| summaries.next().expect("a summary for each file shown")))
}

/// The threads that agents of a thread began, and theirs; those in the archive do not count.
pub(super) fn descendants(
    db: &Connection,
    home: &AbsPath,
    id: ThreadId,
) -> Result<Vec<(ThreadId, AbsPath)>, IndexError> {
    let mut children = db.prepare_cached(
        "SELECT folder, began, id, thread FROM files WHERE parent = ?1 AND folder <> ?2 ORDER BY folder, at, id, began",
    )?;
    let mut found: Vec<(ThreadId, AbsPath)> = Vec::new();
    let mut asked = HashSet::new();
    let mut parent = Some(id);
    let mut next = 0;
    while let Some(id) = parent {
        if asked.insert(id) {
            let theirs = children.query_map((id.as_uuid().as_bytes(), ARCHIVED), |row| {
                let name = RolloutName::from_key(row.get(1)?, read_id(row, 2)?).ok_or(rusqlite::Error::InvalidQuery)?;
                Ok((read_id(row, 3)?, home.join(row.get_ref(0)?.as_str()?).join(name.file_name())))
            })?;
            for child in theirs {
                found.push(child?);
            }
        }
        parent = found.get(next).map(|(child, _)| *child);
        next += 1;
    }
    Ok(found)
}

/// A query for files, with their times and ids, one more than the page shows.
struct Statement {
    sql: String,
    values: Vec<Value>,
}

impl Statement {
    fn new(page: &PageQuery<'_>, zone: &TimeZone) -> Self {
        let query = page.query;
        let (time, direction) = match (query.sort, query.order) {
            (SortKey::CreatedAt, SortOrder::NewestFirst) => ("at", "DESC"),
            (SortKey::CreatedAt, SortOrder::OldestFirst) => ("at", "ASC"),
            (SortKey::UpdatedAt, SortOrder::NewestFirst) => ("changed", "DESC"),
            (SortKey::UpdatedAt, SortOrder::OldestFirst) => ("changed", "ASC"),
        };
        // Each index has all that a query looks at before it has its rows, titles only this one.
        let index =
            if query.sort == SortKey::CreatedAt || query.search_term.is_some() { "by_creation" } else { "by_change" };
        let listed = if index == "by_creation" { "title IS NOT NULL" } else { "listed" };
        let mut statement = Self {
            sql: format!("SELECT file, {time}, id FROM files INDEXED BY {index} WHERE {time} IS NOT NULL"),
            values: Vec::new(),
        };
        if query.archived {
            statement.and("folder = ?", [ARCHIVED.to_owned().into()]);
        } else {
            // `/` is followed by `0`.
            statement.and("folder > ? AND folder < ?", [format!("{SESSIONS}/").into(), format!("{SESSIONS}0").into()]);
        }
        if let Some(cursor) = &page.cursor {
            statement.after(cursor, query.sort, query.order, (!query.archived).then_some(zone));
        }
        // A set of bits; SQLite looks up `IN` in a table of its own, row by row.
        let sources = query.kinds().iter().flat_map(|kind| kind.codes()).fold(0i64, |set, code| set | 1 << code);
        statement.and("(1 << source) & ?", [sources.into()]);
        if let Some(providers) = query.providers() {
            statement.is_one_of("provider", providers.iter().map(|provider| provider.clone().into()));
        }
        if let Some(folders) = &query.cwd {
            statement.is_one_of("cwd", folders.iter().map(|folder| cwd_key(folder).to_vec().into()));
        }
        match &query.search_term {
            Some(term) => statement.and("contains(title, ?)", [term.clone().into()]),
            None => statement.and(listed, []),
        }
        let order = match query.sort {
            SortKey::CreatedAt => ["folder", "at", "id", "began"],
            SortKey::UpdatedAt => ["changed", "id", "folder", "began"],
        };
        let order = order.map(|column| format!("{column} {direction}")).join(", ");
        statement.sql.push_str(&format!(" ORDER BY {order} LIMIT {}", page.limit + 1));
        statement
    }

    /// What comes after a cursor. Threads by creation stand in the folders of their days, which come one after the
    /// other; `days` are those of this zone, and a day either way covers the names that another zone gave.
    fn after(&mut self, cursor: &Cursor, sort: SortKey, order: SortOrder, days: Option<&TimeZone>) {
        let at = cursor.at.as_millisecond();
        let is_whole = Timestamp::from_millisecond(at).is_ok_and(|whole| whole == cursor.at);
        // Times in the index have whole milliseconds, a client's cursor need not.
        let floor = cursor.at.as_nanosecond().div_euclid(1_000_000);
        let floor = i64::try_from(floor).unwrap_or(at);
        let (time, comparison, bound) = match (sort, order) {
            (SortKey::CreatedAt, SortOrder::NewestFirst) => ("at", "<", if is_whole { floor } else { floor + 1 }),
            (SortKey::UpdatedAt, SortOrder::NewestFirst) => ("changed", "<", if is_whole { floor } else { floor + 1 }),
            (SortKey::CreatedAt, SortOrder::OldestFirst) => ("at", ">", floor),
            (SortKey::UpdatedAt, SortOrder::OldestFirst) => ("changed", ">", floor),
        };
        match cursor.id.filter(|_| is_whole) {
            Some(id) => {
                let id = id.as_uuid().as_bytes().to_vec();
                self.and(
                    &format!("{time} {comparison}= ? AND ({time}, id) {comparison} (?, ?)"),
                    [bound.into(), bound.into(), id.into()],
                );
            }
            None => self.and(&format!("{time} {comparison} ?"), [bound.into()]),
        }
        if let (Some(zone), SortKey::CreatedAt) = (days, sort) {
            let day = cursor.at.to_zoned(zone.clone()).date();
            let (comparison, bound) = match order {
                SortOrder::NewestFirst => ("<=", day.checked_add(Span::new().days(1))),
                SortOrder::OldestFirst => (">=", day.checked_sub(Span::new().days(1))),
            };
            if let Ok(bound) = bound {
                self.and(
                    &format!("folder {comparison} ?"),
                    [bound.strftime(&format!("{SESSIONS}/%Y/%m/%d")).to_string().into()],
                );
            }
        }
    }

    fn and<const N: usize>(&mut self, condition: &str, values: [Value; N]) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.values.extend(values);
    }

    fn is_one_of(&mut self, column: &str, values: impl ExactSizeIterator<Item = Value>) {
        let places = vec!["?"; values.len()].join(", ");
        self.sql.push_str(&format!(" AND {column} IN ({places})"));
        self.values.extend(values);
    }
}

fn summary(db: &Connection, home: &AbsPath, file: i64) -> Result<Summary, IndexError> {
    let mut select =
        db.prepare_cached("SELECT folder, began, id, stamp, head, preview, name, thread FROM files WHERE file = ?1")?;
    let (file, name, thread) = select.query_row([file], |row| {
        let folder = row.get_ref(0)?.as_str()?;
        let name = RolloutName::from_key(row.get(1)?, read_id(row, 2)?).ok_or(rusqlite::Error::InvalidQuery)?;
        let head = format::read_short_head(row.get_ref(4)?.as_str()?).ok_or(rusqlite::Error::InvalidQuery)?;
        let file = ListedFile {
            path: home.join(folder).join(name.file_name()),
            archived: folder == ARCHIVED,
            head,
            preview: row.get(5)?,
            updated_at: row.get::<_, Stamp>(3)?.modified(),
        };
        Ok((file, row.get(6)?, read_id(row, 7)?))
    })?;
    Ok(Summary::new(file, name, git_patch(db, thread)?.as_ref()))
}

fn git_patch(db: &Connection, thread: ThreadId) -> Result<Option<crate::GitPatch>, IndexError> {
    let mut select = db.prepare_cached("SELECT patch FROM git WHERE id = ?1")?;
    let patch: Option<String> = select.query_row([thread.as_uuid().as_bytes()], |row| row.get(0)).optional()?;
    patch.map(|patch| serde_json::from_str(&patch).map_err(|error| IndexError::Damaged(error.to_string()))).transpose()
}
