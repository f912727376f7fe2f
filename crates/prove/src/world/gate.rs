//! The gate: where the code that goes along in the test's Python processes (`stage/`) says what it is about to dial,
//! and what of the script runs. It tells nothing that would have to be believed: whatever it says, a proof only gets
//! worse by it.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixListener, UnixStream},
    },
    path::PathBuf,
};

use serde::Deserialize;
use tegmen_findings::proof::{Channel, Spot};

use super::datagrams;
use crate::{ProveError, ledger::Ledger, observe::files, target::Target};

/// So many lines of a script are told that let a secret out through one channel.
const SPOTS: usize = 8;

/// A message, one line of JSON each.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Message {
    /// A port that is about to be dialled: answered with a line when somebody listens there.
    Dial(u16),
    /// A name that is looked up, where names cannot be led here otherwise: answered with its address.
    Name(String),
    /// What is about to be dialled, where connections cannot be led here otherwise: answered with address and port, or with
    /// an empty line.
    Lead { host: String, port: u16 },
    /// The hosts that the test was started against.
    Targets(Vec<String>),
    /// The tasks that it has.
    Declared(Vec<String>),
    /// A task that has begun.
    Ran(String),
    /// Lines of a file that can run.
    Lines { path: String, lines: Vec<u32> },
    /// Lines of a file that ran.
    Line { path: String, lines: Vec<u32> },
    /// Pages of the web UI, and where the script says what is on them; `None`: they are Locust's own.
    Pages(BTreeMap<String, Option<Spot>>),
    /// What a line of the script has put into channels; where it has sent it, the host too.
    Said {
        channels: Vec<Channel>,
        path: String,
        line: u32,
        text: String,
        #[serde(default)]
        to: Option<String>,
    },
    /// A file that a line of the script has opened for writing.
    Opened { file: String, path: String, line: u32 },
    /// A file that the scripts opened for writing and that is about to be removed: answered with a line when it was searched.
    Removing(PathBuf),
    /// A program that was started, by a line of the script where there is one.
    Started { program: String, words: String, environment: String, path: Option<String>, line: Option<u32> },
    /// What came out by a line of the script where nobody searches; where it is a socket of the machine, which one.
    Unwatched { what: String, socket: Option<String>, path: String, line: u32 },
    /// An address that a line of the script was the first to dial.
    Dialled { address: String, path: String, line: u32 },
}

/// Listens, in the background, for as long as the process lives; gives back the name of its socket.
///
/// # Errors
/// When the operating system has no socket or no randomness to give.
pub fn open(target: Target, ledger: Ledger) -> Result<String, ProveError> {
    let name = format!("tegmen-gate-{:016x}", getrandom::u64()?);
    let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
    let accept = move || {
        for stream in listener.incoming().flatten() {
            let (target, ledger) = (target.clone(), ledger.clone());
            // A process that is not heard finds no port open, and the coverage says so.
            let _ = std::thread::Builder::new()
                .name("gate".to_owned())
                .stack_size(256 * 1024)
                .spawn(move || hear(&stream, &target, &ledger));
        }
    };
    std::thread::Builder::new().name("gates".to_owned()).spawn(accept)?;
    Ok(name)
}

/// A line of the script has put a text into channels; where it has sent it, to that host.
fn said(ledger: &Ledger, channels: &[Channel], spot: &Spot, text: &str, to: Option<&str>) {
    for hit in ledger.searcher().search(text.as_bytes()) {
        let mut state = ledger.state();
        if let Some(to) = to {
            state.sent.entry((hit.secret, to.to_owned())).or_insert_with(|| spot.clone());
        }
        for channel in channels {
            let spots = state.spots.entry((*channel, hit.secret)).or_default();
            if spots.len() < SPOTS && !spots.contains(spot) {
                spots.push(spot.clone());
            }
        }
    }
}

/// Whether something of Tegmen listens at that socket: the gate, the broker, and what stands in for the system's logs.
fn is_of_ours(socket: &str) -> bool {
    socket.strip_prefix('\0').is_some_and(|name| name.starts_with("tegmen-")) || datagrams::is_watched(socket)
}

fn hear(stream: &UnixStream, target: &Target, ledger: &Ledger) {
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { return };
        match serde_json::from_str(&line) {
            Ok(Message::Dial(port)) => {
                target.open(port);
                if (&mut &*stream).write_all(b"ok\n").is_err() {
                    return;
                }
            }
            Ok(Message::Name(name)) => {
                let address = target.names().address(&name);
                if (&mut &*stream).write_all(format!("{address}\n").as_bytes()).is_err() {
                    return;
                }
            }
            Ok(Message::Lead { host, port }) => {
                let led = target.lead(&host, port);
                let line = led.map_or_else(|| "\n".to_owned(), |led| format!("{} {}\n", led.ip(), led.port()));
                if (&mut &*stream).write_all(line.as_bytes()).is_err() {
                    return;
                }
            }
            Ok(Message::Targets(hosts)) => ledger.state().targets.extend(hosts),
            Ok(Message::Declared(tasks)) => ledger.state().declared.extend(tasks),
            Ok(Message::Ran(task)) => {
                ledger.state().ran.insert(task);
            }
            Ok(Message::Lines { path, lines }) => ledger.state().lines.entry(path).or_default().extend(lines),
            Ok(Message::Line { path, lines }) => ledger.state().lines_ran.entry(path).or_default().extend(lines),
            Ok(Message::Pages(pages)) => ledger.state().pages.extend(pages),
            Ok(Message::Said { channels, path, line, text, to }) => {
                said(ledger, &channels, &Spot { path, line }, &text, to.as_deref());
            }
            Ok(Message::Started { program, words, environment, path, line }) => {
                let spot = path.zip(line).map(|(path, line)| Spot { path, line });
                for (channel, text) in [(Channel::CommandLine, words), (Channel::Environ, environment)] {
                    if let Some(spot) = &spot {
                        said(ledger, &[channel], spot, &text, None);
                    }
                    // It may be gone before anybody looks at it. What has nothing in it was not looked at as others do.
                    if !ledger.searcher().search(text.as_bytes()).is_empty() {
                        ledger.look(channel, &program, text.as_bytes());
                    }
                }
            }
            Ok(Message::Unwatched { what, socket, path, line }) => {
                if !socket.is_some_and(|socket| is_of_ours(&socket)) {
                    ledger.state().unwatched.entry(what).or_insert(Spot { path, line });
                }
            }
            Ok(Message::Removing(file)) => {
                files::search(ledger, Channel::Files, &file, &file.display().to_string());
                if (&mut &*stream).write_all(b"ok\n").is_err() {
                    return;
                }
            }
            Ok(Message::Opened { file, path, line }) => {
                ledger.state().opened.entry(file).or_insert(Spot { path, line });
            }
            Ok(Message::Dialled { address, path, line }) => {
                let host = address.parse().ok().and_then(|address| target.names().name(address)).unwrap_or(address);
                ledger.state().dialled.entry(host).or_insert(Spot { path, line });
            }
            Err(_) => {}
        }
    }
}
