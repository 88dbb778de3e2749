//! Compaction by the provider: `POST …/responses/compact`, answered as a whole.
//!
//! Source of the shapes: recorded requests and answers.

use bytes::Bytes;
use reqwest::header::{ACCEPT, HeaderValue};
use serde::Deserialize;
use types::ResponseItem;

use super::{ResponsesProvider, body};
use crate::retry::{Failure, repeat};
use crate::{ModelError, Request};

/// A history that was made short is not longer than this.
const LIMIT: usize = 64 << 20;

#[derive(Deserialize)]
struct Compacted {
    output: Vec<ResponseItem>,
}

impl ResponsesProvider {
    /// Sends the request, as often as it takes, and reads the answer.
    pub(super) async fn ask_to_compact(&self, request: &Request) -> Result<Vec<ResponseItem>, ModelError> {
        let mut url = self.url.clone();
        // It has a path: `responses` was added to it.
        let _ = url.path_segments_mut().map(|mut path| {
            path.push("compact");
        });
        let mut headers = self.headers(request)?;
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let body = Bytes::from(body::encode_compaction(request, self.stores)?);
        let answer = repeat(self.info.request_max_retries, || async {
            let mut response = self.attempt(&url, headers.clone(), body.clone()).await?;
            let mut answer = Vec::new();
            loop {
                match tokio::time::timeout(self.info.stream_idle_timeout, response.chunk()).await {
                    Ok(Ok(Some(chunk))) if answer.len() + chunk.len() <= LIMIT => answer.extend_from_slice(&chunk),
                    Ok(Ok(Some(_))) => {
                        return Err(Failure::lasting(ModelError::disconnected("the answer is too long".to_owned())));
                    }
                    Ok(Ok(None)) => return Ok(answer),
                    Ok(Err(error)) => {
                        return Err(Failure::passing(ModelError::disconnected(super::root_cause(&error))));
                    }
                    Err(_elapsed) => {
                        return Err(Failure::passing(ModelError::disconnected(
                            "no more of the answer came within the idle timeout".to_owned(),
                        )));
                    }
                }
            }
        });
        let Compacted { output } =
            serde_json::from_slice(&answer.await?).map_err(|error| ModelError::disconnected(error.to_string()))?;
        Ok(output)
    }
}
