// Prices a European or Asian option by Monte Carlo; each task of a bag simulates its share of the paths.
//
//   option-pricer [--kind call] [--spot 100] [--strike 100] [--rate 0.05] [--volatility 0.2] [--years 1]
//                 [--paths 1000000] [--dates 1] [--seed 1]
//
// The kind is call, put, asian-call or asian-put; an Asian option pays on the mean of the price at the dates. The price
// follows a geometric Brownian motion. `paths` counts the whole bag. The result, price.json, has what is needed to pool the
// shares: the sum of the discounted payoffs, the sum of their squares and the number of samples; and the price and the
// standard error of this share alone. A sample is the mean over a path and its mirror image (antithetic variates).

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

[[noreturn]] static void fail(const std::string& why) {
  fprintf(stderr, "option-pricer: %s\n", why.c_str());
  exit(1);
}

static std::string variable(const char* name, const char* otherwise) {
  const char* value = getenv(name);
  return value ? value : otherwise;
}

// xoshiro256++ (Blackman and Vigna, 2019), and normal numbers from it by the polar method of Marsaglia.
class Random {
 public:
  // Streams of different tasks start far apart: their seeds are hashed by splitmix64.
  Random(uint64_t seed, uint64_t task) {
    uint64_t state = mix(seed) ^ mix(~task);
    for (uint64_t& word : words) word = mix(state += 0x9e3779b97f4a7c15u);
  }

  double gaussian() {
    if (spare_left) return spare_left = false, spare;
    double u, v, s;
    do {
      u = 2 * unit() - 1, v = 2 * unit() - 1, s = u * u + v * v;
    } while (s >= 1 || s == 0);
    double scale = std::sqrt(-2 * std::log(s) / s);
    spare = v * scale, spare_left = true;
    return u * scale;
  }

 private:
  uint64_t words[4];
  double spare = 0;
  bool spare_left = false;

  static uint64_t mix(uint64_t x) {
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
  }
  static uint64_t turn(uint64_t x, int by) { return x << by | x >> (64 - by); }

  double unit() {
    uint64_t result = turn(words[0] + words[3], 23) + words[0], shifted = words[1] << 17;
    words[2] ^= words[0], words[3] ^= words[1], words[1] ^= words[2], words[0] ^= words[3];
    words[2] ^= shifted, words[3] = turn(words[3], 45);
    return double(result >> 11) * 0x1p-53;
  }
};

struct Option {
  bool put = false, asian = false;
  double spot = 100, strike = 100, rate = 0.05, volatility = 0.2, years = 1, paths = 1e6, dates = 1, seed = 1;

  // Discounted, on a path that the normal numbers `steps` drive, times `sign`.
  double payoff(const std::vector<double>& steps, double sign) const {
    double time = years / dates, drift = (rate - volatility * volatility / 2) * time, spread = volatility * std::sqrt(time);
    double log_price = std::log(spot), sum = 0;
    for (double step : steps) {
      log_price += drift + spread * sign * step;
      if (asian) sum += std::exp(log_price);
    }
    double price = asian ? sum / dates : std::exp(log_price);
    double gain = put ? strike - price : price - strike;
    return gain > 0 ? gain * std::exp(-rate * years) : 0;
  }
};

static Option parse(int count, char** arguments) {
  Option option;
  struct Setting { double* value; double least, most; };
  std::map<std::string, Setting> settings{
      {"--spot", {&option.spot, 1e-6, 1e9}}, {"--strike", {&option.strike, 1e-6, 1e9}},
      {"--rate", {&option.rate, -1, 1}},     {"--volatility", {&option.volatility, 0, 10}},
      {"--years", {&option.years, 1e-6, 100}}, {"--paths", {&option.paths, 1, 1e12}},
      {"--dates", {&option.dates, 1, 1e5}},  {"--seed", {&option.seed, 0, 1e15}},
  };
  for (int i = 1; i < count; i += 2) {
    std::string name = arguments[i];
    if (i + 1 == count) fail(name + " needs a value");
    std::string text = arguments[i + 1];
    if (name == "--kind") {
      option.asian = text.rfind("asian-", 0) == 0;
      std::string kind = option.asian ? text.substr(6) : text;
      if (kind != "call" && kind != "put") fail("--kind is call, put, asian-call or asian-put, not '" + text + "'");
      option.put = kind == "put";
      continue;
    }
    auto setting = settings.find(name);
    if (setting == settings.end()) fail("there is no option " + name);
    auto [value, least, most] = setting->second;
    char* end;
    *value = strtod(text.c_str(), &end);
    if (text.empty() || *end || !(*value >= least && *value <= most)) fail(name + " is out of its range, or no number: '" + text + "'");
  }
  for (double* whole : {&option.paths, &option.dates, &option.seed}) *whole = std::floor(*whole);
  return option;
}

static void write(const std::string& name, const std::string& text) {
  std::string path = variable("IEXEC_OUT", "/iexec_out") + "/" + name;
  FILE* file = fopen(path.c_str(), "wb");
  if (!file || fwrite(text.data(), 1, text.size(), file) != text.size() || fclose(file)) fail("cannot write " + path);
}

int main(int count, char** arguments) {
  Option option = parse(count, arguments);
  uint64_t index = strtoull(variable("IEXEC_BOT_TASK_INDEX", "0").c_str(), nullptr, 10);
  uint64_t first = strtoull(variable("IEXEC_BOT_FIRST_INDEX", "0").c_str(), nullptr, 10);
  uint64_t size = strtoull(variable("IEXEC_BOT_SIZE", "1").c_str(), nullptr, 10);
  if (size == 0 || index < first || index - first >= size) fail("the place of the task in its bag makes no sense");

  // The first tasks of the bag take what does not divide evenly; a path and its mirror image make one sample.
  uint64_t pairs = uint64_t(option.paths + 1) / 2, samples = pairs / size + (index - first < pairs % size);
  Random random(uint64_t(option.seed), index);
  std::vector<double> steps(size_t(option.dates));
  double sum = 0, squares = 0;
  for (uint64_t sample = 0; sample < samples; ++sample) {
    for (double& step : steps) step = random.gaussian();
    double value = (option.payoff(steps, 1) + option.payoff(steps, -1)) / 2;
    sum += value, squares += value * value;
  }
  double n = double(samples), mean = samples ? sum / n : 0;
  double error = samples > 1 ? std::sqrt(std::fmax(0, squares / n - mean * mean) / (n - 1)) : 0;

  char json[512];
  snprintf(json, sizeof json,
           "{\"task\":%llu,\"samples\":%llu,\"sum\":%.17g,\"sum_of_squares\":%.17g,\"price\":%.17g,\"standard_error\":%.17g}\n",
           (unsigned long long)index, (unsigned long long)samples, sum, squares, mean, error);
  write("price.json", json);
  write("computed.json", "{\"deterministic-output-path\":\"" + variable("IEXEC_OUT", "/iexec_out") + "/price.json\"}");
  printf("%.6f +- %.6f from %llu samples\n", mean, error, (unsigned long long)samples);
}
