//! Lists, names, archive.

use std::fs;
use std::time::Duration;

use store::{
    EventRecord, GitPatch, LastTurn, ListQuery, SessionMeta, SortKey, SortOrder, SourceKind, StoreError,
    ThreadStore as _,
};
use types::{AbsPath, GitFacts, SessionSource, SubAgentSource, ThreadId};

use crate::support::*;

/// A thread that began so many seconds after noon and says `text`.
async fn thread(home: &Home, seconds: u64, text: &str, change: impl FnOnce(&mut SessionMeta)) -> (ThreadId, AbsPath) {
    let mut meta = SessionMeta { created_at: noon() + Duration::from_secs(seconds), ..meta() };
    change(&mut meta);
    let id = meta.id;
    let mut writer = home.store.create(meta);
    writer.append(&turn(text)).unwrap();
    (id, writer.path().clone())
}

fn previews(home: &Home, query: &ListQuery) -> Vec<String> {
    home.store.list(query).unwrap().threads.into_iter().map(|thread| thread.preview).collect()
}

const DAY: u64 = 24 * 60 * 60;

#[tokio::test]
async fn the_newest_thread_comes_first_and_pages_lead_through_all_of_them() {
    let home = home();
    // Two of them in the same second.
    for (seconds, text) in [(0, "a"), (DAY, "b"), (DAY, "c"), (40 * DAY, "d")] {
        thread(&home, seconds, text, |_| {}).await;
    }
    let mut seen = Vec::new();
    let mut query = ListQuery { limit: Some(1), ..ListQuery::default() };
    loop {
        let page = home.store.list(&query).unwrap();
        assert_eq!(page.threads.len(), 1);
        seen.push(page.threads[0].preview.clone());
        match page.next_cursor {
            Some(cursor) => query.cursor = Some(cursor),
            None => break,
        }
    }
    assert_eq!(seen, ["d", "c", "b", "a"]);

    let oldest_first = ListQuery { order: SortOrder::OldestFirst, ..ListQuery::default() };
    assert_eq!(previews(&home, &oldest_first), ["a", "b", "c", "d"]);
}

#[tokio::test]
async fn a_cursor_is_a_time_and_the_backwards_one_begins_with_the_pages_first_thread() {
    let home = home();
    for (seconds, text) in [(0, "a"), (1, "b"), (2, "c")] {
        thread(&home, seconds, text, |_| {}).await;
    }
    let page = home.store.list(&ListQuery { limit: Some(2), ..ListQuery::default() }).unwrap();
    assert_eq!(page.next_cursor.as_deref(), Some("2026-01-02T03:04:06Z"));
    assert_eq!(page.backwards_cursor.as_deref(), Some("2026-01-02T03:04:06.999Z"));

    let back = ListQuery { cursor: page.backwards_cursor, order: SortOrder::OldestFirst, ..ListQuery::default() };
    assert_eq!(previews(&home, &back), ["c"]);
    thread(&home, 3, "d", |_| {}).await;
    assert_eq!(previews(&home, &back), ["c", "d"]);
}

#[tokio::test]
async fn a_cursor_that_is_none_is_refused() {
    let home = home();
    for cursor in ["", "garbage", "2026-01-02", "2026-01-02T03:04:06Z|x"] {
        let error =
            home.store.list(&ListQuery { cursor: Some(cursor.to_owned()), ..ListQuery::default() }).unwrap_err();
        assert!(matches!(error, StoreError::InvalidCursor { .. }));
        assert_eq!(error.to_string(), format!("invalid cursor: {cursor}"));
    }
}

#[tokio::test]
async fn a_list_by_change_asks_for_the_files_times() {
    let home = home();
    let (_, first) = thread(&home, 0, "a", |_| {}).await;
    let (_, second) = thread(&home, 1, "b", |_| {}).await;
    let set = |path: &AbsPath, seconds| {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(noon() + Duration::from_secs(seconds)).unwrap();
    };
    set(&first, 20);
    set(&second, 10);
    let query = ListQuery { sort: SortKey::UpdatedAt, limit: Some(1), ..ListQuery::default() };
    let page = home.store.list(&query).unwrap();
    assert_eq!(page.threads[0].preview, "a");
    assert_eq!(page.threads[0].updated_at, noon() + Duration::from_secs(20));
    assert_eq!(previews(&home, &ListQuery { cursor: page.next_cursor, ..query }), ["b"]);
}

#[tokio::test]
async fn threads_without_a_users_message_are_not_listed() {
    let home = home();
    let mut writer = home.store.create(meta());
    writer.append(&[said("injected"), agent("hello")]).unwrap();
    fs::write(home.path.join("sessions/2026/01/02/rollout-2026-01-02T00-00-00-garbage.jsonl"), "x").unwrap();
    let empty = home.store.rollout_path(ThreadId::new(), noon());
    fs::write(&empty, "").unwrap();
    assert_eq!(previews(&home, &ListQuery::default()), Vec::<String>::new());
    assert_eq!(home.store.summary(writer.path()).unwrap().unwrap().preview, "");
    assert_eq!(home.store.summary(&empty).unwrap(), None);
}

#[tokio::test]
async fn filters_leave_threads_out_while_the_page_is_filled() {
    let home = home();
    thread(&home, 0, "cli", |meta| meta.source = SessionSource::Cli).await;
    thread(&home, 1, "exec", |meta| meta.source = SessionSource::Exec).await;
    thread(&home, 2, "review", |meta| meta.source = SessionSource::SubAgent(SubAgentSource::Review)).await;
    thread(&home, 3, "other", |meta| {
        meta.source = SessionSource::SubAgent(SubAgentSource::Other("x".to_owned()));
    })
    .await;
    thread(&home, 4, "elsewhere", |meta| meta.cwd = AbsPath::new("/elsewhere").unwrap()).await;
    thread(&home, 5, "provided", |meta| meta.model_provider = Some("mine".to_owned())).await;

    let all = ListQuery::default;
    assert_eq!(previews(&home, &all()), ["provided", "elsewhere", "cli"]);
    let kinds = |kinds: &[SourceKind]| ListQuery { source_kinds: kinds.to_vec(), ..all() };
    assert_eq!(previews(&home, &kinds(&[SourceKind::Exec, SourceKind::SubAgentOther])), ["other", "exec"]);
    assert_eq!(previews(&home, &kinds(&[SourceKind::SubAgent])), ["other", "review"]);
    assert_eq!(previews(&home, &kinds(&[SourceKind::SubAgentCompact])), Vec::<String>::new());

    let cwd = |folders: &[&str]| {
        let folders = folders.iter().map(|folder| AbsPath::new(folder).unwrap()).collect();
        ListQuery { cwd: Some(folders), ..all() }
    };
    assert_eq!(previews(&home, &cwd(&["/elsewhere"])), ["elsewhere"]);
    assert_eq!(previews(&home, &cwd(&["/"])), Vec::<String>::new());
    assert_eq!(previews(&home, &cwd(&[])), Vec::<String>::new());

    let providers = |names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        ListQuery { model_providers: Some(names), ..all() }
    };
    assert_eq!(previews(&home, &providers(&["mine"])), ["provided"]);
    assert_eq!(previews(&home, &providers(&[])).len(), 3);

    let filled = ListQuery { limit: Some(1), ..cwd(&["/work/project"]) };
    let page = home.store.list(&filled).unwrap();
    assert_eq!((page.threads[0].preview.as_str(), page.next_cursor.is_some()), ("provided", true));
    assert_eq!(previews(&home, &ListQuery { cursor: page.next_cursor, ..filled }), ["cli"]);
}

#[tokio::test]
async fn the_newest_name_counts_and_is_searched_instead_of_the_first_message() {
    let home = home();
    let (id, path) = thread(&home, 0, "alpha one", |_| {}).await;
    thread(&home, 1, "beta", |_| {}).await;
    home.store.set_name(id, "First").unwrap();
    home.store.set_name(id, "Second \"name\"").unwrap();
    fs::write(
        home.path.join("session_index.jsonl"),
        fs::read_to_string(home.path.join("session_index.jsonl")).unwrap() + "not json\n{\"id\":\"x\"",
    )
    .unwrap();
    assert_eq!(home.store.name(id).unwrap().as_deref(), Some("Second \"name\""));
    assert_eq!(home.store.read(&path).unwrap().name.as_deref(), Some("Second \"name\""));
    home.store.set_name(id, "Third").unwrap();

    let search = |term: &str| ListQuery { search_term: Some(term.to_owned()), ..ListQuery::default() };
    assert_eq!(previews(&home, &search("Third")), ["alpha one"]);
    assert_eq!(previews(&home, &search("one")), Vec::<String>::new());
    assert_eq!(previews(&home, &search("BETA")), Vec::<String>::new());
    assert_eq!(previews(&home, &search("")), ["beta", "alpha one"]);
}

#[tokio::test]
async fn a_name_in_the_rollout_counts_where_the_index_has_none() {
    let home = home();
    let (id, path) = thread(&home, 0, "a", |_| {}).await;
    let (_, mut writer) = home.store.open(&path).unwrap();
    let name = |name: &str| event(EventRecord::ThreadName { thread_id: id, name: Some(name.to_owned()) });
    writer.append(&[name("old"), name("new")]).unwrap();
    assert_eq!(home.store.read(&path).unwrap().name.as_deref(), Some("new"));
}

#[tokio::test]
async fn an_archived_thread_is_found_and_listed_among_the_archived_ones_only() {
    let home = home();
    let (id, path) = thread(&home, 0, "a", |_| {}).await;
    let (_, mut writer) = home.store.open(&path).unwrap();
    let archived = home.store.archive(&path).unwrap();
    assert_eq!(archived.parent(), Some(home.path.join("archived_sessions")));
    assert_eq!(archived.file_name(), path.file_name());
    let found = home.store.find(id).unwrap().unwrap();
    assert_eq!((found.path, found.archived), (archived.clone(), true));
    assert!(home.store.is_archived(&archived) && !home.store.is_archived(&path));

    let only_archived = ListQuery { archived: true, ..ListQuery::default() };
    assert_eq!(previews(&home, &ListQuery::default()), Vec::<String>::new());
    assert_eq!(previews(&home, &only_archived), ["a"]);

    // A writer that was open before goes on in the new place.
    writer.append(&turn("b")).unwrap();
    assert_eq!(home.store.read(&archived).unwrap().turns.all(LastTurn::Ended).unwrap().len(), 2);

    let set_back = fs::File::options().write(true).open(&archived).unwrap();
    set_back.set_modified(noon()).unwrap();
    assert_eq!(home.store.unarchive(&archived).unwrap(), path);
    assert!(home.store.read(&path).unwrap().updated_at > noon());
    assert_eq!(previews(&home, &ListQuery::default()), ["a"]);
}

#[tokio::test]
async fn archiving_does_not_replace_an_archived_file_of_the_same_name() {
    let home = home();
    let (_, path) = thread(&home, 0, "new", |_| {}).await;
    let archived = home.path.join("archived_sessions").join(path.file_name().unwrap());
    fs::create_dir_all(archived.parent().unwrap()).unwrap();
    fs::write(&archived, "what was said before").unwrap();
    let error = home.store.archive(&path).unwrap_err().to_string();
    assert!(error.contains(archived.to_str().unwrap()), "{error}");
    assert!(path.exists());
    assert_eq!(fs::read_to_string(&archived).unwrap(), "what was said before");
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_that_leads_nowhere_hides_no_thread_outside_of_it() {
    let home = home();
    let (id, path) = thread(&home, 0, "a", |_| {}).await;
    let sessions = home.path.join("sessions");
    for folder in ["2030", "2026/12", "2026/01/30"] {
        std::os::unix::fs::symlink(sessions.join(folder), sessions.join(folder)).unwrap();
    }
    let search = ListQuery { search_term: Some("a".to_owned()), ..ListQuery::default() };
    for query in [ListQuery::default(), search] {
        assert_eq!(previews(&home, &query), ["a"]);
    }
    assert_eq!(home.store.find(id).unwrap().unwrap().path, path);
    assert_eq!(home.store.find(ThreadId::new()).unwrap(), None);
    assert_eq!(home.store.descendants(id).unwrap(), []);
}

#[cfg(unix)]
#[tokio::test]
async fn threads_that_cannot_be_looked_for_are_not_taken_for_none() {
    let home = home();
    for root in ["sessions", "archived_sessions"] {
        std::os::unix::fs::symlink(home.path.join(root), home.path.join(root)).unwrap();
        let query = ListQuery { archived: root != "sessions", ..ListQuery::default() };
        let error = home.store.list(&query).unwrap_err().to_string();
        assert!(error.contains(root), "{error}");
    }
}

#[tokio::test]
async fn names_and_git_facts_that_cannot_be_read_are_all_that_is_missing() {
    let home = home();
    let (id, path) = thread(&home, 0, "a", |_| {}).await;
    for file in ["session_index.jsonl", "thread_git.jsonl"] {
        fs::create_dir(home.path.join(file)).unwrap();
    }
    let search = ListQuery { search_term: Some("a".to_owned()), ..ListQuery::default() };
    for query in [ListQuery::default(), search] {
        assert_eq!(previews(&home, &query), ["a"]);
    }
    assert_eq!(home.store.summary(&path).unwrap().unwrap().name, None);
    let (thread, _writer) = home.store.open(&path).unwrap();
    assert_eq!((thread.meta.id, thread.name), (id, None));
    let error = home.store.set_name(id, "new").unwrap_err().to_string();
    assert!(error.contains("session_index.jsonl"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_thread_whose_time_cannot_be_set_is_brought_back_all_the_same() {
    let home = home();
    let (_, path) = thread(&home, 0, "a", |_| {}).await;
    let archived = home.store.archive(&path).unwrap();
    // Nobody can open what the link names; a file of another user would not let itself be changed either.
    fs::remove_file(&archived).unwrap();
    std::os::unix::fs::symlink("nowhere", &archived).unwrap();
    assert_eq!(home.store.unarchive(&archived).unwrap(), path);
    assert!(fs::symlink_metadata(&path).is_ok());
}

#[tokio::test]
async fn a_file_that_is_no_rollout_is_not_moved() {
    let home = home();
    let path = home.path.join("config.toml");
    fs::write(&path, "").unwrap();
    assert!(matches!(home.store.archive(&path), Err(StoreError::NotARollout { .. })));
    assert!(path.exists());
}

#[tokio::test]
async fn a_thread_is_found_wherever_its_file_lies() {
    let home = home();
    let (id, path) = thread(&home, 0, "a", |_| {}).await;
    assert_eq!(home.store.find(id).unwrap().unwrap().path, path);
    // The id is of today; the file of years ago.
    let moved = home.path.join("sessions/1999/12/31").join(path.file_name().unwrap());
    fs::create_dir_all(moved.parent().unwrap()).unwrap();
    fs::rename(&path, &moved).unwrap();
    assert_eq!(home.store.find(id).unwrap().unwrap().path, moved);
    assert_eq!(home.store.find(ThreadId::new()).unwrap(), None);
}

#[tokio::test]
async fn a_change_of_git_facts_stands_over_those_of_the_rollout_and_leaves_it_as_it_is() {
    let home = home();
    let facts = GitFacts { sha: Some("abc".to_owned()), branch: Some("main".to_owned()), origin_url: None };
    let (id, path) = thread(&home, 0, "a", |meta| meta.git = Some(facts.clone())).await;
    let before = fs::read(&path).unwrap();
    let branch = |name: Option<&str>| GitPatch { branch: Some(name.map(str::to_owned)), ..GitPatch::default() };
    let listed = || home.store.list(&ListQuery::default()).unwrap().threads.remove(0).git;

    home.store.patch_git(id, branch(Some("topic"))).unwrap();
    assert_eq!(listed(), Some(GitFacts { branch: Some("topic".to_owned()), ..facts.clone() }));

    home.store.patch_git(id, GitPatch { sha: Some(None), ..GitPatch::default() }).unwrap();
    assert_eq!(listed(), Some(GitFacts { sha: None, branch: Some("topic".to_owned()), origin_url: None }));

    home.store.patch_git(id, branch(None)).unwrap();
    assert_eq!(listed(), None, "nothing is left");
    assert_eq!(fs::read(&path).unwrap(), before);
    assert!(home.store.git_patch(ThreadId::new()).unwrap().is_empty());
}

#[tokio::test]
async fn descendants_are_the_children_and_theirs_in_the_order_in_which_they_began() {
    let home = home();
    let child_of = |parent: ThreadId| {
        move |meta: &mut SessionMeta| {
            meta.source = SessionSource::SubAgent(SubAgentSource::ThreadSpawn {
                parent_thread_id: parent,
                depth: 1,
                agent_path: None,
                agent_nickname: None,
                agent_role: None,
            });
        }
    };
    let (other, _) = thread(&home, 0, "other", |_| {}).await;
    let (parent, _) = thread(&home, 1, "parent", |_| {}).await;
    thread(&home, 2, "of another", child_of(other)).await;
    let (first, _) = thread(&home, 3, "first", child_of(parent)).await;
    let (grandchild, _) = thread(&home, 4, "grandchild", child_of(first)).await;
    let (second, _) = thread(&home, 2 * DAY, "second", child_of(parent)).await;

    let found: Vec<_> = home.store.descendants(parent).unwrap().into_iter().map(|(id, _)| id).collect();
    assert_eq!(found, [first, second, grandchild]);
    assert_eq!(home.store.descendants(grandchild).unwrap(), []);
}
