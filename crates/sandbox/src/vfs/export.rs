//! The output folder at the end of a run.

use std::{fs, path::Path};

use super::{Error, Kind, NodeId, Tree, import::OUTPUT};
use crate::Fault;

impl Tree {
    /// Moves what the app left in `IEXEC_OUT` to `target`, an empty folder on the file system of the scratch folder. Names
    /// were checked when they were made, and there are no links.
    pub(crate) fn export(&mut self, target: &Path) -> Result<(), Fault> {
        let output = self.lookup(NodeId::ROOT, OUTPUT).map_err(lost)?;
        self.export_folder(output, target)
    }

    fn export_folder(&mut self, folder: NodeId, target: &Path) -> Result<(), Fault> {
        let children: Vec<_> = self
            .children(folder)
            .map_err(lost)?
            .clone()
            .into_iter()
            .collect();
        for (name, id) in children {
            let path = target.join(name);
            match &mut self.node_mut(id).map_err(lost)?.kind {
                Kind::File(content) => content.export(path)?,
                Kind::Folder(_) => {
                    fs::create_dir(&path).map_err(Fault::disk(&path))?;
                    self.export_folder(id, &path)?;
                }
            }
        }
        Ok(())
    }
}

fn lost(error: Error) -> Fault {
    Fault::Engine(format!("the tree of the app is broken: {error:?}"))
}
