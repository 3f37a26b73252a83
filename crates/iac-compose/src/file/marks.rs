//! `!reset` and `!override`: what a file makes of the files before it.

use super::tree::{Data, Mark, Node, Path};

/// Takes the marked nodes out of a tree, as far as they go, and gives the paths below which the files before do not count.
pub(super) fn take(tree: &mut Node) -> Vec<Path> {
    let mut paths = Vec::new();
    walk(tree, &Path::root(), &mut paths);
    paths
}

fn walk(node: &mut Node, path: &Path, paths: &mut Vec<Path>) {
    match &mut node.data {
        Data::Map(map) => {
            map.retain(|key, value| {
                if value.mark != Mark::None {
                    paths.push(path.key(key));
                }
                value.mark != Mark::Reset
            });
            let open = map.iter_mut().filter(|(_, value)| value.mark == Mark::None);
            open.for_each(|(key, value)| walk(value, &path.key(key), paths));
        }
        Data::List(items) => {
            items.retain(|item| item.mark != Mark::Reset);
            for (index, item) in items.iter_mut().enumerate() {
                walk(item, &path.item(index), paths);
            }
        }
        _ => {}
    }
}

/// Forgets what a tree says at these paths.
pub(super) fn forget(tree: &mut Node, paths: &[Path]) {
    for path in paths {
        let mut node = &mut *tree;
        let Some((last, before)) = path.parts().split_last() else {
            continue;
        };
        let mut parts = before.iter();
        loop {
            match (parts.next(), &mut node.data) {
                (None, Data::Map(map)) => {
                    map.remove(last);
                    break;
                }
                (Some(key), Data::Map(map)) => match map.get_mut(key) {
                    Some(next) => node = next,
                    None => break,
                },
                _ => break,
            }
        }
    }
}
