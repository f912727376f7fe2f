//! Two connections, and the bytes that go from each to the other.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
};

use tegmen_sys::{
    events::{Events, Interest},
    network,
};
use zeroize::Zeroize;

/// So much is read at once.
pub(super) const CHUNK: usize = 64 * 1024;
/// So often one direction is served before the others get their turn.
const TURNS: usize = 8;

/// One direction.
#[derive(Default)]
struct Line {
    /// What was read and could not be written yet, from `at` on.
    kept: Vec<u8>,
    at: usize,
    /// Nothing more comes, and the other side knows it.
    ended: bool,
}

/// Two connections.
pub(super) struct Pair {
    ends: [TcpStream; 2],
    /// From the end of the same number to the other.
    lines: [Line; 2],
    /// What is waited for at each end.
    waits: [Interest; 2],
    /// The numbers of the ends among the events.
    numbers: [u64; 2],
}

impl Pair {
    /// Both connections have come about. Neither is among the events.
    pub(super) fn new(ends: [TcpStream; 2], numbers: [u64; 2], events: &Events) -> io::Result<Self> {
        for (end, number) in ends.iter().zip(numbers) {
            network::hurry(end);
            events.add(end, number, tegmen_sys::events::READ)?;
        }
        Ok(Self { ends, lines: Default::default(), waits: [tegmen_sys::events::READ; 2], numbers })
    }

    /// Moves what can be moved. Returns whether there is anything left to do.
    ///
    /// # Errors
    /// When one end was cut off; the other is then, too.
    pub(super) fn serve(&mut self, chunk: &mut [u8], events: &Events) -> io::Result<bool> {
        for from in [0, 1] {
            if let Err(error) = self.pass(from, chunk) {
                self.cut();
                return Err(error);
            }
        }
        if self.lines.iter().all(|line| line.ended) {
            return Ok(false);
        }
        for end in [0, 1] {
            self.wait(end, events)?;
        }
        Ok(true)
    }

    fn pass(&mut self, from: usize, chunk: &mut [u8]) -> io::Result<()> {
        let (line, to) = (&mut self.lines[from], 1 - from);
        for _ in 0..TURNS {
            while line.at < line.kept.len() {
                match (&self.ends[to]).write(&line.kept[line.at..]) {
                    Ok(count) => line.at += count,
                    // One that is not read from tells by this alone that it was cut off.
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        return network::came_about(&self.ends[from]);
                    }
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            // A request without TLS has the value in it.
            line.kept.zeroize();
            line.at = 0;
            if line.ended {
                // One that was cut off after its end tells of it until somebody asks.
                return network::came_about(&self.ends[from]);
            }
            match (&self.ends[from]).read(chunk) {
                Ok(0) => {
                    line.ended = true;
                    // One that has gone away need not be told.
                    let _ = self.ends[to].shutdown(Shutdown::Write);
                    return Ok(());
                }
                Ok(count) => {
                    let written = match (&self.ends[to]).write(&chunk[..count]) {
                        Ok(written) => written,
                        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => 0,
                        Err(error) => return Err(error),
                    };
                    line.kept.extend(&chunk[written..count]);
                    chunk[..count].zeroize();
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn wait(&mut self, end: usize, events: &Events) -> io::Result<()> {
        let (own, other) = (&self.lines[end], &self.lines[1 - end]);
        let interest = Interest { read: own.kept.is_empty() && !own.ended, write: !other.kept.is_empty() };
        if self.waits[end] == interest {
            return Ok(());
        }
        self.waits[end] = interest;
        events.change(&self.ends[end], self.numbers[end], interest)
    }

    /// Cuts both off.
    fn cut(&self) {
        self.ends.iter().for_each(network::cut);
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.lines.iter_mut().for_each(|line| line.kept.zeroize());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two connections with a pair between them.
    fn world() -> (TcpStream, TcpStream, Pair, Events) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let made = || {
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let server = listener.accept().unwrap().0;
            server.set_nonblocking(true).unwrap();
            (client, server)
        };
        let ((left, a), (right, b)) = (made(), made());
        let events = Events::new().unwrap();
        let pair = Pair::new([a, b], [2, 3], &events).unwrap();
        (left, right, pair, events)
    }

    fn serve_until_done(mut pair: Pair, events: &Events) -> io::Result<()> {
        let (mut happened, mut chunk) = (Vec::new(), vec![0; CHUNK]);
        loop {
            events.wait(&mut happened, None)?;
            if !pair.serve(&mut chunk, events)? {
                return Ok(());
            }
        }
    }

    #[test]
    fn what_goes_in_comes_out_in_both_directions_and_ends() {
        let (mut left, mut right, pair, events) = world();
        let relay = std::thread::spawn(move || serve_until_done(pair, &events));
        let sent: Vec<u8> = (0..3_000_000u32).map(|number| number as u8).collect();
        let there = sent.clone();
        let writer = std::thread::spawn(move || {
            left.write_all(&there).unwrap();
            left.shutdown(Shutdown::Write).unwrap();
            let mut back = Vec::new();
            left.read_to_end(&mut back).unwrap();
            back
        });
        let mut received = Vec::new();
        // Slower than the writer: the relay has to keep some of it.
        std::thread::sleep(std::time::Duration::from_millis(50));
        right.read_to_end(&mut received).unwrap();
        assert!(received == sent);
        right.write_all(b"done").unwrap();
        drop(right);
        assert_eq!(writer.join().unwrap(), b"done");
        relay.join().unwrap().unwrap();
    }

    #[test]
    fn an_end_is_told_whenever_it_comes() {
        // The end is the last thing of a turn, for one of these.
        for length in 1..=2 * TURNS {
            let (mut left, mut right, mut pair, events) = world();
            left.write_all(&vec![7; length]).unwrap();
            left.shutdown(Shutdown::Write).unwrap();
            right.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
            std::thread::spawn(move || {
                let mut happened = Vec::new();
                while events.wait(&mut happened, Some(std::time::Duration::from_secs(6))).is_ok()
                    && !happened.is_empty()
                {
                    // A byte at a time.
                    let _ = pair.serve(&mut [0], &events);
                }
            });
            let mut received = Vec::new();
            right.read_to_end(&mut received).unwrap();
            assert_eq!(received.len(), length);
        }
    }

    #[test]
    fn a_connection_that_is_cut_off_is_cut_off_at_the_other_end() {
        let (mut left, right, pair, events) = world();
        let relay = std::thread::spawn(move || serve_until_done(pair, &events));
        network::cut(&right);
        drop(right);
        assert!(relay.join().unwrap().is_err());
        assert_eq!(left.read(&mut [0; 10]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    }

    /// Serves until nothing moves any more.
    fn serve_until_still(pair: &mut Pair, events: &Events) {
        let mut happened = Vec::new();
        for _ in 0..1000 {
            assert!(pair.serve(&mut vec![0; CHUNK], events).unwrap());
            events.wait(&mut happened, Some(std::time::Duration::from_millis(50))).unwrap();
            if happened.is_empty() {
                return;
            }
        }
        panic!("it never comes to rest");
    }

    /// Writes until the other side takes nothing more, and the pair between them keeps some of it.
    fn fill(mut from: &TcpStream, pair: &mut Pair, events: &Events) {
        while pair.lines[0].kept.is_empty() {
            from.write_all(&[7; CHUNK]).unwrap();
            serve_until_still(pair, events);
        }
    }

    #[test]
    fn one_that_is_cut_off_while_the_other_does_not_read_is_not_kept() {
        let (left, mut right, mut pair, events) = world();
        fill(&left, &mut pair, &events);
        network::cut(&left);
        drop(left);
        let mut happened = Vec::new();
        events.wait(&mut happened, Some(std::time::Duration::from_secs(5))).unwrap();
        assert!(!happened.is_empty());
        assert!(pair.serve(&mut vec![0; CHUNK], &events).is_err());
        drop(pair);
        let mut all = Vec::new();
        assert_eq!(right.read_to_end(&mut all).unwrap_err().kind(), ErrorKind::ConnectionReset);
    }

    #[test]
    fn an_end_that_is_closed_while_the_other_does_not_read_wakes_nobody() {
        let (left, right, mut pair, events) = world();
        right.shutdown(Shutdown::Write).unwrap();
        serve_until_still(&mut pair, &events);
        fill(&left, &mut pair, &events);
        left.shutdown(Shutdown::Write).unwrap();
        // Told once, not for as long as the other does not read.
        serve_until_still(&mut pair, &events);
        assert!(!pair.lines[0].kept.is_empty());
        drop((left, right));
    }
}
