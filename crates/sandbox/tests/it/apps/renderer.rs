use canut_sandbox::Bag;

use super::*;

struct Image {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Image {
    fn at(&self, x: usize, y: usize) -> [u8; 3] {
        let at = 3 * (y * self.width + x);
        [self.pixels[at], self.pixels[at + 1], self.pixels[at + 2]]
    }

    /// Whether a pixel shows the pot, which is of an orange that the blue silk is not.
    fn pot(&self, x: usize, y: usize) -> bool {
        let [red, _, blue] = self.at(x, y);
        i32::from(red) > i32::from(blue) + 20
    }
}

fn render(arguments: &str, index: u64, size: u64) -> Image {
    let mut bench = bench("renderer", arguments).input(
        "teapot.obj",
        fs::read(apps().join("renderer/teapot.obj")).unwrap(),
    );
    bench.job.bag = Bag {
        size,
        first: 0,
        index,
    };
    run(&bench);
    let file = bench.output(format!("tile-{index:03}.png"));
    let mut reader = png::Decoder::new(std::io::Cursor::new(file))
        .read_info()
        .unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!(
        (info.color_type, info.bit_depth),
        (png::ColorType::Rgb, png::BitDepth::Eight)
    );
    Image {
        width: info.width as usize,
        height: info.height as usize,
        pixels,
    }
}

#[test]
fn it_renders_a_teapot() {
    let image = render(
        "--width 120 --height 90 --columns 1 --rows 1 --samples 4",
        0,
        1,
    );
    assert_eq!((image.width, image.height), (120, 90));
    let pot: Vec<_> = (0..90)
        .flat_map(|y| (0..120).map(move |x| (x, y)))
        .filter(|&(x, y)| image.pot(x, y))
        .collect();
    let share = pot.len() as f64 / (120.0 * 90.0);
    assert!(
        (0.18..0.32).contains(&share),
        "the pot fills {share} of the picture"
    );
    let (left, right) = (
        pot.iter().map(|p| p.0).min().unwrap(),
        pot.iter().map(|p| p.0).max().unwrap(),
    );
    let (top, bottom) = (
        pot.iter().map(|p| p.1).min().unwrap(),
        pot.iter().map(|p| p.1).max().unwrap(),
    );
    assert!(
        (15..25).contains(&left) && (98..110).contains(&right),
        "from the handle to the spout: {left}..{right}"
    );
    assert!(
        (15..26).contains(&top) && (62..76).contains(&bottom),
        "from the knob to the foot: {top}..{bottom}"
    );
    // One sees through the handle.
    assert!(image.pot(20, 36) && !image.pot(26, 38) && image.pot(50, 45));
    for corner in [(0, 0), (119, 0), (0, 89), (119, 89)] {
        let [red, _, blue] = image.at(corner.0, corner.1);
        assert!(blue > red, "silk is blue in the corner {corner:?}");
    }
    // Its shadow falls to the right, away from the lamp.
    let light = |x: usize, y: usize| {
        image
            .at(x, y)
            .iter()
            .map(|channel| u32::from(*channel))
            .sum::<u32>()
    };
    let around = |x: usize, y: usize| (0..25).map(|i| light(x + i % 5, y + i / 5)).sum::<u32>();
    assert!(around(88, 63) < around(8, 63));
}

#[test]
fn tiles_make_the_picture() {
    let whole = render(
        "--width 50 --height 34 --columns 1 --rows 1 --samples 1",
        0,
        1,
    );
    for tile in 0..6 {
        let part = render(
            "--width 50 --height 34 --columns 3 --rows 2 --samples 1",
            tile,
            6,
        );
        let (column, row) = (tile as usize % 3, tile as usize / 3);
        let (left, top) = (50 * column / 3, 34 * row / 2);
        assert_eq!(
            (part.width, part.height),
            (50 * (column + 1) / 3 - left, 17)
        );
        for y in 0..part.height {
            for x in 0..part.width {
                assert_eq!(
                    part.at(x, y),
                    whole.at(left + x, top + y),
                    "tile {tile}, pixel {x} {y}"
                );
            }
        }
    }
}

#[test]
fn it_says_what_it_does_not_understand() {
    let model =
        |text: &str| bench("renderer", "--width 8 --height 8 --samples 1").input("model.obj", text);
    run(&model(
        "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 1 1 0 # a square\nvt 1 1\nf 1/1 2/1 4/1 3/1\nf -4 -3 -2\n",
    ));
    complains(&model(""), "no triangles");
    complains(&model("v 0 0 0\nf 1 2 3\n"), "a vertex that is not there");
    complains(&model("v 0 0 nan\n"), "not three numbers");
    complains(&model("v 0 0 0\nf 1 1 -9\n"), "a vertex that is not there");
    complains(&bench("renderer", ""), "give a model");
    complains(
        &bench("renderer", "--width 0"),
        "--width must be a number from 1 to 16384, not '0'",
    );
    complains(
        &bench("renderer", "--tile 16"),
        "tile 16 is not in a picture of 16 tiles",
    );
}
