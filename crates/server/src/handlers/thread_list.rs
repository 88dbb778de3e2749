//! `thread/list` and `thread/loaded/list`.

use protocol as p;
use store::{ListQuery, SortKey, SortOrder, SourceKind, Summary};
use types::AbsPath;

use super::thread_view;
use crate::dispatch::{Cx, Handled};
use crate::error::RpcError;
use crate::wire::{ToWire as _, abs, unix_seconds};

/// Lists stored threads. `useStateDbOnly` changes nothing: the rollouts are the only truth there is.
pub(crate) async fn list(cx: Cx, params: p::ThreadListParams) -> Handled<p::ThreadListResponse> {
    let server = cx.server.clone();
    // Looks at many files.
    let page = thread_view::blocking(move || {
        let environment = server.engine.environment();
        environment.store.list(&query(params, &environment.cwd))
    })
    .await??;
    Ok(p::ThreadListResponse {
        data: page.threads.iter().map(|thread| of_summary(&cx, thread)).collect(),
        next_cursor: page.next_cursor,
        backwards_cursor: page.backwards_cursor,
    }
    .into())
}

fn query(params: p::ThreadListParams, server_cwd: &AbsPath) -> ListQuery {
    ListQuery {
        cursor: params.cursor,
        limit: params.limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)),
        sort: match params.sort_key {
            None | Some(p::ThreadSortKey::CreatedAt) => SortKey::CreatedAt,
            Some(p::ThreadSortKey::UpdatedAt) => SortKey::UpdatedAt,
        },
        order: match params.sort_direction {
            None | Some(p::SortDirection::Desc) => SortOrder::NewestFirst,
            Some(p::SortDirection::Asc) => SortOrder::OldestFirst,
        },
        model_providers: params.model_providers,
        source_kinds: params.source_kinds.unwrap_or_default().into_iter().map(source_kind).collect(),
        archived: params.archived.unwrap_or(false),
        cwd: params.cwd.map(|cwd| {
            let folders = match cwd {
                p::ThreadListCwdFilter::One(folder) => vec![folder],
                p::ThreadListCwdFilter::Many(folders) => folders,
            };
            folders.into_iter().map(|folder| server_cwd.join(folder)).collect()
        }),
        search_term: params.search_term,
    }
}

fn source_kind(kind: p::ThreadSourceKind) -> SourceKind {
    match kind {
        p::ThreadSourceKind::Cli => SourceKind::Cli,
        p::ThreadSourceKind::Vscode => SourceKind::VsCode,
        p::ThreadSourceKind::Exec => SourceKind::Exec,
        p::ThreadSourceKind::AppServer => SourceKind::AppServer,
        p::ThreadSourceKind::SubAgent => SourceKind::SubAgent,
        p::ThreadSourceKind::SubAgentReview => SourceKind::SubAgentReview,
        p::ThreadSourceKind::SubAgentCompact => SourceKind::SubAgentCompact,
        p::ThreadSourceKind::SubAgentThreadSpawn => SourceKind::SubAgentThreadSpawn,
        p::ThreadSourceKind::SubAgentOther => SourceKind::SubAgentOther,
        p::ThreadSourceKind::Unknown => SourceKind::Unknown,
    }
}

/// A stored thread as lists show it, with the status of the loaded one.
pub(super) fn of_summary(cx: &Cx, thread: &Summary) -> p::Thread {
    let loaded = cx.server.engine.get(thread.id);
    p::Thread {
        id: thread.id.to_string(),
        forked_from_id: thread.forked_from.map(|id| id.to_string()),
        preview: thread.preview.clone(),
        ephemeral: false,
        model_provider: thread.model_provider.clone().unwrap_or_default(),
        created_at: unix_seconds(thread.created_at),
        updated_at: unix_seconds(thread.updated_at),
        status: loaded.map_or(p::ThreadStatus::NotLoaded, |loaded| loaded.snapshot().status.to_wire()),
        path: Some(thread.path.as_path().to_owned()),
        cwd: abs(&thread.cwd),
        cli_version: thread.cli_version.clone(),
        source: thread.source.to_wire(),
        agent_nickname: thread.agent_nickname.clone(),
        agent_role: thread.agent_role.clone(),
        git_info: thread.git.to_wire(),
        name: thread.name.clone(),
        turns: Vec::new(),
    }
}

/// Lists the ids of loaded threads, in their order; the cursor is the last id of the page before.
pub(crate) async fn loaded_list(cx: Cx, params: p::ThreadLoadedListParams) -> Handled<p::ThreadLoadedListResponse> {
    let mut ids: Vec<String> = cx.server.engine.loaded().iter().map(|thread| thread.id().to_string()).collect();
    if let Some(cursor) = &params.cursor {
        let after = thread_view::parse_id(cursor)
            .map_err(|_| RpcError::invalid_request(format_args!("invalid cursor: {cursor}")))?
            .to_string();
        ids.retain(|id| *id > after);
    }
    let limit = params.limit.map_or(usize::MAX, |limit| usize::try_from(limit.max(1)).unwrap_or(usize::MAX));
    let more = ids.len() > limit;
    ids.truncate(limit);
    let next_cursor = if more { ids.last().cloned() } else { None };
    Ok(p::ThreadLoadedListResponse { data: ids, next_cursor }.into())
}
