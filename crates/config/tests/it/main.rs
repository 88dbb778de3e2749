//! The crate from outside: files on disk in, configurations and errors out.

mod edits;
mod errors;
mod layers;
mod permission_profiles;
mod permissions;
mod place;
mod requirements;
mod roles;
mod trust;
mod values;
