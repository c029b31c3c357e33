// A bounding volume hierarchy over a mesh: which triangle does a ray meet first?
#pragma once

#include <vector>

#include "mesh.hpp"

struct Box {
  Vector min{INFINITY, INFINITY, INFINITY}, max{-INFINITY, -INFINITY, -INFINITY};

  void add(Vector v) { min = low(min, v), max = high(max, v); }
  void add(const Box& box) { min = low(min, box.min), max = high(max, box.max); }
  Vector size() const { return max - min; }
  float area() const {
    Vector s = size();
    return s.x < 0 ? 0 : s.x * s.y + s.y * s.z + s.z * s.x;
  }

  // Where the ray enters the box, or infinity.
  float enter(const Ray& ray, Vector inverse, float limit) const {
    Vector t0 = (min - ray.origin) * inverse, t1 = (max - ray.origin) * inverse;
    Vector near = low(t0, t1), far = high(t0, t1);
    float in = std::max({near.x, near.y, near.z, 0.0f}), out = std::min({far.x, far.y, far.z, limit});
    return in <= out ? in : INFINITY;
  }
};

struct Hit {
  float distance = INFINITY;
  const Triangle* triangle = nullptr;
  float u = 0, v = 0;  // weights of the second and third corner

  Vector smooth_normal() const {
    return normal(triangle->normals[0] * (1 - u - v) + triangle->normals[1] * u + triangle->normals[2] * v);
  }
};

class Tree {
 public:
  explicit Tree(std::vector<Triangle> mesh) : triangles(std::move(mesh)) {
    nodes.reserve(2 * triangles.size());
    build(0, int(triangles.size()), 0);
  }

  const Box& bounds() const { return nodes[0].box; }

  // The first triangle before `limit`; or any, when only asked whether there is one.
  Hit meet(const Ray& ray, float limit, bool any = false) const {
    Hit hit{limit};
    Vector inverse{1 / ray.direction.x, 1 / ray.direction.y, 1 / ray.direction.z};
    int stack[max_depth + 1], top = 0;
    stack[top++] = 0;
    while (top > 0) {
      const Node& node = nodes[stack[--top]];
      if (node.box.enter(ray, inverse, hit.distance) == INFINITY) continue;
      if (node.count > 0) {
        for (int i = node.first; i < node.first + node.count; ++i) test(triangles[i], ray, hit);
        if (any && hit.triangle) break;
      } else {
        int near = int(&node - nodes.data()) + 1, far = node.first;
        if (ray.direction[node.axis] < 0) std::swap(near, far);
        stack[top++] = far;
        stack[top++] = near;
      }
    }
    return hit;
  }

 private:
  static constexpr int max_depth = 64, bins = 12;

  struct Node {
    Box box;
    int first = 0, count = 0;  // triangles of a leaf; or `first` is the second child, and the first child comes next
    int axis = 0;
  };

  std::vector<Triangle> triangles;
  std::vector<Node> nodes;

  // Möller and Trumbore, 1997.
  static void test(const Triangle& t, const Ray& ray, Hit& hit) {
    Vector p = cross(ray.direction, t.ac);
    float determinant = dot(t.ab, p);
    if (determinant == 0) return;
    Vector s = ray.origin - t.a, q = cross(s, t.ab);
    float u = dot(s, p) / determinant, v = dot(ray.direction, q) / determinant, d = dot(t.ac, q) / determinant;
    if (u >= 0 && v >= 0 && u + v <= 1 && d > 0 && d < hit.distance) hit = {d, &t, u, v};
  }

  // Splits where the surface area heuristic is least, among a few planes across the longest side.
  void build(int first, int last, int depth) {
    int self = int(nodes.size());
    nodes.emplace_back();
    Box box, centres;
    for (int i = first; i < last; ++i) {
      for (int corner = 0; corner < 3; ++corner) box.add(triangles[i].corner(corner));
      centres.add(triangles[i].centre());
    }
    Vector size = centres.size();
    int axis = size.x > size.y && size.x > size.z ? 0 : size.y > size.z ? 1 : 2;
    nodes[self] = {box, first, last - first, axis};
    if (last - first <= 2 || size[axis] <= 0 || depth >= max_depth - 1) return;

    auto bin = [&](const Triangle& t) {
      return std::min(bins - 1, int(bins * (t.centre()[axis] - centres.min[axis]) / size[axis]));
    };
    Box boxes[bins];
    int counts[bins] = {};
    for (int i = first; i < last; ++i) {
      int b = bin(triangles[i]);
      ++counts[b];
      for (int corner = 0; corner < 3; ++corner) boxes[b].add(triangles[i].corner(corner));
    }
    int best = 0;
    float least = INFINITY;
    for (int split = 1; split < bins; ++split) {
      Box left, right;
      int on_left = 0, on_right = 0;
      for (int b = 0; b < split; ++b) left.add(boxes[b]), on_left += counts[b];
      for (int b = split; b < bins; ++b) right.add(boxes[b]), on_right += counts[b];
      float cost = left.area() * on_left + right.area() * on_right;
      if (on_left && on_right && cost < least) least = cost, best = split;
    }
    if (best == 0 || (least >= box.area() * (last - first) && last - first <= 8)) return;
    auto middle = std::partition(triangles.begin() + first, triangles.begin() + last, [&](const Triangle& t) { return bin(t) < best; });
    int split = int(middle - triangles.begin());
    nodes[self].count = 0;
    build(first, split, depth + 1);
    nodes[self].first = int(nodes.size());
    build(split, last, depth + 1);
  }
};
