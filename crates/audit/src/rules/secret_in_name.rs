//! `secret-in-name`.

use tegmen_classify as classify;
use tegmen_findings::{Confidence, Severity};
use tegmen_syntax::{ExprId, ExprKind, Module};

use super::shared::{calls, is_locust_request, keyword, leak};
use crate::context::{Candidate, Context};
use crate::flow::calls::request;
use crate::flow::{Flow, Origin, Source};
use crate::literal::value::value_of;

rule! {
    /// ## What it does
    /// Finds secrets, and identifying numbers of citizens and patients, in the path or query of a request without a
    /// static `name=`, in `params=`, and in `name=` itself.
    ///
    /// ## Why is this bad?
    /// Locust makes the URL the name of the request in its statistics, unless `name=` says another: it is in the
    /// web page, the CSV and the HTML report, and every value makes a line of its own.
    ///
    /// ## Example
    /// ```python
    /// self.client.get(f"/orders?token={self.token}")
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// self.client.get("/orders", headers={"Authorization": f"Bearer {self.token}"})
    /// # or, where the target takes it in the URL only:
    /// self.client.get(f"/orders?token={self.token}", name="/orders?token=[token]")
    /// ```
    ///
    /// ## Severity and confidence
    /// High in `name=`, medium in URL and query. Likely for numbers of persons and where only the name says that it is
    /// secret. None for the token of a short link (`/s/{token}`), which is the address itself.
    ///
    /// ## Fix safety
    /// Safe: the request gets a static `name=`, with `[token]` in place of what goes in. None where its URL has nothing
    /// constant, or its arguments are put together elsewhere.
    ///
    /// ## References
    /// - CWE-598: Use of GET Request Method With Sensitive Query Strings <https://cwe.mitre.org/data/definitions/598.html>
    /// - CWE-200: Exposure of Sensitive Information <https://cwe.mitre.org/data/definitions/200.html>
    SECRET_IN_NAME, "TGM404", "secret-in-name", Medium, "a secret or a personal number goes into a URL that Locust keeps"
}

/// Names of numbers that identify a person.
const PERSONAL: &[&str] = &[
    "ssn", "cpf", "bsn", "nino", "pesel", "personnummer", "curp", "dni", "nhs", "aadhaar", "nric", "tckn", "fnr", "fodselsnummer", "cnp",
];

/// Looks at the requests of Locust's clients.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    let Some((module, flow)) = context.python() else { return };
    if !context.locust {
        return;
    }
    for (_, func, args) in calls(module) {
        // `events.request.fire(name=…)`, `request_success.fire(name=…)`.
        if module.tail_str(func) == Some("fire")
            && let Some(name) = keyword(module, args, "name")
            && let Some(source) = flow.of(name).secret()
        {
            push(module, flow, name, source, Severity::High, "the name of a request", out);
        }
        let Some(url) = request(module, func, args) else { continue };
        if !is_locust_request(module, func) {
            continue;
        }
        if let Some(name) = keyword(module, args, "name") {
            if let Some(source) = flow.of(name).secret() {
                push(module, flow, name, source, Severity::High, "the name of a request", out);
            }
            continue;
        }
        let params = keyword(module, args, "params");
        for (value, place) in [(url, "the URL of a request"), (params, "the query of a request")] {
            let Some(value) = value else { continue };
            let taint = flow.of(value);
            if let Some(source) = taint.secret() {
                if is_short_link(module, value, source) {
                    continue;
                }
                push(module, flow, value, source, Severity::Medium, place, out);
            } else if let Some((name, at)) = personal(module, value) {
                let mut candidate = Candidate::new(&SECRET_IN_NAME, Severity::Medium, Confidence::Medium, module.span(at));
                candidate.message = format!("`{name}`, a number that identifies a person, goes into {place}");
                candidate.name = name;
                candidate.block = Some(module.block_of(value));
                out.push(candidate);
            }
        }
    }
}

fn push(module: &Module, flow: &Flow<'_>, at: ExprId, source: &Source, severity: Severity, place: &str, out: &mut Vec<Candidate>) {
    let confidence = if source.origin == Origin::Named { Confidence::Medium } else { Confidence::High };
    let mut candidate = leak(&SECRET_IN_NAME, severity, confidence, flow, module, at, source);
    candidate.message = format!("`{}`, {}, goes into {place}, and with it into Locust's statistics", source.name, source.origin.describe());
    candidate.hint = Some("send it in a header or the body, or give the request a static `name=`".to_owned());
    out.push(candidate);
}

/// Whether a URL is a short one, whose token is all the address there is: `/s/{token}`. Whoever shares it wants it to be known.
fn is_short_link(module: &Module, url: ExprId, source: &Source) -> bool {
    let words = classify::words(&source.name);
    let plain = words.iter().all(|word| matches!(word.as_str(), "token" | "tokens" | "short" | "url" | "link" | "share" | "slug" | "code"));
    let Some(text) = value_of(module, url).map(|value| value.text).filter(|_| plain) else { return false };
    let says = |word: &[u8]| memchr::memmem::find(module.source().as_bytes(), word).is_some();
    matches!(text.as_str(), "/{}" | "/s/{}" | "/r/{}" | "/l/{}" | "/u/{}" | "/go/{}") && (says(b"short") || says(b"Short"))
}

/// A personal number among the names that a URL is put together from, and the keys of `params`.
fn personal(module: &Module, value: ExprId) -> Option<(String, ExprId)> {
    let is = |name: &str| {
        let words = classify::words(name);
        words.iter().any(|word| PERSONAL.contains(&word.as_str()))
            || words.windows(2).any(|pair| matches!((pair[0].as_str(), pair[1].as_str()), ("patient" | "national" | "citizen", "id" | "number") | ("social", "security") | ("tax", "id") | ("passport", "number") | ("medical", "record")))
    };
    match module.kind(value) {
        ExprKind::Name(name) if is(module.symbol(*name)) => Some((module.symbol(*name).to_owned(), value)),
        ExprKind::Attribute { attr, .. } if is(module.symbol(*attr)) => Some((module.symbol(*attr).to_owned(), value)),
        ExprKind::Subscript { index, .. } if module.as_str(*index).is_some_and(is) => Some((module.as_str(*index)?.to_owned(), value)),
        ExprKind::Dict(items) => items.iter().find_map(|item| {
            let key = module.as_str(item.key?)?;
            is(key).then(|| (key.to_owned(), value))
        }),
        ExprKind::FString(_) | ExprKind::Binary { .. } | ExprKind::Call { .. } => {
            // `f"/person?ssn={customer}"` says it itself.
            let text = value_of(module, value).filter(|text| text.open).map(|text| text.text).unwrap_or_default();
            let mut parameters = text.split(['?', '&']).skip(1).filter_map(|part| part.split_once('='));
            if let Some((name, _)) = parameters.find(|(name, value)| is(name) && value.starts_with("{")) {
                return Some((name.to_owned(), value));
            }
            let mut found = None;
            module.kind(value).children(&mut |child| found = found.take().or_else(|| personal(module, child)));
            found
        }
        _ => None,
    }
}
