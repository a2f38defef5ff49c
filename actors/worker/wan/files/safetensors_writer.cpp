#include "actors/worker/wan/files/safetensors_writer.hpp"

#include <boost/json.hpp>
#include <cerrno>
#include <fstream>
#include <system_error>

namespace reel::wan {
namespace json = boost::json;

void write_safetensors(const std::filesystem::path& file,
                       const std::map<std::string, tensor_bytes, std::less<>>& tensors) {
  json::object header;
  std::uint64_t at = 0;
  for (auto& [name, t] : tensors) {
    json::array shape(t.shape.begin(), t.shape.end());
    auto end = at + t.bytes.size();
    header[name] = {{"dtype", to_string(t.type)}, {"shape", std::move(shape)}, {"data_offsets", json::array{at, end}}};
    at = end;
  }
  auto text = json::serialize(header);
  text.resize((text.size() + 7) / 8 * 8, ' '); // so that the numbers lie aligned
  auto partial = file;
  partial += ".partial";
  std::ofstream out{partial, std::ios::binary};
  std::uint64_t size = text.size();
  char length[8];
  for (auto& c : length) c = static_cast<char>(size & 0xff), size >>= 8;
  out.write(length, sizeof length).write(text.data(), static_cast<std::streamsize>(text.size()));
  for (auto& [name, t] : tensors)
    out.write(reinterpret_cast<const char*>(t.bytes.data()), static_cast<std::streamsize>(t.bytes.size()));
  out.close();
  if (!out) throw std::system_error{errno, std::generic_category(), partial.string()};
  std::filesystem::rename(partial, file);
}

} // namespace reel::wan
