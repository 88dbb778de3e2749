//! What shapes a turn's model requests: effort, summary, verbosity, tier, personality, collaboration mode.

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$vdoc])* $variant),+
        }

        impl $name {
            /// Every value, in the order of strength or of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The one spelling that the wire, the configuration file and the provider share.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }

            /// Reads the spelling of [`Self::as_str`]; `None` for any other text.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use named;

named! {
    /// How hard a reasoning model thinks before it answers.
    ReasoningEffort { None = "none", Minimal = "minimal", Low = "low", Medium = "medium", High = "high", XHigh = "xhigh" }
}

named! {
    /// How much of its reasoning a model summarises for people.
    ReasoningSummary { Auto = "auto", Concise = "concise", Detailed = "detailed", None = "none" }
}

named! {
    /// How long a model's answers should be.
    Verbosity { Low = "low", Medium = "medium", High = "high" }
}

named! {
    /// The provider's processing tier.
    ServiceTier { Fast = "fast", Flex = "flex" }
}

named! {
    /// The tone the agent takes.
    Personality { None = "none", Friendly = "friendly", Pragmatic = "pragmatic" }
}

named! {
    /// What a turn is for: planning with the user, or doing the work.
    ModeKind { Plan = "plan", Default = "default" }
}

/// A collaboration mode with the settings it brings; they win over a turn's own model and effort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollaborationMode {
    pub kind: ModeKind,
    pub model: String,
    pub reasoning_effort: Option<ReasoningEffort>,
    /// `None`: the built-in instructions of the mode.
    pub developer_instructions: Option<String>,
}
