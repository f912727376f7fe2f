//! A proof for the terminal: what arrived, what came out where, what was not shown, and what to do.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use tegmen_findings::proof::{ChannelProof, Proof, State};

use crate::{Colour, plural};

/// So many secrets stand beside each other.
const COLUMNS: usize = 5;
/// So long is a name in the head of a column.
const WIDEST: usize = 18;

struct Styles {
    bad: Style,
    good: Style,
    dim: Style,
    strong: Style,
}

/// The proofs as text.
pub fn text(proofs: &[Proof], colour: Colour) -> String {
    let plain = Style::new();
    let styles = match colour {
        Colour::Always => Styles {
            bad: AnsiColor::Red.on_default().bold(),
            good: AnsiColor::Green.on_default(),
            dim: plain.dimmed(),
            strong: plain.bold(),
        },
        Colour::Never => Styles { bad: plain, good: plain, dim: plain, strong: plain },
    };
    let mut out = String::new();
    let (on, off) = super::both(proofs);
    let Some(proof) = on.or(off) else { return out };
    if let (Some(with), Some(without)) = (on, off) {
        difference(&mut out, without, with, &styles);
    }
    table(&mut out, proof, &styles);
    leaks(&mut out, proof, &styles);
    coverage(&mut out, proof, &styles);
    verdict(&mut out, proof, &styles);
    out
}

fn add(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Into memory, which takes everything.
    let _ = out.write_fmt(text);
}

/// Both runs beside each other.
fn difference(out: &mut String, without: &Proof, with: &Proof, styles: &Styles) {
    let strong = styles.strong;
    add(out, format_args!("{strong}{:<27}  {:<34}  under tegmen run{strong:#}\n", "", "without Tegmen"));
    for channel in &without.channels {
        let came_out = |proof: &Proof| {
            let known = proof.channel(channel.channel);
            let mut names: Vec<&str> = proof
                .leaks
                .iter()
                .filter(|leak| leak.channel == channel.channel)
                .map(|leak| leak.secret.as_str())
                .collect();
            names.dedup();
            match known {
                _ if !names.is_empty() => (names.join(", "), styles.bad),
                Some(known) if known.not_exercised.is_some() => ("not exercised".to_owned(), styles.dim),
                _ => ("nothing".to_owned(), styles.good),
            }
        };
        let ((left, left_style), (right, right_style)) = (came_out(without), came_out(with));
        let (left, right) = (cut(&left, 34), cut(&right, 34));
        let title = channel.channel.title();
        let (pad, l, r) = (34usize.saturating_sub(left.chars().count()), left_style, right_style);
        add(out, format_args!("  {title:<25}  {l}{left}{l:#}{:pad$}  {r}{right}{r:#}\n", ""));
    }
    for remark in without.remarks.iter().filter(|remark| !with.remarks.contains(remark)) {
        add(out, format_args!("  {}note:{:#} without Tegmen: {remark}\n", styles.dim, styles.dim));
    }
    out.push('\n');
}

fn table(out: &mut String, proof: &Proof, styles: &Styles) {
    // What the target would have issued, and the test did not ask for or send back, is nobody's concern.
    let is_of_concern = |number: &usize| {
        let secret = &proof.secrets[*number];
        let has_leaked = proof.leaks.iter().any(|leak| leak.secret == secret.name);
        secret.origin != "target" || !secret.arrivals.is_empty() || has_leaked
    };
    let numbers: Vec<usize> = (0..proof.secrets.len()).filter(is_of_concern).collect();
    if numbers.is_empty() {
        out.push_str("  There is no secret to show anything of.\n\n");
    }
    for columns in numbers.chunks(COLUMNS) {
        let names: Vec<String> = columns.iter().map(|number| cut(&proof.secrets[*number].name, WIDEST)).collect();
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(13);
        let strong = styles.strong;
        let head: String = names.iter().map(|name| format!("  {name:<width$}")).collect();
        add(out, format_args!("{strong}  {:<25}{}{strong:#}\n", "", head.trim_end()));
        let mut line = format!("  {:<25}", "target");
        for number in columns {
            let arrived: u64 = proof.secrets[*number].arrivals.iter().map(|arrival| arrival.count).sum();
            let (text, style) = match arrived {
                0 => ("not sent".to_owned(), styles.dim),
                count => (format!("arrived {count}×"), styles.good),
            };
            let pad = width.saturating_sub(text.chars().count());
            add(&mut line, format_args!("  {style}{text}{style:#}{:pad$}", ""));
        }
        out.push_str(line.trim_end());
        out.push('\n');
        own_memory(out, proof, columns, width, styles);
        for channel in &proof.channels {
            row(out, channel, columns, width, styles);
        }
        out.push('\n');
    }
}

/// Copies that the test's own processes have for a moment: no way out, and so neither good nor bad.
fn own_memory(out: &mut String, proof: &Proof, columns: &[usize], width: usize, styles: &Styles) {
    if proof.secrets.iter().all(|secret| secret.own_memory.is_none()) {
        return;
    }
    let mut line = format!("  {:<25}", "copies in its own memory");
    for number in columns {
        let text =
            proof.secrets[*number].own_memory.map_or_else(|| "not looked at".to_owned(), |count| count.to_string());
        let (dim, pad) = (styles.dim, width.saturating_sub(text.chars().count()));
        add(&mut line, format_args!("  {dim}{text}{dim:#}{:pad$}", ""));
    }
    out.push_str(line.trim_end());
    out.push('\n');
}

fn row(out: &mut String, channel: &ChannelProof, columns: &[usize], width: usize, styles: &Styles) {
    let mut line = format!("  {:<25}", channel.channel.title());
    for number in columns {
        let (text, style) = match channel.states.get(*number) {
            Some(State::Leaked) => ("LEAKED", styles.bad),
            Some(State::Clean) => ("clean", styles.good),
            _ => ("not exercised", styles.dim),
        };
        let pad = width.saturating_sub(text.chars().count());
        add(&mut line, format_args!("  {style}{text}{style:#}{:pad$}", ""));
    }
    out.push_str(line.trim_end());
    out.push('\n');
}

fn leaks(out: &mut String, proof: &Proof, styles: &Styles) {
    for leak in &proof.leaks {
        let (bad, dim) = (styles.bad, styles.dim);
        let what = if leak.is_whole { "" } else { "a piece of " };
        let place = if leak.spot.is_some() { format!(", from {}", leak.places()) } else { String::new() };
        let times = if leak.count == 1 { "once".to_owned() } else { format!("{} times", leak.count) };
        add(
            out,
            format_args!(
                "{bad}leaked{bad:#}: {what}[{}] in {} ({}), {times}{place}\n",
                leak.secret,
                leak.channel.title(),
                leak.source
            ),
        );
        add(out, format_args!("  {dim}│{dim:#} {}\n", leak.sample));
        add(out, format_args!("  {dim}repair:{dim:#} {}\n", leak.repair));
    }
    for lapse in &proof.lapses {
        let bad = styles.bad;
        add(out, format_args!("{bad}missing{bad:#}: {}: {}\n", lapse.protection, lapse.seen));
    }
    if !proof.is_clean() {
        out.push('\n');
    }
}

fn coverage(out: &mut String, proof: &Proof, styles: &Styles) {
    let dim = styles.dim;
    let coverage = &proof.coverage;
    let tasks = coverage.ran.len() + coverage.not_run.len();
    let ways = coverage.ways.iter().filter(|(_, count)| *count > 0).count();
    add(
        out,
        format_args!(
            "{} of {} ran; {} to the target, which was hostile in {ways} of {} ways\n",
            coverage.ran.len(),
            plural(tasks, "task"),
            plural(coverage.requests as usize, "request"),
            coverage.ways.len()
        ),
    );
    for task in &coverage.not_run {
        add(out, format_args!("  {dim}did not run:{dim:#} {task}\n"));
    }
    for file in &coverage.files {
        add(out, format_args!("  {dim}{}:{dim:#} {} of {} lines ran", file.path, file.ran, file.lines));
        if !file.missed.is_empty() {
            add(out, format_args!("; nothing is shown of {}", lines(&file.missed)));
        }
        out.push('\n');
    }
    for (way, _) in coverage.ways.iter().filter(|(_, count)| *count == 0) {
        add(out, format_args!("  {dim}not tried:{dim:#} {way}\n"));
    }
    for channel in &proof.channels {
        if let Some(reason) = &channel.not_exercised {
            add(out, format_args!("  {dim}not exercised:{dim:#} {}: {reason}\n", channel.channel.title()));
        }
    }
    for secret in &proof.secrets {
        if let Some(reason) = &secret.unprovable {
            add(out, format_args!("  {dim}not shown:{dim:#} [{}]: {reason}\n", secret.name));
        }
    }
    for secret in &proof.secrets {
        for place in &secret.places_not_seen {
            add(
                out,
                format_args!("  {dim}did not arrive:{dim:#} [{}] in {place}, which the manifest allows\n", secret.name),
            );
        }
        for refused in &secret.refused {
            add(
                out,
                format_args!(
                    "  {dim}refused:{dim:#} [{}] to {}, {}×: {}\n",
                    secret.name, refused.to, refused.count, refused.why
                ),
            );
        }
    }
    for remark in &proof.remarks {
        add(out, format_args!("  {dim}note:{dim:#} {remark}\n"));
    }
    out.push('\n');
}

fn verdict(out: &mut String, proof: &Proof, styles: &Styles) {
    if proof.is_idle() {
        let strong = styles.strong;
        let what = match &proof.coverage {
            coverage if coverage.requests == 0 => "the test made no request",
            coverage if coverage.ran.is_empty() => "no task ran",
            _ => "no secret arrived",
        };
        add(out, format_args!("{strong}Nothing is shown{strong:#}: {what}. ({} s)\n", proof.seconds));
    } else if proof.is_clean() {
        let good = styles.good;
        let (arrived, all) = super::arrived(proof);
        let is_whole =
            proof.coverage.not_run.is_empty() && proof.coverage.files.iter().all(|file| file.missed.is_empty());
        let rest = if is_whole { "" } else { ", in what ran: of the rest nothing is shown" };
        let what = match (arrived, all) {
            (0, 0) => "the test has no secret".to_owned(),
            (0, all) => format!("none of {} arrived, and of these nothing is shown", plural(all, "secret")),
            _ => format!(
                "{arrived} of {} arrived where they belong, and came out nowhere else{rest}",
                plural(all, "secret")
            ),
        };
        add(out, format_args!("{good}Nothing leaked{good:#}: {what}. ({} s)\n", proof.seconds));
    } else if proof.leaks.is_empty() {
        let bad = styles.bad;
        add(out, format_args!("{bad}Nothing leaked, but a protection is missing{bad:#}. ({} s)\n", proof.seconds));
    } else {
        let mut names: Vec<&str> = proof.leaks.iter().map(|leak| leak.secret.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let bad = styles.bad;
        let count = plural(names.len(), "secret");
        add(out, format_args!("{bad}{count} leaked{bad:#}: {}. ({} s)\n", names.join(", "), proof.seconds));
    }
}

/// Groups of lines, as many as fit.
pub(super) fn lines(groups: &[(u32, u32)]) -> String {
    const MOST: usize = 12;
    let one = |(first, last): &(u32, u32)| if first == last { first.to_string() } else { format!("{first}–{last}") };
    let shown: Vec<String> = groups.iter().take(MOST).map(one).collect();
    let word = if groups.len() == 1 && groups[0].0 == groups[0].1 { "line" } else { "lines" };
    let more = if groups.len() > MOST { " and others" } else { "" };
    format!("{word} {}{more}", shown.join(", "))
}

fn cut(text: &str, widest: usize) -> String {
    if text.chars().count() <= widest {
        return text.to_owned();
    }
    text.chars().take(widest - 1).chain(['…']).collect()
}
