//! A relay between workers and master, as somebody on the network could be: what passes is searched, both ways.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
};

use tegmen_findings::proof::Channel;

use crate::ledger::Ledger;

/// What stands in two pieces of a stream is looked for as well: so much of the last one is kept.
const KEPT: usize = 16 * 1024;

/// Listens on `port` and passes everything on to `master`.
///
/// # Errors
/// When the port is taken, or there is no thread.
pub fn start(ledger: &Ledger, port: u16, master: u16) -> std::io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    let ledger = ledger.clone();
    std::thread::Builder::new().name("relay".to_owned()).spawn(move || {
        for near in listener.incoming().flatten() {
            // The master may not be there yet; ZMQ tries again.
            let Ok(far) = TcpStream::connect(("127.0.0.1", master)) else { continue };
            let (Ok(near_too), Ok(far_too)) = (near.try_clone(), far.try_clone()) else { continue };
            for (from, to, way) in [(near, far, "to the master"), (far_too, near_too, "to a worker")] {
                let ledger = ledger.clone();
                // Without a thread nothing passes, and the test has no workers: the channel is not exercised.
                let _ = std::thread::Builder::new()
                    .name("relayed".to_owned())
                    .stack_size(256 * 1024)
                    .spawn(move || pass(from, to, way, &ledger));
            }
        }
    })?;
    Ok(())
}

fn pass(mut from: TcpStream, mut to: TcpStream, way: &str, ledger: &Ledger) {
    let (mut window, mut chunk) = (Vec::new(), [0; 16 * 1024]);
    while let Ok(count) = from.read(&mut chunk) {
        if count == 0 || to.write_all(&chunk[..count]).is_err() {
            break;
        }
        window.extend_from_slice(&chunk[..count]);
        if window.len() > 4 * KEPT {
            ledger.look(Channel::Messages, way, &window);
            window.drain(..window.len() - KEPT);
        }
    }
    ledger.look(Channel::Messages, way, &window);
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
