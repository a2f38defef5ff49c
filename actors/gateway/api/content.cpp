// GET and HEAD of a finished job's files: ranges, entity tags, streaming in slices.
#include "actors/gateway/api/api.hpp"
#include "actors/gateway/http/range.hpp"
#include "runtime/limits.hpp"

namespace reel {

namespace {

/// What the request said; it is gone when the line replies.
struct content_request {
  artifact which = artifact::video;
  bool head_only = false;
  std::string range, if_range, if_none_match;
};

/// The rest of an object behind its first slice. One slice is in memory at a time.
class object_stream final : public body_stream {
public:
  object_stream(std::shared_ptr<line> from, std::string key, blob first, std::uint64_t offset, std::uint64_t end)
      : from_{std::move(from)}, key_{std::move(key)}, first_{std::move(first)}, offset_{offset}, end_{end} {}

  void next(std::function<void(chunk)> reply) override {
    if (!first_.empty()) {
      offset_ += first_.size();
      return reply(std::exchange(first_, {}));
    }
    if (offset_ == end_) return reply(blob{});
    auto length = std::min<std::uint64_t>(end_ - offset_, limits::object_slice_bytes_max);
    read_object m{key_, offset_, length};
    offset_ += length;
    from_->read_object(std::move(m), [reply = std::move(reply), length](outcome<object_slice, errc> slice) {
      if (slice && slice->data.size() == length)
        reply(std::move(slice->data));
      else
        reply(failed{std::monostate{}}); // the client sees a body that ends too early, never wrong bytes
    });
  }

private:
  std::shared_ptr<line> from_;
  std::string key_;
  blob first_;
  std::uint64_t offset_, end_;
};

outcome<content_request, api_error> read_content_request(const http_request& request, const http_target& target) {
  if (auto wrong = check_query(target, {"variant"})) return failed{*wrong};
  content_request c;
  auto variant = query_value(target, "variant");
  if (variant == "thumbnail")
    c.which = artifact::thumbnail;
  else if (!variant.empty() && variant != "video")
    return failed{invalid_value("variant", shown(variant), "video, thumbnail")};
  c.head_only = request.method == http_method::head;
  c.range = request.header("range");
  c.if_range = request.header("if-range");
  c.if_none_match = request.header("if-none-match");
  return c;
}

std::optional<api_error> not_there(const job_record& r, const stored_object& object) {
  auto id = to_string(r.request.id);
  if (!is_terminal(r.state))
    return api_error{.status = 409,
                     .code = "video_not_ready",
                     .message = id + " is not finished; wait until its status is completed",
                     .retry = false};
  if (r.state != job_state::succeeded)
    return api_error{.status = 404, .code = "video_failed", .message = id + " has failed and has no content"};
  if (object.size_bytes == 0)
    return api_error{.status = 404, .code = "no_content", .message = id + ": its model made no such file"};
  return {};
}

http_response head_of(const job_record& r, artifact which, const std::string& etag) {
  bool video = which == artifact::video;
  http_response h;
  h.add("content-type", video ? "video/mp4" : "image/png");
  h.add("etag", etag);
  h.add("accept-ranges", "bytes");
  h.add("cache-control", "private, max-age=3600");
  h.add("content-disposition", "inline; filename=\"" + to_string(r.request.id) + (video ? ".mp4\"" : ".png\""));
  return h;
}

/// Sends head and bytes, the first slice read before anything is promised.
void send_object(const api_answer& answer, const std::shared_ptr<line>& from, http_response head, std::string key,
                 const byte_range& range) {
  auto length = std::min<std::uint64_t>(range.length, limits::object_slice_bytes_max);
  read_object m{key, range.first, length};
  from->read_object(m, [answer, from, head = std::move(head), key = std::move(key), range,
                        length](outcome<object_slice, errc> slice) mutable {
    if (!slice || slice->data.size() != length)
      return answer.fail(error_of(slice ? errc::corrupt : slice.error(), "the file"));
    if (length == range.length)
      head.data = std::move(slice->data);
    else {
      head.stream = std::make_shared<object_stream>(from, std::move(key), std::move(slice->data), range.first,
                                                    range.first + range.length);
      head.stream_bytes = range.length;
    }
    answer.send(std::move(head));
  });
}

/// Promises a length without bytes, for HEAD.
class no_stream final : public body_stream {
  void next(std::function<void(chunk)> reply) override { reply(blob{}); }
};

void send_content(const api_answer& answer, const std::shared_ptr<line>& from, const content_request& c,
                  const job_record& r) {
  const auto& object = c.which == artifact::video ? r.video : r.thumbnail;
  if (auto missing = not_there(r, object)) return answer.fail(*missing);
  auto etag = '"' + to_string(object.sha256) + '"';
  auto head = head_of(r, c.which, etag);
  if (names_etag(c.if_none_match, etag)) {
    head.status = 304;
    return answer.send(std::move(head));
  }
  bool ranged = !c.head_only && (c.if_range.empty() || c.if_range == etag); // a Range is for GET alone
  auto range = parse_range(ranged ? c.range : std::string{}, object.size_bytes);
  auto size = '/' + std::to_string(object.size_bytes);
  if (range.what == byte_range::kind::unsatisfiable) {
    auto refusal = to_response({.status = 416,
                                .code = "range_not_satisfiable",
                                .message = "the file has " + size.substr(1) + " bytes",
                                .param = "Range"});
    refusal.add("content-range", "bytes *" + size);
    return answer.send(std::move(refusal));
  }
  if (range.what == byte_range::kind::part) {
    head.status = 206;
    auto last = std::to_string(range.first + range.length - 1);
    head.add("content-range", "bytes " + std::to_string(range.first) + '-' + last + size);
  }
  if (c.head_only) {
    head.stream = std::make_shared<no_stream>();
    head.stream_bytes = range.length;
    return answer.send(std::move(head));
  }
  auto prefix = object_prefix(r.request.tenant, r.request.id, r.generation, r.committed_fence);
  send_object(answer, from, std::move(head), make_object_key(prefix, c.which, object.sha256), range);
}

} // namespace

void gateway_api::on_content(const call& c) {
  auto wanted = read_content_request(c.request, c.target);
  if (!wanted) return c.answer.fail(wanted.error());
  parts_.to->read({c.scope(), c.job}, [answer = c.answer, from = parts_.to, wanted = std::move(*wanted),
                                       id = c.job](outcome<job_view, errc> view) {
    if (!view) return answer.fail(error_of(view.error(), to_string(id)));
    send_content(answer, from, wanted, view->record);
  });
}

} // namespace reel
