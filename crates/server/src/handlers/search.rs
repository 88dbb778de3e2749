//! `fuzzyFileSearch*`: finding files by a few letters of their path.
//!
//! Source of codes and texts: recorded conversations.

use protocol as p;
use types::AbsPath;
use workspace::search::{self, Match};

use super::thread_view;
use crate::dispatch::{Cx, Handled, Reply};
use crate::error::RpcError;
use crate::searches::Told;

pub(crate) async fn find(cx: Cx, params: p::FuzzyFileSearchParams) -> Handled<p::FuzzyFileSearchResponse> {
    let p::FuzzyFileSearchParams { query, roots, cancellation_token } = params;
    let stop = cx.connection.ended.child_token();
    let place = cancellation_token.map(|token| cx.server.searches.replace(cx.connection.id, token, stop.clone()));
    let folders = folders(&cx, &roots);
    let found = thread_view::blocking(move || search::find(&query, &folders, &|| stop.is_cancelled())).await?;
    drop(place);
    // Whoever has sent the next search does not look at the answer to this one.
    let files = found.map(|matches| to_wire(matches, &roots)).unwrap_or_default();
    Ok(p::FuzzyFileSearchResponse { files }.into())
}

/// Starts to read the folders at once, so that the first query finds them known.
pub(crate) async fn start_session(
    cx: Cx,
    params: p::FuzzyFileSearchSessionStartParams,
) -> Handled<p::FuzzyFileSearchSessionStartResponse> {
    let p::FuzzyFileSearchSessionStartParams { session_id, roots } = params;
    if session_id.is_empty() {
        return Err(RpcError::invalid_request("sessionId must not be empty"));
    }
    let session =
        cx.server.searches.start(session_id.clone(), folders(&cx, &roots)).map_err(RpcError::invalid_request)?;
    Ok(Reply::new(p::FuzzyFileSearchSessionStartResponse {}).then(move |cx| {
        let hub = cx.server.hub.clone();
        let tell = move |told| match told {
            Told::Matches { query, matches } => hub.broadcast(&p::FuzzyFileSearchSessionUpdatedNotification {
                session_id: session_id.clone(),
                query,
                files: to_wire(matches, &roots),
            }),
            Told::Completed => {
                hub.broadcast(&p::FuzzyFileSearchSessionCompletedNotification { session_id: session_id.clone() });
            }
        };
        // Ends with the session, or the connection that has started it.
        tokio::spawn(session.run(cx.connection.ended.child_token(), tell));
    }))
}

pub(crate) async fn update_session(
    cx: Cx,
    params: p::FuzzyFileSearchSessionUpdateParams,
) -> Handled<p::FuzzyFileSearchSessionUpdateResponse> {
    let p::FuzzyFileSearchSessionUpdateParams { session_id, query } = params;
    if !cx.server.searches.has(&session_id) {
        return Err(RpcError::invalid_request(format_args!("fuzzy file search session not found: {session_id}")));
    }
    let update = move |cx: &Cx| cx.server.searches.update(&session_id, query);
    Ok(Reply::new(p::FuzzyFileSearchSessionUpdateResponse {}).then(update))
}

/// Stopping a session that does not exist is fine.
pub(crate) async fn stop_session(
    cx: Cx,
    params: p::FuzzyFileSearchSessionStopParams,
) -> Handled<p::FuzzyFileSearchSessionStopResponse> {
    cx.server.searches.stop(&params.session_id);
    Ok(p::FuzzyFileSearchSessionStopResponse {}.into())
}

fn folders(cx: &Cx, roots: &[String]) -> Vec<AbsPath> {
    roots.iter().map(|root| cx.server.engine.environment().cwd.join(root)).collect()
}

/// Roots are shown as they were sent.
fn to_wire(matches: Vec<Match>, roots: &[String]) -> Vec<p::FuzzyFileSearchResult> {
    let shown = matches.into_iter().map(|found| p::FuzzyFileSearchResult {
        root: roots[found.root].clone(),
        file_name: found.path.rsplit('/').next().unwrap_or_default().to_owned(),
        path: found.path,
        match_type: if found.is_directory {
            p::FuzzyFileSearchMatchType::Directory
        } else {
            p::FuzzyFileSearchMatchType::File
        },
        score: found.score,
        indices: Some(found.indices),
    });
    shown.collect()
}
