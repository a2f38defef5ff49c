#include "actors/delivery/http_post.hpp"

#include <cstring>
#include <curl/curl.h>
#include <memory>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace reel {

namespace {

constexpr std::size_t answer_bytes_max = 64u << 10;

std::optional<ip_address> address_of(const sockaddr* a) {
  ip_address address;
  if (a->sa_family == AF_INET6) {
    std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in6*>(a)->sin6_addr, address.bytes.size());
    return address;
  }
  if (a->sa_family != AF_INET) return {};
  address.bytes[10] = address.bytes[11] = 0xff;
  std::memcpy(address.bytes.data() + 12, &reinterpret_cast<const sockaddr_in*>(a)->sin_addr, 4);
  return address;
}

/// What the callbacks of one transfer share.
struct transfer {
  const webhook_targets& targets;
  const std::atomic<bool>& stopping;
  std::size_t read = 0;
  bool refused = false; ///< an address
};

curl_socket_t open_checked(void* of, curlsocktype, curl_sockaddr* to) {
  auto& t = *static_cast<transfer*>(of);
  const auto address = address_of(&to->addr);
  if (address && t.targets.may_connect(*address))
    return ::socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
  t.refused = true;
  return CURL_SOCKET_BAD;
}

std::size_t discard(char*, std::size_t size, std::size_t count, void* of) {
  auto& t = *static_cast<transfer*>(of);
  t.read += size * count;
  return t.read <= answer_bytes_max ? size * count : 0;
}

int is_stopping(void* of, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<transfer*>(of)->stopping ? 1 : 0;
}

using handle = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;
using header_list = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

header_list headers_of(const http_post& p) {
  curl_slist* list = curl_slist_append(nullptr, "Expect:");
  for (const auto& [name, value] : p.headers) list = curl_slist_append(list, (name + ": " + value).c_str());
  return {list, curl_slist_free_all};
}

} // namespace

http_poster::http_poster(http_poster_options o) : options_{std::move(o)} {
  static const auto started = curl_global_init(CURL_GLOBAL_DEFAULT); // not safe beside itself
  if (started != CURLE_OK) throw std::runtime_error{"libcurl cannot be used on this machine"};
}

post_answer http_poster::post(const http_post& p) const {
  if (stopping_) return {0, "stopping"};
  const handle h{curl_easy_init(), curl_easy_cleanup};
  auto* c = h.get();
  if (!c) return {0, "no memory"};
  transfer t{options_.targets, stopping_};
  const auto list = headers_of(p);
  curl_easy_setopt(c, CURLOPT_URL, p.url.c_str());
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(c, CURLOPT_PROXY, "");
  curl_easy_setopt(c, CURLOPT_HTTPHEADER, list.get());
  curl_easy_setopt(c, CURLOPT_USERAGENT, "reelworks");
  curl_easy_setopt(c, CURLOPT_POSTFIELDS, p.body.c_str());
  curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, static_cast<long>(p.body.size()));
  curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_checked);
  curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, &t);
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, discard);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, &t);
  curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, is_stopping);
  curl_easy_setopt(c, CURLOPT_XFERINFODATA, &t);
  curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, static_cast<long>(options_.timeout.count()));
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  const auto code = curl_easy_perform(c);
  if (t.refused) return {0, "its address is private or reserved, and no allowed network"};
  if (code != CURLE_OK && t.read <= answer_bytes_max) return {0, curl_easy_strerror(code)};
  long status = 0;
  curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
  curl_off_t wait_s = 0;
  curl_easy_getinfo(c, CURLINFO_RETRY_AFTER, &wait_s);
  return {static_cast<int>(status), {}, std::chrono::seconds{wait_s}};
}

} // namespace reel
