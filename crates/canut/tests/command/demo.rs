//! `canut demo`: the picture is right, the cheat is caught.

use crate::support::canut;
use serde_json::Value;

#[test]
fn the_picture_is_whole_and_the_cheat_loses_its_stake() {
    let out = tempfile::tempdir().unwrap();
    let path = out.path().to_str().unwrap();
    let arguments = [
        "demo",
        "--json",
        "--out",
        path,
        "--width",
        "64",
        "--height",
        "48",
        "--samples",
        "1",
    ];
    let output = canut(&arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&line["tasks"], &line["certified"]),
        (&16.into(), &16.into())
    );
    let slashed = line["slashed"].as_array().unwrap();
    assert!(
        slashed.len() <= 1,
        "nobody honest loses anything: {slashed:?}"
    );
    let mut lies = 0;
    for tile in 0..16 {
        let certificate = out
            .path()
            .join(format!("tiles/{tile}/canut-certificate.json"));
        let certificate: Value =
            serde_json::from_slice(&std::fs::read(certificate).unwrap()).unwrap();
        assert_eq!(certificate["credibility"]["holds"], true, "tile {tile}");
        let votes = certificate["votes"].as_array().unwrap();
        let liars: Vec<_> = votes
            .iter()
            .filter(|vote| vote["verdict"] == "dissented")
            .collect();
        assert!(liars.iter().all(|vote| slashed.contains(&vote["worker"])));
        // New workers weigh 2: four agree, or five beside a lie.
        assert!(votes.len() - liars.len() >= 4 + liars.len(), "tile {tile}");
        lies += liars.len();
    }
    assert!(
        lies > 0 && slashed.len() == 1,
        "of seven workers one lies, and is asked sooner or later"
    );
    let picture = std::fs::File::open(line["picture"].as_str().unwrap()).unwrap();
    let mut reader = png::Decoder::new(std::io::BufReader::new(picture))
        .read_info()
        .unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((info.width, info.height), (64, 48));
    let center = &pixels[(24 * 64 + 28) * 3..][..3];
    assert!(
        center[0] > center[2],
        "an orange teapot stands in the middle: {center:?}"
    );
    let corner = &pixels[..3];
    assert!(corner[2] > corner[0], "on a blue ground: {corner:?}");
}

#[test]
fn a_picture_that_cannot_be_cut_is_refused_with_the_reason() {
    let output = canut(&["demo", "--width", "65"]).output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("multiples of 4"), "{said}");
}
