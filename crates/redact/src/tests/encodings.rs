//! Encode, then find: every form against an encoder that is not ours where there is one.

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, PAD, STANDARD, URL_SAFE};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_encode};
use proptest::prelude::*;

use super::{patterns, text};

/// Values as they occur: keys, passwords with everything on the keyboard, text beyond ASCII.
fn value() -> impl Strategy<Value = String> {
    prop_oneof!["[A-Za-z0-9+/=_.-]{8,40}", "[ -~]{8,40}", "[ -~äöüéß€😀\n\t]{8,24}"]
        .prop_filter("not blank at the edges", |value| value.trim() == value && value.len() >= 8)
        .prop_filter("not the label, which would be shown in another way", |value| !value.contains("[A]"))
}

fn masked(value: &str, encoded: &str) -> Result<(), TestCaseError> {
    let patterns = patterns(&[value.as_bytes()]);
    let out = text(&patterns, &format!("<{encoded}>"));
    prop_assert!(out.starts_with("<[A]") && out.ends_with('>') && out.len() <= 5, "{} as {}: {}", value, encoded, out);
    Ok(())
}

const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'\'');
const PATH: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'?').add(b'`').add(b'{').add(b'}');

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn url(value in value()) {
        for set in [COMPONENT, UNRESERVED, QUERY, PATH] {
            let once = percent_encode(value.as_bytes(), set).to_string();
            masked(&value, &once)?;
            if set == COMPONENT {
                masked(&value, &percent_encode(once.as_bytes(), set).to_string())?;
                masked(&value, &once.replace("%20", "+"))?;
            }
        }
        let all: String = value.bytes().map(|byte| format!("%{byte:02x}")).collect();
        masked(&value, &all)?;
        masked(&value, &all.to_uppercase())?;
    }

    #[test]
    fn json(value in value()) {
        let inside = |value: &str| {
            let json = serde_json::to_string(value).expect("a string");
            json[1..json.len() - 1].to_owned()
        };
        masked(&value, &inside(&value))?;
        masked(&value, &inside(&inside(&value)))?;
        masked(&value, &inside(&value).replace('/', "\\/"))?;
        masked(&value, &percent_encode(inside(&value).as_bytes(), UNRESERVED).to_string())?;
        let ascii: String = inside(&value)
            .chars()
            .flat_map(|char| match char.is_ascii() {
                true => vec![char.to_string()],
                false => char.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
            })
            .collect();
        masked(&value, &ascii)?;
    }

    #[test]
    fn base64_at_every_offset(value in value(), before in "[ -~]{0,7}", after in "[ -~]{0,7}") {
        let patterns = patterns(&[value.as_bytes()]);
        let around = format!("{before}{value}{after}");
        for engine in [STANDARD, URL_SAFE, GeneralPurpose::new(&alphabet::STANDARD, PAD)] {
            let encoded = engine.encode(&around);
            let out = text(&patterns, &encoded);
            // The characters that hold bits of the neighbours stay: what stays decodes to less than the value.
            prop_assert!(out.contains("[A]"), "{} in {}", value, around);
            let rest = out.replace("[A]", "");
            prop_assert!(rest.len() * 6 <= (before.len() + after.len() + 6) * 8 + 12, "{} of {}", rest, encoded);
        }
    }

    #[test]
    fn hex_and_utf16(value in value()) {
        let hex: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
        masked(&value, &hex)?;
        masked(&value, &hex.to_uppercase())?;
        for separator in [":", " "] {
            let hex: Vec<String> = value.bytes().map(|byte| format!("{byte:02x}")).collect();
            masked(&value, &hex.join(separator))?;
            masked(&value, &hex.join(separator).to_uppercase())?;
        }
        let patterns = patterns(&[value.as_bytes()]);
        for encoded in [
            value.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>(),
            value.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        ] {
            let out = patterns.redact_bytes(&encoded).into_owned();
            prop_assert!(out.len() <= 4 && out.windows(3).any(|part| part == b"[A]"), "{:?}", out);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn base64_of_base64(value in value(), before in "[ -~]{0,7}", around in "[ -~]{0,4}") {
        let patterns = patterns(&[value.as_bytes()]);
        for engine in [STANDARD, URL_SAFE] {
            let once = engine.encode(format!("{before}{value}"));
            let twice = STANDARD.encode(format!("{around}{once}"));
            let out = text(&patterns, &twice);
            prop_assert!(out.contains("[A]"), "{} in {}", value, twice);
            let rest = out.replace("[A]", "");
            prop_assert!(rest.len() <= (before.len() + around.len() + 8) * 2 + 8, "{} of {}", rest, twice);
        }
    }

    #[test]
    fn one_encoding_in_another(value in value()) {
        let inside = |value: &str| {
            let json = serde_json::to_string(value).expect("a string");
            json[1..json.len() - 1].to_owned()
        };
        masked(&value, &inside(&inside(&inside(&value))))?;
        let plus = percent_encode(value.as_bytes(), UNRESERVED).to_string().replace("%20", "+");
        masked(&value, &percent_encode(plus.as_bytes(), UNRESERVED).to_string())?;
        masked(&value, &percent_encode(inside(&value).as_bytes(), UNRESERVED).to_string())?;
        let payload = URL_SAFE.encode(format!("{{\"key\":\"{}\"}}", inside(&value)));
        let patterns = patterns(&[value.as_bytes()]);
        prop_assert!(text(&patterns, &payload).contains("[A]"), "{} in {}", value, payload);
    }
}

#[test]
fn python_quotes() {
    let value = r#"it's a "back\slash""#;
    for encoded in [
        r#"it\'s a "back\\slash""#,
        r#"it's a "back\\slash""#,
        r#"it\'s a \"back\\\\slash\""#.replace(r"\'", "'").as_str(),
        r#"it's a ""back\slash"""#,
        r#"it'"'"'s a "back\slash""#,
        r#"it'\''s a "back\slash""#,
        "it&#x27;s a &quot;back\\slash&quot;",
        "it&#39;s a &#34;back\\slash&#34;",
        "it's a &amp;quot;back\\slash&amp;quot;",
        r#"it\u0027s a \u0022back\\slash\u0022"#,
    ] {
        assert_eq!(text(&patterns(&[value.as_bytes()]), &format!("<{encoded}>")), "<[A]>", "{encoded}");
    }
}

#[test]
fn bytes_and_control_characters() {
    let patterns = patterns(&["schlüssel\tzum\nglück".as_bytes()]);
    for encoded in [
        r"schl\xc3\xbcssel\tzum\ngl\xc3\xbcck",
        r"schl\xfcssel\tzum\ngl\xfcck",
        r"schlüssel\tzum\nglück",
        r"schl\u00FCssel\tzum\ngl\u00FCck",
        "schl&#252;ssel\tzum\ngl&#252;ck",
        "schl&#xfc;ssel\tzum\ngl&#xfc;ck",
        "schl&#xFC;ssel\tzum\ngl&#xFC;ck",
        "schl&uuml;ssel\tzum\ngl&uuml;ck",
        "schl%FCssel%09zum%0Agl%FCck",
        "schl%C3%BCssel%09zum%0Agl%C3%BCck",
    ] {
        assert_eq!(text(&patterns, &format!("<{encoded}>")), "<[A]>", "{encoded}");
    }
}

#[test]
fn basic_credentials() {
    let patterns = patterns(&[b"correct-horse-battery"]);
    for user in ["u", "us", "use", "user@example.com"] {
        let header = STANDARD.encode(format!("{user}:correct-horse-battery"));
        assert!(text(&patterns, &header).contains("[A]"), "{user}");
    }
}

#[test]
fn base64_in_lines() {
    let value: Vec<u8> = (0..120).map(|number| b'!' + (number * 7 % 90) as u8).collect();
    let encoded = STANDARD.encode(&value);
    let wrapped: Vec<&str> = [&encoded[..76], &encoded[76..152]].to_vec();
    let out = text(&patterns(&[&value]), &wrapped.join("\n"));
    // The second line is found by what the first one does not hold: a span of two matches, and no break in it.
    assert_eq!(out, "[A]");
}

#[test]
fn base64_with_a_line_break_inside_of_the_value() {
    let value = "correct-horse-battery-staple";
    let patterns = patterns(&[value.as_bytes()]);
    for (before, width, end) in [(40, 76, "\n"), (41, 76, "\r\n"), (42, 64, "\n"), (30, 64, "\r\n"), (38, 76, "\n")] {
        let encoded = STANDARD.encode(format!("{}{value}{}", "x".repeat(before), "y".repeat(70)));
        let lines: Vec<&str> =
            encoded.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
        let wrapped = lines.join(end) + end;
        let out = text(&patterns, &wrapped);
        assert!(out.contains(&format!("{end}[A]")), "{out}");
        let once = text(&patterns, &encoded);
        assert_eq!(out.replace(end, ""), once, "as without line breaks");
        // Not behind a line of another length.
        let shorter = wrapped.replacen(end, &format!(".{end}"), 1);
        assert_eq!(text(&patterns, &shorter).contains("[A]"), once.find("[A]") > Some(width));
    }
}

#[test]
fn lines_of_a_key_without_its_armour() {
    let lines = ["MIIEvQIBADANBgkqhkiG9w0BAQEFAASC", "BKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj", "c2hvcnQ="];
    let armour = |word: &str| format!("-----{word} {} KEY-----", "PRIVATE");
    let pem = format!("{}\n{}\n{}\n", armour("BEGIN"), lines.join("\n"), armour("END"));
    let patterns = patterns(&[pem.as_bytes()]);
    assert_eq!(text(&patterns, &pem), "[A]\n");
    for line in lines {
        assert_eq!(text(&patterns, &format!("  {line}\r\n")), "  [A]\r\n");
    }
    assert_eq!(text(&patterns, &lines.concat()), "[A]");
    assert_eq!(text(&patterns, &pem.trim().replace('\n', "\\n")), "[A]");
    assert_eq!(text(&patterns, &armour("BEGIN")), armour("BEGIN"));
}

#[test]
fn forms_do_not_explode() {
    let count = |value: &str| {
        let patterns = patterns(&[value.as_bytes()]);
        patterns.inner().layers.iter().map(|layer| layer.len()).sum::<usize>()
    };
    assert!(count("q8Zr2nYt5LxW0sVd7KfB") <= 40, "{}", count("q8Zr2nYt5LxW0sVd7KfB"));
    assert!(count("q8Zr-2nYt_5LxW.0sVd~7KfB") <= 44, "{}", count("q8Zr-2nYt_5LxW.0sVd~7KfB"));
    assert!(count("q8/Zr+2nYt5LxW0sVd7K==") <= 80, "{}", count("q8/Zr+2nYt5LxW0sVd7K=="));
    assert!(count(r#"it's <a> & "b" \c$ 100%"#) <= 200, "{}", count(r#"it's <a> & "b" \c$ 100%"#));
}
