#include "src/reel-chaos/webhook_receiver.hpp"

#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <optional>
#include <poll.h>
#include <sodium.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace reel::chaos {

namespace json = boost::json;

namespace {

constexpr std::size_t threads_count = 16;           // more than a cluster posts at once to one host
constexpr std::size_t request_bytes_max = 64 << 10; // an event has some 300
constexpr timeval read_patience{5, 0};

const unsigned char* bytes(const std::string& text) { return reinterpret_cast<const unsigned char*>(text.data()); }

std::string sha256_of(const std::string& text) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> sum;
  crypto_hash_sha256(sum.data(), bytes(text), text.size());
  std::string hex;
  for (unsigned char byte : sum) hex += fmt::format("{:02x}", byte);
  return hex;
}

std::string lower(std::string text) {
  for (auto& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text;
}

/// The value of a header; `head` begins with the request's line.
std::string header(const std::string& head, const std::string& name) {
  const auto found = lower(head).find("\r\n" + name + ":");
  if (found == std::string::npos) return {};
  auto from = head.find_first_not_of(' ', found + name.size() + 3);
  return head.substr(from, head.find("\r\n", from) - from);
}

/// Nothing for what is no POST, too long, or never ends.
std::optional<webhook_request> read_request(int connection) {
  std::string text;
  std::array<char, 4096> buffer;
  std::size_t head = std::string::npos, body_bytes = 0;
  while (head == std::string::npos || text.size() < head + 4 + body_bytes) {
    const auto got = ::recv(connection, buffer.data(), buffer.size(), 0);
    if (got <= 0 || text.size() > request_bytes_max) return {};
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (head != std::string::npos || (head = text.find("\r\n\r\n")) == std::string::npos) continue;
    const auto length = header(text.substr(0, head), "content-length");
    std::from_chars(length.data(), length.data() + length.size(), body_bytes);
    if (body_bytes > request_bytes_max) return {};
  }
  if (!text.starts_with("POST /")) return {};
  const auto heads = text.substr(0, head);
  return webhook_request{text.substr(6, text.find(' ', 6) - 6), header(heads, "webhook-id"),
                         header(heads, "webhook-timestamp"), header(heads, "webhook-signature"),
                         text.substr(head + 4, body_bytes)};
}

json::object object_in(const json::object& o, const char* key) {
  const auto* found = o.if_contains(key);
  return found && found->is_object() ? found->as_object() : json::object{};
}

std::string text_in(const json::object& o, const char* key) {
  const auto* found = o.if_contains(key);
  return found && found->is_string() ? std::string{found->as_string()} : std::string{};
}

} // namespace

bool is_signed(const webhook_request& r, const std::string& secret) {
  constexpr std::string_view prefix = "whsec_", version = "v1,";
  std::array<unsigned char, 64> key;
  std::array<unsigned char, crypto_auth_hmacsha256_BYTES> given, right;
  std::size_t key_bytes = 0, given_bytes = 0;
  const auto decode = [](auto& into, const std::string& text, std::size_t from, std::size_t& size) {
    return text.size() > from && sodium_base642bin(into.data(), into.size(), text.data() + from, text.size() - from,
                                                   "\n", &size, nullptr, sodium_base64_VARIANT_ORIGINAL) == 0;
  };
  if (!secret.starts_with(prefix) || !r.signature.starts_with(version)) return false;
  if (!decode(key, secret, prefix.size(), key_bytes) || !decode(given, r.signature, version.size(), given_bytes))
    return false;
  const auto what = r.id + '.' + r.timestamp + '.' + r.body;
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, key.data(), key_bytes);
  crypto_auth_hmacsha256_update(&state, bytes(what), what.size());
  crypto_auth_hmacsha256_final(&state, right.data());
  return given_bytes == right.size() && sodium_memcmp(given.data(), right.data(), right.size()) == 0;
}

std::string webhook_receiver::figures::text() const {
  return fmt::format("{} jobs told, {} webhooks taken, {} of them again, {} answered badly, {} forged", jobs, taken,
                     repeated, refused, forged);
}

webhook_receiver::webhook_receiver(const std::string& history) : history_{history, "receiver"} {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* to = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_, to, size) != 0 || ::listen(listener_, 64) != 0 || ::getsockname(listener_, to, &size) != 0) {
    ::close(listener_);
    throw std::runtime_error{"the receiver of webhooks cannot listen"};
  }
  port_ = ntohs(address.sin_port);
  for (std::size_t i = 0; i < threads_count; ++i) threads_.emplace_back([this] { serve(); });
}

webhook_receiver::~webhook_receiver() { stop(); }

void webhook_receiver::stop() {
  stopping_ = true;
  changed_.notify_all();
  ::shutdown(listener_, SHUT_RDWR);
  for (auto& thread : threads_) thread.join();
  threads_.clear();
  if (listener_ >= 0) ::close(std::exchange(listener_, -1));
}

void webhook_receiver::close() {
  stop();
  history_.close();
}

std::string webhook_receiver::url() const { return fmt::format("http://127.0.0.1:{}", port_); }

void webhook_receiver::trust(const std::string& tenant, const std::string& secret) {
  std::lock_guard lock{mutex_};
  secrets_[tenant] = secret.substr(0, secret.find('\n'));
}

void webhook_receiver::answer_with(const std::string& how) {
  std::lock_guard lock{mutex_};
  how_ = how;
  ++faults_;
  refused_before_ = figures_.refused;
}

std::string webhook_receiver::answer_well() {
  std::lock_guard lock{mutex_};
  const auto how = std::exchange(how_, {});
  ++faults_;
  changed_.notify_all();
  const auto times = figures_.refused - refused_before_;
  return times == 0 ? "" : fmt::format("it answered {} webhooks so: {}", times, how);
}

webhook_receiver::figures webhook_receiver::seen() const {
  std::lock_guard lock{mutex_};
  return figures_;
}

void webhook_receiver::serve() {
  while (!stopping_) {
    const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    ::setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &read_patience, sizeof read_patience);
    handle(connection);
    ::close(connection);
  }
}

void webhook_receiver::handle(int connection) {
  const auto request = read_request(connection);
  if (!request) return;
  const auto status = answer_to(*request, connection);
  if (status.empty()) return;
  const auto text = "HTTP/1.1 " + status + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  (void)!::send(connection, text.data(), text.size(), MSG_NOSIGNAL);
}

/// The status line's end and further headers; empty: none is sent.
std::string webhook_receiver::answer_to(const webhook_request& r, int connection) {
  std::unique_lock lock{mutex_};
  const auto secret = secrets_.find(r.tenant);
  if (secret == secrets_.end() || !is_signed(r, secret->second)) {
    ++figures_.forged;
    return "401 Unauthorized";
  }
  if (how_.empty()) return take(r, true);
  if (how_ == "late") return take(r, !late_.insert(r.id).second);
  ++figures_.refused;
  write_down(r, false);
  if (how_ == "error") return "500 Internal Server Error";
  if (how_ == "redirect") return "307 Temporary Redirect\r\nLocation: http://169.254.169.254/latest/meta-data";
  if (how_ == "close") return {};
  // Hangs until the fault is over, or the other side has had enough.
  const auto fault = faults_;
  while (!stopping_ && faults_ == fault) {
    changed_.wait_for(lock, std::chrono::milliseconds{50});
    pollfd other{connection, POLLIN | POLLRDHUP, 0};
    if (::poll(&other, 1, 0) > 0) break;
  }
  return {};
}

/// With the mutex held. `is_told`: the sender gets to know.
std::string webhook_receiver::take(const webhook_request& r, bool is_told) {
  json::error_code bad;
  const auto body = json::parse(r.body, bad);
  if (!bad && body.is_object()) jobs_.insert(text_in(object_in(body.as_object(), "data"), "id"));
  if (++taken_[r.id] > 1) ++figures_.repeated;
  ++figures_.taken;
  figures_.jobs = jobs_.size();
  if (!is_told) ++figures_.refused;
  write_down(r, true);
  return is_told ? "204 No Content" : "";
}

void webhook_receiver::write_down(const webhook_request& r, bool accepted) {
  json::error_code bad;
  const auto value = json::parse(r.body, bad);
  const auto event = !bad && value.is_object() ? value.as_object() : json::object{};
  const auto data = object_in(event, "data");
  const auto* generation = data.if_contains("generation");
  history_.write({{"op", "deliver"},
                  {"tenant", r.tenant},
                  {"job", text_in(data, "id")},
                  {"gen", generation && generation->is_int64() ? generation->as_int64() : 0},
                  {"delivery_id", r.id},
                  {"body_sha", sha256_of(r.body)},
                  {"event", text_in(event, "type") == "video.completed" ? "completed" : "failed"},
                  {"accepted", accepted}});
}

} // namespace reel::chaos
