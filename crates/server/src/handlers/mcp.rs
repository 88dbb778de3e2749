//! `mcpServerStatus/list` and `config/mcpServer/reload`. MCP servers are not part of this build: whoever has configured
//! some is told so.

use config::Config;
use protocol as p;

use super::page::Page;
use crate::dispatch::{Cx, Handled};
use crate::error::RpcError;

pub(crate) async fn list(cx: Cx, params: p::ListMcpServerStatusParams) -> Handled<p::ListMcpServerStatusResponse> {
    check(&load(&cx).map_err(|error| RpcError::internal(format_args!("failed to load configuration: {error}")))?)?;
    let Page { next_cursor, .. } = Page::of(0, params.cursor.as_deref(), params.limit, "MCP servers")?;
    Ok(p::ListMcpServerStatusResponse { data: Vec::new(), next_cursor }.into())
}

pub(crate) async fn reload(cx: Cx, _params: p::NoParams) -> Handled<p::McpServerRefreshResponse> {
    check(&load(&cx).map_err(|error| RpcError::internal(format_args!("failed to reload config: {error}")))?)?;
    Ok(p::McpServerRefreshResponse {}.into())
}

fn load(cx: &Cx) -> Result<Config, config::ConfigError> {
    let environment = cx.server.engine.environment();
    environment.loader.load(Some(&environment.cwd), None)
}

fn check(config: &Config) -> Result<(), RpcError> {
    if config.mcp_servers.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = config.mcp_servers.keys().map(String::as_str).collect();
    let names = names.join(", ");
    Err(RpcError::internal(format_args!(
        "MCP servers are not available in this build of spindle (configured: {names})"
    )))
}
