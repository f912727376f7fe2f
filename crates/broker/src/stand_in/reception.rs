//! Listens to all who connect, on one thread: who says nothing keeps nobody else waiting.

use std::{
    collections::BTreeMap,
    io,
    net::{TcpListener, TcpStream},
    time::{Duration, Instant},
};

use tegmen_sys::events::{Events, READ};

use super::http::{Incoming, Progress, Request};

/// The number of the listener among the events; those of connections come after it.
const DOOR: u64 = 0;
/// So many may be connected without having said what they want; then the one goes that has been there for longest.
const MOST: usize = 256;
/// How long nobody is let in when there are no descriptors.
const PAUSE: Duration = Duration::from_millis(50);

pub(super) struct Reception {
    listener: TcpListener,
    events: Events,
    /// By number, and so in the order in which they came.
    incoming: BTreeMap<u64, Incoming>,
    last: u64,
}

impl Reception {
    pub(super) fn new(listener: TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let events = Events::new()?;
        events.add(&listener, DOOR, READ)?;
        Ok(Self { listener, events, incoming: BTreeMap::new(), last: DOOR })
    }

    /// Hands requests on, until nobody takes them any more.
    pub(super) fn listen(mut self, hand_on: impl Fn(TcpStream, Request) -> bool) {
        let mut happened = Vec::new();
        loop {
            let first = self.incoming.values().next().map(|first| first.until);
            let pause = first.map(|until| until.saturating_duration_since(Instant::now()));
            if self.events.wait(&mut happened, pause).is_err() {
                return;
            }
            for number in &happened {
                if *number == DOOR {
                    self.let_in();
                    continue;
                }
                let Some(incoming) = self.incoming.get_mut(number) else { continue };
                let progress = incoming.read();
                if matches!(progress, Progress::NotYet) {
                    continue;
                }
                let Some(incoming) = self.leave(*number) else { continue };
                if let (Progress::Whole(request), Some(stream)) = (progress, incoming.into_stream())
                    && !hand_on(stream, request)
                {
                    return;
                }
            }
            self.send_away();
        }
    }

    fn let_in(&mut self) {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    self.last += 1;
                    let is_heard =
                        stream.set_nonblocking(true).and_then(|()| self.events.add(&stream, self.last, READ));
                    if is_heard.is_ok() {
                        self.incoming.insert(self.last, Incoming::new(stream));
                    }
                    if self.incoming.len() > MOST {
                        self.incoming.pop_first();
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    if error.kind() != io::ErrorKind::WouldBlock {
                        std::thread::sleep(PAUSE);
                    }
                    return;
                }
            }
        }
    }

    fn leave(&mut self, number: u64) -> Option<Incoming> {
        let incoming = self.incoming.remove(&number)?;
        // A copy of its descriptor may stay open elsewhere, while it waits for its answer.
        let _ = self.events.remove(incoming.stream());
        Some(incoming)
    }

    /// Those who have had their time.
    fn send_away(&mut self) {
        let now = Instant::now();
        while self.incoming.first_entry().is_some_and(|first| first.get().until <= now) {
            self.incoming.pop_first();
        }
    }
}
