//! Who hears what: connections, subscriptions, and the questions that wait for a client.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use engine::{EventSink, Question, QuestionId, ThreadEvent};
use protocol::Notification;
use rpc::{Notice, Outcome, Outgoing, PendingRequests, RequestId};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use types::ThreadId;

use crate::client_requests;
use crate::connection::{Connection, ConnectionId, Origin};
use crate::journal::Journal;
use crate::metrics::Metrics;
use crate::notifications;
use crate::otel::Otel;

/// Passes events on to connections. Locks are held for look-ups and queue pushes, never across an await.
#[derive(Default)]
pub(crate) struct Hub {
    next_connection: AtomicU64,
    state: Mutex<State>,
    pending: PendingRequests,
    /// Tasks that wait for clients' answers; each ends with its question.
    tasks: TaskTracker,
    pub(crate) metrics: Metrics,
    pub(crate) otel: Arc<Otel>,
}

#[derive(Default)]
struct State {
    connections: HashMap<ConnectionId, Arc<Connection>>,
    subscribers: HashMap<ThreadId, Vec<Arc<Connection>>>,
    /// Threads whose last subscriber has left.
    lonely: HashMap<ThreadId, Lonely>,
    /// Questions without an answer, oldest first.
    open: Vec<OpenQuestion>,
    /// Of threads that a client has followed that wants numbers.
    journals: HashMap<ThreadId, Journal>,
}

/// A thread that nobody follows any more.
#[derive(Clone, Copy)]
struct Lonely {
    /// When the last subscriber left.
    left: Instant,
    /// When its status last changed, or as `left`.
    quiet: Instant,
}

/// A subscription to a thread in which things happen already.
pub(crate) struct Joined {
    /// Whether the connection did not follow the thread before.
    pub(crate) new: bool,
    /// What was open then, for [`Hub::ask_again`]. What is asked later the connection hears anyway.
    pub(crate) open: Vec<QuestionId>,
}

/// What a connection has not heard of a thread.
pub(crate) struct Missed {
    /// Oldest first.
    pub(crate) notices: Vec<Notice>,
    /// The number of the newest notification, wanted or not.
    pub(crate) latest: u64,
}

/// A subscription that has ended.
pub(crate) struct Left {
    /// Set when it was the thread's last one.
    pub(crate) last_at: Option<Instant>,
}

impl State {
    /// Puts a connection among a thread's subscribers; whether it was not there before.
    fn follow(&mut self, thread: ThreadId, connection: &Arc<Connection>) -> bool {
        self.lonely.remove(&thread);
        if connection.wants_numbers() {
            self.journals.entry(thread).or_insert_with(Journal::new);
        }
        let subscribers = self.subscribers.entry(thread).or_default();
        let new = subscribers.iter().all(|known| known.id != connection.id);
        if new {
            subscribers.push(connection.clone());
        }
        new
    }

    /// Takes a connection out of a thread's subscribers; `None` when it was not among them.
    fn leave(&mut self, thread: ThreadId, connection: ConnectionId) -> Option<Left> {
        let subscribers = self.subscribers.get_mut(&thread)?;
        let position = subscribers.iter().position(|known| known.id == connection)?;
        subscribers.remove(position);
        if !subscribers.is_empty() {
            return Some(Left { last_at: None });
        }
        self.subscribers.remove(&thread);
        let left = Instant::now();
        self.lonely.insert(thread, Lonely { left, quiet: left });
        Some(Left { last_at: Some(left) })
    }
}

struct OpenQuestion {
    thread: ThreadId,
    question: QuestionId,
    request: RequestId,
    /// The request as it was sent, for clients that come later.
    frame: Bytes,
    /// Whether clients are told when it is settled.
    announce_end: bool,
}

impl Hub {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn connect(&self, outgoing: Outgoing, origin: Origin) -> Arc<Connection> {
        let id = ConnectionId(self.next_connection.fetch_add(1, Ordering::Relaxed));
        let connection = Arc::new(Connection::new(id, outgoing, origin));
        self.state().connections.insert(id, connection.clone());
        self.metrics.connections.increase();
        connection
    }

    /// How many connections there are, and how much waits for them to be read.
    pub(crate) fn queues(&self) -> (usize, usize) {
        let state = self.state();
        let queued = state.connections.values().map(|connection| connection.outgoing.queued_bytes()).sum();
        (state.connections.len(), queued)
    }

    /// Forgets a connection; gives the threads that nobody follows any more, and since when.
    pub(crate) fn disconnect(&self, id: ConnectionId) -> Vec<(ThreadId, Instant)> {
        let mut state = self.state();
        state.connections.remove(&id);
        let threads: Vec<ThreadId> = state.subscribers.keys().copied().collect();
        threads.into_iter().filter_map(|thread| Some((thread, state.leave(thread, id)?.last_at?))).collect()
    }

    pub(crate) fn subscribe(&self, thread: ThreadId, connection: &Arc<Connection>) {
        self.state().follow(thread, connection);
    }

    /// Subscribes to a thread that is loaded already, and says which questions wait in it, both at one moment.
    pub(crate) fn join(&self, thread: ThreadId, connection: &Arc<Connection>) -> Joined {
        let mut state = self.state();
        let new = state.follow(thread, connection);
        let open = state.open.iter().filter(|open| open.thread == thread).map(|open| open.question).collect();
        Joined { new, open }
    }

    /// What was told of a thread after the notification numbered `after`, as far as this connection wants it. `None` if
    /// not all of it is known. Follow up with [`catch_up`](Self::catch_up).
    pub(crate) fn missed(&self, thread: ThreadId, after: u64, connection: &Connection) -> Option<Missed> {
        let state = self.state();
        let journal = state.journals.get(&thread)?;
        let wanted = journal.since(after)?.filter(|(method, _)| connection.wants(method));
        Some(Missed { notices: wanted.map(|(_, notice)| notice).collect(), latest: journal.latest() })
    }

    /// Subscribes to a thread of which the connection knows everything up to the notification numbered `known`, and tells
    /// it what has come since.
    pub(crate) fn catch_up(&self, thread: ThreadId, known: u64, connection: &Arc<Connection>) -> Joined {
        let mut state = self.state();
        let new = state.follow(thread, connection);
        let since = state.journals.get(&thread).and_then(|journal| journal.since(known));
        for (_, notice) in since.into_iter().flatten().filter(|(method, _)| new && connection.wants(method)) {
            connection.tell(&notice, true);
        }
        let open = state.open.iter().filter(|open| open.thread == thread).map(|open| open.question).collect();
        Joined { new, open }
    }

    /// Ends a subscription; `None` when there was none.
    pub(crate) fn unsubscribe(&self, thread: ThreadId, connection: ConnectionId) -> Option<Left> {
        self.state().leave(thread, connection)
    }

    /// Since when nothing has happened in a thread whose last subscriber left at `left`; `None` when somebody has
    /// followed it since.
    pub(crate) fn quiet_since(&self, thread: ThreadId, left: Instant) -> Option<Instant> {
        self.state().lonely.get(&thread).filter(|lonely| lonely.left == left).map(|lonely| lonely.quiet)
    }

    /// Nobody follows the thread any more.
    pub(crate) fn forget_thread(&self, thread: ThreadId) {
        let mut state = self.state();
        state.subscribers.remove(&thread);
        state.lonely.remove(&thread);
        state.journals.remove(&thread);
    }

    /// Tells every initialized connection.
    pub(crate) fn broadcast<N: Notification>(&self, notification: &N) {
        let state = self.state();
        let mut notice = Encoded::new(notification);
        for connection in state.connections.values() {
            notice.send_to(connection, false);
        }
    }

    /// Tells every initialized connection of something about a thread.
    pub(crate) fn broadcast_of<N: Notification>(&self, thread: ThreadId, notification: &N) {
        let mut state = self.state();
        let State { connections, subscribers, journals, .. } = &mut *state;
        let mut notice = Encoded::of(thread, notification, journals.get(&thread));
        let followers = subscribers.get(&thread).filter(|_| notice.number != 0);
        for connection in connections.values() {
            let follows = followers.is_some_and(|some| some.iter().any(|follower| follower.id == connection.id));
            notice.send_to(connection, follows);
        }
        notice.record(journals.get_mut(&thread));
    }

    /// Tells one connection.
    pub(crate) fn notify<N: Notification>(&self, connection: &Connection, notification: &N) {
        Encoded::new(notification).send_to(connection, false);
    }

    /// Tells everyone who follows the thread. Serialised once for all.
    pub(crate) fn publish<N: Notification>(&self, thread: ThreadId, notification: &N) {
        self.publish_as(thread, notification, Notice::new);
    }

    /// The same for a piece of a text: clients that lag get several of them as one.
    pub(crate) fn publish_delta<N: Notification>(&self, thread: ThreadId, notification: &N) {
        self.publish_as(thread, notification, Notice::delta);
    }

    fn publish_as<N: Notification>(&self, thread: ThreadId, notification: &N, encode: fn(&str, &N) -> Notice) {
        let mut state = self.state();
        let State { subscribers, journals, .. } = &mut *state;
        let mut notice = Encoded { encode, ..Encoded::of(thread, notification, journals.get(&thread)) };
        for connection in subscribers.get(&thread).into_iter().flatten() {
            notice.send_to(connection, true);
        }
        notice.record(journals.get_mut(&thread));
    }

    /// Sends questions to a client that has just come, as far as they are still open.
    pub(crate) fn ask_again(&self, questions: &[QuestionId], connection: &Connection) {
        for open in self.state().open.iter().filter(|open| questions.contains(&open.question)) {
            connection.send(open.frame.clone());
        }
    }

    /// Takes a client's answer. Answers to questions that are settled or unknown are ignored.
    pub(crate) fn answer(&self, id: &RequestId, outcome: Outcome) {
        if !self.pending.resolve(id, outcome) {
            tracing::debug!(%id, "an answer to no open request");
        }
    }

    fn ask(&self, thread: ThreadId, question: Question) {
        let Question { id: question, turn_id, kind, reply } = question;
        let (request, answer) = self.pending.register();
        let asked = client_requests::request(thread, &turn_id, &kind);
        let frame = rpc::encode_request(&request, asked.method, &asked.params);
        {
            let mut state = self.state();
            let announce_end = asked.announce_end;
            state.open.push(OpenQuestion { thread, question, request, frame: frame.clone(), announce_end });
            for connection in state.subscribers.get(&thread).into_iter().flatten() {
                connection.send(frame.clone());
            }
        }
        let otel = self.otel.clone();
        self.tasks.spawn(async move {
            if let Some(outcome) = answer.await {
                let answer = client_requests::answer(&kind, outcome);
                otel.decided(thread, &turn_id, &kind, &answer);
                // The thread may have stopped waiting.
                let _ = reply.send(answer);
            }
        });
    }

    fn settle(&self, thread: ThreadId, question: QuestionId) {
        let mut state = self.state();
        let Some(position) = state.open.iter().position(|open| open.question == question) else { return };
        let open = state.open.remove(position);
        self.pending.cancel(&open.request);
        drop(state);
        if open.announce_end {
            self.publish(thread, &notifications::resolved(thread, &open.request));
        }
    }

    fn adopt(&self, child: ThreadId, parent: ThreadId) {
        let mut state = self.state();
        for connection in state.subscribers.get(&parent).cloned().unwrap_or_default() {
            state.follow(child, &connection);
        }
    }
}

impl EventSink for Hub {
    fn emit(&self, thread: ThreadId, event: ThreadEvent) {
        self.metrics.observe(thread, &event);
        self.otel.observe(thread, &event);
        match event {
            ThreadEvent::Asked(question) => self.ask(thread, question),
            ThreadEvent::Settled { question } => self.settle(thread, question),
            ThreadEvent::Spawned { parent } => {
                self.adopt(thread, parent);
                self.broadcast_of(thread, &notifications::status(thread, engine::ThreadStatus::Idle));
            }
            ThreadEvent::Closed => {
                self.broadcast_of(thread, &notifications::not_loaded(thread));
                self.publish(thread, &notifications::closed(thread));
                self.forget_thread(thread);
            }
            ThreadEvent::StatusChanged(status) => {
                if let Some(lonely) = self.state().lonely.get_mut(&thread) {
                    lonely.quiet = Instant::now();
                }
                self.broadcast_of(thread, &notifications::status(thread, status));
            }
            other => notifications::publish(self, thread, other),
        }
    }
}

/// A notification, serialised when the first connection wants it and then shared.
struct Encoded<'a, N> {
    notification: &'a N,
    encode: fn(&str, &N) -> Notice,
    /// What it is a part of, and its place in there; 0 for none.
    stream: u128,
    number: u64,
    notice: Option<Notice>,
}

impl<'a, N: Notification> Encoded<'a, N> {
    fn new(notification: &'a N) -> Self {
        Self { notification, encode: Notice::new, stream: 0, number: 0, notice: None }
    }

    /// One of a thread's notifications, which goes into its journal if there is one.
    fn of(thread: ThreadId, notification: &'a N, journal: Option<&Journal>) -> Self {
        let number = journal.map_or(0, Journal::next);
        Self { stream: thread.as_uuid().as_u128(), number, ..Self::new(notification) }
    }

    fn notice(&mut self) -> &Notice {
        let encode = || (self.encode)(N::METHOD, self.notification).in_stream(self.stream, self.number);
        self.notice.get_or_insert_with(encode)
    }

    fn send_to(&mut self, connection: &Connection, follows: bool) {
        if connection.wants(N::METHOD) {
            connection.tell(self.notice(), follows && connection.wants_numbers());
        }
    }

    fn record(mut self, journal: Option<&mut Journal>) {
        if let Some(journal) = journal {
            journal.push(N::METHOD, self.notice());
        }
    }
}
