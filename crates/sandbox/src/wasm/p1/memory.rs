use crate::{
    vfs::{Errno, Result},
    wasm::world::Meter,
};

/// Buffers in one scattered read or write at most, as on Linux.
const MAX_VECTORS: u32 = 1024;

/// The linear memory of a module, whose every address is checked and every copied byte counted.
pub(super) struct Memory<'a> {
    bytes: &'a mut [u8],
    meter: Meter,
}

impl<'a> Memory<'a> {
    pub(super) fn new(bytes: &'a mut [u8], meter: Meter) -> Self {
        Self { bytes, meter }
    }

    /// `length` bytes at `address`.
    pub(super) fn slice(&self, address: u32, length: u32) -> Result<&[u8]> {
        let start = address as usize;
        let found = self.bytes.get(start..start.saturating_add(length as usize));
        let found = found.ok_or(Errno::BadAddress)?;
        self.meter.moved(length.into());
        Ok(found)
    }

    /// The same, to write to.
    pub(super) fn slice_mut(&mut self, address: u32, length: u32) -> Result<&mut [u8]> {
        let start = address as usize;
        let found = self
            .bytes
            .get_mut(start..start.saturating_add(length as usize));
        let found = found.ok_or(Errno::BadAddress)?;
        self.meter.moved(length.into());
        Ok(found)
    }

    pub(super) fn text(&self, address: u32, length: u32) -> Result<&str> {
        Ok(str::from_utf8(self.slice(address, length)?).map_err(|_| Errno::IllegalName)?)
    }

    pub(super) fn read_u32(&self, address: u32) -> Result<u32> {
        let mut number = [0; 4];
        number.copy_from_slice(self.slice(address, 4)?);
        Ok(u32::from_le_bytes(number))
    }

    pub(super) fn read_u64(&self, address: u32) -> Result<u64> {
        let mut number = [0; 8];
        number.copy_from_slice(self.slice(address, 8)?);
        Ok(u64::from_le_bytes(number))
    }

    pub(super) fn write(&mut self, address: u32, bytes: &[u8]) -> Result<()> {
        let length = u32::try_from(bytes.len()).map_err(|_| Errno::Overflow)?;
        self.slice_mut(address, length)?.copy_from_slice(bytes);
        Ok(())
    }

    pub(super) fn write_u32(&mut self, address: u32, number: u32) -> Result<()> {
        self.write(address, &number.to_le_bytes())
    }

    pub(super) fn write_u64(&mut self, address: u32, number: u64) -> Result<()> {
        self.write(address, &number.to_le_bytes())
    }

    /// The address and length of each of `count` buffers.
    pub(super) fn vectors(&self, address: u32, count: u32) -> Result<Vec<(u32, u32)>> {
        if count > MAX_VECTORS {
            return Err(Errno::Invalid.into());
        }
        let mut vectors = Vec::new();
        let mut total = 0_u32;
        for index in 0..count {
            let at = address.checked_add(8 * index).ok_or(Errno::BadAddress)?;
            let length = self.read_u32(offset(at, 4)?)?;
            total = total.checked_add(length).ok_or(Errno::Invalid)?;
            vectors.push((self.read_u32(at)?, length));
        }
        Ok(vectors)
    }
}

/// `address + offset`, within 32 bits.
pub(super) fn offset(address: u32, offset: u32) -> Result<u32> {
    Ok(address.checked_add(offset).ok_or(Errno::BadAddress)?)
}
