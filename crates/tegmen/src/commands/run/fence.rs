//! Hardening and `--sandbox`: from arguments to what the command is fenced off with, and what is said about it.

use std::{
    ffi::OsString,
    net::ToSocketAddrs as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use tegmen_broker::{
    relay::{self, Plan, Relay, RelayError},
    sandbox::{Policy, Request, Target},
};
use tegmen_sources::{Manifest, Source, store::Store};
use tegmen_sys::sandbox::{self, Fence};
use tegmen_sys::{channel::Listener, network::Right, shared::Kind, users};

use crate::messages;

#[derive(clap::Args)]
#[command(next_help_heading = "Hardening")]
pub struct FenceArgs {
    /// Fence the command off: the project can be read and its outputs written, target and master connected to, nothing else.
    /// `report` fences nothing off and says what Python would have been refused
    #[arg(long, value_enum, value_name = "HOW", num_args = 0..=1, require_equals = true, default_missing_value = "on", default_value = "off", hide_default_value = true)]
    sandbox: Mode,

    /// In the sandbox: a file or folder that can be written; a folder is made (repeatable)
    #[arg(long, value_name = "PATH")]
    writable: Vec<PathBuf>,

    /// In the sandbox: a further file or folder that can be read (repeatable)
    #[arg(long, value_name = "PATH")]
    readable: Vec<PathBuf>,

    /// In the sandbox: a host that can be connected to besides the target (repeatable)
    #[arg(long, value_name = "HOST:PORT")]
    reach: Vec<String>,

    /// In the sandbox: a port that can be listened on besides Locust's own, on this machine or at an address (repeatable)
    #[arg(long, value_name = "[ADDRESS:]PORT", value_parser = door)]
    listen: Vec<Target>,

    /// In the sandbox: whether connections are told apart by host or by port alone. `hosts` puts the command into a network of
    /// its own, with a relay to the hosts that it may reach; `auto` does so where root starts it
    #[arg(long, value_enum, value_name = "BY", default_value = "auto")]
    network: Network,

    /// Run the command as this user (name or number); only root can
    #[arg(long, value_name = "USER")]
    user: Option<String>,

    /// The mask of modes of what the command writes, in octal, or `keep`
    #[arg(long, value_name = "MASK", default_value = "077", value_parser = umask)]
    umask: Umask,

    /// Let the command gain privileges, which sudo and other setuid programs need
    #[arg(long)]
    allow_privileges: bool,

    /// A sensitive variable that the command gets as it is (repeatable)
    #[arg(long, value_name = "NAME")]
    pub keep_env: Vec<String>,

    /// Stop if the kernel lacks a protection, instead of saying so
    #[arg(long)]
    require_hardening: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    On,
    Report,
    Off,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Network {
    Auto,
    Hosts,
    Ports,
}

/// `PORT`, on this machine, or `ADDRESS:PORT`.
fn door(text: &str) -> Result<Target, String> {
    let port = text.rsplit_once(':').map_or(text, |(_, port)| port);
    let host = text.rsplit_once(':').map_or("127.0.0.1", |(host, _)| host).trim_matches(['[', ']']);
    match port.parse() {
        Ok(port) if host == "*" || host.parse::<std::net::IpAddr>().is_ok() => {
            Ok(Target { host: host.to_owned(), port })
        }
        _ => Err("it is a port, or an address of this machine and a port: 0.0.0.0:9646".to_owned()),
    }
}

/// The mask of modes.
#[derive(Clone, Copy)]
pub struct Umask(Option<u32>);

fn umask(text: &str) -> Result<Umask, String> {
    if text == "keep" {
        return Ok(Umask(None));
    }
    match u32::from_str_radix(text, 8) {
        Ok(mask) if mask <= 0o777 => Ok(Umask(Some(mask))),
        _ => Err("it is `keep`, or three octal digits such as 077".to_owned()),
    }
}

/// What is known of the run.
pub struct Around<'a> {
    pub manifest: &'a Manifest,
    pub context: &'a tegmen_sources::Context,
    pub command: &'a [OsString],
    pub environment: &'a [(OsString, OsString)],
    /// The folder that the plugin is looked for in.
    pub shim: &'a Path,
    /// The stand-in for Vault, if there is one.
    pub stand_in: Option<&'a str>,
    /// The abstract name of the broker's socket.
    pub channel: &'a str,
    /// The memory that the values lie in.
    pub memory: Kind,
}

/// The fence, and what it needs for as long as the command runs.
pub struct Fenced {
    pub fence: Fence,
    /// Variables of the command, in the place of those that it would get.
    pub variables: Vec<(String, OsString)>,
    /// The folder for temporary files.
    pub temporary: Option<tempfile::TempDir>,
    /// The broker's socket in the command's own network, if it has one.
    pub listener: Option<Listener>,
    /// What leads out of that network, until the end of the run.
    pub relay: Option<relay::Process>,
}

impl FenceArgs {
    /// The user that the command runs as, if another one.
    pub fn user(&self) -> anyhow::Result<Option<users::Account>> {
        let Some(name) = &self.user else { return Ok(None) };
        if tegmen_sys::peer::effective_uid() != 0 {
            bail!("--user: only root can run the command as another user; start tegmen as {name} instead");
        }
        let user = users::find(name).with_context(|| format!("--user: {name} cannot be looked up"))?;
        match user {
            Some(user) => Ok(Some(user)),
            None => bail!("--user: there is no user {name} on this machine"),
        }
    }

    /// Makes the fence, and says what holds and what does not.
    pub fn make(&self, account: Option<users::Account>, around: &Around<'_>) -> anyhow::Result<Fenced> {
        let mut missing = Vec::new();
        if around.memory != Kind::Secret {
            missing.push(match around.memory {
                Kind::Locked => "memfd_secret is not there: values lie in locked memory, which the kernel can read",
                _ => "memory cannot be locked and memfd_secret is not there: values may reach the swap device",
            });
        }
        let mut fenced = Fenced {
            fence: Fence {
                no_new_privs: !self.allow_privileges,
                umask: self.umask.0,
                user: account.as_ref().map(|account| account.user.clone()),
                ..Fence::default()
            },
            variables: Vec::new(),
            temporary: None,
            listener: None,
            relay: None,
        };
        if let Some(users::Account { name, home, .. }) = account {
            for variable in ["USER", "LOGNAME"] {
                fenced.variables.extend(name.as_ref().map(|name| (variable.to_owned(), OsString::from(name))));
            }
            fenced.variables.extend(home.map(|home| ("HOME".to_owned(), home.into_os_string())));
        }
        if self.sandbox != Mode::Off {
            self.fence_off(around, &mut fenced, &mut missing)?;
        }
        if self.require_hardening
            && let [first, ..] = missing[..]
        {
            bail!("--require-hardening: {first}");
        }
        for what in missing {
            if self.sandbox == Mode::Off {
                messages::note(what);
            } else {
                messages::warning(what);
            }
        }
        Ok(fenced)
    }

    /// Looks for options that do not go together.
    pub fn check(&self) -> anyhow::Result<()> {
        let given = [
            ("--writable", !self.writable.is_empty()),
            ("--readable", !self.readable.is_empty()),
            ("--reach", !self.reach.is_empty()),
            ("--listen", !self.listen.is_empty()),
            ("--network", self.network != Network::Auto),
        ];
        if self.sandbox == Mode::Off
            && let Some((option, _)) = given.iter().find(|(_, given)| *given)
        {
            bail!("{option} is for the sandbox: add --sandbox");
        }
        if self.sandbox == Mode::On && self.allow_privileges {
            bail!("--allow-privileges does not go with --sandbox: the fence is made of what takes privileges away");
        }
        Ok(())
    }

    fn fence_off(
        &self,
        around: &Around<'_>,
        fenced: &mut Fenced,
        missing: &mut Vec<&'static str>,
    ) -> anyhow::Result<()> {
        let temporary =
            tempfile::Builder::new().prefix("tegmen-tmp-").tempdir().context("no temporary directory can be made")?;
        if let Some(user) = &fenced.fence.user {
            std::os::unix::fs::chown(temporary.path(), Some(user.uid), Some(user.gid))
                .context("the temporary directory cannot be given to the command's user")?;
        }
        for name in ["TMPDIR", "TEMP", "TMP"] {
            fenced.variables.push((name.to_owned(), temporary.path().into()));
        }
        let request = self.request(around, fenced, temporary.path())?;
        let policy = Policy::new(&request).context("--sandbox: what the command may reach cannot be made out")?;
        let by_host = self.wall(&policy, around, fenced, missing)?;
        self.say(&policy, by_host.as_deref());
        let version = sandbox::landlock_version();
        match version {
            0 => missing.push("Landlock is not there: files and ports are open to the command"),
            1..=3 => missing.push("Landlock of this kernel knows no ports: the command can connect to everything"),
            _ => {}
        }
        if self.sandbox == Mode::Report {
            fenced.variables.push((REPORT.to_owned(), policy_text(&policy, by_host.as_deref()).into()));
        } else {
            if version > 0 {
                let rules = policy.rules().context("--sandbox: the kernel refuses the rules of Landlock")?;
                fenced.fence.landlock = rules.finish();
            }
            fenced.fence.filters = sandbox::programs().context("--sandbox: system calls cannot be filtered")?;
            fenced.fence.drop_capabilities = true;
        }
        fenced.temporary = Some(temporary);
        Ok(())
    }

    /// Puts the command into a network of its own, where that is wanted and can be. Gives back what it can reach there.
    fn wall(
        &self,
        policy: &Policy,
        around: &Around<'_>,
        fenced: &mut Fenced,
        missing: &mut Vec<&'static str>,
    ) -> anyhow::Result<Option<Vec<Target>>> {
        let is_root = tegmen_sys::peer::effective_uid() == 0;
        let wanted = match self.network {
            Network::Hosts => true,
            Network::Auto => is_root && policy.target_is_known,
            Network::Ports => false,
        };
        if !wanted {
            return Ok(None);
        }
        if self.sandbox == Mode::Report {
            return Ok(Some(policy.outside()));
        }
        if !policy.target_is_known {
            bail!(
                "--network hosts: the target is not known before the start; name it with --host or --reach HOST:PORT"
            );
        }
        let reach = policy.outside();
        let plan = |right| Plan {
            right,
            reach: reach.clone(),
            doors: policy.doors.clone(),
            channel: around.channel.to_owned(),
        };
        let made = match Relay::start(plan(Right::Own)) {
            Err(RelayError::Network(_)) if self.network == Network::Hosts => {
                let made = Relay::start(plan(Right::UserNamespace));
                if made.is_ok() {
                    messages::warning(
                        "the command's network belongs to a user namespace: other processes of this user can look into the \
                         command and read its secrets",
                    );
                    messages::hint(
                        "start it as root with --user, or leave --network hosts out where others run as this user",
                    );
                }
                made
            }
            other => other,
        };
        let relay = match made {
            Ok(relay) => relay,
            Err(RelayError::Network(_)) if self.network == Network::Auto => {
                missing.push("the kernel gives no network namespace: connections are told apart by port, not by host");
                return Ok(None);
            }
            Err(error) => return Err(anyhow::Error::new(error).context("--network hosts: there is no relay")),
        };
        for (door, error) in relay.shut {
            messages::warning(format_args!("{door} cannot be reached from outside of the sandbox: {error}"));
        }
        fenced.fence.network = Some(relay.spaces);
        fenced.listener = Some(relay.listener);
        fenced.relay = Some(relay.process);
        Ok(Some(reach))
    }

    fn request(&self, around: &Around<'_>, fenced: &Fenced, temporary: &Path) -> anyhow::Result<Request> {
        let directory = std::env::current_dir().context("the current directory cannot be read")?;
        let mut closed: Vec<PathBuf> = Vec::new();
        for spec in around.manifest.secrets.values() {
            match &spec.source {
                Source::File { path } => closed.push(around.context.path(path)),
                Source::Dotenv { file, .. } => closed.push(around.context.path(file)),
                _ => {}
            }
        }
        if let Ok(store) = Store::locate(&around.context.environment, &around.context.directory, None) {
            closed.extend([Some(store.path()), store.key_path()].into_iter().flatten().map(Path::to_owned));
        }
        let hosts = around.manifest.secrets.values().filter_map(|spec| spec.hosts.as_ref()).flatten();
        let mut reach: Vec<Target> = hosts.map(|spec| Target { host: spec.host.clone(), port: spec.port }).collect();
        for text in &self.reach {
            reach.push(Target::parse(text).with_context(|| format!("--reach {text}: it is HOST:PORT or a URL"))?);
        }
        let mut readable = self.readable.clone();
        readable.push(around.shim.to_owned());
        Ok(Request {
            command: around.command.to_vec(),
            environment: {
                // With what the command gets instead.
                let instead = |name: &OsString| fenced.variables.iter().any(|(new, _)| name == new.as_str());
                let kept = around.environment.iter().filter(|(name, _)| !instead(name)).cloned();
                kept.chain(fenced.variables.iter().map(|(name, value)| (name.into(), value.clone()))).collect()
            },
            directory,
            folders: around.manifest.directory().map(Path::to_owned).into_iter().collect(),
            closed,
            readable,
            writable: self.writable.clone(),
            temporary: temporary.to_owned(),
            reach,
            stand_in: around.stand_in.and_then(Target::parse),
            listen: self.listen.clone(),
        })
    }

    fn say(&self, policy: &Policy, by_host: Option<&[Target]>) {
        let how = if self.sandbox == Mode::Report { "sandbox (report only)" } else { "sandbox" };
        let outputs: Vec<String> = policy.outputs.iter().map(|path| path.display().to_string()).collect();
        let outputs = if outputs.is_empty() { "nothing but temporary files".to_owned() } else { outputs.join(", ") };
        messages::note(format_args!("{how}: the project can be read; to be written: {outputs}"));
        let list =
            |ports: &std::collections::BTreeSet<u16>| ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
        let listen =
            if policy.listen.is_empty() { String::new() } else { format!("; it listens on {}", list(&policy.listen)) };
        let connections = match by_host {
            Some(hosts) => {
                let hosts: Vec<String> = hosts.iter().map(Target::to_string).collect();
                let hosts = if hosts.is_empty() { "nothing".to_owned() } else { hosts.join(", ") };
                format!("connections to {hosts} alone, by a relay (a network of its own)")
            }
            None => {
                let ports = list(&policy.connect);
                format!("TCP connections to port {ports} of any host (Landlock knows ports, not hosts)")
            }
        };
        messages::note(format_args!("{how}: {connections}{listen}"));
        if !policy.target_is_known {
            messages::warning("the target is not known before the start: the ports 80 and 443 are open");
            messages::hint("name it with --host, or with --reach HOST:PORT");
        }
    }
}

/// What the plugin reads in `--sandbox=report`.
const REPORT: &str = "TEGMEN_SANDBOX_REPORT";

/// The policy, a rule a line: `read PATH`, `write PATH`, `list PATH`, `connect PORT`, `listen PORT`; and by host `reach ADDRESS PORT`
/// and `name HOST`.
fn policy_text(policy: &Policy, by_host: Option<&[Target]>) -> String {
    let mut out = String::new();
    for (path, access) in &policy.paths {
        let word = match access {
            sandbox::Access::List => "list",
            sandbox::Access::Read | sandbox::Access::Execute => "read",
            sandbox::Access::Device | sandbox::Access::Write => "write",
        };
        out.push_str(&format!("{word} {}\n", path.display()));
    }
    for (word, ports) in [("connect", &policy.connect), ("listen", &policy.listen)] {
        for port in ports {
            out.push_str(&format!("{word} {port}\n"));
        }
    }
    for target in by_host.unwrap_or_default() {
        out.push_str(&format!("name {}\n", target.host.to_ascii_lowercase()));
        for address in (target.host.as_str(), target.port).to_socket_addrs().into_iter().flatten() {
            out.push_str(&format!("reach {} {}\n", address.ip(), address.port()));
        }
    }
    out
}
