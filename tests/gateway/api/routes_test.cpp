// routes_test.cpp: Paths find their routes, and only those.
#include <catch2/catch_test_macros.hpp>

#include "actors/gateway/api/routes.hpp"

using namespace reel;

namespace {
routed find(std::string_view path) { return find_route(*parse_target(path)); }
} // namespace

TEST_CASE("every route is found by its own name") {
  REQUIRE(all_routes().size() + 1 == routes_count);
  for (const auto& r : all_routes()) {
    std::string path{r.name};
    if (auto at = path.find('{'); at != std::string::npos) path.replace(at, path.find('}') + 1 - at, "video_1");
    INFO(path);
    CHECK(find(path).where == r.where);
    CHECK(name_of(r.where) == r.name);
    CHECK(allows(r, http_method::options));
  }
  CHECK(find("/v1/videos/video_1/content").id == "video_1");
}

TEST_CASE("near misses find nothing") {
  for (auto path : {"/ui", "/ui/a/b", "/v1", "/v1/line/x", "/v1/videos/a/timeline/x", "/v2/videos", "/v1/video",
                    "/v1/videos/a/b", "/v1/videos/a/content/x", "/healthz/x", "/V1/videos", "/v1/files", "/v1/batches",
                    "/v1/videos/a/remix", "/openapi.json", "/admin"})
    CHECK(find(path).where == route::unknown);
}

TEST_CASE("methods are those of the Allow header") {
  CHECK(allows(info_of(route::videos), http_method::post));
  CHECK_FALSE(allows(info_of(route::videos), http_method::delete_));
  CHECK_FALSE(allows(info_of(route::videos), http_method::other));
  CHECK_FALSE(allows(info_of(route::unknown), http_method::get));
}
