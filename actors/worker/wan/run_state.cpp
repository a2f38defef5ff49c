#include "actors/worker/wan/run_state.hpp"

#include <boost/json.hpp>
#include <cstring>

#include "actors/worker/renderer.hpp"
#include "actors/worker/wan/torch_compat.hpp"

namespace reel::wan {
namespace json = boost::json;

namespace {

constexpr std::size_t length_bytes = 8;
constexpr std::string_view format_name = "reel-run";

struct named_tensor {
  const char* name;
  at::Tensor sampler_state::*tensor;
};
constexpr named_tensor tensor_names[] = {{"latent", &sampler_state::latent},
                                         {"before", &sampler_state::before},
                                         {"m0", &sampler_state::m0},
                                         {"m1", &sampler_state::m1}};

[[noreturn]] void corrupt(const std::string& why) { throw render_error{errc::corrupt, "saved run: " + why}; }

// ---------------------------------------------------------------- writing

json::object metadata_of(const run_state& r) {
  json::array samples;
  for (auto& s : r.samples) samples.push_back(json::object{{"id", s.id}, {"seed", s.seed}, {"step", s.step}});
  return {{"format", format_name},
          {"version", std::to_string(run_state_version)},
          {"model", r.model},
          {"batch", r.batch},
          {"samples", json::serialize(samples)}}; // the format's metadata are texts
}

// ---------------------------------------------------------------- reading

/// The file's parts; complains about what is not there.
class reader {
public:
  explicit reader(const blob& bytes) {
    std::uint64_t length = 0;
    if (bytes.size() < length_bytes) corrupt("expected a header, found " + std::to_string(bytes.size()) + " bytes");
    for (std::size_t i = length_bytes; i-- > 0;) length = length << 8 | bytes.data()[i];
    if (length > bytes.size() - length_bytes)
      corrupt("header length " + std::to_string(length) + ", but " + std::to_string(bytes.size() - length_bytes) +
              " bytes follow");
    auto* text = reinterpret_cast<const char*>(bytes.data()) + length_bytes;
    boost::system::error_code error;
    header_ = json::parse({text, length}, error);
    if (error || !header_.is_object()) corrupt("header: expected a JSON object");
    data_ = bytes.bytes().subspan(length_bytes + length);
    auto found = header_.get_object().if_contains("__metadata__");
    if (!found || !found->is_object()) corrupt("no metadata");
    metadata_ = &found->get_object();
  }

  std::string text(const char* key) const {
    auto found = metadata_->if_contains(key);
    if (!found || !found->is_string()) corrupt(std::string{"metadata: no text under "} + key);
    return std::string{found->get_string()};
  }

  /// Undefined when there is none.
  at::Tensor tensor(const std::string& key) const {
    auto entry = header_.get_object().if_contains(key);
    if (!entry) return {};
    try {
      auto& o = entry->as_object();
      auto shape = json::value_to<std::vector<std::int64_t>>(o.at("shape"));
      auto range = json::value_to<std::array<std::uint64_t, 2>>(o.at("data_offsets"));
      if (o.at("dtype").as_string() == "F32") return tensor(key, shape, range);
    } catch (const render_error&) {
      throw;
    } catch (const std::exception&) { // a missing field or one of another kind: below
    }
    corrupt("tensor " + key + ": expected dtype F32, shape and data_offsets");
  }

private:
  at::Tensor tensor(const std::string& key, const std::vector<std::int64_t>& shape,
                    const std::array<std::uint64_t, 2>& range) const {
    std::uint64_t bytes = sizeof(float);
    for (auto n : shape)
      if (n < 1 || __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(n), &bytes))
        corrupt("tensor " + key + ": a shape that cannot be");
    if (shape.size() != 4 || range[0] > range[1] || range[1] > data_.size() || range[1] - range[0] != bytes)
      corrupt("tensor " + key + ": shape and data_offsets do not agree");
    auto t = at::empty(shape, at::kFloat);
    std::memcpy(t.data_ptr(), data_.data() + range[0], bytes);
    return t;
  }

  json::value header_;
  const json::object* metadata_ = nullptr;
  std::span<const std::uint8_t> data_;
};

saved_sample read_sample(const reader& in, std::size_t index, const json::value& entry) {
  saved_sample s;
  try {
    auto& o = entry.as_object();
    s.id = json::value_to<std::string>(o.at("id"));
    s.seed = o.at("seed").to_number<std::uint64_t>();
    s.step = o.at("step").to_number<std::size_t>();
  } catch (const std::exception&) {
    corrupt("sample " + std::to_string(index) + ": expected id, seed and step");
  }
  for (auto& [name, tensor] : tensor_names) {
    s.tensors.*tensor = in.tensor(std::to_string(index) + '.' + name);
    auto& t = s.tensors.*tensor;
    if (t.defined() && (!s.tensors.latent.defined() || t.sizes() != s.tensors.latent.sizes()))
      corrupt("sample " + std::to_string(index) + ": tensors of different shapes");
  }
  return s;
}

} // namespace

blob save_run(const run_state& r) {
  json::object header{{"__metadata__", metadata_of(r)}};
  std::vector<at::Tensor> parts;
  std::size_t end = 0;
  for (std::size_t i = 0; i < r.samples.size(); ++i)
    for (auto& [name, tensor] : tensor_names) {
      auto& t = r.samples[i].tensors.*tensor;
      if (!t.defined()) continue;
      parts.push_back(t.to(at::kCPU, at::kFloat).contiguous());
      auto begin = end;
      end += parts.back().nbytes();
      header[std::to_string(i) + '.' + name] = json::object{
          {"dtype", "F32"}, {"shape", json::value_from(parts.back().sizes().vec())}, {"data_offsets", {begin, end}}};
    }
  auto text = json::serialize(header);
  text.resize((text.size() + 7) / 8 * 8, ' '); // the data begin aligned
  std::vector<std::uint8_t> out(length_bytes + text.size() + end);
  for (std::size_t i = 0; i < length_bytes; ++i) out[i] = static_cast<std::uint8_t>(text.size() >> 8 * i);
  std::memcpy(out.data() + length_bytes, text.data(), text.size());
  auto* to = out.data() + length_bytes + text.size();
  for (auto& p : parts) {
    std::memcpy(to, p.data_ptr(), p.nbytes());
    to += p.nbytes();
  }
  return blob{std::move(out)};
}

run_state load_run(const blob& bytes) {
  reader in{bytes};
  if (in.text("format") != format_name) corrupt("format \"" + in.text("format") + "\"");
  if (auto version = in.text("version"); version != std::to_string(run_state_version))
    throw render_error{errc::unsupported, "saved run: version " + version + ", version " +
                                              std::to_string(run_state_version) + " is known here"};
  run_state r{in.text("model"), in.text("batch"), {}};
  boost::system::error_code error;
  auto samples = json::parse(in.text("samples"), error);
  if (error || !samples.is_array()) corrupt("metadata: no list of samples");
  for (auto& entry : samples.get_array()) r.samples.push_back(read_sample(in, r.samples.size(), entry));
  for (auto& s : r.samples)
    if (!s.tensors.latent.defined()) corrupt("sample " + s.id + ": no latent");
  return r;
}

} // namespace reel::wan
