//! The lines of a value of several lines: a log, a diff or a line reader shows one without the others.

use super::{Forms, text};
use crate::policy;

/// Each line that is long enough to tell something, escaped like a value; and the body of a PEM in one line.
pub(super) fn forms(value: &[u8], forms: &mut Forms) {
    let lines: Vec<&[u8]> = value.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).collect();
    if lines.len() < 2 {
        return;
    }
    let body = lines.iter().filter(|line| line.len() >= policy::LINE && !is_armour(line) && !policy::is_common(line));
    for line in body.clone() {
        text(line).into_vec().into_iter().for_each(|form| forms.add(form));
    }
    if lines.iter().any(|line| is_armour(line)) && body.clone().count() > 1 {
        let joined = zeroize::Zeroizing::new(body.copied().collect::<Vec<_>>().concat());
        text(&joined).into_vec().into_iter().for_each(|form| forms.add(form));
    }
}

/// The lines around a PEM or an armoured key, which are the same for everybody.
fn is_armour(line: &[u8]) -> bool {
    line.starts_with(b"-----") && line.ends_with(b"-----")
}
