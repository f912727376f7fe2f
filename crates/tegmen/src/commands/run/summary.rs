//! What became of the secrets of a run: said at its end, and written as JSON.

use std::{
    collections::BTreeMap,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use serde::Serialize;
use tegmen_broker::ledger::{About, Known, Overview};
use tegmen_sources::{Manifest, Source, period};
use tempfile::NamedTempFile;

use crate::{messages, stdout};

/// Where each secret comes from, as it may be shown.
pub fn about(manifest: &Manifest) -> BTreeMap<String, About> {
    let about = |spec: &tegmen_sources::SecretSpec| About { source: shown(&spec.source), max_age: spec.max_age };
    manifest.secrets.iter().map(|(name, spec)| (name.clone(), about(spec))).collect()
}

/// A command and the parameters of a request may hold what is nobody's business.
pub fn shown(source: &Source) -> String {
    match source {
        Source::Exec { command } => match command.split_whitespace().next() {
            Some(program) if program.len() < command.trim().len() => format!("exec:{program} …"),
            Some(program) => format!("exec:{program}"),
            None => "exec:".to_owned(),
        },
        Source::VaultDynamic { path, parameters, field } if !parameters.is_empty() => {
            let plain = Source::VaultDynamic { path: path.clone(), parameters: Vec::new(), field: field.clone() };
            plain.to_string()
        }
        source => source.to_string(),
    }
}

/// A line for each secret: where it went, and where it did not.
pub fn say(overview: &Overview) {
    // A command without the plugin sends nothing that could be counted.
    if overview.processes == 0 {
        return;
    }
    for known in &overview.secrets {
        let what = match known.issued {
            // The script sends them as it sends any text.
            Some(count) if known.hosts.is_empty() => format!("issued {}", times(count)),
            _ => travels(known),
        };
        messages::note(format_args!("[{}] from {}: {what}", known.name, described(known)));
    }
}

fn described(known: &Known) -> String {
    let mut text = known.source.clone();
    let version = known.version.map(|version| format!("version {version}"));
    let age = known.age.map(|age| format!("{} old", period(Duration::from_secs(age))));
    let facts: Vec<String> = version.into_iter().chain(age).collect();
    if !facts.is_empty() {
        text += &format!(" ({})", facts.join(", "));
    }
    text
}

fn travels(known: &Known) -> String {
    let mut parts: Vec<String> = Vec::new();
    let sent: Vec<String> = known.sent.iter().map(|(to, count)| format!("{} to {to}", times(*count))).collect();
    parts.push(if sent.is_empty() { "never sent".to_owned() } else { format!("sent {}", sent.join(", ")) });
    let refused = known.refused.iter().map(|one| {
        let why = if one.why.is_empty() { String::new() } else { format!(" ({})", one.why) };
        format!("{} to {}{why}", times(one.count), one.to)
    });
    let refused: Vec<String> = refused.collect();
    if !refused.is_empty() {
        parts.push(format!("refused {}", refused.join(", ")));
    }
    parts.join("; ")
}

fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// Where the JSON goes. Opened before the run, so that a place which cannot be written to is told of in time.
pub enum Destination {
    Stdout,
    File { made: NamedTempFile, path: PathBuf },
}

/// The document: what the web UI's tab shows, and how the command ended.
#[derive(Serialize)]
struct Document<'a> {
    exit_status: u8,
    #[serde(flatten)]
    overview: &'a Overview,
}

impl Destination {
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::Stdout);
        }
        let directory = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let made = tempfile::Builder::new()
            .permissions(std::fs::Permissions::from_mode(0o666))
            .tempfile_in(directory)
            .with_context(|| format!("--summary: a file cannot be made in {}", directory.display()))?;
        Ok(Self::File { made, path: path.to_owned() })
    }

    pub fn write(self, overview: &Overview, exit_status: u8) -> anyhow::Result<()> {
        let mut text = serde_json::to_string_pretty(&Document { exit_status, overview })?;
        text.push('\n');
        match self {
            Self::Stdout => stdout::write(text).context("--summary cannot be written"),
            Self::File { mut made, path } => {
                made.write_all(text.as_bytes()).context("--summary cannot be written")?;
                made.persist(&path).with_context(|| format!("--summary: {} cannot be written", path.display()))?;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_command_line_may_hold_is_not_shown() {
        let shown = |text: &str| super::shown(&text.parse().unwrap());
        assert_eq!(shown("exec:curl -H 'X: abc' https://a"), "exec:curl …");
        assert_eq!(shown("exec:get-key"), "exec:get-key");
        assert_eq!(shown("vault:secret/a?version=2#x"), "vault:secret/a?version=2#x");
        assert_eq!(
            shown("vault-dynamic:pki/issue/x?common_name=a#private_key"),
            "vault-dynamic:pki/issue/x#private_key"
        );
    }

    #[test]
    fn a_secret_in_a_line() {
        let known = Known {
            name: "KEY".into(),
            issued: None,
            source: "vault:secret/shop#key".into(),
            version: Some(3),
            age: Some(90_000),
            max_age: None,
            lease: None,
            hosts: Vec::new(),
            hosts_are_target: true,
            reveal: false,
            tls_unverified: false,
            sent: BTreeMap::from([("https://shop.example".into(), 42)]),
            refused: vec![tegmen_broker::ledger::Refused {
                to: "http://evil.example".into(),
                why: "another host".into(),
                count: 1,
            }],
            masked: BTreeMap::new(),
        };
        assert_eq!(described(&known), "vault:secret/shop#key (version 3, 1d old)");
        let expected = "sent 42 times to https://shop.example; refused once to http://evil.example (another host)";
        assert_eq!(travels(&known), expected);
    }
}
