//! What paths of Vault were answered with, and who waits for such an answer.

use std::{
    collections::HashMap,
    net::TcpStream,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::http::Answer;

/// How long a refusal is repeated without asking again: a thousand users that start ask a thousand times.
const REFUSAL: Duration = Duration::from_secs(3);
/// From so many paths on, refusals that hold no longer are forgotten.
const MANY: usize = 1000;

/// A path, and the version that was asked for by its number.
pub(super) type Asked = (String, Option<u64>);

/// By path.
#[derive(Default)]
pub(super) struct Known(Mutex<HashMap<Asked, State>>);

enum State {
    /// Vault is being asked. These wait for it.
    Asked(Vec<TcpStream>),
    /// The answer, and until when it holds; `None`: for good.
    Answered(Arc<Answer>, Option<Instant>),
}

/// What there is to do for somebody who asks for a path.
pub(super) enum Met {
    /// It is known.
    Answer(TcpStream, Arc<Answer>),
    /// They are the first: Vault is to be asked.
    First,
    /// They wait with others for the answer.
    Waits,
}

impl Known {
    fn lock(&self) -> MutexGuard<'_, HashMap<Asked, State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody asks.
    pub(super) fn meet(&self, asked: &Asked, stream: TcpStream) -> Met {
        let mut states = self.lock();
        match states.get_mut(asked) {
            Some(State::Answered(answer, until)) if until.is_none_or(|until| until > Instant::now()) => {
                Met::Answer(stream, Arc::clone(answer))
            }
            Some(State::Asked(waiting)) => {
                waiting.push(stream);
                Met::Waits
            }
            _ => {
                states.insert(asked.clone(), State::Asked(vec![stream]));
                Met::First
            }
        }
    }

    /// Vault has answered: gives back who waits for it.
    pub(super) fn learn(&self, asked: &Asked, answer: &Arc<Answer>) -> Vec<TcpStream> {
        let now = Instant::now();
        let until = (answer.status >= 400).then(|| now + REFUSAL);
        let mut states = self.lock();
        if states.len() >= MANY {
            states.retain(|_, state| !matches!(state, State::Answered(_, Some(until)) if *until <= now));
        }
        match states.insert(asked.clone(), State::Answered(Arc::clone(answer), until)) {
            Some(State::Asked(waiting)) => waiting,
            _ => Vec::new(),
        }
    }
}
