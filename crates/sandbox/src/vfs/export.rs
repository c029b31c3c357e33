//! The output folder at the end of a run.

use std::path::Path;

use super::{Error, Kind, NodeId, Tree, content::Left, import::OUTPUT};
use crate::{Fault, ResultFile};

impl Tree {
    /// What the app left in `IEXEC_OUT`: small files as they are in memory; others are moved to `target`, an empty folder on
    /// the file system of the scratch folder. Names were checked when they were made, and there are no links.
    pub(crate) fn export(&mut self, target: &Path) -> Result<Vec<ResultFile>, Fault> {
        let output = self.lookup(NodeId::ROOT, OUTPUT).map_err(lost)?;
        let mut files = Vec::new();
        self.export_folder(output, "", target, &mut files)?;
        Ok(files)
    }

    fn export_folder(
        &mut self,
        folder: NodeId,
        prefix: &str,
        target: &Path,
        files: &mut Vec<ResultFile>,
    ) -> Result<(), Fault> {
        let children: Vec<_> = self
            .children(folder)
            .map_err(lost)?
            .clone()
            .into_iter()
            .collect();
        for (name, id) in children {
            let path = format!("{prefix}{name}");
            match &mut self.node_mut(id).map_err(lost)?.kind {
                Kind::File(content) => {
                    files.push(match content.export(&target.join(&path))? {
                        Left::Bytes(bytes) => ResultFile::held(path, bytes),
                        Left::Moved(bytes) => ResultFile::lying(path, bytes),
                    });
                }
                Kind::Folder(_) => self.export_folder(id, &(path + "/"), target, files)?,
            }
        }
        Ok(())
    }
}

fn lost(error: Error) -> Fault {
    Fault::Engine(format!("the tree of the app is broken: {error:?}"))
}
