//! Image archives, good and bad.

use std::{
    fs::{self, File},
    io::Write,
};

use canut_sandbox::{Failure, Fault, OciRuntime, Outcome, Runtime};
use proptest::{prelude::*, strategy::ValueTree};
use serde_json::json;

use super::place::{Place, Thing, add, busybox, digest, document, layer, runtime, save};
use canut_sandbox::EngineKind::Runc;

const SHELL: &str = r#"{"Entrypoint":["/bin/sh","-c"]}"#;

fn shell() -> serde_json::Value {
    serde_json::from_str(SHELL).unwrap()
}

#[tokio::test]
async fn layers_lie_on_each_other() {
    let Some((runtime, _folder)) = runtime(Runc).await else {
        return;
    };
    let place = Place::empty();
    let first = layer(&[
        Thing::File("data/old", b"old"),
        Thing::File("data/both", b"first"),
        Thing::Link("short", "data"),
        Thing::File("hidden/a", b"a"),
    ]);
    let second = layer(&[
        Thing::File("data/.wh.old", b""),
        Thing::File("short/both", b"second"),
        Thing::File("hidden/.wh..wh..opq", b""),
        Thing::File("hidden/b", b"b"),
        Thing::Hard("name", "data/both"),
    ]);
    save(&place.app, &[busybox(), first, second], &shell());
    let said = place
        .read(
            &runtime,
            "cat /data/both /name; ls /data /hidden; ls -l /name | grep -c ' 2 '",
        )
        .await;
    assert_eq!(said, "secondsecond/data:\nboth\n\n/hidden:\nb\n1\n");
}

/// An OCI image layout with layers compressed as given.
fn oci_layout(place: &Place, layers: &[(Vec<u8>, Vec<u8>)]) {
    let ids: Vec<_> = layers
        .iter()
        .map(|(plain, _)| format!("sha256:{}", digest(plain)))
        .collect();
    let config = document(&shell(), &ids);
    let describe = |kind: &str, bytes: &[u8]| json!({ "mediaType": format!("application/vnd.oci.image.{kind}"), "digest": format!("sha256:{}", digest(bytes)), "size": bytes.len() });
    let all: Vec<_> = layers
        .iter()
        .map(|(_, packed)| describe("layer.v1.tar", packed))
        .collect();
    let manifest =
        json!({ "schemaVersion": 2, "config": describe("config.v1+json", &config), "layers": all })
            .to_string();
    let index = json!({ "schemaVersion": 2, "manifests": [describe("manifest.v1+json", manifest.as_bytes())] });
    let mut builder = tar::Builder::new(File::create(&place.app).unwrap());
    add(
        &mut builder,
        "oci-layout",
        br#"{"imageLayoutVersion":"1.0.0"}"#,
    );
    add(&mut builder, "index.json", index.to_string().as_bytes());
    for bytes in layers
        .iter()
        .map(|(_, packed)| packed.as_slice())
        .chain([config.as_slice(), manifest.as_bytes()])
    {
        add(
            &mut builder,
            &format!("blobs/sha256/{}", digest(bytes)),
            bytes,
        );
    }
    builder.finish().unwrap();
}

#[tokio::test]
async fn an_oci_layout_is_run_however_it_is_compressed() {
    let Some((runtime, _folder)) = runtime(Runc).await else {
        return;
    };
    let place = Place::empty();
    let (first, second) = (busybox(), layer(&[Thing::File("greeting", b"hello")]));
    let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zipped.write_all(&first).unwrap();
    let zipped = zipped.finish().unwrap();
    let packed = zstd::encode_all(second.as_slice(), 1).unwrap();
    oci_layout(&place, &[(first, zipped), (second, packed)]);
    assert_eq!(place.read(&runtime, "cat /greeting").await, "hello");
}

async fn judge(runtime: &canut_sandbox::OciRuntime, place: &Place) -> Result<Outcome, Fault> {
    runtime.run(&place.job(&["exit 0"]), &place.limits).await
}

#[tokio::test]
async fn a_hostile_image_is_refused_and_touches_nothing() {
    let Some((runtime, folder)) = runtime(Runc).await else {
        return;
    };
    let mut place = Place::empty();
    let outside = folder.path().join("outside");
    let up = format!("../../../../../../../..{}", outside.display());
    let hostile = [
        layer(&[Thing::File(&up[..up.len().min(99)], b"x")]),
        layer(&[Thing::File("../x", b"x")]),
        layer(&[Thing::Link("loop", "loop"), Thing::File("loop/x", b"x")]),
        layer(&[Thing::Hard("shadow", "../../../../etc/shadow")]),
        layer(&[Thing::Hard("shadow", "etc/shadow")]),
        layer(&[Thing::Link("shadow", "")]),
        b"this is no archive".repeat(100),
    ];
    for bad in hostile {
        save(&place.app, &[busybox(), bad], &shell());
        let outcome = judge(&runtime, &place).await.unwrap();
        assert_eq!(
            outcome.verdict,
            Err(Failure::InvalidApp),
            "{:?}",
            outcome.detail
        );
    }
    assert!(!outside.exists());
    // A link that leads out of the image leads to the image's own.
    let own = layer(&[
        Thing::Link("etc", "/../../../etc"),
        Thing::Folder("tmp"),
        Thing::Link("out", "/tmp/../.."),
        Thing::File("out/x", b"inside"),
    ]);
    save(&place.app, &[busybox(), own], &shell());
    assert_eq!(place.read(&runtime, "cat /x").await, "inside");
    assert!(!std::path::Path::new("/x").exists());
    // A layer that is not the one the configuration names.
    let config = document(&shell(), &[format!("sha256:{}", digest(b"other"))]);
    let mut builder = tar::Builder::new(File::create(&place.app).unwrap());
    add(&mut builder, "config.json", &config);
    add(&mut builder, "0/layer.tar", &busybox());
    add(
        &mut builder,
        "manifest.json",
        br#"[{"Config":"config.json","Layers":["0/layer.tar"]}]"#,
    );
    builder.finish().unwrap();
    let outcome = judge(&runtime, &place).await.unwrap();
    assert_eq!(outcome.verdict, Err(Failure::InvalidApp));
    // A bomb: a little that unpacks to a lot.
    let zeros = vec![0; 64 << 20];
    let plain = layer(&[Thing::File("zeros", &zeros)]);
    oci_layout(
        &place,
        &[(
            plain.clone(),
            zstd::encode_all(plain.as_slice(), 1).unwrap(),
        )],
    );
    place.limits.image_bytes = 32 << 20;
    assert_eq!(
        judge(&runtime, &place).await.unwrap().verdict,
        Err(Failure::InvalidApp)
    );
    let images = folder.path().join("images");
    let half = fs::read_dir(images).unwrap().filter(|entry| {
        entry
            .as_ref()
            .unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with('.')
    });
    assert_eq!(half.count(), 0, "nothing half unpacked is left");
}

#[tokio::test]
async fn no_bytes_break_the_reader() {
    let Some((runtime, _folder)) = runtime(Runc).await else {
        return;
    };
    let place = Place::empty();
    let small = layer(&[
        Thing::Folder("bin"),
        Thing::File("bin/a", b"a"),
        Thing::Link("b", "bin"),
    ]);
    save(&place.app, &[small], &shell());
    let good = fs::read(&place.app).unwrap();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20);
    for _ in 0..60 {
        let mut bytes = good.clone();
        let edits = edits.new_tree(&mut runner).unwrap().current();
        for (at, byte) in &edits {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        fs::write(&place.app, bytes).unwrap();
        // No program is in it, so nothing but a refusal can come out: of the app, or of an image for another machine.
        match judge(&runtime, &place).await {
            Ok(outcome) => assert!(outcome.verdict.is_err(), "{edits:?}"),
            Err(fault) => assert!(matches!(fault, Fault::Foreign), "{fault}: {edits:?}"),
        }
    }
}

#[tokio::test]
async fn images_take_no_more_of_the_disk_than_their_owner_lends() {
    let Some((runtime, folder)) = runtime(Runc).await else {
        return;
    };
    let images = folder.path().join("images");
    let count = || fs::read_dir(&images).unwrap().count();
    let mut place = Place::empty();
    let filled =
        |bytes: usize, what: u8| [busybox(), layer(&[Thing::File("data", &vec![what; bytes])])];
    let program = busybox().len();
    for what in 0..2 {
        save(&place.app, &filled(4 << 20, what), &shell());
        place.read(&runtime, "true").await;
    }
    assert_eq!(count(), 2);
    drop(runtime);
    // Room for one of them: the other goes when the worker starts, and that one when a third comes.
    let limit = (program + (7 << 20)) as u64;
    let engines = [Runc];
    let runtime = OciRuntime::with_images(folder.path(), &engines, limit)
        .await
        .unwrap();
    assert_eq!(count(), 1);
    save(&place.app, &filled(5 << 20, 2), &shell());
    place.read(&runtime, "true").await;
    assert_eq!(count(), 1);
    save(&place.app, &filled(8 << 20, 3), &shell());
    place.limits.image_bytes = 1 << 30;
    let refused = judge(&runtime, &place).await.unwrap_err();
    let Fault::Disk { source, .. } = &refused else {
        panic!("{refused}");
    };
    assert_eq!(source.kind(), std::io::ErrorKind::QuotaExceeded);
}
