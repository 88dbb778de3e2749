//! The login of a running server.

use std::sync::{Mutex, PoisonError};

use types::AbsPath;

use crate::account::{Account, AuthMode, Credentials};
use crate::file::{self, AuthError};

/// Where an API key is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// In `auth.json`.
    OnDisk,
    /// In memory, until the server ends.
    InMemory,
}

/// Who a server is logged in as: from `auth.json` of its home, unless a login is kept in memory.
#[derive(Debug)]
pub struct Login {
    home: AbsPath,
    /// The lock is held to copy or to replace it.
    kept: Mutex<Option<Account>>,
}

impl Login {
    /// The login of the server with this home. No I/O.
    #[must_use]
    pub fn new(home: AbsPath) -> Self {
        Self { home, kept: Mutex::default() }
    }

    /// Who is logged in; `None`: nobody. Blocks for one small read.
    ///
    /// # Errors
    /// As [`load`](crate::load).
    pub fn account(&self) -> Result<Option<Account>, AuthError> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if kept.is_some() { Ok(kept) } else { file::load(&self.home) }
    }

    /// Logs in with an API key, whatever it looks like, in place of any other login.
    ///
    /// # Errors
    /// [`AuthError::Write`]; the login before then stays.
    pub fn log_in_with_api_key(&self, key: &str, keep: Keep) -> Result<(), AuthError> {
        let kept = match keep {
            Keep::OnDisk => {
                file::log_in_with_api_key(&self.home, key)?;
                None
            }
            Keep::InMemory => Some(Account {
                mode: AuthMode::ApiKey,
                credentials: Credentials::ApiKey(key.to_owned()),
                email: None,
                plan: None,
            }),
        };
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = kept;
        Ok(())
    }

    /// Forgets every login, and says whether there was one.
    ///
    /// # Errors
    /// [`AuthError::Write`]; a login in memory is forgotten all the same.
    pub fn log_out(&self) -> Result<bool, AuthError> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(file::log_out(&self.home)? || kept.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_in_memory_leaves_no_file_and_wins_over_one() {
        let folder = tempfile::tempdir().unwrap();
        let home = AbsPath::new(folder.path()).unwrap();
        let login = Login::new(home.clone());
        let key = |login: &Login| login.account().unwrap().map(|account| account.credentials);

        login.log_in_with_api_key("memory", Keep::InMemory).unwrap();
        assert_eq!(file::load(&home).unwrap(), None);
        assert_eq!(key(&login), Some(Credentials::ApiKey("memory".into())));

        login.log_in_with_api_key("disk", Keep::OnDisk).unwrap();
        assert_eq!(key(&login), Some(Credentials::ApiKey("disk".into())));

        login.log_in_with_api_key("memory", Keep::InMemory).unwrap();
        assert_eq!(key(&login), Some(Credentials::ApiKey("memory".into())));
        assert!(login.log_out().unwrap());
        assert_eq!(key(&login), None);
        assert!(!login.log_out().unwrap());
    }
}
