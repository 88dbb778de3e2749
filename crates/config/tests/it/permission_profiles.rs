//! `[permissions]`, `default_permissions`, and the part of requirements about the network.

use types::{DomainVerdict, Host, NetworkPolicy, UpstreamProxies};

use crate::permissions::show;
use crate::place::Place;

/// What threads start with, as text, with the rules about hosts.
fn default(text: &str) -> (String, Option<NetworkPolicy>) {
    let place = Place::with_user(&format!("default_permissions = \"ws\"\n{text}"));
    let loader = place.loader().with_user_home(Some(place.path("user")));
    let config = loader.load(Some(&place.path("project")), None).unwrap();
    let network = config.network_policy(true).map(|policy| policy.as_ref().clone());
    let shown = show(&config.default_permissions.unwrap().profile, &place);
    (shown.replace(place.root.to_str().unwrap(), ""), network)
}

fn error(text: &str) -> String {
    Place::with_user(text).error("project")
}

fn verdict(policy: &NetworkPolicy, host: &str) -> DomainVerdict {
    policy.domains.verdict(&Host::parse(host).unwrap())
}

#[test]
fn a_profile_says_what_may_be_done_by_path() {
    let (shown, network) = default(
        "[permissions.ws.filesystem]\nglob_scan_max_depth = 3\n\":root\" = \"read\"\n\":later\" = \"write\"\n\
         \"~/x\" = \"write\"\n\"/a/**/*.k\" = \"none\"\n\"/b/**\" = \"read\"\n\"/usr\" = { lib = \"read\" }\n\
         \":project_roots\" = { \".\" = \"write\", docs = \"read\", \"**/*.env\" = \"none\" }\n",
    );
    assert_eq!(
        shown,
        "/a/**/*.k:none /b:read /usr/lib:read :later:write /project/**/*.env:none project():write project(docs):read \
         root:read /user/x:write net:false"
    );
    assert_eq!(network, None);
}

#[test]
fn a_profile_says_which_hosts_are_reached() {
    let (shown, network) = default(
        "[permissions.ws.network]\nenabled = true\nmode = \"limited\"\nenable_socks5 = false\n\
         [permissions.ws.network.domains]\n\"*.a.test\" = \"allow\"\n\"b.a.test\" = \"deny\"\n",
    );
    assert_eq!(shown, " net:true");
    let network = network.unwrap();
    assert!(network.limited && !network.socks5 && !network.ask && !network.fixed && !network.allow_local);
    assert_eq!(verdict(&network, "c.a.test"), DomainVerdict::Allowed);
    assert_eq!(verdict(&network, "b.a.test"), DomainVerdict::Denied);
    assert_eq!(verdict(&network, "a.test"), DomainVerdict::Unlisted);
    assert_eq!(default("[permissions.ws.network]\nenabled = false\n").1, None);
}

#[test]
fn what_cannot_be_is_named() {
    for (text, message) in [
        ("[permissions.ws]\n", "config defines `[permissions]` profiles but does not set `default_permissions`"),
        ("default_permissions = \"ws\"\n", "default_permissions requires a `[permissions]` table"),
        ("default_permissions = \"x\"\n[permissions.ws]\n", "default_permissions refers to undefined profile `x`"),
    ] {
        assert_eq!(error(text), message);
    }
    assert!(Place::with_user("sandbox_mode = \"read-only\"\n[permissions.ws]\n").load("project").is_ok());
    let below = |text: &str| error(&format!("default_permissions = \"ws\"\n[permissions.ws.filesystem]\n{text}\n"));
    assert_eq!(below("rel = \"read\""), "filesystem path `rel` must be absolute, use `~/...`, or start with `:`");
    for subpath in ["../x", "/x", "a/./../x", ""] {
        let found = below(&format!("\":project_roots\" = {{ \"{subpath}\" = \"write\" }}"));
        let expected =
            format!("filesystem subpath `{subpath}` must be a descendant path without `.` or `..` components");
        assert_eq!(found, expected);
    }
    assert_eq!(below("\":minimal\" = { x = \"read\" }"), "filesystem path `:minimal` does not support nested entries");
    assert!(below("\":root\" = \"maybe\"").contains("expected `read`, `write` or `none`"));
    let network = |text: &str| {
        error(&format!("default_permissions = \"ws\"\n[permissions.ws.network]\nenabled = true\n{text}\n"))
    };
    assert_eq!(
        network("domains = { \"http://a.test\" = \"allow\" }"),
        "network.domains: `http://a.test` is no host, `*.DOMAIN`, `**.DOMAIN` or `*`"
    );
    assert!(network("domains = { \"a.test\" = \"maybe\" }").contains("unknown variant `maybe`"));
    assert!(network("mode = \"x\"").contains("unknown variant `x`"));
}

#[test]
fn the_server_s_own_proxies_are_used_unless_the_user_or_an_administrator_says_otherwise() {
    let proxies = UpstreamProxies { https: Some("http://p.test".to_owned()), ..UpstreamProxies::default() };
    for (own, demanded, used) in [
        ("", None, true),
        ("allow_upstream_proxy = true", None, true),
        ("allow_upstream_proxy = false", None, false),
        ("", Some(""), true),
        ("", Some("allow_upstream_proxy = false"), false),
        ("allow_upstream_proxy = false", Some(""), false),
    ] {
        let place = Place::with_user(&format!(
            "default_permissions = \"ws\"\n[permissions.ws.network]\nenabled = true\n{own}\n"
        ));
        if let Some(demanded) = demanded {
            let text = format!("[experimental_network]\nenabled = true\n{demanded}\n");
            place.write("etc/requirements.toml", &text);
        }
        let loader = place.loader().with_upstream_proxies(proxies.clone());
        let policy = loader.load(Some(&place.path("project")), None).unwrap().network_policy(true).unwrap();
        let expected = if used { proxies.clone() } else { UpstreamProxies::default() };
        assert_eq!(policy.upstream, expected, "{own:?} {demanded:?}");
    }
    assert!(
        !format!("{:?}", UpstreamProxies { http: Some("http://a:secret@b".to_owned()), ..proxies }).contains("secret")
    );
}

#[test]
fn what_an_administrator_demands_of_the_network_holds_in_every_sandbox() {
    let place = Place::with_user(
        "default_permissions = \"ws\"\n[permissions.ws.network]\nenabled = true\n\
         [permissions.ws.network.domains]\n\"own.test\" = \"allow\"\n\"both.test\" = \"allow\"\n",
    );
    let demand = |text: &str| {
        place.write("etc/requirements.toml", &format!("[experimental_network]\n{text}"));
        place.load("project").unwrap()
    };
    let config = demand("enabled = true\ndomains = { \"must.test\" = \"allow\", \"both.test\" = \"deny\" }\n");
    let (elsewhere, default) = (config.network_policy(false).unwrap(), config.network_policy(true).unwrap());
    assert!(elsewhere.ask && default.ask);
    assert_eq!(verdict(&elsewhere, "own.test"), DomainVerdict::Unlisted);
    assert_eq!(verdict(&default, "own.test"), DomainVerdict::Named);
    assert_eq!(verdict(&default, "must.test"), DomainVerdict::Named);
    assert_eq!(verdict(&default, "both.test"), DomainVerdict::Denied);
    let config = demand("enabled = true\nmanaged_allowed_domains_only = true\n");
    let fixed = config.network_policy(true).unwrap();
    assert!(fixed.fixed && !fixed.ask);
    assert_eq!(verdict(&fixed, "own.test"), DomainVerdict::Unlisted);
    assert_eq!(demand("domains = { \"a.test\" = \"allow\" }\n").network_policy(false), None, "not switched on");

    place.write(
        "etc/requirements.toml",
        "allowed_sandbox_modes = [\"read-only\"]\n[experimental_network]\nenabled = 1\n",
    );
    assert!(place.error("project").contains("etc/requirements.toml: experimental_network: invalid type: integer"));
}
