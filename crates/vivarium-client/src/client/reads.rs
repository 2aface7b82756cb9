//! Requests that read.

use super::{Children, ChildrenPage, Client, Node, children, mismatch, node};
use crate::error::Error;
use client_core::{
    ClientError, ClientRequest, MultiReadOp, PageEnd, PartError, PartResponse, Response,
};
use zk_types::{Acl, ErrorCode, Identity, Stat};

/// Names of one page.
const PAGE_NAMES: usize = 10_000;

/// The most children that are listed without pages: names may be long.
const UNPAGED_NAMES: i32 = 256;

impl Client {
    /// The Stat of a node, `None` if there is none.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn exists(&self, path: &str) -> Result<Option<Stat>, Error> {
        let request = ClientRequest::Exists {
            path: path.to_owned(),
            watch: None,
        };
        let Response::Exists(stat) = self.ask("exists", path, request).await? else {
            mismatch()
        };
        Ok(stat)
    }

    /// Reads a node.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn get_data(&self, path: &str) -> Result<Node, Error> {
        let request = ClientRequest::GetData {
            path: path.to_owned(),
            watch: None,
        };
        self.ask("get_data", path, request).await.map(node)
    }

    /// Lists the children of a node.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn get_children(&self, path: &str) -> Result<Children, Error> {
        let request = ClientRequest::GetChildren {
            path: path.to_owned(),
            watch: None,
        };
        self.ask("get_children", path, request).await.map(children)
    }

    /// Lists the children of a node, however many: in pages, where they are many and the server
    /// knows pages. A child that exists all the time is listed once.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn get_many_children(&self, path: &str) -> Result<Children, Error> {
        let stat = self.exists(path).await?;
        let many = stat.is_some_and(|stat| stat.num_children > UNPAGED_NAMES);
        if !many || !self.knows_children_pages().await? {
            return self.get_children(path).await;
        }
        let mut page = self.get_children_page(path, PAGE_NAMES, None).await?;
        let mut names = page.names;
        while let Some(end) = page.end {
            page = self.get_children_page(path, PAGE_NAMES, Some(end)).await?;
            names.append(&mut page.names);
        }
        Ok(Children {
            names,
            stat: page.stat,
        })
    }

    /// Lists some children of a node: `names_max`, or fewer where the answer would be too long,
    /// and then the others that the last one's transaction created. Only for servers that
    /// [know pages](Client::knows_children_pages); others end the connection.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn get_children_page(
        &self,
        path: &str,
        names_max: usize,
        after: Option<PageEnd>,
    ) -> Result<ChildrenPage, Error> {
        let request = ClientRequest::GetChildrenPage {
            path: path.to_owned(),
            names_max,
            after,
        };
        // A server takes it only on a connection that has asked what it knows.
        self.knows_children_pages().await?;
        let mut answer = self.ask("get_children_page", path, request.clone()).await;
        if matches!(&answer, Err(error) if error.code() == Some(ErrorCode::Unimplemented)) {
            // The connection that had asked was lost just before.
            self.knows_children_pages().await?;
            answer = self.ask("get_children_page", path, request).await;
        }
        let Response::Page { names, stat, end } = answer? else {
            mismatch()
        };
        Ok(ChildrenPage { names, stat, end })
    }

    /// Whether the server lists children in pages.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn knows_children_pages(&self) -> Result<bool, Error> {
        let asked = self
            .ask("features", "", ClientRequest::ServerFeatures)
            .await;
        match asked.map(node) {
            Ok(node) => Ok(node
                .data
                .split(|&byte| byte == b'\n')
                .any(|line| line == b"children-pages")),
            Err(Error {
                cause: ClientError::Server(ErrorCode::NoNode | ErrorCode::NoAuth),
                ..
            }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads a node's access list.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn get_acl(&self, path: &str) -> Result<(Vec<Acl>, Stat), Error> {
        let request = ClientRequest::GetAcl {
            path: path.to_owned(),
        };
        let Response::Acl { acl, stat } = self.ask("get_acl", path, request).await? else {
            mismatch()
        };
        Ok((acl, stat))
    }

    /// Catches the server up with its leader: what follows sees all that was written before.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn sync(&self, path: &str) -> Result<(), Error> {
        let request = ClientRequest::Sync {
            path: path.to_owned(),
        };
        self.ask("sync", path, request).await.map(drop)
    }

    /// Several reads; each succeeds or fails for itself.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn multi_read(
        &self,
        ops: Vec<MultiReadOp>,
    ) -> Result<Vec<Result<PartResponse, PartError>>, Error> {
        let Response::Multi(parts) = self
            .ask("multi_read", "", ClientRequest::MultiRead(ops))
            .await?
        else {
            mismatch()
        };
        Ok(parts)
    }

    /// Paths of this session's ephemeral nodes that begin with `prefix`; `/` for all.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn get_ephemerals(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let request = ClientRequest::GetEphemerals {
            prefix: prefix.to_owned(),
        };
        let Response::Ephemerals(paths) = self.ask("get_ephemerals", prefix, request).await? else {
            mismatch()
        };
        Ok(paths)
    }

    /// How many nodes are below a node.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn get_all_children_number(&self, path: &str) -> Result<i32, Error> {
        let request = ClientRequest::GetAllChildrenNumber {
            path: path.to_owned(),
        };
        let Response::Number(number) = self.ask("get_all_children_number", path, request).await?
        else {
            mismatch()
        };
        Ok(number)
    }

    /// The identities of the connection.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn who_am_i(&self) -> Result<Vec<Identity>, Error> {
        let Response::WhoAmI(identities) = self.ask("who_am_i", "", ClientRequest::WhoAmI).await?
        else {
            mismatch()
        };
        Ok(identities)
    }
}
