//! This process, as the kernel tells it in `/proc/self/status` (proc_pid_status(5)).

use tegmen_sys::limits;

use super::line;
use crate::facts::{Fact, Process};

const STATUS: &str = "/proc/self/status";

pub(super) fn gather() -> Process {
    let status = Fact::read(STATUS, std::fs::read_to_string(STATUS));
    let field = |name: &str| {
        let find = |text: String| {
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))?;
            Some(value.to_owned())
        };
        status.clone().and_then(find, &format!("{STATUS} has no {name}"))
    };
    let hexadecimal = |name: &str| {
        field(name)
            .and_then(|text| u64::from_str_radix(&text, 16).ok(), &format!("{name} in {STATUS} is not understood"))
    };
    Process {
        uid: Fact::known(tegmen_sys::peer::effective_uid()),
        effective: hexadecimal("CapEff"),
        bounding: hexadecimal("CapBnd"),
        no_new_privs: field("NoNewPrivs").map(|text| text == "1"),
        seccomp: field("Seccomp").and_then(|text| text.parse().ok(), "Seccomp is no number"),
        umask: field("Umask").and_then(|text| u32::from_str_radix(&text, 8).ok(), "Umask is no number"),
        core_limit: Fact::known(limits::core()),
        locked_limit: Fact::known(limits::locked_memory()),
        confinement: confinement(),
    }
}

/// AppArmor and SELinux share this file; it cannot be read where neither is there.
fn confinement() -> Fact<Option<String>> {
    let path = "/proc/self/attr/current";
    match line(path) {
        Ok(text) => {
            let text = text.trim_end_matches('\0').to_owned();
            Fact::known((!text.is_empty() && text != "unconfined" && !text.contains("unconfined_t")).then_some(text))
        }
        // No module that would answer (EINVAL), or no such file.
        Err(error) if matches!(error.raw_os_error(), Some(22)) || error.kind() == std::io::ErrorKind::NotFound => {
            Fact::known(None)
        }
        Err(error) => Fact::read(path, Err(error)),
    }
}
