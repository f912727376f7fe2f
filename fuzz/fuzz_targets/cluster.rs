//! Anything may come over the wire between master and workers: neither end breaks of it, takes it for a message, or loses
//! its session by it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tegmen_wire::cluster::{ClusterKey, KeyOrigin, Master, Worker};

const NODE: &[u8] = b"worker";

fuzz_target!(|data: &[u8]| {
    let Ok(key) = ClusterKey::new(b"a key that is long enough", KeyOrigin::Manifest) else { return };
    let (mut worker, mut master) = (Worker::new(NODE), Master::new());
    let mut frames = worker.send(&key, b"ready").unwrap();
    while !frames.is_empty() {
        let mut back = Vec::new();
        for frame in frames.drain(..) {
            back.extend(master.receive(&key, NODE, &frame).unwrap().replies);
        }
        for frame in back {
            frames.extend(worker.receive(&key, &frame).unwrap().replies);
        }
    }
    // As it is, and behind the beginning of each kind of frame.
    let kinds = b"hwpsoru".iter().map(|kind| [b"tgm\x01".as_slice(), &[*kind], data].concat());
    for frame in std::iter::once(data.to_vec()).chain(kinds) {
        assert!(master.receive(&key, NODE, &frame).unwrap().message.is_none());
        assert!(master.receive(&key, b"another", &frame).unwrap().message.is_none());
        assert!(worker.receive(&key, &frame).unwrap().message.is_none());
    }
    // A sealed frame with other bytes in it.
    let sealed = worker.send(&key, b"message").unwrap().remove(0);
    let mut broken = sealed.clone();
    for (byte, other) in broken.iter_mut().skip(5).zip(data) {
        *byte ^= other;
    }
    if broken != sealed {
        assert!(master.receive(&key, NODE, &broken).unwrap().message.is_none());
    }
    assert_eq!(master.receive(&key, NODE, &sealed).unwrap().message.as_deref(), Some(b"message".as_slice()));
});
