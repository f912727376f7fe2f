//! Questions on a terminal, each with an answer that Enter takes.

use std::io::{BufRead, Write};

use anyhow::bail;
use tegmen_sources::HostSpec;

use super::Args;
use super::proposal::{Keep, Proposal};

/// Shows what was found, and asks what was not said on the command line.
pub fn all(proposal: &mut Proposal, args: &Args) -> anyhow::Result<()> {
    let mut terminal = std::io::stderr().lock();
    let count = proposal.secrets.len() + proposal.pools.len();
    writeln!(terminal, "{count} secret{} that the load test reads:", if count == 1 { "" } else { "s" })?;
    for secret in &proposal.secrets {
        let at = secret.uses.first().map(|at| format!("{}:{}", at.path, at.line)).unwrap_or_default();
        writeln!(terminal, "  {}   {}", secret.name, tegmen_report::visible(&at))?;
    }
    for (pool, uses) in &proposal.pools {
        let at = uses.first().map(|at| format!("{}:{}", at.path, at.line)).unwrap_or_default();
        writeln!(terminal, "  {pool}, a pool of records   {}", tegmen_report::visible(&at))?;
    }
    writeln!(terminal)?;
    drop(terminal);
    if args.source.is_none() {
        keep(proposal)?;
    }
    if args.hosts.is_empty() {
        hosts(proposal)?;
    }
    if args.owner.is_none() {
        let answer = question("Whom should people ask about them, a person or a team? [nobody] ")?;
        proposal.owner = (!answer.is_empty()).then_some(answer);
    }
    Ok(())
}

fn keep(proposal: &mut Proposal) -> anyhow::Result<()> {
    let today = if proposal.dotenv.is_some() { ".env and the environment" } else { "the environment" };
    loop {
        let answer = question(&format!(
            "Where do their values come from?\n  [e] {today}, as today   [s] an encrypted store   [v] Vault or OpenBao\n[E/s/v] "
        ))?;
        match answer.to_ascii_lowercase().as_str() {
            "" | "e" | "env" => break,
            "s" | "store" => {
                proposal.keep = Keep::Store;
                break;
            }
            "v" | "vault" => {
                let path = question("Mount and path in Vault [secret/locust] ")?;
                let path = if path.is_empty() { "secret/locust".to_owned() } else { path };
                match Keep::parse(&format!("vault:{path}")) {
                    Ok(keep) => {
                        proposal.keep = keep;
                        break;
                    }
                    Err(why) => say(&why)?,
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn hosts(proposal: &mut Proposal) -> anyhow::Result<()> {
    let shown = match proposal.hosts.len() {
        0 => "the test's own target".to_owned(),
        _ => proposal.hosts.join(", "),
    };
    loop {
        let answer = question(&format!("Which hosts may they be sent to? [{shown}] "))?;
        if answer.is_empty() {
            return Ok(());
        }
        let hosts: Vec<String> = answer.split([',', ' ']).filter(|host| !host.is_empty()).map(str::to_owned).collect();
        match hosts.iter().find_map(|host| HostSpec::parse(host).err()) {
            Some(error) => say(&error.message)?,
            None => {
                proposal.hosts = hosts;
                return Ok(());
            }
        }
    }
}

fn say(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stderr(), "  {text}")?;
    Ok(())
}

/// The answer to a question, without blanks around it.
fn question(text: &str) -> anyhow::Result<String> {
    let mut terminal = std::io::stderr().lock();
    write!(terminal, "{text}")?;
    terminal.flush()?;
    let mut answer = String::new();
    if std::io::stdin().lock().read_line(&mut answer)? == 0 {
        writeln!(terminal)?;
        bail!("no answer: nothing was written; --yes takes what is proposed");
    }
    Ok(answer.trim().to_owned())
}
