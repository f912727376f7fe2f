//! [`Source`]: where the value of a secret comes from, one URI each.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a value comes from. Paths are as written: relative to the directory of the manifest, `~/` to the home.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// `env:NAME`, a variable of the environment of `tegmen`.
    Env {
        /// The variable.
        name: String,
    },
    /// `dotenv:FILE#NAME`, a line of a dotenv file.
    Dotenv {
        /// The file.
        file: PathBuf,
        /// The variable in it.
        name: String,
    },
    /// `file:PATH`, the content of a file.
    File {
        /// The file.
        path: PathBuf,
    },
    /// `exec:COMMAND`, what a command prints. Split as a shell would, run without one.
    Exec {
        /// The command line as written.
        command: String,
    },
    /// `store:NAME`, an entry of the embedded store.
    Store {
        /// The entry.
        name: String,
    },
    /// `vault:MOUNT/PATH#FIELD`, a field of a secret in a KV engine of Vault or OpenBao, version 1 or 2.
    Vault {
        /// Mount and path, without `data/` and without slashes at the ends. Where the mount ends is asked of the server.
        mount_path: String,
        /// The field.
        field: String,
        /// `?version=N`: this version of a KV v2 secret and no other.
        version: Option<u64>,
    },
}

/// Why a text is no source. It repeats no part of the text that may be a value written down by mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SourceError {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
    /// Whether the text has the scheme of a source, and so is not a value.
    pub(crate) has_scheme: bool,
}

/// Each scheme with its form.
const SCHEMES: [(&str, &str); 6] = [
    ("env", "env:NAME"),
    ("dotenv", "dotenv:FILE#NAME"),
    ("file", "file:PATH"),
    ("exec", "exec:COMMAND"),
    ("store", "store:NAME"),
    ("vault", "vault:MOUNT/PATH#FIELD"),
];

/// Whether the text begins as a source does, and so may be shown in a message.
pub(crate) fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| SCHEMES.iter().any(|(known, _)| *known == scheme))
}

impl FromStr for Source {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        let unknown = |message: &str, hint: String| {
            Err(SourceError { message: message.to_owned(), hint: Some(hint), has_scheme: false })
        };
        let all = SCHEMES.map(|(_, form)| form).join(", ");
        let Some((scheme, rest)) = text.split_once(':') else {
            return unknown(
                "this is not a source",
                format!("a source is one of {all}; a value is never written into the manifest"),
            );
        };
        let schemes = SCHEMES.map(|(scheme, _)| scheme);
        let Some((_, form)) = SCHEMES.iter().find(|(known, _)| *known == scheme) else {
            return match crate::names::nearest(scheme, &schemes) {
                Some(near) => unknown("this is not a source", format!("did you mean `{near}:`?")),
                None => unknown("this is not a source", format!("a source is one of {all}")),
            };
        };
        let wrong =
            |message: String| Err(SourceError { message, hint: Some(format!("the form is {form}")), has_scheme: true });
        if rest.contains('\0') {
            return wrong("a source has a NUL character in it".into());
        }
        match scheme {
            "env" if rest.is_empty() || rest.contains(['=', ' ']) => {
                wrong("`env:` needs the name of a variable".into())
            }
            "env" => Ok(Self::Env { name: rest.to_owned() }),
            "dotenv" => match rest.rsplit_once('#') {
                Some((file, name)) if !file.is_empty() && !name.is_empty() => {
                    Ok(Self::Dotenv { file: file.into(), name: name.to_owned() })
                }
                _ => wrong("`dotenv:` needs a file and the name of a variable in it".into()),
            },
            "file" if rest.is_empty() => wrong("`file:` needs a path".into()),
            "file" => Ok(Self::File { path: rest.into() }),
            "exec" => match shlex::split(rest) {
                Some(words) if !words.is_empty() => Ok(Self::Exec { command: rest.to_owned() }),
                Some(_) => wrong("`exec:` needs a command".into()),
                None => wrong("the command of `exec:` has a quote that is not closed".into()),
            },
            "store" if crate::names::is_secret_name(rest) => Ok(Self::Store { name: rest.to_owned() }),
            "store" => wrong("`store:` needs a name of letters, digits, `_` and `.`".into()),
            _ => parse_vault(rest).or_else(wrong),
        }
    }
}

fn parse_vault(rest: &str) -> Result<Source, String> {
    let Some((location, field)) = rest.split_once('#') else {
        return Err("`vault:` needs a field after `#`".into());
    };
    let (path, query) = match location.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (location, None),
    };
    if field.contains("?version=") {
        return Err("`?version=` stands before the `#`".into());
    }
    let version = match query {
        None => None,
        Some(query) => match query.strip_prefix("version=").map(str::parse) {
            Some(Ok(number)) if number > 0 => Some(number),
            Some(_) => return Err("`?version=` takes a number from 1 up".into()),
            None => return Err("the only parameter of `vault:` is `?version=`".into()),
        },
    };
    let path = decode(path.trim_matches('/'));
    if path.split('/').count() < 2 {
        return Err("`vault:` needs a mount and a path below it".into());
    }
    if path.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
        return Err("the path of `vault:` has an empty part, `.` or `..`".into());
    }
    if path.chars().chain(field.chars()).any(char::is_control) {
        return Err("`vault:` has a control character in it".into());
    }
    if field.is_empty() {
        return Err("`vault:` needs a field after `#`".into());
    }
    Ok(Source::Vault { mount_path: path, field: field.to_owned(), version })
}

/// `%23`, `%3F` and `%25` stand for `#`, `?` and `%` in a path of Vault; nothing else is encoded.
fn decode(path: &str) -> String {
    path.replace("%23", "#").replace("%3F", "?").replace("%3f", "?").replace("%25", "%")
}

fn encode(path: &str) -> String {
    path.replace('%', "%25").replace('#', "%23").replace('?', "%3F")
}

/// The URI, as it was read.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env { name } => write!(f, "env:{name}"),
            Self::Dotenv { file, name } => write!(f, "dotenv:{}#{name}", file.display()),
            Self::File { path } => write!(f, "file:{}", path.display()),
            Self::Exec { command } => write!(f, "exec:{command}"),
            Self::Store { name } => write!(f, "store:{name}"),
            Self::Vault { mount_path, field, version: None } => write!(f, "vault:{}#{field}", encode(mount_path)),
            Self::Vault { mount_path, field, version: Some(version) } => {
                write!(f, "vault:{}?version={version}#{field}", encode(mount_path))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_comes_back() {
        for text in [
            "env:API_KEY",
            "dotenv:.env#API_KEY",
            "dotenv:dir#1/.env#API_KEY",
            "file:/run/secrets/key",
            "file:~/key",
            "exec:pass show 'shop key'",
            "store:API_KEY",
            "vault:secret/locust/shop#api_key",
            "vault:secret/locust/shop?version=3#api_key",
            "vault:secret/a%23b%3F/100%25#x",
        ] {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn vault_has_parts() {
        let Ok(Source::Vault { mount_path, field, version }) = "vault:/kv/a/b/?version=2#f.g".parse() else { panic!() };
        assert_eq!((mount_path.as_str(), field.as_str(), version), ("kv/a/b", "f.g", Some(2)));
    }

    #[test]
    fn mistakes_are_told_without_the_text() {
        let told = |text: &str| {
            let error = text.parse::<Source>().unwrap_err();
            format!("{error}; {}", error.hint.clone().unwrap())
        };
        assert_eq!(told("evn:X"), "this is not a source; did you mean `env:`?");
        assert!(!told("hunter2hunter2").contains("hunter2"));
        assert!(!told("hunter2:hunter2").contains("hunter2"));
        assert_eq!(told("env:"), "`env:` needs the name of a variable; the form is env:NAME");
        for (text, part) in [
            ("dotenv:.env", "needs a file and"),
            ("exec:", "needs a command"),
            ("exec:echo 'a", "not closed"),
            ("vault:secret/a", "needs a field"),
            ("vault:secret#a", "needs a mount and a path"),
            ("vault:secret/a#b?version=2", "before the `#`"),
            ("vault:secret/a?version=0#b", "a number from 1 up"),
            ("vault:secret/a?v=0#b", "only parameter"),
            ("vault:secret/../sys/x#b", "`..`"),
            ("store:a b", "needs a name"),
        ] {
            assert!(told(text).contains(part), "{text}: {}", told(text));
        }
    }
}
