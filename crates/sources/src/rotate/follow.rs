//! [`Follower`]: a place that gets the new value after the source has it, such as a dotenv file or a variable of CI.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tegmen_secret::SecretBytes;
use zeroize::Zeroizing;

/// A place that holds a copy of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Follower {
    /// `dotenv:FILE#NAME`: the line of a dotenv file.
    Dotenv {
        /// The file.
        file: PathBuf,
        /// The variable in it.
        name: String,
    },
    /// `file:PATH`: the whole content of a file.
    File {
        /// The file.
        path: PathBuf,
    },
    /// `store:NAME`: an entry of the embedded store.
    Store {
        /// The entry.
        name: String,
    },
    /// `github:NAME`, `github:OWNER/REPO#NAME`: a secret of GitHub Actions, by `gh`.
    GitHub {
        /// The repository; `None`: that of the directory.
        repository: Option<String>,
        /// The secret.
        name: String,
    },
    /// `gitlab:NAME`, `gitlab:GROUP/PROJECT#NAME`: a variable of GitLab CI, by `glab`.
    GitLab {
        /// The project; `None`: that of the directory.
        project: Option<String>,
        /// The variable.
        name: String,
    },
    /// `kubectl:SECRET#KEY`, `kubectl:NAMESPACE/SECRET#KEY`: an entry of a Secret of Kubernetes, by `kubectl`.
    Kubernetes {
        /// The namespace; `None`: the current one.
        namespace: Option<String>,
        /// The Secret.
        secret: String,
        /// The entry.
        key: String,
    },
    /// `exec:COMMAND`: a command that gets the value on its standard input.
    Exec {
        /// The command line, split as a shell would.
        command: String,
    },
}

/// Each scheme with its form.
const FORMS: [(&str, &str); 7] = [
    ("dotenv", "dotenv:FILE#NAME"),
    ("file", "file:PATH"),
    ("store", "store:NAME"),
    ("github", "github:NAME or github:OWNER/REPO#NAME"),
    ("gitlab", "gitlab:NAME or gitlab:GROUP/PROJECT#NAME"),
    ("kubectl", "kubectl:SECRET#KEY or kubectl:NAMESPACE/SECRET#KEY"),
    ("exec", "exec:COMMAND"),
];

/// A command, and what it gets on its standard input.
pub(super) struct Order {
    pub(super) words: Vec<String>,
    pub(super) input: SecretBytes,
}

impl Follower {
    /// The command that writes a value there; `None` for what is written without one.
    pub(super) fn order(&self, value: &SecretBytes) -> Option<Order> {
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let with = |mut words: Vec<String>, flag: &str, value: &Option<String>| {
            if let Some(value) = value {
                words.extend([flag.to_owned(), value.clone()]);
            }
            words
        };
        let input = value.clone();
        match self {
            Self::Dotenv { .. } | Self::File { .. } | Self::Store { .. } => None,
            // Both read the value from their standard input where no flag gives it.
            Self::GitHub { repository, name } => {
                Some(Order { words: with(words(&["gh", "secret", "set", name]), "--repo", repository), input })
            }
            // Without `--masked` an update would unmask it.
            Self::GitLab { project, name } => {
                let base = words(&["glab", "variable", "update", name, "--masked", "--raw"]);
                Some(Order { words: with(base, "--repo", project), input })
            }
            Self::Kubernetes { namespace, secret, key } => {
                let base = words(&["kubectl", "patch", "secret", secret, "--type=merge", "--patch-file=/dev/stdin"]);
                Some(Order { words: with(base, "--namespace", namespace), input: patch(key, value) })
            }
            Self::Exec { command } => Some(Order { words: shlex::split(command).unwrap_or_default(), input }),
        }
    }
}

/// The merge patch for an entry of a Secret, whose values are base64.
fn patch(key: &str, value: &SecretBytes) -> SecretBytes {
    let encoded = Zeroizing::new(STANDARD.encode(value.expose()));
    let mut body = Zeroizing::new(Vec::with_capacity(encoded.len() + 6 * key.len() + 32));
    body.extend_from_slice(b"{\"data\":{");
    // Writing into a vector cannot fail.
    let _ = serde_json::to_writer(&mut *body, key);
    body.extend_from_slice(b":\"");
    body.extend_from_slice(encoded.as_bytes());
    body.extend_from_slice(b"\"}}");
    SecretBytes::new(std::mem::take(&mut *body))
}

/// Why a text is no place to write to. It repeats no part of the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FollowerError {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: String,
    /// Whether the text has a scheme, and so may be shown.
    pub(crate) has_scheme: bool,
}

/// A name that no program takes for a flag, and no shell for anything else.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('-')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}

impl FromStr for Follower {
    type Err = FollowerError;

    fn from_str(text: &str) -> Result<Self, FollowerError> {
        let all = FORMS.map(|(_, form)| form).join(", ");
        let Some((scheme, rest)) = text.split_once(':') else {
            let (message, hint) = ("this is no place to write to".to_owned(), format!("such a place is one of {all}"));
            return Err(FollowerError { message, hint, has_scheme: false });
        };
        let Some((_, form)) = FORMS.iter().find(|(known, _)| *known == scheme) else {
            let hint = match scheme {
                "env" => {
                    "a variable is set by what starts the test: name it with github:, gitlab:, kubectl: or exec:".into()
                }
                "vault" => "what is in Vault is a source: make it the source of a secret of its own".into(),
                _ => format!("such a place is one of {all}"),
            };
            return Err(FollowerError { message: "this is no place to write to".into(), hint, has_scheme: false });
        };
        let wrong = || {
            let hint = format!("the form is {form}");
            Err(FollowerError {
                message: format!("`{scheme}:` lacks a part, or has one too many"),
                hint,
                has_scheme: true,
            })
        };
        if rest.chars().any(char::is_control) {
            return wrong();
        }
        // `OWNER/REPO#NAME`, or the last part alone.
        let owned = || match rest.rsplit_once('#') {
            Some((before, name)) => {
                let plain = before.split('/').count() >= 2 && before.split('/').all(is_plain);
                (plain && is_plain(name)).then(|| (Some(before.to_owned()), name.to_owned()))
            }
            None => is_plain(rest).then(|| (None, rest.to_owned())),
        };
        match scheme {
            "dotenv" => match rest.rsplit_once('#') {
                Some((file, name)) if !file.is_empty() && !name.is_empty() => {
                    Ok(Self::Dotenv { file: file.into(), name: name.to_owned() })
                }
                _ => wrong(),
            },
            "file" if !rest.is_empty() => Ok(Self::File { path: rest.into() }),
            "store" if crate::names::is_secret_name(rest) => Ok(Self::Store { name: rest.to_owned() }),
            "github" => owned().map_or_else(wrong, |(repository, name)| Ok(Self::GitHub { repository, name })),
            "gitlab" => owned().map_or_else(wrong, |(project, name)| Ok(Self::GitLab { project, name })),
            "kubectl" => match rest.rsplit_once('#') {
                Some((before, key)) if is_plain(key) => {
                    let (namespace, secret) = match before.split_once('/') {
                        Some((namespace, secret)) => (Some(namespace), secret),
                        None => (None, before),
                    };
                    if !is_plain(secret) || namespace.is_some_and(|name| !is_plain(name)) {
                        return wrong();
                    }
                    let namespace = namespace.map(str::to_owned);
                    Ok(Self::Kubernetes { namespace, secret: secret.to_owned(), key: key.to_owned() })
                }
                _ => wrong(),
            },
            "exec" if shlex::split(rest).is_some_and(|words| !words.is_empty()) => {
                Ok(Self::Exec { command: rest.to_owned() })
            }
            _ => wrong(),
        }
    }
}

/// The text, as it was read.
impl fmt::Display for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owned = |f: &mut fmt::Formatter<'_>, scheme: &str, owner: &Option<String>, name: &str| match owner {
            Some(owner) => write!(f, "{scheme}:{owner}#{name}"),
            None => write!(f, "{scheme}:{name}"),
        };
        match self {
            Self::Dotenv { file, name } => write!(f, "dotenv:{}#{name}", file.display()),
            Self::File { path } => write!(f, "file:{}", path.display()),
            Self::Store { name } => write!(f, "store:{name}"),
            Self::GitHub { repository, name } => owned(f, "github", repository, name),
            Self::GitLab { project, name } => owned(f, "gitlab", project, name),
            Self::Kubernetes { namespace: Some(namespace), secret, key } => {
                write!(f, "kubectl:{namespace}/{secret}#{key}")
            }
            Self::Kubernetes { namespace: None, secret, key } => write!(f, "kubectl:{secret}#{key}"),
            Self::Exec { command } => write!(f, "exec:{command}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_comes_back() {
        for text in [
            "dotenv:.env#API_KEY",
            "file:/run/secrets/key",
            "store:API_KEY",
            "github:API_KEY",
            "github:acme/shop#API_KEY",
            "gitlab:API_KEY",
            "gitlab:acme/load/shop#API_KEY",
            "kubectl:shop#api-key",
            "kubectl:load/shop#api.key",
            "exec:./push.sh 'a b'",
        ] {
            assert_eq!(text.parse::<Follower>().map(|follower| follower.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn mistakes() {
        for text in [
            "hunter2",
            "env:A",
            "vault:a/b#c",
            "dotenv:.env",
            "github:",
            "github:--body",
            "github:acme#X",
            "github:a/b#--x",
            "kubectl:shop",
            "kubectl:a/b/c#d",
            "kubectl:-n#d",
            "exec:",
            "exec:'a",
            "store:a b",
            "gitlab:a\nb",
        ] {
            let error = text.parse::<Follower>().unwrap_err();
            assert!(!format!("{} {}", error.message, error.hint).contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn no_command_line_has_the_value() {
        let value = SecretBytes::from("hunter2\"\n".to_owned());
        let order = |text: &str| text.parse::<Follower>().unwrap().order(&value).unwrap();
        for text in ["github:acme/shop#A", "gitlab:A", "kubectl:load/shop#a", "exec:cat -"] {
            assert!(!order(text).words.concat().contains("hunter2"));
        }
        let expected = "gh secret set A --repo acme/shop";
        assert_eq!(order("github:acme/shop#A").words.join(" "), expected);
        assert_eq!(order("github:A").input, value);
        assert_eq!(order("kubectl:shop#a").input.expose(), br#"{"data":{"a":"aHVudGVyMiIK"}}"#);
    }
}
