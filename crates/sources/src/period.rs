//! Periods as the manifest writes them: `90d`, `12h`.

use std::time::Duration;

/// Reads `45s`, `30m`, `12h`, `90d` or `2w`. `None` when it is none of these, or zero.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return None,
    };
    let digits = &text[..text.len() - unit.len_utf8()];
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    count.checked_mul(seconds).filter(|&total| total > 0).map(Duration::from_secs)
}

/// A time in its largest unit, as the manifest's `max_age` writes it.
pub fn period(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3600 => format!("{}m", seconds / 60),
        seconds @ 3600..86_400 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_unit() {
        let ages = [0, 59, 60, 3600, 86_399, 86_400, 90 * 86_400].map(|seconds| period(Duration::from_secs(seconds)));
        assert_eq!(ages, ["0s", "59s", "1m", "1h", "23h", "1d", "90d"]);
    }

    #[test]
    fn units() {
        assert_eq!(parse("90d"), Some(Duration::from_secs(90 * 86_400)));
        assert_eq!(parse("45s"), Some(Duration::from_secs(45)));
        for text in ["", "d", "90", "0d", "-1d", "+1d", "1.5h", "90 d", "9é", "99999999999999999999w"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
