//! The stages of a run: the user's command once with the web UI, once with workers; its output kept, and observed meanwhile.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, File},
    os::fd::AsFd,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serde_json::{Value, json};
use tegmen_broker::{
    channel::Server,
    child::{self, ChildOptions},
    keep::Keep,
};
use tegmen_findings::proof::{Channel, Protection};
use tegmen_prove::{
    ledger::Ledger,
    observe::{
        files::Files,
        pause,
        processes::{self, Depth},
        relay, web,
    },
    stage::{self, Plan},
    target::ELSEWHERE,
    world::datagrams,
};
use tegmen_redact::Patterns;
use tegmen_sys::{process::ProcessHandle, sandbox::Fence, standard::Led};
use tegmen_wire::origin::{Origin, Scheme};

use super::{
    Args, World, pools,
    secrets::Secrets,
    self_test::{self, Mutation},
};
use crate::commands::{
    run::{environment, shim},
    spinner::Spinner,
};

/// How much longer than asked for a stage may take: to start, to stop, and for scripts that do not listen.
const GRACE: Duration = Duration::from_secs(25);
/// What lies in the folder of a stage that no test has written: its output, and what goes along in its processes.
const OUTPUT: &str = "stdout.txt";
const ERRORS: &str = "stderr.txt";
const CODE: &str = "stage";
/// So long what the test has started may go on when it has ended.
const LEFT_ALONE: Duration = Duration::from_secs(1);
const INTERRUPT: i32 = 2;
const KILL: i32 = 9;

pub struct Stages<'a> {
    pub args: &'a Args,
    pub secrets: &'a Secrets,
    pub world: &'a World,
    pub protection: Protection,
    pub ledger: &'a Ledger,
    pub gate: &'a str,
    /// A protection that is switched off, for the self-test.
    pub off: Option<Mutation>,
    /// What ends a stage before its time, for the self-test.
    pub until: Option<&'a (dyn Fn(&Ledger) -> bool + Sync)>,
}

/// How the test is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Stage {
    /// One process, with web UI and all files.
    Alone,
    /// A master and two workers, headless.
    Workers,
}

/// What the stages have to say.
#[derive(Default)]
pub struct Told {
    /// Why channels were not exercised, where that is known.
    pub unused: Vec<(Channel, String)>,
    /// What the person should know.
    pub remarks: Vec<String>,
}

/// What a stage leaves behind.
struct Left {
    status: String,
    output: PathBuf,
    errors: PathBuf,
}

impl Stages<'_> {
    /// Runs all of them.
    pub fn run(&self) -> anyhow::Result<Told> {
        let Told { mut unused, mut remarks } = Told::default();
        let spinner = Spinner::new();
        for stage in self.args.stages.iter().copied() {
            // The self-test tells of each of its own.
            if self.off.is_none() {
                let how = if self.protection == Protection::Off { ", without protection" } else { "" };
                spinner.say(format!("the test runs {}{how}, for {} s", stage.title(), self.args.seconds));
            }
            let outputs = self.world.folder.join(format!("{:?}-{stage:?}-{:?}", self.protection, self.off));
            let temporary = outputs.join("tmp");
            fs::create_dir_all(&temporary).context("no temporary directory can be made")?;
            let written = Files::before(vec![self.secrets.project.clone()]);
            let requests = self.ledger.state().requests;
            let left = self.stage(stage, &outputs, &temporary, &mut remarks)?;
            if self.off.is_none() {
                spinner.say("what came out is searched");
            }
            self.ledger.look(Channel::Stdout, "standard output", &fs::read(&left.output).unwrap_or_default());
            self.ledger.look(Channel::Stderr, "standard error", &fs::read(&left.errors).unwrap_or_default());
            let mut searched = Files::nothing_before(vec![outputs.clone()]).search(self.ledger, of_stage);
            searched.extend(written.search(self.ledger, of_project));
            Files::search_opened(self.ledger, &searched);
            if self.ledger.state().requests == requests {
                let tail = last_lines(&fs::read(&left.errors).unwrap_or_default());
                remarks.push(format!(
                    "the test made no request while it ran {} ({}): {tail}",
                    stage.title(),
                    left.status
                ));
            }
        }
        spinner.clear();
        if !self.ledger.state().channels.contains_key(&Channel::SystemLog) {
            unused.push((Channel::SystemLog, "the test wrote nothing to it".to_owned()));
        }
        Ok(Told { unused, remarks })
    }

    fn stage(&self, stage: Stage, outputs: &Path, temporary: &Path, remarks: &mut Vec<String>) -> anyhow::Result<Left> {
        let free = || self.world.doors.free().context("there is no free port");
        let (web_port, master_port, relay) = (free()?, free()?, free()?);
        relay::start(self.ledger, relay, master_port).context("no relay can be started")?;
        let code = outputs.join(CODE);
        stage::write(&code).context("no temporary directory can be made")?;
        let plan = Plan {
            gate: self.gate.to_owned(),
            authority: self.world.folder.join("authority.pem"),
            project: self.secrets.project.clone(),
            options: self.options(stage, outputs, web_port, master_port, relay),
            users: self.args.users,
            seconds: self.args.seconds,
            lines: self.off.is_none(),
            led: self.world.is_led,
            logs: if self.world.is_led {
                let stand_ins = datagrams::stand_ins(&self.world.folder);
                stand_ins.into_iter().map(|(path, own)| (path.to_owned(), own)).collect()
            } else {
                BTreeMap::new()
            },
            plain: self.protection == Protection::Off,
            off: self.off.and_then(Mutation::in_python).into_iter().collect(),
            pools: (self.protection == Protection::Off).then(|| code.join("pools.json")),
            wait: 0.05,
        };
        if let Some(path) = &plan.pools {
            pools::write(&self.secrets.pools, path)?;
        }
        let (output, errors) = (outputs.join(OUTPUT), outputs.join(ERRORS));
        let streams = (File::create(&output)?, File::create(&errors)?);
        let over = Arc::new(AtomicBool::new(false));
        let status = std::thread::scope(|scope| {
            let result = self.command(&plan, &code, temporary, &streams, |pid| {
                let over = Arc::clone(&over);
                let ledger = self.ledger.clone();
                let watching = Arc::clone(&over);
                let protection = self.protection;
                // With one protection switched off one sign is looked for, and mostly it is not in memory.
                let depth = match self.off {
                    None | Some(Mutation::Inspection) => Depth::Memory,
                    Some(_) => Depth::Surface,
                };
                scope.spawn(move || processes::watch(&ledger, pid, protection, depth, &watching));
                if self.off.is_none() {
                    let (ledger, counting) = (self.ledger.clone(), Arc::clone(&over));
                    scope.spawn(move || processes::count_copies(&ledger, pid, &counting));
                }
                if let Some(until) = self.until {
                    let over = Arc::clone(&over);
                    scope.spawn(move || self.interrupt_when(until, pid, &over));
                }
                if stage == Stage::Alone {
                    let ledger = self.ledger.clone();
                    scope.spawn(move || web::watch(&ledger, web_port, protection, &over));
                }
            });
            over.store(true, Ordering::Release);
            result
        })?;
        end_what_is_left(remarks);
        Ok(Left { status, output, errors })
    }

    fn interrupt_when(&self, until: &(dyn Fn(&Ledger) -> bool + Sync), pid: u32, over: &AtomicBool) {
        while !over.load(Ordering::Acquire) {
            if until(self.ledger) {
                // Ended meanwhile: all the better.
                let _ = ProcessHandle::open(pid).and_then(|process| process.signal(INTERRUPT));
                return;
            }
            pause(over, Duration::from_millis(100));
        }
    }

    fn options(
        &self,
        stage: Stage,
        outputs: &Path,
        web_port: u16,
        master_port: u16,
        relay: u16,
    ) -> BTreeMap<&'static str, Value> {
        let file = |name: &str| Value::from(outputs.join(name).display().to_string());
        let mut options = BTreeMap::from([
            ("num_users", json!(self.args.users)),
            ("spawn_rate", json!(self.args.users)),
            ("run_time", json!(self.args.seconds)),
            ("stop_timeout", json!(1)),
            ("master", json!(false)),
            ("worker", json!(false)),
            ("processes", Value::Null),
            ("csv_prefix", file("csv/locust")),
            ("stats_history_enabled", json!(true)),
            ("html_file", file("report.html")),
            ("json_file", file("statistics")),
            ("logfile", file("locust.log")),
            ("print_stats", json!(true)),
            ("autostart", json!(stage == Stage::Alone)),
            ("headless", json!(stage == Stage::Workers)),
            ("headful", json!(false)),
            // The web UI is looked at once more when the test has ended.
            ("autoquit", json!(if stage == Stage::Workers { -1 } else { i32::from(self.off.is_none()) })),
            ("show_task_ratio", json!(false)),
            ("list_commands", json!(false)),
        ]);
        if self.args.self_test {
            options.extend(self_test::options());
        }
        match stage {
            Stage::Alone => options.extend([("web_port", json!(web_port)), ("web_host", json!("127.0.0.1"))]),
            Stage::Workers => options.extend([
                ("processes", json!(2)),
                ("master_bind_host", json!("127.0.0.1")),
                ("master_bind_port", json!(master_port)),
                ("master_host", json!("127.0.0.1")),
                ("master_port", json!(relay)),
            ]),
        }
        options
    }

    /// Runs the command to its end; `started` learns its process.
    fn command(
        &self,
        plan: &Plan,
        code: &Path,
        temporary: &Path,
        streams: &(File, File),
        started: impl FnOnce(u32),
    ) -> anyhow::Result<String> {
        let nothing = File::open("/dev/null")?;
        let deadline = Duration::from_secs(self.args.seconds.into()) + GRACE;
        let mut environment = environment::Builder::new(&self.secrets.environment);
        let shim = shim::Shim::new().context("no temporary directory can be made")?;
        if self.protection == Protection::Off {
            for (name, value) in self.secrets.variables() {
                environment.set(&name, value);
            }
            self.prepare(&mut environment, plan, code, temporary)?;
            let (program, arguments) = self.secrets.command.split_first().context("there is no command")?;
            let mut child = std::process::Command::new(program)
                .args(arguments)
                .current_dir(&self.secrets.directory)
                .env_clear()
                .envs(environment.finish())
                .stdin(nothing)
                .stdout(streams.0.try_clone()?)
                .stderr(streams.1.try_clone()?)
                .spawn()
                .with_context(|| format!("{} cannot be started", program.display()))?;
            started(child.id());
            let ended = End::after(deadline, child.id());
            let status = child.wait()?;
            ended.reached();
            return Ok(status.to_string());
        }
        let mut charges = self.secrets.charges();
        for charge in &mut charges {
            let binding = &mut charge.binding;
            match self.off {
                Some(Mutation::Hosts) if binding.name == self_test::KEY => {
                    let hosts = ["self-test.example", ELSEWHERE].map(|host| Origin::new(Scheme::Https, host, None));
                    binding.hosts = Some(hosts.to_vec());
                }
                Some(Mutation::Places) => binding.places.clear(),
                Some(Mutation::Sealing) => binding.seal = false,
                Some(Mutation::Verification) => binding.tls_unverified = true,
                _ => {}
            }
        }
        let keep = Keep::new(charges, self.secrets.shown.clone())?;
        let (mut patterns, _) = keep.patterns();
        if self.off == Some(Mutation::Redactor) {
            patterns = Patterns::builder().build();
        }
        environment.protect(&keep);
        if self.off == Some(Mutation::Environment) {
            for (name, value) in self.secrets.variables() {
                environment.set(&name, value);
            }
        }
        environment.plugin(&shim, self.args.run.allow_unknown_locust);
        let (command, _) = environment::Builder::command(&self.secrets.command, &keep);
        self.prepare(&mut environment, plan, code, temporary)?;
        let (server, channel, address) = Server::start(
            keep,
            pools::lendable(&self.secrets.pools, &self.secrets.manifest)?,
            std::collections::BTreeMap::new(),
            None,
        )
        .context("the channel to the plugin cannot be made")?;
        environment.set(tegmen_wire::protocol::CHANNEL_VARIABLE, address.to_string());
        // As under `tegmen run`.
        let fence = Fence {
            no_new_privs: self.off != Some(Mutation::Privileges),
            core_dumps: self.off == Some(Mutation::Core),
            umask: Some(if self.off == Some(Mutation::Modes) { 0o022 } else { 0o077 }),
            ..Fence::default()
        };
        let cwd = Some(self.secrets.directory.clone());
        let leftovers = vec![shim.directory().to_owned(), self.world.folder.clone()];
        let env = environment.finish();
        let options = ChildOptions { command, env, inherit_fds: vec![channel], cwd, fence, leftovers };
        let led = Led::to(nothing.as_fd(), streams.0.as_fd(), streams.1.as_fd())?;
        // What goes wrong is said where the person reads: the streams are led back before.
        let child = child::spawn(options, patterns)?;
        // What is learnt during the run would bring the patterns back.
        if self.off != Some(Mutation::Redactor) {
            server.set_output(child.handle());
        }
        started(child.pid());
        let ended = End::after(deadline, child.pid());
        let status = child.wait();
        ended.reached();
        server.hear_out(Duration::from_millis(500));
        for known in server.overview().secrets {
            for refused in known.refused {
                let key = (known.name.clone(), refused.to, refused.why);
                *self.ledger.state().refused.entry(key).or_default() += refused.count;
            }
        }
        drop(led);
        Ok(format!("exit status: {}", status.code()))
    }

    fn prepare(
        &self,
        environment: &mut environment::Builder,
        plan: &Plan,
        code: &Path,
        temporary: &Path,
    ) -> anyhow::Result<()> {
        environment.lead_path(code);
        environment.set(stage::VARIABLE, serde_json::to_string(plan)?);
        for name in ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"] {
            environment.set(name, plan.authority.as_os_str());
        }
        environment.set("TMPDIR", temporary.as_os_str());
        // The script's own bytecode is written as always; that of the stage is nobody's business.
        environment.set("PYTHONUNBUFFERED", OsString::from("1"));
        Ok(())
    }
}

impl Stage {
    fn title(self) -> &'static str {
        match self {
            Self::Alone => "with the web UI",
            Self::Workers => "with workers",
        }
    }
}

/// Ends a command that does not end by itself.
struct End(mpsc::Sender<()>);

impl End {
    fn after(deadline: Duration, pid: u32) -> Self {
        let (sender, receiver) = mpsc::channel::<()>();
        let watch = move || {
            let mut signal = INTERRUPT;
            let mut wait = deadline;
            while receiver.recv_timeout(wait) == Err(mpsc::RecvTimeoutError::Timeout) {
                for process in processes::below(pid) {
                    // Ended meanwhile: all the better.
                    let _ = ProcessHandle::open(process).and_then(|process| process.signal(signal));
                }
                (signal, wait) = (KILL, Duration::from_secs(8));
            }
        };
        // Without the thread a command that hangs hangs; the person can end it.
        let _ = std::thread::Builder::new().name("deadline".to_owned()).spawn(watch);
        Self(sender)
    }

    fn reached(self) {
        drop(self.0);
    }
}

/// Ends what the test has left running: nobody would see any more what it does.
fn end_what_is_left(remarks: &mut Vec<String>) {
    let begun = Instant::now();
    // Helpers, such as those of multiprocessing, end by themselves.
    while !left_running().is_empty() && begun.elapsed() < LEFT_ALONE {
        std::thread::sleep(Duration::from_millis(20));
    }
    for pid in left_running() {
        let name = processes::name(pid);
        // Ended meanwhile: all the better.
        if ProcessHandle::open(pid).and_then(|process| process.signal(KILL)).is_ok() {
            remarks.push(format!("{name} was still running when the test had ended, and was ended too"));
        }
    }
}

fn left_running() -> Vec<u32> {
    let own = std::process::id();
    processes::below(own).into_iter().filter(|pid| *pid != own && processes::is_running(*pid)).collect()
}

/// The channel of a file in the folder of a stage: its own are left out, and what it has Locust write is known by its name.
fn of_stage(path: &Path) -> Option<Channel> {
    match path.to_str() {
        Some(OUTPUT | ERRORS | CODE) => None,
        Some("statistics.json") => Some(Channel::Json),
        Some("report.html") => Some(Channel::Html),
        Some("locust.log") => Some(Channel::Log),
        _ if path.starts_with(CODE) => None,
        _ if path.starts_with("csv") => Some(Channel::Csv),
        _ => Some(of_test(path)),
    }
}

/// The channel of a file in the project, whatever the folders are called in which it lies.
fn of_project(path: &Path) -> Option<Channel> {
    (!path.starts_with(".tegmen")).then(|| of_test(path))
}

/// The channel of a file that the test has written.
fn of_test(path: &Path) -> Channel {
    if path.extension().is_some_and(|end| end == "pyc") { Channel::Bytecode } else { Channel::Files }
}

/// The end of what a command said, on one line.
fn last_lines(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(3)..].join(" | ").chars().take(400).collect()
}
