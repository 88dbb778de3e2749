//! What single keys become.

use std::time::Duration;

use config::{
    CredentialsStore, Exporter, Feature, Fsync, HistoryPersistence, OtlpProtocol, ProviderEnvironment, SkillSelector,
    WebSearchMode, WireApi,
};
use types::{ApprovalPolicy, GranularApproval, ReasoningEffort, ServiceTier};

use crate::place::Place;

#[test]
fn an_empty_home_gives_the_defaults() {
    let config = Place::new().config();
    assert_eq!(config.model, None);
    assert_eq!(config.model_provider, "openai");
    assert_eq!(config.project_doc_max_bytes, 32 * 1024);
    assert_eq!(config.project_root_markers, [".git"]);
    assert_eq!(config.chatgpt_base_url, "https://chatgpt.com/backend-api");
    assert_eq!(config.history.persistence, HistoryPersistence::SaveAll);
    assert_eq!(config.credentials_store, CredentialsStore::File);
    assert!(config.include_permissions_instructions && config.include_environment_context);
    assert!(!config.hide_agent_reasoning && !config.show_raw_agent_reasoning);
    assert!(config.features.enabled(Feature::UnifiedExec) && !config.features.enabled(Feature::Memories));
    assert!(config.unknown_keys.is_empty());
}

#[test]
fn threads_are_put_on_the_device_after_a_turn_unless_told_otherwise() {
    assert_eq!(Place::new().config().fsync, Fsync::Turn);
    assert_eq!(Place::with_user("[spindle]\nfsync = \"never\"\n").config().fsync, Fsync::Never);
    assert_eq!(Place::with_user("[spindle]\nfsync = \"strict\"\n").config().fsync, Fsync::Strict);
}

#[test]
fn a_granular_policy_has_every_missing_switch_off() {
    let config =
        Place::with_user("[approval_policy.granular]\nsandbox_approval = true\nmcp_elicitations = true\n").config();
    assert_eq!(
        config.approval_policy(),
        ApprovalPolicy::Granular(GranularApproval {
            sandbox_approval: true,
            rules: false,
            skill_approval: false,
            request_permissions: false,
            mcp_elicitations: true,
        })
    );
}

#[test]
fn the_automatic_reviewer_decides_by_the_administrators_policy_else_by_the_users() {
    let place = Place::with_user("[auto_review]\npolicy = \"the user's\"\n");
    let policy = || place.config().auto_review_policy;
    assert_eq!(policy().as_deref(), Some("the user's"));
    place.write("etc/requirements.toml", "guardian_policy_config = \" \\n\"\n");
    assert_eq!(policy().as_deref(), Some("the user's"), "a blank one is none");
    place.write("etc/requirements.toml", "guardian_policy_config = \"the administrator's\"\n");
    assert_eq!(policy().as_deref(), Some("the administrator's"));
    assert_eq!(place.loader().requirements().unwrap().unwrap().others, [""; 0]);
    place.write("etc/requirements.toml", "guardian_policy_config = 5\n");
    assert!(place.error("project").contains("etc/requirements.toml: guardian_policy_config: invalid type: integer"));

    assert_eq!(Place::with_user("[auto_review]\npolicy = \"\"\n").config().auto_review_policy, None);
    let wrong = Place::with_user("[auto_review]\npolicy = 5\n").error("project");
    assert!(wrong.contains("config.toml:2:10: invalid type: integer `5`, expected a string"), "{wrong}");
}

#[test]
fn built_in_providers_are_there_and_know_their_place() {
    let config = Place::new().config();
    let base = |id: &str| config.providers[id].base_url.as_deref();
    assert_eq!(base("openai"), Some("https://api.openai.com/v1"));
    assert_eq!(base("ollama"), Some("http://localhost:11434/v1"));
    assert_eq!(base("lmstudio"), Some("http://localhost:1234/v1"));
    assert_eq!(base("simulator"), None);
    assert!(config.providers["openai"].requires_openai_auth);
    assert!(!config.providers["ollama"].requires_openai_auth);
    assert_eq!(config.providers["simulator"].wire_api, WireApi::Simulator);
    let chatgpt = config.provider().chatgpt_base_url(&config.chatgpt_base_url);
    assert_eq!(chatgpt.as_deref(), Some("https://chatgpt.com/backend-api/codex"));
}

#[test]
fn the_file_beats_the_environment_for_the_openai_url() {
    let environment = ProviderEnvironment {
        openai_base_url: Some("http://env/v1/".into()),
        oss_port: Some(9),
        ..ProviderEnvironment::default()
    };
    let base = |user: &str| {
        let place = Place::with_user(user);
        let loader = place.loader().with_environment(environment.clone());
        let config = loader.load(None, None).unwrap();
        (config.provider().base_url.clone().unwrap(), config.providers["ollama"].base_url.clone().unwrap())
    };
    assert_eq!(base(""), ("http://env/v1".into(), "http://localhost:9/v1".into()));
    assert_eq!(base("openai_base_url = \"http://file/v1\"\n").0, "http://file/v1");
}

#[test]
fn a_configured_provider_has_limits_and_defaults() {
    let config = Place::with_user(
        "model_provider = \"p\"\n[model_providers.p]\nname = \"Mine\"\nbase_url = \"http://localhost/v1\"\nwire_api = \
         \"responses\"\nrequest_max_retries = 1000\nstream_idle_timeout_ms = 1500\nhttp_headers = { a = \"b\" }\n",
    )
    .config();
    let provider = config.provider();
    assert_eq!((provider.id.as_str(), provider.name.as_str()), ("p", "Mine"));
    assert_eq!((provider.request_max_retries, provider.stream_max_retries), (100, 5));
    assert_eq!(provider.stream_idle_timeout, Duration::from_millis(1500));
    assert_eq!(provider.http_headers["a"], "b");
    assert_eq!(config.providers["openai"].stream_idle_timeout, Duration::from_secs(300));
}

#[test]
fn the_simulator_takes_a_script_beside_the_file() {
    let place = Place::with_user("model_provider = \"simulator\"\n[model_providers.simulator]\nscript = \"s.toml\"\n");
    let config = place.config();
    assert_eq!(config.provider().script, Some(place.path("home/s.toml")));
    assert_eq!(config.provider().wire_api, WireApi::Simulator);
}

#[test]
fn skills_are_switched_by_exactly_one_of_path_and_name() {
    let place = Place::with_user(
        "[[skills.config]]\npath = \"s/one\"\nenabled = false\n[[skills.config]]\nname = \"two\"\nenabled = true\n\
         [[skills.config]]\npath = \"x\"\nname = \"y\"\nenabled = false\n[skills.bundled]\nenabled = false\n",
    );
    let skills = place.config().skills;
    let switches: Vec<_> = skills.switches.into_iter().map(|switch| (switch.skill, switch.enabled)).collect();
    let one = SkillSelector::Path(place.path("home/s/one"));
    assert_eq!(switches, [(one, false), (SkillSelector::Name("two".into()), true)]);
    assert!(!skills.bundled);
}

#[test]
fn feature_tables_may_hold_settings_and_old_names_still_count() {
    let config = Place::with_user(
        "experimental_use_freeform_apply_patch = true\n[features]\nconnectors = false\nsteer = { enabled = false }\n\
         [features.multi_agent_v2]\nenabled = true\ndepth = 3\n",
    )
    .config();
    for (feature, on) in [
        (Feature::ApplyPatchFreeform, true),
        (Feature::Apps, false),
        (Feature::Steer, false),
        (Feature::MultiAgentV2, true),
    ] {
        assert_eq!(config.features.enabled(feature), on, "{feature:?}");
    }
}

#[test]
fn assorted_keys_reach_the_configuration() {
    let config = Place::with_user(
        "model_reasoning_effort = \"xhigh\"\nservice_tier = \"flex\"\nweb_search = \"live\"\nnotify = [\"\"]\n\
         chatgpt_base_url = \"http://x/\"\nhide_agent_reasoning = true\n[tools]\nweb_search = true\nview_image = false\n\
         [agents]\nmax_depth = 2\n",
    )
    .config();
    assert_eq!(config.effort, Some(ReasoningEffort::XHigh));
    assert_eq!(config.service_tier, Some(ServiceTier::Flex));
    assert_eq!(config.web_search, Some(WebSearchMode::Live));
    assert_eq!(config.notify, None, "a program without a name is none");
    assert_eq!(config.chatgpt_base_url, "http://x");
    assert!(config.hide_agent_reasoning && !config.view_image);
    assert_eq!(config.agents.max_depth, Some(2));
}

#[test]
fn open_telemetry_goes_where_the_file_says_and_what_is_not_served_is_named() {
    let quiet = Place::new().config().otel;
    assert!(!quiet.is_on() && quiet.unserved.is_empty());
    assert_eq!(quiet.environment, "dev");

    let place = Place::with_user(
        r#"
[otel]
environment = "staging"
log_user_prompt = true
metrics_exporter = "statsig"
trace_exporter = { otlp-grpc = { endpoint = "http://localhost:4317", headers = { x-key = "k" } } }
colour = "red"
[otel.exporter.otlp-http]
endpoint = "http://localhost:4318/v1/logs"
protocol = "json"
headers = { x-key = "${KEY}" }
tls = { ca-certificate = "ca.pem" }
"#,
    );
    let otel = place.config().otel;
    assert_eq!(otel.environment, "staging");
    let Some(Exporter::Http(logs)) = otel.logs else { panic!("{:?}", otel.logs) };
    assert_eq!((logs.endpoint.as_str(), logs.protocol), ("http://localhost:4318/v1/logs", OtlpProtocol::Json));
    assert_eq!(logs.headers["x-key"], "${KEY}");
    assert_eq!(logs.tls.ca_certificate, Some(place.path("home/ca.pem").to_string()));
    let Some(Exporter::Grpc(traces)) = otel.traces else { panic!("{:?}", otel.traces) };
    assert_eq!((traces.endpoint.as_str(), traces.headers["x-key"].as_str()), ("http://localhost:4317", "k"));
    assert_eq!(otel.metrics, None);
    let named: Vec<_> = otel.unserved.iter().filter_map(|text| Some(text.split_once(": ")?.0)).collect();
    assert_eq!(named, ["otel.metrics_exporter", "otel.log_user_prompt", "otel.colour"]);
}
