//! What a server parses back is exactly the value, and what may not be sent is refused.

use ::base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use serde_json::{Value, json};
use tegmen_secret::SecretBytes;

use super::*;
use crate::{
    origin::Scheme,
    placeholder::{Maker, Tag},
    table::{Binding, PayloadBuilder, Table, table_len},
};

/// A secret, its placeholder, and what is needed to fill requests with it.
struct Bench {
    placeholder: String,
    value: Vec<u8>,
    book: Book,
    values: Vec<u8>,
}

impl Bench {
    fn with(value: &[u8], binding: Binding) -> Self {
        let tag = Tag::random().unwrap();
        let secret = SecretBytes::new(value.to_vec());
        let placeholder = Maker::new(tag.clone()).make(&secret).unwrap();
        let mut payload = PayloadBuilder::new(tag, Some("tegmen.toml".to_owned()));
        payload.add(binding, &placeholder, &secret);
        let payload = payload.finish().unwrap();
        let values_start = 8 + table_len(payload[..8].try_into().unwrap());
        let table: Table = serde_json::from_slice(&payload[8..values_start]).unwrap();
        Self {
            placeholder: placeholder.text,
            value: value.to_vec(),
            book: Book::new(table).unwrap(),
            values: payload[values_start..].to_vec(),
        }
    }

    fn new(value: &str) -> Self {
        Self::with(value.as_bytes(), Binding { name: "KEY".to_owned(), ..Binding::default() })
    }

    fn send(&self, target: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Result<Sent> {
        self.send_to("https://shop.example.com", target, headers, body)
    }

    fn send_to(&self, origin: &str, target: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Result<Sent> {
        let origin = Origin::of_url(origin).unwrap();
        let headers: Vec<(&[u8], &[u8])> = headers.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect();
        let request = Request { origin: &origin, target: target.as_bytes(), headers: &headers, body };
        let targets = [Origin::new(Scheme::Https, "shop.example.com", None)];
        let values: &[u8] = &self.values;
        let layer = Layer { book: &self.book, values: &ValuesOf(values) };
        let filled = fill(&[layer], &targets, &request)?.expect("a placeholder is in the request");
        let text = |bytes: &[u8]| bytes.to_vec();
        Ok(Sent {
            target: filled.target.as_deref().map_or_else(|| target.into(), |bytes| text(bytes)),
            header: filled.headers.first().map(|(_, value)| value.to_vec()).unwrap_or_default(),
            body: filled.body.as_deref().map(|bytes| text(bytes)).unwrap_or_default(),
        })
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.value).unwrap()
    }
}

struct ValuesOf<'a>(&'a [u8]);

impl Values for ValuesOf<'_> {
    fn copy(&self, span: Span) -> Option<Clear> {
        self.0.copy(span)
    }
}

struct Sent {
    target: Vec<u8>,
    header: Vec<u8>,
    body: Vec<u8>,
}

const NASTY: &str = "a b&c=d+e%f/g?h#i\"j\\k<l>'m;n,o é ß € ]]> {x} 日本";

#[test]
fn a_header_carries_the_value() {
    let bench = Bench::new("hunter2-hunter2");
    let sent = bench.send("/", &[("Authorization", &format!("Bearer {}", bench.placeholder))], None).unwrap();
    assert_eq!(sent.header, b"Bearer hunter2-hunter2");
}

#[test]
fn a_line_break_in_a_header_is_refused_and_the_message_names_the_secret_only() {
    let bench = Bench::new("hunter2\r\nX-Admin: 1");
    let Err(error) = bench.send("/", &[("X-Key", &bench.placeholder)], None) else { panic!("sent") };
    let message = error.to_string();
    assert!(
        message.starts_with("[KEY] was not sent to https://shop.example.com: its value cannot stand in"),
        "{message}"
    );
    assert!(!message.contains("hunter2") && !message.contains(&bench.placeholder));
}

#[test]
fn basic_authentication_is_decoded_filled_and_encoded() {
    for user in ["", "a", "ab", "abc", "user"] {
        let bench = Bench::new("p:w é hunter2");
        let header = format!("Basic {}", STANDARD.encode(format!("{user}:{}", bench.placeholder)));
        let sent = bench.send("/", &[("Authorization", &header)], None).unwrap();
        let encoded = sent.header.strip_prefix(b"Basic ").unwrap();
        assert_eq!(STANDARD.decode(encoded).unwrap(), format!("{user}:p:w é hunter2").into_bytes());
    }
}

#[test]
fn basic_authentication_stays_in_the_character_set_of_the_user_name() {
    let latin =
        |placeholder: &str| format!("Basic {}", STANDARD.encode([b"m\xfcller:", placeholder.as_bytes()].concat()));
    let bench = Bench::new("p:wé");
    let sent = bench.send("/", &[("Authorization", &latin(&bench.placeholder))], None).unwrap();
    assert_eq!(STANDARD.decode(&sent.header[6..]).unwrap(), b"m\xfcller:p:w\xe9");
    let bench = Bench::new("5€");
    assert!(bench.send("/", &[("Authorization", &latin(&bench.placeholder))], None).is_err());
}

#[test]
fn path_and_query_are_percent_encoded() {
    let bench = Bench::new(NASTY);
    let target = format!("/users/{p}/x?token={p}&b=1", p = bench.placeholder);
    let sent = bench.send(&target, &[], None).unwrap();
    let url = ::url::Url::parse(&format!("https://h{}", String::from_utf8(sent.target).unwrap())).unwrap();
    let segment = url.path_segments().unwrap().nth(1).unwrap();
    assert_eq!(percent_encoding::percent_decode_str(segment).decode_utf8().unwrap(), NASTY);
    assert_eq!(url.query_pairs().next().unwrap(), ("token".into(), NASTY.into()));
}

#[test]
fn json_in_a_form_field_and_json_in_json() {
    let bench = Bench::new(NASTY);
    let inner = json!({"deep": [{"key": bench.placeholder}]}).to_string();
    let body = json!({"payload": inner, "plain": format!("x {} y", bench.placeholder)}).to_string();
    let sent = bench.send("/", &[("Content-Type", "application/json")], Some(body.as_bytes())).unwrap();
    let outer: Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(outer["plain"], format!("x {NASTY} y"));
    let inner_back: Value = serde_json::from_str(outer["payload"].as_str().unwrap()).unwrap();
    assert_eq!(inner_back["deep"][0]["key"], NASTY);

    let form = ::url::form_urlencoded::Serializer::new(String::new()).append_pair("payload", &inner).finish();
    let sent =
        bench.send("/", &[("Content-Type", "application/x-www-form-urlencoded")], Some(form.as_bytes())).unwrap();
    let pairs: Vec<(String, String)> = ::url::form_urlencoded::parse(&sent.body).into_owned().collect();
    let inner_back: Value = serde_json::from_str(&pairs[0].1).unwrap();
    assert_eq!(inner_back["deep"][0]["key"], NASTY);
}

#[test]
fn a_number_stands_in_json_without_quotes_and_a_text_does_not() {
    let bench = Bench::new("4711");
    let body = format!(r#"{{"pin": {}}}"#, bench.placeholder);
    let sent = bench.send("/", &[("Content-Type", "application/json")], Some(body.as_bytes())).unwrap();
    assert_eq!(sent.body, br#"{"pin": 4711}"#);
    let bench = Bench::new("hunter2");
    let body = format!(r#"{{"pin": {}}}"#, bench.placeholder);
    assert!(bench.send("/", &[("Content-Type", "application/json")], Some(body.as_bytes())).is_err());
}

#[test]
fn xml_is_escaped_and_cdata_split() {
    let bench = Bench::new(NASTY);
    let body = format!("<a k=\"{p}\">{p}<![CDATA[{p}]]></a>", p = bench.placeholder);
    let sent = bench.send("/", &[("Content-Type", "text/xml")], Some(body.as_bytes())).unwrap();
    let text = String::from_utf8(sent.body).unwrap();
    assert_eq!(text.matches("&amp;c=d").count(), 2);
    assert!(text.contains("<![CDATA[a b&c=d") && text.contains("]]]]><![CDATA[>"), "{text}");
}

#[test]
fn multipart_fills_each_part_by_its_type() {
    let bench = Bench::new("h\"unter\n2");
    let p = &bench.placeholder;
    let body = format!(
        "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n{p}\r\n--XX\r\nContent-Disposition: form-data; \
         name=\"j\"\r\nContent-Type: application/json\r\n\r\n{{\"k\":\"{p}\"}}\r\n--XX--\r\n"
    );
    let headers = [("Content-Type", "multipart/form-data; boundary=XX")];
    let sent = String::from_utf8(bench.send("/", &headers, Some(body.as_bytes())).unwrap().body).unwrap();
    assert!(sent.contains("\r\n\r\nh\"unter\n2\r\n--XX\r\n"), "{sent}");
    assert!(sent.contains(r#"{"k":"h\"unter\n2"}"#) && sent.ends_with("--XX--\r\n"), "{sent}");
}

#[test]
fn a_value_with_the_boundary_in_it_is_refused() {
    let bench = Bench::new("x\r\n--XX\r\ny");
    let body = format!("--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n{}\r\n--XX--", bench.placeholder);
    assert!(bench.send("/", &[("Content-Type", "multipart/form-data; boundary=XX")], Some(body.as_bytes())).is_err());
}

#[test]
fn a_gzipped_body_is_decoded_filled_and_encoded() {
    use std::io::{Read, Write};
    let bench = Bench::new(NASTY);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(json!({"k": bench.placeholder}).to_string().as_bytes()).unwrap();
    let headers = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")];
    let sent = bench.send("/", &headers, Some(&encoder.finish().unwrap())).unwrap();
    let mut plain = String::new();
    flate2::read::GzDecoder::new(&*sent.body).read_to_string(&mut plain).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&plain).unwrap()["k"], NASTY);
}

#[test]
fn a_binary_body_takes_equal_length_or_is_refused() {
    let long = "k".repeat(40);
    let bench = Bench::new(&long);
    let body = [b"\x08\x28", bench.placeholder.as_bytes()].concat();
    let headers = [("Content-Type", "application/x-protobuf")];
    assert_eq!(bench.send("/", &headers, Some(&body)).unwrap().body[2..], *long.as_bytes());
    let bench = Bench::new("short");
    let body = [b"\x08\x28", bench.placeholder.as_bytes()].concat();
    assert!(bench.send("/", &headers, Some(&body)).is_err());
}

#[test]
fn other_origins_get_nothing_and_the_message_has_the_line_to_add() {
    let bench = Bench::new("hunter2");
    let header = [("X-Key", bench.placeholder.as_str())];
    for origin in ["https://idp.example.com", "http://shop.example.com", "https://shop.example.com:8443"] {
        let Err(error) = bench.send_to(origin, "/", &header, None) else { panic!("sent to {origin}") };
        let entry = Origin::of_url(origin).unwrap().as_hosts_entry();
        let line = format!("write in tegmen.toml under [secrets.KEY]: hosts = [\"shop.example.com\", \"{entry}\"]");
        assert!(error.to_string().contains(&line), "{error}");
    }
}

#[test]
fn other_places_get_nothing() {
    let places = vec![Place::Header("authorization".to_owned())];
    let bench = Bench::with(b"hunter2", Binding { name: "KEY".to_owned(), places, ..Binding::default() });
    assert!(bench.send("/", &[("Authorization", &bench.placeholder)], None).is_ok());
    let basic = format!("Basic {}", STANDARD.encode(format!("u:{}", bench.placeholder)));
    assert!(bench.send("/", &[("Authorization", &basic)], None).is_ok());
    assert!(bench.send("/", &[("X-Other", &bench.placeholder)], None).is_err());
    let Err(error) = bench.send(&format!("/?t={}", bench.placeholder), &[], None) else { panic!("sent") };
    assert!(error.to_string().contains("add \"query:t\" to `places` under [secrets.KEY]"), "{error}");
}

#[test]
fn what_cannot_be_replaced_is_refused() {
    let bench = Bench::new("hunter2-hunter2-hunter2-hunter2-hunter2-hunter2");
    let p = &bench.placeholder;
    let changed: Vec<String> = vec![
        p.to_uppercase(),
        p[..p.len() - 3].to_owned(),
        p[..12].to_owned(),
        p[10..].to_owned(),
        p.chars().rev().collect(),
        p.bytes().map(|byte| format!("{byte:02x}")).collect(),
    ];
    for changed in changed {
        let Err(error) = bench.send("/", &[("X-Key", &changed)], None) else { panic!("sent: {changed}") };
        assert!(error.to_string().starts_with("[KEY] was not sent"), "{error}");
    }
    assert!(bench.send("/", &[(p, "1")], None).is_err());
    assert!(bench.send(&format!("http://{p}.example.com/"), &[], None).is_err());
    assert!(bench.send_to(&format!("https://{p}.example.com"), "/", &[], None).is_err());
}

#[test]
fn a_text_is_written_in_its_character_set_or_not_at_all() {
    let bench = Bench::new("pässword");
    let headers = [("Content-Type", "text/plain; charset=ISO-8859-1")];
    assert_eq!(bench.send("/", &headers, Some(bench.placeholder.as_bytes())).unwrap().body, b"p\xe4ssword");
    let headers = [("Content-Type", "text/plain; charset=windows-1251")];
    assert!(bench.send("/", &headers, Some(bench.placeholder.as_bytes())).is_err());
    let bench = Bench::new("5€");
    let headers = [("Content-Type", "text/plain; charset=latin1")];
    assert!(bench.send("/", &headers, Some(bench.placeholder.as_bytes())).is_err());
}

#[test]
fn a_proxy_that_reads_the_request_has_to_be_bound_too() {
    let shop = Origin::of_url("http://shop.example.com").unwrap();
    let bench =
        Bench::with(b"hunter2", Binding { name: "KEY".to_owned(), hosts: Some(vec![shop]), ..Binding::default() });
    let header = [("X-Key", bench.placeholder.as_str())];
    let target = "http://shop.example.com/orders";
    let Err(error) = bench.send_to("http://proxy.example.com:3128", target, &header, None) else { panic!("sent") };
    let text = error.to_string();
    assert!(text.starts_with("[KEY] was not sent to http://proxy.example.com:3128: this proxy would read"), "{text}");
    assert!(text.contains(r#"hosts = ["http://shop.example.com", "http://proxy.example.com:3128"]"#), "{text}");
}

#[test]
fn a_proxy_gets_its_own_credentials() {
    let proxy = Origin::of_url("http://proxy.example.com:3128").unwrap();
    let binding = Binding { name: "KEY".to_owned(), hosts: Some(vec![proxy]), ..Binding::default() };
    let bench = Bench::with(b"hunter2", binding);
    let basic = format!("Basic {}", STANDARD.encode(format!("u:{}", bench.placeholder)));
    let target = "http://shop.example.com/orders";
    let origin = "http://proxy.example.com:3128";
    assert!(bench.send_to(origin, target, &[("Proxy-Authorization", &basic)], None).is_ok());
    assert!(bench.send_to(origin, target, &[("Authorization", &basic)], None).is_err());
    assert!(bench.send_to("http://other.example.com", "/", &[("Proxy-Authorization", &basic)], None).is_err());
    // A target that cannot be read is not the one that was meant.
    assert!(bench.send_to(origin, &format!("http://[x/{}", bench.placeholder), &[], None).is_err());
}

#[test]
fn what_looks_like_something_else_is_filled_as_that() {
    let bench = Bench::new("a\"b\\c");
    let p = &bench.placeholder;
    let sent = bench
        .send(
            "/",
            &[("Content-Type", "application/graphql")],
            Some(format!("# \"{p}\" it's\nquery {{ a(b: \"\"\"x {p}\"\"\", c: \"{p}\") }}").as_bytes()),
        )
        .unwrap();
    assert_eq!(sent.body, b"# \"a\"b\\c\" it's\nquery { a(b: \"\"\"x a\"b\\c\"\"\", c: \"a\\\"b\\\\c\") }");
    let text = format!("<a t='x > \"'><!-- {p} --><b c=\"{{&quot;k&quot;:&quot;{p}&quot;}}\"/></a>");
    let sent = bench.send("/", &[("Content-Type", "text/xml")], Some(text.as_bytes())).unwrap();
    let filled = "{&quot;k&quot;:&quot;a\\&quot;b\\\\c&quot;}";
    assert_eq!(String::from_utf8(sent.body).unwrap(), format!("<a t='x > \"'><!-- a\"b\\c --><b c=\"{filled}\"/></a>"));
}

#[test]
fn a_whole_cookie_header_and_a_whole_query_bring_their_separators() {
    let bench = Bench::new("a=1; b=2");
    assert_eq!(bench.send("/", &[("Cookie", &bench.placeholder)], None).unwrap().header, b"a=1; b=2");
    let bench = Bench::new("?sv=1&sig=a%2Bb");
    assert_eq!(bench.send(&format!("/a/{}", bench.placeholder), &[], None).unwrap().target, b"/a/?sv=1&sig=a%2Bb");
    let sent = bench.send(&format!("/a/b.txt{}&c=1", bench.placeholder), &[], None).unwrap();
    assert_eq!(sent.target, b"/a/b.txt?sv=1&sig=a%2Bb&c=1");
}

#[test]
fn every_depth_ends() {
    let bench = Bench::new("hunter2");
    let mut text = bench.placeholder.clone();
    for _ in 0..12 {
        text = json!([text]).to_string();
    }
    assert!(bench.send("/", &[("Content-Type", "application/json")], Some(text.as_bytes())).is_err());
}

#[test]
fn a_json_secret_is_filled_by_its_leaves_and_as_a_whole() {
    let bench = Bench::new(r#"{"user":"ann","password":"p\"w"}"#);
    let parsed: Value = serde_json::from_str(&bench.placeholder).unwrap();
    let body = json!({"creds": parsed, "pw": parsed["password"]}).to_string();
    let sent = bench.send("/", &[("Content-Type", "application/json")], Some(body.as_bytes())).unwrap();
    let back: Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(back, json!({"creds": {"user": "ann", "password": "p\"w"}, "pw": "p\"w"}));
    let sent = bench.send("/", &[("X-Creds", &bench.placeholder)], None).unwrap();
    assert_eq!(sent.header, bench.value);
}

#[test]
fn cookies_are_quoted_where_they_must_be() {
    let bench = Bench::new("a;b, \"c\\d");
    let sent = bench.send("/", &[("Cookie", &format!("x=1; sid={}; y=2", bench.placeholder))], None).unwrap();
    assert_eq!(sent.header, br#"x=1; sid="a\073b\054 \"c\\d"; y=2"#);
    let bench = Bench::new("abc==/+");
    let sent = bench.send("/", &[("Cookie", &format!("sid={}", bench.placeholder))], None).unwrap();
    assert_eq!(sent.header, b"sid=abc==/+");
}

proptest! {
    #[test]
    fn whatever_the_value_the_server_parses_it_back(value in "\\PC{1,60}") {
        let bench = Bench::new(&value);
        let body = json!({"a": bench.placeholder}).to_string();
        // A value that is JSON itself keeps its structure, and the string around it is the script's own text.
        let sent = bench.send("/", &[("Content-Type", "application/json")], Some(body.as_bytes())).unwrap();
        let back: Value = serde_json::from_slice(&sent.body).unwrap();
        prop_assert_eq!(back["a"].as_str().unwrap(), bench.text());
        let form = format!("a={}&b=2", bench.placeholder);
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        if percent_encoding::percent_decode_str(&bench.placeholder).decode_utf8().unwrap() == bench.placeholder
            && !bench.placeholder.contains(['&', '+', '=']) {
            let sent = bench.send("/", &headers, Some(form.as_bytes())).unwrap();
            let pair = ::url::form_urlencoded::parse(&sent.body).next().unwrap();
            prop_assert_eq!(pair.1, bench.text());
        }
    }

    #[test]
    fn no_token_is_left_and_nothing_panics(prefix in "\\PC{0,20}", suffix in "\\PC{0,20}", kind in 0usize..6) {
        let bench = Bench::new("hunter2");
        let types = ["application/json", "application/x-www-form-urlencoded", "text/xml", "text/plain", "",
                     "multipart/form-data; boundary=b"];
        let body = format!("{prefix}{}{suffix}", bench.placeholder);
        if let Ok(sent) = bench.send("/", &[("Content-Type", types[kind])], Some(body.as_bytes())) {
            prop_assert!(!bench.book.finder().hits(&sent.body));
        }
    }
}
