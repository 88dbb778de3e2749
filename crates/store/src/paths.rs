//! Where a rollout lies: folders by day and file names, in local time.
//!
//! `<home>/sessions/YYYY/MM/DD/rollout-YYYY-MM-DDTHH-MM-SS-<thread id>.jsonl`, and the same file name directly under
//! `<home>/archived_sessions`. A name says when the thread began (to the second) and which thread it is, so that most
//! questions are answered without opening a file.

use std::ffi::OsStr;
use std::path::Path;
use std::time::SystemTime;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use types::{AbsPath, ThreadId};

pub(crate) const SESSIONS: &str = "sessions";
pub(crate) const ARCHIVED: &str = "archived_sessions";
const PREFIX: &str = "rollout-";
const SUFFIX: &str = ".jsonl";
const STAMP: &str = "%Y-%m-%dT%H-%M-%S";
const STAMP_LEN: usize = "2026-01-31T23-59-59".len();
const ID_LEN: usize = "01a21298-00a7-7a81-9c9d-382a47f25e47".len();

/// What a rollout's file name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RolloutName {
    /// When the thread began, in the local time of the machine that wrote it.
    pub(crate) began: DateTime,
    pub(crate) id: ThreadId,
}

impl RolloutName {
    pub(crate) fn new(id: ThreadId, created: SystemTime, zone: &TimeZone) -> Self {
        let began = local(created, zone).datetime();
        // Names have whole seconds.
        Self { began: began.with().subsec_nanosecond(0).build().unwrap_or(began), id }
    }

    /// Reads a file name; `None` for a file that is no rollout. Only the spelling that [`Self::file_name`] gives counts,
    /// so that a name and what it says stand for each other.
    pub(crate) fn parse(name: &OsStr) -> Option<Self> {
        let name = name.to_str()?.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
        let (stamp, id) = name.split_at_checked(STAMP_LEN)?;
        let id = id.strip_prefix('-')?;
        if id.len() != ID_LEN || id.contains(|letter: char| letter.is_ascii_uppercase()) {
            return None;
        }
        Some(Self { began: read_stamp(stamp.as_bytes())?, id: id.parse().ok()? })
    }

    pub(crate) fn file_name(&self) -> String {
        format!("{PREFIX}{}-{}{SUFFIX}", self.began.strftime(STAMP), self.id)
    }

    /// `began` as a number, `YYYYMMDDhhmmss`.
    pub(crate) fn key(&self) -> i64 {
        let began = &self.began;
        let parts = [began.month(), began.day(), began.hour(), began.minute(), began.second()].map(i64::from);
        parts.into_iter().fold(i64::from(began.year()), |key, part| key * 100 + part)
    }

    /// The opposite of [`Self::key`]; `None` for a number that is no time.
    pub(crate) fn from_key(key: i64, id: ThreadId) -> Option<Self> {
        let part = |place: u32| i8::try_from(key / 100i64.pow(place) % 100).ok();
        let year = i16::try_from(key / 100i64.pow(5)).ok()?;
        let began = DateTime::new(year, part(4)?, part(3)?, part(2)?, part(1)?, part(0)?, 0).ok()?;
        Some(Self { began, id })
    }

    /// The folder of the day the thread began.
    pub(crate) fn day_folder(&self, home: &AbsPath) -> AbsPath {
        home.join(SESSIONS).join(self.began.strftime("%Y/%m/%d").to_string())
    }

    /// The instant of `began`, for sorting beside file times.
    pub(crate) fn began_at(&self, zone: &TimeZone) -> Timestamp {
        zone.to_ambiguous_timestamp(self.began).compatible().unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// Reads `YYYY-MM-DDTHH-MM-SS`; what [`STAMP`] writes, without the time that a general reader takes.
fn read_stamp(stamp: &[u8]) -> Option<DateTime> {
    let punctuated = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b'-'), (16, b'-')];
    if stamp.len() != STAMP_LEN || punctuated.iter().any(|(place, mark)| stamp[*place] != *mark) {
        return None;
    }
    let number = |digits: std::ops::Range<usize>| {
        stamp[digits]
            .iter()
            .try_fold(0i16, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i16::from(digit - b'0')))
    };
    let small = |digits| number(digits).and_then(|number| i8::try_from(number).ok());
    DateTime::new(number(0..4)?, small(5..7)?, small(8..10)?, small(11..13)?, small(14..16)?, small(17..19)?, 0).ok()
}

/// The day of `…/YYYY/MM/DD`.
pub(crate) fn day_of(folder: &Path) -> Option<Date> {
    let mut parts = folder.iter().rev().map(|part| part.to_str()?.parse::<i16>().ok());
    let (day, month, year) = (parts.next()??, parts.next()??, parts.next()??);
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

pub(crate) fn local(at: SystemTime, zone: &TimeZone) -> Zoned {
    Timestamp::try_from(at).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(zone.clone())
}

/// Whether a rollout lies among the archived ones.
pub(crate) fn is_archived(home: &AbsPath, path: &Path) -> bool {
    path.starts_with(home.join(ARCHIVED))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_rollouts_name_has_local_time_and_the_thread() {
        let id: ThreadId = "01a21298-00a7-7a81-9c9d-382a47f25e47".parse().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let name = RolloutName::new(id, UNIX_EPOCH + Duration::from_millis(1_795_608_281_273), &zone);
        assert_eq!(name.file_name(), "rollout-2026-11-25T14-04-41-01a21298-00a7-7a81-9c9d-382a47f25e47.jsonl");
        let home = AbsPath::new("/h").unwrap();
        assert_eq!(name.day_folder(&home).as_path(), Path::new("/h/sessions/2026/11/25"));
        assert_eq!(RolloutName::parse(OsStr::new(&name.file_name())), Some(name));
        assert_eq!(name.began_at(&zone).as_second(), 1_795_608_281);
        assert_eq!(name.key(), 20_261_125_140_441);
        assert_eq!(RolloutName::from_key(name.key(), id), Some(name));
        assert_eq!(RolloutName::from_key(20_261_325_140_441, id), None);
    }

    #[test]
    fn other_files_are_no_rollouts() {
        for name in [
            "",
            "rollout-.jsonl",
            "rollout-2026-11-25T14-04-41.jsonl",
            "rollout-2026-11-25T14-04-41-nope.jsonl",
            "rollout-2026-11-25T14-04-41-01A21298-00a7-7a81-9c9d-382a47f25e47.jsonl",
            "rollout-2026-11-25T14-04-41-01a2129800a77a819c9d382a47f25e47.jsonl",
            "rollout-2026-11-25 14-04-41-01a21298-00a7-7a81-9c9d-382a47f25e47.jsonl",
            "rollout-2026-11-25T14-04-+1-01a21298-00a7-7a81-9c9d-382a47f25e47.jsonl",
            "rollout-2026-13-25T14-04-41-01a21298-00a7-7a81-9c9d-382a47f25e47.jsonl",
            "rollout-2026-11-25T14-04-41-01a21298-00a7-7a81-9c9d-382a47f25e47.jsonl.tmp",
            "rollout-ää26-11-25T14-04-4-01a21298-00a7-7a81-9c9d-382a47f25e47.jsonl",
        ] {
            assert_eq!(RolloutName::parse(OsStr::new(name)), None, "{name}");
        }
    }
}
