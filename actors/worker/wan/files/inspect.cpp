#include "actors/worker/wan/files/inspect.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "actors/worker/renderer.hpp"
#include "actors/worker/wan/files/checkpoint.hpp"
#include "actors/worker/wan/files/derive_config.hpp"
#include "actors/worker/wan/files/finite.hpp"
#include "actors/worker/wan/files/module_shapes.hpp"
#include "actors/worker/wan/files/official.hpp"
#include "actors/worker/wan/files/shards.hpp"

namespace reel::wan {
namespace {

using part_maps = std::array<std::shared_ptr<const tensor_map>, 4>;

bool is_of_encoder(model_part part, std::string_view key) {
  return part == model_part::vae && (key.starts_with("encoder.") || key.starts_with("conv1."));
}

void count(part_inspection& p, const tensor_map& tensors) {
  std::set<std::filesystem::path> files;
  for (auto& entry : tensors) {
    auto& t = entry.second;
    files.insert(t.file->path());
    p.parameters += static_cast<std::uint64_t>(t.count());
    p.bytes += t.bytes.size();
    p.types[t.type] += static_cast<std::uint64_t>(t.count());
  }
  p.files = files.size();
  p.tensors = tensors.size();
}

/// Opens a part; null with the problem noted.
std::shared_ptr<const tensor_map> open(part_inspection& p) {
  try {
    auto tensors = read_tensors(p.file);
    p.has_diffusers_names = has_diffusers_names(p.part, tensors);
    count(p, tensors);
    return std::make_shared<const tensor_map>(with_original_names(p.part, std::move(tensors)));
  } catch (const render_error& e) {
    p.problem = e.what();
    return nullptr;
  }
}

/// The numbers of one part, as far as they can be known without the others.
template <class F> auto try_to(std::string& problem, F read) -> std::optional<decltype(read())> {
  try {
    return read();
  } catch (const render_error& e) {
    problem = e.what();
    return std::nullopt;
  }
}

std::optional<shape_map> expected_shapes(const inspection& all, part_inspection& p, const tensor_map& tensors) {
  if (all.folder.layout == checkpoint_layout::single_config)
    return all.config ? std::optional{shapes_of(p.part, *all.config)} : std::nullopt;
  return try_to(p.problem, [&]() -> shape_map {
    switch (p.part) {
    case model_part::text_encoder: return text_shapes(derive_text(all.folder, tensors));
    case model_part::vae: return vae_shapes(derive_vae(all.folder, tensors));
    default: return dit_shapes(derive_dit(all.folder, p.part, tensors));
    }
  });
}

void compare_with_config(part_inspection& p, const tensor_map& tensors, const shape_map& expected) {
  p.lacks_encoder = p.part == model_part::vae &&
                    std::ranges::none_of(tensors, [&](auto& t) { return is_of_encoder(p.part, t.first); });
  for (auto& [key, shape] : expected) {
    auto found = tensors.find(key);
    if (found == tensors.end()) {
      if (!(p.lacks_encoder && is_of_encoder(p.part, key))) p.wrong.push_back(key + ": missing");
    } else if (found->second.shape != shape) {
      p.wrong.push_back(key + ": expected shape " + shape_text(shape) + ", found " + shape_text(found->second.shape));
    } else if (found->second.type == element::i64) {
      p.wrong.push_back(key + ": expected F32, F16, BF16 or F64, found I64");
    }
  }
  for (auto& [key, tensor] : tensors)
    if (!expected.contains(key)) p.unexpected.push_back(key + ' ' + shape_text(tensor.shape));
}

void compare_with_official(part_inspection& p, const tensor_map& tensors) {
  auto official = shapes_of(p.part, official_config());
  for (auto& [key, shape] : official) {
    auto found = tensors.find(key);
    if (found == tensors.end())
      p.unofficial.push_back(key + ' ' + shape_text(shape) + ": missing");
    else if (found->second.shape != shape)
      p.unofficial.push_back(key + ": " + shape_text(shape) + ", here " + shape_text(found->second.shape));
  }
  for (auto& [key, tensor] : tensors)
    if (!official.contains(key)) p.unofficial.push_back(key + ' ' + shape_text(tensor.shape) + ": not in it");
}

// ---------------------------------------------------------------- numbers

/// Finds numbers that are not finite, tensor by tensor, several at once.
class number_check {
public:
  explicit number_check(const inspect_options& options) : options_{options} {}

  void add(part_inspection& p, const tensor_map& tensors) {
    for (auto& t : tensors) tasks_.push_back({&p, &t.second});
    bytes_all_ += p.bytes;
  }

  void run() {
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < std::max(options_.threads, 1u); ++i) threads.emplace_back([this] { work(); });
    for (auto& t : threads) t.join();
  }

private:
  struct task {
    part_inspection* part;
    const stored_tensor* tensor;
  };

  void work() {
    for (auto i = next_++; i < tasks_.size(); i = next_++) {
      auto& t = *tasks_[i].tensor;
      auto bad = first_bad(t);
      std::lock_guard lock{mutex_};
      if (bad)
        tasks_[i].part->wrong.push_back(t.key + ": expected finite numbers, found " +
                                        std::string{what_is(t.type, t.bytes, *bad)} + " at element " +
                                        std::to_string(*bad));
      bytes_read_ += t.bytes.size();
      if (options_.progress) options_.progress(bytes_read_, bytes_all_);
    }
  }

  /// A piece at a time: what was read makes room for what comes.
  static std::optional<std::size_t> first_bad(const stored_tensor& t) {
    constexpr std::size_t piece = 8u << 20; // bytes; a multiple of every element's size
    for (std::size_t begin = 0; begin < t.bytes.size(); begin += piece) {
      auto part = t.bytes.subspan(begin, std::min(piece, t.bytes.size() - begin));
      mapped_file::read_ahead(part);
      auto bad = first_not_finite(t.type, part);
      mapped_file::let_go(part);
      if (bad) return begin / size_of(t.type) + *bad;
    }
    return std::nullopt;
  }

  const inspect_options& options_;
  std::vector<task> tasks_;
  std::atomic<std::size_t> next_{0};
  std::uint64_t bytes_all_ = 0, bytes_read_ = 0;
  std::mutex mutex_; ///< guards bytes_read_ and what is found
};

} // namespace

bool inspection::can_load() const {
  return problems.empty() && std::ranges::all_of(parts, [](auto& p) { return p.can_load(); });
}

bool inspection::is_official() const {
  return std::ranges::all_of(parts, [](auto& p) { return p.problem.empty() && p.unofficial.empty(); });
}

inspection inspect(const std::filesystem::path& folder, const inspect_options& options) {
  inspection all{.folder = find_checkpoint(folder)};
  all.has_tokenizer = std::filesystem::exists(all.folder.tokenizer);
  part_maps maps;
  for (auto part : model_parts) {
    all.parts.push_back({.part = part, .file = all.folder.of(part).tensors});
    maps[static_cast<std::size_t>(part)] = open(all.parts.back());
  }
  auto all_open = std::ranges::all_of(maps, [](auto& m) { return m != nullptr; });
  std::string problem;
  if (all_open || all.folder.layout == checkpoint_layout::single_config)
    all.config = try_to(problem, [&] { return read_config(all.folder, maps); });

  number_check numbers{options};
  for (auto& p : all.parts) {
    auto& tensors = maps[static_cast<std::size_t>(p.part)];
    if (!tensors) continue;
    if (auto expected = expected_shapes(all, p, *tensors)) compare_with_config(p, *tensors, *expected);
    compare_with_official(p, *tensors);
    if (options.read_numbers) numbers.add(p, *tensors);
  }
  auto is_told = std::ranges::any_of(all.parts, [&problem](auto& p) { return p.problem == problem; });
  if (!problem.empty() && !is_told) all.problems.push_back(problem);
  if (options.read_numbers) numbers.run();
  all.numbers_read = options.read_numbers;
  return all;
}

} // namespace reel::wan
