//! Names of rules and checks as arguments: any text is taken, so that a wrong one gets the answer of the command, and shells
//! complete the right ones.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};

/// Takes any text; offers the rules of the audit and the checks of the doctor.
#[derive(Clone)]
pub struct RuleName;

impl TypedValueParser for RuleName {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let rules = tegmen_audit::rules().iter().map(|rule| PossibleValue::new(rule.id).help(rule.summary));
        let checks = tegmen_posture::checks::all().into_iter();
        Some(Box::new(rules.chain(checks.map(|check| PossibleValue::new(check.id).help(check.title)))))
    }
}
