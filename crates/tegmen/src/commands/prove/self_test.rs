//! `--self-test`: the proof of the proof. A test that leaks everywhere must be found out in every channel; a careful one
//! must be clean, and must not be any more when one of Tegmen's protections is switched off.

use std::{path::Path, process::ExitCode};

use anyhow::Context as _;
use tegmen_findings::proof::{Channel, Proof, Protection};
use tegmen_prove::{stage, target::Target, world::authority::Authority};

use super::{Args, Stage, prove, secrets::Secrets};

/// A protection that is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// The environment has values in the place of placeholders.
    Environment,
    /// What the command prints is not searched.
    Redactor,
    /// The plugin leaves Locust's statistics, failures and pages as they are.
    Outputs,
    /// Secrets are bound to the host of a redirect as well.
    Hosts,
    /// Secrets may stand in every place of a request.
    Places,
    /// Other processes may look into the test's.
    Inspection,
}

const MUTATIONS: [(Mutation, &str); 6] = [
    (Mutation::Environment, "placeholders in the environment"),
    (Mutation::Redactor, "the redactor behind standard output and error"),
    (Mutation::Outputs, "the plugin's hooks in statistics, failures and web UI"),
    (Mutation::Hosts, "the hosts that a secret is bound to"),
    (Mutation::Places, "the places in which a secret may stand"),
    (Mutation::Inspection, "processes that nobody looks into"),
];

/// What the self-test says of its secret.
const MANIFEST: &str = r#"
[secrets.SELF_TEST_KEY]
source = "env:SELF_TEST_KEY"
places = ["header:authorization", "header:x-key", "body:key"]
"#;

/// Runs it; the command is how Locust is started here.
pub fn run(mut args: Args, authority: &Authority, target: &Target, folder: &Path) -> anyhow::Result<ExitCode> {
    // It has a secret of its own: what the project has is nobody's business here.
    args.run.quiet = true;
    args.run.secret.clear();
    args.run.hosts.clear();
    let project = folder.join("self-test");
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

    anstream::println!("A known leak in every channel:");
    let secrets = staged(&args, authority, &project, stage::LEAKY)?;
    let (proof, _) = prove(&args, &secrets, target, folder, Protection::Off, None)?;
    for channel in Channel::ALL {
        let is_found = proof.leaks.iter().any(|leak| leak.channel == channel && leak.secret == "SELF_TEST_KEY");
        let note = proof.channel(channel).and_then(|known| known.note.clone()).unwrap_or_default();
        // Where the machine writes none there is nothing to find.
        let is_impossible = channel == Channel::CoreDump && note.contains("none is written");
        let why = if is_impossible { format!(" ({note})") } else { String::new() };
        tell(is_found || is_impossible, format!("{}{why}", channel.title()));
    }

    anstream::println!("A careful test, protected:");
    let secrets = staged(&args, authority, &project, stage::CAREFUL)?;
    let leaked = |proof: &Proof| {
        let own = proof.leaks.iter().filter(|leak| leak.secret == "SELF_TEST_KEY");
        let mut channels: Vec<&str> = own.map(|leak| leak.channel.title()).collect();
        channels.dedup();
        channels.join(", ")
    };
    let (proof, _) = prove(&args, &secrets, target, folder, Protection::On, None)?;
    let arrived = proof.secrets.iter().any(|secret| secret.name == "SELF_TEST_KEY" && !secret.arrivals.is_empty());
    let channels = leaked(&proof);
    tell(channels.is_empty() && arrived, if channels.is_empty() { "clean".to_owned() } else { channels });

    args.stages = vec![Stage::Alone];
    anstream::println!("The same with one protection switched off, which must be noticed:");
    for (mutation, title) in MUTATIONS {
        let (proof, _) = prove(&args, &secrets, target, folder, Protection::On, Some(mutation))?;
        let channels = leaked(&proof);
        tell(!channels.is_empty(), format!("{title}: {}", if channels.is_empty() { "not noticed" } else { &channels }));
    }
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn staged(args: &Args, authority: &Authority, project: &Path, script: &str) -> anyhow::Result<Secrets> {
    std::fs::write(project.join("locustfile.py"), script).context("no temporary file can be written")?;
    let mut secrets = Secrets::gather(&args.run, authority, project)?;
    // It would close a channel that is to be seen open.
    let variables = secrets.environment.iter().filter(|(name, _)| *name != "PYTHONDONTWRITEBYTECODE");
    secrets.environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Ok(secrets)
}
