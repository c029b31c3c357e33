//! Adding to somebody else's store, and checking that it understood.

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use cid::{Cid, Version};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use reqwest::{
    Body,
    multipart::{Form, Part},
};
use serde::Deserialize;
use url::Url;

use super::{ANSWER, Remote, bounded, recount::Tree};
use crate::{AddOptions, Added, Error, Layout, Limits, Result, address, disk, folder, parse_cid};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Line {
    name: String,
    hash: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Put {
    key: String,
}

/// The CID of what passes by.
type Witness = Arc<Mutex<Option<Tree>>>;

impl Remote {
    /// Adds a file. The CID is computed here, and compared with the one the node gives.
    ///
    /// # Errors
    ///
    /// [`Error::Unverified`] when the node computes another CID, [`Error::Input`] or
    /// [`Error::Http`] when the stream or the connection fails, [`Error::Refused`] when the node
    /// does.
    pub async fn add_file<S>(&self, stream: S, options: AddOptions) -> Result<Added>
    where
        S: Stream<Item = io::Result<Bytes>> + Send + 'static,
    {
        let (part, witness) = witnessed(stream, options.layout);
        let lines = self
            .post(
                Form::new().part("file", part.file_name("file")),
                options,
                false,
            )
            .await?;
        let added = conclude(&witness)?;
        self.compare(lines.last(), &added.cid)?;
        Ok(added)
    }

    /// Adds a file that is in memory.
    ///
    /// # Errors
    ///
    /// As [`Remote::add_file`].
    pub async fn add_bytes(
        &self,
        bytes: impl Into<Bytes> + Send,
        options: AddOptions,
    ) -> Result<Added> {
        self.add_file(stream::iter([Ok(bytes.into())]), options)
            .await
    }

    /// Adds a local file, or a folder with the files in it; empty folders are left out. Gives the
    /// CID.
    ///
    /// # Errors
    ///
    /// As [`Remote::add_file`] and [`crate::Store::add_path`].
    pub async fn add_path(&self, path: &Path, options: AddOptions) -> Result<Cid> {
        let about = tokio::fs::metadata(path)
            .await
            .map_err(|error| Error::file(path, error))?;
        if about.is_file() {
            return self
                .add_file(disk::open(path).await?, options)
                .await
                .map(|added| added.cid);
        }
        let (mut form, mut witnesses) = (Form::new(), Vec::new());
        for entry in disk::files(path) {
            let (name, at) = entry?;
            Limits::check(
                witnesses.len() as u64 + 1,
                self.limits.entries as u64,
                "entries of one upload",
            )?;
            // Opened when its turn comes: a process has few files to open at once.
            let opened = async move { disk::open(&at).await.map_err(io::Error::other) };
            let (part, witness) = witnessed(stream::once(opened).try_flatten(), options.layout);
            let encoded =
                percent_encoding::utf8_percent_encode(&name, percent_encoding::NON_ALPHANUMERIC)
                    .to_string();
            form = form.part("file", part.file_name(encoded));
            witnesses.push((name, witness));
        }
        let lines = self.post(form, options, true).await?;
        let files = witnesses
            .into_iter()
            .map(|(name, witness)| Ok((name, conclude(&witness)?)));
        let root = folder::root_of(options.layout, &files.collect::<Result<Vec<_>>>()?)?;
        self.compare(lines.iter().find(|line| line.name.is_empty()), &root)?;
        Ok(root)
    }

    /// Adds one block of dag-pb, such as a folder whose entries the node has, and pins it with all it links to.
    ///
    /// # Errors
    ///
    /// As [`Remote::add_file`]; [`Error::Refused`] when the node lacks something that it links to.
    pub async fn add_folder_block(&self, block: impl Into<Bytes> + Send) -> Result<Cid> {
        let block = block.into();
        let cid = address::of(address::Codec::DAG_PB, &block)?;
        let mut url = self.address("api/v0/block/put")?;
        url.query_pairs_mut()
            .append_pair("cid-codec", "dag-pb")
            .append_pair("pin", "true");
        let size = block.len() as u64;
        let part = Part::stream_with_length(block, size).file_name("block");
        let form = Form::new().part("data", part);
        let response = self
            .send(&url, self.client.post(url.clone()).multipart(form))
            .await?;
        let body = bounded(&url, response, ANSWER).await?;
        let given = serde_json::from_slice::<Put>(&body).ok();
        let same = given.is_some_and(|put| parse_cid(&put.key).is_ok_and(|key| key == cid));
        let url = self.url.to_string();
        if same {
            Ok(cid)
        } else {
            Err(Error::Unverified { url, cid })
        }
    }

    async fn post(&self, form: Form, options: AddOptions, wrap: bool) -> Result<Vec<Line>> {
        let url = self.add_url(options, wrap)?;
        let response = self
            .send(&url, self.client.post(url.clone()).multipart(form))
            .await?;
        let limit = ANSWER.max(self.limits.entries.saturating_mul(512));
        let body = bounded(&url, response, limit).await?;
        let lines = body
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        let parsed = lines
            .map(serde_json::from_slice)
            .collect::<Result<Vec<Line>, _>>();
        parsed.map_err(|error| Error::Refused {
            url: url.to_string(),
            status: 200,
            message: error.to_string(),
        })
    }

    fn add_url(&self, options: AddOptions, wrap: bool) -> Result<Url> {
        let mut url = self.address("api/v0/add")?;
        let version = if options.layout.version == Version::V0 {
            "0"
        } else {
            "1"
        };
        url.query_pairs_mut()
            .append_pair("stream-channels", "true")
            .append_pair("progress", "false")
            .append_pair("cid-version", version)
            .append_pair("raw-leaves", &options.layout.raw_leaves.to_string())
            .append_pair("pin", &options.pin.to_string())
            .append_pair("wrap-with-directory", &wrap.to_string());
        Ok(url)
    }

    fn compare(&self, line: Option<&Line>, cid: &Cid) -> Result<()> {
        let same = line.is_some_and(|line| parse_cid(&line.hash).is_ok_and(|given| given == *cid));
        if same {
            Ok(())
        } else {
            Err(Error::Unverified {
                url: self.url.to_string(),
                cid: *cid,
            })
        }
    }
}

fn witnessed<S>(stream: S, layout: Layout) -> (Part, Witness)
where
    S: Stream<Item = io::Result<Bytes>> + Send + 'static,
{
    let witness: Witness = Arc::new(Mutex::new(Some(Tree::new(layout))));
    let seen = witness.clone();
    // Pinned apart, so that the body is `Sync` whatever the stream is.
    let stream = Mutex::new(stream.boxed());
    let body = stream::poll_fn(move |cx| {
        let next = stream
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .poll_next_unpin(cx);
        if let (std::task::Poll::Ready(Some(Ok(bytes))), Some(tree)) = (
            &next,
            seen.lock().unwrap_or_else(PoisonError::into_inner).as_mut(),
        ) {
            tree.push(bytes);
        }
        next
    });
    (Part::stream(Body::wrap_stream(body)), witness)
}

fn conclude(witness: &Witness) -> Result<Added> {
    let tree = witness
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    let added = tree.map(Tree::finish).transpose()?.flatten();
    added.ok_or_else(|| Error::Internal("an upload without a root".to_owned()))
}
