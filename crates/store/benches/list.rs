//! A page of many threads, by way of the index and before there is one: `cargo bench -p store`.
#![expect(clippy::print_stdout, reason = "the figures are what this program is for")]

mod measure;

use std::fs;
use std::io::Write as _;
use std::time::{Duration, Instant, UNIX_EPOCH};

use jiff::tz::TimeZone;
use store::{FileStore, ListQuery, SortKey, ThreadStore as _};
use types::{AbsPath, ThreadId};

use measure::often;

const ROUNDS: usize = 200;

fn main() {
    for threads in [2_000, 20_000] {
        let folder = tempfile::tempdir().unwrap();
        let home = AbsPath::new(folder.path()).unwrap();
        let newest = fill(&home, threads);
        println!("{threads} threads");
        measure(&home, &newest);
    }
}

/// Threads over a year, newest last; gives the newest one's rollout.
fn fill(home: &AbsPath, threads: u64) -> AbsPath {
    let store = FileStore::with_time_zone(home.clone(), TimeZone::UTC);
    let mut path = home.clone();
    for number in 0..threads {
        let (id, began) =
            (ThreadId::new(), UNIX_EPOCH + Duration::from_secs(1_767_225_600 + number * 31_000_000 / threads));
        path = store.rollout_path(id, began);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let line = |kind: &str, payload: String| {
            format!("{{\"timestamp\":\"2026-01-02T03:04:05.678Z\",\"type\":\"{kind}\",\"payload\":{payload}}}\n")
        };
        let meta = format!(
            r#"{{"id":"{id}","timestamp":"2026-01-02T03:04:05.678Z","cwd":"/home/user/project-{}","originator":"bench","cli_version":"1.2.3","source":"vscode","model_provider":"openai","base_instructions":null,"git":{{"commit_hash":"0123456789012345678901234567890123456789","branch":"main","repository_url":"https://example.com/project.git"}}}}"#,
            number % 50
        );
        let context = format!(
            r#"{{"type":"message","role":"user","content":[{{"type":"input_text","text":"{}"}}]}}"#,
            "context ".repeat(300)
        );
        let said = format!(
            r#"{{"type":"user_message","message":"thread {number}: please look at the failing test in module {} and say what is wrong with it, then mend it.","images":[]}}"#,
            number % 97
        );
        let text = line("session_meta", meta) + &line("response_item", context) + &line("event_msg", said);
        fs::write(&path, text + &line("event_msg", r#"{"type":"task_complete","turn_id":"1"}"#.to_owned())).unwrap();
        if number % 10 == 0 {
            store.set_name(id, &format!("Name of thread {number}")).unwrap();
        }
    }
    path
}

fn measure(home: &AbsPath, newest: &AbsPath) {
    let page = || ListQuery { limit: Some(50), ..ListQuery::default() };
    let search = |term: &str| ListQuery { search_term: Some(term.to_owned()), ..page() };
    let by_change = || ListQuery { sort: SortKey::UpdatedAt, ..page() };
    let open = || FileStore::with_time_zone(home.clone(), TimeZone::UTC);

    let store = open();
    once("never indexed: first page", || drop(store.list(&page())));
    once("never indexed: search", || drop(store.list(&search("no such words"))));
    drop(store);
    let store = open();
    once("indexed earlier: first page", || drop(store.list(&page())));
    drop(store);
    let store = open();
    once("indexed earlier: first search", || drop(store.list(&search("no such words"))));

    often(ROUNDS, "page by creation", || drop(store.list(&page())));
    often(ROUNDS, "page by change", || drop(store.list(&by_change())));
    let cursor = store.list(&page()).unwrap().next_cursor;
    often(ROUNDS, "second page", || drop(store.list(&ListQuery { cursor: cursor.clone(), ..page() })));
    often(ROUNDS, "search, nothing found", || drop(store.list(&search("no such words"))));
    often(ROUNDS, "search, all found", || drop(store.list(&search("failing test"))));
    often(ROUNDS, "search by change, few found", || {
        drop(store.list(&ListQuery { sort: SortKey::UpdatedAt, ..search("module 13 ") }));
    });
    let nowhere = Some(vec![AbsPath::new("/nowhere").unwrap()]);
    often(ROUNDS, "working directory, nothing found", || {
        drop(store.list(&ListQuery { cwd: nowhere.clone(), ..page() }));
    });
    let mut file = fs::File::options().append(true).open(newest).unwrap();
    often(ROUNDS, "page by change after an append", || {
        file.write_all(b"{}\n").unwrap();
        drop(store.list(&by_change()));
    });
    let id = store.list(&page()).unwrap().threads[0].id;
    often(ROUNDS, "page after a new name", || {
        store.set_name(id, "new").unwrap();
        drop(store.list(&page()));
    });
    println!(
        "  {:<36} {:>8.1} MB",
        "the index",
        fs::metadata(home.join("spindle/index-1.sqlite")).unwrap().len() as f64 / 1e6
    );
    println!("  {:<36} {:>8.1} MB", "anonymous memory", anonymous_kib() as f64 / 1e3);
}

fn once(what: &str, work: impl FnOnce()) {
    let start = Instant::now();
    work();
    println!("  {what:<36} {:>8.2} ms", start.elapsed().as_secs_f64() * 1e3);
}

/// What this process has in memory that no file stands behind; 0 where the system does not say.
fn anonymous_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}
