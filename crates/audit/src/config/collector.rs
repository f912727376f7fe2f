//! Takes names and values with their places, and keeps what is a secret.

use std::ops::Range;

use tegmen_classify as classify;
use tegmen_syntax::Span;

use super::locust::{Command, Setting};
use super::map::Map;
use super::reference::{is_about, is_reference, is_translation, shell_default};
use super::{Config, Part};
use crate::literal::judge::judge;
use crate::literal::text::{Values, pairs};
use crate::literal::{Literal, Site};
use crate::prefilter::has_sensitive_word;
use crate::walk::FileKind;

/// What is collected from one file.
pub struct Collector<'t> {
    path: &'t str,
    text: &'t str,
    out: Config,
    /// How deep files are nested in files.
    depth: usize,
}

impl<'t> Collector<'t> {
    /// A collector for the file at a path.
    pub fn new(path: &'t str, text: &'t str) -> Self {
        Self { path, text, out: Config::default(), depth: 0 }
    }

    /// The text of the file.
    pub fn text(&self) -> &'t str {
        self.text
    }

    /// The path of the file.
    pub fn path(&self) -> &'t str {
        self.path
    }

    /// A quick look: whether there may be anything to find.
    pub fn may_matter(&self) -> bool {
        let bytes = self.text.as_bytes();
        has_sensitive_word(bytes)
            || ["://", "eyJ", "AKIA", "locust", "PRIVATE KEY"]
                .iter()
                .any(|word| memchr::memmem::find(bytes, word.as_bytes()).is_some())
    }

    /// What was collected.
    pub fn done(mut self) -> Config {
        let literals = &mut self.out.literals;
        literals.sort_by_key(|judged| judged.literal.spans.first().map_or(0, |span| span.start));
        // The same place under two names: the first that was said is the nearer one.
        literals.dedup_by(|b, a| {
            let (Some(a), Some(b)) = (a.literal.spans.first(), b.literal.spans.first()) else { return false };
            a.contains(*b) || b.contains(*a)
        });
        self.out
    }

    /// A value under a name, at a place of the text.
    pub fn value(&mut self, name: &str, value: &str, span: Range<usize>) -> bool {
        self.judge(name, value, span, Site::Config, None)
    }

    /// As [`Self::value`], for one of a list.
    pub fn entry(&mut self, name: &str, value: &str, span: Range<usize>, list: Range<usize>) -> bool {
        self.judge(name, value, span, Site::Entry, Some(list))
    }

    fn judge(&mut self, name: &str, value: &str, span: Range<usize>, site: Site, list: Option<Range<usize>>) -> bool {
        let name = name.trim();
        let trimmed = value.trim();
        if trimmed.is_empty() || name.len() > 200 {
            return false;
        }
        let named = classify::is_sensitive_header(name);
        if named && let Some((variable, default)) = shell_default(trimmed) {
            let name = if variable.is_empty() { name } else { variable };
            let at = value.find(default).unwrap_or(0);
            let place = span.start + at..span.start + at + default.len();
            let place = if self.text.get(place.clone()) == Some(default) { place } else { span };
            return self.keep(name, default, place, Site::Fallback, None);
        }
        if is_reference(trimmed) {
            return false;
        }
        let site = if name.is_empty() { Site::Bare } else { site };
        if named && (is_about(name, trimmed) || is_translation(self.path, name, trimmed)) {
            // Its name says nothing; its shape still may.
            return self.keep("", value, span, Site::Bare, None);
        }
        if self.keep(name, value, span.clone(), site, list) {
            return true;
        }
        // `header: Bearer …` says what it is whatever it is called.
        if !named && classify::auth_scheme(trimmed).is_some_and(|scheme| scheme > 5 && !trimmed[scheme..].contains(' '))
        {
            return self.keep("Authorization", value, span, Site::Header, None);
        }
        // JSON, a form or a header inside the value.
        if value.len() < 100_000 && memchr::memchr2(b':', b'=', value.as_bytes()).is_some() {
            return self.inside(value, span);
        }
        false
    }

    /// Pairs inside a value: `{"password": "…"}`, `Authorization: Bearer …`, `user=…&password=…`.
    fn inside(&mut self, value: &str, span: Range<usize>) -> bool {
        if !has_sensitive_word(value.as_bytes()) {
            return false;
        }
        let raw = self.text.get(span.clone()) == Some(value);
        let mut any = false;
        if let Some((name, header)) = value.split_once(": ")
            && classify::is_sensitive_header(name.trim())
            && !header.contains('\n')
            && !header.trim_start().starts_with(['"', '\''])
        {
            let at = if raw { span.start + name.len() + 2..span.end } else { span.clone() };
            return self.keep(name.trim(), header, at, Site::Header, None);
        }
        let found = pairs(value, if value.contains('\n') { Values::Quoted } else { Values::Form });
        for pair in found {
            let (name, inner) = (&value[pair.name.clone()], &value[pair.value.clone()]);
            if !classify::is_sensitive_header(name)
                || is_reference(inner)
                || is_about(name, inner)
                || inner.contains('{')
            {
                continue;
            }
            let at = if raw { span.start + pair.value.start..span.start + pair.value.end } else { span.clone() };
            any |= self.keep(name, inner, at, Site::Embedded, None);
        }
        any
    }

    pub fn keep(
        &mut self,
        name: &str,
        value: &str,
        span: Range<usize>,
        site: Site,
        list: Option<Range<usize>>,
    ) -> bool {
        let place = |range: &Range<usize>| Span::new(range.start as u32, range.end as u32);
        let literal = Literal {
            name: name.to_owned(),
            value: value.to_owned(),
            spans: vec![place(&span)],
            site,
            block: None,
            list: list.as_ref().map(place),
        };
        let Some(mut judged) = judge(literal, false) else { return false };
        if is_reference(&judged.secret) {
            return false;
        }
        // The part of it that is secret, where it can be told.
        if let Some(raw) = self.text.get(span.clone())
            && let Some(at) = raw.find(&judged.secret)
            && judged.secret.len() < raw.len()
        {
            let start = span.start + at;
            judged.literal.spans = vec![place(&(start..start + judged.secret.len()))];
        }
        self.out.literals.push(judged);
        true
    }

    /// A value that is written in base64.
    pub fn base64(&mut self, name: &str, encoded: &str, span: Range<usize>) -> bool {
        let Some(decoded) = decode_base64(encoded) else { return self.value(name, encoded, span) };
        let before = self.out.literals.len();
        self.value(name, decoded.trim_end(), span.clone());
        for judged in &mut self.out.literals[before..] {
            judged.literal.spans = vec![Span::new(span.start as u32, span.end as u32)];
        }
        self.out.literals.len() > before
    }

    /// A list of credentials of which `values` are the secret ones: one finding.
    pub fn list(&mut self, name: &str, values: Vec<(String, Range<usize>)>) -> bool {
        let (Some(first), Some(last)) = (values.first(), values.last()) else { return false };
        let list = first.1.start..last.1.end;
        let mut any = false;
        for (value, span) in values {
            any |= self.entry(name, &value, span, list.clone());
        }
        any
    }

    /// What has a shape that says what it is, in text of any kind.
    pub fn shapes(&mut self, span: Range<usize>) {
        let Some(text) = self.text.get(span.clone()) else { return };
        for token in classify::find_tokens(text) {
            let at = span.start + token.range.start..span.start + token.range.end;
            self.keep("", &text[token.range], at, Site::Bare, None);
        }
    }

    /// A sample for others to copy: nothing in it counts but what a provider issued.
    pub fn sample(&mut self) {
        self.shapes(0..self.text.len());
        self.out.literals.retain(|judged| judged.shape.is_some_and(|shape| shape != "a JSON Web Token"));
    }

    /// Private keys, which go over many lines.
    pub fn private_keys(&mut self) {
        if !self.text.contains("PRIVATE KEY-----") {
            return;
        }
        let taken: Vec<Span> = self.out.literals.iter().flat_map(|judged| judged.literal.spans.clone()).collect();
        for token in classify::find_tokens(self.text).into_iter().filter(|token| token.kind == "a private key") {
            let span = Span::new(token.range.start as u32, token.range.end as u32);
            if !taken.iter().any(|known| known.contains(span) || span.contains(*known)) {
                self.keep("", &self.text[token.range.clone()], token.range, Site::Config, None);
            }
        }
    }

    /// Reads something inside of what is being read, unless that is very deep inside.
    pub fn deeper(&mut self, read: impl FnOnce(&mut Self)) {
        if self.depth <= 3 {
            self.depth += 1;
            read(self);
            self.depth -= 1;
        }
    }

    /// A file inside this file.
    pub fn nested(&mut self, kind: FileKind, name: &str, text: &str, map: &Map) {
        if kind == FileKind::Python {
            let label = super::Label::File(name.to_owned());
            self.out.parts.push(Part { text: text.to_owned(), map: map.clone(), label });
            return;
        }
        if self.depth > 3 {
            return;
        }
        let mut inner = Collector { depth: self.depth + 1, ..Collector::new(self.path, text) };
        if inner.may_matter() {
            inner.read(kind);
        }
        let mut inner = inner.done();
        for judged in &mut inner.literals {
            for span in judged.literal.spans.iter_mut().chain(judged.literal.list.as_mut()) {
                *span = map.span(*span);
            }
        }
        for span in inner.commands.iter_mut().flat_map(Command::spans) {
            *span = map.span(*span);
        }
        for setting in &mut inner.settings {
            setting.span = map.span(setting.span);
        }
        for (_, span) in &mut inner.printed {
            *span = map.span(*span);
        }
        self.out.literals.extend(inner.literals);
        self.out.commands.extend(inner.commands);
        self.out.settings.extend(inner.settings);
        self.out.printed.extend(inner.printed);
        self.out.locustfiles.extend(inner.locustfiles);
        // Parts of parts keep their own maps: nobody writes a notebook into a ConfigMap.
    }

    /// The Python inside this file.
    pub fn part(&mut self, part: Part) {
        self.out.parts.push(part);
    }

    /// A setting of Locust.
    pub fn setting(&mut self, setting: Setting) {
        // Of old: `web-auth = user:password`.
        if setting.name == "web-auth"
            && let Some(colon) = setting.value.find(':')
        {
            let end = setting.span.end as usize;
            let start = end.saturating_sub(setting.value.len() - colon - 1);
            self.value("password", &setting.value[colon + 1..], start..end);
        }
        if setting.name == "locustfile" {
            self.out.locustfiles.extend(setting.value.split(',').map(|name| name.trim().to_owned()));
        }
        self.out.settings.push(setting);
    }

    /// The value of a variable that is shown.
    pub fn printed(&mut self, name: String, span: Range<usize>) {
        self.out.printed.push((name, Span::new(span.start as u32, span.end as u32)));
    }

    /// A call of Locust.
    pub fn command(&mut self, command: Command) {
        self.out.locustfiles.extend(command.locustfiles());
        self.out.commands.push(command);
    }
}

/// Text from base64; `None` if it is none, or no text.
pub fn decode_base64(encoded: &str) -> Option<String> {
    let mut out = Vec::with_capacity(encoded.len() * 3 / 4);
    let (mut bits, mut count) = (0u32, 0);
    for byte in encoded.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => break,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    let text = String::from_utf8(out).ok()?;
    let plain = !text.is_empty() && !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
    plain.then_some(text)
}
