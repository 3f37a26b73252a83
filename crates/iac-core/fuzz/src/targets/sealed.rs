//! Sealed values and wrapped keys: nothing opens that was not sealed so, and anything may stand there.

use iac_core::state::WrappedKey;

use super::folder::KEYS;

/// The input is tried as a sealed value, as a wrapped key, and as a place and a secret.
pub fn sealed(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let vault = &KEYS.vault;
    assert!(vault.open_text("place", text).is_err(), "nobody sealed that");
    let wrapped = WrappedKey::from(text.to_owned());
    let _ = wrapped.needs_passphrase();
    assert!(
        wrapped.unwrap_with_identity(&KEYS.identity()).is_err(),
        "nobody wrapped that"
    );
    let (place, secret) = text.split_once('\n').unwrap_or((text, ""));
    let sealed = vault.seal_text(place, &secret.into()).expect("random bytes");
    let opened = vault.open_text(place, &sealed);
    assert_eq!(opened.ok().map(|opened| opened.expose() == secret), Some(true));
    assert!(
        vault.open_text(&format!("{place} "), &sealed).is_err(),
        "it is of another place"
    );
}
