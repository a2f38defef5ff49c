#include <boost/json.hpp>
#include <fmt/format.h>
#include <iostream>
#include <thread>
#include <unistd.h>

#include "actors/worker/wan/files/inspect.hpp"
#include "actors/worker/wan/files/official.hpp"
#include "src/reel-worker/commands.hpp"

namespace reel::worker_cli {

namespace json = boost::json;
using namespace reel::wan;

std::string size_text(std::uint64_t bytes) {
  if (bytes >= 1u << 30) return fmt::format("{:.2f} GiB", static_cast<double>(bytes) / (1u << 30));
  if (bytes >= 1u << 20) return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1u << 20));
  return fmt::format("{:.1f} KiB", static_cast<double>(bytes) / 1024);
}

namespace {

constexpr std::size_t shown_max = 10; // of a list; --json has all

std::string with_commas(std::uint64_t n) {
  auto digits = std::to_string(n);
  for (auto i = static_cast<std::ptrdiff_t>(digits.size()) - 3; i > 0; i -= 3)
    digits.insert(static_cast<std::size_t>(i), 1, ',');
  return digits;
}

std::string types_text(const part_inspection& p) {
  std::string out;
  for (auto& type : p.types) out += (out.empty() ? "" : " ") + std::string{to_string(type.first)};
  return out;
}

std::string place_text(const inspection& i, const part_inspection& p) {
  auto name = p.file.lexically_relative(i.folder.path).string();
  return p.files > 1 ? fmt::format("{} ({} files)", name, p.files) : name;
}

void print_parts(const inspection& i) {
  fmt::print("  {:<18}{:>8}{:>16}{:>12}  {:<10}{}\n", "PART", "TENSORS", "PARAMETERS", "SIZE", "TYPE", "FILE");
  std::uint64_t parameters = 0, bytes = 0, tensors = 0;
  for (auto& p : i.parts) {
    fmt::print("  {:<18}{:>8}{:>16}{:>12}  {:<10}{}\n", to_string(p.part), p.tensors, with_commas(p.parameters),
               size_text(p.bytes), types_text(p), place_text(i, p));
    parameters += p.parameters;
    bytes += p.bytes;
    tensors += p.tensors;
  }
  fmt::print("  {:<18}{:>8}{:>16}{:>12}\n\n", "all", tensors, with_commas(parameters), size_text(bytes));
}

std::string joined(const std::vector<std::int64_t>& values, const char* between) {
  std::string out;
  for (auto v : values) out += (out.empty() ? "" : between) + std::to_string(v);
  return out;
}

void print_config(const model_config& c, const checkpoint_folder& folder) {
  auto& d = c.dit;
  auto& t = c.text;
  auto& v = c.vae;
  fmt::print("  experts       dim {} ({} heads of {}), ffn {}, {} layers, frequencies {}, patch {}x{}x{}\n", d.dim,
             d.heads, d.head_dim(), d.ffn_dim, d.layers, d.freq_dim, d.patch[0], d.patch[1], d.patch[2]);
  fmt::print("                text {} x {}, latent {} channels; the high-noise one serves from timestep {}\n",
             d.text_len, d.text_dim, d.in_dim, c.boundary * static_cast<double>(c.train_timesteps));
  fmt::print(
      "  text encoder  vocabulary {}, dim {} ({} heads of {}), ffn {}, {} layers, {} position buckets up to {}\n",
      t.vocabulary, t.dim, t.heads, t.attention_dim / t.heads, t.ffn_dim, t.layers, t.buckets, t.distance_max);
  fmt::print("  VAE           dim {} x {}, {} latent channels, {} blocks a level, stride {}x{}x{}\n", v.dim,
             joined(v.widths, ","), v.latent_channels, v.blocks_per_level, v.time_stride(), v.space_stride(),
             v.space_stride());
  auto& g = folder.defaults;
  fmt::print("  defaults      {}x{}, {} frames at {} per second, {} steps, guidance {} high {} low, shift {}\n\n",
             g.width, g.height, g.frames, g.fps, g.steps, g.guidance_high, g.guidance_low, g.flow_shift);
}

void print_list(const std::string& head, const std::vector<std::string>& list) {
  if (list.empty()) return;
  fmt::print("  {}:\n", head);
  for (std::size_t n = 0; n < std::min(list.size(), shown_max); ++n) fmt::print("    {}\n", list[n]);
  if (list.size() > shown_max) fmt::print("    ... and {} more (--json shows all)\n", list.size() - shown_max);
}

void print_findings(const inspection& i) {
  print_list("PROBLEMS", i.problems);
  for (auto& p : i.parts) {
    auto name = std::string{to_string(p.part)};
    if (!p.problem.empty()) print_list(name + ", CANNOT BE READ", {p.problem});
    print_list(name + ", WRONG", p.wrong);
    print_list(name + ", not needed", p.unexpected);
    if (p.lacks_encoder) fmt::print("  {}: decoder only, which is what text to video needs\n", name);
  }
  fmt::print("  tokenizer     {}{}\n", i.folder.tokenizer.lexically_relative(i.folder.path).string(),
             i.has_tokenizer ? "" : ": MISSING (the node that tokenizes needs it, workers do not)");
  fmt::print("  numbers       {}\n",
             i.numbers_read ? "all read, those not finite are listed above" : "not read (--quick)");
}

void print_official(const inspection& i) {
  if (i.is_official()) {
    fmt::print("  released      every shape is that of {}\n\n", official_name);
    return;
  }
  fmt::print("  released      not {}:", official_name);
  const char* between = " ";
  for (auto& p : i.parts) {
    auto readable = p.problem.empty() || p.tensors > 0;
    fmt::print("{}{} {}", between, to_string(p.part),
               !readable              ? "cannot be read"
               : p.unofficial.empty() ? "matches"
                                      : fmt::format("differs in {} tensors", p.unofficial.size()));
    between = ", ";
  }
  fmt::print("\n");
  for (auto& p : i.parts)
    if (!p.unofficial.empty()) fmt::print("                {}: {}\n", to_string(p.part), p.unofficial.front());
  fmt::print("\n");
}

void print_text(const inspection& i) {
  auto diffusers = std::ranges::any_of(i.parts, [](auto& p) { return p.has_diffusers_names; });
  fmt::print("{}: {}, {} tensor names\n\n", i.folder.path.string(), to_string(i.folder.layout),
             diffusers ? "diffusers'" : "the reference's");
  print_parts(i);
  if (i.config) print_config(*i.config, i.folder);
  print_findings(i);
  print_official(i);
  fmt::print("{}\n", i.can_load() ? "This checkpoint can be loaded." : "This checkpoint CANNOT be loaded.");
}

json::value texts(const std::vector<std::string>& list) { return json::value_from(list); }

json::object to_json(const inspection& i) {
  json::array parts;
  for (auto& p : i.parts) {
    json::object types;
    for (auto& [type, parameters] : p.types) types[to_string(type)] = parameters;
    parts.push_back(json::object{{"part", to_string(p.part)},
                                 {"file", p.file.string()},
                                 {"files", p.files},
                                 {"tensors", p.tensors},
                                 {"parameters", p.parameters},
                                 {"bytes", p.bytes},
                                 {"parameters_by_type", types},
                                 {"diffusers_names", p.has_diffusers_names},
                                 {"problem", p.problem},
                                 {"wrong", texts(p.wrong)},
                                 {"unexpected", texts(p.unexpected)},
                                 {"differs_from_released", texts(p.unofficial)}});
  }
  return {{"folder", i.folder.path.string()},
          {"layout", to_string(i.folder.layout)},
          {"parts", std::move(parts)},
          {"problems", texts(i.problems)},
          {"tokenizer", i.has_tokenizer ? json::value(i.folder.tokenizer.string()) : json::value()},
          {"numbers_read", i.numbers_read},
          {"is_released_model", i.is_official()},
          {"can_load", i.can_load()}};
}

/// On a terminal, while a large checkpoint is read.
void show_progress(std::uint64_t bytes_read, std::uint64_t bytes_all) {
  static std::uint64_t shown = 0; // under the inspection's lock
  auto percent = bytes_all > 0 ? 100 * bytes_read / bytes_all : 100;
  if (percent == shown) return;
  shown = percent;
  fmt::print(stderr, "\rreading numbers: {} of {} ({} %) ", size_text(bytes_read), size_text(bytes_all), percent);
  if (bytes_read == bytes_all) fmt::print(stderr, "\r{:60}\r", "");
}

} // namespace

int inspect(const inspect_command& c) {
  inspect_options options{.read_numbers = !c.quick, .threads = std::thread::hardware_concurrency(), .progress = {}};
  if (::isatty(STDERR_FILENO)) options.progress = show_progress;
  auto found = wan::inspect(c.folder, options);
  if (c.json)
    fmt::print("{}\n", json::serialize(to_json(found)));
  else
    print_text(found);
  return found.can_load() ? 0 : exit_failed;
}

} // namespace reel::worker_cli
