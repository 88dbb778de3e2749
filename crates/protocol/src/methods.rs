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
    /// What it does, as its line in the table says: one paragraph or several, of Markdown.
    const ABOUT: &'static str;
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
        $method:ident = $name:literal: $params:ty => $response:ty $(, $mark:ident)?;
    )*) => {
        $(
            $(#[doc = $doc])*
            #[derive(Debug, Clone, Copy)]
            pub struct $method;

            impl Method for $method {
                const NAME: &'static str = $name;
                const ABOUT: &'static str = concat!($($doc, "\n"),*);
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
    /// Introduces the client. It must be the first request of a connection, and comes once; until then, every other request
    /// is refused.
    ///
    /// `configWarning` may follow the answer.
    Initialize = "initialize": InitializeParams => InitializeResponse;
    /// Begins a thread and subscribes the connection to it. `thread/started` follows the answer.
    ThreadStart = "thread/start": ThreadStartParams => ThreadStartResponse;
    /// Takes up a thread from disk, or joins one that is loaded, and subscribes the connection to it.
    ///
    /// Overrides count only for a thread that is not loaded yet. When a turn runs, the answer holds it as far as it got,
    /// and open questions are asked again. `thread/tokenUsage/updated` follows the answer.
    ThreadResume = "thread/resume": ThreadResumeParams => ThreadResumeResponse;
    /// Begins a thread with the history of another, and subscribes the connection to it. The other is left as it is.
    /// `thread/started` follows the answer.
    ThreadFork = "thread/fork": ThreadForkParams => ThreadForkResponse;
    /// Puts a thread away, and those of agents that worked for it: a running turn is interrupted, the thread is unloaded,
    /// and listed no longer among the others. `thread/archived` follows the answer.
    ThreadArchive = "thread/archive": ThreadArchiveParams => ThreadArchiveResponse;
    /// Stops telling this connection of a thread. It is unloaded when nobody is left who listens.
    ThreadUnsubscribe = "thread/unsubscribe": ThreadUnsubscribeParams => ThreadUnsubscribeResponse;
    /// Says that somebody outside is asking the user something, so that time limits stand still.
    ThreadIncrementElicitation = "thread/increment_elicitation": ThreadIncrementElicitationParams => ThreadIncrementElicitationResponse, experimental;
    /// Takes back one `thread/increment_elicitation`.
    ThreadDecrementElicitation = "thread/decrement_elicitation": ThreadDecrementElicitationParams => ThreadDecrementElicitationResponse, experimental;
    /// Names a thread, loaded or not. `thread/name/updated` follows the answer.
    ThreadNameSet = "thread/name/set": ThreadSetNameParams => ThreadSetNameResponse;
    /// Changes what is stored about a thread, loaded or not: for now, its git facts.
    ThreadMetadataUpdate = "thread/metadata/update": ThreadMetadataUpdateParams => ThreadMetadataUpdateResponse;
    /// Says whether memories are made from a thread.
    ThreadMemoryModeSet = "thread/memoryMode/set": ThreadMemoryModeSetParams => ThreadMemoryModeSetResponse, experimental;
    /// Forgets all memories.
    MemoryReset = "memory/reset": NoParams => MemoryResetResponse, experimental;
    /// Brings a thread back that was put away. It is not loaded. `thread/unarchived` follows the answer.
    ThreadUnarchive = "thread/unarchive": ThreadUnarchiveParams => ThreadUnarchiveResponse;
    /// Condenses a thread's conversation to a summary, in a turn of its own, which interrupts a running one.
    ///
    /// The answer comes at once; `turn/started` tells the turn's id.
    ThreadCompactStart = "thread/compact/start": ThreadCompactStartParams => ThreadCompactStartResponse;
    /// Runs a command of the user's in a thread, where the agent sees what it did. It runs without a sandbox, beside a
    /// running turn or in a turn of its own. The answer comes at once; items tell the rest.
    ThreadShellCommand = "thread/shellCommand": ThreadShellCommandParams => ThreadShellCommandResponse;
    /// Allows after all what the automatic reviewer refused.
    ThreadApproveGuardianDeniedAction = "thread/approveGuardianDeniedAction": ThreadApproveGuardianDeniedActionParams => ThreadApproveGuardianDeniedActionResponse;
    /// Ends all sessions a thread's agent has left running.
    ThreadBackgroundTerminalsClean = "thread/backgroundTerminals/clean": ThreadBackgroundTerminalsCleanParams => ThreadBackgroundTerminalsCleanResponse, experimental;
    /// Takes back the last turns of a thread, for the model and in its history. Files stay as they are. Refused while a
    /// turn runs.
    ThreadRollback = "thread/rollback": ThreadRollbackParams => ThreadRollbackResponse;
    /// Lists threads on disk, page by page, the newest first unless asked otherwise.
    ThreadList = "thread/list": ThreadListParams => ThreadListResponse;
    /// Lists threads in memory, by id.
    ThreadLoadedList = "thread/loaded/list": ThreadLoadedListParams => ThreadLoadedListResponse;
    /// Reads a thread, loaded or on disk, without taking it up or subscribing to it.
    ThreadRead = "thread/read": ThreadReadParams => ThreadReadResponse;
    /// Lists a thread's turns with their items, page by page, the newest first unless asked otherwise.
    ThreadTurnsList = "thread/turns/list": ThreadTurnsListParams => ThreadTurnsListResponse;
    /// Adds to what the model sees in a loaded thread, without a turn.
    ///
    /// An answer of the model or a compaction that is under way ends first; tools and open questions hold nothing up.
    ThreadInjectItems = "thread/inject_items": ThreadInjectItemsParams => ThreadInjectItemsResponse;
    /// Lists skills, by directory.
    SkillsList = "skills/list": SkillsListParams => SkillsListResponse;
    /// Adds a marketplace.
    MarketplaceAdd = "marketplace/add": MarketplaceAddParams => MarketplaceAddResponse;
    /// Removes a marketplace.
    MarketplaceRemove = "marketplace/remove": MarketplaceRemoveParams => MarketplaceRemoveResponse;
    /// Lists marketplaces and their plugins.
    PluginList = "plugin/list": PluginListParams => PluginListResponse;
    /// Tells all about a plugin.
    PluginRead = "plugin/read": PluginReadParams => PluginReadResponse;
    /// Lists apps, page by page.
    AppList = "app/list": AppsListParams => AppsListResponse;
    /// Makes a device key.
    DeviceKeyCreate = "device/key/create": DeviceKeyCreateParams => DeviceKeyCreateResponse;
    /// Tells the public half of a device key.
    DeviceKeyPublic = "device/key/public": DeviceKeyPublicParams => DeviceKeyPublicResponse;
    /// Signs with a device key.
    DeviceKeySign = "device/key/sign": DeviceKeySignParams => DeviceKeySignResponse;
    /// Reads a regular file as a whole.
    FsReadFile = "fs/readFile": FsReadFileParams => FsReadFileResponse;
    /// Writes a file as a whole: makes it, or replaces what it held. Its folder must exist.
    FsWriteFile = "fs/writeFile": FsWriteFileParams => FsWriteFileResponse;
    /// Makes a folder.
    FsCreateDirectory = "fs/createDirectory": FsCreateDirectoryParams => FsCreateDirectoryResponse;
    /// Tells what a path is.
    FsGetMetadata = "fs/getMetadata": FsGetMetadataParams => FsGetMetadataResponse;
    /// Lists what is directly in a folder.
    FsReadDirectory = "fs/readDirectory": FsReadDirectoryParams => FsReadDirectoryResponse;
    /// Removes a file or a folder.
    FsRemove = "fs/remove": FsRemoveParams => FsRemoveResponse;
    /// Copies a file or a folder.
    FsCopy = "fs/copy": FsCopyParams => FsCopyResponse;
    /// Tells of changes below a path until `fs/unwatch` or the end of the connection.
    FsWatch = "fs/watch": FsWatchParams => FsWatchResponse;
    /// Ends a watch.
    FsUnwatch = "fs/unwatch": FsUnwatchParams => FsUnwatchResponse;
    /// Switches a skill on or off.
    SkillsConfigWrite = "skills/config/write": SkillsConfigWriteParams => SkillsConfigWriteResponse;
    /// Installs a plugin.
    PluginInstall = "plugin/install": PluginInstallParams => PluginInstallResponse;
    /// Uninstalls a plugin.
    PluginUninstall = "plugin/uninstall": PluginUninstallParams => PluginUninstallResponse;
    /// Starts a turn in a loaded thread. The answer comes before the turn's first notification.
    ///
    /// While another turn runs, the input joins that one where it can, and the answer has the id of a turn that is not
    /// told; otherwise a turn of its own follows. Overrides hold from this turn on.
    TurnStart = "turn/start": TurnStartParams => TurnStartResponse;
    /// Adds input to a turn that is running; the agent reads it before it asks the model again. Refused when another turn
    /// runs than expected, none, or one that takes no input (a review, a compaction).
    TurnSteer = "turn/steer": TurnSteerParams => TurnSteerResponse;
    /// Stops a turn. The answer comes when it is over, and before the `turn/completed` that says so.
    TurnInterrupt = "turn/interrupt": TurnInterruptParams => TurnInterruptResponse;
    /// Begins a realtime session in a thread.
    ThreadRealtimeStart = "thread/realtime/start": ThreadRealtimeStartParams => ThreadRealtimeStartResponse, experimental;
    /// Says something in a realtime session, as sound.
    ThreadRealtimeAppendAudio = "thread/realtime/appendAudio": ThreadRealtimeAppendAudioParams => ThreadRealtimeAppendAudioResponse, experimental;
    /// Says something in a realtime session, as text.
    ThreadRealtimeAppendText = "thread/realtime/appendText": ThreadRealtimeAppendTextParams => ThreadRealtimeAppendTextResponse, experimental;
    /// Ends a realtime session.
    ThreadRealtimeStop = "thread/realtime/stop": ThreadRealtimeStopParams => ThreadRealtimeStopResponse, experimental;
    /// Lists the voices of realtime sessions.
    ThreadRealtimeListVoices = "thread/realtime/listVoices": ThreadRealtimeListVoicesParams => ThreadRealtimeListVoicesResponse, experimental;
    /// Starts a review, in a turn of the thread or in a copy of the thread. It interrupts a running turn.
    ReviewStart = "review/start": ReviewStartParams => ReviewStartResponse;
    /// Lists models, page by page.
    ModelList = "model/list": ModelListParams => ModelListResponse;
    /// Lists features that can be switched, page by page.
    ExperimentalFeatureList = "experimentalFeature/list": ExperimentalFeatureListParams => ExperimentalFeatureListResponse;
    /// Switches features until the server ends, without writing them down.
    ExperimentalFeatureEnablementSet = "experimentalFeature/enablement/set": ExperimentalFeatureEnablementSetParams => ExperimentalFeatureEnablementSetResponse;
    /// Lists presets of ways of working together.
    CollaborationModeList = "collaborationMode/list": CollaborationModeListParams => CollaborationModeListResponse, experimental;
    /// Gives back what it is given; there to try what experimental methods do.
    MockExperimentalMethod = "mock/experimentalMethod": MockExperimentalMethodParams => MockExperimentalMethodResponse, experimental;
    /// Begins a log-in to an MCP server. How it ends is told in a notification.
    McpServerOauthLogin = "mcpServer/oauth/login": McpServerOauthLoginParams => McpServerOauthLoginResponse;
    /// Reads the MCP servers' configuration again, for all loaded threads.
    ConfigMcpServerReload = "config/mcpServer/reload": NoParams => McpServerRefreshResponse;
    /// Lists MCP servers with what they offer, page by page.
    McpServerStatusList = "mcpServerStatus/list": ListMcpServerStatusParams => ListMcpServerStatusResponse;
    /// Reads a resource of an MCP server.
    McpServerResourceRead = "mcpServer/resource/read": McpResourceReadParams => McpResourceReadResponse;
    /// Calls a tool of an MCP server, without the agent.
    McpServerToolCall = "mcpServer/tool/call": McpServerToolCallParams => McpServerToolCallResponse;
    /// Begins to set up the sandbox of Windows.
    WindowsSandboxSetupStart = "windowsSandbox/setupStart": WindowsSandboxSetupStartParams => WindowsSandboxSetupStartResponse;
    /// Begins to log in.
    AccountLoginStart = "account/login/start": LoginAccountParams => LoginAccountResponse;
    /// Gives up an attempt to log in.
    AccountLoginCancel = "account/login/cancel": CancelLoginAccountParams => CancelLoginAccountResponse;
    /// Logs out.
    AccountLogout = "account/logout": NoParams => LogoutAccountResponse;
    /// Asks the provider how much of the limits is used.
    AccountRateLimitsRead = "account/rateLimits/read": NoParams => GetAccountRateLimitsResponse;
    /// Asks the owner of the workspace for more credits.
    AccountSendAddCreditsNudgeEmail = "account/sendAddCreditsNudgeEmail": SendAddCreditsNudgeEmailParams => SendAddCreditsNudgeEmailResponse;
    /// Sends feedback to the provider.
    FeedbackUpload = "feedback/upload": FeedbackUploadParams => FeedbackUploadResponse;
    /// Runs a command in the sandbox, beside any thread. The answer comes when it has ended.
    CommandExec = "command/exec": CommandExecParams => CommandExecResponse;
    /// Writes to a command's input, or closes it.
    CommandExecWrite = "command/exec/write": CommandExecWriteParams => CommandExecWriteResponse;
    /// Ends a command.
    CommandExecTerminate = "command/exec/terminate": CommandExecTerminateParams => CommandExecTerminateResponse;
    /// Resizes a command's terminal.
    CommandExecResize = "command/exec/resize": CommandExecResizeParams => CommandExecResizeResponse;
    /// Reads the configuration in effect.
    ConfigRead = "config/read": ConfigReadParams => ConfigReadResponse;
    /// Looks for what can be taken over from other agents.
    ExternalAgentConfigDetect = "externalAgentConfig/detect": ExternalAgentConfigDetectParams => ExternalAgentConfigDetectResponse;
    /// Takes over what was found.
    ExternalAgentConfigImport = "externalAgentConfig/import": ExternalAgentConfigImportParams => ExternalAgentConfigImportResponse;
    /// Changes one key of the user's configuration file. Comments and layout stay.
    ConfigValueWrite = "config/value/write": ConfigValueWriteParams => ConfigWriteResponse;
    /// Changes several keys of the user's configuration file at once: all of them, or none.
    ConfigBatchWrite = "config/batchWrite": ConfigBatchWriteParams => ConfigWriteResponse;
    /// Reads what the administrator demands.
    ConfigRequirementsRead = "configRequirements/read": NoParams => ConfigRequirementsReadResponse;
    /// Tells who is logged in.
    AccountRead = "account/read": GetAccountParams => GetAccountResponse;
    /// Tells what a rollout says of its thread at a glance.
    GetConversationSummary = "getConversationSummary": GetConversationSummaryParams => GetConversationSummaryResponse, legacy;
    /// Compares a working tree with what its remote has.
    GitDiffToRemote = "gitDiffToRemote": GitDiffToRemoteParams => GitDiffToRemoteResponse, legacy;
    /// Tells how the server is logged in.
    GetAuthStatus = "getAuthStatus": GetAuthStatusParams => GetAuthStatusResponse, legacy;
    /// Finds files by a few letters of their path.
    FuzzyFileSearch = "fuzzyFileSearch": FuzzyFileSearchParams => FuzzyFileSearchResponse;
    /// Begins a search that goes on while the user types.
    FuzzyFileSearchSessionStart = "fuzzyFileSearch/sessionStart": FuzzyFileSearchSessionStartParams => FuzzyFileSearchSessionStartResponse, experimental;
    /// Changes what a search session looks for.
    FuzzyFileSearchSessionUpdate = "fuzzyFileSearch/sessionUpdate": FuzzyFileSearchSessionUpdateParams => FuzzyFileSearchSessionUpdateResponse, experimental;
    /// Ends a search session.
    FuzzyFileSearchSessionStop = "fuzzyFileSearch/sessionStop": FuzzyFileSearchSessionStopParams => FuzzyFileSearchSessionStopResponse, experimental;
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
