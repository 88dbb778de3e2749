//! Where a rollout lies: folders by day and file names, in local time.
//!
//! `<home>/sessions/YYYY/MM/DD/rollout-YYYY-MM-DDTHH-MM-SS-<thread id>.jsonl`, and the same file name directly under
//! `<home>/archived_sessions`. A name says when the thread began (to the second) and which thread it is, so that most
//! questions are answered without opening a file.

use std::ffi::OsStr;
use std::path::Path;
use std::time::SystemTime;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use types::{AbsPath, ThreadId};

pub(crate) const SESSIONS: &str = "sessions";
pub(crate) const ARCHIVED: &str = "archived_sessions";
const PREFIX: &str = "rollout-";
const SUFFIX: &str = ".jsonl";
const STAMP: &str = "%Y-%m-%dT%H-%M-%S";
const STAMP_LEN: usize = "2026-01-31T23-59-59".len();

/// What a rollout's file name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

    /// Reads a file name; `None` for a file that is no rollout.
    pub(crate) fn parse(name: &OsStr) -> Option<Self> {
        let name = name.to_str()?.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
        let (stamp, id) = name.split_at_checked(STAMP_LEN)?;
        Some(Self { began: DateTime::strptime(STAMP, stamp).ok()?, id: id.strip_prefix('-')?.parse().ok()? })
    }

    pub(crate) fn file_name(&self) -> String {
        format!("{PREFIX}{}-{}{SUFFIX}", self.began.strftime(STAMP), self.id)
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
    }

    #[test]
    fn other_files_are_no_rollouts() {
        for name in [
            "",
            "rollout-.jsonl",
            "rollout-2026-11-25T14-04-41.jsonl",
            "rollout-2026-11-25T14-04-41-nope.jsonl",
            "rollout-2026-13-25T14-04-41-01a21298-00a7-7a81-9c9d-382a47f25e47.jsonl",
            "rollout-2026-11-25T14-04-41-01a21298-00a7-7a81-9c9d-382a47f25e47.jsonl.tmp",
            "rollout-ää26-11-25T14-04-4-01a21298-00a7-7a81-9c9d-382a47f25e47.jsonl",
        ] {
            assert_eq!(RolloutName::parse(OsStr::new(name)), None, "{name}");
        }
    }
}
