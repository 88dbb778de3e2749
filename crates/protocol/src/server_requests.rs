//! What the server may ask a client: approvals, answers, tokens.

use crate::experimental::{Probe, Ungated as _};
use crate::wire::Wire;
use crate::*;

/// A request from the server to a client.
pub trait ServerMethod {
    /// Its name on the wire.
    const NAME: &'static str;
    /// What it asks, as its line in the table says: one paragraph or several, of Markdown.
    const ABOUT: &'static str;
    /// What the client is told.
    type Params: Wire;
    /// What the client answers.
    type Response: Wire;

    /// Takes what is experimental out of a request to a client without the capability.
    fn hide_experimental(params: &mut Self::Params);
}

/// Something to be done with every server request; see [`visit_server_methods`].
pub trait ServerMethodVisitor {
    /// Called once per server request.
    fn visit<M: ServerMethod>(&mut self);
}

macro_rules! server_requests {
    ($(
        $(#[doc = $doc:literal])*
        $method:ident = $name:literal: $params:ty => $response:ty;
    )*) => {
        $(
            $(#[doc = $doc])*
            #[derive(Debug, Clone, Copy)]
            pub struct $method;

            impl ServerMethod for $method {
                const NAME: &'static str = $name;
                const ABOUT: &'static str = concat!($($doc, "\n"),*);
                type Params = $params;
                type Response = $response;

                fn hide_experimental(params: &mut Self::Params) {
                    Probe(params).hide_experimental();
                }
            }
        )*

        /// Every server request's name, in the order in which the protocol lists them.
        pub const SERVER_METHODS: &[&str] = &[$($name),*];

        /// Shows every server request of the table to `visitor`, in order.
        pub fn visit_server_methods(visitor: &mut impl ServerMethodVisitor) {
            $(visitor.visit::<$method>();)*
        }
    };
}

server_requests! {
    /// May the agent run this command?
    ItemCommandExecutionRequestApproval = "item/commandExecution/requestApproval": CommandExecutionRequestApprovalParams => CommandExecutionRequestApprovalResponse;
    /// May the agent apply this patch?
    ItemFileChangeRequestApproval = "item/fileChange/requestApproval": FileChangeRequestApprovalParams => FileChangeRequestApprovalResponse;
    /// The agent asks the user something.
    ItemToolRequestUserInput = "item/tool/requestUserInput": ToolRequestUserInputParams => ToolRequestUserInputResponse;
    /// An MCP server asks the user something.
    McpServerElicitationRequest = "mcpServer/elicitation/request": McpServerElicitationRequestParams => McpServerElicitationRequestResponse;
    /// May the agent have these permissions?
    ItemPermissionsRequestApproval = "item/permissions/requestApproval": PermissionsRequestApprovalParams => PermissionsRequestApprovalResponse;
    /// The client is to carry out one of its tools.
    ItemToolCall = "item/tool/call": DynamicToolCallParams => DynamicToolCallResponse;
    /// The client is to hand over fresh tokens.
    AccountChatgptAuthTokensRefresh = "account/chatgptAuthTokens/refresh": ChatgptAuthTokensRefreshParams => ChatgptAuthTokensRefreshResponse;
    /// May the agent apply this patch? For clients of the first version.
    ApplyPatchApproval = "applyPatchApproval": ApplyPatchApprovalParams => ApplyPatchApprovalResponse;
    /// May the agent run this command? For clients of the first version.
    ExecCommandApproval = "execCommandApproval": ExecCommandApprovalParams => ExecCommandApprovalResponse;
}
