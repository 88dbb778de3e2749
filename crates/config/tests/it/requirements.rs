//! What an administrator demands.

use config::{Config, Feature, Residency, WebSearchMode};
use types::{ApprovalPolicy, ApprovalsReviewer, SandboxMode};

use crate::place::{Place, thread};

/// The configuration of a user who wants all there is, under these demands.
fn under(demands: &str) -> Config {
    let place = Place::with_user(
        "approval_policy = \"never\"\nsandbox_mode = \"danger-full-access\"\nweb_search = \"live\"\n\
         approvals_reviewer = \"auto_review\"\n[features]\nmemories = true\n",
    );
    place.write("etc/requirements.toml", demands);
    place.config()
}

#[test]
fn what_was_chosen_against_a_demand_gives_way_to_the_first_that_is_allowed() {
    let config = under(
        "allowed_approval_policies = [\"on-request\", \"untrusted\"]\nallowed_sandbox_modes = [\"read-only\", \"workspace-write\"]\n\
         allowed_approvals_reviewers = [\"user\"]\nallowed_web_search_modes = [\"cached\"]\n[features]\nmemories = false\napps = true\n",
    );
    assert_eq!((config.approval_policy(), config.sandbox_mode()), (ApprovalPolicy::OnRequest, SandboxMode::ReadOnly));
    assert_eq!(config.approvals_reviewer, ApprovalsReviewer::User);
    assert_eq!(config.web_search, Some(WebSearchMode::Cached));
    assert!(!config.features.enabled(Feature::Memories) && config.features.enabled(Feature::Apps));
    assert_eq!(
        config.overruled,
        [
            "`approval_policy` cannot be `never`: the administrator allows `on-request`, `untrusted`; it is `on-request` instead",
            "`sandbox_mode` cannot be `danger-full-access`: the administrator allows `read-only`, `workspace-write`; it is `read-only` instead",
            "`approvals_reviewer` cannot be `auto_review`: the administrator allows `user`; it is `user` instead",
            "`web_search` cannot be `live`: the administrator allows `cached`, `disabled`; it is `cached` instead",
        ]
    );
    let required = &config.requirements;
    assert!(required.check_approval(&ApprovalPolicy::UnlessTrusted).is_ok());
    assert!(required.check_approval(&ApprovalPolicy::Never).is_err());
    assert!(required.check_sandbox(SandboxMode::DangerFullAccess).is_err());
    assert!(required.check_reviewer(ApprovalsReviewer::AutoReview).is_err());
}

#[test]
fn what_is_allowed_stays_and_what_was_left_open_is_settled_without_a_word() {
    let config = under("allowed_approval_policies = [\"never\"]\nallowed_sandbox_modes = [\"danger-full-access\"]\n");
    assert_eq!(
        (config.approval_policy(), config.sandbox_mode()),
        (ApprovalPolicy::Never, SandboxMode::DangerFullAccess)
    );
    assert!(config.overruled.is_empty());

    let open = Place::new();
    open.write(
        "etc/requirements.toml",
        "allowed_approval_policies = [\"untrusted\"]\nallowed_sandbox_modes = [\"workspace-write\"]\n",
    );
    let config = open.config();
    assert_eq!(
        (config.approval_policy(), config.sandbox_mode()),
        (ApprovalPolicy::UnlessTrusted, SandboxMode::WorkspaceWrite)
    );
    assert!(config.overruled.is_empty());
    let threads_own = thread(&[("approval_policy", "never".into())]);
    let config = open.loader().load(None, Some(&threads_own)).unwrap();
    assert_eq!((config.approval_policy(), config.overruled.len()), (ApprovalPolicy::UnlessTrusted, 1));
}

#[test]
fn what_the_administrators_configuration_says_of_permissions_is_demanded_too() {
    let place = Place::new();
    place.write("etc/managed_config.toml", "approval_policy = \"on-request\"\nmodel = \"m\"\n");
    let required = place.loader().requirements().unwrap().unwrap();
    assert_eq!((required.approval_policies, required.sandbox_modes), (Some(vec![ApprovalPolicy::OnRequest]), None));
    place.write("etc/requirements.toml", "allowed_approval_policies = [\"never\", \"on-request\"]\n");
    let required = place.loader().requirements().unwrap().unwrap();
    assert_eq!(required.approval_policies.map(|list| list.len()), Some(2), "the file of demands counts more");

    let other = Place::new();
    other.write("etc/managed_config.toml", "model = \"m\"\n");
    assert!(other.loader().requirements().unwrap().is_none());
}

#[test]
fn a_demand_that_cannot_be_understood_is_an_error_and_one_that_nobody_carries_out_is_named() {
    let place = Place::new();
    for (demands, reason) in [
        ("allowed_approval_policies = 3\n", "allowed_approval_policies: invalid type: integer `3`"),
        ("allowed_sandbox_modes = [\"open\"]\n", "allowed_sandbox_modes: unknown variant `open`"),
        ("allowed_sandbox_modes = []\n", "allowed_sandbox_modes: an empty list allows nothing"),
        ("enforce_residency = \"moon\"\n", "enforce_residency: unknown variant `moon`"),
        ("[features]\nmemories = 1\n", "features: invalid type: integer `1`"),
    ] {
        place.write("etc/requirements.toml", demands);
        let error = place.error("project");
        assert!(error.contains(&format!("ROOT/etc/requirements.toml: {reason}")), "{error}");
    }
    let config = under("enforce_residency = \"us\"\n[rules]\nx = 1\n[features]\nnothing = true\n");
    assert_eq!(config.requirements.others, ["rules"]);
    assert_eq!(config.requirements.residency, Some(Residency::Us));
    assert_eq!(
        config.overruled,
        [
            "the administrator demands a feature that there is not: `nothing`",
            "the administrator demands what is not carried out here: `rules`",
        ]
    );
}

#[test]
fn broken_files_make_no_way_around_a_demand() {
    let place = Place::with_user("broken");
    place.write("etc/requirements.toml", "allowed_sandbox_modes = [\"read-only\"]\n[features]\nmemories = true\n");
    let flags = place.flags(&["sandbox_mode=danger-full-access", "features.memories=false"]);
    let config = flags.defaults(None).unwrap();
    assert_eq!(config.sandbox_mode(), SandboxMode::ReadOnly);
    assert!(config.features.enabled(Feature::Memories) && config.requirements.sandbox_modes.is_some());
    place.write("etc/requirements.toml", "broken");
    assert!(flags.defaults(None).is_err(), "nobody knows what is allowed");

    let other = Place::new();
    other.write("etc/managed_config.toml", "sandbox_mode = \"read-only\"\nmodel = 3\n");
    let error = other.loader().requirements().unwrap_err().to_string();
    assert!(error.contains("managed_config.toml:2:9: invalid type"), "{error}");
    assert!(other.loader().defaults(None).is_err());
}

#[test]
fn default_permissions_that_are_not_allowed_are_left_out() {
    let permissions = |access: &str| {
        let place = Place::with_user(&format!(
            "default_permissions = \"own\"\n[permissions.own.filesystem]\n\":root\" = \"{access}\"\n[permissions.own.network]\nenabled = true\n"
        ));
        place.write("etc/requirements.toml", "allowed_sandbox_modes = [\"read-only\", \"workspace-write\"]\n");
        place.config()
    };
    let config = permissions("write");
    assert_eq!((config.default_permissions.is_none(), config.sandbox_mode()), (true, SandboxMode::ReadOnly));
    assert_eq!(
        config.overruled,
        [
            "`default_permissions` are left out: `sandbox_mode` cannot be `danger-full-access`: the administrator allows `read-only`, `workspace-write`"
        ]
    );
    let config = permissions("read");
    assert!(config.default_permissions.is_some() && config.overruled.is_empty());
}
