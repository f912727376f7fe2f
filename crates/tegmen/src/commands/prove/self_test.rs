//! `--self-test`: the proof of the proof. A test that leaks everywhere must be found out in every channel; a careful one
//! must be clean, and must not be any more when one of Tegmen's protections is switched off.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::Path,
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tegmen_findings::proof::{Channel, Proof, Protection, lapse};
use tegmen_prove::{
    ledger::Ledger,
    stage,
    target::ELSEWHERE,
    world::authority::{Authority, IMPOSTOR},
};
use tegmen_sys::hardening;

use super::{Args, Stage, World, prove, secrets::Secrets};

/// How long a test with one protection switched off runs, in seconds.
const SHORT: u32 = 3;
/// The same where its memory is to be looked into, which is done when it has been there for a while.
const INSPECTED: u32 = 4;

/// The same where something has to arrive at the target, which answers in many ways and redirects in few of them. It ends
/// when that has been seen.
const ARRIVED: u32 = 20;

/// A protection that is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// Core dumps may be written.
    Core,
    /// The environment has values in the place of placeholders.
    Environment,
    /// What is started by the test gets the environment as Python sees it.
    Programs,
    /// What the command prints is not searched.
    Redactor,
    /// What Python's logging writes is not searched.
    Logging,
    /// The plugin leaves Locust's statistics, failures and pages as they are.
    Outputs,
    /// What passes between master and workers is not sealed.
    Cluster,
    /// Tokens that the target issues are not learnt.
    Tokens,
    /// Answers of hosts that are to be sealed are left as they are.
    Sealing,
    /// Secrets are bound to the host of a redirect as well.
    Hosts,
    /// Secrets may stand in every place of a request.
    Places,
    /// Servers are not verified.
    Verification,
    /// Other processes may look into the test's.
    Inspection,
    /// What is executed may gain privileges.
    Privileges,
    /// What is written can be read by others.
    Modes,
    /// The web UI answers pages of other origins.
    WebOrigin,
}

impl Mutation {
    /// What the code in the test's processes calls it, where it is switched off there.
    pub fn in_python(self) -> Option<&'static str> {
        Some(match self {
            Self::Programs => "programs",
            Self::Logging => "logging",
            Self::Outputs => "outputs",
            Self::Cluster => "cluster",
            Self::Tokens => "tokens",
            Self::Inspection => "inspection",
            Self::WebOrigin => "web-origin",
            _ => return None,
        })
    }
}

/// By what it is noticed that a protection is switched off.
enum Sign {
    /// This secret comes out of this channel.
    Leak(&'static str, Channel),
    /// This protection is missing.
    Lapse(&'static str),
}

use Sign::{Lapse, Leak};

/// A protection that is switched off, what it is called, and by what that is noticed.
pub struct Off {
    pub mutation: Mutation,
    title: &'static str,
    sign: Sign,
}

impl Off {
    /// Whether it has been noticed by now. What stands in files and outputs is seen at the end.
    pub fn is_seen(&self, ledger: &Ledger, secrets: &Secrets) -> bool {
        let state = ledger.state();
        match self.sign {
            Lapse(protection) => state.lapses.contains_key(protection),
            Leak(name, channel) => {
                let Some(number) = secrets.canaries.iter().position(|canary| canary.name == name) else { return false };
                // What the target got belongs to a channel only when it is held against the manifest, at the end.
                let went = |host: &str, place: &str| match channel {
                    Channel::OtherHosts => host == ELSEWHERE || host == IMPOSTOR,
                    Channel::OtherPlaces => place.starts_with("query:"),
                    _ => false,
                };
                state.channels.get(&channel).is_some_and(|seen| seen.found.contains_key(&number))
                    || state.arrivals.keys().any(|(secret, host, place)| *secret == number && went(host, place))
            }
        }
    }
}

/// The first is tried before anything else: the limit on core dumps cannot be raised again.
const MUTATIONS: [Off; 16] = [
    Off { mutation: Mutation::Core, title: "the limit on core dumps", sign: Lapse(lapse::CORE) },
    Off {
        mutation: Mutation::Environment,
        title: "placeholders in the environment",
        sign: Leak(KEY, Channel::Environ),
    },
    Off {
        mutation: Mutation::Programs,
        title: "placeholders in the environment of what the test starts",
        sign: Leak(REVEALED, Channel::Environ),
    },
    Off {
        mutation: Mutation::Redactor,
        title: "the redactor behind standard output and error",
        sign: Leak(KEY, Channel::Stdout),
    },
    Off { mutation: Mutation::Logging, title: "the redactor in Python's logging", sign: Leak(KEY, Channel::Log) },
    Off {
        mutation: Mutation::Outputs,
        title: "the plugin's hooks in statistics, failures and web UI",
        sign: Leak(KEY, Channel::Csv),
    },
    Off {
        mutation: Mutation::Cluster,
        title: "the seal of what passes between master and workers",
        sign: Leak(REVEALED, Channel::Messages),
    },
    Off {
        mutation: Mutation::Tokens,
        title: "tokens that are learnt from answers",
        sign: Leak("issued:access_token", Channel::Stdout),
    },
    Off { mutation: Mutation::Sealing, title: "answers that are sealed", sign: Leak(SEALED, Channel::Files) },
    Off {
        mutation: Mutation::Hosts,
        title: "the hosts that a secret is bound to",
        sign: Leak(KEY, Channel::OtherHosts),
    },
    Off {
        mutation: Mutation::Places,
        title: "the places in which a secret may stand",
        sign: Leak(KEY, Channel::OtherPlaces),
    },
    Off {
        mutation: Mutation::Verification,
        title: "the verification of servers",
        sign: Leak(VERIFIED, Channel::OtherHosts),
    },
    Off { mutation: Mutation::Inspection, title: "processes that nobody looks into", sign: Leak(KEY, Channel::Memory) },
    Off { mutation: Mutation::Privileges, title: "no_new_privs", sign: Lapse(lapse::PRIVILEGES) },
    Off { mutation: Mutation::Modes, title: "the mask of modes of new files", sign: Lapse(lapse::MODES) },
    Off {
        mutation: Mutation::WebOrigin,
        title: "the web UI's refusal of other origins",
        sign: Lapse(lapse::WEB_ORIGIN),
    },
];

/// The secret that leaks everywhere.
pub const KEY: &str = "SELF_TEST_KEY";
const SEALED: &str = "SELF_TEST_SEALED";
const VERIFIED: &str = "SELF_TEST_VERIFIED";
const REVEALED: &str = "SELF_TEST_REVEALED";

/// What the self-test says of its secrets.
const MANIFEST: &str = r#"
[secrets.SELF_TEST_KEY]
source = "env:SELF_TEST_KEY"
hosts = ["self-test.example"]
places = ["header:authorization", "header:x-key", "body:key"]

[secrets.SELF_TEST_SEALED]
source = "env:SELF_TEST_SEALED"
hosts = ["sealed.example"]
seal_responses = true

[secrets.SELF_TEST_VERIFIED]
source = "env:SELF_TEST_VERIFIED"
hosts = ["impostor.example"]

[secrets.SELF_TEST_REVEALED]
source = "env:SELF_TEST_REVEALED"
reveal = true
"#;

/// Runs it; the command is how Locust is started here.
pub fn run(mut args: Args, authority: &Authority, world: &World) -> anyhow::Result<ExitCode> {
    // It has a secret of its own: what the project has is nobody's business here.
    args.run.secret.clear();
    args.run.hosts.clear();
    let directory = std::env::current_dir().context("the current directory cannot be read")?;
    let Some(starter) = starter(&args.run.command, &directory) else {
        bail!(
            "the self-test brings its own test: CMD has to be how Locust is started here, such as `locust` or `uv run locust`"
        );
    };
    args.run.command = starter;
    let project = world.folder.join("self-test");
    std::fs::create_dir_all(&project).context("no temporary directory can be made")?;
    std::env::set_current_dir(&project).context("the temporary directory cannot be used")?;
    let manifest = project.join("tegmen.toml");
    std::fs::write(&manifest, MANIFEST).context("no temporary file can be written")?;
    args.run.manifest = Some(manifest);
    args.run.command.extend(["-f".into(), "locustfile.py".into()]);
    args.seconds = args.seconds.clamp(3, 5);
    let mut is_good = true;
    let mut tell = |good: bool, text: String| {
        is_good &= good;
        anstream::println!("  {}  {text}", if good { "ok    " } else { "FAILED" });
    };

    // Most machines write none as long as nobody asks for it.
    let may_dump = hardening::allow_core_dumps().context("the limit on core dumps cannot be raised")?;
    anstream::println!("A known leak in every channel:");
    let secrets = staged(&args, authority, world, &directory, stage::LEAKY)?;
    let (proof, _) = prove(&args, &secrets, world, Protection::Off, None)?;
    if proof.coverage.requests == 0 {
        bail!("the self-test's own test did not run: {}", proof.remarks.join("; "));
    }
    for channel in Channel::ALL {
        let is_found = proof.leaks.iter().any(|leak| leak.channel == channel && leak.secret == KEY);
        let note = proof.channel(channel).and_then(|known| known.note.clone()).unwrap_or_default();
        // Where the machine writes none there is nothing to find.
        let is_impossible = channel == Channel::CoreDump && note.contains("none is written");
        let why = if is_impossible { format!(" ({note})") } else { String::new() };
        tell(is_found || is_impossible, format!("{}{why}", channel.title()));
    }

    let secrets = staged(&args, authority, world, &directory, stage::CAREFUL)?;
    let stages = std::mem::replace(&mut args.stages, vec![Stage::Alone]);
    let seconds = std::mem::replace(&mut args.seconds, SHORT);
    let mut first = Some(prove(&args, &secrets, world, Protection::On, Some(&MUTATIONS[0]))?.0);
    (args.stages, args.seconds) = (stages, seconds);

    anstream::println!("A careful test, protected:");
    let (proof, _) = prove(&args, &secrets, world, Protection::On, None)?;
    let needed = [KEY, SEALED];
    let arrived = proof.secrets.iter().filter(|secret| !secret.arrivals.is_empty());
    let arrived: Vec<&str> = arrived.map(|secret| secret.name.as_str()).collect();
    let missing: Vec<&str> = needed.into_iter().filter(|name| !arrived.contains(name)).collect();
    let (is_clean, seen) = (proof.is_clean(), noticed(&proof));
    tell(
        is_clean && missing.is_empty(),
        match (is_clean, &missing[..]) {
            (true, []) => "clean".to_owned(),
            (true, missing) => format!("{} did not arrive", missing.join(", ")),
            (false, _) => seen,
        },
    );

    anstream::println!("The same with one protection switched off, which must be noticed:");
    for off in &MUTATIONS {
        let Off { mutation, title, sign } = off;
        args.stages = vec![if *mutation == Mutation::Cluster { Stage::Workers } else { Stage::Alone }];
        args.seconds = match (*mutation, sign) {
            (Mutation::Inspection, _) => INSPECTED,
            (_, Leak(_, Channel::OtherHosts | Channel::OtherPlaces)) => ARRIVED,
            _ => SHORT,
        };
        let impossible = match mutation {
            Mutation::Core if !may_dump => Some("not tried: this machine allows none anyway"),
            Mutation::Privileges if world.is_led => Some("not tried: what closes the network has it as well"),
            _ => None,
        };
        if let Some(why) = impossible {
            tell(true, format!("{title}: {why}"));
            continue;
        }
        let proof = match first.take() {
            Some(proof) => proof,
            None => prove(&args, &secrets, world, Protection::On, Some(off))?.0,
        };
        let is_noticed = match sign {
            Leak(secret, channel) => proof.leaks.iter().any(|leak| leak.secret == *secret && leak.channel == *channel),
            Lapse(protection) => proof.lapses.iter().any(|lapse| lapse.protection == *protection),
        };
        let seen = noticed(&proof);
        let told = match (is_noticed, seen.is_empty()) {
            (_, true) => "not noticed".to_owned(),
            (true, false) => seen,
            (false, false) => format!("not noticed, but {seen}"),
        };
        tell(is_noticed, format!("{title}: {told}"));
    }
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// What a proof has against a test: the channels through which something leaked, and the protections that were missing.
fn noticed(proof: &Proof) -> String {
    let leaks = proof.leaks.iter().map(|leak| format!("{} in {}", leak.secret, leak.channel.title()));
    let mut all: Vec<String> = leaks.collect();
    all.extend(proof.lapses.iter().map(|lapse| format!("{} is missing", lapse.protection)));
    all.dedup();
    all.join(", ")
}

/// The words that start Locust, as they are understood in another folder. Those after them are about the project's own test:
/// its host, its users, its tags.
fn starter(command: &[OsString], directory: &Path) -> Option<Vec<OsString>> {
    let is_option = |word: &OsStr| word.as_encoded_bytes().starts_with(b"-") && word != "-m" && word != "--";
    let is_locust = |at: &usize| Path::new(&command[*at]).file_name().is_some_and(|name| name == "locust");
    // Behind an option it may be the value of that, as in `--with locust locust`.
    let at = (0..command.len()).filter(is_locust).find(|at| !(*at > 0 && is_option(&command[*at - 1])));
    let at = at.or_else(|| (0..command.len()).find(is_locust))?;
    let as_is = |word: &OsString| {
        let path = directory.join(word);
        if word.as_encoded_bytes().contains(&b'/') && path.exists() { path.into_os_string() } else { word.clone() }
    };
    Some(command[..=at].iter().map(as_is).collect())
}

/// Options of Locust that choose what of a test runs, and against what: `~/.locust.conf` is read in every folder.
pub fn options() -> [(&'static str, Value); 4] {
    [("host", Value::Null), ("tags", Value::Null), ("exclude_tags", Value::Null), ("user_classes", json!([]))]
}

fn staged(
    args: &Args,
    authority: &Authority,
    world: &World,
    directory: &Path,
    script: &str,
) -> anyhow::Result<Secrets> {
    std::fs::write("locustfile.py", script).context("no temporary file can be written")?;
    let mut secrets = Secrets::gather(&args.run, authority, world)?;
    // What is for the project's own test is out, and what would close a channel that is to be seen open.
    let is_meant = |name: &OsStr| !name.as_encoded_bytes().starts_with(b"LOCUST_") && name != "PYTHONDONTWRITEBYTECODE";
    let variables = secrets.environment.iter().filter(|(name, _)| is_meant(name));
    let mut variables: BTreeMap<OsString, OsString> =
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    // What else starts Locust looks for the project where it is called.
    for (name, file) in [("UV_PROJECT", "pyproject.toml"), ("PIPENV_PIPFILE", "Pipfile")] {
        let path = directory.join(file);
        if path.exists() {
            let value = if name == "UV_PROJECT" { directory } else { &path };
            variables.entry(name.into()).or_insert_with(|| value.into());
        }
    }
    secrets.environment = variables.into_iter().collect();
    Ok(secrets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_cut_behind_what_starts_locust() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("bin/locust");
        std::fs::create_dir(folder.path().join("bin")).unwrap();
        std::fs::write(&program, "").unwrap();
        let program = program.to_str().unwrap();
        for (command, expected) in [
            ("locust -f a.py --host https://shop.example.com -T fast", Some("locust")),
            ("bin/locust -H https://shop.example.com", Some(program)),
            ("python -m locust -f locust", Some("python -m locust")),
            ("uv run --with locust locust Shopper", Some("uv run --with locust locust")),
            ("uv run --frozen locust --host https://shop.example.com", Some("uv run --frozen locust")),
            ("stdbuf -oL locust", Some("stdbuf -oL locust")),
            ("tegmen run -- locust", Some("tegmen run -- locust")),
            ("make load", None),
        ] {
            let words: Vec<OsString> = command.split(' ').map(OsString::from).collect();
            let cut = starter(&words, folder.path()).map(|words| words.join(OsStr::new(" ")));
            assert_eq!(cut, expected.map(OsString::from), "{command}");
        }
    }
}
