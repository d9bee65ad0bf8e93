// Factors: tables over the states of up to six sites, beside the couplings of pairs; thermofab.hw.spec.factors.
#pragma once

#include <algorithm>

#include "kernel.h"

#if defined(__AVX512BW__) && !defined(THERMOFAB_PLAIN)
#include <immintrin.h>
#endif

// Mirrored, field by field, by thermofab.sim.native.library.Factors.
struct Factors {
    int64_t count;
    const int64_t* first;      // [free + 1] where the inputs of a free site start
    const int32_t* others;     // [inputs, 5] the factor's other sites, -1 beyond
    const int64_t* starts;     // [inputs] where what it adds to the field starts in `added`
    const int32_t* added;      // by the states of the others, bit j of the address the j-th
    const int32_t* sites;      // [count, 6] the factor's sites, -1 beyond
    const int64_t* tables;     // [count] where its table starts in `entries`
    const int32_t* entries;    // V, by the states of its sites
};

constexpr int LARGEST_FACTOR = 6;

// What the factors of free site k add to its fields, from the masks 0/-1 of 64 replicas of every site.
inline void add_factors(const Factors& factors, int64_t k, const Field* masks, Fields& sum) {
    for (int64_t m = factors.first[k]; m < factors.first[k + 1]; ++m) {
        alignas(LINE) int32_t address[64] = {};
        const int32_t* others = factors.others + m * (LARGEST_FACTOR - 1);
        for (int j = 0; j < LARGEST_FACTOR - 1 && others[j] >= 0; ++j) {
            const Field* __restrict states = masks + int64_t{others[j]} * 64;
            for (int l = 0; l < 64; ++l) address[l] |= (states[l] & 1) << j;
        }
        alignas(LINE) Field part[64];
        const int32_t* added = factors.added + factors.starts[m];
        for (int l = 0; l < 64; ++l) part[l] = static_cast<Field>(added[address[l]]);
        for (int q = 0; q < Fields::COUNT; ++q) sum.lanes[q] += Fields::part(part, q);
    }
}

#if defined(__AVX512BW__) && !defined(THERMOFAB_PLAIN)
// The addresses of 64 replicas in a table, from their states: `word(j)` is the j-th site's, while there is one.
struct FactorAddresses {
    __m512i low = _mm512_setzero_si512(), high = low;

    __attribute__((always_inline)) void add(int j, uint64_t word) {
        const __m512i bit = _mm512_set1_epi16(static_cast<int16_t>(1 << j));
        low = _mm512_mask_add_epi16(low, static_cast<__mmask32>(word), low, bit);
        high = _mm512_mask_add_epi16(high, static_cast<__mmask32>(word >> 32), high, bit);
    }
};

// What factors add to fields, 32 numbers of 16 bits an input: a register, which addresses of five bits look up.
class AddedRows {
public:
    explicit AddedRows(const Run& run) : rows_(run.factors ? run.factors->first[run.free] * 32 : 0) {
        for (int64_t m = 0; run.factors && m < run.factors->first[run.free]; ++m) {
            const int32_t* others = run.factors->others + m * (LARGEST_FACTOR - 1);
            int count = 0;
            while (count < LARGEST_FACTOR - 1 && others[count] >= 0) ++count;
            for (int a = 0; a < 1 << count; ++a)
                rows_[m * 32 + a] = static_cast<int16_t>(run.factors->added[run.factors->starts[m] + a]);
        }
    }

    // `word(site)`: its replicas as bits.
    template <class WordOf>
    __attribute__((always_inline)) void add(const Factors& factors, int64_t m, const WordOf& word, __m512i& f0,
                                            __m512i& f1) const {
        const int32_t* others = factors.others + m * (LARGEST_FACTOR - 1);
        FactorAddresses at;
        for (int j = 0; j < LARGEST_FACTOR - 1 && others[j] >= 0; ++j) at.add(j, word(others[j]));
        const __m512i row = _mm512_load_si512(&rows_[m * 32]);
        f0 = _mm512_add_epi16(f0, _mm512_permutexvar_epi16(at.low, row));
        f1 = _mm512_add_epi16(f1, _mm512_permutexvar_epi16(at.high, row));
    }

private:
    Array<int16_t> rows_;            // [inputs, 32]
};
#endif

// Takes 2 Σ V_f off the energies of 64 replicas, whose states are the bits of a word a site.
inline void subtract_factors(const Factors& factors, const uint64_t* words, int64_t (&energies)[64]) {
#if defined(__AVX512BW__) && !defined(THERMOFAB_PLAIN)
    // 16-bit sums of so many factors that they cannot overflow: entries have the range of weights.
    const auto flush = [&](const __m512i& low, const __m512i& high) {
        alignas(LINE) int16_t part[64];
        _mm512_store_si512(part, low);
        _mm512_store_si512(part + 32, high);
        for (int l = 0; l < 64; ++l) energies[l] -= 2 * part[l];
    };
    __m512i low = _mm512_setzero_si512(), high = low;
    int64_t reach = 0;
    for (int64_t f = 0; f < factors.count; ++f) {
        const int32_t* sites = factors.sites + f * LARGEST_FACTOR;
        FactorAddresses at;
        int count = 0;
        for (; count < LARGEST_FACTOR && sites[count] >= 0; ++count) at.add(count, words[sites[count]]);
        const int32_t* entries = factors.entries + factors.tables[f];
        alignas(LINE) int16_t table[64];
        int64_t most = 0;
        for (int a = 0; a < 1 << count; ++a) {
            table[a] = static_cast<int16_t>(entries[a]);
            most = std::max<int64_t>(most, std::abs(entries[a]));
        }
        if ((reach += most) > 32767) {
            flush(low, high);
            low = high = _mm512_setzero_si512();
            reach = most;
        }
        const __m512i first = _mm512_load_si512(table), second = _mm512_load_si512(table + 32);
        low = _mm512_add_epi16(low, _mm512_permutex2var_epi16(first, at.low, second));
        high = _mm512_add_epi16(high, _mm512_permutex2var_epi16(first, at.high, second));
    }
    return flush(low, high);
#endif
    for (int64_t f = 0; f < factors.count; ++f) {
        int32_t address[64] = {};
        const int32_t* sites = factors.sites + f * LARGEST_FACTOR;
        for (int j = 0; j < LARGEST_FACTOR && sites[j] >= 0; ++j)
            for (int l = 0; l < 64; ++l) address[l] |= static_cast<int32_t>(words[sites[j]] >> l & 1) << j;
        const int32_t* entries = factors.entries + factors.tables[f];
        for (int l = 0; l < 64; ++l) energies[l] -= 2 * entries[address[l]];
    }
}
