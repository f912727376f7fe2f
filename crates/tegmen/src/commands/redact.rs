//! `tegmen redact`: takes the secrets out of a stream.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use tegmen_broker::keep::CLUSTER_KEY;
use tegmen_redact::{Patterns, PatternsBuilder, Redactor};
use tegmen_secret::SecretBytes;
use tegmen_sources::{Environment, Manifest, PoolSpec, Records, fetch_all, is_secret_field};
use tegmen_sys::{poll, signals};
use tegmen_wire::placeholder::{Maker, Tag};

use crate::messages;

/// Take the secrets out of a stream: standard input to standard output.
///
/// A value is found as it is and in every encoding that carries it into an output (URL, JSON, XML, base64 at any offset,
/// hex, quoting of Python and the shell), however the input is cut into writes and whatever colours stand in it, and
/// shown as [NAME]. What cannot be a part of a value comes out at once.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  locust -f locustfile.py --headless 2>&1 | tegmen redact --env
  tegmen redact --secret API_KEY=env:API_KEY --secret DB=file:/run/secrets/db < old.log > clean.log
  tegmen redact --manifest tegmen.toml --counts < old.log > clean.log
  tegmen redact --env --width 80 < typescript

Exit status:
  0  the whole stream went through
  2  a value cannot be had, or the stream cannot be read or written")]
pub struct Args {
    /// A secret and its source: env:NAME, dotenv:FILE#NAME, file:PATH, store:NAME, vault:MOUNT/PATH#FIELD or
    /// exec:COMMAND (repeatable)
    #[arg(long, value_name = "NAME=SOURCE")]
    secret: Vec<String>,

    /// Every variable of the environment whose name says that it is sensitive, or which is a URL with a password in it
    #[arg(long)]
    env: bool,

    /// All secrets of a manifest
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,

    /// The width in columns of the terminal that the input was written for: values folded at its edge are found too
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(1..))]
    width: Option<u16>,

    /// Say at the end, on standard error, how often which name was written
    #[arg(long)]
    counts: bool,
}

/// The most that is read at once, in bytes: what a pipe holds.
const READ: usize = 64 * 1024;

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    super::close_process()?;
    let patterns = patterns(&args)?;

    let input = File::from(io::stdin().as_fd().try_clone_to_owned().context("standard input is closed")?);
    // Not through `Stdout`, which holds an unfinished line back.
    let output = File::from(io::stdout().as_fd().try_clone_to_owned().context("standard output is closed")?);
    if !tegmen_sys::terminal::is_terminal(&input) {
        // Ctrl-C goes to the whole pipeline. What the program before us says on its way out has to come through.
        signals::ignore_interrupts().context("the terminal's interrupt cannot be ignored")?;
    }
    let mut redactor = Redactor::new(patterns);
    redactor.set_width(args.width);
    let result = pass(&input, &output, &mut redactor);
    if args.counts {
        say_counts(&redactor);
    }
    match result {
        // Whoever read the output has had enough (`| head`).
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        result => result.map(|()| ExitCode::SUCCESS).context("the stream cannot be passed on"),
    }
}

/// What was masked how often. No text is kept for it.
fn say_counts(redactor: &Redactor) {
    let counts = redactor.counts();
    if counts.is_empty() {
        messages::answer("nothing was masked");
    }
    for (label, count) in counts {
        messages::answer(format_args!("masked {count} times: {label}"));
    }
}

/// What the options say is to be looked for.
fn patterns(args: &Args) -> anyhow::Result<Patterns> {
    if args.secret.is_empty() && !args.env && args.manifest.is_none() {
        bail!("nothing to look for: give --secret NAME=SOURCE, --manifest FILE or --env (see tegmen redact --help)");
    }
    let mut patterns = Collector::new()?;
    let mut manifests = Vec::new();
    if !args.secret.is_empty() {
        manifests.push(Manifest::from_options(&args.secret, &[])?);
    }
    if let Some(path) = &args.manifest {
        manifests.push(Manifest::load(path)?);
    }
    for mut manifest in manifests {
        manifest.fetch_cluster_key_as(CLUSTER_KEY)?;
        let context = tegmen_sources::Context::of(&manifest).context("the current directory cannot be read")?;
        let fetched = fetch_all(&manifest, &context)?;
        for (name, value) in &fetched.values {
            patterns.add(name, value)?;
        }
        for (name, records) in &fetched.pools {
            if let Some(spec) = manifest.pools.get(name) {
                patterns.add_pool(name, spec, records)?;
            }
        }
    }
    if args.env {
        patterns.add_environment(&Environment::of_this_process())?;
    }
    for warning in patterns.builder.warnings() {
        messages::warning(warning);
    }
    Ok(patterns.builder.build())
}

/// Patterns, and what takes a value that is a document or a URL apart.
struct Collector {
    builder: PatternsBuilder,
    maker: Maker,
}

impl Collector {
    fn new() -> anyhow::Result<Self> {
        let tag = Tag::random().map_err(io::Error::other).context("the operating system has no randomness to give")?;
        Ok(Self { builder: Patterns::builder(), maker: Maker::new(tag) })
    }

    /// A value, and the sensitive parts of one that is a document or a URL: they come out on their own too.
    fn add(&mut self, name: &str, value: &SecretBytes) -> anyhow::Result<()> {
        self.builder.value(name, value)?;
        for token in self.maker.make(value)?.tokens {
            if token.is_sensitive && token.part != *value {
                // A part may be too short to be looked for; the whole is.
                let _ = self.builder.value(name, &token.part);
            }
        }
        Ok(())
    }

    /// The secret fields of the records of a pool, as a run shows them. What is too short to be looked for is left out, and said.
    fn add_pool(&mut self, pool: &str, spec: &PoolSpec, records: &Records) -> anyhow::Result<()> {
        let mut short = 0;
        for number in 0..records.len() {
            let record = records.get(number).with_context(|| format!("the records of the pool {pool}"))?;
            for field in &record.fields {
                if field.value.is_empty() || !is_secret_field(spec, &field.name) {
                    continue;
                }
                let label = format!("{pool}.{}", field.name);
                short += usize::from(self.builder.value_or_record(&label, &field.value).is_err());
                for token in self.maker.make(&field.value)?.tokens {
                    if token.is_sensitive && token.part != field.value {
                        let _ = self.builder.value_or_record(&label, &token.part);
                    }
                }
            }
        }
        if short > 0 {
            let are = if short == 1 { "1 secret value is".to_owned() } else { format!("{short} secret values are") };
            messages::warning(format_args!("pool {pool}: {are} too short to be looked for"));
        }
        Ok(())
    }

    /// The sensitive variables. One whose value is no secret (`1`, empty) is left out: nobody named it.
    fn add_environment(&mut self, environment: &Environment) -> anyhow::Result<()> {
        use std::os::unix::ffi::OsStrExt;
        for (name, value) in environment.iter() {
            let (Some(name), bytes) = (name.to_str(), value.as_bytes()) else { continue };
            let has_password = || value.to_str().is_some_and(|text| tegmen_classify::url_credentials(text).is_some());
            if !(tegmen_classify::is_sensitive_name(name)
                || tegmen_classify::may_hold_credentials_url(name) && has_password())
            {
                continue;
            }
            let value = SecretBytes::new(bytes.to_vec());
            if Patterns::builder().value(name, &value).is_ok() {
                self.add(name, &value)?;
            }
        }
        Ok(())
    }
}

/// Reads, redacts and writes until the input ends.
fn pass(mut input: &File, output: &File, redactor: &mut Redactor) -> io::Result<()> {
    let (mut chunk, mut out) = (vec![0; READ], Vec::with_capacity(READ));
    loop {
        match input.read(&mut chunk) {
            Ok(0) => {
                redactor.finish(&mut out);
                return write(output, &mut out);
            }
            Ok(length) => {
                redactor.push(&chunk[..length], &mut out);
                write(output, &mut out)?;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Somebody else who shares the descriptor has made it non-blocking.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                poll::wait([input.as_fd()], None)?;
            }
            Err(error) => {
                redactor.finish_cut(&mut out);
                write(output, &mut out)?;
                return Err(error);
            }
        }
    }
}

/// Writes everything and empties the buffer.
fn write(mut output: &File, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        match output.write(rest) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(length) => rest = &rest[length..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => poll::wait_until_writable(output)?,
            Err(error) => return Err(error),
        }
    }
    bytes.clear();
    Ok(())
}
