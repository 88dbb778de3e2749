//! The index says what a scan says, whatever happens on the disk in between.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tempfile::TempDir;
use types::{AbsPath, ThreadId};
use uuid::Uuid;

use super::disk::Disk;
use super::{Effort, db};
use crate::list::{ListQuery, PageQuery, SortKey, SortOrder, SourceKind};
use crate::paths::RolloutName;
use crate::store::FileStore;
use crate::thread_store::ThreadStore as _;
use crate::{GitPatch, Page};

struct Home {
    folder: TempDir,
    path: AbsPath,
    store: FileStore,
    /// Another server's.
    other: FileStore,
}

fn store(path: &AbsPath) -> FileStore {
    FileStore::with_time_zone(path.clone(), TimeZone::UTC)
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = AbsPath::new(folder.path().canonicalize().unwrap()).unwrap();
        Self { store: store(&path), other: store(&path), folder, path }
    }

    fn index(&self) -> AbsPath {
        self.path.join(db::FILE)
    }

    /// Rollouts as they lie now, in the order of their paths.
    fn rollouts(&self) -> Vec<AbsPath> {
        let days = crate::store::day_folders(&self.path.join("sessions")).unwrap();
        let mut found: Vec<_> = days
            .into_iter()
            .chain([self.path.join("archived_sessions")])
            .flat_map(|folder| {
                let names = crate::store::rollouts_in(&folder).unwrap();
                names.into_iter().map(move |name| folder.join(name.file_name()))
            })
            .collect();
        found.sort();
        found
    }

    fn write(&self, path: &AbsPath, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Whether the index could say it without looking at everything.
    fn agree(&self) -> bool {
        let known = agree(&self.store);
        agree(&self.other) && known
    }
}

/// Compares every query of a set; whether the index could say all of it without looking at everything.
fn agree(store: &FileStore) -> bool {
    let mut known = true;
    for query in queries() {
        let mut query = query;
        for _ in 0..4 {
            let page = PageQuery::new(&query).unwrap();
            let scanned = store.scan(&page, None).unwrap().unwrap();
            if let Some(indexed) = store.index().page(&page, Effort::Whatever) {
                assert_same(&indexed, &scanned, &query);
            } else {
                known = false;
            }
            match store.index().page(&page, Effort::Little) {
                Some(indexed) => assert_same(&indexed, &scanned, &query),
                None => known = false,
            }
            let Some(next) = scanned.next_cursor else { break };
            query.cursor = Some(next);
        }
    }
    // A scan passes over what seems to have begun before its parent.
    let parent = ThreadId::from(Uuid::from_u128(1));
    let scanned = store.scan_descendants(parent).unwrap();
    match store.index().descendants(parent, Effort::Little) {
        Some(indexed) => {
            let (scanned, indexed) = (BTreeSet::from_iter(scanned), BTreeSet::from_iter(indexed));
            assert!(scanned.is_subset(&indexed), "{scanned:?} {indexed:?}");
        }
        None => known = false,
    }
    known
}

fn assert_same(indexed: &Page, scanned: &Page, query: &ListQuery) {
    let ids = |page: &Page| {
        let shown = |thread: &crate::Summary| format!("{} {:?} {:?}", thread.path, thread.updated_at, thread.name);
        page.threads.iter().map(shown).collect::<Vec<_>>()
    };
    assert_eq!(ids(indexed), ids(scanned), "{query:?}");
    assert_eq!(indexed, scanned, "{query:?}");
}

fn queries() -> Vec<ListQuery> {
    let mut queries = Vec::new();
    for sort in [SortKey::CreatedAt, SortKey::UpdatedAt] {
        for order in [SortOrder::NewestFirst, SortOrder::OldestFirst] {
            for archived in [false, true] {
                queries.push(ListQuery { sort, order, archived, limit: Some(2), ..ListQuery::default() });
            }
            let all = ListQuery { sort, order, ..ListQuery::default() };
            let text = |text: &str| Some(text.to_owned());
            queries.push(ListQuery { search_term: text("b"), ..all.clone() });
            queries.push(ListQuery { search_term: text("Ä\""), ..all.clone() });
            queries.push(ListQuery { cursor: text("2026-01-02T00:00:01.0005Z"), ..all.clone() });
            queries.push(ListQuery { cursor: text("2026-01-02T00:00:02Z"), ..all.clone() });
            queries.push(ListQuery { cwd: Some(vec![AbsPath::new("/work/1").unwrap()]), ..all.clone() });
            queries.push(ListQuery { cwd: Some(Vec::new()), ..all.clone() });
            queries.push(ListQuery { model_providers: Some(vec!["p1".to_owned(), "p2".to_owned()]), ..all.clone() });
            queries.push(ListQuery { model_providers: Some(Vec::new()), ..all.clone() });
            queries.push(ListQuery { source_kinds: vec![SourceKind::SubAgent, SourceKind::Exec], ..all.clone() });
            queries.push(ListQuery { source_kinds: vec![SourceKind::SubAgentThreadSpawn], ..all });
        }
    }
    queries
}

/// Where a rollout lies: of a few days, seconds and threads, so that copies of one come about.
fn place(home: &AbsPath, folder: u8, number: u8) -> AbsPath {
    let id = ThreadId::from(Uuid::from_u128(u128::from(number % 7)));
    let began = format!("2026010{}00000{}", 1 + number % 3, number % 5).parse().unwrap();
    let name = RolloutName::from_key(began, id).unwrap().file_name();
    let folders = ["sessions/2026/01/01", "sessions/2026/01/02", "sessions/2025/12/31", "archived_sessions"];
    home.join(folders[usize::from(folder) % folders.len()]).join(name)
}

fn head(number: u8) -> String {
    let id = Uuid::from_u128(u128::from(number % 7));
    let source = [
        r#""cli""#,
        r#""vscode""#,
        r#""exec""#,
        r#"{"subagent":{"thread_spawn":{"parent_thread_id":"00000000-0000-0000-0000-000000000001","depth":1}}}"#,
    ][usize::from(number) % 4];
    let payload = format!(
        r#"{{"id":"{id}","timestamp":"2026-01-02T03:04:05.000678Z","cwd":"/work/{}","originator":"t","cli_version":"1","source":{source},"model_provider":"p{}","base_instructions":{{"text":"long"}},"git":{{"branch":"main"}}}}"#,
        number % 2,
        number % 3,
    );
    format!("{{\"timestamp\":\"2026-01-02T03:04:05.678Z\",\"type\":\"session_meta\",\"payload\":{payload}}}\n")
}

fn said(text: &str) -> String {
    let text = serde_json::to_string(text).unwrap();
    format!(
        "{{\"timestamp\":\"2026-01-02T03:04:05.678Z\",\"type\":\"event_msg\",\"payload\":{{\"type\":\"user_message\",\"message\":{text},\"images\":[],\"local_images\":[],\"text_elements\":[]}}}}\n"
    )
}

#[derive(Debug, Clone)]
enum Happening {
    /// A thread of a folder, with a message or without.
    New(u8, u8, bool),
    Append(u8, bool),
    Garbage(u8),
    Empty(u8, u8),
    NoMeta(u8, u8),
    Archive(u8),
    Unarchive(u8),
    Delete(u8),
    /// Another content of the same length.
    Rewrite(u8),
    Touch(u8, i32),
    Copy(u8, u8),
    HardLink(u8, u8),
    SymbolicLink(u8, u8),
    LoopedLink(u8, u8),
    Folder(u8, u8),
    Name(u8, String),
    NamesByHand(String),
    NoNames,
    Git(u8, bool),
    MoveDay(u8),
    RemoveDay,
    LinkDay,
    MoveSessions,
    Restart,
    DeleteIndex,
    DamageIndex(u16),
}

fn happening() -> impl Strategy<Value = Happening> {
    use Happening::*;
    let byte = any::<u8>;
    prop_oneof![
        6 => (byte(), byte(), any::<bool>()).prop_map(|(folder, number, says)| New(folder, number, says)),
        4 => (byte(), any::<bool>()).prop_map(|(which, says)| Append(which, says)),
        1 => byte().prop_map(Garbage),
        1 => (byte(), byte()).prop_map(|(folder, number)| Empty(folder, number)),
        1 => (byte(), byte()).prop_map(|(folder, number)| NoMeta(folder, number)),
        2 => byte().prop_map(Archive),
        2 => byte().prop_map(Unarchive),
        2 => byte().prop_map(Delete),
        2 => byte().prop_map(Rewrite),
        2 => (byte(), any::<i32>()).prop_map(|(which, seconds)| Touch(which, seconds)),
        1 => (byte(), byte()).prop_map(|(which, folder)| Copy(which, folder)),
        1 => (byte(), byte()).prop_map(|(which, folder)| HardLink(which, folder)),
        1 => (byte(), byte()).prop_map(|(which, folder)| SymbolicLink(which, folder)),
        1 => (byte(), byte()).prop_map(|(folder, number)| LoopedLink(folder, number)),
        1 => (byte(), byte()).prop_map(|(folder, number)| Folder(folder, number)),
        3 => (byte(), "[abÄ\"]{0,3}").prop_map(|(which, name)| Name(which, name)),
        1 => "[abÄ]{1,3}".prop_map(NamesByHand),
        1 => Just(NoNames),
        2 => (byte(), any::<bool>()).prop_map(|(which, clear)| Git(which, clear)),
        1 => byte().prop_map(MoveDay),
        1 => Just(RemoveDay),
        1 => Just(LinkDay),
        1 => Just(MoveSessions),
        2 => Just(Restart),
        1 => Just(DeleteIndex),
        1 => any::<u16>().prop_map(DamageIndex),
    ]
}

impl Happening {
    /// Lets it happen. What cannot happen now (nothing is there, something is in the way) does not.
    fn happen(self, home: &mut Home) {
        let rollouts = home.rollouts();
        let nth = |which: u8| rollouts.get(usize::from(which) % rollouts.len().max(1));
        let append = |path: &AbsPath, text: &str| {
            let _ = fs::File::options().append(true).open(path).and_then(|mut file| file.write_all(text.as_bytes()));
        };
        let (path, day) = (&home.path, |day: &str| home.path.join("sessions/2026/01").join(day));
        match self {
            Self::New(folder, number, says) => {
                let said = if says { said(&format!("message {number} ab")) } else { String::new() };
                let place = place(path, folder, number);
                if !place.exists() {
                    home.write(&place, &(head(number) + &said));
                }
            }
            Self::Append(which, says) => {
                let text = if says { said("later b") } else { "{}\n".to_owned() };
                nth(which).inspect(|path| append(path, &text));
            }
            Self::Garbage(which) => {
                nth(which).inspect(|path| append(path, "\0\0{\"type\":\"new\",\"payload\":{}}\nnot json\n"));
            }
            Self::Empty(folder, number) => home.write_new(&place(path, folder, number), ""),
            Self::NoMeta(folder, number) => home.write_new(&place(path, folder, number), &said("nobody's")),
            Self::Archive(which) => {
                let _ = nth(which).map(|path| home.store.archive(path));
            }
            Self::Unarchive(which) => {
                let _ = nth(which).map(|path| home.store.unarchive(path));
            }
            Self::Delete(which) => {
                let _ = nth(which).map(fs::remove_file);
            }
            Self::Rewrite(which) => {
                if let Some(path) = nth(which)
                    && let Ok(text) = fs::read_to_string(path)
                {
                    let _ = fs::write(path, text.replace("message", "MESSAGE"));
                }
            }
            Self::Touch(which, seconds) => {
                let at = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::from(seconds.unsigned_abs()) * 999);
                let _ = nth(which)
                    .map(|path| fs::File::options().append(true).open(path).and_then(|file| file.set_modified(at)));
            }
            Self::Copy(which, folder) => home.beside(nth(which), folder, |from, to| fs::copy(from, to).map(drop)),
            Self::HardLink(which, folder) => home.beside(nth(which), folder, |from, to| fs::hard_link(from, to)),
            Self::SymbolicLink(which, folder) => home.beside(nth(which), folder, |from, to| symlink(from, to)),
            Self::LoopedLink(folder, number) => {
                let place = place(path, folder, number);
                fs::create_dir_all(place.parent().unwrap()).unwrap();
                let _ = symlink(&place, &place);
            }
            Self::Folder(folder, number) => {
                let _ = fs::create_dir_all(place(path, folder, number));
            }
            Self::Name(which, name) => {
                let id = Uuid::from_u128(u128::from(which % 7)).into();
                home.store.set_name(id, &name).unwrap();
            }
            Self::NamesByHand(name) => {
                let file = path.join("session_index.jsonl");
                if let Ok(text) = fs::read_to_string(&file) {
                    fs::write(file, text.replacen("\"thread_name\":\"", &format!("\"thread_name\":\"{name}"), 1))
                        .unwrap();
                }
            }
            Self::NoNames => {
                let _ = fs::remove_file(path.join("session_index.jsonl"));
            }
            Self::Git(which, clear) => {
                let branch = (!clear).then(|| format!("b{which}"));
                let patch = GitPatch { branch: Some(branch), ..GitPatch::default() };
                home.store.patch_git(Uuid::from_u128(u128::from(which % 7)).into(), patch).unwrap();
            }
            Self::MoveDay(number) => {
                let _ = fs::rename(day("01"), day(&format!("0{}", 3 + number % 5)));
            }
            Self::RemoveDay => {
                let _ = fs::remove_dir_all(day("02"));
            }
            Self::LinkDay => {
                let _ = symlink(day("01"), day("09"));
            }
            Self::MoveSessions => {
                let _ = fs::rename(path.join("sessions/2026"), path.join("sessions/2024"));
            }
            Self::Restart => home.store = store(&home.path),
            Self::DeleteIndex => {
                let _ = fs::remove_file(home.index());
            }
            Self::DamageIndex(at) => {
                // With nobody in it: what SQLite keeps in memory would hide it.
                home.store = store(&home.path);
                home.other = store(&home.path);
                if let Ok(mut bytes) = fs::read(home.index())
                    && !bytes.is_empty()
                {
                    let at = usize::from(at) % bytes.len();
                    let end = (at + 64).min(bytes.len());
                    bytes[at..end].fill(0xFF);
                    fs::write(home.index(), bytes).unwrap();
                }
            }
        }
    }
}

impl Home {
    fn write_new(&self, path: &AbsPath, text: &str) {
        if !path.exists() {
            self.write(path, text);
        }
    }

    /// Puts something of another rollout's name into a folder.
    fn beside(&self, from: Option<&AbsPath>, folder: u8, put: impl Fn(&AbsPath, &AbsPath) -> std::io::Result<()>) {
        let Some(from) = from else { return };
        let to = place(&self.path, folder, 0).parent().unwrap();
        fs::create_dir_all(&to).unwrap();
        let to = to.join(from.file_name().unwrap());
        if !to.exists() {
            let _ = put(from, &to);
        }
    }
}

#[test]
fn the_index_agrees_with_the_rollouts_whatever_happens_to_them() {
    let cases = Config { cases: 16, failure_persistence: None, ..Config::default() };
    let happenings = proptest::collection::vec(happening(), 1..16);
    TestRunner::new(cases)
        .run(&happenings, |happenings| {
            let mut home = Home::new();
            for happening in happenings {
                happening.happen(&mut home);
                home.agree();
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_file_that_gets_a_second_name_is_looked_at_under_both() {
    let mut home = three_threads();
    home.agree();
    Happening::HardLink(0, 3).happen(&mut home);
    home.agree();
    Happening::Garbage(0).happen(&mut home);
    assert!(home.agree());
    Happening::Garbage(3).happen(&mut home);
    assert!(home.agree());
}

#[test]
fn where_nothing_is_watched_a_file_of_two_names_is_looked_at_a_few_times_and_no_more() {
    let mut home = three_threads();
    // A folder that a link leads to cannot be watched.
    for happening in [Happening::New(0, 5, true), Happening::LinkDay, Happening::HardLink(0, 2)] {
        happening.happen(&mut home);
    }
    let mut db = db::open(&home.index(), &TimeZone::UTC).unwrap();
    let mut disk = Disk::new(home.path.clone(), TimeZone::UTC);
    for _ in 0..3 {
        disk.listen();
        let mut steps = (0..100).map(|_| disk.step(&mut db).map(|()| disk.is_done()).unwrap());
        assert!(steps.any(|done| done), "it is in step before the hundredth");
        Happening::Append(0, true).happen(&mut home);
    }
    assert!(!disk.is_watched());
}

#[test]
fn the_index_knows_the_descendants_of_a_thread_in_the_order_in_which_they_began() {
    let home = Home::new();
    let spawned = |id: u128, by: u128| {
        let id = Uuid::from_u128(id);
        let source =
            format!(r#"{{"subagent":{{"thread_spawn":{{"parent_thread_id":"{}","depth":1}}}}}}"#, Uuid::from_u128(by));
        let payload = format!(
            r#"{{"id":"{id}","timestamp":"2026-01-02T03:04:05Z","cwd":"/work","originator":"t","cli_version":"1","source":{source}}}"#
        );
        format!("{{\"timestamp\":\"2026-01-02T03:04:05.678Z\",\"type\":\"session_meta\",\"payload\":{payload}}}\n")
    };
    for (id, by, began) in [(1, 9, 0), (3, 1, 5), (2, 1, 6), (4, 3, 7), (5, 4, 8), (6, 8, 9)] {
        let name = RolloutName::from_key(20_260_102_000_000 + began, ThreadId::from(Uuid::from_u128(id))).unwrap();
        home.write(&name.day_folder(&home.path).join(name.file_name()), &spawned(id, by));
    }
    home.agree();
    let parent = ThreadId::from(Uuid::from_u128(1));
    let found = home.store.descendants(parent).unwrap();
    let ids: Vec<_> = found.iter().map(|(id, _)| id.as_uuid().as_u128()).collect();
    assert_eq!(ids, [3, 2, 4, 5]);
    assert_eq!(home.store.scan_descendants(parent).unwrap(), found);
    if cfg!(target_os = "linux") {
        assert_eq!(home.store.index().descendants(parent, Effort::Little), Some(found));
    }
}

#[test]
fn a_filter_of_more_values_than_sqlite_takes_leaves_the_index_alone() {
    let home = three_threads();
    home.agree();
    let folders = (0..40_000).map(|number| home.path.join(format!("{number}"))).collect();
    let query = ListQuery { cwd: Some(folders), ..ListQuery::default() };
    assert_eq!(home.store.list(&query).unwrap().threads, []);
    assert!(home.agree() || cfg!(not(target_os = "linux")));
}

#[test]
fn a_home_full_of_files_with_several_names_is_heard_of_by_all_of_them() {
    let home = three_threads();
    for number in 0..104u32 {
        let id = ThreadId::from(Uuid::from_u128(1000 + u128::from(number)));
        let name = RolloutName::from_key(20_260_102_000_000 + i64::from(number % 60), id).unwrap();
        let path = name.day_folder(&home.path).join(name.file_name());
        home.write(&path, &(head(4) + &said("message")));
        fs::hard_link(&path, home.path.join(format!("backup-{number}"))).unwrap();
    }
    home.agree();
    let is_linux = cfg!(target_os = "linux");
    assert_eq!(home.agree(), is_linux);
    fs::write(home.path.join("backup-7"), head(4) + &said("by the other name")).unwrap();
    assert_eq!(home.agree(), is_linux, "only the one that has changed is looked at");
    fs::remove_file(home.path.join("backup-7")).unwrap();
    fs::remove_file(&home.rollouts()[5]).unwrap();
    assert_eq!(home.agree(), is_linux);
}

#[test]
fn a_home_full_of_symbolic_links_is_looked_at_each_time() {
    let home = three_threads();
    for number in 0..104u32 {
        let id = ThreadId::from(Uuid::from_u128(1000 + u128::from(number)));
        let name = RolloutName::from_key(20_260_102_000_000 + i64::from(number % 60), id).unwrap();
        let elsewhere = home.path.join(format!("elsewhere-{number}"));
        fs::write(&elsewhere, head(4) + &said("message")).unwrap();
        fs::create_dir_all(name.day_folder(&home.path)).unwrap();
        symlink(&elsewhere, name.day_folder(&home.path).join(name.file_name())).unwrap();
    }
    assert!(!home.agree());
    fs::write(home.path.join("elsewhere-7"), head(4) + &said("by the other name")).unwrap();
    home.agree();
}

fn three_threads() -> Home {
    let home = Home::new();
    for number in 0..3 {
        home.write(&place(&home.path, 1, number), &(head(number * 4) + &said(&format!("message {number}"))));
    }
    home
}

#[cfg(target_os = "linux")]
#[test]
fn a_change_is_in_the_next_answer_without_looking_at_everything() {
    let home = three_threads();
    home.agree();
    assert!(home.agree(), "it is in step now");
    let path = &home.rollouts()[0];
    fs::File::options().append(true).open(path).unwrap().write_all(b"{}\n").unwrap();
    assert!(home.agree());
    home.write(&place(&home.path, 1, 9), &(head(8) + &said("one more")));
    assert!(home.agree());
    fs::remove_file(path).unwrap();
    assert!(home.agree());
    home.write(
        &home.path.join("sessions/2026/05/06").join(path.file_name().unwrap()),
        &(head(4) + &said("another day")),
    );
    assert!(home.agree());
}

#[test]
fn an_index_that_cannot_be_used_is_done_without_or_made_anew() {
    let mut home = three_threads();
    home.agree();
    // Closed, so that nobody holds what stands in the file.
    (home.store, home.other) = (store(&home.path), store(&home.path));
    let list = |store: &FileStore| store.list(&ListQuery::default()).unwrap().threads.len();
    let with = |content: &[u8]| {
        fs::write(home.index(), content).unwrap();
        store(&home.path)
    };

    let store_of_garbage = with(&[0x55; 8192]);
    assert_eq!(list(&store_of_garbage), 3);
    agree(&store_of_garbage);
    drop(store_of_garbage);
    assert_eq!(&fs::read(home.index()).unwrap()[..6], b"SQLite", "it was made anew");

    // Of a version that is not ours: left alone.
    let future = rusqlite::Connection::open(home.index()).unwrap();
    future.pragma_update(None, "user_version", 7).unwrap();
    drop(future);
    let store_of_future = store(&home.path);
    assert!(!agree(&store_of_future));
    assert_eq!(list(&store_of_future), 3);
    drop(store_of_future);
    let future = rusqlite::Connection::open(home.index()).unwrap();
    assert_eq!(future.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0)).unwrap(), 7);
    drop(future);

    // A folder stands in its place.
    db::remove(&home.index());
    fs::create_dir(home.index()).unwrap();
    let store_without = store(&home.path);
    assert!(!agree(&store_without));
    assert_eq!(list(&store_without), 3);
}

#[test]
fn a_locked_index_is_not_waited_for() {
    let home = three_threads();
    home.agree();
    let locker = rusqlite::Connection::open(home.index()).unwrap();
    locker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let late = store(&home.path);
    home.write(&place(&home.path, 1, 9), &(head(8) + &said("one more")));
    assert_eq!(late.list(&ListQuery::default()).unwrap().threads.len(), 4);
    assert!(!agree(&late));
    assert_eq!(home.store.list(&ListQuery::default()).unwrap().threads.len(), 4);
}

#[test]
fn a_server_in_another_time_zone_keeps_its_own_times() {
    let home = three_threads();
    home.agree();
    let berlin = FileStore::with_time_zone(home.path.clone(), TimeZone::fixed(jiff::tz::offset(2)));
    agree(&berlin);
    assert_eq!(berlin.list(&ListQuery::default()).unwrap().threads.len(), 3);
    assert!(!agree(&home.store), "the index has the other's times now");
    assert_eq!(home.store.list(&ListQuery::default()).unwrap().threads.len(), 3);
}

#[test]
fn two_servers_fill_one_index_at_once() {
    let home = three_threads();
    for round in 0..40u8 {
        home.write(&place(&home.path, round, round), &(head(round) + &said("message")));
    }
    std::thread::scope(|scope| {
        let all = [&home.store, &home.other];
        for store in all {
            scope.spawn(|| agree(store));
        }
    });
    home.agree();
    assert!(fs::exists(home.index()).unwrap() && home.folder.path().exists());
}

#[test]
fn a_cursor_is_compared_as_a_scan_compares_it() {
    let home = three_threads();
    home.agree();
    let second = Timestamp::from_second(1_767_225_601).unwrap();
    for order in [SortOrder::NewestFirst, SortOrder::OldestFirst] {
        for nanos in [-1_500_000, -1, 0, 1, 999_999, 1_000_000] {
            let cursor = second.checked_add(jiff::SignedDuration::from_nanos(nanos)).unwrap().to_string();
            let query = ListQuery { order, cursor: Some(cursor), ..ListQuery::default() };
            let page = PageQuery::new(&query).unwrap();
            let scanned = home.store.scan(&page, None).unwrap().unwrap();
            let indexed = home.store.index().page(&page, Effort::Whatever).unwrap();
            assert_same(&indexed, &scanned, &query);
        }
    }
}
