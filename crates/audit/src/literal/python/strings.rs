//! Strings by themselves: under no name, with pairs inside, in comments and in blocks of text that nothing uses.

use tegmen_classify as classify;
use tegmen_syntax::{BlockId, ExprId, ExprKind, FPart, Span, StmtKind, Target};

use super::{Collector, is_key};
use crate::literal::judge::judge;
use crate::literal::text::{Values, connection_name, elements, pairs};
use crate::literal::value::{Value, value_of};
use crate::literal::{Literal, Site};

impl Collector<'_> {
    /// A string under no name: what its shape says, and pairs inside it (JSON, forms).
    pub(super) fn bare(&mut self, id: ExprId) {
        let module = self.module;
        let (ExprKind::Str(literal) | ExprKind::Bytes(literal)) = module.kind(id) else { return };
        let value = module.str_value(literal);
        if value.len() < 8 || self.covered.contains(&literal.content.start) {
            return;
        }
        let block = module.block_of(id);
        if may_have_shape(value) {
            let name = self.name_around(id);
            let name = if classify::why_not(&name).is_some() { String::new() } else { name };
            let spans = literal.parts.as_deref().map_or_else(|| vec![literal.content], <[Span]>::to_vec);
            let found = Literal {
                name,
                value: value.to_owned(),
                spans,
                site: Site::Bare,
                block: Some(block),
                list: self.list_around(id),
            };
            if let Some(judged) = judge(found, false) {
                self.covered.insert(literal.content.start);
                self.found.push(judged);
                return;
            }
        }
        let spans = literal.parts.as_deref().map_or_else(|| vec![literal.content], <[Span]>::to_vec);
        for span in spans {
            self.embedded(span, block);
        }
    }

    pub(super) fn template(&mut self, id: ExprId, parts: &[FPart]) {
        let block = self.module.block_of(id);
        if let Some(value) = value_of(self.module, id)
            && may_have_shape(&value.text)
        {
            let name = self.name_around(id);
            self.add(&name, value, Site::Bare, block, None);
        }
        for part in parts {
            if let FPart::Text(span) = part {
                self.embedded(*span, block);
            }
        }
    }

    /// Pairs inside a string: `{"password": "…"}`, `password=…&`.
    fn embedded(&mut self, span: Span, block: BlockId) {
        let text = self.module.text(span);
        if text.len() < 10 || text.len() > 100_000 || self.covered.contains(&span.start) || !may_have_pairs(text) {
            return;
        }
        let values = if text.contains('\n') && !text.contains('&') { Values::Quoted } else { Values::Form };
        for pair in pairs(text, values).into_iter().chain(elements(text)) {
            let name = &text[pair.name.clone()];
            let name = connection_name(name, text);
            let value = &text[pair.value.clone()];
            // `"&key=…"`, which is put behind what is to be signed.
            let signs = name == "key"
                && !pair.quoted
                && value.len() >= 24
                && pair.name.start == 1
                && text.starts_with('&')
                && classify::looks_random(value);
            let name = if signs { "sign_key" } else { name };
            if !classify::is_sensitive_name(name) {
                continue;
            }
            // `password={password}` of an f-string, `$password` of GraphQL.
            let stands_for = value.starts_with('$') || value.contains("$(");
            // `password=.+$` is looked for.
            let expression = value.contains('$')
                && (["+$", "*$", ")$"].iter().any(|end| value.ends_with(end))
                    || !value.chars().any(char::is_alphanumeric));
            if value.contains('{') || stands_for && !pair.quoted || expression || value.len() < 3 {
                continue;
            }
            let start = span.start + pair.value.start as u32;
            let found = Value {
                text: value.to_owned(),
                spans: vec![Span::new(start, span.start + pair.value.end as u32)],
                open: false,
            };
            self.add(name, found, Site::Embedded, block, None);
        }
    }

    /// The key, keyword or variable that a literal stands under, however deep.
    fn name_around(&self, id: ExprId) -> String {
        let module = self.module;
        let mut inner = id;
        let mut current = module.parent(id);
        while let Some(outer) = current {
            match module.kind(outer) {
                ExprKind::Dict(items) => {
                    if let Some(name) = items
                        .iter()
                        .find(|item| item.value == inner)
                        .and_then(|item| item.key)
                        .and_then(|key| module.as_str(key))
                    {
                        return name.to_owned();
                    }
                }
                ExprKind::Call { args, .. } => {
                    if let Some(name) = args.iter().find(|arg| arg.value == inner).and_then(|arg| arg.name) {
                        return module.symbol(name).to_owned();
                    }
                }
                _ => {}
            }
            inner = outer;
            current = module.parent(outer);
        }
        match self.targets.get(&inner).copied() {
            Some(Target::Name(_, name) | Target::Field(_, name) | Target::Attribute(_, name)) => {
                module.symbol(name).to_owned()
            }
            Some(Target::Item(_, key)) => module.as_str(key).unwrap_or_default().to_owned(),
            None => String::new(),
        }
    }

    /// Comments with code in them, and blocks of text that nothing uses.
    pub(super) fn dead(&mut self) {
        let module = self.module;
        for comment in &module.comments {
            self.dead_text(comment.span, BlockId::MODULE);
        }
        for statement in &module.statements {
            let StmtKind::Text(text, docstring) = statement.kind else { continue };
            if let ExprKind::Str(literal) = module.kind(text)
                && (!docstring || looks_like_code(module.text(literal.content)))
            {
                self.dead_text(literal.content, statement.block);
            }
        }
    }

    fn dead_text(&mut self, span: Span, block: BlockId) {
        let text = self.module.text(span);
        if text.len() < 10 || text.len() > 200_000 {
            return;
        }
        let mut end = 0;
        if may_have_pairs(text) {
            for pair in pairs(text, Values::Quoted) {
                let name = &text[pair.name.clone()];
                let site_name = classify::is_sensitive_header(name);
                if !site_name || !pair.quoted {
                    continue;
                }
                let start = span.start + pair.value.start as u32;
                let value = text[pair.value.clone()].to_owned();
                let found = Value {
                    open: value.contains('{'),
                    text: value,
                    spans: vec![Span::new(start, span.start + pair.value.end as u32)],
                };
                self.add(name, found, Site::Dead, block, None);
                end = pair.value.end;
            }
        }
        if let Some((name, value)) = header_line(text).filter(|(_, value)| value.start >= end) {
            let found = Value {
                text: text[value.clone()].to_owned(),
                spans: vec![Span::new(span.start + value.start as u32, span.start + value.end as u32)],
                open: false,
            };
            self.add(&text[name], found, Site::Dead, block, None);
        }
        if may_have_shape(text) {
            for token in classify::find_tokens(text) {
                if token.range.start < end {
                    continue;
                }
                let found = Value {
                    text: text[token.range.clone()].to_owned(),
                    spans: vec![Span::new(span.start + token.range.start as u32, span.start + token.range.end as u32)],
                    open: false,
                };
                self.add("", found, Site::Dead, block, None);
            }
        }
    }
}

/// `# old key: X-Api-Key: …`: the header that a comment ends in, and a value that looks made by a machine; or `# password: …`.
pub fn header_line(text: &str) -> Option<(std::ops::Range<usize>, std::ops::Range<usize>)> {
    made_line(text).or_else(|| password_line(text))
}

fn made_line(text: &str) -> Option<(std::ops::Range<usize>, std::ops::Range<usize>)> {
    let line = text.trim_end();
    if !line.starts_with('#') || line.len() > 400 || line.contains('\n') {
        return None;
    }
    let value = line.rsplit(' ').next()?;
    let before = line[..line.len() - value.len()].trim_end();
    let before = before.strip_suffix("Bearer").map_or(before, str::trim_end).strip_suffix([':', '='])?;
    let name = before.rsplit([' ', '#', ',', '(']).next().filter(|name| is_key(name))?;
    let secret = classify::looks_random(value)
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'+' | b'/' | b'='));
    (secret && classify::is_sensitive_header(name))
        .then_some((before.len() - name.len()..before.len(), line.len() - value.len()..line.len()))
}

/// `# password: …`: a comment that ends in a password, one with letters, digits and signs. What joins words is no sign:
/// `# password: base64-encoded`.
fn password_line(text: &str) -> Option<(std::ops::Range<usize>, std::ops::Range<usize>)> {
    let line = text.trim_end();
    if !line.starts_with('#') || line.len() > 200 || line.contains('\n') {
        return None;
    }
    let value = line.rsplit(' ').next()?;
    let before = line[..line.len() - value.len()].trim_end().strip_suffix([':', '='])?.trim_end();
    let name = before.rsplit([' ', '#', ',', '(', '/']).next()?;
    let has = |is: fn(&u8) -> bool| value.bytes().filter(is).count();
    let is_sign = |b: &u8| b.is_ascii_punctuation() && !matches!(b, b'-' | b'_' | b'.');
    let all: [fn(&u8) -> bool; 4] = [u8::is_ascii_uppercase, u8::is_ascii_lowercase, u8::is_ascii_digit, is_sign];
    let kinds = all.into_iter().filter(|is| has(*is) > 0).count();
    let strong = (8..=40).contains(&value.len())
        && has(u8::is_ascii_alphabetic) > 2
        && has(u8::is_ascii_digit) > 0
        && value.bytes().any(|b| b.is_ascii_punctuation())
        && kinds > 2
        && !value.contains(['(', '{', '[', '<', '"', '\'', '/', '`', '=', ':', ','])
        && !value.ends_with(['.', '?']);
    // `# second pass: …` counts.
    (strong && is_key(name) && classify::is_password_name(name) && !name.eq_ignore_ascii_case("pass"))
        .then_some((before.len() - name.len()..before.len(), line.len() - value.len()..line.len()))
}

/// Whether a docstring is code that somebody put out of use, rather than a text with samples in it.
pub fn looks_like_code(text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let starts = |start: &str| first.starts_with(start);
    starts("import ")
        || starts("from ") && first.contains(" import ")
        || (starts("class ") || starts("def ") || starts("with ")) && first.contains(['(', ':'])
        || starts("@") && !starts("@param") && !starts("@return") && !starts("@throws") && !starts("@type")
        || starts("self.")
        || starts("headers =")
        || starts("#")
}

/// A quick look for what `by_shape` and `by_url` may find.
fn may_have_shape(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 12
        && (memchr::memchr2(b'?', b'@', bytes).is_some()
            || classify::webhook(text).is_some()
            || !classify::find_tokens(text).is_empty()
            || classify::provider_token(text).is_some())
}

/// A quick look for pairs with a sensitive name.
fn may_have_pairs(text: &str) -> bool {
    let bytes = text.as_bytes();
    (memchr::memchr3(b'=', b':', b'<', bytes).is_some()) && crate::prefilter::has_sensitive_word(bytes)
}
