//! `initialize`: the first request of every connection.

use protocol::{InitializeParams, InitializeResponse};

use crate::connection::Client;
use crate::dispatch::{Cx, Handled, Reply};
use crate::error::RpcError;
use crate::wire::abs;

pub(crate) async fn initialize(cx: Cx, params: InitializeParams) -> Handled<InitializeResponse> {
    let already = || RpcError::invalid_request("Already initialized");
    if cx.connection.client().is_some() {
        return Err(already());
    }
    let info = &cx.server.info;
    let name = &params.client_info.name;
    if !is_header_value(name) {
        let message = format_args!("Invalid clientInfo.name: '{name}'. Must be a valid HTTP header value.");
        return Err(RpcError::invalid_request(message));
    }
    let originator = info.originator.clone().unwrap_or_else(|| name.clone());
    let user_agent = user_agent(&originator, &info.version, &info.terminal, name, &params.client_info.version);
    let capabilities = params.capabilities.unwrap_or_default();
    let client = Client {
        name: originator,
        user_agent: user_agent.clone(),
        experimental: capabilities.experimental_api,
        opted_out: capabilities.opt_out_notification_methods.unwrap_or_default().into_iter().collect(),
        additions: capabilities.spindle.unwrap_or_default(),
    };
    if !cx.connection.introduce(client) {
        return Err(already());
    }
    let response = InitializeResponse {
        user_agent,
        codex_home: abs(&info.home),
        platform_family: std::env::consts::FAMILY.to_owned(),
        platform_os: std::env::consts::OS.to_owned(),
        spindle: capabilities.spindle,
    };
    Ok(Reply::new(response).then(super::thread_settings::warn_of_broken_config))
}

/// Source: the user agents that clients have seen: `NAME/VERSION (OS; ARCH) TERMINAL (NAME; VERSION)`.
fn user_agent(originator: &str, version: &str, terminal: &str, name: &str, client_version: &str) -> String {
    let os = os_name();
    let text = format!(
        "{originator}/{version} ({os}; {arch}) {terminal} ({name}; {client_version})",
        arch = std::env::consts::ARCH
    );
    text.chars().map(|c| if c.is_ascii() && !c.is_ascii_control() { c } else { '_' }).collect()
}

/// Name and version of the system, such as `Debian 12.0.0`.
fn os_name() -> String {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let member = |key: &str| {
        let line = release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        Some(line.trim_matches('"').to_owned())
    };
    let Some(name) = member("NAME") else { return format!("{} unknown", std::env::consts::OS) };
    let name = name.split(" GNU/").next().unwrap_or(&name).to_owned();
    let version = member("VERSION_ID").unwrap_or_else(|| "unknown".to_owned());
    let dots = version.matches('.').count();
    format!("{name} {version}{}", ".0".repeat(2_usize.saturating_sub(dots)))
}

fn is_header_value(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'\t' || (byte >= 0x20 && byte != 0x7f))
}
