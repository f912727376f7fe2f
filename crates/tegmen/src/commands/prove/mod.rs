//! `tegmen prove`: the test runs with canaries, and everything that comes out is searched for them.

mod literals;
mod manifest;
mod mirror;
mod pools;
mod secrets;
mod self_test;
mod stages;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, bail};
use tegmen_findings::proof::{Proof, Protection};
use tegmen_prove::{
    ledger::Ledger,
    search::Searcher,
    target::{Goodwill, Target},
    verdict::{self, Circumstances},
    world::{self, Enclosure, authority::Authority, datagrams, doors::Doors, gate, names::Names, outside::Outside},
};
use tegmen_report::Colour;
use tegmen_sys::hardening;
use tegmen_wire::origin::Origin;

use self::{secrets::Secrets, self_test::Off, stages::Stage};
use super::run;
use crate::{messages, stdout};

/// Run a load test with canaries instead of secrets, and search everything that comes out for them.
///
/// Your own locustfile runs as it is, for some seconds, in a network that ends at this machine. Every secret is a made-up
/// value of the same shape; a hostile target stands in for every host that the test talks to, quotes requests in error
/// pages, redirects elsewhere, breaks off. Then standard output and errors, logs, CSV files, reports, the web UI, messages
/// between workers, files, environments and memory are searched for the canaries, in every encoding.
///
/// Nothing real is touched: no secrets manager is asked, and no request leaves the machine. A network namespace sees to that,
/// or, where the kernel gives none, Landlock; without either `prove` refuses.
#[derive(clap::Args)]
// Its own name is that of the options of `run` in it, and both would be groups.
#[group(skip)]
#[command(after_help = "\
Examples:
  tegmen prove -- locust -f locustfile.py --host https://shop.example.com
  tegmen prove --write-manifest -- locust                  which secret goes where, into tegmen.toml
  tegmen prove --without -- locust -f locustfile.py        what the same test gives away without Tegmen
  tegmen prove --self-test -- locust                       would it find a leak?
  tegmen prove --target https://staging.example.com -- locust --host https://staging.example.com
  tegmen prove --format json --output proof.json -- locust

What was found is kept in .tegmen/prove.json, without any value.

Exit status:
  0  nothing leaked
  1  something leaked
  2  it could not do its work")]
pub struct Args {
    #[command(flatten)]
    run: run::Selection,

    /// Run the test a second time without Tegmen's protection, to show the difference
    #[arg(long)]
    without: bool,

    /// Write the hosts and places of each secret into the manifest, as they are observed in a run without protection;
    /// then prove the test with that manifest
    #[arg(long)]
    write_manifest: bool,

    /// How long each stage runs, in seconds
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(2..=600))]
    seconds: u32,

    /// How many users there are at most
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=200))]
    users: u32,

    /// How the test is started: alone, in one process with the web UI; workers, headless with a master and two of them
    #[arg(long, value_enum, value_name = "STAGE", value_delimiter = ',', default_value = "alone,workers")]
    stages: Vec<Stage>,

    /// Let requests to this origin through to it, instead of having the hostile target answer them: a run against the real
    /// target, with canaries all the same. Every other host stays out of reach (repeatable)
    #[arg(long, value_name = "URL", value_parser = origin)]
    target: Vec<Origin>,

    /// Prove the proof: leaks that are planted in every channel must be found, and each of Tegmen's protections must be
    /// missed when it is switched off. CMD is how Locust is started; options behind it are left out
    #[arg(long, conflicts_with_all = ["without", "write_manifest", "target"])]
    self_test: bool,

    /// How the verdict is shown
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Write the verdict to a file
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
    Junit,
    Html,
}

fn origin(text: &str) -> Result<Origin, String> {
    let url = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    Origin::of_url(&url).ok_or_else(|| "it is a URL, such as https://staging.example.com".to_owned())
}

/// What is made once, whatever is run in it.
struct World {
    target: Target,
    /// Ports that the stages may use.
    doors: Doors,
    /// How the network is closed.
    isolation: String,
    /// Whether the test's processes have to be led to the target, since the world cannot do it.
    is_led: bool,
    /// For files that stand in the place of others.
    folder: PathBuf,
}

pub fn run(mut args: Args) -> anyhow::Result<ExitCode> {
    if std::env::var_os(tegmen_wire::protocol::CHANNEL_VARIABLE).is_some() {
        bail!("this is inside of `tegmen run`: prove what runs there by calling `tegmen prove -- …` without it");
    }
    if args.run.cluster_key.is_some() || args.run.pool_share.is_some() {
        bail!("--cluster-key and --pool-share are for `tegmen run`: here no key and no pool is fetched");
    }
    let folder =
        tempfile::Builder::new().prefix("tegmen-prove-").tempdir().context("no temporary directory can be made")?;
    let Some((world, authority)) = close(&args, folder.path())? else { return Ok(ExitCode::from(2)) };
    if args.self_test {
        return self_test::run(args, &authority, &world);
    }
    let mut secrets = Secrets::gather(&args.run, &authority, &world)?;
    secrets.notes.iter().for_each(messages::note);
    let mut proofs = Vec::new();
    if args.without || args.write_manifest {
        let (proof, ledger) = prove(&args, &secrets, &world, Protection::Off, None)?;
        if args.write_manifest {
            let path = manifest::write(&secrets, &ledger, args.run.manifest.as_deref())?;
            messages::note(format_args!("hosts and places are in {}", path.display()));
            args.run.manifest = Some(path);
            secrets.rules_from(&args.run)?;
        }
        if args.without {
            proofs.push(proof);
        }
    }
    let (proof, ledger) = prove(&args, &secrets, &world, Protection::On, None)?;
    proofs.insert(0, proof);
    let (is_clean, is_idle) = (proofs[0].is_clean(), proofs[0].is_idle());
    keep(&proofs[0])?;
    let text = match args.format {
        Format::Text if args.output.is_some() => tegmen_report::proof::text(&proofs, Colour::Never),
        Format::Text => tegmen_report::proof::text(&proofs, Colour::Always),
        Format::Json => tegmen_report::proof::json(&proofs)?,
        Format::Junit => tegmen_report::proof::junit(&proofs[0])?,
        Format::Html => tegmen_report::proof::html(&proofs)?,
    };
    match &args.output {
        Some(path) => std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))?,
        None => stdout::write_coloured(text)?,
    }
    if is_idle {
        say_idle(&proofs[0], &ledger);
        return Ok(ExitCode::from(2));
    }
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Closes the world, and puts what is needed into it; `None` when that cannot be done, which has been said.
fn close(args: &Args, folder: &Path) -> anyhow::Result<Option<(World, Arc<Authority>)>> {
    // The one thread that stays outside begins before, and dials what was named and nothing else.
    let outside = (!args.target.is_empty()).then(|| Outside::open(args.target.clone())).transpose()?;
    // First of all: from here on nothing can leave, whatever happens. There is no other thread until then.
    let closed = match &outside {
        Some(_) => world::fence_off().map_err(world::CloseError::from),
        None => world::close(folder),
    };
    let enclosure = match closed {
        Ok(enclosure) => enclosure,
        Err(error) => {
            messages::error(&anyhow::Error::new(error).context(
                "the network cannot be closed, and without that no canary is let fly: it could reach somebody",
            ));
            messages::hint(
                "allow user namespaces: sysctl -w kernel.unprivileged_userns_clone=1 (on Ubuntu also \
                 kernel.apparmor_restrict_unprivileged_userns=0); in a container run with --cap-add SYS_ADMIN. Or have a \
                 kernel with Landlock (Linux 6.7 and newer, `landlock` in its `lsm` parameter)",
            );
            return Ok(None);
        }
    };
    let is_led = matches!(enclosure, Enclosure::Landlock { .. });
    let logs = if is_led { datagrams::beside(folder) } else { datagrams::cover(folder) };
    world::limit()?;
    hardening::forbid_inspection().context("other processes cannot be kept from looking into this one")?;
    let authority = Arc::new(Authority::new()?);
    std::fs::write(folder.join("authority.pem"), authority.pem()).context("no temporary file can be written")?;
    let (target, doors, isolation) = match enclosure {
        Enclosure::Namespace => {
            let names = Names::default();
            names.serve().context("nobody can answer for names in here")?;
            let target = Target::new(names, Arc::clone(&authority));
            // Those of the web, and those of collectors of OpenTelemetry, whose clients dial without Python's sockets.
            for port in [80, 443, 4317, 4318] {
                target.open(port);
            }
            (target, Doors::default(), "network namespace".to_owned())
        }
        Enclosure::Landlock { listeners, doors } => {
            let target = Target::new(Names::of_this_machine(), Arc::clone(&authority)).behind(listeners);
            let open: Vec<String> = args.target.iter().map(Origin::to_string).collect();
            let isolation =
                if open.is_empty() { "Landlock".to_owned() } else { format!("Landlock, open to {}", open.join(", ")) };
            (target, doors, isolation)
        }
    };
    if let Some(outside) = outside {
        target.hand_on(outside);
    }
    datagrams::listen(&target, logs);
    let folder = folder.to_owned();
    Ok(Some((World { target, doors, isolation, is_led, folder }, authority)))
}

/// Says why nothing is shown.
fn say_idle(proof: &Proof, ledger: &Ledger) {
    let refused: Vec<String> = proof
        .own_secrets()
        .flat_map(|secret| {
            secret.refused.iter().map(move |one| format!("[{}] to {}: {}", secret.name, one.to, one.why))
        })
        .collect();
    if refused.is_empty() {
        let what = if proof.coverage.requests == 0 { "the test made no request" } else { "no task of the test ran" };
        messages::error(&anyhow::anyhow!("{what}, so that nothing is shown"));
        let has_begun = !proof.coverage.ran.is_empty() || !proof.coverage.not_run.is_empty();
        if proof.coverage.requests == 0 && has_begun && ledger.state().targets.is_empty() {
            messages::hint("it has no host: give it one, as in `-- locust --host https://shop.example.com`");
        } else {
            messages::hint("the notes above say how it ended; does the command run with `tegmen run` in front of it?");
        }
        return;
    }
    messages::error(&anyhow::anyhow!(
        "no secret arrived, so that nothing is shown: Tegmen refused to send {}",
        refused.join("; ")
    ));
    messages::hint(
        "without `hosts` a secret goes to the test's own target only. If it belongs there, bind it: \
         tegmen prove --write-manifest writes down which secret goes where",
    );
}

/// One run, with or without protection, or with all of it but one.
fn prove(
    args: &Args,
    secrets: &Secrets,
    world: &World,
    protection: Protection,
    off: Option<&Off>,
) -> anyhow::Result<(Proof, Ledger)> {
    let (began, clock) = (SystemTime::now(), Instant::now());
    let searcher = Searcher::new(secrets.canaries.iter().map(|canary| (canary.name.as_str(), canary.parts.as_slice())));
    let ledger = Ledger::new(Arc::new(searcher));
    world.target.answer_with(Goodwill {
        expected: secrets.expected.clone(),
        session: secrets.session.clone(),
        anonymous: secrets.anonymous.clone(),
        // Its own test needs no login to succeed.
        patience: if args.self_test { 1 } else { args.users as usize },
    });
    world.target.report_to(&ledger);
    let gate = gate::open(world.target.clone(), ledger.clone())?;
    let is_seen = off.map(|off| |ledger: &Ledger| off.is_seen(ledger, secrets));
    let until = is_seen.as_ref().map(|is_seen| is_seen as &(dyn Fn(&Ledger) -> bool + Sync));
    let off = off.map(|off| off.mutation);
    let stages = stages::Stages { args, secrets, world, protection, ledger: &ledger, gate: &gate, off, until };
    let stages::Told { unused, mut remarks } = stages.run()?;
    remarks.splice(0..0, secrets.remarks.iter().cloned());
    if world.is_led {
        remarks.push(
            "there is no network of its own here: what dials without Python's sockets was refused, and so were datagrams"
                .to_owned(),
        );
    }
    if !args.target.is_empty() {
        remarks.push(
            "the real target answered: it was given canaries, which it knows nothing of; what it issued was not searched for"
                .to_owned(),
        );
    }
    let circumstances = Circumstances {
        began: began.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        seconds: clock.elapsed().as_secs(),
        protection,
        isolation: world.isolation.clone(),
        tegmen: env!("CARGO_PKG_VERSION").to_owned(),
        remarks,
        unused,
    };
    Ok((verdict::proof(&ledger, &secrets.subjects, &circumstances), ledger))
}

/// Keeps the proof where reports look for it.
fn keep(proof: &Proof) -> anyhow::Result<()> {
    let directory = Path::new(".tegmen");
    let written = std::fs::create_dir_all(directory)
        .and_then(|()| std::fs::write(directory.join("prove.json"), serde_json::to_vec_pretty(proof)?));
    written.context("the proof cannot be kept in .tegmen/prove.json")
}
