//! Results as data.

use serde_json::{Value, json};
use tegmen_sources::Trouble;
use tegmen_sources::rotate::{Done, Outcome, Subject};

use crate::{messages, stdout};

/// What a rotation would do; as text it is said at once.
///
/// # Errors
/// When that cannot be.
pub fn planned(subject: &Subject, plan: Result<Vec<String>, Trouble>, as_json: bool) -> anyhow::Result<Value> {
    let name = &subject.name;
    Ok(match plan {
        Ok(steps) => {
            if !as_json {
                let steps: String = steps.iter().map(|step| format!("  would {step}\n")).collect();
                stdout::write(format!("{name}\n{steps}"))?;
            }
            json!({ "name": name, "source": subject.source, "outcome": "planned", "steps": steps })
        }
        Err(trouble) => {
            messages::trouble(format_args!("{name} would not be rotated: {}", trouble.why), &trouble.next);
            json!({ "name": name, "source": subject.source, "outcome": "impossible", "error": trouble.why })
        }
    })
}

/// What a rotation has done.
pub fn done(subject: &Subject, done: &Done) -> Value {
    let outcome = match done.outcome {
        Some(Outcome::Rotated) => "rotated",
        Some(Outcome::RolledBack) => "rolled-back",
        Some(Outcome::Torn | Outcome::Begun) => "torn",
        None => "not-begun",
    };
    json!({
        "name": subject.name,
        "source": subject.source,
        "outcome": outcome,
        "version": done.version,
        "follow": done.follow,
        "hook": done.hook,
        "error": done.trouble.as_ref().map(|trouble| trouble.why.clone()),
        "torn": done.torn.iter().map(|(place, _)| place.clone()).collect::<Vec<_>>(),
    })
}
