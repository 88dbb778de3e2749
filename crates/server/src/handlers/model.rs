//! `model/list` and `collaborationMode/list`: what can be chosen.

use std::borrow::Cow;

use config::Config;
use model::catalogue::{self, Modality, ModelInfo};
use protocol as p;

use super::page::Page;
use super::thread_settings::usable_config;
use crate::dispatch::{Cx, Handled};
use crate::wire::ToWire as _;

/// Pages through the bundled catalogue, or the one the configuration names.
pub(crate) async fn list(cx: Cx, params: p::ModelListParams) -> Handled<p::ModelListResponse> {
    let models = usable_models(&usable_config(&cx, &cx.server.engine.environment().cwd)?);
    let hidden = params.include_hidden.unwrap_or(false);
    let shown: Vec<&ModelInfo> = models.iter().filter(|model| hidden || !model.hidden).collect();
    let Page { range, next_cursor } = Page::of(shown.len(), params.cursor.as_deref(), params.limit, "models")?;
    let data = shown[range].iter().map(|model| to_wire(model)).collect();
    Ok(p::ModelListResponse { data, next_cursor }.into())
}

/// The catalogue that the configuration names, or the bundled one.
///
/// # Errors
/// Why the named one cannot be used.
pub(crate) fn models(config: &Config) -> Result<Cow<'static, [ModelInfo]>, String> {
    let Some(file) = &config.model_catalog_json else { return Ok(Cow::Borrowed(catalogue::all())) };
    let read = std::fs::read_to_string(file).map_err(|error| error.to_string());
    let parsed = read.and_then(|text| catalogue::from_json(&text).map_err(|error| error.to_string()));
    parsed.map(Cow::Owned).map_err(|error| format!("model_catalog_json path `{file}`: {error}"))
}

/// As [`models`]; instead of one that cannot be used, which is told at `initialize`, the bundled one.
pub(crate) fn usable_models(config: &Config) -> Cow<'static, [ModelInfo]> {
    models(config).unwrap_or_else(|error| {
        tracing::warn!(error, "the model catalogue cannot be used");
        Cow::Borrowed(catalogue::all())
    })
}

fn to_wire(model: &ModelInfo) -> p::Model {
    p::Model {
        id: model.slug.clone(),
        model: model.slug.clone(),
        upgrade: model.upgrade.as_ref().map(|upgrade| upgrade.model.clone()),
        upgrade_info: model.upgrade.as_ref().map(|upgrade| p::ModelUpgradeInfo {
            model: upgrade.model.clone(),
            upgrade_copy: None,
            model_link: None,
            migration_markdown: upgrade.migration_markdown.clone(),
        }),
        availability_nux: None,
        display_name: model.display_name.clone(),
        description: model.description.clone(),
        hidden: model.hidden,
        supported_reasoning_efforts: model
            .supported_efforts
            .iter()
            .map(|(effort, description)| p::ReasoningEffortOption {
                reasoning_effort: effort.to_wire(),
                description: description.clone(),
            })
            .collect(),
        default_reasoning_effort: model.default_effort.to_wire().unwrap_or(p::ReasoningEffort::None),
        input_modalities: model
            .input_modalities
            .iter()
            .map(|modality| match modality {
                Modality::Text => p::InputModality::Text,
                Modality::Image => p::InputModality::Image,
            })
            .collect(),
        supports_personality: model.supports_personality,
        additional_speed_tiers: model.additional_speed_tiers.clone(),
        is_default: model.is_default,
    }
}

/// The modes a turn can be started in.
pub(crate) async fn collaboration_modes(
    _cx: Cx,
    _params: p::CollaborationModeListParams,
) -> Handled<p::CollaborationModeListResponse> {
    let mode = |name: &str, mode, reasoning_effort| p::CollaborationModeMask {
        name: name.to_owned(),
        mode: Some(mode),
        model: None,
        reasoning_effort,
    };
    let data = vec![
        mode("Plan", p::ModeKind::Plan, Some(Some(p::ReasoningEffort::Medium))),
        mode("Default", p::ModeKind::Default, Some(None)),
    ];
    Ok(p::CollaborationModeListResponse { data }.into())
}
