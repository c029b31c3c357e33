use proptest::prelude::*;

use super::*;

fn file(number: u64) -> Kind {
    Kind::File(number)
}

fn link(target: &str) -> Kind {
    Kind::Link(target.into())
}

fn tree() -> Tree {
    Tree::new(1_000)
}

fn content(tree: &Tree, path: &str) -> Option<u64> {
    match tree.node(tree.find(path.as_bytes())?)?.kind {
        Kind::File(number) => Some(number),
        _ => None,
    }
}

#[test]
fn layers_cover_and_hide_what_is_below_them() {
    let mut tree = tree();
    tree.put(b"etc/a", PLAIN, file(1)).unwrap();
    tree.put(b"etc/b", PLAIN, file(2)).unwrap();
    tree.put(b"opt/c", PLAIN, file(3)).unwrap();
    tree.next_layer();
    tree.put(b"etc/a", PLAIN, file(4)).unwrap();
    tree.put(b"etc/.wh.b", PLAIN, file(0)).unwrap();
    tree.put(b"etc/.wh.a", PLAIN, file(0)).unwrap();
    tree.put(b"opt/new", PLAIN, file(5)).unwrap();
    tree.put(b"opt/.wh..wh..opq", PLAIN, file(0)).unwrap();
    assert_eq!(content(&tree, "etc/a"), Some(4));
    assert_eq!(content(&tree, "etc/b"), None);
    assert_eq!(content(&tree, "opt/c"), None);
    assert_eq!(content(&tree, "opt/new"), Some(5));
}

#[test]
fn a_link_leads_within_the_image_only() {
    let mut tree = tree();
    tree.put(b"lib", PLAIN, link("usr/lib")).unwrap();
    tree.put(b"lib/x", PLAIN, file(1)).unwrap();
    assert_eq!(content(&tree, "usr/lib/x"), Some(1));
    tree.put(b"out", PLAIN, link("/../../etc")).unwrap();
    tree.put(b"out/passwd", PLAIN, file(2)).unwrap();
    assert_eq!(content(&tree, "etc/passwd"), Some(2));
    tree.put(b"circle", PLAIN, link("circle")).unwrap();
    assert!(tree.put(b"circle/x", PLAIN, file(3)).is_err());
    assert!(tree.put(b"../x", PLAIN, file(3)).is_err());
    assert!(tree.put(b"a/../../x", PLAIN, file(3)).is_err());
    // A folder takes the place of a link rather than follow it.
    tree.folder(b"lib", PLAIN).unwrap();
    assert_eq!(content(&tree, "lib/x"), None);
}

#[test]
fn hard_links_share_a_file_and_lead_to_files_only() {
    let mut tree = tree();
    tree.put(b"bin/a", PLAIN, file(1)).unwrap();
    tree.hard_link(b"bin/b", b"bin/a").unwrap();
    assert_eq!(tree.find(b"bin/a"), tree.find(b"bin/b"));
    assert!(tree.hard_link(b"c", b"bin").is_err());
    assert!(tree.hard_link(b"c", b"nowhere").is_err());
    assert!(tree.hard_link(b"c", b"../etc/shadow").is_err());
}

#[test]
fn a_tree_is_bounded() {
    let mut tree = Tree::new(3);
    tree.put(b"a", PLAIN, file(1)).unwrap();
    tree.put(b"b", PLAIN, file(2)).unwrap();
    assert!(tree.put(b"c", PLAIN, file(3)).is_err());
    assert!(tree.put(&[b'x'; 256], PLAIN, file(1)).is_err());
}

/// Whether every node that the root leads to is there, and once only if it is a folder.
fn is_sound(tree: &Tree) -> bool {
    let mut seen = std::collections::BTreeSet::new();
    let mut rest = vec![Tree::ROOT];
    while let Some(id) = rest.pop() {
        let Some(node) = tree.node(id) else {
            return false;
        };
        if let Kind::Folder(children) = &node.kind {
            if !seen.insert(id)
                || children
                    .keys()
                    .any(|name| name == b".." || name.contains(&b'/'))
            {
                return false;
            }
            rest.extend(children.values());
        }
    }
    true
}

proptest! {
    #[test]
    fn no_layer_breaks_a_tree(steps in prop::collection::vec((0..6_u8, "[ab./]{0,9}", "[ab./]{0,9}"), 0..60)) {
        let mut tree = Tree::new(100);
        for (step, path, other) in steps {
            let path = path.as_bytes();
            let _ = match step {
                0 => tree.folder(path, PLAIN),
                1 => tree.put(path, PLAIN, file(1)),
                2 => tree.put(path, PLAIN, link(&other)),
                3 => tree.hard_link(path, other.as_bytes()),
                4 => tree.put(&[path, b"/.wh..wh..opq"].concat(), PLAIN, file(0)),
                _ => { tree.next_layer(); Ok(()) }
            };
            prop_assert!(is_sound(&tree));
        }
    }
}
