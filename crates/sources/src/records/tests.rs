//! What is read as records, and what a mistake in them says.

use super::*;
use crate::manifest::Manifest;

fn spec(more: &str) -> PoolSpec {
    let secret = if more.contains("secret_fields") { "" } else { "secret_fields = [\"password\"]\n" };
    let text = format!("[pools.shoppers]\nsource = \"file:x\"\n{secret}{more}\n");
    Manifest::parse(std::path::Path::new("tegmen.toml"), &text).unwrap().pools.remove("shoppers").unwrap()
}

fn read(more: &str, text: &str) -> Result<Records, String> {
    Records::read(&spec(more), text.as_bytes()).map_err(|error| format!("{}; {}", error.why, error.next))
}

/// Each record as `name=value …`, JSON marked by a `~`.
fn shown(records: &Records) -> Vec<String> {
    let field = |field: &RecordField| {
        let mark = if field.is_text { "=" } else { "~" };
        format!("{}{mark}{}", field.name, field.value.expose_str().unwrap())
    };
    let record = |number| records.get(number).unwrap().fields.iter().map(field).collect::<Vec<_>>().join(" ");
    (0..records.len()).map(record).collect()
}

#[test]
fn every_way_of_writing_records_down() {
    let two = ["user=ann password=a, \"b\"", "user=bob password=ü"];
    for text in [
        "user,password\nann,\"a, \"\"b\"\"\"\nbob,ü\n",
        "\u{FEFF}user,password\r\nann,\"a, \"\"b\"\"\"\r\nbob,ü",
        "user;password\nann;a, \"b\"\nbob;ü\n\n",
        "user\tpassword\nann\t\"a, \"\"b\"\"\"\nbob\tü\n",
        r#"[{"user": "ann", "password": "a, \"b\""}, {"user": "bob", "password": "\u00fc"}]"#,
        "\u{FEFF} {\"user\": \"ann\", \"password\": \"a, \\\"b\\\"\"}\n{\"user\": \"bob\", \"password\": \"ü\"}\n",
        r#"{"records": [{"user": "ann", "password": "a, \"b\""}, {"user": "bob", "password": "ü"}]}"#,
    ] {
        assert_eq!(shown(&read("", text).unwrap()), two, "{text}");
    }
    let map = r#"{"ann": {"password": "a, \"b\""}, "bob": {"user": "bob", "password": "ü"}}"#;
    assert_eq!(shown(&read("key = \"user\"", map).unwrap()), two);
    let pairs = r#"{"ann": "a, \"b\"", "bob": "ü"}"#;
    assert_eq!(shown(&read("key = \"user\"\nvalue = \"password\"", pairs).unwrap()), two);
    let list = r#"["a", "b"]"#;
    assert_eq!(shown(&read("value = \"password\"", list).unwrap()), ["password=a", "password=b"]);
    let kinds = r#"[{"id": 7, "password": "p", "tags": ["x", {"y": null}], "on": true}]"#;
    assert_eq!(shown(&read("", kinds).unwrap()), ["id~7 password=p tags~[\"x\", {\"y\": null}] on~true"]);
}

#[test]
fn the_fields_of_a_path() {
    let field = |name: &str, value: &str, is_text| (name.to_owned(), SecretBytes::from(value.to_owned()), is_text);
    let of = |more: &str, fields: &[_]| shown(&Records::of_fields(&spec(more), fields).ok().unwrap());
    let list = r#"[{"user": "ann", "password": "p"}]"#;
    for is_text in [true, false] {
        assert_eq!(of("", &[field("all", list, is_text)]), ["user=ann password=p"]);
        let record = field("ann", r#"{"password": "p"}"#, is_text);
        assert_eq!(of("", &[record, field("bob", r#"{"password": "q"}"#, is_text)]).len(), 2);
    }
    let pair = [field("ann", "{not json", true), field("b\"b", "12", false)];
    let pairs = of("value = \"password\"", &pair);
    assert_eq!(pairs, ["name=ann password={not json", "name=b\"b password~12"]);
}

#[test]
fn a_share_is_every_nth() {
    let text = "password\n0\n1\n2\n3\n4\n5\n6\n";
    let mut all = Vec::new();
    for part in 1..=3 {
        let records = read(&format!("share = \"{part}/3\""), text).unwrap();
        assert_eq!(records.total(), 7);
        all.extend(shown(&records));
    }
    all.sort();
    assert_eq!(all, (0..7).map(|number| format!("password={number}")).collect::<Vec<_>>());
    assert_eq!(
        read("share = \"3/3\"", "password\na\n").unwrap_err(),
        "its 1 records are fewer than there are shares; divide them into fewer shares, or write more records"
    );
}

#[test]
fn mistakes_are_told_without_a_value() {
    for (text, told) in [
        ("", "it has no record; write at least one"),
        ("user,password\n", "it has no record"),
        (
            "user,passwort\nann,hunter2\n",
            "no record has the field `password` of `secret_fields`; did you mean `passwort`?",
        ),
        ("user,password\nann,hunter2,hunter2\n", "record 1 has 3 fields, and the first line names 2"),
        ("user,password,\nann,hunter2,\n", "field 3 of the first line has no name"),
        ("user,password\nann,\"hunter2\n", "no record"),
        ("[{\"password\": \"hunter2\"}, {\"user\": \"x\"}]", "1 of 2 records have no field `password`"),
        ("[{\"password\": \"hunter2\"}, {\"password\": hunter2}]", "no JSON that holds records, at record 2 (line 1,"),
        ("[{\"password\": \"hunter2\"}", "no JSON that holds records"),
    ] {
        let error = read("", text).err().unwrap_or_default();
        assert!(error.contains(told) || (told == "no record" && error.is_empty()), "{text:?}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    let long = format!("user,password\nann,{}\n", "x".repeat(LONGEST));
    assert!(read("", &long).unwrap_err().starts_with("record 1 is longer than 32 KiB"));
    let records = read("", "user,password\nann,hunter2-hunter2\nbob,12345\ncid,\n").unwrap();
    assert_eq!((records.short(), format!("{records:?}").contains("hunter2")), (1, false));
}
