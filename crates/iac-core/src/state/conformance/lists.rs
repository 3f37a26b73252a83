//! The answers of `list`, to the one who wrote and to others.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::client::{Client, Ground, shown, together};

pub(super) async fn a_list_of_nothing_is_empty(ground: Ground) -> Result<(), String> {
    let client = ground.client().await?;
    for prefix in ["", "journal/", "no/such/folder/", "part"] {
        client.lists(&ground.key(prefix), &[], "before any write").await?;
    }
    Ok(())
}

pub(super) async fn a_list_has_its_prefix_and_order(ground: Ground) -> Result<(), String> {
    let client = ground.client().await?;
    // Not written in their order.
    for name in ["j/2", "k", "j/10", "a", "j/1", "J/1", "j.x", "j-x", "j/1.b/c"] {
        client.make(&ground.key(name), name.as_bytes()).await?;
    }
    let cases: [(&str, &[&str]); 8] = [
        ("", &["J/1", "a", "j-x", "j.x", "j/1", "j/1.b/c", "j/10", "j/2", "k"]),
        ("j", &["j-x", "j.x", "j/1", "j/1.b/c", "j/10", "j/2"]),
        ("j/", &["j/1", "j/1.b/c", "j/10", "j/2"]),
        ("j/1", &["j/1", "j/1.b/c", "j/10"]),
        ("j/1.", &["j/1.b/c"]),
        ("j/2", &["j/2"]),
        ("k", &["k"]),
        ("l", &[]),
    ];
    for (prefix, names) in cases {
        let expected: Vec<String> = names.iter().map(|name| ground.key(name)).collect();
        client.lists(&ground.key(prefix), &expected, "after create").await?;
    }
    Ok(())
}

pub(super) async fn siblings_are_not_mixed_up(ground: Ground) -> Result<(), String> {
    let client = ground.client().await?;
    // Of the folder itself as well: stacks may be called `prod` and `prod-2`.
    let other = format!("{}-2", ground.folder);
    for name in ["a/b", "ab/b", "a-/b", "a.b/b"] {
        client.make(&ground.key(name), b"x").await?;
        client.make(&format!("{other}/{name}"), b"y").await?;
    }
    let of =
        |folder: &str, names: &[&str]| -> Vec<String> { names.iter().map(|name| format!("{folder}/{name}")).collect() };
    let all = ["a-/b", "a.b/b", "a/b", "ab/b"];
    for folder in [&ground.folder, &other] {
        let when = "with a sibling beside it";
        client.lists(&format!("{folder}/"), &of(folder, &all), when).await?;
        client
            .lists(&format!("{folder}/a/"), &of(folder, &["a/b"]), when)
            .await?;
        client.lists(&format!("{folder}/a"), &of(folder, &all), when).await?;
    }
    let both = [of(&other, &all), of(&ground.folder, &all)].concat();
    client.lists(&ground.folder, &both, "without a slash").await
}

pub(super) async fn a_list_sees_what_others_wrote(ground: Ground) -> Result<(), String> {
    let [one, two, three] = ground.clients().await?;
    let mut expected = Vec::new();
    for number in 10..22 {
        let (writer, reader) = if number % 2 == 0 { (&one, &two) } else { (&two, &one) };
        let key = ground.key(&format!("j/{number}"));
        let etag = writer.make(&key, b"x").await?;
        expected.push(key.clone());
        reader
            .lists(&ground.key("j/"), &expected, "right after another client's create")
            .await?;
        reader.holds(&key, b"x", "right after another client's create").await?;
        writer.replace(&key, b"y", &etag).await?;
        three
            .holds(&key, b"y", "right after another client's put_if_match")
            .await?;
        if number % 3 == 0 {
            writer.delete(&key).await?;
            expected.pop();
            let when = "right after another client's delete";
            reader.lists(&ground.key("j/"), &expected, when).await?;
            three.holds_nothing(&key, when).await?;
        }
    }
    Ok(())
}

pub(super) async fn deleted_keys_are_not_listed(ground: Ground) -> Result<(), String> {
    let [one, two] = ground.clients().await?;
    let keys: Vec<String> = (0..6).map(|number| ground.key(&format!("j/{number}"))).collect();
    for key in &keys {
        one.make(key, b"x").await?;
    }
    for (gone, key) in keys.iter().enumerate() {
        one.delete(key).await?;
        for client in [&one, &two] {
            client
                .lists(&ground.key("j/"), &keys[gone + 1..], "after delete")
                .await?;
        }
    }
    one.make(&keys[2], b"again").await?;
    two.lists(&ground.key(""), &keys[2..3], "after create of a deleted key")
        .await
}

pub(super) async fn a_list_is_complete(ground: Ground) -> Result<(), String> {
    let [one, two] = ground.clients().await?;
    let number = ground.listed_keys;
    let keys: Vec<String> = (0..number).map(|n| ground.key(&format!("j/{n:06}"))).collect();
    let writes = keys.clone().into_iter().map(|key| {
        let client = one.clone();
        async move { client.make(&key, key.as_bytes()).await }
    });
    let writes = stream::iter(writes).buffer_unordered(16);
    writes.try_for_each(|_| async { Ok(()) }).await?;
    let when = format!("after {number} keys were created");
    for client in [&one, &two] {
        client.lists(&ground.key("j/"), &keys, &when).await?;
    }
    // The middle of it, as one who reads on from a snapshot does.
    let middle = keys.iter().filter(|key| key.contains("j/00001"));
    let middle: Vec<String> = middle.cloned().collect();
    two.lists(&ground.key("j/00001"), &middle, &when).await
}

/// The number of keys that are written while others list.
const WRITTEN: usize = 40;

pub(super) async fn a_list_during_writes_is_whole(ground: Ground) -> Result<(), String> {
    let [writer, reader] = ground.clients().await?;
    let value = vec![b'v'; 8 * 1024];
    let standing: Vec<String> = (0..8).map(|n| ground.key(&format!("j/{:03}", n * 10))).collect();
    for key in &standing {
        writer.make(key, &value).await?;
    }
    let (done, is_done) = tokio::sync::watch::channel(());
    let writes = {
        let (ground, value) = (ground.clone(), value.clone());
        tokio::spawn(async move {
            let _done = done;
            for n in 0..WRITTEN {
                writer.make(&ground.key(&format!("j/{n:03}x")), &value).await?;
            }
            Ok::<(), String>(())
        })
    };
    loop {
        let last = is_done.has_changed().is_err();
        let listed = reader.list(&ground.key("j/")).await?;
        if let Some(key) = standing.iter().find(|key| !listed.contains(key)) {
            return Err(format!(
                "{key:?} was there all along, but a list while others wrote missed it"
            ));
        }
        let strange = |key: &&String| !standing.contains(key) && !key.ends_with('x');
        if let Some(key) = listed.iter().find(strange) {
            return Err(format!("a list while others wrote gave {key:?}, which nobody wrote"));
        }
        together(
            listed
                .into_iter()
                .map(|key| is_whole(reader.clone(), key, value.clone())),
        )
        .await?;
        if last {
            break;
        }
    }
    match writes.await {
        Ok(result) => result,
        Err(error) => Err(format!("the client panicked: {error}")),
    }
}

/// Whoever sees a key in a list can read its value.
async fn is_whole(client: Client, key: String, value: Vec<u8>) -> Result<(), String> {
    match client.read(&key).await? {
        Some(object) if object.bytes == value => Ok(()),
        Some(object) => Err(format!("{key:?} was listed, but holds {}", shown(&object.bytes))),
        None => Err(format!("{key:?} was listed, but a read after that gave nothing")),
    }
}
