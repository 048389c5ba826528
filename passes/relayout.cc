#include "passes/relayout.h"

#include <algorithm>

namespace g4c::passes {
namespace {

using ir::Dims;
using ir::Ints;

// An axis as the factors that it is the product of, by their place in `Factors::sizes`.
using Axis = std::vector<int>;

// Axes before and after, as products of the same factors. No factor is 1.
struct Factors {
  std::vector<int64_t> sizes;
  std::vector<Axis> before;
  std::vector<Axis> after;

  explicit Factors(const Dims& dims) {
    for (int64_t dim : dims) {
      Axis axis;
      if (dim != 1) {
        axis.push_back(static_cast<int>(sizes.size()));
        sizes.push_back(dim);
      }
      before.push_back(axis);
    }
    after = before;
  }

  // Cuts a factor in two: `size` and what is left.
  void Cut(int factor, int64_t size) {
    const int rest = static_cast<int>(sizes.size());
    sizes.push_back(sizes[factor] / size);
    sizes[factor] = size;
    for (std::vector<Axis>* axes : {&before, &after}) {
      for (Axis& axis : *axes) {
        const auto place = std::find(axis.begin(), axis.end(), factor);
        if (place != axis.end()) axis.insert(place + 1, rest);
      }
    }
  }

  bool Reshape(const Dims& dims) {
    Axis flat = Flat(after);
    std::vector<Axis> joined;
    size_t next = 0;
    for (int64_t dim : dims) {
      Axis axis;
      int64_t product = 1;
      while (product < dim) {
        if (next == flat.size()) return false;
        const int factor = flat[next];
        const int64_t wanted = dim / product;
        if (dim % product != 0) return false;
        if (sizes[factor] > wanted) {
          if (sizes[factor] % wanted != 0) return false;
          Cut(factor, wanted);
          flat.insert(flat.begin() + next + 1, static_cast<int>(sizes.size()) - 1);
        }
        product *= sizes[factor];
        axis.push_back(factor);
        ++next;
      }
      if (product != dim) return false;
      joined.push_back(std::move(axis));
    }
    if (next != flat.size()) return false;
    after = std::move(joined);
    return true;
  }

  static Axis Flat(const std::vector<Axis>& axes) {
    Axis flat;
    for (const Axis& axis : axes) flat.insert(flat.end(), axis.begin(), axis.end());
    return flat;
  }

  Dims DimsOf(const std::vector<Axis>& axes) const {
    Dims dims;
    for (const Axis& axis : axes) {
      int64_t dim = 1;
      for (int factor : axis) dim *= sizes[factor];
      dims.push_back(dim);
    }
    return dims;
  }
};

// The axes of `groups` in the order in which `flat` has their factors, each axis without factors at
// its own place; nullopt where the factors of an axis are not together in `flat`.
absl::optional<std::vector<Axis>> InOrderOf(const Axis& flat, const std::vector<Axis>& groups) {
  std::vector<Axis> ordered(groups.size());
  size_t slot = 0;
  for (size_t next = 0; next < flat.size();) {
    const auto group = std::find_if(groups.begin(), groups.end(), [&](const Axis& axis) {
      return !axis.empty() && axis[0] == flat[next];
    });
    if (group == groups.end() || next + group->size() > flat.size() ||
        !std::equal(group->begin(), group->end(), flat.begin() + next))
      return absl::nullopt;
    while (groups[slot].empty()) ++slot;
    ordered[slot++] = *group;
    next += group->size();
  }
  return ordered;
}

// perm with to[i] = from[perm[i]]; both have the same axes. Axes without factors are matched in
// order.
Ints PermBetween(const std::vector<Axis>& from, const std::vector<Axis>& to) {
  Ints perm;
  size_t unit = 0;
  for (const Axis& axis : to) {
    if (axis.empty()) {
      while (!from[unit].empty()) ++unit;
      perm.push_back(static_cast<int64_t>(unit++));
    } else {
      perm.push_back(std::find(from.begin(), from.end(), axis) - from.begin());
    }
  }
  return perm;
}

bool SameAxes(std::vector<Axis> a, std::vector<Axis> b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  return a == b;
}

// Factors that stay together before and after, as axes.
std::vector<Axis> Coarse(const Axis& before, const Axis& after) {
  std::vector<Axis> axes;
  for (int factor : before) {
    if (!axes.empty()) {
      const auto place = std::find(after.begin(), after.end(), axes.back().back());
      if (place + 1 != after.end() && place[1] == factor) {
        axes.back().push_back(factor);
        continue;
      }
    }
    axes.push_back({factor});
  }
  return axes;
}

}  // namespace

absl::optional<std::vector<ir::Op>> ShortestChain(const Dims& from,
                                                  absl::Span<const ir::Op> chain) {
  if (std::find(from.begin(), from.end(), 0) != from.end()) return absl::nullopt;
  Factors factors(from);
  bool moved_yet = false;
  for (size_t i = 0; i < chain.size(); ++i) {
    if (const auto* reshape = std::get_if<ir::Reshape>(&chain[i])) {
      // Of reshapes in a row only the last one matters.
      if (i + 1 < chain.size() && std::holds_alternative<ir::Reshape>(chain[i + 1])) continue;
      if (factors.Reshape(reshape->shape)) continue;
      if (moved_yet) return absl::nullopt;
      // Nothing has moved: what follows may as well start from these axes.
      absl::optional<std::vector<ir::Op>> rest =
          ShortestChain(reshape->shape, chain.subspan(i + 1));
      if (rest && (rest->empty() || !std::holds_alternative<ir::Reshape>(rest->front())))
        rest->insert(rest->begin(), *reshape);
      return rest;
    } else {
      moved_yet = true;
      std::vector<Axis> moved;
      for (int64_t axis : std::get<ir::Transpose>(chain[i]).perm)
        moved.push_back(factors.after[axis]);
      factors.after = std::move(moved);
    }
  }
  const Axis before = Factors::Flat(factors.before);
  const Axis after = Factors::Flat(factors.after);
  const Dims to = factors.DimsOf(factors.after);
  if (before == after) {
    if (from == to) return std::vector<ir::Op>{};
    return std::vector<ir::Op>{ir::Reshape{to}};
  }
  const auto turned = InOrderOf(after, factors.before);
  if (SameAxes(factors.before, factors.after)) {
    return std::vector<ir::Op>{ir::Transpose{PermBetween(factors.before, factors.after)}};
  }
  if (const auto apart = InOrderOf(before, factors.after)) {
    return std::vector<ir::Op>{ir::Reshape{factors.DimsOf(*apart)},
                               ir::Transpose{PermBetween(*apart, factors.after)}};
  }
  if (turned) {
    return std::vector<ir::Op>{ir::Transpose{PermBetween(factors.before, *turned)},
                               ir::Reshape{to}};
  }
  const std::vector<Axis> coarse = Coarse(before, after);
  const std::vector<Axis> moved = *InOrderOf(after, coarse);
  return std::vector<ir::Op>{ir::Reshape{factors.DimsOf(coarse)},
                             ir::Transpose{PermBetween(coarse, moved)}, ir::Reshape{to}};
}

}  // namespace g4c::passes
