//! What a turn offers the model: decided by the configuration, the model and the thread.

use std::sync::Arc;
use std::time::Duration;

use config::{Config, Feature, WebSearchMode};
use model::catalogue::{ApplyPatchKind, Modality, ModelInfo};
use tools::{Commands, PatchTool, SpecContext, Switches, TurnTools};
use types::{ModeKind, SearchLocation, ToolSpec, WebSearch};

use crate::agents;
use crate::settings::ThreadSettings;
use crate::thread::ThreadShared;

/// Everything the model may call in a turn.
pub(super) fn specs(
    tools: &TurnTools,
    thread: &ThreadShared,
    settings: &ThreadSettings,
    model: &ModelInfo,
) -> Arc<[ToolSpec]> {
    let cx = SpecContext {
        mode: settings.mode.as_ref().map_or(ModeKind::Default, |mode| mode.kind),
        apply_patch: model.apply_patch.map(|kind| match kind {
            ApplyPatchKind::Freeform => PatchTool::Freeform,
            ApplyPatchKind::Function => PatchTool::Function,
        }),
        image_input: takes_images(model),
        switches: tools.switches,
        web_search: web_search(&settings.config),
    };
    let mut specs = thread.environment.tools.specs(&cx);
    if agents::offered(thread, &settings.config) {
        specs.extend(agents::specs(&settings.config));
    }
    specs.extend(thread.dynamic_tools.specs());
    specs.into()
}

/// What the tools of a turn can do.
pub(super) fn switches(config: &Config, model: &ModelInfo, works_nowhere: bool) -> Switches {
    let on = |feature| config.features.enabled(feature);
    Switches {
        ask_in_every_mode: on(Feature::DefaultModeRequestUserInput),
        request_permissions: on(Feature::RequestPermissionsTool),
        command_permissions: on(Feature::ExecPermissionApprovals),
        works_nowhere,
        original_images: model.takes_original_images,
        commands: match (on(Feature::ShellTool), on(Feature::UnifiedExec)) {
            (false, _) => Commands::Off,
            (true, false) => Commands::Whole,
            (true, true) => Commands::Sessions,
        },
        no_login_shell: !config.allow_login_shell,
        longest_look: config.background_terminal_max_timeout_ms.map(Duration::from_millis),
    }
}

pub(super) fn takes_images(model: &ModelInfo) -> bool {
    model.input_modalities.contains(&Modality::Image)
}

/// How the provider may search the web, if at all.
fn web_search(config: &Config) -> Option<WebSearch> {
    let live = match config.web_search.unwrap_or(WebSearchMode::Cached) {
        WebSearchMode::Disabled => return None,
        WebSearchMode::Cached => false,
        WebSearchMode::Live => true,
    };
    let wishes = &config.web_search_tool;
    let location = wishes.location.clone().map(|config::Location { country, region, city, timezone }| SearchLocation {
        country,
        region,
        city,
        timezone,
    });
    Some(WebSearch {
        live,
        allowed_domains: wishes.allowed_domains.clone(),
        location,
        context_size: wishes.context_size.map(config::SearchContextSize::as_str),
    })
}
