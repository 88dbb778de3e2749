//! Puts a sandbox together: which mechanism, what of it happens in the guard and what in the command.

use std::ffi::CString;
use std::io;
use std::os::fd::RawFd;

use super::bubblewrap::Wrapper;
use super::guard::{At as _, Failure, Step};
use super::landlock::{self, Ruleset};
use super::mounts::View;
use super::placeholder::{self, Held};
use super::seccomp::{self, Filter, Sockets};
use super::spawn::c_string;
use super::visit::{Visit, Visitor};
use super::{detect, outlet, privileges, sys};
use crate::command::{Command, SpawnError};
use crate::launcher::Mechanism;
use crate::os::{Confine, Network};
use crate::rules::{Access, Layout, PlaceKind, Rules};

/// A sandbox to put in place around one command.
#[derive(Debug)]
pub(super) struct Confinement {
    means: Means,
    filter: Filter,
    /// The protected names that the guard is to hold.
    reserved: Vec<CString>,
    network: Network,
    way: RawFd,
}

#[derive(Debug)]
enum Means {
    Namespaces { view: View, landlock: Option<Ruleset>, flags: i32 },
    Bubblewrap(Wrapper),
    Landlock(Ruleset),
}

impl Confinement {
    /// `way`: on which a filter that asks sends its listener, see [`supervisor`](super::supervisor), and the guard the
    /// [`outlet`]s; -1 where nothing is sent, see [`sends`].
    pub(super) fn new(
        command: &Command,
        confine: &Confine<'_>,
        terminal: Option<CString>,
        way: RawFd,
    ) -> Result<Self, SpawnError> {
        let mut layout = layout(confine.rules)?;
        let reserved = match confine.mechanism {
            Mechanism::Namespaces { .. } | Mechanism::Bubblewrap { .. } => reserve(&mut layout)?,
            Mechanism::Landlock { .. } => Vec::new(),
        };
        let (means, filter) = match &confine.mechanism {
            Mechanism::Namespaces { landlock } => {
                let view = View::new(&layout, &reserved, &command.cwd, terminal)?;
                let ruleset = over_namespaces(*landlock, &layout, confine.network);
                let shared = confine.network == Network::On;
                let flags = detect::NAMESPACES | if shared { 0 } else { libc::CLONE_NEWNET };
                let sockets = match confine.network {
                    Network::Off => Sockets::Pairs,
                    Network::Proxied { .. } => Sockets::Internet,
                    Network::On => Sockets::All,
                };
                let filter = seccomp::Options { sockets, namespaces: true };
                (Means::Namespaces { view, landlock: ruleset, flags }, filter)
            }
            Mechanism::Bubblewrap { path, .. } => {
                let sockets = match confine.network {
                    Network::Off => Sockets::Pairs,
                    Network::Proxied { .. } => Sockets::Internet,
                    // Abstract sockets are reached through the network's namespace, which it shares.
                    Network::On => Sockets::NoUnix,
                };
                let filter = seccomp::Options { sockets, namespaces: true };
                let proxied = matches!(confine.network, Network::Proxied { .. });
                let visit = proxied.then(|| Visit::new(way)).transpose().map_err(failed(Step::Network.name()))?;
                (
                    Means::Bubblewrap(Wrapper::new(path, &layout, &reserved, &command.cwd, confine.network, visit)?),
                    filter,
                )
            }
            Mechanism::Landlock { abi } => {
                let network = confine.network == Network::On;
                let sockets = match confine.network {
                    Network::Off => Sockets::Pairs,
                    Network::Proxied { .. } => Sockets::Supervised,
                    Network::On if *abi < landlock::SCOPES_VERSION => Sockets::NoUnix,
                    Network::On => Sockets::All,
                };
                let filter = seccomp::Options { sockets, namespaces: false };
                (Means::Landlock(alone(*abi, &layout, network, terminal.as_ref())), filter)
            }
        };
        let network = confine.network;
        let mut confinement = Self { means, filter: Filter::new(filter), reserved, network, way };
        if let Means::Bubblewrap(wrapper) = &mut confinement.means {
            wrapper.set_filter(&confinement.filter).map_err(failed("system call filter"))?;
        }
        Ok(confinement)
    }

    /// The namespaces the guard is forked into.
    pub(super) fn namespaces(&self) -> i32 {
        match &self.means {
            Means::Namespaces { flags, .. } => *flags,
            Means::Bubblewrap(_) | Means::Landlock(_) => 0,
        }
    }

    /// Descriptors the guard needs.
    pub(super) fn descriptors(&self) -> Vec<RawFd> {
        let mut fds = Vec::new();
        if let Means::Bubblewrap(wrapper) = &self.means {
            fds.extend(wrapper.descriptors());
        }
        fds.extend((self.way >= 0).then_some(self.way));
        fds
    }

    /// What the command must be told of its network.
    pub(super) fn network(&self) -> Network {
        self.network
    }

    /// Changes what is executed, where the mechanism is a program.
    pub(super) fn wrap(&self, argv: &mut Vec<CString>, programs: &mut Vec<CString>) -> Result<(), SpawnError> {
        match &self.means {
            Means::Bubblewrap(wrapper) => wrapper.wrap(argv, programs),
            Means::Namespaces { .. } | Means::Landlock(_) => Ok(()),
        }
    }

    /// In the guard, before the command is forked. What is `held` is so until the guard's end, also after a failure.
    pub(super) fn prepare(&mut self, held: &mut Held) -> Result<(), Failure> {
        match &mut self.means {
            Means::Namespaces { view, .. } => {
                view.build(held)?;
                if matches!(self.network, Network::Proxied { .. }) {
                    sys::raise_loopback().at(Step::Network)?;
                    outlet::open(self.way)?;
                }
                Ok(())
            }
            Means::Bubblewrap(_) => {
                self.reserved.iter().try_for_each(|place| held.hold(place).map(drop)).at(Step::Names)
            }
            Means::Landlock(_) => Ok(()),
        }
    }

    /// In the guard, once the command has been forked: who has to come back before it runs.
    pub(super) fn visit(&self) -> Result<Option<Visitor>, Failure> {
        let Means::Bubblewrap(wrapper) = &self.means else { return Ok(None) };
        wrapper.visit().map(Visit::begin).transpose().at(Step::Network)
    }

    /// In the command, after its streams and folder are in place.
    pub(super) fn apply(&self) -> Result<(), Failure> {
        privileges::drop_inherited();
        match &self.means {
            Means::Namespaces { landlock, .. } => {
                privileges::drop_capabilities()?;
                landlock.as_ref().map_or(Ok(()), Ruleset::apply)
            }
            Means::Landlock(ruleset) => {
                privileges::drop_capabilities()?;
                ruleset.apply()
            }
            // It does all this itself, and needs its privileges to do it.
            Means::Bubblewrap(wrapper) => wrapper.pass_descriptors(),
        }
    }

    /// In the command, last.
    pub(super) fn filter(&self) -> Result<(), Failure> {
        match &self.means {
            Means::Namespaces { .. } => self.filter.apply(),
            Means::Landlock(_) => {
                let listener = self.filter.apply_and_listen()?;
                // Both are closed when the program is executed.
                sys::send_descriptor(self.way, listener).at(Step::Filter)
            }
            Means::Bubblewrap(_) => Ok(()),
        }
    }
}

/// Whether a sandbox sends descriptors to the server.
pub(super) fn sends(confine: &Confine<'_>) -> bool {
    matches!(confine.mechanism, Mechanism::Landlock { .. }) || matches!(confine.network, Network::Proxied { .. })
}

pub(super) fn failed(step: &'static str) -> impl Fn(io::Error) -> SpawnError {
    move |source| SpawnError::Sandbox { step, source }
}

fn layout(rules: &Rules) -> Result<Layout, SpawnError> {
    rules.layout().map_err(|text| failed("rules")(io::Error::other(text)))
}

/// The protected names of which the guard has to hold the places. They count as folders from now on.
fn reserve(layout: &mut Layout) -> Result<Vec<CString>, SpawnError> {
    let mut reserved = Vec::new();
    for place in &mut layout.places {
        let absent = place.kind == PlaceKind::Absent;
        let shared =
            place.kind == PlaceKind::Folder && place.access == Access::Read && placeholder::may_be_one(&place.path);
        if absent || shared {
            place.kind = PlaceKind::Folder;
            reserved.push(c_string(place.path.as_os_str().as_encoded_bytes())?);
        }
    }
    if placeholder::fit(&reserved) {
        Ok(reserved)
    } else {
        Err(failed(Step::Names.name())(io::Error::other("too many writable folders")))
    }
}

/// What Landlock adds to namespaces: a read-only mount does not stop writing into a FIFO or a device that lies on it,
/// and a shared network shares abstract sockets.
fn over_namespaces(version: u32, layout: &Layout, network: Network) -> Option<Ruleset> {
    if version < landlock::LEAST_VERSION {
        return None;
    }
    let handled = if layout.base == Access::Write { 0 } else { landlock::WRITE };
    let mut ruleset = Ruleset::new(version, handled, network != Network::Off);
    for place in layout.places.iter().filter(|place| place.access == Access::Write) {
        ruleset.grant(&place.path, landlock::WRITE);
    }
    ruleset.grant("/dev".as_ref(), landlock::WRITE);
    ruleset.grant("/proc".as_ref(), landlock::WRITE_FILES);
    (!ruleset.is_empty()).then_some(ruleset)
}

/// Devices that are safe to write to and that nearly every program does.
const DEVICES: [&str; 6] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"];

/// Landlock as the only mechanism.
fn alone(version: u32, layout: &Layout, network: bool, terminal: Option<&CString>) -> Ruleset {
    let reads = layout.base == Access::None || layout.denies();
    let handled = landlock::WRITE | if reads { landlock::READ } else { 0 };
    let mut ruleset = Ruleset::new(version, handled, network);
    for (path, access) in layout.grants() {
        let rights = if access == Access::Write { landlock::READ | landlock::WRITE } else { landlock::READ };
        ruleset.grant(&path, rights);
    }
    for device in DEVICES {
        ruleset.grant(device.as_ref(), landlock::READ | landlock::WRITE_FILES);
    }
    if let Some(terminal) = terminal.and_then(|path| path.to_str().ok()) {
        ruleset.grant(terminal.as_ref(), landlock::READ | landlock::WRITE_FILES);
    }
    ruleset
}
