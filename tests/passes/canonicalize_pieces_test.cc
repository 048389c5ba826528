#include "passes/canonicalize.h"
#include "tests/passes/pass_testing.h"

namespace g4c::passes {
namespace {

// The second half of the table in canonicalize_test.cc.
using CanonicalizePieces = Canonicalize;

INSTANTIATE_PASS_TEST(CanonicalizePieces,
                      {
                          // ---- passes/rewrite_pieces.cc ----
                          {"slices that cover an axis are a split", R"(graph g {
  in %x: f32[2, 6]
  %b = slice(%x) {begin: [0, 2], size: [2, 4], stride: [1, 1]}: f32[2, 4]
  %a = slice(%x) {begin: [0, 0], size: [2, 2], stride: [1, 1]}: f32[2, 2]
  %n = neg(%b): f32[2, 4]
  %y = concat(%n, %a) {axis: 1}: f32[2, 6]
  out %y
})",
                           R"(graph g {
  in %x: f32[2, 6]
  %a, %b = split(%x) {axis: 1, sizes: [2, 4]}: f32[2, 2], f32[2, 4]
  %n = neg(%b): f32[2, 4]
  %y = concat(%n, %a) {axis: 1}: f32[2, 6]
  out %y
})",
                           0},
                          {"slices within slices are splits of splits", R"(graph g {
  in %x: f32[8]
  %a = slice(%x) {begin: [0], size: [4], stride: [1]}: f32[4]
  %b = slice(%x) {begin: [4], size: [4], stride: [1]}: f32[4]
  %c = slice(%x) {begin: [4], size: [2], stride: [1]}: f32[2]
  %d = slice(%x) {begin: [6], size: [2], stride: [1]}: f32[2]
  %y = concat(%d, %c, %b, %a) {axis: 0}: f32[12]
  out %y
})",
                           R"(graph g {
  in %x: f32[8]
  %a, %b = split(%x) {axis: 0, sizes: [4, 4]}: f32[4], f32[4]
  %c, %d = split(%b) {axis: 0, sizes: [2, 2]}: f32[2], f32[2]
  %y = concat(%d, %c, %b, %a) {axis: 0}: f32[12]
  out %y
})",
                           0},
                          {"slices that leave a gap, or overlap, stay", R"(graph g {
  in %x: f32[6]
  in %z: f32[6]
  %a = slice(%x) {begin: [0], size: [2], stride: [1]}: f32[2]
  %b = slice(%x) {begin: [3], size: [3], stride: [1]}: f32[3]
  %c = slice(%z) {begin: [0], size: [4], stride: [1]}: f32[4]
  %d = slice(%z) {begin: [3], size: [3], stride: [1]}: f32[3]
  %y = concat(%b, %a, %d, %c) {axis: 0}: f32[12]
  out %y
})",
                           kUnchanged},
                          {"slices of two axes stay", R"(graph g {
  in %x: f32[4, 4]
  %a = slice(%x) {begin: [0, 0], size: [2, 4], stride: [1, 1]}: f32[2, 4]
  %b = slice(%x) {begin: [2, 2], size: [2, 2], stride: [1, 1]}: f32[2, 2]
  %c = neg(%a): f32[2, 4]
  %y = concat(%c, %b) {axis: 1}: f32[2, 6]
  out %y
})",
                           kUnchanged},
                          {"a split of which one piece is read is a slice", R"(graph g {
  in %x: f32[6]
  %a, %b = split(%x) {axis: 0, sizes: [2, 4]}: f32[2], f32[4]
  out %b
})",
                           R"(graph g {
  in %x: f32[6]
  %b = slice(%x) {begin: [2], size: [4], stride: [1]}: f32[4]
  out %b
})",
                           0},
                          {"a split joined again is nothing", R"(graph g {
  in %x: f32[6]
  %a, %b, %c = split(%x) {axis: 0, sizes: [2, 2, 2]}: f32[2], f32[2], f32[2]
  %d = concat(%a, %b, %c) {axis: 0}: f32[6]
  %y = exp(%d): f32[6]
  out %y
})",
                           R"(graph g {
  in %x: f32[6]
  %y = exp(%x): f32[6]
  out %y
})",
                           0},
                          {"pieces in another order stay", R"(graph g {
  in %x: f32[6]
  %a, %b, %c = split(%x) {axis: 0, sizes: [2, 2, 2]}: f32[2], f32[2], f32[2]
  %y = concat(%c, %b, %a) {axis: 0}: f32[6]
  out %y
})",
                           kUnchanged},
                          {"concats of concats, and of one", R"(graph g {
  in %x: f32[2]
  in %z: f32[3]
  %a = concat(%x, %z) {axis: 0}: f32[5]
  %b = concat(%a) {axis: 0}: f32[5]
  %y = concat(%z, %b) {axis: 0}: f32[8]
  out %y
})",
                           R"(graph g {
  in %x: f32[2]
  in %z: f32[3]
  %y = concat(%z, %x, %z) {axis: 0}: f32[8]
  out %y
})",
                           0},
                          {"a gather of one index is a slice", R"(graph g {
  in %x: f32[2, 3]
  k %i: i64[] = [-1]
  %y = gather(%x, %i) {axis: 1}: f32[2]
  out %y
})",
                           R"(graph g {
  in %x: f32[2, 3]
  %s = slice(%x) {begin: [0, 2], size: [2, 1], stride: [1, 1]}: f32[2, 1]
  %y = reshape(%s) {shape: [2]}: f32[2]
  out %y
})",
                           0},
                          {"a gather of evenly spaced indices is a slice", R"(graph g {
  in %x: f32[5]
  k %i: i64[3] = [4, 2, 0]
  %y = gather(%x, %i): f32[3]
  out %y
})",
                           R"(graph g {
  in %x: f32[5]
  %y = slice(%x) {begin: [4], size: [3], stride: [-2]}: f32[3]
  out %y
})",
                           0},
                          {"another gather stays", R"(graph g {
  in %x: f32[5]
  k %i: i64[3] = [0, 1, 3]
  %y = gather(%x, %i): f32[3]
  out %y
})",
                           kUnchanged},
                          {"gather_nd of rows in a run is a slice", R"(graph g {
  in %x: f32[1, 4, 2]
  k %i: i64[2, 2] = [0, 1, 0, 2]
  %y = gather_nd(%x, %i): f32[2, 2]
  out %y
})",
                           R"(graph g {
  in %x: f32[1, 4, 2]
  %f = reshape(%x) {shape: [4, 2]}: f32[4, 2]
  %y = slice(%f) {begin: [1, 0], size: [2, 2], stride: [1, 1]}: f32[2, 2]
  out %y
})",
                           0},
                          {"gather_nd of other rows is a gather", R"(graph g {
  in %x: f32[2, 2, 2]
  k %i: i64[3, 2] = [0, 1, 1, 1, 0, 0]
  %y = gather_nd(%x, %i): f32[3, 2]
  out %y
})",
                           R"(graph g {
  in %x: f32[2, 2, 2]
  k %i: i64[3] = [1, 3, 0]
  %f = reshape(%x) {shape: [4, 2]}: f32[4, 2]
  %y = gather(%f, %i): f32[3, 2]
  out %y
})",
                           0},

                          // ---- passes/rewrite_operands.cc ----
                          {"a constant shrinks to what varies", R"(graph g {
  in %x: f32[2, 3]
  k %rows: f32[2, 3] = [1, 2, 3, 1, 2, 3]
  k %same: f32[1, 3] = splat(4)
  %a = mul(%x, %rows): f32[2, 3]
  %y = add(%a, %same): f32[2, 3]
  out %y
})",
                           R"(graph g {
  in %x: f32[2, 3]
  k %row: f32[1, 3] = [1, 2, 3]
  k %four: f32[] = [4]
  %a = mul(%x, %row): f32[2, 3]
  %y = add(%a, %four): f32[2, 3]
  out %y
})",
                           0},
                          {"a constant that gives the result its shape does not", R"(graph g {
  in %x: f32[1, 3]
  k %rows: f32[2, 1] = splat(2)
  %y = mul(%x, %rows): f32[2, 3]
  out %y
})",
                           kUnchanged},
                          {"a broadcast that the reader does itself", R"(graph g {
  in %x: f32[1, 3]
  in %z: f32[2, 3]
  %b = broadcast_to(%x) {shape: [2, 3]}: f32[2, 3]
  %y = add(%z, %b): f32[2, 3]
  out %y
})",
                           R"(graph g {
  in %x: f32[1, 3]
  in %z: f32[2, 3]
  %y = add(%z, %x): f32[2, 3]
  out %y
})",
                           0},
                          {"a broadcast that the reader needs stays", R"(graph g {
  in %x: f32[1, 3]
  in %z: f32[2, 1]
  %b = broadcast_to(%x) {shape: [4, 2, 3]}: f32[4, 2, 3]
  %y = add(%z, %b): f32[4, 2, 3]
  out %y
})",
                           kUnchanged},
                          {"a transposed factor becomes adjoint, the heads' transpose stays",
                           R"(graph g {
  in %q: f32[1, 2, 3, 4]
  in %k: f32[1, 5, 2, 4]
  %t = transpose(%k) {perm: [0, 2, 3, 1]}: f32[1, 2, 4, 5]
  %y = batch_matmul(%q, %t): f32[1, 2, 3, 5]
  out %y
})",
                           R"(graph g {
  in %q: f32[1, 2, 3, 4]
  in %k: f32[1, 5, 2, 4]
  %t = transpose(%k) {perm: [0, 2, 1, 3]}: f32[1, 2, 5, 4]
  %y = batch_matmul(%q, %t) {adj_y: true}: f32[1, 2, 3, 5]
  out %y
})",
                           0},
                          {"a transposed factor that is read elsewhere stays", R"(graph g {
  in %q: f32[2, 3, 4]
  in %k: f32[2, 5, 4]
  %t = transpose(%k) {perm: [0, 2, 1]}: f32[2, 4, 5]
  %y = batch_matmul(%q, %t): f32[2, 3, 5]
  out %y
  out %t
})",
                           kUnchanged},
                          {"zeroed rows are zeroed columns of a constant first factor", R"(graph g {
  in %x: f32[1, 3, 2]
  k %w: f32[1, 2, 3] = [1, 2, 3, 4, 5, 6]
  k %c: bool[1, 3, 1] = [false, true, false]
  k %zero: f32[] = [0]
  %m = select(%c, %zero, %x): f32[1, 3, 2]
  %y = batch_matmul(%w, %m): f32[1, 2, 2]
  out %y
})",
                           R"(graph g {
  in %x: f32[1, 3, 2]
  k %w: f32[1, 2, 3] = [1, 0, 3, 4, 0, 6]
  %y = batch_matmul(%w, %x): f32[1, 2, 2]
  out %y
})"},
                          {"zeroed columns stay", R"(graph g {
  in %x: f32[1, 3, 2]
  k %w: f32[1, 2, 3] = [1, 2, 3, 4, 5, 6]
  k %c: bool[1, 1, 2] = [false, true]
  k %zero: f32[] = [0]
  %m = select(%c, %zero, %x): f32[1, 3, 2]
  %y = batch_matmul(%w, %m): f32[1, 2, 2]
  out %y
})",
                           kUnchanged},
                      });

}  // namespace
}  // namespace g4c::passes
