//! AWS IAM: a request to STS that says who we are, signed and not sent. Vault sends it, and believes the answer.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use tegmen_secret::SecretBytes;
use zeroize::Zeroizing;

use super::text;
use crate::answer::object;
use crate::error::{Error, ErrorKind};

const BODY: &str = "Action=GetCallerIdentity&Version=2011-06-15";
const CONTENT_TYPE: &str = "application/x-www-form-urlencoded; charset=utf-8";
/// The region of the endpoint that has none in its name.
const GLOBAL: &str = "us-east-1";

/// What requests to AWS are signed with.
pub struct AwsKeys {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: SecretBytes,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: SecretBytes,
    /// `AWS_SESSION_TOKEN`, of temporary keys.
    pub session_token: Option<SecretBytes>,
}

/// A signed request, its parts in base64 as Vault wants them.
pub struct AwsRequest {
    pub(super) url: String,
    pub(super) body: String,
    pub(super) headers: SecretBytes,
}

impl AwsKeys {
    /// Signs a request for the identity of these keys: to the endpoint of the region, or without one to the global one, which
    /// is the one that Vault passes it on to unless it is set up otherwise. `server_id` is the value of
    /// `X-Vault-AWS-IAM-Server-ID`, so that the request is good for that Vault alone.
    ///
    /// # Errors
    /// When a key or name is no text that a header can have, or the clock is before 1970.
    pub fn sign(&self, region: Option<&str>, server_id: Option<&str>, now: SystemTime) -> Result<AwsRequest, Error> {
        let wrong = |what: &str, next: &str| Error::new(ErrorKind::Settings(what.to_owned()), next.to_owned());
        if region.is_some_and(|region| !is_region(region)) {
            return Err(wrong("`region` is not the name of a region of AWS", "write one such as eu-central-1"));
        }
        let host = match region {
            None => "sts.amazonaws.com".to_owned(),
            Some(region) if region.starts_with("cn-") => format!("sts.{region}.amazonaws.com.cn"),
            Some(region) => format!("sts.{region}.amazonaws.com"),
        };
        let region = region.unwrap_or(GLOBAL);
        let seconds = now
            .duration_since(UNIX_EPOCH)
            .map_err(|_| wrong("the clock of this machine is before 1970", "set the clock"))?
            .as_secs();
        let (date, time) = stamp(seconds);

        let key_id = text(&self.access_key_id, "access key of AWS")?.trim();
        let length = BODY.len().to_string();
        // Sorted by name, as the signature wants them.
        let mut headers = vec![
            ("content-length", length.as_str()),
            ("content-type", CONTENT_TYPE),
            ("host", host.as_str()),
            ("x-amz-date", time.as_str()),
        ];
        if let Some(token) = &self.session_token {
            headers.push(("x-amz-security-token", text(token, "session token of AWS")?.trim()));
        }
        if let Some(server_id) = server_id {
            headers.push(("x-vault-aws-iam-server-id", server_id.trim()));
        }
        let in_one_line = |text: &str| !text.is_empty() && text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        if !in_one_line(key_id) || headers.iter().any(|(_, value)| !in_one_line(value)) {
            return Err(wrong(
                "a key of AWS, or `server_id`, is empty or has characters that no header can have",
                "check the AWS_ variables and `server_id` under auth",
            ));
        }
        let signed = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let mut canonical = Zeroizing::new(String::from("POST\n/\n\n"));
        for (name, value) in &headers {
            canonical.push_str(&format!("{name}:{}\n", spaced(value)));
        }
        canonical.push_str(&format!("\n{signed}\n{}", hex(&Sha256::digest(BODY))));
        let scope = format!("{date}/{region}/sts/aws4_request");
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(&Sha256::digest(canonical.as_bytes())));

        let secret = text(&self.secret_access_key, "secret key of AWS")?.trim();
        let mut key = Zeroizing::new(format!("AWS4{secret}").into_bytes());
        for part in [date.as_str(), region, "sts", "aws4_request"] {
            key = hmac(&key, part)?;
        }
        let signature = hex(&hmac(&key, &to_sign)?);
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={signed}, Signature={signature}");
        headers.push(("authorization", &authorization));
        let json = object(&headers);
        Ok(AwsRequest {
            url: STANDARD.encode(format!("https://{host}/")),
            body: STANDARD.encode(BODY),
            headers: SecretBytes::from(STANDARD.encode(json.as_slice())),
        })
    }
}

fn is_region(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Runs of blanks count as one.
fn spaced(value: &str) -> String {
    value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

fn hmac(key: &[u8], text: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    // A key of any length will do.
    let mut mac = Hmac::<Sha256>::new_from_slice(key)
        .map_err(|_| Error::new(ErrorKind::Settings("no signature for AWS".into()), "check the keys of AWS"))?;
    mac.update(text.as_bytes());
    Ok(Zeroizing::new(mac.finalize().into_bytes().to_vec()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `20260131` and `20260131T235959Z`.
fn stamp(seconds: u64) -> (String, String) {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Days since 1 March 0000, in eras of 400 years: <https://howardhinnant.github.io/date_algorithms.html>.
    let day = days + 719_468;
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day_of_month = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let date = format!("{year:04}{month:02}{day_of_month:02}");
    let time = format!("{date}T{:02}{:02}{:02}Z", rest / 3600, rest / 60 % 60, rest % 60);
    (date, time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (seconds, expected) in [
            (0, "19700101T000000Z"),
            (951_782_399, "20000228T235959Z"),
            (951_782_400, "20000229T000000Z"),
            (1_740_787_199, "20250228T235959Z"),
            (4_107_542_400, "21000301T000000Z"),
        ] {
            assert_eq!(stamp(seconds).1, expected);
        }
    }

    #[test]
    fn what_no_header_can_have_is_refused() {
        let secret = |text: &str| SecretBytes::from(text.to_owned());
        let keys =
            |id: &str| AwsKeys { access_key_id: secret(id), secret_access_key: secret("hunter2"), session_token: None };
        let now = UNIX_EPOCH + std::time::Duration::from_secs(1_760_000_000);
        assert!(keys("AKID").sign(None, None, now).is_ok());
        assert!(keys("AKID\nx").sign(None, None, now).is_err());
        assert!(keys("AKID").sign(Some("evil.example/"), None, now).is_err());
        assert!(keys("AKID").sign(None, Some("a\r\nb"), now).is_err());
        assert!(keys("AKID").sign(None, None, UNIX_EPOCH - std::time::Duration::from_secs(1)).is_err());
    }
}
