//! `tegmen run`: a command with its secrets protected.

pub(super) mod environment;
mod fence;
pub(super) mod manifest;
pub(super) mod shim;
mod summary;

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, bail};
use tegmen_broker::{
    channel::{Contacts, Owner, Server},
    child::{self, ChildOptions, Masked},
    keep::{CLUSTER_KEY, Charge, Keep},
    life::Life,
    pools::{PoolCharge, Pools},
    stand_in::StandIn,
    upstream::Upstream,
};
use tegmen_sources::{
    Ended, Ending, Fetched, HostSpec, Manifest, OnEmpty, PlaceSpec, Preflight, Records, Revocation, Scheme, Session,
    Share, TlsPolicy,
};
use tegmen_wire::{origin, place::Place, table::Binding};

use crate::messages;

/// Run a command with its secrets protected.
///
/// The command, and everything it starts, sees placeholders: in its environment, in secret(), in everything that Python
/// handles. The plugin inside Locust puts the real values into requests at the last step before the wire, towards
/// the hosts that each secret is bound to. What the command prints is searched for values on the way out.
#[derive(clap::Args)]
#[command(after_help = "\
With neither a manifest nor --secret, every variable of the environment whose name says that it \
is sensitive is taken as a secret, bound to the test's own target (--host).

Examples:
  tegmen run -- locust -f locustfile.py --host https://shop.example.com
  tegmen run --secret API_KEY=vault:secret/locust/shop#api_key --hosts shop.example.com -- locust
  tegmen run --manifest load/tegmen.toml -- make loadtest
  tegmen run --sandbox -- locust -f locustfile.py --host https://shop.example.com --csv results/run
  tegmen run --cluster-key file:/run/secrets/cluster -- locust --worker --master-host load-1
  tegmen run --summary secrets.json -- locust --headless -t 1m

Exit status:
  *    the command's own; of one that a signal ended, 128 and the number of the signal
  125  tegmen itself failed
  126  the command cannot be run
  127  it was not found")]
pub struct Args {
    #[command(flatten)]
    selection: Selection,

    /// Write what became of the secrets to a file, as JSON: where from, how old, sent how often and where to, what was
    /// refused, what was masked; no value. `-` is standard output, after that of the command
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,

    /// An origin besides its own under which Locust's web UI is reached, or whose pages may use it: behind a proxy, for
    /// example https://locust.example.com (repeatable)
    #[arg(long, value_name = "ORIGIN", hide_short_help = true)]
    web_origin: Vec<String>,

    // The last: its heading is for all that comes after it.
    #[command(flatten)]
    hardening: fence::FenceArgs,
}

/// What is run, and which secrets it has: for `prove` too.
#[derive(clap::Args)]
#[group(skip)]
pub struct Selection {
    /// The manifest; the default is tegmen.toml here or in a directory above, up to the repository's root
    #[arg(long, value_name = "FILE", conflicts_with = "secret")]
    pub(super) manifest: Option<PathBuf>,

    /// A secret and its source, without a manifest: env:NAME, dotenv:FILE#NAME, file:PATH, store:NAME,
    /// vault:MOUNT/PATH#FIELD, vault-dynamic:PATH#FIELD, exec:COMMAND or, in a build with it, secretspec:NAME (repeatable)
    #[arg(long, value_name = "NAME=SOURCE")]
    pub(super) secret: Vec<String>,

    /// A host to which the secrets may be sent: besides those in the manifest, or instead of the test's own target
    /// (repeatable)
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    pub(super) hosts: Vec<String>,

    /// Which part of each pool's records is given out here, where several hosts run workers: 1/3, 2/3, 3/3. A pool that has
    /// a `share` in the manifest keeps that
    #[arg(long, value_name = "PART/PARTS", hide_short_help = true, env = "TEGMEN_POOL_SHARE", value_parser = share)]
    pub(super) pool_share: Option<Share>,

    /// The key with which master and workers seal what passes between them, as a source like those of --secret; the
    /// default is [cluster] key of the manifest
    #[arg(long, value_name = "SOURCE", hide_short_help = true)]
    pub(super) cluster_key: Option<String>,

    /// Run with a version of Locust that is older than those that tegmen knows
    #[arg(long)]
    pub(super) allow_unknown_locust: bool,

    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(super) command: Vec<OsString>,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    // Before there is a value to protect.
    super::close_process()?;

    if std::env::var_os(tegmen_wire::protocol::CHANNEL_VARIABLE).is_some() {
        // What the environment holds here are placeholders: they would be taken for values.
        bail!("this is inside of another `tegmen run`, which holds the secrets already: call the command without it");
    }
    args.hardening.check()?;
    let user = args.hardening.user()?;
    let web_origins = environment::web_origins(&args.web_origin)?;
    let file = args.summary.as_deref().map(summary::Destination::open).transpose()?;
    let mut chosen = manifest::choose(&args.selection)?;
    chosen.notes.iter().for_each(messages::note);
    say_rules(&chosen.manifest);
    chosen.manifest.fetch_cluster_key_as(CLUSTER_KEY)?;
    let context = tegmen_sources::Context::of(&chosen.manifest).context("the current directory cannot be read")?;
    if let Some(preflight) = Preflight::of(&chosen.manifest) {
        messages::note(preflight);
    }
    let mut fetched = tegmen_sources::fetch_all(&chosen.manifest, &context)?;
    let _farewell = Farewell(fetched.session.ending.clone());
    let (keep, pools) = take_over(&mut fetched, chosen.shown.clone())?;
    say_pools(&pools);
    say_fetched(&fetched, &keep);
    let memory = keep.kind();
    let has_secrets = keep.values().next().is_some() || !pools.is_empty();
    let (patterns, _) = keep.patterns();

    let shim = shim::Shim::new().context("no temporary directory can be made")?;
    let mut environment = environment::Builder::new(&context.environment);
    environment.without(&fetched.consumed);
    environment.protect(&keep);
    environment.plugin(&shim, args.selection.allow_unknown_locust);
    environment.web_origins(&web_origins);
    environment.without_history();
    let (command, exposed) = environment::Builder::command(&args.selection.command, &keep);
    say_exposed(&exposed);
    withhold(&mut environment, &keep, &args, chosen.shown.is_some());

    let Fetched { manifest, credentials, session: Session { local, vault, opener, ending }, .. } = fetched;
    let owner = user.as_ref().map(|account| Owner { uid: account.user.uid, gid: account.user.gid });
    let (server, channel, address) = Server::start(keep, Pools::new(pools), summary::about(&manifest), owner)
        .context("the channel to the plugin cannot be made")?;
    let behind = opener.as_ref().and_then(|opener| Some((opener.address()?, opener.namespace())));
    let upstream = Upstream::new(vault, opener);
    let mut stand_in = None;
    if let Some((real, namespace)) = behind {
        let started = StandIn::start(server.clone(), upstream.clone(), namespace)
            .context("the stand-in for Vault cannot be started")?;
        environment.stand_in(&started, &credentials);
        messages::note(format_args!(
            "{} stands in for Vault at {real}: scripts that ask it get placeholders",
            started.address
        ));
        stand_in = Some(started.address);
    }
    environment.set(tegmen_wire::protocol::CHANNEL_VARIABLE, address.to_string());
    let mut env = environment.finish();
    let around = fence::Around {
        manifest: &manifest,
        context: &context,
        command: &command,
        environment: &env,
        shim: shim.directory(),
        stand_in: stand_in.as_deref(),
        channel: &address.name,
        memory,
    };
    let mut fenced = args.hardening.make(user, &around)?;
    if let Some(listener) = fenced.listener.take() {
        server.listen_also(listener).context("no thread can be made")?;
    }
    env.retain(|(name, _)| !fenced.variables.iter().any(|(new, _)| name == new.as_str()));
    env.extend(fenced.variables.into_iter().map(|(name, value)| (OsString::from(name), value)));
    let temporary = fenced.temporary.as_ref().map(|temporary| temporary.path().to_owned());
    let leftovers = temporary.into_iter().chain([shim.directory().to_owned()]).collect();
    let options = ChildOptions { command, env, inherit_fds: vec![channel], cwd: None, fence: fenced.fence, leftovers };
    let child = match child::spawn(options, patterns) {
        Ok(child) => child,
        Err(error) => {
            let code = error.code();
            messages::error(&error.into());
            return Ok(ExitCode::from(code));
        }
    };
    let output = child.handle();
    server.set_output(output.clone());
    let life = Life::start(&server, local, upstream, ending, output.clone()).context("no thread can be made")?;
    let status = child.wait();
    let ended = life.end();
    server.hear_out(PATIENCE);
    if let Some(error) = status.output_error() {
        messages::warning(format_args!("a part of the output could not be written: {error}"));
    }
    sum_up(&server.contacts(), has_secrets);
    let overview = server.overview();
    summary::say(&overview);
    say_pool_uses(&server);
    say_masked(&output.masked());
    say_ended(ended);
    if let Some(file) = file {
        file.write(&overview, status.code())?;
    }
    Ok(ExitCode::from(status.code()))
}

/// Ends the login at Vault whichever way a run comes to its end. After a run that came to its own there is nothing left to end.
struct Farewell(Ending);

impl Drop for Farewell {
    fn drop(&mut self) {
        say_ended(self.0.end());
    }
}

/// Has the values held: out of what was fetched, which keeps the rest.
fn take_over(fetched: &mut Fetched, shown: Option<String>) -> anyhow::Result<(Keep, Vec<PoolCharge>)> {
    let manifest = &fetched.manifest;
    let is_cluster_key = |name: &str| manifest.cluster_key.is_some() && name == CLUSTER_KEY;
    let values = std::mem::take(&mut fetched.values);
    let (cluster_keys, values): (Vec<_>, Vec<_>) = values.into_iter().partition(|(name, _)| is_cluster_key(name));
    let charges = values.into_iter().map(|(name, value)| charge(manifest, name, value));
    let mut keep = Keep::new(charges.collect(), shown)?;
    for (_, key) in cluster_keys {
        keep.set_cluster_key(key)?;
    }
    let pools = std::mem::take(&mut fetched.pools).into_iter();
    Ok((keep, pools.filter_map(|(name, records)| pool(manifest, name, records)).collect()))
}

/// Says what was done to values, and what a placeholder cannot do for them.
fn say_fetched(fetched: &Fetched, keep: &Keep) {
    for note in &fetched.notes {
        messages::note(format_args!("[{}] from {}: {}", note.secret, note.source, note.text));
    }
    fetched.warnings.iter().for_each(messages::warning);
    keep.patterns().1.values().for_each(messages::warning);
    for (name, caution) in keep.cautions() {
        messages::warning(format_args!("[{name}] is {}", caution.reason()));
        messages::hint(format_args!("under [secrets.{name}] write {}", caution.remedy()));
    }
}

/// Says whose values stood in the command line.
fn say_exposed(names: &[String]) {
    for name in names {
        messages::warning(format_args!(
            "the value of [{name}] stands in the command line, where everybody on this machine can read it; the command \
             gets its placeholder"
        ));
        messages::hint(format_args!("let the script read it: os.environ[\"{name}\"]"));
    }
}

/// Takes out of the environment what is sensitive and no secret of the run, and says so.
fn withhold(environment: &mut environment::Builder, keep: &Keep, args: &Args, has_manifest: bool) {
    let (kept, has_options) = (&args.hardening.keep_env, !args.selection.secret.is_empty());
    if environment.without_key_log(kept) {
        messages::warning(format_args!(
            "{0} has the keys of TLS connections written to a file, with which everything that is sent can be read; the \
             command does not get it",
            environment::KEY_LOG
        ));
        messages::hint(format_args!("--keep-env {} hands it over as it is", environment::KEY_LOG));
    }
    let sensitive = environment.take_sensitive(keep, kept);
    // Without either, what was taken and what was not has been said.
    let Some(first) = sensitive.first().filter(|_| has_manifest || has_options) else { return };
    messages::warning(format_args!(
        "not protected, because {} does not name {}: {}",
        if has_options { "--secret" } else { "the manifest" },
        if sensitive.len() == 1 { "it" } else { "them" },
        sensitive.join(", ")
    ));
    messages::hint(if has_options {
        format!("add --secret {first}=env:{first}")
    } else {
        format!("add [secrets.{first}] with source = \"env:{first}\" to it")
    });
    messages::hint(format_args!("the command does not get it; --keep-env {first} hands it over as it is"));
}

/// What is meant for each secret, for whoever wonders why one does not arrive.
fn say_rules(manifest: &Manifest) {
    for (name, spec) in &manifest.secrets {
        let hosts = match &spec.hosts {
            Some(hosts) => hosts.iter().map(|host| origin(host).to_string()).collect::<Vec<_>>().join(", "),
            None => "the test's own target".to_owned(),
        };
        let places: Vec<String> = spec.places.iter().map(|spec| place(spec).to_string()).collect();
        let places = if places.is_empty() { String::new() } else { format!(", in {}", places.join(", ")) };
        messages::detail(format_args!(
            "[{name}] from {}, as {}; to {hosts}{places}",
            summary::shown(&spec.source),
            spec.variables(name).join(", ")
        ));
    }
}

/// How long the end waits for the last numbers of the plugins. They are there as soon as the command has ended.
const PATIENCE: std::time::Duration = std::time::Duration::from_millis(500);

/// Says what was kept out of which output, how often. There is no text to it.
fn say_masked(masked: &Masked) {
    let mut names: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (channel, counts) in masked {
        for (name, count) in counts {
            names.entry(name).or_default().push(format!("{count} in {channel}"));
        }
    }
    for (name, places) in names {
        messages::note(format_args!("masked [{name}]: {}", places.join(", ")));
    }
}

/// What the manifest says of a secret, as the broker needs it.
pub(super) fn charge(manifest: &Manifest, name: String, value: tegmen_secret::SecretBytes) -> Charge {
    let Some(spec) = manifest.secrets.get(&name) else {
        return Charge { binding: Binding { name, ..Binding::default() }, value, as_file: false };
    };
    let binding = Binding {
        env: spec.variables(&name),
        hosts: spec.hosts.as_ref().map(|hosts| hosts.iter().map(origin).collect()),
        places: spec.places.iter().map(place).collect(),
        tls_unverified: spec.tls == TlsPolicy::Unverified,
        reveal: spec.reveal,
        seal: spec.seal || manifest.seal,
        name,
    };
    Charge { binding, value, as_file: spec.as_file }
}

/// What the manifest says of a pool, as the broker needs it.
pub(super) fn pool(manifest: &Manifest, name: String, records: Records) -> Option<PoolCharge> {
    let spec = manifest.pools.get(&name)?.clone();
    let binding = Binding {
        hosts: spec.hosts.as_ref().map(|hosts| hosts.iter().map(origin).collect()),
        places: spec.places.iter().map(place).collect(),
        tls_unverified: spec.tls == TlsPolicy::Unverified,
        seal: spec.seal || manifest.seal,
        ..Binding::default()
    };
    Some(PoolCharge { name, spec, binding, records })
}

fn share(text: &str) -> Result<Share, String> {
    text.parse().map_err(str::to_owned)
}

/// Says what there is to give out, and what happens when it is all out.
fn say_pools(pools: &[PoolCharge]) {
    for PoolCharge { name, spec, records, .. } in pools {
        let count = match spec.share {
            Some(share) => format!("{} of {} records (share {share})", records.len(), records.total()),
            None => format!("{} records", records.len()),
        };
        messages::note(format_args!("pool {name}: {count} from {}; when all are out, {}", spec.source, spec.on_empty));
        if records.short() > 0 {
            messages::warning(format_args!(
                "pool {name}: {} secret values have fewer than 6 bytes: in output they are masked only where they stand alone",
                records.short()
            ));
        }
    }
}

/// Says how much of each pool was used.
fn say_pool_uses(server: &Server) {
    for pool in server.pools() {
        messages::note(format_args!(
            "pool {}: {} of {} records used, {} at a time",
            pool.name, pool.used, pool.size, pool.most
        ));
        if pool.empty > 0 {
            let times = if pool.empty == 1 { "once".to_owned() } else { format!("{} times", pool.empty) };
            let then = match pool.on_empty {
                OnEmpty::Fail => "checkout() failed",
                OnEmpty::Wait => "users waited",
                OnEmpty::Cycle => "a record was given out once more, to two users at a time",
            };
            messages::warning(format_args!(
                "pool {}: {times} all records were out when one was wanted; {then}",
                pool.name
            ));
        }
    }
}

pub(super) fn origin(spec: &HostSpec) -> origin::Origin {
    let scheme = match spec.scheme {
        Scheme::Https => origin::Scheme::Https,
        Scheme::Http => origin::Scheme::Http,
    };
    origin::Origin::new(scheme, &spec.host, Some(spec.port))
}

pub(super) fn place(spec: &PlaceSpec) -> Place {
    match spec.clone() {
        PlaceSpec::Header(name) => Place::Header(name),
        PlaceSpec::Query(name) => Place::Query(name),
        PlaceSpec::Path => Place::Path,
        PlaceSpec::Body(name) => Place::Body(name),
        PlaceSpec::Cookie(name) => Place::Cookie(Some(name)),
        PlaceSpec::Basic => Place::Basic,
    }
}

/// Says what the child's own output cannot have said.
fn sum_up(contacts: &Contacts, has_secrets: bool) {
    for reason in &contacts.refused {
        messages::warning(format_args!("a process asked for the secrets and did not get them: {reason}"));
    }
    if contacts.more_refused > 0 {
        messages::warning(format_args!("so did {} more", contacts.more_refused));
    }
    if has_secrets && contacts.welcomed == 0 && contacts.refused.is_empty() {
        messages::warning("no process of the command asked for the secrets: whatever it sent held placeholders");
        messages::hint(
            "the plugin works inside Python with Locust; is the package tegmen installed in the Python that ran?",
        );
    }
}

/// Says what became of what the sources gave for the time of the run: the login at Vault, and leases.
fn say_ended(ended: Option<Ended>) {
    let Some(Ended { token, leases }) = ended else { return };
    match token {
        Revocation::Revoked => messages::note("the Vault token is revoked"),
        Revocation::AlreadyEnded => messages::note("the Vault token had ended before"),
        Revocation::Failed(error) => {
            messages::warning(format_args!("the Vault token could not be revoked: {error}"));
            messages::hint("it ends by its time to live; `vault token revoke -accessor` ends it at once");
        }
        Revocation::NotOurs => {}
    }
    for (path, error) in leases {
        messages::warning(format_args!("the lease of {path} could not be given back: {error}"));
        messages::hint(&error.next);
    }
}
