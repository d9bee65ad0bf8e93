// Factors: tables over the states of up to six sites, beside the couplings of pairs; thermofab.hw.spec.factors.
#pragma once

#include "kernel.h"

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

// Takes 2 Σ V_f off the energies of 64 replicas, whose states are the bits of a word a site.
inline void subtract_factors(const Factors& factors, const uint64_t* words, int64_t (&energies)[64]) {
    for (int64_t f = 0; f < factors.count; ++f) {
        int32_t address[64] = {};
        const int32_t* sites = factors.sites + f * LARGEST_FACTOR;
        for (int j = 0; j < LARGEST_FACTOR && sites[j] >= 0; ++j)
            for (int l = 0; l < 64; ++l) address[l] |= static_cast<int32_t>(words[sites[j]] >> l & 1) << j;
        const int32_t* entries = factors.entries + factors.tables[f];
        for (int l = 0; l < 64; ++l) energies[l] -= 2 * entries[address[l]];
    }
}
