#include "passes/fold_norm_gains.h"

#include "tests/passes/float_rewrite_testing.h"

namespace g4c::passes {
namespace {

RewriteLog& Log() {
  static const quantization::Statistics nothing;
  static RewriteLog log(&nothing);
  return log;
}

INSTANTIATE_PASS_TEST_WITH(FoldNormGains, std::make_unique<FoldNormGains>(&Log()),
                           {
                               {"into the columns of all linears that read it", R"(graph g {
  in %x: f32[1, 3, 2]
  k %g: f32[2] = [0.5, -4]
  k %v: f32[2, 2] = [1, 2, 3, 4]
  k %w: f32[3, 2] = [1, 1, 1, 1, 1, 1]
  k %b: f32[3] = [1, 2, 3]
  %n = rms_norm(%x, %g): f32[1, 3, 2]
  %y = fully_connected(%n, %v, -): f32[1, 3, 2]
  %z = fully_connected(%n, %w, %b): f32[1, 3, 3]
  out %y
  out %z
})",
                                R"(graph g {
  in %x: f32[1, 3, 2]
  k %v: f32[2, 2] = [0.5, -8, 1.5, -16]
  k %w: f32[3, 2] = [0.5, -4, 0.5, -4, 0.5, -4]
  k %b: f32[3] = [1, 2, 3]
  %n = rms_norm(%x): f32[1, 3, 2]
  %y = fully_connected(%n, %v, -): f32[1, 3, 2]
  %z = fully_connected(%n, %w, %b): f32[1, 3, 3]
  out %y
  out %z
})"},
                               {"behind a reshape that keeps rows, one gain for all", R"(graph g {
  in %x: f32[1, 3, 2]
  k %g: f32[1] = [3]
  k %w: f32[2, 2] = [1, 2, 3, 4]
  %n = rms_norm(%x, %g): f32[1, 3, 2]
  %m = reshape(%n) {shape: [3, 2]}: f32[3, 2]
  %y = fully_connected(%m, %w, -): f32[3, 2]
  out %y
})",
                                R"(graph g {
  in %x: f32[1, 3, 2]
  k %w: f32[2, 2] = [3, 6, 9, 12]
  %n = rms_norm(%x): f32[1, 3, 2]
  %m = reshape(%n) {shape: [3, 2]}: f32[3, 2]
  %y = fully_connected(%m, %w, -): f32[3, 2]
  out %y
})"},
                               {"a weight that others read stays for them", R"(graph g {
  in %x: f32[3, 2]
  k %g: f32[2] = [2, 3]
  k %w: f32[2, 2] = [1, 1, 1, 1]
  %n = rms_norm(%x, %g): f32[3, 2]
  %y = fully_connected(%n, %w, -): f32[3, 2]
  %z = fully_connected(%x, %w, -): f32[3, 2]
  out %y
  out %z
})",
                                R"(graph g {
  in %x: f32[3, 2]
  k %u: f32[2, 2] = [2, 3, 2, 3]
  k %w: f32[2, 2] = [1, 1, 1, 1]
  %n = rms_norm(%x): f32[3, 2]
  %y = fully_connected(%n, %u, -): f32[3, 2]
  %z = fully_connected(%x, %w, -): f32[3, 2]
  out %y
  out %z
})"},
                               {"kept for a residual sum", R"(graph g {
  in %x: f32[3, 2]
  k %g: f32[2] = [2, 3]
  k %w: f32[2, 2] = [1, 2, 3, 4]
  %n = rms_norm(%x, %g): f32[3, 2]
  %y = fully_connected(%n, %w, -): f32[3, 2]
  %z = add(%x, %n): f32[3, 2]
  out %y
  out %z
})",
                                kUnchanged},
                               {"kept behind a clamp", R"(graph g {
  in %x: f32[3, 2]
  k %g: f32[2] = [2, 3]
  k %w: f32[2, 2] = [1, 2, 3, 4]
  %n = rms_norm(%x, %g): f32[3, 2]
  %c = clamp(%n) {min: -1, max: 1}: f32[3, 2]
  %y = fully_connected(%c, %w, -): f32[3, 2]
  out %y
})",
                                kUnchanged},
                               {"kept where heads are joined to other rows", R"(graph g {
  in %x: f32[3, 2, 2]
  k %g: f32[2] = [2, 3]
  k %w: f32[1, 4] = [1, 2, 3, 4]
  %n = rms_norm(%x, %g): f32[3, 2, 2]
  %m = reshape(%n) {shape: [3, 4]}: f32[3, 4]
  %y = fully_connected(%m, %w, -): f32[3, 1]
  out %y
})",
                                kUnchanged},
                               {"kept with qparams on the weight", R"(graph g {
  in %x: f32[3, 2]
  k %g: f32[2] = [2, 3]
  k %w: f32[2, 2] q(i8 per_channel 0 [1, 1] [0, 0]) = [1, 2, 3, 4]
  %n = rms_norm(%x, %g): f32[3, 2]
  %y = fully_connected(%n, %w, -): f32[3, 2]
  out %y
})",
                                kUnchanged},
                               {"kept where the norm is an output", R"(graph g {
  in %x: f32[3, 2]
  k %g: f32[2] = [2, 3]
  k %w: f32[2, 2] = [1, 2, 3, 4]
  %n = rms_norm(%x, %g): f32[3, 2]
  %y = fully_connected(%n, %w, -): f32[3, 2]
  out %n
  out %y
})",
                                kUnchanged},
                           });

}  // namespace
}  // namespace g4c::passes
