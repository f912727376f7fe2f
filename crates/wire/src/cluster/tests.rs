use proptest::prelude::*;

use super::{
    ClusterKey, KeyOrigin, Master, Note, Received, Way, WeakKey, Worker,
    frame::{Frame, SEALED_HEAD},
};

const NODE: &[u8] = b"host_5f1e";

fn key(text: &str) -> ClusterKey {
    ClusterKey::new(format!("{text}, long enough for a key").as_bytes(), KeyOrigin::Manifest).unwrap()
}

fn run_key(text: &str) -> ClusterKey {
    ClusterKey::new(format!("{text}, long enough for a key").as_bytes(), KeyOrigin::Run).unwrap()
}

/// Both ends, and everything that passed between them.
struct Both {
    worker: Worker,
    master: Master,
    worker_key: ClusterKey,
    master_key: ClusterKey,
    to_master: Vec<Vec<u8>>,
    to_worker: Vec<Vec<u8>>,
}

impl Both {
    fn new(worker_key: ClusterKey, master_key: ClusterKey) -> Self {
        let (worker, master) = (Worker::new(NODE), Master::new());
        Self { worker, master, worker_key, master_key, to_master: Vec::new(), to_worker: Vec::new() }
    }

    /// Lets in a worker that has something to say; what the master heard, and what both noted.
    fn meet(&mut self) -> (Vec<Vec<u8>>, Vec<Note>) {
        let first = self.worker.send(&self.worker_key, b"ready").unwrap();
        self.pass(first)
    }

    fn pass(&mut self, mut frames: Vec<Vec<u8>>) -> (Vec<Vec<u8>>, Vec<Note>) {
        let (mut heard, mut notes) = (Vec::new(), Vec::new());
        while !frames.is_empty() {
            let mut back = Vec::new();
            for frame in std::mem::take(&mut frames) {
                let received = self.at_master(&frame);
                notes.extend(received.note);
                heard.extend(received.message);
                back.extend(received.replies);
                self.to_master.push(frame);
            }
            for frame in back {
                let received = self.at_worker(&frame);
                notes.extend(received.note);
                assert_eq!(received.message, None);
                frames.extend(received.replies);
                self.to_worker.push(frame);
            }
        }
        (heard, notes)
    }

    fn at_master(&mut self, frame: &[u8]) -> Received {
        self.master.receive(&self.master_key, NODE, frame).unwrap()
    }

    fn at_worker(&mut self, frame: &[u8]) -> Received {
        self.worker.receive(&self.worker_key, frame).unwrap()
    }

    fn says_worker(&mut self, message: &[u8]) -> Vec<u8> {
        let mut frames = self.worker.send(&self.worker_key, message).unwrap();
        assert_eq!(frames.len(), 1);
        frames.remove(0)
    }

    fn says_master(&mut self, message: &[u8]) -> Vec<u8> {
        self.master.send(NODE, message).unwrap().unwrap()
    }
}

fn sealed() -> Both {
    let mut both = Both::new(key("one"), key("one"));
    let (heard, notes) = both.meet();
    assert_eq!((heard, notes), (vec![b"ready".to_vec()], vec![Note::Sealed, Note::Sealed]));
    both
}

#[test]
fn the_same_key_seals_both_directions() {
    let mut both = sealed();
    assert_eq!((both.worker.way(), both.master.way(NODE)), (Way::Sealed, Way::Sealed));
    for text in ["statistics", "", "more of them"] {
        let frame = both.says_worker(text.as_bytes());
        assert!(text.is_empty() || !contains(&frame, text.as_bytes()), "encrypted");
        assert_eq!(both.at_master(&frame), Received::message(text.as_bytes().to_vec()));
        let frame = both.says_master(text.as_bytes());
        assert!(text.is_empty() || !contains(&frame, text.as_bytes()), "encrypted");
        assert_eq!(both.at_worker(&frame), Received::message(text.as_bytes().to_vec()));
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(bytes, part).is_some()
}

#[test]
fn what_is_said_before_the_answer_is_not_lost_and_not_said_twice() {
    let mut both = Both::new(key("one"), key("one"));
    let mut frames = both.worker.send(&both.worker_key, b"ready").unwrap();
    frames.extend(both.worker.send(&both.worker_key, b"ready").unwrap());
    frames.extend(both.worker.send(&both.worker_key, b"heartbeat").unwrap());
    assert_eq!(frames.len(), 3, "the question is repeated: the first may have been lost");
    let (heard, notes) = both.pass(frames);
    assert_eq!(heard, [b"ready".to_vec(), b"heartbeat".to_vec()]);
    assert_eq!(notes, [Note::Sealed, Note::Sealed]);
}

#[test]
fn another_key_is_refused_and_the_worker_is_told_why() {
    for (worker, master, at_master, at_worker) in [
        (key("one"), key("other"), Note::OtherKey, Note::OtherKey),
        (run_key("one"), key("other"), Note::KeyMissingThere, Note::KeyMissingHere),
        (key("one"), run_key("other"), Note::KeyMissingHere, Note::KeyMissingThere),
    ] {
        let mut both = Both::new(worker, master);
        let (heard, notes) = both.meet();
        assert_eq!(notes, [at_master, at_worker]);
        assert!(heard.is_empty());
        assert_eq!((both.worker.way(), both.master.way(NODE)), (Way::Unknown, Way::Unknown));
        assert_eq!(both.master.send(NODE, b"spawn").unwrap(), None);
    }
}

#[test]
fn a_worker_that_was_refused_gets_in_with_the_right_key() {
    let mut both = Both::new(key("one"), key("other"));
    both.meet();
    both.worker_key = key("other");
    let (heard, notes) = both.meet();
    assert_eq!((heard.len(), notes), (1, vec![Note::Sealed, Note::Sealed]));
}

#[test]
fn a_refusal_that_somebody_makes_up_keeps_nobody_out() {
    let mut both = Both::new(key("one"), key("one"));
    let hello = both.worker.send(&both.worker_key, b"ready").unwrap();
    let refused = super::frame::refused(super::frame::Refusal::OtherKey);
    assert_eq!(both.at_worker(&refused), Received::note(Note::OtherKey));
    let (heard, notes) = both.pass(hello);
    assert_eq!((heard, notes), (vec![b"ready".to_vec()], vec![Note::Sealed, Note::Sealed]));
}

#[test]
fn without_a_key_strangers_talk_in_the_open_and_one_run_does_not() {
    let mut both = Both::new(run_key("one"), run_key("other"));
    let (heard, notes) = both.meet();
    assert_eq!((heard, notes), (vec![b"ready".to_vec()], vec![Note::Open, Note::Open]));
    assert_eq!((both.worker.way(), both.master.way(NODE)), (Way::Open, Way::Open));
    let frame = both.says_master(b"spawn");
    assert_eq!(both.at_worker(&frame), Received::message(b"spawn".to_vec()));
    let mut both = Both::new(run_key("one"), run_key("one"));
    let (_, notes) = both.meet();
    assert_eq!(notes, [Note::Sealed, Note::Sealed]);
}

#[test]
fn a_key_is_never_given_up_for_the_open_way() {
    // Somebody between them answers in the master's place.
    let mut both = Both::new(key("one"), key("one"));
    let hello = both.worker.send(&both.worker_key, b"ready").unwrap().remove(0);
    let Ok(Frame::Hello(said)) = Frame::read(&hello) else { panic!("no hello") };
    let open = super::frame::open_welcome(said.random);
    assert_eq!(both.at_worker(&open), Received::note(Note::KeyMissingThere));
    assert_eq!(both.worker.way(), Way::Unknown);
    let spawn = super::frame::open(b"spawn");
    assert_eq!(both.at_worker(&spawn), Received::note(Note::WrongWay));
    // And in the worker's: with the flag off, with a code of nothing.
    let mut both = sealed();
    assert_eq!(both.at_master(&super::frame::open(b"stats")), Received::note(Note::WrongWay));
    // A forked worker is not talked out of its seal either.
    let mut both = Both::new(run_key("one"), run_key("one"));
    both.meet();
    let mut stranger = Worker::new(NODE);
    let hello = stranger.send(&run_key("other"), b"ready").unwrap().remove(0);
    assert_eq!(both.at_master(&hello), Received::note(Note::WrongWay));
    assert_eq!(both.master.way(NODE), Way::Sealed);
}

#[test]
fn what_was_here_before_is_refused() {
    let mut both = sealed();
    let (first, second) = (both.says_worker(b"first"), both.says_worker(b"second"));
    assert_eq!(both.at_master(&second), Received::message(b"second".to_vec()));
    assert_eq!(both.at_master(&second), Received::note(Note::Repeated));
    assert_eq!(both.at_master(&first), Received::note(Note::Repeated), "out of order");
    let spawn = both.says_master(b"spawn");
    assert_eq!(both.at_worker(&spawn), Received::message(b"spawn".to_vec()));
    assert_eq!(both.at_worker(&spawn), Received::note(Note::Repeated));
    assert_eq!(both.at_master(&spawn), Received::note(Note::Altered), "sent back to where it came from");
}

#[test]
fn a_recorded_session_is_worth_nothing_later() {
    let mut old = sealed();
    let said = old.says_worker(b"stats");
    let told = old.says_master(b"spawn");
    let recorded = old.to_master.clone();

    // The master was started anew, and somebody plays the worker from the record.
    let mut both = Both::new(key("one"), key("one"));
    for frame in recorded.iter().chain([&said]) {
        let received = both.at_master(frame);
        assert_eq!(received.message, None);
    }
    assert_eq!(both.master.way(NODE), Way::Unknown, "nobody has proved to have the key");
    // The real worker is not kept out by it.
    let (heard, _) = both.meet();
    assert_eq!(heard, [b"ready".to_vec()]);
    // Nor does the record of the handshake do anything to it.
    for frame in recorded.iter().chain([&said]) {
        assert_eq!(both.at_master(frame).message, None);
    }
    let frame = both.says_worker(b"stats");
    assert_eq!(both.at_master(&frame), Received::message(b"stats".to_vec()));

    // The worker was started anew, and somebody plays the master.
    let mut both = Both::new(key("one"), key("one"));
    both.worker.send(&both.worker_key, b"ready").unwrap();
    for frame in old.to_worker.iter().chain([&told]) {
        assert_eq!(both.at_worker(frame).message, None);
    }
    assert_eq!(both.worker.way(), Way::Unknown);
}

#[test]
fn every_altered_bit_is_refused() {
    let mut both = sealed();
    let mut sent = both.says_worker(b"user count: 10");
    for at in 0..sent.len() * 8 {
        sent[at / 8] ^= 1 << (at % 8);
        let received = both.at_master(&sent);
        assert_eq!(received.message, None, "bit {at}");
        assert!(received.note.is_some(), "bit {at}");
        sent[at / 8] ^= 1 << (at % 8);
    }
    for length in 0..sent.len() {
        assert_eq!(both.at_master(&sent[..length]).message, None, "cut at {length}");
    }
    let longer = [sent.as_slice(), b"x"].concat();
    assert_eq!(both.at_master(&longer).message, None);
    assert_eq!(both.at_master(&sent), Received::message(b"user count: 10".to_vec()), "and nothing was lost by it");
}

#[test]
fn every_altered_bit_of_the_handshake_is_refused() {
    for at in 0.. {
        let mut both = Both::new(key("one"), key("one"));
        let mut hello = both.worker.send(&both.worker_key, b"ready").unwrap().remove(0);
        if at == hello.len() * 8 {
            break;
        }
        hello[at / 8] ^= 1 << (at % 8);
        let received = both.at_master(&hello);
        let welcomed = received.replies.iter().any(|reply| matches!(Frame::read(reply), Ok(Frame::Welcome(_))));
        assert!(!welcomed, "bit {at} of the hello");
    }
    for at in 0.. {
        let mut both = Both::new(key("one"), key("one"));
        let hello = both.worker.send(&both.worker_key, b"ready").unwrap().remove(0);
        let mut welcome = both.at_master(&hello).replies.remove(0);
        if at == welcome.len() * 8 {
            break;
        }
        welcome[at / 8] ^= 1 << (at % 8);
        both.at_worker(&welcome);
        assert_eq!(both.worker.way(), Way::Unknown, "bit {at} of the welcome");
    }
}

#[test]
fn a_worker_cannot_speak_under_anothers_name() {
    let mut both = sealed();
    let frame = both.says_worker(b"stats");
    // It has the key, and so gets in under its own name only.
    let received = both.master.receive(&both.master_key, b"another", &frame).unwrap();
    assert_eq!(received.note, Some(Note::UnknownSession));
    let hello = both.to_master[0].clone();
    let received = both.master.receive(&both.master_key, b"another", &hello).unwrap();
    assert_eq!(received.note, Some(Note::OtherKey));
}

#[test]
fn a_master_that_was_started_anew_is_found_again() {
    let mut both = sealed();
    both.master = Master::new();
    let lost = both.says_worker(b"lost");
    let (heard, notes) = both.pass(vec![lost]);
    assert_eq!((heard.len(), notes), (0, vec![Note::UnknownSession, Note::Sealed]));
    let frame = both.says_worker(b"heartbeat");
    assert_eq!(both.at_master(&frame).message, Some(b"heartbeat".to_vec()));
}

#[test]
fn a_worker_whose_connection_was_made_anew_keeps_its_name() {
    let mut both = sealed();
    both.worker = Worker::new(NODE);
    let (heard, notes) = both.meet();
    assert_eq!((heard, notes), (vec![b"ready".to_vec()], vec![Note::Sealed, Note::Sealed]));
}

#[test]
fn plain_locust_is_told_from_us() {
    let mut both = Both::new(key("one"), key("one"));
    // A list of three of MessagePack, as all of Locust's messages are.
    let plain = [0x93, 0xac, b'c', b'l', b'i', b'e', b'n', b't', b'_', b'r', b'e', b'a', b'd', b'y'];
    assert_eq!(both.at_master(&plain), Received::note(Note::Foreign));
    assert_eq!(both.at_worker(&plain), Received::note(Note::Foreign));
    assert_eq!(both.at_master(b""), Received::note(Note::Foreign));
    assert_eq!(both.at_master(b"tgm"), Received::note(Note::Malformed));
    assert_eq!(both.at_master(b"tgm\x02h"), Received::note(Note::Malformed), "another version");
}

#[test]
fn a_short_key_is_refused() {
    assert_eq!(ClusterKey::new(b"hunter2", KeyOrigin::Manifest).err(), Some(WeakKey(7)));
}

#[test]
fn who_was_not_heard_of_for_long_is_forgotten() {
    let (mut master, own) = (Master::new(), run_key("master"));
    let theirs = run_key("another");
    let hello = |node: &[u8], key: &ClusterKey| Worker::new(node).send(key, b"ready").unwrap().remove(0);
    let first = hello(b"first", &theirs);
    master.receive(&own, b"first", &first).unwrap();
    for number in 0..super::master::REMEMBERED as u32 {
        master.receive(&own, &number.to_be_bytes(), &hello(&number.to_be_bytes(), &theirs)).unwrap();
    }
    assert_eq!(master.way(b"first"), Way::Unknown);
    assert_eq!(master.way(&7u32.to_be_bytes()), Way::Open);
}

proptest! {
    #[test]
    fn anything_may_come(mut bytes in prop::collection::vec(any::<u8>(), 0..300), kind in 0..8usize) {
        if let Some(kind) = b"hwpsoru".get(kind) {
            bytes.splice(0..0, [b't', b'g', b'm', 1, *kind]);
        }
        let mut both = sealed();
        prop_assert_eq!(both.at_master(&bytes).message, None);
        prop_assert_eq!(both.at_worker(&bytes).message, None);
        let frame = both.says_worker(b"still here");
        prop_assert_eq!(both.at_master(&frame).message, Some(b"still here".to_vec()));
    }

    #[test]
    fn every_message_arrives_once(messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..2000), 1..8)) {
        let mut both = sealed();
        for message in messages {
            let frame = both.says_worker(&message);
            prop_assert_eq!(frame.len(), SEALED_HEAD + message.len() + 16);
            prop_assert_eq!(both.at_master(&frame).message, Some(message));
            prop_assert_eq!(both.at_master(&frame).note, Some(Note::Repeated));
        }
    }
}
