// replay.cpp: Runs decode_fuzz.cpp without libFuzzer, for ctest and for compilers that have none: every file
// of a corpus as it is and with a bounded number of seeded mutations. Any trouble ends the program by a
// signal.
//
//   fuzz_replay FOLDER                  runs all files of the folder; at least one must be there
//   fuzz_replay --write-seeds FOLDER    writes two valid bodies per message, to start a fuzzer from
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

#include "tests/messages/wire/every_message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;
using bytes = std::vector<std::uint8_t>;

constexpr int mutations_per_file = 300; // all together about two seconds

bytes read_file(const fs::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

/// One to four small changes: what pointers, counts and texts are sensitive to. The choice of the message
/// stays.
bytes mutated(bytes data, std::mt19937& random) {
  for (auto changes = 1 + random() % 4; changes > 0 && data.size() >= 10; --changes) {
    const auto at = 2 + random() % (data.size() - 2);
    const auto words = (data.size() - 2) / 8;
    const auto from = 2 + random() % words * 8, to = 2 + random() % words * 8;
    switch (random() % 5) {
    case 0: data[at] ^= 1 << random() % 8; break;
    case 1: data[at] = static_cast<std::uint8_t>(random() % 2 ? 0xFF : random()); break;
    case 2: data.resize(at); break;
    case 3: data.insert(data.end(), 8, static_cast<std::uint8_t>(random())); break;
    case 4: std::memmove(&data[to], &data[from], 8); break;
    }
  }
  return data;
}

int replay(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator{folder}) files.push_back(entry.path());
  std::ranges::sort(files); // the same order, and so the same mutations, everywhere
  std::mt19937 random{1};
  for (const auto& file : files) {
    const auto data = read_file(file);
    LLVMFuzzerTestOneInput(data.data(), data.size());
    for (int i = 0; i < mutations_per_file; ++i) {
      const auto other = mutated(data, random);
      LLVMFuzzerTestOneInput(other.data(), other.size());
    }
  }
  std::printf("%zu files, %d mutations of each\n", files.size(), mutations_per_file);
  return files.empty() ? 1 : 0;
}

/// As decode_fuzz.cpp reads it: two bytes for the place in the table, then the body.
void write_seed(const fs::path& folder, std::uint16_t place, const reel::blob& body, const char* size) {
  const auto name = std::string{reel::wire::type_name(static_cast<std::uint16_t>(place + 1))} + size;
  std::ofstream file{folder / name, std::ios::binary};
  file.put(static_cast<char>(place & 0xFF)).put(static_cast<char>(place >> 8));
  file.write(reinterpret_cast<const char*>(body.data()), static_cast<std::streamsize>(body.size()));
}

int write_seeds(const fs::path& folder) {
  using namespace reel::wire;
  std::uint16_t place = 0;
  testing::for_each_message([&]<class Message>() {
    write_seed(folder, place, encode(testing::sample_of<Message>({0, 0})).body, "-empty");
    write_seed(folder, place, encode(testing::sample_of<Message>({2, 20})).body, "-full");
    ++place;
  });
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> args{argv + 1, argv + argc};
  if (args.size() == 1) return replay(args[0]);
  if (args.size() == 2 && args[0] == "--write-seeds") return write_seeds(args[1]);
  std::fprintf(stderr, "usage: fuzz_replay [--write-seeds] FOLDER\n");
  return 2;
}
