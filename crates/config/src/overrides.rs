//! Values that come from the command line or with a thread instead of from a file.

use std::collections::BTreeMap;

use toml::{Table, Value};
use types::{ApprovalPolicy, ApprovalsReviewer, Personality, SandboxMode, ServiceTier};

use crate::error::ConfigError;
use crate::features::Feature;
use crate::layer::{from_json, set};

/// The session flags: `-c key=value`, `--enable` and `--disable`.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Dotted key and value, in command-line order; later ones win.
    pub cli: Vec<(String, Value)>,
    /// Feature keys to switch on.
    pub enable: Vec<String>,
    /// Feature keys to switch off; wins over `enable`.
    pub disable: Vec<String>,
}

impl Overrides {
    /// Reads one `-c` argument. The value is TOML; what is not TOML is a text.
    ///
    /// # Errors
    /// [`ConfigError::Override`] without `=` or with an empty key.
    pub fn parse_cli(argument: &str) -> Result<(String, Value), ConfigError> {
        let invalid = || ConfigError::Override(argument.to_owned());
        let (key, value) = argument.split_once('=').ok_or_else(invalid)?;
        let (key, value) = (key.trim(), value.trim());
        if key.is_empty() {
            return Err(invalid());
        }
        Ok((key.to_owned(), parse_value(value)))
    }

    /// Checks what can be checked before a file is read.
    ///
    /// # Errors
    /// [`ConfigError::UnknownFeature`].
    pub fn check(&self) -> Result<(), ConfigError> {
        match self.enable.iter().chain(&self.disable).find(|key| Feature::from_key(key).is_none()) {
            Some(unknown) => Err(ConfigError::UnknownFeature(unknown.clone())),
            None => Ok(()),
        }
    }

    pub(crate) fn table(&self) -> Table {
        let mut table = Table::new();
        for (key, value) in &self.cli {
            set(&mut table, &split(key), value.clone());
        }
        for (keys, on) in [(&self.enable, true), (&self.disable, false)] {
            for key in keys {
                set(&mut table, &["features".to_owned(), key.clone()], Value::Boolean(on));
            }
        }
        table
    }
}

fn parse_value(text: &str) -> Value {
    let parsed = toml::from_str::<Table>(&format!("value = {text}")).ok();
    // A line break could smuggle further keys in; then the text is taken as it is.
    match parsed {
        Some(mut table) if table.len() == 1 => table.remove("value").unwrap_or_else(|| text.into()),
        _ => Value::String(text.trim_matches(['"', '\'']).to_owned()),
    }
}

fn split(key: &str) -> Vec<String> {
    key.split('.').map(ToOwned::to_owned).collect()
}

/// What a thread says about its configuration. The typed members win over `config`, over profiles and over all files.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ThreadOverrides {
    /// Dotted key to value, as in `thread/start.config`.
    pub config: BTreeMap<String, serde_json::Value>,
    pub model: Option<String>,
    pub model_provider: Option<String>,
    pub approval_policy: Option<ApprovalPolicy>,
    pub approvals_reviewer: Option<ApprovalsReviewer>,
    pub sandbox_mode: Option<SandboxMode>,
    /// `Some(None)` takes a configured tier back.
    pub service_tier: Option<Option<ServiceTier>>,
    pub personality: Option<Personality>,
    pub base_instructions: Option<String>,
    pub developer_instructions: Option<String>,
}

impl ThreadOverrides {
    pub(crate) fn table(&self) -> Table {
        let mut table = Table::new();
        for (key, value) in &self.config {
            if let Some(value) = from_json(value) {
                set(&mut table, &split(key), value);
            }
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(argument: &str, key: &str, value: impl Into<Value>) {
        assert_eq!(Overrides::parse_cli(argument), Ok((key.to_owned(), value.into())), "{argument}");
    }

    #[test]
    fn a_cli_value_is_toml_and_otherwise_a_text() {
        check("model=\"o3\"", "model", "o3");
        check("model=o3", "model", "o3");
        check("a.b = true", "a.b", true);
        check("n=3", "n", 3);
        check("list=[1, 2]", "list", vec![1, 2]);
        check("path=/a/b=c", "path", "/a/b=c");
        check("empty=", "empty", "");
        check("x=1\ny=2", "x", "1\ny=2");
    }

    #[test]
    fn a_cli_override_needs_a_key_and_an_equals_sign() {
        for argument in ["model", "=x", " =x"] {
            assert!(matches!(Overrides::parse_cli(argument), Err(ConfigError::Override(_))), "{argument}");
        }
    }

    #[test]
    fn a_switch_for_an_unknown_feature_is_refused() {
        let overrides = Overrides { enable: vec!["memories".into(), "nope".into()], ..Overrides::default() };
        assert_eq!(overrides.check(), Err(ConfigError::UnknownFeature("nope".into())));
    }

    #[test]
    fn disabling_wins_over_enabling() {
        let overrides = Overrides {
            enable: vec!["memories".into(), "undo".into()],
            disable: vec!["undo".into()],
            ..Overrides::default()
        };
        assert_eq!(overrides.table().to_string(), "[features]\nmemories = true\nundo = false\n");
    }
}
