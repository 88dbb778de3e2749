//! Which page says what.

use std::collections::{BTreeMap, BTreeSet};

use crate::surface::{Surface, references};

/// A page of the reference.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) file: &'static str,
    pub(super) title: &'static str,
    /// What it is about, for the index.
    pub(super) about: &'static str,
    /// Its prose.
    pub(super) template: &'static str,
    /// How the names of its messages begin. Where several pages claim a name, the longest claim wins.
    claims: &'static [&'static str],
}

macro_rules! pages {
    ($($file:literal, $title:literal, $about:literal, [$($claim:literal),*];)*) => {
        /// Every page, in reading order.
        pub(super) const PAGES: &[Page] = &[$(Page {
            file: $file,
            title: $title,
            about: $about,
            template: include_str!(concat!("pages/", $file)),
            claims: &[$($claim),*],
        }),*];
    };
}

pages! {
    "README.md", "The protocol", "Transport, envelope, order, a first conversation", [];
    "initialize.md", "Connecting", "The handshake, capabilities, warnings about the set-up",
        ["initialize", "configWarning", "deprecationNotice"];
    "threads.md", "Threads", "Conversations: begin, resume, fork, list, read, archive, follow",
        ["thread/", "memory/"];
    "turns.md", "Turns", "What the user says and what comes of it; steering, interrupting, reviews",
        ["turn/", "review/", "error", "model/rerouted", "model/verification", "warning", "hook/",
         "thread/compact/", "thread/compacted"];
    "items.md", "Items", "What a turn is made of, and how it streams", ["item/", "rawResponseItem/"];
    "approvals.md", "Approvals and questions", "What the server asks the client, and how that ends",
        ["item/commandExecution/requestApproval", "item/fileChange/requestApproval", "item/permissions/",
         "item/tool/requestUserInput", "item/tool/call", "mcpServer/elicitation/", "serverRequest/",
         "item/autoApprovalReview/", "guardianWarning", "thread/approveGuardianDeniedAction",
         "thread/increment_elicitation", "thread/decrement_elicitation"];
    "models.md", "Models and features", "Models, ways of working together, feature switches",
        ["model/", "collaborationMode/", "experimentalFeature/", "mock/"];
    "config.md", "Configuration", "Reading and writing it; what administrators demand; taking over from other agents",
        ["config/", "configRequirements/", "externalAgentConfig/"];
    "account.md", "Accounts", "Logging in and out, limits", ["account/"];
    "files.md", "Files", "Reading, writing, watching and finding files", ["fs/", "fuzzyFileSearch"];
    "commands.md", "Commands", "Commands of the client's own, beside any thread", ["command/"];
    "mcp.md", "MCP servers", "Their state, tools, resources and log-ins", ["mcpServer/", "mcpServerStatus/", "config/mcpServer/"];
    "extensions.md", "Skills, plugins, apps", "What users add", ["skills/", "plugin/", "marketplace/", "app/"];
    "realtime.md", "Realtime", "Speaking with a thread", ["thread/realtime/"];
    "platform.md", "Platform and feedback", "Device keys, the sandbox of Windows, feedback",
        ["device/", "windowsSandbox/", "windows/", "feedback/"];
    "legacy.md", "First version", "What is kept for clients of the protocol's first version",
        ["getConversationSummary", "gitDiffToRemote", "getAuthStatus", "applyPatchApproval", "execCommandApproval"];
    "errors.md", "Errors", "Codes, when each is given, what to do", [];
    "types.md", "Shared types", "Types that several pages use", [];
}

/// The page for types that several pages use.
const SHARED: &str = "types.md";

/// Where everything stands.
#[derive(Debug)]
pub(super) struct Layout {
    /// By message: its page.
    messages: BTreeMap<&'static str, &'static str>,
    /// By type that has a section of its own: its page.
    types: BTreeMap<String, &'static str>,
}

impl Layout {
    pub(super) fn new(surface: &Surface) -> Self {
        let mut layout = Self { messages: BTreeMap::new(), types: BTreeMap::new() };
        let mut users: BTreeMap<&str, BTreeSet<&'static str>> = BTreeMap::new();
        let calls = surface.requests.iter().chain(&surface.server_requests);
        let calls = calls.map(|call| (call.name, call.params.iter().chain([&call.result]).collect::<Vec<_>>()));
        let notices = surface.notifications.iter().map(|notice| (notice.name, vec![&notice.payload]));
        for (message, types) in calls.chain(notices) {
            let page = page_of(message);
            layout.messages.insert(message, page);
            for name in types {
                reach(surface, name, page, &mut users);
            }
        }
        for (name, pages) in users {
            let mut pages = pages.into_iter();
            let page = match (pages.next(), pages.next()) {
                (Some(only), None) => only,
                _ => SHARED,
            };
            layout.types.insert(name.to_owned(), page);
        }
        layout
    }

    /// Whether a message is told about on `page`.
    pub(super) fn has(&self, page: &str, message: &str) -> bool {
        self.messages.get(message) == Some(&page)
    }

    /// The types with a section on `page`.
    pub(super) fn types_of(&self, page: &str) -> impl Iterator<Item = &str> {
        self.types.iter().filter(move |(_, at)| **at == page).map(|(name, _)| name.as_str())
    }

    /// A link to a type's section, as seen from `page`.
    pub(super) fn link(&self, page: &str, name: &str) -> String {
        let at = self.types.get(name).copied().unwrap_or(SHARED);
        let file = if at == page { "" } else { at };
        format!("[{name}]({file}#type-{})", name.to_lowercase())
    }
}

/// The page whose claim on a message is the longest.
fn page_of(message: &str) -> &'static str {
    let claims = PAGES.iter().flat_map(|page| page.claims.iter().map(|claim| (*claim, page.file)));
    let longest = claims.filter(|(claim, _)| message.starts_with(claim)).max_by_key(|(claim, _)| claim.len());
    longest.map(|(_, file)| file).unwrap_or_else(|| panic!("no page claims {message}"))
}

/// Notes that `page` uses what the type `name` refers to.
fn reach<'a>(
    surface: &'a Surface,
    name: &str,
    page: &'static str,
    users: &mut BTreeMap<&'a str, BTreeSet<&'static str>>,
) {
    let mut named = Vec::new();
    references(&surface.types[name], &mut |name| named.push(name));
    for name in named {
        if users.entry(name).or_default().insert(page) {
            reach(surface, name, page, users);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_claim_wins() {
        assert_eq!(page_of("thread/start"), "threads.md");
        assert_eq!(page_of("thread/realtime/start"), "realtime.md");
        assert_eq!(page_of("config/mcpServer/reload"), "mcp.md");
        assert_eq!(page_of("item/commandExecution/requestApproval"), "approvals.md");
        assert_eq!(page_of("item/commandExecution/outputDelta"), "items.md");
    }
}
