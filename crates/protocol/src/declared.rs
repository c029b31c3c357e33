//! The part of a result that its digest covers.
//!
//! An app names it in `computed.json`, under `deterministic-output-path`: a file or a folder of its output. What else the
//! archive of a result holds (logs, `computed.json` itself) is not certified by anybody.

use std::collections::BTreeMap;

use alloy_primitives::B256;

use crate::result::folder_digest;

/// Where an app leaves its result, as it sees it.
const OUTPUT: &str = "/iexec_out";

/// A declared path, relative to the output folder; of plain names, so it leads nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared(String);

impl Declared {
    /// Reads a path as an app writes it: absolute as the app sees it, or relative to its output folder. `None` when it leads
    /// out of the folder.
    pub fn read(path: &str) -> Option<Self> {
        let inside = match path.strip_prefix('/') {
            Some(_) => path
                .strip_prefix(OUTPUT)
                .filter(|rest| rest.is_empty() || rest.starts_with('/'))?,
            None => path,
        };
        let names: Vec<_> = inside
            .split('/')
            .filter(|name| !name.is_empty() && *name != ".")
            .collect();
        let plain = names
            .iter()
            .all(|name| *name != ".." && !name.contains('\0'));
        plain.then(|| Self(names.join("/")))
    }

    /// The path of a file from here; `None` when the file is not covered. Empty for the declared file itself.
    fn inside<'a>(&self, path: &'a str) -> Option<&'a str> {
        if self.0.is_empty() {
            return Some(path);
        }
        match path.strip_prefix(&self.0)? {
            "" => Some(""),
            rest => rest.strip_prefix('/'),
        }
    }

    /// Whether a file, named by its path in the output folder, is covered by the digest.
    pub fn covers(&self, path: &str) -> bool {
        self.inside(path).is_some()
    }

    /// The result digest, given the SHA-256 of every file of the output folder by its path. `None` when there is no file at
    /// the declared path.
    pub fn digest(&self, files: &BTreeMap<String, B256>) -> Option<B256> {
        if let Some(digest) = files.get(&self.0) {
            return Some(*digest);
        }
        let covered: Vec<_> = files
            .iter()
            .filter_map(|(path, digest)| Some((self.inside(path)?, *digest)))
            .collect();
        (!covered.is_empty()).then(|| folder(&covered))
    }
}

/// The digest of a folder of files, each with its path from there.
fn folder(files: &[(&str, B256)]) -> B256 {
    let mut own = Vec::new();
    let mut below: BTreeMap<&str, Vec<(&str, B256)>> = BTreeMap::new();
    for (path, digest) in files {
        match path.split_once('/') {
            Some((child, rest)) => below.entry(child).or_default().push((rest, *digest)),
            None => own.push((*path, *digest)),
        }
    }
    let folders = below.iter().map(|(name, inside)| (*name, folder(inside)));
    folder_digest(own.into_iter().chain(folders))
}

#[cfg(test)]
mod tests {
    use alloy_primitives::keccak256;
    use proptest::prelude::*;

    use super::*;

    fn files(paths: &[(&str, u8)]) -> BTreeMap<String, B256> {
        paths
            .iter()
            .map(|(path, byte)| ((*path).to_owned(), B256::repeat_byte(*byte)))
            .collect()
    }

    fn digest(path: &str, all: &BTreeMap<String, B256>) -> Option<B256> {
        Declared::read(path).unwrap().digest(all)
    }

    #[test]
    fn a_file_is_itself_and_a_folder_the_hash_of_what_is_in_it() {
        let all = files(&[("out/b", 2), ("out/a/x", 1), ("stdout.txt", 9)]);
        assert_eq!(
            digest("/iexec_out/stdout.txt", &all),
            Some(B256::repeat_byte(9))
        );
        let below = keccak256(B256::repeat_byte(1));
        let out = keccak256([below, B256::repeat_byte(2)].concat());
        for spelling in ["/iexec_out/out", "out/", "./out//"] {
            assert_eq!(digest(spelling, &all), Some(out), "{spelling}");
        }
        assert_eq!(
            digest("", &all),
            Some(keccak256([out, B256::repeat_byte(9)].concat()))
        );
        for nowhere in ["ou", "out/b/c", "other"] {
            assert_eq!(digest(nowhere, &all), None, "{nowhere}");
        }
    }

    #[test]
    fn only_what_is_declared_is_covered() {
        let out = Declared::read("/iexec_out/out").unwrap();
        assert!(out.covers("out") && out.covers("out/a"));
        assert!(!out.covers("output") && !out.covers("stdout.txt"));
    }

    #[test]
    fn a_path_that_leads_out_is_refused() {
        for path in ["/etc/passwd", "..", "a/../b", "/iexec_outside", "/", "a\0"] {
            assert_eq!(Declared::read(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn no_path_leaves_the_folder(value in "[a./]{0,12}|\\PC{0,12}") {
            if let Some(Declared(path)) = Declared::read(&value) {
                prop_assert!(path.is_empty() || path.split('/').all(|name| !["", ".", ".."].contains(&name)));
            }
        }

        #[test]
        fn what_is_not_covered_does_not_change_the_digest(
            paths in prop::collection::btree_map("[ab]{1,2}(/[ab]{1,2}){0,2}", any::<u8>(), 1..9), declared in "[ab]{0,2}",
        ) {
            let all: BTreeMap<_, _> = paths.into_iter().map(|(path, byte)| (path, B256::repeat_byte(byte))).collect();
            let declared = Declared::read(&declared).unwrap();
            let covered = all.clone().into_iter().filter(|(path, _)| declared.covers(path)).collect();
            prop_assert_eq!(declared.digest(&all), declared.digest(&covered));
        }
    }
}
