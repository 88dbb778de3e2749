//! A proxy with its gate, a host to reach, and a client that says what it is told.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use proxy::{Denial, Destination, Entrance, Gate, Pass, Reason, Serving, Source, Upstream, serve};
use types::{Host, UpstreamProxies};

/// Longer than anything here takes; a hung test fails instead of hanging.
const LONG: Duration = Duration::from_secs(20);

/// Lets `open.test` (which leads to this machine, as an exception), `public.test`, `private.test`, `mixed.test` and
/// `alias.test` (one of whose addresses is denied) through.
pub(crate) struct Names {
    pub(crate) limited: bool,
    pub(crate) upstream: Option<Upstream>,
    /// What was looked up.
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl Gate for Names {
    async fn decide(&self, to: &Destination) -> Result<Pass, Denial> {
        match to.host.as_str() {
            "open.test" | "nobody.test" | "nobody.spared.test" => Ok(Pass { local: true }),
            "public.test" | "1.1.1.1" | "private.test" | "mixed.test" | "alias.test" | "169.254.169.254"
            | "127.0.0.1" | "::1" => Ok(Pass { local: false }),
            "denied.test" => Err(Denial { reason: Reason::Denied, source: Source::Policy }),
            _ => Err(Denial { reason: Reason::NotAllowed, source: Source::Decider }),
        }
    }

    fn denies(&self, address: IpAddr) -> bool {
        address == IpAddr::from([9, 9, 9, 9])
    }

    fn limited(&self) -> bool {
        self.limited
    }

    fn upstream(&self) -> Option<&Upstream> {
        self.upstream.as_ref()
    }

    async fn look_up(&self, host: &Host) -> io::Result<Vec<IpAddr>> {
        self.asked.lock().unwrap().push(host.to_string());
        match host.as_str() {
            "open.test" => Ok(vec![Ipv4Addr::LOCALHOST.into()]),
            "public.test" => Ok(vec![Ipv4Addr::new(1, 1, 1, 1).into()]),
            "alias.test" => Ok(vec![Ipv4Addr::new(1, 1, 1, 1).into(), Ipv4Addr::new(9, 9, 9, 9).into()]),
            "private.test" => Ok(vec![Ipv4Addr::new(10, 1, 2, 3).into()]),
            "mixed.test" => Ok(vec![Ipv4Addr::new(1, 1, 1, 1).into(), Ipv4Addr::LOCALHOST.into()]),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

pub(crate) struct World {
    http: SocketAddr,
    socks: SocketAddr,
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
    pub(crate) serving: Option<Serving>,
}

pub(crate) fn world(limited: bool) -> World {
    world_behind(limited, &UpstreamProxies::default())
}

pub(crate) fn world_behind(limited: bool, proxies: &UpstreamProxies) -> World {
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let listener = || TcpListener::bind("127.0.0.1:0").unwrap();
    let (http, socks) = (listener(), listener());
    let (http_address, socks_address) = (http.local_addr().unwrap(), socks.local_addr().unwrap());
    let gate = Arc::new(Names { limited, upstream: Upstream::new(proxies), asked: Arc::clone(&asked) });
    let serving = serve(Entrance::Listener(http), Some(Entrance::Listener(socks)), gate).unwrap();
    World { http: http_address, socks: socks_address, asked, serving: Some(serving) }
}

/// A host that reads one request, up to its empty line, and answers; what it has read comes out.
pub(crate) fn host(answer: &'static [u8]) -> (u16, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        let mut heard = Vec::new();
        let mut byte = [0];
        while !heard.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() > 0 {
            heard.push(byte[0]);
        }
        stream.write_all(answer).unwrap();
        String::from_utf8(heard).unwrap()
    });
    (port, thread)
}

impl World {
    /// Says `what` to the HTTP proxy, with the wish to close behind its first line, and reads to the end.
    pub(crate) async fn http(&self, what: impl AsRef<str>) -> String {
        let what = what.as_ref().replacen("\r\n", "\r\nConnection: close\r\n", 1);
        String::from_utf8_lossy(&self.say(self.http, vec![what.into()]).await).into_owned()
    }

    /// Says one thing after the other to the SOCKS proxy, each when something has come back.
    pub(crate) async fn socks(&self, what: Vec<Vec<u8>>) -> Vec<u8> {
        self.say(self.socks, what).await
    }

    async fn say(&self, to: SocketAddr, what: Vec<Vec<u8>>) -> Vec<u8> {
        tokio::task::spawn_blocking(move || {
            let mut stream = connect(to);
            let mut heard = Vec::new();
            let last = what.len() - 1;
            for (index, part) in what.iter().enumerate() {
                stream.write_all(part).unwrap();
                if index < last {
                    let mut buffer = [0; 512];
                    let count = stream.read(&mut buffer).unwrap();
                    heard.extend_from_slice(&buffer[..count]);
                }
            }
            // A reset is an end as well.
            let _ = stream.read_to_end(&mut heard);
            heard
        })
        .await
        .unwrap()
    }

    pub(crate) fn connect(&self) -> TcpStream {
        connect(self.http)
    }
}

fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}
