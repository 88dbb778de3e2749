//! The user's files: file system access, watching, search, git facts.
