// Groups the rows of a CSV file by one column and describes another.
//
//   csv-stats --group COLUMN --value COLUMN [--delimiter ,]
//
// Columns are named as in the first row, or numbered from 1. The file is the first input file, or the dataset. The result,
// stats.csv, has a row for each group, sorted: group, count, sum, mean, min, max, and the number of cells that were empty or
// no number. CSV is read as RFC 4180 has it; rows that lack the columns are counted and skipped; sums are compensated
// (Neumaier), so a large number does not swallow small ones.

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

constexpr size_t max_cell = 1 << 20, max_columns = 10'000, max_groups = 1'000'000;

[[noreturn]] static void fail(const std::string& why) {
  fprintf(stderr, "csv-stats: %s\n", why.c_str());
  exit(1);
}

static std::string variable(const char* name, const char* otherwise = "") {
  const char* value = getenv(name);
  return value ? value : otherwise;
}

using Row = std::vector<std::string>;

class Csv {
 public:
  Csv(const std::string& path, char delimiter) : file(fopen(path.c_str(), "rb")), delimiter(delimiter) {
    if (!file) fail("cannot open " + path);
    char mark[3];  // a byte order mark, as spreadsheets write it
    if (fread(mark, 1, 3, file) != 3 || memcmp(mark, "\xef\xbb\xbf", 3) != 0) rewind(file);
  }
  ~Csv() { fclose(file); }

  // The next row that is not empty. A quote opens only at the start of a cell; one that is never closed ends with the file.
  bool next(Row& row) {
    row.assign(1, "");
    bool quoted = false, begun = false;
    for (int c; (c = getc(file)) != EOF;) {
      if (quoted) {
        if (c != '"') {
          add(row, char(c));
        } else if ((c = getc(file)) == '"') {
          add(row, '"');
        } else {
          quoted = false;
          ungetc(c, file);
        }
      } else if (c == '"' && row.back().empty()) {
        quoted = begun = true;
      } else if (c == delimiter) {
        if (row.size() == max_columns) fail("a row has more than 10000 columns");
        row.emplace_back();
        begun = true;
      } else if (c == '\n' || c == '\r') {
        if (begun) return true;
      } else {
        add(row, char(c));
        begun = true;
      }
    }
    if (ferror(file)) fail("cannot read the file");
    return begun;
  }

 private:
  FILE* file;
  int delimiter;

  static void add(Row& row, char c) {
    if (row.back().size() == max_cell) fail("a cell is longer than a mebibyte: is a quote left open?");
    row.back() += c;
  }
};

struct Group {
  double sum = 0, lost = 0, min = INFINITY, max = -INFINITY;
  unsigned long long count = 0, skipped = 0;

  void add(double value) {
    double next = sum + value;
    lost += std::fabs(sum) >= std::fabs(value) ? (sum - next) + value : (value - next) + sum;
    sum = next;
    min = std::min(min, value), max = std::max(max, value);
    ++count;
  }
  double total() const { return std::isfinite(sum + lost) ? sum + lost : sum; }
};

// A finite number that fills the whole cell, but for spaces around it.
static bool number(const std::string& cell, double& value) {
  if (cell.find('\0') != std::string::npos) return false;
  const char* start = cell.c_str();
  while (isspace(static_cast<unsigned char>(*start))) ++start;
  if (!isdigit(static_cast<unsigned char>(*start)) && !strchr("+-.", *start)) return false;
  char* end;
  value = strtod(start, &end);
  if (end == start || !std::isfinite(value) || memchr(start, 'x', size_t(end - start)) || memchr(start, 'X', size_t(end - start))) return false;
  while (isspace(static_cast<unsigned char>(*end))) ++end;
  return *end == 0;
}

static size_t column(const Row& header, const std::string& name) {
  auto found = std::find(header.begin(), header.end(), name);
  if (found != header.end()) return size_t(found - header.begin());
  char* end;
  unsigned long index = strtoul(name.c_str(), &end, 10);
  if (!name.empty() && isdigit(static_cast<unsigned char>(name[0])) && !*end && index >= 1 && index <= header.size()) return index - 1;
  std::string names;
  for (size_t i = 0; i < std::min<size_t>(header.size(), 20); ++i) names += (i ? ", " : "") + header[i];
  fail("there is no column '" + name + "'; the file has: " + names);
}

static std::string quote(const std::string& cell) {
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  std::string quoted = "\"";
  for (char c : cell) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + '"';
}

static FILE* create(const std::string& name) {
  FILE* file = fopen((variable("IEXEC_OUT", "/iexec_out") + "/" + name).c_str(), "wb");
  if (!file) fail("cannot write " + name);
  return file;
}

int main(int count, char** arguments) {
  std::map<std::string, std::string> options{{"--delimiter", ","}};
  for (int i = 1; i < count; i += 2) {
    std::string name = arguments[i];
    if (name != "--group" && name != "--value" && name != "--delimiter") fail("there is no option " + name);
    if (i + 1 == count) fail(name + " needs a value");
    options[name] = arguments[i + 1];
  }
  if (!options.count("--group") || !options.count("--value")) fail("say --group COLUMN and --value COLUMN");
  if (options["--delimiter"].size() != 1 || strchr("\"\r\n", options["--delimiter"][0])) fail("--delimiter is one character");

  std::string file = variable("IEXEC_INPUT_FILE_NAME_1", variable("IEXEC_DATASET_FILENAME").c_str());
  if (file.empty()) fail("give a CSV file as an input file or as the dataset");
  Csv csv(variable("IEXEC_IN", "/iexec_in") + "/" + file, options["--delimiter"][0]);
  Row row;
  if (!csv.next(row)) fail("the file is empty");
  size_t key = column(row, options["--group"]), value = column(row, options["--value"]);
  std::string title = row[key];

  std::map<std::string, Group> groups;
  unsigned long long rows = 0, ragged = 0;
  while (csv.next(row)) {
    ++rows;
    if (row.size() <= std::max(key, value)) {
      ++ragged;
      continue;
    }
    Group& group = groups[row[key]];
    if (groups.size() > max_groups) fail("there are more than a million groups");
    double cell;
    if (number(row[value], cell)) group.add(cell); else ++group.skipped;
  }

  FILE* stats = create("stats.csv");
  fprintf(stats, "%s,count,sum,mean,min,max,skipped\n", quote(title).c_str());
  for (const auto& [name, group] : groups) {
    fprintf(stats, "%s,%llu,%.17g,", quote(name).c_str(), group.count, group.total());
    if (group.count)
      fprintf(stats, "%.17g,%.17g,%.17g", group.total() / double(group.count), group.min, group.max);
    else
      fprintf(stats, ",,");
    fprintf(stats, ",%llu\n", group.skipped);
  }
  FILE* computed = create("computed.json");
  fprintf(computed, "{\"deterministic-output-path\":\"%s/stats.csv\"}", variable("IEXEC_OUT", "/iexec_out").c_str());
  if (fclose(stats) || fclose(computed)) fail("cannot write the result");
  printf("%llu rows, %zu groups, %llu rows without the columns\n", rows, groups.size(), ragged);
}
