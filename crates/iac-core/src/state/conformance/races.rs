//! Several clients, one key, at the same time.

use futures::FutureExt as _;
use tokio::time::Instant;

use super::client::{Client, Ground, shown, together};
use crate::state::{Created, Etag, Put};

/// The number of clients that write at the same time.
const WRITERS: usize = 8;

/// The number of times that a race is run: many go well by chance.
const ROUNDS: usize = 12;

pub(super) async fn of_many_creates_one_wins(ground: Ground) -> Result<(), String> {
    let clients: [Client; WRITERS] = ground.clients().await?;
    for round in 0..ROUNDS {
        let key = ground.key(&format!("race-{round}"));
        let value = |writer: usize| format!("{writer} ").repeat(1000 + writer).into_bytes();
        let attempts = clients.iter().cloned().enumerate().map(|(writer, client)| {
            let (key, value) = (key.clone(), value(writer));
            async move { Ok((writer, client.create(&key, &value).await?)) }
        });
        let results = together(attempts).await?;
        let winners: Vec<usize> = results
            .iter()
            .filter(|(_, result)| matches!(result, Created::Created(_)))
            .map(|(writer, _)| *writer)
            .collect();
        let [winner] = winners[..] else {
            return Err(format!(
                "{} of {WRITERS} creates of {key:?} at the same time were told that they made it; expected one",
                winners.len()
            ));
        };
        clients[0]
            .holds(&key, &value(winner), "after a race of creates that another value lost")
            .await?;
    }
    Ok(())
}

pub(super) async fn of_many_puts_one_wins(ground: Ground) -> Result<(), String> {
    let clients: [Client; WRITERS] = ground.clients().await?;
    let key = ground.key("race");
    let mut etag = clients[0].make(&key, b"first").await?;
    for round in 0..ROUNDS {
        let value = |writer: usize| format!("{round}.{writer}").repeat(100).into_bytes();
        let attempts = clients.iter().cloned().enumerate().map(|(writer, client)| {
            let (key, value, etag) = (key.clone(), value(writer), etag.clone());
            async move { Ok((writer, client.put(&key, &value, &etag).await?)) }
        });
        let results = together(attempts).await?;
        let winners: Vec<(usize, Etag)> = results
            .into_iter()
            .filter_map(|(writer, result)| match result {
                Put::Done(etag) => Some((writer, etag)),
                Put::Mismatch => None,
            })
            .collect();
        let [(winner, next)] = &winners[..] else {
            return Err(format!(
                "{} of {WRITERS} put_if_match of {key:?} with the same etag were done; expected one",
                winners.len()
            ));
        };
        let when = "after a race of put_if_match that another value lost";
        let seen = clients[0].holds(&key, &value(*winner), when).await?;
        if seen != *next {
            return Err(format!("the etag of {key:?} is not the one that its last write gave"));
        }
        etag = seen;
    }
    Ok(())
}

/// The number of times that each writer adds one.
const STEPS: u64 = 10;

pub(super) async fn a_counter_loses_no_step(ground: Ground) -> Result<(), String> {
    let clients: [Client; 4] = ground.clients().await?;
    let key = ground.key("counter");
    let first = clients[0].clone();
    first.make(&key, b"0").await?;
    let writers = clients.map(|client| {
        let key = key.clone();
        async move {
            for _ in 0..STEPS {
                count_on(&client, &key).await?;
            }
            Ok(())
        }
    });
    let expected = STEPS * u64::try_from(together(writers).await?.len()).unwrap_or(0);
    first
        .holds(&key, expected.to_string().as_bytes(), "after all had counted on")
        .await
        .map(drop)
}

/// Adds one by compare-and-replace, as often as others are quicker.
async fn count_on(client: &Client, key: &str) -> Result<(), String> {
    loop {
        let Some(object) = client.read(key).await? else {
            return Err(format!("{key:?} is gone, though nobody deleted it"));
        };
        let text = std::str::from_utf8(&object.bytes).ok();
        let Some(number) = text.and_then(|text| text.parse::<u64>().ok()) else {
            return Err(format!("{key:?} holds {}; expected a number", shown(&object.bytes)));
        };
        let next = (number + 1).to_string();
        if let Put::Done(_) = client.put(key, next.as_bytes(), &object.etag).await? {
            return Ok(());
        }
    }
}

/// The number of rounds of this race that have no delay.
const AT_ONCE: u32 = 4;

/// The number of rounds of this race that have a delay of their own.
const DELAYED: u32 = 20;

pub(super) async fn a_put_does_not_bring_back_what_is_deleted(ground: Ground) -> Result<(), String> {
    let [one, two, three] = ground.clients().await?;
    // Large, so that a client which looks at it before it writes is at that for a while.
    let value = vec![b'v'; ground.largest.min(512 * 1024)];
    let key = ground.key("alone");
    let etag = one.make(&key, &value).await?;
    let begin = Instant::now();
    one.replace(&key, b"put", &etag).await?;
    let duration = begin.elapsed();
    for round in 0..AT_ONCE + DELAYED {
        // Spread over the time that a replacement takes, since nobody knows when in it a client looks.
        let delay = duration * round.saturating_sub(AT_ONCE) / DELAYED;
        let key = ground.key(&format!("race-{round}"));
        let etag = one.make(&key, &value).await?;
        let put = {
            let (client, key) = (one.clone(), key.clone());
            async move { client.put(&key, b"put", &etag).await.map(drop) }.boxed()
        };
        let delete = {
            let (client, key) = (two.clone(), key.clone());
            async move {
                if !delay.is_zero() {
                    tokio::time::sleep(delay).await;
                }
                client.delete(&key).await
            }
            .boxed()
        };
        // Each of them begins in half of the rounds.
        let both = if round % 2 == 0 { [put, delete] } else { [delete, put] };
        together(both).await?;
        // Whichever came first: a put before is deleted, and a put after finds nothing.
        let when = "after a delete at the same time as a put_if_match";
        three.holds_nothing(&key, when).await?;
    }
    Ok(())
}

pub(super) async fn a_read_during_writes_is_whole(ground: Ground) -> Result<(), String> {
    let [writer, one, two] = ground.clients().await?;
    let key = ground.key("value");
    let value = |number: usize| vec![b'a' + u8::try_from(number % 20).unwrap_or(0); 1 + number * 7919 % 60_000];
    let mut etag = writer.make(&key, &value(0)).await?;
    let (done, is_done) = tokio::sync::watch::channel(());
    let readers = [one, two].map(|client| {
        let (key, is_done) = (key.clone(), is_done.clone());
        tokio::spawn(async move {
            while is_done.has_changed().is_ok() {
                let Some(object) = client.read(&key).await? else {
                    return Err(format!("{key:?} was read as nothing while it was replaced"));
                };
                let first = object.bytes.first().copied();
                let number = first.map_or(0, |first| usize::from(first.saturating_sub(b'a')));
                let of_one = object.bytes.iter().all(|byte| Some(*byte) == first);
                let whole = (0..3).any(|more| 1 + (number + 20 * more) * 7919 % 60_000 == object.bytes.len());
                if !of_one || !whole {
                    return Err(format!(
                        "a read while {key:?} was replaced gave {}, which nobody wrote",
                        shown(&object.bytes)
                    ));
                }
            }
            Ok(())
        })
    });
    let mut result = Ok(());
    for number in 1..60 {
        match writer.replace(&key, &value(number), &etag).await {
            Ok(next) => etag = next,
            Err(error) => {
                result = Err(error);
                break;
            }
        }
    }
    drop(done);
    for reader in readers {
        let read = reader.await.map_err(|error| format!("the client panicked: {error}"))?;
        result = result.and(read);
    }
    result
}
