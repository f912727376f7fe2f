//! The process inside: stands at the gates, leads through, answers for names. It decides nothing.

use std::{
    collections::{HashMap, VecDeque},
    ffi::OsString,
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::{Duration, Instant},
};

use tegmen_sys::{
    channel::{Channel, Listener},
    events::{Events, Interest, READ, WRITE},
    hardening, limits,
    network::{self, Network, Right, Spaces},
    process,
    signals::SignalMask,
};
use tegmen_wire::names::Question;

use super::{
    messages::{Begin, FromInside, MAX, Outcome, ToInside, decoded, encoded, receive, send},
    pair::{CHUNK, Pair},
};

/// Its own name, in place of the program's.
pub(super) const NAME: &str = "run-relay";
/// The number of the line to the broker among the events; those of others are counted from the next but one.
const LINE: u64 = 0;
const NAMES: u16 = 53;
/// So long a gate stays shut before somebody is looked for behind it.
const AGAIN: Duration = Duration::from_millis(50);
/// So many questions may wait for an answer.
const QUESTIONS: usize = 1024;

/// To be called first thing in `main`: when this process was started as a relay, it does its work here, and the status to exit
/// with comes back. `None`: this is something else.
#[must_use]
pub fn run_if_asked() -> Option<u8> {
    let mut arguments = std::env::args_os();
    if arguments.next()? != NAME {
        return None;
    }
    Some(match begin(arguments.next()).and_then(|mut inside| inside.serve()) {
        Ok(()) => 0,
        Err(_) => 125,
    })
}

fn begin(number: Option<OsString>) -> io::Result<Inside> {
    SignalMask::block_all();
    process::set_name(c"run-relay")?;
    // Each connection of the test takes two.
    limits::lift_descriptors();
    let number = number.and_then(|number| number.into_string().ok()).and_then(|number| number.parse().ok());
    let line = Channel::from_fd(process::inherited(number.ok_or(ErrorKind::InvalidInput)?)?);
    let (ToInside::Begin(begin), _) = receive(&line)? else { return Err(ErrorKind::InvalidData.into()) };
    match world(&begin) {
        Ok((network, spaces, channel, resolvers)) => {
            // Not before: the user namespace is set up through /proc, where a process that is closed has nothing of its own.
            hardening::forbid_inspection()?;
            let along = [channel.as_fd(), spaces.network.as_fd()].into_iter();
            let along: Vec<BorrowedFd<'_>> = along.chain(spaces.user.iter().map(AsFd::as_fd)).collect();
            send(&line, &FromInside::Ready, &along)?;
            Inside::new(line, network, resolvers)
        }
        Err(why) => {
            send(&line, &FromInside::Failed { why }, &[])?;
            Err(ErrorKind::Other.into())
        }
    }
}

type World = (Network, Spaces, OwnedFd, Vec<UdpSocket>);

fn world(begin: &Begin) -> Result<World, String> {
    let network = Network::enter(if begin.user { Right::UserNamespace } else { Right::Own });
    let network = network.map_err(|error| error.to_string())?;
    let told = |error: io::Error| error.to_string();
    let spaces = network.spaces().map_err(told)?;
    // The broker listens on it: the plugin looks who does.
    let channel = Listener::named(&begin.channel).map_err(told)?;
    let resolver = |address: &IpAddr| {
        // One without IPv6 here has none that answers by it.
        network.stand_at(*address).ok()?;
        network::datagrams(SocketAddr::new(*address, NAMES)).ok()
    };
    let resolvers = begin.resolvers.iter().filter_map(resolver).collect();
    Ok((network, spaces, channel, resolvers))
}

/// What stands behind a number among the events.
enum Post {
    /// Whoever connects here wants to go somewhere.
    Gate(Gate),
    /// Whoever connects here, outside, wants to come in there.
    Door(TcpListener, SocketAddr),
    /// Where names are asked for.
    Names(UdpSocket),
    /// A connection whose other half the broker is dialling, not among the events; and the number of the gate or door.
    Asking(TcpStream, u64),
    /// Two halves, of which the second is coming about; the number is that of the second.
    Coming(TcpStream, TcpStream, u64),
    /// Two halves. The first has this number, the second the next.
    Pair(Box<Pair>, u64),
    /// Whether anybody is there again, behind the gate of that number, is being asked; a connection that is to tell.
    Trying(Option<TcpStream>, u64),
}

impl Post {
    fn listener(&self) -> Option<&TcpListener> {
        match self {
            Self::Gate(gate) => gate.listener.as_ref(),
            Self::Door(listener, _) => Some(listener),
            _ => None,
        }
    }
}

/// An address of a host. It is shut while nobody is there, so that who connects is refused, as they would be without us: what
/// has been taken can only be cut off.
struct Gate {
    to: SocketAddr,
    /// `None`: shut.
    listener: Option<TcpListener>,
    /// How many connections lead through. While there is one, somebody is there, and who is refused is refused alone.
    through: usize,
}

struct Inside {
    line: Channel,
    network: Network,
    events: Events,
    posts: HashMap<u64, Post>,
    /// The next number. Even ones are given out; the odd one after is for the second half of a pair.
    next: u64,
    /// Gates that are shut, and when it is tried again whether anybody is there.
    shut: VecDeque<(Instant, u64)>,
    /// Gates and doors at which more wait than there are descriptors for, and when they are looked after again.
    full: VecDeque<(Instant, u64)>,
    /// Messages that the line did not take yet.
    waiting: VecDeque<Vec<u8>>,
    /// Questions whose answer the broker is looking for, and where from: the number of the socket and the address.
    questions: HashMap<String, Vec<(u64, SocketAddr, Question)>>,
    chunk: Vec<u8>,
}

impl Inside {
    fn new(line: Channel, network: Network, resolvers: Vec<UdpSocket>) -> io::Result<Self> {
        let events = Events::new()?;
        events.add(&line, LINE, READ)?;
        let mut inside = Self {
            line,
            network,
            events,
            posts: HashMap::new(),
            next: 2,
            shut: VecDeque::new(),
            full: VecDeque::new(),
            waiting: VecDeque::new(),
            questions: HashMap::new(),
            chunk: vec![0; CHUNK],
        };
        for socket in resolvers {
            let number = inside.number();
            inside.events.add(&socket, number, READ)?;
            inside.posts.insert(number, Post::Names(socket));
        }
        Ok(inside)
    }

    fn number(&mut self) -> u64 {
        self.next += 2;
        self.next
    }

    /// Until the broker is gone.
    fn serve(&mut self) -> io::Result<()> {
        let mut happened = Vec::new();
        loop {
            let next = self.shut.front().into_iter().chain(self.full.front()).map(|(at, _)| *at).min();
            let until = next.map(|at| at.saturating_duration_since(Instant::now()));
            self.events.wait(&mut happened, until)?;
            for number in &happened {
                if *number == LINE {
                    self.line()?;
                } else {
                    self.post(number & !1);
                }
            }
            self.try_again();
            self.speak()?;
        }
    }

    /// Asks for a connection to where nobody was.
    fn try_again(&mut self) {
        while let Some((_, gate)) = self.shut.pop_front_if(|(at, _)| *at <= Instant::now()) {
            let Some(Post::Gate(Gate { to, .. })) = self.posts.get(&gate) else { continue };
            let (to, number) = (*to, self.number());
            self.posts.insert(number, Post::Trying(None, gate));
            self.say(&FromInside::Dial { number, to });
        }
        while let Some((_, number)) = self.full.pop_front_if(|(at, _)| *at <= Instant::now()) {
            if let Some(listener) = self.posts.get(&number).and_then(Post::listener) {
                // It was waited for before.
                let _ = self.events.change(listener, number, READ);
            }
        }
    }

    /// Looks away from a gate or a door for a while: it would be told over and over that somebody waits.
    fn look_away(&mut self, listener: &TcpListener, number: u64) {
        if self.events.change(listener, number, Interest::default()).is_ok() {
            self.full.push_back((Instant::now() + AGAIN, number));
        }
    }

    fn say(&mut self, message: &FromInside) {
        // Every message is shorter than the longest.
        self.waiting.extend(encoded(message));
    }

    /// Says what waits, as far as the line takes it: the broker may be saying something itself.
    fn speak(&mut self) -> io::Result<()> {
        while let Some(message) = self.waiting.front() {
            match self.line.send_now(message, &[]) {
                Ok(()) => drop(self.waiting.pop_front()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        self.events.change(&self.line, LINE, Interest { read: true, write: !self.waiting.is_empty() })
    }

    /// Hears what the broker says.
    fn line(&mut self) -> io::Result<()> {
        loop {
            let received = match self.line.receive_now(MAX) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                other => other?,
            };
            let (message, mut along) = decoded(received)?;
            match message {
                ToInside::Begin(_) => {}
                ToInside::Stand(addresses) => addresses.into_iter().for_each(|address| self.stand_at(address)),
                ToInside::Door { inside } => {
                    if let Some(listener) = along.pop() {
                        // Its address need not be one that this network has.
                        let _ = self.network.stand_at(inside.ip());
                        let listener = TcpListener::from(listener);
                        let number = self.number();
                        if self.events.add(&listener, number, READ).is_ok() {
                            self.posts.insert(number, Post::Door(listener, inside));
                        }
                    }
                }
                ToInside::Dialled { number, outcome } => {
                    self.dialled(number, outcome, along.pop().map(TcpStream::from));
                }
                ToInside::Known { name, addresses } => self.known(&name, addresses.as_deref()),
            }
        }
    }

    /// One that cannot be had is one that nobody can connect to.
    fn stand_at(&mut self, address: SocketAddr) {
        if self.network.stand_at(address.ip()).is_ok() {
            let number = self.number();
            self.posts.insert(number, Post::Gate(Gate { to: address, listener: None, through: 0 }));
            self.open(number);
        }
    }

    fn open(&mut self, number: u64) {
        let Some(Post::Gate(gate)) = self.posts.get_mut(&number) else { return };
        if gate.listener.is_none() {
            gate.listener = network::listener(gate.to).ok().filter(|new| self.events.add(new, number, READ).is_ok());
        }
        if gate.listener.is_none() {
            self.shut.push_back((Instant::now() + AGAIN, number));
        }
    }

    /// Nobody is there, as far as a connection tells that did not come about.
    fn refused(&mut self, number: u64) {
        if let Some(Post::Gate(gate)) = self.posts.get_mut(&number)
            && gate.through == 0
        {
            let was_open = gate.listener.take().is_some();
            // Several may have been on their way.
            if was_open || !self.shut.iter().any(|(_, shut)| *shut == number) {
                self.shut.push_back((Instant::now() + AGAIN, number));
            }
        }
    }

    /// A connection has come about, or has ended.
    fn count(&mut self, number: u64, change: isize) {
        if let Some(Post::Gate(gate)) = self.posts.get_mut(&number) {
            gate.through = gate.through.saturating_add_signed(change);
        }
    }

    fn post(&mut self, number: u64) {
        match self.posts.remove(&number) {
            Some(Post::Gate(gate)) => {
                if let Some(listener) = &gate.listener {
                    let (streams, end) = accepted(listener);
                    for stream in streams {
                        let own = self.number();
                        self.posts.insert(own, Post::Asking(stream, number));
                        self.say(&FromInside::Dial { number: own, to: gate.to });
                    }
                    if end.kind() != ErrorKind::WouldBlock {
                        self.look_away(listener, number);
                    }
                }
                self.posts.insert(number, Post::Gate(gate));
            }
            Some(Post::Door(listener, inside)) => {
                let (streams, end) = accepted(&listener);
                for stream in streams {
                    let own = self.number();
                    self.posts.insert(own, Post::Asking(stream, number));
                    self.dialled(own, Outcome::Begun, network::dial(inside).ok().map(TcpStream::from));
                }
                if end.kind() != ErrorKind::WouldBlock {
                    self.look_away(&listener, number);
                }
                self.posts.insert(number, Post::Door(listener, inside));
            }
            Some(Post::Names(socket)) => {
                self.asked(number, &socket);
                self.posts.insert(number, Post::Names(socket));
            }
            Some(Post::Coming(first, second, gate)) => self.come(number, first, second, gate),
            Some(Post::Pair(mut pair, gate)) => {
                if pair.serve(&mut self.chunk, &self.events).unwrap_or(false) {
                    self.posts.insert(number, Post::Pair(pair, gate));
                } else {
                    self.count(gate, -1);
                }
            }
            // It is closed with that: whoever is there sees a connection without a request.
            Some(Post::Trying(Some(second), gate)) => match network::came_about(&second) {
                Ok(()) => self.open(gate),
                Err(_) => self.refused(gate),
            },
            Some(Post::Asking(..) | Post::Trying(None, _)) | None => {}
        }
    }

    fn dialled(&mut self, number: u64, outcome: Outcome, second: Option<TcpStream>) {
        let second = second.filter(|second| self.events.add(second, number, WRITE).is_ok());
        match (self.posts.remove(&number), second) {
            (Some(Post::Asking(first, gate)), Some(second)) => {
                drop(self.posts.insert(number, Post::Coming(first, second, gate)));
            }
            (Some(Post::Asking(first, gate)), None) => {
                network::cut(&first);
                if outcome == Outcome::Down {
                    self.refused(gate);
                }
            }
            (Some(Post::Trying(_, gate)), Some(second)) => {
                drop(self.posts.insert(number, Post::Trying(Some(second), gate)));
            }
            (Some(Post::Trying(_, gate)), None) => self.refused(gate),
            _ => {}
        }
    }

    fn come(&mut self, number: u64, first: TcpStream, second: TcpStream, gate: u64) {
        if self.events.remove(&second).and_then(|()| network::came_about(&second)).is_err() {
            network::cut(&first);
            return self.refused(gate);
        }
        if let Ok(pair) = Pair::new([first, second], [number, number + 1], &self.events) {
            self.posts.insert(number, Post::Pair(Box::new(pair), gate));
            self.count(gate, 1);
        }
    }

    fn asked(&mut self, number: u64, socket: &UdpSocket) {
        let mut bytes = [0; 1500];
        while let Ok((count, from)) = socket.recv_from(&mut bytes) {
            let Some(question) = Question::read(&bytes[..count]) else { continue };
            if self.questions.values().map(Vec::len).sum::<usize>() >= QUESTIONS {
                continue;
            }
            let name = question.name.clone();
            let waiting = self.questions.entry(name.clone()).or_default();
            waiting.push((number, from, question));
            if waiting.len() == 1 {
                self.say(&FromInside::Ask { name });
            }
        }
    }

    fn known(&mut self, name: &str, addresses: Option<&[IpAddr]>) {
        for (number, to, question) in self.questions.remove(name).unwrap_or_default() {
            if let Some(Post::Names(socket)) = self.posts.get(&number) {
                // Whoever gets no answer asks again.
                let _ = socket.send_to(&question.answer(addresses), to);
            }
        }
    }
}

/// Those that have connected, and why there are no more: mostly since there are none.
fn accepted(listener: &TcpListener) -> (Vec<TcpStream>, io::Error) {
    let mut streams = Vec::new();
    loop {
        match listener.accept() {
            Ok((stream, _)) if stream.set_nonblocking(true).is_ok() => streams.push(stream),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
            Err(error) => return (streams, error),
        }
    }
}
