// PNG files, as plain as they come: eight bits a channel, not compressed.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

class Png {
 public:
  // `pixels` are red, green and blue, row after row.
  static std::vector<uint8_t> encode(uint32_t width, uint32_t height, const std::vector<uint8_t>& pixels) {
    Png png;
    png.bytes = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    std::vector<uint8_t> header;
    big(header, width);
    big(header, height);
    header.insert(header.end(), {8, 2, 0, 0, 0});
    png.chunk("IHDR", header);
    std::vector<uint8_t> rows;
    for (size_t row = 0; row < height; ++row) {
      rows.push_back(0);  // no filter
      rows.insert(rows.end(), pixels.begin() + row * width * 3, pixels.begin() + (row + 1) * width * 3);
    }
    png.chunk("IDAT", stored(rows));
    png.chunk("IEND", {});
    return png.bytes;
  }

 private:
  std::vector<uint8_t> bytes;

  static void big(std::vector<uint8_t>& to, uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8) to.push_back(uint8_t(number >> shift));
  }

  // A zlib stream of stored blocks (RFC 1950, RFC 1951 3.2.4).
  static std::vector<uint8_t> stored(const std::vector<uint8_t>& data) {
    std::vector<uint8_t> out{0x78, 0x01};
    for (size_t start = 0; start < data.size();) {
      size_t size = std::min<size_t>(data.size() - start, 0xffff);
      bool last = start + size == data.size();
      out.insert(out.end(), {uint8_t(last), uint8_t(size), uint8_t(size >> 8), uint8_t(~size), uint8_t(~size >> 8)});
      out.insert(out.end(), data.begin() + start, data.begin() + start + size);
      start += size;
    }
    uint32_t a = 1, b = 0;  // Adler-32
    for (uint8_t byte : data) a = (a + byte) % 65521, b = (b + a) % 65521;
    big(out, b << 16 | a);
    return out;
  }

  void chunk(const std::string& type, const std::vector<uint8_t>& data) {
    big(bytes, uint32_t(data.size()));
    size_t start = bytes.size();
    bytes.insert(bytes.end(), type.begin(), type.end());
    bytes.insert(bytes.end(), data.begin(), data.end());
    uint32_t crc = ~0u;
    for (size_t i = start; i < bytes.size(); ++i) {
      crc ^= bytes[i];
      for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    big(bytes, ~crc);
  }
};
