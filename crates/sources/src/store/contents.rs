//! What is in a store, and its JSON.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use tegmen_secret::SecretBytes;
use zeroize::Zeroizing;

/// The entries of a store by name. Holds values: no `Debug`.
#[derive(Default)]
pub struct Contents(BTreeMap<String, Entry>);

/// An entry of a store.
pub struct Entry {
    value: SecretBytes,
    updated: SystemTime,
}

impl Entry {
    /// The value.
    pub fn value(&self) -> &SecretBytes {
        &self.value
    }

    /// When the value was written, to the second.
    pub fn updated(&self) -> SystemTime {
        self.updated
    }
}

impl Contents {
    /// The entry of this name.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.0.get(name)
    }

    /// All entries, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.0.iter().map(|(name, entry)| (name.as_str(), entry))
    }

    /// Writes a value, as of now. Gives back whether there was one before.
    pub fn set(&mut self, name: &str, value: SecretBytes) -> bool {
        self.0.insert(name.to_owned(), Entry { value, updated: SystemTime::now() }).is_some()
    }

    /// Takes an entry out. Gives back whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        self.0.remove(name).is_some()
    }

    pub(super) fn from_json(json: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Stored {
            value: Option<String>,
            base64: Option<String>,
            #[serde(default)]
            updated: u64,
        }
        let stored: BTreeMap<String, Stored> = serde_json::from_slice(json).ok()?;
        let mut contents = Self::default();
        for (name, Stored { value, base64, updated }) in stored {
            let value = match (value, base64.map(Zeroizing::new)) {
                (Some(text), None) => SecretBytes::from(text),
                (None, Some(text)) => SecretBytes::new(STANDARD.decode(text.as_bytes()).ok()?),
                _ => return None,
            };
            let updated = UNIX_EPOCH.checked_add(Duration::from_secs(updated))?;
            contents.0.insert(name, Entry { value, updated });
        }
        Some(contents)
    }

    pub(super) fn to_json(&self) -> Zeroizing<Vec<u8>> {
        // Room for every byte to be escaped, so that the vector does not grow and leave pieces behind.
        let room: usize = self.0.iter().map(|(name, entry)| 6 * (name.len() + entry.value.len()) + 64).sum();
        let mut json = Zeroizing::new(Vec::with_capacity(room + 2));
        json.push(b'{');
        for (index, (name, entry)) in self.0.iter().enumerate() {
            if index > 0 {
                json.push(b',');
            }
            string(&mut json, name);
            match entry.value.expose_str() {
                Ok(text) => {
                    json.extend_from_slice(b":{\"value\":");
                    string(&mut json, text);
                }
                Err(_) => {
                    json.extend_from_slice(b":{\"base64\":");
                    string(&mut json, &Zeroizing::new(STANDARD.encode(entry.value.expose())));
                }
            }
            let seconds = entry.updated.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
            json.extend_from_slice(format!(",\"updated\":{seconds}}}").as_bytes());
        }
        json.push(b'}');
        json
    }
}

fn string(json: &mut Vec<u8>, text: &str) {
    // Writing into a vector cannot fail.
    let _ = serde_json::to_writer(json, text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_come_back() {
        let values: [&[u8]; 4] = [b"plain", "line 1\nline 2 \u{1F512} \"\\".as_bytes(), b"\xff\x00\xfe", b"\x01\x02"];
        let mut contents = Contents::default();
        for (index, value) in values.iter().enumerate() {
            assert!(!contents.set(&format!("S{index}"), SecretBytes::new(value.to_vec())));
        }
        let json = contents.to_json();
        let read = Contents::from_json(&json).unwrap();
        for (index, value) in values.iter().enumerate() {
            let entry = read.get(&format!("S{index}")).unwrap();
            assert_eq!(entry.value().expose(), *value);
            assert!(entry.updated().elapsed().unwrap() < Duration::from_secs(60));
        }
        assert!(Contents::from_json(b"{\"A\":{}}").is_none() && Contents::from_json(b"[]").is_none());
    }
}
