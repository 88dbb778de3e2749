//! What an administrator demands: `requirements.toml` beside the system file, and what the administrator's configuration
//! says of approvals and the sandbox.
//!
//! A configuration that breaks a demand is changed to keep it ([`Requirements::enforce`]); who asks for something else
//! later is refused ([`Requirements::check_approval`] and the like).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};
use types::{AbsPath, ApprovalPolicy, ApprovalsReviewer, PermissionProfile, SandboxMode};

use crate::error::ConfigError;
use crate::features::Feature;
use crate::file::{self, ConfigToml, WebSearchMode};
use crate::load::one_line;
use crate::permission_profiles::NetworkToml;
use crate::permissions::{ProfileError, policy_of};
use crate::settings::Config;

/// What an administrator demands, as far as it is known here. `None` demands nothing.
#[derive(Debug, Clone, Default)]
pub struct Requirements {
    /// The only ones that may be chosen; none of the lists is empty, and the first stands for one that is not in it.
    pub approval_policies: Option<Vec<ApprovalPolicy>>,
    pub approvals_reviewers: Option<Vec<ApprovalsReviewer>>,
    pub sandbox_modes: Option<Vec<SandboxMode>>,
    /// Off is always among them.
    pub web_search_modes: Option<Vec<WebSearchMode>>,
    /// Features that are on or off whatever else says otherwise.
    pub features: Option<BTreeMap<String, bool>>,
    /// Where providers must keep data.
    pub residency: Option<Residency>,
    pub network: Option<NetworkToml>,
    /// What the automatic reviewer decides by, whatever the user's policy says. Not blank.
    pub auto_review_policy: Option<String>,
    /// The keys that nobody here carries out.
    pub others: Vec<String>,
}

/// A region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Residency {
    /// The United States.
    Us,
}

impl Residency {
    /// The name in requests and configuration files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Us => "us",
        }
    }
}

/// Something was chosen that the administrator does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` cannot be `{chosen}`: the administrator allows {allowed}")]
pub struct NotAllowed {
    key: &'static str,
    chosen: String,
    /// Names in quotes.
    allowed: String,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Approval(#[serde(deserialize_with = "file::approval_policy")] Option<ApprovalPolicy>);

#[derive(Deserialize)]
#[serde(transparent)]
struct Reviewer(#[serde(deserialize_with = "file::approvals_reviewer")] Option<ApprovalsReviewer>);

#[derive(Deserialize)]
#[serde(transparent)]
struct Sandbox(#[serde(deserialize_with = "file::sandbox_mode")] Option<SandboxMode>);

#[derive(Deserialize)]
#[serde(transparent)]
struct Search(#[serde(deserialize_with = "file::web_search_mode")] Option<WebSearchMode>);

/// The keys of a file that are to be read yet.
struct Keys<'a> {
    file: &'a AbsPath,
    table: &'a mut Table,
}

impl Keys<'_> {
    fn value<T: DeserializeOwned>(&mut self, key: &str) -> Result<Option<T>, ConfigError> {
        let value = self.table.remove(key).map(Value::try_into).transpose();
        value.map_err(|error: toml::de::Error| self.refused(key, error.message()))
    }

    fn list<S: DeserializeOwned, T>(
        &mut self,
        key: &str,
        value: impl Fn(S) -> Option<T>,
    ) -> Result<Option<Vec<T>>, ConfigError> {
        let list: Option<Vec<S>> = self.value(key)?;
        let list: Option<Vec<T>> = list.map(|list| list.into_iter().filter_map(value).collect());
        match list {
            Some(list) if list.is_empty() => Err(self.refused(key, "an empty list allows nothing")),
            list => Ok(list),
        }
    }

    fn refused(&self, key: &str, reason: &str) -> ConfigError {
        ConfigError::Permissions(format!("{}: {key}: {}", self.file, one_line(reason)))
    }
}

impl Requirements {
    /// Reads what `file` holds.
    ///
    /// # Errors
    /// [`ConfigError::Permissions`] for demands that are not of the right shape.
    pub(crate) fn read(file: &AbsPath, mut table: Table) -> Result<Self, ConfigError> {
        let mut keys = Keys { file, table: &mut table };
        let approval_policies = keys.list("allowed_approval_policies", |Approval(policy)| policy)?;
        let approvals_reviewers = keys.list("allowed_approvals_reviewers", |Reviewer(reviewer)| reviewer)?;
        let sandbox_modes = keys.list("allowed_sandbox_modes", |Sandbox(mode)| mode)?;
        let mut web_search_modes = keys.list("allowed_web_search_modes", |Search(mode)| mode)?;
        if let Some(modes) = &mut web_search_modes
            && !modes.contains(&WebSearchMode::Disabled)
        {
            modes.push(WebSearchMode::Disabled);
        }
        let (features, older) = (keys.value("features")?, keys.value("feature_requirements")?);
        let policy: Option<String> = keys.value("guardian_policy_config")?;
        Ok(Self {
            approval_policies,
            approvals_reviewers,
            sandbox_modes,
            web_search_modes,
            features: features.or(older),
            residency: keys.value("enforce_residency")?,
            network: keys.value("experimental_network")?,
            auto_review_policy: policy.filter(|policy| !policy.trim().is_empty()),
            others: table.keys().cloned().collect(),
        })
    }

    /// What the administrator's own configuration says of approvals and the sandbox is demanded, too.
    pub(crate) fn with_managed(mut self, managed: ConfigToml) -> Self {
        self.approval_policies = self.approval_policies.or(managed.approval_policy.map(|policy| vec![policy]));
        self.sandbox_modes = self.sandbox_modes.or(managed.sandbox_mode.map(|mode| vec![mode]));
        self
    }

    /// Makes a configuration keep the demands. What was chosen otherwise, rather than left open, is named in
    /// [`Config::overruled`].
    pub(crate) fn enforce(&self, config: &mut Config) {
        let mut overruled = Vec::new();
        if let (Some([first, ..]), Err(refused)) =
            (self.approval_policies.as_deref(), self.check_approval(&config.approval_policy()))
        {
            overruled.extend(replaced(&refused, config.approval_policy.is_some(), first.as_str()));
            config.approval_policy = Some(first.clone());
        }
        if let Some(default) = &config.default_permissions
            && let Err(refused) =
                self.check_sandbox(mode_of(&default.profile, config.cwd.as_ref().unwrap_or(&config.home)))
        {
            overruled.push(format!("`default_permissions` are left out: {refused}"));
            config.default_permissions = None;
        }
        if let (Some([first, ..]), Err(refused)) =
            (self.sandbox_modes.as_deref(), self.check_sandbox(config.sandbox_mode()))
        {
            overruled.extend(replaced(&refused, config.sandbox_mode.is_some(), first.as_str()));
            config.sandbox_mode = Some(*first);
        }
        if let (Some([first, ..]), Err(refused)) =
            (self.approvals_reviewers.as_deref(), self.check_reviewer(config.approvals_reviewer))
        {
            overruled.extend(replaced(&refused, config.approvals_reviewer != ApprovalsReviewer::User, first.as_str()));
            config.approvals_reviewer = *first;
        }
        let search = config.web_search.unwrap_or(WebSearchMode::Cached);
        if let Some([first, ..]) = self.web_search_modes.as_deref()
            && let Err(refused) =
                check("web_search", &search, self.web_search_modes.as_deref(), |mode| mode.as_str().to_owned())
        {
            overruled.extend(replaced(&refused, config.web_search.is_some(), first.as_str()));
            config.web_search = Some(*first);
        }
        for (name, on) in self.features.iter().flatten() {
            match Feature::from_key(name) {
                Some(feature) => config.features.set(feature, *on),
                None => overruled.push(format!("the administrator demands a feature that there is not: `{name}`")),
            }
        }
        if !self.others.is_empty() {
            let others = self.others.join("`, `");
            overruled.push(format!("the administrator demands what is not carried out here: `{others}`"));
        }
        config.overruled = overruled;
    }

    /// Whether an approval policy may be chosen.
    ///
    /// # Errors
    /// It may not.
    pub fn check_approval(&self, policy: &ApprovalPolicy) -> Result<(), NotAllowed> {
        check("approval_policy", policy, self.approval_policies.as_deref(), |policy| policy.as_str().to_owned())
    }

    /// Whether a sandbox of that mode may be chosen.
    ///
    /// # Errors
    /// It may not.
    pub fn check_sandbox(&self, mode: SandboxMode) -> Result<(), NotAllowed> {
        check("sandbox_mode", &mode, self.sandbox_modes.as_deref(), |mode| mode.as_str().to_owned())
    }

    /// Whether a reviewer of approvals may be chosen.
    ///
    /// # Errors
    /// It may not.
    pub fn check_reviewer(&self, reviewer: ApprovalsReviewer) -> Result<(), NotAllowed> {
        check("approvals_reviewer", &reviewer, self.approvals_reviewers.as_deref(), |reviewer| {
            reviewer.as_str().to_owned()
        })
    }
}

/// What is said of a choice that another one has taken the place of.
fn replaced(refused: &NotAllowed, was_chosen: bool, instead: &str) -> Option<String> {
    was_chosen.then(|| format!("{refused}; it is `{instead}` instead"))
}

fn check<T: PartialEq>(
    key: &'static str,
    chosen: &T,
    allowed: Option<&[T]>,
    name: impl Fn(&T) -> String,
) -> Result<(), NotAllowed> {
    match allowed {
        Some(allowed) if !allowed.contains(chosen) => {
            let names: Vec<_> = allowed.iter().map(|allowed| format!("`{}`", name(allowed))).collect();
            Err(NotAllowed { key, chosen: name(chosen), allowed: names.join(", ") })
        }
        _ => Ok(()),
    }
}

/// The everyday name of permissions in full.
fn mode_of(profile: &PermissionProfile, cwd: &AbsPath) -> SandboxMode {
    match policy_of(profile, cwd) {
        Ok(policy) => policy.mode(),
        Err(ProfileError::WritesOutsideWorkspace) => SandboxMode::WorkspaceWrite,
    }
}
