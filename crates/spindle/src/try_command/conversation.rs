//! The conversation itself: what the user types, what the server says, and what follows from both.

use std::collections::VecDeque;
use std::io::Write;
use std::time::Duration;

use anyhow::{Context as _, bail};
use protocol::{
    ClientInfo, InitializeCapabilities, InitializeParams, ThreadStartParams, TurnInterruptParams, TurnStartParams,
    TurnStatus, TurnSteerParams, UserInput, methods,
};
use rpc::{Incoming, RequestId};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use crate::try_command::client::Client;
use crate::try_command::event::Event;
use crate::try_command::question::{Progress, Question};
use crate::try_command::render::Transcript;
use crate::try_command::screen::Screen;
use crate::try_command::text::{Span, Style};

/// How often the spinner turns.
const TICK: Duration = Duration::from_millis(100);

/// The line that ends a conversation.
const QUIT: &str = "/quit";

/// What stands before the line that the user types.
const PROMPT: &str = "› ";

/// How a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The last turn was completed, or there was none.
    Completed,
    /// The last turn failed.
    Failed,
    /// The user interrupted the last turn.
    Interrupted,
}

/// What the user does.
#[derive(Debug)]
pub(crate) struct Inputs {
    /// The lines typed. Closed at the end of the input.
    pub(crate) lines: mpsc::Receiver<String>,
    /// Ctrl-C.
    pub(crate) interrupts: mpsc::Receiver<()>,
}

/// A connection, the user in front of it, and what was shown so far.
#[derive(Debug)]
pub(crate) struct Conversation<S, W> {
    client: Client<S>,
    screen: Screen<W>,
    transcript: Transcript,
    inputs: Inputs,
    /// There is a person at a terminal: ask, show a status line, offer a prompt.
    interactive: bool,
    /// The terminal's columns, asked for at each turn.
    columns: fn() -> Option<usize>,
    thread_id: String,
    turn: Option<Turn>,
    questions: VecDeque<Question>,
    /// Lines sent to the running turn that the server has not taken yet, and the request each went with.
    steering: Vec<(RequestId, String)>,
    /// Lines that came too late for the turn they were meant for.
    late: VecDeque<String>,
    lines_ended: bool,
    /// The prompt stands on the screen and the user may be typing.
    prompting: bool,
    last_end: End,
}

#[derive(Debug)]
struct Turn {
    id: String,
    started: Instant,
    interrupted: bool,
}

/// What happened while a turn runs.
enum Happening {
    Message(Option<Incoming>),
    Line(Option<String>),
    Interrupt,
    Tick,
}

impl<S: AsyncRead + AsyncWrite + Send + 'static, W: Write> Conversation<S, W> {
    /// Introduces itself to the server and starts a thread in `cwd`.
    ///
    /// # Errors
    /// The connection has ended, the server refuses, or the screen cannot be written to.
    pub(crate) async fn start(
        mut client: Client<S>,
        mut screen: Screen<W>,
        inputs: Inputs,
        interactive: bool,
        columns: fn() -> Option<usize>,
        cwd: String,
        notice: Option<&str>,
    ) -> anyhow::Result<Self> {
        let initialize = InitializeParams {
            client_info: ClientInfo {
                name: "spindle-try".to_owned(),
                title: Some("Spindle".to_owned()),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            capabilities: Some(InitializeCapabilities { experimental_api: true, ..InitializeCapabilities::default() }),
        };
        client.call::<methods::Initialize>(&initialize).await?;
        client.notify(protocol::notifications::INITIALIZED)?;
        let start = ThreadStartParams { cwd: Some(cwd), ..ThreadStartParams::default() };
        let started = client.call::<methods::ThreadStart>(&start).await?;

        let mut transcript = Transcript::new(columns());
        if let Some(notice) = notice {
            screen.print(&transcript.notice(notice))?;
        }
        screen.print(&transcript.thread(&started))?;
        Ok(Self {
            client,
            screen,
            transcript,
            inputs,
            interactive,
            columns,
            thread_id: started.thread.id,
            turn: None,
            questions: VecDeque::new(),
            steering: Vec::new(),
            late: VecDeque::new(),
            lines_ended: false,
            prompting: false,
            last_end: End::Completed,
        })
    }

    /// Runs one turn.
    ///
    /// # Errors
    /// The connection has ended or the screen cannot be written to.
    pub(crate) async fn single(mut self, prompt: String) -> anyhow::Result<End> {
        let mut end = self.turn(prompt).await?;
        while self.turn.is_none()
            && let Some(line) = self.late_line().await?
        {
            end = self.turn(line).await?;
        }
        self.client.close().await?;
        Ok(end)
    }

    /// Runs a turn for each line until the user leaves; `opening` is the first one, if any.
    ///
    /// # Errors
    /// As [`single`](Self::single).
    pub(crate) async fn interactive(mut self, opening: Option<String>) -> anyhow::Result<End> {
        let mut end = match opening {
            Some(prompt) => self.turn(prompt).await?,
            None => End::Completed,
        };
        loop {
            let line = match self.late_line().await? {
                Some(line) => line,
                None => match self.prompt().await? {
                    Some(line) if line == QUIT => break,
                    Some(line) => line,
                    None => break,
                },
            };
            if !line.is_empty() {
                end = self.turn(line).await?;
            }
            // Still there: the user did not wait for the end of the turn.
            if self.turn.is_some() {
                break;
            }
        }
        self.client.close().await?;
        Ok(end)
    }

    /// A line that was meant for the turn that has ended, and was not taken by it. Waits until it is known which were.
    async fn late_line(&mut self) -> anyhow::Result<Option<String>> {
        while !self.steering.is_empty() {
            let message = self.client.next().await?.context("the server has ended the connection")?;
            self.message(message)?;
        }
        Ok(self.late.pop_front())
    }

    /// Waits for the user's next line. `None` when there is none, or for Ctrl-C.
    async fn prompt(&mut self) -> anyhow::Result<Option<String>> {
        if self.lines_ended {
            return Ok(None);
        }
        self.screen.print(&[Span::new(Style::Plain, "\n"), Span::new(Style::Accent, PROMPT)])?;
        self.prompting = true;
        let line = loop {
            let happening = tokio::select! {
                line = self.inputs.lines.recv() => Happening::Line(line),
                Some(()) = self.inputs.interrupts.recv() => Happening::Interrupt,
                message = self.client.next() => Happening::Message(message?),
            };
            match happening {
                Happening::Line(Some(line)) => break Some(line.trim().to_owned()),
                Happening::Message(Some(message)) => self.message(message)?,
                Happening::Message(None) => bail!("the server has ended the connection"),
                Happening::Line(None) | Happening::Interrupt | Happening::Tick => break None,
            }
        };
        self.prompting = false;
        match line {
            Some(_) => self.screen.line_entered(),
            None => self.screen.print(&[Span::new(Style::Plain, "\n")])?,
        }
        self.transcript.user_wrote();
        Ok(line)
    }

    /// Shows text; if the user is being prompted, below the prompt and with a new one.
    fn show(&mut self, mut spans: Vec<Span>) -> anyhow::Result<()> {
        if spans.is_empty() {
            return Ok(());
        }
        if self.prompting {
            spans.insert(0, Span::new(Style::Plain, "\n"));
            spans.push(Span::new(Style::Accent, format!("\n{PROMPT}")));
        }
        self.screen.print(&spans).context("cannot write to the terminal")
    }

    /// Starts a turn and follows it to its end.
    async fn turn(&mut self, prompt: String) -> anyhow::Result<End> {
        self.transcript.resize((self.columns)());
        let params = TurnStartParams {
            thread_id: self.thread_id.clone(),
            input: vec![text_input(prompt)],
            ..TurnStartParams::default()
        };
        let started = self.client.call::<methods::TurnStart>(&params).await?;
        self.turn = Some(Turn { id: started.turn.id, started: Instant::now(), interrupted: false });

        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while self.turn.is_some() {
            let happening = tokio::select! {
                message = self.client.next() => Happening::Message(message?),
                line = self.inputs.lines.recv(), if self.interactive && !self.lines_ended => Happening::Line(line),
                Some(()) = self.inputs.interrupts.recv() => Happening::Interrupt,
                _ = ticks.tick(), if self.interactive && self.questions.is_empty() => Happening::Tick,
            };
            match happening {
                Happening::Message(Some(message)) => self.message(message)?,
                Happening::Message(None) => bail!("the server has ended the connection in the middle of a turn"),
                Happening::Line(Some(line)) => self.line(line)?,
                Happening::Line(None) => self.lines_end()?,
                Happening::Interrupt if self.interrupt()? => return Ok(End::Interrupted),
                Happening::Interrupt => {}
                Happening::Tick => self.status()?,
            }
        }
        Ok(self.last_end)
    }

    fn message(&mut self, message: Incoming) -> anyhow::Result<()> {
        match message {
            Incoming::Notification { method, params } => {
                match Event::decode(&self.thread_id, &method, params.as_deref()) {
                    Some(event) => self.event(event),
                    None => Ok(()),
                }
            }
            Incoming::Request { id, method, params } => match Question::new(id.clone(), &method, params.as_deref()) {
                Ok(question) => self.question(question),
                Err(error) => {
                    let notice = self.transcript.notice(&error.message);
                    self.show(notice)?;
                    self.client.respond(&id, Err::<(), _>(error))
                }
            },
            // Only interrupting and steering are not waited for.
            Incoming::Response { id, outcome } => {
                let steering = self.steering.iter().position(|(request, _)| *request == id);
                let line = steering.map(|index| self.steering.remove(index).1);
                let Err(error) = outcome else { return Ok(()) };
                if let Some(line) = line {
                    self.late.push_back(line);
                    return Ok(());
                }
                let failure = self.transcript.failure(&error.message);
                self.show(failure)
            }
        }
    }

    fn event(&mut self, event: Event) -> anyhow::Result<()> {
        match &event {
            Event::TurnCompleted(turn) => {
                self.turn = None;
                self.questions.clear();
                self.last_end = match turn.status {
                    TurnStatus::Completed | TurnStatus::InProgress => End::Completed,
                    TurnStatus::Failed => End::Failed,
                    TurnStatus::Interrupted => End::Interrupted,
                };
            }
            Event::Resolved(id) => self.settled(&rpc_id(id))?,
            _ => {}
        }
        let spans = self.transcript.apply(event);
        self.show(spans)
    }

    fn question(&mut self, mut question: Question) -> anyhow::Result<()> {
        let nobody = !self.interactive || self.lines_ended;
        if nobody || !question.can_be_asked() {
            let mut spans = self.transcript.notes(question.text().into_iter().filter(|span| span.text != "> "));
            if nobody {
                spans.push(Span::new(Style::Warning, "  declined: nobody is there to ask\n"));
            }
            self.show(spans)?;
            let answer = question.decline();
            return self.client.respond(&question.id, Ok(answer));
        }
        self.questions.push_back(question);
        if self.questions.len() == 1 { self.ask() } else { Ok(()) }
    }

    /// Shows the question that is to be answered next.
    fn ask(&mut self) -> anyhow::Result<()> {
        if let Some(question) = self.questions.front() {
            self.transcript.resize((self.columns)());
            let spans = self.transcript.notes(question.text());
            self.screen.print(&spans)?;
        }
        Ok(())
    }

    /// A question was settled elsewhere, or by the answer just given.
    fn settled(&mut self, id: &RequestId) -> anyhow::Result<()> {
        let first = self.questions.front().is_some_and(|question| question.id == *id);
        self.questions.retain(|question| question.id != *id);
        if first {
            self.screen.print(&[Span::new(Style::Dim, "(settled)\n")])?;
            self.ask()?;
        }
        Ok(())
    }

    /// A line typed while a turn runs answers the question there is, or is more input for the turn.
    fn line(&mut self, line: String) -> anyhow::Result<()> {
        self.screen.line_entered();
        let Some(mut question) = self.questions.pop_front() else {
            return self.steer(line);
        };
        match question.answer(&line) {
            Progress::Done(answer) => self.client.respond(&question.id, Ok(answer))?,
            Progress::Ask => self.questions.push_front(question),
        }
        self.ask()
    }

    fn steer(&mut self, line: String) -> anyhow::Result<()> {
        let Some(turn) = &self.turn else { return Ok(()) };
        if line.trim().is_empty() {
            return Ok(());
        }
        let params = TurnSteerParams {
            thread_id: self.thread_id.clone(),
            input: vec![text_input(line.clone())],
            expected_turn_id: turn.id.clone(),
            ..TurnSteerParams::default()
        };
        let id = self.client.request::<methods::TurnSteer>(&params)?;
        self.steering.push((id, line));
        Ok(())
    }

    /// The input has ended: whoever asks something from now on is told no.
    fn lines_end(&mut self) -> anyhow::Result<()> {
        self.lines_ended = true;
        for mut question in std::mem::take(&mut self.questions) {
            let answer = question.decline();
            self.client.respond(&question.id, Ok(answer))?;
        }
        Ok(())
    }

    /// The first Ctrl-C interrupts the turn; `true` if this was the second.
    fn interrupt(&mut self) -> anyhow::Result<bool> {
        let Some(turn) = &mut self.turn else { return Ok(true) };
        if std::mem::replace(&mut turn.interrupted, true) {
            return Ok(true);
        }
        let params = TurnInterruptParams { thread_id: self.thread_id.clone(), turn_id: turn.id.clone() };
        self.client.request::<methods::TurnInterrupt>(&params)?;
        Ok(false)
    }

    fn status(&mut self) -> anyhow::Result<()> {
        let Some(turn) = &self.turn else { return Ok(()) };
        let doing = if turn.interrupted { "interrupting" } else { self.transcript.doing() };
        self.screen.status(doing, turn.started.elapsed(), (self.columns)()).context("cannot write to the terminal")
    }
}

fn text_input(text: String) -> UserInput {
    UserInput::Text { text, text_elements: Vec::new() }
}

/// The transport's spelling of a request id that stands inside a message.
fn rpc_id(id: &protocol::RequestId) -> RequestId {
    match id {
        protocol::RequestId::Integer(id) => RequestId::Int(*id),
        protocol::RequestId::String(id) => RequestId::Text(id.clone()),
    }
}

#[cfg(test)]
mod tests;
