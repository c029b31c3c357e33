//! The tree at the start of a run.

use std::{collections::HashMap, fs, path::Path};

use super::{Content, Error, Kind, Node, NodeId, START_OF_TIME, Scratch, Stop, Tree};
use crate::{Fault, Limits};

/// Names of the folders under the root.
pub(super) const INPUT: &str = "iexec_in";
pub(super) const OUTPUT: &str = "iexec_out";
pub(super) const TEMPORARY: &str = "tmp";

/// Input files at most: a request names a few, and each has a place in the tree.
const MAX_INPUTS: usize = 100_000;

impl Tree {
    /// The tree over the files in `input`. What the app writes, and is much, lies in `scratch`.
    pub(crate) fn new(input: &Path, scratch: Scratch, limits: &Limits) -> Result<Self, Fault> {
        let root = Node {
            name: String::new(),
            parent: NodeId::ROOT,
            kind: Kind::Folder(Default::default()),
            accessed: START_OF_TIME,
            modified: START_OF_TIME,
            writable: false,
            linked: true,
            handles: 1,
        };
        let mut tree = Self {
            nodes: HashMap::from([(NodeId::ROOT, root)]),
            last: NodeId::ROOT.0,
            scratch,
            limits: limits.clone(),
            files: 0,
            bytes: 0,
            held: 0,
            open: Default::default(),
        };
        let mount = |tree: &mut Self, name, writable| {
            tree.attach(
                NodeId::ROOT,
                name,
                Kind::Folder(Default::default()),
                writable,
            )
            .map_err(fault)
        };
        let inputs = mount(&mut tree, INPUT, false)?;
        mount(&mut tree, OUTPUT, true)?;
        mount(&mut tree, TEMPORARY, true)?;
        tree.import(input, inputs)?;
        Ok(tree)
    }

    /// Adds what is in `host`, in the order of names.
    fn import(&mut self, host: &Path, folder: NodeId) -> Result<(), Fault> {
        let refuse = |path, problem| Err(Fault::Folder { path, problem });
        let entries = fs::read_dir(host).map_err(Fault::disk(host))?;
        let mut entries = entries
            .collect::<Result<Vec<_>, _>>()
            .map_err(Fault::disk(host))?;
        entries.sort_unstable_by_key(fs::DirEntry::file_name);
        if self.nodes.len() + entries.len() > MAX_INPUTS {
            return refuse(host.to_owned(), "it holds too many files");
        }
        for entry in entries {
            let path = entry.path();
            let Ok(name) = entry.file_name().into_string() else {
                return refuse(path, "its name is not UTF-8");
            };
            let metadata = entry.metadata().map_err(Fault::disk(&path))?;
            if metadata.is_dir() {
                let inner = self
                    .attach(folder, &name, Kind::Folder(Default::default()), false)
                    .map_err(fault)?;
                self.import(&path, inner)?;
            } else if metadata.is_file() {
                let content = Content::input(path, metadata.len());
                self.attach(folder, &name, Kind::File(content), false)
                    .map_err(fault)?;
            } else {
                return refuse(path, "it is neither a file nor a folder");
            }
        }
        Ok(())
    }
}

fn fault(error: Error) -> Fault {
    match error {
        Error::Stop(Stop::Fault(fault)) => fault,
        other => Fault::Engine(format!("{other:?}")),
    }
}
