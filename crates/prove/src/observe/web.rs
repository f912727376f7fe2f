//! Locust's web UI, as anybody who reaches it sees it: every page and every asset, several times, from another origin too.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tegmen_findings::proof::{Channel, Protection, Spot, lapse};

use crate::ledger::Ledger;

/// What every version of Locust has. Others, and those of extensions, the test's own process names.
const PAGES: [&str; 11] = [
    "/",
    "/stats/requests",
    "/stats/requests/csv",
    "/stats/requests_full_history/csv",
    "/stats/failures/csv",
    "/stats/report?theme=dark",
    "/stats/report?download=1",
    "/exceptions",
    "/exceptions/csv",
    "/logs",
    "/tasks",
];

const PAUSE: Duration = Duration::from_millis(900);
const LONGEST: u64 = 32 * 1024 * 1024;
/// How many assets are fetched: a page that names more is not Locust's.
const MOST: usize = 60;

/// Looks at everything again and again, until `over`: at the script's own pages first, for a test may end before the
/// others are through. Under protection a page of another origin gets no answer. A page of the script that was never
/// answered is named.
pub fn watch(ledger: &Ledger, port: u16, protection: Protection, over: &AtomicBool) {
    let mut assets: BTreeSet<String> = BTreeSet::new();
    let mut fetched: BTreeSet<String> = BTreeSet::new();
    let mut answered: BTreeSet<String> = BTreeSet::new();
    while !over.load(Ordering::Acquire) {
        let mut pages: Vec<String> = of_the_script(ledger).into_keys().collect();
        let mut others: BTreeSet<String> = PAGES.iter().map(|page| (*page).to_owned()).collect();
        others.extend(ledger.state().pages.iter().filter(|(_, spot)| spot.is_none()).map(|(page, _)| page.clone()));
        pages.extend(others);
        for page in pages.into_iter().filter(|page| !is_doing(page)) {
            for origin in [None, Some("https://elsewhere.example")] {
                let Some(answer) = get(port, &page, origin) else { continue };
                if origin.is_some() && protection == Protection::On && is_given(&answer) {
                    let seen = format!("{page} was answered to a page of another origin");
                    ledger.state().lapses.entry(lapse::WEB_ORIGIN).or_insert(seen);
                }
                ledger.look(Channel::WebUi, &page, &answer);
                if page == "/" {
                    assets.extend(links(&answer));
                }
                answered.insert(page.clone());
            }
        }
        for asset in assets.iter().take(MOST) {
            if !fetched.contains(asset)
                && let Some(answer) = get(port, asset, None)
            {
                fetched.insert(asset.clone());
                ledger.look(Channel::WebUi, asset, &answer);
            }
        }
        super::pause(over, PAUSE);
    }
    for (page, spot) in of_the_script(ledger).into_iter().filter(|(page, _)| !answered.contains(page)) {
        ledger.state().unwatched.insert(format!("the page {page} answers, which was not asked, or not in time"), spot);
    }
}

/// The pages that the script adds, and where.
fn of_the_script(ledger: &Ledger) -> BTreeMap<String, Spot> {
    let state = ledger.state();
    state.pages.iter().filter_map(|(page, spot)| Some((page.clone(), spot.clone()?))).collect()
}

/// Pages that do something when they are looked at.
fn is_doing(page: &str) -> bool {
    ["stop", "reset", "swarm", "logout", "quit"].iter().any(|word| page.contains(word))
}

/// Whether the answer gives what was asked for.
fn is_given(answer: &[u8]) -> bool {
    answer.get(..12).is_some_and(|line| line.starts_with(b"HTTP/1.") && line.ends_with(b" 200"))
}

fn links(page: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(page);
    let mut links = Vec::new();
    for attribute in ["src=\"", "href=\""] {
        for rest in text.split(attribute).skip(1) {
            let link = rest.split('"').next().unwrap_or_default();
            let link = link.strip_prefix("./").map_or_else(|| link.to_owned(), |link| format!("/{link}"));
            if link.starts_with('/') && !link.starts_with("//") {
                links.push(link);
            }
        }
    }
    links
}

/// Everything that comes back, head and body; `None` while nobody listens.
fn get(port: u16, path: &str, origin: Option<&str>) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let origin = origin.map(|origin| format!("Origin: {origin}\r\n")).unwrap_or_default();
    let request = format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n{origin}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    // What came until the server broke off counts.
    let _ = stream.take(LONGEST).read_to_end(&mut answer);
    (!answer.is_empty()).then_some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_its_assets() {
        let page = br#"<script src="./assets/a.js"></script><link href="/b.css"><a href="https://x.example/">"#;
        assert_eq!(links(page), ["/assets/a.js", "/b.css"]);
        assert!(is_given(b"HTTP/1.1 200 OK\r\n") && !is_given(b"HTTP/1.1 403 FORBIDDEN\r\n") && !is_given(b""));
        assert!(is_doing("/stats/reset") && !is_doing("/stats/requests"));
    }
}
