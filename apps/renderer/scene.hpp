// The scene: a glazed model on woven silk, under a large soft lamp. And the light that reaches the eye from it.
#pragma once

#include "random.hpp"
#include "tree.hpp"

class Scene {
 public:
  explicit Scene(std::vector<Triangle> mesh) : model(std::move(mesh)) {
    Vector size = model.bounds().size();
    middle = (model.bounds().min + model.bounds().max) * 0.5f;
    radius = 0.5f * length(size);
    floor = model.bounds().min.y;
    lamp = middle + Vector{-2.7f, 2.5f, 1.1f} * radius;
  }

  // The ray through a point of the picture; `x` and `y` run from -1 to 1 along its height, to the right and up.
  Ray camera(float x, float y) const {
    Vector eye = middle + normal({0.36f, 0.46f, 1.0f}) * (3.7f * radius);
    Vector forward = normal(middle + Vector{0.02f, -0.05f, 0} * radius - eye);
    Vector right = normal(cross(forward, {0, 1, 0})), up = cross(right, forward);
    return {eye, normal(forward + (right * x + up * y) * 0.215f)};
  }

  // The light that comes back along a ray. What is seen first is both shiny and coloured; further on, by chance, either.
  // Bright things are `seen` by the eye and in mirrors; the light of the lamp on all else is drawn in `lamp_light`.
  Vector trace(const Ray& ray, Random& random, int depth = 0, bool seen = true) const {
    Surface surface;
    if (!meet(ray, surface)) return sky(ray.direction, seen);
    float grazing = std::pow(1 - std::max(0.0f, -dot(ray.direction, surface.normal)), 5.0f);
    float shine = surface.gloss + (surface.gloss > 0 ? (1 - surface.gloss) * grazing : 0), u, v;  // Schlick, 1994
    if (depth == 0 && shine > 0) return mix(colour(surface, random, depth), mirror(ray, surface, random, depth, seen), shine);
    random.pair(u, v);
    return u < shine ? mirror(ray, surface, random, depth, seen) : colour(surface, random, depth);
  }

 private:
  static constexpr float tau = 6.2831853f;
  static constexpr int deepest = 3;  // bounces after the first

  struct Surface {
    Vector place, face, normal, colour;
    float gloss = 0;  // what a mirror of it reflects straight on
  };

  Tree model;
  Vector middle, lamp;
  float radius, floor;

  float lamp_radius() const { return 0.66f * radius; }
  static constexpr float lamp_strength = 66.0f;

  Vector mirror(const Ray& ray, const Surface& surface, Random& random, int depth, bool seen) const {
    Ray next{surface.place, reflect(ray.direction, surface.normal)};
    if (depth == deepest || dot(next.direction, surface.face) <= 0) return {};
    return trace(next, random, depth + 1, seen);
  }

  // Light from the lamp, and from wherever one ray of chance leads.
  Vector colour(const Surface& surface, Random& random, int depth) const {
    Vector light = lamp_light(surface, random);
    float u, v;
    random.pair(u, v);
    float r = std::sqrt(u), angle = tau * v;
    Ray next{surface.place, around(surface.normal, {r * std::cos(angle), r * std::sin(angle), std::sqrt(1 - u)})};
    if (depth < deepest && dot(next.direction, surface.face) > 0) light += trace(next, random, depth + 1, false);
    return light * surface.colour;
  }

  bool meet(const Ray& ray, Surface& surface) const {
    float ground = ray.direction.y < 0 ? (floor - ray.origin.y) / ray.direction.y : INFINITY;
    if (!(ground > 0)) ground = INFINITY;
    Hit hit = model.meet(ray, ground);
    if (hit.triangle) {
      glaze(ray, hit, surface);
    } else if (ground < 60 * radius) {
      silk(ray.origin + ray.direction * ground, surface);
    } else {
      return false;
    }
    surface.place += surface.face * (1e-4f * radius);
    return true;
  }

  void glaze(const Ray& ray, const Hit& hit, Surface& surface) const {
    surface.face = hit.triangle->face();
    surface.normal = hit.smooth_normal();
    if (dot(surface.face, ray.direction) > 0) surface.face = -surface.face;
    if (dot(surface.normal, surface.face) < 0) surface.normal = -surface.normal;
    // A smooth normal may look away from the eye at the rim.
    float away = dot(surface.normal, ray.direction);
    if (away > -0.02f) surface.normal = normal(surface.normal - ray.direction * (away + 0.02f));
    surface.place = ray.origin + ray.direction * hit.distance;
    surface.colour = {0.78f, 0.20f, 0.055f};
    surface.gloss = 0.055f;
  }

  // Ribbons of two blues, over and under each other.
  void silk(Vector place, Surface& surface) const {
    float width = 0.13f * radius, s = place.x * 0.92f + place.z * 0.39f, t = place.z * 0.92f - place.x * 0.39f;
    int row = int(std::floor(s / width)), column = int(std::floor(t / width));
    float across = s / width - row - 0.5f, along = t / width - column - 0.5f;
    bool warp = (row + column) & 1;
    if (!warp) std::swap(across, along);
    float slope_across = -0.9f * across * across * across * 4, slope_along = -0.55f * std::sin(tau / 2 * along);
    float slope_s = warp ? slope_across : slope_along, slope_t = warp ? slope_along : slope_across;
    Vector up = normal(Vector{0.92f * slope_s - 0.39f * slope_t, -1, 0.39f * slope_s + 0.92f * slope_t} * -1);
    surface = {{place.x, floor, place.z}, {0, 1, 0}, up, warp ? Vector{0.060f, 0.115f, 0.22f} : Vector{0.090f, 0.160f, 0.28f}, 0.0f};
    float gap = std::min(1.0f, (0.5f - std::fabs(across)) * 14), far = std::min(1.0f, length(place - middle) / (9 * radius));
    surface.colour = mix(surface.colour * (0.25f + 0.75f * gap), {0.06f, 0.11f, 0.20f}, far);
    surface.normal = normal(mix(surface.normal, {0, 1, 0}, far));
  }

  // Warm above, cool at the horizon; and the lamp.
  Vector sky(Vector direction, bool seen) const {
    Vector to = lamp - middle;
    float far = length(to), edge = std::sqrt(1 - lamp_radius() * lamp_radius() / (far * far));
    if (seen && dot(direction, to) > edge * far) return Vector{1.0f, 0.93f, 0.82f} * lamp_strength;
    float height = std::max(0.0f, direction.y);
    Vector colour = mix({0.20f, 0.25f, 0.36f}, {0.36f, 0.40f, 0.50f}, std::sqrt(height));
    // A long window on the right, for the glaze to show.
    bool window = seen && direction.x > 0.62f && direction.x < 0.86f && direction.y > 0.12f && direction.y < 0.62f;
    return window ? Vector{3.2f, 3.3f, 3.6f} : colour;
  }

  // The lamp is a ball; a direction is drawn from the cone it fills.
  Vector lamp_light(const Surface& surface, Random& random) const {
    Vector to = lamp - surface.place;
    float far2 = dot(to, to), edge = std::sqrt(std::max(0.0f, 1 - lamp_radius() * lamp_radius() / far2)), u, v;
    random.pair(u, v);
    float c = 1 - u * (1 - edge), s = std::sqrt(std::max(0.0f, 1 - c * c));
    Vector direction = around(normal(to), {s * std::cos(tau * v), s * std::sin(tau * v), c});
    float facing = dot(direction, surface.normal);
    if (facing <= 0 || dot(direction, surface.face) <= 0) return {};
    if (model.meet({surface.place, direction}, INFINITY, true).triangle) return {};
    return Vector{1.0f, 0.93f, 0.82f} * (lamp_strength * facing * 2 * (1 - edge));  // the cone's angle over pi
  }
};
