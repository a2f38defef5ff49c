// Create, list, read, cancel and delete.
#include <algorithm>
#include <charconv>

#include "actors/gateway/api/api.hpp"
#include "actors/gateway/api/trace_parent.hpp"
#include "runtime/observe/log.hpp"

namespace reel {

namespace {

constexpr std::size_t idempotency_key_bytes_max = 255;
constexpr std::uint32_t page_default = 20, page_max = 100;

outcome<std::string, api_error> idempotency_key_of(const http_request& request) {
  auto key = request.header("idempotency-key");
  auto printable = [](char c) { return c > 0x20 && c < 0x7f; };
  if (key.size() <= idempotency_key_bytes_max && std::ranges::all_of(key, printable)) return std::string{key};
  auto e = invalid_value("Idempotency-Key", shown(key), "1 to 255 printable ASCII characters without spaces");
  e.status = 400;
  return failed{std::move(e)};
}

outcome<list_jobs, api_error> page_of(const http_target& target, tenant_id scope) {
  if (auto wrong = check_query(target, {"after", "limit", "order"})) return failed{*wrong};
  list_jobs m{.tenant = std::move(scope), .limit = page_default};
  auto after = query_value(target, "after"), limit = query_value(target, "limit"), order = query_value(target, "order");
  if (!after.empty()) {
    m.after = parse_job_id(after);
    if (!m.after) return failed{invalid_value("after", shown(after), "the id of a video")};
  }
  if (!limit.empty()) {
    auto [end, bad] = std::from_chars(limit.data(), limit.data() + limit.size(), m.limit);
    if (bad != std::errc{} || end != limit.data() + limit.size() || m.limit < 1 || m.limit > page_max)
      return failed{invalid_value("limit", shown(limit), "1 to 100")};
  }
  if (!order.empty() && order != "asc" && order != "desc")
    return failed{invalid_value("order", shown(order), "asc, desc")};
  m.ascending = order == "asc";
  return m;
}

std::string page_text(const view_page& page, const video_options& o) {
  std::string text;
  json_writer json{text};
  json.open().key("object").text("list").key("data").open('[');
  for (const auto& view : page.jobs) write_video(json, view, o);
  json.close(']');
  for (const auto& [key, at] : {std::pair{"first_id", std::size_t{0}}, std::pair{"last_id", page.jobs.size() - 1}}) {
    json.key(key);
    if (page.jobs.empty())
      json.null();
    else
      json.text(to_string(page.jobs[at].record.request.id));
  }
  json.key("has_more").boolean(page.has_more).close();
  return text;
}

job_id next_job_id(wall_time now) {
  static thread_local id_generator ids{pooled_random};
  return ids.next<job_id>(now);
}

/// After these nobody knows whether the ledger took the job.
bool is_open(errc code) {
  return code == errc::timeout || code == errc::unreachable || code == errc::malformed || code == errc::internal;
}

/// A refusal to take a job. Where nobody knows whether it was taken, an SDK must not repeat it by itself, or
/// there would be two: unless the request carries an idempotency key.
api_error refusal_of(errc code, bool has_key) {
  auto e = error_of(code, "the request");
  if (!has_key && is_open(code)) {
    e.retry = false;
    e.message = "it is not known whether the video was accepted: look at the list of videos, and send an "
                "Idempotency-Key to be able to repeat safely";
  }
  return e;
}

} // namespace

void gateway_api::refuse_create(const call& c, const api_error& e) const {
  metrics_->refused(e.code);
  c.answer.fail(e);
}

outcome<planned_job, api_error> gateway_api::plan(const call& c) {
  if (draining_) return failed{error_of(errc::draining, "")};
  if (auto wrong = check_query(c.target, {})) return failed{*wrong};
  auto key = idempotency_key_of(c.request);
  if (!key) return failed{key.error()};
  auto fields = read_fields(c.request.header("content-type"), c.request.body);
  if (!fields) return failed{fields.error()};
  auto wanted = parse_create(*fields);
  if (!wanted) return failed{wanted.error()};
  std::uint64_t random = 0;
  pooled_random(reinterpret_cast<std::uint8_t*>(&random), sizeof random);
  auto planned = plan_job(std::move(*wanted),
                          {*c.who, parts_.models, wall_now(), random & seed_max, !key->empty(), parts_.webhooks});
  if (planned) planned->request.idempotency_key = std::move(*key);
  return planned;
}

void gateway_api::on_create(const call& c) {
  auto planned = plan(c);
  if (!planned) return refuse_create(c, planned.error());
  auto& job = planned->request;
  job.id = next_job_id(job.created_at);
  job.trace = parse_traceparent(c.request.header("traceparent"));
  if (const auto& t = planned->model->tokenizer) {
    job.prompt_tokens = t->encode(job.prompt);
    auto model = static_cast<std::size_t>(planned->model - parts_.models.data());
    job.negative_tokens = planned->own_negative_prompt ? t->encode(job.negative_prompt) : negative_tokens_[model];
  }
  accept(c.answer, parts_.to, c.scope(), std::move(job));
}

void gateway_api::accept(api_answer answer, const std::shared_ptr<line>& to, tenant_id scope, job_request job) {
  if (job.cls == job_class::urgent) // goes before everybody else: who asked for it stays known
    log::info("urgent job requested", {{"tenant", job.tenant.value}, {"job", to_string(job.id)}});
  bool has_key = !job.idempotency_key.empty();
  const auto id = job.id;
  const auto trace = trace_of(job);
  auto fresh = job_view{.record = {.request = std::move(job)}};
  std::string text; // written now, so that the job can be handed on without a copy
  json_writer json{text};
  write_video(json, fresh, answer.video);
  to->accept(std::move(fresh.record.request), [answer = std::move(answer), text = std::move(text), has_key, id, trace,
                                               scope = std::move(scope), to](auto accepted) mutable {
    auto code = accepted ? accepted->code : accepted.error();
    if (accepted) answer.add_limits(accepted->quota);
    if (code != errc::ok) {
      auto e = code == errc::quota_exceeded && accepted ? error_of(accepted->quota) : refusal_of(code, has_key);
      if (accepted && accepted->retry_after_s > 0) e.retry_after = std::chrono::seconds{accepted->retry_after_s};
      answer.metrics->refused(e.code);
      return answer.fail(e);
    }
    if (accepted->replayed) {
      answer.metrics->replayed();
      return to->read({scope, accepted->id}, [answer](auto view) {
        view ? answer.send_video(*view) : answer.fail(error_of(view.error(), "the video of this Idempotency-Key"));
      });
    }
    answer.metrics->accepted();
    if (log::enabled(log::level::debug))
      log::debug(
          "job accepted",
          {{"job", to_string(id)}, {"trace", hex_of(trace)}, {"tenant", scope.value}, {"request", answer.request_id}});
    http_response r;
    r.add("content-type", "application/json");
    r.add("openai-poll-after-ms", "1000");
    r.body = std::move(text);
    answer.send(std::move(r));
  });
}

void gateway_api::on_final(const call& c) {
  if (draining_) return refuse_create(c, error_of(errc::draining, ""));
  if (auto wrong = check_query(c.target, {})) return refuse_create(c, *wrong);
  auto key = idempotency_key_of(c.request);
  if (!key) return refuse_create(c, key.error());
  outcome<api_fields, api_error> fields = api_fields{};
  if (!c.request.body.empty()) fields = read_fields(c.request.header("content-type"), c.request.body);
  if (!fields) return refuse_create(c, fields.error());
  auto wanted = parse_final(*fields);
  if (!wanted) return refuse_create(c, wanted.error());
  parts_.to->read({c.who->id, c.job},
                  [answer = c.answer, id = c.job, key = std::move(*key), wanted = std::move(*wanted), to = parts_.to,
                   models = parts_.models, access = c.access, who = c.who, now = wall_now(),
                   trace = parse_traceparent(c.request.header("traceparent"))](outcome<job_view, errc> preview) {
                    if (!preview) return answer.fail(error_of(preview.error(), to_string(id)));
                    auto job = plan_final(preview->record, wanted, {*who, models, now});
                    if (!job) {
                      answer.metrics->refused(job.error().code);
                      return answer.fail(job.error());
                    }
                    job->id = next_job_id(now);
                    job->idempotency_key = key;
                    job->trace = trace;
                    accept(answer, to, who->id, *std::move(job));
                  });
}

void gateway_api::on_list(const call& c) {
  auto page = page_of(c.target, c.scope());
  if (!page) return c.answer.fail(page.error());
  parts_.to->list(*page, [answer = c.answer](outcome<view_page, errc> found) {
    if (!found) return answer.fail(error_of(found.error(), "the list"));
    http_response r;
    r.add("content-type", "application/json");
    r.body = page_text(*found, answer.video);
    answer.send(std::move(r));
  });
}

void gateway_api::on_read(const call& c) {
  if (auto wrong = check_query(c.target, {})) return c.answer.fail(*wrong);
  parts_.to->read({c.scope(), c.job}, [answer = c.answer, id = c.job](outcome<job_view, errc> view) {
    view ? answer.send_video(*view) : answer.fail(error_of(view.error(), to_string(id)));
  });
}

void gateway_api::on_cancel(const call& c) {
  if (auto wrong = check_query(c.target, {})) return c.answer.fail(*wrong);
  auto show = [answer = c.answer, id = c.job](outcome<job_view, errc> view) {
    view ? answer.send_video(*view) : answer.fail(error_of(view.error(), to_string(id)));
  };
  parts_.to->cancel({c.scope(), c.job}, [answer = c.answer, to = parts_.to, scope = c.scope(), id = c.job,
                                         show = std::move(show)](outcome<cancel_answer, errc> cancelled) {
    if (!cancelled) return answer.fail(error_of(cancelled.error(), to_string(id)));
    to->read({scope, id}, show);
  });
}

void gateway_api::on_delete(const call& c) {
  if (auto wrong = check_query(c.target, {})) return c.answer.fail(*wrong);
  parts_.to->remove({c.scope(), c.job}, [answer = c.answer, id = c.job](outcome<delete_answer, errc> deleted) {
    if (!deleted) return answer.fail(error_of(deleted.error(), to_string(id)));
    http_response r;
    r.add("content-type", "application/json");
    json_writer json{r.body};
    json.open().key("id").text(to_string(id)).key("object").text("video.deleted").key("deleted").boolean(true).close();
    answer.send(std::move(r));
  });
}

} // namespace reel
