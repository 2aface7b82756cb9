//! Whole subtrees.

use crate::shell::answer::Answer;
use crate::shell::commands::Call;
use crate::shell::failure::Failure;
use futures::future::join_all;
use serde_json::json;
use vivarium_client::{Client, ErrorCode, MultiError, MultiOp};

/// A node and everything below it: parents before children, children in the order of their names.
///
/// # Errors
/// When a node cannot be listed. One that vanishes meanwhile is left out.
pub(crate) async fn subtree(client: &Client, root: &str) -> Result<Vec<String>, Failure> {
    let mut found = vec![root.to_owned()];
    let mut listed = 0;
    while listed < found.len() {
        let end = found.len().min(listed + LISTS_AT_ONCE);
        let lists = join_all(
            found[listed..end]
                .iter()
                .map(|path| client.get_many_children(path)),
        )
        .await;
        for (index, list) in (listed..end).zip(lists) {
            match list {
                Ok(children) => {
                    let below = children.names.iter().map(|name| join(&found[index], name));
                    let below: Vec<String> = below.collect();
                    found.extend(below);
                }
                Err(error) if error.code() == Some(ErrorCode::NoNode) && index > 0 => {}
                Err(error) => return Err(error.into()),
            }
        }
        listed = end;
    }
    found.sort_by(|a, b| a.split('/').cmp(b.split('/')));
    Ok(found)
}

/// The path of a child.
pub(crate) fn join(parent: &str, name: &str) -> String {
    format!("{}/{name}", parent.trim_end_matches('/'))
}

/// Deletes a node and everything below it, children first, several in each transaction.
pub(crate) async fn delete_all(client: &Client, call: &Call) -> Result<Answer, Failure> {
    let batch = call.option("b").map_or(Ok(BATCH), str::parse::<usize>);
    let batch = batch
        .ok()
        .filter(|batch| *batch > 0)
        .ok_or_else(|| call.spec.misuse())?;
    let root = call.argument(0);
    let mut paths = subtree(client, root).await?;
    paths.retain(|path| !is_of_the_system(path));
    paths.reverse();
    for chunk in paths.chunks(batch) {
        let delete = |path: &String| MultiOp::Delete {
            path: path.clone(),
            version: None,
        };
        let deleted = client.multi(chunk.iter().map(delete).collect()).await;
        match deleted {
            Ok(_) => {}
            // Somebody else deletes here too: one by one, what is left of it.
            Err(MultiError::Part {
                code: ErrorCode::NoNode,
                ..
            }) => {
                for path in chunk {
                    delete_if_there(client, path).await?;
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    let deleted = paths.len();
    Ok(Answer {
        json: json!({ "ok": true, "deleted": deleted }),
        ..Answer::done()
    })
}

async fn delete_if_there(client: &Client, path: &str) -> Result<(), Failure> {
    match client.delete(path, None).await {
        Err(error) if error.code() != Some(ErrorCode::NoNode) => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The root and the nodes that every server has cannot be deleted.
fn is_of_the_system(path: &str) -> bool {
    path == "/" || path == "/zookeeper" || path.starts_with("/zookeeper/")
}

const LISTS_AT_ONCE: usize = 128;
const BATCH: usize = 1_000;
