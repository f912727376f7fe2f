//! Services that give out tokens, when they hang, or answer what is no token.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::net::TcpListener;
use std::time::{Duration, Instant};

use tegmen_secret::SecretBytes;
use tegmen_testing::Http;
use tegmen_vault::identity::{AzureService, azure, gcp, github};
use tegmen_vault::{Error, ErrorKind};

fn fails<T>(result: Result<T, Error>) -> Error {
    let Err(error) = result else { panic!("this must fail") };
    assert!(matches!(error.kind, ErrorKind::NoIdentity { .. }) && !error.next.is_empty());
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    error
}

fn bearer() -> SecretBytes {
    SecretBytes::from("hunter2-of-the-run".to_owned())
}

#[test]
fn what_is_no_token_is_not_sent_to_vault() {
    let too_long = "x".repeat(10 << 20);
    for body in ["", "<html>hunter2</html>", "{}", "{\"value\": 3}", "{\"value\": \"hunter2\\nx\"}", "null", &too_long]
    {
        let text = body.to_owned();
        let service = Http::start(move |_, _| (200, text.clone())).unwrap();
        let host = service.address.trim_start_matches("http://").to_owned();
        fails(github(&service.address, &bearer(), Some("vault")));
        fails(azure(&AzureService::Machine(Some(service.address.clone())), "https://management.azure.com/", None));
        // Google's is the token itself.
        if body.is_empty() || body.len() > 1 << 20 {
            fails(gcp(Some(&host), "role"));
        }
    }
}

#[test]
fn refused_is_not_asked_again_and_busy_is() {
    for (status, asked) in [(401, 1), (404, 1), (302, 1), (429, 3), (500, 3)] {
        let service = Http::start(move |_, _| (status, "hunter2".to_owned())).unwrap();
        let error = fails(github(&service.address, &bearer(), None));
        assert!(error.to_string().contains(&format!("status {status}")), "{error}");
        assert_eq!(service.seen().len(), asked, "{status}");
    }
}

#[test]
fn a_service_that_hangs() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let begin = Instant::now();
    let error = fails(github(&address, &bearer(), None));
    assert!(error.to_string().contains("no answer within 10 s"), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(40), "{:?}", begin.elapsed());
}
