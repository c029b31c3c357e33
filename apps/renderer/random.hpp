// Numbers in [0, 1) that spread evenly over the samples of a pixel and differ from pixel to pixel.
#pragma once

#include <cstdint>

class Random {
 public:
  Random(uint32_t pixel, uint32_t sample) : seed(hash(pixel)), sample(sample) {}

  // The next pair of dimensions of the sample: the R2 sequence (Roberts, 2018), shifted by a hash of the pixel.
  void pair(float& u, float& v) {
    uint32_t a = hash(seed + ++dimension), b = hash(a + 0x9e3779b9u);
    // After the first few dimensions the sequence would repeat itself: shuffle its order.
    uint32_t n = dimension <= 1 ? sample : sample ^ (a >> 24);
    u = unit(a + n * 0xc13fa9a9u);
    v = unit(b + n * 0x91e10da5u);
  }

 private:
  uint32_t seed, sample, dimension = 0;

  static float unit(uint32_t bits) { return float(bits >> 8) * 0x1p-24f; }

  // lowbias32 (Wellons, 2018).
  static uint32_t hash(uint32_t x) {
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    return x ^ x >> 16;
  }
};
