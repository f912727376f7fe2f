//! The token helper: a program that keeps the token, named in the configuration of the command line tools.
//!
//! <https://developer.hashicorp.com/vault/docs/commands/token-helper>

use std::path::{Path, PathBuf};

use tegmen_secret::SecretBytes;

use super::trimmed;
use crate::fetch::context::Context;
use crate::fetch::error::Trouble;
use crate::fetch::exec;

/// The variables that name the configuration, and where it is without them.
const PLACES: [(&str, &str); 2] = [("BAO_CONFIG_PATH", "~/.bao"), ("VAULT_CONFIG_PATH", "~/.vault")];

/// The helper that is configured.
pub(super) fn configured(context: &Context) -> Result<Option<PathBuf>, Trouble> {
    let named = PLACES.iter().filter_map(|(variable, _)| context.environment.text(variable));
    let usual = PLACES.iter().map(|(_, usual)| *usual);
    for written in named.chain(usual) {
        let file = context.path(Path::new(written));
        // That there is none is usual; of what is no text, such as a directory, the tools are to complain.
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        let wrong = |why: &str| {
            let next = "write token_helper = \"/whole/path/of/the/helper\"";
            Err(Trouble::new(format!("{}: token_helper {why}", file.display()), next))
        };
        match setting(&text) {
            None => {}
            Some(Some(helper)) if Path::new(&helper).is_absolute() => return Ok(Some(helper.into())),
            Some(Some(helper)) if helper.is_empty() => {}
            Some(Some(_)) => return wrong("is not a whole path"),
            Some(None) => return wrong("is not a text in quotes"),
        }
    }
    Ok(None)
}

/// Asks the helper for the token.
pub(super) fn token(context: &Context, helper: &Path) -> Result<SecretBytes, Trouble> {
    let shown = helper.display();
    let told = |why: String, next: String| Trouble::new(format!("no token from the token helper: {why}"), next);
    let quoted = helper.to_str().and_then(|path| shlex::try_quote(path).ok());
    let Some(quoted) = quoted else {
        return Err(told(format!("{shown} is not a path that can be run"), "rename it".to_owned()));
    };
    match exec::exec(context, &format!("{quoted} get")) {
        Ok((token, _)) if !trimmed(&token).is_empty() => Ok(trimmed(&token)),
        Ok(_) => Err(told(format!("{shown} has none"), "run `vault login`".to_owned())),
        Err(trouble) => Err(told(trouble.why, trouble.next)),
    }
}

/// What HCL or JSON says of `token_helper`: `None` where nothing, `Some(None)` where it is no text.
fn setting(text: &str) -> Option<Option<String>> {
    if text.trim_start().starts_with('{') {
        let object: serde_json::Value = serde_json::from_str(text).ok()?;
        return object.get("token_helper").map(|value| value.as_str().map(str::to_owned));
    }
    for line in text.lines() {
        let line = line.trim_start();
        let rest = line.strip_prefix("token_helper").or_else(|| line.strip_prefix("\"token_helper\""));
        let Some(value) = rest.and_then(|rest| rest.trim_start().strip_prefix('=')) else { continue };
        let quoted = value.trim_start().strip_prefix('"').and_then(|rest| rest.split_once('"'));
        return Some(quoted.map(|(path, _)| path.to_owned()));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings() {
        let path = |text: &str| Some(Some(text.to_owned()));
        assert_eq!(setting("# token_helper = \"/x\"\ntoken_helper=\"/usr/bin/h\" // ours\n"), path("/usr/bin/h"));
        assert_eq!(setting("\"token_helper\" = \"/h\""), path("/h"));
        assert_eq!(setting("{\"token_helper\": \"/h\"}"), path("/h"));
        assert_eq!(setting("token_helper = \"\""), path(""));
        assert_eq!(setting("token_helper = h"), Some(None));
        assert_eq!(setting("{\"token_helper\": 1}"), Some(None));
        for text in ["", "other = \"/x\"", "token_helper_two = \"/x\"", "{}", "{"] {
            assert_eq!(setting(text), None, "{text}");
        }
    }
}
