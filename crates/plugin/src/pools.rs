//! Borrowing records of pools from the broker.
//!
//! Each process has a socket of its own for it, so that the broker sees the end of the process and takes back what it
//! has. Nothing in here waits: whoever asks looks later whether the answer is there.

use std::os::fd::{AsFd, AsRawFd};

use tegmen_secret::SecretBytes;
use tegmen_sys::channel::Channel;
use tegmen_wire::{
    placeholder::Maker,
    protocol::{self, Ask, Lending, Lent, LentField, LentKind, Tell},
    table::Binding,
};
use zeroize::{Zeroize, Zeroizing};

use crate::{Client, ClientError};

/// What is asked of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// What there is to know of it.
    Describe,
    /// A record.
    Checkout,
    /// A record, once more.
    CheckoutAgain,
}

/// The socket of this process, and its questions.
#[derive(Default)]
pub struct Borrowing {
    channel: Option<Channel>,
    asked: u64,
}

/// What the broker said.
pub enum Answer {
    /// A record.
    Record {
        /// For giving it back.
        record: u32,
        /// Its fields.
        fields: Vec<Field>,
        /// Whether somebody else has it too.
        shared: bool,
    },
    /// All are out: how many there are, whether users wait, and for how many milliseconds at most.
    Empty {
        /// How many there are.
        size: u32,
        /// Whether a user waits for one.
        waits: bool,
        /// For how many milliseconds at most.
        limit: Option<u64>,
    },
    /// How many records the pool has.
    Size(u32),
    /// There is no such pool, but these.
    Unknown(Vec<String>),
    /// It cannot be given out.
    Failed(String),
}

/// A field of a record.
pub struct Field {
    /// Its name.
    pub name: String,
    /// What Python sees: text, JSON, or the placeholder.
    pub text: String,
    /// Which of them.
    pub kind: LentKind,
    /// What outputs show for it, if it is secret.
    pub label: String,
}

impl Client {
    /// Asks a question about a pool. Gives the number of the question, and the
    /// descriptor that can be read when there is an answer.
    ///
    /// # Errors
    /// When the broker is gone.
    pub fn ask_pool(&mut self, pool: &str, question: Question) -> Result<(u64, i32), ClientError> {
        if self.borrowing.channel.is_none() {
            let (ours, theirs) = Channel::pair().map_err(ClientError::Unreachable)?;
            // The broker looks at who asks.
            theirs.identify_senders().map_err(ClientError::Unreachable)?;
            let message = protocol::encode(&Tell::Pools)?;
            self.channel.send(&message, &[theirs.as_fd()]).map_err(ClientError::Unreachable)?;
            self.borrowing.channel = Some(ours);
        }
        self.borrowing.asked += 1;
        let (id, pool) = (self.borrowing.asked, pool.to_owned());
        let ask = match question {
            Question::Describe => Ask::Describe { id, pool },
            Question::Checkout | Question::CheckoutAgain => {
                Ask::Checkout { id, pool, again: question == Question::CheckoutAgain }
            }
        };
        let Some(channel) = &self.borrowing.channel else { return Err(ClientError::Malformed) };
        channel.send(&protocol::encode(&ask)?, &[]).map_err(ClientError::Unreachable)?;
        Ok((id, channel.as_fd().as_raw_fd()))
    }

    /// The answer to that question; `None` when it is not there yet. The answers to questions that nobody waits for any
    /// more are passed over, and their records given back.
    ///
    /// # Errors
    /// When the broker is gone, or the record cannot be taken in.
    pub fn pool_answer(&mut self, id: u64, pool: &str) -> Result<Option<Answer>, ClientError> {
        loop {
            let Some(channel) = &self.borrowing.channel else { return Err(ClientError::Malformed) };
            let mut received = match channel.receive_now(protocol::MAX_MESSAGE) {
                Ok(received) => received,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(ClientError::Unreachable(error)),
            };
            if received.bytes.is_empty() {
                let reason = "it closed the connection: does a debugger look into this process?".to_owned();
                return Err(ClientError::NotWelcome(reason));
            }
            let lending = protocol::decode::<Lending>(&received.bytes);
            received.bytes.zeroize();
            let mut lending = lending?;
            if lending.id == id {
                return self.taken_in(pool, lending.lent).map(Some);
            }
            lending.wipe();
            if let Lent::Record { record, .. } = lending.lent {
                self.return_record(&lending.pool, record);
            }
        }
    }

    fn taken_in(&mut self, pool: &str, lent: Lent) -> Result<Answer, ClientError> {
        Ok(match lent {
            Lent::Record { record, token, fields, binding, shared } => {
                let mut maker = Maker::at(self.local.tag(), token);
                let mut taken = Vec::with_capacity(fields.len());
                for field in fields {
                    taken.push(self.field(pool, field, &binding, &mut maker)?);
                }
                Answer::Record { record, fields: taken, shared }
            }
            Lent::Empty { size, waits, limit } => Answer::Empty { size, waits, limit },
            Lent::Description { size } => Answer::Size(size),
            Lent::Unknown { pools } => Answer::Unknown(pools),
            Lent::Failed { reason } => Answer::Failed(reason),
        })
    }

    fn field(
        &mut self,
        pool: &str,
        LentField { name, value, kind }: LentField,
        binding: &Binding,
        maker: &mut Maker,
    ) -> Result<Field, ClientError> {
        if kind != LentKind::Secret {
            return Ok(Field { name, text: value, kind, label: String::new() });
        }
        let value = SecretBytes::new(Zeroizing::new(value).as_bytes().to_vec());
        let placeholder = maker.make(&value)?;
        let label = format!("{pool}.{name}");
        let is_new = self.local.lend(Binding { name: label.clone(), ..binding.clone() }, &placeholder, &value);
        if is_new {
            self.look_for_lent(&label, &value, &placeholder);
        }
        Ok(Field { name, text: placeholder.text, kind, label })
    }

    /// Gives a record back: its placeholders stand for nothing any more, unless somebody else here has it too.
    pub fn give_back(&mut self, pool: &str, record: u32, placeholders: &[String]) {
        for placeholder in placeholders {
            self.local.forget(placeholder);
        }
        self.lines.forget();
        self.return_record(pool, record);
    }

    /// A broker that is gone needs nothing back.
    fn return_record(&self, pool: &str, record: u32) {
        if let Some(channel) = &self.borrowing.channel
            && let Ok(message) = protocol::encode(&Ask::Return { pool: pool.to_owned(), record })
        {
            let _ = channel.send(&message, &[]);
        }
    }
}

impl Borrowing {
    /// In a forked child: what its parent has borrowed is the parent's, and so is the socket.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}
