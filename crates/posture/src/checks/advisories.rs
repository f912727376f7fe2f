//! Known advisories about Locust and what it stands on. The list is shipped and dated; nobody is asked on the network.
//!
//! It holds what matters on Linux, each with the version that fixes it, as the advisory itself says. It does not replace a
//! scanner such as pip-audit, which asks a database that is kept every day.

use tegmen_findings::Severity;

/// The day on which the list was last looked through.
pub const DATED: &str = "2026-11-28";
/// The same in days since 1970.
pub(super) const DATED_DAY: u64 = 20_785;

/// One advisory.
#[derive(Debug, Clone, Copy)]
pub struct Advisory {
    /// The package, by its normalised name.
    pub package: &'static str,
    /// Its number.
    pub id: &'static str,
    /// The versions that fix it, in the order of their release lines: a version is affected when it is older than the last
    /// one, unless it belongs to the line (first number, or first two) of an earlier one and is not older than that.
    pub fixed: &'static [&'static str],
    /// How bad it is for a load test.
    pub severity: Severity,
    /// What it is about.
    pub about: &'static str,
}

/// All of them.
pub const ADVISORIES: &[Advisory] = &[
    entry("locust", "CVE-2020-28364", &["1.3.2"], Severity::High, "stored cross-site scripting in the web UI"),
    entry(
        "requests",
        "CVE-2023-32681",
        &["2.31.0"],
        Severity::High,
        "Proxy-Authorization goes to the destination on a redirect",
    ),
    entry(
        "requests",
        "CVE-2024-35195",
        &["2.32.0"],
        Severity::High,
        "after one request with verify=False a session verifies no more",
    ),
    entry("requests", "CVE-2024-47081", &["2.32.4"], Severity::Medium, "credentials of .netrc go to another host"),
    entry("requests", "CVE-2026-25645", &["2.33.0"], Severity::Low, "predictable names in the temporary folder"),
    entry(
        "urllib3",
        "CVE-2023-43804",
        &["1.26.17", "2.0.6"],
        Severity::High,
        "the Cookie header goes along on a redirect to another host",
    ),
    entry(
        "urllib3",
        "CVE-2023-45803",
        &["1.26.18", "2.0.7"],
        Severity::Medium,
        "a body goes along on a redirect that turns it into a GET",
    ),
    entry(
        "urllib3",
        "CVE-2024-37891",
        &["1.26.19", "2.2.2"],
        Severity::Medium,
        "Proxy-Authorization goes along on a redirect to another host",
    ),
    entry("urllib3", "CVE-2025-50181", &["2.5.0"], Severity::Medium, "redirects cannot be switched off for a pool"),
    entry(
        "urllib3",
        "CVE-2025-66418",
        &["2.6.0"],
        Severity::Medium,
        "a chain of encodings without an end uses up the machine",
    ),
    entry("urllib3", "CVE-2025-66471", &["2.6.0"], Severity::Medium, "a small compressed answer uses up the memory"),
    entry("urllib3", "CVE-2026-21441", &["2.6.3"], Severity::Medium, "a compressed redirect uses up the memory"),
    entry(
        "urllib3",
        "CVE-2026-44431",
        &["2.7.0"],
        Severity::High,
        "sensitive headers go along on a proxied redirect to another host",
    ),
    entry(
        "urllib3",
        "CVE-2026-44432",
        &["2.7.0"],
        Severity::Medium,
        "a compressed answer uses up the memory, in parts of the streaming interface",
    ),
    entry(
        "gevent",
        "CVE-2023-41419",
        &["23.9.0"],
        Severity::High,
        "request smuggling in the server behind Locust's web UI",
    ),
    entry(
        "werkzeug",
        "CVE-2023-25577",
        &["2.2.3"],
        Severity::Medium,
        "a form with very many parts uses up the machine",
    ),
    entry("werkzeug", "CVE-2023-46136", &["2.3.8", "3.0.1"], Severity::Medium, "a crafted form uses up the processor"),
    entry(
        "werkzeug",
        "CVE-2024-34069",
        &["3.0.3"],
        Severity::Medium,
        "the debugger runs code for somebody on another site",
    ),
    entry("werkzeug", "CVE-2024-49767", &["3.0.6"], Severity::Medium, "a crafted form uses up the memory"),
    entry("jinja2", "CVE-2024-34064", &["3.1.4"], Severity::Low, "the filter xmlattr lets attributes be injected"),
    entry("jinja2", "CVE-2025-27516", &["3.1.6"], Severity::Low, "the sandbox of templates can be left"),
    entry(
        "flask",
        "CVE-2023-30861",
        &["2.2.5", "2.3.2"],
        Severity::Medium,
        "a proxy may cache one user's session cookie for another",
    ),
    entry("flask", "CVE-2026-27205", &["3.1.3"], Severity::Low, "a proxy may cache a page of one user for another"),
    entry("flask-cors", "CVE-2024-1681", &["4.0.1"], Severity::Low, "lines can be injected into the log"),
    entry(
        "flask-cors",
        "CVE-2024-6221",
        &["4.0.2"],
        Severity::Medium,
        "pages of other sites may reach private networks",
    ),
    entry("flask-cors", "CVE-2024-6844", &["6.0.0"], Severity::Medium, "paths are matched to the wrong rule of CORS"),
    entry("flask-cors", "CVE-2024-6866", &["6.0.0"], Severity::Medium, "paths are matched to the wrong rule of CORS"),
    entry("flask-cors", "CVE-2024-6839", &["6.0.0"], Severity::Medium, "paths are matched to the wrong rule of CORS"),
    entry(
        "certifi",
        "CVE-2023-37920",
        &["2023.7.22"],
        Severity::Medium,
        "trusts an authority that was found unsafe (e-Tugra)",
    ),
    entry(
        "certifi",
        "CVE-2024-39689",
        &["2024.7.4"],
        Severity::Low,
        "trusts an authority that was found unsafe (GLOBALTRUST)",
    ),
];

const fn entry(
    package: &'static str,
    id: &'static str,
    fixed: &'static [&'static str],
    severity: Severity,
    about: &'static str,
) -> Advisory {
    Advisory { package, id, fixed, severity, about }
}

impl Advisory {
    /// Whether this version is affected; `None`: the version is not understood.
    pub fn affects(&self, version: &str) -> Option<bool> {
        let version = numbers(version)?;
        let mut lines = self.fixed.iter().filter_map(|fixed| numbers(fixed)).collect::<Vec<_>>();
        let last = lines.pop()?;
        if version >= last {
            return Some(false);
        }
        // In an earlier line of releases the fix came there: the same first number, and for 2.2.5 beside 2.3.2 the same second.
        let depth = |line: &[u64]| if line.first() == last.first() { 2 } else { 1 };
        let fixed = lines.iter().any(|line| {
            let depth = depth(line);
            line.get(..depth) == version.get(..depth) && version >= *line
        });
        Some(!fixed)
    }
}

/// The release part of a version (PEP 440): `2.0.7.post1` is 2.0.7. A version before a release (`2.0rc1`) is taken for that
/// before it.
pub(super) fn numbers(version: &str) -> Option<Vec<u64>> {
    let mut numbers = Vec::new();
    for part in version.split(['.', '+', '-']) {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        let Ok(number) = digits.parse() else { break };
        numbers.push(number);
        if digits.len() != part.len() {
            if part[digits.len()..].starts_with(['a', 'b', 'r']) {
                // Before 3.0: as old as anything before it.
                let last = numbers.last_mut()?;
                if *last > 0 {
                    *last -= 1;
                    numbers.push(u64::MAX);
                } else {
                    numbers.pop();
                }
            }
            break;
        }
    }
    if numbers.is_empty() { None } else { Some(numbers) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn affected(fixed: &'static [&'static str], version: &str) -> Option<bool> {
        entry("x", "y", fixed, Severity::Low, "z").affects(version)
    }

    #[test]
    fn the_fix_of_each_line_of_releases_counts() {
        let fixed: &[&str] = &["1.26.17", "2.0.6"];
        for version in ["1.26.16", "2.0.5", "1.25.11", "2.0.0", "2.0.6rc1"] {
            assert_eq!(affected(fixed, version), Some(true), "{version}");
        }
        for version in ["1.26.17", "1.26.20", "2.0.6", "2.0.6.post1", "2.7.0", "10.0"] {
            assert_eq!(affected(fixed, version), Some(false), "{version}");
        }
        let flask: &[&str] = &["2.2.5", "2.3.2"];
        for (version, is) in [("2.2.4", true), ("2.2.5", false), ("2.3.0", true), ("2.1.9", true), ("2.3.2", false)] {
            assert_eq!(affected(flask, version), Some(is), "{version}");
        }
        assert_eq!(affected(fixed, "unknown"), None);
    }

    #[test]
    fn the_list_is_well_formed() {
        for advisory in ADVISORIES {
            assert!(advisory.id.starts_with("CVE-") || advisory.id.starts_with("GHSA-"), "{}", advisory.id);
            assert!(advisory.fixed.iter().all(|version| numbers(version).is_some()), "{}", advisory.id);
            assert_eq!(advisory.package, advisory.package.to_ascii_lowercase());
        }
    }
}
