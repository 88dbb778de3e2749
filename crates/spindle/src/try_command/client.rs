//! The client's end of a connection: typed calls, and the messages of the server one after the other.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Write};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use protocol::Method;
use rpc::{ErrorObject, Incoming, Outgoing, Reader, RequestId};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncWrite, ReadHalf};
use tokio::task::JoinHandle;

/// Writes down what goes over a connection, one JSON object a line.
pub(crate) type Journal = Box<dyn Write + Send>;

/// A connection to a server.
pub(crate) struct Client<S> {
    reader: Reader<ReadHalf<S>>,
    outgoing: Outgoing,
    writer: JoinHandle<io::Result<()>>,
    next_id: i64,
    /// What came while an answer was waited for.
    waiting: VecDeque<Incoming>,
    journal: Option<Journal>,
}

impl<S> fmt::Debug for Client<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("next_id", &self.next_id).field("waiting", &self.waiting).finish_non_exhaustive()
    }
}

impl<S: AsyncRead + AsyncWrite + Send + 'static> Client<S> {
    pub(crate) fn new(connection: S, journal: Option<Journal>) -> Self {
        let (input, output) = tokio::io::split(connection);
        let (outgoing, writer) = Outgoing::new(output);
        let writer = tokio::spawn(writer.run());
        Self { reader: Reader::new(input), outgoing, writer, next_id: 0, waiting: VecDeque::new(), journal }
    }

    /// Calls a method and waits for its answer. Other messages are kept for [`next`](Self::next).
    ///
    /// # Errors
    /// The server's, as an [`ErrorObject`]; the connection has ended; the answer is none.
    ///
    /// # Cancel safety
    /// Not cancel safe: the answer would be taken for one that nobody waits for.
    pub(crate) async fn call<M: Method>(&mut self, params: &M::Params) -> anyhow::Result<M::Response> {
        let id = self.request::<M>(params)?;
        loop {
            match self.receive().await?.context("the server has ended the connection")? {
                Incoming::Response { id: answered, outcome } if answered == id => {
                    let result = outcome.with_context(|| format!("{} failed", M::NAME))?;
                    return serde_json::from_str(result.get())
                        .with_context(|| format!("the answer to {} cannot be read", M::NAME));
                }
                other => self.waiting.push_back(other),
            }
        }
    }

    /// Calls a method without waiting. The answer comes as a message.
    ///
    /// # Errors
    /// The connection has ended.
    pub(crate) fn request<M: Method>(&mut self, params: &M::Params) -> anyhow::Result<RequestId> {
        let id = RequestId::Int(self.next_id);
        self.next_id += 1;
        self.send(rpc::encode_request(&id, M::NAME, params))?;
        Ok(id)
    }

    /// Sends a notification without parameters.
    ///
    /// # Errors
    /// The connection has ended.
    pub(crate) fn notify(&mut self, method: &str) -> anyhow::Result<()> {
        #[derive(Serialize)]
        struct Notification<'a> {
            method: &'a str,
        }
        let text = serde_json::to_vec(&Notification { method }).expect("a text can be written as JSON");
        self.send(Bytes::from(text))
    }

    /// Answers a request of the server.
    ///
    /// # Errors
    /// The connection has ended.
    pub(crate) fn respond(
        &mut self,
        id: &RequestId,
        result: Result<impl Serialize, ErrorObject>,
    ) -> anyhow::Result<()> {
        self.send(match result {
            Ok(result) => rpc::encode_result(id, &result),
            Err(error) => rpc::encode_error(id, &error),
        })
    }

    /// The next message, `None` at the end of the connection.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<Incoming>> {
        match self.waiting.pop_front() {
            Some(message) => Ok(Some(message)),
            None => self.receive().await,
        }
    }

    /// Sends what is left to send and ends the connection.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        self.outgoing.close();
        match self.writer.await {
            // A server that is gone has nothing more to be told.
            Ok(Ok(()) | Err(_)) => Ok(()),
            Err(error) => bail!(error),
        }
    }

    async fn receive(&mut self) -> anyhow::Result<Option<Incoming>> {
        let message = self.reader.next().await.context("cannot read from the server")?;
        if let (Some(message), Some(journal)) = (&message, &mut self.journal) {
            writeln!(journal, "{{\"received\":{}}}", text(message)?).context("cannot write to standard output")?;
            journal.flush()?;
        }
        Ok(message)
    }

    fn send(&mut self, frame: Bytes) -> anyhow::Result<()> {
        if let Some(journal) = &mut self.journal {
            journal.write_all(b"{\"sent\":").context("cannot write to standard output")?;
            journal.write_all(&frame)?;
            journal.write_all(b"}\n")?;
            journal.flush()?;
        }
        self.outgoing.push(frame).context("the server has ended the connection")
    }
}

/// A message as it came, its envelope written anew.
fn text(message: &Incoming) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Envelope<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        method: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a RequestId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        params: Option<&'a RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        result: Option<&'a RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<&'a ErrorObject>,
    }
    let (method, id, params, result, error) = match message {
        Incoming::Request { id, method, params } => (Some(method.as_str()), Some(id), params.as_deref(), None, None),
        Incoming::Notification { method, params } => (Some(method.as_str()), None, params.as_deref(), None, None),
        Incoming::Response { id, outcome: Ok(result) } => (None, Some(id), None, Some(&**result), None),
        Incoming::Response { id, outcome: Err(error) } => (None, Some(id), None, None, Some(error)),
    };
    serde_json::to_string(&Envelope { method, id, params, result, error })
}
