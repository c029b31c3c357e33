// Renders one tile of a picture of a model, by path tracing.
//
//   renderer [--width 640] [--height 480] [--columns 4] [--rows 4] [--samples 16] [--tile N]
//
// The model is the first input file, or the dataset: a Wavefront OBJ with y up. The picture is cut into columns × rows
// tiles, counted row by row; a task renders the tile of its index in the bag. The result is tile-NNN.png.

#include <map>

#include "png.hpp"
#include "scene.hpp"

static std::string variable(const char* name, const char* otherwise = "") {
  const char* value = getenv(name);
  return value ? value : otherwise;
}

static std::string model_path() {
  std::string file = variable("IEXEC_INPUT_FILE_NAME_1", variable("IEXEC_DATASET_FILENAME").c_str());
  if (file.empty()) fail("give a model as an input file or as the dataset");
  return variable("IEXEC_IN", "/iexec_in") + "/" + file;
}

static int number(const std::string& text, int least, int most, const std::string& what) {
  char* end;
  long value = strtol(text.c_str(), &end, 10);
  if (text.empty() || *end || value < least || value > most)
    fail(what + " must be a number from " + std::to_string(least) + " to " + std::to_string(most) + ", not '" + text + "'");
  return int(value);
}

struct Picture {
  int width = 640, height = 480, columns = 4, rows = 4, samples = 16, tile = 0;

  Picture(int count, char** arguments) {
    std::map<std::string, std::string> options;
    for (int i = 1; i < count; i += 2) {
      if (i + 1 == count) fail(std::string(arguments[i]) + " needs a value");
      options[arguments[i]] = arguments[i + 1];
    }
    auto take = [&](const char* name, int& value, int least, int most) {
      auto option = options.find(name);
      if (option == options.end()) return;
      value = number(option->second, least, most, name);
      options.erase(option);
    };
    take("--width", width, 1, 16384);
    take("--height", height, 1, 16384);
    take("--columns", columns, 1, width);
    take("--rows", rows, 1, height);
    take("--samples", samples, 1, 65536);
    tile = number(variable("IEXEC_BOT_TASK_INDEX", "0"), 0, INT32_MAX, "IEXEC_BOT_TASK_INDEX");
    take("--tile", tile, 0, INT32_MAX);
    if (!options.empty()) fail("there is no option " + options.begin()->first);
    if (tile >= columns * rows)
      fail("tile " + std::to_string(tile) + " is not in a picture of " + std::to_string(columns * rows) + " tiles");
  }
};

// From light to the eight bits of a screen: a soft shoulder (Narkowicz, 2015), then the curve of sRGB.
static uint8_t screen(float light) {
  float x = std::min(1.0f, light * (2.51f * light + 0.03f) / (light * (2.43f * light + 0.59f) + 0.14f));
  float curved = x <= 0.0031308f ? 12.92f * x : 1.055f * std::pow(x, 1 / 2.4f) - 0.055f;
  return uint8_t(curved * 255 + 0.5f);
}

static void write(const std::string& name, const void* bytes, size_t size) {
  std::string path = variable("IEXEC_OUT", "/iexec_out") + "/" + name;
  FILE* file = fopen(path.c_str(), "wb");
  if (!file || fwrite(bytes, 1, size, file) != size || fclose(file)) fail("cannot write " + path);
}

int main(int count, char** arguments) {
  Picture picture(count, arguments);
  Scene scene(read_mesh(model_path()));

  int column = picture.tile % picture.columns, row = picture.tile / picture.columns;
  int left = picture.width * column / picture.columns, right = picture.width * (column + 1) / picture.columns;
  int top = picture.height * row / picture.rows, bottom = picture.height * (row + 1) / picture.rows;
  std::vector<uint8_t> pixels;
  for (int y = top; y < bottom; ++y) {
    for (int x = left; x < right; ++x) {
      Vector light;
      for (int sample = 0; sample < picture.samples; ++sample) {
        Random random(uint32_t(y * picture.width + x), uint32_t(sample));
        float u, v;
        random.pair(u, v);
        Ray ray = scene.camera((2 * (x + u) - picture.width) / picture.height, (picture.height - 2 * (y + v)) / picture.height);
        light += low(scene.trace(ray, random), {20, 20, 20});
      }
      light = light * (1.0f / picture.samples);
      for (int channel = 0; channel < 3; ++channel) pixels.push_back(screen(light[channel] * 0.55f));
    }
  }

  char name[32], computed[128];
  snprintf(name, sizeof name, "tile-%03d.png", picture.tile);
  std::vector<uint8_t> png = Png::encode(uint32_t(right - left), uint32_t(bottom - top), pixels);
  write(name, png.data(), png.size());
  int size = snprintf(computed, sizeof computed, "{\"deterministic-output-path\":\"%s/%s\"}", variable("IEXEC_OUT", "/iexec_out").c_str(), name);
  write("computed.json", computed, size_t(size));
  printf("tile %d: %d x %d pixels, %d samples each\n", picture.tile, right - left, bottom - top, picture.samples);
}
