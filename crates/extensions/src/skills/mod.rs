//! Skills: folders with a `SKILL.md` that tells the model how to do one kind of task.
//!
//! [`discover`] finds them, [`render`] lists them for the model, [`mentioned`] finds which ones a prompt asks for, and
//! [`injection`] gives such a skill's text. [`install_bundled`] unpacks the ones that come with the server.

mod bundled;
mod cache;
mod discover;
mod front_matter;
mod mention;
mod metadata;
mod render;

use types::AbsPath;

pub use bundled::{BUNDLED_NAMES, install_bundled};
pub use cache::SkillsCache;
pub use discover::{ADMIN_FOLDER, Places, discover};
pub use mention::{Mention, injection, mentioned};
pub use metadata::{Interface, ToolDependency};
pub use render::{Rendered, budget_chars, render};

/// A usable skill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skill {
    /// At most 64 characters.
    pub name: String,
    /// When to use it; at most 1024 characters.
    pub description: String,
    pub short_description: Option<String>,
    /// How clients show it.
    pub interface: Option<Interface>,
    /// What it needs; empty: nothing.
    pub dependencies: Vec<ToolDependency>,
    /// Its `SKILL.md`, with symbolic links resolved.
    pub path: AbsPath,
    pub scope: Scope,
    /// Whether the configuration leaves it on.
    pub enabled: bool,
    /// Whether the model may pick it by itself.
    pub implicit: bool,
}

/// Who a skill belongs to. The order is that of lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The project.
    Repo,
    User,
    /// It comes with the server.
    System,
    /// The machine's administrator.
    Admin,
}

impl Scope {
    /// The spelling on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Repo => "repo",
            Self::User => "user",
            Self::System => "system",
            Self::Admin => "admin",
        }
    }
}

/// A `SKILL.md` that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkillError {
    pub path: AbsPath,
    pub message: String,
}

/// What [`discover`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// By scope, then by name.
    pub skills: Vec<Skill>,
    /// In the order of discovery.
    pub errors: Vec<SkillError>,
}
