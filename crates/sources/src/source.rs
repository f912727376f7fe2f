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
    /// `vault:MOUNT/PATH#FIELD`, a field of a secret in a KV engine of Vault or OpenBao, version 1 or 2, or of whatever
    /// else can be read there.
    Vault {
        /// Mount and path, without `data/` and without slashes at the ends. Where the mount ends is asked of the server.
        mount_path: String,
        /// The field; `None`: all of them, each a secret of its own.
        field: Option<String>,
        /// `?version=N`: this version of a KV v2 secret and no other.
        version: Option<u64>,
    },
    /// `vault-dynamic:PATH#FIELD`, a field of what an engine makes to order and lends for a time.
    VaultDynamic {
        /// Mount and path, without slashes at the ends.
        path: String,
        /// `?name=value&…`: what the engine is to be told.
        parameters: Vec<(String, String)>,
        /// The field; `None`: all of them, each a secret of its own.
        field: Option<String>,
    },
    /// `secretspec:…`, what a provider of the library SecretSpec has.
    Secretspec(Managed),
}

/// A secret as SecretSpec names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Managed {
    /// `secretspec:NAME`, a secret that `secretspec.toml` declares, with its profile and providers.
    Declared {
        /// Its name there.
        name: String,
    },
    /// `secretspec:PROVIDER://…#ITEM`, what that provider calls so.
    Item {
        /// The provider's URI.
        provider: String,
        /// The name of the secret in the provider's own terms.
        item: String,
        /// `?field=FIELD` after it: a part of it.
        field: Option<String>,
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
const SCHEMES: [(&str, &str); 8] = [
    ("env", "env:NAME"),
    ("dotenv", "dotenv:FILE#NAME"),
    ("file", "file:PATH"),
    ("exec", "exec:COMMAND"),
    ("store", "store:NAME"),
    ("vault", "vault:MOUNT/PATH#FIELD"),
    ("vault-dynamic", "vault-dynamic:PATH#FIELD"),
    ("secretspec", "secretspec:PROVIDER://…#ITEM"),
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
            "vault" => parse_vault(rest).or_else(wrong),
            "secretspec" => parse_managed(rest).map(Self::Secretspec).or_else(wrong),
            _ => parse_dynamic(rest).or_else(wrong),
        }
    }
}

/// What stands before the `?`, between it and the `#`, and after that.
type Parts<'t> = (&'t str, Option<&'t str>, Option<&'t str>);

fn parts<'t>(rest: &'t str, scheme: &str) -> Result<Parts<'t>, String> {
    let (location, field) = match rest.split_once('#') {
        Some((_, "")) => return Err(format!("`{scheme}:` has no field after the `#`")),
        Some((location, field)) => (location, Some(field)),
        None => (rest, None),
    };
    let (path, query) = match location.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (location, None),
    };
    let path = path.trim_matches('/');
    if path.split('/').count() < 2 {
        return Err(format!("`{scheme}:` needs a mount and a path below it"));
    }
    if path.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
        return Err(format!("the path of `{scheme}:` has an empty part, `.` or `..`"));
    }
    if rest.chars().any(char::is_control) {
        return Err(format!("`{scheme}:` has a control character in it"));
    }
    Ok((path, query, field))
}

fn parse_vault(rest: &str) -> Result<Source, String> {
    let (path, query, field) = parts(rest, "vault")?;
    if field.is_some_and(|field| field.contains("?version=")) {
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
    Ok(Source::Vault { mount_path: decode(path), field: field.map(str::to_owned), version })
}

fn parse_dynamic(rest: &str) -> Result<Source, String> {
    let (path, query, field) = parts(rest, "vault-dynamic")?;
    let mut parameters = Vec::new();
    for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        if name.is_empty() || value.is_empty() {
            return Err("a parameter of `vault-dynamic:` is written name=value".into());
        }
        parameters.push((name.into_owned(), value.into_owned()));
    }
    Ok(Source::VaultDynamic { path: decode(path), parameters, field: field.map(str::to_owned) })
}

fn parse_managed(rest: &str) -> Result<Managed, String> {
    if !rest.contains("://") {
        return match crate::names::is_secret_name(rest) {
            true => Ok(Managed::Declared { name: rest.to_owned() }),
            false => Err("`secretspec:` needs a name of secretspec.toml, or a provider and an item".into()),
        };
    }
    let Some((provider, item)) = rest.split_once('#').filter(|(_, item)| !item.is_empty()) else {
        return Err("`secretspec:` has no item after the `#`".into());
    };
    let authority = provider.split_once("://").map_or(provider, |(_, rest)| rest);
    let user = authority.split(['/', '?']).next().and_then(|authority| authority.rsplit_once('@'));
    if user.is_some_and(|(user, _)| user.contains(':')) {
        return Err("the provider of `secretspec:` has a password in it".into());
    }
    let (item, field) = match item.split_once("?field=") {
        Some((_, "")) => return Err("`?field=` of `secretspec:` names no field".into()),
        Some((item, field)) => (item, Some(field.to_owned())),
        None => (item, None),
    };
    Ok(Managed::Item { provider: provider.to_owned(), item: item.to_owned(), field })
}

impl Source {
    /// Whether it is in Vault or OpenBao.
    pub fn is_vault(&self) -> bool {
        matches!(self, Self::Vault { .. } | Self::VaultDynamic { .. })
    }

    /// Whether it is asked at the start and not again: it may ask somebody for a touch or a code, or cost something each time.
    pub fn is_asked_once(&self) -> bool {
        matches!(self, Self::Exec { .. } | Self::Secretspec(_))
    }

    /// The field, of a source in Vault that names one.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Vault { field, .. } | Self::VaultDynamic { field, .. } => field.as_deref(),
            _ => None,
        }
    }

    /// Whether one read is good for both.
    pub(crate) fn is_same_path(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Vault { mount_path: a, version: v, .. }, Self::Vault { mount_path: b, version: w, .. }) => {
                (a, v) == (b, w)
            }
            (Self::VaultDynamic { path: a, parameters: p, .. }, Self::VaultDynamic { path: b, parameters: q, .. }) => {
                (a, p) == (b, q)
            }
            _ => false,
        }
    }

    /// Whether it stands for all fields of a path, each of which becomes a secret of its own.
    pub fn is_whole_path(&self) -> bool {
        matches!(self, Self::Vault { field: None, .. } | Self::VaultDynamic { field: None, .. })
    }
}

/// `%23`, `%3F` and `%25` stand for `#`, `?` and `%` in a path of Vault; nothing else is encoded.
fn decode(path: &str) -> String {
    path.replace("%23", "#").replace("%3F", "?").replace("%3f", "?").replace("%25", "%")
}

fn encode(path: &str) -> String {
    path.replace('%', "%25").replace('#', "%23").replace('?', "%3F")
}

/// A field's name is Vault's, which takes any: one with an end of line in it would begin a line of our own messages.
fn on_one_line(field: &str) -> String {
    field.chars().fold(String::new(), |mut out, c| {
        if c.is_control() {
            out.extend(c.escape_default())
        } else {
            out.push(c)
        }
        out
    })
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
            Self::Vault { mount_path, field, version } => {
                write!(f, "vault:{}", encode(mount_path))?;
                if let Some(version) = version {
                    write!(f, "?version={version}")?;
                }
                field.as_ref().map_or(Ok(()), |field| write!(f, "#{}", on_one_line(field)))
            }
            Self::VaultDynamic { path, parameters, field } => {
                write!(f, "vault-dynamic:{}", encode(path))?;
                if !parameters.is_empty() {
                    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
                    write!(f, "?{query}")?;
                }
                field.as_ref().map_or(Ok(()), |field| write!(f, "#{}", on_one_line(field)))
            }
            Self::Secretspec(Managed::Declared { name }) => write!(f, "secretspec:{name}"),
            Self::Secretspec(Managed::Item { provider, item, field }) => {
                write!(f, "secretspec:{provider}#{item}")?;
                field.as_ref().map_or(Ok(()), |field| write!(f, "?field={field}"))
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
            "vault:secret/locust/shop",
            "vault-dynamic:database/creds/shop#password",
            "vault-dynamic:pki/issue/web?common_name=a.example&ttl=1h#private_key",
            "secretspec:API_KEY",
            "secretspec:awssm://production@eu-central-1?prefix=load#shop/api",
            "secretspec:awssm://eu-central-1#shop/api?field=key",
        ] {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn vault_has_parts() {
        let Ok(Source::Vault { mount_path, field, version }) = "vault:/kv/a/b/?version=2#f.g".parse() else { panic!() };
        assert_eq!((mount_path.as_str(), field.as_deref(), version), ("kv/a/b", Some("f.g"), Some(2)));
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
            ("vault:secret/a#", "no field after"),
            ("vault-dynamic:pki/issue/web?x#a", "written name=value"),
            ("vault:secret#a", "needs a mount and a path"),
            ("vault:secret/a#b?version=2", "before the `#`"),
            ("vault:secret/a?version=0#b", "a number from 1 up"),
            ("vault:secret/a?v=0#b", "only parameter"),
            ("vault:secret/../sys/x#b", "`..`"),
            ("store:a b", "needs a name"),
            ("secretspec:", "needs a name of secretspec.toml"),
            ("secretspec:awssm://eu-central-1", "no item after"),
            ("secretspec:keyring://#", "no item after"),
            ("secretspec:x://me:hunter2@host#a", "has a password"),
            ("secretspec:awssm://#a?field=", "names no field"),
        ] {
            assert!(told(text).contains(part), "{text}: {}", told(text));
        }
    }
}
