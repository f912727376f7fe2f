//! The names of a closed world: every host name has an address, and from the address it is known which name was asked for.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, UdpSocket},
    sync::{Arc, Mutex, PoisonError},
};

use tegmen_wire::names::Question;

/// Names and their addresses. Clones are the same.
#[derive(Clone)]
pub struct Names {
    known: Arc<Mutex<HashMap<String, u32>>>,
    first: u32,
}

/// 198.18.0.0/15 is for tests of networks (RFC 2544): no host of anybody's.
const FIRST: u32 = 0xC612_0001;
/// Of 127.0.0.0/8 every address is this machine's (RFC 1122), also where the network is that of everybody.
const FIRST_OF_LOOPBACK: u32 = 0x7F40_0001;
const ROOM: u32 = 0x1_FFF0;
const SERVERS: u16 = 53;

impl Default for Names {
    fn default() -> Self {
        Self { known: Arc::default(), first: FIRST }
    }
}

impl Names {
    /// Names whose addresses are addresses of this machine in any network.
    pub fn of_this_machine() -> Self {
        Self { first: FIRST_OF_LOOPBACK, ..Self::default() }
    }

    /// The address that stands for what a client is about to dial, a name or an address.
    pub fn stand_in(&self, host: &str) -> Ipv4Addr {
        match host.parse::<IpAddr>().map(|address| address.to_canonical()) {
            Ok(address) if address.is_loopback() || address.is_unspecified() => match address {
                IpAddr::V4(own) if self.name(address).is_some() => own,
                _ => Ipv4Addr::LOCALHOST,
            },
            _ => self.address(host),
        }
    }

    /// Answers questions for names on the usual port, as long as the process lives.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub fn serve(&self) -> std::io::Result<()> {
        let socket = UdpSocket::bind(("::", SERVERS)).or_else(|_| UdpSocket::bind(("0.0.0.0", SERVERS)))?;
        let names = self.clone();
        std::thread::Builder::new().name("names".to_owned()).spawn(move || {
            let mut question = [0; 1500];
            // A socket that has failed for good ends the thread; nobody is misled by that.
            while let Ok((count, from)) = socket.recv_from(&mut question) {
                if let Some(answer) = names.answer(&question[..count]) {
                    let _ = socket.send_to(&answer, from);
                }
            }
        })?;
        Ok(())
    }

    /// The address of a name; a new one where nobody has asked for it before.
    pub fn address(&self, name: &str) -> Ipv4Addr {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        if name == "localhost" || name.ends_with(".localhost") {
            return Ipv4Addr::LOCALHOST;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let next = known.len() as u32 % ROOM;
        Ipv4Addr::from(self.first + *known.entry(name).or_insert(next))
    }

    /// The name that has that address.
    pub fn name(&self, address: IpAddr) -> Option<String> {
        let IpAddr::V4(address) = address.to_canonical() else { return None };
        let number = u32::from(address).checked_sub(self.first)?;
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|(_, other)| **other == number).map(|(name, _)| name.clone())
    }

    /// The answer to a question: every name has an address.
    fn answer(&self, question: &[u8]) -> Option<Vec<u8>> {
        let question = Question::read(question)?;
        Some(question.answer(Some(&[self.address(&question.name).into()])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_address_and_the_address_one_name() {
        let names = Names::default();
        let mut question = vec![7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        question.extend(b"\x04Shop\x07example\x03com\x00\x00\x01\x00\x01");
        let answer = names.answer(&question).unwrap();
        assert_eq!(answer[..2], [7, 9]);
        let address: [u8; 4] = answer[answer.len() - 4..].try_into().unwrap();
        let address = IpAddr::from(address);
        assert_eq!(names.name(address).as_deref(), Some("shop.example.com"));
        assert_eq!(IpAddr::from(names.address("shop.example.com.")), address);
        assert_eq!(names.address("localhost"), Ipv4Addr::LOCALHOST);
        assert!(names.answer(&question[..20]).is_none());
    }

    #[test]
    fn what_is_dialled_stays_on_this_machine() {
        let names = Names::of_this_machine();
        let shop = names.stand_in("shop.example.com");
        assert!(shop.is_loopback() && shop != Ipv4Addr::LOCALHOST);
        assert_eq!(names.stand_in(&shop.to_string()), shop);
        for own in ["127.0.0.1", "localhost", "::1", "0.0.0.0", "127.9.9.9"] {
            assert_eq!(names.stand_in(own), Ipv4Addr::LOCALHOST, "{own}");
        }
        let elsewhere = names.stand_in("10.1.2.3");
        assert!(elsewhere.is_loopback());
        assert_eq!(names.name(elsewhere.into()).as_deref(), Some("10.1.2.3"));
    }
}
