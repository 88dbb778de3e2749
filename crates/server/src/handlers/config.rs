//! `config/*` and `configRequirements/read`: the layers of the configuration, and changes of the user's own.

use config::layer::Source;
use config::{Edit, EditError, Edited, Merge, Overridden};
use protocol as p;
use serde_json::json;

use crate::dispatch::{Cx, Handled};
use crate::error::RpcError;
use crate::wire::{self, ToWire as _, abs};

pub(crate) async fn read(cx: Cx, params: p::ConfigReadParams) -> Handled<p::ConfigReadResponse> {
    let environment = cx.server.engine.environment();
    let loader = &environment.loader;
    let cwd = params.cwd.map(|cwd| environment.cwd.join(cwd));
    let layers = loader
        .layers(cwd.as_ref(), None)
        .map_err(|error| RpcError::internal(format_args!("failed to read configuration layers: {error}")))?;
    let invalid = |error: &dyn std::fmt::Display| RpcError::internal(format_args!("invalid configuration: {error}"));
    layers.check().map_err(|error| invalid(&error))?;
    // What is written can be shown even where it cannot be used, such as an unknown profile.
    let features = loader.load(cwd.as_ref(), None).map(|config| config.features).unwrap_or_default();
    let config = wire::config::config(&layers.merged(), &features).map_err(|error| invalid(&error))?;
    let origins = layers.origins().into_iter();
    let origins = origins.map(|(key, layer)| (key, wire::config::layer_metadata(layer))).collect();
    let user_file = loader.user_file();
    let layers = params
        .include_layers
        .then(|| layers.iter().rev().map(|layer| wire::config::layer(layer, &user_file)).collect());
    Ok(p::ConfigReadResponse { config, origins, layers }.into())
}

pub(crate) async fn write_value(cx: Cx, params: p::ConfigValueWriteParams) -> Handled<p::ConfigWriteResponse> {
    let p::ConfigValueWriteParams { key_path, value, merge_strategy, file_path, expected_version } = params;
    let edit = p::ConfigEdit { key_path, value, merge_strategy };
    write(&cx, vec![edit], file_path.as_deref(), expected_version.as_deref())
}

/// Threads keep the configuration they started with, also when a reload is asked for: the models and efforts of loaded
/// threads do not change by it.
pub(crate) async fn batch_write(cx: Cx, params: p::ConfigBatchWriteParams) -> Handled<p::ConfigWriteResponse> {
    write(&cx, params.edits, params.file_path.as_deref(), params.expected_version.as_deref())
}

fn write(
    cx: &Cx,
    edits: Vec<p::ConfigEdit>,
    file: Option<&str>,
    expected_version: Option<&str>,
) -> Handled<p::ConfigWriteResponse> {
    let environment = cx.server.engine.environment();
    let loader = &environment.loader;
    if let Some(file) = file
        && environment.cwd.join(file) != loader.user_file()
    {
        let message = format_args!("only {} can be written", loader.user_file());
        return Err(refused(message, "configLayerReadonly"));
    }
    let edits: Vec<Edit> = edits
        .into_iter()
        .map(|edit| Edit {
            key_path: edit.key_path,
            value: edit.value,
            merge: match edit.merge_strategy {
                p::MergeStrategy::Replace => Merge::Replace,
                p::MergeStrategy::Upsert => Merge::Upsert,
            },
        })
        .collect();
    let Edited { file, version, overridden } = loader.edit(&edits, expected_version)?;
    let status = if overridden.is_some() { p::WriteStatus::OkOverridden } else { p::WriteStatus::Ok };
    let overridden_metadata = overridden.map(overridden_to_wire);
    Ok(p::ConfigWriteResponse { status, version, file_path: abs(&file), overridden_metadata }.into())
}

fn overridden_to_wire(overridden: Overridden) -> p::OverriddenMetadata {
    let Overridden { layer, effective } = overridden;
    let message = match &layer.source {
        Source::Managed { file } => format!("Overridden by legacy managed_config.toml: {file}"),
        Source::SessionFlags | Source::Thread => "Overridden by session flags".to_owned(),
        Source::System { file } | Source::User { file } => format!("Overridden by {file}"),
        Source::Project { dot_codex } => format!("Overridden by {dot_codex}"),
    };
    p::OverriddenMetadata {
        message,
        overriding_layer: wire::config::layer_metadata(&layer),
        effective_value: effective,
    }
}

fn refused(message: impl std::fmt::Display, code: &str) -> RpcError {
    RpcError::invalid_request(message).with_data(json!({ "config_write_error_code": code }))
}

impl From<EditError> for RpcError {
    fn from(error: EditError) -> Self {
        match &error {
            EditError::Invalid(_) => refused(error, "configValidationError"),
            EditError::PathNotFound => refused(error, "configPathNotFound"),
            EditError::VersionConflict => refused(error, "configVersionConflict"),
            EditError::Config(config::ConfigError::Write { .. }) => Self::internal(error),
            EditError::Config(_) => Self::internal(format_args!("failed to load configuration: {error}")),
        }
    }
}

/// Requirements that nobody enforces are not to be mistaken for none.
pub(crate) async fn read_requirements(cx: Cx, _params: p::NoParams) -> Handled<p::ConfigRequirementsReadResponse> {
    let required = cx.server.engine.environment().loader.requirements();
    let required =
        required.map_err(|error| RpcError::internal(format_args!("failed to read configuration layers: {error}")))?;
    let Some(required) = required else {
        return Ok(p::ConfigRequirementsReadResponse { requirements: None }.into());
    };
    if !required.others.is_empty() {
        let others = required.others.join(", ");
        return Err(RpcError::internal(format_args!(
            "this build of spindle does not apply these requirements: {others}"
        )));
    }
    // Clients have no name for what the automatic reviewer decides by.
    let requirements = p::ConfigRequirements {
        allowed_approval_policies: required.approval_policies.to_wire(),
        allowed_approvals_reviewers: required.approvals_reviewers.to_wire(),
        allowed_sandbox_modes: required.sandbox_modes.to_wire(),
        allowed_web_search_modes: required.web_search_modes.to_wire(),
        feature_requirements: required.features.map(|features| features.into_iter().collect()),
        hooks: None,
        enforce_residency: required.residency.map(|config::Residency::Us| p::ResidencyRequirement::Us),
        network: required.network.as_ref().map(wire::config::network_requirements),
    };
    Ok(p::ConfigRequirementsReadResponse { requirements: Some(requirements) }.into())
}
