//! A home, a project and a system file in a temporary folder.

use std::fs;
use std::path::Path;

use config::{Config, ConfigError, Loader, Overrides, ThreadOverrides};
use types::AbsPath;

pub(crate) struct Place {
    _folder: tempfile::TempDir,
    pub(crate) root: AbsPath,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = AbsPath::new(folder.path().canonicalize().unwrap()).unwrap();
        let place = Self { _folder: folder, root };
        for name in ["home", "project"] {
            fs::create_dir_all(place.path(name)).unwrap();
        }
        place
    }

    /// A place whose user file holds `text`; `ROOT` in it stands for the temporary folder.
    pub(crate) fn with_user(text: &str) -> Self {
        let place = Self::new();
        place.write("home/config.toml", text);
        place
    }

    pub(crate) fn path(&self, name: &str) -> AbsPath {
        self.root.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text.replace("ROOT", self.root.to_str().unwrap())).unwrap();
        self
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap().replace(self.root.to_str().unwrap(), "ROOT")
    }

    pub(crate) fn loader(&self) -> Loader {
        Loader::new(self.path("home")).with_system_file(self.path("etc/config.toml"))
    }

    pub(crate) fn flags(&self, arguments: &[&str]) -> Loader {
        let cli = arguments.iter().map(|argument| Overrides::parse_cli(argument).unwrap()).collect();
        self.loader().with_overrides(Overrides { cli, ..Overrides::default() })
    }

    /// The configuration for a folder of the project.
    pub(crate) fn load(&self, cwd: &str) -> Result<Config, ConfigError> {
        self.loader().load(Some(&self.path(cwd)), None)
    }

    /// The user file's configuration, without a project.
    pub(crate) fn config(&self) -> Config {
        self.loader().load(None, None).unwrap()
    }

    pub(crate) fn error(&self, cwd: &str) -> String {
        self.load(cwd).unwrap_err().to_string().replace(self.root.to_str().unwrap(), "ROOT")
    }
}

/// `thread/start.config`.
pub(crate) fn thread(values: &[(&str, serde_json::Value)]) -> ThreadOverrides {
    ThreadOverrides {
        config: values.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect(),
        ..ThreadOverrides::default()
    }
}

pub(crate) fn exists(path: impl AsRef<Path>) -> bool {
    path.as_ref().exists()
}
