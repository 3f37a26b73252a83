//! Confirmation of a new data key under the one before, so that who knows an old key follows a rotation and nothing else.
//!
//! Each data key has a link key, which opens nothing but links. A link is the link key of the next data key, sealed under
//! that of the one before. So whoever remembers the link key of any key of the past can go from link to link to the one
//! that is used now; a key that somebody else put there has no link.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use chacha20poly1305::XNonce;
use chacha20poly1305::aead::{Aead, Payload};
use zeroize::Zeroizing;

use super::VaultError;
use super::vault::{NONCE_LENGTH, cipher, mac};
use crate::value::hex;

/// A key that confirms the data key that comes next, and by which a data key is recognised.
#[derive(Clone)]
pub(super) struct LinkKey(pub(super) Zeroizing<[u8; 32]>);

/// The links of a stack: by the number of the key that is confirmed.
pub(super) type Links = BTreeMap<u32, String>;

impl LinkKey {
    /// From what [`text`](Self::text) gives.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(BASE64.decode(text).ok()?);
        let key: [u8; 32] = bytes.as_slice().try_into().ok()?;
        Some(Self(Zeroizing::new(key)))
    }

    /// For a file that only its owner can read.
    pub(super) fn text(&self) -> String {
        BASE64.encode(self.0.as_slice())
    }

    /// Returns the name of the data key for people and pins: it tells nothing of the key.
    pub(super) fn fingerprint(&self) -> String {
        let sum = hex(&mac(self.0.as_slice(), b"iac v2 fingerprint")[..16]);
        let parts: Vec<&str> = (0..4).map(|part| &sum[part * 8..part * 8 + 8]).collect();
        parts.join("-")
    }

    /// The link from this key to the next one, which has this number.
    pub(super) fn link(&self, stack: &str, number: u32, next: &Self) -> Result<String, VaultError> {
        let mut nonce = [0; NONCE_LENGTH];
        getrandom::fill(&mut nonce).map_err(|error| VaultError::Random(error.to_string()))?;
        let payload = Payload {
            msg: next.0.as_slice(),
            aad: &place(stack, number),
        };
        let sealed = cipher(&self.0).encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| VaultError::Form)?;
        Ok(BASE64.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// The next key, if this one made the link to it.
    fn follow(&self, stack: &str, number: u32, link: &str) -> Option<Self> {
        let bytes = BASE64.decode(link).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LENGTH>()?;
        let payload = Payload {
            msg: sealed,
            aad: &place(stack, number),
        };
        let opened = cipher(&self.0).decrypt(&XNonce::from(*nonce), payload).ok()?;
        let opened = Zeroizing::new(opened);
        let key: [u8; 32] = opened.as_slice().try_into().ok()?;
        Some(Self(Zeroizing::new(key)))
    }

    /// True if links lead from this key, which has the number `from`, to `to`, of the number `number`.
    pub(super) fn leads_to(&self, stack: &str, from: u32, links: &Links, number: u32, to: &Self) -> bool {
        let mut at = self.clone();
        if from > number {
            return false;
        }
        for (number, link) in links.range((Bound::Excluded(from), Bound::Included(number))) {
            match at.follow(stack, *number, link) {
                Some(next) => at = next,
                None => return false,
            }
        }
        at.0 == to.0
    }
}

fn place(stack: &str, number: u32) -> Vec<u8> {
    format!("iac v2 link {number} {stack}").into_bytes()
}

impl fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> LinkKey {
        LinkKey(Zeroizing::new([byte; 32]))
    }

    #[test]
    fn links_lead_from_any_key_of_the_past_to_the_newest_and_to_no_other() {
        let keys: Vec<LinkKey> = (1..=4).map(key).collect();
        let mut links = Links::new();
        for number in 2..=4_u32 {
            let (before, next) = (&keys[number as usize - 2], &keys[number as usize - 1]);
            links.insert(number, before.link("prod", number, next).expect("random bytes"));
        }
        for (from, key) in (1..).zip(&keys) {
            assert!(key.leads_to("prod", from, &links, 4, &keys[3]), "from {from}");
            assert!(
                !key.leads_to("dev", from, &links, 4, &keys[3]) || from == 4,
                "another stack's"
            );
            assert!(!key.leads_to("prod", from, &links, 4, &keys[0]), "back from {from}");
        }
        let mut forged = links.clone();
        forged.insert(3, key(9).link("prod", 3, &keys[2]).expect("random bytes"));
        assert!(!keys[0].leads_to("prod", 1, &forged, 4, &keys[3]));
        assert!(
            keys[2].leads_to("prod", 3, &forged, 4, &keys[3]),
            "what is behind counts"
        );
        links.remove(&3);
        assert!(!keys[0].leads_to("prod", 1, &links, 4, &keys[3]));
        assert_eq!(keys[0].fingerprint().len(), 35);
    }
}
