//! `experimentalFeature/*` and `mock/experimentalMethod`.

use std::collections::HashMap;

use config::features::{self, RUNTIME};
use config::{Feature, FeatureInfo, Features, Stage};
use protocol as p;

use super::page::Page;
use super::thread_settings::usable_config;
use crate::dispatch::{Cx, Handled};
use crate::error::RpcError;

/// Pages through all features as they are for threads without a project of their own.
pub(crate) async fn list(
    cx: Cx,
    params: p::ExperimentalFeatureListParams,
) -> Handled<p::ExperimentalFeatureListResponse> {
    let config = usable_config(&cx, &cx.server.engine.environment().cwd)?;
    let all = features::ALL;
    let Page { range, next_cursor } = Page::of(all.len(), params.cursor.as_deref(), params.limit, "feature flags")?;
    let data = all[range].iter().map(|info| to_wire(info, &config.features)).collect();
    Ok(p::ExperimentalFeatureListResponse { data, next_cursor }.into())
}

fn to_wire(info: &FeatureInfo, features: &Features) -> p::ExperimentalFeature {
    p::ExperimentalFeature {
        name: info.key.to_owned(),
        stage: match info.stage {
            Stage::UnderDevelopment => p::ExperimentalFeatureStage::UnderDevelopment,
            Stage::Beta => p::ExperimentalFeatureStage::Beta,
            Stage::Stable => p::ExperimentalFeatureStage::Stable,
            Stage::Deprecated => p::ExperimentalFeatureStage::Deprecated,
            Stage::Removed => p::ExperimentalFeatureStage::Removed,
        },
        display_name: info.texts.map(|texts| texts.display_name.to_owned()),
        description: info.texts.map(|texts| texts.description.to_owned()),
        announcement: info.texts.map(|texts| texts.announcement.to_owned()),
        enabled: features.enabled(info.feature),
        default_enabled: info.default_enabled,
    }
}

/// Switches features until the server ends, for all connections; files and flags win over it. All or none.
pub(crate) async fn set_enablement(
    cx: Cx,
    params: p::ExperimentalFeatureEnablementSetParams,
) -> Handled<p::ExperimentalFeatureEnablementSetResponse> {
    let enablement = params.enablement;
    let switches = switches(&enablement)?;
    cx.server.engine.environment().loader.set_runtime_features(switches);
    Ok(p::ExperimentalFeatureEnablementSetResponse { enablement }.into())
}

fn switches(enablement: &HashMap<String, bool>) -> Result<Vec<(Feature, bool)>, RpcError> {
    let mut named: Vec<_> = enablement.iter().collect();
    // Of several errors the same one is told every time.
    named.sort_unstable();
    named.into_iter().map(|(key, on)| Ok((switchable(key)?, *on))).collect()
}

fn switchable(key: &str) -> Result<Feature, RpcError> {
    let Some(feature) = Feature::from_key(key) else {
        return Err(RpcError::invalid_request(format_args!("invalid feature enablement `{key}`")));
    };
    if feature.key() != key {
        let canonical = feature.key();
        let message = format_args!("invalid feature enablement `{key}`: use canonical feature key `{canonical}`");
        return Err(RpcError::invalid_request(message));
    }
    if !RUNTIME.contains(&feature) {
        let supported: Vec<_> = RUNTIME.iter().map(|feature| feature.key()).collect();
        let supported = supported.join(", ");
        let message =
            format_args!("unsupported feature enablement `{key}`: currently supported features are {supported}");
        return Err(RpcError::invalid_request(message));
    }
    Ok(feature)
}

/// Lets clients test whether they may use what is experimental.
pub(crate) async fn mock(
    _cx: Cx,
    params: p::MockExperimentalMethodParams,
) -> Handled<p::MockExperimentalMethodResponse> {
    Ok(p::MockExperimentalMethodResponse { echoed: params.value }.into())
}
