//! The way out for sandboxed commands: a proxy for HTTP and one for SOCKS 5 that ask a [`Gate`] about each host.
//!
//! [`serve`] takes the two entrances of one command and works until it is dropped. Where they lie is the business of
//! whoever made them; what may be reached, and who is asked, that of the gate. Names are looked up only after the gate
//! has let them through, so that a question to a name server carries nothing out; then every address is checked, and the
//! one that was checked is connected to: a name that leads to this machine or a private network leads nowhere.
//!
//! Where the machine reaches the internet through other proxies ([`Upstream`]), this one does, too. Then a name that cannot
//! be looked up here is theirs to look up.
//!
//! Does not know: sandboxes, threads, the client's wire, configuration.
//!
//! Open [`gate`] first, then `http.rs`.

mod address;
mod dial;
mod gate;
mod http;
mod lookups;
mod serve;
mod socks;
mod upstream;

pub use address::is_public;
pub use gate::{Denial, Destination, Gate, Pass, Reason, Source};
pub use lookups::Lookups;
pub use serve::{Entrance, Serving, serve};
pub use upstream::Upstream;
