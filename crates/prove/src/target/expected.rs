//! What scripts read out of answers: the names in `response.json()["data"]["token"]` and the like, so that the hostile
//! target can answer with a document that has them.

use serde_json::{Map, Value};

/// A document with everything that these scripts take out of one by name. What is named like a token gets a token.
pub fn expected<'a>(scripts: impl IntoIterator<Item = &'a str>, token: &dyn Fn(&str) -> String) -> Value {
    let mut document = Value::Object(Map::new());
    for name in ["access_token", "token"] {
        put(&mut document, &[Step::Name(name.to_owned())], token);
    }
    for (name, value) in [("status", Value::from("ok")), ("ok", Value::from(true)), ("id", Value::from(1))] {
        if let Some(fields) = document.as_object_mut() {
            fields.insert(name.to_owned(), value);
        }
    }
    for script in scripts {
        for chain in chains(script) {
            put(&mut document, &chain, token);
        }
    }
    document
}

#[derive(Debug, PartialEq)]
enum Step {
    Name(String),
    Item,
}

/// Chains of `["name"]`, `.get("name")` and `[0]`.
fn chains(script: &str) -> Vec<Vec<Step>> {
    let (mut chains, mut chain) = (Vec::new(), Vec::new());
    let mut rest = script;
    let mut is_answer = true;
    while let Some(at) = rest.find(['[', '.']) {
        if at > 0 && !chain.is_empty() {
            chains.push(std::mem::take(&mut chain));
        }
        if at > 0 {
            // What is taken out of the environment or of header fields is no answer's.
            is_answer =
                !["environ", "headers", "cookies", "args", "kwargs"].iter().any(|word| rest[..at].ends_with(word));
        }
        rest = &rest[at..];
        match step(rest) {
            Some((step, length)) => {
                if is_answer {
                    chain.push(step);
                }
                rest = &rest[length..];
            }
            None => {
                if !chain.is_empty() {
                    chains.push(std::mem::take(&mut chain));
                }
                rest = &rest[1..];
            }
        }
    }
    if !chain.is_empty() {
        chains.push(chain);
    }
    // What begins with an item would make a list of the document.
    chains.retain(|chain| matches!(chain.first(), Some(Step::Name(_))));
    chains
}

fn step(text: &str) -> Option<(Step, usize)> {
    let (opening, closing) = if text.starts_with('[') { ("[", ']') } else { (".get(", ')') };
    let inside = text.strip_prefix(opening)?;
    let quote = inside.chars().next()?;
    if quote == '0' && opening == "[" && inside[1..].starts_with(']') {
        return Some((Step::Item, 3));
    }
    if quote != '"' && quote != '\'' {
        return None;
    }
    let end = inside[1..].find(quote)?;
    let name = &inside[1..=end];
    let after = &inside[end + 2..];
    // `.get("name", default)` ends further on, on the same line.
    let close = if opening == "[" {
        after.starts_with(closing).then_some(0)?
    } else {
        after.find(closing).filter(|at| *at < 80)?
    };
    let plain =
        !name.is_empty() && name.len() < 60 && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"_-".contains(&c));
    plain.then(|| (Step::Name(name.to_owned()), opening.len() + end + 2 + close + 1))
}

fn put(value: &mut Value, chain: &[Step], token: &dyn Fn(&str) -> String) {
    let Some((first, rest)) = chain.split_first() else { return };
    match first {
        Step::Name(name) => {
            if !value.is_object() {
                *value = Value::Object(Map::new());
            }
            if let Some(fields) = value.as_object_mut() {
                let field = fields.entry(name.clone()).or_insert_with(|| leaf(name, token));
                put(field, rest, token);
            }
        }
        Step::Item => {
            if !value.is_array() {
                *value = Value::Array(vec![value.take()]);
            }
            if let Some(item) = value.as_array_mut().and_then(|items| items.first_mut()) {
                put(item, rest, token);
            }
        }
    }
}

fn leaf(name: &str, token: &dyn Fn(&str) -> String) -> Value {
    let lower = name.to_ascii_lowercase();
    if tegmen_classify::is_sensitive_name(name) {
        Value::from(token(name))
    } else if ["id", "count", "total", "expires_in", "price", "quantity"].iter().any(|word| lower.ends_with(word)) {
        Value::from(3600)
    } else {
        Value::from("ok")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_script_takes_out_is_there() {
        let script = r#"
            token = self.client.post("/login").json()["data"]["access_token"]
            first = r.json()["items"][0]["id"]
            other = body.get("refresh_token", None)
            x = [1, 2]; y = {"a": 1}
        "#;
        let document = expected([script], &|name| format!("canary-{name}"));
        assert_eq!(document["data"]["access_token"], "canary-access_token");
        assert_eq!(document["items"][0]["id"], 3600);
        assert_eq!(document["refresh_token"], "canary-refresh_token");
        assert_eq!(document["token"], "canary-token");
        let document = expected([r#"k = os.environ["API_KEY"]; h = r.headers.get("X-Key")"#], &|_| String::new());
        assert!(document.get("API_KEY").is_none() && document.get("X-Key").is_none());
    }

    #[test]
    fn nothing_breaks_it() {
        for script in ["", "[", ".get(", "['", "[\"ä\"]", ".get('a'", "[0][0]", "a[''].b", "…[\"x\"]["] {
            assert!(expected([script], &|_| String::new()).is_object());
        }
    }
}
