//! Where clients come in, as it is written on the command line.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// One value of `--listen`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// `stdio://`: the client that started the process.
    Stdio,
    /// `off`: nowhere.
    Off,
    /// A socket.
    Socket(Address),
}

/// The address of a listening socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `ws://IP:PORT`
    Ws(SocketAddr),
    /// `wss://IP:PORT`
    Wss(SocketAddr),
    /// `unix://PATH`
    Unix(PathBuf),
}

impl Address {
    /// Whether only programs on this machine can reach it.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Ws(address) | Self::Wss(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ws(address) => write!(f, "ws://{address}"),
            Self::Wss(address) => write!(f, "wss://{address}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let socket = |rest: &str, scheme: &str| {
            rest.parse().map_err(|_| format!("invalid websocket --listen URL `{text}`; expected `{scheme}://IP:PORT`"))
        };
        match text.split_once("://") {
            Some(("stdio", "")) => Ok(Self::Stdio),
            Some(("ws", rest)) => Ok(Self::Socket(Address::Ws(socket(rest, "ws")?))),
            Some(("wss", rest)) => Ok(Self::Socket(Address::Wss(socket(rest, "wss")?))),
            Some(("unix", path)) if !path.is_empty() => Ok(Self::Socket(Address::Unix(PathBuf::from(path)))),
            None if text == "off" => Ok(Self::Off),
            _ => Err(format!(
                "unsupported --listen URL `{text}`; expected `stdio://`, `ws://IP:PORT`, `wss://IP:PORT`, `unix://PATH`, or `off`"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_others_named() {
        let socket = |text: &str| text.parse().unwrap();
        let cases = [
            ("stdio://", Listen::Stdio),
            ("off", Listen::Off),
            ("ws://127.0.0.1:0", Listen::Socket(Address::Ws(socket("127.0.0.1:0")))),
            ("ws://[::1]:80", Listen::Socket(Address::Ws(socket("[::1]:80")))),
            ("wss://0.0.0.0:443", Listen::Socket(Address::Wss(socket("0.0.0.0:443")))),
            ("unix:///run/x", Listen::Socket(Address::Unix("/run/x".into()))),
            ("unix://x", Listen::Socket(Address::Unix("x".into()))),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Listen>().as_ref(), Ok(&expected), "{text}");
        }
        for text in ["ws://localhost:1", "ws://127.0.0.1", "ws://127.0.0.1:1/x", "ws://", "ws://[::1]:0x", "wss://x:1"]
        {
            let error = text.parse::<Listen>().unwrap_err();
            assert!(error.starts_with(&format!("invalid websocket --listen URL `{text}`")), "{error}");
        }
        for text in ["", "foo", "stdio", "stdio://x", "unix://", "http://127.0.0.1:1", "off://", "OFF"] {
            let error = text.parse::<Listen>().unwrap_err();
            assert!(error.starts_with(&format!("unsupported --listen URL `{text}`")), "{error}");
        }
    }

    #[test]
    fn only_loopback_and_files_are_local() {
        let local = |text: &str| match text.parse::<Listen>() {
            Ok(Listen::Socket(address)) => address.is_local(),
            other => panic!("{other:?}"),
        };
        for text in ["ws://127.0.0.1:0", "ws://127.9.9.9:0", "ws://[::1]:0", "ws://[::ffff:127.0.0.1]:0", "unix://x"] {
            assert!(local(text), "{text}");
        }
        for text in ["ws://0.0.0.0:0", "ws://[::]:0", "ws://10.0.0.1:0", "wss://192.168.0.1:0"] {
            assert!(!local(text), "{text}");
        }
    }
}
