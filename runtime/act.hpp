// act.hpp: The one bridge to the C++ Actor Framework. Everything else speaks these verbs, so that the move
// from CAF 0.17 (Debian) to 1.x is this file. Verbs only; no policy.
//
// Rules for actors (CONTRIBUTING.md, "Actors"): typed interfaces; one struct per message; `make_behavior()`
// has one line per message; nothing blocks; every `ask` has a deadline and both continuations.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/all.hpp>

#include "messages/errc.hpp"
#include "runtime/deadlines.hpp"

/// What CAF makes of a type of message, a hundred functions: `extern` keeps them out of the files that use it.
#if CAF_VERSION < 1800
#define REEL_MESSAGE_TEMPLATES(linkage, type)                                                                          \
  linkage template class caf::detail::tuple_vals_impl<caf::detail::message_data, type>;                                \
  linkage template class caf::detail::tuple_vals_impl<caf::type_erased_tuple, type>;                                   \
  linkage template class caf::detail::tuple_vals<type>;                                                                \
  linkage template class caf::detail::type_erased_value_impl<type>;
#else
#define REEL_MESSAGE_TEMPLATES(linkage, type)
#endif

namespace reel::act {

/// The messages of a role as function types: `protocol<accept_answers(accept_jobs), void(job_update)>`.
template <class... Sig> struct protocol;

#if CAF_VERSION < 1800
template <class Sig> struct sig_;
template <class R, class... A> struct sig_<R(A...)> { using type = typename caf::replies_to<A...>::template with<R>; };
template <class... A> struct sig_<void(A...)> { using type = caf::reacts_to<A...>; };
template <class P> struct iface_;
template <class... S> struct iface_<protocol<S...>> { using type = caf::typed_actor<typename sig_<S>::type...>; };
#else
template <class Sig> struct sig_;
template <class R, class... A> struct sig_<R(A...)> { using type = caf::result<R>(A...); };
template <class... S> struct trait_ { using signatures = caf::type_list<typename sig_<S>::type...>; };
template <class P> struct iface_;
template <class... S> struct iface_<protocol<S...>> { using type = caf::typed_actor<trait_<S...>>; };
#endif

template <class P, class... More> struct extend_;
template <class... S, class... More> struct extend_<protocol<S...>, More...> { using type = protocol<S..., More...>; };
/// A protocol and what an actor understands besides.
template <class P, class... More> using extend = typename extend_<P, More...>::type;

/// A handle to whoever speaks a protocol, in this process or on another node.
template <class Protocol> using ref = typename iface_<Protocol>::type;

/// Starts a shell: a class State with `State(self, args...)`, `make_behavior()`, `name` and `using
/// interface`.
template <class State, class Host, class... Args> auto spawn_shell(Host& host, Args&&... args) {
#if CAF_VERSION < 1800
  using interface_t = typename State::interface;
  struct box {
    std::unique_ptr<State> state;
    const char* name = State::name;
  };
  return host.spawn(
      [](typename interface_t::template stateful_pointer<box> self, std::decay_t<Args>... as) ->
      typename interface_t::behavior_type {
        self->state.state = std::make_unique<State>(self, std::move(as)...);
        return self->state.state->make_behavior();
      },
      std::forward<Args>(args)...);
#else
  return host.spawn(caf::actor_from_state<State>, std::forward<Args>(args)...);
#endif
}

/// Of a system made from system_config; null under the test scheduler, whose time is its own.
deadlines* coarse_deadlines(caf::actor_system& system);

template <class Self, class To, class Msg> void tell(Self* self, const To& to, Msg&& msg) {
#if CAF_VERSION < 10000
  self->send(to, std::forward<Msg>(msg));
#else
  self->mail(std::forward<Msg>(msg)).send(to);
#endif
}

/// From a thread that is no actor.
template <class To, class Msg> void post(const To& to, Msg&& msg) {
#if CAF_VERSION < 10000
  caf::anon_send(to, std::forward<Msg>(msg));
#else
  caf::anon_mail(std::forward<Msg>(msg)).send(to);
#endif
}

/// Delays of a second and more may be up to a quarter of a second longer.
template <class Self, class To, class Msg>
void tell_after(Self* self, std::chrono::milliseconds delay, const To& to, Msg&& msg) {
#if CAF_VERSION < 10000
  auto* coarse = delay < std::chrono::seconds{1} ? nullptr : coarse_deadlines(self->system());
  if (coarse)
    coarse->add(caf::actor_cast<caf::strong_actor_ptr>(to), caf::make_message(std::forward<Msg>(msg)), delay);
  else
    self->delayed_send(to, delay, std::forward<Msg>(msg));
#else
  self->mail(std::forward<Msg>(msg)).delay(delay).send(to);
#endif
}

/// The errc inside an error; what CAF itself reports is translated.
errc code_of(const caf::error& why);
caf::error error_of(errc code);

/// `f` after `first`, with f's own parameter, which CAF looks at.
template <class First, class F, class A> auto after_(First first, F f, void (F::*)(A) const) {
  return [first, f = std::move(f)](A a) {
    first();
    f(std::forward<A>(a));
  };
}
template <class First, class F, class A> auto after_(First first, F f, void (F::*)(A)) {
  return [first, f = std::move(f)](A a) mutable {
    first();
    f(std::forward<A>(a));
  };
}

/// Asks; exactly one of `ok(Answer)` and `bad(errc)` is called, at the latest after the deadline (and a quarter of a
/// second), unless the asker ends first. An actor that has ended answers errc::unreachable.
template <class Self, class To, class Msg, class Ok, class Bad>
void ask(Self* self, const To& to, std::chrono::milliseconds deadline, Msg&& msg, Ok ok, Bad bad) {
  auto on_error = [bad = std::move(bad)](const caf::error& why) mutable { bad(code_of(why)); };
#if CAF_VERSION < 10000
  auto* coarse = coarse_deadlines(self->system());
  if (!coarse) return self->request(to, deadline, std::forward<Msg>(msg)).then(std::move(ok), std::move(on_error));
  auto question = self->request(to, caf::infinite, std::forward<Msg>(msg));
  auto ticket = coarse->add(self->ctrl(), question.id(), deadline);
  auto drop = [coarse, ticket] { coarse->drop(ticket); };
  question.then(after_(drop, std::move(ok), &Ok::operator()),
                after_(drop, std::move(on_error), &decltype(on_error)::operator()));
#else
  self->mail(std::forward<Msg>(msg)).request(to, deadline).then(std::move(ok), std::move(on_error));
#endif
}

/// Ends an actor from outside; it finishes the message it is at.
template <class Handle> void end(const Handle& whom) { caf::anon_send_exit(whom, caf::exit_reason::user_shutdown); }

/// The same, and waits until it has ended. Never from inside an actor.
template <class Handle> void end_and_wait(const Handle& whom) {
  caf::scoped_actor waiter{whom.home_system(), true};
  waiter->monitor(whom);
  end(whom);
  waiter->receive([](const caf::down_msg&) {});
}

/// Messages that wait for an actor; only itself may ask.
template <class Self> std::size_t waiting_messages(Self* self) { return self->mailbox().size(); }

/// Monotonic time as the actors of this process see it; virtual under the test scheduler.
template <class Self> auto now(Self* self) { return self->clock().now(); }

/// Member of a shell: one callback per watched actor, called once when it ends.
class watcher {
public:
  template <class Self, class Handle>
  void watch(Self* self, const Handle& whom, std::function<void(const caf::error&)> on_end) {
#if CAF_VERSION < 10000
    if (!armed_) {
      self->set_down_handler([this](caf::down_msg& down) {
        auto node = callbacks_.extract(down.source);
        if (!node.empty()) node.mapped()(down.reason);
      });
      armed_ = true;
    }
    callbacks_.insert_or_assign(whom.address(), std::move(on_end));
    self->monitor(whom);
#else
    self->monitor(whom, [fn = std::move(on_end)](const caf::error& why) { fn(why); });
#endif
  }

private:
  bool armed_ = false;
  std::map<caf::actor_addr, std::function<void(const caf::error&)>> callbacks_;
};

/// The settings every process of ours runs with: a shared run queue (idle threads sleep instead of polling)
/// and no file read from the working directory. Must outlive the system made from it.
class system_config : public caf::actor_system_config {
public:
  explicit system_config(int threads);

  std::unique_ptr<deadlines> coarse_deadlines; ///< null: asks use CAF's clock
};

/// An actor system with these settings. It ends when its actors have, and not before the thread of the deadlines has
/// let go of the last of them.
class system {
public:
  explicit system(int threads) : config{threads}, actors{config} {}
  ~system();
  system(const system&) = delete;
  system& operator=(const system&) = delete;

  system_config config;
  caf::actor_system actors;
};

} // namespace reel::act
