// Words side by side: what is done for all of up to 8 x 64 replicas in one vector.
#pragma once

#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

#include "factors.h"
#include "kernel.h"

#ifdef __AVX512F__
#include <immintrin.h>
#endif

// 1, 2, 4 or 8 words.
template <int SIZE>
struct PackOf {
    typedef uint64_t type __attribute__((vector_size(SIZE * sizeof(uint64_t)), may_alias));
};
constexpr int PACK = 8;
using Pack = PackOf<PACK>::type;

template <class Any>
inline bool any(const Any& pack) {
#ifdef __AVX512F__
    if constexpr (sizeof(Any) == 64) {
        const __m512i all = reinterpret_cast<__m512i>(pack);
        return _mm512_test_epi64_mask(all, all) != 0;
    }
#endif
    uint64_t all = 0;
    for (std::size_t p = 0; p < sizeof(Any) / sizeof(uint64_t); ++p) all |= pack[p];
    return all != 0;
}

// Words of a few blocks to packs, [sites]; `words(p)` are those of block p. Words there are none of are left as they
// are.
template <class AnyPack, class Words>
inline void gather_packs(AnyPack* packs, int64_t count, int64_t sites, const Words& words) {
    constexpr int64_t SIZE = sizeof(AnyPack) / sizeof(uint64_t);
    uint64_t* out = reinterpret_cast<uint64_t*>(packs);
    for (int64_t p = 0; p < count; ++p) {
        const uint64_t* __restrict from = words(p);
        for (int64_t i = 0; i < sites; ++i) out[i * SIZE + p] = from[i];
    }
}

// Bits counted for each replica of a pack: a plane a bit of the count.
template <int SIZE>
class PackCounter {
    using Pack = typename PackOf<SIZE>::type;

public:
    void clear() { planes_.fill(Pack{}), used_ = 3; }

    // Eight bits of every replica, by carry-save adders.
    __attribute__((always_inline)) void add8(const Pack (&x)[8]) {
        Pack &ones = planes_[0], &twos = planes_[1], &fours = planes_[2];
        Pack t0, t1, t2, t3, f0, f1, eights;
        full_add(ones, x[0], x[1], t0);
        full_add(ones, x[2], x[3], t1);
        full_add(ones, x[4], x[5], t2);
        full_add(ones, x[6], x[7], t3);
        full_add(twos, t0, t1, f0);
        full_add(twos, t2, t3, f1);
        full_add(fours, f0, f1, eights);
        for (int k = 3; any(eights); ++k) {
            const Pack both = planes_[k] & eights;
            planes_[k] ^= eights;
            eights = both;
            used_ = std::max(used_, k + 1);
        }
    }

    int used() const { return used_; }
    const Pack& plane(int k) const { return planes_[k]; }

    // Adds factor times the count of rung p's replicas.
    void add_to(int64_t p, int64_t factor, int64_t (&out)[64]) const {
        int32_t counts[64] = {};
        for (int k = 0; k < used_; ++k) {
            const uint64_t plane = planes_[k][p];
            for (int l = 0; l < 64; ++l) counts[l] += static_cast<int32_t>(plane >> l & 1) << k;
        }
        for (int l = 0; l < 64; ++l) out[l] += factor * counts[l];
    }

private:
    static __attribute__((always_inline)) void full_add(Pack& sum, const Pack& a, const Pack& b, Pack& carry) {
        const Pack half = sum ^ a;
        carry = (sum & a) | (half & b);
        sum = half ^ b;
    }

    std::array<Pack, 40> planes_{};
    int used_ = 3;
};

// E = -sum of b_i s_i - sum of w_ij s_i s_j. With |w| in binary, a pair adds 2^(k+1) for each bit k of |w| to -|w| where
// it is not as w wants it; a bias likewise, its site paired with one that is always 0. What is left is to count.
class PackEnergies {
public:
    explicit PackEnergies(const Run& run) : run_(run) {
        for (int64_t e = 0; e < run.edges; ++e) unit_ = std::gcd(unit_, int64_t{run.couplings[e]});
        for (int64_t i = 0; i < run.sites; ++i) unit_ = std::gcd(unit_, int64_t{run.biases[i]});
        unit_ = std::max<int64_t>(unit_, 1);
        for (int64_t e = 0; e < run.edges; ++e)
            add_term(run.couplings[e] / unit_, run.ends[2 * e], run.ends[2 * e + 1], run.couplings[e] > 0);
        for (int64_t i = 0; i < run.sites; ++i)
            add_term(run.biases[i] / unit_, static_cast<int32_t>(i), static_cast<int32_t>(run.sites), run.biases[i] < 0);
        // To full eights, by pairs of a site with itself.
        for (auto& side : terms_)
            for (auto& terms : side)
                while (terms.size() % 16) terms.push_back(0);
    }

    // `states`: [sites + 1], the last of them zero; `words(p)`: those of rung p, for factors; energies go to `out(p)`.
    template <class Words, class Out>
    void operator()(const Pack* states, int64_t count, const Words& words, const Out& out) {
        for (int64_t p = 0; p < count; ++p) std::fill_n(out(p), 64, constant_);
        for (int side = 0; side < 2; ++side)
            for (std::size_t k = 0; k < terms_[side].size(); ++k) {
                const std::vector<int32_t>& terms = terms_[side][k];
                if (terms.empty()) continue;
                counter_.clear();
                for (std::size_t t = 0; t < terms.size(); t += 16) {
                    Pack x[8];
                    for (int m = 0; m < 8; ++m) x[m] = states[terms[t + 2 * m]] ^ states[terms[t + 2 * m + 1]];
                    counter_.add8(x);
                }
                const int64_t each = unit_ * (int64_t{2} << k);
                for (int64_t p = 0; p < count; ++p)
                    counter_.add_to(p, side ? each : -each, *reinterpret_cast<int64_t(*)[64]>(out(p)));
            }
        if (run_.factors)
            for (int64_t p = 0; p < count; ++p)
                subtract_factors(*run_.factors, words(p), *reinterpret_cast<int64_t(*)[64]>(out(p)));
    }

private:
    // Whether differing costs: pairs that would rather agree, and the other way round.
    void add_term(int64_t value, int32_t i, int32_t j, bool agree) {
        const uint64_t size = static_cast<uint64_t>(std::abs(value));
        constant_ -= unit_ * static_cast<int64_t>(size);
        for (int k = 0; size >> k; ++k) {
            if (!(size >> k & 1)) continue;
            auto& side = terms_[agree];
            if (side.size() <= static_cast<std::size_t>(k)) side.resize(k + 1);
            side[k].push_back(i);
            side[k].push_back(j);
            if (!agree) constant_ += unit_ * (int64_t{2} << k);
        }
    }

    const Run& run_;
    int64_t unit_ = 0, constant_ = 0;
    std::array<std::vector<std::vector<int32_t>>, 2> terms_;   // by bit of |w|, two sites a term
    PackCounter<PACK> counter_;
};
