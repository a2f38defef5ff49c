#include "actors/delivery/webhook_secret.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sodium.h>
#include <stdexcept>
#include <sys/stat.h>

#include "messages/ids.hpp"

namespace reel {

namespace {

constexpr std::string_view prefix = "whsec_";
constexpr std::size_t key_bytes_min = 16, key_bytes_max = 64;

std::string base64(const unsigned char* bytes, std::size_t size) {
  std::string text(sodium_base64_encoded_len(size, sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(text.data(), text.size(), bytes, size, sodium_base64_VARIANT_ORIGINAL);
  text.pop_back(); // the terminating zero
  return text;
}

} // namespace

std::string make_webhook_secret() {
  std::array<std::uint8_t, 32> random;
  os_random(random.data(), random.size());
  return std::string{prefix} + base64(random.data(), random.size());
}

std::optional<std::string> parse_webhook_secret(std::string_view text) {
  if (!text.starts_with(prefix)) return {};
  text.remove_prefix(prefix.size());
  std::string key(key_bytes_max, '\0');
  std::size_t size = 0;
  const char* end = nullptr;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(key.data()), key.size(), text.data(), text.size(), nullptr,
                        &size, &end, sodium_base64_VARIANT_ORIGINAL) != 0 ||
      end != text.data() + text.size() || size < key_bytes_min)
    return {};
  key.resize(size);
  return key;
}

std::string load_webhook_secret(const std::string& file) {
  auto refuse = [&file](const std::string& why) { throw std::runtime_error{file + ": " + why}; };
  struct stat about {};
  if (::stat(file.c_str(), &about) != 0) refuse(std::string{"cannot be read: "} + std::strerror(errno));
  if ((about.st_mode & 077) != 0) refuse("others than the owner have access: must be mode 0600");
  std::ifstream in{file};
  std::string line;
  if (!std::getline(in, line)) refuse("cannot be read, or is empty");
  auto key = parse_webhook_secret(line);
  if (!key) refuse("holds no webhook secret: must be whsec_ and the base64 of 16 to 64 bytes");
  return *std::move(key);
}

std::string webhook_signature(std::string_view key, std::string_view id, std::int64_t unix_s, std::string_view body) {
  auto bytes = [](std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); };
  const auto head = std::string{id} + '.' + std::to_string(unix_s) + '.';
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, bytes(key), key.size());
  crypto_auth_hmacsha256_update(&state, bytes(head), head.size());
  crypto_auth_hmacsha256_update(&state, bytes(body), body.size());
  std::array<unsigned char, crypto_auth_hmacsha256_BYTES> mac;
  crypto_auth_hmacsha256_final(&state, mac.data());
  return "v1," + base64(mac.data(), mac.size());
}

} // namespace reel
