//! Layered configuration files resolved into one immutable [`Config`].
//!
//! A [`Loader`] reads the layers (system, user, project folders, session flags, a thread's own values), [`resolve()`]
//! lays them over each other and turns them into a [`Config`]. Broken input is a [`ConfigError`] that knows its place.
//!
//! This crate does not know: the network, threads, the client's spelling of anything. It reads no environment
//! variables; what they say is passed in. Open [`settings`] first, then [`load`] and [`resolve()`].

pub mod edit;
pub mod error;
pub mod features;
pub mod file;
pub mod layer;
pub mod load;
pub mod otel;
mod overrides;
mod paths;
mod permission_profiles;
pub mod permissions;
pub mod providers;
mod requirements;
mod resolve;
mod roles;
pub mod settings;
pub mod stamp;
mod trust;

pub use edit::{Edit, EditError, Edited, Merge, Overridden};
pub use error::{ConfigError, Located, Position, Range, Warning};
pub use features::{Feature, FeatureInfo, Features, Stage};
pub use file::{
    ConfigToml, CredentialsStore, Fsync, HistoryPersistence, Inherit, Location, LoginMethod, ProfileToml,
    SearchContextSize, Trust, WebSearchMode,
};
pub use layer::{Disabled, Layer, Layers, Source};
pub use load::Loader;
pub use otel::{Exporter, Otel, OtlpGrpc, OtlpHttp, OtlpProtocol, OtlpTls};
pub use overrides::{Overrides, ThreadOverrides};
pub use permission_profiles::{DefaultPermissions, DomainToml, NetworkToml, UnixSocketToml};
pub use permissions::{ProfileError, permission_profile_of, policy_of};
pub use providers::{ProviderConfig, ProviderEnvironment, WireApi};
pub use requirements::{NotAllowed, Requirements, Residency};
pub use resolve::{Inputs, resolve};
pub use settings::{Config, SandboxWorkspaceWrite, ShellEnvironmentPolicy, SkillSelector, SkillSwitch};
pub use trust::{trust_project, trust_root};
