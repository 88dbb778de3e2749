//! `spindle try`: a conversation in the terminal, over the same protocol that every other client speaks.
//!
//! The pieces: `conversation` holds the loop, `client` the connection, `event` and `question` are what the server says
//! and asks, `render` turns both into styled text (`text`), and `screen` writes that. Rendering knows neither time nor
//! terminal, so that it is tested as text.

mod client;
mod conversation;
mod event;
mod question;
mod render;
mod screen;
mod text;

use std::io::{self, BufRead as _, Read as _, Write};
use std::process::ExitCode;

use anyhow::Context as _;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use types::AbsPath;

use self::client::{Client, Journal};
use self::conversation::{Conversation, End, Inputs};
use self::screen::Screen;

/// What `--json` prints, for the help text.
pub(crate) const JSON_HELP: &str = "Print every protocol message instead, one JSON object a line: \
    {\"sent\": MESSAGE} or {\"received\": MESSAGE}. Approvals are declined";

/// How long the first byte of a prompt on standard input may take.
const FIRST_INPUT: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// The exit status after Ctrl-C, as shells count it.
const INTERRUPTED: u8 = 130;

/// Lines read ahead of the conversation. The user types slowly; what is pasted waits in the terminal.
const LINES_AHEAD: usize = 16;

/// How the conversation is to be held.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// What to ask. Without it, lines typed at a terminal, each a turn; or else all of standard input as one prompt.
    pub(crate) prompt: Option<String>,
    /// Print the messages themselves; see [`JSON_HELP`].
    pub(crate) json: bool,
    /// The folder the thread works in.
    pub(crate) cwd: AbsPath,
    /// Whether to write colours.
    pub(crate) colour: bool,
    /// Whether standard input and output are a terminal with a person in front of it.
    pub(crate) interactive: bool,
    /// A remark to show before everything else.
    pub(crate) notice: Option<String>,
    /// What to run where nothing is asked: the prompt when standard input holds none, the first turn at a terminal.
    pub(crate) opening: Opening,
}

/// A prompt for somebody who gave none.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    pub(crate) prompt: String,
    /// Also at a terminal, before the user types.
    pub(crate) at_terminal: bool,
}

/// Holds a conversation with the server at the other end of `connection`, on standard input and output.
///
/// The status is 0 if the last turn was completed, 1 if it failed, 130 if it was interrupted.
///
/// # Errors
/// The connection ended too early, the server refused a request that everything depends on, or standard output is gone.
pub(crate) async fn run(
    options: Options,
    connection: impl AsyncRead + AsyncWrite + Send + 'static,
) -> anyhow::Result<ExitCode> {
    let Options { prompt, json, cwd, colour, interactive, notice, opening } = options;
    let interactive = interactive && !json;
    let prompt = match prompt {
        Some(prompt) => Some(prompt),
        None if interactive => None,
        None => Some(read_prompt().await?.unwrap_or_else(|| opening.prompt.clone())),
    };
    let lines = if interactive { typed_lines()? } else { mpsc::channel(1).1 };
    // One: an interrupt that nobody has taken when the next one comes means that the conversation hangs.
    let (interrupted, interrupts) = mpsc::channel(1);
    let signals = tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            if interrupted.try_send(()).is_err() {
                std::process::exit(INTERRUPTED.into());
            }
        }
    });

    let (journal, output): (Option<Journal>, Box<dyn Write>) = match json {
        true => (Some(Box::new(io::stdout())), Box::new(io::sink())),
        false => (None, Box::new(io::stdout())),
    };
    let columns = if interactive { terminal_columns } else { || None };
    let cwd = cwd.as_path().to_str().context("the path of the folder is not UTF-8")?.to_owned();
    let conversation = async {
        let (client, screen) = (Client::new(connection, journal), Screen::new(output, colour));
        let inputs = Inputs { lines, interrupts };
        let conversation =
            Conversation::start(client, screen, inputs, interactive, columns, cwd, notice.as_deref()).await?;
        match prompt {
            Some(prompt) => conversation.single(prompt).await,
            None => conversation.interactive(opening.at_terminal.then_some(opening.prompt)).await,
        }
    };
    let end = conversation.await;
    signals.abort();
    Ok(match end? {
        End::Completed => ExitCode::SUCCESS,
        End::Failed => ExitCode::FAILURE,
        End::Interrupted => ExitCode::from(INTERRUPTED),
    })
}

/// All of standard input as one prompt; `None` when there is nothing in it, or nobody writes to it.
async fn read_prompt() -> anyhow::Result<Option<String>> {
    let read = tokio::task::spawn_blocking(|| {
        let mut text = String::new();
        if has_input()? {
            io::stdin().read_to_string(&mut text)?;
        }
        Ok::<_, io::Error>(text)
    });
    let text = read.await?.context("cannot read the prompt from standard input")?;
    Ok(Some(text.trim_end().to_owned()).filter(|text| !text.is_empty()))
}

/// Whether standard input has something, or has ended. An inherited pipe that nobody uses has neither.
fn has_input() -> io::Result<bool> {
    let stdin = io::stdin();
    let mut wanted = [PollFd::new(&stdin, PollFlags::IN | PollFlags::HUP)];
    Ok(poll(&mut wanted, Some(&FIRST_INPUT))? > 0)
}

/// The lines of standard input. They are read by a thread of their own, which nobody waits for: a read from a terminal
/// cannot be ended from outside, and the process must be able to.
fn typed_lines() -> anyhow::Result<mpsc::Receiver<String>> {
    let (sender, receiver) = mpsc::channel(LINES_AHEAD);
    let read = move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    };
    std::thread::Builder::new().name("lines".to_owned()).spawn(read).context("cannot start a thread")?;
    Ok(receiver)
}

/// The columns of the terminal on standard output.
fn terminal_columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    // Very narrow windows are not worth breaking words for; zero means unknown.
    (size.ws_col >= 20).then_some(size.ws_col.into())
}
