#include "src/reelctl/api_client.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <curl/curl.h>
#include <fstream>
#include <thread>

namespace reel::ctl {

namespace json = boost::json;
using namespace std::chrono_literals;

struct api_client::reply {
  long status = 0;
  int retry_after_s = 0;
  bool is_final = false; ///< the server says that repeating is in vain
  std::string body;
  std::string trouble; ///< of the connection
};

struct api_client::handle {
  CURL* curl = curl_easy_init();
  ~handle() { curl_easy_cleanup(curl); }
};

namespace {

std::size_t append(char* data, std::size_t size, std::size_t count, void* into) {
  static_cast<std::string*>(into)->append(data, size * count);
  return size * count;
}

std::size_t look_for_final(char* data, std::size_t size, std::size_t count, void* is_final) {
  const std::string_view line{data, size * count}, name = "x-should-retry:";
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; };
  if (line.size() > name.size() && std::ranges::equal(line.substr(0, name.size()), name, same))
    *static_cast<bool*>(is_final) = line.find("false") != std::string_view::npos;
  return size * count;
}

bool worth_repeating(long status) { return status == 0 || status == 429 || status == 503; }

/// The message of an error body, or the body itself.
std::string message_of(const std::string& body) {
  json::error_code bad;
  auto value = json::parse(body, bad);
  if (!bad)
    if (auto* message = value.find_pointer("/error/message", bad); message && message->is_string())
      return std::string{message->as_string()};
  return body.substr(0, 500);
}

} // namespace

api_client::api_client(const api_options& o) : options_{o}, handle_{std::make_unique<handle>()} {}
api_client::~api_client() = default;

api_client::reply api_client::once(const std::string& method, const std::string& path, const std::string& body,
                                   const std::vector<std::string>& headers) {
  auto* c = handle_->curl;
  curl_easy_reset(c);
  reply r;
  curl_slist* list = nullptr;
  for (const auto& h : headers) list = curl_slist_append(list, h.c_str());
  auto bearer = "Authorization: Bearer " + options_.key;
  if (!options_.key.empty()) list = curl_slist_append(list, bearer.c_str());
  list = curl_slist_append(list, "Expect:");
  auto url = options_.url + path;
  curl_easy_setopt(c, CURLOPT_URL, url.c_str());
  curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method.c_str());
  curl_easy_setopt(c, CURLOPT_HTTPHEADER, list);
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, &r.body);
  curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, look_for_final);
  curl_easy_setopt(c, CURLOPT_HEADERDATA, &r.is_final);
  curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 5L);
  curl_easy_setopt(c, CURLOPT_TIMEOUT, 60L);
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  if (!body.empty()) {
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
  }
  auto code = curl_easy_perform(c);
  curl_slist_free_all(list);
  if (code != CURLE_OK) {
    r.trouble = curl_easy_strerror(code);
    return r;
  }
  curl_off_t wait = 0;
  curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &r.status);
  curl_easy_getinfo(c, CURLINFO_RETRY_AFTER, &wait);
  r.retry_after_s = static_cast<int>(std::clamp<curl_off_t>(wait, 0, 60));
  return r;
}

api_client::reply api_client::patiently(const std::string& method, const std::string& path, const std::string& body,
                                        const std::vector<std::string>& headers) {
  auto give_up_at = std::chrono::steady_clock::now() + std::chrono::seconds{patience_s_};
  auto pause = std::chrono::milliseconds{100};
  for (;;) {
    auto r = once(method, path, body, headers);
    auto wait = std::max<std::chrono::milliseconds>(std::chrono::seconds{r.retry_after_s}, pause);
    if (!worth_repeating(r.status) || r.is_final || std::chrono::steady_clock::now() + wait > give_up_at) {
      if (r.status == 0) throw api_error{0, options_.url + ": " + r.trouble};
      if (r.status >= 300) throw api_error{r.status, message_of(r.body) + " (HTTP " + std::to_string(r.status) + ")"};
      return r;
    }
    std::this_thread::sleep_for(wait);
    pause = std::min(pause * 2, std::chrono::milliseconds{2'000});
  }
}

json::value api_client::get(const std::string& path) { return json::parse(patiently("GET", path, {}, {}).body); }

json::value api_client::post(const std::string& path, const json::value& body, const std::string& idempotency_key) {
  std::vector<std::string> headers{"Content-Type: application/json"};
  if (!idempotency_key.empty()) headers.push_back("Idempotency-Key: " + idempotency_key);
  return json::parse(patiently("POST", path, body.is_null() ? "" : json::serialize(body), headers).body);
}

json::value api_client::remove(const std::string& path) { return json::parse(patiently("DELETE", path, {}, {}).body); }

std::string api_client::get_text(const std::string& path) { return patiently("GET", path, {}, {}).body; }

void api_client::download(const std::string& path, const std::string& file) {
  auto r = patiently("GET", path, {}, {});
  auto part = file + ".part";
  std::ofstream out{part, std::ios::binary};
  out.write(r.body.data(), static_cast<std::streamsize>(r.body.size()));
  out.close();
  if (!out || std::rename(part.c_str(), file.c_str()) != 0) throw std::runtime_error{file + ": cannot be written"};
}

} // namespace reel::ctl
