// A triangle mesh, read from a Wavefront OBJ file: `v` and `f` lines; all else is passed over.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "vector.hpp"

struct Triangle {
  Vector a, ab, ac;   // a corner, and the edges from it
  Vector normals[3];  // of the smooth surface, at the corners

  Vector corner(int i) const { return i == 0 ? a : i == 1 ? a + ab : a + ac; }
  Vector centre() const { return a + (ab + ac) * (1 / 3.0f); }
  Vector face() const { return normal(cross(ab, ac)); }
};

constexpr size_t max_corners = 3 << 20;

[[noreturn]] inline void fail(const std::string& why) {
  fprintf(stderr, "renderer: %s\n", why.c_str());
  exit(1);
}

// Corners of faces that meet at less than this angle (its cosine) are rounded off.
constexpr float crease = 0.7f;

inline void smooth(std::vector<Triangle>& triangles, const std::vector<int>& corners, size_t places) {
  std::vector<std::vector<int>> meeting(places);
  for (size_t i = 0; i < corners.size(); ++i) meeting[corners[i]].push_back(int(i / 3));
  for (size_t i = 0; i < corners.size(); ++i) {
    Vector own = triangles[i / 3].face(), sum;
    for (int other : meeting[corners[i]]) {
      const Triangle& triangle = triangles[other];
      if (dot(triangle.face(), own) > crease) sum += cross(triangle.ab, triangle.ac);  // weighted by area
    }
    triangles[i / 3].normals[i % 3] = normal(sum);
  }
}

// One index of a face: `7`, `7/1/2`, or `-1` for the last vertex so far.
inline int place(const char*& text, size_t count) {
  char* end;
  long index = strtol(text, &end, 10);
  if (end == text) return -1;
  text = end + strcspn(end, " \t\r\n");
  long from_zero = index < 0 ? long(count) + index : index - 1;
  if (from_zero < 0 || from_zero >= long(count)) fail("a face of the model names a vertex that is not there");
  return int(from_zero);
}

inline std::vector<Triangle> read_mesh(const std::string& path) {
  FILE* file = fopen(path.c_str(), "r");
  if (!file) fail("cannot open the model " + path);
  std::vector<Vector> places;
  std::vector<int> corners;
  for (char line[1024]; fgets(line, sizeof line, file);) {
    if (line[0] == 'v' && line[1] == ' ') {
      Vector v;
      if (sscanf(line + 2, "%f %f %f", &v.x, &v.y, &v.z) != 3 || !(length(v) < 1e9f)) fail("a vertex of the model is not three numbers");
      places.push_back(v);
    } else if (line[0] == 'f' && line[1] == ' ') {
      const char* text = line + 2;
      int first = place(text, places.size()), last = place(text, places.size());
      for (int next; (next = place(text, places.size())) >= 0; last = next) corners.insert(corners.end(), {first, last, next});
    }
    if (places.size() > max_corners || corners.size() > max_corners) fail("the model has more than a million triangles");
  }
  fclose(file);
  if (corners.empty()) fail("the model has no triangles");
  std::vector<Triangle> triangles(corners.size() / 3);
  for (size_t i = 0; i < triangles.size(); ++i) {
    Vector a = places[corners[3 * i]], b = places[corners[3 * i + 1]], c = places[corners[3 * i + 2]];
    triangles[i] = {a, b - a, c - a, {}};
  }
  smooth(triangles, corners, places.size());
  return triangles;
}
