#include "passes/fuse_rotary.h"

#include <gmock/gmock.h>

#include "absl/strings/str_replace.h"
#include "tests/passes/pass_testing.h"

namespace g4c::passes {
namespace {

using ::testing::HasSubstr;

// y = x * cos + rotate_half(x) * sin over [1, 2, 3, 4].
const char kHalves[] = R"(
  %a, %b = split(%x) {axis: 3, sizes: [2, 2]}: f32[1, 2, 3, 2], f32[1, 2, 3, 2]
  %n = neg(%b): f32[1, 2, 3, 2]
  %r = concat(%n, %a) {axis: 3}: f32[1, 2, 3, 4]
  %s = mul(%x, %cos): f32[1, 2, 3, 4]
  %t = mul(%r, %sin): f32[1, 2, 3, 4]
  %y = add(%s, %t): f32[1, 2, 3, 4]
  out %y
})";

// Two heads of four channels, one head of keys, both from weights. %Q and %K are what turns
// %q [1, 3, 2, 4] and %k [1, 3, 1, 4] to %qr and %kr.
std::string Attention(const std::string& turn_q, const std::string& turn_k,
                      const std::string& weights = "") {
  const std::string own_weights = weights.empty() ? R"(
  k %wq: f32[8, 2] = [0, 10, 1, 11, 2, 12, 3, 13, 4, 14, 5, 15, 6, 16, 7, 17]
  k %bq: f32[8] = [0, 1, 2, 3, 4, 5, 6, 7]
  k %wk: f32[4, 2] = [0, 10, 1, 11, 2, 12, 3, 13]
  k %gain: f32[4] = [1, 2, 3, 4])"
                                                  : weights;
  return absl::StrCat(R"(graph g {
  in %h: f32[1, 3, 2])",
                      own_weights, R"(
  %fq = fully_connected(%h, %wq, %bq): f32[1, 3, 8]
  %fqc = clamp(%fq) {min: -100, max: 100}: f32[1, 3, 8]
  %qh = reshape(%fqc) {shape: [1, 3, 2, 4]}: f32[1, 3, 2, 4]
  %q = rms_norm(%qh, %gain): f32[1, 3, 2, 4]
  %fk = fully_connected(%h, %wk, -): f32[1, 3, 4]
  %k = reshape(%fk) {shape: [1, 3, 1, 4]}: f32[1, 3, 1, 4])",
                      turn_q, turn_k, R"(
  %qt = transpose(%qr) {perm: [0, 2, 1, 3]}: f32[1, 2, 3, 4]
  %kt = reshape(%kr) {shape: [1, 1, 3, 4]}: f32[1, 1, 3, 4]
  %y = batch_matmul(%qt, %kt) {adj_y: true}: f32[1, 2, 3, 3]
  out %y
})");
}

// Two axes of positions: each half of a head turns by its own table.
std::string TwoAxes(const std::string& x, int heads, const char* cos_x = "[1, 2]") {
  return absl::StrReplaceAll(R"(
  k %X_cx: f32[1, 2] = COSX
  k %X_sx: f32[1, 2] = [3, 4]
  k %X_cy: f32[1, 2] = [5, 6]
  k %X_sy: f32[1, 2] = [7, 8]
  %X_u, %X_v = split(%X) {axis: 3, sizes: [2, 2]}: f32[1, 3, N, 2], f32[1, 3, N, 2]
  %X_u1, %X_u2 = split(%X_u) {axis: 3, sizes: [1, 1]}: f32[1, 3, N, 1], f32[1, 3, N, 1]
  %X_un = neg(%X_u2): f32[1, 3, N, 1]
  %X_ur = concat(%X_un, %X_u1) {axis: 3}: f32[1, 3, N, 2]
  %X_us = mul(%X_u, %X_cx): f32[1, 3, N, 2]
  %X_ut = mul(%X_ur, %X_sx): f32[1, 3, N, 2]
  %X_uy = add(%X_us, %X_ut): f32[1, 3, N, 2]
  %X_v1, %X_v2 = split(%X_v) {axis: 3, sizes: [1, 1]}: f32[1, 3, N, 1], f32[1, 3, N, 1]
  %X_vn = neg(%X_v2): f32[1, 3, N, 1]
  %X_vr = concat(%X_vn, %X_v1) {axis: 3}: f32[1, 3, N, 2]
  %X_vs = mul(%X_v, %X_cy): f32[1, 3, N, 2]
  %X_vt = mul(%X_vr, %X_sy): f32[1, 3, N, 2]
  %X_vy = add(%X_vs, %X_vt): f32[1, 3, N, 2]
  %Xr = concat(%X_uy, %X_vy) {axis: 3}: f32[1, 3, N, 4])",
                             {{"X", x}, {"COSX", cos_x}, {"N", absl::StrCat(heads)}});
}

// Pairs that lie side by side: (x0, x1), (x2, x3).
std::string Interleaved(const std::string& x, int heads) {
  return absl::StrReplaceAll(R"(
  k %X_c: f32[3, 1, 2, 1] = [1, 2, 3, 4, 5, 6]
  k %X_s: f32[3, 1, 2, 1] = [7, 8, 9, 10, 11, 12]
  %X_p = reshape(%X) {shape: [1, 3, N, 2, 2]}: f32[1, 3, N, 2, 2]
  %X_e, %X_o = split(%X_p) {axis: 4, sizes: [1, 1]}: f32[1, 3, N, 2, 1], f32[1, 3, N, 2, 1]
  %X_ec = mul(%X_e, %X_c): f32[1, 3, N, 2, 1]
  %X_os = mul(%X_o, %X_s): f32[1, 3, N, 2, 1]
  %X_es = mul(%X_s, %X_e): f32[1, 3, N, 2, 1]
  %X_oc = mul(%X_o, %X_c): f32[1, 3, N, 2, 1]
  %X_first = sub(%X_ec, %X_os): f32[1, 3, N, 2, 1]
  %X_second = add(%X_es, %X_oc): f32[1, 3, N, 2, 1]
  %X_both = concat(%X_first, %X_second) {axis: 4}: f32[1, 3, N, 2, 2]
  %Xr = reshape(%X_both) {shape: [1, 3, N, 4]}: f32[1, 3, N, 4])",
                             {{"X", x}, {"N", absl::StrCat(heads)}});
}

// The last two channels do not turn.
std::string Partial(const std::string& x, int heads) {
  return absl::StrReplaceAll(R"(
  k %X_c: f32[3, 1, 1] = [1, 2, 3]
  k %X_s: f32[3, 1, 1] = [7, 8, 9]
  %X_1, %X_2, %X_3 = split(%X) {axis: 3, sizes: [1, 1, 2]}: f32[1, 3, N, 1], f32[1, 3, N, 1], f32[1, 3, N, 2]
  %X_1c = mul(%X_1, %X_c): f32[1, 3, N, 1]
  %X_2s = mul(%X_2, %X_s): f32[1, 3, N, 1]
  %X_1s = mul(%X_1, %X_s): f32[1, 3, N, 1]
  %X_2c = mul(%X_2, %X_c): f32[1, 3, N, 1]
  %X_first = sub(%X_1c, %X_2s): f32[1, 3, N, 1]
  %X_second = add(%X_1s, %X_2c): f32[1, 3, N, 1]
  %Xr = concat(%X_first, %X_second, %X_3) {axis: 3}: f32[1, 3, N, 4])",
                             {{"X", x}, {"N", absl::StrCat(heads)}});
}

// What a rotation is fused to, with tables of their own.
std::string Fused(const std::string& x, int heads, const std::string& tables) {
  return tables + absl::StrReplaceAll(R"(
  %X_1, %X_2 = split(%X) {axis: 3, sizes: [2, 2]}: f32[1, 3, N, 2], f32[1, 3, N, 2]
  %X_r = concat(%X_2, %X_1) {axis: 3}: f32[1, 3, N, 4]
  %X_s = mul(%X, %X_cos): f32[1, 3, N, 4]
  %X_t = mul(%X_r, %X_sin): f32[1, 3, N, 4]
  %Xr = add(%X_s, %X_t): f32[1, 3, N, 4])",
                                      {{"X", x}, {"N", absl::StrCat(heads)}});
}

// Channels 0, 2 | 1, 3 of each head.
const char kReorderedWeights[] = R"(
  k %wq: f32[8, 2] = [0, 10, 2, 12, 1, 11, 3, 13, 4, 14, 6, 16, 5, 15, 7, 17]
  k %bq: f32[8] = [0, 2, 1, 3, 4, 6, 5, 7]
  k %wk: f32[4, 2] = [0, 10, 2, 12, 1, 11, 3, 13]
  k %gain: f32[4] = [1, 3, 2, 4])";

std::string BothFused(const std::string& cos, const std::string& sin) {
  const auto tables = [&](const std::string& x) {
    return absl::StrCat("\n  k %", x, "_cos: ", cos, "\n  k %", x, "_sin: ", sin);
  };
  return Attention(Fused("q", 2, tables("q")), Fused("k", 1, tables("k")), kReorderedWeights);
}

// The same where the pairs' reshape follows; canonicalize then joins both reshapes.
std::string PairsFused(const std::string& cos, const std::string& sin) {
  return absl::StrReplaceAll(
      BothFused(cos, sin),
      {{"%qr = add", "%qs = add"},
       {"%kr = add", "%ks = add"},
       {"  %qt =", R"(  %qp = reshape(%qs) {shape: [1, 3, 2, 2, 2]}: f32[1, 3, 2, 2, 2]
  %qr = reshape(%qp) {shape: [1, 3, 2, 4]}: f32[1, 3, 2, 4]
  %qt =)"},
       {"  %kt =", R"(  %kp = reshape(%ks) {shape: [1, 3, 1, 2, 2]}: f32[1, 3, 1, 2, 2]
  %kr = reshape(%kp) {shape: [1, 3, 1, 4]}: f32[1, 3, 1, 4]
  %kt =)"}});
}

// The default tolerance: the sum of a product over reordered channels rounds in another order.
INSTANTIATE_PASS_TEST(
    FuseRotary,
    {
        {"one axis of positions in halves", R"(graph g {
  in %x: f32[1, 2, 3, 4]
  k %cos: f32[3, 4] = seeded(1)
  k %sin: f32[1, 1, 1, 4] = [5, 6, 7, 8])" + std::string(kHalves),
         R"(graph g {
  in %x: f32[1, 2, 3, 4]
  k %cos: f32[1, 1, 3, 4] = seeded(1)
  k %sin: f32[1, 1, 1, 4] = [-5, -6, 7, 8]
  %a, %b = split(%x) {axis: 3, sizes: [2, 2]}: f32[1, 2, 3, 2], f32[1, 2, 3, 2]
  %r = concat(%b, %a) {axis: 3}: f32[1, 2, 3, 4]
  %s = mul(%x, %cos): f32[1, 2, 3, 4]
  %t = mul(%r, %sin): f32[1, 2, 3, 4]
  %y = add(%s, %t): f32[1, 2, 3, 4]
  out %y
})",
         0},
        {"halves turned one by one", R"(graph g {
  in %x: f32[2, 4]
  k %cos: f32[1, 2] = [1, 2]
  k %sin: f32[1, 2] = [5, 6]
  %a, %b = split(%x) {axis: 1, sizes: [2, 2]}: f32[2, 2], f32[2, 2]
  %ac = mul(%a, %cos): f32[2, 2]
  %bs = mul(%sin, %b): f32[2, 2]
  %bc = mul(%b, %cos): f32[2, 2]
  %as = mul(%a, %sin): f32[2, 2]
  %first = sub(%ac, %bs): f32[2, 2]
  %second = add(%as, %bc): f32[2, 2]
  %y = concat(%first, %second) {axis: 1}: f32[2, 4]
  out %y
})",
         R"(graph g {
  in %x: f32[2, 4]
  k %cos: f32[1, 4] = [1, 2, 1, 2]
  k %sin: f32[1, 4] = [-5, -6, 5, 6]
  %a, %b = split(%x) {axis: 1, sizes: [2, 2]}: f32[2, 2], f32[2, 2]
  %r = concat(%b, %a) {axis: 1}: f32[2, 4]
  %s = mul(%x, %cos): f32[2, 4]
  %t = mul(%r, %sin): f32[2, 4]
  %y = add(%s, %t): f32[2, 4]
  out %y
})",
         0},
        {"two axes of positions", Attention(TwoAxes("q", 2), TwoAxes("k", 1)),
         BothFused("f32[1, 1, 1, 4] = [1, 5, 2, 6]", "f32[1, 1, 1, 4] = [-3, -7, 4, 8]")},
        {"pairs side by side", Attention(Interleaved("q", 2), Interleaved("k", 1)),
         PairsFused("f32[1, 3, 1, 4] = [1, 2, 1, 2, 3, 4, 3, 4, 5, 6, 5, 6]",
                    "f32[1, 3, 1, 4] = [-7, -8, 7, 8, -9, -10, 9, 10, -11, -12, 11, 12]")},
        {"some channels do not turn", Attention(Partial("q", 2), Partial("k", 1)),
         BothFused("f32[1, 3, 1, 4] = [1, 1, 1, 1, 2, 1, 2, 1, 3, 1, 3, 1]",
                   "f32[1, 3, 1, 4] = [-7, 0, 7, 0, -8, 0, 8, 0, -9, 0, 9, 0]")},
        {"keys that do not turn", Attention(TwoAxes("q", 2), "\n  %kr = relu(%k): f32[1, 3, 1, 4]"),
         kUnchanged},
        {"another reader of the keys that turned",
         absl::StrReplaceAll(Attention(TwoAxes("q", 2), TwoAxes("k", 1)),
                             {{"out %y", "out %y\n  out %kr"}}),
         kUnchanged},
        {"another reader of the queries before",
         absl::StrReplaceAll(Attention(TwoAxes("q", 2), TwoAxes("k", 1)),
                             {{"out %y", "out %y\n  out %fqc"}}),
         kUnchanged},
        {"keys that come from no weights",
         absl::StrReplaceAll(Attention(TwoAxes("q", 2), TwoAxes("k", 1)),
                             {{"%fk = fully_connected(%h, %wk, -)",
                               "%fk = concat(%h, %h) {axis: 2}"}}),
         kUnchanged},
        {"two axes that nothing multiplies",
         R"(graph g {
  in %h: f32[1, 3, 2]
  k %w: f32[4, 2] = seeded(1)
  %f = fully_connected(%h, %w, -): f32[1, 3, 4]
  %x = reshape(%f) {shape: [1, 3, 1, 4]}: f32[1, 3, 1, 4])" +
             TwoAxes("x", 1) + "\n  out %xr\n}",
         kUnchanged},
        {"tables that are no constants", R"(graph g {
  in %x: f32[1, 2, 3, 4]
  in %cos: f32[1, 1, 1, 4]
  in %sin: f32[1, 1, 1, 4])" + std::string(kHalves),
         kUnchanged},
        {"a piece that is an output too",
         absl::StrReplaceAll(R"(graph g {
  in %x: f32[1, 2, 3, 4]
  k %cos: f32[4] = [1, 2, 3, 4]
  k %sin: f32[4] = [5, 6, 7, 8])" +
                                 std::string(kHalves),
                             {{"out %y", "out %y\n  out %n"}}),
         kUnchanged},
        {"rows instead of channels", R"(graph g {
  in %x: f32[4, 2]
  k %cos: f32[4, 2] = seeded(1)
  k %sin: f32[4, 2] = seeded(2)
  %a, %b = split(%x) {axis: 0, sizes: [2, 2]}: f32[2, 2], f32[2, 2]
  %n = neg(%b): f32[2, 2]
  %r = concat(%n, %a) {axis: 0}: f32[4, 2]
  %s = mul(%x, %cos): f32[4, 2]
  %t = mul(%r, %sin): f32[4, 2]
  %y = add(%s, %t): f32[4, 2]
  out %y
})",
         kUnchanged},
        {"channels that turn in a circle", R"(graph g {
  in %x: f32[2, 3]
  k %cos: f32[3] = [1, 2, 3]
  k %sin: f32[3] = [5, 6, 7]
  %a, %b = split(%x) {axis: 1, sizes: [1, 2]}: f32[2, 1], f32[2, 2]
  %r = concat(%b, %a) {axis: 1}: f32[2, 3]
  %s = mul(%x, %cos): f32[2, 3]
  %t = mul(%r, %sin): f32[2, 3]
  %y = add(%s, %t): f32[2, 3]
  out %y
})",
         kUnchanged},
        {"a sum of three terms", R"(graph g {
  in %x: f32[2, 2]
  k %cos: f32[2] = [1, 2]
  k %sin: f32[2] = [5, 6]
  %a, %b = split(%x) {axis: 1, sizes: [1, 1]}: f32[2, 1], f32[2, 1]
  %r = concat(%b, %a) {axis: 1}: f32[2, 2]
  %s = mul(%x, %cos): f32[2, 2]
  %t = mul(%r, %sin): f32[2, 2]
  %u = add(%s, %r): f32[2, 2]
  %y = add(%u, %t): f32[2, 2]
  out %y
})",
         kUnchanged},
        {"a factor on top of the table", R"(graph g {
  in %x: f32[2, 2]
  k %cos: f32[2] = [1, 2]
  k %sin: f32[2] = [5, 6]
  %a, %b = split(%x) {axis: 1, sizes: [1, 1]}: f32[2, 1], f32[2, 1]
  %r = concat(%b, %a) {axis: 1}: f32[2, 2]
  %s = mul(%x, %cos): f32[2, 2]
  %t = mul(%r, %sin): f32[2, 2]
  %u = mul(%t, %sin): f32[2, 2]
  %y = add(%s, %u): f32[2, 2]
  out %y
})",
         kUnchanged},
        {"tables with qparams",
         R"(graph g {
  in %x: f32[1, 2, 3, 4]
  k %cos: f32[4] = [1, 2, 3, 4]
  k %sin: f32[4] q(u8 0.1:3) = [5, 6, 7, 8])" +
             std::string(kHalves),
         kUnchanged},
        {"inner values with qparams of their own", R"(graph g {
  in %x: f32[2, 2] q(u8 0.1:128)
  k %cos: f32[2] q(u8 0.01:128) = [1, 1]
  k %sin: f32[2] q(u8 0.01:128) = [1, 1]
  %a, %b = split(%x) {axis: 1, sizes: [1, 1]}: f32[2, 1] q(u8 0.1:128), f32[2, 1] q(u8 0.1:128)
  %n = neg(%b): f32[2, 1] q(u8 0.1:128)
  %r = concat(%n, %a) {axis: 1}: f32[2, 2] q(u8 0.1:128)
  %s = mul(%x, %cos): f32[2, 2] q(u8 0.2:128)
  %t = mul(%r, %sin): f32[2, 2] q(u8 0.2:128)
  %y = add(%s, %t): f32[2, 2] q(u8 0.3:128)
  out %y
})",
         kUnchanged},
    });

TEST(FuseRotaryReport, SaysWhatStandsInTheWay) {
  FuseRotary pass;
  Report report;
  // The keys turn in halves, and so keep their order.
  const std::string halves = R"(
  k %k_cos: f32[4] = [1, 2, 3, 4]
  %k_1, %k_2 = split(%k) {axis: 3, sizes: [2, 2]}: f32[1, 3, 1, 2], f32[1, 3, 1, 2]
  %k_r = concat(%k_2, %k_1) {axis: 3}: f32[1, 3, 1, 4]
  %k_s = mul(%k, %k_cos): f32[1, 3, 1, 4]
  %k_t = mul(%k_r, %k_cos): f32[1, 3, 1, 4]
  %kr = add(%k_s, %k_t): f32[1, 3, 1, 4])";
  RunOnText(pass, Attention(TwoAxes("q", 2), halves), report);
  ASSERT_EQ(report.declined().size(), 1u);
  EXPECT_THAT(report.declined()[0].where, HasSubstr("qr"));
  EXPECT_THAT(report.declined()[0].reason, HasSubstr("batch_matmul"));
  EXPECT_THAT(report.declined()[0].reason, HasSubstr("does not turn alike"));
}

TEST(FuseRotaryReport, PerChannelQparamsGoWithTheirChannels) {
  FuseRotary pass;
  Report report;
  const std::string text =
      RunOnText(pass,
                absl::StrReplaceAll(
                    Attention(TwoAxes("q", 2), TwoAxes("k", 1)),
                    {{"k %wk: f32[4, 2]",
                      "k %wk: f32[4, 2] q(i8 per_channel 0 [0.1, 0.2, 0.3, 0.4] [0, 0, 0, 0])"}}),
                report);
  EXPECT_THAT(text, HasSubstr("q(i8 per_channel 0 [0.1, 0.3, 0.2, 0.4]"));
  ASSERT_EQ(report.notes().size(), 1u);
  EXPECT_THAT(report.notes()[0], HasSubstr("per-channel qparams"));
}

}  // namespace
}  // namespace g4c::passes
