//! The first line: `session_meta`.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use types::{AbsPath, GitFacts, SessionSource, SubAgentSource, ThreadId};

use super::{parse_rfc3339, rfc3339};
use crate::record::SessionMeta;

#[derive(Serialize)]
pub(super) struct MetaOut<'a> {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    forked_from_id: Option<String>,
    timestamp: String,
    cwd: &'a Path,
    originator: &'a str,
    cli_version: &'a str,
    source: SourceOut<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_nickname: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_role: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_path: Option<&'a str>,
    model_provider: Option<&'a str>,
    base_instructions: Option<Instructions<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dynamic_tools: Option<&'a [Value]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_mode: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    git: Option<GitOut<'a>>,
}

#[derive(Serialize)]
struct Instructions<'a> {
    text: &'a str,
}

#[derive(Serialize)]
struct GitOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    commit_hash: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repository_url: Option<&'a str>,
}

impl<'a> MetaOut<'a> {
    pub(super) fn new(meta: &'a SessionMeta) -> Self {
        Self {
            id: meta.id.to_string(),
            forked_from_id: meta.forked_from_id.map(|id| id.to_string()),
            timestamp: rfc3339(meta.created_at),
            cwd: &meta.cwd,
            originator: &meta.originator,
            cli_version: &meta.cli_version,
            source: SourceOut(&meta.source),
            agent_nickname: meta.agent_nickname.as_deref(),
            agent_role: meta.agent_role.as_deref(),
            agent_path: meta.agent_path.as_deref(),
            model_provider: meta.model_provider.as_deref(),
            base_instructions: meta.base_instructions.as_deref().map(|text| Instructions { text }),
            dynamic_tools: meta.dynamic_tools.as_deref(),
            memory_mode: meta.memory_mode.as_deref(),
            git: meta.git.as_ref().map(|git| GitOut {
                commit_hash: git.sha.as_deref(),
                branch: git.branch.as_deref(),
                repository_url: git.origin_url.as_deref(),
            }),
        }
    }
}

/// What lists show of a first line.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) id: ThreadId,
    pub(crate) forked_from_id: Option<ThreadId>,
    pub(crate) created_at: SystemTime,
    pub(crate) cwd: AbsPath,
    pub(crate) originator: String,
    pub(crate) cli_version: String,
    pub(crate) source: SessionSource,
    pub(crate) agent_nickname: Option<String>,
    pub(crate) agent_role: Option<String>,
    pub(crate) model_provider: Option<String>,
    pub(crate) git: Option<GitFacts>,
}

#[derive(Deserialize)]
struct HeadIn<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(default)]
    forked_from_id: Option<String>,
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    cwd: PathBuf,
    #[serde(default)]
    originator: String,
    #[serde(default)]
    cli_version: String,
    #[serde(default)]
    source: Option<Value>,
    #[serde(default)]
    agent_nickname: Option<String>,
    #[serde(default, alias = "agent_type")]
    agent_role: Option<String>,
    #[serde(default)]
    model_provider: Option<String>,
    #[serde(default)]
    git: Option<GitIn>,
}

/// What lists do not show; it can be long.
#[derive(Deserialize)]
struct RestIn {
    #[serde(default)]
    agent_path: Option<String>,
    #[serde(default)]
    base_instructions: Option<InstructionsIn>,
    #[serde(default)]
    dynamic_tools: Option<Vec<Value>>,
    #[serde(default)]
    memory_mode: Option<String>,
}

#[derive(Deserialize)]
struct InstructionsIn {
    text: String,
}

#[derive(Deserialize)]
struct GitIn {
    #[serde(default)]
    commit_hash: Option<String>,
    #[serde(default)]
    branch: Option<String>,
    #[serde(default)]
    repository_url: Option<String>,
}

/// Reads what lists show of a first line's payload; `None` when it does not say which thread this is, when it began and
/// where.
pub(super) fn read_head(payload: &str) -> Option<Head> {
    let head: HeadIn<'_> = serde_json::from_str(payload).ok()?;
    Some(Head {
        id: head.id.parse().ok()?,
        forked_from_id: head.forked_from_id.and_then(|id| id.parse().ok()),
        created_at: parse_rfc3339(&head.timestamp)?,
        cwd: AbsPath::new(head.cwd).ok()?,
        originator: head.originator,
        cli_version: head.cli_version,
        source: head.source.as_ref().map_or(SessionSource::VsCode, read_source),
        agent_nickname: head.agent_nickname,
        agent_role: head.agent_role,
        model_provider: head.model_provider,
        git: head.git.map(|git| GitFacts { sha: git.commit_hash, branch: git.branch, origin_url: git.repository_url }),
    })
}

/// The members of a first line that [`read_head`] looks at, as they stand there.
#[derive(Serialize, Deserialize)]
struct HeadMembers<'a> {
    #[serde(borrow)]
    id: &'a RawValue,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    forked_from_id: Option<&'a RawValue>,
    #[serde(borrow)]
    timestamp: &'a RawValue,
    #[serde(borrow)]
    cwd: &'a RawValue,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    originator: Option<&'a RawValue>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    cli_version: Option<&'a RawValue>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    source: Option<&'a RawValue>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    agent_nickname: Option<&'a RawValue>,
    #[serde(borrow, default, alias = "agent_type", skip_serializing_if = "Option::is_none")]
    agent_role: Option<&'a RawValue>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    model_provider: Option<&'a RawValue>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    git: Option<&'a RawValue>,
}

/// A first line's payload without what lists do not show; [`read_head`] gives the same for both. `None` where that gives
/// `None`.
pub(super) fn shorten(payload: &str) -> Option<String> {
    let members: HeadMembers<'_> = serde_json::from_str(payload).ok()?;
    serde_json::to_string(&members).ok()
}

/// Reads the payload of a first line; `None` as for [`read_head`].
pub(super) fn read(payload: &str) -> Option<SessionMeta> {
    let head = read_head(payload)?;
    let rest: RestIn = serde_json::from_str(payload).ok()?;
    Some(SessionMeta {
        id: head.id,
        forked_from_id: head.forked_from_id,
        created_at: head.created_at,
        cwd: head.cwd,
        originator: head.originator,
        cli_version: head.cli_version,
        source: head.source,
        agent_nickname: head.agent_nickname,
        agent_role: head.agent_role,
        agent_path: rest.agent_path,
        model_provider: head.model_provider,
        base_instructions: rest.base_instructions.map(|instructions| instructions.text),
        dynamic_tools: rest.dynamic_tools,
        memory_mode: rest.memory_mode,
        git: head.git,
    })
}

struct SourceOut<'a>(&'a SessionSource);

impl Serialize for SourceOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            SessionSource::Cli => serializer.serialize_str("cli"),
            SessionSource::VsCode => serializer.serialize_str("vscode"),
            SessionSource::Exec => serializer.serialize_str("exec"),
            SessionSource::AppServer => serializer.serialize_str("mcp"),
            SessionSource::Unknown => serializer.serialize_str("unknown"),
            SessionSource::Custom(name) => one(serializer, "custom", name),
            SessionSource::SubAgent(source) => one(serializer, "subagent", &SubAgentOut(source)),
        }
    }
}

struct SubAgentOut<'a>(&'a SubAgentSource);

#[derive(Serialize)]
struct ThreadSpawnOut<'a> {
    parent_thread_id: String,
    depth: i32,
    agent_path: Option<&'a str>,
    agent_nickname: Option<&'a str>,
    agent_role: Option<&'a str>,
}

impl Serialize for SubAgentOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            SubAgentSource::Review => serializer.serialize_str("review"),
            SubAgentSource::Compact => serializer.serialize_str("compact"),
            SubAgentSource::MemoryConsolidation => serializer.serialize_str("memory_consolidation"),
            SubAgentSource::Other(name) => one(serializer, "other", name),
            SubAgentSource::ThreadSpawn { parent_thread_id, depth, agent_path, agent_nickname, agent_role } => one(
                serializer,
                "thread_spawn",
                &ThreadSpawnOut {
                    parent_thread_id: parent_thread_id.to_string(),
                    depth: *depth,
                    agent_path: agent_path.as_deref(),
                    agent_nickname: agent_nickname.as_deref(),
                    agent_role: agent_role.as_deref(),
                },
            ),
        }
    }
}

/// An object of one member.
fn one<S: Serializer>(serializer: S, key: &str, value: &impl Serialize) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(key, value)?;
    map.end()
}

#[derive(Deserialize)]
struct ThreadSpawnIn {
    parent_thread_id: String,
    #[serde(default)]
    depth: i32,
    #[serde(default)]
    agent_path: Option<String>,
    #[serde(default)]
    agent_nickname: Option<String>,
    #[serde(default, alias = "agent_type")]
    agent_role: Option<String>,
}

fn read_source(value: &Value) -> SessionSource {
    match value {
        Value::String(name) => match name.as_str() {
            "cli" => SessionSource::Cli,
            "vscode" => SessionSource::VsCode,
            "exec" => SessionSource::Exec,
            "mcp" => SessionSource::AppServer,
            _ => SessionSource::Unknown,
        },
        Value::Object(map) => {
            if let Some(name) = map.get("custom").and_then(Value::as_str) {
                SessionSource::Custom(name.to_owned())
            } else {
                map.get("subagent").and_then(read_sub_agent).map_or(SessionSource::Unknown, SessionSource::SubAgent)
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => SessionSource::Unknown,
    }
}

fn read_sub_agent(value: &Value) -> Option<SubAgentSource> {
    match value {
        Value::String(name) => Some(match name.as_str() {
            "review" => SubAgentSource::Review,
            "compact" => SubAgentSource::Compact,
            "memory_consolidation" => SubAgentSource::MemoryConsolidation,
            other => SubAgentSource::Other(other.to_owned()),
        }),
        Value::Object(map) => {
            if let Some(spawn) = map.get("thread_spawn") {
                let spawn = ThreadSpawnIn::deserialize(spawn).ok()?;
                return Some(SubAgentSource::ThreadSpawn {
                    parent_thread_id: spawn.parent_thread_id.parse::<ThreadId>().ok()?,
                    depth: spawn.depth,
                    agent_path: spawn.agent_path,
                    agent_nickname: spawn.agent_nickname,
                    agent_role: spawn.agent_role,
                });
            }
            map.get("other").and_then(Value::as_str).map(|name| SubAgentSource::Other(name.to_owned()))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}
