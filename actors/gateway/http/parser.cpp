#include "actors/gateway/http/parser.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/verb.hpp>
#include <optional>

namespace reel {

namespace {

namespace http = boost::beast::http;
using beast_error = boost::beast::error_code;
using beast_view = boost::beast::string_view;

std::string_view std_view(beast_view text) { return {text.data(), text.size()}; }

http_method method_of(http::verb v) {
  switch (v) {
  case http::verb::get: return http_method::get;
  case http::verb::head: return http_method::head;
  case http::verb::post: return http_method::post;
  case http::verb::put: return http_method::put;
  case http::verb::patch: return http_method::patch;
  case http::verb::delete_: return http_method::delete_;
  case http::verb::options: return http_method::options;
  default: return http_method::other;
  }
}

bool is_token(std::string_view text, std::string_view token) {
  return text.size() == token.size() && std::ranges::equal(text, token, {}, [](char c) {
           return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
         });
}

/// What every chunked body ends with. Fewer bytes than these are never its end, and must not reach Beast: a last
/// chunk that it has seen in part it asserts to be there whole at the next call (basic_parser.ipp, n >= 5).
constexpr std::string_view last_chunk = "0\r\n\r\n";

/// A refusal found by our own checks; Beast is stopped with any error.
struct refusal {
  int status = 0;
  std::string_view reason;
};

/// Stores what Beast finds into an http_request.
class beast_parser final : public http::basic_parser<true> {
public:
  beast_parser(const http_parser::options& o, http_request& into) : options_{o}, request_{into} {
    header_limit(static_cast<std::uint32_t>(o.header_bytes_max));
    body_limit(o.body_bytes_max);
    eager(true);
  }

  refusal why;
  std::string_view input; ///< what put() reads from
  bool expects_continue = false;

private:
  void refuse(int status, std::string_view reason, beast_error& ec) {
    why = {status, reason};
    ec = http::error::bad_value;
  }

  /// Beast accepts lines that go on in the next one (RFC 9112, section 5.2) and hides it: looks at the bytes
  /// behind the name. They are all in the input: Beast has looked at them too.
  bool is_folded(std::string_view name, std::string_view value) const {
    auto rest = input.substr(static_cast<std::size_t>(name.data() + name.size() + 1 - input.data())); // behind ':'
    auto blanks = [&] { rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size())); };
    blanks();
    if (!rest.starts_with(value)) return true;
    rest.remove_prefix(value.size());
    blanks();
    return rest.size() > 2 && (rest[2] == ' ' || rest[2] == '\t'); // behind "\r\n"
  }

  void on_request_impl(http::verb v, beast_view, beast_view target, int version, beast_error& ec) override {
    if (target.size() > options_.target_bytes_max) return refuse(414, "the request line is too long", ec);
    request_.method = method_of(v);
    request_.target = std_view(target);
    request_.http_1_0 = version == 10;
  }

  void on_field_impl(http::field f, beast_view name, beast_view value, beast_error& ec) override {
    if (is_header_done()) return refuse(400, "trailer fields are not accepted", ec);
    auto bytes = request_.target.size() + request_.head_bytes() + name.size() + value.size() + 4 * request_.fields();
    if (bytes > options_.header_bytes_max || request_.fields() >= options_.fields_max)
      return refuse(431, "the header is too large", ec);
    if (is_folded(std_view(name), std_view(value))) return refuse(400, "folded header lines are not accepted", ec);
    request_.add_header(std_view(name), std_view(value));
    if (f == http::field::content_length && !std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; }))
      return refuse(400, "Content-Length is not a number", ec);
    if (f == http::field::transfer_encoding && !is_token(std_view(value), "chunked"))
      return refuse(400, "only the transfer coding \"chunked\" is accepted", ec);
    if (f == http::field::expect) {
      expects_continue = is_token(std_view(value), "100-continue");
      if (!expects_continue) return refuse(417, "only \"Expect: 100-continue\" is known", ec);
    }
  }

  void on_header_impl(beast_error& ec) override {
    auto lengths = request_.count("content-length"), codings = request_.count("transfer-encoding");
    if (lengths > 1) return refuse(400, "more than one Content-Length", ec);
    if (codings > 1) return refuse(400, "more than one Transfer-Encoding", ec);
    if (lengths + codings > 1) return refuse(400, "Content-Length beside Transfer-Encoding", ec);
    if (codings == 1 && request_.http_1_0) return refuse(400, "Transfer-Encoding needs HTTP/1.1", ec);
    auto hosts = request_.count("host");
    if (hosts > 1 || (hosts == 0 && !request_.http_1_0)) return refuse(400, "exactly one Host is needed", ec);
    request_.keep_alive = keep_alive();
  }

  void on_body_init_impl(const boost::optional<std::uint64_t>& size, beast_error&) override {
    if (size) request_.body.reserve(std::min<std::size_t>(*size, 64u << 10)); // what is announced may never come
  }
  std::size_t on_body_impl(beast_view piece, beast_error&) override {
    request_.body += std_view(piece);
    return piece.size();
  }
  void on_chunk_header_impl(std::uint64_t, beast_view, beast_error&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast_view piece, beast_error&) override {
    request_.body += std_view(piece);
    return piece.size();
  }
  void on_finish_impl(beast_error&) override {}
  void on_response_impl(int, beast_view, int, beast_error&) override {}

  const http_parser::options& options_;
  http_request& request_;
};

refusal explain(const beast_error& ec) {
  if (ec == http::error::header_limit) return {431, "the header is too large"};
  if (ec == http::error::body_limit) return {413, "the body is too large"};
  if (ec == http::error::bad_version) return {505, "only HTTP/1.0 and HTTP/1.1 are spoken"};
  if (ec == http::error::bad_content_length || ec == http::error::multiple_content_length)
    return {400, "Content-Length is not one number"};
  if (ec == http::error::bad_transfer_encoding) return {400, "Content-Length beside Transfer-Encoding"};
  if (ec == http::error::bad_chunk || ec == http::error::bad_chunk_extension) return {400, "a chunk is malformed"};
  if (ec == http::error::bad_method || ec == http::error::bad_target) return {400, "the request line is malformed"};
  return {400, "the header is malformed"};
}

} // namespace

struct http_parser::engine {
  http_request request;
  std::optional<beast_parser> parser; ///< Beast's cannot be used twice
};

http_parser::http_parser(options o) : options_{o}, engine_{std::make_unique<engine>()} { reset(); }
http_parser::~http_parser() = default;

void http_parser::reset() {
  engine_->request.clear();
  engine_->parser.emplace(options_, engine_->request);
  stage_ = stage::head;
}

const http_request& http_parser::request() const { return engine_->request; }

bool http_parser::expects_continue() const { return stage_ == stage::body && engine_->parser->expects_continue; }

std::size_t http_parser::feed(std::string_view bytes) {
  if (stage_ == stage::complete || stage_ == stage::refused) return 0;
  auto& parser = *engine_->parser;
  if (stage_ == stage::body && parser.chunked() && bytes.size() < last_chunk.size()) return 0;
  parser.input = bytes;
  beast_error ec;
  auto taken = parser.put(boost::asio::const_buffer{bytes.data(), bytes.size()}, ec);
  if (ec && ec != http::error::need_more) {
    auto why = parser.why.status != 0 ? parser.why : explain(ec);
    if (why.status == 431 && engine_->request.target.empty()) why = {414, "the request line is too long"};
    refuse(why.status, why.reason);
  } else if (parser.is_done())
    stage_ = stage::complete;
  else if (parser.is_header_done())
    stage_ = stage::body;
  return taken;
}

void http_parser::refuse(int status, std::string_view reason) {
  stage_ = stage::refused;
  status_ = status;
  reason_ = reason;
}

} // namespace reel
