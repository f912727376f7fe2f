//! The page about the method, from the table of weights: `docs/reference/risk.md`.

use std::fmt::Write;

use tegmen_posture::risk::table::{IMPACT_FACTORS, IMPACTS, STEPS, THREATS, WAYS, impact, likelihood};
use tegmen_posture::risk::{Exposure, Level, Stakes};

use super::number;

/// The page, in Markdown.
pub fn method() -> String {
    let mut out = String::from(INTRODUCTION);
    out.push_str("\n## Threats\n\n| Threat | What would happen | Skill | Motive | Size | Closed | Partly open | Open |\n|---|---|---|---|---|---|---|---|\n");
    for threat in THREATS {
        let of = |exposure: Exposure| {
            let likelihood = likelihood(threat, exposure);
            let level = Level::of(likelihood, impact(Stakes::Test));
            format!("{} ({})", number(likelihood), level.as_str())
        };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            threat.title,
            threat.what,
            threat.skill,
            threat.motive,
            threat.size,
            of(Exposure::Closed),
            of(Exposure::Partly),
            of(Exposure::Open)
        );
    }
    out.push_str("\nThe last three columns are the likelihood, and the level where the secrets open test systems.\n");
    out.push_str("\n## Likelihood\n\nThe other five factors hang on how open the way is.\n\n| The way is | Opportunity | Ease of discovery | Ease of exploit | Awareness | Intrusion detection |\n|---|---|---|---|---|---|\n");
    for way in &WAYS {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            way.exposure.as_str(),
            way.opportunity,
            way.discovery,
            way.exploit,
            way.awareness,
            way.detection
        );
    }
    out.push_str("\n## Impact\n\nWhat every threat ends in is the loss of a secret, so all share it. `--stakes` says what the secrets open.\n\n| Factor |");
    for row in &IMPACTS {
        let _ = write!(out, " {} |", stakes(row.stakes));
    }
    out.push_str("\n|---|---|---|\n");
    for (index, factor) in IMPACT_FACTORS.iter().enumerate() {
        let _ = writeln!(out, "| {factor} | {} | {} |", IMPACTS[0].factors[index], IMPACTS[1].factors[index]);
    }
    let _ = writeln!(out, "| mean | {} | {} |", number(impact(Stakes::Test)), number(impact(Stakes::Production)));
    out.push_str("\n## Steps\n\nThe plan takes the step that lowers likelihood × impact, summed over all threats, most for its effort (minutes 1, hours 4,\ndays 16), then the best after that one, and so on.\n\n| Step | How | Effort |\n|---|---|---|\n");
    for step in STEPS {
        let _ = writeln!(out, "| {} | `{}` | {} |", step.title, step.how, step.effort.as_str());
    }
    out.push_str("\n## References\n\n| Threat | Reference | What it says |\n|---|---|---|\n");
    for threat in THREATS {
        for reference in threat.references {
            let _ = writeln!(out, "| {} | {} | {} |", threat.title, reference.name, reference.says);
        }
    }
    out.push_str("\nASVS is OWASP's Application Security Verification Standard 4.0.3, CIS the CIS Critical Security Controls 8.\n");
    out
}

fn stakes(stakes: Stakes) -> &'static str {
    match stakes {
        Stakes::Test => "test systems",
        Stakes::Production => "production",
    }
}

const INTRODUCTION: &str = "# Residual risk

This page is generated from the table in the program (`cargo xtask docs`). `tegmen report` rates what remains by the
[OWASP Risk Rating Methodology](https://owasp.org/www-community/OWASP_Risk_Rating_Methodology): likelihood and impact are each the
mean of eight factors from 0 to 9; below 3 is low, from 6 on high.

| | Likelihood low | medium | high |
|---|---|---|---|
| Impact high | medium | high | critical |
| Impact medium | low | medium | high |
| Impact low | note | low | medium |

For each threat the report collects signs: findings of the audit, what the manifest says, how the test is started, the checks of
`tegmen doctor`, the last run of `tegmen prove`, the record of rotations. Each makes the way to a secret *open* (a secret comes out,
or lies there), *partly open* (it takes a further step, or the protection is not whole) or *closed* (something stands before it).
The worst sign counts. A threat of which nothing is known is not rated, rather than taken for small; the residual risk is that of the
worst threat that is. The same facts always give the same report.

- A finding about a secret that the manifest names counts less where the test cannot run without Tegmen, or is started with
  `tegmen run` everywhere: what comes out is a placeholder.
- A value in the environment or in a dotenv file leaves its way partly open, whatever protects the test: it stands in clear outside of it.
";
