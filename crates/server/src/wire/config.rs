//! The configuration as `config/read` shows it: every known key, the untyped ones as they are written.

use config::features::RUNTIME;
use config::layer::to_json;
use config::{ConfigToml, Disabled, DomainToml, Features, Layer, ProfileToml, Source, UnixSocketToml};
use protocol as p;
use serde_json::{Map, Value, json};

use super::abs;

/// Keys that are an empty table where nothing is configured.
const TABLES: [&str; 5] = ["marketplaces", "mcp_servers", "model_providers", "plugins", "profiles"];
const SHELL_ENVIRONMENT: [&str; 6] =
    ["exclude", "experimental_use_profile", "ignore_default_excludes", "include_only", "inherit", "set"];
const PROVIDER: [&str; 12] = [
    "auth",
    "aws",
    "base_url",
    "env_http_headers",
    "env_key",
    "env_key_instructions",
    "experimental_bearer_token",
    "http_headers",
    "query_params",
    "request_max_retries",
    "stream_idle_timeout_ms",
    "stream_max_retries",
];

/// The merged values on the wire; `features` says what is on where the values do not.
///
/// # Errors
/// A table that is untyped in the file and typed on the wire has a value that it cannot have.
pub(crate) fn config(values: &toml::Table, features: &Features) -> serde_json::Result<protocol::Config> {
    let mut config = known(values, ConfigToml::keys());
    hide_search_switch(&mut config);
    for key in TABLES {
        table(&mut config, key);
    }
    for profile in table(&mut config, "profiles").values_mut().filter_map(Value::as_object_mut) {
        profile.retain(|key, _| ProfileToml::keys().contains(&key.as_str()));
        hide_search_switch(profile);
    }
    for provider in table(&mut config, "model_providers").values_mut().filter_map(Value::as_object_mut) {
        add_nulls(provider, &PROVIDER);
        add_nulls(provider, &["websocket_connect_timeout_ms"]);
        add(provider, "wire_api", json!("responses"));
        add(provider, "requires_openai_auth", json!(false));
        add(provider, "supports_websockets", json!(false));
    }
    add_nulls(table(&mut config, "shell_environment_policy"), &SHELL_ENVIRONMENT);
    let switches = table(&mut config, "features");
    for feature in RUNTIME {
        add(switches, feature.key(), features.enabled(*feature).into());
    }
    for key in ConfigToml::keys().iter().filter(|key| **key != ConfigToml::OWN_TABLE) {
        add(&mut config, key, Value::Null);
    }
    serde_json::from_value(Value::Object(config))
}

fn known(values: &toml::Table, keys: &[&str]) -> Map<String, Value> {
    let known = values.iter().filter(|(key, _)| keys.contains(&key.as_str()));
    known.map(|(key, value)| (key.clone(), to_json(value))).collect()
}

/// The table at `key`, made where there is none.
fn table<'m>(map: &'m mut Map<String, Value>, key: &str) -> &'m mut Map<String, Value> {
    let slot = map.entry(key).or_insert(Value::Null);
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    slot.as_object_mut().expect("it was made one")
}

fn add(map: &mut Map<String, Value>, key: &str, value: Value) {
    map.entry(key).or_insert(value);
}

fn add_nulls(map: &mut Map<String, Value>, keys: &[&str]) {
    for key in keys {
        add(map, key, Value::Null);
    }
}

/// `tools.web_search` may be a switch of older files; it means nothing and is shown as nothing.
fn hide_search_switch(map: &mut Map<String, Value>) {
    if let Some(tools) = map.get_mut("tools").and_then(Value::as_object_mut)
        && tools.get("web_search").is_some_and(Value::is_boolean)
    {
        tools.remove("web_search");
    }
}

/// Where a layer comes from.
pub(crate) fn source(source: &Source) -> protocol::ConfigLayerSource {
    use protocol::ConfigLayerSource as Wire;
    match source {
        Source::System { file } => Wire::System { file: abs(file) },
        Source::User { file } => Wire::User { file: abs(file) },
        Source::Project { dot_codex } => Wire::Project { dot_codex_folder: abs(dot_codex) },
        Source::SessionFlags | Source::Thread => Wire::SessionFlags,
        Source::Managed { file } => Wire::LegacyManagedConfigTomlFromFile { file: abs(file) },
    }
}

/// A layer without its values.
pub(crate) fn layer_metadata(layer: &Layer) -> protocol::ConfigLayerMetadata {
    protocol::ConfigLayerMetadata { name: source(&layer.source), version: layer.version() }
}

/// A layer with its values; `user_file` is where trust is written.
pub(crate) fn layer(layer: &Layer, user_file: &types::AbsPath) -> protocol::ConfigLayer {
    let disabled_reason = layer.disabled.as_ref().map(|disabled| match disabled {
        Disabled::UnknownProject { root } => {
            format!(
                "{root} is not known to be trusted. Its configuration is used once {user_file} marks it as trusted."
            )
        }
        Disabled::UntrustedProject { root } => {
            format!("{user_file} marks {root} as untrusted. Its configuration is used once it is marked as trusted.")
        }
    });
    protocol::ConfigLayer {
        name: source(&layer.source),
        version: layer.version(),
        config: to_json(&toml::Value::Table((*layer.values).clone())),
        disabled_reason,
    }
}

/// What an administrator demands of the network. Older clients know lists instead of maps.
pub(crate) fn network_requirements(required: &config::NetworkToml) -> p::NetworkRequirements {
    let listed = |wanted: DomainToml| {
        let of_kind = required.domains.iter().flatten().filter(|(_, access)| **access == wanted);
        let names: Vec<String> = of_kind.map(|(domain, _)| domain.clone()).collect();
        (!names.is_empty()).then_some(names)
    };
    let sockets = required.unix_sockets.as_ref();
    let allowed_sockets = sockets.map(|sockets| {
        let allowed = sockets.iter().filter(|(_, access)| **access == UnixSocketToml::Allow);
        allowed.map(|(path, _)| path.clone()).collect::<Vec<_>>()
    });
    p::NetworkRequirements {
        enabled: required.enabled,
        http_port: required.http_port,
        socks_port: required.socks_port,
        allow_upstream_proxy: required.allow_upstream_proxy,
        dangerously_allow_non_loopback_proxy: required.dangerously_allow_non_loopback_proxy,
        dangerously_allow_all_unix_sockets: required.dangerously_allow_all_unix_sockets,
        domains: required.domains.as_ref().map(|domains| {
            let to_wire = |access: &DomainToml| match access {
                DomainToml::Allow => p::NetworkDomainPermission::Allow,
                DomainToml::Deny => p::NetworkDomainPermission::Deny,
            };
            domains.iter().map(|(domain, access)| (domain.clone(), to_wire(access))).collect()
        }),
        managed_allowed_domains_only: required.managed_allowed_domains_only,
        allowed_domains: listed(DomainToml::Allow),
        denied_domains: listed(DomainToml::Deny),
        unix_sockets: sockets.map(|sockets| {
            let to_wire = |access: &UnixSocketToml| match access {
                UnixSocketToml::Allow => p::NetworkUnixSocketPermission::Allow,
                UnixSocketToml::None => p::NetworkUnixSocketPermission::None,
            };
            sockets.iter().map(|(path, access)| (path.clone(), to_wire(access))).collect()
        }),
        allow_unix_sockets: allowed_sockets.filter(|allowed| !allowed.is_empty()),
        allow_local_binding: required.allow_local_binding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Value {
        let values = toml::from_str(text).expect("the test's TOML parses");
        serde_json::to_value(config(&values, &Features::default()).expect("it has a form on the wire"))
            .expect("it serialises")
    }

    #[test]
    fn without_configuration_every_key_is_null_but_for_tables_and_features() {
        let shown = shown("");
        assert_eq!(shown["model"], Value::Null);
        assert_eq!(shown["tui"], Value::Null);
        assert_eq!(shown["mcp_servers"], json!({}));
        assert_eq!(shown["shell_environment_policy"]["inherit"], Value::Null);
        assert_eq!(shown["features"]["apps"], true);
        assert_eq!(shown["features"]["memories"], false);
        assert_eq!(shown["features"].as_object().map(Map::len), Some(6));
    }

    #[test]
    fn typed_tables_are_filled_and_unknown_keys_are_left_out() {
        let shown = shown(
            "nonsense = 1\n[sandbox_workspace_write]\nnetwork_access = true\n[profiles.p]\nmodel = \"m\"\nextra = 1\n\
             [tools]\nweb_search = true\n[model_providers.x]\nname = \"x\"\n",
        );
        assert_eq!(shown.get("nonsense"), None);
        assert_eq!(shown["sandbox_workspace_write"]["exclude_slash_tmp"], false);
        assert_eq!(shown["profiles"]["p"].get("extra"), None);
        assert_eq!(shown["tools"]["web_search"], Value::Null);
        assert_eq!(shown["model_providers"]["x"]["wire_api"], "responses");
        assert_eq!(shown["model_providers"]["x"]["env_key"], Value::Null);
    }
}
