#include "src/world/dataset.hpp"

#include <bit>
#include <fstream>
#include <limits>
#include <stdexcept>

#include "src/world/names.hpp"

namespace reel::world {

namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view magic = "reelworld dataset 1\n";
constexpr std::uint64_t examples_max = 4'000'000;
constexpr std::uint64_t captions_max = 4096, tokens_max = 4096; // of one example, of one caption
constexpr std::uintmax_t file_bytes_max = std::uintmax_t{1} << 32;

// ---------------------------------------------------------------- writing

template <class Number> void put(std::string& out, Number n) {
  out.append(reinterpret_cast<const char*>(&n), sizeof n);
}
template <class Word> void put_word(std::string& out, Word w) { out += static_cast<char>(w); }

void put_scene(std::string& out, const scene& s) {
  put(out, s.seed);
  put_word(out, s.background.pattern);
  put_word(out, s.background.first);
  put_word(out, s.background.second);
  put(out, static_cast<std::uint8_t>(s.objects.size()));
  for (const auto& o : s.objects) {
    put_word(out, o.colour);
    put_word(out, o.shape);
    put_word(out, o.motion);
    put_word(out, o.size);
    put_word(out, o.speed);
    put_word(out, o.place);
  }
}

void put_example(std::string& out, const example& e) {
  put_scene(out, e.scene);
  put(out, static_cast<std::uint16_t>(e.captions.size()));
  for (const auto& ids : e.captions) {
    put(out, static_cast<std::uint16_t>(ids.size()));
    for (auto id : ids) put(out, id);
  }
}

// ---------------------------------------------------------------- reading

class reader {
public:
  reader(std::string name, std::string_view bytes) : name_{std::move(name)}, left_{bytes} {}

  [[noreturn]] void refuse(const std::string& why) const {
    throw std::runtime_error{name_ + ": " + why + " (" + std::to_string(left_.size()) + " bytes before its end)"};
  }

  template <class Number> Number number() {
    Number n{};
    if (left_.size() < sizeof n) refuse("is cut off");
    left_.copy(reinterpret_cast<char*>(&n), sizeof n);
    left_.remove_prefix(sizeof n);
    return n;
  }

  template <class Word> Word word() {
    auto n = number<std::uint8_t>();
    if (n >= names_of<Word>().size()) refuse("holds a word that there is not");
    return static_cast<Word>(n);
  }

  scene read_scene() {
    scene s;
    s.seed = number<std::uint64_t>();
    s.background.pattern = word<pattern>();
    s.background.first = word<tone>();
    s.background.second = word<tone>();
    auto objects = number<std::uint8_t>();
    if (objects < 1 || objects > 2) refuse("holds a scene of " + std::to_string(objects) + " objects");
    for (int i = 0; i < objects; ++i) {
      object o;
      o.colour = word<colour>();
      o.shape = word<shape>();
      o.motion = word<motion>();
      o.size = word<size>();
      o.speed = word<speed>();
      o.place = word<place>();
      s.objects.push_back(o);
    }
    return s;
  }

  example read_example() {
    example e;
    e.scene = read_scene();
    auto captions = number<std::uint16_t>();
    if (captions > captions_max) refuse("holds " + std::to_string(captions) + " captions of one scene");
    for (int i = 0; i < captions; ++i) {
      auto tokens = number<std::uint16_t>();
      if (tokens > tokens_max) refuse("holds a caption of " + std::to_string(tokens) + " tokens");
      auto& ids = e.captions.emplace_back();
      for (int k = 0; k < tokens; ++k) ids.push_back(number<std::int32_t>());
    }
    return e;
  }

  std::string_view left() const { return left_; }

private:
  std::string name_;
  std::string_view left_;
};

std::string read_bytes(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  if (!in || !std::filesystem::is_regular_file(file)) throw std::runtime_error{file.string() + ": cannot be read"};
  auto bytes = std::filesystem::file_size(file);
  if (bytes > file_bytes_max) throw std::runtime_error{file.string() + ": is larger than a dataset can be"};
  std::string text(bytes, '\0');
  if (!in.read(text.data(), static_cast<std::streamsize>(bytes)))
    throw std::runtime_error{file.string() + ": cannot be read"};
  return text;
}

} // namespace

void write_dataset(const std::filesystem::path& file, const std::vector<example>& examples) {
  std::ofstream out{file, std::ios::binary};
  std::string bytes{magic};
  put(bytes, std::uint64_t{examples.size()});
  for (const auto& e : examples) {
    auto fits = [](const auto& ids) { return ids.size() <= tokens_max; };
    if (e.captions.size() > captions_max || !std::ranges::all_of(e.captions, fits) || e.scene.objects.empty() ||
        e.scene.objects.size() > 2 || examples.size() > examples_max)
      throw std::runtime_error{file.string() + ": cannot hold so many examples, captions, tokens or objects"};
    put_example(bytes, e);
    if (bytes.size() < 1u << 20) continue;
    out << bytes;
    bytes.clear();
  }
  if (!(out << bytes).flush()) throw std::runtime_error{file.string() + ": cannot be written"};
}

std::vector<example> read_dataset(const std::filesystem::path& file) {
  auto bytes = read_bytes(file);
  std::string_view text = bytes;
  if (!text.starts_with(magic)) throw std::runtime_error{file.string() + ": is not a dataset of reel-world"};
  reader r{file.string(), text.substr(magic.size())};
  auto count = r.number<std::uint64_t>();
  if (count > examples_max) r.refuse("holds " + std::to_string(count) + " examples");
  std::vector<example> all;
  for (std::uint64_t i = 0; i < count; ++i) all.push_back(r.read_example());
  if (!r.left().empty()) r.refuse("goes on after its last example");
  return all;
}

} // namespace reel::world
