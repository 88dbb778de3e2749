//! The whole surface: each method with its order and its handler.

use protocol::additions::ThreadEventsReplay;
use protocol::methods as m;

use crate::dispatch::{Order, Router};
use crate::handlers::{
    account, command, config, conversation, feature, feedback, fs, git, guardian, initialize, mcp, memory, model,
    realtime, review, search, skill, thread, thread_archive, thread_command, thread_compact, thread_events,
    thread_history, thread_list, thread_metadata, thread_resume, turn, windows,
};

/// Whoever reads the configuration sees what was written before.
const CONFIG: Order = Order::Global("config");
const ACCOUNT: Order = Order::Global("account");
const SEARCHES: Order = Order::Global("fuzzyFileSearch");
const WATCHES: Order = Order::Global("fs/watch");

pub(crate) fn router() -> Router {
    let router = Router::default()
        .on(m::Initialize, |_| Order::Global("initialize"), initialize::initialize)
        .on(m::ThreadStart, |_| Order::Any, thread::start)
        .on(m::ThreadResume, |p| Order::thread(&p.thread_id), thread_resume::resume)
        .on(m::ThreadRead, |_| Order::Any, thread_history::read)
        .on(m::ThreadLoadedList, |_| Order::Any, thread_list::loaded_list)
        .on(m::ThreadInjectItems, |p| Order::thread(&p.thread_id), thread::inject_items)
        .on(m::ThreadNameSet, |p| Order::thread(&p.thread_id), thread_metadata::set_name)
        .on(m::ThreadUnsubscribe, |p| Order::thread(&p.thread_id), thread::unsubscribe)
        .on(m::ThreadFork, |p| Order::thread(&p.thread_id), thread_resume::fork)
        .on(m::ThreadList, |_| Order::Any, thread_list::list)
        .on(m::ThreadTurnsList, |_| Order::Any, thread_history::list_turns)
        .on(m::ThreadRollback, |p| Order::thread(&p.thread_id), thread_history::rollback)
        .on(m::ThreadArchive, |p| Order::thread(&p.thread_id), thread_archive::archive)
        .on(m::ThreadUnarchive, |p| Order::thread(&p.thread_id), thread_archive::unarchive)
        .on(m::ThreadMetadataUpdate, |p| Order::thread(&p.thread_id), thread_metadata::update)
        .on(m::ThreadMemoryModeSet, |p| Order::thread(&p.thread_id), thread_metadata::set_memory_mode)
        .on(m::ThreadShellCommand, |p| Order::thread(&p.thread_id), thread_command::run)
        .on(m::ThreadBackgroundTerminalsClean, |p| Order::thread(&p.thread_id), thread_command::clean_terminals)
        .on(m::ThreadIncrementElicitation, |p| Order::thread(&p.thread_id), thread_command::increment_elicitation)
        .on(m::ThreadDecrementElicitation, |p| Order::thread(&p.thread_id), thread_command::decrement_elicitation)
        .on(m::ThreadApproveGuardianDeniedAction, |p| Order::thread(&p.thread_id), guardian::approve_denied_action)
        .on(m::ThreadCompactStart, |p| Order::thread(&p.thread_id), thread_compact::start)
        .on(m::ReviewStart, |p| Order::thread(&p.thread_id), review::start)
        .on(m::TurnStart, |p| Order::thread(&p.thread_id), turn::start)
        .on(m::TurnSteer, |p| Order::thread(&p.thread_id), turn::steer)
        .on(m::TurnInterrupt, |_| Order::Any, turn::interrupt)
        .on(m::ModelList, |_| Order::Any, model::list)
        .on(m::CollaborationModeList, |_| Order::Any, model::collaboration_modes)
        .on(m::AccountRead, |_| ACCOUNT, account::read)
        .on(m::ConfigRead, |_| CONFIG, config::read)
        .on(m::ConfigValueWrite, |_| CONFIG, config::write_value)
        .on(m::ConfigBatchWrite, |_| CONFIG, config::batch_write)
        .on(m::ConfigRequirementsRead, |_| Order::Any, config::read_requirements)
        .on(m::ConfigMcpServerReload, |_| CONFIG, mcp::reload)
        .on(m::McpServerStatusList, |_| Order::Any, mcp::list)
        .on(m::ExperimentalFeatureList, |_| CONFIG, feature::list)
        .on(m::ExperimentalFeatureEnablementSet, |_| CONFIG, feature::set_enablement)
        .on(m::MockExperimentalMethod, |_| Order::Any, feature::mock)
        .on(m::SkillsList, |_| CONFIG, skill::list)
        .on(m::SkillsConfigWrite, |_| CONFIG, skill::write_config)
        .on(m::AccountLoginStart, |_| ACCOUNT, account::login_start)
        .on(m::AccountLoginCancel, |_| ACCOUNT, account::login_cancel)
        .on(m::AccountLogout, |_| ACCOUNT, account::logout)
        .on(m::AccountRateLimitsRead, |_| ACCOUNT, account::rate_limits)
        .on(m::AccountSendAddCreditsNudgeEmail, |_| ACCOUNT, account::nudge)
        .on(m::GetAuthStatus, |_| ACCOUNT, account::auth_status)
        .on(m::MemoryReset, |_| Order::Any, memory::reset)
        .on(m::FsReadFile, |_| Order::Any, fs::read_file)
        .on(m::FsWriteFile, |_| Order::Any, fs::write_file)
        .on(m::FsCreateDirectory, |_| Order::Any, fs::create_directory)
        .on(m::FsGetMetadata, |_| Order::Any, fs::get_metadata)
        .on(m::FsReadDirectory, |_| Order::Any, fs::read_directory)
        .on(m::FsRemove, |_| Order::Any, fs::remove)
        .on(m::FsCopy, |_| Order::Any, fs::copy)
        .on(m::FsWatch, |_| WATCHES, fs::watch)
        .on(m::FsUnwatch, |_| WATCHES, fs::unwatch)
        .on(m::CommandExec, |p| p.process_id.as_deref().map_or(Order::Any, Order::process), command::exec)
        .on(m::CommandExecWrite, |p| Order::process(&p.process_id), command::write)
        .on(m::CommandExecResize, |p| Order::process(&p.process_id), command::resize)
        .on(m::CommandExecTerminate, |p| Order::process(&p.process_id), command::terminate)
        .on(m::FuzzyFileSearch, |_| Order::Any, search::find)
        .on(m::FuzzyFileSearchSessionStart, |_| SEARCHES, search::start_session)
        .on(m::FuzzyFileSearchSessionUpdate, |_| SEARCHES, search::update_session)
        .on(m::FuzzyFileSearchSessionStop, |_| SEARCHES, search::stop_session)
        .on(m::GetConversationSummary, |_| Order::Any, conversation::summary)
        .on(m::GitDiffToRemote, |_| Order::Any, git::diff_to_remote)
        .on(m::FeedbackUpload, |_| Order::Any, feedback::upload)
        .on(m::WindowsSandboxSetupStart, |_| Order::Any, windows::setup_start)
        .on(m::ThreadRealtimeStart, |_| Order::Any, realtime::start)
        .on(m::ThreadRealtimeAppendAudio, |_| Order::Any, realtime::append_audio)
        .on(m::ThreadRealtimeAppendText, |_| Order::Any, realtime::append_text)
        .on(m::ThreadRealtimeStop, |_| Order::Any, realtime::stop)
        .on(m::ThreadRealtimeListVoices, |_| Order::Any, realtime::voices);
    unavailable(additions(router))
}

/// What Spindle adds to the contract, for clients that have asked for it.
fn additions(router: Router) -> Router {
    router.on(ThreadEventsReplay, |p| Order::thread(&p.thread_id), thread_events::replay)
}

/// What the contract has and this build does not serve: each answers an error that says so.
fn unavailable(router: Router) -> Router {
    router
        .unavailable(m::MarketplaceAdd)
        .unavailable(m::MarketplaceRemove)
        .unavailable(m::PluginList)
        .unavailable(m::PluginRead)
        .unavailable(m::AppList)
        .local_only(m::DeviceKeyCreate)
        .local_only(m::DeviceKeyPublic)
        .local_only(m::DeviceKeySign)
        .unavailable(m::PluginInstall)
        .unavailable(m::PluginUninstall)
        .unavailable(m::McpServerOauthLogin)
        .unavailable(m::McpServerResourceRead)
        .unavailable(m::McpServerToolCall)
        .unavailable(m::ExternalAgentConfigDetect)
        .unavailable(m::ExternalAgentConfigImport)
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
