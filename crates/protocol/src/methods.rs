//! What a client may ask: every method, its parameters and its result.
//!
//! One table, from which the rest follows: a unit struct per method implementing [`Method`], the list of names in
//! [`METHODS`], and (with the `export` feature) the schema of all requests.

use crate::experimental::{Probe, Ungated as _};
use crate::no_params::NoParams;
use crate::wire::Wire;
use crate::*;

/// A method a client may call.
pub trait Method {
    /// Its name on the wire.
    const NAME: &'static str;
    /// Whether only clients with the experimental capability may call it.
    const EXPERIMENTAL: bool;
    /// Whether it is kept only for clients of the first version of the protocol. The JSON schema does not list it.
    const LEGACY: bool;
    /// What it is called with. [`NoParams`] when it takes nothing.
    type Params: Wire;
    /// What a successful call gives.
    type Response: Wire;

    /// What makes this call experimental: the method itself, or the part of the parameters that is. `None` for a call
    /// any client may make.
    fn experimental_use(params: &Self::Params) -> Option<&'static str>;

    /// Takes what is experimental out of an answer for a client without the capability.
    fn hide_experimental(response: &mut Self::Response);
}

/// Something to be done with every method; see [`visit_methods`].
pub trait MethodVisitor {
    /// Called once per method.
    fn visit<M: Method>(&mut self);
}

macro_rules! methods {
    ($(
        $(#[doc = $doc:literal])*
        $(#[$mark:ident])?
        $method:ident = $name:literal: $params:ty => $response:ty;
    )*) => {
        $(
            $(#[doc = $doc])*
            #[derive(Debug, Clone, Copy)]
            pub struct $method;

            impl Method for $method {
                const NAME: &'static str = $name;
                const EXPERIMENTAL: bool = methods!(@experimental $($mark)?);
                const LEGACY: bool = methods!(@legacy $($mark)?);
                type Params = $params;
                type Response = $response;

                fn experimental_use(params: &Self::Params) -> Option<&'static str> {
                    if Self::EXPERIMENTAL {
                        return Some(Self::NAME);
                    }
                    Probe(params).experimental_use()
                }

                fn hide_experimental(response: &mut Self::Response) {
                    Probe(response).hide_experimental();
                }
            }
        )*

        /// Every method's name, in the order in which the protocol lists them.
        pub const METHODS: &[&str] = &[$($name),*];

        /// Shows every method of the table to `visitor`, in order.
        pub fn visit_methods(visitor: &mut impl MethodVisitor) {
            $(visitor.visit::<$method>();)*
        }
    };
    (@experimental experimental) => { true };
    (@experimental $($other:ident)?) => { false };
    (@legacy legacy) => { true };
    (@legacy $($other:ident)?) => { false };
}

methods! {
    Initialize = "initialize": InitializeParams => InitializeResponse;
    ThreadStart = "thread/start": ThreadStartParams => ThreadStartResponse;
    ThreadResume = "thread/resume": ThreadResumeParams => ThreadResumeResponse;
    ThreadFork = "thread/fork": ThreadForkParams => ThreadForkResponse;
    ThreadArchive = "thread/archive": ThreadArchiveParams => ThreadArchiveResponse;
    ThreadUnsubscribe = "thread/unsubscribe": ThreadUnsubscribeParams => ThreadUnsubscribeResponse;
    #[experimental]
    ThreadIncrementElicitation = "thread/increment_elicitation": ThreadIncrementElicitationParams => ThreadIncrementElicitationResponse;
    #[experimental]
    ThreadDecrementElicitation = "thread/decrement_elicitation": ThreadDecrementElicitationParams => ThreadDecrementElicitationResponse;
    ThreadNameSet = "thread/name/set": ThreadSetNameParams => ThreadSetNameResponse;
    ThreadMetadataUpdate = "thread/metadata/update": ThreadMetadataUpdateParams => ThreadMetadataUpdateResponse;
    #[experimental]
    ThreadMemoryModeSet = "thread/memoryMode/set": ThreadMemoryModeSetParams => ThreadMemoryModeSetResponse;
    #[experimental]
    MemoryReset = "memory/reset": NoParams => MemoryResetResponse;
    ThreadUnarchive = "thread/unarchive": ThreadUnarchiveParams => ThreadUnarchiveResponse;
    ThreadCompactStart = "thread/compact/start": ThreadCompactStartParams => ThreadCompactStartResponse;
    ThreadShellCommand = "thread/shellCommand": ThreadShellCommandParams => ThreadShellCommandResponse;
    ThreadApproveGuardianDeniedAction = "thread/approveGuardianDeniedAction": ThreadApproveGuardianDeniedActionParams => ThreadApproveGuardianDeniedActionResponse;
    #[experimental]
    ThreadBackgroundTerminalsClean = "thread/backgroundTerminals/clean": ThreadBackgroundTerminalsCleanParams => ThreadBackgroundTerminalsCleanResponse;
    ThreadRollback = "thread/rollback": ThreadRollbackParams => ThreadRollbackResponse;
    ThreadList = "thread/list": ThreadListParams => ThreadListResponse;
    ThreadLoadedList = "thread/loaded/list": ThreadLoadedListParams => ThreadLoadedListResponse;
    ThreadRead = "thread/read": ThreadReadParams => ThreadReadResponse;
    ThreadTurnsList = "thread/turns/list": ThreadTurnsListParams => ThreadTurnsListResponse;
    ThreadInjectItems = "thread/inject_items": ThreadInjectItemsParams => ThreadInjectItemsResponse;
    SkillsList = "skills/list": SkillsListParams => SkillsListResponse;
    MarketplaceAdd = "marketplace/add": MarketplaceAddParams => MarketplaceAddResponse;
    MarketplaceRemove = "marketplace/remove": MarketplaceRemoveParams => MarketplaceRemoveResponse;
    PluginList = "plugin/list": PluginListParams => PluginListResponse;
    PluginRead = "plugin/read": PluginReadParams => PluginReadResponse;
    AppList = "app/list": AppsListParams => AppsListResponse;
    DeviceKeyCreate = "device/key/create": DeviceKeyCreateParams => DeviceKeyCreateResponse;
    DeviceKeyPublic = "device/key/public": DeviceKeyPublicParams => DeviceKeyPublicResponse;
    DeviceKeySign = "device/key/sign": DeviceKeySignParams => DeviceKeySignResponse;
    FsReadFile = "fs/readFile": FsReadFileParams => FsReadFileResponse;
    FsWriteFile = "fs/writeFile": FsWriteFileParams => FsWriteFileResponse;
    FsCreateDirectory = "fs/createDirectory": FsCreateDirectoryParams => FsCreateDirectoryResponse;
    FsGetMetadata = "fs/getMetadata": FsGetMetadataParams => FsGetMetadataResponse;
    FsReadDirectory = "fs/readDirectory": FsReadDirectoryParams => FsReadDirectoryResponse;
    FsRemove = "fs/remove": FsRemoveParams => FsRemoveResponse;
    FsCopy = "fs/copy": FsCopyParams => FsCopyResponse;
    FsWatch = "fs/watch": FsWatchParams => FsWatchResponse;
    FsUnwatch = "fs/unwatch": FsUnwatchParams => FsUnwatchResponse;
    SkillsConfigWrite = "skills/config/write": SkillsConfigWriteParams => SkillsConfigWriteResponse;
    PluginInstall = "plugin/install": PluginInstallParams => PluginInstallResponse;
    PluginUninstall = "plugin/uninstall": PluginUninstallParams => PluginUninstallResponse;
    TurnStart = "turn/start": TurnStartParams => TurnStartResponse;
    TurnSteer = "turn/steer": TurnSteerParams => TurnSteerResponse;
    TurnInterrupt = "turn/interrupt": TurnInterruptParams => TurnInterruptResponse;
    #[experimental]
    ThreadRealtimeStart = "thread/realtime/start": ThreadRealtimeStartParams => ThreadRealtimeStartResponse;
    #[experimental]
    ThreadRealtimeAppendAudio = "thread/realtime/appendAudio": ThreadRealtimeAppendAudioParams => ThreadRealtimeAppendAudioResponse;
    #[experimental]
    ThreadRealtimeAppendText = "thread/realtime/appendText": ThreadRealtimeAppendTextParams => ThreadRealtimeAppendTextResponse;
    #[experimental]
    ThreadRealtimeStop = "thread/realtime/stop": ThreadRealtimeStopParams => ThreadRealtimeStopResponse;
    #[experimental]
    ThreadRealtimeListVoices = "thread/realtime/listVoices": ThreadRealtimeListVoicesParams => ThreadRealtimeListVoicesResponse;
    ReviewStart = "review/start": ReviewStartParams => ReviewStartResponse;
    ModelList = "model/list": ModelListParams => ModelListResponse;
    ExperimentalFeatureList = "experimentalFeature/list": ExperimentalFeatureListParams => ExperimentalFeatureListResponse;
    ExperimentalFeatureEnablementSet = "experimentalFeature/enablement/set": ExperimentalFeatureEnablementSetParams => ExperimentalFeatureEnablementSetResponse;
    #[experimental]
    CollaborationModeList = "collaborationMode/list": CollaborationModeListParams => CollaborationModeListResponse;
    #[experimental]
    MockExperimentalMethod = "mock/experimentalMethod": MockExperimentalMethodParams => MockExperimentalMethodResponse;
    McpServerOauthLogin = "mcpServer/oauth/login": McpServerOauthLoginParams => McpServerOauthLoginResponse;
    ConfigMcpServerReload = "config/mcpServer/reload": NoParams => McpServerRefreshResponse;
    McpServerStatusList = "mcpServerStatus/list": ListMcpServerStatusParams => ListMcpServerStatusResponse;
    McpServerResourceRead = "mcpServer/resource/read": McpResourceReadParams => McpResourceReadResponse;
    McpServerToolCall = "mcpServer/tool/call": McpServerToolCallParams => McpServerToolCallResponse;
    WindowsSandboxSetupStart = "windowsSandbox/setupStart": WindowsSandboxSetupStartParams => WindowsSandboxSetupStartResponse;
    AccountLoginStart = "account/login/start": LoginAccountParams => LoginAccountResponse;
    AccountLoginCancel = "account/login/cancel": CancelLoginAccountParams => CancelLoginAccountResponse;
    AccountLogout = "account/logout": NoParams => LogoutAccountResponse;
    AccountRateLimitsRead = "account/rateLimits/read": NoParams => GetAccountRateLimitsResponse;
    AccountSendAddCreditsNudgeEmail = "account/sendAddCreditsNudgeEmail": SendAddCreditsNudgeEmailParams => SendAddCreditsNudgeEmailResponse;
    FeedbackUpload = "feedback/upload": FeedbackUploadParams => FeedbackUploadResponse;
    CommandExec = "command/exec": CommandExecParams => CommandExecResponse;
    CommandExecWrite = "command/exec/write": CommandExecWriteParams => CommandExecWriteResponse;
    CommandExecTerminate = "command/exec/terminate": CommandExecTerminateParams => CommandExecTerminateResponse;
    CommandExecResize = "command/exec/resize": CommandExecResizeParams => CommandExecResizeResponse;
    ConfigRead = "config/read": ConfigReadParams => ConfigReadResponse;
    ExternalAgentConfigDetect = "externalAgentConfig/detect": ExternalAgentConfigDetectParams => ExternalAgentConfigDetectResponse;
    ExternalAgentConfigImport = "externalAgentConfig/import": ExternalAgentConfigImportParams => ExternalAgentConfigImportResponse;
    ConfigValueWrite = "config/value/write": ConfigValueWriteParams => ConfigWriteResponse;
    ConfigBatchWrite = "config/batchWrite": ConfigBatchWriteParams => ConfigWriteResponse;
    ConfigRequirementsRead = "configRequirements/read": NoParams => ConfigRequirementsReadResponse;
    AccountRead = "account/read": GetAccountParams => GetAccountResponse;
    #[legacy]
    GetConversationSummary = "getConversationSummary": GetConversationSummaryParams => GetConversationSummaryResponse;
    #[legacy]
    GitDiffToRemote = "gitDiffToRemote": GitDiffToRemoteParams => GitDiffToRemoteResponse;
    #[legacy]
    GetAuthStatus = "getAuthStatus": GetAuthStatusParams => GetAuthStatusResponse;
    FuzzyFileSearch = "fuzzyFileSearch": FuzzyFileSearchParams => FuzzyFileSearchResponse;
    #[experimental]
    FuzzyFileSearchSessionStart = "fuzzyFileSearch/sessionStart": FuzzyFileSearchSessionStartParams => FuzzyFileSearchSessionStartResponse;
    #[experimental]
    FuzzyFileSearchSessionUpdate = "fuzzyFileSearch/sessionUpdate": FuzzyFileSearchSessionUpdateParams => FuzzyFileSearchSessionUpdateResponse;
    #[experimental]
    FuzzyFileSearchSessionStop = "fuzzyFileSearch/sessionStop": FuzzyFileSearchSessionStopParams => FuzzyFileSearchSessionStopResponse;
}

/// The words for a method that does not exist: the name, and all names there are.
pub fn unknown_method(name: &str) -> String {
    let mut text = format!("unknown variant `{name}`, expected one of ");
    for (index, method) in METHODS.iter().enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        text.push('`');
        text.push_str(method);
        text.push('`');
    }
    text
}
