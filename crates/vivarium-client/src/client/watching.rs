//! Requests that set and remove watches.

use super::{Children, Client, Node, children, mismatch, node};
use crate::Watch;
use crate::error::Error;
use client_core::{AddWatchMode, ClientRequest, Response, Watcher, WatcherType};
use zk_types::Stat;

impl Client {
    /// As [`Client::exists`], with a watch on the node's next creation, deletion or change of data.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn exists_and_watch(&self, path: &str) -> Result<(Option<Stat>, Watch), Error> {
        let watch = Some(Watcher::Own);
        let request = ClientRequest::Exists {
            path: path.to_owned(),
            watch,
        };
        let (Response::Exists(stat), watch) = self.ask_and_watch("exists", path, request).await?
        else {
            mismatch()
        };
        Ok((stat, watch))
    }

    /// As [`Client::get_data`], with a watch on the node's next change of data or deletion.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn get_data_and_watch(&self, path: &str) -> Result<(Node, Watch), Error> {
        let watch = Some(Watcher::Own);
        let request = ClientRequest::GetData {
            path: path.to_owned(),
            watch,
        };
        let (response, watch) = self.ask_and_watch("get_data", path, request).await?;
        Ok((node(response), watch))
    }

    /// As [`Client::get_children`], with a watch on the next change of the list, or the node's
    /// deletion.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn get_children_and_watch(&self, path: &str) -> Result<(Children, Watch), Error> {
        let watch = Some(Watcher::Own);
        let request = ClientRequest::GetChildren {
            path: path.to_owned(),
            watch,
        };
        let (response, watch) = self.ask_and_watch("get_children", path, request).await?;
        Ok((children(response), watch))
    }

    /// Sets a watch that stays until it is dropped; the node need not exist.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn add_watch(&self, path: &str, mode: AddWatchMode) -> Result<Watch, Error> {
        let watcher = Watcher::Own;
        let request = ClientRequest::AddWatch {
            path: path.to_owned(),
            mode,
            watcher,
        };
        Ok(self.ask_and_watch("add_watch", path, request).await?.1)
    }

    /// Removes all watches of a kind that this client has on a node; their streams end.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn remove_watches(&self, path: &str, kind: WatcherType) -> Result<(), Error> {
        let request = ClientRequest::RemoveWatches {
            path: path.to_owned(),
            kind,
        };
        self.ask("remove_watches", path, request).await.map(drop)
    }

    /// Asks whether the server knows of watches; [`zk_types::ErrorCode::NoWatcher`] if not.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn check_watches(&self, path: &str, kind: WatcherType) -> Result<(), Error> {
        let request = ClientRequest::CheckWatches {
            path: path.to_owned(),
            kind,
        };
        self.ask("check_watches", path, request).await.map(drop)
    }
}
