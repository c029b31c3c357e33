use std::{collections::BTreeMap, fs, path::PathBuf};

use proptest::prelude::*;

use super::*;

struct Machine {
    _folder: tempfile::TempDir,
    output: PathBuf,
    tree: Tree,
}

fn machine(limits: &Limits) -> Machine {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["in", "out"] {
        fs::create_dir(at(name)).unwrap();
    }
    fs::write(at("in/data"), "abc").unwrap();
    let tree = Tree::new(&at("in"), Scratch::new(folder.path()), limits).unwrap();
    Machine {
        output: at("out"),
        tree,
        _folder: folder,
    }
}

fn errno<T: std::fmt::Debug>(result: Result<T>) -> Errno {
    match result {
        Err(Error::Errno(errno)) => errno,
        other => panic!("{other:?}"),
    }
}

const CREATE: Open = Open {
    create: true,
    exclusive: false,
    truncate: false,
    folder: false,
    write: true,
};

#[test]
fn a_removed_file_lives_as_long_as_its_handle() {
    let Machine {
        mut tree, _folder, ..
    } = machine(&Limits::default());
    let file = tree.open(NodeId::ROOT, "tmp/x", CREATE).unwrap();
    tree.write(file, 0, b"still here").unwrap();
    tree.set_size(file, LARGE).unwrap();
    tree.remove_file(NodeId::ROOT, "tmp/x").unwrap();
    let mut buffer = [0; 20];
    assert_eq!(tree.read(file, 6, &mut buffer).unwrap(), 20);
    assert_eq!(&buffer[..5], b"here\0");
    assert_eq!((tree.files, tree.bytes), (1, LARGE));
    tree.release(file);
    assert_eq!((tree.files, tree.bytes), (0, 0));
    let scratch = tree.scratch.made().unwrap();
    assert_eq!(fs::read_dir(scratch).unwrap().count(), 0);
}

#[test]
fn small_files_need_no_place_on_the_host_and_many_of_them_do() {
    let Machine {
        mut tree,
        output,
        _folder,
    } = machine(&Limits::default());
    let out = tree.lookup(NodeId::ROOT, "iexec_out").unwrap();
    let small = vec![7; 60_000];
    let write = |tree: &mut Tree, number: u32| {
        let file = tree.open(out, &number.to_string(), CREATE).unwrap();
        tree.write(file, 0, &small).unwrap();
        tree.release(file);
    };
    write(&mut tree, 0);
    assert_eq!((tree.scratch.made(), tree.held), (None, 60_000));
    for number in 1..100 {
        write(&mut tree, number);
    }
    assert!(tree.held <= 4 << 20 && tree.scratch.made().is_some());
    let files = tree.export(&output).unwrap();
    assert_eq!(files.len(), 100);
    for file in files {
        assert_eq!(file.read(&output).unwrap(), small);
    }
}

#[test]
fn an_app_cannot_use_up_the_open_files_of_its_host() {
    let Machine {
        mut tree, _folder, ..
    } = machine(&Limits::default());
    let files: Vec<_> = (0..300_u32)
        .map(|number| {
            let file = tree
                .open(NodeId::ROOT, &format!("tmp/{number}"), CREATE)
                .unwrap();
            tree.write(file, LARGE, &number.to_le_bytes()).unwrap();
            file
        })
        .collect();
    let scratch = tree.scratch.made().unwrap().to_owned();
    let open = || {
        fs::read_dir("/proc/self/fd")
            .unwrap()
            .filter_map(|fd| fs::read_link(fd.unwrap().path()).ok())
            .filter(|path| path.starts_with(&scratch))
            .count()
    };
    assert_eq!(open(), 32);
    for (number, file) in (0_u32..).zip(&files) {
        let mut bytes = [0; 4];
        assert_eq!(tree.read(*file, LARGE, &mut bytes).unwrap(), 4);
        assert_eq!(bytes, number.to_le_bytes());
    }
    assert_eq!(open(), 32);
    for file in files {
        tree.release(file);
    }
    assert_eq!((open(), tree.open.len()), (0, 0));
}

#[test]
fn a_folder_cannot_be_moved_into_itself_or_too_deep() {
    let Machine {
        mut tree, _folder, ..
    } = machine(&Limits {
        path_depth: 3,
        ..Limits::default()
    });
    let root = NodeId::ROOT;
    for path in ["tmp/a", "tmp/a/b", "tmp/c", "tmp/c/d"] {
        tree.make_folder(root, path).unwrap();
    }
    assert_eq!(
        errno(tree.rename((root, "tmp/a"), (root, "tmp/a/b/x"))),
        Errno::Invalid
    );
    assert_eq!(
        errno(tree.rename((root, "tmp/a"), (root, "tmp/c/d/a"))),
        Errno::NameTooLong
    );
    tree.rename((root, "tmp/a"), (root, "tmp/c/a")).unwrap();
    assert!(tree.lookup(root, "tmp/c/a/b/..").is_ok());
    assert_eq!(
        errno(tree.make_folder(root, "tmp/c/a/b/too-deep")),
        Errno::NameTooLong
    );
}

#[test]
fn a_file_is_no_folder() {
    let Machine {
        mut tree, _folder, ..
    } = machine(&Limits::default());
    let root = NodeId::ROOT;
    for path in ["iexec_in/data/", "iexec_in/data/x", "iexec_in/data/.."] {
        assert_eq!(errno(tree.lookup(root, path)), Errno::NotFolder, "{path}");
    }
    assert_eq!(errno(tree.open(root, "tmp/new/", CREATE)), Errno::IsFolder);
    assert_eq!(errno(tree.open(root, "tmp", CREATE)), Errno::IsFolder);
    assert_eq!(errno(tree.remove_file(root, "tmp")), Errno::IsFolder);
    assert_eq!(
        errno(tree.remove_folder(root, "iexec_in/data")),
        Errno::NotFolder
    );
}

/// More bytes than a file in memory has.
const LARGE: u64 = 70_000;

/// Something an app may do to its output folder.
#[derive(Debug, Clone)]
enum Act {
    Write(String, u64, Vec<u8>),
    Resize(String, u64),
    Remove(String),
    Rename(String, String),
}

/// In a small file, or about where files stop being small.
fn place() -> impl Strategy<Value = u64> {
    prop_oneof![3 => 0..30_u64, 1 => 65_530..65_540_u64]
}

fn act() -> impl Strategy<Value = Act> {
    let name = || "[abc]";
    let bytes = prop::collection::vec(any::<u8>(), 0..9);
    prop_oneof![
        (name(), place(), bytes).prop_map(|(name, at, bytes)| Act::Write(name, at, bytes)),
        (name(), place()).prop_map(|(name, size)| Act::Resize(name, size)),
        name().prop_map(Act::Remove),
        (name(), name()).prop_map(|(from, to)| Act::Rename(from, to)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn files_hold_what_was_written(acts in prop::collection::vec(act(), 0..30)) {
        let Machine { mut tree, output, _folder } = machine(&Limits::default());
        let out = tree.lookup(NodeId::ROOT, "iexec_out").unwrap();
        let mut model = BTreeMap::<String, Vec<u8>>::new();
        for act in acts {
            match act {
                Act::Write(name, at, bytes) => {
                    let file = tree.open(out, &name, CREATE).unwrap();
                    tree.write(file, at, &bytes).unwrap();
                    tree.release(file);
                    let content = model.entry(name).or_default();
                    if !bytes.is_empty() {
                        let end = at as usize + bytes.len();
                        content.resize(content.len().max(end), 0);
                        content[at as usize..end].copy_from_slice(&bytes);
                    }
                }
                Act::Resize(name, size) => {
                    let file = tree.open(out, &name, CREATE).unwrap();
                    tree.set_size(file, size).unwrap();
                    tree.release(file);
                    model.entry(name).or_default().resize(size as usize, 0);
                }
                Act::Remove(name) => {
                    prop_assert_eq!(tree.remove_file(out, &name).is_ok(), model.remove(&name).is_some());
                }
                Act::Rename(from, to) => {
                    prop_assert_eq!(tree.rename((out, &from), (out, &to)).is_ok(), model.contains_key(&from));
                    if let Some(content) = model.remove(&from) {
                        model.insert(to, content);
                    }
                }
            }
            prop_assert_eq!(tree.files, model.len());
            prop_assert_eq!(tree.bytes, model.values().map(|content| content.len() as u64).sum::<u64>());
        }
        let files = tree.export(&output).unwrap();
        let found: BTreeMap<_, _> = files
            .iter()
            .map(|file| (file.path.clone(), file.read(&output).unwrap().to_vec()))
            .collect();
        prop_assert_eq!(found, model);
    }

    #[test]
    fn no_path_leaves_its_folder(path in "([.]{1,2}|iexec_in|data|x|/){0,9}") {
        let Machine { tree, _folder, .. } = machine(&Limits::default());
        let base = tree.lookup(NodeId::ROOT, "iexec_in").unwrap();
        if let Ok(mut found) = tree.lookup(base, &path) {
            while found != base {
                prop_assert_ne!(found, NodeId::ROOT);
                found = tree.parent(found).unwrap();
            }
        }
    }
}
