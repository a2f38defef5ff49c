// What operators and the dashboard look at: the line at a glance, the caller's newest videos, a video's timeline;
// whole, or as server-sent events.
#include "actors/gateway/api/line_object.hpp"
#include "actors/gateway/api/look_stream.hpp"

namespace reel {

namespace {

api_error operators_only() {
  return {.status = 403, .code = "operators_only", .message = "this is for operators only"};
}

http_response json_answer(std::string text) {
  http_response r;
  r.add("content-type", "application/json");
  r.add("cache-control", "no-store");
  r.body = std::move(text);
  return r;
}

std::string line_event(const line_overview& o) {
  std::string object;
  json_writer json{object};
  write_overview(json, o);
  return "event: line\ndata: " + object + "\n\n";
}

/// What has changed of a page since its client was told last, and in which order they stand now.
class page_changes {
public:
  page_changes(video_options o, bool with_tenants) : options_{o}, with_tenants_{with_tenants} {}

  std::string operator()(const view_page& page) {
    std::string object;
    json_writer json{object};
    std::map<job_id, std::string> now;
    bool is_news = std::exchange(is_first_, false) || page.jobs.size() != known_.size();
    json.open().key("ids").open('[');
    for (const auto& view : page.jobs) json.text(to_string(view.record.request.id));
    json.close(']').key("changed").open('[');
    for (const auto& view : page.jobs) {
      const auto& id = view.record.request.id;
      auto text = text_of(view);
      const auto before = known_.find(id);
      if (before == known_.end() || before->second != text) {
        json.raw(text);
        is_news = true;
      }
      now.emplace(id, std::move(text));
    }
    json.close(']').key("has_more").boolean(page.has_more).close();
    known_ = std::move(now);
    return is_news ? "event: videos\ndata: " + object + "\n\n" : "";
  }

private:
  std::string text_of(const job_view& view) const {
    std::string text;
    json_writer json{text};
    json.open();
    if (with_tenants_) json.key("tenant").text(view.record.request.tenant.value);
    json.key("video");
    write_video(json, view, options_);
    json.close();
    return text;
  }

  video_options options_;
  bool with_tenants_;
  bool is_first_ = true;
  std::map<job_id, std::string> known_; ///< of a page
};

} // namespace

/// Who the caller is and what it may do: what a page has to know before it shows anything.
void gateway_api::on_account(const call& c) const {
  if (auto wrong = check_query(c.target, {})) return c.answer.fail(*wrong);
  std::string text;
  json_writer json{text};
  json.open().key("object").text("account").key("id").text(c.who->id.value);
  json.key("operator").boolean(c.who->is_operator).key("classes").open('[');
  for (auto cls : c.who->allowed_classes) json.text(to_string(cls));
  json.close(']').key("default_class").text(to_string(c.who->default_class)).close();
  c.answer.send(json_answer(std::move(text)));
}

void gateway_api::on_line(const call& c) const {
  if (auto wrong = check_query(c.target, {})) return c.answer.fail(*wrong);
  if (!c.who->is_operator) return c.answer.fail(operators_only());
  parts_.to->overview({}, [answer = c.answer](outcome<line_overview, errc> o) {
    if (!o) return answer.fail(error_of(o.error(), "the line"));
    std::string text;
    json_writer json{text};
    write_overview(json, *o);
    answer.send(json_answer(std::move(text)));
  });
}

void gateway_api::on_line_events(const call& c) const {
  if (auto wrong = check_query(c.target, {})) return c.answer.fail(*wrong);
  if (!c.who->is_operator) return c.answer.fail(operators_only());
  auto place = take_event_stream(c);
  if (!place) return c.answer.fail(too_many_streams());
  look_stream<line_overview>::open(
      c.answer,
      {parts_.to, [](line& from, line::look_handler<line_overview> on_look) { return from.watch_line(on_look); },
       line_event, std::move(place)});
}

void gateway_api::on_own_events(const call& c) const {
  if (auto wrong = check_query(c.target, {})) return c.answer.fail(*wrong);
  auto place = take_event_stream(c);
  if (!place) return c.answer.fail(too_many_streams());
  auto watch = [whose = c.scope()](line& from, line::look_handler<view_page> on_look) {
    return from.watch_jobs(whose, std::move(on_look));
  };
  look_stream<view_page>::open(c.answer,
                               {parts_.to, watch, page_changes{parts_.video, c.who->is_operator}, std::move(place)});
}

void gateway_api::on_timeline(const call& c) const {
  if (auto wrong = check_query(c.target, {})) return c.answer.fail(*wrong);
  parts_.to->story({c.scope(), c.job},
                   [answer = c.answer, id = c.job, op = c.who->is_operator](outcome<job_story, errc> story) {
                     if (!story) return answer.fail(error_of(story.error(), to_string(id)));
                     std::string text;
                     json_writer json{text};
                     write_timeline(json, *story, op);
                     answer.send(json_answer(std::move(text)));
                   });
}

} // namespace reel
