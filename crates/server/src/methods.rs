//! The whole surface: each method with its order and its handler.

use protocol::methods as m;

use crate::dispatch::{Order, Router};
use crate::handlers::{account, initialize, model, thread, turn};

pub(crate) fn router() -> Router {
    let router = Router::default()
        .on(m::Initialize, |_| Order::Global("initialize"), initialize::initialize)
        .on(m::ThreadStart, |_| Order::Any, thread::start)
        .on(m::ThreadResume, |p| Order::Thread(p.thread_id.clone()), thread::resume)
        .on(m::ThreadRead, |_| Order::Any, thread::read)
        .on(m::ThreadLoadedList, |_| Order::Any, thread::loaded_list)
        .on(m::ThreadInjectItems, |p| Order::Thread(p.thread_id.clone()), thread::inject_items)
        .on(m::ThreadNameSet, |p| Order::Thread(p.thread_id.clone()), thread::set_name)
        .on(m::ThreadUnsubscribe, |p| Order::Thread(p.thread_id.clone()), thread::unsubscribe)
        .on(m::TurnStart, |p| Order::Thread(p.thread_id.clone()), turn::start)
        .on(m::TurnSteer, |p| Order::Thread(p.thread_id.clone()), turn::steer)
        .on(m::TurnInterrupt, |_| Order::Any, turn::interrupt)
        .on(m::ModelList, |_| Order::Any, model::list)
        .on(m::CollaborationModeList, |_| Order::Any, model::collaboration_modes)
        .on(m::AccountRead, |_| Order::Any, account::read);
    unavailable(router)
}

/// What the contract has and this build does not serve: each answers an error that says so.
fn unavailable(router: Router) -> Router {
    router
        .unavailable(m::ThreadFork)
        .unavailable(m::ThreadArchive)
        .unavailable(m::ThreadIncrementElicitation)
        .unavailable(m::ThreadDecrementElicitation)
        .unavailable(m::ThreadMetadataUpdate)
        .unavailable(m::ThreadMemoryModeSet)
        .unavailable(m::MemoryReset)
        .unavailable(m::ThreadUnarchive)
        .unavailable(m::ThreadCompactStart)
        .unavailable(m::ThreadShellCommand)
        .unavailable(m::ThreadApproveGuardianDeniedAction)
        .unavailable(m::ThreadBackgroundTerminalsClean)
        .unavailable(m::ThreadRollback)
        .unavailable(m::ThreadList)
        .unavailable(m::ThreadTurnsList)
        .unavailable(m::SkillsList)
        .unavailable(m::MarketplaceAdd)
        .unavailable(m::MarketplaceRemove)
        .unavailable(m::PluginList)
        .unavailable(m::PluginRead)
        .unavailable(m::AppList)
        .unavailable(m::DeviceKeyCreate)
        .unavailable(m::DeviceKeyPublic)
        .unavailable(m::DeviceKeySign)
        .unavailable(m::FsReadFile)
        .unavailable(m::FsWriteFile)
        .unavailable(m::FsCreateDirectory)
        .unavailable(m::FsGetMetadata)
        .unavailable(m::FsReadDirectory)
        .unavailable(m::FsRemove)
        .unavailable(m::FsCopy)
        .unavailable(m::FsWatch)
        .unavailable(m::FsUnwatch)
        .unavailable(m::SkillsConfigWrite)
        .unavailable(m::PluginInstall)
        .unavailable(m::PluginUninstall)
        .unavailable(m::ThreadRealtimeStart)
        .unavailable(m::ThreadRealtimeAppendAudio)
        .unavailable(m::ThreadRealtimeAppendText)
        .unavailable(m::ThreadRealtimeStop)
        .unavailable(m::ThreadRealtimeListVoices)
        .unavailable(m::ReviewStart)
        .unavailable(m::ExperimentalFeatureList)
        .unavailable(m::ExperimentalFeatureEnablementSet)
        .unavailable(m::MockExperimentalMethod)
        .unavailable(m::McpServerOauthLogin)
        .unavailable(m::ConfigMcpServerReload)
        .unavailable(m::McpServerStatusList)
        .unavailable(m::McpServerResourceRead)
        .unavailable(m::McpServerToolCall)
        .unavailable(m::WindowsSandboxSetupStart)
        .unavailable(m::AccountLoginStart)
        .unavailable(m::AccountLoginCancel)
        .unavailable(m::AccountLogout)
        .unavailable(m::AccountRateLimitsRead)
        .unavailable(m::AccountSendAddCreditsNudgeEmail)
        .unavailable(m::FeedbackUpload)
        .unavailable(m::CommandExec)
        .unavailable(m::CommandExecWrite)
        .unavailable(m::CommandExecTerminate)
        .unavailable(m::CommandExecResize)
        .unavailable(m::ConfigRead)
        .unavailable(m::ExternalAgentConfigDetect)
        .unavailable(m::ExternalAgentConfigImport)
        .unavailable(m::ConfigValueWrite)
        .unavailable(m::ConfigBatchWrite)
        .unavailable(m::ConfigRequirementsRead)
        .unavailable(m::GetConversationSummary)
        .unavailable(m::GitDiffToRemote)
        .unavailable(m::GetAuthStatus)
        .unavailable(m::FuzzyFileSearch)
        .unavailable(m::FuzzyFileSearchSessionStart)
        .unavailable(m::FuzzyFileSearchSessionUpdate)
        .unavailable(m::FuzzyFileSearchSessionStop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_is_routed() {
        let router = router();
        for method in protocol::METHODS {
            assert!(router.handles(method), "no handler for {method}");
        }
    }
}
