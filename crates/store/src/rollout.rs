//! An open rollout, read line by line at the places that an outline knows.

use types::AbsPath;

use crate::error::StoreError;
use crate::format;
use crate::outline::{Outline, Span};
use crate::reader::{Lines, Section, Text};
use crate::record::{Record, SessionMeta};
use crate::thread_store::Source;

/// The file of a thread as it was when it was opened.
#[derive(Debug)]
pub(crate) struct Rollout {
    pub(crate) path: AbsPath,
    pub(crate) source: Box<dyn Source>,
}

impl Rollout {
    /// The thread's facts, with the newest memory mode.
    pub(crate) fn meta(&self, outline: &Outline) -> Result<Option<SessionMeta>, StoreError> {
        let read = |at: Option<Span>| -> Result<Option<SessionMeta>, StoreError> {
            match at.map(|at| self.record_at(at)).transpose()?.flatten() {
                Some(Record::SessionMeta(meta)) => Ok(Some(*meta)),
                _ => Ok(None),
            }
        };
        let Some(mut meta) = read(outline.meta)? else { return Ok(None) };
        if let Some(again) = read(outline.meta_again)? {
            meta.memory_mode = again.memory_mode;
        }
        Ok(Some(meta))
    }

    pub(crate) fn record_at(&self, at: Span) -> Result<Option<Record>, StoreError> {
        let mut found = None;
        self.lines(at, |_, line| found = format::read_line(line).ok())?;
        Ok(found)
    }

    /// Gives the readable lines of a part of the file, and where each begins.
    pub(crate) fn lines(&self, at: Span, each: impl FnMut(u64, &str)) -> Result<(), StoreError> {
        self.lines_by(&mut Vec::new(), at, each)
    }

    /// The same, by way of a buffer that may have served before.
    pub(crate) fn lines_by(
        &self,
        buffer: &mut Vec<u8>,
        at: Span,
        mut each: impl FnMut(u64, &str),
    ) -> Result<(), StoreError> {
        let section = Section::new(self.source.as_ref(), at.start, at.end);
        let mut lines = Lines::of(section, at.end - at.start).with_buffer(std::mem::take(buffer));
        let mut start = at.start;
        while let Some(line) = lines.next().map_err(StoreError::io("read", &self.path))? {
            if let Text::Line(text) = line.text() {
                each(start, text);
            }
            start = at.start + line.end;
        }
        *buffer = lines.into_buffer();
        Ok(())
    }
}
