//! `agents/openai.yaml` beside a `SKILL.md`: how clients show the skill, what it needs, and when it may be used.
//!
//! Whatever is wrong in it is left out; a skill is usable without it.

use std::fs;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_yaml_ng::Value;
use types::AbsPath;

use super::front_matter::collapse;

/// Below the skill's folder.
pub(super) const FILE: &str = "agents/openai.yaml";
const ASSETS: &str = "assets";
const PRODUCT: &str = "codex";
const MAX_NAME_CHARS: usize = 64;
const MAX_TEXT_CHARS: usize = 1024;

/// How clients show a skill.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interface {
    pub display_name: Option<String>,
    pub short_description: Option<String>,
    /// Both icons lie in the skill's `assets` folder; whether they exist is not checked.
    pub icon_small: Option<AbsPath>,
    pub icon_large: Option<AbsPath>,
    /// `#RRGGBB`.
    pub brand_color: Option<String>,
    pub default_prompt: Option<String>,
}

/// A tool that a skill needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolDependency {
    /// `mcp`, `env_var`, …
    pub kind: String,
    pub value: String,
    pub description: Option<String>,
    pub transport: Option<String>,
    pub command: Option<String>,
    pub url: Option<String>,
}

/// The whole file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Metadata {
    pub(super) interface: Option<Interface>,
    pub(super) dependencies: Vec<ToolDependency>,
    pub(super) implicit: bool,
    /// Whether the skill is meant for this product.
    pub(super) for_us: bool,
}

impl Default for Metadata {
    fn default() -> Self {
        Self { interface: None, dependencies: Vec::new(), implicit: true, for_us: true }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    interface: Option<Value>,
    dependencies: Option<Value>,
    policy: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct InterfaceYaml {
    display_name: Option<String>,
    short_description: Option<String>,
    icon_small: Option<String>,
    icon_large: Option<String>,
    brand_color: Option<String>,
    default_prompt: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DependenciesYaml {
    tools: Vec<ToolYaml>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ToolYaml {
    #[serde(rename = "type")]
    kind: Option<String>,
    value: Option<String>,
    description: Option<String>,
    transport: Option<String>,
    command: Option<String>,
    url: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PolicyYaml {
    allow_implicit_invocation: Option<bool>,
    products: Option<Vec<String>>,
}

/// Reads the file of the skill in `folder`.
pub(super) fn load(folder: &AbsPath) -> Metadata {
    match fs::read_to_string(folder.join(FILE)) {
        Ok(text) => parse(&text, folder),
        Err(_) => Metadata::default(),
    }
}

fn parse(text: &str, folder: &AbsPath) -> Metadata {
    let file: File = serde_yaml_ng::from_str(text).unwrap_or_default();
    let policy: PolicyYaml = part(file.policy);
    let dependencies: DependenciesYaml = part(file.dependencies);
    Metadata {
        interface: interface(part(file.interface), folder),
        dependencies: dependencies.tools.into_iter().filter_map(tool).collect(),
        implicit: policy.allow_implicit_invocation.unwrap_or(true),
        for_us: policy
            .products
            .is_none_or(|products| products.is_empty() || products.iter().any(|it| it.eq_ignore_ascii_case(PRODUCT))),
    }
}

/// One section; a broken one is as good as none.
fn part<T: DeserializeOwned + Default>(value: Option<Value>) -> T {
    value.and_then(|value| serde_yaml_ng::from_value(value).ok()).unwrap_or_default()
}

fn interface(yaml: InterfaceYaml, folder: &AbsPath) -> Option<Interface> {
    let interface = Interface {
        display_name: text(yaml.display_name, MAX_NAME_CHARS),
        short_description: text(yaml.short_description, MAX_TEXT_CHARS),
        icon_small: asset(yaml.icon_small, folder),
        icon_large: asset(yaml.icon_large, folder),
        brand_color: yaml.brand_color.map(|color| color.trim().to_owned()).filter(|color| is_color(color)),
        default_prompt: text(yaml.default_prompt, MAX_TEXT_CHARS),
    };
    (interface != Interface::default()).then_some(interface)
}

fn tool(yaml: ToolYaml) -> Option<ToolDependency> {
    Some(ToolDependency {
        kind: text(yaml.kind, MAX_NAME_CHARS)?,
        value: text(yaml.value, MAX_TEXT_CHARS)?,
        description: text(yaml.description, MAX_TEXT_CHARS),
        transport: text(yaml.transport, MAX_NAME_CHARS),
        command: text(yaml.command, MAX_TEXT_CHARS),
        url: text(yaml.url, MAX_TEXT_CHARS),
    })
}

/// A single line; `None` when blank or too long.
fn text(text: Option<String>, max_chars: usize) -> Option<String> {
    text.map(|text| collapse(&text)).filter(|text| !text.is_empty() && text.chars().count() <= max_chars)
}

fn asset(path: Option<String>, folder: &AbsPath) -> Option<AbsPath> {
    let path = path?;
    let relative = std::path::Path::new(path.trim());
    if relative.as_os_str().is_empty() || relative.is_absolute() {
        return None;
    }
    let path = folder.join(relative);
    let assets = folder.join(ASSETS);
    (path != assets && path.starts_with(&assets)).then_some(path)
}

fn is_color(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> AbsPath {
        AbsPath::new("/s").unwrap()
    }

    #[test]
    fn a_full_file_gives_interface_and_dependencies() {
        let text = "interface:\n  display_name: Shown name\n  short_description: Shown words\n  icon_small: ./assets/small.svg\n  brand_color: '#3B82F6'\n  default_prompt: Use it\ndependencies:\n  tools:\n    - type: mcp\n      value: files\n      transport: streamable_http\n      url: https://example.com/mcp\n    - type: env_var\n      value: TOKEN\npolicy:\n  allow_implicit_invocation: false\n";
        let metadata = parse(text, &folder());
        let interface = metadata.interface.unwrap();
        assert_eq!(interface.display_name.as_deref(), Some("Shown name"));
        assert_eq!(interface.icon_small, Some(AbsPath::new("/s/assets/small.svg").unwrap()));
        assert_eq!(interface.brand_color.as_deref(), Some("#3B82F6"));
        assert_eq!(metadata.dependencies.len(), 2);
        assert_eq!(metadata.dependencies[0].url.as_deref(), Some("https://example.com/mcp"));
        assert!(!metadata.implicit);
        assert!(metadata.for_us);
    }

    #[test]
    fn what_is_wrong_is_left_out() {
        let long_prompt = format!("interface:\n  default_prompt: '{}'\n", "p".repeat(1100));
        for text in [
            "interface: [",
            "interface:\n  brand_color: red\n",
            "interface:\n  icon_small: ../x.svg\n",
            "interface:\n  icon_small: /x.svg\n",
            "interface:\n  icon_small: ./icon.svg\n",
            &long_prompt,
            "surprise: 1\n",
            "dependencies:\n  tools:\n    - type: mcp\n",
        ] {
            assert_eq!(parse(text, &folder()), Metadata::default(), "{text}");
        }
    }

    #[test]
    fn products_say_whom_a_skill_is_for() {
        for (products, for_us) in [("[CODEX]", true), ("[CHATGPT]", false), ("[CHATGPT, codex]", true), ("[]", true)] {
            let metadata = parse(&format!("policy:\n  products: {products}\n"), &folder());
            assert_eq!(metadata.for_us, for_us, "{products}");
        }
    }
}
