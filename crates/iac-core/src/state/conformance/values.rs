//! One client, one key: what is written, replaced and removed.

use std::collections::BTreeMap;

use super::client::{Client, Ground, together};
use crate::state::{Created, Etag};

pub(super) async fn nothing_is_read_as_nothing(ground: Ground) -> Result<(), String> {
    let client = ground.client().await?;
    for key in ["never", "never/there.json"] {
        client.holds_nothing(&ground.key(key), "before any write").await?;
    }
    Ok(())
}

pub(super) async fn what_was_created_is_read(ground: Ground) -> Result<(), String> {
    let [one, two] = ground.clients().await?;
    let key = ground.key("a");
    let etag = one.make(&key, b"value").await?;
    for client in [&one, &two] {
        let seen = client.holds(&key, b"value", "after create").await?;
        same(&seen, &etag, "read and create")?;
    }
    Ok(())
}

pub(super) async fn values_hold_any_bytes(ground: Ground) -> Result<(), String> {
    let client = ground.client().await?;
    let every: Vec<u8> = (0..=255).collect();
    let values: [(&str, &[u8]); 6] = [
        ("empty", b""),
        ("zero", &[0]),
        ("every", &every),
        ("lines", b"\r\n\n \r"),
        ("quotes", br#"'";--\%s${x}"#),
        ("not-text", &[0xff, 0xfe, 0xc0, 0x80]),
    ];
    for (name, value) in values {
        let key = ground.key(name);
        client.make(&key, value).await?;
        let etag = client.holds(&key, value, "after create").await?;
        client.replace(&key, b"other", &etag).await?;
        let etag = client.holds(&key, b"other", "after put_if_match").await?;
        client.replace(&key, value, &etag).await?;
        client.holds(&key, value, "after put_if_match").await?;
    }
    Ok(())
}

pub(super) async fn values_may_be_large(ground: Ground) -> Result<(), String> {
    let client = ground.client().await?;
    let key = ground.key("large");
    // Not the same all over, so that a part in the wrong place is seen.
    let value = |salt: u32| -> Vec<u8> {
        let word = |n: u32| n.wrapping_mul(2_654_435_761).wrapping_add(salt).to_le_bytes();
        (0..).flat_map(word).take(ground.largest).collect()
    };
    let (first, second) = (value(1), value(2));
    let etag = client.make(&key, &first).await?;
    client.holds(&key, &first, "after create").await?;
    let etag = client.replace(&key, &second, &etag).await?;
    client.holds(&key, &second, "after put_if_match").await?;
    let etag = client.replace(&key, b"small", &etag).await?;
    client.holds(&key, b"small", "after a smaller value was put").await?;
    client.replace(&key, &first, &etag).await?;
    client.holds(&key, &first, "after a larger value was put").await?;
    client.delete(&key).await?;
    client.holds_nothing(&key, "after delete").await
}

pub(super) async fn create_leaves_what_is_there(ground: Ground) -> Result<(), String> {
    let [one, two] = ground.clients().await?;
    let key = ground.key("a");
    let etag = one.make(&key, b"first").await?;
    for client in [&one, &two] {
        for value in [b"second".as_slice(), b"first", b""] {
            if client.create(&key, value).await? != Created::Exists {
                return Err(format!("create of {key:?}, which holds a value, did not give Exists"));
            }
        }
        let seen = client.holds(&key, b"first", "after a second create").await?;
        same(&seen, &etag, "read and create")?;
    }
    Ok(())
}

pub(super) async fn put_replaces_what_is_expected(ground: Ground) -> Result<(), String> {
    let [one, two] = ground.clients().await?;
    let key = ground.key("a");
    let mut etag = one.make(&key, b"first").await?;
    for value in [b"second, and longer".as_slice(), b"3", b"", b"again"] {
        // With the etag that the write before gave, from the other client.
        etag = two.replace(&key, value, &etag).await?;
        let seen = one.holds(&key, value, "after put_if_match").await?;
        same(&seen, &etag, "read and put_if_match")?;
        // And with the one that read gives.
        etag = one.replace(&key, &[value, b"+".as_slice()].concat(), &seen).await?;
    }
    Ok(())
}

pub(super) async fn put_with_a_stale_etag_is_refused(ground: Ground) -> Result<(), String> {
    let [one, two] = ground.clients().await?;
    let key = ground.key("a");
    let first = one.make(&key, b"first").await?;
    let second = one.replace(&key, b"second", &first).await?;
    for client in [&one, &two] {
        client.refused(&key, &first, "the etag of an earlier value").await?;
        let seen = client.holds(&key, b"second", "after a refused put_if_match").await?;
        same(&seen, &second, "read and the last put_if_match that was done")?;
    }
    let third = two.replace(&key, b"third", &second).await?;
    one.refused(&key, &second, "the etag of an earlier value").await?;
    one.refused(&key, &first, "the etag of an earlier value").await?;
    one.replace(&key, b"fourth", &third).await.map(drop)
}

pub(super) async fn put_with_a_strange_etag_is_refused(ground: Ground) -> Result<(), String> {
    let client = ground.client().await?;
    let (key, other) = (ground.key("a"), ground.key("b"));
    client.make(&key, b"value").await?;
    let others = client.make(&other, b"another value").await?;
    let strange = ["", "*", "0", "\"", "a/b", "nothing"].map(|text| Etag(text.to_owned()));
    for etag in strange.iter().chain([&others]) {
        client.refused(&key, etag, "an etag that it never had").await?;
        client.holds(&key, b"value", "after a refused put_if_match").await?;
    }
    Ok(())
}

pub(super) async fn put_on_nothing_is_refused(ground: Ground) -> Result<(), String> {
    let client = ground.client().await?;
    let (key, other) = (ground.key("a"), ground.key("b"));
    let etag = client.make(&other, b"value").await?;
    for etag in [&etag, &Etag("*".into()), &Etag(String::new())] {
        client.refused(&key, etag, "any etag, where nothing is,").await?;
        client.holds_nothing(&key, "after a refused put_if_match").await?;
    }
    client.delete(&other).await?;
    client.refused(&other, &etag, "the etag of what was deleted").await?;
    client.holds_nothing(&other, "after a refused put_if_match").await
}

pub(super) async fn etags_tell_contents_apart(ground: Ground) -> Result<(), String> {
    let client = ground.client().await?;
    let key = ground.key("a");
    // Of one length, and alike to those who look at the length, the beginning or the end.
    let value = |number: u8| [b"begin".as_slice(), &[number; 3], b"end"].concat();
    let mut etag = client.make(&key, &value(0)).await?;
    let mut seen = BTreeMap::from([(etag.0.clone(), 0)]);
    for number in 1..12 {
        etag = client.replace(&key, &value(number), &etag).await?;
        if let Some(before) = seen.insert(etag.0.clone(), number) {
            return Err(format!(
                "values {before} and {number} of {key:?} differ but have the same etag {:?}",
                etag.0
            ));
        }
    }
    Ok(())
}

pub(super) async fn etags_stay_while_contents_stay(ground: Ground) -> Result<(), String> {
    let [one, two] = ground.clients().await?;
    let key = ground.key("a");
    let created = one.make(&key, b"value").await?;
    one.make(&ground.key("b"), b"value").await?;
    for client in [&one, &two, &one] {
        let seen = client.holds(&key, b"value", "while nobody writes it").await?;
        same(&seen, &created, "two reads with no write between")?;
    }
    let put = two.replace(&key, b"other", &created).await?;
    for client in [&one, &two, &one] {
        let seen = client.holds(&key, b"other", "while nobody writes it").await?;
        same(&seen, &put, "two reads with no write between")?;
    }
    Ok(())
}

pub(super) async fn delete_removes_and_may_be_repeated(ground: Ground) -> Result<(), String> {
    let [one, two] = ground.clients().await?;
    let (key, beside) = (ground.key("a"), ground.key("ab"));
    one.delete(&key).await?;
    one.make(&beside, b"stays").await?;
    one.make(&key, b"value").await?;
    two.delete(&key).await?;
    one.holds_nothing(&key, "after delete").await?;
    one.delete(&key).await?;
    two.delete(&key).await?;
    two.holds_nothing(&key, "after delete").await?;
    two.holds(&beside, b"stays", "after another key was deleted")
        .await
        .map(drop)
}

pub(super) async fn a_deleted_key_is_free_again(ground: Ground) -> Result<(), String> {
    let [one, two] = ground.clients().await?;
    let key = ground.key("a");
    let first = one.make(&key, b"first").await?;
    one.delete(&key).await?;
    let second = two.make(&key, b"second").await?;
    one.holds(&key, b"second", "after delete and create").await?;
    one.refused(&key, &first, "the etag from before it was deleted").await?;
    one.replace(&key, b"third", &second).await?;
    two.holds(&key, b"third", "after put_if_match").await.map(drop)
}

pub(super) async fn keys_are_compared_byte_by_byte(ground: Ground) -> Result<(), String> {
    let client = ground.client().await?;
    let long = "l".repeat(200);
    let deep = ["d"; 40].join("/");
    let names = [
        "a-b",
        "a_b",
        "a.b",
        "a/b",
        "A-B",
        "ab",
        "a--b",
        "a.b.json",
        "0",
        "00",
        "x-",
        "x_",
        "x.",
        "azAZ09._-",
        "con.",
        "a-b.c_d/E.f-0_",
        "key/head",
        "key/data-0",
        &long,
        &deep,
    ];
    let written = names.map(|name| {
        let (client, key) = (client.clone(), ground.key(name));
        async move { client.make(&key, key.as_bytes()).await }
    });
    together(written).await?;
    let mut keys = names.map(|name| ground.key(name)).to_vec();
    keys.sort();
    client.lists(&ground.key(""), &keys, "after create").await?;
    let check = |client: Client, key: String| async move {
        client.holds(&key, key.as_bytes(), "after create").await?;
        client.delete(&key).await
    };
    together(keys.into_iter().map(|key| check(client.clone(), key))).await?;
    client.lists(&ground.key(""), &[], "after all were deleted").await
}

fn same(one: &Etag, other: &Etag, which: &str) -> Result<(), String> {
    if one == other {
        return Ok(());
    }
    Err(format!("{which} gave different etags: {:?} and {:?}", one.0, other.0))
}
