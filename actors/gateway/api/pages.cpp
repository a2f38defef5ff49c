// The dashboard's page and its files. They hold nothing secret: what a page shows it asks for with its reader's key.
#include "actors/gateway/api/api.hpp"
#include "actors/gateway/dashboard/files.hpp"
#include "actors/gateway/http/range.hpp"

namespace reel {

namespace {

/// Nothing from elsewhere, no script or style but our files, no text that becomes HTML, in nobody's frame.
constexpr std::string_view policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";

void send_file(const api_answer& answer, const http_request& request, const dashboard::file* f) {
  if (!f) return answer.fail({.status = 404, .code = "unknown_path", .message = "there is nothing at this path"});
  http_response r;
  r.add("content-type", f->type);
  r.add("etag", f->etag);
  r.add("cache-control", "no-cache"); // asked again each time, and mostly answered 304
  r.add("content-security-policy", policy);
  r.add("x-content-type-options", "nosniff");
  r.add("x-frame-options", "DENY");
  r.add("referrer-policy", "no-referrer");
  r.add("cross-origin-opener-policy", "same-origin");
  r.add("cross-origin-resource-policy", "same-origin");
  if (names_etag(request.header("if-none-match"), f->etag))
    r.status = 304;
  else
    r.body = f->content;
  answer.send(std::move(r));
}

} // namespace

void gateway_api::on_page(const call& c) const { send_file(c.answer, c.request, dashboard::find("index.html")); }

void gateway_api::on_page_file(const call& c) const {
  send_file(c.answer, c.request, dashboard::find(c.target.path.back()));
}

} // namespace reel
