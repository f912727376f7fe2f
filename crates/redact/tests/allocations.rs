//! Text in which nothing is found costs no memory: not a write, not a line, not a colour.

use tegmen_redact::{Patterns, Redactor};
use tegmen_secret::SecretBytes;

fn redactor() -> Redactor {
    let mut builder = Patterns::builder();
    for number in 0..20 {
        let value = SecretBytes::from(format!("hunter2-{number}-{}", number * 7919));
        assert!(builder.value("KEY", &value).is_ok());
    }
    Redactor::new(builder.build())
}

/// Allocations of a thousand writes, after a few that fetch the room for themselves.
fn allocations(line: &[u8]) -> u64 {
    let (mut redactor, mut out) = (redactor(), Vec::with_capacity(4096));
    let mut write = || {
        redactor.push(line, &mut out);
        out.clear();
    };
    (0..10).for_each(|_| write());
    allocation_counter::measure(|| (0..1000).for_each(|_| write())).count_total
}

#[test]
fn a_clean_line_of_80_bytes_allocates_nothing() {
    let line = format!("{:<79}\n", "[10:00:07,123] worker-1/INFO/shop: GET /orders/4711 in 12 ms, status 200");
    assert_eq!(line.len(), 80);
    assert_eq!(allocations(line.as_bytes()), 0);
}

#[test]
fn a_coloured_line_allocates_nothing() {
    assert_eq!(allocations(b"\x1b[32mINFO\x1b[0m GET /orders/4711 in \x1b[1m12\x1b[0m ms\r\n"), 0);
}
