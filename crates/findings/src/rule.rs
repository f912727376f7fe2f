//! What is looked for.

use crate::Severity;

/// One kind of defect. Its page is the doc comment of the file that finds it.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// The stable code: `TGM101`.
    pub code: &'static str,
    /// The name, by the defect, in kebab-case: `hardcoded-password`.
    pub id: &'static str,
    /// One line.
    pub summary: &'static str,
    /// The usual severity; a finding may have another.
    pub severity: Severity,
    /// The page, in Markdown.
    pub page: &'static str,
    /// Whether it is asked where nobody selects rules. What says more about taste than about a leak is not.
    pub by_default: bool,
}

impl Rule {
    /// Whether `selector` names this rule: its id, its code, or the beginning of its code (`TGM1`, all hard-coded values).
    pub fn matches(&self, selector: &str) -> bool {
        self.id == selector
            || selector.eq_ignore_ascii_case("all")
            || (selector.len() >= 3
                && self.code.len() >= selector.len()
                && self.code[..selector.len()].eq_ignore_ascii_case(selector))
    }

    /// The numbers of the CWE entries that the page refers to: `798`.
    pub fn cwe(&self) -> Vec<u32> {
        let mut found: Vec<u32> = Vec::new();
        for part in self.page.split("CWE-").skip(1) {
            let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
            if let Ok(number) = digits.parse()
                && !found.contains(&number)
            {
                found.push(number);
            }
        }
        found
    }

    /// The start of the rule's section in the reference, as an anchor.
    pub fn anchor(&self) -> String {
        format!("{}-{}", self.code.to_ascii_lowercase(), self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors() {
        let rule = Rule {
            code: "TGM101",
            id: "hardcoded-password",
            summary: "",
            severity: Severity::High,
            page: "CWE-798 and CWE-259, CWE-798",
            by_default: true,
        };
        for selector in ["hardcoded-password", "TGM101", "tgm1", "TGM", "all"] {
            assert!(rule.matches(selector), "{selector}");
        }
        for selector in ["", "T", "hardcoded", "TGM2", "TGM1011"] {
            assert!(!rule.matches(selector), "{selector}");
        }
        assert_eq!(rule.cwe(), [798, 259]);
    }
}
