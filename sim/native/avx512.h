// Replicas in lanes, for AVX-512: 16-bit fields and words, tables of at most 256 entries.
//
// A site's 64 replicas are the bits of one word, which is the mask of the additions that make the field. Saturating to
// bytes clips the address; the table lies in registers, low bytes and high bytes apart, and is read by byte permutes.
#pragma once

#if !defined(THERMOFAB_PLAIN) && defined(__AVX512BW__) && defined(__AVX512VBMI__) && THERMOFAB_WORD_BITS == 16 && \
    THERMOFAB_FIELD_BITS == 16
#define THERMOFAB_AVX512

#include <immintrin.h>

#include <algorithm>
#include <vector>

#include "generators.h"

// T[-128…127] as bytes: low and high halves of 256 entries, the ends of a shorter table repeated.
struct ByteTable {
    alignas(LINE) uint8_t low[256], high[256];

    ByteTable(const uint32_t* table, int64_t size) {
        const int half = static_cast<int>(size / 2);
        for (int a = -128; a < 128; ++a) {
            const uint32_t threshold = table[std::max(-half, std::min(half - 1, a)) + half];
            low[a & 255] = static_cast<uint8_t>(threshold);
            high[a & 255] = static_cast<uint8_t>(threshold >> 8);
        }
    }
};

// Fields and words of 64 lanes to their new states, one bit each.
class Activation {
public:
    Activation(const ByteTable& table, int64_t shift)
        : dither_(_mm512_set1_epi16(static_cast<int16_t>((1 << shift) - 1))), shift_(_mm_cvtsi64_si128(shift)) {
        for (int k = 0; k < 4; ++k) {
            low_[k] = _mm512_load_si512(table.low + 64 * k);
            high_[k] = _mm512_load_si512(table.high + 64 * k);
        }
    }

    __attribute__((always_inline)) uint64_t operator()(__m512i f0, __m512i f1, __m512i u0, __m512i u1) const {
        const __m512i a0 = _mm512_sra_epi16(_mm512_add_epi16(f0, _mm512_and_si512(u0, dither_)), shift_);
        const __m512i a1 = _mm512_sra_epi16(_mm512_add_epi16(f1, _mm512_and_si512(u1, dither_)), shift_);
        const __m512i a = _mm512_packs_epi16(a0, a1);
        const __mmask64 negative = _mm512_movepi8_mask(a);
        const __m512i low = look_up(low_, a, negative), high = look_up(high_, a, negative);
        // Unpacking undoes the order that packing left the lanes in.
        const __m512i t0 = _mm512_unpacklo_epi8(low, high), t1 = _mm512_unpackhi_epi8(low, high);
        const uint64_t lower = _mm512_cmplt_epu16_mask(u0, t0), upper = _mm512_cmplt_epu16_mask(u1, t1);
        return upper << 32 | lower;
    }

private:
    static __m512i look_up(const __m512i (&t)[4], __m512i a, __mmask64 negative) {
        const __m512i from_0 = _mm512_permutex2var_epi8(t[0], a, t[1]);
        const __m512i from_128 = _mm512_permutex2var_epi8(t[2], a, t[3]);
        return _mm512_mask_blend_epi8(negative, from_0, from_128);
    }

    __m512i dither_, low_[4], high_[4];
    __m128i shift_;
};

class Avx512Block {
public:
    static constexpr int LANES = 64;

    static bool fits(const Run& run) { return run.size <= 256; }

    // Replicas first … first + real - 1; lanes beyond repeat the last.
    Avx512Block(const Run& run, int64_t first, int64_t real)
        : run_(run), first_(first), real_(real), states_(run.sites), rng_(run.free * STATE), slots_(run.first[run.free]) {
        for (int l = 0; l < LANES; ++l) {
            const int64_t replica = first + std::min<int64_t>(l, real - 1);
            const uint8_t* init = run.init + replica * run.sites;
            const uint64_t* keys = run.keys + replica * run.sites;
            for (int64_t i = 0; i < run.sites; ++i) states_[i] |= static_cast<uint64_t>(init[i]) << l;
            for (int64_t k = 0; k < run.free; ++k) Generator::seed(keys[run.order[k]], &rng_[k * STATE + l], LANES);
        }
        for (std::size_t s = 0; s < slots_.size(); ++s) {
            const uint32_t weight = static_cast<uint16_t>(run.weights[s]);
            slots_[s] = {static_cast<uint32_t>(run.near[s]), weight << 16 | weight};
        }
        for (int64_t level = 0; level < run.levels; ++level)
            tables_.emplace_back(run.tables + level * run.size, run.size);
    }

    void sweep(int64_t level) {
        const Activation activation(tables_[level], run_.shift);
        alignas(LINE) Word scratch[LANES];
        for (int64_t k = 0; k < run_.free; ++k) {
            const Word* words = Generator::step<LANES>(&rng_[k * STATE], time_, scratch);
            __m512i f0 = _mm512_set1_epi16(static_cast<int16_t>(run_.offsets[k])), f1 = f0;
            for (int64_t s = run_.first[k], end = run_.first[k + 1]; s < end; ++s) {
                const __m512i weight = _mm512_set1_epi32(static_cast<int32_t>(slots_[s].weight_twice));
                const auto* near = reinterpret_cast<const Half*>(states_.get() + slots_[s].near);
                f0 = _mm512_mask_add_epi16(f0, near[0], f0, weight);
                f1 = _mm512_mask_add_epi16(f1, near[1], f1, weight);
            }
            states_[run_.order[k]] =
                activation(f0, f1, _mm512_load_si512(words), _mm512_load_si512(words + LANES / 2));
        }
        ++time_;
    }

    void record(int64_t sample) const {
        for (int l = 0; l < real_; ++l) {
            uint8_t* __restrict out = run_.out + ((first_ + l) * run_.samples + sample) * run_.sites;
            for (int64_t i = 0; i < run_.sites; ++i) out[i] = states_[i] >> l & 1;
        }
    }

private:
    static constexpr int64_t STATE = int64_t{Generator::PLANES} * LANES;
    struct Slot {
        uint32_t near, weight_twice;
    };
    using Half __attribute__((may_alias)) = uint32_t;

    const Run& run_;
    int64_t first_, real_, time_ = 0;
    Array<uint64_t> states_;         // [sites], a replica a bit
    Array<Generator::State> rng_;    // [free, PLANES, LANES]
    std::vector<Slot> slots_;
    std::vector<ByteTable> tables_;
};

#endif
