//! What the broker is told and asked besides pools: each message on the channel that it was given.

use std::os::fd::AsFd;

use tegmen_sys::channel::Channel;
use tegmen_wire::protocol::{self, Tell};

use crate::{Client, ClientError};

impl Client {
    /// Tells the broker that Locust is running in this process.
    ///
    /// # Errors
    /// When the broker is gone.
    pub fn ready(&mut self, locust: String) -> Result<(), ClientError> {
        self.tell(&Tell::Ready { locust })
    }

    /// What the run knows of its secrets, as JSON: the overview of the broker.
    ///
    /// # Errors
    /// When the broker is gone.
    pub fn overview(&mut self) -> Result<String, ClientError> {
        self.tell_counts();
        let answer = self.ask(&Tell::Overview)?;
        String::from_utf8(answer).map_err(|_| ClientError::Silent)
    }

    /// Tells the broker what was masked, sent and refused since the last time. A broker that is gone does not want to know.
    pub fn tell_counts(&mut self) {
        for (origin, secrets, times) in self.lines.take_counted() {
            self.tally.sent(&origin, &secrets, times);
        }
        for message in self.masked.take(self.patterns.patterns()).into_iter().chain(self.tally.take()) {
            let _ = self.tell(&message);
        }
    }

    pub(crate) fn tell(&self, message: &Tell) -> Result<(), ClientError> {
        self.channel.send(&protocol::encode(message)?, &[]).map_err(ClientError::Unreachable)
    }

    /// Tells the broker a value, and waits until its redactor knows it: what the test prints next may hold it. Each time
    /// over a socket of its own, for forked processes share the channel.
    pub(crate) fn teach(&self, message: &Tell, name: &str) -> Result<(), ClientError> {
        match self.ask(message) {
            Err(ClientError::Malformed) => Err(ClientError::TooLong(name.to_owned())),
            // Whichever way it ends: a broker that is gone lets nothing out any more.
            Ok(_) | Err(ClientError::Silent) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn teach_value(&self, name: &str, placeholder: &str, value: String) -> Result<(), ClientError> {
        let message = Tell::Learn { name: name.to_owned(), placeholder: placeholder.to_owned(), value };
        self.teach(&message, name)
    }

    /// Tells the broker something, and gives what it answers until it closes the socket that came along.
    pub(crate) fn ask(&self, message: &Tell) -> Result<Vec<u8>, ClientError> {
        let bytes = protocol::encode(message)?;
        let (ours, theirs) = Channel::pair().map_err(ClientError::Unreachable)?;
        self.channel.send(&bytes, &[theirs.as_fd()]).map_err(ClientError::Unreachable)?;
        drop(theirs);
        let mut answer = Vec::new();
        loop {
            match ours.receive(protocol::PIECE) {
                Ok(piece) if piece.bytes.is_empty() => return Ok(answer),
                Ok(piece) => answer.extend_from_slice(&piece.bytes),
                Err(_) => return Err(ClientError::Silent),
            }
        }
    }
}
