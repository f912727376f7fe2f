//! `tegmen explain`: the page of a rule.

use std::process::ExitCode;

use tegmen_report::prose;

/// Explain a rule of the audit or a check of the doctor: what it finds, why it is bad, what to do instead.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  tegmen explain hardcoded-password
  tegmen explain TGM401
  tegmen explain running-as-root                a check of `tegmen doctor`
  tegmen explain --all                          all rules, a line each

Exit status:
  0  it is explained
  2  there is no such rule or check")]
pub struct Args {
    /// The rule or check, by id or code
    #[arg(required_unless_present = "all", value_parser = super::names::RuleName, hide_possible_values = true)]
    rule: Option<String>,
    /// All rules
    #[arg(long, conflicts_with = "rule")]
    all: bool,
    /// How to show them
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Markdown,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let rules = tegmen_audit::rules();
    let text = match (&args.rule, args.format) {
        (None, Format::Markdown) => tegmen_report::rules_reference(rules),
        (None, Format::Text) => {
            let width = rules.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
            let line = |rule: &&tegmen_findings::Rule| {
                let off = if rule.by_default { "" } else { " (only if selected)" };
                format!("{}  {:width$}  {}{off}\n", rule.code, rule.id, rule.summary)
            };
            rules.iter().map(line).collect()
        }
        (Some(name), _) if check(name).is_some() => {
            check(name).map(|check| tegmen_report::posture::check_page(check, 1)).unwrap_or_default()
        }
        (Some(name), _) => {
            let rule = rules.iter().find(|rule| rule.id == name || rule.code.eq_ignore_ascii_case(name));
            let rule = rule.ok_or_else(|| tegmen_audit::Error::UnknownRule {
                selector: name.clone(),
                nearest: tegmen_audit::nearest_rule(name),
            })?;
            tegmen_report::rule_page(rule, 1)
        }
    };
    let text = match tegmen_sys::terminal::columns(std::io::stdout()) {
        Some(columns) if args.format == Format::Text && args.rule.is_some() => prose::page(&text, columns.into()),
        _ => text,
    };
    crate::stdout::write(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn check(name: &str) -> Option<&'static tegmen_posture::Check> {
    let named = |check: &&tegmen_posture::Check| check.id == name || check.code.eq_ignore_ascii_case(name);
    tegmen_posture::checks::all().into_iter().find(named)
}
