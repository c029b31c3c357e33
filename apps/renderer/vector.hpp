// Three numbers, and what is done with them.
#pragma once

#include <algorithm>
#include <cmath>

struct Vector {
  float x = 0, y = 0, z = 0;

  float operator[](int axis) const { return axis == 0 ? x : axis == 1 ? y : z; }
};

inline Vector operator+(Vector a, Vector b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
inline Vector operator-(Vector a, Vector b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
inline Vector operator*(Vector a, Vector b) { return {a.x * b.x, a.y * b.y, a.z * b.z}; }
inline Vector operator*(Vector a, float s) { return {a.x * s, a.y * s, a.z * s}; }
inline Vector operator*(float s, Vector a) { return a * s; }
inline Vector operator-(Vector a) { return a * -1; }
inline Vector& operator+=(Vector& a, Vector b) { return a = a + b; }

inline float dot(Vector a, Vector b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
inline Vector cross(Vector a, Vector b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
inline float length(Vector a) { return std::sqrt(dot(a, a)); }
inline Vector normal(Vector a) {
  float l = length(a);
  return l > 0 ? a * (1 / l) : Vector{0, 1, 0};
}
inline Vector low(Vector a, Vector b) { return {std::min(a.x, b.x), std::min(a.y, b.y), std::min(a.z, b.z)}; }
inline Vector high(Vector a, Vector b) { return {std::max(a.x, b.x), std::max(a.y, b.y), std::max(a.z, b.z)}; }
inline Vector mix(Vector a, Vector b, float t) { return a * (1 - t) + b * t; }
inline Vector reflect(Vector d, Vector n) { return d - n * (2 * dot(d, n)); }

struct Ray {
  Vector origin, direction;
};

// `local` from the frame whose third axis is `n` (Duff et al., "Building an Orthonormal Basis, Revisited", 2017).
inline Vector around(Vector n, Vector local) {
  float sign = std::copysign(1.0f, n.z), a = -1 / (sign + n.z), b = n.x * n.y * a;
  Vector u{1 + sign * n.x * n.x * a, sign * b, -sign * n.x}, v{b, sign + n.y * n.y * a, -n.y};
  return u * local.x + v * local.y + n * local.z;
}
