//! Running hooks and followers' commands. What they say is shown when they fail, with the values taken out.

use std::time::Duration;

use tegmen_secret::SecretBytes;

use super::follow::Order;
use crate::fetch::{Context, Feed, Trouble, feed, said};

/// How long a hook may take: a change at a remote service, or a touch on a key.
const TIME_LIMIT: Duration = Duration::from_secs(120);

/// Takes the values out of a text.
pub(super) type Hush<'h> = dyn Fn(&[&SecretBytes], &str) -> String + 'h;

/// Runs a command with a value on its standard input.
pub(super) fn run(
    context: &Context,
    name: &str,
    step: &str,
    Order { words, input }: Order,
    values: &[&SecretBytes],
    hush: &Hush<'_>,
) -> Result<(), Trouble> {
    let environment = [("TEGMEN_SECRET", name), ("TEGMEN_STEP", step)];
    let program = words.first().cloned().unwrap_or_default();
    let feeding = Feed {
        words: &words,
        input: Some(input),
        environment: &environment,
        limit: TIME_LIMIT,
        most: crate::fetch::LONGEST,
    };
    let fed = feed(context, feeding)?;
    if fed.status.success() {
        return Ok(());
    }
    // Both outputs: a failing command says why on one or the other.
    let text = [fed.errors.as_slice(), fed.output.as_slice()].map(String::from_utf8_lossy).join("\n");
    let said = said(&hush(values, text.trim()));
    Err(Trouble::new(
        format!("`{program}` failed ({}) {said}", fed.status),
        format!("run it by hand in {}, with a value on its standard input", context.directory.display()),
    ))
}
