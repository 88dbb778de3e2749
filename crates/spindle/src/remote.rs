//! `spindle app-server --listen`: clients that come in through sockets.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use listen::{Address, AuthFlags, AuthMode, AuthPlan, Client, Host, Limits, Listen, Listener, Tls};
use server::Server;
use tokio_util::sync::CancellationToken;

use crate::app_server::{Signals, start_stdio};
use crate::cli::{Remote, WsAuth};
use crate::environment;
use crate::memory::Departures;

/// The sockets among what is to be listened on.
pub(crate) fn addresses(listen: &[Listen]) -> Vec<Address> {
    let sockets = listen.iter().filter_map(|listen| match listen {
        Listen::Socket(address) => Some(address.clone()),
        Listen::Stdio | Listen::Off => None,
    });
    sockets.collect()
}

/// What the command line says about authentication.
pub(crate) fn auth_flags(flags: &Remote) -> AuthFlags {
    AuthFlags {
        mode: flags.ws_auth.map(|mode| match mode {
            WsAuth::CapabilityToken => AuthMode::CapabilityToken,
            WsAuth::SignedBearerToken => AuthMode::SignedBearerToken,
        }),
        token_file: flags.ws_token_file.clone(),
        token_sha256: flags.ws_token_sha256.clone(),
        shared_secret_file: flags.ws_shared_secret_file.clone(),
        issuer: flags.ws_issuer.clone(),
        audience: flags.ws_audience.clone(),
        max_clock_skew_seconds: flags.ws_max_clock_skew_seconds,
    }
}

/// Reads the files that the flags name.
pub(crate) fn options(addresses: Vec<Address>, auth: AuthPlan, flags: &Remote) -> anyhow::Result<listen::Options> {
    let tls = match (&flags.tls_cert, &flags.tls_key) {
        (Some(certificate), Some(key)) => Some(Tls::load(certificate, key)?),
        _ => None,
    };
    Ok(listen::Options {
        addresses,
        auth: auth.load()?,
        allowed_origins: flags.allow_origin.clone(),
        tls,
        allow_unauthenticated: flags.insecure_allow_unauthenticated
            || environment::variable("SPINDLE_INSECURE_LISTEN").as_deref() == Some("1"),
        limits: Limits::default(),
    })
}

/// Serves sockets, and standard input if `with_stdio`, until a signal or the end of that input. The first signal lets
/// running turns end, at most for `drain_seconds`; the second ends at once.
pub(crate) async fn serve(
    server: Arc<Server>,
    options: listen::Options,
    with_stdio: bool,
    drain_seconds: Option<u64>,
) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    let asks_for_tokens = !options.auth.is_open();
    let listener = Listener::bind(options).await?;
    announce(&listener, asks_for_tokens);
    let stop_listening = CancellationToken::new();
    let clients = Arc::new(Clients { server: server.clone(), departures: Departures::default() });
    let listening = tokio::spawn(listener.run(clients.clone(), stop_listening.clone()));
    let clearing_up = tokio::spawn(async move { clients.departures.clear_up().await });

    let stdio = async {
        match with_stdio {
            true => start_stdio(server.clone()).await.unwrap_or_else(|panicked| Err(io::Error::other(panicked))),
            false => std::future::pending().await,
        }
    };
    tokio::pin!(stdio);
    let served = tokio::select! {
        served = &mut stdio => Some(served),
        () = signals.next() => None,
    };
    let ending = async {
        let served = match served {
            Some(served) => {
                server.stop();
                served
            }
            None => {
                server.drain(drain_seconds.map(Duration::from_secs)).await;
                server.stop();
                if with_stdio {
                    stdio.await
                } else {
                    server.shutdown().await;
                    Ok(())
                }
            }
        };
        stop_listening.cancel();
        listening.await.context("the listener failed")?;
        served.context("the connection failed")
    };
    let ended = tokio::select! {
        ended = ending => ended,
        () = signals.next() => Ok(()),
    };
    clearing_up.abort();
    ended
}

/// Says where clients come in. Source of the form: programs that start a server read the address from there.
fn announce(listener: &Listener, asks_for_tokens: bool) {
    let mut text = String::from("spindle app-server (WebSockets)\n");
    for address in listener.addresses() {
        let note = match address.is_local() {
            true => "binds localhost only (use SSH port-forwarding for remote access)",
            false if asks_for_tokens => "other machines can connect; clients have to show a token",
            false => "other machines can connect, and anybody who does can run commands here",
        };
        text.push_str(&format!("  listening on: {address}\n"));
        let (scheme, at) = match address {
            Address::Ws(at) => ("http", at),
            Address::Wss(at) => ("https", at),
            Address::Unix(_) => continue,
        };
        text.push_str(&format!("  readyz: {scheme}://{at}/readyz\n  healthz: {scheme}://{at}/healthz\n"));
        text.push_str(&format!("  note: {note}\n"));
    }
    // Nowhere to say that nothing can be said.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Passes clients on to the server.
struct Clients {
    server: Arc<Server>,
    departures: Departures,
}

impl Host for Clients {
    async fn serve(&self, client: Client) {
        let Client { reader, outgoing, writer } = client;
        if let Err(error) = self.server.serve_remote(reader, outgoing, writer).await {
            tracing::debug!(%error, "a connection failed");
        }
        self.departures.add();
    }

    fn metrics(&self) -> String {
        self.server.metrics()
    }
}
