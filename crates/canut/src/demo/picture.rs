//! Putting tiles together.

use std::{
    fs::File,
    io::{BufWriter, Cursor},
    path::Path,
};

use eyre::{OptionExt, Result, WrapErr, bail, ensure};

/// Bytes of a pixel: red, green, blue.
const PIXEL: usize = 3;

/// A picture that is cut into tiles, counted row by row. Its columns and rows divide its width and height.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    /// In pixels.
    pub(super) width: u32,
    /// In pixels.
    pub(super) height: u32,
    pub(super) columns: u32,
    pub(super) rows: u32,
}

impl Grid {
    pub(super) const fn tiles(self) -> u32 {
        self.columns * self.rows
    }

    const fn tile_size(self) -> (u32, u32) {
        (self.width / self.columns, self.height / self.rows)
    }
}

/// A picture in the making.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    grid: Grid,
    pixels: Vec<u8>,
}

impl Picture {
    /// A black one.
    pub(super) fn new(grid: Grid) -> Self {
        let pixels = vec![0; grid.width as usize * grid.height as usize * PIXEL];
        Self { grid, pixels }
    }

    /// Puts a PNG at its place. It must have the size of a tile, in eight bits of red, green and blue.
    pub(super) fn put(&mut self, tile: u32, png: &[u8]) -> Result<()> {
        ensure!(tile < self.grid.tiles(), "there is no tile {tile}");
        let (width, height) = self.grid.tile_size();
        let mut reader = png::Decoder::new(Cursor::new(png)).read_info()?;
        let info = reader.info();
        let kind = (info.color_type, info.bit_depth);
        if (info.width, info.height) != (width, height) {
            bail!("tile {tile} is not of {width} by {height} pixels");
        }
        if kind != (png::ColorType::Rgb, png::BitDepth::Eight) {
            bail!("tile {tile} is not in eight bits of red, green and blue");
        }
        let size = reader
            .output_buffer_size()
            .ok_or_eyre("the tile is too large")?;
        let mut pixels = vec![0; size];
        reader.next_frame(&mut pixels)?;
        self.copy(tile, &pixels);
        Ok(())
    }

    fn copy(&mut self, tile: u32, pixels: &[u8]) {
        let (width, height) = self.grid.tile_size();
        let (column, row) = (tile % self.grid.columns, tile / self.grid.columns);
        let line = width as usize * PIXEL;
        let stride = self.grid.width as usize * PIXEL;
        let corner = row as usize * height as usize * stride + column as usize * line;
        for (number, source) in pixels.chunks_exact(line).enumerate() {
            let start = corner + number * stride;
            self.pixels[start..start + line].copy_from_slice(source);
        }
    }

    /// Writes it as a PNG.
    pub(super) fn save(&self, path: &Path) -> Result<()> {
        let file = File::create(path).wrap_err_with(|| path.display().to_string())?;
        let mut encoder =
            png::Encoder::new(BufWriter::new(file), self.grid.width, self.grid.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.pixels)?;
        Ok(writer.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: Grid = Grid {
        width: 4,
        height: 2,
        columns: 2,
        rows: 1,
    };

    fn png(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(png::ColorType::Rgb);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(pixels).unwrap();
        writer.finish().unwrap();
        bytes
    }

    #[test]
    fn tiles_come_together_in_their_places() {
        let (left, right) = ([1; 12], [2; 12]);
        let mut picture = Picture::new(GRID);
        picture.put(1, &png(2, 2, &right)).unwrap();
        picture.put(0, &png(2, 2, &left)).unwrap();
        let line = [[1; 6], [2; 6]].concat();
        assert_eq!(picture.pixels, [line.clone(), line].concat());

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture.png");
        picture.save(&path).unwrap();
        let mut again = Picture::new(Grid { columns: 1, ..GRID });
        again.put(0, &std::fs::read(path).unwrap()).unwrap();
        assert_eq!(again.pixels, picture.pixels);
    }

    #[test]
    fn what_is_no_tile_is_refused() {
        let mut picture = Picture::new(GRID);
        assert!(picture.put(0, b"no picture").is_err());
        assert!(picture.put(0, &png(1, 2, &[0; 6])).is_err());
        assert!(picture.put(2, &png(2, 2, &[0; 12])).is_err());
    }
}
