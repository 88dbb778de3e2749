//! Where a thread came from.

use crate::ThreadId;

/// The program or thread that created a thread.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SessionSource {
    Cli,
    /// An editor or other rich client. The default of an app-server.
    #[default]
    VsCode,
    Exec,
    /// The app-server acting for itself (`mcp` in rollouts).
    AppServer,
    Custom(String),
    SubAgent(SubAgentSource),
    Unknown,
}

/// Why a thread was made by another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubAgentSource {
    Review,
    Compact,
    ThreadSpawn {
        parent_thread_id: ThreadId,
        /// 1 for a child of a user's thread.
        depth: i32,
        agent_path: Option<String>,
        agent_nickname: Option<String>,
        agent_role: Option<String>,
    },
    MemoryConsolidation,
    Other(String),
}

/// What git said about a thread's working directory when the thread was created.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GitFacts {
    /// Full commit hash of HEAD.
    pub sha: Option<String>,
    pub branch: Option<String>,
    pub origin_url: Option<String>,
}
