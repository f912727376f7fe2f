//! [`Fact`]: what is known of a value besides the value, for whoever looks at a run.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tegmen_vault::Term;

/// What the source says of a value: which one it is, how old, and until when it is good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fact {
    /// Its version in KV version 2.
    pub version: Option<u64>,
    /// When it was written, where the source knows: KV version 2, the store, the time of a file.
    pub written: Option<SystemTime>,
    /// When what was lent comes to its end, unless it is prolonged.
    pub ends: Option<SystemTime>,
}

/// Each secret's name and what is known of its value.
pub type Facts = Vec<(String, Fact)>;

/// When a term comes to its end by the clock on the wall.
pub(super) fn end_of(term: &Term) -> Option<SystemTime> {
    let end = term.since.checked_add(term.ttl?)?;
    let left = end.saturating_duration_since(Instant::now());
    SystemTime::now().checked_add(left)
}

/// A date and time as Vault writes them (RFC 3339, in UTC): `2026-01-31T10:20:30.123456789Z`. `None` for anything else.
pub(super) fn date(text: &str) -> Option<SystemTime> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let is_plausible = text.ends_with('Z')
        && (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !is_plausible {
        return None;
    }
    // Days since 1970-01-01, by years that begin in March: http://howardhinnant.github.io/date_algorithms.html
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = (era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year).checked_sub(719_468)?;
    UNIX_EPOCH.checked_add(Duration::from_secs(days * 86_400 + hour * 3600 + minute * 60 + second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_a_server() {
        let seconds = |text: &str| date(text).map(|date| date.duration_since(UNIX_EPOCH).unwrap().as_secs());
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(seconds("2000-02-29T12:34:56.789Z"), Some(951_827_696));
        assert_eq!(seconds("2026-11-28T22:19:57.123456789Z"), Some(1_795_904_397));
        for text in ["", "2026-13-01T00:00:00Z", "2026-11-28", "2026-11-28T22:19:57+01:00", "not a date at all, Z"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
